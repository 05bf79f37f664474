"""Switches of the libraries behind kernels.

They can be set, as programs do at their start, and do not change results: kernels are the same
whatever stands there, and always deterministic.
"""

from __future__ import annotations

from wengert.backends import cpu, cuda, cudnn, mkl, mkldnn, mps, openmp

__all__ = ["cpu", "cuda", "cudnn", "mkl", "mkldnn", "mps", "openmp"]
