"""The trainer: data in, epochs of a learning rule, a history, checkpoints; with the verbs of scikit-learn."""

from __future__ import annotations

import os
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from circuitnn.errors import ConvergenceError, UsageError
from circuitnn.learning.checkpoint import Position, plain, read_training, write_training
from circuitnn.learning.history import Epoch, write_picture
from circuitnn.learning.rule import Rule, rule_of
from circuitnn.learning.settings import MOST_SEED, converted, whole
from circuitnn.registry import catalog

Array = NDArray[Any]

_CHUNK = 500  # examples, about, between looks at the clock
_PATIENCE = 30.0  # seconds between checkpoints within an epoch


class Trainer:
    """Trains a network of circuits by a learning rule.

    Parameters
    ----------
    rule : str
        Name of a rule, as ``circuitnn learn`` lists them.
    network : tuple of int, optional
        Sizes of layers. Where it is not given, the rule's own hidden layers are put between the data's sizes.
    epochs : int
        How often ``fit`` shows all examples.
    seed : int
        Of weights, devices, noise, and of the order of examples.
    **parameters
        Hyper-parameters of the rule; ``help`` of its class, ``circuitnn.learning.rules.NAME``, explains them.

    Attributes
    ----------
    rule : Rule
        Once there is one: with weights, devices and ``cost``.
    history : list of Epoch
    classes_ : ndarray or None
        Labels of the outputs; None where targets are values.

    Raises
    ------
    UsageError
        When the rule or a hyper-parameter is unknown or out of range.

    Examples
    --------
    >>> from circuitnn.demos.digits import load_digits
    >>> digits = load_digits()
    >>> trainer = Trainer("backpropagation", network=(64, 32, 10), epochs=3, rate=0.2, batch=16)
    >>> trainer.fit(digits.x_train, digits.y_train).score(digits.x_test, digits.y_test) > 0.9
    True
    """

    def __init__(
        self, rule: str, *, network: tuple[int, ...] | None = None, epochs: int = 10, seed: int = 0, **parameters: Any
    ) -> None:
        self.name = rule
        made = catalog("learning.rules").get(rule)
        self._given = converted(made, parameters, f"rule {rule}")
        self.network = None if network is None else _sizes(network)
        self.epochs = whole("epochs", epochs, 0)
        self.seed = whole("seed", seed, 0, MOST_SEED)
        self.history: list[Epoch] = []
        self.classes_: Array | None = None
        self._rule: Rule | None = None
        self._position = Position()

    def __repr__(self) -> str:
        done = f", {self._position.examples} examples learnt" if self._rule else ""
        return f"Trainer({self.name!r}{done})"

    @property
    def rule(self) -> Rule:
        """The rule with its network; raises UsageError before the first example."""
        if self._rule is None:
            raise UsageError("nothing has been learnt yet", hint="call fit or partial_fit first")
        return self._rule

    # ---- scikit-learn's way of copying estimators

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return all arguments by name, as scikit-learn asks for them."""
        return {"rule": self.name, "network": self.network, "epochs": self.epochs, "seed": self.seed, **self._given}

    def set_params(self, **parameters: Any) -> Trainer:
        """Set arguments; what was learnt is forgotten.

        Raises
        ------
        UsageError
            As the constructor.
        """
        arguments = self.get_params() | parameters
        self.__init__(arguments.pop("rule"), **arguments)  # type: ignore[misc]
        return self

    def __sklearn_tags__(self) -> Any:
        """Return what scikit-learn asks an estimator for; only that library calls it."""
        from sklearn.utils import ClassifierTags, Tags, TargetTags

        return Tags("classifier", TargetTags(required=True), classifier_tags=ClassifierTags())

    # ---- learning

    def fit(
        self,
        x: ArrayLike,
        y: ArrayLike,
        *,
        validation: tuple[ArrayLike, ArrayLike] | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        picture: str | os.PathLike[str] | None = None,
        progress: Callable[[float], None] | None = None,
        told: Callable[[Epoch], None] | None = None,
    ) -> Trainer:
        """Learn from the beginning: all examples, ``epochs`` times, each time in another order.

        Parameters
        ----------
        x : array_like, shape (samples, features)
        y : array_like, shape (samples,) or (samples, outputs)
            Labels of classes, or, with two axes, values.
        validation : tuple (x, y), optional
            Scored after each epoch, which leaves the network as it is.
        checkpoint : path, optional
            File for the whole state, written after each epoch and every half minute. If it is there already, training
            goes on from it and ends as it would have without a break.
        picture : path, optional
            File for a plot of score and energy, drawn anew after each epoch.
        progress : callable, optional
            Called with the fraction done.
        told : callable, optional
            Called with each ``Epoch``.

        Raises
        ------
        UsageError
            When data are not as described, do not fit the network, or are not those of the checkpoint.
        FileError
            When the checkpoint cannot be read or written.
        ConvergenceError
            When weights or outputs are no longer numbers; the checkpoint and ``history`` are those of the last epoch
            that ended well. Or when a network of circuits does not settle.
        """
        x, t, classes = self._targets(x, y)
        task = "values" if classes is None else "classes"
        data = f"{zlib.crc32(x.tobytes()):08x}{zlib.crc32(t.tobytes()):08x}"
        there = checkpoint is not None and Path(checkpoint).exists()
        if there:
            self._go_on(checkpoint, x, t, data)
        else:
            self._rule, self.history = self._made(x, t), []
            self._position = Position(data=data, task=task)
        self.classes_ = classes
        held = None if validation is None else self._validation(*validation)
        rule, at, count = self.rule, self._position, len(x)
        chunk = max(1, _CHUNK // rule.batch) * rule.batch
        saved = time.monotonic()
        while at.epoch < self.epochs:
            order = np.random.default_rng([self.seed, at.epoch]).permutation(count)
            began = time.perf_counter()
            while at.done < count:
                some = order[at.done : at.done + chunk]
                self._learn(x[some], t[some])
                at.done += len(some)
                at.examples += len(some)
                if progress is not None:
                    progress((at.epoch + at.done / count) / self.epochs)
                if checkpoint is not None and time.monotonic() - saved > _PATIENCE and at.done < count:
                    self._require_numbers()  # what has diverged does not overwrite what was good
                    self.save(checkpoint)
                    saved = time.monotonic()
            with self._within_floats():
                rule.end_epoch()
            self._require_numbers()
            at.epoch, at.done = at.epoch + 1, 0
            took = time.perf_counter() - began
            self.history.append(self._row(held, took))
            if checkpoint is not None:
                self.save(checkpoint)
                saved = time.monotonic()
            if picture is not None:
                write_picture(self.history, picture, self.name)
            if told is not None:
                told(self.history[-1])
        return self

    def partial_fit(self, x: ArrayLike, y: ArrayLike, classes: ArrayLike | None = None) -> Trainer:
        """Learn some more examples, once, in their order.

        Parameters
        ----------
        x, y : array_like
            As of ``fit``.
        classes : array_like, optional
            At the first call: all labels that will ever come; those of ``y`` where it is not given.

        Raises
        ------
        UsageError
            When data are not as described or do not fit what was learnt before.
        """
        known = self.classes_ if self._rule is not None else None if classes is None else np.unique(np.asarray(classes))
        x, t, found = self._targets(x, y, known)
        if self._rule is None:
            self._rule = self._made(x, t)
            self.classes_ = found
            self._position.task = "values" if found is None else "classes"
        self._fits(x, t)
        self._position.data = ""
        self._learn(x, t)
        self._position.examples += len(x)
        self._require_numbers()
        return self

    # ---- asking

    def outputs(self, x: ArrayLike) -> Array:
        """Return the network's outputs, shape (samples, outputs); the network stays as it is."""
        rule = self.rule
        found = _features(x)
        if found.shape[1] != rule.network[0]:
            raise UsageError(
                f"x has {found.shape[1]} features", expected=f"{rule.network[0]}, as the network has inputs"
            )
        if not len(found):
            return np.empty((0, rule.network[-1]))
        with self._undisturbed():
            parts = [rule.outputs(found[k : k + _CHUNK]) for k in range(0, len(found), _CHUNK)]
        outputs = np.concatenate(parts)
        if not np.isfinite(outputs).all():
            raise _diverged(self.name, "outputs are no finite numbers")
        return outputs

    def predict(self, x: ArrayLike) -> Array:
        """Return the class of each sample, shape (samples,), or, where values were learnt, the outputs."""
        outputs = self.outputs(x)
        return outputs if self.classes_ is None else self.classes_[outputs.argmax(axis=1)]

    def score(self, x: ArrayLike, y: ArrayLike) -> float:
        """Return the fraction of classes found, or R^2 of values, 1 at best."""
        found = self.predict(x)
        if self.classes_ is not None:
            return float(np.mean(found == np.asarray(y).reshape(-1)))
        wanted = np.asarray(y, np.float64).reshape(found.shape)
        return float(1.0 - np.sum((found - wanted) ** 2) / max(np.sum((wanted - wanted.mean(axis=0)) ** 2), 1e-300))

    # ---- files

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the training to an HDF5 file, from which ``load`` or ``fit`` go on; raise FileError when that fails."""
        write_training(path, self.name, self.rule, self._position, self.classes_, self.history)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Trainer:
        """Return a training from a file.

        Raises
        ------
        FileError
            When the file cannot be read or is no training.
        """
        name, rule, position, classes, history = read_training(path)
        given = rule.parameters()
        made = cls(name, network=given.pop("network"), epochs=position.epoch, seed=given.pop("seed"), **given)
        made._rule, made._position, made.classes_, made.history = rule, position, classes, history
        return made

    # ---- inside

    def _targets(self, x: ArrayLike, y: ArrayLike, known: Array | None = None) -> tuple[Array, Array, Array | None]:
        """Return features, targets, and labels of the outputs."""
        found, wanted = _features(x), np.asarray(y)
        if len(wanted) != len(found) or not len(found):
            raise UsageError(f"{len(found)} samples in x and {len(wanted)} in y", expected="as many, and at least one")
        if wanted.ndim == 2 and self.classes_ is None:
            return found, _features(wanted, "y"), None
        if wanted.ndim != 1 or wanted.dtype.kind not in "iubU":
            raise UsageError(
                f"y is {wanted.dtype} of shape {wanted.shape}",
                expected="labels, shape (samples,), or values, shape (samples, outputs)",
            )
        classes = np.unique(wanted) if known is None else known
        place = np.searchsorted(classes, wanted).clip(max=len(classes) - 1)
        if np.any(wrong := classes[place] != wanted):
            raise UsageError(f"the label {wanted[wrong][0]!r} is new", expected=f"one of {classes.tolist()}")
        if len(classes) < 2:
            raise UsageError(f"all labels are {wanted[0]!r}", expected="two classes or more")
        return found, np.eye(len(classes))[place], classes

    def _made(self, x: Array, t: Array) -> Rule:
        network = self.network
        if network is None:
            own = catalog("learning.rules").get(self.name).network  # a dataclass keeps defaults on the class
            network = (x.shape[1], *own[1:-1], t.shape[1])
        rule = rule_of(self.name, network=network, seed=self.seed, **self._given)
        self._rule = rule
        self._fits(x, t)
        return rule

    def _fits(self, x: Array, t: Array) -> None:
        network = self.rule.network
        if (x.shape[1], t.shape[1]) != (network[0], network[-1]):
            raise UsageError(
                f"the data have {x.shape[1]} features and {t.shape[1]} outputs",
                expected=f"those of the network {'-'.join(map(str, network))}",
            )

    def _go_on(self, path: Any, x: Array, t: Array, data: str) -> None:
        """Take up the training in a checkpoint, if it is of this rule, these numbers and these data."""
        name, rule, position, _, history = read_training(path)
        fresh = self._made(x, t)
        if (name, plain(rule.parameters())) != (self.name, plain(fresh.parameters())):
            raise UsageError(
                f"{path} is a training by {name} with other hyper-parameters",
                hint="give another name for the checkpoint, or the same hyper-parameters",
            )
        if position.data != data:
            raise UsageError(f"{path} is a training on other data", hint="give another name for the checkpoint")
        self._rule, self._position, self.history = rule, position, history

    def _learn(self, x: Array, t: Array) -> None:
        with self._within_floats():
            self.rule.learn(x, t)

    @contextmanager
    def _within_floats(self) -> Iterator[None]:
        """Turn overflows of plain numbers, which NumPy's do silently, into divergence."""
        try:
            yield
        except (OverflowError, FloatingPointError) as error:
            raise _diverged(self.name, "a number is too large") from error

    def _require_numbers(self) -> None:
        """Raise ConvergenceError when the state is no longer one of finite numbers."""
        for name, value in self.rule.arrays().items():
            if value.dtype.kind == "f" and not np.isfinite(value).all():
                raise _diverged(self.name, f"{name} holds what is no finite number")

    def _validation(self, x: ArrayLike, y: ArrayLike) -> tuple[Array, Array]:
        found, wanted = _features(x), np.asarray(y)
        if len(found) != len(wanted) or not len(found):
            raise UsageError(f"the validation data have {len(found)} samples in x and {len(wanted)} in y")
        return found, wanted

    def _row(self, held: tuple[Array, Array] | None, took: float) -> Epoch:
        at, cost = self._position, self.rule.cost
        score = None if held is None else self.score(*held)
        return Epoch(at.epoch, at.examples, score, cost.joules, cost.pulses, cost.seconds, took)

    @contextmanager
    def _undisturbed(self) -> Iterator[None]:
        """Put everything back afterwards: random numbers, counters, devices that reads wear."""
        kept = {name: np.array(value) for name, value in self.rule.arrays().items()}
        try:
            yield
        finally:
            self.rule.restore(kept)


def _sizes(network: Any) -> tuple[int, ...]:
    """Return sizes of layers as plain whole numbers."""
    if not isinstance(network, tuple | list) or len(network) < 2:
        raise UsageError(f"network is {network!r}", expected="sizes of two layers or more, such as (784, 100, 10)")
    for size in network:
        whole("a layer of the network", size)
    return tuple(network)  # itself where it is a tuple: scikit-learn insists


def _diverged(name: str, what: str) -> ConvergenceError:
    return ConvergenceError(f"training by {name} has diverged: {what}", hint="a smaller rate")


def _features(x: ArrayLike, what: str = "x") -> Array:
    """Return a table of finite numbers, shape (samples, features); samples of more axes are flattened."""
    try:
        found = np.asarray(x)
        found = found.astype(np.float64) if found.dtype.kind in "iub" else found
        good = found.dtype.kind == "f" and found.ndim >= 2
        good = good and bool(np.isfinite(found).all())
    except (TypeError, ValueError):
        good = False
    if not good:
        raise UsageError(f"{what} is no table of finite numbers", expected="shape (samples, features)")
    return found.reshape(len(found), int(np.prod(found.shape[1:])))
