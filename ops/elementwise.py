"""Arithmetic, rounding, extremes, choice and complex parts, element by element.

This file is parsed by tools/opgen and never imported. `f` is the kernel as a scalar expression; in
it a call is a call of csrc/kernels/math. `d` is the factor by which the cotangent is multiplied
for each input (`y` is the output); where an operator is not holomorphic, `vjp` and `jvp` say how
the cotangent `g` and the tangent `t` are mapped.
"""

from opgen.stubs import Number, Tensor, elementwise

# ---- arithmetic ---------------------------------------------------------------------------------


@elementwise(f="input + alpha * other", d={"input": "1", "other": "alpha"},
             dtypes="float complex int bool", operators="__add__ __radd__", check="alpha",
             ref="lambda input, other: input + other", domain=(-100, 100), ulp=1)
def add(input: Tensor | Number, other: Tensor | Number, *, alpha: Number = 1) -> Tensor:
    """Sum ``input + alpha * other``, with broadcasting. The sum of bools is their logical or.

    Raises RuntimeError if the result is integral and ``alpha`` is not, or if the result is not
    boolean and ``alpha`` is.

    >>> wg.add(wg.tensor([1.0, 2.0]), wg.tensor([10.0, 20.0]), alpha=2)
    tensor([21., 42.])
    """


@elementwise(f="input - alpha * other", d={"input": "1", "other": "-alpha"},
             dtypes="float complex int", aliases="subtract", operators="__sub__ __rsub__",
             check="subtraction",
             ref="lambda input, other: input - other", domain=(-100, 100), ulp=1)
def sub(input: Tensor | Number, other: Tensor | Number, *, alpha: Number = 1) -> Tensor:
    """Difference ``input - alpha * other``, with broadcasting.

    Raises RuntimeError for bool operands: use ``^`` or ``logical_xor`` for those.

    >>> wg.sub(wg.tensor([5, 7]), 2)
    tensor([3, 5])
    """


@elementwise(f="input * other", d={"input": "other", "other": "input"},
             dtypes="float complex int bool", aliases="multiply", operators="__mul__ __rmul__",
             ref="lambda input, other: input * other", domain=(-100, 100), ulp=1)
def mul(input: Tensor | Number, other: Tensor | Number) -> Tensor:
    """Product, with broadcasting. The product of bools is their logical and.

    >>> wg.mul(wg.tensor([[1.0], [2.0]]), wg.tensor([3.0, 4.0]))
    tensor([[3., 4.],
            [6., 8.]])
    """


@elementwise(node="Div", f="input / other", d={"input": "1 / other", "other": "-y / other"},
             dtypes="float complex", ints="float", operators="__truediv__ __rtruediv__",
             ref="numpy.true_divide", domain={"input": (-100, 100), "other": (0.1, 100)}, ulp=1)
def true_divide(input: Tensor | Number, other: Tensor | Number) -> Tensor:
    """Quotient, with broadcasting. Integers are divided as floating-point numbers.

    Complex quotients follow R. L. Smith, "Algorithm 116: Complex division" (1962).

    >>> wg.true_divide(wg.tensor([7, 8]), 2)
    tensor([3.5000, 4.0000])
    """


@elementwise(f="_div_trunc(input, other)", d={"input": "0", "other": "0"}, dtypes="float int",
             public="", inplace=True, check="integer_division",
             ref="lambda input, other: np.trunc(input / other)",
             domain={"input": (-100, 100), "other": (0.1, 100)}, ulp=0)
def _div_trunc(input: Tensor | Number, other: Tensor | Number) -> Tensor:
    """Quotient rounded towards zero: ``div(..., rounding_mode="trunc")``."""


@elementwise(f="floor_divide(input, other)", d={"input": "0", "other": "0"}, dtypes="float int",
             check="integer_division", operators="__floordiv__ __rfloordiv__",
             ref="numpy.floor_divide", domain={"input": (-100, 100), "other": (0.1, 100)}, ulp=0)
def floor_divide(input: Tensor | Number, other: Tensor | Number) -> Tensor:
    """Quotient rounded down, as Python's ``//``. Its derivative is zero.

    Raises ZeroDivisionError if an integer is divided by zero.

    >>> wg.floor_divide(wg.tensor([7, -7]), 2)
    tensor([ 3, -4])
    """


@elementwise(overload="other", f="remainder(input, other)", d={"input": "1", "other": "-floor_divide(input, other)"},
             dtypes="float int", check="integer_division", operators="__mod__ __rmod__",
             ref="numpy.remainder", domain={"input": (-100, 100), "other": (0.5, 20)}, ulp=2)
def remainder(input: Tensor | Number, other: Tensor | Number) -> Tensor:
    """Remainder of the division rounded down, as Python's ``%``: it has the divisor's sign.

    Raises ZeroDivisionError if an integer is divided by zero.

    >>> wg.remainder(wg.tensor([-3.0, 3.5]), 2)
    tensor([1.0000, 1.5000])
    """


@elementwise(overload="other", f="fmod(input, other)", d={"input": "1", "other": "-_div_trunc(input, other)"},
             dtypes="float int", check="integer_division",
             ref="numpy.fmod", domain={"input": (-100, 100), "other": (0.5, 20)}, ulp=0)
def fmod(input: Tensor, other: Tensor | Number) -> Tensor:
    """Remainder of the division rounded towards zero, as C's ``fmod``: it has ``input``'s sign.

    Raises ZeroDivisionError if an integer is divided by zero.

    >>> wg.fmod(wg.tensor([-3.0, 3.5]), 2)
    tensor([-1.0000,  1.5000])
    """


@elementwise(f="-input", d={"input": "-1"}, dtypes="float complex int", aliases="negative",
             operators="__neg__", check="bool_negation", ref="numpy.negative",
             domain=(-100, 100), ulp=0)
def neg(input: Tensor) -> Tensor:
    """Negative of each element. Unsigned integers wrap around.

    Raises RuntimeError for bool: use ``~`` or ``logical_not`` for that.

    >>> wg.neg(wg.tensor([1.0, -2.0]))
    tensor([-1.,  2.])
    """


@elementwise(f="input", d={"input": "1"}, dtypes="float complex int", operators="__pos__",
             inplace=False, out_variant=False, check="bool_positive", ref="numpy.positive",
             domain=(-100, 100), ulp=0)
def positive(input: Tensor) -> Tensor:
    """``+input``: the elements as they are. Raises RuntimeError for bool.

    >>> wg.positive(wg.tensor([1.0, -2.0]))
    tensor([ 1., -2.])
    """


@elementwise(f="reciprocal(input)", d={"input": "-y * y"}, dtypes="float complex", ints="float",
             ref="lambda x: 1 / x", domain=(0.1, 100), ulp=1)
def reciprocal(input: Tensor) -> Tensor:
    """``1 / input``. Integers give floating-point results.

    >>> wg.reciprocal(wg.tensor([2.0, 4.0]))
    tensor([0.5000, 0.2500])
    """


@elementwise(f="square(input)", d={"input": "2 * input"}, dtypes="float complex int",
             ref="numpy.square", domain=(-100, 100), ulp=1)
def square(input: Tensor) -> Tensor:
    """``input * input``.

    >>> wg.square(wg.tensor([3.0, -2.0]))
    tensor([9., 4.])
    """


@elementwise(f="sqrt(input)", d={"input": "0.5 / y"}, dtypes="float complex", ints="float",
             ref="numpy.sqrt", domain=(0, 1000), kinks=[0], ulp=1)
def sqrt(input: Tensor) -> Tensor:
    """Square root; NaN for negative real numbers.

    >>> wg.sqrt(wg.tensor([4.0, 2.25]))
    tensor([2.0000, 1.5000])
    """


@elementwise(f="rsqrt(input)", d={"input": "-0.5 * y * y * y"}, dtypes="float complex",
             ints="float", ref="lambda x: 1 / np.sqrt(x)", domain=(0.01, 1000), ulp=2)
def rsqrt(input: Tensor) -> Tensor:
    """Reciprocal of the square root.

    >>> wg.rsqrt(wg.tensor([4.0, 0.25]))
    tensor([0.5000, 2.0000])
    """


@elementwise(overload="exponent", f="pow(input, exponent)",
             d={"input": "0 if exponent == 0 else exponent * pow(input, exponent - 1)",
                "exponent": "0 if input == 0 and real(exponent) >= 0 else y * log(input)"},
             dtypes="float complex int", check="integer_power", operators="__pow__ __rpow__",
             uniform={"exponent": {2: {"f": "input * input", "input": "2 * input"},
                                   3: {"f": "input * input * input", "input": "3 * input * input"},
                                   4: {"f": "(input * input) * (input * input)",
                                       "input": "4 * input * input * input"}}},
             ref="numpy.power", domain={"input": (0.1, 10), "exponent": (-3, 3)}, ulp=4)
def pow(input: Tensor | Number, exponent: Tensor | Number) -> Tensor:
    """``input`` to the power ``exponent``, with broadcasting. Integer powers wrap around.

    Raises RuntimeError for integers with a negative ``exponent`` number.

    >>> wg.pow(wg.tensor([1.0, 2.0, 3.0]), 2)
    tensor([1., 4., 9.])
    """


@elementwise(f="input + value * tensor1 * tensor2",
             d={"input": "1", "tensor1": "value * tensor2", "tensor2": "value * tensor1"},
             dtypes="float complex int", ref="lambda input, a, b: input + a * b",
             domain=(0.1, 10), ulp=8)
def addcmul(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Number = 1) -> Tensor:
    """``input + value * tensor1 * tensor2``, with broadcasting.

    >>> wg.addcmul(wg.tensor([1.0]), wg.tensor([2.0]), wg.tensor([3.0]), value=0.5)
    tensor([4.])
    """


@elementwise(f="input + value * tensor1 / tensor2",
             d={"input": "1", "tensor1": "value / tensor2",
                "tensor2": "-value * tensor1 / (tensor2 * tensor2)"},
             dtypes="float complex", check="integer_addcdiv",
             ref="lambda input, a, b: input + a / b",
             domain={"input": (0.1, 10), "tensor1": (0.1, 10), "tensor2": (0.5, 10)}, ulp=8)
def addcdiv(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Number = 1) -> Tensor:
    """``input + value * tensor1 / tensor2``, with broadcasting.

    Raises RuntimeError for integers.

    >>> wg.addcdiv(wg.tensor([1.0]), wg.tensor([3.0]), wg.tensor([2.0]), value=2)
    tensor([4.])
    """


@elementwise(f="lerp(input, end, weight)",
             d={"input": "1 - weight", "end": "weight", "weight": "end - input"},
             dtypes="float complex", ref="lambda a, b, w: np.where(np.abs(w) < 0.5, a + w * (b - a), b - (b - a) * (1 - w))",
             domain={"input": (0.1, 10), "end": (0.1, 10), "weight": (0, 1)}, ulp=16)
def lerp(input: Tensor, end: Tensor, weight: Tensor | Number) -> Tensor:
    """Linear interpolation ``input + weight * (end - input)``, exact at both ends.

    >>> wg.lerp(wg.tensor([0.0, 10.0]), wg.tensor([1.0, 20.0]), 0.5)
    tensor([ 0.5000, 15.0000])
    """


# ---- sign, size, rounding -----------------------------------------------------------------------


@elementwise(f="abs(input)", vjp={"input": "_strong_product(g, sgn(input))"},
             jvp={"input": "real(conj(sgn(input)) * t)"}, dtypes="float complex int", out="real",
             aliases="absolute", operators="__abs__", ref="numpy.abs", domain=(-100, 100),
             kinks=[0], ulp=4)
def abs(input: Tensor) -> Tensor:
    """Absolute value; of a complex number, its modulus as a real number.

    The derivative at 0 is 0.

    >>> wg.abs(wg.tensor([-1.0, 2.0]))
    tensor([1., 2.])
    """


@elementwise(f="angle(input)", vjp={"input": "_strong_product(g, conj(_angle_derivative(input)))"},
             jvp={"input": "real(t * _angle_derivative(input))"}, dtypes="float complex",
             ints="float", out="real", inplace=False, ref="lambda x: np.where(x == 0, 0, np.angle(x))", domain=(-100, 100),
             kinks=[0], ulp=4)
def angle(input: Tensor) -> Tensor:
    """Argument of each element in radians: for real numbers 0, or pi where negative.

    >>> wg.angle(wg.tensor([1 + 1j, -2j]))
    tensor([ 0.7854, -1.5708])
    """


@elementwise(f="_angle_derivative(input)", d={"input": "0 if input == 0 else -y / input"},
             dtypes="float complex", public="", kinks=[0], ulp=4)
def _angle_derivative(input: Tensor) -> Tensor:
    """``-i / input``, 0 at 0 and for real numbers: d angle(z) = real(dz * (-i / z))."""


@elementwise(f="sgn(input)",
             vjp={"input": "0 if y == 0 else _strong_product(g, reciprocal(abs(input))) - "
                           "_strong_product(real(_strong_product(g, reciprocal(input))), y)"},
             jvp={"input": "0 if y == 0 else t / abs(input) - real(t / input) * y"},
             dtypes="float complex int bool", ref="lambda x: np.where(x == 0, 0, x / np.abs(x)) if np.iscomplexobj(x) else np.nan_to_num(np.sign(x * 1))",
             domain=(-100, 100), kinks=[0], ulp=4)
def sgn(input: Tensor) -> Tensor:
    """Sign of each element; of a complex number, the number divided by its modulus. 0 at 0.

    >>> wg.sgn(wg.tensor([3 + 4j, 0j]))
    tensor([0.6000+0.8000j, 0.0000+0.0000j])
    """


@elementwise(f="sign(input)", d={"input": "0"}, dtypes="float int bool",
             ref="lambda x: np.nan_to_num(np.sign(x * 1))", domain=(-100, 100),
             kinks=[0], ulp=0)
def sign(input: Tensor) -> Tensor:
    """Sign of each element: -1, 0 or 1; 0 for NaN.

    >>> wg.sign(wg.tensor([-2.0, 0.0, 3.0]))
    tensor([-1.,  0.,  1.])
    """


@elementwise(f="copysign(input, other)", d={"input": "sgn(y) * sgn(input)", "other": "0"},
             dtypes="float", ints="float", ref="numpy.copysign", domain=(-100, 100),
             kinks=[0], ulp=0)
def copysign(input: Tensor, other: Tensor | Number) -> Tensor:
    """The size of ``input`` with the sign of ``other``, signed zeros included.

    >>> wg.copysign(wg.tensor([1.0, -2.0]), -0.0)
    tensor([-1., -2.])
    """


@elementwise(f="nextafter(input, other)", dtypes="float", ref="lambda a, b: np.nextafter(*[x.astype(np.float32 if np.all(a == np.float32(a)) else None) for x in (a, b)])",
             domain=(-100, 100), ulp=0)
def nextafter(input: Tensor, other: Tensor) -> Tensor:
    """The next floating-point number after ``input`` towards ``other``. Not differentiable.

    >>> wg.nextafter(wg.tensor([1.0]), wg.tensor([2.0])) > 1
    tensor([True])
    """


@elementwise(f="heaviside(input, values)", dtypes="float int bool", ref="numpy.heaviside",
             domain=(-100, 100), ulp=0)
def heaviside(input: Tensor, values: Tensor) -> Tensor:
    """0 below zero, ``values`` at zero and 1 above. Not differentiable.

    >>> wg.heaviside(wg.tensor([-1.5, 0.0, 2.0]), wg.tensor(0.5))
    tensor([0.0000, 0.5000, 1.0000])
    """


@elementwise(f="floor(input)", d={"input": "0"}, dtypes="float int", ref="numpy.floor",
             domain=(-100, 100), ulp=0)
def floor(input: Tensor) -> Tensor:
    """The largest whole number that is not greater.

    >>> wg.floor(wg.tensor([-1.5, 1.5]))
    tensor([-2.,  1.])
    """


@elementwise(f="ceil(input)", d={"input": "0"}, dtypes="float int", ref="numpy.ceil",
             domain=(-100, 100), ulp=0)
def ceil(input: Tensor) -> Tensor:
    """The smallest whole number that is not less.

    >>> wg.ceil(wg.tensor([-1.5, 1.5]))
    tensor([-1.,  2.])
    """


@elementwise(f="trunc(input)", d={"input": "0"}, dtypes="float int", aliases="fix",
             ref="numpy.trunc", domain=(-100, 100), ulp=0)
def trunc(input: Tensor) -> Tensor:
    """The whole part: each element rounded towards zero.

    >>> wg.trunc(wg.tensor([-1.5, 1.5]))
    tensor([-1.,  1.])
    """


@elementwise(f="round(input, decimals)", d={"input": "0"}, dtypes="float int", special="round",
             ref="numpy.round", domain=(-100, 100), ulp=0)
def round(input: Tensor, *, decimals: int = 0) -> Tensor:
    """Nearest whole number, or nearest number with ``decimals`` decimals; halves to even.

    >>> wg.round(wg.tensor([0.5, 1.5, -1.25]))
    tensor([ 0.,  2., -1.])
    """


@elementwise(f="frac(input)", d={"input": "1"}, dtypes="float", ref="lambda x: x - np.trunc(x)",
             domain=(-100, 100), ulp=1)
def frac(input: Tensor) -> Tensor:
    """The part after the point, ``input - trunc(input)``.

    >>> wg.frac(wg.tensor([1.25, -1.25]))
    tensor([ 0.2500, -0.2500])
    """


# ---- extremes and limits ------------------------------------------------------------------------


@elementwise(f="maximum(input, other)",
             d={"input": "0.5 if input == other else (0 if input < other else 1)",
                "other": "0.5 if input == other else (0 if other < input else 1)"},
             dtypes="float int bool", inplace=False, ref="numpy.maximum", domain=(-100, 100),
             ulp=0)
def maximum(input: Tensor, other: Tensor) -> Tensor:
    """The larger of two elements, NaN if either is. A tie halves the gradient between them.

    >>> wg.maximum(wg.tensor([1.0, 5.0]), wg.tensor([2.0, 3.0]))
    tensor([2., 5.])
    """


@elementwise(f="minimum(input, other)",
             d={"input": "0.5 if input == other else (0 if input > other else 1)",
                "other": "0.5 if input == other else (0 if other > input else 1)"},
             dtypes="float int bool", inplace=False, ref="numpy.minimum", domain=(-100, 100),
             ulp=0)
def minimum(input: Tensor, other: Tensor) -> Tensor:
    """The smaller of two elements, NaN if either is. A tie halves the gradient between them.

    >>> wg.minimum(wg.tensor([1.0, 5.0]), wg.tensor([2.0, 3.0]))
    tensor([1., 3.])
    """


@elementwise(f="fmax(input, other)",
             d={"input": "1 if input >= other or isnan(other) else 0",
                "other": "0 if input >= other or isnan(other) else 1"},
             dtypes="float int bool", inplace=False, ref="numpy.fmax", domain=(-100, 100), ulp=0)
def fmax(input: Tensor, other: Tensor) -> Tensor:
    """The larger of two elements; where one is NaN, the other.

    >>> wg.fmax(wg.tensor([1.0, float("nan")]), wg.tensor([2.0, 3.0]))
    tensor([2., 3.])
    """


@elementwise(f="fmin(input, other)",
             d={"input": "1 if input <= other or isnan(other) else 0",
                "other": "0 if input <= other or isnan(other) else 1"},
             dtypes="float int bool", inplace=False, ref="numpy.fmin", domain=(-100, 100), ulp=0)
def fmin(input: Tensor, other: Tensor) -> Tensor:
    """The smaller of two elements; where one is NaN, the other.

    >>> wg.fmin(wg.tensor([1.0, float("nan")]), wg.tensor([2.0, 3.0]))
    tensor([1., 3.])
    """


@elementwise(f="clamp_min(input, min)",
             d={"input": "1 if input >= min else 0", "min": "1 if input < min else 0"},
             dtypes="float int", ref="numpy.maximum", domain=(-100, 100), ulp=0)
def clamp_min(input: Tensor, min: Tensor | Number) -> Tensor:
    """Elements below ``min`` are raised to it. NaN stays NaN.

    >>> wg.clamp_min(wg.tensor([-1.0, 2.0]), 0)
    tensor([0., 2.])
    """


@elementwise(f="clamp_max(input, max)",
             d={"input": "1 if input <= max else 0", "max": "1 if input > max else 0"},
             dtypes="float int", ref="numpy.minimum", domain=(-100, 100), ulp=0)
def clamp_max(input: Tensor, max: Tensor | Number) -> Tensor:
    """Elements above ``max`` are lowered to it. NaN stays NaN.

    >>> wg.clamp_max(wg.tensor([-1.0, 2.0]), 0)
    tensor([-1.,  0.])
    """


@elementwise(f="_clamp(input, min, max)",
             d={"input": "1 if min <= input and input <= max else 0",
                "min": "1 if min < max and input < min else 0",
                "max": "1 if input > max or max < min else 0"},
             dtypes="float int", public="", ref="lambda x, a, b: np.minimum(np.maximum(x, a), b)",
             domain={"input": (-100, 100), "min": (-50, 0), "max": (0, 50)}, ulp=0)
def _clamp(input: Tensor, min: Tensor | Number, max: Tensor | Number) -> Tensor:
    """Elements moved into [min, max]; ``max`` where ``min`` is greater than it."""


# ---- choice -------------------------------------------------------------------------------------


@elementwise(public="", out_variant=True, f="input if condition else other",
             d={"input": "1 if condition else 0", "other": "0 if condition else 1"},
             dtypes="float complex int bool", operand_dtypes={"condition": "bool"},
             check="where_condition", inplace=False, ref="numpy.where", domain=(-100, 100), ulp=0)
def where(condition: Tensor, input: Tensor | Number, other: Tensor | Number) -> Tensor:
    """``input`` where ``condition`` holds, ``other`` elsewhere, with broadcasting.

    Nothing of the branch that was not chosen reaches the gradient, not even NaN.

    >>> wg.where(wg.tensor([True, False]), wg.tensor([1.0, 2.0]), 0.0)
    tensor([1., 0.])
    """


@elementwise(f="value if mask else input",
             d={"input": "0 if mask else 1", "value": "1 if mask else 0"},
             dtypes="float complex int bool", operand_dtypes={"mask": "bool", "value": "input"},
             check="masked_fill_value", out_variant=False,
             ref="lambda x, mask, value: np.where(mask, value, x)", domain=(-100, 100), ulp=0, batch="rule")
def masked_fill(input: Tensor, mask: Tensor, value: Tensor | Number) -> Tensor:
    """``value``, a number or a tensor without dimensions, where ``mask``; ``input`` elsewhere.

    Raises RuntimeError if ``value`` has dimensions.

    >>> wg.masked_fill(wg.tensor([1.0, 2.0]), wg.tensor([True, False]), 0)
    tensor([0., 2.])
    """


@elementwise(f="nan if isnan(input) else (posinf if isposinf(input) else "
               "(neginf if isneginf(input) else input))",
             d={"input": "1 if isfinite(input) else 0"}, dtypes="float int", public="", inplace=True,
             ref="lambda x, *to: np.nan_to_num(x, True, *to)", domain=(-100, 100), ulp=0)
def _nan_to_num(input: Tensor, nan: Number, posinf: Number, neginf: Number) -> Tensor:
    """NaN and the infinities replaced by the three numbers."""


@elementwise(f="frexp_mantissa(input)", d={"input": "0 if input == 0 else y / input"},
             dtypes="float", public="", ref="lambda x: np.frexp(x)[0]", domain=(-100, 100),
             kinks=[-32, -16, -8, -4, -2, -1, -0.5, -0.25, 0, 0.25, 0.5, 1, 2, 4, 8, 16, 32], ulp=0)
def _frexp_mantissa(input: Tensor) -> Tensor:
    """The mantissa, in [1/2, 1) but for the sign: ``frexp``. Its exponent counts as constant."""


@elementwise(f="frexp_exponent(input)", d={"input": "0"}, dtypes="float", public="",
             ref="lambda x: np.frexp(x)[1].astype(x.dtype)", domain=(-100, 100), ulp=0)
def _frexp_exponent(input: Tensor) -> Tensor:
    """The exponent of 2 that belongs to ``_frexp_mantissa``, as a floating-point number."""


# ---- complex numbers ----------------------------------------------------------------------------


@elementwise(f="conj(input)", vjp={"input": "conj(g)"}, jvp={"input": "conj(t)"},
             dtypes="float complex int bool", inplace=False, ref="numpy.conj",
             domain=(-100, 100), ulp=0)
def conj(input: Tensor) -> Tensor:
    """Complex conjugate; real numbers stay as they are.

    >>> wg.conj(wg.tensor([1 + 2j]))
    tensor([1.-2.j])
    """


@elementwise(f="complex(real, imag)", vjp={"real": "real(g)", "imag": "imag(g)"},
             jvp={"real": "complex(t, t * 0)", "imag": "complex(t * 0, t)"}, dtypes="float",
             out="complex", public="function", inplace=False, check="complex_parts",
             ref="lambda real, imag: np.stack([real, imag], -1).astype(float).view(complex)[..., 0]", domain=(-100, 100), ulp=0)
def complex(real: Tensor, imag: Tensor) -> Tensor:
    """The complex numbers with these real and imaginary parts, float32 or float64.

    Raises RuntimeError if the parts have different or other dtypes.

    >>> wg.complex(wg.tensor([1.0]), wg.tensor([2.0]))
    tensor([1.+2.j])
    """


@elementwise(autocast="high", f="polar(abs, angle)",
             vjp={"abs": "_strong_product(real(g), cos(angle)) + "
                         "_strong_product(imag(g), sin(angle))",
                  "angle": "_strong_product(imag(g), abs * cos(angle)) - "
                           "_strong_product(real(g), abs * sin(angle))"},
             jvp={"abs": "complex(t * cos(angle), t * sin(angle))",
                  "angle": "complex(-t * abs * sin(angle), t * abs * cos(angle))"},
             dtypes="float", out="complex", public="function", inplace=False,
             check="complex_parts", ref="lambda r, phi: r * np.exp(1j * phi)",
             domain={"abs": (0, 10), "angle": (-3, 3)}, ulp=4)
def polar(abs: Tensor, angle: Tensor) -> Tensor:
    """The complex numbers with these moduli and arguments (radians), float32 or float64.

    Raises RuntimeError if the two have different or other dtypes.

    >>> wg.polar(wg.tensor([2.0]), wg.tensor([0.0]))
    tensor([2.+0.j])
    """
