"""Every operator, native and composite, under one roof. Not public: `wengert` picks from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wengert import _C

if TYPE_CHECKING:

    def __getattr__(name: str) -> Any: ...


globals().update({name: value for name, value in vars(_C).items() if not name.startswith("__")})
