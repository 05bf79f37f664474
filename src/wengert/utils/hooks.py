"""The handle that every ``register_*_hook`` returns."""

from __future__ import annotations

import itertools
import weakref
from typing import Any

__all__ = ["RemovableHandle"]

_ids = itertools.count()


class RemovableHandle:
    """Removes a hook again, by :meth:`remove` or at the end of a ``with`` block.

    Args:
        hooks_dict: the ordered dictionary in which the hook is stored under ``handle.id``.
        extra_dict: one dictionary, or a list of them, that hold options under the same id.
    """

    def __init__(self, hooks_dict: Any, *, extra_dict: Any = None) -> None:
        self.id = next(_ids)
        # Weak, so that a handle that is kept does not keep a model alive.
        self._hooks = weakref.ref(hooks_dict)
        if extra_dict is None:
            extra_dict = []
        elif not isinstance(extra_dict, list):
            extra_dict = [extra_dict]
        self._extra = [weakref.ref(extra) for extra in extra_dict]

    def remove(self) -> None:
        """Removes the hook; a second call does nothing."""
        for reference in (self._hooks, *self._extra):
            hooks = reference()
            if hooks is not None:
                hooks.pop(self.id, None)

    def __getstate__(self) -> tuple:
        return self._hooks(), self.id, [extra() for extra in self._extra]

    def __setstate__(self, state: tuple) -> None:
        hooks, self.id, extras = state
        self._hooks = weakref.ref(_Empty() if hooks is None else hooks)
        self._extra = [weakref.ref(_Empty() if extra is None else extra) for extra in extras]

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exception: object) -> None:
        self.remove()


class _Empty(dict):
    """A dictionary that can be referred to weakly; stands in for one that is gone."""
