"""Optimizers walk the same way as PyTorch's, and read its states."""

import pytest

import wengert as wg
from wengert import nn, optim

torch = pytest.importorskip("torch")

CASES = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.5}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "maximize": True}),
    ("Adam", {"lr": 0.1}),
    ("Adam", {"lr": 0.1, "weight_decay": 0.1, "betas": (0.5, 0.9), "eps": 1e-3}),
    ("Adam", {"lr": 0.1, "amsgrad": True, "maximize": True}),
    ("AdamW", {"lr": 0.1}),
    ("AdamW", {"lr": 0.1, "weight_decay": 0.3, "amsgrad": True}),
    ("Adamax", {}),
    ("Adamax", {"lr": 0.1, "betas": (0.4, 0.7), "weight_decay": 0.1, "eps": 1e-3}),
    ("Adamax", {"lr": 0.1, "maximize": True}),
    ("NAdam", {}),
    ("NAdam", {"lr": 0.1, "betas": (0.4, 0.7), "weight_decay": 0.1, "momentum_decay": 0.3}),
    ("NAdam", {"lr": 0.1, "weight_decay": 0.1, "decoupled_weight_decay": True, "maximize": True}),
    ("RAdam", {}),
    ("RAdam", {"lr": 0.1, "betas": (0.4, 0.9), "weight_decay": 0.1, "eps": 1e-3}),
    ("RAdam", {"lr": 0.1, "weight_decay": 0.1, "decoupled_weight_decay": True, "maximize": True}),
    ("Adagrad", {}),
    ("Adagrad", {"lr": 0.1, "lr_decay": 0.1, "weight_decay": 0.1, "eps": 1e-3}),
    ("Adagrad", {"lr": 0.1, "initial_accumulator_value": 0.5, "maximize": True}),
    ("Adadelta", {}),
    ("Adadelta", {"lr": 0.5, "rho": 0.6, "eps": 1e-3, "weight_decay": 0.1}),
    ("Adadelta", {"maximize": True}),
    ("RMSprop", {}),
    ("RMSprop", {"lr": 0.1, "alpha": 0.6, "eps": 1e-3, "weight_decay": 0.1, "momentum": 0.9}),
    ("RMSprop", {"lr": 0.01, "centered": True, "eps": 1e-2}),
    ("RMSprop", {"centered": True, "eps": 1e-2, "momentum": 0.5, "maximize": True}),
    ("Rprop", {}),
    ("Rprop", {"lr": 0.5, "etas": (0.3, 1.9), "step_sizes": (0.1, 1.0), "maximize": True}),
    ("ASGD", {}),
    ("ASGD", {"lr": 0.1, "lambd": 0.1, "alpha": 0.5, "t0": 5, "weight_decay": 0.1}),
    ("ASGD", {"lr": 0.1, "t0": 0, "maximize": True}),
    ("Adafactor", {}),
    ("Adafactor", {"lr": 0.3, "beta2_decay": -0.5, "eps": (1e-3, 0.1), "weight_decay": 0.1}),
    ("Adafactor", {"lr": 0.3, "d": 2.0, "maximize": True}),
]
SHAPES = ((5,), (3, 4), (2, 3, 2), ())


def _values(seed, shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).double()


def _to_ours(tensor):
    return wg.tensor(tensor.tolist(), dtype=wg.float64)


def _make(name, options, shapes=SHAPES):
    starts = [_values(100 + i, shape) for i, shape in enumerate(shapes)]
    ours = [nn.Parameter(_to_ours(start)) for start in starts]
    theirs = [torch.nn.Parameter(start.clone()) for start in starts]
    return (
        ours,
        theirs,
        getattr(optim, name)(ours, **options),
        getattr(torch.optim, name)(theirs, **options),
    )


def _run(ours, theirs, our_optimizer, their_optimizer, steps):
    for step in steps:
        for i, (p, q) in enumerate(zip(ours, theirs, strict=True)):
            grad = _values(10 * step + i, q.shape)
            p.grad = _to_ours(grad)
            q.grad = grad
        our_optimizer.step()
        their_optimizer.step()
        for p, q in zip(ours, theirs, strict=True):
            assert p.reshape(-1).tolist() == pytest.approx(
                q.reshape(-1).tolist(), rel=1e-9, abs=1e-12
            )


@pytest.mark.parametrize(("name", "options"), CASES)
def test_steps(name, options):
    _run(*_make(name, options), range(50))


@pytest.mark.parametrize(("name", "options"), CASES)
def test_states_have_the_same_form(name, options):
    ours, theirs, our_optimizer, their_optimizer = _make(name, options)
    _run(ours, theirs, our_optimizer, their_optimizer, range(2))
    mine, other = our_optimizer.state_dict(), their_optimizer.state_dict()
    assert mine["param_groups"] == other["param_groups"]
    for number, values in other["state"].items():
        wanted = {key: value for key, value in values.items() if value is not None}
        found = mine["state"].get(number, {})
        assert set(found) == set(wanted)
        for key, value in wanted.items():
            assert tuple(found[key].shape) == tuple(value.shape), key
            assert found[key].reshape(-1).tolist() == pytest.approx(
                value.reshape(-1).tolist(), rel=1e-6
            )
    assert repr(our_optimizer) == repr(their_optimizer)


def _as_ours(value):
    if isinstance(value, torch.Tensor):
        return wg.tensor(value.tolist(), dtype=getattr(wg, str(value.dtype).split(".")[1]))
    if isinstance(value, dict):
        return {key: _as_ours(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_as_ours(item) for item in value]
    return value


@pytest.mark.parametrize(("name", "options"), CASES)
def test_states_are_read(name, options):
    ours, theirs, our_optimizer, their_optimizer = _make(name, options)
    _run(ours, theirs, our_optimizer, their_optimizer, range(3))
    fresh = getattr(optim, name)(ours, **options)
    fresh.load_state_dict(_as_ours(their_optimizer.state_dict()))
    # PyTorch rounds some numbers of the state when it writes them.
    _run(ours, theirs, fresh, their_optimizer, range(3, 10))


@pytest.mark.parametrize(
    "name", ["SGD", "Adam", "Adamax", "NAdam", "RAdam", "Adagrad", "Adadelta", "RMSprop", "Rprop"]
)
def test_complex_parameters(name):
    start = torch.complex(_values(1, (3,)), _values(2, (3,)))
    q = torch.nn.Parameter(start.clone())
    p = nn.Parameter(wg.tensor(start.tolist(), dtype=wg.complex128))
    ours, theirs = getattr(optim, name)([p], lr=0.1), getattr(torch.optim, name)([q], lr=0.1)
    for step in range(5):
        grad = torch.complex(_values(2 * step, (3,)), _values(2 * step + 1, (3,)))
        q.grad, p.grad = grad, wg.tensor(grad.tolist(), dtype=wg.complex128)
        ours.step()
        theirs.step()
        difference = (torch.tensor(p.tolist(), dtype=torch.complex128) - q.detach()).abs().max()
        assert float(difference) < 1e-9


@pytest.mark.parametrize(
    "options",
    [
        {"adjust_lr_fn": "match_rms_adamw"},
        {"nesterov": False, "weight_decay": 0.0, "momentum": 0.5},
        {"lr": 0.1},
    ],
)
def test_muon(options):
    ours, theirs, our_optimizer, their_optimizer = _make("Muon", options, ((3, 5), (6, 4)))
    for step in range(10):
        for i, (p, q) in enumerate(zip(ours, theirs, strict=True)):
            q.grad = _values(10 * step + i, q.shape)
            p.grad = _to_ours(q.grad)
        our_optimizer.step()
        their_optimizer.step()
    for p, q in zip(ours, theirs, strict=True):
        # The iteration runs in bfloat16, whose sums are rounded in different orders.
        lr = options.get("lr", 1e-3)
        assert p.reshape(-1).tolist() == pytest.approx(q.reshape(-1).tolist(), abs=10 * lr * 0.03)


def test_muon_of_many_matrices():
    shapes = ((3, 5), (6, 4), (1, 7), (7, 1), (17, 33), (33, 17), (16, 16), (3, 5), (16, 16))
    ours, theirs, our_optimizer, their_optimizer = _make("Muon", {"lr": 0.1}, shapes)
    for step in range(50):
        for i, (p, q) in enumerate(zip(ours, theirs, strict=True)):
            q.grad = _values(100 * step + i, q.shape)
            p.grad = _to_ours(q.grad)
        our_optimizer.step()
        their_optimizer.step()
        for p, q in zip(ours, theirs, strict=True):
            # The update is rounded to bfloat16 in every step, in either direction.
            size = 0.1 * max(1, q.size(0) / q.size(1)) ** 0.5
            assert p.reshape(-1).tolist() == pytest.approx(
                q.reshape(-1).tolist(), abs=0.03 * size * (step + 1) ** 0.5
            )


@pytest.mark.parametrize(
    "options",
    [
        {"line_search_fn": "strong_wolfe"},
        {"line_search_fn": "strong_wolfe", "history_size": 2, "max_iter": 2},
        {"line_search_fn": "strong_wolfe", "history_size": 1, "max_iter": 3, "lr": 0.3},
        {"lr": 0.02, "max_iter": 2},
        {"lr": 0.02, "max_iter": 3, "history_size": 3},
    ],
)
def test_lbfgs_of_many_parameters(options):
    """Fifty steps, over parameters of several shapes, some complex, some without gradient."""
    shapes = ((5,), (3, 4), (2, 3, 2), (), (4,), (3, 2))
    starts = [_values(100 + i, shape) for i, shape in enumerate(shapes)]
    starts[4] = torch.complex(starts[4], _values(1, (4,)))
    theirs = [torch.nn.Parameter(start.clone()) for start in starts]
    ours = [
        nn.Parameter(wg.tensor(s.tolist(), dtype=wg.complex128 if s.is_complex() else wg.float64))
        for s in starts
    ]
    ours[1] = nn.Parameter(wg.tensor(starts[1].T.tolist(), dtype=wg.float64).T)  # other strides
    runs = []
    for params, library in ((ours, wg), (theirs, torch)):
        optimizer = library.optim.LBFGS(params, **options)

        def closure(params=params, optimizer=optimizer):
            optimizer.zero_grad()
            loss = sum(
                ((i + 1) * (p - 0.5).abs() ** 2 + 0.1 * p.abs() ** 4).sum()
                for i, p in enumerate(params[:-1])
            )
            loss = loss + (params[0].sum() * params[3] - 1) ** 2
            loss.backward()
            return loss

        track = []
        for _ in range(50):
            loss = optimizer.step(closure).item()
            track.append([loss, *[abs(x) for p in params for x in p.detach().reshape(-1).tolist()]])
        state = optimizer.state_dict()["state"][0]
        runs.append((track, state["func_evals"], state["n_iter"]))
    for mine, other in zip(runs[0][0], runs[1][0], strict=True):
        assert mine == pytest.approx(other, rel=1e-7, abs=1e-9)
    assert runs[0][1:] == runs[1][1:]


def test_lbfgs_goes_on_from_a_state_of_pytorch():
    start = [-1.2, 1.0, 0.5, 2.0]
    ours = nn.Parameter(wg.tensor(start, dtype=wg.float64))
    theirs = torch.nn.Parameter(torch.tensor(start, dtype=torch.float64))

    def walk(x, optimizer, steps):
        def closure():
            optimizer.zero_grad()
            loss = _rosenbrock(x)
            loss.backward()
            return loss

        return [optimizer.step(closure).item() for _ in range(steps)]

    options = {"line_search_fn": "strong_wolfe", "max_iter": 3}
    their_optimizer = torch.optim.LBFGS([theirs], **options)
    walk(theirs, their_optimizer, 3)
    with wg.no_grad():
        ours.copy_(_to_ours(theirs.detach()))
    our_optimizer = optim.LBFGS([ours], **options)
    our_optimizer.load_state_dict(_as_ours(their_optimizer.state_dict()))
    assert walk(ours, our_optimizer, 4) == pytest.approx(
        walk(theirs, their_optimizer, 4), rel=1e-6, abs=1e-9
    )


def _rosenbrock(x):
    return (1 - x[:-1]).square().sum() + 100 * (x[1:] - x[:-1].square()).square().sum()


@pytest.mark.parametrize(
    "options",
    [
        {"line_search_fn": "strong_wolfe"},
        {"line_search_fn": "strong_wolfe", "history_size": 3, "max_iter": 7},
        {"lr": 1e-3, "max_iter": 5},
        {"lr": 0.5, "line_search_fn": "strong_wolfe", "max_eval": 9},
    ],
)
def test_lbfgs(options):
    start = [-1.2, 1.0, 0.5, 2.0]
    p = nn.Parameter(wg.tensor(start, dtype=wg.float64))
    q = torch.nn.Parameter(torch.tensor(start, dtype=torch.float64))
    pairs = []
    for x, optimizer in ((p, optim.LBFGS([p], **options)), (q, torch.optim.LBFGS([q], **options))):

        def closure(x=x, optimizer=optimizer):
            optimizer.zero_grad()
            loss = _rosenbrock(x)
            loss.backward()
            return loss

        losses = [optimizer.step(closure).item() for _ in range(4)]
        state = optimizer.state_dict()["state"][0]
        pairs.append((losses, x.tolist(), state["func_evals"], state["n_iter"]))
    ours, theirs = pairs
    assert ours[0] == pytest.approx(theirs[0], rel=1e-5, abs=1e-9)
    assert ours[1] == pytest.approx(theirs[1], rel=1e-5, abs=1e-6)
    assert ours[2:] == theirs[2:]
