"""Signing in and out."""

from __future__ import annotations

from starlette.responses import Response

from parley.console.web import Visit, page


@page("/sign-in", everybody=True)
async def sign_in(visit: Visit) -> Response:
    """Ask who is there."""
    return await visit.render("signin.html", title=visit.say("Sign in"))


@page("/sign-out", methods=("POST",), everybody=True)
async def sign_out(visit: Visit) -> Response:
    """End this browser's session."""
    visit.sign_out()
    response = visit.go("sign_in")
    response.delete_cookie(visit.console.cookie)
    return response
