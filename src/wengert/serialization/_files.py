"""Reading from paths and file objects, and writing that leaves the old file or the new one."""

from __future__ import annotations

import fcntl
import io
import mmap
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from wengert import _C

# A temporary file that nobody has locked and that is older is left over from a killed process.
_STALE_SECONDS = 60.0


class CorruptedError(Exception):
    """What is wrong with the file; ``load`` turns it into a RuntimeError that names the file."""


def need(condition: Any, problem: str) -> None:
    """Raises CorruptedError unless the condition holds."""
    if not condition:
        raise CorruptedError(problem)


class Source:
    """The bytes that are loaded: a file by its path, or what a file object still has to give."""

    def __init__(self, file: Any, use_mmap: bool) -> None:
        self._owned = isinstance(file, (str, os.PathLike))
        self._file: Any
        if self._owned:
            self.name = os.fspath(file)
            self._file = open(file, "rb")  # noqa: SIM115, closed by close()
        else:
            if not hasattr(file, "read"):
                raise AttributeError(
                    f"load(): expected a path or a file object, got {type(file).__name__}"
                )
            self.name = getattr(file, "name", type(file).__name__)
            if use_mmap:
                raise ValueError("f must be a file path in order to use the mmap argument")
            self._file = file if _is_fresh(file) else io.BytesIO(file.read())
        self.size = self._file.seek(0, os.SEEK_END)
        self._file.seek(0)
        self._map: mmap.mmap | None = None
        if use_mmap and self.size:
            # Written pages become this process's own; the file never changes.
            self._map = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_COPY)

    @property
    def file(self) -> Any:
        """The file object."""
        return self._file

    def read(self, offset: int, length: int) -> bytes:
        """Bytes of the file; fewer than asked for are an error."""
        self._check(offset, length)
        self._file.seek(offset)
        data = self._file.read(length)
        need(len(data) == length, "the file ends too early")
        return data

    def storage(self, offset: int, length: int, alignment: int) -> _C.Tensor:
        """Bytes of the file as a tensor of uint8, over mapped memory where that is wanted."""
        self._check(offset, length)
        if self._map is not None and length and offset % alignment == 0:
            return _C.frombuffer(memoryview(self._map)[offset : offset + length], dtype=_C.uint8)
        result = _C.empty(length, dtype=_C.uint8)
        if length:
            self._file.seek(offset)
            into, filled = memoryview(_C._memory(result)).cast("B"), 0
            while filled < length:
                got = _read_into(self._file, into[filled:])
                need(got, "the file ends too early")
                filled += got
        return result

    def _check(self, offset: int, length: int) -> None:
        need(
            offset >= 0 and length >= 0 and offset + length <= self.size,
            f"bytes {offset} to {offset + length} are asked for, and the file has {self.size}",
        )

    def close(self) -> None:
        """Closes a file that was opened here; mapped memory lives on with its tensors."""
        if self._owned:
            self._file.close()


def _is_fresh(file: Any) -> bool:
    try:
        return bool(file.seekable()) and file.tell() == 0
    except (AttributeError, OSError):
        return False


def _read_into(file: Any, memory: memoryview) -> int:
    if hasattr(file, "readinto"):
        return file.readinto(memory) or 0
    data = file.read(len(memory))
    memory[: len(data)] = data
    return len(data)


def write(file: Any, pieces: Iterable[Any]) -> None:
    """Writes to a file object, or replaces the file at a path in one step.

    A process that is killed while it writes leaves the old file as it was.
    """
    if not isinstance(file, (str, os.PathLike)):
        if not hasattr(file, "write"):
            raise AttributeError(
                f"save(): expected a path or a file object, got {type(file).__name__}"
            )
        _write_all(file.write, pieces)
        return
    path = Path(os.path.realpath(os.fsdecode(file)))
    if path.exists() and not path.is_file():  # a device or a pipe cannot be replaced
        with open(path, "wb") as out:
            _write_all(out.write, pieces)
        return
    _remove_stale(path)
    temporary = path.with_name(f".{path.name}.{os.urandom(6).hex()}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        with open(descriptor, "wb", buffering=1 << 20) as stream:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # says that this one is in use
            if path.exists():
                os.fchmod(descriptor, path.stat().st_mode & 0o7777)
            _write_all(stream.write, pieces)
            stream.flush()
            os.fsync(descriptor)
            os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the new name is on the disk, too
    finally:
        os.close(folder)


def _write_all(put: Callable[[Any], Any], pieces: Iterable[Any]) -> None:
    for piece in pieces:
        left = memoryview(piece).cast("B")
        while len(left):
            count = put(left)
            # File objects that say nothing have taken everything.
            left = left[len(left) if count is None else count :]


def _remove_stale(path: Path) -> None:
    for other in path.parent.glob(f".{_escaped(path.name)}.????????????.tmp"):
        try:
            if time.time() - other.stat().st_mtime < _STALE_SECONDS:
                continue
            with open(other, "rb") as left_over:
                fcntl.flock(left_over, fcntl.LOCK_EX | fcntl.LOCK_NB)
                other.unlink()
        except OSError:
            continue  # somebody is writing it, or has just finished


def _escaped(name: str) -> str:
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)
