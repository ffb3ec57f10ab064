"""In front of every page: what a browser may do with an answer, which requests are taken, and how large they are.

The policy allows scripts, styles, images and connections of this origin alone: no inline script or style, nothing
remote, no frame, and no text is ever parsed as script (R4, D13). A request for another name than the console's is
refused (a name that was made to point here), and so is a change that another origin asks for.
"""

from __future__ import annotations

from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from parley.console.settings import ConsoleSettings

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; font-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
    "trusted-types 'none'"
)
_HEADERS: Final = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_TOKENS: Final = "/api/"
"""Below it no cookie counts, so no other site can use one: there callers show a token of their own."""


class Guard:
    """The middleware."""

    def __init__(self, app: ASGIApp, settings: ConsoleSettings, limit: int) -> None:
        self._app = app
        self._settings = settings
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or refuse it."""
        if scope["type"] != "http":
            return
        headers = Headers(scope=scope)

        async def answered(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    given.setdefault(name, value)
                given.setdefault("cache-control", self._caching(scope["path"]))
                if self._settings.secure:
                    given.setdefault("strict-transport-security", "max-age=31536000")
            await send(message)

        refused = self._refusal(scope, headers)
        if refused:
            await PlainTextResponse(refused[1], refused[0])(scope, receive, answered)
            return
        await self._app(scope, self._bounded(receive), answered)

    def _bounded(self, receive: Receive) -> Receive:
        taken = 0

        async def bounded() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self._limit:
                return {"type": "http.disconnect"}
            return message

        return bounded

    def _refusal(self, scope: Scope, headers: Headers) -> tuple[int, str] | None:
        if headers.get("host", "") != self._settings.authority:
            return 421, f"This console is at {self._settings.origin}\n"
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > self._limit:
            return 413, f"At most {self._limit} bytes are taken.\n"
        if scope["method"] in _SAFE or scope["path"].startswith(_TOKENS):
            return None
        origin, site = headers.get("origin"), headers.get("sec-fetch-site")
        if origin != self._settings.origin if origin is not None else site not in ("same-origin", "none"):
            return 403, "The request comes from another site.\n"
        return None

    @staticmethod
    def _caching(path: str) -> str:
        return "no-cache" if path.startswith("/static/") else "no-store"
