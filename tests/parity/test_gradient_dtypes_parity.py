"""The gradient of a tensor has its dtype, also where tensors of several dtypes meet in place, and
the layout that PyTorch gives it."""

from __future__ import annotations

from typing import Any

import pytest

import wengert

torch = pytest.importorskip("torch")

WRITES = [
    "a.add_(b)", "a.sub_(b, alpha=2)", "a.mul_(b)", "a.div_(b)", "a.copy_(b)", "a[0] = b[0]",
    "a[:, 1:] = b[:, 1:]", "a[0] += b[1]", "a.view(-1).mul_(b.view(-1))", "a.t().add_(b.t())",
    "a.addcmul_(b, b)", "a.atan2_(b)", "a.masked_fill_(a > 0, b.sum())",
    "a.pow_(b)", "a += b", "a[a > 0] *= 2", "a.fill_(b[0, 0])", "a[0, 0] = b[0, 0]",
]  # fmt: skip
DTYPES = [("float32", "float64"), ("float64", "float32"), ("float16", "float32"),
          ("bfloat16", "float64"), ("complex64", "float64"), ("complex128", "complex64")]  # fmt: skip


def run(module: Any, write: str, of_a: str, of_b: str) -> Any:
    names: dict[str, Any] = {}
    seen: list[tuple[str, str]] = []

    def leaf(name: str, dtype: str) -> Any:
        values = module.linspace(0.25, 1.5, 6, dtype=module.float64).reshape(2, 3)
        tensor = values.to(getattr(module, dtype)).requires_grad_()
        seen.append((name, dtype))
        tensor.register_hook(lambda g: seen.append((name, str(g.dtype).split(".")[-1])))
        return tensor

    a, b = leaf("a", of_a), leaf("b", of_b)
    names |= {"a": a * 1, "b": b}
    try:
        exec(write, names)
    except (RuntimeError, NotImplementedError) as error:
        return type(error)
    written = names["a"]
    written.register_hook(lambda g: seen.append(("written", str(g.dtype).split(".")[-1])))
    total = module.view_as_real(written) if written.is_complex() else written
    (total.double() * total.double()).sum().backward()
    grads = [None if x.grad is None else str(x.grad.dtype).split(".")[-1] for x in (a, b)]
    return sorted(seen), grads


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize(("of_a", "of_b"), DTYPES)
def test_dtypes(write: str, of_a: str, of_b: str) -> None:
    if "fill_(b" in write and of_a == "complex64" and of_b == "float64":
        pytest.skip("PyTorch has no gradient of this")
    ours = run(wengert, write, of_a, of_b)
    assert ours == run(torch, write, of_a, of_b)
    if isinstance(ours, tuple):
        assert ours[1][0] in (None, of_a)
        assert ours[1][1] in (None, of_b)


LOSSES = [
    "t.sin().sum()", "(t * 0.5).sin().sum()", "(t * t).sum()", "(t + 1.0).exp().sum()",
    "(t.exp() * 2).tanh().sum()", "(t / 3).mean()", "t.pow(3).sum()", "(t - t.t().t()).abs().sum()",
    "t.clamp(0, 0.5).sum()", "torch.maximum(t, t * 2).sum()",
]  # fmt: skip


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("create_graph", [False, True])
def test_strides_of_gradients_of_permuted_tensors(loss: str, create_graph: bool) -> None:
    strides = []
    for module in (wengert, torch):
        t = module.linspace(0.1, 1, 6, dtype=module.float64).reshape(2, 3).t().requires_grad_()
        total = eval(loss, {"t": t, "torch": module})
        (gradient,) = module.autograd.grad(total, t, create_graph=create_graph)
        strides.append(gradient.stride())
    assert strides[0] == strides[1]


@pytest.mark.parametrize("module", [wengert, torch], ids=lambda m: m.__name__)
def test_one_input_twice_is_one_gradient_twice(module: Any) -> None:
    x = module.tensor([1.0, 2.0], requires_grad=True)
    y = x * 1
    for input in (x, y):
        a, b = module.autograd.grad((y * y).sum(), [input, input], retain_graph=True)
        assert a is b
        assert a.tolist() == [2, 4]


@pytest.mark.parametrize("name", ["abs_", "absolute_"])
def test_modulus_in_place(name: str) -> None:
    for module in (wengert, torch):
        z = module.ones(2, dtype=module.complex64)
        with pytest.raises(RuntimeError, match="In-place abs is not supported for complex tensors"):
            getattr(z, name)()
        assert z.tolist() == [1, 1]


def test_a_saved_tensor_that_was_detached_in_place() -> None:
    for module in (wengert, torch):
        x = module.ones(2, requires_grad=True)
        y = x * 2
        z = y * y
        y.detach_()
        with pytest.raises(
            RuntimeError, match="Trying to use a saved tensor that has been detached"
        ):
            z.sum().backward()


@pytest.mark.parametrize("mask", ["m", "(slice(None), m)", "(slice(None), slice(None), m2)"])
def test_what_a_mask_picks_takes_one_number_of_any_dtype(mask: str) -> None:
    results = []
    for module in (wengert, torch):
        names = {"m": module.tensor([True, False]), "m2": module.tensor([True, False])}
        t = module.ones(2, 2, 2, dtype=module.int64)
        t[eval(mask, names)] = module.tensor(3.7, dtype=module.float64)
        results.append(t.tolist())
    assert results[0] == results[1]
