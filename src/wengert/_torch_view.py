"""`import torch` that finds wengert.

A finder at the front of `sys.meta_path` answers for `torch` and all below it. `torch` itself is a
view, a module of its own with the names of `wengert` and a version of PyTorch's; `torch.nn` and the
others are the very modules `wengert.nn` and so on under a second name.
"""

from __future__ import annotations

import functools
import importlib
import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

import wengert
from wengert import _C, _missing
from wengert.torch_version import TorchVersion

if TYPE_CHECKING:
    from importlib.abc import Loader, MetaPathFinder
else:  # importing importlib.abc would take a quarter of the time of importing wengert
    Loader = MetaPathFinder = object

# The version of PyTorch whose names and behaviour are ours.
VERSION = TorchVersion("2.13.0+wengert")
# Modules of PyTorch whose names are elsewhere here.
_PLACES = {
    "__config__": "wengert.__config__",
    "_C": "wengert._torch_c",
    "_custom_ops": "wengert.library",
    "_jit_internal": "wengert._torch_names.jit_internal",
    "_utils": "wengert._torch_names.utils",
    "cuda.amp.autocast_mode": "wengert.cuda.amp",
    "cuda.amp.grad_scaler": "wengert.cuda.amp",
    "distributed._composable": "wengert.distributed",
    "distributed._tensor": "wengert.distributed.tensor",
    "functional": "wengert",
    "nn.parallel.data_parallel": "wengert.nn.parallel",
    "nn.modules.channelshuffle": "wengert.nn.modules.pixelshuffle",
    "optim.adamw": "wengert.optim.adam",
    "utils.data._utils": "wengert._torch_names.data_utils",
}
# Names of `torch._C` that PyTorch offers in `torch`, too.
_OF_CORE = (
    "DeviceObjType",
    "DisableTorchFunction",
    "DisableTorchFunctionSubclass",
    "Future",
    "PyTorchFileReader",
    "_standard_gamma",
)
# Packages whose names are spread over other files here: their modules offer all of them.
_SPREAD = ("wengert.nn.modules", "wengert.optim", "wengert.utils.data", "wengert.distributions")


class _View(ModuleType):
    """The module `torch`."""

    def __init__(self) -> None:
        super().__init__("torch", "wengert in the place of PyTorch; see wengert.as_torch.")
        self.__dict__.update(
            {name: value for name, value in vars(wengert).items() if not name.startswith("_")}
        )
        self.__version__ = VERSION
        self.torch = self  # PyTorch's package has itself among its names
        self.__path__: list[str] = []  # a package, none of whose parts lies in a directory
        self.__file__ = wengert.__file__
        self.__all__ = list(wengert.__all__)

    def __getattr__(self, name: str) -> Any:
        value = self._find(name)
        if value is None:
            _missing.raise_missing(wengert, name, "torch")
        if isinstance(value, ModuleType):
            # So that `import torch.x` finds what is already there.
            sys.modules.setdefault(f"torch.{name}", value)
        self.__dict__[name] = value
        return value

    @staticmethod
    def _find(name: str) -> Any:
        if name in _PLACES:
            return importlib.import_module(f"torch.{name}")
        if name == "ScriptModule":
            return importlib.import_module("wengert.jit").ScriptModule
        if name in _OF_CORE:
            return getattr(importlib.import_module(_PLACES["_C"]), name)
        if name.startswith("_") and not name.startswith("_foreach_") and name not in wengert._LAZY:
            return vars(wengert).get(name)
        return _or_none(name)

    def __dir__(self) -> list[str]:
        return sorted({*self.__dict__, *wengert.__all__})


def _or_none(name: str) -> Any:
    try:
        return getattr(wengert, name)
    except AttributeError:
        return None


class _Loader(Loader):
    """Gives a module that exists a second name."""

    def __init__(self, module: ModuleType) -> None:
        self.module = module
        self.spec = module.__spec__

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        return self.module

    def exec_module(self, module: ModuleType) -> None:
        if self.spec is not None:
            module.__spec__ = self.spec  # the import system has put its own there


class _Finder(MetaPathFinder):
    """Answers for `torch` and all that lies below it, so that no other finder does."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        package, _, rest = name.partition(".")
        if package != "torch":
            return None
        module = self._module(name, rest) if rest else _view()
        spec = importlib.machinery.ModuleSpec(
            name, _Loader(module), is_package=hasattr(module, "__path__")
        )
        spec.origin = getattr(module, "__file__", None)
        return spec

    def find_distributions(self, context: Any = None) -> Iterator[Any]:
        """For importlib.metadata: programs ask which version of PyTorch is installed."""
        if context is None or (
            context.path is sys.path and (context.name or "torch").lower() == "torch"
        ):
            yield _distribution()

    @staticmethod
    def _module(name: str, rest: str) -> ModuleType:
        ours = _place(rest)
        if rest.startswith("distributions.") and importlib.util.find_spec(ours) is None:
            ours = "wengert.distributions"  # a file each there, a few files here
        try:
            module = importlib.import_module(ours)
        except ModuleNotFoundError as error:
            if error.name is None or not (ours + ".").startswith(error.name + "."):
                raise
            text = f"No module named '{name}'"
            if known := _missing.hint(rest):
                text += f"\n  wengert: {known}"
            else:
                text += "\n  wengert, which runs in the place of PyTorch, does not have it"
            raise ModuleNotFoundError(text, name=name) from None
        if "__getattr__" not in vars(module):
            look = functools.partial(_elsewhere, module, name)
            vars(module)["__getattr__"] = look
            _refusing.append(module)
        return module


def _place(rest: str) -> str:
    """Our module for `torch.<rest>`: its own place, or one below the place of a parent."""
    known, below = rest, ""
    while known:
        if known in _PLACES:
            return _PLACES[known] + below
        known, _, last = known.rpartition(".")
        below = f".{last}{below}"
    return f"wengert.{rest}"


def _elsewhere(module: ModuleType, shown: str, name: str) -> Any:
    """A name that another module of the same package has; or the error."""
    package = sys.modules.get(module.__name__.rpartition(".")[0])
    if package is not None and package.__name__ in _SPREAD and name in package.__all__:
        return getattr(package, name)
    _missing.raise_missing(module, name, shown)


@functools.cache
def _distribution() -> Any:
    from importlib.metadata import Distribution  # not before it is asked for

    class Torch(Distribution):
        """What importlib.metadata says about `torch`."""

        def read_text(self, filename: str) -> str | None:
            if filename != "METADATA":
                return None
            return f"Metadata-Version: 2.1\nName: torch\nVersion: {VERSION}\n"

        def locate_file(self, path: Any) -> Any:
            return os.path.join(os.path.dirname(wengert.__file__), os.fspath(path))

    return Torch()


_finder = _Finder()
_refusing: list[ModuleType] = []  # modules that were given a __getattr__


@functools.cache
def _view() -> _View:
    return _View()


def _forget() -> None:
    for name in [each for each in sys.modules if each.partition(".")[0] == "torch"]:
        del sys.modules[name]
    for module in _refusing:
        vars(module).pop("__getattr__", None)
    _refusing.clear()
    _view.cache_clear()


class _AsTorch:
    """What `as_torch` returns: leaving its block brings back the state before the call."""

    def __init__(self, before: bool) -> None:
        self.before = before

    def __enter__(self) -> _AsTorch:
        return self

    def __exit__(self, *error: object) -> None:
        _switch(self.before)


def _switch(on: bool) -> None:
    if on == (_finder in sys.meta_path):
        return
    if not on:
        sys.meta_path.remove(_finder)
        _C._show_as_torch(False)
        _forget()
        return
    there = sys.modules.get("torch")
    if there is not None:
        raise RuntimeError(
            "as_torch(): PyTorch itself is already imported in this process, and its tensors are "
            "not wengert's"
            f"\n  torch: {getattr(there, '__version__', '?')} from {there.__file__}"
            "\n  call wengert.as_torch() before the first `import torch`"
        )
    sys.meta_path.insert(0, _finder)
    _C._show_as_torch(True)


def as_torch(enable: bool = True) -> _AsTorch:
    """Makes `import torch`, `import torch.nn as nn` and so on find wengert in this process.

    ``as_torch(False)`` undoes it; so does the end of a ``with`` block. What was imported meanwhile
    keeps working. PyTorch, if it is installed, is not touched: it is hidden. Names that wengert has
    not raise AttributeError or ImportError with the nearest ones. The command ``wengert run`` does
    this for a whole program.

    Raises RuntimeError if PyTorch itself was imported before.

    >>> with wg.as_torch():
    ...     import torch
    ...     import torch.nn.functional as F
    >>> F.relu(torch.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """
    before = _finder in sys.meta_path
    _switch(bool(enable))
    return _AsTorch(before)


def is_active() -> bool:
    """Whether `import torch` finds wengert."""
    return _finder in sys.meta_path
