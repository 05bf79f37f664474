"""Runs packages from PyPI that were written for PyTorch, unchanged, on wengert and on PyTorch.

A family of packages is a data file beside this one: a list `PACKAGES` of `Package`, each with pinned
versions and with short programs, the cases. A case runs `train(model, *inputs)` or other functions
of `harness.py`, which fills the weights with the same numbers everywhere and records outputs, losses
and gradients.

A family is installed once, without what depends on PyTorch, into an environment of its own under
build/public, where there is no PyTorch. All cases of a package run in one fresh process. If PyTorch
is installed beside the tests, they run on it, too, and what was recorded is compared.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import json
import os
import re
import subprocess
import sys
import venv
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "public"
HARNESS = Path(__file__).with_name("harness.py")
# What wengert itself needs.
_OWN = ("onednn-cpu-gomp", "scipy-openblas32", "numpy==2.4.6")


@dataclass(frozen=True)
class Package:
    """A package and what is run of it.

    name, version: on PyPI.
    needs: other requirements, pinned; nothing else is installed, so PyTorch is not.
    cases: name to program.
    tolerance: of outputs and losses relative to the largest element; gradients get ten times that.
    skips: cases that do not run, and why; they stand in the documentation.
    note: for the documentation.
    """

    name: str
    version: str
    cases: dict[str, str]
    needs: tuple[str, ...] = ()
    tolerance: float = 1e-4
    skips: dict[str, str] = field(default_factory=dict)
    note: str = ""
    setup: str = ""  # a program that runs before the cases


@dataclass(frozen=True)
class Outcome:
    """What a case left: the error's text, or the recorded arrays by name."""

    error: str | None
    arrays: dict[str, np.ndarray]


def active(package: Package) -> list[str]:
    """The cases that are run."""
    return [case for case in package.cases if case not in package.skips]


@functools.cache
def environment(family: str, requirements: tuple[str, ...]) -> Path:
    """The interpreter of an environment with these packages. Skips the test if PyPI is away."""
    folder = BUILD / family
    python = folder / "bin" / "python"
    wanted = hashlib.sha256("\n".join(sorted(requirements)).encode()).hexdigest()
    stamp = folder / "installed.txt"
    if stamp.exists() and stamp.read_text() == wanted:
        return python
    venv.create(folder, with_pip=True)
    command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    result = subprocess.run(
        [*command, "--no-deps", *sorted(requirements)], capture_output=True, text=True, check=False
    )
    if result.returncode:
        lines = [line for line in result.stderr.splitlines() if line.startswith("ERROR")]
        text = "\n".join(lines or result.stderr.splitlines())
        if re.search("connection|timed out|resolve|No matching distribution", text, re.IGNORECASE):
            pytest.skip(f"packages cannot be had from PyPI: {text}")
        raise RuntimeError(f"pip install failed\n{result.stderr}")
    stamp.write_text(wanted)
    return python


def requirements(packages: list[Package]) -> tuple[str, ...]:
    """All that is installed for a family."""
    pinned = {f"{package.name}=={package.version}" for package in packages}
    return tuple(sorted(pinned.union(_OWN, *(package.needs for package in packages))))


def has_torch() -> bool:
    """Whether there is PyTorch to compare with."""
    return importlib.util.find_spec("torch") is not None


def run(
    family: str, packages: list[Package], package: Package, *, pytorch: bool
) -> dict[str, Outcome]:
    """What all cases of a package left. They run once, in a fresh process."""
    return _run(family, requirements(packages), package.name, _program(package), pytorch)


def _program(package: Package) -> str:
    cases = {name: package.cases[name] for name in active(package)}
    return json.dumps({"setup": package.setup, "cases": cases})


@functools.cache
def _run(
    family: str, wanted: tuple[str, ...], name: str, program: str, pytorch: bool
) -> dict[str, Outcome]:
    python = environment(family, wanted)
    place = BUILD / "results" / family / name / ("pytorch" if pytorch else "wengert")
    place.mkdir(parents=True, exist_ok=True)
    for old in place.glob("*.np?"):
        old.unlink()
    source = place / "program.json"
    source.write_text(program)
    if pytorch:
        site = next((python.parent.parent / "lib").glob("python*/site-packages"))
        start, path = [sys.executable], str(site)
    else:
        start, path = [str(python), "-m", "wengert", "run"], str(ROOT / "src")
    result = subprocess.run(
        [*start, str(HARNESS), str(source), str(place)],
        capture_output=True,
        text=True,
        check=False,
        cwd=place,
        timeout=1800,
        env={
            **os.environ,
            "PYTHONPATH": path,
            "OMP_NUM_THREADS": "1",
            "TORCH_COMPILE_DISABLE": "1",
        },
    )
    (place / "output.txt").write_text(result.stdout + result.stderr)
    outcomes = {}
    for case in json.loads(program)["cases"]:
        log, arrays = place / f"{case}.txt", place / f"{case}.npz"
        if arrays.exists():
            with np.load(arrays) as loaded:
                outcomes[case] = Outcome(None, dict(loaded))
        else:
            text = log.read_text() if log.exists() else result.stderr
            outcomes[case] = Outcome(text or f"no result, exit status {result.returncode}", {})
    return outcomes


def check(family: str, packages: list[Package], package: Package, case: str) -> None:
    """A case runs on wengert, all it recorded is finite, and as with PyTorch where that is there."""
    ours = run(family, packages, package, pytorch=False)[case]
    if ours.error:
        pytest.fail(f"{package.name}, {case}, on wengert:\n{ours.error}", pytrace=False)
    assert ours.arrays, "the case recorded nothing"
    for name, value in ours.arrays.items():
        if value.dtype.kind == "f" and "may be infinite" not in name:
            assert np.isfinite(value).all(), f"{name} is not finite"
    if not has_torch():
        return
    theirs = run(family, packages, package, pytorch=True)[case]
    if theirs.error:
        pytest.fail(f"{package.name}, {case}, on PyTorch:\n{theirs.error}", pytrace=False)
    assert list(ours.arrays) == list(theirs.arrays)
    for name, expected in theirs.arrays.items():
        compare(name, ours.arrays[name], expected, package.tolerance)


def compare(name: str, actual: np.ndarray, expected: np.ndarray, tolerance: float) -> None:
    """Same shape and dtype; numbers relative to the largest of them."""
    assert actual.shape == expected.shape, f"{name}: {actual.shape} != {expected.shape}"
    assert actual.dtype == expected.dtype, f"{name}: {actual.dtype} != {expected.dtype}"
    if expected.dtype.kind not in "fc":
        np.testing.assert_array_equal(actual, expected, err_msg=name)
        return
    bound = tolerance * (10 if name.startswith("gradient") else 1)
    scale = float(np.max(np.abs(expected), initial=0.0))
    np.testing.assert_allclose(
        actual, expected, rtol=0, atol=bound * max(scale, 1e-3), equal_nan=True, err_msg=name
    )
