"""The memory behind tensors as an object, so that copies and pickles keep what tensors share."""

from __future__ import annotations

import pickle
import weakref
from collections.abc import Iterator
from typing import Any, SupportsIndex

from wengert import _C
from wengert._C import Tensor

# By address and size; what is listed is alive, so nothing else came to lie there.
_living: weakref.WeakValueDictionary[tuple[int, int], UntypedStorage] = (
    weakref.WeakValueDictionary()
)


class UntypedStorage:
    """The bytes that one or more tensors share. ``tensor.untyped_storage()`` gives it.

    >>> x = wg.zeros(4)
    >>> x.untyped_storage().nbytes()
    16
    >>> x[2:].untyped_storage() is x.untyped_storage()
    True
    """

    __slots__ = ("__weakref__", "_bytes")

    def __init__(self, size: int = 0) -> None:
        self._bytes = _C.empty(size, dtype=_C.uint8)
        _living[self._key()] = self

    @classmethod
    def _of(cls, tensor: Tensor) -> UntypedStorage:
        found = _living.get((tensor._storage_pointer(), tensor._storage_bytes()))
        if found is None:
            found = cls.__new__(cls)
            found._bytes = _C._storage_as_bytes(tensor)
            _living[found._key()] = found
        return found

    def _key(self) -> tuple[int, int]:
        return self.data_ptr(), self.nbytes()

    def data_ptr(self) -> int:
        """The address of the first byte."""
        return self._bytes.data_ptr()

    def nbytes(self) -> int:
        """The size in bytes."""
        return self._bytes.numel()

    size = nbytes
    __len__ = nbytes

    def element_size(self) -> int:
        """Bytes per element: 1."""
        return 1

    @property
    def device(self) -> _C.device:
        """Where the memory is."""
        return self._bytes.device

    def tolist(self) -> list[int]:
        """The bytes as numbers."""
        return self._bytes.tolist()

    def __getitem__(self, index: SupportsIndex) -> int:
        return self._bytes[index].item()

    def __setitem__(self, index: SupportsIndex | slice, value: int) -> None:
        self._bytes[index] = value

    def __iter__(self) -> Iterator[int]:
        return iter(self.tolist())

    def __repr__(self) -> str:
        return f"[wengert.UntypedStorage(device={self.device}) of size {self.nbytes()}]"

    def clone(self) -> UntypedStorage:
        """A copy of the bytes."""
        return UntypedStorage._of(self._bytes.clone())

    def copy_(self, source: UntypedStorage, non_blocking: bool = False) -> UntypedStorage:
        """Writes the bytes of ``source`` here."""
        self._bytes.copy_(source._bytes)
        return self

    def __copy__(self) -> UntypedStorage:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> UntypedStorage:
        # The address is the key, since this object may be gone before the copying is over; so the
        # memo keeps it.
        copies = memo.setdefault(id(UntypedStorage), {})
        if self._key() not in copies:
            copies[self._key()] = (self.clone(), self)
        return copies[self._key()][0]

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[Any, ...]:
        memory = memoryview(_C._memory(self._bytes))
        if protocol.__index__() >= 5:
            return _rebuild_storage, (pickle.PickleBuffer(memory),)
        return _rebuild_storage, (memory.tobytes(),)


# What every kernel can read, and what the memory of bytearrays has.
_ALIGNMENT = 16


def _rebuild_storage(data: Any) -> UntypedStorage:
    memory = memoryview(data)
    if memory.nbytes and not memory.readonly:
        # Bytes that only this storage refers to, or that are meant to be shared.
        shared = _C.frombuffer(data, dtype=_C.uint8)
        if shared.data_ptr() % _ALIGNMENT == 0:
            return UntypedStorage._of(shared)
    storage = UntypedStorage(memory.nbytes)
    if memory.nbytes:
        storage._bytes.copy_(_C.frombuffer(data, dtype=_C.uint8))
    return storage
