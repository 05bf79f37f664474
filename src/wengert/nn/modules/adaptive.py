"""A softmax over many classes that spends its work on the frequent ones."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Sequence
from typing import Any

import wengert as wg

from .. import functional as F
from .container import ModuleList, Sequential
from .linear import Linear
from .module import Module

__all__ = ["AdaptiveLogSoftmaxWithLoss"]

_ASMoutput = namedtuple("_ASMoutput", ["output", "loss"])


class AdaptiveLogSoftmaxWithLoss(Module):
    """The log likelihood of classes that are sorted by frequency, the rare ones in clusters.

    A head tells the first ``cutoffs[0]`` classes and the clusters apart; each cluster has a
    projection of its own, ``div_value`` times narrower from cluster to cluster.

    Args:
        in_features: width of the input. n_classes: how many classes.
        cutoffs: where clusters begin, increasing, below ``n_classes``.
        div_value: how much narrower each projection is. head_bias: a shift in the head.

    ``forward(input, target)`` takes (N, in_features) and (N), or (in_features) and (), and returns
    the target's log likelihoods ``output`` and their negative mean ``loss``.

    Raises:
        ValueError: cutoffs that are not increasing, positive and less than ``n_classes``.

    Source: Grave et al. (2017), Efficient softmax approximation for GPUs,
    https://arxiv.org/abs/1609.04309.

    >>> import wengert as wg
    >>> layer = wg.nn.AdaptiveLogSoftmaxWithLoss(16, 20, cutoffs=[5, 10])
    >>> layer.log_prob(wg.zeros(3, 16)).shape
    wengert.Size([3, 20])
    """

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        cutoffs: Sequence[int],
        div_value: float = 4.0,
        head_bias: bool = False,
        device: Any = None,
        dtype: wg.dtype | None = None,
    ) -> None:
        super().__init__()
        cutoffs = list(cutoffs)
        if not cutoffs:
            raise ValueError("cutoffs should be a sequence of length larger than 0")
        if (
            cutoffs != sorted(set(cutoffs))
            or cutoffs[0] <= 0
            or cutoffs[-1] > n_classes - 1
            or any(int(c) != c for c in cutoffs)
        ):
            raise ValueError(
                "cutoffs should be a sequence of unique, positive integers sorted in an increasing "
                "order, where each value is between 1 and n_classes-1"
            )
        self.in_features = in_features
        self.n_classes = n_classes
        self.cutoffs = [*cutoffs, n_classes]
        self.div_value = div_value
        self.head_bias = head_bias
        self.shortlist_size = self.cutoffs[0]
        self.n_clusters = len(self.cutoffs) - 1
        self.head_size = self.shortlist_size + self.n_clusters
        options = {"device": device, "dtype": dtype}
        self.head = Linear(in_features, self.head_size, bias=head_bias, **options)
        self.tail = ModuleList()
        for i in range(self.n_clusters):
            width = int(in_features // div_value ** (i + 1))
            size = self.cutoffs[i + 1] - self.cutoffs[i]
            self.tail.append(
                Sequential(
                    Linear(in_features, width, bias=False, **options),
                    Linear(width, size, bias=False, **options),
                )
            )

    def reset_parameters(self) -> None:
        """Draws new starting values."""
        self.head.reset_parameters()
        for projection, output in self.tail:
            projection.reset_parameters()
            output.reset_parameters()

    def forward(self, input: wg.Tensor, target: wg.Tensor) -> Any:
        if target.dim() == 1:
            if input.shape[0] != target.shape[0]:
                raise RuntimeError(
                    "Input and target should have the same size in the batch dimension."
                )
            if input.dim() != 2:
                raise RuntimeError(
                    "1D target tensor expects 2D input tensors, but found inputs with size",
                    input.shape,
                )
        elif target.dim() == 0:
            if input.dim() != 1:
                raise RuntimeError(
                    "0D target tensor expects 1D input tensors, but found inputs with size",
                    input.shape,
                )
        else:
            raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
        batched = target.dim() == 1
        if not batched:
            input, target = input.unsqueeze(0), target.unsqueeze(0)
        if target.numel():
            low, high = int(target.min()), int(target.max())
            if low < 0 or high >= self.n_classes:
                raise RuntimeError(
                    f"Target values should be in [0, {self.n_classes - 1}], but values in range "
                    f"[{low}, {high}] were found. "
                )
        head = F.log_softmax(self.head(input), 1)
        # The class itself where it is frequent, else its cluster.
        column = target
        rare = input.new_zeros(target.shape[0])
        for i in range(self.n_clusters):
            first, end = self.cutoffs[i : i + 2]
            rows = ((target >= first) & (target < end)).nonzero().squeeze(1)
            if rows.numel() == 0:
                continue
            column = column.index_fill(0, rows, self.shortlist_size + i)
            within = F.log_softmax(self.tail[i](input.index_select(0, rows)), 1)
            place = (target.index_select(0, rows) - first).unsqueeze(1)
            rare = rare.index_copy(0, rows, within.gather(1, place).squeeze(1))
        output = head.gather(1, column.unsqueeze(1)).squeeze(1) + rare
        loss = -output.mean()
        return _ASMoutput(output if batched else output.squeeze(0), loss)

    def log_prob(self, input: wg.Tensor) -> wg.Tensor:
        """The logarithms of the probabilities of all classes: (N, n_classes)."""
        head = F.log_softmax(self.head(input), 1)
        parts = [head[:, : self.shortlist_size]]
        for i in range(self.n_clusters):
            within = F.log_softmax(self.tail[i](input), 1)
            parts.append(within + head[:, self.shortlist_size + i].unsqueeze(1))
        return wg.cat(parts, 1)

    def predict(self, input: wg.Tensor) -> wg.Tensor:
        """The most likely class of each row: (N)."""
        return self.log_prob(input).argmax(1)
