"""What anomaly mode says, in full."""

from __future__ import annotations

import pytest
from tests.errors.scripts import Runner, split

CASES = {
    "in the forward pass": """
        import wengert as wg
        from wengert import autograd

        with autograd.detect_anomaly():
            x = wg.tensor([[1.0, 2.0], [0.5, 0.0]], requires_grad=True)
            p = x * 2
            y = (p - 1).log()
            y.sum().backward()
        ----
        the tensor to differentiate is nan.
          nan made by   log   script.py:7   y = (p - 1).log()
            input:    float32[2, 2]   from -1 to 3
            output:   float32[2, 2]   from 0 to 1.099   1 nan, 1 inf of 4, the first at (1, 0)
        """,
    "out of an infinity": """
        import wengert as wg
        from wengert import autograd

        with autograd.detect_anomaly():
            x = wg.tensor([1.0, 0.0], requires_grad=True)
            logs = x.log()
            entropy = x * logs
            entropy.sum().backward()
        ----
        the tensor to differentiate is nan.
          inf made by   log   script.py:6   logs = x.log()
            input:    float32[2]   from 0 to 1
            output:   float32[2]   from 0 to 0   0 nan, 1 inf of 2, the first at (1,)
          and then, of the infinity:
          nan made by   mul   script.py:7   entropy = x * logs
            input:    float32[2]   from 0 to 1
            other:    float32[2]   from 0 to 0   0 nan, 1 inf of 2, the first at (1,)
            output:   float32[2]   from 0 to 0   1 nan, 0 inf of 2, the first at (1,)
        """,
    "in the backward pass": """
        import wengert as wg
        from wengert import autograd

        with autograd.detect_anomaly():
            x = wg.tensor([0.0, 1.0], requires_grad=True)
            y = x * x
            z = y.sqrt()
            z.sum().backward()
        ----
        Function 'MulBackward0' returned nan values in its 0th output.
          recorded by   mul    script.py:6   y = x * x
          inf made by   sqrt   script.py:7   z = y.sqrt()
            gradient 0 in:    float32[2]   from 0.5 to 0.5   0 nan, 1 inf of 2, the first at (0,)
            gradient 0 out:   float32[2]   from 0.5 to 0.5   1 nan, 0 inf of 2, the first at (0,)
            gradient 1 out:   float32[2]   from 0.5 to 0.5   1 nan, 0 inf of 2, the first at (0,)
        """,
    "in the data": """
        import wengert as wg
        from wengert import autograd, nn

        net = nn.Linear(2, 1, bias=False)
        with wg.no_grad():
            net.weight.copy_(wg.tensor([[0.5, 0.25]]))
        data = wg.tensor([[1.0, float("nan")], [0.0, 1.0]])
        with autograd.detect_anomaly():
            net(data).sum().backward()
        ----
        the tensor to differentiate is nan.
          nan came in at   linear   script.py:9   net(data).sum().backward()   [module Linear]
            input:    float32[2, 2]   from 0 to 1   1 nan, 0 inf of 4, the first at (0, 1)         made at script.py:7
            weight:   float32[1, 2]   from 0.25 to 0.5
            output:   float32[2, 1]   from 0.25 to 0.25   1 nan, 0 inf of 2, the first at (0, 0)
        """,
    "in an optimizer": """
        import wengert as wg
        from wengert import autograd, nn, optim

        net = nn.Linear(2, 1, bias=False)
        optimizer = optim.Adam(net.parameters(), eps=0.0)
        with autograd.detect_anomaly():
            net(wg.zeros(1, 2)).sum().backward()
            optimizer.step()
        ----
        a parameter became nan.
          parameter 'net.weight'
          nan made by   Adam.step   script.py:8   optimizer.step()
            grad:    float32[1, 2]   from 0 to 0
            param:   float32[1, 2]   no finite element   2 nan, 0 inf of 2, the first at (0, 0)
        """,
    "in a module": """
        import wengert as wg
        from wengert import autograd, nn


        class Head(nn.Module):
            def __init__(self):
                super().__init__()
                self.fc = nn.Linear(2, 2)

            def forward(self, x):
                return (self.fc(x) * 0 - 1).log()


        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.head = Head()

            def forward(self, x):
                return self.head(x)


        net = Net()
        with autograd.detect_anomaly():
            net(wg.ones(1, 2)).sum().backward()
        ----
        the tensor to differentiate is nan.
          nan made by   log   script.py:11   return (self.fc(x) * 0 - 1).log()   [module Net.head]
            input:    float32[1, 2]   from -1 to -1
            output:   float32[1, 2]   no finite element   2 nan, 0 inf of 2, the first at (0, 0)
        """,
    "infinity, on request": """
        import wengert as wg
        from wengert import autograd

        with autograd.detect_anomaly(check_inf=True):
            x = wg.tensor([100.0, 1.0], requires_grad=True)
            e = x.exp()
            e.sum().backward()
        ----
        the tensor to differentiate is infinite.
          inf made by   exp   script.py:6   e = x.exp()
            input:    float32[2]   from 1 to 100
            output:   float32[2]   from 2.718 to 2.718   0 nan, 1 inf of 2, the first at (0,)
        """,
    "in double backward": """
        import wengert as wg
        from wengert import autograd

        with autograd.detect_anomaly(check_inf=True):
            x = wg.tensor([0.0, 1.0], requires_grad=True)
            y = x**1.5
            (g,) = autograd.grad(y.sum(), x, create_graph=True)
            loss = g.sum()
            loss.backward()
        ----
        Function 'PowBackward1' returned inf values in its 0th output.
          recorded by             pow   script.py:7   (g,) = autograd.grad(y.sum(), x, create_graph=True)
          while differentiating   pow   script.py:6   y = x**1.5
            gradient 0 in:    float32[2]   from 1.5 to 1.5
            gradient 0 out:   float32[2]   from 0.75 to 0.75   0 nan, 1 inf of 2, the first at (0,)
        """,
    "out of an infinity in double backward": """
        import wengert as wg
        from wengert import autograd

        with autograd.detect_anomaly():
            x = wg.zeros(2, requires_grad=True)
            y = wg.eye(2) @ x
            z = y**1.5
            (g,) = autograd.grad(z.sum(), x, create_graph=True)
            g.sum().backward()
        ----
        Function 'MvBackward0' returned nan values in its 1th output.
          recorded by             mv    script.py:6   y = wg.eye(2) @ x
          inf made by             pow   script.py:8   (g,) = autograd.grad(z.sum(), x, create_graph=True)
          while differentiating   pow   script.py:7   z = y**1.5
            gradient 0 in:    float32[2]   no finite element   0 nan, 2 inf of 2, the first at (0,)
            gradient 1 out:   float32[2]   no finite element   2 nan, 0 inf of 2, the first at (0,)
        """,
    "a given gradient": """
        import wengert as wg
        from wengert import autograd

        x = wg.ones(2, requires_grad=True)
        with autograd.detect_anomaly():
            (x * 2).backward(wg.tensor([1.0, float("nan")]))
        ----
        the gradient that was given for output 0 is not finite.
          gradient: float32[2] cpu
        """,
    "a write in place": """
        import wengert as wg
        from wengert import autograd

        x = wg.tensor([0.0, 1.0], requires_grad=True)
        with autograd.detect_anomaly():
            y = x * 1
            y /= x.detach()
            y.sum().backward()
        ----
        the tensor to differentiate is nan.
          nan made by   div_   script.py:7   y /= x.detach()
            result:   float32[2]   from 1 to 1   1 nan, 0 inf of 2, the first at (0,)
        """,
    "that nothing reads": """
        import wengert as wg
        from wengert import autograd

        with autograd.detect_anomaly():
            metric = wg.tensor(0.0) / 0
        ----
        a result is nan.
          nan made by   div   script.py:5   metric = wg.tensor(0.0) / 0
            input:    float32[]   from 0 to 0
            output:   float32[]   no finite element   1 nan, 0 inf of 1, the first at ()
        """,
    "in a custom function": """
        import wengert as wg
        from wengert import autograd


        class Half(autograd.Function):
            @staticmethod
            def forward(ctx, x):
                return x / 2

            @staticmethod
            def backward(ctx, g):
                return g / 0 - g / 0


        w = wg.ones(3, requires_grad=True)
        with autograd.detect_anomaly():
            y = Half.apply(w)
            y.sum().backward()
        ----
        Function 'HalfBackward' returned nan values in its 0th output.
          inf made by   div   script.py:12   return g / 0 - g / 0
            input:    float32[3]   from 1 to 1
            output:   float32[3]   no finite element   0 nan, 3 inf of 3, the first at (0,)
          and then, of the infinity:
          nan made by   sub   script.py:12   return g / 0 - g / 0
            input:    float32[3]   no finite element   0 nan, 3 inf of 3, the first at (0,)
            other:    float32[3]   no finite element   0 nan, 3 inf of 3, the first at (0,)
            output:   float32[3]   no finite element   3 nan, 0 inf of 3, the first at (0,)
          recorded by   Half   script.py:17   y = Half.apply(w)
            gradient 0 in:    float32[3]   from 1 to 1
            gradient 0 out:   float32[3]   no finite element   3 nan, 0 inf of 3, the first at (0,)
        """,
    "in a custom function, several lines before its end": """
        import wengert as wg
        from wengert import autograd


        class Root(autograd.Function):
            @staticmethod
            def forward(ctx, x):
                ctx.save_for_backward(x)
                return x.sqrt()

            @staticmethod
            def backward(ctx, g):
                (x,) = ctx.saved_tensors
                slope = (x - 1).log()
                harmless = wg.where(slope > 0, slope, 0)
                scaled = g * slope
                return scaled * 2


        w = wg.tensor([0.5, 3.0], requires_grad=True)
        with autograd.detect_anomaly():
            y = Root.apply(w)
            y.sum().backward()
        ----
        Function 'RootBackward' returned nan values in its 0th output.
          nan made by   log   script.py:14   slope = (x - 1).log()
            input:    float32[2]   from -0.5 to 2
            output:   float32[2]   from 0.6931 to 0.6931   1 nan, 0 inf of 2, the first at (0,)
          recorded by   Root   script.py:22   y = Root.apply(w)
            gradient 0 in:    float32[2]   from 1 to 1
            gradient 0 out:   float32[2]   from 1.386 to 1.386   1 nan, 0 inf of 2, the first at (0,)
        """,
    "in the forward pass of per-sample gradients": """
        import wengert as wg
        from wengert import autograd
        from wengert.func import grad, vmap


        def loss(x):
            p = x * 2
            y = (p - 1).log()
            return y.sum()


        x = wg.tensor([[1.0, 2.0], [3.0, 0.0], [2.0, 1.0]])
        with autograd.detect_anomaly():
            vmap(grad(loss))(x)
        ----
        the tensor to differentiate is nan.
          nan made by   log   script.py:8   y = (p - 1).log()
            input:    float32[2] of 3 samples   from -1 to 5
            output:   float32[2] of 3 samples   from 0 to 1.609   1 nan, 0 inf of 6, the first at (1,) of sample 1, (1, 1) of the batch
        """,
    "in the backward pass of per-sample gradients": """
        import wengert as wg
        from wengert import autograd
        from wengert.func import grad, vmap


        def loss(x):
            y = x * x
            return y.sqrt().sum()


        x = wg.tensor([[1.0, 2.0, 3.0], [1.0, 0.0, 2.0]])
        with autograd.detect_anomaly():
            vmap(grad(loss), in_dims=1)(x)
        ----
        Function 'MulBackward0' returned nan values in its 0th output.
          recorded by   mul    script.py:7   y = x * x
          inf made by   sqrt   script.py:8   return y.sqrt().sum()
            gradient 0 in:    float32[2] of 3 samples   from 0.1667 to 0.5   0 nan, 1 inf of 6, the first at (1,) of sample 1, (1, 1) of the batch
            gradient 0 out:   float32[2] of 3 samples   from 0.5 to 0.5   1 nan, 0 inf of 6, the first at (1,) of sample 1, (1, 1) of the batch
            gradient 1 out:   float32[2] of 3 samples   from 0.5 to 0.5   1 nan, 0 inf of 6, the first at (1,) of sample 1, (1, 1) of the batch
        """,
    "in one of two nested vmaps": """
        import wengert as wg
        from wengert import autograd
        from wengert.func import vmap


        def f(x, y):
            return x.dot(y).log()


        x = wg.tensor([[1.0, 2.0], [3.0, 1.0]])
        y = wg.tensor([[1.0, 1.0], [2.0, 3.0], [1.0, -2.0]])
        with autograd.detect_anomaly():
            z = vmap(vmap(f, in_dims=(None, 0)), in_dims=(0, None))(x, y)
        ----
        a result is nan.
          nan made by   log   script.py:7   return x.dot(y).log()
            input:    float32[] of 2 x 3 samples   from -3 to 9
            output:   float32[] of 2 x 3 samples   from 0 to 2.197   1 nan, 0 inf of 6, the first at () of sample (0, 2), (0, 2) of the batch
        """,
    "in a write inside of vmap": """
        import wengert as wg
        from wengert import autograd
        from wengert.func import vmap


        def f(x):
            y = x.clone()
            y.sub_(1)
            y.log_()
            return y.sum()


        with autograd.detect_anomaly():
            z = vmap(f)(wg.tensor([[2.0, 3.0], [2.0, 0.0]]))
        ----
        a result is nan.
          nan made by   log_   script.py:9   y.log_()
            result:   float32[2] of 2 samples   from 0 to 0.6931   1 nan, 0 inf of 4, the first at (1,) of sample 1, (1, 1) of the batch
        """,
    "in a tangent": """
        import wengert as wg
        from wengert import autograd
        from wengert.func import jvp

        x, t = wg.tensor([1.0, 0.0]), wg.tensor([1.0, 1.0])
        with autograd.detect_anomaly():
            value, slope = jvp(lambda x: x.sqrt() * x, (x,), (t,))
        ----
        a result is nan.
          inf made by   sqrt   script.py:7   value, slope = jvp(lambda x: x.sqrt() * x, (x,), (t,))
            input:            float32[2]   from 0 to 1
            input tangent:    float32[2]   from 1 to 1
            output:           float32[2]   from 0 to 1
            output tangent:   float32[2]   from 0.5 to 0.5   0 nan, 1 inf of 2, the first at (1,)
          and then, of the infinity:
          nan made by   mul   script.py:7   value, slope = jvp(lambda x: x.sqrt() * x, (x,), (t,))
            input:            float32[2]   from 0 to 1
            input tangent:    float32[2]   from 0.5 to 0.5   0 nan, 1 inf of 2, the first at (1,)
            other:            float32[2]   from 0 to 1
            other tangent:    float32[2]   from 1 to 1
            output:           float32[2]   from 0 to 1
            output tangent:   float32[2]   from 1.5 to 1.5   1 nan, 0 inf of 2, the first at (1,)
        """,
    "in the value that jacfwd differentiates": """
        import wengert as wg
        from wengert import autograd
        from wengert.func import jacfwd

        with autograd.detect_anomaly():
            jacfwd(lambda x: (x - 1).log())(wg.tensor([0.5, 2.0]))
        ----
        the tensor to differentiate is nan.
          nan made by   log   script.py:6   jacfwd(lambda x: (x - 1).log())(wg.tensor([0.5, 2.0]))
            input:            float32[2]                from -0.5 to 1
            input tangent:    float32[2] of 2 samples   from 0 to 1
            output:           float32[2]                from 0 to 0   1 nan, 0 inf of 2, the first at (0,)
            output tangent:   float32[2] of 2 samples   from -2 to 1
        """,
    "in a row of jacrev": """
        import wengert as wg
        from wengert import autograd
        from wengert.func import jacrev


        def f(x):
            y = x * x
            return y.sqrt()


        with autograd.detect_anomaly():
            jacrev(f)(wg.tensor([1.0, 0.0]))
        ----
        Function 'MulBackward0' returned nan values in its 0th output.
          recorded by   mul    script.py:7   y = x * x
          inf made by   sqrt   script.py:8   return y.sqrt()
            gradient 0 in:    float32[2] of 2 samples   from 0 to 0.5   0 nan, 1 inf of 4, the first at (1,) of sample 1, (1, 1) of the batch
            gradient 0 out:   float32[2] of 2 samples   from 0 to 0.5   1 nan, 0 inf of 4, the first at (1,) of sample 1, (1, 1) of the batch
            gradient 1 out:   float32[2] of 2 samples   from 0 to 0.5   1 nan, 0 inf of 4, the first at (1,) of sample 1, (1, 1) of the batch
        """,
    "in a Hessian": """
        import wengert as wg
        from wengert import autograd
        from wengert.func import hessian


        def f(x):
            y = x * x
            return y.sqrt().sum()


        with autograd.detect_anomaly():
            hessian(f)(wg.tensor([1.0, 0.0]))
        ----
        Function 'MulBackward0' returned nan values in its 0th output.
          recorded by   mul    script.py:7   y = x * x
          inf made by   sqrt   script.py:8   return y.sqrt().sum()
            gradient 0 in:            float32[2] of 1 sample        from 0.5 to 0.5   0 nan, 1 inf of 2, the first at (1,) of sample 0, (0, 1) of the batch
            gradient 0 in tangent:    float32[2] of 2 x 1 samples   from -0.5 to 0
            gradient 0 out:           float32[2] of 1 sample        from 0.5 to 0.5   1 nan, 0 inf of 2, the first at (1,) of sample 0, (0, 1) of the batch
            gradient 0 out tangent:   float32[2] of 2 x 1 samples   from 0 to 0   0 nan, 1 inf of 4, the first at (1,) of sample (1, 0), (1, 0, 1) of the batch
            gradient 1 out:           float32[2] of 1 sample        from 0.5 to 0.5   1 nan, 0 inf of 2, the first at (1,) of sample 0, (0, 1) of the batch
            gradient 1 out tangent:   float32[2] of 2 x 1 samples   from 0 to 0   0 nan, 1 inf of 4, the first at (1,) of sample (1, 0), (1, 0, 1) of the batch
        """,
    "in the parameters of functional_call": """
        import wengert as wg
        from wengert import autograd, nn
        from wengert.func import functional_call, grad, vmap

        net = nn.Linear(2, 1, bias=False)


        def loss(parameters, x):
            y = functional_call(net, parameters, (x,))
            return y.log().sum()


        parameters = {"weight": wg.tensor([[0.5, -0.25]])}
        with autograd.detect_anomaly():
            vmap(grad(loss), in_dims=(None, 0))(parameters, wg.tensor([[1.0, 0.0], [1.0, 4.0]]))
        ----
        the tensor to differentiate is nan.
          nan made by   log   script.py:10   return y.log().sum()
            input:    float32[1] of 2 samples   from -0.5 to 0.5
            output:   float32[1] of 2 samples   from -0.6931 to -0.6931   1 nan, 0 inf of 2, the first at (0,) of sample 1, (1, 0) of the batch
        """,
}


@pytest.mark.parametrize("name", CASES)
def test_message(run: Runner, name: str) -> None:
    program, expected = split(CASES[name])
    outcome = run(program)
    assert isinstance(outcome.error, RuntimeError)
    assert outcome.message == expected


def test_a_harmless_nan_in_a_custom_backward_is_no_error(run: Runner) -> None:
    outcome = run("""
        import wengert as wg
        from wengert import autograd


        class Log(autograd.Function):
            @staticmethod
            def forward(ctx, x):
                ctx.save_for_backward(x)
                return x.exp()

            @staticmethod
            def backward(ctx, g):
                (x,) = ctx.saved_tensors
                return g * wg.where(x > 0, x.log(), 0)


        w = wg.tensor([-1.0, 3.0], requires_grad=True)
        with autograd.detect_anomaly():
            Log.apply(w).sum().backward()
    """)
    assert outcome.error is None
    assert outcome.names["w"].grad[0].item() == 0


def test_healthy_transforms_raise_no_alarm(run: Runner) -> None:
    program, _ = split("""
        import wengert as wg
        from wengert import autograd
        from wengert.func import grad, hessian, jacfwd, jacrev, jvp, vmap


        def f(x):
            y = wg.where(x > 0, x.log(), 0.0).masked_fill(x < 1, -wg.inf)
            return y.softmax(0).sum() + wg.where(x > 0, x.sqrt(), 0.0).sum()


        x = wg.tensor([[1.0, 0.0], [-1.0, 2.0]])
        with autograd.detect_anomaly():
            vmap(grad(f))(x), vmap(jacrev(f))(x), vmap(jacfwd(f))(x), vmap(hessian(f))(x)
            jvp(f, (x,), (wg.ones(2, 2),))
        ----
        """)
    assert run(program).error is None
