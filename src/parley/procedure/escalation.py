"""What to do when a deadline is missed: the next rung of a ladder, at a time of its own (R34, R55, B1, B8).

Nothing here waits for an officer: each rung falls due by the clock alone, and speaks to roles. A rung that is done is
a fact, so that after a restart the ladder goes on where it was.

=========================  ============================================================  =======================
who is late                rungs, each with the periods after the deadline               kept where (ADR 30)
=========================  ============================================================  =======================
the line: undelivered      no reply 0, alarm 0, other bearers 0, card 1                  see below
the peer: unread,          no reply 0, alarm 0, next role 0 (a further role each         no reply and next role:
unacknowledged             period), card after the last role                             the line's record;
the peer: unanswered       no reply 0, next step 0, alarm 0, card 1                      all others: the watch's
not understood             alarm 0, card 1                                               own log
we: unread, unacknowledged alarm 0, next role 0 (a further role each period)
we: unanswered             alarm 0
=========================  ============================================================  =======================
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from parley.ids import EntryId, MemberNumber
from parley.procedure.clocks import HOUR_S, Clock, Stage, Standing
from parley.wire.statement import WATCH, Message, Precedence, Reference, Relation


class Rung(IntEnum):
    """One thing to do."""

    NO_REPLY = 1
    """State on the record that no reply came, with the deadline and the basis: the asker's claim (D8, B8)."""
    ALARM = 2
    """Alarm our own watch, until somebody acknowledges the alarm."""
    NEXT_ROLE = 3
    """Turn to the next duty role: the peer's when the peer is late, our own when we are (B1)."""
    OTHER_BEARERS = 4
    """Tell the officer which bearers are up and down, and let the rest be tried."""
    NEXT_STEP = 5
    """Open a draft of the procedure's next step, with the reference filled in (B8)."""
    CARD = 6
    """Open the card with the telephone numbers and words that the parties agreed on."""


_ROLES: Final = -1
"""In a ladder: one rung for each further role, a period apart; what follows comes a period after the last."""
_OURS: Final = True
_LADDERS: Final[Mapping[tuple[bool, Stage], tuple[tuple[Rung, int], ...]]] = {
    (not _OURS, Stage.UNDELIVERED): ((Rung.NO_REPLY, 0), (Rung.ALARM, 0), (Rung.OTHER_BEARERS, 0), (Rung.CARD, 1)),
    (not _OURS, Stage.UNREAD): ((Rung.NO_REPLY, 0), (Rung.ALARM, 0), (Rung.NEXT_ROLE, _ROLES), (Rung.CARD, 0)),
    (not _OURS, Stage.UNACKNOWLEDGED): ((Rung.NO_REPLY, 0), (Rung.ALARM, 0), (Rung.NEXT_ROLE, _ROLES), (Rung.CARD, 0)),
    (not _OURS, Stage.UNANSWERED): ((Rung.NO_REPLY, 0), (Rung.NEXT_STEP, 0), (Rung.ALARM, 0), (Rung.CARD, 1)),
    (not _OURS, Stage.NOT_UNDERSTOOD): ((Rung.ALARM, 0), (Rung.CARD, 1)),
    (_OURS, Stage.UNREAD): ((Rung.ALARM, 0), (Rung.NEXT_ROLE, _ROLES)),
    (_OURS, Stage.UNACKNOWLEDGED): ((Rung.ALARM, 0), (Rung.NEXT_ROLE, _ROLES)),
    (_OURS, Stage.UNANSWERED): ((Rung.ALARM, 0),),
}


@dataclass(frozen=True, slots=True)
class Ladder:
    """Settings. ``roles`` in the order in which they are turned to; ``period_s`` seconds for each precedence."""

    roles: tuple[str, ...] = (WATCH, "watch-commander", "operations")
    period_s: Mapping[Precedence, int] = field(
        default_factory=lambda: {
            Precedence.FLASH: 60,
            Precedence.IMMEDIATE: 300,
            Precedence.PRIORITY: HOUR_S,
            Precedence.ROUTINE: 4 * HOUR_S,
        }
    )
    lowest: Precedence = Precedence.IMMEDIATE
    """Below it, a ladder is climbed only where an answer was asked for: the rest is shown as overdue, in calm."""
    next_step_s: int = 48 * HOUR_S
    """Within which the next step is to happen: a meeting within 48 hours in the Vienna Document (R46)."""


@dataclass(frozen=True, slots=True)
class Due:
    """A rung that falls due at ``at``; ``role`` is whom it turns to, where it turns to one."""

    rung: Rung
    at: int
    role: str = ""


@dataclass(frozen=True, slots=True)
class Escalated:
    """A rung that was taken, at ``at``, because ``stage`` lasted too long."""

    message: EntryId
    party: MemberNumber
    stage: Stage
    rung: Rung
    role: str
    at: int


def rungs(clock: Clock, standing: Standing, role: str, ladder: Ladder, *, ours: bool) -> Iterator[Due]:
    """The whole ladder of a clock that is overdue, in order of time; nothing for one that is not.

    ``role`` is the one that the message is to. ``ours``: it is we who are late.
    """
    asked = clock.asked
    if not standing.overdue or (asked.precedence < ladder.lowest and not (asked.reply_by or asked.answer_within)):
        return
    period = ladder.period_s[asked.precedence]
    at = standing.deadline
    for rung, periods in _LADDERS.get((ours, standing.stage), ()):
        if periods == _ROLES:
            for further in _further(role, ladder.roles):
                yield Due(rung, at, further)
                at += period
        else:
            yield Due(rung, at + periods * period)


def _further(role: str, roles: tuple[str, ...]) -> tuple[str, ...]:
    """The roles after ``role``; all of them when it is none of them."""
    return roles[roles.index(role) + 1 :] if role in roles else roles


def due(ladder: Iterator[Due], clock: Clock, stage: Stage, done: Collection[Escalated], now: int) -> list[Due]:
    """What of a clock's ladder is to be done at ``now`` and has not been."""
    taken = {
        (e.rung, e.role)
        for e in done
        if e.message == clock.asked.message and e.party == clock.party and e.stage == stage
    }
    return [d for d in ladder if d.at <= now and (d.rung, d.role) not in taken]


def next_step(message: EntryId, text: str, language: str, precedence: Precedence, now: int, ladder: Ladder) -> Message:
    """The draft of the next step after ``message`` was left without an answer: it cites it and sets a time (B8)."""
    ref = Reference(Relation.CONTINUES, message)
    return Message(text, language, precedence, refs=(ref,), reply_by=now + ladder.next_step_s)
