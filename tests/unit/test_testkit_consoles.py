"""The soak of many consoles ends, whatever becomes of one."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from parley_testkit import consoles


def test_a_console_that_is_refused_for_good_ends_the_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consoles, "_STILL_S", 1.0)
    refused: Any = SimpleNamespace(asked=0, refused=0, seen={})

    async def again() -> None:
        while True:
            refused.asked += 1
            refused.refused += 1
            await asyncio.sleep(0.01)

    async def run() -> None:
        asking = asyncio.create_task(again())
        try:
            async with asyncio.timeout(60):
                await consoles._until_seen([refused], {"north-1": 0.0})
        finally:
            asking.cancel()

    asyncio.run(run())
