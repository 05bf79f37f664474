"""The transforms that push tangents forward: jvp, jacfwd, hessian, linearize."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import wengert as wg
from wengert import _C
from wengert.autograd import forward_ad
from wengert.autograd._basis import standard_basis
from wengert.utils._pytree import tree_flatten, tree_map, tree_unflatten

from ._inputs import (
    Argnums,
    Function,
    Recording,
    derivative,
    flat_outputs,
    flat_tensors,
    pick,
    put,
    refuse_complex,
    split_aux,
)
from ._reverse import jacrev
from ._vmap import vmap

__all__ = ["hessian", "jacfwd", "jvp", "linearize"]

_JVP = "jvp(f, primals, tangents)"


def jvp(
    func: Function,
    primals: tuple[Any, ...],
    tangents: tuple[Any, ...],
    *,
    strict: bool = False,
    has_aux: bool = False,
) -> Any:
    """The value of ``func`` at ``primals``, and its derivative in the direction ``tangents``.

    Args:
        func: takes the primals, gives a tree of tensors (with ``has_aux``, a tuple of it and
            something else).
        primals: a tuple with one tree of tensors per argument.
        tangents: the same structure; each tensor has its primal's shape.
        strict: raise where an output does not depend on the inputs, instead of giving zeros.

    Returns:
        ``(output, tangent)`` of the same structure, or ``(output, tangent, aux)``.

    Raises:
        RuntimeError: the structures or shapes of primals and tangents differ.

    >>> from wengert.func import jvp
    >>> jvp(lambda x: x * x, (wg.tensor([1.0, 2.0]),), (wg.tensor([1.0, 10.0]),))
    (tensor([1., 4.]), tensor([ 2., 40.]))
    """
    if not isinstance(primals, tuple):
        raise RuntimeError(
            f"{_JVP}: Expected primals to be a tuple. E.g. it should be valid to call f(*primals)."
        )
    flat_primals, spec = tree_flatten(primals)
    flat_tangents, tangent_spec = tree_flatten(tangents)
    if spec != tangent_spec:
        raise RuntimeError(
            f"{_JVP}: Expected primals and tangents to have the same python structure. For "
            "example, if primals is a tuple of 3 tensors, tangents also must be. Got primals with "
            f"structure {spec} and tangents with structure {tangent_spec}"
        )
    flat_tensors(primals, _JVP, "primals")
    flat_tensors(tangents, _JVP, "tangents")
    with forward_ad.dual_level():
        duals = [
            forward_ad.make_dual(primal, tangent)
            for primal, tangent in zip(flat_primals, flat_tangents, strict=True)
        ]
        output, aux = split_aux(func(*tree_unflatten(duals, spec)), has_aux, _JVP)
        flat, output_spec = flat_outputs(output, _JVP)
        values, slopes = [], []
        for y in flat:
            value, slope = forward_ad.unpack_dual(y)
            if slope is None:
                if strict:
                    raise RuntimeError(
                        "jvp(f, primals, tangents, strict=True): The output of f is independent "
                        "of the inputs. This is not allowed with strict=True."
                    )
                slope = wg.zeros_like(value)
            values.append(value)
            slopes.append(slope)
        _C._check_roots(values)
        aux = tree_map(_primal, aux)
    result = tree_unflatten(values, output_spec), tree_unflatten(slopes, output_spec)
    return (*result, aux) if has_aux else result


def _primal(leaf: Any) -> Any:
    return forward_ad.unpack_dual(leaf).primal if isinstance(leaf, wg.Tensor) else leaf


def jacfwd(
    func: Function, argnums: Argnums = 0, has_aux: bool = False, *, randomness: str = "error"
) -> Callable[..., Any]:
    """A function that gives the Jacobian of ``func``, by pushing forward one tangent per input.

    All columns are computed at once, as one batch. It is cheaper than :func:`jacrev` where there
    are fewer inputs than outputs. Arguments, result and errors are as there; ``randomness`` is that
    of :func:`vmap`.

    >>> from wengert.func import jacfwd
    >>> jacfwd(wg.sin)(wg.zeros(2))
    tensor([[1., 0.],
            [0., 1.]])
    """

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        chosen = pick(args, argnums)
        flat_inputs, input_spec = flat_tensors(chosen, "jacfwd", "inputs")
        refuse_complex("jacfwd", flat_inputs, "inputs")
        # The structures of what func gives, known once it has run inside of vmap.
        output_spec = aux_spec = None
        aux_leaves: list[Any] = []

        def of_flat(*values: wg.Tensor) -> tuple[Any, Any]:
            nonlocal output_spec
            given = put(args, argnums, tree_unflatten(values, input_spec))
            output, aux = split_aux(func(*given, **kwargs), has_aux, _JVP)
            flat, output_spec = flat_outputs(output, _JVP)
            refuse_complex("jacfwd", flat, "outputs")
            return tuple(flat), aux

        def column(*tangents: wg.Tensor) -> tuple[Any, Any]:
            nonlocal aux_leaves, aux_spec
            _, slopes, aux = jvp(of_flat, tuple(flat_inputs), tangents, has_aux=True)
            aux_leaves, aux_spec = tree_flatten(aux)
            return slopes, tuple(leaf for leaf in aux_leaves if isinstance(leaf, wg.Tensor))

        total = sum(x.numel() for x in flat_inputs)
        basis = standard_basis(flat_inputs, 0, total)
        columns, aux_tensors = vmap(column, randomness=randomness)(*basis)
        assert output_spec is not None
        assert aux_spec is not None
        trees = []
        for block in columns:
            shape = block.shape[1:]
            sizes = [x.numel() for x in flat_inputs]
            jacobians = [
                part.movedim(0, -1).reshape((*shape, *x.shape))
                for part, x in zip(block.split(sizes), flat_inputs, strict=True)
            ]
            trees.append(tree_unflatten(jacobians, input_spec))
        result = tree_unflatten(trees, output_spec)
        if not has_aux:
            return result
        # The aux of every column is the same: that of the first.
        firsts = iter(aux_tensors)
        aux = [next(firsts)[0] if isinstance(leaf, wg.Tensor) else leaf for leaf in aux_leaves]
        return result, tree_unflatten(aux, aux_spec)

    return wrapper


def hessian(func: Function, argnums: Argnums = 0) -> Callable[..., Any]:
    """A function that gives the matrix of second derivatives: ``jacfwd(jacrev(func))``.

    >>> from wengert.func import hessian
    >>> hessian(lambda x: (x**3).sum())(wg.tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    return jacfwd(jacrev(func, argnums), argnums)


def linearize(func: Function, *primals: Any) -> tuple[Any, Callable[..., Any]]:
    """The value of ``func`` at ``primals``, and its derivative there as a linear function.

    ``func`` runs once; the linear function then costs about as much as a backward pass, however
    often it is called. It takes tangents of the structure, shapes and dtypes of the primals and
    gives the tangent of the output. (The vector-Jacobian product is linear in the cotangent, and
    the transpose of that map is the derivative.)

    Raises:
        RuntimeError: a tangent does not fit its primal; an output is no tensor.

    >>> from wengert.func import linearize
    >>> output, push = linearize(lambda x: x**3, wg.tensor([1.0, 2.0]))
    >>> push(wg.tensor([1.0, 1.0]))
    tensor([ 3., 12.])
    """
    where = "linearize(f, *primals)"
    flat_primals, spec = flat_tensors(primals, where, "primals")
    level = Recording()
    with level.inside():
        trees, aliases, _ = level.fresh_tree(primals)
        output = func(*trees)
        level.check_inputs()
        flat, output_spec = flat_outputs(output, where)
        cotangents = [_C._lift(wg.zeros_like(y)).requires_grad_(_C._tracked_here(y)) for y in flat]
        pulled = derivative(flat, aliases, cotangents, retain_graph=True, create_graph=True)
    connected = any(map(level.connected, flat))

    def push(*tangents: Any) -> Any:
        given, given_spec = tree_flatten(tangents)
        if given_spec != spec:
            raise RuntimeError(
                f"Expected the tangents {given_spec} to have the same argspec as the primals {spec}"
            )
        for i, (tangent, primal) in enumerate(zip(given, flat_primals, strict=True)):
            for what in ("shape", "device", "dtype"):
                if getattr(tangent, what) != getattr(primal, what):
                    raise RuntimeError(
                        f"tangent:{i} with {what} {getattr(tangent, what)} in flattened pytree "
                        f"doesn't match the {what} {getattr(primal, what)} of the corresponding "
                        "primal."
                    )
        record = wg.is_grad_enabled() and (connected or any(t.requires_grad for t in given))
        inputs = [g for g in cotangents if g.requires_grad]
        pushed = iter(derivative(pulled, inputs, given, retain_graph=True, create_graph=record))
        slopes = [next(pushed) if g.requires_grad else wg.zeros_like(g) for g in cotangents]
        return tree_unflatten(slopes, output_spec)

    return level.leave(output), push
