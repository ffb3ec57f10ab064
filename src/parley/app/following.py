"""What follows a message: the forms that its own names, filled in from it, for an officer to complete (B8, R50)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

from parley.app.forms import fill, message_of
from parley.errors import UsageError
from parley.forms.filled import Filled, follow_values
from parley.forms.library import Forms
from parley.forms.pack import Follow, Form
from parley.forms.words import Words
from parley.ids import EntryId
from parley.wire.statement import Message, Precedence

if TYPE_CHECKING:
    from parley.app.runtime import Runtime
    from parley.app.views import Views

Params = dict[str, Any]
_SHOWN: Final = 16
"""Values of a group that are offered one by one."""
_WORDS: Final = 80
"""Characters of a value that tell one offer from another."""


def offers(forms: Forms, filled: Filled, words: Words) -> Iterator[dict[str, Any]]:
    """Every form that can follow ``filled``: ``{form, title, which, about, silence, values}``."""
    for follow in filled.form.follows:
        form = after(forms, filled.form, follow)
        for which in range(1, min(_SHOWN, _times(filled, follow)) + 1):
            values = follow_values(filled.form, filled.values, follow, which)
            about = next((str(values[name])[:_WORDS] for name in follow.copy if name in values), "")
            yield {
                "form": form.id,
                "name": form.name,
                "title": words.within(form.pack).say(form.title),
                "which": which,
                "about": about,
                "silence": follow.silence,
                "values": values,
            }


def after(forms: Forms, form: Form, follow: Follow) -> Form:
    """The form of the same pack that follows. Raises UsageError ``form-unknown``."""
    pack = next(p.name for p in forms.packs if any(f.id == form.id for f in p.forms))
    return forms.named(f"{pack}/{follow.form}")


def _times(filled: Filled, follow: Follow) -> int:
    """How often it can follow: once for each value of the group that it takes fields of."""
    groups = {source.partition(".")[0] for source in follow.copy.values() if "." in source}
    return min((len(filled.values.get(name, ())) for name in groups), default=1)


def on_silence(forms: Forms, filled: Filled, language: str, precedence: Precedence) -> Message | None:
    """The filled form that is the next step when no answer came; None where the form names none (B8)."""
    for follow in filled.form.follows:
        if follow.silence:
            form = after(forms, filled.form, follow)
            given = follow_values(filled.form, filled.values, follow)
            return message_of(forms, fill(forms, form, given), language, precedence)
    return None


async def follow_ups(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """Forms that can follow the message ``id``, filled in from it, titles in the language ``in``.

    Answers a list of ``{form, name, title, which, about, silence, values}``: of a statement one question for each of
    its quotations (``which``), ``about`` saying of what. With ``form`` and ``which`` that one alone. Raises UsageError
    ``follow-unknown``.
    """
    views = runtime.views(str(params.get("in") or ""))
    try:
        entry = views.find(str(params["id"]))
        found = list(_of(runtime, views, entry, str(params.get("in") or "en")))
    finally:
        views.close()
    if params.get("form"):
        which = int(params.get("which") or 1)
        found = [f for f in found if params["form"] in (f["form"], f["name"]) and f["which"] == which]
        if not found:
            raise UsageError(
                f"no {params['form']!r} number {which} follows that message.",
                code="follow-unknown",
                next_step="'parley follow ID' lists what does.",
            )
    return found


def _of(runtime: Runtime, views: Views, entry: EntryId, language: str) -> Iterator[dict[str, Any]]:
    said = views.said(views.stored(entry))
    if said is None or not isinstance(said.content, Message):
        return
    forms = runtime.forms
    # The text is read by the charter that it was written under; what is sent now goes by the one in force.
    filled = views.filled(entry.log, said.content)
    if filled is not None and forms.get(filled.form.id) is not None:
        yield from offers(forms, filled, forms.words(language))


FOLLOWING_OPERATIONS: Final[dict[str, Callable[[Runtime, Params], Awaitable[Any]]]] = {"follow": follow_ups}
