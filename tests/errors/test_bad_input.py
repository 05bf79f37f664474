"""What users get for bad input: exception class and full text, kept in bad_input.txt.

A block of that file is an expression, then the exception as Python prints it. After a change of a
message on purpose: WENGERT_UPDATE_GOLDEN=1 pytest tests/errors/test_bad_input.py
"""

from pathlib import Path
from typing import Any

import pytest

import wengert
from wengert import nn
from wengert.nn import functional

FILE = Path(__file__).with_name("bad_input.txt")
CASES = [block.split("\n", 1) for block in FILE.read_text().strip("\n").split("\n\n")]


def outcome(expression: str) -> str:
    numpy = pytest.importorskip("numpy")
    names = {"wg": wengert, "nn": nn, "F": functional, "np": numpy}
    try:
        result: Any = eval(expression, names)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return f"no error: {result!r}"


@pytest.mark.parametrize(("expression", "expected"), [pytest.param(*c, id=c[0]) for c in CASES])
def test_text(expression: str, expected: str) -> None:
    assert outcome(expression) == expected


def test_update(update_golden: bool) -> None:
    if update_golden:
        blocks = [f"{expression}\n{outcome(expression)}" for expression, _ in CASES]
        FILE.write_text("\n\n".join(blocks) + "\n")
    assert len(CASES) > 80
    assert all(not expected.startswith("no error") for _, expected in CASES)
