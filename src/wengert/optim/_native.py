"""Optimizers whose step is one native call per group, declared by tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import wengert as wg

from .optimizer import Optimizer, number

__all__ = ["NativeOptimizer", "Option", "State"]

Check = Callable[[Any], None]
Group = Mapping[str, Any]


class Option(NamedTuple):
    """One option of a group."""

    name: str
    check: Check | None = None
    # What the native call is given of it, if anything. A tuple stands for several arguments.
    convert: Callable[[Any], Any] | None = None


class State(NamedTuple):
    """One piece of a parameter's state."""

    name: str
    # Its value before the first step, from the group's options and the parameter.
    start: Callable[[Group, wg.Tensor], Any]
    # Do parameters of this group have it?
    wanted: Callable[[Group], bool] | None = None
    is_number: bool = False


class NativeOptimizer(Optimizer):
    """The base of optimizers that declare what is theirs.

    Subclasses list their options and their state, in the order of their native call, which takes
    parameters, gradients, a list per state, and options. Their ``__init__`` only gives the
    signature, and passes its ``locals()`` on.
    """

    _options: tuple[Option, ...] = ()
    _states: tuple[State, ...] = ()
    _native: Any = None
    _state_like_parameters = True
    # Is there state before the first step?
    _starts_at_once = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "_states" in cls.__dict__:
            cls._numbers = tuple(state.name for state in cls._states if state.is_number)

    def __init__(self, params: Any, given: Mapping[str, Any]) -> None:
        options = {option.name: given[option.name] for option in self._options}
        for name, check, _ in self._options:
            if check is not None:
                check(options[name])
        self._check(options)
        super().__init__(params, options)
        if self._starts_at_once:
            for group in self.param_groups:
                for parameter in group["params"]:
                    self._complete(group, parameter, self.state[parameter])

    def _check(self, options: Mapping[str, Any]) -> None:
        """Checks what concerns several options."""

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Changes the parameters once.

        Args:
            closure: computes the loss again, gradients included. It is called first.

        Returns:
            What ``closure`` returned.
        """
        loss = None
        if closure is not None:
            with wg.enable_grad():
                loss = closure()
        for group in self.param_groups:
            used = [(p, grad) for p in group["params"] if (grad := p.grad) is not None]
            if used:
                params, grads = zip(*used, strict=True)
                self._update(group, params, grads)
        return loss

    def _update(self, group: dict[str, Any], params: tuple, grads: tuple) -> None:
        """Steps the parameters of a group that have a gradient."""
        self._native(params, grads, *self._gather(group, params), *self._converted(group))

    def _gather(self, group: Group, params: tuple) -> list[Any]:
        """A list per state; empty where the group has none of it."""
        states = [self.state[p] for p in params]
        lists: list[Any] = []
        for name, _, wanted, _ in self._states:
            if wanted is not None and not wanted(group):
                lists.append(())
                continue
            try:
                lists.append([values[name] for values in states])
            except KeyError:  # a first step, or an option that came later
                for p, values in zip(params, states, strict=True):
                    self._complete(group, p, values)
                lists.append([values[name] for values in states])
        return lists

    def _complete(self, group: Group, parameter: wg.Tensor, values: dict[str, Any]) -> None:
        for name, start, wanted, _ in self._states:
            if name not in values and (wanted is None or wanted(group)):
                values[name] = start(group, parameter)

    def _converted(self, group: Group) -> list[Any]:
        arguments: list[Any] = []
        for name, _, convert in self._options:
            if convert is None:
                continue
            value = convert(group[name])
            if type(value) is tuple:
                arguments += value
            else:
                arguments.append(value)
        return arguments


# ---- states ----


def zeros(name: str, wanted: Callable[[Group], bool] | None = None) -> State:
    """State of a parameter's shape, dtype and strides."""
    return State(name, lambda _, parameter: wg.zeros_like(parameter.detach()), wanted)


def filled(name: str, value: Callable[[Group], float]) -> State:
    """The same, with a number that depends on the group; complex numbers get it twice."""

    def start(group: Group, parameter: wg.Tensor) -> wg.Tensor:
        at_first: Any = value(group)
        if parameter.is_complex():
            at_first = complex(at_first, at_first)
        return wg.full_like(parameter.detach(), at_first)

    return State(name, start)


def scalar(name: str, value: Callable[[Group], float] | float = 0.0) -> State:
    """A single number."""
    if callable(value):
        return State(name, lambda group, _: number(value(group)), is_number=True)
    return State(name, lambda *_: number(value), is_number=True)


STEP = scalar("step")


# ---- conversions ----


def floats(values: Any) -> tuple[float, ...]:
    """Several numbers, which are arguments of their own."""
    return tuple(map(float, values))


# ---- checks ----


def check(condition: Callable[[Any], bool], message: str) -> Check:
    """Raises ValueError unless the condition holds; ``{}`` in the message is the value."""

    def checked(value: Any) -> None:
        if not condition(value):
            raise ValueError(message.format(value))

    return checked


def not_negative(message: str) -> Check:
    """Raises ValueError for numbers below zero, and for NaN."""
    return check(lambda value: value >= 0.0, message)


def rate(message: str = "Invalid learning rate: {}") -> Check:
    """The check of a learning rate: a number, or a tensor of one, of at least zero."""

    def checked(value: Any) -> None:
        if isinstance(value, wg.Tensor) and value.numel() != 1:
            raise ValueError("Tensor lr must be 1-element")
        if not value >= 0.0:
            raise ValueError(message.format(value))

    return checked


def betas(values: Any) -> None:
    """The check of two decay rates, which are in [0, 1)."""
    for index, beta in enumerate(values):
        if not 0.0 <= beta < 1.0:
            raise ValueError(f"Invalid beta parameter at index {index}: {beta}")


# ---- options that many have ----

LR = Option("lr", rate(), float)
BETAS = Option("betas", betas, floats)
EPS = Option("eps", not_negative("Invalid epsilon value: {}"), float)
WEIGHT_DECAY = Option("weight_decay", not_negative("Invalid weight_decay value: {}"), float)
MAXIMIZE = Option("maximize", None, bool)
DECOUPLED = Option("decoupled_weight_decay", None, bool)


def accepted(*names: str) -> tuple[Option, ...]:
    """Options that change nothing here."""
    return tuple(map(Option, names))
