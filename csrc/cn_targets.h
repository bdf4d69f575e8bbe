/* Includes the file TEMPLATE once for each processor that this machine may turn out to be, with
 *   LANES    doubles in a vector,
 *   STREAMS  LANES where the processor can store past the caches, else 0,
 *   TARGET   attribute of functions,
 *   NAME(x)  x##KIND##_avx512, _avx2 or _plain; KIND may be empty.
 * TEMPLATE and KIND must be defined; both are undefined afterwards.
 */
#ifndef CN_JOIN
#define CN_JOIN_NOW(x, kind, target) x##kind##target
#define CN_JOIN(x, kind, target) CN_JOIN_NOW(x, kind, target)
#endif

#if defined(__x86_64__) && defined(__GNUC__)
#define LANES 8
#define STREAMS 8
#define NAME(x) CN_JOIN(x, KIND, _avx512)
#define TARGET __attribute__((target("avx512f,avx512dq,avx2,fma")))
#include TEMPLATE
#undef LANES
#undef STREAMS
#undef NAME
#undef TARGET
#define LANES 4
#define STREAMS 4
#define NAME(x) CN_JOIN(x, KIND, _avx2)
#define TARGET __attribute__((target("avx2,fma")))
#include TEMPLATE
#undef LANES
#undef STREAMS
#undef NAME
#undef TARGET
#endif
#define LANES 4
#define STREAMS 0
#define NAME(x) CN_JOIN(x, KIND, _plain)
#define TARGET
#include TEMPLATE
#undef LANES
#undef STREAMS
#undef NAME
#undef TARGET
#undef TEMPLATE
#undef KIND
