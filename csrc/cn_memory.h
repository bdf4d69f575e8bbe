/* Memory for arrays over the cells of a crossbar: in huge pages where there are any, and kept for the next array of the
 * same size when it is given back, for fresh pages cost as much as a solution. */
#ifndef CN_MEMORY_H
#define CN_MEMORY_H

#include <stddef.h>

/* Room for so many bytes, aligned to a cache line, not cleared; NULL when there is none. */
void *cn_memory_take(size_t bytes);

/* Give it back, with the same number of bytes; p may be NULL. */
void cn_memory_give(void *p, size_t bytes);

#endif
