"""The one thread that writes to the disk, so that a slow disk freezes nobody (D7)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any, Final, Generic, TypeVar

from parley.errors import UsageError

T = TypeVar("T")
PATIENCE_S: Final = 0.001
"""How long the caller's thread itself waits for the disk: a quick commit then needs no second wake-up of the
event loop, and a slow one holds it up by no more than this."""


class _Job(Generic[T]):
    """One task: run by the writer's thread, waited for by the caller's.

    A lock is the cheapest of all things to wait for, and one message goes through three of these hand-overs.
    """

    __slots__ = ("_error", "_loop", "_result", "_running", "_task", "_waiter")

    def __init__(self, task: Callable[[], T]) -> None:
        self._task = task
        self._running = Lock()
        self._running.acquire()
        self._result: T
        self._error: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiter: asyncio.Future[None] | None = None

    def run(self) -> None:
        """On the writer's thread."""
        try:
            self._result = self._task()
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is the caller's, who raises it
            self._error = error
        self._running.release()
        # Whoever began to wait before the release is woken here; whoever did so after it sees that it is done.
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def outcome(self) -> T:
        """The result, or what the task raised."""
        if not self._running.acquire(timeout=PATIENCE_S):
            loop = asyncio.get_running_loop()
            self._waiter = loop.create_future()
            self._loop = loop
            if not self._running.acquire(blocking=False):
                await self._waiter
        if self._error is not None:
            raise self._error
        return self._result


class Writer:
    """Runs what it is given, in order, on a thread of its own."""

    def __init__(self) -> None:
        self._jobs: SimpleQueue[_Job[Any] | None] = SimpleQueue()
        self._thread: Thread | None = None
        self._closed = False

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job.run()

    async def run(self, task: Callable[[], T]) -> T:
        """The result of ``task``, or what it raised. Raises UsageError once it is closed."""
        if self._closed:
            raise UsageError("the node is stopping.", code="node-stopping")
        if self._thread is None:
            self._thread = Thread(target=self._work, name="parley-writer", daemon=True)
            self._thread.start()
        job = _Job(task)
        self._jobs.put(job)
        return await job.outcome()

    def close(self) -> None:
        """End the thread after what it has been given. Idempotent."""
        self._closed = True
        if self._thread is not None:
            self._jobs.put(None)
            self._thread.join()
            self._thread = None


class InlineWriter(Writer):
    """Runs what it is given at once, where it is given: for a world whose time is not the machine's."""

    def __init__(self) -> None:
        """No thread."""

    async def run(self, task: Callable[[], T]) -> T:
        """The result of ``task``, or what it raised."""
        return task()

    def close(self) -> None:
        """Nothing to end."""
