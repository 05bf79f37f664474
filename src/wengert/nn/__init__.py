"""Neural networks: modules, losses and the functions behind them."""

from . import functional, grad, init, modules, parallel, parameter, utils
from .modules import *  # noqa: F403
from .parallel import DataParallel
from .parameter import Buffer, Parameter, UninitializedBuffer, UninitializedParameter

__all__ = [
    "Buffer", "DataParallel", "Parameter", "UninitializedBuffer", "UninitializedParameter",
    "functional", "grad", "init", "modules", "parallel", "parameter", "utils",
]  # fmt: skip
__all__ += modules.__all__
