"""Event files, read back with TensorBoard's own reader."""

from __future__ import annotations

import importlib.util
import io
import struct
import wave
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert.utils.tensorboard import _plugins, _summaries

INSTALLED = importlib.util.find_spec("tensorboard") is not None
NEEDED = pytest.mark.skipif(not INSTALLED, reason="tensorboard is not installed")
ABSENT = pytest.mark.skipif(INSTALLED, reason="tensorboard is installed")
# Its protocol buffers and pkg_resources warn when they are imported.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")


@ABSENT
def test_without_the_package() -> None:
    with pytest.raises(ImportError, match=r"pip install wengert\[tensorboard\]"):
        from wengert.utils.tensorboard import SummaryWriter  # noqa: F401


def test_pictures_are_valid_files() -> None:
    for channels in (1, 2, 3, 4):
        pixels = np.arange(5 * 7 * channels, dtype=np.uint8).reshape(5, 7, channels)
        data = _summaries.png(pixels)
        assert data[:8] == b"\x89PNG\r\n\x1a\n"
        found = {}
        position = 8
        while position < len(data):
            length, kind = struct.unpack(">I4s", data[position : position + 8])
            body = data[position + 8 : position + 8 + length]
            (check,) = struct.unpack(">I", data[position + 8 + length : position + 12 + length])
            assert check == zlib.crc32(kind + body)
            found[kind] = body
            position += 12 + length
        assert struct.unpack(">IIBB", found[b"IHDR"][:10]) == (7, 5, 8, (0, 4, 2, 6)[channels - 1])
        rows = np.frombuffer(zlib.decompress(found[b"IDAT"]), np.uint8).reshape(5, -1)
        assert (rows[:, 0] == 0).all()
        assert (rows[:, 1:].reshape(5, 7, channels) == pixels).all()


def test_grids() -> None:
    pictures = np.arange(9).reshape(9, 1, 1, 1) * np.ones((9, 3, 2, 4))
    grid = _summaries._to_rows(pictures, "NCHW")
    assert grid.shape == (4, 32, 3)
    assert grid[0, ::4, 0].tolist() == list(range(8))
    assert grid[2, 0, 0] == 8
    with pytest.raises(AssertionError, match="tensor shape"):
        _summaries._to_rows(np.ones((2, 2)), "CHW")
    with pytest.raises(ValueError, match="dataformats must name"):
        _summaries._to_rows(np.ones((2, 2, 2)), "CCW")


def test_numbers() -> None:
    for value in (2, 2.0, wg.tensor(2.0), wg.tensor([2], dtype=wg.bfloat16), np.float32(2), [2]):
        assert _summaries.to_number(value) == 2.0
    with pytest.raises(ValueError, match="has 2"):
        _summaries.to_number(wg.ones(2))


def events(folder: Path) -> list[Any]:
    from tensorboard.backend.event_processing.event_file_loader import LegacyEventFileLoader

    (file,) = folder.glob("events.out.tfevents.*")
    return list(LegacyEventFileLoader(str(file)).Load())


def values(folder: Path) -> dict[str, Any]:
    return {v.tag: v for event in events(folder) for v in event.summary.value}


@NEEDED
def test_scalars_and_steps(tmp_path: Path) -> None:
    from wengert.utils.tensorboard import SummaryWriter

    with SummaryWriter(tmp_path, purge_step=3) as writer:
        assert writer.get_logdir() == str(tmp_path)
        for step in range(3):
            writer.add_scalar("loss", wg.tensor(0.5) * step, wg.tensor(step), walltime=100.0 + step)
        writer.add_scalar("new", 2.5, new_style=True)
        writer.add_scalar("double", 0.1, double_precision=True)
        writer.add_scalars("both/x", {"a": 1, "b": 2}, 7)
    found = [
        (event.step, event.wall_time, value.simple_value)
        for event in events(tmp_path)
        for value in event.summary.value
        if value.tag == "loss"
    ]
    assert found == [(0, 100.0, 0.0), (1, 101.0, 0.5), (2, 102.0, 1.0)]
    assert any(event.HasField("session_log") and event.step == 3 for event in events(tmp_path))
    assert values(tmp_path)["new"].tensor.float_val[0] == 2.5
    assert values(tmp_path)["double"].tensor.double_val[0] == 0.1
    assert values(tmp_path / "both_x_b")["both/x"].simple_value == 2


@NEEDED
def test_histograms(tmp_path: Path) -> None:
    from wengert.utils.tensorboard import SummaryWriter

    data = wg.randn(1000)
    with SummaryWriter(tmp_path) as writer:
        writer.add_histogram("default", data)
        writer.add_histogram("edges", [0.5, 1.5, 1.7, 9.0], bins=[0, 1, 2, 3])
        writer.add_histogram("few", data, max_bins=10)
        writer.add_histogram_raw("raw", 0, 2, 3, 3, 5, [1, 2], [1, 2])
        for bad in ([], [float("nan")]):
            with pytest.raises(ValueError):
                writer.add_histogram("x", bad)
    found = values(tmp_path)
    histogram = found["default"].histo
    assert (histogram.num, sum(histogram.bucket)) == (1000, 1000)
    assert histogram.min == data.min().item()
    assert histogram.sum_squares == pytest.approx(data.double().square().sum().item())
    assert len(histogram.bucket) == len(histogram.bucket_limit)
    inside = sum(low <= 0 for low in histogram.bucket_limit)
    below = sum(histogram.bucket[:inside])
    assert below == (data < 0).sum().item()
    edges = found["edges"].histo
    assert (list(edges.bucket_limit), list(edges.bucket)) == ([0, 1, 2], [0, 1, 2])
    assert len(found["few"].histo.bucket) <= 13
    assert list(found["raw"].histo.bucket) == [1, 2]


@NEEDED
def test_pictures_texts_and_sounds(tmp_path: Path) -> None:
    from wengert.utils.tensorboard import SummaryWriter

    class Figure:
        def savefig(self, stream: Any, format: str) -> None:
            stream.write(_summaries.png(np.zeros((3, 4, 4), np.uint8)))

    with SummaryWriter(tmp_path) as writer:
        writer.add_image("float", wg.rand(3, 4, 5))
        writer.add_image("grey", np.zeros((4, 5), np.uint8), dataformats="HW")
        writer.add_images("many", wg.rand(10, 1, 2, 3))
        writer.add_figure("figure", Figure())
        writer.add_text("note", "*words*", 3)
        writer.add_audio("beep", wg.linspace(-2, 2, 100), sample_rate=8000)
        with pytest.raises(NotImplementedError, match="does not trace models"):
            writer.add_graph(wg.nn.Linear(1, 1))
        with pytest.raises(AttributeError, match="SummaryWriter.add_onnx_graph: wengert writes"):
            writer.add_onnx_graph("x", [])
    found = values(tmp_path)
    sizes = {tag: (v.image.height, v.image.width, v.image.colorspace)
             for tag, v in found.items() if v.HasField("image")}  # fmt: skip
    assert sizes == {
        "float": (4, 5, 3), "grey": (4, 5, 1), "many": (4, 24, 1), "figure": (3, 4, 4)
    }  # fmt: skip
    assert found["note/text_summary"].tensor.string_val[0] == b"*words*"
    with wave.open(io.BytesIO(found["beep"].audio.encoded_audio_string)) as file:
        assert (file.getnframes(), file.getframerate()) == (100, 8000)
        samples = np.frombuffer(file.readframes(100), "<i2")
    assert (samples[0], samples[-1]) == (-32767, 32767)


@NEEDED
def test_hyperparameters(tmp_path: Path) -> None:
    from tensorboard.plugins.hparams import metadata

    from wengert.utils.tensorboard import SummaryWriter

    with SummaryWriter(tmp_path) as writer:
        given = {"lr": 0.1, "layers": 3, "name": "a", "bias": True, "none": None}
        writer.add_hparams(given, {"accuracy": 0.9}, {"name": ["a", "b"]}, run_name="run")
        with pytest.raises(ValueError, match="one of int, float, str, bool"):
            writer.add_hparams({"x": object()}, {})
        with pytest.raises(TypeError, match="metric_dict should be a dictionary"):
            writer.add_hparams({}, [])
    found = values(tmp_path / "run")
    start = found[metadata.SESSION_START_INFO_TAG].metadata.plugin_data.content
    parsed = metadata.parse_session_start_info_plugin_data(start)
    assert parsed.hparams["lr"].number_value == 0.1
    assert parsed.hparams["layers"].number_value == 3
    assert parsed.hparams["bias"].bool_value is True
    assert "none" not in parsed.hparams
    experiment = metadata.parse_experiment_plugin_data(
        found[metadata.EXPERIMENT_TAG].metadata.plugin_data.content
    )
    assert [info.name.tag for info in experiment.metric_infos] == ["accuracy"]
    assert found["accuracy"].simple_value == pytest.approx(0.9)


def accumulated(folder: Path) -> Any:
    """What TensorBoard's own reader makes of the files."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    reader = EventAccumulator(str(folder), size_guidance={"tensors": 0})
    return reader.Reload()


@NEEDED
def test_curves_of_precision(tmp_path: Path) -> None:
    from tensorboard.util.tensor_util import make_ndarray

    from wengert.utils.tensorboard import SummaryWriter

    labels, predictions = wg.tensor([0, 1, 1, 0, 1]), wg.tensor([0.15, 0.95, 0.45, 0.65, 0.85])
    with SummaryWriter(tmp_path) as writer:
        writer.add_pr_curve("pr", labels, predictions, 4, num_thresholds=11)
        writer.add_pr_curve_raw("raw", *[[k, k + 1] for k in range(6)], num_thresholds=2)
        with pytest.raises(ValueError, match="as many elements"):
            writer.add_pr_curve("pr", labels, predictions[:2])
    reader = accumulated(tmp_path)
    assert reader.SummaryMetadata("pr").plugin_data.plugin_name == "pr_curves"
    (event,) = reader.Tensors("pr")
    assert event.step == 4
    rows = make_ndarray(event.tensor_proto)
    assert rows.shape == (6, 11)
    for k in range(11):
        taken = np.floor(predictions.numpy() * 10) >= k
        hits = (taken & (labels.numpy() == 1)).sum()
        misses = (taken & (labels.numpy() == 0)).sum()
        assert rows[:4, k].tolist() == [hits, misses, 2 - misses, 3 - hits]
        assert rows[5, k] == pytest.approx(hits / 3)
        assert rows[4, k] == pytest.approx(hits / max(hits + misses, 1))
    assert make_ndarray(reader.Tensors("raw")[0].tensor_proto)[5].tolist() == [5, 6]


@NEEDED
def test_meshes(tmp_path: Path) -> None:
    from tensorboard.util.tensor_util import make_ndarray

    from wengert.utils.tensorboard import SummaryWriter

    points = wg.tensor([[[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.5]]])
    with SummaryWriter(tmp_path) as writer:
        writer.add_mesh(
            "m", points, wg.full((1, 3, 3), 7), wg.tensor([[[0, 1, 2]]]), {"a": 1}, global_step=2
        )
        with pytest.raises(ValueError, match=r"vertex has \(3, 3\)"):
            writer.add_mesh("m", points[0])
    reader = accumulated(tmp_path)
    found = {tag: make_ndarray(reader.Tensors(tag)[0].tensor_proto) for tag in
             ("m_VERTEX", "m_FACE", "m_COLOR")}  # fmt: skip
    assert found["m_VERTEX"].tolist() == points.tolist()
    assert found["m_FACE"].tolist() == [[[0, 1, 2]]]
    assert found["m_COLOR"].shape == (1, 3, 3)
    assert b'"a": 1' in reader.SummaryMetadata("m_FACE").plugin_data.content


@NEEDED
def test_layouts_of_charts(tmp_path: Path) -> None:
    from tensorboard.plugins.custom_scalar import layout_pb2, metadata
    from tensorboard.util.tensor_util import make_ndarray

    from wengert.utils.tensorboard import SummaryWriter

    with SummaryWriter(tmp_path) as writer:
        writer.add_custom_scalars(
            {"Losses": {"both": ["Multiline", ["a", "b"]], "band": ["Margin", ["m", "lo", "hi"]]}}
        )
        with pytest.raises(ValueError, match="three tags"):
            writer.add_custom_scalars({"x": {"y": ["Margin", ["a"]]}})
        with pytest.raises(ValueError, match="not 'Pie'"):
            writer.add_custom_scalars({"x": {"y": ["Pie", ["a"]]}})
        with pytest.raises(AssertionError, match="Expected 3 tags, got 1"):
            writer.add_custom_scalars_marginchart(["a"])
    (event,) = accumulated(tmp_path).Tensors(metadata.CONFIG_SUMMARY_TAG)
    layout = layout_pb2.Layout.FromString(make_ndarray(event.tensor_proto).item())
    both, band = layout.category[0].chart
    assert (layout.category[0].title, both.title) == ("Losses", "both")
    assert list(both.multiline.tag) == ["a", "b"]
    assert band.margin.series[0].upper == "hi"


@NEEDED
def test_the_projector(tmp_path: Path) -> None:
    from google.protobuf import text_format
    from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig

    from wengert.utils.tensorboard import SummaryWriter

    points = wg.tensor([[0.5, 1.0], [2.0, -3.0], [4.0, 5.0]])
    with SummaryWriter(tmp_path) as writer:
        writer.add_embedding(points, ["a", "b", "c"], wg.rand(3, 1, 4, 5), global_step=7, tag="t")
        writer.add_embedding(points, [("a", 1)] * 3, metadata_header=["name", "n"])
        with pytest.raises(ValueError, match="metadata has 1, mat 3"):
            writer.add_embedding(points, ["a"])
    config = ProjectorConfig()
    text_format.Parse((tmp_path / "projector_config.pbtxt").read_text(), config)
    first, second = config.embeddings
    assert (tmp_path / first.tensor_path).read_text() == "0.5\t1\n2\t-3\n4\t5\n"
    assert (tmp_path / first.metadata_path).read_text() == "a\nb\nc\n"
    assert list(first.sprite.single_image_dim) == [5, 4]
    sprite = (tmp_path / first.sprite.image_path).read_bytes()
    assert struct.unpack(">II", sprite[16:24]) == (10, 8)
    assert (tmp_path / second.metadata_path).read_text().startswith("name\tn\na\t1\n")


@NEEDED
def test_videos_and_boxes(tmp_path: Path) -> None:
    from wengert.utils.tensorboard import SummaryWriter

    with SummaryWriter(tmp_path) as writer:
        writer.add_video("v", wg.rand(2, 3, 3, 4, 6), 1, fps=2)
        writer.add_image_with_boxes("b", wg.zeros(3, 8, 10), wg.tensor([[2, 1, 7, 6]]))
        writer.add_image_with_boxes("big", wg.zeros(1, 8, 10), wg.zeros(0, 4), rescale=2)
        with pytest.raises(ValueError, match=r"\(N, T, C, H, W\)"):
            writer.add_video("v", wg.rand(3, 3, 4, 6))
        with pytest.raises(ValueError, match="2 labels for 1 boxes"):
            writer.add_image_with_boxes("b", wg.zeros(3, 8, 10), wg.ones(1, 4), labels=["a", "b"])
    found = values(tmp_path)
    video = found["v"].image
    assert (video.height, video.width) == (4, 12)
    data = video.encoded_image_string
    assert data.count(b"fcTL") == 3
    assert data.count(b"fdAT") == 2
    assert (found["big"].image.height, found["big"].image.width) == (16, 20)
    raw = zlib.decompress(_plugins._chunks(found["b"].image.encoded_image_string)[1])
    rows = np.frombuffer(raw, np.uint8).reshape(8, 1 + 30)[:, 1:].reshape(8, 10, 3)
    red = rows[:, :, 0] == 255
    assert red[1, 2:8].all()
    assert red[1:7, 2].all()
    assert not red[4, 5]
    assert not red[0].any()
