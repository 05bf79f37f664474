"""save and load: every kind of value, sharing, mapping, atomic replacement, clear refusals."""

from __future__ import annotations

import argparse
import collections
import dataclasses
import doctest
import enum
import io
import json
import math
import os
import pickle
import random
import signal
import subprocess
import sys
import threading
import types
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from pathlib import Path, PurePosixPath, PureWindowsPath
from time import sleep
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert import nn

DTYPES = ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32",
          "float64", "complex64", "complex128"]  # fmt: skip
MMAP = pytest.mark.parametrize("mmap", [False, True])


def there_and_back(value: Any, path: Path, **options: Any) -> Any:
    wg.save(value, path / "file.wg")
    return wg.load(path / "file.wg", **options)


def same(a: wg.Tensor, b: wg.Tensor) -> bool:
    return a.dtype is b.dtype and a.shape == b.shape and a.tolist() == b.tolist()


VALUES = [
    None, True, False, 0, -3, 1 << 53, -(1 << 200), 1.5, -0.0, 5e-324, 1.7976931348623157e308,
    math.inf, -math.inf, 1 + 2j, complex(math.inf, -0.0), "", "text", "ключ\n\0\"'\\", "\ud800",
    b"", b"\x00\xff", b"x" * 10_000, bytearray(b"abc"), [], [1, [2, []]], (), (1,), ((), [()]),
    {}, {"a": {"b": 1}}, {"$": 1, "$kind": "tensor"}, {1: 2, (3, "x"): 4, None: 5, 2.5: 6},
    {True: "true", "": "empty"}, set(), {(2, 3)}, {1, 2, 3}, frozenset({b"x"}), slice(1, None, 2),
    range(2, 9, 3), ..., collections.OrderedDict([("b", 1), ("a", 2)]),
    collections.Counter("abca"), collections.deque([1, 2], maxlen=4), collections.deque(),
    wg.float32, wg.bfloat16, wg.complex128, wg.Size([2, 3]), wg.device("cpu"),
    Path("a/b"), PurePosixPath("/x"), PureWindowsPath("c:\\y"),
    argparse.Namespace(lr=0.1, layers=[1, 2], out=Path("o")), types.SimpleNamespace(a=(1,)),
    date(2024, 2, 29), time(23, 59, 1, 7), datetime(2024, 1, 2, 3, 4, 5, 6, fold=1), timedelta(-1, 2, 3),
    datetime(2024, 1, 2, tzinfo=UTC), time(1, tzinfo=timezone(timedelta(hours=-2), "here")),
    timezone(timedelta(hours=1)),
]  # fmt: skip


@MMAP
@pytest.mark.parametrize("value", VALUES, ids=lambda value: repr(value)[:30])
def test_plain_values(value: Any, mmap: bool, tmp_path: Path) -> None:
    again = there_and_back(value, tmp_path, mmap=mmap)
    assert again == value
    assert type(again) is type(value)
    assert repr(again) == repr(value)  # signs of zeros, order, types inside


def test_order_of_keys_and_nan(tmp_path: Path) -> None:
    again = there_and_back({"b": math.nan, "a": {"z": 1, "y": 2}}, tmp_path)
    assert list(again) == ["b", "a"]
    assert list(again["a"]) == ["z", "y"]
    assert math.isnan(again["b"])


def test_default_dictionaries(tmp_path: Path) -> None:
    again = there_and_back(collections.defaultdict(list, {1: [2]}), tmp_path)
    assert again[7] == []
    assert again[1] == [2]
    with pytest.raises(TypeError, match=r"obj\['x'\].default_factory: function"):
        wg.save({"x": collections.defaultdict(lambda: 0)}, tmp_path / "x")


def test_random_states(tmp_path: Path) -> None:
    generator = wg.Generator().manual_seed(5)
    wg.rand(3, generator=generator)
    random.seed(1)
    np.random.seed(1)
    state = {
        "own": generator,
        "default": wg.get_rng_state(),
        "python": random.getstate(),
        "numpy": np.random.get_state(),
        "new": np.random.default_rng(3).bit_generator.state,
    }
    again = there_and_back(state, tmp_path)
    expected = wg.rand(4, generator=generator), random.random(), np.random.rand()
    random.setstate(again["python"])
    np.random.set_state(again["numpy"])
    assert wg.rand(4, generator=again["own"]).tolist() == expected[0].tolist()
    assert (random.random(), np.random.rand()) == expected[1:]
    assert again["new"] == state["new"]
    assert again["default"].tolist() == wg.get_rng_state().tolist()


def test_numpy_arrays_and_scalars(tmp_path: Path) -> None:
    values = [
        np.arange(6, dtype=np.uint32).reshape(2, 3), np.float32(0.1), np.int64(-5), np.bool_(True),
        np.array(["ab", "c"]), np.array(3.0), np.zeros((0, 2)), np.arange(4, dtype=">i2"),
        np.complex64(1j), np.asfortranarray(np.arange(6.0).reshape(2, 3)), np.str_("text"),
    ]  # fmt: skip
    for value, again in zip(values, there_and_back(values, tmp_path), strict=True):
        assert type(again) is type(value)
        assert again.dtype == value.dtype
        assert again.shape == value.shape
        assert again.tolist() == value.tolist()
    with pytest.raises(TypeError, match=r"obj\[0\]: numpy.ndarray"):
        wg.save([np.array([{}])], tmp_path / "x")


@MMAP
@pytest.mark.parametrize("dtype", DTYPES)
def test_tensors_of_every_layout(dtype: str, mmap: bool, tmp_path: Path) -> None:
    x = wg.arange(24).to(getattr(wg, dtype))
    layouts = [
        x, x.reshape(4, 6).t(), x[5:9].clone(), x[:0], x[3].clone(), wg.zeros(0, 3).to(x.dtype),
        x.reshape(2, 3, 4).clone().permute(2, 0, 1), x[2:3].clone().expand(5, 1),
    ]  # fmt: skip
    again = there_and_back(layouts, tmp_path, mmap=mmap)
    for old, new in zip(layouts, again, strict=True):
        assert same(old, new)
        assert new.stride() == old.stride()


@MMAP
def test_shared_memory_stays_shared(mmap: bool, tmp_path: Path) -> None:
    x = wg.arange(12.0)
    state = {"whole": x, "part": x[2:5], "even": x[::2], "again": x, "bits": x[1:3].view(wg.int32)}
    again = there_and_back(state, tmp_path, mmap=mmap)
    assert again["again"] is again["whole"]
    assert again["bits"].dtype is wg.int32
    again["whole"][2] = 100
    assert again["part"][0].item() == 100
    assert again["even"][1].item() == 100
    assert again["bits"][1].item() == wg.tensor([100.0]).view(wg.int32).item()
    assert x[2].item() == 2


def test_overlapping_parts_without_a_whole(tmp_path: Path) -> None:
    x = wg.arange(100.0)
    a, b, c = there_and_back([x[10:14], x[12:20], x[50:52]], tmp_path)
    a[2] = -1
    assert b[0].item() == -1
    assert c.tolist() == [50, 51]
    assert b.untyped_storage().nbytes() == 40  # what is used, not the whole
    assert c.untyped_storage().nbytes() == 8


def test_of_a_part_only_the_part_is_saved(tmp_path: Path) -> None:
    wg.save(wg.zeros(1_000_000)[::100_000], tmp_path / "x")
    assert (tmp_path / "x").stat().st_size < 1000
    wg.save(wg.zeros(1).expand(1_000_000), tmp_path / "y")
    assert (tmp_path / "y").stat().st_size < 1000


def test_classes_flags_and_attributes(tmp_path: Path) -> None:
    parameter = nn.Parameter(wg.ones(2))
    frozen = nn.Parameter(wg.ones(2), requires_grad=False)
    buffer = nn.Buffer(wg.ones(1), persistent=False)
    leaf = wg.ones(1, requires_grad=True)
    leaf.note = ["kept", wg.zeros(1)]
    result = (leaf * 2).detach().requires_grad_() * 3
    again = there_and_back([parameter, frozen, buffer, leaf, result], tmp_path)
    assert [type(t) for t in again] == [nn.Parameter, nn.Parameter, nn.Buffer, wg.Tensor, wg.Tensor]
    assert [t.requires_grad for t in again] == [True, False, False, True, True]
    assert again[2].persistent is False
    assert again[3].note[0] == "kept"
    assert again[4].is_leaf
    assert again[4].item() == 6


def test_states_of_training(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    optimizer = wg.optim.AdamW(model.parameters(), lr=0.1, amsgrad=True)
    model(wg.randn(5, 3)).square().sum().backward()
    optimizer.step()
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
    again = there_and_back(state, tmp_path)
    assert type(again["model"]) is collections.OrderedDict
    assert again["model"]._metadata == state["model"]._metadata
    other = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    other.load_state_dict(again["model"])
    same_optimizer = wg.optim.AdamW(other.parameters(), lr=1.0)
    same_optimizer.load_state_dict(again["optimizer"])
    for net, opt in ((model, optimizer), (other, same_optimizer)):
        opt.zero_grad()
        net(wg.ones(5, 3) * wg.arange(3)).sin().sum().backward()
        opt.step()
    for a, b in zip(model.parameters(), other.parameters(), strict=True):
        assert a.tolist() == b.tolist()


def schedulers() -> list[Any]:
    of = wg.optim.lr_scheduler
    return [
        lambda o: of.StepLR(o, 2),
        lambda o: of.MultiStepLR(o, [1, 1, 3]),
        lambda o: of.OneCycleLR(o, 0.1, total_steps=10),
        lambda o: of.CyclicLR(o, 0.01, 0.1),
        lambda o: of.ReduceLROnPlateau(o, patience=0),
        lambda o: of.LambdaLR(o, lambda epoch: 0.9**epoch),
        lambda o: of.SequentialLR(o, [of.ConstantLR(o), of.ExponentialLR(o, 0.9)], [2]),
        lambda o: of.ChainedScheduler([of.ConstantLR(o), of.ExponentialLR(o, 0.9)]),
    ]


@pytest.mark.parametrize("number", range(8))
def test_states_of_schedulers(number: int, tmp_path: Path) -> None:
    def make() -> Any:
        optimizer = wg.optim.SGD([nn.Parameter(wg.ones(1))], lr=0.5, momentum=0.9)
        return optimizer, schedulers()[number](optimizer)

    def step(optimizer: Any, scheduler: Any) -> float:
        optimizer.step()
        scheduler.step(*([1.0] if number == 4 else []))  # the plateau's loss
        return optimizer.param_groups[0]["lr"]

    one = make()
    for _ in range(3):
        step(*one)
    state = there_and_back([part.state_dict() for part in one], tmp_path)
    other = make()
    for part, saved in zip(other, state, strict=True):
        part.load_state_dict(saved)
    assert [step(*one) for _ in range(4)] == [step(*other) for _ in range(4)]


def test_the_page_about_checkpoints(root: Path, tmp_path: Path) -> None:
    names = {"path": str(tmp_path / "x")}
    found = doctest.testfile(
        str(root / "docs" / "checkpoints.md"), module_relative=False, globs=names
    )
    assert found.attempted > 15
    assert found.failed == 0


def test_names_of_tensors_are_paths(tmp_path: Path) -> None:
    state = {"model": {"0.weight": wg.ones(2), "odd]['": wg.ones(1)}, "list": [wg.ones(3), 5]}
    state["model"]["0"] = {"weight": wg.zeros(4)}
    wg.save(state, tmp_path / "x")
    raw = (tmp_path / "x").read_bytes()
    header = json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])
    assert set(header) == {
        "__metadata__", "model.0.weight", "model.0.weight#2", "model.odd]['", "list.0"
    }  # fmt: skip
    assert header["__metadata__"]["format"] == "pt"


def test_what_cannot_be_saved_is_listed(tmp_path: Path) -> None:
    circle: list[Any] = [1]
    circle.append(circle)
    state = {"hooks": [0, 1, 2, lambda x: x], "model": nn.Linear(1, 1), 3: {"x": object()}}
    with pytest.raises(TypeError) as caught:
        wg.save({**state, "circle": circle}, tmp_path / "x")
    here = "test_what_cannot_be_saved_is_listed.<locals>.<lambda>"
    assert str(caught.value) == (
        "save(): 4 objects cannot be saved, because a file holds plain data and tensors, never "
        "code\n"
        f"  obj['hooks'][3]: function {here}\n"
        "  obj['model']: wengert.nn.modules.linear.Linear   save its state_dict() instead\n"
        "  obj[3]['x']: object\n"
        "  obj['circle'][1]: list that contains itself"
    )
    assert not (tmp_path / "x").exists()
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(ValueError, match="nested too deeply"):
        wg.save(deep, tmp_path / "x")
    while deep:  # taken apart here, so that the interpreter need not do it recursively
        deep = deep.pop()


def test_file_objects(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    wg.save({"x": wg.arange(3)}, buffer)
    buffer.seek(0)
    assert wg.load(buffer)["x"].tolist() == [0, 1, 2]
    later = io.BytesIO(b"prefix" + buffer.getvalue())
    later.seek(6)
    assert wg.load(later)["x"].tolist() == [0, 1, 2]
    with open(tmp_path / "x", "wb") as file:
        wg.save([1], file)
    with open(tmp_path / "x", "rb") as file:
        assert wg.load(file) == [1]
        with pytest.raises(ValueError, match="f must be a file path"):
            wg.load(file, mmap=True)
    with pytest.raises(AttributeError, match="a path or a file object, got int"):
        wg.save([1], 3)
    with pytest.raises(AttributeError, match="a path or a file object, got int"):
        wg.load(3)


def test_mapped_files_do_not_change(tmp_path: Path) -> None:
    path = tmp_path / "x"
    wg.save(wg.zeros(5000), path)
    before = path.read_bytes()
    tensor = wg.load(path, mmap=True)
    tensor += 1
    path.unlink()
    assert tensor.sum().item() == 5000
    wg.save(wg.zeros(5000), path)
    assert path.read_bytes() == before


def test_map_location(tmp_path: Path) -> None:
    wg.save(wg.ones(1), tmp_path / "x")
    for place in ("cpu", wg.device("cpu"), {"cuda:0": "cpu"}, lambda storage, name: storage):
        assert wg.load(tmp_path / "x", map_location=place).item() == 1
    with pytest.raises(RuntimeError, match="device 'cuda' is not available"):
        wg.load(tmp_path / "x", map_location="cuda")
    with pytest.raises(TypeError, match="map_location must be a device"):
        wg.load(tmp_path / "x", map_location=3)
    assert wg.load(tmp_path / "x", pickle_module=pickle).item() == 1  # which is not used
    with pytest.raises(ValueError, match="pickle_module must be None"):
        wg.load(tmp_path / "x", pickle_module=json)


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"")
    with pytest.raises(EOFError, match="Ran out of input"):
        wg.load(path)
    path.write_bytes(b"hello, world")
    with pytest.raises(RuntimeError, match="neither a file of save"):
        wg.load(path)
    path.write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(RuntimeError, match="a pickle but no file of torch.save"):
        wg.load(path)
    with pytest.raises(FileNotFoundError):
        wg.load(tmp_path / "missing")


def _rewritten(path: Path, change: Any) -> None:
    """Changes the header of a file, and the length in front of it."""
    raw = path.read_bytes()
    length = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + length])
    tree = json.loads(header["__metadata__"]["wengert.tree"])
    change(header, tree)
    header["__metadata__"]["wengert.tree"] = json.dumps(tree)
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + raw[8 + length :])


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda h, t: h["a"].update(data_offsets=[0, 1 << 60]), "its shape says"),
        (lambda h, t: h["a"].update(shape=[1 << 40, 1 << 40]), "its shape says"),
        (lambda h, t: h["a"].update(shape=[-1]), "no valid shape"),
        (lambda h, t: h["a"].update(dtype="F31"), "unknown dtype"),
        (lambda h, t: h.update(b=h["a"]), "overlap"),
        (lambda h, t: t["tensors"][0].update(view_of="b"), "no tensor 'b'"),
        (lambda h, t: t["tensors"][1].update(offset=5), "reaches beyond"),
        (lambda h, t: t["tensors"][1].update(size=[1 << 61], stride=[8]), "reaches beyond"),
        (lambda h, t: t["tensors"][1].update(size=[1 << 40] * 3, stride=[0] * 3), "has sizes"),
        (lambda h, t: t["tensors"][1].update(stride=[-1]), "has sizes"),
        (lambda h, t: t["tensors"][0].update({"class": "Module"}), "unknown class"),
        (lambda h, t: t.update(root={"$": "eval", "code": "1"}), "unknown kind"),
        (lambda h, t: t.update(root={"$": "tensor", "index": 9}), "no such tensor"),
        (lambda h, t: t.update(root={"$": "tensor"}), "no such tensor"),
        (lambda h, t: t.update(root={"$": "defaultdict", "factory": "exec", "items": []}), "exec"),
        (lambda h, t: t.update(root={"$": "numpy.ndarray", "dtype": "O", "shape": [1],
                                     "base64": "AAAAAAAAAAA="}), "no NumPy dtype"),
        (lambda h, t: t.update(version=99), "version 99"),
    ],
)  # fmt: skip
def test_hostile_headers(change: Any, complaint: str, tmp_path: Path) -> None:
    path = tmp_path / "x"
    x = wg.arange(4.0)
    wg.save([x, x[1:3]], path)
    raw = path.read_bytes().replace(b'"0"', b'"a"')
    path.write_bytes(raw.replace(b'\\"0\\"', b'\\"a\\"'))
    assert wg.load(path)[1].tolist() == [1, 2]
    _rewritten(path, change)
    for mmap in (False, True):
        with pytest.raises(RuntimeError, match=r"cannot read '.*/x': ") as caught:
            wg.load(path, mmap=mmap)
        assert complaint in str(caught.value)


def test_saving_replaces_in_one_step(tmp_path: Path) -> None:
    path = tmp_path / "x"
    wg.save([1], path)
    os.chmod(path, 0o640)
    link = tmp_path / "link"
    link.symlink_to(path)
    wg.save([2], link)
    assert link.is_symlink()
    assert wg.load(path) == [2]
    assert path.stat().st_mode & 0o777 == 0o640
    with pytest.raises(TypeError):
        wg.save([print], path)
    assert wg.load(path) == [2]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["link", "x"]
    with pytest.raises(FileNotFoundError):
        wg.save([1], tmp_path / "no" / "x")


def test_leftovers_of_killed_processes_are_removed(tmp_path: Path) -> None:
    old, fresh = (tmp_path / f".x.{name * 12}.tmp" for name in "ab")
    for file in (old, fresh):
        file.write_bytes(b"half")
    os.utime(old, (0, 0))
    wg.save([1], tmp_path / "x")
    assert not old.exists()
    assert fresh.exists()


WRITER = """
import sys, wengert as wg
path = sys.argv[1]
step = 0
while True:
    step += 1
    wg.save({"step": step, "data": wg.full((200_000,), step)}, path)
    print(step, flush=True)
"""


def test_kill_leaves_the_old_file_or_the_new_one(tmp_path: Path, root: Path) -> None:
    path = tmp_path / "x"
    environment = {**os.environ, "PYTHONPATH": str(root / "src")}
    pauses = random.Random(3)
    for _ in range(3):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, path], stdout=subprocess.PIPE, env=environment
        )
        assert process.stdout is not None
        assert process.stdout.readline()
        lines: list[bytes] = [b"1"]
        reader = threading.Thread(target=lambda p=process, to=lines: to.extend(p.stdout))
        reader.start()
        sleep(pauses.uniform(0.0, 0.05))
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        reader.join()
        process.stdout.close()
        state = wg.load(path)
        assert int(lines[-1]) <= state["step"] <= int(lines[-1]) + 1
        assert (state["data"] == state["step"]).all()


def test_the_header_is_checked_before_tensors_are_made(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes((1 << 40).to_bytes(8, "little") + b"{}")
    with pytest.raises(RuntimeError, match="longer than"):
        wg.load(path)


# --- what the program allows ---

Point = collections.namedtuple("Point", "x y")


@dataclasses.dataclass(frozen=True)
class Config:
    name: str
    weight: wg.Tensor
    nested: Any = None
    size: int = dataclasses.field(init=False, default=3)


class Mode(enum.Enum):
    TRAIN = 1
    TEST = 2


@pytest.fixture
def _nothing_allowed() -> Any:
    wg.serialization.clear_safe_globals()
    yield
    wg.serialization.clear_safe_globals()


@pytest.mark.usefixtures("_nothing_allowed")
def test_allowed_classes(tmp_path: Path) -> None:
    ones = wg.ones(2)
    value = {"point": Point(1, ones), "config": Config("a", ones, Point(Mode.TRAIN, [2])), "b": 1}
    with pytest.raises(TypeError) as caught:
        wg.save(value, tmp_path / "x")
    here, cure = Point.__module__, "allow it by serialization.add_safe_globals, or save it as a "
    assert str(caught.value) == (
        "save(): 2 objects cannot be saved, because a file holds plain data and tensors, never code\n"
        f"  obj['point']: {here}.Point   {cure}tuple or a dict\n"
        f"  obj['config']: {here}.Config   {cure}tuple or a dict"
    )
    with wg.serialization.safe_globals([Point, Config, Mode]):
        again = there_and_back(value, tmp_path)
    assert type(again["point"]) is Point
    assert again["point"].y is again["config"].weight
    assert again["config"].nested == Point(Mode.TRAIN, [2])
    assert (again["config"].name, again["config"].size) == ("a", 3)
    assert wg.serialization.get_safe_globals() == []
    wg.serialization.add_safe_globals([Point])
    with pytest.raises(pickle.UnpicklingError) as refused:
        wg.load(tmp_path / "file.wg")
    assert str(refused.value).startswith(
        "Weights only load failed: the file asks for functions or classes that are not plain data, "
        f"and load() never runs code of a file\n  {here}.Config\n  If you trust them"
    )
    names = wg.serialization.get_unsafe_globals_in_checkpoint(tmp_path / "file.wg")
    assert names == [f"{here}.Config"]


@pytest.mark.usefixtures("_nothing_allowed")
def test_allowed_under_another_name(tmp_path: Path) -> None:
    with wg.serialization.safe_globals([Point]):
        wg.save([Point(1, 2)], tmp_path / "x")
    Other = collections.namedtuple("Other", "x y")
    with wg.serialization.safe_globals([(Other, f"{Point.__module__}.Point")]):
        assert wg.load(tmp_path / "x") == [Other(1, 2)]
        assert wg.serialization.get_safe_globals() == [(Other, f"{Point.__module__}.Point")]
    for wrong, error, text in (
        ([3], TypeError, "expected a class, a function, or a pair"),
        ([(Point,)], ValueError, "Expected tuple of length 2"),
        ([(Point, 3)], TypeError, "Expected second item in tuple to be str"),
    ):
        with pytest.raises(error, match=text):
            wg.serialization.add_safe_globals(wrong)


def test_times_with_rules_are_refused(tmp_path: Path) -> None:
    class Zone(tzinfo):
        pass

    with pytest.raises(TypeError, match=r"obj\['when'\]\[0\]: datetime.datetime"):
        wg.save({"when": [datetime(2024, 1, 2, tzinfo=Zone())]}, tmp_path / "x")
