"""`__torch_function__`: subclasses of Tensor, other classes, modes."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

import wengert as wg
from wengert import nn, overrides


class Plain(wg.Tensor):
    pass


class Noting(wg.Tensor):
    names: list[str] = []  # noqa: RUF012 (one list for all)

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        cls.names.append(func.__name__)
        return super().__torch_function__(func, types, args, kwargs)


class Diagonal:
    """A matrix that is no tensor."""

    def __init__(self, size: int, value: float) -> None:
        self.size, self.value = size, value

    def tensor(self) -> wg.Tensor:
        return self.value * wg.eye(self.size)

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is wg.mean:
            return args[0].value / args[0].size
        if func in (wg.matmul, wg.Tensor.matmul, wg.Tensor.add, wg.cat, wg.linalg.inv):

            def dense(x: Any) -> Any:
                return x.tensor() if isinstance(x, Diagonal) else x

            args = [[dense(y) for y in x] if isinstance(x, list) else dense(x) for x in args]
            return func(*args, **(kwargs or {}))
        return NotImplemented


def test_results_of_a_subclass_are_of_the_subclass() -> None:
    x = wg.tensor([1.0, 2.0, 3.0]).as_subclass(Plain)
    results = [x + 1, 1 - x, -x, x.sum(), wg.sin(x), x[0], x[1:], x == 2, x.to(wg.float64), x @ x]
    assert {type(each) for each in results} == {Plain}
    assert {type(each) for each in x.sort()} == {Plain}
    assert type(x.max(0)).__name__ == "max"
    assert {type(each) for each in wg.split(x, 1)} == {Plain}
    x += 1
    assert type(x) is Plain
    x[0] = 5.0
    assert x.tolist() == [5.0, 3.0, 4.0]


def test_as_subclass_keeps_the_history() -> None:
    x = wg.ones(2, requires_grad=True)
    y = (x * 3).as_subclass(Plain)
    (y * y).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [18.0, 18.0]
    assert type(y) is Plain


def test_as_subclass_refuses_other_classes() -> None:
    with pytest.raises(TypeError, match="does not inherit from Tensor"):
        wg.ones(1).as_subclass(int)


def test_parameters_stay_out() -> None:
    layer = nn.Linear(2, 2)
    assert type(layer.weight * 2) is wg.Tensor
    assert type(nn.Buffer(wg.ones(1)) + 1) is wg.Tensor
    assert not overrides.has_torch_function((layer.weight,))


def test_own_function_sees_every_call() -> None:
    Noting.names.clear()
    x = wg.ones(3).as_subclass(Noting)
    y = (x + 1).relu()
    z = wg.cat([wg.ones(1), y])
    z[0] = 2
    assert Noting.names == ["add", "relu", "cat", "__setitem__"]
    assert type(z) is Noting


def test_subclass_is_asked_before_its_base() -> None:
    class Derived(Plain):
        @classmethod
        def __torch_function__(
            cls, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            return types

    base, derived = wg.ones(1).as_subclass(Plain), wg.ones(1).as_subclass(Derived)
    assert wg.add(base, derived) == (Derived, Plain)


def test_other_classes_take_part() -> None:
    d = Diagonal(2, 3.0)
    x = wg.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert wg.mean(d) == 1.5
    assert wg.matmul(x, d).tolist() == [[3.0, 6.0], [9.0, 12.0]]
    assert (x @ d).tolist() == [[3.0, 6.0], [9.0, 12.0]]
    assert (x + d).tolist() == [[4.0, 2.0], [3.0, 7.0]]
    assert wg.cat([x, d]).shape == (4, 2)
    assert wg.linalg.inv(d).diagonal().tolist() == pytest.approx([1 / 3, 1 / 3])


def test_what_nobody_implements_is_an_error() -> None:
    with pytest.raises(TypeError, match="no implementation found for .*sin.* on types that"):
        wg.sin(Diagonal(2, 1.0))


def test_objects_without_the_method_get_the_usual_error() -> None:
    with pytest.raises(TypeError, match=r"sin\(\): argument 'input' \(position 1\) must be Tensor"):
        wg.sin(object())


def test_switching_off() -> None:
    x = wg.ones(2).as_subclass(Plain)
    with wg.overrides.DisableTorchFunctionSubclass():
        assert type(x + 1) is wg.Tensor
    assert type(x + 1) is Plain


class Doubling(overrides.TorchFunctionMode):
    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        return result * 2 if func is wg.ones else result


def test_modes_nest_and_end() -> None:
    with Doubling(), Doubling():
        assert wg.ones(1).item() == 4.0
    assert wg.ones(1).item() == 1.0
    with pytest.raises(ZeroDivisionError), Doubling():
        raise ZeroDivisionError
    assert wg.ones(1).item() == 1.0


def test_a_mode_sees_calls_of_python_functions() -> None:
    seen = []

    class Watch(overrides.TorchFunctionMode):
        def __torch_function__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            seen.append(func.__name__)
            return func(*args, **(kwargs or {}))

    model = nn.Linear(2, 1)
    with Watch():
        model(wg.ones(1, 2)).sum()
    assert seen[-1] == "sum"
    assert "linear" in seen


def test_handle_and_wrap() -> None:
    @overrides.wrap_torch_function(lambda a: (a,))
    def trace(a: Any) -> Any:
        return a.diagonal().sum()

    class Lazy:
        @classmethod
        def __torch_function__(
            cls, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            return func, types

    assert trace(wg.eye(3)).item() == 3.0
    assert trace(Lazy()) == (trace, (Lazy,))
    assert overrides.is_tensor_like(Lazy())
    assert not overrides.is_tensor_like(3)


def test_copies_and_pickles_keep_the_class() -> None:
    x = wg.ones(2).as_subclass(Plain)
    assert type(copy.deepcopy(x)) is Plain
    assert type(pickle.loads(pickle.dumps(x))) is Plain


def test_nothing_leaks() -> None:
    before = wg._C._live_objects()[0]
    for _ in range(10):
        x = wg.ones(4).as_subclass(Plain)
        y = wg.cat([x * 2, x[1:]])
        with Doubling():
            z = wg.ones(1) + y
        del x, y, z
    assert wg._C._live_objects()[0] == before


def test_an_argument_with_a_handler_does_not_hide_an_error() -> None:
    """`Ellipsis` is asked for a handler after the arguments were refused."""
    with pytest.raises(TypeError, match="flip.*argument 'dims'"):
        wg.ones(3).flip(wg.tensor([3]), ..., slice(None))


def test_a_mode_sees_operators_that_have_a_namesake_with_other_arguments() -> None:
    class Count(overrides.TorchFunctionMode):
        names: list[str] = []  # noqa: RUF012 (one list for all)

        def __torch_function__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            self.names.append(func.__name__)
            return func(*args, **(kwargs or {}))

    # wg.embedding takes the weight first; nn.functional's takes the indices first.
    layer = nn.Embedding(5, 3)
    indices = wg.tensor([[0, 4], [1, 1]])
    plain = layer(indices)
    with Count():
        seen = layer(indices)
        scaled = nn.functional.embedding(indices, layer.weight, scale_grad_by_freq=True)
        loss = nn.functional.cross_entropy(seen[0], wg.tensor([0, 2]), label_smoothing=0.1)
        nll = nn.functional.nll_loss(seen[0], wg.tensor([0, 2]), ignore_index=2, reduction="sum")
        mse = nn.functional.mse_loss(seen, plain + 1, reduction="sum")
        spread = wg.var(seen, 1, unbiased=False, keepdim=True)
        windows = nn.functional.unfold(wg.arange(16.0).view(1, 1, 4, 4), 2)
        normal = nn.functional.instance_norm(wg.arange(12.0).view(2, 2, 3))
    assert wg.equal(seen, plain)
    assert wg.equal(scaled, plain)
    expected = nn.functional.cross_entropy(plain[0], wg.tensor([0, 2]), label_smoothing=0.1)
    assert wg.equal(loss, expected)
    assert wg.equal(nll, -plain[0, 0, 0])
    assert mse.item() == pytest.approx(12)
    assert wg.equal(spread, wg.var(plain, 1, unbiased=False, keepdim=True))
    assert windows.shape == (1, 4, 9)
    assert wg.allclose(normal.mean(2), wg.zeros(2, 2), atol=1e-6)
    assert {"embedding", "cross_entropy", "nll_loss", "mse_loss"} <= set(Count.names)
