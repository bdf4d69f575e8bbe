"""Samples at several corners or steps: the statistics of each, and all of them in one picture."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from circuitnn.errors import AnalysisError, nearest
from circuitnn.results.samples import Samples


class SampleFamily(Mapping[str, Samples]):
    """The Samples of each point of a deck's ``.step`` and ``.corner`` cards, by its name.

    Parameters
    ----------
    members : mapping of str to Samples
        ``hot``, ``r = 2000``, ``hot, r = 2000``.
    steps : list of dict of str to float
        Values of what is stepped, one a member; ``corner`` counts from 1.
    title : str

    Examples
    --------
    >>> from circuitnn.results.samples import Record
    >>> def around(middle):
    ...     return Samples([Record(k, measures={"gain": middle + k}) for k in range(3)])
    >>> family = SampleFamily({"cold": around(0.0), "hot": around(10.0)}, [{"corner": 1.0}, {"corner": 2.0}])
    >>> family.percentiles("gain", (0, 50)).tolist()
    [[0.0, 1.0], [10.0, 11.0]]
    """

    def __init__(self, members: Mapping[str, Samples], steps: list[dict[str, float]], title: str = "") -> None:
        self._members, self.steps, self.title = dict(members), steps, title

    def __getitem__(self, name: str) -> Samples:
        if name not in self._members:
            raise AnalysisError(
                f"there are no runs at {name!r}",
                names=(name,),
                hint=nearest(name, self._members) or f"there are {', '.join([*self._members][:8])}",
            )
        return self._members[name]

    def __contains__(self, name: object) -> bool:
        return name in self._members

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    def __repr__(self) -> str:
        return f"<SampleFamily: {'; '.join(self._members) or 'none'}>"

    def percentiles(self, name: str, q: ArrayLike = (5.0, 50.0, 95.0)) -> NDArray[np.float64]:
        """Return percentiles at each point, shape (members, len(q)) of measures; vectors have an axis of points more.

        Raises
        ------
        AnalysisError
            When the vector's axis is another at each point: ask the members then.
        """
        found = [samples.percentiles(name, q) for samples in self.values()]
        if len({part.shape for part in found}) > 1:
            raise AnalysisError(f"{name} has not the same points everywhere", names=(name,), hint="ask each member")
        return np.array(found)

    def plot(self, *names: str, **options: Any) -> Any:
        """Draw bands and histograms, a colour a member; see `circuitnn.results.bands.plot_samples`."""
        from circuitnn.results.bands import plot_samples

        return plot_samples(self, *names, **options)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write to ``.h5``/``.hdf5``, or measures alone to ``.csv``; raises as `Samples.save`."""
        from circuitnn.results.samples_file import write_samples

        write_samples(path, self)

    @staticmethod
    def load(path: str | os.PathLike[str]) -> SampleFamily:
        """Read what ``save`` wrote; raises as `Samples.load`."""
        from circuitnn.results.samples_file import read_samples

        return read_samples(path, SampleFamily)
