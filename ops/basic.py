"""Copies, casts, creation, and the helpers that gradients are made of.

This file is parsed by tools/opgen and never imported.
"""

from opgen.stubs import Number, Tensor, device, dtype, elementwise, memory_format, opaque


@elementwise(node="Mul", f="strong_product(input, other)",
             d={"input": "other"},
             vjp={"other": "_strong_factors(g, conj(input))"},
             jvp={"other": "_strong_factors(t, input)"},
             dtypes="float complex", public="",
             ref="lambda g, d: np.where((g == 0) & np.isnan(g * d), 0, g * d)", domain=(-10, 10), ulp=1)
def _strong_product(input: Tensor | Number, other: Tensor | Number) -> Tensor:
    """Product in which a zero ``input`` wins over anything: 0 * nan = 0 * inf = 0.

    So does it over what comes to ``other`` from outside, in second derivatives."""


@elementwise(node="Mul", f="strong_product(other, input) if other == 0 else strong_product(input, other)",
             vjp={"input": "_strong_factors(g, conj(other))", "other": "_strong_factors(g, conj(input))"},
             jvp={"input": "_strong_factors(t, other)", "other": "_strong_factors(t, input)"},
             dtypes="float complex", public="",
             ref="lambda g, d: np.where(((g == 0) | (d == 0)) & np.isnan(g * d), 0, g * d)", domain=(-10, 10), ulp=1)
def _strong_factors(input: Tensor | Number, other: Tensor | Number) -> Tensor:
    """Product in which zero wins over anything, whichever factor it is."""


@elementwise(f="real(input)", vjp={"input": "g"}, dtypes="complex", out="real", public="",
             ref="numpy.real", domain=(-10, 10), ulp=0, jvp={"input": "real(t)"})
def _real_part(input: Tensor) -> Tensor:
    """The real part, as a new tensor."""


@opaque(d={"input": "g"}, public="function method")
def clone(input: Tensor, *, memory_format: memory_format | None = None) -> Tensor:
    """A copy with its own memory. Gradients flow through.

    >>> wg.tensor([1.0, 2.0]).clone()
    tensor([1., 2.])
    """


@opaque(public="method", batch="by hand")
def detach(input: Tensor) -> Tensor:
    """The same memory, without history: no gradient flows through.

    >>> wg.ones(2, requires_grad=True).detach().requires_grad
    False
    """


@opaque(node="ToCopy", d={"input": "g"}, public="")
def _to_dtype(input: Tensor, dtype: dtype, memory_format: memory_format | None = None) -> Tensor:
    """The values, converted to another dtype."""


@opaque(d={"input": "expand(g, input.shape)"}, public="method", varargs="size", batch="rule")
def sum_to_size(input: Tensor, size: list[int]) -> Tensor:
    """The inverse of broadcasting: sums over the dimensions that ``size`` lacks or has as 1.

    >>> wg.ones(2, 3).sum_to_size(1, 3)
    tensor([[2., 2., 2.]])
    """


@opaque(public="", batch="refuse")
def _write_out(input: Tensor, source: Tensor, name: str) -> Tensor:
    """What ``out=`` of the composite operator ``name`` does with its result, ``source``. Returns ``input``."""


@opaque(public="method", batch="by hand")
def copy_(input: Tensor, source: Tensor, non_blocking: bool = False) -> Tensor:
    """Writes ``source``, broadcast and converted, into this tensor. Returns the tensor.

    >>> wg.zeros(2).copy_(wg.tensor([3, 4]))
    tensor([3., 4.])
    """


@opaque(public="function method", batch="by hand")
def fill_(input: Tensor, value: Tensor | Number) -> Tensor:
    """Writes one value (a number or a 0-d tensor) into every element. Returns the tensor.

    >>> wg.empty(2).fill_(3)
    tensor([3., 3.])
    """


@opaque(public="function method", batch="by hand")
def zero_(input: Tensor) -> Tensor:
    """Writes 0 into every element. Returns the tensor.

    >>> wg.ones(2).zero_()
    tensor([0., 0.])
    """


@opaque(d={"input": "_as_strided_gather(g, base_size, base_stride, base_offset, size, stride, offset)"},
        public="", batch="rule")
def _as_strided_scatter(input: Tensor, base_size: list[int], base_stride: list[int],
                        base_offset: int, size: list[int], stride: list[int],
                        offset: int) -> Tensor:
    """Zeros with the geometry of a base, with ``input`` added at the places of a view."""


@opaque(d={"input": "_as_strided_scatter(g, base_size, base_stride, base_offset, size, stride, offset)"},
        public="", batch="rule")
def _as_strided_gather(input: Tensor, base_size: list[int], base_stride: list[int],
                       base_offset: int, size: list[int], stride: list[int],
                       offset: int) -> Tensor:
    """What a view of the given geometry shows of a base that holds ``input``."""


@opaque(d={"input": "_as_strided_replace(g, _zeros(size, g.dtype), base_size, base_stride, base_offset, size, stride, offset)",
           "part": "_as_strided_gather(g, base_size, base_stride, base_offset, size, stride, offset)"},
        public="", batch="rule")
def _as_strided_replace(input: Tensor, part: Tensor, base_size: list[int], base_stride: list[int],
                        base_offset: int, size: list[int], stride: list[int],
                        offset: int) -> Tensor:
    """A copy of ``input`` in the geometry of a base, with ``part`` at the places of a view."""


@opaque(public="")
def _zeros(size: list[int], dtype: dtype) -> Tensor:
    """Zeros."""


@opaque(out_variant=True, public="function", varargs="size")
def empty(size: list[int], *, dtype: dtype | None = None, device: device | None = None,
          requires_grad: bool = False, pin_memory: bool = False,
          memory_format: memory_format | None = None) -> Tensor:
    """A tensor whose memory is not initialised.

    >>> wg.empty(2, 3).shape
    wengert.Size([2, 3])
    """


@opaque(out_variant=True, public="function", varargs="size")
def zeros(size: list[int], *, dtype: dtype | None = None, device: device | None = None,
          requires_grad: bool = False, pin_memory: bool = False) -> Tensor:
    """A tensor of zeros.

    >>> wg.zeros(2, 2)
    tensor([[0., 0.],
            [0., 0.]])
    """


@opaque(out_variant=True, public="function", varargs="size")
def ones(size: list[int], *, dtype: dtype | None = None, device: device | None = None,
         requires_grad: bool = False, pin_memory: bool = False) -> Tensor:
    """A tensor of ones.

    >>> wg.ones(3)
    tensor([1., 1., 1.])
    """


@opaque(out_variant=True, public="function")
def full(size: list[int], fill_value: Number, *, dtype: dtype | None = None,
         device: device | None = None, requires_grad: bool = False) -> Tensor:
    """A tensor of one value; without ``dtype`` the value decides it.

    >>> wg.full((2,), 7)
    tensor([7, 7])
    """
