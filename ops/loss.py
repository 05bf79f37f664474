"""Losses: classification in one kernel each way, and the mean squared error.

This file is parsed by tools/opgen and never imported. `reduction` is "none", "mean" or "sum".
"""

from opgen.stubs import Tensor, opaque


@opaque(autocast="high", public="nn", samples=[
    {"input": "randn(4, 3)", "target": "randint(0, 3, (4,))"},
    {"input": "randn(2, 3, 4)", "target": "randint(0, 3, (2, 4))", "weight": "rand(3)",
     "reduction": "'none'"},
    {"input": "randn(3)", "target": "randint(0, 3, ())", "reduction": "'sum'"}], batch="through")
def nll_loss(input: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int = -100,
             reduction: str = "mean") -> Tensor:
    """The negative of ``input``, log probabilities [N, C, ...], at the target classes [N, ...].

    >>> wg.nn.functional.nll_loss(wg.tensor([[-1.0, -2.0]]), wg.tensor([1]))
    tensor(2.)
    """


@opaque(d={"input": "_nll_loss_vjp(g0, target, weight, y1, input.shape, ignore_index, reduction)"},
        public="", batch="rule", jvp={"input": "nll_loss(t, target, weight, ignore_index, reduction)"})
def _nll_loss(input: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int,
              reduction: str) -> tuple[Tensor, Tensor]:
    """``nll_loss``, and the sum of the weights of the targets that count."""


@opaque(d={"grad": "nll_loss(g, target, weight, ignore_index, reduction)"}, public="", batch="rule")
def _nll_loss_vjp(grad: Tensor, target: Tensor, weight: Tensor | None, total_weight: Tensor,
                  size: list[int], ignore_index: int, reduction: str) -> Tensor:
    """The gradient of the log probabilities."""


@opaque(autocast="high", public="nn", samples=[
    {"input": "randn(4, 3)", "target": "randint(0, 3, (4,))"},
    {"input": "randn(2, 3, 4)", "target": "randint(0, 3, (2, 4))", "weight": "rand(3)",
     "label_smoothing": 0.1},
    {"input": "randn(3)", "target": "randint(0, 3, ())", "reduction": "'sum'"},
    {"input": "randn(4, 3)", "target": "rand(4, 3)", "weight": "rand(3)",
     "label_smoothing": 0.1}], batch="through")
def cross_entropy(input: Tensor, target: Tensor, weight: Tensor | None = None,
                  ignore_index: int = -100, reduction: str = "mean",
                  label_smoothing: float = 0.0) -> Tensor:
    """``nll_loss(log_softmax(input, 1), target)``; ``target`` holds classes or probabilities.

    >>> wg.nn.functional.cross_entropy(wg.tensor([[0.0, 0.0]]), wg.tensor([1]))
    tensor(0.6931)
    """


@opaque(d={"input": "_cross_entropy_vjp(g0, input, target, weight, y1, y2, ignore_index, "
                    "reduction, label_smoothing)"}, public="", batch="rule")
def _cross_entropy(input: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int,
                   reduction: str, label_smoothing: float) -> tuple[Tensor, Tensor, Tensor]:
    """``cross_entropy`` with classes, the logarithms of the sums of exponentials, and the sum of
    the weights of the targets that count."""


@opaque(public="", batch="through")
def _cross_entropy_vjp(grad: Tensor, input: Tensor, target: Tensor, weight: Tensor | None,
                       log_sum_exp: Tensor, total_weight: Tensor, ignore_index: int,
                       reduction: str, label_smoothing: float) -> Tensor:
    """``(softmax(input) - target distribution) * grad``."""


@opaque(autocast="high", public="nn", samples=[
    {"input": "randn(4, 3)", "target": "randn(4, 3)"},
    {"input": "randn(3)", "target": "randn(3)", "reduction": "'sum'"},
    {"input": "randn(2, 3)", "target": "randn(2, 3)", "reduction": "'none'"}], batch="through")
def mse_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """``(input - target)**2``.

    >>> wg.nn.functional.mse_loss(wg.tensor([1.0, 2.0]), wg.tensor([1.0, 4.0]))
    tensor(2.)
    """
