"""`torch._C` for programs that reach into it: the native core, and names that PyTorch's has.

Switches of TorchScript's compiler take any values; there is none to switch.
"""

from __future__ import annotations

import contextlib
from typing import Any

from wengert import _C, futures, overrides
from wengert._missing import raise_missing
from wengert.nn.modules.module import _parse_to as _parse_to_of_modules

__all__ = ["DispatchKey", "DispatchKeySet"]


class DispatchKey:
    """A class of kernels of PyTorch's: a name and nothing more."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"DispatchKey.{self.name}"


for _name in (
    "AutocastCPU", "AutocastCUDA", "AutocastMPS", "AutocastXPU", "Autograd", "AutogradCPU",
    "AutogradCUDA", "CPU", "CUDA", "CompositeExplicitAutograd", "CompositeImplicitAutograd",
    "Meta", "Python", "Undefined",
):  # fmt: skip
    setattr(DispatchKey, _name, DispatchKey(_name))


class DispatchKeySet:
    """Several of these names."""

    def __init__(self, *keys: DispatchKey) -> None:
        self.keys = frozenset(keys)

    def __or__(self, other: DispatchKeySet) -> DispatchKeySet:
        return DispatchKeySet(*self.keys, *other.keys)

    def __and__(self, other: DispatchKeySet) -> DispatchKeySet:
        return DispatchKeySet(*(self.keys & other.keys))

    def __sub__(self, other: DispatchKeySet) -> DispatchKeySet:
        return DispatchKeySet(*(self.keys - other.keys))

    def has(self, key: DispatchKey) -> bool:
        """Whether the name is there."""
        return key in self.keys


class _ExcludeDispatchKeyGuard(contextlib.AbstractContextManager):
    """Kernels are not chosen by names, so leaving some out changes nothing.

    Autocast is the exception: without its name it is off in the block.
    """

    def __init__(self, keys: DispatchKeySet) -> None:
        off = keys.has(DispatchKey.AutocastCPU)  # type: ignore[attr-defined]
        self._inner: Any = contextlib.nullcontext()
        if off:
            from wengert.amp import autocast

            self._inner = autocast("cpu", enabled=False)

    def __enter__(self) -> None:
        self._inner.__enter__()

    def __exit__(self, *error: Any) -> None:
        self._inner.__exit__(*error)


def _no(*args: Any, **kwargs: Any) -> bool:
    return False


def _nothing(*args: Any, **kwargs: Any) -> None:
    return None


_are_functorch_transforms_active = _no
_cuda_isInBadFork = _no
_get_tracing_state = _nothing
_log_api_usage_once = _nothing
_jit_can_fuse_on_cpu = _jit_can_fuse_on_gpu = _no
_jit_override_can_fuse_on_cpu = _jit_override_can_fuse_on_gpu = _nothing
_jit_set_nvfuser_enabled = _jit_set_nvfuser_guard_mode = _no
_jit_set_profiling_executor = _jit_set_profiling_mode = _jit_set_texpr_fuser_enabled = _no


DisableTorchFunction = overrides.DisableTorchFunction
DisableTorchFunctionSubclass = overrides.DisableTorchFunctionSubclass
_standard_gamma = _C._standard_gamma
DeviceObjType = _C.device
Future = futures.Future
_TensorMeta = type(_C.Tensor)
_get_cudnn_enabled = _no
__path__: list[str] = []  # a package there


class _nn:
    """Helpers of modules."""

    _parse_to = staticmethod(_parse_to_of_modules)


def _is_torch_function_enabled() -> bool:
    """Whether subclasses of Tensor take part in calls."""
    return not any(_C._get_torch_function())


class PyTorchFileReader:
    """Reads archives of PyTorch piece by piece; there is none, see ``wengert.load(mmap=True)``."""

    def __init__(self, *args: Any) -> None:
        raise RuntimeError("PyTorchFileReader(): not there; use load(path, mmap=True)")


class Value:
    """A value of TorchScript, for annotations; there is none."""

    def __init__(self) -> None:
        raise RuntimeError("there is no TorchScript; programs run eagerly")


def __getattr__(name: str) -> Any:
    value = getattr(_C, name, None)
    if value is None:
        raise_missing(_C, name, "torch._C")
    return value
