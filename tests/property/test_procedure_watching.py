"""What the record says to the watch, whatever the record holds and however often it was read. R34, D7, D8."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from hypothesis import given, settings
from hypothesis import strategies as st

from parley.app.views import Views
from parley.app.watching import Book
from parley.ids import EntryId, Incarnation, LogId, MemberNumber
from parley.procedure import facts
from parley.procedure.clocks import Allowances, Stage
from parley.wire.statement import (
    Content,
    Kind,
    Mark,
    Message,
    Precedence,
    Reference,
    RefusedEntry,
    Relation,
    Statement,
)

ME = MemberNumber(0)
LOGS = [LogId(MemberNumber(n), Incarnation(bytes(8))) for n in range(3)]
T = 1_000_000
NOW = T + 10_000
A = Allowances()


class Paper:
    """A record that is only read: entries in the order of arrival, and receipts."""

    def __init__(
        self, entries: list[tuple[EntryId, Statement]], receipts: dict[tuple[LogId, int], dict[int, int]]
    ) -> None:
        self.entries = entries
        self.given = receipts

    def arrivals(self, first: int) -> Iterator[tuple[int, EntryId]]:
        return iter([(place, entry) for place, (entry, _) in enumerate(self.entries) if place >= first])

    def stored(self, entry: EntryId) -> EntryId:
        return entry

    def said(self, entry: EntryId) -> Statement:
        return dict(self.entries)[entry]

    def recipients(self, log: LogId, to: int) -> list[MemberNumber]:
        return [MemberNumber(m) for m in range(3) if m != log.member and (not to or to >> m & 1)]

    def replied(self, entry: EntryId, member: MemberNumber) -> bool:
        return any(
            e.log.member == member and any(x.entry == entry and self.answers(s, x) for x in s.refs)
            for e, s in self.entries
        )

    @staticmethod
    def answers(said: Statement, ref: Reference) -> bool:
        reply = isinstance(said.content, Message) and ref.relation is Relation.REPLY
        return reply or said.kind is Kind.DECLINED

    def receipts(self, log: LogId, member: MemberNumber, size: int) -> Iterator[tuple[int, int]]:
        return iter(sorted((s, t) for s, t in self.given.get((log, member), {}).items() if s >= size))


TARGETS = st.builds(EntryId, st.sampled_from(LOGS), st.integers(0, 6))
REFS = st.lists(st.builds(Reference, st.sampled_from(Relation), TARGETS), max_size=2).map(tuple)
CLAIMS = st.integers(0, 2 * NOW)
NAMES = st.sampled_from([*Stage, "watch", "air", "?"])
FACTS: st.SearchStrategy[facts.Fact] = st.one_of(
    st.builds(facts.NoReply, TARGETS, st.integers(0, 40), NAMES, CLAIMS, CLAIMS),
    st.builds(facts.Readdressed, TARGETS, st.integers(0, 40), NAMES, NAMES),
    st.builds(facts.PassedOn, TARGETS, st.lists(NAMES, max_size=2).map(tuple), CLAIMS),
    st.builds(facts.UnitAcknowledged, TARGETS, NAMES, CLAIMS, st.booleans()),
    st.builds(facts.DeclaredSilence, st.integers(0, 4), st.just(0) | CLAIMS),
    st.builds(facts.DeclaredAgreement, st.booleans(), NAMES),
    st.builds(facts.Misuse, TARGETS, NAMES),
    st.builds(facts.HoldingReply, TARGETS, NAMES, CLAIMS),
    st.builds(facts.LineTest, NAMES),
    st.builds(facts.LineTestCopy, TARGETS, NAMES),
)
MESSAGES = st.builds(
    Message, st.just("text"), precedence=st.sampled_from(Precedence), refs=REFS, reply_by=st.just(0) | CLAIMS
)
CONTENTS: st.SearchStrategy[tuple[Kind, Content]] = st.one_of(
    st.tuples(st.just(Kind.MESSAGE), MESSAGES),
    st.tuples(st.just(Kind.MESSAGE), FACTS.map(lambda f: facts.to_message(f, Precedence.FLASH))),
    st.tuples(st.just(Kind.MESSAGE), st.just(Message(b"\xff", form="watch/no-reply"))),
    st.tuples(st.sampled_from([Kind.READ, Kind.ACKNOWLEDGED, Kind.DECLINED]), st.builds(Mark, REFS)),
    st.tuples(st.just(Kind.REFUSED), st.builds(RefusedEntry, REFS, st.just(0))),
)
LINES = st.lists(
    st.tuples(st.integers(0, 2), CONTENTS, CLAIMS, st.integers(0, 200), st.sampled_from([0, 2, 4, 6])), max_size=14
)


@st.composite
def papers(draw: st.DrawFn) -> Paper:
    """Our own times go forward; those of others are what they like."""
    entries, sizes, own = [], [0, 0, 0], T
    for member, (kind, content), claim, wait, to in draw(LINES):
        own += wait
        entry = EntryId(LOGS[member], sizes[member])
        sizes[member] += 1
        entries.append((entry, Statement(kind, own if member == ME else claim, content, to)))
    sizes_given = st.dictionaries(st.integers(1, 7), CLAIMS, max_size=3)
    receipts = draw(st.dictionaries(st.tuples(st.sampled_from(LOGS), st.integers(0, 2)), sizes_given, max_size=6))
    return Paper(entries, receipts)


def read(paper: Paper, *cuts: int) -> Book:
    """Read in pieces, each looked at when it came: receipts of more entries come later, and times to come pass."""
    book = Book(ME, lambda _: 0, A.skew_s)
    for n, cut in enumerate((*cuts, len(paper.entries)), 1):
        far = 7 * n // (len(cuts) + 1)
        given = {who: {s: t for s, t in sizes.items() if s <= far} for who, sizes in paper.given.items()}
        part = Paper(paper.entries[:cut], given)
        book.read_on(cast(Views, part))
        list(book.rows(cast(Views, part), NOW - 4_000 * (len(cuts) + 1 - n), A))
    return book


@settings(max_examples=300)
@given(papers(), st.integers(0, 14), st.integers(0, 14))
def test_a_record_read_in_pieces_says_what_it_says_read_at_once(paper: Paper, one: int, two: int) -> None:
    whole, pieces = read(paper), read(paper, *sorted((one, two)))
    views = cast(Views, paper)
    rows = [(r.ticket.message, r.party, whole.clock(r, NOW), r.standing) for r in whole.rows(views, NOW, A)]
    assert rows == [(r.ticket.message, r.party, pieces.clock(r, NOW), r.standing) for r in pieces.rows(views, NOW, A)]
    assert (whole.escalated, whole.onward, whole.positions, whole.misused, whole.closed, whole.to_copy) == (
        pieces.escalated,
        pieces.onward,
        pieces.positions,
        pieces.misused,
        pieces.closed,
        pieces.to_copy,
    )
    for party in (MemberNumber(1), MemberNumber(2)):
        assert whole.line_to(party, 0, NOW) == pieces.line_to(party, 0, NOW)
        assert whole.silences_of(party, NOW) == pieces.silences_of(party, NOW)


@settings(max_examples=150)
@given(papers())
def test_what_a_peer_states_of_time_gains_it_at_most_its_allowance_from_now(paper: Paper) -> None:
    for row in read(paper).rows(cast(Views, paper), NOW, A):
        assert ME in (row.party, row.ticket.message.log.member), "only our own affairs are clocked"
        waits = row.standing.stage in (Stage.UNREAD, Stage.UNACKNOWLEDGED, Stage.UNDELIVERED)
        if waits and not row.standing.silent and row.standing.deadline and not paper_has_silence(paper):
            precedence = row.ticket.terms.precedence
            longest = max(A.acknowledge_within[precedence], A.deliver_within[precedence])
            assert row.standing.deadline <= NOW + longest


def paper_has_silence(paper: Paper) -> bool:
    return any(isinstance(s.content, Message) and s.content.form == "watch/silence" for _, s in paper.entries)
