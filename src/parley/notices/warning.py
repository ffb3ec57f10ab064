"""Navigational warnings: NAVAREA, HYDROLANT, HYDROARC, HYDROPAC and coastal (S-53, MSC.1/Circ.1310; C9)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Final

from lark import Lark, Tree
from lark.exceptions import LarkError
from lark.lexer import Token

from parley.errors import DecodeError
from parley.notices.calendar import (
    MONTHS,
    PAST_DAYS,
    Context,
    DayMonth,
    Moment,
    NoDateError,
    Repeated,
    full_year,
    instant,
    read_clock,
    times_of,
    with_months,
)
from parley.notices.draft import NoticeDraft, NoticeKind, Part, Span
from parley.notices.reading import Group, Paragraph, in_order, read_paragraph
from parley.wire.geometry import Circle, Corridor, Point, Polygon, Position, Shape, Time, Volume

_HEAD: Final = r"""
head: issued? series number region*
issued: DTG MONTH YEAR?
series: (NAVAREA ROMAN) | NAME
number: NUMBER CHARTED?
region: TEXT STOP?

DTG.9: /\d{6}Z/
MONTH.9: /(JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC)[A-Z]*(?=\s+\d)/
YEAR.8: /(\d{4}|\d{2})(?=\s)/
NAVAREA.8: /NAVAREA(?=\s)/
ROMAN.8: /[IVXL]+(?=\s+\d+\/)/
NAME.7: /(HYDROLANT|HYDROPAC|HYDROARC|([A-Z]+\s+)*COASTAL(\s+(WARNING|NAVTEX))?|[A-Z]+)(?=\s+\d+\/\d{2})/
NUMBER.8: /\d{1,4}\/\d{2}/
CHARTED.8: /\(\d+(,\d+)*\)/
TEXT.1: /[^.\n]+/
STOP: "."
%ignore /[\s.]+/
"""
_SUN_PLACES: Final = 8
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@cache
def _parser() -> Lark:
    return Lark(_HEAD, start="head", parser="lalr", lexer="contextual", maybe_placeholders=False)


def read_warning(raw: str, written: date) -> NoticeDraft:
    """A warning as far as it can be read; ``written`` stands in where it does not say when it was issued.

    Raises DecodeError ``notice-malformed`` when it does not begin as one.
    """
    starts = _paragraphs(raw)
    head = _head(raw[: starts[0][0]] if starts else raw)
    number = _child(head, "number")[0]
    year = full_year(number.partition("/")[2])
    issued, issued_s = _issued(head, year, written)
    found = [read_paragraph(raw[a:b], a) for a, b in starts]
    regions = [" ".join(t.split()) for r in in_order(head, "region") for t in _tokens(r)]
    charts = [c.strip() for r in regions if r.startswith(("DNC", "CHART")) for c in r.split(",")]
    parts, not_understood, warnings = make_parts(found, issued, _own_end(found, issued))
    end = _own_end_s(found, issued)
    return NoticeDraft(
        kind=NoticeKind.WARNING,
        series=" ".join(_child(head, "series")),
        number=number,
        raw=raw,
        issued=issued_s,
        regions=tuple(r for r in regions if not r.startswith(("DNC", "CHART"))),
        charts=(*charts, *(c for p in found for c in p.charts)),
        subject=next((p.subject for p in found if p.subject), ""),
        parts=tuple(parts),
        cancels=tuple(c for p in found for c in p.cancels),
        cancels_itself=end,
        authority=next((p.authority for p in found if p.authority), ""),
        not_understood=tuple(not_understood),
        warnings=tuple(warnings),
    )


def _paragraphs(raw: str) -> list[tuple[int, int]]:
    """Where the numbered paragraphs lie, each from after its number; without any, what follows the regions."""
    starts: list[tuple[int, int]] = []
    at, wanted = 0, 1
    for line in raw.splitlines(keepends=True):
        text = line.lstrip()
        mark = f"{wanted}."
        if text.startswith(mark) and text[len(mark) : len(mark) + 1].isspace():
            begin = at + len(line) - len(text)
            starts.append((begin, begin + len(mark)))
            wanted += 1
        at += len(line)
    if not starts:
        begin = _after_regions(raw)
        return [(begin, len(raw))] if raw[begin:].strip() else []
    ends = [s for s, _ in starts[1:]] + [len(raw)]
    return [(after, end) for (_, after), end in zip(starts, ends, strict=True)]


def _after_regions(raw: str) -> int:
    """The end of the line with the number and of the lines without figures after it."""
    at, numbered = 0, False
    for line in raw.splitlines(keepends=True):
        if numbered and any(c.isdigit() for c in line) and not line.startswith(("DNC", "CHART")):
            break
        numbered = numbered or "/" in line
        at += len(line)
    return at


def _head(text: str) -> Tree[Token]:
    # The number of the first paragraph stands at the end of what precedes it.
    try:
        return _parser().parse(text.rstrip().removesuffix("1.").upper() + "\n")
    except LarkError:
        raise DecodeError(
            "this does not begin as a navigational warning does.",
            code="notice-malformed",
            next_step="Give the whole notice, with its series and number.",
        ) from None


def _child(head: Tree[Token], name: str) -> list[str]:
    return next(([str(t) for t in _tokens(c)] for c in head.find_data(name)), [])


def _tokens(tree: Tree[Token]) -> list[str]:
    return [str(t) for t in tree.scan_values(lambda v: isinstance(v, Token) and v.type not in ("STOP", "CHARTED"))]


def _issued(head: Tree[Token], year: int, written: date) -> tuple[date, int]:
    figures = _child(head, "issued")
    if not figures:
        # Its number tells the year, and no date of it lies before that year.
        return date(year, 1, 1) + timedelta(days=PAST_DAYS), 0
    month = MONTHS.index(figures[1][:3]) + 1
    group = figures[0]
    stated = full_year(figures[2]) if len(figures) > 2 else year  # noqa: PLR2004 - day, month, year
    try:
        moment = Moment(DayMonth(int(group[:2]), month, stated), read_clock(group[2:6]))
        seconds = instant(moment, date(year, 1, 1))
    except NoDateError:
        return written, 0
    return day_of(seconds), seconds


def day_of(seconds: int) -> date:
    """The day of a POSIX time, UTC."""
    return (_EPOCH + timedelta(seconds=seconds)).date()


def _own_end(found: list[Paragraph], issued: date) -> date | None:
    seconds = _own_end_s(found, issued)
    return day_of(seconds) if seconds else None


def _own_end_s(found: list[Paragraph], issued: date) -> int:
    for paragraph in found:
        if paragraph.own_end is not None:
            try:
                return instant(paragraph.own_end, issued - timedelta(days=PAST_DAYS))
            except NoDateError:
                return 0
    return 0


# -- areas with their times -------------------------------------------------------------------------------


def make_parts(
    found: list[Paragraph], issued: date, end: date | None, always: tuple[Time, ...] = ()
) -> tuple[list[Part], list[Span], list[str]]:
    """The areas of all paragraphs with their times; spans that could not be read; and what an officer must see.

    ``always`` are the times of an area for which the text states none.
    """
    parts: list[Part] = []
    spans = [span for p in found for span in p.not_understood]
    warnings: list[str] = []
    for paragraph in found:
        for group in paragraph.groups:
            times, alternates, computed = group_times(group, issued, end, spans)
            if not group.areas:
                warnings.append("times are stated without an area")
            if group.areas and group.lost and times:
                times, alternates = [], frozenset()
                warnings.append("a time could not be read: the area counts as in force at all times")
            if group.areas and not times:
                times = list(always)
                if not always:
                    warnings.append("no time could be read: the area counts as always in force")
            parts += [
                Part(Volume((a.shape,), group.band, tuple(times)), a.label, paragraph.subject, alternates, computed)
                for a in group.areas
            ]
    return parts, sorted(spans, key=lambda s: s.start), list(dict.fromkeys(warnings))


def group_times(
    group: Group, issued: date, end: date | None, spans: list[Span]
) -> tuple[list[Time], frozenset[int], tuple[str, ...]]:
    """The windows of a group; which of them are alternate; what was computed. Adds what is no date to ``spans``."""
    where = _places([a.shape for a in group.areas])
    context = Context(issued, end, where)
    times: list[Time] = []
    alternates: set[int] = set()
    alternate = False
    computed: list[str] = []
    for stated, (_, span) in zip(with_months([s for s, _ in group.stated]), group.stated, strict=True):
        try:
            new = times_of(stated, context)
        except NoDateError:
            group.lost = True
            if span not in spans:
                spans.append(span)
            continue
        # What follows the word is alternate as well: "ALTERNATE 13 ... AND 14 THRU 18 NOV".
        alternate = alternate or stated.alternate
        if alternate:
            alternates.update(range(len(times), len(times) + len(new)))
        times += new
        if isinstance(stated, Repeated):
            computed += [c.sun for c in (stated.start, stated.end) if c.sun]
    return times, frozenset(alternates), tuple(dict.fromkeys(computed))


def _places(shapes: list[Shape]) -> tuple[Position, ...]:
    """Places of the first shape, at most eight, for the sun."""
    if not shapes:
        return ()
    match shapes[0]:
        case Point(at) | Circle(at, _):
            return (at,)
        case Polygon(places, _) | Corridor(places, _, _):
            return places[:: -(-len(places) // _SUN_PLACES)]
