"""Ways to construct and call every module, without naming a library.

A case is made of NumPy arrays and plain values; `build` turns it into modules and tensors of
wengert or of PyTorch, so that the same table serves comparison and derivative checks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Case:
    """One module: constructor arguments, then the arguments of its forward."""

    name: str
    args: tuple = ()
    options: dict[str, Any] = field(default_factory=dict)
    inputs: Callable[[np.random.Generator], tuple] = lambda rng: ()
    call: dict[str, Any] = field(default_factory=dict)
    # Which arguments have no derivative, though they are floats.
    constants: tuple[int, ...] = ()
    # PyTorch computes some derivatives with float32 constants.
    tolerance: float = 1e-9
    # Whether values and gradients are PyTorch's; the text and the state are always.
    compare: bool = True
    # Random in training: only evaluation can be compared.
    random: bool = False
    # Small and smooth enough for finite differences.
    check: bool = True

    @property
    def label(self) -> str:
        parts = [*map(_text, self.args), *(f"{k}={_text(v)}" for k, v in self.options.items())]
        parts += [f"{k}={_text(v)}" for k, v in self.call.items()]
        return f"{self.name}({', '.join(parts)})"


def _text(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return "array"
    return "made" if callable(value) else repr(value)


def to_kit(value: Any, kit: Any) -> Any:
    """Arrays in a nested value as tensors of a library."""
    if isinstance(value, np.ndarray):
        return kit.tensor(value.tolist(), dtype=getattr(kit, str(value.dtype)))
    if isinstance(value, tuple | list):
        return type(value)(to_kit(item, kit) for item in value)
    if isinstance(value, dict):
        return {key: to_kit(item, kit) for key, item in value.items()}
    return value(kit) if callable(value) and getattr(value, "_per_kit", False) else value


def per_kit(function: Callable) -> Callable:
    """Marks a value that is made from the library: ``function(kit)``."""
    function._per_kit = True
    return function


def build(case: Case, kit: Any) -> Any:
    """The module in float64."""
    args, options = to_kit(case.args, kit), to_kit(case.options, kit)
    return getattr(kit.nn, case.name)(*args, **options).double()


# ---- inputs ----


def normal(*shapes: tuple[int, ...]) -> Callable:
    """Standard normal arrays."""
    return lambda rng: tuple(rng.standard_normal(shape) for shape in shapes)


def spread(*shapes: tuple[int, ...], low: float = -2.0, high: float = 2.0) -> Callable:
    """Distinct values in random order, away from integers and halves, where kinks are."""

    def make(rng: np.random.Generator) -> tuple:
        arrays = []
        for shape in shapes:
            count = int(np.prod(shape))
            values = low + (high - low) * (rng.permutation(count) + 0.5) / max(count, 1)
            near = np.abs(values * 2 - np.round(values * 2)) < 0.05
            arrays.append((values + 0.04 * near).reshape(shape))
        return tuple(arrays)

    return make


def also(first: Callable, *makers: Callable) -> Callable:
    """The arrays of several makers, one after the other."""

    def make(rng: np.random.Generator) -> tuple:
        return tuple(x for maker in (first, *makers) for x in maker(rng))

    return make


def integers(high: int, shape: tuple[int, ...] = (), low: int = 0) -> Callable:
    """Random integers."""
    return lambda rng: (np.asarray(rng.integers(low, high, shape), dtype=np.int64),)


def fixed(*values: Any) -> Callable:
    """These arguments themselves; lists become arrays of integers."""
    return lambda rng: tuple(
        np.asarray(value, dtype=np.int64) if isinstance(value, list) else value for value in values
    )


def signs(*shape: int) -> Callable:
    """1 and -1."""
    return lambda rng: (rng.choice([-1.0, 1.0], shape),)


def positive(*shapes: tuple[int, ...]) -> Callable:
    """Values between 0.1 and 0.9."""
    return lambda rng: tuple(0.1 + 0.8 * rng.random(shape) for shape in shapes)


def log_probabilities(*shape: int) -> Callable:
    """Logarithms of what sums to one along the last dimension."""

    def make(rng: np.random.Generator) -> tuple:
        scores = rng.standard_normal(shape)
        return (scores - np.log(np.exp(scores).sum(-1, keepdims=True)),)

    return make


def mask(rows: list[list[int]]) -> np.ndarray:
    """A bool array of ones and zeros."""
    return np.asarray(rows, dtype=np.bool_)


WEIGHT3 = np.asarray([0.5, 2.0, 1.5])


def _losses() -> list[Case]:
    pair = spread((3, 4), (3, 4), low=-1.9, high=1.9)
    cases = []
    for reduction in ("mean", "sum", "none"):
        options = {"reduction": reduction}
        cases += [
            Case("L1Loss", (), options, pair),
            Case("MSELoss", (), options, pair),
            Case("SmoothL1Loss", (), {**options, "beta": 0.7}, pair),
            Case("HuberLoss", (), {**options, "delta": 0.7}, pair),
            Case("SoftMarginLoss", (), options, also(normal((3, 4)), signs(3, 4)),
                 constants=(1,)),
            Case("HingeEmbeddingLoss", (0.3,), options, also(spread((3, 4)), signs(3, 4)),
                 constants=(1,)),
            Case("MarginRankingLoss", (0.3,), options, also(spread((5,), (5,)), signs(5)),
                 constants=(2,)),
            Case("CosineEmbeddingLoss", (0.1,), options, also(normal((3, 4), (3, 4)), signs(3)),
                 constants=(2,)),
            Case("TripletMarginLoss", (1.5,), {**options, "swap": True},
                 normal((3, 4), (3, 4), (3, 4))),
            Case("TripletMarginLoss", (2.0, 3.0), options, normal((3, 4), (3, 4), (3, 4))),
            Case("TripletMarginWithDistanceLoss", (), {**options, "margin": 2.0},
                 normal((3, 4), (3, 4), (3, 4))),
            Case("PoissonNLLLoss", (), {**options, "full": True},
                 also(normal((3, 4)), positive((3, 4)))),
            Case("PoissonNLLLoss", (False,), options, positive((3, 4), (3, 4))),
            Case("GaussianNLLLoss", (), {**options, "full": True},
                 also(normal((3, 4), (3, 4)), positive((3, 4)))),
            Case("GaussianNLLLoss", (), options, also(normal((3, 4), (3, 4)), positive((3, 1)))),
            Case("KLDivLoss", (), options, also(log_probabilities(3, 4), positive((3, 4)))),
            Case("KLDivLoss", (), {**options, "log_target": True},
                 also(log_probabilities(3, 4), log_probabilities(3, 4))),
            Case("NLLLoss", (WEIGHT3,), options, also(log_probabilities(4, 3), integers(3, (4,)))),
            Case("CrossEntropyLoss", (WEIGHT3,), {**options, "label_smoothing": 0.1},
                 also(normal((4, 3)), integers(3, (4,)))),
            Case("CrossEntropyLoss", (), {**options, "ignore_index": 1},
                 also(normal((4, 3, 2)), fixed([[0, 1], [2, 0], [1, 2], [0, 0]]))),
            Case("LinearCrossEntropyLoss", (4, 3), {**options, "bias": True, "ignore_index": 1},
                 also(normal((5, 4)), fixed([0, 1, 2, 2, 0]))),
            Case("LinearCrossEntropyLoss", (4, 3),
                 {**options, "out_features": (2,), "label_smoothing": 0.1},
                 also(normal((5, 4)), integers(3, (5, 2)))),
            Case("BCELoss", (), options, positive((3, 4), (3, 4))),
            Case("BCEWithLogitsLoss", (), {**options, "pos_weight": WEIGHT3},
                 also(normal((4, 3)), positive((4, 3)))),
            Case("MultiMarginLoss", (1, 0.7), options,
                 also(normal((4, 3)), integers(3, (4,)))),
            Case("MultiMarginLoss", (2,), {**options, "weight": WEIGHT3},
                 also(normal((4, 3)), integers(3, (4,)))),
            Case("MultiLabelMarginLoss", (), options,
                 also(normal((2, 4)), fixed([[3, 0, -1, 1], [1, -1, 0, 0]]))),
            Case("MultiLabelSoftMarginLoss", (WEIGHT3,), options,
                 also(normal((4, 3)), integers(2, (4, 3)))),
            Case("CTCLoss", (), options,
                 also(log_probabilities(6, 3, 4), integers(4, (3, 3), 1),
                      fixed((6, 5, 4), (3, 2, 1))), check=True),
            Case("CTCLoss", (2,), options,
                 also(log_probabilities(5, 2, 3), fixed([0, 0, 1], (5, 4), (2, 1)))),
        ]  # fmt: skip
    cases += [
        Case("KLDivLoss", (), {"reduction": "batchmean"},
             also(log_probabilities(3, 4), positive((3, 4)))),
        Case("CTCLoss", (), {"zero_infinity": True},
             also(log_probabilities(4, 2, 3), fixed([[1, 1, 1], [1, 2, 0]], (4, 4), (3, 2)))),
        Case("CTCLoss", (), {},
             also(log_probabilities(4, 2, 3), fixed([[1, 2], [1, 2]], [4, 3], [0, 2]))),
        Case("CTCLoss", (), {}, also(log_probabilities(4, 3), fixed([1, 2], [4], [2]))),
        Case("AdaptiveLogSoftmaxWithLoss", (8, 10, [3, 6]), {"div_value": 2.0},
             also(normal((5, 8)), fixed([0, 9, 4, 2, 7]))),
        Case("AdaptiveLogSoftmaxWithLoss", (8, 10, [3]), {"head_bias": True},
             also(normal((8,)), integers(10))),
        Case("PairwiseDistance", (3.0,), {"keepdim": True}, normal((3, 4), (3, 4))),
        Case("PairwiseDistance", (), {}, normal((4,), (4,))),
        Case("CosineSimilarity", (), {}, normal((3, 4), (3, 4))),
        Case("CosineSimilarity", (0,), {"eps": 0.1}, normal((3, 4), (3, 4))),
    ]  # fmt: skip
    return cases


def _spatial() -> list[Case]:
    line, image, volume = spread((2, 2, 7)), spread((2, 2, 6, 5)), spread((1, 2, 4, 5, 4))
    cases = [
        Case("Conv1d", (2, 4, 3), {"padding": 2, "dilation": 2, "groups": 2}, line),
        Case("Conv1d", (2, 4, 4), {"padding": "same"}, line),
        Case("Conv1d", (2, 3, 3), {"padding": 1, "padding_mode": "circular"}, line),
        Case("Conv1d", (2, 3, 3), {}, spread((2, 7))),
        Case("Conv2d", (2, 4, 3), {"stride": 2, "padding": (1, 2)}, image),
        Case("Conv2d", (2, 3, (2, 4)), {"padding": "same", "bias": False}, image),
        Case("Conv2d", (2, 3, 3), {"padding": "valid"}, image),
        Case("Conv2d", (2, 3, 3), {"padding": 1, "padding_mode": "reflect"}, image),
        Case("Conv3d", (2, 3, 2), {"stride": (1, 2, 1), "padding": 1}, volume),
        Case("Conv3d", (2, 2, (1, 2, 3)), {"groups": 2, "dilation": (1, 2, 1)}, volume),
        Case("Conv3d", (2, 2, 3), {"padding": 1, "padding_mode": "replicate"}, volume),
        Case("ConvTranspose1d", (2, 3, 3), {"stride": 2, "padding": 1, "output_padding": 1}, line),
        Case("ConvTranspose1d", (2, 4, 3), {"groups": 2, "dilation": 2}, line),
        Case("ConvTranspose1d", (2, 3, 4), {"stride": 3}, line, {"output_size": [24]}),
        Case("ConvTranspose2d", (2, 3, 3), {"stride": 2, "padding": 1, "bias": False}, image),
        Case("ConvTranspose2d", (2, 3, 3), {"stride": 2}, image, {"output_size": (2, 3, 14, 11)}),
        Case("ConvTranspose3d", (2, 2, 2), {"stride": 2, "output_padding": 1}, volume),
        Case("LazyConv1d", (4, 3), {}, line),
        Case("LazyConv2d", (4, 3), {"padding": 1, "groups": 2}, image),
        Case("LazyConv3d", (3, 2), {"bias": False}, volume),
        Case("LazyConvTranspose1d", (3, 3), {"stride": 2, "output_padding": 1}, line),
        Case("LazyConvTranspose2d", (3, 3), {}, image),
        Case("LazyConvTranspose3d", (2, 2), {"bias": False}, volume),
        Case("MaxPool1d", (3,), {"stride": 2, "padding": 1}, line),
        Case("MaxPool1d", (2,), {"dilation": 2, "return_indices": True}, line),
        Case("MaxPool2d", (3,), {"stride": 2, "padding": 1, "ceil_mode": True}, image),
        Case("MaxPool3d", ((1, 2, 2),), {"stride": 1}, volume),
        Case("MaxPool3d", (2,), {"ceil_mode": True, "return_indices": True}, volume),
        Case("MaxUnpool1d", (2,), {}, also(spread((1, 2, 3)), fixed([[[1, 2, 5], [0, 3, 4]]]))),
        Case("MaxUnpool1d", (2,), {}, also(spread((1, 2, 2)), fixed([[[1, 2], [0, 3]]])),
             {"output_size": (1, 2, 5)}),
        Case("MaxUnpool2d", (2,), {},
             also(spread((1, 1, 2, 2)), fixed([[[[0, 3], [9, 14]]]]))),
        Case("MaxUnpool3d", ((1, 1, 2),), {},
             also(spread((1, 1, 1, 2, 2)), fixed([[[[[0, 3], [5, 6]]]]]))),
        Case("AvgPool1d", (3,), {"padding": 1}, line),
        Case("AvgPool2d", (3,), {"padding": 1, "count_include_pad": False}, image),
        Case("AvgPool2d", (2,), {"divisor_override": 3}, image),
        Case("AvgPool3d", (2,), {"stride": (1, 2, 1), "ceil_mode": True}, volume),
        Case("AdaptiveAvgPool1d", (4,), {}, line),
        Case("AdaptiveAvgPool2d", ((3, None),), {}, image),
        Case("AdaptiveAvgPool3d", ((2, 3, 1),), {}, volume),
        Case("AdaptiveMaxPool1d", (4,), {"return_indices": True}, line),
        Case("AdaptiveMaxPool2d", ((3, None),), {}, image),
        Case("AdaptiveMaxPool3d", (2,), {}, volume),
        Case("LPPool1d", (3, 2), {}, positive((2, 2, 7))),
        Case("LPPool2d", (2, (2, 3)), {"stride": 2}, positive((2, 2, 6, 5))),
        Case("LPPool3d", (1.5, 2), {"ceil_mode": True}, positive((1, 2, 3, 4, 4))),
        Case("FractionalMaxPool2d", (2,),
             {"output_size": (3, 4),
              "_random_samples": np.linspace(0.1, 0.9, 8).reshape(2, 2, 2)}, spread((2, 2, 7, 8))),
        Case("FractionalMaxPool2d", ((2, 3),),
             {"output_ratio": (0.5, 0.6), "return_indices": True,
              "_random_samples": np.linspace(0.1, 0.9, 4).reshape(1, 2, 2)}, spread((2, 7, 8))),
        Case("FractionalMaxPool3d", (2,),
             {"output_size": (2, 1, 3),
              "_random_samples": np.linspace(0.1, 0.9, 6).reshape(1, 2, 3)},
             spread((1, 2, 4, 5, 6))),
        Case("Fold", ((4, 5), 2), {"padding": 1, "stride": 2}, normal((2, 8, 9))),
        Case("Unfold", ((2, 3),), {"dilation": (1, 2), "padding": 1}, image),
        Case("PixelShuffle", (2,), {}, normal((2, 8, 3, 2))),
        Case("PixelUnshuffle", (2,), {}, normal((2, 2, 4, 6))),
        Case("ChannelShuffle", (2,), {}, normal((2, 4, 3, 2))),
        Case("LocalResponseNorm", (3,), {"alpha": 0.5, "k": 2.0}, normal((2, 4, 3))),
        Case("LocalResponseNorm", (2,), {"beta": 0.5}, normal((2, 3, 2, 2))),
        # PyTorch's window keeps channels that should have left it, and its gradient differs again.
        Case("CrossMapLRN2d", (3,), {"alpha": 0.5, "k": 2}, normal((2, 4, 3, 2)), compare=False),
    ]  # fmt: skip
    for size, (shape, one, many) in {
        1: ((2, 2, 5), 2, (3, 1)),
        2: ((2, 2, 5, 4), 2, (1, 2, 0, 3)),
        3: ((1, 2, 4, 3, 5), 1, (1, 2, 0, 2, 3, 1)),
    }.items():
        for kind in ("Reflection", "Replication", "Zero", "Circular"):
            for padding in (one, many):
                cases.append(Case(f"{kind}Pad{size}d", (padding,), {}, normal(shape)))
        cases.append(Case(f"ConstantPad{size}d", (many, 1.5), {}, normal(shape)))
        cases.append(Case(f"ReflectionPad{size}d", (one,), {}, normal(shape[1:])))
        cases.append(Case(f"ZeroPad{size}d", (-1,), {}, normal(shape)))
    for options, shape in (
        ({"size": 7}, (1, 2, 4)),
        ({"scale_factor": 1.7}, (1, 2, 4)),
        ({"scale_factor": 2.5, "mode": "linear"}, (1, 2, 4)),
        ({"size": 3, "mode": "linear", "align_corners": True}, (1, 2, 4)),
        ({"scale_factor": 2}, (1, 2, 3, 4)),
        ({"size": (7, 3), "mode": "bilinear"}, (1, 2, 3, 5)),
        ({"scale_factor": (1.3, 0.7), "mode": "bilinear"}, (1, 2, 5, 6)),
        ({"scale_factor": 1.3, "mode": "bilinear", "recompute_scale_factor": True}, (1, 2, 5, 6)),
        ({"size": (7, 1), "mode": "bilinear", "align_corners": True}, (1, 2, 3, 5)),
        ({"scale_factor": 1.6, "mode": "bicubic"}, (1, 2, 4, 5)),
        ({"size": (3, 8), "mode": "bicubic", "align_corners": True}, (1, 2, 4, 5)),
        ({"scale_factor": (2.0, 1.5, 1.0), "mode": "trilinear"}, (1, 1, 2, 3, 4)),
        ({"size": (3, 2, 5), "mode": "trilinear", "align_corners": True}, (1, 1, 2, 3, 4)),
        ({"size": 3}, (1, 1, 2, 4, 5)),
        ({"size": (2, 3), "mode": "area"}, (1, 2, 4, 5)),
        ({"size": (5, 7), "mode": "nearest-exact"}, (1, 2, 4, 5)),
    ):
        cases.append(Case("Upsample", (), options, normal(shape)))
    cases.append(Case("UpsamplingNearest2d", (), {"scale_factor": 2}, normal((1, 2, 3, 2))))
    cases.append(Case("UpsamplingBilinear2d", ((4, 5),), {}, normal((1, 2, 3, 2))))
    return cases


def _norms() -> list[Case]:
    return [
        Case("BatchNorm1d", (4,), {}, normal((5, 4))),
        Case("BatchNorm1d", (4,), {"momentum": None}, normal((5, 4, 3))),
        Case("BatchNorm2d", (3,), {"bias": False}, normal((3, 3, 2, 2))),
        Case("BatchNorm2d", (3,), {"affine": False}, normal((3, 3, 2, 2))),
        Case("BatchNorm2d", (3,), {"track_running_stats": False}, normal((3, 3, 2, 2))),
        Case("BatchNorm3d", (3,), {"eps": 0.1}, normal((2, 3, 2, 2, 2))),
        Case("LazyBatchNorm1d", (), {}, normal((5, 4))),
        Case("LazyBatchNorm2d", (), {"affine": False}, normal((3, 3, 2, 2))),
        Case("LazyBatchNorm3d", (), {"track_running_stats": False}, normal((2, 3, 2, 2, 2))),
        Case("InstanceNorm1d", (3,), {}, normal((2, 3, 5))),
        Case("InstanceNorm1d", (3,), {"affine": True, "track_running_stats": True},
             normal((3, 5))),
        Case("InstanceNorm2d", (3,), {"track_running_stats": True, "momentum": 0.3},
             normal((2, 3, 3, 2))),
        Case("InstanceNorm2d", (3,), {"affine": True, "bias": False}, normal((2, 3, 3, 2))),
        Case("InstanceNorm3d", (2,), {"affine": True}, normal((2, 2, 2, 3, 2))),
        Case("LazyInstanceNorm1d", (), {}, normal((2, 3, 5))),
        Case("LazyInstanceNorm2d", (), {}, normal((3, 3, 2))),
        Case("LazyInstanceNorm3d", (), {"track_running_stats": False}, normal((2, 2, 2, 3, 2))),
        Case("LayerNorm", ((4, 3),), {}, normal((2, 4, 3))),
        Case("LayerNorm", (3,), {"bias": False}, normal((2, 4, 3))),
        Case("LayerNorm", (3,), {"elementwise_affine": False, "eps": 0.1}, normal((2, 4, 3))),
        Case("GroupNorm", (2, 4), {}, normal((2, 4, 3))),
        Case("GroupNorm", (4, 4), {"affine": False}, normal((2, 4, 3, 2))),
        Case("GroupNorm", (1, 4), {"bias": False, "eps": 0.1}, normal((2, 4, 3))),
        Case("RMSNorm", ((4, 3),), {}, normal((2, 4, 3))),
        Case("RMSNorm", (3,), {"eps": 0.1, "elementwise_affine": False}, normal((2, 4, 3))),
    ]  # fmt: skip


def _recurrent() -> list[Case]:
    cases = []
    for name in ("RNN", "LSTM", "GRU"):
        count = 2 if name == "LSTM" else 1

        def states(rows: int, batch: int, size: int, count: int = count) -> Callable:
            make = normal(*[(rows, batch, size)] * count)
            return lambda rng: (make(rng) if count == 2 else make(rng)[0],)

        cases += [
            Case(name, (3, 4), {}, normal((5, 2, 3))),
            Case(name, (3, 4), {}, normal((5, 3))),
            Case(name, (3, 4), {"bias": False}, also(normal((4, 2, 3)), states(1, 2, 4))),
            Case(name, (3, 2, 2), {"bidirectional": True, "batch_first": True},
                 also(normal((2, 4, 3)), states(4, 2, 2))),
            Case(name, (3, 2), {"num_layers": 3, "dropout": 0.5}, normal((3, 2, 3)), random=True),
        ]  # fmt: skip
    cases += [
        Case("RNN", (3, 4, 1, "relu"), {}, normal((4, 2, 3)), check=False),
        Case("RNN", (3, 4), {"nonlinearity": "relu", "bidirectional": True}, normal((4, 2, 3)),
             check=False),
        Case("LSTM", (3, 4), {"proj_size": 2, "num_layers": 2, "bidirectional": True},
             normal((3, 2, 3))),
        Case("LSTM", (3, 4), {"proj_size": 2, "bias": False}, normal((3, 2, 3))),
        Case("RNNCell", (3, 4), {}, normal((2, 3))),
        Case("RNNCell", (3, 4), {"nonlinearity": "relu", "bias": False}, normal((2, 3), (2, 4)),
             check=False),
        Case("LSTMCell", (3, 4), {}, normal((2, 3))),
        Case("LSTMCell", (3, 4), {"bias": False}, lambda rng: (
            rng.standard_normal(3), (rng.standard_normal(4), rng.standard_normal(4)))),
        Case("GRUCell", (3, 4), {}, normal((2, 3), (2, 4))),
        Case("GRUCell", (3, 4), {"bias": False}, normal((3,))),
    ]  # fmt: skip
    return cases


def _attention() -> list[Case]:
    causal = np.triu(np.full((4, 4), -np.inf), 1)
    padding = mask([[0, 0, 0, 1], [0, 1, 0, 0]])
    qkv = normal((3, 2, 4), (4, 2, 4), (4, 2, 4))
    attention = "MultiheadAttention"
    small = {"dim_feedforward": 5, "dropout": 0.0}
    x, memory = (4, 2, 4), (3, 2, 4)
    return [
        Case(attention, (4, 2), {}, qkv),
        Case(attention, (4, 2), {}, qkv, {"need_weights": False}),
        Case(attention, (4, 2), {"bias": False}, qkv, {"average_attn_weights": False}),
        Case(attention, (4, 2), {"kdim": 3, "vdim": 5}, normal((3, 2, 4), (4, 2, 3), (4, 2, 5)),
             {"key_padding_mask": padding}),
        Case(attention, (4, 2), {"add_bias_kv": True, "add_zero_attn": True}, qkv,
             {"key_padding_mask": padding}),
        Case(attention, (4, 2), {"batch_first": True}, normal((2, 4, 4), (2, 4, 4), (2, 4, 4)),
             {"attn_mask": causal, "is_causal": True}),
        Case(attention, (4, 2), {}, qkv, {"attn_mask": mask([[0, 1, 0, 0]] * 3)}),
        Case(attention, (4, 2), {}, qkv,
             {"attn_mask": np.linspace(-1, 1, 48).reshape(4, 3, 4), "key_padding_mask":
              np.linspace(-1, 1, 8).reshape(2, 4)}),
        Case(attention, (4, 2), {}, normal((3, 4), (4, 4), (4, 4)),
             {"key_padding_mask": padding[0], "average_attn_weights": False}),
        Case(attention, (4, 2), {"dropout": 0.5}, qkv, random=True),
        Case("TransformerEncoderLayer", (4, 2), small, normal(x), check=False),
        Case("TransformerEncoderLayer", (4, 2),
             {**small, "activation": "gelu", "norm_first": True}, normal(x),
             {"src_mask": causal, "is_causal": True}),
        Case("TransformerEncoderLayer", (4, 2),
             {**small, "activation": "gelu", "batch_first": True, "bias": False}, normal((2, 4, 4)),
             {"src_key_padding_mask": padding}),
        Case("TransformerDecoderLayer", (4, 2), small, normal(x, memory), check=False),
        Case("TransformerDecoderLayer", (4, 2),
             {**small, "activation": "gelu", "norm_first": True}, normal(x, memory),
             {"tgt_mask": causal, "memory_key_padding_mask": padding[:, 1:]}),
        Case("TransformerEncoder",
             (per_kit(lambda kit: kit.nn.TransformerEncoderLayer(
                 4, 2, 5, 0.0, "gelu", batch_first=True)), 2),
             {"norm": per_kit(lambda kit: kit.nn.LayerNorm(4)), "enable_nested_tensor": False},
             normal((2, 4, 4)), {"mask": causal}),
        Case("TransformerDecoder",
             (per_kit(lambda kit: kit.nn.TransformerDecoderLayer(4, 2, 5, 0.0, "gelu")), 2), {},
             normal(x, memory), {"tgt_mask": causal}),
        Case("Transformer", (4, 2, 1, 1, 5, 0.0, "gelu"), {}, normal(memory, x),
             {"tgt_mask": causal}),
        Case("Transformer", (4, 2, 1, 2, 5, 0.0), {"norm_first": True, "batch_first": True},
             normal((2, 3, 4), (2, 4, 4)), {"tgt_mask": causal, "tgt_is_causal": True},
             check=False),
    ]  # fmt: skip


def _others() -> list[Case]:
    vector, around = spread((3, 4)), spread((30,))
    cases = [
        Case("Identity", (), {}, vector),
        Case("Linear", (4, 3), {}, normal((5, 4))),
        Case("Linear", (4, 3), {"bias": False}, normal((2, 2, 4))),
        Case("Linear", (4, 3), {}, normal((4,))),
        Case("LazyLinear", (3,), {}, normal((5, 4))),
        Case("Bilinear", (3, 4, 2), {}, normal((2, 3), (2, 4))),
        Case("Flatten", (), {}, normal((2, 3, 2))),
        Case("Unflatten", (1, (2, 3)), {}, normal((2, 6))),
        Case("Embedding", (5, 3), {}, integers(5, (2, 3))),
        Case("Embedding", (5, 3), {"padding_idx": -2}, integers(5, (6,))),
        Case("Embedding", (5, 3), {"scale_grad_by_freq": True}, fixed([0, 1, 1, 3]), check=False),
        Case("Embedding", (5, 3), {"max_norm": 0.5, "norm_type": 1.0}, fixed([0, 1, 1, 3]),
             check=False),
        Case("GLU", (1,), {}, normal((2, 4, 3))),
        Case("PReLU", (), {}, vector),
        Case("PReLU", (4,), {"init": 0.1}, vector),
        Case("RReLU", (0.1, 0.4), {}, vector, random=True),
        Case("Softmax", (1,), {}, normal((2, 4, 3))),
        Case("Softmax2d", (), {}, normal((2, 4, 3, 2))),
        Case("Softmax2d", (), {}, normal((4, 3, 2))),
        Case("LogSoftmax", (-1,), {}, normal((2, 4, 3))),
        Case("Softmin", (0,), {}, normal((2, 4, 3))),
        Case("Hardtanh", (-0.75, 0.8), {}, around),
        Case("Threshold", (0.1, 3.0), {}, around),
        Case("GELU", (), {"approximate": "tanh"}, around),
        Case("Softplus", (2.0, 1.0), {}, around, check=False),
        Case("LeakyReLU", (0.3,), {}, around),
        Case("ELU", (0.7,), {}, around),
        Case("CELU", (0.7,), {}, around, tolerance=1e-7),
        Case("Hardshrink", (0.6,), {}, around),
        Case("Softshrink", (0.6,), {}, around),
        Case("Hardsigmoid", (), {}, around, tolerance=1e-7),
        Case("ReLU", (), {"inplace": True}, around, check=False),
        *(Case(name, (), {}, around) for name in (
            "CELU", "ELU", "GELU", "Hardshrink", "Hardswish", "LeakyReLU",
            "LogSigmoid", "Mish", "ReLU", "ReLU6", "SELU", "SiLU", "Sigmoid", "Softplus",
            "Softshrink", "Softsign", "Tanh", "Tanhshrink")),
    ]  # fmt: skip
    bags = fixed([1, 2, 4, 4, 0, 3], [0, 2, 2, 5])
    for mode in ("sum", "mean", "max"):
        cases += [
            Case("EmbeddingBag", (5, 3), {"mode": mode}, integers(5, (2, 4))),
            Case("EmbeddingBag", (5, 3), {"mode": mode}, bags),
            Case("EmbeddingBag", (5, 3), {"mode": mode, "padding_idx": 4}, bags),
            Case("EmbeddingBag", (5, 3), {"mode": mode, "include_last_offset": True},
                 fixed([1, 2, 4, 4, 0, 3], [0, 2, 2, 6])),
        ]  # fmt: skip
    cases.append(
        Case("EmbeddingBag", (5, 3), {"mode": "sum"},
             also(integers(5, (2, 4)), fixed(None), normal((2, 4))))
    )  # fmt: skip
    cases.append(
        Case("EmbeddingBag", (5, 3), {"max_norm": 0.5, "norm_type": 1.0}, bags, check=False)
    )
    cases += [
        Case(name, (0.4,), {}, normal(shape), random=True)
        for name, shape in {
            "Dropout": (3, 4), "Dropout1d": (2, 3, 4), "Dropout2d": (2, 3, 2, 2),
            "Dropout3d": (2, 3, 2, 2, 2), "AlphaDropout": (3, 4),
            "FeatureAlphaDropout": (2, 3, 4),
        }.items()
    ]  # fmt: skip
    return cases


CASES = [*_losses(), *_spatial(), *_norms(), *_recurrent(), *_attention(), *_others()]
