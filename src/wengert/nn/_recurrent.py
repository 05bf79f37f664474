"""Recurrences: one step of each kind of cell, and a loop of steps over a sequence.

What the inputs contribute is computed for all steps at once; a step is then one matrix product of
the hidden state and what follows it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import wengert as wg
from wengert import Tensor, _ops

__all__ = ["Weights", "cell", "layer", "layers"]

State = tuple[Tensor, ...]
# From the inputs' share (B, gates * H) and the state before to the state after.
Step = Callable[[Tensor, State], State]
# w_ih, w_hh, then b_ih, b_hh if there are biases, then w_hr if there is a projection.
Weights = Sequence[Tensor]


def _rnn(activation: Callable[[Tensor], Tensor], weights: Weights, bias: bool) -> Step:
    # `linear`, not `addmm`: its gradient of the weight comes out in the weight's own layout.
    recurrent = weights[1]

    def step(share: Tensor, state: State) -> State:
        return (activation(share + _ops.linear(state[0], recurrent)),)

    return step


def _lstm(weights: Weights, bias: bool) -> Step:
    recurrent = weights[1]
    projection = weights[-1] if len(weights) == (5 if bias else 3) else None

    def step(share: Tensor, state: State) -> State:
        hidden, memory = state
        size = memory.shape[1]
        gates = share + _ops.linear(hidden, recurrent)
        into, keep, new, out = _ops.split_with_sizes(gates, [size, size, size, size], 1)
        memory = keep.sigmoid() * memory + into.sigmoid() * new.tanh()
        hidden = out.sigmoid() * memory.tanh()
        if projection is not None:
            hidden = _ops.linear(hidden, projection)
        return hidden, memory

    return step


def _gru(weights: Weights, bias: bool) -> Step:
    matrix, shift = weights[1], weights[3] if bias else None

    def step(share: Tensor, state: State) -> State:
        (hidden,) = state
        size = hidden.shape[1]
        sizes = [2 * size, size]
        # The reset gate multiplies the hidden share of the new value, its bias included.
        given, given_new = _ops.split_with_sizes(share, sizes, 1)
        past, past_new = _ops.split_with_sizes(_ops.linear(hidden, matrix, shift), sizes, 1)
        reset, update = _ops.split_with_sizes((given + past).sigmoid(), [size, size], 1)
        new = (given_new + reset * past_new).tanh()
        return (new + update * (hidden - new),)

    return step


def _step(mode: str, weights: Weights, bias: bool) -> Step:
    if mode == "LSTM":
        return _lstm(weights, bias)
    if mode == "GRU":
        return _gru(weights, bias)
    return _rnn(_ops.relu if mode == "RNN_RELU" else _ops.tanh, weights, bias)


def _share(mode: str, input: Tensor, weights: Weights, bias: bool) -> Tensor:
    """What the inputs contribute to the gates; all biases but the GRU's recurrent one with it."""
    shift = None
    if bias:
        shift = weights[2] if mode == "GRU" else weights[2] + weights[3]
    return _ops.linear(input, weights[0], shift)


def cell(mode: str, input: Tensor, state: State, weights: Weights, bias: bool) -> State:
    """One step: ``input`` is (B, I)."""
    return _step(mode, weights, bias)(_share(mode, input, weights, bias), state)


def layer(
    mode: str,
    input: Tensor,
    state: State,
    weights: Weights,
    bias: bool,
    batch_sizes: Sequence[int] | None,
    reverse: bool,
) -> tuple[Tensor, State]:
    """All steps of one layer in one direction.

    Args:
        input: (T, B, I), or (sum of batch_sizes, I) if packed.
        state: (B, H) each.
        batch_sizes: of a packed sequence, how many of the sequences have each step; decreasing.
        reverse: from the last step to the first.

    Returns:
        the hidden states of all steps, laid out as the input, and the state after the last.
    """
    step = _step(mode, weights, bias)
    share = _share(mode, input, weights, bias)
    if batch_sizes is not None:
        return _packed(step, share, state, batch_sizes, reverse)
    low = wg.get_autocast_dtype("cpu") if wg.is_autocast_enabled("cpu") else None
    one = mode == "LSTM" or (mode == "GRU" and low is None)
    if not one or len(weights) != (4 if bias else 2):
        return _padded(step, share, state, reverse)
    reduced = share.dtype == low
    # A transform maps or pushes each step; the operators have no rules for all of them.
    whole = _ops._highest_level((share, *state, *weights)) is None
    if whole and (reduced or _is_plain(share, state, weights)):
        output, after = _fused(mode, share, state, weights, bias, reverse)
    else:
        output, after = _padded(step, share, state, reverse)
    if not reduced:
        return output, after
    # The steps run in float32; what comes out has the dtype of the region, as in PyTorch.
    assert low is not None
    return output.to(low), tuple(x.to(low) for x in after)


def layers(
    mode: str,
    x: Tensor,
    states: State,
    weights: Sequence[Weights],
    bias: bool,
    directions: int,
    batch_sizes: Sequence[int] | None,
    dropout: float,
) -> tuple[Tensor, State]:
    """All layers and directions of a network.

    Args:
        x: as the input of :func:`layer`.
        states: (layers * directions, B, H) each.
        weights: those of each layer and direction.
        dropout: the probability of a zero between layers; 0 where the network does not train.
    """
    rows = [state.unbind(0) for state in states]
    finals: list[State] = []
    for index in range(len(weights) // directions):
        outputs = []
        for direction in range(directions):
            k = index * directions + direction
            state = tuple(row[k] for row in rows)
            output, final = layer(mode, x, state, weights[k], bias, batch_sizes, direction == 1)
            outputs.append(output)
            finals.append(final)
        x = outputs[0] if directions == 1 else wg.cat(outputs, -1)
        if dropout and len(finals) < len(weights):
            x = wg.nn.functional.dropout(x, dropout, True)
    return x, tuple(wg.stack([final[i] for final in finals]) for i in range(len(states)))


def _is_plain(share: Tensor, state: State, weights: Weights) -> bool:
    """Can all steps of a layer be one operator?"""
    same = {share.dtype, weights[1].dtype, *(x.dtype for x in state)}
    return same in ({wg.float32}, {wg.float64})


def _fused(
    mode: str, share: Tensor, state: State, weights: Weights, bias: bool, reverse: bool
) -> tuple[Tensor, State]:
    if reverse:
        share = share.flip(0)
    if mode == "LSTM":
        hiddens, memories, _ = _ops._lstm(share, *state, weights[1])
        after: State = (hiddens[-1], memories[-1])
    else:
        hiddens, _ = _ops._gru(share, *state, weights[1], weights[3] if bias else None)
        after = (hiddens[-1],)
    return (hiddens.flip(0) if reverse else hiddens), after


def _padded(step: Step, share: Tensor, state: State, reverse: bool) -> tuple[Tensor, State]:
    shares = _ops.unbind(share, 0)
    if reverse:
        shares = shares[::-1]
    outputs = []
    for each in shares:
        state = step(each, state)
        outputs.append(state[0])
    if reverse:
        outputs.reverse()
    return _ops.stack(outputs), state


def _packed(
    step: Step, share: Tensor, state: State, batch_sizes: Sequence[int], reverse: bool
) -> tuple[Tensor, State]:
    shares = _ops.split_with_sizes(share, list(batch_sizes), 0)
    outputs: list[Tensor] = []
    if reverse:
        # Sequences join in where they end.
        first, size = state, batch_sizes[-1]
        state = tuple(x[:size] for x in first)
        for each, wanted in zip(shares[::-1], reversed(batch_sizes), strict=True):
            if wanted > size:
                state = tuple(
                    wg.cat([x, start[size:wanted]]) for x, start in zip(state, first, strict=True)
                )
                size = wanted
            state = step(each, state)
            outputs.append(state[0])
        outputs.reverse()
        return wg.cat(outputs), state
    # Sequences that have ended keep their state.
    ended: list[State] = []
    size = batch_sizes[0]
    for each, wanted in zip(shares, batch_sizes, strict=True):
        if wanted < size:
            ended.append(tuple(x[wanted:] for x in state))
            state = tuple(x[:wanted] for x in state)
            size = wanted
        state = step(each, state)
        outputs.append(state[0])
    if ended:
        parts = [state, *reversed(ended)]
        state = tuple(wg.cat([part[i] for part in parts]) for i in range(len(state)))
    return wg.cat(outputs), state
