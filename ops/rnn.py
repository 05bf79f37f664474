"""Recurrent layers, all steps in one operator.

This file is parsed by tools/opgen and never imported. The adjoint runs as kernels and one product
for all steps; where a graph of the backward pass is recorded it is written out of other operators.
"""

from opgen.stubs import Tensor, opaque


@opaque(autocast="high",
        d={"gates, hidden, memory, weight":
           "_lstm_vjp(g0, g1, g2, hidden, memory, weight, y0, y1, y2, needs('hidden'), "
           "needs('memory'), needs('weight'))"}, public="",
        samples=[{"gates": "randn(3, 2, 8)", "hidden": "randn(2, 2)", "memory": "randn(2, 2)",
                  "weight": "randn(8, 2)"},
                 {"gates": "randn(1, 1, 4)", "hidden": "randn(1, 1)", "memory": "randn(1, 1)",
                  "weight": "randn(4, 1)"}], batch="rule")
def _lstm(gates: Tensor, hidden: Tensor, memory: Tensor,
          weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """All steps of an LSTM layer: S. Hochreiter and J. Schmidhuber (1997), with F. Gers' forget gate.

    ``gates`` (T, B, 4H) holds what the inputs and the biases contribute to the four gates (into,
    keep, new, out), ``weight`` (4H, H) the recurrent weights, ``hidden`` and ``memory`` (B, H) the
    state before the first step. Returns the hidden states (T, B, H), the memories (T, B, H) and the
    values of the gates (T, B, 4H)."""


@opaque(public="", batch="through")
def _lstm_vjp(grad_hidden: Tensor | None, grad_memory: Tensor | None, grad_gates: Tensor | None,
              hidden: Tensor, memory: Tensor, weight: Tensor, hiddens: Tensor, memories: Tensor,
              gates: Tensor, want_hidden: bool, want_memory: bool,
              want_weight: bool) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The gradients of the gates, and those of hidden, memory and weight that are wanted."""


@opaque(d={"shares, hidden, weight, shift":
           "_gru_vjp(g0, g1, hidden, weight, y0, y1, needs('hidden'), needs('weight'), "
           "needs('shift'))"}, public="",
        samples=[{"shares": "randn(3, 2, 6)", "hidden": "randn(2, 2)", "weight": "randn(6, 2)",
                  "shift": "randn(6)"},
                 {"shares": "randn(1, 1, 3)", "hidden": "randn(1, 1)", "weight": "randn(3, 1)",
                  "shift": "None"}], batch="rule")
def _gru(shares: Tensor, hidden: Tensor, weight: Tensor,
         shift: Tensor | None) -> tuple[Tensor, Tensor]:
    """All steps of a GRU layer: K. Cho et al. (2014), with the reset after the product.

    ``shares`` (T, B, 3H) holds what the inputs contribute to reset, update and new value,
    ``weight`` (3H, H) and ``shift`` (3H) the recurrent weights and biases, ``hidden`` (B, H) the
    state before the first step. Returns the hidden states (T, B, H), and (T, B, 4H): the values of
    reset, update and new value and what the state contributes to the last."""


@opaque(public="", batch="through")
def _gru_vjp(grad_hidden: Tensor | None, grad_values: Tensor | None, hidden: Tensor,
             weight: Tensor, hiddens: Tensor, values: Tensor, want_hidden: bool, want_weight: bool,
             want_shift: bool) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The gradients of the shares, and those of hidden, weight and shift that are wanted."""
