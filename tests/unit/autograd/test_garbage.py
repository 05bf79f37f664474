"""Cycles through graphs, hooks, contexts and gradients are collected; threads and deep nesting."""

from __future__ import annotations

import gc
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import wengert as wg
from wengert.autograd import graph


class Marker:
    """Something that can be referred to weakly."""


def leaf(*values: float) -> Any:
    return wg.tensor(values, dtype=wg.float64, requires_grad=True)


def live() -> tuple[int, int]:
    gc.collect()
    gc.collect()
    return wg._C._live_objects()


@pytest.fixture(autouse=True)
def no_collection() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def gradient_with_history() -> Any:
    x = leaf(2.0)
    (x**3).sum().backward(create_graph=True)


def hook_that_holds_its_tensor() -> Any:
    y = leaf(2.0) * 2
    y.register_hook(lambda grad: y)


def hook_that_holds_a_later_tensor() -> Any:
    x = leaf(2.0)
    y = x * 2
    z = y.exp()
    y.register_hook(lambda grad: (x, y, z))


def hook_on_a_leaf() -> Any:
    x = leaf(2.0)
    y = x * 2
    x.register_hook(lambda grad: y)
    x.register_post_accumulate_grad_hook(lambda tensor: (y, None)[1])


def hook_on_a_node() -> Any:
    y = leaf(2.0) * 2
    node = y.grad_fn
    node.register_hook(lambda given, got: node)
    node.register_prehook(lambda got: y)
    node.metadata["self"] = y


def attribute_of_a_leaf() -> Any:
    x = leaf(2.0)
    x.result = x.exp()


def context_that_holds_everything() -> Any:
    class Keep(wg.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.me = ctx
            ctx.box = []
            return x * 2

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            return grad

    y = Keep.apply(leaf(2.0))
    y.grad_fn.box.append(y)
    y.grad_fn.box.append(y.sin())


def packed_value_that_holds_the_result() -> Any:
    box: list[Any] = []
    with graph.saved_tensors_hooks(lambda t: (t, box), lambda pair: pair[0]):
        y = leaf(2.0).sin()
    box.append(y)


def base_of_a_view_written_with_the_view() -> Any:
    base = leaf(2.0, 3.0) * 1
    view = base[:1]
    square = view * view
    base.mul_(square)
    base[1:].mul_(base[:1].detach())


def observer() -> Any:
    y = leaf(2.0) * 2
    box = []
    watch = graph.GradientObserver([y], lambda g: (box, g)[1])
    box += [watch.tensors, y.sin()]
    watch.end()


def module_hooks() -> Any:
    layer = wg.nn.Linear(2, 2)
    outputs = []
    layer.register_full_backward_hook(lambda m, given, got: outputs.append(got))
    outputs.append(layer(wg.ones(1, 2)))
    outputs[0].sum().backward()


CYCLES: list[Callable[[], Any]] = [
    gradient_with_history, hook_that_holds_its_tensor, hook_that_holds_a_later_tensor,
    hook_on_a_leaf, hook_on_a_node, attribute_of_a_leaf, context_that_holds_everything,
    packed_value_that_holds_the_result, base_of_a_view_written_with_the_view, observer,
    module_hooks,
]  # fmt: skip


@pytest.mark.parametrize("cycle", CYCLES)
def test_cycles_are_collected(cycle: Callable[[], Any]) -> None:
    cycle()
    gc.collect()
    before = live()
    for _ in range(3):
        cycle()
    assert live() == before


def test_what_is_in_use_is_not_collected() -> None:
    x = leaf(2.0)
    y = x * 2
    z = y.exp()
    calls = []
    y.register_hook(lambda grad: calls.append((y, z)))
    x.register_hook(lambda grad: calls.append((x, z)))
    (x**3).sum().backward(create_graph=True)
    gradient = x.grad
    loss = z.sum()
    for _ in range(3):
        gc.collect()
    loss.backward(retain_graph=True)
    assert len(calls) == 3
    (second,) = wg.autograd.grad(gradient.sum(), x)
    assert second.item() == 12.0


def test_hooks_on_a_graph_that_only_its_result_holds() -> None:
    marker = Marker()
    gone = weakref.ref(marker)
    y = leaf(2.0) * 2
    y.register_hook(lambda grad, marker=marker: None)
    loss = y.sum()
    del y, marker
    gc.collect()
    assert gone() is not None
    loss.backward()
    del loss
    assert gone() is None


def test_finalizers_run_in_the_collection() -> None:
    events = []

    class Loud:
        def __del__(self) -> None:
            events.append(wg.ones(2).exp().sum().item())

    def cycle() -> None:
        y = leaf(2.0) * 2
        loud = Loud()
        y.register_hook(lambda grad: (y, loud))

    cycle()
    gc.collect()
    assert len(events) == 1


# --- deep and long graphs ---


def test_a_backward_call_inside_of_a_backward_call_a_thousand_times() -> None:
    class Nested(wg.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any, depth: int) -> Any:
            ctx.depth = depth
            return x * 1

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            if ctx.depth:
                with wg.enable_grad():
                    Nested.apply(x, ctx.depth - 1).sum().backward()
            return grad, None

    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(20000)
    try:
        x = leaf(1.0)
        Nested.apply(x, 1000).sum().backward()
    finally:
        sys.setrecursionlimit(limit)
    assert x.grad.item() == 1001.0


def test_too_deep_is_an_error() -> None:
    class Endless(wg.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 1

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            with wg.enable_grad():
                Endless.apply(x).sum().backward()
            return grad

    x = leaf(1.0)
    with pytest.raises(RecursionError):
        Endless.apply(x).sum().backward()
    (x * 2).sum().backward()
    assert x.grad is not None


# --- threads ---


def in_threads(count: int, work: Callable[[int], None]) -> None:
    errors: list[BaseException] = []
    ready = threading.Barrier(count)

    def run(index: int) -> None:
        try:
            ready.wait()
            work(index)
        except BaseException as error:
            errors.append(error)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=run, args=(i,)) for i in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    if errors:
        raise errors[0]


@pytest.mark.parametrize("size", [3, 300_000])
def test_gradients_of_a_shared_leaf_add_up(size: int) -> None:
    # The larger one is added by kernels that let go of Python's lock.
    x = wg.zeros(size, dtype=wg.float64, requires_grad=True)
    rounds = 20

    def work(index: int) -> None:
        for _ in range(rounds):
            (x * (index + 1)).sum().backward()

    in_threads(4, work)
    assert x.grad.eq(10 * rounds).all()


def test_a_shared_leaf_with_create_graph() -> None:
    x = wg.ones(100_000, dtype=wg.float64, requires_grad=True)

    def work(index: int) -> None:
        for _ in range(5):
            (x * x).sum().backward(create_graph=True)

    in_threads(3, work)
    assert x.grad.eq(30).all()
    x.grad = None


def test_one_graph_in_several_threads() -> None:
    x = leaf(2.0)
    y = (x * 3).exp().log().sum()
    results: list[float] = []

    def work(index: int) -> None:
        for _ in range(20):
            (g,) = wg.autograd.grad(y, x, retain_graph=True)
            results.append(g.item())

    in_threads(4, work)
    assert results == [pytest.approx(3.0)] * 80


def test_hooks_functions_and_errors_in_threads() -> None:
    class Square(wg.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            return 2 * ctx.saved_tensors[0] * grad

    def fail(grad: Any) -> Any:
        raise KeyError("stop")

    def work(index: int) -> None:
        for i in range(30):
            x = leaf(float(index))
            y = Square.apply(x)
            handle = y.register_hook(fail if i % 3 == 0 else lambda grad: grad * 2)
            loss = y.sum()
            if i % 3 == 0:
                with pytest.raises(KeyError):
                    loss.backward(retain_graph=True)
                handle.remove()
                loss.backward()
                assert x.grad.item() == 2 * index
            else:
                loss.backward()
                assert x.grad.item() == 4 * index

    in_threads(4, work)
    gc.collect()


def test_modes_belong_to_threads() -> None:
    seen = []

    def work(index: int) -> None:
        seen.append(wg.is_grad_enabled())

    with wg.no_grad():
        in_threads(2, work)
    assert seen == [True, True]
