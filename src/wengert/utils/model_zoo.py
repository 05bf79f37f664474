"""The older name of what :mod:`wengert.hub` does with weights on the network."""

from __future__ import annotations

from typing import Any

from wengert import hub
from wengert.hub import load_state_dict_from_url as load_url

__all__ = ["load_url"]


def __getattr__(name: str) -> Any:
    return getattr(hub, name)
