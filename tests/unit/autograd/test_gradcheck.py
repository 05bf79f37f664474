"""The checkers accept right derivatives and refuse wrong ones, naming the worst element."""

import re

import pytest

import wengert as wg
from wengert.autograd import gradcheck, gradgradcheck
from wengert.autograd.gradcheck import GradcheckError


def _random(*shape, dtype=wg.float64, requires_grad=True):
    return wg.randn(*shape, dtype=dtype).requires_grad_(requires_grad)


def _scaled(tensor, factor):
    """The tensor, whose derivative is wrong by a factor."""
    result = tensor.view_as(tensor)
    if result.requires_grad:
        result.register_hook(lambda gradient: gradient * factor)
    return result


both = pytest.mark.parametrize("fast_mode", [False, True])

RIGHT = {
    "elementwise": (lambda x: x.exp() * x[0], (2, 3), wg.float64),
    "several outputs": (lambda x: (x.sum(), x.t() @ x, x.argmax(), 3), (2, 3), wg.float64),
    "holomorphic": (lambda z: z.sin() * z, (2, 2), wg.complex128),
    "not holomorphic": (lambda z: (z.abs(), z * z.conj(), wg.real(z)), (3,), wg.complex128),
    "real to complex": (lambda x: wg.polar(x.exp(), x), (3,), wg.float64),
    "empty": (lambda x: x * 2, (0, 3), wg.float64),
    "scalar": (lambda x: x.tanh(), (), wg.float64),
}


@both
@pytest.mark.parametrize("name", RIGHT)
def test_right_derivatives_pass(name, fast_mode):
    function, shape, dtype = RIGHT[name]
    x = _random(shape, dtype=dtype)
    assert gradcheck(function, x, fast_mode=fast_mode)
    assert gradgradcheck(function, (x,), fast_mode=fast_mode)


@both
def test_every_input_counts(fast_mode):
    x, y, n = _random(2, 3), _random(3), wg.tensor([1, 2, 3])
    assert gradcheck(lambda x, y, n, k: x * y**k + n, (x, y, n, 2), fast_mode=fast_mode)
    with pytest.raises(GradcheckError, match="output 0 with respect to input 1"):
        gradcheck(lambda x, y: x * _scaled(y, 1.001), (x, y), fast_mode=fast_mode)


@both
@pytest.mark.parametrize("dtype", [wg.float64, wg.complex128])
@pytest.mark.parametrize("factor", [1.001, 0.999, 2.0, -1.0, 0.0])
def test_scaled_derivatives_fail(factor, dtype, fast_mode):
    x = _random(3, dtype=dtype)
    assert gradcheck(lambda x: _scaled(x.exp() * x, 1.0), x, fast_mode=fast_mode)

    def wrong(x):
        return _scaled(x.exp() * x, factor)

    with pytest.raises(GradcheckError, match="Jacobian mismatch for output 0"):
        gradcheck(wrong, x, fast_mode=fast_mode)
    assert not gradcheck(wrong, x, fast_mode=fast_mode, raise_exception=False)


@both
def test_scaled_second_derivatives_fail(fast_mode):
    def wrong(x):
        y = x.exp()
        # Right in itself; but what goes backwards through it a second time is scaled.
        y.register_hook(
            lambda gradient: _scaled(gradient, 1.001) if gradient.requires_grad else None
        )
        return y * x

    x = _random(3)
    assert gradcheck(wrong, x, fast_mode=fast_mode)
    with pytest.raises(GradcheckError, match="Jacobian mismatch"):
        gradgradcheck(wrong, x, fast_mode=fast_mode)


def test_report_names_the_worst_element():
    def wrong(x, y):
        factor = wg.tensor([[1.0, 1.0, 1.0], [1.0, 3.0, 1.5]], dtype=wg.float64)
        return y.sum(), _scaled(x * 1.0, factor)

    x, y = wg.ones(2, 3, dtype=wg.float64, requires_grad=True), _random(1)
    with pytest.raises(GradcheckError) as caught:
        gradcheck(wrong, (x, y))
    text = str(caught.value)
    numerical = re.search("numerical:(.*)", text)
    assert float(numerical[1]) == pytest.approx(1.0)
    assert text.replace(numerical[1], "1.0") == (
        "Jacobian mismatch for output 1 with respect to input 0,\n"
        "numerical:1.0\n"
        "analytical:3.0\n"
        "  this is the worst of 2 wrong among 36: output 1 element (1, 1), input 0 element (1, 1)\n"
        "  difference: 2 (up to 0.00011 allowed)"
    )


def test_report_names_parts_of_complex_numbers():
    place = r"output 0 element \(0,\), (real|imaginary) part, input 0 element \(0,\), "
    with pytest.raises(GradcheckError, match=place + "(real|imaginary) part"):
        gradcheck(lambda z: z * z.detach().conj(), wg.tensor([1 + 2j], requires_grad=True))


def test_report_suspects_a_kink():
    x = wg.tensor([1.0, 2e-7], dtype=wg.float64, requires_grad=True)
    with pytest.raises(GradcheckError) as caught:
        gradcheck(wg.abs, x)
    assert "suspected kink: the difference to the left is -0.6, to the right 1;" in str(
        caught.value
    )
    with pytest.raises(GradcheckError) as caught:
        gradcheck(lambda x: _scaled(x**3, 2.0), x)
    assert "kink" not in str(caught.value)


def test_promotion():
    seen = []

    def function(x, y):
        seen.append((x.dtype, y.dtype))
        return x.exp() * y

    x = _random(3, dtype=wg.float32)
    y = _random(3, dtype=wg.complex64, requires_grad=False)
    assert gradcheck(function, (x, y))
    assert set(seen) == {(wg.float64, wg.complex128)}
    assert gradgradcheck(function, (x, y))


def test_inputs_are_left_alone():
    leaf = _random(4)
    x = leaf.exp()
    values, version = x.tolist(), x._version
    assert gradcheck(lambda x: x * x, x[::2])
    assert (x.tolist(), x._version) == (values, version)
    x.sum().backward()  # nothing that the graph has saved was lost
    assert leaf.grad.tolist() == values


def test_module_that_is_given_its_own_parameters():
    module = wg.nn.Linear(3, 2).double()
    x = _random(4, 3)
    assert gradcheck(lambda x, *_: module(x).tanh(), (x, *module.parameters()))


def test_undefined_gradients():
    x = _random(3)

    def function(x):
        y = x * 2
        y.register_hook(lambda gradient: gradient)
        return y.sin(), y.cos()

    assert gradcheck(function, x, check_undefined_grad=True)


def test_backward_that_differs_from_time_to_time():
    calls = []

    def function(x):
        y = x * 2
        y.register_hook(lambda gradient: gradient * (1 + 1e-7 * len(calls)))
        y.register_hook(lambda gradient: calls.append(1))
        return y

    x = _random(2)
    with pytest.raises(GradcheckError, match="Backward is not reentrant"):
        gradcheck(function, x)
    calls.clear()
    assert gradcheck(function, x, nondet_tol=1e-5)


def test_backward_that_adds_something():
    def function(x):
        y = x * 1.0
        y.register_hook(lambda gradient: gradient + 1e-9)
        return y

    with pytest.raises(GradcheckError, match="backward not multiplied by grad_output"):
        gradcheck(function, _random(2), nondet_tol=1.0)


def test_constant_functions():
    x = _random(3)
    assert gradcheck(lambda x: wg.ones(2), x)
    with pytest.raises(GradcheckError, match="expected to be zero"):
        gradcheck(lambda x: x.detach() * 2, x)


def test_grad_outputs():
    x, g = _random(3), _random(3)
    assert gradgradcheck(lambda x: x**3, x, g)
    assert gradgradcheck(lambda x: x**3, x, gen_non_contig_grad_outputs=True)
    assert gradgradcheck(lambda x: x**3, x, g.detach())


def test_what_cannot_be_checked():
    with pytest.raises(ValueError, match="none of them have requires_grad=True"):
        gradcheck(wg.sin, wg.ones(2))
    with pytest.raises(RuntimeError, match="The 0th input has a dimension with stride 0"):
        gradcheck(wg.sin, _random(1).expand(3))
    with pytest.raises(AssertionError, match="at least one of check_forward_ad or check_backward"):
        gradcheck(wg.sin, _random(1), check_backward_ad=False)
    with pytest.raises(AssertionError, match="check_batched_grad=True requires check_backward_ad"):
        gradcheck(
            wg.sin,
            _random(1),
            check_backward_ad=False,
            check_forward_ad=True,
            check_batched_grad=True,
        )
    with pytest.raises(AssertionError, match="check_batched_forward_grad=True requires"):
        gradcheck(wg.sin, _random(1), check_batched_forward_grad=True)
    with pytest.raises(AssertionError, match="one of check_fwd_over_rev or check_rev_over_rev"):
        gradgradcheck(wg.sin, _random(1), check_rev_over_rev=False)
    with pytest.raises(RuntimeError, match="outputs with the same shape when inputs are perturbed"):
        gradcheck(lambda x: x[x > 0.5], wg.tensor([0.5 + 5e-7, 1.0], dtype=wg.float64,
                                                  requires_grad=True))  # fmt: skip


def test_functions_own_errors_pass_through():
    def function(x):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        gradcheck(function, _random(1), raise_exception=False)
