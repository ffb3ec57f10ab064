"""Days and times of notices: months and years that are not repeated, days of the week, windows by the sun.

A notice gives a year once, or not at all. What it leaves out is inferred from the day it was issued: the first
such date that is not more than ``PAST_DAYS`` before that day.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final

from parley.geo.sun import sunrise_s, sunset_s
from parley.wire.geometry import MAX_WINDOWS, Daily, Position, Time, Window

PAST_DAYS: Final = 45
"""Days before its issue that a notice may still speak of without naming the year."""
_EPOCH: Final = date(1970, 1, 1)
_DAY_S: Final = 86_400
_MINUTES: Final = 1_440
_HOUR: Final = 60
_CENTURY: Final = 2_000
_LAST_YEAR: Final = 2_199
"""What a notice says of a later year is a slip; and a calendar ends, which a window must not run into."""
MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
WEEKDAYS: Final = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
EVERY_DAY: Final = 0b1111111


class NoDateError(ValueError):
    """The figures are no date or time, or the notice does not say which."""


@dataclass(frozen=True, slots=True)
class DayMonth:
    """A day as it is written; ``month`` 0 and ``year`` 0 where they are left out."""

    day: int
    month: int = 0
    year: int = 0


@dataclass(frozen=True, slots=True)
class Moment:
    """A date-time group; ``minute`` of the day."""

    day: DayMonth
    minute: int


@dataclass(frozen=True, slots=True)
class Span:
    """From one moment to another."""

    start: Moment
    end: Moment
    alternate: bool = False


@dataclass(frozen=True, slots=True)
class Clock:
    """A time of day: a minute, or the sun's setting or rising."""

    minute: int = 0
    sun: str = ""


@dataclass(frozen=True, slots=True)
class DateRange:
    """From one day to another; ``first`` None: from the notice's own beginning."""

    first: DayMonth | None
    last: DayMonth


@dataclass(frozen=True, slots=True)
class Repeated:
    """The same hours on many days."""

    start: Clock
    end: Clock
    weekdays: int = EVERY_DAY
    ranges: tuple[DateRange, ...] = ()
    alternate: bool = False


Stated = Span | Repeated


@dataclass(frozen=True, slots=True)
class Context:
    """What a notice's dates are read against. ``issued`` its day; ``end`` the last day it is in force, or None."""

    issued: date
    end: date | None = None
    where: tuple[Position, ...] = ()
    """Places of the area, for the sun: it rises where it does so first, and sets where it does so last."""


def read_clock(text: str) -> int:
    """Minutes of ``HHMM``, 2400 being the end of the day. Raises NoDateError."""
    hour, minute = int(text[:2]), int(text[2:4])
    if minute >= _HOUR or hour * _HOUR + minute > _MINUTES:
        raise NoDateError(text)
    return hour * _HOUR + minute


def full_year(text: str) -> int:
    """Two figures are of this century."""
    year = int(text)
    return year if year >= _CENTURY else _CENTURY + year % 100


def with_months(stated: Iterable[Stated]) -> list[Stated]:
    """Give moments without a month the month of what follows, or else of what came before."""
    done: list[Stated] = []
    known = DayMonth(1)
    for each in reversed(list(stated)):
        if isinstance(each, Span):
            end = _inherit(each.end, known)
            start = _of_that_year(_inherit(each.start, end.day), end.day)
            done.append(replace(each, start=start, end=end))
            known = start.day
        else:
            done.append(each)
            known = each.ranges[0].first or each.ranges[0].last if each.ranges else known
    forward: list[Stated] = []
    known = DayMonth(1)
    for each in reversed(done):
        if isinstance(each, Span):
            each = replace(each, start=_inherit(each.start, known), end=_inherit(each.end, known))  # noqa: PLW2901
            known = each.end.day
        elif each.ranges:
            known = each.ranges[-1].last
        forward.append(each)
    return forward


def _inherit(moment: Moment, known: DayMonth) -> Moment:
    if moment.day.month or not known.month:
        return moment
    return replace(moment, day=replace(moment.day, month=known.month, year=known.year))


def _of_that_year(start: Moment, end: DayMonth) -> Moment:
    """A start whose year is not stated, where its end's is: the last such day up to the end."""
    if start.day.year or not end.year:
        return start
    earlier = (start.day.month, start.day.day) > (end.month, end.day)
    return replace(start, day=replace(start.day, year=end.year - earlier))


def on_calendar(day: DayMonth, not_before: date) -> date:
    """The day in the year that it names, or the next from ``not_before`` on. Raises NoDateError."""
    if not 1 <= day.month <= len(MONTHS):
        raise NoDateError(f"{day.day}: no month" if not day.month else f"{day.day}: month {day.month}")
    if day.year > _LAST_YEAR:
        raise NoDateError(f"{day.day}: year {day.year}")
    # The next such day on any calendar: a 29 February that the year does not have is no day years later.
    later = (day.month, day.day) < (not_before.month, not_before.day)
    try:
        return date(day.year or not_before.year + later, day.month, day.day)
    except ValueError:
        raise NoDateError(f"{day.day} {MONTHS[day.month - 1]}") from None


def instant(moment: Moment, not_before: date) -> int:
    """POSIX seconds. Raises NoDateError."""
    return ((on_calendar(moment.day, not_before) - _EPOCH).days * _MINUTES + moment.minute) * 60


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - _EPOCH).days


def times_of(stated: Stated, context: Context) -> list[Time]:
    """The windows of one statement. Raises NoDateError: no such date, no month, no end, or the sun does not set."""
    earliest = context.issued - timedelta(days=PAST_DAYS)
    if isinstance(stated, Span):
        start = instant(stated.start, earliest)
        first = _EPOCH + timedelta(days=start // _DAY_S)
        end = instant(stated.end, first)
        if end <= start:
            raise NoDateError("the end is not after the start")
        return [Window(start, end)]
    times: list[Time] = []
    for first, last in _days(stated.ranges, context, earliest):
        if stated.start.sun or stated.end.sun:
            times += _by_the_sun(stated, first, last, context.where)
        else:
            start, end = stated.start.minute % _MINUTES, stated.end.minute
            times.append(Daily(day_number(first), day_number(last), start, end, stated.weekdays))
    if len(times) > MAX_WINDOWS:
        raise NoDateError(f"{len(times)} windows")
    return times


def _days(ranges: tuple[DateRange, ...], context: Context, earliest: date) -> Iterator[tuple[date, date]]:
    if not ranges:
        if context.end is None:
            raise NoDateError("no dates")
        yield context.issued, context.end
    for each in ranges:
        if each.first is None:
            first = context.issued
        else:
            whole = each.first if each.first.month else replace(each.first, month=each.last.month, year=each.last.year)
            first = on_calendar(whole, earliest)
        last = on_calendar(each.last, first)
        if last < first or (last - first).days >= MAX_WINDOWS:
            raise NoDateError(f"{first} to {last}")
        yield first, last


def _by_the_sun(stated: Repeated, first: date, last: date, where: tuple[Position, ...]) -> Iterator[Window]:
    if not where:
        raise NoDateError("the sun sets nowhere")
    day = first
    while day <= last:
        if stated.weekdays >> day.weekday() & 1:
            start = _of_day(stated.start, day, where, first=True)
            end = _of_day(stated.end, day, where, first=False)
            while end <= start:
                end += _DAY_S
            yield Window(start, end)
        day += timedelta(days=1)


def _of_day(clock: Clock, day: date, where: tuple[Position, ...], *, first: bool) -> int:
    if not clock.sun:
        return day_number(day) * _DAY_S + clock.minute * 60
    of = sunset_s if clock.sun == "SUNSET" else sunrise_s
    found = [s for at in where if (s := of(at, day)) is not None]
    if not found:
        raise NoDateError(f"no {clock.sun} on {day}")
    return min(found) if first else max(found)
