"""One's own movements of aid: a list in bulk, from the files that organisations keep, with what changed (R63, R68).

A file is read whole or not at all. Each movement is a line with ``half_width_m`` (or any other shape that plans have),
and has ``id`` (or ``movement-id``), ``purpose``, ``start``, ``end``, ``vehicles``, ``in_charge`` and ``headquarters``;
the last three are lists between semicolons. ``organisation``, ``people``, ``emergency_reason``, ``markings_day`` and
``markings_thermal`` are optional. What differs from what is kept only in its times is *renewed*, otherwise *changed*;
what stands twice in a file, or says the same under another identifier, is a *duplicate* and not kept twice.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any, Final

from parley.errors import UsageError
from parley.forms.geotext import write_times, write_volume
from parley.notices.features import bad, features
from parley.notices.places import read_instant, read_shapes
from parley.wire.geometry import Volume, Window

_TEXTS: Final = ("purpose", "organisation", "people", "emergency_reason", "markings_day", "markings_thermal")
_LISTS: Final = ("vehicles", "in_charge", "headquarters")
_TIMES: Final = ("start", "end")
_WANTED: Final = ("purpose", *_TIMES, *_LISTS)
Row = dict[str, Any]


def read_movements(name: str, text: str) -> list[tuple[str, Row]]:
    """The movements of a file called ``name``, each with its identifier.

    Raises UsageError, naming the feature: ``geojson-malformed``, ``kml-malformed``, ``csv-malformed``.
    """
    code, found = features(name, text)
    try:
        return [_movement(where, feature) for where, feature in found]
    except UsageError as error:
        raise UsageError(error.message, code=code, next_step=error.next_step) from None


def _movement(where: str, feature: object) -> tuple[str, Row]:
    match feature:
        case {"type": "Feature", "geometry": dict() as geometry, "properties": dict() as properties}:
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
            return id_, row
    raise bad("geojson-malformed", where, "a Feature with a geometry and properties is wanted")


def _list(given: object) -> list[str]:
    items = given if isinstance(given, list) else str(given).split(";")
    return [text for item in items if (text := str(item).strip())]


def compare(kept: Mapping[str, Row], given: Iterable[tuple[str, Row]], now: int) -> tuple[dict[str, Row], Row]:
    """What is to be kept, by identifier, and the report. ``missing`` are kept and not in the file: they stay."""
    report: Row = {k: [] for k in ("new", "changed", "renewed", "unchanged", "expired", "duplicate", "missing")}
    put: dict[str, Row] = {}
    known = {digest(row): id_ for id_, row in kept.items()}
    seen: set[str] = set()
    for id_, row in given:
        other = known.setdefault(digest(row), id_)
        if id_ in seen or (other != id_ and (other in seen or other in kept)):
            report["duplicate"].append({"id": id_, "of": id_ if id_ in seen else other})
            continue
        seen.add(id_)
        if row["end"] <= now:
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


def digest(row: Row) -> str:
    """A name for what a row says."""
    return sha256(json.dumps(row, sort_keys=True).encode()).hexdigest()


def _without_times(row: Row) -> Row:
    return {k: v for k, v in row.items() if k not in _TIMES}


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
