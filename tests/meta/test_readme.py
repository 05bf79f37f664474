"""The documents tell the truth: their code runs, their commands and links exist."""

import re
from pathlib import Path

import pytest

PAGES = ("README.md", "HACKING.md", "CONTRIBUTING.md")
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def test_readme_code_runs(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Blocks run in order in one namespace; a comment `# prints ...` ends a line that prints it."""
    monkeypatch.chdir(tmp_path)
    text = (root / "README.md").read_text()
    blocks = list(BLOCK.finditer(text))
    assert blocks
    names: dict[str, object] = {"__name__": "__main__"}
    for block in blocks:
        first_line = text[: block.start(1)].count("\n")
        code = compile("\n" * first_line + block[1], str(root / "README.md"), "exec")
        exec(code, names)
        printed = capsys.readouterr().out
        for expected in re.findall(r"# prints (.*)$", block[1], re.MULTILINE):
            assert expected in printed


@pytest.mark.parametrize("page", PAGES)
def test_make_targets_exist(root: Path, page: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (root / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", (root / page).read_text(), re.MULTILINE))
    assert named <= targets


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(root: Path, page: str) -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", (root / page).read_text())
    missing = [link for link in links if "://" not in link and not (root / link).exists()]
    assert not missing
