"""Views: the same memory seen with other sizes and strides.

This file is parsed by tools/opgen and never imported.
"""

from opgen.stubs import Tensor, dtype, opaque, view


@view(d={"input": "_alias(g)"}, public="")
def _alias(input: Tensor) -> Tensor:
    """A view of everything."""


@view(d={"input": "reshape(g, input.shape)"}, public="method", varargs="size")
def view(input: Tensor, size: list[int]) -> Tensor:
    """The same memory with other sizes; one size may be -1.

    Raises RuntimeError where the memory does not allow it: use ``reshape`` then.

    >>> wg.arange(4).view(2, 2)
    tensor([[0, 1],
            [2, 3]])
    """


@view(d={"input": "sum_to_size(g, input.shape)"}, public="method", varargs="size", batch="rule")
def expand(input: Tensor, size: list[int], *, implicit: bool = False) -> Tensor:
    """Dimensions of size 1 repeated without copying; -1 keeps a size.

    >>> wg.tensor([[1], [2]]).expand(2, 3)
    tensor([[1, 1, 1],
            [2, 2, 2]])
    """


@view(d={"input": "transpose(g, dim0, dim1)"}, aliases="swapaxes swapdims", inplace=True)
def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """Two dimensions swapped.

    >>> wg.zeros(2, 3).transpose(0, 1).shape
    wengert.Size([3, 2])
    """


@view(d={"input": "_unpermute(g, dims)"}, varargs="dims", batch="permute(input, _past_batch(dims))")
def permute(input: Tensor, dims: list[int]) -> Tensor:
    """The dimensions in another order.

    >>> wg.zeros(2, 3, 4).permute(2, 0, 1).shape
    wengert.Size([4, 2, 3])
    """


@view(d={"input": "permute(g, dims)"}, public="", batch="_unpermute(input, _past_batch(dims))")
def _unpermute(input: Tensor, dims: list[int]) -> Tensor:
    """Undoes ``permute`` with the same ``dims``."""


@view(d={"input": "squeeze(g, [dim])"}, inplace=True)
def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """A dimension of size 1 inserted before ``dim``.

    >>> wg.zeros(3).unsqueeze(0).shape
    wengert.Size([1, 3])
    """


@view(overload="dim", d={"input": "reshape(g, input.shape)"}, inplace=True)
def squeeze(input: Tensor, dim: list[int] | None = None) -> Tensor:
    """Dimensions of size 1 removed: all, or those in ``dim``.

    >>> wg.zeros(1, 3, 1).squeeze().shape
    wengert.Size([3])
    """


@view(d={"input": "_select_backward(g, input.shape, dim, index)"})
def select(input: Tensor, dim: int, index: int) -> Tensor:
    """The slice at ``index``, without its dimension.

    >>> wg.tensor([[1, 2], [3, 4]]).select(1, 0)
    tensor([1, 3])
    """


@view(d={"input": "_slice_backward(g, input.shape, dim, start, end, step)"}, public="")
def slice(input: Tensor, dim: int, start: int, end: int, step: int) -> Tensor:
    """``input[start:end:step]`` along ``dim``; bounds are within the size."""


@view(d={"input": "g"}, public="function")
def real(input: Tensor) -> Tensor:
    """The real part: a view of a complex tensor, a real tensor itself.

    >>> wg.real(wg.tensor([1 + 2j]))
    tensor([1.])
    """


@view(d={"input": "complex(g * 0, g)"}, public="function")
def imag(input: Tensor) -> Tensor:
    """The imaginary part, as a view. Raises RuntimeError for real tensors.

    >>> wg.imag(wg.tensor([1 + 2j]))
    tensor([2.])
    """


@view(d={"input": "complex(select(g, -1, 0), select(g, -1, 1))"}, public="function",
      samples=[{"input": "randn(3, 2) + 1j * randn(3, 2)"}, {"input": "randn(0, 2) * 1j"}],
      ref="lambda input: np.stack([input.real, input.imag], -1)")
def view_as_real(input: Tensor) -> Tensor:
    """A complex tensor as real numbers, with a last dimension for the two parts.

    >>> wg.view_as_real(wg.tensor([1 + 2j]))
    tensor([[1., 2.]])
    """


@view(autocast="high", d={"input": "view_as_real(g)"}, public="function",
      samples=[{"input": "randn(3, 2)"}, {"input": "randn(2, 0, 2)"}],
      ref="lambda input: input[..., 0] + 1j * input[..., 1]")
def view_as_complex(input: Tensor) -> Tensor:
    """Pairs of real numbers, in a last dimension of size 2, as complex numbers.

    >>> wg.view_as_complex(wg.tensor([[1.0, 2.0]]))
    tensor([1.+2.j])
    """


@view(node="Slice", d={"input": "_narrow_backward(g, input.shape, dim, start, length)"},
      samples=[{"input": "randn(4, 3)", "dim": "0", "start": "1", "length": "2"},
               {"input": "randn(4, 3)", "dim": "-1", "start": "-2", "length": "2"},
               {"input": "randn(4)", "dim": "0", "start": "4", "length": "0"}])
def narrow(input: Tensor, dim: int, start: int, length: int) -> Tensor:
    """``length`` elements along ``dim``, from ``start`` on.

    >>> wg.tensor([1, 2, 3, 4]).narrow(0, 1, 2)
    tensor([2, 3])
    """


@view(node="Split", d={"input": "cat(g, dim)"},
      samples=[{"input": "randn(5, 3)", "split_sizes": "[2, 0, 3]"},
               {"input": "randn(2, 3)", "split_sizes": "[1, 2]", "dim": "-1"}])
def split_with_sizes(input: Tensor, split_sizes: list[int], dim: int = 0) -> list[Tensor]:
    """Consecutive parts along ``dim``, of the given sizes.

    >>> wg.tensor([1, 2, 3]).split_with_sizes([1, 2])
    (tensor([1]), tensor([2, 3]))
    """


@view(d={"input": "stack(g, dim)"},
      samples=[{"input": "randn(3, 2)"}, {"input": "randn(3, 2)", "dim": "-1"}])
def unbind(input: Tensor, dim: int = 0) -> list[Tensor]:
    """All slices along ``dim``, without that dimension.

    >>> wg.tensor([[1, 2], [3, 4]]).unbind()
    (tensor([1, 2]), tensor([3, 4]))
    """


@view(d={"input": "_diagonal_backward(g, input.shape, offset, dim1, dim2)"},
      samples=[{"input": "randn(3, 4)"}, {"input": "randn(2, 3, 4)", "offset": "-1", "dim1": "-1",
                "dim2": "0"}, {"input": "randn(2, 2)", "offset": "5"}],
      ref="lambda input, offset=0, dim1=0, dim2=1: np.diagonal(input, offset, dim1, dim2)")
def diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """The diagonal of the matrices in two dimensions, as a last dimension.

    >>> wg.tensor([[1, 2], [3, 4]]).diagonal()
    tensor([1, 4])
    """


@view(d={"input": "_unfold_backward(g, input.shape, dimension, size, step)"}, public="method",
      samples=[{"input": "randn(7, 2)", "dimension": "0", "size": "3", "step": "2"},
               {"input": "randn(3)", "dimension": "-1", "size": "3", "step": "1"}])
def unfold(input: Tensor, dimension: int, size: int, step: int) -> Tensor:
    """All windows of ``size`` elements along ``dimension``, ``step`` apart; the elements of a
    window are a last dimension.

    >>> wg.tensor([1, 2, 3, 4]).unfold(0, 2, 1)
    tensor([[1, 2],
            [2, 3],
            [3, 4]])
    """


@opaque(samples=[{"input": "randn(6)", "size": "(2, 2)", "stride": "(3, 1)", "storage_offset": "1"},
                 {"input": "randn(4)", "size": "(3, 2)", "stride": "(1, 1)"}], batch="through")
def as_strided(input: Tensor, size: list[int], stride: list[int],
               storage_offset: int | None = None) -> Tensor:
    """A view with any sizes, strides and offset, in elements of the memory that ``input`` is in.

    >>> wg.tensor([1, 2, 3, 4]).as_strided((3, 2), (1, 1))
    tensor([[1, 2],
            [2, 3],
            [3, 4]])
    """


@view(d={"input": "_as_strided_scatter(g, base_size, base_stride, base_offset, size, stride, offset)"},
      public="", batch="rule")
def _as_strided(input: Tensor, base_size: list[int], base_stride: list[int], base_offset: int,
                size: list[int], stride: list[int], offset: int) -> Tensor:
    """``as_strided``, where the geometry of ``input`` is repeated for the derivative."""


@opaque(public="")
def _view_dtype(input: Tensor, dtype: dtype) -> Tensor:
    """The same bytes read as another dtype; the last dimension grows or shrinks to fit. Carries no
    gradient."""


@opaque(public="function method", batch="by hand")
def detach_(input: Tensor) -> Tensor:
    """Cuts this tensor off from its history; returns it.

    >>> x = wg.ones(1, requires_grad=True)
    >>> (x * 2).detach_().requires_grad
    False
    """


@opaque(public="method", batch="refuse")
def set_(input: Tensor, source: Tensor) -> Tensor:
    """Gives this tensor the memory, sizes and strides of ``source``; returns it.

    Raises RuntimeError if the dtypes differ, or if a gradient flows into either of the two while
    operations are recorded: what was computed from the old values would lose its meaning.

    >>> x, y = wg.zeros(2), wg.tensor([1.0, 2.0, 3.0])
    >>> x.set_(y)
    tensor([1., 2., 3.])
    >>> x.data_ptr() == y.data_ptr()
    True
    """


@opaque(public="method", varargs="size", batch="refuse")
def resize_(input: Tensor, size: list[int]) -> Tensor:
    """Gives this tensor other sizes, row-major; returns it. Its memory grows where it must: what is
    new there is not initialised.

    >>> wg.tensor([1, 2, 3]).resize_(2)
    tensor([1, 2])
    """
