"""Programs that are run for their messages."""

from pathlib import Path

import pytest
from tests.errors.scripts import Runner


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Runner:
    """Runs a program text; see `Runner`."""
    return Runner(tmp_path, monkeypatch)
