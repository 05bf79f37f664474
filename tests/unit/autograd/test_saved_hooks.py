"""Hooks on saved values: packing, versions, nesting, errors, custom functions."""

from __future__ import annotations

from typing import Any

import pytest

import wengert as wg
from wengert.autograd import graph


def leaf(*values: float) -> Any:
    return wg.tensor(values, dtype=wg.float64, requires_grad=True)


def test_what_is_packed_is_what_is_used() -> None:
    x = leaf(2.0)
    packed = []

    def pack(tensor: Any) -> Any:
        assert not tensor.requires_grad
        packed.append(tensor.item())
        return ("packed", tensor.item() * 10)

    with graph.saved_tensors_hooks(pack, lambda pair: wg.tensor([pair[1]], dtype=wg.float64)):
        y = x * x
    y.sum().backward()
    assert (packed, x.grad.item()) == ([2.0, 2.0], 40.0)


def test_the_innermost_hooks_count() -> None:
    order = []

    def hooks(name: str) -> Any:
        return graph.saved_tensors_hooks(lambda t: order.append(name) or t, lambda t: t)

    x = leaf(1.0)
    with hooks("outer"):
        x.sin()
        with hooks("inner"):
            x.sin()
        x.sin()
    x.sin()
    assert order == ["outer", "inner", "outer"]


def test_histories_survive() -> None:
    x = leaf(0.5)
    with graph.saved_tensors_hooks(lambda t: t.tolist(), lambda v: wg.tensor(v, dtype=wg.float64)):
        y = (x * x).exp()
    (first,) = wg.autograd.grad(y, x, wg.ones(1, dtype=wg.float64), create_graph=True)
    (second,) = wg.autograd.grad(first.sum(), x)
    plain = leaf(0.5)
    (a,) = wg.autograd.grad((plain * plain).exp().sum(), plain, create_graph=True)
    (b,) = wg.autograd.grad(a.sum(), plain)
    assert (first.item(), second.item()) == (a.item(), b.item())


def test_hooks_that_keep_the_memory_do_not_hide_writes() -> None:
    x = leaf(1.0) * 1
    for pack, unpack in [(lambda t: t, lambda t: t), (lambda t: (1, t), lambda pair: pair[1])]:
        with graph.saved_tensors_hooks(pack, unpack):
            y = (x * x).sum()
        x.detach().add_(1)
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            y.backward()


def test_copies_may_be_written_over() -> None:
    x = leaf(3.0)
    y = x * 1
    with graph.saved_tensors_hooks(lambda t: t.clone(), lambda t: t):
        z = (y * y).sum()
    y.zero_()
    z.backward()
    assert x.grad.item() == 6.0


def test_what_hooks_may_not_do() -> None:
    x = leaf(1.0) * 1
    with (
        graph.saved_tensors_hooks(lambda t: t.add_(1), lambda t: t),
        pytest.raises(RuntimeError, match="pack hook is modifying its input in place"),
    ):
        x.sin()
    for unpack, error, text in [
        (lambda t: 3, TypeError, "unpack_hook expected to be a Tensor but got result of type int"),
        (lambda t: t.float(), RuntimeError, "gave something else than was packed"),
        (lambda t: t.expand(5), RuntimeError, "packed: float64.1."),
    ]:
        with graph.saved_tensors_hooks(lambda t: t, unpack):
            y = x.sin().sum()
        with pytest.raises(error, match=text):
            y.backward()


def test_errors_in_hooks_are_raised() -> None:
    def fail(value: Any) -> Any:
        raise KeyError("stop")

    x = leaf(1.0)
    with graph.saved_tensors_hooks(fail, fail), pytest.raises(KeyError, match="stop"):
        x.sin()
    with graph.saved_tensors_hooks(lambda t: t, fail):
        y = x.sin()
    with pytest.raises(KeyError, match="stop"):
        y.sum().backward(retain_graph=True)
    assert x.grad is None


def test_hooks_can_be_forbidden() -> None:
    hooks = graph.saved_tensors_hooks(lambda t: t, lambda t: t)
    with graph.disable_saved_tensors_hooks("not here"):
        with pytest.raises(RuntimeError, match="not here"), hooks:
            pass
        with graph.disable_saved_tensors_hooks("nor here"):
            pass
        with pytest.raises(RuntimeError, match="not here"), hooks:
            pass
    with (
        hooks,
        pytest.raises(RuntimeError, match="too late"),
        graph.disable_saved_tensors_hooks("too late"),
    ):
        pass
    with hooks:
        leaf(1.0).sin()


def test_custom_functions_save_through_hooks() -> None:
    class Exp(wg.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            y = x.exp()
            ctx.save_for_backward(x, y)
            return y

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            return grad * ctx.saved_tensors[1]

    x = leaf(0.0)
    count = []
    with graph.saved_tensors_hooks(lambda t: (count.append(1), t.clone())[1], lambda t: t):
        y = Exp.apply(x)
    assert len(count) == 2
    (first,) = wg.autograd.grad(y.sum(), x, create_graph=True)
    assert wg.autograd.grad(first.sum(), x)[0].item() == 1.0


def test_save_on_cpu_and_mutation() -> None:
    x = leaf(2.0)
    with graph.save_on_cpu():
        y = (x * x).sum()
    y.backward()
    assert x.grad.item() == 4.0
    with graph.allow_mutation_on_saved_tensors():
        y = x * 1
        z = (y * y).sum()
        y.zero_()
    z.backward()
    assert x.grad.item() == 8.0


def test_each_thread_has_its_own() -> None:
    import threading

    seen = []
    with graph.saved_tensors_hooks(lambda t: seen.append(1) or t, lambda t: t):
        thread = threading.Thread(target=lambda: leaf(1.0).sin())
        thread.start()
        thread.join()
    assert seen == []


def test_hooks_of_one_value_that_is_saved_already() -> None:
    x = leaf(3.0)
    y = x * x
    packed = []
    y.grad_fn._raw_saved_self.register_hooks(
        lambda t: packed.append(t.item()) or t, lambda t: t * 10
    )
    assert packed == [3.0]
    (g,) = wg.autograd.grad(y, x, wg.ones(1, dtype=wg.float64), create_graph=True)
    assert g.item() == 33.0
    with pytest.raises(RuntimeError, match="hooks have already been set"):
        y.grad_fn._raw_saved_self.register_hooks(lambda t: t, lambda t: t)
    with pytest.raises(AttributeError):
        _ = y.grad_fn._raw_saved_weight


def test_hooks_of_an_output_that_is_saved_keep_its_history() -> None:
    x = leaf(0.5)
    y = x.exp()
    y.grad_fn._raw_saved_result.register_hooks(
        lambda t: t.tolist(), lambda v: wg.tensor(v, dtype=wg.float64)
    )
    (first,) = wg.autograd.grad(y.sum(), x, create_graph=True)
    (second,) = wg.autograd.grad(first.sum(), x)
    assert second.item() == pytest.approx(wg.tensor(0.5, dtype=wg.float64).exp().item())


def test_no_hooks_for_a_value_that_was_freed() -> None:
    x = leaf(0.5)
    y = x.exp()
    raw = y.grad_fn._raw_saved_result
    y.sum().backward()
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        raw.register_hooks(lambda t: t, lambda t: t)
