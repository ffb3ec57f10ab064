"""Scenarios: what comes with Parley holds; what breaks it is seen; a malformed file is refused with its line."""

from __future__ import annotations

import pytest

from parley.app.scenario import shelf
from parley.app.scenario.run import Outcome, run_script
from parley.app.scenario.script import read_script


def run(text: str) -> Outcome:
    return run_script(read_script(text, "test.yaml"), shelf.words("en"))


@pytest.mark.parametrize("name", shelf.shipped())
def test_what_must_hold_holds(name: str) -> None:
    outcome = run(shelf.text_of(name)[0])
    assert outcome.failures == []
    assert outcome.good
