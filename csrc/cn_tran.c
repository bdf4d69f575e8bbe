/* Transient analysis: the whole time-step loop.
 *
 * q'(t) is replaced by alpha q(t_new) + history: backward Euler for the first two steps after a break, then the formula
 * asked for.  The local truncation error of each dynamic unknown comes from the distance between the solution and the
 * polynomial through the points before it, see cn_formula.h.
 */
#include "cn_tran.h"

#include "cn_quiet.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_RETURNS = 8, RINGS = 6, WARY_STEPS = 100, RAISES = 64 };

/* SPICE's trtol of 7 stands for its overestimated error; this estimate is sharp, and one trtol is half a reltol. */
static const double ERROR_PER_TRTOL = 0.5;

/* Where Newton's method fails this much nearer than a step that it solved, there is a jump in between: a capacitance that
 * comes to nothing, as Meyer's do, lets a node go at once. */
static const double NEAR_JUMP = 1e-3;

/* The step after a random jump, as a part of the longest one. */
static const double LEAP_STEP = 1e-3;

static inline double larger(double a, double b) { return a > b ? a : b; }
static inline double smaller(double a, double b) { return a < b ? a : b; }

/* ---------------------------------------------------------------- stretches */
static void find_break(cn_tran *tr)
{
    double next = INFINITY;
    for (cn_idx k = 0; k < tr->system->n_sources; k++)
        next = smaller(next, cn_source_next_break(&tr->system->sources[k], tr->t));
    tr->corner = smaller(next, cn_delay_next_break(&tr->system->delays, tr->t));
    tr->next_break = smaller(tr->corner, tr->stop);
}

/* The current point begins a new smooth stretch: nothing before it predicts what follows. */
static void begin_stretch(cn_tran *tr)
{
    const size_t bytes = sizeof(double) * ((size_t)tr->system->n + 1);
    tr->valid = tr->order = 1;
    tr->steady = tr->returns = tr->damp = 0;
    find_break(tr);
    tr->mark_t = tr->t;
    tr->mark_points = tr->n_points;
    memcpy(tr->mark_x, tr->x[0], bytes);
    memcpy(tr->mark_q, tr->q[0], bytes);
    memcpy(tr->mark_qdot, tr->qdot, bytes);
    memset(tr->swings, 0, (size_t)tr->system->n + 1);
    cn_system_mark(tr->system);
    cn_jump_mark(&tr->jumps);
    if (tr->noise) cn_noise_mark(tr->noise);
    tr->next_jump = cn_jump_expected(&tr->jumps, tr->t);
    cn_delay_corner(&tr->system->delays);
}

cn_status cn_tran_init(cn_tran *tr, const double *x, const double *q)
{
    const size_t n = (size_t)tr->system->n + 1;
    double **all[] = {&tr->qdot, &tr->turn, &tr->history, &tr->trial, &tr->stage, &tr->scale, &tr->mark_x, &tr->mark_q, &tr->mark_qdot};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++)
        if (!(*all[k] = calloc(n, sizeof(double)))) return CN_NO_MEMORY;
    for (int k = 0; k < CN_HISTORY; k++)
        if (!(tr->x[k] = calloc(n, sizeof(double))) || !(tr->q[k] = calloc(n, sizeof(double)))) return CN_NO_MEMORY;
    if (!(tr->swings = calloc(n, 1))) return CN_NO_MEMORY;
    memcpy(tr->x[0], x, n * sizeof(double));
    memcpy(tr->q[0], q, n * sizeof(double));
    for (size_t i = 0; i < n; i++) tr->scale[i] = fabs(x[i]);
    tr->t = tr->times[0] = tr->start;
    tr->event_limit = INFINITY;
    tr->jump_to = 0.0;
    tr->forced = 0;
    cn_system_start(tr->system, x);
    const cn_status started = cn_system_start_delays(tr->system, x, tr->t, tr->inconsistent);
    if (started != CN_OK) return started;
    const cn_status drawn = cn_jump_start(&tr->jumps, tr->system);
    if (drawn != CN_OK) return drawn;
    const cn_status rated = cn_jump_begin(&tr->jumps, tr->system, x, tr->t);
    if (rated != CN_OK) return rated;
    const cn_status noisy = tr->noise ? cn_noise_start(tr->noise, tr->system, x, tr->t) : CN_OK;
    if (noisy != CN_OK) return noisy;
    if (tr->system->delays.running) tr->max_step = smaller(tr->max_step, tr->system->delays.shortest);
    const cn_status status = cn_tran_record(tr);
    begin_stretch(tr);
    /* A stretch needs a second step: only that one tells the error of the first. */
    tr->step = smaller(tr->first_step, 0.1 * (tr->next_break - tr->t));
    return status;
}

cn_status cn_tran_resume(cn_tran *tr, const double *state, size_t size, int changed)
{
    const cn_status status = cn_tran_restore(tr, state, size);
    if (status != CN_OK) return status;
    if (changed) tr->valid = tr->order = 1;
    const cn_status rated = cn_jump_begin(&tr->jumps, tr->system, tr->x[0], tr->t);
    if (rated != CN_OK) return rated;
    tr->n_points = 0;
    tr->total_points = 0;
    const cn_status recorded = cn_tran_record(tr);
    if (tr->valid == 1) {
        begin_stretch(tr);
        tr->step = larger(smaller(tr->step, 0.1 * (tr->next_break - tr->t)), tr->min_step);
    } else {
        find_break(tr);
        tr->next_jump = cn_jump_expected(&tr->jumps, tr->t);
        tr->mark_t = -INFINITY; /* no way back beyond this point */
        tr->mark_points = 0;
    }
    return recorded;
}

void cn_tran_free(cn_tran *tr)
{
    for (int k = 0; k < CN_HISTORY; k++) {
        free(tr->x[k]);
        free(tr->q[k]);
    }
    double *all[] = {tr->qdot, tr->turn, tr->history, tr->trial, tr->stage, tr->scale, tr->mark_x, tr->mark_q, tr->mark_qdot,
                     tr->points};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) free(all[k]);
    free(tr->swings);
    cn_jump_stop(&tr->jumps, tr->system);
    if (tr->noise) cn_noise_stop(tr->noise);
    cn_system_stop_delays(tr->system);
}

/* Go back to the start of the stretch and try with a shorter first step. */
static void return_to_mark(cn_tran *tr, double norm)
{
    const size_t bytes = sizeof(double) * ((size_t)tr->system->n + 1);
    const double first = tr->times[0] - tr->times[1];
    memcpy(tr->x[0], tr->mark_x, bytes);
    memcpy(tr->q[0], tr->mark_q, bytes);
    memcpy(tr->qdot, tr->mark_qdot, bytes);
    cn_system_return(tr->system);
    cn_delay_return(&tr->system->delays, tr->mark_t);
    cn_jump_return(&tr->jumps);
    if (tr->noise) cn_noise_return(tr->noise);
    tr->t = tr->times[0] = tr->mark_t;
    tr->next_jump = cn_jump_expected(&tr->jumps, tr->t);
    tr->total_points -= tr->n_points - tr->mark_points;
    tr->n_points = tr->mark_points;
    tr->valid = tr->order = 1;
    tr->returns++;
    tr->accepted--;
    tr->step = larger(first * larger(0.02, 0.7 / sqrt(norm)), tr->min_step);
}

/* ---------------------------------------------------------------- one step */
/* Step length to take now, and whether it lands on the next break. */
static double choose_step(const cn_tran *tr, int *lands)
{
    double h = smaller(tr->step, tr->max_step);
    double goal = tr->next_break;
    if (tr->noise) {
        const double grid = cn_noise_next(tr->noise);
        if (grid < goal - 1e-6 * tr->noise->spacing) goal = grid;
    }
    if (tr->next_jump < goal) goal = smaller(larger(tr->next_jump, tr->t + tr->min_step), goal);
    if (tr->event_limit <= goal) goal = larger(tr->t + 0.5 * (tr->event_limit - tr->t), tr->t + tr->min_step);
    *lands = 0;
    const double left = goal - tr->t;
    if (h >= left * (1.0 - 1e-9)) {
        h = left;
        *lands = goal == tr->next_break;
    } else if (h > 0.5 * left) {
        h = 0.5 * left; /* two even steps rather than a long and a sliver */
    }
    return h;
}

/* out = sum of weight[j] v[j]. */
static void combine(cn_idx n, int count, const double *weight, double *const *v, double *restrict out)
{
    const double *const v0 = v[0], w0 = weight[0];
    if (count == 1) {
        for (cn_idx i = 0; i < n; i++) out[i] = w0 * v0[i];
        return;
    }
    const double *const v1 = v[1], w1 = weight[1];
    if (count == 2) {
        for (cn_idx i = 0; i < n; i++) out[i] = w0 * v0[i] + w1 * v1[i];
        return;
    }
    const double *const v2 = v[2], w2 = weight[2];
    for (cn_idx i = 0; i < n; i++) out[i] = w0 * v0[i] + w1 * v1[i] + w2 * v2[i];
    for (int j = 3; j < count; j++)
        for (cn_idx i = 0; i < n; i++) out[i] += weight[j] * v[j][i];
}

/* Newton's method for q'(t) = alpha q + history, from the guess in x. */
static cn_status solve(cn_tran *tr, double t, double alpha, double *x)
{
    cn_system *s = tr->system;
    cn_system_drive(s, CN_MODE_TRAN, t);
    if (tr->noise) cn_noise_drive(tr->noise, t, s->drive);
    s->size = tr->scale;
    /* A start that fits no equation is as far from the solution as an operating point's. */
    const int most = tr->inconsistent ? s->options.itl1 : s->options.itl4;
    const cn_status status = cn_newton(s, x, alpha, tr->history, CN_MODE_TRAN, t, 0, most);
    s->size = NULL;
    return status;
}

/* Solve at t = tr->t + s[0], where s[j] is the distance to accepted point j; the guess is in tr->trial. */
static cn_status take(cn_tran *tr, cn_rule rule, int order, const double *s, double *alpha)
{
    const cn_idx n = tr->system->n;
    const double h = s[0], t = tr->t + h;
    double weight[CN_HISTORY];
    if (rule == CN_BDF) {
        *alpha = cn_formula_bdf(order, s, weight);
        combine(n, order, weight, tr->q, tr->history);
        return solve(tr, t, *alpha, tr->trial);
    }
    const double part = rule == CN_TRBDF2 ? CN_TRBDF2_GAMMA : 1.0;
    *alpha = 2.0 / (part * h);
    for (cn_idx i = 0; i < n; i++) tr->history[i] = -*alpha * tr->q[0][i] - tr->qdot[i];
    if (rule == CN_TRAPEZOIDAL) return solve(tr, t, *alpha, tr->trial);
    /* First stage: the trapezoidal rule to t + gamma h.  Second: backward differentiation through its end. */
    double inner[3] = {part * h, s[1] - h + part * h, s[2] - h + part * h};
    cn_formula_predictor(2, inner, weight);
    combine(n, 3, weight, tr->x, tr->stage);
    const cn_status status = solve(tr, tr->t + part * h, *alpha, tr->stage);
    if (status != CN_OK) return status;
    cn_system_step_charges(tr->system, tr->stage, tr->t + part * h);
    inner[0] = (1.0 - part) * h;
    inner[1] = h;
    *alpha = cn_formula_bdf(2, inner, weight);
    for (cn_idx i = 0; i < n; i++) tr->history[i] = weight[0] * tr->system->q[i] + weight[1] * tr->q[0][i];
    return solve(tr, t, *alpha, tr->trial);
}

static double tolerance(const cn_tran *tr, cn_idx i, double value)
{
    /* Relative to the largest value so far: a signal that crosses zero needs no smaller steps there. */
    const cn_system *s = tr->system;
    return s->options.reltol * larger(tr->scale[i], fabs(value)) + s->tol[i];
}

/* Largest local truncation error over its tolerance, were the solution that of a formula of this order. */
static double error_norm(const cn_tran *tr, cn_rule rule, int order, const double *s, const double *predicted)
{
    const double part = cn_formula_error_part(rule, order, s) / (ERROR_PER_TRTOL * tr->system->options.trtol);
    double norm = 0.0;
    for (cn_idx k = 0; k < tr->n_dynamic; k++) {
        const cn_idx i = tr->dynamic[k];
        const double error = part * fabs(tr->trial[i] - predicted[i]), tol = tolerance(tr, i, tr->trial[i]);
        if (error > norm * tol) norm = error / tol;
    }
    return norm;
}

/* Error of the first step of a stretch, seen only once the second is there (second difference). */
static double first_error_norm(const cn_tran *tr, double h)
{
    const double h1 = tr->times[0] - tr->times[1], part = h1 * h1 / ((h + h1) * ERROR_PER_TRTOL * tr->system->options.trtol);
    double norm = 0.0;
    for (cn_idx k = 0; k < tr->n_dynamic; k++) {
        const cn_idx i = tr->dynamic[k];
        const double second = (tr->trial[i] - tr->x[0][i]) / h - (tr->x[0][i] - tr->x[1][i]) / h1;
        norm = larger(norm, part * fabs(second) / tolerance(tr, i, tr->trial[i]));
    }
    return norm;
}

/* How many times longer the next step may be. */
static double growth_of(double norm, int order)
{
    /* Nearly all steps of a run that is forced to short ones end here, without a power. */
    if (norm < 0.01) return 2.0;
    return 0.8 * pow(norm, -1.0 / (order + 1));
}

/* The order of the next step of backward differentiation, and how much longer that may be. */
static double choose_order(cn_tran *tr, double norm, const double *s)
{
    const int now = tr->order;
    double best = growth_of(norm, now), weight[CN_HISTORY];
    if (++tr->steady <= now || best >= 2.0) return best;
    for (int order = now - 1; order <= now + 1; order++) {
        /* Order 1 is for starts: where it seems to do, order 2 does with a margin. */
        if (order < 2 || order == now || order > tr->max_order || order + 1 > tr->valid) continue;
        cn_formula_predictor(order, s, weight);
        combine(tr->system->n, order + 1, weight, tr->x, tr->stage);
        /* What is gained must be worth a change. */
        const double growth = growth_of(error_norm(tr, CN_BDF, order, s, tr->stage), order);
        if (growth > 1.1 * best) {
            best = growth;
            tr->order = order;
            tr->steady = 0;
        }
    }
    return best;
}

/* Whether a current or a voltage has changed its direction in each of the last steps, by more than its tolerance: the
 * trapezoidal rule's own oscillation, which the error of the dynamic unknowns does not see. */
static int rings(cn_tran *tr, const double *before)
{
    const cn_system *s = tr->system;
    int found = 0;
    for (cn_idx i = 0; i < s->n; i++) {
        const double turn = tr->qdot[i] - before[i];
        /* A node's row sums currents, all others voltages or rates. */
        const double tol = s->options.reltol * larger(fabs(before[i]), fabs(tr->qdot[i])) + (s->kind[i] == CN_NODE ? 1e-9 : 1e-6);
        const int turned = turn * tr->turn[i] < 0.0 && fabs(turn) > tol && fabs(turn) > 0.5 * fabs(tr->turn[i]);
        tr->swings[i] = turned ? (uint8_t)(tr->swings[i] + 1) : 0;
        found |= tr->swings[i] >= RINGS;
        tr->turn[i] = turn;
    }
    return found;
}

/* Make the solved point the current one. */
static void accept(cn_tran *tr, cn_rule rule, double alpha, double t)
{
    cn_system *s = tr->system;
    const cn_idx n = s->n;
    cn_system_step_charges(s, tr->trial, t);
    double *x = tr->x[CN_HISTORY - 1], *q = tr->q[CN_HISTORY - 1];
    for (int k = CN_HISTORY - 1; k > 0; k--) {
        tr->x[k] = tr->x[k - 1];
        tr->q[k] = tr->q[k - 1];
        tr->times[k] = tr->times[k - 1];
    }
    tr->x[0] = tr->trial;
    tr->trial = x;
    tr->q[0] = q;
    tr->times[0] = tr->t = t;
    const double *solved = tr->x[0];
    double *before = tr->history; /* becomes the derivative before this step */
    for (cn_idx i = 0; i < n; i++) {
        const double rate = alpha * s->q[i] + tr->history[i];
        before[i] = tr->qdot[i];
        q[i] = s->q[i];
        tr->qdot[i] = rate;
        tr->scale[i] = larger(tr->scale[i], fabs(solved[i]));
    }
    if (rule == CN_TRAPEZOIDAL && rings(tr, before)) {
        tr->damp = 2;
        tr->ringing++;
        memset(tr->swings, 0, (size_t)n);
    }
    if (tr->valid < CN_HISTORY) tr->valid++;
    cn_quiet_rest(s);
    cn_system_accept(s);
    tr->accepted++;
}

static cn_rule rule_now(const cn_tran *tr, int *order)
{
    *order = 2;
    if (tr->valid < 3) {
        *order = 1;
        return CN_BDF;
    }
    if (tr->rule == CN_BDF) {
        *order = tr->order;
        return CN_BDF;
    }
    return tr->damp ? CN_BDF : tr->rule;
}

/* Given initial conditions may be so far from what the sources hold that Newton's method fails however short the first step
 * is: raise the sources to their values by steps of the same length, within which charges alone move. */
static cn_status raise_sources(cn_tran *tr)
{
    cn_system *s = tr->system;
    const size_t bytes = sizeof(double) * ((size_t)s->n + 1);
    const double h = tr->first_step, alpha = 1.0 / h;
    cn_status status = CN_OK;
    for (int k = 1; k <= RAISES && status == CN_OK; k++) {
        s->scale = (double)k / RAISES;
        memcpy(tr->trial, tr->x[0], bytes);
        for (cn_idx i = 0; i < s->n; i++) tr->history[i] = -alpha * tr->q[0][i];
        status = solve(tr, tr->t + h, alpha, tr->trial);
        if (status != CN_OK) break;
        cn_system_step_charges(s, tr->trial, tr->t);
        memcpy(tr->x[0], tr->trial, bytes);
        for (cn_idx i = 0; i < s->n; i++) {
            tr->q[0][i] = s->q[i];
            tr->scale[i] = larger(tr->scale[i], fabs(tr->x[0][i]));
        }
        cn_system_accept(s);
    }
    s->scale = 1.0;
    if (status != CN_OK) {
        cn_system_revert(s);
        return status;
    }
    begin_stretch(tr);
    tr->step = h;
    return CN_CONTINUE;
}

/* One attempt at a step.  CN_CONTINUE: go on (accepted or not). */
static cn_status attempt(cn_tran *tr)
{
    cn_system *s = tr->system;
    int lands, order;
    const int forced = tr->forced;
    double h = choose_step(tr, &lands);
    if (forced) {
        h = tr->jump_to - tr->t;
        lands = tr->jump_to == tr->next_break;
    }
    const double t = forced ? tr->jump_to : lands ? tr->next_break : tr->t + h;
    const cn_rule rule = rule_now(tr, &order);
    const int degree = tr->valid > order ? order : tr->valid - 1;
    double distance[CN_HISTORY], weight[CN_HISTORY], alpha;
    for (int k = 0; k < tr->valid; k++) distance[k] = t - tr->times[k];
    distance[0] = h;
    cn_formula_predictor(degree, distance, weight);
    combine(s->n, degree + 1, weight, tr->x, tr->trial);
    double *predicted = s->good; /* free during a transient: only homotopies use it */
    memcpy(predicted, tr->trial, sizeof(double) * (size_t)s->n);

    const cn_status status = take(tr, rule, order, distance, &alpha);
    if (status == CN_NO_MEMORY || status == CN_BAD_ARGUMENT) return status;
    if (status == CN_OUT_OF_BOUNDS && order > 1) {
        /* The higher formulas carry the rate before the bound past it; an Euler step ends inside. */
        tr->rejected_bound++;
        cn_system_revert(s);
        tr->valid = 2;
        tr->order = 1;
        tr->step = h;
        return CN_CONTINUE;
    }
    if (status != CN_OK) {
        tr->rejected_newton++;
        cn_system_revert(s);
        if (tr->inconsistent == 1 && s->n_sources > 0) {
            tr->inconsistent = 2; /* once */
            return raise_sources(tr);
        }
        tr->forced = !forced && h < NEAR_JUMP * (tr->jump_to - tr->t);
        if (forced) {
            tr->jump_to = 0.0;
            return CN_CONTINUE;
        }
        tr->step = h / 8.0;
        if (tr->valid > 1) tr->valid = tr->order = 1; /* the prediction may be what misled Newton's method */
        if (tr->step < tr->min_step && !tr->forced) return status == CN_SINGULAR ? status : CN_STEP_TOO_SMALL;
        return CN_CONTINUE;
    }
    /* A switch turned: come close to the instant before letting it. */
    const int switched = cn_system_switched(s);
    if (switched && h > larger(1e-4 * tr->max_step, 4.0 * tr->min_step)) {
        tr->rejected_event++;
        cn_system_revert(s);
        tr->event_limit = t;
        return CN_CONTINUE;
    }
    double growth = 2.0;
    int jumped = 0;
    if (forced) {
        jumped = 1;
        tr->discontinuities++;
        tr->forced = 0;
    } else if (degree > 0) {
        const double norm = error_norm(tr, rule, order, distance, predicted);
        if (tr->valid == 2 && tr->times[1] == tr->mark_t && tr->returns < MAX_RETURNS) {
            const double first = first_error_norm(tr, h);
            if (first > 1.0 && tr->times[0] - tr->times[1] > 1e3 * tr->min_step) {
                tr->rejected_error++;
                return_to_mark(tr, first);
                return CN_CONTINUE;
            }
        }
        if (norm > 1.0) {
            if (h > 1e3 * tr->min_step) {
                tr->rejected_error++;
                tr->wary = WARY_STEPS;
                tr->jump_to = t;
                cn_system_revert(s);
                tr->step = h * larger(0.1, 0.8 * pow(norm, -1.0 / (order + 1)));
                if (rule == CN_BDF && tr->order > 2) {
                    tr->order--;
                    tr->steady = 0;
                }
                return CN_CONTINUE;
            }
            jumped = 1; /* no step is short enough: a discontinuity, stepped over */
            tr->discontinuities++;
        } else if (tr->rule == CN_BDF && tr->valid >= 3) {
            growth = choose_order(tr, norm, distance);
        } else {
            growth = growth_of(norm, order);
        }
    }
    cn_idx leapt = 0;
    if (tr->jumps.n) {
        double good;
        const cn_status looked = cn_jump_look(&tr->jumps, s, tr->trial, t, h, &good);
        if (looked != CN_OK) return looked;
        if (good < t && h > 2.0 * tr->min_step) {
            tr->rejected_event++;
            cn_system_revert(s);
            tr->next_jump = good;
            return CN_CONTINUE;
        }
    }
    if (tr->damp) tr->damp--;
    if (tr->wary) tr->wary--;
    accept(tr, rule, alpha, t);
    if (tr->jumps.n) {
        const cn_status leaps = cn_jump_accept(&tr->jumps, s, tr->x[0], t, &leapt);
        if (leaps != CN_OK) return leaps;
        tr->random_jumps += leapt;
        tr->next_jump = cn_jump_expected(&tr->jumps, t);
    }
    if (tr->noise && t >= cn_noise_next(tr->noise) - 1e-6 * tr->noise->spacing) {
        const cn_status drawn = cn_noise_advance(tr->noise, s, tr->x[0], t);
        if (drawn != CN_OK) return drawn;
    }
    const cn_status noted = cn_delay_accept(&s->delays, tr->x[0], t);
    if (noted != CN_OK) return noted;
    tr->corner = smaller(tr->corner, cn_delay_next_break(&s->delays, t));
    tr->next_break = smaller(tr->next_break, tr->corner);
    if (tr->rule == CN_BDF && tr->valid == 3) tr->order = tr->max_order < 2 ? 1 : 2;
    const cn_status recorded = cn_tran_record(tr);
    if (recorded != CN_OK) return recorded;
    /* An unchanged step keeps the factors of a linear circuit.  Where steps were too long lately, they grow slowly: what
     * made them so, an edge that runs through a chain of gates, comes again.  Higher orders change their steps rarely. */
    const int wary = tr->wary && order <= 2;
    tr->step = growth < 0.95 ? h * growth : growth < (wary ? 1.1 : 1.25) ? h : h * smaller(growth, wary ? 1.2 : 2.0);
    if (rule == CN_BDF && order > 2 && tr->step > h) {
        /* The formulas of high order are stable only when the step keeps its length for a while. */
        if (tr->steady > 0 && tr->steady <= order) {
            tr->step = h;
        } else {
            tr->steady = 0;
        }
    }
    if (t >= tr->event_limit) tr->event_limit = INFINITY;
    /* The end of the run is no corner: another run may go on from there as this one would have. */
    const int corner = lands && tr->corner <= t * (1.0 + 1e-13);
    if (corner || switched || jumped || leapt || tr->inconsistent) {
        const int restart = !tr->inconsistent;
        tr->inconsistent = 0;
        begin_stretch(tr);
        const double left = tr->next_break > t ? tr->next_break - t : INFINITY;
        if (restart) tr->step = smaller(h, 0.1 * smaller(left, tr->max_step));
        /* Straight lines between points show a jump as wide as the step after it. */
        if (leapt) tr->step = LEAP_STEP * smaller(tr->max_step, 10.0 * (tr->next_jump - t));
        tr->step = larger(tr->step, tr->min_step);
    }
    return CN_CONTINUE;
}

cn_status cn_tran_advance(cn_tran *tr, int budget)
{
    for (int k = 0; k < budget; k++) {
        if (tr->t >= tr->stop) return CN_OK;
        const cn_status status = attempt(tr);
        if (status != CN_CONTINUE) return status;
    }
    return tr->t >= tr->stop ? CN_OK : CN_CONTINUE;
}
