"""What the table itself does not say: samples, jumps, checks left out and the reasons."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

_NOT_DERIVED = "random: as in PyTorch, the gradient of a draw in its parameters is 0"
# (entry or family, check) -> why the check is left out.
SKIPS: dict[tuple[str, str], str] = {
    ("_binary_cross_entropy", "zeros"): "raises for inputs outside [0, 1]",
    **{
        (name, check): _NOT_DERIVED
        for name in ("normal", "binomial", "poisson", "bernoulli")
        for check in ("gradient", "second")
    },
    **{
        ("_standard_gamma", check): "the derivative of the distribution, not of the sampler; see "
        "the tests of distributions"
        for check in ("gradient", "second")
    },
    ("embedding", "gradient"): "on purpose no derivative: the padding row, division by frequency",
    **{
        ("linalg", f"value {dtype}"): "LAPACK has no matrices of this precision"
        for dtype in ("float16", "bfloat16")
    },
    **{
        (family, f"value {dtype}"): "other operators make up the layer in this precision"
        for family in ("attention", "rnn")
        for dtype in ("float16", "bfloat16")
    },
    **{
        ("_gelu_with_slope", f"value {dtype}"): "the slope is not kept in this precision"
        for dtype in ("float16", "bfloat16")
    },
    **{
        ("view_as_complex", f"value {dtype}"): "there are no complex numbers of this precision"
        for dtype in ("float16", "bfloat16")
    },
}

# Values for parameters that are no tensors and have no default (else 1).
PARAMETERS: dict[str, dict[str, Any]] = {
    "threshold": {"threshold": 0.1, "value": 20.0},
    "polygamma": {"n": 1},
    "_smooth_l1": {"beta": 0.7},
    "_huber": {"delta": 0.7},
    "_poisson_nll": {"eps": 1e-8},
    "_nan_to_num": {"nan": 0.0, "posinf": 3.0, "neginf": -3.0},
}

# Operators with an operand that has no dimensions: they are given element after element.
ONE_BY_ONE = ("masked_fill",)


def _to_integer(x: float) -> float:
    return abs(x - round(x))


# Piecewise operators whose jumps repeat: how far a point is from the nearest.
JUMPS: dict[str, Callable[[float], float]] = {
    "floor": _to_integer,
    "ceil": _to_integer,
    "trunc": _to_integer,
    "frac": _to_integer,
    "round": lambda x: abs(x - round(x - 0.5) - 0.5),
    "threshold": lambda x: abs(x - 0.1),
}


def _apart(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.abs(a - b) > 0.05


def _no_whole_quotient(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.abs(a / b - np.round(a / b)) > 0.05


def _off_corner(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.abs(np.abs(a - b) - 0.7) > 0.05


# Operators that bend where operands meet: which elements are far from that.
SMOOTH: dict[str, Callable[..., np.ndarray]] = {
    "maximum": _apart, "minimum": _apart, "fmax": _apart, "fmin": _apart,
    "clamp_min": _apart, "clamp_max": _apart,
    "_clamp": lambda x, low, high: _apart(x, low) & _apart(x, high),
    "_div_trunc": _no_whole_quotient, "floor_divide": _no_whole_quotient,
    "remainder": _no_whole_quotient, "fmod": _no_whole_quotient,
    "_smooth_l1": _off_corner, "_huber": _off_corner,
}  # fmt: skip

# Why an entry's values are not compared with a reference.
RANDOM = "random: its distribution is tested in test_random.py"
MEMORY = "memory that is not initialised: only shape and dtype are tested"
OPTIMIZER = "tested with the optimizers, in tests/unit/optim/test_steps.py"
NO_VALUE: dict[str, str] = {
    **dict.fromkeys(("rand", "randn", "_randint", "randperm", "rand_like", "randn_like",
                     "randint_like", "normal", "bernoulli", "poisson", "_standard_gamma", "binomial", "multinomial",
                     "uniform_", "normal_", "log_normal_", "exponential_", "cauchy_", "geometric_",
                     "random_", "bernoulli_", "_dropout", "dropout", "alpha_dropout"), RANDOM),
    **dict.fromkeys(("empty", "empty_like", "new_empty", "empty_strided", "resize_"), MEMORY),
    **dict.fromkeys((
        "_sgd_step", "_adam_step", "_adamax_step", "_nadam_step", "_radam_step", "_adagrad_step",
        "_adadelta_step", "_rmsprop_step", "_rprop_step", "_asgd_step", "_adafactor_step",
        "_muon_step", "_flatten_parameters", "_move_parameters", "_lbfgs_direction",
    ), OPTIMIZER),
    "_view_dtype": "reads bytes, which double precision does not keep: tests/unit/test_views.py",
}  # fmt: skip

_GEOMETRY = {"base_size": [2, 3], "base_stride": [3, 1], "base_offset": 0, "size": [2, 2],
             "stride": [3, 1], "offset": 1}  # fmt: skip
_STEP = {"params": ["randn(3)"], "grads": ["randn(3)"], "steps": ["zeros()"], "maximize": False}
_BETAS = {"lr": 0.1, "beta1": 0.9, "beta2": 0.99, "eps": 1e-8, "weight_decay": 0.0}
_WINDOW = {"dimensions": 2, "kernel_size": [2, 2], "stride": [2, 1], "padding": [1, 0],
           "ceil_mode": True, "count_include_pad": True, "divisor_override": None}  # fmt: skip

# The state and what the forward pass of an LSTM layer gave.
_LSTM = {"hidden": "randn(2, 2)", "memory": "randn(2, 2)", "weight": "randn(8, 2)",
         "hiddens": "rand(3, 2, 2)", "memories": "randn(3, 2, 2)", "gates": "rand(3, 2, 8)"}  # fmt: skip
_GRU = {"hidden": "randn(2, 2)", "weight": "randn(6, 2)", "hiddens": "rand(3, 2, 2)",
        "values": "rand(3, 2, 8)", "want_hidden": True, "want_weight": True,
        "want_shift": True}  # fmt: skip


# Samples of entries that carry none of their own.
SAMPLES: dict[str, list[dict[str, Any]]] = {
    "clone": [{"input": "randn(2, 3)"}, {"input": "crandn(3)"}, {"input": "randn(0, 3)"}],
    "detach": [{"input": "randn(2, 3)"}],
    "detach_": [{"input": "randn(2, 3)"}],
    "_alias": [{"input": "randn(2, 3)"}],
    "_to_dtype": [{"input": "randn(2, 3)", "dtype": "wg.float64"}],
    "sum_to_size": [{"input": "randn(4, 2, 3)", "size": [2, 1]}, {"input": "randn(3)", "size": []}],
    "_write_out": [{"input": "randn(2, 3)", "source": "randn(2, 3)", "name": "op"}],
    "copy_": [{"input": "randn(2, 3)", "source": "randn(3)"}],
    "fill_": [{"input": "randn(2, 3)", "value": 2.5}, {"input": "randn(3)", "value": "randn()"}],
    "zero_": [{"input": "randn(2, 3)"}],
    "_as_strided_scatter": [{"input": "randn(2, 2)", **_GEOMETRY}],
    "_as_strided_gather": [{"input": "randn(2, 3)", **_GEOMETRY}],
    "_as_strided": [{"input": "randn(2, 3)", **_GEOMETRY}],
    "_as_strided_replace": [{"input": "randn(2, 3)", "part": "randn(2, 2)", **_GEOMETRY}],
    "_zeros": [{"size": [2, 3], "dtype": "wg.float64"}],
    **{name: [{"size": [2, 3]}, {"size": [0, 3]}, {"size": []}]
       for name in ("empty", "zeros", "ones", "rand", "randn")},
    "full": [{"size": [2, 3], "fill_value": 2.5}],
    "_randint": [{"low": 0, "high": 5, "size": [4]}],
    "randperm": [{"n": 5}, {"n": 0}],
    **{name: [{"input": "randn(2, 3)"}, {"input": "randn(0, 3)"}, {"input": "randn()"}]
       for name in ("empty_like", "zeros_like", "ones_like", "rand_like", "randn_like")},
    "full_like": [{"input": "randn(2, 3)", "fill_value": 2.5}],
    "randint_like": [{"input": "randn(2, 3)", "low": 0, "high": 5}],
    **{name: [{"input": "randn(2)", "size": [2, 3]}] for name in ("new_empty", "new_zeros", "new_ones")},
    "new_full": [{"input": "randn(2)", "size": [2, 3], "fill_value": 2.5}],
    "empty_strided": [{"size": [2, 3], "stride": [1, 2]}],
    "arange": [{"start": 5}, {"start": 1, "end": 7, "step": 2}, {"start": 2.5, "end": 0, "step": -0.5}],
    "linspace": [{"start": 0, "end": 1, "steps": 5}, {"start": 3, "end": -1, "steps": 1},
                 {"start": 0, "end": 1, "steps": 0}],
    "eye": [{"n": 3}, {"n": 2, "m": 4}, {"n": 0}],
    "_convolution_weight": [{"input": "randn(2, 4, 5, 6)", "grad_output": "randn(2, 6, 3, 4)",
                             "size": [6, 2, 3, 2], "stride": [2, 1], "padding": [1, 0],
                             "dilation": [1, 2], "groups": 2}],
    "_channel_sum": [{"input": "randn(2, 3, 4)"}],
    "_cropped": [{"input": "randn(3, 4)", "size": [2, 4]}],
    "_shrunk": [{"input": "randn(3, 4)", "size": [2, 4]}],
    "_grown": [{"input": "randn(2, 4)", "size": [3, 4]}],
    "_index_select_backward": [{"input": "randn(3, 2)", "size": [4, 2], "dim": 0, "index": "[1, 3, 1]"}],
    "_index_kept": [{"input": "randn(4, 3)", "dim": 0, "index": "[3, 1]"}],
    "_gather_backward": [{"input": "randn(2, 3)", "size": [4, 3], "dim": 0,
                          "index": "randint(0, 4, (2, 3))"}],
    "_take_backward": [{"input": "randn(3)", "size": [2, 3], "index": "[5, 0, 5]"}],
    "_masked_scatter_backward": [{"input": "randn(2, 3)", "mask": "randn(2, 3) > 0", "size": [7]}],
    "_embedding_backward": [{"input": "randn(3, 4)", "size": [5, 4], "index": "[1, 1, 2]",
                             "padding_idx": 2, "scale_grad_by_freq": True}],
    "_embedding_rows": [{"input": "randn(5, 4)", "index": "[1, 1, 2]", "padding_idx": 2,
                         "scale_grad_by_freq": True}],
    "_one_hot": [{"input": "[0, 2, 1]", "num_classes": 3}],
    "_repeat_interleave_index": [{"repeats": "[2, 0, 3]"}],
    "_nll_loss": [{"input": "randn(4, 3)", "target": "randint(0, 3, (4,))", "weight": "rand(3)",
                   "ignore_index": -100, "reduction": "mean"}],
    "_nll_loss_vjp": [{"grad": "randn()", "target": "randint(0, 3, (4,))", "weight": "rand(3)",
                       "total_weight": "np.array(1.5)", "size": [4, 3], "ignore_index": -100,
                       "reduction": "sum"}],
    "_cross_entropy": [{"input": "randn(4, 3)", "target": "randint(0, 3, (4,))", "weight": "rand(3)",
                        "ignore_index": -100, "reduction": "mean", "label_smoothing": 0.1}],
    "_cross_entropy_vjp": [{"grad": "randn()", "input": "np.log([[0.2, 0.3, 0.5], [0.1, 0.6, 0.3]])",
                            "target": "[2, 0]", "weight": "None", "log_sum_exp": "zeros(2)",
                            "total_weight": "np.array(2.0)", "ignore_index": -100,
                            "reduction": "mean", "label_smoothing": 0.0}],
    "_scaled": [{"input": "randn(2, 3)", "factor": 2.5}, {"input": "crandn(3)", "factor": 2.5}],
    "_conjugate": [{"input": "randn(2)"}, {"input": "crandn(2)"}],
    "_batch_norm": [{"input": "randn(4, 3)", "weight": "rand(3)", "bias": "randn(3)",
                     "running_mean": "None", "running_var": "None", "training": True,
                     "momentum": 0.1, "eps": 1e-5}],
    "_batch_norm_vjp": [{"grad": "randn(4, 3)", "input": "randn(4, 3)", "weight": "rand(3)",
                         "mean": "randn(3)", "rstd": "rand(3)", "training": False, "eps": 1e-5,
                         "want_input": True, "want_weight": True, "want_bias": True}],
    "_group_norm": [
        {"input": "randn(2, 3, 2, 4)", "weight": "rand(3, 2)", "bias": "randn(3, 2)", "eps": 1e-5},
        {"input": "randn(2, 1, 3, 2)", "weight": "None", "bias": "None", "eps": 1e-5},
    ],
    "_group_norm_vjp": [
        {"grad": "randn(1, 2, 1, 3)", "input": "np.array([[[[1.0, 2, 3]], [[0, 2, 1]]]])",
         "weight": "rand(2, 1)", "mean": "np.array([[2.0, 1.0]])",
         "rstd": "1 / np.sqrt([[2 / 3, 2 / 3]])", "eps": 0.0, "want_input": True,
         "want_weight": True, "want_bias": True},
    ],
    "_row_norm": [{"input": "randn(4, 3)", "weight": "rand(3)", "bias": "randn(3)", "dims": 1,
                   "centered": True, "eps": 1e-5}],
    "_attention_vjp": [
        {"grad": "randn(2, 2, 3, 3)", "query": "randn(2, 2, 3, 4)", "key": "randn(2, 2, 5, 4)",
         "value": "randn(2, 2, 5, 3)", "is_causal": False, "scale": 0.5, "want_query": True,
         "want_key": True, "want_value": True},
        {"grad": "randn(1, 1, 5, 4)", "query": "randn(1, 1, 5, 2)", "key": "randn(1, 1, 3, 2)",
         "value": "randn(1, 1, 3, 4)", "is_causal": True, "scale": -1.5, "want_query": True,
         "want_key": True, "want_value": True},
    ],
    "_lstm_vjp": [{"grad_hidden": "randn(3, 2, 2)", "grad_memory": "randn(3, 2, 2)",
                   "grad_gates": "randn(3, 2, 8)", **_LSTM, "want_hidden": True, "want_memory": True,
                   "want_weight": True},
                  {"grad_hidden": "randn(3, 2, 2)", "grad_memory": "None", "grad_gates": "None",
                   **_LSTM, "want_hidden": True, "want_memory": True, "want_weight": True}],
    "_gelu_vjp": [{"grad": "randn(3)", "input": "np.array([0.5, -1, 2])",
                   "slope": "np.array([0.8674951246561629, -0.08331547058768629, 1.085231801078197])",
                   "tanh": False}],
    "_gru_vjp": [{"grad_hidden": "randn(3, 2, 2)", "grad_values": "randn(3, 2, 8)", **_GRU},
                 {"grad_hidden": "randn(3, 2, 2)", "grad_values": "None", **_GRU},
                 {"grad_hidden": "None", "grad_values": "randn(3, 2, 8)", **_GRU}],
    "_row_norm_vjp": [{"grad": "randn(2, 3)", "input": "np.array([[1.0, 2, 3], [0, 2, 1]])",
                       "weight": "rand(3)", "mean": "np.array([2.0, 1.0])",
                       "rstd": "1 / np.sqrt([2 / 3, 2 / 3])", "dims": 1, "centered": True,
                       "eps": 0.0, "want_input": True, "want_weight": True, "want_bias": True}],
    "_sgd_step": [{"params": ["randn(3)"], "grads": ["randn(3)"], "buffers": [], "lr": 0.1,
                   "momentum": 0.0, "dampening": 0.0, "weight_decay": 0.0, "nesterov": False,
                   "maximize": False, "first": True}],
    "_adam_step": [{"params": ["randn(3)"], "grads": ["randn(3)"], "exp_avgs": ["zeros(3)"],
                    "exp_avg_sqs": ["zeros(3)"], "max_exp_avg_sqs": [], "steps": ["zeros()"],
                    "lr": 0.1, "beta1": 0.9, "beta2": 0.99, "eps": 1e-8, "weight_decay": 0.0,
                    "amsgrad": False, "maximize": False, "decoupled_weight_decay": False}],
    "_adamax_step": [{**_STEP, **_BETAS, "exp_avgs": ["zeros(3)"], "exp_infs": ["zeros(3)"]}],
    "_nadam_step": [{**_STEP, **_BETAS, "exp_avgs": ["zeros(3)"], "exp_avg_sqs": ["zeros(3)"],
                     "mu_products": ["ones()"], "momentum_decay": 4e-3,
                     "decoupled_weight_decay": False}],
    "_radam_step": [{**_STEP, **_BETAS, "exp_avgs": ["zeros(3)"], "exp_avg_sqs": ["zeros(3)"],
                     "decoupled_weight_decay": False}],
    "_adagrad_step": [{**_STEP, "sums": ["zeros(3)"], "lr": 0.1, "lr_decay": 0.0,
                       "weight_decay": 0.0, "eps": 1e-10}],
    "_adadelta_step": [{**_STEP, "square_avgs": ["zeros(3)"], "acc_deltas": ["zeros(3)"],
                        "lr": 1.0, "rho": 0.9, "eps": 1e-6, "weight_decay": 0.0}],
    "_rmsprop_step": [{**_STEP, "square_avgs": ["zeros(3)"], "grad_avgs": [],
                       "momentum_buffers": [], "lr": 0.1, "alpha": 0.99, "eps": 1e-8,
                       "weight_decay": 0.0, "momentum": 0.0}],
    "_rprop_step": [{**_STEP, "prevs": ["zeros(3)"], "step_sizes": ["ones(3)"], "eta_minus": 0.5,
                     "eta_plus": 1.2, "least": 1e-6, "most": 50.0}],
    "_asgd_step": [{**_STEP, "axs": ["zeros(3)"], "mus": ["ones()"], "etas": ["ones()"],
                    "lr": 0.1, "lambd": 1e-4, "alpha": 0.75, "t0": 1e6, "weight_decay": 0.0}],
    "_adafactor_step": [{**_STEP, "variances": ["zeros(3)"], "row_vars": [None],
                         "col_vars": [None], "lr": 0.1, "beta2_decay": -0.8, "eps1": None,
                         "eps2": 1e-3, "d": 1.0, "weight_decay": 0.0}],
    "_muon_step": [{"params": ["randn(3, 2)"], "grads": ["randn(3, 2)"],
                    "buffers": ["zeros(3, 2)"], "lr": 0.1, "weight_decay": 0.1, "momentum": 0.9,
                    "nesterov": True, "a": 3.4, "b": -4.7, "c": 2.0, "eps": 1e-7, "ns_steps": 2,
                    "match_rms": False}],
    "_flatten_parameters": [{"tensors": ["randn(2, 3)", None],
                             "params": ["randn(2, 3)", "randn(4)"]}],
    "_move_parameters": [{"params": ["randn(3)"], "from_": None, "direction": "randn(3)",
                          "length": 0.5}],
    "_lbfgs_direction": [{"grad": "randn(3)", "previous_grad": "randn(3)", "direction": "randn(3)",
                          "length": 0.5, "changes": ["randn(3)"], "moves": ["randn(3)"],
                          "weights": ["ones()"], "scale": 1.0, "history_size": 2}],
    "_max_pool_backward": [{"input": "randn(2, 2, 2)", "indices": "[[[0, 5], [5, 7]], [[1, 1], [8, 2]]]",
                            "size": [2, 3, 3], "dimensions": 2}],
    "_max_pool_gather": [{"input": "randn(2, 3, 3)", "indices": "[[[0, 5], [5, 7]], [[1, 1], [8, 2]]]",
                          "dimensions": 2}],
    "_avg_pool_backward": [{"input": "randn(2, 3, 2)", "size": [2, 4, 3], **_WINDOW}],
    "_adaptive_avg_pool_backward": [{"input": "randn(2, 2, 2)", "size": [2, 5, 3], "dimensions": 2}],
    "_adaptive_avg_pool_like": [{"input": "randn(2, 5, 3)", "size": [2, 2, 2], "dimensions": 2}],
    "normal": [{"mean": "randn(3)", "std": "rand(3)"}, {"mean": 0.0, "std": 1.0, "size": [2, 3]}],
    "bernoulli": [{"input": "rand(3)"}, {"input": "randn(3)", "p": 0.3}],
    "poisson": [{"input": "rand(3)"}],
    "_standard_gamma": [{"input": "1 + rand(3)"}],
    "binomial": [{"count": "np.array([3.0, 5.0])", "prob": "rand(2)"}],
    "multinomial": [{"input": "rand(2, 4)", "num_samples": 3}],
    "uniform_": [{"input": "randn(3)"}],
    "normal_": [{"input": "randn(3)"}],
    "log_normal_": [{"input": "randn(3)"}],
    "exponential_": [{"input": "randn(3)"}],
    "cauchy_": [{"input": "randn(3)"}],
    "geometric_": [{"input": "randn(3)", "p": 0.3}],
    "random_": [{"input": "randn(3)", "from_": 0, "to": 9}],
    "bernoulli_": [{"input": "randn(3)", "p": 0.3}],
    "_dropout": [{"input": "randn(3, 4)", "p": 0.3}],
    "dropout": [{"input": "randn(3, 4)", "p": 0.3, "train": True}],
    "alpha_dropout": [{"input": "randn(3, 4)", "p": 0.3, "train": True}],
    **{name: [{"input": "randn(3, 4)"}, {"input": "randn(2, 3, 4)", "dim": [0, 2], "keepdim": True},
              {"input": "crandn(3, 4)", "dim": [1]}, {"input": "randn()"}]
       for name in ("sum", "mean")},
    "_cumsum_reversed": [{"input": "randn(3, 4)", "dim": 1}],
    "_select_backward": [{"input": "randn(3)", "size": [2, 3], "dim": 0, "index": 1}],
    "_slice_backward": [{"input": "randn(2, 2)", "size": [2, 5], "dim": 1, "start": 1, "end": 5, "step": 2}],
    "_narrow_backward": [{"input": "randn(2, 2)", "size": [2, 5], "dim": 1, "start": 1, "length": 2}],
    "_expand_reduced": [{"input": "randn(3)", "size": [3, 4], "dim": [1], "keepdim": False}],
    "_diagonal_backward": [{"input": "randn(2)", "size": [3, 3], "offset": 1, "dim1": 0, "dim2": 1}],
    "_unfold_backward": [{"input": "randn(3, 2, 3)", "size": [7, 2], "dimension": 0, "window": 3, "step": 2}],
    "_cat_backward": [{"input": "randn(2, 5)", "sizes": [2, 3], "dim": 1}],
    "reshape": [{"input": "randn(2, 6)", "shape": [3, -1]}, {"input": "randn(0, 3)", "shape": [3, 0]}],
    "view": [{"input": "randn(2, 6)", "size": [3, -1]}],
    "expand": [{"input": "randn(2, 1)", "size": [3, -1, 4]}],
    "transpose": [{"input": "randn(2, 3, 4)", "dim0": 0, "dim1": -1}],
    "permute": [{"input": "randn(2, 3, 4)", "dims": [2, 0, 1]}],
    "_unpermute": [{"input": "randn(2, 3, 4)", "dims": [2, 0, 1]}],
    "unsqueeze": [{"input": "randn(2, 3)", "dim": -1}, {"input": "randn()", "dim": 0}],
    "squeeze": [{"input": "randn(2, 1, 1)"}, {"input": "randn(2, 1, 1)", "dim": [1]}],
    "select": [{"input": "randn(2, 3)", "dim": 1, "index": -1}],
    "slice": [{"input": "randn(2, 5)", "dim": 1, "start": 1, "end": 5, "step": 2}],
    "real": [{"input": "crandn(2, 3)"}],
    "imag": [{"input": "crandn(2, 3)"}],
    "nonzero": [{"input": "randint(0, 2, (3, 4))"}, {"input": "randint(0, 2, (0, 4))"}],
    "index": [{"input": "randn(4, 3)", "indices": ["[0, 2, 2]"]},
              {"input": "randn(4, 3, 2)", "indices": [None, "[0, 2]", "[1, 1]"]}],
    "_index_backward": [{"input": "randn(3, 3)", "size": [4, 3], "indices": ["[0, 2, 2]"]}],
    "index_put": [{"input": "randn(4, 3)", "indices": ["[0, 2]"], "values": "randn(2, 3)"},
                  {"input": "randn(4, 3)", "indices": ["[0, 0]"], "values": "randn(2, 3)",
                   "accumulate": True}],
    "_softmax_vjp": [{"grad": "randn(2, 3)", "output": "rand(2, 3)", "dim": 1}],
    "_log_softmax_vjp": [{"grad": "randn(2, 3)", "output": "np.log(rand(2, 3))", "dim": 1}],
    "_unique": [{"input": "randint(0, 4, (2, 5))", "sorted": True, "return_inverse": True,
                 "return_counts": True}],
    "_unique_consecutive": [{"input": "randint(0, 2, (7,))", "return_inverse": True,
                             "return_counts": True}],
    "_unique_slices": [{"input": "randint(0, 2, (6, 2))", "dim": 0, "consecutive": False,
                        "return_inverse": True, "return_counts": True},
                       {"input": "randint(0, 2, (6, 1))", "dim": 0, "consecutive": True,
                        "return_inverse": True, "return_counts": True}],
    "_view_dtype": [{"input": "randn(2, 3)", "dtype": "wg.int64"}],
    "set_": [{"input": "randn(2)", "source": "randn(2, 3)"}],
    "resize_": [{"input": "randn(2, 3)", "size": [3]}],
}  # fmt: skip
