"""Values as the protocol buffers that TensorBoard reads."""

from __future__ import annotations

import io
import math
import struct
import wave
import zlib
from typing import Any

import wengert as wg

_GRID_COLUMNS = 8


def to_array(value: Any) -> Any:
    """A tensor, an array, a number or a sequence of these as a NumPy array."""
    import numpy

    if isinstance(value, wg.Tensor):
        value = value.detach()
        return (value.float() if value.dtype is wg.bfloat16 else value).numpy()
    if isinstance(value, (list, tuple)):
        return numpy.stack([to_array(item) for item in value]) if value else numpy.empty(0)
    return numpy.asarray(value)


def to_number(value: Any) -> float:
    """The only element of a tensor or an array, or a number."""
    array = to_array(value)
    if array.size != 1:
        raise ValueError(f"a scalar has one element, and this value has {array.size}")
    return float(array.reshape(()))


def _value(tag: str, **content: Any) -> Any:
    from tensorboard.compat.proto.summary_pb2 import Summary

    return Summary(value=[Summary.Value(tag=tag, **content)])


def _metadata(plugin: str, content: bytes = b"", **options: Any) -> Any:
    from tensorboard.compat.proto.summary_pb2 import SummaryMetadata

    data = SummaryMetadata.PluginData(plugin_name=plugin, content=content)
    return SummaryMetadata(plugin_data=data, **options)


def scalar(tag: str, value: Any, new_style: bool = False, double_precision: bool = False) -> Any:
    """One number."""
    number = to_number(value)
    if not (new_style or double_precision):
        return _value(tag, simple_value=number)
    from tensorboard.compat.proto.tensor_pb2 import TensorProto

    if double_precision:
        tensor = TensorProto(double_val=[number], dtype="DT_DOUBLE")
    else:
        tensor = TensorProto(float_val=[number], dtype="DT_FLOAT")
    return _value(tag, tensor=tensor, metadata=_metadata("scalars", data_class="DATA_CLASS_SCALAR"))


def text(tag: str, words: str) -> Any:
    """A text in Markdown."""
    from tensorboard.compat.proto.tensor_pb2 import TensorProto
    from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto

    shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=1)])
    tensor = TensorProto(dtype="DT_STRING", string_val=[words.encode()], tensor_shape=shape)
    return _value(f"{tag}/text_summary", tensor=tensor, metadata=_metadata("text"))


# --- histograms ---


def _default_edges() -> list[float]:
    """What TensorBoard uses: bins that are a tenth wider each, on both sides of zero."""
    positive = [1e-12 * 1.1**power for power in range(772)]  # up to 1e20
    return [-edge for edge in reversed(positive)] + [0.0] + positive


def histogram(tag: str, values: Any, bins: Any, max_bins: int | None) -> Any:
    """How often values fall into bins: "tensorflow", a number, edges, or a name NumPy knows."""
    import numpy

    array = to_array(values).reshape(-1)
    if array.size == 0:
        raise ValueError("The input has no element.")
    array = array.astype(float)
    if not numpy.isfinite(array).all():
        raise ValueError("add_histogram(): the values contain NaN or infinity")
    counts, edges = numpy.histogram(array, _default_edges() if bins == "tensorflow" else bins)
    if max_bins is not None and len(counts) > max_bins:
        step = len(counts) // max_bins
        starts = numpy.arange(0, len(counts), step)
        counts = numpy.add.reduceat(counts, starts)
        edges = numpy.append(edges[starts], edges[-1])
    used = numpy.flatnonzero(counts)
    if used.size == 0:
        raise ValueError("add_histogram(): no value lies in any of the bins")
    first, last = used[0], used[-1]
    # A bucket has an upper limit only, so an empty one in front says where the first begins.
    limits = edges[first : last + 2]
    buckets = numpy.concatenate(([0], counts[first : last + 1]))
    return histogram_raw(
        tag,
        array.min(),
        array.max(),
        array.size,
        array.sum(),
        (array * array).sum(),
        limits,
        buckets,
    )


def histogram_raw(
    tag: str, low: Any, high: Any, count: Any, total: Any, squares: Any, limits: Any, buckets: Any
) -> Any:
    """A histogram that was counted elsewhere."""
    from tensorboard.compat.proto.summary_pb2 import HistogramProto

    proto = HistogramProto(
        min=float(low), max=float(high), num=float(count), sum=float(total),
        sum_squares=float(squares), bucket_limit=to_array(limits).tolist(),
        bucket=to_array(buckets).tolist(),
    )  # fmt: skip
    return _value(tag, histo=proto)


# --- pictures and sound ---


def png_chunk(kind: bytes, data: bytes) -> bytes:
    """One part of a PNG file."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(pixels: Any) -> bytes:
    """Pixels of uint8 (rows, columns, 1 to 4 channels) as a PNG file.

    Source: https://www.w3.org/TR/png-3/.
    """
    rows, columns, channels = pixels.shape
    color = {1: 0, 2: 4, 3: 2, 4: 6}[channels]  # grey, grey and alpha, RGB, RGBA
    # Every row starts with the number of its filter: none.
    raw = b"".join(b"\0" + row.tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", columns, rows, 8, color, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(raw)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(kind, data) for kind, data in parts)


def image(tag: str, picture: Any, formats: str) -> Any:
    """A picture, or several as a grid. Floats go from 0 to 1, uint8 from 0 to 255."""
    import numpy

    array = to_array(picture)
    is_bytes = array.dtype == numpy.uint8
    pixels = _to_rows(array, formats.upper())
    if not is_bytes:
        pixels = (pixels.astype(numpy.float32) * 255).clip(0, 255)
    pixels = numpy.ascontiguousarray(pixels.astype(numpy.uint8))
    return encoded_image(tag, png(pixels), pixels.shape[2])


def _to_rows(array: Any, formats: str) -> Any:
    """The axes (height, width, channel) of a picture or of a grid of pictures."""
    import numpy

    letters = sorted(formats)
    if letters not in (list("HW"), list("CHW"), list("CHNW")):
        raise ValueError(f"dataformats must name each of N, C, H, W at most once, got {formats!r}")
    if array.ndim != len(formats):
        raise AssertionError(
            "size of input tensor and input format are different. tensor shape: "
            f"{array.shape}, input_format: {formats}"
        )
    for missing in (letter for letter in "NC" if letter not in formats):
        array, formats = array[None], missing + formats
    array = array.transpose([formats.index(letter) for letter in "NHWC"])
    count, height, width, channels = array.shape
    if channels > 4 or channels == 0:
        raise ValueError(f"a picture has 1 to 4 channels, and this one has {channels}")
    columns = min(count, _GRID_COLUMNS)
    rows = math.ceil(count / columns) if count else 0
    if rows == 0:
        raise ValueError("there is no picture")
    grid = numpy.zeros((rows * columns, height, width, channels), array.dtype)
    grid[:count] = array
    grid = grid.reshape(rows, columns, height, width, channels).transpose(0, 2, 1, 3, 4)
    return grid.reshape(rows * height, columns * width, channels)


def encoded_image(tag: str, data: bytes, channels: int = 4) -> Any:
    """A picture that is a PNG file already."""
    from tensorboard.compat.proto.summary_pb2 import Summary

    width, height = struct.unpack(">II", data[16:24])
    picture = Summary.Image(
        height=height, width=width, colorspace=channels, encoded_image_string=data
    )
    return _value(tag, image=picture)


def figure(tag: str, figures: Any) -> Any:
    """Figures of Matplotlib, as they would be saved."""
    values = []
    many = isinstance(figures, (list, tuple))
    for i, one in enumerate(figures if many else [figures]):
        stream = io.BytesIO()
        one.savefig(stream, format="png")
        values.append(encoded_image(f"{tag}/{i}" if many else tag, stream.getvalue()))
    result = values[0]
    for other in values[1:]:
        result.MergeFrom(other)
    return result


def audio(tag: str, sound: Any, sample_rate: int) -> Any:
    """A sound with one channel, from -1 to 1."""
    from tensorboard.compat.proto.summary_pb2 import Summary

    samples = to_array(sound).reshape(-1).clip(-1, 1)
    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    sound = Summary.Audio(
        sample_rate=sample_rate, num_channels=1, length_frames=len(samples),
        encoded_audio_string=stream.getvalue(), content_type="audio/wav",
    )  # fmt: skip
    return _value(tag, audio=sound)


# --- hyperparameters ---


def hparams(values: dict[str, Any], metrics: dict[str, Any], domains: dict[str, list]) -> list[Any]:
    """Three summaries: what the hyperparameters are, that a session starts with them, its end."""
    from google.protobuf.struct_pb2 import ListValue, Value
    from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2

    def described(value: Any, name: str) -> tuple[Any, str]:
        if isinstance(value, bool):
            return Value(bool_value=value), "DATA_TYPE_BOOL"
        if isinstance(value, str):
            return Value(string_value=value), "DATA_TYPE_STRING"
        if isinstance(value, (int, float, wg.Tensor)) or hasattr(value, "__array__"):
            return Value(number_value=to_number(value)), "DATA_TYPE_FLOAT64"
        raise ValueError(
            f"value should be one of int, float, str, bool, or a tensor\n  {name}: "
            f"{type(value).__name__}"
        )

    start = plugin_data_pb2.SessionStartInfo()
    infos = []
    for name, value in values.items():
        if value is None:
            continue
        proto, kind = described(value, name)
        start.hparams[name].CopyFrom(proto)
        info = api_pb2.HParamInfo(name=name, type=kind)
        if name in domains:
            choices = [described(choice, name)[0] for choice in domains[name]]
            info.domain_discrete.CopyFrom(ListValue(values=choices))
        infos.append(info)
    experiment = api_pb2.Experiment(
        hparam_infos=infos,
        metric_infos=[api_pb2.MetricInfo(name=api_pb2.MetricName(tag=tag)) for tag in metrics],
    )
    end = plugin_data_pb2.SessionEndInfo(status=api_pb2.Status.STATUS_SUCCESS)
    contents = {
        metadata.EXPERIMENT_TAG: plugin_data_pb2.HParamsPluginData(experiment=experiment),
        metadata.SESSION_START_INFO_TAG: plugin_data_pb2.HParamsPluginData(
            session_start_info=start
        ),
        metadata.SESSION_END_INFO_TAG: plugin_data_pb2.HParamsPluginData(session_end_info=end),
    }
    return [
        _value(
            tag,
            metadata=metadata.create_summary_metadata(content),
            tensor=metadata.NULL_TENSOR,
        )
        for tag, content in contents.items()
    ]
