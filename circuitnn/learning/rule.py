"""What every learning rule is: hyper-parameters, a network of circuits, and one verb that drives and pulses it."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from circuitnn.errors import UsageError
from circuitnn.learning.cost import Cost
from circuitnn.learning.settings import MOST, MOST_SEED, converted, typed, whole
from circuitnn.registry import catalog

Array = NDArray[Any]


@dataclass(kw_only=True, eq=False)
class Rule(ABC):
    """A learning rule together with the hardware that it trains.

    A rule is a file in ``circuitnn/learning/rules``: a dataclass whose fields are its hyper-parameters, which a user
    sets by name in Python and at the command line.

    Parameters
    ----------
    network : tuple of int
        Sizes: inputs, hidden layers, outputs.
    batch : int
        Examples between two updates.
    seed : int
        Of all that is random: initial weights, devices, noise.

    Attributes
    ----------
    rng : numpy.random.Generator
    cost : Cost
        Work of the hardware so far.

    Raises
    ------
    UsageError
        When a hyper-parameter is out of range; names it.
    """

    network: tuple[int, ...] = (784, 100, 10)
    batch: int = 1
    seed: int = 0

    #: One line for lists of rules, and where the rule was published.
    title: ClassVar[str] = ""
    source: ClassVar[str] = ""

    def __post_init__(self) -> None:
        sizes = self.network
        if not isinstance(sizes, tuple | list) or len(sizes) < 2:
            raise UsageError(f"network is {sizes!r}", expected="sizes of two layers or more, such as (784, 100, 10)")
        self.network = tuple(whole("a layer of the network", size) for size in sizes)
        for inputs, outputs in pairwise(self.network):
            if inputs * outputs > MOST:
                raise UsageError(f"a layer has {inputs} x {outputs} weights", expected=f"at most {MOST}")
        typed(self)
        self.batch = whole("batch", self.batch)
        self.seed = whole("seed", self.seed, 0, MOST_SEED)
        self.rng = np.random.default_rng(self.seed)
        self.cost = Cost()
        try:
            self.build()
        except MemoryError as error:
            raise UsageError(
                "there is no memory for a rule of these sizes", expected="a smaller network or batch, or fewer steps"
            ) from error

    @abstractmethod
    def build(self) -> None:
        """Check the other hyper-parameters, and make weights and devices from ``rng``."""

    @abstractmethod
    def learn(self, x: Array, t: Array) -> None:
        """Learn examples in their order, ``batch`` at a time.

        Parameters
        ----------
        x : ndarray, shape (samples, inputs)
            As the user gives them: pixels from 0 to 1, features. How they become volts or spikes is up to the rule.
        t : ndarray, shape (samples, outputs)
            Targets: 1 for an example's class and 0 for the others, or values.
        """

    @abstractmethod
    def outputs(self, x: Array) -> Array:
        """Return outputs, shape (samples, outputs); of classes, the largest is meant."""

    def end_epoch(self) -> None:  # noqa: B027 (most rules do nothing here)
        """Do what is due when all examples have been seen once: decay of rates, transfers."""

    def parameters(self) -> dict[str, Any]:
        """Return all hyper-parameters by name."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.init}

    def arrays(self) -> dict[str, Array]:
        """Return the whole state: what ``restore`` needs to go on as if nothing had happened."""
        return {"rng": generator_state(self.rng), **self.cost.arrays()}

    def restore(self, arrays: dict[str, Array]) -> None:
        """Take over a state that ``arrays`` of a rule of the same hyper-parameters gave."""
        set_generator_state(self.rng, arrays["rng"])
        self.cost.restore(arrays)


def generator_state(rng: np.random.Generator) -> Array:
    """Return a generator's state as bytes, shape (bytes,)."""
    return np.frombuffer(json.dumps(rng.bit_generator.state).encode(), np.uint8)


def set_generator_state(rng: np.random.Generator, state: Array) -> None:
    """Set a generator to a state that ``generator_state`` gave.

    Examples
    --------
    >>> rng, again = np.random.default_rng(1), np.random.default_rng(2)
    >>> set_generator_state(again, generator_state(rng))
    >>> bool(rng.random() == again.random())
    True
    """
    rng.bit_generator.state = json.loads(bytes(state))


def part(arrays: dict[str, Array], prefix: str) -> dict[str, Array]:
    """Return the entries of a stored state whose names begin with ``prefix``, without it.

    Examples
    --------
    >>> part({"layer0.weights": np.zeros(1), "pace": np.ones(1)}, "layer0.")
    {'weights': array([0.])}
    """
    return {name.removeprefix(prefix): value for name, value in arrays.items() if name.startswith(prefix)}


def copy_into(target: Array, stored: Array, what: str) -> None:
    """Fill an array with a stored one of the same shape and type.

    Raises
    ------
    UsageError
        When they differ in shape or type: the state is of another network.
    """
    if stored.shape != target.shape or stored.dtype != target.dtype:
        raise UsageError(
            f"{what} of the stored state is {stored.dtype} of shape {stored.shape}",
            expected=f"{target.dtype} of shape {target.shape}",
            hint="it belongs to a rule of other hyper-parameters",
        )
    target[...] = stored


def rule_of(name: str, **parameters: Any) -> Rule:
    """Return a rule by the name of its file; text among the hyper-parameters is read as what it stands for.

    Raises
    ------
    UsageError
        When the rule or a hyper-parameter is unknown or out of range.

    Examples
    --------
    >>> rule_of("backpropagation", network="64-32-10", rate="0.05").rate
    0.05
    """
    made = catalog("learning.rules").get(name)
    rule: Rule = made(**converted(made, parameters, f"rule {name}"))
    return rule
