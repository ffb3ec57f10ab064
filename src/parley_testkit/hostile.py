"""What an attacker on the network does to a node's port: meddles, replays, opens halfway, announces too much."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

Meddle = Callable[[bytes], bytes]
_CLIENT_HELLO: Final = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
"""The beginning of one of 512 bytes."""


def same(data: bytes) -> bytes:
    """Changes nothing."""
    return data


class Middle:
    """A man in the middle: relays connections to ``target``, changes what he likes, keeps what he saw."""

    def __init__(self, target: tuple[str, int], client: Meddle = same, server: Meddle = same) -> None:
        self._target = target
        self.client, self.server = client, server
        self.seen: list[tuple[bytearray, bytearray]] = []
        """Of each connection, what the client sent and what the server sent, as they sent it."""
        self._listener: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._transports: set[asyncio.WriteTransport] = set()
        self._closed = False
        self.port = 0

    async def start(self) -> None:
        """Listen on a free port."""
        self._listener = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        self.port = int(self._listener.sockets[0].getsockname()[1])

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._transports.add(writer.transport)
        far_reader, far_writer = await asyncio.open_connection(*self._target)
        self._transports.add(far_writer.transport)
        if self._closed:
            self._let_go()
            return
        kept = (bytearray(), bytearray())
        self.seen.append(kept)
        ways = ((reader, far_writer, kept[0], True), (far_reader, writer, kept[1], False))
        for source, sink, copy, is_client in ways:
            task = asyncio.create_task(self._pump(source, sink, copy, is_client=is_client))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pump(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, copy: bytearray, *, is_client: bool
    ) -> None:
        try:
            while data := await source.read(65_536):
                copy += data
                sink.write((self.client if is_client else self.server)(data))
                await sink.drain()
        except ConnectionError:
            return
        finally:
            sink.transport.abort()
            self._transports.discard(sink.transport)

    def _let_go(self) -> None:
        for transport in self._transports:
            transport.abort()
        self._transports.clear()

    async def close(self) -> None:
        """Stop; no connection is left, not even one that was about to be relayed."""
        self._closed = True
        if self._listener is not None:
            self._listener.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._let_go()
        if self._listener is not None:
            await self._listener.wait_closed()


async def pour(port: int, data: bytes, *, wait_s: float = 0.3) -> bytes:
    """Connect, send ``data``, and give what is answered until it is closed or ``wait_s`` pass without a byte."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answer = bytearray()
    with contextlib.suppress(ConnectionError, TimeoutError):
        writer.write(data)
        await writer.drain()
        while got := await asyncio.wait_for(reader.read(65_536), wait_s):
            answer += got
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()
    return bytes(answer)


@dataclass(slots=True)
class Storm:
    """Half-open connections from many addresses: some say nothing, some a byte at a time, and all come back."""

    port: int
    count: int
    opened: int = 0
    _held: dict[int, socket.socket] = field(default_factory=dict)
    _task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Open ``count`` of them, and keep them up from now on."""
        for n in range(self.count):
            await self._open(n)
        self._task = asyncio.create_task(self._go_on())

    async def _open(self, n: int) -> None:
        loop = asyncio.get_running_loop()
        stream = socket.socket()
        stream.settimeout(0)
        # All of 127.0.0.0/8 is this machine: a bound on connections by address does not help.
        stream.bind((f"127.0.{n % 250 + 1}.{n // 250 % 250 + 1}", 0))
        self._held[n] = stream
        try:
            await loop.sock_connect(stream, ("127.0.0.1", self.port))
            stream.send(_CLIENT_HELLO[: n % len(_CLIENT_HELLO)])
        except OSError:
            return
        self.opened += 1

    async def _go_on(self) -> None:
        """A byte more on each, slowly; a new one in the place of each that was closed."""
        while True:
            for n, stream in list(self._held.items()):
                try:
                    if n % 2:
                        stream.send(b"\x00")
                    gone = stream.recv(1, socket.MSG_PEEK) == b""
                except BlockingIOError:
                    gone = False
                except OSError:
                    gone = True
                if gone:
                    stream.close()
                    await self._open(n)
                await asyncio.sleep(0)
            await asyncio.sleep(0.05)

    async def close(self) -> None:
        """Let go of all."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        for stream in self._held.values():
            stream.close()


def peak_mib(pid: int) -> float:
    """The most memory that a process has had resident, MiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def bombs() -> list[bytes]:
    """Datagrams that announce far more than they hold, or are nothing."""
    gib = (1 << 30).to_bytes(4, "big")
    heads = [
        b"\x10\x00\x01\x40\x01",  # a sealed datagram under a chain that may exist
        b"\x11\x00\x01\x40\x01" + bytes(8),  # with an incarnation
        b"\x12\x00\x00\x00\x01",  # an announcement
        b"\x13\x00\x00\x00\x01\x00\xff",  # the first of 255 pieces
        b"\x13\x00\x00\x00\x01\xfe\xff",
        b"\x20\x00",  # another suite
        b"\x1f\x00",
    ]
    bodies = [
        b"\x5a" + gib + b"x",  # a byte string of 1 GiB
        b"\x5b" + bytes(3) + b"\x40" + bytes(4),
        b"\x9a" + gib + b"\x01",  # an array of 2**30 items
        b"\xba" + gib + b"\x01",
        b"\x9f" * 4000,
        b"\x81" * 60_000,
        bytes(65_000),
    ]
    return [b"", b"\x10", *(head + body for head in heads for body in bodies)]


async def besiege(port: int, count: int) -> int:
    """A storm until standard input ends; how many connections were opened in all."""
    storm = Storm(port, count)
    await storm.start()
    os.write(1, b"up\n")
    await asyncio.to_thread(sys.stdin.read)
    await storm.close()
    return storm.opened


if __name__ == "__main__":
    os.write(1, b"%d\n" % asyncio.run(besiege(int(sys.argv[1]), int(sys.argv[2]))))
