"""Checkpoints of PyTorch and files of the safetensors package."""

from __future__ import annotations

import argparse
import collections
import datetime
import io
import pathlib
import pickle
import types
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import wengert as wg

torch = pytest.importorskip("torch", reason="PyTorch writes the files")

DTYPES = ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32",
          "float64", "complex64", "complex128"]  # fmt: skip
FORMATS = pytest.mark.parametrize(
    ("zipped", "mmap"), [(True, False), (True, True), (False, False), (False, True)]
)


def loaded(value: Any, path: Path, zipped: bool = True, **options: Any) -> Any:
    torch.save(value, path / "x.pt", _use_new_zipfile_serialization=zipped)
    return wg.load(path / "x.pt", **options)


@FORMATS
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_and_layout(dtype: str, zipped: bool, mmap: bool, tmp_path: Path) -> None:
    x = torch.arange(24).to(getattr(torch, dtype))
    given = [x, x.reshape(4, 6).t(), x[5:9], x[:0], x[3], x.reshape(2, 3, 4)[:, 1:, ::2]]
    result = loaded(given, tmp_path, zipped, mmap=mmap)
    for a, b in zip(given, result, strict=True):
        assert str(b.dtype) == f"wengert.{dtype}"
        assert tuple(b.stride()) == a.stride()
        assert b.tolist() == a.tolist()
    result[0][6] = 0
    assert result[1][0, 1].item() == 0  # memory is shared as it was


@FORMATS
def test_state_of_training(zipped: bool, mmap: bool, tmp_path: Path) -> None:
    net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))
    optimizer = torch.optim.Adam(net.parameters(), lr=0.1)
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, [1, 1, 3])
    net(torch.randn(5, 3)).square().sum().backward()
    optimizer.step()
    scheduler.step()
    state = {
        "model": net.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3,
        "scheduler": scheduler.state_dict(), "rng": torch.get_rng_state(), "best": float("inf"),
    }  # fmt: skip
    result = loaded(state, tmp_path, zipped, mmap=mmap)
    assert result["scheduler"] == state["scheduler"]
    assert result["rng"].tolist() == state["rng"].tolist()
    assert type(result["model"]) is collections.OrderedDict
    assert result["model"]._metadata == state["model"]._metadata
    ours = wg.nn.Sequential(wg.nn.Linear(3, 4), wg.nn.BatchNorm1d(4))
    ours.load_state_dict(result["model"])
    our_optimizer = wg.optim.Adam(ours.parameters())
    our_optimizer.load_state_dict(result["optimizer"])
    for a, b in zip(net.parameters(), ours.parameters(), strict=True):
        assert a.tolist() == b.tolist()
    momentum = our_optimizer.state[ours[0].weight]["exp_avg"]
    assert momentum.tolist() == optimizer.state[net[0].weight]["exp_avg"].tolist()


@pytest.mark.parametrize("zipped", [True, False])
def test_plain_values(zipped: bool, tmp_path: Path) -> None:
    given = {
        "p": torch.nn.Parameter(torch.ones(2)), "frozen": torch.nn.Parameter(torch.ones(1), False),
        "buffer": torch.nn.Buffer(torch.ones(1)), "leaf": torch.ones(1, requires_grad=True),
        "conj": torch.tensor([1 + 2j]).conj(), "size": torch.Size([2]), "dtype": torch.float16,
        "device": torch.device("cpu"), "set": {1, 2}, "frozen set": frozenset({3}), "z": 1 + 2j,
        "bytes": b"\x00\xff", "bytearray": bytearray(b"ab"), "big": 1 << 100, "none": None,
        "slice": slice(1, 2), "range": range(3), "tuple": (1, (2, 3), []), "text": "ключ",
        "counter": collections.Counter("aab"), "default": collections.defaultdict(list, a=[1]),
        "scalar": np.float32(0.5), "array": np.arange(6).reshape(2, 3), 7: True,
        "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)), "words": np.array(["a", "bc"]),
    }  # fmt: skip
    result = loaded(given, tmp_path, zipped)
    assert list(result) == list(given)
    assert [type(result[k]).__name__ for k in ("p", "frozen")] == ["Parameter"] * 2
    assert [result[k].requires_grad for k in ("p", "frozen", "leaf")] == [True, False, True]
    assert result["conj"].tolist() == [1 - 2j]
    assert result["buffer"].tolist() == [1]
    assert (result["dtype"], result["device"]) == (wg.float16, wg.device("cpu"))
    for key in ("set", "frozen set", "z", "bytes", "bytearray", "big", "none", "slice", "range",
                "tuple", "text", "counter", "default", "scalar", 7):  # fmt: skip
        assert result[key] == given[key]
        assert type(result[key]) is type(given[key])
    for key in ("array", "fortran", "words"):
        assert result[key].dtype == given[key].dtype
        assert result[key].tolist() == given[key].tolist()
    attributed = torch.ones(1)
    attributed.note = "kept"
    assert loaded(attributed, tmp_path, zipped).note == "kept"


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_protocols(protocol: int, tmp_path: Path) -> None:
    torch.save(
        {"x": torch.ones(2), "b": b"raw", "s": {1}}, tmp_path / "x", pickle_protocol=protocol
    )
    result = wg.load(tmp_path / "x")
    assert (result["x"].tolist(), result["b"], result["s"]) == ([1, 1], b"raw", {1})


def test_file_objects_and_rewritten_byte_order(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    torch.save({"x": torch.arange(3, dtype=torch.int32), "z": torch.tensor([1 + 2j])}, buffer)
    assert wg.load(io.BytesIO(buffer.getvalue()))["x"].tolist() == [0, 1, 2]
    with zipfile.ZipFile(buffer) as old, zipfile.ZipFile(tmp_path / "big", "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name.endswith("byteorder"):
                data = b"big"
            if "/data/" in name:  # the storages: three int32, one complex64
                data = np.frombuffer(data, "<i4").astype(">i4").tobytes()
            new.writestr(name, data)
    result = wg.load(tmp_path / "big")
    assert result["x"].tolist() == [0, 1, 2]
    assert result["z"].tolist() == [1 + 2j]


class Payload:
    """Runs code where it is unpickled by Python."""

    def __reduce__(self) -> Any:
        return eval, ("open('/tmp/wengert_was_here', 'w').close()",)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("weights_only", [True, False, None])
def test_nothing_is_executed(zipped: bool, weights_only: bool | None, tmp_path: Path) -> None:
    class Config:
        pass

    Config.__qualname__ = Config.__name__ = "_Config"
    globals()["_Config"] = Config
    given = {"model": torch.nn.Linear(1, 1), "evil": Payload(), "config": Config()}
    torch.save(given, tmp_path / "x", _use_new_zipfile_serialization=zipped)
    with pytest.raises(pickle.UnpicklingError, match="Weights only load failed") as caught:
        wg.load(tmp_path / "x", weights_only=weights_only)
    text = str(caught.value)
    for name in ("torch.nn.modules.linear.Linear", "__builtin__.eval", "._Config"):
        assert name in text  # all of them at once
    assert not Path("/tmp/wengert_was_here").exists()


def test_dtypes_and_places_that_are_not_here(tmp_path: Path) -> None:
    torch.save(torch.ones(2, dtype=torch.uint16), tmp_path / "x")
    with pytest.raises(RuntimeError, match="a tensor of torch.uint16, which wengert does not have"):
        wg.load(tmp_path / "x")
    buffer = io.BytesIO()
    torch.save({"x": torch.ones(2)}, buffer)
    raw = buffer.getvalue()
    path = tmp_path / "gpu"
    with zipfile.ZipFile(buffer) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            data = old.read(name).replace(b"X\x03\x00\x00\x00cpu", b"X\x06\x00\x00\x00cuda:0")
            new.writestr(name, data)
    assert raw
    with pytest.raises(RuntimeError, match="Attempting to deserialize object on 'cuda:0'"):
        wg.load(path)
    for place in ("cpu", {"cuda:0": "cpu"}, lambda storage, name: storage):
        assert wg.load(path, map_location=place)["x"].tolist() == [1, 1]


def test_compressed_records_are_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    torch.save({"x": torch.zeros(1_000_000)}, buffer)
    path = tmp_path / "bomb"
    with (
        zipfile.ZipFile(buffer) as old,
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            new.writestr(name, old.read(name))
    with pytest.raises(RuntimeError, match="larger than the file"):
        wg.load(path)


def test_torchscript_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x"
    torch.save({}, path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("x/constants.pkl", b"")
    with pytest.raises(RuntimeError, match="TorchScript archive"):
        wg.load(path)


@pytest.mark.parametrize("mmap", [False, True])
def test_safetensors_both_ways(mmap: bool, tmp_path: Path) -> None:
    package = pytest.importorskip("safetensors.torch", reason="reads and writes the format too")
    names = [name for name in DTYPES if not name.startswith("complex")]
    theirs = {name: torch.arange(6).reshape(2, 3).to(getattr(torch, name)) for name in names}
    theirs["empty"], theirs["scalar"] = torch.zeros(0, 2), torch.tensor(3.0)
    package.save_file(theirs, tmp_path / "theirs", metadata={"format": "pt"})
    ours = wg.load(tmp_path / "theirs", mmap=mmap)
    assert ours.keys() == theirs.keys()
    for name, tensor in theirs.items():
        assert str(ours[name].dtype).split(".")[1] == str(tensor.dtype).split(".")[1]
        assert ours[name].shape == tensor.shape
        assert ours[name].tolist() == tensor.tolist()

    wg.save({"net": {"weight": ours["float32"].t(), "view": ours["float32"][0]}, "n": 3, **ours},
            tmp_path / "ours")  # fmt: skip
    again = package.load_file(tmp_path / "ours")
    for name in names:
        if name != "float32":
            assert torch.equal(again[name], theirs[name])
    # Three tensors show the same memory: the one that covers it is there.
    assert torch.equal(again["net.weight"], theirs["float32"])
    z = wg.tensor([1 + 2j])
    wg.save({"z": z}, tmp_path / "complex")
    assert package.load_file(tmp_path / "complex")["z"].tolist() == [[1, 2]]


class Settings:
    """A class of the user's, as programs keep them in checkpoints."""

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self.shape = (2, 3)


class Slotted:
    __slots__ = ("weight",)

    def __init__(self, weight: Any) -> None:
        self.weight = weight


Pair = collections.namedtuple("Pair", "x y")


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("protocol", [2, 4])
def test_allowed_classes(zipped: bool, protocol: int, tmp_path: Path) -> None:
    value = {"settings": Settings(0.1), "slots": Slotted(torch.ones(2)), "pair": Pair(1, [2])}
    torch.save(
        value, tmp_path / "x", pickle_protocol=protocol, _use_new_zipfile_serialization=zipped
    )
    names = [f"{Settings.__module__}.{name}" for name in ("Settings", "Slotted", "Pair")]
    assert wg.serialization.get_unsafe_globals_in_checkpoint(tmp_path / "x") == names
    with pytest.raises(pickle.UnpicklingError, match="add_safe_globals"):
        wg.load(tmp_path / "x", weights_only=False)
    with wg.serialization.safe_globals([Settings, Slotted, Pair]):
        again = wg.load(tmp_path / "x")
    assert vars(again["settings"]) == {"rate": 0.1, "shape": (2, 3)}
    assert type(again["slots"]) is Slotted
    assert again["slots"].weight.tolist() == [1, 1]
    assert again["pair"] == Pair(1, [2])
    assert type(again["pair"]) is Pair
    assert wg.serialization.get_safe_globals() == []


@pytest.mark.parametrize("protocol", [2, 4])
def test_plain_objects_of_the_library(protocol: int, tmp_path: Path) -> None:
    value = {
        "args": argparse.Namespace(lr=0.1, out=pathlib.PurePosixPath("a/b")),
        "path": Path("c"),
        "when": datetime.datetime(2024, 1, 2, 3, tzinfo=datetime.UTC),
        "day": datetime.date(2024, 2, 29),
        "took": datetime.timedelta(1, 2, 3),
        "more": types.SimpleNamespace(a=1),
    }
    torch.save(value, tmp_path / "x", pickle_protocol=protocol)
    assert wg.load(tmp_path / "x") == value
