"""What every importer has in common."""

from __future__ import annotations

from typing import Any, Protocol

from circuitnn.mapping.graph import Graph


class Importer(Protocol):
    """A network format."""

    def matches(self, network: Any) -> bool:
        """Return whether the object is of this format; must not import the format's library for it."""

    def read(self, network: Any, **options: Any) -> Graph:
        """Return the network; raise MappingError naming all that cannot be mapped. Options have names."""
