"""What packages written for PyTorch call around their models."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import wengert as wg
from wengert import futures, profiler
from wengert._higher_order_ops import associative_scan
from wengert.nn.attention.flex_attention import (
    and_masks,
    create_block_mask,
    flex_attention,
    or_masks,
)
from wengert.nn.functional import scaled_dot_product_attention
from wengert.utils import _pytree as pytree


def test_futures_chain_and_keep_errors() -> None:
    future = futures.Future()
    assert not future.done()
    with pytest.raises(RuntimeError, match="no value yet"):
        future.value()
    later = future.then(lambda f: f.value() + 1).then(lambda f: f.value() / 0)
    threading.Thread(target=future.set_result, args=(1,)).start()
    with pytest.raises(ZeroDivisionError):
        later.wait()
    with pytest.raises(RuntimeError, match="only be marked completed once"):
        future.set_result(2)
    assert futures.wait_all([future, future]) == [1, 1]
    assert futures.collect_all([]).wait() == []
    with pytest.raises(TypeError, match="not an Exception"):
        futures.Future().set_exception(3)  # type: ignore[arg-type]


def test_profiler_counts_calls_and_blocks(tmp_path: Path) -> None:
    model = wg.nn.Linear(3, 2)
    with profiler.profile(record_shapes=True) as recorded:
        with profiler.record_function("forward"):
            y = model(wg.ones(4, 3))
        y.sum().backward()
    rows = {event.key: event for event in recorded.key_averages()}
    assert rows["forward"].count == rows["sum"].count == 1
    assert rows["forward"].cpu_time_total >= rows["forward"].self_cpu_time_total > 0
    assert "forward" in recorded.key_averages().table(sort_by="self_cpu_time_total", row_limit=5)
    recorded.export_chrome_trace(str(tmp_path / "trace.json"))
    names = [
        each["name"] for each in json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    ]
    assert names == [event.name for event in recorded.events()]
    (wg.ones(1) + 1).sum()
    assert len(recorded.events()) == len(names)


def test_profiler_follows_its_schedule() -> None:
    ready = []
    plan = profiler.schedule(wait=1, warmup=1, active=2, repeat=1)
    with profiler.profile(
        schedule=plan, on_trace_ready=lambda p: ready.append(len(p.events()))
    ) as p:
        for _ in range(6):
            wg.ones(1)
            p.step()
    assert ready == [1] or ready == [2]


def test_scans() -> None:
    x = wg.arange(1.0, 8.0)
    for size in range(1, 8):
        assert associative_scan(wg.mul, x[:size]).tolist() == x[:size].cumprod(0).tolist()
    pairs = wg.rand(3, 6, 2, dtype=wg.float64)

    def step(a: tuple[wg.Tensor, wg.Tensor], b: tuple[wg.Tensor, wg.Tensor]) -> tuple:
        return a[0] * b[0], b[0] * a[1] + b[1]

    _, values = associative_scan(step, (pairs[..., 0], pairs[..., 1]), dim=1)
    state = wg.zeros(3, dtype=wg.float64)
    for t in range(6):
        state = pairs[:, t, 0] * state + pairs[:, t, 1]
        wg.testing.assert_close(values[:, t], state)
    backwards = associative_scan(wg.add, x, reverse=True)
    assert backwards.tolist() == x.flip(0).cumsum(0).flip(0).tolist()
    with pytest.raises(ValueError, match="differ in size"):
        associative_scan(wg.add, [wg.ones(2), wg.ones(3)])


def test_flex_attention_with_masks_and_scores() -> None:
    wg.manual_seed(0)
    q, k, v = (wg.randn(2, 4, 6, 8, dtype=wg.float64, requires_grad=True) for _ in range(3))
    causal = create_block_mask(lambda b, h, i, j: i >= j, None, None, 6, 6, BLOCK_SIZE=2)
    expected = scaled_dot_product_attention(q, k, v, is_causal=True)
    output, lse = flex_attention(q, k, v, block_mask=causal, return_lse=True)
    wg.testing.assert_close(output, expected)
    assert lse.shape == (2, 4, 6)
    output.sum().backward()
    assert q.grad is not None
    assert causal.to_dense()[0, 0].tolist() == [[1, 0, 0], [1, 1, 0], [1, 1, 1]]
    slopes = wg.tensor([0.1, 0.2, 0.3, 0.4], dtype=wg.float64)
    biased = flex_attention(q, k, v, lambda s, b, h, i, j: s + slopes[h] * (j - i))
    places = wg.arange(6)
    bias = slopes.view(4, 1, 1) * (places - places.view(6, 1))
    wg.testing.assert_close(biased, scaled_dot_product_attention(q, k, v, attn_mask=bias))
    window = and_masks(lambda b, h, i, j: i >= j, lambda b, h, i, j: i - j < 2)
    nothing = create_block_mask(lambda b, h, i, j: (i < 3) & (j >= 0), None, None, 6, 6)
    assert flex_attention(q, k, v, block_mask=nothing)[:, :, 3:].abs().max() == 0
    either = create_block_mask(or_masks(window, lambda b, h, i, j: j == 0), 1, 1, 6, 6)
    assert either.sparsity() == 0.0
    with pytest.raises(ValueError, match="same number of heads"):
        flex_attention(q, k[:, :2], v[:, :2])
    grouped = flex_attention(q, k[:, :2], v[:, :2], enable_gqa=True)
    wg.testing.assert_close(grouped, flex_attention(q, k[:, [0, 0, 1, 1]], v[:, [0, 0, 1, 1]]))


@pytest.mark.filterwarnings("ignore:This overload")
def test_older_forms_with_the_factor_first() -> None:
    x, y = wg.ones(2), wg.tensor([1.0, 2.0])
    assert x.add(3, y).tolist() == [4.0, 7.0]
    assert wg.add(x, 3, y).tolist() == [4.0, 7.0]
    assert x.clone().addcmul_(0.5, y, y).tolist() == [1.5, 3.0]
    assert x.addcdiv(2.0, y, y).tolist() == [3.0, 3.0]
    assert x.clone().sub_(2, y).tolist() == [-1.0, -3.0]
    with pytest.raises(TypeError, match="positional arguments"):
        x.add(3, 4, y)
    with pytest.raises(TypeError, match="positional arguments"):
        x.mul(3, y)


def test_older_forms_warn() -> None:
    with pytest.warns(UserWarning, match="This overload of add is deprecated"):
        wg.ones(1).add(2, wg.ones(1))


def test_products_of_one_column_in_a_batch_transposed() -> None:
    # An outer product for each row: the left operand has one column.
    a, b = wg.randn(3, 1, 64).transpose(1, 2), wg.randn(1, 64)
    wg.testing.assert_close(a @ b, a * b)
    windows = wg.randn(40).as_strided((3, 5, 4), (5, 1, 6))
    matrix = wg.randn(4, 7)
    wg.testing.assert_close(windows @ matrix, windows.contiguous() @ matrix, rtol=1e-5, atol=1e-5)


def test_limits_of_dtypes_without_tensors() -> None:
    assert wg.finfo(wg.float8_e4m3fn).max == 448.0
    assert wg.finfo(wg.float8_e5m2).tiny == 2.0**-14
    assert wg.finfo(wg.float8_e8m0fnu).bits == 8


def test_trees_under_pytorchs_names() -> None:
    leaves, spec = pytree.tree_flatten({"a": [1, 2]})
    same = pytree.TreeSpec(dict, ["a"], [pytree.TreeSpec(list, None, [pytree.LeafSpec()] * 2)])
    assert spec == same
    assert spec.type is dict
    assert spec.children_specs[0].num_leaves == 2
    assert pytree.tree_unflatten(leaves, same) == {"a": [1, 2]}
    take = pytree.SUPPORTED_NODES[pytree._get_node_type([1])].flatten_fn
    assert take([1, 2])[0] == [1, 2]


@pytest.mark.parametrize(
    "line",
    [
        "from torch._C import _get_tracing_state, Value, _TensorMeta",
        "from torch._utils import _flatten_dense_tensors, _unflatten_dense_tensors",
        "from torch.utils.data._utils.collate import default_collate",
        "from torch.utils.data.dataloader import _BaseDataLoaderIter, _DatasetKind",
        "from torch._dynamo.eval_frame import OptimizedModule",
        "from torch._jit_internal import _copy_to_script_wrapper",
        "from torch.nn.modules.module import _IncompatibleKeys",
        "from torch.nn.parallel.scatter_gather import scatter",
        "from torch.nn.parallel.distributed import DistributedDataParallel",
        "from torch.nn.utils.stateless import _reparametrize_module",
        "from torch.distributions.utils import _standard_normal, _sum_rightmost",
        "from torch.distributions.transforms import _InverseTransform, _clipped_sigmoid",
        "from torch.distributed._composable.fsdp import FSDPModule",
        "from torch.distributed._tensor import DTensor",
        "from torch.cuda import FloatTensor, CUDAGraph, Stream",
        "from torch.serialization import MAP_LOCATION",
        "from torch import ScriptModule, DeviceObjType, _standard_gamma",
        "import torch; print(torch.__config__.show())",
        "import importlib.metadata as m; assert m.version('torch').startswith('2.')",
    ],
)
def test_names_that_packages_import(root: Path, line: str) -> None:
    command = [sys.executable, "-m", "wengert", "run", "-c", line]
    result = subprocess.run(
        command,
        env={**os.environ, "PYTHONPATH": str(root / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr


def test_what_is_not_there_says_so() -> None:
    from wengert.distributed.fsdp import fully_shard
    from wengert.distributed.optim import ZeroRedundancyOptimizer
    from wengert.utils.flop_counter import FlopCounterMode

    layer = wg.nn.Linear(1, 1)
    with pytest.raises(RuntimeError, match="several processes"):
        fully_shard(layer)
    with pytest.raises(RuntimeError, match="several processes"):
        ZeroRedundancyOptimizer(layer.parameters())
    with pytest.raises(NotImplementedError, match="not counted"):
        FlopCounterMode()
    with pytest.raises(RuntimeError, match="no TorchScript"):
        wg.jit.ScriptModule()
    with pytest.raises(Exception, match="cpu only"):
        wg.cuda.FloatTensor(3)


def test_an_optimizer_that_wraps_another() -> None:
    class Wrapper(wg.optim.Optimizer):
        def __init__(self, inner: wg.optim.Optimizer) -> None:
            self.inner = inner
            self.param_groups, self.state = inner.param_groups, inner.state

        def step(self, closure: None = None) -> None:
            self.inner.step()

    weight = wg.ones(1, requires_grad=True)
    outer = Wrapper(wg.optim.SGD([weight], lr=0.5))
    weight.sum().backward()
    outer.step()
    assert weight.item() == 0.5
    assert outer.state_dict()["param_groups"][0]["lr"] == 0.5
