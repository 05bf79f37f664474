"""The processor."""

from __future__ import annotations

from wengert._C import _isa_level

__all__ = ["get_cpu_capability"]


def get_cpu_capability() -> str:
    """The vector instructions that kernels use: "DEFAULT", "AVX2" or "AVX512".

    >>> wg.backends.cpu.get_cpu_capability() in ("DEFAULT", "AVX2", "AVX512")
    True
    """
    return {3: "AVX2", 4: "AVX512"}.get(_isa_level(), "DEFAULT")
