"""One's own movements of aid: a list in bulk, from the files that organisations keep (lists, R63, R68).

Each movement is a line with ``half_width_m`` (or any other shape that plans have), and has ``id`` (or ``movement-id``),
``purpose``, ``start``, ``end``, ``vehicles``, ``in_charge`` and ``headquarters``; the last three are lists between
semicolons. ``organisation``, ``people``, ``emergency_reason``, ``markings_day`` and ``markings_thermal`` are optional,
and so is ``by``: ``road`` unless it says ``sea`` or ``air``. One that says the same is the same, under whatever
identifier.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from parley.app import lists
from parley.app.lists import Row
from parley.app.plans import positions_of
from parley.forms.geotext import read_volume, write_times, write_volume
from parley.notices.features import bad
from parley.notices.places import read_instant, read_shapes
from parley.wire.geometry import Position, Volume, Window

_TEXTS: Final = ("purpose", "organisation", "people", "emergency_reason", "markings_day", "markings_thermal")
_LISTS: Final = ("vehicles", "in_charge", "headquarters")
_TIMES: Final = ("start", "end")
_WANTED: Final = ("purpose", *_TIMES, *_LISTS)
_ROAD: Final = "road"
_WAYS: Final = (_ROAD, "sea", "air")


def read_movements(name: str, text: str) -> list[tuple[str, Row]]:
    """The movements of a file called ``name``, each with its identifier. Raises UsageError as ``lists.read_list``."""
    return lists.read_list(name, text, _movement)


def _movement(where: str, geometry: dict[str, Any], properties: dict[str, Any]) -> tuple[str, Row]:
    id_ = str(properties.get("id", properties.get("movement-id", ""))).strip()
    if not id_:
        raise bad("geojson-malformed", where, "a movement has an id")
    if lacks := [k for k in _WANTED if not properties.get(k)]:
        raise bad("geojson-malformed", where, f"the movement {id_} has no {lacks[0]}")
    shapes = read_shapes(where, geometry, properties)
    row: Row = {"route": [write_volume(Volume((shape,))) for shape in shapes]}
    row |= {k: str(properties.get(k) or "").strip() for k in _TEXTS}
    row |= {k: _list(properties[k]) for k in _LISTS}
    row |= {k: read_instant(where, properties[k]) for k in _TIMES}
    if row["end"] <= row["start"]:
        raise bad("geojson-malformed", where, f"the movement {id_} ends before it starts")
    way = str(properties.get("by") or _ROAD).strip().lower()
    if way not in _WAYS:
        raise bad("geojson-malformed", where, f"the movement {id_} goes by {', '.join(_WAYS)}, not by {way!r}")
    return id_, row if way == _ROAD else row | {"by": way}


def by_road(row: Row) -> bool:
    """Whether all of its route lies on land."""
    return "by" not in row


def places_of(row: Row) -> list[Position]:
    """The positions of its route."""
    return [at for leg in row["route"] for shape in read_volume(leg).shapes for at in positions_of(shape)]


def _list(given: object) -> list[str]:
    items = given if isinstance(given, list) else str(given).split(";")
    return [text for item in items if (text := str(item).strip())]


def compare(
    kept: Mapping[str, Row], given: Sequence[tuple[str, Row]], now: int, *, end_missing: bool = False
) -> tuple[dict[str, Row], Row]:
    """What is to be kept of a file's movements, and the report (lists.compare)."""
    known = {lists.digest(row): id_ for id_, row in lists.staying(kept, given, end_missing=end_missing).items()}
    return lists.compare(kept, given, lambda id_, row: known.setdefault(lists.digest(row), id_), now, _TIMES)


def values_of(id_: str, row: Row, stage: str, party: str) -> dict[str, Any]:
    """What the form of a movement is filled in with. ``party`` stands in for the organisation where none is named."""
    times = [write_times(Window(row["start"], row["end"]))]
    values: dict[str, Any] = {
        "stage": stage,
        "movement-id": id_,
        "organisation": row["organisation"] or party,
        "purpose": row["purpose"],
        "route": [{**leg, "times": times} for leg in row["route"]],
        "vehicles": [{"type": vehicle} for vehicle in row["vehicles"]],
        "in-charge": row["in_charge"],
        "headquarters": row["headquarters"],
    }
    optional = {k: row[k.replace("-", "_")] for k in ("people", "markings-day", "markings-thermal", "emergency-reason")}
    values |= {k: text for k, text in optional.items() if text}
    return values | ({"emergency": "yes"} if row["emergency_reason"] else {})
