"""What all schedules of learning rates share."""

from __future__ import annotations

import types
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import wengert as wg

from .optimizer import Optimizer

__all__ = ["LRScheduler"]


def per_group(name: str, optimizer: Optimizer, value: Any) -> list[Any]:
    """One value per group of the optimizer, copied where it is a tensor."""
    groups = optimizer.param_groups
    if isinstance(value, list | tuple):
        if len(value) != len(groups):
            raise ValueError(
                f"{name} must have the same length as optimizer.param_groups. {name} has "
                f"{len(value)} values, param_groups has {len(groups)}."
            )
    else:
        value = [value] * len(groups)
    return [_copied(each) for each in value]


def group_values(optimizer: Optimizer, key: str) -> list[Any]:
    """An option of every group, copied where it is a tensor."""
    return [_copied(group[key]) for group in optimizer.param_groups]


def set_option(group: dict[str, Any], key: str, value: Any) -> None:
    """Sets an option of a group; a tensor stays the same tensor."""
    if isinstance(group[key], wg.Tensor):
        group[key].fill_(float(value))
    else:
        group[key] = value


def set_momentum(group: dict[str, Any], value: float, beta1: bool) -> None:
    """Sets the momentum of a group, or the first of its betas."""
    if beta1:
        group["betas"] = (value, *group["betas"][1:])
    else:
        group["momentum"] = value


def uses_beta1(optimizer: Optimizer) -> bool:
    """Is the momentum called beta1? Raises ValueError if there is neither."""
    if "momentum" not in optimizer.defaults and "betas" not in optimizer.defaults:
        raise ValueError(
            "optimizer must support momentum or beta1 with `cycle_momentum` option enabled"
        )
    return "betas" in optimizer.defaults


def check_optimizer(optimizer: Any) -> None:
    """Raises TypeError for what is no optimizer."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")


def warn_of_epoch() -> None:
    """Giving ``step`` an epoch is an old habit."""
    warnings.warn(
        "The epoch parameter in `scheduler.step()` was not necessary and is being deprecated where "
        "possible. Please use `scheduler.step()` to step the scheduler. If epoch is given, the "
        "closed form is used instead of the chainable form, where available.",
        UserWarning,
        stacklevel=3,
    )


def state_of(function: Any) -> dict[str, Any] | None:
    """What a callable object remembers; None for functions, which remember nothing."""
    return None if isinstance(function, types.FunctionType) else dict(function.__dict__)


class LRScheduler:
    """Sets the learning rate of every group before each epoch, or each step.

    Args:
        optimizer: whose learning rates to set.
        last_epoch: how far the schedule had come; -1 begins it, and notes every group's "lr" as
            its "initial_lr".

    Subclasses define :meth:`get_lr`, which may start from the rates that are there (so that
    schedules can be chained), and may define ``_get_closed_form_lr``, which may not.
    Call :meth:`step` after the optimizer's.
    """

    _get_lr_called_within_step = False
    _is_initial = False

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        check_optimizer(optimizer)
        self.optimizer = optimizer
        for index, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", _copied(group["lr"]))
            elif "initial_lr" not in group:
                raise KeyError(
                    f"param 'initial_lr' is not specified in param_groups[{index}] when resuming "
                    "scheduler with last_epoch >= 0. Load the optimizer's state first; to begin "
                    "a schedule, leave last_epoch out."
                )
        self.base_lrs = group_values(optimizer, "initial_lr")
        self.last_epoch = last_epoch
        self._initial_step()

    def _initial_step(self) -> None:
        self._step_count = 0
        self._is_initial = True
        try:
            self.step()
        finally:
            self._is_initial = False

    def state_dict(self) -> dict[str, Any]:
        """All that the schedule knows, without the optimizer."""
        return {key: value for key, value in self.__dict__.items() if key != "optimizer"}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Goes on from where :meth:`state_dict` was taken; load the optimizer's state as well."""
        self.__dict__.update(state_dict)

    def get_last_lr(self) -> list[Any]:
        """The learning rates that were set last, one per group."""
        return self._last_lr

    def get_lr(self) -> list[Any]:
        """The learning rates for ``last_epoch``; called by :meth:`step`."""
        raise NotImplementedError

    def step(self, epoch: int | None = None) -> None:
        """Sets the learning rates of the next epoch (or of ``epoch``)."""
        if self._step_count == 1 and not self.optimizer._opt_called:
            warnings.warn(
                "Detected call of `lr_scheduler.step()` before `optimizer.step()`. You should call "
                "them in the opposite order: `optimizer.step()` before `lr_scheduler.step()`. "
                "Failure to do this will result in skipping the first value of the learning rate "
                "schedule.",
                UserWarning,
                stacklevel=2,
            )
        self._step_count += 1
        if epoch is not None:
            warn_of_epoch()
        self._update_lr(epoch)

    def _update_lr(self, epoch: int | None = None) -> None:
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        closed = getattr(self, "_get_closed_form_lr", None)
        with self._within_step():
            values = self.get_lr() if epoch is None or closed is None else closed()
        self._set(values)

    def _set(self, values: list[Any]) -> None:
        for group, lr in zip(self.optimizer.param_groups, values, strict=True):
            set_option(group, "lr", lr)
        self._last_lr = group_values(self.optimizer, "lr")

    @contextmanager
    def _within_step(self) -> Iterator[None]:
        self._get_lr_called_within_step = True
        try:
            yield
        finally:
            self._get_lr_called_within_step = False

    def _warn_outside_step(self) -> None:
        if not self._get_lr_called_within_step:
            warnings.warn(
                "To get the last learning rate computed by the scheduler, please use "
                "`get_last_lr()`.",
                UserWarning,
                stacklevel=3,
            )

    # ---- for subclasses ----

    def _current(self) -> list[Any]:
        return group_values(self.optimizer, "lr")

    def _scaled(self, factor: float) -> list[Any]:
        return [group["lr"] * factor for group in self.optimizer.param_groups]

    def _of_base(self, factor: float) -> list[Any]:
        return [base * factor for base in self.base_lrs]


class LambdaScheduler(LRScheduler):
    """A schedule by functions, one per group, which a state holds only if they are objects."""

    def __init__(
        self,
        optimizer: Optimizer,
        lr_lambda: Callable[[int], float] | list[Callable[[int], float]],
        last_epoch: int = -1,
    ) -> None:
        check_optimizer(optimizer)
        groups = len(optimizer.param_groups)
        if isinstance(lr_lambda, list | tuple):
            if len(lr_lambda) != groups:
                raise ValueError(f"Expected {groups} lr_lambdas, but got {len(lr_lambda)}")
            self.lr_lambdas = list(lr_lambda)
        else:
            self.lr_lambdas = [lr_lambda] * groups
        for function in self.lr_lambdas:
            if not callable(function):
                raise TypeError(
                    f"lr_lambda should be a function, but got {type(function).__name__}"
                )
        super().__init__(optimizer, last_epoch)

    def state_dict(self) -> dict[str, Any]:
        """All that the schedule knows. Functions are left out; objects give what they remember."""
        state = super().state_dict()
        state["lr_lambdas"] = [state_of(function) for function in self.lr_lambdas]
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Goes on from where :meth:`state_dict` was taken."""
        state = dict(state_dict)
        remembered = state.pop("lr_lambdas")
        self.__dict__.update(state)
        for function, values in zip(self.lr_lambdas, remembered, strict=True):
            if values is not None:
                function.__dict__.update(values)


def _copied(value: Any) -> Any:
    return value.clone() if isinstance(value, wg.Tensor) else value
