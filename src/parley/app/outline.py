"""Shapes as rings on the sphere, for a map that draws great circles and needs no cut at 180 degrees.

Rings here are GeoJSON geometries that are *not* cut at 180 degrees and go round a pole where the area does: d3-geo
draws them as they are. What is written for other people's maps is cut (``parley.notices.exports``).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from parley.conflict.edges import densify
from parley.geo.sphere import bearing, destination
from parley.later import later
from parley.wire.geometry import MICRODEGREES, Circle, Corridor, Edge, Point, Polygon, Position, Shape

if TYPE_CHECKING:
    import numpy as np
else:
    np = later("numpy")

_CIRCLE_POINTS: Final = 72
_SHARP: Final = 0.2
"""Cosine of half a turn below which a bend's inside is cut short."""
_ARC: Final = 10.0
"""Degrees between two points of a bend."""
_EDGE_POINTS: Final = 512
"""Points that edges which are no great circles may add to one shape."""
_HALF_TURN: Final = 180.0
Coordinates = list[list[float]]


def geometry(shape: Shape) -> dict[str, Any]:
    """The GeoJSON geometry of a shape. A corridor is the ring round all that lies within its half width."""
    if isinstance(shape, Point):
        return {"type": "Point", "coordinates": _degrees([shape.at])[0]}
    ring = _ring(shape)
    return {"type": "Polygon", "coordinates": [_degrees([*ring, ring[0]])]}


def _ring(shape: Circle | Polygon | Corridor) -> list[Position]:
    match shape:
        case Circle(centre, radius):
            return [destination(centre, -360 * n / _CIRCLE_POINTS, radius) for n in range(_CIRCLE_POINTS)]
        case Polygon(places, edge):
            return _along(places, edge, closed=True)
        case Corridor(path, half_width, edge):
            return list(_around(_along(path, edge, closed=False), half_width))


def collection(shapes: Sequence[Shape]) -> dict[str, Any]:
    """One geometry for all shapes of an area."""
    found = [geometry(shape) for shape in shapes]
    return found[0] if len(found) == 1 else {"type": "GeometryCollection", "geometries": found}


def _degrees(places: Sequence[Position]) -> Coordinates:
    return [[p.lon / MICRODEGREES, p.lat / MICRODEGREES] for p in places]


def _along(places: Sequence[Position], edge: Edge, *, closed: bool) -> list[Position]:
    """Positions with great circles between them that follow ``edge``. Raises DecodeError ``area-edge``."""
    rows = np.array([(p.lat, p.lon) for p in places], dtype=np.int32)
    dense, _ = densify(rows, edge, _EDGE_POINTS, closed=closed)
    return [Position(lat, lon) for lat, lon in dense.tolist()]


def _around(path: Sequence[Position], half_width: int) -> Iterator[Position]:
    """Round the beginning, out along the right, round the end, and back along the left; bends are round."""
    there = [p for n, p in enumerate(path) if n == 0 or p != path[n - 1]]
    if len(there) == 1:
        yield from (destination(there[0], -360 * n / _CIRCLE_POINTS, half_width) for n in range(_CIRCLE_POINTS))
        return
    for side in (there, there[::-1]):
        first = bearing(side[0], side[1]) - 90
        for n, (here, following) in enumerate(itertools.pairwise(side)):
            right = bearing(here, following) + 90
            turn = (right - first + _HALF_TURN) % 360 - _HALF_TURN
            if n and turn > 0:
                yield _inside(here, first + turn / 2, turn / 2, half_width)
            else:
                yield from _bend(here, first, right, half_width)
            first = bearing(following, here) - 90


def _inside(at: Position, degrees: float, half_turn: float, metres: int) -> Position:
    """Where the edges of two legs meet on the inside of a bend, unless it is so sharp that they meet far away."""
    return destination(at, degrees, metres / max(_SHARP, math.cos(math.radians(half_turn))))


def _bend(at: Position, first: float, last: float, metres: int) -> Iterator[Position]:
    """Points round ``at`` from one direction to another, the shorter way; half a turn goes against the clock."""
    turn = (last - first + _HALF_TURN) % 360 - _HALF_TURN
    steps = max(1, round(abs(turn) / _ARC))
    for n in range(steps + 1):
        yield destination(at, first + turn * n / steps, metres)
