/* Evaluation of the cells of a crossbar, block by block, and elimination of their own unknowns. */
#include "cn_cells.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LOCALS = 24, NONZEROS = 128 }; /* of one device at most; checked when cells are made */

static size_t own_rows(const cn_cells *c) { return (size_t)(c->nodes + c->states); }

/* Of each own unknown: residual, row of the Jacobian before it, reciprocal pivot. */
static size_t kept_rows(const cn_cells *c) { return own_rows(c) * (size_t)(c->unknowns + 2); }

cn_status cn_cells_init(cn_cells *c)
{
    const size_t all = (size_t)c->blocks * CN_BLOCK, unknowns = (size_t)c->unknowns;
    const struct { double **p; size_t count; } wanted[] = {
        {&c->gate, (size_t)c->rows}, {&c->own, own_rows(c) * all}, {&c->point, 2 * all}, {&c->current, 2 * all},
        {&c->slope, 2 * all}, {&c->charge, unknowns * all}, {&c->history, unknowns * all},
        {&c->eliminated, kept_rows(c) * all}};
    for (size_t k = 0; k < sizeof wanted / sizeof *wanted; k++)
        if (!(*wanted[k].p = calloc(wanted[k].count + 1, sizeof(double)))) return CN_NO_MEMORY;
    for (cn_idx p = 0; p < c->n_parts; p++) c->limited |= c->parts[p].kernel->limit != NULL;
    return CN_OK;
}

void cn_cells_free(cn_cells *c)
{
    double *all[] = {c->gate, c->own, c->point, c->current, c->slope, c->charge, c->history, c->eliminated};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) free(all[k]);
}

/* Residual, Jacobian and charge of one block. */
typedef struct block_work {
    double x[CN_CELL_MOST][CN_BLOCK], residual[CN_CELL_MOST][CN_BLOCK], charge[CN_CELL_MOST][CN_BLOCK];
    double jacobian[CN_CELL_MOST][CN_CELL_MOST][CN_BLOCK];
    double u[LOCALS * CN_BLOCK], f[LOCALS * CN_BLOCK], q[LOCALS * CN_BLOCK];
    double jf[NONZEROS * CN_BLOCK], jq[NONZEROS * CN_BLOCK];
} block_work;

#define LANES for (int e = 0; e < CN_BLOCK; e++)
#define INLINE static inline __attribute__((always_inline))

INLINE double larger(double a, double b) { return a > b ? a : b; } /* as fmax, but one instruction */

/* f + alpha q + history of all unknowns, with derivatives, at w->x. */
INLINE cn_idx load(cn_cells *c, cn_idx block, const cn_linearise *how, block_work *w)
{
    const double env[CN_ENV_SIZE] = {[CN_ENV_GMIN] = c->gmin, [CN_ENV_TIME] = c->time};
    double alpha[CN_BLOCK];
    LANES alpha[e] = how->pace ? how->alpha * how->pace[e] : how->alpha;
    cn_idx held = 0;
    for (cn_idx r = 0; r < c->unknowns; r++) {
        memset(w->residual[r], 0, sizeof w->residual[r]);
        memset(w->charge[r], 0, sizeof w->charge[r]);
        for (cn_idx s = 0; s < c->unknowns; s++) memset(w->jacobian[r][s], 0, sizeof w->jacobian[r][s]);
    }
    for (cn_idx p = 0; p < c->n_parts; p++) {
        const cn_part *part = &c->parts[p];
        const cn_kernel *k = part->kernel;
        const double *param = part->param + (size_t)block * (size_t)k->n_param * CN_BLOCK;
        double *lim = part->lim + (size_t)block * (size_t)k->n_limit * CN_BLOCK;
        for (cn_idx l = 0; l < k->n_local; l++) {
            if (part->where[l] >= 0)
                memcpy(w->u + l * CN_BLOCK, w->x[part->where[l]], sizeof w->x[0]);
            else
                memset(w->u + l * CN_BLOCK, 0, sizeof w->x[0]);
        }
        if (k->limit)
            held += k->limit(k, CN_BLOCK, w->u, param, env, part->acc + (lim - part->lim), lim, how->init);
        k->eval(k, CN_BLOCK, w->u, lim, param, env, w->f, w->q, w->jf, w->jq);
        for (cn_idx l = 0; l < k->n_local; l++) {
            const cn_idx r = part->where[l];
            if (r < 0) continue;
            LANES w->residual[r][e] += w->f[l * CN_BLOCK + e] + alpha[e] * w->q[l * CN_BLOCK + e];
            LANES w->charge[r][e] += w->q[l * CN_BLOCK + e];
        }
        for (cn_idx z = 0; z < k->n_jf; z++) {
            const cn_idx r = part->where[k->jf_row[z]], s = part->where[k->jf_col[z]];
            if (r >= 0 && s >= 0) LANES w->jacobian[r][s][e] += w->jf[z * CN_BLOCK + e];
        }
        for (cn_idx z = 0; z < k->n_jq && how->alpha != 0.0; z++) {
            const cn_idx r = part->where[k->jq_row[z]], s = part->where[k->jq_col[z]];
            if (r >= 0 && s >= 0) LANES w->jacobian[r][s][e] += alpha[e] * w->jq[z * CN_BLOCK + e];
        }
    }
    const cn_idx first_state = CN_CELL_PORTS + c->nodes;
    if (how->alpha != 0.0) {
        const double *history = c->history + (size_t)block * (size_t)c->unknowns * CN_BLOCK;
        for (cn_idx r = 0; r < c->unknowns; r++) LANES w->residual[r][e] += history[r * CN_BLOCK + e];
    } else {
        for (cn_idx r = first_state; r < c->unknowns; r++) { /* states hold */
            memset(w->residual[r], 0, sizeof w->residual[r]);
            for (cn_idx s = 0; s < c->unknowns; s++) memset(w->jacobian[r][s], 0, sizeof w->jacobian[r][s]);
            LANES w->jacobian[r][r][e] = 1.0;
        }
    }
    return held;
}

/* Eliminate the own unknowns, last first; what remains are the currents of word and bit node. */
INLINE void eliminate(cn_cells *c, cn_idx block, block_work *w)
{
    double *kept = c->eliminated + (size_t)block * kept_rows(c) * CN_BLOCK;
    for (cn_idx p = c->unknowns - 1; p >= CN_CELL_PORTS; p--) {
        double over[CN_BLOCK];
        LANES over[e] = w->jacobian[p][p][e] != 0.0 ? 1.0 / w->jacobian[p][p][e] : 0.0;
        for (cn_idx r = 0; r < p; r++) {
            double factor[CN_BLOCK];
            LANES factor[e] = w->jacobian[r][p][e] * over[e];
            LANES w->residual[r][e] -= factor[e] * w->residual[p][e];
            for (cn_idx s = 0; s < p; s++) LANES w->jacobian[r][s][e] -= factor[e] * w->jacobian[p][s][e];
        }
        double *own = kept + (size_t)(p - CN_CELL_PORTS) * (size_t)(c->unknowns + 2) * CN_BLOCK;
        memcpy(own, w->residual[p], sizeof w->residual[p]);
        memcpy(own + CN_BLOCK, over, sizeof over);
        for (cn_idx s = 0; s < p; s++) memcpy(own + (2 + s) * CN_BLOCK, w->jacobian[p][s], sizeof over);
    }
}

/* Steps of the own unknowns that go with steps of the ports. */
INLINE void recover(const cn_cells *c, cn_idx block, double step[CN_CELL_MOST][CN_BLOCK])
{
    const double *kept = c->eliminated + (size_t)block * kept_rows(c) * CN_BLOCK;
    for (cn_idx p = CN_CELL_PORTS; p < c->unknowns; p++) {
        const double *own = kept + (size_t)(p - CN_CELL_PORTS) * (size_t)(c->unknowns + 2) * CN_BLOCK;
        memcpy(step[p], own, sizeof step[p]);
        for (cn_idx s = 0; s < p; s++) LANES step[p][e] += own[(2 + s) * CN_BLOCK + e] * step[s][e];
        LANES step[p][e] *= -own[CN_BLOCK + e];
    }
}

/* Stop states at their bounds: beyond them a device is steep. */
INLINE void stop_at_bounds(const cn_cells *c, cn_idx block, const block_work *w, double step[CN_CELL_MOST][CN_BLOCK],
                           cn_moved *moved)
{
    for (cn_idx s = 0; s < c->states; s++) {
        const cn_idx r = CN_CELL_PORTS + c->nodes + s;
        const size_t at = ((size_t)block * (size_t)c->states + (size_t)s) * CN_BLOCK;
        LANES {
            const double low = c->low[at + (size_t)e], high = c->high[at + (size_t)e], width = high - low;
            const double to = w->x[r][e] + step[r][e];
            if (isfinite(width) && !(to >= low - 1e-6 * width && to <= high + 1e-6 * width)) {
                step[r][e] = (to < low ? low : high) - w->x[r][e];
                moved->stopped = 1;
            }
            moved->state = larger(moved->state, fabs(step[r][e]) / (isfinite(width) ? width : larger(fabs(to), 1e-30)));
        }
    }
}

INLINE void linearise(cn_cells *c, cn_idx block, const double *word, const double *bit, const cn_linearise *how,
                      cn_moved *moved)
{
    block_work work, *w = &work;
    double step[CN_CELL_MOST][CN_BLOCK], part[CN_BLOCK], from[CN_CELL_MOST][CN_BLOCK];
    const size_t two = (size_t)block * 2 * CN_BLOCK;
    double *own = c->own + (size_t)block * own_rows(c) * CN_BLOCK;
    double *point = c->point + two, *current = c->current + two, *slope = c->slope + two;
    double old_current[2][CN_BLOCK], old_slope[2][CN_BLOCK];
    memcpy(w->x[0], point, sizeof(double) * 2 * CN_BLOCK);
    LANES {
        const cn_idx cell = block * CN_BLOCK + e, row = cell / c->cols;
        w->x[2][e] = c->gate[row < c->rows ? row : c->rows - 1];
        step[0][e] = word[e] - point[e];
        step[1][e] = bit[e] - point[CN_BLOCK + e];
        step[2][e] = 0.0;
        part[e] = 1.0;
    }
    memcpy(w->x[CN_CELL_PORTS], own, sizeof(double) * own_rows(c) * CN_BLOCK);
    if (how->init)
        memset(step[CN_CELL_PORTS], 0, sizeof(double) * own_rows(c) * CN_BLOCK);
    else
        recover(c, block, step);
    stop_at_bounds(c, block, w, step, moved);
    memcpy(old_current, current, sizeof old_current);
    memcpy(old_slope, slope, sizeof old_slope);
    memcpy(from, w->x, sizeof(double) * (size_t)c->unknowns * CN_BLOCK);
    for (cn_idx r = 0; r < c->unknowns - c->states; r++) LANES moved->volts = larger(moved->volts, fabs(step[r][e]));
    cn_idx held = 0;
    for (int halving = 0;; halving++) {
        for (cn_idx r = 0; r < c->unknowns; r++) LANES w->x[r][e] = from[r][e] + part[e] * step[r][e];
        held = load(c, block, how, w);
        memcpy(c->charge + (size_t)block * (size_t)c->unknowns * CN_BLOCK, w->charge,
               sizeof(double) * (size_t)c->unknowns * CN_BLOCK);
        eliminate(c, block, w);
        if (!how->damped || how->init || halving == 20) break;
        /* A current that ran away from its linearisation: half the step, until the two are of one size. */
        int again = 0;
        LANES {
            const double expected = old_current[0][e] + part[e] * (old_slope[0][e] * step[0][e] - old_slope[1][e] * step[1][e]);
            const double error = fabs(w->residual[0][e] - expected);
            if (!(error <= 0.5 * (fabs(expected) + fabs(old_current[0][e])) + 1e-15) &&
                part[e] * fabs(step[0][e] - step[1][e]) > 1e-3) {
                part[e] *= 0.5;
                again = 1;
            }
        }
        if (!again) break;
    }
    LANES {
        if (part[e] < 1.0) held++;
        point[e] = w->x[0][e];
        point[CN_BLOCK + e] = w->x[1][e];
        current[e] = w->residual[0][e];
        current[CN_BLOCK + e] = w->residual[1][e];
        slope[e] = w->jacobian[0][0][e];
        slope[CN_BLOCK + e] = -w->jacobian[0][1][e];
        if (!isfinite(current[e]) || !isfinite(current[CN_BLOCK + e]) || !isfinite(slope[e]) ||
            !isfinite(slope[CN_BLOCK + e]))
            moved->finite = 0;
    }
    memcpy(own, w->x[CN_CELL_PORTS], sizeof(double) * own_rows(c) * CN_BLOCK);
    moved->held += held;
}

#if defined(__x86_64__) && defined(__GNUC__)
__attribute__((target("avx512f,avx512dq,avx2,fma"))) static void linearise_avx512(cn_cells *c, cn_idx block,
                                                                                  const double *word, const double *bit,
                                                                                  const cn_linearise *how,
                                                                                  cn_moved *moved)
{
    linearise(c, block, word, bit, how, moved);
}

__attribute__((target("avx2,fma"))) static void linearise_avx2(cn_cells *c, cn_idx block, const double *word,
                                                               const double *bit, const cn_linearise *how,
                                                               cn_moved *moved)
{
    linearise(c, block, word, bit, how, moved);
}
#endif

void cn_cells_linearise(cn_cells *c, cn_idx block, const double *word, const double *bit, const cn_linearise *how,
                        cn_moved *moved)
{
#if defined(__x86_64__) && defined(__GNUC__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")) {
        linearise_avx512(c, block, word, bit, how, moved);
        return;
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        linearise_avx2(c, block, word, bit, how, moved);
        return;
    }
#endif
    linearise(c, block, word, bit, how, moved);
}
