"""Backward through a graph that was freed: the full message, with the cure for each way to get there."""

from __future__ import annotations

import pytest
from tests.errors.scripts import Runner, split

SENTENCE = (
    "Trying to backward through the graph a second time (or directly access saved tensors after "
    "they have already been freed). Saved intermediate values of the graph are freed when you call "
    ".backward() or autograd.grad(). Specify retain_graph=True if you need to backward through the "
    "graph a second time or if you need to access saved tensors after calling backward.\n"
)

CASES = {
    "the hidden state of an RNN": """
        import wengert as wg
        from wengert import nn

        cell, head = nn.Linear(4, 4), nn.Linear(4, 1)
        hidden = wg.zeros(1, 4)
        for step in range(2):
            hidden = cell(hidden + 1).tanh()
            loss = head(hidden).sum()
            loss.backward()
        ----
            shared part     tanh       script.py:7   hidden = cell(hidden + 1).tanh()
            used again by   add        script.py:7   hidden = cell(hidden + 1).tanh()
            freed by        backward   script.py:9   loss.backward()   (an earlier pass over this line)
            fix: the result of script.py:7 was carried over from an earlier step: detach() it before it is used again (hidden = hidden.detach()).
        """,
    "a tensor made before the loop": """
        import wengert as wg

        w = wg.ones(3, requires_grad=True)
        scale = w.exp()
        for step in range(2):
            loss = (scale * step).sum()
            loss.backward()
        ----
            shared part     exp        script.py:4   scale = w.exp()
            used again by   mul        script.py:6   loss = (scale * step).sum()
            freed by        backward   script.py:7   loss.backward()   (an earlier pass over this line)
            fix: 'scale' was made once, at script.py:4, and is used in every step: make it inside the loop, or detach() it if it needs no gradient.
        """,
    "two losses share a trunk": """
        import wengert as wg
        from wengert import nn

        trunk, a, b = nn.Linear(3, 3), nn.Linear(3, 1), nn.Linear(3, 1)
        features = trunk(wg.ones(2, 3)).tanh()
        loss_a = a(features).sum()
        loss_b = b(features).sum()
        loss_a.backward()
        loss_b.backward()
        ----
            shared part     tanh       script.py:5   features = trunk(wg.ones(2, 3)).tanh()
            used again by   linear     script.py:7   loss_b = b(features).sum()
            freed by        backward   script.py:8   loss_a.backward()
            fix: differentiate the losses together, (loss1 + loss2).backward(); or keep the graph in the first call: retain_graph=True at script.py:8.
        """,
    "the same loss twice": """
        import wengert as wg

        w = wg.ones(3, requires_grad=True)
        loss = w.exp().sum()
        loss.backward()
        loss.backward()
        ----
            shared part   exp        script.py:4   loss = w.exp().sum()
            freed by      backward   script.py:5   loss.backward()
            fix: call backward once on this result, or keep the graph in the first call: retain_graph=True at script.py:5.
        """,
    "the same loss in a loop": """
        import wengert as wg

        w = wg.ones(3, requires_grad=True)
        loss = (w.exp() * 2).sum()
        for epoch in range(3):
            loss.backward()
        ----
            shared part   exp        script.py:4   loss = (w.exp() * 2).sum()
            freed by      backward   script.py:6   loss.backward()   (an earlier pass over this line)
            fix: compute the loss anew in each pass of the loop.
        """,
    "grad() and then backward()": """
        import wengert as wg

        w = wg.ones(3, requires_grad=True)
        loss = (w.exp() * 2).sum()
        wg.autograd.grad(loss, w)
        loss.backward()
        ----
            shared part   exp        script.py:4   loss = (w.exp() * 2).sum()
            freed by      backward   script.py:5   wg.autograd.grad(loss, w)
            fix: call backward once on this result, or keep the graph in the first call: retain_graph=True at script.py:5.
        """,
    "a penalty on the gradient": """
        import wengert as wg

        w = wg.ones(3, requires_grad=True)
        loss = w.exp().sum()
        loss.backward()
        (loss * loss).backward()
        ----
            shared part     sum        script.py:4   loss = w.exp().sum()
            used again by   mul        script.py:6   (loss * loss).backward()
            freed by        backward   script.py:5   loss.backward()
            fix: 'loss' was made before the first call and is used after it: keep the graph in the first call, retain_graph=True at script.py:5; or detach() it if it needs no gradient any more.
        """,
    "a checkpointed block that reads a tensor from outside": """
        import wengert as wg
        from wengert.utils.checkpoint import checkpoint

        w = wg.ones(3, requires_grad=True)
        x = wg.ones(3, requires_grad=True)
        scale = w.exp()
        y = checkpoint(lambda x: (x * scale).sin(), x, use_reentrant=True)
        loss = (y + scale).sum()
        loss.backward()
        ----
            shared part     exp        script.py:6   scale = w.exp()
            used again by   add        script.py:8   loss = (y + scale).sum()
            freed by        backward   script.py:9   loss.backward()   (a call within this one)
            fix: script.py:6 lies outside of a block that is differentiated on its own (checkpoint with use_reentrant=True): pass 'scale' to the block as an argument, or use use_reentrant=False.
        """,
    "a checkpointed block, twice": """
        import wengert as wg
        from wengert.utils.checkpoint import checkpoint

        x = wg.ones(3, requires_grad=True)
        loss = checkpoint(lambda x: x.exp().sin(), x, use_reentrant=False).sum()
        loss.backward()
        loss.backward()
        ----
            shared part   sin        script.py:5   loss = checkpoint(lambda x: x.exp().sin(), x, use_reentra...
            freed by      backward   script.py:6   loss.backward()
            fix: call backward once on this result, or keep the graph in the first call: retain_graph=True at script.py:6.
        """,
    "a custom function": """
        import wengert as wg
        from wengert.autograd import Function


        class Square(Function):
            @staticmethod
            def forward(ctx, x):
                ctx.save_for_backward(x)
                return x * x

            @staticmethod
            def backward(ctx, g):
                (x,) = ctx.saved_tensors
                return 2 * x * g


        w = wg.ones(3, requires_grad=True)
        loss = Square.apply(w).sum()
        loss.backward()
        loss.backward()
        ----
            shared part   Square     script.py:18   loss = Square.apply(w).sum()
            freed by      backward   script.py:19   loss.backward()
            fix: call backward once on this result, or keep the graph in the first call: retain_graph=True at script.py:19.
        """,
}


@pytest.mark.parametrize("name", CASES)
def test_message(run: Runner, name: str) -> None:
    program, expected = split(CASES[name])
    outcome = run(program)
    assert isinstance(outcome.error, RuntimeError)
    assert outcome.message == SENTENCE + expected


CURED = {
    "detach": """
        import wengert as wg
        from wengert import nn
        cell, head = nn.Linear(4, 4), nn.Linear(4, 1)
        hidden = wg.zeros(1, 4)
        for step in range(2):
            hidden = hidden.detach()
            hidden = cell(hidden + 1).tanh()
            loss = head(hidden).sum()
            loss.backward()
    """,
    "inside the loop": """
        import wengert as wg
        w = wg.ones(3, requires_grad=True)
        for step in range(2):
            scale = w.exp()
            loss = (scale * step).sum()
            loss.backward()
    """,
    "the sum of the losses": """
        import wengert as wg
        from wengert import nn
        trunk, a, b = nn.Linear(3, 3), nn.Linear(3, 1), nn.Linear(3, 1)
        features = trunk(wg.ones(2, 3)).tanh()
        (a(features).sum() + b(features).sum()).backward()
    """,
    "an argument of the checkpointed block": """
        import wengert as wg
        from wengert.utils.checkpoint import checkpoint
        w = wg.ones(3, requires_grad=True)
        x = wg.ones(3, requires_grad=True)
        scale = w.exp()
        y = checkpoint(lambda x, scale: (x * scale).sin(), x, scale, use_reentrant=True)
        (y + scale).sum().backward()
    """,
    "a checkpointed block that may read what it likes": """
        import wengert as wg
        from wengert.utils.checkpoint import checkpoint
        w = wg.ones(3, requires_grad=True)
        x = wg.ones(3, requires_grad=True)
        scale = w.exp()
        y = checkpoint(lambda x: (x * scale).sin(), x, use_reentrant=False)
        (y + scale).sum().backward()
    """,
    "retain_graph": """
        import wengert as wg
        w = wg.ones(3, requires_grad=True)
        loss = w.exp().sum()
        loss.backward(retain_graph=True)
        loss.backward()
    """,
}


@pytest.mark.parametrize("name", CURED)
def test_the_cure_cures(run: Runner, name: str) -> None:
    assert run(CURED[name]).error is None
