"""Backward hooks on modules, with writes in place, and hooks on all modules."""

from __future__ import annotations

from typing import Any

import pytest

import wengert as wg
from wengert import nn
from wengert.nn.modules import module as hooks


def leaf(*values: float) -> Any:
    return wg.tensor(values, dtype=wg.float64, requires_grad=True)


class Double(nn.Module):
    def forward(self, x: Any, *rest: Any, **kwargs: Any) -> Any:
        return x * 2


def record(seen: list[Any]) -> Any:
    def hook(module: Any, grad_input: Any, grad_output: Any) -> None:
        seen.append(
            (
                [None if g is None else g.tolist() for g in grad_input],
                [None if g is None else g.tolist() for g in grad_output],
            )
        )

    return hook


def test_gradients_of_the_module_alone() -> None:
    seen: list[Any] = []
    double = Double()
    double.register_full_backward_hook(record(seen))
    x = leaf(1.0) * 1
    (double(x, 3, wg.ones(1)) * 5 + x * 100).sum().backward()
    assert seen == [([[10.0], None, None], [[5.0]])]


def test_replacing_and_order() -> None:
    double = Double()
    double.register_full_backward_pre_hook(lambda m, got: (got[0] * 10,))
    double.register_full_backward_hook(lambda m, given, got: (given[0] + 1,))
    first = double.register_full_backward_hook(lambda m, given, got: (given[0] * 3,), prepend=True)
    x = leaf(1.0)
    double(x).sum().backward()
    assert x.grad.item() == 61.0
    first.remove()
    x.grad = None
    double(x).sum().backward()
    assert x.grad.item() == 21.0


@pytest.mark.parametrize("view", [lambda x: x * 1, lambda x: (x * 1)[:], lambda x: (x * 1).view(2)])
def test_in_place_activations(view: Any) -> None:
    seen: list[Any] = []
    relu = nn.ReLU(inplace=True)
    relu.register_full_backward_hook(record(seen))
    x = leaf(-1.0, 2.0)
    y = view(x)
    z = relu(y)
    assert z.data_ptr() == y.data_ptr()
    (z * 3).sum().backward()
    assert x.grad.tolist() == [0.0, 3.0]
    assert seen == [([[0.0, 3.0]], [[3.0, 3.0]])]


@pytest.mark.parametrize("output", [lambda x: x * 2, lambda x: (x * 2)[:], lambda x: (x * 2).t()])
def test_the_next_module_may_write_to_the_output(output: Any) -> None:
    class Layer(nn.Module):
        def forward(self, x: Any) -> Any:
            return output(x)

    seen: list[Any] = []
    layer = Layer()
    layer.register_full_backward_hook(record(seen))
    x = wg.tensor([[-1.0, 2.0]], dtype=wg.float64, requires_grad=True)
    y = layer(x)
    y.mul_(wg.tensor([[0.0], [1.0]]) if y.shape[0] == 2 else wg.tensor([[0.0, 1.0]]))
    y += 1
    (y * 3).sum().backward()
    assert x.grad.tolist() == [[0.0, 6.0]]
    ((given, got),) = seen
    assert given == [[[0.0, 6.0]]]
    assert wg.tensor(got[0]).flatten().tolist() == [0.0, 3.0]


def test_shortcuts_in_place() -> None:
    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.relu = nn.ReLU(inplace=True)

        def forward(self, x: Any) -> Any:
            y = x * 2
            y += x
            return self.relu(y)

    x = leaf(-1.0, 2.0)
    blocks = nn.Sequential(Block(), Block())
    seen: list[Any] = []
    for module in blocks.modules():
        module.register_full_backward_hook(record(seen))
    blocks(x * 1).sum().backward()
    assert x.grad.tolist() == [0.0, 9.0]
    assert len(seen) == 5


@pytest.mark.parametrize("of_leaf", [False, True])
@pytest.mark.parametrize("make", [nn.Identity, nn.Sequential, lambda: nn.Dropout().eval()])
def test_modules_that_return_their_input(make: Any, of_leaf: bool) -> None:
    seen: list[Any] = []
    module = make()
    module.register_full_backward_hook(record(seen))
    module.register_full_backward_hook(lambda m, given, got: (given[0] * 2,))
    x = leaf(1.0)
    y = x if of_leaf else x * 1
    (module(y) * 3 + y * 10).sum().backward()
    assert seen == [([[3.0]], [[3.0]])]
    assert x.grad.item() == 16.0
    if not of_leaf:
        module(y).mul_(5)
        assert y.item() == 5.0


def test_inputs_without_gradient() -> None:
    seen: list[Any] = []
    layer = nn.Linear(2, 1, bias=False)
    layer.register_full_backward_hook(record(seen))
    layer(wg.ones(1, 2)).sum().backward()
    assert seen == [([None], [[[1.0]]])]
    layer.register_full_backward_hook(lambda m, given, got: (wg.ones(1, 2),))
    with pytest.raises(RuntimeError, match="should always return None or None for all gradients"):
        layer(wg.ones(1, 2)).sum().backward()


def test_several_outputs_and_named_tuples() -> None:
    from collections import namedtuple

    Pair = namedtuple("Pair", "a b")

    class Two(nn.Module):
        def forward(self, x: Any) -> Any:
            return Pair(x * 2, x.detach())

    seen: list[Any] = []
    two = Two()
    two.register_full_backward_hook(record(seen))
    pair = two(leaf(1.0))
    assert isinstance(pair, Pair)
    pair.a.sum().backward()
    assert seen == [([[2.0]], [[1.0], None])]


def test_what_hooks_return_must_fit() -> None:
    double = Double()
    with (
        double.register_full_backward_hook(lambda m, given, got: (1, 2)),
        pytest.raises(RuntimeError, match="invalid number of grad_input, got 2, but expected 1"),
    ):
        double(leaf(1.0)).sum().backward()
    with (
        double.register_full_backward_pre_hook(lambda m, got: ()),
        pytest.raises(RuntimeError, match="invalid number of grad_output, got 0, but expected 1"),
    ):
        double(leaf(1.0)).sum().backward()


def test_leaves_may_not_be_written_to() -> None:
    relu = nn.ReLU(inplace=True)
    relu.register_full_backward_hook(record([]))
    x = leaf(-1.0)
    with pytest.raises(RuntimeError, match="leaf Variable that requires grad"):
        relu(x)
    assert x.item() == -1.0


def test_it_runs_again_with_retain_graph_and_in_second_derivatives() -> None:
    seen: list[Any] = []

    class Cube(nn.Module):
        def forward(self, x: Any) -> Any:
            return x**3

    cube = Cube()
    cube.register_full_backward_hook(record(seen))
    x = leaf(2.0)
    y = cube(x).sum()
    (first,) = wg.autograd.grad(y, x, create_graph=True)
    (second,) = wg.autograd.grad(first.sum(), x, retain_graph=True)
    assert (first.item(), second.item()) == (12.0, 12.0)
    y.backward()
    assert len(seen) == 2


def test_no_hooks_without_recording() -> None:
    double = Double()
    double.register_full_backward_hook(record([]))
    with wg.no_grad():
        assert double(leaf(1.0)).grad_fn is None


def test_hooks_on_all_modules() -> None:
    order: list[str] = []
    handles = [
        hooks.register_module_forward_pre_hook(lambda m, args: order.append("pre")),
        hooks.register_module_forward_hook(lambda m, args, out: order.append("post")),
        hooks.register_module_full_backward_pre_hook(lambda m, got: order.append("back pre")),
        hooks.register_module_full_backward_hook(lambda m, given, got: order.append("back")),
    ]
    double = Double()
    double(leaf(1.0)).sum().backward()
    assert order == ["pre", "post", "back pre", "back"]
    for handle in handles:
        handle.remove()
    double(leaf(1.0)).sum().backward()
    assert len(order) == 4


def test_forward_hooks_with_keywords() -> None:
    double = Double()
    seen: list[Any] = []
    double.register_forward_pre_hook(
        lambda m, args, kwargs: ((args[0] + 1,), {**kwargs, "b": 2}), with_kwargs=True
    )
    double.register_forward_hook(
        lambda m, args, kwargs, out: seen.append(kwargs) or out * 10, with_kwargs=True
    )
    assert double(wg.ones(1), a=1).item() == 40.0
    assert seen == [{"a": 1, "b": 2}]


def test_always_call() -> None:
    class Fails(nn.Module):
        def forward(self, x: Any) -> Any:
            raise KeyError("forward")

    fails = Fails()
    seen: list[Any] = []
    fails.register_forward_hook(lambda m, args, out: seen.append(out), always_call=True)
    fails.register_forward_hook(lambda m, args, out: seen.append("never"))
    with pytest.raises(KeyError, match="forward"):
        fails(wg.ones(1))
    assert seen == [None]


def test_pickled_modules_have_hooks() -> None:
    import copy

    double = copy.deepcopy(Double())
    seen: list[Any] = []
    double.register_full_backward_hook(record(seen))
    double(leaf(1.0)).sum().backward()
    assert len(seen) == 1
