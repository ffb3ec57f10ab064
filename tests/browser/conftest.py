"""Two real nodes with their consoles, and a browser: Debian's Chromium, driven by Playwright.

The nodes run in a thread of their own, each with its record on disk and a TLS bearer to the other. Without a browser
these tests are skipped, and say so.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from parley.app import meeting
from parley.app.home import Home
from parley.app.officers import Officer
from parley.app.passkeys import Registered
from parley.app.process import free_port
from parley.app.runtime import Runtime, running
from parley.app.service import OPERATIONS
from parley.app.standing import stand_watch
from parley.app.watchrules import Rules
from parley.console.server import ConsoleServer
from parley.console.settings import ConsoleSettings
from parley.console.web import Console
from parley.keys.file import write_private

T = TypeVar("T")
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]


NUMBERS = {"south": ["+00 555 0101"]}


class Loop:
    """An event loop in a thread, for what the nodes do while a test drives the browser."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, task: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(task, self._loop).result(60)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30)
        self._loop.close()


class Station:
    """One party: its nodes and its console."""

    def __init__(self, loop: Loop, home: Home) -> None:
        self.loop, self.home = loop, home
        self.stack = contextlib.AsyncExitStack()
        self.stop: asyncio.Event | None = None
        self.runtimes: dict[str, Runtime] = {}
        self.notices: list[str] = []
        self.port = free_port()
        self.url = f"http://localhost:{self.port}"

    def start(self) -> None:
        self.loop.run(self._start())

    async def _start(self) -> None:
        self.stop = asyncio.Event()
        consoles: list[Console] = []
        for line in self.home.lines():

            def told(event: dict[str, Any], name: str = line.name) -> None:
                for console in consoles:
                    console.told(name, event)

            runtime = await self.stack.enter_async_context(running(line, told))
            self.runtimes[line.name] = runtime
            watch = asyncio.create_task(stand_watch(runtime, told, self.stop))
            self.stack.push_async_callback(self._ended, watch)
        settings = ConsoleSettings(port=self.port, origin=self.url, timezone="Europe/Paris")
        self.console = Console(self.home, self.runtimes, settings, secrets.token_hex(4))
        self.server = ConsoleServer(self.console, self._told, unarmed_s=1.0)
        await self.server.start()
        self.stack.push_async_callback(self._close_server)
        consoles.append(self.console)

    def _told(self, line: str, event: dict[str, Any]) -> None:
        self.notices.append(event["code"])

    async def _close_server(self) -> None:
        await self.server.close()

    def lose(self) -> None:
        """The console's server goes away; the browser's connections with it."""
        self.loop.run(self.server.close())

    def regain(self) -> None:
        """It is back under the same address, with the same sessions."""
        self.console.hub.closed = False
        self.server = ConsoleServer(self.console, self._told, unarmed_s=1.0)
        self.loop.run(self.server.start())

    async def _ended(self, watch: asyncio.Task[None]) -> None:
        if self.stop is not None:
            self.stop.set()
        await watch

    def close(self) -> None:
        self.loop.run(self.stack.aclose())

    def call(self, operation: str, line: str = "trial", **params: Any) -> Any:
        return self.loop.run(OPERATIONS[operation](self.runtimes[line], params))  # type: ignore[arg-type]

    def rule(self, line: str, rules: Rules) -> None:
        """The settings of the watch, from now on: in the node's own thread, which makes its procedures of them."""

        async def put() -> Rules:
            runtime = self.runtimes[line]
            runtime.rules, runtime._under = rules, None
            return runtime.procedures

        self.loop.run(put())

    def officer(self, name: str, *roles: str) -> Officer:
        """An officer whose passkey no browser has, made when it is first named."""
        officers = self.console.sign_in.officers
        known = next((o for o in officers.all() if o.name == name), None)
        if known is not None:
            return known
        code = officers.invite(name, roles or ("watch",), self.console.now())
        credential = secrets.token_bytes(16)
        made = Registered(credential, b"no passkey " + credential, 0, software=False)
        return officers.enrol(code, made, "localhost", self.console.now())

    def sign_in(self, context: BrowserContext, name: str, *roles: str) -> str:
        """A session of the officer in this browser, without a passkey; as the log of the watch names them."""
        officer = self.officer(name, *roles)

        async def begin() -> str:
            return self.console.sessions.begin(self.console.now(), officer.by).token

        token = self.loop.run(begin())
        context.add_cookies([{"name": self.console.cookie, "value": token, "url": self.url}])
        return officer.by


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """For one module: while Playwright runs, its thread has an event loop, and no other test may begin one."""
    if CHROMIUM is None:
        pytest.skip("no Chromium here: run tools/system-packages, or set CHROMIUM to a browser's path")
    # A busy machine is slow: what is waited for comes about, or the test's own limit ends it.
    expect.set_options(timeout=60_000)
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield found
        found.close()


def found_line(homes: list[Home], name: str, purpose: str = "operation") -> None:
    proposal = meeting.propose(homes[0], name, [meeting.introduce(homes[1], name)], purpose=purpose, telephones=NUMBERS)
    signed = meeting.merge([meeting.accept(homes[1], proposal)])
    port = free_port()
    sides = (f'[bearer.dial]\nsouth = "127.0.0.1:{port}"\n', f'listen = "127.0.0.1:{port}"\n')
    for home, side in zip(homes, sides, strict=True):
        meeting.install(home, signed)
        text = f'[[bearer]]\nkind = "tls"\nname = "fibre"\n{side}[watch]\ntests_at = []\n'
        write_private(home.line(name).config, text.encode())


@contextlib.contextmanager
def running_stations(folder: Path) -> Iterator[tuple[Station, Station]]:
    homes = [Home(folder / name) for name in ("north", "south")]
    for home, language in zip(homes, ("en", "fr"), strict=True):
        meeting.init_party(home, home.path.name, f"{home.path.name.title()}land", [language])
    found_line(homes, "trial")
    found_line(homes, "trial-exercise", "exercise")
    loop = Loop()
    both = Station(loop, homes[0]), Station(loop, homes[1])
    started = []
    try:
        for station in both:
            station.start()
            started.append(station)
        yield both
    finally:
        for station in started:
            station.close()
        loop.close()


@pytest.fixture
def stations(tmp_path: Path) -> Iterator[tuple[Station, Station]]:
    """Two of a test's own."""
    with running_stations(tmp_path) as both:
        yield both


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Station, Station]]:
    """Two that the tests of a module share: each test looks at messages of its own."""
    with running_stations(tmp_path_factory.mktemp("pair")) as both:
        yield both


class Watched:
    """A page, and everything wrong that it said: console errors, policy violations, requests beyond its node."""

    def __init__(self, page: Page, url: str) -> None:
        self.page, self.url = page, url
        self.wrong: list[str] = []
        page.on(
            "console", lambda m: self.wrong.append(f"console: {m.text}") if m.type in ("error", "warning") else None
        )
        page.on("pageerror", lambda e: self.wrong.append(f"error: {e}"))
        page.on("request", lambda r: self.wrong.append(f"beyond: {r.url}") if not r.url.startswith(url) else None)


def until(holds: Callable[[], Any], seconds: float = 30) -> Any:
    """Wait for something to come about."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := holds():
            return found
        time.sleep(0.02)
    raise AssertionError("it did not come about")


AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"


def faults(page: Page) -> list[str]:
    """What axe-core finds wrong with a page: WCAG 2.2 A and AA, and best practice."""
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate(
        """async tags => (await axe.run({runOnly: {type: 'tag', values: tags}})).violations
             .map(v => [v.id, v.nodes.map(n => n.html)])""",
        ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    )
    return [f"{name}: {node}" for name, nodes in found for node in nodes]


@pytest.fixture(scope="session")
def axe() -> Callable[[Page], list[str]]:
    return faults


@contextlib.contextmanager
def at(browser: Browser, station: Station, name: str, but: str = "", **options: Any) -> Iterator[Page]:
    """A browser in which an officer is signed in; nothing may go wrong in it, ``but`` what says so."""
    context = browser.new_context(**{"locale": "en-GB", "viewport": {"width": 1280, "height": 720}, **options})
    # No paper comes out: what a page would have printed is noted on it.
    context.add_init_script("window.print = () => { document.body.dataset.printed = 'yes'; };")
    station.sign_in(context, name)
    seen = Watched(context.new_page(), station.url)
    try:
        yield seen.page
    finally:
        context.close()
    assert [w for w in seen.wrong if not but or but not in w] == []


def came(station: Station, id_: str, line: str = "trial") -> None:
    """Wait until a station has a message."""
    until(lambda: any(m["id"] == id_ for m in station.call("inbox", line=line, all=True)))


def ready(page: Page) -> None:
    """The page's script has begun: keys work."""
    expect(page.locator("body")).to_have_attribute("data-ready", "yes")


class Tools:
    """What test modules use of this file: they import nothing of one another."""

    until = staticmethod(until)
    at = staticmethod(at)
    came = staticmethod(came)
    ready = staticmethod(ready)
    page = Watched


@pytest.fixture(scope="session")
def watched() -> type[Tools]:
    return Tools
