/* Expression tapes: the formulas of behavioural sources, evaluated with all partial derivatives by a reverse sweep
 * (Griewank and Walther, Evaluating Derivatives, 2nd ed., SIAM 2008, chapter 3).
 *
 * A tape works on registers: first the sensed unknowns, then the constants, then the time, then one result for each
 * instruction.  Many instances share one tape; their constants are kernel parameters.
 */
#ifndef CN_TAPE_H
#define CN_TAPE_H

#include "cn_kernel.h"

typedef enum cn_opcode {
    CN_OP_ADD, CN_OP_SUB, CN_OP_MUL, CN_OP_DIV, CN_OP_MOD, CN_OP_NEG,
    CN_OP_SQUARE, CN_OP_POW, CN_OP_PWR, /* x*x, |x|^y, sgn(x)|x|^y */
    CN_OP_EQ, CN_OP_NE, CN_OP_LT, CN_OP_LE, CN_OP_GT, CN_OP_GE, CN_OP_AND, CN_OP_OR, CN_OP_NOT,
    CN_OP_SELECT, /* a ? b : c */
    CN_OP_MIN, CN_OP_MAX, CN_OP_ATAN2,
    CN_OP_ABS, CN_OP_SGN, CN_OP_U, CN_OP_U2, CN_OP_URAMP, CN_OP_FLOOR, CN_OP_CEIL, CN_OP_NINT, CN_OP_TRUNC,
    CN_OP_SQRT, CN_OP_EXP, CN_OP_LN, CN_OP_LOG10,
    CN_OP_SIN, CN_OP_COS, CN_OP_TAN, CN_OP_ASIN, CN_OP_ACOS, CN_OP_ATAN,
    CN_OP_SINH, CN_OP_COSH, CN_OP_TANH, CN_OP_ASINH, CN_OP_ACOSH, CN_OP_ATANH,
    CN_OP_PWL,   /* piecewise linear in a; c points x, y in the registers from b on; straight beyond the ends */
    CN_OP_TABLE, /* the same, level beyond the ends */
    CN_OP_HERTZ, /* cn_tape.hertz; reads no register */
    CN_OP_COUNT
} cn_opcode;

typedef struct cn_instruction {
    int32_t op;
    cn_idx a, b, c; /* registers, all of them below the result's; 0 where not used */
} cn_instruction;

enum { CN_TAPE_LANES = 8 }; /* instances evaluated together */

/* What the value x of a tape is to its element, and the element's own locals; those that are sensed follow. */
typedef enum cn_tape_form {
    CN_TAPE_CURRENT = 0,  /* p, n: i = x */
    CN_TAPE_VOLTAGE = 1,  /* p, n, branch: v = x */
    CN_TAPE_CHARGE = 2,   /* p, n: i = dx/dt */
    CN_TAPE_SLOPE = 3,    /* s: s = dx/dt */
    CN_TAPE_INTEGRAL = 4, /* s: ds/dt = x */
    CN_TAPE_OUTPUT = 5    /* s: s = x */
} cn_tape_form;

typedef struct cn_tape {
    cn_idx n_sensed, n_constant, n_code;
    cn_idx result;             /* register of the value */
    cn_tape_form form;
    double hertz;              /* frequency of a small signal, else zero */
    const cn_instruction *code;
    double *scratch;           /* cn_tape_scratch() numbers; one evaluation at a time */
} cn_tape;

/* Numbers of scratch that a tape needs. */
size_t cn_tape_scratch(const cn_tape *tape);

/* CN_BAD_ARGUMENT when an instruction is unknown or reads what is not yet computed. */
cn_status cn_tape_check(const cn_tape *tape);

/* Evaluate n instances: value (n), gradient (n_sensed rows of n) from sensed (n_sensed rows), constant (n_constant
 * rows) and the time.  As in ngspice, a divisor is kept 1e-32 off zero and exp ends at 1e99; logarithms and roots of
 * negative numbers are NaN. */
void cn_tape_eval(const cn_tape *tape, cn_idx n, const double *sensed, const double *constant, double time,
                  double *value, double *gradient);

/* cn_kernel.eval of an element; kernel->context is the tape.  Entries of jf, in order, k standing for each sensed one:
 * current   (p, k), (n, k)
 * voltage   (p, br), (n, br), (br, p), (br, n), (br, k)
 * charge    none; jq: (p, k), (n, k)
 * slope     (s, s); jq: (s, k)
 * integral  (s, k); jq: (s, s)
 * output    (s, s), (s, k) */
void cn_tape_kernel_eval(const cn_kernel *self, cn_idx n, const double *u, const double *lim, const double *p,
                         const double *env, double *f, double *q, double *jf, double *jq);

#endif
