"""Several effects one after the other: on arrays of conductances, and on devices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitnn.devices.declare import Device, Environment, Param, Values
from circuitnn.devices.load import compile_kernels
from circuitnn.errors import DeviceError, UsageError
from circuitnn.nonidealities.frame import framed
from circuitnn.nonidealities.nonideality import STAGES, Nonideality
from circuitnn.nonidealities.sites import Sites
from circuitnn.nonidealities.states import through_states

Array = NDArray[np.float64]


def check_effects(effects: Any) -> tuple[Nonideality, ...]:
    """Return effects as a tuple, in the order in which they act.

    Raises
    ------
    UsageError
        When something else is among them.
    """
    found = (effects,) if isinstance(effects, Nonideality) else tuple(effects or ())
    for effect in found:
        if not isinstance(effect, Nonideality):
            raise UsageError(
                f"{effect!r} is no non-ideality", expected="objects such as circuitnn.nonidealities.Levels(count=16)"
            )
    return tuple(sorted(found, key=lambda effect: STAGES.index(effect.stage)))


def check_seed(effects: Sequence[Nonideality], seed: int | None) -> int | None:
    """Return a seed, None where none is needed; raise UsageError for one that is none, or missing."""
    if seed is None and not any(effect.random and effect.seed is None for effect in effects):
        return None
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        named = next((f"{e.kind} needs a seed, and " for e in effects if e.random and e.seed is None), "")
        raise UsageError(f"{named}seed is {seed!r}", expected="an integer from 0 on", names=("seed",))
    return int(seed)


@dataclass(frozen=True)
class Chain:
    """The effects on one array.

    Parameters
    ----------
    effects : sequence of Nonideality
    seed : int, optional
    label : str
        Name of the array; arrays of different names have different random numbers.
    window : (float, float), optional
        Range of conductance that programming reaches, S.
    temp : float, K
    """

    effects: tuple[Nonideality, ...] = ()
    seed: int | None = None
    label: str = ""
    window: tuple[float, float] | None = None
    temp: float = 300.15

    @classmethod
    def of(
        cls,
        effects: Iterable[Nonideality] | Nonideality | Chain | None,
        seed: int | None = None,
        label: str = "",
        window: tuple[float, float] | None = None,
        temp: float = 300.15,
    ) -> Chain:
        """Return a chain of checked effects in the order in which they act; a chain as it is."""
        if isinstance(effects, Chain):
            return effects
        ordered = check_effects(effects)
        if not 0.0 < temp < np.inf:
            raise UsageError(f"temp is {temp:g} K", expected="above absolute zero, finite", names=["temp"])
        return cls(ordered, check_seed(ordered, seed), label, window, temp)

    def __bool__(self) -> bool:
        return bool(self.effects)

    @property
    def reads(self) -> bool:
        """Whether every read of the array differs."""
        return any(effect.stage == "read" for effect in self.effects)

    @property
    def between_reads(self) -> Chain:
        """The effects that do not act on reads."""
        return replace(self, effects=tuple(effect for effect in self.effects if effect.stage != "read"))

    @property
    def at_reads(self) -> Chain:
        """The effects that act on reads alone."""
        return replace(self, effects=tuple(effect for effect in self.effects if effect.stage == "read"))

    def of_array(self, label: str) -> Chain:
        """Return the chain of another array."""
        return replace(self, label=label)

    def written(self, g: Array) -> Array:
        """Return conductances as they are after all but the reads, shape (rows, cols)."""
        return self._changed(g, [stage for stage in STAGES if stage != "read"], 0)

    def read(self, g: Array, number: int, sites: Sites | None = None) -> Array:
        """Return conductances as read ``number`` finds them."""
        return self._changed(g, ["read"], number, sites)

    def _changed(self, g: Array, stages: Sequence[str], number: int, sites: Sites | None = None) -> Array:
        sites = Sites.of_array((g.shape[0], g.shape[1]), self.label) if sites is None else sites
        sites = replace(sites, window=self.window, temp=self.temp, read=number)
        met: Counter[str] = Counter()
        for effect in self.effects:
            occurrence = met[effect.stream]
            met[effect.stream] += 1
            sites = replace(sites, window=narrowed(effect, sites.window))
            if effect.stage not in stages:
                continue
            if not effect.has("change"):
                raise UsageError(
                    f"{effect.kind} does not act on an array of conductances",
                    expected=acts_on(effect),
                    names=(effect.kind,),
                )
            g = effect.change(g, self._for(effect, sites, np.full(g.shape, occurrence)))
        return g

    def _for(self, effect: Nonideality, sites: Sites, again: Any) -> Sites:
        return seeded(effect, sites, self.seed, again)

    # ------------------------------------------------------------------ devices
    def set_up(self, device: type[Device], columns: Values, sites: Sites, env: Environment) -> Values:
        """Return the parameters of devices, of the class that `extended` gives, as the effects leave them."""
        met: Counter[str] = Counter()
        for effect in self.effects:
            again = np.full(sites.shape, met[effect.stream])
            columns = set_up(effect, device, columns, seeded(effect, sites, self.seed, again), env)
            met[effect.stream] += 1
        return columns


def seeded(effect: Nonideality, sites: Sites, seed: int | None, again: Any) -> Sites:
    """Return the sites with the random numbers of an effect, which may act ``again`` on some."""
    own = seed if effect.seed is None else int(effect.seed)
    return replace(sites, seed=own, stream=effect.stream, again=again)


def narrowed(effect: Nonideality, window: tuple[float, float] | None) -> tuple[float, float] | None:
    """Return the range of conductance after an effect."""
    own = effect.window
    if own is None or window is None:
        return own or window
    return max(own[0], window[0]), min(own[1], window[1])


def acts_on(effect: Nonideality) -> str:
    """Return where an effect acts, in words."""
    found = ["arrays of conductances"] if effect.has("change") else []
    if effect.has("extend"):
        found.append("devices with states and one current between two terminals")
    elif effect.has("set_up"):
        found.append("devices with such parameters")
    elif effect.stage != "read":
        found.append("memristors of one state with bounds")
    return " and ".join(found)


def set_up(effect: Nonideality, device: type[Device], columns: Values, sites: Sites, env: Environment) -> Values:
    """Return parameters and initial states of devices, shape (n,), as one effect leaves them.

    Raises
    ------
    DeviceError, UsageError
        When the effect cannot act on the device.
    """
    sites = replace(sites, temp=env.temp)
    if effect.has("extend") and type(effect) not in getattr(device, "kinds", ()):
        raise DeviceError(f"{effect.kind} does not act on {device.name}", expected="a memristor of two terminals")
    if effect.has("set_up"):
        return effect.set_up(device, columns, sites, env)
    if effect.has("extend"):
        return columns
    if effect.stage == "read" or not effect.has("change"):
        raise DeviceError(
            f"{effect.kind} does not act on {device.name}", expected=acts_on(effect), names=(effect.kind, device.name)
        )
    return through_states(effect, device, columns, sites, env)


def extended(device: Any, effects: Sequence[Nonideality]) -> Any:
    """Return the device class whose equations hold the effects, compiled; the class itself where none changes them.

    Raises
    ------
    DeviceError
        When the device has no states or no current that effects could act on, or an effect is given twice.
    """
    kinds = [type(effect) for effect in effects if effect.has("extend")]
    for kind in kinds:
        if kinds.count(kind) > 1:
            raise DeviceError(f"{kind.kind} acts twice on {device.name}", expected="one of a kind that moves in time")
    return _extended(device, tuple(kinds)) if kinds else device


@cache
def gained(device: Any) -> Any:
    """Return a device class whose currents are multiplied by ``read_gain``, compiled: what a read finds of a cell.

    Raises
    ------
    DeviceError
        When the device has no states, or no current of its own between two terminals.
    """
    base: Any = framed(device, "an effect on reads")

    class Gained(base):
        __doc__ = device.__doc__

        read_gain = Param(1.0, "1", low=0.0, doc="what a read multiplies the current by", on="instance")

        def multiplier(self) -> Any:
            """Return the gain, beside that of other effects."""
            return super().multiplier() * self.read_gain

    Gained.ideal, Gained.name = getattr(device, "ideal", device), f"{device.name}_read"
    compile_kernels(Gained)
    return Gained


@cache
def _extended(device: Any, kinds: tuple[type[Nonideality], ...]) -> Any:
    made = framed(device, kinds[0].kind if len(kinds) == 1 else "one of " + ", ".join(kind.kind for kind in kinds))
    made.ideal, made.name = device, device.name
    for kind in kinds:
        below = made.name
        made = kind.extend(made)
        made.name = f"{below}_{kind.kind}"
    made.kinds = frozenset(kinds)
    compile_kernels(made)
    return made
