"""The thread that writes: what it raises, and what it finishes just as its caller stops waiting."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from parley.node.writer import Writer


class JustLate(Future[int]):
    """Done at the very moment at which its caller stops waiting for it."""

    def result(self, timeout: float | None = None) -> int:
        if not self.done():
            assert timeout is not None
            self.set_result(7)
            raise TimeoutError
        return super().result(timeout)


class LateThread(ThreadPoolExecutor):
    def submit(self, *_arguments: Any, **_options: Any) -> Any:
        return JustLate()


def test_what_is_done_just_late_is_done() -> None:
    """A defect once: a commit that took a millisecond to the dot ended the node."""

    async def run() -> int:
        writer = Writer()
        writer.close()
        writer._thread = LateThread(1)
        return await writer.run(lambda: 7)

    assert asyncio.run(run()) == 7


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
