/* Noise in a transient, see cn_noise.h. */
#include "cn_noise.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double PI = 3.14159265358979323846;

/* Poles lie half a decade apart: the ladder's gain then strays from its power law by less than 0.1 %. */
static const double RATIO = 3.16227766016837933200;

/* The lowest pole lies this much below the lowest frequency, as what is missing there is felt above. */
static const double MARGIN = 5.62341325190349080395;

/* A numerical exponent, as that of a compiled model, is that of another source within this. */
static const double SAME = 1e-6;

/* Numbers of noise currents are not those of jumps. */
enum { PURPOSE = 0x8000 };

/* A grid point has been reached when it is this near, in spacings. */
static const double REACHED = 1e-6;

static double lowest_pole(const cn_noise *z) { return z->lowest / MARGIN; }

/* ---------------------------------------------------------------- the ladder */
/* Square of the gain of poles and zeros at a frequency; zeros lie `gap` above their poles. */
static double ladder(const cn_noise *z, double gap, double f)
{
    double gain = 1.0, pole = lowest_pole(z);
    for (int k = 0; k < z->n_poles; k++, pole *= RATIO) {
        const double a = f / (gap * pole), b = f / pole;
        gain *= (1.0 + a * a) / (1.0 + b * b);
    }
    return gain;
}

/* The ladder's partial fractions c0 + sum c_k / (1 + s / p_k), scaled to the density 1 / f^exponent. */
static void set_weights(const cn_noise *z, double exponent, double *weight)
{
    const double gap = pow(RATIO, 0.5 * exponent), middle = lowest_pole(z) * pow(RATIO, 0.5 * z->n_poles);
    double excess = 0.0;
    enum { POINTS = 8 };
    for (int k = 0; k < POINTS; k++) {
        const double f = middle * pow(RATIO, (double)k / POINTS);
        excess += log(ladder(z, gap, f) * pow(f, exponent)) / POINTS;
    }
    /* One-sided, a white sequence of variance 1 has the density 2 spacing. */
    const double scale = exp(-0.5 * excess) / sqrt(2.0 * z->spacing);
    double own = lowest_pole(z);
    for (int k = 0; k < z->n_poles; k++, own *= RATIO) {
        double c = scale, pole = lowest_pole(z);
        for (int i = 0; i < z->n_poles; i++, pole *= RATIO) {
            c *= 1.0 - own / (gap * pole);
            if (i != k) c /= 1.0 - own / pole;
        }
        weight[k] = c;
    }
    weight[z->n_poles] = scale * pow(gap, -z->n_poles);
}

/* The color of an exponent, or CN_UNKNOWN when there is no room or no ladder for it. */
static int8_t color_of(cn_noise *z, double exponent)
{
    if (fabs(exponent) < SAME) return CN_WHITE;
    for (int k = 0; k < z->n_colors; k++)
        if (fabs(exponent - z->exponent[k]) < SAME) return (int8_t)k;
    if (!(exponent > 0.0 && exponent < 2.0) || z->n_colors == CN_MOST_COLORS) return CN_UNKNOWN;
    z->exponent[z->n_colors] = exponent;
    set_weights(z, exponent, z->weight + z->n_colors * (z->n_poles + 1));
    return (int8_t)z->n_colors++;
}

/* ---------------------------------------------------------------- set-up */
/* The factor of the states' covariance: a pole that decays by r a step, and is driven by 1 - r times the white noise. */
static void factor(const cn_noise *z, double *l)
{
    const int m = z->n_poles;
    for (int i = 0; i < m; i++) {
        for (int j = 0; j <= i; j++) {
            const double a = z->decay[i], b = z->decay[j];
            double sum = (1.0 - a) * (1.0 - b) / (1.0 - a * b);
            for (int k = 0; k < j; k++) sum -= l[i * m + k] * l[j * m + k];
            if (i == j) {
                l[i * m + j] = sqrt(fmax(sum, 0.0));
            } else {
                l[i * m + j] = l[j * m + j] > 0.0 ? sum / l[j * m + j] : 0.0;
            }
        }
    }
}

/* Let the states be what they are in a sequence that has always been going on. */
static void start_states(const cn_noise *z, const double *l)
{
    const int m = z->n_poles;
    for (cn_idx k = 0; k < z->n; k++) {
        if (z->place[k] < 0) continue;
        double *state = z->state + z->place[k];
        cn_stream stream = z->own[k];
        stream.purpose = (uint16_t)(stream.purpose | PURPOSE >> 1); /* numbers that no grid point draws */
        for (int j = 0; j < m; j++) {
            double pair[2];
            cn_random_normals(stream, (uint64_t)j, pair);
            for (int i = j; i < m; i++) state[i] += l[i * m + j] * pair[0];
        }
    }
}

/* Densities and exponents of a group at x, in z->out. */
static void densities(cn_noise *z, const cn_noisy *g, const cn_system *s, const double *x, double t)
{
    const double env[CN_ENV_SIZE] = {s->options.gmin, t};
    const size_t local = (size_t)g->kernel->n_local * (size_t)g->n;
    for (size_t k = 0; k < local; k++) z->u[k] = x[g->index[k]];
    g->kernel->noise(g->kernel, g->n, z->u, g->batch ? g->batch->acc : NULL, g->param, env, z->out);
}

static size_t sources_of(const cn_noisy *g) { return (size_t)g->kernel->n_noise * (size_t)g->n; }

/* Where each source lies, what it draws, and its color as far as it is known. */
static cn_status list(cn_noise *z, const cn_system *s, const double *x, double t)
{
    size_t at = 0;
    for (cn_idx i = 0; i < z->n_groups; i++) {
        const cn_noisy *g = &z->groups[i];
        const size_t count = sources_of(g), n = (size_t)g->n;
        densities(z, g, s, x, t);
        for (size_t k = 0; k < count; k++, at++) {
            const size_t source = k / n, element = k % n;
            z->plus[at] = g->index[(size_t)g->kernel->noise_plus[source] * n + element];
            const cn_idx minus = g->kernel->noise_minus[source];
            z->minus[at] = minus < 0 ? s->n : g->index[(size_t)minus * n + element];
            z->own[at] = (cn_stream){z->seed, g->stream[element], (uint16_t)(PURPOSE | source)};
            z->color[at] = CN_UNKNOWN;
            z->place[at] = -1;
            /* Of a compiled model no exponent is known while there is no density. */
            if (!g->kernel->context || z->out[k] > 0.0) {
                z->color[at] = color_of(z, z->out[count + k]);
                if (z->color[at] == CN_UNKNOWN) return CN_BAD_ARGUMENT;
            }
            /* Where states lie must not depend on x, for another run may go on from them. */
            if (!g->kernel->context && z->color[at] == CN_WHITE) continue;
            if (z->n_states > INT32_MAX - z->n_poles) return CN_NO_MEMORY;
            z->place[at] = z->n_states;
            z->n_states += z->n_poles;
        }
    }
    return CN_OK;
}

cn_status cn_noise_start(cn_noise *z, const cn_system *s, const double *x, double t)
{
    size_t total = 1, most_u = 1, most_out = 1;
    for (cn_idx i = 0; i < z->n_groups; i++) {
        const cn_noisy *g = &z->groups[i];
        const size_t local = (size_t)g->kernel->n_local * (size_t)g->n;
        total += sources_of(g);
        if (local > most_u) most_u = local;
        if (2 * sources_of(g) > most_out) most_out = 2 * sources_of(g);
    }
    if (total > INT32_MAX) return CN_NO_MEMORY;
    z->n = (cn_idx)(total - 1);
    /* Above the highest frequency, 1 / (2 spacing), there is one pole more. */
    z->n_poles = 2 + (int)ceil(log(0.5 / (z->spacing * lowest_pole(z))) / log(RATIO));
    const size_t m = (size_t)z->n_poles;
    double **all[] = {&z->from, &z->to, &z->spare, &z->mark_from, &z->mark_to};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++)
        if (!(*all[k] = calloc(total, sizeof(double)))) return CN_NO_MEMORY;
    cn_idx **indices[] = {&z->plus, &z->minus, &z->place};
    for (size_t k = 0; k < sizeof indices / sizeof *indices; k++)
        if (!(*indices[k] = calloc(total, sizeof(cn_idx)))) return CN_NO_MEMORY;
    if (!(z->own = calloc(total, sizeof(cn_stream))) || !(z->color = calloc(total, 1))) return CN_NO_MEMORY;
    if (!(z->u = calloc(most_u, sizeof(double))) || !(z->out = calloc(most_out, sizeof(double)))) return CN_NO_MEMORY;
    if (!(z->decay = calloc(m, sizeof(double)))) return CN_NO_MEMORY;
    if (!(z->weight = calloc(CN_MOST_COLORS * (m + 1), sizeof(double)))) return CN_NO_MEMORY;
    double pole = lowest_pole(z);
    for (size_t k = 0; k < m; k++, pole *= RATIO) z->decay[k] = 1.0 / (1.0 + 2.0 * PI * pole * z->spacing);
    z->passed = floor(t / z->spacing + REACHED);
    z->pair = -1.0;
    const cn_status status = list(z, s, x, t);
    if (status != CN_OK) return status;
    const size_t states = (size_t)z->n_states + 1;
    if (!(z->state = calloc(states, sizeof(double))) || !(z->mark_state = calloc(states, sizeof(double))))
        return CN_NO_MEMORY;
    double *l = calloc(m * m, sizeof(double));
    if (!l) return CN_NO_MEMORY;
    factor(z, l);
    start_states(z, l);
    free(l);
    z->passed -= 1.0;
    return cn_noise_advance(z, s, x, t);
}

void cn_noise_stop(cn_noise *z)
{
    double *all[] = {z->from, z->to, z->spare, z->decay, z->weight, z->state, z->mark_from, z->mark_to, z->mark_state,
                     z->u, z->out};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) free(all[k]);
    cn_idx *indices[] = {z->plus, z->minus, z->place};
    for (size_t k = 0; k < sizeof indices / sizeof *indices; k++) free(indices[k]);
    free(z->own);
    free(z->color);
}

/* ---------------------------------------------------------------- state */
size_t cn_noise_state_size(const cn_noise *z) { return 1 + 3 * (size_t)z->n + (size_t)z->n_states; }

double *cn_noise_save(const cn_noise *z, double *state)
{
    const size_t n = (size_t)z->n, bytes = n * sizeof(double);
    state[0] = z->passed;
    memcpy(state + 1, z->from, bytes);
    memcpy(state + 1 + n, z->to, bytes);
    for (size_t k = 0; k < n; k++)
        state[1 + 2 * n + k] = z->color[k] >= 0 ? z->exponent[(int)z->color[k]] : z->color[k] == CN_WHITE ? 0.0 : -1.0;
    memcpy(state + 1 + 3 * n, z->state, (size_t)z->n_states * sizeof(double));
    return state + cn_noise_state_size(z);
}

const double *cn_noise_restore(cn_noise *z, const double *state, double t)
{
    const size_t n = (size_t)z->n, bytes = n * sizeof(double);
    if (state[0] != floor(state[0]) || fabs(state[0] + 0.5 - t / z->spacing) > 1.0) return NULL;
    for (size_t k = 0; k < n; k++) {
        const double exponent = state[1 + 2 * n + k];
        z->color[k] = exponent < 0.0 ? CN_UNKNOWN : color_of(z, exponent);
        if (exponent >= 0.0 && z->color[k] == CN_UNKNOWN) return NULL;
        if (z->color[k] >= 0 && z->place[k] < 0) return NULL;
    }
    z->passed = state[0];
    z->pair = -1.0;
    memcpy(z->from, state + 1, bytes);
    memcpy(z->to, state + 1 + n, bytes);
    memcpy(z->state, state + 1 + 3 * n, (size_t)z->n_states * sizeof(double));
    return state + cn_noise_state_size(z);
}

/* ---------------------------------------------------------------- in time */
double cn_noise_next(const cn_noise *z) { return (z->passed + 1.0) * z->spacing; }

void cn_noise_drive(const cn_noise *z, double t, double *drive)
{
    const double part = fmin(fmax(t / z->spacing - z->passed, 0.0), 1.0);
    for (cn_idx k = 0; k < z->n; k++) {
        const double i = z->from[k] + part * (z->to[k] - z->from[k]);
        drive[z->plus[k]] -= i;
        drive[z->minus[k]] += i;
    }
}

/* One step of the sequence of a source, whose white noise is w there. */
static double colored(const cn_noise *z, cn_idx k, double w)
{
    const double *weight = z->weight + z->color[k] * (z->n_poles + 1);
    double *state = z->state + z->place[k], sum = weight[z->n_poles] * w;
    for (int i = 0; i < z->n_poles; i++) {
        state[i] = w + z->decay[i] * (state[i] - w);
        sum += weight[i] * state[i];
    }
    return sum;
}

cn_status cn_noise_advance(cn_noise *z, const cn_system *s, const double *x, double t)
{
    const double white = sqrt(0.5 / z->spacing);
    double *before = z->from;
    z->from = z->to;
    z->to = before;
    z->passed += 1.0;
    const double number = z->passed + 1.0, pair = floor(0.5 * number);
    const int second = number > 2.0 * pair;
    cn_idx at = 0;
    for (cn_idx i = 0; i < z->n_groups; i++) {
        const cn_noisy *g = &z->groups[i];
        const size_t count = sources_of(g);
        densities(z, g, s, x, t);
        for (size_t k = 0; k < count; k++, at++) {
            const double density = z->out[k];
            if (!(density >= 0.0 && density < INFINITY)) return CN_NOT_FINITE;
            double w = z->spare[at];
            if (!second || pair != z->pair) {
                double both[2];
                cn_random_normals(z->own[at], (uint64_t)pair, both);
                z->spare[at] = both[1];
                w = both[second];
            }
            if (z->color[at] == CN_UNKNOWN && density > 0.0) {
                z->color[at] = color_of(z, z->out[count + k]);
                if (z->color[at] == CN_UNKNOWN) return CN_BAD_ARGUMENT;
            }
            const double unit = z->color[at] >= 0 ? colored(z, at, w) : white * w;
            z->to[at] = density > 0.0 ? sqrt(density) * unit : 0.0;
        }
    }
    z->pair = pair;
    return CN_OK;
}

void cn_noise_mark(cn_noise *z)
{
    memcpy(z->mark_from, z->from, sizeof(double) * (size_t)z->n);
    memcpy(z->mark_to, z->to, sizeof(double) * (size_t)z->n);
    memcpy(z->mark_state, z->state, sizeof(double) * (size_t)z->n_states);
    z->mark_passed = z->passed;
}

void cn_noise_return(cn_noise *z)
{
    memcpy(z->from, z->mark_from, sizeof(double) * (size_t)z->n);
    memcpy(z->to, z->mark_to, sizeof(double) * (size_t)z->n);
    memcpy(z->state, z->mark_state, sizeof(double) * (size_t)z->n_states);
    z->passed = z->mark_passed;
    z->pair = -1.0;
}
