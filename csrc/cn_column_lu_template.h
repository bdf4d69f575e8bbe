/* Sparse LU for one kind of number; included by cn_column_lu.c once for double and once for double complex.
 *
 * Until a factorisation is complete li holds rows as the caller numbers them; `finish` renumbers them to pivot
 * positions and sorts every column, which makes ascending order a topological one for refactorisation.
 */

struct LU_NAME() {
    cn_idx n, bad;
    int pivoted, valid; /* a pattern with pivots exists; its values may be used */
    cn_idx *ap, *ai, *order;
    cn_idx *arow;       /* pivot position of each entry of A */
    cn_idx *row_of, *position; /* row of each pivot; pivot of each row, or -1 */
    cn_idx *lp, *up, *li, *ui;
    LU_TYPE *lx, *ux, *inverse; /* inverse: of the pivots */
    cn_idx *chain;      /* columns from here on that are nested into this one */
    double *scale, *pivot_scale; /* 1 / largest entry, by row and by pivot position */
    double *floor_size; /* smallest pivot accepted by refactorisation */
    double *noise;
    LU_TYPE *x;         /* BLOCK * n; all zero between the columns of a factorisation */
    cn_idx *prefer, *owner; /* row wanted as pivot of each column, and the inverse of that map */
    cn_idx *mark, *stack, *place, *reach, *prune;
    cn_idx l_capacity, u_capacity;
};

void LU_NAME(_free)(struct LU_NAME() *lu)
{
    if (!lu) return;
    free(lu->ap);
    free(lu->ai);
    free(lu->li);
    free(lu->ui);
    free(lu->lx);
    free(lu->ux);
    free(lu->inverse);
    free(lu->scale);
    free(lu->x);
    free(lu);
}

cn_status LU_NAME(_init)(struct LU_NAME() **out, cn_idx n, const cn_idx *ap, const cn_idx *ai, const cn_idx *perm)
{
    *out = NULL;
    if (n < 0) return CN_BAD_ARGUMENT;
    const size_t m = (size_t)n;
    struct LU_NAME() *lu = calloc(1, sizeof *lu);
    if (!lu) return CN_NO_MEMORY;
    lu->n = n;
    lu->bad = -1;
    /* one block of indices, one of each kind of number; n + 1 avoids empty allocations */
    cn_idx *index = calloc(15 * (m + 1), sizeof *index);
    lu->ap = index;
    lu->inverse = calloc(m + 1, sizeof *lu->inverse);
    lu->scale = calloc(4 * (m + 1), sizeof *lu->scale);
    lu->x = calloc(BLOCK * (m + 1), sizeof *lu->x);
    if (!index || !lu->inverse || !lu->scale || !lu->x) goto no_memory;
    cn_idx **const parts[] = {&lu->order, &lu->row_of, &lu->position, &lu->lp, &lu->up, &lu->chain, &lu->prefer,
                              &lu->owner, &lu->mark, &lu->stack, &lu->place, &lu->reach, &lu->prune};
    for (size_t k = 0; k < sizeof parts / sizeof *parts; k++) *parts[k] = index + (k + 1) * (m + 1);
    lu->pivot_scale = lu->scale + (m + 1);
    lu->floor_size = lu->scale + 2 * (m + 1);
    lu->noise = lu->scale + 3 * (m + 1);
    if (!well_formed(n, ap, ai, perm, lu->mark)) {
        LU_NAME(_free)(lu);
        return CN_BAD_ARGUMENT;
    }
    const size_t entries = (size_t)ap[n];
    lu->ai = calloc(2 * (entries + 1), sizeof *lu->ai);
    if (!lu->ai) goto no_memory;
    lu->arow = lu->ai + entries + 1;
    memcpy(lu->ap, ap, (m + 1) * sizeof *ap);
    if (entries) memcpy(lu->ai, ai, entries * sizeof *ai);
    for (cn_idx k = 0; k < n; k++) lu->order[k] = perm ? perm[k] : k;
    *out = lu;
    return CN_OK;
no_memory:
    LU_NAME(_free)(lu);
    return CN_NO_MEMORY;
}

/* Make room for n more entries after `used`. */
static cn_status LU_LOCAL(reserve)(cn_idx n, cn_idx used, cn_idx *capacity, cn_idx **index, LU_TYPE **value)
{
    if (used <= *capacity - n && *index) return CN_OK;
    int64_t wanted = 2 * ((int64_t)used + n) + 16;
    if (wanted > INT32_MAX) wanted = INT32_MAX;
    if (wanted < (int64_t)used + n) return CN_NO_MEMORY;
    cn_idx *new_index = realloc(*index, (size_t)wanted * sizeof *new_index);
    if (!new_index) return CN_NO_MEMORY;
    *index = new_index;
    LU_TYPE *new_value = realloc(*value, (size_t)wanted * sizeof *new_value);
    if (!new_value) return CN_NO_MEMORY;
    *value = new_value;
    *capacity = (cn_idx)wanted;
    return CN_OK;
}

/* Find the pivot columns that reach column j's entries (reach[top..n-1], topologically ordered) by depth-first search,
 * and list the rows without a pivot at li[lp[k]...].  Returns top. */
static cn_idx LU_LOCAL(symbolic)(struct LU_NAME() *lu, cn_idx k, cn_idx j, cn_idx *n_below)
{
    cn_idx *const mark = lu->mark, *const li = lu->li, *const below = lu->li + lu->lp[k];
    const cn_idx *const position = lu->position;
    cn_idx top = lu->n, count = 0;
    for (cn_idx p = lu->ap[j]; p < lu->ap[j + 1]; p++) {
        const cn_idx row = lu->ai[p];
        if (mark[row] == k) continue;
        mark[row] = k;
        if (position[row] < 0) {
            below[count++] = row;
            continue;
        }
        cn_idx depth = 0;
        lu->stack[0] = position[row];
        lu->place[0] = lu->lp[position[row]];
        while (depth >= 0) {
            const cn_idx column = lu->stack[depth];
            const cn_idx end = lu->prune[column] >= 0 ? lu->prune[column] : lu->lp[column + 1];
            cn_idx next = -1;
            for (cn_idx s = lu->place[depth]; s < end; s++) {
                const cn_idx i = li[s];
                if (mark[i] == k) continue;
                mark[i] = k;
                if (position[i] < 0) {
                    below[count++] = i;
                    continue;
                }
                lu->place[depth] = s + 1;
                next = position[i];
                break;
            }
            if (next >= 0) {
                depth++;
                lu->stack[depth] = next;
                lu->place[depth] = lu->lp[next];
            } else {
                lu->reach[--top] = column;
                depth--;
            }
        }
    }
    *n_below = count;
    return top;
}

/* Set to zero the candidates for a pivot that are no larger than the rounding of what they were computed from. */
static void LU_LOCAL(clear_noise)(struct LU_NAME() *lu, const LU_TYPE *ax, cn_idx k, cn_idx j, cn_idx n_below)
{
    double *const noise = lu->noise;
    const cn_idx *const below = lu->li + lu->lp[k];
    for (cn_idx s = 0; s < n_below; s++) noise[below[s]] = 0.0;
    for (cn_idx p = lu->ap[j]; p < lu->ap[j + 1]; p++) noise[lu->ai[p]] = LU_SIZE(ax[p]);
    for (cn_idx p = lu->up[k]; p < lu->up[k + 1]; p++) {
        const double u = LU_SIZE(lu->ux[p]);
        for (cn_idx s = lu->lp[lu->ui[p]]; s < lu->lp[lu->ui[p] + 1]; s++) {
            const double term = LU_SIZE(lu->lx[s]) * u;
            if (term > noise[lu->li[s]]) noise[lu->li[s]] = term;
        }
    }
    for (cn_idx s = 0; s < n_below; s++) {
        const cn_idx row = below[s];
        if (LU_SIZE(lu->x[row]) <= 8.0 * DBL_EPSILON * noise[row]) lu->x[row] = 0.0;
    }
}

/* Largest candidate for a pivot, relative to its row; infinity when one is not finite. */
static double LU_LOCAL(largest)(const struct LU_NAME() *lu, const cn_idx *below, cn_idx n_below, cn_idx *best_row)
{
    double best = 0.0;
    for (cn_idx s = 0; s < n_below; s++) {
        const double size = LU_SIZE(lu->x[below[s]]) * lu->scale[below[s]];
        if (!(size <= DBL_MAX)) return INFINITY;
        if (size > best) {
            best = size;
            *best_row = below[s];
        }
    }
    return best;
}

/* Once row `row` is a pivot, a search through an earlier column that holds it may skip that column's other
 * unfinished rows: column k holds them too.  Move the finished rows of such columns to their front. */
static void LU_LOCAL(prune_columns)(struct LU_NAME() *lu, cn_idx k, cn_idx row)
{
    for (cn_idx p = lu->up[k]; p < lu->up[k + 1]; p++) {
        const cn_idx column = lu->ui[p];
        if (lu->prune[column] >= 0) continue;
        cn_idx head = lu->lp[column], tail = lu->lp[column + 1];
        cn_idx s = head;
        while (s < tail && lu->li[s] != row) s++;
        if (s == tail) continue;
        while (head < tail) {
            const cn_idx i = lu->li[head];
            if (lu->position[i] >= 0) {
                head++;
                continue;
            }
            tail--;
            const LU_TYPE value = lu->lx[head];
            lu->li[head] = lu->li[tail];
            lu->lx[head] = lu->lx[tail];
            lu->li[tail] = i;
            lu->lx[tail] = value;
        }
        lu->prune[column] = head;
    }
}

/* Sort the rows of every column by transposing twice; next: n + 1 numbers of scratch. */
static cn_status LU_LOCAL(sort)(cn_idx n, const cn_idx *ptr, cn_idx *index, LU_TYPE *value, cn_idx *next)
{
    const size_t entries = (size_t)ptr[n];
    if (entries == 0) return CN_OK;
    cn_idx *const column = malloc(2 * entries * sizeof *column);
    LU_TYPE *const copy = malloc(entries * sizeof *copy);
    cn_status status = CN_NO_MEMORY;
    if (!column || !copy) goto out;
    cn_idx *const row = column + entries;
    memset(next, 0, ((size_t)n + 1) * sizeof *next);
    for (size_t p = 0; p < entries; p++) next[index[p] + 1]++;
    for (cn_idx i = 0; i < n; i++) next[i + 1] += next[i];
    for (cn_idx j = 0; j < n; j++) {
        for (cn_idx p = ptr[j]; p < ptr[j + 1]; p++) {
            const cn_idx to = next[index[p]]++;
            column[to] = j;
            row[to] = index[p];
            copy[to] = value[p];
        }
    }
    memcpy(next, ptr, ((size_t)n + 1) * sizeof *next);
    for (size_t p = 0; p < entries; p++) {
        const cn_idx to = next[column[p]]++;
        index[to] = row[p];
        value[to] = copy[p];
    }
    status = CN_OK;
out:
    free(column);
    free(copy);
    return status;
}

/* Renumber rows to pivot positions and prepare refactorisation. */
static cn_status LU_LOCAL(finish)(struct LU_NAME() *lu)
{
    const cn_idx n = lu->n;
    for (cn_idx p = 0; p < lu->lp[n]; p++) lu->li[p] = lu->position[lu->li[p]];
    for (cn_idx p = 0; p < lu->ap[n]; p++) lu->arow[p] = lu->position[lu->ai[p]];
    cn_status status = LU_LOCAL(sort)(n, lu->lp, lu->li, lu->lx, lu->stack);
    if (status == CN_OK) status = LU_LOCAL(sort)(n, lu->up, lu->ui, lu->ux, lu->stack);
    if (status != CN_OK) return status;
    for (cn_idx k = n; k-- > 0;) {
        lu->pivot_scale[k] = lu->scale[lu->row_of[k]];
        lu->chain[k] = k + 1 < n && nested(lu->lp, lu->li, k) ? lu->chain[k + 1] + 1 : 1;
    }
    lu->pivoted = lu->valid = 1;
    return CN_OK;
}

/* Set the row scales; CN_NOT_FINITE with the column when an entry is not finite. */
static cn_status LU_LOCAL(scale_rows)(struct LU_NAME() *lu, const LU_TYPE *ax)
{
    memset(lu->scale, 0, (size_t)lu->n * sizeof *lu->scale);
    for (cn_idx j = 0; j < lu->n; j++) {
        for (cn_idx p = lu->ap[j]; p < lu->ap[j + 1]; p++) {
            const double size = LU_SIZE(ax[p]);
            if (!(size <= DBL_MAX)) {
                lu->bad = j;
                return CN_NOT_FINITE;
            }
            if (size > lu->scale[lu->ai[p]]) lu->scale[lu->ai[p]] = size;
        }
    }
    /* the reciprocal of a number below 1e-300 may overflow; such a row is as good as zero */
    for (cn_idx i = 0; i < lu->n; i++) lu->scale[i] = lu->scale[i] > 1e-300 ? 1.0 / lu->scale[i] : 1.0;
    return CN_OK;
}

cn_status LU_NAME(_factor)(struct LU_NAME() *lu, const LU_TYPE *ax)
{
    const cn_idx n = lu->n;
    LU_TYPE *const x = lu->x;
    lu->bad = -1;
    lu->pivoted = lu->valid = 0;
    cn_status status = LU_LOCAL(scale_rows)(lu, ax);
    if (status != CN_OK) return status;
    for (cn_idx k = 0; k < n; k++) {
        lu->position[k] = lu->mark[k] = lu->prune[k] = -1;
        lu->prefer[k] = lu->order[k];
        lu->owner[lu->order[k]] = k;
    }
    memset(x, 0, (size_t)n * sizeof *x);
    lu->lp[0] = lu->up[0] = 0;
    for (cn_idx k = 0; k < n; k++) {
        const cn_idx j = lu->order[k];
        status = LU_LOCAL(reserve)(n, lu->lp[k], &lu->l_capacity, &lu->li, &lu->lx);
        if (status == CN_OK) status = LU_LOCAL(reserve)(n, lu->up[k], &lu->u_capacity, &lu->ui, &lu->ux);
        if (status != CN_OK) return status;
        cn_idx *const below = lu->li + lu->lp[k];
        LU_TYPE *const factor = lu->lx + lu->lp[k];
        cn_idx n_below;
        const cn_idx top = LU_LOCAL(symbolic)(lu, k, j, &n_below);

        for (cn_idx p = lu->ap[j]; p < lu->ap[j + 1]; p++) x[lu->ai[p]] = ax[p];
        cn_idx filled = lu->up[k];
        for (cn_idx t = top; t < n; t++) {
            const cn_idx column = lu->reach[t], row = lu->row_of[column];
            const LU_TYPE u = x[row];
            x[row] = 0.0;
            lu->ui[filled] = column;
            lu->ux[filled++] = u;
            for (cn_idx s = lu->lp[column]; s < lu->lp[column + 1]; s++) x[lu->li[s]] -= LU_TIMES(lu->lx[s], u);
        }
        lu->up[k + 1] = filled;

        cn_idx pivot = -1;
        double best = LU_LOCAL(largest)(lu, below, n_below, &pivot);
        if (best < CN_SUSPECT) {
            LU_LOCAL(clear_noise)(lu, ax, k, j, n_below);
            best = LU_LOCAL(largest)(lu, below, n_below, &pivot);
        }
        if (!(best > 0.0 && best <= DBL_MAX)) {
            lu->bad = j;
            return best > 0.0 ? CN_NOT_FINITE : CN_SINGULAR;
        }
        const cn_idx wanted = lu->prefer[k];
        if (lu->mark[wanted] == k && LU_SIZE(x[wanted]) * lu->scale[wanted] >= CN_DIAGONAL_SHARE * best) pivot = wanted;
        if (pivot != wanted) {
            /* the column robbed of its diagonal gets the one left over here */
            lu->prefer[lu->owner[pivot]] = wanted;
            lu->owner[wanted] = lu->owner[pivot];
        }

        lu->row_of[k] = pivot;
        lu->position[pivot] = k;
        lu->floor_size[k] = CN_PIVOT_DROP * LU_SIZE(x[pivot]);
        const LU_TYPE inverse = 1.0 / x[pivot];
        lu->inverse[k] = inverse;
        x[pivot] = 0.0;
        cn_idx kept = 0;
        for (cn_idx s = 0; s < n_below; s++) {
            const cn_idx row = below[s];
            if (row == pivot) continue;
            below[kept] = row;
            factor[kept++] = LU_TIMES(x[row], inverse);
            x[row] = 0.0;
        }
        lu->lp[k + 1] = lu->lp[k] + kept;
        LU_LOCAL(prune_columns)(lu, k, pivot);
    }
    return LU_LOCAL(finish)(lu);
}

/* x -= L(:, j .. j+width-1) u for columns of a chain, u being the top of x once the earlier columns are subtracted;
 * stores u, clears it in x.  width is 4 or 1: four columns share one pass over x. */
static inline void LU_LOCAL(subtract_four)(const struct LU_NAME() *lu, cn_idx j, LU_TYPE *restrict x,
                                           LU_TYPE *restrict u)
{
    const cn_idx *const restrict lp = lu->lp;
    const LU_TYPE *const restrict a = lu->lx + lp[j], *const restrict b = lu->lx + lp[j + 1];
    const LU_TYPE *const restrict c = lu->lx + lp[j + 2], *const restrict d = lu->lx + lp[j + 3];
    const cn_idx *const restrict rows = lu->li + lp[j + 3];
    const cn_idx length = lp[j + 4] - lp[j + 3];
    const LU_TYPE u0 = x[j];
    const LU_TYPE u1 = x[j + 1] - LU_TIMES(a[0], u0);
    const LU_TYPE u2 = x[j + 2] - LU_TIMES(a[1], u0) - LU_TIMES(b[0], u1);
    const LU_TYPE u3 = x[j + 3] - LU_TIMES(a[2], u0) - LU_TIMES(b[1], u1) - LU_TIMES(c[0], u2);
    x[j] = x[j + 1] = x[j + 2] = x[j + 3] = 0.0;
    u[0] = u0;
    u[1] = u1;
    u[2] = u2;
    u[3] = u3;
    for (cn_idx s = 0; s < length; s++) {
        x[rows[s]] -= (LU_TIMES(a[s + 3], u0) + LU_TIMES(b[s + 2], u1)) + (LU_TIMES(c[s + 1], u2) + LU_TIMES(d[s], u3));
    }
}

static inline void LU_LOCAL(subtract_one)(const struct LU_NAME() *lu, cn_idx j, LU_TYPE *restrict x,
                                          LU_TYPE *restrict u)
{
    const cn_idx *const restrict rows = lu->li + lu->lp[j];
    const LU_TYPE *const restrict a = lu->lx + lu->lp[j];
    const cn_idx length = lu->lp[j + 1] - lu->lp[j];
    const LU_TYPE u0 = x[j];
    x[j] = 0.0;
    *u = u0;
    for (cn_idx s = 0; s < length; s++) x[rows[s]] -= LU_TIMES(a[s], u0);
}

cn_status LU_NAME(_refactor)(struct LU_NAME() *lu, const LU_TYPE *ax)
{
    if (!lu->pivoted) return CN_BAD_ARGUMENT;
    const cn_idx n = lu->n;
    LU_TYPE *const restrict x = lu->x;
    lu->bad = -1;
    lu->valid = 0;
    memset(x, 0, (size_t)n * sizeof *x);
    double check = 0.0;
    for (cn_idx p = 0; p < lu->ap[n]; p++) check += 0.0 * LU_SIZE(ax[p]);
    if (check != 0.0) return LU_LOCAL(scale_rows)(lu, ax);
    for (cn_idx k = 0; k < n; k++) {
        const cn_idx j = lu->order[k];
        for (cn_idx p = lu->ap[j]; p < lu->ap[j + 1]; p++) x[lu->arow[p]] = ax[p];
        const cn_idx end = lu->up[k + 1];
        for (cn_idx p = lu->up[k]; p < end;) {
            const cn_idx column = lu->ui[p];
            if (lu->chain[column] >= 4 && end - p >= 4) {
                LU_LOCAL(subtract_four)(lu, column, x, lu->ux + p);
                p += 4;
            } else {
                LU_LOCAL(subtract_one)(lu, column, x, lu->ux + p);
                p++;
            }
        }
        const LU_TYPE pivot = x[k], inverse = 1.0 / pivot;
        x[k] = 0.0;
        double largest = 0.0;
        for (cn_idx s = lu->lp[k]; s < lu->lp[k + 1]; s++) {
            const cn_idx row = lu->li[s];
            const double size = LU_SIZE(x[row]) * lu->pivot_scale[row];
            largest = size > largest ? size : largest;
            lu->lx[s] = LU_TIMES(x[row], inverse);
            x[row] = 0.0;
        }
        const double size = LU_SIZE(pivot);
        if (!(size * lu->pivot_scale[k] >= CN_REFACTOR_SHARE * largest && size >= lu->floor_size[k] && size <= DBL_MAX)) {
            lu->bad = j;
            return CN_PIVOT_GROWTH;
        }
        lu->inverse[k] = inverse;
    }
    lu->valid = 1;
    return CN_OK;
}

cn_status LU_NAME(_solve)(struct LU_NAME() *lu, LU_TYPE *b)
{
    if (!lu->valid) return CN_BAD_ARGUMENT;
    const cn_idx n = lu->n;
    const cn_idx *const restrict lp = lu->lp, *const restrict li = lu->li;
    const cn_idx *const restrict up = lu->up, *const restrict ui = lu->ui;
    const LU_TYPE *const restrict lx = lu->lx, *const restrict ux = lu->ux;
    LU_TYPE *const restrict x = lu->x;
    for (cn_idx k = 0; k < n; k++) x[k] = b[lu->row_of[k]];
    for (cn_idx k = 0; k < n; k++) {
        const LU_TYPE xk = x[k];
        for (cn_idx s = lp[k]; s < lp[k + 1]; s++) x[li[s]] -= LU_TIMES(lx[s], xk);
    }
    double check = 0.0;
    for (cn_idx k = n; k-- > 0;) {
        const LU_TYPE xk = LU_TIMES(x[k], lu->inverse[k]);
        for (cn_idx p = up[k]; p < up[k + 1]; p++) x[ui[p]] -= LU_TIMES(ux[p], xk);
        b[lu->order[k]] = xk;
        check += 0.0 * LU_SIZE(xk);
    }
    return check == 0.0 ? CN_OK : CN_NOT_FINITE;
}

cn_status LU_NAME(_solve_transposed)(struct LU_NAME() *lu, LU_TYPE *b)
{
    if (!lu->valid) return CN_BAD_ARGUMENT;
    const cn_idx n = lu->n;
    LU_TYPE *const restrict x = lu->x;
    for (cn_idx k = 0; k < n; k++) {
        LU_TYPE sum = b[lu->order[k]];
        for (cn_idx p = lu->up[k]; p < lu->up[k + 1]; p++) sum -= LU_TIMES(lu->ux[p], x[lu->ui[p]]);
        x[k] = LU_TIMES(sum, lu->inverse[k]);
    }
    double check = 0.0;
    for (cn_idx k = n; k-- > 0;) {
        LU_TYPE sum = x[k];
        for (cn_idx s = lu->lp[k]; s < lu->lp[k + 1]; s++) sum -= LU_TIMES(lu->lx[s], x[lu->li[s]]);
        x[k] = sum;
        b[lu->row_of[k]] = sum;
        check += 0.0 * LU_SIZE(sum);
    }
    return check == 0.0 ? CN_OK : CN_NOT_FINITE;
}

/* BLOCK right-hand sides side by side, so that each entry of L and U is read once. */
static cn_status LU_LOCAL(solve_block)(struct LU_NAME() *lu, LU_TYPE *b)
{
    const cn_idx n = lu->n;
    const size_t m = (size_t)n;
    LU_TYPE(*const x)[BLOCK] = (LU_TYPE(*)[BLOCK])lu->x;
    for (cn_idx k = 0; k < n; k++) {
        for (size_t c = 0; c < BLOCK; c++) x[k][c] = b[c * m + (size_t)lu->row_of[k]];
    }
    for (cn_idx k = 0; k < n; k++) {
        for (cn_idx s = lu->lp[k]; s < lu->lp[k + 1]; s++) {
            const LU_TYPE l = lu->lx[s];
            LU_TYPE *const restrict to = x[lu->li[s]];
            for (size_t c = 0; c < BLOCK; c++) to[c] -= LU_TIMES(l, x[k][c]);
        }
    }
    double check = 0.0;
    for (cn_idx k = n; k-- > 0;) {
        for (size_t c = 0; c < BLOCK; c++) {
            x[k][c] = LU_TIMES(x[k][c], lu->inverse[k]);
            b[c * m + (size_t)lu->order[k]] = x[k][c];
            check += 0.0 * LU_SIZE(x[k][c]);
        }
        for (cn_idx p = lu->up[k]; p < lu->up[k + 1]; p++) {
            const LU_TYPE u = lu->ux[p];
            LU_TYPE *const restrict to = x[lu->ui[p]];
            for (size_t c = 0; c < BLOCK; c++) to[c] -= LU_TIMES(u, x[k][c]);
        }
    }
    return check == 0.0 ? CN_OK : CN_NOT_FINITE;
}

cn_status LU_NAME(_solve_many)(struct LU_NAME() *lu, cn_idx nrhs, LU_TYPE *b)
{
    if (!lu->valid) return CN_BAD_ARGUMENT;
    const size_t m = (size_t)lu->n;
    cn_status worst = CN_OK;
    cn_idx c = 0;
    while (c < nrhs) {
        const int block = nrhs - c >= BLOCK;
        LU_TYPE *const column = b + (size_t)c * m;
        const cn_status status = block ? LU_LOCAL(solve_block)(lu, column) : LU_NAME(_solve)(lu, column);
        if (status != CN_OK) worst = status;
        c += block ? BLOCK : 1;
    }
    return worst;
}

cn_idx LU_NAME(_bad_column)(const struct LU_NAME() *lu) { return lu->bad; }

size_t LU_NAME(_nnz)(const struct LU_NAME() *lu)
{
    return lu->pivoted ? (size_t)lu->lp[lu->n] + (size_t)lu->up[lu->n] + (size_t)lu->n : 0;
}

size_t LU_NAME(_bytes)(const struct LU_NAME() *lu)
{
    const size_t m = (size_t)lu->n + 1;
    const size_t held = (size_t)lu->l_capacity + (size_t)lu->u_capacity;
    return sizeof *lu + 15 * m * sizeof(cn_idx) + 4 * m * sizeof(double) + (BLOCK + 1) * m * sizeof(LU_TYPE)
           + 2 * ((size_t)lu->ap[lu->n] + 1) * sizeof(cn_idx) + held * (sizeof(cn_idx) + sizeof(LU_TYPE));
}
