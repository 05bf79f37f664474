"""`DistributedDataParallel` under the name of its module in PyTorch."""

from . import DistributedDataParallel

__all__ = ["DistributedDataParallel"]
