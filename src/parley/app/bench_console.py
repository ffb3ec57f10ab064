"""Measures the console as an officer has it: two nodes as processes, and a real browser on the pages of one.

Playwright drives a Chromium; without either, the figures are not measured, and that is said. The officer signs in with
a passkey, as everyone does. ``python -m parley.app.bench_console FOLDER`` measures this alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from parley.app.bench_lines import LINE, Lines, joined
from parley.app.bench_work import Driver, corpus
from parley.app.passkeys import SoftwarePasskey
from parley.app.process import NodeProcess, free_port
from parley.app.runtime import Runtime, running
from parley.app.service import OPERATIONS
from parley.app.visitor import Visitor
from parley.errors import StoreError
from parley.keys.file import write_private

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext, Page

Json = dict[str, Any]
Tell = Callable[[str], None]
BARS: Final = {
    "console_line_ms_p50": ("<=", 100.0, 60.0),
    "console_line_ms_p99": ("<=", 300.0, 150.0),
    "console_paint_s": ("<=", 1.0, 0.5),
    "console_map_ms": ("<=", 150.0, 100.0),
    "console_script_kb": ("<=", 120.0, 60.0),
}
"""Relation, bar and aim: a line in the page, the inbox painted at worst, 95 of 100 redraws of the map, JavaScript."""
_PATIENCE_S: Final = 120.0
_ROWS: Final = 40
"""Areas of the map that lie one below the other, a degree apart; the next column begins two farther east."""
FLAGS: Final = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync")
_MARKS: Final = """() => {
  window.marks = {};
  const note = (row) => {
    const id = row.dataset.id;
    if (id in window.marks) return;
    // When it is about to be painted, on the clock that the node's messages are timed with.
    window.marks[id] = 0;
    requestAnimationFrame(() => { window.marks[id] = performance.timeOrigin + performance.now(); });
  };
  new MutationObserver((changes) => {
    for (const change of changes)
      for (const node of change.addedNodes)
        if (node instanceof Element) {
          if (node.matches('tr[data-id]')) note(node);
          for (const row of node.querySelectorAll('tr[data-id]')) note(row);
        }
  }).observe(document.body, {childList: true, subtree: true});
}"""
_PAINT: Final = """performance.getEntriesByName('first-contentful-paint').map((e) => e.startTime)[0] ?? 0"""
_REDRAW: Final = """async () => {
  const slider = document.querySelector('#map-at'), canvas = document.querySelector('#map'), times = [];
  const board = canvas.board, first = Number(slider.min), last = Number(slider.max);
  for (let n = 0; n < 100; n++) {
    if (n % 2) board.pan(n % 4 === 1 ? 30 : -30, n % 4 === 1 ? 12 : -12);
    const begun = performance.now();
    slider.value = String(Math.round(first + (last - first) * (0.1 + 0.005 * n)));
    slider.dispatchEvent(new Event('input'));
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done, 0)));
    times.push(performance.now() - begun);
  }
  return times;
}"""


class NoBrowserError(Exception):
    """Says what is missing."""


@contextlib.asynccontextmanager
async def browser() -> AsyncIterator[Any]:
    """A Chromium. Raises NoBrowserError."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        raise NoBrowserError("no Chromium is installed (apt-get install chromium, or set CHROMIUM to its path)")
    try:
        from playwright.async_api import async_playwright  # noqa: PLC0415 - nothing else of Parley needs it
    except ImportError:
        raise NoBrowserError("Playwright is not installed (make setup)") from None
    async with async_playwright() as playwright:
        found = await playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        try:
            yield found
        finally:
            await found.close()


def measure(work: Path, tell: Tell, *, quick: bool = False) -> Json:
    """The figures of BARS; empty where there is no browser, which is told."""
    try:
        return asyncio.run(_measure(work, tell, quick))
    except NoBrowserError as missing:
        tell(f"NOT MEASURED: {', '.join(BARS)}: {missing}.")
        return {}


async def _measure(work: Path, tell: Tell, quick: bool) -> Json:  # noqa: FBT001
    figures: Json = {}
    async with browser() as chromium:
        few, many = (100, 1000) if quick else (1000, 10_000)
        async with Scene.of(work / "inbox") as scene:
            tell(f"a console with {few:,} messages in its inbox ...")
            await scene.fill(few)
            context = await scene.signed_in(chromium)
            times = await _lines(scene, await context.new_page(), 20 if quick else 200)
            figures["console_line_ms_p50"] = 1000 * statistics.median(times)
            figures["console_line_ms_p99"] = 1000 * sorted(times)[int(len(times) * 0.99)]
            tell(f"... and with {many:,} ...")
            await scene.fill(many - few)
            await _calm(scene)
            paints = [await _painted(scene, context) for _ in range(6)]
            figures["console_paint_s"] = max(paints)
            figures["console_paint_s_p50"] = statistics.median(paints)
            await context.close()
        async with Scene.of(work / "map") as scene:
            count = 50 if quick else 1000
            tell(f"a map with {count:,} activities ...")
            await scene.announce(count)
            context = await scene.signed_in(chromium)
            redraws, figures["console_script_kb"] = await _map(scene, context, count)
            figures["console_map_ms"] = sorted(redraws)[int(len(redraws) * 0.95)]
            figures["console_map_ms_p50"], figures["console_map_ms_worst"] = statistics.median(redraws), max(redraws)
            await context.close()
    return figures


class Scene:
    """Two nodes: ``north`` in this process, which sends, and ``south``, ``parley serve`` with its console."""

    def __init__(
        self, north: Runtime, driver: Driver, south: NodeProcess, visitor: Visitor, key: SoftwarePasskey
    ) -> None:
        self.north, self.south, self.visitor, self.key = north, south, visitor, key
        self._driver = driver
        self._texts = corpus()

    @classmethod
    @contextlib.asynccontextmanager
    async def of(cls, folder: Path) -> AsyncIterator[Scene]:
        """A line founded in ``folder``, and both nodes."""
        lines, port = await asyncio.to_thread(found, folder)
        driver = Driver()
        south = NodeProcess(lines[1][0].path, lines[1][1], console=True)
        await south.start()
        try:
            async with running(lines[0][1], raw_events=driver.on_event) as north:
                peer = next(iter(north.node.line.peers))
                while not north.bearers[0].ready(peer):
                    await asyncio.sleep(0.01)
                visitor = Visitor(port)
                key = await asyncio.to_thread(visitor.enrol, lines[1][0], "duty")
                yield cls(north, driver, south, visitor, key)
        finally:
            await south.stop()

    async def fill(self, count: int) -> None:
        """So many messages more in south's inbox."""
        numbers = iter(range(count))

        async def worker() -> None:
            for n in numbers:
                await self._driver.round_trip(self.north, self._texts[n % len(self._texts)])

        await asyncio.gather(*(worker() for _ in range(64)))

    async def send(self, text: str) -> str:
        """One message; its id."""
        sent: Json = await OPERATIONS["send"](self.north, {"text": text})
        return str(sent["id"])

    async def acknowledge(self) -> None:
        """South acknowledges what waits longest, if anything does."""
        for waiting in await self.south.call("inbox", limit=1):
            await self.south.call("ack", id=waiting["id"])

    async def announce(self, count: int) -> None:
        """So many areas, none where another is, each in a warning of its own; until south has them all."""
        now = int(time.time())
        times = [time.strftime("%Y-%m-%dT%H:%MZ", time.gmtime(now + s)) for s in (-7200, 172_800)]
        for n in range(count):
            lat, lon = 30 + n % _ROWS, -30 + 2 * (n // _ROWS)
            points = ((0, 0), (0, 40), (35, 50), (40, 5))
            corners = [f"{lat}-{m:02}N {abs(lon):03}-{k:02}{'EW'[lon < 0]}" for m, k in points]
            area = {"polygon": corners, "upper": "FL200", "times": ["/".join(times)]}
            values = {"series": "BENCH", "number": f"{n + 1}/26", "hazard": "exercise", "areas": [area]}
            await OPERATIONS["send"](self.north, {"form": "area-warning/warning", "values": values})
        while len(await self.south.call("inbox")) < count:
            await asyncio.sleep(0.2)

    async def signed_in(self, chromium: Any) -> BrowserContext:  # noqa: ANN401
        """A browser that is the officer's."""
        context: BrowserContext = await chromium.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB")
        name, _, value = self.visitor.cookie.partition("=")
        await context.add_cookies([{"name": name, "value": value, "url": self.visitor.origin}])
        return context


def found(folder: Path) -> tuple[Lines, int]:
    """Two parties with a line between them on loopback; the second has a console, at the port given back."""
    lines, console = joined(folder, "north", "south", "[watch]\ntests_at = []\n"), free_port()
    write_private(lines[1][0].path / "config.toml", f'[console]\nlisten = "127.0.0.1:{console}"\n'.encode())
    return lines, console


async def _lines(scene: Scene, page: Page, count: int) -> list[float]:
    """Seconds from a message's submission at the other node, before even its own disk has it, to its line here."""
    address = f"{scene.visitor.origin}/lines/{LINE}/inbox"
    await page.goto(address)
    await _until(page, "document.body.dataset.ready")
    await page.evaluate(_MARKS)
    await _calm(scene)
    times = []
    for n in range(-5, count):
        begun = time.time()
        name = await scene.send(f"Message {n} for the console.")
        shown = float(await _until(page, f"window.marks[{name!r}]"))
        if n >= 0:
            times.append(shown / 1000 - begun)
        await asyncio.sleep(0.1 + 0.013 * (n % 17))
    return times


async def _until(page: Page, script: str) -> Any:  # noqa: ANN401 - JSON
    """What a script gives as soon as that is something. The page's policy forbids it to watch by itself."""
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        if given := await page.evaluate(script):
            return given
        await asyncio.sleep(0.05)
    raise StoreError(f"the page never came to {script}", code="bench-failed")


async def _calm(scene: Scene) -> None:
    """Until the node has taken in what it was filled with: so many messages never come within a second."""
    quiet = 0
    while quiet < 3:  # noqa: PLR2004
        begun = time.monotonic()
        await scene.south.call("watch")
        await asyncio.sleep(0.5)
        quiet = quiet + 1 if time.monotonic() - begun < 1 else 0


async def _painted(scene: Scene, context: BrowserContext) -> float:
    """Seconds from asking for the inbox to its first contents on the screen."""
    page = await context.new_page()
    await page.goto(f"{scene.visitor.origin}/lines/{LINE}/inbox")
    await _until(page, "document.querySelectorAll('tr[data-id]').length >= 100")
    found = float(await _until(page, _PAINT)) / 1000
    await page.close()
    return found


async def _map(scene: Scene, context: BrowserContext, count: int) -> tuple[list[float], float]:
    """Milliseconds of each redraw with everything in view; and kB of JavaScript, gzipped, that the page took."""
    page = await context.new_page()
    scripts: dict[str, bytes] = {}

    async def keep(response: Any) -> None:  # noqa: ANN401
        if response.request.resource_type == "script":
            scripts[response.url] = await response.body()

    page.on("response", keep)
    await page.goto(f"{scene.visitor.origin}/lines/{LINE}/map")
    await _until(page, f"Number(document.querySelector('#map-page').dataset.loaded ?? 0) >= {count}")
    redraws: Sequence[float] = await page.evaluate(_REDRAW)
    await page.close()
    sent = sum(len(gzip.compress(body, 6)) for body in scripts.values())
    return list(redraws), sent / 1000


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="work-", dir=target) as folder_name:
        outcome = measure(Path(folder_name), _say, quick="quick" in sys.argv)
    sys.stdout.write(json.dumps(outcome, indent=1) + "\n")
    if not outcome:
        raise StoreError("nothing was measured.", code="bench-failed")
