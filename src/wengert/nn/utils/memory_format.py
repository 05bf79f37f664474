"""The memory layout of convolutions' weights."""

from __future__ import annotations

from typing import TypeVar

import wengert as wg

from ..modules.conv import _ConvNd
from ..modules.module import Module

__all__ = ["convert_conv2d_weight_memory_format", "convert_conv3d_weight_memory_format"]

Some = TypeVar("Some", bound=Module)


def _convert(module: Some, spatial: int, memory_format: wg.memory_format) -> Some:
    for each in module.modules():
        if isinstance(each, _ConvNd) and each._spatial == spatial:
            weight = each.weight.detach()
            each.weight.data = weight.clone().contiguous(memory_format=memory_format)
    return module


def convert_conv2d_weight_memory_format(module: Some, memory_format: wg.memory_format) -> Some:
    """Lays out the weights of all 2-D convolutions in ``module`` in this format."""
    return _convert(module, 2, memory_format)


def convert_conv3d_weight_memory_format(module: Some, memory_format: wg.memory_format) -> Some:
    """Lays out the weights of all 3-D convolutions in ``module`` in this format."""
    return _convert(module, 3, memory_format)
