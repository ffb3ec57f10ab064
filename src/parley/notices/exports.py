"""Announced areas in what other people's maps read: GeoJSON (RFC 7946), KML 2.2, Cursor on Target.

Great circles are drawn by positions at most one degree apart. GeoJSON is cut at 180 degrees and wound as RFC 7946
3.1.6 and 3.1.9 ask. A Cursor on Target event is a marker that carries its shape as a detail, because a drawn shape
does not leave an ATAK map when its time is over and a marker does.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final
from xml.etree import ElementTree as ET

from parley.forms.display import safe_line, safe_text
from parley.geo.sphere import destination, position_of, unit_vectors
from parley.notices.draft import NoticeDraft, Part
from parley.wire.geometry import MICRODEGREES, Circle, Corridor, Point, Polygon, Position, Shape

_STEP: Final = math.radians(1)
_CIRCLE_POINTS: Final = 72
_HALF: Final = 180.0
_FULL: Final = 360.0
_POLE: Final = 90.0
_COT_TYPE: Final = "b-m-p-s-m"
"""A spot marker."""
Ring = list[tuple[float, float]]
"""Longitudes and latitudes in degrees, not closed; longitudes go on past 180 rather than jump."""


def outline(shape: Shape) -> tuple[Position, ...]:
    """Positions along the edge of an area, or along the middle of a corridor."""
    match shape:
        case Point(at):
            return (at,)
        case Circle(centre, radius):
            # Against the clock, as RFC 7946 winds what it encloses.
            return tuple(destination(centre, -360 * n / _CIRCLE_POINTS, radius) for n in range(_CIRCLE_POINTS))
        case Polygon(ring, _):
            return _dense([*ring, ring[0]])[:-1]
        case Corridor(path, _, _):
            return _dense(path)


def _dense(path: Sequence[Position]) -> tuple[Position, ...]:
    """``path`` with positions on its great circles at most one degree apart."""
    vectors = unit_vectors(path)
    found = [path[0]]
    for n in range(len(path) - 1):
        a, b = vectors[n], vectors[n + 1]
        steps = max(1, math.ceil(math.acos(max(-1.0, min(1.0, float(a @ b)))) / _STEP))
        found += [position_of(a * (1 - k / steps) + b * (k / steps)) for k in range(1, steps)]
        found.append(path[n + 1])
    return tuple(found)


def _unwrapped(places: Sequence[Position]) -> Ring:
    ring: Ring = []
    for p in places:
        lon = p.lon / MICRODEGREES
        if ring:
            lon += _FULL * round((ring[-1][0] - lon) / _FULL)
        ring.append((lon, p.lat / MICRODEGREES))
    return ring


def cut_rings(places: Sequence[Position]) -> list[Ring]:
    """The ring through ``places`` as closed rings that do not cross 180 degrees, each against the clock."""
    ring = _unwrapped(places)
    around = _FULL * round((ring[0][0] - ring[-1][0]) / _FULL)
    closing = ring[0][0] - around
    if abs(closing - ring[-1][0]) <= _HALF and around:
        # It goes round a pole: down to the pole's edge of the map and back.
        pole = math.copysign(_POLE, sum(lat for _, lat in ring))
        ring += [(closing, ring[0][1]), (closing, pole), (ring[0][0], pole)]
    west = math.floor((min(lon for lon, _ in ring) + _HALF) / _FULL)
    east = math.ceil((max(lon for lon, _ in ring) + _HALF) / _FULL)
    found = []
    for turn in range(west, max(east, west + 1)):
        shifted = [(lon - _FULL * turn, lat) for lon, lat in ring]
        piece = _clip(_clip(shifted, 1.0), -1.0)
        if len(piece) > 2 and abs(_area(piece)) > 0:  # noqa: PLR2004 - fewer enclose nothing
            piece = piece if _area(piece) > 0 else piece[::-1]
            found.append([*piece, piece[0]])
    return found


def _clip(ring: Ring, side: float) -> Ring:
    """The part of the ring with ``side * longitude`` at most 180."""
    found: Ring = []
    for (x0, y0), (x1, y1) in zip(ring, [*ring[1:], ring[0]], strict=True):
        inside, next_inside = side * x0 <= _HALF, side * x1 <= _HALF
        if inside:
            found.append((x0, y0))
        if inside != next_inside:
            share = (side * _HALF - x0) / (x1 - x0)
            found.append((side * _HALF, y0 + share * (y1 - y0)))
    return found


def _area(ring: Ring) -> float:
    return sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in zip(ring, [*ring[1:], ring[0]], strict=True)) / 2


def _when(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _title(draft: NoticeDraft, part: Part) -> str:
    return " ".join(x for x in (draft.series, draft.number, part.label) if x)


# -- GeoJSON ---------------------------------------------------------------------------------------------


def to_geojson(drafts: Sequence[NoticeDraft]) -> str:
    """A FeatureCollection with one feature for each shape."""
    features = [
        {"type": "Feature", "geometry": geometry_of(shape), "properties": _properties(draft, part, shape)}
        for draft in drafts
        for part in draft.parts
        for shape in part.volume.shapes
    ]
    return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False, indent=1)


def _properties(draft: NoticeDraft, part: Part, shape: Shape) -> dict[str, Any]:
    windows = part.volume.windows()
    found: dict[str, Any] = {
        "name": _title(draft, part),
        "subject": part.subject,
        "windows": [[_when(w.start), _when(w.end)] for w in windows],
    }
    if windows:
        found |= {"start": _when(windows[0].start), "end": _when(windows[-1].end)}
    if isinstance(shape, Corridor):
        found["half_width_m"] = shape.half_width
    return found


def geometry_of(shape: Shape) -> dict[str, Any]:
    """A shape as a GeoJSON geometry: circles as polygons, corridors as their middle, both cut at 180 degrees."""
    places = outline(shape)
    if isinstance(shape, Point):
        return {"type": "Point", "coordinates": [places[0].lon / MICRODEGREES, places[0].lat / MICRODEGREES]}
    if isinstance(shape, Corridor):
        return {"type": "MultiLineString", "coordinates": _cut_line(_unwrapped(places))}
    rings = [[[list(p) for p in ring]] for ring in cut_rings(places)]
    if len(rings) == 1:
        return {"type": "Polygon", "coordinates": rings[0]}
    return {"type": "MultiPolygon", "coordinates": rings}


def _cut_line(path: Ring) -> list[list[list[float]]]:
    lines: list[list[list[float]]] = [[]]
    turn = round(path[0][0] / _FULL)
    for n, (x, y) in enumerate(path):
        here = round(x / _FULL)
        if here != turn:
            x0, y0 = path[n - 1]
            edge = _FULL * max(here, turn) - _HALF
            crossing = y0 + (edge - x0) / (x - x0) * (y - y0)
            lines[-1].append([edge - _FULL * turn, crossing])
            lines.append([[edge - _FULL * here, crossing]])
            turn = here
        lines[-1].append([x - _FULL * turn, y])
    return lines


# -- KML and Cursor on Target ------------------------------------------------------------------------------


def to_kml(drafts: Sequence[NoticeDraft]) -> str:
    """A KML 2.2 document with one placemark for each shape, shown while it is in force."""
    kml = ET.Element("kml", xmlns="http://www.opengis.net/kml/2.2")
    document = ET.SubElement(kml, "Document")
    for draft in drafts:
        for part in draft.parts:
            for shape in part.volume.shapes:
                _placemark(document, draft, part, shape)
    return ET.tostring(kml, encoding="unicode", xml_declaration=True)


def _placemark(document: ET.Element, draft: NoticeDraft, part: Part, shape: Shape) -> None:
    mark = ET.SubElement(document, "Placemark")
    ET.SubElement(mark, "name").text = safe_text(_title(draft, part))
    ET.SubElement(mark, "description").text = safe_text(part.subject)
    windows = part.volume.windows()
    if windows:
        span = ET.SubElement(mark, "TimeSpan")
        ET.SubElement(span, "begin").text = _when(windows[0].start)
        ET.SubElement(span, "end").text = _when(windows[-1].end)
    many = ET.SubElement(mark, "MultiGeometry")
    places = outline(shape)
    if isinstance(shape, Point | Corridor):
        line = ET.SubElement(many, "Point" if isinstance(shape, Point) else "LineString")
        ET.SubElement(line, "coordinates").text = _coordinates(_unwrapped(places))
        return
    for ring in cut_rings(places):
        boundary = ET.SubElement(ET.SubElement(ET.SubElement(many, "Polygon"), "outerBoundaryIs"), "LinearRing")
        ET.SubElement(boundary, "coordinates").text = _coordinates(ring)


def _coordinates(ring: Ring) -> str:
    return " ".join(f"{lon:.6f},{lat:.6f}" for lon, lat in ring)


def to_cot(drafts: Sequence[NoticeDraft], now: int) -> str:
    """Cursor on Target events, one for each shape, stale when its last window ends; ``now`` in POSIX seconds.

    What is over at ``now`` is left out.
    """
    events = ET.Element("events")
    for draft in drafts:
        for number, part in enumerate(draft.parts):
            windows = part.volume.windows()
            if not windows or windows[-1].end > now:
                for shape in part.volume.shapes:
                    _event(events, draft, part, shape, (number, now))
    return ET.tostring(events, encoding="unicode", xml_declaration=True)


def _event(events: ET.Element, draft: NoticeDraft, part: Part, shape: Shape, place_and_now: tuple[int, int]) -> None:
    number, now = place_and_now
    windows = part.volume.windows()
    stale = windows[-1].end if windows else now + 86_400
    event = ET.SubElement(
        events,
        "event",
        version="2.0",
        uid=safe_line(f"parley-{draft.series}-{draft.number}-{number}").replace(" ", "-"),
        type=_COT_TYPE,
        how="m-g",
        time=_when(now),
        start=_when(now),
        stale=_when(stale),
    )
    places = outline(shape)
    at = shape.centre if isinstance(shape, Circle) else places[0]
    lat, lon = f"{at.lat / MICRODEGREES:.6f}", f"{at.lon / MICRODEGREES:.6f}"
    ET.SubElement(event, "point", lat=lat, lon=lon, hae="0.0", ce="9999999.0", le="9999999.0")
    detail = ET.SubElement(event, "detail")
    ET.SubElement(detail, "contact", callsign=safe_line(_title(draft, part)))
    ET.SubElement(detail, "remarks").text = safe_text(part.subject)
    if not isinstance(shape, Point):
        line = ET.SubElement(
            ET.SubElement(detail, "shape"), "polyline", closed=str(not isinstance(shape, Corridor)).lower()
        )
        for p in places:
            ET.SubElement(
                line, "vertex", lat=f"{p.lat / MICRODEGREES:.6f}", lon=f"{p.lon / MICRODEGREES:.6f}", hae="0.0"
            )
