"""Damaged checkpoints: what is done to the bytes, and what loading them may do.

The files to start from are made here without PyTorch: its zip archives and its older format are
small enough to be written by hand, with the standard library's pickles.
"""

from __future__ import annotations

import io
import pickle
import random
import zipfile
from pathlib import Path
from typing import Any

import wengert as wg


class _Global:
    """Pickles as a reference to a name."""

    def __init__(self, module: str, name: str) -> None:
        self.module = module
        self.name = name


class _Storage:
    """Pickles as a persistent id."""

    def __init__(self, identity: tuple[Any, ...]) -> None:
        self.identity = identity


class _Tensor:
    def __init__(self, storage: _Storage, size: tuple[int, ...], stride: tuple[int, ...]) -> None:
        self.arguments = (storage, 0, size, stride, False, {})


class _Pickler(pickle._Pickler):  # the one in Python, which can be taught to write names
    def persistent_id(self, value: Any) -> Any:
        return value.identity if isinstance(value, _Storage) else None

    def save(self, value: Any, *args: Any, **kwargs: Any) -> None:
        if isinstance(value, _Global):
            self.write(pickle.GLOBAL + f"{value.module}\n{value.name}\n".encode())
        elif isinstance(value, _Tensor):
            self.save(_Global("torch._utils", "_rebuild_tensor_v2"))
            self.save(value.arguments)
            self.write(pickle.REDUCE)
        else:
            super().save(value, *args, **kwargs)


def _pickled(value: Any) -> bytes:
    stream = io.BytesIO()
    _Pickler(stream, 2).dump(value)
    return stream.getvalue()


def torch_zip() -> bytes:
    """A checkpoint as torch.save writes it: two tensors over one storage, and plain data."""
    storage = _Storage(("storage", _Global("torch", "FloatStorage"), "0", "cpu", 6))
    state = {
        "a": _Tensor(storage, (2, 3), (3, 1)),
        "b": _Tensor(storage, (3, 2), (1, 3)),
        "lr": 0.1, "steps": [1, 2, (3, None)], "name": "text", 7: {"x": True},
    }  # fmt: skip
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("archive/data.pkl", _pickled(state))
        archive.writestr("archive/byteorder", "little")
        archive.writestr("archive/data/0", bytes(24))
        archive.writestr("archive/version", "3\n")
    return stream.getvalue()


def torch_legacy() -> bytes:
    """The format before the zip archive."""
    storage = _Storage(("storage", _Global("torch", "FloatStorage"), "77", "cpu", 6, None))
    parts = [0x1950A86A20F9469CFC6C, 1001, {"little_endian": True},
             {"a": _Tensor(storage, (2, 3), (3, 1)), "n": [1]}, ["77"]]  # fmt: skip
    return b"".join(map(_pickled, parts)) + (6).to_bytes(8, "little") + bytes(24)


def own() -> bytes:
    """A file of save() with most kinds of things in it."""
    x = wg.arange(12.0)
    state = {
        "x": x, "view": x[2:8].reshape(2, 3).t(), "p": wg.nn.Parameter(wg.ones(2)), "s": {1, 2},
        "z": wg.ones(2, dtype=wg.complex64), "t": (1, b"ab", 1 << 70, 2.5), "d": {1: None},
        "g": wg.Generator(), "e": wg.ones(1).expand(3), "dtype": wg.int8,
    }  # fmt: skip
    stream = io.BytesIO()
    wg.save(state, stream)
    return stream.getvalue()


MAKERS = {"own": own, "zip": torch_zip, "legacy": torch_legacy}
NUMBERS = (0, 1, 2, 127, 128, 255, 1 << 31, (1 << 32) - 1, 1 << 62, (1 << 63) - 1, (1 << 64) - 1)


def damaged(data: bytes, dice: random.Random) -> bytes:
    """The same bytes with one to four changes."""
    raw = bytearray(data)
    for _ in range(dice.choice((1, 1, 1, 2, 4))):
        if not raw:
            break
        at = dice.randrange(len(raw))
        kind = dice.randrange(7)
        if kind == 0:
            raw[at] ^= 1 << dice.randrange(8)
        elif kind == 1:
            raw[at] = dice.randrange(256)
        elif kind == 2:
            del raw[at:]
        elif kind == 3:
            del raw[at : at + dice.randrange(1, 9)]
        elif kind == 4:
            raw[at:at] = dice.randbytes(dice.randrange(1, 9))
        elif kind == 5:
            width = dice.choice((1, 2, 4, 8))
            number = dice.choice(NUMBERS) % (1 << 8 * width)
            raw[at : at + width] = number.to_bytes(width, "little")
        else:  # a digit of the JSON, or an instruction of the pickle
            raw[at] = dice.choice(b'0123456789-[]{}"$.0RcQbqtuse(K\x85\x93\x81')
    return bytes(raw)


def check(data: bytes, path: Path) -> bool:
    """Loads a file in both ways; True if it could be loaded. Other errors than the promised ones
    are let through."""
    path.write_bytes(data)
    fine = False
    for mmap in (False, True):
        try:
            value = wg.load(path, mmap=mmap)
        except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
            assert str(error), "an error without a text"  # noqa: PT017
        else:
            fine = True
            _touch(value)
    return fine


def _touch(value: Any, depth: int = 0) -> None:
    """Reads every tensor, so that memory that is not there is noticed."""
    if isinstance(value, wg.Tensor):
        if 0 < value.numel() <= 1 << 16:
            assert value.reshape(-1).tolist() is not None
        return
    if depth < 50 and isinstance(value, (list, tuple, set, frozenset, dict)):
        for item in value:
            _touch(item, depth + 1)
            if isinstance(value, dict):
                _touch(value[item], depth + 1)


def run(name: str, seed: int, count: int, path: Path) -> int:
    """Tries damaged copies of one file; how many of them could still be loaded."""
    data = MAKERS[name]()
    assert check(data, path)
    dice = random.Random(seed)
    return sum(check(damaged(data, dice), path) for _ in range(count))
