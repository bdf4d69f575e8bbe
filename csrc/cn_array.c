/* Newton's method for a crossbar of device cells, one cycle of lines an iteration; the trapezoidal rule in time. */
#include "cn_array.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static size_t all_of(const cn_cells *c, cn_idx rows) { return (size_t)c->blocks * (size_t)rows * CN_BLOCK; }

cn_status cn_array_init(cn_array *a)
{
    const cn_cells *c = a->cells;
    const size_t area = (size_t)a->lines->m_padded * (size_t)a->lines->ld;
    const struct { double **p; size_t count; } wanted[] = {
        {&a->row_sum, (size_t)c->rows}, {&a->col_sum, (size_t)c->cols}, {&a->q, all_of(c, c->unknowns)},
        {&a->qdot, all_of(c, c->unknowns)}, {&a->qdot_before, all_of(c, c->unknowns)},
        {&a->own_kept, all_of(c, c->unknowns - CN_CELL_PORTS)}, {&a->point_kept, all_of(c, 2)}, {&a->u_kept, area},
        {&a->v_kept, area}};
    for (size_t k = 0; k < sizeof wanted / sizeof *wanted; k++)
        if (!(*wanted[k].p = calloc(wanted[k].count + 1, sizeof(double)))) return CN_NO_MEMORY;
    return CN_OK;
}

void cn_array_free(cn_array *a)
{
    double *all[] = {a->row_sum, a->col_sum, a->q, a->qdot, a->qdot_before, a->own_kept, a->point_kept, a->u_kept, a->v_kept};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) free(all[k]);
}

static size_t place(const cn_lines *l, cn_idx i, cn_idx j) { return (size_t)i * (size_t)l->ld + (size_t)j; }

static void merge(cn_moved *into, const cn_moved *m)
{
    into->held += m->held;
    into->stopped |= m->stopped;
    into->volts = fmax(into->volts, m->volts);
    into->state = fmax(into->state, m->state);
    into->finite &= m->finite;
}

/* Linearise all cells at the node voltages in place, and hand the lines what they became. */
static cn_moved linearise(cn_array *a, const cn_linearise *how)
{
    cn_lines *l = a->lines;
    cn_cells *c = a->cells;
    double *g = l->g, *g_bit = l->g_bit;
    const double *u = l->u, *v = l->v;
    cn_moved moved = {.finite = 1};
#pragma omp parallel for schedule(static) num_threads(l->threads)
    for (cn_idx b = 0; b < c->blocks; b++) {
        double word[CN_BLOCK], bit[CN_BLOCK];
        cn_moved own = {.finite = 1};
        const cn_idx first = b * CN_BLOCK, count = c->rows * c->cols;
        for (cn_idx e = 0; e < CN_BLOCK; e++) {
            const cn_idx cell = first + e < count ? first + e : count - 1;
            const size_t k = place(l, cell / c->cols, cell % c->cols);
            word[e] = u[k];
            bit[e] = v[k];
        }
        cn_cells_linearise(c, b, word, bit, how, &own);
        const size_t two = (size_t)b * 2 * CN_BLOCK;
        const double *point = c->point + two, *current = c->current + two, *slope = c->slope + two;
        for (cn_idx e = 0; e < CN_BLOCK && first + e < count; e++) {
            const size_t k = place(l, (first + e) / c->cols, (first + e) % c->cols);
            /* Lines want positive conductances; where a cell's slope is not, another one serves: the current is right
             * all the same. */
            const double floor = 1e-15;
            g[k] = slope[e] > floor ? slope[e] : floor;
            g_bit[k] = slope[CN_BLOCK + e] > floor ? slope[CN_BLOCK + e] : floor;
            const double linear = g[k] * point[e] - g_bit[k] * point[CN_BLOCK + e];
            l->f_word[k] = linear - current[e];
            l->f_bit[k] = -linear - current[CN_BLOCK + e];
        }
#pragma omp critical(cn_array_moved)
        merge(&moved, &own);
    }
    return moved;
}

/* Largest imbalance of a line beyond rounding, of what its cells take at their voltages and what enters at its ends, over
 * its current; small currents count against the largest one, in time also of the past, at a thousandth. */
static double imbalance(cn_array *a)
{
    const cn_lines *l = a->lines;
    const cn_cells *c = a->cells;
    const double *u = l->u, *v = l->v;
    memset(a->col_sum, 0, sizeof(double) * (size_t)c->cols);
    double worst = 0.0, largest = a->largest;
    for (int pass = 0; pass < 2; pass++) { /* sizes first */
        for (cn_idx i = 0; i < c->rows; i++) {
            const double near = u[place(l, i, 0)], far = u[place(l, i, c->cols - 1)];
            const double enters = cn_end_into(&l->word_low, i, near) + cn_end_into(&l->word_high, i, far);
            if (pass) {
                const double error = fabs(enters - a->row_sum[i]) -
                                     cn_end_rounding(&l->word_low, i, l->word_low.drive[i], near) -
                                     cn_end_rounding(&l->word_high, i, l->word_high.drive[i], far);
                worst = fmax(worst, error / (fmax(fabs(enters), 1e-3 * largest) + 1e-300));
                continue;
            }
            double sum = 0.0;
            for (cn_idx j = 0; j < c->cols; j++) {
                const cn_idx cell = i * c->cols + j;
                const size_t two = (size_t)(cell / CN_BLOCK) * 2 * CN_BLOCK + (size_t)(cell % CN_BLOCK);
                sum += c->current[two];
                a->col_sum[j] -= c->current[two + CN_BLOCK];
            }
            a->row_sum[i] = sum;
            largest = fmax(largest, fabs(enters));
        }
        for (cn_idx j = 0; j < c->cols; j++) {
            const double near = v[place(l, 0, j)], far = v[place(l, c->rows - 1, j)];
            const double leaves = -cn_end_into(&l->bit_low, j, near) - cn_end_into(&l->bit_high, j, far);
            if (pass) {
                const double error = fabs(leaves - a->col_sum[j]) -
                                     cn_end_rounding(&l->bit_low, j, l->bit_low.drive[j], near) -
                                     cn_end_rounding(&l->bit_high, j, l->bit_high.drive[j], far);
                worst = fmax(worst, error / (fmax(fabs(leaves), 1e-3 * largest) + 1e-300));
            } else {
                largest = fmax(largest, fabs(leaves));
            }
        }
    }
    a->largest = largest;
    return worst;
}

static cn_status factor(cn_array *a)
{
    if (a->factored) return cn_lines_refactor(a->lines);
    const cn_cells *c = a->cells;
    const double *g = a->lines->g;
    double total = 0.0;
    for (cn_idx i = 0; i < c->rows; i++)
        for (cn_idx j = 0; j < c->cols; j++) total += g[place(a->lines, i, j)];
    a->factored = 1;
    return cn_lines_factor(a->lines, total / c->rows / c->cols);
}

cn_status cn_array_solve(cn_array *a, double alpha, int init, double tolerance, int max_iterations)
{
    cn_lines *l = a->lines;
    const size_t area = (size_t)l->m_padded * (size_t)l->ld;
    double scale = 1e-3;
    const cn_end *ends[] = {&l->word_low, &l->word_high, &l->bit_low, &l->bit_high};
    for (int k = 0; k < 4; k++)
        for (cn_idx i = 0; i < (k < 2 ? l->m : l->n); i++) scale = fmax(scale, fabs(ends[k]->drive[i]));
    double last_volts = INFINITY;
    int first = init, leaving = 0, calm = 0;
    if (init) {
        a->largest = 0.0;
        memset(l->u, 0, sizeof(double) * area);
        memset(l->v, 0, sizeof(double) * area);
        memset(a->cells->point, 0, sizeof(double) * all_of(a->cells, 2));
    }
    for (int iteration = 0; iteration < max_iterations; iteration++) {
        const cn_moved moved = linearise(a, &(cn_linearise){.alpha = alpha, .init = first, .damped = !a->cells->limited});
        a->iterations++;
        if (!moved.finite) return CN_NOT_FINITE;
        a->defect = imbalance(a);
        /* What is left of the node voltages' series of changes; near a solution each is a part of the one before. */
        const double rate = fmin(moved.volts / last_volts, 0.99), rest = moved.volts * rate / (1.0 - rate);
        const int precise = rest <= 0.1 * tolerance * scale || moved.volts <= 1e-13 * scale;
        const int still = iteration > 0 && moved.held == 0 && precise && moved.volts <= 1e-4 * scale && moved.state <= 1e-4;
        if (still && !moved.stopped && a->defect <= tolerance) return CN_OK;
        if (still && moved.stopped && ++leaving == 2) return CN_OUT_OF_BOUNDS;
        /* The last digits: where rounding stops the imbalance from falling, it is as small as it will be. */
        calm = iteration > 0 && moved.held == 0 && moved.volts <= 1e-13 * scale ? calm + 1 : 0;
        if (calm == 3 && a->defect <= 1e3 * tolerance) return CN_OK;
        last_volts = iteration > 0 ? moved.volts : INFINITY;
        cn_status status = factor(a);
        if (status != CN_OK) return status;
        /* One cycle an iteration; all it takes where the cycle, not the linearisation, is what is slow. */
        if (iteration > 3 && moved.held == 0 && rate > 0.3) {
            cn_lines_begin(l, fmax(1e-13, 1e-2 * fmin(1.0, fmin(tolerance, a->defect))), 10, 1);
            do status = cn_lines_advance(l, a->col_sum);
            while (status == CN_CONTINUE);
            if (status == CN_NO_MEMORY) return status;
        } else {
            cn_lines_cycles(l, 1);
        }
        first = 0;
    }
    return CN_NO_CONVERGENCE;
}

void cn_array_currents(const cn_array *a, double *bit, double *word)
{
    /* Sums over the cells: their voltages are known to the last digit, a difference to a terminal nearby is not. */
    memcpy(bit, a->col_sum, sizeof(double) * (size_t)a->cells->cols);
    memcpy(word, a->row_sum, sizeof(double) * (size_t)a->cells->rows);
}

/* ---------------------------------------------------------------------------------------------------- in time */

static void keep(cn_array *a)
{
    const cn_cells *c = a->cells;
    const size_t area = (size_t)a->lines->m_padded * (size_t)a->lines->ld;
    memcpy(a->own_kept, c->own, sizeof(double) * all_of(c, c->unknowns - CN_CELL_PORTS));
    memcpy(a->point_kept, c->point, sizeof(double) * all_of(c, 2));
    memcpy(a->u_kept, a->lines->u, sizeof(double) * area);
    memcpy(a->v_kept, a->lines->v, sizeof(double) * area);
    for (cn_idx p = 0; c->limited && p < c->n_parts; p++)
        memcpy(c->parts[p].acc, c->parts[p].lim, sizeof(double) * all_of(c, c->parts[p].kernel->n_limit));
}

static void take_back(cn_array *a)
{
    const cn_cells *c = a->cells;
    const size_t area = (size_t)a->lines->m_padded * (size_t)a->lines->ld;
    memcpy(c->own, a->own_kept, sizeof(double) * all_of(c, c->unknowns - CN_CELL_PORTS));
    memcpy(c->point, a->point_kept, sizeof(double) * all_of(c, 2));
    memcpy(a->lines->u, a->u_kept, sizeof(double) * area);
    memcpy(a->lines->v, a->v_kept, sizeof(double) * area);
    for (cn_idx p = 0; c->limited && p < c->n_parts; p++)
        memcpy(c->parts[p].lim, c->parts[p].acc, sizeof(double) * all_of(c, c->parts[p].kernel->n_limit));
    a->rejected++;
}

void cn_array_begin(cn_array *a, double t)
{
    cn_cells *c = a->cells;
    a->t = t;
    a->last_step = 0.0;
    a->accepted = a->rejected = 0;
    memcpy(a->q, c->charge, sizeof(double) * all_of(c, c->unknowns));
    memset(a->qdot, 0, sizeof(double) * all_of(c, c->unknowns));
    keep(a);
}

/* Largest error of a state's charge over its tolerance, from what was expected of this step. */
static double step_error(const cn_array *a, double h, double tolerance, int euler)
{
    const cn_cells *c = a->cells;
    double worst = 0.0;
    /* Milne's device: distance to the extrapolation, times the part of it that is this formula's error. */
    const double part = euler ? 0.5 : h / (3.0 * (h + a->last_step));
    for (cn_idx b = 0; b < c->blocks; b++)
        for (cn_idx s = 0; s < c->states; s++) {
            const size_t row = ((size_t)b * (size_t)c->unknowns + (size_t)(CN_CELL_PORTS + c->nodes + s)) * CN_BLOCK;
            const size_t scale = ((size_t)b * (size_t)c->states + (size_t)s) * CN_BLOCK;
            for (size_t e = 0; e < CN_BLOCK; e++) {
                double expected = a->q[row + e] + h * a->qdot[row + e];
                if (!euler) /* the parabola through the two points before, with the slope at the last */
                    expected += h * h / (2.0 * a->last_step) * (a->qdot[row + e] - a->qdot_before[row + e]);
                const double error = part * fabs(c->charge[row + e] - expected) / (tolerance * a->charge_scale[scale + e]);
                if (!(error <= worst)) worst = error;
            }
        }
    return worst;
}

/* Let the states begin where they would go at their last speeds, within their bounds. */
static void predict(cn_array *a, double h, int euler)
{
    cn_cells *c = a->cells;
    for (cn_idx b = 0; b < c->blocks; b++)
        for (cn_idx s = 0; s < c->states; s++) {
            const size_t row = ((size_t)b * (size_t)c->unknowns + (size_t)(CN_CELL_PORTS + c->nodes + s)) * CN_BLOCK;
            const size_t own = ((size_t)b * (size_t)(c->nodes + c->states) + (size_t)(c->nodes + s)) * CN_BLOCK;
            const size_t bound = ((size_t)b * (size_t)c->states + (size_t)s) * CN_BLOCK;
            for (size_t e = 0; e < CN_BLOCK; e++) {
                double speed = a->qdot[row + e];
                if (!euler) speed += h / (2.0 * a->last_step) * (speed - a->qdot_before[row + e]);
                const double to = c->own[own + e] + h * speed;
                if (to > c->low[bound + e] && to < c->high[bound + e]) c->own[own + e] = to;
            }
        }
}

cn_status cn_array_step(cn_array *a, double h, double tolerance, double *next)
{
    cn_cells *c = a->cells;
    const size_t all = all_of(c, c->unknowns);
    int euler = a->last_step == 0.0;
    cn_status status = CN_OUT_OF_BOUNDS;
    double alpha = 0.0;
    for (int attempt = 0; attempt < 2 && status == CN_OUT_OF_BOUNDS; attempt++) {
        if (attempt) {
            take_back(a);
            euler = 1; /* of which a step from inside the bounds ends inside */
        }
        alpha = (euler ? 1.0 : 2.0) / h;
        for (size_t k = 0; k < all; k++) c->history[k] = -alpha * a->q[k] - (euler ? 0.0 : a->qdot[k]);
        c->time = a->t + h;
        predict(a, h, euler);
        status = cn_array_solve(a, alpha, 0, 1e-2 * tolerance, 40);
    }
    if (status == CN_NO_MEMORY) return status;
    if (status != CN_OK) {
        take_back(a);
        *next = 0.25 * h;
        return CN_CONTINUE;
    }
    const double error = c->states ? step_error(a, h, tolerance, euler) : 0.0;
    const double factor = error > 0.0 ? 0.9 * pow(error, euler ? -0.5 : -1.0 / 3.0) : 4.0;
    if (!(error <= 1.0)) {
        take_back(a);
        *next = h * fmin(0.8, fmax(0.1, factor));
        return CN_CONTINUE;
    }
    *next = h * fmin(euler ? 2.0 : 4.0, fmax(0.3, factor));
    memcpy(a->qdot_before, a->qdot, sizeof(double) * all);
    for (size_t k = 0; k < all; k++) a->qdot[k] = alpha * c->charge[k] + c->history[k];
    memcpy(a->q, c->charge, sizeof(double) * all);
    a->t += h;
    a->last_step = h;
    a->accepted++;
    keep(a);
    return CN_OK;
}
