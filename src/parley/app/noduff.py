"""NO DUFF: what is real on a line for exercises is told of at once, and lies ready as a draft on operational lines."""

from __future__ import annotations

from functools import partial
from typing import Any

from parley.app.desk import PREPARED, Desk, desk_of, fresh
from parley.app.sentences import say
from parley.ids import EntryId
from parley.procedure.clocks import Stage
from parley.procedure.escalation import Escalated, Rung
from parley.procedure.line_state import DAY_S
from parley.procedure.outgoing import NO_DUFF, Draft
from parley.procedure.watch import Said
from parley.wire.statement import EVERYONE, Message, Precedence


async def leave_exercise(desk: Desk) -> list[dict[str, Any]]:
    """For what is real on an exercise line, once for each message: a draft on operational lines, an alarm (D10)."""
    real = await desk.alone(lambda: _real(desk))
    for message, said in real:
        for other in desk.runtime.beside.values():
            await _take_real(desk_of(other), desk, message, said)
        # The draft comes first: after a crash between the two it is looked for again, and not made twice.
        rung = Rung.ALARM if message.log.member != desk.book.me else Rung.NEXT_STEP
        fact = Escalated(message, message.log.member, Stage.UNREAD, rung, NO_DUFF, desk.now)
        await desk.alone(partial(desk.log.enter, fact))
    theirs = [m for m, _ in real if m.log.member != desk.book.me]
    return [{"event": "watch", "code": "no-duff", "message": desk.name(m)} for m in theirs]


def _real(desk: Desk) -> list[tuple[EntryId, Message]]:
    """What is real and was not dealt with. What was erased meanwhile is past, and so is our own of before today."""
    known = {f.message for f in desk.log.facts if isinstance(f, Escalated) and f.role == NO_DUFF}
    found = []
    views = desk.runtime.views()
    try:
        for entry in (m for m in desk.book.real if m not in known):
            said = views.said(views.stored(entry))
            old = entry.log.member == desk.book.me and said is not None and said.time < desk.now - DAY_S
            if said is not None and isinstance(said.content, Message) and not old:
                found.append((entry, said.content))
    finally:
        views.close()
    return found


async def _take_real(desk: Desk, exercise: Desk, message: EntryId, said: Message) -> None:
    """Keep what is real on an exercise line as a draft on this line, where it is operational and has both parties.

    It is FLASH, to all, and waits for an officer to release it.
    """
    line = desk.runtime.node.line
    charter, party = line.membership.current.charter, exercise.runtime.node.line.membership.member
    parties = {m.party for m in line.membership.members.values() if not m.left}
    wanted = {party(message.log.member).party, party(exercise.book.me).party}
    if charter.purpose != "operation" or not wanted <= parties:
        return
    language, name = charter.languages[0], exercise.runtime.node.line.membership.current.charter.line
    values = {"line": name, "message": exercise.name(message), "text": str(said.body)}
    text = Message(say(Said("no-duff", values), language), language, Precedence.FLASH, signed=fresh())

    def keep() -> None:
        if all(kept.message.body != text.body for _, kept in desk.log.drafts()):
            seen, whose = desk.book.place - 1, (line.membership.line, line.me)
            desk.log.keep(Draft(text, EVERYONE, PREPARED, desk.now, seen, charter.purpose, (), *whose))

    await desk.picture()
    await desk.alone(keep)
