"""The class between a device and the effects on its equations: currents and rates pass through hooks.

Effects override ``multiplier`` (of currents) and ``moved`` (what becomes of rates), whatever the device writes itself:
a current and rates, or equations of its own with inner nodes or more terminals. ``flowing`` is the current that
results.
"""

from __future__ import annotations

from typing import Any

from circuitnn.devices.declare import Device, Equations, Memristor
from circuitnn.errors import DeviceError


def framed(device: type[Device], why: str) -> Any:
    """Return a subclass of a device with the hooks.

    Raises
    ------
    DeviceError
        When the device has no state, or branch currents, or more terminals and no `Device.channel`.
    """
    if not device.states or device.branches or device.flows or not device.links:
        raise DeviceError(
            f"{why} does not act on {device.name}",
            expected="a memristor of two terminals, or a device with states and a channel, without branch currents",
            names=(device.name,),
        )

    class Framed(device):  # type: ignore[misc, valid-type]
        __doc__ = device.__doc__

        ends = device.links[0][:2]

        @property
        def across(self) -> Any:
            """Voltage between the ends of the current."""
            plus, minus = (getattr(self, name) for name in self.ends)
            return plus - minus

        def multiplier(self) -> Any:
            """Return what currents are multiplied by."""
            return 1

        def moved(self, v: Any, rates: dict[str, Any]) -> dict[str, Any]:
            """Return what becomes of the rates at the voltage ``v``."""
            return rates

    plain = issubclass(device, Memristor) and device.equations is Memristor.equations
    return _plain(Framed) if plain else _own(Framed, why)


def _plain(base: Any) -> Any:
    class Plain(base):
        __doc__ = base.__doc__

        def current(self, v: Any) -> Any:
            """Return the current as effects leave it."""
            return super().current(v) * self.multiplier()

        def rates(self, v: Any) -> dict[str, Any]:
            """Return the rates as effects leave them."""
            return dict(self.moved(v, super().rates(v)))

        def flowing(self) -> Any:
            """Return the current."""
            return self.current(self.across)

        def conductance(self, volts: Any) -> Any:
            """Return current over voltage at a voltage."""
            return self.current(volts) / volts

    return Plain


def _own(base: Any, why: str) -> Any:
    class Own(base):
        __doc__ = base.__doc__

        _flow: Any = None

        def channel(self, i: Any) -> Any:
            """Return the current of the channel as effects leave it."""
            self._flow = i * self.multiplier()
            return self._flow

        def state_rows(self, rates: dict[str, Any]) -> Equations:
            """Return the rows of the rates as effects leave them."""
            # one symbol each: effects use a rate several times, and its slopes are long
            own = {name: self.let(f"own_{name}", rate) for name, rate in rates.items()}
            rows: Equations = super().state_rows(self.moved(self.across, own))
            return rows

        def equations(self) -> Equations:
            """Return the equations, in which all currents are multiplied where there is no channel."""
            rows: Equations = super().equations()
            if self._flow is None:
                if len(self.terminals) != 2:
                    raise DeviceError(
                        f"{why} does not act on {self.ideal.name}, whose channel's current is not known",
                        expected="equations that pass it through self.channel(i)",
                        names=(self.ideal.name,),
                    )
                # the sum at an inner node stays zero, so that its voltage is the same as without the effects
                for name in (*self.terminals, *self.internals):
                    if name in rows.f:
                        rows.f[name] = rows.f[name] * self.multiplier()
                self._flow = rows.f[self.ends[0]]
            return rows

        def flowing(self) -> Any:
            """Return the current."""
            return self._flow

        def conductance(self, volts: Any) -> Any:
            """Return the channel's current over the voltage between its ends, at a voltage."""
            inner = {*(getattr(self, name) for name in self.internals), *(item.symbol for item in self.lets)}
            if self._flow.free_symbols & inner:
                raise DeviceError(
                    f"{why} does not act on {self.ideal.name}, whose inner voltages near equilibrium are not known",
                    expected="a device whose current follows from the voltages of its terminals and its states",
                    names=(self.ideal.name,),
                )
            plus, minus = (getattr(self, name) for name in self.ends)
            return self._flow.subs(plus, minus + volts) / volts

    return Own
