"""Areas on the sphere: what is refused, what an edge is, and how far apart shapes are."""

from __future__ import annotations

import math

import pytest

from parley.conflict.areas import Place, box, places, prepare
from parley.conflict.edges import MAX_POINTS, TOLERANCE_M
from parley.errors import DecodeError
from parley.geo.sphere import destination, distance_m, unit_vectors
from parley.wire.geometry import Circle, Corridor, Edge, Point, Polygon, Position, Shape, position


def ring(*places: tuple[float, float], edge: Edge = Edge.GREAT_CIRCLE) -> Polygon:
    return Polygon(tuple(position(lat, (lon + 180) % 360 - 180) for lat, lon in places), edge)


def near(a: Shape, b: Shape, limit_m: float = 0.0) -> Place | None:
    found = places(prepare([a]), prepare([b]), limit_m)
    back = places(prepare([b]), prepare([a]), limit_m)
    assert [p.metres for p in found] == pytest.approx([p.metres for p in back])
    return found[0] if found else None


def meets(a: Shape, b: Shape) -> bool:
    return near(a, b) is not None


def at(lat: float, lon: float) -> Point:
    return Point(position(lat, lon))


def refusal(shape: Shape) -> str:
    with pytest.raises(DecodeError) as caught:
        prepare([shape])
    assert caught.value.next_step
    return caught.value.code


SQUARE = ring((0, 0), (0, 1), (1, 1), (1, 0))


# -- refused, with the reason: CON-5 -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "code"),
    [
        (ring((0, 0), (1, 1), (0, 1), (1, 0)), "area-crossing"),  # a bow-tie
        (ring((88, 0), (88, 170), (88, 90), (88, -90)), "area-crossing"),  # the same across the pole
        (ring((0, 0), (0, 2), (2, 2), (1, 1), (0, 1)), "area-crossing"),  # a position on another edge
        (ring((0, 0), (0, 2), (0, 1), (1, 1)), "area-crossing"),  # a spike folded back
        (ring((0, 0), (1, 0), (1, 1), (0, 0)), "area-repeated"),  # closed by repeating the first
        (ring((90, 0), (90, 90), (80, 45)), "area-repeated"),  # one pole under two longitudes
        (ring((0, 0), (0, 1), (0, 2)), "area-zero"),
        (ring((10, 10), (20, 20), (10, 10)), "area-repeated"),
        (ring((0, 0), (0, 120), (0, -120)), "area-undecided"),  # the equator
        (ring((0, 0), (0, 180), (45, 90)), "area-edge"),
        (ring((50, -90), (50, 90), (60, 0), edge=Edge.PARALLEL), "area-edge"),
        (ring((50, -90), (51, 90), (60, 0), edge=Edge.RHUMB), "area-edge"),
        (Polygon((Position(0, 0), Position(1, 1))), "area-positions"),
        (Polygon((Position(0, 0), Position(90_000_001, 1), Position(0, 5))), "area-range"),
        (Polygon((Position(0, 0), Position(0, 180_000_000), Position(5, 5))), "area-range"),
        (Corridor((Position(0, 0),), 100), "area-positions"),
        (Corridor((Position(0, 0), Position(0, 0)), 100), "area-repeated"),
        (Corridor((Position(0, 0), Position(0, -180_000_000)), 100), "area-edge"),
        (Circle(Position(0, 0), -1), "area-range"),
    ],
)
def test_malformed_shapes_are_refused_with_their_reason(shape: Shape, code: str) -> None:
    # bad: a malformed ring -> shown, and not checked, with its reason: `area-crossing`, `area-repeated`, `area-zero`
    assert refusal(shape) == code


def test_numbers_that_are_none_are_refused() -> None:
    for number in (math.nan, math.inf):
        assert refusal(Circle(Position(0, 0), number)) == "area-range"  # type: ignore[arg-type]
        assert refusal(Point(Position(number, 0))) == "area-range"  # type: ignore[arg-type]


def test_both_windings_are_one_area() -> None:
    """CON-2."""
    backwards = Polygon(SQUARE.ring[::-1])
    for area in (SQUARE, backwards):
        assert meets(area, at(0.5, 0.5))
        assert not meets(area, at(1.5, 0.5))
        assert not meets(area, at(-0.5, -179.5))


# -- edges -------------------------------------------------------------------------------------------------


def test_an_edge_is_a_great_circle_unless_it_says_otherwise() -> None:
    """CON-1."""
    # 300 km along 60 N: the great circle passes about 1.5 km north of the parallel in its middle.
    corners = ((59, 0.0), (59, 5.4), (60, 5.4), (60, 0.0))
    between = at(60.005, 2.7)
    assert meets(ring(*corners), between)
    assert not meets(ring(*corners, edge=Edge.PARALLEL), between)
    assert not meets(ring(*corners, edge=Edge.RHUMB), between)


def test_a_polar_cap_bounded_by_a_parallel() -> None:
    cap = prepare([ring((60, 0), (60, 120), (60, -120), edge=Edge.PARALLEL)])
    straight = ring((60, 0), (60, 120), (60, -120))
    for lon in range(-180, 180, 15):
        assert places(cap, prepare([at(60.001, lon)]), 0.0)
        assert not places(cap, prepare([at(59.999, lon)]), 0.0)
    assert not meets(straight, at(61, 60))
    assert meets(straight, at(90, 0))
    assert places(cap, prepare([at(90, 0)]), 0.0)


def test_a_parallel_edge_with_two_latitudes_is_a_great_circle() -> None:
    mixed = ring((0, 0), (0, 40), (40, 20), edge=Edge.PARALLEL)
    plain = ring((0, 0), (0, 40), (40, 20))
    for where in (at(25, 10), at(25, 30), at(20.5, 9.0), at(20, 9.0)):
        assert meets(mixed, where) == meets(plain, where)


def test_a_rhumb_line_keeps_its_course() -> None:
    # London to Beijing: the rhumb line passes 1,700 km south of the great circle.
    ends = (position(51.5, 0), position(39.9, 116.4))
    rhumb = Corridor(ends, 1000, Edge.RHUMB)
    middle = at(46.00, 58.2)
    assert meets(rhumb, middle)
    assert not meets(Corridor(ends, 1_000_000), middle)
    # From the equator to the pole it is a meridian, whatever longitude the pole is given.
    assert meets(Corridor((position(0, 10), position(90, 77)), 10, Edge.RHUMB), at(45, 10))


def isometric(lat: float) -> float:
    e = 0.0818191908426215
    return math.asinh(math.tan(math.radians(lat))) - e * math.atanh(e * math.sin(math.radians(lat)))


@pytest.mark.parametrize(
    ("start", "end"), [((10, 170), (70, -60)), ((-60, 0), (60, 1)), ((45, 0), (45, 179)), ((0, 0), (89.9, 90))]
)
def test_chords_of_a_rhumb_line_stay_within_the_tolerance(start: tuple[float, float], end: tuple[float, float]) -> None:
    (outline,) = prepare([Corridor((position(*start), position(*end)), 1, Edge.RHUMB)]).outlines
    assert outline.radius_m == pytest.approx(1 + TOLERANCE_M + 0.1)
    line = Corridor(tuple(Position(*p) for p in outline.positions.tolist()), 1)
    across = (end[1] - start[1] + 180) % 360 - 180
    low, high = isometric(start[0]), isometric(end[0])
    farthest = 0.0
    for n in range(1, 100):
        wanted, below, above = low + n / 100 * (high - low), -90.0, 90.0
        for _ in range(60):
            middle = (below + above) / 2
            below, above = (middle, above) if isometric(middle) < wanted else (below, middle)
        found = near(at(below, (start[1] + n / 100 * across + 180) % 360 - 180), line, 100.0)
        assert found is not None
        farthest = max(farthest, found.metres + 1)
    assert farthest <= TOLERANCE_M + 0.1


def test_many_long_parallels_are_widened_rather_than_refused() -> None:
    """CON-12."""
    north = [(45 + n / 100, 170.0 * (n % 2)) for n in range(40)]
    path = Corridor(tuple(position(*p) for p in north), 1, Edge.RHUMB)
    (alone,) = prepare([path]).outlines
    assert len(alone.positions) <= MAX_POINTS + len(north)
    assert 2 * TOLERANCE_M < alone.radius_m < 10_000
    # All shapes of an area share what may be added, so that 64 of them take no longer than one.
    many = prepare([path] * 64).outlines
    assert sum(len(o.positions) for o in many) <= MAX_POINTS + 64 * len(north)


# -- distances ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", [(0, 0), (0, 179.9999), (45, -180), (60, 10), (89.99, 30), (90, 0), (-90, 0)])
def test_a_circle_reaches_as_far_as_the_geodesic(where: tuple[float, float]) -> None:
    """CON-3."""
    centre = position(*where)
    for radius in (500, 50_000, 900_000):
        for course in range(0, 360, 45):
            for over, expected in ((-1, True), (1, False)):
                # The grid of positions, and what may be said to meet beyond the limit.
                there = destination(centre, course, radius + over * (0.3 + 1e-4 * radius))
                assert meets(Circle(centre, radius), Point(there)) == expected
                assert meets(Circle(centre, radius - 200), Circle(there, 200)) == expected


def test_by_how_much_two_areas_miss() -> None:
    found = near(SQUARE, ring((0.25, 1.5), (0.75, 1.5), (0.5, 2)), 100_000)
    assert found is not None
    assert found.metres == pytest.approx(distance_m(position(0.75, 1), position(0.75, 1.5)), rel=1e-4)
    assert found.reach_m == pytest.approx(found.metres / 2)
    assert distance_m(found.at, position(0.75, 1.25)) < 100
    assert near(SQUARE, ring((0.25, 1.5), (0.75, 1.5), (0.5, 2)), found.metres - 10) is None


def test_the_nearest_place_is_that_of_the_ellipsoid() -> None:
    # At the equator a degree of latitude is shorter than one of longitude: the tip to the north is the nearer one.
    tips = ring((0.5, 0), (3, 0.5), (3, 3), (0.5, 3), (0, 0.499), (1.5, 1.5))
    found = near(at(0, 0), tips, 100_000)
    assert found is not None
    assert found.metres == pytest.approx(distance_m(position(0, 0), position(0.5, 0)), abs=0.2)
    assert found.metres < distance_m(position(0, 0), position(0, 0.499)) - 100


def test_touching_is_meeting() -> None:
    """CON-4."""
    assert meets(SQUARE, ring((0, 1), (0, 2), (1, 2), (1, 1)))
    assert meets(SQUARE, at(1, 1))
    assert meets(SQUARE, at(0, 0.5))
    assert not meets(SQUARE, at(-0.000002, 0.5))


def test_a_short_edge_that_points_at_a_place_does_not_hold_it() -> None:
    # 0.4 m of edge in line with a place 7 m away: its direction must not be lost to rounding.
    blot = [(35260291, 44999959), (35260295, 44999963), (35260290, 44999963), (35260293, 44999972)]
    blot += [(35260289, 44999969), (35260287, 44999976), (35260283, 44999971), (35260278, 44999975)]
    blot += [(35260275, 44999973), (35260281, 44999962), (35260281, 44999961), (35260270, 44999960)]
    blot += [(35260277, 44999956), (35260275, 44999951), (35260279, 44999949), (35260280, 44999946)]
    blot += [(35260284, 44999942), (35260286, 44999951), (35260287, 44999953), (35260293, 44999947)]
    blot += [(35260293, 44999953), (35260295, 44999955)]
    others = [(35260163, 44999896), (35260260, 45000096), (35260038, 45000133), (35259931, 45000260)]
    others += [(35259877, 45000091), (35259769, 45000035), (35259570, 44999963), (35259739, 44999828)]
    others += [(35259808, 44999652), (35259921, 44999674), (35260028, 44999689), (35260272, 44999657)]
    found = near(Polygon(tuple(Position(*p) for p in blot)), Polygon(tuple(Position(*p) for p in others)), 100)
    assert found is not None
    assert found.metres == pytest.approx(7.14, abs=0.05)


def test_two_paths_meet_where_they_cross() -> None:
    found = near(Corridor((position(-1, 0), position(1, 0)), 10), Corridor((position(0, -1), position(0, 1)), 10))
    assert found is not None
    assert found.at == Position(0, 0)


def test_where_two_areas_meet() -> None:
    found = near(SQUARE, ring((0.5, 0.5), (0.5, 3), (3, 3), (3, 0.5)))
    assert found is not None
    assert meets(SQUARE, Point(found.at))
    # All that both cover: from 0.5 to 1 degree either way.
    for corner in ((0.5, 0.5), (1, 1), (0.5, 1), (1, 0.5)):
        assert distance_m(found.at, position(*corner)) <= found.reach_m + 1
    assert found.reach_m < 60_000


def test_where_circles_meet_lies_in_both() -> None:
    a, b = position(10, 179.99), position(10, -179.9)
    found = near(Circle(a, 9_000), Circle(b, 5_000))
    assert found is not None
    assert distance_m(a, found.at) <= 9_000
    assert distance_m(b, found.at) <= 5_000


def test_shapes_are_numbered_and_the_nearest_comes_first() -> None:
    found = places(prepare([at(50, 0), SQUARE]), prepare([at(0.5, 0.5), at(1.1, 0.5), at(50.2, 0)]), 30_000)
    assert [(p.first, p.second) for p in found] == [(1, 0), (1, 1), (0, 2)]
    assert [p.metres for p in found] == sorted(p.metres for p in found)


# -- large areas, poles, antimeridian ----------------------------------------------------------------------


def test_across_the_antimeridian() -> None:
    box_ = ring((-1, 175), (-1, -175), (1, -175), (1, 175))
    assert meets(box_, at(0, 180))
    assert meets(box_, at(0, -179))
    assert not meets(box_, at(0, 0))
    assert not meets(box_, at(0, 170))


def test_a_circle_larger_than_a_hemisphere() -> None:
    nearly_all = Circle(position(90, 0), 19_000_000)
    assert meets(nearly_all, at(0, 0))
    assert meets(nearly_all, at(-80, 123))
    assert not meets(nearly_all, at(-89, 0))
    assert meets(Circle(position(12, 34), 20_015_087), at(-12, -146))


def test_a_ring_wider_than_a_hemisphere() -> None:
    # A belt from 10 S to 10 N round 350 degrees of longitude: no half of the Earth holds it.
    south = [(-10, lon) for lon in range(0, 351, 10)]
    belt = ring(*south, *[(10, lon) for lon in range(350, -1, -10)])
    for lon in range(1, 350, 7):
        assert meets(belt, at(0, (lon + 180) % 360 - 180))
        assert not meets(belt, at(15, (lon + 180) % 360 - 180))
    assert not meets(belt, at(0, -5))
    assert not meets(belt, at(90, 0))
    assert not meets(belt, at(-90, 0))
    assert meets(belt, Circle(position(0, -5), 600_000))
    other = near(belt, ring((60, 0), (60, 120), (60, -120)), 6_000_000)
    assert other is not None
    assert other.metres == pytest.approx(distance_m(position(10, 0), position(60, 0)), rel=0.01)


def test_the_smaller_of_two_nearly_equal_halves() -> None:
    northern = ring((0.01, 0), (0.01, 120), (0.01, -120))
    assert meets(northern, at(80, 5))
    assert not meets(northern, at(-80, 5))
    southern = ring((-0.01, 0), (-0.01, 120), (-0.01, -120))
    assert meets(southern, at(-80, 5))
    assert not meets(southern, at(80, 5))


# -- boxes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "shape",
    [
        SQUARE,
        ring((80, 0), (80, 120), (80, -120)),
        ring((-30, -30), (-30, 30), (30, 30), (30, -30)),
        ring((0.01, 0), (0.01, 120), (0.01, -120)),
        Circle(position(89, 0), 500_000),
        Corridor((position(10, 10), position(50, 150)), 1000),
    ],
)
def test_a_box_holds_all_of_its_area(shape: Shape) -> None:
    area = prepare([shape])
    low, high = box(area.pieces[0], 1000.0)
    spots = [(lat, lon) for lat in range(-90, 91, 10) for lon in range(-180, 180, 10)]
    inside = [s for s in spots if places(area, prepare([at(*s)]), 1000.0)]
    for vector in unit_vectors(position(*s) for s in inside).tolist():
        assert all(a <= v <= b for a, v, b in zip(low, vector, high, strict=True))


def test_a_box_of_a_small_area_is_small() -> None:
    low, high = box(prepare([SQUARE]).pieces[0], 0.0)
    assert all(b - a < 0.02 for a, b in zip(low, high, strict=True))
