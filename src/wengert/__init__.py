"""wengert: eager automatic differentiation and neural-network training.

The flat namespace is PyTorch's: tensors, operators, grad modes; and the modules nn, optim, utils.
"""

from __future__ import annotations

import math as _math
import os as _os
import sys as _sys
import typing as _typing

from wengert import _C
from wengert._C import *

_C._set_package_directory(_os.path.dirname(__file__) + _os.sep)
# Where pip puts oneDNN and OpenBLAS; they are opened when first needed.
_C._set_library_paths(
    [_os.path.join(_sys.prefix, "lib")]
    + [_os.path.join(path, "scipy_openblas32", "lib") for path in _sys.path if path]
)

from wengert import _missing, _ops, _tensor, autograd, overrides
from wengert._composite import return_types
from wengert._composite.copies import *
from wengert._composite.creation import *
from wengert._composite.einsum import *
from wengert._composite.histograms import *
from wengert._composite.images import *
from wengert._composite.indexing import *
from wengert._composite.joining import *
from wengert._composite.linalg import *
from wengert._composite.low_rank import *
from wengert._composite.matrix_norms import *
from wengert._composite.older_linalg import *
from wengert._composite.pointwise import *
from wengert._composite.queries import *
from wengert._composite.reduction import *
from wengert._composite.sequence import *
from wengert._composite.shape import *
from wengert._composite.sparse import *
from wengert._composite.spectrogram import *
from wengert._composite.windows import *
from wengert._interop import *
from wengert._legacy_types import *
from wengert._runtime import *
from wengert._symbolic import *
from wengert._symbolic import (
    _assert,
    _assert_async,
    _check,
    _check_index,
    _check_is_size,
    _check_not_implemented,
    _check_type,
    _check_value,
)  # fmt: skip
from wengert._tensor_str import get_printoptions, printoptions, set_printoptions
from wengert._type_info import *
from wengert.autograd import enable_grad, inference_mode, no_grad, set_grad_enabled
from wengert.autograd.anomaly_mode import is_anomaly_check_nan_enabled, is_anomaly_enabled
from wengert.serialization import load, save

_tensor.attach()
_sys.modules["wengert.return_types"] = return_types

half = float16
float = float32
double = float64
cfloat = complex64
chalf = complex32
cdouble = complex128
short = int16
int = int32
long = int64
pi, e, inf, nan = _math.pi, _math.e, _math.inf, _math.nan

newaxis = None

from wengert import amp, func, linalg, memory, nn, optim, serialization, testing, utils
from wengert._flat_functions import *
from wengert._flat_recurrent import *
from wengert._torch_view import as_torch
from wengert.amp import GradScaler
from wengert.amp.autocast_mode import (
    autocast,
    get_autocast_cpu_dtype,
    get_autocast_dtype,
    get_autocast_gpu_dtype,
    is_autocast_cpu_enabled,
    is_autocast_enabled,
    set_autocast_dtype,
    set_autocast_enabled,
)
from wengert.func import vmap
from wengert.nn.functional import (
    bilinear,
    cosine_similarity,
    pairwise_distance,
    prelu,
    rrelu,
    rrelu_,
)  # fmt: skip

__version__ = "0.1.0"
# Parts of the package that are imported when they are first used.
_LAZY = frozenset({
    "accelerator", "backends", "compiler", "cpu", "cuda", "distributed", "distributions", "fft",
    "_dynamo", "futures", "fx", "hub", "jit", "library", "mps", "multiprocessing", "onnx", "ops",
    "profiler", "random", "sparse", "special", "storage", "torch_version", "types", "version",
    "xpu",
})  # fmt: skip
__all__ = sorted(
    name for name in {*globals(), *_LAZY} if not name.startswith("_") and name != "annotations"
)

if _typing.TYPE_CHECKING:
    from wengert import (
        accelerator,
        backends,
        compiler,
        cpu,
        cuda,
        distributed,
        distributions,
        fft,
        futures,
        fx,
        hub,
        jit,
        library,
        mps,
        multiprocessing,
        onnx,
        ops,
        profiler,
        random,
        sparse,
        special,
        storage,
        torch_version,
        types,
        version,
        xpu,
    )  # fmt: skip
else:  # for the type checker every name would be there

    def __dir__():
        return sorted({*globals(), *_LAZY})

    def __getattr__(name):
        if name.startswith("_foreach_"):
            from wengert import _foreach

            return getattr(_foreach, name)
        return _missing.lazy_attribute(_sys.modules[__name__], _LAZY, name)
