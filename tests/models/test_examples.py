"""The example programs reach the quality that they promise."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("sklearn", reason="the digits come with scikit-learn")


def run(root: Path, name: str, *options: str) -> str:
    result = subprocess.run(
        [sys.executable, root / "examples" / name, *options],
        capture_output=True,
        text=True,
        timeout=500,
        env={"PYTHONPATH": str(root / "src"), "PATH": ""},
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_digits(root: Path) -> None:
    """The demo's first third is enough for its promise."""
    output = run(root, "digits.py", "--no-plot", "--epochs", "8")
    found = re.search(r"accuracy on 360 held-out digits: ([\d.]+)%, [\d.]+ s", output)
    assert found is not None, output
    assert float(found[1]) >= 98.5
