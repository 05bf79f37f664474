"""Small programs whose errors are compared in full, with their file names and lines."""

from __future__ import annotations

import runpy
import textwrap
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest


@dataclass
class Outcome:
    """What a program left behind."""

    error: BaseException | None
    message: str
    names: dict[str, Any]
    warnings: list[str]


class Runner:
    """Runs program texts as 'script.py' in a folder of their own."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        monkeypatch.chdir(folder)

    def __call__(self, source: str) -> Outcome:
        file = self._folder / "script.py"
        file.write_text(textwrap.dedent(source).lstrip("\n"))
        error, names = None, {}
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                names = runpy.run_path(str(file))
            except (RuntimeError, ValueError, TypeError, IndexError) as raised:
                error = raised
        shown = [self._relative(f"{w.filename}:{w.lineno}: {w.message}") for w in caught]
        return Outcome(error, self._relative(str(error)), names, shown)

    def _relative(self, text: str) -> str:
        return text.replace(f"{self._folder}/", "")


def clean(text: str) -> str:
    """An expected text as it is written in a test: indented, with a blank first line."""
    return textwrap.dedent(text).strip("\n")


def split(case: str) -> tuple[str, str]:
    """A program and the expected text below it, parted by a line of dashes."""
    program, _, text = textwrap.dedent(case).partition("\n----\n")
    return program.lstrip("\n"), text.strip("\n")
