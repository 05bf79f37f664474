"""Files stay short enough to be read in one go."""

from collections.abc import Iterator
from pathlib import Path

HARD, SOFT = 1200, 800
GENERATOR = 2500  # see docs/decisions/0011 and 0012

# File: why it is longer than SOFT lines. An entry that is no longer needed has to go.
LONG: dict[str, str] = {}

FOLDERS = ("csrc", "src", "ops", "tools", "tests", "benchmarks", "examples", "docs")
ENDINGS = {".py", ".h", ".cpp", ".cu", ".cuh"}


def lengths(root: Path) -> Iterator[tuple[str, int]]:
    for folder in FOLDERS:
        for file in sorted((root / folder).rglob("*")):
            if file.suffix in ENDINGS and "__pycache__" not in file.parts:
                yield file.relative_to(root).as_posix(), len(file.read_text().splitlines())


def test_no_file_is_too_long(root: Path) -> None:
    problems = []
    for name, length in lengths(root):
        if length > HARD:
            problems.append(f"{name}: {length} lines, the limit is {HARD}; split it")
        elif length > SOFT and name not in LONG:
            problems.append(f"{name}: {length} lines; split it, or say in LONG why not")
    assert not problems, "\n".join(problems)


def test_every_excuse_is_needed(root: Path) -> None:
    long = {name for name, length in lengths(root) if length > SOFT}
    assert set(LONG) <= long


def test_generator_stays_small(root: Path) -> None:
    total = sum(length for name, length in lengths(root) if name.startswith("tools/opgen/"))
    assert total <= GENERATOR, f"tools/opgen has {total} lines; it must not become a compiler"
