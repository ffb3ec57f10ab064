"""The one thread that writes to the disk, so that a slow disk freezes nobody (D7)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

T = TypeVar("T")
PATIENCE_S: Final = 0.001
"""How long the caller's thread itself waits for the disk: a quick commit then needs no second wake-up of the
event loop, and a slow one holds it up by no more than this."""


class Writer:
    """Runs what it is given, in order, on a thread of its own."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="parley-writer")

    async def run(self, task: Callable[[], T]) -> T:
        """The result of ``task``, or what it raised."""
        future = self._thread.submit(task)
        try:
            return future.result(PATIENCE_S)
        except TimeoutError:
            # It was not done in time, though it may be by now; where the task itself raised this, it comes again.
            return await asyncio.wrap_future(future)

    def close(self) -> None:
        """End the thread after what it has been given. Idempotent."""
        self._thread.shutdown()


class InlineWriter(Writer):
    """Runs what it is given at once, where it is given: for a world whose time is not the machine's."""

    def __init__(self) -> None:
        """No thread."""

    async def run(self, task: Callable[[], T]) -> T:
        """The result of ``task``, or what it raised."""
        return task()

    def close(self) -> None:
        """Nothing to end."""
