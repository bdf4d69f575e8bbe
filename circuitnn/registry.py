"""The catalog that finds a device, analysis, directive or importer by its file's name, so no list is kept by hand.

A catalog belongs to one package. The stem of each public module in that package, or in a subpackage of it, is the
registered name; the module's ``EXPORT`` attribute is the object. Nothing is imported before it is asked for.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from circuitnn.errors import CircuitnnError, UsageError, nearest


class Catalog:
    """Names to objects, one public module each.

    Parameters
    ----------
    package : str
        Dotted name of the package whose modules are the entries.
    kind : str
        What an entry is called in messages, for example ``"device"``.
    skip : tuple of str
        Module stems in that package that are machinery, not entries.
    """

    def __init__(self, package: str, kind: str, skip: tuple[str, ...] = ()) -> None:
        self.package = package
        self.kind = kind
        self._skip = frozenset(skip)
        self._modules: dict[str, str] | None = None
        self._objects: dict[str, Any] = {}

    def _find(self) -> dict[str, str]:
        if self._modules is None:
            found: dict[str, str] = {}
            root = importlib.import_module(self.package)
            for name in self._walk(list(root.__path__), self.package):
                stem = self._entry(name)
                if stem in found:
                    raise CircuitnnError(
                        f"two files register the {self.kind} {stem!r}",
                        names=(found[stem], name),
                        hint="rename one of them",
                    )
                found[stem] = name
            self._modules = found
        return self._modules

    def _walk(self, paths: list[str], prefix: str) -> Iterator[str]:
        for info in pkgutil.iter_modules(paths):
            if info.name.startswith("_") or info.name in self._skip:
                continue
            dotted = f"{prefix}.{info.name}"
            if info.ispkg:
                yield from self._walk([str(Path(path) / info.name) for path in paths], dotted)
            else:
                yield dotted

    def _entry(self, module: str) -> str:
        """Return the name under which a module is registered."""
        return module.rpartition(".")[2]

    def names(self) -> list[str]:
        """Return all registered names, sorted."""
        return sorted({*self._find(), *self._objects})

    def __contains__(self, name: object) -> bool:
        return name in self._objects or name in self._find()

    def get(self, name: str) -> Any:
        """Return the object registered as ``name``; raise UsageError with the nearest name when there is none."""
        if name not in self._objects:
            dotted = self._find().get(name)
            if dotted is None:
                raise UsageError(f"unknown {self.kind} {name!r}", hint=nearest(name, self.names()))
            self._objects[name] = self._object_of(importlib.import_module(dotted), name)
        return self._objects[name]

    def _object_of(self, module: Any, name: str) -> Any:
        export = getattr(module, "EXPORT", None)
        if export is None:
            raise CircuitnnError(
                f"{module.__name__} does not say which object is the {self.kind} {name!r}", hint="EXPORT = ..."
            )
        return export

    def all(self) -> dict[str, Any]:
        """Return every entry by name, importing each."""
        return {name: self.get(name) for name in self.names()}

    def register(self, name: str, value: Any) -> None:
        """Add an entry at run time; a name that is taken by a file of the package is refused."""
        if name in self._find():
            raise UsageError(f"the {self.kind} {name!r} exists already", hint="choose another name")
        self._objects[name] = value


_SKIP: dict[str, tuple[str, tuple[str, ...]]] = {
    "devices": (
        "device",
        (
            "backends",
            "blocks",
            "declare",
            "derive",
            "emit",
            "emit_python",
            "vectors",
            "load",
            "symbolic",
            "physics",
            "magnetism",
            "junction",
            "gradual",
            "mosfet",
            "bipolar",
            "behavioural",
            "typeset",
            "notation",
            "cards",
            "compiled",
            "llg",
            "merz",
            "gate",
            "closing",
            "dimensions",
            "domain",
            "singular",
            "written",
        ),
    ),
    "nonidealities": ("non-ideality", ("nonideality", "sites", "states", "chain", "engine", "frame", "thermal")),
    "analyses": ("analysis", ("analysis",)),
    "netlist.cards": ("directive", ("card",)),
    "mapping.importers": (
        "network format",
        ("importer", "builder", "onnx_operators", "onnx_shaping", "torch_operators", "torch_shaping"),
    ),
    "mapping.operators": ("family of operators", ("node", "activations", "axes")),
    "mapping.encodings": ("encoding", ("encoding",)),
    "learning.rules": ("learning rule", ()),
    "learning.synapses": ("kind of synapses", ("synapse",)),
    "cli.commands": ("command", ()),
    "bench.cases": ("benchmark", ()),
    "runs.control.commands": ("group of commands", ()),
}


class BlockCatalog(Catalog):
    """Subsystems with ports that a netlist calls whole: ``NAME/block.py`` of a package NAME is ``.model x NAME``."""

    def __init__(self) -> None:
        super().__init__("circuitnn", "block", ("mna",))  # mna/block.py states what a block is

    def _walk(self, paths: list[str], prefix: str) -> Iterator[str]:
        for info in pkgutil.iter_modules(paths):
            inner = [str(Path(path) / info.name) for path in paths]
            if info.name not in self._skip and any(m.name == "block" for m in pkgutil.iter_modules(inner)):
                yield f"{prefix}.{info.name}.block"

    def _entry(self, module: str) -> str:
        return module.split(".")[-2]


@cache
def catalog(layer: str) -> Catalog:
    """Return the catalog of a layer: ``"devices"``, ``"analyses"``, ``"netlist.cards"``, ``"blocks"``, ...

    A lower layer reaches an upper one only this way, by name, so that imports keep pointing down.

    Examples
    --------
    >>> "tran" in catalog("analyses")
    True
    """
    if layer == "blocks":
        return BlockCatalog()
    kind, skip = _SKIP[layer]
    return Catalog(f"circuitnn.{layer}", kind, skip)
