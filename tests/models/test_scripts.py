"""Programs for PyTorch run unchanged by `wengert run`, and print the numbers that PyTorch prints.

`scripts/expected` holds PyTorch's output. WENGERT_UPDATE_GOLDEN=1 writes it anew, with the PyTorch
that is installed.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parent / "scripts"
NAMES = sorted(path.stem for path in SCRIPTS.glob("*.py") if path.stem != "common")
VARIANTS = {
    "reinforce": [["--critic"]],
    "word_language_model": [
        ["--model", "GRU"],
        ["--model", "RNN_TANH"],
        ["--model", "Transformer"],
    ],
}
CASES = [(name, options) for name in NAMES for options in [[], *VARIANTS.get(name, [])]]
TOLERANCE = 2e-6


def _run(root: Path, name: str, options: list[str], *, pytorch: bool) -> str:
    path = "" if pytorch else str(root / "src")
    variables = {"PYTHONPATH": path, "OMP_NUM_THREADS": "1", "TORCH_COMPILE_DISABLE": "1"}
    start = [] if pytorch else ["-m", "wengert", "run"]
    result = subprocess.run(
        [sys.executable, *start, str(SCRIPTS / f"{name}.py"), *options],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, **variables},
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def _expected(name: str, options: list[str]) -> Path:
    parts = [name, *(option.strip("-") for option in options)]
    return SCRIPTS / "expected" / f"{'_'.join(parts)}.txt"


def _same(ours: str, theirs: str) -> bool:
    """Texts are equal; numbers almost."""
    try:
        a, b = float(ours), float(theirs)
    except ValueError:
        return ours == theirs
    return a == b or abs(a - b) <= TOLERANCE * max(abs(a), abs(b), 1e-3)


@pytest.mark.parametrize(("name", "options"), CASES, ids=lambda value: "".join(value))
def test_script(root: Path, name: str, options: list[str], update_golden: bool) -> None:
    if "common.digits" in (SCRIPTS / f"{name}.py").read_text():
        pytest.importorskip("sklearn", reason="the digits come with scikit-learn")
    if update_golden:
        pytest.importorskip("torch", reason="its output is what is recorded")
        _expected(name, options).write_text(_run(root, name, options, pytorch=True))
    ours = _run(root, name, options, pytorch=False).splitlines()
    theirs = _expected(name, options).read_text().splitlines()
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        x, y = a.split(), b.split()
        equal = len(x) == len(y) and all(map(_same, x, y))
        assert equal, f"\nwengert: {a}\nPyTorch: {b}"
