"""Transforms of vectors and matrices, and of the parts of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import wengert as wg

from . import constraints
from ._transform_base import Transform
from ._transform_scalars import SigmoidTransform
from .utils import log1p_exp, sum_rightmost

__all__ = [
    "CatTransform",
    "CorrCholeskyTransform",
    "LowerCholeskyTransform",
    "PositiveDefiniteTransform",
    "ReshapeTransform",
    "SoftmaxTransform",
    "StackTransform",
    "StickBreakingTransform",
]


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

    def _inverse(self, y: wg.Tensor) -> wg.Tensor:
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


class SoftmaxTransform(Transform):
    """``y = softmax(x)`` of vectors; not bijective, its inverse is ``log``."""

    domain = constraints.real_vector
    codomain = constraints.simplex

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SoftmaxTransform)

    __hash__ = Transform.__hash__

    def _call(self, x: wg.Tensor) -> wg.Tensor:
        return wg.softmax(x, -1)

    def _inverse(self, y: wg.Tensor) -> wg.Tensor:
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

    def _inverse(self, y: wg.Tensor) -> wg.Tensor:
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

    def _inverse(self, y: wg.Tensor) -> wg.Tensor:
        return y.tril(-1) + y.diagonal(0, -2, -1).log().diag_embed()


class PositiveDefiniteTransform(Transform):
    """Matrices as positive definite ones, through their Cholesky factors; not bijective."""

    domain = constraints.independent(constraints.real, 2)
    codomain = constraints.positive_definite

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PositiveDefiniteTransform)

    __hash__ = Transform.__hash__

    def _call(self, x: wg.Tensor) -> wg.Tensor:
        factor = LowerCholeskyTransform()(x)
        return factor @ factor.mT

    def _inverse(self, y: wg.Tensor) -> wg.Tensor:
        return LowerCholeskyTransform().inv(wg.linalg.cholesky(y))


class CorrCholeskyTransform(Transform):
    """Vectors of ``d (d - 1) / 2`` numbers as Cholesky factors of ``d x d`` correlation matrices.

    The tangents of the numbers are partial correlations, row by row of the lower triangle; each
    takes its share of what the ones before left of the unit length of the row (Lewandowski,
    Kurowicka and Joe, 2009).

    >>> import wengert as wg
    >>> transform = wg.distributions.transforms.CorrCholeskyTransform()
    >>> transform(wg.zeros(1))
    tensor([[1., 0.],
            [0., 1.]])
    """

    domain = constraints.real_vector
    codomain = constraints.corr_cholesky
    bijective = True

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CorrCholeskyTransform)

    __hash__ = Transform.__hash__

    def _call(self, x: wg.Tensor) -> wg.Tensor:
        margin = wg.finfo(x.dtype).eps
        partial = _below_diagonal(x.tanh().clamp(min=-1 + margin, max=1 - margin))
        left = (1 - partial.square()).sqrt().cumprod(-1)
        # What is left before a column, which the first column finds whole.
        before = wg.nn.functional.pad(left[..., :-1], (1, 0), value=1)
        identity = wg.eye(partial.shape[-1], dtype=x.dtype)
        return (partial + identity) * before

    def _inverse(self, y: wg.Tensor) -> wg.Tensor:
        tiny = wg.finfo(y.dtype).tiny
        used = wg.nn.functional.pad(y.square().cumsum(-1)[..., :-1], (1, 0))
        partial = y / (1 - used).clamp(min=tiny).sqrt()
        size = y.shape[-1]
        rows, columns = wg.tril_indices(size, size, -1)
        t = partial[..., rows, columns]
        # atanh, without the infinity that rounding to one would give
        return (t.log1p() - (-t).clamp(min=-1 + wg.finfo(y.dtype).eps).log1p()) / 2

    def log_abs_det_jacobian(
        self, x: wg.Tensor, y: wg.Tensor, intermediates: Any = None
    ) -> wg.Tensor:
        """Of the strictly lower triangle of the result; ``intermediates`` is not used."""
        length = 1 - y.square().cumsum(-1)
        size = y.shape[-1]
        rows, columns = wg.tril_indices(size, size, -1)
        # Column j of row i scales with what the columns before left, so what column j leaves
        # counts once for each column after it.
        after = rows > columns + 1
        shown = length[..., rows[after], columns[after]].clamp(min=wg.finfo(y.dtype).tiny)
        spread = 0.5 * shown.log().sum(-1)
        slope = -2 * (x + log1p_exp(-2 * x) - math.log(2.0))
        return spread + slope.sum(-1)

    def forward_shape(self, shape: Any) -> Any:
        if len(shape) < 1:
            raise ValueError("Too few dimensions on input")
        count = shape[-1]
        size = round((0.25 + 2 * count) ** 0.5 + 0.5)
        if size * (size - 1) // 2 != count:
            raise ValueError("Input is not a flattened lower-diagonal number")
        return wg.Size((*shape[:-1], size, size))

    def inverse_shape(self, shape: Any) -> Any:
        if len(shape) < 2:
            raise ValueError("Too few dimensions on input")
        if shape[-2] != shape[-1]:
            raise ValueError("Input is not square")
        size = shape[-1]
        return wg.Size((*shape[:-2], size * (size - 1) // 2))


def _below_diagonal(values: wg.Tensor) -> wg.Tensor:
    """Vectors as strictly lower triangular matrices, row by row."""
    size = CorrCholeskyTransform().forward_shape(values.shape)[-1]
    rows, columns = wg.tril_indices(size, size, -1)
    flat = wg.zeros((*values.shape[:-1], size * size), dtype=values.dtype)
    place = (rows * size + columns).expand(values.shape)
    return flat.scatter(-1, place, values).unflatten(-1, (size, size))


def _are_transforms(tseq: Any) -> list[Transform]:
    parts = list(tseq)
    if not all(isinstance(part, Transform) for part in parts):
        raise AssertionError("All elements of tseq must be Transform instances")
    return parts


class _Parts(Transform):
    """Transforms of the parts along a dimension."""

    transforms: list[Transform]
    dim: int

    def _split(self, value: wg.Tensor) -> Sequence[wg.Tensor]:
        raise NotImplementedError

    def _join(self, values: list[wg.Tensor]) -> wg.Tensor:
        raise NotImplementedError

    def _checked(self, value: wg.Tensor, name: str) -> Sequence[wg.Tensor]:
        if not -value.dim() <= self.dim < value.dim():
            raise AssertionError(f"dim {self.dim} out of range for tensor with {value.dim()} dims")
        expected = self._size
        if value.shape[self.dim] != expected:
            raise AssertionError(
                f"{name}.size({self.dim}) must equal {expected}, got {value.shape[self.dim]}"
            )
        return self._split(value)

    @property
    def _size(self) -> int:
        return len(self.transforms)

    @property
    def bijective(self) -> bool:  # type: ignore[override]
        return all(part.bijective for part in self.transforms)

    def _call(self, x: wg.Tensor) -> wg.Tensor:
        parts = zip(self.transforms, self._checked(x, "x"), strict=True)
        return self._join([transform(part) for transform, part in parts])

    def _inverse(self, y: wg.Tensor) -> wg.Tensor:
        parts = zip(self.transforms, self._checked(y, "y"), strict=True)
        return self._join([transform.inv(part) for transform, part in parts])


class CatTransform(_Parts):
    """A transform for each part of a dimension; the parts have lengths.

    Args:
        tseq: the transforms.
        dim: the dimension.
        lengths: of the parts; 1 each if not given.
        cache_size: see :class:`Transform`.

    >>> import wengert as wg
    >>> t = wg.distributions.transforms
    >>> both = t.CatTransform([t.ExpTransform(), t.AffineTransform(1.0, 2.0)], lengths=[1, 2])
    >>> both(wg.tensor([0.0, 1.0, 2.0]))
    tensor([1., 3., 5.])
    """

    def __init__(
        self, tseq: Sequence[Transform], dim: int = 0, lengths: Any = None, cache_size: int = 0
    ) -> None:
        parts = _are_transforms(tseq)
        if cache_size:
            parts = [part.with_cache(cache_size) for part in parts]
        super().__init__(cache_size)
        self.transforms = parts
        self.lengths = [1] * len(parts) if lengths is None else list(lengths)
        if len(self.lengths) != len(parts):
            raise AssertionError(
                f"lengths must have same length as transforms: {len(self.lengths)} != {len(parts)}"
            )
        self.dim = dim

    @property
    def event_dim(self) -> int:
        """The greatest of the parts'."""
        return max(part.event_dim for part in self.transforms)

    @property
    def length(self) -> int:
        """The size of the whole dimension."""
        return sum(self.lengths)

    @property
    def _size(self) -> int:
        return self.length

    @property
    def domain(self) -> Any:
        return constraints.cat([part.domain for part in self.transforms], self.dim, self.lengths)

    @property
    def codomain(self) -> Any:
        return constraints.cat([part.codomain for part in self.transforms], self.dim, self.lengths)

    def _split(self, value: wg.Tensor) -> Sequence[wg.Tensor]:
        return value.split(self.lengths, self.dim)

    def _join(self, values: list[wg.Tensor]) -> wg.Tensor:
        return wg.cat(values, self.dim)

    def log_abs_det_jacobian(self, x: wg.Tensor, y: wg.Tensor) -> wg.Tensor:
        changes = []
        for transform, before, after in zip(
            self.transforms, self._checked(x, "x"), self._checked(y, "y"), strict=True
        ):
            change = transform.log_abs_det_jacobian(before, after)
            changes.append(sum_rightmost(change, self.event_dim - transform.event_dim))
        dim = self.dim if self.dim < 0 else self.dim - x.dim()
        dim += self.event_dim
        # A dimension that belongs to the event is summed, another one stays.
        return wg.cat(changes, dim) if dim < 0 else sum(changes[1:], changes[0])


class StackTransform(_Parts):
    """A transform for each entry of a dimension.

    Args:
        tseq: the transforms.
        dim: the dimension.
        cache_size: see :class:`Transform`.
    """

    def __init__(self, tseq: Sequence[Transform], dim: int = 0, cache_size: int = 0) -> None:
        parts = _are_transforms(tseq)
        if cache_size:
            parts = [part.with_cache(cache_size) for part in parts]
        super().__init__(cache_size)
        self.transforms = parts
        self.dim = dim

    @property
    def domain(self) -> Any:
        return constraints.stack([part.domain for part in self.transforms], self.dim)

    @property
    def codomain(self) -> Any:
        return constraints.stack([part.codomain for part in self.transforms], self.dim)

    def _split(self, value: wg.Tensor) -> Sequence[wg.Tensor]:
        return value.unbind(self.dim)

    def _join(self, values: list[wg.Tensor]) -> wg.Tensor:
        return wg.stack(values, self.dim)

    def log_abs_det_jacobian(self, x: wg.Tensor, y: wg.Tensor) -> wg.Tensor:
        pairs = zip(self.transforms, self._checked(x, "x"), self._checked(y, "y"), strict=True)
        return self._join([t.log_abs_det_jacobian(before, after) for t, before, after in pairs])
