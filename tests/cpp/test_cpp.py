"""Runs the C++ tests of the kernels, which `make test-full` and `make sanitize` build."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SOURCES = sorted(HERE.glob("*_test.cpp"))
# Where they are; the Makefile sets it.
FOLDER = os.environ.get("WENGERT_CPP_TESTS")


def library_folders() -> list[str]:
    """Where oneDNN and OpenBLAS may be, as for the package itself."""
    return [f"{sys.prefix}/lib", *(f"{path}/scipy_openblas32/lib" for path in sys.path if path)]


@pytest.mark.slow
@pytest.mark.parametrize("name", [source.stem for source in SOURCES])
def test_kernels(name: str) -> None:
    if FOLDER is None:
        pytest.skip("needs the programs that `make test-full` and `make sanitize` build")
    program = Path(FOLDER) / name
    assert program.exists(), f"{program} was not built"
    done = subprocess.run([program, *library_folders()], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]


def test_there_are_some() -> None:
    assert len(SOURCES) >= 6
