"""Translations of messages: entries of one's own beside the record, each naming its translator, never sent (R42).

The original is never touched, and no translation takes the place of another: each is kept as it was entered.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from babel import Locale, UnknownLocaleError

from parley import limits
from parley.app.home import LineHome
from parley.errors import DecodeError, StoreCorrupt, UsageError
from parley.ids import EntryId
from parley.protocol import rows as r
from parley.protocol.rows import Change
from parley.stores.sqlite import SqliteStore
from parley.wire import cbor

_SPACE: Final = "translation"
_LIMIT: Final = limits.MAX_TEXT * 2
_MAX_NAME: Final = 120


@dataclass(frozen=True, slots=True)
class Translation:
    """What a translator made of a message. ``time`` is when it was entered, POSIX seconds."""

    language: str
    translator: str
    text: str
    time: int

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        return {name: getattr(self, name) for name in self.__slots__}


def translation(language: str, translator: str, text: str, time: int) -> Translation:
    """One as an officer enters it. Raises UsageError ``translation-incomplete``, ``translation-long``."""
    language, translator, text = language.strip(), translator.strip(), text.strip()
    try:
        Locale.parse(language, sep="-")
    except (UnknownLocaleError, ValueError):
        raise UsageError(
            f"{language!r} is no language; one looks like fr or pt-BR.", code="translation-incomplete"
        ) from None
    if not translator or not text:
        raise UsageError(
            "a translation has a text, and names who or what translated it.",
            code="translation-incomplete",
            next_step="Give the name with --by: a person's role, or a program with its version.",
        )
    if len(translator) > _MAX_NAME or len(text.encode()) > limits.MAX_TEXT:
        raise UsageError(
            f"a translation has at most {limits.MAX_TEXT} bytes, a name {_MAX_NAME} characters.",
            code="translation-long",
        )
    return Translation(language, translator, text, time)


def translations_of(line: LineHome, entry: EntryId) -> tuple[Translation, ...]:
    """Those of one message, in the order in which they were entered. Raises KeyUnavailable, StoreError."""
    if not _path(line).exists():
        return ()
    with _open(line) as store:
        return _of(store, entry)


def add_translation(line: LineHome, entry: EntryId, made: Translation) -> None:
    """Keep one; it is durable on return. Raises KeyUnavailable, StoreError."""
    with _open(line) as store:
        key = r.entry_key(entry.log, entry.index) + len(_of(store, entry)).to_bytes(4, "big")
        value = cbor.encode([made.language, made.translator, made.text, made.time])
        store.commit(store.version, [Change(_SPACE, key, value)])


def _path(line: LineHome) -> Path:
    return line.path / "translations.db"


@contextmanager
def _open(line: LineHome) -> Iterator[SqliteStore]:
    path, key = _path(line), line.newest_keys()[1].store_key
    store = SqliteStore.open(path, key) if path.exists() else SqliteStore.create(path, key)
    try:
        yield store
    finally:
        store.close()


def _of(store: SqliteStore, entry: EntryId) -> tuple[Translation, ...]:
    prefix = r.entry_key(entry.log, entry.index)
    return tuple(_decode(key, value) for key, value in store.scan(_SPACE, prefix, r.after(prefix)))


def _decode(key: bytes, value: bytes) -> Translation:
    try:
        return Translation(*cbor.decode(value, limit=_LIMIT))
    except (DecodeError, ValueError, TypeError) as error:
        raise StoreCorrupt(f"the translation {key.hex()} cannot be read: {error}") from error
