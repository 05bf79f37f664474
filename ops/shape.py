"""Shapes changed with copies where they must be, and the adjoints of views.

This file is parsed by tools/opgen and never imported.
"""

from opgen.stubs import Tensor, opaque


@opaque(d={"input": "select(g, dim, index)"}, public="")
def _select_backward(input: Tensor, size: list[int], dim: int, index: int) -> Tensor:
    """Zeros of ``size`` with ``input`` at ``index`` of ``dim``."""


@opaque(d={"input": "slice(g, dim, start, end, step)"}, public="")
def _slice_backward(input: Tensor, size: list[int], dim: int, start: int, end: int,
                    step: int) -> Tensor:
    """Zeros of ``size`` with ``input`` at the places of a slice."""


@opaque(d={"input": "sum_to_size(g, input.shape)"}, public="")
def _expand_reduced(input: Tensor, size: list[int], dim: list[int] | None, keepdim: bool) -> Tensor:
    """The adjoint of a sum: ``input`` repeated along the dimensions that were summed."""


@opaque(d={"input": "reshape(g, input.shape)"}, varargs="shape")
def reshape(input: Tensor, shape: list[int]) -> Tensor:
    """Other sizes, same elements: a view where memory allows, else a copy. One size may be -1.

    >>> wg.arange(4).reshape(2, -1)
    tensor([[0, 1],
            [2, 3]])
    """
