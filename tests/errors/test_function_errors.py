"""Full texts of what custom functions and hooks raise."""

from __future__ import annotations

import pytest
from tests.errors.scripts import Runner, clean, split

HEAD = """
import wengert as wg

class Scale(wg.autograd.Function):
    @staticmethod
    def forward(ctx, value, factor, *rest):
        return value * factor
    @staticmethod
    def backward(ctx, grad):
        return RESULT

x = wg.ones(2, requires_grad=True)
y = Scale.apply(x, 3.0, wg.ones(1))
y.sum().backward()
"""

GRADIENTS = {
    "too few": (
        "grad, None",
        """
        function ScaleBackward returned an incorrect number of gradients (expected 3, got 2)
          value: float32[2] cpu   argument 0 of Scale.forward, applied at script.py:12
          factor: not a tensor   argument 1 of Scale.forward, applied at script.py:12
          rest[0]: float32[1] cpu   argument 2 of Scale.forward, applied at script.py:12
        """,
    ),
    "too many": (
        "grad, None, None, grad",
        """
        function ScaleBackward returned an incorrect number of gradients (expected 3, got 4)
          value: float32[2] cpu   argument 0 of Scale.forward, applied at script.py:12
          factor: not a tensor   argument 1 of Scale.forward, applied at script.py:12
          rest[0]: float32[1] cpu   argument 2 of Scale.forward, applied at script.py:12
        """,
    ),
    "for no tensor": (
        "grad, grad, None",
        """
        function ScaleBackward returned a gradient different than None at position 2, but the corresponding forward input was not a Variable
          factor: not a tensor   argument 1 of Scale.forward, applied at script.py:12
        """,
    ),
    "no tensor": (
        "1.0, None, None",
        """
        expected Variable or None (got float)
          from ScaleBackward
          value: float32[2] cpu   argument 0 of Scale.forward, applied at script.py:12
        """,
    ),
    "wrong shape": (
        "grad.sum(), None, None",
        """
        Function ScaleBackward returned an invalid gradient at index 0 - got [] but expected shape compatible with [2]
          value: float32[2] cpu   argument 0 of Scale.forward, applied at script.py:12
          gradient: float32[] cpu
        """,
    ),
    "complex": (
        "grad * 1j, None, None",
        """
        Function ScaleBackward returned an invalid gradient at index 0 - got a complex gradient for a real input
          value: float32[2] cpu   argument 0 of Scale.forward, applied at script.py:12
          gradient: complex64[2] cpu
        """,
    ),
}


@pytest.mark.parametrize("case", GRADIENTS)
def test_gradients(run: Runner, case: str) -> None:
    result, text = GRADIENTS[case]
    expected = clean(text)
    outcome = run(HEAD.replace("RESULT", result))
    assert outcome.message == expected
    assert isinstance(outcome.error, RuntimeError)


def test_a_second_derivative_through_a_value_of_forward(run: Runner) -> None:
    program, text = split(
        """
        import wengert as wg

        class Sin(wg.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                ctx.save_for_backward(x.cos())
                return x.sin()
            @staticmethod
            def backward(ctx, grad):
                return grad * ctx.saved_tensors[0]

        x = wg.ones(2, requires_grad=True)
        y = Sin.apply(x)
        (first,) = wg.autograd.grad(y.sum(), x, create_graph=True)
        first.sum().backward()
        ----
        trying to differentiate twice through Sin: its forward computed saved_tensors[0] without recording it, so the second derivative would be wrong
          saved_tensors[0]: float32[2] cpu
            computed by  cos   script.py:6
            applied at   script.py:13
            fix: return it from forward as one more output and save that; or save the inputs and compute it in backward; or mark backward with @once_differentiable
        """
    )
    assert run(program).message == text


def test_once_differentiable(run: Runner) -> None:
    program, text = split(
        """
        import wengert as wg

        class Double(wg.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                return x * 2
            @staticmethod
            @wg.autograd.function.once_differentiable
            def backward(ctx, grad):
                return grad * 2

        x = wg.ones(2, requires_grad=True)
        (first,) = wg.autograd.grad(Double.apply(x).sum(), x, create_graph=True)
        first.sum().backward()
        ----
        trying to differentiate twice a function that was marked with @once_differentiable
          function: Double, applied at script.py:13
        """
    )
    assert run(program).message == text


def test_a_hook_that_changes_the_shape(run: Runner) -> None:
    program, text = split(
        """
        import wengert as wg

        def halve(grad):
            return grad[:1]

        x = wg.ones(2, requires_grad=True)
        x.register_hook(halve)
        x.sum().backward()
        ----
        hook 'halve' has changed the size of value
          before: float32[2] cpu
          after: float32[1] cpu
        """
    )
    assert run(program).message == text


def test_gradients_that_are_assigned(run: Runner) -> None:
    cases = [
        (
            "wg.ones(3)",
            "attempting to assign a gradient of size '[3]' to a tensor of size '[2]'. Please "
            "ensure that the gradient and the tensor are the same size\n"
            "  self: float32[2] cpu\n  grad: float32[3] cpu",
        ),
        (
            "wg.ones(2).double()",
            "attempting to assign a gradient with dtype 'float64' to a tensor with dtype "
            "'float32'. The gradient must have the dtype of the tensor\n"
            "  self: float32[2] cpu\n  grad: float64[2] cpu",
        ),
        (
            "3",
            "assigned grad expected to be a Tensor or None but got grad of type int\n"
            "  self: float32[2] cpu",
        ),
        ("x", "can't assign Variable as its own grad"),
    ]
    for value, text in cases:
        outcome = run(f"import wengert as wg\nx = wg.ones(2)\nx.grad = {value}")
        assert outcome.message == text
