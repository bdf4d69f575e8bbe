/* What a transient keeps of its points. */
#include "cn_tran.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static cn_status reserve(cn_tran *tr)
{
    if (tr->n_points < tr->capacity) return CN_OK;
    if (tr->capacity > INT32_MAX / 2) return CN_NO_MEMORY;
    const cn_idx capacity = tr->capacity ? 2 * tr->capacity : 1024;
    double *points = realloc(tr->points, sizeof(double) * (size_t)capacity * ((size_t)tr->n_saved + 1));
    if (!points) return CN_NO_MEMORY;
    tr->points = points;
    tr->capacity = capacity;
    return CN_OK;
}

cn_status cn_tran_record(cn_tran *tr)
{
    if (tr->t < tr->record_from - 1e-12 * fabs(tr->stop)) return CN_OK;
    const cn_status status = reserve(tr);
    if (status != CN_OK) return status;
    double *row = tr->points + (size_t)tr->n_points * ((size_t)tr->n_saved + 1);
    row[0] = tr->t;
    for (cn_idx k = 0; k < tr->n_saved; k++) row[1 + k] = tr->x[0][tr->saved[k]];
    tr->n_points++;
    tr->total_points++;
    return CN_OK;
}

cn_idx cn_tran_settled(const cn_tran *tr)
{
    /* Only the step after the first of a stretch can lead back to its start. */
    return tr->valid <= 2 && tr->mark_points < tr->n_points ? tr->mark_points : tr->n_points;
}

void cn_tran_forget(cn_tran *tr, cn_idx count)
{
    const size_t width = (size_t)tr->n_saved + 1, kept = (size_t)(tr->n_points - count);
    memmove(tr->points, tr->points + (size_t)count * width, sizeof(double) * kept * width);
    tr->n_points -= count;
    tr->mark_points = tr->mark_points > count ? tr->mark_points - count : 0;
}
