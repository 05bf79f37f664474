"""Writes in place that spoil a gradient: the full message, with both lines, for each way to write."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from tests.errors.scripts import Runner, split

import wengert as wg

CASES = {
    "relu_": """
        import wengert as wg

        x = wg.randn(4, 3, requires_grad=True)
        h = (x * 2).exp()
        h.relu_()
        h.sum().backward()
        ----
        one of the variables needed for gradient computation has been modified by an inplace operation:
          float32[4, 3] tensor 'h' is at version 1; expected version 0.
            saved by     exp (its output)   script.py:4   h = (x * 2).exp()
            written by   relu_              script.py:5   h.relu_()
            fix: use relu() instead of relu_() there (inplace=False in a module).
        """,
    "a module with inplace=True": """
        import wengert as wg
        from wengert import nn


        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.fc = nn.Linear(3, 3)
                self.act = nn.ReLU(inplace=True)

            def forward(self, x):
                h = self.fc(x).sigmoid()
                return self.act(h)


        net = Net()
        net(wg.ones(2, 3)).sum().backward()
        ----
        one of the variables needed for gradient computation has been modified by an inplace operation:
          float32[2, 3] is at version 1; expected version 0.
            saved by     sigmoid (its output)   script.py:12   h = self.fc(x).sigmoid()
            written by   relu_                  script.py:13   return self.act(h)
            fix: use relu() instead of relu_() there (inplace=False in a module).
        """,
    "plus equals": """
        import wengert as wg

        x = wg.randn(3, requires_grad=True)
        y = x.tanh()
        y += x * 3
        y.sum().backward()
        ----
        one of the variables needed for gradient computation has been modified by an inplace operation:
          float32[3] tensor 'y' is at version 1; expected version 0.
            saved by     tanh (its output)   script.py:4   y = x.tanh()
            written by   add_                script.py:5   y += x * 3
            fix: write y = y + x * 3 instead of y += x * 3 at script.py:5, or run script.py:4 again after the write.
        """,
    "slice assignment": """
        import wengert as wg

        x = wg.randn(4, requires_grad=True)
        y = x.sigmoid()
        y[0] = 0.0
        y.sum().backward()
        ----
        one of the variables needed for gradient computation has been modified by an inplace operation:
          float32[4] tensor 'y' is at version 1; expected version 0.
            saved by     sigmoid (its output)   script.py:4   y = x.sigmoid()
            written by   copy_                  script.py:5   y[0] = 0.0
            fix: script.py:5 writes into a part of the tensor: write to a clone() of it, or build the result out of parts with cat(), stack() or where().
        """,
    "out=": """
        import wengert as wg

        w = wg.ones(3, requires_grad=True)
        scratch = wg.ones(3)
        loss = (w * scratch).sum()
        wg.add(wg.ones(3), wg.ones(3), out=scratch)
        loss.backward()
        ----
        one of the variables needed for gradient computation has been modified by an inplace operation:
          float32[3] tensor 'scratch' is at version 1; expected version 0.
            saved by     mul (input 'other')   script.py:5   loss = (w * scratch).sum()
            written by   add(out=)             script.py:6   wg.add(wg.ones(3), wg.ones(3), out=scratch)
            fix: let script.py:6 make a new tensor instead of filling one with out=, or run script.py:5 again after the write.
        """,
    "an optimizer step between forward and backward": """
        import wengert as wg
        from wengert import nn, optim

        G = nn.Linear(4, 8)
        D = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
        opt_G = optim.Adam(G.parameters())
        opt_D = optim.Adam(D.parameters())

        fake = G(wg.randn(5, 4))
        G_loss = -D(fake).mean()
        D_loss = D(fake.detach()).mean()
        D_loss.backward()
        opt_D.step()
        G_loss.backward()
        ----
        one of the variables needed for gradient computation has been modified by an inplace operation:
          float32[1, 16] parameter 'D.2.weight' is at version 2; expected version 1.
            saved by     linear (input 'weight')   script.py:10   G_loss = -D(fake).mean()   [module D.2]
            written by   Adam.step                 script.py:13   opt_D.step()
            fix: call backward() before opt_D.step(), or run script.py:10 again after the write.
        """,
    "a running statistic": """
        import wengert as wg
        from wengert import nn


        class Standardise(nn.Module):
            def __init__(self):
                super().__init__()
                self.register_buffer("mean", wg.zeros(3))

            def forward(self, x):
                y = x * self.mean
                self.mean.mul_(0.9).add_(x.detach().mean(0), alpha=0.1)
                return y


        layer = Standardise()
        x = wg.randn(4, 3, requires_grad=True)
        layer(x).sum().backward()
        ----
        one of the variables needed for gradient computation has been modified by an inplace operation:
          float32[3] buffer 'layer.mean' is at version 2; expected version 0.
            saved by     mul (input 'other')   script.py:11   y = x * self.mean   [module layer]
            written by   mul_                  script.py:12   self.mean.mul_(0.9).add_(x.detach().mean(0), alpha=0.1)
            written by   add_                  script.py:12   self.mean.mul_(0.9).add_(x.detach().mean(0), alpha=0.1)
            fix: script.py:12 updates buffer 'layer.mean', which script.py:11 still needs: let script.py:11 read a clone() of it, or update it after backward().
        """,
    "a slice of a cache": """
        import wengert as wg

        query = wg.randn(1, 4, requires_grad=True)
        cache = wg.zeros(3, 4)
        total = 0
        for t in range(3):
            cache[t] = wg.randn(4)
            total = total + (query * cache).sum()
        total.backward()
        ----
        one of the variables needed for gradient computation has been modified by an inplace operation:
          float32[3, 4] tensor 'cache' is at version 3; expected version 2.
            saved by     mul (input 'other')   script.py:8   total = total + (query * cache).sum()
            written by   copy_                 script.py:7   cache[t] = wg.randn(4)
            fix: script.py:7 writes into a part of the tensor: write to a clone() of it, or build the result out of parts with cat(), stack() or where().
        """,
    "through a view": """
        import wengert as wg

        x = wg.randn(2, 2, requires_grad=True)
        y = x.exp()
        row = y.view(4)[1:]
        row.mul_(2)
        y.sum().backward()
        ----
        one of the variables needed for gradient computation has been modified by an inplace operation:
          float32[2, 2] tensor 'y' is at version 1; expected version 0.
            saved by     exp (its output)   script.py:4   y = x.exp()
            written by   mul_               script.py:6   row.mul_(2)
            fix: script.py:6 writes through a view of the tensor: write to a clone() of it, or build the result out of parts with cat(), stack() or where().
        """,
    "through detach()": """
        import wengert as wg

        x = wg.randn(3, requires_grad=True)
        y = x.exp()
        y.detach().zero_()
        y.sum().backward()
        ----
        one of the variables needed for gradient computation has been modified by an inplace operation:
          float32[3] tensor 'y' is at version 1; expected version 0.
            saved by     exp (its output)   script.py:4   y = x.exp()
            written by   zero_              script.py:5   y.detach().zero_()
            fix: detach() shares memory with the tensor it comes from: write to .detach().clone() instead.
        """,
    "through NumPy's array of a tensor": """
        import wengert as wg

        x = wg.randn(3, requires_grad=True)
        y = x.exp()
        array = y.detach().numpy()
        array *= 2
        y.sum().backward()
        ----
        one of the variables needed for gradient computation has been modified by an inplace operation:
          float32[3] tensor 'y' is at version 1; expected version 0.
            saved by     exp (its output)              script.py:4   y = x.exp()
            written by   another owner of the memory   script.py:5   array = y.detach().numpy()
            fix: an array that shares this memory was made at script.py:5 and was written to: copy it there (.numpy().copy(), or tensor(array) instead of from_numpy(array)).
        """,
    "through the array that a tensor was made of": """
        import numpy

        import wengert as wg

        array = numpy.ones(3, dtype="float32")
        inputs = wg.from_numpy(array)
        w = wg.ones(3, requires_grad=True)
        loss = (inputs * w).sum()
        array[0] = 5
        loss.backward()
        ----
        one of the variables needed for gradient computation has been modified by an inplace operation:
          float32[3] tensor 'inputs' is at version 1; expected version 0.
            saved by     mul (input 'input')           script.py:8   loss = (inputs * w).sum()
            written by   another owner of the memory   script.py:6   inputs = wg.from_numpy(array)
            fix: an array that shares this memory was made at script.py:6 and was written to: copy it there (.numpy().copy(), or tensor(array) instead of from_numpy(array)).
        """,
    "in no_grad": """
        import wengert as wg

        w = wg.ones(3, requires_grad=True)
        x = wg.ones(3, requires_grad=True)
        loss = (x * w).sum()
        with wg.no_grad():
            w -= 0.1
        loss.backward()
        ----
        one of the variables needed for gradient computation has been modified by an inplace operation:
          float32[3] tensor 'w' is at version 1; expected version 0.
            saved by     mul (input 'other')   script.py:5   loss = (x * w).sum()
            written by   sub_                  script.py:7   w -= 0.1
            fix: no_grad() does not protect values that were saved before: write after backward(), write to a clone(), or run script.py:5 again after the write.
        """,
    "across two backward calls": """
        import wengert as wg

        w = wg.ones(3, requires_grad=True)
        h = w.exp()
        loss = (h * h).sum()
        loss.backward(retain_graph=True)
        with wg.no_grad():
            h.mul_(0.5)
        loss.backward()
        ----
        one of the variables needed for gradient computation has been modified by an inplace operation:
          float32[3] tensor 'h' is at version 1; expected version 0.
            saved by     mul (input 'other')   script.py:5   loss = (h * h).sum()
            written by   mul_                  script.py:8   h.mul_(0.5)
            fix: the graph was differentiated before (script.py:6) and mul_ wrote in between: do both backward calls before script.py:8, or run script.py:5 again after the write.
        """,
    "many writes": """
        import wengert as wg

        x = wg.ones(3, requires_grad=True)
        y = x.exp()
        for i in range(5):
            y += i
        y.mul_(2)
        y.sum().backward()
        ----
        one of the variables needed for gradient computation has been modified by an inplace operation:
          float32[3] tensor 'y' is at version 6; expected version 0.
            saved by     exp (its output)   script.py:4   y = x.exp()
            written by   add_               script.py:6   y += i
            written by   add_               script.py:6   y += i
            written by   mul_               script.py:7   y.mul_(2)
            and 3 earlier writes
            fix: use mul() instead of mul_() at script.py:7, or run script.py:4 again after the write.
        """,
    "other memory": """
        import wengert as wg

        x = wg.ones(3, requires_grad=True)
        w = wg.ones(3)
        loss = (x * w).sum()
        w.data = wg.zeros(3)
        loss.backward()
        ----
        one of the variables needed for gradient computation has been modified by an inplace operation:
          float32[3] was given other memory (by assigning to .data, set_ or resize_).
            saved by    mul (other)   script.py:5
            fix: call backward() first, or run the forward pass again
        """,
    "an argument inplace=True": """
        import wengert as wg
        from wengert import nn

        x = wg.ones(3, requires_grad=True)
        h = x.tanh()
        h = nn.functional.dropout(h, 0.5, inplace=True)
        h.sum().backward()
        ----
        one of the variables needed for gradient computation has been modified by an inplace operation:
          float32[3] tensor 'h' is at version 1; expected version 0.
            saved by     tanh (its output)   script.py:5   h = x.tanh()
            written by   copy_               script.py:6   h = nn.functional.dropout(h, 0.5, inplace=True)
            fix: leave inplace=True out at script.py:6.
        """,
    "a mask": """
        import wengert as wg

        x = wg.ones(3, requires_grad=True)
        h = x.exp()
        h[h > 1] = 0
        h.sum().backward()
        ----
        one of the variables needed for gradient computation has been modified by an inplace operation:
          float32[3] tensor 'h' is at version 1; expected version 0.
            saved by     exp (its output)   script.py:4   h = x.exp()
            written by   index_put_         script.py:5   h[h > 1] = 0
            fix: write to a clone() of the tensor at script.py:5, or run script.py:4 again after the write.
        """,
    "a value that a custom function saved": """
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
        h = w * 1
        y = Square.apply(h)
        h += 1
        y.sum().backward()
        ----
        one of the variables needed for gradient computation has been modified by an inplace operation:
          float32[3] tensor 'h' is at version 1; expected version 0.
            saved by     Square (save_for_backward)   script.py:19   y = Square.apply(h)
            written by   add_                         script.py:20   h += 1
            fix: write h = h + 1 instead of h += 1 at script.py:20, or run script.py:19 again after the write.
        """,
}


@pytest.mark.parametrize("name", CASES)
def test_message(run: Runner, name: str) -> None:
    program, expected = split(CASES[name])
    outcome = run(program)
    assert isinstance(outcome.error, RuntimeError)
    assert outcome.message == expected


@pytest.mark.parametrize("name", [name for name in CASES if name != "other memory"])
def test_both_lines_are_named(name: str) -> None:
    """The texts above were written by the program; this says that they are right."""
    program, expected = split(CASES[name])
    lines = program.split("\n")
    for mark in ("saved by", "written by"):
        row = next(row for row in expected.split("\n") if row.strip().startswith(mark))
        found = re.search(r"script\.py:(\d+) +(.*?)(   \[module .*\])?$", row)
        assert found
        assert lines[int(found.group(1)) - 1].strip() == found.group(2)


def refused_leaf() -> tuple[wg.Tensor, Callable[[], object]]:
    x = wg.tensor([1.0, 2.0], requires_grad=True)
    return x, lambda: x.add_(1)


def refused_view_of_a_leaf() -> tuple[wg.Tensor, Callable[[], object]]:
    x = wg.tensor([1.0, 2.0], requires_grad=True)
    return x, lambda: x[:1].zero_()


def refused_assignment() -> tuple[wg.Tensor, Callable[[], object]]:
    x = wg.tensor([1.0, 2.0], requires_grad=True)
    return x, lambda: x.__setitem__(0, 5.0)


def refused_view_of_no_grad() -> tuple[wg.Tensor, Callable[[], object]]:
    x = wg.tensor([1.0, 2.0], requires_grad=True) * 1
    with wg.no_grad():
        view = x[:1]
    return x, lambda: view.mul_(2)


def refused_out() -> tuple[wg.Tensor, Callable[[], object]]:
    x = wg.tensor([1.0, 2.0], requires_grad=True)
    return x, lambda: wg.exp(wg.ones(2), out=x)


def refused_shape() -> tuple[wg.Tensor, Callable[[], object]]:
    x = wg.tensor([1.0, 2.0])
    return x, lambda: x.add_(wg.ones(3, 2))


def refused_dtype() -> tuple[wg.Tensor, Callable[[], object]]:
    x = wg.tensor([1, 2])
    return x, lambda: x.mul_(1.5)


def refused_index() -> tuple[wg.Tensor, Callable[[], object]]:
    x = wg.tensor([1.0, 2.0])
    return x, lambda: x.scatter_(0, wg.tensor([0, 7]), 5.0)


def refused_index_assignment() -> tuple[wg.Tensor, Callable[[], object]]:
    x = wg.tensor([1.0, 2.0])
    return x, lambda: x.__setitem__(wg.tensor([0, 7]), 5.0)


def refused_copy() -> tuple[wg.Tensor, Callable[[], object]]:
    x = wg.tensor([1.0, 2.0])
    return x, lambda: x.copy_(wg.ones(3))


def refused_division() -> tuple[wg.Tensor, Callable[[], object]]:
    x = wg.tensor([1, 2])
    return x, lambda: x.div_(wg.tensor([1, 2]))


REFUSED = [value for name, value in list(globals().items()) if name.startswith("refused_")]


@pytest.mark.parametrize("make", REFUSED, ids=lambda make: make.__name__)
def test_a_refused_write_changes_nothing(make) -> None:
    x, write = make()
    before, version, node = x.detach().clone(), x._version, x.grad_fn
    with pytest.raises((RuntimeError, IndexError, TypeError)):
        write()
    assert x.detach().numpy().tobytes() == before.numpy().tobytes()
    assert x._version == version
    assert x.grad_fn == node
    if x.requires_grad:
        (x * 1).sum().backward()
