"""Comparisons, tests, and logical and bitwise operators, element by element. None of them has a
derivative.

The entries are read as those of ops/elementwise.py are.
"""

from opgen.stubs import Number, Tensor, elementwise

# ---- comparisons --------------------------------------------------------------------------------


@elementwise(f="input == other", dtypes="float complex int bool", out="bool", operators="__eq__",
             ref="numpy.equal", domain=(-3, 3), ulp=0)
def eq(input: Tensor, other: Tensor | Number) -> Tensor:
    """Whether the elements are equal, with broadcasting. NaN equals nothing.

    >>> wg.eq(wg.tensor([1, 2]), wg.tensor([1, 3]))
    tensor([ True, False])
    """


@elementwise(f="input != other", dtypes="float complex int bool", out="bool", operators="__ne__",
             aliases="not_equal", ref="numpy.not_equal", domain=(-3, 3), ulp=0)
def ne(input: Tensor, other: Tensor | Number) -> Tensor:
    """Whether the elements differ, with broadcasting.

    >>> wg.ne(wg.tensor([1, 2]), wg.tensor([1, 3]))
    tensor([False,  True])
    """


@elementwise(f="input < other", dtypes="float int bool", out="bool", operators="__lt__",
             aliases="less", ref="numpy.less", domain=(-3, 3), ulp=0)
def lt(input: Tensor, other: Tensor | Number) -> Tensor:
    """Whether ``input`` is less than ``other``, with broadcasting.

    >>> wg.lt(wg.tensor([1, 2]), wg.tensor([1, 3]))
    tensor([False,  True])
    """


@elementwise(f="input <= other", dtypes="float int bool", out="bool", operators="__le__",
             aliases="less_equal", ref="numpy.less_equal", domain=(-3, 3), ulp=0)
def le(input: Tensor, other: Tensor | Number) -> Tensor:
    """Whether ``input`` is less than or equal to ``other``, with broadcasting.

    >>> wg.le(wg.tensor([1, 2]), wg.tensor([1, 3]))
    tensor([True, True])
    """


@elementwise(f="input > other", dtypes="float int bool", out="bool", operators="__gt__",
             aliases="greater", ref="numpy.greater", domain=(-3, 3), ulp=0)
def gt(input: Tensor, other: Tensor | Number) -> Tensor:
    """Whether ``input`` is greater than ``other``, with broadcasting.

    >>> wg.gt(wg.tensor([1, 4]), wg.tensor([1, 3]))
    tensor([False,  True])
    """


@elementwise(f="input >= other", dtypes="float int bool", out="bool", operators="__ge__",
             aliases="greater_equal", ref="numpy.greater_equal", domain=(-3, 3), ulp=0)
def ge(input: Tensor, other: Tensor | Number) -> Tensor:
    """Whether ``input`` is greater than or equal to ``other``, with broadcasting.

    >>> wg.ge(wg.tensor([1, 2]), wg.tensor([1, 3]))
    tensor([ True, False])
    """


@elementwise(f="isclose(input, other, rtol, atol, equal_nan)", dtypes="float complex int bool",
             out="bool", inplace=False, out_variant=False, check="tolerances",
             ref="numpy.isclose", domain=(-3, 3), ulp=0)
def isclose(input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08,
            equal_nan: bool = False) -> Tensor:
    """Whether ``abs(input - other) <= atol + rtol * abs(other)``; equal infinities are close.

    Raises RuntimeError if the dtypes differ.

    >>> wg.isclose(wg.tensor([1.0, 2.0]), wg.tensor([1.000001, 2.1]))
    tensor([ True, False])
    """


# ---- tests --------------------------------------------------------------------------------------


@elementwise(f="isnan(input)", dtypes="float complex int bool", out="bool", inplace=False,
             out_variant=False, ref="numpy.isnan", domain=(-3, 3), ulp=0)
def isnan(input: Tensor) -> Tensor:
    """Whether each element is NaN; for complex numbers, whether a part is.

    >>> wg.isnan(wg.tensor([1.0, float("nan")]))
    tensor([False,  True])
    """


@elementwise(f="isinf(input)", dtypes="float complex int bool", out="bool", inplace=False,
             out_variant=False, ref="numpy.isinf", domain=(-3, 3), ulp=0)
def isinf(input: Tensor) -> Tensor:
    """Whether each element is infinite; for complex numbers, whether a part is.

    >>> wg.isinf(wg.tensor([1.0, float("-inf")]))
    tensor([False,  True])
    """


@elementwise(f="isposinf(input)", dtypes="float int bool", out="bool", inplace=False,
             ref="numpy.isposinf", domain=(-3, 3), ulp=0)
def isposinf(input: Tensor) -> Tensor:
    """Whether each element is positive infinity.

    >>> wg.isposinf(wg.tensor([float("inf"), float("-inf")]))
    tensor([ True, False])
    """


@elementwise(f="isneginf(input)", dtypes="float int bool", out="bool", inplace=False,
             ref="numpy.isneginf", domain=(-3, 3), ulp=0)
def isneginf(input: Tensor) -> Tensor:
    """Whether each element is negative infinity.

    >>> wg.isneginf(wg.tensor([float("inf"), float("-inf")]))
    tensor([False,  True])
    """


@elementwise(f="isfinite(input)", dtypes="float complex int bool", out="bool", inplace=False,
             out_variant=False, ref="numpy.isfinite", domain=(-3, 3), ulp=0)
def isfinite(input: Tensor) -> Tensor:
    """Whether each element is neither infinite nor NaN.

    >>> wg.isfinite(wg.tensor([1.0, float("nan")]))
    tensor([ True, False])
    """


@elementwise(f="isreal(input)", dtypes="float complex int bool", out="bool", inplace=False,
             out_variant=False, ref="numpy.isreal", domain=(-3, 3), ulp=0)
def isreal(input: Tensor) -> Tensor:
    """Whether each element has no imaginary part, or one of 0.

    >>> wg.isreal(wg.tensor([1 + 1j, 2 + 0j]))
    tensor([False,  True])
    """


@elementwise(f="signbit(input)", dtypes="float int bool", out="bool", inplace=False,
             ref="numpy.signbit", domain=(-3, 3), ulp=0)
def signbit(input: Tensor) -> Tensor:
    """Whether the sign bit is set: true for negative numbers and for -0.0.

    >>> wg.signbit(wg.tensor([-0.0, 0.0]))
    tensor([ True, False])
    """


# ---- logical operators: everything but 0 counts as true -----------------------------------------


@elementwise(f="input != 0 and other != 0", dtypes="float complex int bool", out="bool",
             ref="numpy.logical_and", domain=(-3, 3), ulp=0)
def logical_and(input: Tensor, other: Tensor) -> Tensor:
    """Whether both elements are true, with broadcasting. Everything but 0 is.

    >>> wg.logical_and(wg.tensor([0, 1]), wg.tensor([1, 2]))
    tensor([False,  True])
    """


@elementwise(f="input != 0 or other != 0", dtypes="float complex int bool", out="bool",
             ref="numpy.logical_or", domain=(-3, 3), ulp=0)
def logical_or(input: Tensor, other: Tensor) -> Tensor:
    """Whether one element at least is true, with broadcasting. Everything but 0 is.

    >>> wg.logical_or(wg.tensor([0, 1]), wg.tensor([0, 2]))
    tensor([False,  True])
    """


@elementwise(f="(input != 0) != (other != 0)", dtypes="float complex int bool", out="bool",
             ref="numpy.logical_xor", domain=(-3, 3), ulp=0)
def logical_xor(input: Tensor, other: Tensor) -> Tensor:
    """Whether exactly one element is true, with broadcasting. Everything but 0 is.

    >>> wg.logical_xor(wg.tensor([0, 1]), wg.tensor([1, 2]))
    tensor([ True, False])
    """


@elementwise(f="input == 0", dtypes="float complex int bool", out="bool",
             ref="numpy.logical_not", domain=(-3, 3), ulp=0)
def logical_not(input: Tensor) -> Tensor:
    """Whether each element is false, that is, 0.

    >>> wg.logical_not(wg.tensor([0, 2]))
    tensor([ True, False])
    """


# ---- bitwise operators on integers and bools ----------------------------------------------------


@elementwise(f="input & other", dtypes="int bool", operators="__and__ __rand__",
             ref="numpy.bitwise_and", domain=(-100, 100), ulp=0)
def bitwise_and(input: Tensor | Number, other: Tensor | Number) -> Tensor:
    """Bitwise and of integers; logical and of bools.

    >>> wg.bitwise_and(wg.tensor([5, 6]), 3)
    tensor([1, 2])
    """


@elementwise(f="input | other", dtypes="int bool", operators="__or__ __ror__",
             ref="numpy.bitwise_or", domain=(-100, 100), ulp=0)
def bitwise_or(input: Tensor | Number, other: Tensor | Number) -> Tensor:
    """Bitwise or of integers; logical or of bools.

    >>> wg.bitwise_or(wg.tensor([5, 6]), 3)
    tensor([7, 7])
    """


@elementwise(f="input ^ other", dtypes="int bool", operators="__xor__ __rxor__",
             ref="numpy.bitwise_xor", domain=(-100, 100), ulp=0)
def bitwise_xor(input: Tensor | Number, other: Tensor | Number) -> Tensor:
    """Bitwise exclusive or of integers; logical exclusive or of bools.

    >>> wg.bitwise_xor(wg.tensor([5, 6]), 3)
    tensor([6, 5])
    """


@elementwise(f="bitwise_not(input)", dtypes="int bool", operators="__invert__",
             ref="numpy.bitwise_not", domain=(-100, 100), ulp=0)
def bitwise_not(input: Tensor) -> Tensor:
    """Bitwise complement of integers; logical not of bools.

    >>> wg.bitwise_not(wg.tensor([0, 5]))
    tensor([-1, -6])
    """


@elementwise(f="bitwise_left_shift(input, other)", dtypes="int",
             operators="__lshift__ __rlshift__", ref="numpy.left_shift",
             domain={"input": (-100, 100), "other": (0, 7)}, ulp=0)
def bitwise_left_shift(input: Tensor | Number, other: Tensor | Number) -> Tensor:
    """``input`` shifted left by ``other`` bits; 0 if that is negative or the width and more.

    >>> wg.bitwise_left_shift(wg.tensor([1, 3]), 2)
    tensor([ 4, 12])
    """


@elementwise(f="bitwise_right_shift(input, other)", dtypes="int",
             operators="__rshift__ __rrshift__", ref="numpy.right_shift",
             domain={"input": (-100, 100), "other": (0, 7)}, ulp=0)
def bitwise_right_shift(input: Tensor | Number, other: Tensor | Number) -> Tensor:
    """``input`` shifted right by ``other`` bits, keeping the sign; an impossible count shifts
    every bit out.

    >>> wg.bitwise_right_shift(wg.tensor([8, -8]), 2)
    tensor([ 2, -2])
    """


# ---- number theory ------------------------------------------------------------------------------


@elementwise(f="gcd(input, other)", dtypes="int", ref="numpy.gcd", domain=(-100, 100), ulp=0)
def gcd(input: Tensor, other: Tensor) -> Tensor:
    """Greatest common divisor, not negative; ``gcd(0, 0)`` is 0.

    >>> wg.gcd(wg.tensor([12, 0]), wg.tensor([18, 5]))
    tensor([6, 5])
    """


@elementwise(f="lcm(input, other)", dtypes="int", ref="numpy.lcm", domain=(-10, 10), ulp=0)
def lcm(input: Tensor, other: Tensor) -> Tensor:
    """Least common multiple, not negative; 0 if an element is 0.

    >>> wg.lcm(wg.tensor([4, 0]), wg.tensor([6, 5]))
    tensor([12,  0])
    """
