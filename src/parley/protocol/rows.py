"""The rows of one line's store, and a view of them that includes what the running step has changed.

==========  ==================================================  =============================================
space       key                                                 value
==========  ==================================================  =============================================
entry       log(9) index(4)                                     see entries.StoredEntry
signed      log(9) size(4)                                      root(32) signature(64)
log         log(9)                                              see trees.Trees._put
receipt     log(9) giver(1) algorithm(1) size(4)                time(8) signature
arrival     sequence(8)                                         entry key(13)
later       entry key(13)                                       empty: held, and not shown before what precedes it
mark        entry key(13) author(1) kind(1)                     entry key(13) of the mark, time(8)
open        entry key(13)                                       empty: addressed here, not yet acknowledged or declined
chain       's' mask(4) | 'r' sender(1) tag(2)                  see chains
skipped     'r' sender(1) tag(2) counter(4)                     step key(32) time(8)
prekey      'm' tag(4) | 't' member(1) tag(4)                   peer(1) private(96) | public(1216)
document    sha-256(32)                                         the signed note
evidence    log(9)                                              equivocation proof
==========  ==================================================  =============================================
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Protocol

from parley.ids import EntryId, Incarnation, LogId, MemberNumber

ENTRY: Final = "entry"
SIGNED: Final = "signed"
LOG: Final = "log"
RECEIPT: Final = "receipt"
ARRIVAL: Final = "arrival"
LATER: Final = "later"
MARK: Final = "mark"
OPEN: Final = "open"
CHAIN: Final = "chain"
SKIPPED: Final = "skipped"
PREKEY: Final = "prekey"
DOCUMENT: Final = "document"
EVIDENCE: Final = "evidence"


def log_key(log: LogId) -> bytes:
    """Key of a tree."""
    return bytes((log.member,)) + log.incarnation


def entry_key(log: LogId, index: int) -> bytes:
    """Key of an entry; byte order is tree order."""
    return bytes((log.member,)) + log.incarnation + index.to_bytes(4, "big")


def receipt_key(log: LogId, giver: int, algorithm: int, size: int | None = None) -> bytes:
    """Key of a cosignature; without ``size``, what the keys of all such begin with."""
    return log_key(log) + bytes((giver, algorithm)) + (b"" if size is None else size.to_bytes(4, "big"))


def read_log_key(key: bytes) -> LogId:
    """The tree of a key that begins with one; the same object for the same tree, since many entries may be held."""
    return _log_of(key[:9])


@lru_cache(maxsize=1024)
def _log_of(key: bytes) -> LogId:
    return LogId(MemberNumber(key[0]), Incarnation(key[1:]))


def read_entry_key(key: bytes) -> EntryId:
    """The entry of an entry key."""
    return EntryId(read_log_key(key), int.from_bytes(key[9:13], "big"))


def after(prefix: bytes) -> bytes | None:
    """The smallest key above every key that begins with ``prefix``; None when there is none."""
    stripped = prefix.rstrip(b"\xff")
    return stripped[:-1] + bytes([stripped[-1] + 1]) if stripped else None


@dataclass(frozen=True, slots=True)
class Change:
    """One row: ``value`` put at (``space``, ``key``), or removed when ``value`` is None."""

    space: str
    key: bytes
    value: bytes | None


class Reader(Protocol):
    """A read-only view that may be used from any thread and never waits for a writer."""

    def get(self, space: str, key: bytes) -> bytes | None:
        """The value last committed, or None. Raises StoreCorrupt when the bytes on disk are damaged."""
        ...

    def scan(
        self,
        space: str,
        start: bytes = b"",
        end: bytes | None = None,
        *,
        reverse: bool = False,
        limit: int | None = None,
    ) -> Iterator[tuple[bytes, bytes]]:
        """Rows with start <= key < end in byte order; a consistent view of one commit."""
        ...

    def close(self) -> None:
        """Release the view. Idempotent."""
        ...


def overlaid(
    changed: Mapping[bytes, bytes | None],
    below: Iterator[tuple[bytes, bytes]],
    bounds: tuple[bytes, bytes | None],
    *,
    reverse: bool = False,
    limit: int | None = None,
) -> Iterator[tuple[bytes, bytes]]:
    """``below`` with ``changed`` laid over it, in key order; ``below`` is not limited. None marks a removed row."""
    start, end = bounds
    ours = deque(sorted((k for k in changed if k >= start and (end is None or k < end)), reverse=reverse))
    left = -1 if limit is None else limit

    def both() -> Iterator[tuple[bytes, bytes | None]]:
        for key, value in below:
            while ours and (ours[0] > key if reverse else ours[0] < key):
                mine = ours.popleft()
                yield mine, changed[mine]
            if key not in changed:
                yield key, value
        for key in ours:
            yield key, changed[key]

    for key, value in both() if left else ():
        if value is not None:
            yield key, value
            left -= 1
            if left == 0:
                return


class Rows:
    """A reader with the changes of the running step laid over it."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._changed: dict[str, dict[bytes, bytes | None]] = {}

    def get(self, space: str, key: bytes) -> bytes | None:
        """The value as this step sees it."""
        changed = self._changed.get(space)
        if changed is not None and key in changed:
            return changed[key]
        return self._reader.get(space, key)

    def put(self, space: str, key: bytes, value: bytes) -> None:
        """Set a row."""
        self._changed.setdefault(space, {})[key] = value

    def delete(self, space: str, key: bytes) -> None:
        """Remove a row."""
        self._changed.setdefault(space, {})[key] = None

    def scan(
        self,
        space: str,
        start: bytes = b"",
        end: bytes | None = None,
        *,
        reverse: bool = False,
        limit: int | None = None,
    ) -> Iterator[tuple[bytes, bytes]]:
        """Rows with start <= key < end in key order, as this step sees them."""
        changed = self._changed.get(space)
        if not changed:
            yield from self._reader.scan(space, start, end, reverse=reverse, limit=limit)
            return
        below = self._reader.scan(space, start, end, reverse=reverse)
        yield from overlaid(changed, below, (start, end), reverse=reverse, limit=limit)

    def prefixed(self, space: str, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Rows whose key begins with ``prefix``."""
        return self.scan(space, prefix, after(prefix))

    def last(self, space: str, prefix: bytes) -> tuple[bytes, bytes] | None:
        """The row with the greatest key that begins with ``prefix``."""
        return next(self.scan(space, prefix, after(prefix), reverse=True, limit=1), None)

    def take(self) -> list[Change]:
        """The changes so far, in no order that matters, and a clean sheet."""
        changes = [Change(space, key, value) for space, rows in self._changed.items() for key, value in rows.items()]
        self._changed = {}
        return changes
