"""Who writes: the thread until the disk has proven quick, the caller then; after one slow or failed, the thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator

import pytest

from parley.node.writer import QUICK_S, TRUST, Writer


class Disk:
    """A disk of any speed: seconds that pass only while it writes."""

    def __init__(self) -> None:
        self.now = 0.0
        self.takes = QUICK_S / 2

    def seconds(self) -> float:
        return self.now

    def write(self) -> str:
        self.now += self.takes
        return threading.current_thread().name


@pytest.fixture
def disk() -> Disk:
    return Disk()


@pytest.fixture
def writer(disk: Disk) -> Iterator[Writer]:
    made = Writer(disk.seconds)
    yield made
    made.close()


def here() -> str:
    return threading.current_thread().name


async def brief(writer: Writer, disk: Disk, count: int) -> list[bool]:
    """Of ``count`` brief tasks, which the caller's own thread did."""
    return [await writer.run(disk.write, brief=True) == here() for _ in range(count)]


def test_the_caller_writes_once_the_disk_has_proven_quick(writer: Writer, disk: Disk) -> None:
    assert asyncio.run(brief(writer, disk, TRUST + 3)) == [False] * TRUST + [True] * 3


def test_one_that_was_slow_sends_the_next_to_the_thread(writer: Writer, disk: Disk) -> None:
    async def run() -> None:
        await brief(writer, disk, TRUST)
        disk.takes = QUICK_S * 1.01
        assert await brief(writer, disk, TRUST) == [True] + [False] * (TRUST - 1)
        disk.takes = QUICK_S / 2
        assert await brief(writer, disk, TRUST + 1) == [False] * TRUST + [True]

    asyncio.run(run())


def test_what_is_long_by_itself_is_for_the_thread_and_proves_nothing(writer: Writer, disk: Disk) -> None:
    async def run() -> None:
        disk.takes = 60.0
        assert await writer.run(disk.write) != here()
        disk.takes = 0.0
        await brief(writer, disk, TRUST)
        assert await writer.run(disk.write) != here()
        assert await brief(writer, disk, 1) == [True]

    asyncio.run(run())


def test_what_a_task_raises_comes_through_and_ends_the_trust(writer: Writer, disk: Disk) -> None:
    def fails() -> None:
        raise TimeoutError("the task's own")

    async def raises(run: Callable[[], Awaitable[None]]) -> None:
        with pytest.raises(TimeoutError, match="the task's own"):
            await run()

    async def run() -> None:
        await raises(lambda: writer.run(fails))
        await raises(lambda: writer.run(fails, brief=True))
        await brief(writer, disk, TRUST)
        await raises(lambda: writer.run(fails, brief=True))
        assert await brief(writer, disk, 1) == [False]

    asyncio.run(run())
