"""Lists in bulk of what a party notifies: read whole or not at all, compared with what is kept, sent in parts (R68).

What differs from what is kept only in its times is *renewed*, otherwise *changed*; what stands twice in a file, or is
the same thing under another identifier, is a *duplicate* and not kept twice.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from parley.app.plans import Plans
from parley.errors import UsageError
from parley.notices.features import bad, features
from parley.wire.statement import EVERYONE, Message

if TYPE_CHECKING:
    from parley.app.runtime import Runtime

_AT_ONCE: Final = 64
"""Notifications that are handed to the node together, so that commits are shared."""
_ENDS: Final = frozenset({"ended", "cancelled"})
Row = dict[str, Any]
ReadRow = Callable[[str, dict[str, Any], dict[str, Any]], tuple[str, Row]]
"""From where a feature stands, its geometry and its properties, to an identifier and a row. Raises UsageError."""


@dataclass(frozen=True, slots=True)
class Notification:
    """A message about the row ``id``, and what becomes of it by that; ``says`` is the row, None where it ends."""

    stage: str
    id: str
    message: Message
    says: Row | None


def read_list(name: str, text: str, read_row: ReadRow) -> list[tuple[str, Row]]:
    """The rows of a file called ``name``, each with its identifier.

    Raises UsageError, naming the feature: ``geojson-malformed``, ``kml-malformed``, ``csv-malformed``.
    """
    code, found = features(name, text)
    try:
        return [_row(where, feature, read_row) for where, feature in found]
    except UsageError as error:
        raise UsageError(error.message, code=code, next_step=error.next_step) from None


def _row(where: str, feature: object, read_row: ReadRow) -> tuple[str, Row]:
    match feature:
        case {"type": "Feature", "geometry": dict() as geometry, "properties": dict() as properties}:
            return read_row(where, geometry, properties)
    raise bad("geojson-malformed", where, "a Feature with a geometry and properties is wanted")


def staying(kept: Mapping[str, Row], given: Iterable[tuple[str, Row]], *, end_missing: bool) -> dict[str, Row]:
    """What of ``kept`` stays as it is whatever the rows ``given`` say: what they do not name, unless that is ended."""
    named = {id_ for id_, _ in given}
    return {} if end_missing else {id_: row for id_, row in kept.items() if id_ not in named}


def compare(
    kept: Mapping[str, Row],
    given: Iterable[tuple[str, Row]],
    same_as: Callable[[str, Row], str],
    now: int,
    times: Sequence[str],
) -> tuple[dict[str, Row], Row]:
    """What is to be kept, by identifier, and the report. ``missing`` are kept and not in the file.

    ``same_as`` knows what is ``staying``, and gives the identifier of the first row that it was given or knows that is
    the same thing, which may be its own. ``times`` are the names of a row's times; the last says until when it holds,
    0 for always.
    """
    report: Row = {k: [] for k in ("new", "changed", "renewed", "unchanged", "expired", "duplicate", "missing")}
    put: dict[str, Row] = {}
    seen: set[str] = set()
    # Of two that are the same thing the one that is kept already stays, wherever it stands in the file.
    for id_, row in sorted(given, key=lambda each: each[0] not in kept):
        other = id_ if id_ in seen else same_as(id_, row)
        if id_ in seen or other != id_:
            report["duplicate"].append({"id": id_, "of": other})
            continue
        seen.add(id_)
        if 0 < row[times[-1]] <= now:
            report["expired"].append(id_)
        before = kept.get(id_)
        word = "new" if before is None else "unchanged" if before == row else "changed"
        if before is not None and word == "changed" and _without(times, before) == _without(times, row):
            word = "renewed"
        report[word].append(id_)
        if word != "unchanged":
            put[id_] = row
    report["missing"] = sorted(set(kept) - seen)
    return put, report


def _without(times: Sequence[str], row: Row) -> Row:
    return {k: v for k, v in row.items() if k not in times}


def digest(row: Row) -> str:
    """A name for what a row says."""
    return sha256(json.dumps(row, sort_keys=True).encode()).hexdigest()


def told(rows: Mapping[str, Row | None]) -> dict[str, Row | None]:
    """What is kept of rows that the line was told of, by which what an officer ends is not announced again."""
    return {id_: None if row is None else {"digest": digest(row)} for id_, row in rows.items()}


async def send_all(runtime: Runtime, made: Sequence[Notification], kept: Plans, space: str) -> dict[str, int]:
    """Send to the whole line, some at a time, and keep in ``space`` what was ``told``; how many of each stage.

    What ends goes last: a thing that has another identifier now is in force all the time, under one of them.
    """
    sent: dict[str, int] = {}
    ordered = sorted(made, key=lambda one: one.stage in _ENDS)
    for at in range(0, len(ordered), _AT_ONCE):
        some = ordered[at : at + _AT_ONCE]
        await asyncio.gather(*(runtime.send(one.message, EVERYONE) for one in some))
        # Not before they are sent: what a stop in between leaves untold is told once more.
        await asyncio.to_thread(kept.write, space, told({one.id: one.says for one in some}))
        for one in some:
            sent[one.stage] = sent.get(one.stage, 0) + 1
    return sent
