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

import wengert as wg

SCRIPTS = Path(__file__).parent / "scripts"
NAMES = sorted(path.stem for path in SCRIPTS.glob("*.py") if path.stem != "common")
# What a script needs beyond NumPy.
NEEDS_DIGITS = {
    "dcgan", "fgsm", "mnist", "nn_tutorial", "siamese", "super_resolution", "transfer", "vae", "vit",
}  # fmt: skip
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


def _there(path: str) -> bool:
    value: object = wg
    for part in path.split("."):
        value = getattr(value, part, None)
    return value is not None


# Scripts whose layers are still to come.
WAIT = {
    "autograd_tutorial": "autograd.Variable", "custom_function": "autograd.Function",
    "dcgan": "nn.parallel", "gan2d": "autograd.Variable", "mixed_precision": "amp",
    "reinforce": "distributions", "seq2seq": "nn.GRU", "siamese": "nn.TripletMarginLoss",
    "super_resolution": "nn.PixelShuffle", "time_sequence": "nn.LSTMCell",
    "transfer": "nn.GroupNorm", "wgan_gp": "autograd.Variable", "word_language_model": "nn.LSTM",
}  # fmt: skip


@pytest.mark.parametrize(("name", "options"), CASES, ids=lambda value: "".join(value))
def test_script(root: Path, name: str, options: list[str], update_golden: bool) -> None:
    if name in NEEDS_DIGITS:
        pytest.importorskip("sklearn", reason="the digits come with scikit-learn")
    if update_golden:
        pytest.importorskip("torch", reason="its output is what is recorded")
        _expected(name, options).write_text(_run(root, name, options, pytorch=True))
    if name in WAIT and not _there(WAIT[name]):
        pytest.skip(f"{WAIT[name]} is still to come")
    ours = _run(root, name, options, pytorch=False).splitlines()
    theirs = _expected(name, options).read_text().splitlines()
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        x, y = a.split(), b.split()
        equal = len(x) == len(y) and all(map(_same, x, y))
        assert equal, f"\nwengert: {a}\nPyTorch: {b}"
