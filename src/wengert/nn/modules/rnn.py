"""Recurrent layers and cells."""

from __future__ import annotations

import math
import numbers
import warnings
from typing import Any

import wengert as wg

from .. import init
from .._recurrent import cell, layers
from ..parameter import Parameter
from ..utils.rnn import PackedSequence
from .module import Module

__all__ = [
    "GRU", "LSTM", "RNN", "GRUCell", "LSTMCell", "RNNBase", "RNNCell", "RNNCellBase",
]  # fmt: skip

_GATES = {"LSTM": 4, "GRU": 3, "RNN_TANH": 1, "RNN_RELU": 1}


class RNNBase(Module):
    """What `RNN`, `LSTM` and `GRU` share: weights, layers, directions, dropout between layers.

    Args:
        mode: "RNN_TANH", "RNN_RELU", "LSTM" or "GRU".
        input_size: features of the input. hidden_size: of the hidden state.
        num_layers: layers stacked on each other. bias: shifts in the gates.
        batch_first: (N, L, ...) instead of (L, N, ...); the hidden state is not concerned.
        dropout: probability, on the outputs of all layers but the last.
        bidirectional: a second recurrence from the end to the start, the outputs side by side.
        proj_size: LSTM only: the hidden state is projected to this size.

    The weights are named as in PyTorch, such as ``weight_ih_l0`` and ``bias_hh_l1_reverse``, and
    start evenly distributed within ``1 / sqrt(hidden_size)`` of zero.
    """

    weight_ih_l0: wg.Tensor

    def __init__(
        self,
        mode: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: wg.dtype | None = None,
    ) -> None:
        super().__init__()
        if mode not in _GATES:
            raise ValueError("Unrecognized RNN mode: " + mode)
        if (
            not isinstance(dropout, numbers.Number)
            or not 0 <= dropout <= 1
            or isinstance(dropout, bool)
        ):
            raise ValueError(
                "dropout should be a number in range [0, 1] representing the probability of an "
                "element being zeroed"
            )
        if dropout > 0 and num_layers == 1:
            warnings.warn(
                "dropout option adds dropout after all but last recurrent layer, so non-zero "
                f"dropout expects num_layers greater than 1, but got dropout={dropout} and "
                f"num_layers={num_layers}",
                stacklevel=3,
            )
        if not isinstance(hidden_size, int):
            raise TypeError(f"hidden_size should be of type int, got: {type(hidden_size).__name__}")
        if hidden_size <= 0:
            raise ValueError("hidden_size must be greater than zero")
        if num_layers <= 0:
            raise ValueError("num_layers must be greater than zero")
        if proj_size < 0:
            raise ValueError(
                "proj_size should be a positive integer or zero to disable projections"
            )
        if proj_size >= hidden_size:
            raise ValueError("proj_size has to be smaller than hidden_size")
        self.mode = mode
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = float(dropout)
        self.bidirectional = bidirectional
        self.proj_size = proj_size
        self._all_weights: list[list[str]] = []
        gates = _GATES[mode] * hidden_size
        state = proj_size or hidden_size
        directions = ("", "_reverse") if bidirectional else ("",)
        for index in range(num_layers):
            features = input_size if index == 0 else state * len(directions)
            for suffix in directions:
                shapes: dict[str, tuple[int, ...]] = {
                    "weight_ih": (gates, features),
                    "weight_hh": (gates, state),
                }
                if bias:
                    # The second one is redundant, but saved states have it.
                    shapes.update(bias_ih=(gates,), bias_hh=(gates,))
                if proj_size:
                    shapes["weight_hr"] = (proj_size, hidden_size)
                names = []
                for name, shape in shapes.items():
                    names.append(f"{name}_l{index}{suffix}")
                    value = wg.empty(shape, device=device, dtype=dtype)
                    self.register_parameter(names[-1], Parameter(value))
                self._all_weights.append(names)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws new starting values."""
        bound = 1.0 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def flatten_parameters(self) -> None:
        """Does nothing: the weights need not lie in one piece of memory."""

    @property
    def all_weights(self) -> list[list[Parameter]]:
        """The weights of each layer and direction."""
        return [[getattr(self, name) for name in names] for names in self._all_weights]

    @property
    def _flat_weights_names(self) -> list[str]:
        return [name for names in self._all_weights for name in names]

    @property
    def _flat_weights(self) -> list[Parameter]:
        return [getattr(self, name) for name in self._flat_weights_names]

    @_flat_weights.setter
    def _flat_weights(self, weights: list[Any]) -> None:
        # Programs that compute their weights put tensors here which are no parameters.
        self.__dict__.update(zip(self._flat_weights_names, weights, strict=True))

    # ---- checks ----

    def check_input(self, input: wg.Tensor, batch_sizes: wg.Tensor | None) -> None:
        """Raises where the input does not fit."""
        dtype = self.weight_ih_l0.dtype
        if input.dtype != dtype and not wg.is_autocast_enabled():
            raise ValueError(
                f"RNN input dtype ({input.dtype}) does not match weight dtype ({dtype}). Convert "
                f"input: input.to({dtype}), or convert model: model.to({input.dtype})"
            )
        expected = 2 if batch_sizes is not None else 3
        if input.dim() != expected:
            raise RuntimeError(f"input must have {expected} dimensions, got {input.dim()}")
        if self.input_size != input.shape[-1]:
            raise RuntimeError(
                "input.size(-1) must be equal to input_size. Expected "
                f"{self.input_size}, got {input.shape[-1]}"
            )

    def _check_states(self, states: tuple[wg.Tensor, ...], batch: int) -> None:
        rows = self.num_layers * (2 if self.bidirectional else 1)
        for i, state in enumerate(states):
            size = self.hidden_size if i else self.proj_size or self.hidden_size
            name = f"hidden[{i}]" if len(states) > 1 else "hidden"
            if tuple(state.shape) != (rows, batch, size):
                raise RuntimeError(
                    f"Expected {name} size {(rows, batch, size)}, got {list(state.shape)}"
                )

    def _unpack_states(self, hx: Any) -> tuple[wg.Tensor, ...]:
        if self.mode != "LSTM":
            return (hx,)
        if not isinstance(hx, tuple | list) or len(hx) != 2:
            raise RuntimeError("LSTM: Expected hx to be a tuple of two tensors, (h_0, c_0)")
        return tuple(hx)

    # ---- running ----

    def _initial(self, input: wg.Tensor, batch: int) -> tuple[wg.Tensor, ...]:
        rows = self.num_layers * (2 if self.bidirectional else 1)
        sizes = [self.proj_size or self.hidden_size]
        if self.mode == "LSTM":
            sizes.append(self.hidden_size)
        return tuple(input.new_zeros(rows, batch, size) for size in sizes)

    def forward(self, input: Any, hx: Any = None) -> Any:
        if isinstance(input, PackedSequence):
            return self._forward_packed(input, hx)
        if input.dim() not in (2, 3):
            raise ValueError(
                f"{self._get_name()}: Expected input to be 2D or 3D, got {input.dim()}D instead"
            )
        batched = input.dim() == 3
        time = 1 if self.batch_first and batched else 0
        x = input if batched else input.unsqueeze(1)
        if time == 1:
            x = x.transpose(0, 1)
        self.check_input(x, None)
        if x.shape[0] == 0:
            raise RuntimeError("Expected sequence length to be larger than 0 in RNN")
        if hx is None:
            states = self._initial(x, x.shape[1])
        else:
            states = self._unpack_states(hx)
            self._check_state_dims(states, batched)
            if not batched:
                states = tuple(state.unsqueeze(1) for state in states)
            self._check_states(states, x.shape[1])
        output, states = self._run(x, states, None)
        if time == 1:
            output = output.transpose(0, 1)
        if not batched:
            output = output.squeeze(1)
            states = tuple(state.squeeze(1) for state in states)
        return output, states if self.mode == "LSTM" else states[0]

    def _check_state_dims(self, states: tuple[wg.Tensor, ...], batched: bool) -> None:
        wanted = 3 if batched else 2
        if all(state.dim() == wanted for state in states):
            return
        kind = "batched 3-D" if batched else "unbatched 2-D"
        if self.mode == "LSTM":
            given = ", ".join(f"{state.dim()}-D" for state in states)
            raise RuntimeError(
                f"For {kind} input, hx and cx should also be {wanted}-D but got ({given}) tensors"
            )
        raise RuntimeError(
            f"For {kind} input, hx should also be {wanted}-D but got {states[0].dim()}-D tensor"
        )

    def _forward_packed(self, packed: PackedSequence, hx: Any) -> Any:
        data, counts, order, back = packed
        self.check_input(data, counts)
        sizes = counts.tolist()
        if hx is None:
            states = self._initial(data, sizes[0])
        else:
            states = self._unpack_states(hx)
            if order is not None:
                states = tuple(state.index_select(1, order) for state in states)
            self._check_states(states, sizes[0])
        output, states = self._run(data, states, sizes)
        if back is not None:
            states = tuple(state.index_select(1, back) for state in states)
        result = PackedSequence(output, counts, order, back)
        return result, states if self.mode == "LSTM" else states[0]

    def _run(
        self, x: wg.Tensor, states: tuple[wg.Tensor, ...], batch_sizes: list[int] | None
    ) -> tuple[wg.Tensor, tuple[wg.Tensor, ...]]:
        """All layers and directions; states are (layers * directions, B, H)."""
        weights = [[getattr(self, name) for name in names] for names in self._all_weights]
        directions = 2 if self.bidirectional else 1
        dropout = self.dropout if self.training else 0.0
        return layers(self.mode, x, states, weights, self.bias, directions, batch_sizes, dropout)

    def extra_repr(self) -> str:
        text = f"{self.input_size}, {self.hidden_size}"
        if self.proj_size != 0:
            text += f", proj_size={self.proj_size}"
        if self.num_layers != 1:
            text += f", num_layers={self.num_layers}"
        if self.bias is not True:
            text += f", bias={self.bias}"
        if self.batch_first is not False:
            text += f", batch_first={self.batch_first}"
        if self.dropout != 0:
            text += f", dropout={self.dropout}"
        if self.bidirectional is not False:
            text += f", bidirectional={self.bidirectional}"
        return text


class RNN(RNNBase):
    """``h = tanh(x @ w_ih.T + b_ih + h @ w_hh.T + b_hh)``, step by step.

    ``RNN(input_size, hidden_size, num_layers=1, nonlinearity="tanh", bias=True,
    batch_first=False, dropout=0.0, bidirectional=False, device=None, dtype=None)``; see `RNNBase`.

    ``forward(input, h_0=zeros)`` takes (L, N, input_size), (L, input_size) or a `PackedSequence`,
    and (layers * directions, N, hidden_size); it returns the last layer's hidden states of all
    steps, (L, N, directions * hidden_size), and those of all layers after the last step.

    Source: Elman (1990), Finding structure in time.

    >>> import wengert as wg
    >>> output, hidden = wg.nn.RNN(10, 20, 2)(wg.zeros(5, 3, 10))
    >>> output.shape, hidden.shape
    (wengert.Size([5, 3, 20]), wengert.Size([2, 3, 20]))
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if "proj_size" in kwargs:
            raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
        if len(args) > 3:
            nonlinearity = args[3]
            args = args[:3] + args[4:]
        else:
            nonlinearity = kwargs.pop("nonlinearity", "tanh")
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(
                f"Unknown nonlinearity '{nonlinearity}'. Select from 'tanh' or 'relu'."
            )
        super().__init__(f"RNN_{nonlinearity.upper()}", *args, **kwargs)
        self.nonlinearity = nonlinearity


class LSTM(RNNBase):
    """Long short-term memory::

        i, f, o = sigmoid of their shares of x and h;  g = tanh of its share
        c = f * c + i * g
        h = o * tanh(c)

    ``LSTM(input_size, hidden_size, num_layers=1, bias=True, batch_first=False, dropout=0.0,
    bidirectional=False, proj_size=0, device=None, dtype=None)``; see `RNNBase`.

    ``forward(input, (h_0, c_0)=zeros)`` returns ``output, (h_n, c_n)``, of shapes as in `RNN`.
    With ``proj_size`` h is ``w_hr @ h``, and of that size.

    Source: Hochreiter and Schmidhuber (1997); the forget gate: Gers et al. (2000); the projection:
    Sak et al. (2014), https://arxiv.org/abs/1402.1128.

    >>> import wengert as wg
    >>> output, (h, c) = wg.nn.LSTM(10, 20, bidirectional=True)(wg.zeros(5, 3, 10))
    >>> output.shape, c.shape
    (wengert.Size([5, 3, 40]), wengert.Size([2, 3, 20]))
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__("LSTM", *args, **kwargs)


class GRU(RNNBase):
    """Gated recurrent unit::

        r, z = sigmoid of their shares of x and h
        n = tanh(x's share + r * h's share)
        h = (1 - z) * n + z * h

    ``GRU(input_size, hidden_size, num_layers=1, bias=True, batch_first=False, dropout=0.0,
    bidirectional=False, device=None, dtype=None)``; see `RNNBase`. ``forward`` is that of `RNN`.

    Source: Cho et al. (2014), https://arxiv.org/abs/1406.1078, with the reset gate after the
    product, as in PyTorch.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if "proj_size" in kwargs:
            raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
        super().__init__("GRU", *args, **kwargs)


# ---- cells ----


class RNNCellBase(Module):
    """What the cells share: weights for inputs and hidden state, and checks."""

    weight_ih: wg.Tensor
    weight_hh: wg.Tensor
    bias_ih: wg.Tensor | None
    bias_hh: wg.Tensor | None

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool,
        num_chunks: int,
        device: Any = None,
        dtype: wg.dtype | None = None,
    ) -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias
        options = {"device": device, "dtype": dtype}
        rows = num_chunks * hidden_size
        self.weight_ih = Parameter(wg.empty(rows, input_size, **options))
        self.weight_hh = Parameter(wg.empty(rows, hidden_size, **options))
        for name in ("bias_ih", "bias_hh"):
            value = Parameter(wg.empty(rows, **options)) if bias else None
            self.register_parameter(name, value)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws new starting values."""
        bound = 1.0 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def _advance(
        self, mode: str, input: wg.Tensor, states: tuple[wg.Tensor, ...] | None, count: int
    ) -> tuple[wg.Tensor, ...]:
        name = self._get_name()
        if input.dim() not in (1, 2):
            raise ValueError(f"{name}: Expected input to be 1D or 2D, got {input.dim()}D instead")
        for i, state in enumerate(states or ()):
            if state.dim() not in (1, 2):
                what = f"hx[{i}]" if count > 1 else "hidden"
                raise ValueError(
                    f"{name}: Expected {what} to be 1D or 2D, got {state.dim()}D instead"
                )
        batched = input.dim() == 2
        x = input if batched else input.unsqueeze(0)
        if x.shape[1] != self.input_size:
            raise RuntimeError(
                f"input has inconsistent input_size: got {x.shape[1]}, expected {self.input_size}"
            )
        if states is None:
            states = (x.new_zeros(x.shape[0], self.hidden_size),) * count
        elif not batched:
            states = tuple(state.unsqueeze(0) for state in states)
        for i, state in enumerate(states):
            if state.shape[0] != x.shape[0]:
                raise RuntimeError(
                    f"Input batch size {x.shape[0]} doesn't match hidden{i} batch size "
                    f"{state.shape[0]}"
                )
            if state.shape[1] != self.hidden_size:
                raise RuntimeError(
                    f"hidden{i} has inconsistent hidden_size: got {state.shape[1]}, expected "
                    f"{self.hidden_size}"
                )
        weights = list(self._parameters.values()) if self.bias else [self.weight_ih, self.weight_hh]
        states = cell(mode, x, states, weights, self.bias)
        return states if batched else tuple(state.squeeze(0) for state in states)

    def extra_repr(self) -> str:
        text = f"{self.input_size}, {self.hidden_size}"
        if self.bias is not True:
            text += f", bias={self.bias}"
        nonlinearity = self.__dict__.get("nonlinearity", "tanh")
        return text if nonlinearity == "tanh" else text + f", nonlinearity={nonlinearity}"


class RNNCell(RNNCellBase):
    """One step of an `RNN` layer: ``forward(input, hx=zeros)`` takes (N, input_size) and
    (N, hidden_size), or both without N, and returns the next hidden state.

    >>> import wengert as wg
    >>> wg.nn.RNNCell(10, 20)(wg.zeros(3, 10)).shape
    wengert.Size([3, 20])
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Any = None,
        dtype: wg.dtype | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: wg.Tensor, hx: wg.Tensor | None = None) -> wg.Tensor:
        if self.nonlinearity not in ("tanh", "relu"):
            raise RuntimeError(f"Unknown nonlinearity: {self.nonlinearity}")
        mode = f"RNN_{self.nonlinearity.upper()}"
        return self._advance(mode, input, None if hx is None else (hx,), 1)[0]


class LSTMCell(RNNCellBase):
    """One step of an `LSTM` layer: ``forward(input, (h, c)=zeros)`` returns the next ``(h, c)``."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: wg.dtype | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 4, device, dtype)

    def forward(
        self, input: wg.Tensor, hx: tuple[wg.Tensor, wg.Tensor] | None = None
    ) -> tuple[wg.Tensor, ...]:
        return self._advance("LSTM", input, None if hx is None else tuple(hx), 2)


class GRUCell(RNNCellBase):
    """One step of a `GRU` layer: ``forward(input, hx=zeros)`` returns the next hidden state."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: wg.dtype | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 3, device, dtype)

    def forward(self, input: wg.Tensor, hx: wg.Tensor | None = None) -> wg.Tensor:
        return self._advance("GRU", input, None if hx is None else (hx,), 1)[0]
