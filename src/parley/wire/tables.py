"""What the texts of documents are made of: TOML values read with their types checked, and written in one way."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from parley import limits
from parley.errors import DecodeError

_SLUG: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,22}[a-z0-9])?")
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})?")
_RUN: Final = re.compile(r"[0-9a-f]{16}")
CLASS: Final = re.compile(r"[A-Z]{1,3}[1-9][0-9]{0,3}|text|routine|priority|immediate|flash")
"""A form's id, free text, or a precedence."""


def malformed(why: str) -> DecodeError:
    """The error for a document of which ``why`` says what is wrong."""
    return DecodeError(
        f"the document is not acceptable: {why}.",
        code="document-malformed",
        next_step="Ask whoever made it for the file as their Parley wrote it.",
    )


class Table:
    """Typed access to a parsed table; whatever is missing, wrong or left over is a DecodeError."""

    def __init__(self, table: Mapping[str, Any]) -> None:
        self._table = table

    def text(self, key: str) -> str:
        """A short line of text without controls."""
        value = self._table.get(key)
        if not isinstance(value, str) or len(value) > 500 or any(ord(c) < 32 or ord(c) == 127 for c in value):  # noqa: PLR2004
            raise malformed(f"{key} must be a short text")
        return value

    def slug(self, key: str) -> str:
        """A name of a line, a party or a pack."""
        value = self.text(key)
        if not _SLUG.fullmatch(value):
            raise malformed(f"{key} is {value!r}; 1 to 24 of a-z, 0-9 and hyphens are wanted")
        return value

    def number(self, key: str, low: int, high: int) -> int:
        """A whole number from ``low`` to ``high``."""
        value = self._table.get(key)
        if type(value) is not int or not low <= value <= high:
            raise malformed(f"{key} must be a number from {low} to {high}")
        return value

    def hash(self, key: str, *, optional: bool = False) -> bytes:
        """A SHA-256 in hexadecimal."""
        try:
            value = bytes.fromhex(self.text(key))
        except ValueError:
            raise malformed(f"{key} must be hexadecimal") from None
        if len(value) != 32 and not (optional and not value):  # noqa: PLR2004
            raise malformed(f"{key} must be a SHA-256")
        return value

    def run(self, key: str) -> bytes:
        """A run's name (incarnation), 8 bytes in hexadecimal."""
        value = self.text(key)
        if not _RUN.fullmatch(value):
            raise malformed(f"{key} must be the 16 hexadecimal digits of a run")
        return bytes.fromhex(value)

    def moment(self, key: str) -> int:
        """A moment in UTC, in POSIX seconds."""
        value = self.text(key)
        try:
            found = datetime.fromisoformat(value)
        except ValueError:
            raise malformed(f"{key} must be a time such as 2026-11-26T08:41:00Z") from None
        if found.tzinfo is None or not 0 <= (seconds := int(found.timestamp())) <= limits.MAX_TIME:
            raise malformed(f"{key} must be a time such as 2026-11-26T08:41:00Z")
        return seconds

    def octets(self, key: str, length: int) -> bytes:
        """``length`` bytes in base64."""
        try:
            value = base64.b64decode(self.text_long(key), validate=True)
        except (binascii.Error, ValueError):
            raise malformed(f"{key} must be base64") from None
        if len(value) != length:
            raise malformed(f"{key} must be {length} bytes, got {len(value)}")
        return value

    def text_long(self, key: str) -> str:
        """Text of any length."""
        value = self._table.get(key)
        if not isinstance(value, str):
            raise malformed(f"{key} is missing")
        return value

    def languages(self, key: str) -> tuple[str, ...]:
        """Language tags, one or more."""
        value = self._table.get(key)
        if (
            not isinstance(value, list)
            or not value
            or not all(isinstance(v, str) and _LANGUAGE.fullmatch(v) for v in value)
        ):
            raise malformed(f"{key} must be language tags such as en, fr, ru")
        return tuple(value)

    def short_texts(self, key: str, most: int) -> tuple[str, ...]:
        """Some lines of text; none where there are none."""
        value = self._table.get(key, [])
        if not isinstance(value, list) or len(value) > most:
            raise malformed(f"{key} must be at most {most} short texts")
        return tuple(Table({key: v}).text(key) for v in value)

    def classes(self, key: str) -> tuple[str, ...]:
        """Classes of messages; none where the charter names none, as those of before it could."""
        value = self._table.get(key, [])
        fits = isinstance(value, list) and len(value) <= limits.MAX_CLASSES
        if not fits or not all(isinstance(v, str) and CLASS.fullmatch(v) for v in value):
            raise malformed(f"{key} must be classes of messages such as M2, text or immediate")
        if value != sorted(set(value)):
            raise malformed(f"{key} must be in order, each class once")
        return tuple(value)

    def table(self, key: str) -> Table:
        """A table within this one."""
        value = self._table.get(key)
        if not isinstance(value, dict):
            raise malformed(f"[{key}] is missing")
        return Table(value)

    def tables(self, key: str, most: int, *, least: int = 1) -> Sequence[Table]:
        """``least`` to ``most`` tables of one name."""
        value = self._table.get(key, [])
        fits = isinstance(value, list) and least <= len(value) <= most
        if not fits or not all(isinstance(v, dict) for v in value):
            raise malformed(f"{least} to {most} of [[{key}]] are wanted")
        return [Table(v) for v in value]


def b64(data: bytes) -> str:
    """As the texts have keys."""
    return base64.b64encode(data).decode()


def string(value: str) -> str:
    """As the texts have a string."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def strings(values: Sequence[str]) -> str:
    """As the texts have a list of strings."""
    return "[" + ", ".join(string(v) for v in values) + "]"


def moment(seconds: int) -> str:
    """As the texts have a moment."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
