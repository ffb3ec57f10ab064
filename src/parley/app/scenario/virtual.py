"""Time that is not the machine's: where everybody waits, it jumps to the next thing that is due."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable
from typing import Any, TypeVar

from parley.errors import UsageError

T = TypeVar("T")


class _Jumping(selectors.DefaultSelector):
    """Waits for no one: what would be waited for is added to the time."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready now."""
        if timeout is None:
            raise UsageError("nothing will ever happen in this scenario again.", code="scenario-stuck")
        self.now += max(0.0, timeout)
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """asyncio's loop in virtual time, on one thread: what would run on another runs at once."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._jumping.now

    def run_in_executor(self, executor: Any, func: Callable[..., T], *args: Any) -> asyncio.Future[T]:  # type: ignore[override]  # noqa: ANN401
        """Call ``func`` on this thread."""
        del executor

        async def here() -> T:
            return func(*args)

        return self.create_task(here())


class VirtualClock:
    """ports.Clock in virtual time; the wall begins at ``start`` (POSIX seconds)."""

    def __init__(self, loop: asyncio.AbstractEventLoop, start: int) -> None:
        self._loop = loop
        self.start = start

    def wall_s(self) -> int:
        """POSIX seconds."""
        return self.start + int(self._loop.time())

    def boot_s(self) -> float:
        """Seconds since the machine's start, which was a while before the scenario's."""
        return 1000.0 + self._loop.time()

    def boot_id(self) -> bytes:
        """One boot."""
        return bytes(16)
