"""Shapes changed with copies where they must be, and the adjoints of views.

This file is parsed by tools/opgen and never imported.
"""

from opgen.stubs import Tensor, opaque, view


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


@view(d={"input": "reshape(g, input.shape)"}, varargs="shape")
def reshape(input: Tensor, shape: list[int]) -> Tensor:
    """Other sizes, same elements: a view where memory allows, else a copy. One size may be -1.

    >>> wg.arange(4).reshape(2, -1)
    tensor([[0, 1],
            [2, 3]])
    """


@opaque(public="")
def nonzero(input: Tensor) -> Tensor:
    """The coordinates of the non-zero elements, [count, dimensions], row-major.

    >>> wg.tensor([0, 3, 4]).nonzero()
    tensor([[1],
            [2]])
    """


@opaque(d={"input": "_index_backward(g, input.shape, indices)"}, public="")
def index(input: Tensor, indices: list[Tensor | None]) -> Tensor:
    """``input[indices]`` with one index tensor (or None) per leading dimension."""


@opaque(d={"input": "index(g, indices)"}, public="")
def _index_backward(input: Tensor, size: list[int], indices: list[Tensor | None]) -> Tensor:
    """Zeros of ``size`` with ``input`` added at ``indices``."""


@opaque(public="", d={"input": "g if accumulate else index_put(g, indices, _zeros(values.shape, g.dtype))",
           "values": "index(g, indices)"}, inplace=True)
def index_put(input: Tensor, indices: list[Tensor | None], values: Tensor,
              accumulate: bool = False) -> Tensor:
    """``input`` with ``values`` written (or added) at ``indices``.

    >>> wg.zeros(3).index_put((wg.tensor([1]),), wg.tensor(5.0))
    tensor([0., 5., 0.])
    """
