"""What a map shows: announced activities, protected places and movements, own plans and where they clash (R58, R63).

Plain data: each feature has a GeoJSON geometry (``parley.app.outline``) and what a legend, a time slider and a list
beside the map need. Nothing here is sent to anybody.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Container, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from parley.app.guard import guard_of
from parley.app.inboxes import Inbox, Listed, inbox_of
from parley.app.outline import collection
from parley.app.plans import TRACK_KIND, Plan, Plans, Track
from parley.app.readback import from_place, nearest_towns
from parley.app.runtime import Runtime
from parley.app.sentences import height_band
from parley.app.views import MessageView, Views
from parley.app.watchparams import own_language
from parley.errors import DecodeError
from parley.forms.geotext import write_height, write_position
from parley.geo.coordinates import format_position, parse_position
from parley.ids import EntryId
from parley.notices.broadcast import around
from parley.notices.notice import read_notice
from parley.wire.geometry import MICRODEGREES, Band, Circle, Height, Point, Unit, Volume, Window
from parley.wire.statement import Message, Relation

_FOOT_M: Final = 0.3048
_LAYERS: Final = {"H1": "site", "H2": "movement", "H4": "report", "X1": "alert"}
"""Forms whose places are drawn in a way of their own; any other area is ``announced``."""
_OVER: Final = frozenset({"ended", "cancelled", "completed"})
_ENDS: Final = frozenset({Relation.CANCELS, Relation.SUPERSEDES, Relation.CORRECTS})
_IDS: Final = ("site-id", "movement-id")
_CALLED: Final = ("subject", "designation", "name", *_IDS)
_TITLE: Final = 80
_REPORT_S: Final = 3600
"""How long a reported position is shown as where something is."""


def metres(height: Height | None) -> float | None:
    """A height in metres, whatever it is measured from; None for an open side."""
    if height is None:
        return None
    scale = {Unit.METRE: 1.0, Unit.FOOT: _FOOT_M, Unit.HUNDRED_FEET: 100 * _FOOT_M}[height.unit]
    return round(height.value * scale, 1)


def heights(band: Band, language: str) -> str:
    """``500 ft AMSL to FL100``, for a reader of ``language``; empty when both sides are open."""
    if band.lower is None and band.upper is None:
        return ""
    lower = write_height(band.lower) if band.lower is not None else ""
    upper = write_height(band.upper) if band.upper is not None else ""
    return height_band(lower, upper, language)


def feature(
    id_: str,
    layer: str,
    name: str,
    volume: Volume,
    language: str,
    **more: Any,  # noqa: ANN401 - JSON
) -> dict[str, Any]:
    """One area, drawn for a reader of ``language``. Raises DecodeError where an edge could go either way."""
    middle = around(volume.shapes)[0]
    return {
        "id": id_,
        "layer": layer,
        "name": name,
        "geometry": collection(volume.shapes),
        "middle": [middle.lon / MICRODEGREES, middle.lat / MICRODEGREES],
        "where": format_position(middle),
        "windows": [[w.start, w.end] for w in volume.windows()],
        "heights": heights(volume.band, language),
        "lower_m": metres(volume.band.lower),
        "upper_m": metres(volume.band.upper),
        **more,
    }


def _stated(view: MessageView) -> Iterator[tuple[str, Volume]]:
    """The areas and places of a message, from its form or from its text, each with a label."""
    if view.filled is None:
        yield from _of_text(view)
        return
    values = view.filled.values
    valid = values.get("valid")
    times: tuple[Window, ...] = (valid,) if isinstance(valid, Window) else ()
    for spec in view.filled.form.fields:
        if spec.name not in values:
            continue
        if spec.type == "area":
            given = values[spec.name] if spec.repeat > 1 else (values[spec.name],)
            for n, volume in enumerate(given, 1):
                kept = volume.times or times
                yield f"{spec.name}-{n}", Volume(volume.shapes, volume.band, kept)
        elif spec.type == "position" and spec.name != "read-back":
            at = values.get("time")
            lasts = (Window(at, at + _REPORT_S),) if isinstance(at, int) and not times else times
            yield spec.name, Volume((Point(values[spec.name]),), Band(), lasts)


def _of_text(view: MessageView) -> Iterator[tuple[str, Volume]]:
    try:
        draft = read_notice(view.text, datetime.fromtimestamp(view.time, UTC).date())
    except DecodeError:
        return
    yield from ((part.label or str(n), part.volume) for n, part in enumerate(draft.parts, 1))


def _name(view: MessageView) -> str:
    """What names an activity in a list: its number and what it is called."""
    values = view.filled.values if view.filled is not None else {}
    called = next((str(values[n]) for n in _CALLED if n in values), view.subject or view.title or view.text[:_TITLE])
    number = f"{values.get('series', '')} {values.get('number', '')}".strip()
    return f"{number} {called}".strip()


@dataclass(slots=True)
class _Charted:
    """What one message puts on the map, and which it takes off."""

    changed: int
    """The version of the inbox that it was read at."""
    author: str = ""
    names: set[str] = field(default_factory=set)
    """What an ending may call it: its id, its number, what it is about."""
    ends: set[tuple[str, str]] = field(default_factory=set)
    """Pairs of author and message, or of author and number of a notice, that it ends or replaces."""
    over: bool = False
    features: list[dict[str, Any]] = field(default_factory=list)

    def standing(self, ended: Container[tuple[str, str]]) -> list[dict[str, Any]]:
        """Its features, with whether they are over; the same objects for as long as nothing changes."""
        over = self.over or any((self.author, name) in ended for name in self.names)
        if any(f["ended"] != over for f in self.features):
            self.features = [{**f, "ended": over} for f in self.features]
        return self.features


class Chart:
    """The areas and places of all messages of a line, one's own as well, for readers of one language.

    A message is read when it comes and when something happens to it. What cannot be drawn is left to ``check``, which
    names it.
    """

    def __init__(self, language: str) -> None:
        self.language = language
        self._of: dict[EntryId, _Charted] = {}
        self._plans: tuple[int, list[dict[str, Any]]] = (-1, [])

    def messages(self, box: Inbox) -> list[dict[str, Any]]:
        """What they put on the map; to be called within ``Inbox.ask``."""
        before, self._of = self._of, {}
        views = box.views(self.language)
        for one in box.everything():
            known = before.get(one.entry)
            if known is None or known.changed != one.changed:
                known = _charted(views, one)
            self._of[one.entry] = known
        ended = {pair for each in self._of.values() for pair in each.ends}
        return [f for each in self._of.values() if each.features for f in each.standing(ended)]

    def plans(self, kept: Plans) -> list[dict[str, Any]]:
        """One's own plans, places and tracks."""
        version = kept.version
        if version != self._plans[0]:
            tracks = followed((t for t in kept.tracks() if t.fixes), self.language)
            self._plans = version, [*own(kept, self.language), *tracks]
        return self._plans[1]


def _charted(views: Views, one: Listed) -> _Charted:
    made = _Charted(one.changed)
    view = views.message(one.entry, one.arrival)
    if view.erased:
        return made
    values = view.filled.values if view.filled is not None else {}
    series, number = str(values.get("series", "")), str(values.get("number", ""))
    called = {str(values[n]) for n in _IDS if n in values}
    made.author = view.author
    made.names = {view.id, f"{series} {number}".strip(), number, *called} - {""}
    made.over = values.get("stage") in _OVER
    said = views.said(views.stored(one.entry))
    if said is not None and isinstance(said.content, Message):
        made.ends |= {(view.author, views.name_of(r.entry)) for r in said.content.refs if r.relation in _ENDS}
    made.ends |= {(view.author, number) for number in values.get("cancels", ())}
    if made.over:
        made.ends |= {(view.author, name) for name in called}
    for label, volume in _stated(view):
        with contextlib.suppress(DecodeError):
            made.features.append(
                feature(
                    f"{view.id}/{label}",
                    _LAYERS.get(view.form, "announced"),
                    _name(view),
                    volume,
                    views.language,
                    message=view.id,
                    author=view.author,
                    mine=view.mine,
                    sent=view.time,
                    form=view.title,
                    ended=made.over,
                    waits=view.open,
                )
            )
    return made


def own(plans: Iterable[Plan], language: str) -> Iterator[dict[str, Any]]:
    """One's own plans and places."""
    for plan in plans:
        layer = "place" if plan.protected else "plan"
        more = {"plan": plan.id, "kind": plan.kind, "role": plan.role, "protected": plan.protected}
        yield feature(f"plan:{plan.id}", layer, plan.name, plan.volume, language, **more)


def followed(tracks: Iterable[Track], language: str) -> Iterator[dict[str, Any]]:
    """Tracks of interest: each fix until the next one came, so that moving in time shows where it was (B5)."""
    for track in tracks:
        for n, fix in enumerate(track.fixes):
            until = track.fixes[n + 1].at if n + 1 < len(track.fixes) else track.until
            volume = Volume(
                (Circle(fix.where, max(1, fix.radius_m)),), Band(), (Window(fix.at, max(until, fix.at + 1)),)
            )
            more = {"plan": f"{TRACK_KIND}:{track.id}", "kind": TRACK_KIND, "role": track.role}
            yield feature(f"{TRACK_KIND}:{track.id}:{n}", "track", track.name, volume, language, **more)


def clashes(found: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Where plans and announcements clash, from what the operation ``check`` found."""
    for n, conflict in enumerate(found["conflicts"]):
        if conflict.get("over"):
            continue
        at = parse_position(conflict["where"])
        yield {
            "id": f"conflict:{n}",
            "layer": "conflict",
            "name": f"{conflict['plan_name']} / {conflict['author']} {conflict['number'] or conflict['subject']}",
            "geometry": {"type": "Point", "coordinates": [at.lon / MICRODEGREES, at.lat / MICRODEGREES]},
            "middle": [at.lon / MICRODEGREES, at.lat / MICRODEGREES],
            "where": conflict["where"],
            "windows": conflict["windows"] or [],
            "heights": conflict["heights"],
            "lower_m": None,
            "upper_m": None,
            "degree": conflict["degree"],
            "metres": conflict["metres"],
            "plan": conflict["plan"],
            "message": conflict["notice"].rpartition("/")[0],
        }


async def positions(runtime: Runtime, params: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
    """A position in any notation: where it is, in several notations, and from the nearest named places (R58, B4).

    ``in`` is the reader's language.
    """
    return await asyncio.to_thread(_position, str(params["text"]), str(params.get("in") or "") or own_language(runtime))


def _position(text: str, language: str) -> dict[str, Any]:
    at = parse_position(text)
    return {
        "lat": at.lat / MICRODEGREES,
        "lon": at.lon / MICRODEGREES,
        "minutes": format_position(at),
        "decimal": write_position(at),
        "near": [from_place(town, at, language) for town in nearest_towns(at)],
    }


async def chart(runtime: Runtime, params: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
    """All that a map shows of this line but conflicts, which ``clashes`` makes of what ``check`` found.

    ``in`` is the reader's language.
    """
    kept, language = guard_of(runtime).kept, str(params.get("in") or "") or own_language(runtime)
    drawn = runtime.charts.setdefault(language, Chart(language))
    return await inbox_of(runtime).ask(lambda box: [*drawn.messages(box), *drawn.plans(kept)])


MAPPING_OPERATIONS: Final[dict[str, Callable[[Runtime, dict[str, Any]], Awaitable[Any]]]] = {
    "chart": chart,
    "position": positions,
}
