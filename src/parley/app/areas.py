"""Announced areas for other people's maps and offices, from messages or from notices as they were read (R66)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from parley.app.views import MessageView
from parley.errors import DecodeError, UsageError
from parley.notices.broadcast import to_navarea, to_notam
from parley.notices.cap import to_cap
from parley.notices.draft import NoticeDraft
from parley.notices.exports import to_cot, to_geojson, to_kml
from parley.notices.forms import draft_of
from parley.notices.notice import read_notice
from parley.procedure.outgoing import watermark

FORMATS: Final = "geojson, kml, cot, cap, navarea, notam"


def draft_of_message(view: MessageView) -> NoticeDraft | None:
    """The notice that a message states, from its form or from its text; None when it states none."""
    if view.filled is not None:
        return draft_of(view.filled, view.time)
    try:
        return read_notice(view.text, datetime.fromtimestamp(view.time, UTC).date())
    except DecodeError:
        return None


def _marked(draft: NoticeDraft) -> NoticeDraft:
    """As others' maps and readers are to see it: in every name and every text."""
    mark = watermark("exercise")
    parts = tuple(
        replace(part, label=f"{mark} {part.label}".strip(), subject=f"{mark} {part.subject}".strip())
        for part in draft.parts
    )
    return replace(draft, subject=f"{mark} {draft.subject}".strip(), parts=parts)


def write_areas(drafts: Sequence[NoticeDraft], form: str, sender: str = "parley", *, exercise: bool = False) -> str:
    """The areas in one of ``FORMATS``; ``exercise``: they are those of a line for exercises (R54).

    Raises UsageError: ``format-unknown``, ``areas-missing``.
    """
    now = int(datetime.now(UTC).timestamp())
    if not any(draft.parts for draft in drafts):
        raise UsageError("there are no areas to write.", code="areas-missing")
    if exercise and form.lower() != "cap":  # whose status says so
        drafts = [_marked(draft) for draft in drafts]
    match form.lower():
        case "geojson":
            return to_geojson(drafts) + "\n"
        case "kml":
            return to_kml(drafts) + "\n"
        case "cot":
            return to_cot(drafts, now) + "\n"
        case "cap":
            return to_cap(drafts, sender, now, exercise=exercise)
        case "navarea":
            return to_navarea(drafts)
        case "notam":
            return to_notam(drafts)
    raise UsageError(f"{form!r} is no format that is written here; there are {FORMATS}.", code="format-unknown")
