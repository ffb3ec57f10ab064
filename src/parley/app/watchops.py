"""The operations of the watch, in plain data: what ``parley watch`` and the console ask of a running line."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any, Final, TypeVar

from parley.app import fingerprint
from parley.app.desk import Desk, Picture, desk_of, message_of
from parley.app.forms import fill, urgency
from parley.app.forms import message_of as form_message
from parley.app.runtime import Runtime
from parley.app.signing import checked, fresh
from parley.app.views import Views
from parley.app.watching import Row
from parley.errors import UsageError
from parley.ids import EntryId, MemberNumber
from parley.procedure import escalation, facts, outgoing
from parley.procedure import line_state as ls
from parley.procedure import watch as w
from parley.procedure.clocks import Mode, Turn, silent_now
from parley.procedure.escalation import Escalated, Rung
from parley.procedure.onward import Onward
from parley.procedure.outgoing import Approval, Draft
from parley.wire.statement import EVERYONE, Kind, Message, Precedence, Reference, Relation, Signed

T = TypeVar("T")
Params = dict[str, Any]


def _row(desk: Desk, row: Row, thread: EntryId, now: int) -> dict[str, Any]:
    ticket, stands = row.ticket, row.standing
    author, party = desk.code(ticket.message.log.member), desk.code(row.party)
    turns = {Turn.LINE: "the line", Turn.RECIPIENT: party, Turn.AUTHOR: author, Turn.NOBODY: ""}
    muted = w.muted(desk.log.watch, thread, ticket.said.precedence, desk.book.misused, now)
    taken = [e for e in desk.book.escalated if e.message == ticket.message and e.party == row.party]
    taken += [
        f for f in desk.log.facts if isinstance(f, Escalated) and f.message == ticket.message and f.party == row.party
    ]
    return {
        "id": desk.name(ticket.message),
        "author": author,
        "party": party,
        "precedence": ticket.said.precedence.name,
        "role": _role(ticket.role, taken, _controls(desk, ticket.message)) if ticket.ours else ticket.role,
        "text": desk.headline(ticket.said),
        "stage": str(stands.stage),
        "turn": turns[stands.turn],
        "since": stands.since,
        "deadline": stands.deadline,
        "overdue": stands.overdue,
        "silent": stands.silent,
        "muted": muted,
        "times_plausible": row.plausible,
        "steps": [{"step": _word(e.rung), "role": e.role, "stage": str(e.stage), "time": e.at} for e in taken],
    }


def _role(first: str, taken: list[Escalated], controls: list[str]) -> str:
    """The role that a message to us is with: the last that it was passed to, or who controls what a call stops (B4)."""
    passed = [e.role for e in taken if e.rung is Rung.NEXT_ROLE]
    return passed[-1] if passed else ", ".join(controls) or first


def _controls(desk: Desk, message: EntryId) -> list[str]:
    """The roles that control one's own activities under way near a check-fire, the nearest first."""
    return [
        f.role for f in desk.log.facts if isinstance(f, w.Alerted) and f.message == message and f.code == "check-fire"
    ]


def _word(rung: Rung) -> str:
    return rung.name.lower().replace("_", " ")


def _onward(state: Onward, picture: Picture) -> dict[str, Any]:
    reading = picture.onward[state.message]
    return {
        "effect_at": state.effect_at,
        "light": reading.worst.name.lower(),
        "units": [
            {
                "role": role,
                "light": reading.lights[role].name.lower(),
                "time": said.at if said else 0,
                "by_telephone": bool(said and said.by_telephone),
            }
            for role, said in sorted(state.units.items())
        ],
    }


def _line(desk: Desk, picture: Picture) -> list[dict[str, Any]]:
    found = []
    for peer in picture.peers:
        silence = silent_now(desk.book.silences_of(peer.line.party, picture.now), picture.now)
        found.append(
            {
                "code": desk.code(peer.line.party),
                "status": str(peer.reading.status),
                "since": peer.reading.since,
                "heard": peer.line.heard,
                "declared": silence.mode.name.lower() if silence else "",
                "until": silence.until if silence else 0,
                "missing_tests": [{"ours": m.ours, "scheduled": m.scheduled} for m in peer.missing],
            }
        )
    return found


async def watch(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """Per message whose turn it is, since when, until when; lines, duties, alarms, onward distribution, drafts."""
    del params
    desk = desk_of(runtime)
    picture = await desk.picture()
    return await desk.alone(lambda: _whole(desk, picture))


def _whole(desk: Desk, picture: Picture) -> dict[str, Any]:
    charter = desk.runtime.node.line.membership.current.charter
    state = desk.log.watch
    late = w.unrelieved(state, picture.now, desk.rules.watch)
    threads = desk.threads(row.ticket.message for row in picture.rows)
    return {
        "now": picture.now,
        "line": charter.line,
        "watermark": outgoing.watermark(charter.purpose),
        "messages": [
            _row(desk, row, threads.get(row.ticket.message, row.ticket.message), picture.now) for row in picture.rows
        ],
        "lines": _line(desk, picture),
        "card": _card(desk),
        "suspended_by": [
            {"code": desk.code(p.party), "since": p.at, "reason": p.reason}
            for p in ls.agreement(desk.book.positions.values())
        ],
        "duties": [
            {"role": r, "officer": d.officer, "since": d.since, "handed_over": d.handed_over, "relief_late": r in late}
            for r, d in sorted(state.duties.items())
        ],
        "handovers": [{"role": r, "officer": o.officer, "time": o.at} for r, o in sorted(state.offers.items())],
        "alarms": [{"id": desk.name(m), "since": since, "of": _alerts(desk, m)} for m, since in state.alarms.items()],
        "tests_to_copy": [{"id": desk.name(t), "text": desk.book.test_texts[t]} for t in desk.book.to_copy.values()],
        "onward": [{"id": desk.name(m), **_onward(o, picture)} for m, o in desk.book.onward.items()],
        "drafts": [_draft(desk, number, draft) for number, draft in desk.log.drafts()],
        "next_change": picture.next_change,
        "place": desk.book.place - 1,
    }


def _card(desk: Desk) -> dict[str, Any]:
    """The out-of-band card: the numbers of the charter, and words of it for who calls and who is called (R37)."""
    membership = desk.runtime.node.line.membership
    words = fingerprint.words(membership.line).split()
    half = len(words) // 2
    return {
        "parties": [
            {"code": m.code, "name": m.name, "telephone": list(m.telephone)}
            for m in membership.current.charter.members
            if m.number != desk.book.me
        ],
        "call": " ".join(words[:half]),
        "answer": " ".join(words[half:]),
    }


def _alerts(desk: Desk, message: EntryId) -> list[dict[str, Any]]:
    """What the node found about a message: the code (``conflict``, ``check-fire``, ...), the role to act, and what."""
    found = [f for f in desk.log.facts if isinstance(f, w.Alerted) and f.message == message]
    return [{"code": f.code, "role": f.role, "detail": f.detail, "time": f.at} for f in found]


# -- the watch's own log ----------------------------------------------------------------------------------


async def handover(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """The summary of what is open, with its hash; with ``officer``, offer the handover of ``role``."""
    desk = desk_of(runtime)
    picture = await desk.picture()
    summary = w.summary_hash(picture.items)
    if params.get("officer"):
        await desk.enter(w.Offered(_role_of(params), str(params["officer"]), summary, desk.now))
    items = [{"sort": i.sort, "subject": i.subject, "state": i.state} for i in picture.items]
    return {"role": _role_of(params), "summary": summary.hex(), "items": items}


async def relieve(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """Take over ``role`` as ``officer`` who acknowledges ``summary``; with ``take``, without an offer."""
    desk = desk_of(runtime)
    role, officer = _role_of(params), _officer(params)
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
    role = _role_of(params)
    if params.get("officer"):
        await desk.enter(w.Rostered(role, str(params["officer"]), int(params["start"]), desk.now))
    shifts = w.expected(desk.log.watch, role, desk.now, desk.rules.watch)
    return [{"role": role, "start": start, "officer": officer} for start, officer in shifts]


async def mute(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """Let a thread make no sound for ``seconds``; with ``misuse``, put that on the line's record, too (R38)."""
    desk = desk_of(runtime)
    entry = _find(runtime, params)
    reason, until = str(params.get("reason") or ""), desk.now + int(params["seconds"])
    thread = _with_views(runtime, lambda views: views.thread(entry))
    await desk.enter(w.Muted(thread, _officer(params), reason, until, desk.now))
    if params.get("misuse"):
        await desk.state(facts.Misuse(thread, reason))
    return {"id": desk.name(thread), "until": until}


async def hush(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """Acknowledge an alarm."""
    desk = desk_of(runtime)
    entry = _find(runtime, params)
    await desk.enter(w.AlarmAcknowledged(entry, _officer(params), desk.now))
    return {"id": desk.name(entry)}


async def note(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """A line for the log of the watch."""
    desk = desk_of(runtime)
    await desk.enter(w.Noted(_officer(params), str(params["text"]), desk.now))
    return {"entered": True}


async def log(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """The log of the watch, oldest first; the newest ``limit``."""
    desk = desk_of(runtime)

    def lines() -> list[dict[str, Any]]:
        kept = desk.log.facts[-int(params.get("limit") or 100) :]
        return [_fact(desk, fact) for fact in kept]

    return await desk.alone(lines)


def _fact(desk: Desk, fact: w.WatchFact) -> dict[str, Any]:
    said = {name: getattr(fact, name) for name in fact.__slots__}
    plain = {
        name: desk.name(value)
        if isinstance(value, EntryId)
        else _word(value)
        if isinstance(value, Rung)
        else value.hex()
        if isinstance(value, bytes)
        else value
        for name, value in said.items()
    }
    return {"fact": type(fact).__name__.lower(), **plain}


# -- what goes on the line's record -----------------------------------------------------------------------


async def line_test(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """Send a line test to ``to`` (everyone when it is left out), or with ``id`` and ``text`` copy one back."""
    desk = desk_of(runtime)
    if params.get("id"):
        fact: facts.LineTest | facts.LineTestCopy = facts.LineTestCopy(_find(runtime, params), str(params["text"]))
    else:
        fact = facts.LineTest(str(params.get("text") or ls.TEST_TEXT))
    entry = await desk.state(fact, to=_to(runtime, params))
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
    entry = _find(runtime, params)
    original = _message(runtime, entry)
    fact = facts.HoldingReply(entry, str(params["text"]), int(params.get("answer_by") or 0))
    return {"id": desk.name(await desk.state(fact, original.precedence))}


async def onward(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """Pass ``id`` on to ``roles`` for its effect at ``effect_at``, or let the unit's ``role`` acknowledge it."""
    desk = desk_of(runtime)
    entry = _find(runtime, params)
    if params.get("roles"):
        roles = tuple(str(r) for r in params["roles"])
        fact: facts.Fact = facts.PassedOn(entry, roles, int(params.get("effect_at") or 0))
    else:
        at = int(params.get("telephone_at") or 0)
        fact = facts.UnitAcknowledged(entry, str(params["role"]), at or desk.now, bool(at))
    await desk.state(fact, _message(runtime, entry).precedence)
    picture = await desk.picture()
    return {"id": desk.name(entry), **_onward(desk.book.onward[entry], picture)}


async def follow_up(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """Question, correct or cancel ``id``, as loud as it (R49, R72)."""
    desk = desk_of(runtime)
    entry = _find(runtime, params)
    relation = {"query": Relation.QUERIES, "correct": Relation.CORRECTS, "cancel": Relation.CANCELS}[params["how"]]
    if relation is not Relation.QUERIES and entry.log.member != desk.book.me:
        raise UsageError("only its author corrects or cancels a message.", code="not-author")
    message = outgoing.follow_up(
        _message(runtime, entry), entry, relation, str(params["text"]), _language(runtime, params)
    )
    return {"id": desk.name(await runtime.send(message, runtime.audience(entry)))}


# -- drafts ---------------------------------------------------------------------------------------------------


async def draft(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """Keep a draft of ``officer``: free text, a ``form`` with its ``values``, or the next step after ``after`` (B8).

    ``about`` and ``relation`` name the message that it answers, corrects or cancels; ``seen`` the place in the order of
    arrival up to which the officer had read when the writing began (B11). ``number`` names a draft that this one takes
    the place of: approvals of that one are void, and the time that it wants an answer by is kept.
    """
    desk = desk_of(runtime)
    await desk.picture()
    number = int(params["number"]) if params.get("number") else None
    before = None if number is None else await desk.alone(partial(desk.log.draft, number))
    officer, language, to = _officer(params), _language(runtime, params), _to(runtime, params)
    given = str(params.get("precedence") or "")
    if given and given.upper() not in Precedence.__members__:
        raise UsageError(f"{given!r} is no precedence.", code="precedence-unknown")
    precedence = Precedence[given.upper()] if given else None
    if params.get("form"):
        forms = runtime.forms
        filled = fill(forms, forms.named(str(params["form"])), dict(params.get("values") or {}))
        message = form_message(forms, filled, language, precedence or urgency(filled, desk.now))
    elif params.get("after"):
        entry = _find(runtime, {"id": params["after"]})
        to = runtime.audience(entry)
        message = escalation.next_step(
            entry, str(params["text"]), language, precedence or Precedence.PRIORITY, desk.now, desk.rules.ladder
        )
    else:
        message = Message(
            str(params["text"]), language, precedence or Precedence.ROUTINE, str(params.get("subject") or "")
        )
    if params.get("about"):
        about = _find(runtime, {"id": params["about"]})
        relation = Relation[str(params.get("relation") or "reply").upper()]
        message, to = (
            replace(message, refs=(Reference(relation, about),)),
            to if to != EVERYONE else runtime.audience(about),
        )
    line = runtime.node.line
    message = replace(message, signed=fresh(), reply_by=before.message.reply_by if before else message.reply_by)
    purpose, whose = line.membership.current.charter.purpose, (line.membership.line, line.me)
    seen = desk.book.place - 1 if params.get("seen") is None else int(params["seen"])
    made = Draft(message, runtime.addressed(to), officer, desk.now, seen, purpose, (), *whose)
    number = await desk.alone(lambda: desk.log.keep(made, number))
    if before is not None:
        await desk.note(officer, f"changed draft {number}")
    return _draft(desk, number, made)


async def approve(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """An officer releases the draft ``number`` whose hash is ``statement`` (D9).

    With ``assertion``, by the key of the officer: then also its author, as one of the two. Without, by a name alone,
    which is enough only until the node has officers with keys.
    """
    desk = desk_of(runtime)
    number, officer = int(params["number"]), _officer(params)
    try:
        statement = bytes.fromhex(str(params["statement"]))
    except ValueError:
        raise UsageError("a statement's hash has 64 hexadecimal digits.", code="release-changed") from None
    given = params.get("assertion")
    assertion = checked(runtime, officer, statement, given) if given else None

    def approved() -> Draft:
        found = outgoing.approve(desk.log.draft(number), Approval(officer, statement, desk.now, assertion))
        desk.log.keep(found, number)
        how = f"signed with key {assertion.key.hex()}" if assertion is not None else "approved"
        desk.log.enter(w.Noted(officer, f"{how} draft {number}, {params['statement']}", desk.now))
        return found

    return _draft(desk, number, await desk.alone(approved))


async def release(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """Send the draft ``number``; with ``confirm``, after what came meanwhile was read (B11). ``drop`` forgets it."""
    desk = desk_of(runtime)
    number, officer = int(params["number"]), _officer(params)
    if params.get("drop"):
        await desk.alone(lambda: desk.log.drop(number))
        await desk.note(officer, f"dropped draft {number}")
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
        desk.log.enter(w.Noted(officer, f"released draft {number} of {found.author} as {desk.name(entry)}", desk.now))
        desk.log.drop(number)

    await desk.alone(kept)
    return {"number": number, "id": desk.name(entry)}


def _signatures(found: Draft, desk: Desk) -> Signed | None:
    """The officers' assertions over the draft, its author's first; None where no key was used."""
    approvals = outgoing.valid_approvals(found, desk.now, desk.rules.release)
    approvals.sort(key=lambda a: a.officer != found.author)
    by = tuple(a.assertion for a in approvals if a.assertion is not None)
    return replace(found.message.signed, by=by) if found.message.signed is not None and by else None


def _draft(desk: Desk, number: int, found: Draft) -> dict[str, Any]:
    return {
        "number": number,
        "officer": found.author,
        "text": desk.text(found.message),
        "form": found.message.form,
        "values": desk.values(found.message),
        "subject": found.message.subject,
        "language": found.message.language,
        "to": sorted(desk.code(MemberNumber(n)) for n in range(64) if found.to >> n & 1)
        if found.to != EVERYONE
        else [],
        "refs": [{"relation": r.relation.name.lower(), "id": desk.name(r.entry)} for r in found.message.refs],
        "time": found.at,
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


# -- parameters -----------------------------------------------------------------------------------------------


def _officer(params: Params) -> str:
    officer = str(params.get("officer") or "").strip()
    if not officer:
        raise UsageError("say which officer does this.", code="officer-missing", next_step="Give --officer.")
    return officer


def _role_of(params: Params) -> str:
    return str(params.get("role") or "watch")


def _with_views(runtime: Runtime, ask: Callable[[Views], T]) -> T:
    views = runtime.views()
    try:
        return ask(views)
    finally:
        views.close()


def _find(runtime: Runtime, params: Params) -> EntryId:
    return _with_views(runtime, lambda views: views.find(str(params["id"])))


def _message(runtime: Runtime, entry: EntryId) -> Message:
    return _with_views(runtime, lambda views: message_of(views, entry))


def _to(runtime: Runtime, params: Params) -> int:
    members = [runtime.node.line.membership.by_code(code).number for code in params.get("to") or ()]
    return sum(1 << m for m in members) if members else EVERYONE


def _language(runtime: Runtime, params: Params) -> str:
    return str(params.get("language") or runtime.node.line.membership.current.charter.languages[0])


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
    "watch-draft": draft,
    "watch-approve": approve,
    "watch-release": release,
}
