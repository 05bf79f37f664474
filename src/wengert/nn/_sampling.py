"""Resizing, and sampling at given places: `interpolate`, `grid_sample`, `affine_grid`."""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import wengert as wg
from wengert import Tensor
from wengert.nn._spatial import adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d

__all__ = [
    "affine_grid", "grid_sample", "interpolate", "upsample", "upsample_bilinear",
    "upsample_nearest",
]  # fmt: skip

# One tap of a filter along a dimension: which element each output reads, and times what.
_Taps = list[tuple[Tensor, Tensor | None]]

# The parameter of the cubic kernel (Keys, 1981), and the one used when shrinking with antialias.
_CUBIC, _CUBIC_ANTIALIAS = -0.75, -0.5


def _cubic_near(x: Any, a: float) -> Any:
    """The cubic kernel within a distance of 1."""
    return ((a + 2) * x - (a + 3)) * x * x + 1


def _cubic_far(x: Any, a: float) -> Any:
    """The cubic kernel at distances between 1 and 2."""
    return ((x - 5) * x + 8) * x * a - 4 * a


def _triangle(x: float) -> float:
    return max(0.0, 1.0 - abs(x))


def _cubic(x: float) -> float:
    x = abs(x)
    if x < 1:
        return _cubic_near(x, _CUBIC_ANTIALIAS)
    return _cubic_far(x, _CUBIC_ANTIALIAS) if x < 2 else 0.0


def _step(size: int, wanted: int, factor: float | None, align_corners: bool) -> float:
    """How far the source moves with each output element."""
    if align_corners:
        return (size - 1) / (wanted - 1) if wanted > 1 else 0.0
    return 1.0 / factor if factor is not None and factor > 0 else size / wanted


def _nearest_index(
    size: int, wanted: int, factor: float | None, exact: bool, dtype: wg.dtype
) -> Tensor:
    # As PyTorch rounds, at last to float32: on it hangs which of two neighbours is taken.
    dtype = dtype if dtype == wg.float64 else wg.float32
    step = wg.tensor(1.0 / factor if factor else size / wanted, dtype=dtype)
    place = wg.arange(wanted, dtype=dtype)
    place = ((place + 0.5) * step - 0.5).clamp(min=0.0) + 0.5 if exact else place * step
    return place.float().floor().to(wg.int64).clamp(max=size - 1)


def _antialias_taps(
    size: int, wanted: int, step: float, cubic: bool
) -> list[tuple[list[int], list[float]]]:
    """The filter, widened by the step, at each output (as Pillow's resampling has it)."""
    shape = _cubic if cubic else _triangle
    widen = max(step, 1.0)
    support = (2.0 if cubic else 1.0) * widen
    rows = []
    for i in range(wanted):
        centre = step * (i + 0.5)
        first = max(int(centre - support + 0.5), 0)
        last = min(int(centre + support + 0.5), size)
        weights = [shape((j - centre + 0.5) / widen) for j in range(first, last)]
        total = sum(weights)
        rows.append((list(range(first, last)), [w / total if total else w for w in weights]))
    longest = max(len(places) for places, _ in rows)
    return [
        (
            [places[k] if k < len(places) else 0 for places, _ in rows],
            [weights[k] if k < len(weights) else 0.0 for _, weights in rows],
        )
        for k in range(longest)
    ]


@functools.lru_cache(maxsize=128)
def _taps(
    mode: str, size: int, wanted: int, factor: float | None, align_corners: bool, antialias: bool,
    dtype: wg.dtype, device: str,
) -> _Taps:  # fmt: skip
    # Kept for later calls, which may be differentiated even if this one is not.
    with wg.inference_mode(False), wg.no_grad():
        if mode in ("nearest", "nearest-exact"):
            index = _nearest_index(size, wanted, factor, mode != "nearest", dtype)
            return [(index.to(device), None)]
        step = _step(size, wanted, factor, align_corners)
        if antialias:
            return [
                (wg.tensor(index, device=device), wg.tensor(weight, dtype=dtype, device=device))
                for index, weight in _antialias_taps(size, wanted, step, mode == "bicubic")
            ]
        place = wg.arange(wanted, dtype=wg.float64)
        place = place * step if align_corners else (place + 0.5) * step - 0.5
        if mode != "bicubic":
            place = place.clamp(min=0.0)
        start = place.floor()
        part = place - start
        if mode == "bicubic":
            weights = {
                -1: _cubic_far(part + 1, _CUBIC),
                0: _cubic_near(part, _CUBIC),
                1: _cubic_near(1 - part, _CUBIC),
                2: _cubic_far(2 - part, _CUBIC),
            }
        else:
            weights = {0: 1 - part, 1: part}
        return [
            (
                (start + offset).clamp(min=0, max=size - 1).to(wg.int64).to(device),
                weight.to(dtype).to(device),
            )
            for offset, weight in weights.items()
        ]


def _filter(input: Tensor, dim: int, taps: _Taps) -> Tensor:
    result: Tensor | None = None
    shape = [-1 if i == dim else 1 for i in range(input.dim())]
    for index, weight in taps:
        term = input.index_select(dim, index)
        if weight is not None:
            term = term * weight.reshape(shape)
        result = term if result is None else result + term
    assert result is not None
    return result


_SPATIAL = {
    "nearest": (1, 2, 3), "nearest-exact": (1, 2, 3), "area": (1, 2, 3), "linear": (1,),
    "bilinear": (2,), "bicubic": (2,), "trilinear": (3,),
}  # fmt: skip
_AREA: dict[int, Callable[..., Tensor]] = {
    1: adaptive_avg_pool1d,
    2: adaptive_avg_pool2d,
    3: adaptive_avg_pool3d,
}


def _check_mode(input: Tensor, mode: str, antialias: bool) -> None:
    if mode not in _SPATIAL:
        raise NotImplementedError(
            "Input Error: Only 3D, 4D and 5D input Tensors supported (got "
            f"{input.dim()}D) for the modes: nearest | linear | bilinear | bicubic | trilinear | "
            f"area | nearest-exact (got {mode})"
        )
    if antialias and mode not in ("bilinear", "bicubic"):
        raise ValueError(
            "Anti-alias option is restricted to bilinear and bicubic modes and requires a 4-D "
            "tensor as input"
        )
    spatial = input.dim() - 2
    if spatial not in (1, 2, 3):
        raise NotImplementedError(
            "Input Error: Only 3D, 4D and 5D input Tensors supported (got "
            f"{input.dim()}D) for the modes: nearest | linear | bilinear | bicubic | trilinear | "
            f"area | nearest-exact (got {mode})"
        )
    if spatial not in _SPATIAL[mode]:
        needs = " or ".join(f"{n + 2}D" for n in _SPATIAL[mode])
        raise NotImplementedError(f"Got {input.dim()}D input, but {mode} mode needs {needs} input")


def _sizes(
    input: Tensor, size: Any, scale_factor: Any, recompute: bool | None
) -> tuple[list[int], list[float | None]]:
    """Output sizes, and the factors that the places are computed with where those are given."""
    spatial = input.dim() - 2
    if size is not None and scale_factor is not None:
        raise ValueError("only one of size or scale_factor should be defined")
    if size is None and scale_factor is None:
        raise ValueError("either size or scale_factor should be defined")
    for name, value in (("size", size), ("scale_factor", scale_factor)):
        if isinstance(value, list | tuple) and len(value) != spatial:
            raise ValueError(
                f"Input and output must have the same number of spatial dimensions, but got input "
                f"with spatial dimensions of {list(input.shape[2:])} and {name} of {value}. "
                "Please provide input tensor in (N, C, d1, d2, ...,dK) format and "
                f"{'output size in (o1, o2, ...,oK)' if name == 'size' else 'scale_factor in (s1, s2, ...,sK)'} format."  # noqa: E501
            )
    if size is not None:
        if recompute:
            raise ValueError("recompute_scale_factor is not meaningful with an explicit size.")
        sizes = list(size) if isinstance(size, list | tuple) else [size] * spatial
        return [int(n) for n in sizes], [None] * spatial
    factors = list(scale_factor) if isinstance(scale_factor, list | tuple) else [scale_factor]
    factors = factors * (spatial // len(factors))
    sizes = [
        math.floor(float(n) * float(factor))
        for n, factor in zip(input.shape[2:], factors, strict=True)
    ]
    return sizes, [None] * spatial if recompute else [float(factor) for factor in factors]


def interpolate(
    input: Tensor,
    size: int | Sequence[int] | None = None,
    scale_factor: float | Sequence[float] | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """Resizes (N, C, L), (N, C, H, W) or (N, C, D, H, W).

    Args:
        size: of the output, per spatial dimension or one for all.
        scale_factor: instead of ``size``.
        mode: "nearest" (as PyTorch and OpenCV have it, half an element off), "nearest-exact",
            "linear" (3-D input), "bilinear" and "bicubic" (4-D), "trilinear" (5-D), "area" (means).
        align_corners: the centres of the corner elements stay in place, instead of the corners.
        recompute_scale_factor: compute places with the ratio of the sizes, which are rounded.
        antialias: when shrinking, widen the filter ("bilinear", "bicubic").

    Raises:
        ValueError: neither or both of size and factor, or options that do not go together.
        NotImplementedError: a mode that does not fit the number of dimensions.

    >>> wg.nn.functional.interpolate(wg.tensor([[[1.0, 3.0]]]), scale_factor=2, mode="linear")
    tensor([[[1.0000, 1.5000, 2.5000, 3.0000]]])
    """
    if align_corners is not None and mode in ("nearest", "area", "nearest-exact"):
        raise ValueError(
            "align_corners option can only be set with the interpolating modes: linear | bilinear "
            "| bicubic | trilinear"
        )
    sizes, factors = _sizes(input, size, scale_factor, recompute_scale_factor)
    _check_mode(input, mode, antialias)
    spatial = len(sizes)
    if min(*sizes, *input.shape[2:]) <= 0:
        raise RuntimeError(
            f"Input and output sizes should be greater than 0, but got input {_brief(input)} "
            f"and output {sizes}"
        )
    if mode == "area":
        return _AREA[spatial](input, sizes)
    smooth = not mode.startswith("nearest")
    rounded = smooth and input.dtype == wg.uint8
    if smooth and not input.is_floating_point() and not rounded:
        raise NotImplementedError(
            f'interpolate(): mode "{mode}" is not implemented for {_name(input)}'
        )
    result = input.float() if rounded else input
    # The last dimension first: its elements lie side by side.
    for i in reversed(range(spatial)):
        if sizes[i] == input.shape[2 + i] and (not smooth or factors[i] in (None, 1.0)):
            continue
        taps = _taps(
            mode, input.shape[2 + i], sizes[i], factors[i], bool(align_corners), antialias,
            result.dtype, str(input.device),
        )  # fmt: skip
        result = _filter(result, 2 + i, taps)
    if rounded:
        result = result.round().clamp(0, 255).to(wg.uint8)
    return result.clone() if result is input else result


def _name(tensor: Tensor) -> str:
    return str(tensor.dtype).rpartition(".")[2]


def _brief(tensor: Tensor) -> str:
    return f"{_name(tensor)}{list(tensor.shape)}"


def upsample(
    input: Tensor,
    size: int | Sequence[int] | None = None,
    scale_factor: float | Sequence[float] | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
) -> Tensor:
    """`interpolate`, under its older name."""
    warnings.warn(
        "`nn.functional.upsample` is deprecated. Use `nn.functional.interpolate` instead.",
        stacklevel=2,
    )
    return interpolate(input, size, scale_factor, mode, align_corners)


def upsample_nearest(
    input: Tensor,
    size: int | Sequence[int] | None = None,
    scale_factor: float | Sequence[float] | None = None,
) -> Tensor:
    """`interpolate` with ``mode="nearest"``, under its older name."""
    warnings.warn(
        "`nn.functional.upsample_nearest` is deprecated. Use `nn.functional.interpolate` instead.",
        stacklevel=2,
    )
    return interpolate(input, size, scale_factor)


def upsample_bilinear(
    input: Tensor,
    size: int | Sequence[int] | None = None,
    scale_factor: float | Sequence[float] | None = None,
) -> Tensor:
    """`interpolate` with ``mode="bilinear", align_corners=True``, under its older name."""
    warnings.warn(
        "`nn.functional.upsample_bilinear` is deprecated. Use `nn.functional.interpolate` instead.",
        stacklevel=2,
    )
    return interpolate(input, size, scale_factor, "bilinear", True)


# ---- sampling at given places --------------------------------------------------------------------


def affine_grid(theta: Tensor, size: Sequence[int], align_corners: bool | None = None) -> Tensor:
    """Places for `grid_sample`: each output place through the affine map ``theta``.

    Args:
        theta: (N, 2, 3) for images, (N, 3, 4) for volumes.
        size: (N, C, H, W) or (N, C, D, H, W) of the output.
        align_corners: -1 and 1 are the centres of the corner elements, instead of the corners.

    Returns:
        (N, H, W, 2) or (N, D, H, W, 3), coordinates x, y(, z).

    Source: Jaderberg et al. (2015), Spatial transformer networks, https://arxiv.org/abs/1506.02025.
    """
    if align_corners is None:
        _warn_align_corners("affine_grid")
        align_corners = False
    if not theta.is_floating_point():
        raise ValueError(f"Expected theta to have floating point type, but got {theta.dtype}")
    spatial = len(size) - 2
    if spatial not in (2, 3):
        raise NotImplementedError(
            "affine_grid only supports 4D and 5D sizes, for 2D and 3D affine transforms, "
            f"respectively. Got size {list(size)}"
        )
    if theta.dim() != 3 or tuple(theta.shape[-2:]) != (spatial, spatial + 1):
        raise ValueError(
            f"Expected a batch of {spatial}D affine matrices of shape Nx{spatial}x{spatial + 1} "
            f"for size {list(size)}. Got {list(theta.shape)}."
        )
    if min(size) <= 0:
        raise ValueError(f"Expected non-zero, positive output size. Got {list(size)}")
    inner = list(size[2:])
    axes = []
    for i in reversed(range(spatial)):  # x first
        n = inner[i]
        axis = wg.linspace(-1, 1, n, dtype=theta.dtype, device=theta.device)
        if n == 1:
            axis = axis * 0
        elif not align_corners:
            axis = axis * ((n - 1) / n)
        shape = [n if j == i else 1 for j in range(spatial)]
        axes.append(axis.reshape(shape).expand(inner))
    axes.append(wg.ones(inner, dtype=theta.dtype, device=theta.device))
    base = wg.stack(axes, -1).reshape(1, -1, spatial + 1)
    return (base @ theta.transpose(1, 2)).reshape(size[0], *inner, spatial)


def _warn_align_corners(name: str) -> None:
    warnings.warn(
        f"Default grid_sample and affine_grid behavior has changed to align_corners=False since "
        f"1.3.0. Please specify align_corners=True if the old behavior is desired. See the "
        f"documentation of {name} for details.",
        stacklevel=3,
    )


def _limit(place: Tensor, size: int) -> Tensor:
    """To the elements there are; at and beyond the border without a gradient."""
    inside = (place > 0) & (place < size - 1)
    return wg.where(inside, place, place.detach().clamp(0, size - 1))


def _reflect(place: Tensor, size: int, align_corners: bool) -> Tensor:
    """Mirrored at the centres (align_corners) or the outer edges of the border elements."""
    low, span = (0.0, float(size - 1)) if align_corners else (-0.5, float(size))
    if span <= 0:
        return place * 0
    distance = (place - low).abs()
    turns = (distance.detach() / span).floor()
    rest = distance - turns * span
    return wg.where(turns % 2 == 0, rest, span - rest) + low


def _unnormalize(grid: Tensor, size: int, align_corners: bool) -> Tensor:
    if align_corners:
        return (grid + 1) * ((size - 1) / 2)
    return ((grid + 1) * size - 1) / 2


def _fold_back(place: Tensor, size: int, padding_mode: str, align_corners: bool) -> Tensor:
    if padding_mode == "border":
        return _limit(place, size)
    if padding_mode == "reflection":
        return _limit(_reflect(place, size, align_corners), size)
    return place


def _lookup(input: Tensor, places: Sequence[Tensor], sizes: Sequence[int], folded: bool) -> Tensor:
    """The elements at whole-numbered places (N, P) per dimension; zero outside."""
    flat: Tensor | None = None
    inside: Tensor | None = None
    for place, size in zip(places, sizes, strict=True):
        if not folded:
            fits = (place >= 0) & (place < size)
            inside = fits if inside is None else inside & fits
            place = wg.where(fits, place, wg.zeros_like(place))
        index = place.to(wg.int64).clamp(0, size - 1)
        flat = index if flat is None else flat * size + index
    assert flat is not None
    batch, channels = input.shape[:2]
    found = input.flatten(2).gather(2, flat.unsqueeze(1).expand(batch, channels, flat.shape[1]))
    return found if inside is None else found * inside.unsqueeze(1).to(found.dtype)


def grid_sample(
    input: Tensor,
    grid: Tensor,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> Tensor:
    """The values of ``input`` at the places in ``grid``, between elements interpolated.

    Args:
        input: (N, C, H, W) or (N, C, D, H, W).
        grid: (N, H_out, W_out, 2) or (N, D_out, H_out, W_out, 3): x, y(, z), of which -1 and 1
            are the ends.
        mode: "bilinear" (also for volumes), "nearest" or, for images, "bicubic".
        padding_mode: beyond the ends "zeros", the "border", or a "reflection".
        align_corners: -1 and 1 are the centres of the corner elements, instead of the corners.

    Returns:
        (N, C, H_out, W_out) or (N, C, D_out, H_out, W_out).

    Raises:
        ValueError: an unknown mode. RuntimeError: shapes or dtypes that do not fit.

    >>> image = wg.arange(4.0).reshape(1, 1, 2, 2)
    >>> wg.nn.functional.grid_sample(image, wg.zeros(1, 1, 1, 2), align_corners=False).item()
    1.5
    """
    if mode not in ("bilinear", "nearest", "bicubic"):
        raise ValueError(
            "nn.functional.grid_sample(): expected mode to be 'bilinear', 'nearest' or 'bicubic', "
            f"but got: '{mode}'"
        )
    if padding_mode not in ("zeros", "border", "reflection"):
        raise ValueError(
            "nn.functional.grid_sample(): expected padding_mode to be 'zeros', 'border', or "
            f"'reflection', but got: '{padding_mode}'"
        )
    if align_corners is None:
        _warn_align_corners("grid_sample")
        align_corners = False
    _check_grid(input, grid, mode)
    spatial = input.dim() - 2
    sizes = list(input.shape[2:])
    # (N, P) per dimension, the first dimension first: the grid has x, the last one, first.
    given = grid.reshape(grid.shape[0], -1, spatial).unbind(-1)[::-1]
    places = [_unnormalize(g, size, align_corners) for g, size in zip(given, sizes, strict=True)]
    folded = padding_mode != "zeros"

    def fold(place: Tensor, size: int) -> Tensor:
        return _fold_back(place, size, padding_mode, align_corners)

    if mode == "bicubic":
        result = _sample_bicubic(input, places, sizes, fold, folded)
    else:
        places = [fold(place, size) for place, size in zip(places, sizes, strict=True)]
        if mode == "nearest":
            nearest = [place.detach().round() for place in places]
            result = _lookup(input, nearest, sizes, folded)
        else:
            result = _sample_linear(input, places, sizes, folded)
    return result.reshape(*input.shape[:2], *grid.shape[1:-1])


def _check_grid(input: Tensor, grid: Tensor, mode: str) -> None:
    arguments = f"\n  input: {_brief(input)} {input.device}\n  grid: {_brief(grid)} {grid.device}"
    if input.dim() not in (4, 5) or input.dim() != grid.dim():
        raise RuntimeError(
            "grid_sampler(): expected 4D or 5D input and grid with same number of dimensions, but "
            f"got input with sizes {list(input.shape)} and grid with sizes {list(grid.shape)}"
            + arguments
        )
    if input.dtype != grid.dtype:
        raise RuntimeError(
            "grid_sampler(): expected input and grid to have same dtype, but input has "
            f"{_name(input)} and grid has {_name(grid)}" + arguments
        )
    if input.shape[0] != grid.shape[0]:
        raise RuntimeError(
            "grid_sampler(): expected grid and input to have same batch size, but got input with "
            f"sizes {list(input.shape)} and grid with sizes {list(grid.shape)}" + arguments
        )
    if grid.shape[-1] != input.dim() - 2:
        raise RuntimeError(
            f"grid_sampler(): expected grid to have size {input.dim() - 2} in last dimension, but "
            f"got grid with sizes {list(grid.shape)}" + arguments
        )
    if 0 in input.shape[2:]:
        raise RuntimeError(
            "grid_sampler(): expected input to have non-empty spatial dimensions, but input has "
            f"sizes {list(input.shape)}" + arguments
        )
    if mode == "bicubic" and input.dim() != 4:
        raise RuntimeError("grid_sampler(): bicubic interpolation only supports 4D input")


def _sample_linear(
    input: Tensor, places: Sequence[Tensor], sizes: Sequence[int], folded: bool
) -> Tensor:
    starts = [place.detach().floor() for place in places]
    parts = [place - start for place, start in zip(places, starts, strict=True)]
    result: Tensor | None = None
    for corner in range(2 ** len(places)):
        at, weight = [], None
        for i, (start, part) in enumerate(zip(starts, parts, strict=True)):
            upper = corner >> i & 1
            at.append(start + upper)
            factor = part if upper else 1 - part
            weight = factor if weight is None else weight * factor
        assert weight is not None
        term = _lookup(input, at, sizes, folded) * weight.unsqueeze(1)
        result = term if result is None else result + term
    assert result is not None
    return result


def _sample_bicubic(
    input: Tensor, places: Sequence[Tensor], sizes: Sequence[int],
    fold: Callable[[Tensor, int], Tensor], folded: bool,
) -> Tensor:  # fmt: skip
    starts = [place.detach().floor() for place in places]
    weights = []
    for place, start in zip(places, starts, strict=True):
        part = place - start
        weights.append(
            (
                _cubic_far(part + 1, _CUBIC),
                _cubic_near(part, _CUBIC),
                _cubic_near(1 - part, _CUBIC),
                _cubic_far(2 - part, _CUBIC),
            )
        )
    result: Tensor | None = None
    for i in range(4):
        row = fold(starts[0] + (i - 1), sizes[0])
        for j in range(4):
            column = fold(starts[1] + (j - 1), sizes[1])
            weight = (weights[0][i] * weights[1][j]).unsqueeze(1)
            term = _lookup(input, (row, column), sizes, folded) * weight
            result = term if result is None else result + term
    assert result is not None
    return result
