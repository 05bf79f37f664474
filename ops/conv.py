"""Convolutions over one to three spatial dimensions.

This file is parsed by tools/opgen and never imported. A convolution is linear in its input and in
its weight, and so are its two adjoints: the derivatives of each of the three are the other two.
"""

from opgen.stubs import Tensor, bilinear, opaque


@bilinear(d={"input": "_convolution_input(g, _conjugate(weight), None, input.shape, stride,"
                      " padding, dilation, groups)",
             "weight, bias": "_convolution_parameters(_conjugate(input), g, weight.shape, stride,"
                             " padding, dilation, groups, needs('bias'))"}, public="",
          samples=[{"input": "randn(2, 4, 5, 6)", "weight": "randn(6, 2, 3, 2)",
                    "bias": "randn(6)", "stride": [2, 1], "padding": [1, 0], "dilation": [1, 2],
                    "groups": 2},
                   {"input": "randn(2, 2, 5)", "weight": "randn(3, 2, 2)", "bias": "None",
                    "stride": [2], "padding": [0], "dilation": [1], "groups": 1}], batch="rule")
def _convolution(input: Tensor, weight: Tensor, bias: Tensor | None, stride: list[int],
                 padding: list[int], dilation: list[int], groups: int) -> Tensor:
    """The convolution of a batch; every list has one number per spatial dimension."""


@bilinear(node="Convolution", d={"input": "_cropped(_convolution(g, _conjugate(weight), None, stride, padding,"
                      " dilation, groups), input.shape)",
             "weight": "_convolution_weight(g, _conjugate(input), weight.shape, stride, padding,"
                       " dilation, groups)",
             "bias": "_channel_sum(g)"}, public="",
          samples=[{"input": "randn(2, 6, 3, 4)", "weight": "randn(6, 2, 3, 2)", "bias": "None",
                    "size": [2, 4, 5, 6], "stride": [2, 1], "padding": [1, 0],
                    "dilation": [1, 2], "groups": 2},
                   {"input": "randn(2, 3, 2)", "weight": "randn(3, 2, 2)", "bias": "randn(2)",
                    "size": [2, 2, 5], "stride": [2], "padding": [0], "dilation": [1],
                    "groups": 1}], batch="rule")
def _convolution_input(input: Tensor, weight: Tensor, bias: Tensor | None, size: list[int],
                       stride: list[int], padding: list[int], dilation: list[int],
                       groups: int) -> Tensor:
    """The adjoint of ``_convolution`` in its input, of shape ``size``: a transposed convolution."""


@bilinear(d={"input": "_convolution_input(_conjugate(grad_output), g0, None, input.shape, stride,"
                      " padding, dilation, groups)",
             "grad_output": "_cropped(_convolution(_conjugate(input), g0, g1, stride, padding,"
                            " dilation, groups), grad_output.shape)"}, public="",
          samples=[{"input": "randn(2, 4, 5, 6)", "grad_output": "randn(2, 6, 3, 4)",
                    "size": [6, 2, 3, 2], "stride": [2, 1], "padding": [1, 0],
                    "dilation": [1, 2], "groups": 2, "with_bias": True}], batch="rule", jvp="generic")
def _convolution_parameters(input: Tensor, grad_output: Tensor, size: list[int],
                            stride: list[int], padding: list[int], dilation: list[int],
                            groups: int, with_bias: bool) -> tuple[Tensor, Tensor]:
    """The adjoint of ``_convolution`` in its weight, of shape ``size``, and in its bias.

    Zeros stand for the latter where it is not wanted.
    """


@opaque(public="", batch="through")
def _convolution_weight(input: Tensor, grad_output: Tensor, size: list[int], stride: list[int],
                        padding: list[int], dilation: list[int], groups: int) -> Tensor:
    """The first result of ``_convolution_parameters``, alone."""


@opaque(public="", batch="through")
def _channel_sum(input: Tensor) -> Tensor:
    """The sum over all dimensions but 1, the channels."""


@opaque(public="", batch="through")
def _cropped(input: Tensor, size: list[int]) -> Tensor:
    """The first ``size`` elements of every dimension."""


@opaque(public="function",
        samples=[{"input": "randn(2, 3, 5, 4)", "weight": "randn(2, 3, 3, 3)",
                  "bias": "randn(2)", "stride": [2, 1], "padding": [1, 1], "dilation": [1, 1],
                  "transposed": False, "output_padding": [0, 0], "groups": 1},
                 {"input": "randn(2, 3, 5)", "weight": "randn(3, 2, 3)", "bias": "None",
                  "stride": [2], "padding": [1], "dilation": [1], "transposed": True,
                  "output_padding": [1], "groups": 1}], batch="through")
def convolution(input: Tensor, weight: Tensor, bias: Tensor | None, stride: list[int],
                padding: list[int], dilation: list[int], transposed: bool,
                output_padding: list[int], groups: int) -> Tensor:
    """A convolution, or a transposed one, over one to three spatial dimensions."""


@opaque(autocast="low", public="function",
        samples=[{"input": "randn(2, 3, 5)", "weight": "randn(2, 3, 3)", "bias": "randn(2)"},
                 {"input": "randn(4, 5)", "weight": "randn(2, 2, 3)", "stride": 2, "padding": 1,
                  "groups": 2},
                 {"input": "randn(0, 3, 5)", "weight": "randn(2, 3, 3)"}], batch="through")
def conv1d(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: list[int] = (1,),
           padding: list[int] = (0,), dilation: list[int] = (1,), groups: int = 1) -> Tensor:
    """Cross-correlation over one spatial dimension, of an input (N, C, L) or one without N.

    ``weight`` is (out_channels, C / groups, kernel...). Sizes are one number or one per dimension.

    >>> wg.conv1d(wg.ones(1, 3, 8), wg.ones(2, 3, 3)).shape
    wengert.Size([1, 2, 6])
    """


@opaque(autocast="low", public="function",
        samples=[{"input": "randn(2, 3, 5, 4)", "weight": "randn(2, 3, 3, 2)", "bias": "randn(2)"},
                 {"input": "randn(4, 5, 4)", "weight": "randn(2, 2, 3, 2)", "stride": 2, "padding": 1,
                  "groups": 2},
                 {"input": "randn(0, 3, 5, 4)", "weight": "randn(2, 3, 3, 2)"}], batch="through")
def conv2d(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: list[int] = (1,),
           padding: list[int] = (0,), dilation: list[int] = (1,), groups: int = 1) -> Tensor:
    """Cross-correlation over two spatial dimensions, of an input (N, C, H, W) or one without N.

    ``weight`` is (out_channels, C / groups, kernel...). Sizes are one number or one per dimension.

    >>> wg.conv2d(wg.ones(1, 3, 8, 8), wg.ones(2, 3, 3, 3)).shape
    wengert.Size([1, 2, 6, 6])
    """


@opaque(autocast="low", public="function",
        samples=[{"input": "randn(2, 3, 5, 4, 3)", "weight": "randn(2, 3, 3, 2, 2)", "bias": "randn(2)"},
                 {"input": "randn(4, 5, 4, 3)", "weight": "randn(2, 2, 3, 2, 2)", "stride": 2, "padding": 1,
                  "groups": 2},
                 {"input": "randn(0, 3, 5, 4, 3)", "weight": "randn(2, 3, 3, 2, 2)"}], batch="through")
def conv3d(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: list[int] = (1,),
           padding: list[int] = (0,), dilation: list[int] = (1,), groups: int = 1) -> Tensor:
    """Cross-correlation over three spatial dimensions, of an input (N, C, D, H, W) or one without N.

    ``weight`` is (out_channels, C / groups, kernel...). Sizes are one number or one per dimension.

    >>> wg.conv3d(wg.ones(1, 3, 8, 8, 8), wg.ones(2, 3, 3, 3, 3)).shape
    wengert.Size([1, 2, 6, 6, 6])
    """


@opaque(autocast="low", public="function",
        samples=[{"input": "randn(2, 3, 5)", "weight": "randn(3, 2, 3)", "bias": "randn(2)"},
                 {"input": "randn(4, 5)", "weight": "randn(4, 2, 3)", "stride": 2, "padding": 1,
                  "output_padding": 1, "groups": 2}], batch="through")
def conv_transpose1d(input: Tensor, weight: Tensor, bias: Tensor | None = None,
                     stride: list[int] = (1,), padding: list[int] = (0,),
                     output_padding: list[int] = (0,), groups: int = 1,
                     dilation: list[int] = (1,)) -> Tensor:
    """The adjoint of ``conv1d`` in its input, of an input (N, C, L) or one without N.

    ``weight`` is (C, out_channels / groups, kernel...).

    >>> wg.conv_transpose1d(wg.ones(1, 3, 8), wg.ones(3, 2, 3)).shape
    wengert.Size([1, 2, 10])
    """


@opaque(autocast="low", public="function",
        samples=[{"input": "randn(2, 3, 5, 4)", "weight": "randn(3, 2, 3, 2)", "bias": "randn(2)"},
                 {"input": "randn(4, 5, 4)", "weight": "randn(4, 2, 3, 2)", "stride": 2, "padding": 1,
                  "output_padding": 1, "groups": 2}], batch="through")
def conv_transpose2d(input: Tensor, weight: Tensor, bias: Tensor | None = None,
                     stride: list[int] = (1,), padding: list[int] = (0,),
                     output_padding: list[int] = (0,), groups: int = 1,
                     dilation: list[int] = (1,)) -> Tensor:
    """The adjoint of ``conv2d`` in its input, of an input (N, C, H, W) or one without N.

    ``weight`` is (C, out_channels / groups, kernel...).

    >>> wg.conv_transpose2d(wg.ones(1, 3, 8, 8), wg.ones(3, 2, 3, 3)).shape
    wengert.Size([1, 2, 10, 10])
    """


@opaque(autocast="low", public="function",
        samples=[{"input": "randn(2, 3, 5, 4, 3)", "weight": "randn(3, 2, 3, 2, 2)", "bias": "randn(2)"},
                 {"input": "randn(4, 5, 4, 3)", "weight": "randn(4, 2, 3, 2, 2)", "stride": 2, "padding": 1,
                  "output_padding": 1, "groups": 2}], batch="through")
def conv_transpose3d(input: Tensor, weight: Tensor, bias: Tensor | None = None,
                     stride: list[int] = (1,), padding: list[int] = (0,),
                     output_padding: list[int] = (0,), groups: int = 1,
                     dilation: list[int] = (1,)) -> Tensor:
    """The adjoint of ``conv3d`` in its input, of an input (N, C, D, H, W) or one without N.

    ``weight`` is (C, out_channels / groups, kernel...).

    >>> wg.conv_transpose3d(wg.ones(1, 3, 8, 8, 8), wg.ones(3, 2, 3, 3, 3)).shape
    wengert.Size([1, 2, 10, 10, 10])
    """
