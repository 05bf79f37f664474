"""Recurrent networks and cells as functions, with PyTorch's flat names and orders of arguments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wengert._C import Tensor
from wengert.nn import _recurrent

__all__ = (
    "gru", "gru_cell", "lstm", "lstm_cell", "rnn_relu", "rnn_relu_cell", "rnn_tanh",
    "rnn_tanh_cell",
)  # fmt: skip


def _network(
    mode: str,
    input: Tensor,
    states: tuple[Tensor, ...],
    rest: tuple[Any, ...],
    named: dict[str, Any],
) -> tuple[Tensor, tuple[Tensor, ...]]:
    names = ["params", "has_biases", "num_layers", "dropout", "train", "bidirectional"]
    given = dict(zip([*names, "batch_first"], rest, strict=False)) | named
    if missing := [name for name in names if name not in given]:
        raise TypeError(f"{mode.lower()}() missing arguments: {', '.join(missing)}")
    params: Sequence[Tensor] = given["params"]
    directions = 2 if given["bidirectional"] else 1
    count = given["num_layers"] * directions
    each = len(params) // count
    if each * count != len(params):
        raise RuntimeError(
            f"{mode.lower()}(): {len(params)} weights for {given['num_layers']} layers in "
            f"{directions} directions"
        )
    weights = [params[i * each : (i + 1) * each] for i in range(count)]
    dropout = given["dropout"] if given["train"] else 0.0
    first = bool(given.get("batch_first", False))
    x = input.transpose(0, 1) if first else input
    output, states = _recurrent.layers(
        mode, x, states, weights, given["has_biases"], directions, None, dropout
    )
    return output.transpose(0, 1) if first else output, states


def _call(mode: str, input: Tensor, hx: Any, rest: Any, named: Any) -> Any:
    states = (hx,) if isinstance(hx, Tensor) else tuple(hx)
    if not states[0].is_floating_point():  # data, batch_sizes, hx, params, ...
        raise NotImplementedError(
            f"{mode.lower()}(): packed sequences are for the modules of nn, which take a "
            "PackedSequence"
        )
    output, states = _network(mode, input, states, rest, named)
    return output, *states


def lstm(input: Tensor, hx: Any, *args: Any, **named: Any) -> tuple[Tensor, Tensor, Tensor]:
    """The outputs, the last hidden state and the last memory of an LSTM.

    Arguments: ``input, (h, c), params, has_biases, num_layers, dropout, train, bidirectional,
    batch_first``; ``params`` holds w_ih, w_hh, b_ih, b_hh of each layer and direction in turn.

    >>> net = wg.nn.LSTM(2, 3)
    >>> x, state = wg.randn(4, 1, 2), (wg.zeros(1, 1, 3), wg.zeros(1, 1, 3))
    >>> y = wg.lstm(x, state, list(net.parameters()), True, 1, 0.0, False, False, False)[0]
    >>> wg.allclose(y, net(x, state)[0])
    True
    """
    return _call("LSTM", input, hx, args, named)


def gru(input: Tensor, hx: Tensor, *args: Any, **named: Any) -> tuple[Tensor, Tensor]:
    """The outputs and the last state of a GRU; arguments as in `lstm`."""
    return _call("GRU", input, hx, args, named)


def rnn_tanh(input: Tensor, hx: Tensor, *args: Any, **named: Any) -> tuple[Tensor, Tensor]:
    """The outputs and the last state of an Elman network with tanh; arguments as in `lstm`."""
    return _call("RNN_TANH", input, hx, args, named)


def rnn_relu(input: Tensor, hx: Tensor, *args: Any, **named: Any) -> tuple[Tensor, Tensor]:
    """The outputs and the last state of an Elman network with relu; arguments as in `lstm`."""
    return _call("RNN_RELU", input, hx, args, named)


def _one_step(
    mode: str, input: Tensor, states: tuple[Tensor, ...], weights: tuple[Tensor | None, ...]
) -> Any:
    given = [weight for weight in weights if weight is not None]
    return _recurrent.cell(mode, input, states, given, len(given) == 4)


def lstm_cell(
    input: Tensor,
    hx: Any,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """One step of an LSTM: the hidden state and the memory after it. hx: those before."""
    return _one_step("LSTM", input, tuple(hx), (w_ih, w_hh, b_ih, b_hh))


def gru_cell(
    input: Tensor,
    hx: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
) -> Tensor:
    """One step of a GRU."""
    return _one_step("GRU", input, (hx,), (w_ih, w_hh, b_ih, b_hh))[0]


def rnn_tanh_cell(
    input: Tensor,
    hx: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
) -> Tensor:
    """One step of an Elman network with tanh."""
    return _one_step("RNN_TANH", input, (hx,), (w_ih, w_hh, b_ih, b_hh))[0]


def rnn_relu_cell(
    input: Tensor,
    hx: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
) -> Tensor:
    """One step of an Elman network with relu."""
    return _one_step("RNN_RELU", input, (hx,), (w_ih, w_hh, b_ih, b_hh))[0]
