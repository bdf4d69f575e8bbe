/* Assembly: residual and Jacobian of the whole circuit on one fixed sparsity pattern. */
#include "cn_system.h"

#include "cn_quiet.h"

#include <stdlib.h>
#include <string.h>

/* ngspice ties .ic and .nodeset nodes with the same conductance. */
#define FORCE_CONDUCTANCE 1e10

/* Where the batches' contributions go. */
static cn_status gather_sums(cn_system *s)
{
    size_t total = 0;
    for (cn_idx i = 0; i < s->n_batches; i++) {
        const cn_kernel *kernel = s->batches[i].kernel;
        total += ((size_t)kernel->n_local + (size_t)kernel->n_jf + (size_t)kernel->n_jq) * (size_t)s->batches[i].n;
    }
    const size_t most = (size_t)(s->nnz > s->n ? s->nnz : s->n) + 1;
    s->sums = malloc(sizeof(cn_idx) * (3 * total + 1));
    cn_idx *scratch = malloc(sizeof(cn_idx) * 2 * most), *at = s->sums;
    if (s->sums && scratch) {
        for (size_t k = 0; k < most; k++) scratch[k] = -1;
        for (cn_idx i = 0; i < s->n_batches; i++) {
            cn_batch *b = &s->batches[i];
            const size_t n = (size_t)b->n;
            cn_idx *const next = scratch + most;
            at = cn_sums_init(&b->rows, b->index, n * (size_t)b->kernel->n_local, s->n, at, scratch, next);
            at = cn_sums_init(&b->jf_sums, b->jf_slot, n * (size_t)b->kernel->n_jf, s->nnz, at, scratch, next);
            at = cn_sums_init(&b->jq_sums, b->jq_slot, n * (size_t)b->kernel->n_jq, s->nnz, at, scratch, next);
        }
    }
    free(scratch);
    return s->sums && scratch ? CN_OK : CN_NO_MEMORY;
}

static int has_switches(const cn_kernel *kernel) { return kernel->n_discrete > kernel->n_jump; }

/* What jumps at random begins where its model says, and stays there but for a transient. */
static void start_jumps(cn_batch *b, double gmin)
{
    const cn_kernel *kernel = b->kernel;
    const double env[CN_ENV_SIZE] = {gmin, 0.0};
    const size_t first = (size_t)(kernel->n_limit - kernel->n_jump) * (size_t)b->n;
    const size_t bytes = sizeof(double) * (size_t)kernel->n_jump * (size_t)b->n;
    if (kernel->n_jump == 0) return;
    kernel->limit(kernel, b->n, b->u, b->param, env, b->acc, b->lim, CN_LIMIT_START);
    memcpy(b->acc + first, b->lim + first, bytes);
    memcpy(b->mark + first, b->lim + first, bytes);
}

cn_status cn_system_init(cn_system *s, const cn_idx *perm)
{
    const size_t n = (size_t)s->n + 1, nnz = (size_t)s->nnz + 1; /* the last of each is ground's */
    s->scale = 1.0;
    s->base_stale = 1;
    double **vectors[] = {&s->f, &s->q, &s->dx, &s->residual, &s->good, &s->drive, &s->anchor, &s->f_quiet, &s->q_quiet,
                          &s->noise, &s->row_noise};
    double **matrices[] = {&s->base, &s->ax, &s->g, &s->c};
    for (size_t k = 0; k < sizeof vectors / sizeof *vectors; k++)
        if (!(*vectors[k] = calloc(n, sizeof(double)))) return CN_NO_MEMORY;
    for (size_t k = 0; k < sizeof matrices / sizeof *matrices; k++)
        if (!(*matrices[k] = calloc(nnz, sizeof(double)))) return CN_NO_MEMORY;
    size_t largest = 1;
    for (cn_idx i = 0; i < s->n_batches; i++) {
        const cn_kernel *kernel = s->batches[i].kernel;
        const size_t size = ((size_t)kernel->n_local + (size_t)kernel->n_limit) * (size_t)s->batches[i].n;
        if (has_switches(kernel) && size > largest) largest = size;
    }
    s->turning = calloc(largest, sizeof(double));
    s->is_held = calloc(n, 1);
    if (!s->is_held || !s->turning || cn_quiet_init(s) != CN_OK || gather_sums(s) != CN_OK) return CN_NO_MEMORY;
    memcpy(s->g, s->g0, sizeof(double) * (size_t)s->nnz);
    memcpy(s->c, s->c0, sizeof(double) * (size_t)s->nnz);
    for (cn_idx k = 0; k < s->n_held; k++) s->is_held[s->held_row[k]] = 1;
    for (cn_idx i = 0; i < s->n_batches; i++) start_jumps(&s->batches[i], s->options.gmin);
    return cn_lu_init(&s->lu, s->n, s->ap, s->ai, perm);
}

void cn_system_free(cn_system *s)
{
    cn_delay_stop(&s->delays);
    cn_lu_free(s->lu);
    double *all[] = {s->base, s->ax, s->g, s->c, s->f, s->q, s->dx, s->residual, s->good, s->drive, s->anchor, s->f_quiet,
                     s->q_quiet, s->noise, s->row_noise, s->touched_values, s->turning};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) free(all[k]);
    free(s->is_held);
    free(s->touched);
    free(s->sums);
}

void cn_system_drive(cn_system *s, cn_mode mode, double t)
{
    memset(s->drive, 0, sizeof(double) * ((size_t)s->n + 1));
    for (cn_idx k = 0; k < s->n_drive; k++) {
        const cn_source *source = &s->sources[s->drive_source[k]];
        const double value = mode == CN_MODE_DC ? cn_source_dc(source) : cn_source_value(source, t);
        s->drive[s->drive_row[k]] += s->drive_value[k] * value;
    }
    cn_delay_drive(&s->delays, t, s->drive);
}

/* y += A x for a matrix on the pattern. */
static void multiply_add(const cn_system *s, const double *a, const double *x, double *y)
{
    for (cn_idx j = 0; j < s->n; j++) {
        const double xj = x[j];
        if (xj == 0.0) continue;
        for (cn_idx k = s->ap[j]; k < s->ap[j + 1]; k++) y[s->ai[k]] += a[k] * xj;
    }
}

void cn_system_base(cn_system *s, double alpha)
{
    if (!s->base_stale && s->base_alpha == alpha && s->base_shunt == s->shunt && s->base_forcing == s->forcing) return;
    for (cn_idx k = 0; k < s->nnz; k++) s->base[k] = s->g[k] + alpha * s->c[k];
    if (s->shunt != 0.0)
        for (cn_idx i = 0; i < s->n; i++)
            if (s->kind[i] == CN_NODE) s->base[s->diagonal[i]] += s->shunt;
    if (s->forcing)
        for (cn_idx k = 0; k < s->n_forced; k++) s->base[s->diagonal[s->forced_row[k]]] += FORCE_CONDUCTANCE;
    s->base_alpha = alpha;
    s->base_shunt = s->shunt;
    s->base_forcing = s->forcing;
    s->base_stale = 0;
    s->lu_current = 0;
}

static void gather(const cn_batch *b, const double *x)
{
    const cn_idx total = b->kernel->n_local * b->n;
    for (cn_idx k = 0; k < total; k++) b->u[k] = x[b->index[k]];
}

/* A held state's row becomes w = w0: its entries go, its diagonal is one. */
static void hold_states(cn_system *s, const double *x)
{
    if (s->n_held == 0) return;
    for (cn_idx k = 0; k < s->nnz; k++)
        if (s->is_held[s->ai[k]]) s->ax[k] = 0.0;
    for (cn_idx k = 0; k < s->n_held; k++) {
        const cn_idx row = s->held_row[k];
        s->ax[s->diagonal[row]] = 1.0;
        s->f[row] = x[row] - s->held_value[k];
    }
}

static size_t positions_of(const cn_batch *b)
{
    return (size_t)(b->kernel->n_limit - b->kernel->n_discrete) * (size_t)b->n;
}

static size_t position_bytes(const cn_batch *b)
{
    return sizeof(double) * (size_t)(b->kernel->n_discrete - b->kernel->n_jump) * (size_t)b->n;
}

static void hold_switches(cn_batch *b)
{
    if (has_switches(b->kernel)) memcpy(b->lim + positions_of(b), b->acc + positions_of(b), position_bytes(b));
}

void cn_system_hold(cn_system *s)
{
    for (cn_idx i = 0; i < s->n_batches; i++) hold_switches(&s->batches[i]);
}

cn_idx cn_system_turn(cn_system *s, const double *x, double t)
{
    const double env[CN_ENV_SIZE] = {s->options.gmin, t};
    cn_idx turned = 0;
    for (cn_idx i = 0; i < s->n_batches; i++) {
        cn_batch *b = &s->batches[i];
        const cn_kernel *kernel = b->kernel;
        if (b->quiet || !has_switches(kernel)) continue;
        /* What the last iteration has left in the batch's own arrays gives the charges of the step. */
        const size_t local = (size_t)kernel->n_local * (size_t)b->n, limits = (size_t)kernel->n_limit * (size_t)b->n;
        double *const u = s->turning, *const lim = u + local;
        for (size_t k = 0; k < local; k++) u[k] = x[b->index[k]];
        memcpy(lim, b->lim, sizeof(double) * limits);
        kernel->limit(kernel, b->n, u, b->param, env, b->lim, lim, CN_LIMIT_FOLLOW);
        const size_t first = positions_of(b), bytes = position_bytes(b);
        if (memcmp(b->lim + first, lim + first, bytes) == 0) continue;
        memcpy(b->lim + first, lim + first, bytes);
        turned++;
    }
    return turned;
}

/* x is meant as it is: let the limited voltages come to it, a few rounds for limiting that still holds back. */
static void settle_limits(cn_batch *b, const double *env, int switches)
{
    const cn_kernel *kernel = b->kernel;
    const int init = has_switches(kernel) ? switches : CN_LIMIT_FOLLOW;
    if (!kernel->limit) return;
    for (int round = 0; round < 50; round++)
        if (kernel->limit(kernel, b->n, b->u, b->param, env, b->acc, b->lim, init) == 0) break;
}

void cn_system_load(cn_system *s, const double *x, double alpha, cn_mode mode, double t, cn_limiting how, cn_idx *held)
{
    const double env[CN_ENV_SIZE] = {s->options.gmin, t};
    *held = 0;
    if (mode == CN_MODE_DC) {
        cn_quiet_wake(s);
    } else {
        cn_quiet_check(s, x);
    }
    cn_system_base(s, alpha);
    for (cn_idx i = 0; i <= s->n; i++) s->f[i] = s->f_quiet[i] + alpha * s->q_quiet[i];
    multiply_add(s, s->base, x, s->f);
    if (s->n_quiet < s->n_batches || s->n_held) memcpy(s->ax, s->base, sizeof(double) * (size_t)s->nnz);
    for (cn_idx i = 0; i < s->n_batches; i++) {
        cn_batch *b = &s->batches[i];
        const cn_kernel *kernel = b->kernel;
        if (b->quiet) continue;
        gather(b, x);
        if (how == CN_SETTLE) {
            settle_limits(b, env, CN_LIMIT_HOLD);
        } else if (kernel->limit && !(how == CN_HOLD_OFF && b->off)) {
            const int init = how == CN_START ? CN_LIMIT_START : has_switches(kernel) ? CN_LIMIT_HOLD : CN_LIMIT_FOLLOW;
            *held += kernel->limit(kernel, b->n, b->u, b->param, env, b->acc, b->lim, init);
            if (how == CN_START) hold_switches(b);
        }
        kernel->eval(kernel, b->n, b->u, b->lim, b->param, env, b->f, b->q, b->jf, b->jq);
        cn_sums_add(&b->jf_sums, b->jf, 1.0, s->ax);
        if (kernel->n_jq && alpha != 0.0) {
            cn_sums_add_two(&b->rows, b->f, b->q, alpha, s->f);
            cn_sums_add(&b->jq_sums, b->jq, alpha, s->ax);
        } else {
            cn_sums_add(&b->rows, b->f, 1.0, s->f);
        }
        if (b->rests) cn_quiet_note(b, x);
    }
    s->report.evaluations += s->n_batches - s->n_quiet;
    /* The conductances to other voltages than zero are in the base already. */
    if (s->shunt != 0.0)
        for (cn_idx i = 0; i < s->n; i++)
            if (s->kind[i] == CN_NODE) s->f[i] -= s->shunt * s->anchor[i];
    if (s->forcing)
        for (cn_idx k = 0; k < s->n_forced; k++) s->f[s->forced_row[k]] -= FORCE_CONDUCTANCE * s->forced_value[k];
    if (mode == CN_MODE_DC) hold_states(s, x);
}

void cn_system_charges(cn_system *s, const double *x, double t)
{
    const double env[CN_ENV_SIZE] = {s->options.gmin, t};
    cn_quiet_wake(s);
    memset(s->q, 0, sizeof(double) * ((size_t)s->n + 1));
    multiply_add(s, s->c, x, s->q);
    for (cn_idx i = 0; i < s->n_batches; i++) {
        cn_batch *b = &s->batches[i];
        const cn_kernel *kernel = b->kernel;
        if (kernel->n_jq == 0 && !(kernel->flags & CN_KERNEL_MEMORY)) continue;
        gather(b, x);
        settle_limits(b, env, CN_LIMIT_FOLLOW);
        if (kernel->n_jq == 0) continue;
        kernel->eval(kernel, b->n, b->u, b->lim, b->param, env, b->f, b->q, b->jf, b->jq);
        cn_sums_add(&b->rows, b->q, 1.0, s->q);
    }
}

void cn_system_step_charges(cn_system *s, const double *x, double t)
{
    const double env[CN_ENV_SIZE] = {s->options.gmin, t};
    memcpy(s->q, s->q_quiet, sizeof(double) * ((size_t)s->n + 1));
    multiply_add(s, s->c, x, s->q);
    for (cn_idx i = 0; i < s->n_batches; i++) {
        cn_batch *b = &s->batches[i];
        const cn_kernel *kernel = b->kernel;
        const size_t n = (size_t)b->n;
        if (b->quiet) continue;
        if (kernel->flags & CN_KERNEL_MEMORY) {
            gather(b, x);
            settle_limits(b, env, CN_LIMIT_FOLLOW);
            if (kernel->n_jq) kernel->eval(kernel, b->n, b->u, b->lim, b->param, env, b->f, b->q, b->jf, b->jq);
        }
        if (kernel->n_jq == 0) continue;
        cn_sums_add(&b->rows, b->q, 1.0, s->q);
        if (kernel->flags & CN_KERNEL_MEMORY) continue;
        for (size_t e = 0; e < (size_t)kernel->n_jq; e++) {
            const cn_idx *row = b->index + (size_t)kernel->jq_row[e] * n;
            const cn_idx *column = b->index + (size_t)kernel->jq_col[e] * n;
            const double *u = b->u + (size_t)kernel->jq_col[e] * n;
            for (size_t k = 0; k < n; k++) s->q[row[k]] += b->jq[e * n + k] * (x[column[k]] - u[k]);
        }
    }
}

void cn_system_jacobians(cn_system *s, const double *x, double *gx, double *cx)
{
    const double env[CN_ENV_SIZE] = {s->options.gmin, 0.0};
    const size_t bytes = sizeof(double) * (size_t)s->nnz;
    cn_quiet_wake(s);
    memcpy(gx, s->g0, bytes);
    memcpy(cx, s->c0, bytes);
    for (cn_idx i = 0; i < s->n_batches; i++) {
        cn_batch *b = &s->batches[i];
        const cn_kernel *kernel = b->kernel;
        gather(b, x);
        settle_limits(b, env, CN_LIMIT_FOLLOW);
        kernel->eval(kernel, b->n, b->u, b->lim, b->param, env, b->f, b->q, b->jf, b->jq);
        cn_sums_add(&b->jf_sums, b->jf, 1.0, gx);
        cn_sums_add(&b->jq_sums, b->jq, 1.0, cx);
    }
}

static void copy_limits(const cn_batch *b, double *into, const double *from)
{
    if (b->kernel->n_limit) memcpy(into, from, sizeof(double) * (size_t)b->kernel->n_limit * (size_t)b->n);
}

void cn_system_accept(cn_system *s)
{
    for (cn_idx i = 0; i < s->n_batches; i++) copy_limits(&s->batches[i], s->batches[i].acc, s->batches[i].lim);
}

void cn_system_revert(cn_system *s)
{
    for (cn_idx i = 0; i < s->n_batches; i++) copy_limits(&s->batches[i], s->batches[i].lim, s->batches[i].acc);
}

void cn_system_start(cn_system *s, const double *x)
{
    const double env[CN_ENV_SIZE] = {s->options.gmin, 0.0};
    for (cn_idx i = 0; i < s->n_batches; i++) {
        cn_batch *b = &s->batches[i];
        if (!(b->kernel->flags & CN_KERNEL_MEMORY)) continue;
        gather(b, x);
        settle_limits(b, env, CN_LIMIT_FOLLOW);
        copy_limits(b, b->acc, b->lim);
    }
}

/* Put the entries by which the ends of lines see each other at once into the linear part, or take them out. */
static void couple(cn_system *s, double sign)
{
    for (cn_idx k = 0; k < s->delays.n_couplings; k++) {
        s->g0[s->delays.coupling_slot[k]] += sign * s->delays.coupling[k];
        s->g[s->delays.coupling_slot[k]] += sign * s->delays.coupling[k];
    }
    s->base_stale = 1;
}

cn_status cn_system_start_delays(cn_system *s, const double *x, double t, int use_ic)
{
    s->delays.reltol = s->options.reltol;
    if (s->delays.n == 0) return CN_OK;
    const int running = s->delays.running;
    const cn_status status = cn_delay_start(&s->delays, x, t, use_ic);
    if (status == CN_OK && !running) couple(s, -1.0);
    return status;
}

void cn_system_stop_delays(cn_system *s)
{
    if (s->delays.running) couple(s, 1.0);
    cn_delay_stop(&s->delays);
}

void cn_system_mark(cn_system *s)
{
    for (cn_idx i = 0; i < s->n_batches; i++) copy_limits(&s->batches[i], s->batches[i].mark, s->batches[i].acc);
}

void cn_system_return(cn_system *s)
{
    cn_quiet_wake(s);
    for (cn_idx i = 0; i < s->n_batches; i++) copy_limits(&s->batches[i], s->batches[i].acc, s->batches[i].mark);
    cn_system_revert(s);
}

int cn_system_switched(const cn_system *s)
{
    for (cn_idx i = 0; i < s->n_batches; i++) {
        const cn_batch *b = &s->batches[i];
        if (b->kernel->n_discrete == 0) continue;
        const size_t first = (size_t)(b->kernel->n_limit - b->kernel->n_discrete) * (size_t)b->n;
        const size_t count = (size_t)b->kernel->n_discrete * (size_t)b->n;
        if (memcmp(b->lim + first, b->acc + first, count * sizeof(double)) != 0) return 1;
    }
    return 0;
}
