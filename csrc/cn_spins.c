/* Macrospins in blocks that threads share, see cn_spins.h. */
#include "cn_spins.h"

#include <math.h>
#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#endif

/* Oscillators that one thread takes together; vectors of them at most; and numbers of a stream that are not of other noise. */
enum { CN_SPIN_BLOCK = 32, CN_SPIN_GROUPS = CN_SPIN_BLOCK / 4, CN_SPIN_PURPOSE = 0x5350 };

/* GCC tells that vectors would be passed otherwise by other compilers; all that takes any is inlined. */
#pragma GCC diagnostic ignored "-Wpsabi"

#define KIND
#define TEMPLATE "cn_spins_pass.h"
#include "cn_targets.h"

typedef int (*block_function)(const cn_spins *, cn_idx, cn_idx, double *, int64_t *, int64_t *);

static block_function choose_block(void)
{
#if defined(__x86_64__) && defined(__GNUC__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")) return block_avx512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return block_avx2;
#endif
    return block_plain;
}

cn_status cn_spins_run(cn_spins *s, int threads)
{
    const block_function block = choose_block();
    const cn_idx size = CN_SPIN_BLOCK, blocks = (s->padded + size - 1) / size;
    double drift = s->drift;
    int64_t evaluations = 0, rejected = 0;
    int failed = 0;
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1 && blocks > 1) \
    reduction(max : drift) reduction(+ : evaluations, rejected, failed)
    for (cn_idx b = 0; b < blocks; b++) {
        const cn_idx at = b * size, end = at + size < s->padded ? at + size : s->padded;
        failed += !block(s, at, end, &drift, &evaluations, &rejected);
    }
    s->drift = drift;
    s->evaluations += evaluations;
    s->rejected += rejected;
    return failed ? CN_NO_CONVERGENCE : CN_OK;
}
