"""Sparse tensors in coordinate format."""

from __future__ import annotations

import math
from typing import Any

import wengert as wg

__all__ = ["SparseTensor", "make", "of_dense"]


def _shown(name: str, value: wg.Tensor) -> str:
    dtype = str(value.dtype).rpartition(".")[2]
    return f"\n  {name}: {dtype}{list(value.shape)} {value.device}"


class SparseTensor:
    """The places and values of the entries that are stored; the others are zero.

    Entries of the same place count as their sum, until :meth:`coalesce` adds them. Made by
    :func:`wengert.sparse_coo_tensor`.

    Derivatives go through the values: where they require a gradient, so does what is computed.

    >>> import wengert as wg
    >>> s = wg.sparse_coo_tensor([[0, 1, 1], [1, 0, 0]], [1.0, 2.0, 3.0], (2, 2))
    >>> s.to_dense()
    tensor([[0., 1.],
            [5., 0.]])
    >>> s.coalesce().values()
    tensor([1., 5.])
    """

    is_sparse = True
    is_sparse_csr = False
    layout = wg.sparse_coo

    def __init__(
        self, indices: wg.Tensor, values: wg.Tensor, size: Any, coalesced: bool = False
    ) -> None:
        self._places = indices
        self._entries = values
        self._size = wg.Size(size)
        self._coalesced = coalesced

    # ---- what there is ----

    @property
    def shape(self) -> wg.Size:
        """The shape, zeros included."""
        return self._size

    def size(self, dim: int | None = None) -> Any:
        """The shape, or one length of it."""
        return self._size if dim is None else self._size[dim]

    def dim(self) -> int:
        """The number of dimensions."""
        return len(self._size)

    ndim = property(dim)

    def numel(self) -> int:
        """The number of elements, zeros included."""
        return math.prod(self._size)

    def sparse_dim(self) -> int:
        """How many dimensions the places have."""
        return self._places.shape[0]

    def dense_dim(self) -> int:
        """How many dimensions the values have, each."""
        return self._entries.dim() - 1

    @property
    def dtype(self) -> Any:
        """The dtype of the values."""
        return self._entries.dtype

    @property
    def device(self) -> Any:
        """Where the values are."""
        return self._entries.device

    @property
    def requires_grad(self) -> bool:
        """Whether the values require a gradient."""
        return self._entries.requires_grad

    @property
    def is_leaf(self) -> bool:
        """Whether the values were not computed."""
        return self._entries.is_leaf

    @property
    def grad(self) -> SparseTensor | None:
        """The gradient of the values, at their places."""
        grad = self._entries.grad
        if grad is None:
            return None
        return SparseTensor(self._places, grad, self._size, self._coalesced)

    def requires_grad_(self, requires_grad: bool = True) -> SparseTensor:
        """Makes the values require a gradient."""
        self._entries.requires_grad_(requires_grad)
        return self

    def is_coalesced(self) -> bool:
        """Whether the places are known to be sorted and each to be there once."""
        return self._coalesced

    def is_floating_point(self) -> bool:
        """Whether the values are."""
        return self._entries.is_floating_point()

    def is_complex(self) -> bool:
        """Whether the values are."""
        return self._entries.is_complex()

    def _indices(self) -> wg.Tensor:
        return self._places

    def _values(self) -> wg.Tensor:
        return self._entries

    def _nnz(self) -> int:
        return self._places.shape[1]

    def _must_be_coalesced(self, what: str) -> None:
        if not self._coalesced:
            raise RuntimeError(
                f"Cannot get {what} on an uncoalesced tensor, please call .coalesce() first"
            )

    def indices(self) -> wg.Tensor:
        """The places [sparse_dim, nnz], sorted; of a coalesced tensor."""
        self._must_be_coalesced("indices")
        return self._places

    def values(self) -> wg.Tensor:
        """The values [nnz, ...]; of a coalesced tensor."""
        self._must_be_coalesced("values")
        return self._entries

    def __len__(self) -> int:
        return self._size[0]

    def __repr__(self) -> str:
        def indented(value: wg.Tensor, start: str) -> str:
            return repr(value).replace("\n", "\n" + " " * len("tensor(" + start))

        entries = self._entries.detach()
        text = indented(entries, "values=")
        dtype = f", dtype={self.dtype}"
        parts = ["indices=" + indented(self._places, "indices=")]
        parts.append("values=" + text.replace(dtype, ""))
        rest = f"size={tuple(self._size)}, nnz={self._nnz()}"
        if dtype in text:
            rest += dtype
        rest += f", layout={self.layout!r}"
        if self._entries.grad_fn is not None:
            rest += f", grad_fn=<{self._entries.grad_fn.name()}>"
        elif self.requires_grad:
            rest += ", requires_grad=True"
        return "tensor(" + ",\n       ".join([*parts, rest]) + ")"

    # ---- other forms ----

    def _flat_places(self) -> wg.Tensor:
        """The place of each entry in the row-major order of the sparse dimensions."""
        place = wg.zeros(self._nnz(), dtype=wg.int64)
        for index, length in zip(self._places, self._size, strict=False):
            place = place * length + index
        return place

    def coalesce(self) -> SparseTensor:
        """The same, with the entries of each place added up, and sorted."""
        if self._coalesced:
            return self
        place, group = self._flat_places().unique(return_inverse=True)
        entries = self._entries
        counts = (place.numel(), *entries.shape[1:])
        values = wg.zeros(counts, dtype=entries.dtype).index_add(0, group, entries)
        rows = []
        for length in reversed(self._size[: self.sparse_dim()]):
            rows.append(place % length)
            place = place // length
        indices = wg.stack(rows[::-1]) if rows else self._places[:, :1]
        return SparseTensor(indices, values, self._size, True)

    def to_dense(self, dtype: Any = None, *, masked_grad: bool = True) -> wg.Tensor:
        """All elements, zeros included."""
        entries = self._entries if dtype is None else self._entries.to(dtype)
        count = math.prod(self._size[: self.sparse_dim()])
        whole = wg.zeros((count, *entries.shape[1:]), dtype=entries.dtype)
        if entries.dtype is wg.bool:
            summed = whole.to(wg.int64).index_add(0, self._flat_places(), entries.to(wg.int64))
            return (summed != 0).reshape(self._size)
        return whole.index_add(0, self._flat_places(), entries).reshape(self._size)

    def to_sparse(self, *args: Any, **kwargs: Any) -> SparseTensor:
        """Itself."""
        return self

    to_sparse_coo = to_sparse

    def _with(self, values: wg.Tensor) -> SparseTensor:
        return SparseTensor(self._places, values, self._size, self._coalesced)

    def to(self, *args: Any, **kwargs: Any) -> SparseTensor:
        """As ``Tensor.to``, of the values."""
        return self._with(self._entries.to(*args, **kwargs))

    def type(self, dtype: Any) -> SparseTensor:
        """The values in another dtype."""
        return self._with(self._entries.to(dtype))

    def float(self) -> SparseTensor:
        """The values as float32."""
        return self._with(self._entries.float())

    def double(self) -> SparseTensor:
        """The values as float64."""
        return self._with(self._entries.double())

    def cpu(self) -> SparseTensor:
        """Itself."""
        return self._with(self._entries.cpu())

    def cuda(self, *args: Any, **kwargs: Any) -> SparseTensor:
        """As ``Tensor.cuda``."""
        return self._with(self._entries.cuda(*args, **kwargs))

    def detach(self) -> SparseTensor:
        """The same without a history."""
        return self._with(self._entries.detach())

    def clone(self) -> SparseTensor:
        """A copy."""
        return SparseTensor(
            self._places.clone(), self._entries.clone(), self._size, self._coalesced
        )

    def t(self) -> SparseTensor:
        """The transpose of a matrix."""
        if self.dim() > 2:
            raise RuntimeError(
                f"t() expects a tensor with <= 2 dimensions, but self is {self.dim()}D"
            )
        return self.transpose(0, 1) if self.dim() == 2 else self

    T = property(t)

    def transpose(self, dim0: int, dim1: int) -> SparseTensor:
        """Two sparse dimensions swapped."""
        count = self.sparse_dim()
        a, b = (d % self.dim() for d in (dim0, dim1))
        if max(a, b) >= count:
            raise RuntimeError(
                "transpose(): only sparse dimensions of a sparse tensor can be swapped"
            )
        order = list(range(self.dim()))
        order[a], order[b] = b, a
        size = [self._size[d] for d in order]
        return SparseTensor(self._places[order[:count]], self._entries, size)

    # ---- arithmetic ----

    def __neg__(self) -> SparseTensor:
        return self._with(-self._entries)

    def _scaled(self, name: str, other: Any) -> wg.Tensor:
        """What the values are multiplied by or divided by: a number, or one per entry."""
        if not isinstance(other, wg.Tensor) or other.dim() == 0:
            return other
        if self.dense_dim():
            raise NotImplementedError(
                f"{name}(): a sparse tensor whose values are not numbers; use to_dense()"
                + _shown("other", other)
            )
        return other.expand(self._size)[tuple(self._places)]

    def __mul__(self, other: Any) -> SparseTensor:
        if isinstance(other, SparseTensor):
            if self._size != other._size or self.dense_dim() or other.dense_dim():
                raise RuntimeError(
                    f"mul operands have incompatible sizes {self._size}, {other._size}"
                )
            ours, theirs = self.coalesce(), other.coalesce()
            place, place_of_other = ours._flat_places(), theirs._flat_places()
            # Where a place of ours is among the others, which are sorted.
            at = wg.searchsorted(place_of_other, place).clamp(max=max(theirs._nnz() - 1, 0))
            both = wg.zeros_like(place, dtype=wg.bool)
            if theirs._nnz():
                both = place_of_other[at] == place
            product = ours._entries[both] * theirs._entries[at[both]]
            return SparseTensor(ours._places[:, both], product, self._size, True)
        # The sum of products is the product of the sum, so no entries need to be added first.
        return self._with(self._entries * self._scaled("mul", other))

    __rmul__ = mul = __mul__

    def __truediv__(self, other: Any) -> SparseTensor:
        if isinstance(other, SparseTensor):
            raise RuntimeError(
                "div(): sparse division requires a dense or scalar divisor; the zeros have no "
                "quotient"
            )
        return self._with(self._entries / self._scaled("div", other))

    div = __truediv__

    def __add__(self, other: Any) -> Any:
        if isinstance(other, wg.Tensor):
            return self.to_dense() + other
        if not isinstance(other, SparseTensor):
            return NotImplemented
        if self._size != other._size or self.sparse_dim() != other.sparse_dim():
            raise RuntimeError(
                "add: expected sizes of 'self' and 'other' to match, but "
                f"{self._size} != {other._size}"
            )
        places = wg.cat([self._places, other._places], 1)
        dtype = wg.promote_types(self.dtype, other.dtype)
        values = wg.cat([self._entries.to(dtype), other._entries.to(dtype)])
        return SparseTensor(places, values, self._size)

    __radd__ = add = __add__

    def __sub__(self, other: Any) -> Any:
        return self + -other

    sub = __sub__

    def __rsub__(self, other: Any) -> Any:
        return -self + other

    def pow(self, exponent: Any) -> SparseTensor:
        """The entries to a power above 0, which leaves the zeros zero."""
        if not exponent > 0:
            raise RuntimeError(f"pow: Sparse tensors are not supported for exponent {exponent}")
        new = self.coalesce()
        return new._with(new._entries.pow(exponent))

    __pow__ = pow

    def _zero_preserving(self, name: str) -> SparseTensor:
        new = self.coalesce()
        return new._with(getattr(new._entries, name)())

    def abs(self) -> SparseTensor:
        """The absolute value."""
        return self._zero_preserving("abs")

    def sqrt(self) -> SparseTensor:
        """The square root."""
        return self._zero_preserving("sqrt")

    def relu(self) -> SparseTensor:
        """The entries above zero."""
        return self._zero_preserving("relu")

    def tanh(self) -> SparseTensor:
        """The hyperbolic tangent."""
        return self._zero_preserving("tanh")

    # ---- products and sums ----

    def matmul(self, other: Any) -> wg.Tensor:
        """The product with a dense vector or matrix, which is dense.

        The rows of ``other`` are gathered, scaled and added up by the rows of this matrix.
        """
        if isinstance(other, SparseTensor):
            other = other.to_dense()
        if self.dim() != 2 or self.dense_dim() or not 1 <= other.dim() <= 2:
            raise RuntimeError(
                "matmul(): a sparse matrix times a dense vector or matrix is what there is, but "
                f"got {self.dim()}D and {other.dim()}D"
            )
        if self._size[1] != other.shape[0]:
            raise RuntimeError(
                f"addmm: Argument #3 (dense): Expected dim 0 size {self._size[1]}, got "
                f"{other.shape[0]}" + _shown("self", self._entries) + _shown("other", other)
            )
        if self.dtype != other.dtype:
            raise RuntimeError(
                f"expected m1 and m2 to have the same dtype, but got: {self.dtype} != {other.dtype}"
            )
        row, column = self._places
        factor = self._entries.reshape(-1, *(1,) * (other.dim() - 1))
        scaled = factor * other.index_select(0, column)
        whole = wg.zeros((self._size[0], *other.shape[1:]), dtype=other.dtype)
        return whole.index_add(0, row, scaled)

    __matmul__ = mm = mv = spmm = matmul

    def __rmatmul__(self, other: wg.Tensor) -> wg.Tensor:
        # x @ s = (s.T @ x.T).T
        return self.t().matmul(other.mT if other.dim() == 2 else other).mT

    def sum(self, dim: Any = None, dtype: Any = None) -> Any:
        """The sum of all, or over dimensions: sparse, unless no sparse dimension is left."""
        entries = self._entries if dtype is None else self._entries.to(dtype)
        if dim is None:
            return entries.sum()
        gone = {d % self.dim() for d in ([dim] if isinstance(dim, int) else dim)}
        count = self.sparse_dim()
        dense = [d - count + 1 for d in sorted(gone) if d >= count]
        if dense:
            entries = entries.sum(dense)
        kept = [d for d in range(count) if d not in gone]
        size = [self._size[d] for d in range(self.dim()) if d not in gone]
        if not kept:
            return entries.sum(0)
        return SparseTensor(self._places[kept], entries, size).coalesce()


def make(
    indices: Any,
    values: Any = None,
    size: Any = None,
    *,
    dtype: Any = None,
    requires_grad: bool = False,
    is_coalesced: bool | None = None,
) -> SparseTensor:
    """See :func:`wengert.sparse_coo_tensor`."""
    if values is None:  # sparse_coo_tensor(size)
        if size is None:
            size, indices = indices, None
        size = wg.Size(size)
        values = wg.zeros(0, dtype=dtype)
        if indices is None:
            indices = wg.zeros((len(size), 0), dtype=wg.int64)
    places = wg.as_tensor(indices)
    if places.numel() == 0 and not places.is_floating_point():
        places = places.to(wg.int64)
    if places.is_floating_point() and not bool((places == places.trunc()).all()):
        raise RuntimeError(
            "sparse_coo_tensor(): indices must be whole numbers" + _shown("indices", places)
        )
    places = places.to(wg.int64)
    entries = wg.as_tensor(values, dtype=dtype)
    if places.dim() != 2:
        raise RuntimeError(
            f"indices must be sparse_dim x nnz, but got: {list(places.shape)}"
            + _shown("indices", places)
        )
    if entries.dim() == 0:
        entries = entries.expand(places.shape[1])
    if places.shape[1] != entries.shape[0]:
        raise RuntimeError(
            "indices and values must have same nnz, but got nnz from indices: "
            f"{places.shape[1]}, nnz from values: {entries.shape[0]}"
            + _shown("indices", places)
            + _shown("values", entries)
        )
    count, dense = places.shape[0], entries.shape[1:]
    least = places.min(1).values.tolist() if places.numel() else [0] * count
    most = places.max(1).values.tolist() if places.numel() else [-1] * count
    for d, low in enumerate(least):
        if low < 0:
            raise RuntimeError(f"found negative index {low} for dim {d}")
    if size is None:
        size = (*(high + 1 for high in most), *dense)
    size = wg.Size(size)
    if len(size) != count + len(dense):
        raise RuntimeError(
            f"'len(size) == sparse_dim + dense_dim' is not satisfied: len(size) = {len(size)}, "
            f"sparse_dim = {count}, dense_dim = {len(dense)}"
        )
    for d, high in enumerate(most):
        if high >= size[d]:
            raise RuntimeError(
                f"size is inconsistent with indices: for dim {d}, size is {size[d]} but found "
                f"index {high}"
            )
    if tuple(size[count:]) != tuple(dense):
        raise RuntimeError(
            f"values has incorrect size, expected {[places.shape[1], *size[count:]]}, got "
            f"{list(entries.shape)}"
        )
    if requires_grad:
        entries = entries.detach().requires_grad_()
    return SparseTensor(places, entries, size, bool(is_coalesced) or places.shape[1] < 2)


def of_dense(input: wg.Tensor, sparse_dim: int | None = None) -> SparseTensor:
    """The entries of ``input`` that are not zero; ``sparse_dim`` dimensions make a place."""
    count = input.dim() if sparse_dim is None else sparse_dim
    if not 0 < count <= input.dim():
        raise RuntimeError(
            f"sparse_dim argument must be in >=1 for sparse_dim() and <= {input.dim()}, but is "
            f"{sparse_dim}" + _shown("input", input)
        )
    used = input.detach() != 0
    if count < input.dim():
        used = used.flatten(count).any(-1)
    places = used.nonzero().T
    return SparseTensor(places, input[tuple(places)], input.shape, True)
