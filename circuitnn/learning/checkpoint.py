"""Trainings as HDF5 files: a rule's name and hyper-parameters, its whole state, and how far it has come.

attributes   format = "circuitnn-training", version, rule, parameters (JSON), position (JSON: epoch, done, examples,
             data, task), classes (JSON: null or a list)
history      dataset, a row an epoch, columns as ``history.Epoch``; not a number where there is no score
state/NAME   datasets, one an array of ``Rule.arrays``
"""

from __future__ import annotations

import json
import math
import os
from dataclasses import astuple, dataclass
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitnn.errors import CircuitnnError, FileError, UsageError
from circuitnn.learning.history import Epoch
from circuitnn.learning.rule import Rule, rule_of
from circuitnn.learning.settings import MOST_SEED, one_of, whole
from circuitnn.learning.synapses.synapse import SynapseKind
from circuitnn.mapping.datasets import item, stored
from circuitnn.results.atomic import replacing
from circuitnn.results.regular import require_regular

Array = NDArray[Any]
FORMAT = "circuitnn-training"
VERSION = 1
_HISTORY = 7  # columns
_TEXTS, _COSTS = ("rng", "kinds"), "cost.values"


@dataclass
class Position:
    """How far a training has come.

    Attributes
    ----------
    epoch : int
        Epochs done.
    done : int
        Examples of the present epoch done.
    examples : int
        Examples learnt in all.
    data : str
        Fingerprint of the data of ``fit``; empty after ``partial_fit``.
    task : {"classes", "values"}
        What targets are.
    """

    epoch: int = 0
    done: int = 0
    examples: int = 0
    data: str = ""
    task: str = "classes"


def write_training(
    path: str | os.PathLike[str],
    name: str,
    rule: Rule,
    position: Position,
    classes: Array | None,
    history: list[Epoch],
) -> None:
    """Write a training, whole or not at all; raise FileError when that fails."""
    import h5py

    whole = BytesIO()
    with h5py.File(whole, "w", libver="latest") as file:
        file.attrs.update(
            {
                "format": FORMAT,
                "version": VERSION,
                "rule": name,
                "parameters": json.dumps(plain(rule.parameters())),
                "position": json.dumps(position.__dict__),
                "classes": json.dumps(None if classes is None else classes.tolist()),
            }
        )
        rows = [[math.nan if v is None else float(v) for v in astuple(row)] for row in history]
        file["history"] = np.array(rows, np.float64).reshape(-1, _HISTORY)
        for key, value in rule.arrays().items():
            file[f"state/{key}"] = np.ascontiguousarray(value)
    with replacing(path) as temporary, temporary.open("wb") as stream:
        stream.write(whole.getbuffer())


def plain(parameters: dict[str, Any]) -> dict[str, Any]:
    """Return hyper-parameters as JSON has them; kinds of synapses as their name and numbers."""
    found: dict[str, Any] = {}
    for key, value in parameters.items():
        if isinstance(value, SynapseKind):
            numbers = ",".join(f"{k}={v!r}" if not isinstance(v, str) else f"{k}={v}" for k, v in vars(value).items())
            name = type(value).__module__.rpartition(".")[2]
            value = f"{name}:{numbers}" if numbers else name
        found[key] = list(value) if isinstance(value, tuple) else value
    return found


def read_training(path: str | os.PathLike[str]) -> tuple[str, Rule, Position, Array | None, list[Epoch]]:
    """Return what ``write_training`` wrote: the rule's name, the rule in its state, position, classes, history.

    Raises
    ------
    FileError
        When the file cannot be read, is no training, or is damaged.
    """
    import h5py

    try:
        size = require_regular(path, "a file that a training wrote").st_size
        with h5py.File(path, "r") as file:
            if file.attrs.get("format") != FORMAT:
                raise FileError(f"{path} holds no training", expected=f"a file of format {FORMAT}")
            if file.attrs.get("version") != VERSION:
                raise FileError(
                    f"{path} is of version {file.attrs.get('version')}",
                    expected=f"version {VERSION}",
                    hint="train anew with this version of circuitnn",
                )
            name = str(file.attrs["rule"])
            given = json.loads(file.attrs["parameters"])
            parameters = {key: tuple(v) if isinstance(v, list) else v for key, v in given.items()}
            rule = rule_of(name, **parameters)
            position = Position(**json.loads(file.attrs["position"]))
            classes = json.loads(file.attrs["classes"])
            _require_position(position, classes, rule)
            rows = stored(item(file, "history"), size).reshape(-1, _HISTORY).tolist()
            history = [Epoch(int(r[0]), int(r[1]), None if math.isnan(r[2]) else r[2], *r[3:]) for r in rows]
            state = item(file, "state")
            arrays = {key: _any(item(state, key), size) for key in state}
            _require_state(rule, arrays)
            rule.restore(arrays)
    except CircuitnnError as error:
        if isinstance(error, FileError):
            raise
        raise FileError(f"{path} is no training that can go on: {error.message}", hint=error.hint) from error
    except (
        OSError,
        LookupError,
        ValueError,
        TypeError,
        AttributeError,
        RuntimeError,
        ArithmeticError,
        MemoryError,
    ) as error:
        raise FileError(f"cannot read {path}: {error}", expected="a file that a training wrote") from error
    return name, rule, position, None if classes is None else np.array(classes), history


def _any(dataset: Any, size: int) -> Array:
    """Return a dataset of whatever plain type it is."""
    if dataset.dtype.kind not in "fiub":
        raise FileError(f"{dataset.name} holds {dataset.dtype}", expected="numbers")
    return stored(dataset, size, dataset.dtype)


def _require_position(position: Position, classes: Any, rule: Rule) -> None:
    """Raise UsageError unless counters are counts, and there is a label an output where there are labels."""
    for name in ("epoch", "done", "examples"):
        whole(name, getattr(position, name), 0, MOST_SEED)
    one_of("task", position.task, ("classes", "values"))
    if not isinstance(position.data, str):
        raise UsageError("the data's fingerprint is no text")
    good = isinstance(classes, list) and len(classes) == rule.network[-1]
    if good:
        good = (
            len({type(c) for c in classes}) == 1
            and isinstance(classes[0], int | str)
            and len(set(classes)) == len(classes)
        )
    if not good if position.task == "classes" else classes is not None:
        raise UsageError(f"{classes!r} are no labels", expected=f"{rule.network[-1]} of them")


def _require_state(rule: Rule, arrays: dict[str, Array]) -> None:
    """Raise UsageError unless arrays are, by type, shape and sign, those of the rule as it is made."""
    for key, fresh in rule.arrays().items():
        if key not in arrays:
            raise UsageError(f"{key} is missing")
        found = arrays[key]
        # texts, and kinds of work, which come up one after the other, are as long as they are
        shape = found.shape[:1] + fresh.shape[1:] if key.rpartition(".")[2] in _TEXTS or key == _COSTS else fresh.shape
        if found.dtype != fresh.dtype or found.shape != shape:
            raise UsageError(
                f"{key} is {found.dtype} of shape {found.shape}", expected=f"{fresh.dtype} of shape {fresh.shape}"
            )
    for key, found in arrays.items():
        if found.dtype.kind == "f" and not np.isfinite(found).all():
            raise UsageError(f"{key} holds what is no finite number")
        if (key == _COSTS or (found.dtype.kind == "i" and not key.endswith("polarity"))) and np.any(found < 0):
            raise UsageError(f"{key} holds negative counts")
        if key == "pace" and not np.all((found >= 0.0) & (found <= 1.0)):
            raise UsageError("the rate has grown", expected="a pace from 0 to 1")
