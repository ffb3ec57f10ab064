"""Every checker bites: a fault planted in the product is caught by a rule that is there for it."""

from __future__ import annotations

import pytest
from tests.mutants.planted import MUTANTS, Mutant
from tests.mutants.worlds import WORLDS, plan_of

from parley_testkit.sim.oracle import RULES
from parley_testkit.sim.world import run_world


@pytest.mark.parametrize("name", WORLDS)
def test_nothing_is_caught_where_nothing_is_planted(name: str) -> None:
    assert run_world(WORLDS[name], plan_of(name)).violation is None


@pytest.mark.parametrize("planted", MUTANTS, ids=lambda m: m.name)
def test_a_planted_fault_is_caught(planted: Mutant) -> None:
    for name in planted.worlds:
        with planted.plant():
            violation = run_world(WORLDS[name], plan_of(name)).violation
        if violation is not None:
            assert violation.rule in planted.rules, f"caught as {violation}"
            return
    pytest.fail("caught by nothing")


def test_there_are_enough_of_them() -> None:
    assert len(MUTANTS) >= 25


def test_every_checker_has_one() -> None:
    assert set(RULES) <= {rule for planted in MUTANTS for rule in planted.rules}
