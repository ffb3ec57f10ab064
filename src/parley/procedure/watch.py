"""The watch: who has which duty role, handover, alarms, mutes; kept in the watch's own log (R38, R41, R55; ADR 30).

====================  ===================================================================  ======================
fact                  may be entered when                                                  what it changes
====================  ===================================================================  ======================
Rostered              always                                                               who is expected
Offered               the officer has the watch                                            a handover is offered
Relieved              another officer acknowledges the summary as it stands, by its hash   the watch changes hands
Took                  nobody has the watch, or its holder's relief is long due; the        the watch changes hands,
                      summary is acknowledged in the same way                              "without handover"
Alerted               always: the node enters it                                           an alarm is raised
AlarmAcknowledged     the alarm is raised                                                  the alarm is quiet
Muted                 it has an end, not too far away                                      the thread is quiet
Noted                 always                                                               the log alone
====================  ===================================================================  ======================

Until the relief acknowledges, the officer before has the watch: it is never between two. ``check`` refuses what may
not be entered, ``apply`` takes in what the log holds, so that reading the log again gives the same watch.
Officers are known by what they call themselves on this node or by their key, and never leave it: peers see roles.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Final

from parley.errors import UsageError
from parley.ids import EntryId
from parley.procedure.clocks import HOUR_S
from parley.procedure.escalation import Escalated, Rung
from parley.procedure.line_state import DAY_S
from parley.wire import cbor
from parley.wire.statement import Precedence

_LABEL: Final = b"parley handover v1\n"


@dataclass(frozen=True, slots=True)
class WatchPolicy:
    """Settings. Shifts begin at these seconds after midnight UTC: three of eight hours, as the NRRC has them (R41)."""

    shifts_at: tuple[int, ...] = (0, 8 * HOUR_S, 16 * HOUR_S)
    grace_s: int = HOUR_S // 2
    """How long after the end of a shift its relief alarms, and any officer may take the watch."""
    early_s: int = HOUR_S
    """Who relieves so long before a shift has that shift."""
    longest_mute_s: int = 8 * HOUR_S
    look_s: int = 60
    """Tests and reliefs that are missing are looked for so often, whatever comes."""


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence of the node, kept as a code and its values: who reads it has it in their own language (R42).

    Values are numbers, texts and lists of texts; ``parley.app.sentences`` has the words.
    """

    code: str
    values: Mapping[str, int | str | tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OpenItem:
    """One thing that a relieving officer must know of. Times are left out: they would make each summary another."""

    sort: str
    subject: str
    state: str


@dataclass(frozen=True, slots=True)
class Rostered:
    """``officer`` is expected in ``role`` for the shift that begins at ``start``."""

    role: str
    officer: str
    start: int
    at: int


@dataclass(frozen=True, slots=True)
class Offered:
    """``officer`` wants to be relieved; ``summary`` is the hash of what was open then."""

    role: str
    officer: str
    summary: bytes
    at: int


@dataclass(frozen=True, slots=True)
class Relieved:
    """``officer`` has the watch now, and acknowledged ``summary``."""

    role: str
    officer: str
    summary: bytes
    at: int


@dataclass(frozen=True, slots=True)
class Took:
    """``officer`` has the watch without a handover, and acknowledged ``summary``."""

    role: str
    officer: str
    summary: bytes
    at: int


@dataclass(frozen=True, slots=True)
class Alerted:
    """The node found something about ``message`` that ``role`` must know of at once: a conflict, a check-fire (B4)."""

    message: EntryId
    code: str
    role: str
    detail: Said | str
    """A text where a version kept it that knew no codes."""
    at: int


@dataclass(frozen=True, slots=True)
class AlarmAcknowledged:
    """``officer`` heard the alarm about ``message``."""

    message: EntryId
    officer: str
    at: int


@dataclass(frozen=True, slots=True)
class Muted:
    """``thread``, a message and what followed it, makes no sound until ``until``. Its clocks go on."""

    thread: EntryId
    officer: str
    reason: str
    until: int
    at: int


@dataclass(frozen=True, slots=True)
class Noted:
    """A line in the log of the watch: an officer's own text, or what the node says that they did."""

    officer: str
    text: Said | str
    at: int


WatchFact = Rostered | Offered | Relieved | Took | Alerted | AlarmAcknowledged | Muted | Noted | Escalated


@dataclass(frozen=True, slots=True)
class Duty:
    """Who has a role."""

    officer: str
    since: int
    handed_over: bool


@dataclass(frozen=True, slots=True)
class Watch:
    """All of it, as the log has it."""

    duties: Mapping[str, Duty] = field(default_factory=dict)
    offers: Mapping[str, Offered] = field(default_factory=dict)
    roster: Mapping[tuple[str, int], str] = field(default_factory=dict)
    mutes: Mapping[EntryId, Muted] = field(default_factory=dict)
    alarms: Mapping[EntryId, int] = field(default_factory=dict)
    """Raised and not acknowledged: by message, since when."""


def summary_hash(items: Sequence[OpenItem]) -> bytes:
    """What the relieving officer acknowledges: SHA-256 over everything that is open, in no order."""
    listed: list[list[str]] = sorted([i.sort, i.subject, i.state] for i in items)
    return sha256(_LABEL + cbor.encode(listed)).digest()


def apply(watch: Watch, fact: WatchFact) -> Watch:
    """``watch`` after ``fact``, which the log holds."""
    match fact:
        case Rostered(role, officer, start, _):
            return replace(watch, roster={**watch.roster, (role, start): officer})
        case Offered(role=role):
            return replace(watch, offers={**watch.offers, role: fact})
        case Relieved(role, officer, _, at) | Took(role, officer, _, at):
            duty = Duty(officer, at, isinstance(fact, Relieved))
            offers = {r: o for r, o in watch.offers.items() if r != role}
            return replace(watch, duties={**watch.duties, role: duty}, offers=offers)
        case AlarmAcknowledged(message=message):
            return replace(watch, alarms={m: t for m, t in watch.alarms.items() if m != message})
        case Muted(thread=thread):
            return replace(watch, mutes={**watch.mutes, thread: fact})
        case Alerted(message=message, at=at) | Escalated(message=message, rung=Rung.ALARM, at=at):
            return replace(watch, alarms={message: at, **watch.alarms})
        case Noted() | Escalated():
            return watch


def check(watch: Watch, fact: WatchFact, items: Callable[[], Sequence[OpenItem]], policy: WatchPolicy) -> None:
    """Refuse a fact that may not be entered now; ``items`` gives what is open now, where that bears on it.

    Raises UsageError.
    """
    match fact:
        case Offered(role, officer):
            duty = watch.duties.get(role)
            if duty is None or duty.officer != officer:
                raise UsageError(f"{officer} does not have the watch as {role}.", code="watch-not-held")
        case Relieved(role, officer, summary):
            offer = watch.offers.get(role)
            if offer is None:
                raise UsageError(f"no handover of {role} is offered.", code="handover-none")
            if offer.officer == officer:
                raise UsageError("nobody relieves themselves: another officer does.", code="handover-own")
            _acknowledged(summary, items())
        case Took(role, _, summary, at):
            duty = watch.duties.get(role)
            if duty is not None and at <= relief_due(duty, policy) + policy.grace_s:
                raise UsageError(
                    f"{duty.officer} has the watch as {role}.",
                    code="watch-held",
                    next_step="Let the handover be offered, then relieve.",
                )
            _acknowledged(summary, items())
        case AlarmAcknowledged(message=message) if message not in watch.alarms:
            raise UsageError(f"no alarm about {message} waits.", code="alarm-unknown")
        case Muted(until=until, at=at) if not at <= until <= at + policy.longest_mute_s:
            raise UsageError(
                f"a mute lasts at most {policy.longest_mute_s} seconds: it is to be renewed by who has the watch.",
                code="mute-too-long",
            )


def _acknowledged(summary: bytes, items: Sequence[OpenItem]) -> None:
    if summary != summary_hash(items):
        raise UsageError(
            "what is open is not what was acknowledged.",
            code="handover-stale",
            next_step="Read the summary again, and acknowledge it as it stands.",
        )


def relief_due(duty: Duty, policy: WatchPolicy) -> int:
    """When the shift of who has the watch ends: POSIX seconds; the end of time where no shifts are set."""
    begun = duty.since + policy.early_s
    midnight = begun - begun % DAY_S
    starts = [day + t for day in (midnight, midnight + DAY_S) for t in policy.shifts_at]
    return min((s for s in starts if s > begun), default=1 << 62)


def unrelieved(watch: Watch, now: int, policy: WatchPolicy) -> list[str]:
    """Roles whose relief is due for longer than the grace: it alarms."""
    return sorted(role for role, duty in watch.duties.items() if now > relief_due(duty, policy) + policy.grace_s)


def expected(watch: Watch, role: str, now: int, policy: WatchPolicy) -> list[tuple[int, str]]:
    """Shifts of ``role`` that begin within a day of ``now``, each with who is rostered; empty for nobody."""
    midnight = now - now % DAY_S
    starts = sorted(day + t for day in (midnight, midnight + DAY_S) for t in policy.shifts_at)
    return [(s, watch.roster.get((role, s), "")) for s in starts if now <= s < now + DAY_S]


def muted(watch: Watch, thread: EntryId, precedence: Precedence, misused: Collection[EntryId], now: int) -> bool:
    """True when a message of ``thread`` makes no sound at ``now``: it is shown, and its clocks run, all the same.

    FLASH sounds through a mute, unless the thread was put on the record as a misuse of the line (R38).
    """
    mute = watch.mutes.get(thread)
    if mute is None or now >= mute.until:
        return False
    return precedence is not Precedence.FLASH or thread in misused
