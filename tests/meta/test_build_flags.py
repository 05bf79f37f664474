"""The machine code of a newer instruction set must not reach an older machine, nor go unused."""

import json
import platform
import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="one instruction set there")


@pytest.fixture
def build(root: Path) -> Path:
    folder = root / "build/release"
    if not (folder / "build.ninja").exists():
        pytest.skip("not built in build/release")
    return folder


def test_each_level_has_its_own_march(build: Path) -> None:
    """The last -march wins, so that one is looked at."""
    seen = set()
    for entry in json.loads((build / "compile_commands.json").read_text()):
        if "/nanobind/" in entry["file"]:
            continue
        level = re.search(r"-DWENGERT_ISA=(v\d)", entry["command"])
        expected = level[1] if level else "v2"
        assert re.findall(r"-march=(\S+)", entry["command"])[-1] == f"x86-64-{expected}"
        seen.add(expected)
    assert seen == {"v2", "v3", "v4"}


def test_older_objects_are_linked_first(build: Path) -> None:
    """Of an inline function that several objects contain, the linker takes the first."""
    rule = re.search(
        r"^build \S*_C\.\S+\.so: \S+ (.*?) \|", (build / "build.ninja").read_text(), re.M
    )
    assert rule
    order = [re.sub(r".*CMakeFiles/([\w-]+)\.dir/.*", r"\1", name) for name in rule[1].split()]
    groups = list(dict.fromkeys(order))
    assert groups == ["nanobind-static", "low", "core", "isa_v2", "isa_v3", "isa_v4"]
    assert order == sorted(order, key=groups.index)
