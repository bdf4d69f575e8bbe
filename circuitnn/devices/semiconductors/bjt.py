"""Bipolar transistor: the Gummel-Poon model as SPICE3 has it, with excess phase, quasi-saturation and the substrate
junction (Massobrio and Antognetti, Semiconductor Device Modeling with SPICE, 1993, chapter 2)."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from circuitnn.devices import physics
from circuitnn.devices.bipolar import BipolarCard
from circuitnn.devices.declare import Collapse, Equations, Noise, Values, Variant
from circuitnn.devices.junction import depletion, diffusion
from circuitnn.devices.symbolic import equals, exp, limexp, log, magnitude, maximum, power, sqrt, tan, where

_PLAIN = ("rci", "delay", "iss0", "irb0", "qco0")
#: The delayed current is an unknown in picoamperes, so that an auxiliary's tolerance of 1 is SPICE's abstol.
_PICO = 1e-12
_NO_PHASE: dict[str, str | None] = {"delayed": None, "phase": None}


class Bjt(BipolarCard):
    """Transport current over the normalised base charge, ideal and leaking junctions, base resistance that falls with
    the current; depletion and diffusion charges, those of the collector split between inner and outer base."""

    letter = "q"
    model_types = ("npn", "pnp")
    levels = (1, 2)
    other_levels: ClassVar = {4: "VBIC", 6: "MEXTRAM", 8: "HICUM level 2", 9: "VBIC"}
    terminals = ("c", "b", "e", "s")
    internals = ("cx", "ci", "bi", "ei")
    branches = ("delayed", "phase")
    auxiliaries = ("delayed", "phase")
    links = (("c", "e", "resistive"), ("b", "e", "resistive"), ("s", "c", "resistive"))
    start_voltages: ClassVar = {"ic_vbe": ("b", "e"), "ic_vce": ("c", "e")}
    variants: ClassVar = {
        "bare": Variant(
            (*_PLAIN, "gc", "ge", "rbi", "rbl", "cjx0"),
            {**_NO_PHASE, "cx": "c", "ci": "c", "bi": "b", "ei": "e"},
        ),
        "plain": Variant(_PLAIN, {**_NO_PHASE, "ci": "cx"}),
    }

    @classmethod
    def collapse(cls, values: Values) -> Collapse:
        """Without its resistance an inner node is the terminal; without excess phase nothing is delayed."""
        v = values
        none = (v["ptf"] == 0.0) | (v["tf"] == 0.0)
        return {
            "cx": ("c", v["rc"] == 0.0),
            "ci": ("cx", np.isnan(v["rco"])),
            "bi": ("b", v["rb"] == 0.0),
            "ei": ("e", v["re"] == 0.0),
            "delayed": (None, none),
            "phase": (None, none),
        }

    def _base_charge(self, vbe: Any, vbc: Any, forward: Any, reverse: Any) -> Any:
        """Return the base charge over that at no bias: Early effect and high injection."""
        early = 1 / (1 - self.per_vaf * vbc - self.per_var * vbe)
        injected = 1 + 4 * (self.per_ikf * forward + self.per_ikr * reverse)
        rolled = where(
            equals(self.per_ikf + self.per_ikr, 0),
            1,
            injected <= 0,
            1,
            equals(self.nkf, 0.5),
            sqrt(injected),
            power(injected, self.nkf),
        )
        return early * (1 + rolled) / 2

    def _base_conductance(self, charge: Any, base: Any) -> Any:
        """Return the conductance of the base, constant, by the base charge, or by IRB."""
        drawn = maximum(base / self.irb0, 1e-9)
        # SPICE's (sqrt(1 + 14.59025 drawn) - 1) / (2.4317 sqrt(drawn)), without its difference of nearly equal numbers
        angle = 14.59025 / 2.4317 * sqrt(drawn) / (1 + sqrt(1 + 14.59025 * drawn))
        bent = tan(angle)
        part = where(angle < 1e-3, 1 - 4 * angle**2 / 15, 3 * (bent - angle) / (angle * bent**2))
        crowded = self.rbl + self.rbi * part
        return where(
            self.rbi + self.rbl <= 0,
            0,
            self.irb0 > 0,
            1 / crowded,
            equals(self.rbi, 0),
            1 / self.rbl,
            1 / (self.rbl + self.rbi / charge),
        )

    def _transit_charge(self, vbe: Any, vbc: Any, forward: Any, charge: Any) -> Any:
        """Return the diffusion charge of the emitter; TF grows with the current and the collector voltage."""
        with_voltage = where(self.per_vtf <= 0, self.xtf, self.xtf * exp(vbc * self.per_vtf))
        growth = where(
            self.xtf <= 0,
            0,
            self.itf0 <= 0,
            with_voltage,
            with_voltage * (forward / (forward + self.itf0)) ** 2,
        )
        return self.tf0 * where(self.tf0 <= 0, 0, vbe > 0, forward * (1 + growth) / charge, forward)

    def _layer(self, vbc: Any, vbcx: Any) -> tuple[Any, Any, Any]:
        """Return current and charges of the epitaxial layer, from the outer to the inner collector."""
        across = vbc - vbcx
        resistance = where(self.rci <= 0, 1, self.rci)
        inner = sqrt(1 + self.gamma0 * limexp(vbc / self.vt))
        outer = sqrt(1 + self.gamma0 * limexp(vbcx / self.vt))
        corrected = across + self.vt * (inner - outer - log((1 + inner) / (1 + outer)))
        flow = where(across > 0, corrected / (1 + across / self.vo0), across) / resistance
        q_inner = where(across > 0, self.qco0 * inner, 0)
        q_outer = where(across > 0, self.qco0 * outer, 0)
        none = self.rci <= 0
        return (
            where(none, 0, flow + self.m * self.gmin * across),
            where(none, 0, q_inner),
            where(none, 0, q_outer),
        )

    def equations(self) -> Equations:
        """Return currents and charges, in the voltages of an npn transistor."""
        s = self.polarity
        gmin = self.m * self.gmin
        vbe = self.limited("vbe", s * (self.bi - self.ei), "pn", self.vt, self.vcrit, start=self.start)
        vbc = self.limited("vbc", s * (self.bi - self.ci), "pn", self.vt, self.vcrit)
        beyond = where(self.subs > 0, self.ci, self.bi)
        raw_vs = s * self.subs * (self.s - beyond)
        vs = self.limited("vs", raw_vs, "pn", self.vt, self.vcrit_s)
        vbcx, vbx = s * (self.bi - self.cx), s * (self.b - self.ci)
        forward = self.let("forward", diffusion(vbe, self.nvtf, self.ibe0))
        reverse = self.let("reverse", diffusion(vbc, self.nvtr, self.ibc0))
        charge = self.let("charge", self._base_charge(vbe, vbc, forward, reverse))
        base_e = forward * self.per_bf + diffusion(vbe, self.nvte, self.ise0) + gmin * vbe
        base_c = reverse * self.per_br + diffusion(vbc, self.nvtc, self.isc0) + gmin * vbc
        base = self.let("base", base_e + base_c)
        ahead = self.let("ahead", forward / charge)
        delayed = where(self.delay > 0, _PICO * self.delayed, ahead)
        collector = self.let("collector", delayed - reverse / charge - base_c)
        gx = self.let("gx", self._base_conductance(charge, base))
        substrate = self.let("substrate", diffusion(vs, self.nvts, self.iss0))
        into_s = s * self.subs * (substrate + gmin * raw_vs)
        vertical = self.subs > 0
        layer, q_inner, q_outer = self._layer(vbc, vbcx)
        layer = self.let("layer", layer)
        edge_e, edge_c = (self.k1e, self.k2e, self.k3e), (self.k1c, self.k2c, self.k3c)
        qbe = self.let(
            "qbe",
            self._transit_charge(vbe, vbc, forward, charge)
            + depletion(vbe, self.cje0, self.vje0, self.mje0, self.edge_e, edge_e),
        )
        qbc = self.let(
            "qbc",
            self.tr0 * reverse + depletion(vbc, self.cjc0, self.vjc0, self.mjc0, self.edge_c, edge_c) + q_inner,
        )
        qbx = self.let("qbx", depletion(vbx, self.cjx0, self.vjc0, self.mjc0, self.edge_c, edge_c))
        # the substrate's law goes on as a parabola above 0 V
        along = (self.cjs0, self.cjs0 * self.mjs0 / self.vjs0, 0)
        qs = self.let(
            "qs",
            where(
                self.cjs0 <= 0,
                0,
                raw_vs < 0,
                depletion(raw_vs, self.cjs0, self.vjs0, self.mjs0, self.vjs0, (0, 0, 0)),
                raw_vs * (along[0] + raw_vs * along[1] / 2),
            ),
        )
        rb, rc, re = gx * (self.b - self.bi), self.gc * (self.c - self.cx), self.ge * (self.e - self.ei)
        qsn = s * self.subs * qs
        self._shown = (vbe, vbc, base, collector, gx, substrate + gmin * raw_vs, qbe, qbc, qbx, qs)
        return Equations(
            f={
                "c": rc,
                "b": rb,
                "e": re,
                "cx": s * layer - rc,
                "ci": s * (collector - layer) - where(vertical, into_s, 0),
                "bi": s * base - rb - where(vertical, 0, into_s),
                "ei": -s * (collector + base) - re,
                "s": into_s,
                "delayed": -self.phase,
                "phase": 3 * (self.phase + self.delayed - ahead / _PICO),
            },
            q={
                "b": s * qbx,
                "bi": s * (qbe + qbc + q_outer) - where(vertical, 0, qsn),
                "ci": -s * (qbc + qbx) - where(vertical, qsn, 0),
                "cx": -s * q_outer,
                "ei": -s * qbe,
                "s": qsn,
                "delayed": self.delay * self.delayed,
                "phase": self.delay * self.phase,
            },
        )

    def noise(self) -> tuple[Noise, ...]:
        """Return thermal noise of the resistances, shot noise of both currents and flicker noise of the base."""
        _, _, base, collector, gx = self._shown[:5]
        flicker = self.kf * self.m * (magnitude(base) / self.m) ** self.af
        return (
            Noise("rc", "c", "cx", self.thermal * self.gc),
            Noise("rb", "b", "bi", self.thermal * gx),
            Noise("re", "e", "ei", self.thermal * self.ge),
            Noise("ic", "ci", "ei", 2 * physics.CHARGE * magnitude(collector)),
            Noise("ib", "bi", "ei", 2 * physics.CHARGE * magnitude(base)),
            Noise("1overf", "bi", "ei", flicker, 1),
        )

    def readings(self) -> Equations:
        """Return what ngspice shows: currents into the terminals, junction voltages, slopes and capacitances."""
        vbe, vbc, base, collector, gx, substrate, qbe, qbc, qbx, qs = self._shown
        s, vertical = self.polarity, self.subs > 0
        gm_e, go = self.slope(collector, vbe), -self.slope(collector, vbc) - self.slope(base, vbc)
        lateral = where(vertical, 0, substrate)
        return Equations(
            f={
                "ic": s * collector, "ib": s * (base - lateral),
                "ie": s * (where(vertical, substrate, 0) - collector - base), "is": -s * self.subs * substrate,
                "vbe": vbe, "vbc": vbc, "gm": gm_e - go, "gpi": self.slope(base, vbe), "gmu": self.slope(base, vbc),
                "gx": gx, "go": go, "cpi": self.slope(qbe, vbe), "cmu": self.slope(qbc, vbc),
                "cbx": s * self.slope(qbx, self.b), "csub": s * self.subs * self.slope(qs, self.s),
            },
            q={
                "ic": -s * qbc, "ib": s * (qbe + qbc - where(vertical, 0, qs)),
                "ie": s * (where(vertical, qs, 0) - qbe), "is": -s * self.subs * qs,
            },
        )  # fmt: skip


EXPORT = Bjt
