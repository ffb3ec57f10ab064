"""Every notation of a place is read to the same place. R67, B4."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.errors import UsageError
from parley.geo.coordinates import format_position, parse_position
from parley.geo.sphere import distance_m
from parley.wire.geometry import Position, position

HOSPITAL = position(36 + 43 / 60 + 4.91 / 3600, 68 + 51 / 60 + 43.96 / 3600)
"""The main building of B4, as it was told: 36 43 4.91N 68 51 43.96E."""


@pytest.mark.parametrize(
    ("text", "within_m"),
    [
        ("36 43 4.91N 68 51 43.96E", 0.2),
        ("N36 43 4.91 E68 51 43.96", 0.2),
        ("36°43′4.91″N 68°51′43.96″E", 0.2),  # noqa: RUF001 - as people type them
        ("36-43-04.91N 068-51-43.96E", 0.2),
        ("364304.91N 0685143.96E", 0.2),
        ("36 43.08183 N, 68 51.73267 E", 0.2),
        ("36-43.08183N 068-51.73267E", 0.2),
        ("36.718031 N 68.862211 E", 0.2),
        ("36.718031, 68.862211", 0.2),
        ("68.862211 E 36.718031 N", 0.2),
        ("42S VF 87694 63601", 1.5),
        ("42SVF8769463601", 1.5),
        ("42 S 487694 4063601", 1.5),
        ("42N 487694 4063601", 1.5),
    ],
)
def test_the_hospital_is_one_place_in_every_notation(text: str, within_m: float) -> None:
    assert distance_m(parse_position(text), HOSPITAL) <= within_m


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "coordinates-ambiguous"),
        ("36 68", "coordinates-ambiguous"),
        ("3643 6851", "coordinates-ambiguous"),
        ("36 43 N", "coordinates-unreadable"),
        ("36 43 N 68 51 N", "coordinates-unreadable"),
        ("-36 43 N 68 51 E", "coordinates-unreadable"),
        ("36.5 43 N 68 51 E", "coordinates-unreadable"),
        ("36 43 4 1 N 68 51 E", "coordinates-unreadable"),
        ("near the bridge", "coordinates-unreadable"),
        ("91.0 N 10.0 E", "coordinates-range"),
        ("36-75N 010-00E", "coordinates-range"),
        ("36.5, 180.5", "coordinates-range"),
        ("42SVF8773463", "coordinates-unreadable"),
        ("2SXF 1 2", "coordinates-range"),
        ("1CAA99", "coordinates-range"),
        # South of the equator as many write it: it was read as a place at 56 N.
        ("33S 487695 6200000", "coordinates-ambiguous"),
        ("33T 487695 6200000", "coordinates-range"),
    ],
)
def test_what_cannot_be_read_in_one_way_is_refused(text: str, code: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_position(text)
    assert caught.value.code == code


POSITIONS = st.builds(Position, st.integers(-90_000_000, 90_000_000), st.integers(-180_000_000, 179_999_999))


@given(POSITIONS)
def test_what_is_written_is_read_back(at: Position) -> None:
    back = parse_position(format_position(at))
    assert abs(back.lat - at.lat) <= 9
    assert min(abs(back.lon - at.lon), 360_000_000 - abs(back.lon - at.lon)) <= 9


@given(POSITIONS)
def test_decimal_degrees_are_exact(at: Position) -> None:
    assert parse_position(f"{at.lat / 1e6:.6f}, {at.lon / 1e6:.6f}") == at


@given(st.text(max_size=60))
def test_any_text_is_a_position_or_is_refused(text: str) -> None:
    try:
        found = parse_position(text)
    except UsageError:
        return
    assert -90_000_000 <= found.lat <= 90_000_000
