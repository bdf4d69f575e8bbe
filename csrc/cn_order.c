/* Approximate minimum degree. */
#include "cn_order.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The elimination as a quotient graph.  A variable is an unknown (or several that have become alike) not yet eliminated, an
 * element the clique that an eliminated one has left.  The list of a variable names its elements first, then the
 * variables it touches directly; that of an element names its variables. */
typedef struct graph {
    cn_idx n;
    cn_idx *list;          /* all lists; grows at its end */
    int64_t used, capacity;
    int64_t *start;        /* n: where the list of each begins */
    cn_idx *length;        /* n: of the list; -1: gone into another one */
    cn_idx *elements;      /* n: how many of them are elements; -1: it is an element itself */
    cn_idx *weight;        /* n: unknowns that a variable stands for; negative while it belongs to the new element; 0: gone */
    cn_idx *degree;        /* n: of a variable (a bound from above) or of an element, in unknowns */
    int64_t *mark;         /* n: of an element: stamp + size of what the new one does not hold; 0: absorbed */
    int64_t stamp;
    cn_idx *head, *next, *previous; /* variables by degree; by hash while alike ones are sought */
    cn_idx *bucket;        /* n: first variable of each hash */
    cn_idx *hash;          /* n */
    cn_idx *follower, *last; /* n: unknowns that are eliminated with one, as a chain */
    cn_idx least;          /* no variable has a smaller degree */
} graph;

static void unlink_variable(graph *g, cn_idx i)
{
    const cn_idx before = g->previous[i], after = g->next[i];
    if (before >= 0) {
        g->next[before] = after;
    } else {
        g->head[g->degree[i]] = after;
    }
    if (after >= 0) g->previous[after] = before;
}

static void link_variable(graph *g, cn_idx i)
{
    const cn_idx degree = g->degree[i], first = g->head[degree];
    g->next[i] = first;
    g->previous[i] = -1;
    if (first >= 0) g->previous[first] = i;
    g->head[degree] = i;
    if (degree < g->least) g->least = degree;
}

/* Let j go where i goes. */
static void follow(graph *g, cn_idx i, cn_idx j)
{
    g->follower[g->last[i]] = j;
    g->last[i] = g->last[j];
    g->length[j] = -1;
    g->weight[j] = 0;
}

static cn_status reserve(graph *g, int64_t more)
{
    if (g->used + more <= g->capacity) return CN_OK;
    const int64_t wanted = 2 * g->capacity + more;
    cn_idx *const list = realloc(g->list, (size_t)wanted * sizeof *list);
    if (!list) return CN_NO_MEMORY;
    g->list = list;
    g->capacity = wanted;
    return CN_OK;
}

/* Fill in the graph of A + A^T without its diagonal. */
static cn_status build(graph *g, const cn_idx *ap, const cn_idx *ai)
{
    const cn_idx n = g->n;
    memset(g->length, 0, (size_t)n * sizeof *g->length);
    for (cn_idx j = 0; j < n; j++) {
        for (cn_idx p = ap[j]; p < ap[j + 1]; p++) {
            if (ai[p] == j) continue;
            g->length[j]++;
            g->length[ai[p]]++;
        }
    }
    int64_t total = 0;
    for (cn_idx i = 0; i < n; i++) {
        g->start[i] = total;
        total += g->length[i];
    }
    if (reserve(g, total) != CN_OK) return CN_NO_MEMORY;
    memset(g->length, 0, (size_t)n * sizeof *g->length);
    for (cn_idx j = 0; j < n; j++) {
        for (cn_idx p = ap[j]; p < ap[j + 1]; p++) {
            const cn_idx i = ai[p];
            if (i == j) continue;
            g->list[g->start[j] + g->length[j]++] = i;
            g->list[g->start[i] + g->length[i]++] = j;
        }
    }
    /* a pair that stands in both A and A^T was written twice */
    for (cn_idx i = 0; i < n; i++) {
        cn_idx *const of = g->list + g->start[i];
        cn_idx kept = 0;
        for (cn_idx k = 0; k < g->length[i]; k++) {
            if (g->mark[of[k]] == i + 1) continue;
            g->mark[of[k]] = i + 1;
            of[kept++] = of[k];
        }
        g->length[i] = kept;
    }
    g->used = total;
    return CN_OK;
}

/* Make the element of variable e: the variables that it touches, directly or through elements, which are absorbed.  They
 * leave the lists of degrees and have negative weights until the end of the step. */
static cn_status make_element(graph *g, cn_idx e)
{
    int64_t room = g->length[e];
    for (cn_idx k = 0; k < g->elements[e]; k++) room += g->length[g->list[g->start[e] + k]];
    if (reserve(g, room) != CN_OK) return CN_NO_MEMORY;
    cn_idx *const list = g->list, *const weight = g->weight;
    const int64_t own = g->start[e], begin = g->used;
    int64_t end = begin;
    cn_idx size = 0;
    weight[e] = -weight[e];
    for (cn_idx k = 0; k <= g->elements[e]; k++) {
        const int direct = k == g->elements[e];
        const cn_idx from = direct ? e : list[own + k];
        const int64_t first = direct ? own + k : g->start[from];
        const int64_t stop = direct ? own + g->length[e] : first + g->length[from];
        for (int64_t p = first; p < stop; p++) {
            const cn_idx i = list[p];
            if (weight[i] <= 0) continue;
            size += weight[i];
            weight[i] = -weight[i];
            unlink_variable(g, i);
            list[end++] = i;
        }
        if (!direct) {
            g->mark[from] = 0;
            g->length[from] = -1;
        }
    }
    g->start[e] = begin;
    g->length[e] = (cn_idx)(end - begin);
    g->elements[e] = -1;
    g->degree[e] = size;
    g->used = end;
    return CN_OK;
}

/* Find for all elements next to the new one how many unknowns they hold beyond it. */
static void measure_neighbours(graph *g, cn_idx e)
{
    for (cn_idx k = 0; k < g->length[e]; k++) {
        const cn_idx i = g->list[g->start[e] + k], size = -g->weight[i];
        for (cn_idx p = 0; p < g->elements[i]; p++) {
            const cn_idx other = g->list[g->start[i] + p];
            if (g->mark[other] >= g->stamp) {
                g->mark[other] -= size;
            } else if (g->mark[other] != 0) {
                g->mark[other] = g->stamp + g->degree[other] - size;
            }
        }
    }
}

/* Bring list and degree of variable i up to date with the new element e; returns 1 when i touches nothing else, and so
 * is eliminated with it. */
static int update_variable(graph *g, cn_idx i, cn_idx e)
{
    cn_idx *const of = g->list + g->start[i];
    cn_idx kept = 0;
    int64_t degree = 0;
    uint64_t hash = 0;
    for (cn_idx p = 0; p < g->elements[i]; p++) {
        const cn_idx other = of[p];
        if (g->mark[other] == 0) continue;
        const int64_t beyond = g->mark[other] - g->stamp;
        if (beyond == 0) { /* it lies within the new one */
            g->mark[other] = 0;
            g->length[other] = -1;
            continue;
        }
        degree += beyond;
        hash += (uint64_t)other;
        of[kept++] = other;
    }
    const cn_idx elements = kept;
    for (cn_idx p = g->elements[i]; p < g->length[i]; p++) {
        const cn_idx j = of[p];
        if (g->weight[j] <= 0) continue;
        degree += g->weight[j];
        hash += (uint64_t)j;
        of[kept++] = j;
    }
    if (kept == 0) return 1;
    /* e becomes its first element: what stood there goes to the end, a variable behind the last element.  There is room:
     * i came to e either directly or through an element, which is no longer in the list. */
    if (kept > elements) {
        of[kept] = of[elements];
        if (elements > 0) of[elements] = of[0];
    } else {
        of[kept] = of[0];
    }
    of[0] = e;
    g->elements[i] = elements + 1;
    g->length[i] = kept + 1;
    if (degree < g->degree[i]) g->degree[i] = (cn_idx)degree;
    g->hash[i] = (cn_idx)(hash % (uint64_t)g->n);
    return 0;
}

static int alike(const graph *g, cn_idx i, cn_idx j)
{
    if (g->length[i] != g->length[j] || g->elements[i] != g->elements[j]) return 0;
    for (cn_idx p = 1; p < g->length[j]; p++) {
        if (g->mark[g->list[g->start[j] + p]] != g->stamp) return 0;
    }
    return 1;
}

/* Join the variables of the new element that touch the same: they are eliminated one after the other. */
static void join_alike(graph *g, cn_idx e)
{
    for (cn_idx k = 0; k < g->length[e]; k++) {
        const cn_idx member = g->list[g->start[e] + k];
        if (g->weight[member] == 0) continue;
        cn_idx i = g->bucket[g->hash[member]];
        g->bucket[g->hash[member]] = -1;
        for (; i >= 0 && g->next[i] >= 0; i = g->next[i]) {
            /* elements of the lists carry stamps of their own, which the next step does not compare with */
            for (cn_idx p = 1; p < g->length[i]; p++) g->mark[g->list[g->start[i] + p]] = g->stamp;
            cn_idx before = i;
            for (cn_idx j = g->next[i]; j >= 0;) {
                const cn_idx after = g->next[j];
                if (alike(g, i, j)) {
                    g->weight[i] += g->weight[j];
                    follow(g, i, j);
                    g->next[before] = after;
                } else {
                    before = j;
                }
                j = after;
            }
            g->stamp++;
        }
    }
}

/* Eliminate variable e, and what goes with it, of the unknowns that are left. */
static cn_status eliminate(graph *g, cn_idx e, cn_idx left)
{
    unlink_variable(g, e);
    cn_idx pivots = g->weight[e];
    const cn_status status = make_element(g, e);
    if (status != CN_OK) return status;
    measure_neighbours(g, e);
    for (cn_idx k = 0; k < g->length[e]; k++) {
        const cn_idx i = g->list[g->start[e] + k];
        const cn_idx size = -g->weight[i];
        if (update_variable(g, i, e)) {
            g->degree[e] -= size;
            pivots += size;
            follow(g, e, i);
        } else {
            g->next[i] = g->bucket[g->hash[i]];
            g->bucket[g->hash[i]] = i;
        }
    }
    g->stamp += g->n + 1; /* beyond every stamp + size */
    join_alike(g, e);
    g->stamp += g->n + 1;
    cn_idx kept = 0;
    for (cn_idx k = 0; k < g->length[e]; k++) {
        const cn_idx i = g->list[g->start[e] + k];
        if (g->weight[i] == 0) continue;
        const cn_idx size = g->weight[i] = -g->weight[i];
        int64_t degree = (int64_t)g->degree[i] + g->degree[e] - size;
        const int64_t most = (int64_t)left - pivots - size;
        g->degree[i] = (cn_idx)(degree < most ? degree : most);
        link_variable(g, i);
        g->list[g->start[e] + kept++] = i;
    }
    g->length[e] = kept;
    g->used = g->start[e] + kept;
    g->mark[e] = kept ? 1 : 0;
    g->weight[e] = 0;
    return CN_OK;
}

static int is_pattern(cn_idx n, const cn_idx *ap, const cn_idx *ai)
{
    if (n < 0 || ap[0] != 0) return 0;
    for (cn_idx j = 0; j < n; j++) {
        if (ap[j + 1] < ap[j]) return 0;
        for (cn_idx p = ap[j]; p < ap[j + 1]; p++) {
            if (ai[p] < 0 || ai[p] >= n) return 0;
        }
    }
    return 1;
}

/* Run the elimination; perm receives the unknowns as they go. */
static cn_status run(graph *g, cn_idx *perm)
{
    const cn_idx n = g->n;
    /* An unknown next to very many (a supply) would spoil every degree: it comes last. */
    const double dense = 10.0 * sqrt((double)n);
    const cn_idx most = dense > 16.0 ? (dense < (double)n ? (cn_idx)dense : n) : 16;
    cn_idx late = 0, placed = 0;
    g->least = n;
    for (cn_idx i = 0; i < n; i++) {
        g->head[i] = g->bucket[i] = g->follower[i] = -1;
        g->last[i] = i;
        g->elements[i] = 0;
        g->mark[i] = 1;
        g->weight[i] = 1;
        g->degree[i] = g->length[i];
    }
    g->stamp = 2;
    for (cn_idx i = n; i-- > 0;) {
        if (g->length[i] > most) {
            g->weight[i] = 0;
            perm[n - ++late] = i;
        } else {
            link_variable(g, i);
        }
    }
    const cn_idx wanted = n - late;
    while (placed < wanted) {
        while (g->head[g->least] < 0) g->least++;
        const cn_idx e = g->head[g->least];
        const cn_status status = eliminate(g, e, wanted - placed);
        if (status != CN_OK) return status;
        for (cn_idx i = e; i >= 0; i = g->follower[i]) perm[placed++] = i;
    }
    return CN_OK;
}

cn_status cn_order(cn_idx n, const cn_idx *ap, const cn_idx *ai, cn_idx *perm)
{
    if (!is_pattern(n, ap, ai)) return CN_BAD_ARGUMENT;
    if (n == 0) return CN_OK;
    const size_t m = (size_t)n;
    graph g = {.n = n};
    cn_idx *const numbers = malloc(11 * m * sizeof *numbers);
    int64_t *const wide = calloc(2 * m, sizeof *wide);
    cn_status status = CN_NO_MEMORY;
    if (!numbers || !wide) goto out;
    cn_idx **const parts[] = {&g.length, &g.elements, &g.weight, &g.degree, &g.head, &g.next,
                              &g.previous, &g.bucket, &g.hash, &g.follower, &g.last};
    for (size_t k = 0; k < sizeof parts / sizeof *parts; k++) *parts[k] = numbers + k * m;
    g.start = wide;
    g.mark = wide + m;
    status = build(&g, ap, ai);
    if (status == CN_OK) status = run(&g, perm);
out:
    free(g.list);
    free(numbers);
    free(wide);
    return status;
}
