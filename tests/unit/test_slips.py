"""Slips in places and times are told, and what is right is left alone (R67)."""

from __future__ import annotations

import pytest

from parley.app.readback import Named
from parley.app.slips import doubts
from parley.wire.geometry import Band, Circle, Point, Position, Volume, Window, position

KNOWN = [Named("Kunduz", position(36.72, 68.86)), Named("Survey", position(58.6, 10.0))]
NOW = 1_800_000_000
DAY = 86_400


def codes(value: object) -> list[str]:
    return [d["code"] for d in doubts("f", value, KNOWN, NOW)]


@pytest.mark.parametrize(
    ("at", "wanted"),
    [
        (position(36.7, 68.9), []),
        (position(38.0, 70.0), []),
        (position(68.9, 36.7), ["place-exchanged"]),
        (position(-36.7, 68.9), ["place-other-side"]),
        (position(36.7, -68.9), ["place-other-side"]),
        (position(-20.0, 130.0), ["place-far"]),
        (Position(0, 0), ["place-zero"]),
    ],
)
def test_places(at: Position, wanted: list[str]) -> None:
    assert codes(at) == wanted
    assert codes(Volume((Point(at),), Band(), ())) == wanted


def test_a_doubt_says_how_far_and_from_what() -> None:
    (found,) = doubts("areas.0", position(68.86, 36.72), KNOWN, NOW)
    assert (found["field"], found["place"], found["km"]) == ("areas.0", "Kunduz", 0)
    assert found["far_km"] > 1000


def test_without_anything_known_no_place_is_far() -> None:
    assert list(doubts("f", position(-20, 130), [], NOW)) == []


def test_times_and_sizes() -> None:
    near = position(36.7, 68.9)
    assert codes(Window(NOW - 2 * DAY, NOW - DAY)) == ["time-over"]
    assert codes(Window(NOW - DAY, NOW + DAY)) == []
    assert codes(Volume((Point(near),), Band(), (Window(NOW + 500 * DAY, NOW + 501 * DAY),))) == ["time-far"]
    assert codes(Volume((Circle(near, 2_000_000),), Band(), ())) == ["area-large"]
