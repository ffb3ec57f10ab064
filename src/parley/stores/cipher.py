"""That the store's cipher is there, has the right key, and really encrypts.

Without the check a store could run unencrypted and nobody would see it: the package of the same module
name without the cipher takes every one of these settings and ignores it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import apsw

from parley.crypto.kdf import hmac_sha256
from parley.errors import KeyUnavailable, StoreCorrupt, StoreError

KEY_BYTES: Final = 32
SALT_BYTES: Final = 16
OLDEST_SQLITE: Final = (3, 51, 3)
"""Before it, a write during a checkpoint could corrupt the database (the WAL-reset bug)."""

_PLAIN_HEADER: Final = b"SQLite format 3\0"
_LOG_HEADER_BYTES: Final = 32
_FRAME_HEADER_BYTES: Final = 24
_BLOCK_BYTES: Final = 64 * 4096
_MARKED_BYTES: Final = 64 * 4096
"""Beginning of the database file that certainly holds the table with the marker: it is the first made."""


def check_library(key: bytes) -> None:
    """Refuse a SQLite that is too old or cannot encrypt, and a key that is not 32 bytes."""
    version = tuple(int(part) for part in apsw.sqlite_lib_version().split("."))
    if version < OLDEST_SQLITE:
        raise StoreError(
            f"SQLite {apsw.sqlite_lib_version()} can corrupt a database; 3.51.3 is the oldest that will do",
            code="sqlite-too-old",
            next_step="Install the package apsw-sqlite3mc anew.",
        )
    if not hasattr(apsw, "mc_version"):
        raise _not_in_effect("the SQLite that is installed has no cipher")
    if len(key) != KEY_BYTES:
        raise KeyUnavailable(f"the store's key is {len(key)} bytes, not {KEY_BYTES}")


def apply_key(connection: apsw.Connection, key: bytes, salt: bytes | None = None) -> None:
    """Set cipher and key; to be the first statements on a connection.

    ``salt`` is what the file begins with, 16 bytes in clear; a check of the key unless it is given.
    """
    for setting in ("cipher='chacha20'", "legacy=0"):
        connection.execute(f"PRAGMA {setting}").fetchall()
    # "raw:" takes the key as it is, and a salt; the salt stands in clear at the start of the file.
    raw = b"raw:" + key + (key_check(key) if salt is None else salt)
    connection.execute(f"PRAGMA hexkey='{raw.hex()}'", can_cache=False).fetchall()


def check_key(path: Path, key: bytes) -> None:
    """Read the first bytes of the file at ``path``: they say whether it is encrypted, and under ``key``.

    Where the power failed while they were written, the log still has them.
    """
    if not is_key(read_salt(path), key) and not _in_log(path.with_name(path.name + "-wal"), key):
        raise KeyUnavailable(
            f"the key does not open {path}: it was created with another key",
            code="store-key-wrong",
            next_step="Give the passphrase or key file that this data directory was created with.",
        )


def read_salt(path: Path) -> bytes:
    """The 16 bytes in clear that the file at ``path`` begins with. Raises StoreError, StoreCorrupt."""
    try:
        with path.open("rb") as file:
            header = file.read(SALT_BYTES)
    except FileNotFoundError as error:
        raise StoreError(f"there is no store at {path}", code="store-missing") from error
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror}", code="store-io") from error
    if header == _PLAIN_HEADER:
        raise _not_in_effect(f"{path} is not encrypted")
    if len(header) < SALT_BYTES:
        raise StoreCorrupt(f"{path} has {len(header)} bytes: it is cut off")
    return header


def is_key(salt: bytes, key: bytes) -> bool:
    """True when a file that begins with ``salt`` was made under ``key``.

    Under another key about none of the bytes agree; when most do, the file is damaged: SQLite will say.
    """
    return sum(a == b for a, b in zip(salt, key_check(key), strict=True)) >= SALT_BYTES // 2


def _in_log(log: Path, key: bytes) -> bool:
    """True when a write-ahead log holds a first page made under ``key`` (its format: sqlite.org/fileformat2)."""
    if not log.exists():
        return False
    with log.open("rb") as file:
        page_bytes = int.from_bytes(file.read(_LOG_HEADER_BYTES)[8:12], "big")
        while len(frame := file.read(_FRAME_HEADER_BYTES + SALT_BYTES)) == _FRAME_HEADER_BYTES + SALT_BYTES:
            if frame[:4] == b"\0\0\0\1" and is_key(frame[_FRAME_HEADER_BYTES:], key):
                return True
            file.seek(page_bytes - SALT_BYTES, os.SEEK_CUR)
    return False


def new_marker() -> bytes:
    """Text to be written, and looked for in the file: it is there when nothing encrypts."""
    return b"parley-cipher-check-" + os.urandom(16).hex().encode()


def check_unreadable(path: Path, marker: bytes, limit: int | None = None) -> None:
    """Look for ``marker`` in the first ``limit`` bytes of a file, or in all of it. Raises StoreError when found."""
    if _begins_plain(path) or _holds(path, marker, limit):
        raise _not_in_effect(f"{path} can be read by anybody")


def check_in_effect(connection: apsw.Connection, path: Path) -> None:
    """Write a marker and look for it: raises StoreError when the database or its log can be read."""
    marker = new_marker()
    try:
        connection.execute("INSERT OR REPLACE INTO meta VALUES('marker', ?)", (marker,))
    except apsw.FullError:
        # A full disk must not keep a node from reading: look for the marker of an earlier start instead.
        marker = _earlier_marker(connection)
    for where in (path.with_name(path.name + "-wal"), path):
        check_unreadable(where, marker, _MARKED_BYTES if where == path else None)
        if where != path:
            # A marker left in the log, when a reader holds this back, was looked for there.
            _checkpoint(connection)


def _begins_plain(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_PLAIN_HEADER)) == _PLAIN_HEADER


def _holds(path: Path, marker: bytes, limit: int | None) -> bool:
    """True when ``marker`` is in the first ``limit`` bytes of the file, or anywhere in it."""
    last = b""
    with path.open("rb") as file:
        while limit is None or file.tell() < limit:
            block = file.read(_BLOCK_BYTES)
            if marker in last + block:
                return True
            if not block:
                return False
            last = block[-len(marker) :]
    return False


def _checkpoint(connection: apsw.Connection) -> None:
    try:
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
    except apsw.FullError:
        return


def _earlier_marker(connection: apsw.Connection) -> bytes:
    marker = connection.execute("SELECT value FROM meta WHERE name='marker'").get
    if not isinstance(marker, bytes):
        raise StoreCorrupt("the store has never been checked for encryption")
    return marker


def key_check(key: bytes) -> bytes:
    """16 bytes that tell one key from another, so that a wrong key is not taken for damage."""
    return hmac_sha256(key, b"parley/store-key-check/v1")[:SALT_BYTES]


def _not_in_effect(what: str) -> StoreError:
    return StoreError(
        f"the store would not be encrypted: {what}",
        code="cipher-not-in-effect",
        next_step="Uninstall the package apsw, install apsw-sqlite3mc anew, and create the store anew.",
    )
