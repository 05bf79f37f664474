"""Names for types in annotations."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from typing import Any, Union

from wengert._C import Size, Tensor, device, dtype, layout

__all__ = ["Device", "FileLike", "Number", "Size", "Storage"]

Number = builtins.int | builtins.float | builtins.bool
Device = Union[device, str, builtins.int, None]  # noqa: UP007
FileLike = Any
Storage = Any
_int, _float, _bool, _complex = builtins.int, builtins.float, builtins.bool, builtins.complex
_dtype, _device, _layout = dtype, device, layout
_size = Size | Sequence[builtins.int]
_TensorOrTensors = Tensor | Sequence[Tensor]
