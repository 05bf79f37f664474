"""Every module gives PyTorch's state, text, outputs and gradients, from the same weights."""

import warnings

import numpy as np
import pytest

import wengert as wg
from wengert import nn

torch = pytest.importorskip("torch")

from tests.parity.module_cases import CASES, build, to_kit  # noqa: E402

CONTAINERS = {
    "Module", "ModuleDict", "ModuleList", "ParameterDict", "ParameterList", "Sequential",
}  # fmt: skip
# Bases, older names, and what is not random enough to be compared here: see the tests below.
ELSEWHERE = {"LinearCrossEntropyOptions", "NLLLoss2d", "RNNBase", "RNNCellBase", "SyncBatchNorm"}


def _tensors(value, kit):
    if isinstance(value, kit.Tensor):
        return [value]
    if isinstance(value, tuple | list):
        return [tensor for item in value for tensor in _tensors(item, kit)]
    return []


def _same(ours, theirs, what, tolerance=1e-9):
    assert tuple(ours.shape) == tuple(theirs.shape), what
    assert str(ours.dtype).replace("wengert", "torch") == str(theirs.dtype), what
    a, b = np.array(ours.tolist()), np.array(theirs.tolist())
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=1e-11, err_msg=what)


def _fill(ours, theirs, rng):
    with wg.no_grad(), torch.no_grad():
        for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
            values = rng.standard_normal(tuple(q.shape)) * 0.7
            p.copy_(to_kit(values, wg))
            q.copy_(to_kit(values, torch))


def _watch(arguments, kit, case):
    given = [x for i, x in enumerate(arguments) if i not in case.constants]
    found = [t for t in _tensors(given, kit) if t.is_floating_point()]
    for tensor in found:
        tensor.requires_grad_()
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.label)
def test_module(case):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="torch")
        warnings.filterwarnings("ignore", message="reduction: 'mean' divides the total loss")
        _compare(case)


def _compare(case):
    ours, theirs = build(case, wg), build(case, torch)
    assert repr(ours) == repr(theirs)
    arrays = case.inputs(np.random.default_rng(1))
    if case.name.startswith("Lazy"):
        ours(*to_kit(arrays, wg)), theirs(*to_kit(arrays, torch))
        assert repr(ours) == repr(theirs)
        assert type(ours).__name__ == type(theirs).__name__
        ours.zero_grad()
    shapes = {key: tuple(value.shape) for key, value in ours.state_dict().items()}
    assert list(shapes.items()) == [(k, tuple(v.shape)) for k, v in theirs.state_dict().items()]
    assert [n for n, _ in ours.named_parameters()] == [n for n, _ in theirs.named_parameters()]
    if not case.compare:
        return
    _fill(ours, theirs, np.random.default_rng(2))
    for training in (False,) if case.random else (True, False):
        ours.train(training), theirs.train(training)
        x, y = to_kit(arrays, wg), to_kit(arrays, torch)
        watched, also_watched = _watch(x, wg, case), _watch(y, torch, case)
        if case.options.get("inplace"):
            x, y = [t.clone() for t in x], [t.clone() for t in y]
        out = _tensors(ours(*x, **to_kit(case.call, wg)), wg)
        expected = _tensors(theirs(*y, **to_kit(case.call, torch)), torch)
        assert len(out) == len(expected)
        rng = np.random.default_rng(3)
        total, same_total = 0.0, 0.0
        for a, b in zip(out, expected, strict=True):
            _same(a, b, "output", case.tolerance)
            if a.requires_grad:
                weights = rng.standard_normal(tuple(b.shape))
                total = total + (a * to_kit(weights, wg)).sum()
                same_total = same_total + (b * to_kit(weights, torch)).sum()
        ours.zero_grad(), theirs.zero_grad()
        if not isinstance(total, float):
            total.backward()
            same_total.backward()
        pairs = [*zip(watched, also_watched, strict=True)]
        pairs += zip(ours.parameters(), theirs.parameters(), strict=True)
        for p, q in pairs:
            if q.grad is None or p.grad is None:
                assert p.grad is None or not p.grad.count_nonzero()
                assert q.grad is None or not q.grad.count_nonzero()
            elif case.name != "CTCLoss":  # see test_ctc_gradient
                _same(p.grad, q.grad, "gradient", case.tolerance)
        for p, q in zip(ours.buffers(), theirs.buffers(), strict=True):
            _same(p, q, "buffer")


def test_every_module_is_here():
    missing = set(nn.modules.__all__) - {case.name for case in CASES} - CONTAINERS - ELSEWHERE
    assert not missing


def test_every_module_of_torch_is_here():
    absent = {name for name in torch.nn.modules.__all__ if not hasattr(nn, name)}
    # Data parallelism over GPUs in one process, and a container that was deprecated long ago.
    assert absent <= {"Container"}


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
def test_ctc_gradient(reduction):
    """PyTorch's gradient takes for granted that a log_softmax comes before."""
    rng = np.random.default_rng(0)
    scores = rng.standard_normal((7, 3, 5))
    grads = []
    for kit in (wg, torch):
        x = to_kit(scores, kit).requires_grad_()
        target = kit.tensor([[1, 1, 2], [4, 3, 0], [2, 2, 2]])
        lengths = kit.tensor([7, 6, 4]), kit.tensor([3, 2, 3])
        loss = kit.nn.functional.ctc_loss(
            x.log_softmax(2), target, *lengths, reduction=reduction, zero_infinity=True
        )
        loss.sum().backward()
        grads.append(x.grad)
        grads.append(loss)
    _same(grads[0], grads[2], "gradient")
    _same(grads[1], grads[3], "loss")
