"""Distances and directions against published geodesics, and the bound that the conflict check relies on."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest

from parley.geo.sphere import (
    RADIUS_MAX_M,
    RADIUS_MIN_M,
    Vectors,
    bearing,
    destination,
    distance_m,
    lower_bounds_m,
    position_of,
    unit_vectors,
)
from parley.wire.geometry import Position, position


def test_published_distances() -> None:
    # A meridian quadrant, a quarter of the equator, and the last degree before the pole (WGS 84).
    assert distance_m(position(0, 0), position(90, 0)) == pytest.approx(10_001_965.729, abs=0.001)
    assert distance_m(position(0, 0), position(0, 90)) == pytest.approx(10_018_754.171, abs=0.001)
    assert distance_m(position(89, 0), position(90, 123)) == pytest.approx(111_693.865, abs=0.01)


def test_across_the_antimeridian_and_the_pole() -> None:
    assert distance_m(position(0, 179.5), position(0, -179.5)) == pytest.approx(111_319.49, abs=0.01)
    assert bearing(position(0, 179.5), position(0, -179.5)) == pytest.approx(90)
    assert destination(position(0, 179.5), 90, 111_319.49) == position(0, -179.5)
    assert bearing(position(89, 0), position(89, 180)) == pytest.approx(0)
    assert destination(position(89, 0), 0, 2 * 111_693.865) == position(89, 180)


@pytest.mark.parametrize("metres", [1.0, 9_000.0, 1_000_000.0])
def test_destination_is_as_far_and_in_the_direction_asked_for(metres: float) -> None:
    # B1: a point that is moved by 9 km is 9 km away.
    a = position(35.28, 40.07)
    for degrees in range(0, 360, 7):
        b = destination(a, degrees, metres)
        assert distance_m(a, b) == pytest.approx(metres, abs=0.12)
        if metres > 1:
            assert abs((bearing(a, b) - degrees + 180) % 360 - 180) < 0.01


def test_positions_survive_as_vectors() -> None:
    places = [position(90, 0), position(-90, 0), position(0, -180), position(12.345678, 179.999999), position(-1e-6, 0)]
    found = [position_of(v) for v in unit_vectors(places)]
    assert found == places
    assert unit_vectors([]).shape == (0, 3)


def test_the_antimeridian_has_one_longitude() -> None:
    assert position_of(np.array([-1.0, 1e-12, 0.0])) == position_of(np.array([-1.0, -1e-12, 0.0]))


@pytest.mark.parametrize(
    ("metres", "short"), [(1.0, 1e-6), (2e5, 1e-6), (1e6, 3e-5), (5e6, 1e-2), (1.2e7, 1e-2), (1.99e7, 1e-2)]
)
def test_the_bound_is_never_above_the_geodesic_and_close_to_it(metres: float, short: float) -> None:
    draw = random.Random(7)
    for _ in range(300):
        a = position(math.degrees(math.asin(draw.uniform(-1, 1))), draw.uniform(-180, 180))
        b = destination(a, draw.uniform(0, 360), metres)
        exact = distance_m(a, b)
        bound = float(lower_bounds_m(*_pair(a, b))[0])
        assert exact * (1 - short) - 1e-6 <= bound <= exact + 1e-6


def test_the_two_radii_bound_every_length() -> None:
    draw = random.Random(8)
    for _ in range(500):
        a, b = (
            Position(draw.randrange(-90_000_000, 90_000_001), draw.randrange(-180_000_000, 180_000_000)) for _ in "ab"
        )
        first, second = _pair(a, b)
        angle = math.atan2(float(np.linalg.norm(np.cross(first, second))), float(np.dot(first[0], second[0])))
        assert RADIUS_MIN_M * angle <= distance_m(a, b) <= RADIUS_MAX_M * angle


def _pair(a: Position, b: Position) -> tuple[Vectors, Vectors]:
    return unit_vectors([a]), unit_vectors([b])
