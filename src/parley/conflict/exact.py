"""The exact test: do two pieces of the sphere come within a limit of each other, and where are they nearest.

A piece is a skeleton (one place, a chain of great-circle arcs, or the smaller region within a ring of them) and a
radius in metres: all places within that radius of the skeleton. So a circle is its centre, a corridor its path, and
nothing round is ever drawn as a polygon. Two pieces meet when their skeletons are no farther apart than both radii
together.

Everything is computed from unit vectors (``parley.geo.sphere``): no projection, hence no pole and no antimeridian, and
no piece is too large. Many pieces are tested against one at once, in arrays.

Pieces are closed sets: to touch is to meet. What rounding leaves in doubt is taken for meeting: a "no" means farther
apart than the limit, a "yes" may be given for pieces up to ``TOUCH_M`` and ``SLACK`` of the distance beyond it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cache
from typing import TYPE_CHECKING, Final, TypeAlias

from parley.geo.sphere import RADIUS_MAX_M, RADIUS_MIN_M, Vectors, lower_bounds_m
from parley.later import later

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
else:
    np = later("numpy")

TOUCH_M: Final = 0.1
"""Metres that count as none: the grid of positions is as coarse."""
SLACK: Final = 5e-5
"""Part of a distance by which it may be stated too long: nearest points are sought on the sphere of normals, whose
metres differ by up to 0.7 % with direction, which moves the foot of a perpendicular, and its length by 0.002 %."""
_ROUNDING: Final = 4e-15
"""Radians (25 nm) over a great circle that are taken for none: then edges touch, which is told by their distance."""
_BLOCK: Final = 1 << 20
"""Pairs of edges worked on at once; bounds memory."""
Flags: TypeAlias = "NDArray[np.bool_]"
Indexes: TypeAlias = "NDArray[np.intp]"


class Kind(IntEnum):
    """What a skeleton is."""

    POINT = 0
    PATH = 1
    RING = 2


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """All places within ``radius_m`` of a skeleton with these ``vectors``.

    ``outside`` is a place outside a ring that does not lie within 89 degrees of its middle, else None.
    """

    kind: Kind
    vectors: Vectors
    radius_m: float
    outside: Vectors | None = None
    ends: Vectors = field(init=False)
    normals: Vectors = field(init=False)
    """Of the edge from each position to the next, of length one; zero where there is no next."""

    def __post_init__(self) -> None:
        last = self.vectors[:1] if self.kind is Kind.RING else self.vectors[-1:]
        ends = np.concatenate([self.vectors[1:], last])
        object.__setattr__(self, "ends", ends)
        object.__setattr__(self, "normals", unit_normals(self.vectors, ends))


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Pieces laid end to end: ``starts`` is where each begins, ``follows`` the row of the next position."""

    vectors: Vectors
    starts: Indexes
    rings: Flags
    radius_m: Vectors
    outside: Mapping[int, Vectors]
    follows: Indexes = field(init=False)
    ends: Vectors = field(init=False)
    normals: Vectors = field(init=False)

    def __post_init__(self) -> None:
        follows = np.arange(1, len(self.vectors) + 1)
        lasts = np.append(self.starts[1:], len(self.vectors)) - 1
        follows[lasts] = np.where(self.rings, self.starts, lasts)
        ends = self.vectors[follows]
        object.__setattr__(self, "follows", follows)
        object.__setattr__(self, "ends", ends)
        object.__setattr__(self, "normals", unit_normals(self.vectors, ends))

    def piece(self, number: int) -> Piece:
        """One of them."""
        start, end = self.starts[number], self._end(number)
        count = end - start
        kind = Kind.RING if self.rings[number] else Kind.POINT if count == 1 else Kind.PATH
        return Piece(kind, self.vectors[start:end], float(self.radius_m[number]), self.outside.get(number))

    def some(self, numbers: Indexes) -> Batch:
        """Those of ``numbers``, which ascend."""
        counts = np.diff(np.append(self.starts, len(self.vectors)))
        chosen = np.zeros(len(self.starts), dtype=np.bool_)
        chosen[numbers] = True
        outside = {n: self.outside[old] for n, old in enumerate(numbers.tolist()) if old in self.outside}
        starts = np.cumsum(counts[numbers]) - counts[numbers]
        vectors = self.vectors[np.repeat(chosen, counts)]
        return Batch(vectors, starts, self.rings[numbers], self.radius_m[numbers], outside)

    def _end(self, number: int) -> int:
        return int(self.starts[number + 1]) if number + 1 < len(self.starts) else len(self.vectors)


def batch(pieces: Sequence[Piece]) -> Batch:
    """At least one piece, as a batch."""
    starts = np.cumsum([0, *(len(p.vectors) for p in pieces[:-1])])
    outside = {n: p.outside for n, p in enumerate(pieces) if p.outside is not None}
    rings = np.array([p.kind is Kind.RING for p in pieces])
    radii = np.array([p.radius_m for p in pieces])
    return Batch(np.concatenate([p.vectors for p in pieces]), starts, rings, radii, outside)


@dataclass(frozen=True, slots=True, eq=False)
class Nearest:
    """Where two skeletons are nearest: ``metres`` between ``here`` on one and ``there`` on the other.

    When they overlap, ``metres`` is 0, both are a place that they share, and ``corners`` are the corners of what they
    share: positions of one inside the other, and crossings. Otherwise ``corners`` is empty.
    """

    metres: float
    here: Vectors
    there: Vectors
    corners: Vectors


def cross(a: Vectors, b: Vectors) -> Vectors:
    """Vector products, row by row (numpy's own takes ten times as long on few rows)."""
    out = np.empty(a.shape if a.shape == b.shape else np.broadcast_shapes(a.shape, b.shape))
    ax, ay, az = a[..., 0], a[..., 1], a[..., 2]
    bx, by, bz = b[..., 0], b[..., 1], b[..., 2]
    out[..., 0] = ay * bz - az * by
    out[..., 1] = az * bx - ax * bz
    out[..., 2] = ax * by - ay * bx
    return out


def unit_normals(starts: Vectors, ends: Vectors) -> Vectors:
    """The poles of the great circles from ``starts`` to ``ends``, to the left; zero where both are one place."""
    # Twice starts x ends; of neighbours the difference is exact, so that short edges have as sure a direction as long.
    normals = cross(starts + ends, ends - starts)
    lengths = np.sqrt(np.einsum("ij,ij->i", normals, normals))
    lengths[lengths == 0] = 1.0
    normals /= lengths[:, None]
    return normals


def sides(normals: Vectors, points: Vectors) -> Vectors:
    """Sines of the angles of ``points`` (columns) over the planes of ``normals`` (rows); 0 where rounding decides."""
    found: Vectors = normals @ points.T
    found[np.abs(found) < _ROUNDING] = 0.0
    return found


def meet(piece: Piece, others: Batch, limit_m: float) -> Flags:
    """Which of ``others`` come within ``limit_m`` metres of ``piece``."""
    count = len(others.starts)
    if count > 1 and len(piece.vectors) * len(others.vectors) > _BLOCK:
        halves = np.split(np.arange(count), [count // 2])
        return np.concatenate([meet(piece, others.some(half), limit_m) for half in halves])
    left, right = sides(piece.normals, others.vectors), sides(others.normals, piece.vectors).T
    found: Flags = np.logical_or.reduceat(_crossings(piece, others, left, right).any(axis=0), others.starts)
    found |= _contained(piece, others, right)
    reach_m = (others.radius_m + (piece.radius_m + limit_m)) * (1 + SLACK) + TOUCH_M
    # Whatever comes this near to an edge comes as near to its great circle.
    reach = np.repeat(reach_m, np.diff(np.append(others.starts, len(others.vectors)))) / RADIUS_MIN_M
    near = (np.abs(left) <= reach) | (np.abs(right) <= reach)
    rest = np.flatnonzero(np.logical_or.reduceat(near.any(axis=0), others.starts) & ~found)
    if len(rest):
        found[rest] = _within(piece, others.some(rest), reach_m[rest])
    return found


def _within(piece: Piece, others: Batch, reach_m: Vectors) -> Flags:
    """Which skeletons, none of which overlaps that of ``piece``, are at most so far from it."""
    on_piece, on_others, ends = _gaps(piece, others)
    angles = np.minimum.reduceat(
        np.minimum(np.minimum(on_piece, ends).min(axis=0), on_others.min(axis=1)), others.starts
    )
    found: Flags = angles * RADIUS_MAX_M <= reach_m
    for number in np.flatnonzero(~found & (angles * RADIUS_MIN_M <= reach_m)).tolist():
        found[number] = _closest(piece, others.piece(number)).metres <= reach_m[number]
    return found


def nearest(a: Piece, b: Piece) -> Nearest:
    """Where the skeletons of ``a`` and ``b`` are nearest, or what they share."""
    inside = a.vectors[contains(b, a.vectors)], b.vectors[contains(a, b.vectors)]
    corners = np.concatenate([_crossing_points(a, b), *inside])
    if not len(corners):
        return _closest(a, b)
    middle = corners.sum(axis=0)
    middle /= math.sqrt(float(middle @ middle)) or 1.0
    both = all(p.kind is Kind.RING and contains(p, middle[None])[0] for p in (a, b))
    place = middle if both else corners[0]
    return Nearest(0.0, place, place, corners)


def contains(piece: Piece, points: Vectors) -> Flags:
    """Which ``points`` lie inside the skeleton of ``piece``; places on its edge fall on either side."""
    if piece.kind is not Kind.RING:
        return np.zeros(len(points), dtype=np.bool_)
    if piece.outside is None:
        # The half circle from a point to its opposite crosses the ring an odd number of times when one of both is
        # inside; within 89 degrees of the middle of the ring it is not the opposite.
        odd: Flags = np.count_nonzero(_crossed(piece, points, _tangents(points)), axis=1) % 2 == 1
        odd &= points @ piece.vectors.sum(axis=0) > 0
        return odd
    tangents = cross(points, piece.outside[None])
    at_reference: Flags = np.einsum("ij,ij->i", tangents, tangents) < 1e-24  # noqa: PLR2004 - 1e-12 radians, squared
    tangents[at_reference] = _tangents(points[at_reference])
    before = _before(piece, points, tangents, piece.outside)
    before[at_reference] = True
    inside: Flags = np.count_nonzero(_crossed(piece, points, tangents) & before, axis=1) % 2 == 1
    same_place: Flags = at_reference & (points @ piece.outside > 0)
    return inside & ~same_place


def _crossed(piece: Piece, points: Vectors, tangents: Vectors) -> Flags:
    """Which edges (columns) the half circles from ``points`` to their opposites, square to ``tangents``, cross."""
    up = tangents @ piece.vectors.T > 0
    ahead = cross(tangents, points) @ piece.vectors.T > 0
    return _on_half(up, _following(up), ahead, _following(ahead), points @ piece.normals.T)


def _following(flags: Flags) -> Flags:
    """In each column what the next holds, in the last what the first does."""
    return np.concatenate([flags[:, 1:], flags[:, :1]], axis=1)


def _on_half(up: Flags, up_end: Flags, ahead: Flags, ahead_end: Flags, side: Vectors) -> Flags:
    """Which edges cross a half circle, by where their ends lie: over or under its plane, ahead of the point or behind.

    Of an edge that lies along the circle, rounding decides over and under, and the side it has the point on; that does
    no harm, because ahead and behind are sure.
    """
    crossed: Flags = (up != up_end) & np.where(ahead == ahead_end, ahead, (side > 0) == up_end)
    return crossed


def _before(piece: Piece, points: Vectors, tangents: Vectors, place: Vectors) -> Flags:
    """Which edges cross the half circles from ``points`` by way of ``place`` before that place."""
    before = cross(place[None], tangents) @ piece.vectors.T > 0
    parted = (points @ piece.normals.T > 0) != (piece.normals @ place > 0)
    found: Flags = np.where(before == _following(before), before, parted)
    return found


@cache
def _askew() -> Vectors:
    """Two directions square to each other, in line with no meridian that notices use."""
    return np.array([[0.36, 0.48, 0.8], [0.8, -0.6, 0.0]])


def _tangents(points: Vectors) -> Vectors:
    """A direction square to each of ``points``."""
    askew = _askew()
    tangents = cross(points, askew[:1])
    lost = np.abs(points @ askew[0]) > 0.9  # noqa: PLR2004 - too near the one, hence far from the other
    if lost.any():
        tangents[lost] = cross(points[lost], askew[1:])
    return tangents


def _crossings(piece: Piece, others: Batch, left: Vectors, right: Vectors) -> Flags:
    """Which edges of ``piece`` (rows) cross which of ``others`` (columns), ends not counted.

    ``left`` is on which side of the edges of ``piece`` the positions of ``others`` lie, ``right`` the reverse.
    """
    left_end = left[:, others.follows]
    right_end = sides(others.normals, piece.ends).T
    # Both ends of each edge on either side of the other, and the crossing on the same side of the Earth.
    crossed: Flags = (left * left_end < 0) & (right * right_end < 0) & (left_end * right > 0)
    return crossed


def _contained(piece: Piece, others: Batch, right: Vectors) -> Flags:
    """Whether the first position of each lies inside the other; where no edges cross, that stands for all of it."""
    found = np.zeros(len(others.starts), dtype=np.bool_)
    if piece.kind is Kind.RING:
        found |= contains(piece, others.vectors[others.starts])
    if others.rings.any():
        point = piece.vectors[:1]
        tangent = _tangents(point)
        up, ahead = others.vectors @ tangent[0] > 0, others.vectors @ cross(tangent, point)[0] > 0
        crossed = _on_half(up, up[others.follows], ahead, ahead[others.follows], right[0])
        odd = np.add.reduceat(crossed.astype(np.intp), others.starts) % 2 == 1
        facing = np.add.reduceat(others.vectors @ point[0], others.starts) > 0
        inside = odd & facing & others.rings
        for number in others.outside:
            inside[number] = contains(others.piece(number), point)[0]
        found |= inside
    return found


def _crossing_points(a: Piece, b: Piece) -> Vectors:
    """Where edges of ``a`` and ``b`` cross."""
    others = batch([b])
    rows, columns = np.nonzero(_crossings(a, others, sides(a.normals, b.vectors), sides(b.normals, a.vectors).T))
    points = cross(a.normals[rows], b.normals[columns])
    lengths = np.sqrt(np.einsum("ij,ij->i", points, points))
    facing = np.where(np.einsum("ij,ij->i", points, a.vectors[rows] + a.ends[rows]) > 0, lengths, -lengths)
    sure = lengths > 0
    crossings: Vectors = points[sure] / facing[sure, None]
    return crossings


def arc_gaps(starts: Vectors, ends: Vectors, points: Vectors) -> Vectors:
    """Angles from ``points`` (columns) to the nearest place of each arc (rows)."""
    feet = _foot_gaps(starts, ends, unit_normals(starts, ends), points)
    shortest: Vectors = np.minimum(feet, np.minimum(_point_gaps(starts, points), _point_gaps(ends, points)))
    return shortest


def _gaps(a: Piece, b: Piece | Batch) -> tuple[Vectors, Vectors, Vectors]:
    """Angles: from positions of ``b`` to edges of ``a``, of ``a`` to edges of ``b``, between positions."""
    return (
        _foot_gaps(a.vectors, a.ends, a.normals, b.vectors),
        _foot_gaps(b.vectors, b.ends, b.normals, a.vectors),
        _point_gaps(a.vectors, b.vectors),
    )


def _foot_gaps(starts: Vectors, ends: Vectors, normals: Vectors, points: Vectors) -> Vectors:
    """Angles from ``points`` (columns) to the foot of their perpendicular on each arc; infinite where it has none."""
    between = (cross(normals, starts) @ points.T >= 0) & (cross(ends, normals) @ points.T >= 0)
    between &= (np.einsum("ij,ij->i", normals, normals) > 0.5)[:, None]  # noqa: PLR2004 - 0 or 1
    return np.where(between, np.arcsin(np.minimum(np.abs(normals @ points.T), 1.0)), np.inf)


def _point_gaps(a: Vectors, b: Vectors) -> Vectors:
    """Angles between all of ``a`` (rows) and all of ``b``."""
    squares = np.zeros((len(a), len(b)))
    for axis in range(3):
        squares += np.subtract.outer(a[:, axis], b[:, axis]) ** 2
    angles: Vectors = 2 * np.arcsin(np.minimum(np.sqrt(squares) / 2, 1.0))
    return angles


def _closest(a: Piece, b: Piece) -> Nearest:
    """The nearest places of two skeletons that do not overlap."""
    on_a, on_b, ends = _gaps(a, b)
    # On the ellipsoid the order may differ by as much as its radii do.
    most = min(float(t.min()) for t in (on_a, on_b, ends)) * RADIUS_MAX_M / RADIUS_MIN_M + 1e-9
    edge, at = np.nonzero(on_a <= most)
    edge2, at2 = np.nonzero(on_b <= most)
    row, column = np.nonzero(ends <= most)
    here = np.concatenate([_feet(a, edge, b.vectors[at]), a.vectors[at2], a.vectors[row]])
    there = np.concatenate([b.vectors[at], _feet(b, edge2, a.vectors[at2]), b.vectors[column]])
    metres = lower_bounds_m(here, there)
    best = int(np.argmin(metres))
    return Nearest(float(metres[best]), here[best], there[best], np.empty((0, 3)))


def _feet(piece: Piece, edges: Indexes, points: Vectors) -> Vectors:
    """The feet of the perpendiculars from ``points`` on ``edges``, pair by pair."""
    normals = piece.normals[edges]
    feet: Vectors = points - np.einsum("ij,ij->i", points, normals)[:, None] * normals
    lengths = np.sqrt(np.einsum("ij,ij->i", feet, feet))
    # From its pole every place of a great circle is as near.
    lost = lengths < 1e-9  # noqa: PLR2004 - radians
    feet[lost], lengths[lost] = piece.vectors[edges[lost]], 1.0
    feet /= lengths[:, None]
    return feet
