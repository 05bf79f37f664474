"""Names and defaults of parameters against PyTorch's schemas; calls by keyword give the same."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from tests.unit.test_keyword_calls import CALLS, names  # noqa: E402

import wengert  # noqa: E402


def plain(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return (str(value.dtype).rpartition(".")[2], list(value.shape), value.tolist())
    if type(value).__name__ == "dtype":
        return str(value).rpartition(".")[2]
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value


@pytest.mark.parametrize("call", [c for c in CALLS if "randint" not in c])
def test_calls_by_keyword(call: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours, theirs = (plain(eval(call, names(m))) for m in (wengert, torch))
    assert flat(ours) == pytest.approx(flat(theirs), rel=1e-4, abs=2e-6, nan_ok=True)


def flat(value: Any) -> list[Any]:
    """Numbers, and texts and complex numbers as numbers of their own."""
    if isinstance(value, list | tuple):
        return [n for each in value for n in flat(each)]
    if isinstance(value, complex):
        return [value.real, value.imag]
    return [hash(value) % 2**31 if isinstance(value, str) or value is None else value]


# --- schemas ---

# Words that PyTorch's Python functions do not take either, or that only scripts of TorchScript use.
OTHER_WORLD = {
    "can_cast", "result_type", "Size", "save", "set_grad_enabled", "broadcast_shapes", "einsum",
    "split", "tensordot", "atleast_1d", "atleast_2d", "atleast_3d", "tensor", "as_tensor", "sort",
    "polygamma", "select", "ldexp", "frexp", "stft", "manual_seed", "pow", "mul", "norm", "view",
}  # fmt: skip
# The documented names of PyTorch, where its schemas have others; and what is not offered.
KNOWN = {
    "cholesky_solve": {"input2"}, "orgqr": {"input2"}, "ormqr": {"input2", "input3"},
    "rrelu": {"generator"}, "is_pinned": {"device"}, "set_": {"storage_offset", "size", "stride"},
    "swapaxes": {"axis0", "axis1"}, "swapaxes_": {"axis0", "axis1"}, "copy_": {"src", "other"}, "dsplit": {"sections", "indices"},
    "hsplit": {"sections", "indices"}, "vsplit": {"sections", "indices"},
    "addmm": {"out_dtype"}, "baddbmm": {"out_dtype"}, "bmm": {"out_dtype"}, "mm": {"out_dtype"},
    "isin": {"element", "test_element"}, "tensor_split": {"sections", "indices", "tensor_indices_or_sections"},
}  # fmt: skip
# Taken by all factories and by none that is not; not shown.
SILENT = {"self", "layout", "pin_memory", "memory_format", "from", "names"}
# A default of None stands for these.
STANDS_FOR = {"dtype": 4, "unbiased": True, "dx": 1, "memory_format": 0, "p": 2, "padding": "valid"}


def schemas(name: str) -> Iterator[Any]:
    for schema in torch._C._jit_get_schemas_for_operator("aten::" + name):
        types = [str(argument.type) for argument in schema.arguments]
        scripts = not any("Tensor" in t or "Generator" in t for t in [*types, str(schema.returns)])
        named = any("Dimname" in t for t in types)
        lists = schema.overload_name in ("Tensor_list", "TensorList")
        if not (scripts or named or lists or any(a.is_out for a in schema.arguments)):
            yield schema


def differences(name: str, function: Callable[..., Any], method: bool) -> list[str]:
    signature = inspect.signature(function).parameters
    kinds = {p.kind for p in signature.values()}
    if inspect.Parameter.VAR_KEYWORD in kinds:
        return []
    found = []
    for schema in schemas(name):
        for argument in schema.arguments:
            word = argument.name
            if word == "self" and not method:
                word = "input"
            if word in SILENT or word in KNOWN.get(name, ()):
                continue
            if word not in signature:
                found.append(f"{name}: no parameter {word} ({schema})")
                continue
            default = signature[word].default
            theirs = argument.default_value
            if not argument.has_default_value() or theirs is None or default is None:
                continue
            if default is inspect.Parameter.empty:
                if signature[word].kind is not inspect.Parameter.VAR_POSITIONAL:
                    found.append(f"{name}: {word} has a default ({schema})")
                continue
            theirs = tuple(theirs) if isinstance(theirs, list) else theirs
            mine = tuple(default) if isinstance(default, list | tuple) else default
            same = mine == theirs or (isinstance(theirs, tuple) and set(theirs) <= {mine})
            if not same and STANDS_FOR.get(word) != theirs:
                found.append(f"{name}: {word}={mine}, PyTorch {theirs} ({schema})")
    return found


@pytest.mark.parametrize("method", [False, True], ids=["functions", "methods"])
def test_parameters(method: bool) -> None:
    theirs, ours = (torch.Tensor, wengert.Tensor) if method else (torch, wengert)
    wrong, checked = [], 0
    for name in dir(ours):
        function = getattr(ours, name)
        if name.startswith("_") or name in OTHER_WORLD or not hasattr(theirs, name):
            continue
        if not callable(function) or inspect.isclass(function):
            continue
        try:
            wrong += differences(name, function, method)
        except ValueError:
            continue  # says nothing of its parameters
        checked += any(True for _ in schemas(name))
    assert not wrong
    assert checked > 250


def test_nn_functional() -> None:
    """Where PyTorch's function is Python: all names, defaults and their order."""

    def parameters(function: Any) -> list[Any]:
        every = inspect.signature(function).parameters.values()
        return [(p.name, p.default) for p in every if not callable(p.default) and p.name[0] != "_"]

    F, G = wengert.nn.functional, torch.nn.functional
    checked = 0
    for name in dir(G):
        theirs, ours = getattr(G, name), getattr(F, name, None)
        dispatched = "pool" in name  # PyTorch writes (*args, **kwargs) there
        if inspect.isfunction(theirs) and callable(ours) and name[0] != "_" and not dispatched:
            assert parameters(ours) == parameters(theirs), name
            checked += 1
    assert checked > 65
