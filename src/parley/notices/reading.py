"""One paragraph of a notice, from its phrases to areas, heights, times and what it ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from lark import Tree
from lark.lexer import Token

from parley.errors import DecodeError, UsageError
from parley.geo.coordinates import parse_position
from parley.notices.calendar import (
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
from parley.wire.geometry import (
    Band,
    Circle,
    Corridor,
    Height,
    Point,
    Polygon,
    Position,
    Reference,
    Shape,
    Unit,
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
_METRES: Final = {"NM": 1852.0, "MILE": 1852.0, "MILES": 1852.0, "KM": 1000.0, "M": 1.0}
_HEIGHT_UNITS: Final = {"FT": Unit.FOOT, "FEET": Unit.FOOT, "FOOT": Unit.FOOT}


@dataclass(slots=True)
class Area:
    """One shape of a paragraph."""

    shape: Shape
    label: str = ""


@dataclass(slots=True)
class Group:
    """Areas that share their times and heights."""

    stated: list[tuple[Stated, Span]] = field(default_factory=list)
    areas: list[Area] = field(default_factory=list)
    band: Band = field(default_factory=Band)


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

    def read(self) -> Paragraph:
        for phrase in parse_phrases(_capitals(self._raw)).children:
            if isinstance(phrase, Tree):
                if phrase.data == "word":
                    self._word(phrase)
                else:
                    self._phrase(phrase)
        self._close()
        self._end_group()
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
                case "moments" | "daily":
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
            self._unknown(span)

    def _time(self, phrase: Tree[Token], span: Span) -> None:
        stated = _moments(phrase) if phrase.data == "moments" else _daily(phrase)
        if self._group.areas:
            self._end_group()
        self._group.stated.append((stated, span))

    def _end_group(self) -> None:
        if self._group.stated or self._group.areas:
            self._found.groups.append(self._group)
        self._group = Group()

    def _area(self, phrase: Tree[Token], span: Span) -> None:
        label = next(iter(_tokens(phrase, "LABEL")), "").strip(" .")
        inner = phrase.children[-1]
        if not isinstance(inner, Tree):
            return
        places = [parse_position(t) for t in _tokens(inner, "POSITION")]
        areas = self._group.areas
        goes_on = not label and areas and inner.data == "ring" and self._last_ring >= 0
        if goes_on and not self._raw[self._last_ring : phrase.meta.start_pos].strip(" \n,"):
            before = areas.pop()
            label = before.label
            places = [*_positions(before.shape), *places]
        self._last_ring = phrase.meta.end_pos if inner.data == "ring" else -1
        match inner.data:
            case "circle":
                shape: Shape = Circle(places[0], round(_metres(_tokens(inner, "MEASURE")[0])))
            case "corridor":
                shape = Corridor(tuple(places), round(_metres(_tokens(inner, "MEASURE")[0])))
            case _:
                shape = _ring(places)
        areas.append(Area(shape, label))
        if isinstance(shape, Point) and len(places) > 1:
            self._unknown(span)


def _join_times(groups: list[Group]) -> None:
    """Times that stand after their areas belong to those before; areas that stand before all times to what follows."""
    for place in range(len(groups) - 1, 0, -1):
        if not groups[place].areas:
            groups[place - 1].stated += groups[place].stated
            del groups[place]
    if len(groups) > 1 and not groups[0].stated:
        groups[0].stated = groups[1].stated


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


def _daily(phrase: Tree[Token]) -> Repeated:
    start, end = _hours(next(in_order(phrase, "hours")))
    weekdays = 0
    for each in in_order(phrase, "weekdays"):
        weekdays |= _weekdays(each)
    ranges = tuple(_range(d) for d in in_order(phrase, "dates"))
    return Repeated(start, end, weekdays or 0b1111111, ranges, alternate=bool(_tokens(phrase, "ALTERNATE")))


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


def _range(phrase: Tree[Token]) -> DateRange:
    inner = phrase.children[0]
    if not isinstance(inner, Tree):
        raise NoDateError(str(inner))
    days = [int(t) for t in inner.children if isinstance(t, Token) and t.type == "NUMBER"]
    months = [_month(t) for t in _tokens(inner, "MONTH")]
    years = [full_year(_texts(y)[0]) for y in in_order(inner, "year")]
    year = years[-1] if years else 0
    last = DayMonth(days[-1], months[-1], year)
    match inner.data:
        case "within_month":
            return DateRange(DayMonth(days[0], months[0], year), last)
        case "across_months":
            both = len(years) > 1
            return DateRange(DayMonth(days[0], months[0], years[0] if both else 0), last)
        case "until_date":
            return DateRange(None, last)
    return DateRange(last, last)


# -- places and heights ----------------------------------------------------------------------------------


def _ring(places: list[Position]) -> Shape:
    """The ring without the repetition of its first position that closes it; fewer than three are no area."""
    if len(places) > 1 and places[0] == places[-1]:
        places = places[:-1]
    return Polygon(tuple(places)) if len(places) >= _MINIMUM_RING else Point(places[0])


def _positions(shape: Shape) -> tuple[Position, ...]:
    match shape:
        case Point(at):
            return (at,)
        case Polygon(ring):
            return ring
    return ()


def _measure(text: str) -> tuple[float, str]:
    figure = "".join(c for c in text if c in "0123456789.")
    if not figure.strip("."):
        raise DecodeError(f"{text!r} has no figure.", code="geometry-height")
    return float(figure), "".join(c for c in text if c.isalpha() or c == " ").strip()


def _metres(text: str) -> float:
    figure, unit = _measure(text)
    name = unit.split()[-1] if unit else ""
    factor = _METRES.get(name, 1.0 if name.startswith("MET") else None)
    if factor is None:
        raise DecodeError(f"{text} is no distance.", code="geometry-range")
    return figure * factor


def read_height(text: str, reference: str = "") -> Height | None:
    """A height as F), G) and texts state it; None for the surface and for no limit. Raises DecodeError."""
    if text.startswith(("SFC", "GND", "SURFACE", "GROUND", "UNL")):
        return None
    if text.startswith("FL") and text[2:].strip().isdecimal():
        return Height(int(text[2:]), Unit.HUNDRED_FEET, Reference.FL)
    figure, unit = _measure(text)
    metres = unit == "M" or unit.startswith("MET")
    if unit not in _HEIGHT_UNITS and not metres:
        raise DecodeError(f"{text} is no height.", code="geometry-height")
    above = Reference.AGL if reference == "AGL" else Reference.AMSL
    return Height(round(figure), Unit.METRE if metres else Unit.FOOT, above)


def _band(phrase: Tree[Token]) -> Band:
    heights = []
    for each in in_order(phrase, "height"):
        texts = _texts(each)
        heights.append(read_height(*texts))
    match phrase.data:
        case "between":
            return Band(heights[0], heights[1])
        case "below":
            return Band(None, heights[0])
    return Band(heights[0], None)
