/* Many vectors of one array, and many arrays, spread over threads: every thread owns the workspace that it solves in. */
#include "cn_many.h"

#include <stdlib.h>
#include <string.h>

/* Put vectors first .. first + 7 of (count, lines) into lanes; what is missing repeats the last. */
static void pack(const double *from, cn_idx count, cn_idx first, cn_idx lines, double *to)
{
    for (cn_idx e = 0; e < CN_MANY; e++) {
        const double *one = from + (size_t)(first + e < count ? first + e : count - 1) * (size_t)lines;
        for (cn_idx k = 0; k < lines; k++) to[(size_t)k * CN_MANY + (size_t)e] = one[k];
    }
}

static void unpack(const double *from, cn_idx count, cn_idx first, cn_idx lines, double *to)
{
    for (cn_idx e = 0; e < CN_MANY && first + e < count; e++)
        for (cn_idx k = 0; k < lines; k++)
            to[(size_t)(first + e) * (size_t)lines + (size_t)k] = from[(size_t)k * CN_MANY + (size_t)e];
}

cn_status cn_many_all(const cn_lines *l, cn_idx count, const double *word, const double *bit, double tolerance,
                      int max_cycles, int threads, double *current, double *into)
{
    const cn_idx blocks = (count + CN_MANY - 1) / CN_MANY;
    cn_status worst = CN_OK;
#pragma omp parallel num_threads(threads)
    {
        cn_many w;
        cn_status status = cn_many_init(&w, l);
#pragma omp for schedule(dynamic)
        for (cn_idx b = 0; b < blocks; b++) {
            const cn_idx first = b * CN_MANY;
            if (status != CN_OK) continue;
            pack(word, count, first, l->m, w.word);
            pack(bit, count, first, l->n, w.bit);
            status = cn_many_solve(&w, tolerance, max_cycles);
            unpack(w.current, count, first, l->n, current);
            if (into) {
                cn_many_word_currents(&w, w.scratch); /* free between solutions */
                unpack(w.scratch, count, first, l->m, into);
            }
        }
        cn_many_free(&w);
#pragma omp critical(cn_many_worst)
        if (status > worst) worst = status;
    }
    return worst;
}

/* A copy of the model's wires and coarse nodes with cells of its own. */
static cn_status like(cn_lines *l, const cn_lines *model)
{
    cn_status status = cn_lines_init(l, model->m, model->n, CN_LINES_PLAIN, NULL, 1);
    if (status != CN_OK) return status;
    const size_t m = sizeof(double) * (size_t)model->m_padded, n = sizeof(double) * (size_t)model->n_padded;
    memcpy(l->word, model->word, m);
    memcpy(l->bit, model->bit, n);
    memcpy(l->word_low.g, model->word_low.g, m);
    memcpy(l->word_high.g, model->word_high.g, m);
    memcpy(l->bit_low.g, model->bit_low.g, n);
    memcpy(l->bit_high.g, model->bit_high.g, n);
    memset(l->g, 0, sizeof(double) * (size_t)l->m_padded * (size_t)l->ld);
    return cn_lines_factor(l, model->mean);
}

cn_status cn_many_arrays(const cn_lines *model, cn_idx count, const double *g, cn_idx vectors, const double *word, int each,
                         double tolerance, int max_cycles, int threads, double *current, uint8_t *failed)
{
    const cn_idx m = model->m, n = model->n;
    cn_status worst = CN_OK;
#pragma omp parallel num_threads(threads)
    {
        cn_lines l;
        cn_many w;
        memset(&w, 0, sizeof w);
        cn_status status = like(&l, model);
        if (status == CN_OK && vectors > 1) status = cn_many_init(&w, &l);
#pragma omp for schedule(dynamic, 4)
        for (cn_idx k = 0; k < count; k++) {
            if (status != CN_OK) continue;
            const double *drive = word + (each ? (size_t)k * (size_t)vectors * (size_t)m : 0);
            double *out = current + (size_t)k * (size_t)vectors * (size_t)n;
            status = cn_lines_store(m, n, g + (size_t)k * (size_t)m * (size_t)n, n, 1, CN_LINES_PLAIN, l.g, 1, NULL);
            if (status == CN_OK) status = cn_lines_refactor(&l);
            if (status != CN_OK) continue;
            cn_status solved = CN_OK;
            if (vectors > 1) {
                for (cn_idx first = 0; first < vectors && solved == CN_OK; first += CN_MANY) {
                    pack(drive, vectors, first, m, w.word);
                    solved = cn_many_solve(&w, tolerance, max_cycles);
                    unpack(w.current, vectors, first, n, out);
                }
            } else {
                memcpy(l.word_low.drive, drive, sizeof(double) * (size_t)m);
                memcpy(l.word_high.drive, drive, sizeof(double) * (size_t)m);
                solved = cn_lines_solve(&l, tolerance, max_cycles, out);
            }
            failed[k] = solved != CN_OK;
        }
        cn_many_free(&w);
        cn_lines_free(&l);
#pragma omp critical(cn_many_worst)
        if (status > worst) worst = status;
    }
    return worst;
}
