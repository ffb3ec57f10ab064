"""The console's frame: which pages there are, who asks for one, and what goes with every answer.

A page is a function in a module ``pages_*`` of this package::

    @page("/lines/{line}/inbox", menu="Inbox")
    async def inbox(visit: Visit) -> Response:
        return await visit.render("inbox.html", messages=await visit.ask("inbox"))

``Visit`` has the session, the officer, the line that the address names, the words of the officer's language and the
operations of the node (``ask``). Every request other than GET has been checked to come from a page of this console.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from functools import cached_property
from hmac import compare_digest
from pathlib import Path
from typing import Any, Final

from markupsafe import Markup
from starlette.applications import Starlette
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

import parley.console
from parley.app import sentences
from parley.app.home import Home
from parley.app.officers import May, Officer
from parley.app.provenance import References
from parley.app.runtime import Runtime
from parley.app.service import OPERATIONS
from parley.app.signin import SignIn, need
from parley.console import words
from parley.console.faults import fault_words, in_line
from parley.console.glance import Counted, look
from parley.console.guard import Guard
from parley.console.hub import Hub
from parley.console.sessions import Session, Sessions
from parley.console.settings import ConsoleSettings
from parley.console.templating import Templates
from parley.errors import ParleyError, UsageError

Handler = Callable[["Visit"], Awaitable[Response]]
THEMES: Final = ("day", "night")
MAX_FORM: Final = 1 << 20
"""Bytes of a form that a browser sends."""
_YEAR_S: Final = 365 * 86400
_STATUS: Final = {
    "message-unknown": 404,
    "line-unknown": 404,
    "draft-unknown": 404,
    "member-unknown": 404,
    "sign-in-needed": 401,
    "sign-in-refused": 403,
    "passkey-invalid": 403,
    "officer-not-active": 403,
    "officer-not-permitted": 403,
    "handover-stale": 409,
    "draft-overtaken": 409,
    "already-marked": 409,
}
_HERE: Final = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the console."""

    path: str
    name: str
    handler: Handler
    methods: tuple[str, ...]
    menu: str
    key: str
    order: int
    may: May | None


PAGES: Final[list[Page]] = []


def page(
    path: str,
    *,
    name: str = "",
    methods: tuple[str, ...] = ("GET",),
    menu: str = "",
    key: str = "",
    order: int = 100,
    may: May | None = None,
    everybody: bool = False,
) -> Callable[[Handler], Handler]:
    """Register a page.

    ``menu``: its English name in the line's menu, at ``order``, where ``g`` and then ``key`` goes to.
    ``may``: what an officer needs to be permitted: to read for GET, and else to act, unless it is given.
    ``everybody``: served before sign-in, too.
    """
    usual = May.READ if methods == ("GET",) else May.ACT

    def register(handler: Handler) -> Handler:
        PAGES.append(
            Page(
                path,
                name or getattr(handler, "__name__", path),
                handler,
                methods,
                menu,
                key,
                order,
                None if everybody else may or usual,
            )
        )
        return handler

    return register


class Console:
    """What all pages share: the lines that this process runs, their events, sessions and settings."""

    def __init__(self, home: Home, lines: Mapping[str, Runtime], settings: ConsoleSettings, run: str) -> None:
        self.home = home
        self.lines = dict(sorted(lines.items()))
        self.settings = settings
        self.hub = Hub(run)
        self.sessions = Sessions()
        self.sign_in = SignIn.at(home, self.lines, settings.origin)
        self.templates = Templates()
        self.heard: set[tuple[str, str]] = set()
        """Arrivals, by line and id, whose sound an officer stopped; what was not read sounds again after a restart."""
        self.channels: dict[str, int] = {}
        """Alert channels that fail, each with since when."""
        self.references: dict[str, References] = {}
        """Which messages go on with which, by line."""
        self.sheets: dict[tuple[str, str], Any] = {}
        """What maps last showed, by line and language (pages_map)."""
        self.counted: dict[str, Counted] = {}
        """What the watch of each line comes to, as it was last counted."""
        self.rows: dict[str, dict[tuple[str, int], tuple[int, Markup]]] = {}
        """Rows of each line's inbox as they were made, by language and place, each with the version that it shows."""
        self.routes: dict[str, Route] = {}
        """The pages by name."""
        self.watching: dict[int, Session] = {}
        """Open event streams, each with its session."""

    @cached_property
    def zone(self) -> tzinfo | None:
        """The duty station's; None for the machine's."""
        return words.zone_of(self.settings.timezone)

    def now(self) -> int:
        """The node's wall clock, POSIX seconds."""
        return next(iter(self.lines.values())).node.wall_s()

    def line(self, name: str) -> Runtime:
        """A line that this process runs. Raises UsageError."""
        if name not in self.lines:
            raise UsageError(f"there is no line {name!r} here.", code="line-unknown")
        return self.lines[name]

    def told(self, line: str, event: Mapping[str, Any]) -> None:
        """What a line's node tells; pages that show it draw themselves anew."""
        if "channel" in event:
            self.channels.pop(event["channel"], None)
            if event["code"] == "alert-failed":
                self.channels[event["channel"]] = self.now()
        self.hub.tell("change", line=line, what=str(event.get("event", "")), code=str(event.get("code", "")))

    @property
    def armed(self) -> int:
        """Consoles that watch with a tested alarm."""
        return len({s.token for s in self.watching.values() if s.armed and s.officer})

    @property
    def cookie(self) -> str:
        """The cookie's name. Cookies know no ports: two consoles on one machine would otherwise sign each other out."""
        return f"{'__Host-' if self.settings.secure else ''}parley-{self.settings.port}"


class Visit:
    """One request for a page."""

    def __init__(self, request: Request, console: Console, session: Session | None) -> None:
        self.request = request
        self.console = console
        self._session = session
        self.began_session = False
        self.after = console.hub.last
        """The newest event before anything was read for this page: what comes later, its stream is to tell."""

    # -- who -------------------------------------------------------------------------------------------

    @property
    def session(self) -> Session:
        """The browser's session, begun when there is none."""
        if self._session is None:
            self._session = self.console.sessions.begin(self.console.now())
            self.began_session = True
        return self._session

    def sign_in(self, officer: str, *, demo: bool = False) -> None:
        """From now on this browser is ``officer``'s."""
        self._session = self.console.sessions.sign_in(self._session, officer, self.console.now(), demo=demo)
        self.began_session = True
        self.__dict__.pop("who", None)

    def sign_out(self) -> None:
        """From now on this browser is nobody's."""
        if self._session is not None:
            self.console.sessions.end(self._session)
        self._session = None
        self.__dict__.pop("who", None)

    @cached_property
    def who(self) -> Officer | None:
        """The officer who is signed in, and active still; None for nobody."""
        if self._session is None or not self._session.officer:
            return None
        found = self.console.sign_in.officers.acting(self._session.officer)
        if found is None:
            self.sign_out()
        return found

    @property
    def officer(self) -> str:
        """As the log of the watch names who is signed in; empty for nobody."""
        return self.who.by if self.who is not None else ""

    def may(self, what: str) -> bool:
        """Whether who is signed in may do it (a name of ``May``): what templates ask."""
        return self.who is not None and self.who.may(May[what])

    @property
    def csrf(self) -> str:
        """What every form carries as ``csrf``, and every other request as the header X-Parley-CSRF."""
        return self.session.csrf

    # -- what ------------------------------------------------------------------------------------------

    @cached_property
    def line_name(self) -> str:
        """The line that the address names; empty where it names none."""
        return str(self.request.path_params.get("line", ""))

    @property
    def line(self) -> Runtime:
        """The line that the address names. Raises UsageError."""
        return self.console.line(self.line_name)

    async def ask(self, operation: str, *, line: str = "", **params: Any) -> Any:  # noqa: ANN401 - JSON
        """An operation of the node (parley.app.service), on the line of the address or the one named."""
        runtime = self.console.line(line) if line else self.line
        return await OPERATIONS[operation](runtime, params)

    def tell(self, what: str) -> None:
        """Let all pages know of what no node tells: the watch's log and its drafts are its own."""
        self.console.hub.tell("change", line=self.line_name, what=what, code="")

    async def fields(self) -> FormData:
        """What a form sent."""
        return await self.request.form(max_files=4, max_fields=400, max_part_size=MAX_FORM)

    async def json(self) -> dict[str, Any]:
        """What a script sent. Raises UsageError."""
        try:
            given = await self.request.json()
        except (ValueError, RecursionError):
            given = None
        if not isinstance(given, dict):
            raise UsageError("the request is not understood.", code="request-malformed")
        return given

    async def field(self, name: str, usual: str = "") -> str:
        """One field of what a form sent, as text."""
        given = (await self.fields()).get(name, usual)
        return "" if isinstance(given, UploadFile) else given

    # -- how it is shown -------------------------------------------------------------------------------

    @cached_property
    def language(self) -> str:
        """The officer's, at whatever browser; this browser's while nobody is signed in or the officer chose none."""
        for chosen in (self.who.language if self.who else "", self.request.cookies.get("parley-language", "")):
            if chosen in words.LANGUAGES:
                return chosen
        return words.best_language(self.request.headers.get("accept-language", ""), self.console.settings.language)

    @property
    def theme(self) -> str:
        """``day`` or ``night``."""
        chosen = self.request.cookies.get("parley-theme", "")
        return chosen if chosen in THEMES else THEMES[0]

    def say(self, text: str, **values: object) -> str:
        """``text`` in the officer's language, with ``values`` put in."""
        said = words.translations(self.language).gettext(text)
        return said % values if values else said

    def fault(self, error: ParleyError) -> str:
        """What an error comes to in the officer's language; empty where the node's own words are in it."""
        return fault_words(self, error)

    def said(self, of: Mapping[str, Any]) -> str:
        """The text of a row of the watch or of a draft: in the officer's language where it is a form."""
        return str(of["texts"].get(self.language, of["text"]))

    def named(self, name: str) -> str:
        """An officer, or in words that it was the command line or the node itself."""
        return sentences.who(name, self.language)

    def word(self, code: str) -> str:
        """A word for a code of the record, such as why a node refused an entry."""
        return sentences.word(code, self.language)

    @cached_property
    def times(self) -> words.Times:
        """Writes times."""
        return words.Times(self.language, self.console.zone)

    async def render(self, template: str, status: int = 200, **values: Any) -> HTMLResponse:  # noqa: ANN401
        """A page from a template. Every template knows ``visit``, ``glances`` and what is ``sounding``.

        Elements with an id and ``data-live`` draw themselves anew from this page's address when something happens.
        """
        now = self.console.now()
        glances, sounding = await look(self)
        mine = next((g for g in glances if g.name == self.line_name), None)
        text = self.console.templates.render(
            template,
            self.language,
            visit=self,
            console=self.console,
            times=self.times,
            now=now,
            offset_s=words.offset_s(now, self.console.zone),
            languages=words.LANGUAGES,
            menu=menu(),
            glances=glances,
            sounding=sounding,
            glance=mine,
            watermark=mine.watermark if mine is not None else "",
            active=self.request.scope["route"].name if "route" in self.request.scope else "",
            **values,
        )
        return HTMLResponse(text, status)

    def address(self, name: str, **params: str) -> str:
        """The address of a page by its name."""
        return str(self.console.routes[name].url_path_for(name, **params))

    def go(self, name: str, **params: str) -> RedirectResponse:
        """To another page, after something was done."""
        return RedirectResponse(self.address(name, **params), 303)

    def to(self, address: str) -> RedirectResponse:
        """To an address of this console; to the first page when it is not one."""
        inside = address.startswith("/") and not address.startswith(("//", "/\\"))
        return RedirectResponse(address if inside else "/", 303)

    def remember(self, response: Response, name: str, value: str) -> None:
        """Keep a choice of this browser's for a year."""
        response.set_cookie(
            f"parley-{name}", value, max_age=_YEAR_S, samesite="strict", secure=self.console.settings.secure
        )


def menu() -> list[Page]:
    """The pages of a line's menu, in order."""
    return sorted((p for p in PAGES if p.menu), key=lambda p: (p.order, p.name))


def create_app(console: Console) -> Starlette:
    """The application: all pages, static files, and the guard in front of them."""
    modules = [m.name for m in pkgutil.iter_modules(parley.console.__path__) if m.name.startswith("pages_")]
    loaded = [importlib.import_module(f"parley.console.{name}") for name in sorted(modules)]
    routes: list[BaseRoute] = [Route(p.path, _endpoint(p), methods=list(p.methods), name=p.name) for p in PAGES]
    for module in loaded:
        routes += module.routes() if hasattr(module, "routes") else []
    routes.append(Mount("/static", StaticFiles(directory=_HERE / "static", check_dir=False), name="static"))
    app = Starlette(routes=routes, exception_handlers={HTTPException: _http_error})
    app.state.console = console
    console.routes = {route.name: route for route in routes if isinstance(route, Route)}
    app.add_middleware(Guard, settings=console.settings, limit=MAX_FORM)
    return app


def _endpoint(page: Page) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        return await serve(request, page.handler, page.may)

    return endpoint


async def serve(request: Request, handler: Handler, may: May | None) -> Response:
    """Answer a request by ``handler``, for an officer who ``may``; None for everybody."""
    console: Console = request.app.state.console
    session = console.sessions.find(request.cookies.get(console.cookie, ""), console.now())
    visit = Visit(request, console, session)
    if session is None and may is None and request.method == "GET" and "x-parley-live" in request.headers:
        # The session of the page that asks is over, and no form of it would be taken: it is to be loaded anew.
        return PlainTextResponse("", 409)
    try:
        if request.method not in ("GET", "HEAD"):
            await _check_token(visit)
        if may is not None:
            if not visit.officer:
                return await _sign_in(visit)
            need(visit.who, may)
        if session is not None and request.headers.get("x-parley-live") is None:
            session.seen = console.now()
        response = await handler(visit)
    except ParleyError as error:
        response = await _error(visit, error)
    # A page that draws itself anew may have asked before a sign-in, and be answered after it: no session over that one.
    if visit.began_session and request.headers.get("x-parley-live") is None:
        response.set_cookie(
            console.cookie,
            visit.session.token,
            httponly=True,
            samesite="strict",
            secure=console.settings.secure,
        )
    return response


async def _check_token(visit: Visit) -> None:
    given = visit.request.headers.get("x-parley-csrf", "")
    if not given and "application/json" not in visit.request.headers.get("content-type", ""):
        given = await visit.field("csrf")
    if not compare_digest(given.encode(), visit.csrf.encode()):
        raise UsageError(
            "the request does not come from a page of this session.",
            code="csrf",
            next_step="Load the page again, and repeat what you did.",
        )


async def _sign_in(visit: Visit) -> Response:
    if visit.request.method not in ("GET", "HEAD") or visit.request.headers.get("x-parley-live"):
        return await _error(visit, UsageError("nobody is signed in here.", code="sign-in-needed", next_step="Sign in."))
    visit.session.kept["after"] = visit.request.url.path
    return visit.go("sign_in")


async def _error(visit: Visit, error: ParleyError) -> Response:
    status = _STATUS.get(error.code, 403 if error.code in ("csrf", "forbidden") else 400)
    if "application/json" in visit.request.headers.get("accept", ""):
        own = not fault_words(visit, error)
        plain = {
            "code": error.code,
            "message": in_line(visit, error),
            "next_step": error.next_step if own else "",
        }
        return JSONResponse({"error": plain}, status)
    return await visit.render("error.html", status, error=error, title=visit.say("That was not done"))


async def _http_error(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500

    async def show(visit: Visit) -> Response:
        said = UsageError(f"{request.url.path} is not here.", code=f"http-{status}", next_step="Go to the first page.")
        return await visit.render("error.html", status, error=said, title=visit.say("No such page"))

    if "text/html" not in request.headers.get("accept", ""):
        return PlainTextResponse(f"{status}\n", status)
    return await serve(request, show, None)
