"""PyTorch's checkpoints: the zip archive, and the format that was there before it."""

from __future__ import annotations

import collections
import io
import struct
import zipfile
from collections.abc import Callable
from typing import Any

from wengert import _C
from wengert._C import Tensor
from wengert._storage import UntypedStorage

from ._files import CorruptedError, Source, need
from ._numpy import make_array, make_scalar, plain_dtype
from ._plain import FUNCTIONS as _PLAIN_FUNCTIONS
from ._plain import NAMESPACES
from ._tensors import view_of
from ._unpickler import Unpickler, checked_key, make_counter, make_ordered

__all__ = ["is_pickle", "is_zip", "load_legacy", "load_zip"]

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_PROTOCOL = 1001

_STORAGE_DTYPES = {
    "Double": _C.float64, "Float": _C.float32, "Half": _C.float16, "BFloat16": _C.bfloat16,
    "Long": _C.int64, "Int": _C.int32, "Short": _C.int16, "Char": _C.int8, "Byte": _C.uint8,
    "Bool": _C.bool, "ComplexFloat": _C.complex64, "ComplexDouble": _C.complex128,
}  # fmt: skip
# What PyTorch has and we have not: their names are known, so that the error can say why.
_FOREIGN_DTYPES = ("uint16", "uint32", "uint64", "float8_e4m3fn", "float8_e5m2", "complex32",
                   "float8_e4m3fnuz", "float8_e5m2fnuz", "quint8", "qint8", "qint32")  # fmt: skip


def is_zip(start: bytes) -> bool:
    """Does a file start like a zip archive?"""
    return start.startswith(b"PK\x03\x04")


def is_pickle(start: bytes) -> bool:
    """Does a file start like a pickle?"""
    return start[:1] == b"\x80" and start[1:2] in b"\x02\x03\x04\x05"


class _StorageType:
    """What the name of a class of storages stands for."""

    def __init__(self, dtype: _C.dtype | None) -> None:
        self.dtype = dtype


class _Storage(UntypedStorage):
    """Bytes whose dtype is known."""

    __slots__ = ("dtype",)
    dtype: Any

    @classmethod
    def over(cls, data: Tensor, dtype: Any) -> _Storage:
        """The object of these bytes."""
        result = cls.__new__(cls)
        result._bytes = data
        result.dtype = dtype
        return result


_NO_STORAGE = _Storage.over(_C.empty(0, dtype=_C.uint8), None)


# --- what pickles may build ---


def _rebuild_tensor(storage: Any, offset: Any, size: Any, stride: Any, dtype: Any = None) -> Tensor:
    need(isinstance(storage, _Storage), "a tensor has no storage")
    dtype = dtype or storage.dtype
    if not isinstance(dtype, _C.dtype):
        raise TypeError(f"load(): the file has a tensor of {dtype}, which wengert does not have")
    need(isinstance(size, (tuple, list)) and isinstance(stride, (tuple, list)), "no valid sizes")
    return view_of(storage._bytes, dtype, offset, size, stride)


def _finish(tensor: Tensor, requires_grad: Any, metadata: Any) -> Tensor:
    if metadata:
        need(isinstance(metadata, dict), "a tensor's metadata is no dictionary")
        if metadata.get("conj"):
            tensor = tensor.conj().clone()
        if metadata.get("neg"):
            tensor = -tensor
    if not requires_grad:
        return tensor
    need(tensor.is_floating_point() or tensor.is_complex(), "integers cannot require gradients")
    return tensor.requires_grad_()


def _rebuild_tensor_v2(
    storage: Any, offset: Any, size: Any, stride: Any, requires_grad: Any, hooks: Any = None,
    metadata: Any = None,
) -> Tensor:  # fmt: skip
    return _finish(_rebuild_tensor(storage, offset, size, stride), requires_grad, metadata)


def _rebuild_tensor_v3(
    storage: Any, offset: Any, size: Any, stride: Any, requires_grad: Any, hooks: Any, dtype: Any,
    metadata: Any = None,
) -> Tensor:  # fmt: skip
    return _finish(_rebuild_tensor(storage, offset, size, stride, dtype), requires_grad, metadata)


def _rebuild_parameter(data: Any, requires_grad: Any, hooks: Any = None, state: Any = None) -> Any:
    from wengert.nn.parameter import Parameter

    need(isinstance(data, Tensor), "a parameter has no tensor")
    return _set_state(Tensor._make_subclass(Parameter, data.detach(), bool(requires_grad)), state)


def _rebuild_from_type(function: Any, cls: Any, arguments: Any, state: Any) -> Any:
    make = _REBUILD.get(getattr(function, "name", None))
    need(make is not None and isinstance(arguments, tuple), "a tensor is made by something else")
    result = make(*arguments)  # type: ignore[misc]
    if cls is not Tensor and type(result) is not cls:
        need(isinstance(cls, type) and isinstance(result, Tensor), "a tensor has no class")
        result = Tensor._make_subclass(cls, result.detach(), result.requires_grad)
    return _set_state(result, state)


def _set_state(target: Any, state: Any) -> Any:
    if isinstance(target, _NumpyDtype):
        need(isinstance(state, tuple) and len(state) >= 2, "a NumPy dtype has no valid state")
        return _NumpyDtype(target.name, state[1])
    if isinstance(target, _EmptyArray):
        need(isinstance(state, tuple) and len(state) == 5, "a NumPy array has no valid state")
        _, shape, dtype, fortran, data = state
        need(isinstance(dtype, _NumpyDtype) and isinstance(data, bytes), "an array has no data")
        need(isinstance(shape, tuple), "a NumPy array has no shape")
        return make_array(dtype.resolved(), shape, data, bool(fortran))
    if isinstance(state, tuple) and len(state) == 2 and state[1] is None:
        state = state[0]
    if state:
        allowed = isinstance(target, (Tensor, collections.OrderedDict, collections.Counter))
        allowed = allowed or type(target) in NAMESPACES.values()
        need(allowed and isinstance(state, dict), "an object is given a state that it cannot have")
        need(all(isinstance(key, str) for key in state), "an attribute has no name")
        target.__dict__.update(state)
    return target


class _NumpyDtype:
    """A dtype of NumPy whose byte order comes with a later instruction."""

    def __init__(self, name: Any, order: Any = "=") -> None:
        need(isinstance(name, str) and order in ("<", ">", "|", "="), "an unknown NumPy dtype")
        self.name = name
        self.order = order

    def resolved(self) -> Any:
        """The numpy.dtype."""
        return plain_dtype(self.order + self.name.lstrip("<>|="))


class _EmptyArray:
    """An array of NumPy whose content comes with a later instruction."""


def _numpy_scalar(dtype: Any, data: Any) -> Any:
    need(isinstance(dtype, _NumpyDtype) and isinstance(data, bytes), "no valid NumPy scalar")
    return make_scalar(dtype.resolved(), data)


def _encode(text: Any, codec: Any = "utf-8") -> bytes:
    # How the pickles of protocol 2 write bytes.
    need(isinstance(text, str) and codec == "latin1", "bytes that are written in an unknown way")
    return text.encode("latin1")


def _default_dict(factory: Any = None, *rest: Any) -> Any:
    name = getattr(factory, "name", None)
    kind = {"dict": dict, "list": list, "set": set, "int": int, "float": float, "str": str}
    short = None if name is None else name.rpartition(" ")[2]
    need(factory is None or short in kind, "a defaultdict has an unknown factory")
    made = None if short is None else kind[short]
    return collections.defaultdict(made, make_ordered(*rest))


def _numbers(make: Callable[..., Any]) -> Callable[..., Any]:
    def checked(*arguments: Any) -> Any:
        allowed = (int, float, str, bytes, type(None))
        need(all(isinstance(a, allowed) for a in arguments), f"no valid {make.__name__}")
        return make(*arguments)

    return checked


def _items(make: Callable[[Any], Any]) -> Callable[..., Any]:
    def checked(*arguments: Any) -> Any:
        need(
            len(arguments) <= 1 and all(isinstance(a, (list, tuple, set)) for a in arguments),
            "a set or a list is made of something else",
        )
        return make(map(checked_key, arguments[0])) if arguments else make(())

    return checked


def _bytearray(*arguments: Any) -> bytearray:
    need(len(arguments) <= 1 and all(isinstance(a, bytes) for a in arguments), "no valid bytearray")
    return bytearray(*arguments)


def _size(sizes: Any) -> Any:
    need(isinstance(sizes, (tuple, list)), "a Size is made of something else")
    need(all(type(size) is int and abs(size) < 1 << 62 for size in sizes), "a Size has no numbers")
    return _C.Size(sizes)


def _device(kind: Any, index: Any = None) -> Any:
    need(isinstance(kind, str) and (index is None or type(index) is int), "no valid device")
    return _C.device(kind if index is None else f"{kind}:{index}")


_REBUILD: dict[Any, Callable[..., Any]] = {
    "torch._utils _rebuild_tensor": _rebuild_tensor,
    "torch._utils _rebuild_tensor_v2": _rebuild_tensor_v2,
    "torch._utils _rebuild_tensor_v3": _rebuild_tensor_v3,
    "torch._utils _rebuild_parameter": _rebuild_parameter,
    "torch._utils _rebuild_parameter_with_state": _rebuild_parameter,
}
_PLAIN: dict[str, Callable[..., Any]] = {
    "set": _items(set),
    "frozenset": _items(frozenset),
    "list": _items(list),
    "tuple": _items(tuple),
    "dict": lambda *pairs: dict(make_ordered(*pairs)),
    "complex": _numbers(complex),
    "slice": _numbers(slice),
    "range": _numbers(range),
    "xrange": _numbers(range),
    "int": _numbers(int),
    "long": _numbers(int),
    "float": _numbers(float),
    "bytearray": _bytearray,
    "str": _numbers(str),
}
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    **_REBUILD,
    **_PLAIN_FUNCTIONS,
    "torch._tensor _rebuild_from_type_v2": _rebuild_from_type,
    "torch.serialization _get_layout": lambda name: name,
    "torch Size": _size,
    "torch device": _device,
    "collections OrderedDict": make_ordered,
    "collections Counter": make_counter,
    "collections defaultdict": _default_dict,
    "_codecs encode": _encode,
    "numpy dtype": lambda name, *_: _NumpyDtype(name),
    **{
        f"numpy.{core}.multiarray {name}": function
        for core in ("core", "_core")
        for name, function in (
            ("scalar", _numpy_scalar),
            ("_reconstruct", lambda *_: _EmptyArray()),
        )
    },
    **{
        f"{module} {name}": make
        for module in ("builtins", "__builtin__")
        for name, make in _PLAIN.items()
    },
}


def _constants() -> dict[str, Any]:
    from wengert.nn.parameter import Buffer, Parameter

    result: dict[str, Any] = {
        "torch Tensor": Tensor,
        "torch.nn.parameter Parameter": Parameter,
        "torch.nn.parameter Buffer": Buffer,
        "torch.storage UntypedStorage": _StorageType(None),
        "torch UntypedStorage": _StorageType(None),
        "numpy ndarray": "numpy.ndarray",
    }
    for name, dtype in _STORAGE_DTYPES.items():
        result[f"torch {name}Storage"] = _StorageType(dtype)
        result[f"torch {str(dtype).rpartition('.')[2]}"] = dtype
    result.update((f"torch {name}", f"torch.{name}") for name in _FOREIGN_DTYPES)
    return result


def _storage_identity(identity: Any, length: int) -> tuple[Any, ...]:
    need(
        isinstance(identity, tuple) and len(identity) == length and identity[0] == "storage",
        "a storage has no valid description",
    )
    _, kind, key, location, numel, *rest = identity
    need(isinstance(kind, _StorageType), "a storage has no type")
    need(isinstance(key, str) and isinstance(location, str), "a storage has no name or place")
    need(type(numel) is int and 0 <= numel < 1 << 62, "a storage has no valid size")
    return (kind.dtype, key, location, numel, *rest)


def _width(dtype: Any) -> int:
    return 1 if dtype is None else _C.empty(0, dtype=dtype).element_size()


def _swapped(data: Tensor, dtype: Any) -> Tensor:
    """The bytes in the other order, of elements of this dtype."""
    if dtype is None:
        raise TypeError("load(): the file has untyped storages in another byte order")
    width = _width(dtype)
    width = width // 2 if dtype in (_C.complex64, _C.complex128) else width
    return data.reshape(-1, width).flip((1,)).contiguous().reshape(-1)


# --- the zip archive ---


class _Archive:
    """Records of a zip archive, none of them compressed, found without unpacking anything."""

    def __init__(self, source: Source) -> None:
        try:
            with zipfile.ZipFile(source.file) as archive:
                records = archive.infolist()
        except zipfile.BadZipFile as error:
            raise CorruptedError(
                f"PytorchStreamReader failed reading zip archive: {error}"
            ) from error
        need(
            sum(record.file_size for record in records) <= source.size,
            "the records of the archive are larger than the file",
        )
        self.source = source
        self.records = {record.filename: record for record in records}
        pickles = [name for name in self.records if name.rpartition("/")[2] == "data.pkl"]
        need(len(pickles) == 1, "PytorchStreamReader failed locating file data.pkl: file not found")
        self.prefix = pickles[0].removesuffix("data.pkl")
        if self.prefix + "constants.pkl" in self.records:
            raise RuntimeError(
                "load(): the file is a TorchScript archive, which holds a program; wengert reads "
                "checkpoints of tensors and plain data"
            )

    def has(self, name: str) -> bool:
        return self.prefix + name in self.records

    def place(self, name: str) -> tuple[int, int]:
        """Where a record's bytes are: offset and length."""
        need(self.has(name), f"the archive has no record {name!r}")
        record = self.records[self.prefix + name]
        need(
            record.compress_type == zipfile.ZIP_STORED and record.compress_size == record.file_size,
            f"the record {name!r} is compressed, which PyTorch does not do",
        )
        header = self.source.read(record.header_offset, 30)
        signature, name_length, extra_length = struct.unpack("<4s22xHH", header)
        need(signature == b"PK\x03\x04", f"the record {name!r} has no header")
        return record.header_offset + 30 + name_length + extra_length, record.file_size

    def read(self, name: str) -> bytes:
        return self.source.read(*self.place(name))


def load_zip(source: Source, moved: Callable[[UntypedStorage, str], UntypedStorage]) -> Any:
    """The object of a file of ``torch.save``. ``moved`` brings a storage to its device."""
    archive = _Archive(source)
    order = archive.read("byteorder") if archive.has("byteorder") else b"little"
    need(order in (b"little", b"big"), f"the byte order is {order[:20]!r}")
    storages: dict[str, _Storage] = {}

    def load_storage(identity: Any) -> _Storage:
        dtype, key, location, numel = _storage_identity(identity, 5)
        if key not in storages:
            offset, length = archive.place(f"data/{key}")
            need(length == numel * _width(dtype), f"the storage {key!r} has {length} bytes")
            data = source.storage(offset, length, max(_width(dtype), 16))
            if order == b"big" and length:
                data = _swapped(data, dtype)
            storage = _Storage.over(data, dtype)
            storages[key] = _Storage.over(moved(storage, location)._bytes, dtype)
        need(storages[key].dtype is dtype, f"the storage {key!r} has two dtypes")
        return storages[key]

    pickled = io.BytesIO(archive.read("data.pkl"))
    return Unpickler(_FUNCTIONS, _constants(), load_storage, _set_state).load(pickled)


# --- the older format ---


def load_legacy(source: Source, moved: Callable[[UntypedStorage, str], UntypedStorage]) -> Any:
    """The object of a file of ``torch.save`` before version 1.6: pickles, then the storages."""
    file = source.file
    file.seek(0)

    def no_storage(_: Any) -> Any:
        raise CorruptedError("a storage stands where none can be")

    def plain() -> Any:
        return Unpickler({}, {}, no_storage, _set_state).load(file)

    try:
        magic = plain()
    except Exception as error:
        raise _no_checkpoint() from error
    if magic != _LEGACY_MAGIC:
        raise _no_checkpoint()
    version = plain()
    need(version == _LEGACY_PROTOCOL, f"the protocol {version!r} is unknown")
    system = plain()
    need(isinstance(system, dict), "there is no record of the machine")
    swap = system.get("little_endian", True) is not True
    start = file.tell()
    wanted: dict[str, tuple[Any, str, int]] = {}
    storages: dict[str, _Storage] = {}

    def note_storage(identity: Any) -> _Storage:
        dtype, key, location, numel, view = _storage_identity(identity, 6)
        need(view is None, "the storage is a view of another one")
        need(
            wanted.setdefault(key, (dtype, location, numel)) == (dtype, location, numel),
            f"the storage {key!r} has two descriptions",
        )
        return storages.get(key, _NO_STORAGE)

    def content(functions: dict[str, Callable[..., Any]]) -> Any:
        file.seek(start)
        return Unpickler(functions, _constants(), note_storage, _set_state).load(file)

    # The bytes come after the pickle, and some tensors are computed from them: so a first pass
    # finds out where the bytes are, and the second one makes the object.
    first = dict.fromkeys(_REBUILD, lambda *_: _C.empty(0))
    content({**_FUNCTIONS, **first, "torch._tensor _rebuild_from_type_v2": lambda *_: _C.empty(0)})
    keys = plain()
    need(isinstance(keys, list) and len(set(keys)) == len(keys), "there is no list of storages")
    need(set(keys) == set(wanted), "the list of storages differs from those that are used")
    position = file.tell()
    for key in keys:
        dtype, location, numel = wanted[key]
        stored = int.from_bytes(source.read(position, 8), "big" if swap else "little")
        need(stored == numel, f"the storage {key!r} has {stored} elements instead of {numel}")
        length = numel * _width(dtype)
        data = source.storage(position + 8, length, 16)
        storage = _Storage.over(_swapped(data, dtype) if swap and length else data, dtype)
        storages[key] = _Storage.over(moved(storage, location)._bytes, dtype)
        position += 8 + length
    return content(_FUNCTIONS)


def _no_checkpoint() -> Exception:
    return CorruptedError(
        "it is a pickle but no file of torch.save; wengert does not run pickles, because they can "
        "execute anything"
    )
