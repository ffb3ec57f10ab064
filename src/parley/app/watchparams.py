"""What operations read from their parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

from parley.app.desk import message_of
from parley.app.runtime import Runtime
from parley.app.views import Views
from parley.errors import UsageError
from parley.forms.pack import Form
from parley.ids import EntryId
from parley.wire.statement import EVERYONE, Message, Precedence, Reference, Relation

T = TypeVar("T")
Params = dict[str, Any]


def officer_of(params: Params) -> str:
    """Which officer does it. Raises UsageError ``officer-missing``."""
    officer = str(params.get("officer") or "").strip()
    if not officer:
        raise UsageError("say which officer does this.", code="officer-missing", next_step="Give --officer.")
    return officer


def role_of(params: Params) -> str:
    """For which role; the watch where none is named."""
    return str(params.get("role") or "watch")


def with_views(runtime: Runtime, ask: Callable[[Views], T], language: str = "") -> T:
    """What ``ask`` finds in the record as it is now, for a reader of ``language``."""
    views = runtime.views(language)
    try:
        return ask(views)
    finally:
        views.close()


def own_language(runtime: Runtime) -> str:
    """The first language of this party: what is told to nobody in particular is in it."""
    line = runtime.node.line
    return line.membership.member(line.me).languages[0]


def find(runtime: Runtime, params: Params) -> EntryId:
    """The entry that ``id`` names. Raises UsageError."""
    return with_views(runtime, lambda views: views.find(str(params["id"])))


def asked_about(runtime: Runtime, entry: EntryId) -> Message:
    """What the message says. Raises UsageError."""
    return with_views(runtime, lambda views: message_of(views, entry))


def recipients_of(runtime: Runtime, params: Params) -> int:
    """Whom ``to`` names; everyone where it names nobody. Raises UsageError."""
    to = EVERYONE
    for code in params.get("to") or ():
        to |= 1 << runtime.node.line.membership.by_code(code).number
    return to


def language_of(runtime: Runtime, params: Params) -> str:
    """In which language; the first of the line where none is named."""
    return str(params.get("language") or runtime.node.line.membership.current.charter.languages[0])


def precedence_of(name: str) -> Precedence:
    """The precedence that is called so. Raises UsageError ``precedence-unknown``."""
    try:
        return Precedence[name.upper()]
    except KeyError:
        known = ", ".join(p.name for p in reversed(Precedence))
        raise UsageError(f"{name!r} is no precedence; there are {known}.", code="precedence-unknown") from None


def relation_of(name: str) -> Relation:
    """How a message goes on with another. Raises UsageError ``relation-unknown``."""
    try:
        return Relation[name.upper()]
    except KeyError:
        known = ", ".join(x.name.lower() for x in Relation)
        raise UsageError(f"{name!r} is no relation; there are {known}.", code="relation-unknown") from None


def reference_of(runtime: Runtime, params: Params, form: Form | None = None) -> Reference | None:
    """What a message goes on with: ``about`` and ``relation``, or the relation that its form has (R45).

    Raises UsageError ``relation-unknown``, ``form-about-missing``, ``not-author``.
    """
    own = form.relation if form is not None else ""
    if not params.get("about"):
        if form is not None and own:
            raise UsageError(
                f"{form.name} {_GOES_ON[own]} an earlier message and names none.",
                code="form-about-missing",
                next_step="Name it, with --about on the command line.",
            )
        return None
    relation = relation_of(own or str(params.get("relation") or "reply"))
    about = with_views(runtime, lambda v: v.find(params["about"]))
    if relation in _OWN and about.log.member != runtime.node.line.me:
        raise UsageError("only its author corrects, cancels or replaces a message.", code="not-author")
    return Reference(relation, about)


_OWN: Final = frozenset({Relation.CORRECTS, Relation.CANCELS, Relation.SUPERSEDES})
_GOES_ON: Final = {"reply": "answers", "corrects": "corrects", "cancels": "cancels", "supersedes": "replaces"}
