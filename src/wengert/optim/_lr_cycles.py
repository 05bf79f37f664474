"""Schedules that go up and down, some with the momentum against them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ._lr_base import (
    LRScheduler,
    check_optimizer,
    per_group,
    set_momentum,
    set_option,
    state_of,
    uses_beta1,
)
from .optimizer import Optimizer

__all__ = ["CosineAnnealingWarmRestarts", "CyclicLR", "OneCycleLR"]


class CyclicLR(LRScheduler):
    """The rate goes between two bounds in straight lines; call :meth:`step` after every batch.

    Args:
        optimizer: whose learning rates to set.
        base_lr: the lower bound; one for all groups or a list.
        max_lr: the upper bound.
        step_size_up: the steps that the way up takes.
        step_size_down: the steps that the way down takes; as many if None.
        mode: "triangular"; "triangular2" halves the height every cycle; "exp_range" multiplies it
            by ``gamma**step``.
        gamma: see ``mode``.
        scale_fn: the height's factor as a function of the cycle or the step, in place of a mode.
        scale_mode: "cycle" or "iterations": what ``scale_fn`` is given.
        cycle_momentum: let the momentum (or beta1) go the other way.
        base_momentum: its lower bound.
        max_momentum: its upper bound.
        last_epoch: how far the schedule had come; -1 begins it.

    Source: Smith (2017), https://arxiv.org/abs/1506.01186.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: float | list[float],
        max_lr: float | list[float],
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: float = 0.8,
        max_momentum: float = 0.9,
        last_epoch: int = -1,
    ) -> None:
        check_optimizer(optimizer)
        base_lrs = per_group("base_lr", optimizer, base_lr)
        self.max_lrs = per_group("max_lr", optimizer, max_lr)
        if mode not in ("triangular", "triangular2", "exp_range") and scale_fn is None:
            raise ValueError("mode is invalid and scale_fn is None")
        if cycle_momentum:
            self.use_beta1 = uses_beta1(optimizer)
            self.base_momentums = per_group("base_momentum", optimizer, base_momentum)
            self.max_momentums = per_group("max_momentum", optimizer, max_momentum)
        if last_epoch == -1:
            for lr, group in zip(base_lrs, optimizer.param_groups, strict=True):
                set_option(group, "lr", lr)
        up = float(step_size_up)
        down = up if step_size_down is None else float(step_size_down)
        self.total_size = up + down
        self.step_ratio = up / self.total_size
        self.mode = mode
        self.gamma = gamma
        self._scale_fn_custom = scale_fn
        if scale_fn is None:
            scale_mode = "iterations" if mode == "exp_range" else "cycle"
        self.scale_mode = scale_mode
        self.cycle_momentum = cycle_momentum
        if cycle_momentum and last_epoch == -1:
            for most, least, group in zip(
                self.max_momentums, self.base_momentums, optimizer.param_groups, strict=True
            ):
                set_momentum(group, most, self.use_beta1)
                group["max_momentum"] = most
                group["base_momentum"] = least
        super().__init__(optimizer, last_epoch)
        self.base_lrs = base_lrs

    def scale_fn(self, x: float) -> float:
        """The factor of the height in cycle or step ``x``."""
        if self._scale_fn_custom is not None:
            return self._scale_fn_custom(x)
        if self.mode == "triangular2":
            return 1 / 2.0 ** (x - 1)
        return self.gamma**x if self.mode == "exp_range" else 1.0

    def get_lr(self) -> list[Any]:
        """The learning rates for ``last_epoch``; sets the momenta."""
        self._warn_outside_step()
        cycle = math.floor(1 + self.last_epoch / self.total_size)
        x = 1.0 + self.last_epoch / self.total_size - cycle
        if x <= self.step_ratio:
            part = x / self.step_ratio
        else:
            part = (x - 1) / (self.step_ratio - 1)
        scale = self.scale_fn(cycle if self.scale_mode == "cycle" else self.last_epoch)
        if self.cycle_momentum:
            for least, most, group in zip(
                self.base_momentums, self.max_momentums, self.optimizer.param_groups, strict=True
            ):
                set_momentum(group, most - (most - least) * part * scale, self.use_beta1)
        return [
            low + (high - low) * part * scale
            for low, high in zip(self.base_lrs, self.max_lrs, strict=True)
        ]

    def state_dict(self) -> dict[str, Any]:
        """All that the schedule knows. Functions are left out; objects give what they remember."""
        state = super().state_dict()
        if self._scale_fn_custom is not None:
            state["_scale_fn_custom"] = state_of(self._scale_fn_custom)
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Goes on from where :meth:`state_dict` was taken."""
        state = dict(state_dict)
        remembered = state.pop("_scale_fn_custom", None)
        super().load_state_dict(state)
        if remembered is not None and self._scale_fn_custom is not None:
            self._scale_fn_custom.__dict__.update(remembered)


class CosineAnnealingWarmRestarts(LRScheduler):
    """The rate follows half a cosine down to ``eta_min``, then starts again at the top.

    Args:
        optimizer: whose learning rates to set.
        T_0: the epochs before the first restart.
        T_mult: each following period is so many times longer.
        eta_min: the least rate.
        last_epoch: how far the schedule had come; -1 begins it.

    :meth:`step` takes a fraction of an epoch too: ``step(epoch + batch / batches)``.

    Source: Loshchilov and Hutter (2017), https://arxiv.org/abs/1608.03983.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        T_0: int,
        T_mult: int = 1,
        eta_min: float = 0.0,
        last_epoch: int = -1,
    ) -> None:
        if T_0 <= 0 or not isinstance(T_0, int):
            raise ValueError(f"Expected positive integer T_0, but got {T_0}")
        if T_mult < 1 or not isinstance(T_mult, int):
            raise ValueError(f"Expected integer T_mult >= 1, but got {T_mult}")
        if not isinstance(eta_min, float | int):
            raise ValueError(
                f"Expected float or int eta_min, but got {eta_min} of type {type(eta_min)}"
            )
        self.T_0 = T_0
        self.T_i = T_0
        self.T_mult = T_mult
        self.eta_min = eta_min
        self.T_cur: float = last_epoch
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Any]:
        """The learning rates for ``last_epoch``."""
        self._warn_outside_step()
        height = (1 + math.cos(math.pi * self.T_cur / self.T_i)) / 2
        return [self.eta_min + (base - self.eta_min) * height for base in self.base_lrs]

    def step(self, epoch: float | None = None) -> None:
        """Sets the learning rates of the next epoch, or of ``epoch``, which may be a fraction."""
        if epoch is None and self.last_epoch < 0:
            epoch = 0
        if epoch is None:
            epoch = self.last_epoch + 1
            self.T_cur += 1
            if self.T_cur >= self.T_i:
                self.T_cur = self.T_cur % self.T_i
                self.T_i *= self.T_mult
        else:
            if epoch < 0:
                raise ValueError(f"Expected non-negative epoch, but got {epoch}")
            self.T_cur, self.T_i = self._position(epoch)
        self.last_epoch = math.floor(epoch)
        with self._within_step():
            values = self.get_lr()
        self._set(values)

    def _position(self, epoch: float) -> tuple[float, int]:
        """How far the period of ``epoch`` has come, and its length."""
        if self.T_mult == 1:
            return epoch % self.T_0, self.T_0
        start, length = 0, self.T_0
        while epoch >= start + length:
            start += length
            length *= self.T_mult
        return epoch - start, length


class OneCycleLR(LRScheduler):
    """The rate goes up to ``max_lr`` once, then far down; call :meth:`step` after every batch.

    Args:
        optimizer: whose learning rates to set.
        max_lr: the greatest rate; one for all groups or a list.
        total_steps: how many steps there are; else ``epochs * steps_per_epoch``.
        epochs: see ``total_steps``.
        steps_per_epoch: see ``total_steps``.
        pct_start: the part of the steps that the way up takes.
        anneal_strategy: "cos" or "linear".
        cycle_momentum: let the momentum (or beta1) go the other way.
        base_momentum: its lower bound.
        max_momentum: its upper bound.
        div_factor: the first rate is ``max_lr / div_factor``.
        final_div_factor: the last rate is the first one over this.
        three_phase: come down to the first rate as fast as it went up, then to the last.
        last_epoch: how far the schedule had come; -1 begins it.

    Source: Smith and Topin (2019), https://arxiv.org/abs/1708.07120.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | list[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.85,
        max_momentum: float | list[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        check_optimizer(optimizer)
        self.total_steps = _total_steps(total_steps, epochs, steps_per_epoch)
        if not isinstance(pct_start, float) or pct_start < 0 or pct_start > 1:
            raise ValueError(f"Expected float between 0 and 1 pct_start, but got {pct_start}")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(
                f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}"
            )
        self._anneal_func_type = anneal_strategy
        up = float(pct_start * self.total_steps)
        points = [(up - 1, "max_lr", "base_momentum")]
        if three_phase:
            points.append((2 * up - 2, "initial_lr", "max_momentum"))
        points.append((self.total_steps - 1, "min_lr", "max_momentum"))
        self._schedule_phases: list[dict[str, Any]] = []
        lr, momentum = "initial_lr", "max_momentum"
        for end, next_lr, next_momentum in points:
            self._schedule_phases.append(
                {
                    "end_step": end,
                    "start_lr": lr,
                    "end_lr": next_lr,
                    "start_momentum": momentum,
                    "end_momentum": next_momentum,
                }
            )
            lr, momentum = next_lr, next_momentum
        greatest = per_group("max_lr", optimizer, max_lr)
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self.use_beta1 = uses_beta1(optimizer)
            most = per_group("max_momentum", optimizer, max_momentum)
            least = per_group("base_momentum", optimizer, base_momentum)
        if last_epoch == -1:
            for index, group in enumerate(optimizer.param_groups):
                group["initial_lr"] = greatest[index] / div_factor
                group["max_lr"] = greatest[index]
                group["min_lr"] = group["initial_lr"] / final_div_factor
                if cycle_momentum:
                    set_momentum(group, most[index], self.use_beta1)
                    group["max_momentum"] = most[index]
                    group["base_momentum"] = least[index]
        super().__init__(optimizer, last_epoch)

    def _anneal(self, start: float, end: float, part: float) -> float:
        if self._anneal_func_type == "linear":
            return (end - start) * part + start
        return end + (start - end) / 2.0 * (math.cos(math.pi * part) + 1)

    def get_lr(self) -> list[Any]:
        """The learning rates for ``last_epoch``; sets the momenta."""
        self._warn_outside_step()
        if self.last_epoch > self.total_steps:
            raise ValueError(
                f"Tried to step {self.last_epoch} times. The specified number of total steps is "
                f"{self.total_steps}"
            )
        start = 0.0
        for phase in self._schedule_phases[:-1]:
            if self.last_epoch <= phase["end_step"]:
                break
            start = phase["end_step"]
        else:
            phase = self._schedule_phases[-1]
        part = (self.last_epoch - start) / (phase["end_step"] - start)
        values = []
        for group in self.optimizer.param_groups:
            values.append(self._anneal(group[phase["start_lr"]], group[phase["end_lr"]], part))
            if self.cycle_momentum:
                first, last = group[phase["start_momentum"]], group[phase["end_momentum"]]
                set_momentum(group, self._anneal(first, last, part), self.use_beta1)
        return values


def _total_steps(total: int | None, epochs: int | None, each: int | None) -> int:
    if total is not None:
        if total <= 0 or not isinstance(total, int):
            raise ValueError(f"Expected positive integer total_steps, but got {total}")
        return total
    if epochs is None or each is None:
        raise ValueError("You must define either total_steps OR (epochs AND steps_per_epoch)")
    if not isinstance(epochs, int) or epochs <= 0:
        raise ValueError(f"Expected positive integer epochs, but got {epochs}")
    if not isinstance(each, int) or each <= 0:
        raise ValueError(f"Expected positive integer steps_per_epoch, but got {each}")
    return epochs * each
