"""The programs of docs/debugging.md print what the page says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.errors.scripts import Runner

PAGE = Path(__file__).resolve().parents[2] / "docs" / "debugging.md"
EXAMPLE = re.compile(r"```python\n(.*?)```\n```text\n(.*?)```", re.S)
EXAMPLES = EXAMPLE.findall(PAGE.read_text())


def output(program: str, run: Runner, capsys: pytest.CaptureFixture[str]) -> str:
    outcome = run(program)
    text = capsys.readouterr().out
    text += "".join(f"{warning}\n" for warning in outcome.warnings)
    if outcome.error is not None:
        text += f"{type(outcome.error).__name__}: {outcome.error}\n"
    text = re.sub(r"0x[0-9a-f]+", "0x...", text)
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_example(
    number: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    update_golden: bool,
) -> None:
    program, expected = EXAMPLES[number]
    found = output(program, Runner(tmp_path, monkeypatch), capsys)
    if update_golden:
        text = PAGE.read_text()
        part = f"```python\n{program}```\n```text\n"
        before, _, after = text.partition(part)
        PAGE.write_text(before + part + found + after[after.index("```") :])
    else:
        assert found == expected


def test_every_program_has_its_output() -> None:
    assert len(EXAMPLES) == PAGE.read_text().count("```python\n") > 10
