"""What is not to be measured is not: a worker of xdist has coverage beneath that of pytest-cov (tests/conftest.py)."""

from __future__ import annotations

import os
import sys

import pytest


@pytest.mark.no_cover
def test_what_is_not_to_be_measured_is_not_traced() -> None:
    assert sys.gettrace() is None
    assert "COVERAGE_PROCESS_CONFIG" not in os.environ


def test_what_is_to_be_measured_is_after_what_is_not(request: pytest.FixtureRequest) -> None:
    measured = request.config.pluginmanager.hasplugin("_cov") and request.config.getoption("--cov")
    assert (sys.gettrace() is not None) == bool(measured) or sys.version_info >= (3, 14)
