"""Regions in which operators choose their precision."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any

import wengert as wg
from wengert import _C

__all__ = [
    "autocast",
    "custom_bwd",
    "custom_fwd",
    "get_autocast_dtype",
    "is_autocast_available",
    "is_autocast_enabled",
    "set_autocast_dtype",
    "set_autocast_enabled",
]

_DEVICES = ("cpu", "cuda")
# Programs ask about these, too, before they use one.
_ASKED = (*_DEVICES, "hpu", "ipu", "maia", "mps", "mtia", "xla", "xpu")


def _check_device(device_type: Any, known: tuple[str, ...] = _DEVICES) -> None:
    if not isinstance(device_type, str):
        raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")
    if device_type not in known:
        raise RuntimeError(f"User specified an unsupported autocast device_type '{device_type}'")


def is_autocast_available(device_type: str) -> bool:
    """Can operators on this kind of device be autocast? On the CPU, and on no other so far.

    >>> import wengert as wg
    >>> wg.amp.is_autocast_available("cpu")
    True
    """
    return device_type == "cpu"


def is_autocast_enabled(device_type: str = "cpu") -> bool:
    """Is this thread inside an enabled region of :class:`autocast`?"""
    _check_device(device_type, _ASKED)
    return device_type == "cpu" and _C._is_autocast_on()


def is_autocast_cpu_enabled() -> bool:
    """The older form of :func:`is_autocast_enabled` for the CPU."""
    return is_autocast_enabled("cpu")


def get_autocast_cpu_dtype() -> wg.dtype:
    """The older form of :func:`get_autocast_dtype` for the CPU."""
    return get_autocast_dtype("cpu")


def get_autocast_gpu_dtype() -> wg.dtype:
    """The older form of :func:`get_autocast_dtype` for GPUs."""
    return get_autocast_dtype("cuda")


def set_autocast_enabled(device_type: str, enabled: bool) -> None:
    """Switches autocast on or off for this thread, until told otherwise; prefer `autocast`."""
    _check_device(device_type)
    if device_type == "cpu":
        _C._set_autocast(enabled, _C._get_autocast()[1])
    elif enabled:
        raise RuntimeError(f"autocast is not available for device_type '{device_type}'")


def get_autocast_dtype(device_type: str = "cpu") -> Any:
    """The dtype of operators that run in low precision: of this thread, for this kind of device."""
    _check_device(device_type, _ASKED)
    return _C._get_autocast()[1] if device_type == "cpu" else wg.float16


def set_autocast_dtype(device_type: str, dtype: Any) -> None:
    """Sets what :func:`get_autocast_dtype` returns."""
    _check_device(device_type)
    if device_type != "cpu":
        raise RuntimeError(f"autocast is not available for device_type '{device_type}'")
    _C._set_autocast(_C._get_autocast()[0], dtype)


class autocast:
    """Inside this context (or a function so decorated) operators choose their precision.

    Products, linear layers and convolutions run in ``dtype``; losses, ``prod``, 3d pooling and
    linear algebra in float32; all others in what they are given. float64 is never touched, and
    neither are in-place and ``out=`` forms. Gradients come back in the dtype of each parameter.
    Leave the backward pass outside.

    Args:
        device_type: "cpu". "cuda" is known, but not available: it disables the region with a
            warning.
        dtype: bfloat16 (the default) or float16.
        enabled: False makes a region without autocast, also inside one with.
        cache_enabled: accepted; casts are not cached.

    Raises:
        ValueError: ``device_type`` is no string.
        RuntimeError: there is no such device.

    >>> import wengert as wg
    >>> x = wg.ones(2, 2)
    >>> with wg.autocast("cpu"):
    ...     y = x @ x
    >>> y.dtype
    wengert.bfloat16
    """

    def __init__(
        self,
        device_type: str,
        dtype: Any = None,
        enabled: bool = True,
        cache_enabled: bool | None = None,
    ) -> None:
        _check_device(device_type)
        if dtype is None:
            dtype = get_autocast_dtype(device_type)
        if enabled and device_type != "cpu":
            warnings.warn(
                f"User provided device_type of '{device_type}', but it is not available. "
                "Disabling autocast.",
                UserWarning,
                stacklevel=2,
            )
            enabled = False
        if enabled and dtype not in (wg.bfloat16, wg.float16):
            warnings.warn(
                "In CPU autocast, but the target dtype is not supported. Disabling autocast. CPU "
                "autocast only supports dtype of wengert.bfloat16, wengert.float16 currently, not "
                f"{dtype}.",
                UserWarning,
                stacklevel=2,
            )
            enabled = False
        self.device = device_type
        self.fast_dtype = dtype
        self._enabled = bool(enabled)
        self._before: list[tuple[bool, Any]] = []

    def __enter__(self) -> autocast:
        before = _C._get_autocast()
        self._before.append(before)
        if self.device == "cpu":
            dtype = self.fast_dtype if self._enabled else before[1]
            _C._set_autocast(self._enabled, dtype)
        return self

    def __exit__(self, *exception: object) -> None:
        _C._set_autocast(*self._before.pop())

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Makes every call of the function a region."""

        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            # Calls may nest, and run in several threads: each has a region of its own.
            with autocast(self.device, self.fast_dtype, self._enabled):
                return function(*args, **kwargs)

        return wrapped


def custom_fwd(
    fwd: Callable[..., Any] | None = None, *, device_type: str, cast_inputs: Any = None
) -> Callable[..., Any]:
    """For ``forward`` of a custom ``autograd.Function``: in which precision it runs.

    Args:
        fwd: the method; without it this is a decorator with options.
        device_type: see :class:`autocast`.
        cast_inputs: inside a region, cast floating arguments to this dtype and disable autocast
            within. Without it the method runs in the region that it is called from.
    """
    _check_device(device_type)
    if fwd is None:
        return functools.partial(custom_fwd, device_type=device_type, cast_inputs=cast_inputs)

    @functools.wraps(fwd)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        context = args[0]
        context._dtype = get_autocast_dtype(device_type)
        context._fwd_used_autocast = is_autocast_enabled(device_type)
        if cast_inputs is None or not context._fwd_used_autocast:
            return fwd(*args, **kwargs)
        context._fwd_used_autocast = False
        with autocast(device_type, enabled=False):
            return fwd(*_cast(args, cast_inputs), **_cast(kwargs, cast_inputs))

    return wrapped


def custom_bwd(bwd: Callable[..., Any] | None = None, *, device_type: str) -> Callable[..., Any]:
    """For ``backward`` of a custom ``autograd.Function``: in the precision of its ``forward``.

    Args:
        bwd: the method; without it this is a decorator with options.
        device_type: see :class:`autocast`.
    """
    _check_device(device_type)
    if bwd is None:
        return functools.partial(custom_bwd, device_type=device_type)

    @functools.wraps(bwd)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        context = args[0]
        with autocast(device_type, context._dtype, context._fwd_used_autocast):
            return bwd(*args, **kwargs)

    return wrapped


def _cast(value: Any, dtype: Any) -> Any:
    if isinstance(value, wg.Tensor):
        castable = value.is_floating_point() and value.dtype != wg.float64
        return value.to(dtype) if castable else value
    if isinstance(value, dict):
        return {key: _cast(item, dtype) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_cast(item, dtype) for item in value)
    return value
