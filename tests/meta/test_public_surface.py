"""Public names are a promise: they change only on purpose, and each is documented.

`WENGERT_UPDATE_GOLDEN=1 pytest tests/meta/test_public_surface.py` rewrites public_api.txt.
"""

import inspect
from pathlib import Path

import wengert

GOLDEN = Path(__file__).parent / "public_api.txt"


def test_names_are_the_committed_ones(update_golden: bool) -> None:
    names = sorted(wengert.__all__)
    assert len(names) == len(set(names)), "a name is listed twice in __all__"
    if update_golden:
        GOLDEN.write_text("\n".join(names) + "\n")
    expected = set(GOLDEN.read_text().split()) if GOLDEN.exists() else set()
    added, removed = sorted(set(names) - expected), sorted(expected - set(names))
    assert (added, removed) == ([], []), (
        f"new: {added}\ngone: {removed}\nIf that is meant, run this test with "
        "WENGERT_UPDATE_GOLDEN=1, commit public_api.txt and add a line to CHANGELOG.md."
    )


def test_names_exist() -> None:
    missing = [name for name in wengert.__all__ if not hasattr(wengert, name)]
    assert not missing


def test_functions_and_classes_are_documented() -> None:
    silent = []
    for name in wengert.__all__:
        value = getattr(wengert, name)
        documentable = inspect.isclass(value) or inspect.isroutine(value) or callable(value)
        if documentable and not (inspect.getdoc(value) or "").strip():
            silent.append(name)
    assert not silent
