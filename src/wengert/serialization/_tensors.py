"""Which bytes of a file belong to which tensor, so that tensors that share memory keep sharing it.

A tensor that shares with none is written in row-major order under the name of its place in the
object, for other programs to read; so is the one of a group that covers all others. The others, and
groups that none covers, are views: an entry's bytes, dtype, sizes, strides and offset.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from wengert import _C
from wengert._C import Tensor

from ._files import Source, need
from ._safetensors import DTYPES, METADATA, NAMES, Entry, Header

__all__ = ["decode_tensors", "encode_tensors", "view_of"]

_LARGEST = 1 << 62
# The format has no dtype for them that all its readers know: pairs of real numbers.
_PAIRS = {_C.complex64: _C.float32, _C.complex128: _C.float64}
_BY_NAME = {str(dtype).rpartition(".")[2]: dtype for dtype in (*NAMES, _C.complex128)}


@dataclass
class _Span:
    """A tensor and the bytes of its storage that it uses."""

    number: int
    tensor: Tensor
    path: tuple
    begin: int
    end: int


def _span(number: int, tensor: Tensor, path: tuple) -> _Span:
    begin = tensor.storage_offset() * tensor.element_size()
    length = (reach(tensor.shape, tensor.stride())) * tensor.element_size()
    return _Span(number, tensor.detach(), path, begin, begin + length)


def reach(size: Any, stride: Any) -> int:
    """Elements from the first to the last, both included."""
    if 0 in size:
        return 0
    return 1 + sum((n - 1) * step for n, step in zip(size, stride, strict=True))


def _name(dtype: _C.dtype) -> str:
    return str(dtype).rpartition(".")[2]


class _Names:
    """Names of entries: the path in the object, made of keys and dots, and unlike all others."""

    def __init__(self) -> None:
        self.taken: set[str] = set()

    def of(self, path: tuple) -> str:
        name = _dotted(path)
        unique, count = name, 1
        while unique in self.taken or unique == METADATA:
            count += 1
            unique = f"{name}#{count}"
        self.taken.add(unique)
        return unique


def _dotted(path: tuple) -> str:
    """``obj["model"]["0.weight"]`` as ``model.0.weight``."""
    text = ".".join(str(key) for key in path) or "tensor"
    return text.encode("utf-8", "backslashreplace").decode()


def _entry_of(tensor: Tensor) -> tuple[Entry, Any]:
    """A contiguous tensor as an entry of the file."""
    dtype, shape = tensor.dtype, list(tensor.shape)
    if dtype in _PAIRS:
        dtype, shape = _PAIRS[dtype], [*shape, 2]
    return Entry(NAMES[dtype], shape), _memory(tensor)


def _memory(tensor: Tensor) -> Any:
    return memoryview(_C._memory(tensor)).cast("B") if tensor.numel() else b""


def encode_tensors(
    tensors: list[tuple[Tensor, tuple]], blobs: list[tuple[bytes, tuple]]
) -> tuple[dict[str, tuple[Entry, Any]], list[dict[str, Any]], list[str]]:
    """The entries of a file, the place of each tensor in them, and the entries of the bytes."""
    names = _Names()
    entries: dict[str, tuple[Entry, Any]] = {}
    places: list[dict[str, Any]] = [{} for _ in tensors]
    for group in _groups(tensors):
        if len(group) == 1:
            _encode_alone(group[0], names, entries, places)
        else:
            _encode_together(group, names, entries, places)
    blob_names = []
    for data, path in blobs:
        name = names.of(path)
        entries[name] = (Entry("U8", [len(data)]), data)
        blob_names.append(name)
    return entries, places, blob_names


def _groups(tensors: list[tuple[Tensor, tuple]]) -> list[list[_Span]]:
    """Tensors whose bytes overlap, in the order of each group's first tensor."""
    groups: list[list[_Span]] = []
    by_storage: dict[int, list[_Span]] = {}
    for number, (tensor, path) in enumerate(tensors):
        span = _span(number, tensor, path)
        if span.begin == span.end:
            groups.append([span])
        else:
            by_storage.setdefault(tensor.untyped_storage().data_ptr(), []).append(span)
    for spans in by_storage.values():
        spans.sort(key=lambda span: (span.begin, span.end))
        end = -1
        for span in spans:
            if span.begin >= end:
                groups.append([])
            groups[-1].append(span)
            end = max(end, span.end)
    for group in groups:
        group.sort(key=lambda span: span.number)
    return sorted(groups, key=lambda group: group[0].number)


def _encode_alone(span: _Span, names: _Names, entries: dict, places: list) -> None:
    tensor, name = span.tensor, names.of(span.path)
    used = reach(tensor.shape, tensor.stride())
    if used < tensor.numel():  # expanded: the elements that there are, and a view of them
        entries[name] = _entry_of(tensor.as_strided((used,), (1,)))
        places[span.number] = _view_place(name, tensor, 0)
        return
    entries[name] = _entry_of(tensor.contiguous())
    places[span.number] = {"entry": name, "dtype": _name(tensor.dtype)}
    if used == tensor.numel() and not tensor.is_contiguous():
        places[span.number]["stride"] = list(tensor.stride())


def _encode_together(group: list[_Span], names: _Names, entries: dict, places: list) -> None:
    begin, end = min(span.begin for span in group), max(span.end for span in group)
    name = names.of(group[0].path)
    whole = [span.tensor for span in group if (span.begin, span.end) == (begin, end)]
    owner = next((tensor for tensor in whole if tensor.is_contiguous()), None)
    if owner is not None:
        entries[name] = _entry_of(owner)
    else:
        raw = _C._storage_as_bytes(group[0].tensor)[begin:end]
        dtypes = {span.tensor.dtype for span in group}
        dtype = dtypes.pop() if len(dtypes) == 1 else _C.uint8
        width = group[0].tensor.element_size()
        if dtype is not _C.uint8 and begin % width == 0 and (end - begin) % width == 0:
            raw = raw.view(dtype)
        entries[name] = _entry_of(raw)
    for span in group:
        places[span.number] = _view_place(name, span.tensor, span.begin - begin)


def _view_place(name: str, tensor: Tensor, offset: int) -> dict[str, Any]:
    return {
        "view_of": name,
        "dtype": _name(tensor.dtype),
        "size": list(tensor.shape),
        "stride": list(tensor.stride()),
        "offset": offset // tensor.element_size(),
    }


# --- reading ---


def view_of(data: Tensor, dtype: Any, offset: Any, size: Any, stride: Any) -> Tensor:
    """A tensor over bytes, after checking that it stays inside of them."""
    size, stride = list(size), list(stride)
    numbers = [offset, *size, *stride]
    need(
        all(type(number) is int and 0 <= number < _LARGEST for number in numbers)
        and len(size) == len(stride)
        and math.prod(max(n, 1) for n in size) < _LARGEST,
        f"a tensor has sizes {size}, strides {stride} and offset {offset}",
    )
    needed = reach(size, stride)
    width = _C.empty(0, dtype=dtype).element_size()
    need(
        needed == 0 or (offset + needed) * width <= data.numel(),
        f"a tensor with sizes {size}, strides {stride} and offset {offset} reaches beyond the "
        f"{data.numel()} bytes of its storage",
    )
    return _C._over_storage(data, dtype, offset if needed else 0, size, stride)


def _contiguous_stride(size: list[int]) -> list[int]:
    stride, step = [0] * len(size), 1
    for i in reversed(range(len(size))):
        stride[i] = step
        step *= max(size[i], 1)
    return stride


class _Reader:
    def __init__(self, source: Source, header: Header, places: list[dict[str, Any]]) -> None:
        self.source = source
        self.header = header
        self.loaded: dict[str, Tensor] = {}
        self.alignments: dict[str, int] = {}
        for place in places:
            name, dtype = place.get("view_of", place.get("entry")), place.get("dtype")
            if dtype in _BY_NAME and isinstance(name, str):
                width = _C.empty(0, dtype=_BY_NAME[dtype]).element_size()
                self.alignments[name] = max(width, self.alignments.get(name, 1))

    def entry(self, name: Any) -> Entry:
        need(
            isinstance(name, str) and name in self.header.entries,
            f"the file has no tensor {name!r}",
        )
        return self.header.entries[name]

    def data(self, name: Any) -> Tensor:
        """The bytes of an entry; those that ask for the same entry share them."""
        entry = self.entry(name)
        if name not in self.loaded:
            length = entry.end - entry.begin
            alignment = self.alignments.get(name, entry.width)
            self.loaded[name] = self.source.storage(entry.begin, length, alignment)
        return self.loaded[name]

    def tensor(self, place: dict[str, Any]) -> Tensor:
        dtype = place.get("dtype")
        need(dtype is None or dtype in _BY_NAME, f"a tensor has the unknown dtype {dtype!r}")
        if "view_of" in place:
            need(dtype, "a view has no dtype")
            parts = [place.get(key) for key in ("offset", "size", "stride")]
            need(isinstance(parts[1], list) and isinstance(parts[2], list), "a view has no sizes")
            return view_of(self.data(place["view_of"]), _BY_NAME[dtype], *parts)  # type: ignore[index]
        name = place.get("entry")
        entry, shape = self.entry(name), list(self.entry(name).shape)
        need(
            entry.dtype in DTYPES,
            f"{name!r} has the dtype {entry.dtype}, which wengert does not have",
        )
        found = DTYPES[entry.dtype]
        if dtype is not None and _BY_NAME[dtype] is not found:
            found = _BY_NAME[dtype]
            need(
                found in _PAIRS and _PAIRS[found] is DTYPES[entry.dtype] and shape[-1:] == [2],
                f"{name!r} holds {entry.dtype}, and the tree says {dtype}",
            )
            shape.pop()
        dense = view_of(self.data(name), found, 0, shape, _contiguous_stride(shape))
        stride = place.get("stride")
        return dense if stride is None else _with_strides(dense, stride)


def _with_strides(tensor: Tensor, stride: Any) -> Tensor:
    """A copy with these strides, which must leave no holes."""
    size, expected = list(tensor.shape), 1
    need(isinstance(stride, list) and len(stride) == len(size), "a tensor has no valid strides")
    steps = sorted((step, n) for step, n in zip(stride, size, strict=True) if n != 1)
    for step, n in steps:
        need(step == expected, f"a tensor of sizes {size} cannot have strides {stride}")
        expected *= n
    data = _C.empty(tensor.numel() * tensor.element_size(), dtype=_C.uint8)
    return view_of(data, tensor.dtype, 0, size, stride).copy_(tensor)


def decode_tensors(
    source: Source, header: Header, places: list[dict[str, Any]], blob_names: list[str]
) -> tuple[list[Tensor], list[Callable[[], bytes]]]:
    """The tensors at these places, and functions that read the bytes under these names."""
    reader = _Reader(source, header, places)
    tensors = []
    for place in places:
        tensor = reader.tensor(place)
        wanted = place.get("requires_grad", False)
        need(isinstance(wanted, bool), "requires_grad is neither true nor false")
        need(
            not wanted or tensor.is_floating_point() or tensor.is_complex(),
            f"a tensor of {tensor.dtype} cannot require gradients",
        )
        tensors.append(_as_class(tensor, place.get("class", "Tensor"), wanted))

    def read(name: str) -> bytes:
        entry = reader.entry(name)
        return source.read(entry.begin, entry.end - entry.begin)

    return tensors, [lambda name=name: read(name) for name in blob_names]  # type: ignore[misc]


def _as_class(tensor: Tensor, name: Any, requires_grad: bool) -> Tensor:
    from wengert.nn.parameter import Buffer, Parameter

    classes = {"Tensor": Tensor, "Parameter": Parameter, "Buffer": Buffer}
    need(isinstance(name, str) and name in classes, f"a tensor has the unknown class {name!r}")
    if name != "Tensor":
        return Tensor._make_subclass(classes[name], tensor, requires_grad)
    return tensor.requires_grad_() if requires_grad else tensor
