"""Reductions over any set of dimensions.

This file is parsed by tools/opgen and never imported. `init`, `combine` and `finish` are scalar
expressions over `acc`, `input` (the next element), `other` (another partial result) and `n`. The
results `bool` and `count` see elements as 0 or 1.
"""

from opgen.stubs import Tensor, dtype, opaque, reduction


@reduction(overload="dim", init="0", combine="acc + input", finish="acc", result="int64",
           dtypes="float complex int bool", d={"input": "_expand_reduced(g, input.shape, dim, keepdim)"})
def sum(input: Tensor, dim: list[int] | None = None, keepdim: bool = False, *,
        dtype: dtype | None = None) -> Tensor:
    """The sum over ``dim`` (all dimensions if None). Integers and bools sum to int64.

    >>> wg.tensor([[1.0, 2.0], [3.0, 4.0]]).sum(0)
    tensor([4., 6.])
    """


@reduction(overload="dim", init="0", combine="acc + input", finish="acc / n", result="float",
           dtypes="float complex",
           d={"input": "_expand_reduced(g, input.shape, dim, keepdim) / _reduced_count(input.shape, dim)"})
def mean(input: Tensor, dim: list[int] | None = None, keepdim: bool = False, *,
         dtype: dtype | None = None) -> Tensor:
    """The mean over ``dim`` (all dimensions if None). Integers raise: give a floating ``dtype``.

    >>> wg.tensor([[1.0, 2.0], [3.0, 4.0]]).mean()
    tensor(2.5000)
    """


@reduction(overload="dim", autocast="high", init="1", combine="acc * input", finish="acc", result="int64",
           dtypes="float complex int bool",
           d={"input": "_prod_gradient(g, input, y, dim, keepdim)"}, ref="lambda input, dim=None, keepdim=False, dtype=None: np.prod(input, axis=dim, keepdims=keepdim)",
           samples=[{"input": "randn(3, 4)"}, {"input": "randn(3, 4)", "dim": 1},
                    {"input": "randn(2, 3, 2)", "dim": -2, "keepdim": True}, {"input": "randn(0)"}])
def prod(input: Tensor, dim: int | None = None, keepdim: bool = False, *,
         dtype: dtype | None = None) -> Tensor:
    """The product over ``dim`` (all dimensions if None). Integers and bools multiply to int64.

    The gradient is exact where elements are zero.

    >>> wg.tensor([[1.0, 2.0], [3.0, 4.0]]).prod(0)
    tensor([3., 8.])
    """


@reduction(init="lowest", combine="maximum(acc, input)", finish="acc", check="nonempty",
           dtypes="float int bool", d={"input": "_extreme_gradient(g, input, y, dim, keepdim)"},
           ref="lambda input, dim=None, keepdim=False: np.max(input, axis=dim, keepdims=keepdim)",
           samples=[{"input": "randn(3, 4)"}, {"input": "randn(3, 4)", "dim": [1]},
                    {"input": "randn(2, 3, 2)", "dim": [0, 2], "keepdim": True}])
def amax(input: Tensor, dim: list[int] | None = None, keepdim: bool = False) -> Tensor:
    """The largest elements over ``dim`` (all dimensions if None). NaN wins.

    The gradient is shared evenly among equal largest elements.

    >>> wg.tensor([[1.0, 4.0], [3.0, 2.0]]).amax(1)
    tensor([4., 3.])
    """


@reduction(init="highest", combine="minimum(acc, input)", finish="acc", check="nonempty",
           dtypes="float int bool", d={"input": "_extreme_gradient(g, input, y, dim, keepdim)"},
           ref="lambda input, dim=None, keepdim=False: np.min(input, axis=dim, keepdims=keepdim)",
           samples=[{"input": "randn(3, 4)"}, {"input": "randn(3, 4)", "dim": [1]},
                    {"input": "randn(2, 3, 2)", "dim": [0, 2], "keepdim": True}])
def amin(input: Tensor, dim: list[int] | None = None, keepdim: bool = False) -> Tensor:
    """The smallest elements over ``dim`` (all dimensions if None). NaN wins.

    The gradient is shared evenly among equal smallest elements.

    >>> wg.tensor([[1.0, 4.0], [3.0, 2.0]]).amin(1)
    tensor([1., 2.])
    """


@reduction(init="0", combine="acc | input", finish="acc", result="bool",
           dtypes="float complex int bool",
           samples=[{"input": "randint(0, 2, (3, 4))"}, {"input": "randn(3, 0)", "dim": [1]},
                    {"input": "randint(0, 2, (2, 3, 4))", "dim": [0, 2], "keepdim": True}])
def any(input: Tensor, dim: list[int] | None = None, keepdim: bool = False) -> Tensor:
    """Whether any element is non-zero, NaN included. A uint8 tensor gives uint8.

    >>> wg.tensor([[0, 0], [0, 3]]).any(1)
    tensor([False,  True])
    """


@reduction(init="1", combine="acc & input", finish="acc", result="bool",
           dtypes="float complex int bool",
           samples=[{"input": "randint(0, 2, (3, 4))"}, {"input": "randn(3, 0)", "dim": [1]},
                    {"input": "randint(0, 2, (2, 3, 4))", "dim": [0, 2], "keepdim": True}])
def all(input: Tensor, dim: list[int] | None = None, keepdim: bool = False) -> Tensor:
    """Whether all elements are non-zero. A uint8 tensor gives uint8.

    >>> wg.tensor([[1, 0], [2, 3]]).all(1)
    tensor([False,  True])
    """


@reduction(init="0", combine="acc if isnan(input) else acc + input", merge="acc + other",
           finish="acc", result="int64", dtypes="float int bool",
           d={"input": "masked_fill(_expand_reduced(g, input.shape, dim, keepdim), isnan(input), 0)"},
           ref="lambda input, dim=None, keepdim=False, dtype=None: np.nansum(input, axis=dim, keepdims=keepdim)",
           samples=[{"input": "randn(3, 4)"}, {"input": "randn(3, 4)", "dim": [1]},
                    {"input": "randn(3, 0)", "dim": [1], "keepdim": True}],
           jvp={"input": "sum(masked_fill(t, isnan(input), 0), dim, keepdim)"})
def nansum(input: Tensor, dim: list[int] | None = None, keepdim: bool = False, *,
           dtype: dtype | None = None) -> Tensor:
    """The sum of the elements that are not NaN, over ``dim`` (all dimensions if None).

    >>> wg.tensor([1.0, float("nan"), 2.0]).nansum()
    tensor(3.)
    """


@reduction(init="0", combine="acc + input", finish="acc", result="count",
           dtypes="float complex int bool", out_variant=False,
           samples=[{"input": "randint(0, 2, (3, 4))"}, {"input": "randn(3, 0)", "dim": [1]},
                    {"input": "randint(0, 2, (2, 3, 4))", "dim": [0, 2]}])
def count_nonzero(input: Tensor, dim: list[int] | None = None) -> Tensor:
    """How many elements are not zero, over ``dim`` (all dimensions if None).

    >>> wg.tensor([[0, 1], [2, 3]]).count_nonzero(0)
    tensor([1, 2])
    """


@opaque(d={"input": "_logsumexp_gradient(g, input, y, dim, keepdim)"}, out_variant=True,
        samples=[{"input": "randn(3, 4)", "dim": [1]}, {"input": "randn(3, 4)", "dim": [0], "keepdim": True},
                 {"input": "randn(2, 3, 2)", "dim": [0, 2]}])
def logsumexp(input: Tensor, dim: list[int], keepdim: bool = False) -> Tensor:
    """log(sum(exp(input))) over ``dim`` without overflow. Integers give the default dtype.

    The gradient of a set that is -inf throughout is 0.

    >>> wg.tensor([1000.0, 1000.0]).logsumexp(0)
    tensor(1000.6932)
    """


@opaque(out_variant=True, samples=[{"input": "randn(3, 4)"}, {"input": "randn(3, 4)", "dim": 1},
                                   {"input": "randn(3, 4)", "dim": 0, "keepdim": True}],
        ref="lambda input, dim=None, keepdim=False: np.argmax(input, axis=dim, keepdims=keepdim)")
def argmax(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """The place of the largest element along ``dim``, or in the flattened tensor if None: of the
    first NaN, else of the first of equal elements.

    >>> wg.tensor([[1.0, 4.0], [3.0, 2.0]]).argmax(1)
    tensor([1, 0])
    """


@opaque(out_variant=True, samples=[{"input": "randn(3, 4)"}, {"input": "randn(3, 4)", "dim": 1},
                                   {"input": "randn(3, 4)", "dim": 0, "keepdim": True}],
        ref="lambda input, dim=None, keepdim=False: np.argmin(input, axis=dim, keepdims=keepdim)")
def argmin(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """The place of the smallest element along ``dim``, or in the flattened tensor if None: of the
    first NaN, else of the first of equal elements.

    >>> wg.tensor([[1.0, 4.0], [3.0, 2.0]]).argmin(1)
    tensor([0, 1])
    """


@opaque(node="Max", d={"input": "_pick_gradient(g0, y1, input.shape, dim, keepdim)"}, public="",
        samples=[{"input": "randn(3, 4)", "dim": 1, "keepdim": False},
                 {"input": "randn(2, 3, 2)", "dim": 1, "keepdim": True}],
        jvp={"input": "gather(t, dim, y1) if keepdim else squeeze(gather(t, dim, unsqueeze(y1, dim)), [dim])"})
def _max_dim(input: Tensor, dim: int, keepdim: bool) -> tuple[Tensor, Tensor]:
    """The largest elements along ``dim`` and their places."""


@opaque(node="Min", d={"input": "_pick_gradient(g0, y1, input.shape, dim, keepdim)"}, public="",
        samples=[{"input": "randn(3, 4)", "dim": 1, "keepdim": False},
                 {"input": "randn(2, 3, 2)", "dim": 1, "keepdim": True}],
        jvp={"input": "gather(t, dim, y1) if keepdim else squeeze(gather(t, dim, unsqueeze(y1, dim)), [dim])"})
def _min_dim(input: Tensor, dim: int, keepdim: bool) -> tuple[Tensor, Tensor]:
    """The smallest elements along ``dim`` and their places."""


@opaque(d={"input": "_variance_gradient(g, input, dim, correction, keepdim)"}, public="",
        samples=[{"input": "randn(3, 4)", "dim": None, "correction": 1.0, "keepdim": False},
                 {"input": "randn(2, 3, 2)", "dim": [0, 2], "correction": 0.0, "keepdim": True}],
        jvp={"input": "sum(t * (input - mean(input, dim, True)), dim, keepdim)"
                      " * (2.0 / (_reduced_count(input.shape, dim) - correction))"})
def var(input: Tensor, dim: list[int] | None, correction: float, keepdim: bool) -> Tensor:
    """The sum of squared distances from the mean, divided by the count less ``correction``."""


@opaque(node="LinalgVectorNorm", d={"input": "_norm_gradient(g, input, y, p, dim, keepdim)"}, public="",
        samples=[{"input": "randn(3, 4)", "p": 2.0, "dim": None, "keepdim": False},
                 {"input": "randn(3, 4)", "p": 1.5, "dim": [1], "keepdim": True},
                 {"input": "randn(3, 4)", "p": 3.0, "dim": [0], "keepdim": False},
                 {"input": "randn(3, 4)", "p": 0.5, "dim": [0], "keepdim": False}])
def _norm(input: Tensor, p: float, dim: list[int] | None, keepdim: bool) -> Tensor:
    """(sum |input|^p)^(1/p) and its limits for p = 0, inf and -inf."""
