"""What clashes: announced activities from the record against one's own plans (R58 to R62, B1 to B5).

A notice that came as text is read for its areas and times; the index of all announced volumes is derived data, brought
up to date from the record whenever it is asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from parley.app.home import LineHome
from parley.app.plans import Plan, open_plans
from parley.app.readback import Named
from parley.app.views import MessageView, Views
from parley.conflict.check import Activity, Conflict, Degree, Rules, check
from parley.conflict.volumes import Prepared, prepare_volume
from parley.errors import DecodeError
from parley.forms.filled import Filled
from parley.geo.coordinates import format_position
from parley.notices.notice import read_notice
from parley.stores.conflict_index import ConflictIndex
from parley.wire.geometry import Band, Height, Point, Unit, Volume, Window

_WINDOWS_SHOWN: Final = 5
_PROTECTED_CODE: Final = "H"
_SITE: Final = "H1"
"""The humanitarian pack, and its form for a protected place."""
_DEGREES: Final = {Degree.NEAR: "near", Degree.MEETS: "meets", Degree.BLOCKING: "blocking"}


@dataclass(frozen=True, slots=True)
class Announced:
    """One area of a message. ``protected`` marks a place or movement that must not be struck (B4)."""

    name: str
    message: MessageView
    number: str
    subject: str
    prepared: Prepared
    protected: bool = False


@dataclass(slots=True)
class _Stated:
    """What a message says that bears on the check, from its form or from its text."""

    number: str = ""
    subject: str = ""
    volumes: list[tuple[str, Volume]] = field(default_factory=list)
    cancels: tuple[str, ...] = ()
    not_understood: list[str] = field(default_factory=list)
    protected: bool = False


def _stated(view: MessageView) -> _Stated:
    return _from_form(view.filled) if view.filled is not None else _from_text(view)


def _from_text(view: MessageView) -> _Stated:
    try:
        draft = read_notice(view.text, datetime.fromtimestamp(view.time, UTC).date())
    except DecodeError:
        return _Stated()
    volumes = [(part.label or str(n), part.volume) for n, part in enumerate(draft.parts, 1)]
    words = [span.text for span in draft.not_understood]
    return _Stated(f"{draft.series} {draft.number}", draft.subject, volumes, draft.cancels, words)


def _from_form(filled: Filled) -> _Stated:
    """Every area that a form states, and a protected place as the point where it is."""
    form, values = filled.form, filled.values
    found = _Stated(
        f"{values.get('series', '')} {values.get('number', '')}".strip(),
        str(values.get("subject", values.get("designation", values.get("name", form.title)))),
        cancels=tuple(values.get("cancels", ())),
        not_understood=list(values.get("not-understood", ())),
        protected=form.id.startswith(_PROTECTED_CODE),
    )
    for spec in form.fields:
        if spec.type == "area" and spec.name in values:
            given = values[spec.name] if spec.repeat > 1 else (values[spec.name],)
            found.volumes += [(f"{spec.name}-{n}", volume) for n, volume in enumerate(given, 1)]
    if form.id == _SITE and "position" in values:
        valid = values.get("valid")
        found.volumes.append(("position", Volume((Point(values["position"]),), Band(), (valid,) if valid else ())))
    return found


def announced(view: MessageView) -> Iterator[Announced]:
    """The areas that a message announces; none when it states none or its areas are malformed."""
    stated = _stated(view)
    for label, volume in stated.volumes:
        try:
            prepared = prepare_volume(volume)
        except DecodeError:
            continue
        yield Announced(f"{view.id}/{label}", view, stated.number, stated.subject, prepared, stated.protected)


def unchecked(view: MessageView) -> list[str]:
    """What a notice says that the check could not use: words not understood, and areas that are malformed."""
    stated = _stated(view)
    found = [f"not understood: {words}" for words in stated.not_understood]
    for label, volume in stated.volumes:
        try:
            prepare_volume(volume)
        except DecodeError as error:
            found.append(f"area {label}: {error.message}")
    return found


def notified_places(views: Views) -> list[Named]:
    """The protected places that others announced, and have not ended."""
    found: dict[str, Named] = {}
    for view in views.of_form(_SITE):
        if view.filled is not None and not view.mine:
            values = view.filled.values
            key = f"{view.author} {values.get('site-id', view.id)}"
            found.pop(key, None)
            if values.get("stage") != "ended" and "position" in values:
                found[key] = Named(f"{values.get('name', 'a protected place')}, notified", values["position"])
    return list(found.values())


def find_conflicts(line: LineHome, views: Views, key: bytes) -> dict[str, Any]:
    """Every conflict of every plan with what others announced, the worst first, as plain data.

    ``unchecked`` names what was announced and could not be checked.
    """
    with open_plans(line) as kept:
        plans = list(kept)
    messages = {m.id: m for m in views.messages() if not m.mine and not m.erased}
    ended = {number for m in messages.values() for number in _stated(m).cancels}
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
        if other is None or {other.number, other.number.rpartition(" ")[2]} & ended - {""}:
            continue
        theirs = Activity(name, other.subject, other.prepared, own=False, protected=other.protected)
        conflict = check(own, theirs, rules)
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
        "number": other.number,
        "subject": other.subject,
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
