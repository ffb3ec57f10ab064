"""Clocks, whatever the facts and their order. R34, D2, D8."""

from __future__ import annotations

import itertools
import random
from functools import reduce

from hypothesis import given, settings
from hypothesis import strategies as st

from parley.ids import EntryId, Incarnation, LogId, MemberNumber
from parley.procedure.clocks import (
    Allowances,
    Asked,
    Clock,
    Mode,
    Silence,
    Step,
    happened,
    periods,
    settle_time,
    standing,
)
from parley.wire.statement import Precedence

SOUTH = MemberNumber(1)
ENTRY = EntryId(LogId(MemberNumber(0), Incarnation(bytes(8))), 3)
T = 1_000_000
A = Allowances()
TIMES = st.integers(T, T + 200_000)
PROMISES = st.just(0) | TIMES
FACTS = st.lists(st.tuples(st.sampled_from(Step), TIMES, PROMISES), max_size=12)
ASKED = st.builds(Asked, st.just(ENTRY), st.sampled_from(Precedence), st.just(T), PROMISES, st.integers(0, 5000))
SILENCES = st.lists(
    st.builds(Silence, st.just(SOUTH), st.sampled_from(Mode), TIMES, st.just(0) | TIMES),
    max_size=4,
    unique_by=lambda s: s.at,
)


def replay(asked: Asked, facts: list[tuple[Step, int, int]]) -> Clock:
    return reduce(lambda clock, fact: happened(clock, *fact), facts, Clock(asked, SOUTH))


@settings(max_examples=100)
@given(ASKED, FACTS, SILENCES, TIMES, st.randoms(use_true_random=False))
def test_the_order_and_repetition_of_facts_change_nothing(
    asked: Asked, facts: list[tuple[Step, int, int]], silences: list[Silence], now: int, chance: random.Random
) -> None:
    shuffled = facts + facts[:3]
    chance.shuffle(shuffled)
    one, other = replay(asked, facts), replay(asked, shuffled)
    assert one == other
    mixed = list(silences)
    chance.shuffle(mixed)
    assert standing(one, silences, now, A) == standing(other, mixed, now, A)


@settings(max_examples=150)
@given(ASKED, FACTS, SILENCES, TIMES)
def test_a_standing_holds_until_it_says_that_it_changes(
    asked: Asked, facts: list[tuple[Step, int, int]], silences: list[Silence], now: int
) -> None:
    """The watch sleeps until ``next_change``: nothing may become overdue before it, unless a silence begins."""
    clock = replay(asked, facts)
    found = standing(clock, silences, now, A)
    assert not (found.overdue and found.silent)
    assert found.overdue <= (found.deadline > 0)
    if found.next_change:
        assert found.next_change > now
        before = standing(clock, silences, found.next_change - 1, A)
        assert not before.overdue
    elif not found.overdue:
        assert not standing(clock, silences, now + 10**9, A).overdue or any(s.at > now for s in silences)


@settings(max_examples=100)
@given(ASKED, FACTS, SILENCES, TIMES)
def test_silence_never_brings_a_deadline_forward(
    asked: Asked, facts: list[tuple[Step, int, int]], silences: list[Silence], now: int
) -> None:
    clock = replay(asked, facts)
    with_, without = standing(clock, silences, now, A), standing(clock, (), now, A)
    assert with_.stage == without.stage
    assert with_.overdue <= without.overdue
    if with_.deadline:
        assert with_.deadline >= without.deadline


@given(SILENCES)
def test_periods_of_silence_do_not_overlap(silences: list[Silence]) -> None:
    found = periods(silences)
    for one, following in itertools.pairwise(found):
        assert one.at < one.until <= following.at


@given(st.integers(0, 10**7), TIMES, st.integers(0, 10_000), st.integers(0, 300))
def test_a_settled_time_lies_between_ours(claim: int, earliest: int, span: int, skew: int) -> None:
    time, plausible = settle_time(claim, earliest, earliest + span, skew)
    assert earliest <= time <= earliest + span
    if earliest <= claim <= earliest + span:
        assert (time, plausible) == (claim, True)
    if claim > earliest + span + skew:
        assert (time, plausible) == (earliest, False), "a time to come gains nothing"
