"""A member floods at ten times the rate of an honest one: the honest one's messages go through, and soon.

What it costs is measured and reported, not judged: how long a round trip takes is the machine's affair too.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import parley
from parley.app.process import NodeProcess
from parley.app.runtime import Runtime, running
from parley.wire.statement import Message
from parley_testkit.figures import report
from parley_testkit.hostile import peak_mib
from parley_testkit.lines import found, home_of

RATE = 20
"""Messages a second of the honest member."""
MEMORY_MIB = 256


class Honest:
    """Sends at its rate, and takes the time until the flooded member's receipt."""

    def __init__(self) -> None:
        self.runtime: Runtime | None = None
        self._size = 0
        self._receipt = asyncio.Event()

    def told(self, event: dict[str, Any]) -> None:
        if event["event"] == "receipt" and event["from"] == "north" and event["tree"] == "south":
            self._size = max(self._size, event["size"])
            self._receipt.set()

    async def times(self, count: int, mark: str) -> list[float]:
        """Seconds from submission to receipt, of ``count`` messages one after another at the rate."""
        assert self.runtime is not None
        loop, taken = asyncio.get_running_loop(), []
        for n in range(count):
            began = loop.time()
            entry = await self.runtime.send(Message(f"{mark} {n} " + "y" * 290, "en"))
            async with asyncio.timeout(60):
                while self._size <= entry.index:
                    self._receipt.clear()
                    await self._receipt.wait()
            taken.append(loop.time() - began)
            await asyncio.sleep(max(0.0, 1 / RATE - taken[-1]))
        return sorted(taken)


def at(taken: list[float], share: float) -> float:
    """A percentile in milliseconds."""
    return round(1000 * taken[min(len(taken) - 1, int(share * len(taken)))], 2)


async def flooding(line: Path, kind: str) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    command = (sys.executable, "-m", "parley_testkit.flood", str(line), str(10 * RATE), kind)
    environment = {**os.environ, "PYTHONPATH": str(Path(parley.__file__).parents[1])}
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, env=environment)
    assert process.stdout is not None
    assert await process.stdout.readline() == b"up\n"
    return process


@pytest.mark.parametrize("kind", ["valid", "junk"])
@pytest.mark.parametrize("count", [pytest.param(20, id="20"), pytest.param(200, id="200", marks=pytest.mark.soak)])
def test_a_flood_keeps_nobody_out(tmp_path: Path, kind: str, count: int) -> None:
    lines = found(tmp_path, 3)
    victim, honest = NodeProcess(home_of(lines[0]).path, lines[0]), Honest()

    async def run() -> None:
        await victim.start()
        quiet: list[float] = []
        flooded: list[float] = []
        sent = 0
        try:
            async with running(lines[1], honest.told) as honest.runtime:
                await honest.times(5, "warm")
                for lap in range(2 if count > 50 else 1):
                    quiet += await honest.times(count, f"quiet {lap}")
                    flood = await flooding(lines[2].path, kind)
                    try:
                        flooded += await honest.times(count, f"flooded {lap}")
                        assert flood.stdin is not None
                        assert flood.stdout is not None
                        flood.stdin.close()
                        sent += int(await flood.stdout.readline())
                    finally:
                        if flood.returncode is None:
                            flood.kill()
                        await flood.wait()
            began = time.monotonic()
            texts = [m["text"] for m in await victim.call("inbox", all=True) if m["author"] == "south"]
            peak = peak_mib(victim.pid)
            report(
                "flood",
                kind=kind,
                rate=RATE,
                flood_sent=sent,
                quiet_p50_ms=at(sorted(quiet), 0.5),
                quiet_p99_ms=at(sorted(quiet), 0.99),
                flooded_p50_ms=at(sorted(flooded), 0.5),
                flooded_p99_ms=at(sorted(flooded), 0.99),
                peak_mib=round(peak, 1),
                inbox_s=round(time.monotonic() - began, 3),
            )
            assert len(texts) == len(set(texts)) == 5 + len(quiet) + len(flooded)
            assert sent > 10
            assert peak < MEMORY_MIB
        finally:
            await victim.stop()

    asyncio.run(run())
