"""Conflicts as they are kept, shown and raised: plain data about a plan and what somebody else announced."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from parley.app.announced import Notice
from parley.app.plans import Plan
from parley.app.register import height_words
from parley.app.sentences import height_band, say
from parley.conflict.areas import HALF_ROUND_M, places, prepare
from parley.conflict.check import Conflict, Degree
from parley.geo.coordinates import format_position
from parley.ids import EntryId
from parley.procedure.watch import Said
from parley.wire.geometry import Point, Position, Volume, Window

_WINDOWS_SHOWN: Final = 5
_DEGREES: Final = {Degree.NEAR: "near", Degree.MEETS: "meets", Degree.BLOCKING: "blocking"}
_OVERDUE: Final = "validity-over"
"""The doubt about a protected place that was not confirmed in time: it is held against plans all the same."""
Pair = tuple[str, str]
"""A plan's id and the name of an announced area."""


@dataclass(frozen=True, slots=True)
class Raise:
    """An alarm to be entered in the watch's log."""

    message: EntryId
    code: str
    role: str
    detail: Said | str


@dataclass(slots=True)
class Alert:
    """A conflict that is kept. ``data`` is what ``conflict_data`` says of it. Times are POSIX seconds."""

    pair: Pair
    data: dict[str, Any]
    degree: Degree
    first_seen: int
    raised: bool = False
    override: dict[str, Any] | None = None
    """``officer``, ``reason``, ``time`` and ``plan``: the digest of the plan that it holds for."""

    def row(self) -> dict[str, Any]:
        """As it is kept."""
        return {
            "data": self.data,
            "degree": int(self.degree),
            "first_seen": self.first_seen,
            "raised": self.raised,
            "override": self.override,
        }


def conflict_data(plan: Plan, notice: Notice, name: str, conflict: Conflict, author: str) -> dict[str, Any]:
    """What is kept and shown of a conflict of a plan with the area ``name`` of a notice by ``author``."""
    windows = conflict.windows
    doubts = list(conflict.doubts)
    if notice.valid is not None and (windows is None or any(end > notice.valid.end for _, end in pairs(windows))):
        doubts.append(_OVERDUE)
    at = conflict.places[0].at
    return {
        "plan": plan.id,
        "plan_name": plan.name,
        "role": plan.role,
        "notice": name,
        "message": notice.id,
        "author": author,
        "number": notice.number,
        "subject": notice.subject,
        "sort": notice.sort,
        "ref": notice.ref,
        "degree": _DEGREES[conflict.degree],
        "where": format_position(at),
        "lat": at.lat / 1e6,
        "lon": at.lon / 1e6,
        "metres": round(conflict.metres),
        "vertical_m": round(conflict.vertical_m),
        "seconds": conflict.seconds,
        "levels": levels(conflict),
        "windows": None if windows is None else [[w.start, w.end] for w in windows[:_WINDOWS_SHOWN]],
        "windows_count": len(windows) if windows is not None else 0,
        "ends": ends(plan, conflict),
        "doubts": doubts,
        "stated": notice.sent,
        "convoy": list(notice.convoy),
        "headquarters": list(notice.headquarters),
    }


def key(pair: Pair) -> str:
    """What a conflict is kept under."""
    return f"{pair[0]}\0{pair[1]}"


def distance_to(at: Position, volumes: Iterable[Volume]) -> int:
    """Metres from a place to the nearest of some areas; 0 within one, or when there are none."""
    here = prepare([Point(at)])
    found = [place.metres for v in volumes for place in places(here, prepare(v.shapes), HALF_ROUND_M)[:1]]
    return round(min(found, default=0.0))


def over(alert: Alert, now: int) -> bool:
    """Whether all of it lies in the past."""
    ends = alert.data["ends"]
    return bool(ends) and now >= ends


def pairs(windows: Iterable[Window]) -> list[tuple[int, int]]:
    """Starts and ends."""
    return [(w.start, w.end) for w in windows]


def ends(plan: Plan, conflict: Conflict) -> int:
    """When both are over, 0 for never; of two that miss in time, when the plan is."""
    windows = conflict.windows
    if windows:
        return max(w.end for w in windows) + conflict.buffer.seconds
    if windows is None:
        return 0
    return max((w.end for w in plan.volume.windows()), default=0)


def levels(conflict: Conflict) -> list[str] | None:
    """The heights at which both are, lower and upper, empty for an open side; None when they are apart."""
    if conflict.heights is None:
        return None
    return [height_words(conflict.heights.lower), height_words(conflict.heights.upper)]


def heights(data: Mapping[str, Any], language: str) -> str:
    """The heights of a conflict that is kept, in words. Rows of before have ``heights`` in English instead."""
    kept = data["levels"] if "levels" in data else _levels_of(data["heights"])
    return say(Said("apart"), language) if kept is None else height_band(kept[0], kept[1], language)


def _levels_of(text: str) -> list[str] | None:
    lower, between, upper = text.partition(" to ")
    return [lower.replace("surface", ""), upper.replace("unlimited", "")] if between else None
