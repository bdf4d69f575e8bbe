"""A junction that oscillates into a load, here and in ngspice."""

from __future__ import annotations

from collections.abc import Mapping

from circuitnn.bench.ngspice import Ngspice
from circuitnn.bench.peers import Peer
from circuitnn.bench.runner import Row
from circuitnn.bench.versus import versus
from circuitnn.circuit.circuit import Circuit

_ELEMENTS = """\
i1 0 bias dc 0.65m
l1 bias a 100n
n1 a 0 mtj mx=1 my=0.3
c1 a out 20p
rload out 0 50
.model mtj macrospin (rp=50 tmr=1 hx=4e4 hk=1e4 px=-0.866 py=0.5)
"""


def oscillator_decks(stop: float, step: float) -> tuple[str, str]:
    """Return a deck of a junction, bias tee and load, and the same with behavioural sources for the junction.

    Parameters
    ----------
    stop, step : float, s
        Length of the transient and its longest step.

    Examples
    --------
    >>> here, there = oscillator_decks(1e-9, 1e-12)
    >>> "n1 a 0 mtj" in here, "b_n1#mx" in there
    (True, True)
    """
    tran = f".tran {step:g} {stop:g} 0 {step:g}\n.end\n"
    circuit = Circuit("a junction into 50 ohm")
    circuit.add_text(_ELEMENTS)
    plain = circuit.to_plain().to_netlist().removesuffix(".end\n")
    return f"a junction into 50 ohm\n{_ELEMENTS}{tran}", plain + tran


def oscillator_into_load(rounds: int, stop: float = 1e-6, step: float = 5e-12) -> list[Row]:
    """Return the rows of a transient of a junction with bias tee and 50 ohm, against ngspice with its equations.

    Parameters
    ----------
    rounds : int
    stop, step : float, s
        ngspice takes about a minute and a half for the defaults.
    """
    here, there = oscillator_decks(stop, step)
    peers: Mapping[Peer, str] = {Ngspice(): there}
    return versus(f"junction into 50 ohm, {stop * 1e9:g} ns", here, peers, rounds, {"ngspice": 20.0})
