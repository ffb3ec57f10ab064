"""The desk of the watch: what the record and the watch's log say together, and what is done about it.

``Desk`` belongs to a running line. ``standing.keep_watch`` takes the steps that fall due by themselves; the rest are
operations that officers call through the faces (app.service). The procedures themselves are in parley.procedure.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

from parley.app.following import on_silence
from parley.app.sentences import say, when
from parley.app.views import Views
from parley.app.watching import Book, Row
from parley.app.watchlog import WatchLog
from parley.app.watchrules import Rules
from parley.errors import UsageError
from parley.forms.filled import Filled
from parley.ids import EntryId, MemberNumber
from parley.node.clock import system_entropy
from parley.procedure import facts
from parley.procedure import line_state as ls
from parley.procedure import watch as w
from parley.procedure.clocks import HOUR_S, Clock, Stage, silent_now
from parley.procedure.escalation import Due, Escalated, Rung, due, next_step, rungs
from parley.procedure.line_state import LineReading, LineStatus, MissingTest, PeerLine
from parley.procedure.onward import Light, OnwardReading, lights
from parley.procedure.outgoing import Arrival, Draft
from parley.procedure.watch import OpenItem, Said
from parley.wire.statement import EVERYONE, WATCH_FORMS, Kind, Message, Precedence, Signed

if TYPE_CHECKING:
    from parley.app.runtime import Runtime

T = TypeVar("T")
_READ_AT_ONCE: Final = 500
"""Entries read in one part while the watch begins."""
_BREATH_S: Final = 0.02
"""Seconds between two such parts, for the line itself."""
_SETTLE_S: Final = 20
_HEARTBEATS: Final = 3
"""Of a slow bearer, that may be missed before a node counts as unreachable."""
_TROUBLE: Final = frozenset(
    {LineStatus.UNREACHABLE, LineStatus.NOBODY_ANSWERS, LineStatus.DECLINED, LineStatus.WRONG_COPY}
)
_ON_RECORD: Final = frozenset({Rung.NO_REPLY, Rung.NEXT_ROLE})
_NONCE_BYTES: Final = 16
PREPARED: Final = "prepared by this node"
"""Stands in an officer's place with a draft that no officer began."""


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that alarms when it begins and needs no step on the record (R35, R41, R60)."""

    code: str
    subject: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class PeerReading:
    """The line to one peer, as it stands."""

    line: PeerLine
    reading: LineReading
    missing: tuple[MissingTest, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """All that the watch sees at one moment."""

    now: int
    peers: tuple[PeerReading, ...]
    onward: Mapping[EntryId, OnwardReading]
    steps: tuple[tuple[Row, Due], ...]
    """Rungs that are to be taken now."""
    conditions: frozenset[Condition]
    next_change: int
    """When something changes by itself; 0 for never."""


class Desk:
    """One line's."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.log = WatchLog.open(runtime.line_home)
        line = runtime.node.line
        self.book = Book(
            line.me, self._answer_within, runtime.rules.allowances.skew_s, line.membership.current.charter.purpose
        )
        self._lock = asyncio.Lock()
        self.releasing = asyncio.Lock()
        """Held while a draft is released, dropped or replaced: it is sent once, and as it was checked."""
        self.said: dict[tuple[EntryId, MemberNumber], tuple[object, dict[str, Any]]] = {}
        """What was answered of each row, with what that depends on (app.watchview)."""
        self.answered: tuple[object, dict[str, Any]] | None = None
        """All that was last answered, with what it was of: versions, the second, when peers were heard."""
        self.settles_at = self.now + _SETTLE_S
        """Until then nothing is escalated: what peers hold of our record comes back first (D15)."""

    def close(self) -> None:
        """Close the log."""
        self.log.close()

    @property
    def now(self) -> int:
        """POSIX seconds."""
        return self.runtime.node.wall_s()

    @property
    def rules(self) -> Rules:
        """The settings, under the charter in force."""
        return self.runtime.procedures

    def _answer_within(self, message: Message) -> int:
        form = self.runtime.forms.get(message.form)
        return form.reply_h * HOUR_S if form is not None else 0

    def code(self, party: MemberNumber) -> str:
        """A member's code."""
        return self.runtime.node.line.membership.member(party).code

    async def alone(self, do: Callable[[], T]) -> T:
        """Run ``do`` off the loop; one at a time, since record and log are read and written together."""
        async with self._lock:
            return await asyncio.to_thread(do)

    async def catch_up(self, stop: asyncio.Event) -> None:
        """Read a long record in parts, so that a node that stops meanwhile need not wait for the whole."""
        while not stop.is_set() and await self.alone(self._read_some):
            await asyncio.sleep(_BREATH_S)

    def _read_some(self) -> bool:
        views = self.runtime.views()
        try:
            return self.book.read_on(views, _READ_AT_ONCE)
        finally:
            views.close()

    async def picture(self) -> Picture:
        """What the watch sees now."""
        return await self.alone(self.look)

    def look(self) -> Picture:
        """What the watch sees now, for what already runs ``alone``."""
        views = self.runtime.views()
        try:
            now, rules = self.now, self.rules
            self.book.read_on(views)
            rows, soon = self._pressing(self.book.rows(views, now, rules.allowances), now)
        finally:
            views.close()
        peers = tuple(self._peer(party, rows, now, rules) for party in sorted(self.runtime.node.line.peers))
        onward = {message: lights(state, now, rules.onward) for message, state in self.book.onward.items()}
        ladders = [(row, clock, ladder) for row, clock, ladder in self._ladders(rows, now, rules) if ladder]
        changes = [
            soon,
            *(d.at for _, _, ladder in ladders for d in ladder),
            *(p.reading.next_change for p in peers),
            *(o.next_change for o in onward.values()),
        ]
        steps = tuple(self._falls_due(ladders, now))
        conditions = frozenset([*self._flashes(rows), *self._conditions(peers, onward, now, rules)])
        next_change = min((c for c in changes if c > now), default=0)
        return Picture(now, peers, onward, steps, conditions, next_change)

    @staticmethod
    def _pressing(rows: Iterable[Row], now: int) -> tuple[list[Row], int]:
        """Those that are late, and each FLASH; and when the next of all changes by itself, 0 for never."""
        found, soon = [], 0
        for row in rows:
            change = row.standing.next_change
            if change > now and (change < soon or not soon):
                soon = change
            if row.standing.overdue or row.ticket.terms.precedence is Precedence.FLASH:
                found.append(row)
        return found, soon

    def forget(self) -> None:
        """Forget what was answered, for what already runs ``alone``: contents were erased, and it quotes them."""
        self.said, self.answered = {}, None

    def rows(self, views: Views, now: int) -> Iterator[Row]:
        """Every clock that runs, as it stands (``look`` read on), for what already runs ``alone``."""
        return self.book.rows(views, now, self.rules.allowances)

    def _flashes(self, rows: Iterable[Row]) -> Iterator[Condition]:
        """Each FLASH to us that nobody acknowledged: it alarms at once, before any deadline (R57)."""
        people = (Stage.UNREAD, Stage.UNACKNOWLEDGED)
        waits = [
            r.ticket.message
            for r in rows
            if r.ticket.terms.ours and r.ticket.terms.precedence is Precedence.FLASH and r.standing.stage in people
        ]
        threads = self.threads(waits)
        for message in waits:
            if not w.muted(
                self.log.watch, threads.get(message, message), Precedence.FLASH, self.book.misused, self.now
            ):
                yield Condition("flash", self.name(message), self.code(message.log.member))

    def _conditions(
        self, peers: Iterable[PeerReading], onward: Mapping[EntryId, OnwardReading], now: int, rules: Rules
    ) -> Iterator[Condition]:
        for peer in peers:
            code = self.code(peer.line.party)
            if peer.reading.status in _TROUBLE:
                yield Condition("line", code, str(peer.reading.status))
            for missing in peer.missing:
                yield Condition("test-missing", code, "ours" if missing.ours else "theirs")
        for message, reading in onward.items():
            if reading.worst in (Light.AMBER, Light.RED):
                yield Condition("onward", self.name(message), reading.worst.name.lower())
        for role in w.unrelieved(self.log.watch, now, rules.watch):
            yield Condition("relief-late", role)

    def _peer(self, party: MemberNumber, rows: Iterable[Row], now: int, rules: Rules) -> PeerReading:
        peer = self.runtime.node.line.peers[party]
        line = self.book.line_to(party, peer.heard_wall, now)
        schedule = rules.schedule
        if peer.links and not peer.fast():
            slow = int(_HEARTBEATS * self.runtime.node.line.settings.slow_heartbeat_s)
            schedule = replace(schedule, unheard_s=max(schedule.unheard_s, slow))
        people = (Stage.UNREAD, Stage.UNACKNOWLEDGED, Stage.UNANSWERED)
        late = [
            r.standing.deadline for r in rows if r.party == party and r.standing.overdue and r.standing.stage in people
        ]
        reading = ls.reading(line, self.book.silences_of(party, now), min(late, default=0), now, schedule)
        return PeerReading(line, reading, tuple(ls.missing_tests(line, self.book.began or now, now, schedule)))

    # -- what falls due --------------------------------------------------------------------------------

    def _ladders(self, rows: Iterable[Row], now: int, rules: Rules) -> Iterator[tuple[Row, Clock, list[Due]]]:
        for row in rows:
            if row.standing.overdue:
                clock, ticket = self.book.clock(row, now), row.ticket
                yield (
                    row,
                    clock,
                    list(rungs(clock, row.standing, ticket.terms.to_role, rules.ladder, ours=ticket.terms.ours)),
                )

    def _falls_due(self, ladders: Iterable[tuple[Row, Clock, list[Due]]], now: int) -> Iterator[tuple[Row, Due]]:
        taken = defaultdict(list)
        for fact in (*self.book.escalated, *(f for f in self.log.facts if isinstance(f, Escalated))):
            taken[fact.message, fact.party].append(fact)
        for row, clock, ladder in ladders:
            done = taken.get((row.ticket.message, row.party), ())
            for rung in due(iter(ladder), clock, row.standing.stage, done, now):
                yield row, rung

    async def climb(self, row: Row, rung: Due) -> dict[str, Any]:
        """Take one rung: on the line's record where the peer is to know, else in the watch's log; what is told."""
        message, party, stage = row.ticket.message, row.party, row.standing.stage
        on_record = rung.rung in _ON_RECORD and not row.ticket.terms.ours
        if on_record and rung.rung is Rung.NO_REPLY:
            since, deadline = row.standing.since, row.standing.deadline
            await self.state(facts.NoReply(message, party, stage, since, deadline), row.ticket.terms.precedence)
        elif on_record:
            await self.state(facts.Readdressed(message, party, stage, rung.role), row.ticket.terms.precedence)
        else:
            if rung.rung is Rung.NEXT_STEP:
                await self.alone(lambda: self._open_next_step(row))
            fact = Escalated(message, party, stage, rung.rung, rung.role, self.now)
            await self.alone(lambda: self.log.enter(fact))
        return {
            "event": "watch",
            "code": rung.rung.name.lower().replace("_", "-"),
            "message": self.name(message),
            "party": self.code(party),
            "stage": str(stage),
            "deadline": row.standing.deadline,
            "role": rung.role,
        }

    def _open_next_step(self, row: Row) -> None:
        """A draft of what the form says comes next, with the reference filled in, for an officer to send (B8).

        Where the form names the one that follows it is that form, filled in; else what is to be done, in words.
        """
        message, precedence = row.ticket.message, row.ticket.terms.precedence
        charter = self.runtime.node.line.membership.current.charter
        said, filled = self._read(message)
        language, form = charter.languages[0], self.runtime.forms.get(said.form if said else "")
        step = form.next_step if form is not None else ""
        words = self.runtime.forms.words(language)
        words = words.within(form.pack) if form is not None else words
        text = f"{words.say(step)}\n{self.name(message)}"
        if not step:
            values = {"message": self.name(message), "deadline": when(row.standing.deadline)}
            text = say(Said("next-step", values), language)
        draft = next_step(message, text, language, precedence, self.now, self.rules.ladder)
        following = on_silence(self.runtime.forms, filled, language, precedence) if filled else None
        if following is not None:
            draft = replace(draft, body=following.body, form=following.form)
        # As any other draft: officers sign it as it will stand on this line.
        draft, line = replace(draft, signed=fresh()), self.runtime.node.line
        to, whose = self.runtime.addressed(self.runtime.audience(message)), (line.membership.line, line.me)
        seen = self.book.place - 1
        self.log.keep(Draft(draft, to, PREPARED, self.now, seen, charter.purpose, (), *whose))

    def _read(self, message: EntryId) -> tuple[Message | None, Filled | None]:
        """A message on the record, and the form that it is; None where its content was erased, for no form."""
        views = self.runtime.views()
        try:
            said = views.message_of(message)
            return said, views.filled(message.log, said) if said is not None else None
        finally:
            views.close()

    def name(self, entry: EntryId) -> str:
        """``code-run-index``, as the faces write ids."""
        code, run = self.code(entry.log.member), entry.log.incarnation.hex()[:4]
        return f"{code}-{run}-{entry.index}"

    async def state(self, fact: facts.Fact, precedence: Precedence = Precedence.ROUTINE, to: int = EVERYONE) -> EntryId:
        """Put a fact on the line's record: to those who know the message that it is about, else to ``to``."""
        about: EntryId | None = getattr(fact, "about", None)
        audience = to if about is None else self.runtime.audience(about)
        return await self.runtime.node.submit(Kind.MESSAGE, facts.to_message(fact, precedence), audience)

    # -- what is open, for a handover ------------------------------------------------------------------

    def items(self, picture: Picture) -> list[OpenItem]:
        """Everything that a relieving officer must know of, for what already runs ``alone``."""
        now, peers, onward = picture.now, picture.peers, picture.onward
        views = self.runtime.views()
        try:
            items = [
                OpenItem("message", self.name(r.ticket.message), f"{r.standing.stage}, {self.code(r.party)}")
                for r in self.rows(views, now)
            ]
        finally:
            views.close()
        items += [OpenItem("line", self.code(p.line.party), str(p.reading.status)) for p in peers]
        items += [
            OpenItem("test", self.code(m.party), f"{'ours' if m.ours else 'theirs'} of {m.scheduled}")
            for p in peers
            for m in p.missing
        ]
        items += [
            OpenItem("agreement", self.code(p.party), "suspended") for p in ls.agreement(self.book.positions.values())
        ]
        for party in self.book.silences:
            silence = silent_now(self.book.silences_of(party, now), now)
            if silence is not None:
                items.append(OpenItem("silence", self.code(party), silence.mode.name.lower()))
        items += [
            OpenItem("onward", self.name(m), reading.worst.name.lower())
            for m, reading in onward.items()
            if reading.worst is not Light.GREEN
        ]
        items += [OpenItem("alarm", self.name(m), "not acknowledged") for m in self.log.watch.alarms]
        items += [
            OpenItem("mute", self.name(m), f"until {x.until}") for m, x in self.log.watch.mutes.items() if now < x.until
        ]
        items += [OpenItem("draft", str(n), f"by {d.author}") for n, d in self.log.drafts()]
        return items + [OpenItem("test", self.name(t), "to be copied") for t in self.book.to_copy.values()]

    def arrived(self, seen: int) -> list[Arrival]:
        """Messages of others that came after place ``seen`` in the order of arrival."""
        views = self.runtime.views()
        try:
            found = [(place, entry, views.said(views.stored(entry))) for place, entry in views.arrivals(seen + 1)]
        finally:
            views.close()
        return [
            Arrival(place, entry.log.member, entry)
            for place, entry, said in found
            if entry.log.member != self.book.me
            and said is not None
            and isinstance(said.content, Message)
            and not said.content.form.startswith(WATCH_FORMS)
        ]

    def threads(self, messages: Iterable[EntryId]) -> dict[EntryId, EntryId]:
        """The thread of each message, while any thread is muted."""
        views = self.runtime.views()
        try:
            return {m: views.thread(m) for m in messages} if self.log.watch.mutes else {}
        finally:
            views.close()

    async def note(self, by: str, text: Said | str) -> None:
        """Put a line in the watch's log: who did what."""
        await self.alone(lambda: self.log.enter(w.Noted(by, text, self.now)))

    async def enter(self, fact: w.WatchFact) -> None:
        """Put a fact in the watch's log. Raises UsageError when the procedure does not allow it now."""

        def checked() -> None:
            w.check(self.log.watch, fact, lambda: self.items(self.look()), self.rules.watch)
            self.log.enter(fact)

        await self.alone(checked)


def desk_of(runtime: Runtime) -> Desk:
    """The desk of a running line; made when it is first asked for."""
    if runtime.desk is None:
        runtime.desk = Desk(runtime)
    return runtime.desk


def fresh() -> Signed:
    """Of a message or mark that no officer signed yet: what they sign is for it alone."""
    return Signed(system_entropy(_NONCE_BYTES))


def message_of(views: Views, entry: EntryId) -> Message:
    """What a message says. Raises UsageError."""
    found = views.message_of(entry)
    if found is None:
        raise UsageError(f"{views.name_of(entry)} is no message that is held here.", code="message-unknown")
    return found
