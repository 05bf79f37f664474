"""Tensors made from sizes and numbers.

This file is parsed by tools/opgen and never imported.
"""

from opgen.stubs import Number, Tensor, device, dtype, memory_format, opaque


@opaque(public="function")
def empty_like(input: Tensor, *, dtype: dtype | None = None, device: device | None = None,
               requires_grad: bool = False,
               memory_format: memory_format | None = None) -> Tensor:
    """Like ``input`` in sizes, dtype and layout, with memory that is not initialised.

    >>> wg.empty_like(wg.zeros(2, 3)).shape
    wengert.Size([2, 3])
    """


@opaque(public="function")
def zeros_like(input: Tensor, *, dtype: dtype | None = None, device: device | None = None,
               requires_grad: bool = False,
               memory_format: memory_format | None = None) -> Tensor:
    """Zeros, like ``input`` in sizes, dtype and layout.

    >>> wg.zeros_like(wg.tensor([1, 2]))
    tensor([0, 0])
    """


@opaque(public="function")
def ones_like(input: Tensor, *, dtype: dtype | None = None, device: device | None = None,
              requires_grad: bool = False,
              memory_format: memory_format | None = None) -> Tensor:
    """Ones, like ``input`` in sizes, dtype and layout.

    >>> wg.ones_like(wg.tensor([1, 2]))
    tensor([1, 1])
    """


@opaque(public="function")
def full_like(input: Tensor, fill_value: Number, *, dtype: dtype | None = None, device: device | None = None,
              requires_grad: bool = False,
              memory_format: memory_format | None = None) -> Tensor:
    """One value, like ``input`` in sizes, dtype and layout.

    >>> wg.full_like(wg.tensor([1, 2]), 7)
    tensor([7, 7])
    """


@opaque(public="method", varargs="size")
def new_empty(input: Tensor, size: list[int], *, dtype: dtype | None = None,
              device: device | None = None, requires_grad: bool = False) -> Tensor:
    """A tensor of the dtype of this one, with memory that is not initialised.

    >>> wg.tensor([1]).new_empty(2, 3).shape
    wengert.Size([2, 3])
    """


@opaque(public="method", varargs="size")
def new_zeros(input: Tensor, size: list[int], *, dtype: dtype | None = None,
              device: device | None = None, requires_grad: bool = False) -> Tensor:
    """Zeros of the dtype of this tensor.

    >>> wg.tensor([1]).new_zeros(2)
    tensor([0, 0])
    """


@opaque(public="method", varargs="size")
def new_ones(input: Tensor, size: list[int], *, dtype: dtype | None = None,
             device: device | None = None, requires_grad: bool = False) -> Tensor:
    """Ones of the dtype of this tensor.

    >>> wg.tensor([1]).new_ones(2)
    tensor([1, 1])
    """


@opaque(public="method")
def new_full(input: Tensor, size: list[int], fill_value: Number, *, dtype: dtype | None = None,
             device: device | None = None, requires_grad: bool = False) -> Tensor:
    """One value in the dtype of this tensor.

    >>> wg.tensor([1]).new_full((2,), 7)
    tensor([7, 7])
    """


@opaque(public="function")
def empty_strided(size: list[int], stride: list[int], *, dtype: dtype | None = None,
                  device: device | None = None, requires_grad: bool = False) -> Tensor:
    """A tensor with the given strides (in elements) whose memory is not initialised.

    >>> wg.empty_strided((2, 3), (1, 2)).stride()
    (1, 2)
    """


@opaque(out_variant=True, public="function")
def arange(start: Number = 0, end: Number | None = None, step: Number = 1, *,
           dtype: dtype | None = None, device: device | None = None,
           requires_grad: bool = False) -> Tensor:
    """The numbers from ``start`` up to, but without, ``end``; one argument is the end.

    Integers give int64, other numbers the default dtype.

    >>> wg.arange(1, 7, 2)
    tensor([1, 3, 5])
    """


@opaque(out_variant=True, public="function")
def linspace(start: Number, end: Number, steps: int, *, dtype: dtype | None = None,
             device: device | None = None, requires_grad: bool = False) -> Tensor:
    """``steps`` numbers, evenly spaced, from ``start`` to ``end`` inclusive.

    >>> wg.linspace(0, 1, 5)
    tensor([0.0000, 0.2500, 0.5000, 0.7500, 1.0000])
    """


@opaque(out_variant=True, public="function")
def eye(n: int, m: int | None = None, *, dtype: dtype | None = None,
        device: device | None = None, requires_grad: bool = False) -> Tensor:
    """Ones on the diagonal of a matrix of zeros.

    >>> wg.eye(2)
    tensor([[1., 0.],
            [0., 1.]])
    """
