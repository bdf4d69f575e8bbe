/* Memristor models by hand, as one writes them for speed: no branches, the power taken once, loops that the compiler
 * turns into vectors with the C library's vector functions.  Rows of u, p and of the results as in cn_kernel.h; p holds
 * the parameters in the order in which they are read here.  Compared with the generated kernels by `circuitnn bench
 * devices`, which defines KB, the voltage kT/q over the temperature, and CHARGE, the elementary charge.
 */
#include <math.h>

#if defined(__x86_64__) && defined(__GNUC__)
#define TARGET __attribute__((target("avx2,fma")))
#else
#define TARGET
#endif
#define ROW(x, k) ((x)[(long)(k) * n + i])

/* Linear in the state, no window, as without iv and window on the card. */
TARGET void vteam(int n, const double *restrict u, const double *restrict p, double *restrict f, double *restrict q,
                  double *restrict jf, double *restrict jq)
{
#pragma omp simd
    for (int i = 0; i < n; i++) {
        const double v = ROW(u, 0) - ROW(u, 1), w = ROW(u, 2), ron = ROW(p, 0), span = ROW(p, 1) - ron;
        const double v_on = ROW(p, 2), v_off = ROW(p, 3), w_on = ROW(p, 8), w_off = ROW(p, 9), width = w_off - w_on;
        const double s = (w - w_on) / width, part = s <= 0.0 ? 0.0 : s >= 1.0 ? 1.0 : s;
        const double g = 1.0 / (ron + span * part), current = v * g;
        const double by_w = s > 0.0 && s < 1.0 ? -current * g * span / width : 0.0;
        const int reset = v > v_off, set = v < v_on;
        const double edge = reset ? v_off : v_on, k = reset ? ROW(p, 5) : ROW(p, 4);
        const double a = reset ? ROW(p, 7) : ROW(p, 6);
        const double over = reset || set ? v / edge - 1.0 : 1.0, speed = k * pow(over, a);
        const double rate = reset || set ? speed : 0.0, slope = reset || set ? a * speed / (over * edge) : 0.0;
        const double room = rate > 0.0 ? w_off - w : w - w_on, layer = 1e-4 * width;
        const double fade = room >= layer ? 1.0 : room / layer, turn = rate > 0.0 ? -1.0 / layer : 1.0 / layer;
        ROW(f, 0) = current;
        ROW(f, 1) = -current;
        ROW(f, 2) = -rate * fade;
        ROW(q, 0) = ROW(q, 1) = 0.0;
        ROW(q, 2) = w;
        ROW(jf, 0) = ROW(jf, 4) = g;
        ROW(jf, 1) = ROW(jf, 3) = -g;
        ROW(jf, 2) = by_w;
        ROW(jf, 5) = -by_w;
        ROW(jf, 6) = -slope * fade;
        ROW(jf, 7) = slope * fade;
        ROW(jf, 8) = room >= layer ? 0.0 : -rate * turn;
        ROW(jq, 0) = 1.0;
    }
}

/* Without a least field, as with f_min = 0 on the card. */
TARGET void stanford(int n, const double *restrict u, const double *restrict p, double *restrict f, double *restrict q,
                     double *restrict jf, double *restrict jq)
{
#pragma omp simd
    for (int i = 0; i < n; i++) {
        const double v = ROW(u, 0) - ROW(u, 1), gap = ROW(u, 2), rise = ROW(u, 3), per_g0 = 1.0 / ROW(p, 1);
        const double per_v0 = 1.0 / ROW(p, 2), vel = ROW(p, 3), beta = ROW(p, 7), a0 = ROW(p, 8), per_l = 1.0 / ROW(p, 9);
        const double v_sat = ROW(p, 10), r_th = ROW(p, 11), tau = ROW(p, 12), low = ROW(p, 13), high = ROW(p, 14);
        const double x = gap <= low ? low : gap >= high ? high : gap, moves = gap > low && gap < high ? 1.0 : 0.0;
        const double arg = v * per_v0, cut = arg > 80.0 ? 80.0 : arg < -80.0 ? -80.0 : arg, beyond = arg - cut;
        const double up = exp(cut), down = 1.0 / up, cosine = 0.5 * (up + down);
        const double sine = fabs(cut) < 0.3 ? sinh(cut) : 0.5 * (up - down);
        const double scale = ROW(p, 0) * exp(-x * per_g0), current = scale * (sine + cosine * beyond);
        const double by_v = scale * cosine * per_v0, by_gap = -current * per_g0 * moves;
        const double hot = rise <= 0.0 ? 0.0 : rise >= 1e4 ? 1e4 : rise, warms = rise > 0.0 && rise < 1e4 ? 1.0 : 0.0;
        const double kb = KB, per_vt = 1.0 / (kb * (ROW(p, 15) + hot));
        const double nano = x * 1e9, gamma = ROW(p, 6) - beta * nano * nano * nano, push = a0 * gamma * v * per_l;
        const double af = (push - ROW(p, 4)) * per_vt, ar = (-push - ROW(p, 5)) * per_vt;
        const double cf = af < 80.0 ? af : 80.0, cr = ar < 80.0 ? ar : 80.0, ef = exp(cf), er = exp(cr);
        const double speed = -vel * (ef * (1.0 + af - cf) - er * (1.0 + ar - cr));
        const double by_push = -vel * per_vt * (ef + er), by_hot = vel * per_vt * kb * (ef * af - er * ar) * warms;
        const double ratio = speed / v_sat, per = 1.0 / sqrt(1.0 + ratio * ratio), rate = speed * per, c = per * per * per;
        const double push_v = a0 * gamma * per_l, push_gap = -3e9 * beta * nano * nano * a0 * v * per_l * moves;
        const double room = rate > 0.0 ? high - gap : gap - low, layer = 1e-4 * (high - low);
        const double fade = room >= layer ? 1.0 : room / layer, turn = rate > 0.0 ? -1.0 / layer : 1.0 / layer;
        const double inner = -c * by_push * fade;
        ROW(f, 0) = current;
        ROW(f, 1) = -current;
        ROW(f, 2) = -rate * fade;
        ROW(f, 3) = rise - r_th * v * current;
        ROW(q, 0) = ROW(q, 1) = 0.0;
        ROW(q, 2) = gap;
        ROW(q, 3) = tau * rise;
        ROW(jf, 0) = ROW(jf, 4) = by_v;
        ROW(jf, 1) = ROW(jf, 3) = -by_v;
        ROW(jf, 2) = by_gap;
        ROW(jf, 5) = -by_gap;
        ROW(jf, 6) = inner * push_v;
        ROW(jf, 7) = -inner * push_v;
        ROW(jf, 8) = inner * push_gap - (room >= layer ? 0.0 : rate * turn);
        ROW(jf, 9) = -c * by_hot * fade;
        ROW(jf, 10) = -r_th * (current + v * by_v);
        ROW(jf, 11) = r_th * (current + v * by_v);
        ROW(jf, 12) = -r_th * v * by_gap;
        ROW(jf, 13) = 1.0;
        ROW(jq, 0) = 1.0;
        ROW(jq, 1) = tau;
    }
}

/* x on its way to zero, and its slope: see soft_positive. */
TARGET static inline double soft(double x, double width, double *slope)
{
    const double root = sqrt(x * x + 4.0 * width * width), y = 0.5 * (root + fabs(x));
    const double found = x >= 0.0 ? y : width * width / y;
    *slope = found / root;
    return found;
}

/* JART VCM v1b with lines that warm.  Exponents have the factors 1/kT at vs >= 0, 1/W0 and -1/xi below. */
TARGET void jart(int n, const double *restrict u, const double *restrict p, double *restrict f, double *restrict q,
                 double *restrict jf, double *restrict jq)
{
    const double kb = KB, pi = 3.14159265358979323846;
#pragma omp simd
    for (int i = 0; i < n; i++) {
        const double vs = ROW(u, 0) - ROW(u, 2), vo = ROW(u, 2) - ROW(u, 1), v = ROW(u, 0) - ROW(u, 1);
        const double state = ROW(u, 3), rise = ROW(u, 4), n_min = ROW(p, 6), n_max = ROW(p, 7), plug = ROW(p, 8);
        const double a = ROW(p, 9), dw = ROW(p, 11), tau = ROW(p, 12), l_cell = ROW(p, 13), l_disc = ROW(p, 14);
        const double section = ROW(p, 18), cubic = ROW(p, 22);
        const double c = state <= n_min ? n_min : state >= n_max ? n_max : state;
        const double moves = state > n_min && state < n_max ? 1.0 : 0.0, per_c = 1.0 / c;
        const double hot = rise <= 0.0 ? 0.0 : rise >= 1e4 ? 1e4 : rise, warms = rise > 0.0 && rise < 1e4 ? 1.0 : 0.0;
        const double temp = ROW(p, 17) + hot, per_t = 1.0 / temp, per_vt = per_t / kb;

        /* barrier */
        double steep, by_low;
        const int forward = vs >= 0.0;
        const double w00 = ROW(p, 20) * sqrt(c), per_w00 = 1.0 / w00, psi = soft(ROW(p, 0) - ROW(p, 1) - vs, ROW(p, 2), &steep);
        const double lowered = sqrt(sqrt(ROW(p, 19) * c * psi)), phi = soft(ROW(p, 0) - lowered, 1e-4, &by_low);
        const double phi_vs = by_low * lowered * steep / (4.0 * psi), phi_c = -0.25 * by_low * lowered * per_c;
        const double x = w00 * per_vt, x2 = x * x, bent = tanh(x), flat = 1.0 - bent * bent;
        const double less = x < 0.03 ? x2 * x * (1.0 - 0.4 * x2 + 17.0 / 105.0 * x2 * x2) / 3.0 : x - bent;
        const double x_c = 0.5 * x * per_c, x_t = -x * per_t, half = 0.5 * per_c;
        const double w = forward ? per_vt : bent * per_w00, s = forward ? per_vt : -less * per_w00;
        const double w_c = forward ? 0.0 : flat * x_c * per_w00 - w * half, w_t = forward ? -w * per_t : flat * x_t * per_w00;
        const double s_c = forward ? 0.0 : -bent * bent * x_c * per_w00 - s * half;
        const double s_t = forward ? -s * per_t : -bent * bent * x_t * per_w00;
        const double under = forward ? 1.0 : phi * flat - vs, per_under = 0.5 / under;
        const double under_vs = forward ? 0.0 : phi_vs * flat - 1.0, under_t = forward ? 0.0 : -2.0 * phi * bent * flat * x_t;
        const double under_c = forward ? 0.0 : phi_c * flat - 2.0 * phi * bent * flat * x_c;
        const double top = section * ROW(p, 4) * temp * temp * exp(-phi * w);
        const double front = forward ? top : -top * per_vt * sqrt(pi * w00 * under);
        const double arg = vs * s, cut = arg < 20.0 ? arg : 20.0, growth = exp(cut), inner = front * growth;
        const double barrier = front * (growth * (1.0 + arg - cut) - 1.0);
        const double b_vs = barrier * (under_vs * per_under - phi_vs * w) + inner * s;
        const double b_c = moves * (barrier * ((forward ? 0.0 : 0.25 * per_c) + under_c * per_under - phi_c * w - phi * w_c)
                                    + inner * vs * s_c);
        const double b_t = warms * (barrier * ((forward ? 2.0 : 1.0) * per_t + under_t * per_under - phi * w_t)
                                    + inner * vs * s_t);

        /* the ohmic rest */
        const double r_disc = l_disc / (CHARGE * ROW(p, 5) * ROW(p, 3) * section) * per_c, fall = -r_disc * per_c * moves;
        const double lump = r_disc + ROW(p, 21), total = lump + ROW(p, 15) + ROW(p, 16), curve = sqrt(cubic / (3.0 * total));
        const double cur = 2.0 / (3.0 * curve) * sinh(asinh(4.5 * curve * vo / total) / 3.0);
        const double i_vo = 1.0 / (3.0 * cubic * cur * cur + total), i_c = -cur * fall * i_vo;
        const double inside = vs + cur * lump, inside_vo = i_vo * lump, inside_c = i_c * lump + cur * fall;

        /* hops */
        const int reset = v >= 0.0;
        const double per_l = 1.0 / (reset ? l_cell : l_disc), field = (reset ? inside : cur * r_disc) * per_l;
        const double field_vs = reset ? per_l : 0.0, field_vo = (reset ? inside_vo : i_vo * r_disc) * per_l;
        const double field_c = (reset ? inside_c : i_c * r_disc + cur * fall) * per_l;
        const double per = ROW(p, 5) * a / (pi * dw), want = per * field, g = want > 0.99 ? 0.99 : want < -0.99 ? -0.99 : want;
        const double per_g = fabs(want) < 0.99 ? per : 0.0, high = dw * per_vt, angle = asin(g);
        const double bias = high * g * (pi / 2.0), even = high * (sqrt(1.0 - g * g) + g * angle), sine = sinh(bias);
        const double few = 2.0 * exp(-even), hops = few * sine, both = few * sqrt(1.0 + sine * sine);
        const double by_field = high * (both * (pi / 2.0) - hops * angle) * per_g;
        const double by_t = (hops * even - both * bias) * per_t * warms;
        const double low_end = 0.5 * n_min, high_end = 2.0 * n_max;
        const double part = state <= low_end ? low_end : state >= high_end ? high_end : state, per_part = 1.0 / part;
        const double free = state > low_end && state < high_end ? 1.0 : 0.0, per_max = 1.0 / n_max;
        const double ratio = reset ? n_min * per_part : part * per_max;
        const double missing = reset ? (part - n_min) * per_part : (n_max - part) * per_max;
        const double second = ratio * ratio, fourth = second * second;
        const double brake = missing * (1.0 + ratio) * (1.0 + second + fourth * (1.0 + second + fourth));
        const double brake_c = (reset ? 10.0 : -10.0) * fourth * fourth * second * per_part * free;
        const double pace = -0.5 * a * ROW(p, 10) / l_disc, speed = pace * (plug + c), to = speed * brake * by_field;
        const double heat = reset ? ROW(p, 24) : ROW(p, 23);
        ROW(f, 0) = barrier;
        ROW(f, 1) = -cur;
        ROW(f, 2) = cur - barrier;
        ROW(f, 3) = -speed * brake * hops;
        ROW(f, 4) = rise - heat * cur * inside;
        ROW(q, 0) = ROW(q, 1) = ROW(q, 2) = 0.0;
        ROW(q, 3) = state;
        ROW(q, 4) = tau * rise;
        ROW(jf, 0) = b_vs;
        ROW(jf, 1) = ROW(jf, 7) = -b_vs;
        ROW(jf, 2) = b_c;
        ROW(jf, 3) = b_t;
        ROW(jf, 4) = i_vo;
        ROW(jf, 5) = ROW(jf, 8) = -i_vo;
        ROW(jf, 6) = -i_c;
        ROW(jf, 9) = i_vo + b_vs;
        ROW(jf, 10) = i_c - b_c;
        ROW(jf, 11) = -b_t;
        ROW(jf, 12) = -to * field_vs;
        ROW(jf, 13) = to * field_vo;
        ROW(jf, 14) = to * (field_vs - field_vo);
        ROW(jf, 15) = -(to * field_c + (speed * brake_c + pace * moves * brake) * hops);
        ROW(jf, 16) = -speed * brake * by_t;
        ROW(jf, 17) = -heat * cur;
        ROW(jf, 18) = heat * (i_vo * inside + cur * inside_vo);
        ROW(jf, 19) = heat * cur - ROW(jf, 18);
        ROW(jf, 20) = -heat * (i_c * inside + cur * inside_c);
        ROW(jf, 21) = 1.0;
        ROW(jq, 0) = 1.0;
        ROW(jq, 1) = tau;
    }
}
