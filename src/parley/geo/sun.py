"""Sunrise and sunset, for notices that state a time of day by them."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from typing import Final

from astral import Observer
from astral.sun import sunrise, sunset

from parley.wire.geometry import MICRODEGREES, Position

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAY: Final = timedelta(days=1)


def sunset_s(at: Position, day: date) -> int | None:
    """POSIX seconds of the sunset that follows local noon of ``day``, up to the whole minute.

    None where the sun does not set that day. Upper limb, sea level, standard refraction (astral).
    """
    return _event(sunset, at, day, up=True)


def sunrise_s(at: Position, day: date) -> int | None:
    """POSIX seconds of the sunrise before local noon of ``day``, down to the whole minute; None as above."""
    return _event(sunrise, at, day, up=False)


def _event(which: object, at: Position, day: date, *, up: bool) -> int | None:
    observer = Observer(at.lat / MICRODEGREES, at.lon / MICRODEGREES)
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC) - timedelta(hours=observer.longitude / 15)
    best: datetime | None = None
    for near in (day - _DAY, day, day + _DAY):
        try:
            found = which(observer, near, tzinfo=UTC)  # type: ignore[operator]
        except ValueError:
            # Polar day or night.
            continue
        if abs(found - noon) <= _DAY / 2 and (found > noon) is up:
            best = found
    if best is None:
        return None
    minutes = (best - _EPOCH).total_seconds() / 60
    return (math.ceil(minutes) if up else math.floor(minutes)) * 60
