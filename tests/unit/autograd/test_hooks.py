"""Hooks on tensors and nodes, retained gradients, gradient edges, hooks on several tensors."""

from __future__ import annotations

from typing import Any

import pytest

import wengert as wg
from wengert.autograd import graph


def leaf(*values: float) -> Any:
    return wg.tensor(values, dtype=wg.float64, requires_grad=True)


# --- on tensors ---


@pytest.mark.parametrize("make", [lambda x: x, lambda x: x * 1])
def test_order_replacement_and_removal(make: Any) -> None:
    seen: list[float] = []

    def hook(factor: float) -> Any:
        def multiply(grad: Any) -> Any:
            seen.append(grad.item())
            return grad * factor

        return multiply

    x = leaf(1.0)
    y = make(x)
    first = y.register_hook(hook(10))
    y.register_hook(hook(3))
    loss = (y * 2).sum()
    loss.backward(retain_graph=True)
    assert (seen, x.grad.item()) == ([2.0, 20.0], 60.0)
    first.remove()
    first.remove()
    x.grad = None
    loss.backward()
    assert (seen[2:], x.grad.item()) == ([2.0], 6.0)


def test_handle_is_a_context() -> None:
    x = leaf(1.0)
    with x.register_hook(lambda grad: grad * 5) as handle:
        (x * 2).sum().backward()
    assert isinstance(handle.id, int)
    (x * 2).sum().backward()
    assert x.grad.item() == 12.0


def test_a_hook_that_removes_itself() -> None:
    x = leaf(1.0)
    seen = []

    def once(grad: Any) -> None:
        seen.append(1)
        handle.remove()

    handle = x.register_hook(once)
    for _ in range(2):
        (x * 2).sum().backward()
    assert seen == [1]


def test_hooks_stay_where_they_were_when_the_tensor_is_written_to() -> None:
    x = leaf(1.0)
    y = x * 2
    seen = []
    handle = y.register_hook(lambda grad: seen.append(grad.item()))
    y.mul_(3)
    y.sum().backward()
    assert seen == [3.0]
    handle.remove()
    (x * 2).sum().backward()


def test_hooks_see_gradients_that_are_only_asked_for() -> None:
    x = leaf(1.0)
    y = x * 2
    y.register_hook(lambda grad: grad * 10)
    assert wg.autograd.grad((y * 3).sum(), y)[0].item() == 30.0


def test_what_a_hook_may_not_do() -> None:
    x = leaf(1.0, 2.0)
    for bad, error, text in [
        (lambda g: g.sum(), RuntimeError, "has changed the size of value"),
        (lambda g: g.float(), RuntimeError, "has changed the type of value"),
        (lambda g: 3, TypeError, "expected Variable or None from hook"),
    ]:
        with x.register_hook(bad), pytest.raises(error, match=text):
            (x * 2).sum().backward()
    assert x.grad is None
    with pytest.raises(RuntimeError, match="cannot register a hook on a tensor that doesn't"):
        wg.ones(1).register_hook(print)


def test_an_exception_leaves_the_graph_as_it_is() -> None:
    x = leaf(1.0)
    y = x * 2
    loss = (y * y).sum()

    def fail(grad: Any) -> None:
        raise KeyError("stop")

    with y.register_hook(fail), pytest.raises(KeyError, match="stop"):
        loss.backward(retain_graph=True)
    assert x.grad is None
    loss.backward()
    assert x.grad.item() == 8.0


def test_post_accumulate_hooks() -> None:
    x = leaf(1.0)
    seen = []

    def clear(tensor: Any) -> None:
        assert tensor is x
        seen.append(tensor.grad.item())
        tensor.grad = None

    handle = x.register_post_accumulate_grad_hook(clear)
    for _ in range(2):
        (x * 2).sum().backward()
    assert (seen, x.grad) == ([2.0, 2.0], None)
    handle.remove()
    (x * 2).sum().backward()
    assert x.grad.item() == 2.0
    with pytest.raises(RuntimeError, match="cannot be registered on non-leaf tensors"):
        (x * 2).register_post_accumulate_grad_hook(clear)


def test_retained_gradients() -> None:
    x = leaf(1.0)
    y = x * 2
    y.register_hook(lambda grad: grad * 10)
    y.retain_grad()
    y.register_hook(lambda grad: grad + 1)
    assert (y.retains_grad, x.retains_grad) == (True, False)
    y.sum().backward(retain_graph=True)
    assert y.grad.item() == 11.0  # hooks come first, whenever they were registered
    y.sum().backward()
    assert y.grad.item() == 22.0
    x.retain_grad()
    assert not x.retains_grad
    with pytest.raises(RuntimeError, match="can't retain_grad on Tensor that has requires_grad"):
        wg.ones(1).retain_grad()


def test_a_retained_gradient_is_that_of_the_newest_value() -> None:
    x = leaf(1.0)
    y = x * 2
    y.retain_grad()
    y.mul_(3)
    (y * 5).sum().backward()
    assert (y.grad.item(), x.grad.item()) == (5.0, 30.0)


# --- on nodes ---


def test_what_nodes_say_of_themselves() -> None:
    x = leaf(1.0)
    y = x * 2
    node = y.grad_fn
    assert node is y.grad_fn
    assert node == y.grad_fn
    assert isinstance(node, graph.Node)
    assert (node.name(), type(node).__name__) == ("MulBackward0", "MulBackward0")
    assert len({node, y.grad_fn}) == 1
    (accumulate, index), _ = node.next_functions
    assert (accumulate.name(), index) == ("AccumulateGrad", 0)
    assert accumulate.variable is x
    assert (y + 1).grad_fn._sequence_nr() > node._sequence_nr()
    node.metadata["key"] = 3
    del node
    assert y.grad_fn.metadata == {"key": 3}
    with pytest.raises(AttributeError, match="'MulBackward0' object has no attribute 'variable'"):
        y.grad_fn.variable  # noqa: B018


def test_saved_values_of_nodes() -> None:
    x = leaf(2.0)
    y = x.exp()
    assert y.grad_fn._saved_result.item() == y.item()
    z = x * y
    assert z.grad_fn._saved_other.item() == y.item()
    assert z.grad_fn._saved_self is x
    z.sum().backward()
    with pytest.raises(RuntimeError, match="after they have already been freed"):
        z.grad_fn._saved_self  # noqa: B018


def test_node_hooks() -> None:
    x = leaf(3.0)
    y = x * 2
    seen: list[Any] = []

    def before(grad_outputs: Any) -> Any:
        seen.append(("before", grad_outputs[0].item()))
        return (grad_outputs[0] * 10,)

    def after(grad_inputs: Any, grad_outputs: Any) -> Any:
        seen.append(("after", grad_inputs[0].item(), grad_inputs[1], grad_outputs[0].item()))
        return grad_inputs[0] + 1, None

    handles = [y.grad_fn.register_prehook(before), y.grad_fn.register_hook(after)]
    y.sum().backward(retain_graph=True)
    assert seen == [("before", 1.0), ("after", 20.0, None, 10.0)]
    assert x.grad.item() == 21.0
    for handle in handles:
        handle.remove()
    y.sum().backward()
    assert (len(seen), x.grad.item()) == (2, 23.0)


def test_tensor_hooks_come_before_node_hooks_and_captures_lie_between() -> None:
    x = leaf(1.0)
    y = x * 2
    y.grad_fn.register_prehook(lambda grads: (grads[0] * 100,))
    y.register_hook(lambda grad: grad * 10)
    by_y, by_x = wg.autograd.grad(y.sum(), (y, x))
    assert (by_y.item(), by_x.item()) == (10.0, 2000.0)


def test_hooks_on_the_node_that_adds_to_a_leaf() -> None:
    x = leaf(1.0)
    (accumulate, _), _ = (x * 2).grad_fn.next_functions
    seen = []
    accumulate.register_hook(lambda given, got: seen.append((given, got[0].item())))
    accumulate.register_prehook(lambda got: (got[0] * 3,))
    (x * 2).sum().backward()
    assert (seen, x.grad.item()) == ([((), 6.0)], 6.0)


def test_node_hooks_must_return_what_fits() -> None:
    y = leaf(1.0) * 2
    with (
        y.grad_fn.register_hook(lambda given, got: (1,)),
        pytest.raises(RuntimeError, match="incorrect number of values .got 1, but expected 2"),
    ):
        y.sum().backward(retain_graph=True)
    with (
        y.grad_fn.register_prehook(lambda got: (got[0].float(),)),
        pytest.raises(RuntimeError, match="has changed the type of value"),
    ):
        y.sum().backward()
    with pytest.raises(TypeError, match="a hook must be callable"):
        y.grad_fn.register_hook(3)


# --- gradient edges ---


def test_gradient_edges() -> None:
    x = leaf(1.0)
    y = x * 2
    edge = graph.get_gradient_edge(y)
    assert (edge.node, edge.output_nr) == (y.grad_fn, 0)
    z = (y * y).sum()
    assert wg.autograd.grad(z, edge, retain_graph=True)[0].item() == 4.0
    top = graph.get_gradient_edge(z)
    assert wg.autograd.grad(top, x, retain_graph=True)[0].item() == 8.0
    wg.autograd.backward(top, inputs=[graph.get_gradient_edge(x)])
    of_leaf = graph.get_gradient_edge(x)
    assert of_leaf.node.variable is x
    with pytest.raises(RuntimeError, match="not possible to get the gradient edge"):
        graph.get_gradient_edge(wg.ones(1))


def test_gradient_edges_as_roots_need_a_gradient_of_their_shape() -> None:
    edge = graph.get_gradient_edge(leaf(1.0, 2.0) * 2)
    with pytest.raises(RuntimeError, match="grad can be implicitly created only for scalar"):
        wg.autograd.backward(edge)
    with pytest.raises(RuntimeError, match="Mismatch in shape"):
        wg.autograd.backward(edge, wg.ones(3))


def test_increment_version() -> None:
    x = leaf(1.0) * 1
    y = (x * x).sum()
    graph.increment_version([x])
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.backward()
    with pytest.raises(TypeError, match="to be a tensor"):
        graph.increment_version([3])


# --- several tensors ---


def test_hook_on_all_of_several_tensors() -> None:
    x, y, unused = leaf(1.0), leaf(1.0), leaf(1.0)
    z = x * 2
    calls: list[Any] = []
    handle = graph.register_multi_grad_hook((x, z, unused), calls.append)
    loss = (z * y).sum()
    loss.backward(retain_graph=True)
    assert [None if grad is None else grad.item() for grad in calls[0]] == [2.0, 1.0, None]
    wg.autograd.grad(loss, x, retain_graph=True)
    assert len(calls) == 2
    handle.remove()
    loss.backward()
    assert len(calls) == 2


def test_hook_on_any_of_several_tensors() -> None:
    x, y = leaf(1.0), leaf(1.0)
    a, b = x * 2, y * 3
    calls: list[Any] = []
    graph.register_multi_grad_hook((a, b), calls.append, mode="any")
    loss = (a + b).sum()
    for _ in range(2):
        loss.backward(retain_graph=True)
    assert [grad.item() for grad in calls] == [1.0, 1.0]
    with pytest.raises(ValueError, match="Expects mode to be one of"):
        graph.register_multi_grad_hook((a,), calls.append, mode="some")  # type: ignore[arg-type]


def test_callbacks_at_the_end() -> None:
    x = leaf(1.0)
    order: list[str] = []

    def hook(grad: Any) -> None:
        order.append("hook")
        running = graph.running_backward()
        assert running is not None
        assert running.fills_all_leaves
        graph.queue_callback(lambda: order.append("end"))

    (x * 2).register_hook(hook)
    y = x * 2
    y.register_hook(hook)
    x.register_hook(lambda grad: order.append("leaf"))
    y.sum().backward()
    assert order == ["hook", "leaf", "end"]
    assert graph.running_backward() is None
    with pytest.raises(RuntimeError, match="only be installed during backward pass"):
        graph.queue_callback(print)


# --- a block's edges ---


@pytest.mark.parametrize("of_leaf", [False, True])
def test_observer_sees_the_gradient_of_its_block_alone(of_leaf: bool) -> None:
    x = leaf(1.0)
    y = x if of_leaf else x * 1
    seen = []

    def hook(gradients: Any) -> Any:
        seen.append(gradients[0].item())
        return (gradients[0] * 2,)

    observer = graph.GradientObserver([y], hook)
    (inside,) = observer.tensors
    z = inside * 3
    observer.end()
    (z + y * 10).sum().backward()
    assert (seen, x.grad.item()) == ([3.0], 16.0)
    assert (inside is y) != of_leaf


def test_observer_and_writes_in_place() -> None:
    for view in (lambda y: y, lambda y: y[:1], lambda y: y.view(2, 1)[0]):
        x = leaf(2.0, 3.0)
        y = view(x * x)
        seen = []
        observer = graph.GradientObserver([y], lambda g, s=seen: (s.append(g[0]), g)[1])
        y.exp_()
        observer.end()
        (y * 2).sum().backward()
        expected = leaf(2.0, 3.0)
        (
            view((expected * expected).exp() if view(x) is x else expected * expected).sum()
        ).backward()
        assert len(seen) == 1
        assert seen[0].shape == y.shape


def test_hooks_put_on_an_observed_tensor_mean_all_of_its_gradient() -> None:
    x = leaf(1.0)
    y = x * 1
    observer = graph.GradientObserver([y], lambda g: g)
    z = y * 3
    seen = []
    y.register_hook(lambda grad: seen.append(grad.item()))
    y.retain_grad()
    observer.end()
    (z + y * 10).sum().backward()
    assert (seen, y.grad.item()) == ([13.0], 13.0)
