"""Optimizer steps: one call changes all parameters of a group, in place.

This file is parsed by tools/opgen and never imported. The arithmetic is documented where it is
used, in src/wengert/optim.
"""

from opgen.stubs import Tensor, opaque


@opaque(public="", batch="refuse")
def _sgd_step(params: list[Tensor], grads: list[Tensor], buffers: list[Tensor], lr: float,
              momentum: float, dampening: float, weight_decay: float, nesterov: bool,
              maximize: bool, first: bool) -> list[Tensor]:
    """A step of SGD; ``first`` fills the momentum buffers, which are empty without momentum.

    Returns nothing."""


@opaque(public="", batch="refuse")
def _adam_step(params: list[Tensor], grads: list[Tensor], exp_avgs: list[Tensor],
               exp_avg_sqs: list[Tensor], max_exp_avg_sqs: list[Tensor], steps: list[int],
               lr: float, beta1: float, beta2: float, eps: float, weight_decay: float,
               amsgrad: bool, maximize: bool, decoupled_weight_decay: bool) -> list[Tensor]:
    """A step of Adam or AdamW. ``steps`` counts this one.

    Returns nothing."""
