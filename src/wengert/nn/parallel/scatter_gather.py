"""Values divided among GPUs and collected from them: there are no GPUs."""

from __future__ import annotations

from typing import Any, NoReturn

__all__ = ["gather", "scatter", "scatter_kwargs"]


def _refuse(name: str, devices: Any) -> NoReturn:
    raise RuntimeError(
        f"{name}(): devices {devices} are asked for, and this build has the device cpu only"
    )


def scatter(inputs: Any, target_gpus: Any, dim: int = 0) -> Any:
    """Raises RuntimeError: there are no GPUs that parts of tensors could go to."""
    _refuse("scatter", target_gpus)


def scatter_kwargs(inputs: Any, kwargs: Any, target_gpus: Any, dim: int = 0) -> Any:
    """Raises RuntimeError: there are no GPUs that parts of tensors could go to."""
    _refuse("scatter_kwargs", target_gpus)


def gather(outputs: Any, target_device: Any, dim: int = 0) -> Any:
    """Raises RuntimeError: there are no GPUs that tensors could come from."""
    _refuse("gather", target_device)
