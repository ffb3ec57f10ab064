"""Signing in and out with a passkey, enrolling one, approving an officer; and FLASH for who has no passkey (D9)."""

from __future__ import annotations

from typing import Any, Final

from starlette.responses import JSONResponse, Response

from parley.app.officers import May, Standing
from parley.app.signin import WITHOUT_KEY
from parley.console.web import Visit, page
from parley.errors import UsageError

_FLASH: Final = "FLASH"


@page("/sign-in", everybody=True)
async def sign_in(visit: Visit) -> Response:
    """A passkey, a code to enrol one; and what is FLASH, which waits for no passkey."""
    return await visit.render(
        "signin.html",
        title=visit.say("Sign in"),
        flashes=await _flashes(visit),
        keyed=visit.console.sign_in.officers.all(),
    )


@page("/sign-in/begin", methods=("POST",), everybody=True)
async def sign_in_begin(visit: Visit) -> Response:
    """The challenge."""
    return JSONResponse(visit.console.sign_in.begin_sign_in(visit.session.token))


@page("/sign-in/finish", methods=("POST",), everybody=True)
async def sign_in_finish(visit: Visit) -> Response:
    """What the passkey answered; the browser gets a new session, and goes where it wanted to go."""
    given = await visit.json()
    after = str(visit.session.kept.get("after", "/"))
    officer = await visit.console.sign_in.finish_sign_in(
        visit.session.token, str(given.get("ceremony", "")), given.get("response")
    )
    visit.sign_in(officer.by, demo=officer.software)
    return JSONResponse({"to": after})


@page("/enrol/begin", methods=("POST",), everybody=True)
async def enrol_begin(visit: Visit) -> Response:
    """For who holds a one-time code."""
    given = await visit.json()
    return JSONResponse(
        await visit.console.sign_in.begin_enrolment(visit.session.token, str(given.get("code", "")).strip())
    )


@page("/enrol/finish", methods=("POST",), everybody=True)
async def enrol_finish(visit: Visit) -> Response:
    """The new passkey. The first officers act at once; all others wait until one of them approves."""
    given = await visit.json()
    officer = await visit.console.sign_in.finish_enrolment(
        visit.session.token, str(given.get("ceremony", "")), given.get("response")
    )
    waits = officer.standing is Standing.WAITING
    said = (
        visit.say("Enrolled. Another officer now approves on the page of officers; then sign in.")
        if waits
        else visit.say("Enrolled. Sign in with the passkey.")
    )
    return JSONResponse({"said": said, "waits": waits})


@page("/sign-out", methods=("POST",), everybody=True)
async def sign_out(visit: Visit) -> Response:
    """End this browser's session."""
    visit.sign_out()
    response = visit.go("sign_in")
    response.delete_cookie(visit.console.cookie)
    return response


# -- officers ---------------------------------------------------------------------------------------------


@page("/officers")
async def officers(visit: Visit) -> Response:
    """Who may act here, and who waits for approval."""
    everyone = visit.console.sign_in.officers.all()
    invited = visit.console.sign_in.officers.invitations(visit.console.now())
    return await visit.render(
        "officers.html", title=visit.say("Officers"), officers=[o.as_json() for o in everyone], invited=invited
    )


@page("/officers/approve/begin", methods=("POST",), may=May.APPROVE, name="approve_begin")
async def approve_begin(visit: Visit) -> Response:
    """For an officer to approve another."""
    given = await visit.json()
    try:
        key = bytes.fromhex(str(given.get("key", "")))
    except ValueError:
        raise UsageError("a key has 64 hexadecimal digits.", code="officer-unknown") from None
    if visit.who is None:
        raise UsageError("nobody is signed in here.", code="sign-in-needed")
    return JSONResponse(await visit.console.sign_in.begin_approval(visit.session.token, visit.who, key))


@page("/officers/approve/finish", methods=("POST",), may=May.APPROVE, name="approve_finish")
async def approve_finish(visit: Visit) -> Response:
    """The approval, signed by the officer's passkey; it goes on the record of every line."""
    given = await visit.json()
    if visit.who is None:
        raise UsageError("nobody is signed in here.", code="sign-in-needed")
    done = await visit.console.sign_in.finish_approval(
        visit.session.token, visit.who, str(given.get("ceremony", "")), given.get("response")
    )
    return JSONResponse({"said": visit.say("%(officer)s may act now.", officer=done.name)})


# -- FLASH without a passkey --------------------------------------------------------------------------------


async def _flashes(visit: Visit) -> list[dict[str, Any]]:
    """FLASH that waits here, on all lines."""
    found = []
    for name in visit.console.lines:
        for m in await visit.ask("inbox", line=name, **{"in": visit.language}):
            if m["precedence"] == _FLASH:
                places = await visit.ask("readback", line=name, id=m["id"], **{"in": visit.language})
                found.append({"line": name, "places": places, "read": _read(visit, name, m), **m})
    return found


def _read(visit: Visit, name: str, message: dict[str, Any]) -> bool:
    line = visit.console.line(name).node.line
    me = line.membership.member(line.me).code
    return any(r["read"] for r in message["recipients"] if r["code"] == me)


@page("/flash", methods=("POST",), everybody=True)
async def flash(visit: Visit) -> Response:
    """Read or acknowledge a FLASH message without a passkey: a lost or failed one never stands in its way (D9)."""
    line, name, how = await visit.field("line"), await visit.field("id"), await visit.field("how")
    visit.console.line(line)
    shown = await visit.ask("show", line=line, id=name)
    if shown["precedence"] != _FLASH or how not in ("read", "ack"):
        raise UsageError(
            "without a passkey, FLASH can be read and acknowledged, and nothing else.", code="sign-in-needed"
        )
    by = visit.officer
    if not by:
        by = WITHOUT_KEY if visit.session.kept.get("flash") else await visit.console.sign_in.without_key()
        visit.session.kept["flash"] = True
    text = (await visit.field("text")).strip()
    await visit.ask(how, line=line, id=name, text=text, officer=by, without_key=by == WITHOUT_KEY)
    visit.console.hub.tell("change", line=line, what="marked", code="")
    return visit.go("sign_in")
