"""Handover, roster, alarms, mutes. R38, R41, R55."""

from __future__ import annotations

import pytest

from parley.errors import UsageError
from parley.ids import EntryId, Incarnation, LogId, MemberNumber
from parley.procedure import watch as w
from parley.procedure.clocks import Stage
from parley.procedure.escalation import Escalated, Rung
from parley.procedure.watch import Duty, OpenItem, Watch, WatchFact, WatchPolicy
from parley.wire.statement import Precedence

SOUTH = MemberNumber(1)
ENTRY = EntryId(LogId(MemberNumber(0), Incarnation(bytes(8))), 3)
H = 3600
DAY = 20_000 * 24 * H
T = DAY + 7 * H + 1800
P = WatchPolicy()
ITEMS = (OpenItem("message", "south-0000-3", "unread"), OpenItem("line", "south", "declined"))
HASH = w.summary_hash(ITEMS)


def watch(*facts: WatchFact) -> Watch:
    found = Watch()
    for fact in facts:
        found = w.apply(found, fact)
    return found


def refused(state: Watch, fact: WatchFact, items: tuple[OpenItem, ...] = ITEMS) -> str:
    with pytest.raises(UsageError) as error:
        w.check(state, fact, lambda: items, P)
    return error.value.code


TOOK = w.Took("watch", "N1", HASH, T)
OFFERED = w.Offered("watch", "N1", HASH, T + 8 * H)


def test_the_watch_is_taken_offered_and_relieved_and_never_between_two() -> None:
    w.check(Watch(), TOOK, lambda: ITEMS, P)
    state = watch(TOOK)
    assert state.duties == {"watch": Duty("N1", T, handed_over=False)}
    w.check(state, OFFERED, lambda: ITEMS, P)
    state = w.apply(state, OFFERED)
    assert state.duties["watch"].officer == "N1", "until the relief acknowledges"
    relief = w.Relieved("watch", "N2", HASH, T + 8 * H + 60)
    w.check(state, relief, lambda: ITEMS, P)
    state = w.apply(state, relief)
    assert state.duties == {"watch": Duty("N2", T + 8 * H + 60, handed_over=True)}
    assert state.offers == {}


def test_what_a_handover_may_not_be() -> None:
    state = watch(TOOK)
    relief = w.Relieved("watch", "N2", HASH, T)
    assert refused(state, relief) == "handover-none"
    assert refused(state, w.Offered("watch", "N3", HASH, T)) == "watch-not-held"
    assert refused(state, w.Offered("air", "N1", HASH, T)) == "watch-not-held"
    offered = w.apply(state, OFFERED)
    assert refused(offered, w.Relieved("watch", "N1", HASH, T)) == "handover-own"
    more = (*ITEMS, OpenItem("message", "south-0000-4", "unread"))
    assert refused(offered, relief, more) == "handover-stale"
    w.check(offered, w.Relieved("watch", "N2", w.summary_hash(more), T), lambda: more, P)


def test_nobody_waits_for_a_named_officer() -> None:
    state = watch(TOOK)
    end = DAY + 16 * H
    assert w.relief_due(state.duties["watch"], P) == end, "who came at 07:30 has the shift of 08:00"
    take = w.Took("watch", "N2", HASH, end + P.grace_s)
    assert refused(state, take) == "watch-held"
    assert w.unrelieved(state, end + P.grace_s, P) == []
    later = w.Took("watch", "N2", HASH, end + P.grace_s + 1)
    w.check(state, later, lambda: ITEMS, P)
    assert w.unrelieved(state, later.at, P) == ["watch"]
    assert refused(state, w.Took("watch", "N2", b"", later.at)) == "handover-stale"
    assert w.apply(state, later).duties["watch"] == Duty("N2", later.at, handed_over=False)


def test_without_shifts_no_relief_is_due() -> None:
    policy = WatchPolicy(shifts_at=())
    assert w.unrelieved(watch(TOOK), T + 10**9, policy) == []
    assert w.expected(Watch(), "watch", T, policy) == []


def test_the_roster_says_who_is_expected_and_where_nobody_is() -> None:
    state = watch(w.Rostered("watch", "N2", DAY + 16 * H, T), w.Rostered("watch", "N3", DAY + 16 * H, T + 5))
    assert w.expected(state, "watch", T, P) == [(DAY + 8 * H, ""), (DAY + 16 * H, "N3"), (DAY + 24 * H, "")]


def test_the_summary_is_one_whatever_its_order() -> None:
    assert w.summary_hash(ITEMS[::-1]) == HASH
    assert w.summary_hash(ITEMS[:1]) != HASH
    assert w.summary_hash(()) != w.summary_hash((OpenItem("", "", ""),))


def test_an_alarm_stays_until_it_is_acknowledged() -> None:
    alarm = Escalated(ENTRY, SOUTH, Stage.UNREAD, Rung.ALARM, "", T)
    assert refused(Watch(), w.AlarmAcknowledged(ENTRY, "N1", T)) == "alarm-unknown"
    state = watch(alarm, Escalated(ENTRY, SOUTH, Stage.UNREAD, Rung.NO_REPLY, "", T), w.Noted("N1", "tea", T))
    assert state.alarms == {ENTRY: T}
    assert w.apply(state, Escalated(ENTRY, SOUTH, Stage.UNACKNOWLEDGED, Rung.ALARM, "", T + 9)).alarms == {ENTRY: T}
    heard = w.AlarmAcknowledged(ENTRY, "N1", T + 3)
    w.check(state, heard, lambda: ITEMS, P)
    assert w.apply(state, heard).alarms == {}


@pytest.mark.parametrize(
    ("precedence", "misused", "at", "quiet"),
    [
        (Precedence.IMMEDIATE, (), T + 5, True),
        (Precedence.IMMEDIATE, (), T + H, False),
        (Precedence.FLASH, (), T + 5, False),
        (Precedence.FLASH, (ENTRY,), T + 5, True),
    ],
)
def test_a_mute_ends_and_flash_sounds_through_it(
    precedence: Precedence, misused: tuple[EntryId, ...], at: int, *, quiet: bool
) -> None:
    state = watch(w.Muted(ENTRY, "N1", "a flood", T + H, T))
    assert w.muted(state, ENTRY, precedence, misused, at) is quiet
    assert not w.muted(Watch(), ENTRY, precedence, misused, at)


def test_a_mute_without_an_end_is_refused() -> None:
    assert refused(Watch(), w.Muted(ENTRY, "N1", "", T + P.longest_mute_s + 1, T)) == "mute-too-long"
    assert refused(Watch(), w.Muted(ENTRY, "N1", "", T - 1, T)) == "mute-too-long"
    w.check(Watch(), w.Muted(ENTRY, "N1", "", T + P.longest_mute_s, T), lambda: (), P)
