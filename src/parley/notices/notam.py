"""ICAO NOTAMs, as they are printed and in the parentheses of the AFTN (Annex 15; Doc 8126; C9)."""

from __future__ import annotations

from datetime import date
from functools import cache
from typing import Final

from lark import Lark, Tree
from lark.exceptions import LarkError
from lark.lexer import Token

from parley.errors import DecodeError, UsageError
from parley.geo.coordinates import parse_position
from parley.notices.calendar import DayMonth, Moment, NoDateError, day_number, full_year, instant, read_clock
from parley.notices.draft import NoticeDraft, NoticeKind, Part, Span
from parley.notices.measures import read_height
from parley.notices.reading import Paragraph, read_paragraph
from parley.notices.warning import day_of, group_times, make_parts
from parley.wire.geometry import MAX_SPAN_S, Band, Circle, Daily, Height, Time, Volume, Window

_GRAMMAR: Final = r"""
notam: OPEN? NUMBER KIND NUMBER? item*
item: MARK TEXT?
OPEN: "("
NUMBER.5: /[A-Z]{1,2}\d{1,4}\/\d{2}/
KIND.5: /NOTAM[NRC]/
MARK.4: /(?<=\s)[QABCDEFG]\)/
TEXT: /((?!(?<=\s)[QABCDEFG]\)).)+/s
%ignore /\s+/
"""
_KINDS: Final = {k.value: k for k in NoticeKind}
_Q_FIELDS: Final = 8
_RADIUS_FIGURES: Final = 3
_NM: Final = 1852


@cache
def _parser() -> Lark:
    return Lark(_GRAMMAR, start="notam", parser="lalr", lexer="contextual", maybe_placeholders=False)


def read_notam(raw: str, written: date) -> NoticeDraft:
    """A NOTAM as far as it can be read. ``written`` is not used where B) gives the time, as it must.

    Raises DecodeError ``notice-malformed`` when it does not begin as one.
    """
    try:
        tree = _parser().parse(raw)
    except LarkError:
        raise DecodeError(
            "this does not begin as a NOTAM does.",
            code="notice-malformed",
            next_step="Give the whole NOTAM, from its number on.",
        ) from None
    numbers = [str(t) for t in tree.scan_values(lambda v: isinstance(v, Token) and v.type == "NUMBER")]
    kind = _KINDS[next(str(t) for t in tree.scan_values(lambda v: isinstance(v, Token) and v.type == "KIND"))]
    items = _items(tree)
    warnings: list[str] = []
    not_understood: list[Span] = []
    bounds = _bounds(items, not_understood, warnings)
    found = _text(items)
    issued = day_of(bounds[0].start) if bounds else written
    end = day_of(bounds[0].end - 1) if bounds else None
    scheduled = _schedule(items, issued, end, not_understood)
    parts, spans, more = make_parts([found], issued, end, _within(scheduled, bounds))
    own = _band(items, not_understood)
    if any(part.volume.band not in (Band(), own) for part in parts):
        warnings.append("the text states other heights than F) and G), which are used")
    parts = [_with_band(p, own) for p in parts] or _from_q_line(items, own, _within(scheduled, bounds))
    if kind is NoticeKind.NOTAM_CANCEL:
        # It ends another and announces nothing: no area, no end of its own.
        parts, bounds, warnings, more = [], (), [], []
    return NoticeDraft(
        kind=kind,
        series=numbers[0][0],
        number=numbers[0],
        raw=raw,
        subject=found.subject,
        parts=tuple(parts),
        cancels=tuple(numbers[1:]),
        cancels_itself=bounds[0].end if bounds else 0,
        not_understood=tuple(sorted([*not_understood, *spans], key=lambda s: s.start)),
        warnings=tuple(dict.fromkeys([*warnings, *more])),
        fir=tuple(items["A"].text.split()) if "A" in items else (),
        qualifiers="/".join(_q_fields(items)[1:5]),
    )


def _items(tree: Tree[Token]) -> dict[str, Span]:
    """The lettered items; the parenthesis that closes the whole belongs to none."""
    items: dict[str, Span] = {}
    opened = any(isinstance(t, Token) and t.type == "OPEN" for t in tree.children)
    for item in tree.find_data("item"):
        mark, *rest = item.children
        text = str(rest[0]) if rest else ""
        start = rest[0].start_pos if rest and isinstance(rest[0], Token) else 0
        items.setdefault(str(mark)[0], Span(start or 0, (start or 0) + len(text), text))
    if opened and items:
        last = max(items, key=lambda name: items[name].start)
        text = items[last].text.rstrip()
        if text.endswith(")"):
            items[last] = Span(items[last].start, items[last].start + len(text) - 1, text[:-1])
    return items


def _text(items: dict[str, Span]) -> Paragraph:
    return read_paragraph(items["E"].text, items["E"].start) if "E" in items else Paragraph()


def _bounds(items: dict[str, Span], unknown: list[Span], warnings: list[str]) -> tuple[Window, ...]:
    """From B) to C). A permanent one is given the longest span that a form can state, and said so."""
    if "B" not in items:
        return ()
    try:
        start = _ten_figures(items["B"].text)
    except (NoDateError, ValueError):
        unknown.append(items["B"])
        return ()
    stated = items["C"].text.strip() if "C" in items else ""
    if stated.startswith(("PERM", "UFN")) or not stated:
        warnings.append("it has no end: it is taken to last for a year, and must be looked at again")
        return (Window(start, start + MAX_SPAN_S),)
    if stated.endswith("EST"):
        warnings.append("its end is an estimate")
    try:
        end = _ten_figures(stated)
    except (NoDateError, ValueError):
        unknown.append(items["C"])
        end = 0
    if end <= start or end - start > MAX_SPAN_S:
        warnings.append("its end cannot be read: it is taken to last for a year")
        end = start + MAX_SPAN_S
    return (Window(start, end),)


def _ten_figures(text: str) -> int:
    """YYMMDDHHMM, UTC."""
    figures = text.strip()[:10]
    day = DayMonth(int(figures[4:6]), int(figures[2:4]), full_year(figures[:2]))
    return instant(Moment(day, read_clock(figures[6:10])), date(1970, 1, 1))


def _schedule(items: dict[str, Span], issued: date, end: date | None, unknown: list[Span]) -> list[Time]:
    """The windows of D)."""
    if "D" not in items:
        return []
    item = items["D"]
    paragraph = read_paragraph(item.text, item.start)
    unknown += paragraph.not_understood
    if paragraph.subject:
        unknown.append(item)
    return [t for group in paragraph.groups for t in group_times(group, issued, end, unknown)[0]]


def _within(scheduled: list[Time], bounds: tuple[Window, ...]) -> tuple[Time, ...]:
    """The schedule, cut to the days from B) to C); without one, B) to C) itself."""
    if not scheduled or not bounds:
        return tuple(scheduled) or bounds
    first, last = day_number(day_of(bounds[0].start)), day_number(day_of(bounds[0].end - 1))
    kept: list[Time] = []
    for time in scheduled:
        if isinstance(time, Window):
            kept += [time] if time.start < bounds[0].end and time.end > bounds[0].start else []
        elif max(time.first, first) <= min(time.last, last):
            cut = max(time.first, first), min(time.last, last)
            kept.append(Daily(cut[0], cut[1], time.start, time.end, time.weekdays))
    return tuple(kept) or bounds


def _band(items: dict[str, Span], unknown: list[Span]) -> Band:
    heights: list[Height | None] = []
    for name in ("F", "G"):
        height = None
        if name in items:
            measure, _, reference = items[name].text.strip().upper().partition(" ")
            try:
                height = read_height(measure, reference.strip())
            except DecodeError:
                unknown.append(items[name])
        heights.append(height)
    band = Band(*heights)
    if band.inverted:
        unknown += [items["F"], items["G"]]
        return Band()
    return band


def _with_band(part: Part, own: Band) -> Part:
    return Part(
        Volume(part.volume.shapes, own, part.volume.times), part.label, part.subject, part.alternates, part.computed
    )


def _q_fields(items: dict[str, Span]) -> list[str]:
    """The eight fields of the Q-line; none when it has another number of them."""
    fields = items["Q"].text.strip().split("/") if "Q" in items else []
    return fields if len(fields) == _Q_FIELDS else []


def _from_q_line(items: dict[str, Span], own: Band, times: tuple[Time, ...]) -> list[Part]:
    """The circle of the Q-line where the text draws no area: it encloses what the NOTAM is about."""
    fields = _q_fields(items)
    if not fields:
        return []
    place, radius = fields[7][:-_RADIUS_FIGURES], fields[7][-_RADIUS_FIGURES:]
    try:
        centre = parse_position(place)
        circle = Circle(centre, max(1, int(radius)) * _NM)
    except (UsageError, ValueError):
        return []
    return [Part(Volume((circle,), own, times), computed=("the area of the Q-line",))]
