"""What programs ask about devices, settings and types gets an answer that keeps them running."""

from __future__ import annotations

import importlib
import pickle
from typing import Any

import pytest

import wengert as wg

QUIET = {
    "cuda": ("empty_cache", "synchronize", "ipc_collect", "seed", "seed_all"),
    "mps": ("empty_cache", "synchronize"),
    "xpu": ("empty_cache", "synchronize"),
    "cpu": ("synchronize",),
}


def test_there_is_no_gpu() -> None:
    for name in ("cuda", "mps", "xpu", "accelerator"):
        module = getattr(wg, name)
        assert module.is_available() is False
        assert module.device_count() == 0
    assert wg.cpu.is_available()
    assert wg.accelerator.current_accelerator() is None
    assert wg.cuda.memory_allocated() == wg.cuda.max_memory_allocated() == 0
    assert wg.cuda.get_rng_state_all() == []
    assert not wg.cuda.is_initialized()
    assert not wg.distributed.is_available()
    assert wg.version.cuda is None
    device = wg.device("cuda" if wg.cuda.is_available() else "cpu")
    assert wg.zeros(1, device=device).device == device


@pytest.mark.parametrize("name", QUIET)
def test_what_has_nothing_to_do_does_nothing(name: str) -> None:
    for function in QUIET[name]:
        getattr(getattr(wg, name), function)()
    wg.cuda.manual_seed(1)
    wg.cuda.manual_seed_all(1)
    wg.mps.manual_seed(1)
    with wg.cuda.device(None), wg.cuda.device(-1):
        pass


@pytest.mark.parametrize(
    "call",
    [
        wg.cuda.init,
        wg.cuda.current_device,
        lambda: wg.cuda.get_device_name(0),
        lambda: wg.cuda.set_device(0),
        lambda: wg.cuda.get_device_properties("cuda"),
        lambda: wg.cuda.Stream(),
        lambda: wg.cuda.Event(enable_timing=True),
        lambda: wg.cuda.device(0).__enter__(),
        lambda: wg.cuda.set_rng_state_all([wg.zeros(1)]),
        lambda: wg.ones(2).cuda(),
        lambda: wg.nn.Linear(1, 1).cuda(),
    ],
)
@pytest.mark.parametrize("kind", [AssertionError, RuntimeError])
def test_what_needs_a_gpu_raises(call: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind) as caught:
        call()
    text = str(caught.value)
    assert text.startswith("Torch not compiled with CUDA enabled")
    assert "this build has the device cpu only" in text


def test_other_devices() -> None:
    with pytest.raises(AssertionError, match="Cannot access accelerator device"):
        wg.accelerator.synchronize()
    with pytest.raises(RuntimeError, match="Cannot access accelerator device"):
        wg.ones(1).pin_memory()
    module = wg.nn.Linear(1, 1)
    for share in (
        wg.ones(1).share_memory_,
        module.share_memory,
        wg.optim.Adagrad(module.parameters()).share_memory,
    ):
        with pytest.raises(NotImplementedError, match="by value"):
            share()
    assert wg.device("mps").type == "mps"
    assert len({wg.device("mps"), wg.device("meta"), wg.device("mps")}) == 2
    assert pickle.loads(pickle.dumps(wg.device("xpu", 1))) == wg.device("xpu:1")
    with wg.device("cpu") as device:
        assert wg.ones(1).device == device
    with pytest.raises(RuntimeError, match="device 'cuda' is not available"), wg.device("cuda"):
        pass
    for name in ("is_cuda", "is_mps", "is_sparse", "is_nested", "is_quantized", "is_xla"):
        assert getattr(wg.ones(1), name) is False


def test_switches_can_be_set() -> None:
    cudnn = wg.backends.cudnn
    before = cudnn.benchmark
    cudnn.benchmark = True
    assert wg.backends.cudnn.benchmark is True
    with cudnn.flags(enabled=False, benchmark=False):
        assert (cudnn.enabled, cudnn.benchmark) == (False, False)
    assert (cudnn.enabled, cudnn.benchmark) == (True, True)
    cudnn.benchmark = before
    wg.backends.cuda.matmul.allow_tf32 = True
    assert wg.backends.cuda.matmul.allow_tf32
    wg.backends.cuda.matmul.allow_tf32 = False
    with wg.backends.cuda.sdp_kernel(enable_math=False):
        assert not wg.backends.cuda.math_sdp_enabled()
    assert wg.backends.cuda.math_sdp_enabled()
    assert not cudnn.is_available()
    assert cudnn.version() is None
    assert wg.backends.mkldnn.is_available()
    assert wg.backends.openmp.is_available()
    assert not wg.backends.mps.is_built()


def test_settings_are_remembered() -> None:
    assert wg.get_float32_matmul_precision() == "highest"
    wg.set_float32_matmul_precision("high")
    assert wg.get_float32_matmul_precision() == "high"
    wg.set_float32_matmul_precision("highest")
    with pytest.raises(RuntimeError, match="Invalid float32 matmul precision"):
        wg.set_float32_matmul_precision("low")
    for mode, warn, number in ((True, False, 2), (True, True, 1), (False, False, 0)):
        wg.use_deterministic_algorithms(mode, warn_only=warn)
        assert wg.are_deterministic_algorithms_enabled() == mode
        assert wg.is_deterministic_algorithms_warn_only_enabled() == warn
        assert wg.get_deterministic_debug_mode() == number
    wg.set_deterministic_debug_mode("warn")
    assert wg.get_deterministic_debug_mode() == 1
    wg.set_deterministic_debug_mode(0)
    with pytest.raises(RuntimeError, match="invalid value of debug_mode"):
        wg.set_deterministic_debug_mode("loud")
    wg.set_default_device("cpu")
    wg.set_default_device(None)
    assert wg.get_default_device() == wg.device("cpu")
    with pytest.raises(RuntimeError, match="'cuda' is not available"):
        wg.set_default_device("cuda")
    assert wg.get_device_module("cuda:0") is wg.cuda
    wg.set_num_interop_threads(1)
    assert wg.get_num_interop_threads() == 1


def test_compiling_changes_nothing() -> None:
    model = wg.nn.Linear(1, 1)
    assert wg.compile(model) is model
    assert wg.compile(model, mode="reduce-overhead", fullgraph=True) is model

    @wg.compile
    def f(x: Any) -> Any:
        return x + 1

    @wg.compile(dynamic=True)
    def g(x: Any) -> Any:
        return x + 2

    @wg.jit.script
    def h(x: Any) -> Any:
        return x + 3

    @wg.compiler.disable
    def k(x: Any) -> Any:
        return x + 4

    x = wg.zeros(1)
    assert [function(x).item() for function in (f, g, h, k)] == [1, 2, 3, 4]
    assert wg.jit.trace(h, (x,)) is h
    assert not wg.jit.is_scripting()
    assert not wg.compiler.is_compiling()
    with pytest.raises(RuntimeError, match="Either mode or options"):
        wg.compile(model, mode="default", options={})
    with pytest.raises(AttributeError, match="there is no TorchScript"):
        wg.jit.load  # noqa: B018


TYPES = {
    "FloatTensor": wg.float32, "DoubleTensor": wg.float64, "HalfTensor": wg.float16,
    "BFloat16Tensor": wg.bfloat16, "LongTensor": wg.int64, "IntTensor": wg.int32,
    "ShortTensor": wg.int16, "CharTensor": wg.int8, "ByteTensor": wg.uint8, "BoolTensor": wg.bool,
}  # fmt: skip


@pytest.mark.parametrize("name", TYPES)
def test_types_that_stand_for_dtypes(name: str) -> None:
    kind, dtype = getattr(wg, name), TYPES[name]
    for x in (kind(2, 3), kind([[1, 0], [0, 1]]), kind(wg.Size([2])), kind(), kind(0)):
        assert x.dtype is dtype
        assert isinstance(x, kind)
        assert isinstance(x, wg.Tensor)
    assert kind(2, 3).shape == (2, 3)
    assert kind([1, 0]).tolist() == [1, 0]
    assert not isinstance(wg.zeros(1, dtype=wg.complex64), kind)
    assert wg.ones(2).type(kind).dtype is dtype
    assert wg.ones(2).type(f"torch.{name}").dtype is dtype
    assert wg.ones(2).to(dtype).type() == f"wengert.{name}"


def test_legacy_constructors() -> None:
    assert wg.Tensor(2, 3).shape == (2, 3)
    assert wg.Tensor(wg.Size([])).dim() == 0
    assert wg.Tensor([2, 3]).tolist() == [2.0, 3.0]
    assert wg.Tensor().shape == (0,)
    assert wg.ones(1, dtype=wg.int64).new(2, 2).dtype is wg.int64
    assert wg.ones(1).new([5]).tolist() == [5.0]
    with pytest.raises(RuntimeError, match="negative dimension"):
        wg.Tensor(-1)
    with pytest.raises(TypeError, match="expected FloatTensor"):
        wg.FloatTensor(wg.ones(1, dtype=wg.float64))
    with pytest.raises(TypeError, match="invalid type object"):
        wg.ones(1).type(dict)


def test_storage() -> None:
    x = wg.arange(6.0).view(2, 3)
    storage = x[1].storage()
    assert list(storage) == [0, 1, 2, 3, 4, 5]
    assert storage.data_ptr() == x.data_ptr()
    storage[0] = 9
    assert x[0, 0] == 9
    assert (len(storage), storage.nbytes(), storage.dtype) == (6, 24, wg.float32)
    assert storage.clone().fill_(1).tolist() == [1] * 6
    assert x[0, 0] == 9


def test_versions_are_compared_by_numbers() -> None:
    version = wg.torch_version.TorchVersion("2.13.0+wengert")
    assert version > "2.9"
    assert version >= (2, 13)
    assert version < "3"
    assert not version < (2, 13, 0)
    assert version == "2.13.0+wengert"
    assert version.split(".")[:2] == ["2", "13"]
    assert hash(version) == hash("2.13.0+wengert")


def test_forked_random_numbers() -> None:
    wg.manual_seed(5)
    a = wg.rand(1)
    with wg.random.fork_rng():
        b = wg.rand(1)
    with wg.random.fork_rng(enabled=False):
        assert wg.rand(1) == b
    assert wg.rand(1) not in (a, b)


def test_typename() -> None:
    assert wg.typename(wg.ones(1)) == "wengert.FloatTensor"
    assert wg.typename(wg.nn.Linear) == "wengert.nn.modules.linear.Linear"
    assert wg.typename(3) == "int"


def test_old_wrappers() -> None:
    x = wg.autograd.Variable(wg.ones(2), requires_grad=True)
    assert x.requires_grad
    assert isinstance(x, wg.autograd.Variable)
    assert not isinstance(3, wg.autograd.Variable)
    model = wg.nn.DataParallel(wg.nn.Linear(2, 1))
    assert wg.equal(model(wg.ones(1, 2)), model.module(wg.ones(1, 2)))
    assert wg.equal(wg.nn.parallel.data_parallel(model.module, wg.ones(1, 2)), model(wg.ones(1, 2)))
    with pytest.raises(RuntimeError, match="several processes"):
        wg.nn.parallel.DistributedDataParallel(model)


def test_hub_of_a_directory(tmp_path: Any) -> None:
    (tmp_path / "hubconf.py").write_text("def double(x):\n    'Twice.'\n    return 2 * x\n")
    assert wg.hub.load(str(tmp_path), "double", 4, source="local") == 8
    assert wg.hub.list(str(tmp_path)) == ["double"]
    assert wg.hub.help(str(tmp_path), "double") == "Twice."
    with pytest.raises(RuntimeError, match="Cannot find callable triple"):
        wg.hub.load(str(tmp_path), "triple", source="local")
    with pytest.raises(RuntimeError, match="downloads nothing"):
        wg.hub.load("someone/something", "model")


def test_indices_that_are_none() -> None:
    for index in ("a", b"a", 0.5):
        with pytest.raises(IndexError) as caught:
            wg.ones(2)[index]
        assert str(caught.value).startswith(
            "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are "
            f"valid indices (got {type(index).__name__})"
        )


def test_low_rank() -> None:
    for shape in ((8, 5), (5, 8), (2, 6, 4)):
        A = wg.randn(*shape[:-1], 2) @ wg.randn(*shape[:-2], 2, shape[-1])
        U, S, V = wg.svd_lowrank(A, q=3)
        assert wg.allclose(U * S.unsqueeze(-2) @ V.mT, A, atol=1e-4)
        exact = wg.linalg.svdvals(A)
        assert wg.allclose(S, exact[..., :3], atol=1e-4)
    A = wg.randn(30, 4) + 5
    assert wg.allclose(
        wg.pca_lowrank(A, q=4)[1], wg.linalg.svdvals(A - A.mean(0)), rtol=1e-4, atol=1e-4
    )
    with pytest.raises(ValueError, match="must be non-negative integer"):
        wg.pca_lowrank(A, q=9)


def test_flat_losses_take_numbers_for_reductions() -> None:
    x, y = wg.tensor([0.5, -1.0]), wg.tensor([1.0, 0.0])
    F = wg.nn.functional
    for number, name in enumerate(("none", "mean", "sum")):
        assert wg.equal(
            wg.binary_cross_entropy_with_logits(x, y, reduction=number),
            F.binary_cross_entropy_with_logits(x, y, reduction=name),
        )
        assert wg.equal(
            wg.hinge_embedding_loss(x, wg.tensor([1.0, -1.0]), 1.0, number),
            F.hinge_embedding_loss(x, wg.tensor([1.0, -1.0]), 1.0, reduction=name),
        )
        assert wg.equal(wg.kl_div(x, y, number), F.kl_div(x, y, reduction=name))
    with pytest.raises(ValueError, match="not a valid value for reduction"):
        wg.kl_div(x, y, 7)
    weight = wg.eye(3)
    assert wg.equal(wg.embedding(weight, wg.tensor([2])), weight[2:])
    z = wg.ones(50)
    assert wg.dropout_(z, 0.5, True) is z
    assert set(z.tolist()) <= {0.0, 2.0}


@pytest.mark.parametrize("name", sorted(wg._LAZY))
def test_parts_that_come_late(name: str) -> None:
    module = importlib.import_module(f"wengert.{name}")
    assert getattr(wg, name) is module
    for each in getattr(module, "__all__", ()):
        assert hasattr(module, each), f"{name}.{each}"
    assert name in dir(wg)
