"""Drafts: kept, released by officers, sent (D9, B8, B11)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any, Final

from parley.app import wording
from parley.app.desk import Desk, desk_of, fresh
from parley.app.forms import fill, read_message, urgency
from parley.app.forms import message_of as form_message
from parley.app.planops import asked_of
from parley.app.runtime import Runtime
from parley.app.signing import checked
from parley.app.watchparams import Params, find, language_of, officer_of, precedence_of, recipients_of, reference_of
from parley.errors import UsageError
from parley.ids import MemberNumber
from parley.procedure import escalation, outgoing
from parley.procedure import watch as w
from parley.procedure.outgoing import Approval, Draft
from parley.procedure.watch import Said
from parley.wire.statement import EVERYONE, Kind, Message, Precedence, Signed


async def draft(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """Keep a draft of ``officer``: free text, a ``form`` with its ``values``, or the next step after ``after`` (B8).

    ``about`` and ``relation`` name the message that it answers, corrects or cancels; ``seen`` the place in the order of
    arrival up to which the officer had read when the writing began (B11). ``number`` names a draft that this one takes
    the place of: approvals of that one are void, and its ``seen`` and the time that it wants an answer by are kept.
    ``questions`` of the answer are about what is probably a slip in a form (R67).
    """
    desk = desk_of(runtime)
    await desk.picture()
    number = int(params["number"]) if params.get("number") else None
    before = None if number is None else await desk.alone(partial(desk.log.draft, number))
    officer, language, to = officer_of(params), language_of(runtime, params), recipients_of(runtime, params)
    given = str(params.get("precedence") or "")
    precedence = precedence_of(given) if given else None
    asked: list[str] = []
    if params.get("form"):
        forms = runtime.forms
        filled = fill(forms, forms.named(str(params["form"])), dict(params.get("values") or {}))
        message = form_message(forms, filled, language, precedence or urgency(filled, desk.now))
        asked = await asked_of(runtime, filled)
    elif params.get("after"):
        entry = find(runtime, {"id": params["after"]})
        to = runtime.audience(entry)
        message = escalation.next_step(
            entry, str(params["text"]), language, precedence or Precedence.PRIORITY, desk.now, desk.rules.ladder
        )
    else:
        message = Message(
            str(params["text"]), language, precedence or Precedence.ROUTINE, str(params.get("subject") or "")
        )
    form = runtime.forms.named(str(params["form"])) if params.get("form") else None
    if (reference := reference_of(runtime, params, form)) is not None:
        message = replace(message, refs=(reference,))
        to = to if to != EVERYONE else runtime.audience(reference.entry)
    line = runtime.node.line
    message = replace(message, signed=fresh(), reply_by=before.message.reply_by if before else message.reply_by)
    purpose, whose = line.membership.current.charter.purpose, (line.membership.line, line.me)
    seen = before.seen if before else desk.book.place - 1
    seen = seen if params.get("seen") is None else int(params["seen"])
    made = Draft(message, runtime.addressed(to), officer, desk.now, seen, purpose, (), *whose)

    def keep() -> int:
        if number is not None:
            desk.log.draft(number)  # it may have been sent or dropped meanwhile
        return desk.log.keep(made, number)

    async with desk.releasing:
        number = await desk.alone(keep)
    if before is not None:
        await desk.note(officer, Said("draft-changed", {"draft": number}))
    return {**draft_data(desk, number, made), "questions": asked}


async def approve(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """An officer releases the draft ``number`` whose hash is ``statement`` (D9).

    With ``assertion``, by the key of the officer: then also its author, as one of the two. Without, by a name alone,
    which is enough only until the node has officers with keys.
    """
    desk = desk_of(runtime)
    number, officer = int(params["number"]), officer_of(params)
    try:
        statement = bytes.fromhex(str(params["statement"]))
    except ValueError:
        raise UsageError("a statement's hash has 64 hexadecimal digits.", code="release-changed") from None
    given = params.get("assertion")
    assertion = checked(runtime, officer, statement, given) if given else None

    def approved() -> Draft:
        found = outgoing.approve(desk.log.draft(number), Approval(officer, statement, desk.now, assertion))
        desk.log.keep(found, number)
        said = Said("draft-approved", {"draft": number, "statement": statement.hex()})
        if assertion is not None:
            said = Said("draft-signed", {**said.values, "key": assertion.key.hex()})
        desk.log.enter(w.Noted(officer, said, desk.now))
        return found

    return draft_data(desk, number, await desk.alone(approved))


async def release(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """Send the draft ``number``; with ``confirm``, after what came meanwhile was read (B11). ``drop`` forgets it."""
    desk = desk_of(runtime)
    async with desk.releasing:
        return await _release(desk, int(params["number"]), officer_of(params), params)


async def _release(desk: Desk, number: int, officer: str, params: Params) -> dict[str, Any]:
    runtime = desk.runtime
    if params.get("drop"):

        def drop() -> None:
            desk.log.draft(number)  # what was sent cannot be dropped
            desk.log.drop(number)
            desk.log.enter(w.Noted(officer, Said("draft-dropped", {"draft": number}), desk.now))

        await desk.alone(drop)
        return {"number": number, "dropped": True}
    await desk.picture()
    purpose = runtime.node.line.membership.current.charter.purpose

    def checked_draft() -> Draft:
        found = desk.log.draft(number)
        if params.get("confirm"):
            found = outgoing.revised(found, found.message, desk.book.place - 1)
        keys = runtime.officers.keyed()
        outgoing.check_release(found, desk.arrived(found.seen), purpose, desk.now, desk.rules.release, keys=keys)
        return found

    found = await desk.alone(checked_draft)
    message = replace(found.message, signed=_signatures(found, desk))
    entry = await runtime.node.submit(Kind.MESSAGE, message, found.to)

    def kept() -> None:
        said = Said("draft-released", {"draft": number, "officer": found.author, "message": desk.name(entry)})
        desk.log.enter(w.Noted(officer, said, desk.now))
        desk.log.drop(number)

    await desk.alone(kept)
    return {"number": number, "id": desk.name(entry)}


def _signatures(found: Draft, desk: Desk) -> Signed | None:
    """The officers' assertions over the draft, its author's first; None where no key was used."""
    approvals = outgoing.valid_approvals(found, desk.now, desk.rules.release)
    approvals.sort(key=lambda a: a.officer != found.author)
    by = tuple(a.assertion for a in approvals if a.assertion is not None)
    return replace(found.message.signed, by=by) if found.message.signed is not None and by else None


def draft_data(desk: Desk, number: int, found: Draft) -> dict[str, Any]:
    """A draft as plain data: what it says, who approved it, and what came since it was begun."""
    filled = read_message(desk.runtime.forms, found.message)
    return {
        "number": number,
        "officer": found.author,
        **wording.in_each(desk.runtime, found.message, filled, wording.whole),
        "form": found.message.form,
        "values": wording.values(filled),
        "subject": found.message.subject,
        "language": found.message.language,
        "to": sorted(desk.code(MemberNumber(n)) for n in range(64) if found.to >> n & 1)
        if found.to != EVERYONE
        else [],
        "refs": [{"relation": r.relation.name.lower(), "id": desk.name(r.entry)} for r in found.message.refs],
        "time": found.at,
        "seen": found.seen,
        "precedence": found.message.precedence.name,
        "statement": outgoing.draft_hash(found).hex(),
        "two_officers": outgoing.needs_two(found.message, desk.rules.release),
        "approved_by": [a.officer for a in found.approvals],
        "signed_by": [a.officer for a in found.approvals if a.assertion is not None],
        "keys": _keys(desk, found),
        "newer": [desk.name(a.message) for a in outgoing.newer(found, desk.arrived(found.seen))],
    }


def _keys(desk: Desk, found: Draft) -> int:
    """How many officers' keys its release takes here."""
    if not desk.runtime.officers.keyed():
        return 0
    rules = desk.rules.release
    return 2 if outgoing.needs_two(found.message, rules) else int(outgoing.needs_key(found.message, rules))


DRAFT_OPERATIONS: Final[dict[str, Callable[[Runtime, Params], Awaitable[Any]]]] = {
    "watch-draft": draft,
    "watch-approve": approve,
    "watch-release": release,
}
