"""Live views on what a module has registered.

A module keeps its parameters, buffers and child modules as ordinary instance attributes, so that
reading ``self.weight`` costs no more than reading any attribute, and remembers beside them which
names are registered, in order. These views are what ``module._parameters`` and its siblings give:
they read and write through, so that code which edits those mappings keeps working.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any

__all__ = ["Registry"]


class Registry(MutableMapping):
    """The attributes in ``values`` that ``names`` lists, as a mapping that writes through."""

    __slots__ = ("_names", "_values")

    def __init__(self, values: dict[str, Any], names: dict[str, bool]) -> None:
        self._values = values
        self._names = names

    def __getitem__(self, name: str) -> Any:
        if name not in self._names:
            raise KeyError(name)
        return self._values[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self._names.setdefault(name, True)
        self._values[name] = value

    def __delitem__(self, name: str) -> None:
        del self._names[name]
        del self._values[name]

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __repr__(self) -> str:
        return repr({name: self._values[name] for name in self._names})
