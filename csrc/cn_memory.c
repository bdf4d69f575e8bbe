/* Arrays of a crossbar that were given back are kept, as long as all of them together are small beside a machine's memory. */
#define _DEFAULT_SOURCE /* madvise */

#include "cn_memory.h"

#include <stdint.h>
#include <stdlib.h>

#ifdef __linux__
#include <sys/mman.h>
#include <unistd.h>
#endif

enum {
    SMALL = 1 << 16,  /* bytes below which the heap does all of this */
    HUGE = 1 << 21,   /* of a huge page */
    KEPT = 32,        /* arrays, at most */
    MOST = 1 << 28,   /* bytes of them, at most, and at most this part of the machine's memory: */
    PART = 32
};

static struct {
    void *p;
    size_t bytes;
} kept[KEPT];
static size_t kept_bytes;

static size_t rounded(size_t bytes)
{
    const size_t to = bytes >= 2 * HUGE ? HUGE : 64;
    return (bytes + 64 + to - 1) / to * to; /* 64: a vector may reach beyond the end */
}

static void *fresh(size_t bytes)
{
#ifdef __linux__
    if (bytes >= 2 * HUGE) {
        void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED) return NULL;
        madvise(p, bytes, MADV_HUGEPAGE); /* a hint: nothing is lost when it is not taken */
        return p;
    }
#endif
    return aligned_alloc(64, bytes);
}

static void drop(void *p, size_t bytes)
{
#ifdef __linux__
    if (bytes >= 2 * HUGE) {
        munmap(p, bytes);
        return;
    }
#endif
    (void)bytes;
    free(p);
}

static size_t most(void)
{
    size_t machine = (size_t)MOST * PART;
#ifdef __linux__
    const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    if (pages > 0 && page > 0) machine = (size_t)pages * (size_t)page;
#endif
    return machine / PART < MOST ? machine / PART : MOST;
}

void *cn_memory_take(size_t wanted)
{
    const size_t bytes = rounded(wanted);
    void *p = NULL;
    if (bytes >= SMALL) {
#pragma omp critical(cn_memory)
        for (int k = 0; k < KEPT && !p; k++)
            if (kept[k].p && kept[k].bytes == bytes) {
                p = kept[k].p;
                kept[k].p = NULL;
                kept_bytes -= bytes;
            }
    }
    return p ? p : fresh(bytes);
}

void cn_memory_give(void *p, size_t wanted)
{
    const size_t bytes = rounded(wanted);
    if (!p) return;
    if (bytes >= SMALL) {
        const size_t limit = most();
#pragma omp critical(cn_memory)
        for (int k = 0; k < KEPT && p; k++)
            if (!kept[k].p && kept_bytes + bytes <= limit) {
                kept[k].p = p;
                kept[k].bytes = bytes;
                kept_bytes += bytes;
                p = NULL;
            }
    }
    if (p) drop(p, bytes);
}
