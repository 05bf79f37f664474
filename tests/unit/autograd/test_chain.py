"""Large pointwise rules run together, tile by tile; nobody may notice."""

import threading

import pytest

import wengert as wg
from wengert import memory
from wengert.nn import functional as F

N = 70_001  # more than a grain for each of two threads, and a tail

PROGRAMS = {
    "gelu": lambda x, y: 0.5 * x * (1 + wg.tanh(0.8 * (x + 0.044715 * x * x * x))) + y,
    "gate": lambda x, y: x * wg.sigmoid(x) + y,
    "shared": lambda x, y: (x * y).tanh() * y.sigmoid() / (1 + x * x) - 2 * (x + y),
    "masks": lambda x, y: wg.where(x > 0, x * y, y.exp()) * (x != y),
    "parameters": lambda x, y: F.leaky_relu(x, 0.1) * y.clamp(-1, 1) + wg.add(x, y, alpha=3),
    "long": lambda x, y: sum((x * (0.1 * k)).sin() * y for k in range(12)),
    "views": lambda x, y: (x.view(-1, 1) * y.view(-1, 1)).tanh().view(-1) * x,
    "zeros": lambda x, y: wg.where(x > 0, wg.log(x), y * 0),
}


def leaves(dtype=wg.float32, size=N):
    wg.manual_seed(0)
    return [wg.randn(size, dtype=dtype, requires_grad=True) for _ in range(2)]


def one_by_one(program, x, y, reduce=wg.sum):
    """Gradients with each rule on its own, as when somebody looks on."""
    x, y = (t.detach().clone().requires_grad_() for t in (x, y))
    out = reduce(program(x, y))
    with wg.autograd.set_detect_anomaly(True, check_nan=False):
        out.backward()
    return x.grad, y.grad


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("dtype", [wg.float32, wg.float64, wg.bfloat16], ids=str)
def test_the_same_bits_as_one_by_one(name, dtype):
    x, y = leaves(dtype)
    PROGRAMS[name](x, y).sum().backward()
    for got, expected in zip((x.grad, y.grad), one_by_one(PROGRAMS[name], x, y), strict=True):
        assert wg.equal(got, expected)


def test_complex_numbers():
    def program(x, y):
        return (x * y).exp() * x

    x, y = leaves(wg.complex64)
    wg.real(program(x, y)).sum().backward()
    expected = one_by_one(program, x, y, lambda t: wg.real(t).sum())
    assert wg.equal(x.grad, expected[0])
    assert wg.equal(y.grad, expected[1])


def test_a_second_pass_adds_to_the_first():
    x, y = leaves()
    for _ in range(2):
        (x * y).tanh().mul(y).sum().backward()
    expected = one_by_one(lambda x, y: (x * y).tanh().mul(y), x, y)
    assert wg.equal(x.grad, expected[0] * 2)
    assert wg.equal(y.grad, expected[1] * 2)


def test_hooks_in_the_middle_see_finished_gradients():
    x, y = leaves()
    seen = []
    middle = (x * y).tanh()
    middle.register_hook(lambda g: seen.append(g.clone()))
    middle.retain_grad()
    out = (middle * y).exp() * 2
    out.sum().backward()
    expected = (2 * (middle * y).exp() * y).detach()
    assert wg.allclose(seen[0], expected)
    assert wg.equal(middle.grad, seen[0])


def test_a_hook_may_change_what_is_under_way():
    x, y = leaves()
    middle = x * y
    middle.register_hook(lambda g: g * 0)
    (middle.sigmoid() * y).sum().backward()
    assert x.grad.count_nonzero() == 0
    assert wg.allclose(y.grad, (x * y).sigmoid())


def test_gradients_of_values_in_the_middle():
    x, y = leaves()
    a = x * y
    b = a.tanh()
    got = wg.autograd.grad((b * y).exp().sum(), [b, a, x], retain_graph=True)
    g_b = (b * y).exp() * y
    assert wg.allclose(got[0], g_b)
    assert wg.allclose(got[1], g_b * (1 - b * b), rtol=1e-3, atol=1e-4)
    assert wg.allclose(got[2], g_b * (1 - b * b) * y, rtol=1e-3, atol=1e-4)


def test_gradients_that_the_caller_gave_stay_as_they_were():
    x, y = leaves()
    given = wg.randn(N)
    kept = given.clone()
    ((x * y).tanh() * x).backward(given)
    assert wg.equal(given, kept)


def test_an_error_in_the_middle_leaves_what_was_done_and_nothing_half_done():
    class Broken(wg.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, g):
            raise ArithmeticError("broken")

    x, y = leaves()
    kept = x.detach().clone()
    out = Broken.apply(x * y).tanh() * y
    with pytest.raises(ArithmeticError, match="broken"):
        out.sum().backward()
    assert wg.equal(x, kept)
    assert x.grad is None
    (x * y).tanh().sum().backward()  # and the thread can go on
    assert wg.equal(x.grad, one_by_one(lambda x, y: (x * y).tanh(), x, y)[0])


def test_a_saved_value_that_was_written_over_is_found():
    x, y = leaves()
    a = (x * y).exp()
    out = (a * y).tanh() * 2
    with wg.no_grad():
        a.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        out.sum().backward()


def test_second_derivatives_do_not_join():
    x, y = leaves()
    (first,) = wg.autograd.grad((x * y).exp().sum(), x, create_graph=True)
    first.sum().backward()
    e = (x * y).exp()
    assert wg.allclose(x.grad, e * y * y, rtol=1e-4)
    assert wg.allclose(y.grad, e + x * y * e, rtol=1e-4, atol=1e-4)


def test_sizes_that_change_on_the_way():
    x, y = leaves(size=N - 1)
    out = ((x * y).tanh().view(2, -1).sum(0).exp() * 2).sigmoid() * y[: N // 2]
    out.sum().backward()
    expected = one_by_one(
        lambda x, y: ((x * y).tanh().view(2, -1).sum(0).exp() * 2).sigmoid() * y[: N // 2], x, y
    )
    assert wg.equal(x.grad, expected[0])
    assert wg.equal(y.grad, expected[1])


def test_a_backward_pass_inside_of_a_hook():
    x, y = leaves()
    inner = wg.randn(N, requires_grad=True)

    def hook(g):
        with wg.enable_grad():
            (inner * inner).sigmoid().sum().backward()

    middle = (x * y).tanh()
    middle.register_hook(hook)
    (middle * y).exp().sum().backward()
    assert wg.equal(x.grad, one_by_one(lambda x, y: ((x * y).tanh() * y).exp(), x, y)[0])
    assert wg.equal(inner.grad, one_by_one(lambda x, y: (x * x).sigmoid(), inner, y)[0])


def test_threads_have_chains_of_their_own():
    results = [None] * 4

    def work(i):
        x, y = leaves()
        for _ in range(5):
            x.grad = y.grad = None
            ((x * y).tanh() * y).exp().sum().backward()
        results[i] = x.grad

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert all(r is not None for r in results)


def test_results_take_over_the_memory_of_what_was_saved():
    x, _ = leaves(size=1_000_000)
    out = (x.sin().sigmoid() * 2).tanh().sum()
    memory.reset_peak_memory_stats()
    before = memory.memory_allocated()
    out.backward()
    assert memory.max_memory_allocated() - before < 100_000
    expected = one_by_one(lambda x, y: (x.sin().sigmoid() * 2).tanh() + y * 0, x, x)[0]
    assert wg.equal(x.grad, expected)
    assert x.grad._version == 0
