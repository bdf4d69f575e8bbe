/* Includes the file TEMPLATE once for each processor for which generated kernels have vectors; see cn_vector.h.  Four
 * lanes are as fast as eight on the batches that circuits have, where most divisions are of one or a few instances.
 */
#if defined(__x86_64__) && defined(__GNUC__)
#define WIDTH 4
#define NAME(x) x##_avx2
#define TARGET __attribute__((target("avx2,fma")))
#include TEMPLATE
#undef WIDTH
#undef NAME
#undef TARGET
#endif
#define WIDTH 2
#define NAME(x) x##_plain
#define TARGET
#include TEMPLATE
#undef WIDTH
#undef NAME
#undef TARGET
#undef TEMPLATE
