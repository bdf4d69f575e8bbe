"""Thermal crosstalk: a warm cell warms its neighbours."""

from __future__ import annotations

from typing import Any

from circuitnn.devices.declare import Device, Environment, Param, Values
from circuitnn.errors import DeviceError
from circuitnn.nonidealities.nonideality import Nonideality
from circuitnn.nonidealities.self_heating import SelfHeating
from circuitnn.nonidealities.sites import Sites


class ThermalCrosstalk(Nonideality):
    """A thermal conductance 1 / r_th between each two neighbours in a row or column, and 1 / r_diagonal across corners.

    Cells need `SelfHeating`, whose heat it leads on: C_th dT/dt gets a term (T_neighbour - T) / r_th for each of them.
    It acts among memristors of a circuit whose names tell row and column, such as ``n2_3``.

    Examples
    --------
    >>> import circuitnn as cn
    >>> c = cn.Circuit("two neighbours, one of them heated")
    >>> c.V("1", "a", 0, dc=0.5); c.N("0_0", "a", 0, model="hfo2"); c.N("0_1", 0, 0, model="hfo2")
    >>> c.nonideal("hfo2", cn.nonidealities.SelfHeating(r_th=1e6), cn.nonidealities.ThermalCrosstalk(r_th=1e6))
    >>> op = c.op()
    >>> [round(float(op[f"@n0_{k}[temperature]"]) - 300.15, 6) for k in (0, 1)]     # 2.5 uW in 2/3 and 1/3 Mohm of heat
    [1.666667, 0.833333]
    """

    stage = "build"
    random = False

    r_th = Param(1e7, "K/W", low=0.0, exclusive=True, doc="between neighbours in a line", source="round number")
    r_diagonal = Param(None, "K/W", low=0.0, exclusive=True, doc="between diagonal neighbours; none when not given")

    def set_up(self, device: type[Device], columns: Values, sites: Sites, env: Environment) -> Values:
        """Require a temperature and a place; what joins cells, `circuitnn.nonidealities.thermal` adds."""
        kinds: Any = getattr(device, "kinds", ())
        if SelfHeating not in kinds:
            raise DeviceError(
                f"thermal_crosstalk between {device.name}, which has no temperature",
                expected="self_heating of the same cells",
                names=(device.name,),
            )
        sites.require_places("thermal crosstalk")
        return columns


EXPORT = ThermalCrosstalk
