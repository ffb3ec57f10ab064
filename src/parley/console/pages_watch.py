"""The watch: whose turn it is, drafts and their release, handover, line tests, silence, the log, the record."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from starlette.responses import JSONResponse, Response

from parley.console.glance import silence_words, stage_words, status_words, step_words
from parley.console.hub import whole
from parley.console.pages_messages import HELD, finish_assertion, read_utc, relation_words, safe_name, send_draft
from parley.console.web import Visit, page
from parley.errors import UsageError


@page("/lines/{line}/watch", menu="Whose turn", key="t", order=20)
async def turns(visit: Visit) -> Response:
    """Every clock that runs, the soonest deadline first."""
    watch = await visit.ask("watch")
    rows = sorted(watch["messages"], key=lambda m: (not m["overdue"], m["deadline"] or 1 << 62))
    return await visit.render(
        "turns.html",
        title=visit.say("Whose turn"),
        rows=rows,
        watch=watch,
        stage=lambda row: stage_words(visit, row["stage"]),
        step=lambda name: step_words(visit, name),
    )


# -- drafts -----------------------------------------------------------------------------------------------


@page("/lines/{line}/drafts", menu="Drafts", key="d", order=40)
async def drafts(visit: Visit) -> Response:
    """What is written and not sent."""
    watch = await visit.ask("watch")
    return await visit.render("drafts.html", title=visit.say("Drafts"), drafts=watch["drafts"])


@page("/lines/{line}/drafts/{number}")
async def draft(visit: Visit) -> Response:
    """One draft: what holds it, who approved it, and its release. One that is gone says so where it is open still."""
    number = visit.request.path_params["number"]
    watch = await visit.ask("watch")
    found = next((d for d in watch["drafts"] if str(d["number"]) == number), None)
    title = visit.say("Draft %(number)s", number=number)
    if found is None:
        return await visit.render("draft_gone.html", title=title)
    newer = [await visit.ask("show", id=name, **{"in": visit.language}) for name in found["newer"]]
    return await visit.render(
        "draft.html",
        title=title,
        draft=found,
        newer=newer,
        own=found["officer"] == visit.officer,
        approved=visit.officer in found["approved_by"],
        signed=visit.officer in found["signed_by"],
        enough=len(found["signed_by"]) >= found["keys"],
        relation=lambda name: relation_words(visit, name),
    )


@page("/lines/{line}/drafts/{number}/act", methods=("POST",), name="draft_act")
async def draft_act(visit: Visit) -> Response:
    """Approve, release or drop a draft, as the button says."""
    number, how = visit.request.path_params["number"], await visit.field("how")
    if how == "approve":
        statement = await visit.field("statement")
        await visit.ask("watch-approve", number=number, officer=visit.officer, statement=statement)
        visit.tell("draft")
        return visit.go("draft", line=visit.line_name, number=number)
    if how == "drop":
        await visit.ask("watch-release", number=number, officer=visit.officer, drop=True)
        visit.tell("draft")
        return visit.go("drafts", line=visit.line_name)
    if how != "release":
        raise UsageError(f"{how!r} is nothing that is done with a draft.", code="request-malformed")
    confirm = await visit.field("confirm") == "yes"
    done = await visit.ask("watch-release", number=number, officer=visit.officer, confirm=confirm)
    return visit.go("message", line=visit.line_name, id=done["id"])


@page("/lines/{line}/drafts/{number}/sign/begin", methods=("POST",), name="draft_sign_begin")
async def draft_sign_begin(visit: Visit) -> Response:
    """What the officer's passkey signs of a draft: the hash of the very statement."""
    given, number = await visit.json(), visit.request.path_params["number"]
    try:
        statement = bytes.fromhex(str(given.get("statement", "")))
    except ValueError:
        raise UsageError("a statement's hash has 64 hexadecimal digits.", code="release-changed") from None
    if visit.who is None:
        raise UsageError("nobody is signed in here.", code="sign-in-needed")
    send, confirm = given.get("send") == "yes", given.get("confirm") == "yes"
    data = ("draft", visit.line_name, number, statement.hex(), send, confirm)
    return JSONResponse(visit.console.sign_in.begin_assertion(visit.session.token, visit.who, statement, data))


@page("/lines/{line}/drafts/{number}/sign/finish", methods=("POST",), name="draft_sign_finish")
async def draft_sign_finish(visit: Visit) -> Response:
    """The officer's word over the draft; where it was the last that was wanted, the draft is sent."""
    number = visit.request.path_params["number"]
    assertion, data = await finish_assertion(visit)
    if tuple(data[:3]) != ("draft", visit.line_name, number):
        raise UsageError("this was begun for something else.", code="ceremony-unknown")
    statement, send, confirm = data[3:]
    await visit.ask("watch-approve", number=number, officer=visit.officer, statement=statement, assertion=assertion)
    visit.tell("draft")
    to = visit.address("draft", line=visit.line_name, number=number)
    if send:
        try:
            done = await visit.ask("watch-release", number=number, officer=visit.officer, confirm=confirm)
        except UsageError as error:
            # It is signed, and may not leave yet: its page says why.
            if error.code not in HELD:
                raise
        else:
            to = visit.address("message", line=visit.line_name, id=done["id"])
    return JSONResponse({"to": to})


@page("/lines/{line}/no-duff/{id}")
async def no_duff(visit: Visit) -> Response:
    """What is real on an exercise line, as a draft for the operational line: another line, so written anew (D10)."""
    to = visit.request.query_params.get("to", "")
    visit.console.line(to)
    shown = await visit.ask("show", id=visit.request.path_params["id"])
    return await visit.render("noduff.html", title="NO DUFF", message=shown, to=to)


@page("/lines/{line}/text", methods=("POST",))
async def send_text(visit: Visit) -> Response:
    """Write free text, as a draft that is released at once where it may be."""
    to = [str(code) for code in (await visit.fields()).getlist("to")]
    return await send_draft(
        visit,
        text=await visit.field("text"),
        precedence=await visit.field("precedence", "ROUTINE"),
        language=await visit.field("language") or visit.language,
        subject=await visit.field("subject"),
        seen=await visit.field("seen"),
        to=to,
    )


# -- the watch ----------------------------------------------------------------------------------------------


@page("/lines/{line}/handover", menu="Handover", key="o", order=50)
async def handover(visit: Visit) -> Response:
    """Who has the watch, the summary of what is open, and the roster."""
    role = visit.request.query_params.get("role", "watch")
    watch = await visit.ask("watch")
    summary = await visit.ask("watch-handover", role=role)
    shifts = await visit.ask("watch-roster", role=role)
    duty = next((d for d in watch["duties"] if d["role"] == role), None)
    offer = next((h for h in watch["handovers"] if h["role"] == role), None)
    return await visit.render(
        "handover.html",
        title=visit.say("Handover"),
        role=role,
        roles=visit.line.procedures.ladder.roles,
        summary=summary,
        state=lambda item: item_state(visit, item["sort"], item["state"]),
        texts={m["id"]: m for m in watch["messages"]},
        shifts=shifts,
        duty=duty,
        offer=offer,
    )


def item_state(visit: Visit, sort: str, state: str) -> str:
    """How something that is open stands (parley.app.desk), in words."""
    first, _, last = state.rpartition(" ")
    if sort == "message":
        stage, _, party = state.rpartition(", ")
        return f"{stage_words(visit, stage)}, {party}"
    if sort == "line":
        return status_words(visit, state)
    if sort == "silence":
        return silence_words(visit, state)
    if sort == "mute":
        return f"{visit.say('until')} {visit.times.utc(int(last))}"
    if sort == "draft":
        return f"{visit.say('by')} {visit.named(state.removeprefix('by '))}"
    if last.isdigit():
        whose = visit.say("ours of") if first.startswith("ours") else visit.say("theirs of")
        return f"{whose} {visit.times.utc(int(last))}"
    return visit.say(state)


@page("/lines/{line}/handover", methods=("POST",), name="handover_act")
async def handover_act(visit: Visit) -> Response:
    """Offer, relieve, take the watch, or put somebody on the roster."""
    how, role = await visit.field("how"), await visit.field("role", "watch")
    if how == "offer":
        await visit.ask("watch-handover", role=role, officer=visit.officer)
    elif how in ("relieve", "take"):
        if await visit.field("read") != "yes":
            raise UsageError(
                "the summary was not acknowledged.",
                code="handover-unread",
                next_step="Read what is open, tick the box, then take over.",
            )
        summary = await visit.field("summary")
        await visit.ask("watch-relieve", role=role, officer=visit.officer, summary=summary, take=how == "take")
    elif how == "roster":
        start = whole(await visit.field("start"))
        if start is None:
            raise UsageError("the start of the turn is no time.", code="request-malformed")
        await visit.ask("watch-roster", role=role, officer=await visit.field("officer"), start=start)
    else:
        raise UsageError(f"{how!r} is no part of a handover.", code="request-malformed")
    visit.tell("handover")
    return visit.to(f"{visit.address('handover', line=visit.line_name)}?role={role}")


@page("/lines/{line}/log", menu="Log", key="l", order=60)
async def log(visit: Visit) -> Response:
    """The log of the watch, newest first."""
    facts = await visit.ask("watch-log", limit=300, **{"in": visit.language})
    return await visit.render(
        "log.html",
        title=visit.say("Log of the watch"),
        facts=facts[::-1],
        stage=lambda fact: stage_words(visit, str(fact["stage"])),
        step=lambda rung: step_words(visit, rung),
    )


@page("/lines/{line}/log", methods=("POST",), name="log_note")
async def log_note(visit: Visit) -> Response:
    """A line for the log."""
    text = (await visit.field("text")).strip()
    if not text:
        raise UsageError("there is nothing to enter.", code="text-empty")
    await visit.ask("watch-note", officer=visit.officer, text=text)
    return visit.go("log", line=visit.line_name)


@page("/lines/{line}/line", menu="Line", key="n", order=70)
async def line_state(visit: Visit) -> Response:
    """Tests, declared silence, the agreement, the record."""
    watch = await visit.ask("watch")
    said = silence_words(visit, watch["declared"]["declared"])
    return await visit.render("line.html", title=visit.say("The line"), watch=watch, silence=said)


@page("/lines/{line}/line", methods=("POST",), name="line_act")
async def line_act(visit: Visit) -> Response:
    """Run a line test, copy one back, declare silence or the agreement's status."""
    how = await visit.field("how")
    if how == "test":
        await visit.ask("watch-test", officer=visit.officer)
    elif how == "copy":
        text = await visit.field("text")
        await visit.ask("watch-test", id=await visit.field("id"), text=text, officer=visit.officer)
    elif how == "silence":
        until = await visit.field("until")
        silence = await visit.field("silence")
        at = read_utc(until) if until else 0
        await visit.ask("watch-declare", silence=silence, until=at, officer=visit.officer)
    elif how == "agreement":
        status = await visit.field("agreement")
        reason = await visit.field("reason")
        await visit.ask("watch-declare", agreement=status, reason=reason, officer=visit.officer)
    else:
        raise UsageError(f"{how!r} is nothing that is done with a line.", code="request-malformed")
    return visit.go("line_state", line=visit.line_name)


@page("/lines/{line}/export", methods=("POST",))
async def export(visit: Visit) -> Response:
    """The record as a file that stands on its own; 'parley verify' checks it."""
    name = f"{safe_name(visit.line_name)}-{visit.console.now()}.parley"
    with tempfile.TemporaryDirectory(prefix="parley-") as folder:
        path = Path(folder) / name
        await visit.ask("export", path=str(path), officer=visit.officer)
        data = await asyncio.to_thread(path.read_bytes)
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(data, media_type="application/zip", headers=headers)
