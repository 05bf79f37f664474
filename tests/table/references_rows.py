"""NumPy references: normalisation, softmax and losses."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.special
from tests.table.registry import Array, reference

# ---- normalisation, softmax, losses -------------------------------------------------------------


def _channels(value: Array | None, ndim: int, default: float) -> Any:
    return default if value is None else value.reshape(-1, *[1] * (ndim - 2))


def _batch_statistics(input: Array) -> tuple[Array, Array]:
    over = (0, *range(2, input.ndim))
    return input.mean(over), input.var(over)


@reference
def batch_norm(input: Array, running_mean: Any, running_var: Any, weight: Any, bias: Any,
               training: bool, momentum: float, eps: float) -> Array:  # fmt: skip
    mean, spread = _batch_statistics(input) if training else (running_mean, running_var)
    n = input.ndim
    normal = (input - _channels(mean, n, 0)) / np.sqrt(_channels(spread, n, 0) + eps)
    return normal * _channels(weight, n, 1) + _channels(bias, n, 0)


@reference
def _batch_norm(input: Array, weight: Any, bias: Any, running_mean: Any, running_var: Any,
                training: bool, momentum: float, eps: float) -> Any:  # fmt: skip
    mean, spread = _batch_statistics(input) if training else (running_mean, running_var)
    y = batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps)
    return y, mean, 1 / np.sqrt(spread + eps)


def _normal_vjp(grad: Array, normal: Array, weight: Any, rstd: Any, over: tuple[int, ...],
                statistics: bool, centered: bool = True) -> Array:  # fmt: skip
    g = grad * weight
    if not statistics:
        return g * rstd
    inner = np.mean(g * normal, over, keepdims=True)
    middle = np.mean(g, over, keepdims=True) if centered else 0
    return rstd * (g - middle - normal * inner)


@reference
def _batch_norm_vjp(grad: Array, input: Array, weight: Any, mean: Array, rstd: Array,
                    training: bool, eps: float, want_input: bool, want_weight: bool,
                    want_bias: bool) -> Any:  # fmt: skip
    n, over = input.ndim, (0, *range(2, input.ndim))
    scale = _channels(rstd, n, 1)
    normal = (input - _channels(mean, n, 0)) * scale
    dx = _normal_vjp(grad, normal, _channels(weight, n, 1), scale, over, training)
    return dx, np.sum(grad * normal, over), np.sum(grad, over)


def _row_statistics(input: Array, dims: int, centered: bool, eps: float) -> tuple[Array, Array]:
    over = tuple(range(input.ndim - dims, input.ndim))
    mean = input.mean(over, keepdims=True) if centered else np.zeros(())
    return mean, 1 / np.sqrt(np.mean((input - mean) ** 2, over, keepdims=True) + eps)


@reference
def _row_norm(input: Array, weight: Any, bias: Any, dims: int, centered: bool, eps: float) -> Any:
    mean, rstd = _row_statistics(input, dims, centered, eps)
    y = (input - mean) * rstd
    y = y if weight is None else y * weight
    lead = input.shape[: input.ndim - dims]
    return (y if bias is None else y + bias,
            mean.reshape(lead) if centered else np.zeros(0), rstd.reshape(lead))  # fmt: skip


@reference
def _row_norm_vjp(grad: Array, input: Array, weight: Any, mean: Array, rstd: Array, dims: int,
                  centered: bool, eps: float, want_input: bool, want_weight: bool,
                  want_bias: bool) -> Any:  # fmt: skip
    lead = input.shape[: input.ndim - dims]
    over, rows = tuple(range(input.ndim - dims, input.ndim)), tuple(range(input.ndim - dims))
    scale = rstd.reshape(*lead, *[1] * dims)
    middle = mean.reshape(*lead, *[1] * dims) if centered else 0
    normal = (input - middle) * scale
    factor = 1 if weight is None else weight
    dx = _normal_vjp(grad, normal, factor, scale, over, True, centered)
    return dx, np.sum(grad * normal, rows), np.sum(grad, rows)


@reference
def layer_norm(input: Array, normalized_shape: Any, weight: Any, bias: Any, eps: float,
               cudnn_enable: bool) -> Array:  # fmt: skip
    return _row_norm(input, weight, bias, len(normalized_shape), True, eps)[0]


@reference
def rms_norm(input: Array, normalized_shape: Any, weight: Any, eps: float | None) -> Array:
    eps = 2.0**-52 if eps is None else eps
    return _row_norm(input, weight, None, len(normalized_shape), False, eps)[0]


@reference
def _group_norm(input: Array, weight: Any, bias: Any, eps: float) -> Any:
    y, mean, rstd = _row_norm(input, None, None, 2, True, eps)
    y = y if weight is None else y * weight[:, :, None]
    return y if bias is None else y + bias[:, :, None], mean, rstd


@reference
def _group_norm_vjp(grad: Array, input: Array, weight: Any, mean: Array, rstd: Array, eps: float,
                    want_input: bool, want_weight: bool, want_bias: bool) -> Any:  # fmt: skip
    scale = rstd[:, :, None, None]
    normal = (input - mean[:, :, None, None]) * scale
    factor = 1 if weight is None else weight[:, :, None]
    dx = _normal_vjp(grad, normal, factor, scale, (2, 3), True)
    return dx, np.sum(grad * normal, (0, 3)), np.sum(grad, (0, 3))


@reference
def group_norm(input: Array, num_groups: int, weight: Any, bias: Any, eps: float,
               cudnn_enabled: bool) -> Array:  # fmt: skip
    grouped = input.reshape(input.shape[0], num_groups, -1)
    normal = _row_norm(grouped, None, None, 1, True, eps)[0].reshape(input.shape)
    return normal * _channels(weight, input.ndim, 1) + _channels(bias, input.ndim, 0)


@reference
def instance_norm(input: Array, weight: Any, bias: Any, running_mean: Any, running_var: Any,
                  use_input_stats: bool, momentum: float, eps: float,
                  cudnn_enabled: bool) -> Array:  # fmt: skip
    if use_input_stats:
        return group_norm(input, input.shape[1], weight, bias, eps, True)
    return batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)


def _gelu_gate(input: Array, tanh: bool) -> tuple[Array, Array]:
    """The factor of the input in GELU, and its derivative."""
    if not tanh:
        return scipy.special.ndtr(input), np.exp(-(input**2) / 2) / np.sqrt(2 * np.pi)
    scale = np.sqrt(8 / np.pi)
    gate = _sigmoid(scale * (input + 0.044715 * input**3))
    return gate, gate * (1 - gate) * scale * (1 + 3 * 0.044715 * input**2)


@reference
def gelu(input: Array, approximate: str) -> Array:
    return input * _gelu_gate(input, approximate == "tanh")[0]


@reference
def _gelu_with_slope(input: Array, tanh: bool) -> Any:
    gate, bend = _gelu_gate(input, tanh)
    return input * gate, gate + input * bend


@reference
def _gelu_vjp(grad: Array, input: Array, slope: Array, tanh: bool) -> Array:
    gate, bend = _gelu_gate(input, tanh)
    return grad * (gate + input * bend)


@reference
def softmax(input: Array, dim: int, dtype: Any) -> Array:
    powers = np.exp(input - np.max(input, dim, keepdims=True, initial=-np.inf))
    return powers / np.sum(powers, dim, keepdims=True)


@reference
def log_softmax(input: Array, dim: int, dtype: Any) -> Array:
    return input - scipy.special.logsumexp(input, dim, keepdims=True) if input.size else input


@reference
def _softmax_vjp(grad: Array, output: Array, dim: int) -> Array:
    return output * (grad - np.sum(grad * output, dim, keepdims=True))


@reference
def _log_softmax_vjp(grad: Array, output: Array, dim: int) -> Array:
    return grad - np.exp(output) * np.sum(grad, dim, keepdims=True)


def _reduced(losses: Array, total: Any, reduction: str) -> Array:
    if reduction == "none":
        return losses
    return np.sum(losses) if reduction == "sum" else np.sum(losses) / total


def _distribution(input: Array, target: Array, smoothing: float) -> Array:
    """The classes as rows of probabilities, in dimension 1 (0 of a vector)."""
    dim = min(1, input.ndim - 1)
    count = input.shape[dim]
    if target.shape == input.shape:
        rows = target
    else:
        rows = np.moveaxis(np.eye(count)[target], -1, dim)
    return rows * (1 - smoothing) + smoothing / count


@reference
def cross_entropy(input: Array, target: Array, weight: Any, ignore_index: int, reduction: str,
                  label_smoothing: float) -> Array:  # fmt: skip
    dim = min(1, input.ndim - 1)
    logits = scipy.special.log_softmax(input, dim)
    shape = [-1 if i == dim else 1 for i in range(input.ndim)]
    weights = np.ones(input.shape[dim]) if weight is None else weight
    rows = _distribution(input, target, label_smoothing)
    losses = -np.sum(rows * logits * weights.reshape(shape), dim)
    by_class = target.shape != input.shape
    total = np.sum(weights[target]) if by_class else losses.size
    return _reduced(losses, total, reduction)


@reference
def _cross_entropy(input: Array, target: Array, weight: Any, ignore_index: int, reduction: str,
                   label_smoothing: float) -> Any:  # fmt: skip
    weights = np.ones(input.shape[1]) if weight is None else weight
    loss = cross_entropy(input, target, weight, ignore_index, reduction, label_smoothing)
    return loss, scipy.special.logsumexp(input, 1), np.sum(weights[target])


@reference
def nll_loss(input: Array, target: Array, weight: Any, ignore_index: int, reduction: str) -> Array:
    dim = min(1, input.ndim - 1)
    weights = np.ones(input.shape[dim]) if weight is None else weight
    picked = np.take_along_axis(input, np.expand_dims(target, dim), dim).squeeze(dim)
    return _reduced(-picked * weights[target], np.sum(weights[target]), reduction)


@reference
def _nll_loss(input: Array, target: Array, weight: Any, ignore_index: int, reduction: str) -> Any:
    weights = np.ones(input.shape[1]) if weight is None else weight
    return (nll_loss(input, target, weight, ignore_index, reduction), np.sum(weights[target]))


@reference
def _nll_loss_vjp(grad: Array, target: Array, weight: Any, total_weight: Array, size: Any,
                  ignore_index: int, reduction: str) -> Array:  # fmt: skip
    weights = np.ones(size[1]) if weight is None else weight
    rows = np.moveaxis(np.eye(size[1])[target], -1, 1) * _channels(weights, len(size), 1)
    scale = np.expand_dims(grad, 1) if grad.ndim else grad
    return -rows * scale / (total_weight if reduction == "mean" else 1)


@reference
def mse_loss(input: Array, target: Array, reduction: str) -> Array:
    losses = (input - target) ** 2
    return _reduced(losses, losses.size, reduction)


@reference
def _cross_entropy_vjp(grad: Array, input: Array, target: Array, weight: Any, log_sum_exp: Array,
                       total_weight: Array, ignore_index: int, reduction: str,
                       label_smoothing: float) -> Array:  # fmt: skip
    rows = np.exp(input - np.expand_dims(log_sum_exp, 1)) - np.eye(input.shape[1])[target]
    return rows * grad / (total_weight if reduction == "mean" else 1)


# --- recurrent layers ---


def _sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def _attention_weights(query: Array, key: Array, is_causal: bool, scale: float) -> Array:
    scores = scale * query @ np.swapaxes(key, 2, 3)
    if is_causal:
        scores = np.where(np.tri(*scores.shape[2:], dtype=bool), scores, -np.inf)
    terms = np.exp(scores - scores.max(3, keepdims=True))
    return terms / terms.sum(3, keepdims=True)


@reference
def _scaled_dot_product_flash_attention_for_cpu(query: Array, key: Array, value: Array,
                                                is_causal: bool, scale: float) -> Any:  # fmt: skip
    return _attention_weights(query, key, is_causal, scale) @ value


@reference
def _attention_vjp(grad: Array, query: Array, key: Array, value: Array, is_causal: bool,
                   scale: float, want_query: bool, want_key: bool, want_value: bool) -> Any:  # fmt: skip
    p = _attention_weights(query, key, is_causal, scale)
    dp = grad @ np.swapaxes(value, 2, 3)
    ds = scale * p * (dp - (p * dp).sum(3, keepdims=True))
    return ds @ key, np.swapaxes(ds, 2, 3) @ query, np.swapaxes(p, 2, 3) @ grad


@reference
def _lstm(gates: Array, hidden: Array, memory: Array, weight: Array) -> Any:
    hiddens, memories, values = [], [], []
    for given in gates:
        into, keep, new, out = np.split(given + hidden @ weight.T, 4, axis=1)
        into, keep, new, out = _sigmoid(into), _sigmoid(keep), np.tanh(new), _sigmoid(out)
        memory = keep * memory + into * new
        hidden = out * np.tanh(memory)
        hiddens.append(hidden)
        memories.append(memory)
        values.append(np.concatenate([into, keep, new, out], 1))
    return np.stack(hiddens), np.stack(memories), np.stack(values)


@reference
def _lstm_vjp(grad_hidden: Any, grad_memory: Any, grad_gates: Any, hidden: Array, memory: Array,
              weight: Array, hiddens: Array, memories: Array, gates: Array, want_hidden: bool,
              want_memory: bool, want_weight: bool) -> Any:  # fmt: skip
    dh, dc, dw, d_gates = np.zeros_like(hidden), np.zeros_like(memory), 0.0, []
    for t in reversed(range(len(gates))):
        into, keep, new, out = np.split(gates[t], 4, axis=1)
        before = (hiddens[t - 1], memories[t - 1]) if t > 0 else (hidden, memory)
        bent = np.tanh(memories[t])
        dh = dh + (0 if grad_hidden is None else grad_hidden[t])
        dc = dc + (0 if grad_memory is None else grad_memory[t]) + dh * out * (1 - bent**2)
        outer = np.concatenate([dc * new, dc * before[1], dc * into, dh * bent], 1)
        outer = outer + (0 if grad_gates is None else grad_gates[t])
        slopes = [into * (1 - into), keep * (1 - keep), 1 - new**2, out * (1 - out)]
        d = outer * np.concatenate(slopes, 1)
        d_gates.append(d)
        dw = dw + d.T @ before[0]
        dh, dc = d @ weight, dc * keep
    return np.stack(d_gates[::-1]), dh, dc, dw


@reference
def _gru(shares: Array, hidden: Array, weight: Array, shift: Any) -> Any:
    hiddens, values = [], []
    for given in shares:
        past = hidden @ weight.T + (0 if shift is None else shift)
        (x_reset, x_update, x_new), (reset, update, share) = (
            np.split(a, 3, axis=1) for a in (given, past))  # fmt: skip
        reset, update = _sigmoid(x_reset + reset), _sigmoid(x_update + update)
        new = np.tanh(x_new + reset * share)
        hidden = (1 - update) * new + update * hidden
        hiddens.append(hidden)
        values.append(np.concatenate([reset, update, new, share], 1))
    return np.stack(hiddens), np.stack(values)


@reference
def _gru_vjp(grad_hidden: Any, grad_values: Any, hidden: Array, weight: Array, hiddens: Array,
             values: Array, want_hidden: bool, want_weight: bool, want_shift: bool) -> Any:  # fmt: skip
    dh, dw, d_shift, d_shares = np.zeros_like(hidden), 0.0, 0.0, []
    for t in reversed(range(len(values))):
        reset, update, new, share = np.split(values[t], 4, axis=1)
        own = np.split(
            np.zeros_like(values[t]) if grad_values is None else grad_values[t], 4, axis=1
        )
        before = hiddens[t - 1] if t > 0 else hidden
        dh = dh + (0 if grad_hidden is None else grad_hidden[t])
        inner = (dh * (1 - update) + own[2]) * (1 - new**2)
        d_reset = (inner * share + own[0]) * reset * (1 - reset)
        d_update = (dh * (before - new) + own[1]) * update * (1 - update)
        d = np.concatenate([d_reset, d_update, inner * reset + own[3]], 1)
        d_shares.append(np.concatenate([d_reset, d_update, inner], 1))
        dw, d_shift = dw + d.T @ before, d_shift + d.sum(0)
        dh = dh * update + d @ weight
    return np.stack(d_shares[::-1]), dh, dw, d_shift
