"""The API for a party's own systems (R66): ``/api``, with tokens, scopes, rate limits, errors as RFC 9457 problems.

Each operation is an ``Endpoint`` and a function; routes and the OpenAPI document are made from the same table. Cookies
count for nothing here, and no token counts on a page. What is sent through it is attributed to the token in the log of
the watch, and a class that takes two officers, or an officer's key, is only ever kept as a draft.
"""

from __future__ import annotations

import asyncio
import json
import re
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any, Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from parley.app.guard import guard_of
from parley.app.runtime import Runtime
from parley.app.service import OPERATIONS
from parley.app.tokens import Token, Tokens
from parley.console import api_schema as s
from parley.console.api_schema import Endpoint, accept
from parley.console.web import Console
from parley.errors import KeyUnavailable, ParleyError, StoreError, UsageError

RATE: Final = 20.0
"""Requests a second that one token may make for long."""
BURST: Final = 200.0
"""Requests that it may make at once."""
_STREAMS: Final = 8
"""Event streams that one token may hold open."""
_MAX_BODY: Final = 1 << 20
_BEAT_S: Final = 15.0
_PAGE: Final = 200
_STATUS: Final = {
    **dict.fromkeys(("message-unknown", "line-unknown", "plan-unknown", "http-404"), 404),
    **dict.fromkeys(("release-needed", "release-key-needed", "line-left", "line-ended"), 409),
    **dict.fromkeys(("text-too-large", "statement-too-large", "request-too-large"), 413),
    "token-invalid": 401,
    "token-scope": 403,
    "rate-limit": 429,
    "method-unknown": 405,
}


@dataclass(slots=True)
class Call:
    """One request, let in."""

    console: Console
    request: Request
    token: Token | None
    query: dict[str, Any]
    body: dict[str, Any]

    @property
    def line(self) -> Runtime:
        """The line that the address names, if the token is for it. Raises UsageError ``line-unknown``."""
        name = str(self.request.path_params["line"])
        if self.token is None or (self.token.lines and name not in self.token.lines):
            raise UsageError(f"there is no line {name!r} for this token.", code="line-unknown")
        return self.console.line(name)

    async def ask(self, operation: str, **params: Any) -> Any:  # noqa: ANN401 - JSON
        """An operation of the node."""
        return await OPERATIONS[operation](self.line, params)

    @property
    def by(self) -> str:
        """As the log of the watch names who asked."""
        return f"API {self.token.name}" if self.token is not None else ""


Handler = Callable[[Call], Awaitable[Any]]
ENDPOINTS: Final[list[tuple[Endpoint, Handler]]] = []


def endpoint(method: str, path: str, scope: str, result: s.Schema, **more: Any) -> Callable[[Handler], Handler]:  # noqa: ANN401
    """Register a function as an operation; its docstring is the summary."""

    def register(handler: Handler) -> Handler:
        summary = (handler.__doc__ or "").partition("\n")[0]
        name = str(getattr(handler, "__name__", path)).strip("_")
        ENDPOINTS.append((Endpoint(method, path, name, summary, scope, result, **more), handler))
        return handler

    return register


@endpoint("GET", "/openapi.json", "", {"type": "object"})
async def openapi(_call: Call) -> Any:  # noqa: ANN401 - JSON
    """This document."""
    return s.document([e for e, _ in ENDPOINTS])


@endpoint("GET", "/lines", "read", s.rows(s.table({"name": s.TEXT, "line": s.TEXT, "class": s.TEXT}, more=False)))
async def lines(call: Call) -> Any:  # noqa: ANN401 - JSON
    """The lines that this node runs and the token is for."""
    found = []
    for name, runtime in call.console.lines.items():
        if call.token is not None and (not call.token.lines or name in call.token.lines):
            charter = runtime.node.line.membership.current.charter
            found.append({"name": name, "line": charter.line, "class": charter.purpose})
    return found


@endpoint(
    "GET",
    "/lines/{line}/state",
    "read",
    s.table({"line": s.TEXT, "me": s.TEXT, "peers": s.rows({"type": "object"})}, more=True),
)
async def state(call: Call) -> Any:  # noqa: ANN401 - JSON
    """The line, its members and bearers, with what was sent, delivered, read and acknowledged."""
    return await call.ask("status")


@endpoint(
    "GET", "/lines/{line}/watch", "read", s.table({"now": s.NUMBER, "messages": s.rows({"type": "object"})}, more=True)
)
async def watch(call: Call) -> Any:  # noqa: ANN401 - JSON
    """Whose turn it is with each message, since when and until when; alarms, duties, drafts."""
    return await call.ask("watch")


@endpoint(
    "GET",
    "/lines/{line}/messages",
    "read",
    s.rows(s.MESSAGE),
    query={
        "open": s.FLAG,
        "after": {"type": "integer", "minimum": 0, "maximum": 1 << 53},
        "limit": {"type": "integer", "minimum": 1, "maximum": 500},
    },
)
async def messages(call: Call) -> Any:  # noqa: ANN401 - JSON
    """Messages in the order of arrival: the newest, those that wait here (open), or those after an arrival."""
    limit, after = call.query.get("limit", _PAGE), call.query.get("after")
    if call.query.get("open"):
        return await call.ask("inbox", limit=limit)
    return await call.ask("inbox", all=True, limit=limit, after=after)


@endpoint("GET", "/lines/{line}/messages/{id}", "read", s.MESSAGE)
async def message(call: Call) -> Any:  # noqa: ANN401 - JSON
    """One message with its facts, and its officers' signatures; it is not marked as read."""
    return await call.ask("show", id=str(call.request.path_params["id"]))


@endpoint("POST", "/lines/{line}/messages", "send", s.MESSAGE, body=s.TO_SEND, status=201)
async def send(call: Call) -> Any:  # noqa: ANN401 - JSON
    """Send free text, or a form with its values. 409 where an officer has to release it.

    What is probably a slip in a form is among its ``questions``; ``/questions`` says so before it is sent.
    """
    _one_of(call.body)
    return await call.ask("send", **call.body, officer=call.by)


@endpoint(
    "POST",
    "/lines/{line}/drafts",
    "draft",
    s.table({"number": s.NUMBER, "statement": s.TEXT, "two_officers": s.FLAG}, more=True),
    body=s.TO_SEND,
    status=201,
)
async def draft(call: Call) -> Any:  # noqa: ANN401 - JSON
    """Keep a draft, which officers read and release at the console."""
    _one_of(call.body)
    return await call.ask("watch-draft", **call.body, officer=call.by)


@endpoint(
    "POST",
    "/lines/{line}/questions",
    "draft",
    s.table({"questions": s.rows(s.TEXT)}, more=False),
    body=s.FORM,
)
async def questions(call: Call) -> Any:  # noqa: ANN401 - JSON
    """What is probably a slip in the places, heights and times of a form; nothing is kept or sent."""
    return await call.ask("questions", **call.body)


def _one_of(body: dict[str, Any]) -> None:
    if bool(body.get("text")) == bool(body.get("form")):
        raise UsageError("give a text or a form.", code="text-twice" if body.get("text") else "text-empty")


@endpoint(
    "GET", "/lines/{line}/forms", "read", s.rows(s.table({"id": s.TEXT, "name": s.TEXT, "title": s.TEXT}, more=True))
)
async def forms(call: Call) -> Any:  # noqa: ANN401 - JSON
    """The forms of the line's charter."""
    known = call.line.forms
    words = known.words("en")
    return [
        {"id": f.id, "name": f.name, "title": words.say(f.title), "precedence": f.precedence, "release": f.release}
        for f in known
    ]


@endpoint(
    "GET",
    "/lines/{line}/conflicts",
    "read",
    s.table({"plans": s.NUMBER, "conflicts": s.rows({"type": "object"}), "unchecked": {"type": "object"}}, more=True),
)
async def conflicts(call: Call) -> Any:  # noqa: ANN401 - JSON
    """What of one's own plans clashes with what others announced, the worst first; and what could not be checked."""
    return await call.ask("check")


@endpoint("GET", "/lines/{line}/areas", "read", {"type": "object"}, media="application/geo+json")
async def areas(call: Call) -> Any:  # noqa: ANN401 - JSON
    """All announced areas as GeoJSON."""
    try:
        text = await call.ask("areas", **{"as": "geojson"})
    except UsageError as error:
        if error.code != "areas-missing":
            raise
        text = '{"type": "FeatureCollection", "features": []}'
    return Response(text, media_type="application/geo+json")


@endpoint("GET", "/lines/{line}/plans", "plans", s.rows(s.PLAN))
async def plans(call: Call) -> Any:  # noqa: ANN401 - JSON
    """One's own plans and places."""
    kept = guard_of(call.line).kept
    return await asyncio.to_thread(lambda: [p.as_json() for p in kept])


@endpoint(
    "POST",
    "/lines/{line}/plans",
    "plans",
    s.table({"new": s.NUMBER, "changed": s.NUMBER, "warnings": s.rows(s.TEXT)}, more=False),
    body=s.table(
        {
            "type": {"type": "string", "enum": ["FeatureCollection"]},
            "features": s.rows({"type": "object", "additionalProperties": True}, 1000),
        },
        more=True,
    ),
)
async def keep_plans(call: Call) -> Any:  # noqa: ANN401 - JSON
    """Keep the plans of a GeoJSON FeatureCollection, in place of those of the same names: all of them, or none.

    ``warnings`` says what is probably a slip in them.
    """
    found = await call.ask("plans-import", texts={"plans.geojson": json.dumps(call.body)})
    return {name: found[name] for name in ("new", "changed", "warnings")}


@endpoint("DELETE", "/lines/{line}/plans/{id}", "plans", s.table({"removed": s.TEXT}, more=False))
async def remove_plan(call: Call) -> Any:  # noqa: ANN401 - JSON
    """Forget a plan."""
    name = str(call.request.path_params["id"])
    await call.ask("plan-remove", id=name)
    return {"removed": name}


@endpoint("GET", "/lines/{line}/export", "export", {"type": "string", "format": "binary"}, media="application/zip")
async def export(call: Call) -> Any:  # noqa: ANN401 - JSON
    """The whole record, as 'parley verify' takes it."""
    with tempfile.TemporaryDirectory(prefix="export-", dir=call.line.line_home.path) as folder:
        path = Path(folder) / "record.parley"
        await call.ask("export", path=str(path), officer=call.by)
        data = await asyncio.to_thread(path.read_bytes)
    return Response(data, media_type="application/zip")


@endpoint(
    "GET",
    "/events",
    "events",
    {"type": "string"},
    query={"after": {"type": "string", "maxLength": 64}},
    media="text/event-stream",
)
async def events(call: Call) -> Any:  # noqa: ANN401 - JSON
    """What changes, as server-sent events: the line, what happened, and a code; never a content."""
    api = _api_of(call.request)
    name = call.token.hash if call.token is not None else ""
    if api.streams.get(name, 0) >= _STREAMS:
        raise UsageError(f"a token holds at most {_STREAMS} streams.", code="rate-limit")
    last = call.request.headers.get("last-event-id") or str(call.query.get("after", ""))
    return StreamingResponse(_stream(call, api, name, last), media_type="text/event-stream")


async def _stream(call: Call, api: _Api, name: str, last: str) -> AsyncIterator[str]:
    hub = call.console.hub
    api.streams[name] = api.streams.get(name, 0) + 1
    try:
        async for told in hub.follow(last, _BEAT_S):
            if told is None:
                # A revoked token's stream ends with the next beat.
                if call.token is None or call.token.hash not in {t.hash for t in api.tokens.all()}:
                    return
                yield f": {call.console.now()}\n\n"
                continue
            line = told.data.get("line", "")
            if told.sort == "reset" or (line and call.token and (not call.token.lines or line in call.token.lines)):
                yield f"id: {hub.run}-{told.number}\nevent: {told.sort}\ndata: {json.dumps(told.data)}\n\n"
    finally:
        api.streams[name] -= 1


# -- who asks, how often, and what went wrong ----------------------------------------------------------------


@dataclass(slots=True)
class _Api:
    tokens: Tokens
    buckets: dict[str, tuple[float, float]] = field(default_factory=dict)
    """By token's hash: what is left of the burst, and when that was so. Whoever has none shares one."""
    streams: dict[str, int] = field(default_factory=dict)

    def spend(self, name: str) -> None:
        now = monotonic()
        left, at = self.buckets.get(name, (BURST, now))
        left = min(BURST, left + (now - at) * RATE) - 1
        if left < 0:
            raise UsageError("too many requests.", code="rate-limit", next_step="Ask again a second later.")
        self.buckets[name] = left, now


def _api_of(request: Request) -> _Api:
    state = request.app.state
    if not hasattr(state, "api"):
        state.api = _Api(Tokens(state.console.home))
    found: _Api = state.api
    return found


async def serve(request: Request, end: Endpoint, handler: Handler) -> Response:
    """Answer one request."""
    try:
        token = _let_in(request, end.scope)
        query = _query(request, end)
        body = await _body(request, end) if end.body is not None else {}
        found = await handler(Call(request.app.state.console, request, token, query, body))
    except ParleyError as error:
        return problem(error)
    except ClientDisconnect:
        return problem(UsageError("the request is larger than is taken, or broken off.", code="request-too-large"))
    return found if isinstance(found, Response) else JSONResponse(found, end.status)


def _let_in(request: Request, scope: str) -> Token | None:
    api = _api_of(request)
    if not scope:
        api.spend("")
        return None
    kind, _, given = request.headers.get("authorization", "").partition(" ")
    token = api.tokens.of(given.strip()) if kind.lower() == "bearer" else None
    api.spend(token.hash if token is not None else "")
    if token is None:
        raise UsageError("no token, or none that is known.", code="token-invalid", next_step="See 'parley token new'.")
    if scope not in token.scopes:
        raise UsageError(
            f"this token lacks the scope {scope!r}.", code="token-scope", next_step="See 'parley token new'."
        )
    return token


def _query(request: Request, end: Endpoint) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, text in request.query_params.multi_items():
        schema = end.query.get(name)
        if schema is None or name in found:
            raise UsageError(f"{name!r} is not asked for, or given twice.", code="request-malformed")
        value: object = text
        if schema["type"] == "integer":
            value = int(text) if re.fullmatch(r"-?[0-9]{1,18}", text) else text
        elif schema["type"] == "boolean":
            value = {"true": True, "false": False}.get(text, text)
        accept(schema, value, name)
        found[name] = value
    return found


async def _body(request: Request, end: Endpoint) -> dict[str, Any]:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise UsageError("the body must be application/json.", code="request-malformed")
    raw = await request.body()
    if len(raw) > _MAX_BODY:
        raise UsageError(f"a body of {len(raw)} bytes; {_MAX_BODY} are taken.", code="request-too-large")
    try:
        value = json.loads(raw)
        json.dumps(value).encode()
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise UsageError("the body is no JSON text.", code="request-malformed") from None
    accept(end.body or {}, value, "body")
    found: dict[str, Any] = value
    return found


def problem(error: ParleyError) -> JSONResponse:
    """An error as RFC 9457 has it, with Parley's stable code."""
    status = _STATUS.get(error.code, 503 if isinstance(error, StoreError | KeyUnavailable) else 400)
    headers = {"retry-after": "1"} if status == 429 else {}  # noqa: PLR2004
    if status == 401:  # noqa: PLR2004
        headers["www-authenticate"] = "Bearer"
    content = {
        "type": f"urn:parley:error:{error.code}",
        "title": error.code,
        "status": status,
        "detail": error.message,
        "code": error.code,
        "next_step": error.next_step,
    }
    return JSONResponse(content, status, headers, "application/problem+json")
