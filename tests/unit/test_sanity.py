"""Positions that are asked about at entry, and those that are not. R67, B4."""

from __future__ import annotations

import pytest

from parley.app.sanity import at_sea, doubts, height_doubts
from parley.geo.coordinates import parse_position
from parley.geo.sphere import distance_m
from parley.wire.geometry import Band, Height, Reference, Unit, position

KUNDUZ = position(36.718031, 68.862211)
LIMA = position(-12.0464, -77.0428)


@pytest.mark.parametrize(
    "text",
    [
        "36 43 4.91N 68 51 43.96E",
        "36°43'4.91\"N 68°51'43.96\"E",
        "36-43.08183N 068-51.73267E",
        "36.718031, 68.862211",
        "36.718031N 68.862211E",
        "42S VF 87695 63602",
        "42 S 487695 4063602",
    ],
)
def test_one_point_in_every_notation(text: str) -> None:
    assert distance_m(parse_position(text), KUNDUZ) < 2


def test_land_and_sea() -> None:
    for lat, lon in ((36.718, 68.862), (-12.05, -77.04), (0.3, 32.6), (78.2, 15.6), (-89.5, 0), (51.5, -0.1)):
        assert not at_sea(position(lat, lon)), (lat, lon)
    for lat, lon in ((0, -30), (30, 179.95), (35, -150), (-50, -179.99), (55, 3), (34, 27), (89.9, 0)):
        assert at_sea(position(lat, lon)), (lat, lon)


@pytest.mark.parametrize(
    ("entered", "known", "land", "says"),
    [
        (position(68.862211, 36.718031), [KUNDUZ], False, "swapped"),
        (position(-12.0464, 77.0428), [LIMA], True, "longitude lacks its minus"),
        (position(12.0464, -77.0428), [LIMA], True, "latitude lacks its minus"),
        (position(12.0464, 77.0428), [LIMA], False, "both lack"),
        (position(31.25, -34.21), [position(31.42, 34.35)], True, "longitude lacks its minus"),
    ],
)
def test_a_slip_is_asked_about_with_what_was_meant(entered: object, known: list[object], land: bool, says: str) -> None:
    found = doubts(entered, known, land=land)  # type: ignore[arg-type]
    assert any(says in question for question in found), found


def test_minutes_that_were_read_as_decimals() -> None:
    # 10-50.0S 130-50.0E is meant; 10.50S 130.50E lies at sea, 37 km off.
    found = doubts(position(-12.28, 130.50), [position(-12.46, 130.84)], land=True)
    assert any("decimal degrees" in question for question in found), found


def test_what_is_right_is_not_asked_about() -> None:
    assert doubts(KUNDUZ, [], land=True) == []
    assert doubts(KUNDUZ, [LIMA], land=True) == [], "far from all known, but no slip explains it"
    assert doubts(position(0, -30), []) == [], "a place at sea is as good as any where no land is meant"
    assert doubts(position(0.0, -30.0), [], land=True), "a hospital at sea"


def test_metres_for_feet() -> None:
    high = Band(Height(500, Unit.FOOT, Reference.AGL), Height(35000, Unit.METRE, Reference.AMSL))
    assert height_doubts(high) == ["35000 m is higher than aircraft fly; was it 35000 ft?"]
    assert height_doubts(Band(None, Height(12000, Unit.METRE))) == []
