"""wengert: eager automatic differentiation and neural-network training.

The flat namespace is PyTorch's: tensors, operators, grad modes; and the modules nn, optim, utils.
"""

from __future__ import annotations

import math as _math
import os as _os
import sys as _sys

from wengert import _C
from wengert._C import *

_C._set_package_directory(_os.path.dirname(__file__) + _os.sep)
# Where pip puts oneDNN and OpenBLAS; they are opened when first needed.
_C._set_library_paths(
    [_os.path.join(_sys.prefix, "lib")]
    + [_os.path.join(path, "scipy_openblas32", "lib") for path in _sys.path if path]
)

from wengert import _ops, _tensor, autograd
from wengert._composite import return_types
from wengert._composite.creation import *
from wengert._composite.einsum import *
from wengert._composite.histograms import *
from wengert._composite.images import *
from wengert._composite.indexing import *
from wengert._composite.joining import *
from wengert._composite.linalg import *
from wengert._composite.matrix_norms import *
from wengert._composite.older_linalg import *
from wengert._composite.pointwise import *
from wengert._composite.queries import *
from wengert._composite.reduction import *
from wengert._composite.sequence import *
from wengert._composite.shape import *
from wengert._composite.windows import *
from wengert._interop import *
from wengert._tensor_str import get_printoptions, printoptions, set_printoptions
from wengert._type_info import *
from wengert.autograd import enable_grad, inference_mode, no_grad, set_grad_enabled
from wengert.autograd.anomaly_mode import is_anomaly_check_nan_enabled, is_anomaly_enabled

_tensor.attach()

half = float16
float = float32
double = float64
cfloat = complex64
cdouble = complex128
short = int16
int = int32
long = int64
pi, e, inf, nan = _math.pi, _math.e, _math.inf, _math.nan

from wengert import func, linalg, nn, optim, testing, utils
from wengert.func import vmap

__version__ = "0.1.0"
__all__ = sorted(name for name in globals() if not name.startswith("_") and name != "annotations")
