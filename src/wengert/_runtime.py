"""Settings and questions that concern the whole process, and names that other libraries expect."""

from __future__ import annotations

import warnings
from typing import Any

from wengert import _C
from wengert._C import Tensor

__all__ = (
    "are_deterministic_algorithms_enabled", "compile", "compiled_with_cxx11_abi",
    "get_default_device", "get_deterministic_debug_mode", "get_device_module",
    "get_float32_matmul_precision", "get_num_interop_threads",
    "is_deterministic_algorithms_warn_only_enabled", "is_warn_always_enabled",
    "set_default_device", "set_default_tensor_type", "set_deterministic_debug_mode",
    "set_float32_matmul_precision", "set_flush_denormal", "set_num_interop_threads",
    "set_warn_always", "typename", "use_deterministic_algorithms",
)  # fmt: skip

_precision = "highest"
_deterministic = 0  # 0: no matter, 1: warn, 2: raise
_warn_always = False
_interop_threads = 1


# --- running faster, in PyTorch ---


def compile(
    model: Any = None,
    *,
    fullgraph: bool = False,
    dynamic: bool | None = None,
    backend: Any = "inductor",
    mode: str | None = None,
    options: Any = None,
    disable: bool = False,
) -> Any:
    """Returns the model, or the function, itself: programs run eagerly, at full speed.

    The other arguments say how PyTorch should compile and are not used. Without a model it is a
    decorator.

    >>> model = wg.nn.Linear(2, 1)
    >>> wg.compile(model, mode="max-autotune") is model
    True
    """
    if mode is not None and options is not None:
        raise RuntimeError(
            "Either mode or options can be specified, but both can't be specified at the same time."
        )
    return model if model is not None else lambda function: function


def set_float32_matmul_precision(precision: str) -> None:
    """Says how much precision products of float32 matrices may lose: "highest", "high", "medium".

    They lose none in any case: this is remembered, and changes nothing.
    """
    global _precision
    if precision not in ("highest", "high", "medium"):
        raise RuntimeError(
            "Invalid float32 matmul precision, expected one of 'highest', 'high' or 'medium', got "
            f"{precision!r}"
        )
    _precision = precision


def get_float32_matmul_precision() -> str:
    """What `set_float32_matmul_precision` was told last; "highest" at first.

    >>> wg.get_float32_matmul_precision()
    'highest'
    """
    return _precision


# --- determinism: all kernels are deterministic ---


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Asks for operators that give the same bits in every run. All do: it is only remembered."""
    global _deterministic
    _deterministic = 0 if not mode else 1 if warn_only else 2


def are_deterministic_algorithms_enabled() -> bool:
    """Whether `use_deterministic_algorithms` was asked for."""
    return _deterministic > 0


def is_deterministic_algorithms_warn_only_enabled() -> bool:
    """Whether `use_deterministic_algorithms` was asked for with ``warn_only``."""
    return _deterministic == 1


def set_deterministic_debug_mode(debug_mode: int | str) -> None:
    """`use_deterministic_algorithms` under another name: "default", "warn", "error" or 0, 1, 2."""
    global _deterministic
    names = ("default", "warn", "error")
    if isinstance(debug_mode, str):
        if debug_mode not in names:
            raise RuntimeError(
                "invalid value of debug_mode, expected one of `default`, `warn`, `error`, but got "
                f"{debug_mode}"
            )
        debug_mode = names.index(debug_mode)
    if debug_mode not in (0, 1, 2):
        raise RuntimeError(
            f"invalid value of debug_mode, expected 0, 1, or 2, but got {debug_mode}"
        )
    _deterministic = debug_mode


def get_deterministic_debug_mode() -> int:
    """0, 1 or 2: as `set_deterministic_debug_mode` takes it."""
    return _deterministic


# --- devices ---


def set_default_device(device: Any) -> None:
    """Says where new tensors are made. The CPU is the only place; None stands for it, too.

    Raises RuntimeError for any other device.
    """
    _C.empty(0, device=device)


def get_default_device() -> _C.device:
    """Where new tensors are made: the CPU.

    >>> wg.get_default_device()
    device(type='cpu')
    """
    return _C.device("cpu")


def get_device_module(device: Any = None) -> Any:
    """The module of functions for a kind of device.

    >>> wg.get_device_module("cuda").is_available()
    False
    """
    import wengert

    kind = "cpu" if device is None else _C.device(device).type
    module = getattr(wengert, kind, None)
    if module is None:
        raise RuntimeError(
            f"Device '{kind}' does not have a corresponding module registered as 'torch.{kind}'."
        )
    return module


def set_default_tensor_type(t: Any) -> None:
    """Sets the dtype of new floating-point tensors by a type or its name, such as DoubleTensor.

    >>> wg.set_default_tensor_type(wg.DoubleTensor)
    >>> wg.ones(1).dtype
    wengert.float64
    >>> wg.set_default_tensor_type("torch.FloatTensor")
    """
    from wengert._interop import dtype_of_type

    _C.set_default_dtype(dtype_of_type(t))


# --- threads and warnings ---


def set_num_interop_threads(num: int) -> None:
    """Says how many operators may run beside each other; they do not, and it is remembered."""
    global _interop_threads
    if num <= 0:
        raise RuntimeError("Expected positive number of threads, got " + str(num))
    _interop_threads = num


def get_num_interop_threads() -> int:
    """What `set_num_interop_threads` was told last."""
    return _interop_threads


def set_flush_denormal(mode: bool) -> bool:
    """Whether numbers below the least normal one could be set to count as zero: no, they count."""
    if mode:
        warnings.warn("denormal numbers are not flushed to zero", stacklevel=2)
    return not mode


def set_warn_always(b: bool) -> None:
    """Says whether warnings that come once come every time; Python's `warnings` decides that."""
    global _warn_always
    if not isinstance(b, bool):
        raise TypeError(f"setWarnOnlyOnce expects a bool, but got {type(b).__name__}")
    _warn_always = b


def is_warn_always_enabled() -> bool:
    """What `set_warn_always` was told last."""
    return _warn_always


# --- names ---


def typename(obj: Any) -> str:
    """The full name of an object's type.

    >>> wg.typename(wg.ones(1)), wg.typename([])
    ('wengert.FloatTensor', 'list')
    """
    if isinstance(obj, Tensor):
        return str(obj.type())
    cls = obj if isinstance(obj, type) or callable(obj) else type(obj)
    module, name = getattr(cls, "__module__", ""), getattr(cls, "__qualname__", str(cls))
    return name if module in ("", None, "builtins") else f"{module}.{name}"


def compiled_with_cxx11_abi() -> bool:
    """Whether the core uses the C++11 ABI of its standard library: yes."""
    return True
