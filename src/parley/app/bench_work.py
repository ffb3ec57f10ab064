"""The work that the bench measures: a real node driven from within its own process.

``python -m parley.app.bench_work HOME LINE MODE COUNT`` prints one JSON object. Modes: ``sequential`` (one in
flight), ``window`` (64 in flight), ``spaced`` (one every 60 ms, counting IP bytes), ``cold`` (datagrams until
the first receipt).
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import sys
import time
from importlib import resources
from pathlib import Path
from typing import Any, Final

from parley.app.home import Home
from parley.app.runtime import Runtime, running, tune_interpreter
from parley.bearers.tls import TlsBearer
from parley.ids import LogId
from parley.protocol import inputs as i
from parley.wire.statement import Kind, Message

TEXT_BYTES: Final = 300
_TCP_HEADERS: Final = 20 + 32
"""IPv4 header, and TCP header with timestamps."""
_TCP_INFO_BYTES: Final = 232


def corpus() -> list[str]:
    """Texts of at most 300 bytes cut from the committed prose, as near to 300 as characters allow."""
    texts: list[str] = []
    folder = resources.files("parley.app").joinpath("bench_data")
    for name in ("corpus-en.txt", "corpus-fr.txt", "corpus-ru.txt"):
        data = folder.joinpath(name).read_bytes()
        texts += [
            data[at : at + TEXT_BYTES].decode(errors="ignore").ljust(1)
            for at in range(0, len(data) - TEXT_BYTES, TEXT_BYTES // 2)
        ]
    return [t + "." * (TEXT_BYTES - len(t.encode())) for t in texts]


class Driver:
    """Submits, and waits until the peer's receipt is on this node's disk."""

    def __init__(self) -> None:
        self._waiting: list[tuple[LogId, int, asyncio.Future[None]]] = []
        self._token_base = 1 << 40
        self._written: dict[int, asyncio.Future[None]] = {}
        self.runtime: Runtime | None = None

    def on_event(self, event: i.Event) -> None:
        """Called by the node at release: what it tells is durable."""
        if isinstance(event, i.Written) and event.token in self._written:
            future = self._written.pop(event.token)
            self._waiting.append((event.entry.log, event.entry.index, future))
        elif isinstance(event, i.Receipted):
            still = []
            for log, index, future in self._waiting:
                if log == event.log and index < event.size:
                    if not future.done():
                        future.set_result(None)
                else:
                    still.append((log, index, future))
            self._waiting = still

    async def round_trip(self, runtime: Runtime, text: str) -> float:
        """Seconds from submission to the receipt on this disk."""
        self._token_base += 1
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._written[self._token_base] = future
        began = time.perf_counter()
        runtime.node.put(i.Submit(Kind.MESSAGE, Message(text, "en"), token=self._token_base))
        await future
        return time.perf_counter() - began


async def run(home: Path, name: str, mode: str, count: int) -> dict[str, Any]:
    """One measurement."""
    line = Home(home).line(name)
    texts = corpus()
    driver = Driver()
    async with running(line, raw_events=driver.on_event) as runtime:
        counts = _count_datagrams(runtime)
        peer = next(iter(runtime.node.line.peers))
        while not runtime.bearers[0].ready(peer):
            await asyncio.sleep(0.01)
        if mode == "cold":
            await driver.round_trip(runtime, texts[0])
            return {"out": counts[0], "in": counts[1]}
        for n in range(20):
            await driver.round_trip(runtime, texts[n % len(texts)])
        tune_interpreter()
        await asyncio.sleep(1.0)
        if mode == "spaced":
            return await _spaced(driver, runtime, texts, count)
        began = time.perf_counter()
        if mode == "sequential":
            times = [await driver.round_trip(runtime, texts[n % len(texts)]) for n in range(count)]
        else:
            times = await _window(driver, runtime, texts, count)
        return {"times": times, "seconds": time.perf_counter() - began, "count": count}


async def _window(driver: Driver, runtime: Runtime, texts: list[str], count: int) -> list[float]:
    numbers = iter(range(count))
    times: list[float] = []

    async def worker() -> None:
        times.extend([await driver.round_trip(runtime, texts[n % len(texts)]) for n in numbers])

    await asyncio.gather(*(worker() for _ in range(64)))
    return times


async def _spaced(driver: Driver, runtime: Runtime, texts: list[str], count: int) -> dict[str, Any]:
    """IP bytes both ways a message, from the kernel's own counts of this connection; acknowledgements included."""
    before = _ip_bytes(runtime)
    for n in range(count):
        await driver.round_trip(runtime, texts[n % len(texts)])
        await asyncio.sleep(0.06)
    return {"ip_bytes": (_ip_bytes(runtime) - before) / count}


def _ip_bytes(runtime: Runtime) -> int:
    bearer = runtime.bearers[0]
    total = 0
    if isinstance(bearer, TlsBearer):
        for stream in bearer.sockets():
            info = stream.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES)
            acked, received, segments_out, segments_in = struct.unpack_from("=QQII", info, 120)
            total += acked + received + (segments_out + segments_in) * _TCP_HEADERS
    return total


def _count_datagrams(runtime: Runtime) -> list[int]:
    """Counts of datagrams out and in, kept as they pass."""
    counts = [0, 0]
    bearer, node = runtime.bearers[0], runtime.node
    send, received = bearer.send, node.bearer_received

    def counted_send(peer: Any, datagram: bytes) -> None:  # noqa: ANN401
        counts[0] += 1
        send(peer, datagram)

    def counted_received(source: Any, datagram: bytes) -> None:  # noqa: ANN401
        counts[1] += 1
        received(source, datagram)

    bearer.send = counted_send  # type: ignore[method-assign]
    node.bearer_received = counted_received  # type: ignore[method-assign, assignment]
    return counts


if __name__ == "__main__":
    outcome = asyncio.run(run(Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])))
    sys.stdout.write(json.dumps(outcome) + "\n")
