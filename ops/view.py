"""Views: the same memory seen with other sizes and strides.

This file is parsed by tools/opgen and never imported.
"""

from opgen.stubs import Tensor, view


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


@view(d={"input": "sum_to_size(g, input.shape)"}, public="method", varargs="size")
def expand(input: Tensor, size: list[int], *, implicit: bool = False) -> Tensor:
    """Dimensions of size 1 repeated without copying; -1 keeps a size.

    >>> wg.tensor([[1], [2]]).expand(2, 3)
    tensor([[1, 1, 1],
            [2, 2, 2]])
    """


@view(d={"input": "transpose(g, dim0, dim1)"}, aliases="swapaxes swapdims")
def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """Two dimensions swapped.

    >>> wg.zeros(2, 3).transpose(0, 1).shape
    Size([3, 2])
    """


@view(d={"input": "_unpermute(g, dims)"}, varargs="dims")
def permute(input: Tensor, dims: list[int]) -> Tensor:
    """The dimensions in another order.

    >>> wg.zeros(2, 3, 4).permute(2, 0, 1).shape
    Size([4, 2, 3])
    """


@view(d={"input": "permute(g, dims)"}, public="")
def _unpermute(input: Tensor, dims: list[int]) -> Tensor:
    """Undoes ``permute`` with the same ``dims``."""


@view(d={"input": "squeeze(g, [dim])"})
def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """A dimension of size 1 inserted before ``dim``.

    >>> wg.zeros(3).unsqueeze(0).shape
    Size([1, 3])
    """


@view(d={"input": "reshape(g, input.shape)"})
def squeeze(input: Tensor, dim: list[int] | None = None) -> Tensor:
    """Dimensions of size 1 removed: all, or those in ``dim``.

    >>> wg.zeros(1, 3, 1).squeeze().shape
    Size([3])
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
