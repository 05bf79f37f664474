"""Messages between processes; what is large goes through shared memory.

A message is a pickle whose buffers (tensors, arrays) stay outside of it. Small ones travel through
a socket that keeps messages apart; for others the bytes are written to an anonymous file in memory,
and its descriptor travels. Such a file has no name, so nothing is left behind when a process dies,
and its size is not limited by ``/dev/shm``.
"""

from __future__ import annotations

import io
import mmap
import os
import pickle
import socket
import struct
import tempfile
from typing import Any

import wengert as wg

__all__ = ["channel", "dumps", "loads", "memory_file", "receive"]

_INLINE = 16_384
_LARGEST_MESSAGE = 65_536
_ALIGNMENT = 64
_MOST_PIECES = 512  # in one system call
_SIZE = struct.Struct("<q")


def channel() -> tuple[socket.socket, socket.socket]:
    """Two connected sockets."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def memory_file() -> int:
    """A file that is nowhere but in memory, and disappears with its last descriptor."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("wengert", os.MFD_CLOEXEC)
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


class _Pickler(pickle.Pickler):
    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, wg.Tensor):
            storage = value.untyped_storage().nbytes()
            if storage > value.numel() * value.element_size():
                # A part of something larger, such as the whole data set: the part is sent.
                value = value.detach().clone().requires_grad_(value.requires_grad)
                return value.__reduce_ex__(pickle.HIGHEST_PROTOCOL)
        return NotImplemented


def dumps(value: Any) -> tuple[bytes, int | None]:
    """A message, and the descriptor that goes with it, to be closed when it was sent."""
    buffers: list[pickle.PickleBuffer] = []
    stream = io.BytesIO()
    _Pickler(stream, 5, buffer_callback=buffers.append).dump(value)
    head = stream.getvalue()
    raw = [buffer.raw() for buffer in buffers]
    if len(head) + sum(piece.nbytes for piece in raw) <= _INLINE:
        return pickle.dumps((head, [bytearray(piece) for piece in raw]), 5), None
    descriptor = memory_file()
    try:
        # [sizes of all parts] [the pickle] [the buffers], each part at a multiple of 64.
        sizes = pickle.dumps([len(head), *(piece.nbytes for piece in raw)])
        _write(descriptor, [memoryview(part) for part in (sizes, head)] + raw)
    except BaseException:
        os.close(descriptor)
        raise
    return pickle.dumps(len(sizes)), descriptor


def _write(descriptor: int, parts: list[memoryview]) -> None:
    pieces: list[memoryview] = []
    for part in parts:
        pieces.append(part)
        pieces.append(memoryview(bytes(-part.nbytes % _ALIGNMENT)))
    while pieces:
        written = os.writev(descriptor, pieces[:_MOST_PIECES])
        done = 0
        while done < len(pieces) and written >= pieces[done].nbytes:
            written -= pieces[done].nbytes
            done += 1
        del pieces[:done]
        if written:
            pieces[0] = pieces[0][written:]


def loads(message: bytes, descriptor: int | None) -> Any:
    """The value of a message. Tensors of a large one lie in memory that is shared, and freed when
    the last of them is gone."""
    if descriptor is None:
        head, buffers = pickle.loads(message)
        return pickle.loads(head, buffers=buffers)
    try:
        shared = memoryview(mmap.mmap(descriptor, 0))
    finally:
        os.close(descriptor)
    length = pickle.loads(message)
    sizes = pickle.loads(shared[:length])
    position = length + -length % _ALIGNMENT
    parts = []
    for size in sizes:
        parts.append(shared[position : position + size])
        position += size + -size % _ALIGNMENT
    return pickle.loads(parts[0], buffers=parts[1:])


def receive(end: socket.socket) -> tuple[bytes, int | None]:
    """The next message with its descriptor; empty when the other side is gone."""
    message, descriptors, _, _ = socket.recv_fds(end, _LARGEST_MESSAGE, 1)
    return message, descriptors[0] if descriptors else None
