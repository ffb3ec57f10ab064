"""A member who floods: ``python -m parley_testkit.flood LINE RATE KIND`` until standard input ends.

KIND ``valid``: RATE messages a second, each sent as any other. ``junk``: RATE datagrams a second that are none, over
its authenticated connection.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from parley.app.home import LineHome
from parley.app.runtime import running
from parley.ids import MemberNumber
from parley.wire.statement import Message
from parley_testkit.hostile import bombs

_TURN_S = 0.02


async def flood(line: LineHome, rate: int, kind: str) -> int:
    """How many were sent."""
    sent, junk = 0, [b for b in bombs() if len(b) < 100] + [os.urandom(300) for _ in range(20)]
    ended = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    loop = asyncio.get_running_loop()
    async with running(line) as runtime:
        (bearer,) = runtime.bearers
        while not bearer.ready(MemberNumber(0)):
            await asyncio.sleep(0.01)
        os.write(1, b"up\n")
        began = loop.time()
        while not ended.done():
            due = int((loop.time() - began) * rate) - sent
            if kind == "valid":
                await asyncio.gather(
                    *(runtime.send(Message(f"flood {sent + n} " + "x" * 280, "en")) for n in range(due))
                )
            else:
                for n in range(due):
                    bearer.send(MemberNumber(0), junk[(sent + n) % len(junk)])
            sent += due
            await asyncio.sleep(_TURN_S)
    return sent


if __name__ == "__main__":
    os.write(1, b"%d\n" % asyncio.run(flood(LineHome(Path(sys.argv[1])), int(sys.argv[2]), sys.argv[3])))
