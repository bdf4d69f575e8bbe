/* The passes over lines for eight right-hand sides, written once; included by cn_many.c once for each processor.
 * LANES: lines that share a vector in the layout of the factors.  Defines NAME(many_rows), NAME(many_columns) and
 * NAME(many_coarse).
 */

/* u := (T_w + D)^-1 D v; residual of the bit lines to coarse_sum and column.  still: v is zero. */
TARGET static void NAME(many_rows)(cn_many *w, int still)
{
    const cn_lines *l = w->lines;
    const cn_idx m = l->m, n = l->n;
    const size_t ld = (size_t)l->ld, wide = (size_t)n;
    const cn_hats *rows = &l->coarse.rows, *cols = &l->coarse.cols;
    const size_t coarse_cols = (size_t)cols->cells + 1;
    eight *line = (eight *)w->scratch, *sums = (eight *)w->sums, *column = (eight *)w->column;
    eight *coarse = (eight *)w->coarse_sum;
    const double *cells = l->g;
    cn_idx at = rows->cell[0];
    memset(sums, 0, 3 * wide * sizeof *sums);
    memset(column, 0, wide * sizeof *column);
    memset(coarse, 0, (size_t)(rows->cells + 1) * coarse_cols * sizeof *coarse);
    for (cn_idx i0 = 0; i0 < m; i0 += LANES) {
        const double *q = (const double *)l->q_word + (size_t)i0 * wide;
        const double *g = cells + (size_t)i0 * ld;
        /* What pads the last strip repeats its last line, to no effect. */
        size_t row[LANES];
        eight y[LANES];
        double back[LANES], over[LANES];
        for (int k = 0; k < LANES; k++) {
            const cn_idx i = i0 + k < m ? i0 + k : m - 1;
            row[k] = (size_t)i * wide;
            y[k] = l->word_low.g[i] * ((const eight *)w->word)[i];
            back[k] = 0.0;
            over[k] = 1.0 / l->word[i];
        }
        const eight *v = (const eight *)w->v;
        for (cn_idx j = 0; j < n; j++) {
            _Pragma("GCC unroll 8") for (int k = 0; k < LANES; k++)
            {
                eight r = (eight){0.0};
                if (!still) r = g[(size_t)k * ld + (size_t)j] * v[row[k] + (size_t)j];
                y[k] = j == 0 ? r + y[k] : r + (1.0 - back[k]) * y[k];
                back[k] = q[(size_t)j * LANES + (size_t)k];
                line[(size_t)j * LANES + (size_t)k] = y[k];
            }
        }
        double weight[3][LANES];
        for (int k = 0; k < LANES; k++) {
            weight[0][k] = weight[1][k] = weight[2][k] = 0.0;
            if (i0 + k >= m) continue;
            const cn_idx hat = rows->cell[i0 + k] - at;
            weight[hat][k] = 1.0 - rows->part[i0 + k];
            weight[hat + 1][k] = rows->part[i0 + k];
        }
        for (int k = 0; k < LANES; k++) {
            const cn_idx i = i0 + k < m ? i0 + k : m - 1;
            y[k] = (y[k] + l->word_high.g[i] * ((const eight *)w->word)[i]) * l->word_pivot[i];
        }
        eight *u = (eight *)w->u;
        for (cn_idx j = n - 1; j >= 0; j--) {
            eight s0 = (eight){0.0}, s1 = s0, s2 = s0, all = s0;
            const double segment = l->bit[j];
            _Pragma("GCC unroll 8") for (int k = 0; k < LANES; k++)
            {
                if (j < n - 1) {
                    const double keep = 1.0 - q[(size_t)j * LANES + (size_t)k];
                    y[k] = line[(size_t)j * LANES + (size_t)k] * (keep * over[k]) + keep * y[k];
                }
                const cn_idx i = i0 + k;
                if (i >= m) continue;
                const size_t cell = row[k] + (size_t)j;
                u[cell] = y[k];
                eight flow;
                if (still) {
                    flow = g[(size_t)k * ld + (size_t)j] * y[k];
                    if (i == 0) flow += l->bit_low.g[j] * ((const eight *)w->bit)[j];
                    if (i == m - 1) flow += l->bit_high.g[j] * ((const eight *)w->bit)[j];
                } else {
                    const eight here = v[cell];
                    flow = g[(size_t)k * ld + (size_t)j] * (y[k] - here);
                    flow += i > 0 ? segment * (v[cell - wide] - here) : l->bit_low.g[j] * (((const eight *)w->bit)[j] - here);
                    flow += i < m - 1 ? segment * (v[cell + wide] - here)
                                      : l->bit_high.g[j] * (((const eight *)w->bit)[j] - here);
                }
                s0 += weight[0][k] * flow;
                s1 += weight[1][k] * flow;
                s2 += weight[2][k] * flow;
                all += flow;
            }
            sums[j] += s0;
            sums[wide + (size_t)j] += s1;
            sums[2 * wide + (size_t)j] += s2;
            column[j] += all;
        }
        const int ends = i0 + LANES >= m;
        const int passed = !ends && rows->cell[i0 + LANES] > at;
        for (cn_idx h = 0; h < (ends ? 3 : passed) && at + h <= rows->cells; h++) {
            eight *to = coarse + (size_t)(at + h) * coarse_cols;
            for (cn_idx j = 0; j < n; j++) {
                to[cols->cell[j]] += (1.0 - cols->part[j]) * sums[(size_t)h * wide + (size_t)j];
                to[cols->cell[j] + 1] += cols->part[j] * sums[(size_t)h * wide + (size_t)j];
            }
        }
        if (passed) {
            memmove(sums, sums + wide, 2 * wide * sizeof *sums);
            memset(sums + 2 * wide, 0, wide * sizeof *sums);
            at++;
        }
    }
}

/* v := (T_b + D)^-1 (D (u + P e)) with the drives of the bit lines. */
TARGET static void NAME(many_columns)(cn_many *w)
{
    const cn_lines *l = w->lines;
    const cn_idx m = l->m, n = l->n;
    const size_t ld = (size_t)l->ld, wide = (size_t)n;
    const cn_hats *rows = &l->coarse.rows;
    const double *cells = l->g;
    eight *line = (eight *)w->scratch, *v = (eight *)w->v;
    const eight *u = (const eight *)w->u, *drive = (const eight *)w->bit, *error = (const eight *)w->error_rows;
    const cn_idx wide_panels = l->n_padded / (4 * LANES) * (4 * LANES);
    for (cn_idx j0 = 0; j0 < n; j0 += LANES) {
        /* Factors lie in panels of four vectors, or of one where less is left. */
        const cn_idx width = j0 < wide_panels ? 4 * LANES : LANES, first = j0 < wide_panels ? j0 / width * width : j0;
        const double *q = (const double *)l->q_bit + (size_t)first * (size_t)m + (size_t)(j0 - first);
        eight y[LANES];
        double back[LANES], over[LANES];
        size_t col[LANES];
        for (int k = 0; k < LANES; k++) {
            col[k] = (size_t)(j0 + k < n ? j0 + k : n - 1);
            y[k] = l->bit_low.g[col[k]] * drive[col[k]];
            back[k] = 0.0;
            over[k] = 1.0 / l->bit[col[k]];
        }
        for (cn_idx i = 0; i < m; i++) {
            const eight *low = error + (size_t)rows->cell[i] * wide;
            const double t = rows->part[i], *g = cells + (size_t)i * ld;
            _Pragma("GCC unroll 8") for (int k = 0; k < LANES; k++)
            {
                const eight e = low[col[k]];
                const eight r = g[j0 + k] * (u[(size_t)i * wide + col[k]] + (e + t * (low[wide + col[k]] - e)));
                y[k] = i == 0 ? r + y[k] : r + (1.0 - back[k]) * y[k];
                back[k] = q[(size_t)i * (size_t)width + (size_t)k];
                line[(size_t)i * LANES + (size_t)k] = y[k];
            }
        }
        for (int k = 0; k < LANES; k++) y[k] = (y[k] + l->bit_high.g[col[k]] * drive[col[k]]) * l->bit_pivot[col[k]];
        for (cn_idx i = m - 1; i >= 0; i--)
            _Pragma("GCC unroll 8") for (int k = 0; k < LANES; k++)
            {
                if (i < m - 1) {
                    const double keep = 1.0 - q[(size_t)i * (size_t)width + (size_t)k];
                    y[k] = line[(size_t)i * LANES + (size_t)k] * (keep * over[k]) + keep * y[k];
                }
                if (j0 + k < n) v[(size_t)i * wide + col[k]] = y[k];
            }
    }
}

/* The word lines' error for the residual in coarse_sum, spread along j. */
TARGET static void NAME(many_coarse)(cn_many *w)
{
    const cn_coarse *c = &w->lines->coarse;
    const cn_idx rows = c->rows.cells + 1, cols = c->cols.cells + 1, band = c->band;
    eight *x = (eight *)w->coarse_x, *error = (eight *)w->coarse_error;
    const eight *r = (const eight *)w->coarse_sum;
    for (cn_idx i = 0; i < rows; i++)
        for (cn_idx j = 0; j < cols; j++) {
            x[cn_coarse_number(c, i, j, 0)] = (eight){0.0};
            eight own = (eight){0.0};
            if (!cn_coarse_bit_held(c, i)) own = r[i * cols + j];
            x[cn_coarse_number(c, i, j, 1)] = own;
        }
    for (cn_idx i = 0; i < c->n; i++) {
        const double *row = &c->factor[(size_t)i * (size_t)(band + 1)] + (band - i);
        eight a = (eight){0.0}, b = a, d = a, e = a; /* four sums: none waits for its own last term */
        cn_idx k = i > band ? i - band : 0;
        for (; k + 4 <= i; k += 4) {
            a += row[k] * x[k];
            b += row[k + 1] * x[k + 1];
            d += row[k + 2] * x[k + 2];
            e += row[k + 3] * x[k + 3];
        }
        for (; k < i; k++) a += row[k] * x[k];
        x[i] = (x[i] - ((a + b) + (d + e))) * row[i];
    }
    for (cn_idx i = c->n - 1; i >= 0; i--) {
        const double *row = &c->factor[(size_t)i * (size_t)(band + 1)] + (band - i);
        const eight own = x[i] *= row[i];
        for (cn_idx k = i > band ? i - band : 0; k < i; k++) x[k] -= row[k] * own;
    }
    for (cn_idx i = 0; i < rows; i++)
        for (cn_idx j = 0; j < cols; j++) {
            error[i * cols + j] = (eight){0.0};
            if (!cn_coarse_word_held(c, j)) error[i * cols + j] = x[cn_coarse_number(c, i, j, 0)];
        }
    const cn_idx n = w->lines->n;
    for (cn_idx i = 0; i < rows; i++) {
        const eight *from = error + (size_t)i * (size_t)cols;
        eight *to = (eight *)w->error_rows + (size_t)i * (size_t)n;
        for (cn_idx j = 0; j < n; j++) {
            const eight low = from[c->cols.cell[j]], high = from[c->cols.cell[j] + 1];
            to[j] = low + c->cols.part[j] * (high - low);
        }
    }
}
