/* Quiet devices: in time, a batch whose unknowns hardly move is left at its last linearisation.
 *
 * The linearisation f(u0) + J (u - u0) joins the constant part of the equations, so that a quiet batch costs no more
 * than the check that it is still quiet.  It wakes when an unknown strays from u0 by more than a part of its tolerance;
 * what is neglected until then is of second order in that. */
#ifndef CN_QUIET_H
#define CN_QUIET_H

#include "cn_system.h"

/* Wake the quiet batches that x has moved away from. */
void cn_quiet_check(cn_system *s, const double *x);

/* Let the batches rest that have not moved since the last accepted point; call when the next one is accepted. */
void cn_quiet_rest(cn_system *s);

/* Wake all. */
void cn_quiet_wake(cn_system *s);

#endif
