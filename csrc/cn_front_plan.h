/* The plan of a factorisation by fronts: which pivots go together, and where each number of the matrix enters. */
#ifndef CN_FRONT_PLAN_H
#define CN_FRONT_PLAN_H

#include "cn_types.h"

/* Pivots are numbered in the order of their elimination, a postorder of the tree of fronts.  Front s has the pivots
 * first[s] .. first[s+1]-1 and, below them, the rows (and columns) below[below_start[s]] ..; together its size. */
typedef struct cn_front_plan {
    cn_idx n, count;           /* of unknowns, of fronts */
    cn_idx *column, *row;      /* n: column and row of the matrix of each pivot */
    cn_idx *first;             /* count + 1 */
    cn_idx *parent;            /* count: front that takes the Schur complement of this one; -1: none */
    cn_idx *children;          /* count: of each */
    size_t *below_start;       /* count + 1 */
    cn_idx *below;             /* pivots eliminated later, ascending */
    cn_idx *within;            /* place of each of these in the parent's front */
    cn_idx *entry_start;       /* count + 1: the entries of the matrix that enter at each front, */
    cn_idx *entry;             /* which of the matrix's numbers, */
    size_t *entry_place;       /* and where in the front */
    size_t *factor_start;      /* count + 1: place of each front's factors, L by rows and then U by columns */
    size_t stack;              /* doubles that fronts and Schur complements take at most */
    size_t largest;            /* size of the largest front */
    double work;               /* multiplications */
} cn_front_plan;

/* Plan for a pattern by columns; perm: column eliminated k-th; row_of: row of the pivot of each column. */
cn_status cn_front_plan_make(cn_front_plan *plan, cn_idx n, const cn_idx *ap, const cn_idx *ai, const cn_idx *perm,
                              const cn_idx *row_of);
void cn_front_plan_free(cn_front_plan *plan);

static inline size_t cn_front_pivots(const cn_front_plan *plan, cn_idx s)
{
    return (size_t)(plan->first[s + 1] - plan->first[s]);
}
static inline size_t cn_front_below(const cn_front_plan *plan, cn_idx s)
{
    return plan->below_start[s + 1] - plan->below_start[s];
}
/* Length of a row of a front in memory: whole vectors, in an odd number, so that rows do not share places in caches. */
static inline size_t cn_front_stride(size_t size) { return 8 * (((size + 7) / 8) | 1); }
/* Room for a Schur complement; whole vectors, so that the next front is aligned. */
static inline size_t cn_front_left(size_t below) { return (below * below + 7) / 8 * 8; }

#endif
