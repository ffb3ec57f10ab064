"""The index of announced volumes: what it keeps, how it is asked, and that it is thrown away rather than trusted."""

from __future__ import annotations

import os
from contextlib import suppress
from itertools import product
from pathlib import Path

import apsw
import pytest

from parley.app.bench_conflict import BARS, measure, volumes
from parley.conflict.heights import height_gap, levels
from parley.conflict.volumes import Buffer, Prepared, prepare_volume
from parley.errors import DecodeError, StoreCorrupt, StoreError
from parley.geo.sphere import destination
from parley.stores import conflict_index
from parley.stores.conflict_index import ConflictIndex, _height_gap_m, _pack, discard
from parley.stores.sqlite_reader import open_connection
from parley.wire.geometry import (
    Band,
    Circle,
    Daily,
    Height,
    Point,
    Polygon,
    Reference,
    Time,
    Unit,
    Volume,
    Window,
    position,
)

KEY = bytes(range(32))
HERE = position(35.2, 40.1)
DAY = 86_400


def place(metres: float = 0.0, *times: Time, band: Band = Band()) -> Prepared:  # noqa: B008 - frozen
    return prepare_volume(Volume((Circle(destination(HERE, 90, metres), 1_000),), band, times))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "conflict.db"


def test_what_is_added_is_found_until_it_is_removed(path: Path) -> None:
    index = ConflictIndex.open(path, KEY)
    index.add("near", place(1_500), b"1")
    index.add("far", place(9_000), b"2")
    assert index.query(place()) == ["near"]
    assert sorted(index.query(place(), Buffer(7_100))) == ["far", "near"]
    index.remove("near", b"3")
    index.remove("unknown")
    assert index.query(place()) == []
    assert index.mark == b"3"
    index.close()
    again = ConflictIndex.open(path, KEY)
    assert again.mark == b"3"
    assert again.query(place(8_000)) == ["far"]
    again.close()


def test_adding_again_replaces(path: Path) -> None:
    index = ConflictIndex.open(path, KEY)
    index.add("a", place(0))
    index.add("a", place(50_000))
    assert index.query(place(0)) == []
    assert index.query(place(50_000)) == ["a"]
    index.close()


def test_a_volume_of_several_shapes_is_found_once_and_by_each(path: Path) -> None:
    spots = [destination(HERE, 90, m) for m in (0, 500, 80_000)]
    index = ConflictIndex.open(path, KEY)
    index.add("a", prepare_volume(Volume(tuple(Circle(s, 400) for s in spots))))
    for metres in (0, 80_000):
        assert index.query(place(metres)) == ["a"]
    index.remove("a")
    assert index.query(place(80_000)) == []
    index.close()


def test_windows_of_days_are_compared_one_by_one(path: Path) -> None:
    index = ConflictIndex.open(path, KEY)
    index.add("nights", place(0, Daily(20_000, 20_100, 22 * 60, 4 * 60)))
    index.add("once", place(0, Window(20_050 * DAY, 20_050 * DAY + 3_600)))
    assert index.query(place(0, Daily(20_000, 20_100, 12 * 60, 13 * 60))) == []
    assert index.query(place(0, Daily(20_000, 20_100, 3 * 60, 5 * 60))) == ["nights"]
    assert index.query(place(0, Window(20_010 * DAY + 12 * 3_600, 20_010 * DAY + 13 * 3_600))) == []
    assert sorted(index.query(place(0, Daily(20_000, 20_100, 0, 10)))) == ["nights", "once"]
    assert sorted(index.query(place(0))) == ["nights", "once"]
    index.close()


def test_a_buffer_of_seconds_is_held_to_the_second(path: Path) -> None:
    index = ConflictIndex.open(path, KEY)
    index.add("a", place(0, Window(6_000, 12_000)))
    for start, end in ((12_060, 18_000), (60, 5_940)):
        plan = place(0, Window(start, end))
        assert index.query(plan, Buffer(seconds=60)) == ["a"]
        assert index.query(plan, Buffer(seconds=59)) == []
    assert index.query(place(0, Window(12_000, 18_000))) == []
    index.close()


def test_times_beyond_the_range_of_the_tree_are_still_told_apart(path: Path) -> None:
    index = ConflictIndex.open(path, KEY)
    late = 2**34
    index.add("a", place(0, Window(late, late + 60)))
    assert index.query(place(0, Window(late, late + 60))) == ["a"]
    assert index.query(place(0, Window(late + 60, late + 120))) == []
    index.close()


def test_heights(path: Path) -> None:
    index = ConflictIndex.open(path, KEY)
    index.add("low", place(0, band=Band(Height(0), Height(1_000))))
    index.add("orbit", place(0, band=Band(Height(40_000_000), Height(41_000_000))))
    assert index.query(place(0, band=Band(Height(2_000), Height(3_000)))) == []
    assert index.query(place(0, band=Band(Height(2_000), Height(3_000))), Buffer(vertical_m=1_000)) == ["low"]
    # Above what the tree can tell apart, heights as stated are compared.
    assert index.query(place(0, band=Band(Height(42_000_000), None))) == []
    assert index.query(place(0, band=Band(Height(40_500_000), None))) == ["orbit"]
    assert sorted(index.query(place(0))) == ["low", "orbit"]
    index.close()


def test_a_ring_wider_than_a_hemisphere(path: Path) -> None:
    south = [(-10, lon) for lon in range(-175, 176, 10)]
    belt = Polygon(tuple(position(*p) for p in [*south, *[(10, lon) for _, lon in south[::-1]]]))
    index = ConflictIndex.open(path, KEY)
    index.add("belt", prepare_volume(Volume((belt,))))
    for lon in (3, 120, -170):
        assert index.query(prepare_volume(Volume((Point(position(0, lon)),)))) == ["belt"]
    assert index.query(prepare_volume(Volume((Point(position(45, 3)),)))) == []
    assert index.query(prepare_volume(Volume((Point(position(0, 180)),)))) == []
    index.close()


def test_nothing_is_cut_off(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """CON-11."""
    monkeypatch.setattr(conflict_index, "CHUNK", 700)
    index = ConflictIndex.open(path, KEY)
    index.load(((f"v{n}", place(n % 100)) for n in range(3_000)), b"all")
    assert len(index.query(place())) == 3_000
    assert index.mark == b"all"
    index.close()


def test_it_is_encrypted_and_private(path: Path) -> None:
    index = ConflictIndex.open(path, KEY)
    index.add("a name that can be searched for", place())
    for file in path.parent.iterdir():
        assert b"searched" not in file.read_bytes()
        assert b"SQLite format" not in file.read_bytes()
    assert path.stat().st_mode & 0o077 == 0
    index.close()


def other_version(path: Path) -> None:
    connection = open_connection(path, KEY, writable=True)
    connection.execute("UPDATE meta SET value=99 WHERE name='format'")
    connection.close()


@pytest.mark.parametrize(
    "spoil",
    [
        other_version,
        lambda path: path.write_bytes(os.urandom(9_000)),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:6_000]),
        lambda path: path.unlink(),
    ],
)
def test_what_cannot_be_read_is_begun_anew(path: Path, spoil: object) -> None:
    assert callable(spoil)
    index = ConflictIndex.open(path, KEY)
    index.add("a", place(), b"17")
    index.close()
    spoil(path)
    again = ConflictIndex.open(path, KEY)
    assert again.mark == b""
    assert again.query(place()) == []
    again.add("a", place(), b"1")
    assert again.query(place()) == ["a"]
    again.close()


def test_another_key_begins_anew(path: Path) -> None:
    ConflictIndex.open(path, KEY).close()
    again = ConflictIndex.open(path, bytes(32))
    assert again.mark == b""
    again.close()


def test_a_file_that_is_not_encrypted_is_refused(path: Path) -> None:
    plain = apsw.Connection(str(path))
    plain.execute("CREATE TABLE t(x)")
    plain.close()
    with pytest.raises(StoreError) as caught:
        ConflictIndex.open(path, KEY)
    assert caught.value.code == "cipher-not-in-effect"


def test_damage_that_shows_later_is_told(path: Path) -> None:
    index = ConflictIndex.open(path, KEY)
    index.load(((f"v{n}", place(n * 10)) for n in range(2_000)), b"all")
    index.close()
    size = path.stat().st_size
    data = bytearray(path.read_bytes())
    for at in range(40 * 4096 + 100, size, 4096):
        data[at] ^= 1
    path.write_bytes(data)
    index = ConflictIndex.open(path, KEY)
    with pytest.raises(StoreCorrupt):
        index.query(place(), Buffer(50_000))
    index.close()
    discard(path)
    again = ConflictIndex.open(path, KEY)
    assert again.mark == b""
    again.close()


def test_the_bench_measures_a_small_index(tmp_path: Path) -> None:
    figures = measure(tmp_path / "bench", 300)
    assert figures["conflict_volumes"] == 300
    assert set(BARS) < set(figures)
    assert figures["conflict_file_mb"] < 2
    assert {k for k, v in figures.items() if not v >= 0} == set()
    assert not (tmp_path / "bench").exists()
    drawn = list(volumes(200))
    assert drawn == list(volumes(200))
    assert all(6 <= len(s.ring) <= 30 for v in drawn for s in v.shapes if isinstance(s, Polygon))


def test_heights_are_compared_as_the_exact_check_compares_them() -> None:
    """Every pair of limits: of one reference, of two, or none; below, touching, within and above."""
    limits = [None] + [
        Height(value, unit, reference)
        for value in (-10, 0, 40, 100)
        for unit, reference in (
            (Unit.FOOT, Reference.AMSL),
            (Unit.METRE, Reference.AMSL),
            (Unit.METRE, Reference.AGL),
            (Unit.HUNDRED_FEET, Reference.FL),
        )
    ]
    made = []
    for low, high in product(limits, repeat=2):
        with suppress(DecodeError):
            made.append(levels(Band(low, high)))
    assert len(made) > 150
    area = prepare_volume(Volume((Point(position(1, 2)),), Band(), ())).area
    shapes = [(found, _pack(area.outlines[0], found, wide=False)) for found in made]
    for wanted in made[::3]:
        for found, shape in shapes:
            assert _height_gap_m(wanted, shape) == height_gap(wanted, found).metres
