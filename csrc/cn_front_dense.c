/* What is done within a front, compiled for each processor; the fitting one is chosen at run time. */
#include "cn_front_dense.h"

#include <math.h>

typedef double eight __attribute__((vector_size(64), aligned(64), may_alias));
typedef int64_t eight_bits __attribute__((vector_size(64)));

#define KIND
#define TEMPLATE "cn_front_pass.h"
#include "cn_targets.h"

const cn_front_kernels *cn_front_kernels_here(void)
{
#if defined(__x86_64__) && defined(__GNUC__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")) return &kernels_avx512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return &kernels_avx2;
#endif
    return &kernels_plain;
}
