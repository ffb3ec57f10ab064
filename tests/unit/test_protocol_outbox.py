"""What a peer is sent next, and what it is still owed: by a tree of known entries and an outbox by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from parley import limits
from parley.ids import Incarnation, LogId, MemberNumber
from parley.protocol import rows as r
from parley.protocol.credit import WINDOW, Intake
from parley.protocol.entries import State, StoredEntry
from parley.protocol.flight import Flight
from parley.protocol.line import Line
from parley.protocol.outbox import Link, Outbox, Outgoing, Peer
from parley.protocol.settings import Settings
from parley.protocol.tree import Tree
from parley.record.commitment import commit, commit_for, exclusion_proof
from parley.wire import statement
from parley.wire.parts import Blind, Document, Entries, Gone, Held, NotForYou, Opening, Query
from parley.wire.statement import EVERYONE, Kind, Message, Opened, Precedence, Statement
from parley_testkit.small_world import World

ZERO, ONE, TWO = (MemberNumber(n) for n in range(3))
FLASH, IMMEDIATE = Precedence.FLASH, Precedence.IMMEDIATE
SALT = bytes(32)


@dataclass
class Desk:
    """Member 0 with one tree, and a peer."""

    line: Line
    tree: Tree
    peer: Peer
    out: Outgoing

    @property
    def box(self) -> Outbox:
        return self.line.outbox

    def sign(self, *texts: str, precedence: Precedence = Precedence.ROUTINE, to: int = EVERYONE) -> None:
        """One signed batch of these texts."""
        batch = []
        for text in texts:
            said = Statement(Kind.MESSAGE, 5, Message(text, "", precedence), to)
            data = statement.encode(said)
            made = commit(SALT, data) if to == EVERYONE else commit_for(SALT, data, to | 1, 3)
            batch.append((StoredEntry(State.HELD, precedence, made, SALT, data, to), said))
        first = self.tree.size
        self.line.trees.append_own(self.tree, batch, self.line.signers.checkpoint.sign)
        self.box.note_new(self.out, first, [e for e, _ in batch])

    def next(self, mtu: int = 65_535) -> list[Entries]:
        return self.box.compose(self.peer, mtu, self.box.urgent(self.peer))

    def change(self, index: int, **fields: Any) -> None:
        """Write entry ``index`` anew."""
        key = r.entry_key(self.tree.log, index)
        entry = self.line.trees.entry(self.tree.log, index)
        assert entry is not None
        values = {n: getattr(entry, n) for n in ("state", "precedence", "commitment", "salt", "statement", "audience")}
        self.line.rows.put(r.ENTRY, key, StoredEntry(**{**values, **fields}).encode())

    def commitment(self, index: int) -> bytes:
        entry = self.line.trees.entry(self.tree.log, index)
        assert entry is not None
        return entry.commitment


def opened(line: Line, run: bytes, previous: Tree | None = None) -> Tree:
    """A tree of ours that begins, after another one perhaps."""
    me = line.membership.member(ZERO)
    tree = line.trees.open_own(LogId(ZERO, Incarnation(run)), line.membership.current.hash, me.certificate)
    before = (previous.log.incarnation, previous.size, previous.root) if previous is not None else None
    said = Statement(Kind.OPENED, 5, Opened(tree.revision, tree.certificate, before))
    data = statement.encode(said)
    entry = StoredEntry(State.HELD, 0, commit(SALT, data), SALT, data)
    line.trees.append_own(tree, [(entry, said)], line.signers.checkpoint.sign)
    return tree


@pytest.fixture
def desk() -> Desk:
    line = World(3).lines[0]
    tree = opened(line, bytes(8))
    peer, out = line.peers[ONE], Outgoing()
    peer.trees[tree.log] = out
    return Desk(line, tree, peer, out)


def shape(part: Entries) -> tuple[int, str, bool]:
    """Where a part begins, what its items are, and whether it is signed."""
    return part.first, "".join(type(x).__name__[0] for x in part.items), bool(part.signature)


def test_contents_go_in_their_order_under_the_last_signature(desk: Desk) -> None:
    desk.sign("a", "b")
    desk.sign("c")
    (part,) = desk.next()
    assert shape(part) == (0, "OOOO", True)
    assert part.signature == desk.tree.signature
    assert part.log == desk.tree.log
    assert part.items[1] == Opening(statement.encode(Statement(Kind.MESSAGE, 5, Message("a"))), SALT)
    assert (desk.out.next, desk.out.known, desk.out.confirmed) == (4, 4, 0)
    assert desk.next() == []
    desk.sign("d")
    assert [shape(p) for p in desk.next()] == [(4, "O", True)]


def test_a_payload_has_about_so_many_bytes(desk: Desk) -> None:
    for n in range(6):
        desk.sign("x" * 1000 + str(n))
    # Of 90 bytes, 48 an entry and about 1,010 a statement, three fit 4,096 less the overhead of a seal.
    first = desk.next(4096)
    size = len(statement.encode(Statement(Kind.MESSAGE, 5, Message("x" * 1001))))
    opening = len(desk.line.trees.entry(desk.tree.log, 0).statement)  # type: ignore[union-attr]
    assert 90 + 48 + opening + 3 * (48 + size) <= 4096 - 48 < 90 + 48 + opening + 4 * (48 + size)
    assert [shape(p) for p in first] == [(0, "OOOO", True)]
    assert desk.out.next == 4
    assert [shape(p) for p in desk.next(64)] == [(4, "O", True)]  # one at least
    assert [shape(p) for p in desk.next(90 + 2 * (48 + size) + 48)] == [(5, "OO", True)]
    desk.box.reset(desk.out, desk.tree, 5)
    assert [shape(p) for p in desk.next(90 + 2 * (48 + size) + 47)] == [(5, "O", True)]
    desk.sign(*["y" * 1000] * 30)
    desk.box.reset(desk.out, desk.tree, 7)
    fits = (24 * 1024 - 90) // (48 + size - 1)
    assert [shape(p) for p in desk.next()] == [(7, "O" * fits + "B" * (30 - fits), True)]
    assert (desk.out.next, desk.out.known) == (7 + fits, 37)
    assert [shape(p) for p in desk.next()] == [(7 + fits, "O" * (30 - fits), False)]


def test_a_signature_over_more_entries_than_a_payload_may_have_is_out_of_reach(desk: Desk) -> None:
    most = limits.MAX_ENTRIES_PER_PAYLOAD
    desk.box.reset(desk.out, desk.tree, 1)
    desk.sign(*["x"] * most)
    size = len(statement.encode(Statement(Kind.MESSAGE, 5, Message("x"))))
    fits = (24 * 1024 - 90) // (48 + size)
    assert [shape(p) for p in desk.next()] == [(1, "O" * fits + "B" * (most - fits), True)]
    desk.sign(*["x"] * (most + 1))
    desk.box.reset(desk.out, desk.tree, most + 1)
    assert desk.next() == []


def test_routine_waits_for_credit(desk: Desk) -> None:
    desk.sign("a")
    desk.sign("b")
    desk.out.next = desk.out.known = 2
    desk.out.confirmed = 2 - WINDOW[Precedence.ROUTINE]
    assert desk.next() == []
    desk.out.confirmed += 1
    assert [shape(p) for p in desk.next()] == [(2, "O", True)]


def test_flash_overtakes_with_what_it_overtook_as_commitments(desk: Desk) -> None:
    desk.sign("a")
    desk.sign("b")
    desk.sign("now", precedence=IMMEDIATE)
    desk.sign("at once", precedence=FLASH)
    desk.sign("c")
    assert desk.box.urgent(desk.peer) == FLASH
    (part,) = desk.next()
    assert shape(part) == (0, "OBBBO", True)
    assert part.items[1] == Blind(desk.commitment(1))
    assert (desk.out.known, desk.out.next, desk.out.early) == (5, 1, {4: 3})
    assert desk.box.urgent(desk.peer) == IMMEDIATE
    assert [shape(p) for p in desk.next()] == [(3, "O", False)]
    assert (desk.out.next, desk.out.early) == (1, {3: 2, 4: 3})
    assert desk.box.urgent(desk.peer) == 0
    assert [shape(p) for p in desk.next()] == [(1, "OO", False)]
    assert (desk.out.next, desk.out.early) == (5, {})
    assert [shape(p) for p in desk.next()] == [(5, "O", True)]


def test_what_overtakes_a_long_queue_takes_its_commitments_in_parts(desk: Desk) -> None:
    most = limits.MAX_ENTRIES_PER_PAYLOAD
    for _ in range(most + 2):
        desk.sign("x")
    desk.sign("at once", precedence=FLASH)
    found = desk.next()
    assert [shape(p) for p in found] == [(0, "O" + "B" * (most - 1), True), (most, "BBBO", True)]
    assert desk.out.early == {most + 3: 3}
    desk.box.reset(desk.out, desk.tree, 3)
    assert [shape(p) for p in desk.next()] == [(3, "B" * most, True), (most + 3, "O", True)]
    desk.box.reset(desk.out, desk.tree, 4)
    assert [shape(p) for p in desk.next()] == [(4, "B" * (most - 1) + "O", True)]


def test_each_precedence_has_a_window_of_its_own(desk: Desk) -> None:
    desk.sign("a", precedence=IMMEDIATE)
    desk.sign("b", precedence=FLASH)
    desk.out.next, desk.out.known = 1, 3
    desk.out.early = dict.fromkeys(range(10, 10 + WINDOW[FLASH]), int(FLASH))
    assert desk.box.urgent(desk.peer) == FLASH
    assert [shape(p) for p in desk.next()] == [(1, "OO", False)]  # in their order, since none may overtake
    desk.out.next = 1
    del desk.out.early[10]
    assert [shape(p) for p in desk.next()] == [(2, "O", False)]


def test_what_was_sent_ahead_or_is_behind_is_urgent_no_more(desk: Desk) -> None:
    desk.sign("a", precedence=IMMEDIATE)
    desk.sign("b", precedence=FLASH)
    desk.out.early[2] = 3
    assert desk.box.urgent(desk.peer) == IMMEDIATE
    assert desk.out.urgent == [(-2, 1)]
    desk.out.next = 2
    assert (desk.box.urgent(desk.peer), desk.out.urgent) == (0, [])
    desk.out.urgent = [(-3, 2)]
    desk.out.early.clear()
    desk.out.forward_at = 5.0
    assert desk.box.urgent(desk.peer) == 0
    assert desk.next() == []
    desk.out.forward_at = None
    assert desk.box.urgent(desk.peer) == FLASH
    desk.peer.trees = {LogId(ONE, Incarnation(bytes(8))): desk.out}
    assert desk.box.urgent(desk.peer) == 0


def test_the_most_urgent_of_all_trees_goes_first(desk: Desk) -> None:
    later = opened(desk.line, b"\x01" * 8, desk.tree)
    second = Desk(desk.line, later, desk.peer, Outgoing())
    desk.peer.trees = {later.log: second.out, desk.tree.log: desk.out}
    desk.sign("a", precedence=IMMEDIATE)
    second.sign("b", precedence=FLASH)
    second.sign("c", precedence=IMMEDIATE)
    assert desk.next()[0].log == later.log
    assert desk.box.urgent(desk.peer) == IMMEDIATE
    assert desk.next()[0].log == desk.tree.log  # what was written first
    assert desk.next()[0].log == later.log


def test_trees_go_in_the_order_in_which_they_were_written(desk: Desk) -> None:
    second = opened(desk.line, b"\x02" * 8, desk.tree)
    third = opened(desk.line, b"\x01" * 8, second)
    desk.peer.trees = {t.log: Outgoing() for t in (third, second, desk.tree)}
    assert [desk.next()[0].log for _ in range(3)] == [desk.tree.log, second.log, third.log]
    assert desk.next() == []
    other = LogId(TWO, Incarnation(bytes(8)))
    assert desk.box._turn(other) == (True, 2, 0, other)
    assert desk.box._turn(third.log) == (False, 0, 2, third.log)
    assert desk.box._turn(desk.tree.log) == (False, 0, 0, desk.tree.log)


def test_a_chain_of_trees_is_counted_once_and_never_without_end(desk: Desk) -> None:
    second = opened(desk.line, b"\x02" * 8, desk.tree)
    box = desk.box
    assert box._before(second.log) == 1
    assert box._opened == {desk.tree.log: 0, second.log: 1}
    third = opened(desk.line, b"\x03" * 8, second)
    assert box._before(third.log) == 2
    unknown = LogId(TWO, Incarnation(bytes(8)))
    assert box._before(unknown) == 0
    assert unknown not in box._opened
    first, other = (LogId(ZERO, Incarnation(bytes([n]) * 8)) for n in (8, 9))
    content = desk.line.trees.opening(desk.tree.log)
    assert content is not None
    for log, cited in ((first, other), (other, first)):
        desk.line.trees._openings[log] = Opened(content.revision, content.certificate, (cited.incarnation, 1, SALT))
    assert box._before(first) == 1


@pytest.mark.parametrize(
    ("fields", "item"),
    [
        ({"state": State.BLIND}, Blind),
        ({"state": State.NOT_FOR_US}, Blind),
        ({"state": State.ERASED}, Gone),
        ({"state": State.GONE}, Gone),
    ],
)
def test_what_is_not_held_is_told_as_what_it_is(desk: Desk, fields: dict[str, Any], item: type) -> None:
    desk.sign("a")
    desk.change(1, **fields)
    found = desk.box.item(ONE, desk.tree, desk.line.trees.entry(desk.tree.log, 1))  # type: ignore[arg-type]
    assert found == item(desk.commitment(1))


def test_who_is_not_addressed_gets_a_proof_of_it(desk: Desk) -> None:
    desk.sign("a", to=4)
    entry = desk.line.trees.entry(desk.tree.log, 1)
    assert entry is not None
    proof = exclusion_proof(entry.salt, entry.statement, 5, 3, 1)
    assert desk.box.item(ONE, desk.tree, entry) == NotForYou(proof.statement_hash, proof.salt, proof.path)
    for addressed in (TWO, ZERO):
        assert desk.box.item(addressed, desk.tree, entry) == Opening(entry.statement, entry.salt)


def test_blind_entries_at_the_end_of_what_is_sent_are_passed_over(desk: Desk) -> None:
    desk.sign("a", "b", "c")
    desk.change(2, state=State.BLIND)
    desk.change(3, state=State.BLIND)
    assert [shape(p) for p in desk.next()] == [(0, "OOBB", True)]
    assert (desk.out.next, desk.out.known) == (2, 4)
    assert [shape(p) for p in desk.next()] == [(2, "BB", False)]
    assert desk.next() == []
    desk.change(1, state=State.BLIND)
    desk.change(3, state=State.HELD)
    desk.box.reset(desk.out, desk.tree, 1)
    assert [shape(p) for p in desk.next()] == [(1, "BBO", True)]
    assert desk.out.next == 4


def test_to_begin_again_is_from_what_the_peer_holds(desk: Desk) -> None:
    desk.sign("a")
    desk.sign("b", precedence=FLASH)
    desk.sign("c", "d", precedence=IMMEDIATE)
    desk.out.early = {9: 3}
    desk.out.way.depart(Flight(b"ab", 1), 1.0, leaving=False)
    desk.box.reset(desk.out, desk.tree, 1)
    assert (desk.out.confirmed, desk.out.next, desk.out.known, desk.out.early) == (1, 1, 1, {})
    assert sorted(desk.out.urgent) == [(-3, 2), (-2, 3), (-2, 4)]
    assert not desk.out.way.flights
    desk.box.reset(desk.out, desk.tree, 1, 3)
    assert (desk.out.next, desk.out.known) == (1, 3)
    desk.box.reset(desk.out, desk.tree, 2, 1)
    assert (desk.out.next, desk.out.known) == (2, 2)
    desk.box.reset(desk.out, desk.tree, 9, 9)
    assert (desk.out.confirmed, desk.out.next, desk.out.known) == (5, 5, 5)
    desk.box.reset(desk.out, desk.tree, 4)
    assert desk.out.urgent == [(-2, 4)]


def test_what_the_peer_has_above_a_gap_is_left_out(desk: Desk) -> None:
    desk.sign("a", "b")
    desk.sign("c", precedence=FLASH)
    desk.sign("d", precedence=IMMEDIATE)
    desk.sign("e")
    log = desk.tree.log
    desk.box.resume(desk.out, desk.tree, Held(log, 5, 1, (1, 4)))
    assert (desk.out.next, desk.out.known, desk.out.early) == (1, 5, {2: -1, 3: -1})
    assert desk.out.urgent == [(-2, 4)]
    assert desk.next()[0].first == 4
    desk.tree.holes = {1}
    desk.box.resume(desk.out, desk.tree, Held(log, 5, 1, (1, 4)))
    assert (desk.out.next, desk.out.early) == (4, {})
    desk.box.resume(desk.out, desk.tree, Held(log, 6, 6))
    assert (desk.out.next, desk.out.early, desk.out.urgent) == (6, {}, [])


def test_what_is_owed_is_what_was_sent_and_not_shown_or_not_receipted(desk: Desk) -> None:
    box, peer, out, tree = desk.box, desk.peer, desk.out, desk.tree
    assert not box.unconfirmed(peer)
    assert box.unreceipted(peer) == ()
    out.next = 1
    assert box.unconfirmed(peer)
    assert box.unreceipted(peer) == (tree.log.incarnation,)
    out.confirmed = 1
    assert box.unconfirmed(peer)
    assert box.unreceipted(peer) == (tree.log.incarnation,)
    tree.receipts = {ONE: 1}
    assert not box.unconfirmed(peer)
    assert box.unreceipted(peer) == ()
    out.early = {5: 3}
    assert box.unconfirmed(peer)
    assert box.unreceipted(peer) == (tree.log.incarnation,)
    theirs = LogId(TWO, Incarnation(bytes(8)))
    peer.trees = {theirs: Outgoing(confirmed=3, next=3)}
    assert not box.unconfirmed(peer)
    peer.trees[theirs].next = 4
    assert box.unconfirmed(peer)
    assert box.unreceipted(peer) == ()
    trees = [tree, *(opened(desk.line, n.to_bytes(8, "big")) for n in range(1, limits.MAX_RUNS_ASKED + 1))]
    peer.trees = {t.log: Outgoing(next=2) for t in trees}
    assert box.unreceipted(peer) == tuple(t.log.incarnation for t in trees[: limits.MAX_RUNS_ASKED])


def test_what_peers_say_they_hold_and_is_lacking_here(desk: Desk) -> None:
    other = Peer(TWO, Intake(Settings()))
    theirs, unknown = LogId(ONE, Incarnation(bytes(8))), desk.tree.log
    assert desk.box.lacking([desk.peer, other]) == 0
    desk.peer.says = {theirs: 0}
    assert desk.box.lacking([desk.peer]) == 0
    desk.peer.says = {unknown: 4, theirs: 2}
    other.says = {unknown: 3, theirs: 5}
    assert desk.box.lacking([desk.peer, other]) == 3 + 5
    desk.sign("a", "b", "c", "d", "e")
    assert desk.box.lacking([desk.peer, other]) == 5


def test_whether_anything_waits_for_a_peer(desk: Desk) -> None:
    box, peer = desk.box, desk.peer
    assert box.something_for(peer)  # the opening
    desk.out.next = 1
    assert not box.something_for(peer)
    desk.out.urgent = [(-3, 0)]
    assert box.something_for(peer)
    desk.out.forward_at = 1.0
    assert not box.something_for(peer)
    peer.trees = {LogId(TWO, Incarnation(bytes(8))): Outgoing(urgent=[(-3, 0)])}
    assert not box.something_for(peer)
    link = Link("b", 1000, 0.1, 0, one_way=False, cost=0)
    peer.links["b"] = link
    assert not box.something_for(peer)
    link.pending.append((0, b"d"))
    assert box.something_for(peer)
    link.pending.clear()
    for waiting in (peer.control, peer.idle):
        waiting["query"] = Query()
        assert box.something_for(peer)
        waiting.clear()
    peer.documents[b"h"] = Document(b"n")
    assert box.something_for(peer)
