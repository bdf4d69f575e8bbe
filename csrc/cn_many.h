/* Many right-hand sides at once: eight vectors of one crossbar share every load of its factors, one in each lane. */
#ifndef CN_MANY_H
#define CN_MANY_H

#include "cn_lines.h"

enum { CN_MANY = 8 };

/* Workspace of one thread for one array of plain lines; [..][CN_MANY] throughout. */
typedef struct cn_many {
    const cn_lines *lines;
    double *word, *bit;                 /* m, n: volts at the word lines' and at the bit lines' terminals */
    double *u, *v;                      /* (m, n): node voltages; v has a row before and one after */
    double *v_store;
    double *scratch;
    double *sums;                       /* 3 * n: residuals over the hats at, at + 1, at + 2 */
    double *column;                     /* n: imbalance of each bit line */
    double *coarse_sum, *coarse_error;  /* coarse nodes */
    double *error_rows;                 /* (coarse rows, n) */
    double *coarse_x;                   /* coarse unknowns */
    double *current, *before, *size;    /* n: out of the bit lines */
    int cycles;
    double defect;
} cn_many;

/* 1 where an array can be solved so: plain lines over a coarse grid that is solved directly. */
int cn_many_fits(const cn_lines *l);

cn_status cn_many_init(cn_many *w, const cn_lines *l);
void cn_many_free(cn_many *w);

/* Solve for the terminals in place; current holds the answer.  CN_NO_CONVERGENCE where one vector is too slow. */
cn_status cn_many_solve(cn_many *w, double tolerance, int max_cycles);

/* Currents into the word lines, (m, CN_MANY), of the last solution. */
void cn_many_word_currents(const cn_many *w, double *current);

/* All of `count` right-hand sides of one array, eight at a time, blocks spread over threads.
 * word: (count, m), bit: (count, n), volts.  current: (count, n), out of the bit lines; into: (count, m) into the word
 * lines, or NULL. */
cn_status cn_many_all(const cn_lines *l, cn_idx count, const double *word, const double *bit, double tolerance,
                      int max_cycles, int threads, double *current, double *into);

/* Many small arrays of one shape with the same wires, each for `vectors` right-hand sides, spread over threads.
 * model: a factored array of that shape, whose wires and coarse nodes serve all.  g: (count, m, n).
 * word: (count or 1, vectors, m), shared where `each` is 0.  current: (count, vectors, n).
 * failed: (count), 1 where cycles were too slow. */
cn_status cn_many_arrays(const cn_lines *model, cn_idx count, const double *g, cn_idx vectors, const double *word, int each,
                         double tolerance, int max_cycles, int threads, double *current, uint8_t *failed);

#endif
