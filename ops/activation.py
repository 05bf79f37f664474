"""Activation functions and the pointwise parts of losses.

The entries are read as those of ops/elementwise.py are. Derivatives at kinks are PyTorch's.
"""

from opgen.stubs import Number, Tensor, elementwise, opaque

# ---- sigmoids -----------------------------------------------------------------------------------


@elementwise(f="sigmoid(input)", d={"input": "y * (1 - y)"}, dtypes="float complex", ints="float",
             special="expit", ref="lambda x: 1 / (1 + np.exp(-x))", domain=(-50, 50), ulp=4)
def sigmoid(input: Tensor) -> Tensor:
    """Logistic function ``1 / (1 + exp(-input))``.

    >>> wg.sigmoid(wg.tensor([0.0, 1.0]))
    tensor([0.5000, 0.7311])
    """


@elementwise(node="LogSigmoid", f="logsigmoid(input)", d={"input": "-expm1(y)"}, dtypes="float", public="nn",
             inplace=False, ref="scipy.special.log_expit", domain=(-50, 50), ulp=4)
def logsigmoid(input: Tensor) -> Tensor:
    """``log(sigmoid(input))`` without overflow.

    >>> wg.nn.functional.logsigmoid(wg.tensor([0.0, 1.0]))
    tensor([-0.6931, -0.3133])
    """


@elementwise(f="logit(input, eps)",
             d={"input": "0 if input < eps or 1 - input < eps else "
                         "(nan if input < 0 or input > 1 else 1 / (input * (1 - input)))"},
             dtypes="float", ints="float", special="logit", ref="scipy.special.logit",
             domain=(0.01, 0.99), ulp=8)
def logit(input: Tensor, eps: float | None = None) -> Tensor:
    """``log(input / (1 - input))``, the inverse of ``sigmoid``.

    With ``eps``, elements are first moved into [eps, 1 - eps]; without, the result outside [0, 1]
    is NaN.

    >>> wg.logit(wg.tensor([0.5, 0.75]))
    tensor([0.0000, 1.0986])
    """


@elementwise(f="clamp_min(clamp_max(input + 3, 6), 0) / 6",
             d={"input": "0.16666666666666666 if input > -3 and input < 3 else 0"},
             dtypes="float", public="nn", ref="lambda x: np.clip(x + 3, 0, 6) / 6",
             domain=(-6, 6), kinks=[-3, 3], ulp=8)
def hardsigmoid(input: Tensor) -> Tensor:
    """``clamp(input + 3, 0, 6) / 6``.

    >>> wg.nn.functional.hardsigmoid(wg.tensor([-4.0, 0.0, 4.0]))
    tensor([0.0000, 0.5000, 1.0000])
    """


# ---- rectifiers ---------------------------------------------------------------------------------


@elementwise(f="0 if input <= 0 else input", d={"input": "0 if y <= 0 else 1"},
             dtypes="float int", public="function method nn", out_variant=False,
             ref="lambda x: np.maximum(x, 0)", domain=(-10, 10), kinks=[0], ulp=0)
def relu(input: Tensor) -> Tensor:
    """``max(input, 0)``. The derivative at 0 is 0.

    >>> wg.relu(wg.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """


@elementwise(f="clamp_min(clamp_max(input, 6), 0)", d={"input": "0 if y <= 0 or y >= 6 else 1"},
             dtypes="float int", public="nn", out_variant=False, ref="lambda x: np.clip(x, 0, 6)",
             domain=(-10, 10), kinks=[0, 6], ulp=0)
def relu6(input: Tensor) -> Tensor:
    """``clamp(input, 0, 6)``. The derivative at 0 and 6 is 0.

    >>> wg.nn.functional.relu6(wg.tensor([-1.0, 2.0, 7.0]))
    tensor([0., 2., 6.])
    """


@elementwise(f="input if input > 0 else input * negative_slope",
             d={"input": "1 if input > 0 else negative_slope"}, dtypes="float", public="nn",
             ref="lambda x, negative_slope=0.01: np.where(x > 0, x, x * negative_slope)",
             domain=(-10, 10), kinks=[0], ulp=2)
def leaky_relu(input: Tensor, negative_slope: float = 0.01) -> Tensor:
    """``input`` where positive, ``negative_slope * input`` elsewhere.

    >>> wg.nn.functional.leaky_relu(wg.tensor([-1.0, 2.0]))
    tensor([-0.0100,  2.0000])
    """


@elementwise(autocast="low", f="input if input > 0 else input * weight",
             d={"input": "1 if input > 0 else weight", "weight": "0 if input > 0 else input"},
             dtypes="float", public="", inplace=False, ref="lambda x, w: np.where(x > 0, x, x * w)",
             domain=(-10, 10), kinks={"input": [0]}, ulp=1)
def _prelu_kernel(input: Tensor, weight: Tensor) -> Tensor:
    """``input`` where positive, ``weight * input`` elsewhere; shapes broadcast.

    Serves ``prelu``, and ``rrelu`` with its random slopes as the weight.
    """


@elementwise(f="input if input > 0 else alpha * expm1(input)",
             d={"input": "1 if input > 0 else alpha * exp(input)"}, dtypes="float", public="nn",
             ref="lambda x, alpha=1.0: np.where(x > 0, x, alpha * np.expm1(x))", domain=(-10, 10),
             kinks=[0], ulp=4)
def elu(input: Tensor, alpha: float = 1.0) -> Tensor:
    """``input`` where positive, ``alpha * (exp(input) - 1)`` elsewhere.

    >>> wg.nn.functional.elu(wg.tensor([-1.0, 2.0]))
    tensor([-0.6321,  2.0000])
    """


@elementwise(f="1.0507009873554805 * input if input > 0 else 1.7580993408473766 * expm1(input)",
             d={"input": "1.0507009873554805 if input > 0 else 1.7580993408473766 * exp(input)"},
             dtypes="float", public="function nn", out_variant=False,
             ref="lambda x: np.where(x > 0, 1.0507009873554805 * x, "
                 "1.7580993408473766 * np.expm1(x))",
             domain=(-10, 10), kinks=[0], ulp=4)
def selu(input: Tensor) -> Tensor:
    """Scaled exponential linear unit, with the constants of G. Klambauer et al. (2017).

    >>> wg.selu(wg.tensor([-1.0, 2.0]))
    tensor([-1.1113,  2.1014])
    """


@elementwise(f="input if input > 0 else alpha * expm1(input / alpha)",
             d={"input": "1 if input > 0 else exp(input / alpha)"}, dtypes="float",
             public="function nn", out_variant=False, check="celu_alpha",
             ref="lambda x, alpha=1.0: np.where(x > 0, x, alpha * np.expm1(x / alpha))",
             domain=(-10, 10), kinks=[0], ulp=4)
def celu(input: Tensor, alpha: float = 1.0) -> Tensor:
    """``input`` where positive, ``alpha * (exp(input / alpha) - 1)`` elsewhere.

    Raises RuntimeError if ``alpha`` is 0.

    >>> wg.celu(wg.tensor([-1.0, 2.0]))
    tensor([-0.6321,  2.0000])
    """


@elementwise(f="value if input <= threshold else input",
             d={"input": "0 if input <= threshold else 1"}, dtypes="float int",
             public="function nn",
             ref="lambda x, threshold, value: np.where(x <= threshold, value, x)",
             domain=(-10, 10), ulp=0)
def threshold(input: Tensor, threshold: Number, value: Number) -> Tensor:
    """``input`` where it is greater than ``threshold``, ``value`` elsewhere.

    >>> wg.threshold(wg.tensor([0.5, 2.0]), 1.0, -1.0)
    tensor([-1.,  2.])
    """


@elementwise(f="clamp_max(clamp_min(input, min_val), max_val)",
             d={"input": "0 if input <= min_val or input >= max_val else 1"}, dtypes="float",
             public="nn", check="hardtanh_limits",
             ref="lambda x, min_val=-1.0, max_val=1.0: np.clip(x, min_val, max_val)",
             domain=(-3, 3), kinks=[-1, 1], ulp=0)
def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    """``clamp(input, min_val, max_val)``, with the derivative 0 at the limits.

    Raises ValueError if ``min_val`` is greater than ``max_val``.

    >>> wg.nn.functional.hardtanh(wg.tensor([-2.0, 0.5]))
    tensor([-1.0000,  0.5000])
    """


# ---- smooth activations -------------------------------------------------------------------------


@elementwise(f="softplus(input, beta, threshold)",
             d={"input": "1 if input * beta > threshold else sigmoid(input * beta)"},
             dtypes="float", public="nn", inplace=False,
             ref="lambda x, beta=1.0, threshold=20.0: np.logaddexp(0, x * beta) / beta",
             domain=(-20, 20), ulp=4)
def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """``log(1 + exp(beta * input)) / beta``; ``input`` where ``beta * input > threshold``.

    >>> wg.nn.functional.softplus(wg.tensor([0.0, 1.0]))
    tensor([0.6931, 1.3133])
    """


@elementwise(f="input / (1 + abs(input))",
             d={"input": "1 / ((1 + abs(input)) * (1 + abs(input)))"}, dtypes="float",
             public="nn", inplace=False, out_variant=False, ref="lambda x: x / (1 + np.abs(x))",
             domain=(-20, 20), ulp=2)
def softsign(input: Tensor) -> Tensor:
    """``input / (1 + abs(input))``.

    >>> wg.nn.functional.softsign(wg.tensor([-1.0, 3.0]))
    tensor([-0.5000,  0.7500])
    """


@elementwise(f="tanhshrink(input)", d={"input": "tanh(input) * tanh(input)"}, dtypes="float",
             public="nn", inplace=False, out_variant=False, ref="lambda x: np.where(np.abs(x) < 1e-4, x ** 3 / 3, x - np.tanh(x))",
             domain=(0.3, 20), ulp=8)
def tanhshrink(input: Tensor) -> Tensor:
    """``input - tanh(input)``, exact near 0 too.

    >>> wg.nn.functional.tanhshrink(wg.tensor([0.0, 1.0]))
    tensor([0.0000, 0.2384])
    """


@elementwise(f="input * sigmoid(input)",
             d={"input": "sigmoid(input) * (1 + input * (1 - sigmoid(input)))"},
             dtypes="float complex", public="nn", ref="lambda x: x / (1 + np.exp(-x))",
             domain=(-20, 20), ulp=4)
def silu(input: Tensor) -> Tensor:
    """``input * sigmoid(input)``, also known as swish.

    >>> wg.nn.functional.silu(wg.tensor([0.0, 1.0]))
    tensor([0.0000, 0.7311])
    """


@elementwise(f="input * _mish_gate(input)",
             d={"input": "_mish_gate(input) + input * sigmoid(input) * "
                         "((1 + _mish_gate(input)) * (1 - _mish_gate(input)))"},
             dtypes="float", public="nn", ref="lambda x: x * np.tanh(np.logaddexp(0, x))",
             domain=(-20, 20), ulp=8)
def mish(input: Tensor) -> Tensor:
    """``input * tanh(softplus(input))``, D. Misra (2019).

    >>> wg.nn.functional.mish(wg.tensor([0.0, 1.0]))
    tensor([0.0000, 0.8651])
    """


@elementwise(f="_mish_gate(input)", d={"input": "sigmoid(input) * ((1 + y) * (1 - y))"},
             dtypes="float", public="", inplace=False, out_variant=False,
             ref="lambda x: np.tanh(np.logaddexp(0, x))", domain=(-20, 20), ulp=8)
def _mish_gate(input: Tensor) -> Tensor:
    """``tanh(softplus(input))``."""


@opaque(public="nn", samples=[{"input": "randn(4)"}, {"input": "randn(2, 3)", "approximate": "tanh"}],
        batch="through")
def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """``input`` times the normal distribution function of it, exact or by the tanh formula.

    >>> wg.nn.functional.gelu(wg.tensor([-1.0, 0.0, 1.0]))
    tensor([-0.1587,  0.0000,  0.8413])
    """


@opaque(node="Gelu", d={"input": "_gelu_vjp(g0, input, y1, tanh)"}, public="", batch="rule",
        samples=[{"input": "randn(2, 20)", "tanh": False}, {"input": "randn(37)", "tanh": True}])
def _gelu_with_slope(input: Tensor, tanh: bool) -> tuple[Tensor, Tensor]:
    """``gelu`` and its derivative, for ``gelu`` where both will be needed."""


@opaque(public="", batch="through")
def _gelu_vjp(grad: Tensor, input: Tensor, slope: Tensor, tanh: bool) -> Tensor:
    """``grad * slope``, where the slope is kept or recorded."""


@elementwise(node="Gelu", f="input * ndtr(input)",
             d={"input": "ndtr(input) + input * _normal_density(input)"}, dtypes="float",
             public="", ref="lambda x: x * scipy.special.ndtr(x)", domain=(-8, 8), ulp=128)
def _gelu_erf(input: Tensor) -> Tensor:
    """``gelu(input)``: ``input`` times the normal distribution function."""


@elementwise(node="Gelu", f="input * _gelu_gate(input)",
             d={"input": "_gelu_gate(input) * (1 + input * (1 - _gelu_gate(input)) * "
                         "(1.5957691216057308 + 0.21406444881780073 * input * input))"},
             dtypes="float", public="",
             ref="lambda x: x * scipy.special.expit("
                 "1.5957691216057308 * (x + 0.044715 * x ** 3))",
             domain=(-5, 6), ulp=64)
def _gelu_tanh(input: Tensor) -> Tensor:
    """``gelu(input, approximate="tanh")``, D. Hendrycks and K. Gimpel (2016)."""


@elementwise(f="_gelu_gate(input)",
             d={"input": "y * (1 - y) * "
                         "(1.5957691216057308 + 0.21406444881780073 * input * input)"},
             dtypes="float", public="", inplace=False, out_variant=False,
             ref="lambda x: scipy.special.expit(1.5957691216057308 * (x + 0.044715 * x ** 3))",
             domain=(-5, 6), ulp=64)
def _gelu_gate(input: Tensor) -> Tensor:
    """The factor of ``input`` in ``_gelu_tanh``."""


@elementwise(f="input * (clamp_min(clamp_max(input + 3, 6), 0) / 6)",
             d={"input": "0 if input <= -3 else "
                         "(input * 0.3333333333333333 + 0.5 if input < 3 else 1)"},
             dtypes="float", public="nn", ref="lambda x: x * np.clip(x + 3, 0, 6) / 6",
             domain=(-6, 6), kinks=[-3, 3], ulp=8)
def hardswish(input: Tensor) -> Tensor:
    """``input * clamp(input + 3, 0, 6) / 6``, A. Howard et al. (2019).

    >>> wg.nn.functional.hardswish(wg.tensor([-4.0, 1.0, 4.0]))
    tensor([-0.0000, 0.6667, 4.0000])
    """


@elementwise(f="0 if input >= -lambd and input <= lambd else input",
             d={"input": "0 if input >= -lambd and input <= lambd else 1"}, dtypes="float",
             public="function method nn", inplace=False,
             ref="lambda x, lambd=0.5: np.where(np.abs(x) <= lambd, 0, x)", domain=(-3, 3),
             kinks=[-0.5, 0.5], ulp=0)
def hardshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """0 in [-lambd, lambd], ``input`` elsewhere.

    >>> wg.hardshrink(wg.tensor([0.25, -2.0]))
    tensor([ 0., -2.])
    """


@elementwise(f="input - lambd if input > lambd else "
               "(input + lambd if input < -lambd else input * 0)",
             d={"input": "0 if input >= -lambd and input <= lambd else 1"}, dtypes="float",
             public="nn", inplace=False, check="softshrink_lambd",
             ref="lambda x, lambd=0.5: np.sign(x) * np.maximum(np.abs(x) - lambd, 0)",
             domain=(-3, 3), kinks=[-0.5, 0.5], ulp=1)
def softshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """``input`` moved towards 0 by ``lambd``; 0 in [-lambd, lambd].

    Raises RuntimeError if ``lambd`` is negative.

    >>> wg.nn.functional.softshrink(wg.tensor([0.25, -2.0]))
    tensor([ 0.0000, -1.5000])
    """


# ---- pointwise parts of losses: reduction and weights are added in _composite -------------------


@elementwise(autocast="high", f="square(input - target)",
             d={"input": "2 * (input - target)", "target": "2 * (target - input)"},
             dtypes="float complex", public="", inplace=False,
             ref="lambda x, t: (x - t) ** 2", domain=(-3, 3), ulp=4)
def _mse(input: Tensor, target: Tensor) -> Tensor:
    """Squared difference."""


@elementwise(autocast="high", f="0.5 * square(input - target) / beta if abs(input - target) < beta else "
               "abs(input - target) - 0.5 * beta",
             d={"input": "(input - target) / beta if abs(input - target) < beta else "
                         "sgn(input - target)",
                "target": "(target - input) / beta if abs(input - target) < beta else "
                          "sgn(target - input)"},
             dtypes="float", public="", inplace=False,
             ref="lambda x, t, beta: np.where(np.abs(x - t) < beta, (x - t) ** 2 / (2 * beta), "
                 "np.abs(x - t) - beta / 2)",
             domain=(-3, 3), ulp=16)
def _smooth_l1(input: Tensor, target: Tensor, beta: float) -> Tensor:
    """Absolute difference, made quadratic below ``beta``; R. Girshick (2015)."""


@elementwise(autocast="high", f="0.5 * square(input - target) if abs(input - target) <= delta else "
               "delta * (abs(input - target) - 0.5 * delta)",
             d={"input": "_clamp(input - target, -delta, delta)",
                "target": "_clamp(target - input, -delta, delta)"},
             dtypes="float", public="", inplace=False,
             ref="lambda x, t, delta: scipy.special.huber(delta, x - t)", domain=(-3, 3), ulp=16)
def _huber(input: Tensor, target: Tensor, delta: float) -> Tensor:
    """Squared difference, halved, made linear beyond ``delta``; P. J. Huber (1964)."""


@elementwise(autocast="high", f="(target - 1) * clamp_min(log1p(-input), -100) - "
               "target * clamp_min(log(input), -100)",
             d={"input": "(input - target) / clamp_min((1 - input) * input, 1e-12)",
                "target": "clamp_min(log1p(-input), -100) - clamp_min(log(input), -100)"},
             dtypes="float", public="", inplace=False, check="unit_interval",
             ref="lambda x, t: -(t * np.log(x) + (1 - t) * np.log1p(-x))", skip={"special": "raises for inputs outside [0, 1]"}, domain=(0.01, 0.99),
             ulp=16)
def _binary_cross_entropy(input: Tensor, target: Tensor) -> Tensor:
    """Cross entropy of probabilities; the logarithms are not less than -100."""


@elementwise(autocast="high", f="log1p(exp(-abs(input))) + "
               "((1 - target) * input if input > 0 else -target * input)",
             d={"input": "sigmoid(input) - target", "target": "-input"}, dtypes="float",
             public="", inplace=False, ref="lambda x, t: np.where(x > 0, (1 - t) * x, -t * x) + np.log1p(np.exp(-np.abs(x)))",
             domain={"input": (-10, 10), "target": (0, 1)}, ulp=32)
def _bce_with_logits(input: Tensor, target: Tensor) -> Tensor:
    """Cross entropy of ``sigmoid(input)``, without overflow."""


@elementwise(autocast="high", f="(target - 1) * logsigmoid(-input) - pos_weight * target * logsigmoid(input)",
             d={"input": "(1 - target) * sigmoid(input) - pos_weight * target * sigmoid(-input)",
                "target": "logsigmoid(-input) - pos_weight * logsigmoid(input)",
                "pos_weight": "-target * logsigmoid(input)"},
             dtypes="float", public="", inplace=False,
             ref="lambda x, t, w: (1 - t) * np.logaddexp(0, x) + w * t * np.logaddexp(0, -x)", skip={"special float32": "overflows where the reference in float64 does not"},
             domain={"input": (-10, 10), "target": (0, 1), "pos_weight": (0.5, 2)}, ulp=32)
def _bce_with_logits_weighted(input: Tensor, target: Tensor, pos_weight: Tensor) -> Tensor:
    """``_bce_with_logits`` with positive targets counted ``pos_weight`` times."""


@elementwise(autocast="high", f="-logsigmoid(input * target)",
             d={"input": "-target * sigmoid(-input * target)",
                "target": "-input * sigmoid(-input * target)"},
             dtypes="float", public="", inplace=False,
             ref="lambda x, t: np.logaddexp(0, -x * t)", domain=(-3, 3), ulp=8)
def _soft_margin(input: Tensor, target: Tensor) -> Tensor:
    """``log(1 + exp(-input * target))`` without overflow."""


@elementwise(autocast="high", f="xlogy(target, target) - target * input",
             d={"input": "-target",
                "target": "log(target) + 1 - input if target > 0 else -input"},
             dtypes="float", public="", inplace=False,
             ref="lambda x, t: scipy.special.xlogy(t, t) - t * x", skip={"special float32": "overflows where the reference in float64 does not"},
             domain={"input": (-10, -3), "target": (0.1, 1)}, ulp=16)
def _kl_div(input: Tensor, target: Tensor) -> Tensor:
    """``target * (log(target) - input)``, 0 where ``target`` is; ``input`` is a logarithm."""


@elementwise(autocast="high", f="exp(target) * (target - input)",
             d={"input": "-exp(target)", "target": "exp(target) * (target - input + 1)"},
             dtypes="float", public="", inplace=False,
             ref="lambda x, t: np.exp(t) * (t - x)", skip={"special float32": "overflows where the reference in float64 does not"},
             domain={"input": (-10, -6), "target": (-5, 0)}, ulp=16)
def _kl_div_log_target(input: Tensor, target: Tensor) -> Tensor:
    """``_kl_div`` with the logarithm of the target."""


@elementwise(autocast="high", f="exp(input) - target * input",
             d={"input": "exp(input) - target", "target": "-input"}, dtypes="float", public="",
             inplace=False, ref="lambda x, t: np.exp(x) - t * x",
             skip={"special float32": "overflows where the reference in float64 does not"},
             domain={"input": (-3, 0), "target": (0, 10)}, ulp=16)
def _poisson_nll_log(input: Tensor, target: Tensor) -> Tensor:
    """Poisson loss of a logarithmic rate, without the term in ``target`` alone."""


@elementwise(autocast="high", f="input - target * log(input + eps)",
             d={"input": "1 - target / (input + eps)", "target": "-log(input + eps)"},
             dtypes="float", public="", inplace=False,
             ref="lambda x, t, eps: x - t * np.log(x + eps)", skip={"special float32": "rounds 1 + eps to 1 where the reference in float64 does not"},
             domain={"input": (0.1, 0.9), "target": (0, 10)}, ulp=16)
def _poisson_nll(input: Tensor, target: Tensor, eps: float) -> Tensor:
    """Poisson loss of a rate, without the term in ``target`` alone."""


@elementwise(autocast="high", f="0 if target <= 1 else "
               "target * log(target) - target + 0.5 * log(6.283185307179586 * target)",
             d={"target": "0 if target <= 1 else log(target) + 0.5 / target"}, dtypes="float",
             public="", inplace=False,
             ref="lambda t: np.where(t <= 1, 0, t * np.log(t) - t + np.log(2 * np.pi * t) / 2)",
             domain=(1.5, 20), ulp=16)
def _stirling(target: Tensor) -> Tensor:
    """Stirling's approximation of ``log(target!)``, 0 for targets of 1 and less."""
