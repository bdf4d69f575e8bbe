/* The equations and the methods of cn_waves.c, written once; included there once for each processor.  A thread does the
 * oscillators from lo on and below hi; with couplings all threads pass the barriers together.
 */

/* Sine and cosine of 2 pi x; |x| < 2^50.  At most 1 unit in the last place off, beside the rounding of x. */
TARGET static inline void NAME(turn)(double x, double *sine, double *cosine)
{
    const double whole = 0x1.8p52;
    x -= (x + whole) - whole;
    const double quarter = (4.0 * x + whole) - whole;
    const double a = (x - 0.25 * quarter) * TWO_PI, z = a * a;
    const double s = a + a * z * (-1.66666666666666324348e-01 + z * (8.33333333332248946124e-03 +
        z * (-1.98412698298579493134e-04 + z * (2.75573137070700676789e-06 +
        z * (-2.50507602534068634195e-08 + z * 1.58969099521155010221e-10)))));
    const double c = 1.0 - 0.5 * z + z * z * (4.16666666666666019037e-02 + z * (-1.38888888888741095749e-03 +
        z * (2.48015872894767294178e-05 + z * (-2.75573143513906633035e-07 +
        z * (2.08757232129817482790e-09 - z * 1.13596475577881948265e-11)))));
    const int odd = quarter == 1.0 || quarter == -1.0;
    const double a_sine = odd ? c : s, a_cosine = odd ? s : c;
    *sine = quarter == -1.0 || quarter == 2.0 || quarter == -2.0 ? -a_sine : a_sine;
    *cosine = quarter == 1.0 || quarter == 2.0 || quarter == -2.0 ? -a_cosine : a_cosine;
}

/* Drives at t, the force turned into the frame of amplitudes. */
TARGET static void NAME(drive)(cn_waves *w, cn_idx lo, cn_idx hi, double t)
{
    const size_t n = (size_t)w->n;
    for (int k = 0; k < CN_INPUTS; k++)
        memset(w->in + (size_t)k * n + lo, 0, (size_t)(hi - lo) * sizeof(double));
    for (cn_idx d = 0; d < w->n_drives; d++) {
        const cn_wave_drive *o = &w->drives[d];
        double *in = w->in + (size_t)o->input * n;
        if (o->samples) {
            double at = (t - o->start) / o->spacing, part;
            const cn_idx last = o->n_samples - 1;
            at = at > 0.0 ? at < last ? at : last : 0.0;
            cn_idx below = (cn_idx)at, above;
            above = below < last ? below + 1 : last;
            part = o->hold ? 0.0 : at - below;
            const double *a = o->samples + (size_t)below * (size_t)o->columns;
            const double *b = o->samples + (size_t)above * (size_t)o->columns;
            if (o->columns == 1)
                for (cn_idx i = lo; i < hi; i++) in[i] += o->gain[i] * (a[0] + part * (b[0] - a[0]));
            else
                for (cn_idx i = lo; i < hi; i++) in[i] += o->gain[i] * (a[i] + part * (b[i] - a[i]));
        } else if (o->common) {
            double s, c;
            NAME(turn)(o->frequency[0] * t + o->turns[0], &s, &c);
            const double value = o->gain[0] * s;
            for (cn_idx i = lo; i < hi; i++) in[i] += value;
        } else {
            for (cn_idx i = lo; i < hi; i++) {
                double s, c;
                NAME(turn)(o->frequency[i] * t + o->turns[i], &s, &c);
                in[i] += o->gain[i] * s;
            }
        }
    }
    if (w->kind == CN_AMPLITUDES && w->frame != 0.0) {
        double s, c, *re = w->in + CN_INPUT_RE * n, *im = w->in + CN_INPUT_IM * n;
        NAME(turn)(w->frame / TWO_PI * t, &s, &c);
        for (cn_idx i = lo; i < hi; i++) {
            const double x = re[i], y = im[i];
            re[i] = x * c - y * s;
            im[i] = x * s + y * c;
        }
    }
}

/* What couples, at y: amplitudes, or exp(i phase). */
TARGET static void NAME(signal)(cn_waves *w, cn_idx lo, cn_idx hi, double t, const double *y)
{
    const size_t n = (size_t)w->n;
    double *ur = w->u, *ui = w->u + n;
    if (w->kind == CN_AMPLITUDES) {
        memcpy(ur + lo, y + lo, (size_t)(hi - lo) * sizeof(double));
        memcpy(ui + lo, y + n + lo, (size_t)(hi - lo) * sizeof(double));
    } else {
        const double whole = 0x1.8p52, x = w->frame / TWO_PI * t, turned = x - ((x + whole) - whole);
        for (cn_idx i = lo; i < hi; i++) NAME(turn)(y[i] * (1.0 / TWO_PI) + turned, &ui[i], &ur[i]);
    }
}

/* h := sum_k K_jk u_k. */
TARGET static void NAME(couple)(cn_waves *w, cn_idx lo, cn_idx hi)
{
    const size_t n = (size_t)w->n, blocks = ((size_t)w->n + CN_WAVES_BLOCK - 1) / CN_WAVES_BLOCK;
    const double *ur = w->u, *ui = w->u + n;
    double *hr = w->h, *hi_ = w->h + n;
    for (cn_idx s = 0; s < w->n_sums; s++) {
        const double *gr = w->sums[s].weight, *gi = gr + n;
        for (cn_idx from = lo; from < hi; from += CN_WAVES_BLOCK) {
            const cn_idx end = from + CN_WAVES_BLOCK < w->n ? from + CN_WAVES_BLOCK : w->n;
            double sr = 0.0, si = 0.0;
            for (cn_idx i = from; i < end; i++) {
                sr += gr[i] * ur[i] - gi[i] * ui[i];
                si += gr[i] * ui[i] + gi[i] * ur[i];
            }
            double *part = w->part + 2 * ((size_t)s * blocks + (size_t)(from / CN_WAVES_BLOCK));
            part[0] = sr;
            part[1] = si;
        }
    }
    if (w->threads > 1) {
        _Pragma("omp barrier")
    }
    memset(hr + lo, 0, (size_t)(hi - lo) * sizeof(double));
    memset(hi_ + lo, 0, (size_t)(hi - lo) * sizeof(double));
    for (cn_idx s = 0; s < w->n_sums; s++) {
        const double *part = w->part + 2 * (size_t)s * blocks, *gr = w->sums[s].gain, *gi = gr + n;
        double sr = 0.0, si = 0.0;
        for (size_t b = 0; b < blocks; b++) {
            sr += part[2 * b];
            si += part[2 * b + 1];
        }
        for (cn_idx i = lo; i < hi; i++) {
            hr[i] += gr[i] * sr - gi[i] * si;
            hi_[i] += gr[i] * si + gi[i] * sr;
        }
    }
    if (w->dense_re)
        for (cn_idx i = lo; i < hi; i++) {
            const double *kr = w->dense_re + (size_t)i * n, *ki = w->dense_im + (size_t)i * n;
            double sr = 0.0, si = 0.0;
            for (size_t j = 0; j < n; j++) {
                sr += kr[j] * ur[j] - ki[j] * ui[j];
                si += kr[j] * ui[j] + ki[j] * ur[j];
            }
            hr[i] += sr;
            hi_[i] += si;
        }
    if (w->row_start)
        for (cn_idx i = lo; i < hi; i++) {
            double sr = 0.0, si = 0.0;
            for (int64_t m = w->row_start[i]; m < w->row_start[i + 1]; m++) {
                const cn_idx j = w->column[m];
                sr += w->sparse_re[m] * ur[j] - w->sparse_im[m] * ui[j];
                si += w->sparse_re[m] * ui[j] + w->sparse_im[m] * ur[j];
            }
            hr[i] += sr;
            hi_[i] += si;
        }
}

/* Force and gain into w->h and w->in; returns whether there is a force, and in *gained whether there is a drive of the gain. */
TARGET static int NAME(outside)(cn_waves *w, cn_idx lo, cn_idx hi, double t, const double *y, double *driven)
{
    const size_t n = (size_t)w->n;
    const int coupled = w->n_sums > 0 || w->dense_re || w->row_start;
    if (coupled) {
        NAME(signal)(w, lo, hi, t, y);
        if (w->threads > 1) {
            _Pragma("omp barrier")
        }
        NAME(couple)(w, lo, hi);
        if (w->threads > 1) {
            _Pragma("omp barrier")
        }
    }
    if (w->n_drives > 0) {
        if (!(*driven == t)) NAME(drive)(w, lo, hi, t);
        *driven = t;
        double *hr = w->h, *him = w->h + n;
        const double *re = w->in + CN_INPUT_RE * n, *im = w->in + CN_INPUT_IM * n;
        for (cn_idx i = lo; i < hi; i++) {
            hr[i] = coupled ? hr[i] + re[i] : re[i];
            him[i] = coupled ? him[i] + im[i] : im[i];
        }
    }
    return coupled || w->n_drives > 0;
}

TARGET static void NAME(amplitude_slope)(cn_waves *w, cn_idx lo, cn_idx hi, int forced, const double *restrict y,
                                         double *restrict d)
{
    const size_t n = (size_t)w->n;
    const double *re = y, *im = y + n, *w0 = w->coefficient[CN_W0], *w1 = w->coefficient[CN_W1];
    const double *w2 = w->coefficient[CN_W2], *g0 = w->coefficient[CN_G0], *g1 = w->coefficient[CN_G1];
    const double *g2 = w->coefficient[CN_G2], *gain = w->coefficient[CN_GAIN], *x = w->in;
    const double *hr = w->h, *him = w->h + n;
    double *dr = d, *di = d + n;
    const double frame = w->frame;
    _Pragma("GCC ivdep") for (cn_idx i = lo; i < hi; i++)
    {
        const double a = re[i], b = im[i], p = a * a + b * b;
        const double turn = w0[i] - frame + p * (w1[i] + p * w2[i]), loss = g0[i] + p * (g1[i] + p * g2[i]);
        dr[i] = turn * b - loss * a;
        di[i] = -turn * a - loss * b;
    }
    if (w->n_drives > 0) {
        const double *saturation = w->coefficient[CN_SATURATION], *pull = w->coefficient[CN_PULL];
        _Pragma("GCC ivdep") for (cn_idx i = lo; i < hi; i++)
        {
            const double a = re[i], b = im[i], turn = pull[i] * x[i];
            const double grow = gain[i] * x[i] * (1.0 - saturation[i] * (a * a + b * b));
            dr[i] += grow * a + turn * b;
            di[i] += grow * b - turn * a;
        }
    }
    if (forced) {
        _Pragma("GCC ivdep") for (cn_idx i = lo; i < hi; i++)
        {
            dr[i] += hr[i];
            di[i] += him[i];
        }
    }
}

TARGET static void NAME(phase_slope)(cn_waves *w, cn_idx lo, cn_idx hi, int forced, double t, const double *restrict y,
                                     double *restrict d)
{
    const size_t n = (size_t)w->n;
    const double *w0 = w->coefficient[CN_W0], *hr = w->h, *him = w->h + n, *x = w->in, frame = w->frame;
    const double whole = 0x1.8p52, at = w->frame / TWO_PI * t, turned = at - ((at + whole) - whole);
    if (!forced) {
        for (cn_idx i = lo; i < hi; i++) d[i] = w0[i] - frame;
        return;
    }
    _Pragma("GCC ivdep") for (cn_idx i = lo; i < hi; i++)
    {
        double s, c;
        NAME(turn)(y[i] * (1.0 / TWO_PI) + turned, &s, &c);
        d[i] = w0[i] - frame + him[i] * c - hr[i] * s;
    }
    if (w->n_drives > 0 && w->response) {
        const double *mean = w->response;
        const size_t m = (size_t)w->harmonics;
        for (cn_idx i = lo; i < hi; i++) {
            double s, c, sm = 0.0, cm = 1.0, z = mean[i];
            NAME(turn)(y[i] * (1.0 / TWO_PI) + turned, &s, &c);
            for (size_t k = 1; k <= m; k++) {
                const double next = cm * c - sm * s;
                sm = sm * c + cm * s;
                cm = next;
                z += mean[k * n + (size_t)i] * cm + mean[(m + k) * n + (size_t)i] * sm;
            }
            d[i] += z * x[i];
        }
    }
}

TARGET static void NAME(slope)(cn_waves *w, cn_idx lo, cn_idx hi, double t, const double *y, double *d, double *driven)
{
    const int forced = NAME(outside)(w, lo, hi, t, y, driven);
    if (w->kind == CN_AMPLITUDES)
        NAME(amplitude_slope)(w, lo, hi, forced, y, d);
    else
        NAME(phase_slope)(w, lo, hi, forced, t, y, d);
}

/* to := y + a d, for each row of the state. */
TARGET static inline void NAME(add)(const cn_waves *w, cn_idx lo, cn_idx hi, const double *y, double a, const double *d,
                                    double *to)
{
    for (int row = 0; row < rows_of(w); row++) {
        const size_t at = (size_t)row * (size_t)w->n;
        _Pragma("GCC ivdep") for (cn_idx i = lo; i < hi; i++) to[at + (size_t)i] = y[at + (size_t)i] + a * d[at + (size_t)i];
    }
}

TARGET static void NAME(rk4)(cn_waves *w, cn_idx lo, cn_idx hi, double t, double *driven)
{
    const double h = w->step;
    NAME(slope)(w, lo, hi, t, w->y, w->slope, driven);
    NAME(add)(w, lo, hi, w->y, h / 6.0, w->slope, w->sum);
    NAME(add)(w, lo, hi, w->y, 0.5 * h, w->slope, w->stage);
    NAME(slope)(w, lo, hi, t + 0.5 * h, w->stage, w->slope, driven);
    NAME(add)(w, lo, hi, w->sum, h / 3.0, w->slope, w->sum);
    NAME(add)(w, lo, hi, w->y, 0.5 * h, w->slope, w->stage);
    NAME(slope)(w, lo, hi, t + 0.5 * h, w->stage, w->slope, driven);
    NAME(add)(w, lo, hi, w->sum, h / 3.0, w->slope, w->sum);
    NAME(add)(w, lo, hi, w->y, h, w->slope, w->stage);
    NAME(slope)(w, lo, hi, t + h, w->stage, w->slope, driven);
    NAME(add)(w, lo, hi, w->sum, h / 6.0, w->slope, w->y);
}

/* to += a g(y) times the step's normal numbers. */
TARGET static void NAME(shake)(const cn_waves *w, cn_idx lo, cn_idx hi, double a, const double *y, double *to)
{
    const size_t n = (size_t)w->n;
    const double *d0 = w->noise[0], *d1 = w->noise[1], *d2 = w->noise[2], *z = w->normal;
    if (w->kind == CN_PHASES) {
        for (cn_idx i = lo; i < hi; i++) to[i] += a * sqrt(2.0 * d0[i]) * z[i];
        return;
    }
    for (cn_idx i = lo; i < hi; i++) {
        const double re = y[i], im = y[n + (size_t)i], p = re * re + im * im;
        const double g = a * sqrt(d0[i] + p * (d1[i] + p * d2[i]));
        to[i] += g * z[i];
        to[n + (size_t)i] += g * z[n + (size_t)i];
    }
}

/* Natural logarithm of a normal number above 0, within 1e-13: of the mantissa by the series of the area tangent. */
TARGET static inline double NAME(logarithm)(double x)
{
    union { double value; uint64_t bits; } m = {x}, e;
    const uint64_t moved = m.bits - 0x3FE6A09E667F3BCDu; /* from the root of 1/2 */
    const uint64_t exponent = (moved >> 52) - (moved >> 63 << 12);
    m.bits -= exponent << 52;
    e.bits = exponent + 0x4338000000000000u;
    const double s = (m.value - 1.0) / (m.value + 1.0), z = s * s;
    const double p = 1.0 / 3 + z * (1.0 / 5 + z * (1.0 / 7 + z * (1.0 / 9 + z * (1.0 / 11 + z * (1.0 / 13 + z *
        (1.0 / 15 + z * (1.0 / 17)))))));
    return 2.0 * s + 2.0 * s * z * p + (e.value - 0x1.8p52) * 0.6931471805599453094;
}

/* The numbers of cn_random_normals, by vectors. */
TARGET static void NAME(normals)(cn_waves *w, cn_idx lo, cn_idx hi, uint64_t number)
{
    double *first = w->normal, *second = w->normal + w->n;
    const uint64_t *stream = w->stream, seed = w->seed;
    _Pragma("GCC ivdep") for (cn_idx i = lo; i < hi; i++)
    {
        uint64_t c0 = number & 0xFFFFFFFFu, c1 = number >> 32, c2 = stream[i] & 0xFFFFFFFFu, c3 = stream[i] >> 32;
        uint64_t k0 = seed & 0xFFFFFFFFu, k1 = seed >> 32;
        _Pragma("GCC unroll 10") for (int round = 0; round < 10; round++)
        {
            const uint64_t a = c0 * 0xD2511F53u, b = c2 * 0xCD9E8D57u;
            c0 = (b >> 32) ^ c1 ^ k0;
            c2 = (a >> 32) ^ c3 ^ k1;
            c1 = b & 0xFFFFFFFFu;
            c3 = a & 0xFFFFFFFFu;
            k0 = (k0 + 0x9E3779B9u) & 0xFFFFFFFFu;
            k1 = (k1 + 0xBB67AE85u) & 0xFFFFFFFFu;
        }
        /* 52 bits of each between 1 and 2, from which to the middles of 2^52 parts of the way from 0 to 1 */
        union { uint64_t bits; double value; } u = {(c0 << 32 | c1) >> 12 | 0x3FF0000000000000u};
        union { uint64_t bits; double value; } v = {(c2 << 32 | c3) >> 12 | 0x3FF0000000000000u};
        double sine, cosine;
        NAME(turn)(v.value - (1.0 - 0x1p-53), &sine, &cosine);
        const double radius = sqrt(-2.0 * NAME(logarithm)(u.value - (1.0 - 0x1p-53)));
        first[i] = radius * cosine;
        second[i] = radius * sine;
    }
}

/* Stratonovich: predictor and corrector with the same noise, whose strength is taken at both ends. */
TARGET static void NAME(heun)(cn_waves *w, cn_idx lo, cn_idx hi, int64_t number, double t, double *driven)
{
    const double h = w->step, root = sqrt(h), end = (double)(number + 1) * h; /* where the next step finds its drives done */
    const int noisy = w->noise[0] != NULL;
    if (noisy) NAME(normals)(w, lo, hi, (uint64_t)number);
    NAME(slope)(w, lo, hi, t, w->y, w->slope, driven);
    NAME(add)(w, lo, hi, w->y, h, w->slope, w->stage);
    NAME(add)(w, lo, hi, w->y, 0.5 * h, w->slope, w->sum);
    if (noisy) {
        NAME(shake)(w, lo, hi, root, w->y, w->stage);
        NAME(shake)(w, lo, hi, 0.5 * root, w->y, w->sum);
    }
    NAME(slope)(w, lo, hi, end, w->stage, w->slope, driven);
    if (noisy) NAME(shake)(w, lo, hi, 0.5 * root, w->stage, w->sum);
    NAME(add)(w, lo, hi, w->sum, 0.5 * h, w->slope, w->y);
}

/* The middle of an amplitude's step solves its own linear equation, given |c| and the force of the sweep before: the
 * sweeps then converge however fast it turns.  Returns the largest change. */
TARGET static double NAME(middle)(cn_waves *w, cn_idx lo, cn_idx hi, int forced)
{
    const size_t n = (size_t)w->n;
    const double *w0 = w->coefficient[CN_W0], *w1 = w->coefficient[CN_W1], *w2 = w->coefficient[CN_W2];
    const double *g0 = w->coefficient[CN_G0], *g1 = w->coefficient[CN_G1], *g2 = w->coefficient[CN_G2];
    const double *gain = w->coefficient[CN_GAIN], *saturation = w->coefficient[CN_SATURATION];
    const double *pull = w->coefficient[CN_PULL], half = 0.5 * w->step;
    double most = 0.0;
    for (cn_idx i = lo; i < hi; i++) {
        const size_t j = n + (size_t)i;
        const double a = w->stage[i], b = w->stage[j], p = a * a + b * b;
        double turn = w0[i] - w->frame + p * (w1[i] + p * w2[i]), loss = g0[i] + p * (g1[i] + p * g2[i]);
        if (w->n_drives > 0) {
            loss -= gain[i] * w->in[i] * (1.0 - saturation[i] * p);
            turn += pull[i] * w->in[i];
        }
        const double re = w->y[i] + (forced ? half * w->h[i] : 0.0), im = w->y[j] + (forced ? half * w->h[j] : 0.0);
        const double x = 1.0 + half * loss, y = half * turn, over = 1.0 / (x * x + y * y);
        const double next_re = (re * x + im * y) * over, next_im = (im * x - re * y) * over;
        const double move = fmax(fabs(next_re - a), fabs(next_im - b));
        most = move <= most ? most : move; /* a change that is no number is the largest */
        w->stage[i] = next_re;
        w->stage[j] = next_im;
    }
    return most;
}

TARGET static cn_status NAME(midpoint)(cn_waves *w, cn_idx lo, cn_idx hi, double t, double *driven, int64_t *sweeps)
{
    const double half = 0.5 * w->step;
    NAME(add)(w, lo, hi, w->y, 0.0, w->y, w->stage);
    for (int sweep = 0; sweep < MOST_SWEEPS; sweep++) {
        double most = 0.0;
        if (w->kind == CN_AMPLITUDES) {
            const int forced = NAME(outside)(w, lo, hi, t + half, w->stage, driven);
            most = NAME(middle)(w, lo, hi, forced);
        } else {
            NAME(slope)(w, lo, hi, t + half, w->stage, w->slope, driven);
            for (cn_idx i = lo; i < hi; i++) {
                const double next = w->y[i] + half * w->slope[i], move = fabs(next - w->stage[i]);
                most = move <= most ? most : move;
                w->stage[i] = next;
            }
        }
        ++*sweeps;
        most = largest(w, lo, most);
        if (!(most < INFINITY)) return CN_NOT_FINITE;
        if (most <= w->tolerance) {
            for (int row = 0; row < rows_of(w); row++) {
                const size_t at = (size_t)row * (size_t)w->n;
                for (cn_idx i = lo; i < hi; i++) w->y[at + (size_t)i] = 2.0 * w->stage[at + (size_t)i] - w->y[at + (size_t)i];
            }
            return CN_OK;
        }
    }
    return CN_NO_CONVERGENCE;
}

/* One step of Dormand and Prince from t to t + h into w->stage; returns the largest error. */
TARGET static double NAME(rk45)(cn_waves *w, cn_idx lo, cn_idx hi, double t, double h, double *driven)
{
    const size_t all = 2 * (size_t)w->n;
    double error = 0.0;
    for (int s = 0; s < 7; s++) {
        const double *from = s == 0 ? w->y : w->stage;
        if (s > 0)
            for (int row = 0; row < rows_of(w); row++)
                for (cn_idx i = lo; i < hi; i++) {
                    const size_t at = (size_t)row * (size_t)w->n + (size_t)i;
                    double sum = 0.0;
                    for (int m = 0; m < s; m++) sum += PRINCE[s][m] * w->k[(size_t)m * all + at];
                    w->stage[at] = w->y[at] + h * sum;
                }
        NAME(slope)(w, lo, hi, t + PRINCE_AT[s] * h, from, w->k + (size_t)s * all, driven);
    }
    for (int row = 0; row < rows_of(w); row++)
        for (cn_idx i = lo; i < hi; i++) {
            const size_t at = (size_t)row * (size_t)w->n + (size_t)i;
            double sum = 0.0;
            for (int m = 0; m < 7; m++) sum += PRINCE_ERROR[m] * w->k[(size_t)m * all + at];
            const double size = fabs(h * sum);
            error = size <= error ? error : size;
        }
    return largest(w, lo, error);
}
