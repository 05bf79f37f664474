"""NumPy references: products and factorisations, or what must hold of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import scipy.linalg
from tests.table.references_arrays import sum_to_size
from tests.table.registry import Array, reference

# ---- linear algebra -----------------------------------------------------------------------------


@reference
def _matmul(input: Array, other: Array, input_mode: int, other_mode: int, size: Any) -> Array:
    def read(x: Array, mode: int) -> Array:
        x = np.swapaxes(x, -1, -2) if mode & 1 else x
        return np.conj(x) if mode & 2 else x

    product = read(input, input_mode) @ read(other, other_mode)
    return sum_to_size(product, size) if len(size) else product


@reference
def _linear(input: Array, weight: Array, bias: Any) -> Array:
    return input @ weight.T + (0 if bias is None else bias)


def _batches(function: Callable[..., Any], *inputs: Array) -> Any:
    """Over every matrix of a batch."""
    lead = inputs[0].shape[:-2]
    results = [function(*(x[i] for x in inputs)) for i in np.ndindex(*lead)]
    stacked = [np.stack(parts).reshape(*lead, *np.shape(parts[0]))
               for parts in zip(*results, strict=True)]  # fmt: skip
    return tuple(stacked)


@reference
def _linalg_lu(input: Array, name: str, check: bool) -> Any:
    verdict = np.zeros(input.shape[:-2], dtype=np.int32)
    if input.size == 0:
        k = min(input.shape[-2:])
        return input, np.zeros((*input.shape[:-2], k), dtype=np.int32), verdict
    factors, swaps = _batches(
        lambda a: scipy.linalg.lapack.get_lapack_funcs("getrf", (a,))(a)[:2], input
    )
    return factors, swaps.astype(np.int32) + 1, verdict


@reference
def _lu_permutation(pivots: Array, rows: int) -> Array:
    def one(swaps: Array) -> list[int]:
        order = list(range(rows))
        for i, swap in enumerate(swaps):
            order[i], order[swap - 1] = order[swap - 1], order[i]
        return order

    lines = [one(swaps) for swaps in pivots.reshape(-1, pivots.shape[-1])]
    return np.array(lines).reshape(*pivots.shape[:-1], rows)


@reference
def _linalg_solve(input: Array, other: Array, name: str, check: bool) -> Any:
    return np.linalg.solve(input, other), np.zeros(input.shape[:-2], dtype=np.int32)


@reference
def _linalg_inv(input: Array, name: str, check: bool) -> Any:
    return np.linalg.inv(input), np.zeros(input.shape[:-2], dtype=np.int32)


@reference
def _linalg_solve_triangular(input: Array, other: Array, upper: bool, unitriangular: bool,
                             name: str) -> Array:  # fmt: skip
    return _batches(lambda a, b: (scipy.linalg.solve_triangular(
        a, b, lower=not upper, unit_diagonal=unitriangular),), input, other)[0]  # fmt: skip


@reference
def _linalg_cholesky(input: Array, name: str, check: bool) -> Any:
    return np.linalg.cholesky(input), np.zeros(input.shape[:-2], dtype=np.int32)


# ---- decompositions: what must hold of the results ----------------------------------------------


def _turned_conjugate(x: Array) -> Array:
    return np.conj(np.swapaxes(x, -1, -2))


def _close(a: Array, b: Array) -> None:
    np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-10)


def _orthonormal(q: Array) -> None:
    _close(
        _turned_conjugate(q) @ q,
        np.broadcast_to(np.eye(q.shape[-1]), (*q.shape[:-2], q.shape[-1], q.shape[-1])),
    )


def check_qr(values: dict[str, Any], results: Sequence[Array]) -> None:
    q, r = results
    _orthonormal(q)
    _close(np.tril(r, -1), np.zeros_like(r))
    _close(q @ r, values["input"])


def check_householder(values: dict[str, Any], results: Sequence[Array]) -> None:
    packed, tau = results
    expected = _batches(lambda a: (scipy.linalg.qr(a, mode="raw")[0][0],), values["input"])[0]
    _close(packed, expected)
    assert tau.shape[-1] == min(packed.shape[-2:])


def check_eigh(values: dict[str, Any], results: Sequence[Array]) -> None:
    w, v = results
    _close(w, np.linalg.eigvalsh(values["input"]))
    _orthonormal(v)
    _close(values["input"] @ v, v * w[..., None, :])


def check_eig(values: dict[str, Any], results: Sequence[Array]) -> None:
    w, v = results
    _close(np.sort_complex(w), np.sort_complex(np.linalg.eigvals(values["input"])))
    _close(values["input"] @ v, v * w[..., None, :])
    _close(np.linalg.norm(v, axis=-2), np.ones(w.shape))


def check_svd(values: dict[str, Any], results: Sequence[Array]) -> None:
    u, s, vh = results
    k = s.shape[-1]
    _close(s, np.linalg.svd(values["input"], compute_uv=False))
    _orthonormal(u)
    _orthonormal(_turned_conjugate(vh))
    _close(u[..., :k] * s[..., None, :] @ vh[..., :k, :], values["input"])


# Instead of a reference: decompositions are not unique.
PROPERTIES: dict[str, Callable[[dict[str, Any], Sequence[Array]], None]] = {
    "_linalg_qr": check_qr,
    "_linalg_qr_complete": check_qr,
    "_geqrf": check_householder,
    "_linalg_eigh": check_eigh,
    "_linalg_eig": check_eig,
    "_linalg_svd": check_svd,
}
