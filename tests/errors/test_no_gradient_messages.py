"""Gradients that cannot be: the full messages, which lead from the result to the reason."""

from __future__ import annotations

import pytest
from tests.errors.scripts import Runner, split

CASES = {
    "detach, long before the loss": """
        import wengert as wg
        from wengert import nn

        net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1))
        features = net(wg.ones(2, 3)).detach()
        scaled = features * 2
        loss = scaled.sum()
        loss.backward()
        ----
        element 0 of tensors does not require grad and does not have a grad_fn
          output: float32[] cpu
            loss   <- sum      script.py:7   loss = scaled.sum()
                   <- mul      script.py:6   scaled = features * 2
                   <- detach   script.py:5   features = net(wg.ones(2, 3)).detach()   cut here: detach() ends the history
            4 leaves would have received a gradient through the cut: net.2.weight, net.2.bias, net.0.weight, net.0.bias
        """,
    "argmax": """
        import wengert as wg
        from wengert import nn

        enc = nn.Linear(3, 4)
        scores = enc(wg.ones(2, 3))
        best = scores.argmax(1)
        loss = best.float().mean()
        loss.backward()
        ----
        element 0 of tensors does not require grad and does not have a grad_fn
          output: float32[] cpu
            loss   <- mean     script.py:7   loss = best.float().mean()
                   <- to       script.py:7   loss = best.float().mean()
                   <- argmax   script.py:6   best = scores.argmax(1)      cut here: integer or bool result, not differentiable
            2 leaves would have received a gradient through the cut: enc.weight, enc.bias
        """,
    "no_grad": """
        import wengert as wg

        w = wg.ones(3, requires_grad=True)
        with wg.no_grad():
            y = w * 2
        loss = (y + 1).sum()
        loss.backward()
        ----
        element 0 of tensors does not require grad and does not have a grad_fn
          output: float32[] cpu
            loss   <- sum   script.py:6   loss = (y + 1).sum()
                   <- add   script.py:6   loss = (y + 1).sum()
                   <- mul   script.py:5   y = w * 2              cut here: made under no_grad()
            1 leaf would have received a gradient through the cut: w
        """,
    "inference_mode": """
        import wengert as wg

        w = wg.ones(3, requires_grad=True)
        with wg.inference_mode():
            y = w * 2
        loss = y.sum()
        loss.backward()
        ----
        element 0 of tensors does not require grad and does not have a grad_fn
          output: float32[] cpu
            loss   <- sum   script.py:6   loss = y.sum()
                   <- mul   script.py:5   y = w * 2        cut here: made under inference_mode()
            1 leaf would have received a gradient through the cut: w
        """,
    "a comparison": """
        import wengert as wg

        w = wg.ones(3, requires_grad=True)
        hits = w > 0.5
        loss = hits.float().mean()
        loss.backward()
        ----
        element 0 of tensors does not require grad and does not have a grad_fn
          output: float32[] cpu
            loss   <- mean   script.py:5   loss = hits.float().mean()
                   <- to     script.py:5   loss = hits.float().mean()
                   <- gt     script.py:4   hits = w > 0.5               cut here: integer or bool result, not differentiable
            1 leaf would have received a gradient through the cut: w
        """,
    "item()": """
        import wengert as wg

        w = wg.ones(3, requires_grad=True)
        value = (w * 2).sum().item()
        loss = wg.tensor(value)
        loss.backward()
        ----
        element 0 of tensors does not require grad and does not have a grad_fn
          output: float32[] cpu
            loss   <- tensor   script.py:5   loss = wg.tensor(value)        a new tensor of Python's numbers, which have no history
                   <- item     script.py:4   value = (w * 2).sum().item()   cut here: the value left for Python here
            1 leaf would have received a gradient through the cut: w
        """,
    "NumPy and back": """
        import numpy

        import wengert as wg

        w = wg.ones(3, requires_grad=True)
        array = numpy.exp((w * 2).detach().numpy())
        loss = wg.from_numpy(array).sum()
        loss.backward()
        ----
        element 0 of tensors does not require grad and does not have a grad_fn
          output: float32[] cpu
            loss   <- sum                     script.py:7   loss = wg.from_numpy(array).sum()
                   <- from_numpy              script.py:7   loss = wg.from_numpy(array).sum()             shares an array, which has no history
                      a value left last at:
                   <- numpy                   script.py:6   array = numpy.exp((w * 2).detach().numpy())   cut here: the value left for Python here
                   <- detach                  script.py:6   array = numpy.exp((w * 2).detach().numpy())   cut here: detach() ends the history
            1 leaf would have received a gradient through the cut: w
        """,
    "tolist()": """
        import wengert as wg

        w = wg.ones(3, requires_grad=True)
        loss = wg.tensor((w * 2).tolist()).sum()
        loss.backward()
        ----
        element 0 of tensors does not require grad and does not have a grad_fn
          output: float32[] cpu
            loss   <- sum      script.py:4   loss = wg.tensor((w * 2).tolist()).sum()
                   <- tensor   script.py:4   loss = wg.tensor((w * 2).tolist()).sum()   a new tensor of Python's numbers, which have no history
                   <- tolist   script.py:4   loss = wg.tensor((w * 2).tolist()).sum()   cut here: the value left for Python here
            1 leaf would have received a gradient through the cut: w
        """,
    ".data": """
        import wengert as wg

        w = wg.ones(3, requires_grad=True)
        loss = (w * 2).data.sum()
        loss.backward()
        ----
        element 0 of tensors does not require grad and does not have a grad_fn
          output: float32[] cpu
            loss   <- sum    script.py:4   loss = (w * 2).data.sum()
                   <- data   script.py:4   loss = (w * 2).data.sum()   cut here: .data has no history
            1 leaf would have received a gradient through the cut: w
        """,
    "frozen parameters": """
        import wengert as wg
        from wengert import nn

        net = nn.Linear(3, 1)
        net.requires_grad_(False)
        loss = net(wg.ones(2, 3)).sum()
        loss.backward()
        ----
        element 0 of tensors does not require grad and does not have a grad_fn
          output: float32[] cpu
            loss   <- sum              script.py:6   loss = net(wg.ones(2, 3)).sum()
                   <- linear           script.py:6   loss = net(wg.ones(2, 3)).sum()
                   <- requires_grad_   script.py:5   net.requires_grad_(False)         cut here: requires_grad was set to False
            parameter 'net.weight' is frozen
        """,
    "nobody asked for a gradient": """
        import wengert as wg

        x = wg.ones(3)
        loss = (x * 2).sum()
        loss.backward()
        ----
        element 0 of tensors does not require grad and does not have a grad_fn
          output: float32[] cpu
            loss   <- sum    script.py:4   loss = (x * 2).sum()
                   <- mul    script.py:4   loss = (x * 2).sum()
                   <- ones   script.py:3   x = wg.ones(3)         requires_grad was never set
        """,
    "grad() without create_graph": """
        import wengert as wg

        x = wg.ones(3, requires_grad=True)
        (g,) = wg.autograd.grad((x**3).sum(), x)
        g.sum().backward()
        ----
        element 0 of tensors does not require grad and does not have a grad_fn
          output: float32[] cpu
            tensor   <- sum             script.py:5   g.sum().backward()
                     <- autograd.grad   script.py:4   (g,) = wg.autograd.grad((x**3).sum(), x)   cut here: computed without create_graph=True
            1 leaf would have received a gradient through the cut: x
        """,
    "a conversion to integers": """
        import wengert as wg

        x = wg.ones(3, requires_grad=True)
        loss = x.long().sum().float()
        loss.backward()
        ----
        element 0 of tensors does not require grad and does not have a grad_fn
          output: float32[] cpu
            loss   <- to    script.py:4   loss = x.long().sum().float()
                   <- sum   script.py:4   loss = x.long().sum().float()
                   <- to    script.py:4   loss = x.long().sum().float()   cut here: integer or bool result, not differentiable
            1 leaf would have received a gradient through the cut: x
        """,
    "a long way back": """
        import wengert as wg

        w = wg.ones(3, requires_grad=True)
        y = w.detach()
        for _ in range(20):
            y = y * 2
        y.sum().backward()
        ----
        element 0 of tensors does not require grad and does not have a grad_fn
          output: float32[] cpu
            tensor   <- sum                 script.py:7   y.sum().backward()
                     <- mul                 script.py:6   y = y * 2
                     <- mul                 script.py:6   y = y * 2
                     <- mul                 script.py:6   y = y * 2
                     <- mul                 script.py:6   y = y * 2
                     <- mul                 script.py:6   y = y * 2
                     <- mul                 script.py:6   y = y * 2
                        ... 14 more steps
                     <- detach              script.py:4   y = w.detach()       cut here: detach() ends the history
            1 leaf would have received a gradient through the cut: w
        """,
    "grad(): an unused input": """
        import wengert as wg

        x = wg.ones(3, requires_grad=True)
        y = wg.ones(3, requires_grad=True)
        loss = (x**3).sum()
        wg.autograd.grad(loss, [x, y])
        ----
        One of the differentiated Tensors appears to not have been used in the graph. Set allow_unused=True if this is the desired behavior.
          input 1: float32[3] cpu
            loss does not depend on tensor 'y'
            created   script.py:4   y = wg.ones(3, requires_grad=True)
        """,
    "grad(): an input before a cut": """
        import wengert as wg

        x = wg.ones(3, requires_grad=True)
        y = wg.ones(3, requires_grad=True)
        loss = (x**3 + y.detach()).sum()
        wg.autograd.grad(loss, [x, y])
        ----
        One of the differentiated Tensors appears to not have been used in the graph. Set allow_unused=True if this is the desired behavior.
          input 1: float32[3] cpu
            no gradient reaches tensor 'y': the history is cut by detach
            loss   <- sum      script.py:5   loss = (x**3 + y.detach()).sum()
                   <- add      script.py:5   loss = (x**3 + y.detach()).sum()
                   <- detach   script.py:5   loss = (x**3 + y.detach()).sum()   cut here: detach() ends the history
        """,
    "grad(): an input that requires no gradient": """
        import wengert as wg

        x = wg.ones(3, requires_grad=True)
        y = wg.zeros(3)
        loss = (x**3 + y).sum()
        wg.autograd.grad(loss, [x, y])
        ----
        One of the differentiated Tensors does not require grad
          input 1: float32[3] cpu
            y   <- zeros   script.py:4   y = wg.zeros(3)   requires_grad was never set
        """,
    "grad(): a view made on the side": """
        import wengert as wg

        x = wg.ones(3, requires_grad=True)
        row = x.view(1, 3)
        loss = (x * 2).sum()
        wg.autograd.grad(loss, row)
        ----
        One of the differentiated Tensors appears to not have been used in the graph. Set allow_unused=True if this is the desired behavior.
          input 0: float32[1, 3] cpu
            loss does not depend on tensor 'row'
            created   script.py:4   row = x.view(1, 3)
            loss depends on tensor 'x', of which this tensor was made on the side
        """,
    "grad(): a parameter that the module does not use": """
        import wengert as wg
        from wengert import nn


        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.used = nn.Linear(2, 1)
                self.spare = nn.Linear(2, 1)

            def forward(self, x):
                return self.used(x)


        net = Net()
        loss = net(wg.ones(1, 2)).sum()
        wg.autograd.grad(loss, net.parameters())
        ----
        One of the differentiated Tensors appears to not have been used in the graph. Set allow_unused=True if this is the desired behavior.
          input 2: float32[1, 2] cpu
            loss does not depend on parameter 'net.spare.weight'
            created   script.py:9   self.spare = nn.Linear(2, 1)
        """,
}

WARNINGS = {
    ".grad of a result": """
        import wengert as wg

        w = wg.ones(3, requires_grad=True) * 0.1
        loss = (w * 2).sum()
        loss.backward()
        gradient = w.grad
        ----
        script.py:6: The .grad attribute of a Tensor that is not a leaf Tensor is being accessed. Its .grad attribute won't be populated during autograd.backward(). If you indeed want the .grad field to be populated for a non-leaf Tensor, use .retain_grad() on the non-leaf Tensor. If you access the non-leaf Tensor by mistake, make sure you access the leaf Tensor instead.
          self: float32[3] cpu   made by mul   script.py:3
        """,
    "requires_grad_() hides a cut": """
        import wengert as wg

        w = wg.ones(3, requires_grad=True)
        value = ((w - 1.5) ** 2).sum().item()
        loss = wg.tensor(value, requires_grad=True)
        loss.backward()
        ----
        script.py:6: backward() was called on a tensor that lost its history before it was set to require a gradient: only its own .grad is filled
            loss   <- tensor   script.py:5   loss = wg.tensor(value, requires_grad=True)   a new tensor of Python's numbers, which have no history
                   <- item     script.py:4   value = ((w - 1.5) ** 2).sum().item()         cut here: the value left for Python here
            1 leaf would have received a gradient through the cut: w
        """,
    "requires_grad_() after a comparison": """
        import wengert as wg

        w = wg.ones(3, requires_grad=True)
        loss = (w > 0.5).float().mean().requires_grad_()
        loss.backward()
        ----
        script.py:5: backward() was called on a tensor that lost its history before it was set to require a gradient: only its own .grad is filled
            loss   <- mean   script.py:4   loss = (w > 0.5).float().mean().requires_grad_()
                   <- to     script.py:4   loss = (w > 0.5).float().mean().requires_grad_()
                   <- gt     script.py:4   loss = (w > 0.5).float().mean().requires_grad_()   cut here: integer or bool result, not differentiable
            1 leaf would have received a gradient through the cut: w
        """,
}


@pytest.mark.parametrize("name", CASES)
def test_message(run: Runner, name: str) -> None:
    program, expected = split(CASES[name])
    outcome = run(program)
    assert isinstance(outcome.error, RuntimeError)
    assert outcome.message == expected
    assert outcome.warnings == []


@pytest.mark.parametrize("name", WARNINGS)
def test_warning(run: Runner, name: str) -> None:
    program, expected = split(WARNINGS[name])
    outcome = run(program)
    assert outcome.error is None
    assert "\n".join(outcome.warnings) == expected


NO_WARNING = {
    "a leaf": """
        import wengert as wg
        x = wg.tensor(1.0, requires_grad=True)
        x.backward()
    """,
    "a detached leaf that is used": """
        import wengert as wg
        x = wg.ones(3, requires_grad=True)
        h = x.exp().detach().requires_grad_()
        (h * 2).sum().backward()
        assert h.grad is not None
    """,
    "one of several results has a history": """
        import wengert as wg
        x = wg.ones(3, requires_grad=True)
        y = (x > 0).sum().float().requires_grad_()
        wg.autograd.backward([y, x.sum()])
    """,
}


@pytest.mark.parametrize("name", NO_WARNING)
def test_no_warning(run: Runner, name: str) -> None:
    outcome = run(NO_WARNING[name])
    assert outcome.error is None
    assert outcome.warnings == []
