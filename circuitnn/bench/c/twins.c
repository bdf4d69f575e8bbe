/* Memristor models by hand, as one writes them for speed: no branches, the power taken once, loops that the compiler
 * turns into vectors with the C library's vector functions.  Rows of u, p and of the results as in cn_kernel.h; p holds
 * the parameters in the order in which they are read here.  Compared with the generated kernels by `circuitnn bench
 * devices`, which defines KB, the voltage kT/q over the temperature.
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
