"""Whose turn it is, since when, and until when: one clock for each message and recipient (R34, R46, D2).

====================  ==================  =======================  ==================================  ==========
stage                 begins with         deadline counts from     allowance                           whose turn
====================  ==================  =======================  ==================================  ==========
undelivered           writing             writing                  ``deliver_within``                  the line's
unread                receipt             receipt                  ``read_within``, at most the next   recipient's
unacknowledged        reading             receipt                  ``acknowledge_within`` (charter)    recipient's
unanswered            acknowledgement     receipt                  ``reply_by``, the form's, a promise   recipient's
not understood        refusal             receipt                  ``acknowledge_within``              author's
acknowledged          acknowledgement     none: no answer is asked for                                 nobody's
declined, answered,   that entry          none                                                         nobody's
withdrawn
====================  ==================  =======================  ==================================  ==========

Deadlines count from the receipt, so that reading late buys no time. Later facts imply earlier ones: what was
acknowledged was read, and what was read was delivered. Facts may come in any order and more than once; the
earliest of each sort counts, so a clock depends on the record alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum, StrEnum
from typing import Final

from parley.errors import UsageError
from parley.ids import EntryId, MemberNumber
from parley.wire.statement import Precedence

HOUR_S: Final = 3600


class Step(IntEnum):
    """A fact about one message at one recipient. Of the facts that stand, the greatest decides the stage."""

    DELIVERED = 1
    REFUSED = 2
    """It arrived and was not understood (D4)."""
    READ = 3
    ACKNOWLEDGED = 4
    HELD = 5
    """A holding reply: read, understood, and being answered (R16). It is no answer."""
    WITHDRAWN = 6
    """Its author cancelled or superseded it."""
    DECLINED = 7
    ANSWERED = 8


class Stage(StrEnum):
    """Where a message stands with one recipient."""

    UNDELIVERED = "undelivered"
    UNREAD = "unread"
    UNACKNOWLEDGED = "unacknowledged"
    UNANSWERED = "unanswered"
    NOT_UNDERSTOOD = "not understood"
    ACKNOWLEDGED = "acknowledged"
    DECLINED = "declined"
    ANSWERED = "answered"
    WITHDRAWN = "withdrawn"


class Turn(StrEnum):
    """Who is to act next."""

    LINE = "line"
    RECIPIENT = "recipient"
    AUTHOR = "author"
    NOBODY = ""


class Mode(IntEnum):
    """What a party declared of its own silence (D2, D11)."""

    NORMAL = 0
    RECEIPTS_ONLY = 1
    """Its node gives receipts; nobody reads or acknowledges on the record."""
    RECEIVE_ONLY = 2
    """Nothing leaves it, not even receipts."""


_STAGES: Final[Mapping[Step | None, Stage]] = {
    None: Stage.UNDELIVERED,
    Step.DELIVERED: Stage.UNREAD,
    Step.READ: Stage.UNACKNOWLEDGED,
    Step.ACKNOWLEDGED: Stage.UNANSWERED,
    Step.HELD: Stage.UNANSWERED,
    Step.REFUSED: Stage.NOT_UNDERSTOOD,
    Step.DECLINED: Stage.DECLINED,
    Step.ANSWERED: Stage.ANSWERED,
    Step.WITHDRAWN: Stage.WITHDRAWN,
}
_TURNS: Final[Mapping[Stage, Turn]] = {
    Stage.UNDELIVERED: Turn.LINE,
    Stage.UNREAD: Turn.RECIPIENT,
    Stage.UNACKNOWLEDGED: Turn.RECIPIENT,
    Stage.UNANSWERED: Turn.RECIPIENT,
    Stage.NOT_UNDERSTOOD: Turn.AUTHOR,
}
_SILENCED: Final[Mapping[Mode, frozenset[Stage]]] = {
    Mode.NORMAL: frozenset(),
    Mode.RECEIPTS_ONLY: frozenset({Stage.UNREAD, Stage.UNACKNOWLEDGED, Stage.UNANSWERED}),
    Mode.RECEIVE_ONLY: frozenset({Stage.UNDELIVERED, Stage.UNREAD, Stage.UNACKNOWLEDGED, Stage.UNANSWERED}),
}
"""The stages in which a party that declared this cannot be expected to act."""


def _times(flash: int, immediate: int, priority: int, routine: int) -> Mapping[Precedence, int]:
    return {
        Precedence.FLASH: flash,
        Precedence.IMMEDIATE: immediate,
        Precedence.PRIORITY: priority,
        Precedence.ROUTINE: routine,
    }


@dataclass(frozen=True, slots=True)
class Allowances:
    """How long each stage may last, in seconds for each precedence. All are settings; the charter sets the third."""

    deliver_within: Mapping[Precedence, int] = field(default_factory=lambda: _times(60, 600, 2 * HOUR_S, 12 * HOUR_S))
    read_within: Mapping[Precedence, int] = field(default_factory=lambda: _times(30, 300, HOUR_S, 8 * HOUR_S))
    acknowledge_within: Mapping[Precedence, int] = field(
        default_factory=lambda: _times(60, 600, 2 * HOUR_S, 24 * HOUR_S)
    )
    skew_s: int = 120
    """How far another clock may be ahead of ours before what it states is not used (D8)."""

    def __post_init__(self) -> None:
        for times in (self.deliver_within, self.read_within, self.acknowledge_within):
            if any(times.get(p, 0) <= 0 for p in Precedence):
                raise UsageError("every precedence needs a time of more than 0 seconds.", code="policy-malformed")


@dataclass(frozen=True, slots=True)
class Asked:
    """A message, as far as its clocks are concerned. Times are POSIX seconds; 0 for none."""

    message: EntryId
    precedence: Precedence
    at: int
    reply_by: int = 0
    answer_within: int = 0
    """Seconds that the message's form gives for an answer, from delivery; ``reply_by`` goes before it (R46)."""


@dataclass(frozen=True, slots=True)
class Clock:
    """One message at one recipient: the earliest time of each fact."""

    asked: Asked
    party: MemberNumber
    times: Mapping[Step, int] = field(default_factory=dict)
    promised: int = 0
    """When a holding reply said that the answer would come: a deadline where the message itself sets none."""

    def time_of(self, step: Step) -> int | None:
        """When ``step`` was done, or a later one that implies it; None when neither was."""
        return min((t for s, t in self.times.items() if s >= step and s is not Step.WITHDRAWN), default=None)


@dataclass(frozen=True, slots=True)
class Silence:
    """A party's declaration, from ``at`` until ``until`` (POSIX seconds; 0: until it declares otherwise)."""

    party: MemberNumber
    mode: Mode
    at: int
    until: int = 0


@dataclass(frozen=True, slots=True)
class Standing:
    """How a clock reads at one moment."""

    stage: Stage
    since: int
    deadline: int
    """POSIX seconds; 0 for none."""
    overdue: bool
    silent: bool
    """The party declared that it would be silent now: the face says "silent as declared"."""
    turn: Turn
    next_change: int
    """When it will read otherwise if nothing happens: the deadline, or the end of a silence; 0 for never."""


def settle_time(claim: int, earliest: int, latest: int, skew_s: int) -> tuple[int, bool]:
    """The time to count with where another clock states ``claim``, and whether the claim is plausible (D8, R21).

    ``earliest`` and ``latest`` are ours: entries written here before and after what is told, or now. A claim before the
    earliest is raised to it. One after the latest by more than ``skew_s`` is not used, and the earliest counts: to
    state a time to come gains nobody a deadline.
    """
    if claim < earliest:
        return earliest, claim >= earliest - skew_s
    if claim > latest + skew_s:
        return earliest, False
    return max(earliest, min(claim, latest)), True


def happened(clock: Clock, step: Step, at: int, promised: int = 0) -> Clock:
    """``clock`` with one more fact. The order of facts does not matter, nor their repetition."""
    known = clock.times.get(step)
    earliest = at if known is None else min(known, at)
    promise = min(clock.promised or promised, promised or clock.promised)
    if known == earliest and promise == clock.promised:
        return clock
    return replace(clock, times={**clock.times, step: earliest}, promised=promise)


def standing(clock: Clock, silences: Iterable[Silence], now: int, allowances: Allowances) -> Standing:
    """How ``clock`` reads at ``now``. ``silences`` are those that its party declared."""
    step = max(clock.times, default=None)
    stage = _STAGES[step]
    answer_by = _answer_by(clock)
    if stage is Stage.UNANSWERED and not answer_by:
        stage = Stage.ACKNOWLEDGED
    since = clock.asked.at if step is None else clock.times[step]
    deadline = _deadline(clock, stage, answer_by, allowances)
    turn = _TURNS.get(stage, Turn.NOBODY)
    if not deadline:
        return Standing(stage, since, 0, overdue=False, silent=False, turn=turn, next_change=0)
    counted = clock.asked.at if stage is Stage.UNDELIVERED else _delivered(clock)
    covered = [s for s in periods(silences) if stage in _SILENCED[s.mode]]
    deadline, silence = _after_silence(covered, counted, deadline, now)
    if silence is not None:
        return Standing(stage, since, deadline, overdue=False, silent=True, turn=turn, next_change=silence.until)
    overdue = now > deadline
    change = 0 if overdue else deadline + 1
    return Standing(stage, since, deadline, overdue, silent=False, turn=turn, next_change=change)


def _after_silence(covered: Iterable[Silence], counted: int, deadline: int, now: int) -> tuple[int, Silence | None]:
    """The deadline, put off by what was declared before it was missed, and the silence that lasts at ``now``.

    What of the allowance remained when a silence began remains when it ends.
    """
    for silence in covered:
        begun = max(silence.at, counted)
        if silence.at > min(deadline, now) or (silence.until and silence.until <= begun):
            continue
        if not silence.until:
            return 0, silence
        deadline = silence.until + max(0, deadline - begun)
        if now < silence.until:
            return deadline, silence
    return deadline, None


def periods(silences: Iterable[Silence]) -> list[Silence]:
    """Each declaration ends the one before it; what remains are periods that do not overlap, in order."""
    found: list[Silence] = []
    for declared in sorted(silences, key=lambda s: s.at):
        if found and (not found[-1].until or found[-1].until > declared.at):
            found[-1] = replace(found[-1], until=declared.at)
        found.append(declared)
    return [p for p in found if p.mode is not Mode.NORMAL and (not p.until or p.until > p.at)]


def silent_now(silences: Iterable[Silence], now: int) -> Silence | None:
    """The declaration that is in force at ``now``."""
    return next((p for p in periods(silences) if p.at <= now and (not p.until or now < p.until)), None)


def _delivered(clock: Clock) -> int:
    found = clock.time_of(Step.DELIVERED)
    return clock.asked.at if found is None else found


def _answer_by(clock: Clock) -> int:
    """Until when an answer is wanted; 0 when none is."""
    if clock.asked.reply_by:
        return clock.asked.reply_by
    return _delivered(clock) + clock.asked.answer_within if clock.asked.answer_within else clock.promised


def _deadline(clock: Clock, stage: Stage, answer_by: int, allowances: Allowances) -> int:
    precedence = clock.asked.precedence
    acknowledge = allowances.acknowledge_within[precedence]
    match stage:
        case Stage.UNDELIVERED:
            return clock.asked.at + allowances.deliver_within[precedence]
        case Stage.UNREAD:
            found = _delivered(clock) + min(allowances.read_within[precedence], acknowledge)
        case Stage.UNACKNOWLEDGED | Stage.NOT_UNDERSTOOD:
            found = _delivered(clock) + acknowledge
        case Stage.UNANSWERED:
            return answer_by
        case _:
            return 0
    return min(found, answer_by) if answer_by else found
