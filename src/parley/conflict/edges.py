"""Edges that are no great circles, as chains of great circles that stay within a stated distance of them.

A rhumb line keeps its course on the ellipsoid; a parallel is the rhumb line due east or west. Points are laid along it
at equal steps of longitude, so close that no chord is farther than ``TOLERANCE_M`` from the line; the piece they belong
to is widened by what they may be off, so that an area is never drawn too small.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, TypeAlias

from parley.errors import DecodeError
from parley.geo.sphere import FLATTENING, RADIUS_MAX_M
from parley.later import later
from parley.wire.geometry import MICRODEGREES, Edge

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
else:
    np = later("numpy")

TOLERANCE_M: Final = 5.0
"""Metres between a rhumb line and the chords that stand for it, unless there would be more than ``MAX_POINTS``."""
MAX_POINTS: Final = 2048
"""Points that rhumb lines may add to one area, all its shapes together. Beyond, chords are longer and the area is
widened by as much as they are off, so that work is bounded whatever a peer sends."""
ROUNDING_M: Final = 0.1
"""Metres by which a point on whole microdegrees may be off."""

LatLon: TypeAlias = "NDArray[np.int32]"
"""Latitude and longitude in microdegrees, one position a row."""
_HALF_TURN: Final = 180 * MICRODEGREES
_POLE: Final = 90 * MICRODEGREES
_ECCENTRICITY: Final = math.sqrt(FLATTENING * (2 - FLATTENING))


def densify(positions: LatLon, edge: Edge, most: int, *, closed: bool) -> tuple[LatLon, float]:
    """``positions`` with points between them where ``edge`` asks for them, and by how many metres chords may be off.

    At most ``most`` points are added.

    Raises DecodeError ``area-edge``: a line between opposite meridians could go either way.
    """
    if edge is Edge.GREAT_CIRCLE:
        return positions, 0.0
    ends = np.roll(positions, -1, axis=0) if closed else positions[1:]
    starts = positions[: len(ends)]
    across = _wrap(ends[:, 1].astype(np.int64) - starts[:, 1])
    curved = (across != 0) & (np.abs(starts[:, 0]) != _POLE) & (np.abs(ends[:, 0]) != _POLE)
    if edge is Edge.PARALLEL:
        curved &= starts[:, 0] == ends[:, 0]
    if not curved.any():
        return positions, 0.0
    if (np.abs(across[curved]) == _HALF_TURN).any():
        raise DecodeError(
            "an edge joins opposite meridians: it could go either way round.",
            code="area-edge",
            next_step="Ask for a position between its ends.",
        )
    steps, off_m = _steps(starts, ends, np.radians(across / MICRODEGREES), curved, most)
    chain = [_line(a, b, n, d) for a, b, n, d in zip(starts, ends, steps.tolist(), across.tolist(), strict=True)]
    if not closed:
        chain.append(positions[-1:])
    return np.concatenate(chain), off_m + ROUNDING_M


def _steps(
    starts: LatLon, ends: LatLon, across: NDArray[np.float64], curved: NDArray[np.bool_], most: int
) -> tuple[LatLon, float]:
    """How many chords each edge takes, and how far they may be off."""
    # A chord over dlon of a line with course c at latitude f is off by R sin f cos f dlon^2 / (8 sin c).
    high = np.radians(np.maximum(np.abs(starts[:, 0]), np.abs(ends[:, 0])) / MICRODEGREES)
    low = np.radians(np.minimum(np.abs(starts[:, 0]), np.abs(ends[:, 0])) / MICRODEGREES)
    low[np.sign(starts[:, 0]) != np.sign(ends[:, 0])] = 0.0
    worst = np.where((low < math.pi / 4) & (high > math.pi / 4), 1.0, np.maximum(np.sin(2 * low), np.sin(2 * high)))
    climb = _isometric(ends[:, 0]) - _isometric(starts[:, 0])
    sine = np.abs(across) / np.maximum(np.hypot(across, climb), 1e-300)
    off = np.where(curved, RADIUS_MAX_M * worst * across**2 / (16 * np.maximum(sine, 1e-300)), 0.0)
    tolerance = TOLERANCE_M
    steps = np.ceil(np.sqrt(off / tolerance))
    while np.maximum(steps - 1, 0).sum() > most:
        tolerance *= 2
        steps = np.ceil(np.sqrt(off / tolerance))
    return np.maximum(steps, 1).astype(np.int32), tolerance


def _line(start: LatLon, end: LatLon, steps: int, across: int) -> LatLon:
    """The points of one edge, without its end."""
    if steps == 1:
        return start.reshape(1, 2)
    part = np.arange(steps) / steps
    lon = _wrap(np.rint(int(start[1]) + part * across).astype(np.int64))
    if start[0] == end[0]:
        return np.stack([np.full(steps, start[0], np.int32), lon.astype(np.int32)], axis=1)
    low, high = _isometric(np.stack([start[0], end[0]])).tolist()
    lat = np.rint(_latitude(low + part * (high - low)) * MICRODEGREES)
    lat[0] = start[0]
    return np.stack([lat.astype(np.int32), lon.astype(np.int32)], axis=1)


def _isometric(lat: NDArray[np.int32]) -> NDArray[np.float64]:
    """Isometric latitude, in which a rhumb line is straight over longitude."""
    sine = np.sin(np.radians(np.clip(lat, 1 - _POLE, _POLE - 1) / MICRODEGREES))
    found: NDArray[np.float64] = np.arctanh(sine) - _ECCENTRICITY * np.arctanh(_ECCENTRICITY * sine)
    return found


def _latitude(isometric: NDArray[np.float64]) -> NDArray[np.float64]:
    """Degrees of latitude; the inverse of ``_isometric``."""
    sine = np.tanh(isometric)
    for _ in range(6):  # each pass gains more than two digits
        sine = np.tanh(isometric + _ECCENTRICITY * np.arctanh(_ECCENTRICITY * sine))
    return np.degrees(np.arcsin(sine))


def _wrap(lon: NDArray[np.int64]) -> NDArray[np.int64]:
    return (lon + _HALF_TURN) % (2 * _HALF_TURN) - _HALF_TURN
