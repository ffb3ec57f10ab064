"""One's own protected places: a list in bulk, from the files that organisations keep (lists, R68, R70).

Each place needs ``id`` (or ``site-id``) and ``name``; ``function``, ``valid_from``, ``valid_until``, ``confirmed`` and
``organisation`` are optional. One of the same name at the same place is the same, under whatever identifier.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from parley.app import lists
from parley.app.lists import Row
from parley.notices.features import bad
from parley.notices.places import read_instant, read_shapes
from parley.wire.geometry import Point

_TIMES: Final = ("valid_from", "confirmed", "valid_until")
_CELL: Final = 100
"""Microdegrees, about 11 m: so near, one name stands for one place."""
_AROUND: Final = 360_000_000 // _CELL


def read_sites(name: str, text: str) -> list[tuple[str, Row]]:
    """The places of a file called ``name``, each with its identifier. Raises UsageError as ``lists.read_list``."""
    return lists.read_list(name, text, _site)


def _site(where: str, geometry: dict[str, Any], properties: dict[str, Any]) -> tuple[str, Row]:
    id_ = str(properties.get("id", properties.get("site-id", ""))).strip()
    name = str(properties.get("name") or "").strip()
    shape = read_shapes(where, geometry, {})[0]
    if not id_ or not name or not isinstance(shape, Point):
        raise bad("geojson-malformed", where, "a place has an id, a name and one position")
    row: Row = {"name": name, "lat": shape.at.lat, "lon": shape.at.lon}
    row |= {k: str(properties.get(k) or "") for k in ("function", "organisation")}
    row |= {k: read_instant(where, properties[k]) if properties.get(k) else 0 for k in _TIMES}
    return id_, row


def compare(
    kept: Mapping[str, Row], given: Sequence[tuple[str, Row]], now: int, *, end_missing: bool = False
) -> tuple[dict[str, Row], Row]:
    """What is to be kept of a file's places, and the report (lists.compare)."""
    places = _Places(lists.staying(kept, given, end_missing=end_missing))
    return lists.compare(kept, given, places.same_as, now, _TIMES)


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
