"""Batches of sequences of different lengths: padded, and packed."""

from __future__ import annotations

import itertools
from collections import namedtuple
from collections.abc import Iterable, Sequence
from typing import Any

import wengert as wg
from wengert import Tensor

__all__ = [
    "PackedSequence", "invert_permutation", "pack_padded_sequence", "pack_sequence",
    "pad_packed_sequence", "pad_sequence", "unpack_sequence", "unpad_sequence",
]  # fmt: skip

_Fields = namedtuple(
    "_Fields", ["data", "batch_sizes", "sorted_indices", "unsorted_indices"], defaults=[None, None]
)


class PackedSequence(_Fields):
    """A batch of sequences without margins: the first steps of all, then the second ones, and so
    on, the longest sequence first.

    `pack_padded_sequence` and `pack_sequence` make it, recurrent layers take and return it.

    Attributes:
        data: (sum of all lengths, ...).
        batch_sizes: how many sequences have each step, int64, on the CPU.
        sorted_indices: the order by length that the sequences were brought into, or ``None``.
        unsorted_indices: the way back.
    """

    __slots__ = ()

    def __new__(
        cls,
        data: Tensor,
        batch_sizes: Tensor | None = None,
        sorted_indices: Tensor | None = None,
        unsorted_indices: Tensor | None = None,
    ) -> PackedSequence:
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        if batch_sizes is None:
            raise ValueError("PackedSequence: batch_sizes must be given")
        if batch_sizes.device.type != "cpu":
            raise ValueError(
                "batch_sizes should always be on CPU. Instances of PackedSequence should never be "
                "created manually. They should be instantiated by functions like pack_sequence and "
                "pack_padded_sequences in nn.utils.rnn."
            )
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def to(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """The same with ``data.to(...)``; indices follow the device."""
        data = self.data.to(*args, **kwargs)
        if data is self.data:
            return self
        moved = [
            None if index is None else index.to(data.device)
            for index in (self.sorted_indices, self.unsorted_indices)
        ]
        return type(self)(data, self.batch_sizes, *moved)

    def _as(self, dtype: wg.dtype) -> PackedSequence:
        return self.to(dtype=dtype)

    def double(self) -> PackedSequence:
        """The same in float64."""
        return self._as(wg.float64)

    def float(self) -> PackedSequence:
        """The same in float32."""
        return self._as(wg.float32)

    def half(self) -> PackedSequence:
        """The same in float16."""
        return self._as(wg.float16)

    def long(self) -> PackedSequence:
        """The same in int64."""
        return self._as(wg.int64)

    def int(self) -> PackedSequence:
        """The same in int32."""
        return self._as(wg.int32)

    def short(self) -> PackedSequence:
        """The same in int16."""
        return self._as(wg.int16)

    def char(self) -> PackedSequence:
        """The same in int8."""
        return self._as(wg.int8)

    def byte(self) -> PackedSequence:
        """The same in uint8."""
        return self._as(wg.uint8)

    def cpu(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """The same on the CPU."""
        return self.to("cpu", *args, **kwargs)

    def cuda(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """The same on a GPU."""
        return self.to("cuda", *args, **kwargs)

    @property
    def is_cuda(self) -> bool:
        """Whether the data are on a GPU."""
        return self.data.is_cuda

    def is_pinned(self) -> bool:
        """Whether the data are in page-locked memory."""
        return self.data.is_pinned()

    def pin_memory(self) -> PackedSequence:
        """The same in page-locked memory."""
        return type(self)(self.data.pin_memory(), *self[1:])


def invert_permutation(permutation: Tensor | None) -> Tensor | None:
    """``result[permutation[i]] == i``.

    >>> wg.nn.utils.rnn.invert_permutation(wg.tensor([2, 0, 1]))
    tensor([1, 2, 0])
    """
    if permutation is None:
        return None
    places = wg.arange(permutation.numel(), device=permutation.device)
    return wg.empty_like(permutation).scatter_(0, permutation, places)


def _places(lengths: list[int], steps: int, device: Any) -> Tensor:
    """Which (step, sequence) of a flattened (T, B) exist."""
    ends = wg.tensor(lengths, dtype=wg.int64, device=device)
    exists = wg.arange(steps, device=device).unsqueeze(1) < ends
    return exists.reshape(-1).nonzero().squeeze(1)


def pack_padded_sequence(
    input: Tensor,
    lengths: Tensor | Sequence[int],
    batch_first: bool = False,
    enforce_sorted: bool = True,
) -> PackedSequence:
    """Leaves out the margins of a padded batch.

    Args:
        input: (T, B, ...), or (B, T, ...) with ``batch_first``.
        lengths: of the sequences, on the CPU.
        enforce_sorted: raise if the lengths do not decrease, instead of sorting.

    Raises:
        RuntimeError: lengths that do not decrease, are not positive, or not as many as sequences.
        ValueError: a length greater than T.

    >>> padded = wg.tensor([[1, 2, 0], [3, 4, 5]])
    >>> from wengert.nn.utils.rnn import pack_padded_sequence
    >>> pack_padded_sequence(padded, [2, 3], batch_first=True, enforce_sorted=False).data
    tensor([3, 1, 4, 2, 5])
    """
    sizes = [int(n) for n in (lengths.tolist() if isinstance(lengths, Tensor) else lengths)]
    order = None
    if not enforce_sorted:
        order = wg.tensor(
            sorted(range(len(sizes)), key=lambda i: -sizes[i]), dtype=wg.int64, device=input.device
        )
        sizes.sort(reverse=True)
    if batch_first:
        input = input.transpose(0, 1)
    steps, batch = input.shape[:2]
    if steps == 0:
        raise RuntimeError("Cannot pack empty tensors.")
    if len(sizes) != batch:
        raise RuntimeError(
            f"Expected `len(lengths)` to be equal to batch_size, but got {len(sizes)} (batch_size="
            f"{batch})"
        )
    if min(sizes, default=0) <= 0:
        raise RuntimeError(
            "Length of all samples has to be greater than 0, but found an element in 'lengths' "
            "that is <= 0"
        )
    if any(longer < shorter for longer, shorter in itertools.pairwise(sizes)):
        raise RuntimeError(
            "`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. You "
            "can pass `enforce_sorted=False` to pack_padded_sequence and/or pack_sequence to "
            "sidestep this requirement if you do not need ONNX exportability."
        )
    if sizes[0] > steps:
        raise ValueError(
            f"Expected sequence length to be less than or equal to the padded length {steps}, but "
            f"got {sizes[0]}"
        )
    if order is not None:
        input = input.index_select(1, order)
    flat = input.reshape(steps * batch, *input.shape[2:])
    data = flat.index_select(0, _places(sizes, steps, input.device))
    counts = wg.tensor([sum(size > t for size in sizes) for t in range(sizes[0])], dtype=wg.int64)
    return PackedSequence(data, counts, order, None)


def pad_packed_sequence(
    sequence: PackedSequence,
    batch_first: bool = False,
    padding_value: float = 0.0,
    total_length: int | None = None,
) -> tuple[Tensor, Tensor]:
    """The padded batch (T, B, ...), or (B, T, ...), and the lengths, in the original order.

    Args:
        padding_value: what fills the margins.
        total_length: T, if more than the longest sequence; ValueError if less.
    """
    counts = sequence.batch_sizes.tolist()
    steps = len(counts)
    if total_length is not None:
        if total_length < steps:
            raise ValueError(
                "Expected total_length to be at least the length of the longest sequence in input, "
                f"but got total_length={total_length} and max sequence length being {steps}"
            )
        steps = total_length
    batch = counts[0]
    sizes = [sum(count > i for count in counts) for i in range(batch)]
    data = sequence.data
    flat = data.new_full((steps * batch, *data.shape[1:]), padding_value)
    flat = flat.index_copy(0, _places(sizes, steps, data.device), data)
    padded = flat.reshape(steps, batch, *data.shape[1:])
    lengths = wg.tensor(sizes, dtype=wg.int64)
    if batch_first:
        padded = padded.transpose(0, 1)
    back = sequence.unsorted_indices
    if back is not None:
        padded = padded.index_select(0 if batch_first else 1, back)
        lengths = lengths[back.cpu()]
    return padded, lengths


def pad_sequence(
    sequences: Tensor | Iterable[Tensor],
    batch_first: bool = False,
    padding_value: float = 0.0,
    padding_side: str = "right",
) -> Tensor:
    """Sequences (L, ...) of different lengths as one tensor (T, B, ...), or (B, T, ...).

    >>> sequences = [wg.tensor([1, 2]), wg.tensor([3])]
    >>> wg.nn.utils.rnn.pad_sequence(sequences, batch_first=True, padding_value=9)
    tensor([[1, 2],
            [3, 9]])
    """
    if isinstance(sequences, Tensor):
        sequences = sequences.unbind(0)
    elif not isinstance(sequences, Iterable):
        raise RuntimeError(
            "pad_sequence: Expected iterable for input sequences, but got arg of type: "
            f"{type(sequences)}"
        )
    sequences = list(sequences)
    if padding_side not in ("left", "right"):
        raise RuntimeError(
            f"Expected padding_side to be one of left or right, but got {padding_side}."
        )
    if not sequences:
        raise RuntimeError("received an empty list of sequences")
    longest = max(sequence.shape[0] for sequence in sequences)
    padded = []
    for sequence in sequences:
        missing = longest - sequence.shape[0]
        if missing:
            margin = sequence.new_full((missing, *sequence.shape[1:]), padding_value)
            parts = [sequence, margin] if padding_side == "right" else [margin, sequence]
            sequence = wg.cat(parts)
        padded.append(sequence)
    return wg.stack(padded, 0 if batch_first else 1)


def unpad_sequence(
    padded_sequences: Tensor, lengths: Tensor, batch_first: bool = False
) -> list[Tensor]:
    """The sequences of a padded batch, without their margins."""
    if not batch_first:
        padded_sequences = padded_sequences.transpose(0, 1)
    sizes = lengths.tolist()
    return [row[:size] for row, size in zip(padded_sequences.unbind(0), sizes, strict=True)]


def pack_sequence(sequences: Sequence[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """Packs sequences (L, ...) of different lengths.

    >>> wg.nn.utils.rnn.pack_sequence([wg.tensor([1, 2, 3]), wg.tensor([4])]).data
    tensor([1, 4, 2, 3])
    """
    lengths = [sequence.shape[0] for sequence in sequences]
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """The sequences of a packed batch."""
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)
