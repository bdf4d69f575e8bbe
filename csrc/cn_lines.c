/* Crossbars by lines: storage, factors of lines, and the set-up of the coarse grid. */
#include "cn_lines_pass_table.h"
#include "cn_memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static cn_idx round_up(cn_idx x, cn_idx to) { return (x + to - 1) / to * to; }

static double *zeros(size_t count)
{
    /* whole cache lines, for aligned vectors */
    const size_t bytes = (count * sizeof(double) + 127) / 64 * 64;
    double *p = aligned_alloc(64, bytes);
    if (p) memset(p, 0, bytes);
    return p;
}

static size_t width_of(cn_lines_kind kind) { return kind == CN_LINES_SINGLE ? sizeof(float) : sizeof(double); }

void cn_lines_area(cn_idx m, cn_idx n, cn_idx *rows, cn_idx *ld)
{
    const cn_idx lanes = cn_lines_passes(CN_LINES_PLAIN)->lanes;
    *rows = round_up(m, lanes);
    *ld = round_up(n, lanes) + 8; /* a power of two would put all rows of a panel into few cache sets */
}

cn_status cn_lines_store(cn_idx m, cn_idx n, const double *g, ptrdiff_t row_stride, ptrdiff_t col_stride,
                         cn_lines_kind kind, void *to, int threads, double *mean)
{
    const cn_passes *pass = cn_lines_passes(kind);
    const size_t width = width_of(kind);
    cn_idx rows, ld;
    cn_lines_area(m, n, &rows, &ld);
    double *of_row = malloc(sizeof(double) * (size_t)m); /* sum of each row */
    double *gathered = col_stride == 1 ? NULL : malloc(sizeof(double) * (size_t)n * (size_t)threads);
    if (!of_row || (col_stride != 1 && !gathered)) {
        free(of_row);
        free(gathered);
        return CN_NO_MEMORY;
    }
#pragma omp parallel for schedule(static) num_threads(threads)
    for (cn_idx i = 0; i < rows; i++) {
        char *line = (char *)to + (size_t)i * (size_t)ld * width;
        const cn_idx kept = i < m ? n : 0;
        memset(line + (size_t)kept * width, 0, (size_t)(ld - kept) * width);
        if (i >= m) continue;
        const double *from = g + i * row_stride;
        if (gathered) {
            double *own = gathered + (size_t)cn_thread_number() * (size_t)n;
            for (cn_idx j = 0; j < n; j++) own[j] = from[j * col_stride];
            from = own;
        }
        of_row[i] = pass->store_row(from, n, line);
    }
    double total = 0.0;
    for (cn_idx i = 0; i < m; i++) total += of_row[i];
    if (mean) *mean = total / m / n;
    free(of_row);
    free(gathered);
    return CN_OK;
}

/* Set vectors of a line's quantity up; what pads them stands for lines that are tied down and carry nothing. */
static int init_side(cn_idx padded, double **segment, cn_end *low, cn_end *high, double **pivot)
{
    double **all[] = {segment, &low->g, &low->drive, &low->feed, &high->g, &high->drive, &high->feed, pivot};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++)
        if (!(*all[k] = zeros((size_t)padded))) return 0;
    for (cn_idx k = 0; k < padded; k++) (*segment)[k] = low->g[k] = 1.0;
    return 1;
}

cn_status cn_lines_init(cn_lines *l, cn_idx m, cn_idx n, cn_lines_kind kind, void *g, int threads)
{
    memset(l, 0, sizeof *l);
    l->kind = kind;
    l->m = m;
    l->n = n;
    l->lanes = cn_lines_passes(kind)->lanes;
    cn_lines_area(m, n, &l->m_padded, &l->ld);
    l->n_padded = l->ld - 8;
    l->threads = threads;
    const cn_idx parts = l->m_padded / 64;
    l->chunks = parts < 1 ? 1 : parts > CN_CHUNKS ? CN_CHUNKS : (int)parts;
    const size_t row = (size_t)l->ld, area = (size_t)l->m_padded * row, width = width_of(kind);
    const size_t line = (size_t)l->n_padded * (size_t)l->lanes + 3 * (size_t)l->n_padded;
    const size_t panel = (size_t)m * 4 * (size_t)l->lanes;
    l->scratch_size = ((line > panel ? line : panel) + 15) / 8 * 8;
    l->owns_g = g == NULL;
    l->g = g ? g : cn_memory_take(area * width);
    l->u = cn_memory_take(area * width);
    l->v_store = cn_memory_take((area + 2 * row) * width);
    l->q_word = cn_memory_take((size_t)l->m_padded * (size_t)n * width);
    l->q_bit = cn_memory_take((size_t)m * (size_t)l->n_padded * width);
    l->column_part = zeros((size_t)l->chunks * (size_t)l->n_padded);
    l->scratch = zeros((size_t)threads * l->scratch_size);
    l->before = zeros((size_t)n);
    l->size = zeros((size_t)n);
    if (!l->g || !l->u || !l->v_store || !l->q_word || !l->q_bit || !l->column_part || !l->scratch || !l->before || !l->size || !init_side(l->m_padded, &l->word, &l->word_low, &l->word_high, &l->word_pivot) ||
        !init_side(l->n_padded, &l->bit, &l->bit_low, &l->bit_high, &l->bit_pivot))
        return CN_NO_MEMORY;
    l->v = (char *)l->v_store + row * width;
    /* Passes load a row beyond either end, and the rows that pad a strip; nothing comes of it. */
    memset(l->v_store, 0, row * width);
    memset((char *)l->v + (size_t)m * row * width, 0, (size_t)(l->m_padded - m + 1) * row * width);
    if (kind != CN_LINES_GENERAL) return CN_OK;
    l->g_bit = l->g;
    double **all[] = {&l->word_segment, &l->bit_segment, &l->f_word, &l->f_bit};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++)
        if (!(*all[k] = cn_memory_take(area * width))) return CN_NO_MEMORY;
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) memset(*all[k], 0, area * width);
    l->p_word = cn_memory_take((size_t)l->m_padded * (size_t)n * width);
    l->p_bit = cn_memory_take((size_t)m * (size_t)l->n_padded * width);
    return l->p_word && l->p_bit ? CN_OK : CN_NO_MEMORY;
}

static void free_coarse(cn_lines *l)
{
    double **all[] = {&l->bundles, &l->row_hats, &l->coarse_part, &l->coarse_sum, &l->coarse_error, &l->error_rows};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) {
        free(*all[k]);
        *all[k] = NULL;
    }
    cn_coarse_free(&l->coarse);
}

void cn_lines_free(cn_lines *l)
{
    const size_t row = (size_t)l->ld, area = (size_t)l->m_padded * row, width = width_of(l->kind);
    const size_t word = (size_t)l->m_padded * (size_t)l->n * width, bit = (size_t)l->m * (size_t)l->n_padded * width;
    if (l->owns_g) cn_memory_give(l->g, area * width);
    cn_memory_give(l->u, area * width);
    cn_memory_give(l->v_store, (area + 2 * row) * width);
    cn_memory_give(l->q_word, word);
    cn_memory_give(l->q_bit, bit);
    if (l->kind == CN_LINES_GENERAL) {
        double *all[] = {l->word_segment, l->bit_segment, l->f_word, l->f_bit};
        for (size_t k = 0; k < sizeof all / sizeof *all; k++) cn_memory_give(all[k], area * width);
        cn_memory_give(l->p_word, word);
        cn_memory_give(l->p_bit, bit);
    }
    double *all[] = {l->column_part, l->scratch, l->before, l->size, l->word, l->bit, l->word_pivot, l->bit_pivot};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) free(all[k]);
    const cn_end *ends[] = {&l->word_low, &l->word_high, &l->bit_low, &l->bit_high};
    for (size_t k = 0; k < sizeof ends / sizeof *ends; k++) {
        free(ends[k]->g);
        free(ends[k]->drive);
        free(ends[k]->feed);
    }
    cn_lines_stop(l);
    free_coarse(l);
}

static double mean_of(const double *x, cn_idx n)
{
    double sum = 0.0;
    for (cn_idx k = 0; k < n; k++) sum += x[k];
    return sum / n;
}

/* Cells of the coarse grid along `count` nodes: what the line solves leave is smooth over pi / sqrt(12 G R) segments. */
static cn_idx coarse_cells(cn_idx count, double cell, double segment)
{
    enum { MOST = 512 };
    const double smooth = 3.14159265358979 / sqrt(12.0 * cell / segment + 1e-300);
    cn_idx cells = 8;
    while (cells < MOST && cells < count / smooth) cells *= 2;
    if (count >= 1024 && cells < CN_DIRECT_CELLS) cells *= 2;
    while (cells < 32 && cells < count / 32) cells *= 2; /* a cycle less costs less than the finer grid */
    while (cells > 2 && cells > count / 8) cells /= 2;
    return cells;
}

/* Distance at which the hats end at a held end, in segments; -1 where it counts as open. */
static double reach(const double *end, const double *segment, cn_idx lines, cn_idx count)
{
    double distance = 0.0;
    for (cn_idx k = 0; k < lines; k++) distance += end[k] > 0.0 ? segment[k] / end[k] : INFINITY;
    distance /= lines;
    return distance <= 0.5 * count ? distance : -1.0;
}

/* out += x, shared between the hats at place k. */
static void share(const cn_hats *h, cn_idx k, double x, double *out, size_t stride)
{
    out[(size_t)h->cell[k] * stride] += (1.0 - h->part[k]) * x;
    out[(size_t)(h->cell[k] + 1) * stride] += h->part[k] * x;
}

/* Mean conductance of the segments of general lines, those in series: broken ones left out. */
static void mean_segments(cn_lines *l)
{
    for (cn_idx i = 0; i < l->m; i++) {
        double sum = 0.0, count = 0.0;
        for (cn_idx j = 0; j + 1 < l->n; j++) {
            const double w = l->word_segment[(size_t)i * (size_t)l->ld + (size_t)j];
            if (w > 0.0) sum += 1.0 / w, count += 1.0;
        }
        l->word[i] = count > 0.0 ? count / sum : 1.0;
    }
    double *sum = l->before, *count = l->size; /* free until a solution begins */
    memset(sum, 0, sizeof(double) * (size_t)l->n);
    memset(count, 0, sizeof(double) * (size_t)l->n);
    for (cn_idx i = 0; i + 1 < l->m; i++)
        for (cn_idx j = 0; j < l->n; j++) {
            const double w = l->bit_segment[(size_t)i * (size_t)l->ld + (size_t)j];
            if (w > 0.0) sum[j] += 1.0 / w, count[j] += 1.0;
        }
    for (cn_idx j = 0; j < l->n; j++) l->bit[j] = count[j] > 0.0 ? count[j] / sum[j] : 1.0;
}

/* Cell of the coarse grid in which the segment after fine node k has its middle. */
static cn_idx cell_of_segment(const cn_hats *h, cn_idx k)
{
    const double place = h->cell[k] + h->part[k] + 0.5 / h->width;
    return place < h->cells ? (cn_idx)place : h->cells - 1;
}

/* Bundles of general lines: a line's segments in one coarse cell are in series.  along: hats along the lines; across:
 * over the lines; segment (line k, place j) at k * line + j * place. */
static void bundle(const cn_hats *along, const cn_hats *across, const double *segment, size_t line, size_t place,
                   const double *usual, double *work, double *out, size_t out_across, size_t out_along)
{
    double *sum = work, *count = work + along->cells;
    for (cn_idx k = 0; k < across->count; k++) {
        memset(work, 0, sizeof(double) * 2 * (size_t)along->cells);
        for (cn_idx j = 0; j + 1 < along->count; j++) {
            const cn_idx c = cell_of_segment(along, j);
            sum[c] += 1.0 / segment[(size_t)k * line + (size_t)j * place];
            count[c] += 1.0;
        }
        for (cn_idx c = 0; c < along->cells; c++) {
            const double one = count[c] > 0.0 ? count[c] / sum[c] : usual[k]; /* mean conductance of a segment */
            share(across, k, one / along->width, out + (size_t)c * out_along, out_across);
        }
    }
}

/* Bundles of plain lines. */
static void bundle_plain(const cn_hats *along, const cn_hats *across, const double *usual, double *out, size_t out_across,
                         size_t out_along)
{
    for (cn_idx k = 0; k < across->count; k++)
        for (cn_idx c = 0; c < along->cells; c++)
            share(across, k, usual[k] / along->width, out + (size_t)c * out_along, out_across);
}

static cn_status init_hats(cn_lines *l, double cell)
{
    cn_coarse *c = &l->coarse;
    const cn_idx m = l->m, n = l->n;
    cn_status status = cn_hats_init(&c->cols, n, coarse_cells(n, cell, mean_of(l->word, m)),
                                    reach(l->word_low.g, l->word, m, n), reach(l->word_high.g, l->word, m, n));
    if (status != CN_OK) return status;
    status = cn_hats_init(&c->rows, m, coarse_cells(m, cell, mean_of(l->bit, n)), reach(l->bit_low.g, l->bit, n, m),
                          reach(l->bit_high.g, l->bit, n, m));
    if (status != CN_OK) return status;
    const size_t rows = (size_t)c->rows.cells + 1, cols = (size_t)c->cols.cells + 1;
    l->row_hats = zeros((size_t)l->m_padded * cols);
    l->coarse_part = zeros((size_t)l->chunks * rows * cols);
    l->coarse_sum = zeros(rows * cols);
    l->coarse_error = zeros(rows * cols);
    l->error_rows = zeros(rows * (size_t)l->n_padded);
    return l->row_hats && l->coarse_part && l->coarse_sum && l->coarse_error && l->error_rows ? CN_OK : CN_NO_MEMORY;
}

/* Where the parts of l->bundles begin. */
static cn_bundles bundles_of(const cn_lines *l)
{
    const size_t rows = (size_t)l->coarse.rows.cells + 1, cols = (size_t)l->coarse.cols.cells + 1;
    const double *b = l->bundles, *word = b + rows * cols, *bit = word + rows * cols, *word_low = bit + rows * cols;
    return (cn_bundles){b, word, word_low, word_low + rows, bit, word_low + 2 * rows, word_low + 2 * rows + cols};
}

/* Everything of the coarse crossbar but its cells: it does not change with the conductances. */
static cn_status init_bundles(cn_lines *l)
{
    const cn_hats *across = &l->coarse.rows, *along = &l->coarse.cols;
    const size_t rows = (size_t)across->cells + 1, cols = (size_t)along->cells + 1, ld = (size_t)l->ld;
    l->bundles = zeros(3 * rows * cols + 2 * (rows + cols));
    double *series = zeros(2 * (rows + cols));
    if (!l->bundles || !series) {
        free(series);
        return CN_NO_MEMORY;
    }
    double *word = l->bundles + rows * cols, *bit = word + rows * cols, *word_low = bit + rows * cols;
    double *word_high = word_low + rows, *bit_low = word_high + rows, *bit_high = bit_low + cols;
    for (cn_idx i = 0; i < l->m; i++) {
        if (!along->low_held) share(across, i, l->word_low.g[i], word_low, 1);
        if (!along->high_held) share(across, i, l->word_high.g[i], word_high, 1);
    }
    for (cn_idx j = 0; j < l->n; j++) {
        if (!across->low_held) share(along, j, l->bit_low.g[j], bit_low, 1);
        if (!across->high_held) share(along, j, l->bit_high.g[j], bit_high, 1);
    }
    if (l->kind == CN_LINES_GENERAL) {
        bundle(along, across, l->word_segment, ld, 1, l->word, series, word, cols - 1, 1);
        bundle(across, along, l->bit_segment, 1, ld, l->bit, series, bit, 1, cols);
    } else {
        bundle_plain(along, across, l->word, word, cols - 1, 1);
        bundle_plain(across, along, l->bit, bit, 1, cols);
    }
    free(series);
    return CN_OK;
}

cn_status cn_lines_refactor(cn_lines *l)
{
    const cn_passes *pass = cn_lines_passes(l->kind);
    const cn_idx strips = l->m_padded / l->lanes, panels = cn_panel_count(l);
    cn_lines_stop(l);
#pragma omp parallel num_threads(l->threads)
    {
#pragma omp for schedule(static) nowait
        for (cn_idx k = 0; k < strips; k += CN_STRIPS)
            pass->factor_words(l, k, k + CN_STRIPS < strips ? k + CN_STRIPS : strips);
#pragma omp for schedule(static)
        for (cn_idx p = 0; p < panels; p++) {
            const cn_idx j = cn_panel_start(l, p);
            pass->factor_bits(l, j, cn_panel_width(l, j));
        }
    }
    const size_t rows = (size_t)l->coarse.rows.cells + 1, cols = (size_t)l->coarse.cols.cells + 1;
    memset(l->bundles, 0, sizeof(double) * rows * cols);
    for (cn_idx i = 0; i < l->m; i++)
        for (size_t k = 0; k < cols; k++) share(&l->coarse.rows, i, l->row_hats[(size_t)i * cols + k], l->bundles + k, cols);
    const cn_bundles bundles = bundles_of(l);
    return cn_coarse_factor(&l->coarse, &bundles, l->threads);
}

cn_status cn_lines_factor(cn_lines *l, double cell)
{
    free_coarse(l);
    l->mean = cell;
    if (l->kind == CN_LINES_GENERAL) mean_segments(l);
    cn_status status = init_hats(l, cell);
    if (status == CN_OK) status = init_bundles(l);
    return status == CN_OK ? cn_lines_refactor(l) : status;
}
