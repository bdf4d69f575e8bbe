/* Populations of oscillators that are a complex amplitude or a phase each, with drives, noise and linear couplings.
 *
 * Amplitude c, with p = |c|^2:  dc/dt = -(i w(p) + g(p)) c + s x (1 - q p) c + f + sum_k K_jk c_k + noise,
 *     w = w0 + w1 p + w2 p^2 + l x,  g = g0 + g1 p + g2 p^2,  x a drive of gain and frequency, f a complex force.
 * Phase a:                      da/dt = w + Z(a) x + Im[exp(-i a) (f + sum_k K_jk exp(i a_k))] + noise,
 *     Z a Fourier series.
 *
 * Both are integrated in a frame that turns with `frame`: the amplitudes as c exp(i frame t), the phases as a - frame t, so
 * that steps need not resolve what all oscillators share.  Results depend on neither threads nor the width of vectors
 * beyond rounding; sums over the population are over blocks of a fixed size.
 */
#ifndef CN_WAVES_H
#define CN_WAVES_H

#include "cn_types.h"

typedef enum cn_waves_kind { CN_AMPLITUDES, CN_PHASES } cn_waves_kind;
typedef enum cn_waves_method { CN_WAVES_RK4, CN_WAVES_RK45, CN_WAVES_MIDPOINT, CN_WAVES_HEUN } cn_waves_method;

/* Coefficients, a row of n numbers each; the last three are s, q and l.  Of phases only the first counts. */
enum { CN_W0, CN_W1, CN_W2, CN_G0, CN_G1, CN_G2, CN_GAIN, CN_SATURATION, CN_PULL, CN_COEFFICIENTS };
/* Inputs of drives. */
enum { CN_INPUT_X, CN_INPUT_RE, CN_INPUT_IM, CN_INPUTS };
/* Oscillators whose sum is one number. */
enum { CN_WAVES_BLOCK = 256 };

/* A component of a drive: gain sin(2 pi (frequency t + turns)), or gain times samples. */
typedef struct cn_wave_drive {
    int input, common;      /* common: all oscillators have the same numbers */
    const double *gain, *frequency, *turns;
    const double *samples;  /* (n_samples, columns), columns 1 or n; NULL for a sine */
    cn_idx n_samples, columns;
    double spacing, start;
    int hold;
} cn_wave_drive;

/* A coupling through one sum: oscillator j gets gain_j sum_k weight_k u_k; re and im one after the other, (2, n). */
typedef struct cn_wave_sum {
    const double *gain, *weight;
} cn_wave_sum;

typedef struct cn_waves {
    /* set by the caller */
    cn_waves_kind kind;
    cn_waves_method method;
    cn_idx n;
    double step, frame;     /* s, rad/s */
    double tolerance;
    const double *coefficient[CN_COEFFICIENTS];
    const double *noise[3]; /* D of <f f*> = 2 D: D0 + D1 p + D2 p^2; of phases D0 of <f f> = 2 D0.  NULL: none */
    uint64_t seed;
    const uint64_t *stream;
    cn_idx harmonics;       /* of Z; response is (2 harmonics + 1, n): mean, cosines, sines */
    const double *response;
    cn_idx n_drives;
    const cn_wave_drive *drives;
    cn_idx n_sums;
    const cn_wave_sum *sums;
    const double *dense_re, *dense_im;            /* (n, n) by rows, or NULL */
    const int64_t *row_start;                     /* (n + 1,), or NULL */
    const cn_idx *column;
    const double *sparse_re, *sparse_im;
    int threads;
    /* where it is */
    double *y, *stage, *slope, *sum, *u, *h, *in, *normal, *part, *k; /* (2, n) each; k holds seven; part: sums by blocks */
    double next_step, error;
    int64_t evaluations, rejected, sweeps;
    int failed;
} cn_waves;

/* Memory; y, of which the caller sets the start: (2, n), real parts and then imaginary ones, or (n,) phases. */
cn_status cn_waves_init(cn_waves *w);
void cn_waves_free(cn_waves *w);

/* Do steps, from the time first * step on; after every so many of them y goes to `records`, points of (n, 2) or (n,).
 * CN_NOT_FINITE, CN_NO_CONVERGENCE, CN_STEP_TOO_SMALL. */
cn_status cn_waves_run(cn_waves *w, int64_t first, int64_t steps, int64_t every, double *records);

/* The derivative at a time, into d, (2, n) or (n,). */
void cn_waves_slope(cn_waves *w, double t, const double *y, double *d);

#endif
