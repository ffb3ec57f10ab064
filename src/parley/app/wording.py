"""What a message says where the watch lists it: a text in its own language, a form in whichever is asked for (R42)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from parley.app.forms import read_message
from parley.forms.filled import write_values
from parley.forms.render import Rendered, as_text, render
from parley.wire.statement import Message

if TYPE_CHECKING:
    from parley.app.runtime import Runtime

_HEADLINE: Final = 160
"""Characters of a headline."""


def whole(runtime: Runtime, message: Message, language: str = "") -> str:
    """All that a message says; where it is a form, in ``language`` or the line's first."""
    rendered = _rendered(runtime, message, language)
    return as_text(rendered, "") if rendered is not None else _written(message)


def headline(runtime: Runtime, message: Message, language: str = "") -> str:
    """A message on one line: its subject, the first sentence of a form, or its text; what is cut says so."""
    rendered = None if message.subject else _rendered(runtime, message, language)
    said = " ".join((rendered.title, *rendered.sentences[:1])) if rendered is not None else _written(message)
    line = " · ".join(part.strip() for part in (message.subject or said).splitlines() if part.strip())
    # Never within a word: half a coordinate would be another place.
    return line if len(line) <= _HEADLINE else f"{line[:_HEADLINE].rpartition(' ')[0] or line[:_HEADLINE]} …"


def in_each(runtime: Runtime, message: Message, say: Callable[[Runtime, Message, str], str]) -> dict[str, str]:
    """What ``say`` makes of a form in each language of the forms; empty for a text, which has its own alone."""
    if runtime.forms.get(message.form) is None:
        return {}
    return {language: say(runtime, message, language) for language in runtime.forms.languages}


def values(runtime: Runtime, message: Message) -> dict[str, Any]:
    """What a form says, as it is written; nothing for free text."""
    filled = read_message(runtime.forms, message)
    return write_values(filled.form.fields, filled.values) if filled is not None else {}


def _rendered(runtime: Runtime, message: Message, language: str) -> Rendered | None:
    filled = read_message(runtime.forms, message)
    if filled is None:
        return None
    words = runtime.forms.words(language or runtime.node.line.membership.current.charter.languages[0])
    return render(filled, words, runtime.node.wall_s())


def _written(message: Message) -> str:
    return message.body if isinstance(message.body, str) else message.form
