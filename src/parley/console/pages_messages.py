"""One message with all that is known of it, and what an officer does with it."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any, Final

from starlette.responses import JSONResponse, PlainTextResponse, Response

from parley.app.provenance import References
from parley.app.signing import plain, wants_key
from parley.console.faults import in_line
from parley.console.glance import stage_words, step_words
from parley.console.hub import whole
from parley.console.web import Visit, page
from parley.errors import ParleyError, UsageError
from parley.wire.statement import WATCH_FORMS, Precedence

HELD: Final = ("draft-overtaken", "release-needed", "release-key-needed", "key-needed")
"""Why a draft is kept, and not sent."""
_WORDS_OF: Final = {f"{WATCH_FORMS}holding-reply": "holding", f"{WATCH_FORMS}misuse": "misuse"}
"""Facts of the watch that carry an officer's own words, and how they go on with a message."""
_MESSAGE: Final = "/lines/{line}/messages/{id}"


@page(_MESSAGE)
async def message(visit: Visit) -> Response:
    """One message; opening it does not mark it as read."""
    name = str(visit.request.path_params["id"])
    shown = await visit.ask("show", id=name, **{"in": visit.language})
    if shown["fact"]:
        original = None
    else:
        original = await _original(visit, shown)
    clocks, next_steps = await _clocks(visit, name)
    return await visit.render(
        "message.html",
        title=shown["title"] or shown["subject"] or shown["text"][:60] or name,
        message=shown,
        original=original,
        clocks=clocks,
        late=shown["mine"] and any(c["overdue"] for c in clocks),
        next_steps=next_steps,
        answers=_answers(visit, shown["form"]),
        step=lambda name: step_words(visit, name),
        origin=await _or_error(visit, "origin", id=name),
        signed_class=_wants_key(visit, name),
        places=await visit.ask("readback", id=name, **{"in": visit.language}),
        conflicts=await _conflicts(visit, shown),
        onward=await _onward(visit, name),
        following=_following(visit, name),
        next_forms=await visit.ask("follow", id=name, **{"in": visit.language}) if shown["form"] else [],
        precedences=[p.name for p in reversed(Precedence)],
        stage=lambda row: stage_words(visit, row["stage"]),
        relation=lambda name: relation_words(visit, name),
        exercise_real=shown["text"].lstrip().upper().startswith("NO DUFF"),
        operational=[n for n in visit.console.lines if n != visit.line_name],
    )


async def _or_error(visit: Visit, operation: str, **params: Any) -> dict[str, Any]:  # noqa: ANN401
    try:
        found: dict[str, Any] = await visit.ask(operation, **params)
    except ParleyError as error:
        return {"error": in_line(visit, error), "code": error.code}
    return found


async def _original(visit: Visit, shown: dict[str, Any]) -> dict[str, Any] | None:
    """A form as its author wrote it, where the officer reads another language (R42); None where it is the same."""
    if not shown["form"] or shown["language"] == visit.language:
        return None
    found: dict[str, Any] = await visit.ask("show", id=shown["id"], **{"in": shown["language"]})
    return found


def _answers(visit: Visit, form: str) -> list[tuple[str, str]]:
    """The forms that a form is answered by: id and title in the officer's language."""
    forms = visit.line.forms
    asked = forms.get(form) if form else None
    if asked is None:
        return []
    words = forms.words(visit.language)
    return [(f.id, words.within(f.pack).say(f.title)) for f in forms if f.name in asked.answers]


async def _clocks(visit: Visit, name: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The clocks of a message, and the drafts of the step that comes next after it (B8)."""
    watch = await visit.ask("watch")
    opened = [d for d in watch["drafts"] if {"relation": "continues", "id": name} in d["refs"]]
    return [row for row in watch["messages"] if row["id"] == name], opened


async def _onward(visit: Visit, name: str) -> dict[str, Any] | None:
    watch = await visit.ask("watch")
    return next((o for o in watch["onward"] if o["id"] == name), None)


async def _conflicts(visit: Visit, shown: dict[str, Any]) -> list[dict[str, Any]]:
    """What of the own plans this message clashes with; only a form states areas that are checked here."""
    if not shown["form"] or shown["mine"] or shown["fact"]:
        return []
    found = await visit.ask("check")
    return [c for c in found["conflicts"] if c["notice"].rpartition("/")[0] == shown["id"]]


def _wants_key(visit: Visit, name: str) -> bool:
    """Whether the acknowledgement is signed by the officer's key (D9)."""
    views = visit.line.views()
    try:
        entry = views.find(name)
    finally:
        views.close()
    return wants_key(visit.line, entry) is not None


def _following(visit: Visit, name: str) -> list[dict[str, Any]]:
    """What answers, corrects, cancels or asks about this message, oldest first."""
    references = visit.console.references.setdefault(visit.line_name, References())
    views = visit.line.views(visit.language)
    try:
        references.read_on(views)
        found = []
        for relation, entry in references.to(views.find(name)):
            view = views.message(entry).as_json()
            if not view["fact"]:
                found.append({**view, "relation": relation.name.lower()})
            elif view["form"] in _WORDS_OF:
                # An officer's words about the message: what was understood of it, or that it is a misuse (R16, R38).
                said = view["values"]
                text = said.get("understood", said.get("reason", ""))
                found.append({**view, "relation": _WORDS_OF[view["form"]], "text": text})
        return found
    finally:
        views.close()


def relation_words(visit: Visit, name: str) -> str:
    """How a message goes on with another, in words."""
    known = {
        "reply": visit.say("answers"),
        "corrects": visit.say("CORRECTS"),
        "cancels": visit.say("CANCELS"),
        "supersedes": visit.say("takes the place of"),
        "continues": visit.say("continues"),
        "queries": visit.say("questions"),
        "subject": visit.say("is about"),
        "holding": visit.say("understood it so, and is preparing an answer"),
        "misuse": visit.say("put it on the record as misuse of the line"),
    }
    return known.get(name, name)


@page(f"{_MESSAGE}/proof")
async def proof(visit: Visit) -> Response:
    """Under whose key a message lies, and the proof that anyone can check."""
    name = str(visit.request.path_params["id"])
    origin = await _or_error(visit, "origin", id=name)
    made = await _or_error(visit, "prove", id=name) if "error" not in origin else origin
    return await visit.render("proof.html", title=visit.say("Proof"), id=name, origin=origin, proof=made)


@page(f"{_MESSAGE}/proof/{{part}}", name="proof_file")
async def proof_file(visit: Visit) -> Response:
    """The proof (c2sp.org/tlog-proof) or its policy (c2sp.org/tlog-policy) as a file."""
    name, part = str(visit.request.path_params["id"]), visit.request.path_params["part"]
    made = await visit.ask("prove", id=name)
    kind, text = ("policy", made["policy"]) if part == "policy" else ("tlog-proof", made["text"])
    headers = {"content-disposition": f'attachment; filename="{made["author"]}-{made["index"]}.{kind}"'}
    return PlainTextResponse(text, headers=headers)


# -- what an officer does ----------------------------------------------------------------------------------


def back(visit: Visit) -> Response:
    """To the message again."""
    return visit.go("message", line=visit.line_name, id=str(visit.request.path_params["id"]))


@page(f"{_MESSAGE}/mark", methods=("POST",))
async def mark(visit: Visit) -> Response:
    """Read, acknowledge or decline, as the button says; the role acts, the officer is in the log of the watch."""
    name, how = str(visit.request.path_params["id"]), await visit.field("how")
    text = (await visit.field("text")).strip()
    if how not in ("read", "ack", "decline"):
        raise UsageError(f"{how!r} is nothing that is done with a message.", code="request-malformed")
    if how == "decline" and not text:
        raise UsageError("say why it is declined.", code="reason-missing", next_step="Write a reason, then decline.")
    if how == "ack":
        await _compared(visit, name, await visit.field("checked"))
    await visit.ask(how, id=name, text=text, officer=visit.officer)
    return back(visit)


async def _compared(visit: Visit, name: str, checked: object) -> None:
    """Raises UsageError where a message has places, and the officer did not say that they were compared (R58)."""
    if await visit.ask("readback", id=name) and checked != "yes":
        raise UsageError(
            "the places of this message were not confirmed.",
            code="readback-needed",
            next_step="Compare where they lie with what was meant, tick the box, then acknowledge.",
        )


@page(f"{_MESSAGE}/sign/begin", methods=("POST",), name="sign_begin")
async def sign_begin(visit: Visit) -> Response:
    """What the officer's passkey signs of an acknowledgement or a refusal."""
    given, name = await visit.json(), str(visit.request.path_params["id"])
    how, text = str(given.get("how", "")), str(given.get("text", "")).strip()
    if how not in ("ack", "decline") or visit.who is None:
        raise UsageError(f"{how!r} is nothing that is signed.", code="request-malformed")
    if how == "ack":
        await _compared(visit, name, given.get("checked"))
    asked = await visit.ask("to-sign", id=name, text=text, decline=how == "decline")
    data = ("mark", visit.line_name, name, how, asked)
    begun = visit.console.sign_in.begin_assertion(visit.session.token, visit.who, bytes.fromhex(asked["hash"]), data)
    return JSONResponse(begun)


@page(f"{_MESSAGE}/sign/finish", methods=("POST",), name="sign_finish")
async def sign_finish(visit: Visit) -> Response:
    """The officer's word over it goes on the record with it."""
    name = str(visit.request.path_params["id"])
    assertion, data = await finish_assertion(visit)
    if tuple(data[:3]) != ("mark", visit.line_name, name):
        raise UsageError("this was begun for something else.", code="ceremony-unknown")
    how, asked = data[3:]
    said = {k: asked[k] for k in ("text", "role", "nonce", "places")}
    await visit.ask(how, id=name, officer=visit.officer, assertion=assertion, **said)
    return JSONResponse({"to": visit.address("message", line=visit.line_name, id=name)})


async def finish_assertion(visit: Visit) -> tuple[list[str], Any]:
    """The assertion as operations take it, and what it was begun for. Raises SignatureInvalid, UsageError."""
    given = await visit.json()
    if visit.who is None:
        raise UsageError("nobody is signed in here.", code="sign-in-needed")
    assertion, data = await visit.console.sign_in.finish_assertion(
        visit.session.token, visit.who, str(given.get("ceremony", "")), given.get("response")
    )
    return plain(assertion), data


@page(f"{_MESSAGE}/reply", methods=("POST",))
async def reply(visit: Visit) -> Response:
    """Answer by a draft: what came meanwhile holds it (B11), and a second officer is asked where one is needed."""
    return await send_draft(
        visit,
        about=str(visit.request.path_params["id"]),
        relation="reply",
        text=await visit.field("text"),
        precedence=await visit.field("precedence", "ROUTINE"),
        language=await visit.field("language"),
        seen=await visit.field("seen"),
    )


async def send_draft(visit: Visit, **params: Any) -> Response:  # noqa: ANN401
    """Keep a draft and release it; where it may not leave, to the draft, which says why."""
    if not str(params.get("text", "x")).strip():
        raise UsageError("there is no text to send.", code="text-empty")
    if not params.get("seen"):
        params.pop("seen", None)
    draft = await visit.ask("watch-draft", officer=visit.officer, **params)
    try:
        sent = await visit.ask("watch-release", number=draft["number"], officer=visit.officer)
    except UsageError as error:
        if error.code not in HELD:
            raise
        return visit.go("draft", line=visit.line_name, number=str(draft["number"]))
    return visit.go("message", line=visit.line_name, id=sent["id"])


@page(f"{_MESSAGE}/hold", methods=("POST",))
async def hold(visit: Visit) -> Response:
    """A holding reply: what was understood, and by when the answer comes (R16)."""
    within = whole(await visit.field("within"))
    answer_by = 0 if within is None else visit.console.now() + within * 60
    text = (await visit.field("text")).strip()
    if not text:
        raise UsageError("say in your own words what you understood.", code="text-empty")
    await visit.ask(
        "watch-hold", id=visit.request.path_params["id"], text=text, answer_by=answer_by, officer=visit.officer
    )
    return back(visit)


@page(f"{_MESSAGE}/follow", methods=("POST",))
async def follow(visit: Visit) -> Response:
    """Question, correct or cancel, in one step and as loud as the original (R49, R72)."""
    how, text = await visit.field("how"), (await visit.field("text")).strip()
    if how not in ("query", "correct", "cancel"):
        raise UsageError(f"{how!r} is no follow-up.", code="request-malformed")
    if not text:
        raise UsageError("say what.", code="text-empty")
    done = await visit.ask(
        "watch-follow", id=visit.request.path_params["id"], how=how, text=text, officer=visit.officer
    )
    return visit.go("message", line=visit.line_name, id=done["id"])


@page(f"{_MESSAGE}/onward", methods=("POST",))
async def onward(visit: Visit) -> Response:
    """Pass a notification on to units' roles, or enter that a unit acknowledged it (R60, R61)."""
    name = str(visit.request.path_params["id"])
    if await visit.field("roles"):
        roles = [r.strip() for r in (await visit.field("roles")).split(",") if r.strip()]
        effect = read_utc(await visit.field("effect_at")) if await visit.field("effect_at") else 0
        await visit.ask("watch-onward", id=name, roles=roles, effect_at=effect, officer=visit.officer)
    else:
        role, by_phone = await visit.field("role"), await visit.field("telephone_at")
        at = read_utc(by_phone) if by_phone else 0
        await visit.ask("watch-onward", id=name, role=role, telephone_at=at, officer=visit.officer)
    return back(visit)


@page(f"{_MESSAGE}/translate", methods=("POST",))
async def translate(visit: Visit) -> Response:
    """Keep a translation beside the original, with who made it; nothing of it is sent (R42)."""
    text = (await visit.field("text")).strip()
    if not text:
        raise UsageError("there is no translation.", code="text-empty")
    language = await visit.field("language")
    name = str(visit.request.path_params["id"])
    await visit.ask("translate", id=name, language=language, translator=visit.officer, text=text)
    return back(visit)


@page(f"{_MESSAGE}/sheet.pdf", name="sheet")
async def sheet(visit: Visit) -> Response:
    """The message as a sheet to print, with what is known of it; marked on an exercise line."""
    name = str(visit.request.path_params["id"])
    made = await visit.ask("sheet", id=name, **{"as": "pdf", "in": visit.language})
    headers = {"content-disposition": f'attachment; filename="{safe_name(name)}.pdf"'}
    return Response(base64.b64decode(made["pdf"]), media_type="application/pdf", headers=headers)


def safe_name(text: str) -> str:
    """``text`` as part of a file's name."""
    return "".join(c if c.isalnum() or c in "-_." else "-" for c in text)


@page(f"{_MESSAGE}/mute", methods=("POST",))
async def mute(visit: Visit) -> Response:
    """Let a thread make no sound for a while; nothing is erased, and its clocks go on (R38)."""
    minutes = whole(await visit.field("minutes"))
    if minutes is None:
        raise UsageError("say for how many minutes.", code="request-malformed")
    await visit.ask(
        "watch-mute",
        id=visit.request.path_params["id"],
        officer=visit.officer,
        seconds=minutes * 60,
        reason=(await visit.field("reason")).strip(),
        misuse=await visit.field("misuse") == "yes",
    )
    return back(visit)


def read_utc(text: str) -> int:
    """POSIX seconds of ``2026-11-25 14:00`` or what a browser's field sends, in UTC. Raises UsageError."""
    try:
        return int(datetime.fromisoformat(text.strip().rstrip("Zz").replace(" ", "T")).replace(tzinfo=UTC).timestamp())
    except ValueError:
        raise UsageError(
            f"{text!r} is no time.", code="time-malformed", next_step="Write it as 2026-11-25 14:00, in UTC."
        ) from None
