"""Averages of a model's weights over training: equal (SWA) or fading (EMA).

Sources: Izmailov et al. (2018), https://arxiv.org/abs/1803.05407; Polyak and Juditsky (1992).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from typing import Any

import wengert as wg
from wengert import nn

from ._lr_base import LRScheduler, per_group
from .optimizer import Optimizer

__all__ = [
    "SWALR",
    "AveragedModel",
    "get_ema_avg_fn",
    "get_ema_multi_avg_fn",
    "get_swa_avg_fn",
    "get_swa_multi_avg_fn",
    "update_bn",
]

Update = Callable[[wg.Tensor, wg.Tensor, Any], wg.Tensor]
MultiUpdate = Callable[[Sequence[wg.Tensor], Sequence[wg.Tensor], Any], None]


def _check_decay(decay: float) -> None:
    if not 0.0 <= decay <= 1.0:
        raise ValueError(
            f"Invalid decay value {decay} provided. Please provide a value in [0,1] range."
        )


def _move(average: wg.Tensor, current: wg.Tensor, share: float) -> None:
    """Moves an average towards a value by a share of the way, in place."""
    if average.is_floating_point() or average.is_complex():
        average.lerp_(current, share)
    else:
        average.copy_(average * (1 - share) + current * share)


def get_ema_multi_avg_fn(decay: float = 0.999) -> MultiUpdate:
    """The update ``average = decay * average + (1 - decay) * value`` of a list, in place."""
    _check_decay(decay)

    @wg.no_grad()
    def ema_update(
        averages: Sequence[wg.Tensor], values: Sequence[wg.Tensor], num_averaged: Any
    ) -> None:
        for average, value in zip(averages, values, strict=True):
            _move(average, value, 1 - decay)

    return ema_update


def get_swa_multi_avg_fn() -> MultiUpdate:
    """The update of equal averages of a list, ``num_averaged`` values so far, in place."""

    @wg.no_grad()
    def swa_update(
        averages: Sequence[wg.Tensor], values: Sequence[wg.Tensor], num_averaged: Any
    ) -> None:
        for average, value in zip(averages, values, strict=True):
            _move(average, value, 1 / (int(num_averaged) + 1))

    return swa_update


def get_ema_avg_fn(decay: float = 0.999) -> Update:
    """The update ``decay * average + (1 - decay) * value`` of one tensor."""
    _check_decay(decay)

    @wg.no_grad()
    def ema_update(average: wg.Tensor, value: wg.Tensor, num_averaged: Any) -> wg.Tensor:
        return decay * average + (1 - decay) * value

    return ema_update


def get_swa_avg_fn() -> Update:
    """The update of the equal average of one tensor, ``num_averaged`` values so far."""

    @wg.no_grad()
    def swa_update(average: wg.Tensor, value: wg.Tensor, num_averaged: Any) -> wg.Tensor:
        return average + (value - average) / (num_averaged + 1)

    return swa_update


class AveragedModel(nn.Module):
    """A copy of a model that holds the average of its parameters.

    Args:
        model: what to copy.
        device: where to keep the copy; that of the model if None.
        avg_fn: ``(average, value, num_averaged)`` to the new average, per tensor; the equal
            average if neither function is given.
        multi_avg_fn: ``(averages, values, num_averaged)``, which changes all averages in place.
        use_buffers: average the buffers too, instead of copying the newest.

    >>> import wengert as wg
    >>> model = wg.nn.Linear(1, 1, bias=False)
    >>> average = wg.optim.swa_utils.AveragedModel(model)
    >>> for value in (1.0, 3.0):
    ...     _ = wg.nn.init.constant_(model.weight, value)
    ...     average.update_parameters(model)
    >>> average.module.weight.item()
    2.0
    """

    n_averaged: wg.Tensor

    def __init__(
        self,
        model: nn.Module,
        device: Any = None,
        avg_fn: Update | None = None,
        multi_avg_fn: MultiUpdate | None = None,
        use_buffers: bool = False,
    ) -> None:
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise AssertionError("Only one of avg_fn and multi_avg_fn should be provided")
        self.module = deepcopy(model)
        if device is not None:
            self.module = self.module.to(device)
        self.register_buffer("n_averaged", wg.tensor(0, dtype=wg.int64))
        self.avg_fn = avg_fn
        self.multi_avg_fn = multi_avg_fn
        self.use_buffers = use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Calls the averaged model."""
        return self.module(*args, **kwargs)

    def update_parameters(self, model: nn.Module) -> None:
        """Takes the model's present parameters into the average."""

        def tensors(module: nn.Module) -> Iterable[wg.Tensor]:
            if self.use_buffers:
                return itertools.chain(module.parameters(), module.buffers())
            return module.parameters()

        averages = [p.detach() for p in tensors(self.module)]
        values = [
            p.detach().to(average.device)
            for p, average in zip(tensors(model), averages, strict=True)
        ]
        if self.n_averaged == 0:
            for average, value in zip(averages, values, strict=True):
                average.copy_(value)
        elif self.multi_avg_fn is not None:
            self.multi_avg_fn(averages, values, self.n_averaged)
        else:
            update = self.avg_fn or get_swa_avg_fn()
            for average, value in zip(averages, values, strict=True):
                average.copy_(update(average, value, self.n_averaged))
        if not self.use_buffers:
            for ours, theirs in zip(self.module.buffers(), model.buffers(), strict=True):
                ours.detach().copy_(theirs.detach())
        self.n_averaged += 1


@wg.no_grad()
def update_bn(loader: Iterable[Any], model: nn.Module, device: Any = None) -> None:
    """Computes the running statistics of all batch norms anew, in one pass over the data.

    Args:
        loader: gives inputs, or lists and tuples that begin with one.
        model: whose batch norms to set; averaged weights need other statistics.
        device: where to move the inputs.
    """
    norms = {
        module: module.momentum
        for module in model.modules()
        if isinstance(module, nn.modules.batchnorm._BatchNorm)
    }
    if not norms:
        return
    was_training = model.training
    model.train()
    try:
        for module in norms:
            module.reset_running_stats()
            module.momentum = None  # the equal average over all batches
        for batch in loader:
            if isinstance(batch, list | tuple):
                batch = batch[0]
            model(batch if device is None else batch.to(device))
    finally:
        for module, momentum in norms.items():
            module.momentum = momentum
        model.train(was_training)


class SWALR(LRScheduler):
    """The rate goes to ``swa_lr`` within ``anneal_epochs``, then stays.

    Args:
        optimizer: whose learning rates to set.
        swa_lr: the rate to reach; one for all groups or a list.
        anneal_epochs: how long it takes.
        anneal_strategy: "cos" or "linear".
        last_epoch: how far the schedule had come; -1 begins it.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        swa_lr: float | list[float],
        anneal_epochs: int = 10,
        anneal_strategy: str = "cos",
        last_epoch: int = -1,
    ) -> None:
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(
                f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}"
            )
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(f"anneal_epochs must be equal or greater than 0, got {anneal_epochs}")
        rates = per_group("swa_lr", optimizer, swa_lr)
        for rate, group in zip(rates, optimizer.param_groups, strict=True):
            group["swa_lr"] = rate
        self._anneal_strategy = anneal_strategy
        self.anneal_epochs = anneal_epochs
        super().__init__(optimizer, last_epoch)

    def _part(self, step: int) -> float:
        t = max(0, min(1, step / max(1, self.anneal_epochs)))
        return t if self._anneal_strategy == "linear" else (1 - math.cos(math.pi * t)) / 2

    def get_lr(self) -> list[Any]:
        """The learning rates for ``last_epoch``."""
        self._warn_outside_step()
        step = self._step_count - 1
        if self.anneal_epochs == 0:
            step = max(1, step)
        before, now = self._part(step - 1), self._part(step)
        values = []
        for group in self.optimizer.param_groups:
            lr, aim = group["lr"], group["swa_lr"]
            start = aim if before == 1 else (lr - before * aim) / (1 - before)
            values.append(aim * now + start * (1 - now))
        return values
