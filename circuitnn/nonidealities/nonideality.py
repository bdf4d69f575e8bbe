"""What a non-ideality is: its parameters, when it happens, and what it does to conductances and to devices."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from circuitnn.devices.declare import Device, Environment, Param, Values
from circuitnn.errors import DeviceError, UsageError, nearest
from circuitnn.registry import catalog
from circuitnn.units import parse_value

if TYPE_CHECKING:
    from circuitnn.nonidealities.sites import Sites

Array = NDArray[np.float64]

#: The order in which effects act, whatever their order in a list: cells are made, programmed, left alone, fail, and
#: are read.
STAGES = ("build", "program", "age", "fault", "read")


@dataclass(frozen=True)
class Word:
    """A parameter that is a word.

    Parameters
    ----------
    default : str or None
        None: it must be given.
    choices : tuple of str
        All words allowed; empty for any.
    doc, source : str
    """

    default: str | None
    choices: tuple[str, ...] = ()
    doc: str = ""
    source: str = ""

    if TYPE_CHECKING:

        def __get__(self, instance: Any, owner: Any) -> Any: ...


class Nonideality:
    """Base of all effects; a module of this package exports one as ``EXPORT``, and its name is the file's.

    A subclass declares parameters by `Param` and `Word`, in the order in which they may be given without names, and
    one or more of the hooks:

    ``change(g, sites)``
        What becomes of an array of conductances. Memristors of one bounded state start at the state that conducts so,
        unless one of the other hooks says how they change.
    ``set_up(device, columns, sites, env)``
        What becomes of parameters and initial states of devices.
    ``extend(device)``
        A device class with other currents, rates, noise or more states.

    Every effect takes ``seed`` too; without it the seed is that of the circuit, crossbar or layout.

    Examples
    --------
    >>> from circuitnn import nonidealities
    >>> effect = nonidealities.Variability("ron", sigma="20%")
    >>> effect
    Variability(parameter='ron', sigma=0.2)
    >>> nonidealities.from_dict(effect.to_dict()) == effect
    True
    """

    stage: ClassVar[str] = "build"
    random: ClassVar[bool] = True
    params: ClassVar[dict[str, Param | Word]] = {}
    words: ClassVar[frozenset[str]] = frozenset()
    kind: ClassVar[str] = ""

    seed = Param(None, "1", low=0.0, integer=True, doc="seed of its random numbers; that of the whole when not given")

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        own = {name: value for name, value in vars(cls).items() if isinstance(value, Param | Word)}
        for name, value in own.items():
            if not value.doc or (isinstance(value, Param) and not value.unit):
                raise DeviceError(f"parameter {name!r} of {cls.__name__} lacks a unit or a doc", names=(name,))
        cls.params = {**{k: v for k, v in cls.params.items() if k != "seed"}, **own, "seed": Nonideality.seed}
        cls.words = frozenset(name for name, param in cls.params.items() if isinstance(param, Word))
        cls.kind = cls.__module__.rpartition(".")[2]

    def __init__(self, *args: Any, **values: Any) -> None:
        names = list(self.params)
        if len(args) > len(names) - 1:
            raise UsageError(f"{self.kind} takes {len(names) - 1} parameters", expected=", ".join(names))
        for name, value in zip(names, args, strict=False):
            if name in values:
                raise UsageError(f"{self.kind}: {name!r} is given twice", names=(name,))
            values[name] = value
        for name in values:
            if name not in self.params:
                raise UsageError(
                    f"{self.kind} has no parameter {name!r}", expected=", ".join(names), hint=nearest(name, names)
                )
        for name, param in self.params.items():
            given = values.get(name)
            object.__setattr__(self, name, param.default if given is None else _value(self.kind, name, param, given))
        for name, param in self.params.items():
            if isinstance(param, Word) and getattr(self, name) is None:
                raise UsageError(f"{self.kind} needs {name!r}", expected=param.doc, names=(name,))
        self.check()

    def check(self) -> None:
        """Raise UsageError when parameters do not fit together."""

    def __setattr__(self, name: str, value: Any) -> None:
        raise UsageError(f"{self.kind}: an effect does not change", hint=f"make another one with {name}={value!r}")

    def given(self) -> dict[str, float | str]:
        """Return the parameters that differ from their defaults."""
        return {name: getattr(self, name) for name, p in self.params.items() if getattr(self, name) != p.default}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.given().items())})"

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and isinstance(other, Nonideality) and other.given() == self.given()

    def __hash__(self) -> int:
        return hash((self.kind, *self.given().items()))

    def to_dict(self) -> dict[str, float | str]:
        """Return the effect as plain data, for JSON: its ``kind`` and the parameters that differ from defaults."""
        return {"kind": self.kind, **self.given()}

    @property
    def stream(self) -> str:
        """The name of its random numbers: two effects of one name in one place draw different ones all the same."""
        return self.kind

    @property
    def window(self) -> tuple[float, float] | None:
        """The range of conductance, S, to which the effect confines cells; None for most effects."""
        return None

    # ------------------------------------------------------------------ hooks
    def change(self, g: Array, sites: Sites) -> Array:
        """Return what becomes of conductances, S, of the shape of ``sites``."""
        raise NotImplementedError

    def set_up(self, device: type[Device], columns: Values, sites: Sites, env: Environment) -> Values:
        """Return the columns of the device's parameters as they become, each of shape (n,), NaN where not given."""
        raise NotImplementedError

    @classmethod
    def extend(cls, device: Any) -> Any:
        """Return a subclass of a memristor class with the effect in its equations."""
        raise NotImplementedError

    @classmethod
    def has(cls, hook: str) -> bool:
        """Return whether a hook is given."""
        return getattr(getattr(cls, hook), "__func__", getattr(cls, hook)) is not getattr(
            getattr(Nonideality, hook), "__func__", getattr(Nonideality, hook)
        )


def _value(kind: str, name: str, param: Param | Word, given: Any) -> float | str:
    if isinstance(param, Word):
        word = str(given).lower()
        if param.choices and word not in param.choices:
            raise UsageError(
                f"{kind}: {name} is {word!r}", expected=", ".join(param.choices), hint=nearest(word, param.choices)
            )
        return word
    if isinstance(given, str) and re.fullmatch(r"\s*[-+.\de]+\s*%\s*", given):
        value = float(given.strip().rstrip("%")) / 100.0
    else:
        try:
            value = parse_value(given) if isinstance(given, str) else float(given)
        except (TypeError, ValueError, UsageError):
            raise UsageError(f"{kind}: {name} is {given!r}", expected=f"a number ({param.doc})") from None
    param.check(kind, name, value)
    return value


def make(kind: str, values: Mapping[str, Any]) -> Nonideality:
    """Return the effect of a kind, the name of its file.

    Raises
    ------
    UsageError, DeviceError
        For a kind or parameter that there is not, or a value out of its range.

    Examples
    --------
    >>> make("levels", {"count": 32})
    Levels(count=32.0)
    """
    effect: Nonideality = catalog("nonidealities").get(kind)(**values)
    return effect


def from_dict(data: Mapping[str, Any]) -> Nonideality:
    """Return the effect that ``to_dict`` described."""
    values = dict(data)
    kind = values.pop("kind", None)
    if not isinstance(kind, str):
        raise UsageError(f"{dict(data)!r} names no kind of non-ideality", expected='{"kind": "levels", ...}')
    return make(kind, values)
