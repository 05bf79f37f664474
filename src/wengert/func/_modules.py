"""Modules as functions of their parameters and buffers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import wengert as wg
from wengert import nn

__all__ = ["functional_call", "replace_all_batch_norm_modules_", "stack_module_state"]

_Place = tuple[nn.Module, str]


def functional_call(
    module: nn.Module,
    parameter_and_buffer_dicts: dict[str, wg.Tensor] | Sequence[dict[str, wg.Tensor]],
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """Calls ``module`` with other parameters and buffers, and leaves it as it was.

    Names that are not given keep the module's own values; a name that is nothing yet is an
    attribute during the call. A buffer that the module replaces or writes to changes in the given
    dictionary (where it is one), not in the module.

    Args:
        module: what is called.
        parameter_and_buffer_dicts: values by qualified name, or several such dictionaries without
            a name in common.
        args: positional arguments of the call: a tuple, or a single one that is no tuple.
        kwargs: its keyword arguments.
        tie_weights: a value given for one of several names of one parameter serves them all.
        strict: raise if a name is missing or unknown.

    Raises:
        RuntimeError: with ``strict``, names are missing or unknown.
        ValueError: a name is in two dictionaries; tied names are given different values.
        AttributeError: a name leads to a child that does not exist.
        TypeError: a value, or what it would replace, is no tensor.

    >>> from wengert.func import functional_call
    >>> layer = wg.nn.Linear(2, 1, bias=False)
    >>> functional_call(layer, {"weight": wg.tensor([[1.0, 2.0]])}, wg.tensor([3.0, 4.0]))
    tensor([11.])
    """
    values = _merged(parameter_and_buffer_dicts)
    given = () if args is None else args if isinstance(args, tuple) else (args,)
    with _swapped(module, values, tie_weights, strict):
        return module(*given, **(kwargs or {}))


def _merged(dicts: Any) -> dict[str, Any]:
    if isinstance(dicts, dict):
        return dicts
    if not isinstance(dicts, Sequence):
        raise ValueError(
            "Expected parameter_and_buffer_dicts to be a dict, or a list/tuple of dicts, but got "
            f"{type(dicts)}"
        )
    if not all(isinstance(part, dict) for part in dicts):
        raise ValueError("Expected all elements of parameter_and_buffer_dicts to be dictionaries")
    result: dict[str, Any] = {}
    repeated: dict[str, None] = {}
    for part in dicts:
        repeated.update((key, None) for key in part if key in result)
        result |= part
    if repeated:
        raise ValueError(
            f"{list(repeated)} appeared in multiple dictionaries; behavior of functional call is "
            "ambiguous"
        )
    return result


@contextmanager
def _swapped(
    module: nn.Module, values: dict[str, Any], tie_weights: bool, strict: bool
) -> Iterator[None]:
    """The values are in the module while the context lasts."""
    everything: dict[str, Any] = dict(module.named_parameters(remove_duplicate=False))
    everything.update(module.named_buffers(remove_duplicate=False))
    wanted = _tied(everything, values) if tie_weights else dict(values)
    if strict:
        _check_names(module, everything, values, wanted)
    places = {name: _place(module, name) for name in wanted}
    before = {}
    try:
        for name, value in wanted.items():
            before[name] = _exchange(places[name], value)
        yield
    finally:
        for name in reversed(before):
            after = _exchange(places[name], before[name])
            if name in values and after is not _MISSING:
                values[name] = after


def _tied(everything: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """The values under all names of the tensors that they replace."""
    names: dict[int, list[str]] = {}
    for name, tensor in everything.items():
        names.setdefault(id(tensor), []).append(name)
    result = dict(values)
    for group in names.values():
        chosen = [name for name in group if name in values]
        if not chosen:
            continue
        if any(values[name] is not values[chosen[0]] for name in chosen):
            raise ValueError(
                f"functional_call got multiple values for keys {sorted(chosen)}, which are tied. "
                "Consider using tie_weights=False"
            )
        for name in group:
            result[name] = values[chosen[0]]
    return result


def _check_names(
    module: nn.Module,
    everything: Mapping[str, Any],
    values: Mapping[str, Any],
    wanted: Mapping[str, Any],
) -> None:
    errors = []
    unexpected = [name for name in values if name not in everything]
    missing = [name for name in everything if name not in wanted]
    for kind, names in (("Unexpected", unexpected), ("Missing", missing)):
        if names:
            errors.append(f"{kind} key(s): {', '.join(map(repr, names))}.")
    if errors:
        raise RuntimeError(
            "Error(s) in reparametrizing for {}:\n\t{}".format(
                type(module).__name__, "\n\t".join(errors)
            )
        )


def _place(module: nn.Module, name: str) -> _Place:
    *path, last = name.split(".")
    owner = module
    for step in path:
        child = owner._modules.get(step)
        if child is None:
            raise AttributeError(f"{type(owner).__name__} has no attribute `{step}`")
        owner = child
    return owner, last


_MISSING: Any = object()


def _exchange(place: _Place, value: Any) -> Any:
    """Puts the value there, returns the one before; a place may be empty."""
    owner, name = place
    before = owner.__dict__.get(name, _MISSING)
    for tensor, what in ((value, ""), (before, f"attribute `{name}`: ")):
        if tensor is not None and tensor is not _MISSING and not isinstance(tensor, wg.Tensor):
            raise TypeError(f"{what}{tensor} is not an instance of wengert.Tensor")
    # Registered values are attributes; assigning one would insist on a Parameter.
    if value is _MISSING:
        owner.__dict__.pop(name, None)
    else:
        owner.__dict__[name] = value
    return before


def stack_module_state(
    models: Sequence[nn.Module] | nn.modules.container.ModuleList,
) -> tuple[dict[str, wg.Tensor], dict[str, wg.Tensor]]:
    """The parameters and the buffers of several alike modules, stacked by name.

    For ensembles: ``vmap`` of a function that calls ``functional_call(models[0], (params,
    buffers), input)`` runs all of them as one. The stacked parameters are new leaves, which an
    optimizer takes.

    Raises:
        RuntimeError: there is no model, or they differ in class, in mode (training or not), or in
            whether a parameter requires a gradient.

    >>> from wengert.func import stack_module_state
    >>> params, buffers = stack_module_state([wg.nn.Linear(3, 2) for _ in range(5)])
    >>> {name: value.shape for name, value in params.items()}
    {'weight': wengert.Size([5, 2, 3]), 'bias': wengert.Size([5, 2])}
    """
    models = list(models)
    where = "stack_module_state: Expected"
    if not models:
        raise RuntimeError(f"{where} at least one model, got 0.")
    if len({model.training for model in models}) > 1:
        raise RuntimeError(f"{where} all models to have the same training/eval mode.")
    if len({type(model) for model in models}) > 1:
        raise RuntimeError(f"{where} all models to be of the same class.")
    parameters = [dict(model.named_parameters()) for model in models]
    buffers = [dict(model.named_buffers()) for model in models]
    return _stacked(parameters), _stacked(buffers)


def _stacked(states: Sequence[Mapping[str, wg.Tensor]]) -> dict[str, wg.Tensor]:
    result = {}
    for name in states[0]:
        tensors = [state[name] for state in states]
        wanted = {tensor.requires_grad for tensor in tensors}
        if len(wanted) > 1:
            raise RuntimeError(f"Expected {name} from each model to have the same .requires_grad")
        result[name] = wg.stack([t.detach() for t in tensors]).requires_grad_(wanted.pop())
    return result


def replace_all_batch_norm_modules_(root: nn.Module) -> nn.Module:
    """Makes every batch normalisation in ``root`` one that keeps no running statistics.

    :func:`vmap` cannot write statistics of single samples into buffers that all samples share.
    Returns ``root``.

    >>> from wengert.func import replace_all_batch_norm_modules_
    >>> net = wg.nn.Sequential(wg.nn.BatchNorm1d(3))
    >>> replace_all_batch_norm_modules_(net)[0].running_mean is None
    True
    """
    for module in root.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.running_mean = None
            module.running_var = None
            module.num_batches_tracked = None
            module.track_running_stats = False
    return root
