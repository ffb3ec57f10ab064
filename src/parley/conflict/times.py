"""Windows of time, once or on many days: when two activities are both under way.

Windows begin with their start and end before their end, so one that begins as another ends does not meet it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, TypeAlias

from parley.errors import DecodeError
from parley.later import later
from parley.wire.geometry import Time, Window

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
else:
    np = later("numpy")

Spans: TypeAlias = "NDArray[np.int64]"
"""Windows that do not touch, one a row, start and end in POSIX seconds, sorted; no row at all means always."""
MAX_WINDOWS: Final = 10_000
"""Windows of one volume once all days are counted: one an hour for a year. Bounds what a short notice can cost."""
UNSTATED: Final = "time-unstated"
_DAY_S: Final = 86_400
_MINUTE_S: Final = 60
_DAY_MINUTES: Final = 1440


def spans(times: Sequence[Time]) -> Spans:
    """All windows of ``times``, joined where they touch.

    Raises DecodeError ``time-empty``: a window that ends before it begins, or days that hold none;
    ``time-many``.
    """
    if not times:
        return np.empty((0, 2), np.int64)
    rows = np.concatenate([_rows(t) for t in times])
    if len(rows) == 0 or (rows[:, 0] >= rows[:, 1]).any():
        raise DecodeError(
            "a time holds no instant.", code="time-empty", next_step="Ask the sender to state the times again."
        )
    if len(rows) == 1:
        return rows
    if len(rows) > MAX_WINDOWS:
        raise DecodeError(
            f"{len(rows)} windows where at most {MAX_WINDOWS} are wanted.",
            code="time-many",
            next_step="Ask the sender to state the whole time, or several activities.",
        )
    rows = rows[np.argsort(rows[:, 0], kind="stable")]
    last = np.maximum.accumulate(rows[:, 1])
    begins = np.append(True, rows[1:, 0] > last[:-1])
    return np.stack([rows[begins, 0], last[np.append(begins[1:], True)]], axis=1)


def _rows(time: Time) -> Spans:
    if isinstance(time, Window):
        return np.array([(time.start, time.end)], np.int64)
    days = np.arange(time.first, time.last + 1, dtype=np.int64)
    starts = days[time.weekdays >> (days + 3) % 7 & 1 == 1] * _DAY_S + time.start * _MINUTE_S
    length = (time.end - time.start) % _DAY_MINUTES or _DAY_MINUTES
    return np.stack([starts, starts + length * _MINUTE_S], axis=1)


def common(a: Spans, b: Spans) -> Spans:
    """When both are under way; ``a`` and ``b`` are not both always. No row means never."""
    if len(a) == 0 or len(b) == 0:
        return a if len(b) == 0 else b
    first = np.searchsorted(b[:, 1], a[:, 0], "right")
    last = np.searchsorted(b[:, 0], a[:, 1], "left")
    counts = np.maximum(last - first, 0)
    rows = np.repeat(np.arange(len(a)), counts)
    within = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    others = np.repeat(first, counts) + within
    return np.stack([np.maximum(a[rows, 0], b[others, 0]), np.minimum(a[rows, 1], b[others, 1])], axis=1)


def time_gap(a: Spans, b: Spans) -> int:
    """Seconds between the nearest windows of both; 0 when any two meet or follow one another at once."""
    if len(a) == 0 or len(b) == 0:
        return 0
    after = np.searchsorted(b[:, 1], a[:, 0], "right")
    # Of the windows of b that end after one of a begins, the first is the nearest; of those before, the last.
    ahead = b[np.minimum(after, len(b) - 1), 0] - a[:, 1]
    ahead[after == len(b)] = np.iinfo(np.int64).max
    behind = a[:, 0] - b[np.maximum(after - 1, 0), 1]
    behind[after == 0] = np.iinfo(np.int64).max
    return max(0, int(np.minimum(ahead, behind).min()))


def within(a: Spans, b: Spans, margin_s: int) -> bool:
    """True when both are under way at once, or within ``margin_s`` seconds of it when that is more than 0."""
    if len(a) == 0 or len(b) == 0:
        return True
    if margin_s > 0:
        return time_gap(a, b) <= margin_s
    first = np.searchsorted(b[:, 1], a[:, 0], "right")
    return bool((np.searchsorted(b[:, 0], a[:, 1], "left") > first).any())
