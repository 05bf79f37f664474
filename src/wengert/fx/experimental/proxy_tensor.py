"""What programs ask while they may be captured: they never are."""

from __future__ import annotations

from typing import Any, NoReturn

from wengert.fx import _refuse

__all__ = ["get_proxy_mode", "make_fx"]


def get_proxy_mode() -> None:
    """How the program is being captured: it is not."""


def make_fx(*args: Any, **kwargs: Any) -> NoReturn:
    """Raises NotImplementedError."""
    _refuse("experimental.proxy_tensor.make_fx")
