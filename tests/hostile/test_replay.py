"""Recorded traffic played again into every place: to whom it went, to who sent it, to others, after every restart."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from parley.ids import LogId
from parley.protocol import inputs as i
from parley.wire.statement import Kind, Mark, Message, Precedence, Reference, Relation
from parley_testkit.small_world import World


@dataclass
class Recorded:
    """What an eavesdropper has: every datagram, whence and whither."""

    datagrams: list[tuple[int, int, bytes]] = field(default_factory=list)

    def __call__(self, source: int, target: int, datagram: bytes) -> list[bytes]:
        self.datagrams.append((source, target, datagram))
        return [datagram]


Sizes = dict[LogId, tuple[int, bytes, int]]


def held(world: World, k: int) -> Sizes:
    """What counts of a node's record: each tree's size, root, and contents. Its own new run does not."""
    line = world.lines[k]
    return {t.log: (t.size, t.root, t.held) for t in line.trees if t.size}


def shown(world: World, k: int) -> list[i.Event]:
    return [e for e in world.events[k] if isinstance(e, i.Arrived | i.Equivocated)]


def lived(members: int, seed: int) -> tuple[World, Recorded]:
    """A line with all sorts of traffic, recorded whole."""
    world, tape = World(members, seed), Recorded()
    world.carry = tape
    world.link_all()
    world.run(1.0)
    for n in range(6):
        world.send(n % members, f"message {n}", Precedence.FLASH if n == 3 else Precedence.ROUTINE)
        world.run(0.3)
    world.send(0, "to the second alone", to=0b010)
    world.run(0.5)
    first = world.lines[0].own
    assert first is not None
    for kind in (Kind.READ, Kind.ACKNOWLEDGED):
        entry = next(e.entry for e in shown(world, 1) if isinstance(e, i.Arrived) and e.entry.log == first.log)
        world.mark(1, kind, Mark((Reference(Relation.SUBJECT, entry),)))
        world.run(0.3)
    world.step(0, i.Countersign(1))
    world.step(0, i.Submit(Kind.MESSAGE, Message("long " * 4000, "en"), 0, 1))
    world.run(2.0)
    assert world.settled()
    assert len(tape.datagrams) >= 30
    return world, tape


@pytest.mark.parametrize("members", [2, 3])
def test_nothing_recorded_is_accepted_twice_anywhere(members: int) -> None:
    world, tape = lived(members, seed=64)
    recorded = list(tape.datagrams)
    before = [held(world, k) for k in range(members)]
    arrived = [shown(world, k) for k in range(members)]
    # To whom it went, in order and backwards; to who sent it; to everybody else; by a bearer that nobody has.
    for _, _, datagram in (*recorded, *reversed(recorded)):
        for k in range(members):
            world.step(k, i.Received(datagram, "another"))
        world.queue.clear()
    world.run(3.0)
    assert [held(world, k) for k in range(members)] == before
    assert [shown(world, k) for k in range(members)] == arrived
    assert world.settled()


@pytest.mark.parametrize("who", [0, 1])
def test_nothing_recorded_is_accepted_after_a_restart(who: int) -> None:
    world, tape = lived(2, seed=65)
    recorded = list(tape.datagrams)
    before, arrived = held(world, who), shown(world, who)
    world.restart(who)
    for _, _, datagram in recorded:
        world.step(who, i.Received(datagram, "b"))
    assert held(world, who) == before
    assert shown(world, who) == arrived
    # And the line goes on, with what was recorded in between played once more.
    world.link_all()
    world.send(1 - who, "after it all")
    for _, target, datagram in recorded:
        world.step(target, i.Received(datagram, "b"))
    world.run(4.0)
    assert world.texts(who)[-1] == "after it all"
    assert world.settled()
    assert len(shown(world, who)) == len(arrived) + 1


def test_nothing_recorded_on_one_line_is_accepted_on_another() -> None:
    _, tape = lived(2, seed=66)
    other = World(2, seed=67)
    other.link_all()
    other.run(1.0)
    other.send(0, "ours")
    other.run(1.0)
    before = [held(other, k) for k in range(2)]
    for _, _, datagram in tape.datagrams:
        for k in range(2):
            other.step(k, i.Received(datagram, "b"))
    other.run(2.0)
    assert [held(other, k) for k in range(2)] == before
    assert other.texts(1) == ["ours"]
    assert not [e for k in range(2) for e in shown(other, k) if isinstance(e, i.Equivocated)]
