"""Locking ranges against Adler's equation, and against the amplitude equation of an auto-oscillator."""

import numpy as np
import pytest

import circuitnn as cn
from circuitnn.errors import AnalysisError, UsageError

L, C, G, K = 1e-6, 1e-9, 1e-4, 1e-4


def tank():
    return cn.parse(
        f"van der Pol\nl1 a 0 {L}\nc1 a 0 {C} ic=1.1\nb1 a 0 i={-G}*v(a)+{K}*v(a)*v(a)*v(a)\ni1 0 a 0\n.end\n"
    ).circuit()


def test_van_der_pol_locks_as_adler_says():
    """A current i cos(w t) into a tank of amplitude A: half width f0 Z i / (2 A), Z = sqrt(L / C) (Adler 1946)."""
    amplitude = 2.0 * np.sqrt(G / (3.0 * K))
    tone = 1e-5
    found = cn.locking_range(tank(), tone, source="i1", output="v(a)", step=4e-9, settle=2e-4, span=0.03)
    expected = found.free * np.sqrt(L / C) * tone / (2.0 * amplitude)
    # the tone is a tenth of the active element's current: amplitude pulling is of second order in that
    assert found.half_width[0] == pytest.approx(expected, rel=0.03)
    assert found.free == pytest.approx(1.0 / (2.0 * np.pi * np.sqrt(L * C)), rel=1e-3)


def auto_oscillator(frequency, force, duration):
    """Slavin and Tiberkevich's equation at zeta = 2, Q = 2, nu = -3, its free frequency moved to 1 GHz / 1000."""
    gamma, q, zeta, shift = 2.0 * np.pi * 5e6, 2.0, 2.0, -2.0 * np.pi * 60e6
    p0 = (zeta - 1.0) / (zeta + q)
    tone, count = 2.0 * np.pi * frequency, int(duration / 1e-8)
    h, c, free = duration / count, np.sqrt(p0) + 0.0j, 2.0 * np.pi * 1e6

    def slope(c):  # in the frame of the tone
        p = c.real * c.real + c.imag * c.imag
        grow = zeta * gamma * (1.0 - p) - gamma * (1.0 + q * p)
        return (-1j * (free - tone + shift * (p - p0)) + grow) * c + force * gamma

    out = np.empty(count + 1, complex)
    out[0] = c
    for k in range(count):
        a = slope(c)
        b = slope(c + 0.5 * h * a)
        d = slope(c + 0.5 * h * b)
        c = c + h / 6.0 * (a + 2.0 * b + 2.0 * d + slope(c + h * d))
        out[k + 1] = c
    time = np.linspace(0.0, duration, count + 1)
    return time, out * np.exp(-1j * tone * time)


def test_auto_oscillator():
    """Half width F / sqrt(p0) sqrt(1 + nu^2) = 31622.78 Hz for F = 1e-3 Gamma_G."""
    found = cn.locking_range(auto_oscillator, 1e-3, free=1e6, span=0.12)
    assert found.half_width[0] == pytest.approx(31622.78, rel=0.02)  # corrections are of first order in F / Gamma_p


def test_tone_that_holds_everywhere_is_refused():
    with pytest.raises(AnalysisError, match="still holds"):
        cn.locking_range(auto_oscillator, 1e-3, free=1e6, span=0.01)


def test_bad_requests_are_refused():
    with pytest.raises(UsageError, match="tone of its own"):
        cn.locking_range(tank(), 1e-5)
    with pytest.raises(UsageError, match="amplitudes"):
        cn.locking_range(auto_oscillator, -1.0, free=1e6)
    with pytest.raises(UsageError, match="no source"):
        cn.locking_range(tank(), 1e-5, source="v9", output="v(a)", step=4e-9, settle=2e-4)
