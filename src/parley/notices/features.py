"""GeoJSON, KML and CSV read to the same thing: GeoJSON features, each with where in the file it stood.

KML: Placemarks with Point, LineString, Polygon or MultiGeometry of polygons; ``TimeSpan`` gives start and end, and
``ExtendedData`` any other property. CSV: a line of headings, then a place a line, with ``latitude`` and ``longitude``
in decimal degrees, or ``position`` in any notation of coordinates, or ``positions`` of a polygon (of a line when
``half_width_m`` is given) between semicolons. Heights in KML coordinates are left aside.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from typing import Any, Final
from xml.etree import ElementTree as ET

from parley.errors import UsageError
from parley.geo.coordinates import parse_position
from parley.wire.geometry import MICRODEGREES

MAX_FILE: Final = 64 * 1024 * 1024
"""Bytes of one file: a hundred thousand places."""
_FIELD: Final = 1 << 20
_RING: Final = 3
Feature = tuple[str, object]
"""Where it stood, and a GeoJSON feature, not checked."""


def features(name: str, text: str) -> tuple[str, list[Feature]]:
    """The code of errors and the features of a file called ``name``. Raises UsageError: ``geojson-malformed``, ..."""
    code, read = _READERS.get(name.rpartition(".")[2].lower(), ("geojson-malformed", _geojson))
    if len(text) > MAX_FILE:
        raise bad(code, "", f"more than {MAX_FILE} bytes")
    return code, list(read(text))


def bad(code: str, where: str, why: str) -> UsageError:
    """The error of a file."""
    return UsageError(
        f"{where + ': ' if where else ''}{why}.",
        code=code,
        next_step="Nothing was imported; correct the file and import it again.",
    )


def _geojson(text: str) -> Iterator[Feature]:
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError):
        raise bad("geojson-malformed", "", "this is no JSON") from None
    found = whole.get("features") if isinstance(whole, dict) else None
    if not isinstance(found, list):
        raise bad("geojson-malformed", "", "a FeatureCollection is wanted")
    return ((f"feature {n}", f) for n, f in enumerate(found, start=1))


# -- KML -----------------------------------------------------------------------------------------------------


def _kml(text: str) -> Iterator[Feature]:
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise bad("kml-malformed", "", "a KML file has no document type")
    try:
        root = ET.fromstring(text)  # noqa: S314 # nosec B314 - no document type, so no entities
    except (ET.ParseError, RecursionError) as error:
        raise bad("kml-malformed", "", f"this is no XML: {error}") from None
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    for n, mark in enumerate(root.iter("Placemark"), start=1):
        yield f"placemark {n}", _placemark(f"placemark {n}", mark)


def _placemark(where: str, mark: ET.Element) -> dict[str, Any]:
    properties: dict[str, Any] = {"name": (mark.findtext("name") or "").strip()}
    for data in mark.iter("Data"):
        _property(properties, data.get("name"), data.findtext("value"))
    for data in mark.iter("SimpleData"):
        _property(properties, data.get("name"), data.text)
    for tag, name in (("begin", "start"), ("end", "end")):
        if time := mark.findtext(f"TimeSpan/{tag}"):
            properties[name] = time.strip()
    return {"type": "Feature", "geometry": _geometry(where, mark), "properties": properties}


def _property(properties: dict[str, Any], name: str | None, value: str | None) -> None:
    if name and value is not None:
        properties[name.strip()] = plain_value(value)


def plain_value(text: str) -> Any:  # noqa: ANN401 - what JSON may hold
    """``true`` and ``false``, numbers, or the text."""
    text = text.strip()
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    try:
        return int(text) if text.lstrip("+-").isdigit() else float(text)
    except ValueError:
        return text


def _geometry(where: str, mark: ET.Element) -> dict[str, Any]:
    polygons = list(mark.iter("Polygon"))
    if polygons:
        return {"type": "MultiPolygon", "coordinates": [_polygon(where, p) for p in polygons]}
    for tag, kind in (("LineString", "LineString"), ("Point", "Point")):
        found = mark.find(f".//{tag}/coordinates")
        if found is not None:
            positions = _coordinates(where, found.text)
            return {"type": kind, "coordinates": positions[0] if kind == "Point" and positions else positions}
    raise bad("kml-malformed", where, "a Point, a LineString or a Polygon is wanted")


def _polygon(where: str, polygon: ET.Element) -> list[Any]:
    rings = [polygon.find("outerBoundaryIs//coordinates"), *polygon.findall("innerBoundaryIs//coordinates")]
    return [_coordinates(where, ring.text if ring is not None else "") for ring in rings]


def _coordinates(where: str, text: str | None) -> list[list[float]]:
    try:
        return [[float(x) for x in place.split(",")[:2]] for place in (text or "").split()]
    except ValueError:
        raise bad("kml-malformed", where, "coordinates are longitude,latitude") from None


# -- CSV -----------------------------------------------------------------------------------------------------


def _csv(text: str) -> Iterator[Feature]:
    first = text.partition("\n")[0]
    separator = max(",;\t", key=first.count)
    csv.field_size_limit(_FIELD)
    rows = csv.DictReader(io.StringIO(text), delimiter=separator, strict=True)
    try:
        for n, row in enumerate(rows, start=2):
            if None in row or None in row.values():
                raise bad("csv-malformed", f"line {n}", "it has more or fewer fields than the first line has headings")
            given = {str(k).strip().lower(): v.strip() for k, v in row.items() if v and v.strip()}
            if given:
                yield f"line {n}", _row(f"line {n}", given)
    except csv.Error as error:
        raise bad("csv-malformed", f"line {rows.line_num}", str(error)) from None


def _row(where: str, given: dict[str, str]) -> dict[str, Any]:
    geometry: dict[str, Any]
    if "positions" in given:
        path = [_place(where, p) for p in given.pop("positions").split(";") if p.strip()]
        if "half_width_m" in given:
            geometry = {"type": "LineString", "coordinates": path}
        elif len(path) < _RING:
            raise bad("csv-malformed", where, "a polygon has at least three positions")
        else:
            geometry = {"type": "Polygon", "coordinates": [path if path[0] == path[-1] else [*path, path[0]]]}
    elif "position" in given:
        geometry = {"type": "Point", "coordinates": _place(where, given.pop("position"))}
    else:
        lat, lon = (
            given.pop(name, given.pop(short, "")) for name, short in (("latitude", "lat"), ("longitude", "lon"))
        )
        try:
            geometry = {"type": "Point", "coordinates": [float(lon), float(lat)]}
        except ValueError:
            raise bad(
                "csv-malformed", where, "latitude and longitude in decimal degrees, or a position, are wanted"
            ) from None
    properties = {k: plain_value(v) if k in _TYPED else v for k, v in given.items()}
    return {"type": "Feature", "geometry": geometry, "properties": properties}


_TYPED: Final = frozenset({"radius_m", "half_width_m", "protected"})


def _place(where: str, text: str) -> list[float]:
    try:
        at = parse_position(text.strip())
    except UsageError as error:
        raise bad("csv-malformed", where, error.message.rstrip(".")) from None
    return [at.lon / MICRODEGREES, at.lat / MICRODEGREES]


_READERS: Final[dict[str, tuple[str, Callable[[str], Iterator[Feature]]]]] = {
    "kml": ("kml-malformed", _kml),
    "csv": ("csv-malformed", _csv),
    "tsv": ("csv-malformed", _csv),
}
