"""The transforms of functions against torch.func: one program for each thing that can go wrong.

Where both raise, the family of the exception is compared; the texts are those of tests/errors.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from tests.parity.transform_programs import programs

import wengert as wg

torch = pytest.importorskip("torch")

# Where wengert goes on and PyTorch raises, or the other way round; each on purpose.
DIFFERENT = {
    "hess_module_train": "buffers may be written to inside of a transform",
    "chunk_kwargs": "keyword arguments are cut into chunks, too; PyTorch gives each chunk the whole",
    "in_dims_list": "a list stands for a tuple",
    "aux_nontensor": "aux may be anything",
    "requires_grad_in_grad": "requires_grad_() is fine on what a transform made",
    "retain_grad_in_grad": "so is retain_grad()",
    "autograd_grad_in_vmap": "so is autograd.grad()",
    "fw_nested": "dual levels nest",
    "fw_enter_exit": "levels have numbers of their own",
    "fw_dtype": "a tangent has the dtype of its tensor",
    "fn_no_jvp": "the derivative in a direction follows from backward()",
    "resize_in_vmap": "resize_() is refused inside of transforms",
    "data_in_vmap": ".data is detach()",
    "deepcopy_in_vmap": "a copy of all samples",
}
KINDS = (ValueError, TypeError, IndexError, AttributeError, AssertionError, RuntimeError)
LIKE_EACH_OTHER = [n for n in programs(torch) if n not in DIFFERENT]


def tree(value: Any) -> Any:
    """A result in words of Python and NumPy."""
    if isinstance(value, wg.Tensor | torch.Tensor):
        return np.asarray(value.detach().tolist()), tuple(value.shape)
    if isinstance(value, dict):
        return {key: tree(each) for key, each in value.items()}
    if isinstance(value, tuple | list):
        return [tree(each) for each in value]
    return value


def outcome(library: Any, name: str) -> Any:
    library.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return tree(programs(library)[name]())
        except KINDS as error:
            return next(kind for kind in KINDS if isinstance(error, kind))


def compare(found: Any, expected: Any) -> None:
    if isinstance(expected, dict):
        assert found.keys() == expected.keys()
        for key, value in expected.items():
            compare(found[key], value)
    elif isinstance(expected, list | tuple) and not all(isinstance(e, int) for e in expected):
        assert isinstance(found, list | tuple)
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            compare(one, other)
    elif isinstance(expected, np.ndarray):
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
    else:
        assert found == expected


@pytest.mark.parametrize("name", LIKE_EACH_OTHER)
def test_program(name: str) -> None:
    compare(outcome(wg, name), outcome(torch, name))


@pytest.mark.parametrize("name", DIFFERENT)
def test_difference(name: str) -> None:
    """What is listed as different is different."""
    with pytest.raises(AssertionError):
        compare(outcome(wg, name), outcome(torch, name))
