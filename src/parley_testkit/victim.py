"""A node to be killed, forked anew for each life so that none pays for its imports. Driven by ``kills``.

``python -m parley_testkit.victim LINE`` reads commands, one at a time, and says what comes of them::

    run            fork a life; it waits for        -> pid N ... exit STATUS
    start          it starts its node               -> started
    work TEXT      it sends TEXT, waits for its     -> written ENTRY TEXT, worked
                   receipt, and acknowledges what
                   has come
    stop           it stops                         -> stopped
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import sys
from pathlib import Path
from typing import Any

from parley.app.home import LineHome
from parley.app.runtime import Runtime, running
from parley.app.service import ControlServer
from parley.bearers import tls
from parley.errors import ParleyError, UsageError
from parley.protocol import rows as r
from parley.stores import sqlite
from parley.wire.statement import Kind, Message

SMALL_LAP = 4
"""Pages of the write-ahead log between two checkpoints, so that every life has some."""
_ANY_TRACER = 0x59616D61, ctypes.c_ulong(-1)
"""prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY): a sibling may trace, where Yama would forbid it."""


def say(text: str) -> None:
    """One line, in one write: it is told whole, or not at all."""
    os.write(1, text.encode() + b"\n")


def ask() -> list[str]:
    """The next command. The node stands still meanwhile."""
    return os.read(0, 65_536).decode().split(maxsplit=1)


async def work(runtime: Runtime, text: str, told: asyncio.Event) -> None:
    """Send ``text``, see it receipted, acknowledge what has come."""
    entry = await runtime.send(Message(text, "en"))
    say(f"written {r.entry_key(entry.log, entry.index).hex()} {text.strip()}")
    marked = 0
    tree = runtime.node.line.trees.get(entry.log)
    while tree is None or not marked or any(tree.receipts.get(p, 0) < tree.size for p in runtime.node.line.peers):
        for key, _ in list(runtime.node.line.rows.scan(r.OPEN)):
            try:
                await runtime.mark(Kind.ACKNOWLEDGED, r.read_entry_key(key))
            except UsageError as error:
                # Marked in an earlier life, which a peer gave back just now.
                if error.code != "already-marked":
                    raise
            marked += 1
        told.clear()
        await told.wait()
    say("worked")


async def live(line: LineHome) -> None:
    """One life, as the commands say."""
    ask()
    told = asyncio.Event()

    def on_event(event: dict[str, Any]) -> None:
        if event["event"] == "notice":
            say(f"notice {event['code']} {event['text']}")
        told.set()

    async with running(line, on_event) as runtime:
        server = ControlServer(runtime)
        await server.start()
        say("started")
        command = ask()
        if command[0] == "work":
            await work(runtime, command[1].strip(), told)
            ask()
        await server.close()
    say("stopped")


def main() -> None:
    """Fork lives until there are no more commands."""
    line = LineHome(Path(sys.argv[1]))
    sqlite.CHECKPOINT_PAGES = SMALL_LAP  # type: ignore[misc]
    tls._FIRST_RETRY_S = tls._LONGEST_RETRY_S = 0.05  # type: ignore[misc]  # noqa: SLF001
    while ask():
        pid = os.fork()
        if pid == 0:
            ctypes.CDLL(None).prctl(*_ANY_TRACER)
            try:
                asyncio.run(live(line))
            except ParleyError as error:
                say(f"error {error.code} {error.message}")
                os._exit(1)
            os._exit(0)
        say(f"pid {pid}")
        say(f"exit {os.waitpid(pid, 0)[1]}")


if __name__ == "__main__":
    main()
