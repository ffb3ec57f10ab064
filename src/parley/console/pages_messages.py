"""The inbox, and one message with all that is known of it."""

from __future__ import annotations

from starlette.responses import Response

from parley.console.web import Visit, page


@page("/lines/{line}/inbox", menu="Inbox", key="i", order=10)
async def inbox(visit: Visit) -> Response:
    """What waits to be acknowledged, and the newest messages."""
    waiting = await visit.ask("inbox", **{"in": visit.language})
    newest = await visit.ask("inbox", all=True, limit=50, **{"in": visit.language})
    return await visit.render("inbox.html", title=visit.say("Inbox"), waiting=waiting, newest=newest[::-1])


@page("/lines/{line}/messages/{id}")
async def message(visit: Visit) -> Response:
    """One message; opening it does not mark it as read."""
    name = visit.request.path_params["id"]
    shown = await visit.ask("show", id=name, **{"in": visit.language})
    return await visit.render("message.html", title=name, message=shown)
