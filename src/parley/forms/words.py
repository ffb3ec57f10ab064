"""The words of packs in the reader's language: gettext files, plurals by their own rules, dates and numbers by CLDR."""

from __future__ import annotations

import gettext
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from io import BytesIO
from typing import Final

from babel import Locale, UnknownLocaleError
from babel.dates import format_datetime
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
_MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


def read_catalog(data: bytes, language: str) -> Catalog:
    """A gettext file. Raises DecodeError ``pack-malformed``."""
    try:
        return read_po(BytesIO(data), locale=language, abort_invalid=True)
    except (PoFileError, UnicodeDecodeError, ValueError) as error:
        raise DecodeError(f"{language}.po is no gettext file: {error}.", code="pack-malformed") from None


class Words:
    """Texts of packs and of the program in ``language``; what has no translation stays in English."""

    def __init__(self, language: str, catalogs: Iterable[bytes] = ()) -> None:
        self.language = language
        self._locale = Locale.parse(language)
        self._translations = gettext.NullTranslations()
        for data in catalogs:
            compiled = BytesIO()
            write_mo(compiled, read_catalog(data, language))
            compiled.seek(0)
            found = gettext.GNUTranslations(compiled)
            found.add_fallback(self._translations)
            self._translations = found

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
            return format_unit(value, _UNITS[unit], "short", locale=self._locale)
        return f"{self.number(value)} {self.say(unit)}".strip()

    def time(self, seconds: int) -> str:
        """The instant in UTC, in words and as a date-time group (C2)."""
        moment = datetime.fromtimestamp(seconds, UTC)
        words = format_datetime(moment, "d MMMM y, HH:mm", tzinfo=UTC, locale=self._locale)
        return f"{words} UTC ({date_time_group(seconds)})"

    def day(self, seconds: int) -> str:
        """The day in UTC."""
        return format_datetime(datetime.fromtimestamp(seconds, UTC), "d MMMM y", tzinfo=UTC, locale=self._locale)

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
