"""Virtual time: an event loop for the node's coroutines and the world's own events, on one heap."""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any

from parley.ids import MemberNumber

START_S = 1_800_000_000
"""POSIX seconds at which every world begins."""


class Crashed(BaseException):
    """The simulated process ends here: nothing of the product may catch it."""


class Process:
    """One run of one node: when it is dead, nothing that it still does has any effect."""

    def __init__(self, member: MemberNumber) -> None:
        self.member = member
        self.dead = False
        self.crash_point = ""
        """The place at which to end; a store, bearer or head file that passes it kills the process."""
        self.countdown = 0
        self.on_death: Callable[[], None] = lambda: None

    def kill(self) -> None:
        """The process ends."""
        if not self.dead:
            self.dead = True
            self.on_death()

    def reach(self, point: str) -> None:
        """The process is about to do what ``point`` names. Raises Crashed when it ends there, or has ended."""
        if point == self.crash_point:
            self.countdown -= 1
            if self.countdown < 0:
                self.kill()
        if self.dead:
            raise Crashed


class SimTimer:
    """What ``call_later`` gives. asyncio's own handles cost more than most of what they call."""

    __slots__ = ("args", "callback", "cancelled")

    def __init__(self, callback: Callable[..., object], args: tuple[Any, ...]) -> None:
        self.callback = callback
        self.args = args
        self.cancelled = False

    def cancel(self) -> None:
        """Passed over when its time comes."""
        self.cancelled = True


class SimLoop(asyncio.AbstractEventLoop):
    """As much of an event loop as the node needs, in virtual time and one order for one seed."""

    def __init__(self) -> None:
        self.now = 0.0
        self._ready: deque[tuple[Callable[..., object], tuple[Any, ...]]] = deque()
        self._timers: list[tuple[float, int, Callable[..., object], tuple[Any, ...]]] = []
        self._count = 0
        self.on_error: Callable[[dict[str, Any]], None] = lambda _context: None
        self.ended = False

    def at(self, when: float, callback: Callable[..., object], *args: object) -> None:
        """Let the world do something at ``when``; things of one time happen in the order they were asked for."""
        self._count += 1
        heapq.heappush(self._timers, (when, self._count, callback, args))

    def after(self, delay: float, callback: Callable[..., object], *args: object) -> None:
        """Let the world do something ``delay`` seconds from now."""
        self.at(self.now + delay, callback, *args)

    def run_until(self, end: float) -> None:
        """Everything up to ``end``, or until ``ended`` is set."""
        before = asyncio._get_running_loop()  # noqa: SLF001 - what event loops call
        asyncio._set_running_loop(self)  # noqa: SLF001
        ready, timers = self._ready, self._timers
        try:
            while not self.ended:
                while ready:
                    self._call(*ready.popleft())
                if not timers or timers[0][0] > end:
                    self.now = max(self.now, end)
                    return
                when, _, callback, args = heapq.heappop(timers)
                self.now = max(self.now, when)
                callback(*args)
        finally:
            asyncio._set_running_loop(before)  # noqa: SLF001

    def _call(self, callback: Callable[..., object], args: tuple[Any, ...]) -> None:
        """As a handle does: what is raised ends nothing but itself. No context: nothing here has variables of one."""
        try:
            callback(*args)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:  # noqa: BLE001 - Crashed is no Exception
            self.on_error({"message": f"in {callback!r}", "exception": error, "handle": callback})

    # -- what asyncio asks of a loop ---------------------------------------------------------------------

    def time(self) -> float:
        """Virtual seconds."""
        return self.now

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., object], *args: object, context: Context | None = None
    ) -> None:
        """As asyncio, but for the handle: a task and a future have no use for it."""
        del context
        self._ready.append((callback, args))

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Callable[..., object], *args: object, context: Context | None = None
    ) -> SimTimer:
        """As asyncio."""
        # A little late, as any clock: in floats, the very moment may lie just before what was asked for.
        return self.call_at(self.now + delay + 1e-6, callback, *args, context=context)

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., object], *args: object, context: Context | None = None
    ) -> SimTimer:
        """As asyncio."""
        del context
        timer = SimTimer(callback, args)
        self._count += 1
        heapq.heappush(self._timers, (when, self._count, self._run_timer, (timer,)))
        return timer

    def _run_timer(self, timer: SimTimer) -> None:
        if not timer.cancelled:
            self._call(timer.callback, timer.args)

    def create_future(self) -> asyncio.Future[Any]:
        """As asyncio."""
        return asyncio.Future(loop=self)

    def create_task(self, coro: Coroutine[Any, Any, Any], **_: object) -> asyncio.Task[Any]:  # type: ignore[override]
        """As asyncio."""
        return asyncio.Task(coro, loop=self)

    def get_debug(self) -> bool:
        """Never."""
        return False

    def is_running(self) -> bool:
        """Always, as far as anybody asks."""
        return True

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """What no one awaited."""
        self.on_error(context)


class SimClock:
    """One machine's clocks: the wall may be set to anything, boot time only goes on."""

    def __init__(self, loop: SimLoop) -> None:
        self._loop = loop
        self.wall_offset = 0
        self._booted = -1000.0
        self._boots = 0

    def reboot(self) -> None:
        """The machine starts again: boot time from zero."""
        self._booted = self._loop.now
        self._boots += 1

    def wall_s(self) -> int:
        """POSIX seconds."""
        return START_S + int(self._loop.now) + self.wall_offset

    def boot_s(self) -> float:
        """Seconds since the machine's start."""
        return self._loop.now - self._booted

    def boot_id(self) -> bytes:
        """Of this boot."""
        return self._boots.to_bytes(16, "big")
