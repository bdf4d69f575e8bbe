"""Results as pandas DataFrames and xarray Datasets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from circuitnn.errors import missing_extra

if TYPE_CHECKING:
    from collections.abc import Sequence

    from circuitnn.results.result import Result


def to_pandas(result: Result) -> Any:
    """Return a DataFrame with one column a variable, indexed by the axis; one row for a single point.

    Raises
    ------
    MissingExtraError
        When pandas is not installed.
    """
    try:
        import pandas as pd
    except ImportError:
        raise missing_extra("pandas", "frames", "to_pandas") from None
    first = 1 if result.has_axis else 0
    index = None if not result.has_axis else pd.Index(result.axis, name=result.variables[0].name)
    return pd.DataFrame(result.data[:, first:], index=index, columns=[v.name for v in result.variables[first:]])


def stack(results: Sequence[Result]) -> Any:
    """Return the DataFrames of many steps as one, with what was stepped as the outer levels of its index.

    ``.to_xarray()`` of it has a dimension for each.

    Raises
    ------
    MissingExtraError
        When pandas is not installed.
    """
    frames = [to_pandas(result) for result in results]
    import pandas as pd

    for result, frame in zip(results, frames, strict=True):
        axis = [] if result.kind == "op" else [frame.index]
        columns = [*([value] * len(frame) for value in result.step.values()), *axis]
        if columns:
            names = [*result.step, *(index.name for index in axis)]
            frame.index = pd.MultiIndex.from_arrays(columns, names=names)
    return pd.concat(frames)


def to_xarray(result: Result) -> Any:
    """Return a Dataset; attributes ``units`` hold the unit of each variable, outer sweeps come first as dimensions.

    Raises
    ------
    MissingExtraError
        When xarray is not installed.
    """
    try:
        import xarray as xr
    except ImportError:
        raise missing_extra("xarray", "frames", "to_xarray") from None
    attributes = {"title": result.title, "analysis": result.kind, "command": result.command}
    columns: dict[str, Any]
    dims: tuple[str, ...]
    if not result.has_axis:
        columns = {v.name: ((), result.data[0, k], {"units": v.unit}) for k, v in enumerate(result.variables)}
        return xr.Dataset(columns, attrs=attributes)
    axis = result.variables[0]
    if result.sweeps:
        dims = (*result.sweeps, axis.name)
        axis_values = result.grid(axis.name).reshape(-1, result.grid(axis.name).shape[-1])[0]
        columns = {v.name: (dims, result.grid(v.name), {"units": v.unit}) for v in result.variables[1:]}
    else:
        dims, axis_values = (axis.name,), result.axis
        columns = {v.name: (dims, result.data[:, k], {"units": v.unit}) for k, v in enumerate(result.variables) if k}
    coords = {**result.sweeps, axis.name: (axis.name, axis_values, {"units": axis.unit})}
    return xr.Dataset(columns, coords=coords, attrs=attributes)
