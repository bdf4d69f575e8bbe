/* Sums of what devices contribute to the same place: see cn_sums.h. */
#include "cn_sums.h"

cn_idx *cn_sums_init(cn_sums *sums, const cn_idx *place, size_t count, cn_idx dropped, cn_idx *memory, cn_idx *number,
                     cn_idx *next)
{
    cn_idx *places = memory, *end, *entry;
    cn_idx n = 0, kept = 0;
    for (size_t k = 0; k < count; k++) {
        if (place[k] == dropped) continue;
        kept++;
        if (number[place[k]] >= 0) continue;
        number[place[k]] = n;
        places[n++] = place[k];
    }
    end = places + n;
    entry = end + n;
    for (cn_idx i = 0; i < n; i++) next[i] = 0;
    for (size_t k = 0; k < count; k++)
        if (place[k] != dropped) next[number[place[k]]]++;
    for (cn_idx i = 0, total = 0; i < n; i++) {
        const cn_idx own = next[i];
        next[i] = total;
        total += own;
        end[i] = total;
    }
    for (size_t k = 0; k < count; k++)
        if (place[k] != dropped) entry[next[number[place[k]]]++] = (cn_idx)k;
    for (cn_idx i = 0; i < n; i++) number[places[i]] = -1;
    *sums = (cn_sums){n, places, end, entry};
    return entry + kept;
}
