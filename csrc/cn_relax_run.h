/* Settling and training of resistive networks in one precision, see cn_relax.h; included by cn_relax.c for each REAL. */
#define SPACE OF(space)
#define LAYERS CN_RELAX_LAYERS

/* The parts of the workspace. */
typedef struct SPACE {
    /* shared by all threads */
    REAL *sum, *above[LAYERS], *part[LAYERS];      /* of the first layer's columns; of upper ones' columns and rows */
    REAL *least[LAYERS], *largest[LAYERS];         /* bounds by column of the layer, 0 where no node is */
    REAL *drive, *free[LAYERS], *nudged[LAYERS];   /* (rows, room), (rows, room), (2 rows, room) */
    REAL *d[LAYERS], *s[LAYERS], *move, *shift;    /* differences and sums of phases; the first layer's update */
    REAL *extra, *beta;                            /* (2 rows, room of outputs), (2 rows,) */
    REAL *none;                                    /* zeros, a row */
    REAL *x[2];                                    /* (rows / 8, features, 8) */
    unsigned char *any[2];                         /* (rows / 8, features) */
    char *own;                                     /* of threads, `own_bytes` each */
    size_t own_bytes;
} SPACE;

/* A thread's own part. */
typedef struct OF(own) {
    REAL *over[LAYERS], *all[LAYERS], *sums, *scratch;
    REAL *drive, *v[LAYERS], *extra, *beta, *x;    /* of a group of examples that are solved */
    unsigned char *any;
} OF(own);

static void *OF(take)(char **at, char *base, size_t bytes)
{
    void *p = base ? base + (*at - (char *)NULL) : NULL;
    *at += (bytes + 63) / 64 * 64;
    return p;
}

#define TAKE(p, count) p = OF(take)(&at, base, (size_t)(count) * sizeof *p)

static size_t OF(own_parts)(const cn_relax *r, char *base, OF(own) *o)
{
    char *at = NULL;
    for (cn_idx l = 0; l < r->layers; l++) {
        TAKE(o->over[l], r->room[l]);
        TAKE(o->all[l], r->room[l]);
        TAKE(o->v[l], (size_t)GROUP * (size_t)r->room[l]);
    }
    TAKE(o->sums, (size_t)TILE * (size_t)r->widest);
    TAKE(o->scratch, (size_t)TILE * (size_t)r->widest);
    TAKE(o->drive, (size_t)GROUP * (size_t)r->room[0]);
    TAKE(o->extra, (size_t)GROUP * (size_t)r->room[r->layers - 1]);
    TAKE(o->beta, GROUP);
    TAKE(o->x, (size_t)GROUP * (size_t)r->features);
    TAKE(o->any, r->features);
    return (size_t)(at - (char *)NULL);
}

static size_t OF(parts)(const cn_relax *r, char *base, SPACE *w)
{
    char *at = NULL;
    const size_t rows = (size_t)r->rows;
    OF(own) o;
    TAKE(w->sum, r->room[0]);
    for (cn_idx l = 0; l < r->layers; l++) {
        const size_t room = (size_t)r->room[l];
        TAKE(w->above[l], room);
        TAKE(w->least[l], room);
        TAKE(w->largest[l], room);
        TAKE(w->free[l], rows * room);
        TAKE(w->nudged[l], 2 * rows * room);
        TAKE(w->d[l], rows * room);
        TAKE(w->s[l], rows * room);
        TAKE(w->part[l], l > 0 ? (size_t)(r->room[l - 1] / CN_RELAX_BLOCK) * (size_t)r->size[l] : 1);
    }
    TAKE(w->drive, rows * (size_t)r->room[0]);
    TAKE(w->move, rows * (size_t)r->room[0]);
    TAKE(w->shift, r->room[0]);
    TAKE(w->extra, 2 * rows * (size_t)r->room[r->layers - 1]);
    TAKE(w->beta, 2 * rows);
    TAKE(w->none, r->widest);
    for (int k = 0; k < 2; k++) {
        TAKE(w->x[k], rows * (size_t)r->features);
        TAKE(w->any[k], rows * (size_t)r->features);
    }
    w->own_bytes = OF(own_parts)(r, NULL, &o);
    TAKE(w->own, w->own_bytes * (size_t)r->threads);
    return (size_t)(at - (char *)NULL);
}
#undef TAKE

static size_t OF(needs)(const cn_relax *r)
{
    SPACE w;
    return OF(parts)(r, NULL, &w);
}

static void OF(bounds)(const cn_relax *r, SPACE *w)
{
    for (cn_idx l = 0; l < r->layers; l++)
        for (cn_idx j = 0; j < r->size[l]; j++) {
            w->least[l][j] = (REAL)r->least;
            w->largest[l][j] = (REAL)r->largest;
        }
}

/* Features from .. to of `count` examples of x, times the gain, as a feed of `width` examples. */
static void OF(gather)(const cn_relax *r, const REAL *x, cn_idx count, cn_idx width, cn_idx from, cn_idx to, REAL *out,
                       unsigned char *any)
{
    const REAL gain = (REAL)r->gain;
    for (cn_idx i = from; i < to; i++) {
        REAL *row = out + (size_t)i * (size_t)width;
        unsigned char found = 0;
        for (cn_idx b = 0; b < width; b++) {
            const REAL value = b < count ? gain * x[(size_t)b * (size_t)r->features + (size_t)i] : 0;
            row[b] = value;
            found |= value != 0;
        }
        any[i] = found;
    }
}

/* Conductance at each node, from the sums, where all have one and outputs bear a conductance of -`beta`. */
static cn_status OF(totals)(const cn_relax *r, const SPACE *w, OF(own) *o, double beta)
{
    for (cn_idx l = 0; l < r->layers; l++) {
        const cn_idx blocks = l > 0 ? r->room[l - 1] / CN_RELAX_BLOCK : 0;
        for (cn_idx j = 0; j < r->size[l]; j++) {
            REAL a = l == 0 ? w->sum[j] : 0;
            for (cn_idx k = 0; k < blocks; k++) a += w->part[l][(size_t)k * (size_t)r->size[l] + (size_t)j];
            if (l < r->layers - 1) a += w->above[l][j];
            if (!(a < (REAL)INFINITY)) return CN_NOT_FINITE;
            if (a <= 0) return CN_SINGULAR;
            o->all[l][j] = a;
            o->over[l][j] = 1 / a;
        }
    }
    const cn_idx l = r->layers - 1;
    for (cn_idx k = 0; k < r->size[l]; k++) {
        const double a = o->all[l][k];
        if (a <= beta) return CN_BAD_ARGUMENT;
        if (r->differential) {
            const double b = o->all[l][k ^ 1];
            if (a * b <= beta * (a + b)) return CN_BAD_ARGUMENT;
        }
    }
    return CN_OK;
}

/* What a target puts into the outputs of a row whose free outputs are v, with nudge beta: into extra and *conductance. */
static void OF(nudge)(const cn_relax *r, cn_nudge nudge, double beta, const REAL *target, const REAL *v, REAL *extra,
                      REAL *conductance)
{
    const cn_idx nodes = r->size[r->layers - 1], each = r->differential ? 2 : 1, n = nodes / each;
    const REAL by = (REAL)(1.0 / r->scale), sharp = (REAL)(r->scale / r->temperature);
    REAL top = 0, sum = 0;
    *conductance = nudge == CN_NUDGE_EXACT ? (REAL)beta : 0;
    if (nudge == CN_NUDGE_ENTROPY) {
        for (cn_idx k = 0; k < n; k++) {
            const REAL value = sharp * (r->differential ? v[2 * k] - v[2 * k + 1] : v[k]);
            extra[k] = value;
            top = k == 0 || value > top ? value : top;
        }
        for (cn_idx k = 0; k < n; k++) sum += extra[k] = (REAL)exp((double)(extra[k] - top));
    }
    for (cn_idx k = n - 1; k >= 0; k--) { /* downwards: a class is read before its two nodes are written */
        const REAL now = r->differential ? v[2 * k] - v[2 * k + 1] : v[k];
        REAL current;
        if (nudge == CN_NUDGE_EXACT)
            current = (REAL)beta * by * target[k];
        else if (nudge == CN_NUDGE_CURRENT)
            current = (REAL)beta * (by * target[k] - now);
        else
            current = (REAL)beta / sharp * (target[k] - extra[k] / sum);
        extra[each * k] = current;
        if (r->differential) extra[2 * k + 1] = -current;
    }
}

/* Settle rows from .. to of the states v. */
static cn_status OF(settle)(const cn_relax *r, const PASSES_OF *p, const OF(own) *o, REAL *const *v, const REAL *drive,
                            const REAL *extra, const REAL *beta, cn_idx from, cn_idx to, int nudged, int sweeps,
                            double tolerance)
{
    cn_status status = CN_OK;
    for (cn_idx b = from; b < to;) {
        const cn_idx count = to - b >= TILE ? TILE : to - b >= 2 ? 2 : 1;
        NOW now;
        for (cn_idx l = 0; l < r->layers; l++) {
            now.v[l] = v[l] + (size_t)b * (size_t)r->room[l];
            now.over[l] = o->over[l], now.all[l] = o->all[l];
        }
        now.drive = drive + (size_t)b * (size_t)r->room[0];
        now.extra = extra + (size_t)b * (size_t)r->room[r->layers - 1];
        now.beta = beta + b;
        now.sums = o->sums, now.scratch = o->scratch;
        const cn_status found = p->sweep[count](r, &now, nudged, sweeps, (REAL)tolerance);
        status = status == CN_OK ? found : status;
        b += count;
    }
    return status;
}

/* Sums of all conductances as they are, blocks from .. to of each layer. */
static void OF(sum_up)(const cn_relax *r, const PASSES_OF *p, SPACE *w, int thread, int threads)
{
    for (cn_idx l = 1; l < r->layers; l++)
        for (cn_idx k = thread; k < r->room[l - 1] / CN_RELAX_BLOCK; k += threads)
            p->between(r, l, k * CN_RELAX_BLOCK, 0, NULL, NULL, NULL, NULL, 0, NULL, NULL, w->above[l - 1],
                       w->part[l] + (size_t)k * (size_t)r->size[l]);
}

static cn_status OF(solve)(cn_relax *r, const cn_relax_settling *how, cn_idx n, const void *x, const void *target,
                           void *const *voltages, cn_idx *where)
{
    const PASSES_OF p = OF(choose)();
    const cn_idx last = r->layers - 1, outputs = r->size[last] / (r->differential ? 2 : 1);
    const size_t block = 2 * CN_RELAX_BLOCK * (size_t)r->features;
    SPACE w;
    cn_status status = CN_OK;
    cn_idx worst = n;
    OF(parts)(r, r->memory, &w);
    OF(bounds)(r, &w);
    OF(sum_up)(r, &p, &w, 0, 1);
    {
        OF(own) o;
        OF(own_parts)(r, w.own, &o);
        memset(o.any, 0, (size_t)r->features);
        const feed nothing = {o.x, o.any};
        for (cn_idx j = 0; j < r->room[0]; j += CN_RELAX_BLOCK)
            p.drive[1]((REAL *)r->first + (size_t)(j / CN_RELAX_BLOCK) * block, r->features, NULL, &nothing, NULL, NULL,
                       NULL, NULL, (const REAL *)r->bias[0] + j, o.drive + j, w.sum + j, (size_t)r->room[0]);
    }
#ifdef _OPENMP
#pragma omp parallel num_threads(r->threads) if (r->threads > 1)
#endif
    {
#ifdef _OPENMP
        const int thread = omp_get_thread_num();
#else
        const int thread = 0;
#endif
        OF(own) o;
        REAL sum[CN_RELAX_BLOCK];
        OF(own_parts)(r, w.own + (size_t)thread * w.own_bytes, &o);
        const cn_status sound = OF(totals)(r, &w, &o, how->nudge == CN_NUDGE_EXACT && how->beta < 0.0 ? -how->beta : 0.0);
#ifdef _OPENMP
#pragma omp for schedule(static)
#endif
        for (cn_idx from = 0; from < n; from += GROUP) {
            const cn_idx count = n - from < GROUP ? n - from : GROUP;
            cn_status found = sound;
            OF(gather)(r, (const REAL *)x + (size_t)from * (size_t)r->features, count, GROUP, 0, r->features, o.x, o.any);
            const feed fed = {o.x, o.any};
            for (cn_idx j = 0; j < r->room[0]; j += CN_RELAX_BLOCK)
                p.drive[1]((REAL *)r->first + (size_t)(j / CN_RELAX_BLOCK) * block, r->features, NULL, &fed, NULL, NULL,
                           NULL, NULL, (const REAL *)r->bias[0] + j, o.drive + j, sum, (size_t)r->room[0]);
            for (cn_idx l = 0; l < r->layers; l++)
                for (cn_idx b = 0; b < count; b++) {
                    REAL *row = o.v[l] + (size_t)b * (size_t)r->room[l];
                    const REAL *start = (const REAL *)voltages[l] + (size_t)(from + b) * (size_t)r->size[l];
                    memset(row, 0, (size_t)r->room[l] * sizeof(REAL));
                    if (how->starts) memcpy(row, start, (size_t)r->size[l] * sizeof(REAL));
                }
            for (cn_idx b = 0; b < count; b++) {
                REAL *extra = o.extra + (size_t)b * (size_t)r->room[last];
                memset(extra, 0, (size_t)r->room[last] * sizeof(REAL));
                o.beta[b] = 0;
                if (how->beta != 0.0)
                    OF(nudge)(r, how->nudge, how->beta, (const REAL *)target + (size_t)(from + b) * (size_t)outputs,
                              o.v[last] + (size_t)b * (size_t)r->room[last], extra, o.beta + b);
            }
            if (found == CN_OK)
                found = OF(settle)(r, &p, &o, o.v, o.drive, o.extra, o.beta, 0, count, how->beta != 0.0, how->sweeps,
                                   how->tolerance);
            for (cn_idx l = 0; l < r->layers; l++)
                for (cn_idx b = 0; b < count; b++)
                    memcpy((REAL *)voltages[l] + (size_t)(from + b) * (size_t)r->size[l],
                           o.v[l] + (size_t)b * (size_t)r->room[l], (size_t)r->size[l] * sizeof(REAL));
            if (found != CN_OK) {
#ifdef _OPENMP
#pragma omp critical(cn_relax_worst)
#endif
                if (from < worst) worst = from, status = found;
            }
        }
    }
    *where = worst;
    return status;
}

/* Differences and sums of the two phases of example b, from free and nudged states; nothing where there is no example. */
static void OF(contrast)(const cn_relax *r, SPACE *w, cn_sides sides, cn_idx b, int there)
{
    for (cn_idx l = 0; l < r->layers; l++) {
        const size_t room = (size_t)r->room[l], at = (size_t)b * room;
        const REAL *free = w->free[l] + at, *up = w->nudged[l] + at, *down = up + (size_t)r->rows * room;
        const REAL *plus = sides == CN_SIDES_MINUS ? free : up, *minus = sides == CN_SIDES_PLUS ? free : down;
        for (size_t j = 0; j < room; j++) {
            w->d[l][at + j] = there ? plus[j] - minus[j] : 0;
            w->s[l][at + j] = there ? plus[j] + minus[j] : 0;
        }
    }
}

/* Settle example b freely and nudged. */
static void OF(phases)(const cn_relax *r, const PASSES_OF *p, const cn_relax_training *how, cn_sides sides, SPACE *w,
                       const OF(own) *o, const REAL *target, cn_idx from, cn_idx to)
{
    const cn_idx last = r->layers - 1, outputs = r->size[last] / (r->differential ? 2 : 1), rows = r->rows;
    const size_t wide = (size_t)r->room[last];
    for (cn_idx l = 0; l < r->layers; l++)
        memset(w->free[l] + (size_t)from * (size_t)r->room[l], 0, (size_t)(to - from) * (size_t)r->room[l] * sizeof(REAL));
    for (cn_idx b = from; b < to; b++) {
        memset(w->extra + (size_t)b * wide, 0, wide * sizeof(REAL));
        w->beta[b] = 0;
    }
    OF(settle)(r, p, o, w->free, w->drive, w->extra, w->beta, from, to, 0, how->sweeps, 0.0);
    for (int side = 0; side < 2; side++) {
        if (sides == (side ? CN_SIDES_PLUS : CN_SIDES_MINUS)) continue;
        REAL *v[LAYERS];
        for (cn_idx l = 0; l < r->layers; l++) {
            const size_t room = (size_t)r->room[l];
            v[l] = w->nudged[l] + (side ? (size_t)rows * room : 0);
            memcpy(v[l] + (size_t)from * room, w->free[l] + (size_t)from * room, (size_t)(to - from) * room * sizeof(REAL));
        }
        for (cn_idx b = from; b < to; b++)
            OF(nudge)(r, how->nudge, side ? -how->beta : how->beta, target + (size_t)b * (size_t)outputs,
                      w->free[last] + (size_t)b * wide, w->extra + (size_t)b * wide, w->beta + b);
        OF(settle)(r, p, o, v, w->drive, w->extra, w->beta, from, to, 1, how->sweeps, 0.0);
    }
}

/* Bias currents, columns from .. to of layer l. */
static void OF(shift_bias)(const cn_relax *r, const SPACE *w, cn_idx l, REAL rate, cn_idx from, cn_idx to)
{
    REAL *bias = r->bias[l];
    for (cn_idx b = 0; b < r->rows; b++)
        for (cn_idx j = from; j < to; j++) bias[j] += rate * w->d[l][(size_t)b * (size_t)r->room[l] + (size_t)j];
}

/* The first layer, columns j .. j + 16: update by the minibatch of `now` at `rate`, drive of that of `next`; NULL: none. */
static void OF(first_block)(const cn_relax *r, const PASSES_OF *p, SPACE *w, cn_idx j, REAL rate, int now, int next)
{
    const size_t room = (size_t)r->room[0], features = (size_t)r->features;
    const cn_idx width = r->rows <= 4 ? 4 : GROUP, groups = r->rows / width;
    const int wide = width == GROUP;
    REAL *g = (REAL *)r->first + (size_t)(j / CN_RELAX_BLOCK) * 2 * CN_RELAX_BLOCK * features;
    const REAL *bias = (const REAL *)r->bias[0] + j;
    REAL unbound[2][CN_RELAX_BLOCK];
    if (now >= 0) {
        for (size_t e = (size_t)j; e < (size_t)j + CN_RELAX_BLOCK; e++) w->shift[e] = 0;
        for (cn_idx b = 0; b < r->rows; b++)
            for (size_t e = (size_t)j; e < (size_t)j + CN_RELAX_BLOCK; e++) {
                const REAL d = rate * w->d[0][(size_t)b * room + e];
                w->move[(size_t)b * room + e] = d;
                w->shift[e] += (REAL)0.5 * d * w->s[0][(size_t)b * room + e];
            }
        for (int e = 0; e < CN_RELAX_BLOCK; e++) unbound[0][e] = (REAL)-INFINITY, unbound[1][e] = (REAL)INFINITY;
    }
    for (cn_idx k = 0; k < groups; k++) {
        const size_t to = (size_t)k * (size_t)width;
        const feed old = {now >= 0 ? w->x[now] + to * features : NULL, now >= 0 ? w->any[now] + to * features : NULL};
        const feed new = {next >= 0 ? w->x[next] : NULL, next >= 0 ? w->any[next] : NULL};
        const int final = k == groups - 1;
        if (now < 0) break;
        (final && next >= 0 ? p->both : p->update)[wide](
            g, r->features, &old, &new, w->move + to * room + j, final ? w->shift + j : w->none,
            final ? w->least[0] + j : unbound[0], final ? w->largest[0] + j : unbound[1], bias, w->drive + j, w->sum + j,
            room);
    }
    for (cn_idx k = now >= 0 ? 1 : 0; next >= 0 && k < groups; k++) {
        const size_t to = (size_t)k * (size_t)width;
        const feed new = {w->x[next] + to * features, w->any[next] + to * features};
        p->drive[wide](g, r->features, NULL, &new, NULL, NULL, NULL, NULL, bias, w->drive + to * room + j, w->sum + j, room);
    }
}

/* Which side a minibatch takes. */
static cn_sides OF(side)(const cn_relax_training *how, cn_idx k)
{
    const uint64_t number = how->minibatch + (uint64_t)k;
    const uint32_t counter[4] = {(uint32_t)number, (uint32_t)(number >> 32), 0, 0};
    const uint32_t key[2] = {(uint32_t)how->seed, (uint32_t)(how->seed >> 32)};
    uint32_t out[4];
    if (how->sides != CN_SIDES_RANDOM) return how->sides;
    cn_philox(counter, key, out);
    return out[0] & 1 ? CN_SIDES_PLUS : CN_SIDES_MINUS;
}

static cn_status OF(train)(cn_relax *r, const cn_relax_training *how, cn_idx n, const void *x, const void *target)
{
    const PASSES_OF p = OF(choose)();
    const cn_idx last = r->layers - 1, outputs = r->size[last] / (r->differential ? 2 : 1), B = r->batch;
    const cn_idx minibatches = (n + B - 1) / B, width = r->rows <= 4 ? 4 : GROUP;
    const int exact = how->nudge == CN_NUDGE_EXACT && how->sides != CN_SIDES_PLUS;
    const double most = exact ? how->beta : 0.0;
    SPACE w;
    cn_status status = CN_OK;
    OF(parts)(r, r->memory, &w);
    OF(bounds)(r, &w);
#ifdef _OPENMP
#pragma omp parallel num_threads(r->threads) if (r->threads > 1)
#endif
    {
#ifdef _OPENMP
        const int thread = omp_get_thread_num(), threads = omp_get_num_threads();
#define BARRIER _Pragma("omp barrier")
#else
        const int thread = 0, threads = 1;
#define BARRIER
#endif
        OF(own) o;
        OF(own_parts)(r, w.own + (size_t)thread * w.own_bytes, &o);
        const cn_idx blocks = r->room[0] / CN_RELAX_BLOCK;
        const cn_idx first = (cn_idx)((int64_t)blocks * thread / threads), end = (cn_idx)((int64_t)blocks * (thread + 1) / threads);
        const cn_idx feature = (cn_idx)((int64_t)r->features * thread / threads);
        const cn_idx features = (cn_idx)((int64_t)r->features * (thread + 1) / threads);
#define GATHER(minibatch)                                                                                             \
    for (cn_idx k = 0; k < r->rows; k += width) {                                                                     \
        const cn_idx start = (minibatch) * B + k, left = (n < ((minibatch) + 1) * B ? n : ((minibatch) + 1) * B) - start; \
        OF(gather)(r, (const REAL *)x + (size_t)start * (size_t)r->features, left < 0 ? 0 : left < width ? left : width, width, \
                   feature, features, w.x[(minibatch) & 1] + (size_t)k * (size_t)r->features,                           \
                   w.any[(minibatch) & 1] + (size_t)k * (size_t)r->features);                                           \
    }
        GATHER(0)
        BARRIER
        for (cn_idx k = first; k < end; k++) OF(first_block)(r, &p, &w, k * CN_RELAX_BLOCK, 0, -1, 0);
        OF(sum_up)(r, &p, &w, thread, threads);
        BARRIER
        cn_status sound = OF(totals)(r, &w, &o, most);
        for (cn_idx m = 0; m < minibatches && sound == CN_OK; m++) {
            const cn_idx count = n - m * B < B ? n - m * B : B;
            const cn_idx from = (cn_idx)((int64_t)r->rows * thread / threads), to = (cn_idx)((int64_t)r->rows * (thread + 1) / threads);
            const cn_idx there = to < count ? to : count;
            const cn_sides sides = OF(side)(how, m);
            const double per = (sides == CN_SIDES_CENTRED ? 0.5 : 1.0) / (how->beta * (double)count);
            if (there > from)
                OF(phases)(r, &p, how, sides, &w, &o, (const REAL *)target + (size_t)m * (size_t)B * (size_t)outputs, from, there);
            for (cn_idx b = from; b < to; b++) OF(contrast)(r, &w, sides, b, b < count);
            if (m + 1 < minibatches) GATHER(m + 1)
            BARRIER
            for (cn_idx k = first; k < end; k++) {
                OF(shift_bias)(r, &w, 0, (REAL)(per * how->bias_rate[0]), k * CN_RELAX_BLOCK, (k + 1) * CN_RELAX_BLOCK);
                OF(first_block)(r, &p, &w, k * CN_RELAX_BLOCK, (REAL)(per * how->rate[0]), m & 1, m + 1 < minibatches ? (m + 1) & 1 : -1);
            }
            for (cn_idx l = 1; l < r->layers; l++) {
                for (cn_idx k = thread; k < r->room[l - 1] / CN_RELAX_BLOCK; k += threads)
                    p.between(r, l, k * CN_RELAX_BLOCK, r->rows, w.d[l - 1], w.s[l - 1], w.d[l], w.s[l],
                              (REAL)(0.5 * per * how->rate[l]), w.least[l - 1] + k * CN_RELAX_BLOCK,
                              w.largest[l - 1] + k * CN_RELAX_BLOCK, w.above[l - 1], w.part[l] + (size_t)k * (size_t)r->size[l]);
                if (thread == 0) OF(shift_bias)(r, &w, l, (REAL)(per * how->bias_rate[l]), 0, r->room[l]);
            }
            BARRIER
            sound = OF(totals)(r, &w, &o, most);
        }
        if (thread == 0) status = sound; /* all threads find the same */
    }
    return status;
}

#undef GATHER
#undef BARRIER
#undef SPACE
#undef LAYERS
