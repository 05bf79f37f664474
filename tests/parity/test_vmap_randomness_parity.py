"""What vmap makes of every random function, under each kind of randomness, against torch.func.

Compared is what can be: the shape, whether all samples are equal, or that it is refused.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest

import wengert as wg

torch = pytest.importorskip("torch")


def programs(T: Any) -> dict[str, Callable[[Any], Any]]:
    F = T.nn.functional
    return {
        "randn": lambda x: T.randn(5),
        "rand": lambda x: T.rand(5),
        "randint": lambda x: T.randint(0, 1000, (5,)),
        "randperm": lambda x: T.randperm(30),
        "rand_like": lambda x: T.rand_like(x),
        "randn_like": lambda x: T.randn_like(x),
        "randint_like": lambda x: T.randint_like(x, 0, 1000),
        "rand_like un": lambda x: T.rand_like(T.zeros(4)),
        "bernoulli": lambda x: T.bernoulli(x.repeat(10)),
        "bernoulli un": lambda x: T.bernoulli(T.full((40,), 0.5)),
        "bernoulli p": lambda x: x.repeat(10).bernoulli(0.5),
        "bernoulli_": lambda x: T.zeros_like(x).repeat(10).bernoulli_(0.5),
        "bernoulli_ un": lambda x: T.zeros(40).bernoulli_(0.5),
        "bernoulli_ tensor": lambda x: T.zeros_like(x).bernoulli_(x),
        "bernoulli_ un t": lambda x: T.zeros(4).bernoulli_(x),
        "bernoulli_ tensor shared": lambda x: (x.clone().repeat(10)).bernoulli_(T.full((40,), 0.5)),
        "multinomial": lambda x: T.multinomial(x.repeat(10), 20),
        "multinomial un": lambda x: T.multinomial(T.ones(40), 20),
        "multinomial repl": lambda x: T.multinomial(x.repeat(10), 20, True),
        "multinomial 2d": lambda x: T.multinomial(x.repeat(10).reshape(2, 20), 10),
        "dropout": lambda x: F.dropout(x.repeat(10), 0.5),
        "dropout un": lambda x: F.dropout(T.ones(40), 0.5),
        "dropout eval": lambda x: F.dropout(x, 0.5, False),
        "dropout 0": lambda x: F.dropout(x, 0.0),
        "dropout1": lambda x: F.dropout(x, 1.0),
        "alpha_dropout": lambda x: F.alpha_dropout(x.repeat(10), 0.5, True),
        "feature_alpha": lambda x: F.feature_alpha_dropout(
            x.repeat(10).reshape(1, 20, 2), 0.5, True
        ),
        "dropout1d": lambda x: F.dropout1d(x.repeat(10).reshape(1, 20, 2), 0.5),
        "dropout2d": lambda x: F.dropout2d(x.repeat(10).reshape(1, 20, 2, 1), 0.5),
        "gumbel": lambda x: F.gumbel_softmax(x),
        "normal t": lambda x: T.normal(x, 1.0),
        "normal s": lambda x: T.normal(0.0, x),
        "normal tt": lambda x: T.normal(x, x),
        "normal un": lambda x: T.normal(T.zeros(4), T.ones(4)),
        "normal size": lambda x: T.normal(0.0, 1.0, (4,)),
        "poisson": lambda x: T.poisson(x.repeat(10) * 100),
        "poisson un": lambda x: T.poisson(T.ones(40) * 100),
        "binomial": lambda x: T.binomial(T.full((4,), 1000.0), x),
        "normal_": lambda x: x.clone().normal_(),
        "uniform_": lambda x: x.clone().uniform_(),
        "exponential_": lambda x: x.clone().exponential_(),
        "cauchy_": lambda x: x.clone().cauchy_(),
        "geometric_": lambda x: x.repeat(10).geometric_(0.1),
        "log_normal_": lambda x: x.clone().log_normal_(),
        "random_": lambda x: x.clone().random_(0, 1000),
        "normal_ un": lambda x: T.zeros(4).normal_(),
        "random_ un": lambda x: T.zeros(4).random_(0, 1000),
        "uniform_ un": lambda x: T.zeros(4).uniform_(),
        "new_zeros_": lambda x: x.new_zeros(4).normal_(),
        "Normal": lambda x: T.distributions.Normal(x, 1.0, validate_args=False).rsample(),
        "Categorical": lambda x: T.distributions.Categorical(
            x.repeat(10), validate_args=False
        ).sample((20,)),
        "sdpa drop": lambda x: F.scaled_dot_product_attention(
            x.reshape(1, 2, 2).repeat(1, 10, 1),
            x.reshape(1, 2, 2).repeat(1, 10, 1),
            x.reshape(1, 2, 2).repeat(1, 10, 1),
            dropout_p=0.5,
        ),
        "fracpool": lambda x: F.fractional_max_pool2d(
            x.repeat(25).reshape(1, 1, 10, 10), 2, output_size=(5, 5)
        ),
        "generator": lambda x: T.randn(5, generator=T.Generator().manual_seed(1)),
        "init": lambda x: T.nn.init.xavier_uniform_(x.clone().reshape(2, 2)),
    }


def outcome(library: Any, name: str, randomness: str) -> Any:
    library.manual_seed(0)
    x = library.rand(3, 4) * 0.5 + 0.25
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            rows = library.func.vmap(programs(library)[name], randomness=randomness)(x)
        except RuntimeError as error:
            return str(error).split(" ")[:6] if "randomness" in str(error) else "refused"
    return tuple(rows.shape), all(bool((row == rows[0]).all()) for row in rows)


# PyTorch's Normal writes in place to a tensor that is not mapped; ours draws for each sample.
SUPPORTED = {("Normal", "different")}


@pytest.mark.parametrize("randomness", ["error", "same", "different"])
@pytest.mark.parametrize("name", programs(torch))
def test_random_function(name: str, randomness: str) -> None:
    found, expected = (outcome(library, name, randomness) for library in (wg, torch))
    if (name, randomness) in SUPPORTED:
        assert isinstance(found, tuple)
        assert not isinstance(expected, tuple)
    else:
        assert found == expected
