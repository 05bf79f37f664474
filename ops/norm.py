"""Normalisation.

This file is parsed by tools/opgen and never imported. The adjoints run as one kernel; where a graph
of the backward pass is recorded they are written out of other operators instead.
"""

from opgen.stubs import Tensor, opaque


@opaque(public="nn", samples=[
    {"input": "randn(4, 3)", "running_mean": "None", "running_var": "None", "weight": "rand(3)",
     "bias": "randn(3)", "training": True},
    {"input": "randn(2, 3, 4)", "running_mean": "None", "running_var": "None", "weight": "None",
     "bias": "None", "training": True},
    {"input": "randn(2, 3, 2, 2)", "running_mean": "randn(3)", "running_var": "rand(3) + 0.5",
     "weight": "rand(3)", "bias": "randn(3)", "training": False}], batch="through")
def batch_norm(input: Tensor, running_mean: Tensor | None, running_var: Tensor | None,
               weight: Tensor | None = None, bias: Tensor | None = None, training: bool = False,
               momentum: float = 0.1, eps: float = 1e-05) -> Tensor:
    """Every channel (dimension 1) normalised over all other dimensions: S. Ioffe and C. Szegedy.

    In training with the batch's own mean and variance, towards which the running ones move by
    ``momentum``, in place; otherwise with the running ones.

    >>> wg.nn.functional.batch_norm(wg.tensor([[1.0], [3.0]]), None, None, training=True)
    tensor([[-1.0000],
            [ 1.0000]])
    """


@opaque(node="NativeBatchNorm", d={"input, weight, bias": "_batch_norm_vjp(g0, input, weight, y1, y2, training, eps, "
           "needs('input'), needs('weight'), needs('bias'))"}, public="", batch="rule")
def _batch_norm(input: Tensor, weight: Tensor | None, bias: Tensor | None,
                running_mean: Tensor | None, running_var: Tensor | None, training: bool,
                momentum: float, eps: float) -> tuple[Tensor, Tensor, Tensor]:
    """``batch_norm``, and the mean and reciprocal standard deviation that were used."""


@opaque(public="", batch="through")
def _batch_norm_vjp(grad: Tensor, input: Tensor, weight: Tensor | None, mean: Tensor,
                    rstd: Tensor, training: bool, eps: float, want_input: bool,
                    want_weight: bool, want_bias: bool) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of input, weight and bias, each if it is wanted."""


@opaque(public="function", samples=[
    {"input": "randn(4, 3)", "normalized_shape": [3], "weight": "rand(3)", "bias": "randn(3)"},
    {"input": "randn(2, 3, 4)", "normalized_shape": [3, 4], "weight": "rand(3, 4)",
     "bias": "None"},
    {"input": "randn(5)", "normalized_shape": [5], "weight": "None", "bias": "None"}], batch="through")
def layer_norm(input: Tensor, normalized_shape: list[int], weight: Tensor | None = None,
               bias: Tensor | None = None, eps: float = 1e-05,
               cudnn_enable: bool = True) -> Tensor:
    """Normalised over the last dimensions, of ``normalized_shape``: J. L. Ba et al. (2016).

    >>> wg.layer_norm(wg.tensor([1.0, 3.0]), (2,))
    tensor([-1.0000,  1.0000])
    """


@opaque(public="function", samples=[
    {"input": "randn(4, 3)", "normalized_shape": [3], "weight": "rand(3)"},
    {"input": "randn(2, 3, 4)", "normalized_shape": [3, 4], "weight": "None", "eps": 0.01}], batch="through")
def rms_norm(input: Tensor, normalized_shape: list[int], weight: Tensor | None = None,
             eps: float | None = None) -> Tensor:
    """``input`` divided by its root mean square over the last dimensions.

    ``eps``, by default the spacing of numbers at 1, is added to the mean square. B. Zhang and
    R. Sennrich (2019).

    >>> wg.rms_norm(wg.tensor([2.0, -2.0]), (2,))
    tensor([ 1., -1.])
    """


@opaque(node="NativeLayerNorm", d={"input, weight, bias": "_row_norm_vjp(g0, input, weight, y1, y2, dims, centered, eps, "
           "needs('input'), needs('weight'), needs('bias'))"}, public="", batch="rule")
def _row_norm(input: Tensor, weight: Tensor | None, bias: Tensor | None, dims: int,
              centered: bool, eps: float) -> tuple[Tensor, Tensor, Tensor]:
    """Normalised over the last ``dims`` dimensions, with the mean (empty if not centered) and the
    reciprocal deviation of every row."""


@opaque(public="", batch="through")
def _row_norm_vjp(grad: Tensor, input: Tensor, weight: Tensor | None, mean: Tensor, rstd: Tensor,
                  dims: int, centered: bool, eps: float, want_input: bool, want_weight: bool,
                  want_bias: bool) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of input, weight and bias, each if it is wanted."""


@opaque(node="NativeGroupNorm", d={"input, weight, bias": "_group_norm_vjp(g0, input, weight, y1, y2, eps, "
           "needs('input'), needs('weight'), needs('bias'))"}, public="", batch="rule")
def _group_norm(input: Tensor, weight: Tensor | None, bias: Tensor | None,
                eps: float) -> tuple[Tensor, Tensor, Tensor]:
    """``input`` (N, G, C, S) normalised over C and S and scaled by ``weight`` (G, C), with the mean
    and the reciprocal deviation (N, G)."""


@opaque(public="", batch="through")
def _group_norm_vjp(grad: Tensor, input: Tensor, weight: Tensor | None, mean: Tensor, rstd: Tensor,
                    eps: float, want_input: bool, want_weight: bool,
                    want_bias: bool) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of input, weight and bias, each if it is wanted."""


@opaque(public="function", samples=[
    {"input": "randn(2, 4)", "num_groups": 2, "weight": "rand(4)", "bias": "randn(4)"},
    {"input": "randn(2, 6, 3, 2)", "num_groups": 3, "weight": "None", "bias": "None"}], batch="through")
def group_norm(input: Tensor, num_groups: int, weight: Tensor | None = None,
               bias: Tensor | None = None, eps: float = 1e-05,
               cudnn_enabled: bool = True) -> Tensor:
    """Channels (dimension 1) normalised in groups, with all that follows: Y. Wu and K. He (2018).

    >>> wg.group_norm(wg.tensor([[1.0, 3.0]]), 1)
    tensor([[-1.0000,  1.0000]])
    """


@opaque(public="function", samples=[
    {"input": "randn(2, 3, 4)", "weight": "rand(3)", "bias": "randn(3)", "running_mean": "None",
     "running_var": "None", "use_input_stats": True, "momentum": 0.1, "eps": 1e-05}], batch="through")
def instance_norm(input: Tensor, weight: Tensor | None, bias: Tensor | None,
                  running_mean: Tensor | None, running_var: Tensor | None, use_input_stats: bool,
                  momentum: float, eps: float, cudnn_enabled: bool = True) -> Tensor:
    """Every channel of every sample normalised by itself: D. Ulyanov et al. (2016).

    >>> x = wg.tensor([[[1.0, 3.0]]])
    >>> wg.instance_norm(x, None, None, None, None, True, 0.1, 1e-5)
    tensor([[[-1.0000,  1.0000]]])
    """
