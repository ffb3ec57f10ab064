"""Tokens with which a party's own systems use the console's API (R66): who may ask for what.

They are in tokens.json of the home: names, scopes and SHA-256 of 256 random bits, never the token itself. Who can
change the file can make tokens; who reads it learns none.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any, Final

from parley.app.home import Home
from parley.errors import StoreCorrupt, StoreError, UsageError
from parley.keys.file import write_private

SCOPES: Final = {
    "read": "messages, states, forms and conflicts",
    "plans": "one's own plans: list, keep and remove",
    "draft": "keep drafts for officers to release",
    "send": "send messages that one officer may release",
    "export": "the whole record",
    "events": "the stream of events",
}
"""By name, with what each permits."""
_PREFIX: Final = "parley_"
_TOKEN_BYTES: Final = 32
_MAX_TOKENS: Final = 256
_MAX_NAME: Final = 48
_FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class Token:
    """One token. ``lines`` are the names of the lines that it is for; empty for all."""

    name: str
    hash: str
    scopes: tuple[str, ...]
    lines: tuple[str, ...]
    made: int

    def as_json(self) -> dict[str, Any]:
        """Plain data, without the hash."""
        return {"name": self.name, "scopes": list(self.scopes), "lines": list(self.lines), "made": self.made}


class Tokens:
    """Those of one home. Several processes may use them at once."""

    def __init__(self, home: Home) -> None:
        self._path = home.path / "tokens.json"
        self._lock = home.path / "tokens.lock"
        self._seen: tuple[int, ...] = ()
        self._by_hash: dict[str, Token] = {}

    def _now(self) -> dict[str, Token]:
        try:
            found = self._path.stat()
            seen = (found.st_ino, found.st_mtime_ns, found.st_size)
            if seen != self._seen:
                self._by_hash, self._seen = _read(self._path.read_bytes()), seen
        except FileNotFoundError:
            self._by_hash, self._seen = {}, ()
        except OSError as error:
            raise StoreError(f"{self._path} cannot be read: {error.strerror}.", code="store-io") from error
        return self._by_hash

    @contextlib.contextmanager
    def _change(self) -> Iterator[dict[str, Token]]:
        try:
            lock = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreError(f"{self._lock} cannot be had: {error.strerror}.", code="store-io") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            state = dict(self._now())
            yield state
            table = {"format": _FORMAT, "tokens": [asdict(t) for t in state.values()]}
            write_private(self._path, json.dumps(table, indent=1, ensure_ascii=False).encode() + b"\n")
        finally:
            os.close(lock)

    def all(self) -> list[Token]:
        """All, by name."""
        return sorted(self._now().values(), key=lambda t: t.name.casefold())

    def new(self, name: str, scopes: Iterable[str], lines: Iterable[str], now: int) -> str:
        """A new token, which is told this once. Raises UsageError, StoreError."""
        name, asked = " ".join(name.split()), tuple(dict.fromkeys(scopes))
        if not name or len(name) > _MAX_NAME or not all(c.isalnum() or c in " .-_" for c in name):
            raise UsageError(f"{name!r} is no name for a token: letters, digits and .-_", code="token-name")
        wrong = [s for s in asked if s not in SCOPES]
        if wrong or not asked:
            raise UsageError(
                f"no such scope: {', '.join(wrong) or 'none given'}; there are {', '.join(SCOPES)}.",
                code="scope-unknown",
            )
        with self._change() as state:
            if any(t.name.casefold() == name.casefold() for t in state.values()):
                raise UsageError(
                    f"there is a token {name!r} already.",
                    code="token-known",
                    next_step="'parley token revoke' ends it.",
                )
            if len(state) >= _MAX_TOKENS:
                raise UsageError(f"there are at most {_MAX_TOKENS} tokens.", code="tokens-too-many")
            token = _PREFIX + secrets.token_urlsafe(_TOKEN_BYTES)
            state[_hash(token)] = Token(name, _hash(token), asked, tuple(lines), now)
        return token

    def revoke(self, name: str) -> Token:
        """End a token at once. Raises UsageError ``token-unknown``."""
        with self._change() as state:
            found = next((t for t in state.values() if t.name.casefold() == name.strip().casefold()), None)
            if found is None:
                raise UsageError(
                    f"there is no token {name!r}.", code="token-unknown", next_step="See 'parley token list'."
                )
            del state[found.hash]
        return found

    def of(self, token: str) -> Token | None:
        """Whose ``token`` is; None for nobody's. Looking its hash up tells nothing about others by its duration."""
        return self._now().get(_hash(token))


def _hash(token: str) -> str:
    return sha256(b"parley token v1\n" + token.encode()).hexdigest()


def _read(data: bytes) -> dict[str, Token]:
    try:
        table = json.loads(data)
        rows = [(r["name"], r["hash"], tuple(r["scopes"]), tuple(r["lines"]), r["made"]) for r in table["tokens"]]
        if table["format"] != _FORMAT:
            raise StoreCorrupt(f"tokens.json has format {table['format']!r}, {_FORMAT} wanted.")
    except (KeyError, TypeError, ValueError) as error:
        raise StoreCorrupt(f"tokens.json cannot be read: {error}.") from error
    return {row[1]: Token(*row) for row in rows}
