"""The operations of the watch, in plain data: what ``parley watch`` and the console ask of a running line."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from parley.app import sentences
from parley.app.desk import Desk, desk_of
from parley.app.draftops import DRAFT_OPERATIONS
from parley.app.runtime import Runtime
from parley.app.watchparams import (
    Params,
    asked_about,
    find,
    language_of,
    officer_of,
    own_language,
    recipients_of,
    role_of,
    with_views,
)
from parley.app.watchview import onward_data, watch, word
from parley.errors import UsageError
from parley.ids import EntryId
from parley.procedure import facts, outgoing
from parley.procedure import line_state as ls
from parley.procedure import watch as w
from parley.procedure.clocks import Mode
from parley.procedure.escalation import Rung
from parley.wire.statement import Precedence, Relation

# -- the watch's own log ----------------------------------------------------------------------------------


async def handover(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """The summary of what is open, with its hash; with ``officer``, offer the handover of ``role``."""
    desk = desk_of(runtime)
    open_items = await desk.alone(lambda: desk.items(desk.look()))
    summary = w.summary_hash(open_items)
    if params.get("officer"):
        await desk.enter(w.Offered(role_of(params), str(params["officer"]), summary, desk.now))
    items = [{"sort": i.sort, "subject": i.subject, "state": i.state} for i in open_items]
    return {"role": role_of(params), "summary": summary.hex(), "items": items}


async def relieve(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """Take over ``role`` as ``officer`` who acknowledges ``summary``; with ``take``, without an offer."""
    desk = desk_of(runtime)
    role, officer = role_of(params), officer_of(params)
    try:
        summary = bytes.fromhex(str(params["summary"]))
    except ValueError:
        raise UsageError("a summary's hash has 64 hexadecimal digits.", code="handover-stale") from None
    kind = w.Took if params.get("take") else w.Relieved
    await desk.enter(kind(role, officer, summary, desk.now))
    return {"role": role, "officer": officer}


async def roster(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """The shifts of ``role`` that begin within a day; with ``officer`` and ``start``, put one on the roster first."""
    desk = desk_of(runtime)
    role = role_of(params)
    if params.get("officer"):
        await desk.enter(w.Rostered(role, str(params["officer"]), int(params["start"]), desk.now))
    shifts = w.expected(desk.log.watch, role, desk.now, desk.rules.watch)
    return [{"role": role, "start": start, "officer": officer} for start, officer in shifts]


async def mute(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """Let a thread make no sound for ``seconds``; with ``misuse``, put that on the line's record, too (R38)."""
    desk = desk_of(runtime)
    entry = find(runtime, params)
    reason, until = str(params.get("reason") or ""), desk.now + int(params["seconds"])
    thread = with_views(runtime, lambda views: views.thread(entry))
    await desk.enter(w.Muted(thread, officer_of(params), reason, until, desk.now))
    if params.get("misuse"):
        await desk.state(facts.Misuse(thread, reason))
    return {"id": desk.name(thread), "until": until}


async def hush(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """Acknowledge an alarm."""
    desk = desk_of(runtime)
    entry = find(runtime, params)
    await desk.enter(w.AlarmAcknowledged(entry, officer_of(params), desk.now))
    return {"id": desk.name(entry)}


async def note(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """A line for the log of the watch: an officer's own ``text``, or a sentence by its ``code`` and ``values``."""
    desk = desk_of(runtime)
    if params.get("code"):
        text: w.Said | str = w.Said(str(params["code"]), {n: str(v) for n, v in dict(params["values"]).items()})
    else:
        text = str(params["text"])
    await desk.enter(w.Noted(officer_of(params), text, desk.now))
    return {"entered": True}


async def log(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """The log of the watch, oldest first; the newest ``limit``. ``in`` is the language of the node's own sentences.

    ``said`` has such a sentence as a code with its values, ``text`` and ``detail`` in words.
    """
    desk, language = desk_of(runtime), str(params.get("in") or "") or own_language(runtime)

    def lines() -> list[dict[str, Any]]:
        kept = desk.log.facts[-int(params.get("limit") or 100) :]
        return [_fact(desk, fact, language) for fact in kept]

    return await desk.alone(lines)


def _fact(desk: Desk, fact: w.WatchFact, language: str) -> dict[str, Any]:
    said = {name: getattr(fact, name) for name in fact.__slots__}
    coded = next((value for value in said.values() if isinstance(value, w.Said)), None)
    plain = {
        name: desk.name(value)
        if isinstance(value, EntryId)
        else word(value)
        if isinstance(value, Rung)
        else value.hex()
        if isinstance(value, bytes)
        else sentences.say(value, language)
        if isinstance(value, w.Said)
        else value
        for name, value in said.items()
    }
    if "officer" in plain:
        # The node itself, the command line: known by a code, which is shown as a word.
        plain["officer"] = sentences.who(plain["officer"], language)
    more = {"said": sentences.plain(coded)} if coded is not None else {}
    return {"fact": type(fact).__name__.lower(), **plain, **more}


# -- what goes on the line's record -----------------------------------------------------------------------


async def line_test(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """Send a line test to ``to`` (everyone when it is left out), or with ``id`` and ``text`` copy one back."""
    desk = desk_of(runtime)
    if params.get("id"):
        fact: facts.LineTest | facts.LineTestCopy = facts.LineTestCopy(find(runtime, params), str(params["text"]))
    else:
        fact = facts.LineTest(str(params.get("text") or ls.TEST_TEXT))
    entry = await desk.state(fact, to=recipients_of(runtime, params))
    return {"id": desk.name(entry), "text": fact.text}


async def declare(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """Declare ``silence`` (normal, receipts_only or receive_only) until ``until``, or the ``agreement`` suspended."""
    desk = desk_of(runtime)
    if params.get("agreement"):
        suspended = params["agreement"] == "suspended"
        await desk.state(facts.DeclaredAgreement(suspended, str(params.get("reason") or "")), Precedence.IMMEDIATE)
        return {"suspended": suspended}
    try:
        mode = Mode[str(params["silence"]).upper()]
    except KeyError:
        known = ", ".join(m.name.lower() for m in Mode)
        raise UsageError(f"{params['silence']!r} is no silence; there are {known}.", code="silence-unknown") from None
    until = int(params.get("until") or 0)
    await desk.state(facts.DeclaredSilence(mode, until), Precedence.IMMEDIATE)
    return {"silence": mode.name.lower(), "until": until}


async def hold(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """A holding reply to ``id``: what was understood, and that the answer comes by ``answer_by`` (R16)."""
    desk = desk_of(runtime)
    entry = find(runtime, params)
    original = asked_about(runtime, entry)
    fact = facts.HoldingReply(entry, str(params["text"]), int(params.get("answer_by") or 0))
    return {"id": desk.name(await desk.state(fact, original.precedence))}


async def onward(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """Pass ``id`` on to ``roles`` for its effect at ``effect_at``, or let the unit's ``role`` acknowledge it."""
    desk = desk_of(runtime)
    entry = find(runtime, params)
    if params.get("roles"):
        roles = tuple(str(r) for r in params["roles"])
        fact: facts.Fact = facts.PassedOn(entry, roles, int(params.get("effect_at") or 0))
    else:
        at = int(params.get("telephone_at") or 0)
        fact = facts.UnitAcknowledged(entry, str(params["role"]), at or desk.now, bool(at))
    await desk.state(fact, asked_about(runtime, entry).precedence)
    picture = await desk.picture()
    return {"id": desk.name(entry), **onward_data(desk.book.onward[entry], picture)}


async def follow_up(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """Question, correct or cancel ``id``, as loud as it (R49, R72)."""
    desk = desk_of(runtime)
    entry = find(runtime, params)
    relation = {"query": Relation.QUERIES, "correct": Relation.CORRECTS, "cancel": Relation.CANCELS}[params["how"]]
    if relation is not Relation.QUERIES and entry.log.member != desk.book.me:
        raise UsageError("only its author corrects or cancels a message.", code="not-author")
    message = outgoing.follow_up(
        asked_about(runtime, entry), entry, relation, str(params["text"]), language_of(runtime, params)
    )
    return {"id": desk.name(await runtime.send(message, runtime.audience(entry)))}


WATCH_OPERATIONS: Final[dict[str, Callable[[Runtime, Params], Awaitable[Any]]]] = {
    "watch": watch,
    "watch-handover": handover,
    "watch-relieve": relieve,
    "watch-roster": roster,
    "watch-mute": mute,
    "watch-hush": hush,
    "watch-note": note,
    "watch-log": log,
    "watch-test": line_test,
    "watch-declare": declare,
    "watch-hold": hold,
    "watch-onward": onward,
    "watch-follow": follow_up,
    **DRAFT_OPERATIONS,
}
