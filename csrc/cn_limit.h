/* SPICE's voltage limiting for Newton's method (Nagel, UCB/ERL M520, 1975, section 3), for generated kernels. */
#ifndef CN_LIMIT_H
#define CN_LIMIT_H

#include <math.h>

/* Limit the voltage of a pn junction: above vcrit a step of the voltage becomes a step of the current's logarithm. */
static inline double cn_limit_pn(double v, double old, double vt, double vcrit, int *held)
{
    if (v > vcrit && fabs(v - old) > 2.0 * vt) {
        if (old > 0.0) {
            const double arg = (v - old) / vt;
            v = arg > 0.0 ? old + vt * (2.0 + log(arg - 2.0)) : old - vt * (2.0 + log(2.0 - arg));
        } else {
            v = vt * log(v / vt);
        }
        *held = 1;
    } else if (v < 0.0) {
        const double floor_v = old > 0.0 ? -old - 1.0 : 2.0 * old - 1.0;
        if (v < floor_v) {
            v = floor_v;
            *held = 1;
        }
    }
    return v;
}

/* Limit the voltage of a diode: in breakdown, -bv and below, it is a junction that conducts the other way. */
static inline double cn_limit_diode(double v, double old, double vt, double vcrit, double bv, double nbvt, int *held)
{
    if (v < fmin(0.0, 10.0 * nbvt - bv)) return -bv - cn_limit_pn(-bv - v, -bv - old, nbvt, vcrit, held);
    return cn_limit_pn(v, old, vt, vcrit, held);
}

/* Limit a gate-source voltage per iteration, tighter near the threshold vto. */
static inline double cn_limit_fet(double v, double old, double vto, int *held)
{
    const double raw = v;
    const double high = fabs(2.0 * (old - vto)) + 2.0;
    const double low = high / 2.0 + 2.0;
    const double vtox = vto + 3.5;
    const double step = v - old;
    if (old >= vto) {
        if (old >= vtox) {
            if (step <= 0.0) {
                if (v >= vtox) {
                    if (-step > low) v = old - low;
                } else {
                    v = fmax(v, vto + 2.0);
                }
            } else if (step >= high) {
                v = old + high;
            }
        } else if (step <= 0.0) {
            v = fmax(v, vto - 0.5);
        } else {
            v = fmin(v, vto + 4.0);
        }
    } else if (step <= 0.0) {
        if (-step > high) v = old - high;
    } else if (v <= vto + 0.5) {
        if (step > low) v = old + low;
    } else {
        v = vto + 0.5;
    }
    if (v != raw) *held = 1;
    return v;
}

/* Limit the voltage of a gate that is a junction: as a junction, then as a gate. */
static inline double cn_limit_gate(double v, double old, double vt, double vcrit, double vto, int *held)
{
    return cn_limit_fet(cn_limit_pn(v, old, vt, vcrit, held), old, vto, held);
}

/* Limit a drain-source voltage per iteration; a transistor that conducts backwards is the mirror image. */
static inline double cn_limit_vds(double v, double old, int *held)
{
    const double raw = v, mirror = old < 0.0 ? -1.0 : 1.0;
    v *= mirror;
    old *= mirror;
    if (old >= 3.5) {
        if (v > old) {
            v = fmin(v, 3.0 * old + 2.0);
        } else if (v < 3.5) {
            v = fmax(v, 2.0);
        }
    } else if (v > old) {
        v = fmin(v, 4.0);
    } else {
        v = fmax(v, -0.5);
    }
    v *= mirror;
    if (v != raw) *held = 1;
    return v;
}

/* Limit the voltages of a MOSFET together, referred to the source, or to the drain where it conducts backwards: what
 * is limited at one end moves the other with it.  von is the gate voltage around which its steps are small. */
static inline void cn_limit_mosfet(double vgs, double vds, double vbs, double von, double vt, double vcrit_source,
                                   double vcrit_drain, double *old_vgs, double *old_vds, double *old_vbs, int *held)
{
    int gate = 0;
    const double vbd = vbs - vds, raw_vds = vds;
    if (*old_vds >= 0.0) {
        const double limited = cn_limit_fet(vgs, *old_vgs, von, &gate);
        if (gate) vds = limited - (vgs - vds);
        vgs = limited;
        vds = cn_limit_vds(vds, *old_vds, held);
    } else {
        const double limited = cn_limit_fet(vgs - vds, *old_vgs - *old_vds, von, &gate);
        if (gate) vds = vgs - limited;
        vds = cn_limit_vds(vds, *old_vds, held);
        if (gate || vds != raw_vds) vgs = limited + vds;
    }
    if (vds >= 0.0) {
        vbs = cn_limit_pn(vbs, *old_vbs, vt, vcrit_source, held);
    } else {
        int junction = 0;
        const double limited = cn_limit_pn(vbd, *old_vbs - *old_vds, vt, vcrit_drain, &junction);
        if (junction || vds != raw_vds) vbs = limited + vds;
        *held |= junction;
    }
    *held |= gate;
    *old_vgs = vgs;
    *old_vds = vds;
    *old_vbs = vbs;
}

/* Position of a switch with hysteresis: closed above on, open below off, else as it was. */
static inline double cn_switch(double control, double on, double off, double before)
{
    return control > on ? 1.0 : control < off ? 0.0 : before;
}

#endif
