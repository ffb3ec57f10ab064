"""Read-only connections to the store's SQLite file, and what SQLite's errors mean."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final, Self
from urllib.parse import quote

import apsw

from parley.errors import OutcomeUnknown, StoreCorrupt, StoreError, StoreFull
from parley.protocol.rows import overlaid
from parley.stores import cipher
from parley.stores.recent import Recent

BUSY_MS: Final = 5000
"""Milliseconds to wait for a lock of another process; within one process nothing waits."""

CHUNK: Final = 64
"""Rows of a scan read at once. A scan of no more leaves nothing open."""

_GET: Final = "SELECT v FROM row WHERE space=? AND k=?"
_SCAN: Final = {
    # By whether there is an end, and whether it goes backwards.
    (False, False): "SELECT k, v FROM row WHERE space=? AND k>=? ORDER BY k LIMIT ?",
    (False, True): "SELECT k, v FROM row WHERE space=? AND k>=? ORDER BY k DESC LIMIT ?",
    (True, False): "SELECT k, v FROM row WHERE space=? AND k>=? AND k<? ORDER BY k LIMIT ?",
    (True, True): "SELECT k, v FROM row WHERE space=? AND k>=? AND k<? ORDER BY k DESC LIMIT ?",
}
_SETTINGS: Final = {
    "synchronous": "FULL",
    "secure_delete": "ON",
    "temp_store": "MEMORY",
    "cell_size_check": "ON",
    "mmap_size": "0",
    "cache_size": "-8192",
    "wal_autocheckpoint": "0",
    "journal_size_limit": "8437760",
}
_UNREADABLE: Final = frozenset({apsw.SQLITE_IOERR_READ, apsw.SQLITE_IOERR_SHORT_READ, apsw.SQLITE_IOERR_CORRUPTFS})
_OFF: Final = (
    apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA,
    apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER,
    apsw.SQLITE_DBCONFIG_ENABLE_VIEW,
    apsw.SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION,
    apsw.SQLITE_DBCONFIG_DQS_DML,
    apsw.SQLITE_DBCONFIG_DQS_DDL,
)


def open_connection(
    path: Path, key: bytes, *, writable: bool, salt: bytes | None = None, alone: bool = False
) -> apsw.Connection:
    """A connection to an existing file with every setting that the store relies on.

    ``salt`` as for the cipher. With ``alone`` it reads the database without its log, as if nobody wrote to it.
    """
    name = f"file:{quote(str(path))}?immutable=1" if alone else str(path)
    flags = apsw.SQLITE_OPEN_READWRITE if writable else apsw.SQLITE_OPEN_READONLY
    connection = apsw.Connection(name, flags | (apsw.SQLITE_OPEN_URI if alone else 0))
    try:
        cipher.apply_key(connection, key, salt)
        connection.set_busy_timeout(BUSY_MS)
        connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)
        for option in _OFF:
            connection.config(option, 0)
        for name, value in _SETTINGS.items():
            # To the end: a statement that answers with a row is otherwise not done.
            connection.execute(f"PRAGMA {name}={value}").fetchall()
        if not writable:
            connection.execute("PRAGMA query_only=ON")
    except apsw.Error:
        connection.close(True)  # noqa: FBT003 - apsw takes no name for it
        raise
    return connection


def damaged(error: apsw.Error) -> bool:
    """True when what was read is not what was written, or could not be read at all."""
    return isinstance(error, (apsw.CorruptError, apsw.NotADBError)) or (
        isinstance(error, apsw.IOError) and getattr(error, "extendedresult", 0) in _UNREADABLE
    )


def read_error(error: apsw.Error, path: Path) -> StoreError:
    """What ``error`` means when nothing was being committed."""
    if damaged(error):
        return StoreCorrupt(
            f"{path} is damaged: {error}",
            next_step="Keep the file, check the disk, and restore the newest backup.",
        )
    if isinstance(error, apsw.FullError):
        return StoreFull(f"no space for {path}", next_step="Free space on its file system.")
    return StoreError(f"cannot read {path}: {error}", code="store-io")


class _Scan:
    """The rest of a long scan: one read transaction on a connection of its own."""

    __slots__ = ("_chunk", "_cursor", "_reader", "_view")

    def __init__(
        self, reader: SqliteReader, view: Recent, cursor: apsw.Cursor, first: list[tuple[bytes, bytes]]
    ) -> None:
        self._reader = reader
        self._view: Recent | None = view
        self._cursor = cursor
        self._chunk = iter(first)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> tuple[bytes, bytes]:
        for row in self._chunk:
            return row
        if self._view is not None:
            try:
                chunk = list(islice(self._cursor, 4 * CHUNK))
            except apsw.Error as error:
                self._release()
                raise self._reader.failed(error) from error
            if len(chunk) < 4 * CHUNK:
                self._release()
            self._chunk = iter(chunk)
            for row in self._chunk:
                return row
        raise StopIteration

    def __del__(self) -> None:
        # A scan that is dropped half way would hold back every checkpoint for as long as it is open.
        self._release()

    def _release(self) -> None:
        view, self._view = self._view, None
        if view is not None:
            self._cursor.close(True)  # noqa: FBT003
            self._reader.give_back(view)


class SqliteReader:
    """A read-only view; any thread may use it, and several at once. Never waits for the writer."""

    def __init__(self, path: Path, key: bytes) -> None:
        self._path = path
        self._key = key
        self._idle: list[Recent] = []
        self._closed = False
        self._dead = ""

    def get(self, space: str, key: bytes) -> bytes | None:
        """The value last committed, or None. Raises StoreCorrupt."""
        view = self._begin()
        try:
            changed = view.refresh().get(space)
            if changed is not None and key in changed:
                return changed[key]
            found: object = view.connection.execute(_GET, (space, key)).get
        except apsw.Error as error:
            raise self.failed(error) from error
        finally:
            self.give_back(view)
        if found is None or isinstance(found, bytes):
            return found
        raise StoreCorrupt(f"a value in {self._path} is not bytes")

    def scan(
        self,
        space: str,
        start: bytes = b"",
        end: bytes | None = None,
        *,
        reverse: bool = False,
        limit: int | None = None,
    ) -> Iterator[tuple[bytes, bytes]]:
        """Rows with start <= key < end in byte order, as they are at this call. Raises StoreCorrupt."""
        view = self._begin()
        going_on = False
        try:
            recent = view.refresh().get(space, {})
            changed = {k: v for k, v in recent.items() if k >= start and (end is None or k < end)}
            count = -1 if limit is None else max(limit, 0) + len(changed)
            bounds = (space, start) if end is None else (space, start, end)
            cursor = view.connection.execute(_SCAN[end is not None, reverse], (*bounds, count))
            first: list[tuple[bytes, bytes]] = list(islice(cursor, CHUNK + 1))
            going_on = len(first) > CHUNK
        except apsw.Error as error:
            raise self.failed(error) from error
        finally:
            if not going_on:
                self.give_back(view)
        below = _Scan(self, view, cursor, first) if going_on else iter(first)
        if not changed and limit is None:
            return below
        return overlaid(changed, below, (start, end), reverse=reverse, limit=limit)

    def close(self) -> None:
        """Release the view. Idempotent; a scan that is open goes on."""
        self._closed = True
        while self._idle:
            self._idle.pop().connection.close(True)  # noqa: FBT003

    def failed(self, error: apsw.Error) -> StoreError:
        """The error to raise for one that came up while reading."""
        return read_error(error, self._path)

    def give_back(self, view: Recent) -> None:
        """End the read transaction of ``view`` and keep its connection for the next reading."""
        try:
            view.connection.execute("END")
        except apsw.Error:
            # Whatever it read was answered or raised; a connection in doubt is not used again.
            view.connection.close(True)  # noqa: FBT003
            return
        if self._closed:
            view.connection.close(True)  # noqa: FBT003
        else:
            self._idle.append(view)

    def _begin(self) -> Recent:
        """A read transaction on a connection that has none: one that is idle, or another."""
        self._check_open()
        try:
            try:
                view = self._idle.pop()
            except IndexError:
                view = Recent(open_connection(self._path, self._key, writable=False))
            view.connection.execute("BEGIN")
        except apsw.Error as error:
            raise self.failed(error) from error
        return view

    def _check_open(self) -> None:
        if self._closed:
            raise StoreError("the store is closed", code="store-closed")
        if self._dead:
            raise self._unknown()

    def _die(self, reason: str) -> None:
        """From here on nothing that this handle says can be relied on (fsyncgate, D15)."""
        self._dead = self._dead or reason

    def _unknown(self) -> OutcomeUnknown:
        return OutcomeUnknown(
            f"the disk failed under {self._path} ({self._dead}): the last commit may or may not be there",
            next_step="Close the store, check the disk, open the store again and read what is there.",
        )
