"""Pooling over one to three spatial dimensions.

This file is parsed by tools/opgen and never imported.
"""

from opgen.stubs import Tensor, linear, opaque


@opaque(d={"input": "_max_pool_backward(g0, y1, input.shape, dimensions)"}, public="",
        samples=[{"input": "randn(2, 3, 5, 4)", "dimensions": 2, "kernel_size": [2, 2],
                  "stride": [2, 1], "padding": [1, 0], "dilation": [1, 2], "ceil_mode": True}], jvp={"input": "_max_pool_gather(t, y1, dimensions)"})
def _max_pool(input: Tensor, dimensions: int, kernel_size: list[int], stride: list[int] | None,
              padding: list[int], dilation: list[int],
              ceil_mode: bool) -> tuple[Tensor, Tensor]:
    """The greatest value in every window, and its place in the plane."""


@opaque(d={"input": "_max_pool_backward(g0, y1, input.shape, dimensions)"}, public="",
        samples=[{"input": "randn(2, 3, 5, 4)", "dimensions": 2, "output_size": [2, 3]}], jvp={"input": "_max_pool_gather(t, y1, dimensions)"})
def _adaptive_max_pool(input: Tensor, dimensions: int,
                       output_size: list[int]) -> tuple[Tensor, Tensor]:
    """The greatest value in every window, and its place in the plane."""


@linear(d={"input": "_max_pool_gather(g, indices, dimensions)"}, public="")
def _max_pool_backward(input: Tensor, indices: Tensor, size: list[int],
                       dimensions: int) -> Tensor:
    """Zeros of ``size`` with ``input`` added at ``indices``, plane by plane."""


@linear(d={"input": "_max_pool_backward(g, indices, input.shape, dimensions)"}, public="")
def _max_pool_gather(input: Tensor, indices: Tensor, dimensions: int) -> Tensor:
    """What lies at ``indices``, plane by plane."""


@linear(d={"input": "_avg_pool_backward(g, input.shape, dimensions, kernel_size, stride, padding,"
                    " ceil_mode, count_include_pad, divisor_override)"}, public="",
        samples=[{"input": "randn(2, 3, 5, 4)", "dimensions": 2, "kernel_size": [2, 2],
                  "stride": [2, 1], "padding": [1, 0], "ceil_mode": True,
                  "count_include_pad": False, "divisor_override": None}])
def _avg_pool(input: Tensor, dimensions: int, kernel_size: list[int], stride: list[int] | None,
              padding: list[int], ceil_mode: bool, count_include_pad: bool,
              divisor_override: int | None) -> Tensor:
    """The mean of every window."""


@linear(d={"input": "_avg_pool(g, dimensions, kernel_size, stride, padding, ceil_mode,"
                    " count_include_pad, divisor_override)"}, public="")
def _avg_pool_backward(input: Tensor, size: list[int], dimensions: int, kernel_size: list[int],
                       stride: list[int] | None, padding: list[int], ceil_mode: bool,
                       count_include_pad: bool, divisor_override: int | None) -> Tensor:
    """The adjoint of ``_avg_pool``, of shape ``size``."""


@linear(d={"input": "_adaptive_avg_pool_backward(g, input.shape, dimensions)"}, public="",
        samples=[{"input": "randn(2, 3, 5, 4)", "dimensions": 2, "output_size": [2, 3]}])
def _adaptive_avg_pool(input: Tensor, dimensions: int, output_size: list[int]) -> Tensor:
    """The mean of every window."""


@linear(d={"input": "_adaptive_avg_pool_like(g, dimensions, input.shape)"}, public="")
def _adaptive_avg_pool_backward(input: Tensor, size: list[int], dimensions: int) -> Tensor:
    """The adjoint of ``_adaptive_avg_pool``, of shape ``size``."""


@opaque(public="", batch="through")
def _adaptive_avg_pool_like(input: Tensor, dimensions: int, size: list[int]) -> Tensor:
    """``_adaptive_avg_pool`` to the last ``dimensions`` sizes of ``size``."""


@opaque(public="function",
        samples=[{"input": "randn(2, 3, 5)", "kernel_size": 2},
                 {"input": "randn(3, 5)", "kernel_size": 3, "stride": 2, "padding": 1,
                  "ceil_mode": True}], batch="through")
def max_pool1d(input: Tensor, kernel_size: list[int], stride: list[int] | None = None,
               padding: list[int] = (0,), dilation: list[int] = (1,),
               ceil_mode: bool = False) -> Tensor:
    """The greatest value in every window of an input (N, C, L) or one without N.

    >>> wg.max_pool1d(wg.ones(1, 3, 8), 2).shape
    wengert.Size([1, 3, 4])
    """


@opaque(public="function",
        samples=[{"input": "randn(2, 3, 5)", "kernel_size": 2},
                 {"input": "randn(3, 5)", "kernel_size": 3, "stride": 2, "padding": 1,
                  "ceil_mode": True}], batch="through")
def max_pool1d_with_indices(input: Tensor, kernel_size: list[int],
                            stride: list[int] | None = None, padding: list[int] = (0,),
                            dilation: list[int] = (1,),
                            ceil_mode: bool = False) -> tuple[Tensor, Tensor]:
    """``max_pool1d``, and where in its plane each value is."""


@opaque(public="function",
        samples=[{"input": "randn(2, 3, 5)", "kernel_size": 2},
                 {"input": "randn(3, 5)", "kernel_size": 3, "stride": 2, "padding": 1,
                  "ceil_mode": True}], batch="through")
def avg_pool1d(input: Tensor, kernel_size: list[int], stride: list[int] | None = None,
               padding: list[int] = (0,), ceil_mode: bool = False,
               count_include_pad: bool = True) -> Tensor:
    """The mean of every window of an input (N, C, L) or one without N."""


@opaque(public="function",
        samples=[{"input": "randn(2, 3, 5)", "output_size": 2}], batch="through")
def adaptive_avg_pool1d(input: Tensor, output_size: list[int]) -> Tensor:
    """Means over windows chosen such that the output has ``output_size``."""


@opaque(public="function",
        samples=[{"input": "randn(2, 3, 5)", "output_size": 2}], batch="through")
def adaptive_max_pool1d(input: Tensor, output_size: list[int]) -> tuple[Tensor, Tensor]:
    """Greatest values over windows chosen such that the output has ``output_size``, and places."""


@opaque(public="function",
        samples=[{"input": "randn(2, 3, 5, 4)", "kernel_size": 2},
                 {"input": "randn(3, 5, 4)", "kernel_size": 3, "stride": 2, "padding": 1,
                  "ceil_mode": True}], batch="through")
def max_pool2d(input: Tensor, kernel_size: list[int], stride: list[int] | None = None,
               padding: list[int] = (0,), dilation: list[int] = (1,),
               ceil_mode: bool = False) -> Tensor:
    """The greatest value in every window of an input (N, C, H, W) or one without N.

    >>> wg.max_pool2d(wg.ones(1, 3, 8, 8), 2).shape
    wengert.Size([1, 3, 4, 4])
    """


@opaque(public="nn",
        samples=[{"input": "randn(2, 3, 5, 4)", "kernel_size": 2},
                 {"input": "randn(3, 5, 4)", "kernel_size": 3, "stride": 2, "padding": 1,
                  "ceil_mode": True}], batch="through")
def max_pool2d_with_indices(input: Tensor, kernel_size: list[int],
                            stride: list[int] | None = None, padding: list[int] = (0,),
                            dilation: list[int] = (1,),
                            ceil_mode: bool = False) -> tuple[Tensor, Tensor]:
    """``max_pool2d``, and where in its plane each value is."""


@opaque(public="nn",
        samples=[{"input": "randn(2, 3, 5, 4)", "kernel_size": 2},
                 {"input": "randn(3, 5, 4)", "kernel_size": 3, "stride": 2, "padding": 1,
                  "ceil_mode": True}], batch="through")
def avg_pool2d(input: Tensor, kernel_size: list[int], stride: list[int] | None = None,
               padding: list[int] = (0,), ceil_mode: bool = False,
               count_include_pad: bool = True,
               divisor_override: int | None = None) -> Tensor:
    """The mean of every window of an input (N, C, H, W) or one without N."""


@opaque(public="nn",
        samples=[{"input": "randn(2, 3, 5, 4)", "output_size": 2}], batch="through")
def adaptive_avg_pool2d(input: Tensor, output_size: list[int]) -> Tensor:
    """Means over windows chosen such that the output has ``output_size``."""


@opaque(public="nn",
        samples=[{"input": "randn(2, 3, 5, 4)", "output_size": 2}], batch="through")
def adaptive_max_pool2d(input: Tensor, output_size: list[int]) -> tuple[Tensor, Tensor]:
    """Greatest values over windows chosen such that the output has ``output_size``, and places."""


@opaque(autocast="high", public="function",
        samples=[{"input": "randn(2, 3, 5, 4, 3)", "kernel_size": 2},
                 {"input": "randn(3, 5, 4, 3)", "kernel_size": 3, "stride": 2, "padding": 1,
                  "ceil_mode": True}], batch="through")
def max_pool3d(input: Tensor, kernel_size: list[int], stride: list[int] | None = None,
               padding: list[int] = (0,), dilation: list[int] = (1,),
               ceil_mode: bool = False) -> Tensor:
    """The greatest value in every window of an input (N, C, D, H, W) or one without N.

    >>> wg.max_pool3d(wg.ones(1, 3, 8, 8, 8), 2).shape
    wengert.Size([1, 3, 4, 4, 4])
    """


@opaque(autocast="high", public="nn",
        samples=[{"input": "randn(2, 3, 5, 4, 3)", "kernel_size": 2},
                 {"input": "randn(3, 5, 4, 3)", "kernel_size": 3, "stride": 2, "padding": 1,
                  "ceil_mode": True}], batch="through")
def max_pool3d_with_indices(input: Tensor, kernel_size: list[int],
                            stride: list[int] | None = None, padding: list[int] = (0,),
                            dilation: list[int] = (1,),
                            ceil_mode: bool = False) -> tuple[Tensor, Tensor]:
    """``max_pool3d``, and where in its plane each value is."""


@opaque(autocast="high", public="nn",
        samples=[{"input": "randn(2, 3, 5, 4, 3)", "kernel_size": 2},
                 {"input": "randn(3, 5, 4, 3)", "kernel_size": 3, "stride": 2, "padding": 1,
                  "ceil_mode": True}], batch="through")
def avg_pool3d(input: Tensor, kernel_size: list[int], stride: list[int] | None = None,
               padding: list[int] = (0,), ceil_mode: bool = False,
               count_include_pad: bool = True,
               divisor_override: int | None = None) -> Tensor:
    """The mean of every window of an input (N, C, D, H, W) or one without N."""


@opaque(autocast="high", public="nn",
        samples=[{"input": "randn(2, 3, 5, 4, 3)", "output_size": 2}], batch="through")
def adaptive_avg_pool3d(input: Tensor, output_size: list[int]) -> Tensor:
    """Means over windows chosen such that the output has ``output_size``."""


@opaque(autocast="high", public="nn",
        samples=[{"input": "randn(2, 3, 5, 4, 3)", "output_size": 2}], batch="through")
def adaptive_max_pool3d(input: Tensor, output_size: list[int]) -> tuple[Tensor, Tensor]:
    """Greatest values over windows chosen such that the output has ``output_size``, and places."""
