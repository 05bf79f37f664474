"""Short-time Fourier transforms: the spectra of windows that move along a signal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import wengert
from wengert import _ops

from ._common import describe

if TYPE_CHECKING:
    from wengert import Tensor

__all__ = ("istft", "stft")

METHODS = ("istft", "stft")

PROPERTIES = ()

FUNCTIONAL = ()


def _whole_window(name: str, window: Tensor | None, win_length: int, n_fft: int, like: Tensor,
                  input: Tensor) -> Tensor:  # fmt: skip
    """The window in the middle of n_fft elements; ones if there is none."""
    if win_length <= 0 or win_length > n_fft:
        raise RuntimeError(
            f"{name}: expected 0 < win_length <= n_fft, but got win_length={win_length}"
            f" and n_fft={n_fft}" + describe(input=input)
        )
    if window is None:
        window = _ops.ones((win_length,), dtype=like.dtype)
    elif window.dim() != 1 or window.shape[0] != win_length:
        raise RuntimeError(
            f"{name}: expected a 1D window tensor of size equal to win_length={win_length}, but "
            f"got window with size {list(window.shape)}" + describe(input=input, window=window)
        )
    if win_length == n_fft:
        return window
    left = (n_fft - win_length) // 2
    return wengert.nn.functional.pad(window, (left, n_fft - win_length - left))


def stft(
    input: Tensor,
    n_fft: int,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: Tensor | None = None,
    center: bool = True,
    pad_mode: str = "reflect",
    normalized: bool = False,
    onesided: bool | None = None,
    return_complex: bool | None = None,
    align_to_window: bool | None = None,
) -> Tensor:
    """Spectra of pieces of n_fft elements of a signal (..., time), one every hop_length elements.

    hop_length: n_fft // 4 by default. window: of win_length elements (n_fft by default), which is
    put in the middle of the piece. center: the signal is padded so that piece t is centred at
    element ``t * hop_length``. normalized: divides by sqrt(n_fft). onesided: only frequencies up
    to the half; by default where signal and window are real. The result is complex,
    (..., frequency, piece), or with ``return_complex=False`` real, with a last dimension of 2.

    >>> wg.stft(wg.ones(8), 4, return_complex=True).shape
    wengert.Size([3, 9])
    """
    is_complex = input.dtype.is_complex or (window is not None and window.dtype.is_complex)
    if return_complex is None:
        if not is_complex:
            raise RuntimeError(
                "stft requires the return_complex parameter be given for real inputs, and will "
                "further require that return_complex=True in a future PyTorch release."
                + describe(input=input)
            )
        return_complex = True
    if center and align_to_window:
        raise RuntimeError("stft: align_to_window should only be set when center = false.")
    hop = n_fft // 4 if hop_length is None else hop_length
    length = n_fft if win_length is None else win_length
    if not input.dtype.is_floating_point and not input.dtype.is_complex:
        raise RuntimeError(
            "stft: expected a tensor of floating point or complex values" + describe(input=input)
        )
    if input.dim() not in (1, 2):
        raise RuntimeError("stft: expected a 1D or 2D tensor" + describe(input=input))
    signal = input if input.dim() == 2 else _ops.unsqueeze(input, 0)
    if center:
        half = n_fft // 2
        signal = wengert.nn.functional.pad(
            _ops.unsqueeze(signal, 1), (half, half), mode=pad_mode
        ).squeeze(1)
    if not 0 < n_fft <= signal.shape[-1]:
        raise RuntimeError(
            f"stft: expected 0 < n_fft < {signal.shape[-1]}, but got n_fft={n_fft}"
            + describe(input=input)
        )
    if hop <= 0:
        raise RuntimeError(f"stft: expected hop_length > 0, but got hop_length={hop}")
    pieces = signal.unfold(-1, n_fft, hop)
    like = input.real if input.dtype.is_complex else input
    pieces = _ops.mul(pieces, _whole_window("stft", window, length, n_fft, like, input))
    norm = "ortho" if normalized else None
    if onesided is None:
        onesided = not is_complex
    if onesided and is_complex:
        raise RuntimeError(
            "Cannot have onesided output if window or input is complex" + describe(input=input)
        )
    if onesided:
        spectra = wengert.fft.rfft(pieces, norm=norm)
    else:
        spectra = wengert.fft.fft(pieces, norm=norm)
    result = _ops.transpose(spectra, -1, -2)
    if input.dim() == 1:
        result = _ops.squeeze(result, 0)
    return result if return_complex else wengert.view_as_real(result)


def istft(
    input: Tensor,
    n_fft: int,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: Tensor | None = None,
    center: bool = True,
    normalized: bool = False,
    onesided: bool | None = None,
    length: int | None = None,
    return_complex: bool = False,
) -> Tensor:
    """The inverse of `stft`, by least squares (Griffin and Lim, 1984).

    The arguments are those that `stft` was given; length: of the signal, which the spectra tell
    only up to a hop. Raises RuntimeError where windows leave elements out.

    >>> x = wg.arange(8.0)
    >>> window = wg.hann_window(4)
    >>> wg.istft(wg.stft(x, 4, window=window, return_complex=True), 4, window=window)
    tensor([0., 1., 2., 3., 4., 5., 6., 7.])
    """
    if not input.dtype.is_complex:
        raise RuntimeError(
            "istft requires a complex-valued input tensor matching the output from stft with "
            "return_complex=True." + describe(input=input)
        )
    if input.dim() not in (2, 3) or input.numel() == 0:
        raise RuntimeError(
            "istft: expected a tensor with 2 or 3 dimensions that is not empty"
            + describe(input=input)
        )
    hop = n_fft // 4 if hop_length is None else hop_length
    width = n_fft if win_length is None else win_length
    bins = input.shape[-2]
    if onesided is None:
        onesided = bins != n_fft
    expected = n_fft // 2 + 1 if onesided else n_fft
    if bins != expected:
        raise RuntimeError(
            f"istft: expected the frequency dimension (3rd to the last) of the input tensor to "
            f"match n_fft / 2 + 1 when onesided=True or n_fft, {expected}, but got {bins}"
            + describe(input=input)
        )
    if not 0 < hop <= width:
        raise RuntimeError(
            f"istft: expected 0 < hop_length <= win_length, but got hop_length={hop} and "
            f"win_length={width}" + describe(input=input)
        )
    spectra = input if input.dim() == 3 else _ops.unsqueeze(input, 0)
    spectra = _ops.transpose(spectra, -1, -2)  # (batch, piece, frequency)
    norm = "ortho" if normalized else None
    if return_complex:
        if onesided:
            raise RuntimeError(
                "istft: cannot have onesided output if window or input is complex, use "
                "onesided=False" + describe(input=input)
            )
        pieces = wengert.fft.ifft(spectra, norm=norm)
    elif onesided:
        pieces = wengert.fft.irfft(spectra, n_fft, norm=norm)
    else:
        pieces = wengert.fft.ifft(spectra, norm=norm).real
    shape = _whole_window("istft", window, width, n_fft, spectra.real, input)
    signal = _overlapped(_ops.mul(pieces, shape), hop)
    power = _ops.expand(_ops.mul(shape, shape), pieces.shape[1:])
    weight = _overlapped(_ops.unsqueeze(power, 0), hop)
    start = n_fft // 2 if center else 0
    total = signal.shape[-1]
    end = start + length if length is not None else total - start if center else total
    signal, weight = signal[:, start:end], weight[:, start:end]
    if bool((weight.abs() < 1e-11).any()):
        raise RuntimeError(
            "istft: window overlap add min: 1e-11: the windows leave elements of the signal out"
            + describe(input=input)
        )
    signal = _ops.div(signal, weight)
    if length is not None and signal.shape[-1] < length:
        signal = wengert.nn.functional.pad(signal, (0, length - signal.shape[-1]))
    return signal if input.dim() == 3 else _ops.squeeze(signal, 0)


def _overlapped(pieces: Tensor, hop: int) -> Tensor:
    """The sum of pieces (batch, piece, element), each put hop elements after the one before."""
    batch, count, width = pieces.shape
    total = width + hop * (count - 1)
    places: Any = _ops.arange(width) + hop * _ops.arange(count).unsqueeze(1)
    zeros = _ops._zeros((batch, total), pieces.dtype)
    return zeros.index_add(1, places.reshape(-1), _ops.reshape(pieces, (batch, count * width)))
