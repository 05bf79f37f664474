"""`special` and names that stand for the same thing, against PyTorch."""

from __future__ import annotations

import pytest
import scipy.special

import wengert as wg

torch = pytest.importorskip("torch")
np = pytest.importorskip("numpy")

POLYNOMIALS = [name for name in torch.special.__all__ if "polynomial" in name]
BESSEL = (
    "airy_ai", "bessel_j0", "bessel_j1", "bessel_y0", "bessel_y1", "modified_bessel_k0",
    "modified_bessel_k1", "scaled_modified_bessel_k0", "scaled_modified_bessel_k1",
)  # fmt: skip
UNARY = (
    *BESSEL, "digamma", "entr", "erf", "erfc", "erfcx", "erfinv", "exp2", "expit", "expm1", "gammaln", "i0",
    "i0e", "i1", "i1e", "log1p", "log_ndtr", "logit", "modified_bessel_i0", "modified_bessel_i1",
    "ndtr", "ndtri", "psi", "round", "sinc", "spherical_bessel_j0",
)  # fmt: skip


def test_all_names_are_there_or_explained() -> None:
    names = set(torch.special.__all__) - {"Tensor"}
    assert not names - set(wg.special.__all__)
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


@pytest.mark.parametrize("name", BESSEL)
def test_bessel_functions_far_and_near(name: str) -> None:
    """Against SciPy: between 7 and 13 PyTorch's have eight digits."""
    reference = {
        "airy_ai": lambda x: scipy.special.airy(x)[0],
        "scaled_modified_bessel_k0": scipy.special.k0e,
        "scaled_modified_bessel_k1": scipy.special.k1e,
    }.get(name) or getattr(scipy.special, name.rpartition("_")[2])
    values = np.array([1e-12, 1e-3, 0.9, 1.99, 2.01, 7.99, 8.01, 12.5, 40.0, 90.0])
    ours = getattr(wg.special, name)(wg.tensor(values)).numpy()
    np.testing.assert_allclose(ours, reference(values), rtol=4e-13, atol=3e-16)
    if name in ("airy_ai", "bessel_j0", "bessel_j1"):
        back = -values[:-1]
        ours = getattr(wg.special, name)(wg.tensor(back)).numpy()
        np.testing.assert_allclose(ours, reference(back), rtol=1e-12, atol=1e-13)


def test_bessel_functions_at_the_ends() -> None:
    """0 at infinity, where PyTorch has NaN for most; NaN where there is no value."""
    inf, nan = float("inf"), float("nan")
    x = wg.tensor([-inf, -1.0, 0.0, 5e-324, inf, nan], dtype=wg.float64)
    expected = {
        "bessel_j0": [0.0, 0.7651976865579665, 1.0, 1.0, 0.0, nan],
        "bessel_j1": [0.0, -0.4400505857449335, 0.0, 0.0, 0.0, nan],
        "bessel_y0": [nan, nan, -inf, -473.9990734230044, 0.0, nan],
        "bessel_y1": [nan, nan, -inf, -inf, 0.0, nan],
        "modified_bessel_k0": [nan, nan, inf, 744.5560034370395, 0.0, nan],
        "modified_bessel_k1": [nan, nan, inf, inf, 0.0, nan],
        "scaled_modified_bessel_k0": [nan, nan, inf, 744.5560034370395, 0.0, nan],
        "scaled_modified_bessel_k1": [nan, nan, inf, inf, 0.0, nan],
        "airy_ai": [0.0, 0.5355608832923521, 0.3550280538878172, 0.3550280538878172, 0.0, nan],
    }
    for name, values in expected.items():
        found = getattr(wg.special, name)(x).numpy()
        np.testing.assert_allclose(found, values, rtol=1e-14, atol=1e-300, err_msg=name)


def test_zeros_of_bessel_functions_have_all_digits() -> None:
    for name, zero in (("bessel_j0", 2.404825557695773), ("bessel_j1", 3.8317059702075125)):
        x = np.array([zero, np.nextafter(zero, 0), np.nextafter(zero, 10)])
        ours = getattr(wg.special, name)(wg.tensor(x)).numpy()
        # The slope times the distance from the zero, of which SciPy has some digits more.
        slope = {"bessel_j0": -0.5191474972894669, "bessel_j1": -0.4027593957025530}[name]
        rest = {"bessel_j0": 1.1766916e-16, "bessel_j1": 1.5269184e-16}[name]
        np.testing.assert_allclose(ours, slope * ((x - zero) + rest), rtol=1e-4)


def test_an_airy_function_has_no_derivative() -> None:
    x = wg.ones(2, requires_grad=True)
    with pytest.raises((RuntimeError, NotImplementedError), match="airy_ai"):
        wg.special.airy_ai(x).sum().backward()
