/* Real sparse LU: column by column, or by fronts where factors fill in. */
#include "cn_lu.h"

#include <stdlib.h>

#include "cn_column_lu.h"
#include "cn_fronts.h"

/* Fronts serve matrices of at least that many unknowns, ... */
static const cn_idx LARGE = 256;
/* ... whose factorisation takes at least that many multiplications for each number in L and U, ... */
static const double DENSE = 9.0;
/* ... until their pivots have failed so often. */
static const int FAILURES = 3;

struct cn_lu {
    cn_idx n;
    cn_column_lu *columns;
    cn_fronts *fronts; /* NULL: not (any more) */
    int by_fronts;     /* they hold the last factors */
    int failures;
};

cn_status cn_lu_init(cn_lu **out, cn_idx n, const cn_idx *ap, const cn_idx *ai, const cn_idx *perm)
{
    *out = NULL;
    cn_lu *const lu = calloc(1, sizeof *lu);
    if (!lu) return CN_NO_MEMORY;
    lu->n = n;
    cn_status status = cn_column_lu_init(&lu->columns, n, ap, ai, perm);
    if (status == CN_OK && n >= LARGE) {
        const cn_idx *own_ap, *own_ai, *own_perm;
        cn_column_lu_pattern(lu->columns, &own_ap, &own_ai, &own_perm);
        status = cn_fronts_init(&lu->fronts, n, own_ap, own_ai, own_perm);
    }
    if (status != CN_OK) {
        cn_lu_free(lu);
        return status;
    }
    *out = lu;
    return CN_OK;
}

static void give_up_fronts(cn_lu *lu)
{
    cn_fronts_free(lu->fronts);
    lu->fronts = NULL;
    lu->by_fronts = 0;
}

cn_status cn_lu_factor(cn_lu *lu, const double *ax)
{
    lu->by_fronts = 0;
    if (lu->fronts) {
        double work, entries;
        cn_status status = cn_fronts_plan(lu->fronts, ax, &work, &entries);
        if (status == CN_OK && work < DENSE * entries) {
            give_up_fronts(lu);
            return cn_column_lu_factor(lu->columns, ax);
        }
        if (status == CN_OK) status = cn_fronts_factor(lu->fronts, ax);
        if (status != CN_PIVOT_GROWTH && status != CN_SINGULAR) {
            lu->by_fronts = 1;
            return status;
        }
        if (++lu->failures == FAILURES) give_up_fronts(lu);
    }
    return cn_column_lu_factor(lu->columns, ax);
}

cn_status cn_lu_refactor(cn_lu *lu, const double *ax)
{
    return lu->by_fronts ? cn_fronts_refactor(lu->fronts, ax) : cn_column_lu_refactor(lu->columns, ax);
}

cn_status cn_lu_solve(cn_lu *lu, double *b)
{
    return lu->by_fronts ? cn_fronts_solve(lu->fronts, b) : cn_column_lu_solve(lu->columns, b);
}

cn_status cn_lu_solve_transposed(cn_lu *lu, double *b)
{
    return lu->by_fronts ? cn_fronts_solve_transposed(lu->fronts, b) : cn_column_lu_solve_transposed(lu->columns, b);
}

cn_status cn_lu_solve_many(cn_lu *lu, cn_idx nrhs, double *b)
{
    if (!lu->by_fronts) return cn_column_lu_solve_many(lu->columns, nrhs, b);
    cn_status worst = CN_OK;
    for (cn_idx c = 0; c < nrhs; c++) {
        const cn_status status = cn_fronts_solve(lu->fronts, b + (size_t)c * (size_t)lu->n);
        if (status != CN_OK) worst = status;
    }
    return worst;
}

cn_idx cn_lu_bad_column(const cn_lu *lu)
{
    return lu->by_fronts ? cn_fronts_bad_column(lu->fronts) : cn_column_lu_bad_column(lu->columns);
}

size_t cn_lu_nnz(const cn_lu *lu)
{
    return lu->by_fronts ? cn_fronts_nnz(lu->fronts) : cn_column_lu_nnz(lu->columns);
}

size_t cn_lu_bytes(const cn_lu *lu)
{
    return sizeof *lu + cn_column_lu_bytes(lu->columns) + (lu->fronts ? cn_fronts_bytes(lu->fronts) : 0);
}

void cn_lu_free(cn_lu *lu)
{
    if (!lu) return;
    cn_column_lu_free(lu->columns);
    cn_fronts_free(lu->fronts);
    free(lu);
}
