"""Every optimizer against the formulas of its docstring, in a few lines of NumPy."""

import numpy as np
import pytest

import wengert as wg
from wengert import nn, optim


def _sgd(p, lr=0.1, momentum=0.9):
    b = None
    while True:
        g = yield p
        b = g if b is None else momentum * b + g
        p = p - lr * b


def _adamax(p, lr=0.1, b1=0.6, b2=0.8, eps=1e-3):
    m, u, t = 0.0 * p, 0.0 * p, 0
    while True:
        g = yield p
        t += 1
        m = b1 * m + (1 - b1) * g
        u = np.maximum(b2 * u, np.abs(g) + eps)
        p = p - lr / (1 - b1**t) * m / u


def _nadam(p, lr=0.1, b1=0.6, b2=0.8, eps=1e-3, psi=0.3):
    m, v, product, t = 0.0 * p, 0.0 * p, np.float32(1), 0

    def mu(t):
        return b1 * (1 - 0.5 * 0.96 ** (t * psi))

    while True:
        g = yield p
        t += 1
        product = np.float32(product * np.float32(mu(t)))  # kept in single precision
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        d = np.sqrt(v / (1 - b2**t)) + eps
        p = p - lr * (1 - mu(t)) / (1 - float(product)) * g / d
        p = p - lr * mu(t + 1) / (1 - float(product) * mu(t + 1)) * m / d


def _radam(p, lr=0.1, b1=0.6, b2=0.8, eps=1e-3):
    m, v, t = 0.0 * p, 0.0 * p, 0
    most = 2 / (1 - b2) - 1
    while True:
        g = yield p
        t += 1
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        n = most - 2 * t * b2**t / (1 - b2**t)
        factor = 1.0
        if n > 5:
            r = np.sqrt((n - 4) * (n - 2) * most / ((most - 4) * (most - 2) * n))
            factor = r * np.sqrt(1 - b2**t) / (np.sqrt(v) + eps)
        p = p - lr * m / (1 - b1**t) * factor


def _adagrad(p, lr=0.1, decay=0.2, start=0.5, eps=1e-3):
    s, t = start + 0.0 * p, 0
    while True:
        g = yield p
        t += 1
        s = s + g**2
        p = p - lr / (1 + (t - 1) * decay) * g / (np.sqrt(s) + eps)


def _adadelta(p, lr=0.7, rho=0.6, eps=1e-3):
    v, u = 0.0 * p, 0.0 * p
    while True:
        g = yield p
        v = rho * v + (1 - rho) * g**2
        d = np.sqrt(u + eps) / np.sqrt(v + eps) * g
        u = rho * u + (1 - rho) * d**2
        p = p - lr * d


def _rmsprop(p, lr=0.1, alpha=0.6, eps=1e-3, momentum=0.5):
    v, a, b = 0.0 * p, 0.0 * p, 0.0 * p
    while True:
        g = yield p
        v = alpha * v + (1 - alpha) * g**2
        a = alpha * a + (1 - alpha) * g
        b = momentum * b + g / (np.sqrt(v - a**2) + eps)
        p = p - lr * b


def _rprop(p, lr=0.1, minus=0.5, plus=1.3, least=0.01, most=1.0):
    before, size = 0.0 * p, lr + 0.0 * p
    while True:
        g = yield p
        same = g * before
        size = np.where(same > 0, size * plus, np.where(same < 0, size * minus, size))
        size = np.clip(size, least, most)
        g = np.where(same < 0, 0.0, g)
        p, before = p - np.sign(g) * size, g


def _asgd(p, lr=0.1, lambd=0.05, alpha=0.5, t0=2):
    eta, mu, a, t = float(np.float32(lr)), 1.0, 0.0 * p, 0  # both in single precision
    while True:
        g = yield p
        t += 1
        p = (1 - lambd * eta) * p - eta * g
        a = p if mu == 1 else a + (p - a) * mu
        eta = float(np.float32(lr / (1 + lambd * lr * t) ** alpha))
        mu = float(np.float32(1 / max(1, t - t0)))


def _adafactor(p, lr=0.3, decay=-0.6, eps1=1e-3, eps2=1e-2, d=1.5):
    def rms(x):
        return np.sqrt(np.mean(x**2))

    r, c, v, t = 0.0, 0.0, 0.0, 0
    while True:
        g = yield p
        t += 1
        b = t**decay
        size = max(eps2, rms(p)) * min(lr, 1 / np.sqrt(t))
        if p.ndim > 1:
            r = r + b * ((g**2).mean(-1, keepdims=True) - r)
            c = c + b * ((g**2).mean(-2, keepdims=True) - c)
            v = r * c / np.maximum(r.mean(-2, keepdims=True), eps1)
        else:
            v = v + b * (g**2 - v)
        u = g / np.sqrt(np.maximum(v, eps1**2))
        p = p - size * u / max(1, rms(u) / d)


B = {"lr": 0.1, "betas": (0.6, 0.8), "eps": 1e-3}
CASES = {
    "SGD": (_sgd, {"lr": 0.1, "momentum": 0.9}),
    "Adamax": (_adamax, B),
    "NAdam": (_nadam, {**B, "momentum_decay": 0.3}),
    "RAdam": (_radam, B),
    "Adagrad": (
        _adagrad,
        {"lr": 0.1, "lr_decay": 0.2, "initial_accumulator_value": 0.5, "eps": 1e-3},
    ),
    "Adadelta": (_adadelta, {"lr": 0.7, "rho": 0.6, "eps": 1e-3}),
    "RMSprop": (
        _rmsprop,
        {"lr": 0.1, "alpha": 0.6, "eps": 1e-3, "momentum": 0.5, "centered": True},
    ),
    "Rprop": (_rprop, {"lr": 0.1, "etas": (0.5, 1.3), "step_sizes": (0.01, 1.0)}),
    "ASGD": (_asgd, {"lr": 0.1, "lambd": 0.05, "alpha": 0.5, "t0": 2}),
    "Adafactor": (
        _adafactor,
        {"lr": 0.3, "beta2_decay": -0.6, "eps": (1e-3, 1e-2), "d": 1.5},
    ),
}
SHAPES = ((7,), (3, 5), (2, 4, 3))
TOLERANCE = {"float64": 1e-11, "float32": 2e-4, "bfloat16": 0.12}


def _numbers(seed, shape):
    return np.random.default_rng(seed).normal(size=shape)


def _trajectory(name, shape, dtype, strided=False, steps=8):
    make, options = CASES[name]
    start = _numbers(0, shape)
    if strided:
        values = wg.tensor(np.ascontiguousarray(start.T), dtype=dtype).permute(
            *reversed(range(len(shape)))
        )
        assert not values.is_contiguous()
    else:
        values = wg.tensor(start, dtype=dtype)
    p = nn.Parameter(values)
    optimizer = getattr(optim, name)([p], **options)
    rule = make(start)
    next(rule)
    for step in range(1, steps):
        grad = _numbers(step, shape)
        p.grad = wg.tensor(grad, dtype=dtype)
        optimizer.step()
        yield p, rule.send(grad)


@pytest.mark.parametrize("dtype", list(TOLERANCE))
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", CASES)
def test_rule(name, shape, dtype):
    for p, expected in _trajectory(name, shape, getattr(wg, dtype)):
        assert str(p.dtype) == f"wengert.{dtype}"
        np.testing.assert_allclose(
            p.detach().double().numpy(), expected, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype]
        )


@pytest.mark.parametrize("name", CASES)
def test_strided_parameters(name):
    for p, expected in _trajectory(name, (4, 6), wg.float64, strided=True):
        np.testing.assert_allclose(p.detach().numpy(), expected, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("name", CASES)
def test_threads_do_not_change_a_bit(name):
    """More elements than one thread takes."""
    results = []
    before = wg.get_num_threads()
    for threads in (1, 2):
        wg.set_num_threads(threads)
        p = nn.Parameter(wg.tensor(_numbers(0, (300, 130)), dtype=wg.float32))
        optimizer = getattr(optim, name)([p], **CASES[name][1])
        for step in range(2):
            p.grad = wg.tensor(_numbers(step + 1, (300, 130)), dtype=wg.float32)
            optimizer.step()
        results.append(p.detach().numpy().tobytes())
    wg.set_num_threads(before)
    assert results[0] == results[1]


@pytest.mark.parametrize("name", ["SGD", "RMSprop", "NAdam", "Adadelta"])
def test_a_thousand_steps_stay_near(name):
    *_, (p, expected) = _trajectory(name, (3,), wg.float64, steps=1000)
    np.testing.assert_allclose(p.detach().numpy(), expected, rtol=1e-10)


def test_a_step_takes_no_memory():
    p = nn.Parameter(wg.ones(1 << 14))
    p.grad = wg.ones(1 << 14)
    for name in ALL:
        if name == "Muon":  # products of matrices need room
            continue
        optimizer = getattr(optim, name)([p])
        optimizer.step()
        wg.memory.reset_peak_memory_stats()
        before = wg.memory.max_memory_allocated()
        optimizer.step()
        assert wg.memory.max_memory_allocated() - before < 4096


ALL = [*CASES, "Adam", "AdamW", "Muon"]


@pytest.mark.parametrize("name", ALL)
def test_maximize_and_descend_are_opposite(name):
    if name == "Muon":
        pytest.skip("Muon has no maximize")
    values = []
    for sign in (1, -1):
        p = nn.Parameter(wg.tensor([0.5, -0.25], dtype=wg.float64))
        options = CASES[name][1] if name in CASES else {}
        optimizer = getattr(optim, name)([p], **options, maximize=sign < 0)
        for step in range(4):
            p.grad = wg.tensor(sign * _numbers(step, 2), dtype=wg.float64)
            optimizer.step()
        values.append(p.tolist())
    assert values[0] == values[1]


@pytest.mark.parametrize("name", ALL)
def test_empty_parameters_and_missing_gradients(name):
    shape = (0, 3) if name == "Muon" else (0,)
    empty, idle = nn.Parameter(wg.zeros(shape)), nn.Parameter(wg.ones(2, 2))
    optimizer = getattr(optim, name)([empty, idle])
    empty.grad = wg.zeros(shape)
    optimizer.step()
    assert idle.tolist() == [[1.0, 1.0], [1.0, 1.0]]


@pytest.mark.parametrize("name", ALL)
def test_a_saved_state_goes_on(name):
    import pickle

    options = CASES[name][1] if name in CASES else {}

    def run(p, optimizer, steps):
        for step in steps:
            p.grad = wg.tensor(_numbers(step, (3, 2)), dtype=wg.float64)
            optimizer.step()

    p = nn.Parameter(wg.ones(3, 2, dtype=wg.float64))
    optimizer = getattr(optim, name)([p], **options)
    run(p, optimizer, range(3))
    saved = pickle.loads(pickle.dumps((p.detach(), optimizer.state_dict())))
    run(p, optimizer, range(3, 6))
    q = nn.Parameter(saved[0])
    again = getattr(optim, name)([q], **options)
    again.load_state_dict(saved[1])
    run(q, again, range(3, 6))
    assert q.tolist() == p.tolist()


@pytest.mark.parametrize("name", ALL)
def test_history_stays_out_of_a_step(name):
    p = nn.Parameter(wg.ones(2, 2))
    optimizer = getattr(optim, name)([p])
    (p * 3).sum().backward()
    version = p._version
    optimizer.step()
    assert p.is_leaf
    assert p.requires_grad
    assert p._version > version


def test_muon_makes_steps_orthogonal():
    p = nn.Parameter(wg.zeros(4, 6))
    optimizer = optim.Muon([p], lr=1.0, weight_decay=0.0)
    p.grad = wg.tensor(_numbers(1, (4, 6)), dtype=wg.float32)
    optimizer.step()
    values = np.linalg.svd(p.detach().numpy(), compute_uv=False)
    assert np.all((values > 0.5) & (values < 1.3))


def _rosenbrock(x):
    return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2


@pytest.mark.parametrize("history", [100, 4])
def test_lbfgs_finds_the_minimum(history):
    x = nn.Parameter(wg.tensor([-1.5, 2.0], dtype=wg.float64))
    optimizer = optim.LBFGS([x], line_search_fn="strong_wolfe", history_size=history)

    def closure():
        optimizer.zero_grad()
        loss = _rosenbrock(x)
        loss.backward()
        return loss

    for _ in range(10):
        optimizer.step(closure)
    assert x.tolist() == pytest.approx([1.0, 1.0], abs=1e-5)
    assert optimizer.state[x]["func_evals"] < 100


def test_lbfgs_with_several_parameters_and_complex_ones():
    a = nn.Parameter(wg.tensor([3.0, 1.0], dtype=wg.float64))
    b = nn.Parameter(wg.tensor([1 + 2j], dtype=wg.complex128))
    optimizer = optim.LBFGS([a, b], max_iter=50, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        loss = ((a - 2) ** 2).sum() + ((b - (4 - 1j)).abs() ** 2).sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    assert a.tolist() == pytest.approx([2.0, 2.0], abs=1e-5)
    assert abs(b.tolist()[0] - (4 - 1j)) < 1e-5


def test_lbfgs_goes_on_from_a_saved_state():
    def make(values):
        x = nn.Parameter(wg.tensor(values, dtype=wg.float64))
        optimizer = optim.LBFGS([x], max_iter=3, line_search_fn="strong_wolfe")

        def closure():
            optimizer.zero_grad()
            loss = _rosenbrock(x)
            loss.backward()
            return loss

        return x, optimizer, closure

    x, optimizer, closure = make([-1.5, 2.0])
    optimizer.step(closure)
    y, again, other = make(x.tolist())
    again.load_state_dict(optimizer.state_dict())
    for _ in range(2):
        optimizer.step(closure)
        again.step(other)
    assert y.tolist() == x.tolist()
