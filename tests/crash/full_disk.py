"""A node on a file system of 12 MB that fills up and is freed again. Prints JSON; run by the test beside it.

``python full_disk.py FOLDER``, as root in a mount namespace of its own. The peer's home lies on another disk.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from parley.app.home import LineHome
from parley.app.runtime import Runtime, running
from parley.errors import ParleyError, StoreFull
from parley.wire.statement import Message
from parley_testkit.lines import found, home_of
from parley_testkit.witness import Witness, still


def fill(filler: Path) -> None:
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(4096)) == 4096:
            pass


def mounted(folder: Path) -> list[LineHome]:
    """Two homes; the first lies on the small file system."""
    lines = found(folder)
    small = home_of(lines[0]).path
    held = folder / "held"
    small.rename(held)
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(small)], check=True)
    subprocess.run(["cp", "-a", f"{held}/.", str(small)], check=True)
    return lines


async def main(lines: list[LineHome]) -> dict[str, Any]:
    small = home_of(lines[0]).path
    witness, told = Witness(), []
    codes: list[str] = []

    def hear(event: dict[str, Any]) -> None:
        witness.told(event)
        told.append(event)
        codes.append(event.get("code", ""))

    async def send(who: int, runtime: Runtime, text: str) -> None:
        witness.submits(who, text)
        witness.told_written(who, await runtime.send(Message(text, "en")), text)

    def texts(who: int) -> dict[str, int]:
        return witness.look(who, still(lines[who].store, lines[who].newest_keys()[1].store_key))

    async def settled() -> None:
        for _ in range(900):
            if texts(0) == texts(1) == dict.fromkeys(written, 1):
                return
            await asyncio.sleep(0.1)
        raise AssertionError(f"{written} against {texts(0)} and {texts(1)}")

    async with running(lines[0], hear) as north, running(lines[1], witness.told) as south:
        written = [f"fits {n}" for n in range(5)]
        for text in written:
            await send(0, north, text)
        filler = small / "filler"
        fill(filler)
        refused = 0
        # The log that lies there in advance takes some yet.
        for n in range(4000):
            text = f"until it is full {n} " + "x" * 3000
            witness.submits(0, text)
            try:
                entry = await north.send(Message(text, "en"))
            except StoreFull:
                refused += 1
                break
            witness.told_written(0, entry, text)
            written.append(text)
        # The peer's message cannot be kept: no receipt for it leaves, and the peer keeps it.
        await send(1, south, "while it is full")
        before = max((t.receipts.get(0, 0) for t in south.node.line.trees if t.log.member == 1), default=0)
        await asyncio.sleep(3.0)
        after = max((t.receipts.get(0, 0) for t in south.node.line.trees if t.log.member == 1), default=0)
        views = north.views()
        shown = len(views.messages())
        views.close()
        trouble = str(north.node.trouble)
        filler.unlink()
        began = time.monotonic()
        while True:
            text = f"again {time.monotonic() - began:.3f}"
            witness.submits(0, text)
            try:
                entry = await north.send(Message(text, "en"))
            except ParleyError:
                await asyncio.sleep(0.05)
                continue
            witness.told_written(0, entry, text)
            break
        resumed = time.monotonic() - began
        written += ["while it is full", text]
        await settled()
        healed = north.node.trouble is None
    return {
        "refused": refused,
        "acknowledged": len(written),
        "read_while_full": shown,
        "receipts_while_full": after - before,
        "trouble": trouble,
        "told": sorted(set(codes) & {"store-full", "store-resumed"}),
        "resume_s": round(resumed, 2),
        "healed": healed,
    }


if __name__ == "__main__":
    os.write(1, json.dumps(asyncio.run(main(mounted(Path(sys.argv[1]))))).encode())
