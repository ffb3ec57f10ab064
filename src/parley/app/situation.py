"""Plans, notices, protected places, movements, tracks and conflicts as plain data, with geometry as RFC 7946 has it.

A feature's ``properties`` have, where they apply: ``layer`` (``plan``, ``track``, ``notice``, ``site``, ``movement``,
``report``, ``conflict``), ``id``, ``name``, ``kind``, ``role``, ``author`` (code), ``message`` (id), ``number``,
``protected``, ``mine`` (this party's own announcement), ``windows`` ([[start, end], ...] in POSIX seconds, none for
always), ``windows_count``, ``lower`` and ``upper`` (text), ``half_width_m`` of corridors, ``radius_m`` and ``centre``
of circles, ``state`` (``current``, ``coming``, ``over``), ``degree`` (``near``, ``meets``, ``blocking``) of conflicts
and plans, and ``held`` of plans.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from parley.app.announced import Notice
from parley.app.clashes import Alert, heights, over
from parley.app.guard import Guard
from parley.app.overdue import confirm_by
from parley.app.plans import TRACK_KIND, Plan
from parley.app.register import height_words, volumes_of
from parley.app.reported import against_plan
from parley.app.sentences import say
from parley.geo.coordinates import format_position
from parley.notices.exports import geometry_of
from parley.wire.geometry import MICRODEGREES, Circle, Corridor, Volume, Window

if TYPE_CHECKING:
    from parley.app.views import Views

_WINDOWS: Final = 50
"""Windows of one feature that are listed; ``windows_count`` says how many there are."""


def conflict(guard: Guard, views: Views, alert: Alert) -> dict[str, Any]:
    """An alert with what changes by itself: the age and acknowledgement chain of its notice, calls, and its state."""
    now = guard.desk.now
    found = dict(alert.data) | {"heights": heights(alert.data, views.language)}
    own = [a.pair for a in guard.holding(alert.pair[0])]
    found |= {
        "first_seen": alert.first_seen,
        "age_s": max(0, now - found["stated"]),
        "over": over(alert, now),
        "held": alert.pair in own,
        "override": alert.override,
        **chain(guard, views, found["message"]),
    }
    return found


def chain(guard: Guard, views: Views, message: str) -> dict[str, Any]:
    """Who has acknowledged a notice: its recipients, and the units that it was passed on to (R60)."""
    entry = views.find(message)
    view = views.message(entry)
    onward = guard.desk.book.onward.get(entry)
    return {
        "acknowledged_by": [x.code for x in view.recipients if x.acknowledged],
        "chain": [
            {"code": x.code, "state": x.state, "delivered": x.delivered, "read": x.read, "acknowledged": x.acknowledged}
            for x in view.recipients
        ],
        "onward": [
            {"role": role, "time": said.at if said else 0, "by_telephone": bool(said and said.by_telephone)}
            for role, said in sorted(onward.units.items())
        ]
        if onward is not None
        else [],
    }


def calls_of(rows: Iterable[dict[str, Any]], message: str, ref: str, author: str) -> list[dict[str, Any]]:
    """The attempts to reach a movement or place, oldest first."""
    return [row for row in rows if row["message"] == message or (ref and (row["author"], row["ref"]) == (author, ref))]


def conflicts(guard: Guard, views: Views, plan: str = "") -> list[dict[str, Any]]:
    """All that clashes, the worst first; what is over comes last. With the attempts to call who is there."""
    calls = [row for _, row in guard.kept.rows("call")]
    found = [conflict(guard, views, a) for a in guard.alerts.values() if plan in ("", a.pair[0])]
    for each in found:
        each["calls"] = calls_of(calls, each["message"], each["ref"], each["author"])
        if each["sort"] in ("movement", "report"):
            author = guard.runtime.node.line.membership.by_code(each["author"]).number
            each["last_report"] = against_plan(guard, views, author, each["ref"])
    order = {"blocking": 0, "meets": 1, "near": 2}
    return sorted(found, key=lambda c: (c["over"], order[c["degree"]], c["metres"], c["plan"], c["notice"]))


def unchecked(guard: Guard, language: str) -> dict[str, list[str]]:
    """What was announced and could not be checked, by message."""
    found: dict[str, list[str]] = {}
    for name, why in guard.faults.items():
        found.setdefault(name.rpartition("/")[0], []).append(say(why, language))
    return found


def state(windows: Iterable[Window], now: int) -> str:
    """``current``, ``coming`` or ``over``."""
    listed = list(windows)
    if not listed or any(w.start <= now < w.end for w in listed):
        return "current"
    return "over" if all(w.end <= now for w in listed) else "coming"


def site(guard: Guard, notice: Notice) -> dict[str, Any]:
    """A notified protected place, with its validity and when it is to be confirmed again (R70)."""
    now = guard.desk.now
    due = confirm_by(notice, guard.settings.confirm_days)
    ends = notice.valid.end if notice.valid else 0
    return {
        "message": notice.id,
        "author": guard.runtime.node.line.membership.member(notice.author).code,
        "mine": notice.mine,
        "ref": notice.ref,
        "name": notice.subject,
        "function": notice.kind,
        "where": format_position(notice.position) if notice.position else "",
        "valid_from": notice.valid.start if notice.valid else 0,
        "valid_until": ends,
        "confirmed": notice.confirmed,
        "confirm_by": due,
        "state": "expired" if ends and ends <= now else "confirm" if due <= now else "valid",
        "contacts": list(notice.convoy),
    }


def movement(guard: Guard, views: Views, notice: Notice, calls: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """A notified movement: its times, how to reach it, its reports against its route, and the attempts to call it."""
    now, code = guard.desk.now, guard.runtime.node.line.membership.member(notice.author).code
    windows = [w for v in volumes_of(views, notice, guard.grace_s).values() for w in v.windows()]
    standing = state(windows, now)
    last = against_plan(guard, views, notice.author, notice.ref)
    quiet = guard.overdue.silence(guard, views, notice)
    return {
        "message": notice.id,
        "author": code,
        "mine": notice.mine,
        "ref": notice.ref,
        "purpose": notice.kind,
        "windows": [[w.start, w.end] for w in windows],
        "state": standing,
        "convoy": list(notice.convoy),
        "headquarters": list(notice.headquarters),
        "last_report": last,
        "silent": quiet is not None and quiet.now(now),
        "calls": calls_of(calls, notice.id, notice.ref, code),
        **chain(guard, views, notice.id),
    }


# -- map -----------------------------------------------------------------------------------------------------


def features(guard: Guard, views: Views) -> list[dict[str, Any]]:
    """Everything that has a place, as GeoJSON features; the head of this module lists their properties."""
    now = guard.desk.now
    found: list[dict[str, Any]] = []
    for notice in guard.register.notices.values():
        code = guard.runtime.node.line.membership.member(notice.author).code
        about = {
            "layer": notice.sort,
            "message": notice.id,
            "author": code,
            "number": notice.number,
            "name": notice.subject,
            "kind": notice.kind,
            "ref": notice.ref,
            "protected": notice.protected,
            "mine": notice.mine,
        }
        for label, volume in volumes_of(views, notice, guard.grace_s).items():
            found += _volume({**about, "id": f"{notice.id}/{label}"}, volume, now)
    degrees: dict[str, str] = {}
    for alert in sorted(guard.alerts.values(), key=lambda a: a.degree):
        if not over(alert, now):
            degrees[alert.pair[0]] = alert.data["degree"]
    for plan in guard.plans():
        about = {
            "layer": "track" if plan.kind == TRACK_KIND and plan.id.startswith(f"{TRACK_KIND}:") else "plan",
            "id": plan.id,
            "name": plan.name,
            "kind": plan.kind,
            "role": plan.role,
            "protected": plan.protected,
            "degree": degrees.get(plan.id, ""),
            "held": bool(guard.holding(plan.id)),
        }
        found += _volume(about, plan.volume, now)
    for alert in guard.alerts.values():
        data = alert.data
        properties = {
            k: data[k] for k in ("plan", "plan_name", "role", "notice", "message", "author", "number", "degree")
        }
        properties |= {
            "layer": "conflict",
            "id": f"{data['plan']} / {data['notice']}",
            "name": f"{data['plan_name']} / {data['number']} {data['subject']}".strip(),
            "metres": data["metres"],
            "windows": data["windows"] or [],
            "state": "over" if over(alert, now) else "current",
        }
        point = {"type": "Point", "coordinates": [data["lon"], data["lat"]]}
        found.append({"type": "Feature", "geometry": point, "properties": properties})
    return found


def _volume(about: dict[str, Any], volume: Volume, now: int) -> list[dict[str, Any]]:
    windows = volume.windows()
    about = about | {
        "windows": [[w.start, w.end] for w in windows[:_WINDOWS]],
        "windows_count": len(windows),
        "lower": height_words(volume.band.lower),
        "upper": height_words(volume.band.upper),
        "state": state(windows, now),
    }
    found = []
    for shape in volume.shapes:
        properties = dict(about)
        if isinstance(shape, Corridor):
            properties["half_width_m"] = shape.half_width
        if isinstance(shape, Circle):
            properties["radius_m"] = shape.radius
            properties["centre"] = [shape.centre.lon / MICRODEGREES, shape.centre.lat / MICRODEGREES]
        found.append({"type": "Feature", "geometry": geometry_of(shape), "properties": properties})
    return found


def plan_data(guard: Guard, plan: Plan) -> dict[str, Any]:
    """A plan with whether it is held and how many conflicts it has."""
    now = guard.desk.now
    found = [a for (id_, _), a in guard.alerts.items() if id_ == plan.id and not over(a, now)]
    return {
        **plan.as_json(),
        "lower": height_words(plan.volume.band.lower),
        "upper": height_words(plan.volume.band.upper),
        "state": state(plan.volume.windows(), now),
        "conflicts": len(found),
        "held": [a.data["notice"] for a in guard.holding(plan.id)],
    }
