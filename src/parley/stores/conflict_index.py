"""All announced volumes, found by place, height and time: an encrypted SQLite file derived from the record (ADR 0021).

One R*Tree row for each shape of a volume: the box of its unit vectors, which knows no pole and no antimeridian, its
heights above mean sea level and its time from first to last. Beside it lies what the exact test needs: positions,
heights as stated, windows. A query reads the rows whose boxes meet, then tests each exactly; it returns all that meet.

Beside the volumes lie facts, small values that the caller has read from the record with them, so that a start reads on
from ``mark`` and not the whole record.

Nothing here is the only copy: a file that is damaged, of another version or under another key is thrown away and begun
anew, and ``mark`` tells the caller how much of the record the index has seen. Commits are not synced (a power cut may
undo the newest, with their mark), but they are atomic.
"""

from __future__ import annotations

import math
import os
import struct
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, cast

import apsw

from parley.conflict.areas import Outline, box
from parley.conflict.exact import Batch, Kind, Piece, meet
from parley.conflict.heights import Levels, Limit, height_gap
from parley.conflict.rings import outside_of_wide
from parley.conflict.times import Spans, within
from parley.conflict.volumes import Buffer, Prepared
from parley.errors import KeyUnavailable, StoreCorrupt, StoreError, StoreVersion
from parley.geo.sphere import from_microdegrees
from parley.later import later
from parley.stores import cipher
from parley.stores.sqlite_reader import open_connection, read_error
from parley.wire.geometry import Reference

if TYPE_CHECKING:
    import numpy as np
else:
    np = later("numpy")

FORMAT: Final = 2
CACHE_KIB: Final = 48 * 1024
"""Pages kept decrypted: half of the tree of a million boxes, and as much less as the tree is smaller."""
CHUNK: Final = 20_000
"""Volumes of one commit while loading many, between two of which queries are answered; and rows tested at once, so
that what a query takes is bounded, whatever it finds."""

_SCHEMA: Final = """
CREATE TABLE meta(name TEXT NOT NULL PRIMARY KEY, value ANY NOT NULL) WITHOUT ROWID, STRICT;
CREATE VIRTUAL TABLE box USING rtree_i32(n, x0, x1, y0, y1, z0, z1, h0, h1, t0, t1);
CREATE TABLE piece(n INTEGER PRIMARY KEY, id TEXT NOT NULL, shape BLOB NOT NULL, spans BLOB) STRICT;
CREATE INDEX piece_by_id ON piece(id);
CREATE TABLE fact(name TEXT NOT NULL PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID, STRICT;
INSERT INTO meta VALUES('format', %d), ('mark', x'');
"""
_CLEAR: Final = "DELETE FROM box; DELETE FROM piece; DELETE FROM fact; UPDATE meta SET value=x'' WHERE name='mark'"
_ADD_BOX: Final = "INSERT INTO box VALUES(?,?,?,?,?,?,?,?,?,?,?)"
_ADD_PIECE: Final = "INSERT INTO piece VALUES(NULL,?,?,?)"
_FIND: Final = """
SELECT p.id, p.shape, p.spans FROM box b CROSS JOIN piece p ON p.n = b.n
WHERE b.x1 >= ?1 AND b.x0 <= ?2 AND b.y1 >= ?3 AND b.y0 <= ?4 AND b.z1 >= ?5 AND b.z0 <= ?6
AND b.h1 >= ?7 AND b.h0 <= ?8 AND b.t1 >= ?9 AND b.t0 <= ?10
"""
_SETTINGS: Final = {"synchronous": "NORMAL", "cache_size": f"-{CACHE_KIB}", "wal_autocheckpoint": "1000"}

_INT_MAX: Final = 2**31 - 1
_EPOCH: Final = 2**31
"""Times are kept from 2038-01-19, so that 32 bits reach from 1970 to 2106; beyond, boxes are as large as can be."""
_UNIT: Final = 2.0**26
"""Steps in the radius of the Earth, 0.1 m: about as many across a theatre as there are seconds in a year."""
_HEIGHT_STEPS: Final = 64.0
"""Steps in a metre of height: 20 km then count for as much as a theatre's width."""

_HEAD: Final = struct.Struct("<BBB?fdd")
"""Kind, reference of lower and upper limit, whether wide, radius, both limits in metres; int32 positions follow."""
_NO_REFERENCE: Final = 255
Row = tuple[str, bytes, bytes | None]
"""Name, shape and windows of a piece."""
_SPAN: Final = struct.Struct("<qq")


class ConflictIndex:
    """Made by ``open``. Any thread may use it; one at a time does."""

    def __init__(self, path: Path, connection: apsw.Connection) -> None:
        self._path = path
        self._connection = connection
        self._lock = threading.Lock()

    @classmethod
    def open(cls, path: Path, key: bytes) -> ConflictIndex:
        """The index at ``path``, encrypted under the store's raw 32-byte ``key``; an empty one where none can be read.

        Raises StoreError: ``cipher-not-in-effect`` rather than writing in clear, ``store-io``.
        """
        cipher.check_library(key)
        try:
            connection = _open(path, key)
        except (StoreCorrupt, StoreVersion, KeyUnavailable):
            connection = _create(path, key)
        except StoreError as error:
            if error.code != "store-missing":
                raise
            connection = _create(path, key)
        return cls(path, connection)

    @property
    def mark(self) -> bytes:
        """What the caller stated with the last change: how far in the record the index has come; empty when new."""
        with self._lock:
            found = self._connection.execute("SELECT value FROM meta WHERE name='mark'").get
        return found if isinstance(found, bytes) else b""

    def add(self, name: str, volume: Prepared, mark: bytes | None = None) -> None:
        """Keep ``volume`` under ``name``, in place of what was there."""
        self._write([(name, volume)], [name], mark)

    def remove(self, name: str, mark: bytes | None = None) -> None:
        """Forget the volume of ``name``, if there is one."""
        self._write([], [name], mark)

    def load(
        self,
        volumes: Iterable[tuple[str, Prepared]],
        mark: bytes,
        *,
        gone: Sequence[str] = (),
        facts: Mapping[str, bytes | None] = MappingProxyType({}),
    ) -> None:
        """Keep many volumes, none of whose names is in the index yet.

        With the last of them the names ``gone`` are forgotten, ``facts`` put in (None takes one out) and ``mark`` set.
        """
        rest = iter(volumes)
        chunk = list(islice(rest, CHUNK))
        small = not chunk
        while more := list(islice(rest, CHUNK)):
            self._write(chunk, [], None)
            chunk = more
        self._write(chunk, gone, mark, facts)
        if small:
            return  # a mark alone is worth no sync: what was read since the one before is read once more
        with self._lock, suppress(apsw.BusyError):
            # What reads the file elsewhere holds it back; then the next write does it.
            self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)

    def facts(self) -> list[tuple[str, bytes]]:
        """All facts, by name."""
        with self._lock:
            try:
                return cast("list[tuple[str, bytes]]", self._connection.execute("SELECT * FROM fact").fetchall())
            except apsw.Error as error:
                raise read_error(error, self._path) from error

    def clear(self) -> None:
        """Forget everything, the mark too."""
        try:
            with self._lock, self._connection as connection:
                connection.execute(_CLEAR).fetchall()
        except apsw.Error as error:
            raise read_error(error, self._path) from error

    def query(self, wanted: Prepared, buffer: Buffer = Buffer()) -> list[str]:  # noqa: B008 - frozen
        """The names of all volumes within ``buffer`` of ``wanted`` in place, height and time at once, exactly.

        A volume whose times keep it apart is left out, and one whose heights certainly do (``height_gap``).
        """
        found: dict[str, None] = {}
        for piece in wanted.area.pieces:
            with self._lock:
                try:
                    cursor = self._connection.execute(_FIND, _bounds(piece, wanted, buffer))
                    while rows := cast("list[Row]", list(islice(cursor, CHUNK))):
                        found.update(dict.fromkeys(_hits(rows, piece, wanted, buffer)))
                except apsw.Error as error:
                    raise read_error(error, self._path) from error
        return list(found)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close(True)  # noqa: FBT003 - apsw takes no name for it

    def _write(
        self,
        volumes: Sequence[tuple[str, Prepared]],
        gone: Sequence[str],
        mark: bytes | None,
        facts: Mapping[str, bytes | None] = MappingProxyType({}),
    ) -> None:
        rows = [(name, *row) for name, prepared in volumes for row in _rows(prepared)]
        try:
            with self._lock, self._connection as connection:
                for name in gone:
                    for (n,) in connection.execute("SELECT n FROM piece WHERE id=?", (name,)).fetchall():
                        connection.execute("DELETE FROM box WHERE n=?", (n,))
                        connection.execute("DELETE FROM piece WHERE n=?", (n,))
                for name, shape, times, bounds in rows:
                    connection.execute(_ADD_PIECE, (name, shape, times))
                    connection.execute(_ADD_BOX, (connection.last_insert_rowid(), *bounds))
                for name, value in facts.items():
                    if value is None:
                        connection.execute("DELETE FROM fact WHERE name=?", (name,))
                    else:
                        connection.execute("INSERT OR REPLACE INTO fact VALUES(?,?)", (name, value))
                if mark is not None:
                    connection.execute("UPDATE meta SET value=? WHERE name='mark'", (mark,))
        except apsw.Error as error:
            raise read_error(error, self._path) from error


def discard(path: Path) -> None:
    """Throw away the closed index at ``path``: what to do when one that is open turns out to be damaged."""
    try:
        for suffix in ("", "-wal", "-shm", "-journal"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"cannot remove {path}: {error.strerror}", code="store-io") from error


def _open(path: Path, key: bytes) -> apsw.Connection:
    cipher.check_key(path, key)
    connection = None
    try:
        connection = open_connection(path, key, writable=True)
        for name, value in _SETTINGS.items():
            connection.execute(f"PRAGMA {name}={value}").fetchall()
        found = connection.execute("SELECT value FROM meta WHERE name='format'").get
        if found != FORMAT:
            raise StoreVersion(f"{path} has format {found!r}, not {FORMAT}")
        cipher.check_in_effect(connection, path)
    except (apsw.Error, StoreError) as error:
        if connection is not None:
            connection.close(True)  # noqa: FBT003
        if isinstance(error, apsw.Error):
            raise read_error(error, path) from error
        raise
    return connection


def _create(path: Path, key: bytes) -> apsw.Connection:
    """An empty index in place of whatever is at ``path``; a kill in between leaves none, or an empty one."""
    discard(path)
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        connection = open_connection(path, key, writable=True)
        connection.execute("PRAGMA journal_mode=WAL").fetchall()
        connection.execute("BEGIN IMMEDIATE;" + _SCHEMA % FORMAT + "COMMIT")
        connection.close()
    except OSError as error:
        raise StoreError(f"cannot create {path}: {error.strerror}", code="store-io") from error
    except apsw.Error as error:
        raise read_error(error, path) from error
    return _open(path, key)


# -- rows ----------------------------------------------------------------------------------------------


def _rows(prepared: Prepared) -> list[tuple[bytes, bytes | None, tuple[int, ...]]]:
    times = prepared.spans.tobytes() if len(prepared.spans) else None
    return [
        (_pack(outline, prepared.levels, wide=piece.outside is not None), times, _bounds(piece, prepared, Buffer()))
        for outline, piece in zip(prepared.area.outlines, prepared.area.pieces, strict=True)
    ]


def _pack(outline: Outline, heights: Levels, *, wide: bool) -> bytes:
    # Rounded up: a radius may be too large by the last bit of a float, never too small.
    radius = float(np.nextafter(np.float32(outline.radius_m), np.float32(math.inf))) if outline.radius_m else 0.0
    lower, upper = heights.lower, heights.upper
    head = _HEAD.pack(outline.kind, _reference(lower), _reference(upper), wide, radius, lower.metres, upper.metres)
    return head + outline.positions.tobytes()


def _reference(limit: Limit) -> int:
    return _NO_REFERENCE if limit.reference is None else int(limit.reference)


def _unpack_levels(shape: bytes) -> Levels:
    _, lower, upper, _, _, low, high = _HEAD.unpack_from(shape)
    return Levels(
        Limit(low, None if lower == _NO_REFERENCE else Reference(lower)),
        Limit(high, None if upper == _NO_REFERENCE else Reference(upper)),
    )


def _batch(shapes: Sequence[bytes]) -> Batch:
    """The pieces of rows, laid end to end."""
    positions = np.frombuffer(b"".join([s[_HEAD.size :] for s in shapes]), dtype="<i4").reshape(-1, 2)
    heads = [_HEAD.unpack_from(s) for s in shapes]
    starts = np.cumsum([0, *[(len(s) - _HEAD.size) // 8 for s in shapes[:-1]]])
    rings = np.array([head[0] == Kind.RING for head in heads])
    vectors = from_microdegrees(positions)
    ends = [*starts[1:].tolist(), len(vectors)]
    outside = {n: outside_of_wide(vectors[starts[n] : ends[n]]) for n, head in enumerate(heads) if head[3]}
    return Batch(vectors, starts, rings, np.array([head[4] for head in heads]), outside)


def _hits(rows: Sequence[Row], piece: Piece, wanted: Prepared, buffer: Buffer) -> list[str]:
    """The names of those rows that meet ``piece``."""
    near = [row for row in rows if _in_time_and_height(row, wanted, buffer)]
    if not near:
        return []
    hits = meet(piece, _batch([row[1] for row in near]), buffer.metres)
    return [row[0] for row, hit in zip(near, hits.tolist(), strict=True) if hit]


def _in_time_and_height(row: Row, wanted: Prepared, buffer: Buffer) -> bool:
    _, shape, times = row
    # One window each was compared by the tree, unless it lies beyond what the tree can tell apart.
    if times and (len(times) > _SPAN.size or len(wanted.spans) > 1 or not _told_apart(times)):
        spans: Spans = np.frombuffer(times, dtype="<i8").reshape(-1, 2)
        if not within(wanted.spans, spans, buffer.seconds):
            return False
    return _height_gap_m(wanted.levels, shape) <= buffer.vertical_m


def _height_gap_m(wanted: Levels, shape: bytes) -> float:
    """The metres of ``height_gap``: without making anything where limits of one reference are compared, or none is."""
    _, lower, upper, _, _, low, high = _HEAD.unpack_from(shape)
    ours = wanted.lower.reference, wanted.upper.reference
    if ours[0] is not None and upper not in (_NO_REFERENCE, ours[0]):
        return height_gap(wanted, _unpack_levels(shape)).metres
    if ours[1] is not None and lower not in (_NO_REFERENCE, ours[1]):
        return height_gap(wanted, _unpack_levels(shape)).metres
    up = wanted.lower.metres - high if ours[0] is not None and upper != _NO_REFERENCE else 0.0
    down = low - wanted.upper.metres if ours[1] is not None and lower != _NO_REFERENCE else 0.0
    return max(up, down, 0.0)


# -- boxes ---------------------------------------------------------------------------------------------


def _bounds(piece: Piece, prepared: Prepared, buffer: Buffer) -> tuple[int, ...]:
    """x0, x1, y0, y1, z0, z1, h0, h1, t0, t1 of all that lies within ``buffer`` of a volume, rounded outward."""
    low, high = box(piece, buffer.metres)
    bottom, top = prepared.levels.amsl()
    start, end = _ends(prepared.spans)
    # Windows that follow one another at once are 0 s apart, but share no second.
    late = buffer.seconds + 1 if buffer.seconds else 0
    return (
        *(limit for k in range(3) for limit in (_down(low[k] * _UNIT), _up(high[k] * _UNIT))),
        _down((bottom - buffer.vertical_m) * _HEIGHT_STEPS),
        _up((top + buffer.vertical_m) * _HEIGHT_STEPS),
        _down(start - late),
        _up(end + late),
    )


def _down(value: float) -> int:
    return math.floor(max(-_INT_MAX, min(value, _INT_MAX)))


def _up(value: float) -> int:
    return math.ceil(max(-_INT_MAX, min(value, _INT_MAX)))


def _told_apart(times: bytes) -> bool:
    start, end = _SPAN.unpack(times)
    return bool(start > _EPOCH - _INT_MAX and end < _EPOCH + _INT_MAX)


def _ends(spans: Spans) -> tuple[float, float]:
    if not len(spans):
        return -math.inf, math.inf
    # The last second of a window is the one before its end.
    return float(spans[0, 0]) - _EPOCH, float(spans[-1, 1]) - 1 - _EPOCH
