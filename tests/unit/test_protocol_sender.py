"""What leaves by which link, in what order, and when it is said again."""

from __future__ import annotations

from collections import deque

import pytest

from parley.ids import EntryId, Incarnation, LogId, MemberNumber
from parley.protocol import inputs as i
from parley.protocol import rows as r
from parley.protocol.chain_state import SendChain
from parley.protocol.entries import State, StoredEntry
from parley.protocol.flight import Flight, Way
from parley.protocol.line import Line
from parley.protocol.outbox import ANNOUNCEMENT, Link, Outgoing, Peer
from parley.protocol.tree import Accepted, Tree
from parley.protocol.trees import TwoHistories
from parley.record.checkpoint import Checkpoint
from parley.record.cosignature import cosign_ed25519
from parley.record.equivocation import EquivocationProof, parse
from parley.record.rfc6962 import consistency_proof, leaf_hash, root_hash
from parley.wire import datagram, parts
from parley.wire.parts import Blind, Cosigned, Document, Entries, Evidence, Gone, Opening, Prekeys, Prove, Query
from parley.wire.statement import Kind, Message, Opened, Precedence, Statement
from parley_testkit.small_world import START_S, World, charter_note

ZERO, ONE, TWO = (MemberNumber(n) for n in range(3))
FLASH = int(Precedence.FLASH)
NOW = i.Now(START_S, 2000.0)


@pytest.fixture
def three() -> World:
    """Three members that have met, of whom the first has said something."""
    world = World(3)
    world.link_all()
    world.run(1.0)
    world.send(0, "first")
    world.run(0.5)
    return world


def line_of(world: World) -> tuple[Line, Tree, Peer, Outgoing, Link]:
    """Member 0, its tree, its first peer, and what is on its way there."""
    line = world.lines[0]
    tree, peer = line.own, line.peers[ONE]
    assert tree is not None
    (link,) = peer.links.values()
    line.out = i.Output()
    return line, tree, peer, peer.trees[tree.log], link


def slow(peer: Peer, bearer: str, *, mtu: int = 1000, cost: int = 5, bits: int = 100) -> Link:
    link = peer.links[bearer] = Link(bearer, mtu, 0.1, bits, one_way=False, cost=cost)
    return link


def sent(line: Line) -> list[tuple[str, bytes]]:
    return [(s.bearer, s.datagram) for s in line.out.sends]


# -- by which link -------------------------------------------------------------------------------------


def test_a_slow_link_takes_one_datagram_and_the_rest_waits(three: World) -> None:
    line, _, peer, _, fast = line_of(three)
    link = slow(peer, "radio")
    line.sender._send(peer, link, [b"a", b"b"], NOW, 0)
    assert sent(line) == [("radio", b"a")]
    assert (link.pending, link.ready, peer.drained_at) == (deque([(0, b"b")]), False, 2000.0)
    line.sender._send(peer, fast, [b"c", b"d"], NOW, 0)
    assert sent(line)[1:] == [("b", b"c"), ("b", b"d")]
    assert fast.ready
    assert peer.spoke_at == 2000.0


def test_flash_goes_by_every_link_that_takes_it_before_what_waits_there(three: World) -> None:
    line, _, peer, _, fast = line_of(three)
    radio, small, busy = slow(peer, "radio"), slow(peer, "small", mtu=999), slow(peer, "busy")
    busy.ready = False
    waiting = [(ANNOUNCEMENT, b"an"), (FLASH, b"f0"), (0, b"r0")]
    radio.pending = deque(waiting)
    fast.mtu = 1000
    line.sender._send(peer, fast, [b"f1"], NOW, FLASH)
    assert sent(line) == [("b", b"f1"), ("radio", b"an")]
    assert list(radio.pending) == [(FLASH, b"f0"), (FLASH, b"f1"), (0, b"r0")]
    assert (radio.offered, fast.offered) == ({b"f1"}, {b"f1"})
    assert not small.pending
    assert not busy.pending
    for data in (b"r1", b"r2"):
        line.sender._send(peer, busy, [data], NOW, 0)
    assert list(busy.pending) == [(0, b"r1"), (0, b"r2")]
    assert busy.offered == set()
    line.sender._send(peer, fast, [b"f2"], NOW, FLASH)
    assert fast.offered == {b"f1", b"f2"}
    assert radio.offered == {b"f1"}  # it is not ready


def test_nothing_lesser_leaves_while_flash_waits_for_a_slow_link(three: World) -> None:
    line, _, peer, _, fast = line_of(three)
    radio = slow(peer, "radio")
    radio.ready, radio.pending = False, deque([(FLASH, b"f")])
    fast.pending = deque([(0, b"r")])
    line.sender._drain(peer, fast, NOW)
    assert sent(line) == []
    fast.offered = {b"f"}
    line.sender._drain(peer, fast, NOW)
    assert sent(line) == [("b", b"r")]
    fast.offered, fast.pending = set(), deque([(ANNOUNCEMENT, b"an"), (FLASH, b"g"), (0, b"r")])
    line.sender._drain(peer, fast, NOW)
    assert sent(line)[1:] == [("b", b"an"), ("b", b"g")]


def test_flash_that_waits_elsewhere_goes_by_a_link_that_comes_up_once(three: World) -> None:
    line, _, peer, _, fast = line_of(three)
    radio, other = slow(peer, "radio"), slow(peer, "other")
    radio.pending = deque([(0, b"r"), (ANNOUNCEMENT, b"an"), (FLASH, b"f")])
    other.pending = deque([(ANNOUNCEMENT, b"alone")])
    fast.mtu, fast.pending = 999, deque([(0, b"x")])
    line.sender.also_by(peer, fast)
    assert list(fast.pending) == [(0, b"x")]
    fast.mtu = 1000
    line.sender.also_by(peer, fast)
    assert list(fast.pending) == [(ANNOUNCEMENT, b"an"), (FLASH, b"f"), (0, b"x")]
    assert fast.offered == {b"an", b"f"}
    fast.pending.clear()
    line.sender.also_by(peer, fast)
    assert not fast.pending
    fast.offered = {b"an"}
    line.sender.also_by(peer, fast)
    assert list(fast.pending) == [(FLASH, b"f")]


def test_a_chain_is_announced_to_who_has_not_shown_that_it_holds_it(three: World) -> None:
    line, _, peer, _, _ = line_of(three)
    link = slow(peer, "radio", mtu=500)
    chain = line.chains.chain_for([1, 2], NOW)
    chain.announced, chain.confirmed = {1: 1997.0}, set()
    line.sender._announce(peer, link, chain, NOW)
    assert not link.pending
    chain.announced = {1: 1996.9}
    line.sender._announce(peer, link, chain, NOW)
    assert {kind for kind, _ in link.pending} == {ANNOUNCEMENT}
    assert all(isinstance(datagram.decode(data), datagram.Piece) and len(data) <= 500 for _, data in link.pending)
    assert chain.announced == {1: 2000.0}
    chain.announced, chain.confirmed = {}, {1}
    link.pending.clear()
    line.sender._announce(peer, link, chain, NOW)
    assert not link.pending
    chain.announced = {1: 5.0, 2: 6.0}
    line.sender.announce_again(peer)
    assert chain.announced == {2: 6.0}


def test_a_payload_larger_than_a_datagram_is_cut_into_fragments_of_its_chain(three: World) -> None:
    line, _, _, _, _ = line_of(three)
    payload = bytes(range(256)) * 10
    found = []
    other = three.lines[1].chains
    line.chains.rekey(2)
    chain = line.chains.chain_for([1], NOW)
    announced = datagram.decode(line.chains.announcer.announcement(chain, ONE, line.incarnation, NOW))
    assert isinstance(announced, datagram.Announce)
    other.accept_announcement(announced, NOW)
    for data in line.sender._seal(chain, payload, 500):
        assert len(data) <= 500
        sealed = datagram.decode(data)
        assert isinstance(sealed, datagram.Sealed)
        (part,) = parts.decode(other.open(sealed, NOW).payload)
        assert isinstance(part, parts.Fragment)
        found.append(part)
    assert [(p.start, p.index, p.count) for p in found] == [(0, n, 6) for n in range(6)]
    assert b"".join(p.data for p in found) == payload
    assert [len(p.data) for p in found[:-1]] == [500 - 72] * 5


# -- one payload ---------------------------------------------------------------------------------------


def payloads(monkeypatch: pytest.MonkeyPatch, line: Line) -> list[tuple[int, list[parts.Part]]]:
    """What is sealed from now on, with the mask of its chain."""
    found: list[tuple[int, list[parts.Part]]] = []
    seal = line.sender._seal

    def spy(chain: SendChain, payload: bytes, mtu: int) -> list[bytes]:
        found.append((chain.mask, list(parts.decode(payload))))
        return seal(chain, payload, mtu)

    monkeypatch.setattr(line.sender, "_seal", spy)
    return found


def test_what_goes_in_one_payload(three: World, monkeypatch: pytest.MonkeyPatch) -> None:
    line, tree, peer, out, link = line_of(three)
    found = payloads(monkeypatch, line)
    assert not line.sender._pump_once(peer, NOW)
    out.next = 1
    peer.control, peer.idle = {"query": Query()}, {"a": parts.Padding(1), "b": parts.Padding(2)}
    assert line.sender._pump_once(peer, NOW)
    ((mask, payload),) = found
    assert mask == 0b010
    assert isinstance(payload[1], Entries)
    assert (payload[0], payload[1].first, len(payload)) == (Query(), 1, 2)
    chain = line.chains.chain_for([1], NOW)
    assert out.way.flights[-1] == Flight(chain.tag, chain.counter, 2, 1)
    assert not out.way.leaving
    for n in (1, 2):
        assert line.sender._pump_once(peer, NOW)
        assert found[-1] == (0b010, [parts.Padding(n)])
    assert not line.sender._pump_once(peer, NOW)
    link.ready = False
    peer.control = {"query": Query()}
    assert not line.sender._pump_once(peer, NOW)
    assert peer.control
    assert tree.size == 2


def test_a_document_goes_alone_and_before_entries_but_not_before_flash(
    three: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    line, tree, peer, out, _ = line_of(three)
    found = payloads(monkeypatch, line)
    (hash_, raw), (other, _), *_ = line.membership.notes.items()
    peer.documents = {hash_: Document(raw)}
    out.next = 1
    assert line.sender._document(peer, flash=False) == hash_
    assert line.sender._document(peer, flash=True) is None
    out.urgent = [(-3, 1)]
    assert line.sender._document(peer, flash=True) is None
    for cited in (tree.revision, tree.certificate):
        peer.documents = {cited: Document(raw)}
        assert line.sender._document(peer, flash=True) == cited
    out.urgent = []
    peer.documents = {hash_: Document(raw), other: Document(raw)}
    assert line.sender._pump_once(peer, NOW)
    assert found == [(0b010, [Document(raw)])]
    chain = line.chains.chain_for([1], NOW)
    assert list(peer.documents) == [other]
    assert list(peer.document_ways[hash_].flights) == [Flight(chain.tag, chain.counter)]
    assert (peer.document_ways[hash_].sent_at, peer.document_ways[hash_].leaving) == (2000.0, False)
    peer.documents = {}
    assert line.sender._document(peer, flash=False) is None


def test_small_parts_go_together_as_many_as_a_datagram_takes(three: World) -> None:
    line, _, peer, _, link = line_of(three)
    size = len(parts.encode([Evidence(bytes(100))]))
    link.mtu = 48 + 2 * size
    peer.control = {n: Evidence(bytes([n]) * 100) for n in range(4)}
    control = line.sender._control
    assert [p.proof[0] for p in control(peer, link) if isinstance(p, Evidence)] == [0, 1]
    link.mtu -= 1
    assert control(peer, link) == [Evidence(b"\x02" * 100)]
    assert control(peer, link) == [Evidence(b"\x03" * 100)]
    assert control(peer, link) == []
    peer.control = {1: Evidence(bytes(5000)), 2: Query()}
    assert control(peer, link) == [Evidence(bytes(5000))]
    peer.idle = {1: parts.Padding(1)}
    link.pending.append((0, b"x"))
    assert line.sender._idle(peer, link) == []
    link.pending.clear()
    assert line.sender._idle(peer, link) == [parts.Padding(1)]
    assert line.sender._idle(peer, link) == []


def test_what_took_off_can_be_told_to_be_lost(three: World) -> None:
    line, tree, peer, out, link = line_of(three)
    chain = line.chains.chain_for([1], NOW)
    out.way = Way()
    items = (Opening(b"a"), Blind(bytes(32)), Gone(bytes(32)), Blind(bytes(32)))
    line.sender._took_off(peer, link, chain, [Entries(5, items, b"", tree.log)], NOW)
    line.sender._took_off(peer, link, chain, [Entries(9, items[1:2], b"", tree.log), Entries(0, items, b"")], NOW)
    assert list(out.way.flights) == [Flight(chain.tag, chain.counter, 9, 7), Flight(chain.tag, chain.counter, 10, -1)]
    assert (out.way.sent_at, out.way.leaving) == (2000.0, False)
    line.sender._took_off(peer, slow(peer, "radio"), chain, [Entries(5, items, b"", tree.log)], NOW)
    assert out.way.leaving


def test_a_slow_link_that_is_not_empty_takes_no_more_but_flash(three: World, monkeypatch: pytest.MonkeyPatch) -> None:
    line, tree, peer, out, link = line_of(three)
    found = payloads(monkeypatch, line)
    link.bits_per_second, link.pending = 100, deque([(0, b"w"), (0, b"x")])
    out.next = 1
    assert line.sender._pump_once(peer, NOW)
    assert (found, sent(line)) == ([], [("b", b"w")])
    link.ready = True
    key = r.entry_key(tree.log, 1)
    entry = StoredEntry.decode(line.rows.get(r.ENTRY, key) or b"")
    line.rows.put(r.ENTRY, key, StoredEntry(State.HELD, FLASH, entry.commitment, entry.salt, entry.statement).encode())
    out.urgent, out.known = [(-3, 1)], 2
    assert line.sender._pump_once(peer, NOW)
    assert len(found) == 1
    # It stands before what waits, and the way there is not clear yet.
    assert sent(line)[1][1] != b"x"
    assert link.pending[-1] == (0, b"x")
    assert out.way.leaving


def test_new_entries_and_receipts_go_to_all_in_one_cast(three: World, monkeypatch: pytest.MonkeyPatch) -> None:
    line, _, peer, _, _ = line_of(three)
    found = payloads(monkeypatch, line)
    three.send(1, "asked")
    three.run(0.2)
    assert [mask for mask, _ in found] == [0b110]
    (part,) = found[0][1]
    assert isinstance(part, Cosigned)
    found.clear()
    three.send(0, "said")
    ((mask, payload),) = found
    assert mask == 0b110
    assert isinstance(payload[0], Entries)
    assert (payload[0].first, payload[0].log, len(payload)) == (2, None, 1)
    own = line.own
    assert own is not None
    out = peer.trees[own.log]
    assert (out.next, out.known, out.urgent, out.way.leaving) == (3, 3, [], False)
    chain = line.chains.chain_for([1, 2], NOW)
    assert out.way.flights[-1] == Flight(chain.tag, chain.counter, 3, 2)
    found.clear()
    three.send(0, "for one", to=0b010)
    assert [mask for mask, _ in found] == [0b010, 0b100]


def test_receipts_go_with_what_else_goes_where_not_all_listen(three: World) -> None:
    line, tree, peer, _, _ = line_of(three)
    other = line.peers[TWO]
    ed, pq = Cosigned(tree.log, 2, 1, bytes(64)), Cosigned(tree.log, 2, 1, bytes(2420))
    other.links.clear()
    line.sender._cosigned([peer, other], [ed, pq], NOW)
    assert peer.control == {("cosigned", tree.log, 64): ed}
    assert peer.idle == {("cosigned", tree.log, 2420): pq}
    assert (other.control, other.idle) == (peer.control, peer.idle)
    tree.everyone = 0b101
    peer.control = {}
    line.sender._cosigned([peer], [ed, Cosigned(LogId(TWO, Incarnation(bytes(8))), 2, 1, bytes(64))], NOW)
    assert peer.control == {}


# -- what peers tell -----------------------------------------------------------------------------------


def test_a_receipt_brings_a_tree_on(three: World) -> None:
    line, tree, peer, out, _ = line_of(three)
    chain = line.chains.chain_for([1], NOW)
    both = line.chains.chain_for([1, 2], NOW)
    chain.confirmed, both.confirmed, both.announced, chain.announced = set(), set(), {1: 5.0}, {}
    line.chains.knows_us.discard(ONE)
    out.confirmed, out.next, out.known, out.early = 1, 1, 1, {1: 3, 2: 3, 3: 3}
    out.way.flights = deque([Flight(b"ab", 1, 2, 1), Flight(b"ab", 2, 3, 2)])
    peer.backoff, peer.waiting_since = 8.0, 1.0
    line.sender.progress(peer, tree, 2, NOW)
    assert (out.confirmed, out.next, out.known, out.early) == (2, 2, 2, {2: 3, 3: 3})
    assert list(out.way.flights) == [Flight(b"ab", 2, 3, 2)]
    assert (peer.backoff, peer.waiting_since) == (1.0, 2000.0)
    assert (both.confirmed, chain.confirmed) == ({1}, set())
    assert ONE in line.chains.knows_us
    out.next, out.known, out.early, tree.receipts = 9, 9, {}, {1: 9}
    line.sender.progress(peer, tree, 9, NOW)
    assert [out.confirmed, out.next, out.known, peer.waiting_since] == [9, 9, 9, None]
    peer.backoff = 3.0
    line.sender.progress(peer, tree, 9, NOW)
    assert peer.backoff == 3.0


def test_who_can_be_reached_again_is_sent_what_it_has_not_shown(three: World) -> None:
    line, tree, peer, out, _ = line_of(three)
    chain = line.chains.chain_for([1], NOW)
    chain.announced = {1: 5.0}
    out.confirmed, out.next, out.known = 1, 2, 2
    peer.document_ways, peer.backoff, peer.waiting_since = {b"h": Way()}, 8.0, 1.0
    line.sender.restart(peer)
    assert [out.confirmed, out.next, out.known, peer.backoff, peer.waiting_since] == [1, 1, 1, 1.0, None]
    assert (peer.document_ways, chain.announced) == ({}, {})
    out.confirmed = out.next = out.known = 2
    out.early = {5: 3}
    line.sender.restart(peer)
    assert out.early == {}
    out.way.flights.append(Flight(b"ab", 1))
    line.sender.restart(peer)
    assert out.way.flights
    assert tree.size == 2


def test_what_a_third_party_wrote_is_forwarded_when_its_time_has_come(three: World) -> None:
    line = three.lines[1]
    peer = line.peers[TWO]
    log = LogId(ZERO, three.lines[0].incarnation)
    other = LogId(ONE, Incarnation(bytes(8)))
    peer.trees = {log: Outgoing(confirmed=1, next=2, known=2, forward_at=2000.0), other: Outgoing(forward_at=1.0)}
    line.sender._forward(peer, i.Now(START_S, 1999.9))
    assert peer.trees[log].forward_at == 2000.0
    line.sender._forward(peer, NOW)
    out = peer.trees[log]
    assert [out.forward_at, out.next, out.known] == [None, 1, 1]
    assert peer.trees[other].forward_at == 1.0
    peer.trees[log] = Outgoing(confirmed=2, forward_at=5.0)
    line.sender._forward(peer, NOW)
    assert log not in peer.trees


def test_a_tree_of_ours_that_came_back_is_followed_until_it_is_receipted(three: World) -> None:
    line, tree, peer, out, _ = line_of(three)
    peer.trees, tree.receipts, peer.control = {}, {1: 1}, {}
    assert line.sender.follow(peer, tree) is peer.trees[tree.log]
    assert (peer.trees[tree.log].confirmed, peer.trees[tree.log].next) == (1, 1)
    peer.trees = {}
    line.sender.came_back(peer, tree)
    out = peer.trees[tree.log]
    assert (out.confirmed, out.next, out.known) == (0, 2, 2)
    assert peer.control == {"query": Query((tree.log.incarnation,))}
    tree.everyone = 0b101
    peer.trees = {}
    assert line.sender.follow(peer, tree) is None
    line.sender.came_back(peer, tree)
    line.sender.written(tree, 0, [], opening=True)
    assert peer.trees == {}
    assert tree.log in line.peers[TWO].trees


def test_countersignatures_trickle_at_their_hour(three: World) -> None:
    line, tree, peer, _, _ = line_of(three)
    sender = line.sender
    sender._pq_at = None
    sender.tick(NOW)
    assert [sender._pq_at] == [2300.0]
    sender.tick(i.Now(START_S, 2299.9))
    assert ("cosigned", tree.log, 2420) not in peer.idle
    sender.tick(i.Now(START_S, 2300.0))
    assert ("cosigned", tree.log, 2420) in peer.idle
    assert [sender._pq_at] == [2600.0]
    peer.control, peer.have_at, peer.spoke_at = {}, 2300.0, 2300.0
    sender.tick(i.Now(START_S, 2299.9))
    assert "have" not in peer.control
    sender.tick(i.Now(START_S, 2300.0))
    assert "have" in peer.control
    tree.everyone = 0b101
    peer.idle = {}
    line.receipts._pq_done[tree.log] = 0
    sender.countersign(NOW)
    assert (peer.idle, len(line.peers[TWO].idle)) == ({}, 1)


# -- histories -----------------------------------------------------------------------------------------


def fork(world: World, size: int, differs_at: int) -> tuple[Checkpoint, bytes, list[bytes]]:
    """Another history of member 0, signed."""
    line = world.lines[0]
    own = line.own
    assert own is not None
    leaves = line.trees.leaf_hashes(own.log, size)
    leaves += [leaf_hash(bytes([n])) for n in range(len(leaves), size)]
    leaves[differs_at] = leaf_hash(b"other")
    head = Checkpoint(own.origin, size, root_hash(leaves))
    return head, world.parties[0].signers.checkpoint.sign(head.body()), leaves


@pytest.mark.parametrize(("size", "differs_at"), [(2, 1), (3, 1), (3, 0), (6, 2), (1, 0), (2, 0)])
def test_two_histories_are_proven_whichever_is_longer(three: World, size: int, differs_at: int) -> None:
    for text in ("second", "third"):
        three.send(0, text)
    three.run(1.0)
    line = three.lines[1]
    tree = line.trees.get(LogId(ZERO, three.lines[0].incarnation))
    assert tree is not None
    assert tree.size == 4
    head, signature, leaves = fork(three, size, differs_at)
    found = line.histories.from_two(TwoHistories(tree, head, signature, leaves))
    assert found is not None
    assert found[0] == tree.log
    proof = parse(found[1])
    first, second = proof.verify(three.parties[0].signers.checkpoint.public)
    assert head in (first, second)
    assert line.histories.check_evidence(found[1]) == found


def test_what_is_no_other_history_proves_nothing(three: World) -> None:
    line = three.lines[1]
    tree = line.trees.get(LogId(ZERO, three.lines[0].incarnation))
    assert tree is not None
    leaves = line.trees.leaf_hashes(tree.log, 2)
    head = Checkpoint(tree.origin, 2, root_hash(leaves))
    assert line.histories.from_two(TwoHistories(tree, head, tree.signature, leaves)) is None


def test_a_path_to_another_past_is_a_proof(three: World) -> None:
    line = three.lines[1]
    log = LogId(ZERO, three.lines[0].incarnation)
    tree = line.trees.get(log)
    assert tree is not None
    head, signature, leaves = fork(three, 5, 1)
    histories = line.histories
    gossip = parts.Gossip(log, 5, head.root, signature)
    assert histories.compare(gossip) == (None, Prove(log, 2, 5))

    def answer(old: int = 2, new: int = 5, of: list[bytes] | None = None) -> Prove:
        given = of or leaves
        return Prove(log, old, new, (root_hash(given[:old]), *consistency_proof(given[:new], old)))

    def conclude(part: Prove) -> object:
        histories._pending[log, 5] = gossip
        return histories.conclude(part)

    assert conclude(Prove(log, 2, 5)) is None
    assert conclude(Prove(log, 2, 5, ())) is None
    assert conclude(answer(new=4)) is None
    assert conclude(answer(of=[*line.trees.leaf_hashes(log, 2), *leaves[2:]])) is None
    assert conclude(answer(old=3)) is None
    given = answer()
    assert given.path is not None
    assert conclude(Prove(log, 2, 5, (*given.path[:-1], bytes(32)))) is None
    histories._pending.clear()
    assert histories.conclude(answer()) is None
    found = conclude(answer())
    assert isinstance(found, tuple)
    assert found[0] == log
    proof = parse(found[1])
    assert isinstance(proof, EquivocationProof)
    heads = proof.verify(three.parties[0].signers.checkpoint.public)
    assert heads == (Checkpoint(tree.origin, 2, tree.root), head)
    assert not histories._pending


def test_the_question_for_a_path_is_put_answered_and_concluded(three: World) -> None:
    line, tree, peer, _, _ = line_of(three)
    three.send(0, "more")
    line._on_prove(peer, Prove(tree.log, 2, 3), NOW)
    given = peer.control["proof", tree.log]
    assert isinstance(given, Prove)
    assert given.path is not None
    peer.control = {}
    line._on_prove(peer, Prove(tree.log, 2, 9), NOW)
    assert peer.control == {}
    head, signature, leaves = fork(three, 5, 1)
    line._on_gossip(peer, parts.Gossip(tree.log, 5, head.root, signature), NOW)
    assert peer.control["prove", tree.log] == Prove(tree.log, 3, 5)
    head, signature, _ = fork(three, 3, 1)
    line.out = i.Output()
    line._on_gossip(peer, parts.Gossip(tree.log, 3, head.root, signature), NOW)
    assert line.out.events == [i.Equivocated(tree.log)]
    assert isinstance(peer.control["evidence", tree.log], Evidence)
    assert line.rows.get(r.EVIDENCE, r.log_key(tree.log)) is not None
    assert tree.log in line.trees.disputed
    line.out, peer.control = i.Output(), {}
    line._on_gossip(peer, parts.Gossip(tree.log, 3, head.root, signature), NOW)
    assert line.out.events == []
    assert isinstance(peer.control["evidence", tree.log], Evidence)  # who speaks of it is reminded
    assert len(leaves) == 5


# -- order ---------------------------------------------------------------------------------------------


def test_a_message_waits_for_what_its_author_wrote_before_it(three: World) -> None:
    line = three.lines[1]
    log = LogId(ZERO, three.lines[0].incarnation)
    tree = line.trees.get(log)
    assert tree is not None
    said = Accepted(1, Statement(Kind.MESSAGE, START_S, Message("x")))
    flash = Accepted(1, Statement(Kind.MESSAGE, START_S, Message("x", precedence=Precedence.FLASH)))

    def shown(*content: Accepted, held: int = 2) -> list[int]:
        line.out = i.Output()
        tree.holes = {held} if held < tree.size else set()
        line.order.take(tree, content, NOW)
        return [e.entry.index for e in line.out.events if isinstance(e, i.Arrived)]

    assert shown(said) == [1]
    assert shown(flash, held=0) == [1]
    assert line.order._later == {}
    assert shown(said, held=0) == []
    assert line.order._later == {ZERO: {(log, 1)}}
    assert line.order._since == {ZERO: 2000.0}
    assert line.rows.get(r.LATER, r.entry_key(log, 1)) == b""
    assert shown(said) == []  # something of this author waits: nothing overtakes it
    line.out = i.Output()
    line.order.release(i.Now(START_S, 2001.0))
    assert [e.entry for e in line.out.events if isinstance(e, i.Arrived)] == [EntryId(log, 1)]
    assert (line.order._later, line.order._since, line.order._asked) == ({}, {}, {})
    assert line.rows.get(r.LATER, r.entry_key(log, 1)) is None


def test_what_waits_is_asked_for_and_given_up_in_the_end(three: World) -> None:
    line = three.lines[1]
    peer = line.peers[ZERO]
    log = LogId(ZERO, three.lines[0].incarnation)
    tree = line.trees.get(log)
    assert tree is not None
    tree.holes = {0}
    line.order.take(tree, [Accepted(1, Statement(Kind.MESSAGE, START_S, Message("x")))], NOW)

    def release(boot: float) -> list[str]:
        peer.have_at, peer.control, line.out = None, {}, i.Output()
        line.order.release(i.Now(START_S, boot))
        asked = isinstance(peer.control.get("query"), Query) and [peer.have_at] != [None]
        return ["asked"] * asked + [e.code for e in line.out.events if isinstance(e, i.Warned)]

    assert release(2000.0) == ["asked"]
    assert line.order.wake() == 2015.0
    assert release(2014.9) == []
    assert release(2015.0) == ["asked"]
    assert release(2599.0) == ["asked"]
    assert release(2599.9) == []
    assert release(2600.0) == ["order-incomplete"]
    assert line.order._later == {}


def test_a_later_run_waits_for_the_end_of_the_one_before(three: World) -> None:
    line = three.lines[1]
    log = LogId(ZERO, three.lines[0].incarnation)
    tree = line.trees.get(log)
    assert tree is not None
    first = line.trees.opening(log)
    assert first is not None
    newer = LogId(ZERO, Incarnation(b"newerrun"))
    order, peer = line.order, line.peers[ZERO]

    def place(size: int, **says: int) -> int | None:
        order._reached.clear()
        line.trees._openings[newer] = Opened(first.revision, first.certificate, (log.incarnation, size, bytes(32)))
        return order._place(newer)

    peer.says = None
    assert order._place(log) == 0
    assert place(2) == 1
    assert order._reached == {log: 0, newer: 1}
    assert place(3) is None
    assert order._turn((newer, 5)) == (1 << 32, newer, 5)
    assert order._turn((log, 5)) == (0, log, 5)
    peer.says = {newer: 1, log: 3}
    assert place(3) is None
    peer.says = {newer: 1, log: 2}
    assert place(3) == 1  # its author has lost it itself
    peer.says = {log: 2}
    assert place(3) is None
    peer.says, peer.unsure = {newer: 1, log: 2}, frozenset({ZERO})
    assert place(3) is None
    peer.unsure = frozenset()
    peer.says = None
    line.trees.disputed.add(log)
    assert place(3) == 1
    line.trees.disputed.clear()
    order._given_up.add(newer)
    assert place(3) == 1
    order._given_up.clear()
    line.trees._openings[newer] = Opened(first.revision, first.certificate, (Incarnation(b"not here"), 1, bytes(32)))
    order._reached.clear()
    assert order._place(newer) is None
    line.trees._openings[newer] = Opened(first.revision, first.certificate, (newer.incarnation, 0, bytes(32)))
    assert order._place(newer) == 0


# -- documents -----------------------------------------------------------------------------------------


def test_a_new_revision_begins_a_new_run_and_brings_new_peers() -> None:
    world = World(2)
    world.link(0, 1)
    world.run(1.0)
    world.send(0, "x")
    world.run(1.0)
    line = world.lines[0]
    old, own = line.incarnation, line.own
    assert own is not None
    newcomer = World(3, seed=5).parties[2]
    for note in newcomer.notes():
        output = line.step([i.AddDocument(note)], NOW)
        assert [type(e) for e in output.events] == [i.MembershipChanged]
    assert line.incarnation == old
    parties = [*world.parties, newcomer]
    entries = [p.entry(n) for n, p in enumerate(parties)]
    raw = charter_note(parties, entries, line.membership)
    line.peers[ONE].have_at = None
    line.chains.knows_us.add(1)
    output = line.step([i.AddDocument(raw)], NOW)
    assert [type(e) for e in output.events] == [i.MembershipChanged]
    assert {c.key for c in output.changes if c.space == r.DOCUMENT} == {line.membership.current.hash}
    assert line.incarnation != old
    assert line.chains.incarnation == line.incarnation
    assert line.chains.knows_us == set()
    assert sorted(line.peers) == [1, 2]
    assert line.peers[ONE].have_at is not None
    assert line.peers[TWO].trees == {}  # what was written before is not the newcomer's
    assert line.step([i.AddDocument(raw)], NOW).events == []
    gone = charter_note(parties, [entries[0], entries[2]], line.membership)
    line.step([i.AddDocument(gone)], NOW)
    assert sorted(line.peers) == [2]


def test_a_link_that_goes_takes_nothing_with_it(three: World) -> None:
    line, _, peer, out, link = line_of(three)
    radio = slow(peer, "radio")
    out.confirmed = 1
    line.step([i.LinkDown("radio", ONE)], NOW)
    assert out.next == 2
    peer.links["radio"] = radio
    radio.pending.append((0, b"x"))
    link.ready = False
    line.step([i.LinkDown("radio", ONE)], NOW)
    assert out.next == 1
    out.next, out.confirmed = 2, 1
    link.pending.append((0, b"x"))
    line.step([i.LinkDown("b", ONE)], NOW)
    assert out.next == 2  # there is none to go by
    link.pending.clear()


def test_when_a_first_link_comes_up_all_begins_again(three: World) -> None:
    line, _, peer, out, _ = line_of(three)
    three.step(0, i.LinkDown("b", ONE))
    out.confirmed, peer.talk = 1, 9.0
    line._on_link_up(i.LinkUp("b", ONE, 1000), NOW)
    assert (out.next, peer.talk, peer.have_at) == (1, 1.0, 2000.3)
    out.next, peer.backoff = 2, 5.0
    chain = line.chains.chain_for([1], NOW)
    chain.announced = {1: 1.0}
    line._on_link_up(i.LinkUp("c", ONE, 1000), NOW)
    assert (out.next, peer.backoff, chain.announced) == (2, 5.0, {})


def test_receipts_of_third_members_are_taken_from_anybody(three: World) -> None:
    line, tree, peer, out, _ = line_of(three)
    given = [e for e in three.events[0] if isinstance(e, i.Receipted)]
    assert {(e.log, e.size, e.giver) for e in given} == {(tree.log, 2, 1), (tree.log, 2, 2)}
    assert all(e.time >= START_S for e in given)
    head = tree.checkpoint()
    made = cosign_ed25519(three.parties[2].signers.receipt, head, 9)
    tree.receipts.clear()
    theirs = line.peers[TWO].trees[tree.log]
    out.confirmed = theirs.confirmed = 0
    line.out = i.Output()
    line._on_cosigned(peer, Cosigned(tree.log, 2, 9, made.signature, 2), NOW)
    assert line.out.events == [i.Receipted(tree.log, 2, TWO, 9)]
    assert (theirs.confirmed, out.confirmed) == (2, 0)
    line.out = i.Output()
    line._on_cosigned(peer, Cosigned(tree.log, 2, 9, made.signature, 2), NOW)
    assert line.out.events == []
    other = three.lines[2]
    theirs = other.peers[ONE].trees[tree.log] = Outgoing(confirmed=1, next=1, known=1)
    made = cosign_ed25519(three.parties[1].signers.receipt, head, 9)
    other.out = i.Output()
    other._on_cosigned(other.peers[ONE], Cosigned(tree.log, 2, 9, made.signature), NOW)
    assert (theirs.confirmed, theirs.next) == (2, 1)
    peer.have_at = None
    unknown = LogId(TWO, Incarnation(bytes(8)))
    line._on_cosigned(peer, Cosigned(unknown, 2, 9, made.signature, 2), NOW)
    assert [peer.have_at] == [2002.0]
    line._on_cosigned(peer, Cosigned(unknown, 2, 9, made.signature, 2), i.Now(START_S, 2001.0))
    assert peer.have_at == 2002.0


def test_a_question_is_answered_and_receipts_are_given_again(three: World) -> None:
    line = three.lines[1]
    peer = line.peers[ZERO]
    log = LogId(ZERO, three.lines[0].incarnation)
    peer.talk, peer.have_at, peer.have_sent = 64.0, None, 0.0
    line._on_query(peer, Query((log.incarnation,)), NOW)
    assert [peer.talk, peer.have_at] == [1.0, 2000.0]
    assert list(line.receipts._due) == [log]


def test_an_announcement_is_heard_and_what_we_hold_is_said_soon(three: World) -> None:
    line, _, _, _, _ = line_of(three)
    other = three.lines[1]
    peer = other.peers[ZERO]
    line.chains.rekey(0b010)
    chain = line.chains.chain_for([1], NOW)
    announced = datagram.decode(line.chains.announcer.announcement(chain, ONE, line.incarnation, NOW))
    assert isinstance(announced, datagram.Announce)
    peer.have_at, peer.heard_at = None, None
    other._on_announce(announced, NOW)
    assert [peer.heard_at, peer.heard_wall, peer.have_at] == [2000.0, START_S, 2000.3]
    peer.have_at = 5.0
    line.chains.rekey(0b010)
    chain = line.chains.chain_for([1], NOW)
    announced = datagram.decode(line.chains.announcer.announcement(chain, ONE, line.incarnation, NOW))
    assert isinstance(announced, datagram.Announce)
    other._on_announce(announced, NOW)
    assert peer.have_at == 5.0
    batch = line.chains.announcer.prekeys_for(ONE, 1)
    other._on_prekeys(peer, batch, NOW)
    assert isinstance(batch, Prekeys)
    assert [v for _, v in other.rows.prefixed(r.PREKEY, b"t\x00")] == list(batch.keys)


def test_what_is_done_is_told(three: World) -> None:
    line, tree, peer, _, _ = line_of(three)
    tree.receipts = {1: 2, 2: 2}
    assert line.step([i.Prune(0, 5)], NOW).events == [i.Done(5, 0, more=False)]
    assert line.step([i.Prune(2 * START_S, 6, 1)], NOW).events == [i.Done(6, 1, more=True)]
    assert line.step([i.Countersign(7)], NOW).events == [i.Done(7)]
    assert ("cosigned", tree.log, 2420) in peer.idle or peer.idle == {}
