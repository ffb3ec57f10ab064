"""The operations of the conflict check, in plain data: plans, tracks, places, movements, calls, alerts and the map.

Each brings the check up to date first, so what it answers holds for the record as it is. The command line and the
console call them by name (``PLAN_OPERATIONS``); geometry is GeoJSON as RFC 7946 has it, times are POSIX seconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from parley.app import situation
from parley.app.clashes import Alert, Pair
from parley.app.forms import area_faults, fill, read_yaml
from parley.app.guard import Guard, guard_of
from parley.app.plans import Fix, Plan, Track, check_plan, plan_of, read_track, slug
from parley.app.register import CHECK_FIRE, from_form
from parley.app.sanity import Known, form_doubts, known_places, place_doubts, value_doubts
from parley.conflict.check import Degree
from parley.errors import UsageError
from parley.forms.filled import Filled
from parley.forms.geotext import read_height, read_time, read_times, read_volume
from parley.geo.coordinates import parse_position
from parley.notices.places import PlaceDraft, read_places
from parley.procedure import watch as w
from parley.procedure.watch import Said
from parley.wire.geometry import Band, Circle, Point, Shape, Volume, Window

if TYPE_CHECKING:
    from parley.app.runtime import Runtime
    from parley.app.views import Views

T = TypeVar("T")
Params = dict[str, Any]
_FIXES: Final = 500
"""Fixes that are kept of one track."""


async def ask_guard(runtime: Runtime, ask: Callable[[Guard, Views], T], language: str = "") -> T:
    """Ask the guard once it is up to date; what it finds is raised as when it finds it by itself."""
    guard = guard_of(runtime)
    return await guard.ask(lambda views: ask(guard, views), language, watch=True)


# -- plans ---------------------------------------------------------------------------------------------------


async def plans(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """Own plans: id, name, kind, role, protected, where, windows, lower, upper, state, conflicts, held (notices)."""
    del params
    return await ask_guard(
        runtime,
        lambda guard, _: [situation.plan_data(guard, p) for p in guard.plans() if not p.id.startswith("track:")],
    )


async def plan_put(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """Keep one plan and check it at once.

    ``name``, then ``area`` (as forms take it) or ``at`` with ``radius`` (m); ``start`` and ``end``, or ``windows``;
    ``lower``, ``upper``, ``kind``, ``role``, ``protected``. Answers ``{plan, conflicts, held, warnings, new, gone}``; a
    plan that is held stays kept and held. ``override`` and ``officer`` let it go on at once, logged.
    """
    name = str(params["name"])
    plan = plan_of(
        PlaceDraft(
            name,
            str(params.get("kind") or ""),
            str(params.get("role") or "watch"),
            volume_of(params),
            bool(params.get("protected")),
        )
    )
    async with guard_of(runtime).rewriting:
        return await _put(runtime, plan, params)


async def _put(runtime: Runtime, plan: Plan, params: Params) -> dict[str, Any]:
    """For what holds ``guard.rewriting``."""
    check_plan(plan)
    guard = guard_of(runtime)

    def first(views: Views) -> tuple[dict[Pair, Degree], Known]:
        return {a.pair: a.degree for a in _of(guard, plan.id)}, known_places(guard, views)

    before, known = await guard.ask(first)
    asked = (await asyncio.to_thread(_questions, [plan], known, guard.desk.now))[plan.id]
    await asyncio.to_thread(guard.kept.put, [plan])
    held = await guard.ask(lambda _: guard.holding(plan.id))
    reason = str(params.get("override") or "")
    if reason and held:
        await guard.override(plan.id, "", _officer(params), reason)

    def answer(guard: Guard, views: Views) -> dict[str, Any]:
        now = {a.pair: a.degree for a in _of(guard, plan.id)}
        worse = [pair for pair, degree in now.items() if pair not in before or before[pair] < degree]
        return {
            "plan": situation.plan_data(guard, plan),
            "conflicts": situation.conflicts(guard, views, plan.id),
            "held": bool(guard.holding(plan.id)),
            "warnings": asked,
            "new": sorted(notice for _, notice in worse),
            "gone": sorted(notice for _, notice in set(before) - set(now)),
        }

    return await ask_guard(runtime, answer)


def _questions(made: Sequence[Plan], known: Known, now: int) -> dict[str, list[str]]:
    """What is asked about plans before they are kept (R67), by their ids."""
    return {p.id: [d.text for d in value_doubts(p.volume, known, now, land=p.protected)] for p in made}


def _of(guard: Guard, plan: str) -> list[Alert]:
    return [a for pair, a in guard.alerts.items() if pair[0] == plan]


async def plan_change(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """Divert or change the plan ``id``: what is given replaces what it had, and it is checked again (R62).

    The same parameters and answer as ``plan-put``; ``new`` and ``gone`` name the notices of conflicts that the change
    brought, made worse, or ended. What was overridden before is held again.
    """
    async with guard_of(runtime).rewriting:
        plan = guard_of(runtime).kept.get(str(params["id"]))
        return await _put(runtime, _changed(plan, params), params)


def _changed(plan: Plan, params: Params) -> Plan:
    where = any(params.get(k) for k in ("area", "at"))
    given = volume_of(params) if where else plan.volume
    times = _times(params) if params.get("start") or params.get("end") or params.get("times") else plan.volume.times
    band = Band(
        read_height(params["lower"]) if params.get("lower") else plan.volume.band.lower,
        read_height(params["upper"]) if params.get("upper") else plan.volume.band.upper,
    )
    return replace(
        plan,
        volume=Volume(given.shapes, band, times),
        kind=str(params.get("kind") or plan.kind),
        role=str(params.get("role") or plan.role),
    )


def volume_of(params: Params) -> Volume:
    """The volume that parameters state. Raises UsageError: ``plan-times``, ``plan-where``, those of its notations."""
    if params.get("area"):
        found = read_volume(params["area"])
    elif params.get("at"):
        at, radius = parse_position(str(params["at"])), int(params.get("radius") or 0)
        shape: Shape = Circle(at, radius) if radius else Point(at)
        found = Volume((shape,), Band(), ())
    else:
        raise UsageError("say where: a position, or an area.", code="plan-where", next_step="Give --at or --area.")
    band = Band(
        read_height(params["lower"]) if params.get("lower") else found.band.lower,
        read_height(params["upper"]) if params.get("upper") else found.band.upper,
    )
    return Volume(found.shapes, band, _times(params) or found.times)


def _times(params: Params) -> tuple[Any, ...]:
    if params.get("windows"):
        return tuple(Window(int(start), int(end)) for start, end in params["windows"])
    if params.get("times"):
        return tuple(read_times(t) for t in params["times"])
    start, end = params.get("start"), params.get("end")
    if not start and not end:
        return ()
    try:
        times = (Window(read_time(start), read_time(end)),) if start and end else ()
    except UsageError as error:
        raise UsageError(error.message, code="plan-times", next_step=error.next_step) from None
    if not times or times[0].end <= times[0].start:
        raise UsageError("give the start and a later end, or neither for always.", code="plan-times")
    return times


async def plan_remove(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """Forget the plan ``id``."""
    guard = guard_of(runtime)
    async with guard.rewriting:
        await asyncio.to_thread(guard.kept.remove, str(params["id"]))
    await guard.look()
    return {"removed": params["id"]}


async def plans_import(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """Keep the plans of the files ``paths`` (GeoJSON, KML, CSV), all or none, and check them; ``texts`` are by name.

    Answers ``{read, new, changed, conflicts, held, warnings}``: how many conflicts the plans of the files have, which
    of the plans are held, and what is to be asked about them (R67).
    """
    drafts: list[PlaceDraft] = []
    texts = {path: read_file(path) for path in map(Path, params.get("paths") or ())}
    for path, text in (texts | {Path(name): text for name, text in params.get("texts", {}).items()}).items():
        if params.get("form"):
            drafts.append(plan_of_form(runtime, path.stem, str(params["form"]), text))
        else:
            drafts += read_places(path.name, text)
    ids: dict[str, str] = {}
    for draft in drafts:
        if (before := ids.setdefault(slug(draft.name), draft.name)) != draft.name:
            raise UsageError(f"{draft.name!r} and {before!r} would be one plan.", code="plan-name")
    made = [plan_of(d) for d in drafts]
    guard = guard_of(runtime)
    known = await guard.ask(lambda views: known_places(guard, views))
    found = await asyncio.to_thread(_questions, made, known, guard.desk.now)
    asked = [f"{p.name}: {question}" for p in made for question in found[p.id]]
    async with guard.rewriting:
        new, changed = await asyncio.to_thread(guard.kept.put, made)

    def answer(guard: Guard, _: Views) -> dict[str, Any]:
        return {
            "read": len(made),
            "warnings": asked,
            "new": new,
            "changed": changed,
            "conflicts": sum(1 for pair in guard.alerts if pair[0] in ids),
            "held": sorted(id_ for id_ in ids if guard.holding(id_)),
        }

    return await ask_guard(runtime, answer)


def plan_of_form(runtime: Runtime, name: str, form: str, text: str) -> PlaceDraft:
    """The plan that a filled form states: its areas, under what it calls itself. Raises UsageError ``plan-where``."""
    forms = runtime.forms
    filled = fill(forms, forms.named(form), read_yaml(text), draft=True)
    found = from_form(filled)
    volumes = [volume for _, volume in found.volumes]
    if not volumes:
        raise UsageError(f"{name} states no area.", code="plan-where")
    band, times = volumes[0].band, tuple(dict.fromkeys(t for v in volumes for t in v.times))
    if any(v.band != band for v in volumes):
        band = Band()  # heights that differ from area to area err toward conflict
    if any(not v.times for v in volumes):
        times = ()
    shapes = tuple(s for v in volumes for s in v.shapes)
    title = found.subject if found.subject != filled.form.title else name
    return PlaceDraft(title, filled.form.name, "watch", Volume(shapes, band, times))


def read_file(path: Path) -> str:
    """The text of a file. Raises UsageError ``file-unreadable``."""
    try:
        return path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}", code="file-unreadable") from error


# -- alerts --------------------------------------------------------------------------------------------------


async def check(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """Every conflict of own plans and tracks with what others announced, the worst first (``alerts`` is the same).

    Answers ``{plans, conflicts: [...], unchecked: {message: [reason]}}``. A conflict has ``plan``, ``plan_name``,
    ``role``, ``notice``, ``message``, ``author``, ``number``, ``subject``, ``sort``, ``degree`` (``blocking``,
    ``meets``, ``near``), ``where``, ``lat``, ``lon``, ``metres``, ``vertical_m``, ``seconds``, ``heights``,
    ``windows``, ``doubts``, ``stated``, ``age_s``, ``acknowledged_by``, ``chain``, ``onward``, ``first_seen``,
    ``over``, ``held``, ``override``, ``convoy``, ``headquarters``, ``calls`` and ``last_report`` (movements).
    ``heights`` are words for a reader of ``in``; ``levels`` has them as lower and upper, null where they are apart.
    """
    plan = str(params.get("plan") or "")

    def answer(guard: Guard, views: Views) -> dict[str, Any]:
        return {
            "plans": len(guard.plans()),
            "conflicts": situation.conflicts(guard, views, plan),
            "unchecked": situation.unchecked(guard, views.language),
        }

    return await ask_guard(runtime, answer, str(params.get("in") or ""))


async def override(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """Let the held ``plan`` go on, as ``officer``, for ``reason``: of one ``notice``, or of all; the watch logs it."""
    reason = str(params.get("reason") or "").strip()
    if not reason:
        raise UsageError("say why: the reason is logged.", code="reason-missing", next_step="Give --reason.")
    guard = guard_of(runtime)
    await guard.look()
    done = await guard.override(str(params["plan"]), str(params.get("notice") or ""), _officer(params), reason)
    return {"plan": params["plan"], "overridden": [a.data["notice"] for a in done]}


def _officer(params: Params) -> str:
    officer = str(params.get("officer") or "").strip()
    if not officer:
        raise UsageError("say which officer does this.", code="officer-missing", next_step="Give --officer.")
    return officer


# -- tracks --------------------------------------------------------------------------------------------------


async def track_put(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """A fix of the track of interest ``name``: ``at``, ``time``, ``radius`` (m), ``until``, ``role``, ``note``.

    A new name begins a track. Answers ``{track, conflicts}`` with every notified corridor, place and window that it
    is in or near: whose it is, how to reach them, and the attempts so far (B5).
    """
    guard = guard_of(runtime)
    id_, now = slug(str(params["name"])), guard.desk.now
    at = read_time(params["time"]) if params.get("time") else now
    fix = Fix(at, parse_position(str(params["at"])), int(params.get("radius") or 1))
    known = await guard.ask(lambda views: known_places(guard, views))
    asked = [d.text for d in place_doubts(fix.where, known)]
    async with guard.rewriting:
        track = _with_fix(guard, id_, fix, params)
        await asyncio.to_thread(guard.kept.write, "track", {id_: track.as_json()})
    return await ask_guard(
        runtime,
        lambda guard, views: {
            "track": track.as_json(),
            "warnings": asked,
            "conflicts": situation.conflicts(guard, views, track.plan().id),
        },
    )


def _with_fix(guard: Guard, id_: str, fix: Fix, params: Params) -> Track:
    """The track with one fix more, and what else is said of it. Raises UsageError."""
    row = guard.kept.row("track", id_)
    before = read_track(row) if row is not None else None
    until = read_time(params["until"]) if params.get("until") else fix.at + guard.settings.track_s
    if until <= fix.at:
        raise UsageError("a track ends after its fix.", code="plan-times")
    fixes = tuple(sorted((*(before.fixes if before else ()), fix), key=lambda f: f.at))[-_FIXES:]
    role = str(params.get("role") or (before.role if before else "watch"))
    note = str(params.get("note") or (before.note if before else ""))
    track = Track(id_, str(params["name"]), role, until, fixes, note)
    check_plan(track.plan())
    return track


async def tracks(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """The tracks of interest: id, name, role, until, note, fixes ({time, where, lat, lon (microdegrees), radius_m})."""
    del params
    return [t.as_json() for t in guard_of(runtime).kept.tracks()]


async def track_drop(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """Forget the track ``id``. Raises UsageError ``track-unknown``."""
    id_, guard = str(params["id"]), guard_of(runtime)
    async with guard.rewriting:
        if guard.kept.row("track", id_) is None:
            raise UsageError(f"there is no track {id_!r}.", code="track-unknown", next_step="See 'parley track list'.")
        await asyncio.to_thread(guard.kept.write, "track", {id_: None})
    await guard.look()
    return {"dropped": id_}


# -- movements and calls ---------------------------------------------------------------------------------------


async def movements(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """Notified movements in force, with contacts, the newest report against the route, and the calls made (R63).

    Each: ``message``, ``author``, ``mine``, ``ref``, ``purpose``, ``windows``, ``state``, ``convoy``,
    ``headquarters``, ``last_report`` ({time, where, lat, lon, state, next, expected, off_m, early_s, late_s}),
    ``silent``, ``calls``, ``chain``, ``onward``.
    """
    del params

    def answer(guard: Guard, views: Views) -> list[dict[str, Any]]:
        calls = [row for _, row in guard.kept.rows("call")]
        return [situation.movement(guard, views, n, calls) for n in guard.register.of_sort("movement")]

    return await ask_guard(runtime, answer)


async def call_put(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """Log an attempt to reach who is in the movement or place ``id``: ``contact``, ``outcome``, ``officer``, ``note``.

    ``id`` is a message or the organisation's own identifier. ``outcome`` is ``reached``, ``no-answer``, ``busy``,
    ``refused`` or ``failed``; ``time`` is now when it is left out. Also entered in the log of the watch.
    """
    outcome = str(params.get("outcome") or "")
    if outcome not in OUTCOMES:
        raise UsageError(f"{outcome!r} is no outcome; there are {', '.join(OUTCOMES)}.", code="outcome-unknown")
    officer, wanted, contact = _officer(params), str(params["id"]), str(params["contact"])

    def found(guard: Guard, views: Views) -> dict[str, Any]:
        for notice in guard.register.notices.values():
            if wanted in (notice.id, notice.ref) and notice.sort in ("movement", "site"):
                code = runtime.node.line.membership.member(notice.author).code
                return {"message": notice.id, "author": code, "ref": notice.ref}
        view = views.message(views.find(wanted))
        return {"message": view.id, "author": view.author, "ref": ""}

    about = await ask_guard(runtime, found)
    guard = guard_of(runtime)
    at = read_time(params["time"]) if params.get("time") else guard.desk.now
    row = {
        **about,
        "time": at,
        "contact": contact,
        "outcome": outcome,
        "officer": officer,
        "note": str(params.get("note") or ""),
    }
    number = max((int(key) for key, _ in guard.kept.rows("call")), default=0) + 1
    guard.kept.write("call", {f"{number:010}": row})
    values = {"contact": contact, "about": about["ref"] or about["message"], "outcome": outcome, "note": row["note"]}
    said = Said("called-note" if row["note"] else "called", values)
    await guard.desk.enter(w.Noted(officer, said, guard.desk.now))
    return row


OUTCOMES: Final = ("reached", "no-answer", "busy", "refused", "failed")


async def calls(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """The attempts to reach movements and places, oldest first; of one with ``id``."""
    wanted = str(params.get("id") or "")
    return [row for _, row in guard_of(runtime).kept.rows("call") if wanted in ("", row["message"], row["ref"])]


# -- the map --------------------------------------------------------------------------------------------------


async def area_map(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """Everything that has a place, for a map: ``{type: FeatureCollection, features, now}``.

    What each feature's ``properties`` hold is listed at the head of ``parley.app.situation``. ``layers`` chooses among
    ``plan``, ``track``, ``notice``, ``site``, ``movement``, ``report`` and ``conflict``.
    """
    layers = set(params.get("layers") or ())

    def answer(guard: Guard, views: Views) -> dict[str, Any]:
        found = [f for f in situation.features(guard, views) if not layers or f["properties"]["layer"] in layers]
        return {"type": "FeatureCollection", "features": found, "now": guard.desk.now}

    return await ask_guard(runtime, answer)


async def questions(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """What is to be asked about the places, heights and times of a ``form`` with its ``values`` before it is sent."""
    forms = runtime.forms
    filled = fill(forms, forms.named(str(params["form"])), dict(params.get("values") or {}), draft=True)
    return {"questions": await asked_of(runtime, filled)}


async def asked_of(runtime: Runtime, filled: Filled) -> list[str]:
    """Questions about a form (R67); none about a check-fire, which nothing may hold up (R57)."""
    if filled.form.id == CHECK_FIRE:
        return []
    guard = guard_of(runtime)
    known, now = await guard.ask(lambda views: known_places(guard, views)), runtime.node.wall_s()

    def found() -> list[str]:
        faults = [f"{path}: {e.message} No check can use this area. {e.next_step}" for path, e in area_faults(filled)]
        return [*faults, *(f"{path}: {d.text}" for path, d in form_doubts(filled, known, now))]

    return await asyncio.to_thread(found)


async def fires(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """Check-fires since the node's start, each with whose activities were under way near it, the nearest first (B4)."""
    del params
    guard = guard_of(runtime)
    known = await guard.ask(lambda _: list(guard.fires.items()))
    return [
        {
            "id": guard.desk.name(entry),
            "controllers": [{"plan": c.activity, "role": c.role, "metres": round(c.metres)} for c in who],
        }
        for entry, who in known
    ]


PLAN_OPERATIONS: Final[dict[str, Callable[[Runtime, Params], Awaitable[Any]]]] = {
    "plans": plans,
    "plan-put": plan_put,
    "plan-change": plan_change,
    "plan-remove": plan_remove,
    "plans-import": plans_import,
    "check": check,
    "alerts": check,
    "plan-override": override,
    "tracks": tracks,
    "track-put": track_put,
    "track-drop": track_drop,
    "movements": movements,
    "calls": calls,
    "call-put": call_put,
    "map": area_map,
    "check-fires": fires,
    "questions": questions,
}
