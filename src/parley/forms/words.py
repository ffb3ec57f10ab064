"""The words of packs in the reader's language: gettext files, plurals by their own rules, dates and numbers by CLDR."""

from __future__ import annotations

import gettext
from collections.abc import Iterable, Iterator, Mapping
from copy import copy
from datetime import UTC, datetime
from functools import cache
from io import BytesIO
from typing import Final

from babel import Locale, UnknownLocaleError
from babel.dates import format_datetime, get_day_names
from babel.lists import format_list
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import PoFileError, read_po
from babel.numbers import format_decimal
from babel.units import format_unit

from parley.errors import DecodeError
from parley.forms.pack import Form, Pack, Phrase, all_fields

_UNITS: Final = {
    "m": "length-meter",
    "km": "length-kilometer",
    "NM": "length-nautical-mile",
    "ft": "length-foot",
    "°": "angle-degree",
    "min": "duration-minute",
    "h": "duration-hour",
    "d": "duration-day",
    "t": "mass-tonne",
    "kn": "speed-knot",
}
_LONG: Final = {("NM", ""), ("ft", "fr")}
"""Units written out, in every language or in one: what CLDR abbreviates them to no navigator or pilot writes."""
_DATES: Final = {"ru": "d MMMM y 'г.'"}  # noqa: RUF001 - that letter it is
"""Dates in words where they are not day, month and year alone."""
_CYRILLIC: Final = frozenset({"be", "bg", "kk", "ky", "mk", "mn", "ru", "sr", "tg", "uk"})
_MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


def read_catalog(data: bytes, language: str) -> Catalog:
    """A gettext file. Raises DecodeError ``pack-malformed``."""
    try:
        return read_po(BytesIO(data), locale=language, abort_invalid=True)
    except (PoFileError, UnicodeDecodeError, ValueError) as error:
        raise DecodeError(f"{language}.po is no gettext file: {error}.", code="pack-malformed") from None


@cache
def _compiled(data: bytes, language: str) -> bytes:
    compiled = BytesIO()
    write_mo(compiled, read_catalog(data, language))
    return compiled.getvalue()


def _before(data: bytes, language: str, others: gettext.NullTranslations) -> gettext.NullTranslations:
    """The words of a gettext file, and where it has none those of ``others``."""
    found = gettext.GNUTranslations(BytesIO(_compiled(data, language)))
    found.add_fallback(others)
    return found


class Words:
    """Texts of packs and of the program in ``language``; what has no translation stays in English."""

    def __init__(self, language: str, catalogs: Iterable[bytes] = (), own: Mapping[str, bytes] | None = None) -> None:
        """``catalogs``: the last comes first. ``own``: the catalog of each pack, by its code."""
        self.language = language
        self._locale = Locale.parse(language)
        self._own = dict(own or {})
        self._within: dict[str, Words] = {}
        self._translations = gettext.NullTranslations()
        for data in catalogs:
            self._translations = _before(data, language, self._translations)

    def within(self, pack: str) -> Words:
        """These words, with those of the pack of that code first: packs may say one text differently.

        What a form says is then as its pack has it, whatever other packs a charter names (FORM-2).
        """
        if pack not in self._own:
            return self
        if pack not in self._within:
            inner = self._within[pack] = copy(self)
            inner._translations = _before(self._own[pack], self.language, self._translations)  # noqa: SLF001 - its copy
        return self._within[pack]

    @property
    def script(self) -> str:
        """The script that its reader reads pronunciations in: ``cyrillic`` or ``latin`` (C11)."""
        return "cyrillic" if self._locale.language in _CYRILLIC else "latin"

    def say(self, text: str) -> str:
        """``text`` in this language."""
        return self._translations.gettext(text) if text else ""

    def count(self, one: str, many: str, number: int) -> str:
        """The form of a sentence that ``number`` asks for."""
        return self._translations.ngettext(one, many, number)

    def number(self, value: int) -> str:
        """Digits grouped as the language groups them."""
        return format_decimal(value, locale=self._locale)

    def amount(self, value: int, unit: str) -> str:
        """A number with its unit."""
        if unit in _UNITS:
            written_out = {(unit, ""), (unit, self._locale.language)} & _LONG
            return format_unit(value, _UNITS[unit], "long" if written_out else "short", locale=self._locale)
        return f"{self.number(value)} {self.say(unit)}".strip()

    def time(self, seconds: int) -> str:
        """The instant in UTC, in words and as a date-time group (C2)."""
        return f"{self.day(seconds)}, {datetime.fromtimestamp(seconds, UTC):%H:%M} UTC ({date_time_group(seconds)})"

    def day(self, seconds: int) -> str:
        """The day in UTC."""
        moment = datetime.fromtimestamp(seconds, UTC)
        pattern = _DATES.get(self._locale.language, "d MMMM y")
        said = format_datetime(moment, pattern, tzinfo=UTC, locale=self._locale)
        first = moment.day == 1 and self._locale.language == "fr"
        return f"1er{said.removeprefix('1')}" if first else said

    def weekdays(self, bits: int) -> str:
        """The days of the week in ``bits``, of which bit 0 is Monday."""
        names = get_day_names("wide", locale=self._locale)
        return self.all_of([names[day] for day in range(7) if bits >> day & 1])

    def language_name(self, code: str) -> str:
        """A language's name in this one; the code itself where there is none."""
        try:
            return Locale.parse(code, sep="-").get_display_name(self._locale) or code
        except (UnknownLocaleError, ValueError):
            return code

    def all_of(self, items: list[str]) -> str:
        """A list as a sentence has it."""
        return format_list(items, locale=self._locale) if items else ""


def date_time_group(seconds: int) -> str:
    """``101204Z MAR 26`` (C2)."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%d%H%M}Z {_MONTHS[moment.month - 1]} {moment:%y}"


def messages(pack: Pack) -> Iterator[tuple[str, str]]:
    """Every text of a pack that is to be translated, each with its plural or empty."""
    seen: set[tuple[str, str]] = set()
    for message in _messages(pack):
        if message[0] and message not in seen:
            seen.add(message)
            yield message


def _messages(pack: Pack) -> Iterator[tuple[str, str]]:
    yield pack.title, ""
    yield from ((text, "") for text in pack.words)
    for form in pack.forms:
        yield from _of_form(form)
    for field in all_fields(pack.header):
        yield from ((text, "") for text in (field.label, field.help, *(c.label for c in field.choices)))
    for phrase in pack.phrases:
        yield from _of_phrase(phrase)


def _of_form(form: Form) -> Iterator[tuple[str, str]]:
    yield from ((text, "") for text in (form.title, form.help, form.next_step, *form.notes))
    for field in all_fields(form.fields):
        yield from ((text, "") for text in (field.label, field.help, *(c.label for c in field.choices)))
    yield from ((rule.text, "") for rule in form.rules)
    yield from ((sentence.text, sentence.plural) for sentence in form.sentences)


def _of_phrase(phrase: Phrase) -> Iterator[tuple[str, str]]:
    yield from ((text, "") for text in (phrase.meaning, phrase.phrase, phrase.signal, phrase.response))
