"""Running sums, products and extremes along a dimension.

This file is parsed by tools/opgen and never imported.
"""

from opgen.stubs import Number, Tensor, dtype, opaque


@opaque(d={"input": "_cumsum_reversed(g, dim)"}, inplace=True, out_variant=True,
        ref="lambda input, dim, dtype=None: np.cumsum(input, axis=dim)",
        samples=[{"input": "randn(3, 4)", "dim": 1}, {"input": "randn(2, 3, 2)", "dim": 1},
                 {"input": "randn(0, 3)", "dim": 0}])
def cumsum(input: Tensor, dim: int, *, dtype: dtype | None = None) -> Tensor:
    """The running sums along ``dim``. Integers and bools sum to int64.

    >>> wg.tensor([1.0, 2.0, 3.0]).cumsum(0)
    tensor([1., 3., 6.])
    """


@opaque(d={"input": "cumsum(g, dim)"}, public="")
def _cumsum_reversed(input: Tensor, dim: int) -> Tensor:
    """The running sums from the end."""


@opaque(d={"input": "_cumprod_gradient(g, input, y, dim)"}, inplace=True, out_variant=True,
        ref="lambda input, dim, dtype=None: np.cumprod(input, axis=dim)",
        samples=[{"input": "randn(3, 4)", "dim": 1}, {"input": "randn(2, 3, 2)", "dim": 1},
                 {"input": "randn(0, 3)", "dim": 0}])
def cumprod(input: Tensor, dim: int, *, dtype: dtype | None = None) -> Tensor:
    """The running products along ``dim``. Integers and bools multiply to int64.

    The gradient is exact where elements are zero.

    >>> wg.tensor([1.0, 2.0, 3.0]).cumprod(0)
    tensor([1., 2., 6.])
    """


@opaque(d={"input": "_gather_backward(g0, input.shape, dim, y1)"}, out_variant=True,
        fields="values indices",
        samples=[{"input": "randn(3, 4)", "dim": 1}, {"input": "randn(2, 3, 2)", "dim": 1}], jvp={"input": "gather(t, dim, y1)"})
def cummax(input: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """The running maxima along ``dim`` and their places (the last of equal ones). NaN stays.

    >>> wg.cummax(wg.tensor([1.0, 3.0, 2.0]), 0)[0]
    tensor([1., 3., 3.])
    """


@opaque(d={"input": "_gather_backward(g0, input.shape, dim, y1)"}, out_variant=True,
        fields="values indices",
        samples=[{"input": "randn(3, 4)", "dim": 1}, {"input": "randn(2, 3, 2)", "dim": 1}], jvp={"input": "gather(t, dim, y1)"})
def cummin(input: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """The running minima along ``dim`` and their places (the last of equal ones). NaN stays.

    >>> wg.cummin(wg.tensor([3.0, 1.0, 2.0]), 0)[0]
    tensor([3., 1., 1.])
    """


@opaque(d={"input": "_logcumsumexp_gradient(g, input, y, dim)"}, out_variant=True,
        ref="lambda input, dim: np.log(np.cumsum(np.exp(input), axis=dim))",
        samples=[{"input": "randn(3, 4)", "dim": 1}, {"input": "randn(2, 3, 2)", "dim": 1}])
def logcumsumexp(input: Tensor, dim: int) -> Tensor:
    """log(cumsum(exp(input))) along ``dim`` without overflow.

    >>> wg.tensor([0.0, 0.0]).logcumsumexp(0)
    tensor([0.0000, 0.6931])
    """


@opaque(d={"coefficient, input": "_recurrence_gradient(g, coefficient, y, dim, reverse)"}, public="",
        samples=[{"coefficient": "randn(3, 4)", "input": "randn(3, 4)", "dim": 1, "reverse": False},
                 {"coefficient": "randn(3, 4)", "input": "randn(3, 4)", "dim": 0, "reverse": True}])
def _recurrence(coefficient: Tensor, input: Tensor, dim: int, reverse: bool) -> Tensor:
    """y[i] = input[i] + coefficient[i] * y[i - 1] along ``dim``; y[i + 1] with ``reverse``.

    A zero y wins over any coefficient. Gradients of running products are such recurrences.
    """


@opaque(d={"input": "_shift(g, dim, -steps, 0)"}, public="",
        samples=[{"input": "randn(3, 4)", "dim": 1, "steps": 1, "fill_value": 1}], jvp={"input": "_shift(t, dim, steps, 0)"})
def _shift(input: Tensor, dim: int, steps: int, fill_value: Number) -> Tensor:
    """Moved by ``steps`` (1 or -1) along ``dim``; ``fill_value`` takes the place that is free."""
