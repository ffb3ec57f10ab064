"""Areas of forms made ready for the exact test: shapes as pieces of the sphere.

What an edge is (spec/conflict.md): a great circle of the sphere of normals, unless the shape says rhumb line or
parallel. A polygon is the smaller of the two regions that its ring bounds; the order of its positions, clockwise or
not, means nothing. A circle holds all places within its radius of its centre, a corridor all within its half width of
its path, measured along the geodesic of WGS 84.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from parley.conflict.edges import MAX_POINTS, LatLon, densify
from parley.conflict.exact import TOUCH_M, Kind, Nearest, Piece, batch, meet, nearest
from parley.conflict.rings import check_edges, check_ring, is_wide, outside_of_wide
from parley.errors import DecodeError
from parley.geo.sphere import RADIUS_MAX_M, RADIUS_MIN_M, Vectors, from_microdegrees, position_of
from parley.later import later
from parley.wire.geometry import MICRODEGREES, Circle, Corridor, Edge, Point, Polygon, Position, Shape

if TYPE_CHECKING:
    import numpy as np
else:
    np = later("numpy")

HALF_ROUND_M: Final = math.pi * RADIUS_MAX_M
"""Metres that no two places are farther apart than."""


@dataclass(frozen=True, slots=True, eq=False)
class Outline:
    """One shape on the grid of microdegrees, with points along its rhumb lines: what an index keeps of it."""

    kind: Kind
    positions: LatLon
    radius_m: float

    def piece(self, *, check: bool = False) -> Piece:
        """The piece that it stands for; with ``check``, a malformed ring is refused as ``prepare`` says."""
        piece = Piece(self.kind, from_microdegrees(self.positions), self.radius_m)
        wide = piece.kind is Kind.RING and is_wide(piece.vectors)
        if check and piece.kind is not Kind.POINT:
            check_edges(piece)
        if check and piece.kind is Kind.RING:
            check_ring(piece, wide=wide)
        return replace(piece, outside=outside_of_wide(piece.vectors)) if wide else piece


@dataclass(frozen=True, slots=True, eq=False)
class Area:
    """All places of some shapes, in their order."""

    outlines: tuple[Outline, ...]
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where one shape comes near another.

    ``first`` and ``second`` number the two shapes in their volumes. ``metres`` lie between them, 0 when they meet. When
    they do, they both cover ``at``, and all that both cover lies within ``reach_m`` metres of it; otherwise ``at`` is
    half way between their nearest places, and ``reach_m`` is half of ``metres``.
    """

    first: int
    second: int
    metres: float
    at: Position
    reach_m: float


def prepare(shapes: Sequence[Shape]) -> Area:
    """``shapes``, ready to be compared. Malformed ones are refused, never mended.

    Raises DecodeError: ``area-range``, ``area-positions``, ``area-repeated``, ``area-edge``, ``area-zero``,
    ``area-crossing``, ``area-undecided``.
    """
    outlines = tuple(_outline(shape, MAX_POINTS // max(len(shapes), 1)) for shape in shapes)
    return Area(outlines, tuple(o.piece(check=True) for o in outlines))


def _outline(shape: Shape, most: int) -> Outline:
    match shape:
        case Point():
            return Outline(Kind.POINT, _grid((shape.at,), 1), 0.0)
        case Circle():
            return Outline(Kind.POINT, _grid((shape.centre,), 1), _radius(shape.radius))
        case Corridor():
            return _chain(Kind.PATH, _grid(shape.path, 2), shape.edge, _radius(shape.half_width), most)
        case Polygon():
            return _chain(Kind.RING, _grid(shape.ring, 3), shape.edge, 0.0, most)


def _chain(kind: Kind, positions: LatLon, edge: Edge, radius_m: float, most: int) -> Outline:
    dense, off_m = densify(positions, edge, most, closed=kind is Kind.RING)
    return Outline(kind, dense, radius_m + off_m)


def _grid(positions: Sequence[Position], least: int) -> LatLon:
    if len(positions) < least:
        raise DecodeError(
            f"{len(positions)} positions where at least {least} are wanted.",
            code="area-positions",
            next_step="Ask the sender for the whole list.",
        )
    for p in positions:
        if not (abs(p.lat) <= 90 * MICRODEGREES and -180 * MICRODEGREES <= p.lon < 180 * MICRODEGREES):
            raise DecodeError(
                f"latitude {p.lat}, longitude {p.lon} (microdegrees) is no place on Earth.",
                code="area-range",
                next_step="Ask the sender to state the position again.",
            )
    return np.array([(p.lat, p.lon) for p in positions], dtype=np.int32)


def _radius(metres: float) -> float:
    if not 0 <= metres < math.inf:
        raise DecodeError(
            f"a radius of {metres} metres is none.", code="area-range", next_step="Ask the sender to state it again."
        )
    return float(metres)


def places(first: Area, second: Area, limit_m: float) -> tuple[Place, ...]:
    """Where shapes of ``first`` and ``second`` come within ``limit_m`` metres of one another, nearest first."""
    others = batch(second.pieces)
    found = [
        _place(i, j, a, second.pieces[j])
        for i, a in enumerate(first.pieces)
        for j in np.flatnonzero(meet(a, others, limit_m)).tolist()
    ]
    return tuple(sorted(found, key=lambda p: p.metres))


def _place(first: int, second: int, a: Piece, b: Piece) -> Place:
    near = nearest(a, b)
    metres = near.metres - a.radius_m - b.radius_m
    at = _between(near, a.radius_m, b.radius_m)
    if metres > TOUCH_M:
        return Place(first, second, metres, position_of(at), metres / 2)
    if len(near.corners) and not a.radius_m and not b.radius_m:
        reach_m = _farthest(near.corners, at)
    else:
        reach_m = min(_reach(p, at) for p in (a, b))
    return Place(first, second, 0.0, position_of(at), min(reach_m, HALF_ROUND_M))


def _between(near: Nearest, radius_a: float, radius_b: float) -> Vectors:
    """A place that both pieces cover, or half way across the gap between them."""
    if near.metres == 0:
        return near.here
    low, high = max(near.metres - radius_b, 0.0), min(radius_a, near.metres)
    part = (low + high) / 2 / near.metres
    angle = math.acos(max(-1.0, min(1.0, float(near.here @ near.there))))
    if angle < 1e-6:  # noqa: PLR2004 - radians; the arc is as straight as its numbers
        return near.here + part * (near.there - near.here)
    # Opposite places have no direction between them: any will do, so the nearly zero divisor is harmless.
    return (math.sin((1 - part) * angle) * near.here + math.sin(part * angle) * near.there) / math.sin(angle)


def _reach(piece: Piece, at: Vectors) -> float:
    return HALF_ROUND_M if piece.outside is not None else _farthest(piece.vectors, at) + piece.radius_m


def _farthest(vectors: Vectors, at: Vectors) -> float:
    """Metres from ``at`` beyond which nothing lies that great circles between ``vectors`` hold."""
    least = float((vectors @ at).min())
    # Beyond a quarter of the way round, arcs may lie farther off than their ends.
    return HALF_ROUND_M if least <= 0 else math.acos(min(least, 1.0)) * RADIUS_MAX_M


def box(piece: Piece, margin_m: float) -> tuple[list[float], list[float]]:
    """The least and the greatest x, y and z of all unit vectors within ``margin_m`` metres of ``piece``, or beyond."""
    if piece.outside is not None:
        return [-1.0] * 3, [1.0] * 3
    vectors = piece.vectors
    # Half way along an arc its height over the chord is the greatest.
    chord2 = float(((piece.ends - vectors) ** 2).sum(axis=1).max())
    spread = 1 - math.sqrt(max(1 - chord2 / 4, 0.0)) + (piece.radius_m + margin_m) / RADIUS_MIN_M
    low, high = (vectors.min(axis=0) - spread).tolist(), (vectors.max(axis=0) + spread).tolist()
    for axis in range(3) if piece.kind is Kind.RING else ():
        if low[axis - 1] <= 0 <= high[axis - 1] and low[axis - 2] <= 0 <= high[axis - 2]:
            # The ring may go round an end of this axis, which is then the extreme of what is inside.
            low[axis] = -1.0 if low[axis] < 0 else low[axis]
            high[axis] = 1.0 if high[axis] > 0 else high[axis]
    return low, high
