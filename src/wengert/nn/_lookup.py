"""Tables of vectors: `embedding` and `embedding_bag`."""

from __future__ import annotations

import wengert as wg
from wengert import Tensor, _ops

__all__ = ["embedding", "embedding_bag"]


def _renormalize(input: Tensor, weight: Tensor, max_norm: float, norm_type: float) -> None:
    """Scales down, in place, the rows in use whose norm is greater than ``max_norm``."""
    with wg.no_grad():
        used = input.reshape(-1).unique()
        selected = weight.index_select(0, used)
        norms = selected.norm(norm_type, 1, True)
        scale = wg.where(norms > max_norm, max_norm / (norms + 1e-7), wg.ones_like(norms))
        weight.index_copy_(0, used, selected * scale)


def _row(padding_idx: int | None, weight: Tensor) -> int | None:
    if padding_idx is None:
        return None
    rows = weight.shape[0]
    if not -rows <= padding_idx < rows:
        raise AssertionError("padding_idx must be within num_embeddings")
    return padding_idx % rows


def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """The rows of ``weight`` that ``input`` names; row ``padding_idx`` gets no gradient.

    Args:
        input: integers, any shape. weight: (V, D).
        max_norm: rows in use are first scaled down to this norm (of order ``norm_type``), in place.
        scale_grad_by_freq: divide a row's gradient by how often ``input`` names it.
        sparse: accepted; the gradient is dense, and zero in the rows that are not named.

    >>> wg.nn.functional.embedding(wg.tensor([1, 1]), wg.tensor([[0.0], [5.0]]))
    tensor([[5.],
            [5.]])
    """
    padding_idx = _row(padding_idx, weight)
    if max_norm is not None:
        _renormalize(input, weight, max_norm, norm_type)
    return _ops.embedding(input, weight, padding_idx, scale_grad_by_freq=scale_grad_by_freq)


def _check_bags(
    input: Tensor, weight: Tensor, offsets: Tensor | None, mode: str,
    scale_grad_by_freq: bool, sparse: bool, per_sample_weights: Tensor | None,
) -> None:  # fmt: skip
    if sparse and mode == "max":
        raise ValueError("max mode does not support sparse weights")
    if mode not in ("sum", "mean", "max"):
        raise ValueError("mode has to be one of sum, mean or max")
    if mode == "max" and scale_grad_by_freq:
        raise ValueError("max mode does not support scaling the gradient by the frequency")
    if per_sample_weights is not None:
        if mode != "sum":
            raise NotImplementedError(
                "embedding_bag: per_sample_weights was not None. per_sample_weights is only "
                f"supported for mode='sum' (got mode='{mode}'). Please open a feature request on "
                "GitHub."
            )
        if per_sample_weights.shape != input.shape:
            raise ValueError(
                f"embedding_bag: If per_sample_weights ({list(per_sample_weights.shape)}) is not "
                f"None, then it must have the same shape as the input ({list(input.shape)})"
            )
    if weight.dim() != 2:
        raise ValueError(
            f"weight has to be a 2D Tensor, but got Tensor of dimension {weight.dim()}"
        )
    if input.dim() == 2:
        if offsets is not None:
            raise ValueError(
                "if input is 2D, then offsets has to be None, as input is treated is a mini-batch "
                "of fixed length sequences. However, found offsets of type "
                f"{type(offsets).__name__}"
            )
    elif input.dim() == 1:
        if offsets is None:
            raise ValueError("offsets has to be a 1D Tensor but got None")
        if offsets.dim() != 1:
            raise ValueError("offsets has to be a 1D Tensor")
    else:
        raise ValueError(
            f"input has to be 1D or 2D Tensor, but got Tensor of dimension {input.dim()}"
        )


def _bag_sizes(offsets: Tensor, total: int, include_last_offset: bool) -> list[int]:
    starts = offsets.tolist()
    if not starts:
        if include_last_offset:
            raise RuntimeError("include_last_offset: number of offset should be at least 1")
        return []
    if starts[0] != 0:
        raise RuntimeError(
            "offsets[0] has to be 0, i.e., the first sequence in the mini-batch has to start from "
            f"position 0. However, got {starts[0]}"
        )
    ends = starts[1:] if include_last_offset else [*starts[1:], total]
    sizes = [end - start for start, end in zip(starts, ends, strict=False)]
    if starts[-1] > total or min(sizes, default=0) < 0:
        raise RuntimeError(
            "offsets has to be sorted, and its last element must not exceed the input's length "
            f"{total}; got {starts}"
        )
    return sizes


def embedding_bag(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None = None,
    max_norm: float | None = None,
    norm_type: float = 2,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """Sums, means or maxima of the rows of ``weight`` that each bag of ``input`` names.

    Args:
        input: integers: a bag per row of (B, L), or all bags after each other in one dimension.
        weight: (V, D).
        offsets: where each bag starts, if ``input`` has one dimension.
        mode: "sum", "mean" or "max". An empty bag gives zeros.
        sparse: accepted, but for "max"; the gradient is dense all the same.
        per_sample_weights: factors of the shape of ``input``, for "sum".
        include_last_offset: ``offsets`` ends with the length of ``input``.
        padding_idx: a row that counts in no bag and gets no gradient.

    Returns:
        (B, D).

    >>> table = wg.tensor([[1.0], [2.0], [4.0]])
    >>> bags, starts = wg.tensor([0, 1, 2, 2]), wg.tensor([0, 1])
    >>> wg.nn.functional.embedding_bag(bags, table, starts, mode="sum").tolist()
    [[1.0], [10.0]]
    """
    _check_bags(input, weight, offsets, mode, scale_grad_by_freq, sparse, per_sample_weights)
    padding_idx = _row(padding_idx, weight)
    if max_norm is not None:
        _renormalize(input, weight, max_norm, norm_type)
    if input.dim() == 2:
        rows = input.shape[0]
        sizes = [input.shape[1]] * rows
    else:
        assert offsets is not None
        sizes = _bag_sizes(offsets, input.numel(), include_last_offset)
        rows = len(sizes)
        input = input[: sum(sizes)]
        if per_sample_weights is not None:
            per_sample_weights = per_sample_weights[: sum(sizes)]
    flat = input.reshape(-1)
    counted = wg.ones_like(flat, dtype=wg.bool) if padding_idx is None else flat != padding_idx
    vectors = _ops.embedding(flat, weight, padding_idx, scale_grad_by_freq=scale_grad_by_freq)
    if mode == "max":
        return _largest_of_bags(vectors, counted, sizes)
    if per_sample_weights is not None:
        vectors = vectors * per_sample_weights.reshape(-1, 1)
    if padding_idx is not None:
        vectors = vectors * counted.to(vectors.dtype).unsqueeze(1)
    bag = wg.arange(rows, device=flat.device).repeat_interleave(
        wg.tensor(sizes, dtype=wg.int64, device=flat.device)
    )
    total = vectors.new_zeros(rows, weight.shape[1]).index_add(0, bag, vectors)
    if mode == "sum":
        return total
    counts = total.new_zeros(rows).index_add(0, bag, counted.to(total.dtype))
    return total / counts.clamp(min=1).unsqueeze(1)


def _largest_of_bags(vectors: Tensor, counted: Tensor, sizes: list[int]) -> Tensor:
    longest = max(sizes, default=0)
    if longest == 0:
        return vectors.sum(0).expand(len(sizes), vectors.shape[1]).clone()
    places, start = [], 0
    for size in sizes:
        places.append([start + i if i < size else -1 for i in range(longest)])
        start += size
    place = wg.tensor(places, dtype=wg.int64, device=vectors.device)
    index = place.clamp(min=0)
    valid = ((place >= 0) & counted[index]).unsqueeze(2)
    padded = wg.where(valid, vectors[index], float("-inf"))
    largest = padded.max(1).values
    return wg.where(valid.any(1), largest, 0.0)
