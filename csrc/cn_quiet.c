/* Quiet devices: see cn_quiet.h. */
#include "cn_quiet.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A batch wakes when an unknown has moved by this part of Newton's tolerance, and rests below a quarter of it. */
static const double STRAY = 0.2;
static const double REST = 0.25;

cn_status cn_quiet_init(cn_system *s)
{
    size_t total = 1;
    for (cn_idx i = 0; i < s->n_batches; i++)
        if (s->batches[i].rests) total += (size_t)s->batches[i].kernel->n_local * (size_t)s->batches[i].n;
    s->touched = calloc(total, sizeof(cn_idx));
    s->touched_values = calloc(2 * total, sizeof(double));
    cn_idx *last = calloc((size_t)s->n + 1, sizeof(cn_idx)); /* the batch, counted from 1, that last listed an unknown */
    if (s->touched && s->touched_values && last) {
        size_t at = 0;
        for (cn_idx i = 0; i < s->n_batches; i++) {
            cn_batch *b = &s->batches[i];
            if (!b->rests) continue;
            const size_t local = (size_t)b->kernel->n_local * (size_t)b->n;
            b->touch = s->touched + at;
            b->at = s->touched_values + 2 * at;
            for (size_t k = 0; k < local; k++) {
                const cn_idx u = b->index[k];
                if (u == s->n || last[u] == i + 1) continue;
                last[u] = i + 1;
                b->touch[b->n_touch++] = u;
            }
            b->seen = b->at + b->n_touch;
            at += (size_t)b->n_touch;
        }
    }
    free(last);
    return s->touched && s->touched_values && last ? CN_OK : CN_NO_MEMORY;
}

/* Whether a value has moved by more than `part` of what a batch at rest may stray. */
static int strays(const cn_system *s, cn_idx unknown, double now, double before, double part)
{
    return fabs(now - before) > part * STRAY * (s->options.reltol * fabs(before) + s->tol[unknown]);
}

/* Add the linearisation of a batch to the linear part (sign 1), or take it out again (sign -1). */
static void shift(cn_system *s, const cn_batch *b, double sign)
{
    const cn_kernel *kernel = b->kernel;
    const size_t n = (size_t)b->n;
    cn_sums_add(&b->rows, b->f, sign, s->f_quiet);
    cn_sums_add(&b->rows, b->q, sign, s->q_quiet);
    cn_sums_add(&b->jf_sums, b->jf, sign, s->g);
    cn_sums_add(&b->jq_sums, b->jq, sign, s->c);
    for (size_t e = 0; e < (size_t)kernel->n_jf; e++) {
        const cn_idx *row = b->index + (size_t)kernel->jf_row[e] * n;
        const double *u = b->u + (size_t)kernel->jf_col[e] * n, *j = b->jf + e * n;
        for (size_t i = 0; i < n; i++) s->f_quiet[row[i]] -= sign * j[i] * u[i];
    }
    for (size_t e = 0; e < (size_t)kernel->n_jq; e++) {
        const cn_idx *row = b->index + (size_t)kernel->jq_row[e] * n;
        const double *u = b->u + (size_t)kernel->jq_col[e] * n, *j = b->jq + e * n;
        for (size_t i = 0; i < n; i++) s->q_quiet[row[i]] -= sign * j[i] * u[i];
    }
    s->base_stale = 1;
}

/* The linear part without any batch. */
static void clear(cn_system *s)
{
    const size_t matrix = sizeof(double) * (size_t)s->nnz, vector = sizeof(double) * ((size_t)s->n + 1);
    memcpy(s->g, s->g0, matrix);
    memcpy(s->c, s->c0, matrix);
    memset(s->f_quiet, 0, vector);
    memset(s->q_quiet, 0, vector);
    s->woken = 0;
    s->base_stale = 1;
}

void cn_quiet_rouse(cn_system *s, cn_batch *b)
{
    if (!b->quiet) return;
    b->quiet = 0;
    s->n_quiet--;
    shift(s, b, -1.0);
    s->woken++;
}

void cn_quiet_check(cn_system *s, const double *x)
{
    if (s->n_quiet == 0) return;
    for (cn_idx i = 0; i < s->n_batches; i++) {
        cn_batch *b = &s->batches[i];
        if (!b->quiet) continue;
        int moved = 0;
        for (cn_idx k = 0; k < b->n_touch; k++) moved |= strays(s, b->touch[k], x[b->touch[k]], b->at[k], 1.0);
        if (moved) cn_quiet_rouse(s, b);
    }
    if (s->woken > s->n_batches + 16) {
        /* Taking out what was put in leaves rounding errors: begin anew before they add up. */
        clear(s);
        for (cn_idx i = 0; i < s->n_batches; i++)
            if (s->batches[i].quiet) shift(s, &s->batches[i], 1.0);
    }
}

void cn_quiet_rest(cn_system *s)
{
    for (cn_idx i = 0; i < s->n_batches; i++) {
        cn_batch *b = &s->batches[i];
        if (b->quiet || !b->rests) continue;
        int moved = 0;
        for (cn_idx k = 0; k < b->n_touch; k++) {
            moved |= strays(s, b->touch[k], b->at[k], b->seen[k], REST);
            b->seen[k] = b->at[k];
        }
        if (moved) continue;
        b->quiet = 1;
        s->n_quiet++;
        shift(s, b, 1.0);
    }
}

void cn_quiet_wake(cn_system *s)
{
    if (s->n_quiet == 0) return;
    for (cn_idx i = 0; i < s->n_batches; i++) s->batches[i].quiet = 0;
    s->n_quiet = 0;
    clear(s);
}
