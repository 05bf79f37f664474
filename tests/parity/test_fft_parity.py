"""Fourier transforms and spectrograms against PyTorch: values, gradients, errors."""

from __future__ import annotations

from typing import Any

import pytest

import wengert as wg

torch = pytest.importorskip("torch")
np = pytest.importorskip("numpy")

LENGTHS = (1, 2, 3, 8, 30, 64, 65, 97, 128, 263, 360, 526, 1000, 1024)


def _pair(*shape: int, real: bool = False, seed: int = 0) -> tuple[Any, Any]:
    generator = np.random.default_rng(seed)
    values = generator.standard_normal(shape)
    if not real:
        values = values + 1j * generator.standard_normal(shape)
    return wg.tensor(values), torch.tensor(values)


def _close(ours: Any, theirs: Any, tolerance: float = 1e-12) -> None:
    assert tuple(ours.shape) == tuple(theirs.shape)
    assert str(ours.dtype).partition(".")[2] == str(theirs.dtype).partition(".")[2]
    theirs = theirs.detach().resolve_conj().resolve_neg().numpy()
    scale = max(1.0, float(np.abs(theirs).max(initial=0.0)))
    np.testing.assert_allclose(ours.detach().numpy(), theirs, atol=tolerance * scale, rtol=0)


@pytest.mark.parametrize("norm", [None, "backward", "ortho", "forward"])
@pytest.mark.parametrize("name", ["fft", "ifft", "rfft", "irfft", "hfft", "ihfft"])
def test_one_dimension(name: str, norm: str | None) -> None:
    for n in LENGTHS:
        ours, theirs = _pair(2, n, real=name in ("rfft", "ihfft"))
        if n > 1 or name not in ("irfft", "hfft"):
            _close(
                getattr(wg.fft, name)(ours, norm=norm), getattr(torch.fft, name)(theirs, norm=norm)
            )
    ours, theirs = _pair(4, 9, 3, real=name in ("rfft", "ihfft"))
    for options in ({"dim": 1}, {"n": 5, "dim": 1}, {"n": 16, "dim": -2}, {"n": 7, "dim": 0}):
        _close(getattr(wg.fft, name)(ours, **options), getattr(torch.fft, name)(theirs, **options))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        (name, options)
        for name in ("fftn", "ifftn", "rfftn", "irfftn", "hfftn", "ihfftn")
        for options in ({}, {"dim": (0, 2)}, {"s": (6, 5)}, {"s": (4, -1), "dim": (2, 0)})
    ]
    + [(name, {}) for name in ("fft2", "ifft2", "rfft2", "irfft2", "hfft2", "ihfft2")],
)
def test_several_dimensions(name: str, options: dict[str, Any]) -> None:
    ours, theirs = _pair(3, 4, 6, real=name[0] == "r" or name.startswith("ihf"))
    for norm in (None, "ortho"):
        _close(
            getattr(wg.fft, name)(ours, norm=norm, **options),
            getattr(torch.fft, name)(theirs, norm=norm, **options),
        )


@pytest.mark.parametrize(
    "name", ["fft", "ifft", "rfft", "irfft", "hfft", "ihfft", "fftn", "irfftn"]
)
def test_gradients(name: str) -> None:
    ours, theirs = _pair(3, 10, real=name in ("rfft", "ihfft"))
    ours.requires_grad_()
    theirs.requires_grad_()
    for x, package in ((ours, wg), (theirs, torch)):
        y = getattr(package.fft, name)(x)
        (y.abs() ** 3).sum().backward()
    _close(ours.grad, theirs.grad)


@pytest.mark.parametrize("name", ["fft", "rfft", "irfft"])
@pytest.mark.parametrize("n", [6, 67, 263])
def test_derivatives_of_higher_order(name: str, n: int) -> None:
    """Also where the transform is a convolution."""
    x, _ = _pair(n, real=name == "rfft")
    x.requires_grad_()

    def function(value: Any) -> Any:
        y = getattr(wg.fft, name)(value)
        return (y.abs() ** 3)[..., :3]

    assert wg.autograd.gradcheck(function, (x,), fast_mode=True)
    assert wg.autograd.gradgradcheck(function, (x,), fast_mode=True)


def test_single_precision_and_integers() -> None:
    values = list(range(100))
    for dtype in ("float32", "int64", "complex64", "bool"):
        ours = wg.fft.fft(wg.tensor(values).to(getattr(wg, dtype)))
        theirs = torch.fft.fft(torch.tensor(values).to(getattr(torch, dtype)))
        _close(ours, theirs, 1e-6)


def test_frequencies_and_shifts() -> None:
    for n in (1, 4, 5):
        _close(wg.fft.fftfreq(n, 0.5), torch.fft.fftfreq(n, 0.5), 1e-7)
        _close(
            wg.fft.rfftfreq(n, d=2.0, dtype=wg.float64),
            torch.fft.rfftfreq(n, d=2.0, dtype=torch.float64),
        )
    ours, theirs = _pair(4, 5)
    for name in ("fftshift", "ifftshift"):
        for dim in (None, 0, (1,), (-1, 0)):
            _close(getattr(wg.fft, name)(ours, dim), getattr(torch.fft, name)(theirs, dim))


def test_out() -> None:
    x, _ = _pair(4)
    out = wg.empty(4, dtype=wg.complex128)
    assert wg.fft.fft(x, out=out) is out
    assert wg.equal(out, wg.fft.fft(x))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda p: p.fft.rfft(p.ones(2) * 1j), "rfft expects a real input tensor"),
        (lambda p: p.fft.fft(p.ones(2), norm="x"), 'Invalid normalization mode: "x"'),
        (lambda p: p.fft.fft(p.ones(2), n=0), "Invalid number of data points"),
        (lambda p: p.fft.fft(p.ones(2), dim=3), "Dimension out of range"),
        (lambda p: p.fft.fftn(p.ones(2, 2), dim=(0, 0)), "FFT dims must be unique"),
        (lambda p: p.fft.fftn(p.ones(2), s=(1, 2)), "Got shape with"),
        (lambda p: p.fft.fftn(p.ones(2, 2), s=(1,), dim=(0, 1)), "must have the same length"),
        (lambda p: p.fft.irfft(p.ones(1)), "Invalid number of data points"),
        (lambda p: p.fft.fft(p.ones(2, dtype=p.float16)), "Unsupported dtype Half"),
    ],
)
def test_errors(call: Any, words: str) -> None:
    errors = []
    for package in (torch, wg):
        with pytest.raises((RuntimeError, IndexError)) as caught:
            call(package)
        errors.append(caught)
    assert errors[0].type is errors[1].type
    assert words in str(errors[1].value)


SPECTROGRAMS = [
    {"n_fft": 16, "hop_length": 4},
    {"n_fft": 16, "center": False},
    {"n_fft": 16, "win_length": 10, "window": 10, "normalized": True},
    {"n_fft": 15, "hop_length": 5, "window": 15, "pad_mode": "constant"},
    {"n_fft": 16, "onesided": False},
]


@pytest.mark.filterwarnings("ignore:A window was not provided")  # PyTorch's
@pytest.mark.parametrize("options", SPECTROGRAMS)
@pytest.mark.parametrize("batch", [(), (3,)])
def test_stft_and_istft(options: dict[str, Any], batch: tuple[int, ...]) -> None:
    ours, theirs = _pair(*batch, 64, real=True)
    given = dict(options)
    size = given.pop("window", None)
    windows = [None, None]
    if size:
        windows = [p.hann_window(size, dtype=p.float64) + 0.1 for p in (wg, torch)]
        _close(*windows)
    a = wg.stft(ours, window=windows[0], return_complex=True, **given)
    b = torch.stft(theirs, window=windows[1], return_complex=True, **given)
    _close(a, b)
    _close(
        ours.stft(window=windows[0], return_complex=False, **given),
        theirs.stft(window=windows[1], return_complex=False, **given),
    )
    given.pop("pad_mode", None)
    for length in (None, 60):
        back = wg.istft(a, window=windows[0], length=length, **given)
        _close(back, torch.istft(b, window=windows[1], length=length, **given))
        count = back.shape[-1]
        assert wg.allclose(back, ours[..., :count])


def test_stft_gradient() -> None:
    ours, theirs = _pair(40, real=True)
    for x, package in ((ours.requires_grad_(), wg), (theirs.requires_grad_(), torch)):
        spectrum = package.stft(
            x, 8, window=package.hann_window(8, dtype=package.float64), return_complex=True
        )
        (spectrum.abs() ** 2).sum().backward()
    _close(ours.grad, theirs.grad)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda p: p.stft(p.ones(8), 4), "stft requires the return_complex parameter"),
        (lambda p: p.stft(p.ones(2, 2, 8), 4, return_complex=True), "expected a 1D or 2D tensor"),
        (lambda p: p.stft(p.ones(8), 90, center=False, return_complex=True), "0 < n_fft"),
        (lambda p: p.stft(p.ones(8), 4, win_length=5, return_complex=True), "0 < win_length <="),
        (
            lambda p: p.stft(p.ones(8), 4, window=p.ones(3), return_complex=True),
            "expected a 1D window tensor of size equal to win_length=4",
        ),
        (lambda p: p.istft(p.ones(3, 3), 4), "istft requires a complex-valued input tensor"),
        (lambda p: p.istft(p.ones(4, 3) * 1j, 4, window=p.zeros(4)), "window overlap add min"),
    ],
)
def test_stft_errors(call: Any, words: str) -> None:
    for package in (torch, wg):
        with pytest.raises(RuntimeError, match=words):
            call(package)
