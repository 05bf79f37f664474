"""What can be asked of a tensor without arithmetic, and operators that do nothing here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import wengert
from wengert._devices import Unavailable

from ._common import describe
from ._common import is_tensor as _is_tensor

if TYPE_CHECKING:
    from wengert import Tensor

__all__ = (
    "get_device", "is_complex", "is_conj", "is_distributed", "is_floating_point", "is_neg",
    "is_nonzero", "is_same_size", "is_signed", "is_storage", "is_tensor", "numel", "resolve_conj",
    "resolve_neg",
)  # fmt: skip

METHODS = (
    "const_data_ptr", "cuda", "dense_dim", "dim_order", "get_device", "is_conj", "is_distributed",
    "is_neg", "is_nonzero", "is_pinned", "is_same_size", "is_shared", "pin_memory", "resolve_conj",
    "resolve_neg", "share_memory_", "sparse_dim", "to_dense", "xpu",
)  # fmt: skip

PROPERTIES = (
    "is_cpu", "is_cuda", "is_mkldnn", "is_meta", "is_mps", "is_nested", "is_quantized",
    "is_sparse", "is_sparse_csr", "is_vulkan", "is_xla", "is_xpu", "name",
)  # fmt: skip

FUNCTIONAL = ()


def is_tensor(obj: Any) -> bool:
    """Whether `obj` is a Tensor.

    >>> wg.is_tensor(wg.zeros(2)), wg.is_tensor([0.0, 0.0])
    (True, False)
    """
    return _is_tensor(obj)


def is_storage(obj: Any) -> bool:
    """Whether `obj` is the memory of a tensor: `Tensor.untyped_storage()`."""
    return isinstance(obj, type(wengert.empty(0).untyped_storage()))


def is_floating_point(input: Tensor) -> bool:
    """Whether the dtype is float16, bfloat16, float32 or float64.

    >>> wg.is_floating_point(wg.zeros(2))
    True
    """
    return input.is_floating_point()


def is_complex(input: Tensor) -> bool:
    """Whether the dtype is complex64 or complex128.

    >>> wg.is_complex(wg.tensor([1j]))
    True
    """
    return input.is_complex()


def is_signed(input: Tensor) -> bool:
    """Whether the dtype has negative numbers.

    >>> wg.is_signed(wg.tensor([1], dtype=wg.uint8))
    False
    """
    return input.is_signed()


def numel(input: Tensor) -> int:
    """The number of elements.

    >>> wg.numel(wg.zeros(2, 3))
    6
    """
    return input.numel()


def is_nonzero(input: Tensor) -> bool:
    """Whether the only element is not zero. Raises RuntimeError unless there is exactly one.

    >>> wg.is_nonzero(wg.tensor([2.0]))
    True
    """
    count = input.numel()
    if count == 0:
        raise RuntimeError("Boolean value of Tensor with no values is ambiguous")
    if count > 1:
        raise RuntimeError(
            "Boolean value of Tensor with more than one value is ambiguous" + describe(input=input)
        )
    return bool(input.item())


def is_same_size(input: Tensor, other: Tensor) -> bool:
    """Whether both have the same shape.

    >>> wg.is_same_size(wg.zeros(2), wg.zeros(2, 1))
    False
    """
    return tuple(input.shape) == tuple(other.shape)


def is_conj(input: Tensor) -> bool:
    """Whether the conjugate is only marked, not computed: never."""
    return False


def is_neg(input: Tensor) -> bool:
    """Whether the negative is only marked, not computed: never."""
    return False


def resolve_conj(input: Tensor) -> Tensor:
    """The tensor itself: conjugates are always computed."""
    return input


def resolve_neg(input: Tensor) -> Tensor:
    """The tensor itself: negatives are always computed."""
    return input


def is_shared(input: Tensor) -> bool:
    """Whether other processes see the memory: never."""
    return False


def is_pinned(input: Tensor) -> bool:
    """Whether the memory is pinned for copies to a device: never."""
    return False


def get_device(input: Tensor) -> int:
    """The number of the device: -1, the CPU."""
    return -1


def is_cpu(input: Tensor) -> bool:
    """Whether the memory is the CPU's."""
    return input.device.type == "cpu"


def is_cuda(input: Tensor) -> bool:
    """Whether the memory is a CUDA device's."""
    return input.device.type == "cuda"


def is_meta(input: Tensor) -> bool:
    """Whether there is no memory, only a shape: never."""
    return False


def is_sparse(input: Tensor) -> bool:
    """Whether only non-zero elements are stored: never."""
    return False


def is_quantized(input: Tensor) -> bool:
    """Whether elements are stored as scaled integers: never."""
    return False


def is_sparse_csr(input: Tensor) -> bool:
    """Whether only non-zero elements are stored, by rows: never."""
    return False


def is_nested(input: Tensor) -> bool:
    """Whether it is a list of tensors of different sizes: never."""
    return False


def is_mkldnn(input: Tensor) -> bool:
    """Whether the memory has a layout of oneDNN's own: never."""
    return False


def is_mps(input: Tensor) -> bool:
    """Whether the memory is on one of Apple's GPUs: never."""
    return False


def is_xpu(input: Tensor) -> bool:
    """Whether the memory is on one of Intel's GPUs: never."""
    return False


def is_xla(input: Tensor) -> bool:
    """Whether XLA holds the values: never."""
    return False


def is_vulkan(input: Tensor) -> bool:
    """Whether Vulkan holds the values: never."""
    return False


def is_distributed(input: Tensor) -> bool:
    """Whether several processes hold the values: never."""
    return False


def name(input: Tensor) -> None:
    """The name of a variable of old: None."""
    return None


def cuda(
    input: Tensor, device: Any = None, non_blocking: bool = False, memory_format: Any = None
) -> Tensor:
    """Raises: there is no GPU in this build."""
    raise Unavailable(
        "Torch not compiled with CUDA enabled\n  wengert: this build has the device cpu only"
        + describe(input=input)
    )


def xpu(
    input: Tensor, device: Any = None, non_blocking: bool = False, memory_format: Any = None
) -> Tensor:
    """Raises: there is no GPU in this build."""
    raise Unavailable(
        "Torch not compiled with XPU enabled\n  wengert: this build has the device cpu only"
        + describe(input=input)
    )


def pin_memory(input: Tensor, device: Any = None) -> Tensor:
    """Raises: there is no GPU in this build that pinned memory could be copied to."""
    raise Unavailable(
        "Cannot access accelerator device when none is available."
        "\n  wengert: this build has the device cpu only" + describe(input=input)
    )


def share_memory_(input: Tensor) -> Tensor:
    """Raises NotImplementedError: memory cannot be shared between processes."""
    raise NotImplementedError(
        "share_memory_(): memory that several processes write to is not supported; send tensors "
        "by value, or use threads" + describe(input=input)
    )


def to_dense(input: Tensor, dtype: Any = None, *, masked_grad: bool = True) -> Tensor:
    """The tensor itself: there are no sparse ones."""
    return input if dtype is None else input.to(dtype)


def dense_dim(input: Tensor) -> int:
    """The number of dimensions that are stored in full: all."""
    return input.dim()


def sparse_dim(input: Tensor) -> int:
    """The number of dimensions of which only non-zero elements are stored: 0."""
    return 0


def const_data_ptr(input: Tensor) -> int:
    """The address of the first element, for reading."""
    return input.data_ptr()


def dim_order(input: Tensor, *, ambiguity_check: Any = False) -> tuple[int, ...]:
    """The dimensions from the outermost in memory to the innermost.

    >>> wg.zeros(2, 3).t().dim_order()
    (1, 0)
    """
    stride = input.stride()
    return tuple(sorted(range(input.dim()), key=lambda dim: -stride[dim]))
