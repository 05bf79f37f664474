"""Writes in place: through views of every kind, with the gradients of the same program out of
place, and errors where a value is gone that a gradient needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy
import pytest

import wengert as wg

VIEWS: dict[str, Callable[[Any], Any]] = {
    "itself": lambda x: x,
    "select": lambda x: x.select(0, 1),
    "slice": lambda x: x[1:, ::2],
    "transpose": lambda x: x.transpose(0, 1),
    "diagonal": lambda x: x.diagonal(),
    "unbind": lambda x: x.unbind(1)[2],
    "split": lambda x: x.split(2, 1)[0],
    "chunk": lambda x: x.chunk(3)[1],
    "view": lambda x: x.view(2, 6)[1],
    "as_strided": lambda x: x.as_strided((2, 2), (4, 1), 1),
    "narrow": lambda x: x.narrow(1, 1, 2),
    "unsqueeze": lambda x: x.unsqueeze(1)[0],
    "view of a view": lambda x: x[1:].t()[1:, 0],
}


def base_and_weight() -> tuple[Any, Any]:
    x = wg.linspace(-1, 1, 12, dtype=wg.float64).view(3, 4).clone().requires_grad_()
    return x, wg.linspace(1, 2, 12, dtype=wg.float64).view(3, 4)


def mask_of(view: Callable[[Any], Any]) -> Any:
    """True at the places that a view shows."""
    shown = wg.zeros(3, 4, dtype=wg.float64)
    view(shown).fill_(1.0)
    return shown == 1


@pytest.mark.parametrize("name", VIEWS)
def test_gradients_of_a_write_through_a_view(name: str) -> None:
    view, (x, weight) = VIEWS[name], base_and_weight()
    y = x * 2
    target = view(y)
    target.sin_()
    (y * weight).sum().backward()
    mask = mask_of(view)
    twice = x.detach() * 2
    expected = wg.where(mask, wg.cos(twice), wg.ones_like(twice)) * 2 * weight
    numpy.testing.assert_allclose(x.grad.tolist(), expected.tolist())


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_sees_the_history_of_a_write_to_its_base(name: str) -> None:
    view, (x, _) = VIEWS[name], base_and_weight()
    y = x * 2
    target = view(y)
    y.mul_(y * 3)
    target.sum().backward()
    expected = wg.where(mask_of(view), x.detach() * 24, wg.zeros(3, 4, dtype=wg.float64))
    numpy.testing.assert_allclose(x.grad.tolist(), expected.tolist())


@pytest.mark.parametrize("name", VIEWS)
def test_overwritten_values_get_no_gradient_and_sources_do(name: str) -> None:
    view, (x, weight) = VIEWS[name], base_and_weight()
    y = x * 2
    source = wg.ones_like(view(weight)).requires_grad_()
    view(y).copy_(source)
    (y * weight).sum().backward()
    mask = mask_of(view)
    expected = wg.where(mask, wg.zeros_like(weight), weight * 2)
    numpy.testing.assert_allclose(x.grad.tolist(), expected.tolist())
    numpy.testing.assert_allclose(source.grad.tolist(), view(weight).tolist())


@pytest.mark.parametrize("name", VIEWS)
def test_second_derivatives(name: str) -> None:
    view, (x, _) = VIEWS[name], base_and_weight()
    y = x * 1
    target = view(y)
    target.sin_()
    target.mul_(target * 0.5)
    (first,) = wg.autograd.grad(y.sum(), x, create_graph=True)
    (second,) = wg.autograd.grad(first.sum(), x)
    expected = wg.where(mask_of(view), wg.cos(x.detach() * 2), wg.zeros(3, 4, dtype=wg.float64))
    numpy.testing.assert_allclose(second.tolist(), expected.tolist(), atol=1e-12)


def test_several_views_of_one_operation() -> None:
    x = wg.ones(4, requires_grad=True)
    first, second = (x * 2).split(2)
    first.mul_(5)
    second.add_(first)
    second.sum().backward()
    assert x.grad.tolist() == [10, 10, 2, 2]


def test_writes_through_complex_views() -> None:
    z = wg.tensor([1 + 2j, 3 + 4j], requires_grad=True)
    w = z * 1
    wg.real(w).mul_(10)
    wg.view_as_real(w)[0, 1] = 0
    wg.view_as_real(w).sum().backward()
    assert w.tolist() == [10 + 0j, 30 + 4j]
    assert z.grad.tolist() == [10 + 0j, 10 + 1j]
    x = wg.ones(2, 2, requires_grad=True)
    y = x * 1
    wg.view_as_complex(y).mul_(1j)
    (y * wg.tensor([1.0, 10.0])).sum().backward()
    assert y.tolist() == [[-1, 1]] * 2
    assert x.grad.tolist() == [[10, -1]] * 2


def test_a_buffer_filled_row_by_row() -> None:
    x = wg.ones(3, requires_grad=True)
    buffer = wg.zeros(3, 3)
    for i in range(3):
        buffer[i] = x * (i + 1)
        buffer[i, i] *= 10
    buffer.sum().backward()
    assert x.grad.tolist() == [15, 24, 33]


def test_leaves_and_their_views_are_not_written_to() -> None:
    x = wg.ones(2, 2, requires_grad=True)
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        x.add_(1)
    with pytest.raises(RuntimeError, match="a view of a leaf Variable that requires grad"):
        x[0].add_(1)
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        x.t_()
    with wg.no_grad():
        x.add_(1)
        x[0].zero_()
    assert x.tolist() == [[0, 0], [2, 2]]


def test_views_made_without_a_graph_are_not_written_to_with_one() -> None:
    y = wg.ones(2, requires_grad=True) * 1
    with wg.no_grad():
        view = y[0]
        view.mul_(2)
    with pytest.raises(RuntimeError, match="A view was created in no_grad mode"):
        view.mul_(2)
    buffer = wg.zeros(2)
    with wg.no_grad():
        view = buffer[0]
    x = wg.ones((), requires_grad=True)
    with pytest.raises(RuntimeError, match="A view was created in no_grad mode"):
        view.copy_(x)
    assert buffer.tolist() == [0, 0]
    view.copy_(x.detach())
    buffer[0].copy_(x)
    buffer.sum().backward()
    assert x.grad.item() == 1


def test_overlapping_memory_is_not_written_to() -> None:
    with pytest.raises(RuntimeError, match="more than one element of the written-to tensor"):
        wg.ones(1).expand(3).add_(1)


def test_a_saved_value_that_was_written_over() -> None:
    x = wg.ones(3, requires_grad=True)
    y = x * 1
    z = y * y
    y[0] = 5.0
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        z.sum().backward()


def test_failed_writes_change_nothing() -> None:
    y = wg.ones(2, requires_grad=True) * 1
    before, version = y.tolist(), y._version
    for write in (
        lambda: y.copy_(wg.ones(3)),
        lambda: y.add_(wg.ones(3, 2)),
        lambda: y.mul_(1j),
        lambda: y.index_add_(0, wg.tensor([7]), wg.ones(1)),
    ):
        with pytest.raises((RuntimeError, IndexError)):
            write()
    assert (y.tolist(), y._version) == (before, version)


# --- changes of geometry in place ---


def test_geometry_changes_in_place_keep_the_history() -> None:
    x = wg.arange(6.0).view(2, 3).clone().requires_grad_()
    y = x * 2
    row = y[0]
    assert y.t_() is y
    assert y.shape == (3, 2)
    y.unsqueeze_(0).squeeze_(0)
    y[0].mul_(10)
    (y * wg.tensor([[1.0, 10.0]])).sum().backward()
    assert x.grad.tolist() == [[20, 2, 2], [200, 20, 20]]
    assert row.tolist() == [0, 2, 4]


def test_geometry_changes_of_a_view() -> None:
    x = wg.ones(2, 3, requires_grad=True)
    y = x * 1
    view = y[:, 1:]
    view.transpose_(0, 1)
    view[0].mul_(5)
    y.sum().backward()
    assert view.shape == (2, 2)
    assert x.grad.tolist() == [[1, 5, 1]] * 2


def test_geometry_changes_of_a_leaf_without_a_graph() -> None:
    x = wg.ones(2, 3, requires_grad=True)
    loss = (x * x).sum()
    with wg.no_grad():
        x.swapaxes_(0, 1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()
    (x * 2).sum().backward()
    assert x.grad.shape == (3, 2)


def test_detach_in_place() -> None:
    x = wg.ones(2, requires_grad=True)
    y = x * 2
    assert y.detach_() is y
    assert not y.requires_grad
    with pytest.raises(RuntimeError, match="Can't detach views in-place"):
        (x * 2)[0].detach_()


def test_resize() -> None:
    x = wg.arange(4)
    assert x.resize_(2, 1).tolist() == [[0], [1]]
    assert x.resize_(8).shape == (8,)
    with pytest.raises(RuntimeError, match="cannot resize variables that require grad"):
        wg.ones(2, requires_grad=True).resize_(3)


# --- gradients that are kept ---


def test_a_kept_gradient_is_that_of_the_newest_value() -> None:
    x = wg.ones(2, requires_grad=True)
    y = x * 2
    y.retain_grad()
    y.mul_(3)
    y[0].mul_(7)
    y.sum().backward()
    assert y.grad.tolist() == [1, 1]
    assert x.grad.tolist() == [42, 6]


def test_a_hook_stays_with_the_value_it_was_registered_on() -> None:
    seen = []
    x = wg.ones(2, requires_grad=True)
    y = x * 2
    y.register_hook(lambda g: seen.append(g.tolist()))
    y.mul_(3)
    y.sum().backward()
    assert seen == [[3, 3]]
