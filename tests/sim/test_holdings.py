"""What HAVE says of many runs, and what is made of it: PRO-19, PRO-20, ADR 89."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from parley.ids import Incarnation, LogId, MemberNumber
from parley.protocol import inputs as i
from parley.protocol.holdings import name, read
from parley.stores.memory import MemoryStore
from parley.wire import parts
from parley.wire.parts import Held
from parley_testkit.small_world import World

ALICE, BOB = MemberNumber(0), MemberNumber(1)


def restarted(world: World, k: int, store: MemoryStore | None = None) -> None:
    world.restart(k, store)
    for other in range(len(world.lines)):
        if other != k:
            world.link(k, other)


def lived(count: int, runs: int) -> World:
    """A line of ``count`` of whom each wrote something in each of so many runs."""
    world = World(count)
    world.link_all()
    world.run(1.0)
    for n in range(runs):
        for k in range(count):
            world.send(k, f"{k} in its run {n}")
            world.run(0.5)
            restarted(world, k)
    for k in range(count):
        world.send(k, f"{k} at last")
    world.run(5.0)
    assert world.settled()
    return world


def said(world: World, k: int) -> Iterator[parts.Part]:
    """What ``k`` tells each other of what it holds, and of third members' heads."""
    for peer in world.lines[k].peers.values():
        peer.control.clear()
        world.lines[k].holdings.say(peer, world.now(k))
        yield from peer.control.values()


@pytest.mark.parametrize("count", [2, 3])
def test_what_a_have_takes_does_not_grow_with_the_runs(count: int) -> None:
    # PRO-19
    few, many = lived(count, 2), lived(count, 9)
    assert len(list(many.lines[0].trees)) == 10 * count
    for k in range(count):
        short, long = list(said(few, k)), list(said(many, k))
        assert len(parts.encode(long)) == len(parts.encode(short))
        for have in (x for x in long if isinstance(x, parts.Have)):
            assert [row.before for row in have.logs] == [9] * count
        assert sum(isinstance(x, parts.Gossip) for x in long) == (count - 1) * (count - 2)


def test_it_says_of_each_tree_what_the_whole_list_would() -> None:
    line = lived(2, 5).lines[0]
    told = read(line.trees, name(line.trees, BOB))
    assert told.held == {t.log: Held(t.log, t.size, t.held, before=told.held[t.log].before) for t in line.trees}
    assert len(told.implied) == len(told.held) - 2
    assert not told.unsure


def test_what_is_not_as_the_next_run_cites_it_is_named() -> None:
    """Alice comes back as she was a message ago: what Bob has of that run is more than her next one cites."""
    world = lived(2, 3)
    before = world.stores[0].copy()
    world.send(0, "forgotten")
    world.run(1.0)
    restarted(world, 0, before)
    world.send(0, "in the run after")
    world.run(30.0)
    assert world.settled()
    assert "forgotten" in world.texts(1)
    rows = {row.log: row for row in name(world.lines[1].trees, ALICE) if row.log.member == ALICE}
    assert sorted(row.before for row in rows.values()) == [0, 3]
    assert max(row.size for row in rows.values()) == 3


def test_a_tree_of_two_histories_hides_none_before_it() -> None:
    line = lived(2, 3).lines[0]
    trees = line.trees
    tip = next(row for row in name(trees, BOB) if row.log.member == BOB)
    trees.disputed.add(tip.log)
    rows = [row for row in name(trees, BOB) if row.log.member == BOB]
    assert sorted(row.before for row in rows) == [0, 2]


def test_who_does_not_know_the_tree_that_is_named_leaves_the_others_of_its_author_alone() -> None:
    line = lived(2, 3).lines[0]
    strange = LogId(BOB, Incarnation(b"strange!"))
    told = read(line.trees, [Held(strange, 4, 4, before=4)])
    assert set(told.held) == {strange}
    assert told.unsure == {BOB}
    assert read(line.trees, [Held(strange, 4, 4)]).unsure == set()


@pytest.mark.parametrize("before", [1, 3, 4, (1 << 32) - 1])
def test_more_before_a_tree_than_there_are_is_passed_over(before: int) -> None:
    line = lived(2, 3).lines[0]
    newest = max((t for t in line.trees if t.log.member == BOB), key=lambda t: line.outbox._before(t.log))
    told = read(line.trees, [Held(newest.log, newest.size, newest.size, before=before)])
    assert len(told.held) == 1 + min(before, 3)
    assert not told.unsure


def test_a_count_ends_before_a_tree_that_is_not_held() -> None:
    trees = lived(2, 3).lines[0].trees
    tip = next(row for row in name(trees, BOB) if row.log.member == BOB)
    second = trees.before(tip.log)
    assert second is not None
    third = trees.before(second.log)
    assert third is not None
    assert read(trees, [Held(tip.log, tip.size, tip.held, before=1)]).ends == {third.log}
    assert read(trees, [Held(tip.log, tip.size, tip.held)]).ends == {second.log}
    assert read(trees, [tip]).ends == set()
    assert read(trees, [Held(tip.log, tip.size, tip.held), Held(second.log, 1, 1)]).ends == {third.log}


def test_what_a_peer_lacks_goes_out_as_soon_as_the_tree_that_it_named_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """One HAVE is enough, though it came before what it speaks of. PRO-19."""
    world = lived(2, 3)
    old = world.stores[0].copy()
    world.send(0, "forgotten")
    world.run(1.0)
    world.restart(0, old)
    world.send(0, "in the run after")
    haves, held_back = [], []

    def carry(source: int, _target: int, datagram: bytes) -> list[bytes]:
        if source == 0 and not world.lines[1].peers[ALICE].have:
            held_back.append(datagram)
            return []
        return [datagram]

    take = world.lines[1].holdings.take

    def taken(peer: object, have: parts.Have, now: i.Now) -> None:
        haves.append(have)
        take(peer, have, now)  # type: ignore[arg-type]

    monkeypatch.setattr(world.lines[1].holdings, "take", taken)
    world.carry = carry
    world.link(0, 1)
    # Alice says what she holds first; what she wrote comes after it.
    alice = world.lines[0]
    alice.holdings.say(alice.peers[BOB], world.now(0))
    have = alice.peers[BOB].control.pop("have")
    assert isinstance(have, parts.Have)
    bob = world.lines[1].peers[ALICE]
    world.lines[1].holdings.take(bob, have, world.now(1))
    assert bob.unsure == {ALICE}
    assert "in the run after" not in world.texts(1)
    for datagram in held_back:
        world.queue.append((0, 1, datagram))
    world.run()
    assert not bob.unsure
    assert len(haves) == 1
    world.carry = lambda _source, _target, datagram: [datagram]
    world.run(30.0)
    assert world.settled()


@pytest.mark.parametrize("seed", range(6))
def test_whatever_was_lost_of_many_runs_comes_back(seed: int) -> None:
    world = World(3, seed)
    world.link_all()
    world.run(1.0)
    kept: list[tuple[int, MemoryStore]] = []
    for n in range(25):
        k = world.random.randrange(3)
        match world.random.randrange(6):
            case 0:
                kept.append((k, world.stores[k].copy()))
            case 1:
                restarted(world, k)
            case 2 if kept:
                restarted(world, *kept[world.random.randrange(len(kept))])
            case 3 if n > 5:
                restarted(world, k, MemoryStore())
            case _:
                world.send(k, f"{n}")
        world.run(world.random.choice([0.0, 0.1, 2.0]))
    world.run(120.0)
    assert world.settled()
    sizes = [{(t.log, t.size, t.held) for t in line.trees} for line in world.lines]
    assert sizes[0] == sizes[1] == sizes[2]


def test_a_question_names_the_runs_whose_receipts_are_missing_and_only_they_are_given() -> None:
    # PRO-20
    world = lived(2, 6)
    line, peer = world.lines[0], world.lines[0].peers[BOB]
    assert line.outbox.unreceipted(peer) == ()
    given: list[int] = []
    give = world.lines[1].receipts.give

    def counted(wall: int) -> list[parts.Cosigned]:
        receipts = give(wall)
        given.append(len(receipts))
        return receipts

    world.lines[1].receipts.give = counted  # type: ignore[method-assign]
    lost = [True]
    world.carry = lambda source, _target, datagram: [] if source == 1 and lost[0] else [datagram]
    world.send(0, "whose receipt is lost")
    world.run(0.2)
    assert line.own is not None
    assert line.outbox.unreceipted(peer) == (line.own.log.incarnation,)
    given.clear()
    lost[0] = False
    world.run(10.0)
    assert world.settled()
    assert line.outbox.unreceipted(peer) == ()
    assert max(given) == 1
