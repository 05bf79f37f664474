"""Models whose parameters are divided among processes: not supported yet."""

from __future__ import annotations

from typing import Any, NoReturn

from wengert import nn

__all__ = ["FSDPModule", "FullyShardedDataParallel", "fully_shard"]


def _refuse(name: str) -> NoReturn:
    raise RuntimeError(f"{name}(): training on several processes is not supported yet")


class FSDPModule:
    """The class of modules that `fully_shard` was called with: there are none."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        _refuse("FSDPModule")


class FullyShardedDataParallel(nn.Module):
    """Raises RuntimeError: training on several processes is not supported yet."""

    def __init__(self, module: nn.Module, *args: Any, **kwargs: Any) -> None:
        _refuse("FullyShardedDataParallel")


def fully_shard(module: nn.Module, **kwargs: Any) -> NoReturn:
    """Raises RuntimeError: training on several processes is not supported yet."""
    _refuse("fully_shard")
