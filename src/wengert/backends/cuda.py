"""Switches of GPU kernels, which this build has not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

__all__ = [
    "cuda_sdp_enabled", "enable_cudnn_sdp", "enable_flash_sdp", "enable_math_sdp",
    "enable_mem_efficient_sdp", "flash_sdp_enabled", "is_built", "math_sdp_enabled", "matmul",
    "mem_efficient_sdp_enabled", "sdp_kernel",
]  # fmt: skip

matmul = SimpleNamespace(
    allow_tf32=False,
    allow_fp16_reduced_precision_reduction=True,
    allow_bf16_reduced_precision_reduction=True,
    allow_fp16_accumulation=False,
    fp32_precision="none",
)
_enabled = {"flash": True, "math": True, "mem_efficient": True, "cudnn": True}


def is_built() -> bool:
    """Whether there are kernels for GPUs: no."""
    return False


def enable_flash_sdp(enabled: bool) -> None:
    """Remembers whether flash attention may be used on a GPU."""
    _enabled["flash"] = bool(enabled)


def enable_math_sdp(enabled: bool) -> None:
    """Remembers whether attention may be written out on a GPU."""
    _enabled["math"] = bool(enabled)


def enable_mem_efficient_sdp(enabled: bool) -> None:
    """Remembers whether memory-efficient attention may be used on a GPU."""
    _enabled["mem_efficient"] = bool(enabled)


def enable_cudnn_sdp(enabled: bool) -> None:
    """Remembers whether cuDNN's attention may be used on a GPU."""
    _enabled["cudnn"] = bool(enabled)


def flash_sdp_enabled() -> bool:
    """What `enable_flash_sdp` was told last."""
    return _enabled["flash"]


def math_sdp_enabled() -> bool:
    """What `enable_math_sdp` was told last."""
    return _enabled["math"]


def mem_efficient_sdp_enabled() -> bool:
    """What `enable_mem_efficient_sdp` was told last."""
    return _enabled["mem_efficient"]


def cuda_sdp_enabled() -> bool:
    """Whether any of the fast attention kernels is enabled."""
    return _enabled["flash"] or _enabled["mem_efficient"]


@contextmanager
def sdp_kernel(
    enable_flash: bool = True,
    enable_math: bool = True,
    enable_mem_efficient: bool = True,
    enable_cudnn: bool = True,
) -> Iterator[None]:
    """Sets the four switches for the block."""
    before = dict(_enabled)
    _enabled.update(
        flash=enable_flash, math=enable_math, mem_efficient=enable_mem_efficient, cudnn=enable_cudnn
    )
    try:
        yield
    finally:
        _enabled.update(before)
