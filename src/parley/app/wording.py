"""What a message says where the watch lists it: a text in its own language, a form in whichever is asked for (R42)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from parley.forms.filled import Filled, write_values
from parley.forms.render import Rendered, as_text, render
from parley.wire.statement import Message

if TYPE_CHECKING:
    from parley.app.runtime import Runtime

_HEADLINE: Final = 160
"""Characters of a headline."""


def whole(runtime: Runtime, message: Message, filled: Filled | None, language: str) -> str:
    """All that a message says; where it is a form that can be read, ``filled``, in ``language``."""
    return as_text(_rendered(runtime, filled, language), "") if filled is not None else _written(message)


def headline(runtime: Runtime, message: Message, filled: Filled | None, language: str) -> str:
    """A message on one line: its subject, the first sentence of a form, or its text; what is cut says so."""
    said = message.subject or _written(message)
    if filled is not None and not message.subject:
        rendered = _rendered(runtime, filled, language)
        said = " ".join((rendered.title, *rendered.sentences[:1]))
    return one_line(said)


def one_line(text: str) -> str:
    """A text on one line, cut where it is long; what is cut says so."""
    line = " · ".join(part.strip() for part in text.splitlines() if part.strip())
    # Never within a word: half a coordinate would be another place.
    return line if len(line) <= _HEADLINE else f"{line[:_HEADLINE].rpartition(' ')[0] or line[:_HEADLINE]} …"


def in_each(
    runtime: Runtime,
    message: Message,
    filled: Filled | None,
    say: Callable[[Runtime, Message, Filled | None, str], str],
) -> dict[str, Any]:
    """What ``say`` makes of a message: ``text``, and ``texts`` of a form by language.

    ``text`` is in the line's first language; a text, which has its own alone, has no ``texts``.
    """
    forms, first = runtime.forms, runtime.node.line.membership.current.charter.languages[0]
    languages = forms.languages if forms.get(message.form) is not None else ()
    texts = {language: say(runtime, message, filled, language) for language in languages}
    return {"text": texts[first] if first in texts else say(runtime, message, filled, first), "texts": texts}


def values(filled: Filled | None) -> dict[str, Any]:
    """What a form says, as it is written; nothing for free text."""
    return write_values(filled.form.fields, filled.values) if filled is not None else {}


def _rendered(runtime: Runtime, filled: Filled, language: str) -> Rendered:
    return render(filled, runtime.forms.words(language), runtime.node.wall_s())


def _written(message: Message) -> str:
    return message.body if isinstance(message.body, str) else message.form
