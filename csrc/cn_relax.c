/* Resistive networks, see cn_relax.h: the parts for one precision are in cn_relax_pass.h and cn_relax_run.h. */
#include "cn_relax.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cn_memory.h"
#include "cn_random.h"

#ifdef _OPENMP
#include <omp.h>
#endif
#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#endif

/* GCC tells that vectors would be passed otherwise by other compilers; all that takes any is inlined. */
#pragma GCC diagnostic ignored "-Wpsabi"

enum { GROUP = 8, TILE = 4 }; /* examples whose drive is computed together; rows that settle together */

/* Inputs of up to 8 examples, (features, 4 or 8), and which features any of them has. */
typedef struct feed {
    void *x;
    unsigned char *any;
} feed;

/* Some rows that settle.  extra: what targets put into the outputs, (rows, room); beta: their conductances. */
#define NOW_OF(name, real)                                                                                            \
    typedef struct name {                                                                                             \
        real *v[CN_RELAX_LAYERS], *over[CN_RELAX_LAYERS], *all[CN_RELAX_LAYERS];                                      \
        const real *drive, *extra, *beta;                                                                             \
        real *sums, *scratch;                                                                                         \
    } name;                                                                                                           \
    typedef struct name##_passes {                                                                                    \
        void (*both[2])(real *, cn_idx, const feed *, const feed *, const real *, const real *, const real *,         \
                        const real *, const real *, real *, real *, size_t);                                          \
        void (*update[2])(real *, cn_idx, const feed *, const feed *, const real *, const real *, const real *,       \
                          const real *, const real *, real *, real *, size_t);                                        \
        void (*drive[2])(real *, cn_idx, const feed *, const feed *, const real *, const real *, const real *,        \
                         const real *, const real *, real *, real *, size_t);                                         \
        cn_status (*sweep[TILE + 1])(const cn_relax *, const name *, int, int, real);                                 \
        void (*between)(const cn_relax *, cn_idx, cn_idx, cn_idx, const real *, const real *, const real *,           \
                        const real *, real, const real *, const real *, real *, real *);                              \
    } name##_passes;
NOW_OF(now_single, float)
NOW_OF(now_double, double)
#undef NOW_OF

#define PASSES(of)                                                                                                    \
    {                                                                                                                 \
        {pass4_both##of, pass8_both##of}, {pass4_update##of, pass8_update##of},               \
            {pass4_drive##of, pass8_drive##of},                                                           \
            {NULL, sweep1##of, sweep2##of, NULL, sweep4##of}, between##of                      \
    }
#if defined(__x86_64__) && defined(__GNUC__)
#define CHOOSE(type, kind)                                                                                            \
    static type choose##kind(void)                                                                                    \
    {                                                                                                                 \
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq"))                                  \
            return (type)PASSES(kind##_avx512);                                                                       \
        if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return (type)PASSES(kind##_avx2);        \
        return (type)PASSES(kind##_plain);                                                                            \
    }
#else
#define CHOOSE(type, kind)                                                                                            \
    static type choose##kind(void) { return (type)PASSES(kind##_plain); }
#endif

#define SINGLE 1
#define REAL float
#define NOW now_single
#define PASSES_OF now_single_passes
#define KIND _single
#define TEMPLATE "cn_relax_pass.h"
#include "cn_targets.h"
CHOOSE(now_single_passes, _single)
#define OF(x) x##_single
#include "cn_relax_run.h"
#undef OF
#undef REAL
#undef SINGLE
#undef NOW
#undef PASSES_OF

#define SINGLE 0
#define REAL double
#define NOW now_double
#define PASSES_OF now_double_passes
#define KIND _double
#define TEMPLATE "cn_relax_pass.h"
#include "cn_targets.h"
CHOOSE(now_double_passes, _double)
#define OF(x) x##_double
#include "cn_relax_run.h"
#undef OF
#undef REAL
#undef SINGLE
#undef NOW
#undef PASSES_OF

cn_status cn_relax_init(cn_relax *r)
{
    r->widest = 0;
    for (cn_idx l = 0; l < r->layers; l++) {
        r->room[l] = cn_relax_room(r->size[l]);
        r->widest = r->room[l] > r->widest ? r->room[l] : r->widest;
    }
    r->rows = r->batch <= 4 ? 4 : (r->batch + GROUP - 1) / GROUP * GROUP;
    r->bytes = r->single ? needs_single(r) : needs_double(r);
    if (!(r->memory = cn_memory_take(r->bytes))) return CN_NO_MEMORY;
    memset(r->memory, 0, r->bytes);
    return CN_OK;
}

void cn_relax_free(cn_relax *r)
{
    if (r->memory) cn_memory_give(r->memory, r->bytes);
    r->memory = NULL;
}

cn_status cn_relax_solve(cn_relax *r, const cn_relax_settling *how, cn_idx n, const void *x, const void *target,
                         void *const *voltages, cn_idx *where)
{
    return (r->single ? solve_single : solve_double)(r, how, n, x, target, voltages, where);
}

cn_status cn_relax_train(cn_relax *r, const cn_relax_training *how, cn_idx n, const void *x, const void *target)
{
    return (r->single ? train_single : train_double)(r, how, n, x, target);
}
