"""Crossbars in PyTorch: output currents as a function of conductances, voltages and wires, with gradients."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import numpy as np

from circuitnn.crossbar.crossbar import Crossbar
from circuitnn.errors import missing_extra

if TYPE_CHECKING:
    from torch import Tensor


def crossbar_currents(
    v: Tensor, G: Tensor, r_word: Tensor | float = 1.0, r_bit: Tensor | float = 1.0, **wires: Any
) -> Tensor:
    """Return the currents of a crossbar, differentiable by voltages, conductances and segment resistances.

    Forward solves the circuit, backward solves its adjoint once more (see ``Crossbar.vjp``).

    Parameters
    ----------
    v : torch.Tensor, shape (rows,) or (batch, rows), V
    G : torch.Tensor, shape (rows, cols), S
    r_word, r_bit : float or torch.Tensor, ohm
        One number, shape (rows,) and (cols,), or by segment; as of ``Crossbar``.
    **wires
        Further arguments of ``Crossbar``; without gradients.

    Returns
    -------
    torch.Tensor, shape (cols,) or (batch, cols), A

    Raises
    ------
    MissingExtraError
        When torch is not installed.

    Examples
    --------
    >>> import torch                                                        # doctest: +SKIP
    >>> G = torch.full((2, 1), 1e-3, dtype=torch.float64, requires_grad=True)   # doctest: +SKIP
    >>> crossbar_currents(torch.tensor([0.1, 0.2]), G).sum().backward()     # doctest: +SKIP
    """
    try:
        torch = importlib.import_module("torch")
    except ImportError:
        raise missing_extra("torch", "torch", "crossbar_currents") from None

    class Currents(torch.autograd.Function):  # type: ignore[name-defined]
        """The solution, and its adjoint."""

        @staticmethod
        def forward(ctx: Any, *given: Any) -> Any:
            """Solve."""
            values = [_array(x) for x in given]
            xb = Crossbar(values[1], values[2], values[3], **wires)
            ctx.crossbar, ctx.values, ctx.given = xb, values, given
            return torch.as_tensor(xb.solve(values[0]).currents, dtype=given[0].dtype, device=given[0].device)

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            """Solve the adjoint."""
            found = ctx.crossbar.vjp(ctx.values[0], _array(grad))
            by = (found.v, found.G, found.r_word, found.r_bit)
            return tuple(
                torch.as_tensor(_like(d, np.shape(x)), dtype=t.dtype, device=t.device) if wanted else None
                for d, x, t, wanted in zip(by, ctx.values, ctx.given, ctx.needs_input_grad, strict=True)
            )

    return Currents.apply(v, G, r_word, r_bit)


def _array(x: Any) -> Any:
    return x.detach().cpu().numpy().astype(np.float64) if hasattr(x, "detach") else x


def _like(by_segment: Any, shape: tuple[int, ...]) -> Any:
    """Sum derivatives by segments over those that share one resistance."""
    if by_segment is None:  # ideal wires
        return np.zeros(shape)
    if shape == ():
        return by_segment.sum()
    return by_segment.sum(axis=1) if len(shape) == 1 and by_segment.ndim == 2 else by_segment
