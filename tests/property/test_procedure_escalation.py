"""Ladders end by the clock alone, with nobody acting. R55, B1."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from parley.ids import EntryId, Incarnation, LogId, MemberNumber
from parley.procedure.clocks import Allowances, Asked, Clock, Step, happened, standing
from parley.procedure.escalation import Due, Escalated, Ladder, Rung, due, rungs
from parley.wire.statement import Precedence

SOUTH = MemberNumber(1)
ENTRY = EntryId(LogId(MemberNumber(0), Incarnation(bytes(8))), 3)
T = 1_000_000
A, LADDER = Allowances(), Ladder()
STEPS = st.lists(
    st.tuples(st.sampled_from([Step.DELIVERED, Step.READ, Step.ACKNOWLEDGED]), st.integers(T, T + 50)), max_size=3
)


@settings(max_examples=80)
@given(
    st.sampled_from(Precedence), STEPS, st.sampled_from(["watch", "air"]), st.lists(st.integers(1, 20_000), max_size=12)
)
def test_whatever_the_moments_at_which_one_looks_each_rung_is_taken_once_and_the_card_last(
    precedence: Precedence, steps: list[tuple[Step, int]], role: str, waits: list[int]
) -> None:
    clock = Clock(Asked(ENTRY, precedence, T, reply_by=T + 100_000), SOUTH)
    for step, at in steps:
        clock = happened(clock, step, at)
    done: list[Escalated] = []
    taken: list[Due] = []
    now = T
    for wait in [*waits, 10**6]:
        now += wait
        stands = standing(clock, (), now, A)
        for rung in due(rungs(clock, stands, role, LADDER, ours=False), clock, stands.stage, done, now):
            done.append(Escalated(ENTRY, SOUTH, stands.stage, rung.rung, rung.role, now))
            taken.append(rung)
    assert len({(d.rung, d.role) for d in taken}) == len(taken)
    assert taken[0].rung is Rung.NO_REPLY
    assert taken[-1].rung is Rung.CARD
    stands = standing(clock, (), now, A)
    again = due(rungs(clock, stands, role, LADDER, ours=False), clock, stands.stage, done, now)
    assert again == []
    one_look = due(rungs(clock, stands, role, LADDER, ours=False), clock, stands.stage, (), now)
    assert sorted(one_look, key=str) == sorted(taken, key=str), "looking seldom leaves nothing out"
