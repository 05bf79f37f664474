"""The generator: its output for a few operators, its errors, and its overview of the table.

`WENGERT_UPDATE_GOLDEN=1 pytest tests/meta/test_generator.py` rewrites tests/meta/golden.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from opgen import generate, matrix
from opgen.model import TableError, load

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = Path(__file__).parent / "golden"
# One or two of every kind: factors, conditionals, masks, lists, several outputs, two adjoints.
SHOWN = ("tanh", "pow", "masked_fill", "sum", "transpose", "mm", "_avg_pool", "sort", "cat")


@pytest.mark.parametrize("name", SHOWN)
def test_output_is_the_committed_one(name: str, update_golden: bool) -> None:
    text = generate.show(load(ROOT / "ops"), name)
    path = GOLDEN / f"{name}.cpp.txt"
    if update_golden:
        path.write_text(text)
    assert text == path.read_text(), (
        f"what the generator makes of {name} has changed; if that is meant, run this test with "
        "WENGERT_UPDATE_GOLDEN=1 and commit tests/meta/golden"
    )


def test_no_golden_file_is_left_over() -> None:
    assert {p.name for p in GOLDEN.iterdir()} == {f"{name}.cpp.txt" for name in SHOWN}


def opgen(*arguments: str, ops: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "opgen", *arguments]
    command += ["--ops", str(ops)] if ops is not None else []
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "tools")}
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def test_show_matrix() -> None:
    shown = opgen("show", "matrix")
    assert shown.returncode == 0, shown.stderr
    lines = shown.stdout.splitlines()
    table = load(ROOT / "ops")
    assert len(lines) == len(table.entries) + 1
    assert lines[0].split() == " ".join(matrix.HEAD).split()
    row = next(line for line in lines if line.startswith("tanh "))
    assert row.split()[:2] == ["tanh", "elementwise"]
    assert f"{table['tanh'].file}:{table['tanh'].line}" in row


def test_unknown_name() -> None:
    shown = opgen("show", "tahn")
    assert shown.returncode == 2
    assert shown.stderr == "opgen: no operator named 'tahn'\n"


HEAD = "from opgen.stubs import Tensor, elementwise, opaque, reduction\n\n\n"
GOOD = '@elementwise(f="tanh(input)", d={"input": "1"})\ndef f(input: Tensor) -> Tensor:\n    """T."""\n'

# What is written into ops/x.py, and the message; every entry starts on line 4.
ERRORS = {
    "unknown kind": (
        '@pointwise(f="input")\ndef f(input: Tensor) -> Tensor:\n    """T."""\n',
        "ops/x.py:5: f: unknown kind 'pointwise'; one of elementwise, reduction, composite, linear, "
        "view, bilinear, opaque",
    ),
    "unknown setting": (
        '@opaque(dd={})\ndef f(input: Tensor) -> Tensor:\n    """T."""\n',
        "ops/x.py:5: f: unknown setting 'dd'",
    ),
    "no literal": (
        '@opaque(d=rules)\ndef f(input: Tensor) -> Tensor:\n    """T."""\n',
        "ops/x.py:5: f: 'd' must be a literal",
    ),
    "two decorators": (
        '@opaque()\n@opaque()\ndef f(input: Tensor) -> Tensor:\n    """T."""\n',
        "ops/x.py:6: f: expected exactly one decorator, such as @opaque()",
    ),
    "unknown type": (
        '@opaque()\ndef f(input: Matrix) -> Tensor:\n    """T."""\n',
        "ops/x.py:5: f: parameter 'input' has unknown type 'Matrix'",
    ),
    "no annotation": (
        '@opaque()\ndef f(input) -> Tensor:\n    """T."""\n',
        "ops/x.py:5: f: every parameter needs an annotation",
    ),
    "starred": (
        '@opaque()\ndef f(*input: Tensor) -> Tensor:\n    """T."""\n',
        "ops/x.py:5: f: *args, **kwargs and '/' are not supported",
    ),
    "no docstring": (
        "@opaque()\ndef f(input: Tensor) -> Tensor:\n    pass\n",
        "ops/x.py:5: f: a docstring is required",
    ),
    "twice": (GOOD + "\n\n" + GOOD, "ops/x.py:10: f: already defined at ops/x.py"),
    "derivative of nothing": (
        '@opaque(d={"other": "g"})\ndef f(input: Tensor) -> Tensor:\n    """T."""\n',
        "ops/x.py:5: f: derivative of unknown input 'other'",
    ),
    "no kernel": (
        '@elementwise(d={"input": "1"})\ndef f(input: Tensor) -> Tensor:\n    """T."""\n',
        "ops/x.py:5: f: an elementwise operator needs f, its kernel",
    ),
    "a derivative missing": (
        '@elementwise(f="input * other", d={"input": "other"})\n'
        'def f(input: Tensor, other: Tensor) -> Tensor:\n    """T."""\n',
        "ops/x.py:5: f: no derivative for input 'other'",
    ),
    "unknown precision": (
        '@opaque(autocast="medium")\ndef f(input: Tensor) -> Tensor:\n    """T."""\n',
        "ops/x.py:5: f: autocast is 'low' or 'high'",
    ),
    "half a reduction": (
        '@reduction(init="0", combine="acc + input")\ndef f(input: Tensor) -> Tensor:\n    """T."""\n',
        "ops/x.py:5: f: a reduction needs finish",
    ),
    "syntax": ("def f(:\n", "ops/x.py:4: syntax error: invalid syntax"),
    "formula": (
        '@elementwise(f="tanh(", d={"input": "1"})\ndef f(input: Tensor) -> Tensor:\n    """T."""\n',
        "ops/x.py:5: f: cannot read formula 'tanh(': '(' was never closed",
    ),
    "unknown name": (
        '@opaque(d={"input": "g * factor"})\ndef f(input: Tensor) -> Tensor:\n    """T."""\n',
        "ops/x.py:5: f: derivative of 'input' uses unknown name 'factor'",
    ),
    "not a kernel": (
        '@elementwise(f="[input]", d={"input": "1"})\ndef f(input: Tensor) -> Tensor:\n    """T."""\n',
        "ops/x.py:5: f: cannot translate '[input]' in a kernel formula",
    ),
    "unknown operator": (
        '@elementwise(f="input", d={"input": "1"}, operators="__sizeof__")\n'
        'def f(input: Tensor) -> Tensor:\n    """T."""\n',
        "ops/x.py:5: f: unknown operator '__sizeof__'",
    ),
}


@pytest.mark.parametrize("case", ERRORS)
def test_errors_start_with_file_and_line(case: str, tmp_path: Path) -> None:
    text, message = ERRORS[case]
    ops = tmp_path / "ops"
    ops.mkdir()
    (ops / "x.py").write_text(HEAD + text)
    stub = ROOT / "csrc/bindings/_C.pyi.in"
    with pytest.raises(TableError) as caught:
        generate.generate(load(ops), tmp_path / "out", stub.read_text(), [])
    assert str(caught.value) == message


def test_an_error_ends_the_program(tmp_path: Path) -> None:
    ops = tmp_path / "ops"
    ops.mkdir()
    (ops / "x.py").write_text(HEAD + ERRORS["unknown setting"][0])
    shown = opgen("list", ops=ops)
    assert shown.returncode == 1
    assert shown.stderr == ERRORS["unknown setting"][1] + "\n"


def test_unchanged_files_keep_their_time_stamp(tmp_path: Path) -> None:
    """So that only what changed is compiled."""
    stub = (ROOT / "csrc/bindings/_C.pyi.in").read_text()
    table = load(ROOT / "ops")
    generate.generate(table, tmp_path, stub, [])
    before = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*") if p.is_file()}
    generate.generate(load(ROOT / "ops"), tmp_path, stub, [])
    after = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*") if p.is_file()}
    assert before == after
