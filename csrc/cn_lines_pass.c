/* The passes over lines, compiled for each processor, storage and kind of lines; the fitting ones are chosen at run time. */
#include "cn_lines_pass_table.h"

#include <math.h>
#include <string.h>

/* The template needs REAL, SINGLE and GENERAL besides what each target defines. */
#define REAL double
#define SINGLE 0
#define GENERAL 0
#define KIND
#define TEMPLATE "cn_lines_pass.h"
#include "cn_targets.h"
#undef GENERAL

#define GENERAL 1
#define KIND _general
#define TEMPLATE "cn_lines_pass.h"
#include "cn_targets.h"
#undef GENERAL
#undef REAL
#undef SINGLE

#define REAL float
#define SINGLE 1
#define GENERAL 0
#define KIND _single
#define TEMPLATE "cn_lines_pass.h"
#include "cn_targets.h"

#define ONE(lanes, end) {lanes, store_row_##end, factor_words_##end, factor_bits_##end, row_pass_##end, column_pass_##end}
#define ALL(lanes, end) {ONE(lanes, end), ONE(lanes, single_##end), ONE(lanes, general_##end)}

const cn_passes *cn_lines_passes(cn_lines_kind kind)
{
#if defined(__x86_64__) && defined(__GNUC__)
    static const cn_passes avx512[] = ALL(8, avx512), avx2[] = ALL(4, avx2);
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")) return &avx512[kind];
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return &avx2[kind];
#endif
    static const cn_passes plain[] = ALL(4, plain);
    return &plain[kind];
}
