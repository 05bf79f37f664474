"""Sorting, selection, distinct values, binary search and histograms.

This file is parsed by tools/opgen and never imported.
"""

from opgen.stubs import Number, Tensor, opaque


@opaque(d={"input": "_gather_backward(g0, input.shape, dim, y1)"}, out_variant=True,
        fields="values indices",
        samples=[{"input": "distinct(3, 4)"}, {"input": "randn(2, 3, 2)", "dim": 1, "descending": True},
                 {"input": "distinct(0, 3)", "dim": 0}], jvp={"input": "gather(t, dim, y1)"})
def sort(input: Tensor, dim: int = -1, descending: bool = False, *,
         stable: bool = False) -> tuple[Tensor, Tensor]:
    """The elements sorted along ``dim``, and where they were. NaN is the greatest value; equal
    elements stay in order.

    >>> wg.tensor([3.0, 1.0, 2.0]).sort()[0]
    tensor([1., 2., 3.])
    """


@opaque(d={"input": "_gather_backward(g0, input.shape, dim, y1)"}, out_variant=True,
        fields="values indices",
        samples=[{"input": "distinct(3, 4)", "k": 2},
                 {"input": "distinct(2, 5, 2)", "k": 3, "dim": 1, "largest": False}], jvp={"input": "gather(t, dim, y1)"})
def topk(input: Tensor, k: int, dim: int = -1, largest: bool = True,
         sorted: bool = True) -> tuple[Tensor, Tensor]:
    """The ``k`` largest (or smallest) elements along ``dim``, sorted, and where they were.

    >>> wg.tensor([3.0, 1.0, 2.0]).topk(2)[0]
    tensor([3., 2.])
    """


@opaque(d={"input": "_pick_gradient(g0, y1, input.shape, dim, keepdim)"}, out_variant=True,
        fields="values indices",
        samples=[{"input": "distinct(3, 4)", "k": 2},
                 {"input": "distinct(2, 5, 2)", "k": 3, "dim": 1, "keepdim": True}],
        jvp={"input": "gather(t, dim, y1) if keepdim else squeeze(gather(t, dim, unsqueeze(y1, dim)), [dim])"})
def kthvalue(input: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> tuple[Tensor, Tensor]:
    """The ``k``-th smallest element along ``dim`` (the smallest for k = 1), and where it was.

    >>> wg.tensor([3.0, 1.0, 2.0]).kthvalue(2)[0]
    tensor(2.)
    """


@opaque(d={"input": "_pick_gradient(g0, y1, input.shape, dim, keepdim)"}, public="",
        samples=[{"input": "distinct(3, 4)", "dim": 1, "keepdim": False, "ignore_nan": False},
                 {"input": "distinct(2, 5, 2)", "dim": 1, "keepdim": True, "ignore_nan": True}],
        jvp={"input": "gather(t, dim, y1) if keepdim else squeeze(gather(t, dim, unsqueeze(y1, dim)), [dim])"})
def _median(input: Tensor, dim: int, keepdim: bool, ignore_nan: bool) -> tuple[Tensor, Tensor]:
    """The lower median along ``dim`` and its place. A NaN wins unless it is ignored."""


@opaque(public="", batch="dynamic")
def _unique(input: Tensor, sorted: bool, return_inverse: bool,
            return_counts: bool) -> tuple[Tensor, Tensor, Tensor]:
    """The sorted distinct elements, the number of each element's kind, and how many there are."""


@opaque(public="", batch="dynamic")
def _unique_consecutive(input: Tensor, return_inverse: bool,
                        return_counts: bool) -> tuple[Tensor, Tensor, Tensor]:
    """``_unique`` in which only equal neighbours are the same."""


@opaque(public="", batch="dynamic")
def _unique_slices(input: Tensor, dim: int, consecutive: bool, return_inverse: bool,
                   return_counts: bool) -> tuple[Tensor, Tensor, Tensor]:
    """``_unique`` of the slices along ``dim``, in lexicographic order."""


@opaque(out_variant=True, public="function",
        samples=[{"sorted_sequence": "[1.0, 2.0, 3.0]", "input": "distinct(4)"},
                 {"sorted_sequence": "[1.0, 2.0, 2.0, 3.0]", "input": 2.0, "right": True}], batch="rule")
def searchsorted(sorted_sequence: Tensor, input: Tensor | Number, *, out_int32: bool = False,
                 right: bool = False, side: str | None = None,
                 sorter: Tensor | None = None) -> Tensor:
    """Where each element of ``input`` is to be inserted to keep the last dimension of
    ``sorted_sequence`` in order: before equal elements, or after them with ``right``.

    side: "left" or "right" instead of ``right``. sorter: the places that sort the sequence.

    >>> wg.searchsorted(wg.tensor([1, 3, 5]), wg.tensor([3, 4]))
    tensor([1, 2])
    """


@opaque(samples=[{"input": "randint(0, 5, (6,))"},
                 {"input": "randint(0, 5, (6,))", "weights": "distinct(6)", "minlength": 9}], batch="dynamic")
def bincount(input: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """How often each of the numbers 0, 1, 2, ... occurs; or the sums of the ``weights`` of each.

    >>> wg.tensor([0, 2, 2]).bincount()
    tensor([1, 0, 2])
    """


@opaque(out_variant=True, samples=[{"input": "distinct(20)", "bins": 4, "min": -1, "max": 1},
                                   {"input": "distinct(20)", "bins": 4}], batch="rule")
def histc(input: Tensor, bins: int = 100, min: Number = 0, max: Number = 0) -> Tensor:
    """How many elements fall into each of ``bins`` equal intervals from ``min`` to ``max``, or
    over the range of the data where these are equal.

    >>> wg.tensor([1.0, 2.0, 1.0]).histc(2, 1, 2)
    tensor([2., 1.])
    """


@opaque(public="", samples=[{"input": "distinct(2, 20)", "bins": 4, "min": -1, "max": 1},
                            {"input": "randn(3, 2, 5)", "bins": 4, "min": 0, "max": 0}], batch="shift")
def _histc_rows(input: Tensor, bins: int, min: Number, max: Number) -> Tensor:
    """``histc`` of every row along the last dimension."""
