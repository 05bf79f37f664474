"""Tensors of inference mode where they may not be used: the full messages."""

from __future__ import annotations

import pytest
from tests.errors.scripts import Runner, split

CASES = {
    "saved for backward": """
        import wengert as wg

        w = wg.ones(2, requires_grad=True)
        with wg.inference_mode():
            x = wg.zeros(2)
        y = x * w
        ----
        Inference tensors cannot be saved for backward. Please do not use Tensors created in inference mode in computation tracked by autograd. To work around this, you can make a clone to get a normal tensor and use it in autograd, or use `no_grad()` instead of `inference_mode()`.
          saved: float32[2] cpu
          made by zeros   script.py:5
        """,
    "the result of a network is saved for backward": """
        import wengert as wg

        w = wg.ones(2, requires_grad=True)
        with wg.inference_mode():
            features = (w * 2).tanh()
        loss = (features * w).sum()
        ----
        Inference tensors cannot be saved for backward. Please do not use Tensors created in inference mode in computation tracked by autograd. To work around this, you can make a clone to get a normal tensor and use it in autograd, or use `no_grad()` instead of `inference_mode()`.
          saved: float32[2] cpu
          made by tanh   script.py:5
        """,
    "written to": """
        import wengert as wg

        with wg.inference_mode():
            x = wg.zeros(2)
        x.add_(1)
        ----
        Inplace update to inference tensor outside InferenceMode is not allowed. You can make a clone to get a normal tensor before doing inplace update.
          op: add_
          self: float32[2] cpu
          made by zeros   script.py:4
        """,
    "out=": """
        import wengert as wg

        with wg.inference_mode():
            x = wg.zeros(2)
        wg.mul(wg.ones(2), 3, out=x)
        ----
        Inplace update to inference tensor outside InferenceMode is not allowed. You can make a clone to get a normal tensor before doing inplace update.
          op: mul
          self: float32[2] cpu
          made by zeros   script.py:4
        """,
    "requires_grad_": """
        import wengert as wg

        with wg.inference_mode():
            x = wg.zeros(2)
        x.requires_grad_()
        ----
        Setting requires_grad=True on inference tensor outside InferenceMode is not allowed.
          self: float32[2] cpu
        """,
    "_version": """
        import wengert as wg

        with wg.inference_mode():
            x = wg.zeros(2)
        x._version
        ----
        Inference tensors do not track version counter.
          self: float32[2] cpu
        """,
    "a view made inside": """
        import wengert as wg

        y = wg.ones(2, requires_grad=True) * 2
        with wg.inference_mode():
            v = y.view(2, 1)
        v.mul_(2)
        ----
        A view was created in inference mode and is being modified inplace in normal mode. Given that this use case is ambiguous and error-prone, it is forbidden. You can clarify your code by moving both the view and the inplace either both inside the inference_mode block (if you don't want the inplace to be tracked) or both outside (if you want the inplace to be tracked).
          op: mul_
          self: float32[2, 1] cpu
          base: float32[2] cpu
        """,
    "a view made inside, its base written to": """
        import wengert as wg

        y = wg.ones(2, requires_grad=True) * 2
        with wg.inference_mode():
            v = y.view(2, 1)
        y.mul_(2)
        v * 2
        ----
        A view was created in inference mode and its base or another view of its base has been modified inplace in normal mode. Given that this use case is ambiguous and error-prone, it is forbidden. You can clarify your code by moving both the view and the inplace either both inside the inference_mode block (if you don't want the inplace to be tracked) or both outside (if you want the inplace to be tracked).
          view: float32[2, 1] cpu
          base: float32[2] cpu
        """,
}


@pytest.mark.parametrize("name", CASES)
def test_message(run: Runner, name: str) -> None:
    program, expected = split(CASES[name])
    outcome = run(program)
    assert isinstance(outcome.error, RuntimeError)
    assert outcome.message == expected
