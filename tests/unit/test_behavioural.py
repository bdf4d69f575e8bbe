"""Compact models written as plain elements: the same equations, so the same waveforms."""

import numpy as np
import pytest

import circuitnn as cn
from circuitnn.devices.declare import Device, Equations, Param
from circuitnn.errors import DeviceError


@cn.register
class Charged(Device):
    """A conductance with a charge that grows with the cube of the voltage, beside an inner node."""

    model_types = ("charged",)
    terminals = ("p", "n")
    internals = ("mid",)
    links = (("p", "n", "resistive"),)

    g = Param(1e-3, "S", low=0.0, doc="conductance")
    c = Param(1e-9, "F", low=0.0, doc="capacitance")
    c3 = Param(1e-9, "F/V^2", low=0.0, doc="cubic part")

    def equations(self):
        """Return a resistance in series with the charge."""
        i, v = self.g * (self.p - self.mid), self.mid - self.n
        q = self.c * v + self.c3 * v**3
        return Equations(f={"p": i, "mid": -i}, q={"mid": q, "n": -q})


@cn.register
class Latch(Device):
    """A conductance that closes above one volt and opens below half a volt."""

    model_types = ("latch",)
    links = (("p", "n", "resistive"),)

    g_on = Param(1e-2, "S", low=0.0, doc="closed")
    g_off = Param(1e-5, "S", low=0.0, doc="open")
    v_on = Param(1.0, "V", doc="closes")
    v_off = Param(0.5, "V", doc="opens")
    on = Param(0.0, "1", low=0.0, high=1.0, doc="starts closed", on="instance")

    def equations(self):
        """Return Ohm's law."""
        v = self.p - self.n
        closed = self.discrete("position", v, self.v_on, self.v_off)
        i = (self.g_off + (self.g_on - self.g_off) * closed) * v
        return Equations(f={"p": i, "n": -i})


def driven(model, r=100.0, **params):
    c = cn.Circuit(model)
    c.V("1", "a", 0, waveform=("sin", 0, 1.5, 1e3))
    c.R("s", "a", "b", r)
    c.C("s", "b", 0, 1e-9)
    c.N("1", "b", 0, model=model, **params)
    c.set_options(reltol=1e-6)
    return c


@pytest.mark.parametrize(("model", "tolerance"), [("charged", 3e-4), ("latch", 2e-3), ("linear_drift", 2e-5)])
def test_the_plain_circuit_does_the_same(model, tolerance):
    # reltol is 1e-6; both choose steps of their own, and the error of a charge is judged in another node's size; an
    # edge of the latch is found to within a step of 1 us in 1 ms
    c = driven(model, r=10.0)
    plain = c.to_plain()
    assert all(element.letter != "n" for element in plain.elements.values())
    ours, theirs = (x.tran(step=1e-6, stop=2e-3, max_step=1e-6) for x in (c, plain))
    t = np.linspace(0, 2e-3, 777)
    a, b = (np.interp(t, r.time, r["i(v1)"]) for r in (ours, theirs))
    off = np.abs(a - b) / np.abs(a).max()
    assert (np.median(off) if model == "latch" else off.max()) < tolerance


def test_the_text_reads_back():
    plain = driven("charged").to_plain()
    again = cn.parse(plain.to_netlist()).circuit()
    assert {k: (e.nodes, e.params) for k, e in again.elements.items() if e.letter in "cr"} == {
        k: (e.nodes, e.params) for k, e in plain.elements.items() if e.letter in "cr"
    }


def test_numbers_are_folded_into_the_trees():
    text = driven("linear_drift", window=0.0).to_plain().to_netlist()
    assert "pow" not in text  # windows that are not chosen are left out


def test_states_that_were_asked_for_are_left_out_with_a_word():
    c = driven("linear_drift")
    c.save = ["@n1[x]", "v(b)"]
    plain = c.to_plain()
    assert plain.save == ["v(b)"]
    assert any("@n1[x]" in w for w in plain.warnings)


def test_what_has_no_such_form_is_refused_by_name():
    from circuitnn.devices.symbolic import quartic_root

    @cn.register
    class Rooted(Device):
        """A current that is a root."""

        model_types = ("rooted",)
        links = (("p", "n", "resistive"),)
        g = Param(1e-3, "S", doc="conductance")

        def equations(self):
            """Return the current."""
            i = self.g * quartic_root(0, 0, 0, -((self.p - self.n) ** 2), 2)
            return Equations(f={"p": i, "n": -i})

    c = driven("rooted")
    with pytest.raises(DeviceError, match="n1 cannot be written as plain elements"):
        c.to_plain()
