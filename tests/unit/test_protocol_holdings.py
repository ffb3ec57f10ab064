"""What a peer's HAVE tells, and what is sent or asked for because of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from parley.ids import Incarnation, LogId, MemberNumber
from parley.protocol import holdings
from parley.protocol import inputs as i
from parley.protocol import rows as r
from parley.protocol.flight import Flight, Way
from parley.protocol.line import Line
from parley.protocol.outbox import Outgoing
from parley.protocol.tree import Before, Tree
from parley.wire import parts
from parley.wire.parts import ChainHeld, Have, Held
from parley_testkit.small_world import START_S, World

ZERO, ONE, TWO = (MemberNumber(n) for n in range(3))
NOW = i.Now(START_S, 2000.0)


@pytest.fixture
def world() -> World:
    """Three members; the first has said two things, and the second's line is looked at."""
    made = World(3)
    made.link_all()
    made.run(0.5)
    made.send(0, "first")
    made.send(0, "second")
    made.run(0.2)
    return made


def tree_of(line: Line, world: World, member: int = 0) -> Tree:
    tree = line.trees.get(LogId(MemberNumber(member), world.lines[member].incarnation))
    assert tree is not None
    return tree


def have(line: Line, *logs: Held, chains: tuple[ChainHeld, ...] = ()) -> Have:
    return Have(logs, chains, line.roster.hashes(), line.incarnation)


@pytest.mark.parametrize(
    ("size", "held", "missing", "sent"),
    [(3, 3, (), False), (2, 2, (), True), (3, 2, (), True), (2, 3, (), True), (3, 1, (1,), True), (4, 4, (), False)],
)
def test_what_a_peer_lacks_of_our_tree_is_sent(
    world: World, size: int, held: int, missing: tuple[int, ...], sent: bool
) -> None:
    line = world.lines[0]
    tree, peer = tree_of(line, world), line.peers[ONE]
    del peer.trees[tree.log]
    line.holdings.take(peer, have(line, Held(tree.log, size, held, missing)), NOW)
    out = peer.trees.get(tree.log)
    assert (out is not None) is sent
    assert out is None or [out.forward_at, out.confirmed] == [None, min(held, 3)]


def test_what_only_the_peer_lacks_is_told_by_what_is_a_hole_here_too(world: World) -> None:
    line = world.lines[1]
    tree, peer = tree_of(line, world), line.peers[TWO]
    peer.trees = {}
    tree.holes = {1}
    line.holdings.take(peer, have(line, Held(tree.log, 3, 1, (1,))), NOW)
    assert peer.trees == {}
    line.holdings.take(peer, have(line, Held(tree.log, 3, 1, (1, 2))), NOW)
    assert list(peer.trees) == [tree.log]
    peer.trees = {}
    line.holdings.take(peer, have(line, Held(tree.log, 9, 1, (1, 3))), NOW)
    assert peer.trees == {}


def test_what_a_third_party_wrote_is_left_to_it_for_a_while(world: World) -> None:
    line = world.lines[1]
    tree = tree_of(line, world)
    peer, author = line.peers[TWO], line.peers[ZERO]
    peer.trees, author.trees = {}, {}
    line.holdings.take(peer, have(line, Held(tree.log, 1, 1)), NOW)
    out = peer.trees[tree.log]
    assert [out.forward_at, out.confirmed, out.next] == [2002.0, 1, 0]
    line.holdings.take(author, have(line, Held(tree.log, 1, 1)), NOW)
    out = author.trees[tree.log]
    assert [out.forward_at, out.confirmed, out.next] == [None, 1, 1]  # its author lost it: at once
    line.holdings.take(peer, have(line, Held(tree.log, 3, 3)), NOW)
    assert tree.log not in peer.trees


def test_who_has_all_of_our_tree_is_waited_for_no_more(world: World) -> None:
    line = world.lines[0]
    tree, peer = tree_of(line, world), line.peers[ONE]
    out = peer.trees[tree.log]
    out.confirmed, out.next = 1, 2
    line.holdings.take(peer, have(line, Held(tree.log, 3, 3)), NOW)
    assert peer.trees[tree.log] is out
    assert [out.confirmed, out.next, out.known] == [3, 3, 3]


def test_what_is_on_its_way_is_sent_again_once_it_is_lost(world: World) -> None:
    line = world.lines[0]
    tree, peer = tree_of(line, world), line.peers[ONE]
    out = peer.trees[tree.log]
    chain = line.chains.chain_for([1], NOW)

    def again(held: int, counter: int, *, at: float = 2000.0, confirmed: int = 1) -> bool:
        out.confirmed, out.next, out.known = confirmed, 3, 3
        out.way = Way(sent_at=2000.0)
        out.way.flights.append(Flight(b"ab", 7, 3, 2))
        chain.announced = {1: 1.0}
        now = i.Now(START_S, at)
        listed = (ChainHeld(b"ab", counter), ChainHeld(chain.tag, chain.counter))
        line.holdings.take(peer, have(line, Held(tree.log, held, held), chains=listed), now)
        assert (out.next == held) is (not chain.announced)
        return out.next == held

    assert not again(1, 6)
    assert again(1, 7)
    assert not again(1, 6, at=2000.6)
    assert again(1, 6, at=2002.0)
    assert not again(2, 6)
    assert again(1, 6, confirmed=2)


def test_what_is_lacking_here_is_asked_for(world: World) -> None:
    line = world.lines[1]
    tree, peer = tree_of(line, world), line.peers[TWO]
    unknown = LogId(TWO, Incarnation(bytes(8)))

    def asked(*logs: Held) -> bool:
        peer.have_at = None
        line.holdings.take(peer, have(line, *logs), NOW)
        return [peer.have_at] != [None]

    assert not asked(Held(tree.log, 3, 3))
    assert asked(Held(tree.log, 4, 3))
    assert not asked(Held(tree.log, 2, 2))
    assert asked(Held(tree.log, 3, 3), Held(unknown, 1, 0))
    assert not asked(Held(tree.log, 3, 3), Held(unknown, 0, 0))
    tree.holes = {2}
    assert asked(Held(tree.log, 3, 3))
    assert peer.says == {tree.log: 3}
    assert asked(Held(tree.log, 4, 3), Held(unknown, 5, 0))
    assert peer.says == {tree.log: 4, unknown: 5}


def test_a_tree_that_is_not_for_a_peer_is_not_compared(world: World) -> None:
    line = world.lines[1]
    tree, peer = tree_of(line, world), line.peers[TWO]
    tree.everyone, peer.trees = 0b011, {}
    line.holdings.take(peer, have(line), NOW)
    assert peer.trees == {}
    assert holdings.name(line.trees, TWO) == ()
    assert holdings.name(line.trees, ZERO) == (Held(tree.log, 3, 3),)


def test_the_heads_of_third_members_are_shown(world: World) -> None:
    world.send(2, "theirs")
    world.send(1, "ours")
    world.run(0.2)
    line = world.lines[1]
    peer = line.peers[ZERO]
    theirs = tree_of(line, world, 2)

    def shown() -> list[parts.Part]:
        peer.control = {}
        line.holdings.say(peer, NOW)
        return [p for p in peer.control.values() if isinstance(p, parts.Gossip)]

    assert shown() == [parts.Gossip(theirs.log, theirs.size, theirs.root, theirs.signature)]
    line.trees.disputed.add(theirs.log)
    assert shown() == []
    line.trees.disputed.clear()
    peers = line.peers.copy()
    del line.peers[TWO]
    assert shown() == []
    line.peers.update(peers)
    assert len(shown()) == 1


def cite(line: Line, tree: Tree, before: LogId, root: bytes = b"") -> None:
    """Let the opening of ``tree`` cite another."""
    opened = line.trees.opening(tree.log)
    held = line.trees.get(before)
    assert opened is not None
    size, of = (held.size, held.root) if held is not None else (1, bytes(32))
    line.trees._openings[tree.log] = replace(opened, previous=(before.incarnation, size, root or of))


def copies(line: Line, tree: Tree, count: int) -> list[Tree]:
    """Trees of one author, each of which cites the one before, ``tree`` the first."""
    found = [tree]
    for n in range(1, count):
        log = LogId(tree.log.member, Incarnation(bytes([n]) * 8))
        opened = line.trees.opening(tree.log)
        assert opened is not None
        line.trees._trees[log] = replace(tree, log=log, holes=set(), receipts={})
        line.trees._openings[log] = opened
        cite(line, line.trees._trees[log], found[-1].log)
        found.append(line.trees._trees[log])
    return found


def test_what_is_told_of_trees_that_are_not_named(world: World) -> None:
    line = world.lines[1]
    first, second, third, fourth = copies(line, tree_of(line, world), 4)
    assert line.trees.before(second.log) == Before(first.log, first.size, first.root)
    told = holdings.read(line.trees, [Held(third.log, 3, 3, (), 1), Held(fourth.log, 3, 3, (), 3)])
    assert (set(told.implied), set(told.ends)) == ({first.log, second.log}, set())
    told = holdings.read(line.trees, [Held(fourth.log, 3, 3, (), 2)])
    assert (set(told.implied), set(told.ends)) == ({third.log, second.log}, {first.log})
    assert told.held[second.log] == Held(second.log, 3, 3)
    told = holdings.read(line.trees, [Held(fourth.log, 3, 3, (), 2), Held(first.log, 1, 1)])
    assert set(told.ends) == set()
    told = holdings.read(line.trees, [Held(fourth.log, 3, 3, (), 9)])
    assert (set(told.implied), set(told.ends), set(told.unsure)) == (
        {t.log for t in (first, second, third)},
        set(),
        set(),
    )
    assert holdings.name(line.trees, ZERO) == (Held(fourth.log, 3, 3, (), 3),)
    spoilt: list[Callable[[], object]] = [
        lambda: setattr(second, "holes", {1}),
        lambda: cite(line, third, second.log, bytes(32)),
        lambda: line.trees.disputed.add(second.log),
    ]
    for spoil in spoilt:
        spoil()
        assert {h.log: h.before for h in holdings.name(line.trees, ZERO)}[second.log] >= 0
        assert len(holdings.name(line.trees, ZERO)) >= 2
        second.holes = set()
        cite(line, third, second.log)
        line.trees.disputed.clear()
    assert len(holdings.name(line.trees, ZERO)) == 1


def test_while_a_peer_tells_of_trees_that_are_not_known_those_before_are_left_alone(world: World) -> None:
    line = world.lines[1]
    first, second = copies(line, tree_of(line, world), 2)
    peer = line.peers[TWO]
    unknown = LogId(ZERO, Incarnation(b"newerrun"))
    peer.trees = {}
    told = have(line, Held(unknown, 3, 3, (), 2))
    line.holdings.take(peer, told, NOW)
    assert (set(peer.unsure), peer.have) == ({ZERO}, told)
    # What we would name is brought to it after a while; what lies before that is left alone.
    assert {log: out.forward_at for log, out in peer.trees.items()} == {second.log: 2015.0}
    peer.trees[second.log] = Outgoing(confirmed=3, next=3, known=3)
    line.holdings.take(peer, told, NOW)
    assert peer.trees[second.log].forward_at is None
    # The tree comes, and what was told is understood.
    opened = line.trees.opening(first.log)
    assert opened is not None
    line.trees._trees[unknown] = newest = replace(second, log=unknown, holes=set())
    line.trees._openings[unknown] = opened
    cite(line, newest, second.log)
    peer.trees = {}
    line.holdings.begun(newest, NOW)
    assert (set(peer.unsure), peer.have, peer.trees) == (set(), None, {})
    assert peer.says == {unknown: 3, second.log: 3, first.log: 3}


def test_who_counts_a_disputed_tree_as_any_other_is_reminded(world: World) -> None:
    line = world.lines[1]
    first, second = copies(line, tree_of(line, world), 2)
    peer = line.peers[TWO]
    line.rows.put("evidence", r.log_key(first.log), b"proof")
    line.trees.disputed.add(first.log)
    peer.control = {}
    line.holdings.take(peer, have(line, Held(second.log, 3, 3), Held(first.log, 3, 3)), NOW)
    assert peer.control == {}
    line.holdings.take(peer, have(line, Held(second.log, 3, 3, (), 1)), NOW)
    assert peer.control == {("evidence", first.log): parts.Evidence(b"proof")}


def test_a_peer_is_kept_supplied_with_prekeys_where_the_air_is_cheap(world: World) -> None:
    line = world.lines[0]
    peer = line.peers[ONE]
    announcer = line.chains.announcer
    announcer.prekeys_anew(ONE, fast=True)

    def stocked(left: int) -> int:
        """How many new ones it is given when it has ``left``."""
        announcer.prekeys_anew(ONE, fast=True)
        for key, value in list(line.rows.prefixed("prekey", b"m")):
            if value[0] == ONE and announcer.stock_with(ONE) > left:
                line.rows.delete("prekey", key)
        peer.idle = {}
        line.holdings.take(peer, have(line), NOW)
        given = peer.idle.get("prekeys")
        return len(given.keys) if isinstance(given, parts.Prekeys) else 0

    assert [stocked(left) for left in (4, 3, 0)] == [0, 4, 4]
    (link,) = peer.links.values()
    link.bits_per_second = 100
    assert stocked(3) == 0
