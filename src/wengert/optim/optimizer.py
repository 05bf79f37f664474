"""The base class of all optimizers."""

from __future__ import annotations

import functools
import warnings
import weakref
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping
from copy import deepcopy
from typing import Any, TypeAlias

import wengert as wg

from ..utils.hooks import RemovableHandle

__all__ = ["Optimizer", "ParamsT", "required"]

# What an optimizer can be made from.
ParamsT: TypeAlias = (
    Iterable[wg.Tensor] | Iterable[dict[str, Any]] | Iterable[tuple[str, wg.Tensor]]
)
_params_t = ParamsT


class _Required:
    """Stands for the default of an option that every group must give."""

    def __repr__(self) -> str:
        return "<required parameter>"


required = _Required()

_global_step_pre_hooks: OrderedDict = OrderedDict()
_global_step_post_hooks: OrderedDict = OrderedDict()


class Optimizer:
    """Keeps groups of parameters with their options, and a state for every parameter.

    Args:
        params: tensors, ``(name, tensor)`` pairs, dictionaries (groups with options of their
            own), or a module, which stands for its ``named_parameters()``.
        defaults: the options of groups that do not give them.

    Subclasses define :meth:`step`.

    Where names are known, states are loaded by name, and the first step names parameters without
    a gradient in a warning. Where the module is known, the first step raises RuntimeError if the
    module's parameters are no longer those that the optimizer has.
    """

    # Keys of a parameter's state that are single numbers, kept as tensors of no shape.
    _numbers: tuple[str, ...] = ()
    # Does all other state have the shape of its parameter?
    _state_like_parameters = False
    _unchecked = False
    _module: weakref.ref | None = None
    # Has there been a step? The schedulers of learning rates ask.
    _opt_called = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "step" in cls.__dict__:
            cls.step = _with_hooks(cls.__dict__["step"])  # type: ignore[method-assign]

    def __init__(self, params: Any, defaults: dict[str, Any]) -> None:
        if isinstance(params, wg.Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or dicts, "
                f"but got {type(params).__name__}"
            )
        self.defaults = defaults
        _check_flags(defaults)
        self._make_hooks()
        self.state: defaultdict[wg.Tensor, Any] = defaultdict(dict)
        self.param_groups: list[dict[str, Any]] = []
        if isinstance(params, wg.nn.Module):
            self._module = weakref.ref(params)
            params = params.named_parameters()
        groups = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list")
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)
        self._unchecked = "param_names" in self.param_groups[0]

    def _hooks_of(self, name: str) -> Iterable[Any]:
        # A class that wraps another optimizer may not have called our __init__: no hooks, then.
        return self.__dict__.get(name, {}).values()

    def _make_hooks(self) -> None:
        self._step_pre_hooks: OrderedDict = OrderedDict()
        self._step_post_hooks: OrderedDict = OrderedDict()
        self._state_dict_pre_hooks: OrderedDict = OrderedDict()
        self._state_dict_post_hooks: OrderedDict = OrderedDict()
        self._load_state_dict_pre_hooks: OrderedDict = OrderedDict()
        self._load_state_dict_post_hooks: OrderedDict = OrderedDict()

    def __getstate__(self) -> dict[str, Any]:
        return {"defaults": self.defaults, "state": self.state, "param_groups": self.param_groups}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if "_step_pre_hooks" not in self.__dict__:
            self._make_hooks()
        # States of older programs: options that came later, numbers that were no tensors.
        for group in self.param_groups:
            for name, value in _LATER_OPTIONS.items():
                if name in self.defaults:
                    group.setdefault(name, value)
        if self._numbers:
            for values in self.state.values():
                for name in self._numbers:
                    if name in values and not isinstance(values[name], wg.Tensor):
                        values[name] = number(float(values[name]))

    def __repr__(self) -> str:
        text = type(self).__name__ + " ("
        for index, group in enumerate(self.param_groups):
            text += f"\nParameter Group {index}\n"
            for key in sorted(group):
                if key != "params":
                    text += f"    {key}: {group[key]}\n"
        return text + ")"

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Changes the parameters once.

        Args:
            closure: computes the loss again, gradients included, and returns it.
        """
        raise NotImplementedError

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drops the gradients of all parameters, or fills them with zeros."""
        for group in self.param_groups:
            for parameter in group["params"]:
                grad = parameter.grad
                if grad is None:
                    continue
                if set_to_none:
                    parameter.grad = None
                else:
                    if grad.grad_fn is not None:
                        grad.detach_()
                    else:
                        grad.requires_grad_(False)
                    grad.zero_()

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Adds a group: a dictionary with "params" and the options that are not the defaults."""
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        params = param_group["params"]
        if isinstance(params, wg.Tensor):
            params = [params]
        elif isinstance(params, set):
            raise TypeError(
                "optimizer parameters need to be organized in ordered collections, but the "
                "ordering of tensors in sets will change between runs. Please use a list instead."
            )
        params = list(params)
        if any(isinstance(entry, tuple) for entry in params):
            if not all(isinstance(entry, tuple) for entry in params):
                raise ValueError(
                    "all optimizer params should be with/without names. Some param names are "
                    "missing"
                )
            param_group["param_names"] = [name for name, _ in params]
            params = [parameter for _, parameter in params]
        param_group["params"] = params

        for parameter in params:
            if not isinstance(parameter, wg.Tensor):
                raise TypeError(
                    "optimizer can only optimize Tensors, but one of the params is "
                    + type(parameter).__name__
                )
            if not (parameter.is_leaf or parameter.retains_grad):
                raise ValueError("can't optimize a non-leaf Tensor")
        _check_flags(param_group)
        for name, default in self.defaults.items():
            if default is required and name not in param_group:
                raise ValueError(
                    "parameter group didn't specify a value of required optimization parameter "
                    f"{name}"
                )
            param_group.setdefault(name, default)
        own = {id(parameter) for parameter in params}
        if len(own) != len(params):
            warnings.warn(
                "optimizer contains a parameter group with duplicate parameters; every step will "
                "change them as often as they appear. Pass each parameter once.",
                stacklevel=4,
            )
        for group in self.param_groups:
            if ("param_names" in group) != ("param_names" in param_group):
                mine = "without" if "param_names" in group else "with"
                raise ValueError(
                    "all optimizer param groups should be with/without names. cannot add param "
                    f"group {mine} names to the optimizer"
                )
            if not own.isdisjoint(map(id, group["params"])):
                raise ValueError("some parameters appear in more than one parameter group")
        self.param_groups.append(param_group)

    # ---- state ----

    def state_dict(self) -> dict[str, Any]:
        """Returns the state by the parameters' numbers, and the groups' options.

        The tensors in it are the optimizer's own, not copies.
        """
        for hook in self._hooks_of("_state_dict_pre_hooks"):
            hook(self)
        numbers: dict[int, int] = {}
        groups = []
        for group in self.param_groups:
            for parameter in group["params"]:
                numbers.setdefault(id(parameter), len(numbers))
            packed = {key: value for key, value in group.items() if key != "params"}
            packed["params"] = [numbers[id(parameter)] for parameter in group["params"]]
            groups.append(packed)
        state = {
            numbers[id(key)] if isinstance(key, wg.Tensor) else key: value
            for key, value in self.state.items()
        }
        result: dict[str, Any] = {"state": state, "param_groups": groups}
        for hook in self._hooks_of("_state_dict_post_hooks"):
            replaced = hook(self, result)
            if replaced is not None:
                result = replaced
        return result

    def load_state_dict(self, state_dict: dict[str, Any], strict: bool = True) -> None:
        """Takes over the state and options that :meth:`state_dict` of a like optimizer returned.

        Where both know the names of their parameters, these decide which state goes where;
        otherwise the order does. Floating-point state is cast to the dtype of its parameter and
        moved to its device.

        Args:
            state_dict: what to load. It is not changed.
            strict: if False, parameters that have no counterpart of the same name and shape are
                left without state, and what was left out is told in a warning.

        Raises:
            ValueError: the groups do not match, or, with names, the parameters do not.
        """
        state_dict = dict(state_dict)
        for hook in self._hooks_of("_load_state_dict_pre_hooks"):
            replaced = hook(self, state_dict)
            if replaced is not None:
                state_dict = replaced
        saved_groups = deepcopy(state_dict["param_groups"])
        named = [group.get("param_names") for group in (*self.param_groups, *saved_groups)]
        if saved_groups and all(names is not None for names in named):
            parameters, saved_groups = self._match_by_name(
                state_dict["state"], saved_groups, strict
            )
        else:
            parameters = self._match_by_order(saved_groups)
        numbers = {*self._numbers, "step"}
        state: defaultdict = defaultdict(dict)
        for key, value in state_dict["state"].items():
            if key in parameters:
                parameter = parameters[key]
                if parameter is not None:
                    state[parameter] = _fitted(parameter, value, numbers)
            else:
                state[key] = value
        for group, saved in zip(self.param_groups, saved_groups, strict=True):
            saved["params"] = group["params"]
            if "param_names" in group:
                saved["param_names"] = group["param_names"]
            else:
                saved.pop("param_names", None)
        self.__setstate__({"state": state, "param_groups": saved_groups})
        for hook in self._hooks_of("_load_state_dict_post_hooks"):
            hook(self)

    def _match_by_order(self, saved_groups: list[dict]) -> dict[Any, wg.Tensor | None]:
        groups = self.param_groups
        if len(groups) != len(saved_groups):
            raise ValueError("loaded state dict has a different number of parameter groups")
        if any(
            len(group["params"]) != len(saved["params"])
            for group, saved in zip(groups, saved_groups, strict=True)
        ):
            raise ValueError(
                "loaded state dict contains a parameter group that doesn't match the size of "
                "optimizer's group"
            )
        return {
            number: parameter
            for group, saved in zip(groups, saved_groups, strict=True)
            for number, parameter in zip(saved["params"], group["params"], strict=True)
        }

    def _match_by_name(
        self, state: dict, saved_groups: list[dict], strict: bool
    ) -> tuple[dict[Any, wg.Tensor | None], list[dict]]:
        """The parameters by their saved numbers, and a saved group for each group."""
        own = {
            name: parameter
            for group in self.param_groups
            for name, parameter in zip(group["param_names"], group["params"], strict=True)
        }
        saved = {
            name: number
            for group in saved_groups
            for name, number in zip(group["param_names"], group["params"], strict=True)
        }
        problems = [f"  added: {name}" for name in own if name not in saved]
        problems += [f"  missing: {name}" for name in saved if name not in own]
        parameters: dict[Any, wg.Tensor | None] = {}
        for name, key in saved.items():
            parameter = own.get(name)
            if parameter is not None and self._state_like_parameters:
                for part, value in state.get(key, {}).items():
                    if part in self._numbers or not isinstance(value, wg.Tensor):
                        continue
                    if value.shape != parameter.shape:
                        problems.append(
                            f"  reshaped: {name} is {list(parameter.shape)} here, its {part} is "
                            f"{list(value.shape)}"
                        )
                        parameter = None
                        break
            parameters[key] = parameter
        options = []
        for index, group in enumerate(self.param_groups):
            names = set(group["param_names"])
            like = [other for other in saved_groups if names & set(other["param_names"])]
            if len(like) == 1:
                options.append(dict(like[0]))
            elif len(saved_groups) == len(self.param_groups):
                options.append(dict(saved_groups[index]))
            else:
                problems.append(f"  group {index}: no saved group has its parameters")
                options.append(dict(group))
        if problems:
            text = (
                "loaded state dict doesn't match the optimizer's parameters (added: without saved "
                "state; missing: saved, but not here):\n" + "\n".join(problems)
            )
            if strict:
                raise ValueError(text + "\nload_state_dict(..., strict=False) loads the others.")
            warnings.warn(text, stacklevel=4)
        return parameters, options

    # ---- checks of the first step ----

    def _check_model(self) -> None:
        """Raises if the module no longer has the optimizer's parameters, or has others."""
        module = self._module() if self._module is not None else None
        if module is None:
            return
        present = {id(p): name for name, p in module.named_parameters()}
        lines, held = [], set()
        for group in self.param_groups:
            for name, parameter in zip(group["param_names"], group["params"], strict=True):
                held.add(id(parameter))
                if id(parameter) not in present:
                    lines.append(f"  {name}: the optimizer has it, the module no longer does")
        lines += [
            f"  {name}: the module trains it, the optimizer does not have it"
            for name, parameter in module.named_parameters()
            if parameter.requires_grad and id(parameter) not in held
        ]
        if lines:
            raise RuntimeError(
                f"{type(self).__name__}.step(): the parameters of {type(module).__name__} changed "
                "after the optimizer was made\n" + "\n".join(lines) + "\nMake the optimizer after "
                "the last change of the module, or call add_param_group()."
            )

    def _check_gradients(self) -> None:
        """Warns of named parameters that want a gradient and have none."""
        without = [
            name
            for group in self.param_groups
            for name, parameter in zip(group.get("param_names", ()), group["params"], strict=False)
            if parameter.requires_grad and parameter.grad is None
        ]
        if without:
            shown = ", ".join(without[:20]) + (", ..." if len(without) > 20 else "")
            warnings.warn(
                f"{type(self).__name__}.step(): {len(without)} parameter(s) require a gradient but "
                f"had none in the first step, and stay as they are: {shown}. "
                "wengert.autograd.explain(loss, parameter) tells why.",
                stacklevel=4,
            )

    # ---- hooks ----

    def register_step_pre_hook(self, hook: Callable) -> RemovableHandle:
        """Calls ``hook(optimizer, args, kwargs)`` before a step; it may return ``(args, kwargs)``.

        The optimizer is the first of the arguments.
        """
        return _add(self._step_pre_hooks, hook)

    def register_step_post_hook(self, hook: Callable) -> RemovableHandle:
        """Calls ``hook(optimizer, args, kwargs)`` after a step."""
        return _add(self._step_post_hooks, hook)

    def register_state_dict_pre_hook(
        self, hook: Callable, prepend: bool = False
    ) -> RemovableHandle:
        """Calls ``hook(optimizer)`` before ``state_dict()``."""
        return _add(self._state_dict_pre_hooks, hook, prepend)

    def register_state_dict_post_hook(
        self, hook: Callable, prepend: bool = False
    ) -> RemovableHandle:
        """Calls ``hook(optimizer, state_dict)`` after ``state_dict()``; it may return another."""
        return _add(self._state_dict_post_hooks, hook, prepend)

    def register_load_state_dict_pre_hook(
        self, hook: Callable, prepend: bool = False
    ) -> RemovableHandle:
        """Calls ``hook(optimizer, state_dict)`` before loading; it may return another."""
        return _add(self._load_state_dict_pre_hooks, hook, prepend)

    def register_load_state_dict_post_hook(
        self, hook: Callable, prepend: bool = False
    ) -> RemovableHandle:
        """Calls ``hook(optimizer)`` after loading."""
        return _add(self._load_state_dict_post_hooks, hook, prepend)


def register_optimizer_step_pre_hook(hook: Callable) -> RemovableHandle:
    """Calls ``hook(optimizer, args, kwargs)`` before every step of every optimizer."""
    return _add(_global_step_pre_hooks, hook)


def register_optimizer_step_post_hook(hook: Callable) -> RemovableHandle:
    """Calls ``hook(optimizer, args, kwargs)`` after every step of every optimizer."""
    return _add(_global_step_post_hooks, hook)


def _add(hooks: OrderedDict, hook: Callable, prepend: bool = False) -> RemovableHandle:
    handle = RemovableHandle(hooks)
    hooks[handle.id] = hook
    if prepend:
        hooks.move_to_end(handle.id, last=False)
    return handle


def _with_hooks(step: Callable) -> Callable:
    @functools.wraps(step)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        # Hooks see the optimizer among the arguments, and may return others in their place.
        self: Optimizer = args[0]
        if "_step_pre_hooks" not in self.__dict__:  # a class that wraps another optimizer
            return step(*args, **kwargs)
        for hook in (*_global_step_pre_hooks.values(), *self._step_pre_hooks.values()):
            replaced = hook(self, args, kwargs)
            if replaced is not None:
                if not (isinstance(replaced, tuple) and len(replaced) == 2):
                    raise RuntimeError(
                        f"{type(self).__name__}.step must return None or a tuple of (new_args, "
                        f"new_kwargs), but got {replaced}."
                    )
                args, kwargs = replaced
        first = self._unchecked
        if first:
            self._unchecked = False
            self._check_model()
        self._opt_called = True
        result = step(*args, **kwargs)
        if first:
            self._check_gradients()
        for hook in (*self._step_post_hooks.values(), *_global_step_post_hooks.values()):
            hook(self, args, kwargs)
        return result

    return wrapped


def _fitted(parameter: wg.Tensor, value: Any, numbers: set[str], key: Hashable = None) -> Any:
    if isinstance(value, wg.Tensor):
        # A count of steps is no part of the arithmetic: it keeps its dtype.
        if key in numbers:
            return value.detach().clone()
        dtype = parameter.dtype if parameter.is_floating_point() else value.dtype
        # Always a copy, so that two optimizers never write to the same memory.
        return value.detach().to(parameter.device, dtype).clone()
    if isinstance(value, Mapping):
        return {name: _fitted(parameter, item, numbers, name) for name, item in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        items = (_fitted(parameter, item, numbers) for item in value)
        return type(value)(items)  # type: ignore[call-arg]
    return value


# What groups of older states lack.
_LATER_OPTIONS = {
    "foreach": None,
    "maximize": False,
    "capturable": False,
    "differentiable": False,
    "fused": None,
    "amsgrad": False,
    "nesterov": False,
    "decoupled_weight_decay": False,
}


def _check_flags(options: Mapping[str, Any]) -> None:
    if options.get("differentiable"):
        raise NotImplementedError(
            "differentiable=True is not supported: a step changes the parameters in place, without "
            "history. To differentiate through an update, write it out and call the model with "
            "wengert.func.functional_call(model, updated_parameters, inputs)."
        )
    if options.get("fused") and options.get("foreach"):
        raise RuntimeError("`fused` and `foreach` cannot be `True` together.")


def number(value: float) -> wg.Tensor:
    """A number of the state, as a tensor of no shape."""
    double = wg.get_default_dtype() == wg.float64
    return wg.tensor(value, dtype=wg.float64 if double else wg.float32)


# --- what optimizers that derive from Optimizer take from PyTorch's own ---


def _use_grad_for_differentiable(function: Callable[..., Any]) -> Callable[..., Any]:
    """A decorator of ``step``: it records only if the option ``differentiable`` is set."""

    @functools.wraps(function)
    def step(self: Optimizer, *args: Any, **kwargs: Any) -> Any:
        with wg.set_grad_enabled(bool(self.defaults.get("differentiable"))):
            return function(self, *args, **kwargs)

    return step


def _default_to_fused_or_foreach(
    params: Any, differentiable: bool, use_fused: bool = False
) -> tuple[bool, bool]:
    """Which ways of a step are faster on the parameters' devices: on the CPU, neither."""
    return False, False


def _get_value(x: Any) -> Any:
    """The number in a tensor; other things as they are."""
    return x.item() if isinstance(x, wg.Tensor) else x
