"""The exact texts of layers that get what does not fit."""

import os

import pytest

import wengert as wg
from wengert import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(7, 10), nn.ReLU(), nn.Linear(12, 5))
        self.head = nn.LSTM(5, 2)

    def forward(self, x):
        return self.head(self.encoder(x))


def text_of(error, call):
    with pytest.raises(error) as caught:
        call()
    assert type(caught.value) is error
    return str(caught.value)


HERE = os.path.relpath(__file__)


def _lines(text):
    """Without the line numbers of this file."""
    return [line.partition(f"{HERE}:")[0] for line in text.splitlines()]


def test_a_layer_deep_in_a_model_is_named():
    text = text_of(RuntimeError, lambda: Net()(wg.zeros(4, 7)))
    assert _lines(text) == [
        "linear(): mat1 and mat2 shapes cannot be multiplied (4x10 and 12x5)",
        "  input: float32[4, 10] cpu   inner size 10",
        "  weight: float32[5, 12] cpu   inner size 12",
        "  module: encoder.2 of Net: Linear(in_features=12, out_features=5, bias=True)",
        "  called: ",
    ]
    assert text.endswith("return self.head(self.encoder(x))")


def test_a_layer_alone():
    text = text_of(ValueError, lambda: nn.BatchNorm2d(3)(wg.zeros(4, 3)))
    assert _lines(text) == [
        "expected 4D input (got 2D input)",
        "  input: float32[4, 3] cpu",
        "  module: BatchNorm2d(3, eps=1e-05, momentum=0.1, affine=True, bias=True, "
        "track_running_stats=True)",
        "  called: ",
    ]


def test_the_chain_of_calls_is_followed():
    shared = nn.Linear(2, 3)
    net = nn.ModuleDict({"a": nn.Sequential(shared), "b": nn.Sequential(nn.ReLU(), shared)})
    outer = nn.Sequential(nn.Identity(), net["b"])
    assert "\n  module: 1.1 of Sequential: Linear(" in text_of(
        RuntimeError, lambda: outer(wg.zeros(4, 7))
    )


def test_an_error_is_named_once_and_stays_the_same_object():
    class Wrapper(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nn.Linear(2, 3)

        def forward(self, x):
            try:
                return self.inner(x)
            except RuntimeError as error:
                self.seen = error
                raise

    net = Wrapper()
    with pytest.raises(RuntimeError) as caught:
        net(wg.zeros(1, 5))
    assert caught.value is net.seen
    assert str(caught.value).count("module:") == 1


def test_hooks_do_not_hide_the_name():
    net = Net()
    net.encoder[2].register_forward_hook(lambda module, args, output: None)
    assert "encoder.2 of Net" in text_of(RuntimeError, lambda: net(wg.zeros(4, 7)))


def test_what_users_raise_is_left_alone():
    class Own(nn.Module):
        def forward(self, x):
            raise ValueError("mine")

    assert text_of(ValueError, lambda: nn.Sequential(Own())(wg.zeros(1))) == "mine"


def test_missing_forward():
    with pytest.raises(NotImplementedError) as caught:
        nn.ModuleList([])(1)
    assert str(caught.value) == 'Module [ModuleList] is missing the required "forward" function'


FIRST_LINES = {
    "lstm features": (
        lambda: nn.LSTM(3, 4)(wg.zeros(2, 1, 5)),
        RuntimeError,
        "input.size(-1) must be equal to input_size. Expected 3, got 5",
    ),
    "rnn dimensions": (
        lambda: nn.GRU(3, 4)(wg.zeros(2, 1, 5, 3)),
        ValueError,
        "GRU: Expected input to be 2D or 3D, got 4D instead",
    ),
    "rnn hidden": (
        lambda: nn.RNN(3, 4)(wg.zeros(2, 1, 3), wg.zeros(1, 2, 4)),
        RuntimeError,
        "Expected hidden size (1, 1, 4), got [1, 2, 4]",
    ),
    "lstm hidden": (
        lambda: nn.LSTM(3, 4)(wg.zeros(2, 1, 3), (wg.zeros(1, 1, 4), wg.zeros(1, 1, 5))),
        RuntimeError,
        "Expected hidden[1] size (1, 1, 4), got [1, 1, 5]",
    ),
    "lstm hidden dimensions": (
        lambda: nn.LSTM(3, 4)(wg.zeros(2, 1, 3), (wg.zeros(1, 4), wg.zeros(1, 4))),
        RuntimeError,
        "For batched 3-D input, hx and cx should also be 3-D but got (2-D, 2-D) tensors",
    ),
    "cell": (
        lambda: nn.LSTMCell(3, 4)(wg.zeros(2, 5)),
        RuntimeError,
        "input has inconsistent input_size: got 5, expected 3",
    ),
    "attention width": (
        lambda: nn.MultiheadAttention(4, 2)(*[wg.zeros(3, 2, 6)] * 3),
        AssertionError,
        "was expecting embedding dimension of 4, but got 6",
    ),
    "attention mask": (
        lambda: nn.MultiheadAttention(4, 2)(*[wg.zeros(3, 2, 4)] * 3, attn_mask=wg.zeros(2, 2)),
        RuntimeError,
        "The shape of the 2D attn_mask is (2, 2), but should be (3, 3).",
    ),
    "attention hint": (
        lambda: nn.MultiheadAttention(4, 2)(*[wg.zeros(3, 2, 4)] * 3, is_causal=True),
        RuntimeError,
        "Need attn_mask if specifying the is_causal hint. Use the Transformer module method "
        "`generate_square_subsequent_mask` to create this mask.",
    ),
    "transformer": (
        lambda: nn.Transformer(4, 2, 1, 1, 5)(wg.zeros(3, 2, 4), wg.zeros(3, 3, 4)),
        RuntimeError,
        "the batch number of src and tgt must be equal",
    ),
    "transposed convolution": (
        lambda: nn.ConvTranspose1d(1, 1, 2, stride=2)(wg.zeros(1, 1, 3), output_size=[9]),
        ValueError,
        "requested an output size of [9], but valid sizes range from [6] to [7] (for an input of "
        "[3])",
    ),
    "instance norm": (
        lambda: nn.InstanceNorm1d(3, affine=True)(wg.zeros(2, 4, 5)),
        ValueError,
        "expected input's size at dim=1 to match num_features (3), but got: 4.",
    ),
    "upsampling": (
        lambda: nn.Upsample(size=3, mode="bilinear")(wg.zeros(1, 1, 4)),
        NotImplementedError,
        "Got 3D input, but bilinear mode needs 4D input",
    ),
    "softmax2d": (
        lambda: nn.Softmax2d()(wg.zeros(2)),
        ValueError,
        "Softmax2d: expected input to be 3D or 4D, got 1D instead",
    ),
    "bags": (
        lambda: nn.EmbeddingBag(3, 2)(wg.tensor([1, 2])),
        ValueError,
        "offsets has to be a 1D Tensor but got None",
    ),
    "bags' offsets": (
        lambda: nn.EmbeddingBag(3, 2)(wg.tensor([1, 2]), wg.tensor([1])),
        RuntimeError,
        "offsets[0] has to be 0, i.e., the first sequence in the mini-batch has to start from "
        "position 0. However, got 1",
    ),
    "adaptive softmax": (
        lambda: nn.AdaptiveLogSoftmaxWithLoss(8, 6, [3], 2.0)(wg.zeros(1, 8), wg.tensor([6])),
        RuntimeError,
        "Target values should be in [0, 5], but values in range [6, 6] were found. ",
    ),
    "ctc": (
        lambda: nn.CTCLoss()(wg.zeros(3, 1, 4), wg.tensor([[1]]), [4], [1]),
        RuntimeError,
        "ctc_loss(): Expected input_lengths to have value at most 3, but got value 4 (while "
        "checking arguments for ctc_loss, example 0)",
    ),
    "lazy convolution": (
        lambda: nn.LazyConv2d(3, 2)(wg.zeros(4)),
        RuntimeError,
        "Expected 3D (unbatched) or 4D (batched) input to LazyConv2d, but got input of size: [4]",
    ),
    "lazy groups": (
        lambda: nn.LazyConv2d(4, 2, groups=2)(wg.zeros(1, 3, 4, 4)),
        ValueError,
        "in_channels must be divisible by groups",
    ),
}


@pytest.mark.parametrize(("call", "error", "text"), FIRST_LINES.values(), ids=FIRST_LINES)
def test_first_line(call, error, text):
    assert text_of(error, call).split("\n")[0] == text


CONSTRUCTORS = {
    "groups": (
        lambda: nn.Conv3d(3, 4, 1, groups=2), ValueError, "in_channels must be divisible by groups",
    ),
    "padding": (
        lambda: nn.Conv2d(1, 1, 2, padding="full"),
        ValueError, "Invalid padding string 'full', should be one of {'valid', 'same'}",
    ),
    "transposed padding": (
        lambda: nn.ConvTranspose2d(1, 1, 2, padding_mode="reflect"),
        ValueError, 'Only "zeros" padding mode is supported for ConvTranspose2d',
    ),
    "group norm": (
        lambda: nn.GroupNorm(3, 4), ValueError,
        "num_channels (4) must be divisible by num_groups (3)",
    ),
    "heads": (
        lambda: nn.MultiheadAttention(5, 2), AssertionError,
        "embed_dim must be divisible by num_heads",
    ),
    "no heads": (
        lambda: nn.MultiheadAttention(4, 0), ValueError,
        "embed_dim and num_heads must be greater than 0, got embed_dim=4 and num_heads=0 instead",
    ),
    "activation": (
        lambda: nn.TransformerEncoderLayer(4, 2, activation="tanh"), RuntimeError,
        "activation should be relu/gelu, not tanh",
    ),
    "projection": (
        lambda: nn.LSTM(3, 2, proj_size=2), ValueError,
        "proj_size has to be smaller than hidden_size",
    ),
    "projection of a GRU": (
        lambda: nn.GRU(3, 2, proj_size=1), ValueError,
        "proj_size argument is only supported for LSTM, not RNN or GRU",
    ),
    "nonlinearity": (
        lambda: nn.RNN(3, 2, nonlinearity="gelu"), ValueError,
        "Unknown nonlinearity 'gelu'. Select from 'tanh' or 'relu'.",
    ),
    "hidden size": (
        lambda: nn.RNN(3, 0), ValueError, "hidden_size must be greater than zero",
    ),
    "hidden size of a wrong type": (
        lambda: nn.RNN(3, 2.0), TypeError, "hidden_size should be of type int, got: float",
    ),
    "cutoffs": (
        lambda: nn.AdaptiveLogSoftmaxWithLoss(8, 6, [3, 2]), ValueError,
        "cutoffs should be a sequence of unique, positive integers sorted in an increasing order, "
        "where each value is between 1 and n_classes-1",
    ),
    "fraction": (
        lambda: nn.FractionalMaxPool2d(2, output_ratio=(0.5, 1.5)), ValueError,
        "output_ratio must be between 0 and 1 (got (0.5, 1.5))",
    ),
    "margin": (
        lambda: nn.TripletMarginLoss(0), ValueError,
        "TripletMarginLoss: expected margin to be greater than 0, got 0 instead",
    ),
    "dropout": (
        lambda: nn.Dropout3d(1.5), ValueError,
        "dropout probability has to be between 0 and 1, but got 1.5",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("call", "error", "text"), CONSTRUCTORS.values(), ids=CONSTRUCTORS)
def test_constructor(call, error, text):
    assert text_of(error, call) == text


FUNCTIONS = {
    "interpolate: nothing": (
        lambda: nn.functional.interpolate(wg.zeros(1, 1, 2)), ValueError,
        "either size or scale_factor should be defined",
    ),
    "interpolate: both": (
        lambda: nn.functional.interpolate(wg.zeros(1, 1, 2), 2, 2.0), ValueError,
        "only one of size or scale_factor should be defined",
    ),
    "interpolate: corners": (
        lambda: nn.functional.interpolate(wg.zeros(1, 1, 2), 2, align_corners=True), ValueError,
        "align_corners option can only be set with the interpolating modes: linear | bilinear | "
        "bicubic | trilinear",
    ),
    "grid_sample: dtypes": (
        lambda: nn.functional.grid_sample(
            wg.zeros(1, 1, 2, 2), wg.zeros(1, 2, 2, 2, dtype=wg.float64), align_corners=False
        ),
        RuntimeError,
        "grid_sampler(): expected input and grid to have same dtype, but input has float32 and "
        "grid has float64\n  input: float32[1, 1, 2, 2] cpu\n  grid: float64[1, 2, 2, 2] cpu",
    ),
    "attention: causal and masked": (
        lambda: nn.functional.scaled_dot_product_attention(
            *[wg.zeros(2, 2)] * 3, attn_mask=wg.zeros(2, 2), is_causal=True
        ),
        RuntimeError,
        "_scaled_dot_product_attention: Explicit attn_mask should not be set when is_causal=True",
    ),
    "packing: order": (
        lambda: nn.utils.rnn.pack_padded_sequence(wg.zeros(2, 2), [1, 2]), RuntimeError,
        "`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. You can "
        "pass `enforce_sorted=False` to pack_padded_sequence and/or pack_sequence to sidestep this "
        "requirement if you do not need ONNX exportability.",
    ),
    "packing: zero": (
        lambda: nn.utils.rnn.pack_padded_sequence(wg.zeros(2, 2), [1, 0]), RuntimeError,
        "Length of all samples has to be greater than 0, but found an element in 'lengths' that is "
        "<= 0",
    ),
    "clipping": (
        lambda: nn.utils.get_total_norm([wg.tensor([wg.inf])], error_if_nonfinite=True),
        RuntimeError,
        "The total norm of order 2.0 for gradients from `parameters` is non-finite, so it cannot "
        "be clipped. To disable this error and scale the gradients by the non-finite norm anyway, "
        "set `error_if_nonfinite=False`",
    ),
    "pruning": (
        lambda: nn.utils.prune.l1_unstructured(nn.Linear(2, 2), "weight", 1.5), ValueError,
        "amount=1.5 should either be a float in the range [0, 1] or a non-negative integer",
    ),
    "pruning too much": (
        lambda: nn.utils.prune.l1_unstructured(nn.Linear(2, 2), "weight", 5), ValueError,
        "amount=5 should be smaller than the number of parameters to prune=4",
    ),
    "no parametrization": (
        lambda: nn.utils.parametrize.remove_parametrizations(nn.Linear(2, 2), "weight"), ValueError,
        "Module Linear(in_features=2, out_features=2, bias=True) does not have a parametrization "
        "on weight",
    ),
    "weight norm": (
        lambda: nn.utils.remove_weight_norm(nn.Linear(2, 2)), ValueError,
        "weight_norm of 'weight' not found in Linear(in_features=2, out_features=2, bias=True)",
    ),
    "orthogonal": (
        lambda: nn.utils.parametrizations.orthogonal(nn.Linear(2, 2), "bias"), ValueError,
        "Expected a matrix or batch of matrices. Got a tensor of 1 dimensions.",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("call", "error", "text"), FUNCTIONS.values(), ids=FUNCTIONS)
def test_function(call, error, text):
    assert text_of(error, call) == text
