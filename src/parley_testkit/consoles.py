"""Many consoles on one node for a while: each holds its stream of events, asks for what changed, and sees all messages.

``python -m parley_testkit.consoles --seconds 600 --consoles 200 --out soak-out`` founds a line, runs one node as a
process with its console, signs officers in as often as there are consoles, and lets the other node send all the while.
Each console asks as the page does: the changed rows of the inbox, then what stands above them. How long a message takes
to be seen is a figure, for these consoles share the machine with the node. Ends with status 1 where a message was lost,
that is, some console did not show it although nothing moved any more; where a stream broke off; or where the node took
more memory than ``LIMIT_MIB``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from parley.app.bench_console import Scene
from parley.app.bench_lines import LINE
from parley.app.visitor import Visitor

LIMIT_MIB: Final = 300.0
_STILL_S: Final = 60.0
"""Nothing moves any more: no console was answered, and none saw anything, for so many seconds of this process's own."""
_AGAIN_S: Final = 2.0
"""As the page: what was not answered is asked for again."""
_OK, _NOTHING_NEW = 200, 204
_ORDER: Final = re.compile(rb'id="newest-rows" data-order="([^"]*)"')
_VERSION: Final = re.compile(rb'data-version="([^"]*)"')
_AFTER: Final = re.compile(rb'data-after="([^"]*)"')
_SAMPLE_S: Final = 5.0


class Connection:
    """One kept connection to the console."""

    def __init__(self, port: int, cookie: str) -> None:
        self._port = port
        self._head = f"Host: localhost:{port}\r\nCookie: {cookie}\r\nX-Parley-Live: 1\r\n"
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def get(self, path: str) -> tuple[int, bytes]:
        """Status and body. A connection that the console closed while nothing was asked is made anew."""
        for fresh in (False, True):
            if self._streams is None or fresh:
                self.close()
                self._streams = await asyncio.open_connection("127.0.0.1", self._port)
            reader, writer = self._streams
            try:
                writer.write(f"GET {path} HTTP/1.1\r\n{self._head}\r\n".encode())
                await writer.drain()
                head = await reader.readuntil(b"\r\n\r\n")
                length = re.search(rb"content-length: (\d+)", head)
                return int(head.split()[1]), await reader.readexactly(int(length[1]) if length else 0)
            except (ConnectionError, asyncio.IncompleteReadError):
                if fresh:
                    raise
        raise AssertionError

    async def events(self, after: str) -> AsyncIterator[tuple[str, str]]:
        """Names of events as they come, each with the id of the newest, until the stream ends."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            writer.write(f"GET /events?after={after} HTTP/1.1\r\n{self._head}\r\n".encode())
            await reader.readuntil(b"\r\n\r\n")
            while line := await reader.readline():
                if line.startswith(b"id: "):
                    after = line[4:].decode().strip()
                if line.startswith(b"event: "):
                    yield line[7:].decode().strip(), after
        finally:
            writer.close()

    def close(self) -> None:
        """End it."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


@dataclass(slots=True)
class Screen:
    """One console: what it has seen, and what became of its stream."""

    connection: Connection
    seen: dict[str, float] = field(default_factory=dict)
    beats: int = 0
    broken: int = 0
    asked: int = 0
    refused: int = 0
    wanted: asyncio.Event = field(default_factory=asyncio.Event)
    drawn: asyncio.Event = field(default_factory=asyncio.Event)
    version: str = ""
    known: str = ""

    async def watch(self) -> None:
        """Hold the stream of events for good: what came after the page was drawn is told first."""
        await self.drawn.wait()
        while True:
            async for name, known in self.connection.events(self.known):
                self.known = known
                self.beats += 1
                if name in ("change", "reset"):
                    self.wanted.set()
            self.broken += 1
            await asyncio.sleep(1)

    async def draw(self) -> None:
        """Ask for what changed, whenever something did, as the page does."""
        _, page = await self.connection.get(f"/lines/{LINE}/inbox")
        after = _AFTER.search(page)
        self.known = after[1].decode() if after else ""
        self._take(page)
        self.drawn.set()
        while True:
            await self.wanted.wait()
            self.wanted.clear()
            status, page = await self.connection.get(f"/lines/{LINE}/inbox/changes?since={self.version}")
            self.asked += 1
            if status == _OK:
                self._take(page)
            elif status != _NOTHING_NEW:
                self.refused += 1
                await asyncio.sleep(_AGAIN_S)
                self.wanted.set()
            await self.connection.get(f"/lines/{LINE}/head")

    def _take(self, page: bytes) -> None:
        version, order = _VERSION.search(page), _ORDER.search(page)
        self.version = version[1].decode() if version else ""
        now = time.monotonic()
        for name in order[1].decode().split() if order else ():
            self.seen.setdefault(name, now)


async def soak(folder: Path, consoles: int, seconds: float, every_s: float) -> dict[str, Any]:
    """The figures of one run."""
    async with Scene.of(folder / "work") as scene:
        # One passkey on as many browsers: each is a session of its own.
        key = scene.key
        screens = []
        for _ in range(consoles):
            visitor = Visitor(scene.visitor.port)
            await asyncio.to_thread(visitor.sign_in, key)
            screens.append(Screen(Connection(visitor.port, visitor.cookie)))
        tasks = [asyncio.create_task(do()) for s in screens for do in (s.watch, s.draw)]
        try:
            sent, memory = await _traffic(scene, screens, seconds, every_s)
            await _until_seen(screens, sent)
            failed = [t for t in tasks if t.done()]
            for task in failed:
                await task
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for screen in screens:
                screen.connection.close()
    waits = sorted(s.seen[name] - at for s in screens for name, at in sent.items() if name in s.seen)
    return {
        "consoles": consoles,
        "seconds": seconds,
        "messages": len(sent),
        "lost": sum(name not in s.seen for s in screens for name in sent),
        "broken_streams": sum(s.broken for s in screens),
        "refused": sum(s.refused for s in screens),
        "events": sum(s.beats for s in screens),
        "asked": sum(s.asked for s in screens),
        "seen_s_p50": waits[len(waits) // 2] if waits else None,
        "seen_s_p99": waits[int(len(waits) * 0.99)] if waits else None,
        "seen_s_max": waits[-1] if waits else None,
        "rss_mib_first": memory[0],
        "rss_mib_last": memory[-1],
        "rss_mib_max": max(memory),
    }


async def _traffic(
    scene: Scene, screens: list[Screen], seconds: float, every_s: float
) -> tuple[dict[str, float], list[float]]:
    """Messages with the time of each, and what the node took of memory from time to time."""
    loop = asyncio.get_running_loop()
    sent: dict[str, float] = {}
    memory = [resident_mib(scene.south.pid)]
    until, sample = loop.time() + seconds, 0.0
    while loop.time() < until:
        begun = time.monotonic()
        name = await scene.send(f"Message {len(sent)} to {len(screens)} consoles.")
        sent[name] = begun
        if len(sent) % 3 == 0:
            await scene.acknowledge()
        if loop.time() >= sample:
            memory.append(resident_mib(scene.south.pid))
            sample = loop.time() + _SAMPLE_S
        await asyncio.sleep(every_s)
    return sent, [*memory, resident_mib(scene.south.pid)]


async def _until_seen(screens: list[Screen], sent: dict[str, float]) -> None:
    # Counted in steps of this process, not by the clock: one that was stopped for minutes has waited for nothing.
    step, still, before = 0.5, 0.0, (-1, -1)
    while still < _STILL_S and not all(name in s.seen for s in screens for name in sent):
        await asyncio.sleep(step)
        now = sum(s.asked - s.refused for s in screens), sum(len(s.seen) for s in screens)
        still, before = (still + step if now == before else 0.0), now


def resident_mib(pid: int) -> float:
    """What a process holds in memory."""
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


def main(arguments: list[str] | None = None) -> int:
    """Run it; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--consoles", type=int, default=200)
    parser.add_argument("--every", type=float, default=5.0, help="seconds between two messages")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args(arguments)
    given.out.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix="consoles-", dir=given.out))
    try:
        figures = asyncio.run(soak(work, given.consoles, given.seconds, given.every))
    finally:
        shutil.rmtree(work, ignore_errors=True)
    text = json.dumps(figures, indent=2) + "\n"
    (given.out / "consoles.json").write_text(text)
    sys.stdout.write(text)
    good = not figures["lost"] and not figures["broken_streams"] and figures["rss_mib_max"] <= LIMIT_MIB
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
