"""Batch normalisation, and what it shares with instance normalisation."""

from __future__ import annotations

from typing import Any

import wengert as wg

from .. import functional as F
from .. import init
from ..parameter import Parameter, UninitializedBuffer, UninitializedParameter
from .lazy import LazyModuleMixin
from .module import Module

__all__ = [
    "BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "LazyBatchNorm1d", "LazyBatchNorm2d",
    "LazyBatchNorm3d", "SyncBatchNorm",
]  # fmt: skip


class _NormBase(Module):
    """A scale and a shift per channel, and running statistics."""

    # Version 2 added the buffer num_batches_tracked.
    _version = 2

    weight: wg.Tensor | None
    bias: wg.Tensor | None
    running_mean: wg.Tensor | None
    running_var: wg.Tensor | None
    num_batches_tracked: wg.Tensor | None

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: wg.dtype | None = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        options = {"device": device, "dtype": dtype}
        for name, wanted in (("weight", affine), ("bias", affine and bias)):
            value = Parameter(wg.empty(num_features, **options)) if wanted else None
            self.register_parameter(name, value)
        tracked = track_running_stats
        self.register_buffer("running_mean", wg.zeros(num_features, **options) if tracked else None)
        self.register_buffer("running_var", wg.ones(num_features, **options) if tracked else None)
        self.register_buffer(
            "num_batches_tracked",
            wg.tensor(0, dtype=wg.int64, device=device) if tracked else None,
        )
        self.reset_parameters()

    def reset_running_stats(self) -> None:
        """Forgets the statistics seen so far."""
        if self.running_mean is not None and self.running_var is not None:
            self.running_mean.zero_()
            self.running_var.fill_(1)
            self.num_batches_tracked.zero_()  # type: ignore[union-attr]

    def reset_parameters(self) -> None:
        """Back to the starting values: statistics, scale 1 and shift 0."""
        self.reset_running_stats()
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def _check_input_dim(self, input: wg.Tensor) -> None:
        raise NotImplementedError

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, local_metadata: dict[str, Any], *rest: Any
    ) -> None:
        version = local_metadata.get("version")
        key = prefix + "num_batches_tracked"
        if (version is None or version < 2) and self.track_running_stats and key not in state_dict:
            state_dict[key] = wg.tensor(0, dtype=wg.int64)
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)


class _BatchNorm(_NormBase):
    def forward(self, input: wg.Tensor) -> wg.Tensor:
        self._check_input_dim(input)
        momentum = self.momentum
        if self.training and self.track_running_stats and self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
            if momentum is None:
                # The plain mean over all batches.
                momentum = 1.0 / float(self.num_batches_tracked)
        use_batch = self.training or (self.running_mean is None and self.running_var is None)
        update = not self.training or self.track_running_stats
        return F.batch_norm(
            input,
            self.running_mean if update else None,
            self.running_var if update else None,
            self.weight,
            self.bias,
            use_batch,
            0.0 if momentum is None else momentum,
            self.eps,
        )


class BatchNorm1d(_BatchNorm):
    """Normalises every feature over the batch: (N, C) or (N, C, L).

    Args:
        num_features: C.
        eps: added to the variance.
        momentum: how far the running statistics move towards the batch's; ``None`` for a
            plain mean.
        affine: learn a scale and a shift per feature.
        track_running_stats: keep running statistics and use them in evaluation.
        bias: learn the shift too, if ``affine``.

    Source: Ioffe and Szegedy (2015), Batch normalization, https://arxiv.org/abs/1502.03167.
    """

    def _check_input_dim(self, input: wg.Tensor) -> None:
        if input.dim() not in (2, 3):
            raise ValueError(f"expected 2D or 3D input (got {input.dim()}D input)")


class BatchNorm2d(_BatchNorm):
    """Normalises every channel over the batch and the image: (N, C, H, W)."""

    def _check_input_dim(self, input: wg.Tensor) -> None:
        if input.dim() != 4:
            raise ValueError(f"expected 4D input (got {input.dim()}D input)")


class BatchNorm3d(_BatchNorm):
    """Normalises every channel over the batch and the volume: (N, C, D, H, W)."""

    def _check_input_dim(self, input: wg.Tensor) -> None:
        if input.dim() != 5:
            raise ValueError(f"expected 5D input (got {input.dim()}D input)")


class SyncBatchNorm(_BatchNorm):
    """`BatchNorm1d`, `2d` and `3d` in one, for inputs (N, C, ...), with the statistics of the batch
    of all processes.

    One process has all of its batch, so that its statistics are those of any batch normalisation.

    Raises:
        ValueError: fewer than two dimensions, or no channels.
        NotImplementedError: ``process_group`` was given: processes do not talk to each other yet.
    """

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        process_group: Any | None = None,
        device: Any = None,
        dtype: wg.dtype | None = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(
            num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias
        )
        if process_group is not None:
            raise NotImplementedError(
                "SyncBatchNorm: process groups are not supported; the statistics are those of "
                "this process"
            )
        self.process_group = process_group

    def _check_input_dim(self, input: wg.Tensor) -> None:
        if input.dim() < 2:
            raise ValueError(f"expected at least 2D input (got {input.dim()}D input)")
        if input.shape[1] == 0:
            raise ValueError("SyncBatchNorm number of input channels should be non-zero")

    @classmethod
    def convert_sync_batchnorm(cls, module: Module, process_group: Any | None = None) -> Module:
        """``module`` with every batch normalisation in it replaced by a `SyncBatchNorm` that
        shares its parameters and buffers.

        >>> import wengert as wg
        >>> net = wg.nn.Sequential(wg.nn.Linear(2, 3), wg.nn.BatchNorm1d(3))
        >>> type(wg.nn.SyncBatchNorm.convert_sync_batchnorm(net)[1]).__name__
        'SyncBatchNorm'
        """
        result = module
        if isinstance(module, _BatchNorm) and not isinstance(module, SyncBatchNorm):
            result = SyncBatchNorm(
                module.num_features,
                module.eps,
                module.momentum,
                module.affine,
                module.track_running_stats,
                process_group,
                bias=module.bias is not None,
            )
            for name in (*module._parameter_names, *module._buffer_names):
                setattr(result, name, getattr(module, name))
            result.training = module.training
        for name, child in module.named_children():
            result.add_module(name, cls.convert_sync_batchnorm(child, process_group))
        return result


class _LazyNormBase(LazyModuleMixin, _NormBase):
    """Learns ``num_features`` from the first input."""

    def __init__(
        self,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: wg.dtype | None = None,
        *,
        bias: bool = True,
    ) -> None:
        # Without features there is nothing to allocate; what was asked for comes after.
        super().__init__(0, eps, momentum, False, False, device, dtype, bias=bias)
        self.affine = affine
        self.track_running_stats = track_running_stats
        if affine:
            self.weight = UninitializedParameter(device=device, dtype=dtype)
            if bias:
                self.bias = UninitializedParameter(device=device, dtype=dtype)
        if track_running_stats:
            self.running_mean = UninitializedBuffer(device=device, dtype=dtype)
            self.running_var = UninitializedBuffer(device=device, dtype=dtype)
            self.num_batches_tracked = wg.tensor(0, dtype=wg.int64, device=device)

    def reset_parameters(self) -> None:
        """Back to the starting values, once the shapes are known."""
        if not self.has_uninitialized_params() and self.num_features != 0:
            super().reset_parameters()

    def initialize_parameters(self, input: wg.Tensor, *args: Any, **kwargs: Any) -> None:
        """Makes parameters and buffers for the channels of ``input``."""
        if not self.has_uninitialized_params():
            return
        self._check_input_dim(input)
        self.num_features = self._features_of(input)
        for name in ("weight", "bias", "running_mean", "running_var"):
            if self.__dict__[name] is not None:
                self._materialize(name, (self.num_features,))
        self.reset_parameters()

    def _features_of(self, input: wg.Tensor) -> int:
        return input.shape[1]


class LazyBatchNorm1d(_LazyNormBase, BatchNorm1d):
    """`BatchNorm1d` that learns ``num_features`` from its first input."""

    cls_to_become = BatchNorm1d


class LazyBatchNorm2d(_LazyNormBase, BatchNorm2d):
    """`BatchNorm2d` that learns ``num_features`` from its first input."""

    cls_to_become = BatchNorm2d


class LazyBatchNorm3d(_LazyNormBase, BatchNorm3d):
    """`BatchNorm3d` that learns ``num_features`` from its first input."""

    cls_to_become = BatchNorm3d
