"""kill -9 in the middle of training, and the same weights in the end."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

import wengert as wg

pytest.importorskip("tqdm", reason="the example shows its progress")

STEPS = 40  # three epochs of 13 batches, and one more batch


def start(root: Path, checkpoint: Path, workers: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(root / "examples" / "resume.py"), "--checkpoint", str(checkpoint),
         "--steps", str(STEPS), "--workers", str(workers)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(root / "src"), "TQDM_MININTERVAL": "0"},
    )  # fmt: skip


def finish(process: subprocess.Popen[str]) -> str:
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    return output.splitlines()[-1]


def kill_after(process: subprocess.Popen[str], step: int) -> None:
    assert process.stderr is not None
    for line in process.stderr:  # every state of the progress bar
        if f" {step}/{STEPS} " in line:
            break
    process.kill()
    process.communicate()


def test_killed_and_resumed_with_any_number_of_workers(root: Path, tmp_path: Path) -> None:
    expected = finish(start(root, tmp_path / "whole", 0))
    assert expected.startswith("weights ")
    steps = sorted(random.Random(1).sample(range(2, STEPS - 2), 3))
    file = tmp_path / "killed"
    for step, workers in zip(steps, (2, 1, 0), strict=True):
        kill_after(start(root, file, workers), step)
        assert step <= wg.load(file)["step"] < STEPS
    assert finish(start(root, file, 4)) == expected
    assert finish(start(root, tmp_path / "workers", 2)) == expected
