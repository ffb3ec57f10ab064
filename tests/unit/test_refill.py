"""What an operator is told while peers give back what a node lost."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from parley.app.refill import tell_refill
from parley.ids import LogId, MemberNumber
from parley_testkit.small_world import World


def test_progress_and_the_end_of_a_refill_are_told() -> None:
    world = World(2)
    line = world.lines[1]
    told: list[dict[str, Any]] = []
    (peer,) = line.peers.values()
    held = {tree.log: tree.size for tree in line.trees}
    peer.says = {**held, LogId(MemberNumber(0), world.lines[0].incarnation): 7}

    async def run() -> None:
        node: Any = SimpleNamespace(line=line)
        task = asyncio.create_task(tell_refill(node, told.append))
        while not told:
            await asyncio.sleep(0.01)
        assert told[0]["code"] == "store-refilling"
        assert "have 7 more" in told[0]["text"]
        peer.says = held
        await task

    asyncio.run(run())
    assert [t["code"] for t in told] == ["store-refilling", "store-refilled"]
