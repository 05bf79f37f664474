"""Names that programs reach for in PyTorch: they work, or say what is not there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import wengert as wg

NAME_ONLY = ("uint16", "uint32", "uint64", "float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2",
             "float8_e5m2fnuz", "float8_e8m0fnu", "complex32", "quint8", "qint8",
             "qint32")  # fmt: skip


@pytest.mark.parametrize("name", NAME_ONLY)
def test_dtypes_that_no_tensor_has(name: str) -> None:
    torch = pytest.importorskip("torch")
    ours, theirs = getattr(wg, name), getattr(torch, name)
    assert isinstance(ours, wg.dtype)
    assert repr(ours) == f"wengert.{name}"
    assert ours != wg.float32
    assert ours.is_floating_point == theirs.is_floating_point
    assert ours.is_complex == theirs.is_complex
    assert ours.itemsize == theirs.itemsize
    with pytest.raises(NotImplementedError, match=rf"zeros\(\): there are no tensors of {name}"):
        wg.zeros(2, dtype=ours)
    with pytest.raises(NotImplementedError, match=rf"to\(\): there are no tensors of {name}"):
        wg.ones(2).to(ours)


def test_limits_of_such_dtypes() -> None:
    assert wg.iinfo(wg.uint16).max == 2**16 - 1
    assert wg.finfo(wg.float8_e5m2).max == 57344


@pytest.mark.parametrize("name", ["hardswish", "hardsigmoid"])
@pytest.mark.parametrize("before", [lambda x: x * 1, lambda x: x.sum(0)])
def test_activations_in_place(name: str, before) -> None:
    function = getattr(wg.nn.functional, name)
    x = wg.randn(3, 4, requires_grad=True)
    y = before(x)
    result = function(y, inplace=True)
    assert result is y
    result.sum().backward()
    (expected,) = wg.autograd.grad(function(before(x)).sum(), x)
    wg.testing.assert_close(x.grad, expected)


@pytest.mark.parametrize("training", [False, True])
def test_threshold_and_rrelu_in_place(training: bool) -> None:
    for function in (
        lambda x, inplace: wg.nn.functional.threshold(x, 0.1, -2.0, inplace),
        lambda x, inplace: wg.nn.functional.rrelu(x, training=training, inplace=inplace),
    ):
        x = wg.randn(3, 4, requires_grad=True)
        wg.manual_seed(1)
        y = x * 1
        assert function(y, True) is y
        wg.manual_seed(1)
        expected = function(x * 1, False)
        wg.testing.assert_close(y, expected)
        ours, theirs = (wg.autograd.grad(value.sum(), x)[0] for value in (y, expected))
        wg.testing.assert_close(ours, theirs)


def test_graph_capture_is_refused_when_used() -> None:
    class Tracer(wg.fx.Tracer):
        pass

    assert not isinstance(wg.nn.Linear(1, 1), wg.fx.GraphModule)
    with pytest.raises(NotImplementedError, match="captures no graphs"):
        Tracer()
    with pytest.raises(NotImplementedError, match="captures no graphs"):
        wg.fx.symbolic_trace(wg.nn.Linear(1, 1))
    assert wg.fx.wrap(len) is len
    with pytest.raises(RuntimeError, match="callable or string name"):
        wg.fx.wrap(3)


def test_checks() -> None:
    wg._check(True)
    with pytest.raises(RuntimeError, match="Expected cond to be True"):
        wg._check(False)
    for name, error in (("", RuntimeError), ("_index", IndexError), ("_value", ValueError),
                        ("_type", TypeError), ("_not_implemented", NotImplementedError)):  # fmt: skip
        with pytest.raises(error, match="too few"):
            getattr(wg, f"_check{name}")(False, lambda: "too few")
    with pytest.raises(AssertionError, match="shape"):
        wg._assert(wg.tensor(False), "shape")
    assert (wg.sym_int(2.7), wg.sym_max(1, 2.0), wg.sym_min(1, 2), wg.sym_not(0)) == (
        2,
        2.0,
        1,
        True,
    )


def test_profiler_marks() -> None:
    @wg.profiler.record_function("named")
    def function() -> int:
        return 3

    assert function() == 3


def test_weights_come_from_a_directory(tmp_path: Path) -> None:
    wg.save({"w": wg.ones(2)}, tmp_path / "net-1234abcd.pt")
    loaded = wg.hub.load_state_dict_from_url("https://host/net-1234abcd.pt", str(tmp_path))
    assert loaded["w"].tolist() == [1, 1]
    with pytest.raises(
        RuntimeError, match=r"downloads nothing; fetch https://host/other.pt and put"
    ):
        wg.hub.load_state_dict_from_url("https://host/other.pt", str(tmp_path))


def test_collectives_need_a_group() -> None:
    for name in ("all_reduce", "get_rank", "get_world_size", "barrier"):
        with pytest.raises(ValueError, match="Default process group has not been initialized"):
            getattr(wg.distributed, name)()


PROGRAM = """
import importlib.metadata, torch
assert importlib.metadata.version("torch") == str(torch.__version__)
assert importlib.metadata.version("numpy")
assert torch.torch is torch
from torch._C import DisableTorchFunctionSubclass
with torch._C._ExcludeDispatchKeyGuard(torch._C.DispatchKeySet(torch._C.DispatchKey.AutocastCPU)):
    assert not torch.is_autocast_enabled("cpu")
from torch.jit.annotations import BroadcastingList2, List
def resize(size: BroadcastingList2[int]): pass
from torch.onnx.symbolic_helper import parse_args
from torch.utils.model_zoo import tqdm
assert list(tqdm([1, 2])) == [1, 2]
import torch._dynamo
torch._dynamo.config.suppress_errors = True
assert torch._dynamo.disable(len) is len
with torch.autocast("cpu"):
    assert not torch.is_autocast_enabled("mps")
from torch.ao.quantization import QuantStub
assert QuantStub()(3) == 3
print("done")
"""


def test_names_below_torch(root: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "wengert", "run", "-c", PROGRAM],
        capture_output=True, text=True, check=False, timeout=60,
        env={"PYTHONPATH": str(root / "src"), "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert result.stdout == "done\n", result.stderr
