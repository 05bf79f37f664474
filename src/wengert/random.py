"""The state of random numbers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from wengert._C import (
    Generator,
    default_generator,
    get_rng_state,
    initial_seed,
    manual_seed,
    seed,
    set_rng_state,
)

__all__ = [
    "Generator", "default_generator", "fork_rng", "get_rng_state", "initial_seed", "manual_seed",
    "seed", "set_rng_state", "thread_safe_generator",
]  # fmt: skip


@contextmanager
def fork_rng(
    devices: Any = None,
    enabled: bool = True,
    _caller: str = "fork_rng",
    _devices_kw: str = "devices",
    device_type: str = "cuda",
) -> Iterator[None]:
    """The block draws its own random numbers: afterwards the state is as it was before.

    devices: GPUs whose states are kept, too; there are none. enabled: False makes it do nothing.

    >>> _ = wg.manual_seed(0)
    >>> a = wg.rand(1)
    >>> with wg.random.fork_rng():
    ...     b = wg.rand(1)
    >>> bool(b == wg.rand(1))
    True
    """
    if not enabled:
        yield
        return
    state = get_rng_state()
    try:
        yield
    finally:
        set_rng_state(state)


def thread_safe_generator() -> Generator | None:
    """The generator to use in a worker's thread: None, the default one serves."""
    return None
