"""Parametrizations: `weight_norm`, `spectral_norm`, `orthogonal`."""

from __future__ import annotations

from typing import Any

import wengert as wg

from .. import functional as F
from ..modules.module import Module
from . import parametrize

__all__ = ["orthogonal", "spectral_norm", "weight_norm"]


def _tensor_of(module: Module, name: str) -> wg.Tensor:
    weight = getattr(module, name, None)
    if not isinstance(weight, wg.Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    return weight


# ---- direction and length ----


def norm_except_dim(v: wg.Tensor, dim: int | None) -> wg.Tensor:
    """The norm over all dimensions but one, which are kept; over all of them for -1 or ``None``."""
    if dim is None or dim == -1:
        return v.norm()
    dim %= v.dim()
    others = [i for i in range(v.dim()) if i != dim]
    return v.norm(2, others, True) if others else v.abs()


class _WeightNorm(Module):
    def __init__(self, dim: int | None = 0) -> None:
        super().__init__()
        self.dim = -1 if dim is None else dim

    def forward(self, weight_g: wg.Tensor, weight_v: wg.Tensor) -> wg.Tensor:
        return weight_v * (weight_g / norm_except_dim(weight_v, self.dim))

    def right_inverse(self, weight: wg.Tensor) -> tuple[wg.Tensor, wg.Tensor]:
        return norm_except_dim(weight, self.dim), weight


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """``module.<name>`` becomes ``g * v / |v|``, the norm over all dimensions but ``dim``.

    ``g`` and ``v`` are ``module.parametrizations.<name>.original0`` and ``original1``. States that
    the older ``utils.weight_norm`` saved can be loaded.

    Source: Salimans and Kingma (2016), Weight normalization, https://arxiv.org/abs/1602.07868.

    >>> import wengert as wg
    >>> layer = wg.nn.utils.parametrizations.weight_norm(wg.nn.Linear(20, 40))
    >>> layer.parametrizations.weight.original0.shape
    wengert.Size([40, 1])
    """
    _tensor_of(module, name)
    parametrize.register_parametrization(module, name, _WeightNorm(dim), unsafe=True)

    def rename(state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        for old, new in ((f"{name}_g", "original0"), (f"{name}_v", "original1")):
            if prefix + old in state_dict:
                value = state_dict.pop(prefix + old)
                state_dict[f"{prefix}parametrizations.{name}.{new}"] = value

    module._register_load_state_dict_pre_hook(rename)
    return module


# ---- the largest singular value ----


class _SpectralNorm(Module):
    _u: wg.Tensor
    _v: wg.Tensor

    def __init__(
        self, weight: wg.Tensor, n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12
    ) -> None:
        super().__init__()
        count = weight.dim()
        if not -count <= dim < count:
            raise IndexError(
                "Dimension out of range (expected to be in range of "
                f"[-{count}, {count - 1}] but got {dim})"
            )
        if n_power_iterations <= 0:
            raise ValueError(
                "Expected n_power_iterations to be positive, but got n_power_iterations="
                f"{n_power_iterations}"
            )
        self.dim = dim if dim >= 0 else dim + count
        self.eps = eps
        if count > 1:
            self.n_power_iterations = n_power_iterations
            matrix = self._matrix(weight)
            rows, columns = matrix.shape
            self.register_buffer("_u", self._unit(matrix.new_empty(rows).normal_()))
            self.register_buffer("_v", self._unit(matrix.new_empty(columns).normal_()))
            self._iterate(matrix, 15)

    def _unit(self, vector: wg.Tensor) -> wg.Tensor:
        return F.normalize(vector, dim=0, eps=self.eps)

    def _matrix(self, weight: wg.Tensor) -> wg.Tensor:
        if self.dim:
            others = [i for i in range(weight.dim()) if i != self.dim]
            weight = weight.permute(self.dim, *others)
        return weight.flatten(1)

    def _iterate(self, matrix: wg.Tensor, times: int) -> None:
        with wg.no_grad():
            u, v = self._u, self._v
            for _ in range(times):
                u = self._unit(matrix @ v)
                v = self._unit(matrix.t() @ u)
            # New tensors: the old ones may be saved for a backward pass.
            self._u, self._v = u, v

    def forward(self, weight: wg.Tensor) -> wg.Tensor:
        if weight.dim() == 1:
            return self._unit(weight)
        matrix = self._matrix(weight)
        if self.training:
            self._iterate(matrix, self.n_power_iterations)
        return weight / (self._u @ (matrix @ self._v))

    def right_inverse(self, value: wg.Tensor) -> wg.Tensor:
        return value  # what is not of norm one becomes so


def spectral_norm(
    module: Module,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> Module:
    """``module.<name>`` is divided by its largest singular value, which power iteration tracks.

    Args:
        n_power_iterations: steps each time the weight is read in training.
        eps: least norm that vectors are divided by.
        dim: the dimension of the outputs: 1 for transposed convolutions, else 0.

    Source: Miyato et al. (2018), Spectral normalization for generative adversarial networks,
    https://arxiv.org/abs/1802.05957.
    """
    weight = _tensor_of(module, name)
    if dim is None:
        dim = 1 if getattr(module, "transposed", False) else 0
    normalizer = _SpectralNorm(weight.detach(), n_power_iterations, dim, eps)
    parametrize.register_parametrization(module, name, normalizer)
    return module


# ---- orthogonal matrices ----


def _is_orthogonal(matrix: wg.Tensor) -> bool:
    count = matrix.shape[-1]
    unit = wg.eye(count, dtype=matrix.dtype, device=matrix.device)
    eps = 10 * count * wg.finfo(matrix.dtype).eps
    return bool(((matrix.mH @ matrix - unit).abs() <= eps).all())


def _orthogonalized(matrix: wg.Tensor) -> wg.Tensor:
    """The orthogonal factor, with the signs that make the triangular one's diagonal positive."""
    q, r = wg.linalg.qr(matrix)
    return q * r.diagonal(0, -2, -1).sgn().unsqueeze(-2)


class _Orthogonal(Module):
    base: wg.Tensor | None

    def __init__(self, weight: wg.Tensor, map: str, use_trivialization: bool) -> None:
        super().__init__()
        if weight.is_complex() and map == "householder":
            raise ValueError("The householder parametrization does not support complex tensors.")
        self.shape = weight.shape
        self.orthogonal_map = map
        self.use_trivialization = use_trivialization
        if use_trivialization:
            self.register_buffer("base", None)

    def forward(self, X: wg.Tensor) -> wg.Tensor:
        wide = X.shape[-2] < X.shape[-1]
        tall = X.mT if wide else X
        q = self._householder(tall) if self.orthogonal_map == "householder" else self._skew(tall)
        if self.use_trivialization and self.base is not None:
            q = self.base @ q
        return q.mT if wide else q

    def _skew(self, tall: wg.Tensor) -> wg.Tensor:
        """The exponential, or the Cayley map, of the skew-symmetric matrix of the lower part."""
        rows, columns = tall.shape[-2:]
        lower = tall.tril()
        if rows != columns:
            lower = F.pad(lower, (0, rows - columns))
        skew = lower - lower.mH
        if self.orthogonal_map == "matrix_exp":
            q = wg.linalg.matrix_exp(skew)
        else:
            unit = wg.eye(rows, dtype=skew.dtype, device=skew.device)
            q = wg.linalg.solve(unit - 0.5 * skew, unit + 0.5 * skew)
        return q[..., :columns]

    def _householder(self, tall: wg.Tensor) -> wg.Tensor:
        """The product of the reflections whose vectors are the columns below the diagonal, on
        which there are signs."""
        below = tall.tril(-1)
        tau = 2.0 / (1.0 + (below * below).sum(-2))
        q = wg.linalg.householder_product(below, tau)
        return q * tall.detach().diagonal(0, -2, -1).trunc().unsqueeze(-2)

    def right_inverse(self, Q: wg.Tensor) -> wg.Tensor:
        if Q.shape != self.shape:
            raise ValueError(
                f"Expected a matrix or batch of matrices of shape {self.shape}. "
                f"Got a tensor of shape {Q.shape}."
            )
        with wg.no_grad():
            wide = Q.shape[-2] < Q.shape[-1]
            tall = Q.mT if wide else Q
            if not self.use_trivialization:
                if self.orthogonal_map != "householder":
                    raise NotImplementedError(
                        "It is not possible to assign to the matrix exponential or the Cayley "
                        "parametrizations when use_trivialization=False."
                    )
                reflections, tau = wg.geqrf(tall)
                diagonal = reflections.diagonal(0, -2, -1)
                signs = diagonal.sign()
                # A reflection that LAPACK left out still is one here, and changes the sign.
                diagonal.copy_(wg.where(tau == 0.0, -signs, signs))
                return reflections.mT if wide else reflections
            rows, columns = tall.shape[-2:]
            if rows != columns:
                more = tall.new_empty(*tall.shape[:-2], rows, rows - columns).normal_()
                tall = _orthogonalized(wg.cat([tall, more], -1))
            elif not _is_orthogonal(tall):
                tall = _orthogonalized(tall)
            else:
                tall = tall.clone()
            self.base = tall
            # The map is the identity at minus the unit matrix: its diagonal holds the signs of the
            # reflections, and each reflection along a unit vector is a sign too.
            start = wg.zeros_like(Q)
            start.diagonal(0, -2, -1).fill_(-1.0)
            return start


def orthogonal(
    module: Module,
    name: str = "weight",
    orthogonal_map: str | None = None,
    *,
    use_trivialization: bool = True,
) -> Module:
    """``module.<name>`` becomes an orthogonal (or unitary) matrix, or a batch of them: its columns,
    or its rows if there are fewer, are orthonormal.

    Args:
        orthogonal_map: "matrix_exp", "cayley" or "householder"; by default the first for square
            and complex matrices, else the last.
        use_trivialization: multiply with a fixed orthogonal matrix, so that any orthogonal value
            can be assigned and the map is taken near its origin.

    Raises:
        ValueError: no such tensor or map, or fewer than two dimensions.

    Source: Lezcano-Casado (2019), Trivializations for gradient-based optimization on manifolds,
    https://arxiv.org/abs/1909.09501.

    >>> import wengert as wg
    >>> layer = wg.nn.utils.parametrizations.orthogonal(wg.nn.Linear(4, 6))
    >>> wg.allclose(layer.weight.t() @ layer.weight, wg.eye(4), atol=1e-5)
    True
    """
    weight = _tensor_of(module, name)
    if weight.dim() < 2:
        raise ValueError(
            f"Expected a matrix or batch of matrices. Got a tensor of {weight.dim()} dimensions."
        )
    if orthogonal_map is None:
        square = weight.shape[-2] == weight.shape[-1]
        orthogonal_map = "matrix_exp" if square or weight.is_complex() else "householder"
    if orthogonal_map not in ("matrix_exp", "cayley", "householder"):
        raise ValueError(
            'orthogonal_map has to be one of "matrix_exp", "cayley", "householder". '
            f"Got: {orthogonal_map}"
        )
    map = _Orthogonal(weight, orthogonal_map, use_trivialization)
    parametrize.register_parametrization(module, name, map, unsafe=True)
    return module
