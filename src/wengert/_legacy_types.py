"""FloatTensor and its siblings: types that stand for dtypes, from before dtypes were."""

from __future__ import annotations

from typing import Any

from wengert import _C, _interop
from wengert._C import Tensor

__all__ = (
    "BFloat16Tensor", "BoolTensor", "ByteTensor", "CharTensor", "DoubleTensor", "FloatTensor",
    "HalfTensor", "IntTensor", "LongTensor", "ShortTensor",
)  # fmt: skip


class _TensorType(type):
    """Its instances are the tensors of one dtype."""

    dtype: _C.dtype

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, Tensor) and instance.dtype is cls.dtype

    def __call__(cls, *args: Any, device: Any = None) -> Any:
        return _interop.legacy_tensor(cls.dtype, args, device)


def _make(name: str, dtype: _C.dtype) -> Any:
    doc = (
        f"Tensors of dtype {str(dtype).rpartition('.')[2]}: of sizes, without values, or of a "
        "sequence; for `isinstance` and `Tensor.type`, too."
    )
    return _TensorType(name, (), {"dtype": dtype, "__doc__": doc, "__module__": "wengert"})


BFloat16Tensor = _make("BFloat16Tensor", _C.bfloat16)
BoolTensor = _make("BoolTensor", _C.bool)
ByteTensor = _make("ByteTensor", _C.uint8)
CharTensor = _make("CharTensor", _C.int8)
DoubleTensor = _make("DoubleTensor", _C.float64)
FloatTensor = _make("FloatTensor", _C.float32)
HalfTensor = _make("HalfTensor", _C.float16)
IntTensor = _make("IntTensor", _C.int32)
LongTensor = _make("LongTensor", _C.int64)
ShortTensor = _make("ShortTensor", _C.int16)
