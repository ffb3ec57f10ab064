"""A store in one encrypted SQLite file (D14).

Rows are key and value, with the newest commits laid over them (``recent``); SQLite gives atomic commits and
durability (WAL, ``synchronous=FULL``), its cipher (ChaCha20-Poly1305 of SQLite3 Multiple Ciphers, one tag a
page) confidentiality and notice of damage to the database file. Damage to the write-ahead log is not noticed
here: SQLite takes a bad frame for the torn end of the log, and committed rows are gone.
``headfile.lost_state`` notices that (D15).

An attacker who can change the files can at most take away the newest commits, put back an older state of
the whole or of a page (a page's tag binds its place, not its time), or make the store refuse to open. He
reads sizes and times of writing, and no content.

Deleted values are overwritten with zeros in the database file (``secure_delete``), those in ``recent`` within
``FOLD_COMMITS`` commits. Older encrypted pages stay in the write-ahead log until its next lap, which begins
after ``CHECKPOINT_PAGES`` pages at the latest unless a long scan is open.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Final

import apsw

from parley.errors import ParleyError, StoreConflict, StoreCorrupt, StoreError, StoreFull, StoreVersion
from parley.protocol.rows import Change, Reader
from parley.stores import cipher
from parley.stores.datadir import sync_directory
from parley.stores.recent import FOLD_COMMITS, LARGE_CHANGES, NEWEST, Recent, encode_changes
from parley.stores.sqlite_reader import SqliteReader, damaged, open_connection, read_error

FORMAT: Final = 2
"""Version of the tables below."""

CHECKPOINT_PAGES: Final = 2048
"""Pages in the write-ahead log at which it is copied into the database: 8 MiB, about 1,500 small commits."""

_PAGE_BYTES: Final = 4096
_FRAME_HEADER_BYTES: Final = 24
_ROOM_LAPS: Final = 8
"""Laps of the log for which a disk must have room before one is laid out in advance."""

_SCHEMA: Final = """
CREATE TABLE meta(name TEXT NOT NULL PRIMARY KEY, value ANY NOT NULL) WITHOUT ROWID, STRICT;
CREATE TABLE row(space TEXT NOT NULL, k BLOB NOT NULL, v BLOB NOT NULL, PRIMARY KEY(space, k))
    WITHOUT ROWID, STRICT;
CREATE TABLE recent(version INTEGER PRIMARY KEY, changes BLOB NOT NULL) STRICT;
INSERT INTO recent VALUES(0, x'');
INSERT INTO meta VALUES('format', %d);
"""
_PUT: Final = "INSERT INTO row VALUES(?,?,?) ON CONFLICT DO UPDATE SET v=excluded.v"
_DELETE: Final = "DELETE FROM row WHERE space=? AND k=?"
_APPEND: Final = "INSERT INTO recent SELECT ?1+1, ?2 WHERE (SELECT max(version) FROM recent)=?1"
_FOLDED: Final = "DELETE FROM recent WHERE version<(SELECT max(version) FROM recent)"
_UPGRADE: Final = """
BEGIN IMMEDIATE;
CREATE TABLE recent(version INTEGER PRIMARY KEY, changes BLOB NOT NULL) STRICT;
INSERT INTO recent SELECT value, x'' FROM meta WHERE name='version';
DELETE FROM meta WHERE name='version';
UPDATE meta SET value=2 WHERE name='format';
COMMIT;
"""
"""From format 1, which had no ``recent``."""


class SqliteStore(SqliteReader):
    """Made by ``create`` or ``open``. Reads and commits may come from different threads; reads never wait."""

    def __init__(self, path: Path, key: bytes, writer: apsw.Connection) -> None:
        super().__init__(path, key)
        self._writer = writer
        self._lock = threading.Lock()
        self._wal_pages = 0
        self._folded = 0
        self._checkpoint_at = CHECKPOINT_PAGES
        # In place of SQLite's own automatic checkpoint, which hides its errors.
        writer.set_wal_hook(self._committed)

    @classmethod
    def create(
        cls, path: Path, key: bytes, rows: Iterable[tuple[str, bytes, bytes]] = (), version: int = 0
    ) -> SqliteStore:
        """Make a new store at ``path``, for the owner only, under a raw 32-byte ``key``, and open it.

        It holds ``rows`` as of commit ``version``. Whoever finds ``path`` finds a complete store: it is built
        under another name. Raises StoreError when ``path`` exists (store-exists) or nothing would be encrypted
        (cipher-not-in-effect).
        """
        cipher.check_library(key)
        if path.exists():
            raise StoreError(f"there is already a file at {path}", code="store-exists")
        building = path.with_name(path.name + ".new")
        try:
            for suffix in ("", "-wal", "-shm", "-journal"):
                building.with_name(building.name + suffix).unlink(missing_ok=True)
            os.close(os.open(building, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
            _fill(building, key, rows, version)
            # The log of a database that is gone would be taken for the new one's.
            for suffix in ("-wal", "-shm"):
                path.with_name(path.name + suffix).unlink(missing_ok=True)
            building.rename(path)
            sync_directory(path.parent)
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
        4. Its log is not behind the database.                    StoreCorrupt
        5. It has this version of the format.                     StoreVersion
        6. What is written now is encrypted, in both files.       StoreError (cipher-not-in-effect)
        """
        cipher.check_library(key)
        cipher.check_key(path, key)
        writer = None
        try:
            writer = open_connection(path, key, writable=True)
            _check_log(writer, path, key)
            _upgrade(writer)
            check_format(writer, path)
            cipher.check_in_effect(writer, path)
            _extend_log(path)
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
        view = self._begin()
        try:
            view.refresh()
        except apsw.Error as error:
            raise self.failed(error) from error
        finally:
            self.give_back(view)
        return view.newest

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
                self._writer.execute("BEGIN IMMEDIATE")
                self._fold()
                self._writer.execute(_FOLDED)
                self._writer.execute("COMMIT")
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
        large = len(changes) >= LARGE_CHANGES
        writer.execute("BEGIN IMMEDIATE")
        if large:
            self._fold()
            self._apply(changes)
        writer.execute(_APPEND, (expected_version, b"" if large else encode_changes(changes)))
        if writer.changes() != 1:
            raise StoreConflict(f"the store is not at version {expected_version}: another commit came first")
        if large or expected_version - self._folded >= FOLD_COMMITS:
            if not large:
                self._fold()
            # Of a large commit nothing lies over the rows, nor may anything older: all before it goes.
            writer.execute(_FOLDED)
            self._folded = expected_version + 1
        writer.execute("COMMIT")

    def _fold(self) -> None:
        """Bring what gathered in ``recent`` into the rows, within the open transaction."""
        for space, rows in Recent(self._writer).refresh().items():
            self._apply([Change(space, key, value) for key, value in rows.items()])

    def _apply(self, changes: Sequence[Change]) -> None:
        for removal, run in groupby(changes, lambda change: change.value is None):
            if removal:
                self._writer.executemany(_DELETE, [(c.space, c.key) for c in run])
            else:
                self._writer.executemany(_PUT, [(c.space, c.key, c.value) for c in run])

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


def _fill(path: Path, key: bytes, rows: Iterable[tuple[str, bytes, bytes]], version: int) -> None:
    """Make the tables in an empty file, with ``rows`` in them, and close it with nothing left in its log."""
    connection = open_connection(path, key, writable=True)
    try:
        connection.execute("PRAGMA journal_mode=WAL").fetchall()
        connection.execute("BEGIN IMMEDIATE;" + _SCHEMA % FORMAT)
        connection.executemany(_PUT, rows)
        connection.execute("UPDATE recent SET version=?", (version,))
        connection.execute("COMMIT")
        cipher.check_in_effect(connection, path)
    finally:
        connection.close()


def _check_log(writer: apsw.Connection, path: Path, key: bytes) -> None:
    """Raise StoreCorrupt when the log was cut short after it had been copied into the database.

    SQLite ends the log at the first bad frame, and would lay the old pages before it over newer ones in the
    database: a state that there never was. Where the database cannot be read by itself, a crash in a checkpoint
    left it so, and the log is whole.
    """
    try:
        alone = open_connection(path, key, writable=False, alone=True)
        try:
            copied = alone.execute(NEWEST).get
        finally:
            alone.close(True)  # noqa: FBT003 - apsw takes no name for it
        found = writer.execute(NEWEST).get
    except (apsw.CorruptError, apsw.NotADBError, apsw.SQLError, apsw.IOError):
        return
    if copied is not None and copied > found:
        # Closing would copy what is left of the log over it.
        writer.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        raise StoreCorrupt(
            f"{path} is at commit {copied} and its log only at {found}: the log is damaged",
            next_step="Keep the files, check the disk, and restore the newest backup.",
        )


def _upgrade(connection: apsw.Connection) -> None:
    """Bring a store of the format before this one up to date, whole or not at all."""
    if connection.execute("SELECT value FROM meta WHERE name='format'").get == FORMAT - 1:
        try:
            connection.execute(_UPGRADE)
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")


def _extend_log(path: Path) -> None:
    """Fill the write-ahead log's file with zeros to the length of a lap.

    A commit then overwrites blocks that the file has already, and its sync has no change of the file's length to
    wait for. SQLite takes zeros after the last frame for the end of the log. On a disk with little room, the log
    grows as it always would.
    """
    lap = CHECKPOINT_PAGES * (_PAGE_BYTES + _FRAME_HEADER_BYTES)
    disk = os.statvfs(path.parent)
    if disk.f_bavail * disk.f_frsize < _ROOM_LAPS * lap:
        return
    with contextlib.suppress(OSError), path.with_name(path.name + "-wal").open("ab") as log:
        while (missing := lap - log.tell()) > 0:
            log.write(bytes(min(missing, 1 << 20)))
        log.flush()
        os.fsync(log.fileno())


def check_format(connection: apsw.Connection, path: Path) -> None:
    """Refuse tables of another format and a SQLite that does not take the settings. Raises StoreError."""
    found = connection.execute("SELECT value FROM meta WHERE name='format'").get
    if found != FORMAT:
        raise StoreVersion(
            f"{path} has format {found!r}; this version of Parley reads format {FORMAT}",
            next_step="Use the version of Parley that wrote it.",
        )
    settings = [connection.pragma(name) for name in ("journal_mode", "synchronous", "secure_delete", "temp_store")]
    if settings != ["wal", 2, 1, 2]:
        raise StoreError(f"SQLite did not take the settings it was given: {settings}", code="store-settings")
