"""Modules that are spread over devices: with one device, the module itself."""

from __future__ import annotations

from typing import Any

from wengert.nn.modules.module import Module

__all__ = ["DataParallel", "DistributedDataParallel", "data_parallel"]


class DataParallel(Module):
    """Calls ``module``: there are no GPUs that batches could be divided among.

    The module is the attribute ``module``, so that names in a state dict begin with ``module.``.

    >>> model = wg.nn.DataParallel(wg.nn.Linear(2, 1))
    >>> list(model.state_dict())
    ['module.weight', 'module.bias']
    """

    def __init__(
        self, module: Module, device_ids: Any = None, output_device: Any = None, dim: int = 0
    ) -> None:
        super().__init__()
        if device_ids:
            raise RuntimeError(
                f"DataParallel(): devices {list(device_ids)} are asked for, and this build has the "
                "device cpu only"
            )
        self.module = module
        self.device_ids: list[int] = []
        self.dim = dim

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        """What the module returns."""
        return self.module(*inputs, **kwargs)


def data_parallel(
    module: Module,
    inputs: Any,
    device_ids: Any = None,
    output_device: Any = None,
    dim: int = 0,
    module_kwargs: dict[str, Any] | None = None,
) -> Any:
    """Calls ``module`` once, like `DataParallel`."""
    parallel = DataParallel(module, device_ids, output_device, dim)
    inputs = inputs if isinstance(inputs, tuple) else (inputs,)
    return parallel(*inputs, **(module_kwargs or {}))


class DistributedDataParallel(Module):
    """Raises RuntimeError: training on several processes is not supported yet."""

    def __init__(self, module: Module, *args: Any, **kwargs: Any) -> None:
        super().__init__()
        raise RuntimeError(
            "DistributedDataParallel(): training on several processes is not supported yet; "
            "is_available() of wengert.distributed says so, too"
        )
