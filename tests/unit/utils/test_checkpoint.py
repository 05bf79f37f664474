"""utils.checkpoint: gradients to the bit, less memory, random numbers, nesting, what it checks."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable
from typing import Any

import pytest

import wengert as wg
from wengert.autograd.graph import saved_tensors_hooks
from wengert.utils.checkpoint import (
    CheckpointError,
    checkpoint,
    checkpoint_sequential,
    set_checkpoint_early_stop,
)


def network() -> Any:
    wg.manual_seed(3)
    return wg.nn.Sequential(
        wg.nn.Linear(5, 7), wg.nn.Tanh(), wg.nn.Dropout(0.3), wg.nn.Linear(7, 4), wg.nn.GELU()
    )


def run(how: Callable[[Any, Any], Any]) -> list[Any]:
    """Loss and all gradients of a network that is called as `how(network, input)`."""
    model = network()
    x = wg.linspace(-1, 1, 15).reshape(3, 5).requires_grad_()
    wg.manual_seed(11)
    loss = how(model, x * 1).square().sum()
    after = wg.rand(2)
    loss.backward()
    return [loss.detach(), x.grad, after, wg.rand(2), *(p.grad for p in model.parameters())]


WAYS: dict[str, Callable[[Any, Any], Any]] = {
    "new": lambda model, x: checkpoint(model, x),
    "old": lambda model, x: checkpoint(model, x, use_reentrant=True),
    "nested": lambda model, x: checkpoint(
        lambda x: checkpoint(model[2:], checkpoint(model[:2], x)), x
    ),
    "deep": lambda model, x: checkpoint(lambda x: checkpoint(lambda x: checkpoint(model, x), x), x),
    "parts": lambda model, x: checkpoint_sequential(model, 3, x),
    "parts, old": lambda model, x: checkpoint_sequential(model, 2, x, use_reentrant=True),
    "keywords": lambda model, x: checkpoint(lambda *, value: model(value[0]["x"]),
                                            value=[{"x": x}]),
    "old in new": lambda model, x: checkpoint(
        lambda x: checkpoint(model, x, use_reentrant=True), x
    ),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_gradients_are_equal_to_the_bit(way: str) -> None:
    expected = run(lambda model, x: model(x))
    for a, b in zip(run(WAYS[way]), expected, strict=True):
        assert wg.equal(a, b)


def test_without_early_stop() -> None:
    with set_checkpoint_early_stop(False):
        results = run(WAYS["nested"])
    for a, b in zip(results, run(lambda model, x: model(x)), strict=True):
        assert wg.equal(a, b)


def test_early_stop_ends_the_second_run() -> None:
    ends = []

    def block(x: Any) -> Any:
        y = x.exp()
        ends.append("middle")
        z = y * 2
        ends.append("end")
        return z

    for early in (True, False):
        x = wg.ones(2, requires_grad=True)
        y = checkpoint(block, x, early_stop=early)
        ends.clear()
        y.sum().backward()
        assert ends == ([] if early else ["middle", "end"])


def saved_bytes(run: Callable[[], Any]) -> int:
    """What is kept for backward when `run` has returned: each memory counted once."""
    kept: dict[int, int] = {}

    def pack(tensor: Any) -> Any:
        kept[tensor.untyped_storage().data_ptr()] = tensor.nbytes
        return tensor

    with saved_tensors_hooks(pack, lambda tensor: tensor):
        run()
    return sum(kept.values())


def test_less_is_saved() -> None:
    layers = [wg.nn.Linear(64, 64) for _ in range(12)]
    x = wg.ones(256, 64, requires_grad=True)

    def plain() -> Any:
        y = x
        for layer in layers:
            y = layer(y).tanh().sigmoid().tanh()
        return y

    def less() -> Any:
        y = x
        for layer in layers:
            y = checkpoint(lambda y, layer=layer: layer(y).tanh().sigmoid().tanh(), y)
        return y

    assert saved_bytes(less) < 0.5 * saved_bytes(plain)
    gc.collect()
    sizes = []
    for function in (less, plain):
        before = wg._C._memory_statistics()[0]
        y = function()
        sizes.append(wg._C._memory_statistics()[0] - before)
        y.sum().backward()
        del y
    assert sizes[0] < 0.5 * sizes[1]


def test_random_numbers_of_generators_among_the_arguments() -> None:
    def block(x: Any, options: dict[str, Any]) -> Any:
        noise = wg.rand(4, generator=options["generator"])
        draws.append(noise.tolist())
        return (x * noise).exp()

    for preserve in (True, False):
        draws: list[Any] = []
        generator = wg.Generator().manual_seed(5)
        x = wg.ones(4, requires_grad=True)
        y = checkpoint(block, x, {"generator": generator}, preserve_rng_state=preserve)
        generator.manual_seed(77)
        expected = wg.rand(1, generator=wg.Generator().manual_seed(77)).item()
        y.sum().backward()
        assert (draws[0] == draws[1]) == preserve
        if preserve:
            assert wg.rand(1, generator=generator).item() == expected


def test_it_runs_again_for_each_backward_call_and_not_more() -> None:
    runs = []

    def block(x: Any) -> Any:
        runs.append(1)
        return x.exp().sin()

    x = wg.ones(3, dtype=wg.float64, requires_grad=True)
    y = checkpoint(block, x)
    for count in (2, 3):
        y.sum().backward(retain_graph=True)
        assert len(runs) == count
    y.sum().backward()
    assert len(runs) == 4
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        y.sum().backward()


def test_operations_that_read_a_saved_value_twice_cause_one_run() -> None:
    runs = []

    def block(x: Any) -> Any:
        runs.append(1)
        return (x @ x).exp() @ x

    x = wg.ones(2, 2, requires_grad=True)
    checkpoint(block, x).sum().backward()
    assert len(runs) == 2


def test_second_derivatives_and_grad() -> None:
    x = wg.linspace(0, 1, 4, dtype=wg.float64).requires_grad_()
    (first,) = wg.autograd.grad(checkpoint(wg.sin, x).sum(), x, create_graph=True)
    (second,) = wg.autograd.grad(first.sum(), x)
    assert wg.allclose(second, -x.sin())
    with pytest.raises(RuntimeError, match="incompatible with .grad"):
        wg.autograd.grad(checkpoint(wg.sin, x, use_reentrant=True).sum(), x)


def test_values_of_custom_functions_can_be_read_twice() -> None:
    class Twice(wg.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            (a,), (b,) = ctx.saved_tensors, ctx.saved_tensors
            return (a + b) * grad

    x = wg.tensor([3.0], requires_grad=True)
    checkpoint(lambda x: Twice.apply(x.sin()) * 1.0, x).sum().backward()
    assert x.grad.item() == pytest.approx(2 * wg.sin(x).item() * wg.cos(x).item())


def test_outputs_that_are_no_tensors_and_nothing_to_record() -> None:
    assert checkpoint(lambda x: {"x": x, "n": 3}, wg.ones(1))["n"] == 3
    with wg.no_grad():
        assert checkpoint(wg.sin, wg.ones(1, requires_grad=True)).grad_fn is None


def test_contexts_around_both_runs() -> None:
    order = []

    @contextlib.contextmanager
    def note(what: str) -> Any:
        order.append(what)
        yield
        order.append("after " + what)

    x = wg.ones(2, requires_grad=True)
    y = checkpoint(wg.exp, x, context_fn=lambda: (note("first"), note("second")))
    assert order == ["first", "after first"]
    y.sum().backward()
    assert order[2:] == ["second", "after second"]


@pytest.mark.parametrize("reentrant", [False, True])
def test_both_runs_have_the_same_autocast(reentrant: bool) -> None:
    dtypes = []

    def block(x: Any) -> Any:
        y = x @ x
        dtypes.append(y.dtype)
        return y.exp()

    x = wg.ones(2, 2, requires_grad=True)
    with wg.autocast("cpu"):
        y = checkpoint(block, x, use_reentrant=reentrant)
    y.float().sum().backward()
    z = checkpoint(block, x, use_reentrant=reentrant)
    with wg.autocast("cpu"):
        z.sum().backward()
    assert dtypes == [wg.bfloat16, wg.bfloat16, wg.float32, wg.float32]


def test_a_second_run_that_does_something_else() -> None:
    x = wg.ones(2, requires_grad=True)
    state = {"first": True}

    def other_number(x: Any) -> Any:
        first, state["first"] = state["first"], False
        return x.exp().sin() if first else x.exp()

    with pytest.raises(CheckpointError, match="A different number of tensors was saved"):
        checkpoint(other_number, x).sum().backward()
    state["first"] = True

    def other_shape(x: Any) -> Any:
        first, state["first"] = state["first"], False
        return (x if first else x[:1]).exp().sin().sum()

    with pytest.raises(CheckpointError, match="different metadata than during the forward pass"):
        checkpoint(other_shape, x).backward()


def test_what_is_refused() -> None:
    x = wg.ones(2, requires_grad=True)
    with pytest.raises(ValueError, match="determinism_check should be one of"):
        checkpoint(wg.sin, x, determinism_check="strict")
    with pytest.raises(ValueError, match="Unexpected keyword arguments: a"):
        checkpoint(wg.sin, x, use_reentrant=True, a=1)
    with pytest.warns(UserWarning, match="None of the inputs have requires_grad=True"):
        checkpoint(wg.sin, wg.ones(2), use_reentrant=True)
    with pytest.raises(ValueError, match="segments must be between 1 and"):
        checkpoint_sequential([wg.sin], 2, x)
    with pytest.raises(KeyError, match="in the function"):
        checkpoint(lambda x: {}["in the function"], x)


def test_an_error_in_the_second_run_is_raised() -> None:
    state = {"first": True}

    def fails(x: Any) -> Any:
        first, state["first"] = state["first"], False
        if not first:
            raise KeyError("second")
        return x.exp()

    y = checkpoint(fails, wg.ones(2, requires_grad=True))
    with pytest.raises(KeyError, match="second"):
        y.sum().backward()


def test_a_function_that_catches_everything() -> None:
    def careful(x: Any) -> Any:
        try:
            return x.exp().sin()
        except Exception:
            return None

    x = wg.ones(2, requires_grad=True)
    checkpoint(careful, x).sum().backward()
    assert x.grad is not None


def test_writes_to_inputs_are_noticed() -> None:
    x = wg.ones(2, requires_grad=True) * 1
    y = checkpoint(wg.exp, x)
    x.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_nothing_is_left_over() -> None:
    def live() -> tuple[int, int]:
        gc.collect()
        return wg._C._live_objects()

    run(WAYS["nested"])
    before = live()
    for way in ("new", "old", "nested"):
        run(WAYS[way])
        assert live() == before
