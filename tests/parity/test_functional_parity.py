"""func, autograd.functional, gradcheck and testing give PyTorch's values and exceptions."""

import inspect
import re

import numpy as np
import pytest

import wengert as wg
from wengert.utils._pytree import tree_map

torch = pytest.importorskip("torch")

LIBRARIES = (wg, torch)


def _plain(value):
    """Values as NumPy arrays with their dtype's name, in the same containers."""
    if isinstance(value, wg.Tensor | torch.Tensor):
        return np.array(value.tolist()), str(value.dtype).rpartition(".")[2], tuple(value.shape)
    return value


def _same(ours, theirs):
    assert type(ours) is type(theirs) or isinstance(ours, wg.Tensor), (type(ours), type(theirs))
    if isinstance(ours, tuple | list):
        assert len(ours) == len(theirs)
        for a, b in zip(ours, theirs, strict=True):
            _same(a, b)
    elif isinstance(ours, dict):
        assert list(ours) == list(theirs)
        for key in ours:
            _same(ours[key], theirs[key])
    elif isinstance(ours, wg.Tensor):
        (a, dtype, shape), (b, other_dtype, other_shape) = _plain(ours), _plain(theirs)
        assert (dtype, shape) == (other_dtype, other_shape)
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)
        assert ours.requires_grad == theirs.requires_grad
    else:
        assert ours == theirs


def _outcome(program, lib, arrays):
    """What the program gives, or the exception."""
    try:
        return program(lib, *arrays)
    except Exception as error:
        return error


def _compare(program, *arrays, same_text=True):
    ours, theirs = (
        _outcome(
            program, lib, [tree_map(lambda a, lib=lib: lib.tensor(a.tolist()).double()
                                    if isinstance(a, np.ndarray) else a, arg) for arg in arrays]
        )
        for lib in LIBRARIES
    )  # fmt: skip
    if isinstance(theirs, Exception):
        assert type(ours) is type(theirs), (ours, theirs)
        if same_text:
            first = str(theirs).split("\n")[0].replace("torch", "wengert")
            assert str(ours).split("\n")[0] == first
    else:
        if isinstance(ours, Exception):
            raise ours
        _same(ours, theirs)


def _array(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


X, Y, M, S = _array(3), _array(3, seed=1), _array(2, 3, seed=2), _array(seed=3)


# ---- names ----


@pytest.mark.parametrize(
    "path",
    [
        "func.grad", "func.grad_and_value", "func.vjp", "func.jvp", "func.jacrev", "func.jacfwd",
        "func.hessian", "func.linearize", "func.functional_call", "func.stack_module_state",
        "autograd.functional.vjp", "autograd.functional.jvp", "autograd.functional.jacobian",
        "autograd.functional.hessian", "autograd.functional.vhp", "autograd.functional.hvp",
        "autograd.gradcheck", "autograd.gradgradcheck", "testing.assert_close",
        "testing.make_tensor",
    ],
)  # fmt: skip
def test_signatures(path):
    signatures = []
    for lib in LIBRARIES:
        value = lib
        for name in path.split("."):
            value = getattr(value, name)
        parameters = [
            (p.name, p.kind, p.default)
            for p in inspect.signature(value).parameters.values()
            if not p.name.startswith("_")
        ]
        signatures.append(parameters)
    ours, theirs = signatures
    # Documented differences: the checkers are stricter, and there is one device to default to.
    known = {"rtol": 1e-3, "device": inspect.Parameter.empty}
    ours = [(n, k, known[n] if n in known and "assert_close" not in path else d)
            for n, k, d in ours]  # fmt: skip
    assert ours == theirs


# ---- func ----


def _polynomial(x, y=None):
    result = (x**3).sum() * 2 + x.sin().prod()
    return result if y is None else result + (x * y * y).sum()


FUNC = {
    "grad": lambda L, x, y: L.func.grad(_polynomial)(x),
    "grad argnums": lambda L, x, y: L.func.grad(_polynomial, argnums=(1, 0))(x, y),
    "grad negative": lambda L, x, y: L.func.grad(_polynomial, argnums=-1)(x, y),
    "grad aux": lambda L, x, y: L.func.grad(lambda x: (x.sum(), {"a": x * 2}), has_aux=True)(x),
    "value": lambda L, x, y: L.func.grad_and_value(_polynomial)(x, y),
    "value aux": lambda L, x, y: L.func.grad_and_value(lambda x: (x.sum(), [x]), has_aux=True)(x),
    "grad of grad": lambda L, x, y: L.func.grad(
        lambda x: (L.func.grad(_polynomial)(x, y) * y).sum()
    )(x),
    "tree": lambda L, x, y: L.func.grad(lambda d: (d["a"] * d["b"][0]).sum())({"a": x, "b": [y]}),
    "vjp": lambda L, x, y: L.func.vjp(lambda x, y: (x * y, {"k": x.sin()}), x, y)[1]((y, {"k": x})),
    "vjp one": lambda L, x, y: L.func.vjp(L.sin, x)[1](y),
    "vjp value": lambda L, x, y: L.func.vjp(lambda x: (x, [x * 2]), x)[0],
    "vjp aux": lambda L, x, y: L.func.vjp(lambda x: (x * 2, x * 3), x, has_aux=True)[2],
    "jvp": lambda L, x, y: L.func.jvp(lambda x: x * x.sum(), (x,), (y,)),
    "jvp several": lambda L, x, y: L.func.jvp(
        lambda x, d: {"p": x * d["y"], "c": L.ones(2)}, (x, {"y": y}), (y, {"y": x})
    ),
    "jvp aux": lambda L, x, y: L.func.jvp(lambda x: (x * x, x + 1), (x,), (y,), has_aux=True),
    "jvp of grad": lambda L, x, y: L.func.jvp(L.func.grad(_polynomial), (x,), (y,)),
    "grad of jvp": lambda L, x, y: L.func.grad(lambda x: L.func.jvp(_polynomial, (x,), (y,))[1])(x),
    "jvp of jvp": lambda L, x, y: L.func.jvp(
        lambda x: L.func.jvp(L.sin, (x,), (y,))[1], (x,), (y,)
    ),
    "jacrev": lambda L, x, y: L.func.jacrev(lambda x: x.exp() * x.sum())(x),
    "jacrev tree": lambda L, x, y: L.func.jacrev(
        lambda x, d: (x * d["k"], {"s": x.sum()}), argnums=(0, 1)
    )(x, {"k": y}),
    "jacrev aux": lambda L, x, y: L.func.jacrev(lambda x: (x**2, x), has_aux=True)(x),
    "jacrev constant": lambda L, x, y: L.func.jacrev(lambda x: L.ones(2).double())(x),
    "jacrev chunks": lambda L, x, y: L.func.jacrev(lambda x: x.exp() * x.sum(), chunk_size=2)(x),
    "jacrev rows": lambda L, x, y: L.func.jacrev(lambda x: x.exp() * x.sum(), chunk_size=1)(x),
    "jacfwd": lambda L, x, y: L.func.jacfwd(lambda x: x.exp() * x.sum())(x),
    "jacfwd tree": lambda L, x, y: L.func.jacfwd(
        lambda x, d: (x * d["k"], {"s": x.sum()}), argnums=(0, 1)
    )(x, {"k": y}),
    "jacfwd aux": lambda L, x, y: L.func.jacfwd(lambda x: (x**2, x + 1), has_aux=True)(x),
    "hessian": lambda L, x, y: L.func.hessian(_polynomial)(x),
    "hessian argnums": lambda L, x, y: L.func.hessian(_polynomial, argnums=(0, 1))(x, y),
    "jacrev of jacrev": lambda L, x, y: L.func.jacrev(L.func.jacrev(_polynomial))(x),
    "jacfwd of jacfwd": lambda L, x, y: L.func.jacfwd(L.func.jacfwd(_polynomial))(x),
    "jacrev of jacfwd": lambda L, x, y: L.func.jacrev(L.func.jacfwd(_polynomial))(x),
    "vmap of grad": lambda L, x, y: L.func.vmap(L.func.grad(L.sin))(x),
    "grad of vmap": lambda L, x, y: L.func.grad(lambda x: L.func.vmap(L.sin)(x).sum())(x),
    "vmap of hessian": lambda L, x, y: L.func.vmap(L.func.hessian(_polynomial))(L.stack([x, y])),
    "vmap of jvp": lambda L, x, y: L.func.vmap(lambda x, y: L.func.jvp(lambda x: x**3, (x,), (y,)))(
        x, y
    ),
    "linearize": lambda L, x, y: L.func.linearize(lambda x: x**3 * x.sum(), x)[1](y),
    # errors
    "no tensor": lambda L, x, y: L.func.grad(lambda x: 3.0)(x),
    "no scalar": lambda L, x, y: L.func.grad(lambda x: x)(x),
    "no aux": lambda L, x, y: L.func.grad(lambda x: x.sum(), has_aux=True)(x),
    "number in": lambda L, x, y: L.func.grad(lambda x: x.sum())(3.0),
    "number in tree": lambda L, x, y: L.func.grad(lambda x: x[0].sum())((x, 3)),
    "argnums twice": lambda L, x, y: L.func.grad(_polynomial, argnums=(0, 0))(x, y),
    "argnums far": lambda L, x, y: L.func.grad(_polynomial, argnums=2)(x, y),
    "argnums none": lambda L, x, y: L.func.grad(_polynomial, argnums=())(x, y),
    "argnums text": lambda L, x, y: L.func.grad(_polynomial, argnums=("a",))(x, y),
    "vjp integers": lambda L, x, y: L.func.vjp(lambda x: x.long(), x),
    "vjp number": lambda L, x, y: L.func.vjp(lambda x: 3, x),
    "vjp nothing": lambda L, x, y: L.func.vjp(lambda x: [], x),
    "vjp structure": lambda L, x, y: L.func.vjp(lambda x: (x, x), x)[1](y),
    "jvp primals": lambda L, x, y: L.func.jvp(L.sin, x, y),
    "jvp empty": lambda L, x, y: L.func.jvp(lambda: 1, (), ()),
    "jvp number": lambda L, x, y: L.func.jvp(lambda x: 3, (x,), (y,)),
    "jvp strict": lambda L, x, y: L.func.jvp(lambda x: y, (x,), (y,), strict=True),
    "jacrev complex": lambda L, x, y: L.func.jacrev(L.sin)(x.to(L.complex128)),
    "jacrev chunk": lambda L, x, y: L.func.jacrev(L.sin, chunk_size=0)(x),
    "jacrev number": lambda L, x, y: L.func.jacrev(lambda x: 3)(x),
    "jacfwd complex": lambda L, x, y: L.func.jacfwd(L.sin)(x.to(L.complex128)),
    "linearize shape": lambda L, x, y: L.func.linearize(L.sin, x)[1](y[:2]),
    "linearize dtype": lambda L, x, y: L.func.linearize(L.sin, x)[1](y.float()),
    "in place": lambda L, x, y: L.func.grad(lambda x: x.sin_().sum())(x),
}


@pytest.mark.parametrize("name", FUNC)
def test_func(name):
    _compare(FUNC[name], X, Y)


def test_integers_have_no_gradient():
    for lib in LIBRARIES:
        with pytest.raises(RuntimeError, match="only Tensors of floating point"):
            lib.func.grad(lambda x: x.sum())(lib.ones(2, dtype=lib.int64))


# ---- autograd.functional ----

FUNCTIONAL = {
    "vjp": lambda F, x, y: F.vjp(lambda x: x.exp() * x.sum(), x, y),
    "vjp tuples": lambda F, x, y: F.vjp(lambda x, y: (x * y, x.sum()), (x, y), (x, y.sum())),
    "vjp scalar": lambda F, x, y: F.vjp(lambda x: x.prod(), x),
    "vjp graph": lambda F, x, y: F.vjp(lambda x: x.exp(), x.requires_grad_(), y, create_graph=True),
    "jvp": lambda F, x, y: F.jvp(lambda x: x.exp() * x.sum(), x, y),
    "jvp tuples": lambda F, x, y: F.jvp(lambda x, y: (x * y, x.sum()), (x, y), (y, x)),
    "jvp graph": lambda F, x, y: F.jvp(lambda x: x.exp(), x.requires_grad_(), y, create_graph=True),
    "jvp constant": lambda F, x, y: F.jvp(lambda x: y, x, y),
    "jacobian": lambda F, x, y: F.jacobian(lambda x: x.exp() * x.sum(), x),
    "jacobian in": lambda F, x, y: F.jacobian(lambda x, y: x * y.sum(), (x, y)),
    "jacobian out": lambda F, x, y: F.jacobian(lambda x: (x.exp(), x.sum()), x),
    "jacobian both": lambda F, x, y: F.jacobian(lambda x, y: (x * y, x.sum()), (x, y)),
    "jacobian graph": lambda F, x, y: F.jacobian(
        lambda x: x.exp(), x.requires_grad_(), create_graph=True
    ),
    "jacobian batch": lambda F, x, y: F.jacobian(
        lambda x, y: (x * y, x.sum()), (x, y), vectorize=True
    ),
    "jacobian batch graph": lambda F, x, y: F.jacobian(
        lambda x: x.exp(), x.requires_grad_(), create_graph=True, vectorize=True
    ),
    "jacobian forward": lambda F, x, y: F.jacobian(
        lambda x, y: (x * y, x.sum()), (x, y), vectorize=True, strategy="forward-mode"
    ),
    "hessian": lambda F, x, y: F.hessian(_polynomial, x),
    "hessian tuples": lambda F, x, y: F.hessian(_polynomial, (x, y)),
    "hessian batch": lambda F, x, y: F.hessian(_polynomial, (x, y), vectorize=True),
    "hessian forward": lambda F, x, y: F.hessian(
        _polynomial, (x, y), vectorize=True, outer_jacobian_strategy="forward-mode"
    ),
    "hessian graph": lambda F, x, y: F.hessian(_polynomial, x.requires_grad_(), create_graph=True),
    "vhp": lambda F, x, y: F.vhp(_polynomial, x, y),
    "vhp tuples": lambda F, x, y: F.vhp(_polynomial, (x, y), (y, x)),
    "hvp": lambda F, x, y: F.hvp(_polynomial, x, y),
    "hvp tuples": lambda F, x, y: F.hvp(_polynomial, (x, y), (y, x)),
    "hvp graph": lambda F, x, y: F.hvp(_polynomial, x.requires_grad_(), y, create_graph=True),
    # errors
    "input": lambda F, x, y: F.vjp(lambda x: x, 3.0),
    "inputs": lambda F, x, y: F.vjp(lambda x, y: x, (x, 3.0)),
    "output": lambda F, x, y: F.jvp(lambda x: 3.0, x, x),
    "v none": lambda F, x, y: F.vjp(lambda x: x, x),
    "v none in": lambda F, x, y: F.jvp(lambda x: x, x),
    "v none hvp": lambda F, x, y: F.hvp(lambda x: x.sum(), x),
    "v size": lambda F, x, y: F.vjp(lambda x: x, x, y[:2]),
    "v size tuple": lambda F, x, y: F.vjp(lambda x: (x, x), x, (y, y[:2])),
    "v count": lambda F, x, y: F.vjp(lambda x: (x, x), x, (y,)),
    "v count one": lambda F, x, y: F.jvp(lambda x: x, x, (y, y)),
    "hessian tuple": lambda F, x, y: F.hessian(lambda x: (x.sum(),), x),
    "hessian size": lambda F, x, y: F.hessian(lambda x: x, x),
    "vhp size": lambda F, x, y: F.vhp(lambda x: x, x, x),
    "hvp tuple": lambda F, x, y: F.hvp(lambda x: (x, x), x, x),
    "strategy": lambda F, x, y: F.jacobian(lambda x: x, x, strategy="sideways"),
    "hessian strategy": lambda F, x, y: F.hessian(
        lambda x: x.sum(), x, outer_jacobian_strategy="sideways"
    ),
    "forward graph": lambda F, x, y: F.jacobian(
        lambda x: x, x, create_graph=True, strategy="forward-mode"
    ),
    "forward strict": lambda F, x, y: F.jacobian(
        lambda x: x, x, strict=True, strategy="forward-mode"
    ),
    "batch strict": lambda F, x, y: F.jacobian(lambda x: x, x, strict=True, vectorize=True),
    "strict vjp output": lambda F, x, y: F.vjp(lambda x: y, x, y, strict=True),
    "strict vjp input": lambda F, x, y: F.vjp(lambda x, y: x * 1, (x, y), x, strict=True),
    "strict vjp graph": lambda F, x, y: F.vjp(
        lambda x: x * 2, x, y, strict=True, create_graph=True
    ),
    "strict jvp": lambda F, x, y: F.jvp(lambda x, y: x * 1, (x, y), (x, y), strict=True),
    "strict jacobian": lambda F, x, y: F.jacobian(lambda x, y: x * 1, (x, y), strict=True),
    "strict jacobian graph": lambda F, x, y: F.jacobian(
        lambda x: x * 2, x, strict=True, create_graph=True
    ),
    "strict hessian": lambda F, x, y: F.hessian(lambda x: x.sum(), x, strict=True),
    "strict vhp": lambda F, x, y: F.vhp(lambda x: x.sum(), x, y, strict=True),
    "strict hvp": lambda F, x, y: F.hvp(lambda x: x.sum(), x, y, strict=True),
    "strict vhp two": lambda F, x, y: F.vhp(
        lambda x, y: (x**2).sum() + (y * 1).sum(), (x, y), (y, x), strict=True
    ),
    "strict hvp two": lambda F, x, y: F.hvp(
        lambda x, y: (x**2).sum() * y.sum(), (x, y), (y, x), strict=True
    ),
}


def _as_documented(value, forward):
    """PyTorch documents tuples without history; with forward mode it returns lists, with one."""
    if isinstance(value, tuple | list):
        return tuple(_as_documented(part, forward) for part in value)
    return value.detach() if forward else value


@pytest.mark.parametrize("name", FUNCTIONAL)
def test_functional(name):
    forward = name.endswith(" forward")
    _compare(
        lambda L, x, y: _as_documented(FUNCTIONAL[name](L.autograd.functional, x, y), forward),
        X,
        Y,
    )
    if forward:
        rows = FUNCTIONAL[name](wg.autograd.functional, wg.tensor(X), wg.tensor(Y))
        assert not any(block.requires_grad for row in rows for block in row)


def test_forward_jacobian_needs_vectorize():
    # PyTorch's sentence lacks a space.
    for lib in LIBRARIES:
        with pytest.raises(NotImplementedError, match="only ?implemented for `vectorize=True`"):
            lib.autograd.functional.jacobian(lambda x: x, lib.ones(2), strategy="forward-mode")


# ---- modules ----


def _pair(L):
    model = L.nn.Sequential(L.nn.Linear(3, 3), L.nn.Tanh(), L.nn.Linear(3, 3)).double()
    for i, parameter in enumerate(model.parameters()):
        values = _array(*parameter.shape, seed=10 + i)
        with L.no_grad():
            parameter.copy_(L.tensor(values.tolist()).double())
    return model


class _Tied:
    def __new__(cls, L):
        model = _pair(L)
        model[2].weight = model[0].weight
        return model


MODULES = {
    "call": lambda L, m, x, y: L.func.functional_call(m, {"0.bias": y}, x).detach(),
    "tuple": lambda L, m, x, y: L.func.functional_call(m, ({"0.bias": y}, {"2.bias": x}), (x,)),
    "keyword": lambda L, m, x, y: L.func.functional_call(m, {}, (), {"input": x}),
    "restored": lambda L, m, x, y: (L.func.functional_call(m, {"0.bias": y}, x), m(x))[1],
    "grad": lambda L, m, x, y: L.func.grad(lambda p: L.func.functional_call(m, p, x).sum())(
        {name: p.detach() for name, p in m.named_parameters()}
    ),
    "strict": lambda L, m, x, y: L.func.functional_call(m, {"0.bias": y}, x, strict=True),
    "unexpected": lambda L, m, x, y: L.func.functional_call(
        m, {**dict(m.named_parameters()), "zz": y}, x, strict=True
    ),
    "no such": lambda L, m, x, y: L.func.functional_call(m, {"0.zz": y}, x),
    "no tensor": lambda L, m, x, y: L.func.functional_call(m, {"0.bias": 3}, x),
    "twice": lambda L, m, x, y: L.func.functional_call(m, ({"0.bias": y}, {"0.bias": x}), x),
    "no dict": lambda L, m, x, y: L.func.functional_call(m, 3, x),
    "no dicts": lambda L, m, x, y: L.func.functional_call(m, [3], x),
    "stack": lambda L, m, x, y: L.func.stack_module_state([m, m])[0],
    "stack none": lambda L, m, x, y: L.func.stack_module_state([]),
    "stack classes": lambda L, m, x, y: L.func.stack_module_state([m, m[0]]),
    "stack modes": lambda L, m, x, y: L.func.stack_module_state([m, _pair(L).eval()]),
    "stack grads": lambda L, m, x, y: L.func.stack_module_state(
        [m, _pair(L).requires_grad_(False)]
    ),
}


@pytest.mark.parametrize("name", MODULES)
def test_modules(name):
    _compare(lambda L, x, y: MODULES[name](L, _pair(L), x, y), X, Y)


TIED = {
    "one": lambda L, m, x, w: L.func.functional_call(m, {"0.weight": w}, x),
    "other": lambda L, m, x, w: L.func.functional_call(m, {"2.weight": w}, x),
    "untied": lambda L, m, x, w: L.func.functional_call(m, {"2.weight": w}, x, tie_weights=False),
    "different": lambda L, m, x, w: L.func.functional_call(
        m, {"2.weight": w, "0.weight": w * 2}, x
    ),
    "both": lambda L, m, x, w: L.func.functional_call(m, {"2.weight": w, "0.weight": w}, x),
    "two": lambda L, m, x, w: L.func.functional_call(
        m, {"2.weight": w, "0.weight": w * 2}, x, tie_weights=False
    ),
}


@pytest.mark.parametrize("name", TIED)
def test_tied_weights(name):
    _compare(lambda L, x, w: TIED[name](L, _Tied(L), x, w), X, _array(3, 3, seed=5))


# ---- checkers ----

GRADCHECK = {
    "right": lambda L, x: L.autograd.gradcheck(lambda x: x.exp(), x),
    "wrong": lambda L, x: L.autograd.gradcheck(lambda x: x * x.detach(), x, raise_exception=False),
    "second": lambda L, x: L.autograd.gradgradcheck(lambda x: x.exp(), x),
    "fast": lambda L, x: L.autograd.gradcheck(lambda x: x.exp(), x, fast_mode=True),
    "forward": lambda L, x: L.autograd.gradcheck(lambda x: x.exp(), x, check_forward_ad=True),
    "batched": lambda L, x: L.autograd.gradcheck(lambda x: x.exp(), x, check_batched_grad=True),
    "batched forward": lambda L, x: L.autograd.gradcheck(
        lambda x: x.exp(), x, check_forward_ad=True, check_batched_forward_grad=True
    ),
    "forward over reverse": lambda L, x: L.autograd.gradgradcheck(
        lambda x: x.exp(), x, check_fwd_over_rev=True
    ),
    "no input": lambda L, x: L.autograd.gradcheck(lambda x: x, x.detach()),
    "overlap": lambda L, x: L.autograd.gradcheck(lambda x: x * 2, x[:1].expand(4)),
    "no mode": lambda L, x: L.autograd.gradcheck(lambda x: x, x, check_backward_ad=False),
    "batch mode": lambda L, x: L.autograd.gradcheck(
        lambda x: x, x, check_forward_ad=True, check_backward_ad=False, check_batched_grad=True
    ),
    "batch forward mode": lambda L, x: L.autograd.gradcheck(
        lambda x: x, x, check_batched_forward_grad=True
    ),
    "second mode": lambda L, x: L.autograd.gradgradcheck(lambda x: x, x, check_rev_over_rev=False),
}


@pytest.mark.parametrize("name", GRADCHECK)
def test_gradcheck(name):
    _compare(lambda L, x: GRADCHECK[name](L, x.requires_grad_()), X)


def test_gradcheck_error():
    for lib, error in (
        (wg, wg.autograd.gradcheck.__globals__["GradcheckError"]),
        (torch, torch.autograd.gradcheck.__globals__["GradcheckError"]),
    ):
        x = lib.ones(2, dtype=lib.float64, requires_grad=True)
        with pytest.raises(error, match="Jacobian mismatch for output 0 with respect to input 0,"):
            lib.autograd.gradcheck(lambda x: x * x.detach(), x)
        assert issubclass(error, RuntimeError)


# ---- testing ----

nan, inf = float("nan"), float("inf")
CLOSE = {
    "equal": lambda L, t: (t([1.0, 2.0]), t([1.0, 2.0])),
    "within": lambda L, t: (t([1.0]), t([1.0 + 1e-6])),
    "values": lambda L, t: (t([[1.0, 2.0], [3, 4]]), t([[1.0, 2.5], [5, 4]])),
    "scalar": lambda L, t: (t(1.0), t(2.0)),
    "integers": lambda L, t: (t([1, 2]), t([1, 3])),
    "bools": lambda L, t: (t([True]), t([False])),
    "complex": lambda L, t: (t([1 + 1j]), t([1 + 2j])),
    "infinite": lambda L, t: (t([inf, 1]), t([1.0, nan])),
    "zeros": lambda L, t: (t([0.0, 0.0]), t([0.0, 0.5])),
    "shape": lambda L, t: (t([1.0]), t([1.0, 2.0])),
    "dtype": lambda L, t: (t([1.0]), t([1])),
    "numbers": lambda L, t: (1.0, 2.0),
    "number types": lambda L, t: (1.0, 2),
    "complex numbers": lambda L, t: (1j, 2j),
    "python bools": lambda L, t: (True, False),
    "lengths": lambda L, t: ([t(1.0)], [t(1.0), t(2.0)]),
    "nested": lambda L, t: ({"a": [t(1.0), (t(2.0),)]}, {"a": [t(1.0), (t(3.0),)]}),
    "keys": lambda L, t: ({"a": 1, "c": 1}, {"b": 1, "c": 1}),
    "strings": lambda L, t: ("a", "a"),
    "types": lambda L, t: (t([1.0]), 1.0),
    "list and tensor": lambda L, t: (t([1.0]), [1.0]),
    "none": lambda L, t: (None, None),
    "none and number": lambda L, t: (None, 1),
    "arrays": lambda L, t: (np.array([1.0, 2.0]), np.array([1.0, 2.5])),
    "array and tensor": lambda L, t: (np.array([1.0]), t([1.0])),
    "float16": lambda L, t: (t([1.0]).to(L.float16), t([1.5]).to(L.float16)),
    "empty": lambda L, t: (t([]), t([])),
}


@pytest.mark.parametrize(
    "options",
    [{}, {"rtol": 0.5, "atol": 0.1}, {"rtol": 0, "atol": 0}, {"equal_nan": True},
     {"check_dtype": False}],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("name", CLOSE)
def test_assert_close(name, options):
    def program(L):
        return L.testing.assert_close(*CLOSE[name](L, L.tensor), **options)

    ours, theirs = (_outcome(program, lib, ()) for lib in LIBRARIES)
    assert type(ours) is type(theirs)
    if theirs is not None:
        assert _digits(str(ours)) == _digits(str(theirs).replace("torch", "wengert"))


def test_assert_close_needs_both_tolerances():
    for lib in LIBRARIES:
        with pytest.raises(ValueError, match="Both 'rtol' and 'atol' must be either specified or"):
            lib.testing.assert_close(lib.ones(1), lib.ones(1), rtol=1.0)


def _digits(text):
    """The text with numbers of a float32's accuracy."""
    return re.sub(r"\d+\.\d{4,}", lambda number: f"{float(number[0]):.6g}", text)
