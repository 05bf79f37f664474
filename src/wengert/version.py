"""Versions of wengert and of what it was built with."""

from __future__ import annotations

from wengert.torch_version import TorchVersion

__all__ = ["__version__", "cuda", "debug", "git_version", "hip", "xpu"]

__version__ = TorchVersion("0.1.0")
debug = False
cuda: str | None = None  # there are no kernels for GPUs
hip: str | None = None
xpu: str | None = None
git_version: str | None = None
