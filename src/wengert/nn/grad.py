"""The derivatives of convolutions, as functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import wengert as wg
from wengert import Tensor
from wengert.autograd.grad_mode import transforming
from wengert.nn import functional as F

__all__ = [
    "conv1d_input", "conv1d_weight", "conv2d_input", "conv2d_weight", "conv3d_input",
    "conv3d_weight",
]  # fmt: skip


def _pull_back(
    convolution: Callable[..., Tensor], input: Any, weight: Any, grad_output: Tensor, options: tuple
) -> Tensor:
    """The gradient in whichever of input and weight is given by its shape."""
    recording = wg.is_grad_enabled()
    with transforming():
        wanted = wg.zeros(
            weight if isinstance(input, Tensor) else input,
            dtype=grad_output.dtype,
            device=grad_output.device,
            requires_grad=True,
        )
        stride, padding, dilation, groups = options
        given = (input, wanted) if isinstance(input, Tensor) else (wanted, weight)
        output = convolution(*given, None, stride, padding, dilation, groups)
        (result,) = wg.autograd.grad(output, wanted, grad_output, create_graph=recording)
    return result


def conv1d_input(
    input_size: Sequence[int],
    weight: Tensor,
    grad_output: Tensor,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """The gradient of `conv1d` in its input, of shape ``input_size``.

    >>> import wengert as wg
    >>> wg.nn.grad.conv1d_input((1, 1, 3), wg.ones(1, 1, 2), wg.ones(1, 1, 2)).tolist()
    [[[1.0, 2.0, 1.0]]]
    """
    options = (stride, padding, dilation, groups)
    return _pull_back(F.conv1d, input_size, weight, grad_output, options)


def conv1d_weight(
    input: Tensor,
    weight_size: Sequence[int],
    grad_output: Tensor,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """The gradient of `conv1d` in its weight, of shape ``weight_size``."""
    options = (stride, padding, dilation, groups)
    return _pull_back(F.conv1d, input, weight_size, grad_output, options)


def conv2d_input(
    input_size: Sequence[int],
    weight: Tensor,
    grad_output: Tensor,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """The gradient of `conv2d` in its input, of shape ``input_size``."""
    options = (stride, padding, dilation, groups)
    return _pull_back(F.conv2d, input_size, weight, grad_output, options)


def conv2d_weight(
    input: Tensor,
    weight_size: Sequence[int],
    grad_output: Tensor,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """The gradient of `conv2d` in its weight, of shape ``weight_size``."""
    options = (stride, padding, dilation, groups)
    return _pull_back(F.conv2d, input, weight_size, grad_output, options)


def conv3d_input(
    input_size: Sequence[int],
    weight: Tensor,
    grad_output: Tensor,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """The gradient of `conv3d` in its input, of shape ``input_size``."""
    options = (stride, padding, dilation, groups)
    return _pull_back(F.conv3d, input_size, weight, grad_output, options)


def conv3d_weight(
    input: Tensor,
    weight_size: Sequence[int],
    grad_output: Tensor,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """The gradient of `conv3d` in its weight, of shape ``weight_size``."""
    options = (stride, padding, dilation, groups)
    return _pull_back(F.conv3d, input, weight_size, grad_output, options)
