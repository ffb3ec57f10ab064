"""One's own protected places: a list in bulk, from the files that organisations keep, with what changed (R68, R70).

A file is read whole or not at all. Each place needs ``id`` (or ``site-id``) and ``name``; ``function``, ``valid_from``,
``valid_until``, ``confirmed`` and ``organisation`` are optional. What differs from what is kept only in its validity
or confirmation is *renewed*, otherwise *changed*; what stands twice in a file, or under another identifier at the same
place with the same name, is a *duplicate* and not kept twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from parley.errors import UsageError
from parley.notices.features import bad, features
from parley.notices.places import read_instant, read_shapes
from parley.wire.geometry import Point

_TIMES: Final = ("valid_from", "valid_until", "confirmed")
_CELL: Final = 100
"""Microdegrees, about 11 m: so near, one name stands for one place."""
_AROUND: Final = 360_000_000 // _CELL
Row = dict[str, Any]


def read_sites(name: str, text: str) -> list[tuple[str, Row]]:
    """The places of a file called ``name``, each with its identifier.

    Raises UsageError, naming the feature: ``geojson-malformed``, ``kml-malformed``, ``csv-malformed``.
    """
    code, found = features(name, text)
    try:
        return [_site(where, feature) for where, feature in found]
    except UsageError as error:
        raise UsageError(error.message, code=code, next_step=error.next_step) from None


def _site(where: str, feature: object) -> tuple[str, Row]:
    match feature:
        case {"type": "Feature", "geometry": dict() as geometry, "properties": dict() as properties}:
            id_ = str(properties.get("id", properties.get("site-id", ""))).strip()
            name = str(properties.get("name") or "").strip()
            shape = read_shapes(where, geometry, {})[0]
            if not id_ or not name or not isinstance(shape, Point):
                raise bad("geojson-malformed", where, "a place has an id, a name and one position")
            row: Row = {"name": name, "lat": shape.at.lat, "lon": shape.at.lon}
            row |= {k: str(properties.get(k) or "") for k in ("function", "organisation")}
            row |= {k: read_instant(where, properties[k]) if properties.get(k) else 0 for k in _TIMES}
            return id_, row
    raise bad("geojson-malformed", where, "a Feature with a geometry and properties is wanted")


def compare(kept: Mapping[str, Row], given: Iterable[tuple[str, Row]], now: int) -> tuple[dict[str, Row], Row]:
    """What is to be kept, by identifier, and the report. ``missing`` are kept and not in the file: they stay."""
    report: Row = {k: [] for k in ("new", "changed", "renewed", "unchanged", "expired", "duplicate", "missing")}
    put: dict[str, Row] = {}
    places = _Places(kept)
    seen: set[str] = set()
    for id_, row in given:
        other = places.same_as(id_, row)
        if id_ in seen or (other != id_ and (other in seen or other in kept)):
            report["duplicate"].append({"id": id_, "of": id_ if id_ in seen else other})
            continue
        seen.add(id_)
        if row["valid_until"] and row["valid_until"] <= now:
            report["expired"].append(id_)
        before = kept.get(id_)
        word = "new" if before is None else "unchanged" if before == row else "changed"
        if before is not None and word == "changed" and _without_times(before) == _without_times(row):
            word = "renewed"
        report[word].append(id_)
        if word != "unchanged":
            put[id_] = row
    report["missing"] = sorted(set(kept) - seen)
    return put, report


class _Places:
    """Finds who has the same name within about 11 m, on whichever side of a cell's edge."""

    def __init__(self, kept: Mapping[str, Row]) -> None:
        self._cells: dict[tuple[str, int, int], list[tuple[str, Row]]] = {}
        for id_, row in kept.items():
            self._cells.setdefault(_cell(row), []).append((id_, row))

    def same_as(self, id_: str, row: Row) -> str:
        """The identifier of the first that is the same place; ``id_`` itself, which is then known, where none is."""
        name, lat, lon = _cell(row)
        for at in ((name, lat + a, (lon + b) % _AROUND) for a in (0, -1, 1) for b in (0, -1, 1)):
            for other, there in self._cells.get(at, ()):
                apart = abs(there["lon"] - row["lon"])
                if abs(there["lat"] - row["lat"]) < _CELL and min(apart, _AROUND * _CELL - apart) < _CELL:
                    return other
        self._cells.setdefault((name, lat, lon), []).append((id_, row))
        return id_


def _cell(row: Row) -> tuple[str, int, int]:
    return row["name"].casefold(), row["lat"] // _CELL, row["lon"] // _CELL % _AROUND


def _without_times(row: Row) -> Row:
    return {k: v for k, v in row.items() if k not in _TIMES}
