"""Faults and non-idealities: one file each, for any device and any array; see ``docs/nonidealities.md``."""

from __future__ import annotations

from typing import Any

from circuitnn.nonidealities.nonideality import Nonideality, from_dict, make
from circuitnn.registry import catalog

__all__ = ["Nonideality", "from_dict", "make"]


def __getattr__(name: str) -> Any:
    for stem in catalog("nonidealities").names():
        if "".join(part.title() for part in stem.split("_")) == name:
            return catalog("nonidealities").get(stem)
    raise AttributeError(f"module 'circuitnn.nonidealities' has no attribute {name!r}")


def __dir__() -> list[str]:
    stems = catalog("nonidealities").names()
    return sorted([*__all__, *("".join(part.title() for part in stem.split("_")) for stem in stems)])
