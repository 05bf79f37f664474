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
               exp_avg_sqs: list[Tensor], max_exp_avg_sqs: list[Tensor], steps: list[Tensor],
               lr: float, beta1: float, beta2: float, eps: float, weight_decay: float,
               amsgrad: bool, maximize: bool, decoupled_weight_decay: bool) -> list[Tensor]:
    """A step of Adam or AdamW. ``steps``, here and below, are counters that go up by one.

    Returns nothing."""


@opaque(public="", batch="refuse")
def _adamax_step(params: list[Tensor], grads: list[Tensor], exp_avgs: list[Tensor],
                 exp_infs: list[Tensor], steps: list[Tensor], lr: float, beta1: float,
                 beta2: float, eps: float, weight_decay: float, maximize: bool) -> list[Tensor]:
    """A step of Adamax. Returns nothing."""


@opaque(public="", batch="refuse")
def _nadam_step(params: list[Tensor], grads: list[Tensor], exp_avgs: list[Tensor],
                exp_avg_sqs: list[Tensor], mu_products: list[Tensor], steps: list[Tensor],
                lr: float, beta1: float, beta2: float, eps: float, weight_decay: float,
                momentum_decay: float, decoupled_weight_decay: bool,
                maximize: bool) -> list[Tensor]:
    """A step of NAdam. Returns nothing."""


@opaque(public="", batch="refuse")
def _radam_step(params: list[Tensor], grads: list[Tensor], exp_avgs: list[Tensor],
                exp_avg_sqs: list[Tensor], steps: list[Tensor], lr: float, beta1: float,
                beta2: float, eps: float, weight_decay: float, decoupled_weight_decay: bool,
                maximize: bool) -> list[Tensor]:
    """A step of RAdam. Returns nothing."""


@opaque(public="", batch="refuse")
def _adagrad_step(params: list[Tensor], grads: list[Tensor], sums: list[Tensor],
                  steps: list[Tensor], lr: float, lr_decay: float, weight_decay: float,
                  eps: float, maximize: bool) -> list[Tensor]:
    """A step of Adagrad. Returns nothing."""


@opaque(public="", batch="refuse")
def _adadelta_step(params: list[Tensor], grads: list[Tensor], square_avgs: list[Tensor],
                   acc_deltas: list[Tensor], steps: list[Tensor], lr: float, rho: float,
                   eps: float, weight_decay: float, maximize: bool) -> list[Tensor]:
    """A step of Adadelta. Returns nothing."""


@opaque(public="", batch="refuse")
def _rmsprop_step(params: list[Tensor], grads: list[Tensor], square_avgs: list[Tensor],
                  grad_avgs: list[Tensor], momentum_buffers: list[Tensor], steps: list[Tensor],
                  lr: float, alpha: float, eps: float, weight_decay: float, momentum: float,
                  maximize: bool) -> list[Tensor]:
    """A step of RMSprop, centered if there are ``grad_avgs``. Returns nothing."""


@opaque(public="", batch="refuse")
def _rprop_step(params: list[Tensor], grads: list[Tensor], prevs: list[Tensor],
                step_sizes: list[Tensor], steps: list[Tensor], eta_minus: float, eta_plus: float,
                least: float, most: float, maximize: bool) -> list[Tensor]:
    """A step of Rprop. Returns nothing."""


@opaque(public="", batch="refuse")
def _asgd_step(params: list[Tensor], grads: list[Tensor], axs: list[Tensor], mus: list[Tensor],
               etas: list[Tensor], steps: list[Tensor], lr: float, lambd: float, alpha: float,
               t0: float, weight_decay: float, maximize: bool) -> list[Tensor]:
    """A step of ASGD. Returns nothing."""


@opaque(public="", batch="refuse")
def _adafactor_step(params: list[Tensor], grads: list[Tensor], variances: list[Tensor | None],
                    row_vars: list[Tensor | None], col_vars: list[Tensor | None],
                    steps: list[Tensor], lr: float, beta2_decay: float, eps1: float | None,
                    eps2: float, d: float, weight_decay: float, maximize: bool) -> list[Tensor]:
    """A step of Adafactor. A parameter has either a variance or the factors of one.

    Returns nothing."""


@opaque(public="", batch="refuse")
def _muon_step(params: list[Tensor], grads: list[Tensor], buffers: list[Tensor], lr: float,
               weight_decay: float, momentum: float, nesterov: bool, a: float, b: float, c: float,
               eps: float, ns_steps: int, match_rms: bool) -> list[Tensor]:
    """A step of Muon, whose iteration has the coefficients ``a``, ``b`` and ``c``.

    Returns nothing."""


@opaque(public="", batch="refuse")
def _flatten_parameters(tensors: list[Tensor | None], params: list[Tensor]) -> Tensor:
    """The values of ``tensors``, which have the shapes of ``params``, as one vector.

    Complex numbers are pairs. What is None is zero."""


@opaque(public="", batch="refuse")
def _move_parameters(params: list[Tensor], from_: Tensor | None, direction: Tensor,
                     length: float) -> list[Tensor]:
    """Writes ``from_ + length * direction`` to the parameters; without ``from_``, adds to them.

    Returns nothing."""


@opaque(public="", batch="refuse")
def _lbfgs_direction(grad: Tensor, previous_grad: Tensor, direction: Tensor, length: float,
                     changes: list[Tensor], moves: list[Tensor], weights: list[Tensor],
                     scale: float, history_size: int) -> list[Tensor]:
    """The direction of the next step of L-BFGS.

    If the curvature along the last step is positive, the change of the gradient, that step, its
    weight and the scale of the inverse Hessian follow; the oldest of ``history_size`` goes."""
