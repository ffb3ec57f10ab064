"""What happened, told to every open page: numbered, kept for a while, so that a page that was away catches up."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final

KEPT: Final = 512
"""Events that a page may have missed and still be told one by one; who missed more loads the page anew."""
_SETTLE_S: Final = 0.015
"""What comes within this time is told at once, so that a burst redraws a page once."""


_DIGITS: Final = 15
"""Of a whole number that somebody sent: below 2^53, as scripts have them."""


def whole(text: str) -> int | None:
    """The whole number that a text is in the digits 0 to 9; None for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS else None


@dataclass(frozen=True, slots=True)
class Told:
    """One event: its number in this run of the node, its sort, and plain data."""

    number: int
    sort: str
    data: dict[str, Any]


class Hub:
    """Events of all lines of a node. ``run`` names this run, so that numbers of another are not taken for ours."""

    def __init__(self, run: str) -> None:
        self.run = run
        self._kept: deque[Told] = deque(maxlen=KEPT)
        self._next = 1
        self._changed = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()
        self.closed = False

    @property
    def last(self) -> str:
        """The id of the newest event."""
        return f"{self.run}-{self._next - 1}"

    def tell(self, sort: str, **data: Any) -> None:  # noqa: ANN401 - JSON
        """Let all pages know."""
        self._kept.append(Told(self._next, sort, data))
        self._next += 1
        self._wake()

    def close(self) -> None:
        """End all streams."""
        self.closed = True
        self._wake()

    def _wake(self) -> None:
        task = asyncio.get_running_loop().create_task(self._notify())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    def _quiet(self, after: int) -> bool:
        return not self.closed and self._next - 1 <= after

    def number(self, token: str) -> int | None:
        """The number of ``run-number``; None where that is of another run, or no such thing."""
        run, _, number = token.rpartition("-")
        return whole(number) if run == self.run else None

    def since(self, last: str) -> list[Told] | None:
        """What came after the event with the id ``last``; None when that is not known any more."""
        after = self.number(last)
        if after is None or after >= self._next:
            return None
        first = self._kept[0].number if self._kept else self._next
        return [t for t in self._kept if t.number > after] if after >= first - 1 else None

    async def follow(self, last: str, beat_s: float) -> AsyncIterator[Told | None]:
        """Events after ``last`` as they come; None at least every ``beat_s`` seconds, so that silence is noticed."""
        missed = self.since(last) if last else []
        after = self._next - 1
        yield None
        if missed is None:
            yield Told(after, "reset", {})
        for told in missed or ():
            yield told
        while not self.closed:
            try:
                async with asyncio.timeout(beat_s), self._changed:
                    while self._quiet(after):
                        await self._changed.wait()
                await asyncio.sleep(_SETTLE_S)
            except TimeoutError:
                yield None
                continue
            for told in self.since(f"{self.run}-{after}") or [Told(self._next - 1, "reset", {})]:
                after = told.number
                yield told
