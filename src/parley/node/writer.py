"""The one thread that writes to the disk, so that a slow disk freezes nobody (D7)."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from typing import Final, Generic, TypeVar

T = TypeVar("T")
PATIENCE_S: Final = 0.001
"""How long the caller's thread itself waits for the disk: a quick commit then needs no second wake-up of the
event loop, and a slow one holds it up by no more than this."""


def _wake(loop: asyncio.AbstractEventLoop, done: asyncio.Event) -> None:
    loop.call_soon_threadsafe(done.set)


class _Job(Generic[T]):
    """A task, and what became of it."""

    def __init__(self, task: Callable[[], T]) -> None:
        self._task = task
        self._done = threading.Lock()
        self._done.acquire()
        self._late: Callable[[], None] | None = None
        self._guard = threading.Lock()
        self._finished = False
        self._result: T | None = None
        self._error: BaseException | None = None

    def run(self) -> None:
        """On the writer's thread."""
        try:
            self._result = self._task()
        except BaseException as error:  # noqa: BLE001 - handed to who waits, whatever it is
            self._error = error
        with self._guard:
            self._finished = True
            late = self._late
        self._done.release()
        if late is not None:
            late()

    def quick(self) -> bool:
        """Wait a little; True when it is done."""
        return self._done.acquire(timeout=PATIENCE_S)

    def when_done(self, call: Callable[[], None]) -> None:
        """Let ``call`` be made once it is done, from whichever thread."""
        with self._guard:
            if not self._finished:
                self._late = call
                return
        call()

    def result(self) -> T:
        """The result, or what the task raised."""
        if self._error is not None:
            raise self._error
        return self._result  # type: ignore[return-value]


class Writer:
    """Runs what it is given, in order, on a thread of its own."""

    def __init__(self) -> None:
        self._jobs: SimpleQueue[_Job[object] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="parley-writer", daemon=True)
        self._thread.start()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job.run()

    async def run(self, task: Callable[[], T]) -> T:
        """The result of ``task``, or what it raised."""
        job = _Job(task)
        self._jobs.put(job)  # type: ignore[arg-type]
        if not job.quick():
            loop = asyncio.get_running_loop()
            done = asyncio.Event()
            job.when_done(partial(_wake, loop, done))
            await done.wait()
        return job.result()

    def close(self) -> None:
        """End the thread after what it has been given. Idempotent."""
        self._jobs.put(None)
        self._thread.join()
