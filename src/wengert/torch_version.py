"""Version numbers that can be compared with texts and with tuples."""

from __future__ import annotations

import re
from typing import Any


def _key(version: Any) -> tuple[int, ...]:
    """The numbers at the front: (2, 13, 0) of "2.13.0+wengert"."""
    if isinstance(version, (tuple, list)):
        return tuple(int(part) for part in version)
    found = re.match(r"\d+(?:\.\d+)*", str(version))
    if found is None:
        raise ValueError(f"Invalid version: {version!r}")
    return tuple(int(part) for part in found[0].split("."))


def _pair(a: Any, b: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Both keys, as long as each other: 2.13 is 2.13.0."""
    x, y = _key(a), _key(b)
    length = max(len(x), len(y))
    return x + (0,) * (length - len(x)), y + (0,) * (length - len(y))


class TorchVersion(str):
    """A version: a text that is compared by its numbers.

    >>> from wengert.torch_version import TorchVersion
    >>> TorchVersion("2.13.0") > (2, 9), TorchVersion("2.13.0") < "2.9"
    (True, False)
    """

    __slots__ = ()

    def __lt__(self, other: Any) -> bool:
        a, b = _pair(self, other)
        return a < b

    def __le__(self, other: Any) -> bool:
        a, b = _pair(self, other)
        return a <= b

    def __gt__(self, other: Any) -> bool:
        a, b = _pair(self, other)
        return a > b

    def __ge__(self, other: Any) -> bool:
        a, b = _pair(self, other)
        return a >= b

    def __eq__(self, other: object) -> bool:
        if isinstance(other, str):
            return str.__eq__(self, other)
        a, b = _pair(self, other)
        return a == b

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return str.__hash__(self)
