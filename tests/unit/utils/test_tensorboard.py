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
from wengert.utils.tensorboard import _summaries

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
        with pytest.raises(AttributeError, match="SummaryWriter.add_mesh: wengert writes"):
            writer.add_mesh("x", [])
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
