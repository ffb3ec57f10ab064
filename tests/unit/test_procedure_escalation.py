"""What follows a missed deadline. R34, R46, R55, B1, B8."""

from __future__ import annotations

import pytest

from parley.ids import EntryId, Incarnation, LogId, MemberNumber
from parley.procedure.clocks import Allowances, Asked, Clock, Silence, Stage, Step, happened, standing
from parley.procedure.clocks import Mode as SilenceMode
from parley.procedure.escalation import Due, Escalated, Ladder, Rung, due, next_step, rungs
from parley.wire.statement import Precedence, Reference, Relation

SOUTH = MemberNumber(1)
ENTRY = EntryId(LogId(MemberNumber(0), Incarnation(bytes(8))), 3)
T = 1_000_000
A, LADDER = Allowances(), Ladder()


def flash(*steps: tuple[Step, int], reply_by: int = 0) -> Clock:
    clock = Clock(Asked(ENTRY, Precedence.FLASH, T, reply_by), SOUTH)
    for step, at in steps:
        clock = happened(clock, step, at)
    return clock


def whole(clock: Clock, now: int, *, ours: bool = False, role: str = "watch") -> list[Due]:
    return list(rungs(clock, standing(clock, (), now, A), role, LADDER, ours=ours))


def test_nothing_is_done_before_the_deadline() -> None:
    assert whole(flash(), T + 60) == []
    assert whole(flash(), T + 61) != []


def test_a_flash_that_nobody_reads_goes_to_the_next_role_at_once_and_on_by_the_clock() -> None:
    read_by = T + 5 + 30
    found = whole(flash((Step.DELIVERED, T + 5)), read_by + 1)
    assert found == [
        Due(Rung.NO_REPLY, read_by),
        Due(Rung.ALARM, read_by),
        Due(Rung.NEXT_ROLE, read_by, "watch-commander"),
        Due(Rung.NEXT_ROLE, read_by + 60, "operations"),
        Due(Rung.CARD, read_by + 120),
    ]


def test_our_own_lateness_alarms_us_and_tells_the_peer_nothing() -> None:
    found = whole(flash((Step.DELIVERED, T)), T + 31, ours=True)
    assert [d.rung for d in found] == [Rung.ALARM, Rung.NEXT_ROLE, Rung.NEXT_ROLE]


@pytest.mark.parametrize(
    ("role", "further"),
    [
        ("watch", ["watch-commander", "operations"]),
        ("operations", []),
        ("air", ["watch", "watch-commander", "operations"]),
    ],
)
def test_the_next_role_is_the_next_on_the_ladder(role: str, further: list[str]) -> None:
    found = whole(flash((Step.DELIVERED, T)), T + 31, role=role)
    assert [d.role for d in found if d.rung is Rung.NEXT_ROLE] == further
    assert found[-1].rung is Rung.CARD


def test_undelivered_looks_to_the_bearers_and_unanswered_to_the_next_step() -> None:
    assert Rung.OTHER_BEARERS in {d.rung for d in whole(flash(), T + 61)}
    late = flash((Step.ACKNOWLEDGED, T + 5), reply_by=T + 100)
    assert standing(late, (), T + 101, A).stage is Stage.UNANSWERED
    assert [d.rung for d in whole(late, T + 101)] == [Rung.NO_REPLY, Rung.NEXT_STEP, Rung.ALARM, Rung.CARD]


def test_what_is_done_is_not_done_twice_and_another_stage_begins_anew() -> None:
    clock = flash((Step.DELIVERED, T + 5))
    now = T + 36
    done = [Escalated(ENTRY, SOUTH, Stage.UNREAD, d.rung, d.role, now) for d in whole(clock, now) if d.at <= now]
    assert due(iter(whole(clock, now)), clock, Stage.UNREAD, done, now) == []
    later = due(iter(whole(clock, now + 60)), clock, Stage.UNREAD, done, now + 60)
    assert [(d.rung, d.role) for d in later] == [(Rung.NEXT_ROLE, "operations")]
    read = happened(clock, Step.READ, T + 40)
    fresh = due(iter(whole(read, T + 66)), read, Stage.UNACKNOWLEDGED, done, T + 66)
    assert [d.rung for d in fresh] == [Rung.NO_REPLY, Rung.ALARM, Rung.NEXT_ROLE]


def test_a_declared_silence_takes_no_step() -> None:
    clock = flash((Step.DELIVERED, T + 5))
    quiet = standing(clock, (Silence(SOUTH, SilenceMode.RECEIPTS_ONLY, T),), T + 500, A)
    assert list(rungs(clock, quiet, "watch", LADDER, ours=False)) == []


def test_the_next_step_cites_what_was_left_without_an_answer() -> None:
    draft = next_step(ENTRY, "A meeting is asked for.", "en", Precedence.PRIORITY, T, LADDER)
    assert draft.refs == (Reference(Relation.CONTINUES, ENTRY),)
    assert draft.reply_by == T + 48 * 3600


def test_a_routine_message_climbs_only_where_an_answer_was_asked_for() -> None:
    def routine(reply_by: int) -> list[Due]:
        clock = Clock(Asked(ENTRY, Precedence.ROUTINE, T, reply_by), SOUTH)
        return whole(clock, T + 10**6)

    assert routine(0) == []
    assert routine(T + 50)[0].rung is Rung.NO_REPLY
