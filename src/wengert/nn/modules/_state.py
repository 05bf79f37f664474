"""Reading and writing a module's state: ``state_dict`` and ``load_state_dict``."""

from __future__ import annotations

import warnings
from collections import OrderedDict, namedtuple
from collections.abc import Callable, Mapping
from typing import Any

import wengert as wg

from ...utils.hooks import RemovableHandle
from ..parameter import Parameter, is_lazy
from ._registry import Registered

__all__ = ["StateMixin"]

_EXTRA_STATE_KEY = _EXTRA_STATE_KEY_SUFFIX = "_extra_state"


class _IncompatibleKeys(namedtuple("IncompatibleKeys", ["missing_keys", "unexpected_keys"])):
    """What ``load_state_dict`` returns."""

    __slots__ = ()

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return super().__repr__()

    __str__ = __repr__


class _IncomingState(OrderedDict):
    """The state being loaded, and the writes that wait until all of it has been checked."""

    pending: list[tuple[StateMixin, str, str, wg.Tensor]]

    def under(self, prefix: str) -> _IncomingState:
        part = _IncomingState((key, value) for key, value in self.items() if key.startswith(prefix))
        part.pending = self.pending
        return part


class StateMixin:
    """The part of :class:`Module` that saves and restores state."""

    _version: int = 1

    _parameters = Registered()
    _buffers = Registered()
    _modules = Registered()
    _state_dict_hooks: OrderedDict
    _state_dict_pre_hooks: OrderedDict
    _load_state_dict_pre_hooks: OrderedDict
    _load_state_dict_post_hooks: OrderedDict

    @property
    def _parameter_names(self) -> dict[str, bool]:
        return self._parameters.names

    @property
    def _buffer_names(self) -> dict[str, bool]:  # and whether they persist
        return self._buffers.names

    @property
    def _module_names(self) -> dict[str, bool]:
        return self._modules.names

    @property
    def _non_persistent_buffers_set(self) -> frozenset[str]:  # packages read it
        return frozenset(name for name, kept in self._buffer_names.items() if not kept)

    def get_extra_state(self) -> Any:
        """Returns further state; override it together with :meth:`set_extra_state`."""
        raise RuntimeError(
            "Reached a code path in Module.get_extra_state() that should never be called."
        )

    def set_extra_state(self, state: Any) -> None:
        """Takes back what :meth:`get_extra_state` returned."""
        raise RuntimeError(
            "Reached a code path in Module.set_extra_state() that should never be called."
        )

    def _has_own(self, name: str) -> bool:
        return getattr(type(self), name) is not getattr(StateMixin, name)

    # ---- saving ----

    def state_dict(
        self,
        *args: Any,
        destination: dict[str, Any] | None = None,
        prefix: str = "",
        keep_vars: bool = False,
    ) -> dict[str, Any]:
        """Returns the parameters and persistent buffers by their qualified names.

        The tensors share memory with the module's.

        Args:
            destination: a dictionary to fill and return.
            prefix: put before every name.
            keep_vars: give the parameters themselves instead of detached tensors.
        """
        if args:
            warnings.warn(
                "Positional args are being deprecated, use kwargs instead.",
                FutureWarning,
                stacklevel=2,
            )
            given = dict(zip(("destination", "prefix", "keep_vars"), args, strict=False))
            destination = given.get("destination", destination)
            prefix = given.get("prefix", prefix)
            keep_vars = given.get("keep_vars", keep_vars)
        if destination is None:
            destination = OrderedDict()
            destination._metadata = OrderedDict()  # type: ignore[attr-defined]
        local_metadata: dict[str, Any] = {"version": self._version}
        if hasattr(destination, "_metadata"):
            destination._metadata[prefix[:-1]] = local_metadata
        for hook in self._state_dict_pre_hooks.values():
            hook(self, prefix, keep_vars)
        self._save_to_state_dict(destination, prefix, keep_vars)
        values = self.__dict__
        for name in self._module_names:
            if values[name] is not None:
                values[name].state_dict(
                    destination=destination, prefix=prefix + name + ".", keep_vars=keep_vars
                )
        for hook, may_replace in self._state_dict_hooks.values():
            result = hook(self, destination, prefix, local_metadata)
            if may_replace:
                destination = destination if result is None else result
            elif result is not None:
                raise RuntimeError("state_dict post-hook must return None")
        return destination

    def _save_to_state_dict(
        self, destination: dict[str, Any], prefix: str, keep_vars: bool
    ) -> None:
        values = self.__dict__
        for name in self._parameter_names:
            if values[name] is not None:
                destination[prefix + name] = _saved(values[name], keep_vars)
        for name, persistent in self._buffer_names.items():
            if persistent and values[name] is not None:
                destination[prefix + name] = _saved(values[name], keep_vars)
        if self._has_own("get_extra_state"):
            destination[prefix + _EXTRA_STATE_KEY] = self.get_extra_state()

    # ---- loading ----

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> _IncompatibleKeys:
        """Copies parameters and buffers from ``state_dict`` into this module and its children.

        Everything is checked before anything is written: when an error is raised, no parameter and
        no buffer has changed. (The one exception: with a post-hook registered, missing and
        unexpected keys are judged after the hook, hence after the writes, because the hook may
        edit the two lists.)

        Args:
            state_dict: names and values, as :meth:`state_dict` gives them.
            strict: raise if the names do not match exactly.
            assign: take the given tensors themselves instead of copying their values.

        Returns:
            a named tuple of ``missing_keys`` and ``unexpected_keys``.

        Raises:
            TypeError: ``state_dict`` is not a mapping.
            RuntimeError: names or shapes do not fit; the message lists all of them.
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
        missing: list[str] = []
        unexpected: list[str] = []
        errors: list[str] = []
        metadata = getattr(state_dict, "_metadata", None)
        state = _IncomingState(state_dict)
        state.pending = []
        if metadata is not None:
            state._metadata = metadata  # type: ignore[attr-defined]
        visited: list[StateMixin] = []

        def load(module: StateMixin, local_state: _IncomingState, prefix: str) -> None:
            local_metadata = {} if metadata is None else dict(metadata.get(prefix[:-1], {}))
            if assign:
                local_metadata["assign_to_params_buffers"] = assign
            module._load_from_state_dict(
                local_state, prefix, local_metadata, True, missing, unexpected, errors
            )
            for name in module._module_names:
                child = module.__dict__[name]
                if child is not None:
                    child_prefix = prefix + name + "."
                    load(child, local_state.under(child_prefix), child_prefix)
            visited.append(module)

        load(self, state, "")
        incompatible = _IncompatibleKeys(missing, unexpected)
        has_post_hooks = any(module._load_state_dict_post_hooks for module in visited)
        if not has_post_hooks:
            self._raise_if_incompatible(incompatible, errors, strict)
        elif errors:
            self._raise_if_incompatible(incompatible, errors, False)
        for module, name, key, value in state.pending:
            module._write_state(name, key, value, assign, errors)
        for module in visited:
            for hook in module._load_state_dict_post_hooks.values():
                if hook(module, incompatible) is not None:
                    raise AssertionError(
                        "Hooks registered with ``register_load_state_dict_post_hook`` are not "
                        "expected to return new values, if incompatible_keys need to be modified, "
                        "it should "
                        "be done inplace."
                    )
        self._raise_if_incompatible(incompatible, errors, strict)
        return incompatible

    def _raise_if_incompatible(
        self, keys: _IncompatibleKeys, errors: list[str], strict: bool
    ) -> None:
        report = list(errors)
        if strict:
            for kind, names in (
                ("Unexpected", keys.unexpected_keys),
                ("Missing", keys.missing_keys),
            ):
                if names:
                    listed = ", ".join(f'"{name}"' for name in names)
                    report.insert(0, f"{kind} key(s) in state_dict: {listed}. ")
        if report:
            raise RuntimeError(
                "Error(s) in loading state_dict for {}:\n\t{}".format(
                    type(self).__name__, "\n\t".join(report)
                )
            )

    def _load_from_state_dict(
        self,
        state_dict: dict[str, Any],
        prefix: str,
        local_metadata: dict[str, Any],
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        """Checks the entries of this module (not of its children) and plans their writes.

        Override it to load states saved by older versions of a module, and call the base.
        """
        for hook, with_module in list(self._load_state_dict_pre_hooks.values()):
            arguments = (
                state_dict,
                prefix,
                local_metadata,
                strict,
                missing_keys,
                unexpected_keys,
                error_msgs,
            )
            hook(self, *arguments) if with_module else hook(*arguments)
        values = self.__dict__
        own = {name: values[name] for name in self._parameter_names}
        own.update((name, values[name]) for name, kept in self._buffer_names.items() if kept)
        own = {name: tensor for name, tensor in own.items() if tensor is not None}
        pending = state_dict.pending  # type: ignore[attr-defined]
        for name, tensor in own.items():
            key = prefix + name
            if key not in state_dict:
                if strict:
                    missing_keys.append(key)
                continue
            incoming = state_dict[key]
            if not isinstance(incoming, wg.Tensor):
                error_msgs.append(
                    f'While copying the parameter named "{key}", expected wengert.Tensor or '
                    f"Tensor-like object from checkpoint but received {type(incoming)}"
                )
                continue
            if is_lazy(tensor) and is_lazy(incoming):
                continue
            # Scalars were once saved with one dimension.
            if tensor.dim() == 0 and incoming.dim() == 1 and incoming.shape[0] == 1:
                incoming = incoming[0]
            if incoming.shape != tensor.shape:
                error_msgs.append(
                    f"size mismatch for {key}: copying a param with shape {_shape(incoming)} from "
                    f"checkpoint, the shape in current model is {_shape(tensor)}."
                )
                continue
            pending.append((self, name, key, incoming))

        extra_key = prefix + _EXTRA_STATE_KEY
        if self._has_own("set_extra_state"):
            if extra_key in state_dict:
                pending.append((self, _EXTRA_STATE_KEY, extra_key, state_dict[extra_key]))
            elif strict:
                missing_keys.append(extra_key)
        elif strict and extra_key in state_dict:
            unexpected_keys.append(extra_key)
        if strict:
            for key in state_dict:
                if key.startswith(prefix) and key != extra_key:
                    first, *rest = key[len(prefix) :].split(".", 1)
                    if first not in (self._module_names if rest else own):
                        unexpected_keys.append(key)

    def _write_state(
        self, name: str, key: str, value: Any, assign: bool, errors: list[str]
    ) -> None:
        if name == _EXTRA_STATE_KEY:
            self.set_extra_state(value)
            return
        tensor = self.__dict__[name]
        try:
            with wg.no_grad():
                if not assign:
                    tensor.copy_(value)
                elif name not in self._parameter_names:
                    setattr(self, name, value)
                elif isinstance(value, Parameter):
                    setattr(self, name, value.requires_grad_(tensor.requires_grad))
                else:
                    setattr(self, name, Parameter(value, requires_grad=tensor.requires_grad))
        except Exception as error:
            errors.append(
                f'While copying the parameter named "{key}", whose dimensions in the model are '
                f"{_shape(tensor)} and whose dimensions in the checkpoint are {_shape(value)}, an "
                f"exception occurred : {error.args}."
            )

    # ---- hooks ----

    def register_state_dict_post_hook(self, hook: Callable) -> RemovableHandle:
        """Calls ``hook(module, state_dict, prefix, local_metadata)`` after ``state_dict()``."""
        return _add(self._state_dict_hooks, (hook, False))

    def _register_state_dict_hook(self, hook: Callable) -> RemovableHandle:
        # The older form: what the hook returns, if anything, replaces the dictionary.
        return _add(self._state_dict_hooks, (hook, True))

    def register_state_dict_pre_hook(self, hook: Callable) -> RemovableHandle:
        """Calls ``hook(module, prefix, keep_vars)`` before ``state_dict()``."""
        return _add(self._state_dict_pre_hooks, hook)

    def register_load_state_dict_pre_hook(self, hook: Callable) -> RemovableHandle:
        """Calls ``hook(module, state_dict, prefix, local_metadata, strict, missing_keys,
        unexpected_keys, error_msgs)`` before this module's entries are looked up."""
        return _add(self._load_state_dict_pre_hooks, (hook, True))

    def _register_load_state_dict_pre_hook(
        self, hook: Callable, with_module: bool = False
    ) -> RemovableHandle:
        return _add(self._load_state_dict_pre_hooks, (hook, with_module))

    def register_load_state_dict_post_hook(self, hook: Callable) -> RemovableHandle:
        """Calls ``hook(module, incompatible_keys)`` after loading; it may edit the two lists."""
        return _add(self._load_state_dict_post_hooks, hook)


def _add(hooks: OrderedDict, entry: Any) -> RemovableHandle:
    handle = RemovableHandle(hooks)
    hooks[handle.id] = entry
    return handle


def _saved(tensor: wg.Tensor, keep_vars: bool) -> wg.Tensor:
    # What has no shape yet is saved as such.
    return tensor if keep_vars or is_lazy(tensor) else tensor.detach()


def _shape(tensor: wg.Tensor) -> str:
    return f"wengert.Size({list(tensor.shape)})"
