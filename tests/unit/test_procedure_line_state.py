"""Three states, tests whose absence alarms, agreement. R35, B6, B12."""

from __future__ import annotations

import pytest

from parley.ids import EntryId, Incarnation, LogId, MemberNumber
from parley.procedure.clocks import Mode, Silence
from parley.procedure.line_state import (
    DAY_S,
    TEST_TEXT,
    LineReading,
    LineStatus,
    LineTested,
    LineTestEvent,
    MissingTest,
    PeerLine,
    Position,
    Schedule,
    agreement,
    copied,
    heard,
    last_slot,
    missing_tests,
    reading,
    with_test,
)

SOUTH = MemberNumber(1)
LOG = LogId(MemberNumber(0), Incarnation(bytes(8)))
ONE, TWO = EntryId(LOG, 3), EntryId(LOG, 4)
H = 3600
DAY = 20_000 * DAY_S
T = DAY + 10 * H
S = Schedule()


def line(*facts: LineTested, at: int = T) -> PeerLine:
    found = heard(PeerLine(SOUTH), at)
    for fact in facts:
        found = with_test(found, fact)
    return found


def said(event: LineTestEvent, at: int, test: EntryId = ONE) -> LineTested:
    return LineTested(event, test, at)


ASKED = said(LineTestEvent.ASKED, T - 2 * H)


@pytest.mark.parametrize(
    ("facts", "overdue_since", "status", "since"),
    [
        ((), 0, LineStatus.UNTESTED, T),
        ((said(LineTestEvent.ASKED, T - 60),), 0, LineStatus.UNTESTED, T - 60),
        ((ASKED,), 0, LineStatus.NOBODY_ANSWERS, T - 2 * H),
        ((), T - 90, LineStatus.NOBODY_ANSWERS, T - 90),
        ((ASKED, said(LineTestEvent.COPIED, T - H)), 0, LineStatus.ANSWERS, T - H),
        ((ASKED, said(LineTestEvent.COPIED, T - H)), T - 90, LineStatus.NOBODY_ANSWERS, T - 2 * H),
        ((ASKED, said(LineTestEvent.DECLINED, T - H)), 0, LineStatus.DECLINED, T - H),
        ((ASKED, said(LineTestEvent.DECLINED, T - H)), T - 90, LineStatus.DECLINED, T - H),
        ((ASKED, said(LineTestEvent.WRONGLY_COPIED, T - H)), 0, LineStatus.WRONG_COPY, T - H),
        ((ASKED, said(LineTestEvent.DECLINED, T - H, TWO)), 0, LineStatus.NOBODY_ANSWERS, T - 2 * H),
    ],
)
def test_nobody_and_no_are_different_states(
    facts: tuple[LineTested, ...], overdue_since: int, status: LineStatus, since: int
) -> None:
    found = reading(line(*facts), (), overdue_since, T, S)
    assert (found.status, found.since) == (status, since)
    down = reading(line(*facts), (), overdue_since, T + S.unheard_s + 1, S)
    assert (down.status, down.since) == (LineStatus.UNREACHABLE, T), "whatever its people said before"


def test_a_state_says_when_it_may_change() -> None:
    fresh = line(said(LineTestEvent.ASKED, T - H + 10))
    assert reading(fresh, (), 0, T, S).next_change == T + 10 + 1
    assert reading(heard(fresh, T + 11), (), 0, T + 11, S).status is LineStatus.NOBODY_ANSWERS
    assert reading(line(), (), 0, T, S).next_change == T + S.unheard_s + 1


def test_declared_silence_is_neither_down_nor_refusal() -> None:
    quiet = (Silence(SOUTH, Mode.RECEIVE_ONLY, T - H, T + H),)
    assert reading(line(ASKED, at=T - H), quiet, T - 90, T, S) == LineReading(LineStatus.SILENT, T - H, T + H)
    assert reading(line(at=T - H), quiet, 0, T + H, S).status is LineStatus.UNREACHABLE, "it is over"
    receipts = (Silence(SOUTH, Mode.RECEIPTS_ONLY, T - H),)
    assert reading(line(), receipts, T - 90, T, S).status is LineStatus.SILENT
    assert reading(line(at=T - H), receipts, 0, T, S).status is LineStatus.UNREACHABLE, "its node was to give receipts"


def test_a_new_test_asks_anew() -> None:
    found = line(ASKED, said(LineTestEvent.COPIED, T - H), said(LineTestEvent.ASKED, T - 10, TWO))
    assert reading(found, (), 0, T, S).status is LineStatus.UNTESTED
    late = with_test(found, said(LineTestEvent.DECLINED, T - 5))
    assert late == found, "what concerns an older test is past"


def test_the_absence_of_a_scheduled_test_alarms_at_both_ends() -> None:
    nine = DAY + 9 * H
    began = nine - 10 * DAY_S
    assert [m.scheduled for m in missing_tests(line(), began, nine + S.grace_s - 1, S)] == [nine - 16 * H] * 2
    missing = missing_tests(line(), began, nine + S.grace_s, S)
    assert missing == [MissingTest(SOUTH, ours=True, scheduled=nine), MissingTest(SOUTH, ours=False, scheduled=nine)]
    ours = with_test(line(), said(LineTestEvent.ASKED, nine - 60))
    assert missing_tests(ours, began, nine + S.grace_s, S) == [MissingTest(SOUTH, ours=False, scheduled=nine)]
    both = with_test(ours, said(LineTestEvent.THEIRS, nine + 120))
    assert missing_tests(both, began, nine + S.grace_s, S) == []
    assert missing_tests(line(), nine + 1, nine + S.grace_s, S) == [], "the line was not open yet"


def test_no_schedule_asks_for_no_test() -> None:
    never = Schedule(tests_at=())
    assert last_slot(T, never) == 0
    assert missing_tests(line(), 1, T, never) == []
    assert last_slot(DAY + 8 * H, S) == DAY - 7 * H


def test_a_copy_is_judged_by_its_letters() -> None:
    assert copied(TEST_TEXT, "  " + TEST_TEXT.lower().replace("\n", "  "))
    assert copied("СЪЕШЬ ЖЕ ЕЩЁ", "съешь же ещё")
    assert not copied("СЪЕШЬ ЖЕ ЕЩЁ", "съешь же еще"), "a letter that lost its marks is another letter"
    assert not copied(TEST_TEXT, TEST_TEXT[:-1])
    assert not copied("CAT", "\u0421AT"), "a letter of the other script is another letter"


def test_the_newest_word_on_the_agreement_counts_and_the_line_goes_on() -> None:
    suspended = Position(SOUTH, suspended=True, at=T, reason="protest")
    assert agreement([suspended]) == [suspended]
    assert agreement([suspended, Position(SOUTH, suspended=False, at=T + 5)]) == []
    assert agreement([Position(SOUTH, suspended=False, at=T), suspended]) == [suspended]
