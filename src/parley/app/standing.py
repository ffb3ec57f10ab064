"""What a node does by itself while it serves: the watch takes the steps that fall due, the conflict check looks.

Neither waits for an officer (R55), nor for the other: what is a check-fire is told of at once (R57).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from parley.app.desk import Condition, desk_of
from parley.app.guard import guard_of
from parley.app.noduff import leave_exercise
from parley.app.officers import Officers, state_officers
from parley.errors import ParleyError

if TYPE_CHECKING:
    from parley.app.runtime import Runtime

_STEPS: Final = 16
"""Steps taken in one round, so that a flood of missed deadlines delays nothing else."""
_ROUND_S: Final = 2.0
"""Seconds between two looks at whether anything came."""
_WATCH_SHARE: Final = 20
"""A look is followed by so many times its duration of rest, so that the watch takes little of the machine."""
_AGAIN_S: Final = 5.0
"""Seconds after which an error is tried again, and the longest rest after a look."""
_CHECK_SHARE: Final = 4
"""A look is followed by so many times its duration of rest."""
_REST_S: Final = 0.25
"""The least rest after a look: where entry follows entry, one look takes in all that came meanwhile. The first after a
rest is looked at as soon as its receipt has gone out."""


async def stand_watch(runtime: Runtime, told: Callable[[dict[str, Any]], None], stop: asyncio.Event) -> None:
    """All that a node does by itself while it serves: the watch and the conflict check.

    The watch sees each FLASH at once. What is a check-fire waits for no look of the guard, which many or large notices
    make long.
    """
    straight: set[asyncio.Task[None]] = set()

    async def go(message: str) -> None:
        # Where this fails, the guard's next look does it, and meets the same error.
        with contextlib.suppress(ParleyError):
            await guard_of(runtime).straight(message)

    def seen(event: dict[str, Any]) -> None:
        told(event)
        if event.get("code") == "flash":
            task = asyncio.ensure_future(go(event["message"]))
            straight.add(task)
            task.add_done_callback(straight.discard)

    await asyncio.gather(keep_watch(runtime, seen, stop), keep_guard(runtime, told, stop))
    await asyncio.gather(*straight)


async def keep_watch(runtime: Runtime, told: Callable[[dict[str, Any]], None], stop: asyncio.Event) -> None:
    """Take the steps that fall due, until ``stop``. Waits for no officer (R55)."""
    desk = desk_of(runtime)
    stopped = asyncio.ensure_future(stop.wait())
    await asyncio.wait([stopped], timeout=max(0, desk.settles_at - desk.now))
    with contextlib.suppress(ParleyError):
        # The first look meets the same error, and tells of it.
        await desk.catch_up(stop)
    try:
        await state_officers(desk, Officers(runtime.line_home.home))
    except ParleyError as error:
        told({"event": "notice", "code": error.code, "text": error.message})
    loop = asyncio.get_running_loop()
    seen, look_at, wait = -1, 0, _ROUND_S
    known: frozenset[Condition] = frozenset()
    while not stop.is_set():
        runtime.changed.clear()
        version = runtime.node.store.version
        if version != seen or desk.now >= look_at:
            begun = loop.time()
            try:
                picture = await desk.picture()
                for new in sorted(picture.conditions - known, key=str):
                    told({"event": "watch", "code": new.code, "message": new.subject, "stage": new.detail})
                known = picture.conditions
                for event in await leave_exercise(desk):
                    told(event)
                steps = picture.steps[:_STEPS]
                for row, rung in steps:
                    told(await desk.climb(row, rung))
            except ParleyError as error:
                told({"event": "notice", "code": error.code, "text": error.message})
            else:
                seen = version if len(steps) < _STEPS else -1
                latest = picture.now + desk.rules.watch.look_s
                look_at = min(picture.next_change or latest, latest)
            wait = max(_ROUND_S, _WATCH_SHARE * (loop.time() - begun))
        await asyncio.wait([stopped], timeout=wait)
        if not stop.is_set() and seen == runtime.node.store.version:
            await _first_of(stopped, runtime.changed, max(0, look_at - desk.now))
    await stopped


async def keep_guard(runtime: Runtime, told: Callable[[dict[str, Any]], None], stop: asyncio.Event) -> None:
    """Look whenever something came or changed, until ``stop``: a check-fire waits for nobody (R57)."""
    guard = guard_of(runtime)
    guard.told = told
    stopped = asyncio.ensure_future(stop.wait())
    loop = asyncio.get_running_loop()
    while not stop.is_set():
        runtime.news.clear()
        begun = loop.time()
        if guard.changed():
            try:
                await guard.look()
            except ParleyError as error:
                told({"event": "notice", "code": error.code, "text": error.message})
                await asyncio.wait([stopped], timeout=_AGAIN_S)
        rest = min(_AGAIN_S, max(_REST_S, _CHECK_SHARE * (loop.time() - begun)))
        await asyncio.wait([stopped], timeout=rest)
        if not stop.is_set() and not guard.changed():
            rest = min(guard.desk.rules.watch.look_s, guard.overdue.next - guard.desk.now)
            await _first_of(stopped, runtime.news, max(0, rest))
    await stopped


async def _first_of(stopped: asyncio.Future[Any], changed: asyncio.Event, seconds: float) -> None:
    """Until the watch ends, something came or was written, or ``seconds`` are over."""
    came = asyncio.ensure_future(changed.wait())
    await asyncio.wait([stopped, came], timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    came.cancel()
