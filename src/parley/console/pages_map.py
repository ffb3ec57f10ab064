"""The map, and what other pages ask about places."""

from __future__ import annotations

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
    """What the map shows, as data; what peers wrote is made safe to see."""
    found = [*await visit.ask("chart", **{"in": visit.language}), *clashes(await visit.ask("check"))]
    return JSONResponse({"now": visit.console.now(), "things": [safe(thing) for thing in found]})


def safe(thing: dict[str, Any]) -> dict[str, Any]:
    """A thing with every text of it on one line, misleading characters marked (R4)."""
    return {
        k: safe_line(v) if isinstance(v, str) and k not in ("id", "message", "plan") else v for k, v in thing.items()
    }


@page("/lines/{line}/position", name="position")
async def position(visit: Visit) -> Response:
    """Where a position in any notation is, and from which places how far."""
    return JSONResponse(await visit.ask("position", text=visit.request.query_params.get("text", "")))
