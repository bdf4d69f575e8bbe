/* Quiet devices: in time, a batch whose unknowns hardly move is left at its last linearisation.
 *
 * The linearisation f(u0) + J (u - u0) joins the constant part of the equations, so that a quiet batch costs no more
 * than the check that it is still quiet.  It wakes when an unknown strays from u0 by more than a part of its tolerance;
 * what is neglected until then is of second order in that. */
#ifndef CN_QUIET_H
#define CN_QUIET_H

#include "cn_system.h"

/* List which unknowns each batch touches; after the batches are set up. */
cn_status cn_quiet_init(cn_system *s);

/* Note where an awake batch has been evaluated. */
static inline void cn_quiet_note(cn_batch *b, const double *x)
{
    for (cn_idx k = 0; k < b->n_touch; k++) b->at[k] = x[b->touch[k]];
}

/* Wake the quiet batches that x has moved away from. */
void cn_quiet_check(cn_system *s, const double *x);

/* Let the batches rest that have not moved since the last accepted point; call when the next one is accepted. */
void cn_quiet_rest(cn_system *s);

/* Wake one batch, which changes without its unknowns. */
void cn_quiet_rouse(cn_system *s, cn_batch *b);

/* Wake all. */
void cn_quiet_wake(cn_system *s);

#endif
