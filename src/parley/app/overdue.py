"""What is late by the clock alone: a movement under way that is silent, a protected place to be confirmed (R63, R70).

Nothing that comes or changes brings these about, so the guard asks when the next falls due. Each is raised once: a
movement once for each silence, places together.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from parley.app.announced import Notice
from parley.app.clashes import Raise
from parley.app.register import volumes_of
from parley.app.sentences import say
from parley.procedure.watch import Said
from parley.wire.geometry import Window

if TYPE_CHECKING:
    from parley.app.guard import Guard
    from parley.app.views import Views

_DAY_S: Final = 86_400
_SPACE: Final = "raised"
_NAMED: Final = 8
_NEVER: Final = 1 << 62


@dataclass(frozen=True, slots=True)
class Silence:
    """Of a movement: when it counts as silent unless it reports, and since when it was to report; POSIX seconds."""

    due: int
    since: int
    until: int

    def now(self, now: int) -> bool:
        """Whether it is silent at ``now``."""
        return self.due < now < self.until


def silence(windows: list[Window], last_report: int, report_s: int, now: int) -> Silence | None:
    """Of a movement with these times that last reported then; None when it is over, or has no times."""
    current = [w for w in windows if w.end > now]
    if not current:
        return None
    here = min(current, key=lambda w: w.start)
    since = max(here.start, last_report)
    return Silence(since + report_s, since, here.end)


def confirm_by(notice: Notice, confirm_days: int) -> int:
    """When a protected place is to be confirmed again at the latest: before its validity is over (R70)."""
    due = notice.confirmed + confirm_days * _DAY_S
    return min(due, notice.valid.end) if notice.valid is not None else due


class Overdue:
    """Of one guard; asked under its lock."""

    def __init__(self) -> None:
        self.next = 0
        """When something falls due next; POSIX seconds."""
        self._windows: dict[str, list[Window]] = {}

    def look(
        self, guard: Guard, views: Views, rows: dict[str, dict[str, dict[str, Any] | None]]
    ) -> Iterator[tuple[Raise, dict[str, Any]]]:
        """The alarms that fell due, each with what is told of it.

        ``rows`` takes what is to be kept of them, by space, once they are entered.
        """
        now = guard.desk.now
        raised = {key for key, _ in guard.kept.rows(_SPACE)}
        due_next = _NEVER
        standing: set[str] = set()
        new: dict[str, dict[str, Any] | None] = {}
        late: list[Notice] = []
        movements = list(guard.register.of_sort("movement"))
        for notice in movements:
            found = self.silence(guard, views, notice)
            if found is None:
                continue
            key = f"silent/{notice.id}/{found.since}"
            standing.add(key)
            if found.now(now) and key not in raised:
                new[key] = {"at": now}
                minutes = (now - found.since) // 60
                yield _alarm(notice, "silent", Said("silent", {"ref": notice.ref, "minutes": minutes}))
            elif found.due >= now:
                due_next = min(due_next, found.due + 1)
        in_force = {notice.id for notice in movements}
        self._windows = {id_: windows for id_, windows in self._windows.items() if id_ in in_force}
        for notice in guard.register.of_sort("site"):
            if notice.mine:
                due = confirm_by(notice, guard.settings.confirm_days)
                key = f"confirm/{notice.id}"
                standing.add(key)
                if due > now:
                    due_next = min(due_next, due)
                elif key not in raised:
                    new[key] = {"at": now}
                    late.append(notice)
        if late:
            refs = tuple(n.ref for n in late[:_NAMED])
            more = len(late) - len(refs)
            said = Said("confirm-due-more" if more else "confirm-due", {"refs": refs, "more": more})
            yield _alarm(late[0], "confirm-due", said)
        rows[_SPACE] = new | dict.fromkeys(raised - standing)
        self.next = due_next

    def silence(self, guard: Guard, views: Views, notice: Notice) -> Silence | None:
        """Of a movement in force; None when it is over."""
        if notice.id not in self._windows:
            volumes = volumes_of(views, notice, guard.grace_s)
            self._windows[notice.id] = [w for v in volumes.values() for w in v.windows()]
        reports = guard.register.reports.get((notice.author, notice.ref))
        last = reports[-1].at if reports else 0
        return silence(self._windows[notice.id], last, guard.settings.report_s, guard.desk.now)


def _alarm(notice: Notice, code: str, said: Said) -> tuple[Raise, dict[str, Any]]:
    event = {"event": "watch", "code": code, "message": notice.id, "stage": say(said, "en"), "role": "watch"}
    return Raise(notice.entry, code, "watch", said), event
