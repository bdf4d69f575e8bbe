/* The elimination within a front, compiled for each processor; the fitting one is chosen at run time. */
#include "cn_front_dense.h"

#include <math.h>

typedef double eight __attribute__((vector_size(64), aligned(64), may_alias));
typedef int64_t eight_bits __attribute__((vector_size(64)));

#define KIND
#define TEMPLATE "cn_front_pass.h"
#include "cn_targets.h"

void cn_front_eliminate(cn_front_dense *d)
{
#if defined(__x86_64__) && defined(__GNUC__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")) {
        eliminate_avx512(d);
        return;
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        eliminate_avx2(d);
        return;
    }
#endif
    eliminate_plain(d);
}
