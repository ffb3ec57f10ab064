"""Plans and places of one's own, from GeoJSON (RFC 7946), KML and CSV.

Each feature needs a name; its other properties are ``kind``, ``role``, ``protected``, ``start`` and ``end`` (RFC 3339),
``lower`` and ``upper`` (``FL100``, ``500 FT AGL``), ``radius_m`` of a point and ``half_width_m`` of a line. Edges are
taken for great circles. Nothing is imported unless all of it can be.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from parley.errors import DecodeError, UsageError
from parley.notices.features import bad, features
from parley.notices.measures import read_height
from parley.wire.geometry import (
    MAX_POSITIONS,
    Band,
    Circle,
    Corridor,
    Height,
    Point,
    Polygon,
    Position,
    Shape,
    Time,
    Volume,
    Window,
    position,
)

_CLOSED_RING: Final = 4
_MINUTE: Final = 60


@dataclass(frozen=True, slots=True)
class PlaceDraft:
    """A plan or place as a file states it."""

    name: str
    kind: str
    role: str
    volume: Volume
    protected: bool = False


def read_places(name: str, text: str) -> tuple[PlaceDraft, ...]:
    """The plans and places of a file called ``name``, by whose ending it is read; GeoJSON unless it says otherwise.

    Raises UsageError, naming the feature, placemark or line: ``geojson-malformed``, ``kml-malformed``,
    ``csv-malformed``.
    """
    code, found = features(name, text)
    try:
        return tuple(_feature(where, feature) for where, feature in found)
    except UsageError as error:
        raise UsageError(error.message, code=code, next_step=error.next_step) from None


def _bad(where: str, why: str) -> UsageError:
    return bad("geojson-malformed", where, why)


def _feature(where: str, feature: object) -> PlaceDraft:
    match feature:
        case {"type": "Feature", "geometry": dict() as geometry, "properties": dict() as properties}:
            name = properties.get("name")
            if not isinstance(name, str) or not name.strip():
                raise _bad(where, "it has no name")
            where = f"{where} ({name})"
            try:
                shapes = read_shapes(where, geometry, properties)
                band = Band(_height(properties.get("lower")), _height(properties.get("upper")))
            except DecodeError as error:
                raise _bad(where, error.message.rstrip(".")) from None
            volume = Volume(shapes, band, _times(where, properties))
            kind, role = str(properties.get("kind", "")), str(properties.get("role", ""))
            return PlaceDraft(name.strip(), kind, role, volume, properties.get("protected") is True)
    raise _bad(where, "a Feature with a geometry and properties is wanted")


def read_shapes(where: str, geometry: Mapping[str, Any], properties: Mapping[str, Any]) -> tuple[Shape, ...]:
    """The shapes of a GeoJSON geometry. Raises UsageError ``geojson-malformed``."""
    match geometry.get("type"), geometry.get("coordinates"):
        case "Point", list() as point:
            at = _positions(where, [point])[0]
            radius = _number(where, properties, "radius_m")
            return (Circle(at, radius) if radius else Point(at),)
        case "LineString", list() as line:
            width = _number(where, properties, "half_width_m")
            if not width or len(line) < 2:  # noqa: PLR2004
                raise _bad(where, "a line needs two positions and the property half_width_m")
            return (Corridor(_positions(where, line), width),)
        case "Polygon", [list() as ring]:
            return (_ring(where, ring),)
        case "MultiPolygon", list() as polygons if polygons and all(
            isinstance(p, list) and len(p) == 1 and isinstance(p[0], list) for p in polygons
        ):
            return tuple(_ring(where, p[0]) for p in polygons)
    raise _bad(where, "a Point, a LineString, or polygons without holes are wanted")


def _ring(where: str, ring: Sequence[object]) -> Polygon:
    places = _positions(where, ring)
    if len(places) < _CLOSED_RING or places[0] != places[-1]:
        raise _bad(where, "a ring ends where it begins, and has at least four positions")
    return Polygon(places[:-1])


def _positions(where: str, points: Sequence[object]) -> tuple[Position, ...]:
    if len(points) > MAX_POSITIONS:
        raise _bad(where, f"more than {MAX_POSITIONS} positions")
    found = []
    for point in points:
        match point:
            case [int() | float() as lon, int() | float() as lat, *_]:
                found.append(position(lat, lon))
            case _:
                raise _bad(where, "a position is longitude and latitude")
    return tuple(found)


def _number(where: str, properties: Mapping[str, Any], name: str) -> int:
    value = properties.get(name, 0)
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 20_000_000:  # noqa: PLR2004
        raise _bad(where, f"{name} is no distance in metres")
    return round(value)


def _height(value: object) -> Height | None:
    if value is None:
        return None
    words = str(value).upper().split()
    if len(words) > 1 and words[0].isdigit():
        words = [words[0] + words[1], *words[2:]]
    return read_height(words[0] if words else "", words[1] if len(words) > 1 else "")


def _times(where: str, properties: Mapping[str, Any]) -> tuple[Time, ...]:
    if properties.get("start") is None and properties.get("end") is None:
        return ()
    start, end = (read_instant(where, properties.get(name)) for name in ("start", "end"))
    if end <= start:
        raise _bad(where, "its end is not after its start")
    return (Window(start, end),)


def read_instant(where: str, value: object) -> int:
    """POSIX seconds of a time in RFC 3339, on a whole minute."""
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        raise _bad(where, f"{value!r} is no time; one looks like 2026-03-10T03:04Z") from None
    if found.tzinfo is None:
        found = found.replace(tzinfo=UTC)
    return int(found.timestamp()) // _MINUTE * _MINUTE
