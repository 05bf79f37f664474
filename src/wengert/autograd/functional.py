"""Derivatives of functions of tensors: products with the Jacobian and the Hessian, and both whole.

A function takes one tensor or several, and gives a tensor or a tuple. Results mirror that: what
belongs to the inputs is a tuple if ``inputs`` is one, what belongs to the outputs if the function
gives one. With ``create_graph`` results can be differentiated again with respect to ``inputs``;
otherwise they have no history. With ``strict`` an independence that would give zeros raises.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import wengert as wg

from ._basis import standard_basis
from .grad_mode import transforming

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]

_Tensors = wg.Tensor | tuple[wg.Tensor, ...]
_Row = tuple[wg.Tensor, ...]
_STRATEGIES = ("forward-mode", "reverse-mode")


# ---- tuples in, tuples out ----


def _as_tuple(value: Any, what: str, where: str) -> tuple[bool, _Row]:
    several = isinstance(value, tuple)
    values = value if several else (value,)
    for i, element in enumerate(values):
        if not isinstance(element, wg.Tensor):
            which = f"value at index {i}" if several else f"given {what}"
            raise TypeError(
                f"The {what} given to {where} must be either a Tensor or a tuple of Tensors but "
                f"the {which} has type {type(element)}."
            )
    return several, values


def _unpacked(values: _Row, several: bool) -> Any:
    return values if several else values[0]


def _fresh(tensors: _Row, create_graph: bool, requires_grad: bool) -> _Row:
    """New tensors of the same values, so that the function's own use of the inputs is no path."""
    return tuple(
        x.view_as(x)
        if create_graph and x.requires_grad
        else x.detach().requires_grad_(requires_grad)
        for x in tensors
    )


def _finished(tensors: _Row, create_graph: bool) -> _Row:
    return tensors if create_graph else tuple(x.detach() for x in tensors)


def _vector(v: Any, where: str, like: _Row, several: bool, create_graph: bool) -> _Row:
    """The given vector, checked to fit ``like``."""
    _, given = _as_tuple(v, "v", where)
    if len(given) != len(like):
        raise RuntimeError(
            f"v is a tuple of invalid length: should be {len(like)} but got {len(given)}."
            if several
            else "The given v should contain a single Tensor."
        )
    for i, (element, other) in enumerate(zip(given, like, strict=True)):
        if element.shape != other.shape:
            entry = f"Entry {i} in " if several else ""
            raise RuntimeError(
                f"{entry}v has invalid size: should be {other.shape} but got {element.shape}."
            )
    return _fresh(given, create_graph, False)


def _input_vector(
    v: Any, where: str, inputs: _Row, several: bool, create_graph: bool
) -> _Row | None:
    if v is not None:
        return _vector(v, where, inputs, several, create_graph)
    if len(inputs) != 1 or inputs[0].numel() != 1:
        raise RuntimeError(
            "The vector v can only be None if the input to the user-provided function is a single "
            "Tensor with a single element."
        )
    return None


def _called(func: Callable[..., Any], inputs: _Row, where: str, strict: bool) -> tuple[bool, _Row]:
    several, outputs = _as_tuple(func(*inputs), "outputs of the user-provided function", where)
    if strict:
        _need_history(
            outputs,
            "Output {i} of the user-provided function does not require gradients. The outputs "
            "must be computed in a differentiable manner from the input when running in strict "
            "mode.",
        )
    return several, outputs


def _single_output(several: bool, outputs: _Row, where: str) -> wg.Tensor:
    if several:
        raise RuntimeError(f"The function given to {where} should return a single Tensor")
    if outputs[0].numel() != 1:
        raise RuntimeError(
            f"The Tensor returned by the function given to {where} should contain a single element"
        )
    return outputs[0]


# ---- derivatives, and what strict mode has to say about them ----

_INDEPENDENT = (
    "The {of} of the user-provided function is independent of input {i}. This is not allowed in "
    "strict mode{when}."
)
_NEEDS_SECOND = (
    "While computing the hessian, found that the jacobian of the user-provided function with "
    "respect to input {i} is independent of the input. This is not allowed in strict mode. You "
    "should ensure that your function is twice differentiable and that the jacobian depends on the "
    "inputs (this would be violated by a linear function for example)."
)


def _need_history(tensors: Sequence[wg.Tensor | None], message: str) -> None:
    for i, tensor in enumerate(tensors):
        if tensor is None:
            raise RuntimeError(_INDEPENDENT.format(of="output", i=i, when=""))
        if not tensor.requires_grad:
            raise RuntimeError(message.format(i=i))


def _grad(
    outputs: Sequence[wg.Tensor | None],
    inputs: _Row,
    cotangents: Sequence[wg.Tensor] | None = None,
    **options: Any,
) -> tuple[wg.Tensor | None, ...]:
    """``autograd.grad`` that skips outputs without history; None where nothing depends."""
    given = [None] * len(outputs) if cotangents is None else list(cotangents)
    pairs = [
        (y, g) for y, g in zip(outputs, given, strict=True) if y is not None and y.requires_grad
    ]
    if not pairs:
        return (None,) * len(inputs)
    roots, vectors = zip(*pairs, strict=True)
    return wg.autograd.grad(roots, inputs, vectors, allow_unused=True, **options)


def _filled(
    found: Sequence[wg.Tensor | None],
    like: _Row,
    strict: bool,
    create_graph: bool,
    independent: str,
    of: str,
) -> _Row:
    """Zeros in place of None; with ``strict`` an error instead."""
    result = []
    for i, (tensor, other) in enumerate(zip(found, like, strict=True)):
        if tensor is None:
            if strict:
                raise RuntimeError(independent.format(i=i))
            tensor = wg.zeros_like(other)
        elif strict and create_graph and not tensor.requires_grad:
            raise RuntimeError(_INDEPENDENT.format(of=of, i=i, when=" when create_graph=True"))
        result.append(tensor)
    return tuple(result)


def vjp(
    func: Callable[..., _Tensors],
    inputs: _Tensors,
    v: _Tensors | None = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[_Tensors, _Tensors]:
    """The outputs, and the product of ``v`` with the Jacobian: ``(func(inputs), v^T J)``.

    ``v`` has the structure and shapes of the outputs; it may be left out for a single output of one
    element. Raises RuntimeError if it does not fit, TypeError for what is no tensor.

    >>> from wengert.autograd.functional import vjp
    >>> vjp(lambda x: x * x, wg.tensor([1.0, 2.0]), wg.tensor([1.0, 10.0]))
    (tensor([1., 4.]), tensor([ 2., 40.]))
    """
    with transforming():
        several_inputs, given = _as_tuple(inputs, "inputs", "vjp")
        xs = _fresh(given, create_graph, True)
        several_outputs, ys = _called(func, xs, "vjp", strict)
        vector = None
        if v is not None:
            vector = _vector(v, "vjp", ys, several_outputs, create_graph)
        elif len(ys) != 1 or ys[0].numel() != 1:
            raise RuntimeError(
                "The vector v can only be None if the user-provided function returns a single "
                "Tensor with a single element."
            )
    with wg.set_grad_enabled(create_graph or wg.is_grad_enabled()):
        product = _filled(
            _grad(ys, xs, vector, create_graph=create_graph),
            xs,
            strict,
            create_graph,
            _INDEPENDENT.replace("{of}", "output").replace("{when}", ""),
            "jacobian",
        )
    return (
        _unpacked(_finished(ys, create_graph), several_outputs),
        _unpacked(_finished(product, create_graph), several_inputs),
    )


def jvp(
    func: Callable[..., _Tensors],
    inputs: _Tensors,
    v: _Tensors | None = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[_Tensors, _Tensors]:
    """The outputs, and the product of the Jacobian with ``v``: ``(func(inputs), J v)``.

    ``v`` has the structure and shapes of the inputs; it may be left out for a single input of one
    element. The product is taken by differentiating backwards twice, which ``func.jvp`` does not
    need. Raises RuntimeError if ``v`` does not fit, TypeError for what is no tensor.

    >>> from wengert.autograd.functional import jvp
    >>> jvp(lambda x: x.sum() * x, wg.tensor([1.0, 2.0]), wg.tensor([1.0, 0.0]))
    (tensor([3., 6.]), tensor([4., 2.]))
    """
    with transforming():
        several_inputs, given = _as_tuple(inputs, "inputs", "jvp")
        xs = _fresh(given, create_graph, True)
        vector = _input_vector(v, "jvp", xs, several_inputs, create_graph)
        several_outputs, ys = _called(func, xs, "jvp", strict)
        # v^T J is linear in v, wherever it is taken; its transpose is the map that is wanted.
        cotangents = tuple(wg.zeros_like(y).requires_grad_() for y in ys)
        pulled = _grad(ys, xs, cotangents, create_graph=True)
        if strict:
            _need_history(
                pulled,
                "The gradient with respect to input {i} is independent of the inputs of the "
                "user-provided function. This is not allowed in strict mode.",
            )
    with wg.set_grad_enabled(create_graph or wg.is_grad_enabled()):
        product = _filled(
            _grad(pulled, cotangents, vector, create_graph=create_graph),
            ys,
            strict,
            create_graph,
            "The gradient with respect to the input is independent of entry {i} in the "
            "grad_outputs when using the double backward trick to compute forward mode gradients. "
            "This is not allowed in strict mode.",
            "jacobian",
        )
    return (
        _unpacked(_finished(ys, create_graph), several_outputs),
        _unpacked(_finished(product, create_graph), several_outputs),
    )


# ---- the Jacobian ----


def jacobian(
    func: Callable[..., _Tensors],
    inputs: _Tensors,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """The Jacobian: for each output and input a tensor of shape ``output.shape + input.shape``.

    Args:
        func: takes as many tensors as ``inputs`` has, gives a tensor or a tuple.
        inputs: a tensor or a tuple of tensors.
        create_graph, strict: see above; ``strict`` needs ``vectorize=False``.
        vectorize: compute all rows (or columns) as one batch instead of one after the other.
        strategy: "reverse-mode", or "forward-mode" (with ``vectorize`` alone), which is cheaper
            where there are fewer inputs than outputs.

    Returns:
        one tensor; a tuple over the inputs or over the outputs, where these are tuples; or, where
        both are, a tuple over the outputs of tuples over the inputs.

    >>> from wengert.autograd.functional import jacobian
    >>> jacobian(lambda x: x.exp().sum() * x, wg.zeros(2))
    tensor([[2., 0.],
            [0., 2.]])
    """
    if strategy not in _STRATEGIES:
        raise AssertionError(
            'Expected strategy to be either "forward-mode" or "reverse-mode". Hint: If your '
            'function has more outputs than inputs, "forward-mode" tends to be more performant. '
            'Otherwise, prefer to use "reverse-mode".'
        )
    several_inputs, given = _as_tuple(inputs, "inputs", "jacobian")
    if strategy == "forward-mode":
        if create_graph:
            raise NotImplementedError(
                "wengert.autograd.functional.jacobian: `create_graph=True` and "
                '`strategy="forward-mode"` are not supported together (yet). Please either set '
                '`create_graph=False` or `strategy="reverse-mode"`.'
            )
        several_outputs, rows = _forward_jacobian(func, given, strict, vectorize)
        return _unpacked_rows(rows, several_outputs, several_inputs)
    with transforming():
        xs = _fresh(given, create_graph, True)
        several_outputs, ys = _called(func, xs, "jacobian", strict)
        if vectorize and strict:
            raise RuntimeError(
                "wengert.autograd.functional.jacobian: `strict=True` and `vectorized=True` are "
                "not supported together. Please either set `strict=False` or `vectorize=False`."
            )
        rows = (
            _batched_rows(ys, xs, create_graph)
            if vectorize
            else tuple(_rows(i, y, xs, create_graph, strict) for i, y in enumerate(ys))
        )
        rows = tuple(_finished(row, create_graph) for row in rows)
    return _unpacked_rows(rows, several_outputs, several_inputs)


def _unpacked_rows(rows: tuple[_Row, ...], several_outputs: bool, several_inputs: bool) -> Any:
    result = tuple(_unpacked(row, several_inputs) for row in rows)
    return result if several_outputs else result[0]


def _rows(i: int, output: wg.Tensor, inputs: _Row, create_graph: bool, strict: bool) -> _Row:
    """The derivatives of one output, element by element."""
    columns: list[list[wg.Tensor]] = [[] for _ in inputs]
    for element in output.reshape(-1):
        found = _grad((element,), inputs, retain_graph=True, create_graph=create_graph)
        for j, (gradient, x) in enumerate(zip(found, inputs, strict=True)):
            if gradient is None:
                if strict:
                    raise RuntimeError(
                        f"Output {i} of the user-provided function is independent of input {j}. "
                        "This is not allowed in strict mode."
                    )
                gradient = wg.zeros_like(x)
            elif strict and create_graph and not gradient.requires_grad:
                raise RuntimeError(
                    _INDEPENDENT.format(of="jacobian", i=i, when=" when create_graph=True")
                )
            columns[j].append(gradient)
    return tuple(
        (wg.stack(column) if column else x.new_zeros(0)).reshape((*output.shape, *x.shape))
        for column, x in zip(columns, inputs, strict=True)
    )


def _batched_rows(outputs: _Row, inputs: _Row, create_graph: bool) -> tuple[_Row, ...]:
    def pull(*cotangents: wg.Tensor) -> _Row:
        found = _grad(outputs, inputs, cotangents, retain_graph=True, create_graph=create_graph)
        return tuple(
            wg.zeros_like(x) if gradient is None else gradient
            for gradient, x in zip(found, inputs, strict=True)
        )

    sizes = [y.numel() for y in outputs]
    found = wg.func.vmap(pull)(*standard_basis(outputs, 0, sum(sizes)))
    blocks = [rows.split(sizes) for rows in found]
    return tuple(
        tuple(
            block[i].reshape((*y.shape, *x.shape)) for block, x in zip(blocks, inputs, strict=True)
        )
        for i, y in enumerate(outputs)
    )


def _forward_jacobian(
    func: Callable[..., _Tensors], inputs: _Row, strict: bool, vectorize: bool
) -> tuple[bool, tuple[_Row, ...]]:
    if strict:
        raise RuntimeError(
            'wengert.autograd.functional.jacobian: `strict=True` and `strategy="forward-mode"` '
            "are not supported together (yet). Please either set `strict=False` or "
            '`strategy="reverse-mode"`.'
        )
    if not vectorize:
        raise NotImplementedError(
            "Computing Jacobian using forward-AD or forward-over-reverse Hessian is only "
            "implemented for `vectorize=True`."
        )
    several = False

    def listed(*xs: wg.Tensor) -> _Row:
        nonlocal several
        several, ys = _as_tuple(func(*xs), "outputs of the user-provided function", "jacobian")
        return ys

    rows = wg.func.jacfwd(listed, argnums=tuple(range(len(inputs))))(*inputs)
    return several, rows


# ---- the Hessian ----


def hessian(
    func: Callable[..., wg.Tensor],
    inputs: _Tensors,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """The matrix of second derivatives of a function with one output of one element.

    For inputs ``i`` and ``j`` it holds a tensor of shape ``inputs[i].shape + inputs[j].shape``, in
    a tuple of tuples if ``inputs`` is a tuple. ``vectorize`` and ``outer_jacobian_strategy`` are
    those of the outer :func:`jacobian`.

    >>> from wengert.autograd.functional import hessian
    >>> hessian(lambda x: (x**3).sum(), wg.tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    several_inputs, given = _as_tuple(inputs, "inputs", "hessian")
    if outer_jacobian_strategy not in _STRATEGIES:
        raise AssertionError('Expected strategy to be either "forward-mode" or "reverse-mode".')

    def single(*xs: wg.Tensor) -> wg.Tensor:
        several, ys = _called(func, xs, "hessian", strict)
        return _single_output(several, ys, "hessian").squeeze()

    def gradient(*xs: wg.Tensor) -> _Row:
        if outer_jacobian_strategy == "forward-mode":
            xs = tuple(x.view_as(x).requires_grad_() for x in xs)
        rows = jacobian(single, xs, create_graph=True)
        if strict:
            _need_history(rows, _NEEDS_SECOND)
        return rows

    result = jacobian(
        gradient,
        given,
        create_graph=create_graph,
        strict=strict,
        vectorize=vectorize,
        strategy=outer_jacobian_strategy,
    )
    return result if several_inputs else result[0][0]


def vhp(
    func: Callable[..., wg.Tensor],
    inputs: _Tensors,
    v: _Tensors | None = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[wg.Tensor, _Tensors]:
    """The output, and the product of ``v`` with the Hessian: ``(func(inputs), v^T H)``.

    ``v`` has the structure and shapes of the inputs; it may be left out for a single input of one
    element. Raises RuntimeError if it does not fit or the output has several elements.

    >>> from wengert.autograd.functional import vhp
    >>> vhp(lambda x: (x**3).sum(), wg.tensor([1.0, 2.0]), wg.tensor([1.0, 1.0]))
    (tensor(9.), tensor([ 6., 12.]))
    """
    several, xs, y, first, vector = _first_derivative(func, inputs, v, create_graph, strict, "vhp")
    with wg.set_grad_enabled(create_graph or wg.is_grad_enabled()):
        product = _filled(
            _grad(first, xs, vector, create_graph=create_graph),
            xs,
            strict,
            create_graph,
            _INDEPENDENT.replace("{of}", "jacobian").replace("{when}", ""),
            "hessian",
        )
    return (
        _finished((y,), create_graph)[0],
        _unpacked(_finished(product, create_graph), several),
    )


def hvp(
    func: Callable[..., wg.Tensor],
    inputs: _Tensors,
    v: _Tensors | None = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[wg.Tensor, _Tensors]:
    """The output, and the product of the Hessian with ``v``: ``(func(inputs), H v)``.

    Like :func:`vhp`, which gives the same for functions with continuous second derivatives and
    needs one backward pass less.

    >>> from wengert.autograd.functional import hvp
    >>> hvp(lambda x: (x**3).sum(), wg.tensor([1.0, 2.0]), wg.tensor([1.0, 1.0]))
    (tensor(9.), tensor([ 6., 12.]))
    """
    several, xs, y, first, vector = _first_derivative(func, inputs, v, create_graph, strict, "hvp")
    with transforming():
        weights = tuple(wg.zeros_like(x).requires_grad_() for x in xs)
        pulled = _grad(first, xs, weights, create_graph=True)
    with wg.set_grad_enabled(create_graph or wg.is_grad_enabled()):
        product = _filled(
            _grad(pulled, weights, vector, create_graph=create_graph),
            xs,
            strict,
            create_graph,
            "The hessian of the user-provided function is independent of entry {i} in the "
            "grad_jacobian. This is not allowed in strict mode as it prevents from using the "
            "double backward trick to replace forward mode AD.",
            "hessian",
        )
    return (
        _finished((y,), create_graph)[0],
        _unpacked(_finished(product, create_graph), several),
    )


def _first_derivative(
    func: Callable[..., wg.Tensor],
    inputs: _Tensors,
    v: _Tensors | None,
    create_graph: bool,
    strict: bool,
    where: str,
) -> tuple[bool, _Row, wg.Tensor, tuple[wg.Tensor | None, ...], _Row | None]:
    """Whether there are several inputs, fresh ones, the output, its gradient, the vector."""
    with transforming():
        several_inputs, given = _as_tuple(inputs, "inputs", where)
        xs = _fresh(given, create_graph, True)
        vector = _input_vector(v, where, xs, several_inputs, create_graph)
        several_outputs, ys = _called(func, xs, where, strict)
        y = _single_output(several_outputs, ys, where)
        first = _grad((y,), xs, create_graph=True)
        if strict:
            _need_history(first, _NEEDS_SECOND)
    return several_inputs, xs, y, first, vector
