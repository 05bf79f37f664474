"""Exponentials, logarithms, trigonometric and hyperbolic functions, element by element.

The entries are read as those of ops/elementwise.py are.
"""

from opgen.stubs import Number, Tensor, elementwise

# ---- exponentials and logarithms ----------------------------------------------------------------


@elementwise(f="exp(input)", d={"input": "y"}, dtypes="float complex", ints="float",
             ref="numpy.exp", domain=(-80, 80), ulp=4)
def exp(input: Tensor) -> Tensor:
    """Exponential function.

    >>> wg.exp(wg.tensor([0.0, 1.0]))
    tensor([1.0000, 2.7183])
    """


@elementwise(f="exp2(input)", d={"input": "y * 0.6931471805599453"}, dtypes="float complex",
             ints="float", special="exp2", ref="lambda x: np.exp2(x.astype(np.clongdouble if np.iscomplexobj(x) else float)).astype(x.dtype)", domain=(-100, 100), ulp=4)
def exp2(input: Tensor) -> Tensor:
    """Two to the power of each element.

    >>> wg.exp2(wg.tensor([0.0, 3.0]))
    tensor([1., 8.])
    """


@elementwise(f="expm1(input)", d={"input": "y + 1"}, dtypes="float complex", ints="float",
             special="expm1", ref="numpy.expm1", domain=(-50, 50), ulp=4)
def expm1(input: Tensor) -> Tensor:
    """``exp(input) - 1`` without loss of digits near 0.

    >>> wg.expm1(wg.tensor([0.0, 1.0]))
    tensor([0.0000, 1.7183])
    """


@elementwise(f="log(input)", d={"input": "1 / input"}, dtypes="float complex", ints="float",
             ref="numpy.log", domain=(1e-3, 1e3), ulp=4)
def log(input: Tensor) -> Tensor:
    """Natural logarithm; NaN for negative real numbers.

    >>> wg.log(wg.tensor([1.0, 10.0]))
    tensor([0.0000, 2.3026])
    """


@elementwise(f="log2(input)", d={"input": "1.4426950408889634 / input"}, dtypes="float complex",
             ints="float", ref="numpy.log2", domain=(1e-3, 1e3), ulp=4)
def log2(input: Tensor) -> Tensor:
    """Logarithm to base 2.

    >>> wg.log2(wg.tensor([1.0, 8.0]))
    tensor([0., 3.])
    """


@elementwise(f="log10(input)", d={"input": "0.4342944819032518 / input"}, dtypes="float complex",
             ints="float", ref="numpy.log10", domain=(1e-3, 1e3), ulp=4)
def log10(input: Tensor) -> Tensor:
    """Logarithm to base 10.

    >>> wg.log10(wg.tensor([1.0, 10.0]))
    tensor([0., 1.])
    """


@elementwise(f="log1p(input)", d={"input": "1 / (1 + input)"}, dtypes="float complex",
             ints="float", special="log1p", ref="numpy.log1p", domain=(-0.99, 1e3), ulp=4)
def log1p(input: Tensor) -> Tensor:
    """``log(1 + input)`` without loss of digits near 0.

    >>> wg.log1p(wg.tensor([0.0, 1.0]))
    tensor([0.0000, 0.6931])
    """


@elementwise(f="logaddexp(input, other)",
             d={"input": "sigmoid(input - other)", "other": "sigmoid(other - input)"},
             dtypes="float", inplace=False, ref="numpy.logaddexp", domain=(1, 100), ulp=8)
def logaddexp(input: Tensor, other: Tensor) -> Tensor:
    """``log(exp(input) + exp(other))`` without overflow.

    >>> wg.logaddexp(wg.tensor([1000.0]), wg.tensor([1000.0]))
    tensor([1000.6932])
    """


@elementwise(f="logaddexp2(input, other)",
             d={"input": "sigmoid((input - other) * 0.6931471805599453)",
                "other": "sigmoid((other - input) * 0.6931471805599453)"},
             dtypes="float", inplace=False, ref="numpy.logaddexp2", skip={"special": "-1 and -1 cancel, outside the domain"}, domain=(1, 100), ulp=8)
def logaddexp2(input: Tensor, other: Tensor) -> Tensor:
    """``log2(2**input + 2**other)`` without overflow.

    >>> wg.logaddexp2(wg.tensor([1000.0]), wg.tensor([1000.0]))
    tensor([1001.])
    """


@elementwise(f="ldexp(input, other)",
             d={"input": "exp2(other)", "other": "y * 0.6931471805599453"}, dtypes="float",
             ints="float", ref="lambda x, n: x * 2.0 ** n", domain=(-10, 10), ulp=4)
def ldexp(input: Tensor, other: Tensor) -> Tensor:
    """``input * 2**other``.

    >>> wg.ldexp(wg.tensor([1.0, 3.0]), wg.tensor([2, -1]))
    tensor([4.0000, 1.5000])
    """


@elementwise(f="xlogy(input, other)",
             d={"input": "0 if input == 0 and other <= 0 else log(other)",
                "other": "input / other"},
             dtypes="float", ints="float", special="xlogy", ref="scipy.special.xlogy",
             domain={"input": (-10, 10), "other": (0.01, 100)}, ulp=4)
def xlogy(input: Tensor | Number, other: Tensor | Number) -> Tensor:
    """``input * log(other)``, 0 where ``input`` is 0 and ``other`` is not NaN.

    >>> wg.xlogy(wg.tensor([0.0, 2.0]), wg.tensor([0.0, 1.0]))
    tensor([0., 0.])
    """


@elementwise(f="xlog1py(input, other)",
             d={"input": "0 if input == 0 and other <= -1 else log1p(other)",
                "other": "input / (1 + other)"},
             dtypes="float", ints="float", public="", special="xlog1py", inplace=False,
             ref="scipy.special.xlog1py", domain={"input": (-10, 10), "other": (-0.9, 100)},
             ulp=4)
def xlog1py(input: Tensor | Number, other: Tensor | Number) -> Tensor:
    """``input * log1p(other)``, 0 where ``input`` is 0 and ``other`` is not NaN.

    >>> wg.special.xlog1py(wg.tensor([0.0, 2.0]), wg.tensor([-1.0, 0.0]))
    tensor([0., 0.])
    """


@elementwise(f="entr(input)", d={"input": "-log(input) - 1"}, dtypes="float", ints="float",
             public="", special="entr", inplace=False, ref="scipy.special.entr",
             domain=(0, 100), kinks=[0], ulp=4)
def entr(input: Tensor) -> Tensor:
    """Entropy ``-input * log(input)``: 0 at 0, -inf below.

    >>> wg.special.entr(wg.tensor([0.0, 1.0]))
    tensor([0., -0.])
    """


# ---- trigonometric and hyperbolic functions -----------------------------------------------------


@elementwise(f="sin(input)", d={"input": "cos(input)"}, dtypes="float complex", ints="float",
             ref="numpy.sin", domain=(-20, 20), ulp=4)
def sin(input: Tensor) -> Tensor:
    """Sine of each element, an angle in radians.

    >>> wg.sin(wg.tensor([0.0, 1.0]))
    tensor([0.0000, 0.8415])
    """


@elementwise(f="cos(input)", d={"input": "-sin(input)"}, dtypes="float complex", ints="float",
             ref="numpy.cos", domain=(-20, 20), ulp=4)
def cos(input: Tensor) -> Tensor:
    """Cosine of each element, an angle in radians.

    >>> wg.cos(wg.tensor([0.0, 1.0]))
    tensor([1.0000, 0.5403])
    """


@elementwise(f="tan(input)", d={"input": "1 + y * y"}, dtypes="float complex", ints="float",
             ref="numpy.tan", domain=(-1.5, 1.5), ulp=4)
def tan(input: Tensor) -> Tensor:
    """Tangent of each element, an angle in radians.

    >>> wg.tan(wg.tensor([0.0, 1.0]))
    tensor([0.0000, 1.5574])
    """


@elementwise(f="asin(input)", d={"input": "rsqrt(1 - input) * rsqrt(1 + input)"},
             dtypes="float complex", ints="float", aliases="arcsin", ref="numpy.arcsin",
             domain=(-1, 1), kinks=[-1, 1], ulp=4)
def asin(input: Tensor) -> Tensor:
    """Inverse sine, in [-pi/2, pi/2]; NaN for real numbers outside [-1, 1].

    >>> wg.asin(wg.tensor([0.0, 1.0]))
    tensor([0.0000, 1.5708])
    """


@elementwise(f="acos(input)", d={"input": "-rsqrt(1 - input) * rsqrt(1 + input)"},
             dtypes="float complex", ints="float", aliases="arccos", ref="numpy.arccos",
             domain=(-1, 1), kinks=[-1, 1], ulp=4)
def acos(input: Tensor) -> Tensor:
    """Inverse cosine, in [0, pi]; NaN for real numbers outside [-1, 1].

    >>> wg.acos(wg.tensor([0.0, 1.0]))
    tensor([1.5708, 0.0000])
    """


@elementwise(f="atan(input)", d={"input": "1 / (1 + input * input)"}, dtypes="float complex",
             ints="float", aliases="arctan", ref="numpy.arctan", domain=(-100, 100), ulp=4)
def atan(input: Tensor) -> Tensor:
    """Inverse tangent, in [-pi/2, pi/2].

    >>> wg.atan(wg.tensor([0.0, 1.0]))
    tensor([0.0000, 0.7854])
    """


@elementwise(f="atan2(input, other)",
             d={"input": "0 if input == 0 and other == 0 else "
                         "other / hypot(input, other) / hypot(input, other)",
                "other": "0 if input == 0 and other == 0 else "
                         "-input / hypot(input, other) / hypot(input, other)"},
             dtypes="float", ints="float", aliases="arctan2", ref="numpy.arctan2",
             domain=(-100, 100), ulp=4)
def atan2(input: Tensor, other: Tensor) -> Tensor:
    """Angle of the point ``(other, input)`` in radians, in [-pi, pi]. Its derivative at 0 is 0.

    >>> wg.atan2(wg.tensor([1.0, -1.0]), wg.tensor([1.0, 0.0]))
    tensor([ 0.7854, -1.5708])
    """


@elementwise(f="hypot(input, other)",
             d={"input": "0 if y == 0 else input / y", "other": "0 if y == 0 else other / y"},
             dtypes="float", ref="numpy.hypot", domain=(-100, 100), ulp=4)
def hypot(input: Tensor, other: Tensor) -> Tensor:
    """``sqrt(input**2 + other**2)`` without overflow. Its derivative at 0 is 0.

    >>> wg.hypot(wg.tensor([3.0]), wg.tensor([4.0]))
    tensor([5.])
    """


@elementwise(f="sinh(input)", d={"input": "cosh(input)"}, dtypes="float complex", ints="float",
             ref="numpy.sinh", domain=(-80, 80), ulp=4)
def sinh(input: Tensor) -> Tensor:
    """Hyperbolic sine.

    >>> wg.sinh(wg.tensor([0.0, 1.0]))
    tensor([0.0000, 1.1752])
    """


@elementwise(f="cosh(input)", d={"input": "sinh(input)"}, dtypes="float complex", ints="float",
             ref="numpy.cosh", domain=(-80, 80), ulp=4)
def cosh(input: Tensor) -> Tensor:
    """Hyperbolic cosine.

    >>> wg.cosh(wg.tensor([0.0, 1.0]))
    tensor([1.0000, 1.5431])
    """


@elementwise(f="tanh(input)", d={"input": "(1 + y) * (1 - y)"}, dtypes="float complex",
             ints="float", ref="numpy.tanh", domain=(-20, 20), ulp=4)
def tanh(input: Tensor) -> Tensor:
    """Hyperbolic tangent.

    >>> wg.tanh(wg.tensor([0.0, 1.0]))
    tensor([0.0000, 0.7616])
    """


@elementwise(f="asinh(input)", d={"input": "rsqrt(1 + input * input)"}, dtypes="float complex",
             ints="float", aliases="arcsinh", ref="numpy.arcsinh", domain=(-100, 100), ulp=4)
def asinh(input: Tensor) -> Tensor:
    """Inverse hyperbolic sine.

    >>> wg.asinh(wg.tensor([0.0, 1.0]))
    tensor([0.0000, 0.8814])
    """


@elementwise(f="acosh(input)", d={"input": "rsqrt(input - 1) * rsqrt(input + 1)"},
             dtypes="float complex", ints="float", aliases="arccosh", ref="numpy.arccosh",
             domain=(1, 100), kinks=[1], ulp=4)
def acosh(input: Tensor) -> Tensor:
    """Inverse hyperbolic cosine; NaN for real numbers below 1.

    >>> wg.acosh(wg.tensor([1.0, 2.0]))
    tensor([0.0000, 1.3170])
    """


@elementwise(f="atanh(input)", d={"input": "1 / ((1 - input) * (1 + input))"},
             dtypes="float complex", ints="float", aliases="arctanh", ref="numpy.arctanh",
             domain=(-0.99, 0.99), ulp=4)
def atanh(input: Tensor) -> Tensor:
    """Inverse hyperbolic tangent; NaN for real numbers outside [-1, 1].

    >>> wg.atanh(wg.tensor([0.0, 0.5]))
    tensor([0.0000, 0.5493])
    """


# The closed form (cos(pi x) - y) / x of the derivative cancels near 0; its power series does not.
@elementwise(f="sinc(input)",
             d={"input": "input * (-3.289868133696453 + input * input * (3.246969701133414 + "
                         "input * input * (-1.144510944732505 + input * input * "
                         "(0.20918278254123832 + input * input * -0.023460810354558236)))) "
                         "if abs(input) < 0.1 else "
                         "(cos(input * 3.141592653589793) - y) / input"},
             dtypes="float complex", ints="float", special="sinc", ref="lambda x: np.where(x == 0, 1, (1 - 2 * (np.rint(x.real) % 2)) * np.sin(np.pi * (x - np.rint(x.real))) / (np.pi * np.where(x == 0, 1, x)))",
             domain=(-5, 5), ulp=8)
def sinc(input: Tensor) -> Tensor:
    """Normalised sinc function ``sin(pi x) / (pi x)``, 1 at 0.

    >>> wg.sinc(wg.tensor([0.0, 0.5]))
    tensor([1.0000, 0.6366])
    """


@elementwise(f="input * 0.017453292519943295", d={"input": "0.017453292519943295"},
             dtypes="float", ints="float", ref="numpy.deg2rad", domain=(-360, 360), ulp=2)
def deg2rad(input: Tensor) -> Tensor:
    """Degrees to radians.

    >>> wg.deg2rad(wg.tensor([0.0, 180.0]))
    tensor([0.0000, 3.1416])
    """


@elementwise(f="input * 57.29577951308232", d={"input": "57.29577951308232"},
             dtypes="float", ints="float", ref="numpy.rad2deg", domain=(-6, 6), ulp=2)
def rad2deg(input: Tensor) -> Tensor:
    """Radians to degrees.

    >>> wg.rad2deg(wg.tensor([0.0, 1.0]))
    tensor([ 0.0000, 57.2958])
    """
