"""Writing a message: free text or any form of the charter, with the map, checked by the node while one writes."""

from __future__ import annotations

import json
from typing import Any, Final

from starlette.responses import JSONResponse, Response

from parley import limits
from parley.console.faults import code_words
from parley.console.hub import whole
from parley.console.pages_map import safe, said
from parley.console.web import Visit, page
from parley.errors import ParleyError, UsageError

PRECEDENCES: Final = ("ROUTINE", "PRIORITY", "IMMEDIATE", "FLASH")
RELATIONS: Final = ("reply", "corrects", "cancels", "supersedes", "continues", "queries")
_FIELDS: Final = ("form", "text", "subject", "language", "precedence", "about", "relation", "seen", "number")
_WORDS: Final = (
    "Map", "yes", "no", "not stated", "Add", "Remove", "UTC", "from", "to",
    "Kind of area", "polygon", "circle", "corridor", "point", "Positions, one a line", "Centre", "Radius", "Width",
    "Lower limit", "Upper limit", "Times", "once", "daily", "Draw on the map",
    "Take from the map", "Remove the last",
    "wanted", "Still wanted: %(list)s", "Nothing is missing.",
    "Notice: %(lead)s before it begins; agreed are %(agreed)s.", "It begins before this can be read.",
    "%(n)s h", "%(n)s d", "%(n)s min", "SHORT NOTICE", "A second officer must release this.",
    "No conflict found. This is no clearance.", "Conflict", "near", "meets", "blocking",
    "Click the corners. Enter adds the middle of the map.", "Click the centre, then a point on the edge.",
    "Click the place.", "This area has several shapes; write it as text.",
    "A message arrived while you were writing. Read it before you send.", "Open the inbox",
    "The node does not answer; nothing was checked.", "Own plan",
    "Handling, agreement, remarks",
    "Edges", "great-circle", "rhumb", "parallel",
    "This lies at sea.", "This is %(far)s km from all that is known here.", "That is %(km)s km from %(place)s.",
    "Was it %(meant)s, with latitude and longitude exchanged?",
    "Was it %(meant)s, with a minus or a letter of N, S, E, W wrong or missing?",
    "Was it %(meant)s, and degrees and minutes were read as decimal degrees?",
    "%(at)s m is higher than aircraft fly: was it %(at)s ft?",
    "This is where the equator meets the meridian of Greenwich: was a position left out?",
    "This area reaches %(km)s km from its middle.", "All of this lies in the past.", "This is more than a year ahead.",
)  # fmt: skip


@page("/lines/{line}/compose", name="compose", menu="Compose", key="c", order=20)
async def compose(visit: Visit) -> Response:
    """Write a message, or go on with a draft: what it says and what it is about are filled in already (B8)."""
    number = visit.request.query_params.get("draft", "")
    return await _show(visit, await _of_draft(visit, number) if number else {})


async def _of_draft(visit: Visit, number: str) -> dict[str, Any]:
    watch = await visit.ask("watch")
    found = next((d for d in watch["drafts"] if str(d["number"]) == number), None)
    if found is None:
        raise UsageError(f"there is no draft {number}.", code="draft-unknown", next_step="See the page of drafts.")
    first = found["refs"][0] if found["refs"] else {"id": "", "relation": ""}
    kept = {name: found[name] for name in ("form", "values", "subject", "language", "precedence", "number")}
    # Whoever changes a draft has not read what came since it was begun: it holds the changed one as well (B11).
    kept["seen"] = str(found["seen"])
    text = "" if found["form"] else found["text"]
    everyone = {} if not found["to"] else {"to": found["to"]}
    return {**kept, **everyone, "text": text, "about": first["id"], "relation": first["relation"]}


async def _show(visit: Visit, given: dict[str, Any], error: ParleyError | None = None) -> Response:
    query = visit.request.query_params
    form = str(given.get("form") or query.get("form") or "")
    about = str(given.get("about") or query.get("about") or "")
    relation = str(given.get("relation") or query.get("relation") or "reply")
    if (which := whole(query.get("follow", ""))) is not None and about and form and not given:
        # What comes next after a message, filled in from it; only the values are taken from the address's offer.
        (offer,) = await visit.ask("follow", id=about, form=form, which=which, **{"in": visit.language})
        given = {"values": offer["values"]}
    asked = await visit.ask("compose", form=form, **{"in": visit.language})
    watch = await visit.ask("watch")
    original = await visit.ask("show", id=about, **{"in": visit.language}) if about else None
    if relation not in RELATIONS:
        raise UsageError(f"{relation!r} is no relation.", code="relation-unknown")
    return await visit.render(
        "compose.html",
        400 if error is not None else 200,
        title=visit.say("Compose"),
        asked=asked,
        form=asked["form"],
        given={**dict.fromkeys(_FIELDS, ""), "to": [m["code"] for m in asked["members"]], **given},
        filled=given.get("values") or {},
        error=error,
        original=original,
        about=about,
        relation=relation,
        precedences=PRECEDENCES,
        seen=str(given.get("seen") or watch.get("place", "")),
        most=limits.MAX_TEXT,
        said=said(visit, _WORDS),
        addresses={
            "check": visit.address("compose_check", line=visit.line_name),
            "map": visit.address("map_data", line=visit.line_name),
            "inbox": visit.address("inbox", line=visit.line_name),
        },
    )


@page("/lines/{line}/compose", name="compose_save", methods=("POST",))
async def save(visit: Visit) -> Response:
    """Keep what was written as a draft, and send it at once where the button says so and it may be sent."""
    fields = await visit.fields()
    given: dict[str, Any] = {name: await visit.field(name) for name in _FIELDS}
    given["to"] = [str(code) for code in fields.getlist("to")]
    params = {k: v for k, v in given.items() if v and k != "relation"}
    if given["about"]:
        params["relation"] = given["relation"]
    try:
        if given["form"]:
            given["values"] = params["values"] = _values(await visit.field("values", "{}"))
            params.pop("text", None)
        elif not given["text"].strip():
            raise UsageError("there is no text to send.", code="text-empty", next_step="Write it, or choose a form.")
        draft = await visit.ask("watch-draft", officer=visit.officer, **params)
    except ParleyError as error:
        return await _show(visit, given, error)
    number = str(draft["number"])
    if await visit.field("how") != "send":
        return visit.go("draft", line=visit.line_name, number=number)
    try:
        sent = await visit.ask("watch-release", number=draft["number"], officer=visit.officer)
    except ParleyError:
        # It may not leave yet: the draft's page says why, and what to do.
        return visit.go("draft", line=visit.line_name, number=number)
    return visit.go("message", line=visit.line_name, id=sent["id"])


@page("/lines/{line}/compose/check", name="compose_check", methods=("POST",))
async def check(visit: Visit) -> Response:
    """What the node thinks of the values so far."""
    asked = _values((await visit.request.body()).decode("utf-8", "replace"))
    found = await visit.ask(
        "compose-check", form=str(asked.get("form")), values=asked.get("values"), **{"in": visit.language}
    )
    for path, code in found.pop("codes").items():
        found["errors"][path] = f"{code_words(visit, code)} {found['errors'][path]}".strip()
    for part in ("things", "conflicts", "doubts"):
        found[part] = [safe(each) for each in found[part]]
    return JSONResponse(found)


def _values(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise UsageError("the values are no JSON object.", code="request-malformed")
    return found
