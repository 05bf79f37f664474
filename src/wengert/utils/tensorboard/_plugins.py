"""Summaries of TensorBoard's plugins: precision, meshes, layouts of charts, the projector."""

from __future__ import annotations

import json
import os
import struct
import zlib
from typing import Any

from ._summaries import (
    _metadata,
    _to_rows,
    _value,
    encoded_image,
    png,
    png_chunk,
    to_array,
)

# ---- precision and recall ----


def pr_curve(tag: str, labels: Any, predictions: Any, thresholds: int, weights: Any) -> Any:
    """Counts at evenly spaced thresholds, from labels 0 or 1 and predictions from 0 to 1."""
    import numpy

    labels = to_array(labels).reshape(-1).astype(float)
    predictions = to_array(predictions).reshape(-1).astype(float)
    if labels.shape != predictions.shape:
        raise ValueError(
            "add_pr_curve(): labels and predictions must have as many elements\n"
            f"  labels: {labels.size}\n  predictions: {predictions.size}"
        )
    factor = numpy.ones_like(labels) if weights is None else to_array(weights).reshape(-1)
    count = min(thresholds, 127)
    bucket = numpy.floor(predictions * (count - 1)).astype(int).clip(0, count - 1)
    positive = numpy.bincount(bucket, factor * labels, count)
    negative = numpy.bincount(bucket, factor * (1 - labels), count)
    # What lies at or above each threshold is predicted to be positive.
    hits = positive[::-1].cumsum()[::-1]
    misses = negative[::-1].cumsum()[::-1]
    return pr_curve_raw(
        tag,
        hits,
        misses,
        misses[0] - misses,
        hits[0] - hits,
        hits / numpy.maximum(1e-7, hits + misses),
        hits / numpy.maximum(1e-7, hits[0]),
        count,
    )


def pr_curve_raw(
    tag: str, tp: Any, fp: Any, tn: Any, fn: Any, precision: Any, recall: Any, thresholds: int
) -> Any:
    """Counts that were made elsewhere, one per threshold."""
    import numpy
    from tensorboard.plugins.pr_curve import metadata

    rows = numpy.stack([to_array(x) for x in (tp, fp, tn, fn, precision, recall)])
    data = metadata.create_summary_metadata(tag, "", min(thresholds, 127))
    return _value(tag, tensor=_floats(rows), metadata=data)


def _floats(array: Any) -> Any:
    from tensorboard.util.tensor_util import make_tensor_proto

    return make_tensor_proto(array.astype("float32"))


# ---- meshes ----


def mesh(tag: str, vertices: Any, colors: Any, faces: Any, config: Any) -> Any:
    """Points [batch, n, 3], their colours [batch, n, 3] and triangles [batch, m, 3]."""
    from tensorboard.plugins.mesh import metadata
    from tensorboard.plugins.mesh.plugin_data_pb2 import MeshPluginData
    from tensorboard.util.tensor_util import make_tensor_proto

    given = [
        (kind, to_array(value).astype(dtype))
        for kind, value, dtype in (
            (MeshPluginData.VERTEX, vertices, "float32"),
            (MeshPluginData.FACE, faces, "int32"),
            (MeshPluginData.COLOR, colors, "uint8"),
        )
        if value is not None
    ]
    for kind, array in given:
        if array.ndim != 3 or array.shape[2] != 3:
            name = MeshPluginData.ContentType.Name(kind).lower()
            raise ValueError(
                f"add_mesh(): every part has the shape (batch, count, 3), but {name} has "
                f"{array.shape}"
            )
    parts = metadata.get_components_bitmask([kind for kind, _ in given])
    result = None
    for kind, array in given:
        data = metadata.create_summary_metadata(
            tag, "", kind, parts, array.shape, "", json_config=json.dumps(config or {})
        )
        name = metadata.get_instance_name(tag, kind)
        summary = _value(name, tensor=make_tensor_proto(array), metadata=data)
        if result is None:
            result = summary
        else:
            result.MergeFrom(summary)
    return result


# ---- layouts of charts ----


def custom_scalars(layout: dict[str, dict[str, Any]]) -> Any:
    """Categories of charts: a name, then ["Multiline", tags] or ["Margin", [value, low, high]]."""
    from tensorboard.plugins.custom_scalar import layout_pb2, metadata
    from tensorboard.util.tensor_util import make_tensor_proto

    categories = []
    for title, charts in layout.items():
        made = []
        for name, (kind, tags) in charts.items():
            if kind == "Margin":
                if len(tags) != 3:
                    raise ValueError(
                        f"add_custom_scalars(): a margin chart has three tags, the value and its "
                        f"bounds, but {name!r} has {len(tags)}"
                    )
                value, lower, upper = tags
                series = layout_pb2.MarginChartContent.Series(value=value, lower=lower, upper=upper)
                content = {"margin": layout_pb2.MarginChartContent(series=[series])}
            elif kind == "Multiline":
                content = {"multiline": layout_pb2.MultilineChartContent(tag=tags)}
            else:
                raise ValueError(
                    f"add_custom_scalars(): a chart is 'Multiline' or 'Margin', not {kind!r}"
                )
            made.append(layout_pb2.Chart(title=name, **content))
        categories.append(layout_pb2.Category(title=title, chart=made))
    text = layout_pb2.Layout(category=categories).SerializeToString()
    return _value(
        metadata.CONFIG_SUMMARY_TAG,
        tensor=make_tensor_proto(text),
        metadata=_metadata(metadata.PLUGIN_NAME),
    )


# ---- moving pictures, pictures with boxes ----


def video(tag: str, frames: Any, rate: float) -> Any:
    """Videos (N, T, C, H, W) as an animated PNG, a grid in each frame.

    Source: https://www.w3.org/TR/png-3/, on animation.
    """
    import numpy

    array = to_array(frames)
    if array.ndim != 5:
        raise ValueError(f"add_video(): a video is (N, T, C, H, W), and this has {array.shape}")
    if array.dtype != numpy.uint8:
        array = (array.astype(numpy.float32) * 255).clip(0, 255).astype(numpy.uint8)
    still = [_to_rows(array[:, t], "NCHW") for t in range(array.shape[1])]
    if not still:
        raise ValueError("add_video(): there is no frame")
    rows, columns, channels = still[0].shape
    chunks = _chunks(png(numpy.ascontiguousarray(still[0])))
    out = [b"\x89PNG\r\n\x1a\n", png_chunk(b"IHDR", chunks[0])]
    out.append(png_chunk(b"acTL", struct.pack(">II", len(still), 0)))
    number = 0
    for t, pixels in enumerate(still):
        place = struct.pack(">IIIII", number, columns, rows, 0, 0)
        out.append(png_chunk(b"fcTL", place + struct.pack(">HHBB", 1000, int(rate * 1000), 0, 0)))
        number += 1
        data = zlib.compress(b"".join(b"\0" + row.tobytes() for row in pixels))
        if t == 0:
            out.append(png_chunk(b"IDAT", data))
        else:
            out.append(png_chunk(b"fdAT", struct.pack(">I", number) + data))
            number += 1
    out.append(png_chunk(b"IEND", b""))
    return encoded_image(tag, b"".join(out), channels)


def _chunks(data: bytes) -> list[bytes]:
    """The contents of a PNG file's chunks."""
    found, at = [], 8
    while at < len(data):
        (size,) = struct.unpack(">I", data[at : at + 4])
        found.append(data[at + 8 : at + 8 + size])
        at += size + 12
    return found


def boxed_image(
    tag: str, picture: Any, boxes: Any, rescale: float, formats: str, labels: Any
) -> Any:
    """A picture with red frames at boxes [n, 4] of x and y of two corners."""
    import numpy

    array = to_array(picture)
    is_bytes = array.dtype == numpy.uint8
    pixels = _to_rows(array, formats.upper())
    if not is_bytes:
        pixels = (pixels.astype(numpy.float32) * 255).clip(0, 255).astype(numpy.uint8)
    if pixels.shape[2] == 1:
        pixels = pixels.repeat(3, 2)
    pixels = pixels[:, :, :3].copy()
    corners = to_array(boxes).reshape(-1, 4)
    if labels is not None and len(labels) != len(corners):
        raise ValueError(f"add_image_with_boxes(): {len(labels)} labels for {len(corners)} boxes")
    height, width = pixels.shape[:2]
    if rescale != 1:
        rows = (numpy.arange(int(height * rescale)) / rescale).astype(int)
        columns = (numpy.arange(int(width * rescale)) / rescale).astype(int)
        pixels = pixels[rows][:, columns]
        height, width = pixels.shape[:2]
    for x0, y0, x1, y1 in (corners * rescale).round().astype(int):
        left, right = sorted((x0, x1))
        top, bottom = sorted((y0, y1))
        # A line two pixels wide, cut off at the picture's edges.
        for a, b, c, d in (
            (top, top + 2, left, right + 1), (bottom - 1, bottom + 1, left, right + 1),
            (top, bottom + 1, left, left + 2), (top, bottom + 1, right - 1, right + 1),
        ):  # fmt: skip
            pixels[max(a, 0) : max(b, 0), max(c, 0) : max(d, 0)] = (255, 0, 0)
    if labels is not None:
        pixels = _labelled(pixels, corners * rescale, labels)
    pixels = numpy.ascontiguousarray(pixels)
    return encoded_image(tag, png(pixels), 3)


def _labelled(pixels: Any, corners: Any, labels: Any) -> Any:
    import numpy

    try:
        from PIL import Image, ImageDraw
    except ImportError as error:
        raise ImportError(
            "add_image_with_boxes(): labels need the package pillow: pip install pillow"
        ) from error
    image = Image.fromarray(pixels)
    draw = ImageDraw.Draw(image)
    for (x, y, _, _), label in zip(corners, labels, strict=True):
        draw.text((float(x) + 3, float(y) + 3), str(label), fill=(255, 0, 0))
    return numpy.asarray(image)


# ---- the projector ----


def write_embedding(
    folder: str, tag: str, step: int, points: Any, labels: Any, images: Any, header: Any
) -> None:
    """Points [n, d] with labels and pictures [n, c, h, w], as files that the projector reads."""
    import numpy
    from google.protobuf import text_format
    from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig

    array = to_array(points)
    if array.ndim != 2:
        raise ValueError(f"add_embedding(): mat must be 2D, got {array.ndim}D")
    for name, values in (("metadata", labels), ("label_img", images)):
        if values is not None and len(values) != len(array):
            raise ValueError(
                f"add_embedding(): #labels should equal with #data points: {name} has "
                f"{len(values)}, mat {len(array)}"
            )
    short = f"{step:05d}/{tag}"
    place = os.path.join(folder, short)
    os.makedirs(place, exist_ok=True)
    numpy.savetxt(os.path.join(place, "tensors.tsv"), array, delimiter="\t", fmt="%.9g")
    path = os.path.join(folder, "projector_config.pbtxt")
    config = ProjectorConfig()
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            text_format.Parse(file.read(), config)
    info = config.embeddings.add()
    info.tensor_name = f"{tag}:{step:05d}"
    info.tensor_path = f"{short}/tensors.tsv"
    if labels is not None:
        rows = [[str(x) for x in row] if header else [str(row)] for row in labels]
        if header:
            rows.insert(0, [str(name) for name in header])
        with open(os.path.join(place, "metadata.tsv"), "w", encoding="utf-8") as file:
            file.writelines("\t".join(row) + "\n" for row in rows)
        info.metadata_path = f"{short}/metadata.tsv"
    if images is not None:
        info.sprite.image_path = f"{short}/sprite.png"
        sprite, size = _sprite(to_array(images))
        info.sprite.single_image_dim.extend(size)
        with open(os.path.join(place, "sprite.png"), "wb") as file:
            file.write(sprite)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text_format.MessageToString(config))


def _sprite(images: Any) -> tuple[bytes, tuple[int, int]]:
    """All pictures in one square grid, and width and height of one."""
    import numpy

    count, channels, height, width = images.shape
    side = int(numpy.ceil(numpy.sqrt(count)))
    if images.dtype != numpy.uint8:
        images = (images.astype(numpy.float32) * 255).clip(0, 255).astype(numpy.uint8)
    grid = numpy.zeros((side * side, channels, height, width), numpy.uint8)
    grid[:count] = images
    grid = grid.reshape(side, side, channels, height, width).transpose(0, 3, 1, 4, 2)
    pixels = numpy.ascontiguousarray(grid.reshape(side * height, side * width, channels))
    return png(pixels), (width, height)
