"""Which kernel scaled_dot_product_attention uses on a GPU; on the CPU there is one."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

__all__ = ["SDPBackend", "sdpa_kernel"]


class SDPBackend(enum.IntEnum):
    """Ways to compute attention on a GPU."""

    ERROR = -1
    MATH = 0
    FLASH_ATTENTION = 1
    EFFICIENT_ATTENTION = 2
    CUDNN_ATTENTION = 3
    OVERRIDEABLE = 4


@contextmanager
def sdpa_kernel(
    backends: SDPBackend | Sequence[SDPBackend], set_priority: bool = False
) -> Iterator[None]:
    """Restricts attention to these ways within the block; it changes nothing on the CPU.

    >>> x = wg.ones(1, 1, 2, 4)
    >>> with wg.nn.attention.sdpa_kernel(wg.nn.attention.SDPBackend.FLASH_ATTENTION):
    ...     y = wg.nn.functional.scaled_dot_product_attention(x, x, x)
    """
    given = [backends] if isinstance(backends, SDPBackend) else list(backends)
    if not all(isinstance(each, SDPBackend) for each in given):
        raise AssertionError(
            "Backend must be an instance of SDPBackend or a list of SDPBackend instances"
        )
    yield
