"""autograd.Function: both styles, what it saves, what it checks, and second derivatives."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest

import wengert as wg
from wengert.autograd import Function
from wengert.autograd.function import FunctionCtx, once_differentiable


class Square(Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        (x,) = ctx.saved_tensors
        return 2 * x * grad


class Power(Function):
    """The second style, with an argument that is no tensor and has a default."""

    @staticmethod
    def forward(x: Any, exponent: int = 2) -> Any:
        return x**exponent

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        x, ctx.exponent = inputs
        ctx.save_for_backward(x, output)

    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        x, _ = ctx.saved_tensors
        return grad * ctx.exponent * x ** (ctx.exponent - 1), None


def leaf(*values: float) -> Any:
    return wg.tensor(values, dtype=wg.float64, requires_grad=True)


def function(forward: Any, backward: Any = None) -> Any:
    """A class made of two functions."""
    members = {"forward": staticmethod(forward)}
    if backward is not None:
        members["backward"] = staticmethod(backward)
    return type("Made", (Function,), members)


# --- calling ---


def test_gradient_and_second_gradient() -> None:
    x = leaf(2.0, 3.0)
    (first,) = wg.autograd.grad(Square.apply(x).sum(), x, create_graph=True)
    (second,) = wg.autograd.grad(first.sum(), x)
    assert first.tolist() == [4.0, 6.0]
    assert second.tolist() == [2.0, 2.0]


@pytest.mark.parametrize(("args", "kwargs"), [((3,), {}), ((), {"exponent": 3})])
def test_second_style_with_arguments(args: tuple[int, ...], kwargs: dict[str, int]) -> None:
    x = leaf(2.0)
    y = Power.apply(x, *args, **kwargs)
    y.backward(wg.ones(1, dtype=wg.float64))
    assert (y.item(), x.grad.item()) == (8.0, 12.0)


def test_second_style_sees_defaults() -> None:
    x = leaf(3.0)
    assert wg.autograd.grad(Power.apply(x).sum(), x)[0].item() == 6.0


def test_keywords_in_the_first_style() -> None:
    scale = function(lambda ctx, x, factor: x * factor, lambda ctx, g: (g * 3, None))
    x = leaf(1.0)
    scale.apply(x, factor=3).backward(wg.ones(1, dtype=wg.float64))
    assert x.grad.item() == 3.0
    with pytest.raises(TypeError, match="missing a required argument: 'factor'"):
        scale.apply(x=x)


def test_keyword_only_parameters_are_refused() -> None:
    def forward(ctx: Any, x: Any, *, factor: int) -> Any:
        return x * factor

    with pytest.raises(TypeError, match="takes factor by keyword only"):
        function(forward).apply(leaf(1.0), factor=2)


def test_nothing_is_recorded_without_need() -> None:
    assert Square.apply(wg.ones(2)).grad_fn is None
    x = leaf(1.0)
    with wg.no_grad():
        assert Square.apply(x).grad_fn is None
    seen = []

    def forward(ctx: Any, x: Any) -> Any:
        seen.append((wg.is_grad_enabled(), ctx.needs_input_grad))
        return x + 1

    function(forward).apply(x)
    assert seen == [(False, (True,))]
    assert wg.is_grad_enabled()


def test_grad_mode_is_restored_when_forward_raises() -> None:
    def forward(ctx: Any, x: Any) -> Any:
        raise KeyError("here")

    with pytest.raises(KeyError):
        function(forward).apply(leaf(1.0))
    assert wg.is_grad_enabled()


def test_arguments_and_outputs_of_other_kinds() -> None:
    def forward(ctx: Any, x: Any, items: list[int], word: str) -> Any:
        return x * len(items), word + "!", None, 7

    def backward(ctx: Any, *grads: Any) -> Any:
        assert grads[1:] == (None, None, None)
        return grads[0] * 3, None, None

    x = leaf(1.0)
    y, word, nothing, seven = function(forward, backward).apply(x, [1, 2, 3], "a")
    y.sum().backward()
    assert (word, nothing, seven, x.grad.item()) == ("a!", None, 7, 3.0)


def test_single_output_in_a_tuple_stays_a_tuple() -> None:
    made = function(lambda ctx, x: (x * 2,), lambda ctx, g: g * 2)
    (y,) = made.apply(leaf(1.0))
    assert y.item() == 2.0


def test_a_list_of_tensors_is_refused() -> None:
    with pytest.raises(RuntimeError, match="returned a list of tensors.*return a tuple"):
        function(lambda ctx, x: [x * 2]).apply(leaf(1.0))


def test_instances_are_refused() -> None:
    with pytest.raises(RuntimeError, match="should not be instantiated"):
        Square()


def test_forward_is_required() -> None:
    with pytest.raises(NotImplementedError, match="must implement the forward function"):
        type("Empty", (Function,), {}).apply(leaf(1.0))


def test_backward_is_required_when_it_is_needed() -> None:
    y = function(lambda ctx, x: x * 2).apply(leaf(1.0))
    with pytest.raises(NotImplementedError, match="either the backward or vjp method"):
        y.sum().backward()


def test_vjp_is_another_name_of_backward() -> None:
    made = type("Made", (Function,), {"forward": staticmethod(lambda ctx, x: x * 2),
                                      "vjp": staticmethod(lambda ctx, g: g * 2)})  # fmt: skip
    x = leaf(1.0)
    made.apply(x).sum().backward()
    assert x.grad.item() == 2.0
    both = type("Both", (made,), {"backward": staticmethod(lambda ctx, g: g * 2)})
    with pytest.raises(RuntimeError, match="Implementing both 'backward' and 'vjp'"):
        both.apply(x).sum().backward()


# --- gradients that backward returns ---


def test_missing_gradients_are_none_and_zero() -> None:
    made = function(lambda ctx, x, y: (x * 2, y * 3), lambda ctx, a, b: (a * 2, None))
    x, y = leaf(1.0), leaf(1.0)
    first, second = made.apply(x, y)
    (first.sum() + second.sum()).backward()
    assert x.grad.item() == 2.0
    assert y.grad is None


def test_gradients_are_zeros_or_none_on_request() -> None:
    seen: list[Any] = []

    def make(materialize: bool) -> Any:
        def forward(ctx: Any, x: Any) -> Any:
            ctx.set_materialize_grads(materialize)
            return x * 2, x * 3, (x > 0).long()

        def backward(ctx: Any, *grads: Any) -> Any:
            seen.append(grads)
            return grads[0]

        return function(forward, backward)

    for materialize in (True, False):
        make(materialize).apply(leaf(1.0, 2.0))[0].sum().backward()
    zeros, nones = seen
    assert zeros[1].tolist() == [0.0, 0.0]
    assert zeros[2].dtype == wg.int64
    assert nones[1:] == (None, None)
    with pytest.raises(TypeError, match="received an invalid combination of arguments"):
        FunctionCtx().set_materialize_grads(1)


def test_a_gradient_of_a_larger_shape_is_summed() -> None:
    made = function(lambda ctx, x: x + wg.zeros(4, 2), lambda ctx, g: g)
    x = leaf(1.0, 2.0)
    made.apply(x).sum().backward()
    assert x.grad.tolist() == [4.0, 4.0]


def test_a_gradient_of_another_dtype_is_cast() -> None:
    made = function(lambda ctx, x: x * 2, lambda ctx, g: g.float() * 2)
    x = leaf(1.0)
    made.apply(x).sum().backward()
    assert (x.grad.dtype, x.grad.item()) == (wg.float64, 2.0)


def test_nones_at_the_end_too_many_do_no_harm() -> None:
    x = leaf(1.0)
    function(lambda ctx, x: x * 2, lambda ctx, g: (g, None, None)).apply(x).sum().backward()
    assert x.grad.item() == 1.0


# --- what ctx keeps ---


def test_saved_tensors_are_the_inputs_themselves() -> None:
    x = leaf(1.0)
    y = Square.apply(x)
    assert y.grad_fn.saved_tensors[0] is x
    assert y.grad_fn.name() == "SquareBackward"


def test_none_can_be_saved() -> None:
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(None, x)
        return x * 2

    def backward(ctx: Any, g: Any) -> Any:
        nothing, x = ctx.saved_tensors
        assert nothing is None
        return g * x

    x = leaf(5.0)
    function(forward, backward).apply(x).sum().backward()
    assert x.grad.item() == 5.0


def test_only_tensors_can_be_saved() -> None:
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x, 3)

    with pytest.raises(TypeError, match="can only save variables, but argument 1 is of type int"):
        function(forward).apply(leaf(1.0))


def test_saved_tensors_are_freed() -> None:
    y = Square.apply(leaf(1.0)).sum()
    y.backward()
    with pytest.raises(RuntimeError, match="Trying to backward through the graph a second time"):
        y.backward()


def test_a_write_to_a_saved_input_is_noticed() -> None:
    x = leaf(1.0) * 1
    y = Square.apply(x)
    x.add_(1)
    with pytest.raises(RuntimeError, match=r"saved by +Square"):
        y.sum().backward()


def test_a_saved_output_has_its_history() -> None:
    class Exp(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            y = x.exp()
            ctx.save_for_backward(y)
            return y

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            return grad * ctx.saved_tensors[0]

    x = leaf(0.0)
    (first,) = wg.autograd.grad(Exp.apply(x).sum(), x, create_graph=True)
    (second,) = wg.autograd.grad(first.sum(), x, create_graph=True)
    (third,) = wg.autograd.grad(second.sum(), x)
    assert third.item() == 1.0


def test_an_output_as_an_attribute_makes_no_cycle_and_has_its_history() -> None:
    class Exp(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.y = x.exp()
            return ctx.y

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            return grad * ctx.y

    gc.disable()
    try:
        x = leaf(0.0)
        y = Exp.apply(x)
        gone = weakref.ref(y)
        (first,) = wg.autograd.grad(y.sum(), x, create_graph=True)
        assert wg.autograd.grad(first.sum(), x)[0].item() == 1.0
        del y, first
        assert gone() is None
    finally:
        gc.enable()


# --- values that forward computed, in second derivatives ---


class SavedIntermediate(Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        cosine = x.cos()
        ctx.save_for_backward(cosine)
        return x.sin()

    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        return grad * ctx.saved_tensors[0]


class AttributeIntermediate(Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.cosine = x.cos()
        return x.sin()

    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        return grad * ctx.cosine


@pytest.mark.parametrize(
    ("made", "role"),
    [(SavedIntermediate, "saved_tensors[0]"), (AttributeIntermediate, "ctx.cosine")],
)
def test_a_second_derivative_through_them_raises(made: Any, role: str) -> None:
    x = leaf(0.5)
    (plain,) = wg.autograd.grad(made.apply(x).sum(), x)
    assert plain.item() == pytest.approx(0.8775825618903728)
    (first,) = wg.autograd.grad(made.apply(x).sum(), x, create_graph=True)
    assert first.item() == plain.item()
    with pytest.raises(RuntimeError, match="the second derivative would be wrong") as error:
        wg.autograd.grad(first.sum(), x)
    assert role in str(error.value)
    assert "test_function.py" in str(error.value)


def test_the_derivative_by_the_gradient_stays_possible() -> None:
    x, weight = leaf(0.5), leaf(2.0)
    y = AttributeIntermediate.apply(x)
    (first,) = wg.autograd.grad(y, x, weight, create_graph=True)
    assert wg.autograd.grad(first.sum(), weight)[0].item() == pytest.approx(0.8775825618903728)


def test_constants_masks_and_noise_are_no_intermediate_values() -> None:
    table = wg.ones(2, dtype=wg.float64)

    class Dropout(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.mask = (wg.rand_like(x) > 2) + (x > 0)
            ctx.noise = wg.zeros_like(x) + 1
            ctx.table = table
            ctx.scale = (x > 0).to(x.dtype)
            return x * x * ctx.mask

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            return grad * ctx.mask * ctx.noise * ctx.table * ctx.scale * 2

    x = leaf(1.0, 2.0)
    (first,) = wg.autograd.grad(Dropout.apply(x).sum(), x, create_graph=True)
    assert first.tolist() == [2.0, 2.0]
    assert first.grad_fn is None or wg.autograd.grad(first.sum(), x, allow_unused=True) == (None,)


def test_once_differentiable() -> None:
    class Once(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        @once_differentiable
        def backward(ctx: Any, grad: Any) -> Any:
            assert not wg.is_grad_enabled()
            return 2 * ctx.saved_tensors[0] * grad

    x = leaf(3.0)
    (first,) = wg.autograd.grad(Once.apply(x).sum(), x, create_graph=True)
    assert first.item() == 6.0
    with pytest.raises(RuntimeError, match="marked with @once_differentiable"):
        wg.autograd.grad(first.sum(), x)


# --- outputs that are inputs, views, marked ---


def test_an_input_returned_as_it_is() -> None:
    made = function(lambda ctx, x: x, lambda ctx, g: g * 5)
    x = leaf(1.0)
    y = made.apply(x)
    assert y is not x
    assert y.data_ptr() == x.data_ptr()
    y.sum().backward()
    assert x.grad.item() == 5.0
    z = made.apply(x)
    with pytest.raises(RuntimeError, match="Output 0 of MadeBackward is a view and is being"):
        z.mul_(2)


def test_a_view_of_an_input() -> None:
    made = function(lambda ctx, x: x[1:], lambda ctx, g: wg.cat([g * 0, g * 5]))
    x = leaf(1.0, 2.0)
    made.apply(x).sum().backward()
    assert x.grad.tolist() == [0.0, 5.0]
    with pytest.raises(RuntimeError, match="fix this by cloning the output"):
        made.apply(x).mul_(2)


def test_a_view_of_something_else_can_be_written_to() -> None:
    made = function(lambda ctx, x: (x * 2)[1:], lambda ctx, g: wg.cat([g * 0, g * 2]))
    x = leaf(1.0, 2.0)
    y = made.apply(x)
    y.mul_(10)
    y.sum().backward()
    assert x.grad.tolist() == [0.0, 20.0]


def test_the_same_output_twice() -> None:
    def forward(ctx: Any, x: Any) -> Any:
        y = x * 2
        return y, y

    made = function(forward, lambda ctx, a, b: a * 2 + b * 20)
    x = leaf(1.0)
    a, b = made.apply(x)
    (a + b * 3).sum().backward()
    assert x.grad.item() == 62.0


class AddOne(Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        x.add_(1)
        ctx.mark_dirty(x)
        return x

    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        return grad * 7


def test_a_dirty_input() -> None:
    x = leaf(1.0)
    y = x * 1
    z = AddOne.apply(y)
    assert z is y
    assert z.item() == 2.0
    (z * 2).sum().backward()
    assert x.grad.item() == 14.0


def test_a_dirty_view() -> None:
    x = leaf(1.0, 2.0)
    base = x * 1
    AddOne.apply(base[:1])
    assert base.tolist() == [2.0, 2.0]
    base.sum().backward()
    assert x.grad.tolist() == [7.0, 1.0]


def test_dirty_inputs_must_be_returned_and_no_leaves() -> None:
    def forward(ctx: Any, x: Any) -> Any:
        x.add_(1)
        ctx.mark_dirty(x)
        return x.clone()

    with pytest.raises(RuntimeError, match="Some elements marked as dirty"):
        function(forward).apply(leaf(1.0) * 1)
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        AddOne.apply(leaf(1.0))
    with pytest.raises(RuntimeError, match="mark_dirty can only accept variables"):
        FunctionCtx().mark_dirty(1)


def test_outputs_without_a_gradient() -> None:
    def forward(ctx: Any, x: Any) -> Any:
        rounded = x.round()
        ctx.mark_non_differentiable(rounded)
        return x * 2, rounded, x.argmax()

    x = leaf(1.0, 2.0)
    made = function(forward, lambda ctx, *g: g[0] * 2)
    y, rounded, index = made.apply(x)
    assert (y.requires_grad, rounded.requires_grad, index.requires_grad) == (True, False, False)
    y.sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]
    with pytest.raises(RuntimeError, match="only accepts variable arguments"):
        FunctionCtx().mark_non_differentiable("x")


# --- the node ---


def test_attributes_of_ctx_are_those_of_the_node() -> None:
    class Named(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.word = "kept"
            return x * 2

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            return grad * ctx.factor

    x = leaf(1.0)
    y = Named.apply(x)
    assert y.grad_fn.word == "kept"
    assert type(y.grad_fn).__name__ == "NamedBackward"
    assert y.grad_fn.needs_input_grad == (True,)
    y.grad_fn.factor = 4
    y.sum().backward()
    assert x.grad.item() == 4.0


def test_functions_inside_of_functions() -> None:
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return Square.apply(x) * 2

    def backward(ctx: Any, grad: Any) -> Any:
        (x,) = ctx.saved_tensors
        with wg.enable_grad():
            (inner,) = wg.autograd.grad(Square.apply(x).sum(), x)
        return grad * inner * 2

    x = leaf(3.0)
    function(forward, backward).apply(x).sum().backward()
    assert x.grad.item() == 12.0


def test_nothing_is_left_over() -> None:
    def live() -> tuple[int, int]:
        gc.collect()
        return wg._C._live_objects()

    x = leaf(1.0)
    x.grad = wg.zeros(1, dtype=wg.float64)
    before = live()
    for _ in range(3):
        Square.apply(x).sum().backward()
        Power.apply(x, 3)
        AddOne.apply(x * 1).sum().backward()
    assert live() == before
