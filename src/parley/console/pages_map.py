"""The map, and what other pages ask about places."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

from starlette.responses import JSONResponse, Response

from parley.app.mapping import clashes
from parley.console.web import Visit, page
from parley.forms.display import safe_line

LEGEND: Final = (
    ("announced", "announced", "Announced areas"),
    ("site", "site", "Protected places"),
    ("movement", "movement report", "Movements and reports"),
    ("plan", "plan place track", "Own plans and tracks"),
    ("conflict", "conflict alert", "Conflicts and alerts"),
)
_WORDS: Final = (
    "Map", "now", "coming", "over", "always", "What", "From", "Middle", "Heights", "Times", "Degree", "Apart", "For",
    "not limited", "announced", "site", "movement", "report", "alert", "plan", "place", "track", "conflict", "near",
    "meets", "blocking", "Open the message", "Open the plans", "Choose something on the map or in the list.",
    "%(count)s shown", "%(count)s more; search to see them", "The end lies before the beginning.",
    "A time is written 2026-03-01 08:00, in UTC.",
)  # fmt: skip


_GONE: Final = 1000
"""Things that went whose ids are kept; who knew more than these loads all."""


def said(visit: Visit, texts: tuple[str, ...]) -> dict[str, str]:
    """Words for a script, in the officer's language."""
    return {text: visit.say(text) for text in texts}


@page("/lines/{line}/map", name="map", menu="Map", key="m", order=44)
async def show_map(visit: Visit) -> Response:
    """The map of a line."""
    return await visit.render(
        "map.html",
        title=visit.say("Map"),
        source=visit.address("map_data", line=visit.line_name),
        messages=visit.address("message", line=visit.line_name, id="-").removesuffix("-"),
        plans=visit.address("plans", line=visit.line_name),
        legend=LEGEND,
        said=said(visit, _WORDS),
    )


@page("/lines/{line}/map.json", name="map_data")
async def map_data(visit: Visit) -> Response:
    """What the map shows, as data: all of it, or what changed after ``since``; peers' texts are made safe to see."""
    found = [
        *await visit.ask("chart", **{"in": visit.language}),
        *clashes(await visit.ask("check", **{"in": visit.language})),
    ]
    sheet = visit.console.sheets.setdefault((visit.line_name, visit.language), Sheet())
    sheet.take(found)
    since = visit.console.hub.number(visit.request.query_params.get("since", ""))
    known = -1 if since is None else since
    if known == sheet.version:
        return Response(status_code=204)
    head = {"now": visit.console.now(), "version": f"{visit.console.hub.run}-{sheet.version}"}
    whole, things, gone = sheet.since(known)
    text = json.dumps({**head, "whole": whole, "gone": gone})[:-1]
    return Response(f'{text}, "things": [{",".join(things)}]}}', media_type="application/json")


class Sheet:
    """What a map last showed of a line in one language: each thing as text, with the version in which it changed."""

    def __init__(self) -> None:
        self.version = 0
        self._things: dict[str, tuple[int, dict[str, Any], str]] = {}
        self._gone: dict[str, int] = {}
        self._first = 0

    def take(self, found: Iterable[dict[str, Any]]) -> None:
        """What is there now."""
        now: dict[str, tuple[int, dict[str, Any], str]] = {}
        version = self.version + 1
        for thing in found:
            known = self._things.get(thing["id"])
            if known is None or known[1] is not thing:
                text = json.dumps(safe(thing), ensure_ascii=False, separators=(",", ":"))
                known = (version if known is None or known[2] != text else known[0]), thing, text
            now[thing["id"]] = known
        gone = set(self._things) - set(now)
        if gone or any(changed == version for changed, _, _ in now.values()):
            self.version = version
            for name in gone:
                # At the end, where it is the newest: the oldest are forgotten first.
                self._gone.pop(name, None)
                self._gone[name] = version
            while len(self._gone) > _GONE:
                self._first = self._gone.pop(next(iter(self._gone)))
        self._things = now

    def since(self, known: int) -> tuple[bool, list[str], list[str]]:
        """Whether it is all that there is; the things that changed after the version, and the ids of what went."""
        if known < self._first or known > self.version:
            return True, [text for _, _, text in self._things.values()], []
        things = [text for changed, _, text in self._things.values() if changed > known]
        return False, things, [name for name, version in self._gone.items() if version > known]


def safe(thing: dict[str, Any]) -> dict[str, Any]:
    """A thing with every text of it on one line, misleading characters marked (R4)."""
    return {
        k: safe_line(v) if isinstance(v, str) and k not in ("id", "message", "plan") else v for k, v in thing.items()
    }


@page("/lines/{line}/position", name="position")
async def position(visit: Visit) -> Response:
    """Where a position in any notation is, and from which places how far."""
    text = visit.request.query_params.get("text", "")
    return JSONResponse(await visit.ask("position", text=text, **{"in": visit.language}))
