"""Special functions: error function, gamma function and Bessel functions, element by element.

The entries are read as those of ops/elementwise.py are.
"""

from opgen.stubs import Number, Tensor, elementwise

# ---- error function and normal distribution -----------------------------------------------------


@elementwise(f="erf(input)", d={"input": "1.1283791670955126 * exp(-input * input)"},
             dtypes="float", ints="float", special="erf", ref="scipy.special.erf",
             domain=(-6, 6), ulp=4)
def erf(input: Tensor) -> Tensor:
    """Error function.

    >>> wg.erf(wg.tensor([0.0, 1.0]))
    tensor([0.0000, 0.8427])
    """


@elementwise(f="erfc(input)", d={"input": "-1.1283791670955126 * exp(-input * input)"},
             dtypes="float", ints="float", special="erfc", ref="scipy.special.erfc",
             domain=(-6, 8), ulp=4)
def erfc(input: Tensor) -> Tensor:
    """Complementary error function ``1 - erf(input)``, exact in its small values too.

    >>> wg.erfc(wg.tensor([0.0, 1.0]))
    tensor([1.0000, 0.1573])
    """


@elementwise(f="erfinv(input)", d={"input": "0.886226925452758 * exp(y * y)"},
             dtypes="float", ints="float", special="erfinv", ref="scipy.special.erfinv",
             domain=(-1, 1), kinks=[-1, 1], ulp=8)
def erfinv(input: Tensor) -> Tensor:
    """Inverse of the error function; NaN outside [-1, 1].

    From M. J. Wichura's algorithm AS 241 (1988).

    >>> wg.erfinv(wg.tensor([0.0, 0.5]))
    tensor([0.0000, 0.4769])
    """


@elementwise(f="erfcx(input)", d={"input": "2 * input * y - 1.1283791670955126"},
             dtypes="float", ints="float", public="", special="erfcx", inplace=False,
             ref="scipy.special.erfcx", domain=(-8, 50), ulp=4)
def erfcx(input: Tensor) -> Tensor:
    """Scaled complementary error function ``exp(input**2) * erfc(input)``.

    From M. M. Shepherd and J. G. Laframboise, Mathematics of Computation 36 (1981).

    >>> wg.special.erfcx(wg.tensor([0.0, 10.0]))
    tensor([1.0000, 0.0561])
    """


@elementwise(f="ndtr(input)", d={"input": "_normal_density(input)"}, dtypes="float", ints="float",
             public="", special="ndtr", inplace=False, ref="scipy.special.ndtr", domain=(-8, 8),
             ulp=128)
def ndtr(input: Tensor) -> Tensor:
    """Distribution function of the standard normal distribution.

    >>> wg.special.ndtr(wg.tensor([0.0, 1.0]))
    tensor([0.5000, 0.8413])
    """


@elementwise(f="_normal_density(input)", d={"input": "-input * y"}, dtypes="float", public="",
             inplace=False, ref="lambda x: np.exp(-x * x / 2) / np.sqrt(2 * np.pi)",
             domain=(-8, 8), ulp=64)
def _normal_density(input: Tensor) -> Tensor:
    """Density of the standard normal distribution."""


@elementwise(f="ndtri(input)", d={"input": "2.5066282746310002 * exp(0.5 * y * y)"},
             dtypes="float", ints="float", public="", special="ndtri", inplace=False,
             ref="scipy.special.ndtri", domain=(0, 1), kinks=[0, 1], ulp=8)
def ndtri(input: Tensor) -> Tensor:
    """Quantile of the standard normal distribution, the inverse of ``ndtr``; NaN outside [0, 1].

    From M. J. Wichura's algorithm AS 241 (1988).

    >>> wg.special.ndtri(wg.tensor([0.5, 0.975]))
    tensor([0.0000, 1.9600])
    """


@elementwise(f="log_ndtr(input)",
             d={"input": "0.7978845608028654 / erfcx(input * -0.7071067811865476)"},
             dtypes="float", ints="float", public="", special="log_ndtr", inplace=False,
             ref="scipy.special.log_ndtr", domain=(-30, 5), ulp=8)
def log_ndtr(input: Tensor) -> Tensor:
    """Logarithm of ``ndtr``, exact far to the left too.

    >>> wg.special.log_ndtr(wg.tensor([0.0, -10.0]))
    tensor([ -0.6931, -53.2313])
    """


# ---- gamma function -----------------------------------------------------------------------------


@elementwise(f="lgamma(input)", d={"input": "digamma(input)"}, dtypes="float", ints="float",
             special="gammaln", ref="lambda x: scipy.special.gammaln(np.where(np.isneginf(x), np.inf, x))",
             skip={"value float64": "the reference loses digits near the zeros at 1 and 2"}, domain=(0.01, 100), ulp=8)
def lgamma(input: Tensor) -> Tensor:
    """Logarithm of the absolute value of the gamma function.

    >>> wg.lgamma(wg.tensor([1.0, 5.0]))
    tensor([0.0000, 3.1781])
    """


@elementwise(f="digamma(input)", d={"input": "polygamma(1, input)"}, dtypes="float", ints="float",
             special="psi digamma", ref="scipy.special.digamma", domain=(0.01, 100), ulp=4)
def digamma(input: Tensor) -> Tensor:
    """Derivative of ``lgamma``. -inf at 0; NaN at the negative whole numbers.

    >>> wg.digamma(wg.tensor([1.0, 0.5]))
    tensor([-0.5772, -1.9635])
    """


@elementwise(f="polygamma(n, input)", d={"input": "polygamma(n + 1, input)"}, dtypes="float",
             ints="float", special="polygamma", check="polygamma_order",
             ref="lambda n, x: np.where(np.isneginf(x), np.nan, scipy.special.polygamma(n, x))", domain=(0.1, 100), ulp=8)
def polygamma(n: int, input: Tensor) -> Tensor:
    """The n-th derivative of ``digamma``.

    Raises RuntimeError if ``n`` is negative.

    >>> wg.polygamma(1, wg.tensor([1.0, 0.5]))
    tensor([1.6449, 4.9348])
    """


@elementwise(f="zeta(input, other)", vjp={"input": "_not_implemented(g, 'zeta: input')"},
             d={"other": "-input * zeta(input + 1, other)"},
             dtypes="float", ints="float", public="", special="zeta", inplace=False,
             ref="lambda x, q: np.where(np.isnan(x + q), np.nan, scipy.special.zeta(x, q))", skip={"special": "the reference gives NaN at infinity"}, domain={"input": (1.1, 20), "other": (0.1, 20)}, ulp=4)
def zeta(input: Tensor | Number, other: Tensor | Number) -> Tensor:
    """Hurwitz zeta function, the sum of ``(other + k)**-input`` over ``k = 0, 1, ...``.

    Differentiable in ``other`` only.

    >>> wg.special.zeta(wg.tensor([2.0]), wg.tensor([1.0]))
    tensor([1.6449])
    """


@elementwise(f="igamma(input, other)", vjp={"input": "_not_implemented(g, 'igamma: input')"},
             d={"other": "exp((input - 1) * log(other) - other - lgamma(input))"}, dtypes="float",
             ints="float", special="gammainc", ref="scipy.special.gammainc",
             domain={"input": (0.05, 50), "other": (0.05, 60)}, ulp=256)
def igamma(input: Tensor | Number, other: Tensor | Number) -> Tensor:
    """Regularised lower incomplete gamma function P(input, other). Differentiable in ``other``.

    >>> wg.igamma(wg.tensor([1.0, 2.0]), wg.tensor([1.0, 1.0]))
    tensor([0.6321, 0.2642])
    """


@elementwise(f="igammac(input, other)", vjp={"input": "_not_implemented(g, 'igammac: input')"},
             d={"other": "-exp((input - 1) * log(other) - other - lgamma(input))"}, dtypes="float",
             ints="float", special="gammaincc", ref="scipy.special.gammaincc",
             domain={"input": (0.05, 50), "other": (0.05, 60)}, ulp=256)
def igammac(input: Tensor | Number, other: Tensor | Number) -> Tensor:
    """Regularised upper incomplete gamma function, ``1 - igamma(input, other)``, without the
    difference. Differentiable in ``other``.

    >>> wg.igammac(wg.tensor([1.0, 2.0]), wg.tensor([1.0, 1.0]))
    tensor([0.3679, 0.7358])
    """


@elementwise(f="standard_gamma_grad(input, sample)", dtypes="float", public="", inplace=False,
             vjp={"input": "_not_implemented(g, '_standard_gamma_grad')",
                  "sample": "_not_implemented(g, '_standard_gamma_grad')"},
             ref="lambda a, x: (scipy.special.gammaincinv(a + 1e-5, scipy.special.gammainc(a, x)) -"
                 " scipy.special.gammaincinv(a - 1e-5, scipy.special.gammainc(a, x))) / 2e-5",
             skip={"value float64": "the reference is a difference of neighbours",
                   "special": "the reference has quantiles of 0 and 1 only, which say nothing"},
             domain={"input": (0.5, 20), "sample": (0.5, 12)}, ulp=64)
def _standard_gamma_grad(input: Tensor | Number, sample: Tensor | Number) -> Tensor:
    """The derivative of a draw from a gamma distribution in the shape, at a fixed quantile."""


# ---- Bessel functions ---------------------------------------------------------------------------


@elementwise(f="i0(input)", d={"input": "i1(input)"}, dtypes="float", ints="float", special="i0",
             ref="lambda x: np.where(np.isinf(x), np.inf, scipy.special.i0(x))", domain=(-80, 80), ulp=4)
def i0(input: Tensor) -> Tensor:
    """Modified Bessel function of the first kind of order 0.

    >>> wg.i0(wg.tensor([0.0, 1.0]))
    tensor([1.0000, 1.2661])
    """


@elementwise(f="i0e(input)", d={"input": "i1e(input) - sgn(input) * y"}, dtypes="float",
             ints="float", public="", special="i0e", inplace=False, ref="scipy.special.i0e",
             domain=(-100, 100), kinks=[0], ulp=4)
def i0e(input: Tensor) -> Tensor:
    """``exp(-abs(input)) * i0(input)``.

    >>> wg.special.i0e(wg.tensor([0.0, 1.0]))
    tensor([1.0000, 0.4658])
    """


@elementwise(f="i1(input)", d={"input": "0.5 if input == 0 else i0(input) - y / input"},
             dtypes="float", ints="float", public="", special="i1", inplace=False,
             ref="lambda x: np.where(np.isinf(x), x, scipy.special.i1(x))", domain=(-80, 80), ulp=4)
def i1(input: Tensor) -> Tensor:
    """Modified Bessel function of the first kind of order 1.

    >>> wg.special.i1(wg.tensor([0.0, 1.0]))
    tensor([0.0000, 0.5652])
    """


@elementwise(f="i1e(input)",
             d={"input": "0.5 if input == 0 else i0e(input) - y * (sgn(input) + 1 / input)"},
             dtypes="float", ints="float", public="", special="i1e", inplace=False,
             ref="scipy.special.i1e", domain=(-100, 100), kinks=[0], ulp=4)
def i1e(input: Tensor) -> Tensor:
    """``exp(-abs(input)) * i1(input)``.

    >>> wg.special.i1e(wg.tensor([0.0, 1.0]))
    tensor([0.0000, 0.2079])
    """


@elementwise(f="bessel_j0(input)", d={"input": "-bessel_j1(input)"},
             dtypes="float", ints="float", public="", special="bessel_j0", inplace=False,
             ref="scipy.special.j0",
             skip={"special": "the reference is NaN at infinity and inexact far away"}, domain=(-7.9, 7.9), ulp=16)
def bessel_j0(input: Tensor) -> Tensor:
    """Bessel function of the first kind of order 0.

    >>> wg.special.bessel_j0(wg.tensor([0.0, 1.0]))
    tensor([1.0000, 0.7652])
    """


@elementwise(f="bessel_j1(input)", d={"input": "0.5 if input == 0 else bessel_j0(input) - y / input"},
             dtypes="float", ints="float", public="", special="bessel_j1", inplace=False,
             ref="scipy.special.j1",
             skip={"special": "the reference is NaN at infinity and inexact far away"}, domain=(-7.9, 7.9), ulp=16)
def bessel_j1(input: Tensor) -> Tensor:
    """Bessel function of the first kind of order 1.

    >>> wg.special.bessel_j1(wg.tensor([0.0, 1.0]))
    tensor([0.0000, 0.4401])
    """


@elementwise(f="bessel_y0(input)", d={"input": "-bessel_y1(input)"},
             dtypes="float", ints="float", public="", special="bessel_y0", inplace=False,
             ref="scipy.special.y0",
             skip={"special": "the reference is NaN at infinity and inexact far away"}, domain=(0.05, 7.9), ulp=64)
def bessel_y0(input: Tensor) -> Tensor:
    """Bessel function of the second kind of order 0; NaN below 0.

    >>> wg.special.bessel_y0(wg.tensor([1.0, 2.0]))
    tensor([0.0883, 0.5104])
    """


@elementwise(f="bessel_y1(input)", d={"input": "bessel_y0(input) - y / input"},
             dtypes="float", ints="float", public="", special="bessel_y1", inplace=False,
             ref="scipy.special.y1",
             skip={"special": "the reference is NaN at infinity and inexact far away"}, domain=(0.05, 2.0), ulp=64)
def bessel_y1(input: Tensor) -> Tensor:
    """Bessel function of the second kind of order 1; NaN below 0.

    >>> wg.special.bessel_y1(wg.tensor([1.0, 2.0]))
    tensor([-0.7812, -0.1070])
    """


@elementwise(f="modified_bessel_k0(input)", d={"input": "-modified_bessel_k1(input)"},
             dtypes="float", ints="float", public="", special="modified_bessel_k0", inplace=False,
             ref="scipy.special.k0", domain=(0.05, 60), ulp=8)
def modified_bessel_k0(input: Tensor) -> Tensor:
    """Modified Bessel function of the second kind of order 0; NaN below 0.

    >>> wg.special.modified_bessel_k0(wg.tensor([1.0, 2.0]))
    tensor([0.4210, 0.1139])
    """


@elementwise(f="modified_bessel_k1(input)", d={"input": "-modified_bessel_k0(input) - y / input"},
             dtypes="float", ints="float", public="", special="modified_bessel_k1", inplace=False,
             ref="scipy.special.k1", domain=(0.05, 60), ulp=8)
def modified_bessel_k1(input: Tensor) -> Tensor:
    """Modified Bessel function of the second kind of order 1; NaN below 0.

    >>> wg.special.modified_bessel_k1(wg.tensor([1.0, 2.0]))
    tensor([0.6019, 0.1399])
    """


@elementwise(f="scaled_modified_bessel_k0(input)", d={"input": "y - scaled_modified_bessel_k1(input)"},
             dtypes="float", ints="float", public="", special="scaled_modified_bessel_k0", inplace=False,
             ref="scipy.special.k0e", domain=(0.05, 100), ulp=8)
def scaled_modified_bessel_k0(input: Tensor) -> Tensor:
    """``exp(input) * modified_bessel_k0(input)``.

    >>> wg.special.scaled_modified_bessel_k0(wg.tensor([1.0, 2.0]))
    tensor([1.1445, 0.8416])
    """


@elementwise(f="scaled_modified_bessel_k1(input)", d={"input": "y - scaled_modified_bessel_k0(input) - y / input"},
             dtypes="float", ints="float", public="", special="scaled_modified_bessel_k1", inplace=False,
             ref="scipy.special.k1e", domain=(0.05, 100), ulp=8)
def scaled_modified_bessel_k1(input: Tensor) -> Tensor:
    """``exp(input) * modified_bessel_k1(input)``.

    >>> wg.special.scaled_modified_bessel_k1(wg.tensor([1.0, 2.0]))
    tensor([1.6362, 1.0335])
    """


@elementwise(f="airy_ai(input)", vjp={"input": "_not_implemented(g, 'airy_ai: input')"},
             dtypes="float", ints="float", public="", special="airy_ai", inplace=False,
             ref="lambda x: scipy.special.airy(x)[0]",
             skip={"special": "the reference is NaN far away"}, domain=(-2, 10), ulp=16)
def airy_ai(input: Tensor) -> Tensor:
    """Airy function Ai, which solves ``y'' = x y`` and falls to 0 at infinity; no derivative yet.

    >>> wg.special.airy_ai(wg.tensor([0.0, 1.0]))
    tensor([0.3550, 0.1353])
    """
