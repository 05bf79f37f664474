"""What to say about a name that PyTorch has and wengert has not."""

from __future__ import annotations

import importlib
import sys
from opcode import opmap
from types import ModuleType
from typing import Any, NoReturn

from wengert import _C

# By the dotted name after `torch.`; what stands here also answers for everything below it.
HINTS = {
    "ao": "quantization is not supported",
    "classes": "there is no TorchScript; programs run eagerly",
    "distributed": "training on several processes is not supported yet",
    "export": "there is no graph capture; programs run eagerly",
    "eig": "removed from PyTorch, too: use linalg.eig",
    "jit.load": "there is no TorchScript; save a state_dict, and load that",
    "jit.save": "there is no TorchScript; save a state_dict, and load that",
    "lstsq": "removed from PyTorch, too: use linalg.lstsq",
    "matrix_rank": "removed from PyTorch, too: use linalg.matrix_rank",
    "nested": "nested tensors are not supported; pad, or use nn.utils.rnn",
    "nn.intrinsic": "quantization is not supported",
    "nn.qat": "quantization is not supported",
    "nn.quantizable": "quantization is not supported",
    "nn.quantized": "quantization is not supported",
    "nn.SyncBatchNorm": "training on several processes is not supported yet",
    "utils.benchmark": "use timeit",
    "linalg.ldl_factor": "not there yet; linalg.lu_factor and linalg.cholesky are",
    "masked": "masked tensors are not supported",
    "onnx.export": "export to ONNX is not supported",
    "package": "packages of TorchScript are not supported",
    "quantization": "quantization is not supported",
    "quantize_per_tensor": "quantization is not supported",
    "solve": "removed from PyTorch, too: use linalg.solve",
    **dict.fromkeys(
        [
            *(f"sparse_{kind}_tensor" for kind in ("bsc", "bsr", "csc", "csr", "compressed")),
            *(f"to_sparse_{kind}" for kind in ("bsc", "bsr", "csc", "csr")),
            *("crow_indices", "ccol_indices", "col_indices", "row_indices"),
        ],
        "of the sparse formats only coordinates (COO) are there",
    ),
    "symeig": "removed from PyTorch, too: use linalg.eigh",
}


def hint(path: str) -> str | None:
    """Why there is no `torch.<path>`, if that is known."""
    while path:
        if path in HINTS:
            return HINTS[path]
        path = path.rpartition(".")[0]
    return None


def nearest(module: ModuleType, name: str) -> list[str]:
    """Public names of the module that look like `name`, the best first."""
    names = [each for each in dir(module) if not each.startswith("_")]
    by_lower = {each.lower(): each for each in names}
    import difflib  # not before it is needed

    found = difflib.get_close_matches(name.lower(), by_lower, 3, 0.75)
    return [by_lower[each] for each in found]


def sentence(module: ModuleType, name: str, shown: str | None = None) -> str:
    """`module 'torch.nn' has no attribute 'Liner'`, and lines that help.

    shown: how the user calls the module, if not by its own name.
    """
    path = ".".join([*module.__name__.split(".")[1:], name])
    text = f"module '{shown or module.__name__}' has no attribute '{name}'"
    if known := hint(path):
        text += f"\n  wengert: {known}"
    elif close := nearest(module, name):
        text += f"\n  wengert has: {', '.join(close)}"
    elif shown:
        text += "\n  wengert, which runs in the place of PyTorch, does not have it"
    return text


_IMPORT_FROM = opmap["IMPORT_FROM"]


def _importing(depth: int) -> bool:
    """Whether the frame so far up is in the middle of `from module import name`."""
    frame = sys._getframe(depth)
    place = frame.f_lasti
    return place >= 0 and frame.f_code.co_code[place] == _IMPORT_FROM


def raise_missing(
    module: ModuleType, name: str, shown: str | None = None, depth: int = 2
) -> NoReturn:
    """AttributeError, or ImportError in an import. For a module's __getattr__.

    Protocols' names, which are often asked for in vain, get a short message. depth: how many
    frames the user is away from here.
    """
    where = shown or module.__name__.replace("wengert", _C._shown_package(), 1)
    if name.startswith("__"):
        raise AttributeError(f"module '{where}' has no attribute '{name}'")
    text = sentence(module, name, where if where.startswith("torch") else None)
    if _importing(depth + 1):
        lines = text.partition("\n")[1:]
        raise ImportError(
            f"cannot import name '{name}' from '{where}'" + "".join(lines), name=where
        )
    raise AttributeError(text)


def lazy_attribute(module: ModuleType, lazy: frozenset[str], name: str) -> Any:
    """For a package's __getattr__: its parts that are imported when first used; or the error."""
    if name in lazy:
        return importlib.import_module(f"{module.__name__}.{name}")
    raise_missing(module, name, depth=3)
