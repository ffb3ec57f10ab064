"""The stream of events, and what scripts ask for."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from itertools import count
from typing import Final

from starlette.responses import JSONResponse, Response, StreamingResponse

from parley.console import words
from parley.console.connections import YIELDS
from parley.console.web import Visit, page

BEAT_S: Final = 2.0
"""Seconds between two signs of life; a page that misses two and a half says that it lost its node."""
_NUMBERS: Final = count()


@page("/events", everybody=True)
async def events(visit: Visit) -> Response:
    """What changes, as it changes; with Last-Event-ID, what was missed first."""
    last = visit.request.headers.get("last-event-id") or visit.request.query_params.get("after", "")
    if not visit.officer:
        visit.request.scope[YIELDS] = True
    return StreamingResponse(_stream(visit, last), media_type="text/event-stream")


async def _stream(visit: Visit, last: str) -> AsyncIterator[str]:
    console, number, session = visit.console, next(_NUMBERS), visit.session
    console.watching[number] = session
    yield "retry: 1000\n\n"
    try:
        async for told in console.hub.follow(last, BEAT_S):
            if told is None:
                now = console.now()
                beat = {"now": now, "offset_s": words.offset_s(now, console.zone), "officer": session.officer}
                yield f"event: beat\ndata: {json.dumps(beat)}\n\n"
            else:
                yield f"id: {console.hub.run}-{told.number}\nevent: {told.sort}\ndata: {json.dumps(told.data)}\n\n"
    finally:
        console.watching.pop(number, None)


@page("/words/{language}.json", name="words", everybody=True)
async def catalogue(visit: Visit) -> Response:
    """The catalogue for scripts."""
    language = visit.request.path_params["language"]
    return JSONResponse(words.catalogue(language if language in words.LANGUAGES else "en"))
