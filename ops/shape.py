"""Shapes changed with copies where they must be, and the adjoints of views.

This file is parsed by tools/opgen and never imported.
"""

from opgen.stubs import Number, Tensor, memory_format, opaque, view


@opaque(d={"input": "select(g, dim, index)"}, public="")
def _select_backward(input: Tensor, size: list[int], dim: int, index: int) -> Tensor:
    """Zeros of ``size`` with ``input`` at ``index`` of ``dim``."""


@opaque(d={"input": "slice(g, dim, start, end, step)"}, public="")
def _slice_backward(input: Tensor, size: list[int], dim: int, start: int, end: int,
                    step: int) -> Tensor:
    """Zeros of ``size`` with ``input`` at the places of a slice."""


@opaque(d={"input": "sum(g, dim, keepdim)"}, public="")
def _expand_reduced(input: Tensor, size: list[int], dim: list[int] | None, keepdim: bool) -> Tensor:
    """The adjoint of a sum: ``input`` repeated along the dimensions that were summed."""


@view(node="View", d={"input": "reshape(g, input.shape)"}, varargs="shape")
def reshape(input: Tensor, shape: list[int]) -> Tensor:
    """Other sizes, same elements: a view where memory allows, else a copy. One size may be -1.

    >>> wg.arange(4).reshape(2, -1)
    tensor([[0, 1],
            [2, 3]])
    """


@opaque(public="", batch="dynamic")
def nonzero(input: Tensor) -> Tensor:
    """The coordinates of the non-zero elements, [count, dimensions], row-major.

    >>> wg.tensor([0, 3, 4]).nonzero()
    tensor([[1],
            [2]])
    """


@opaque(d={"input": "_index_backward(g, input.shape, indices)"}, public="", batch="rule")
def index(input: Tensor, indices: list[Tensor | None]) -> Tensor:
    """``input[indices]`` with one index tensor (or None) per leading dimension."""


@opaque(d={"input": "index(g, indices)"}, public="", batch="rule")
def _index_backward(input: Tensor, size: list[int], indices: list[Tensor | None]) -> Tensor:
    """Zeros of ``size`` with ``input`` added at ``indices``."""


@opaque(public="", d={"input": "g if accumulate else index_put(g, indices, _zeros(values.shape, g.dtype))",
           "values": "index(g, indices)"}, inplace=True, batch="rule")
def index_put(input: Tensor, indices: list[Tensor | None], values: Tensor,
              accumulate: bool = False) -> Tensor:
    """``input`` with ``values`` written (or added) at ``indices``.

    >>> wg.zeros(3).index_put((wg.tensor([1]),), wg.tensor(5.0))
    tensor([0., 5., 0.])
    """


@opaque(d={"input": "narrow(g, dim, start, length)"}, public="")
def _narrow_backward(input: Tensor, size: list[int], dim: int, start: int, length: int) -> Tensor:
    """Zeros of ``size`` with ``input`` in a part of ``dim``."""


@opaque(d={"input": "diagonal(g, offset, dim1, dim2)"}, public="")
def _diagonal_backward(input: Tensor, size: list[int], offset: int, dim1: int, dim2: int) -> Tensor:
    """Zeros of ``size`` with ``input`` on a diagonal."""


@opaque(d={"input": "unfold(g, dimension, window, step)"}, public="")
def _unfold_backward(input: Tensor, size: list[int], dimension: int, window: int,
                     step: int) -> Tensor:
    """Zeros of ``size`` to which the windows of ``input`` are added."""


@opaque(node="Clone", d={"input": "g"}, public="method",
        samples=[{"input": "randn(2, 3)"}, {"input": "randn(2, 3).T"}], ref="lambda input: input")
def contiguous(input: Tensor, *, memory_format: memory_format | None = None) -> Tensor:
    """The tensor itself where it is row-major (or in the given format) without gaps, else such a copy.

    >>> wg.zeros(2, 3).t().contiguous().stride()
    (2, 1)
    """


@opaque(d={"tensors": "_cat_backward(g, _sizes_along(tensors.shape, dim), dim)"}, out_variant=True,
        public="function", aliases="concat concatenate",
        samples=[{"tensors": "[randn(2, 3), randn(1, 3)]"},
                 {"tensors": "[randn(2, 0), randn(2, 3)]", "dim": "-1"}],
        ref="lambda tensors, dim=0: np.concatenate(tensors, dim)", batch="rule")
def cat(tensors: list[Tensor], dim: int = 0) -> Tensor:
    """Joined along an existing dimension. Empty vectors are left out.

    >>> wg.cat([wg.tensor([1, 2]), wg.tensor([3])])
    tensor([1, 2, 3])
    """


@opaque(d={"input": "cat(g, dim)"}, public="")
def _cat_backward(input: Tensor, sizes: list[int], dim: int) -> list[Tensor]:
    """The parts of ``input`` along ``dim``; a size of -1 stands for an empty vector."""


@opaque(d={"tensors": "unbind(g, dim)"}, out_variant=True, public="function",
        samples=[{"tensors": "[randn(2, 3), randn(2, 3)]"},
                 {"tensors": "[randn(2), randn(2)]", "dim": "-1"}],
        ref="lambda tensors, dim=0: np.stack(tensors, dim)")
def stack(tensors: list[Tensor], dim: int = 0) -> Tensor:
    """Joined along a new dimension.

    >>> wg.stack([wg.tensor([1, 2]), wg.tensor([3, 4])], 1)
    tensor([[1, 3],
            [2, 4]])
    """


@opaque(d={"input": "flip(g, dims)"}, varargs="dims",
        samples=[{"input": "randn(2, 3)", "dims": "(0, 1)"}, {"input": "randn(2, 3)", "dims": "(-1,)"},
                 {"input": "randn(2, 0)", "dims": "(1,)"}],
        ref="lambda input, dims: np.flip(input, dims)")
def flip(input: Tensor, dims: list[int]) -> Tensor:
    """The order along ``dims`` reversed, in new memory.

    >>> wg.tensor([1, 2, 3]).flip(0)
    tensor([3, 2, 1])
    """


@opaque(d={"input": "roll(g, _negated(shifts), dims)"}, batch="rule",
        samples=[{"input": "randn(2, 3)", "shifts": "(1, -2)", "dims": "(0, 1)"},
                 {"input": "randn(2, 3)", "shifts": "(4,)"}],
        ref="lambda input, shifts, dims=None: np.roll(input, shifts if dims is not None else shifts[0], dims)")
def roll(input: Tensor, shifts: list[int], dims: list[int] | None = None) -> Tensor:
    """Elements moved along ``dims``; what leaves on one side enters on the other. Without
    ``dims``, along the flattened tensor.

    >>> wg.tensor([1, 2, 3]).roll(1)
    tensor([3, 1, 2])
    """


@opaque(d={"input": "tril(g, diagonal)"}, inplace=True, out_variant=True,
        samples=[{"input": "randn(3, 4)"}, {"input": "randn(2, 3, 3)", "diagonal": "-1"},
                 {"input": "randn(3, 2)", "diagonal": "5"}],
        ref="lambda input, diagonal=0: np.tril(input, diagonal)")
def tril(input: Tensor, diagonal: int = 0) -> Tensor:
    """The lower triangle of each matrix; zeros above ``diagonal``.

    >>> wg.ones(2, 2).tril()
    tensor([[1., 0.],
            [1., 1.]])
    """


@opaque(d={"input": "triu(g, diagonal)"}, inplace=True, out_variant=True,
        samples=[{"input": "randn(3, 4)"}, {"input": "randn(2, 3, 3)", "diagonal": "1"},
                 {"input": "randn(3, 2)", "diagonal": "-5"}],
        ref="lambda input, diagonal=0: np.triu(input, diagonal)")
def triu(input: Tensor, diagonal: int = 0) -> Tensor:
    """The upper triangle of each matrix; zeros below ``diagonal``.

    >>> wg.ones(2, 2).triu()
    tensor([[1., 1.],
            [0., 1.]])
    """


@opaque(node="ConstantPadNd", d={"input": "_pad_constant(g, _negated(pad), 0)"}, public="",
        samples=[{"input": "randn(2, 3)", "pad": "[1, 2]", "value": "0"},
                 {"input": "randn(4, 3)", "pad": "[-1, 2, 1, -2]", "value": "1.5"}], jvp={"input": "_pad_constant(t, pad, 0)"})
def _pad_constant(input: Tensor, pad: list[int], value: Number) -> Tensor:
    """Margins of ``value``: (before, after) for the last dimension, then the one before it ...;
    negative margins crop."""
