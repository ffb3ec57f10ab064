"""What the others announced, read on from where the reading ended before a start."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from parley.app.register import Register
from parley.app.views import Views
from parley.conflict.volumes import prepare_volume
from parley.errors import StoreError
from parley.ids import EntryId
from parley.protocol import inputs as i
from parley.stores.conflict_index import ConflictIndex
from parley.wire.geometry import Band, Circle, Position, Volume
from parley.wire.statement import Kind, Message, Reference, Relation
from parley_testkit.small_world import World

AREA = """010720Z MAY 26
HYDROLANT {number}/26(24).
NORTH SEA.
1. HAZARDOUS OPERATIONS 0800Z TO 1600Z DAILY 02 THRU 05 MAY
   IN AREA BOUND BY
   54-{minute}.0N 006-10.0E, 54-{minute}.0N 006-40.0E,
   54-50.0N 006-40.0E, 54-50.0N 006-10.0E.
2. CANCEL THIS MSG 051700Z MAY 26.
"""
KEY = bytes(range(32))
EVERYWHERE = Volume((Circle(Position(54_500_000, 6_500_000), 200_000),), Band(), ())


class Counting(Views):
    """Views that count what is decoded."""

    read = 0

    def said(self, stored: Any) -> Any:
        """As Views has it."""
        self.read += 1
        return super().said(stored)


@pytest.fixture
def index(tmp_path: Path) -> Iterator[ConflictIndex]:
    found = ConflictIndex.open(tmp_path / "conflicts.db", KEY)
    yield found
    found.close()


def views_of(world: World) -> Counting:
    """The record as the second party has it."""
    return Counting(world.stores[1], world.lines[1].membership, world.lines[1].me)


def tell(world: World, text: str, *refs: Reference) -> EntryId:
    """A text of the first party, carried to the second."""
    output = world.step(0, i.Submit(Kind.MESSAGE, Message(text, "en", refs=refs), token=1))
    world.run(0.2)
    return next(e.entry for e in output.events if isinstance(e, i.Written))


def joined(seed: int = 0) -> World:
    """Two parties, linked."""
    world = World(2, seed=seed)
    world.link_all()
    world.run(1.0)
    return world


def area(number: int, minute: int = 20) -> str:
    """A warning."""
    return AREA.format(number=number, minute=minute)


def test_a_start_takes_up_what_was_read_and_decodes_none_of_it_again(index: ConflictIndex) -> None:
    world = joined()
    first = tell(world, area(101))
    tell(world, "nothing in particular")
    tell(world, area(102, 25))
    before = Register(world.lines[1].me, 0)
    views = views_of(world)
    news = before.read_on(views, index)
    assert len(news.added) == 2
    before.told()
    before.settle(index)

    after, views = Register(world.lines[1].me, 0), views_of(world)
    news = after.read_on(views, index)
    assert views.read == 0
    assert news.added == {}
    assert (after.notices, after.place) == (before.notices, before.place)

    tell(world, "not any more", Reference(Relation.CANCELS, first))
    news = after.read_on(views, index)
    assert {name.rpartition("/")[0] for name in news.gone} == {views.name_of(first)}
    again = Register(world.lines[1].me, 0)
    again.read_on(views_of(world), index)
    assert again.notices == after.notices
    assert [n.number for n in again.notices.values()] == ["HYDROLANT 102/26"]


def test_a_number_that_was_cancelled_before_it_came_stays_cancelled(index: ConflictIndex) -> None:
    world = joined()
    tell(world, area(103).replace("CANCEL THIS MSG 051700Z MAY 26", "CANCEL HYDROLANT 104/26"))
    Register(world.lines[1].me, 0).read_on(views_of(world), index)
    tell(world, area(104))
    found = Register(world.lines[1].me, 0)
    found.read_on(views_of(world), index)
    assert [n.number for n in found.notices.values()] == ["HYDROLANT 103/26"]


def test_entries_without_an_area_are_no_commit_each(index: ConflictIndex) -> None:
    world = joined()
    found, views = Register(world.lines[1].me, 0), views_of(world)
    tell(world, area(105))
    found.read_on(views, index)
    found.told()
    mark = index.mark
    for n in range(3):
        tell(world, f"nothing {n}")
        found.read_on(views, index)
    assert index.mark == mark
    found.settle(index)
    assert int.from_bytes(index.mark, "big") == found.place > int.from_bytes(mark, "big")


class Unreadable(Counting):
    """Views of which the named reading fails so many times."""

    failing = ""
    fails = 0

    def __getattribute__(self, name: str) -> Any:
        if name == object.__getattribute__(self, "failing") and self.fails:
            self.fails -= 1
            raise StoreError("the disk does not answer", code="store-io")
        return super().__getattribute__(name)


@pytest.mark.parametrize("failing", ["stored", "said", "recipients", "filled"])
def test_an_entry_that_could_not_be_read_is_read_again(index: ConflictIndex, failing: str) -> None:
    world = joined()
    tell(world, "nothing in particular")
    found, views = (
        Register(world.lines[1].me, 0),
        Unreadable(world.stores[1], world.lines[1].membership, world.lines[1].me),
    )
    found.read_on(views, index)
    first = tell(world, area(101))
    views.failing, views.fails = failing, 1
    with pytest.raises(StoreError):
        found.read_on(views, index)
    found.settle(index)
    news = found.read_on(views, index)
    assert [name.rpartition("/")[0] for name in news.added] == [views.name_of(first)]
    assert list(found.notices) == [views.name_of(first)]


class Failing:
    """An index that fails to keep what it is given so many times."""

    def __init__(self, index: ConflictIndex, fails: int) -> None:
        self._index, self._fails = index, fails

    def __getattr__(self, name: str) -> Any:
        return getattr(self._index, name)

    def load(self, *args: Any, **kwargs: Any) -> None:
        """As the index has it, once it works."""
        if self._fails:
            self._fails -= 1
            raise StoreError("no space left on device", code="store-io")
        self._index.load(*args, **kwargs)


def test_what_could_not_be_kept_is_kept_and_told_of_later(index: ConflictIndex) -> None:
    world = joined()
    first = tell(world, area(101))
    failing: Any = Failing(index, 2)
    found, views = Register(world.lines[1].me, 0), views_of(world)
    with pytest.raises(StoreError):
        found.read_on(views, failing)
    found.settle(failing)
    second = tell(world, area(102, 25))
    with pytest.raises(StoreError):
        found.read_on(views, failing)
    news = found.read_on(views, failing)
    assert {name.rpartition("/")[0] for name in news.added} == {views.name_of(first), views.name_of(second)}
    found.told()
    assert index.query(prepare_volume(EVERYWHERE)) == list(news.added)
    again = Register(world.lines[1].me, 0)
    assert again.read_on(views_of(world), index).added == {}
    assert again.notices == found.notices


def test_what_nobody_was_told_of_is_told_again(index: ConflictIndex) -> None:
    world = joined()
    tell(world, area(101))
    found, views = Register(world.lines[1].me, 0), views_of(world)
    added = dict(found.read_on(views, index).added)
    assert found.read_on(views, index).added == added != {}
    found.told()
    assert found.read_on(views, index).added == {}


def test_facts_that_cannot_be_read_are_read_from_the_record_again(index: ConflictIndex) -> None:
    world = joined()
    tell(world, area(101))
    tell(world, area(102, 25))
    before = Register(world.lines[1].me, 0)
    before.read_on(views_of(world), index)
    name = next(name for name, _ in index.facts() if name.startswith("notice/"))
    index.load((), index.mark, facts={name: b"\xff"})
    found = Register(world.lines[1].me, 0)
    news = found.read_on(views_of(world), index)
    assert found.notices == before.notices
    assert sorted(index.query(prepare_volume(EVERYWHERE))) == sorted(news.added)


def test_another_record_is_read_from_its_beginning(index: ConflictIndex) -> None:
    world, other = joined(), joined(seed=1)
    tell(world, area(106))
    tell(world, area(107, 25))
    Register(world.lines[1].me, 0).read_on(views_of(world), index)
    tell(other, area(108))
    found = Register(other.lines[1].me, 0)
    news = found.read_on(views_of(other), index)
    assert [n.number for n in found.notices.values()] == ["HYDROLANT 108/26"]
    assert {name.rpartition("/")[0] for name in news.added} == set(found.notices)
    assert all(f"{name}" in {n for n, _ in index.facts()} for name in (f"notice/{id_}" for id_ in found.notices))
