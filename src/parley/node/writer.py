"""Who writes to the disk: a thread of its own, or the caller while the disk has proven quick (D7, ADR 80)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

T = TypeVar("T")
QUICK_S: Final = 0.006
"""A brief task that takes no longer, in seconds, holds nobody up that a person or a peer would notice."""
TRUST: Final = 32
"""Quick tasks in a row after which the next brief one is done by the caller itself."""


class Writer:
    """Runs what it is given, in order; its caller waits for each before it gives the next.

    To hand a task to the thread and back costs as much as the task where a disk is quick. So what is brief is done
    where it is given once ``TRUST`` such tasks in a row were quick; one that was slow, or failed, sends the next back
    to the thread. A disk that becomes slow thus holds the event loop up by one task, and then freezes nobody.
    """

    def __init__(self, seconds: Callable[[], float] = time.perf_counter) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="parley-writer")
        self._seconds = seconds
        self._quick = 0

    async def run(self, task: Callable[[], T], *, brief: bool = False) -> T:
        """The result of ``task``, or what it raised. ``brief``: only the disk can make it long."""
        if not brief:
            return await asyncio.wrap_future(self._thread.submit(task))
        if self._quick >= TRUST:
            return self._timed(task)
        return await asyncio.wrap_future(self._thread.submit(self._timed, task))

    def _timed(self, task: Callable[[], T]) -> T:
        quick, self._quick = self._quick, 0
        began = self._seconds()
        result = task()
        if self._seconds() - began <= QUICK_S:
            self._quick = quick + 1
        return result

    def close(self) -> None:
        """End the thread after what it has been given. Idempotent."""
        self._thread.shutdown()


class InlineWriter(Writer):
    """Runs what it is given at once, where it is given: for a world whose time is not the machine's."""

    def __init__(self) -> None:
        """No thread."""

    async def run(self, task: Callable[[], T], *, brief: bool = False) -> T:
        """The result of ``task``, or what it raised."""
        del brief
        return task()

    def close(self) -> None:
        """Nothing to end."""
