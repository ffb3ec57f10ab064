"""The inbox, what changed in it, and search.

A list is drawn once. What happens afterwards is asked for by version: the answer has the order of the rows, and only
those that changed, so that a line of a message is in the page long before everything would be drawn anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from markupsafe import Markup
from starlette.responses import HTMLResponse, Response

from parley.app.inboxes import Inbox, Listed, inbox_of
from parley.console.glance import stage_words
from parley.console.hub import whole
from parley.console.web import Visit, page
from parley.errors import UsageError

_PAGE: Final = 100
"""Messages of one list on a page."""
_NONE: Final = 204
_KEPT: Final = 4096
"""Rows of a line that are kept as they were made, of all languages."""


@dataclass(frozen=True, slots=True)
class Window:
    """What a page shows of an inbox: what waits from ``first`` on, and the newest that came before ``before``."""

    first: int
    before: int | None

    @classmethod
    def of(cls, visit: Visit) -> Window:
        """As the address asks for. Raises UsageError."""
        given = visit.request.query_params
        first, before = whole(given.get("first", "0")), whole(given.get("before", ""))
        if first is None or (before is None and "before" in given):
            raise UsageError("no such page of the inbox.", code="request-malformed")
        return cls(first, before)

    def address(self, path: str) -> str:
        """Where ``path`` shows it."""
        first = {"first": self.first} if self.first else {}
        before = {} if self.before is None else {"before": self.before}
        return f"{path}?{urlencode({**first, **before})}".rstrip("?")


@dataclass(frozen=True, slots=True)
class Shown:
    """One list: the ids in order, separated by spaces, and the rows."""

    order: str
    rows: Markup


@page("/lines/{line}/inbox", menu="Inbox", key="i", order=10)
async def inbox(visit: Visit) -> Response:
    """What waits to be acknowledged, FLASH first, and the newest messages."""
    window, box = Window.of(visit), inbox_of(visit.line)
    shown = await box.ask(lambda found: _look(visit, found, window, -1))
    changes = window.address(visit.address("inbox_changes", line=visit.line_name))
    return await visit.render("inbox.html", title=visit.say("Inbox"), changes=changes, **shown)


@page("/lines/{line}/inbox/changes", name="inbox_changes")
async def inbox_changes(visit: Visit) -> Response:
    """What changed since the version that a page has; nothing where nothing did."""
    window, box = Window.of(visit), inbox_of(visit.line)
    since = visit.console.hub.number(visit.request.query_params.get("since", ""))
    known = -1 if since is None else since
    shown = await box.ask(lambda found: _look(visit, found, window, known))
    if shown["version"] == known:
        return Response(status_code=_NONE)
    text = visit.console.templates.render("inbox_changes.html", visit.language, visit=visit, **shown)
    return HTMLResponse(text)


def _look(visit: Visit, box: Inbox, window: Window, since: int) -> dict[str, Any]:
    """Both lists, with the rows that changed after the version ``since``."""
    before, here = window.before, visit.address("inbox", line=visit.line_name)
    waiting = box.waiting(window.first, _PAGE)
    newest = box.newest(before, _PAGE)
    oldest = newest[-1].arrival if newest else 0
    return {
        "window": window,
        "size": _PAGE,
        "page": lambda first, before: Window(max(0, first), before).address(here),
        "version": box.version,
        "run": visit.console.hub.run,
        "waiting": _shown(visit, box, waiting, since),
        "newest": _shown(visit, box, newest, since),
        "waits": box.waits,
        "count": box.count,
        "older": oldest if newest and box.newest(oldest, 1) else None,
        "newer": box.newer(newest[0].arrival, _PAGE) if newest and before is not None else None,
    }


def _shown(visit: Visit, box: Inbox, listed: list[Listed], since: int) -> Shown:
    order = " ".join(box.name(one) for one in listed)
    return Shown(order, _rows(visit, box, [one for one in listed if one.changed > since]))


def _rows(visit: Visit, box: Inbox, listed: list[Listed]) -> Markup:
    """The rows, each made once for a language and a state of its message."""
    # Each line's are its own: they are looked up under the line's own lock (Inbox.ask), one look after another.
    kept = visit.console.rows.setdefault(visit.line_name, {})
    made: dict[int, tuple[int, Markup]] = {}
    for one in listed:
        before = kept.get((visit.language, one.arrival))
        if before is not None and before[0] == one.changed:
            made[one.arrival] = before
    missing = [one for one in listed if one.arrival not in made]
    if missing:
        row = visit.console.templates.macro("list.html", "row", visit.language, visit=visit, times=visit.times)
        for one, plain in zip(missing, box.rows(missing, visit.language), strict=True):
            made[one.arrival] = one.changed, row(plain, _me(visit), lambda m: state_words(visit, m))
    for arrival, each in made.items():
        kept.pop((visit.language, arrival), None)
        kept[visit.language, arrival] = each
    while len(kept) > _KEPT:
        del kept[next(iter(kept))]
    return Markup("").join(made[one.arrival][1] for one in listed)


def _me(visit: Visit) -> str:
    line = visit.line.node.line
    return line.membership.member(line.me).code


@page("/lines/{line}/search", menu="Search", key="s", order=80)
async def search(visit: Visit) -> Response:
    """Messages that have all words that were asked for."""
    text = visit.request.query_params.get("q", "")
    found = await visit.ask("search", text=text, **{"in": visit.language}) if text else []
    return await visit.render(
        "search.html",
        title=visit.say("Search"),
        text=text,
        found=found,
        me=_me(visit),
        state=lambda m: state_words(visit, m),
    )


def state_words(visit: Visit, recipient: dict[str, Any]) -> str:
    """The furthest fact about a message at one recipient, in words."""
    words = {"delivered": visit.say("delivered"), "read": visit.say("read"), "refused": visit.say("refused")}
    return words.get(recipient["state"]) or stage_words(visit, recipient["state"])


@page("/lines/{line}/head", name="head")
async def head(visit: Visit) -> Response:
    """What stands above every page: the lines and the alarm, for a page whose list asks for its own changes."""
    return await visit.render("head.html", title="")
