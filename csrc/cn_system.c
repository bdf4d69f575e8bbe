/* Assembly: residual and Jacobian of the whole circuit on one fixed sparsity pattern. */
#include "cn_system.h"

#include <stdlib.h>
#include <string.h>

/* ngspice ties .ic and .nodeset nodes with the same conductance. */
#define FORCE_CONDUCTANCE 1e10

cn_status cn_system_init(cn_system *s, const cn_idx *perm)
{
    const size_t n = (size_t)s->n + 1, nnz = (size_t)s->nnz + 1; /* one more: no empty allocation */
    s->scale = 1.0;
    s->base_mode = -1;
    s->base = calloc(nnz, sizeof(double));
    s->ax = calloc(nnz, sizeof(double));
    s->f = calloc(n, sizeof(double));
    s->q = calloc(n, sizeof(double));
    s->dx = calloc(n, sizeof(double));
    s->residual = calloc(n, sizeof(double));
    s->good = calloc(n, sizeof(double));
    s->drive = calloc(n, sizeof(double));
    s->is_held = calloc(n, 1);
    if (!s->base || !s->ax || !s->f || !s->q || !s->dx || !s->residual || !s->good || !s->drive || !s->is_held) return CN_NO_MEMORY;
    for (cn_idx k = 0; k < s->n_held; k++) s->is_held[s->held_row[k]] = 1;
    return cn_lu_init(&s->lu, s->n, s->ap, s->ai, perm);
}

void cn_system_free(cn_system *s)
{
    cn_lu_free(s->lu);
    free(s->base);
    free(s->ax);
    free(s->f);
    free(s->q);
    free(s->dx);
    free(s->residual);
    free(s->good);
    free(s->drive);
    free(s->is_held);
}

void cn_system_drive(cn_system *s, cn_mode mode, double t)
{
    memset(s->drive, 0, sizeof(double) * ((size_t)s->n + 1));
    for (cn_idx k = 0; k < s->n_drive; k++) {
        const cn_source *source = &s->sources[s->drive_source[k]];
        const double value = mode == CN_MODE_DC ? cn_source_dc(source) : cn_source_value(source, t);
        s->drive[s->drive_row[k]] += s->drive_value[k] * value;
    }
}

/* y += A x for the constant matrix A = g0 or c0. */
static void multiply_add(const cn_system *s, const double *a, const double *x, double *y)
{
    for (cn_idx j = 0; j < s->n; j++) {
        const double xj = x[j];
        if (xj == 0.0) continue;
        for (cn_idx k = s->ap[j]; k < s->ap[j + 1]; k++) y[s->ai[k]] += a[k] * xj;
    }
}

static void set_base(cn_system *s, double alpha, cn_mode mode)
{
    if (s->base_mode == (int)mode && s->base_alpha == alpha && s->base_shunt == s->shunt && s->base_forcing == s->forcing)
        return;
    for (cn_idx k = 0; k < s->nnz; k++) s->base[k] = s->g0[k] + alpha * s->c0[k];
    if (s->shunt != 0.0)
        for (cn_idx i = 0; i < s->n; i++)
            if (s->kind[i] == CN_NODE) s->base[s->diagonal[i]] += s->shunt;
    if (s->forcing)
        for (cn_idx k = 0; k < s->n_forced; k++) s->base[s->diagonal[s->forced_row[k]]] += FORCE_CONDUCTANCE;
    s->base_alpha = alpha;
    s->base_shunt = s->shunt;
    s->base_mode = (int)mode;
    s->base_forcing = s->forcing;
    s->lu_current = 0;
}

static void gather(const cn_batch *b, const double *x)
{
    const cn_idx total = b->kernel->n_local * b->n;
    for (cn_idx k = 0; k < total; k++) b->u[k] = x[b->index[k]];
}

static void scatter(const cn_idx *slot, const double *value, size_t count, double *into)
{
    for (size_t k = 0; k < count; k++) into[slot[k]] += value[k];
}

static void stamp(cn_idx count, const cn_idx *from, const cn_idx *slot, const double *value, double factor, double *into)
{
    for (cn_idx k = 0; k < count; k++) into[slot[k]] += factor * value[from[k]];
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
        s->q[row] = x[row];
    }
}

void cn_system_load(cn_system *s, const double *x, double alpha, cn_mode mode, double t, int init, cn_idx *held)
{
    const double env[CN_ENV_SIZE] = {s->options.gmin, t};
    const size_t bytes = sizeof(double) * ((size_t)s->n + 1);
    *held = 0;
    set_base(s, alpha, mode);
    memset(s->f, 0, bytes);
    memset(s->q, 0, bytes);
    multiply_add(s, s->g0, x, s->f);
    multiply_add(s, s->c0, x, s->q);
    if (s->n_batches || s->n_held) memcpy(s->ax, s->base, sizeof(double) * (size_t)s->nnz);
    for (cn_idx i = 0; i < s->n_batches; i++) {
        cn_batch *b = &s->batches[i];
        const cn_kernel *kernel = b->kernel;
        gather(b, x);
        if (kernel->limit) *held += kernel->limit(kernel, b->n, b->u, b->param, env, b->acc, b->lim, init);
        kernel->eval(kernel, b->n, b->u, b->lim, b->param, env, b->f, b->q, b->jf, b->jq);
        const size_t n = (size_t)b->n;
        scatter(b->index, b->f, n * (size_t)kernel->n_local, s->f);
        scatter(b->index, b->q, n * (size_t)kernel->n_local, s->q);
        stamp(b->jf_count, b->jf_from, b->jf_slot, b->jf, 1.0, s->ax);
        if (alpha != 0.0) stamp(b->jq_count, b->jq_from, b->jq_slot, b->jq, alpha, s->ax);
    }
    if (s->shunt != 0.0)
        for (cn_idx i = 0; i < s->n; i++)
            if (s->kind[i] == CN_NODE) s->f[i] += s->shunt * x[i];
    if (s->forcing)
        for (cn_idx k = 0; k < s->n_forced; k++)
            s->f[s->forced_row[k]] += FORCE_CONDUCTANCE * (x[s->forced_row[k]] - s->forced_value[k]);
    if (mode == CN_MODE_DC) hold_states(s, x);
}

/* x is meant as it is: let the limited voltages come to it, a few rounds for limiting that still holds back. */
static void settle_limits(cn_batch *b, const double *env)
{
    const cn_kernel *kernel = b->kernel;
    if (!kernel->limit) return;
    for (int round = 0; round < 50; round++)
        if (kernel->limit(kernel, b->n, b->u, b->param, env, b->acc, b->lim, 0) == 0) break;
}

void cn_system_charges(cn_system *s, const double *x, double t)
{
    const double env[CN_ENV_SIZE] = {s->options.gmin, t};
    memset(s->q, 0, sizeof(double) * ((size_t)s->n + 1));
    multiply_add(s, s->c0, x, s->q);
    for (cn_idx i = 0; i < s->n_batches; i++) {
        cn_batch *b = &s->batches[i];
        const cn_kernel *kernel = b->kernel;
        if (kernel->n_jq == 0 && !(kernel->flags & CN_KERNEL_MEMORY)) continue;
        gather(b, x);
        settle_limits(b, env);
        if (kernel->n_jq == 0) continue;
        kernel->eval(kernel, b->n, b->u, b->lim, b->param, env, b->f, b->q, b->jf, b->jq);
        scatter(b->index, b->q, (size_t)b->n * (size_t)kernel->n_local, s->q);
    }
}

void cn_system_jacobians(cn_system *s, const double *x, double *gx, double *cx)
{
    const double env[CN_ENV_SIZE] = {s->options.gmin, 0.0};
    const size_t bytes = sizeof(double) * (size_t)s->nnz;
    memcpy(gx, s->g0, bytes);
    memcpy(cx, s->c0, bytes);
    for (cn_idx i = 0; i < s->n_batches; i++) {
        cn_batch *b = &s->batches[i];
        const cn_kernel *kernel = b->kernel;
        gather(b, x);
        settle_limits(b, env);
        kernel->eval(kernel, b->n, b->u, b->lim, b->param, env, b->f, b->q, b->jf, b->jq);
        stamp(b->jf_count, b->jf_from, b->jf_slot, b->jf, 1.0, gx);
        stamp(b->jq_count, b->jq_from, b->jq_slot, b->jq, 1.0, cx);
    }
}

static size_t limit_bytes(const cn_batch *b)
{
    return sizeof(double) * (size_t)b->kernel->n_limit * (size_t)b->n;
}

static void copy_limits(const cn_batch *b, double *into, const double *from)
{
    if (b->kernel->n_limit) memcpy(into, from, limit_bytes(b));
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
        settle_limits(b, env);
        copy_limits(b, b->acc, b->lim);
    }
}

void cn_system_mark(cn_system *s)
{
    for (cn_idx i = 0; i < s->n_batches; i++) copy_limits(&s->batches[i], s->batches[i].mark, s->batches[i].acc);
}

void cn_system_return(cn_system *s)
{
    for (cn_idx i = 0; i < s->n_batches; i++) copy_limits(&s->batches[i], s->batches[i].acc, s->batches[i].mark);
    cn_system_revert(s);
}

int cn_system_switched(const cn_system *s)
{
    for (cn_idx i = 0; i < s->n_batches; i++) {
        const cn_batch *b = &s->batches[i];
        const size_t first = (size_t)(b->kernel->n_limit - b->kernel->n_discrete) * (size_t)b->n;
        const size_t count = (size_t)b->kernel->n_discrete * (size_t)b->n;
        if (count && memcmp(b->lim + first, b->acc + first, count * sizeof(double)) != 0) return 1;
    }
    return 0;
}
