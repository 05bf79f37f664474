"""Tensors from and to other objects: NumPy, DLPack, pickles, copies; and questions about memory."""

from __future__ import annotations

import builtins
import copy
import functools
from typing import TYPE_CHECKING, Any, SupportsIndex

from wengert import _C, _ops
from wengert._C import Tensor
from wengert._storage import UntypedStorage

if TYPE_CHECKING:
    from numpy import ndarray

__all__ = ("UntypedStorage", "as_tensor", "asarray", "from_dlpack")

METHODS = (
    "__array__",
    "__array_wrap__",
    "__contains__",
    "__deepcopy__",
    "__dlpack__",
    "__dlpack_device__",
    "__format__",
    "__reduce_ex__",
    "__reversed__",
    "__setstate__",
    "as_subclass",
    "is_set_to",
    "new",
    "new_tensor",
    "numpy",
    "storage",
    "type",
    "type_as",
    "untyped_storage",
)

_KDL_CPU = 1
_TYPE_NAMES = {
    _C.float16: "HalfTensor",
    _C.bfloat16: "BFloat16Tensor",
    _C.float32: "FloatTensor",
    _C.float64: "DoubleTensor",
    _C.complex64: "ComplexFloatTensor",
    _C.complex128: "ComplexDoubleTensor",
    _C.uint8: "ByteTensor",
    _C.int8: "CharTensor",
    _C.int16: "ShortTensor",
    _C.int32: "IntTensor",
    _C.int64: "LongTensor",
    _C.bool: "BoolTensor",
}
_DTYPES_BY_NAME = {name: dtype for dtype, name in _TYPE_NAMES.items()}


# --- NumPy ---


def numpy(self: Tensor, *, force: bool = False) -> ndarray[Any, Any]:
    """A NumPy array that shares this tensor's memory.

    ``force=True`` also takes tensors that require a gradient, without their history. Raises
    RuntimeError for these otherwise, and TypeError for bfloat16, which NumPy lacks.

    >>> x = wg.zeros(2)
    >>> x.numpy()[0] = 5
    >>> x
    tensor([5., 0.])
    """
    if self.requires_grad and not force:
        raise RuntimeError(
            "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead."
        )
    if self.dtype is _C.bfloat16:
        raise TypeError("Got unsupported ScalarType BFloat16")
    ndarray, dtypes = _numpy_parts()
    steps = None
    if not self.is_contiguous():
        width = self.element_size()
        steps = tuple([step * width for step in self.stride()])
    return ndarray(self.shape, dtypes[self.dtype], _C._memory(self), 0, steps)


@functools.cache
def _numpy_parts() -> tuple[Any, dict[_C.dtype, Any]]:
    from numpy import dtype, ndarray

    return ndarray, {
        ours: dtype(str(ours).rpartition(".")[2]) for ours in _TYPE_NAMES if ours is not _C.bfloat16
    }


def __array__(self: Tensor, dtype: Any = None, copy: bool | None = None) -> ndarray[Any, Any]:
    array = self.numpy()
    if copy:
        return array.astype(array.dtype if dtype is None else dtype, copy=True)
    if dtype is None or array.dtype == dtype:
        return array
    if copy is False:
        raise ValueError(
            "Unable to avoid copy while creating an array as requested: the tensor holds "
            f"{array.dtype}, and {dtype} is asked for"
        )
    return array.astype(dtype)


def __array_wrap__(
    self: Tensor, array: Any, context: Any = None, return_scalar: bool = False
) -> Tensor:
    return as_tensor(array)


# --- making tensors ---


def as_tensor(data: Any, dtype: _C.dtype | None = None, device: Any = None) -> Tensor:
    """``data`` as a tensor: itself, or over the same memory, where dtype and device allow it.

    >>> x = wg.ones(2)
    >>> wg.as_tensor(x) is x
    True
    """
    if not isinstance(data, Tensor):
        data = _shared(data)
        if not isinstance(data, Tensor):
            return _C.tensor(data, dtype=dtype, device=device)
    return data.to(device=device, dtype=dtype)


def _shared(data: Any) -> Any:
    """A tensor over the memory of a NumPy array; anything else as it is."""
    if isinstance(data, (list, tuple, float, int)):
        return data
    shared = _C._share_array(data)
    return data if shared is None else shared


def asarray(
    obj: Any,
    *,
    dtype: _C.dtype | None = None,
    device: Any = None,
    copy: bool | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """A tensor of a tensor, a NumPy array, a DLPack capsule, an object with the buffer protocol, a
    number or a nested sequence.

    Memory is shared where it can be; ``copy=True`` never shares, ``copy=False`` raises ValueError
    where a copy is needed. ``requires_grad`` is the result's.

    >>> wg.asarray([1, 2])
    tensor([1, 2])
    """
    shared = obj if isinstance(obj, Tensor) else _shared(obj)
    if not isinstance(shared, Tensor):
        if _is_capsule(shared) or hasattr(shared, "__dlpack__"):
            shared = from_dlpack(shared)
        elif isinstance(shared, (bytes, bytearray, memoryview)):
            shared = _C.frombuffer(shared, dtype=dtype or _C.get_default_dtype())
    if not isinstance(shared, Tensor):
        if copy is False:
            raise ValueError("can't alias arbitrary sequence into a tensor.")
        return _C.tensor(obj, dtype=dtype, device=device, requires_grad=requires_grad)
    if copy is False and dtype is not None and dtype is not shared.dtype:
        raise ValueError(f"can't alias tensor with dtype '{shared.dtype}' into dtype '{dtype}'.")
    result = shared.to(device=device, dtype=dtype, copy=bool(copy))
    if result.requires_grad and not requires_grad:
        result = result.detach()
    elif requires_grad and not result.requires_grad:
        result = (result.detach() if result is obj else result).requires_grad_()
    return result


def new_tensor(
    self: Tensor,
    data: Any,
    *,
    dtype: _C.dtype | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """A new tensor that holds a copy of ``data``, with this tensor's dtype if none is given.

    >>> wg.zeros(1, dtype=wg.float64).new_tensor([1, 2])
    tensor([1., 2.], dtype=wengert.float64)
    """
    return _C.tensor(data, dtype=dtype or self.dtype, device=device, requires_grad=requires_grad)


def legacy_tensor(dtype: _C.dtype, arguments: tuple[Any, ...], device: Any = None) -> Tensor:
    """What `FloatTensor(2, 3)` makes: of sizes, without values, or of a sequence or an array."""
    if len(arguments) == 1 and not isinstance(arguments[0], int):
        data = arguments[0]
        if isinstance(data, _C.Size):
            return _C.empty(data, dtype=dtype, device=device)
        if isinstance(data, Tensor):
            if data.dtype is not dtype:
                raise TypeError(
                    f"expected {_TYPE_NAMES[dtype]} (got {_TYPE_NAMES[data.dtype]})"
                    "\n  wengert: x.to(dtype) converts"
                )
            return data.detach()
        return as_tensor(data, device=device).to(dtype)
    if not all(isinstance(size, int) for size in arguments):
        kinds = ", ".join(type_name(each) for each in arguments)
        raise TypeError(f"new() expects sizes, or one sequence of values, got ({kinds})")
    return _C.empty(arguments or (0,), dtype=dtype, device=device)


def new(self: Tensor, *args: Any, device: Any = None) -> Tensor:
    """A new tensor of this one's dtype: of sizes, without values, or of a sequence.

    >>> wg.zeros(1, dtype=wg.int64).new([2, 3])
    tensor([2, 3])
    """
    return legacy_tensor(self.dtype, args, device)


def as_subclass(self: Tensor, cls: Any) -> Tensor:
    """The same values, with their history, as an instance of a subclass of Tensor.

    Raises TypeError if ``cls`` is no subclass of Tensor.
    """
    if not (isinstance(cls, builtins.type) and issubclass(cls, Tensor)):
        return Tensor._make_subclass(cls, self)  # which raises
    before = _C._get_torch_function()
    _C._set_torch_function(True, before[1])
    try:
        result = _C._alias(self)
    finally:
        _C._set_torch_function(*before)
    result.__class__ = cls
    return result


# --- DLPack ---


def __dlpack_device__(self: Tensor) -> tuple[int, int]:
    from wengert.utils.dlpack import DLDeviceType

    return DLDeviceType.kDLCPU, 0


def __dlpack__(
    self: Tensor,
    *,
    stream: Any = None,
    max_version: tuple[int, int] | None = None,
    dl_device: tuple[int, int] | None = None,
    copy: bool | None = None,
) -> Any:
    if self.requires_grad:
        raise BufferError("Can't export tensors that require gradient, use tensor.detach()")
    if stream is not None:
        raise AssertionError("stream should be None on cpu.")
    if dl_device is not None and tuple(dl_device) != (_KDL_CPU, 0):
        raise BufferError(f"__dlpack__(): cannot export to device {tuple(dl_device)}, only (1, 0)")
    tensor = self.clone() if copy else self
    return _C._to_dlpack(tensor, max_version is not None and max_version[0] >= 1, bool(copy))


def from_dlpack(ext_tensor: Any, *, device: Any = None, copy: bool | None = None) -> Tensor:
    """A tensor over the memory of an array of another library, or of a DLPack capsule.

    ``copy=True`` always copies; ``copy=False`` raises where the other library would have to.
    Memory that is read-only there is read-only here. Raises BufferError for memory that is not the
    CPU's and for strides that are negative.

    >>> import numpy as np
    >>> wg.from_dlpack(np.arange(3))
    tensor([0, 1, 2])
    """
    if device is not None:
        _C.empty(0, device=device)  # raises where there is no such device
    if _is_capsule(ext_tensor):
        result = _C._import_dlpack(ext_tensor)
        return result.clone() if copy else result
    if not hasattr(ext_tensor, "__dlpack__"):
        raise RuntimeError(
            "from_dlpack received an invalid capsule: expected an object with __dlpack__() or a "
            f"DLPack capsule, got {type_name(ext_tensor)}"
        )
    kind, index = ext_tensor.__dlpack_device__()
    if kind != _KDL_CPU:
        raise BufferError(
            f"from_dlpack(): the memory is on DLPack device ({int(kind)}, {index}), and this build "
            "has the CPU only"
        )
    options: dict[str, Any] = {"max_version": (1, 1)}
    if copy is not None:
        options["copy"] = copy
    try:
        capsule = ext_tensor.__dlpack__(**options)
    except TypeError:  # made before version 1 of the protocol
        if copy is False:
            raise
        capsule = ext_tensor.__dlpack__()
        options.pop("copy", None)
    result = _C._import_dlpack(capsule)
    return result.clone() if copy and "copy" not in options else result


def _is_capsule(value: Any) -> bool:
    return type_name(value) == "PyCapsule"


def type_name(value: object) -> str:
    return value.__class__.__name__


# --- pickles and copies ---


def _rebuild(
    cls: Any,
    storage: UntypedStorage,
    dtype: _C.dtype,
    offset: int,
    size: tuple[int, ...],
    stride: tuple[int, ...],
    requires_grad: bool,
) -> Tensor:
    tensor = _C._over_storage(storage._bytes, dtype, offset, size, stride)
    if cls is not Tensor:
        return Tensor._make_subclass(cls, tensor, requires_grad)
    return tensor.requires_grad_() if requires_grad else tensor


def _parts(self: Tensor) -> tuple[Any, ...]:
    return (self.dtype, self.storage_offset(), tuple(self.shape), self.stride(), self.requires_grad)


def __reduce_ex__(self: Tensor, protocol: SupportsIndex) -> tuple[Any, ...]:
    state = self.__dict__ or None
    return _rebuild, (self.__class__, untyped_storage(self), *_parts(self)), state


def __setstate__(self: Tensor, state: dict[str, Any]) -> None:
    self.__dict__.update(state)


def __deepcopy__(self: Tensor, memo: dict[int, Any]) -> Tensor:
    if not self.is_leaf:
        raise RuntimeError(
            "Only Tensors created explicitly by the user (graph leaves) support the deepcopy "
            "protocol at the moment. Use tensor.detach() to copy the values alone."
        )
    if id(self) in memo:
        return memo[id(self)]
    if _C._wrapper_of(self) is not None:  # inside of a transform: no memory of its own
        result = self.detach().clone().requires_grad_(self.requires_grad)
    else:
        storage = copy.deepcopy(untyped_storage(self), memo)
        result = _rebuild(self.__class__, storage, *_parts(self))
    memo[id(self)] = result
    if self.grad is not None:
        result.grad = copy.deepcopy(self.grad, memo)
    if self.__dict__:
        result.__dict__.update(copy.deepcopy(self.__dict__, memo))
    return result


# --- memory ---


def untyped_storage(self: Tensor) -> UntypedStorage:
    """The memory behind this tensor and its views.

    >>> wg.zeros(3).untyped_storage().nbytes()
    12
    """
    return UntypedStorage._of(self)


def storage(self: Tensor) -> Any:
    """The memory behind this tensor and its views, as numbers of its dtype.

    >>> wg.zeros(2, 3)[1].storage().size()
    6
    """
    from wengert.storage import TypedStorage

    return TypedStorage._of(self)


def is_set_to(self: Tensor, tensor: Tensor) -> bool:
    """Do both tensors show the same memory in the same way?

    >>> x = wg.zeros(2)
    >>> x.is_set_to(x.view(2))
    True
    """
    if not isinstance(tensor, Tensor):
        kind = builtins.type(tensor).__name__
        raise TypeError(f"is_set_to(): argument 'tensor' (position 1) must be Tensor, not {kind}")
    return (
        self._storage_pointer() == tensor._storage_pointer()
        and self.storage_offset() == tensor.storage_offset()
        and self.shape == tensor.shape
        and self.stride() == tensor.stride()
        and self.dtype is tensor.dtype
    )


# --- dtypes ---


def type(
    self: Tensor, dtype: Any = None, non_blocking: bool = False, **kwargs: Any
) -> str | Tensor:
    """Without ``dtype`` the name of the tensor's type, else the tensor with that dtype.

    >>> wg.zeros(1).type()
    'wengert.FloatTensor'
    >>> wg.zeros(1).type(wg.int32)
    tensor([0], dtype=wengert.int32)
    """
    if dtype is None:
        return f"{_C._shown_package()}.{_TYPE_NAMES[self.dtype]}"
    return self.to(dtype_of_type(dtype))


def dtype_of_type(kind: Any) -> _C.dtype:
    """The dtype of a dtype, a type such as FloatTensor, or the name of one."""
    if isinstance(kind, _C.dtype):
        return kind
    if isinstance(kind, str):
        package, _, name = kind.rpartition(".")
        if package not in ("wengert", "torch") or name not in _DTYPES_BY_NAME:
            raise ValueError(f"invalid type: {kind!r}")
        return _DTYPES_BY_NAME[name]
    dtype = getattr(kind, "dtype", None)
    if not isinstance(dtype, _C.dtype):
        raise TypeError(f"invalid type object: {kind!r}")
    return dtype


def type_as(self: Tensor, other: Tensor) -> Tensor:
    """This tensor with the dtype of another one.

    >>> wg.zeros(1).type_as(wg.tensor([1]))
    tensor([0])
    """
    if not isinstance(other, Tensor):
        raise TypeError(
            f"type_as(): argument 'other' (position 1) must be Tensor, not {type_name(other)}"
        )
    return self.to(other.dtype)


# --- Python's protocols ---


def __format__(self: Tensor, spec: str) -> str:
    if self.ndim == 0 and self.__class__ is Tensor:
        return self.item().__format__(spec)
    return object.__format__(self, spec)


def __contains__(self: Tensor, element: Any) -> bool:
    if not isinstance(element, (Tensor, int, float, complex)):
        raise RuntimeError(
            "Tensor.__contains__ only supports Tensor or scalar, but you passed in a "
            f"{element.__class__}."
        )
    return bool((self == element).any())


def __reversed__(self: Tensor) -> Tensor:
    return self if self.ndim == 0 else _ops.flip(self, (0,))
