/* Rows of the pivots, factorisation front by front, solution. */
#include "cn_fronts.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cn_front_dense.h"
#include "cn_front_plan.h"
#include "cn_memory.h"
#include "cn_pivot.h"

struct cn_fronts {
    cn_idx n, bad;
    int planned, valid;
    const cn_idx *ap, *ai, *perm;
    cn_front_plan plan;
    const cn_front_kernels *kernels;
    cn_idx *row_of, *column_of; /* n: row of the pivot of each column; column of each row, or -1 */
    cn_idx *next, *path, *seen; /* n: of the search for rows */
    cn_idx *open;               /* fronts whose Schur complements lie on the stack */
    double *scale, *column_scale; /* n: of the rows and columns */
    double *weight;             /* n: scale of the row of each pivot */
    double *least;              /* n: smallest pivot accepted by refactorisation */
    double *inverse;            /* n: of the pivots */
    double *x;                  /* n */
    double *local;              /* 3 x the largest front */
    double *factors, *stack;
    size_t factor_bytes, stack_bytes;
};

static void drop_plan(cn_fronts *f)
{
    cn_memory_give(f->factors, f->factor_bytes);
    cn_memory_give(f->stack, f->stack_bytes);
    free(f->local);
    f->factors = f->stack = f->local = NULL;
    f->factor_bytes = f->stack_bytes = 0;
    cn_front_plan_free(&f->plan);
    f->planned = f->valid = 0;
}

void cn_fronts_free(cn_fronts *f)
{
    if (!f) return;
    drop_plan(f);
    free(f->row_of);
    free(f->scale);
    free(f);
}

cn_status cn_fronts_init(cn_fronts **out, cn_idx n, const cn_idx *ap, const cn_idx *ai, const cn_idx *perm)
{
    const size_t m = (size_t)n;
    *out = NULL;
    cn_fronts *const f = calloc(1, sizeof *f);
    if (!f) return CN_NO_MEMORY;
    f->n = n;
    f->bad = -1;
    f->ap = ap;
    f->ai = ai;
    f->perm = perm;
    f->kernels = cn_front_kernels_here();
    f->row_of = malloc((6 * m + 1) * sizeof *f->row_of);
    f->scale = calloc(6 * m + 1, sizeof *f->scale);
    if (!f->row_of || !f->scale) {
        cn_fronts_free(f);
        return CN_NO_MEMORY;
    }
    cn_idx **const parts[] = {&f->column_of, &f->next, &f->path, &f->seen, &f->open};
    for (size_t k = 0; k < sizeof parts / sizeof *parts; k++) *parts[k] = f->row_of + (k + 1) * m;
    f->weight = f->scale + m;
    f->least = f->scale + 2 * m;
    f->inverse = f->scale + 3 * m;
    f->x = f->scale + 4 * m;
    f->column_scale = f->scale + 5 * m;
    *out = f;
    return CN_OK;
}

static int all_finite(cn_fronts *f, const double *ax)
{
    double check = 0.0;
    for (cn_idx p = 0; p < f->ap[f->n]; p++) check += 0.0 * ax[p];
    if (check == 0.0) return 1;
    for (cn_idx j = 0; j < f->n; j++) {
        for (cn_idx p = f->ap[j]; p < f->ap[j + 1]; p++) {
            if (fabs(ax[p]) <= DBL_MAX) continue;
            f->bad = j;
            return 0;
        }
    }
    return 1;
}

/* Scale rows and columns so that the largest of each comes near one (Ruiz, Rutherford Appleton Laboratory, RAL-TR-2001-034):
 * pivots are chosen once and for all here, and the unit of a state must not make a node's conductances look small. */
static void equilibrate(cn_fronts *f, const double *ax)
{
    double *const rows = f->weight, *const columns = f->least; /* largest of each */
    for (cn_idx k = 0; k < f->n; k++) f->scale[k] = f->column_scale[k] = 1.0;
    for (int sweep = 0; sweep < 3; sweep++) {
        memset(rows, 0, (size_t)f->n * sizeof *rows);
        for (cn_idx j = 0; j < f->n; j++) {
            double largest = 0.0;
            for (cn_idx p = f->ap[j]; p < f->ap[j + 1]; p++) {
                const double size = fabs(ax[p]) * f->scale[f->ai[p]] * f->column_scale[j];
                if (size > rows[f->ai[p]]) rows[f->ai[p]] = size;
                if (size > largest) largest = size;
            }
            columns[j] = largest;
        }
        for (cn_idx k = 0; k < f->n; k++) {
            if (rows[k] > 1e-300) f->scale[k] /= sqrt(rows[k]);
            if (columns[k] > 1e-300) f->column_scale[k] /= sqrt(columns[k]);
        }
    }
}

static int may_serve(const cn_fronts *f, const double *ax, const double *most, cn_idx column, cn_idx p)
{
    const double size = fabs(ax[p]) * f->scale[f->ai[p]];
    return size > 0.0 && size >= most[column];
}

/* A row of a column that no other column has; -1: none. */
static cn_idx free_row(const cn_fronts *f, const double *ax, const double *most, cn_idx column)
{
    for (cn_idx p = f->ap[column]; p < f->ap[column + 1]; p++) {
        if (f->column_of[f->ai[p]] < 0 && may_serve(f, ax, most, column, p)) return f->ai[p];
    }
    return -1;
}

/* Find a row for column j, moving the columns along a path to other rows of theirs; paths that end at once come first, so
 * that few pivots leave the diagonal.  most[k]: size that an entry of column k needs.  Depth first (Duff, ACM TOMS 7 (1981)
 * 315). */
static int assign(cn_fronts *f, const double *ax, const double *most, cn_idx j)
{
    cn_idx depth = 0;
    f->path[0] = j;
    f->next[j] = f->ap[j];
    while (depth >= 0) {
        const cn_idx column = f->path[depth];
        cn_idx row = f->next[column] == f->ap[column] ? free_row(f, ax, most, column) : -1;
        if (row >= 0) {
            f->row_of[column] = row;
            for (cn_idx k = 0; k <= depth; k++) f->column_of[f->row_of[f->path[k]]] = f->path[k];
            return 1;
        }
        while (row < 0 && f->next[column] < f->ap[column + 1]) {
            const cn_idx p = f->next[column]++, i = f->ai[p];
            if (f->seen[i] == j || f->column_of[i] < 0 || !may_serve(f, ax, most, column, p)) continue;
            f->seen[i] = j;
            row = i;
        }
        if (row < 0) {
            if (depth > 0) f->row_of[column] = f->row_of[f->path[depth - 1]]; /* the row that it had */
            depth--;
            continue;
        }
        f->row_of[column] = row;
        f->path[++depth] = f->column_of[row];
        f->next[f->path[depth]] = f->ap[f->path[depth]];
    }
    return 0;
}

/* Give each column a row whose entry is not much smaller than the column's largest: the diagonal where that is so. */
static cn_status match(cn_fronts *f, const double *ax)
{
    double *const most = f->x;
    for (cn_idx i = 0; i < f->n; i++) f->column_of[i] = f->row_of[i] = f->seen[i] = -1;
    for (cn_idx j = 0; j < f->n; j++) {
        double largest = 0.0, diagonal = 0.0;
        for (cn_idx p = f->ap[j]; p < f->ap[j + 1]; p++) {
            const double size = fabs(ax[p]) * f->scale[f->ai[p]];
            if (size > largest) largest = size;
            if (f->ai[p] == j) diagonal = size;
        }
        most[j] = CN_DIAGONAL_SHARE * largest;
        if (diagonal > 0.0 && diagonal >= most[j]) f->row_of[j] = f->column_of[j] = j;
    }
    for (cn_idx j = 0; j < f->n; j++) {
        if (f->row_of[j] >= 0 || assign(f, ax, most, j)) continue;
        f->bad = j;
        return CN_SINGULAR;
    }
    return CN_OK;
}

/* Whether the plan's pivots stand in the rows found now. */
static int same_rows(const cn_fronts *f)
{
    for (cn_idx k = 0; k < f->n; k++) {
        if (f->plan.row[k] != f->row_of[f->plan.column[k]]) return 0;
    }
    return 1;
}

cn_status cn_fronts_plan(cn_fronts *f, const double *ax, double *work, double *entries)
{
    f->bad = -1;
    f->valid = 0;
    if (!all_finite(f, ax)) return CN_NOT_FINITE;
    equilibrate(f, ax);
    cn_status status = match(f, ax);
    if (status != CN_OK) return status;
    if (!f->planned || !same_rows(f)) {
        drop_plan(f);
        status = cn_front_plan_make(&f->plan, f->n, f->ap, f->ai, f->perm, f->row_of);
        if (status != CN_OK) return status;
        f->planned = 1;
    }
    *work = f->plan.work;
    *entries = (double)f->plan.factor_start[f->plan.count];
    return CN_OK;
}

/* Add the Schur complement of front c to the front of its parent. */
static void extend_add(const cn_front_plan *plan, cn_idx c, const double *from, double *to, size_t ld)
{
    const size_t below = cn_front_below(plan, c);
    const cn_idx *const restrict within = plan->within + plan->below_start[c];
    for (size_t i = 0; i < below; i++) {
        double *const restrict row = to + (size_t)within[i] * ld;
        for (size_t j = 0; j < below; j++) row[within[j]] += from[i * below + j];
    }
}

/* Store the factors of a front, and its Schur complement at `left`, which may overlap the front from below. */
static void store(cn_fronts *f, cn_idx s, const double *front, size_t ld, double *left)
{
    const size_t pivots = cn_front_pivots(&f->plan, s), below = cn_front_below(&f->plan, s), size = pivots + below;
    double *const l = f->factors + f->plan.factor_start[s], *const u = l + size * pivots;
    for (size_t i = 0; i < size; i++) {
        for (size_t k = 0; k < pivots; k++) l[i * pivots + k] = front[i * ld + k];
    }
    for (size_t k = 0; k < pivots; k++) {
        for (size_t i = 0; i < below; i++) u[i * pivots + k] = front[k * ld + pivots + i];
    }
    for (size_t i = 0; i < below; i++) memmove(left + i * below, front + (pivots + i) * ld + pivots, below * sizeof *left);
}

/* Whether the pivots of a front may stay; the first that may not goes to `bad`. */
static int sound(cn_fronts *f, cn_idx s, const double *pivot, const double *largest, double share, int again)
{
    const cn_idx first = f->plan.first[s];
    for (cn_idx k = 0; k < f->plan.first[s + 1] - first; k++) {
        const cn_idx column = f->plan.column[first + k];
        const double size = fabs(pivot[k]), scaled = size * f->weight[first + k];
        const int small = again ? size < f->least[first + k] : scaled * f->column_scale[column] < CN_SUSPECT;
        if (!(size > 0.0 && size <= DBL_MAX && !small && scaled >= share * largest[k])) {
            f->bad = column;
            return 0;
        }
        if (!again) f->least[first + k] = CN_PIVOT_DROP * size;
    }
    return 1;
}

static cn_status factor(cn_fronts *f, const double *ax, double share, int again)
{
    const cn_front_plan *const plan = &f->plan;
    double *const pivot = f->local, *const largest = pivot + plan->largest, *const scale = largest + plan->largest;
    size_t top = 0;
    cn_idx open = 0;
    for (cn_idx s = 0; s < plan->count; s++) {
        const size_t pivots = cn_front_pivots(plan, s), size = pivots + cn_front_below(plan, s);
        const size_t ld = cn_front_stride(size);
        double *const front = f->stack + top;
        memset(front, 0, size * ld * sizeof *front);
        for (cn_idx e = plan->entry_start[s]; e < plan->entry_start[s + 1]; e++)
            front[plan->entry_place[e]] += ax[plan->entry[e]];
        for (cn_idx k = 0; k < plan->children[s]; k++) {
            const cn_idx child = f->open[--open];
            top -= cn_front_left(cn_front_below(plan, child));
            extend_add(plan, child, f->stack + top, front, ld);
        }
        const cn_idx first = plan->first[s];
        const cn_idx *const below = plan->below + plan->below_start[s];
        for (size_t i = 0; i < pivots; i++) scale[i] = f->weight[first + (cn_idx)i];
        for (size_t i = pivots; i < size; i++) scale[i] = f->weight[below[i - pivots]];
        cn_front_dense d = {front, size, ld, pivots, scale, pivot, f->inverse + first, largest};
        f->kernels->eliminate(&d);
        if (!sound(f, s, pivot, largest, share, again)) return CN_PIVOT_GROWTH;
        store(f, s, front, ld, f->stack + top);
        top += cn_front_left(size - pivots);
        if (plan->parent[s] >= 0) f->open[open++] = s;
    }
    f->valid = 1;
    return CN_OK;
}

cn_status cn_fronts_factor(cn_fronts *f, const double *ax)
{
    const cn_front_plan *const plan = &f->plan;
    f->bad = -1;
    f->valid = 0;
    if (!f->planned) return CN_BAD_ARGUMENT;
    if (!f->factors) {
        f->factor_bytes = (plan->factor_start[plan->count] + 1) * sizeof(double);
        f->stack_bytes = (plan->stack + 8) * sizeof(double);
        f->factors = cn_memory_take(f->factor_bytes);
        f->stack = cn_memory_take(f->stack_bytes);
        f->local = malloc((3 * plan->largest + 1) * sizeof *f->local);
        if (!f->factors || !f->stack || !f->local) return CN_NO_MEMORY;
    }
    for (cn_idx k = 0; k < f->n; k++) f->weight[k] = f->scale[plan->row[k]];
    return factor(f, ax, CN_DIAGONAL_SHARE, 0);
}

cn_status cn_fronts_refactor(cn_fronts *f, const double *ax)
{
    f->bad = -1;
    f->valid = 0;
    if (!all_finite(f, ax)) return CN_NOT_FINITE;
    return factor(f, ax, CN_REFACTOR_SHARE, 1);
}

cn_status cn_fronts_solve(cn_fronts *f, double *b)
{
    const cn_front_plan *const plan = &f->plan;
    if (!f->valid) return CN_BAD_ARGUMENT;
    double *const x = f->x;
    for (cn_idx k = 0; k < f->n; k++) x[k] = b[plan->row[k]];
    for (cn_idx s = 0; s < plan->count; s++) {
        const size_t pivots = cn_front_pivots(plan, s), below = cn_front_below(plan, s);
        const cn_idx *const restrict rows = plan->below + plan->below_start[s];
        f->kernels->forward(pivots, below, f->factors + plan->factor_start[s], rows, x + plan->first[s], x);
    }
    double check = 0.0;
    for (cn_idx s = plan->count; s-- > 0;) {
        const size_t pivots = cn_front_pivots(plan, s), below = cn_front_below(plan, s);
        const cn_idx *const restrict rows = plan->below + plan->below_start[s];
        f->kernels->backward(pivots, below, f->factors + plan->factor_start[s], f->inverse + plan->first[s], rows,
                             x + plan->first[s], x, f->local);
    }
    for (cn_idx k = 0; k < f->n; k++) {
        b[plan->column[k]] = x[k];
        check += 0.0 * x[k];
    }
    return check == 0.0 ? CN_OK : CN_NOT_FINITE;
}

cn_status cn_fronts_solve_transposed(cn_fronts *f, double *b)
{
    const cn_front_plan *const plan = &f->plan;
    if (!f->valid) return CN_BAD_ARGUMENT;
    double *const x = f->x;
    for (cn_idx k = 0; k < f->n; k++) x[k] = b[plan->column[k]];
    for (cn_idx s = 0; s < plan->count; s++) {
        const size_t pivots = cn_front_pivots(plan, s), below = cn_front_below(plan, s);
        const cn_idx *const restrict rows = plan->below + plan->below_start[s];
        const double *const restrict l = f->factors + plan->factor_start[s];
        const double *const restrict u = l + (pivots + below) * pivots;
        const double *const restrict inverse = f->inverse + plan->first[s];
        double *const restrict own = x + plan->first[s];
        for (size_t k = 0; k < pivots; k++) {
            const double y = own[k] *= inverse[k];
            for (size_t i = k + 1; i < pivots; i++) own[i] -= l[k * pivots + i] * y;
        }
        for (size_t i = 0; i < below; i++) {
            double sum = 0.0;
            for (size_t k = 0; k < pivots; k++) sum += u[i * pivots + k] * own[k];
            x[rows[i]] -= sum;
        }
    }
    for (cn_idx s = plan->count; s-- > 0;) {
        const size_t pivots = cn_front_pivots(plan, s), below = cn_front_below(plan, s);
        const cn_idx *const restrict rows = plan->below + plan->below_start[s];
        const double *const restrict l = f->factors + plan->factor_start[s];
        double *const restrict own = x + plan->first[s];
        for (size_t i = 0; i < below; i++) {
            const double y = x[rows[i]];
            for (size_t k = 0; k < pivots; k++) own[k] -= l[(pivots + i) * pivots + k] * y;
        }
        for (size_t i = pivots; i-- > 1;) {
            for (size_t k = 0; k < i; k++) own[k] -= l[i * pivots + k] * own[i];
        }
    }
    double check = 0.0;
    for (cn_idx k = 0; k < f->n; k++) {
        b[plan->row[k]] = x[k];
        check += 0.0 * x[k];
    }
    return check == 0.0 ? CN_OK : CN_NOT_FINITE;
}

cn_idx cn_fronts_bad_column(const cn_fronts *f) { return f->bad; }

size_t cn_fronts_nnz(const cn_fronts *f) { return f->planned ? f->plan.factor_start[f->plan.count] : 0; }

size_t cn_fronts_bytes(const cn_fronts *f)
{
    const size_t m = (size_t)f->n, fronts = (size_t)f->plan.count;
    size_t held = sizeof *f + 6 * m * sizeof(cn_idx) + 6 * m * sizeof(double) + f->factor_bytes + f->stack_bytes;
    if (f->planned) {
        held += 2 * m * sizeof(cn_idx) + fronts * (4 * sizeof(cn_idx) + 2 * sizeof(size_t));
        held += 2 * f->plan.below_start[fronts] * sizeof(cn_idx);
        held += (size_t)f->ap[f->n] * (sizeof(cn_idx) + sizeof(size_t));
        held += 3 * f->plan.largest * sizeof(double);
    }
    return held;
}
