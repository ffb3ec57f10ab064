"""What movements of aid report of themselves, against the route and the times that they announced (R63)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from parley.app.announced import Notice
from parley.app.clashes import Raise, distance_to
from parley.app.register import volumes_of
from parley.app.sentences import say
from parley.geo.coordinates import format_position
from parley.procedure.watch import Said

if TYPE_CHECKING:
    from parley.app.guard import Guard
    from parley.app.views import Views


def strays(guard: Guard, views: Views, reports: Iterable[Notice]) -> Iterator[tuple[Raise, dict[str, Any]]]:
    """Movements that report under fire, or off the route that they announced: each an alarm and an event."""
    for notice in reports:
        against = against_plan(guard, views, notice.author, notice.ref)
        if against is None or not (against["off_m"] or against["state"] in ("attacked", "diverted")):
            continue
        code = "under-fire" if against["state"] == "attacked" else "off-route"
        said = Said("stray", {"ref": notice.ref, "state": against["state"], "off": against["off_m"]})
        event = {"event": "watch", "code": code, "message": notice.id, "role": "watch", "stage": say(said, "en")}
        yield Raise(notice.entry, code, "watch", said), event


def against_plan(guard: Guard, views: Views, author: int, ref: str) -> dict[str, Any] | None:
    """The newest report of a movement against its announced route and times; None when there is none."""
    reports = guard.register.reports.get((author, ref))
    if not reports:
        return None
    last = reports[-1]
    movement = guard.register.movement(author, ref)  # type: ignore[arg-type]
    off_m, early_s, late_s = 0, 0, 0
    if movement is not None:
        volumes = [v for label, v in volumes_of(views, movement, guard.grace_s).items() if label.startswith("route")]
        off_m = distance_to(last.position, volumes)
        windows = [w for v in volumes for w in v.windows()]
        if windows and not any(w.start <= last.at < w.end for w in windows):
            early_s = max(0, min(w.start for w in windows) - last.at)
            late_s = max(0, last.at - max(w.end for w in windows))
    return {
        "time": last.at,
        "where": format_position(last.position),
        "lat": last.position.lat / 1e6,
        "lon": last.position.lon / 1e6,
        "state": last.state,
        "next": last.next,
        "expected": last.expected,
        "off_m": off_m,
        "early_s": early_s,
        "late_s": late_s,
        "announced": movement is not None,
    }
