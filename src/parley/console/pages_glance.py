"""The first page, the settings of a browser, and the alarm's button."""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.responses import Response

from parley.console import words
from parley.console.glance import CONDITION, channel_words
from parley.console.web import THEMES, Visit, page
from parley.errors import UsageError

_MOST: Final = 120
"""Characters of an alarm's key that go into the log."""


@page("/")
async def glance(visit: Visit) -> Response:
    """All lines."""
    silent = [channel_words(visit, name) for name in sorted(visit.console.channels)]
    return await visit.render("glance.html", title=visit.say("All lines"), silent=silent)


@page("/settings", everybody=True)
async def settings(visit: Visit) -> Response:
    """Language and theme."""
    return await visit.render("settings.html", title=visit.say("Settings"), themes=THEMES)


@page("/settings", name="set_settings", methods=("POST",), everybody=True)
async def set_settings(visit: Visit) -> Response:
    """Keep the theme with this browser, and the language with the officer, too: they find it at every workstation."""
    language, theme = await visit.field("language"), await visit.field("theme")
    if language not in words.LANGUAGES or theme not in THEMES:
        raise UsageError(f"{language!r} or {theme!r} is not known here.", code="setting-unknown")
    if visit.who is not None:
        await asyncio.to_thread(visit.console.sign_in.officers.speak, visit.who.key, language)
    response = visit.go("settings")
    visit.remember(response, "language", language)
    visit.remember(response, "theme", theme)
    return response


@page("/hush", methods=("POST",))
async def hush(visit: Visit) -> Response:
    """An officer heard an alarm: it is quiet, and who heard it is in the log of the watch."""
    line, key = await visit.field("line"), await visit.field("key")
    runtime = visit.console.line(line)
    if not key.startswith(CONDITION):
        try:
            await visit.ask("watch-hush", line=line, id=key, officer=visit.officer)
        except UsageError as error:
            if error.code != "alarm-unknown":
                raise
        else:
            return _heard(visit, line, key)
    values = {"alarm": key.removeprefix(CONDITION)[:_MOST]}
    await visit.ask("watch-note", line=runtime.line_home.name, officer=visit.officer, code="heard", values=values)
    return _heard(visit, line, key)


def _heard(visit: Visit, line: str, key: str) -> Response:
    visit.console.heard.add((line, key))
    visit.console.hub.tell("change", line=line, what="hushed", code="")
    return visit.to(visit.request.headers.get("x-parley-from", "/"))


@page("/arm", methods=("POST",))
async def arm(visit: Visit) -> Response:
    """This browser's alarm was heard by its officer, or is no longer to be counted on."""
    visit.session.armed = await visit.field("armed") == "yes"
    return Response(status_code=204)
