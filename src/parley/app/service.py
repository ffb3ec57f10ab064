"""The operations of a running line, in plain data: the command line calls them here or over the control socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from parley import limits
from parley.app.areas import draft_of_message, write_areas
from parley.app.composing import COMPOSING_OPERATIONS
from parley.app.control import MAX_REQUEST, error_data, short_name
from parley.app.desk import desk_of
from parley.app.export import write_record
from parley.app.following import FOLLOWING_OPERATIONS
from parley.app.forms import fill, forms_of, message_of, urgency
from parley.app.guard import guard_of
from parley.app.inboxes import inbox_of
from parley.app.mapping import MAPPING_OPERATIONS
from parley.app.meeting import in_turn
from parley.app.movementops import MOVEMENT_OPERATIONS
from parley.app.officerops import OFFICER_OPERATIONS
from parley.app.planops import PLAN_OPERATIONS, asked_of
from parley.app.proofs import write_proof
from parley.app.provenance import RECORD_OPERATIONS
from parley.app.readback import found_places, read_back, stated_places
from parley.app.runtime import Runtime
from parley.app.sheetops import SHEET_OPERATIONS, with_translations
from parley.app.signing import mark_to_sign, places_of, signature_of
from parley.app.siteops import SITE_OPERATIONS
from parley.app.views import Views
from parley.app.watchops import WATCH_OPERATIONS
from parley.app.watchparams import (
    Params,
    language_of,
    own_language,
    precedence_of,
    recipients_of,
    reference_of,
    with_views,
)
from parley.errors import ParleyError, UsageError
from parley.forms.library import Forms
from parley.procedure.outgoing import watermark
from parley.procedure.watch import Said
from parley.wire.documents import decode_bundle
from parley.wire.readback import ReadBack
from parley.wire.statement import Kind, Message


async def send(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """Write a message, free text or a form; returns when it is durable here, with its id."""
    if params.get("form"):
        return await _send_form(runtime, params)
    text = str(params["text"])
    if not text.strip():
        raise UsageError("there is no text to send.", code="text-empty")
    if len(text.encode()) > limits.MAX_TEXT:
        raise UsageError(
            f"the text has {len(text.encode())} bytes, at most {limits.MAX_TEXT} go into one message.",
            code="text-too-large",
            next_step="Send it in parts.",
        )
    to = recipients_of(runtime, params)
    language = language_of(runtime, params)
    precedence = precedence_of(params.get("precedence") or "routine")
    reply_by = _reply_by(runtime, params)
    content = Message(text, language, precedence, str(params.get("subject") or ""), reply_by=reply_by)
    entry = await runtime.send(content, to)
    return with_views(runtime, lambda views: views.message(entry).as_json())


def _reply_by(runtime: Runtime, params: Params) -> int:
    """Until when an answer is asked for, POSIX seconds; 0 for no time. Raises UsageError for a time gone by."""
    reply_by = int(params.get("reply_by") or 0)
    if reply_by and reply_by <= runtime.node.wall_s():
        raise UsageError(
            "the time to reply by lies in the past.",
            code="reply-by-past",
            next_step="Give a later time, with its zone, such as 2026-03-10T03:04Z, or minutes from now, such as +90.",
        )
    return reply_by


def _forms(runtime: Runtime) -> Forms:
    return forms_of(runtime.node.line.membership.current.charter, runtime.line_home.forms)


async def _send_form(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """Write a form; ``about`` and ``relation`` name the message that it answers, corrects or cancels.

    A ``draft``, which was read from what others wrote, is sent with its faults, and shown with them.
    """
    forms = _forms(runtime)
    form, values = forms.named(str(params["form"])), dict(params.get("values") or {})
    filled = fill(forms, form, values, draft=bool(params.get("draft")))
    given, draft = params.get("precedence"), bool(params.get("draft"))
    # What was read from others' notices is as urgent as its officer says.
    urgent = None if draft else urgency(filled, runtime.node.wall_s())
    content = message_of(forms, filled, language_of(runtime, params), precedence_of(given) if given else urgent)
    content = replace(content, subject=str(params.get("subject") or ""), reply_by=_reply_by(runtime, params))
    to = recipients_of(runtime, params)
    if (reference := reference_of(runtime, params, form)) is not None:
        content = replace(content, refs=(reference,))
        to = to or runtime.audience(reference.entry)
    asked = await asked_of(runtime, filled)
    entry = await runtime.send(content, to)
    return {**with_views(runtime, lambda views: views.message(entry).as_json()), "questions": asked}


async def inbox(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """Messages addressed here that wait to be acknowledged; with ``all``, every message.

    ``limit`` takes the first of what waits, the newest of all, and of all that came ``after`` a place the first.
    """
    limit, after, language = params.get("limit"), params.get("after"), str(params.get("in") or "")

    def ask(views: Views) -> Any:  # noqa: ANN401 - JSON
        if not params.get("all"):
            return [m.as_json() for m in views.open_messages()]
        found = views.messages(limit=limit) if after is None else views.messages(int(after), limit=int(limit or 1))
        return [m.as_json() for m in found]

    if limit is not None and not params.get("all"):
        return await inbox_of(runtime).ask(lambda box: box.rows(box.waiting(0, int(limit)), language))
    return await asyncio.to_thread(with_views, runtime, ask, language)


async def show(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """One message, without marking it as read; ``in`` is the language that forms are shown in."""
    entry = with_views(runtime, lambda v: v.find(params["id"]))

    def ask(views: Views) -> Any:  # noqa: ANN401 - JSON
        found = views.message(entry).as_json()
        return {**found, "signed": runtime.attested(views, entry)} if found["signed"] else found

    message = with_views(runtime, ask, str(params.get("in") or ""))
    return await asyncio.to_thread(with_translations, runtime, entry, message)


async def _mark(runtime: Runtime, kind: Kind, params: Params) -> Any:  # noqa: ANN401 - JSON
    entry = with_views(runtime, lambda v: v.find(params["id"]))
    signed = None if kind is Kind.READ else signature_of(runtime, kind, entry, params)
    text, role = str(params.get("text") or ""), str(params.get("role") or "watch")
    await runtime.mark(kind, entry, text, role, signed, places_of(params))
    message = with_views(runtime, lambda v: v.message(entry).as_json(), str(params.get("in") or ""))
    return await asyncio.to_thread(with_translations, runtime, entry, message)


async def read(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """One message, marked as read on the record when it is another's and was not yet."""
    try:
        return await _mark(runtime, Kind.READ, params)
    except UsageError as error:
        if error.code not in ("already-marked", "message-unknown"):
            raise
        return await show(runtime, params)


async def readback(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """Where the places of a message lie, by this side's own computing (R58); ``in`` is the reader's language."""
    language = str(params.get("in") or "") or own_language(runtime)

    def ask(views: Views) -> list[dict[str, Any]]:
        view = views.message(views.find(params["id"]))
        if not stated_places(view):
            return []
        return read_back(view, guard.kept, guard.register.named_places(), language)

    guard = guard_of(runtime)
    return await guard.ask(ask)


async def _ack_places(runtime: Runtime, params: Params) -> tuple[ReadBack, ...]:
    """The read-back that goes with an acknowledgement."""

    def ask(views: Views) -> tuple[ReadBack, ...]:
        view = views.message(views.find(params["id"]))
        return tuple(place for _, place in found_places(view, guard.register.named_places()))

    guard = guard_of(runtime)
    return await guard.ask(ask)


async def to_sign(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """What an officer signs to acknowledge ``id``, or to ``decline`` it: ``hash``, and what goes back beside it."""
    kind = Kind.DECLINED if params.get("decline") else Kind.ACKNOWLEDGED
    places = () if kind is Kind.DECLINED else await _ack_places(runtime, params)
    entry = with_views(runtime, lambda v: v.find(params["id"]))
    text, role = str(params.get("text") or ""), str(params.get("role") or "watch")
    return mark_to_sign(runtime, kind, entry, text, role, places=places).as_json()


async def acknowledge(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """Acknowledge a message, which says that it was read, too; the read-back of its places goes with it.

    With ``assertion``, what ``to-sign`` gave goes back unchanged, since the officer signed it.
    """
    if not params.get("assertion"):
        params = {**params, "places": [p.plain() for p in await _ack_places(runtime, params)]}
    return await _mark(runtime, Kind.ACKNOWLEDGED, params)


async def decline(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """Decline a message, with a reason."""
    return await _mark(runtime, Kind.DECLINED, params)


async def reply(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """Answer a message."""
    entry = with_views(runtime, lambda v: v.find(params["id"]))
    language = language_of(runtime, params)
    precedence = precedence_of(params.get("precedence") or "routine")
    written = await runtime.reply(entry, str(params["text"]), language, precedence)
    return with_views(runtime, lambda v: v.message(written).as_json())


async def status(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """Per member and bearer: last heard, what was sent, delivered, read, acknowledged; the oldest unanswered."""
    del params
    line = runtime.node.line
    messages = await asyncio.to_thread(
        with_views, runtime, lambda v: [m.as_json() for m in v.messages() if not (m.erased or m.fact)]
    )
    evidence = with_views(runtime, lambda v: v.evidence())
    peers = []
    for number, peer in sorted(line.peers.items()):
        member = line.membership.member(number)
        mine = [(m, x) for m in messages if m["mine"] for x in m["recipients"] if x["code"] == member.code]
        waiting = [m for m, x in mine if not (x["acknowledged"] or x["declined"] or x["answered"])]
        theirs = [m for m in messages if m["author"] == member.code and m["open"]]
        peers.append(
            {
                "code": member.code,
                "name": member.name,
                "left": member.left,
                "last_heard": peer.heard_wall,
                "bearers": [{"name": b.name, "up": b.name in peer.links} for b in runtime.bearers],
                "sent": len(mine),
                **{k: sum(1 for _, x in mine if x[k]) for k in ("delivered", "read", "declined", "answered")},
                # Who declined after all has not accepted: each message is in one of the two columns.
                "acknowledged": sum(1 for _, x in mine if x["acknowledged"] and not x["declined"]),
                "oldest_unanswered": min((m["time"] for m in waiting), default=0),
                "waiting_here": len(theirs),
                "oldest_waiting_here": min((m["time"] for m in theirs), default=0),
            }
        )
    charter = line.membership.current.charter
    return {
        "line": charter.line,
        "class": charter.purpose,
        "me": line.membership.member(line.me).code,
        "entries": sum(t.size for t in line.trees),
        "trouble": str(runtime.node.trouble) if runtime.node.trouble else "",
        "refilling": runtime.refilling,
        "two_histories": evidence,
        "armed_consoles": runtime.armed_consoles,
        "peers": peers,
    }


async def members(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """Take in signed documents from a bundle's text."""
    for raw in in_turn(decode_bundle(str(params["bundle"]).encode()).values()):
        runtime.node.add_document(raw)
    return {"added": True}


async def areas(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """The areas of messages in a format that others read (``as``); without ``ids``, of all that nobody ended since."""
    guard = guard_of(runtime)

    def ask(views: Views) -> str:
        named = [views.message(views.find(name)) for name in params.get("ids") or ()]
        # What its author cancelled, replaced or stated anew is no danger any more, and must not stay on a map.
        found = named or [view for view in views.messages() if view.id in guard.register.notices]
        drafts = [d for view in found if (d := draft_of_message(view)) is not None and d.parts]
        me, charter = views.membership.member(views.me).code, views.membership.current.charter
        return write_areas(drafts, str(params["as"]), me, exercise=charter.purpose == "exercise")

    return await guard.ask(ask)


async def export(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """Write the record to a file."""
    line = runtime.node.line
    await runtime.node.post_quantum()
    path = Path(params["path"])
    reader = runtime.node.store.reader()
    try:
        return await asyncio.to_thread(write_record, reader, line.membership, path)
    finally:
        reader.close()


async def proof(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """Write the proof of one message to a file (a C2SP tlog-proof)."""
    await runtime.node.post_quantum()
    path = Path(params["path"])

    def write(views: Views) -> dict[str, Any]:
        reader = runtime.node.store.reader()
        try:
            return write_proof(reader, views.membership, views.find(params["id"]), path)
        finally:
            reader.close()

    return await asyncio.to_thread(with_views, runtime, write)


async def prune(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
    """Erase the contents of messages older than the retention; the record stays whole."""
    days = params.get("days")
    retention = runtime.node.line.membership.current.charter.retention_days
    if days is not None and days < retention and not params.get("force"):
        raise UsageError(
            f"the charter keeps contents for {retention} days.",
            code="retention-shorter",
            next_step="Amend the charter, or use --force, which erases your own copy only.",
        )
    before = int(runtime.node.wall_s()) - 86400 * (retention if days is None else days)
    erased = await runtime.node.prune(before)
    await asyncio.to_thread(inbox_of(runtime).forget)
    if erased:
        desk = desk_of(runtime)
        await desk.alone(desk.forget)
        await guard_of(runtime).begin_anew()
    return {"erased": erased, "before": before}


Operation = Callable[[Runtime, Params], Awaitable[Any]]


def _attributed(name: str, operation: Operation) -> Operation:
    """``operation``, with a line in the log of the watch where ``officer`` says who asked for it."""

    async def attributed(runtime: Runtime, params: Params) -> Any:  # noqa: ANN401 - JSON
        found = await operation(runtime, params)
        officer = str(params.get("officer") or "").strip()
        if officer:
            about = str(params.get("id") or "")
            written = found.get("id", "") if isinstance(found, dict) else ""
            ids = " ".join(part for part in (about, written if written != about else "") if part)
            await desk_of(runtime).note(officer, Said(f"did-{name}", {"ids": ids}))
        return found

    return attributed


_ATTRIBUTED: Final = frozenset(
    {
        "send",
        "read",
        "ack",
        "decline",
        "reply",
        "export",
        "prune",
        "watch-test",
        "watch-declare",
        "watch-hold",
        "watch-onward",
        "watch-follow",
    }
)
"""Operations that name no officer by themselves; the log of the watch says what they did (``did-`` and the name)."""

_OPERATIONS: Final[dict[str, Operation]] = {
    "send": send,
    "inbox": inbox,
    "show": show,
    "read": read,
    "readback": readback,
    "ack": acknowledge,
    "decline": decline,
    "reply": reply,
    "status": status,
    "members": members,
    "areas": areas,
    "export": export,
    "proof": proof,
    "prune": prune,
    **MAPPING_OPERATIONS,
    **SHEET_OPERATIONS,
    **COMPOSING_OPERATIONS,
    **SITE_OPERATIONS,
    **MOVEMENT_OPERATIONS,
    **FOLLOWING_OPERATIONS,
    **WATCH_OPERATIONS,
    **OFFICER_OPERATIONS,
    **RECORD_OPERATIONS,
    **PLAN_OPERATIONS,
    "to-sign": to_sign,
}

OPERATIONS: Final[dict[str, Operation]] = {
    name: _attributed(name, operation) if name in _ATTRIBUTED else operation for name, operation in _OPERATIONS.items()
}
"""By name, as the control socket and the faces ask for them."""


def mark_of(runtime: Runtime) -> str:
    """What stands on every screen of the line; empty for operation (B9)."""
    return watermark(runtime.node.line.membership.current.charter.purpose)


class ControlServer:
    """Serves OPERATIONS on a Unix socket that only the owner can open: one JSON object a line each way."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen. The directory's lock is ours, so a socket that is there already is a dead one."""
        path = self._runtime.line_home.control
        path.unlink(missing_ok=True)
        with short_name(path) as short:
            self._server = await asyncio.start_unix_server(self._accept, path=short, limit=MAX_REQUEST)
        path.chmod(0o600)

    async def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._server.wait_closed()
            self._runtime.line_home.control.unlink(missing_ok=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # In a task of our own: asyncio logs one of its own that is cancelled as a failure.
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while request := await reader.readline():
                answer = await self._answer(request)
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError):
            return
        finally:
            writer.close()

    async def _answer(self, request: bytes) -> dict[str, Any]:
        try:
            asked = json.loads(request)
            operation = OPERATIONS[asked["operation"]]
            return {"result": await operation(self._runtime, asked.get("params", {})), "mark": mark_of(self._runtime)}
        except ParleyError as error:
            return {"error": error_data(error)}
        except (KeyError, TypeError, ValueError) as error:
            return {
                "error": error_data(UsageError(f"the request is not understood: {error!r}.", code="request-malformed"))
            }
