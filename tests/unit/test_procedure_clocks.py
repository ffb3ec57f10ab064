"""Clocks: stages, deadlines, silence. R16, R34, R46, D2, D8."""

from __future__ import annotations

import pytest

from parley.errors import UsageError
from parley.ids import EntryId, Incarnation, LogId, MemberNumber
from parley.procedure.clocks import (
    Allowances,
    Asked,
    Clock,
    Mode,
    Silence,
    Stage,
    Step,
    Turn,
    happened,
    settle_time,
    silent_now,
    standing,
)
from parley.wire.statement import Precedence

SOUTH = MemberNumber(1)
ENTRY = EntryId(LogId(MemberNumber(0), Incarnation(bytes(8))), 3)
T = 1_000_000
A = Allowances()


def clock(*steps: tuple[Step, int], reply_by: int = 0, answer_within: int = 0, promised: int = 0) -> Clock:
    found = Clock(Asked(ENTRY, Precedence.FLASH, T, reply_by, answer_within), SOUTH)
    for step, at in steps:
        found = happened(found, step, at, promised if step is Step.HELD else 0)
    return found


DELIVERED, READ, ACK = (Step.DELIVERED, T + 5), (Step.READ, T + 20), (Step.ACKNOWLEDGED, T + 30)


@pytest.mark.parametrize(
    ("steps", "stage", "since", "deadline", "turn"),
    [
        ((), Stage.UNDELIVERED, T, T + 60, Turn.LINE),
        ((DELIVERED,), Stage.UNREAD, T + 5, T + 35, Turn.RECIPIENT),
        ((DELIVERED, READ), Stage.UNACKNOWLEDGED, T + 20, T + 65, Turn.RECIPIENT),
        ((READ,), Stage.UNACKNOWLEDGED, T + 20, T + 80, Turn.RECIPIENT),
        ((DELIVERED, ACK), Stage.ACKNOWLEDGED, T + 30, 0, Turn.NOBODY),
        ((DELIVERED, (Step.REFUSED, T + 6)), Stage.NOT_UNDERSTOOD, T + 6, T + 65, Turn.AUTHOR),
        (((Step.REFUSED, T + 6), READ), Stage.UNACKNOWLEDGED, T + 20, T + 66, Turn.RECIPIENT),
        ((DELIVERED, (Step.DECLINED, T + 9)), Stage.DECLINED, T + 9, 0, Turn.NOBODY),
        (((Step.DECLINED, T + 9), (Step.ANSWERED, T + 99)), Stage.ANSWERED, T + 99, 0, Turn.NOBODY),
        ((DELIVERED, (Step.WITHDRAWN, T + 40)), Stage.WITHDRAWN, T + 40, 0, Turn.NOBODY),
        (((Step.WITHDRAWN, T + 40), (Step.ANSWERED, T + 41)), Stage.ANSWERED, T + 41, 0, Turn.NOBODY),
    ],
)
def test_each_stage_has_its_start_and_deadline(
    steps: tuple[tuple[Step, int], ...], stage: Stage, since: int, deadline: int, turn: Turn
) -> None:
    found = standing(clock(*steps), (), T + 30, A)
    assert (found.stage, found.since, found.deadline, found.turn) == (stage, since, deadline, turn)
    assert found.overdue is False
    if deadline:
        assert found.next_change == deadline + 1
        assert not standing(clock(*steps), (), deadline, A).overdue
        late = standing(clock(*steps), (), deadline + 1, A)
        assert (late.overdue, late.next_change) == (True, 0)


def test_an_answer_is_waited_for_when_one_is_asked_for() -> None:
    wanted = standing(clock(DELIVERED, ACK, reply_by=T + 500), (), T + 40, A)
    assert (wanted.stage, wanted.deadline) == (Stage.UNANSWERED, T + 500)
    form = standing(clock(DELIVERED, ACK, answer_within=48 * 3600), (), T + 40, A)
    assert form.deadline == T + 5 + 48 * 3600, "from delivery, not from the acknowledgement"
    soon = standing(clock(DELIVERED, reply_by=T + 10), (), T + 6, A)
    assert (soon.stage, soon.deadline) == (Stage.UNREAD, T + 10), "an earlier answer date goes before the allowance"


def test_a_holding_reply_is_no_answer_and_its_promise_is_a_deadline() -> None:
    held = clock(DELIVERED, (Step.HELD, T + 50), promised=T + 900)
    found = standing(held, (), T + 60, A)
    assert (found.stage, found.since, found.deadline) == (Stage.UNANSWERED, T + 50, T + 900)
    again = happened(held, Step.HELD, T + 70, T + 9_000)
    assert standing(again, (), T + 80, A).deadline == T + 900, "a second promise does not put the first off"
    asked = clock(DELIVERED, (Step.HELD, T + 50), promised=T + 900, reply_by=T + 300)
    assert standing(asked, (), T + 60, A).deadline == T + 300
    assert standing(clock((Step.HELD, T + 50)), (), T + 60, A).stage is Stage.ACKNOWLEDGED


def test_receive_only_puts_the_deadline_off_by_what_remained() -> None:
    quiet = Silence(SOUTH, Mode.RECEIVE_ONLY, T + 20, T + 1020)
    inside = standing(clock(), (quiet,), T + 100, A)
    assert (inside.silent, inside.overdue, inside.next_change) == (True, False, T + 1020)
    assert inside.deadline == T + 1020 + 40, "20 of 60 seconds had passed"
    after = standing(clock(), (quiet,), T + 1030, A)
    assert (after.silent, after.overdue, after.deadline) == (False, False, T + 1060)
    assert standing(clock(), (quiet,), T + 1061, A).overdue


def test_a_silence_declared_after_the_deadline_does_not_mend_it() -> None:
    late = Silence(SOUTH, Mode.RECEIVE_ONLY, T + 61, T + 5000)
    assert standing(clock(), (late,), T + 100, A).overdue


def test_receipts_only_covers_people_and_not_the_node() -> None:
    quiet = (Silence(SOUTH, Mode.RECEIPTS_ONLY, T - 50),)
    assert standing(clock(), quiet, T + 61, A).overdue, "its node was to give a receipt"
    read = standing(clock(DELIVERED), quiet, T + 9999, A)
    assert (read.silent, read.overdue, read.deadline) == (True, False, 0)
    ended = (*quiet, Silence(SOUTH, Mode.NORMAL, T + 105))
    assert standing(clock(DELIVERED), ended, T + 110, A).deadline == T + 105 + 30


def test_the_newest_declaration_is_in_force() -> None:
    first = Silence(SOUTH, Mode.RECEIPTS_ONLY, T)
    second = Silence(SOUTH, Mode.RECEIVE_ONLY, T + 100, T + 200)
    assert silent_now((first, second), T + 99) == Silence(SOUTH, Mode.RECEIPTS_ONLY, T, T + 100)
    assert silent_now((second, first), T + 150) == second
    assert silent_now((first, second), T + 200) is None
    two = (Silence(SOUTH, Mode.RECEIVE_ONLY, T, T + 10), Silence(SOUTH, Mode.RECEIVE_ONLY, T + 20, T + 50))
    assert standing(clock(), two, T + 30, A).deadline == T + 50 + 50, "10 s of 60 passed between the two"


@pytest.mark.parametrize(
    ("claim", "settled"),
    [
        (T + 5, (T + 5, True)),
        (T - 100, (T, True)),
        (T - 121, (T, False)),
        (T + 10 + 120, (T + 10, True)),
        (T + 10 + 121, (T, False)),
    ],
)
def test_what_another_clock_states_gains_no_time(claim: int, settled: tuple[int, bool]) -> None:
    assert settle_time(claim, T, T + 10, 120) == settled


def test_a_policy_without_a_time_is_refused() -> None:
    with pytest.raises(UsageError) as error:
        Allowances(read_within={Precedence.FLASH: 10})
    assert error.value.code == "policy-malformed"
