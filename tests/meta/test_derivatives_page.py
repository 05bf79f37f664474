"""docs/derivatives.md is complete and up to date."""

from pathlib import Path

from opgen import derivative_page
from opgen.model import load


def _page(root: Path) -> str:
    return derivative_page.page(load(root / "ops"), root / "src/wengert")


def test_the_page_is_up_to_date(root: Path) -> None:
    found = (root / "docs/derivatives.md").read_text()
    assert found == _page(root), "run `make docs`"


def test_no_cell_is_blank(root: Path) -> None:
    rows = [line for line in _page(root).splitlines() if line.startswith("| `")]
    assert len(rows) > 250
    blank = [row for row in rows if any(not cell.strip() for cell in row.strip("|").split("|"))]
    assert not blank, "\n".join(blank)


def test_every_differentiable_operator_is_listed(root: Path) -> None:
    page = _page(root)
    missing = [
        entry.name
        for entry in load(root / "ops").entries
        if (entry.derivatives or entry.rules) and f"| `{entry.name}` |" not in page
    ]
    assert not missing


def test_a_rule_that_calls_what_has_no_derivative_is_a_blank(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text(
        "from opgen.stubs import Tensor, opaque\n\n\n"
        '@opaque(public="")\ndef lost(input: Tensor) -> Tensor:\n    """No derivative."""\n\n\n'
        '@opaque(d={"input": "lost(g)"})\ndef op(input: Tensor) -> Tensor:\n    """One."""\n'
    )
    table = load(tmp_path)
    assert "" in derivative_page.cells(table["op"], table)
