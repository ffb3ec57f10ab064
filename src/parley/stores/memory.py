"""A store in memory, for tests and simulations: every guarantee of ports.Store but durability.

A scan holds on to the table as it was; a commit copies a table only while a scan of it is unfinished, so
that both stay cheap.
"""

from __future__ import annotations

import threading
from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence
from typing import Self

from parley.errors import StoreConflict, StoreError
from parley.protocol.rows import Change, Reader


class _Table:
    """The rows of one space: keys in order, and their values."""

    __slots__ = ("keys", "scans", "values")

    def __init__(self, keys: list[bytes], values: dict[bytes, bytes]) -> None:
        self.keys = keys
        self.values = values
        self.scans = 0

    def copy(self) -> _Table:
        return _Table(self.keys.copy(), self.values.copy())

    def apply(self, key: bytes, value: bytes | None) -> None:
        if value is not None:
            if key not in self.values:
                insort(self.keys, key)
            self.values[key] = value
        elif key in self.values:
            del self.values[key]
            del self.keys[bisect_left(self.keys, key)]


def places(keys: Sequence[bytes], start: bytes, end: bytes | None, *, reverse: bool, limit: int | None) -> range:
    """Where in ``keys``, which are in order, a scan finds its rows."""
    first = bisect_left(keys, start)
    last = len(keys) if end is None else max(first, bisect_left(keys, end))
    found = range(last - 1, first - 1, -1) if reverse else range(first, last)
    return found if limit is None else found[: max(limit, 0)]


class _Scan:
    """Rows of a table as they were when the scan began."""

    __slots__ = ("_places", "_table")

    def __init__(self, table: _Table, found: range) -> None:
        self._table: _Table | None = table
        self._places = iter(found)
        table.scans += 1

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> tuple[bytes, bytes]:
        table = self._table
        if table is None:
            raise StopIteration
        for place in self._places:
            key = table.keys[place]
            return key, table.values[key]
        self._release()
        raise StopIteration

    def __del__(self) -> None:
        self._release()

    def _release(self) -> None:
        if self._table is not None:
            self._table.scans -= 1
            self._table = None


class _Medium:
    """What stays when a handle is closed: the rows and the number of commits."""

    __slots__ = ("lock", "tables", "version")

    def __init__(self, tables: dict[str, _Table], version: int) -> None:
        self.lock = threading.Lock()
        self.tables = tables
        self.version = version


class _MemoryReader:
    """Reads a medium until closed."""

    def __init__(self, medium: _Medium) -> None:
        self._medium = medium
        self._closed = False

    def get(self, space: str, key: bytes) -> bytes | None:
        """The value last committed, or None."""
        self._check_open()
        with self._medium.lock:
            table = self._medium.tables.get(space)
            return None if table is None else table.values.get(key)

    def scan(
        self,
        space: str,
        start: bytes = b"",
        end: bytes | None = None,
        *,
        reverse: bool = False,
        limit: int | None = None,
    ) -> Iterator[tuple[bytes, bytes]]:
        """Rows with start <= key < end in byte order, as they are at this call."""
        self._check_open()
        with self._medium.lock:
            table = self._medium.tables.get(space)
            if table is None:
                return iter(())
            return _Scan(table, places(table.keys, start, end, reverse=reverse, limit=limit))

    def close(self) -> None:
        """Release the view. Idempotent."""
        self._closed = True

    def _check_open(self) -> None:
        if self._closed:
            raise StoreError("the store is closed", code="store-closed")


class MemoryStore(_MemoryReader):
    """A new, empty store."""

    def __init__(self) -> None:
        super().__init__(_Medium({}, 0))

    @property
    def version(self) -> int:
        """Number of commits so far."""
        self._check_open()
        return self._medium.version

    def commit(self, expected_version: int, changes: Sequence[Change]) -> int:
        """Apply ``changes`` in order and return the new version. Raises StoreConflict."""
        self._check_open()
        medium = self._medium
        with medium.lock:
            if expected_version != medium.version:
                raise StoreConflict(f"the store is at version {medium.version}, not at {expected_version}")
            for change in changes:
                self._own(change.space).apply(change.key, change.value)
            medium.version += 1
            return medium.version

    def reader(self) -> Reader:
        """A new independent read-only view."""
        self._check_open()
        return _MemoryReader(self._medium)

    def reopen(self) -> MemoryStore:
        """Close this handle and return another on the same rows, as after a restart of the process."""
        self.close()
        return _handle(self._medium)

    def copy(self) -> MemoryStore:
        """An independent store with what is committed now: what an old backup, put back, would hold."""
        with self._medium.lock:
            tables = {space: table.copy() for space, table in self._medium.tables.items()}
            return _handle(_Medium(tables, self._medium.version))

    def _own(self, space: str) -> _Table:
        """The table of ``space`` to be changed: a copy while a scan still reads the old one."""
        tables = self._medium.tables
        table = tables.get(space)
        if table is None:
            table = tables[space] = _Table([], {})
        elif table.scans:
            table = tables[space] = table.copy()
        return table


def _handle(medium: _Medium) -> MemoryStore:
    store = MemoryStore()
    store._medium = medium  # noqa: SLF001 - the module's own class
    return store
