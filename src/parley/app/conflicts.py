"""What clashes: announced activities from the record against one's own plans (R58 to R62, B1 to B5).

A notice that came as text is read for its areas and times; the index of all announced volumes is derived data, brought
up to date from the record whenever it is asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from parley.app.home import LineHome
from parley.app.plans import Plan, open_plans
from parley.app.views import MessageView, Views
from parley.conflict.check import Activity, Conflict, Degree, Rules, check
from parley.conflict.volumes import Prepared, prepare_volume
from parley.errors import DecodeError
from parley.geo.coordinates import format_position
from parley.notices.draft import NoticeDraft, Part
from parley.notices.notice import read_notice
from parley.stores.conflict_index import ConflictIndex
from parley.wire.geometry import Height, Unit, Window

_WINDOWS_SHOWN: Final = 5
_DEGREES: Final = {Degree.NEAR: "near", Degree.MEETS: "meets", Degree.BLOCKING: "blocking"}


@dataclass(frozen=True, slots=True)
class Announced:
    """One area of a message."""

    name: str
    message: MessageView
    draft: NoticeDraft
    part: Part
    prepared: Prepared


def announced(view: MessageView) -> Iterator[Announced]:
    """The areas that a message announces; none when its text is no notice or its areas are malformed."""
    day = datetime.fromtimestamp(view.time, UTC).date()
    try:
        draft = read_notice(view.text, day)
    except DecodeError:
        return
    for number, part in enumerate(draft.parts):
        try:
            prepared = prepare_volume(part.volume)
        except DecodeError:
            continue
        yield Announced(f"{view.id}/{part.label or number + 1}", view, draft, part, prepared)


def unchecked(view: MessageView) -> list[str]:
    """What a notice says that the check could not use: words not understood, and areas that are malformed."""
    try:
        draft = read_notice(view.text, datetime.fromtimestamp(view.time, UTC).date())
    except DecodeError:
        return []
    found = [f"not understood: {span.text}" for span in draft.not_understood]
    for part in draft.parts:
        try:
            prepare_volume(part.volume)
        except DecodeError as error:
            found.append(f"area {part.label or draft.number}: {error.message}")
    return found


def find_conflicts(line: LineHome, views: Views, key: bytes) -> dict[str, Any]:
    """Every conflict of every plan with what others announced, the worst first, as plain data.

    ``unchecked`` names what was announced and could not be checked.
    """
    with open_plans(line) as kept:
        plans = list(kept)
    messages = {m.id: m for m in views.messages() if not m.mine and not m.erased}
    ended = {number for m in messages.values() for a in announced(m) for number in a.draft.cancels}
    index = ConflictIndex.open(line.path / "conflicts.db", key)
    try:
        _bring_up_to_date(index, messages)
        found = [c for plan in plans for c in _of_plan(plan, index, messages, ended)]
    finally:
        index.close()
    return {
        "plans": len(plans),
        "conflicts": [data for _, data in sorted(found, key=lambda x: (-x[0].degree, x[0].metres))],
        "unchecked": {m.id: why for m in messages.values() if (why := unchecked(m))},
    }


def _bring_up_to_date(index: ConflictIndex, messages: dict[str, MessageView]) -> None:
    seen = int.from_bytes(index.mark, "big")
    for view in sorted(messages.values(), key=lambda m: m.arrival):
        if view.arrival >= seen:
            mark = (view.arrival + 1).to_bytes(8, "big")
            for each in announced(view):
                index.add(each.name, each.prepared)
            index.load([], mark)


def _of_plan(
    plan: Plan, index: ConflictIndex, messages: dict[str, MessageView], ended: set[str]
) -> Iterator[tuple[Conflict, dict[str, Any]]]:
    rules = Rules()
    own = Activity(plan.id, plan.kind, prepare_volume(plan.volume), own=True, protected=plan.protected, role=plan.role)
    for name in index.query(own.prepared, rules.widest()):
        view = messages.get(name.rpartition("/")[0])
        other = next((a for a in announced(view) if a.name == name), None) if view is not None else None
        if other is None or {other.draft.number, f"{other.draft.series} {other.draft.number}"} & ended:
            continue
        conflict = check(own, Activity(name, other.draft.subject, other.prepared, own=False), rules)
        if conflict is not None:
            yield conflict, _plain(plan, other, conflict)


def _plain(plan: Plan, other: Announced, conflict: Conflict) -> dict[str, Any]:
    view = other.message
    return {
        "plan": plan.id,
        "plan_name": plan.name,
        "role": plan.role,
        "notice": other.name,
        "author": view.author,
        "number": f"{other.draft.series} {other.draft.number}",
        "subject": other.draft.subject,
        "degree": _DEGREES[conflict.degree],
        "where": format_position(conflict.places[0].at),
        "metres": round(conflict.metres),
        "vertical_m": round(conflict.vertical_m),
        "seconds": conflict.seconds,
        "heights": _heights(conflict),
        "windows": _windows(conflict.windows),
        "windows_count": len(conflict.windows) if conflict.windows is not None else 0,
        "doubts": list(conflict.doubts),
        "stated": view.time,
        "acknowledged_by": [x.code for x in view.recipients if x.acknowledged],
    }


def _windows(windows: tuple[Window, ...] | None) -> list[list[int]] | None:
    return None if windows is None else [[w.start, w.end] for w in windows[:_WINDOWS_SHOWN]]


def _heights(conflict: Conflict) -> str:
    if conflict.heights is None:
        return "apart"
    lower, upper = conflict.heights.lower, conflict.heights.upper
    return f"{_height(lower) or 'surface'} to {_height(upper) or 'unlimited'}"


def _height(height: Height | None) -> str:
    if height is None:
        return ""
    if height.unit is Unit.HUNDRED_FEET:
        return f"FL{height.value:03}"
    return f"{height.value} {'m' if height.unit is Unit.METRE else 'ft'} {height.reference.name}"
