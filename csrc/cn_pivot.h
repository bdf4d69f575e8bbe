/* What a pivot must be.  Sizes are those of numbers divided by the largest entry of their row of the matrix (by fronts: with
 * rows and columns scaled), so that an equation in other units (a state's, in 1/s) does not drive out a conductance. */
#ifndef CN_PIVOT_H
#define CN_PIVOT_H

/* A diagonal entry is the pivot unless it is smaller than this share of the largest entry of its column. */
static const double CN_DIAGONAL_SHARE = 1e-3;
/* A refactorisation gives up below this share; lower than the above, so that small drifts cost no new pivots. */
static const double CN_REFACTOR_SHARE = 1e-5;
/* ... and when a pivot fell to this share of its value at the time of pivoting: it may be all rounding. */
static const double CN_PIVOT_DROP = 1e-10;
/* Below this size a pivot is compared with the rounding of the terms it is made of. */
static const double CN_SUSPECT = 1e-8;

#endif
