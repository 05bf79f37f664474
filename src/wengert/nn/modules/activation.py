"""Activations."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

import wengert as wg

from .. import functional as F
from ..parameter import Parameter
from .module import Module

__all__ = [
    "CELU",
    "ELU",
    "GELU",
    "GLU",
    "SELU",
    "Hardshrink",
    "Hardsigmoid",
    "Hardswish",
    "Hardtanh",
    "LeakyReLU",
    "LogSigmoid",
    "LogSoftmax",
    "Mish",
    "PReLU",
    "RReLU",
    "ReLU",
    "ReLU6",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softmax2d",
    "Softmin",
    "Softplus",
    "Softshrink",
    "Softsign",
    "Tanh",
    "Tanhshrink",
    "Threshold",
]  # fmt: skip


class _Activation(Module):
    """Applies ``_function``, whose further arguments the constructor takes and keeps."""

    _function: ClassVar[Callable]
    _options: ClassVar[dict[str, inspect.Parameter]]
    __signature__: ClassVar[inspect.Signature]
    # Names the constructor takes, if not all that the function has.
    _only: ClassVar[tuple[str, ...] | None] = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        _, *options = inspect.signature(cls._function).parameters.values()
        if cls._only is not None:
            options = [option for option in options if option.name in cls._only]
        cls._options = {option.name: option for option in options}
        cls.__signature__ = inspect.Signature(options)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()
        bound = self.__signature__.bind(*args, **kwargs)
        bound.apply_defaults()
        self.__dict__.update(bound.arguments)

    def forward(self, input: wg.Tensor) -> wg.Tensor:
        values = self.__dict__
        return self._function(input, **{name: values[name] for name in self._options})

    if TYPE_CHECKING:  # the options are attributes

        def __getattr__(self, name: str) -> Any: ...

    def extra_repr(self) -> str:
        values = self.__dict__
        return ", ".join(
            f"{name}={values[name]!r}"
            for name in self._options
            if name != "inplace" or values[name]
        )


class ReLU(_Activation):
    """``max(input, 0)``."""

    _function = staticmethod(F.relu)

    def forward(self, input: wg.Tensor) -> wg.Tensor:
        return F.relu(input, self.inplace)


class ReLU6(_Activation):
    """``min(max(input, 0), 6)``."""

    _function = staticmethod(F.relu6)


class LeakyReLU(_Activation):
    """``input`` where it is positive, ``negative_slope * input`` elsewhere."""

    _function = staticmethod(F.leaky_relu)


class ELU(_Activation):
    """``input`` where it is positive, ``alpha * (exp(input) - 1)`` elsewhere."""

    _function = staticmethod(F.elu)


class SELU(_Activation):
    """The self-normalising ELU."""

    _function = staticmethod(F.selu)


class CELU(_Activation):
    """``max(input, 0) + min(0, alpha * (exp(input / alpha) - 1))``."""

    _function = staticmethod(F.celu)


class GELU(_Activation):
    """``input`` times the normal distribution function of it."""

    _function = staticmethod(F.gelu)


class SiLU(_Activation):
    """``input * sigmoid(input)``."""

    _function = staticmethod(F.silu)


class Mish(_Activation):
    """``input * tanh(softplus(input))``."""

    _function = staticmethod(F.mish)


class Softplus(_Activation):
    """``log(1 + exp(beta * input)) / beta``."""

    _function = staticmethod(F.softplus)


class Hardtanh(_Activation):
    """``input`` limited to ``[min_val, max_val]``."""

    _function = staticmethod(F.hardtanh)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.min_val >= self.max_val:
            raise AssertionError("max_val must be larger than min_val")


class Hardsigmoid(_Activation):
    """``relu6(input + 3) / 6``."""

    _function = staticmethod(F.hardsigmoid)


class Hardswish(_Activation):
    """``input * relu6(input + 3) / 6``."""

    _function = staticmethod(F.hardswish)


class Hardshrink(_Activation):
    """``input`` outside ``[-lambd, lambd]``, zero inside."""

    _function = staticmethod(F.hardshrink)

    def extra_repr(self) -> str:
        return str(self.lambd)


class Softshrink(_Activation):
    """``input`` moved towards zero by ``lambd``."""

    _function = staticmethod(F.softshrink)

    def extra_repr(self) -> str:
        return str(self.lambd)


class Tanhshrink(_Activation):
    """``input - tanh(input)``."""

    _function = staticmethod(F.tanhshrink)


class Softsign(_Activation):
    """``input / (1 + |input|)``."""

    _function = staticmethod(F.softsign)


class Threshold(_Activation):
    """``input`` where it is greater than ``threshold``, ``value`` elsewhere."""

    _function = staticmethod(F.threshold)


class Sigmoid(_Activation):
    """``1 / (1 + exp(-input))``."""

    _function = staticmethod(F.sigmoid)


class Tanh(_Activation):
    """Hyperbolic tangent."""

    _function = staticmethod(F.tanh)


class LogSigmoid(_Activation):
    """``log(sigmoid(input))``."""

    _function = staticmethod(F.logsigmoid)


class GLU(_Activation):
    """The first half along ``dim`` times the sigmoid of the second half."""

    _function = staticmethod(F.glu)


class Softmax(_Activation):
    """``exp(input)`` scaled to sum to one along ``dim``."""

    _function = staticmethod(F.softmax)
    _only = ("dim",)


class Softmin(_Activation):
    """``softmax(-input)``."""

    _function = staticmethod(F.softmin)
    _only = ("dim",)


class LogSoftmax(_Activation):
    """``log(softmax(input))``."""

    _function = staticmethod(F.log_softmax)
    _only = ("dim",)


class Softmax2d(Module):
    """`Softmax` over the channels of an input (N, C, H, W) or (C, H, W)."""

    def forward(self, input: wg.Tensor) -> wg.Tensor:
        if input.dim() not in (3, 4):
            raise ValueError(
                f"Softmax2d: expected input to be 3D or 4D, got {input.dim()}D instead"
            )
        return F.softmax(input, -3)


class RReLU(Module):
    """Leaky ReLU whose slope is drawn from [lower, upper) for each element in training, else their
    mean.

    Source: Xu et al. (2015), Empirical evaluation of rectified activations,
    https://arxiv.org/abs/1505.00853.
    """

    def __init__(
        self, lower: float = 1.0 / 8, upper: float = 1.0 / 3, inplace: bool = False
    ) -> None:
        super().__init__()
        self.lower = lower
        self.upper = upper
        self.inplace = inplace

    def forward(self, input: wg.Tensor) -> wg.Tensor:
        return F.rrelu(input, self.lower, self.upper, self.training, self.inplace)

    def extra_repr(self) -> str:
        text = f"lower={self.lower}, upper={self.upper}"
        return text + ", inplace=True" if self.inplace else text


class PReLU(Module):
    """Leaky ReLU whose slope is learned, one for all or one per channel."""

    weight: wg.Tensor

    def __init__(
        self,
        num_parameters: int = 1,
        init: float = 0.25,
        device: Any = None,
        dtype: wg.dtype | None = None,
    ) -> None:
        super().__init__()
        self.num_parameters = num_parameters
        self.init = init
        self.weight = Parameter(wg.empty(num_parameters, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Sets all slopes to ``init``."""
        with wg.no_grad():
            self.weight.fill_(self.init)

    def forward(self, input: wg.Tensor) -> wg.Tensor:
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"
