"""What programs ask about GPUs: there are none in this build.

Questions are answered (no device, no memory in use), and what has nothing to do then does nothing:
seeding, emptying caches, waiting. What needs a device raises. So the usual
``device = "cuda" if torch.cuda.is_available() else "cpu"`` and its relatives work.
"""

from __future__ import annotations

import sys
from typing import Any, NoReturn

from wengert import _missing
from wengert._devices import Unavailable
from wengert.cuda import amp

__all__ = [
    "amp", "current_device", "device", "device_count", "empty_cache", "get_arch_list",
    "get_device_capability", "get_device_name", "get_device_properties", "get_rng_state_all",
    "init", "initial_seed", "ipc_collect", "is_available", "is_bf16_supported", "is_initialized",
    "manual_seed", "manual_seed_all", "max_memory_allocated", "max_memory_reserved",
    "memory_allocated", "memory_reserved", "reset_max_memory_allocated",
    "reset_peak_memory_stats", "seed", "seed_all", "set_device", "set_rng_state_all",
    "synchronize",
]  # fmt: skip


def _refuse() -> NoReturn:
    raise Unavailable(
        "Torch not compiled with CUDA enabled\n  wengert: this build has the device cpu only"
    )


def is_available() -> bool:
    """Whether there is a GPU that can be used: no."""
    return False


_initialized = False


def _is_in_bad_fork() -> bool:
    return False


def is_initialized() -> bool:
    """Whether a GPU is in use: no."""
    return False


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """Whether a GPU can compute with bfloat16: there is none."""
    return False


def device_count() -> int:
    """The number of GPUs: 0."""
    return 0


def get_arch_list() -> list[str]:
    """The architectures that kernels were compiled for: none."""
    return []


def init() -> None:
    """Raises: there is no GPU to be made ready."""
    _refuse()


def current_device() -> int:
    """Raises: there is no GPU."""
    _refuse()


def set_device(device: Any) -> None:
    """Raises: there is no GPU."""
    _refuse()


def get_device_name(device: Any = None) -> str:
    """Raises: there is no GPU."""
    _refuse()


def get_device_capability(device: Any = None) -> tuple[int, int]:
    """Raises: there is no GPU."""
    _refuse()


def get_device_properties(device: Any = None) -> Any:
    """Raises: there is no GPU."""
    _refuse()


class device:
    """The GPU of a ``with`` block; a negative index or None stands for no change, as in PyTorch."""

    def __init__(self, device: Any) -> None:
        self.idx = device

    def __enter__(self) -> None:
        if self.idx is not None and not (isinstance(self.idx, int) and self.idx < 0):
            _refuse()

    def __exit__(self, *error: object) -> None:
        pass


def synchronize(device: Any = None) -> None:
    """Waits for the work that GPUs have been given: there is none."""


def empty_cache() -> None:
    """Frees memory of GPUs that is kept for reuse: there is none."""


def ipc_collect() -> None:
    """Frees memory of GPUs that was shared with other processes: there is none."""


def manual_seed(seed: int) -> None:
    """Seeds the current GPU's generator: there is none. See ``wengert.manual_seed``."""


def manual_seed_all(seed: int) -> None:
    """Seeds the generators of all GPUs: there are none. See ``wengert.manual_seed``."""


def seed() -> None:
    """Seeds the current GPU's generator by chance: there is none."""


def seed_all() -> None:
    """Seeds the generators of all GPUs by chance: there are none."""


def initial_seed() -> int:
    """Raises: there is no GPU."""
    _refuse()


def get_rng_state_all() -> list[Any]:
    """The states of the generators of all GPUs: an empty list."""
    return []


def set_rng_state_all(new_states: Any) -> None:
    """Sets the states of the generators of all GPUs.

    Raises if there are states for any.
    """
    if len(new_states) > 0:
        _refuse()


def memory_allocated(device: Any = None) -> int:
    """Bytes of GPU memory in use: 0."""
    return 0


def max_memory_allocated(device: Any = None) -> int:
    """The most bytes of GPU memory that were in use: 0."""
    return 0


def memory_reserved(device: Any = None) -> int:
    """Bytes of GPU memory held: 0."""
    return 0


def max_memory_reserved(device: Any = None) -> int:
    """The most bytes of GPU memory that were held: 0."""
    return 0


def reset_peak_memory_stats(device: Any = None) -> None:
    """Starts to count the peak anew: there is nothing to count."""


def reset_max_memory_allocated(device: Any = None) -> None:
    """Starts to count the peak anew: there is nothing to count."""


class _OfADevice:
    """Raises: there is no GPU. A class, as it stands in annotations."""

    def __new__(cls, *args: Any, **kwargs: Any) -> NoReturn:
        _refuse()


class CUDAGraph(_OfADevice):
    """A recording of what a GPU did: raises, there is no GPU."""


class Event(_OfADevice):
    """A mark in a GPU's work: raises, there is no GPU."""


class Stream(_OfADevice):
    """A queue of a GPU's work: raises, there is no GPU."""


class ExternalStream(Stream):
    """A queue that other software made: raises, there is no GPU."""


# Types of tensors on GPUs, from before there were dtypes: nothing is an instance.
_OLD_TYPES = frozenset({
    "BFloat16Tensor", "BoolTensor", "ByteTensor", "CharTensor", "DoubleTensor", "FloatTensor",
    "HalfTensor", "IntTensor", "LongTensor", "ShortTensor",
})  # fmt: skip

_NEED_A_DEVICE = frozenset({
    "StreamContext", "current_blas_handle", "current_stream",
    "default_stream", "get_rng_state", "graph", "mem_get_info", "memory_stats", "memory_summary",
    "set_rng_state", "set_stream", "stream",
})  # fmt: skip


def _needs_a_device(*args: Any, **kwargs: Any) -> NoReturn:
    """Raises: there is no GPU."""
    _refuse()


def __getattr__(name: str) -> Any:
    if name in _OLD_TYPES:
        return type(name, (_OfADevice,), {"__doc__": "Raises: there is no GPU."})
    if name in _NEED_A_DEVICE:
        return _needs_a_device
    _missing.raise_missing(sys.modules[__name__], name)
