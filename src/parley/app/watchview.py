"""What the watch of a line answers: whose turn it is, since when and until when; lines, duties, alarms, drafts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from parley.app import fingerprint, sentences, wording
from parley.app.desk import Desk, Picture, desk_of
from parley.app.draftops import draft_data
from parley.app.forms import read_message
from parley.app.runtime import Runtime
from parley.app.views import Views
from parley.app.watching import Row
from parley.app.watchparams import Params, own_language, with_views
from parley.ids import EntryId, MemberNumber
from parley.procedure import line_state as ls
from parley.procedure import outgoing
from parley.procedure import watch as w
from parley.procedure.clocks import Turn, silent_now
from parley.procedure.escalation import Escalated, Rung
from parley.procedure.onward import Onward
from parley.wire.statement import Message


def _rows(desk: Desk, picture: Picture, views: Views) -> list[dict[str, Any]]:
    """Whose turn it is with each message. What was answered of a row before is answered again while it holds."""
    taken: defaultdict[tuple[EntryId, MemberNumber], list[Escalated]] = defaultdict(list)
    for step in (*desk.book.escalated, *(f for f in desk.log.facts if isinstance(f, Escalated))):
        taken[step.message, step.party].append(step)
    controls: defaultdict[EntryId, list[str]] = defaultdict(list)
    for fact in desk.log.facts:
        if isinstance(fact, w.Alerted) and fact.code == "check-fire":
            controls[fact.message].append(fact.role)
    before, desk.said = desk.said, {}
    for row in desk.rows(views, picture.now):
        message, precedence = row.ticket.message, row.ticket.terms.precedence
        muted = bool(desk.log.watch.mutes) and w.muted(
            desk.log.watch, views.thread(message), precedence, desk.book.misused, picture.now
        )
        steps = tuple(taken.get((message, row.party), ())) if taken else ()
        known_key = views.known_key(message.log)
        beside = muted, row.ticket.role, steps, tuple(controls.get(message, ())) if controls else (), known_key
        key, depends = (message, row.party), (row.standing, row.plausible, beside)
        known = before.get(key)
        if known is None or known[0] != depends:
            known = depends, _row(desk, views, row, beside)
        desk.said[key] = known
    return [said for _, said in desk.said.values()]


_Beside = tuple[bool, str, tuple[Escalated, ...], tuple[str, ...], bool]
"""What else a row depends on: whether it is muted, the role that it is with, the steps taken, who controls what, and
whether its key is known."""


def _row(desk: Desk, views: Views, row: Row, beside: _Beside) -> dict[str, Any]:
    ticket, stands = row.ticket, row.standing
    muted, _, taken, controls, known_key = beside
    message = views.message_of(ticket.message)
    author, party = desk.code(ticket.message.log.member), desk.code(row.party)
    turns = {Turn.LINE: "the line", Turn.RECIPIENT: party, Turn.AUTHOR: author, Turn.NOBODY: ""}
    return {
        "id": desk.name(ticket.message),
        "author": author,
        "party": party,
        "precedence": ticket.terms.precedence.name,
        "role": _role(ticket.role, taken, controls) if ticket.terms.ours else ticket.role,
        **_said(desk, message),
        "stage": str(stands.stage),
        "turn": turns[stands.turn],
        "since": stands.since,
        "deadline": stands.deadline,
        "overdue": stands.overdue,
        "silent": stands.silent,
        "muted": muted,
        "known_key": known_key,
        "times_plausible": row.plausible,
        "steps": [{"step": word(e.rung), "role": e.role, "stage": str(e.stage), "time": e.at} for e in taken],
    }


def _said(desk: Desk, message: Message | None) -> dict[str, Any]:
    if message is None:
        return {"text": "", "texts": {}}
    filled = read_message(desk.runtime.forms, message)
    return wording.in_each(desk.runtime, message, filled, wording.headline)


def _role(first: str, taken: Iterable[Escalated], controls: Iterable[str]) -> str:
    """The role that a message to us is with: the last that it was passed to, or who controls what a call stops (B4)."""
    passed = [e.role for e in taken if e.rung is Rung.NEXT_ROLE]
    return passed[-1] if passed else ", ".join(controls) or first


def word(rung: Rung) -> str:
    """A rung, as the log has it."""
    return rung.name.lower().replace("_", " ")


def onward_data(state: Onward, picture: Picture) -> dict[str, Any]:
    """How far a notification was passed on, and which unit is silent."""
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
    return [
        {
            "code": desk.code(peer.line.party),
            "status": str(peer.reading.status),
            "since": peer.reading.since,
            "heard": peer.line.heard,
            **_declared(desk, peer.line.party, picture.now),
            "missing_tests": [{"ours": m.ours, "scheduled": m.scheduled} for m in peer.missing],
        }
        for peer in picture.peers
    ]


def _declared(desk: Desk, party: MemberNumber, now: int) -> dict[str, Any]:
    """The silence that a party declared, and until when; empty for none."""
    silence = silent_now(desk.book.silences_of(party, now), now)
    return {"declared": silence.mode.name.lower() if silence else "", "until": silence.until if silence else 0}


async def watch(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """Per message whose turn it is, since when, until when; lines, duties, alarms, onward distribution, drafts."""
    del params
    desk = desk_of(runtime)

    def version() -> tuple[object, ...]:
        heard = tuple((p.heard_wall, tuple(p.links)) for p in runtime.node.line.peers.values())
        return runtime.node.store.version, desk.log.version, desk.now, heard

    def answer() -> dict[str, Any]:
        # Many consoles ask at once when something happens: it is looked at once for all of them.
        asked = version()
        if desk.answered is None or desk.answered[0] != asked:
            desk.answered = asked, _whole(desk, desk.look())
        return desk.answered[1]

    return await desk.alone(answer)


def _whole(desk: Desk, picture: Picture) -> dict[str, Any]:
    charter = desk.runtime.node.line.membership.current.charter
    state = desk.log.watch
    late = w.unrelieved(state, picture.now, desk.rules.watch)
    return {
        "now": picture.now,
        "line": charter.line,
        "watermark": outgoing.watermark(charter.purpose),
        "messages": with_views(desk.runtime, lambda views: _rows(desk, picture, views)),
        "lines": _line(desk, picture),
        "declared": _declared(desk, desk.book.me, picture.now),
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
        "onward": [{"id": desk.name(m), **onward_data(o, picture)} for m, o in desk.book.onward.items()],
        "drafts": [draft_data(desk, number, draft) for number, draft in desk.log.drafts()],
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
    """What the node found about a message: the code (``conflict``, ``check-fire``, ...), the role to act, and what.

    ``detail`` is in the party's own language, ``details`` in each; ``said`` has it as a code with its values.
    """
    found = [f for f in desk.log.facts if isinstance(f, w.Alerted) and f.message == message]
    return [
        {
            "code": f.code,
            "role": f.role,
            "detail": sentences.say(f.detail, own_language(desk.runtime)),
            "details": {language: sentences.say(f.detail, language) for language in sentences.LANGUAGES},
            "said": sentences.plain(f.detail) if isinstance(f.detail, w.Said) else None,
            "time": f.at,
        }
        for f in found
    ]
