/* Index type, status codes and common limits shared by every C file. */
#ifndef CN_TYPES_H
#define CN_TYPES_H

#include <stddef.h>
#include <stdint.h>

typedef int32_t cn_idx;

typedef enum cn_status {
    CN_OK = 0,
    CN_NO_MEMORY = 1,
    CN_SINGULAR = 2,        /* no usable pivot in a column */
    CN_PIVOT_GROWTH = 3,    /* refactorisation met a pivot too small for the fixed order */
    CN_NOT_FINITE = 4,      /* NaN or infinity met */
    CN_NO_CONVERGENCE = 5,  /* Newton's method ran out of iterations */
    CN_STEP_TOO_SMALL = 6,  /* the time step fell below the smallest allowed */
    CN_CONTINUE = 7,        /* a budgeted loop stopped to let the caller breathe */
    CN_BAD_ARGUMENT = 8,
    CN_OUT_OF_BOUNDS = 9    /* the solution lies where a state is out of its bounds */
} cn_status;

#endif
