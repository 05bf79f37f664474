"""Live views on what a module has registered.

A module keeps its parameters, buffers and child modules as ordinary instance attributes, so that
reading ``self.weight`` costs no more than reading any attribute. Beside them stand three views that
remember which names are registered, in order. ``module._parameters`` and its siblings are these
views: they read and write through, so that code which edits or replaces those mappings works.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any

__all__ = ["Registered", "Registry"]

if TYPE_CHECKING:
    _Dictionary = dict[str, Any]
else:

    class _Dictionary(MutableMapping, dict):
        """All methods of a dictionary, made of the five that a class defines."""

        __slots__ = ()


class Registry(_Dictionary):
    """The attributes of ``owner`` that ``names`` lists, as a dictionary that writes through.

    For buffers, the values of ``names`` say which are kept in a state. It is a ``dict`` only for
    those who ask for its class; nothing is in the dictionary itself.
    """

    __slots__ = ("names", "owner")

    def __init__(self, owner: Any, names: dict[str, bool]) -> None:
        # A module would live until the garbage is collected if it were held here.
        self.owner = None if owner is None else weakref.ref(owner)
        self.names = names

    def belongs_to(self, module: Any) -> bool:
        """Is it a view on this module?"""
        return self.owner is not None and self.owner() is module

    @property
    def _values(self) -> dict[str, Any]:
        owner = None if self.owner is None else self.owner()
        if owner is None:
            raise ReferenceError(
                "the module whose parameters, buffers or modules these are is gone"
            )
        return owner.__dict__

    def __getitem__(self, name: str) -> Any:
        if name not in self.names:
            raise KeyError(name)
        return self._values[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self._values[name] = value
        self.names.setdefault(name, True)

    def __delitem__(self, name: str) -> None:
        del self.names[name]
        self._values.pop(name, None)  # a program may have taken it from the attributes

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __reversed__(self) -> Iterator[str]:
        return reversed(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def copy(self) -> dict[str, Any]:
        """An ordinary dictionary of what is registered now."""
        values = self._values
        return {name: values[name] for name in self.names}

    def __or__(self, other: Any) -> Any:
        return self.copy() | dict(other) if isinstance(other, Mapping) else NotImplemented

    def __ror__(self, other: Any) -> Any:
        return dict(other) | self.copy() if isinstance(other, Mapping) else NotImplemented

    def __ior__(self, other: Any) -> Any:
        self.update(other)
        return self

    def __repr__(self) -> str:
        return repr(self.copy())

    def __reduce_ex__(self, protocol: Any) -> Any:
        # The module that it is copied or pickled with makes a view of its own of it.
        return Registry, (None, dict(self.names))


class Registered:
    """The attribute of a module that is the view on its parameters, buffers or child modules.

    The view stands in the module's ``__dict__``, where PyTorch programs look for it, too. Whatever
    is assigned takes the place of all that was registered.
    """

    def __set_name__(self, kind: type, name: str) -> None:
        self.name = name

    def __get__(self, module: Any, kind: Any = None) -> Any:
        if module is None:
            return self
        view = module.__dict__.get(self.name)
        if view is None:
            raise AttributeError(
                f"'{type(module).__name__}' object has no attribute '{self.name}': "
                "Module.__init__() was not called"
            )
        if not view.belongs_to(module):  # the module is a copy
            view = module.__dict__[self.name] = Registry(module, dict(view.names))
        return view

    def __set__(self, module: Any, mapping: Any) -> None:
        new = dict(mapping)
        values = module.__dict__
        old = values.get(self.name)
        known = {} if old is None else old.names
        for name in known:
            values.pop(name, None)
        values[self.name] = Registry(module, {name: known.get(name, True) for name in new})
        values.update(new)
