/* Crossbars by lines: word lines (rows, along j) and bit lines (columns, along i) are chains that are solved exactly, in
 * turn; a coarse grid takes away what is left, which is smooth in both directions.
 *
 *   word:  (T_w + A) u - B v = f_w      bit:  (T_b + B) v - A u = f_b      A = diag(g), B = diag(g_bit)
 *
 * A cell takes the current g u - g_bit v from its word node to its bit node; g_bit is g but for cells with a third
 * terminal.  Every line has an end conductance on both sides (0: open end) to a node of given voltage, and may be fed a
 * current at both ends.  Line factors are free of subtractions:
 *   s_0 = g_low + g_0, s_j = g_j + w_(j-1) s_(j-1) / (w_(j-1) + s_(j-1)), q_j = s_j / (w_j + s_j).
 */
#ifndef CN_LINES_H
#define CN_LINES_H

#include "cn_coarse.h"
#include "cn_types.h"

enum { CN_CHUNKS = 16 }; /* most parts of the rows, whatever the number of threads: sums keep their order */

typedef enum cn_lines_kind {
    CN_LINES_PLAIN = 0,   /* segments of each line are equal, cells have two terminals, nothing feeds inner nodes */
    CN_LINES_SINGLE = 1,  /* as plain; cells, voltages and factors are stored in single precision */
    CN_LINES_GENERAL = 2  /* segments differ, three-terminal cells, currents into every node */
} cn_lines_kind;

/* One end of all word or of all bit lines. */
typedef struct cn_end {
    double *g;     /* conductance to the drive; 0: open */
    double *drive; /* volts beyond it */
    double *feed;  /* amperes into the line's last node */
} cn_end;

/* The current that enters a line whose last node is at v volts. */
static inline double cn_end_into(const cn_end *end, cn_idx k, double v)
{
    return end->g[k] * (end->drive[k] - v) + end->feed[k];
}

/* What double precision leaves open of the current g (drive - v). */
static inline double cn_end_rounding(const cn_end *end, cn_idx k, double drive, double v)
{
    return 1e-15 * end->g[k] * ((drive < 0.0 ? -drive : drive) + (v < 0.0 ? -v : v));
}

struct cn_gradients;

typedef struct cn_lines {
    cn_lines_kind kind;
    cn_idx m, n;            /* word lines, bit lines */
    cn_idx lanes;           /* lines that one vector holds: 8 or 4 */
    cn_idx m_padded, n_padded, ld;
    /* Arrays over cells are (m_padded, ld), of float where kind is CN_LINES_SINGLE. */
    void *g;
    int owns_g;
    void *u, *v;            /* node voltages of word and bit lines; one row of v before and after */
    void *v_store;
    void *q_word;           /* [m_padded / lanes][n][lanes] */
    void *q_bit;            /* panels of columns, [panel][m][width] */
    double *word, *bit;     /* m_padded, n_padded: conductance of a segment; of general lines the mean one */
    cn_end word_low, word_high, bit_low, bit_high;
    double *word_pivot, *bit_pivot; /* reciprocal of the last pivot of each line */
    /* Of general lines only, else NULL. */
    double *g_bit;          /* g itself where cells have two terminals */
    double *word_segment;   /* (m_padded, ld): between (i, j) and (i, j + 1) */
    double *bit_segment;    /* (m_padded, ld): between (i, j) and (i + 1, j) */
    double *p_word, *p_bit; /* as q: 1 / (w + s) */
    double *f_word, *f_bit; /* (m_padded, ld): amperes into each node */
    double mean;            /* conductance of a cell, for which the coarse nodes were chosen */
    cn_coarse coarse;
    double *bundles;        /* what the coarse crossbar is made of */
    double *row_hats;       /* (m_padded, coarse columns): cells of each row weighted with the hats along j */
    double *coarse_part;    /* chunks * coarse nodes */
    double *coarse_sum;     /* coarse nodes */
    double *coarse_error;   /* coarse nodes */
    double *error_rows;     /* (coarse rows) * n_padded: the error, interpolated along j */
    double *column_part;    /* chunks * n_padded: defect of each bit line */
    double *rhs;            /* as g: what column passes solve for instead of A (u + P e); NULL when they do not */
    double *residual;       /* as g: where row passes store the residual of the bit lines; NULL when they do not */
    double *scratch;        /* threads * scratch_size */
    size_t scratch_size;
    int threads, chunks;
    /* A solution under way. */
    double *before, *size;  /* n: currents of the last cycle, and what counts as small in each */
    double tolerance, last, defect, rate, change;
    int max_cycles, calm, still; /* still: bit lines begin at zero volts */
    int cycles;             /* of lines and coarse grid */
    int steps;              /* of conjugate gradients, after them */
    struct cn_gradients *gradients;
} cn_lines;

/* Rows and row length, in numbers, of an array over the cells of an m by n crossbar. */
void cn_lines_area(cn_idx m, cn_idx n, cn_idx *rows, cn_idx *ld);

/* Copy conductances (m, n) with the given strides, in numbers, to `to`, an array over cells; the rest of it becomes 0.
 * mean (or NULL): of them all, NaN where one is negative, infinite or not a number. */
cn_status cn_lines_store(cn_idx m, cn_idx n, const double *g, ptrdiff_t row_stride, ptrdiff_t col_stride,
                         cn_lines_kind kind, void *to, int threads, double *mean);

/* Allocate.  g: an array over cells that outlives this, or NULL for one of its own.  Then set g, word, bit, the ends and
 * what the kind has more (word_segment, ..., g_bit), and call cn_lines_factor. */
cn_status cn_lines_init(cn_lines *l, cn_idx m, cn_idx n, cn_lines_kind kind, void *g, int threads);
void cn_lines_free(cn_lines *l);

/* Factor all lines and set the coarse grid up for the conductances in place, whose mean is given. */
cn_status cn_lines_factor(cn_lines *l, double mean);

/* The same for conductances that have changed since: the coarse grid keeps its nodes. */
cn_status cn_lines_refactor(cn_lines *l);

/* Prepare to solve for the drive in place; warm: from the bit-line voltages in place. */
void cn_lines_begin(cn_lines *l, double tolerance, int max_cycles, int warm);

/* Go one cycle on: CN_CONTINUE, or CN_OK with the currents (n) out of the bit lines, both ends together.  Cycles that
 * converge too slowly give way to conjugate gradients with a cycle for a preconditioner; CN_NO_CONVERGENCE when both
 * failed. */
cn_status cn_lines_advance(cn_lines *l, double *current);

/* Both of the above to the end. */
cn_status cn_lines_solve(cn_lines *l, double tolerance, int max_cycles, double *current);

/* Forget a solution under way; its voltages stay. */
void cn_lines_stop(cn_lines *l);

/* So many cycles without a look at how far they got, from the bit-line voltages in place; u ends exact for them. */
void cn_lines_cycles(cn_lines *l, int cycles);

#endif
