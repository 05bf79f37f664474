"""`torch._C`: our own core, and what packages ask PyTorch's."""

from __future__ import annotations

import sys
from typing import Any

from wengert import _C, _missing, overrides
from wengert.nn.modules.module import _parse_to as _parse_to_of_modules

DisableTorchFunction = overrides.DisableTorchFunction
DisableTorchFunctionSubclass = overrides.DisableTorchFunctionSubclass
_TensorMeta = type(_C.Tensor)


class _nn:
    """Helpers of modules."""

    _parse_to = staticmethod(_parse_to_of_modules)


def _get_tracing_state() -> None:
    """The trace that is being recorded: never one."""


def _log_api_usage_once(event: str) -> None:
    """Nothing is logged."""


def _get_cudnn_enabled() -> bool:
    """Whether cuDNN is used: no."""
    return False


def _is_torch_function_enabled() -> bool:
    """Whether subclasses of Tensor take part in calls."""
    return not any(_C._get_torch_function())


__path__: list[str] = []  # a package there


class PyTorchFileReader:
    """Reads archives of PyTorch piece by piece; there is none, see ``wengert.load(mmap=True)``."""

    def __init__(self, *args: Any) -> None:
        raise RuntimeError("PyTorchFileReader(): not there; use load(path, mmap=True)")


class Value:
    """A value of TorchScript, for annotations; there is none."""

    def __init__(self) -> None:
        raise RuntimeError("there is no TorchScript; programs run eagerly")


def __getattr__(name: str) -> Any:
    try:
        return getattr(_C, name)
    except AttributeError:
        _missing.raise_missing(sys.modules[__name__], name, "torch._C")
