"""How tensors print: the same characters as PyTorch's, from the elements that are shown only."""

from __future__ import annotations

import contextlib
import dataclasses
import math
from typing import TYPE_CHECKING, Any

import wengert
from wengert import _ops

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wengert import Tensor

    Format = Callable[[Any], str]


@dataclasses.dataclass
class _PrintOptions:
    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


_options = _PrintOptions()

_PROFILES: dict[str, dict[str, Any]] = {
    "default": {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80},
    "short": {"precision": 2, "threshold": 1000, "edgeitems": 2, "linewidth": 80},
    "full": {"precision": 4, "threshold": math.inf, "edgeitems": 3, "linewidth": 80},
}


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Choose how tensors print.

    precision: digits after the point (4). threshold: tensors with more elements are summarised
    (1000). edgeitems: elements shown at each end of a summarised dimension (3). linewidth:
    characters per line (80). profile: "default", "short" or "full" sets these four first.
    sci_mode: scientific notation always (True), never (False), or where it helps (None)."""
    if profile is not None:
        for name, value in _PROFILES.get(profile.lower(), {}).items():
            setattr(_options, name, value)
    for name, value in (
        ("precision", precision),
        ("threshold", threshold),
        ("edgeitems", edgeitems),
        ("linewidth", linewidth),
    ):
        if value is not None:
            setattr(_options, name, value)
    _options.sci_mode = sci_mode


def get_printoptions() -> dict[str, Any]:
    """The current options of `set_printoptions`, by name."""
    return dataclasses.asdict(_options)


@contextlib.contextmanager
def printoptions(**options: Any) -> Iterator[None]:
    """`set_printoptions` for the length of a `with` block."""
    old = get_printoptions()
    set_printoptions(**options)
    try:
        yield
    finally:
        set_printoptions(**old)


def _plain_format(values: list[Any]) -> tuple[Format, int]:
    width = max((len(str(value)) for value in values), default=1)
    return (lambda value: str(value).rjust(width)), width


def _float_format(values: list[float]) -> tuple[Format, int]:
    """The one format that all elements of a tensor share, and its width.

    Whole numbers print as `3.`, and everything turns scientific where the magnitudes are too
    different, too large or too small for `precision` digits. Zeros, infinities and NaN have no say
    in that."""
    precision = _options.precision
    telling = [value for value in values if value and math.isfinite(value)]
    whole = all(value.is_integer() for value in telling)
    scientific = False
    width = 1
    if telling:
        largest = max(abs(value) for value in telling)
        smallest = min(abs(value) for value in telling)
        scientific = largest / smallest > 1000.0 or largest > 1e8 or (not whole and smallest < 1e-4)
        if _options.sci_mode is not None:
            scientific = _options.sci_mode
        if scientific:
            width = max(len(f"{value:.{precision}e}") for value in telling)
        elif whole:
            width = max(len(f"{value:.0f}") for value in telling) + 1
        else:
            width = max(len(f"{value:.{precision}f}") for value in telling)

    def format(value: float) -> str:
        if scientific:
            text = f"{value:.{precision}e}"
        elif not whole:
            text = f"{value:.{precision}f}"
        else:
            text = f"{value:.0f}." if math.isfinite(value) else str(value)
        return text.rjust(width)

    return format, width


def _complex_format(values: list[complex]) -> tuple[Format, int]:
    format_real, real_width = _float_format([value.real for value in values])
    format_imag, imag_width = _float_format([value.imag for value in values])

    def format(value: complex) -> str:
        imag = format_imag(value.imag).lstrip()
        return f"{format_real(value.real)}{'' if imag[0] == '-' else '+'}{imag}j"

    return format, real_width + imag_width + 1


def _vector(items: list[str], width: int, indent: int) -> str:
    per_line = max(1, (_options.linewidth - indent) // (width + 2))
    lines = [", ".join(items[i : i + per_line]) for i in range(0, len(items), per_line)]
    return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"


def _ends(tensor: Tensor, dim: int) -> Tensor:
    """The elements that a summary shows; only these are copied."""
    if dim == tensor.dim():
        return tensor
    length = tensor.shape[dim]
    edge = _options.edgeitems
    if length <= 2 * edge:
        return _ends(tensor, dim + 1)
    first = _ends(_ops.narrow(tensor, dim, 0, edge), dim + 1)
    last = _ends(_ops.narrow(tensor, dim, length - edge, edge), dim + 1)
    return _ops.cat([first, last], dim)


def _flat(nested: Any, depth: int) -> list[Any]:
    values = nested if depth else [nested]
    for _ in range(depth - 1):
        values = [value for row in values for value in row]
    return values


def _contents(tensor: Tensor, indent: int) -> str:
    summarize = tensor.numel() > _options.threshold
    shape = tuple(tensor.shape)
    ndim = len(shape)
    edge = _options.edgeitems
    nested = (_ends(tensor, 0) if summarize else tensor).tolist()
    values = _flat(nested, ndim)
    dtype = tensor.dtype
    if dtype.is_floating_point:
        format, width = _float_format(values)
    elif dtype.is_complex:
        format, width = _complex_format(values)
    else:
        format, width = _plain_format(values)

    def rows(values: Any, dim: int, indent: int) -> str:
        cut = summarize and shape[dim] > 2 * edge
        if dim == ndim - 1:
            items = [format(value) for value in values]
            if cut:
                items.insert(edge, " ..." if edge else "...")
            return _vector(items, width, indent)
        parts = [rows(value, dim + 1, indent + 1) for value in values]
        if cut:
            parts.insert(edge, "...")
        gap = "," + "\n" * (ndim - dim - 1) + " " * (indent + 1)
        return "[" + gap.join(parts) + "]"

    return rows(nested, 0, indent) if ndim else format(nested)


def _with_suffixes(text: str, suffixes: list[str], indent: int) -> str:
    line = len(text) - text.rfind("\n") + 1
    for suffix in suffixes:
        if line + len(suffix) + 2 > _options.linewidth:
            text += ",\n" + " " * indent + suffix
            line = indent + len(suffix)
        else:
            text += ", " + suffix
            line += len(suffix) + 2
    return text + ")"


def tensor_repr(tensor: Tensor) -> str:
    """The text of `repr(tensor)`."""
    within = wengert._C._wrapper_of(tensor)
    if within is not None:
        kind, level, dim, inner, tangent = within
        value = tensor_repr(inner)
        if kind == "batched":
            return f"BatchedTensor(lvl={level}, bdim={dim}, value={value})"
        text = "None" if tangent is None else tensor_repr(tangent)
        return f"DualTensor(lvl={level}, value={value}, tangent={text})"
    prefix = "tensor("
    default = wengert.get_default_dtype()
    dtype = tensor.dtype
    shape = tuple(tensor.shape)
    suffixes = []
    if tensor.device.type != "cpu":
        suffixes.append(f"device='{tensor.device}'")
    plain = tensor.data  # can be read even where the history cannot be told
    if tensor.device.type == "meta":
        suffixes.append(f"size={shape}")
        if dtype != default:
            suffixes.append(f"dtype={dtype}")
        contents = "..."
    elif tensor.numel() == 0:
        if len(shape) != 1:
            suffixes.append(f"size={shape}")
        if dtype != default:
            suffixes.append(f"dtype={dtype}")
        contents = "[]"
    else:
        if not _is_usual(dtype, default):
            suffixes.append(f"dtype={dtype}")
        contents = _contents(plain, len(prefix))
    try:
        node = tensor.grad_fn
    except RuntimeError:  # a view made under no_grad of what was written to since
        return _with_suffixes(prefix + contents, [*suffixes, "grad_fn=<Invalid>"], len(prefix))
    if node is not None:
        suffixes.append(f"grad_fn=<{node.name().rpartition('::')[2]}>")
    elif tensor.requires_grad:
        suffixes.append("requires_grad=True")
    return _with_suffixes(prefix + contents, suffixes, len(prefix))


def _is_usual(dtype: Any, default: Any) -> bool:
    """Whether Python literals alone would give this type, so that it need not be printed."""
    if dtype in (default, wengert.int64, wengert.bool):
        return True
    wide = default == wengert.float64
    return dtype == (wengert.complex128 if wide else wengert.complex64)


def parameter_repr(parameter: Tensor) -> str:
    """The text of `repr(parameter)` for `nn.Parameter`."""
    return "Parameter containing:\n" + tensor_repr(parameter)
