"""What a line does with what it is given: drafts, receipts, warnings, heads of trees and times, one at a time."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from parley import limits
from parley.errors import ParleyError
from parley.ids import EntryId, Incarnation, LogId, MemberNumber
from parley.protocol import holdings
from parley.protocol import inputs as i
from parley.protocol import rows as r
from parley.protocol.cast import plan
from parley.protocol.flight import Flight, Way
from parley.protocol.holdings import Told
from parley.protocol.line import Line
from parley.protocol.outbox import Link, Outgoing, Peer
from parley.protocol.settings import Settings, only_plain_text
from parley.protocol.tree import Accepted, Tree
from parley.record.checkpoint import Checkpoint
from parley.record.cosignature import (
    Cosignature,
    checkpoint_name,
    cosign_ed25519,
    cosign_mldsa44,
    receipt_name,
)
from parley.wire import datagram, note, parts, statement
from parley.wire.documents import NoticeOfLeaving, document_hash
from parley.wire.note import Note
from parley.wire.parts import ChainHeld, Cosigned, Entries, Gossip, Have, Held, Opening, Prove
from parley.wire.statement import (
    EVERYONE,
    Kind,
    Mark,
    Message,
    Opened,
    Precedence,
    Reference,
    Relation,
    Signed,
    Statement,
)
from parley_testkit.small_world import START_S, World

ZERO, ONE, TWO = (MemberNumber(n) for n in range(3))


def pair(count: int = 2, **options: Any) -> World:
    """Some members that have met and are quiet."""
    world = World(count, **options)
    world.link_all()
    world.run(0.4)
    return world


def code_of(call: Callable[[], object]) -> str:
    with pytest.raises(ParleyError) as caught:
        call()
    return caught.value.code


def warned(world: World, k: int, *inputs: i.Input) -> list[tuple[str, int | None]]:
    """What member ``k`` is warned of in one step."""
    output = world.step(k, *inputs)
    return [(e.code, e.peer) for e in output.events if isinstance(e, i.Warned)]


# -- drafts --------------------------------------------------------------------------------------------


def rejected(world: World, content: Message | Mark, kind: Kind = Kind.MESSAGE, to: int = EVERYONE) -> str:
    """The code with which member 0's draft is refused, or nothing."""
    output = world.step(0, i.Submit(kind, content, to, 7))
    (event,) = [e for e in output.events if isinstance(e, i.Rejected | i.Written) and e.token == 7]
    return event.error.code if isinstance(event, i.Rejected) else ""


@pytest.mark.parametrize(
    ("to", "code"),
    [
        (EVERYONE, ""),
        (0b010, ""),
        (0b011, ""),
        (0b110, ""),
        (0b001, "recipients-unknown"),
        (0b1000, "recipients-unknown"),
        (0b1010, "recipients-unknown"),
    ],
)
def test_recipients_are_other_members(to: int, code: str) -> None:
    assert rejected(World(3), Message("x"), to=to) == code


def test_a_draft_is_a_form_of_the_charter_with_a_time_that_can_be() -> None:
    world = World(2)
    assert rejected(world, Message(b"", form="a/b")) == "form-unknown"
    assert rejected(world, Message("x", reply_by=limits.MAX_TIME)) == ""
    assert rejected(world, Message("x", reply_by=limits.MAX_TIME + 1)) == "time-range"
    assert only_plain_text(world.membership.current.charter, Message("x"))


@pytest.mark.parametrize(
    ("content", "fits"),
    [
        (Message("\u20ac" * 16_180), True),
        (Message("\u20ac" * 16_230), False),
        (Message("x" * 16_000, subject="\u20ac" * 10_870), True),
        (Message("x" * 16_000, subject="\u20ac" * 10_880), False),
    ],
)
def test_a_draft_leaves_room_for_what_it_will_state_that_it_has_seen(content: Message, fits: bool) -> None:
    data = statement.encode(Statement(Kind.MESSAGE, START_S + 1000, content))
    assert (len(data) <= limits.MAX_STATEMENT - 512) is fits
    assert rejected(World(2), content) == ("" if fits else "statement-too-large")


def test_many_references_count_towards_what_fits() -> None:
    world = World(2)
    refs = tuple(
        Reference(Relation.REPLY, EntryId(LogId(ONE, Incarnation(bytes(8))), (1 << 32) - 1)) for _ in range(3000)
    )
    assert rejected(world, Message("x", refs=refs)) == "statement-too-large"


def test_what_officers_signed_for_some_is_not_sent_once_they_are_all() -> None:
    world = World(3)
    content = Message("x", signed=Signed(bytes(16)))
    assert rejected(world, content, to=0b110) == "release-changed"
    assert rejected(world, content, to=0b010) == ""
    assert rejected(world, content) == ""
    assert rejected(world, Message("x"), to=0b110) == ""


def test_who_is_sent_to_every_member_by_name_is_sent_to_everyone() -> None:
    world = pair(3)
    for to, stated in ((0b110, EVERYONE), (0b111, EVERYONE), (0b010, 0b010), (0b011, 0b010)):
        world.send(0, "x", to=to)
        own = world.lines[0].own
        assert own is not None
        entry = world.lines[0].trees.entry(own.log, own.size - 1)
        assert entry is not None
        assert (entry.audience, statement.decode(entry.statement).to) == (stated, stated)


def test_a_mark_is_on_a_message_of_another_that_is_here_and_once() -> None:
    world = pair()
    world.send(1, "asked")
    world.send(0, "ours")
    world.run(1)
    theirs, ours = (LogId(MemberNumber(k), world.lines[k].incarnation) for k in (1, 0))

    def mark(log: LogId, index: int, kind: Kind = Kind.READ) -> str:
        return rejected(world, Mark((Reference(Relation.SUBJECT, EntryId(log, index)),)), kind)

    assert mark(theirs, 2) == "message-unknown"
    assert mark(ours, 1) == "message-unknown"
    assert mark(theirs, 1) == ""
    assert mark(theirs, 1) == "already-marked"
    assert mark(theirs, 1, Kind.ACKNOWLEDGED) == ""
    entry = world.lines[0].trees.entry(theirs, 1)
    assert entry is not None
    world.lines[0].trees.erase(2 * START_S, 9)
    assert mark(theirs, 1, Kind.DECLINED) == "message-unknown"


def test_a_party_that_left_writes_no_more() -> None:
    world = World(2)
    party = world.parties[0]
    text = NoticeOfLeaving(world.membership.line, "north", document_hash(party.party_text), "over").text()
    world.step(0, i.AddDocument(Note(text, (party.sign(text),)).encode()))
    assert rejected(world, Message("x")) == "line-left"


def test_a_tree_opens_under_the_certificate_of_the_key_that_signs_it() -> None:
    world = World(2)
    world.send(0, "x")
    own = world.lines[0].own
    assert own is not None
    first = world.lines[0].trees.opening(own.log)
    assert first == Opened(world.membership.current.hash, world.membership.member(ZERO).certificate)
    other = World(2, seed=1)
    line = Line(other.lines[0].rows, other.membership, ZERO, world.parties[0].signers, other.random.randbytes)
    assert code_of(lambda: line.step([i.Submit(Kind.MESSAGE, Message("x"))], other.now(0))) == "certificate-missing"


def test_a_new_run_cites_the_one_before_as_it_was_left() -> None:
    world = World(2)
    heads = []
    for n in range(3):
        world.send(0, f"{n}")
        line = world.lines[0]
        assert line.own is not None
        assert line.head() is line.own
        heads.append((line.own.log.incarnation, line.own.size, line.own.root))
        cited = line.trees.opening(line.own.log)
        assert cited is not None
        assert cited.previous == (heads[-2] if n else None)
        world.restart(0)
        again = world.lines[0]
        assert again.own is None
        assert again.head() is again.author.last_own()
        assert again.head() is not None
        assert again.head().log.incarnation == heads[-1][0]  # type: ignore[union-attr]


def test_an_entry_states_what_was_seen_since_the_last_and_of_few_trees() -> None:
    world = pair(3)
    world.send(1, "a")
    world.send(2, "b")
    world.run(1)

    def seen() -> dict[int, int]:
        world.send(0, "x")
        own = world.lines[0].own
        assert own is not None
        entry = world.lines[0].trees.entry(own.log, own.size - 1)
        assert entry is not None
        return {s.log.member: s.size for s in statement.decode(entry.statement).seen}

    assert seen() == {1: 2, 2: 2}
    assert seen() == {}
    world.send(1, "c")
    world.run(1)
    assert seen() == {1: 3}
    line = world.lines[0]
    first = next(t for t in line.trees if t.log.member == 1)
    for n in range(10):
        log = LogId(ONE, Incarnation(bytes([n]) * 8))
        line.trees._trees[log] = replace(first, log=log, holes=set())
    assert len(line.author._with_seen(Statement(Kind.MESSAGE, 1, Message("x"))).seen) == 8
    assert len(line.author._with_seen(Statement(Kind.MESSAGE, 1, Message("x"))).seen) == 2


# -- casts ---------------------------------------------------------------------------------------------


def cast_of(world: World, *bodies: str, to: int = EVERYONE, precedence: Precedence = Precedence.ROUTINE) -> Any:
    line = world.lines[0]
    assert line.own is not None
    said = [Statement(Kind.MESSAGE, 1, Message(b, precedence=precedence), to) for b in bodies]
    return plan(line, line.own, [(s, statement.encode(s)) for s in said], world.now(0))


@pytest.fixture
def three() -> World:
    world = pair(3)
    world.send(0, "first")
    world.run()
    return world


def test_a_batch_goes_at_once_to_whom_has_all_before_it(three: World) -> None:
    line = three.lines[0]
    made = cast_of(three, "a", "b", precedence=Precedence.IMMEDIATE)
    assert ([p.number for p in made.peers], made.everyone, made.precedence) == ([1, 2], True, 2)
    assert len(made.statements) == 2
    assert made.keys == line.chains.next_key(made.chain)
    assert (made.salt(1), made.chain.mask) == (made.keys.salt(1), 0b110)
    made = cast_of(three, "a", to=0b010)
    assert ([p.number for p in made.peers], made.everyone, made.chain.mask) == ([1], False, 0b010)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("behind", lambda p, out, link: setattr(out, "next", out.next - 1)),
        ("unknown", lambda p, out, link: setattr(out, "known", out.known + 1)),
        ("early", lambda p, out, link: out.early.update({9: 3})),
        ("pending", lambda p, out, link: link.pending.append((0, b"x"))),
        ("not ready", lambda p, out, link: setattr(link, "ready", False)),
        ("small", lambda p, out, link: setattr(link, "mtu", 95)),
        ("no credit", lambda p, out, link: setattr(out, "confirmed", out.next - 1024)),
        ("no tree", lambda p, out, link: p.trees.clear()),
        ("owed", lambda p, out, link: p.trees.update({LogId(ZERO, Incarnation(b"earlier!")): Outgoing()})),
    ],
)
def test_who_lacks_something_is_not_in_the_group(
    three: World, name: str, change: Callable[[Peer, Outgoing, Link], object]
) -> None:
    line = three.lines[0]
    assert line.own is not None
    peer = line.peers[ONE]
    (link,) = peer.links.values()
    log = LogId(ZERO, Incarnation(b"earlier!"))
    line.trees._trees[log] = replace(line.own, log=log)
    change(peer, peer.trees[line.own.log], link)
    made = cast_of(three, "a")
    assert ([p.number for p in made.peers], made.everyone, made.chain.mask) == ([2], True, 0b110), name
    line.peers[TWO].links.clear()
    assert cast_of(three, "a") is None


def test_what_is_just_enough_for_the_group(three: World) -> None:
    line = three.lines[0]
    assert line.own is not None
    peer = line.peers[ONE]
    (link,) = peer.links.values()
    out = peer.trees[line.own.log]
    link.mtu, out.confirmed = 96, out.next - 1023
    log = LogId(ZERO, Incarnation(b"earlier!"))
    line.trees._trees[log] = replace(line.own, log=log)
    peer.trees[log] = Outgoing(next=line.own.size)
    peer.trees[LogId(ONE, Incarnation(b"of other"))] = Outgoing()
    assert [p.number for p in cast_of(three, "a").peers] == [1, 2]


def test_a_batch_that_is_large_or_for_different_members_waits_its_turn(three: World) -> None:
    line = three.lines[0]
    assert line.own is not None
    one, two = (Statement(Kind.MESSAGE, 1, Message("x"), to) for to in (EVERYONE, 0b010))
    both = [(s, statement.encode(s)) for s in (one, two)]
    assert plan(line, line.own, both, three.now(0)) is None
    data = statement.encode(one)
    room = 32 * 1024 // 2 - 16
    assert plan(line, line.own, [(one, bytes(room))] * 2, three.now(0)) is not None
    assert plan(line, line.own, [(one, bytes(room)), (one, bytes(room + 1))], three.now(0)) is None
    assert plan(line, line.own, [(one, data)] * limits.MAX_ENTRIES_PER_PAYLOAD, three.now(0)) is not None
    assert plan(line, line.own, [(one, data)] * (limits.MAX_ENTRIES_PER_PAYLOAD + 1), three.now(0)) is None


# -- receipts ------------------------------------------------------------------------------------------


def receipt(
    world: World, giver: int, size: int, *, key: int | None = None, pq: bool = False, time: int = 9
) -> Cosigned:
    """A receipt of ``giver`` on the tree of member 0, by the key of ``key``."""
    own = world.lines[0].own
    assert own is not None
    root = world.lines[0].trees.root_at(own, size) or bytes(32)
    head = Checkpoint(own.origin, size, root)
    signers = world.parties[giver if key is None else key].signers
    name = receipt_name(world.membership.line, world.parties[giver].code)
    made = cosign_mldsa44(signers.receipt_pq, name, head, time) if pq else cosign_ed25519(signers.receipt, head, time)
    return Cosigned(own.log, size, made.time, made.signature)


def test_a_receipt_is_verified_kept_and_counted(three: World) -> None:
    line = three.lines[0]
    tree = line.own
    assert tree is not None
    tree.receipts.clear()
    elsewhere = LogId(ZERO, Incarnation(bytes(8)))
    for size, fresh in ((1, True), (2, True), (1, False)):
        assert line.receipts.accept(receipt(three, 1, size), ONE, tree.log) == (tree, fresh)
        assert tree.receipts == {1: max(size, tree.receipts[1])}
    key = r.receipt_key(tree.log, 1, note.COSIGNATURE_ED25519, 2)
    kept = line.rows.get(r.RECEIPT, key)
    assert kept == (9).to_bytes(8, "big") + receipt(three, 1, 2).signature
    line.receipts.accept(receipt(three, 1, 2, time=10), ONE, tree.log)
    assert line.rows.get(r.RECEIPT, key) == kept  # the first stays
    assert line.receipts.accept(receipt(three, 1, 2, pq=True), ONE, tree.log) == (tree, False)
    assert line.rows.get(r.RECEIPT, r.receipt_key(tree.log, 1, note.COSIGNATURE_MLDSA44, 2)) is not None
    assert line.receipts.accept(replace(receipt(three, 1, 2), log=elsewhere), ONE, tree.log) is None
    longer = receipt(three, 1, tree.size + 1)
    assert code_of(lambda: line.receipts.accept(longer, ONE, tree.log)) == "receipt-unsent"
    assert line.receipts.accept(longer, ONE, elsewhere) is None


@pytest.mark.parametrize("pq", [False, True])
def test_a_receipt_by_another_key_or_of_another_head_is_refused(three: World, pq: bool) -> None:
    line = three.lines[0]
    assert line.own is not None
    log = line.own.log
    assert code_of(lambda: line.receipts.accept(receipt(three, 1, 2, key=2, pq=pq), ONE, log)) == "signature-invalid"
    assert code_of(lambda: line.receipts.accept(receipt(three, 2, 2, pq=pq), ONE, log)) == "signature-invalid"
    wrong = replace(receipt(three, 1, 2, pq=pq), size=1)
    assert code_of(lambda: line.receipts.accept(wrong, ONE, log)) == "signature-invalid"
    later = replace(receipt(three, 1, 2, pq=pq), time=10)
    assert code_of(lambda: line.receipts.accept(later, ONE, log)) == "signature-invalid"
    assert code_of(lambda: line.receipts.accept(receipt(three, 1, 2), MemberNumber(9), log)) == "member-unknown"


def test_an_author_cosigns_its_own_tree_by_its_checkpoint_key_alone(three: World) -> None:
    line = three.lines[1]
    own = three.lines[0].own
    assert own is not None
    current = LogId(ONE, line.incarnation)
    assert code_of(lambda: line.receipts.accept(receipt(three, 0, 2), ZERO, current)) == "receipt-by-author"
    assert code_of(lambda: line.receipts.accept(receipt(three, 0, 2, pq=True), ZERO, current)) == "signature-invalid"
    name = checkpoint_name(three.membership.line, "north")
    made = cosign_mldsa44(three.parties[0].signers.checkpoint_pq, name, own.checkpoint(), 9)
    given = Cosigned(own.log, own.size, 9, made.signature)
    assert line.receipts.accept(given, ZERO, current) == (line.trees.get(own.log), False)


def test_a_receipt_of_a_key_before_is_taken(three: World) -> None:
    line = three.lines[0]
    own = line.own
    assert own is not None
    party = three.parties[1]
    keys = replace(party.certificate.keys, receipt=three.parties[2].signers.receipt.public)
    text = replace(party.certificate, serial=2, keys=keys).text()
    line.step([i.AddDocument(Note(text, (party.sign(text),)).encode())], three.now(0))
    for key in (1, 2):
        assert line.receipts.accept(receipt(three, 1, key, key=key), ONE, own.log) is not None
    assert code_of(lambda: line.receipts.accept(receipt(three, 1, 2, key=0), ONE, own.log)) == "signature-invalid"


def test_receipts_are_given_for_what_is_whole(three: World) -> None:
    line = three.lines[1]
    log = LogId(ZERO, three.lines[0].incarnation)
    tree = line.trees.get(log)
    assert tree is not None
    line.receipts.due(tree, ZERO)
    (given,) = line.receipts.give(77)
    assert (given.log, given.size, given.time, given.giver) == (log, 2, 77, None)
    name = receipt_name(three.membership.line, "south")
    Cosignature(77, given.signature).verify(name, three.parties[1].signers.receipt.public, tree.checkpoint())
    assert line.receipts.give(78) == []
    kept = line.rows.get(r.RECEIPT, r.receipt_key(log, 1, note.COSIGNATURE_ED25519, 2))
    assert kept is not None
    assert int.from_bytes(kept[:8], "big") != 77  # that of the first time stands
    tree.receipted = 1
    line.receipts.due(tree, ZERO)
    line.receipts.give(79)
    assert tree.receipted == 2
    assert (line.rows.get(r.RECEIPT, r.receipt_key(log, 1, note.COSIGNATURE_ED25519, 2)) or b"")[:8] == (79).to_bytes(
        8, "big"
    )
    assert line.own is None
    three.send(1, "x")
    own = three.lines[1].own
    assert own is not None
    line.receipts.due(own, ZERO)
    assert line.receipts.give(80) == []
    line.receipts.again(ZERO, [Incarnation(bytes(8)), log.incarnation])
    assert [c.log for c in line.receipts.give(81)] == [log]
    tree.holes = {1}
    line.receipts.due(tree, ZERO)
    assert line.receipts.give(82) == []  # nothing is signed at 1
    line.rows.put(r.SIGNED, r.log_key(log) + (1).to_bytes(4, "big"), b"r" * 32 + b"s" * 64)
    line.receipts.due(tree, ZERO)
    (given,) = line.receipts.give(82)
    head = Checkpoint(tree.origin, 1, b"r" * 32)
    assert given.size == 1
    Cosignature(82, given.signature).verify(name, three.parties[1].signers.receipt.public, head)
    tree.holes = {0}
    line.receipts.due(tree, ZERO)
    assert line.receipts.give(83) == []
    tree.holes = set()
    line.trees.disputed.add(log)
    line.receipts.due(tree, ZERO)
    assert line.receipts.give(84) == []


def test_a_heartbeat_is_a_receipt_on_the_newest_tree(three: World) -> None:
    line = three.lines[1]
    line.receipts.heartbeat(TWO)
    assert line.receipts.give(5) == []
    log = LogId(ZERO, three.lines[0].incarnation)
    first = line.trees.get(log)
    assert first is not None
    other = LogId(ZERO, Incarnation(bytes(8)))
    line.trees._trees[other] = replace(first, log=other, receipted=1)
    line.receipts.heartbeat(ZERO)
    assert [c.log for c in line.receipts.give(6)] == [log]


def test_cosignatures_of_both_sorts_follow_where_something_is_new(three: World) -> None:
    for k, own in ((0, True), (1, False)):
        line = three.lines[k]
        given = line.receipts.post_quantum(88)
        assert [(c.log.member, c.size, c.time) for c in given] == [(0, 2, 88)]
        signers = three.parties[k].signers
        make = checkpoint_name if own else receipt_name
        tree = line.trees.get(given[0].log)
        assert tree is not None
        public = (signers.checkpoint_pq if own else signers.receipt_pq).public
        name = make(three.membership.line, three.parties[k].code)
        Cosignature(88, given[0].signature).verify(name, public, tree.checkpoint())
        assert line.receipts.post_quantum(89) == []
        kept = line.rows.get(r.RECEIPT, r.receipt_key(tree.log, k, note.COSIGNATURE_MLDSA44, 2))
        assert kept == (88).to_bytes(8, "big") + given[0].signature
        line.receipts._pq_done.clear()
        assert line.receipts.post_quantum(90) == []
        if not own:
            tree.holes = {0}
            line.receipts._pq_done[tree.log] = 0
            assert line.receipts.post_quantum(91) == []


# -- warnings ------------------------------------------------------------------------------------------


def test_a_bearer_of_too_small_datagrams_is_not_used() -> None:
    world = World(2)
    assert warned(world, 0, i.LinkUp("b", ONE, limits.MIN_MTU - 1)) == [("bearer-mtu", 1)]
    assert not world.lines[0].peers[ONE].links
    assert warned(world, 0, i.LinkUp("b", MemberNumber(9), 1000)) == []
    assert warned(world, 0, i.LinkUp("b", ONE, limits.MIN_MTU, 0.5, 100, one_way=True, cost=3)) == []
    (link,) = world.lines[0].peers[ONE].links.values()
    assert (link.bearer, link.mtu, link.round_trip_s, link.bits_per_second) == ("b", limits.MIN_MTU, 0.5, 100)
    assert (link.one_way, link.cost) == (True, 3)
    assert warned(world, 0, i.Busy("b", ONE), i.Busy("c", ONE), i.Busy("b", MemberNumber(9))) == []
    assert [x.ready for x in world.lines[0].peers[ONE].links.values()] == [False]
    assert warned(world, 0, i.Ready("b", ONE), i.LinkDown("c", ONE), i.LinkDown("b", MemberNumber(9))) == []
    assert [x.ready for x in world.lines[0].peers[ONE].links.values()] == [True]
    assert warned(world, 0, i.LinkDown("b", ONE)) == []
    assert not world.lines[0].peers[ONE].links


def entries_of(world: World, author: int, first: int = 0, log: LogId | None = None) -> Entries:
    """What ``author`` has of its tree, as one part."""
    own = world.lines[author].own
    assert own is not None
    items = [Opening(e.statement, e.salt) for _, e in world.lines[author].trees.entries(own.log, first, own.size)]
    return Entries(first, tuple(items), own.signature, log or own.log)


def deliver(world: World, source: int, target: int, *what: parts.Part) -> list[tuple[str, int | None]]:
    """Seal parts by ``source`` for ``target``; what ``target`` is warned of when they arrive."""
    chains = world.lines[source].chains
    chain = chains.chain_for([target], world.now(source))
    given = chains.announcer.announcement(chain, MemberNumber(target), chains.incarnation, world.now(source))
    return warned(world, target, i.Received(given), i.Received(chains.seal(chain, parts.encode(what))))


def test_entries_of_this_very_run_that_are_not_ours_are_told() -> None:
    world = pair()
    world.send(0, "x")
    world.run(1)
    part = entries_of(world, 0)
    assert deliver(world, 1, 0, part) == []
    more = replace(part, items=(*part.items, Opening(b"more", bytes(32))))
    assert deliver(world, 1, 0, more) == [("key-used-elsewhere", 1)]
    fresh = pair()
    log = LogId(ZERO, fresh.lines[0].incarnation)
    assert deliver(fresh, 1, 0, replace(part, log=log)) == [("key-used-elsewhere", 1)]


def test_what_exceeds_a_peers_rate_waits_there() -> None:
    world = pair(settings=Settings(burst_bytes=10, rate_bytes_per_s=0, flash_burst_bytes=10, flash_rate_bytes_per_s=0))
    world.send(1, "x")
    world.queue.clear()
    assert deliver(world, 1, 0, entries_of(world, 1)) == []
    world.lines[0].peers[ONE].intake.common.tokens = 0
    for _ in range(2):
        assert deliver(world, 1, 0, entries_of(world, 1)) == []  # nothing new: it is given back
    world.lines[0].peers[ONE].intake.common.tokens = -1
    world.send(1, "y")
    assert deliver(world, 1, 0, entries_of(world, 1, 2)) == [("peer-floods", 1)]


def opening_of(world: World, previous: tuple[Incarnation, int, bytes] | None) -> Accepted:
    member = world.membership.member(ONE)
    said = Opened(world.membership.current.hash, member.certificate, previous)
    return Accepted(0, Statement(Kind.OPENED, START_S, said))


def test_what_a_new_tree_says_of_the_one_before_is_checked() -> None:
    world = pair()
    world.send(1, "x")
    world.run(1)
    line = world.lines[0]
    log = LogId(ONE, world.lines[1].incarnation)
    before = line.trees.get(log)
    assert before is not None
    newer = replace(before, log=LogId(ONE, Incarnation(b"newerrun")))

    def codes(previous: tuple[Incarnation, int, bytes] | None) -> list[tuple[str, int | None]]:
        line.out = i.Output()
        line.apply(newer, opening_of(world, previous))
        return [(e.code, e.peer) for e in line.out.events if isinstance(e, i.Warned)]

    first = line.trees.root_at(before, 1)
    assert first is not None
    assert codes(None) == []
    assert codes((Incarnation(bytes(8)), 5, bytes(32))) == []
    assert codes((log.incarnation, 2, before.root)) == []
    assert codes((log.incarnation, 3, bytes(32))) == []
    assert codes((log.incarnation, 2, bytes(32))) == [("history-mismatch", 1)]
    assert codes((log.incarnation, 1, bytes(32))) == [("history-mismatch", 1)]
    assert codes((log.incarnation, 1, first)) == [("peer-lost-state", 1)]


def test_a_time_far_ahead_is_told_and_what_is_not_understood_is_refused_on_the_record() -> None:
    world = pair()
    world.send(1, "x")
    world.run(1)
    line = world.lines[0]
    log = LogId(ONE, world.lines[1].incarnation)
    tree = line.trees.get(log)
    assert tree is not None
    wall = world.now(0).wall

    def events(content: Accepted) -> list[i.Event]:
        world.step(0)
        line.out = i.Output()
        line.apply(tree, content)
        return line.out.events

    for ahead, codes in ((limits.CLOCK_IMPLAUSIBLE_S, []), (limits.CLOCK_IMPLAUSIBLE_S + 1, ["clock-implausible"])):
        found = events(Accepted(1, Statement(Kind.READ, wall + ahead, Mark(()))))
        assert [e.code for e in found if isinstance(e, i.Warned)] == codes
        assert [e for e in found if isinstance(e, i.Arrived)] == [i.Arrived(EntryId(log, 1), Kind.READ)]
    found = events(Accepted(1, None, statement.Refusal.UNKNOWN_FORM))
    assert [(e.code, e.peer) for e in found if isinstance(e, i.Warned)] == [("entry-refused", 1)]
    world.step(0)
    own = line.own
    assert own is not None
    entry = line.trees.entry(own.log, own.size - 1)
    assert entry is not None
    said = statement.decode(entry.statement)
    ref = Reference(Relation.SUBJECT, EntryId(log, 1))
    assert (said.kind, said.content) == (Kind.REFUSED, statement.RefusedEntry((ref,), 3))
    assert events(Accepted(1, None)) == []


def test_datagrams_that_do_not_open_make_us_say_what_we_hold() -> None:
    world = pair()
    line = world.lines[0]
    peer = line.peers[ONE]
    chains = world.lines[1].chains
    deliver(world, 1, 0, parts.Padding(1))
    chain = chains.chain_for([0], world.now(1))
    data = chains.seal(chain, b"x")
    peer.have_at, peer.unread = None, False
    line.chains.knows_us.add(1)
    tag = bytes([data[1] ^ 255, data[2] ^ 255])
    assert warned(world, 0, i.Received(data[:1] + tag + data[3:])) == [("seal-unknown-chain", None)]
    assert (peer.unread, peer.have_at is not None, 1 in line.chains.knows_us) == (True, True, True)
    peer.have_at, peer.unread = None, False
    chain.counter += 2000
    chain.planned = None
    assert warned(world, 0, i.Received(chains.seal(chain, b"x"))) == []
    assert (peer.unread, peer.have_at is not None, 1 in line.chains.knows_us) == (True, True, False)
    assert warned(world, 0, i.Received(b"\x20" + bytes(40))) == [("datagram-unknown-suite", None)]
    assert warned(world, 0, i.Received(b"\x12" + bytes(40))) == [("seal-invalid", None)]


def test_what_is_said_next_is_said_no_sooner_than_it_may_be() -> None:
    world = World(2)
    line, peer = world.lines[0], world.lines[0].peers[ONE]
    peer.have_sent, peer.talk = 100.0, 4.0
    line.ask_have(peer, 101.0)
    assert peer.have_at == 102.0
    line.ask_have(peer, 103.0)
    assert peer.have_at == 102.0
    peer.have_sent = 99.0
    line.ask_have(peer, 100.0)
    assert peer.have_at == 101.0
    assert line.roster.hashes() == tuple(sorted(h[:8] for h in world.membership.notes))


# -- histories -----------------------------------------------------------------------------------------


def test_a_head_that_somebody_shows_is_compared_with_what_is_held(three: World) -> None:
    line = three.lines[1]
    own = three.lines[0].own
    assert own is not None
    signer = three.parties[0].signers.checkpoint

    def gossip(size: int, root: bytes) -> Gossip:
        return Gossip(own.log, size, root, signer.sign(Checkpoint(own.origin, size, root).body()))

    compare = line.histories.compare
    assert compare(gossip(2, own.root)) == (None, None)
    assert compare(gossip(0, own.root)) == (None, None)
    assert compare(replace(gossip(2, bytes(32)), log=LogId(ZERO, Incarnation(bytes(8))))) == (None, None)
    assert code_of(lambda: compare(replace(gossip(2, own.root), size=1))) == "signature-invalid"
    proof, ask = compare(gossip(2, bytes(32)))
    assert ask is None
    assert proof is not None
    assert proof[0] == own.log
    assert line.histories.check_evidence(proof[1]) == proof
    assert compare(gossip(5, bytes(32))) == (None, Prove(own.log, 2, 5))
    for size in range(6, 80):
        compare(gossip(size, bytes(32)))
    assert [size for _, size in line.histories._pending] == list(range(16, 80))


def test_a_path_is_given_within_what_is_held(three: World) -> None:
    line = three.lines[0]
    own = line.own
    assert own is not None
    three.send(0, "more")
    for old, new in ((0, 2), (2, 2), (3, 2), (1, own.size + 1)):
        assert line.histories.answer(Prove(own.log, old, new)) is None
    assert line.histories.answer(Prove(LogId(ZERO, Incarnation(bytes(8))), 1, 2)) is None
    found = line.histories.answer(Prove(own.log, 2, own.size))
    assert found is not None
    assert found.path is not None
    assert found.path[0] == line.trees.root_at(own, 2)
    assert (found.log, found.old_size, found.new_size, len(found.path)) == (own.log, 2, 3, 2)


# -- what is said of trees -----------------------------------------------------------------------------


def test_times_between_what_is_said_grow_while_nothing_comes_of_it(three: World) -> None:
    line, peer = three.lines[0], three.lines[0].peers[ONE]
    now = three.now(0)
    peer.talk, peer.have_at, peer.idle = 1.0, 5.0, {}
    for wanted in (2.0, 4.0, 8.0):
        peer.unread = True
        line.holdings.say(peer, now)
        assert [peer.talk, peer.have_at, peer.have_sent, peer.unread] == [wanted, None, now.boot, False]
        assert "prekeys" not in peer.idle
    have = peer.control["have"]
    assert isinstance(have, Have)
    assert {h.log.member for h in have.logs} == {0}
    assert have.you == three.lines[1].incarnation
    assert have.documents == line.roster.hashes()
    assert have.chains == line.chains.held_from(1)
    chain = line.chains.chain_for([1], now)
    chain.confirmed, chain.announced = {1}, {1: 1.0}
    peer.unread, peer.heard_at = True, now.boot
    line.holdings.say(peer, now)
    assert (peer.talk, chain.confirmed, chain.announced, "prekeys" in peer.idle) == (16.0, set(), {}, False)
    peer.unread, peer.heard_at = True, now.boot - 1
    line.holdings.say(peer, now)
    assert "prekeys" in peer.idle
    for _ in range(5):
        line.holdings.say(peer, now)
    assert peer.talk == 128.0


def test_chains_that_a_peer_names_or_does_not(three: World) -> None:
    line, peer = three.lines[0], three.lines[0].peers[ONE]
    now = three.now(0)
    chain = line.chains.chain_for([1], now)
    chain.counter = 600

    def have(*chains: ChainHeld) -> Have:
        return Have((), chains, line.roster.hashes(), line.incarnation)

    line.holdings.take(peer, have(ChainHeld(chain.tag, 600)), now)
    assert chain.confirmed == {1}
    chain.announced = {1: now.boot - 1.5}
    line.holdings.take(peer, have(), now)
    assert chain.confirmed == {1}
    chain.announced = {1: now.boot - 1.6}
    line.holdings.take(peer, have(), now)
    assert (chain.confirmed, chain.announced) == (set(), {})
    line.holdings.take(peer, have(ChainHeld(chain.tag, 600 - 512)), now)
    assert chain.confirmed == {1}
    for counter in (600 - 513, 601):
        peer.talk, peer.have_at = 9.0, None
        line.holdings.take(peer, have(ChainHeld(chain.tag, counter)), now)
        assert line.chains.send_chain_by_tag(chain.tag) is None
        assert (peer.talk, peer.have_at is None) == (1.0, False)
        line.chains._send[2] = chain


def test_who_knows_our_run_and_which_documents(three: World) -> None:
    line, peer = three.lines[0], three.lines[0].peers[ONE]
    now = three.now(0)
    all_ = line.roster.hashes()
    line.holdings.take(peer, Have((), (), all_, line.incarnation), now)
    assert 1 in line.chains.knows_us
    line.holdings.take(peer, Have((), (), all_, bytes(8)), now)
    assert 1 not in line.chains.knows_us
    assert not peer.documents
    lacked = next(h for h in line.membership.notes if h[:8] == all_[0])
    line.holdings.take(peer, Have((), (), all_[1:], b""), now)
    assert list(peer.documents) == [lacked]
    way = peer.document_ways[lacked] = Way()
    way.depart(Flight(b"ab", 7), now.boot, leaving=False)
    peer.documents.clear()
    line.holdings.take(peer, Have((), (ChainHeld(b"ab", 6),), all_[1:], b""), now)
    assert not peer.documents
    line.holdings.take(peer, Have((), (ChainHeld(b"ab", 7),), all_[1:], b""), now)
    assert list(peer.documents) == [lacked]
    line.holdings.take(peer, Have((), (), all_, b""), now)
    assert (peer.documents, peer.document_ways) == ({}, {})
    peer.have_at = None
    line.holdings.take(peer, Have((), (), (*all_, bytes(8)), b""), now)
    assert peer.have_at is not None


def chain_of_trees(world: World, count: int) -> list[Tree]:
    """Trees of member 0 at member 1, each of which cites the one before."""
    for n in range(count):
        world.link(0, 1)
        world.send(0, f"{n}")
        world.run(1)
        world.restart(0)
    trees = world.lines[1].trees
    mine = [t for t in trees if t.log.member == 0]
    return sorted(mine, key=lambda t: world.lines[1].outbox._before(t.log))


def test_trees_that_are_whole_as_the_next_cites_them_are_not_named() -> None:
    world = World(2)
    mine = chain_of_trees(world, 4)
    trees = world.lines[1].trees
    last = mine[-1]
    assert holdings.name(trees, ZERO) == (Held(last.log, last.size, last.held, (), 3),)
    assert holdings.name(trees, TWO) == ()
    told = holdings.read(trees, [Held(last.log, 2, 2, (), 3)])
    assert told == Told(
        {last.log: Held(last.log, 2, 2, (), 3), **{t.log: Held(t.log, t.size, t.size) for t in mine[:3]}},
        frozenset(t.log for t in mine[:3]),
        frozenset(),
        frozenset(),
    )
    told = holdings.read(trees, [Held(last.log, 2, 2, (), 1)])
    assert (set(told.implied), set(told.ends)) == ({mine[2].log}, {mine[1].log})
    told = holdings.read(trees, [Held(last.log, 2, 2), Held(mine[2].log, 1, 1)])
    assert (set(told.implied), set(told.ends)) == (set(), {mine[1].log})
    unknown = LogId(ZERO, Incarnation(bytes(8)))
    told = holdings.read(trees, [Held(unknown, 2, 2, (), 1)])
    assert (set(told.implied), set(told.ends), set(told.unsure)) == (set(), set(), {0})
    assert holdings.read(trees, [Held(unknown, 2, 2)]).unsure == set()
    told = holdings.read(trees, [Held(last.log, 2, 2, (), 3), Held(mine[2].log, 2, 2, (), 2)])
    assert told.implied == {mine[0].log, mine[1].log}
    mine[1].holes = {1}
    assert [(h.log, h.before) for h in holdings.name(trees, ZERO)] == [(mine[1].log, 1), (last.log, 1)]
    mine[1].holes = set()
    trees.disputed.add(mine[1].log)
    assert {h.log: h.before for h in holdings.name(trees, ZERO)} == {mine[0].log: 0, mine[1].log: 0, last.log: 1}


# -- times ---------------------------------------------------------------------------------------------


def test_when_the_next_tick_is_wanted() -> None:
    world = World(2)
    line, peer = world.lines[0], world.lines[0].peers[ONE]
    now = i.Now(START_S, 100.0)
    sender = line.sender
    assert sender.next_wake(now) == 105.0
    sender._pq_at = 103.0
    assert sender.next_wake(now) == 103.0
    peer.have_at, peer.waiting_since = 101.0, 100.0
    assert sender.next_wake(now) == 103.0  # there is no link
    link = peer.links["b"] = Link("b", 1000, 0.1, 0, one_way=False, cost=0)
    link.timeout_s = 0.5
    assert sender.next_wake(now) == 100.5
    peer.waiting_since = None
    assert sender.next_wake(now) == 101.0
    log = LogId(ZERO, Incarnation(bytes(8)))
    peer.trees[log] = Outgoing(forward_at=100.25)
    assert sender.next_wake(now) == 100.25
    peer.have_at = 3.0
    assert sender.next_wake(now) == 100.01


def test_the_next_tick_is_wanted_by_any_peer_that_can_be_reached() -> None:
    line = World(3).lines[0]
    one, two = line.peers[ONE], line.peers[TWO]
    one.have_at, two.have_at = 101.0, 102.0
    two.links["b"] = Link("b", 1000, 0.1, 0, one_way=True, cost=0)
    assert line.sender.next_wake(i.Now(START_S, 100.0)) == 102.0
    two.have_at, two.waiting_since, two.backoff = None, 99.0, 0.5
    assert line.sender.next_wake(i.Now(START_S, 100.0)) == 101.5  # of 5 idle seconds, where none is two-way


def test_a_missing_receipt_is_asked_for_at_growing_intervals(three: World) -> None:
    line, peer = three.lines[0], three.lines[0].peers[ONE]
    own = line.own
    assert own is not None
    (link,) = peer.links.values()
    link.timeout_s = 2.0
    out = peer.trees[own.log]
    chain = line.chains.chain_for([1], three.now(0))
    peer.waiting_since, peer.backoff = 5.0, 4.0

    def query(boot: float) -> bool:
        peer.control.clear()
        chain.announced = {1: 1.0}
        line.sender._query(peer, i.Now(START_S, boot))
        asked = peer.control == {"query": parts.Query((own.log.incarnation,))}
        assert asked or not peer.control
        assert (chain.announced == {}) is asked
        return asked

    assert not query(100.0)
    assert [peer.waiting_since, peer.backoff] == [None, 1.0]
    out.confirmed, own.receipts = out.next - 1, {1: out.next - 1}
    assert not query(100.0)
    assert peer.waiting_since == 100.0
    assert not query(101.9)
    assert query(102.0)
    assert (peer.waiting_since, peer.backoff) == (102.0, 2.0)
    assert not query(105.9)
    assert query(106.0)
    peer.backoff = 64.0
    assert not query(125.9)
    assert query(126.0)  # 20 seconds at most
    peer.backoff, peer.drained_at = 1.0, 127.0
    assert query(128.0)
    peer.backoff, peer.drained_at, out.way.leaving = 1.0, 129.0, True
    assert not query(130.9)
    assert query(131.0)
    link.one_way = True
    assert not query(300.0)
    assert peer.waiting_since is None


def test_a_heartbeat_after_so_much_silence(three: World) -> None:
    line, peer = three.lines[1], three.lines[1].peers[ZERO]
    (link,) = peer.links.values()

    def beats(boot: float) -> bool:
        peer.have_at, line.receipts._due = None, {}
        line.sender._heartbeat(peer, i.Now(START_S, boot))
        return bool(line.receipts._due) or peer.have_at is not None

    peer.spoke_at = -1e9
    assert not beats(100.0)
    assert peer.spoke_at == 100.0
    assert not beats(159.9)
    assert beats(160.0)
    assert peer.spoke_at == 160.0
    assert line.receipts._due
    assert peer.have_at is None
    link.bits_per_second = 100
    assert not beats(160.0 + 899)
    assert beats(160.0 + 900)
    for tree in line.trees:
        tree.receipted = 0
    link.bits_per_second = 0
    assert beats(2000.0)
    assert not line.receipts._due


def test_what_was_shown_is_ordered_again_only_until_it_must_not_wait() -> None:
    world = World(2)
    line = world.lines[0]
    assert line.order.wake() == math.inf
    line.order._asked = {ONE: 7.0, TWO: 5.0}
    assert line.order.wake() == 20.0


def test_a_fragment_of_another_opened_datagram_is_not_believed_twice() -> None:
    world = pair()
    payload = parts.encode([parts.Padding(3000)])
    chains = world.lines[1].chains
    chain = chains.chain_for([0], world.now(1))
    sealed = world.lines[1].sender._seal(chain, payload, 1000)
    found = [datagram.decode(data) for data in sealed]
    assert len(sealed) == math.ceil(len(payload) / (1000 - 72))
    assert all(len(data) <= 1000 for data in sealed)
    assert all(isinstance(x, datagram.Sealed) for x in found)
    whole = world.lines[1].sender._seal(chain, bytes(1000 - 48), 1000)
    assert [len(data) <= 1000 for data in whole] == [True]
    assert len(world.lines[1].sender._seal(chain, bytes(1000 - 47), 1000)) == 2
