"""Messages as sheets, and translations beside them, in plain data: operations of a running line."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable
from typing import Any, Final

from parley.app.forms import forms_of
from parley.app.runtime import Runtime
from parley.app.sheets import FORMATS, Sheet, as_html, as_pdf, as_text, sheet_of
from parley.app.translations import Translation, add_translation, translation, translations_of
from parley.app.views import Views
from parley.errors import UsageError
from parley.ids import EntryId

Params = dict[str, Any]


def with_translations(runtime: Runtime, entry: EntryId, message: dict[str, Any]) -> dict[str, Any]:
    """A message's plain data with its translations beside it, never in place of its text (R42)."""
    found = translations_of(runtime.line_home, entry)
    return {**message, "translations": [t.as_json() for t in found]}


async def sheet(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """One message as a sheet: ``as`` is text, html or pdf (in base64), ``in`` the language, ``mark`` a watermark."""
    kind = str(params.get("as") or "text")
    if kind not in FORMATS:
        raise UsageError(f"{kind!r} is no format of a message; there are {', '.join(FORMATS)}.", code="format-unknown")
    made = await asyncio.to_thread(_sheet, runtime, params)
    if kind == "pdf":
        return {"pdf": base64.b64encode(await asyncio.to_thread(as_pdf, made)).decode()}
    return {kind: as_html(made) if kind == "html" else as_text(made)}


def _sheet(runtime: Runtime, params: Params) -> Sheet:
    views = runtime.views(str(params.get("in") or ""))
    try:
        entry = views.find(params["id"])
        view = views.message(entry)
        found = translations_of(runtime.line_home, entry)
        charter = views.membership.current.charter
        words = forms_of(charter, runtime.line_home.forms).words(views.language)
        return sheet_of(view, words, charter.purpose, found, str(params.get("mark") or ""))
    finally:
        views.close()


async def translate(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """Keep a translation beside a message; nothing of it is sent. The message with its translations."""
    made = translation(str(params["language"]), str(params["translator"]), str(params["text"]), runtime.node.wall_s())
    return await asyncio.to_thread(_translate, runtime, str(params["id"]), made)


def _translate(runtime: Runtime, name: str, made: Translation) -> dict[str, Any]:
    views: Views = runtime.views("")
    try:
        entry = views.find(name)
        message = views.message(entry).as_json()
    finally:
        views.close()
    add_translation(runtime.line_home, entry, made)
    return with_translations(runtime, entry, message)


SHEET_OPERATIONS: Final[dict[str, Callable[[Runtime, Params], Awaitable[Any]]]] = {
    "sheet": sheet,
    "translate": translate,
}
