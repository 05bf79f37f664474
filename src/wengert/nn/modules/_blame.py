"""Where in a model an error happened, for the error's text."""

from __future__ import annotations

import itertools
import os
import sys
from types import CodeType, FrameType
from typing import Any

import wengert as wg

__all__ = ["name_module"]

_LIBRARY = os.path.dirname(os.path.abspath(wg.__file__)) + os.sep
_SEEN = "_wengert_module_named"


def _running(call: CodeType) -> tuple[list[Any], FrameType | None]:
    """The modules that are being called, outermost first, and the line of the user's that calls."""
    modules: list[Any] = []
    line: FrameType | None = None
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        if frame.f_code is call:
            modules.append(frame.f_locals["self"])
        elif line is None and not frame.f_code.co_filename.startswith(_LIBRARY):
            line = frame
        frame = frame.f_back
    return modules[::-1], line


def _path(modules: list[Any]) -> str:
    """The qualified name of the last module in the first one."""
    parts = []
    for parent, child in itertools.pairwise(modules):
        names = (name for name, found in parent.named_modules() if found is child and name)
        parts.append(next(names, type(child).__name__))
    return ".".join(parts)


def _argument(name: str, value: Any) -> str:
    if not isinstance(value, wg.Tensor):
        return ""
    kind = str(value.dtype).rpartition(".")[2]
    return f"\n  {name}: {kind}{list(value.shape)} {value.device}"


def name_module(error: Exception, module: Any, args: tuple, call: CodeType) -> None:
    """Adds to an error of a layer of ours which one it is, what it got, and who called it.

    An error is looked at once, in the innermost module. What a user's own ``forward`` raises stays
    as it is.
    """
    if hasattr(error, _SEEN):
        return
    setattr(error, _SEEN, True)
    if not type(module).__module__.startswith("wengert.nn.") or not error.args:
        return
    if not isinstance(error, RuntimeError | ValueError | IndexError | TypeError | AssertionError):
        return
    text, *others = error.args
    if not isinstance(text, str) or isinstance(error, NotImplementedError):
        return
    from wengert.autograd._names import place, source

    modules, line = _running(call)
    kind = type(module).__name__
    own = kind if module._module_names else f"{kind}({module.extra_repr()})"
    path = _path(modules)
    named = f"{path} of {type(modules[0]).__name__}: {own}" if path else own
    text = text.rstrip("\n")
    if "\n  " not in text:
        text += "".join(
            _argument(f"argument {i}" if len(args) > 1 else "input", value)
            for i, value in enumerate(args)
        )
    text += f"\n  module: {named}"
    if line is not None:
        site = f"{line.f_code.co_filename}:{line.f_lineno}"
        text += f"\n  called: {place(site)}   {source(site)}".rstrip()
    error.args = (text, *others)
