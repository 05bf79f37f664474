"""Elements and slices picked, written and added by index tensors and masks.

This file is parsed by tools/opgen and never imported.
"""

from opgen.stubs import Number, Tensor, opaque


@opaque(d={"input": "_index_select_backward(g, input.shape, dim, index)"}, out_variant=True,
        samples=[{"input": "randn(4, 3)", "dim": "0", "index": "randint(0, 4, (6,))"},
                 {"input": "randn(4, 3)", "dim": "-1", "index": "randint(0, 3, (0,))"}],
        ref="lambda input, dim, index: np.take(input, index, dim)", batch="rule")
def index_select(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """The slices along ``dim`` that the vector ``index`` lists.

    >>> wg.tensor([1, 2, 3]).index_select(0, wg.tensor([2, 0]))
    tensor([3, 1])
    """


@opaque(d={"input": "index_select(g, dim, index)"}, public="", batch="rule")
def _index_select_backward(input: Tensor, size: list[int], dim: int, index: Tensor) -> Tensor:
    """Zeros of ``size`` to which the slices of ``input`` are added."""


@opaque(out_variant=True, d={"input": "g", "source": "index_select(g, dim, index) * _conjugate(alpha)"}, inplace=True,
        samples=[{"input": "randn(4, 3)", "dim": "0", "index": "randint(0, 4, (5,))",
                  "source": "randn(5, 3)"},
                 {"input": "randn(4, 3)", "dim": "1", "index": "randint(0, 3, (2,))",
                  "source": "randn(4, 2)", "alpha": "-2.5"}], batch="rule")
def index_add(input: Tensor, dim: int, index: Tensor, source: Tensor, *,
              alpha: Number = 1) -> Tensor:
    """``input`` with the slices of ``source`` times ``alpha`` added to those that ``index`` lists.

    >>> wg.zeros(3).index_add(0, wg.tensor([1, 1]), wg.ones(2))
    tensor([0., 2., 0.])
    """


@opaque(out_variant=True, d={"input": "index_fill(g, dim, index, 0)", "source": "index_select(g, dim, index)"},
        inplace=True,
        samples=[{"input": "randn(4, 3)", "dim": "0", "index": "[3, 1]", "source": "randn(2, 3)"}], batch="rule")
def index_copy(input: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor:
    """``input`` with the slices of ``source`` in place of those that ``index`` lists.

    >>> wg.zeros(3).index_copy(0, wg.tensor([2]), wg.ones(1))
    tensor([0., 0., 1.])
    """


@opaque(d={"input": "index_fill(g, dim, index, 0)", "value": "sum(_index_kept(g, dim, index))"},
        inplace=True,
        samples=[{"input": "randn(4, 3)", "dim": "0", "index": "[3, 1]", "value": "2.5"},
                 {"input": "randn(4, 3)", "dim": "-1", "index": "[0]", "value": "randn()"}], batch="rule")
def index_fill(input: Tensor, dim: int, index: Tensor, value: Tensor | Number) -> Tensor:
    """``input`` with one value in the slices that ``index`` lists.

    >>> wg.zeros(3).index_fill(0, wg.tensor([0, 2]), 7)
    tensor([7., 0., 7.])
    """


@opaque(d={"input": "_index_kept(g, dim, index)"}, public="", batch="rule")
def _index_kept(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """The slices that ``index`` lists, and zeros in place of the others."""


@opaque(d={"input": "_gather_backward(g, input.shape, dim, index)"}, out_variant=True,
        samples=[{"input": "randn(4, 3)", "dim": "0", "index": "randint(0, 4, (2, 3))"},
                 {"input": "randn(4, 3)", "dim": "-1", "index": "randint(0, 3, (2, 5))"}])
def gather(input: Tensor, dim: int, index: Tensor, *, sparse_grad: bool = False) -> Tensor:
    """Elements picked along ``dim``: ``out[i][j] = input[i][index[i][j]]`` for dim 1 of 2.

    >>> wg.tensor([[1, 2], [3, 4]]).gather(1, wg.tensor([[1], [0]]))
    tensor([[2],
            [3]])
    """


@opaque(d={"input": "gather(g, dim, index)"}, public="")
def _gather_backward(input: Tensor, size: list[int], dim: int, index: Tensor) -> Tensor:
    """Zeros of ``size`` to which the elements of ``input`` are added."""


@opaque(d={"input": "scatter(g, dim, index, 0)", "src": "_grown(gather(g, dim, index), src.shape)"}, inplace=True, public="",
        samples=[{"input": "randn(4, 3)", "dim": "0", "index": "[[0, 1, 2]]", "src": "randn(1, 3)"},
                 {"input": "randn(4, 3)", "dim": "1", "index": "[[2], [0]]", "src": "0.5"}])
def scatter(input: Tensor, dim: int, index: Tensor, src: Tensor | Number) -> Tensor:
    """``input`` with the elements of ``src`` written along ``dim``:
    ``out[i][index[i][j]] = src[i][j]`` for dim 1 of 2. The inverse of ``gather``.

    >>> wg.zeros(3).scatter(0, wg.tensor([2, 0]), wg.tensor([5.0, 6.0]))
    tensor([6., 0., 5.])
    """


@opaque(d={"input": "_shrunk(g, input.shape)"}, public="")
def _grown(input: Tensor, size: list[int]) -> Tensor:
    """``input`` followed by zeros in every dimension that ``size`` has more of."""


@opaque(d={"input": "_grown(g, input.shape)"}, public="")
def _shrunk(input: Tensor, size: list[int]) -> Tensor:
    """The first ``size`` elements of every dimension."""


@opaque(d={"input": "g", "src": "_grown(gather(g, dim, index), src.shape)"}, inplace=True,
        samples=[{"input": "randn(4, 3)", "dim": "0", "index": "randint(0, 4, (6, 3))",
                  "src": "randn(6, 3)"},
                 {"input": "randn(4, 3)", "dim": "-1", "index": "randint(0, 3, (2, 2))",
                  "src": "randn(3, 4)"}])
def scatter_add(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """``scatter`` that adds to what is there.

    >>> wg.zeros(3).scatter_add(0, wg.tensor([2, 2]), wg.ones(2))
    tensor([0., 0., 2.])
    """


@opaque(d={"input, src": "scatter_reduce_vjp(g, input, dim, index, src, reduce, include_self, y)"},
        inplace=True,
        samples=[{"input": "randn(4, 3)", "dim": "0", "index": "randint(0, 4, (6, 3))",
                  "src": "randn(6, 3)", "reduce": "'sum'"},
                 {"input": "randn(4, 3)", "dim": "0", "index": "randint(0, 4, (6, 3))",
                  "src": "randn(6, 3)", "reduce": "'mean'"},
                 {"input": "randn(4, 3)", "dim": "0", "index": "randint(0, 4, (6, 3))",
                  "src": "randn(6, 3)", "reduce": "'amax'", "include_self": "False"},
                 {"input": "randn(4, 3)", "dim": "1", "index": "randint(0, 3, (4, 2))",
                  "src": "randn(4, 2)", "reduce": "'prod'"}])
def scatter_reduce(input: Tensor, dim: int, index: Tensor, src: Tensor, reduce: str, *,
                   include_self: bool = True) -> Tensor:
    """``scatter`` that combines with what is there: reduce is "sum", "prod", "mean", "amax" or
    "amin". Without ``include_self``, elements that are written to start afresh.

    >>> wg.ones(2).scatter_reduce(0, wg.tensor([0, 0]), wg.tensor([2.0, 3.0]), "prod")
    tensor([6., 1.])
    """


@opaque(d={"input": "_take_backward(g, input.shape, index)"}, out_variant=True,
        samples=[{"input": "randn(4, 3)", "index": "[[0, 11], [-1, 5]]"}],
        ref="lambda input, index: np.take(input, index)", batch="rule")
def take(input: Tensor, index: Tensor) -> Tensor:
    """Elements by their position in the flattened tensor.

    >>> wg.tensor([[1, 2], [3, 4]]).take(wg.tensor([0, 3]))
    tensor([1, 4])
    """


@opaque(d={"input": "take(g, index)"}, public="", batch="rule")
def _take_backward(input: Tensor, size: list[int], index: Tensor) -> Tensor:
    """Zeros of ``size`` to which the elements of ``input`` are added."""


@opaque(d={"input": "g if accumulate else put(g, index, _zeros(source.shape, g.dtype))",
           "source": "reshape(take(g, index), source.shape)"}, inplace=True,
        samples=[{"input": "randn(4, 3)", "index": "[0, 11, -2]", "source": "randn(3)"},
                 {"input": "randn(4)", "index": "[0, 3, 0]", "source": "randn(3)",
                  "accumulate": "True"}], batch="rule")
def put(input: Tensor, index: Tensor, source: Tensor, accumulate: bool = False) -> Tensor:
    """``input`` with the elements of ``source`` written (or added) at positions of the flattened
    tensor.

    >>> wg.zeros(3).put(wg.tensor([1]), wg.tensor([5.0]))
    tensor([0., 5., 0.])
    """


@opaque(d={"input": "masked_scatter(_zeros(input.shape, g.dtype), mask, g)"}, out_variant=True,
        samples=[{"input": "randn(4, 3)", "mask": "randn(4, 3) > 0"},
                 {"input": "randn(4, 1)", "mask": "randn(3) > 0"}],
        ref="lambda input, mask: np.broadcast_arrays(input, mask)[0][np.broadcast_arrays(input, mask)[1]]", batch="dynamic")
def masked_select(input: Tensor, mask: Tensor) -> Tensor:
    """The elements where ``mask`` holds, as a vector.

    >>> wg.tensor([1, 2, 3]).masked_select(wg.tensor([True, False, True]))
    tensor([1, 3])
    """


@opaque(d={"input": "masked_fill(g, mask, 0)",
           "source": "_masked_scatter_backward(g, mask, source.shape)"}, inplace=True,
        samples=[{"input": "randn(4, 3)", "mask": "randn(4, 3) > 0", "source": "randn(12)"},
                 {"input": "randn(4, 1)", "mask": "randn(3) > 0", "source": "randn(5, 3)"}], batch="rule")
def masked_scatter(input: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """``input`` with the first elements of ``source``, in order, where ``mask`` holds.

    >>> wg.zeros(3).masked_scatter(wg.tensor([True, False, True]), wg.tensor([1.0, 2.0]))
    tensor([1., 0., 2.])
    """


@opaque(d={"input": "masked_scatter(_zeros(input.shape, g.dtype), mask, g)"}, public="", batch="rule")
def _masked_scatter_backward(input: Tensor, mask: Tensor, size: list[int]) -> Tensor:
    """The elements where ``mask`` holds, followed by zeros, in a tensor of ``size``."""


@opaque(d={"weight": "_embedding_backward(g, weight.shape, input, padding_idx, scale_grad_by_freq)"},
        public="nn",
        samples=[{"input": "randint(0, 5, (2, 3))", "weight": "randn(5, 4)"},
                 {"input": "[1, 1, 2]", "weight": "randn(5, 4)", "padding_idx": "1"},
                 {"input": "[1, 1, 2]", "weight": "randn(5, 4)", "scale_grad_by_freq": "True"}],
        ref="lambda input, weight, padding_idx=None, scale_grad_by_freq=False: weight[input]", batch="rule")
def embedding(input: Tensor, weight: Tensor, padding_idx: int | None = None,
              scale_grad_by_freq: bool = False) -> Tensor:
    """The rows of ``weight`` that the integers ``input`` name. The row ``padding_idx`` gets no
    gradient; ``scale_grad_by_freq`` divides a row's by how often it was looked up."""


@opaque(d={"input": "_embedding_rows(g, index, padding_idx, scale_grad_by_freq)"}, public="", batch="rule")
def _embedding_backward(input: Tensor, size: list[int], index: Tensor, padding_idx: int | None,
                        scale_grad_by_freq: bool) -> Tensor:
    """Zeros of ``size`` to which the rows of ``input`` are added."""


@opaque(d={"input": "_embedding_backward(g, input.shape, index, padding_idx, scale_grad_by_freq)"},
        public="", batch="rule")
def _embedding_rows(input: Tensor, index: Tensor, padding_idx: int | None,
                    scale_grad_by_freq: bool) -> Tensor:
    """The adjoint of ``_embedding_backward``: rows of ``input``, zeros for the row
    ``padding_idx``, each divided by how often it is looked up where that is asked for."""


@opaque(public="")
def _one_hot(input: Tensor, num_classes: int) -> Tensor:
    """Class numbers as rows of zeros with a single one, int64."""


@opaque(public="", batch="dynamic")
def _repeat_interleave_index(repeats: Tensor) -> Tensor:
    """The position i, ``repeats[i]`` times, for each i in order."""
