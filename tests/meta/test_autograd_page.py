"""The examples of docs/autograd.md run and print what they say."""

import doctest
from pathlib import Path

import wengert


def test_examples(root: Path) -> None:
    page = root / "docs" / "autograd.md"
    # A fence ends an example.
    text = page.read_text().replace("```", "\n")
    test = doctest.DocTestParser().get_doctest(text, {"wg": wengert}, page.name, str(page), 0)
    assert len(test.examples) > 10
    report: list[str] = []
    doctest.DocTestRunner().run(test, out=report.append)
    assert not report, "".join(report)
