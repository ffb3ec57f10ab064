"""A store in one encrypted SQLite file (D14).

Rows are key and value; SQLite gives atomic commits and durability (WAL, ``synchronous=FULL``), its
cipher (ChaCha20-Poly1305 of SQLite3 Multiple Ciphers, one tag a page) confidentiality and notice of
damage to the database file. Damage to the write-ahead log is not noticed here: SQLite takes a bad frame
for the torn end of the log, and committed rows are gone. ``headfile.lost_state`` notices that (D15).

An attacker who can change the files can at most take away the newest commits, put back an older state of
the whole or of a page (a page's tag binds its place, not its time), or make the store refuse to open. He
reads sizes and times of writing, and no content.

Deleted values are overwritten with zeros in the database file (``secure_delete``). Older encrypted pages
stay in the write-ahead log until its next lap, which begins after ``CHECKPOINT_PAGES`` pages at the latest
unless a long scan is open.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Final

import apsw

from parley.errors import ParleyError, StoreConflict, StoreCorrupt, StoreError, StoreFull, StoreVersion
from parley.protocol.rows import Change, Reader
from parley.stores import cipher
from parley.stores.sqlite_reader import SqliteReader, damaged, open_connection, read_error

FORMAT: Final = 1
"""Version of the tables below."""

CHECKPOINT_PAGES: Final = 2048
"""Pages in the write-ahead log at which it is copied into the database: 8 MiB, about 300 small commits."""

_SCHEMA: Final = """
CREATE TABLE meta(name TEXT NOT NULL PRIMARY KEY, value ANY NOT NULL) WITHOUT ROWID, STRICT;
CREATE TABLE row(space TEXT NOT NULL, k BLOB NOT NULL, v BLOB NOT NULL, PRIMARY KEY(space, k))
    WITHOUT ROWID, STRICT;
INSERT INTO meta VALUES('format', %d), ('version', 0);
"""
_PUT: Final = "INSERT INTO row VALUES(?,?,?) ON CONFLICT DO UPDATE SET v=excluded.v"
_DELETE: Final = "DELETE FROM row WHERE space=? AND k=?"
_STEP: Final = "UPDATE meta SET value=value+1 WHERE name='version' AND value=?"
_VERSION: Final = "SELECT value FROM meta WHERE name='version'"


class SqliteStore(SqliteReader):
    """Made by ``create`` or ``open``. Reads and commits may come from different threads; reads never wait."""

    def __init__(self, path: Path, key: bytes, writer: apsw.Connection) -> None:
        super().__init__(path, key)
        self._writer = writer
        self._lock = threading.Lock()
        self._wal_pages = 0
        self._checkpoint_at = CHECKPOINT_PAGES
        # In place of SQLite's own automatic checkpoint, which hides its errors.
        writer.set_wal_hook(self._committed)

    @classmethod
    def create(cls, path: Path, key: bytes) -> SqliteStore:
        """Make a new store at ``path``, for the owner only, under a raw 32-byte ``key``, and open it.

        Whoever finds ``path`` finds a complete store: it is built under another name. Raises StoreError
        when ``path`` exists (store-exists) or nothing would be encrypted (cipher-not-in-effect).
        """
        cipher.check_library(key)
        if path.exists():
            raise StoreError(f"there is already a file at {path}", code="store-exists")
        building = path.with_name(path.name + ".new")
        try:
            for suffix in ("", "-wal", "-shm", "-journal"):
                building.with_name(building.name + suffix).unlink(missing_ok=True)
            os.close(os.open(building, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
            _fill(building, key)
            building.rename(path)
            _sync_directory(path.parent)
        except OSError as error:
            raise StoreError(f"cannot create {path}: {error.strerror}", code="store-io") from error
        except apsw.Error as error:
            raise read_error(error, building) from error
        return cls.open(path, key)

    @classmethod
    def open(cls, path: Path, key: bytes) -> SqliteStore:
        """Open the store at ``path``. Recovers what a killed process had committed.

        1. The library is recent enough and has the cipher.       StoreError
        2. The file is there and encrypted under ``key``.         StoreError, KeyUnavailable
        3. It opens and its first pages are what was written.     StoreCorrupt
        4. It has this version of the format.                     StoreVersion
        5. What is written now is encrypted, in both files.       StoreError (cipher-not-in-effect)
        """
        cipher.check_library(key)
        cipher.check_key(path, key)
        writer = None
        try:
            writer = open_connection(path, key, writable=True)
            _check_format(writer, path)
            cipher.check_in_effect(writer, path)
        except apsw.Error as error:
            if writer is not None:
                writer.close(True)  # noqa: FBT003 - apsw takes no name for it
            raise read_error(error, path) from error
        except (ParleyError, OSError) as error:
            if writer is not None:
                writer.close(True)  # noqa: FBT003
            if isinstance(error, OSError):
                raise StoreError(f"cannot read {path}: {error.strerror}", code="store-io") from error
            raise
        return cls(path, key, writer)

    @property
    def version(self) -> int:
        """Number of commits so far."""
        found = self._one(_VERSION, ())
        if not isinstance(found, int):
            raise StoreCorrupt(f"{self._path} has no commit version")
        return found

    @property
    def wal_pages(self) -> int:
        """Pages in the write-ahead log; far above ``CHECKPOINT_PAGES`` when a scan has long been open."""
        return self._wal_pages

    def commit(self, expected_version: int, changes: Sequence[Change]) -> int:
        """Apply ``changes`` in order, make them durable with one sync, return the new version.

        Raises StoreConflict, StoreFull, OutcomeUnknown, StoreCorrupt as ports.Store says.
        """
        with self._lock:
            self._check_open()
            try:
                self._write(expected_version, changes)
            except apsw.Error as error:
                raise self._commit_error(error) from error
            finally:
                self._roll_back()
            if self._wal_pages >= self._checkpoint_at:
                self._checkpoint()
        return expected_version + 1

    def reader(self) -> Reader:
        """A new independent read-only view, with connections of its own."""
        self._check_open()
        return SqliteReader(self._path, self._key)

    def compact(self) -> None:
        """Give back the room of deleted rows. Needs the store's size in free space, and time to copy it."""
        with self._lock:
            self._check_open()
            try:
                self._writer.execute("VACUUM")
            except apsw.Error as error:
                raise self._commit_error(error) from error
            self._checkpoint()

    def close(self) -> None:
        """Close the store's connections. Idempotent; readers and open scans go on."""
        super().close()
        with self._lock:
            self._writer.close(True)  # noqa: FBT003

    def _write(self, expected_version: int, changes: Sequence[Change]) -> None:
        writer = self._writer
        writer.execute("BEGIN IMMEDIATE")
        writer.execute(_STEP, (expected_version,))
        if writer.changes() != 1:
            raise StoreConflict(f"the store is not at version {expected_version}: another commit came first")
        for removal, run in groupby(changes, lambda change: change.value is None):
            if removal:
                writer.executemany(_DELETE, [(c.space, c.key) for c in run])
            else:
                writer.executemany(_PUT, [(c.space, c.key, c.value) for c in run])
        writer.execute("COMMIT")

    def _roll_back(self) -> None:
        """End a transaction that was not committed, whatever ended it."""
        if not self._writer.in_transaction:
            return
        try:
            self._writer.execute("ROLLBACK")
        except apsw.Error as error:
            self._die(str(error))

    def _commit_error(self, error: apsw.Error) -> StoreError:
        if isinstance(error, apsw.FullError):
            # The frame that commits is written last, so a full medium never holds a valid one.
            return StoreFull(
                f"no space for {self._path}; nothing was committed",
                next_step="Free space on its file system; reading goes on and later commits will work.",
            )
        if isinstance(error, apsw.BusyError):
            return StoreConflict("another process is writing to the store", next_step="Stop it.")
        if damaged(error):
            return read_error(error, self._path)
        self._die(str(error))
        return self._unknown()

    def _committed(self, _connection: apsw.Connection, _database: str, pages: int) -> int:
        """Called by SQLite within COMMIT with the number of pages in the write-ahead log."""
        self._wal_pages = pages
        if pages < CHECKPOINT_PAGES:
            self._checkpoint_at = CHECKPOINT_PAGES
        return apsw.SQLITE_OK

    def _checkpoint(self) -> None:
        """Copy the write-ahead log into the database. What is committed stays so, whatever happens here."""
        # A reader or a full disk can stop it half way: the next try comes a lap later, not at each commit.
        self._checkpoint_at = self._wal_pages + CHECKPOINT_PAGES
        try:
            self._writer.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        except (apsw.FullError, apsw.BusyError):
            return
        except apsw.Error as error:
            self._die(str(error))


def _fill(path: Path, key: bytes) -> None:
    """Make the tables in an empty file, and close it with nothing left in its log."""
    connection = open_connection(path, key, writable=True)
    try:
        connection.execute("PRAGMA journal_mode=WAL").fetchall()
        connection.execute("BEGIN IMMEDIATE;" + _SCHEMA % FORMAT + "COMMIT")
        cipher.check_in_effect(connection, path)
    finally:
        connection.close()


def _check_format(connection: apsw.Connection, path: Path) -> None:
    found = connection.execute("SELECT value FROM meta WHERE name='format'").get
    if found != FORMAT:
        raise StoreVersion(
            f"{path} has format {found!r}; this version of Parley reads format {FORMAT}",
            next_step="Use the version of Parley that wrote it.",
        )
    settings = [connection.pragma(name) for name in ("journal_mode", "synchronous", "secure_delete", "temp_store")]
    if settings != ["wal", 2, 1, 2]:
        raise StoreError(f"SQLite did not take the settings it was given: {settings}", code="store-settings")


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
