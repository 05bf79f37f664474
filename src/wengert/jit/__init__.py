"""The decorators of TorchScript, which mark functions and change nothing: programs run eagerly.

``script`` and ``trace`` return what they are given, so that the same values are computed. What
would need a compiled program, such as saving one, is not there.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

from wengert import _missing, nn

__all__ = [
    "Final", "RecursiveScriptModule", "ScriptFunction", "ScriptModule", "TracerWarning",
    "annotate", "export", "freeze", "ignore", "is_scripting", "is_tracing", "isinstance",
    "optimize_for_inference", "script", "script_if_tracing", "trace", "trace_module", "unused",
]  # fmt: skip

from typing import Final


def script(obj: Any, *args: Any, **kwargs: Any) -> Any:
    """Returns the function, class or module itself.

    >>> @wg.jit.script
    ... def double(x: wg.Tensor) -> wg.Tensor:
    ...     return x * 2
    >>> double(wg.ones(1))
    tensor([2.])
    """
    return obj


def script_if_tracing(fn: Any) -> Any:
    """Returns the function itself."""
    return fn


_script_if_tracing = script_if_tracing


def _overload(fn: Any) -> Any:
    return fn


_overload_method = _overload


def trace(func: Any, example_inputs: Any = None, *args: Any, **kwargs: Any) -> Any:
    """Returns the function or module itself; unlike a trace, it keeps all of its branches."""
    return func


def trace_module(mod: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
    """Returns the module itself."""
    return mod


def freeze(mod: Any, *args: Any, **kwargs: Any) -> Any:
    """Returns the module itself."""
    return mod


def optimize_for_inference(mod: Any, *args: Any, **kwargs: Any) -> Any:
    """Returns the module itself."""
    return mod


def ignore(drop: Any = False, **kwargs: Any) -> Any:
    """A decorator, with or without arguments, that returns the function itself."""
    return drop if callable(drop) else lambda fn: fn


def unused(fn: Any) -> Any:
    """Returns the function itself."""
    return fn


def export(fn: Any) -> Any:
    """Returns the function itself."""
    return fn


def is_scripting() -> bool:
    """Whether the program is being compiled: never."""
    return False


def is_tracing() -> bool:
    """Whether the program is being traced: never."""
    return False


class ScriptModule(nn.Module):
    """The class of compiled modules: `script` returns the module itself, so there are none."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise RuntimeError(
            "ScriptModule(): there is no TorchScript; derive from nn.Module, programs run eagerly"
        )


class RecursiveScriptModule(ScriptModule):
    """The class of compiled modules: there are none."""


class ScriptFunction:
    """The class of compiled functions: `script` returns the function itself, so there are none."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise RuntimeError("ScriptFunction(): there is no TorchScript; programs run eagerly")


class TracerWarning(Warning):
    """What a tracer warns of; there is none."""


def annotate(the_type: Any, the_value: Any) -> Any:
    """Returns the value."""
    return the_value


def isinstance(obj: Any, target_type: Any) -> bool:
    """Python's isinstance."""
    import builtins

    return builtins.isinstance(obj, target_type)


def __getattr__(name: str) -> Any:
    if name == "annotations":
        return importlib.import_module("wengert.jit.annotations")
    _missing.raise_missing(sys.modules[__name__], name)
