"""Is the line down, does nobody answer, or did somebody decline? Tests, silence, agreement (R35, B6, B12).

=================  ======================================================================================
state              when, in this order
=================  ======================================================================================
unreachable        nothing signed by the peer's node for ``unheard_s``; no receive-only is declared
silent             a declared silence is in force
declined           a person declined our newest line test; the newest word on it counts
wrong copy         our newest line test came back, and not as it was sent
nobody answers     the node is up; our newest test, or a message, is overdue with its people
answers            our newest test came back as it was sent, and no message is overdue
untested           the node is up and no test was sent yet, or the newest may still be answered
=================  ======================================================================================

The peer's node and its people are told apart by who signs: receipts and heartbeats are the node's, entries of a duty
role are a person's. The status of the agreement is what the parties declare, and decides nothing here: a suspended
agreement leaves the line as it is.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum, StrEnum
from typing import Final

from parley.ids import EntryId, MemberNumber
from parley.procedure.clocks import HOUR_S, Mode, Silence, silent_now

DAY_S: Final = 24 * HOUR_S
TEST_TEXT: Final = (
    "THE QUICK BROWN FOX JUMPS OVER THE LAZY DOG 1234567890\n"
    "СЪЕШЬ ЖЕ ЕЩЁ ЭТИХ МЯГКИХ ФРАНЦУЗСКИХ БУЛОК, ДА ВЫПЕЙ ЧАЮ 1234567890"
)
"""Every letter of both scripts: what is lost or changed on the way shows."""


class LineStatus(StrEnum):
    """The state of the line to one peer."""

    UNREACHABLE = "node unreachable"
    SILENT = "silent as declared"
    DECLINED = "declined"
    WRONG_COPY = "test copied wrongly"
    NOBODY_ANSWERS = "node up, nobody answers"
    ANSWERS = "answers"
    UNTESTED = "node up, not tested"


class LineTestEvent(IntEnum):
    """What happened to a line test."""

    ASKED = 1
    """We sent it."""
    COPIED = 2
    WRONGLY_COPIED = 3
    DECLINED = 4
    THEIRS = 5
    """The peer sent one."""


_OUTCOMES: Final[Mapping[LineTestEvent, LineStatus]] = {
    LineTestEvent.COPIED: LineStatus.ANSWERS,
    LineTestEvent.WRONGLY_COPIED: LineStatus.WRONG_COPY,
    LineTestEvent.DECLINED: LineStatus.DECLINED,
}


@dataclass(frozen=True, slots=True)
class Schedule:
    """Settings of the schedule. Times of day are seconds after midnight UTC, the same for both ends."""

    tests_at: tuple[int, ...] = (9 * HOUR_S, 17 * HOUR_S)
    answer_within_s: int = HOUR_S
    grace_s: int = HOUR_S // 2
    """How late a test may be, ours or theirs, before its absence alarms; and how early it may be."""
    unheard_s: int = 300
    """A node that was not heard for so long is unreachable: some of its heartbeats were missed (D18)."""


@dataclass(frozen=True, slots=True)
class LineTested:
    """A fact about a line test with a peer."""

    event: LineTestEvent
    test: EntryId
    at: int


@dataclass(frozen=True, slots=True)
class PeerLine:
    """What is known of the line to one peer. Times are POSIX seconds; 0 for never."""

    party: MemberNumber
    heard: int = 0
    test: EntryId | None = None
    asked: int = 0
    outcomes: Mapping[LineTestEvent, int] = field(default_factory=dict)
    """Of our newest test."""
    theirs: int = 0


@dataclass(frozen=True, slots=True)
class LineReading:
    """The state of the line, since when, and when it may change by itself (0: never)."""

    status: LineStatus
    since: int
    next_change: int = 0


@dataclass(frozen=True, slots=True)
class MissingTest:
    """A scheduled test that did not happen: ours to send, or theirs to come. Its absence alarms (R35)."""

    party: MemberNumber
    ours: bool
    scheduled: int


@dataclass(frozen=True, slots=True)
class Position:
    """What a party declared of the agreement (B12)."""

    party: MemberNumber
    suspended: bool
    at: int
    reason: str = ""


def heard(line: PeerLine, at: int) -> PeerLine:
    """The peer's node signed something."""
    return replace(line, heard=at) if at > line.heard else line


def with_test(line: PeerLine, fact: LineTested) -> PeerLine:
    """``line`` with one more fact, in the order of the record: what concerns a test before our newest is past."""
    if fact.event is LineTestEvent.THEIRS:
        return replace(line, theirs=max(line.theirs, fact.at))
    if fact.event is LineTestEvent.ASKED:
        return replace(line, test=fact.test, asked=fact.at, outcomes={})
    if fact.test != line.test or fact.event in line.outcomes:
        return line
    return replace(line, outcomes={**line.outcomes, fact.event: fact.at})


def copied(text: str, copy: str) -> bool:
    """True when a person copied ``text``: case, spacing and the form of accents do not count, every letter does."""
    return _letters(text) == _letters(copy)


def _letters(text: str) -> str:
    return "".join(unicodedata.normalize("NFC", text).casefold().split())


def reading(line: PeerLine, silences: Iterable[Silence], overdue_since: int, now: int, policy: Schedule) -> LineReading:
    """The state of the line at ``now``. ``overdue_since``: when its people began to be late with a message, or 0."""
    silence = silent_now(silences, now)
    unheard = line.heard + policy.unheard_s
    if now > unheard and not (silence is not None and silence.mode is Mode.RECEIVE_ONLY):
        return LineReading(LineStatus.UNREACHABLE, line.heard)
    if silence is not None:
        return LineReading(LineStatus.SILENT, silence.at, silence.until)
    human = _people(line, overdue_since, now, policy)
    return replace(human, next_change=min(x for x in (human.next_change, unheard + 1) if x))


def _people(line: PeerLine, overdue_since: int, now: int, policy: Schedule) -> LineReading:
    """What the other side's people do; its node is up."""
    if line.outcomes:
        event, at = max(line.outcomes.items(), key=lambda found: (found[1], found[0]))
        if not (event is LineTestEvent.COPIED and overdue_since):
            return LineReading(_OUTCOMES[event], at)
    late = line.asked + policy.answer_within_s if line.asked and not line.outcomes else 0
    if overdue_since or (late and now > late):
        return LineReading(LineStatus.NOBODY_ANSWERS, min(t for t in (overdue_since, line.asked) if t))
    return LineReading(LineStatus.UNTESTED, line.asked or line.heard, late + 1 if late else 0)


def missing_tests(line: PeerLine, began: int, now: int, policy: Schedule) -> list[MissingTest]:
    """Scheduled tests that should have happened by ``now`` and did not. ``began``: when the line was opened."""
    slot = last_slot(now - policy.grace_s, policy)
    if slot < began:
        return []
    return [
        MissingTest(line.party, ours, slot)
        for ours, last in ((True, line.asked), (False, line.theirs))
        if last < slot - policy.grace_s
    ]


def last_slot(now: int, policy: Schedule) -> int:
    """The last scheduled time of a test at or before ``now``; 0 when none is scheduled."""
    midnight = now - now % DAY_S
    slots = [day + t for day in (midnight - DAY_S, midnight) for t in policy.tests_at]
    return max((s for s in slots if s <= now), default=0)


def agreement(positions: Iterable[Position]) -> list[Position]:
    """Who holds the agreement to be suspended now: the newest word of each party, those that suspend it."""
    newest: dict[MemberNumber, Position] = {}
    for position in positions:
        newest[position.party] = position
    return [p for p in newest.values() if p.suspended]
