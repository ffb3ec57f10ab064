"""Bands of heights with different references: how far apart they certainly are.

Heights of one reference are compared as they were stated. Otherwise each becomes the range of heights above mean sea
level that it may mean, and only what lies outside both ranges counts as room between the bands. So an error is an error
toward conflict, and it is told: every comparison that rests on such a range, or on a bound that was not stated, leaves
a doubt.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from parley.errors import DecodeError
from parley.wire.geometry import Band, Height, Reference, Unit

GROUND_M: Final = (-430.0, 8_850.0)
"""Metres above mean sea level between which all ground lies (Dead Sea shore, Everest): AGL without terrain."""
PRESSURE_M: Final = (-750.0, 450.0)
"""Metres by which a flight level is off at 925 and 1065 hPa at sea level, about 8.4 m to the hectopascal."""
TEMPERATURE: Final = (0.85, 1.12)
"""A flight level's true height, over its nominal one, in air 40 K colder and 30 K warmer than standard."""
UNSTATED: Final = "height-unstated"
UNRESOLVED: Final = {Reference.AGL: "height-agl", Reference.FL: "height-flight-level"}
"""Doubts, by the reference that could not be resolved."""
_METRES: Final = {Unit.METRE: 1.0, Unit.FOOT: 0.3048, Unit.HUNDRED_FEET: 30.48}


@dataclass(frozen=True, slots=True)
class Limit:
    """A stated height in metres from its reference; ``reference`` None when nothing was stated."""

    metres: float
    reference: Reference | None


@dataclass(frozen=True, slots=True)
class Levels:
    """A band made ready to be compared."""

    lower: Limit
    upper: Limit

    def amsl(self) -> tuple[float, float]:
        """The lowest and the highest metres above mean sea level that it may reach; infinite where it is open."""
        low, high = _range(self.lower)[0], _range(self.upper)[1]
        return (-math.inf if self.lower.reference is None else low), (
            math.inf if self.upper.reference is None else high
        )


@dataclass(frozen=True, slots=True)
class HeightGap:
    """``metres`` that certainly lie between two bands, 0 when they may meet; and what leaves it in doubt."""

    metres: float
    doubts: tuple[str, ...]


def levels(band: Band) -> Levels:
    """``band``, ready to be compared. Raises DecodeError ``band-inverted`` when its lower limit is above its upper."""
    made = Levels(_limit(band.lower), _limit(band.upper))
    if made.lower.reference is not None and _above(made.lower, made.upper)[0] > 0:
        raise DecodeError(
            f"a band from {band.lower} up to {band.upper} is upside down.",
            code="band-inverted",
            next_step="Ask the sender to state the heights again.",
        )
    return made


def height_gap(a: Levels, b: Levels) -> HeightGap:
    """How far apart two bands certainly are. Bands that touch meet."""
    up, doubts = _above(a.lower, b.upper)
    down, more = _above(b.lower, a.upper)
    return HeightGap(max(up, down, 0.0), tuple(sorted({*doubts, *more})))


def shared(a: Band, b: Band) -> Band:
    """The heights that two bands which may meet have in common, each limit as one of them states it.

    Of two limits that cannot be compared, the one that certainly leaves the more in common.
    """
    return Band(_higher(a.lower, b.lower), _lower(a.upper, b.upper))


def _higher(a: Height | None, b: Height | None) -> Height | None:
    if a is None or b is None:
        return a or b
    if a.reference is b.reference:
        return max(a, b, key=lambda h: _limit(h).metres)
    return min(a, b, key=lambda h: _range(_limit(h))[0])


def _lower(a: Height | None, b: Height | None) -> Height | None:
    if a is None or b is None:
        return a or b
    if a.reference is b.reference:
        return min(a, b, key=lambda h: _limit(h).metres)
    return max(a, b, key=lambda h: _range(_limit(h))[1])


def _limit(height: Height | None) -> Limit:
    if height is None:
        return Limit(0.0, None)
    return Limit(height.value * _METRES[height.unit], height.reference)


def _above(low: Limit, high: Limit) -> tuple[float, tuple[str, ...]]:
    """Metres by which ``low`` certainly lies above ``high``, negative when it may lie below; and the doubts."""
    if low.reference is None or high.reference is None:
        return -math.inf, (UNSTATED,)
    if low.reference is high.reference:
        return low.metres - high.metres, ()
    doubts = tuple(UNRESOLVED[r] for r in (low.reference, high.reference) if r in UNRESOLVED)
    return _range(low)[0] - _range(high)[1], doubts


def _range(limit: Limit) -> tuple[float, float]:
    """The metres above mean sea level that a stated limit may mean."""
    if limit.reference is Reference.AGL:
        return limit.metres + GROUND_M[0], limit.metres + GROUND_M[1]
    if limit.reference is Reference.FL:
        part = TEMPERATURE if limit.metres >= 0 else TEMPERATURE[::-1]
        return limit.metres * part[0] + PRESSURE_M[0], limit.metres * part[1] + PRESSURE_M[1]
    return limit.metres, limit.metres
