"""Reductions over any set of dimensions.

This file is parsed by tools/opgen and never imported. `init`, `combine` and `finish` are scalar
expressions over `acc`, `input` (the next element), `other` (another partial result) and `n`.
"""

from opgen.stubs import Tensor, dtype, reduction


@reduction(init="0", combine="acc + input", finish="acc", result="int64",
           dtypes="float complex int bool", d={"input": "_expand_reduced(g, input.shape, dim, keepdim)"})
def sum(input: Tensor, dim: list[int] | None = None, keepdim: bool = False, *,
        dtype: dtype | None = None) -> Tensor:
    """The sum over ``dim`` (all dimensions if None). Integers and bools sum to int64.

    >>> wg.tensor([[1.0, 2.0], [3.0, 4.0]]).sum(0)
    tensor([4., 6.])
    """


@reduction(init="0", combine="acc + input", finish="acc / n", result="float",
           dtypes="float complex",
           d={"input": "_expand_reduced(g, input.shape, dim, keepdim) / _reduced_count(input.shape, dim)"})
def mean(input: Tensor, dim: list[int] | None = None, keepdim: bool = False, *,
         dtype: dtype | None = None) -> Tensor:
    """The mean over ``dim`` (all dimensions if None). Integers raise: give a floating ``dtype``.

    >>> wg.tensor([[1.0, 2.0], [3.0, 4.0]]).mean()
    tensor(2.5000)
    """
