/* Elimination tree, fronts and their structure. */
#include "cn_front_plan.h"

#include <stdlib.h>
#include <string.h>

/* The lower triangle of B + B^T by rows: neighbours of each pivot that are eliminated before it, twice where both
 * triangles have them. */
typedef struct lower {
    size_t *start;
    cn_idx *earlier;
} lower;

static void *take(size_t count, size_t size) { return calloc(count + 1, size); }

/* position: of rows and of columns of the matrix. */
static cn_status lower_make(lower *t, cn_idx n, const cn_idx *ap, const cn_idx *ai, const cn_idx *of_row,
                            const cn_idx *of_column)
{
    t->start = calloc((size_t)n + 2, sizeof *t->start);
    t->earlier = take((size_t)ap[n], sizeof *t->earlier);
    if (!t->start || !t->earlier) return CN_NO_MEMORY;
    for (int pass = 0; pass < 2; pass++) {
        for (cn_idx j = 0; j < n; j++) {
            const cn_idx c = of_column[j];
            for (cn_idx p = ap[j]; p < ap[j + 1]; p++) {
                const cn_idx r = of_row[ai[p]];
                if (r == c) continue;
                const cn_idx late = r > c ? r : c;
                if (pass) {
                    t->earlier[t->start[late + 1]++] = r < c ? r : c;
                } else {
                    t->start[late + 2]++;
                }
            }
        }
        for (cn_idx k = 0; !pass && k < n; k++) t->start[k + 2] += t->start[k + 1];
    }
    return CN_OK;
}

static void lower_free(lower *t)
{
    free(t->start);
    free(t->earlier);
    *t = (lower){NULL, NULL};
}

/* parent[k]: first pivot whose row L's column k reaches (Liu, ACM TOMS 12 (1986) 127).  ancestor: n of scratch. */
static void tree(const lower *t, cn_idx n, cn_idx *parent, cn_idx *ancestor)
{
    for (cn_idx k = 0; k < n; k++) {
        parent[k] = ancestor[k] = -1;
        for (size_t p = t->start[k]; p < t->start[k + 1]; p++) {
            cn_idx i = t->earlier[p];
            while (ancestor[i] >= 0 && ancestor[i] != k) {
                const cn_idx next = ancestor[i];
                ancestor[i] = k;
                i = next;
            }
            if (ancestor[i] < 0) parent[i] = ancestor[i] = k;
        }
    }
}

/* after[k]: place of k where children stand right before their parents.  scratch: 2 n. */
static void postorder(cn_idx n, const cn_idx *parent, cn_idx *after, cn_idx *scratch)
{
    cn_idx *const child = scratch, *const sibling = scratch + n;
    cn_idx placed = 0;
    for (cn_idx k = 0; k < n; k++) child[k] = -1;
    for (cn_idx k = n; k-- > 0;) {
        if (parent[k] < 0) continue;
        sibling[k] = child[parent[k]];
        child[parent[k]] = k;
    }
    for (cn_idx root = 0; root < n; root++) {
        if (parent[root] >= 0) continue;
        cn_idx k = root;
        for (;;) {
            while (child[k] >= 0) k = child[k];
            after[k] = placed++;
            if (k == root) break;
            /* take it off its parent, whose remaining children come next */
            child[parent[k]] = sibling[k];
            k = parent[k];
        }
    }
}

/* count[k]: entries of L's column k below the diagonal.  mark: n of scratch. */
static void column_counts(const lower *t, cn_idx n, const cn_idx *parent, cn_idx *count, cn_idx *mark)
{
    for (cn_idx k = 0; k < n; k++) {
        count[k] = 0;
        mark[k] = k;
        for (size_t p = t->start[k]; p < t->start[k + 1]; p++) {
            for (cn_idx i = t->earlier[p]; mark[i] != k; i = parent[i]) {
                mark[i] = k;
                count[i]++;
            }
        }
    }
}

/* Whether to eliminate together what may be: few columns cost more as many small fronts than as one with zeros. */
static int worth_joining(double zeros, double all, cn_idx columns)
{
    const double share = zeros / all;
    return columns <= 8 || (columns <= 24 && share < 0.5) || (columns <= 64 && share < 0.15) || share < 0.04;
}

/* Split the pivots into fronts: runs of columns of one structure, joined with their parents where that costs few zeros.
 * Fills count, first and parent of the plan and size[s], the rows below each front.  scratch: 3 n. */
static cn_status choose_fronts(cn_front_plan *plan, const cn_idx *parent, const cn_idx *count, cn_idx *size,
                               cn_idx *scratch)
{
    const cn_idx n = plan->n;
    cn_idx *const start = scratch, *const of = scratch + n, *const joined = scratch + 2 * n;
    double *const zeros = calloc((size_t)n + 1, sizeof *zeros);
    if (!zeros) return CN_NO_MEMORY;
    cn_idx runs = 0;
    for (cn_idx k = 0; k < n; k++) {
        if (k == 0 || parent[k - 1] != k || count[k - 1] != count[k] + 1) start[runs++] = k;
        of[k] = runs - 1;
    }
    /* Run s may join run s + 1 and those that this one has joined, when its parent is there. */
    cn_idx *const width = size; /* until the end: columns of the front that begins with run s */
    for (cn_idx s = runs; s-- > 0;) {
        const cn_idx end = s + 1 < runs ? start[s + 1] : n, up = parent[end - 1];
        width[s] = end - start[s];
        joined[s] = 0;
        if (up < 0 || s + 1 >= runs) continue;
        if (up >= end + width[s + 1]) continue; /* postorder: its parent is what follows, or lies farther up */
        const double own = width[s], next = width[s + 1];
        const cn_idx last = end + width[s + 1] - 1;
        const double below = count[last], new_zeros = own * (next + below - (double)(count[end - 1]));
        const double all = (own + next) * (0.5 * (own + next + 1.0) + below);
        const double sum = zeros[s + 1] + new_zeros;
        if (!worth_joining(sum, all, width[s] + width[s + 1])) continue;
        zeros[s] = sum;
        width[s] += width[s + 1];
        joined[s + 1] = 1;
    }
    free(zeros);
    plan->count = 0;
    for (cn_idx s = 0; s < runs; s++) plan->count += !joined[s];
    plan->first = take((size_t)plan->count + 1, sizeof *plan->first);
    plan->parent = take((size_t)plan->count, sizeof *plan->parent);
    plan->children = calloc((size_t)plan->count + 1, sizeof *plan->children);
    if (!plan->first || !plan->parent || !plan->children) return CN_NO_MEMORY;
    cn_idx s = -1;
    for (cn_idx run = 0; run < runs; run++) {
        if (!joined[run]) plan->first[++s] = start[run];
        const cn_idx end = run + 1 < runs ? start[run + 1] : n;
        for (cn_idx k = start[run]; k < end; k++) of[k] = s;
    }
    plan->first[plan->count] = n;
    for (s = 0; s < plan->count; s++) {
        const cn_idx last = plan->first[s + 1] - 1;
        plan->parent[s] = parent[last] < 0 ? -1 : of[parent[last]];
        if (parent[last] >= 0) plan->children[plan->parent[s]]++;
        size[s] = count[last];
    }
    return CN_OK;
}

/* Rows below each front; mark, fill: count of scratch; of: front of each pivot. */
static cn_status structure(cn_front_plan *plan, const lower *t, const cn_idx *size, const cn_idx *of, cn_idx *mark,
                           size_t *fill)
{
    plan->below_start = take((size_t)plan->count + 1, sizeof *plan->below_start);
    if (!plan->below_start) return CN_NO_MEMORY;
    size_t total = 0;
    for (cn_idx s = 0; s < plan->count; s++) {
        plan->below_start[s] = fill[s] = total;
        total += (size_t)size[s];
        mark[s] = -1;
    }
    plan->below_start[plan->count] = total;
    plan->below = take(total, sizeof *plan->below);
    plan->within = take(total, sizeof *plan->within);
    if (!plan->below || !plan->within) return CN_NO_MEMORY;
    for (cn_idx k = 0; k < plan->n; k++) {
        for (size_t p = t->start[k]; p < t->start[k + 1]; p++) {
            for (cn_idx s = of[t->earlier[p]]; s != of[k] && mark[s] != k; s = plan->parent[s]) {
                mark[s] = k;
                plan->below[fill[s]++] = k;
            }
        }
    }
    return CN_OK;
}

/* Where the matrix's numbers and Schur complements enter.  place, of: n. */
static cn_status entrances(cn_front_plan *plan, const cn_idx *ap, const cn_idx *ai, const cn_idx *of_row,
                           const cn_idx *of_column, const cn_idx *of, cn_idx *place)
{
    const cn_idx n = plan->n;
    const size_t entries = (size_t)ap[n];
    plan->entry_start = calloc((size_t)plan->count + 2, sizeof *plan->entry_start);
    plan->entry = take(entries, sizeof *plan->entry);
    plan->entry_place = take(entries, sizeof *plan->entry_place);
    cn_idx *const ends = take(2 * entries, sizeof *ends); /* row and column, as pivots */
    cn_idx *const child = take((size_t)plan->count, sizeof *child);
    cn_idx *const sibling = take((size_t)plan->count, sizeof *sibling);
    cn_status status = CN_NO_MEMORY;
    if (!plan->entry_start || !plan->entry || !plan->entry_place || !ends || !child || !sibling) goto out;
    for (int pass = 0; pass < 2; pass++) {
        for (cn_idx j = 0; j < n; j++) {
            const cn_idx c = of_column[j];
            for (cn_idx p = ap[j]; p < ap[j + 1]; p++) {
                const cn_idx r = of_row[ai[p]], s = of[r < c ? r : c];
                if (!pass) {
                    plan->entry_start[s + 2]++;
                    continue;
                }
                const cn_idx to = plan->entry_start[s + 1]++;
                plan->entry[to] = p;
                ends[2 * to] = r;
                ends[2 * to + 1] = c;
            }
        }
        for (cn_idx s = 0; !pass && s < plan->count; s++) plan->entry_start[s + 2] += plan->entry_start[s + 1];
    }
    for (cn_idx s = 0; s < plan->count; s++) child[s] = -1;
    for (cn_idx s = 0; s < plan->count; s++) {
        if (plan->parent[s] < 0) continue;
        sibling[s] = child[plan->parent[s]];
        child[plan->parent[s]] = s;
    }
    for (cn_idx s = 0; s < plan->count; s++) {
        const cn_idx pivots = plan->first[s + 1] - plan->first[s];
        for (cn_idx k = 0; k < pivots; k++) place[plan->first[s] + k] = k;
        for (size_t p = plan->below_start[s]; p < plan->below_start[s + 1]; p++)
            place[plan->below[p]] = pivots + (cn_idx)(p - plan->below_start[s]);
        const size_t ld = cn_front_stride(cn_front_pivots(plan, s) + cn_front_below(plan, s));
        for (cn_idx e = plan->entry_start[s]; e < plan->entry_start[s + 1]; e++)
            plan->entry_place[e] = (size_t)place[ends[2 * e]] * ld + (size_t)place[ends[2 * e + 1]];
        for (cn_idx c = child[s]; c >= 0; c = sibling[c]) {
            for (size_t p = plan->below_start[c]; p < plan->below_start[c + 1]; p++)
                plan->within[p] = place[plan->below[p]];
        }
    }
    status = CN_OK;
out:
    free(ends);
    free(child);
    free(sibling);
    return status;
}

/* Room for factors, fronts and Schur complements, and the work. */
static cn_status measure(cn_front_plan *plan)
{
    plan->factor_start = take((size_t)plan->count + 1, sizeof *plan->factor_start);
    size_t *const held = take((size_t)plan->count, sizeof *held); /* Schur complements of children not yet taken */
    if (!plan->factor_start || !held) {
        free(held);
        return CN_NO_MEMORY;
    }
    memset(held, 0, (size_t)plan->count * sizeof *held);
    size_t factors = 0, stacked = 0;
    plan->work = 0.0;
    for (cn_idx s = 0; s < plan->count; s++) {
        const size_t pivots = cn_front_pivots(plan, s), below = cn_front_below(plan, s), size = pivots + below;
        const size_t front = size * cn_front_stride(size);
        plan->factor_start[s] = factors;
        factors += pivots * (size + below);
        if (size > plan->largest) plan->largest = size;
        if (stacked + front > plan->stack) plan->stack = stacked + front;
        stacked -= held[s];
        stacked += cn_front_left(below);
        if (plan->parent[s] >= 0) held[plan->parent[s]] += cn_front_left(below);
        for (size_t k = 1; k <= pivots; k++) plan->work += (double)(size - k) * (double)(size - k);
    }
    plan->factor_start[plan->count] = factors;
    free(held);
    return CN_OK;
}

cn_status cn_front_plan_make(cn_front_plan *plan, cn_idx n, const cn_idx *ap, const cn_idx *ai, const cn_idx *perm,
                              const cn_idx *row_of)
{
    *plan = (cn_front_plan){.n = n};
    const size_t m = (size_t)n;
    cn_idx *const scratch = take(10 * m, sizeof *scratch);
    size_t *const fill = take(m, sizeof *fill);
    lower t = {NULL, NULL};
    cn_status status = CN_NO_MEMORY;
    plan->column = take(m, sizeof *plan->column);
    plan->row = take(m, sizeof *plan->row);
    if (!scratch || !fill || !plan->column || !plan->row) goto out;
    cn_idx *const of_row = scratch, *const of_column = scratch + m, *const parent = scratch + 2 * m;
    cn_idx *const after = scratch + 3 * m, *const count = scratch + 4 * m, *const size = scratch + 5 * m;
    cn_idx *const spare = scratch + 6 * m; /* 4 m */
    /* The tree in the given order, and from it a postorder, in which everything else is. */
    for (cn_idx k = 0; k < n; k++) {
        of_column[perm[k]] = k;
        of_row[row_of[perm[k]]] = k;
    }
    status = lower_make(&t, n, ap, ai, of_row, of_column);
    if (status != CN_OK) goto out;
    tree(&t, n, parent, spare);
    postorder(n, parent, after, spare);
    lower_free(&t);
    for (cn_idx k = 0; k < n; k++) {
        const cn_idx j = perm[k];
        plan->column[after[k]] = j;
        plan->row[after[k]] = row_of[j];
        of_column[j] = of_row[row_of[j]] = after[k];
        spare[after[k]] = parent[k] < 0 ? -1 : after[parent[k]];
    }
    memcpy(parent, spare, m * sizeof *parent);
    status = lower_make(&t, n, ap, ai, of_row, of_column);
    if (status != CN_OK) goto out;
    column_counts(&t, n, parent, count, spare);
    status = choose_fronts(plan, parent, count, size, spare);
    if (status != CN_OK) goto out;
    cn_idx *const of = after;
    for (cn_idx s = 0; s < plan->count; s++) {
        for (cn_idx k = plan->first[s]; k < plan->first[s + 1]; k++) of[k] = s;
    }
    status = structure(plan, &t, size, of, spare, fill);
    if (status == CN_OK) status = entrances(plan, ap, ai, of_row, of_column, of, spare);
    if (status == CN_OK) status = measure(plan);
out:
    lower_free(&t);
    free(scratch);
    free(fill);
    if (status != CN_OK) cn_front_plan_free(plan);
    return status;
}

void cn_front_plan_free(cn_front_plan *plan)
{
    free(plan->column);
    free(plan->row);
    free(plan->first);
    free(plan->parent);
    free(plan->children);
    free(plan->below_start);
    free(plan->below);
    free(plan->within);
    free(plan->entry_start);
    free(plan->entry);
    free(plan->entry_place);
    free(plan->factor_start);
    *plan = (cn_front_plan){.n = 0};
}
