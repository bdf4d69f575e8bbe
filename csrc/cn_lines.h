/* Crossbars by lines: word lines (rows, along j) and bit lines (columns, along i) are chains that are solved exactly, in
 * turn; a coarse grid takes away what is left, which is smooth in both directions.
 *
 *   word:  (T_w + D) u - D v = f_w      bit:  (T_b + D) v - D u = f_b      D = diag(G)
 *
 * Every line has equal segments and an end conductance on both sides (0: open end) to a node of given voltage.
 * Line factors are free of subtractions: s_0 = g_low + G_0, s_j = G_j + g s_(j-1) / (g + s_(j-1)), q_j = s_j / (g + s_j).
 */
#ifndef CN_LINES_H
#define CN_LINES_H

#include "cn_coarse.h"
#include "cn_types.h"

enum { CN_CHUNKS = 16 }; /* most parts of the rows, whatever the number of threads: sums keep their order */

typedef struct cn_lines {
    cn_idx m, n;            /* word lines, bit lines */
    cn_idx lanes;           /* lines that one vector holds: 8 or 4 */
    cn_idx m_padded, n_padded, ld;
    double *g;              /* conductances of cells, (m_padded, ld) */
    double *u, *v;          /* node voltages of word and bit lines, as g; one row of v before and after */
    double *v_store;
    double *q_word;         /* [m_padded / lanes][n][lanes] */
    double *q_bit;          /* panels of columns, [panel][m][width] */
    double *word, *word_low, *word_high;    /* m_padded: conductance of a segment and of the two ends */
    double *bit, *bit_low, *bit_high;       /* n_padded */
    double *word_pivot, *bit_pivot;         /* reciprocal of the last pivot of each line */
    double *drive_word_low, *drive_word_high, *drive_bit_low, *drive_bit_high; /* volts beyond the ends */
    cn_coarse coarse;
    double *coarse_part;    /* chunks * coarse nodes */
    double *coarse_sum;     /* coarse nodes */
    double *coarse_error;   /* coarse nodes */
    double *error_rows;     /* (coarse rows) * n_padded: the error, interpolated along j */
    double *column_part;    /* chunks * n_padded: defect of each bit line */
    double *rhs;            /* as g: what column passes solve for instead of D (u + P e); NULL when they do not */
    double *residual;       /* as g: where row passes store the residual of the bit lines; NULL when they do not */
    double *scratch;        /* threads * scratch_size */
    size_t scratch_size;
    int threads, chunks;
} cn_lines;

/* What a solution took. */
typedef struct cn_lines_info {
    int cycles;             /* of lines and coarse grid, then steps of conjugate gradients */
    int steps;
    double defect;          /* largest imbalance of a bit line's currents over its tolerance's scale */
    double rate;            /* by which the last cycle reduced the change of the currents */
} cn_lines_info;

/* Copy and factor.  g: (m, n), rows one after the other; word...: m; bit...: n.  Everything else is set here. */
cn_status cn_lines_init(cn_lines *l, cn_idx m, cn_idx n, const double *g, const double *word, const double *word_low,
                        const double *word_high, const double *bit, const double *bit_low, const double *bit_high,
                        int threads);
void cn_lines_free(cn_lines *l);

/* Solve for the drive in place (drive_...).  current: n, out of the high end of each bit line.  Cycles that converge too
 * slowly give way to conjugate gradients, with a cycle for a preconditioner.  CN_NO_CONVERGENCE when both failed. */
cn_status cn_lines_solve(cn_lines *l, double tolerance, int max_cycles, double *current, cn_lines_info *info);

#endif
