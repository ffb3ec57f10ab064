"""What all tests share: hypothesis profiles. ``ci`` repeats its examples in every run; ``dev`` is quick."""

from __future__ import annotations

import os
from pathlib import Path

import coverage
import pytest
from hypothesis import HealthCheck, Phase, settings

# The machine that tests run on may be slow or busy: time is no reason to fail a property.
_SLOW = (HealthCheck.too_slow,)
settings.register_profile(
    "ci", max_examples=150, deadline=None, derandomize=True, print_blob=True, suppress_health_check=_SLOW
)
settings.register_profile("dev", max_examples=40, deadline=None, suppress_health_check=_SLOW)
settings.register_profile("long", max_examples=5000, deadline=None, suppress_health_check=_SLOW)
# `make mutants` runs a property once for each of thousands of faults: few examples, always the same, and the first
# that fails is enough.
settings.register_profile(
    "mutants",
    max_examples=10,
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "dev"))

UNMEASURED = ("crash", "explore", "fuzz", "hostile", "mutants", "property", "sim", "unit/test_outline.py")
"""They run the same lines many thousand times: to trace them takes minutes, and says nothing that the rest does not."""


def pytest_configure(config: pytest.Config) -> None:
    """A worker of xdist is measured by what pytest-cov begins in it after this, and by nothing beneath that.

    Coverage has begun by then as the process began, and again as its options were read. Whatever goes on beneath goes
    on while ``no_cover`` stops what is above it: then all that is not to be measured is, at several times the cost.
    """
    while hasattr(config, "workerinput") and (beneath := coverage.Coverage.current()) is not None:
        beneath.stop()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.relative_to(here).as_posix().startswith(UNMEASURED):
            item.add_marker(pytest.mark.no_cover)


@pytest.fixture(autouse=True)
def _processes_unmeasured(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor are the processes that such a test starts."""
    if request.node.get_closest_marker("no_cover"):
        monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What was searched whole is printed, whichever process did it (tests/explore)."""
    for report in terminalreporter.stats.get("passed", ()):
        for name, value in getattr(report, "user_properties", ()):
            if name == "explored":
                terminalreporter.write_line(f"explored {value}")
