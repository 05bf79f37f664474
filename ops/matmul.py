"""Products of vectors, matrices and batches of matrices.

This file is parsed by tools/opgen and never imported. All derivatives are ``_matmul`` again. It
reads each operand in one of four modes: 0 as it is, 1 transposed, 2 conjugated, 3 both; so the
mode of an adjoint is `mode ^ 3`.
"""

from opgen.stubs import Number, Tensor, bilinear, opaque


@bilinear(d={"input": "_matmul(other, g, other_mode ^ 3 ^ input_mode, input_mode, input.shape)"
                      " if input_mode & 1 else"
                      " _matmul(g, other, input_mode, other_mode ^ 3 ^ input_mode, input.shape)",
             "other": "_matmul(g, input, other_mode, input_mode ^ 3 ^ other_mode, other.shape)"
                      " if other_mode & 1 else"
                      " _matmul(input, g, input_mode ^ 3 ^ other_mode, other_mode, other.shape)"},
          public="",
          samples=[{"input": "randn(2, 3)", "other": "randn(3, 4)", "input_mode": 0, "other_mode": 0,
                    "size": []},
                   {"input": "randn(5, 3, 2)", "other": "randn(5, 4, 3)", "input_mode": 1,
                    "other_mode": 1, "size": []},
                   {"input": "randn(5, 3, 2)", "other": "randn(5, 3, 4)", "input_mode": 3,
                    "other_mode": 2, "size": [2, 4]},
                   {"input": "randn(2, 1, 3, 2)", "other": "randn(5, 2, 4)", "input_mode": 0,
                    "other_mode": 0, "size": []},
                   {"input": "randn(2, 5, 3, 2)", "other": "randn(2, 5, 2, 4)", "input_mode": 0,
                    "other_mode": 0, "size": [5, 3, 4]}], batch="rule")
def _matmul(input: Tensor, other: Tensor, input_mode: int = 0, other_mode: int = 0,
            size: list[int] = ()) -> Tensor:
    """Matrix products over broadcast batches, summed down to ``size`` (nothing if it is empty)."""


@opaque(autocast="low", operators="__matmul__", out_variant=True, ref="numpy.matmul",
        samples=[{"input": "randn(2, 3)", "other": "randn(3, 4)"},
                 {"input": "randn(5, 2, 3)", "other": "randn(3, 4)"},
                 {"input": "randn(2, 1, 3, 4)", "other": "randn(5, 4, 2)"},
                 {"input": "randn(3)", "other": "randn(5, 3, 2)"},
                 {"input": "randn(2, 5, 3)", "other": "randn(3)"},
                 {"input": "randn(3)", "other": "randn(3)"},
                 {"input": "randn(2, 0)", "other": "randn(0, 3)"}], batch="through")
def matmul(input: Tensor, other: Tensor) -> Tensor:
    """The matrix product over the last two dimensions; the leading ones broadcast.

    A vector on the left counts as a row, one on the right as a column, and its dimension is
    missing from the result. Raises RuntimeError where shapes or dtypes do not fit.

    >>> wg.matmul(wg.tensor([[1, 2], [3, 4]]), wg.tensor([5, 6]))
    tensor([17, 39])
    """


@bilinear(autocast="low", d={"input": "_matmul(g, mat2, 0, 3, input.shape)",
             "mat2": "_matmul(input, g, 3, 0, mat2.shape)"}, out_variant=True, ref="numpy.matmul",
          samples=[{"input": "randn(2, 3)", "mat2": "randn(3, 4)"},
                   {"input": "randn(2, 0)", "mat2": "randn(0, 3)"}], batch="rule")
def mm(input: Tensor, mat2: Tensor) -> Tensor:
    """The product of two matrices, [m, k] and [k, n].

    >>> wg.mm(wg.tensor([[1, 2], [3, 4]]), wg.tensor([[1, 0], [1, 1]]))
    tensor([[3, 2],
            [7, 4]])
    """


@bilinear(autocast="low", d={"input": "_matmul(g, mat2, 0, 3, input.shape)",
             "mat2": "_matmul(input, g, 3, 0, mat2.shape)"}, out_variant=True, ref="numpy.matmul",
          samples=[{"input": "randn(2, 3, 4)", "mat2": "randn(2, 4, 5)"},
                   {"input": "randn(0, 3, 4)", "mat2": "randn(0, 4, 5)"}], batch="rule")
def bmm(input: Tensor, mat2: Tensor) -> Tensor:
    """The products of two batches of matrices, [b, m, k] and [b, k, n].

    >>> wg.bmm(wg.ones(2, 3, 4), wg.ones(2, 4, 5)).shape
    wengert.Size([2, 3, 5])
    """


@bilinear(d={"input": "_matmul(unsqueeze(g, 1), unsqueeze(vec, 1), 0, 3)",
             "vec": "squeeze(_matmul(input, unsqueeze(g, 1), 3, 0), [1])"}, out_variant=True,
          ref="numpy.matmul",
          samples=[{"input": "randn(2, 3)", "vec": "randn(3)"},
                   {"input": "randn(2, 0)", "vec": "randn(0)"}], batch="rule")
def mv(input: Tensor, vec: Tensor) -> Tensor:
    """The product of a matrix [m, k] and a vector [k].

    >>> wg.mv(wg.tensor([[1, 2], [3, 4]]), wg.tensor([5, 6]))
    tensor([17, 39])
    """


@bilinear(d={"input": "g * _conjugate(tensor)", "tensor": "g * _conjugate(input)"},
          out_variant=True, ref="numpy.dot",
          samples=[{"input": "randn(3)", "tensor": "randn(3)"},
                   {"input": "randn(0)", "tensor": "randn(0)"}], batch="rule")
def dot(input: Tensor, tensor: Tensor) -> Tensor:
    """The sum of the products of two vectors.

    >>> wg.dot(wg.tensor([1, 2]), wg.tensor([3, 4]))
    tensor(11)
    """


@opaque(autocast="low", d={"input": "_scaled(g, beta)",
           "mat1": "_scaled(_matmul(g, mat2, 0, 3, mat1.shape), alpha)",
           "mat2": "_scaled(_matmul(mat1, g, 3, 0, mat2.shape), alpha)"},
        inplace=True, out_variant=True,
        ref="lambda input, mat1, mat2, beta=1, alpha=1: beta * input + alpha * (mat1 @ mat2)",
        samples=[{"input": "randn(4)", "mat1": "randn(2, 3)", "mat2": "randn(3, 4)"},
                 {"input": "randn(2, 4)", "mat1": "randn(2, 3)", "mat2": "randn(3, 4)",
                  "beta": 0.5, "alpha": -2},
                 {"input": "randn(2, 1)", "mat1": "randn(2, 0)", "mat2": "randn(0, 4)"}], batch="rule", jvp={"input": "t * beta", "mat1": "_matmul(t, mat2) * alpha", "mat2": "_matmul(mat1, t) * alpha"})
def addmm(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: Number = 1,
          alpha: Number = 1) -> Tensor:
    """``beta * input + alpha * (mat1 @ mat2)``, where ``input`` broadcasts to the product.

    With ``beta=0`` NaN in ``input`` does not count.

    >>> wg.addmm(wg.tensor([1, 2]), wg.tensor([[1, 2]]), wg.tensor([[1, 0], [0, 1]]))
    tensor([[2, 4]])
    """


@opaque(autocast="low", d={"input": "_scaled(g, beta)",
           "batch1": "_scaled(_matmul(g, batch2, 0, 3, batch1.shape), alpha)",
           "batch2": "_scaled(_matmul(batch1, g, 3, 0, batch2.shape), alpha)"},
        inplace=True, out_variant=True,
        ref="lambda input, batch1, batch2, beta=1, alpha=1:"
            " beta * input + alpha * (batch1 @ batch2)",
        samples=[{"input": "randn(4)", "batch1": "randn(5, 2, 3)", "batch2": "randn(5, 3, 4)"},
                 {"input": "randn(5, 2, 4)", "batch1": "randn(5, 2, 3)",
                  "batch2": "randn(5, 3, 4)", "beta": 0.5, "alpha": -2}], batch="rule", jvp={"input": "t * beta", "batch1": "_matmul(t, batch2) * alpha", "batch2": "_matmul(batch1, t) * alpha"})
def baddbmm(input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: Number = 1,
            alpha: Number = 1) -> Tensor:
    """``beta * input + alpha * bmm(batch1, batch2)``, where ``input`` broadcasts to the product.

    >>> wg.baddbmm(wg.ones(3), wg.ones(2, 3, 4), wg.ones(2, 4, 3)).shape
    wengert.Size([2, 3, 3])
    """


@opaque(d={"input": "_matmul(g, weight, 0, 2, input.shape)",
           "weight": "_matmul(g, input, 1, 2, weight.shape)", "bias": "g"}, public="",
        samples=[{"input": "randn(2, 3)", "weight": "randn(4, 3)", "bias": "randn(4)"},
                 {"input": "randn(5, 2, 3)", "weight": "randn(4, 3)", "bias": "None"}], batch="rule", jvp="bilinear")
def _linear(input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """``linear`` of a matrix of weights and a vector of biases, or none."""


@opaque(autocast="low", public="nn",
        ref="lambda input, weight, bias=None: input @ weight.T + (0 if bias is None else bias)",
        samples=[{"input": "randn(2, 3)", "weight": "randn(4, 3)", "bias": "randn(4)"},
                 {"input": "randn(5, 2, 3)", "weight": "randn(4, 3)"},
                 {"input": "randn(3)", "weight": "randn(4, 3)", "bias": "randn(4)"},
                 {"input": "randn(5, 3)", "weight": "randn(3)", "bias": "randn(1)"},
                 {"input": "randn(0, 3)", "weight": "randn(4, 3)", "bias": "randn(4)"}], batch="through")
def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``input @ weight.T + bias``, for an ``input`` [..., k] and a ``weight`` [n, k].

    >>> wg.nn.functional.linear(wg.tensor([1.0, 2.0]), wg.tensor([[3.0, 4.0]]))
    tensor([11.])
    """


@opaque(public="", batch="through")
def _scaled(input: Tensor, factor: Number) -> Tensor:
    """``input`` times the conjugate of ``factor``; itself where that is 1."""


@opaque(public="", batch="through")
def _conjugate(input: Tensor) -> Tensor:
    """``conj`` of complex tensors; real ones are returned as they are."""
