/* The passes over lines for this processor. */
#ifndef CN_LINES_PASS_TABLE_H
#define CN_LINES_PASS_TABLE_H

#include "cn_lines.h"

#ifdef _OPENMP
#include <omp.h>
#endif

static inline int cn_thread_number(void)
{
#ifdef _OPENMP
    return omp_get_thread_num();
#else
    return 0;
#endif
}

enum { CN_STRIPS = 4, CN_PAST_CACHES = 3 << 20 }; /* cells from which bit-line voltages go past the caches */

typedef struct cn_passes {
    cn_idx lanes;
    double (*store_row)(const double *from, cn_idx n, void *to);
    void (*factor_words)(cn_lines *, cn_idx first_strip, cn_idx last_strip); /* at most CN_STRIPS of them */
    void (*factor_bits)(cn_lines *, cn_idx first_column, cn_idx width);
    /* u from v, or from bit lines at zero volts (still). */
    void (*row_pass)(cn_lines *, cn_idx first_strip, cn_idx last_strip, int still, double *scratch, double *part,
                     double *column);
    /* v from u corrected by the coarse error, or from the right-hand side rhs without drives (given). */
    void (*column_pass)(cn_lines *, cn_idx first_column, cn_idx width, int given, double *scratch);
} cn_passes;

const cn_passes *cn_lines_passes(cn_lines_kind kind);

/* Panels of columns: four vectors wide, or one where less is left. */
static inline cn_idx cn_panel_width(const cn_lines *l, cn_idx j)
{
    return j + 4 * l->lanes <= l->n_padded ? 4 * l->lanes : l->lanes;
}

static inline cn_idx cn_panel_count(const cn_lines *l)
{
    const cn_idx wide = l->n_padded / (4 * l->lanes);
    return wide + (l->n_padded - wide * 4 * l->lanes) / l->lanes;
}

static inline cn_idx cn_panel_start(const cn_lines *l, cn_idx p)
{
    const cn_idx wide = l->n_padded / (4 * l->lanes);
    return p < wide ? p * 4 * l->lanes : wide * 4 * l->lanes + (p - wide) * l->lanes;
}

#endif
