"""Transforms of functions: derivatives and batches that nest in any order.

A transform takes a function and gives a function. Inputs and outputs are trees: tensors in tuples,
lists and dictionaries. Nothing is left behind in ``.grad``, and results have a history only if they
depend on something outside that requires a gradient.
"""

from __future__ import annotations

from ._forward import hessian, jacfwd, jvp, linearize
from ._functions import debug_unwrap, functionalize
from ._modules import functional_call, replace_all_batch_norm_modules_, stack_module_state
from ._rearrange import rearrange
from ._reverse import grad, grad_and_value, jacrev, vjp
from ._vmap import vmap

__all__ = [
    "debug_unwrap",
    "functional_call",
    "functionalize",
    "grad",
    "grad_and_value",
    "hessian",
    "jacfwd",
    "jacrev",
    "jvp",
    "linearize",
    "rearrange",
    "replace_all_batch_norm_modules_",
    "stack_module_state",
    "vjp",
    "vmap",
]
