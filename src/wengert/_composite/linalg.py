"""Products of vectors, matrices and tensors."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any

from wengert import _ops
from wengert._autocast import in_float32, in_low_precision

from ._common import describe, is_tensor, tensor_list, with_out, wrap_dim

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wengert import Tensor

__all__ = (
    "addbmm", "addmv", "addr", "chain_matmul", "ger", "inner", "kron", "matrix_power", "outer",
    "tensordot", "trace", "vdot",
)  # fmt: skip

METHODS = (
    "addbmm", "addbmm_", "addmv", "addmv_", "addr", "addr_", "ger", "inner", "kron",
    "matrix_power", "outer", "trace", "vdot",
)  # fmt: skip

PROPERTIES = ()

FUNCTIONAL = ("bilinear",)


def _vectors(name: str, input: Tensor, other: Tensor) -> None:
    if input.dim() != 1 or other.dim() != 1:
        raise RuntimeError(
            f"1D tensors expected, but got {input.dim()}D and {other.dim()}D tensors"
            + describe(input=input, other=other)
        )
    if input.dtype != other.dtype:
        raise RuntimeError(
            f"{name} : expected both vectors to have same dtype, but found "
            f"{input.dtype} and {other.dtype}"
        )
    if input.shape[0] != other.shape[0]:
        raise RuntimeError(
            f"inconsistent tensor size, expected tensor [{input.shape[0]}] and src "
            f"[{other.shape[0]}] to have the same number of elements, but got "
            f"{input.shape[0]} and {other.shape[0]} elements respectively"
        )


@with_out
def vdot(input: Tensor, other: Tensor) -> Tensor:
    """`dot` with the first vector conjugated."""
    _vectors("vdot", input, other)
    return _ops.matmul(_ops.conj(input) if input.dtype.is_complex else input, other)


@with_out
def outer(input: Tensor, vec2: Tensor) -> Tensor:
    """The matrix of all products of an element of one vector and one of the other."""
    for name, vector in (("self", input), ("vec2", vec2)):
        if vector.dim() != 1:
            raise RuntimeError(
                f"outer: Expected 1-D argument {name}, but got {vector.dim()}-D"
                + describe(input=input, vec2=vec2)
            )
    return _ops.mul(_ops.unsqueeze(input, 1), vec2)


ger = outer


@with_out
def inner(input: Tensor, other: Tensor) -> Tensor:
    """The sums of products over the last dimensions."""
    if input.dim() == 0 or other.dim() == 0:
        return _ops.mul(input, other)
    if input.shape[-1] != other.shape[-1]:
        raise RuntimeError(
            "inner() the last dimension must match on both input tensors but got shapes "
            f"{list(input.shape)} and {list(other.shape)}"
        )
    return tensordot(input, other, ([-1], [-1]))


def _tensordot_dims(a: Tensor, b: Tensor, dims: Any) -> tuple[list[int], list[int]]:
    if is_tensor(dims):
        dims = dims.tolist()
    if isinstance(dims, int):
        if dims < 0:
            raise RuntimeError(f"tensordot expects dims >= 0, but got dims={dims}")
        if dims > min(a.dim(), b.dim()):
            raise RuntimeError(
                f"tensordot expects dims < ndim_a or ndim_b, but got dims={dims}"
                + describe(a=a, b=b)
            )
        return list(range(a.dim() - dims, a.dim())), list(range(dims))
    first, second = ([one] if isinstance(one, int) else list(one) for one in dims)
    return first, second


@with_out
def tensordot(a: Tensor, b: Tensor, dims: Any = 2) -> Tensor:
    """The sums of products over several dimensions of both.

    dims: how many (the last of `a`, the first of `b`), or two lists that pair them."""
    first, second = _tensordot_dims(a, b, dims)
    if len(first) != len(second):
        raise RuntimeError("both dimension lists should have same length")
    first = [wrap_dim("tensordot", dim, a.dim()) for dim in first]
    second = [wrap_dim("tensordot", dim, b.dim()) for dim in second]
    for i, j in zip(first, second, strict=True):
        size_a, size_b = a.shape[i], b.shape[j]
        if size_a == size_b:
            continue
        if size_b == 1:
            a = _ops.sum(a, i, True)
        elif size_a == 1:
            b = _ops.sum(b, j, True)
        else:
            raise RuntimeError(
                "contracted dimensions need to match, but first has size "
                f"{size_a} in dim {i} and second has size {size_b} in dim {j}"
            )
    free_a = [dim for dim in range(a.dim()) if dim not in first]
    free_b = [dim for dim in range(b.dim()) if dim not in second]
    shape_a = [a.shape[dim] for dim in free_a]
    shape_b = [b.shape[dim] for dim in free_b]
    middle = math.prod(a.shape[dim] for dim in first)
    left = _ops.reshape(_ops.permute(a, free_a + first), (math.prod(shape_a), middle))
    right = _ops.reshape(_ops.permute(b, second + free_b), (middle, math.prod(shape_b)))
    return _ops.reshape(_ops.mm(left, right), shape_a + shape_b)


@with_out
def kron(input: Tensor, other: Tensor) -> Tensor:
    """The Kronecker product: `other` scaled by every element of `input`, in blocks."""
    ndim = max(input.dim(), other.dim())
    shape_a = (1,) * (ndim - input.dim()) + tuple(input.shape)
    shape_b = (1,) * (ndim - other.dim()) + tuple(other.shape)
    spread_a = [size for pair in zip(shape_a, (1,) * ndim, strict=True) for size in pair]
    spread_b = [size for pair in zip((1,) * ndim, shape_b, strict=True) for size in pair]
    blocks = _ops.mul(_ops.reshape(input, spread_a), _ops.reshape(other, spread_b))
    return _ops.reshape(blocks, [m * n for m, n in zip(shape_a, shape_b, strict=True)])


@in_float32
def trace(input: Tensor) -> Tensor:
    """The sum of the diagonal of a matrix."""
    if input.dim() != 2:
        raise RuntimeError(f"trace: expected a matrix, but got tensor with dim {input.dim()}")
    return _ops.sum(_ops.diagonal(input))


@with_out
def matrix_power(input: Tensor, n: int) -> Tensor:
    """Each matrix multiplied by itself `n` times; a negative `n` takes the inverse."""
    if input.dim() < 2 or input.shape[-1] != input.shape[-2]:
        raise RuntimeError(
            "linalg.matrix_power: A must be batches of square matrices, "
            f"but they are {list(input.shape)}" + describe(input=input)
        )
    if n == 0:
        unit = _ops.eye(input.shape[-1], dtype=input.dtype, device=input.device)
        return _ops.clone(_ops.expand(unit, input.shape))
    if n == 1:
        return _ops.clone(input)
    base = _ops._linalg_inv(input, "linalg.inv", True)[0] if n < 0 else input
    result: Any = None
    power = abs(n)
    while True:
        if power & 1:
            result = base if result is None else _ops.matmul(result, base)
        power >>= 1
        if not power:
            return result
        base = _ops.matmul(base, base)


@with_out
def multi_dot(tensors: Sequence[Tensor]) -> Tensor:
    """The product of matrices in the cheapest order; the first and the last may be vectors.

    Source: Cormen et al., Introduction to Algorithms, 15.2."""
    chain = list(tensors)
    if len(chain) < 2:
        raise RuntimeError(f"multi_dot(): expected at least 2 tensors but got {len(chain)}")
    for i, tensor in enumerate(chain):
        if tensor.dim() != 2 and not (tensor.dim() == 1 and i in (0, len(chain) - 1)):
            allowed = "1D or 2D" if i in (0, len(chain) - 1) else "2D"
            raise RuntimeError(f"multi_dot(): tensor {i} must be {allowed} but got {tensor.dim()}D")
    squeezed = [i for i in (0, -1) if chain[i].dim() == 1]
    if chain[0].dim() == 1:
        chain[0] = _ops.unsqueeze(chain[0], 0)
    if chain[-1].dim() == 1:
        chain[-1] = _ops.unsqueeze(chain[-1], 1)
    for i, (left, right) in enumerate(itertools.pairwise(chain)):
        if left.shape[1] != right.shape[0]:
            raise RuntimeError(
                f"multi_dot(): tensors {i} and {i + 1} with shapes {list(left.shape)} and "
                f"{list(right.shape)} cannot be multiplied"
            )
    result = _multiply(chain, _best_splits(chain), 0, len(chain) - 1)
    for place in reversed(squeezed):
        result = _ops.squeeze(result, place)
    return result


def _best_splits(chain: Sequence[Tensor]) -> dict[tuple[int, int], int]:
    """For each stretch of the chain, after which matrix to cut it."""
    bounds = [chain[0].shape[0], *(tensor.shape[1] for tensor in chain)]
    cost = {(i, i): 0 for i in range(len(chain))}
    splits = {}
    for length in range(1, len(chain)):
        for i in range(len(chain) - length):
            j = i + length
            choices = [
                (cost[i, k] + cost[k + 1, j] + bounds[i] * bounds[k + 1] * bounds[j + 1], k)
                for k in range(i, j)
            ]
            cost[i, j], splits[i, j] = min(choices)
    return splits


def _multiply(
    chain: Sequence[Tensor], splits: dict[tuple[int, int], int], i: int, j: int
) -> Tensor:
    if i == j:
        return chain[i]
    k = splits[i, j]
    return _ops.mm(_multiply(chain, splits, i, k), _multiply(chain, splits, k + 1, j))


@with_out
def chain_matmul(*matrices: Any) -> Tensor:
    """`multi_dot` of matrices; one alone is returned as it is."""
    chain = tensor_list(matrices)
    for i, matrix in enumerate(chain):
        if matrix.dim() != 2:
            raise RuntimeError(
                f"Tensor dimension is {matrix.dim()}, expected 2 instead."
                + describe(**{f"matrix{i}": matrix})
            )
    return chain[0] if len(chain) == 1 else multi_dot(chain)


def _weighted(input: Tensor, added: Tensor, beta: Any, alpha: Any) -> Tensor:
    """`beta * input + alpha * added`; with `beta` 0, NaN in `input` does not count."""
    if alpha != 1:
        added = _ops.mul(added, alpha)
    if beta == 0:
        return added
    return _ops.add(input if beta == 1 else _ops.mul(input, beta), added)


@with_out
def addmv(input: Tensor, mat: Tensor, vec: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """`beta * input + alpha * (mat @ vec)`."""
    return _weighted(input, _ops.mv(mat, vec), beta, alpha)


@with_out
def addr(input: Tensor, vec1: Tensor, vec2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """`beta * input + alpha * outer(vec1, vec2)`."""
    return _weighted(input, outer(vec1, vec2), beta, alpha)


def _batches(name: str, batch1: Tensor, batch2: Tensor) -> None:
    for which, batch in (("batch1", batch1), ("batch2", batch2)):
        if batch.dim() != 3:
            raise RuntimeError(f"{which} must be a 3D tensor" + describe(**{which: batch}))
    if batch1.shape[0] != batch2.shape[0] or batch1.shape[2] != batch2.shape[1]:
        raise RuntimeError(
            f"{name}(): Expected size for first two dimensions of batch2 tensor to be: "
            f"[{batch1.shape[0]}, {batch1.shape[2]}] but got: "
            f"[{batch2.shape[0]}, {batch2.shape[1]}]."
        )


@with_out
@in_low_precision
def addbmm(
    input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: Any = 1, alpha: Any = 1
) -> Tensor:
    """`beta * input + alpha * sum(batch1[i] @ batch2[i])`, as one matrix product."""
    _batches("addbmm", batch1, batch2)
    count, rows, middle = batch1.shape
    left = _ops.reshape(_ops.permute(batch1, (1, 0, 2)), (rows, count * middle))
    right = _ops.reshape(batch2, (count * middle, batch2.shape[2]))
    return _weighted(input, _ops.mm(left, right), beta, alpha)


def addmv_(input: Tensor, mat: Tensor, vec: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """`addmv` into `input` itself."""
    return input.copy_(addmv(input, mat, vec, beta=beta, alpha=alpha))


def addr_(input: Tensor, vec1: Tensor, vec2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """`addr` into `input` itself."""
    return input.copy_(addr(input, vec1, vec2, beta=beta, alpha=alpha))


def addbmm_(
    input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: Any = 1, alpha: Any = 1
) -> Tensor:
    """`addbmm` into `input` itself."""
    return input.copy_(addbmm(input, batch1, batch2, beta=beta, alpha=alpha))


def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`input1[i] * weight[k, i, j] * input2[j] + bias[k]`, summed over `i` and `j`."""
    if tuple(input1.shape[:-1]) != tuple(input2.shape[:-1]):
        raise RuntimeError(
            "bilinear(): input batch dimensions do not match" + describe(a=input1, b=input2)
        )
    outputs, size1, size2 = weight.shape
    if (size1, size2) != (input1.shape[-1], input2.shape[-1]):
        raise RuntimeError(
            f"bilinear(): input1 and input2 sizes do not match weight: got {input1.shape[-1]} "
            f"and {input2.shape[-1]} but expected {size1} and {size2}"
        )
    head = tuple(input1.shape[:-1])
    first = _ops.reshape(input1, (-1, size1))
    second = _ops.reshape(input2, (-1, size2))
    pairs = _ops.mul(_ops.unsqueeze(first, 2), _ops.unsqueeze(second, 1))
    flat = _ops.reshape(pairs, (first.shape[0], size1 * size2))
    result = _ops.linear(flat, _ops.reshape(weight, (outputs, size1 * size2)), bias)
    return _ops.reshape(result, (*head, outputs))
