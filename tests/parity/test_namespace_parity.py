"""Every public name of PyTorch is there, or stands in a list of what is deliberately absent."""

from __future__ import annotations

import importlib
import re
from typing import Any

import pytest

import wengert as wg

torch = pytest.importorskip("torch")

# Patterns of names that are absent on purpose, and why.
ABSENT = {
    "": {
        r"[A-Z].*": "types of TorchScript, of dispatch and of storage, and internal constants",
        r"(cudnn|miopen|mkldnn|fbgemm)_.*": "one library's own operators",
        r".*(quant|qscheme|qint|quint).*|per_(channel|tensor)_.*|q_.*|int_repr": "quantization",
        r"(sparse_(bsc|bsr|csc|csr|compressed).*|.*indices_copy|values_copy)": "only COO is there",
        r"(saddmm|sspaddmm|hsmm|resize_as_sparse_)": "rare products of sparse matrices",
        r"(u?int[1-7]|bits\w+|bit|float4_\w+)": "dtypes that PyTorch cannot compute with either",
        r"batch_norm_.*|native_(batch|group)_norm|native_norm": "parts of kernels for GPUs",
        r"(sym_\w+|cond|while_loop|export|fx|functional|classes|ao)": "tracing",
        r".*_autocast_.*|autocast_\w+|clear_autocast_cache|set_anomaly_enabled": "internal switches",
        r"(parse_\w+|import_ir_\w+|merge_type_\w+|unify_type_list|fork|wait)": "TorchScript",
        r"(builtins|ctypes|functools|glob|importlib|inspect|math|os|platform|sys|textwrap"
        r"|threading|torch|warnings|classproperty|get_file_path|cpp|init_num_threads"
        r"|prepare_multiprocessing_environment|profiler_allow_\w+|thread_safe_generator)":
            "modules and helpers that PyTorch imports for itself",
        r"(eig|lstsq|matrix_rank|solve|symeig)": "removed from PyTorch: they raise there",
        r"(masked|nested|jagged|package|monitor|mtia|quasirandom|signal|windows)": "not there yet",
        r"has_\w+|is_vulkan_available|legacy_contiguous_format|from_file|to_dlpack": "rare",
        r"(conv_tbc|embedding_bag|grid_sampler_[23]d|hash_tensor|lobpcg|segment_reduce"
        r"|slice_inverse|dequantize|choose_qparams_optimized|empty_quantized)": "not there yet",
    },
    "Tensor": {
        r".*(quant|qscheme).*|q_.*|int_repr": "quantization",
        r"(c?crow|c?col|row)_indices|to_sparse_(bsc|bsr|csc|csr)|sparse_\w+|s\w*mm|.*_sparse_":
            "of sparse tensors only those in coordinate format are there",
        r"is_(ipu|maia|mtia)|ipu|mtia|to_mkldnn|record_stream": "devices that are not there",
        r"(eig|lstsq|solve|symeig|reinforce|resize|resize_as|volatile|storage_type)":
            "removed from PyTorch, or raising there",
        r"(chalf|grad_dtype|hash_tensor|index|module_load|prelu|slice_inverse|to_padded_tensor)":
            "rare",
    },
    "nn": {
        r"(Container|attention|common_types|factory_kwargs)": "internal",
        r"(intrinsic|qat|quantizable|quantized)": "quantization",
    },
    "nn.functional": {
        r"[A-Z].*|\w+_notes|\w*torch_function\w*|(dataclasses|importlib|np|torch|grad|math)"
        r"|assert_int_or_pair|boolean_dispatch": "imports and internals",
        r"(scaled_)?(grouped_)?mm": "products for GPUs",
    },
    "linalg": {r"common_notes": "internal", r"ldl_.*": "not there yet"},
    "fft": {},
    "special": {},
    "nn.utils": {},
    "nn.init": {},
    "utils.data": {r".*(Pipe|DataChunk|datapipe|validation|determinis).*|_DatasetKind": "data pipes"},
    "distributions": {},
    "distributions.transforms": {},
    "distributions.constraints": {},
    "autograd": {
        r"(NestedIOFunction|enforce_grad_layout_policy|set_multithreading_enabled)": "internal",
    },
    "optim": {r"swap_in_optimizer_params_and_state": "internal"},
    "optim.lr_scheduler": {},
    "func": {
        r"(debug_unwrap|functionalize|rearrange|replace_all_batch_norm_modules_)": "not there yet",
    },
    "sparse": {
        r"SparseSemi.*|to_sparse_semi_structured|as_sparse_gradcheck|check_\w+|solve": "rare",
    },
}  # fmt: skip


def _module(package: Any, path: str) -> Any:
    found = package
    for part in path.split(".") if path else ():
        if not hasattr(found, part):
            return importlib.import_module(f"{package.__name__}.{path}")
        found = getattr(found, part)
    return found


@pytest.mark.parametrize("path", ABSENT)
def test_names(path: str) -> None:
    theirs, ours = _module(torch, path), _module(wg, path)
    wanted = {name for name in dir(theirs) if not name.startswith("_")}
    if path and hasattr(theirs, "__all__"):
        wanted = set(theirs.__all__)
    missing = {name for name in wanted if not _has(ours, name)}
    unexplained = {
        name for name in missing if not any(re.fullmatch(pattern, name) for pattern in ABSENT[path])
    }
    assert not unexplained


@pytest.mark.parametrize("path", ABSENT)
def test_no_reason_is_left_over(path: str) -> None:
    theirs = _module(torch, path)
    names = {*dir(theirs), *getattr(theirs, "__all__", ())}
    ours = _module(wg, path)
    for pattern in ABSENT[path]:
        assert any(re.fullmatch(pattern, name) and not _has(ours, name) for name in names), pattern


def _has(module: Any, name: str) -> bool:
    if name in dir(module):
        return True
    try:
        getattr(module, name)
    except (AttributeError, ImportError, NotImplementedError):
        return False
    return True


def _pair(values: Any, dtype: str = "float64") -> tuple[Any, Any]:
    return (
        wg.tensor(values, dtype=getattr(wg, dtype)),
        torch.tensor(values, dtype=getattr(torch, dtype)),
    )


MATRIX = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
COPIES = {
    "alias_copy": (), "as_strided_copy": ((2, 2), (1, 2)), "detach_copy": (), "diagonal_copy": (1,),
    "permute_copy": ((1, 0),), "select_copy": (1, 2), "slice_copy": (1, 0, 3, 2),
    "split_copy": (2, 1), "split_with_sizes_copy": ((1, 2), 1), "squeeze_copy": (), "t_copy": (),
    "transpose_copy": (0, 1), "unbind_copy": (1,), "unfold_copy": (1, 2, 1), "unsqueeze_copy": (1,),
    "view_copy": ((3, 2),),
}  # fmt: skip


@pytest.mark.parametrize("name", COPIES)
def test_copies_of_views(name: str) -> None:
    ours, theirs = _pair(MATRIX)
    found = getattr(wg, name)(ours, *COPIES[name])
    expected = getattr(torch, name)(theirs, *COPIES[name])
    for a, b in zip(
        *((x if isinstance(x, tuple | list) else (x,)) for x in (found, expected)), strict=True
    ):
        assert a.tolist() == b.tolist()
        assert a.untyped_storage().data_ptr() != ours.untyped_storage().data_ptr()


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN_TANH", "RNN_RELU"])
def test_recurrent_functions(kind: str) -> None:
    gates = {"LSTM": 4, "GRU": 3}.get(kind, 1)
    torch.manual_seed(0)
    layers, hidden, width = 2, 3, 4
    weights = []
    for _ in range(layers):
        for _direction in range(2):
            into = width if len(weights) < 8 else 2 * hidden
            weights += [torch.randn(gates * hidden, into), torch.randn(gates * hidden, hidden)]
            weights += [torch.randn(gates * hidden), torch.randn(gates * hidden)]
    x, state = torch.randn(2, 5, width), torch.randn(layers * 2, 2, hidden)
    name = kind.lower()
    results = []
    for t in (wg, torch):
        make = t.tensor if t is wg else (lambda values: torch.tensor(values))
        params = [make(w.tolist()) for w in weights]
        start = make(state.tolist())
        hx = (start, start) if kind == "LSTM" else start
        out = getattr(t, name)(make(x.tolist()), hx, params, True, 2, 0.0, False, True, True)
        cell = getattr(t, name + "_cell")
        one = (start[0], start[1]) if kind == "LSTM" else start[0]
        step = cell(make(x[:, 0].tolist()), one, *params[:4])
        results.append([*out, *(step if kind == "LSTM" else [step])])
    for a, b in zip(*results, strict=True):
        assert tuple(a.shape) == tuple(b.shape)
        assert a.flatten().tolist() == pytest.approx(b.flatten().tolist(), abs=1e-5)
    with pytest.raises(TypeError, match="missing arguments: train, bidirectional"):
        getattr(wg, name)(wg.ones(1, 1, 4), wg.ones(1, 1, 3), [], True, 1, 0.0)


def test_functions_that_return_more() -> None:
    ours, theirs = _pair(MATRIX)
    for a, b in zip(
        wg.native_layer_norm(ours, (3,), None, None, 1e-5),
        torch.native_layer_norm(theirs, (3,), None, None, 1e-5),
        strict=True,
    ):
        assert a.flatten().tolist() == pytest.approx(b.flatten().tolist())
    dropped, kept = wg.native_dropout(wg.ones(1000), 0.25, True)
    assert kept.dtype is wg.bool
    assert dropped.tolist() == pytest.approx((kept / 0.75).tolist())
    assert wg.native_dropout(ours, 0.5, False)[1].all()
    image, grid = wg.rand(1, 2, 4, 4), wg.rand(1, 3, 3, 2) * 2 - 1
    expected = torch.grid_sampler(
        torch.tensor(image.tolist()), torch.tensor(grid.tolist()), 0, 1, False
    )
    found = wg.grid_sampler(image, grid, 0, 1, False)
    assert found.flatten().tolist() == pytest.approx(expected.flatten().tolist(), abs=1e-6)
    table = wg.full((3, 2), 4.0)
    wg.embedding_renorm_(table, wg.tensor([1]), 1.0, 2.0)
    assert table.norm(dim=1).tolist() == pytest.approx([32**0.5, 1.0, 32**0.5], rel=1e-5)
    with pytest.raises(NotImplementedError, match="keeps its shape and strides"):
        table.as_strided_((2,), (1,))
