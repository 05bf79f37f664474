"""Random tensors, and dropout.

This file is parsed by tools/opgen and never imported. The kernels are in kernels/cpu: counter-based
(Philox), so that results do not depend on the number of threads.
"""

from opgen.stubs import Generator, Number, Tensor, device, dtype, elementwise, memory_format, opaque


@opaque(out_variant=True, public="function", varargs="size", batch="random")
def rand(size: list[int], *, generator: Generator | None = None, dtype: dtype | None = None,
         device: device | None = None, requires_grad: bool = False,
         pin_memory: bool = False) -> Tensor:
    """Numbers drawn uniformly from [0, 1).

    >>> wg.rand(2, 3).shape
    wengert.Size([2, 3])
    """


@opaque(out_variant=True, public="function", varargs="size", batch="random")
def randn(size: list[int], *, generator: Generator | None = None, dtype: dtype | None = None,
          device: device | None = None, requires_grad: bool = False,
          pin_memory: bool = False) -> Tensor:
    """Numbers drawn from the normal distribution of mean 0 and variance 1.

    >>> wg.randn(2, 3).shape
    wengert.Size([2, 3])
    """


@opaque(public="", batch="random")
def _randint(low: int, high: int, size: list[int], generator: Generator | None = None,
             dtype: dtype | None = None, requires_grad: bool = False) -> Tensor:
    """Integers drawn uniformly from ``low`` to ``high - 1``."""


@opaque(out_variant=True, public="function", batch="random")
def randperm(n: int, *, generator: Generator | None = None, dtype: dtype | None = None,
             device: device | None = None, requires_grad: bool = False,
             pin_memory: bool = False) -> Tensor:
    """The integers from 0 to ``n - 1`` in a random order.

    >>> wg.randperm(4).sort()[0]
    tensor([0, 1, 2, 3])
    """


@opaque(public="function", batch="rule")
def rand_like(input: Tensor, *, generator: Generator | None = None, dtype: dtype | None = None,
              device: device | None = None, requires_grad: bool = False,
              pin_memory: bool = False,
              memory_format: memory_format | None = None) -> Tensor:
    """``rand`` with the shape and dtype of ``input``.

    >>> wg.rand_like(wg.zeros(2, 3)).shape
    wengert.Size([2, 3])
    """


@opaque(public="function", batch="rule")
def randn_like(input: Tensor, *, generator: Generator | None = None, dtype: dtype | None = None,
               device: device | None = None, requires_grad: bool = False,
               pin_memory: bool = False,
               memory_format: memory_format | None = None) -> Tensor:
    """``randn`` with the shape and dtype of ``input``.

    >>> wg.randn_like(wg.zeros(2, 3)).shape
    wengert.Size([2, 3])
    """


@opaque(public="function", batch="rule")
def randint_like(input: Tensor, low: int | None = None, high: int | None = None, *,
                 generator: Generator | None = None, dtype: dtype | None = None,
                 device: device | None = None, requires_grad: bool = False,
                 pin_memory: bool = False,
                 memory_format: memory_format | None = None) -> Tensor:
    """Integers from ``low`` (0 if there is one bound only) to ``high - 1``, shaped as ``input``.

    >>> wg.randint_like(wg.zeros(3), 1, 2)
    tensor([1., 1., 1.])
    """


@opaque(out_variant=True, d={"mean": "0", "std": "0"}, public="function", batch="rule")
def normal(mean: Tensor | Number, std: Tensor | Number = 1.0, size: list[int] | None = None, *,
           generator: Generator | None = None, dtype: dtype | None = None,
           device: device | None = None, requires_grad: bool = False,
           pin_memory: bool = False) -> Tensor:
    """Normal numbers, each with its own mean and standard deviation where these are tensors.

    ``size`` is given if and only if both are numbers.

    >>> wg.normal(wg.zeros(3), 0.0)
    tensor([0., 0., 0.])
    """


@opaque(out_variant=True, d={"input": "0"}, public="function method", batch="random")
def bernoulli(input: Tensor, p: float | None = None, *,
              generator: Generator | None = None) -> Tensor:
    """Ones with the probability that ``input`` gives (or ``p``), else zeros.

    >>> wg.bernoulli(wg.tensor([0.0, 1.0]))
    tensor([0., 1.])
    """


@opaque(d={"input": "0"}, public="function", batch="random")
def poisson(input: Tensor, generator: Generator | None = None) -> Tensor:
    """Counts drawn from Poisson distributions with the rates that ``input`` gives.

    >>> wg.poisson(wg.zeros(2))
    tensor([0., 0.])
    """


@opaque(d={"input": "g * _standard_gamma_grad(input, y)"}, public="", batch="random",
        jvp={"input": "t * _standard_gamma_grad(input, y)"})
def _standard_gamma(input: Tensor, generator: Generator | None = None) -> Tensor:
    """Numbers drawn from gamma distributions of these shapes, with scale 1.

    Differentiable by implicit reparameterisation: Figurnov, Mohamed and Mnih (2018),
    https://arxiv.org/abs/1805.08498."""


@opaque(d={"count": "0", "prob": "0"}, public="function", batch="rule")
def binomial(count: Tensor, prob: Tensor, generator: Generator | None = None) -> Tensor:
    """How many of ``count`` trials succeed, each with probability ``prob``.

    >>> wg.binomial(wg.tensor([3.0, 3.0]), wg.tensor([0.0, 1.0]))
    tensor([0., 3.])
    """


@opaque(out_variant=True, public="function method", batch="rule")
def multinomial(input: Tensor, num_samples: int, replacement: bool = False, *,
                generator: Generator | None = None) -> Tensor:
    """Indices drawn with the weights in every row of ``input``, which need not sum to one.

    Raises RuntimeError for weights that are negative, not finite, or all zero.

    >>> wg.multinomial(wg.tensor([0.0, 1.0]), 1)
    tensor([1])
    """


@opaque(public="method", batch="by hand")
def uniform_(input: Tensor, from_: float = 0, to: float = 1, *,
             generator: Generator | None = None) -> Tensor:
    """Overwrites the tensor with numbers drawn uniformly from [``from_``, ``to``).

    >>> wg.empty(2).uniform_(3, 3)
    tensor([3., 3.])
    """


@opaque(public="method", batch="by hand")
def normal_(input: Tensor, mean: float = 0, std: float = 1, *,
            generator: Generator | None = None) -> Tensor:
    """Overwrites the tensor with normal numbers.

    >>> wg.empty(2).normal_(3, 0)
    tensor([3., 3.])
    """


@opaque(public="method", batch="by hand")
def log_normal_(input: Tensor, mean: float = 1, std: float = 2, *,
                generator: Generator | None = None) -> Tensor:
    """Overwrites the tensor with exponentials of normal numbers.

    >>> bool((wg.empty(9).log_normal_() > 0).all())
    True
    """


@opaque(public="method", batch="by hand")
def exponential_(input: Tensor, lambd: float = 1, *, generator: Generator | None = None) -> Tensor:
    """Overwrites the tensor with exponentially distributed numbers of rate ``lambd``.

    >>> bool((wg.empty(9).exponential_() > 0).all())
    True
    """


@opaque(public="method", batch="by hand")
def cauchy_(input: Tensor, median: float = 0, sigma: float = 1, *,
            generator: Generator | None = None) -> Tensor:
    """Overwrites the tensor with numbers from a Cauchy distribution.

    >>> wg.empty(9).cauchy_().shape
    wengert.Size([9])
    """


@opaque(public="method", batch="by hand")
def geometric_(input: Tensor, p: float, *, generator: Generator | None = None) -> Tensor:
    """Overwrites the tensor with numbers of trials up to the first success.

    >>> bool((wg.empty(9).geometric_(0.5) >= 1).all())
    True
    """


@opaque(public="", batch="by hand")
def random_(input: Tensor, from_: int | None = None, to: int | None = None, *,
            generator: Generator | None = None) -> Tensor:
    """Overwrites the tensor with integers from ``from_`` to ``to - 1``.

    Without bounds they are the non-negative integers that the dtype holds exactly; with ``from_``
    alone, they go up to the largest of these.

    >>> wg.empty(2).random_(3, 4)
    tensor([3., 3.])
    """


@opaque(public="method", batch="by hand")
def bernoulli_(input: Tensor, p: Tensor | Number = 0.5, *,
               generator: Generator | None = None) -> Tensor:
    """Overwrites the tensor with ones with probability ``p``, else zeros.

    >>> wg.empty(2).bernoulli_(1)
    tensor([1., 1.])
    """


@elementwise(f="input * scale if mask else 0", d={"input": "scale if mask else 0"},
             dtypes="float complex", operand_dtypes={"mask": "bool"}, public="", inplace=False,
             ref="lambda input, mask, scale: np.where(mask, input * scale, 0)", domain=(-10, 10),
             ulp=2)
def _masked_scale(input: Tensor, mask: Tensor, scale: float) -> Tensor:
    """``input * scale`` where ``mask``, else 0."""


@opaque(d={"input": "_masked_scale(g0, y1, 1 / (1 - p))"}, public="", batch="rule", jvp={"input": "_masked_scale(t, y1, 1 / (1 - p))"})
def _dropout(input: Tensor, p: float) -> tuple[Tensor, Tensor]:
    """Dropout, and the mask of what was kept."""


@opaque(public="function", batch="through")
def dropout(input: Tensor, p: float, train: bool) -> Tensor:
    """In training zeroes elements with probability ``p`` and divides the others by ``1 - p``.

    >>> wg.dropout(wg.ones(3), 0.5, False)
    tensor([1., 1., 1.])
    """


@opaque(public="function", batch="through")
def alpha_dropout(input: Tensor, p: float, train: bool) -> Tensor:
    """Dropout that keeps mean and variance behind a SELU: G. Klambauer et al. (2017).

    >>> wg.alpha_dropout(wg.ones(3), 0.5, False)
    tensor([1., 1., 1.])
    """
