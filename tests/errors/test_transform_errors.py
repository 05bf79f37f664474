"""The exact texts of func, autograd.functional and gradcheck, one sentence each."""

import pytest

import wengert as wg
from wengert import autograd, func
from wengert.autograd import functional as AF

X = wg.tensor([1.0, 2.0])
SUM = wg.sum

CASES = {
    "grad: no scalar": (
        lambda: func.grad(wg.sin)(X),
        "grad_and_value(f)(*args): Expected f(*args) to return a scalar Tensor, got tensor with 1 "
        "dims. Maybe you wanted to use the vjp or jacrev APIs instead?",
    ),
    "grad: no tensor": (
        lambda: func.grad(lambda x: 3.0)(X),
        "grad_and_value(f)(*args): Expected f(*args) to return a Tensor, got <class 'float'>",
    ),
    "grad: no aux": (
        lambda: func.grad(SUM, has_aux=True)(X),
        "grad_and_value(f)(*args): output of function f should be a tuple: (output, aux) if "
        "has_aux is True",
    ),
    "grad: argnums too large": (
        lambda: func.grad(SUM, argnums=1)(X),
        "Got argnum=1, but only 1 positional inputs",
    ),
    "grad: argnums repeated": (
        lambda: func.grad(lambda x, y: x.sum(), argnums=(0, -2))(X, X),
        "argnums elements must be unique, got (0, -2)",
    ),
    "grad: argnums empty": (lambda: func.grad(SUM, argnums=())(X), "argnums must be non-empty"),
    "grad: argnums of a wrong type": (
        lambda: func.grad(SUM, argnums=0.5)(X),
        "argnums must be int or Tuple[int, ...], got: <class 'float'>",
    ),
    "grad: number": (
        lambda: func.grad(SUM)(3.0),
        "Thing passed to transform API must be Tensor, got <class 'float'>",
    ),
    "vjp: integers": (
        lambda: func.vjp(lambda x: x.long(), X),
        "vjp(f, ...): All outputs of f must be floating-point or complex Tensors, got Tensor with "
        "dtype wengert.int64",
    ),
    "vjp: cotangents": (
        lambda: func.vjp(lambda x: (x, {"a": x}), X)[1]((X, X)),
        "Expected pytree structure of cotangents to be the same as pytree structure of outputs to "
        "the function. cotangents: (*, *), primal output: (*, {'a': *})",
    ),
    "jvp: primals": (
        lambda: func.jvp(wg.sin, X, X),
        "jvp(f, primals, tangents): Expected primals to be a tuple. E.g. it should be valid to "
        "call f(*primals).",
    ),
    "jvp: structure": (
        lambda: func.jvp(wg.sin, (X,), (X, X)),
        "jvp(f, primals, tangents): Expected primals and tangents to have the same python "
        "structure. For example, if primals is a tuple of 3 tensors, tangents also must be. Got "
        "primals with structure (*,) and tangents with structure (*, *)",
    ),
    "jacrev: complex": (
        lambda: func.jacrev(wg.sin)(X.to(wg.complex64)),
        "jacrev: Expected all inputs to be real but received complex tensor at flattened input "
        "idx: 0",
    ),
    "jacrev: chunk_size": (
        lambda: func.jacrev(wg.sin, chunk_size=0),
        "jacrev: `chunk_size` should be greater than 0.",
    ),
    "linearize: shape": (
        lambda: func.linearize(wg.sin, X)[1](X[:1]),
        "tangent:0 with shape wengert.Size([1]) in flattened pytree doesn't match the shape "
        "wengert.Size([2]) of the corresponding primal.",
    ),
    "vmap: no inputs": (
        lambda: func.vmap(SUM)(),
        "vmap(sum)(<inputs>): got no inputs. Maybe you forgot to add inputs, or you are trying to "
        "vmap over a function with no inputs. The latter is unsupported.",
    ),
    "vmap: in_dims of a wrong type": (
        lambda: func.vmap(SUM, in_dims="0")(X),
        "vmap(sum, in_dims=0, ...)(<inputs>): expected `in_dims` to be int or a (potentially "
        "nested) tuple matching the structure of inputs, got: <class 'str'>.",
    ),
    "vmap: in_dims of another structure": (
        lambda: func.vmap(SUM, in_dims=(0, 0))(X),
        "vmap(sum, in_dims=(0, 0), ...)(<inputs>): in_dims is not compatible with the structure of "
        "`inputs`. in_dims has structure (*, *) but inputs has structure (*,).",
    ),
    "vmap: in_dims out of range": (
        lambda: func.vmap(SUM, in_dims=1)(X),
        "vmap(sum, in_dims=1, ...)(<inputs>): Got in_dim=1 for some input, but that input is a "
        "Tensor of dimensionality 1 so expected in_dim to satisfy -1 <= in_dim < 1.",
    ),
    "vmap: number": (
        lambda: func.vmap(SUM)(3.0),
        "vmap(sum, in_dims=0, ...)(<inputs>): Got in_dim=0 for an input but the input is of type "
        "<class 'float'>. We cannot vmap over non-Tensor arguments, please use None as the "
        "respective in_dim",
    ),
    "vmap: sizes": (
        lambda: func.vmap(wg.mul)(X, X[:1]),
        "vmap: Expected all tensors to have the same size in the mapped dimension, got sizes [2, 1] "
        "for the mapped dimension",
    ),
    "vmap: output": (
        lambda: func.vmap(lambda x: 3.0)(X),
        "vmap(<lambda>, ...): `<lambda>` must only return Tensors, got type <class 'float'>. Did "
        "you mean to set out_dims= to None for output?",
    ),
    "vmap: randomness": (
        lambda: func.vmap(SUM, randomness="some"),
        "Only allowed values for randomness are 'error', 'different', or 'same'. Got some",
    ),
    "vmap: chunk_size": (
        lambda: func.vmap(SUM, chunk_size=0),
        "vmap: chunk_size should be None or greater than 0. (got 0)",
    ),
    "vmap: random operation": (
        lambda: func.vmap(lambda x: x + wg.randn(1))(X),
        "vmap: called random operation while in randomness error mode. Please either use the "
        "'same' or 'different' randomness flags on vmap or perform the randomness operation out of "
        "vmap",
    ),
    "vmap: item": (
        lambda: func.vmap(lambda x: x.item())(X),
        "vmap: It looks like you're calling .item() on a Tensor. We don't support vmap over "
        "calling .item() on a Tensor, please try to rewrite what you're doing with other "
        "operations.",
    ),
    "vmap: control flow": (
        lambda: func.vmap(lambda x: x if x > 1 else -x)(X),
        "vmap: It looks like you're attempting to use a Tensor in some data-dependent control "
        "flow. We don't support that yet: the samples of a batch cannot take different ways. Use "
        "where().",
    ),
    "vmap: dynamic shapes": (
        lambda: func.vmap(wg.nonzero)(X),
        "vmap: We do not support batching operators that can output dynamic shape. Attempted to "
        "vmap over nonzero",
    ),
    "vmap: in place": (
        lambda: func.vmap(lambda x: wg.zeros(1).add_(x))(X),
        "vmap: inplace arithmetic(self, *extra_args) is not possible because there exists a Tensor "
        "`other` in extra_args that has more elements than `self`. This happened due to `other` "
        "being vmapped over but `self` not being vmapped over in a vmap. Please try to use "
        "out-of-place operators instead of inplace arithmetic, or create `self` with new_zeros and "
        "the like of a tensor that is mapped over.",
    ),
    "vmap: backward": (
        lambda: func.vmap(lambda x: x.sum().backward())(X.reshape(1, 2)),
        "backward() called inside of a function that is transformed by vmap, grad or another of "
        "wengert.func. This is not supported, please use func.grad or func.vjp instead, or call "
        "backward() outside of the transform.",
    ),
    "vmap: mask": (
        lambda: func.vmap(lambda x: x[x > 0])(X.reshape(1, 2)),
        "vmap: We do not support batching operators that can output dynamic shape. Attempted to "
        "vmap over indexing with a boolean mask. Use where()",
    ),
    "vmap: out_dims None": (
        lambda: func.vmap(wg.sin, out_dims=None)(X),
        "vmap(sin, ...): `sin` can not return a BatchedTensor when out_dim is None",
    ),
    "vmap: out_dims of a wrong type": (
        lambda: func.vmap(wg.sin, out_dims="a")(X),
        "vmap(sin, ..., out_dims=a): `out_dims` must be an int, None or a python collection of "
        "ints representing where in the outputs the vmapped dimension should appear.",
    ),
    "vmap: in_dims with a wrong entry": (
        lambda: func.vmap(wg.sin, in_dims=(0.5,))(X),
        "vmap(sin, in_dims=(0.5,), ...)(<inputs>): Got in_dim=0.5 for an input but in_dim must be "
        "either an integer dimension or None.",
    ),
    "functionalize: remove": (
        lambda: func.functionalize(wg.sin, remove="all"),
        "functionalize(f, remove='mutations'): received invalid argument for remove=all. Valid "
        "options are:",
    ),
    "forward mode: no level": (
        lambda: autograd.forward_ad.make_dual(X, X),
        "Trying to create a dual Tensor for forward AD but no level exists, make sure to "
        "enter_dual_level() first.",
    ),
    "functional_call: dictionaries": (
        lambda: func.functional_call(wg.nn.Linear(2, 1), ({"bias": X}, {"bias": X}), X),
        "['bias'] appeared in multiple dictionaries; behavior of functional call is ambiguous",
    ),
    "functional: no tensor": (
        lambda: AF.vjp(wg.sin, 3.0),
        "The inputs given to vjp must be either a Tensor or a tuple of Tensors but the given "
        "inputs has type <class 'float'>.",
    ),
    "functional: v": (
        lambda: AF.jvp(wg.sin, X),
        "The vector v can only be None if the input to the user-provided function is a single "
        "Tensor with a single element.",
    ),
    "functional: size of v": (
        lambda: AF.jvp(lambda x, y: x, (X, X), (X, X[:1])),
        "Entry 1 in v has invalid size: should be wengert.Size([2]) but got wengert.Size([1]).",
    ),
    "functional: Hessian of several": (
        lambda: AF.hessian(wg.sin, X),
        "The Tensor returned by the function given to hessian should contain a single element",
    ),
    "functional: strict": (
        lambda: AF.jacobian(lambda x, y: x * 2, (X, X), strict=True),
        "Output 0 of the user-provided function is independent of input 1. This is not allowed in "
        "strict mode.",
    ),
    "functional: strict Hessian": (
        lambda: AF.hessian(SUM, X, strict=True),
        "While computing the hessian, found that the jacobian of the user-provided function with "
        "respect to input 0 is independent of the input. This is not allowed in strict mode. You "
        "should ensure that your function is twice differentiable and that the jacobian depends on "
        "the inputs (this would be violated by a linear function for example).",
    ),
    "functional: forward mode": (
        lambda: AF.jacobian(wg.sin, X, create_graph=True, strategy="forward-mode"),
        "wengert.autograd.functional.jacobian: `create_graph=True` and `strategy=\"forward-mode\"` "
        "are not supported together (yet). Please either set `create_graph=False` or "
        '`strategy="reverse-mode"`.',
    ),
    "gradcheck: no input": (
        lambda: autograd.gradcheck(wg.sin, X),
        "gradcheck expects at least one input tensor to require gradient, but none of them have "
        "requires_grad=True.",
    ),
    "gradcheck: mismatch": (
        lambda: autograd.gradcheck(
            lambda x: x * x.detach(), wg.zeros(1, dtype=wg.float64, requires_grad=True) + 0.5
        ),
        "Jacobian mismatch for output 0 with respect to input 0,",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_text(name):
    call, text = CASES[name]
    with pytest.raises((RuntimeError, ValueError, TypeError, NotImplementedError)) as caught:
        call()
    assert str(caught.value).split("\n")[0] == text


def test_a_written_input_names_the_line():
    def f(x):
        return func.grad(lambda y: y.sin_().sum())(x.cos()).sum()

    with pytest.raises(RuntimeError) as caught:
        func.grad(f)(X)
    first, second = str(caught.value).split("\n")
    assert first == "a leaf Variable that requires grad is being used in an in-place operation."
    assert "test_transform_errors.py:" in second
