"""`special` and names that stand for the same thing, against PyTorch."""

from __future__ import annotations

import pytest

import wengert as wg

torch = pytest.importorskip("torch")
np = pytest.importorskip("numpy")

ABSENT = {
    "airy_ai", "bessel_j0", "bessel_j1", "bessel_y0", "bessel_y1", "modified_bessel_k0",
    "modified_bessel_k1", "scaled_modified_bessel_k0", "scaled_modified_bessel_k1",
}  # fmt: skip
POLYNOMIALS = [name for name in torch.special.__all__ if "polynomial" in name]
UNARY = (
    "digamma", "entr", "erf", "erfc", "erfcx", "erfinv", "exp2", "expit", "expm1", "gammaln", "i0",
    "i0e", "i1", "i1e", "log1p", "log_ndtr", "logit", "modified_bessel_i0", "modified_bessel_i1",
    "ndtr", "ndtri", "psi", "round", "sinc", "spherical_bessel_j0",
)  # fmt: skip


def test_all_names_are_there_or_explained() -> None:
    names = set(torch.special.__all__) - {"Tensor"}
    assert names - set(wg.special.__all__) == ABSENT
    for name in ABSENT:
        with pytest.raises(AttributeError, match="of the Bessel functions only"):
            getattr(wg.special, name)
    with pytest.raises(AttributeError, match="wengert has: logit"):
        wg.special.logitt  # noqa: B018


@pytest.mark.parametrize("name", UNARY)
def test_functions_of_one_argument(name: str) -> None:
    values = [0.1, 0.25, 0.6, 0.9]
    ours = getattr(wg.special, name)(wg.tensor(values, dtype=wg.float64))
    theirs = getattr(torch.special, name)(torch.tensor(values, dtype=torch.float64))
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-10)


def test_functions_of_two_arguments() -> None:
    a, b = [0.5, 1.5, 3.0], [0.2, 2.0, 4.0]
    for name in ("gammainc", "gammaincc", "xlogy", "xlog1py"):
        ours = getattr(wg.special, name)(*(wg.tensor(v, dtype=wg.float64) for v in (a, b)))
        theirs = getattr(torch.special, name)(
            *(torch.tensor(v, dtype=torch.float64) for v in (a, b))
        )
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-10)
    ours = wg.special.multigammaln(wg.tensor([3.0, 4.5]), 2)
    theirs = torch.special.multigammaln(torch.tensor([3.0, 4.5]), 2)
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-6)


@pytest.mark.parametrize("name", POLYNOMIALS)
def test_polynomials(name: str) -> None:
    ours, theirs = getattr(wg.special, name), getattr(torch.special, name)
    values = [-1.0, -0.7, 0.0, 0.3, 1.0, 1.5]
    x, y = wg.tensor(values, dtype=wg.float64), torch.tensor(values, dtype=torch.float64)
    for n in (0, 1, 2, 5, 2.7):
        np.testing.assert_allclose(ours(x, n).numpy(), theirs(y, n).numpy(), rtol=1e-9, atol=1e-12)
    orders = [0, 1, 2, 3, 4, 5]
    np.testing.assert_allclose(
        ours(x, wg.tensor(orders)).numpy(), theirs(y, torch.tensor(orders)).numpy(),
        rtol=1e-9, atol=1e-12,
    )  # fmt: skip
    np.testing.assert_allclose(
        ours(0.5, wg.tensor(orders)).numpy(), theirs(0.5, torch.tensor(orders)).numpy(), rtol=1e-5
    )
    assert ours(wg.tensor([1, 2]), 2).dtype == wg.float32


def test_polynomials_are_differentiable() -> None:
    x = wg.tensor([0.3, -0.4], dtype=wg.float64, requires_grad=True)
    for name in ("chebyshev_polynomial_t", "hermite_polynomial_he", "legendre_polynomial_p"):
        function = getattr(wg.special, name)
        assert wg.autograd.gradcheck(lambda v, f=function: f(v, 4), (x,))
