"""The numbers of a press text and what they count; dates, times and labels such as "Resolution 1701" are none."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from parley.notices.draft import Span
from parley.notices.statement.draft import Figure
from parley.notices.statement.lexicon import Lexicon
from parley.notices.statement.text import PressText, Token, number_words, straight

_COUNTED: Final = 7
"""Words of what is counted, at most."""
_YEARS: Final = range(1800, 2101)
_HUNDRED: Final = 100
_FOUR, _TWENTY = 4, 20
_MARKS: Final = "%\u20ac$\u00a3"
_JOINED: Final = "-/.:'\u2019\u2013\u00b0\u2032\u2033"


def find_figures(text: PressText, dates: Sequence[Span]) -> Iterator[Figure]:
    """Each number that counts something, in order."""
    words, lexicon = text.words, text.lexicon
    dated = {at for span in dates for at in range(span.start, span.end)}
    at = 0
    while at < len(words):
        if words[at].tag != "N" or words[at].start in dated:
            at += 1
            continue
        past = _end(words, at, lexicon)
        value = _value(words[at:past], lexicon)
        counts = _counted(text, past) if value is not None and not _is_label(text, at, past) else None
        if counts and value is not None:
            yield Figure(
                value, counts, text.span(words[at].start, words[past - 1].end), _qualifier(text, words[at].start)
            )
        at = past


def _end(words: Sequence[Token], at: int, lexicon: Lexicon) -> int:
    """Past the number that begins at ``at``: two hundred and fifty, 3 millions."""
    past = at + 1
    while past < len(words):
        word, joined = words[past], words[past].low in lexicon.number_joins
        after = words[past + 1] if past + 1 < len(words) else word
        if word.tag == "N" and not word.low[0].isdecimal():
            past += 1
        elif (
            joined and not words[past - 1].low[0].isdecimal() and after.tag == "N" and not after.low[0].isdecimal()
        ) or (joined and after.low in ("un", "une") and number_words(words[past - 1].low, lexicon)):
            past += 2
        else:
            break
    return past


def _value(words: Sequence[Token], lexicon: Lexicon) -> int | float | None:
    whole: int | float = 0
    part: int | float = 0
    for word in words:
        if word.low[0].isdecimal():
            part += _digits(word.low, lexicon)
            continue
        for each in (p for p in word.low.split("-") if p not in lexicon.number_joins):
            scale = lexicon.scales.get(each)
            if scale is None:
                number = lexicon.numbers.get(each)
                if number is None:
                    return None
                part = part * _TWENTY if part == _FOUR and number == _TWENTY else part + number
            elif scale == _HUNDRED:
                part = (part or 1) * scale
            else:
                whole, part = whole + (part or 1) * scale, 0
    found = whole + part
    return int(found) if found == int(found) else found


def _digits(low: str, lexicon: Lexicon) -> int | float:
    grouped = re.fullmatch(rf"\d{{1,3}}(?:[{re.escape(lexicon.grouping)}]\d{{3}})+", low)
    if grouped:
        return int(re.sub(r"\D", "", low))
    return (
        float(re.sub(r"[^\d.]", "", low.replace(",", ".")))
        if low.count(",") + low.count(".") == 1
        else int(re.sub(r"\D", "", low))
    )


def _is_label(text: PressText, at: int, past: int) -> bool:
    """A part of something longer, a name's number, a year or a time of day."""
    words, raw = text.words, text.raw
    start, end = words[at].start, words[past - 1].end
    if raw[start - 1 : start].isalnum() or raw[end : end + 1].isalnum():
        return True
    if (
        start
        and raw[start - 1] in _JOINED
        and not raw[start - 2 : start - 1].isspace()
        and raw[start - 1] not in "'\u2019"
    ):
        return True
    if raw[end : end + 1] in tuple(_JOINED) and raw[end + 1 : end + 2].isalnum():
        return True
    before = words[at - 1] if at else None
    if before is None:
        return False
    if before.low in text.lexicon.definite and not words[at].low[0].isdecimal():
        return True
    if before.low in text.lexicon.labels or (
        before.tag == "C" and before.end < start and at > 1 and words[at - 2].tag not in ".?!*:"
    ):
        return True
    low = words[at].low
    return (
        past == at + 1 and len(low) == len("1900") and low.isdecimal() and int(low) in _YEARS and before.tag in "FPGA,("
    )


def _counted(text: PressText, first: int) -> Span | None:
    """The noun after a number, with what belongs to it."""
    words = text.words
    while first < len(words) and words[first].tag in "PD":
        first += 1
    if first >= len(words):
        return None
    if words[first].low in _MARKS:
        return text.span(words[first].start, words[first].end)
    past = first
    while past < min(len(words), first + _COUNTED) and (
        words[past].tag in "wCOBMJ" or (words[past].tag in "PD" and past > first)
    ):
        if past > first and words[past - 1].tag not in "PD" and _is_event(text.lexicon, words, past):
            break
        past += 1
    while past > first and words[past - 1].tag in "PD":
        past -= 1
    return text.span(words[first].start, words[past - 1].end) if past > first else None


def _is_event(lexicon: Lexicon, words: Sequence[Token], at: int) -> bool:
    """Whether the word says what became of what is counted: a verb, with more than a noun after it."""
    low = words[at].low
    if low in lexicon.events:
        return True
    after = words[at + 1].tag if at + 1 < len(words) else "."
    return words[at].tag == "w" and low.endswith(lexicon.event_endings) and after not in "wCOBMJ"


def _qualifier(text: PressText, start: int) -> Span | None:
    before = straight(text.raw[max(0, start - 20) : start])
    stripped = before.rstrip()
    for words in text.lexicon.qualifiers:
        if stripped.endswith(words) and not stripped[: -len(words)][-1:].isalpha():
            end = start - len(before) + len(stripped)
            return text.span(end - len(words), end)
    return None
