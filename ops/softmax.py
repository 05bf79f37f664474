"""Softmax and its logarithm.

This file is parsed by tools/opgen and never imported. The adjoints run as one kernel; where a graph
of the backward pass is recorded they are written out of other operators instead.
"""

from opgen.stubs import Tensor, dtype, opaque


@opaque(d={"input": "_softmax_vjp(g, y, dim)"},
        samples=[{"input": "randn(3, 4)", "dim": 1}, {"input": "randn(2, 3, 4)", "dim": -2},
                 {"input": "randn(5) * 100", "dim": 0}, {"input": "randn(0, 3)", "dim": 0}], jvp={"input": "_softmax_vjp(t, y, dim)"})
def softmax(input: Tensor, dim: int, dtype: dtype | None = None) -> Tensor:
    """``exp(input)`` scaled to sum to one along ``dim``; computed in ``dtype`` if that is given.

    >>> wg.softmax(wg.tensor([0.0, 0.0]), 0)
    tensor([0.5000, 0.5000])
    """


@opaque(d={"input": "_log_softmax_vjp(g, y, dim)"},
        samples=[{"input": "randn(3, 4)", "dim": 1}, {"input": "randn(2, 3, 4)", "dim": -2},
                 {"input": "randn(5) * 100", "dim": 0}, {"input": "randn(0, 3)", "dim": 0}], jvp={"input": "t - sum(exp(y) * t, [dim], True)"})
def log_softmax(input: Tensor, dim: int, dtype: dtype | None = None) -> Tensor:
    """``log(softmax(input))``, without overflow or cancellation.

    >>> wg.log_softmax(wg.tensor([0.0, 0.0]), 0)
    tensor([-0.6931, -0.6931])
    """


@opaque(public="", batch="through")
def _softmax_vjp(grad: Tensor, output: Tensor, dim: int) -> Tensor:
    """``output * (grad - sum(grad * output))``."""


@opaque(public="", batch="through")
def _log_softmax_vjp(grad: Tensor, output: Tensor, dim: int) -> Tensor:
    """``grad - exp(output) * sum(grad)``."""
