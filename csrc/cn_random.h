/* Random numbers by counter: each is a function of a seed, the stream that it belongs to and its place in that.
 *
 * Philox 4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011).  There is no
 * state: whatever the order in which elements draw, on however many threads, and however often a step is taken back, an
 * element's k-th number is the same.
 */
#ifndef CN_RANDOM_H
#define CN_RANDOM_H

#include <stdint.h>

/* Which numbers of an element are meant; a stream is an element's own. */
typedef struct cn_stream {
    uint64_t seed, element;
    uint16_t purpose;
} cn_stream;

/* Ten rounds of Philox 4x32. */
void cn_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

/* Exponential of mean 1, above 0: number `index` of the stream, below 2^48. */
double cn_random_exponential(cn_stream stream, uint64_t index);

/* Two independent standard normals: numbers 2 `pair` and 2 `pair` + 1 of the stream. */
void cn_random_normals(cn_stream stream, uint64_t pair, double out[2]);

#endif
