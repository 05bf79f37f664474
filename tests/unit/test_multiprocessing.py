"""`wengert.multiprocessing`: Python's, and the functions that start processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from wengert import multiprocessing as mp

PROGRAM = """
import sys
import wengert as torch
import wengert.multiprocessing as mp

def work(rank, queue, fail):
    if fail and rank == 1:
        raise ValueError("on purpose")
    queue.put((rank, torch.full((2,), rank)))

if __name__ == "__main__":
    queue = mp.get_context("spawn").Queue()
    mp.spawn(work, args=(queue, False), nprocs=2)
    print(sorted((rank, x.tolist()) for rank, x in (queue.get(timeout=60) for _ in range(2))))
    try:
        mp.spawn(work, args=(queue, True), nprocs=2)
    except mp.ProcessRaisedException as error:
        print(error.error_index, "on purpose" in str(error), "ValueError" in str(error))
"""


def test_spawn(root: Path, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    result = subprocess.run(
        [sys.executable, "program.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "PYTHONPATH": str(root / "src"), "OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout == "[(0, [0, 0]), (1, [1, 1])]\n1 True True\n"


def test_sharing_strategies() -> None:
    for name in mp.get_all_sharing_strategies():
        mp.set_sharing_strategy(name)
        assert mp.get_sharing_strategy() == name
    mp.set_sharing_strategy("file_descriptor")
    with pytest.raises(AssertionError, match="unknown sharing strategy"):
        mp.set_sharing_strategy("telepathy")
