"""Operators that programs define, by the names of `torch.library` and `torch.ops`."""

from __future__ import annotations

import pytest

import wengert as wg
from wengert import library


@library.custom_op("tests::scaled_sin", mutates_args=())
def scaled_sin(x: wg.Tensor, scale: float = 2.0) -> wg.Tensor:
    """sin(x) * scale"""
    assert not wg.is_grad_enabled()
    return x.sin() * scale


def _keep(ctx, inputs, output):
    ctx.save_for_backward(inputs[0])
    ctx.scale = inputs[1]


scaled_sin.register_autograd(
    lambda ctx, grad: (grad * ctx.saved_tensors[0].cos() * ctx.scale, None), setup_context=_keep
)


def test_call_with_defaults_and_keywords() -> None:
    x = wg.tensor([0.5, 1.0])
    wg.testing.assert_close(scaled_sin(x), x.sin() * 2)
    wg.testing.assert_close(wg.ops.tests.scaled_sin(x, scale=3.0), x.sin() * 3)
    wg.testing.assert_close(wg.ops.tests.scaled_sin.default(x, 4.0), x.sin() * 4)
    assert scaled_sin.__doc__ == "sin(x) * scale"


def test_derivative() -> None:
    x = wg.tensor([0.5, 1.0], dtype=wg.float64, requires_grad=True)
    assert wg.autograd.gradcheck(lambda x: scaled_sin(x, 3.0), x)


def test_no_derivative() -> None:
    plain = library.custom_op("tests::plain", lambda x: x * 2, mutates_args=())
    x = wg.ones(2, requires_grad=True)
    with pytest.raises(RuntimeError, match="no autograd formula was registered"):
        plain(x).sum().backward()


def test_vmap_rule() -> None:
    op = library.custom_op("tests::sorted", lambda x: x.sort().values, mutates_args=())
    op.register_vmap(lambda info, in_dims, x: (x.sort(dim=-1).values, 0))
    x = wg.tensor([[3.0, 1.0], [2.0, 4.0]])
    wg.testing.assert_close(wg.vmap(op)(x), x.sort(dim=-1).values)


def test_other_ways_to_define() -> None:
    lib = library.Library("tests_more", "DEF")
    assert lib.define("double(Tensor x) -> Tensor") == "double"
    with pytest.raises(NotImplementedError, match="no function was registered for the CPU"):
        wg.ops.tests_more.double(wg.ones(1))
    lib.impl("double", lambda x: x * 3, "CUDA")
    lib.impl("double", lambda x: x * 2, "CPU")
    assert wg.ops.tests_more.double(wg.ones(1)).item() == 2
    library.define("tests_more::triple", "(Tensor x) -> Tensor")

    @library.impl("tests_more::triple", "cpu")
    def triple(x: wg.Tensor) -> wg.Tensor:
        return x * 3

    assert wg.ops.tests_more.triple(wg.ones(1)).item() == 3
    assert library.register_fake("tests_more::unknown", len) is len


def test_known_operators_and_unknown_ones() -> None:
    assert wg.ops.aten.add(wg.ones(1), 1).item() == 2
    assert wg.ops.aten.relu.default(-wg.ones(1)).item() == 0
    with pytest.raises(AttributeError, match="'_OpNamespace' 'aten' object has no attribute 'nix'"):
        wg.ops.aten.nix  # noqa: B018
    with pytest.raises(OSError, match="was compiled against PyTorch"):
        wg.ops.load_library("_C.so")


def test_bad_names() -> None:
    with pytest.raises(ValueError, match='of the form "namespace::name"'):
        library.custom_op("plain", len, mutates_args=())
    with pytest.raises(RuntimeError, match="operator tests::unknown does not exist"):
        library.register_autograd("tests::unknown", len)
    with pytest.raises(ValueError, match="Unsupported kind: X"):
        library.Library("tests", "X")
