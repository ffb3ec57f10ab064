"""One paragraph of a notice, from its phrases to areas, heights, times and what it ends."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from lark import Tree
from lark.lexer import Token

from parley.errors import DecodeError, UsageError
from parley.geo.coordinates import parse_position
from parley.notices.calendar import (
    EVERY_DAY,
    MONTHS,
    WEEKDAYS,
    Clock,
    DateRange,
    DayMonth,
    Moment,
    NoDateError,
    Repeated,
    Stated,
    full_year,
    read_clock,
)
from parley.notices.calendar import Span as TimeSpan
from parley.notices.draft import Span
from parley.notices.grammar import parse_phrases
from parley.notices.measures import metres, read_height
from parley.wire.geometry import (
    Band,
    Circle,
    Corridor,
    Edge,
    Point,
    Polygon,
    Position,
    Shape,
)

FILLER: Final = frozenset(
    (
        "IN",
        "AREA",
        "AREAS",
        "BOUND",
        "BOUNDED",
        "BY",
        "THE",
        "AN",
        "AND",
        "OR",
        "OF",
        "FOLLOWING",
        "POSITION",
        "POSITIONS",
        "ALL",
        "WI",
        "WITHIN",
        "FROM",
        "TO",
        "AT",
        "ON",
        "CENTRE",
        "CENTER",
        "COORDINATES",
        "JOINING",
        "POINTS",
        "DURING",
        "PERIOD",
        "PERIODS",
        "TIMES",
        "ACTIVE",
        "SCHEDULE",
        "EFFECTIVE",
    )
)
"""Words between phrases that say nothing of their own."""
_MINIMUM_RING: Final = 3


_FRAGMENT: Final = re.compile(
    r"\d{1,3}-\d{1,2}(?:-\d{1,2})?(?:\.\d+)?\s?[NSEW](?![A-Z])|\d{4,7}(?:\.\d+)?[NSEW](?![A-Z])|\b[NSEW]\d{4,7}\b"
)
"""Half a position, or what was meant to be one."""
_APART: Final = re.compile(r"(?<![A-Z])[A-Z]\.\s|(?!AND|THENCE)[A-Z]{3,}")
"""Between two positions: what says that they belong to different areas."""
_LOCAL: Final = frozenset({"LOCAL", "LCL", "LMT", "LT"})
"""Hours that are not UTC, of a zone that is not stated."""
_TIMES: Final = frozenset({"DTG", "CLOCK", "CLOCKS"})


@dataclass(slots=True)
class Area:
    """One shape of a paragraph; ``span`` is where it stands, and ``whole`` is false for part of one."""

    shape: Shape
    label: str
    span: Span
    whole: bool = True


@dataclass(slots=True)
class Group:
    """Areas that share their times and heights."""

    stated: list[tuple[Stated, Span]] = field(default_factory=list)
    areas: list[Area] = field(default_factory=list)
    band: Band = field(default_factory=Band)
    lost: bool = False
    """Whether a time of it could not be read: its areas then count as always in force, never as less than is stated."""


@dataclass(slots=True)
class Paragraph:
    """What one paragraph says."""

    subject: str = ""
    groups: list[Group] = field(default_factory=list)
    own_end: Moment | None = None
    cancels: list[str] = field(default_factory=list)
    charts: list[str] = field(default_factory=list)
    authority: str = ""
    not_understood: list[Span] = field(default_factory=list)


def read_paragraph(raw: str, start: int = 0) -> Paragraph:
    """What ``raw``, which begins at ``start`` of the whole notice, says. Raises DecodeError (grammar)."""
    return _Reader(raw, start).read()


class _Reader:
    """Walks the phrases of one paragraph."""

    def __init__(self, raw: str, offset: int) -> None:
        self._raw = raw
        self._offset = offset
        self._found = Paragraph()
        self._words: list[Span] = []
        self._begun = False
        self._last_ring = -1
        self._group = Group()
        self._local = False

    def read(self) -> Paragraph:
        for phrase in parse_phrases(_capitals(self._raw)).children:
            if isinstance(phrase, Tree):
                if phrase.data == "word":
                    self._word(phrase)
                else:
                    self._phrase(phrase)
        self._close()
        self._end_group()
        self._drop_parts()
        _join_times(self._found.groups)
        return self._found

    # -- words -----------------------------------------------------------------------------------------

    def _span(self, phrase: Tree[Token]) -> Span:
        start, end = phrase.meta.start_pos, phrase.meta.end_pos
        return Span(self._offset + start, self._offset + end, self._raw[start:end])

    def _word(self, phrase: Tree[Token]) -> None:
        token = phrase.children[0]
        kind = token.type if isinstance(token, Token) else ""
        span = self._span(phrase)
        if kind == "DASH":
            return
        if not self._begun and (kind == "WORD" or kind.startswith("K_")):
            self._words.append(span)
        elif span.text.upper() not in FILLER:
            self._group.lost = self._group.lost or kind in _TIMES
            self._local = self._local or span.text.upper() in _LOCAL
            self._unknown(span)

    def _unknown(self, span: Span) -> None:
        known = self._found.not_understood
        if known and not self._between(known[-1], span).strip(" \n,"):
            start = known[-1].start
            span = Span(start, span.end, self._raw[start - self._offset : span.end - self._offset])
            known.pop()
        known.append(span)

    def _between(self, a: Span, b: Span) -> str:
        return self._raw[a.end - self._offset : b.start - self._offset]

    def _close(self) -> None:
        """The words so far are the subject: what it is about, before when and where."""
        if self._begun:
            return
        self._begun = True
        while self._words and self._words[-1].text.upper() in FILLER:
            self._words.pop()
        if self._words:
            start, end = self._words[0].start, self._words[-1].end
            self._found.subject = " ".join(self._raw[start - self._offset : end - self._offset].split())

    # -- phrases ---------------------------------------------------------------------------------------

    def _phrase(self, phrase: Tree[Token]) -> None:
        span = self._span(phrase)
        match phrase.data:
            case "charts":
                self._found.charts += [" ".join(t.split()) for t in _texts(phrase)]
                return
            case "authority":
                self._found.authority = _texts(phrase)[0].partition(":")[2].strip(" .")
                return
        self._close()
        try:
            match phrase.data:
                case "moments" | "daily" | "dated":
                    self._time(phrase, span)
                case "area":
                    self._area(phrase, span)
                case "between" | "below" | "above":
                    self._group.band = _band(phrase)
                case "own_end":
                    self._found.own_end = _moment(next(in_order(phrase, "moment")))
                case "cancelled":
                    self._found.cancels += [" ".join(t.partition("(")[0].split()) for t in _tokens(phrase, "NOTICE")]
        except (NoDateError, DecodeError, UsageError):
            self._group.lost = self._group.lost or phrase.data in ("moments", "daily", "dated")
            self._unknown(span)

    def _time(self, phrase: Tree[Token], span: Span) -> None:
        stated = _moments(phrase) if phrase.data == "moments" else _daily(phrase)
        if self._group.areas:
            self._end_group()
        if isinstance(stated, Repeated):
            self._share_days(stated, span)
        self._group.stated.append((stated, span))

    def _share_days(self, stated: Repeated, span: Span) -> None:
        """The days that stand after a list of hours are those of each: "0300Z TO 0500Z AND 0900Z TO 1100Z DAILY"."""
        listed = self._group.stated
        for place in range(len(listed) - 1, -1, -1):
            before, where = listed[place]
            if not isinstance(before, Repeated) or not _is_bare(before, where):
                return
            if self._between(where, span).strip(" \n,").upper() not in ("", "AND"):
                return
            listed[place] = Repeated(before.start, before.end, stated.weekdays, stated.ranges, before.alternate), where
            span = where

    def _end_group(self) -> None:
        if self._group.stated or self._group.areas or self._group.lost:
            self._found.groups.append(self._group)
        self._group = Group()

    def _drop_parts(self) -> None:
        """No area is what is left of one: where a position of it cannot be read it is named, and the form has none.

        Hours of a zone that is not stated are none either.
        """
        known = [a.span for g in self._found.groups for a in g.areas]
        stray = [m.span() for m in _FRAGMENT.finditer(_capitals(self._raw))]
        stray = [f for f in stray if not any(s.start <= f[0] + self._offset < s.end for s in known)]
        for group in self._found.groups:
            for area in [a for a in group.areas if not a.whole or any(self._adjoins(a.span, f) for f in stray)]:
                group.areas.remove(area)
                self._unknown_in_order(area.span)
            if self._local and group.stated:
                for _, span in group.stated:
                    self._unknown_in_order(span)
                group.stated, group.lost = [], True

    def _adjoins(self, area: Span, fragment: tuple[int, int]) -> bool:
        """Whether half a position stands in the same list as an area."""
        start, end = area.start - self._offset, area.end - self._offset
        between = self._raw[end : fragment[0]] if end <= fragment[0] else self._raw[fragment[1] : start]
        return not _APART.search(_FRAGMENT.sub("", between.upper()))

    def _unknown_in_order(self, span: Span) -> None:
        known = self._found.not_understood
        if span not in known:
            known.append(span)
            known.sort(key=lambda s: s.start)

    def _area(self, phrase: Tree[Token], span: Span) -> None:
        label = next(iter(_tokens(phrase, "LABEL")), "").strip(" .")
        inner = phrase.children[-1]
        if not isinstance(inner, Tree):
            return
        places = [parse_position(t) for t in _tokens(inner, "POSITION")]
        areas = self._group.areas
        goes_on = not label and bool(areas) and inner.data == "ring" and self._last_ring >= 0
        if goes_on and not self._raw[self._last_ring : phrase.meta.start_pos].strip(" \n,"):
            before = areas.pop()
            start = before.span.start
            span = Span(start, span.end, self._raw[start - self._offset : phrase.meta.end_pos])
            label = before.label
            places = [*_positions(before.shape), *places]
        self._last_ring = phrase.meta.end_pos if inner.data == "ring" else -1
        match inner.data:
            case "circle":
                shape: Shape = Circle(places[0], round(metres(_tokens(inner, "MEASURE")[0])))
            case "corridor":
                shape = Corridor(tuple(places), round(metres(_tokens(inner, "MEASURE")[0])))
            case "line":
                # Its width is not stated: the line alone, and no area that it encloses.
                shape = Corridor(tuple(places), 1)
            case "box":
                shape = _box(inner)
            case _:
                shape = _ring(places)
        # Two positions are no area: not a point where the first of them lies, either.
        areas.append(Area(shape, label, span, _is_whole(shape, places)))


def _join_times(groups: list[Group]) -> None:
    """Times that stand after their areas belong to those before; areas that stand before all times to what follows."""
    for place in range(len(groups) - 1, 0, -1):
        if not groups[place].areas:
            groups[place - 1].stated += groups[place].stated
            groups[place - 1].lost |= groups[place].lost
            del groups[place]
    if len(groups) > 1 and not groups[0].stated:
        groups[0].stated = groups[1].stated
        groups[0].lost |= groups[1].lost


def _capitals(text: str) -> str:
    """Capitals, one for one, so that places in it are places in ``text``."""
    return "".join(c.upper() if len(c.upper()) == 1 else c for c in text)


def _texts(phrase: Tree[Token]) -> list[str]:
    return [str(t) for t in phrase.scan_values(lambda v: isinstance(v, Token))]


def _tokens(phrase: Tree[Token], kind: str) -> list[str]:
    return [str(t) for t in phrase.scan_values(lambda v: isinstance(v, Token) and v.type == kind)]


# -- times -----------------------------------------------------------------------------------------------


def _moments(phrase: Tree[Token]) -> TimeSpan:
    start, end = (_moment(m) for m in in_order(phrase, "moment"))
    return TimeSpan(start, end, alternate=bool(_tokens(phrase, "ALTERNATE")))


def in_order(phrase: Tree[Token], name: str) -> Iterator[Tree[Token]]:
    """Subtrees in the order of the text."""
    for child in phrase.children:
        if isinstance(child, Tree):
            if child.data == name:
                yield child
            else:
                yield from in_order(child, name)


def _moment(phrase: Tree[Token]) -> Moment:
    group = _tokens(phrase, "DTG")[0]
    month = _tokens(phrase, "MONTH")
    year = [t for y in in_order(phrase, "year") for t in _texts(y)]
    day = DayMonth(int(group[:2]), _month(month[0]) if month else 0, full_year(year[0]) if year else 0)
    return Moment(day, read_clock(group[2:6]))


def _month(text: str) -> int:
    return MONTHS.index(text[:3]) + 1


def _is_bare(stated: Repeated, span: Span) -> bool:
    """Whether hours stand without any word of their days."""
    return not stated.ranges and stated.weekdays == EVERY_DAY and "DAILY" not in span.text.upper()


def _daily(phrase: Tree[Token]) -> Repeated:
    start, end = _hours(next(in_order(phrase, "hours")))
    left_out = [w for x in in_order(phrase, "except") for w in in_order(x, "weekdays")]
    weekdays, never = 0, 0
    for each in in_order(phrase, "weekdays"):
        if any(each is x for x in left_out):
            never |= _weekdays(each)
        else:
            weekdays |= _weekdays(each)
    days = (weekdays or EVERY_DAY) & ~never
    if not days:
        raise NoDateError("no day of the week is left")
    dates = [*in_order(phrase, "through"), *in_order(phrase, "dates")]
    ranges = tuple(r for d in dates for r in _ranges(d))
    return Repeated(start, end, days, ranges, alternate=bool(_tokens(phrase, "ALTERNATE")))


def _hours(phrase: Tree[Token]) -> tuple[Clock, Clock]:
    pair = _tokens(phrase, "CLOCKS")
    if pair:
        first, _, second = pair[0].partition("-")
        return Clock(read_clock(first)), Clock(read_clock(second))
    first_clock, second_clock = (_texts(c)[0] for c in in_order(phrase, "clock"))
    return _clock(first_clock), _clock(second_clock)


def _clock(text: str) -> Clock:
    return Clock(sun=text) if text.startswith("SUN") else Clock(read_clock(text))


def _weekdays(phrase: Tree[Token]) -> int:
    days = [WEEKDAYS.index(t[:3]) for t in _tokens(phrase, "WEEKDAY")]
    first, last = days[0], days[-1]
    return sum(1 << (first + n) % 7 for n in range((last - first) % 7 + 1))


def _ranges(phrase: Tree[Token]) -> list[DateRange]:
    inner = phrase if phrase.data == "through" else phrase.children[0]
    if not isinstance(inner, Tree):
        raise NoDateError(str(inner))
    days = [int(t) for t in inner.children if isinstance(t, Token) and t.type == "NUMBER"]
    months = [_month(t) for t in _tokens(inner, "MONTH")]
    years = [full_year(_texts(y)[0]) for y in in_order(inner, "year")]
    year = years[-1] if years else 0
    last = DayMonth(days[-1], months[-1], year)
    match inner.data:
        case "within_month":
            return [DateRange(DayMonth(days[0], months[0], year), last)]
        case "across_months":
            both = len(years) > 1
            return [DateRange(DayMonth(days[0], months[0], years[0] if both else 0), last)]
        case "until_date" | "through":
            return [DateRange(None, last)]
        case "day_list":
            each = [DayMonth(day, months[-1], year) for day in days]
            return [DateRange(day, day) for day in each]
    return [DateRange(last, last)]


# -- places and heights ----------------------------------------------------------------------------------


def _ring(places: list[Position]) -> Shape:
    """The ring without the repetition of its first position that closes it; fewer than three are no area."""
    if len(places) > 1 and places[0] == places[-1]:
        places = places[:-1]
    return Polygon(tuple(places)) if len(places) >= _MINIMUM_RING else Point(places[0])


def _box(phrase: Tree[Token]) -> Polygon:
    """Between two parallels and two meridians: its edges run along them."""
    texts = [t for t in _texts(phrase) if t[-1] in "NSEW"]
    halves = [half.group() for text in texts for half in _FRAGMENT.finditer(text)]
    lats, lons = [h for h in halves if h[-1] in "NS"], [h for h in halves if h[-1] in "EW"]
    corners = [parse_position(f"{lats[i]} {lons[j]}") for i, j in ((0, 0), (0, 1), (1, 1), (1, 0))]
    return Polygon(tuple(corners), Edge.PARALLEL)


def _is_whole(shape: Shape, places: list[Position]) -> bool:
    """Whether nothing is left of what was listed; a line has two positions."""
    return len(places) == 1 if isinstance(shape, Point) else not isinstance(shape, Corridor) or len(places) > 1


def _positions(shape: Shape) -> tuple[Position, ...]:
    match shape:
        case Point(at):
            return (at,)
        case Polygon(ring, _):
            return ring
    return ()


def _band(phrase: Tree[Token]) -> Band:
    heights = []
    for each in in_order(phrase, "height"):
        texts = _texts(each)
        heights.append(read_height(*texts))
    if phrase.data == "between":
        band = Band(heights[0], heights[1])
        if band.inverted:
            raise DecodeError("the lower height is above the upper.", code="geometry-height")
        return band
    return Band(None, heights[0]) if phrase.data == "below" else Band(heights[0], None)
