"""Rings for the map hold what the conflict check holds: at the pole, across 180 degrees, round a bend."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from parley.app.mapping import heights, metres
from parley.app.outline import collection, geometry
from parley.geo.sphere import distance_m
from parley.wire.geometry import (
    Band,
    Circle,
    Corridor,
    Edge,
    Height,
    Point,
    Polygon,
    Position,
    Reference,
    Unit,
    position,
)


def ring(shape: Circle | Corridor | Polygon) -> list[Position]:
    found = geometry(shape)
    assert found["type"] == "Polygon"
    (points,) = found["coordinates"]
    assert points[0] == points[-1]
    return [position(lat, lon) for lon, lat in points]


@pytest.mark.parametrize("centre", [position(89.9, 10), position(-90, 0), position(0, 179.99), position(54, 19)])
def test_every_point_of_a_circle_lies_at_its_radius(centre: Position) -> None:
    far = [distance_m(centre, p) for p in ring(Circle(centre, 50_000))]
    assert all(abs(d - 50_000) < 1 for d in far)


@given(
    st.lists(st.tuples(st.floats(-89, 89), st.floats(-180, 179)), min_size=2, max_size=4, unique=True),
    st.integers(100, 50_000),
)
def test_a_corridors_ring_lies_at_its_half_width_of_a_corner(path: list[tuple[float, float]], half_width: int) -> None:
    corners = [position(*p) for p in path]
    assume(all(200_000 < distance_m(a, b) < 1e7 for a in corners for b in corners if a != b))
    for point in ring(Corridor(tuple(corners), half_width)):
        # On the inside of a bend the corner of the edges lies farther away.
        assert half_width - 1 < min(distance_m(point, c) for c in corners) < 5.1 * half_width


def test_a_corridor_goes_once_round() -> None:
    points = ring(Corridor((position(60, 20), position(58, 10), position(62, 0)), 60_000))
    area = sum(a.lon * b.lat - b.lon * a.lat for a, b in zip(points, [*points[1:], points[0]], strict=True)) / 2e12
    # Two legs of about 600 and 700 km by 120 km, in square degrees of longitude and latitude at 60 degrees north.
    assert 20 < area < 32, "wound against the clock, once"


def test_a_corridor_that_stays_in_one_place_is_a_circle() -> None:
    at = position(10, 20)
    assert all(abs(distance_m(at, p) - 500) < 1 for p in ring(Corridor((at, at), 500)))


def test_rings_are_not_cut_and_great_circles_get_no_points() -> None:
    places = (position(-15, 175), position(-15, -175), position(-20, -175), position(-20, 175))
    assert tuple(ring(Polygon(places))[:-1]) == places


def test_a_parallel_gets_points_that_stay_on_it() -> None:
    places = (position(60, 0), position(60, 40), position(50, 40), position(50, 0))
    points = ring(Polygon(places, Edge.PARALLEL))
    assert len(points) > 20
    assert all(p.lat in (60_000_000, 50_000_000) for p in points)


def test_several_shapes_are_one_geometry() -> None:
    found: dict[str, Any] = collection([Point(position(1, 2)), Circle(position(3, 4), 500)])
    assert [g["type"] for g in found["geometries"]] == ["Point", "Polygon"]
    assert collection([Point(position(1, 2))]) == {"type": "Point", "coordinates": [2.0, 1.0]}


def test_heights_in_metres_and_in_words() -> None:
    level, feet = Height(100, Unit.HUNDRED_FEET, Reference.FL), Height(500, Unit.FOOT, Reference.AGL)
    assert (metres(level), metres(feet), metres(None)) == (3048.0, 152.4, None)
    assert heights(Band(feet, level), "en") == "500 ft AGL to FL100"
    assert heights(Band(None, level), "en") == "surface to FL100"
    assert heights(Band(None, level), "ru").startswith("поверхность ")
    assert heights(Band(), "fr") == ""
    assert math.isclose(metres(Height(30)) or 0, 30.0)
