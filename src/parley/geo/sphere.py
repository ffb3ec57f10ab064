"""Distances, directions and unit vectors.

Two models, one for each purpose:

* The **ellipsoid** WGS 84, for every length that is told to a person or compared with a limit in metres:
  ``distance_m``, ``bearing``, ``destination`` (Karney's geodesics, accurate to nanometres), and ``lower_bounds_m``
  for many pairs at once.
* The **sphere of normals**: a position is the unit vector normal to the ellipsoid there, so its coordinates are
  (cos lat cos lon, cos lat sin lon, sin lat). Edges are great circles on this sphere. It has no pole, no antimeridian.

A curve that is ``angle`` radians long on the sphere of normals is between ``RADIUS_MIN_M * angle`` and
``RADIUS_MAX_M * angle`` metres long on the ellipsoid: its two radii of curvature lie between these everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, TypeAlias, cast

from geographiclib.geodesic import Geodesic

from parley.later import later
from parley.wire.geometry import MICRODEGREES, Position, position

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
else:
    np = later("numpy")

Vectors: TypeAlias = "NDArray[np.float64]"
"""Unit vectors, one a row; a single one has the shape (3,)."""

EQUATORIAL_M: Final = 6_378_137.0
"""Semi-major axis of WGS 84."""
FLATTENING: Final = 1 / 298.257223563
RADIUS_MIN_M: Final = EQUATORIAL_M * (1 - FLATTENING) ** 2
"""6,335,439 m: the smallest radius of curvature of WGS 84, along the meridian at the equator."""
RADIUS_MAX_M: Final = EQUATORIAL_M / (1 - FLATTENING)
"""6,399,594 m: the largest, at the poles."""
_ECCENTRICITY2: Final = FLATTENING * (2 - FLATTENING)
_WGS84: Final = Geodesic.WGS84


def distance_m(a: Position, b: Position) -> float:
    """Metres along the geodesic of WGS 84 from ``a`` to ``b``."""
    found = _WGS84.Inverse(*_degrees(a), *_degrees(b), Geodesic.DISTANCE)
    return cast("float", found["s12"])


def bearing(a: Position, b: Position) -> float:
    """Degrees from true north, 0 up to but not 360, of the geodesic of WGS 84 where it leaves ``a`` for ``b``."""
    found = _WGS84.Inverse(*_degrees(a), *_degrees(b), Geodesic.AZIMUTH)
    degrees = cast("float", found["azi1"]) % 360
    return 0.0 if degrees == 360 else degrees  # noqa: PLR2004 - the remainder of a tiny negative angle


def destination(a: Position, degrees: float, metres: float) -> Position:
    """Where one is after ``metres`` along the geodesic of WGS 84 that leaves ``a`` at ``degrees`` from true north."""
    wanted = Geodesic.LATITUDE | Geodesic.LONGITUDE
    found = _WGS84.Direct(*_degrees(a), degrees, metres, wanted)
    return position(found["lat2"], found["lon2"])


def _degrees(a: Position) -> tuple[float, float]:
    return a.lat / MICRODEGREES, a.lon / MICRODEGREES


def unit_vectors(positions: Iterable[Position]) -> Vectors:
    """The normals at ``positions``, one a row."""
    return from_microdegrees(np.array([(p.lat, p.lon) for p in positions], dtype=np.int32).reshape(-1, 2))


def from_microdegrees(lat_lon: NDArray[np.int32]) -> Vectors:
    """The normals at rows of latitude and longitude."""
    angles = lat_lon * (math.pi / 180 / MICRODEGREES)
    cos, sin = np.cos(angles), np.sin(angles)
    out = np.empty((len(lat_lon), 3))
    np.multiply(cos[:, 0], cos[:, 1], out=out[:, 0])
    np.multiply(cos[:, 0], sin[:, 1], out=out[:, 1])
    out[:, 2] = sin[:, 0]
    return out


def to_microdegrees(vectors: Vectors) -> NDArray[np.int32]:
    """Latitudes and longitudes of normals (of any length), one a row, to the nearest microdegree."""
    lat = np.arctan2(vectors[:, 2], np.hypot(vectors[:, 0], vectors[:, 1]))
    lon = np.arctan2(vectors[:, 1], vectors[:, 0])
    out = np.rint(np.stack([lat, lon], axis=1) * (180 / math.pi * MICRODEGREES)).astype(np.int32)
    out[out[:, 1] == 180 * MICRODEGREES, 1] = -180 * MICRODEGREES
    return out


def position_of(vector: Vectors) -> Position:
    """The position whose normal has the direction of ``vector``."""
    lat, lon = to_microdegrees(vector.reshape(1, 3))[0].tolist()
    return Position(lat, lon)


def lower_bounds_m(a: Vectors, b: Vectors) -> Vectors:
    """Metres between the places of ``a`` and ``b``, pair by pair: never more than the geodesic, hardly ever less.

    The better of two bounds: a geodesic is curved at least like a circle of ``RADIUS_MAX_M``, so it is at least as
    long as the arc of that circle over the chord; and it is at least ``RADIUS_MIN_M`` times the angle. Short by less
    than 1e-6 of the length up to 200 km, 3e-5 up to 1,000 km, 1 % anywhere.
    """
    over_chord = RADIUS_MAX_M * _arc(_places(a) - _places(b), RADIUS_MAX_M)
    longest: Vectors = np.maximum(over_chord, RADIUS_MIN_M * _arc(a - b, 1.0))
    return longest


def _arc(chords: Vectors, radius: float) -> Vectors:
    """The angles, in radians, over ``chords`` of a circle of ``radius``."""
    lengths = np.sqrt((chords * chords).sum(axis=-1))
    angles: Vectors = 2 * np.arcsin(np.minimum(lengths / (2 * radius), 1.0))
    return angles


def _places(normals: Vectors) -> Vectors:
    """Points of the ellipsoid, metres from the centre of the Earth, where ``normals`` stand on it."""
    z = normals[..., 2:3]
    radius = EQUATORIAL_M / np.sqrt(1 - _ECCENTRICITY2 * z * z)
    return np.concatenate([normals[..., :2] * radius, z * radius * (1 - _ECCENTRICITY2)], axis=-1)
