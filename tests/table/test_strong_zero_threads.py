"""The reports of NaN out of values that were not selected, one test for each.

Each test has the number of a thread of PyTorch's tracker in which the same complaint was made, from
2017 to 2026. The programs are reconstructed, not copied: they are the shortest that show what each
report is about, with the gradient that its reporter expects. All of them give NaN with
``set_strong_zeros(False)``, which is PyTorch's arithmetic: that is tested, too, so that none of them
passes for another reason.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import wengert as wg
import wengert.nn.functional as F
from wengert import autograd
from wengert.func import grad, hessian, jacfwd, jacrev, vmap

INF = float("inf")


@dataclass
class Report:
    """A program of one input, and its gradient."""

    about: str
    function: Callable[[Any], Any]
    at: Any
    expected: Any


def tensor(values: Any) -> Any:
    return wg.tensor(values, dtype=wg.float64)


def masked_scores(x: Any) -> Any:
    """Attention scores of two rows; the first may look at nothing."""
    return x + tensor([[-INF, -INF], [0.0, 0.0]])


ROWS = wg.tensor([[False], [True]])

REPORTS = {
    4132: Report(
        "a quotient whose bad elements a mask leaves out",
        lambda x: (x / tensor([0.0, 1.0]))[wg.tensor([False, True])].sum(),
        [1.0, 1.0],
        [0.0, 1.0],
    ),
    9688: Report(
        "where() around a square root at 0",
        lambda x: wg.where(x > 0, x.sqrt(), 0.0).sum(),
        [0.0, 4.0],
        [0.0, 0.25],
    ),
    15131: Report(
        "the norm of vectors that are 0, of which one is selected",
        lambda x: (x**2).sum(1).sqrt()[1],
        [[0.0, 0.0], [3.0, 4.0]],
        [[0.0, 0.0], [0.6, 0.8]],
    ),
    16317: Report(
        "the logarithm of the sum of no exponentials: all scores of a row are -inf",
        lambda x: wg.where(wg.isfinite(y := masked_scores(x).exp().sum(1).log()), y, 0.0).sum(),
        [[1.0, 2.0], [0.0, 0.0]],
        [[0.0, 0.0], [0.5, 0.5]],
    ),
    17455: Report(
        "a power below one at 0",
        lambda x: wg.where(x > 0, x**0.5, x).sum(),
        [0.0, 4.0],
        [1.0, 0.25],
    ),
    18287: Report(
        "x log x, whose limit at 0 where() puts in",
        lambda x: wg.where(x > 0, x * x.log(), 0.0).sum(),
        [0.0, 1.0],
        [0.0, 1.0],
    ),
    23395: Report(
        "an exponential that overflows where it is not used",
        lambda x: wg.where(x < 10, x.exp() - 1, x).sum(),
        [0.0, 1000.0],
        [1.0, 1.0],
    ),
    52248: Report(
        "max(0, x / 0): the quotient is -inf and is not the maximum",
        lambda x: wg.maximum(wg.zeros(2, dtype=wg.float64), x / tensor([0.0, 2.0])).sum(),
        [-1.0, 1.0],
        [0.0, 0.5],
    ),
    64305: Report(
        "acos() at the end of its domain, behind a condition",
        lambda x: wg.where(x < 1, x.acos(), 0.0).sum(),
        [1.0, 0.0],
        [0.0, -1.0],
    ),
    67180: Report(
        "the standard deviation of one element beside that of several",
        lambda x: wg.where(
            wg.tensor([False, True]), wg.stack([x[:1].var(), x.var()]), tensor([0.0, 0.0])
        ).sum(),
        [1.0, 3.0],
        [-2.0, 2.0],
    ),
    68425: Report(
        "clamp() of a logarithm that is -inf",
        lambda x: x.log().clamp(min=-100).sum(),
        [0.0, 2.0],
        [0.0, 0.5],
    ),
    89543: Report(
        "the softmax of a row that is masked as a whole, written out and replaced afterwards",
        lambda x: wg.where(
            ROWS, (e := masked_scores(x).exp()) / e.sum(1, keepdim=True), 0.0
        )[:, 0].sum(),
        [[1.0, 2.0], [0.0, 0.0]],
        [[0.0, 0.0], [0.25, -0.25]],
    ),
    108618: Report(
        "a distance of 0 between two points, left out of the sum",
        lambda x: wg.where(
            wg.tensor([[False, True], [True, False]]),
            ((x[:, None] - x[None]) ** 2).sum(-1).sqrt(), 0.0,
        ).sum(),
        [[0.0, 0.0], [3.0, 4.0]],
        [[-1.2, -1.6], [1.2, 1.6]],
    ),
    152088: Report(
        "the angle of the zero vector, behind a condition",
        lambda x: wg.where(
            x[:, 0] != 0, (x[:, 1] / x[:, 0]).atan() / (x**2).sum(1).sqrt(), 0.0
        ).sum(),
        [[0.0, 0.0], [1.0, 0.0]],
        [[0.0, 0.0], [0.0, 1.0]],
    ),
    156212: Report(
        "inf from a division, taken out by masked_fill()",
        lambda x: ((x * 0) / x).masked_fill(x == 0, 0.0).sum(),
        [0.0, 2.0],
        [0.0, 0.0],
    ),
    187297: Report(
        "sin(x) / x, whose limit at 0 where() puts in",
        lambda x: wg.where(x == 0, 1.0, x.sin() / x).sum(),
        [0.0, np.pi],
        [0.0, -1 / np.pi],
    ),
}  # fmt: skip

# More places of the same kind: rules that hold against the NaN with and without the switch.
GUARDED = {
    "norm() at 0": Report(
        "", lambda x: x.norm(dim=1).sum(), [[0.0, 0.0], [3.0, 4.0]], [[0.0, 0.0], [0.6, 0.8]]
    ),
    "logsumexp() of -inf": Report(
        "",
        lambda x: wg.where(ROWS[:, 0], masked_scores(x).logsumexp(1), 0.0).sum(),
        [[1.0, 2.0], [0.0, 0.0]],
        [[0.0, 0.0], [0.5, 0.5]],
    ),
    "cdist() at 0": Report(
        "",
        lambda x: wg.cdist(x, x.detach()).sum(),
        [[0.0, 0.0], [3.0, 4.0]],
        [[-0.6, -0.8], [0.6, 0.8]],
    ),
    "pow() with an exponent of 0": Report(
        "", lambda x: (x**0 + x**1).sum(), [0.0, 2.0], [1.0, 1.0]
    ),
    "atan2(0, 0)": Report("", lambda x: wg.atan2(x, x).sum(), [0.0, 1.0], [0.0, 0.0]),
    "std() of equal elements": Report("", lambda x: x.std(), [1.0, 1.0], [0.0, 0.0]),
    "xlogy() at 0": Report("", lambda x: wg.xlogy(x, 2.0).sum(), [0.0, 1.0], [np.log(2)] * 2),
    "scaled dot product attention": Report(
        "",
        lambda x: F.scaled_dot_product_attention(
            x[None], x[None], wg.ones(1, 2, 2, dtype=wg.float64),
            attn_mask=wg.tensor([[False, False], [True, True]]),
        )[0, 1].sum(),
        [[1.0, 2.0], [3.0, 4.0]],
        [[0.0, 0.0], [0.0, 0.0]],
    ),
}  # fmt: skip


def gradient(report: Report) -> np.ndarray:
    x = wg.tensor(report.at, dtype=wg.float64, requires_grad=True)
    report.function(x).backward()
    return x.grad.numpy()


@pytest.mark.parametrize("number", REPORTS)
def test_thread(number: int) -> None:
    report = REPORTS[number]
    np.testing.assert_allclose(gradient(report), report.expected, rtol=1e-12)


@pytest.mark.parametrize("number", REPORTS)
def test_thread_has_something_to_show(number: int) -> None:
    with autograd.set_strong_zeros(False):
        assert np.isnan(gradient(REPORTS[number])).any()


@pytest.mark.parametrize("number", REPORTS)
@pytest.mark.parametrize("transform", [grad, jacrev, jacfwd])
def test_thread_in_transforms(number: int, transform: Any) -> None:
    report = REPORTS[number]
    x = tensor(report.at)
    found = transform(report.function)(x)
    np.testing.assert_allclose(found.numpy(), report.expected, rtol=1e-12)
    batch = vmap(transform(report.function))(wg.stack([x, x]))
    np.testing.assert_allclose(batch.numpy(), [report.expected] * 2, rtol=1e-12)


@pytest.mark.parametrize("number", REPORTS)
def test_thread_has_a_finite_hessian(number: int) -> None:
    report = REPORTS[number]
    x = tensor(report.at)
    forward = hessian(report.function)(x).numpy()
    assert np.isfinite(forward).all()
    reverse = jacrev(jacrev(report.function))(x).numpy()
    np.testing.assert_allclose(forward, reverse, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", GUARDED)
@pytest.mark.parametrize("switch", [True, False])
def test_rules_that_guard_themselves(name: str, switch: bool) -> None:
    report = GUARDED[name]
    with autograd.set_strong_zeros(switch):
        np.testing.assert_allclose(gradient(report), report.expected, rtol=1e-12, atol=1e-12)


def test_thread_23156() -> None:
    """NaN in the rows of a factor: a product mixes them into every element.

    No rule for single elements can tell; anomaly mode names the line that the NaN came in at.
    """
    data = wg.tensor([[float("nan"), 1.0], [1.0, 2.0]])
    weight = wg.ones(2, 1, requires_grad=True)
    with (
        pytest.raises(RuntimeError, match=r"(?s)'MmBackward0' returned nan.*test_strong_zero_thr"),
        autograd.detect_anomaly(),
    ):
        (data @ weight)[1].sum().backward()
