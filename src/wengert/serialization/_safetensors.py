"""The safetensors format: a length, a header in JSON, and the bytes of the tensors.

https://huggingface.co/docs/safetensors: eight bytes hold the header's length (little-endian), the
header maps names to dtype, shape and the range of bytes after it, and `__metadata__` to strings.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from wengert import _C

from ._files import Source, need

__all__ = ["Entry", "Header", "pack", "parse"]

# Readers of the format refuse a longer header, so it is neither written nor read.
HEADER_LIMIT = 100_000_000
METADATA = "__metadata__"
_ALIGNMENT = 64

DTYPES = {
    "F64": _C.float64,
    "F32": _C.float32,
    "F16": _C.float16,
    "BF16": _C.bfloat16,
    "I64": _C.int64,
    "I32": _C.int32,
    "I16": _C.int16,
    "I8": _C.int8,
    "U8": _C.uint8,
    "BOOL": _C.bool,
    "C64": _C.complex64,
}
NAMES = {dtype: name for name, dtype in DTYPES.items()}
# Of every dtype that the format knows; those that are not in DTYPES cannot become tensors here.
WIDTHS = {
    "F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1,
    "BOOL": 1, "C64": 8, "U64": 8, "U32": 4, "U16": 2, "F8_E4M3": 1, "F8_E5M2": 1,
}  # fmt: skip


@dataclass
class Entry:
    """One tensor of a file; ``begin`` and ``end`` count from the start of the file."""

    dtype: str
    shape: list[int]
    begin: int = 0
    end: int = 0

    @property
    def width(self) -> int:
        """Bytes per element."""
        return WIDTHS[self.dtype]

    @property
    def nbytes(self) -> int:
        """Bytes of the whole tensor."""
        return math.prod(self.shape) * self.width


@dataclass
class Header:
    """What a file says about itself."""

    entries: dict[str, Entry]
    metadata: dict[str, str]


def looks_like(start: bytes) -> bool:
    """Could a file that starts with these nine bytes have this format?"""
    return len(start) >= 9 and start[8:9] == b"{"


def parse(source: Source) -> Header:
    """Reads and checks the header."""
    need(source.size >= 8, "the file ends too early")
    length = int.from_bytes(source.read(0, 8), "little")
    need(length <= HEADER_LIMIT, f"a header of {length} bytes is longer than {HEADER_LIMIT}")
    text = source.read(8, length)
    raw = json.loads(text.decode("utf-8"), object_pairs_hook=_without_duplicates)
    need(isinstance(raw, dict), "the header is no JSON object")
    metadata = raw.pop(METADATA, {})
    need(
        isinstance(metadata, dict) and all(isinstance(value, str) for value in metadata.values()),
        "the metadata is no map of strings",
    )
    entries = {name: _entry(name, item, 8 + length) for name, item in raw.items()}
    position = 8 + length
    for entry in sorted(entries.values(), key=lambda entry: (entry.begin, entry.end)):
        need(entry.begin == position, "the tensors' bytes overlap or leave a gap")
        position = entry.end
    need(
        position == source.size,
        f"the tensors end at byte {position}, and the file at {source.size}",
    )
    return Header(entries, metadata)


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    need(len(result) == len(pairs), "a name stands twice in the header")
    return result


def _entry(name: str, item: Any, start: int) -> Entry:
    need(isinstance(item, dict), f"{name!r} has no description")
    dtype, shape, offsets = (item.get(key) for key in ("dtype", "shape", "data_offsets"))
    need(dtype in WIDTHS, f"{name!r} has the unknown dtype {dtype!r}")
    need(_are_counts(shape), f"{name!r} has no valid shape")
    need(_are_counts(offsets) and len(offsets) == 2, f"{name!r} has no valid offsets")
    entry = Entry(dtype, shape, start + offsets[0], start + offsets[1])
    need(
        entry.end - entry.begin == entry.nbytes,
        f"{name!r} has {entry.end - entry.begin} bytes, and its shape says {entry.nbytes}",
    )
    return entry


def _are_counts(values: Any) -> bool:
    return isinstance(values, list) and all(
        type(value) is int and 0 <= value < 1 << 62 for value in values
    )


def pack(tensors: dict[str, tuple[Entry, Any]], metadata: dict[str, str]) -> Iterator[Any]:
    """The bytes of a file: entries with what they hold, an object with the buffer protocol each."""
    # The widest first, so that every tensor starts at a multiple of its element's size.
    order = sorted(tensors, key=lambda name: (-tensors[name][0].width, name))
    header: dict[str, Any] = {METADATA: metadata} if metadata else {}
    position = 0
    for name in order:
        entry = tensors[name][0]
        header[name] = {
            "dtype": entry.dtype,
            "shape": entry.shape,
            "data_offsets": [position, position + entry.nbytes],
        }
        position += entry.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-(len(text) + 8) % _ALIGNMENT)
    if len(text) > HEADER_LIMIT:
        raise ValueError(
            f"save(): the description of the object takes {len(text)} bytes, more than the "
            f"{HEADER_LIMIT} that the format allows; put long lists of numbers into tensors"
        )
    yield len(text).to_bytes(8, "little")
    yield text
    for name in order:
        if tensors[name][0].nbytes:
            yield tensors[name][1]
