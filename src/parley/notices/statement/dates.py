"""The days that a press text names, made absolute from the date of writing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from functools import cache
from typing import Final

from parley.notices.statement.draft import Dated, Reckoning
from parley.notices.statement.lexicon import LEXICONS, Lexicon
from parley.notices.statement.text import PressText, straight

_WEEK: Final = 7
_SHORT: Final = 3
"""Letters of the short form of a month."""
_RULES: Final = {
    "fr": r"""
  \b(?P<iso>\d{{4}}-\d{{2}}-\d{{2}})\b | \b(?P<slashed>\d{{1,2}}[/.]\d{{1,2}}[/.]\d{{4}})\b
| (?:\b(?P<weekday>{weekdays})\s)? (?:\b(?P<first>\d{{1,2}})(?:er)?\s?(?:et(?:\sle)?|au|-|\u2013)\s?)?
  \b(?P<day>\d{{1,2}})(?:er)?\s(?P<month>{months})\b(?:\s(?P<year>\d{{4}})\b)?
| \b(?P<only>{weekdays})(?:\s(?P<shift>dernier|prochain))?\b
| \b(?P<near>{near})\b
| \bil\sy\sa\s(?P<ago>{count})\sjours?\b
""",
    "en": r"""
  \b(?P<iso>\d{{4}}-\d{{2}}-\d{{2}})\b
| (?:\b(?P<weekday>{weekdays}),?\s(?:the\s)?)?
  (?:\b(?P<first>\d{{1,2}})(?:st|nd|rd|th)?\s?(?:and|to|-|\u2013)\s?)?
  \b(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\s(?:of\s)?(?P<month>{months})\b\.?(?:,?\s(?P<year>\d{{4}})\b)?
| (?:\b(?P<weekday2>{weekdays}),?\s)?\b(?P<month2>{months})\b\.?\s(?P<day2>\d{{1,2}})(?:st|nd|rd|th)?\b
  (?:,?\s(?P<year2>\d{{4}})\b)?
| \b(?:(?P<shift>last|next)\s)?(?P<only>{weekdays})\b
| \b(?P<near>{near})\b
| \b(?P<ago>{count})\sdays?\sago\b
""",
}
"""A group with 2 is the same field in the other order of words."""


@cache
def _pattern(language: str) -> re.Pattern[str]:
    lexicon = LEXICONS[language]
    months = "|".join(lexicon.months)
    if language == "en":  # with a capital, or "may" and "march" are verbs
        short = [f"{m[:_SHORT]}" for m in lexicon.months] + ["sept"]
        months = f"(?-i:{'|'.join(w for m in (*lexicon.months, *short) for w in (m.title(), m.upper()))})"
    near = "|".join(d.replace("'", "['\u2019]") for d in lexicon.near_days)
    count = "|".join((r"\d{1,3}", *lexicon.numbers))
    rules = _RULES[language].format(months=months, weekdays="|".join(lexicon.weekdays), near=near, count=count)
    return re.compile(rules.replace(r"\s", r"[ \u00a0\u202f\n]"), re.VERBOSE | re.IGNORECASE)


def date_of_writing(text: PressText) -> date | None:
    """The full date in the line that says where the report was filed, or after a word such as "published"."""
    before = re.compile(
        rf"\b{text.lexicon.published}\W{{1,3}}$|^\W*[^\W\d_][^\n.!?]{{0,60}},\s?(?:le\s)?$", re.IGNORECASE
    )
    for match in _pattern(text.lexicon.language).finditer(text.raw):
        start = max(text.raw.rfind("\n", 0, match.start()) + 1, match.start() - 80)
        filed = re.match(r"[^\n.]{0,40}[\u2013\u2014-]\s", text.raw[match.end() : match.end() + 44])
        known = before.search(text.raw[start : match.start()])
        day = _stated(text.lexicon, match) if known else None
        if known and day and (filed or not known.group().endswith((", ", ",", ", le "))):
            return day
    return None


def find_dates(text: PressText, written: date | None) -> tuple[Dated, ...]:
    """Every day that the text names, in order."""
    lexicon = text.lexicon
    matches = list(_pattern(lexicon.language).finditer(text.raw))
    stated = [day for m in matches if (day := _stated(lexicon, m))]
    reader = _Reader(text, written, stated)
    return tuple(dated for match in matches for dated in reader.read(match))


def _of(match: re.Match[str], name: str) -> str:
    groups = match.groupdict()
    return straight(groups.get(name) or groups.get(f"{name}2") or "")


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _month(lexicon: Lexicon, match: re.Match[str]) -> int:
    name = _of(match, "month")
    return next(
        n
        for n, month in enumerate(lexicon.months, start=1)
        if month.startswith(name[: _SHORT + (name[:4] in ("juin", "juil"))])
    )


def _stated(lexicon: Lexicon, match: re.Match[str]) -> date | None:
    """The day, when its year is given."""
    if iso := _of(match, "iso"):
        year, month, day = iso.split("-")
        return _day(int(year), int(month), int(day))
    if slashed := _of(match, "slashed"):
        day, month, year = re.split("[/.]", slashed)
        return _day(int(year), int(month), int(day))
    if year := _of(match, "year"):
        return _day(int(year), _month(lexicon, match), int(_of(match, "day")))
    return None


class _Reader:
    """Makes each date of one text absolute."""

    def __init__(self, text: PressText, written: date | None, stated: list[date]) -> None:
        self._text = text
        self._lexicon = text.lexicon
        self._written = written
        self._stated = stated

    def read(self, match: re.Match[str]) -> Iterator[Dated]:
        """One date, or both of "15 and 16 February"."""
        day, how = self._reckon(match)
        if first := _of(match, "first"):
            other = _day(day.year, day.month, int(first)) if day else None
            yield Dated(other, self._text.span(match.start("first"), match.end("first")), how)
            yield Dated(day, self._text.span(match.start("day"), match.end()), how)
        else:
            yield Dated(day, self._text.span(*match.span()), how)

    def _reckon(self, match: re.Match[str]) -> tuple[date | None, Reckoning]:
        found = _stated(self._lexicon, match)
        how = Reckoning.STATED
        if found is None and (_of(match, "month") and not _of(match, "year")):
            found, how = self._without_year(match)
        elif found is None and _of(match, "only"):
            found, how = self._weekday(match)
        elif found is None and self._written:
            how = Reckoning.WRITTEN
            found = self._counted(match, self._written)
        weekday = _of(match, "weekday")
        if found and weekday and self._lexicon.weekdays.index(weekday) != found.weekday():
            how = Reckoning.CONTRADICTED
        return found, how if found else Reckoning.OPEN

    def _without_year(self, match: re.Match[str]) -> tuple[date | None, Reckoning]:
        """The nearest such day to that of writing, or else to the first full date; one on its weekday before others."""
        anchor = self._written or next(iter(self._stated), None)
        if anchor is None:
            return None, Reckoning.OPEN
        month, day = _month(self._lexicon, match), int(_of(match, "day"))
        near = [found for year in (-1, 0, 1) if (found := _day(anchor.year + year, month, day))]
        weekday = _of(match, "weekday")
        wanted = self._lexicon.weekdays.index(weekday) if weekday else None
        near.sort(key=lambda found: (wanted not in (None, found.weekday()), abs(found - anchor)))
        return next(iter(near), None), Reckoning.WRITTEN if self._written else Reckoning.TEXT

    def _weekday(self, match: re.Match[str]) -> tuple[date | None, Reckoning]:
        """The last such day up to that of writing, the next after "will"; else the one that the text states in full."""
        wanted = self._lexicon.weekdays.index(_of(match, "only"))
        shift = _of(match, "shift")
        if self._written is None:
            same = {day for day in self._stated if day.weekday() == wanted}
            return (same.pop(), Reckoning.TEXT) if len(same) == 1 and not shift else (None, Reckoning.OPEN)
        back = (self._written.weekday() - wanted) % _WEEK
        if shift in ("dernier", "last"):
            back = back or _WEEK
        elif shift or (back and self._to_come(match)):
            back -= _WEEK
        return _shifted(self._written, -back), Reckoning.WRITTEN

    def _to_come(self, match: re.Match[str]) -> bool:
        """Whether the words of the sentence before a day of the week speak of what is to come."""
        clause = re.split(
            r"[.,;:!?\n\u00ab\u00bb\u201c\u201d]", self._text.raw[max(0, match.start() - 200) : match.start()]
        )[-1]
        words = straight(clause).split()
        return any(w in self._lexicon.future or w.endswith(self._lexicon.future_endings) for w in words)

    def _counted(self, match: re.Match[str], written: date) -> date | None:
        if near := _of(match, "near"):
            return _shifted(written, self._lexicon.near_days[near])
        if ago := _of(match, "ago"):
            return _shifted(written, -(int(ago) if ago.isdecimal() else self._lexicon.numbers[ago]))
        return None


def _shifted(day: date, days: int) -> date | None:
    try:
        return day + timedelta(days=days)
    except OverflowError:
        return None
