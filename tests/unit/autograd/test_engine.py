"""The engine: order, accumulation, options of backward() and grad(), dtypes, zeros, life times."""

from __future__ import annotations

import gc
import inspect
import math
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import wengert as wg

grad = wg.autograd.grad


def leaf(*values: Any, dtype: Any = wg.float64) -> Any:
    return wg.tensor(values[0] if len(values) == 1 else values, dtype=dtype, requires_grad=True)


# --- shapes of graphs ---


def test_deep_chain() -> None:
    x = leaf(1.0)
    y = x
    for _ in range(100_000):
        y = y * 1.0
    y.backward()
    assert x.grad.item() == 1


def test_deep_chain_through_one_tensor_written_in_place() -> None:
    x = leaf([1.0, 2.0])
    y = x * 1
    for _ in range(20_000):
        y.add_(1.0)
    y.sum().backward()
    assert x.grad.tolist() == [1, 1]


def test_deep_second_derivative() -> None:
    x = leaf(0.5)
    y = x
    for _ in range(3000):
        y = y + y * 0
    (g,) = grad(y, x, create_graph=True)
    (h,) = grad(g + x * 3, x)
    assert (g.item(), h.item()) == (1, 3)


def test_diamonds_run_each_node_once() -> None:
    """2^60 paths through 60 diamonds: a walk along paths would not end."""
    x = leaf(1.0)
    y = x
    for _ in range(60):
        y = y + y
    y.backward()
    assert x.grad.item() == 2.0**60


def test_wide_graph() -> None:
    x = leaf(3.0)
    total = sum((x * k for k in range(2000)), wg.zeros((), dtype=wg.float64))
    total.backward()
    assert x.grad.item() == sum(range(2000))


def test_late_nodes_run_first() -> None:
    order: list[str] = []

    def watched(tensor: Any, name: str) -> Any:
        tensor.register_hook(lambda g: order.append(name))
        return tensor

    x = leaf(1.0)
    first = watched(x * 2, "first")
    second = watched(x * 3, "second")
    third = watched(first * 4, "third")
    fourth = watched(second * third, "fourth")
    (first + fourth).backward()
    assert order == ["fourth", "third", "second", "first"]


def test_sequence_numbers_grow() -> None:
    x = leaf(1.0)
    numbers = [(x * k).grad_fn._sequence_nr() for k in range(5)]
    assert numbers == sorted(set(numbers))


def test_a_node_waits_for_all_its_uses() -> None:
    x = leaf(2.0)
    seen = []
    y = x * x
    y.register_hook(lambda g: seen.append(g.item()))
    (y * 2 + y * y).backward()
    assert seen == [2 + 2 * 4]
    assert x.grad.item() == 10 * 4


# --- accumulation ---


def test_gradients_add_up() -> None:
    x = leaf([1.0, 2.0])
    (x * x).sum().backward()
    first = x.grad
    (x * 3).sum().backward()
    assert x.grad is first
    assert first.tolist() == [5, 7]
    assert x.grad.grad_fn is None
    assert not x.grad.requires_grad


def test_the_first_gradient_shares_memory_with_nothing_visible() -> None:
    """Adding to .grad in place may not change a tensor that the program holds."""
    cotangent = wg.ones(3, dtype=wg.float64)
    x, y = leaf([1.0, 2, 3]), leaf([4.0, 5, 6])
    (x + y).backward(cotangent)
    pointers = {t.data_ptr() for t in (cotangent, x.grad, y.grad)}
    assert len(pointers) == 3
    (x + y).backward(cotangent)
    assert cotangent.tolist() == [1, 1, 1]
    assert x.grad.tolist() == y.grad.tolist() == [2, 2, 2]
    seen = []
    z = leaf([1.0])
    w = z * 1
    w.register_hook(seen.append)
    z.register_hook(seen.append)
    w.backward(wg.ones(1, dtype=wg.float64))
    (z * 5).sum().backward()
    assert z.grad.tolist() == [6]
    assert [g.tolist() for g in seen] == [[1], [1], [5]]


def test_a_cotangent_that_becomes_a_gradient_is_copied() -> None:
    for create_graph in (False, True):
        cotangent = wg.full((2,), 2.0, dtype=wg.float64)
        x = leaf([1.0, 2.0])
        x.backward(cotangent, create_graph=create_graph)
        (x * 5).sum().backward()
        assert x.grad.tolist() == [7, 7]
        assert cotangent.tolist() == [2, 2]
    y = leaf([1.0, 2.0])
    z = y + 0
    z.retain_grad()
    z.backward(cotangent)
    y.grad.add_(100)
    assert z.grad.tolist() == cotangent.tolist() == [2, 2]


def test_the_first_gradient_of_an_expanded_cotangent() -> None:
    x = leaf([[1.0, 2], [3, 4]])
    x.sum().backward()
    assert x.grad.is_contiguous()
    x.grad[0, 0] = 7
    assert x.grad.tolist() == [[7, 1], [1, 1]]


def test_gradients_have_the_strides_of_their_tensor() -> None:
    x = wg.zeros(2, 3).t().detach().requires_grad_()
    (x * wg.ones(3, 2)).sum().backward()
    assert x.grad.stride() == x.stride() == (1, 3)


def test_a_gradient_set_by_hand_is_added_to_in_place() -> None:
    x = leaf([1.0, 2])
    mine = wg.tensor([10.0, 20], dtype=wg.float64)
    x.grad = mine
    (x * 2).sum().backward()
    assert x.grad is mine
    assert mine.tolist() == [12, 22]
    x.grad = None
    (x * 2).sum().backward()
    assert mine.tolist() == [12, 22]
    assert x.grad.tolist() == [2, 2]


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (wg.ones(3), RuntimeError, "attempting to assign a gradient of size"),
        (wg.ones(2), RuntimeError, "attempting to assign a gradient with dtype"),
        (
            3.0,
            TypeError,
            "assigned grad expected to be a Tensor or None but got grad of type float",
        ),
    ],
)
def test_gradients_that_do_not_fit(value: Any, error: type[Exception], text: str) -> None:
    x = leaf([1.0, 2])
    with pytest.raises(error, match=text):
        x.grad = value
    assert x.grad is None
    with pytest.raises(RuntimeError, match="can't assign Variable as its own grad"):
        x.grad = x


def test_views_of_one_leaf_share_its_gradient() -> None:
    x = leaf([1.0, 2, 3, 4])
    (x[:2].sum() + (x[1:3] * 10).sum() + x.view(2, 2)[1].sum()).backward()
    assert x.grad.tolist() == [1, 11, 11, 1]


# --- retain_graph, create_graph, several roots, inputs ---


def test_a_graph_is_freed_once_it_was_used() -> None:
    x = leaf(3.0)
    y = x * x
    y.backward()
    with pytest.raises(RuntimeError, match="Trying to backward through the graph a second time"):
        y.backward()
    assert x.grad.item() == 6


def test_a_graph_that_is_kept() -> None:
    x = leaf(3.0)
    y = x * x
    for _ in range(3):
        y.backward(retain_graph=True)
    y.backward()
    assert x.grad.item() == 24
    with pytest.raises(RuntimeError, match="a second time"):
        y.backward()


def test_what_saved_nothing_may_be_used_again() -> None:
    x = leaf(3.0)
    y = x + 1
    y.backward()
    y.backward()
    assert x.grad.item() == 2


def test_only_the_part_that_was_used_is_freed() -> None:
    x = leaf(3.0)
    shared = x * x
    first, second = shared * 2, shared.exp()
    first.backward()
    with pytest.raises(RuntimeError, match="a second time"):
        second.backward()
    other = leaf(2.0)
    y = x.exp() + other * other
    grad(y, other)
    with pytest.raises(RuntimeError, match="a second time"):
        grad(y, other)


def test_create_graph() -> None:
    x = leaf(2.0)
    (first,) = grad(x**4, x, create_graph=True)
    (second,) = grad(first, x, create_graph=True)
    (third,) = grad(second, x, create_graph=True)
    (fourth,) = grad(third, x)
    assert [g.item() for g in (first, second, third, fourth)] == [32, 48, 48, 24]
    y = x * x
    y.backward(create_graph=True)
    assert x.grad.requires_grad
    x.grad.backward()
    assert x.grad.item() == 4 + 2


def test_the_mode_within_backward() -> None:
    modes = []
    x = leaf(2.0)
    for create in (False, True):
        y = x * x
        y.register_hook(lambda g: modes.append((wg.is_grad_enabled(), g.requires_grad)))
        (y * x).backward(create_graph=create)
    assert modes == [(False, False), (True, True)]


def test_backward_under_no_grad() -> None:
    x = leaf(2.0)
    y = x * x
    with wg.no_grad():
        y.backward(retain_graph=True)
        (g,) = grad(y, x, create_graph=True)
    assert x.grad.item() == 4
    assert g.requires_grad


def test_several_roots() -> None:
    x, y = leaf(2.0), leaf(3.0)
    a, b = x * y, x + y
    wg.autograd.backward([a, b])
    assert (x.grad.item(), y.grad.item()) == (4, 3)
    c = x * x
    assert grad([c, c], [x], [wg.tensor(1.0), wg.tensor(10.0)])[0].item() == 44
    c = leaf([1.0, 2.0]) * x
    (g,) = grad([c, x * 5], x, [wg.tensor([1.0, 1.0], dtype=wg.float64), None])
    assert g.item() == 8


def test_a_root_that_is_reached_from_another() -> None:
    x = leaf(2.0)
    y = x * x
    z = y * y
    assert [g.item() for g in grad([y, z], [x, y])] == [4 + 32, 1 + 8]


def test_a_root_that_is_a_leaf() -> None:
    x = leaf(2.0)
    x.backward()
    assert x.grad.item() == 1
    assert grad(x, x)[0].item() == 1
    assert [g.item() for g in grad(x * 3, [x, x])] == [3, 3]


def test_inputs_of_backward() -> None:
    x, y = leaf(2.0), leaf(3.0)
    z = x * y
    w = z * x
    w.backward(inputs=[y], retain_graph=True)
    assert (x.grad, y.grad.item()) == (None, 4)
    w.backward(inputs=x, retain_graph=True)
    assert (x.grad.item(), y.grad.item()) == (12, 4)
    z.retain_grad()
    w.backward(inputs=[z])
    assert z.grad.item() == 2
    assert (x.grad.item(), y.grad.item()) == (12, 4)
    with pytest.raises(RuntimeError, match=r"`inputs` argument to `backward\(\)` cannot be empty"):
        (x * 1).backward(inputs=[])


def test_gradients_of_intermediate_values_stop_there() -> None:
    x = leaf(2.0)
    y = x * x
    z = y * 3
    calls = []
    x.register_hook(calls.append)
    (g,) = grad(z, y, retain_graph=True)
    assert g.item() == 3
    assert not calls
    assert [g.item() for g in grad(z, [z, y, x])] == [1, 3, 12]


def test_unused_inputs() -> None:
    x, y = leaf(2.0), leaf([1.0, 2.0])
    z = x * x
    with pytest.raises(RuntimeError, match="appears to not have been used in the graph"):
        grad(z, [x, y], retain_graph=True)
    g, none = grad(z, [x, y], allow_unused=True, retain_graph=True)
    assert (g.item(), none) == (4, None)
    g, zeros = grad(z, [x, y], materialize_grads=True)
    assert zeros.tolist() == [0, 0]
    with pytest.raises(ValueError, match="Expected allow_unused to be True or not passed"):
        grad(x * x, y, allow_unused=False, materialize_grads=True)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda x: (x * 2).backward(), "grad can be implicitly created only for scalar outputs"),
        (lambda x: (x * 2).backward(wg.ones(3)), "Mismatch in shape: grad_output[0] has a shape of"),
        (lambda x: wg.ones(1).backward(), "element 0 of tensors does not require grad and does not have a grad_fn"),
        (lambda x: grad(x.sum(), wg.ones(1)), "One of the differentiated Tensors does not require grad"),
        (lambda x: wg.autograd.backward([x.sum()], [None, None]), "got 1 tensors and 2 gradients"),
        (lambda x: grad(x.argmax(), x), "element 0 of tensors does not require grad"),
    ],
)  # fmt: skip
def test_calls_that_are_refused(call: Callable[[Any], Any], text: str) -> None:
    x = leaf([1.0, 2.0])
    with pytest.raises(RuntimeError) as caught:
        call(x)
    assert text in str(caught.value)
    assert x.grad is None


def test_one_element_is_enough_for_a_gradient_of_one() -> None:
    for shape in ((), (1,), (1, 1, 1)):
        x = wg.full(shape, 3.0, requires_grad=True)
        (x * x).backward()
        assert x.grad.shape == shape
        assert x.grad.item() == 6


# --- broadcasting, dtypes, complex numbers ---


@pytest.mark.parametrize(
    ("a", "b"),
    [((3,), (2, 3)), ((2, 1), (1, 3)), ((), (2, 3)), ((1, 1), (4,)), ((2, 1, 3), (5, 1)), ((1,), ())],
)  # fmt: skip
def test_gradients_of_broadcast_operands(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    x = wg.ones(a, dtype=wg.float64, requires_grad=True)
    y = wg.full(b, 2.0, dtype=wg.float64, requires_grad=True)
    z = x * y
    z.sum().backward()
    assert x.grad.shape == a
    assert y.grad.shape == b
    assert x.grad.tolist() == wg.full(a, 2.0 * z.numel() / math.prod(a)).tolist()
    assert y.grad.tolist() == wg.full(b, 1.0 * z.numel() / math.prod(b)).tolist()


def test_gradients_are_cast_to_the_dtype_of_the_tensor() -> None:
    x = leaf([1.5, 2.5], dtype=wg.float16)
    y = x.double() * wg.tensor([1e-3, 3.0], dtype=wg.float64)
    y.sum().backward()
    assert x.grad.dtype == wg.float16
    assert x.grad.tolist() == [float(np.float16(1e-3)), 3]
    z = leaf([1.0, 2.0])
    (z.to(wg.float32) * 2).sum().backward()
    assert z.grad.dtype == wg.float64


def test_cotangents_are_cast() -> None:
    x = leaf([1.0, 2.0])
    (x * 2).backward(wg.tensor([1, 3]).to(wg.float32))
    assert x.grad.tolist() == [2, 6]
    assert x.grad.dtype == wg.float64


def test_complex_gradients_are_conjugate() -> None:
    """PyTorch's convention: for a real loss, the direction of steepest ascent."""
    z = leaf([1 + 2j, -3 + 0.5j], dtype=wg.complex128)
    (z * z.conj()).real.sum().backward()
    assert z.grad.tolist() == [2 + 4j, -6 + 1j]
    w = leaf([1 + 2j], dtype=wg.complex128)
    (w * (3 - 1j)).backward(wg.tensor([1 + 0j], dtype=wg.complex128))
    assert w.grad.tolist() == [3 + 1j]
    r = leaf([2.0])
    (r * wg.tensor([1 + 5j], dtype=wg.complex128)).abs().sum().backward()
    assert r.grad.item() == pytest.approx(abs(1 + 5j))
    assert r.grad.dtype == wg.float64
    with pytest.raises(
        RuntimeError, match="grad can be implicitly created only for real scalar outputs"
    ):
        (w * 1).sum().backward()


def test_empty_tensors() -> None:
    x = wg.zeros(0, 3, requires_grad=True)
    (x * 2).sum().backward()
    assert x.grad.shape == (0, 3)
    y = wg.ones(3, requires_grad=True)
    (x + y).sum().backward()
    assert y.grad.tolist() == [0, 0, 0]
    wg.cat([x, y[None]]).sum().backward()
    assert y.grad.tolist() == [1, 1, 1]


# --- zeros ---


def test_zero_gradients_beat_infinite_factors() -> None:
    x = leaf([0.0, 4.0])
    wg.where(x > 0, x.sqrt(), x * 0).sum().backward()
    assert x.grad.tolist() == [0, 0.25]
    y = leaf([0.0, 1.0])
    (y.log()[1:]).sum().backward()
    assert y.grad.tolist() == [0, 1]
    before = wg.autograd.is_strong_zeros_enabled()
    with wg.autograd.set_strong_zeros(False):
        z = leaf([0.0, 4.0])
        wg.where(z > 0, z.sqrt(), z * 0).sum().backward()
        assert math.isnan(z.grad[0].item())
    assert wg.autograd.is_strong_zeros_enabled() == before


def test_infinite_gradients_that_are_real_stay() -> None:
    x = leaf(0.0)
    x.sqrt().backward()
    assert x.grad.item() == math.inf
    y = leaf(0.0)
    (y.sqrt() * math.inf).backward()
    assert not math.isfinite(y.grad.item())


def test_outputs_without_gradient_count_as_zero() -> None:
    x = leaf([[3.0, 1.0], [2.0, 4.0]])
    values, _ = x.sort(dim=1)
    values[:, 0].sum().backward()
    assert x.grad.tolist() == [[0, 1], [1, 0]]
    a, _b, _c = (leaf([1.0, 2, 3]) * 1).unbind()
    assert a.requires_grad
    y = leaf([1.0, 2, 3])
    _, second, _ = (y * 2).unbind()
    second.backward()
    assert y.grad.tolist() == [0, 2, 0]


def test_integer_results_have_no_history() -> None:
    x = leaf([1.5, -2.5])
    for result in (x.argmax(), x > 0, x.long(), x.isnan(), x.sign().int(), x.sort()[1]):
        assert not result.requires_grad
        assert result.grad_fn is None
    with pytest.raises(
        RuntimeError, match="only Tensors of floating point and complex dtype can require"
    ):
        wg.ones(2, dtype=wg.int64).requires_grad_()


# --- saved values ---


def test_a_write_to_a_saved_value_is_noticed() -> None:
    for make, write in (
        (lambda x: x * x, lambda x: None),
        (lambda x: x.exp(), None),
        (lambda x: x.sigmoid(), None),
    ):
        x = leaf([1.0, 2.0])
        y = x * 1
        z = make(y)
        (y if write else z).add_(1)
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            z.sum().backward()


def test_a_write_to_what_was_not_saved_is_harmless() -> None:
    x = leaf([1.0, 2.0])
    y = x * 1
    z = y + 1
    w = y.exp()
    y.mul_(5)
    (z + w).sum().backward()
    assert x.grad.tolist() == pytest.approx([1 + math.e, 1 + math.e**2])


def test_a_refused_write_leaves_the_graph_usable() -> None:
    x = leaf([1.0, 2.0])
    y = x * 1
    z = y * y
    for write in (lambda: y.add_(wg.ones(3)), lambda: y.copy_(wg.ones(2, 2)), lambda: x.zero_()):
        with pytest.raises(RuntimeError):
            write()
    z.sum().backward()
    assert x.grad.tolist() == [2, 4]


def test_saved_values_under_no_grad_writes() -> None:
    x = leaf([1.0, 2.0])
    z = x * x
    with wg.no_grad():
        x.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        z.sum().backward()


# --- where nodes come from ---


def line() -> int:
    frame = inspect.currentframe()
    assert frame is not None
    assert frame.f_back is not None
    return frame.f_back.f_lineno


def test_sites_are_the_lines_of_the_user() -> None:
    x = leaf([1.0, 2.0])
    y = x * 2; at = line()  # noqa: E702  # fmt: skip
    assert y.grad_fn.site == f"{__file__}:{at}"
    z = wg.nn.functional.mse_loss(y, x.detach()); at = line()  # noqa: E702  # fmt: skip
    assert z.grad_fn.site == f"{__file__}:{at}"
    layer = wg.nn.Linear(2, 2, dtype=wg.float64)
    w = layer(y); at = line()  # noqa: E702  # fmt: skip
    assert w.grad_fn.site == f"{__file__}:{at}"
    y += 1; at = line()  # noqa: E702  # fmt: skip
    assert y.grad_fn.site == f"{__file__}:{at}"


def test_next_functions() -> None:
    x = leaf([1.0, 2.0])
    y = (x * 3).exp()
    assert y.grad_fn.name() == "ExpBackward0"
    ((multiplication, index),) = y.grad_fn.next_functions
    assert (multiplication.name(), index) == ("MulBackward0", 0)
    accumulate = multiplication.next_functions[0][0]
    assert accumulate.name() == "AccumulateGrad"
    assert accumulate.variable is x
    assert accumulate.next_functions == ()
    assert (x + x).grad_fn.next_functions[0][0] == (x * x).grad_fn.next_functions[1][0]
    assert x.grad_fn is None
    first, second = (x * 1).unbind()
    assert first.grad_fn == second.grad_fn
    assert (first.output_nr, second.output_nr) == (0, 1)


# --- life times ---


def test_saved_values_are_freed_by_backward() -> None:
    gc.collect()
    before = wg._C._live_objects()
    x = leaf([1.0, 2.0])
    y = x
    for _ in range(10):
        y = y.exp().sin()
    loss = y.sum()
    del y
    tensors = wg._C._live_objects()[0] - before[0]
    loss.backward()
    assert wg._C._live_objects()[0] - before[0] < tensors - 9
    del loss, x
    assert wg._C._live_objects() == before


def test_graphs_die_with_their_last_tensor() -> None:
    gc.collect()
    before = wg._C._live_objects()
    x = leaf([1.0, 2.0])
    y = (x.exp() * x).sum()
    z = y * y
    assert wg._C._live_objects()[1] > before[1]
    del y, z
    assert wg._C._live_objects()[1] - before[1] <= 1
    del x
    assert wg._C._live_objects() == before


def test_no_cycles_without_create_graph() -> None:
    gc.collect()
    gc.disable()
    try:
        x = leaf([1.0, 2.0])
        y = x.exp()
        z = (y * y).sigmoid()
        z.sum().backward()
        gone = [weakref.ref(t) for t in (x, y, z, x.grad)]
        del x, y, z
        assert [r() for r in gone] == [None] * 4
    finally:
        gc.enable()


def test_training_steps_leave_nothing_behind() -> None:
    model = wg.nn.Sequential(wg.nn.Linear(3, 8), wg.nn.Tanh(), wg.nn.Linear(8, 1))
    optimizer = wg.optim.Adam(model.parameters())
    counts = []
    for _ in range(6):
        optimizer.zero_grad()
        model(wg.ones(4, 3)).pow(2).mean().backward()
        optimizer.step()
        gc.collect()
        counts.append(wg._C._live_objects())
    assert counts[2:] == counts[1:2] * 4


# --- modes ---


def test_what_is_not_recorded() -> None:
    x = leaf([1.0, 2.0])
    with wg.no_grad():
        y = x * 2
        assert not y.requires_grad
        assert y.is_leaf
        with wg.enable_grad():
            z = x * 3
        w = wg.ones(2, requires_grad=True)
    assert z.requires_grad
    assert w.requires_grad
    z.sum().backward()
    assert x.grad.tolist() == [3, 3]
    with wg.set_grad_enabled(False):
        assert not (x * 2).requires_grad
    assert not x.detach().requires_grad


def test_inference_mode() -> None:
    x = leaf([1.0, 2.0])
    with wg.inference_mode():
        assert wg.is_inference_mode_enabled()
        y = x * 2
        y.add_(1)
    assert not wg.is_inference_mode_enabled()
    assert not y.requires_grad
    with pytest.raises(RuntimeError) as caught:
        y.sum().backward()
    assert "does not require grad" in str(caught.value)
    assert "inference_mode" in str(caught.value)


@pytest.mark.parametrize("mode", [wg.no_grad, wg.enable_grad, wg.inference_mode])
def test_modes_decorate_coroutine_like_generators(mode: Any) -> None:
    before = wg.is_grad_enabled()

    @mode()
    def steps() -> Any:
        received = yield wg.is_grad_enabled()
        yield received
        return wg.is_grad_enabled()

    generator = steps()
    assert next(generator) is (mode is wg.enable_grad)
    assert wg.is_grad_enabled() == before
    assert generator.send(5) == 5
    generator.close()
    assert wg.is_grad_enabled() == before
