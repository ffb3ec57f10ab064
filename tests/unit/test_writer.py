"""The thread that writes: what it raises, and what it finishes just as its caller stops waiting."""

from __future__ import annotations

import asyncio
import threading

import pytest

from parley.errors import UsageError
from parley.node.writer import Writer, _Job


class JustLate:
    """A lock that is released at the very moment at which its caller stops waiting for it."""

    def __init__(self, job: _Job[int]) -> None:
        self._job, self._lock = job, job._running

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        if timeout > 0:
            self._job.run()
            return False
        return self._lock.acquire(blocking)

    def release(self) -> None:
        self._lock.release()


def test_what_is_done_just_late_is_done() -> None:
    """A defect once: a commit that took a millisecond to the dot ended the node."""
    job = _Job(lambda: 7)
    job._running = JustLate(job)  # type: ignore[assignment]
    assert asyncio.run(job.outcome()) == 7


def test_what_takes_long_comes_in_its_order_and_holds_nobody_up() -> None:
    gate = threading.Event()

    async def run() -> list[int]:
        writer, said = Writer(), []
        slow = asyncio.ensure_future(writer.run(lambda: gate.wait(60)))
        await asyncio.sleep(0)
        quick = [asyncio.ensure_future(writer.run(lambda n=n: said.append(n))) for n in range(3)]  # type: ignore[misc]
        await asyncio.sleep(0)
        assert said == []
        gate.set()
        assert await slow
        await asyncio.gather(*quick)
        writer.close()
        writer.close()
        with pytest.raises(UsageError):
            await writer.run(lambda: 1)
        return said

    assert asyncio.run(run()) == [0, 1, 2]


def test_what_a_task_raises_comes_through() -> None:
    async def run() -> None:
        writer = Writer()

        def fails() -> None:
            raise TimeoutError("the task's own")

        try:
            with pytest.raises(TimeoutError, match="the task's own"):
                await writer.run(fails)
        finally:
            writer.close()

    asyncio.run(run())
