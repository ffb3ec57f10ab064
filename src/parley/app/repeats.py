"""Notices that repeat: the first is told at once, the rest as a number, so that who floods does not fill the log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

WINDOW_S: Final = 10.0
"""Seconds in which one kind of notice about one peer is told once."""
_KINDS: Final = 256
"""Kinds that are kept apart at most: the codes are ours, and the peers are members of the line."""


@dataclass(slots=True)
class _Seen:
    told_at: float
    more: int = 0


class Repeats:
    """Passes events on to ``tell``; ``clock`` gives seconds, monotonic."""

    def __init__(self, tell: Callable[[dict[str, Any]], None], clock: Callable[[], float]) -> None:
        self._tell = tell
        self._clock = clock
        self._seen: dict[tuple[str, str], _Seen] = {}

    def __call__(self, event: dict[str, Any]) -> None:
        """Tell ``event``, unless one like it was told just now."""
        if event.get("event") != "notice":
            self._tell(event)
            return
        now = self._clock()
        key = str(event["code"]), str(event.get("peer", ""))
        seen = self._seen.get(key)
        if seen is not None and now - seen.told_at < WINDOW_S:
            seen.more += 1
            return
        if seen is not None and seen.more:
            event = {**event, "more": seen.more, "text": f"{event['text']} ({seen.more} more like it before.)"}
        elif len(self._seen) >= _KINDS:
            del self._seen[next(iter(self._seen))]
        self._seen[key] = _Seen(now)
        self._tell(event)
