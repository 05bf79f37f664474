"""The memory behind tensors, as bytes and as numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, SupportsIndex

from wengert._C import Tensor, device, dtype
from wengert._storage import UntypedStorage

__all__ = ["TypedStorage", "UntypedStorage"]


class TypedStorage:
    """The numbers that one or more tensors share, in a row. ``tensor.storage()`` gives it.

    >>> x = wg.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> list(x.t().storage())
    [1.0, 2.0, 3.0, 4.0]
    """

    __slots__ = ("_elements", "_untyped")

    def __init__(self, elements: Tensor, untyped: UntypedStorage) -> None:
        self._elements = elements  # all of the memory, one-dimensional
        self._untyped = untyped

    @classmethod
    def _of(cls, tensor: Tensor) -> TypedStorage:
        untyped = tensor.untyped_storage()
        count = untyped.nbytes() // tensor.element_size()
        elements = untyped._bytes[: count * tensor.element_size()].view(tensor.dtype)
        return cls(elements, untyped)

    @property
    def dtype(self) -> dtype:
        """The type of the numbers."""
        return self._elements.dtype

    @property
    def device(self) -> device:
        """Where the memory is."""
        return self._elements.device

    def untyped(self) -> UntypedStorage:
        """The same memory as bytes."""
        return self._untyped

    def data_ptr(self) -> int:
        """The address of the first number."""
        return self._untyped.data_ptr()

    def element_size(self) -> int:
        """Bytes per number."""
        return self._elements.element_size()

    def nbytes(self) -> int:
        """The size in bytes."""
        return self._untyped.nbytes()

    def size(self) -> int:
        """How many numbers there are."""
        return self._elements.numel()

    __len__ = size

    def tolist(self) -> list[Any]:
        """The numbers."""
        return self._elements.tolist()

    def __iter__(self) -> Iterator[Any]:
        return iter(self.tolist())

    def __getitem__(self, index: SupportsIndex) -> Any:
        return self._elements[index].item()

    def __setitem__(self, index: SupportsIndex | slice, value: Any) -> None:
        self._elements[index] = value

    def fill_(self, value: Any) -> TypedStorage:
        """Writes one number everywhere."""
        self._elements.fill_(value)
        return self

    def clone(self) -> TypedStorage:
        """A copy of the numbers."""
        return TypedStorage._of(self._elements.clone())

    def __repr__(self) -> str:
        lines = "".join(f" {each}\n" for each in self.tolist())
        return (
            f"{lines}[wengert.storage.TypedStorage(dtype={self.dtype}, device={self.device}) "
            f"of size {len(self)}]"
        )
