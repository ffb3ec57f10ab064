"""What a text is: a notice, or a report of what was said in public. Each is read by its own rules."""

from __future__ import annotations

from datetime import date
from typing import Final

from parley.errors import DecodeError, UsageError
from parley.notices.draft import NoticeDraft
from parley.notices.notice import read_notice
from parley.notices.statement.draft import StatementDraft
from parley.notices.statement.read import read_statement
from parley.notices.statement.text import tell_language

KINDS: Final = ("auto", "notice", "press")


def read_any(
    text: str, today: date, kind: str = "auto", *, language: str = "", written: date | None = None
) -> NoticeDraft | StatementDraft:
    """A draft of what ``text`` is, by ``kind`` or else by how it begins and the language that its words are in.

    ``today`` completes the years of a notice; ``language`` and ``written`` (the day of writing) are of a press text.
    Raises UsageError: ``import-kind``, ``statement-language``; DecodeError: ``notice-too-large``,
    ``notice-malformed``.
    """
    if kind not in KINDS:
        raise UsageError(f"{kind!r} is no kind of text; there are {', '.join(KINDS)}.", code="import-kind")
    if kind == "press":
        return read_statement(text, language or None, written)
    try:
        return read_notice(text, today)
    except DecodeError as error:
        # Notices are in capitals; a press text is not, and its language is known by its words.
        prose = text != text.upper() and (language or tell_language(text))
        if kind == "notice" or error.code != "notice-malformed" or not prose:
            raise
    return read_statement(text, language or None, written)
