"""Keys kept for datagrams that have not come: used once, so many, so long, and read once (D6)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from parley import limits
from parley.errors import SealInvalid
from parley.ids import MemberNumber
from parley.protocol import inputs as i
from parley.protocol import rows as r
from parley.protocol.line import Line
from parley.wire import datagram, parts
from parley_testkit.small_world import World

NOW = i.Now(1_800_000_000, 5000.0)


def talking() -> World:
    """Two who can open one another's datagrams."""
    world = World(2)
    world.link(0, 1)
    world.send(0, "one")
    world.run(5)
    return world


def sealed(world: World, count: int) -> list[datagram.Sealed]:
    """Datagrams of member 0 to member 1, in the order of their counters."""
    chains = world.lines[0].chains
    chain = chains.chain_for([1], NOW)
    found = [datagram.decode(chains.seal(chain, parts.encode([]))) for _ in range(count)]
    assert all(isinstance(d, datagram.Sealed) for d in found)
    return [d for d in found if isinstance(d, datagram.Sealed)]


def kept(line: Line) -> list[int]:
    """The counters of the keys that ``line`` has kept, as its rows say."""
    return [int.from_bytes(key[-4:], "big") for key, _ in line.rows.scan(r.SKIPPED)]


def test_what_was_overtaken_opens_once() -> None:
    world = talking()
    first, second, third = sealed(world, 3)
    chains = world.lines[1].chains
    chains.open(third, NOW)
    assert kept(world.lines[1]) == [first.counter, second.counter]
    chains.open(first, NOW)
    assert kept(world.lines[1]) == [second.counter]
    with pytest.raises(SealInvalid):
        chains.open(first, NOW)
    chains.open(second, NOW)
    assert kept(world.lines[1]) == []


def test_a_bad_copy_leaves_the_key_for_the_good_one() -> None:
    world = talking()
    first, second = sealed(world, 2)
    chains = world.lines[1].chains
    chains.open(second, NOW)
    with pytest.raises(SealInvalid):
        chains.open(replace(first, box=first.box[:-1] + bytes((first.box[-1] ^ 1,))), NOW)
    assert kept(world.lines[1]) == [first.counter]
    chains.open(first, NOW)


def test_no_more_are_kept_than_the_cap_and_the_oldest_go_first() -> None:
    world = talking()
    many = sealed(world, limits.MAX_SKIPPED_KEYS + 4)
    chains = world.lines[1].chains
    chains.open(many[3], NOW)
    chains.open(many[-1], NOW)
    expected = [d.counter for d in (many[2], *many[4:-1])]
    assert len(expected) == limits.MAX_SKIPPED_KEYS
    assert kept(world.lines[1]) == expected


def test_they_are_kept_no_longer_than_a_courier_takes() -> None:
    world = talking()
    first, second, third, last = sealed(world, 4)
    chains = world.lines[1].chains
    chains.open(second, NOW)
    later = replace(NOW, wall=NOW.wall + limits.SKIPPED_KEY_AGE_S)
    chains.open(third, later)
    assert kept(world.lines[1]) == [first.counter], "at the very age it is kept"
    between, after = sealed(world, 2)
    chains.open(after, replace(later, wall=later.wall + 1))
    assert kept(world.lines[1]) == [last.counter, between.counter]


def test_who_starts_again_opens_with_what_was_kept() -> None:
    world = talking()
    first, second = sealed(world, 2)
    line = world.lines[1]
    line.chains.open(second, NOW)
    world.stores[1].commit(world.stores[1].version, line.rows.take())
    again = world.make_line(1)
    assert again.chains.open(first, NOW).counter == first.counter
    assert kept(again) == []


def test_they_are_read_once_however_many_are_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    world = talking()
    line = world.lines[1]
    read = line.rows.prefixed
    scans = []

    def counted(space: str, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        scans.append(space)
        return read(space, prefix)

    monkeypatch.setattr(line.rows, "prefixed", counted)
    for one in sealed(world, 60)[1::2]:
        line.chains.open(one, NOW)
    assert len(kept(line)) == 30
    assert scans.count(r.SKIPPED) <= 1


def test_who_is_forgotten_takes_them_along() -> None:
    world = talking()
    first, second = sealed(world, 2)
    chains = world.lines[1].chains
    chains.open(second, NOW)
    chain = next(c for cs in chains._receive.values() for c in cs if c.sender == MemberNumber(0) and c.skipped)
    chains._forget_skipped(chain)
    assert kept(world.lines[1]) == []
    with pytest.raises(SealInvalid):
        chains.open(first, NOW)
