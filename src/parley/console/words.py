"""The console's words in the officer's language, and times: UTC first, the duty station's beside it (R42)."""

from __future__ import annotations

import gettext
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
from importlib.resources import files
from io import BytesIO
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_timedelta
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal

from parley.forms.words import date_time_group

LANGUAGES: Final[Mapping[str, str]] = {"en": "English", "fr": "Français", "ru": "Русский"}
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_NEVER: Final = 1e9
"""A threshold that no count reaches: the unit is ours to choose."""


@cache
def translations(language: str) -> gettext.NullTranslations:
    """The catalogue of ``language``; English is what the code says."""
    path = files("parley.console") / "locale" / f"{language}.po"
    if not path.is_file():
        return gettext.NullTranslations()
    compiled = BytesIO()
    write_mo(compiled, read_po(BytesIO(path.read_bytes()), locale=language, abort_invalid=True))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def catalogue(language: str) -> dict[str, str]:
    """What scripts need: each text that has no plural, by its English."""
    found: Mapping[Any, str] = getattr(translations(language), "_catalog", {})
    return {k: v for k, v in found.items() if isinstance(k, str) and k and v}


def best_language(accepted: str, usual: str = "") -> str:
    """``usual``, where it is set; else the first of an Accept-Language header that the console speaks, or English."""
    if usual in LANGUAGES:
        return usual
    for part in accepted.split(","):
        code = part.split(";")[0].strip().lower()[:2]
        if code in LANGUAGES:
            return code
    return "en"


class Times:
    """Times as an officer of ``language`` reads them, with the local time of ``zone``."""

    def __init__(self, language: str, zone: tzinfo | None = None) -> None:
        # As the page's script has it: the day before the month.
        self._locale = Locale.parse("en_GB" if language == "en" else language)
        self._zone = zone

    def utc(self, seconds: int) -> str:
        """``14:03:22Z 25 Nov``."""
        moment = datetime.fromtimestamp(seconds, UTC)
        return f"{moment:%H:%M:%S}Z {format_date(moment, 'd MMM', locale=self._locale)}"

    def day(self, seconds: int) -> str:
        """The day in UTC, in words."""
        return format_date(datetime.fromtimestamp(seconds, UTC), "long", locale=self._locale)

    def local(self, seconds: int) -> str:
        """``17:03 25 Nov +03:00``: of the duty station."""
        moment = datetime.fromtimestamp(seconds, UTC).astimezone(self._zone)
        offset = f"{moment:%z}"
        return f"{moment:%H:%M} {format_date(moment, 'd MMM', locale=self._locale)} {offset[:3]}:{offset[3:5]}"

    def group(self, seconds: int) -> str:
        """The date-time group."""
        return date_time_group(seconds)

    def iso(self, seconds: int) -> str:
        """For the ``datetime`` of an element."""
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"

    def span(self, seconds: int) -> str:
        """A length of time in words, its two largest parts."""
        seconds = abs(seconds)
        for unit, part in ((_DAY, _HOUR), (_HOUR, _MINUTE), (_MINUTE, 1)):
            if seconds >= unit:
                words = [self._words(seconds // unit * unit)]
                rest = seconds % unit // part * part
                return " ".join([*words, self._words(rest)] if rest else words)
        return self._words(seconds)

    def _words(self, seconds: int) -> str:
        parts: tuple[tuple[int, Literal["day", "hour", "minute"]], ...] = (
            (_DAY, "day"),
            (_HOUR, "hour"),
            (_MINUTE, "minute"),
        )
        unit: Literal["day", "hour", "minute", "second"] = next((n for size, n in parts if seconds >= size), "second")
        return format_timedelta(
            timedelta(seconds=seconds), unit, threshold=_NEVER, format="narrow", locale=self._locale
        )

    def number(self, value: int) -> str:
        """Digits grouped as the language groups them."""
        return format_decimal(value, locale=self._locale)


def zone_of(name: str) -> tzinfo | None:
    """The zone of a name; None, which means the machine's, for none."""
    return ZoneInfo(name) if name else None


def offset_s(seconds: int, zone: tzinfo | None) -> int:
    """How many seconds ``zone`` is ahead of UTC at that time."""
    offset = datetime.fromtimestamp(seconds, UTC).astimezone(zone).utcoffset()
    return int(offset.total_seconds()) if offset is not None else 0
