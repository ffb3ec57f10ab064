"""A demonstration's officers: a link signs in at once, and their passkeys are in software, at the node.

In a home that no demonstration made, the links sign nobody in and there is no such passkey.
"""

from __future__ import annotations

import asyncio

from starlette.responses import JSONResponse, Response

from parley.app.demo_officers import DemoOfficers
from parley.console.web import Visit, page
from parley.errors import UsageError


@page("/demo/{code}", everybody=True)
async def demo_sign_in(visit: Visit) -> Response:
    """Sign in as the officer of the link, by the same ceremony as with any passkey."""
    officers, sign_in = DemoOfficers(visit.console.home), visit.console.sign_in
    name = await asyncio.to_thread(officers.by_link, str(visit.request.path_params["code"]))
    asked = sign_in.begin_sign_in(visit.session.token)
    given = await asyncio.to_thread(officers.answer, name, asked["options"])
    officer = await sign_in.finish_sign_in(visit.session.token, asked["ceremony"], given)
    visit.sign_in(officer.by, demo=officer.software)
    return visit.to("/")


@page("/demo/passkey", methods=("POST",))
async def demo_passkey(visit: Visit) -> Response:
    """What the software passkey of who is signed in answers: the browser has none of theirs."""
    if not visit.session.demo:
        raise UsageError("this officer's passkey is not in software.", code="passkey-unknown")
    options = (await visit.json()).get("options")
    if not isinstance(options, dict):
        raise UsageError("the request is not understood.", code="request-malformed")
    try:
        return JSONResponse(await asyncio.to_thread(DemoOfficers(visit.console.home).answer, visit.officer, options))
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError("these are no options of a passkey.", code="request-malformed") from error
