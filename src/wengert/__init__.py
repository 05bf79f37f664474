"""wengert: eager automatic differentiation and neural-network training."""

from __future__ import annotations

import os as _os

from wengert import _C
from wengert._C import *  # noqa: F403

__version__ = "0.1.0"

_C._set_package_directory(_os.path.dirname(__file__))
from wengert import _tensor  # noqa: E402
