/* A crossbar with resistive wires between known voltages, for eight examples at a time: fields inside for learning.
 *
 * Word lines (rows) are driven at their left ends, bit lines end below their last cell; the rows may be cut into tiles,
 * whose bit lines all end at the same nodes.  With g the cells, r and R the segments of word and bit lines:
 *
 *   bit line:  c_i = g_i u_i + k_(i-1) c_(i-1),  v_i = k_i (v_(i+1) + R c_i),  k_i = 1 / (1 + R s_i),
 *              s_i = g_i + k_(i-1) s_(i-1)
 *
 * from the top down and back up; word lines alike from their open ends.  What flows out of a bit line that ends at q volts
 * is k c - k s q with c and s of the last cell.  Alternating exact word lines and bit lines converges as fast as the product
 * of the two drops along the lines is small; wires without resistance are no special case.
 */
#ifndef CN_WIRED_H
#define CN_WIRED_H

#include "cn_types.h"

enum { CN_WIRED = 8 }; /* examples side by side: [..][CN_WIRED] */

typedef struct cn_wired {
    cn_idx m, n, tile;        /* word lines, bit lines, word lines of a tile (of the last one perhaps fewer) */
    double r_word, r_bit;     /* ohm a segment */
    const double *g;          /* (m, n) */
    double *k_word, *k_bit;   /* (m, n) */
    double *y_word, *y_bit;   /* m, n: conductance of each line's end, those across at known voltages */
} cn_wired;

/* Factor all lines for g as it is now; scratch: n. */
void cn_wired_factor(cn_wired *w, double *scratch);

/* One round: word lines from the bit lines' voltages v (m, n, 8), then bit lines from those; v in place.
 * p (m, 8), q (n, 8): volts at the ends.  first: v is not read, every word line is at its end's voltage.
 * out (n, 8): current out of each bit line were it at 0 V, add -y_bit q; into (m, 8), or NULL: what of the current into each
 * word line comes from the old v, subtract from y_word p.  work: 5 (n, 8). */
void cn_wired_round(const cn_wired *w, const double *p, const double *q, double *v, int first, double *out, double *into,
                    double *work);

/* share (m, n): of a volt at the end of a bit line what arrives at each cell, word lines at 0 V and without resistance; times
 * g what arrives at the bit line's end of the current through a volt across the cell. */
void cn_wired_shares(const cn_wired *w, double *share);

/* across (m, n) := x - v for bit lines whose cells lead to voltages x (m, n) and which end at q (n): as a round is linear, sums
 * over examples may stand for examples.  work: n. */
void cn_wired_across(const cn_wired *w, const double *x, const double *q, double *across, double *work);

/* Nodes with diodes of which one or both (pairs) are there: own v = v + what flows through them, in place; v (rows, n) holds
 * currents before and volts after.  low, high (n): voltages that they lead to, infinite where there is none. */
void cn_wired_nodes(cn_idx rows, cn_idx n, const double *own, const double *low, const double *high, int pairs,
                    double saturation, double thermal, double *v);

/* sum (m, n) += over the examples of the product of the voltages across each cell in two states.  work: 8 (n, 8). */
void cn_wired_products(const cn_wired *w, const double *p, const double *v, const double *p2, const double *v2, double *sum,
                       double *work);

#endif
