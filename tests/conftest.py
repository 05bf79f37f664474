"""What all tests share: a fixed seed, and a Hypothesis profile that repeats itself."""

import os
import sys
from pathlib import Path

import pytest

try:
    import hypothesis
except ImportError:
    pass
else:
    hypothesis.settings.register_profile("same", deadline=None, derandomize=True, print_blob=True)
    hypothesis.settings.register_profile("search", deadline=None, max_examples=2000)
    hypothesis.settings.load_profile(os.environ.get("WENGERT_HYPOTHESIS", "same"))


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def _seed() -> None:
    """Random numbers are the same in whatever order the tests run."""
    if wengert := sys.modules.get("wengert"):
        wengert.manual_seed(0)


@pytest.fixture
def update_golden() -> bool:
    """Whether to rewrite the committed expectations instead of comparing with them."""
    return bool(os.environ.get("WENGERT_UPDATE_GOLDEN"))
