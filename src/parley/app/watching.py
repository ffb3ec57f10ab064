"""What the record says to the watch: clocks, escalations, lines, onward distribution (R34, R35, R60; ADR 30).

Read on from where it was, in the order of arrival, so the state depends on the record alone. Times that peers state are
held between our own entries before and after them (clocks.settle_time).
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from parley.app.views import Views
from parley.errors import DecodeError
from parley.ids import EntryId, LogId, MemberNumber
from parley.procedure import facts
from parley.procedure import line_state as ls
from parley.procedure.clocks import (
    Allowances,
    Asked,
    Clock,
    Mode,
    Silence,
    Stage,
    Standing,
    Step,
    happened,
    settle_time,
    standing,
)
from parley.procedure.escalation import Escalated, Rung
from parley.procedure.line_state import LineTested, LineTestEvent, PeerLine, Position
from parley.procedure.onward import Onward, passed
from parley.procedure.outgoing import leaves_exercise
from parley.wire.statement import WATCH_FORMS, Kind, Mark, Message, Precedence, RefusedEntry, Relation, Statement

_MARKS = {Kind.READ: Step.READ, Kind.ACKNOWLEDGED: Step.ACKNOWLEDGED, Kind.DECLINED: Step.DECLINED}
_WITHDRAWS = frozenset({Relation.CANCELS, Relation.SUPERSEDES})
_TERMS = 1_000
"""Terms that are kept to be shared."""
_SILENCES = 64
"""Declarations of one party that are kept: one that declares without end does not fill the memory."""


@dataclass(slots=True)
class Claim:
    """A time that an entry states, and ours around it; ``latest`` is None while nothing was written here since."""

    stated: int
    earliest: int
    latest: int | None = None

    def at(self, now: int, skew_s: int) -> tuple[int, bool]:
        """The time to count with, and whether what was stated is plausible."""
        return settle_time(self.stated, self.earliest, now if self.latest is None else self.latest, skew_s)


@dataclass(frozen=True, slots=True)
class Terms:
    """What the clocks of a message run by. Many messages have the same, and share it."""

    precedence: Precedence
    reply_by: int
    answer_within: int
    to_role: str
    parties: tuple[MemberNumber, ...]
    ours: bool
    """We are late when it is late."""


@dataclass(slots=True)
class Ticket:
    """A message whose clocks run here: ours, or one that is to us. As many as a record holds may wait at once."""

    message: EntryId
    terms: Terms
    written: Claim
    role: str
    """With which it is by now."""


@dataclass(frozen=True, slots=True)
class Row:
    """One message at one party, as it stands."""

    ticket: Ticket
    party: MemberNumber
    receipt: int
    """When the message was delivered, as the receipt states; 0 while none covers it: one that comes changes the row."""
    standing: Standing
    plausible: bool


Fact = tuple[Step, Claim, int]


@dataclass(frozen=True, slots=True)
class _Made:
    """What a row was made to say. Many that wait say the same, and share it."""

    receipt: int
    standing: Standing
    plausible: bool


@dataclass(slots=True)
class _Held:
    """The receipts of one party for one tree that were read: those of more than ``first`` entries, by size."""

    first: int
    sizes: list[tuple[int, int]]


@dataclass(slots=True)
class Book:
    """What was read of one line's record so far."""

    me: MemberNumber
    answer_within: Callable[[Message], int]
    """Seconds that a message's form gives for its answer."""
    skew_s: int
    purpose: str = "operation"
    tickets: dict[EntryId, Ticket] = field(default_factory=dict)
    steps: defaultdict[tuple[EntryId, MemberNumber], list[Fact]] = field(default_factory=lambda: defaultdict(list))
    open: dict[tuple[EntryId, MemberNumber], _Made | None] = field(default_factory=dict)
    """Clocks that run, in order of arrival, each with what its row says until something happens to its message, or its
    standing changes by itself."""
    closed: defaultdict[LogId, set[int]] = field(default_factory=lambda: defaultdict(set))
    """Messages none of whose clocks run: what was kept of them is forgotten."""
    real: list[EntryId] = field(default_factory=list)
    """Messages to us, and our own, on an exercise line that are no exercise (D10)."""
    escalated: list[Escalated] = field(default_factory=list)
    silences: dict[MemberNumber, list[tuple[Claim, int, int]]] = field(default_factory=dict)
    """What each party declared, the newest of it: claim, mode, until."""
    positions: dict[MemberNumber, Position] = field(default_factory=dict)
    misused: set[EntryId] = field(default_factory=set)
    onward: dict[EntryId, Onward] = field(default_factory=dict)
    tests: dict[tuple[MemberNumber, LineTestEvent], tuple[EntryId, Claim]] = field(default_factory=dict)
    """Of each peer: our newest test and what became of it, and their newest."""
    test_texts: dict[EntryId, str] = field(default_factory=dict)
    """Of those tests."""
    to_copy: dict[MemberNumber, EntryId] = field(default_factory=dict)
    """The newest line test of each peer, while it waits for our people."""
    last_from: dict[MemberNumber, Claim] = field(default_factory=dict)
    place: int = 0
    began: int = 0
    _last_own: int = 0
    _unbounded: list[Claim] = field(default_factory=list)
    _held: dict[tuple[LogId, MemberNumber], _Held] = field(default_factory=dict)
    _under: Allowances | None = None
    """What the rows were made under."""
    _silent: dict[MemberNumber, list[Silence]] = field(default_factory=dict)
    _own: Claim | None = None
    """That of the newest entry of ours."""
    _terms: dict[Terms, Terms] = field(default_factory=dict)
    """Those of the newest messages, each once."""

    # -- reading on ------------------------------------------------------------------------------------

    def read_on(self, views: Views, most: int | None = None) -> bool:
        """Take in what came or was written since; at most so many entries, and whether there may be more."""
        begun = self.place
        for place, entry in islice(views.arrivals(self.place), most):
            self.place = place + 1
            said = views.said(views.stored(entry))
            if said is not None:
                self._take(entry, said, views)
        return most is not None and self.place - begun >= most

    def _take(self, entry: EntryId, said: Statement, views: Views) -> None:
        author = entry.log.member
        self.began = self.began or said.time
        if author == self.me:
            if self._own is None or self._own.stated != said.time:
                self._own = Claim(said.time, said.time, said.time)
            claim = self._own  # of many in one second, one
            if said.time >= self._last_own:
                # What came before this was here by now. Own entries that a peer gave back are older, and bound nothing.
                for unbounded in self._unbounded:
                    unbounded.latest = said.time
                if any(unbounded.stated > said.time for unbounded in self._unbounded):
                    self.open = dict.fromkeys(self.open)
                self._unbounded.clear()
                self._last_own = said.time
        else:
            claim = Claim(said.time, self._last_own)
            if self._unbounded and self._unbounded[-1] == claim:
                claim = self._unbounded[-1]  # likewise
            else:
                self._unbounded.append(claim)
            self.last_from[author] = claim
        match said.content:
            case Message(form=form) as message if form.startswith(WATCH_FORMS):
                self._fact(entry, message, claim, views.recipients(entry.log, said.to), views)
            case Message() as message:
                self._message(entry, message, claim, tuple(views.recipients(entry.log, said.to)))
            case Mark() | RefusedEntry():
                step = Step.REFUSED if isinstance(said.content, RefusedEntry) else _MARKS[said.kind]
                for ref in said.refs:
                    self._step(ref.entry, author, step, claim)
                    if step is Step.DECLINED:
                        self._declined(author, ref.entry, claim)

    def _message(self, entry: EntryId, message: Message, claim: Claim, to: tuple[MemberNumber, ...]) -> None:
        author = entry.log.member
        ours = author != self.me
        for ref in message.refs:
            if ref.relation is Relation.REPLY:
                self._step(ref.entry, author, Step.ANSWERED, claim)
            elif ref.relation in _WITHDRAWS and ref.entry.log.member == author and ref.entry in self.tickets:
                for party in self.tickets[ref.entry].terms.parties:
                    self._step(ref.entry, party, Step.WITHDRAWN, claim)
        if ours and self.me not in to:
            return
        if isinstance(message.body, str) and leaves_exercise(message.body, self.purpose):
            self.real.append(entry)
        self._open(entry, message, claim, (self.me,) if ours else to)

    def _open(self, entry: EntryId, message: Message, claim: Claim, parties: tuple[MemberNumber, ...]) -> None:
        ours = entry.log.member != self.me
        within, role = self.answer_within(message), message.to_role
        terms = Terms(message.precedence, message.reply_by, within, role, parties, ours)
        if len(self._terms) >= _TERMS:
            self._terms.clear()
        ticket = Ticket(entry, self._terms.setdefault(terms, terms), claim, role)
        self.tickets[entry] = ticket
        for party in parties:
            self.open[entry, party] = None
        for party in parties:
            self._settle(ticket, party)

    def _step(self, message: EntryId, party: MemberNumber, step: Step, claim: Claim, promised: int = 0) -> None:
        if message.index in self.closed[message.log]:
            return
        self.steps[message, party].append((step, claim, promised))
        if (message, party) in self.open:
            self.open[message, party] = None
        ticket = self.tickets.get(message)
        if ticket is not None and party in ticket.terms.parties:
            self._settle(ticket, party)

    def _settle(self, ticket: Ticket, party: MemberNumber) -> None:
        """Let the clock run, or not; forget the message when none of its clocks runs."""
        if not self._done(ticket, party):
            self.open[ticket.message, party] = None
            return
        self.open.pop((ticket.message, party), None)
        if not any((ticket.message, other) in self.open for other in ticket.terms.parties):
            self.closed[ticket.message.log].add(ticket.message.index)
            self.tickets.pop(ticket.message, None)
            for other in ticket.terms.parties:
                self.steps.pop((ticket.message, other), None)

    def _done(self, ticket: Ticket, party: MemberNumber) -> bool:
        """True when nobody has to act any more, whatever the time."""
        steps = self.steps.get((ticket.message, party), ())
        wanted = ticket.terms.reply_by or ticket.terms.answer_within or any(promised for _, _, promised in steps)
        return any(s >= Step.WITHDRAWN or (s >= Step.ACKNOWLEDGED and not wanted) for s, _, _ in steps)

    def _hold(self, about: EntryId, party: MemberNumber, claim: Claim, promised: int, views: Views) -> None:
        """A holding reply. Where all was acknowledged before, its promise lets the clock run again (R16)."""
        if about.index in self.closed[about.log] and promised and not views.replied(about, party):
            said = views.said(views.stored(about))
            if said is not None and isinstance(said.content, Message) and self.me in (party, about.log.member):
                self.closed[about.log].discard(about.index)
                self.steps[about, party].append((Step.HELD, claim, promised))
                self._open(about, said.content, Claim(said.time, said.time, said.time), (party,))
            return
        self._step(about, party, Step.HELD, claim, promised)

    def _declined(self, party: MemberNumber, message: EntryId, claim: Claim) -> None:
        """A person declined: a line test as well as a message."""
        self._copied(party, message)
        self._outcome(party, LineTestEvent.DECLINED, message, claim)

    def _copied(self, author: MemberNumber, test: EntryId) -> None:
        if author == self.me and self.to_copy.get(test.log.member) == test:
            del self.to_copy[test.log.member]

    def _outcome(self, party: MemberNumber, event: LineTestEvent, test: EntryId, claim: Claim) -> None:
        """What became of our newest test at ``party``; what concerns an older one is past."""
        asked = self.tests.get((party, LineTestEvent.ASKED))
        if asked is not None and asked[0] == test:
            self.tests.setdefault((party, event), (test, claim))

    def _fact(self, entry: EntryId, message: Message, claim: Claim, to: Iterable[MemberNumber], views: Views) -> None:
        author = entry.log.member
        try:
            fact = facts.read_fact(message)
        except DecodeError:
            return  # the record has it as refused
        match fact:
            case facts.NoReply(about, party, stage) if author in (self.me, about.log.member) and stage in set(Stage):
                # The asker's claim, which both sides see (B8).
                self._taken(about, party, stage, Rung.NO_REPLY, "", claim)
            case facts.Readdressed(about, party, stage, role) if about.log.member == author and stage in set(Stage):
                if author == self.me:
                    self._taken(about, party, stage, Rung.NEXT_ROLE, role, claim)
                elif party == self.me and about in self.tickets:
                    self.tickets[about].role = role
            case facts.PassedOn(about=about):
                self.onward[about] = passed(self.onward.get(about, Onward(about)), fact)
            case facts.UnitAcknowledged(about=about) if about.log.member != author:
                self.onward[about] = passed(self.onward.get(about, Onward(about)), fact)
            case facts.DeclaredSilence(mode, until) if mode in set(Mode):
                declared = self.silences.setdefault(author, [])
                declared.append((claim, mode, until))
                del declared[:-_SILENCES]
            case facts.DeclaredAgreement(suspended, reason):
                self.positions[author] = Position(author, suspended, claim.stated, reason)
            case facts.Misuse(about=about) if author == self.me:
                self.misused.add(about)
            case facts.HoldingReply(about=about, answer_by=answer_by):
                self._hold(about, author, claim, answer_by, views)
            case facts.LineTest() | facts.LineTestCopy():
                self._line_test(entry, fact, claim, to)

    def _taken(self, about: EntryId, party: int, stage: str, rung: Rung, role: str, claim: Claim) -> None:
        self.escalated.append(Escalated(about, MemberNumber(party), Stage(stage), rung, role, claim.stated))

    def _line_test(
        self, entry: EntryId, fact: facts.LineTest | facts.LineTestCopy, claim: Claim, to: Iterable[MemberNumber]
    ) -> None:
        author = entry.log.member
        if isinstance(fact, facts.LineTestCopy):
            right = ls.copied(self.test_texts.get(fact.about, ""), fact.text)
            self._copied(author, fact.about)
            self._outcome(author, LineTestEvent.COPIED if right else LineTestEvent.WRONGLY_COPIED, fact.about, claim)
        elif author == self.me:
            self.test_texts[entry] = fact.text
            for party in to:
                before = self.tests.get((party, LineTestEvent.ASKED))
                if before is not None:
                    self.test_texts.pop(before[0], None)
                self.tests = {k: v for k, v in self.tests.items() if k[0] != party or k[1] is LineTestEvent.THEIRS}
                self.tests[party, LineTestEvent.ASKED] = (entry, claim)
        else:
            before = self.tests.get((author, LineTestEvent.THEIRS))
            if before is not None:
                self.test_texts.pop(before[0], None)
            self.test_texts[entry] = fact.text
            self.to_copy[author] = entry
            self.tests[author, LineTestEvent.THEIRS] = (entry, claim)

    # -- as it stands ----------------------------------------------------------------------------------

    def silences_of(self, party: MemberNumber, now: int) -> list[Silence]:
        """What a party declared of its silence."""
        return [
            Silence(party, Mode(mode), claim.at(now, self.skew_s)[0], until)
            for claim, mode, until in self.silences.get(party, ())
        ]

    def rows(self, views: Views, now: int, allowances: Allowances) -> Iterator[Row]:
        """Every clock that still runs, in the order of arrival of its message.

        What a row says is kept where nothing happens to it, so that many that wait cost little.
        """
        if allowances is not self._under:
            self._under = allowances
            self.open = dict.fromkeys(self.open)
        silences = {party: self.silences_of(party, now) for party in self.silences}
        moved = {party for party, kept in silences.items() if kept != self._silent.get(party)}
        # One that begins later than now would change rows when it does.
        moved |= {party for party, kept in silences.items() if any(s.at >= now for s in kept)}
        self._silent = silences
        self._read_receipts(views)
        log, whose = None, None
        sizes: list[tuple[int, int]] = []
        before: _Made | None = None
        for key, made in self.open.items():
            message, party = key
            if party != whose or message.log != log:
                log, whose = message.log, party
                sizes = self._held[log, party].sizes
            ticket = self.tickets[message]
            if made is not None and party not in moved:
                change = made.standing.next_change
                covered = made.receipt or not sizes or sizes[-1][0] <= message.index
                if covered and not (change and now >= change):
                    yield Row(ticket, party, made.receipt, made.standing, made.plausible)
                    continue
            place = bisect_left(sizes, (message.index + 1, 0))
            receipt = sizes[place][1] if place < len(sizes) else 0
            clock, plausible = self._clock(ticket, party, receipt, now)
            found = _Made(receipt, standing(clock, silences.get(party, ()), now, allowances), plausible)
            before = before if found == before else found
            if plausible and max(clock.times.values(), default=0) < now and clock.asked.at < now:
                self.open[key] = before
            elif made is not None:
                # A time to come counts as now: the row changes with the clock.
                self.open[key] = None
            yield Row(ticket, party, receipt, found.standing, plausible)

    def clock(self, row: Row, now: int) -> Clock:
        """What a row of ``now`` was made from."""
        return self._clock(row.ticket, row.party, row.receipt, now)[0]

    def _lowest(self) -> Iterator[tuple[LogId, MemberNumber, int]]:
        """The lowest index of each run of open clocks of one tree and party: such a run may be long."""
        log, whose, lowest = None, None, 0
        for message, party in self.open:
            if party == whose and message.log == log:
                lowest = min(lowest, message.index)
                continue
            if log is not None and whose is not None:
                yield log, whose, lowest
            log, whose, lowest = message.log, party, message.index
        if log is not None and whose is not None:
            yield log, whose, lowest

    def _read_receipts(self, views: Views) -> None:
        """For each tree and party of open clocks, the receipts from the first of them on: what is new of them."""
        first: dict[tuple[LogId, MemberNumber], int] = {}
        for log, party, index in self._lowest():
            first[log, party] = min(index, first.get((log, party), index))
        self._held = {key: held for key, held in self._held.items() if key in first and held.first <= first[key]}
        for (log, party), index in first.items():
            held = self._held.setdefault((log, party), _Held(index, []))
            last = held.sizes[-1][0] if held.sizes else held.first
            held.sizes.extend(views.receipts(log, party, last + 1))
            del held.sizes[: bisect_left(held.sizes, (index + 1, 0))]
            held.first = index

    def _clock(self, ticket: Ticket, party: MemberNumber, receipt: int, now: int) -> tuple[Clock, bool]:
        written, plausible = ticket.written.at(now, self.skew_s)
        asked = Asked(
            ticket.message, ticket.terms.precedence, written, ticket.terms.reply_by, ticket.terms.answer_within
        )
        clock = Clock(asked, party)
        for step, claim, promised in self.steps.get((ticket.message, party), ()):
            at, good = claim.at(now, self.skew_s)
            plausible = plausible and good
            clock = happened(clock, step, at, promised)
        if ticket.terms.ours:
            # Our own receipt has our own time. What overtook lies here before it: then its author's time counts.
            clock = happened(clock, Step.DELIVERED, receipt or written)
        elif receipt:
            at, good = settle_time(receipt, written, now, self.skew_s)
            plausible = plausible and good
            clock = happened(clock, Step.DELIVERED, at)
        return clock, plausible

    def line_to(self, party: MemberNumber, heard: int, now: int) -> PeerLine:
        """What is known of the line to ``party``; ``heard``: when its node was last heard, as far as is known."""
        line = ls.heard(PeerLine(party), heard)
        last = self.last_from.get(party)
        if last is not None:
            line = ls.heard(line, last.at(now, self.skew_s)[0])
        for event in LineTestEvent:
            if (party, event) in self.tests:
                test, claim = self.tests[party, event]
                line = ls.with_test(line, LineTested(event, test, claim.at(now, self.skew_s)[0]))
        return line
