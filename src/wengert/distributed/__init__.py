"""What programs ask before they train on several processes: that is not supported yet.

There is no process group, so what needs one raises ValueError, as it does in PyTorch before
`init_process_group`; that function itself raises NotImplementedError.
"""

from __future__ import annotations

import enum
import sys
from typing import Any, NoReturn

from wengert import _missing

__all__ = ["ReduceOp", "destroy_process_group", "init_process_group", "is_available",
           "is_gloo_available", "is_initialized", "is_mpi_available", "is_nccl_available",
           "is_torchelastic_launched"]  # fmt: skip

# What needs a process group. `distributed.nn` has differentiable ones of some of the same names.
_COLLECTIVES = (
    "all_gather", "all_gather_into_tensor", "all_gather_object", "all_reduce", "all_to_all",
    "all_to_all_single", "barrier", "batch_isend_irecv", "broadcast", "broadcast_object_list",
    "gather", "gather_object", "get_backend", "get_global_rank", "get_group_rank",
    "get_process_group_ranks", "get_rank", "get_world_size", "irecv", "isend", "monitored_barrier",
    "new_group", "recv", "reduce", "reduce_scatter", "reduce_scatter_tensor", "scatter",
    "scatter_object_list", "send",
)  # fmt: skip


class ReduceOp(enum.Enum):
    """How collectives combine values."""

    SUM = 0
    AVG = 1
    PRODUCT = 2
    MIN = 3
    MAX = 4
    BAND = 5
    BOR = 6
    BXOR = 7


class ProcessGroup:
    """Processes that train together: none can be made."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        _no_group()


class group:
    """The group of all processes, which there is not."""

    WORLD: ProcessGroup | None = None


GroupMember = group


def _no_group(*args: Any, **kwargs: Any) -> NoReturn:
    raise ValueError(
        "Default process group has not been initialized, please make sure to call "
        "init_process_group."
    )


def _collective(name: str) -> Any:
    def function(*args: Any, **kwargs: Any) -> NoReturn:
        _no_group()

    function.__name__ = function.__qualname__ = name
    function.__doc__ = "Raises ValueError: there is no process group."
    return function


globals().update({name: _collective(name) for name in _COLLECTIVES})
__all__ += list(_COLLECTIVES)


def is_available() -> bool:
    """Whether processes can train together: no."""
    return False


def is_initialized() -> bool:
    """Whether processes train together: no."""
    return False


def is_nccl_available() -> bool:
    """Whether NCCL is there: no."""
    return False


def is_gloo_available() -> bool:
    """Whether Gloo is there: no."""
    return False


def is_mpi_available() -> bool:
    """Whether MPI is there: no."""
    return False


def is_torchelastic_launched() -> bool:
    """Whether a launcher of several processes started this one: no."""
    return False


def init_process_group(*args: Any, **kwargs: Any) -> NoReturn:
    """Raises NotImplementedError."""
    raise NotImplementedError(
        "init_process_group(): training on several processes is not supported yet"
    )


def destroy_process_group(group: Any = None) -> NoReturn:
    """Raises ValueError: there is no process group."""
    _no_group()


def __getattr__(name: str) -> Any:
    _missing.raise_missing(sys.modules[__name__], name)
