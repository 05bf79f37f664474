"""Invertible functions that know how they stretch space."""

from __future__ import annotations

import math
import weakref
from collections.abc import Sequence
from typing import Any

import wengert as wg

from . import constraints
from .utils import log1p_exp, sum_rightmost

__all__ = [
    "AbsTransform",
    "AffineTransform",
    "ComposeTransform",
    "ExpTransform",
    "IndependentTransform",
    "LowerCholeskyTransform",
    "PowerTransform",
    "ReshapeTransform",
    "SigmoidTransform",
    "SoftmaxTransform",
    "SoftplusTransform",
    "StickBreakingTransform",
    "TanhTransform",
    "Transform",
    "identity_transform",
]


class Transform:
    """A function with an inverse, and the logarithm of the determinant of its Jacobian.

    Args:
        cache_size: 1 keeps the last pair of values, so that the inverse of a result is exact.

    >>> import wengert as wg
    >>> transform = wg.distributions.transforms.ExpTransform()
    >>> transform.inv(transform(wg.tensor(2.0)))
    tensor(2.)
    """

    bijective = False
    domain: Any = constraints.real
    codomain: Any = constraints.real

    def __init__(self, cache_size: int = 0) -> None:
        if cache_size not in (0, 1):
            raise ValueError("cache_size must be 0 or 1")
        self._cache_size = cache_size
        self._inverse: weakref.ref | None = None
        self._last: tuple[Any, Any] = (None, None)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_inverse": None}

    @property
    def event_dim(self) -> int:
        """How many dimensions one value has; the domain and the codomain must agree."""
        if self.domain.event_dim == self.codomain.event_dim:
            return self.domain.event_dim
        raise ValueError("Please use either .domain.event_dim or .codomain.event_dim")

    @property
    def inv(self) -> Transform:
        """The inverse, whose inverse is this one."""
        inverse = self._inverse() if self._inverse is not None else None
        if inverse is None:
            inverse = _InverseTransform(self)
            self._inverse = weakref.ref(inverse)
        return inverse

    @property
    def sign(self) -> Any:
        """1 if it grows, -1 if it falls; of functions of one number."""
        raise NotImplementedError

    def __eq__(self, other: object) -> bool:
        return self is other

    __hash__ = object.__hash__

    def __call__(self, x: wg.Tensor) -> wg.Tensor:
        if self._cache_size == 0:
            return self._call(x)
        if x is self._last[0]:
            return self._last[1]
        y = self._call(x)
        self._last = (x, y)
        return y

    def _inv_call(self, y: wg.Tensor) -> wg.Tensor:
        if self._cache_size and y is self._last[1]:
            return self._last[0]
        x = self._invert(y)
        if self._cache_size:
            self._last = (x, y)
        return x

    def _call(self, x: wg.Tensor) -> wg.Tensor:
        raise NotImplementedError

    def _invert(self, y: wg.Tensor) -> wg.Tensor:
        raise NotImplementedError

    def log_abs_det_jacobian(self, x: wg.Tensor, y: wg.Tensor) -> wg.Tensor:
        """``log |det dy/dx|`` at ``y = self(x)``."""
        raise NotImplementedError

    def forward_shape(self, shape: Any) -> Any:
        """The shape of the result."""
        return shape

    def inverse_shape(self, shape: Any) -> Any:
        """The shape of what the inverse gives."""
        return shape

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class _InverseTransform(Transform):
    def __init__(self, transform: Transform) -> None:
        super().__init__(transform._cache_size)
        self._forward = transform

    @property
    def domain(self) -> Any:
        return self._forward.codomain

    @property
    def codomain(self) -> Any:
        return self._forward.domain

    @property
    def bijective(self) -> bool:  # type: ignore[override]
        return self._forward.bijective

    @property
    def sign(self) -> Any:
        return self._forward.sign

    @property
    def inv(self) -> Transform:
        return self._forward

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _InverseTransform) and self._forward == other._forward

    __hash__ = Transform.__hash__

    def __call__(self, x: wg.Tensor) -> wg.Tensor:
        return self._forward._inv_call(x)

    def _inv_call(self, y: wg.Tensor) -> wg.Tensor:
        return self._forward(y)

    def log_abs_det_jacobian(self, x: wg.Tensor, y: wg.Tensor) -> wg.Tensor:
        return -self._forward.log_abs_det_jacobian(y, x)

    def forward_shape(self, shape: Any) -> Any:
        return self._forward.inverse_shape(shape)

    def inverse_shape(self, shape: Any) -> Any:
        return self._forward.forward_shape(shape)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._forward!r})"


class ComposeTransform(Transform):
    """One transform after the other.

    Args:
        parts: the transforms, the first to be applied first.
        cache_size: see :class:`Transform`.
    """

    def __init__(self, parts: Sequence[Transform], cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.parts = list(parts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ComposeTransform) and self.parts == other.parts

    __hash__ = Transform.__hash__

    @property
    def domain(self) -> Any:
        if not self.parts:
            return constraints.real
        domain = self.parts[0].domain
        dims = self.parts[-1].codomain.event_dim
        for part in reversed(self.parts):
            dims += part.domain.event_dim - part.codomain.event_dim
            dims = max(dims, part.domain.event_dim)
        extra = dims - domain.event_dim
        return constraints.independent(domain, extra) if extra > 0 else domain

    @property
    def codomain(self) -> Any:
        if not self.parts:
            return constraints.real
        codomain = self.parts[-1].codomain
        dims = self.parts[0].domain.event_dim
        for part in self.parts:
            dims += part.codomain.event_dim - part.domain.event_dim
            dims = max(dims, part.codomain.event_dim)
        extra = dims - codomain.event_dim
        return constraints.independent(codomain, extra) if extra > 0 else codomain

    @property
    def bijective(self) -> bool:  # type: ignore[override]
        return all(part.bijective for part in self.parts)

    @property
    def sign(self) -> Any:
        sign: Any = 1
        for part in self.parts:
            sign = sign * part.sign
        return sign

    def _call(self, x: wg.Tensor) -> wg.Tensor:
        for part in self.parts:
            x = part(x)
        return x

    def _invert(self, y: wg.Tensor) -> wg.Tensor:
        for part in reversed(self.parts):
            y = part._inv_call(y)
        return y

    def log_abs_det_jacobian(self, x: wg.Tensor, y: wg.Tensor) -> wg.Tensor:
        if not self.parts:
            return wg.zeros_like(x)
        values = [x]
        for part in self.parts[:-1]:
            values.append(part(values[-1]))
        values.append(y)
        total: Any = 0
        dims = self.domain.event_dim
        for part, before, after in zip(self.parts, values[:-1], values[1:], strict=True):
            change = part.log_abs_det_jacobian(before, after)
            total = total + sum_rightmost(change, dims - part.domain.event_dim)
            dims += part.codomain.event_dim - part.domain.event_dim
        return total

    def forward_shape(self, shape: Any) -> Any:
        for part in self.parts:
            shape = part.forward_shape(shape)
        return shape

    def inverse_shape(self, shape: Any) -> Any:
        for part in reversed(self.parts):
            shape = part.inverse_shape(shape)
        return shape

    def __repr__(self) -> str:
        parts = ",\n    ".join(repr(part) for part in self.parts)
        return f"{type(self).__name__}(\n    {parts}\n)"


identity_transform = ComposeTransform([])


class IndependentTransform(Transform):
    """A transform whose last dimensions count as one value.

    Args:
        base_transform: the transform.
        reinterpreted_batch_ndims: how many dimensions more are one value.
        cache_size: see :class:`Transform`.
    """

    def __init__(
        self, base_transform: Transform, reinterpreted_batch_ndims: int, cache_size: int = 0
    ) -> None:
        super().__init__(cache_size)
        self.base_transform = base_transform
        self.reinterpreted_batch_ndims = reinterpreted_batch_ndims

    @property
    def domain(self) -> Any:
        return constraints.independent(self.base_transform.domain, self.reinterpreted_batch_ndims)

    @property
    def codomain(self) -> Any:
        return constraints.independent(self.base_transform.codomain, self.reinterpreted_batch_ndims)

    @property
    def bijective(self) -> bool:  # type: ignore[override]
        return self.base_transform.bijective

    @property
    def sign(self) -> Any:
        return self.base_transform.sign

    def _call(self, x: wg.Tensor) -> wg.Tensor:
        return self.base_transform(x)

    def _invert(self, y: wg.Tensor) -> wg.Tensor:
        return self.base_transform._inv_call(y)

    def log_abs_det_jacobian(self, x: wg.Tensor, y: wg.Tensor) -> wg.Tensor:
        change = self.base_transform.log_abs_det_jacobian(x, y)
        return sum_rightmost(change, self.reinterpreted_batch_ndims)

    def forward_shape(self, shape: Any) -> Any:
        return self.base_transform.forward_shape(shape)

    def inverse_shape(self, shape: Any) -> Any:
        return self.base_transform.inverse_shape(shape)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.base_transform!r}, {self.reinterpreted_batch_ndims})"


class ReshapeTransform(Transform):
    """Events of one shape as events of another.

    Args:
        in_shape: the event's shape before.
        out_shape: the event's shape after, of as many elements.
        cache_size: see :class:`Transform`.
    """

    bijective = True

    def __init__(self, in_shape: Any, out_shape: Any, cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.in_shape, self.out_shape = wg.Size(in_shape), wg.Size(out_shape)
        if self.in_shape.numel() != self.out_shape.numel():
            raise ValueError("in_shape, out_shape have different numbers of elements")

    @property
    def domain(self) -> Any:
        return constraints.independent(constraints.real, len(self.in_shape))

    @property
    def codomain(self) -> Any:
        return constraints.independent(constraints.real, len(self.out_shape))

    def _call(self, x: wg.Tensor) -> wg.Tensor:
        return x.reshape(self.forward_shape(x.shape))

    def _invert(self, y: wg.Tensor) -> wg.Tensor:
        return y.reshape(self.inverse_shape(y.shape))

    def log_abs_det_jacobian(self, x: wg.Tensor, y: wg.Tensor) -> wg.Tensor:
        return wg.zeros(x.shape[: x.dim() - len(self.in_shape)], dtype=x.dtype)

    def forward_shape(self, shape: Any) -> Any:
        return _swapped_tail(shape, self.in_shape, self.out_shape)

    def inverse_shape(self, shape: Any) -> Any:
        return _swapped_tail(shape, self.out_shape, self.in_shape)


def _swapped_tail(shape: Any, tail: Any, new: Any) -> Any:
    cut = len(shape) - len(tail)
    if cut < 0:
        raise ValueError("Too few dimensions on input")
    if tuple(shape[cut:]) != tuple(tail):
        raise ValueError(f"Shape mismatch: expected {tuple(shape[cut:])} but got {tuple(tail)}")
    return wg.Size((*shape[:cut], *new))


class ExpTransform(Transform):
    """``y = exp(x)``."""

    codomain = constraints.positive
    bijective = True
    sign = 1

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ExpTransform)

    __hash__ = Transform.__hash__

    def _call(self, x: wg.Tensor) -> wg.Tensor:
        return x.exp()

    def _invert(self, y: wg.Tensor) -> wg.Tensor:
        return y.log()

    def log_abs_det_jacobian(self, x: wg.Tensor, y: wg.Tensor) -> wg.Tensor:
        return x


class PowerTransform(Transform):
    """``y = x**exponent`` of positive numbers.

    Args:
        exponent: a number or a tensor.
        cache_size: see :class:`Transform`.
    """

    domain = constraints.positive
    codomain = constraints.positive
    bijective = True

    def __init__(self, exponent: Any, cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.exponent = wg.as_tensor(exponent)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PowerTransform) and bool(self.exponent.eq(other.exponent).all())

    __hash__ = Transform.__hash__

    @property
    def sign(self) -> Any:
        return self.exponent.sign()

    def _call(self, x: wg.Tensor) -> wg.Tensor:
        return x.pow(self.exponent)

    def _invert(self, y: wg.Tensor) -> wg.Tensor:
        return y.pow(1 / self.exponent)

    def log_abs_det_jacobian(self, x: wg.Tensor, y: wg.Tensor) -> wg.Tensor:
        return (self.exponent * y / x).abs().log()


def _clipped_sigmoid(x: wg.Tensor) -> wg.Tensor:
    info = wg.finfo(x.dtype)
    return x.sigmoid().clamp(min=info.tiny, max=1.0 - info.eps)


class SigmoidTransform(Transform):
    """``y = 1 / (1 + exp(-x))``."""

    codomain = constraints.unit_interval
    bijective = True
    sign = 1

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SigmoidTransform)

    __hash__ = Transform.__hash__

    def _call(self, x: wg.Tensor) -> wg.Tensor:
        return _clipped_sigmoid(x)

    def _invert(self, y: wg.Tensor) -> wg.Tensor:
        info = wg.finfo(y.dtype)
        y = y.clamp(min=info.tiny, max=1.0 - info.eps)
        return y.log() - (-y).log1p()

    def log_abs_det_jacobian(self, x: wg.Tensor, y: wg.Tensor) -> wg.Tensor:
        return -log1p_exp(-x) - log1p_exp(x)


class SoftplusTransform(Transform):
    """``y = log(1 + exp(x))``."""

    codomain = constraints.positive
    bijective = True
    sign = 1

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SoftplusTransform)

    __hash__ = Transform.__hash__

    def _call(self, x: wg.Tensor) -> wg.Tensor:
        return log1p_exp(x)

    def _invert(self, y: wg.Tensor) -> wg.Tensor:
        return (-(-y).expm1()).log() + y

    def log_abs_det_jacobian(self, x: wg.Tensor, y: wg.Tensor) -> wg.Tensor:
        return -log1p_exp(-x)


class TanhTransform(Transform):
    """``y = tanh(x)``. The inverse is inexact near the ends: use ``cache_size=1``."""

    codomain = constraints.interval(-1.0, 1.0)
    bijective = True
    sign = 1

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TanhTransform)

    __hash__ = Transform.__hash__

    def _call(self, x: wg.Tensor) -> wg.Tensor:
        return x.tanh()

    def _invert(self, y: wg.Tensor) -> wg.Tensor:
        return y.atanh()

    def log_abs_det_jacobian(self, x: wg.Tensor, y: wg.Tensor) -> wg.Tensor:
        return 2.0 * (math.log(2.0) - x - log1p_exp(-2.0 * x))


class AbsTransform(Transform):
    """``y = abs(x)``; its inverse gives the positive one."""

    codomain = constraints.positive

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AbsTransform)

    __hash__ = Transform.__hash__

    def _call(self, x: wg.Tensor) -> wg.Tensor:
        return x.abs()

    def _invert(self, y: wg.Tensor) -> wg.Tensor:
        return y


class AffineTransform(Transform):
    """``y = loc + scale * x``.

    Args:
        loc: a number or a tensor.
        scale: a number or a tensor.
        event_dim: how many dimensions one value has.
        cache_size: see :class:`Transform`.
    """

    bijective = True

    def __init__(self, loc: Any, scale: Any, event_dim: int = 0, cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.loc = loc
        self.scale = scale
        self._event_dim = event_dim

    @property
    def event_dim(self) -> int:
        """How many dimensions one value has."""
        return self._event_dim

    @property
    def domain(self) -> Any:
        if self._event_dim == 0:
            return constraints.real
        return constraints.independent(constraints.real, self._event_dim)

    @property
    def codomain(self) -> Any:
        return self.domain

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, AffineTransform):
            return False
        pairs = ((self.loc, other.loc), (self.scale, other.scale))
        return all(bool((wg.as_tensor(a) == wg.as_tensor(b)).all()) for a, b in pairs)

    __hash__ = Transform.__hash__

    @property
    def sign(self) -> Any:
        if isinstance(self.scale, wg.Tensor):
            return self.scale.sign()
        return 1 if self.scale > 0 else -1 if self.scale < 0 else 0

    def _call(self, x: wg.Tensor) -> wg.Tensor:
        return self.loc + self.scale * x

    def _invert(self, y: wg.Tensor) -> wg.Tensor:
        return (y - self.loc) / self.scale

    def log_abs_det_jacobian(self, x: wg.Tensor, y: wg.Tensor) -> wg.Tensor:
        scale = wg.as_tensor(self.scale, dtype=x.dtype)
        return sum_rightmost(scale.abs().log().expand(x.shape), self._event_dim)

    def forward_shape(self, shape: Any) -> Any:
        return wg.broadcast_shapes(
            shape, getattr(self.loc, "shape", ()), getattr(self.scale, "shape", ())
        )

    inverse_shape = forward_shape


class SoftmaxTransform(Transform):
    """``y = softmax(x)`` of vectors; not bijective, its inverse is ``log``."""

    domain = constraints.real_vector
    codomain = constraints.simplex

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SoftmaxTransform)

    __hash__ = Transform.__hash__

    def _call(self, x: wg.Tensor) -> wg.Tensor:
        return wg.softmax(x, -1)

    def _invert(self, y: wg.Tensor) -> wg.Tensor:
        return y.log()


class StickBreakingTransform(Transform):
    """Vectors of ``k`` numbers as ``k + 1`` shares: each takes a part of what is left."""

    domain = constraints.real_vector
    codomain = constraints.simplex
    bijective = True

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StickBreakingTransform)

    __hash__ = Transform.__hash__

    def _offset(self, count: int, dtype: Any) -> wg.Tensor:
        return wg.arange(count, 0, -1, dtype=dtype).log()

    def _call(self, x: wg.Tensor) -> wg.Tensor:
        part = SigmoidTransform()._call(x - self._offset(x.shape[-1], x.dtype))
        left = (1 - part).cumprod(-1)
        pad = wg.nn.functional.pad
        return pad(part, (0, 1), value=1) * pad(left, (1, 0), value=1)

    def _invert(self, y: wg.Tensor) -> wg.Tensor:
        head = y[..., :-1]
        left = 1 - head.cumsum(-1)
        left = left.clamp(min=wg.finfo(y.dtype).tiny)
        return head.log() - left.log() + self._offset(head.shape[-1], y.dtype)

    def log_abs_det_jacobian(self, x: wg.Tensor, y: wg.Tensor) -> wg.Tensor:
        x = x - self._offset(x.shape[-1], x.dtype)
        return (-x - log1p_exp(-x) + y[..., :-1].log()).sum(-1)

    def forward_shape(self, shape: Any) -> Any:
        if len(shape) < 1:
            raise ValueError("Too few dimensions on input")
        return wg.Size((*shape[:-1], shape[-1] + 1))

    def inverse_shape(self, shape: Any) -> Any:
        if len(shape) < 1:
            raise ValueError("Too few dimensions on input")
        return wg.Size((*shape[:-1], shape[-1] - 1))


class LowerCholeskyTransform(Transform):
    """Matrices as lower triangular ones with a positive diagonal: its logarithm is the input's."""

    domain = constraints.independent(constraints.real, 2)
    codomain = constraints.lower_cholesky

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LowerCholeskyTransform)

    __hash__ = Transform.__hash__

    def _call(self, x: wg.Tensor) -> wg.Tensor:
        return x.tril(-1) + x.diagonal(0, -2, -1).exp().diag_embed()

    def _invert(self, y: wg.Tensor) -> wg.Tensor:
        return y.tril(-1) + y.diagonal(0, -2, -1).log().diag_embed()
