"""Results as pandas DataFrames and xarray Datasets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from circuitnn.errors import missing_extra

if TYPE_CHECKING:
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
