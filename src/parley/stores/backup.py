"""A backup of a store: one encrypted SQLite file that holds rows and files, and nothing else.

The rows are those of one commit, read through a connection of their own while the node goes on. What is to be
left out is never written, not even to be deleted again. Every page carries the cipher's tag, and a digest over
all that is held tells a file that was put together from pages of several.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

import apsw

from parley.errors import StoreCorrupt, StoreError, StoreVersion
from parley.protocol.rows import overlaid
from parley.stores import cipher
from parley.stores.datadir import sync_directory
from parley.stores.recent import Recent
from parley.stores.sqlite import check_format
from parley.stores.sqlite_reader import open_connection, read_error

FORMAT: Final = 1
_SCHEMA: Final = """
CREATE TABLE meta(name TEXT NOT NULL PRIMARY KEY, value ANY NOT NULL) WITHOUT ROWID, STRICT;
CREATE TABLE row(space TEXT NOT NULL, k BLOB NOT NULL, v BLOB NOT NULL, PRIMARY KEY(space, k))
    WITHOUT ROWID, STRICT;
CREATE TABLE file(name TEXT NOT NULL PRIMARY KEY, data BLOB NOT NULL) WITHOUT ROWID, STRICT;
"""
_META: Final = "SELECT name, value FROM meta WHERE name<>'digest' ORDER BY name"
_ROWS: Final = "SELECT space, k, v FROM row ORDER BY space, k"
_FILES: Final = "SELECT name, data FROM file ORDER BY name"

Row = tuple[str, bytes, bytes]


@dataclass(frozen=True, slots=True)
class Facts:
    """What a backup says of itself. ``version``: commits of the store it was read from; ``made``: POSIX seconds."""

    line: str
    made: int
    version: int
    entries: int


class Backup:
    """A backup that opened and was found whole; made by ``opened``."""

    def __init__(self, connection: apsw.Connection, facts: Facts) -> None:
        self._connection = connection
        self.facts = facts

    def rows(self) -> Iterator[Row]:
        """All rows, in order."""
        yield from self._connection.execute(_ROWS)

    def files(self) -> dict[str, bytes]:
        """The files by name."""
        return dict(self._connection.execute(_FILES))


def write(
    store: tuple[Path, bytes],
    target: Path,
    seal: tuple[bytes, bytes],
    leave_out: Collection[str],
    files: Mapping[str, bytes],
    described: tuple[str, int],
) -> Facts:
    """Write a backup of the store at a path and under a key to ``target``: verified and durable, or not at all.

    ``seal`` is the backup's 32-byte key and the 16 bytes that the file begins with; ``described`` is line and
    POSIX time. The rows of the spaces in ``leave_out`` stay where they are. Raises StoreError, KeyUnavailable.
    """
    path, store_key = store
    cipher.check_library(store_key)
    cipher.check_key(path, store_key)
    if target.exists():
        raise StoreError(f"there is already a file at {target}", code="file-exists", next_step="Choose another name.")
    key, salt = seal
    building = target.with_name(f".{target.name}.part")
    try:
        os.close(os.open(building, os.O_CREAT | os.O_TRUNC | os.O_RDWR, 0o600))
        marker = cipher.new_marker()
        with snapshot(path, store_key, leave_out) as (version, rows):
            line, made = described
            meta: dict[str, bytes | int | str] = {
                "format": FORMAT,
                "line": line,
                "made": made,
                "version": version,
                "marker": marker,
            }
            _fill(building, key, salt, rows, files, meta)
        cipher.check_unreadable(building, marker)
        with opened(building, key, salt) as backup:
            facts = backup.facts
        _sync(building)
        building.rename(target)
        sync_directory(target.parent)
    except apsw.Error as error:
        raise read_error(error, building) from error
    except OSError as error:
        raise StoreError(f"cannot write {target}: {error.strerror}", code="store-io") from error
    finally:
        building.unlink(missing_ok=True)
    return facts


@contextmanager
def opened(path: Path, key: bytes, salt: bytes) -> Iterator[Backup]:
    """The backup at ``path``, verified.

    1. It opens under ``key``.                                        StoreCorrupt (backup-unreadable)
    2. Every page is what was written.                                StoreCorrupt
    3. It is a backup of this format.                                 StoreVersion
    4. The digest over all that is in it is the one it was given.     StoreCorrupt
    """
    try:
        connection = _open(path, key, salt)
        try:
            yield Backup(connection, _verified(connection, path))
        finally:
            connection.close(True)  # noqa: FBT003 - apsw takes no name for it
    except apsw.Error as error:
        raise read_error(error, path) from error


def _open(path: Path, key: bytes, salt: bytes) -> apsw.Connection:
    try:
        return open_connection(path, key, writable=False, salt=salt)
    except apsw.NotADBError as error:
        raise StoreCorrupt(
            f"{path} is no backup that this key or passphrase opens",
            code="backup-unreadable",
            next_step="Check the passphrase, if it was made with one; otherwise use another backup.",
        ) from error


@contextmanager
def snapshot(path: Path, key: bytes, leave_out: Collection[str]) -> Iterator[tuple[int, Iterator[Row]]]:
    """The store's version, and its rows as of that commit but for those of some spaces. Raises StoreError."""
    connection = open_connection(path, key, writable=False)
    try:
        connection.execute("BEGIN")
        check_format(connection, path)
        view = Recent(connection)
        overlay = view.refresh()
        spaces = {str(space) for (space,) in connection.execute("SELECT DISTINCT space FROM row")} | overlay.keys()

        def rows() -> Iterator[Row]:
            try:
                for space in sorted(spaces - set(leave_out)):
                    below = connection.execute("SELECT k, v FROM row WHERE space=? ORDER BY k", (space,))
                    for k, v in overlaid(overlay.get(space, {}), below, (b"", None)):
                        yield space, k, v
            except apsw.Error as error:
                raise read_error(error, path) from error

        yield view.newest, rows()
    finally:
        connection.close(True)  # noqa: FBT003 - apsw takes no name for it


def _fill(
    path: Path,
    key: bytes,
    salt: bytes,
    rows: Iterator[Row],
    files: Mapping[str, bytes],
    meta: Mapping[str, bytes | int | str],
) -> None:
    """Write everything in one transaction."""
    connection = open_connection(path, key, writable=True, salt=salt)
    try:
        # A file that is not whole is thrown away: nothing need be undone after a crash.
        connection.execute("PRAGMA journal_mode=MEMORY").fetchall()
        connection.execute("BEGIN EXCLUSIVE;" + _SCHEMA)
        connection.executemany("INSERT INTO row VALUES(?,?,?)", rows)
        connection.executemany("INSERT INTO file VALUES(?,?)", files.items())
        connection.executemany("INSERT INTO meta VALUES(?,?)", meta.items())
        connection.execute("INSERT INTO meta VALUES('digest', ?)", (_digest(connection),))
        connection.execute("COMMIT")
    finally:
        connection.close(True)  # noqa: FBT003 - apsw takes no name for it


def _verified(connection: apsw.Connection, path: Path) -> Facts:
    found = connection.execute("PRAGMA integrity_check").fetchall()
    if found != [("ok",)]:
        raise StoreCorrupt(f"the backup {path} is damaged: {found[0][0]}", next_step="Use another backup.")
    meta = dict(connection.execute("SELECT name, value FROM meta"))
    if meta.get("format") != FORMAT:
        raise StoreVersion(
            f"{path} has format {meta.get('format')!r}; this version of Parley reads format {FORMAT} of a backup",
            next_step="Use the version of Parley that wrote it.",
        )
    if meta["digest"] != _digest(connection):
        raise StoreCorrupt(f"the backup {path} is not what was written", next_step="Use another backup.")
    entries = connection.execute("SELECT count(*) FROM row WHERE space='entry'").get
    return Facts(meta["line"], meta["made"], meta["version"], entries)


def _digest(connection: apsw.Connection) -> bytes:
    """SHA-256 over everything in the backup but itself, each field after its length."""
    digest = sha256()
    for query in (_META, _ROWS, _FILES):
        for fields in connection.execute(query):
            for field in fields:
                data = field if isinstance(field, bytes) else str(field).encode()
                digest.update(len(data).to_bytes(8, "big") + data)
    return digest.digest()


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
