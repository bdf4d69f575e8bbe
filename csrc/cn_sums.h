/* Sums of what devices contribute to the same place.
 *
 * Adding entry after entry into a matrix waits for the last store wherever neighbours share a place, and most devices
 * share a supply or ground.  Entries are therefore gathered by place once, those of ground left out, and added up in a
 * register.
 */
#ifndef CN_SUMS_H
#define CN_SUMS_H

#include "cn_types.h"

#include <stddef.h>

typedef struct cn_sums {
    cn_idx n;            /* places */
    const cn_idx *place; /* n of them */
    const cn_idx *end;   /* n: one past the last entry of each */
    const cn_idx *entry; /* entries of the first place, of the second, ... */
} cn_sums;

/* Gather `count` entries by place; those of `dropped` are left out.  memory: 3 * count numbers, used up to the returned
 * one.  number, next: dropped + 1 numbers of scratch each, `number` all -1 on entry and on return. */
cn_idx *cn_sums_init(cn_sums *sums, const cn_idx *place, size_t count, cn_idx dropped, cn_idx *memory, cn_idx *number,
                     cn_idx *next);

/* into[place] += factor * sum of its values. */
static inline void cn_sums_add(const cn_sums *sums, const double *restrict value, double factor, double *restrict into)
{
    const cn_idx *entry = sums->entry;
    cn_idx k = 0;
    for (cn_idx i = 0; i < sums->n; i++) {
        double sum = value[entry[k]];
        const cn_idx end = sums->end[i];
        while (++k < end) sum += value[entry[k]];
        into[sums->place[i]] += factor * sum;
    }
}

/* into[place] += sum of its (a + factor * b). */
static inline void cn_sums_add_two(const cn_sums *sums, const double *restrict a, const double *restrict b, double factor,
                                   double *restrict into)
{
    const cn_idx *entry = sums->entry;
    cn_idx k = 0;
    for (cn_idx i = 0; i < sums->n; i++) {
        double sum = a[entry[k]] + factor * b[entry[k]];
        const cn_idx end = sums->end[i];
        while (++k < end) sum += a[entry[k]] + factor * b[entry[k]];
        into[sums->place[i]] += sum;
    }
}

#endif
