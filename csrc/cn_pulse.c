/* Pulses on cells one by one: Newton's method for each cell and its two resistances, the trapezoidal rule in time. */
#include "cn_pulse.h"

#include <math.h>
#include <string.h>

enum { RAMP_STEPS = 5 }; /* least number of a rise or fall: thresholds lie in them */

#define LANES for (int e = 0; e < CN_BLOCK; e++)

typedef double lanes[CN_BLOCK];

/* One block of cells: what drives it, and its past. */
typedef struct block {
    cn_cells *c;
    cn_idx number;
    lanes word, bit, r_word, r_bit, repeat, pace; /* voltages at the top */
    double highest;                               /* largest of them */
    double last_step;                             /* 0: none yet */
    lanes q[CN_CELL_MOST], qdot[CN_CELL_MOST], qdot_before[CN_CELL_MOST];
    lanes own[CN_CELL_MOST], point[2], current[2]; /* at the last accepted time */
} block;

static double *at(double *values, cn_idx rows, cn_idx number)
{
    return values + (size_t)number * (size_t)rows * CN_BLOCK;
}

static void take(block *b, cn_cells *c, const cn_pulse *p, cn_idx number)
{
    const cn_idx first = number * CN_BLOCK, count = c->rows * c->cols;
    b->c = c;
    b->number = number;
    b->highest = 1e-3;
    b->last_step = 0.0;
    LANES {
        const cn_idx cell = first + e < count ? first + e : count - 1;
        b->word[e] = p->word[cell];
        b->bit[e] = p->bit[cell];
        b->r_word[e] = p->r_word[cell];
        b->r_bit[e] = p->r_bit[cell];
        b->repeat[e] = fmax(p->repeat[cell], 1e-12); /* none: too short to move a state */
        b->pace[e] = 1.0 / b->repeat[e];
        b->highest = fmax(b->highest, fmax(fabs(b->word[e]), fabs(b->bit[e])));
    }
}

/* Node voltages at which a cell that is as it was linearised takes what its resistances let through. */
static void balance(const block *b, double level, double *word, double *bit)
{
    cn_cells *c = b->c;
    const double *point = at(c->point, 2, b->number), *current = at(c->current, 2, b->number);
    const double *slope = at(c->slope, 2, b->number);
    LANES {
        const double g = fmax(slope[e], 1e-15), g_bit = fmax(slope[CN_BLOCK + e], 1e-15);
        const double rw = b->r_word[e], rb = b->r_bit[e];
        const double off = level * b->word[e] - rw * current[e] - point[e];
        const double off_bit = level * b->bit[e] - rb * current[CN_BLOCK + e] - point[CN_BLOCK + e];
        const double over = 1.0 / (1.0 + rw * g + rb * g_bit);
        word[e] = point[e] + ((1.0 + rb * g_bit) * off + rw * g_bit * off_bit) * over;
        bit[e] = point[CN_BLOCK + e] + ((1.0 + rw * g) * off_bit + rb * g * off) * over;
    }
}

/* Solve one block with its sources at a part of the top; alpha 0: states hold. */
static cn_status settle(block *b, double level, double alpha, int init, double tolerance, int most)
{
    cn_cells *c = b->c;
    lanes word, bit;
    double last = INFINITY;
    int leaving = 0;
    if (init) {
        memset(at(c->point, 2, b->number), 0, sizeof(double) * 2 * CN_BLOCK);
        LANES {
            word[e] = level * b->word[e];
            bit[e] = level * b->bit[e];
        }
    }
    for (int iteration = 0; iteration < most; iteration++) {
        const int first = init && iteration == 0;
        cn_moved moved = {.finite = 1};
        if (!first) balance(b, level, word, bit);
        cn_cells_linearise(c, b->number, word, bit,
                           &(cn_linearise){.alpha = alpha, .pace = b->pace, .init = first, .damped = !c->limited}, &moved);
        if (!moved.finite) return CN_NOT_FINITE;
        /* What is left of a series of changes, each a part of the one before. */
        const double rate = fmin(moved.volts / last, 0.99), rest = moved.volts * rate / (1.0 - rate);
        const int precise = rest <= 0.1 * tolerance * b->highest || moved.volts <= 1e-13 * b->highest;
        const int still = iteration > 0 && moved.held == 0 && precise && moved.volts <= 1e-4 * b->highest &&
                          moved.state <= 1e-4;
        if (still && !moved.stopped) return CN_OK;
        if (still && ++leaving == 2) return CN_OUT_OF_BOUNDS;
        last = iteration > 0 ? moved.volts : INFINITY;
    }
    return CN_NO_CONVERGENCE;
}

static void limits(const block *b, int back)
{
    const cn_cells *c = b->c;
    for (cn_idx p = 0; c->limited && p < c->n_parts; p++) {
        const size_t rows = (size_t)c->parts[p].kernel->n_limit * CN_BLOCK, from = (size_t)b->number * rows;
        double *lim = c->parts[p].lim + from, *acc = c->parts[p].acc + from;
        memcpy(back ? lim : acc, back ? acc : lim, rows * sizeof(double));
    }
}

static void keep(block *b)
{
    cn_cells *c = b->c;
    const cn_idx own = c->nodes + c->states;
    memcpy(b->q, at(c->charge, c->unknowns, b->number), sizeof(lanes) * (size_t)c->unknowns);
    memcpy(b->own, at(c->own, own, b->number), sizeof(lanes) * (size_t)own);
    memcpy(b->point, at(c->point, 2, b->number), sizeof b->point);
    memcpy(b->current, at(c->current, 2, b->number), sizeof b->current);
    limits(b, 0);
}

static void take_back(block *b)
{
    cn_cells *c = b->c;
    const cn_idx own = c->nodes + c->states;
    memcpy(at(c->own, own, b->number), b->own, sizeof(lanes) * (size_t)own);
    memcpy(at(c->point, 2, b->number), b->point, sizeof b->point);
    limits(b, 1);
}

/* How far a state's charge goes at its last speeds, by a line or a parabola. */
static double expected(const block *b, cn_idx r, int e, double h, int euler)
{
    const double bend = euler ? 0.0 : h / (2.0 * b->last_step) * (b->qdot[r][e] - b->qdot_before[r][e]);
    return b->repeat[e] * h * (b->qdot[r][e] + bend);
}

/* Try one step of h to a level; CN_OK: accepted, *next is how much longer the following one may be. */
static cn_status step(block *b, const cn_pulse *p, double h, double level, double *next)
{
    cn_cells *c = b->c;
    const cn_idx first_state = CN_CELL_PORTS + c->nodes;
    double *history = at(c->history, c->unknowns, b->number), *own = at(c->own, c->nodes + c->states, b->number);
    const double *low = c->low + (size_t)b->number * (size_t)c->states * CN_BLOCK;
    const double *high = c->high + (size_t)b->number * (size_t)c->states * CN_BLOCK;
    const double *scale = p->scale + (size_t)b->number * (size_t)c->states * CN_BLOCK;
    const double *charge = at(c->charge, c->unknowns, b->number);
    int euler = b->last_step == 0.0;
    double alpha = 0.0;
    cn_status status = CN_OUT_OF_BOUNDS;
    for (int attempt = 0; attempt < 2 && status == CN_OUT_OF_BOUNDS; attempt++) {
        if (attempt) {
            take_back(b);
            euler = 1; /* of which a step from inside the bounds ends inside */
        }
        alpha = (euler ? 1.0 : 2.0) / h;
        for (cn_idx r = 0; r < c->unknowns; r++)
            LANES history[r * CN_BLOCK + e] = -alpha * b->pace[e] * b->q[r][e] - (euler ? 0.0 : b->qdot[r][e]);
        for (cn_idx s = 0; s < c->states; s++)
            LANES {
                const double to = own[(c->nodes + s) * CN_BLOCK + e] + expected(b, first_state + s, e, h, euler);
                if (to > low[s * CN_BLOCK + e] && to < high[s * CN_BLOCK + e]) own[(c->nodes + s) * CN_BLOCK + e] = to;
            }
        status = settle(b, level, alpha, 0, 1e-2 * p->tolerance, 40);
    }
    if (status != CN_OK) {
        take_back(b);
        *next = 0.25;
        return CN_CONTINUE;
    }
    /* Milne's device: distance to the extrapolation, times the part of it that is this formula's error. */
    const double part = euler ? 0.5 : h / (3.0 * (h + b->last_step));
    double error = 0.0;
    for (cn_idx s = 0; s < c->states; s++)
        LANES {
            const cn_idx r = first_state + s;
            const double off = charge[r * CN_BLOCK + e] - b->q[r][e] - expected(b, r, e, h, euler);
            const double own_error = part * fabs(off) / (p->tolerance * scale[s * CN_BLOCK + e]);
            if (!(own_error <= error)) error = own_error;
        }
    const double factor = error > 0.0 ? 0.9 * pow(error, euler ? -0.5 : -1.0 / 3.0) : 4.0;
    if (!(error <= 1.0)) {
        take_back(b);
        *next = fmin(0.8, fmax(0.1, factor));
        return CN_CONTINUE;
    }
    *next = fmin(4.0, fmax(0.3, factor));
    memcpy(b->qdot_before, b->qdot, sizeof b->qdot);
    for (cn_idx r = 0; r < c->unknowns; r++)
        LANES b->qdot[r][e] = alpha * b->pace[e] * charge[r * CN_BLOCK + e] + history[r * CN_BLOCK + e];
    b->last_step = h;
    return CN_OK;
}

/* Integral over a step of the product of two quantities that go straight. */
static double product(double h, double a0, double a1, double b0, double b1)
{
    return h / 6.0 * (2.0 * (a0 * b0 + a1 * b1) + a0 * b1 + a1 * b0);
}

static void meter(const block *b, double h, double from, double to, double *cells, double *sources)
{
    const double *point = at(b->c->point, 2, b->number), *current = at(b->c->current, 2, b->number);
    const cn_idx first = b->number * CN_BLOCK, count = b->c->rows * b->c->cols;
    for (cn_idx e = 0; e < CN_BLOCK && first + e < count; e++)
        for (int end = 0; end < 2; end++) {
            const double i0 = b->current[end][e], i1 = current[end * CN_BLOCK + e], top = (end ? b->bit : b->word)[e];
            const double time = h * b->repeat[e];
            cells[first + e] += product(time, b->point[end][e], point[end * CN_BLOCK + e], i0, i1);
            sources[first + e] += product(time, from * top, to * top, i0, i1);
        }
}

static cn_status run(block *b, const cn_pulse *p, double *cells, double *sources)
{
    static const double levels[] = {0.0, 1.0, 1.0, 0.0};
    const double lengths[] = {p->rise, p->width, p->fall};
    cn_status status = settle(b, 0.0, 0.0, 1, 1e-3 * p->tolerance, 200);
    if (status != CN_OK) return status;
    keep(b);
    memset(b->qdot, 0, sizeof b->qdot);
    for (int part = 0; part < 3; part++) {
        const double length = lengths[part], longest = length / (part == 1 ? p->steps : RAMP_STEPS);
        double t = 0.0, h = longest, level = levels[part];
        while (t < length) {
            double following;
            const int lands = h >= (length - t) * (1.0 - 1e-9);
            if (lands) h = length - t;
            const double end = lands ? length : t + h;
            const double to = levels[part] + (levels[part + 1] - levels[part]) * (end / length);
            status = step(b, p, h, to, &following);
            if (status == CN_OK) {
                meter(b, h, level, to, cells, sources);
                keep(b);
                t = end;
                level = to;
            } else if (h < 1e-9 * length) {
                return CN_NO_CONVERGENCE;
            }
            h = fmin(h * following, longest);
        }
    }
    return CN_OK;
}

cn_status cn_pulse_apply(cn_cells *c, const cn_pulse *p, int threads, double *cells, double *sources)
{
    cn_status worst = CN_OK;
    memset(cells, 0, sizeof(double) * (size_t)(c->rows * c->cols));
    memset(sources, 0, sizeof(double) * (size_t)(c->rows * c->cols));
#pragma omp parallel for schedule(dynamic) num_threads(threads)
    for (cn_idx number = 0; number < c->blocks; number++) {
        block b;
        take(&b, c, p, number);
        const cn_status status = run(&b, p, cells, sources);
        if (status != CN_OK) {
#pragma omp critical(cn_pulse_status)
            worst = status;
        }
    }
    return worst;
}

cn_status cn_pulse_currents(cn_cells *c, const cn_pulse *p, double *current)
{
    const cn_idx count = c->rows * c->cols;
    for (cn_idx number = 0; number < c->blocks; number++) {
        block b;
        take(&b, c, p, number);
        const cn_status status = settle(&b, 1.0, 0.0, 1, 1e-9, 200);
        if (status != CN_OK) return status;
        const double *found = at(c->current, 2, number);
        for (cn_idx e = 0; e < CN_BLOCK && number * CN_BLOCK + e < count; e++) current[number * CN_BLOCK + e] = found[e];
    }
    return CN_OK;
}
