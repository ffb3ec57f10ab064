"""A store whose states are values: what a search needs to go back to any of them at no cost."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

from parley.protocol.rows import ARRIVAL, RECEIPT, Change
from parley.stores.memory import places

_WIDTH: Final = 1 << 128
_APART: Final = frozenset({ARRIVAL, RECEIPT})


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of one space, in order, and their number in ``Disk.digest``."""

    keys: tuple[bytes, ...] = ()
    values: Mapping[bytes, bytes] = ()  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Disk:
    """What is durable. ``digest`` is the sum of its rows' hashes: equal for equal rows, however they came."""

    tables: Mapping[str, Table]
    version: int = 0
    digest: int = 0

    @classmethod
    def empty(cls) -> Disk:
        """A new one."""
        return cls({})

    def committed(self, changes: Sequence[Change]) -> Disk:
        """With one commit more."""
        tables = dict(self.tables)
        digest = self.digest
        by_space: dict[str, list[Change]] = {}
        for change in changes:
            by_space.setdefault(change.space, []).append(change)
        for space, some in by_space.items():
            before = tables.get(space, Table())
            keys, values = list(before.keys), dict(before.values)
            for change in some:
                old = values.pop(change.key, None)
                if old is not None and space not in _APART:
                    digest -= _hash(space, change.key, old)
                if change.value is not None:
                    values[change.key] = change.value
                    if space not in _APART:
                        digest += _hash(space, change.key, change.value)
                    if old is None:
                        insort(keys, change.key)
                elif old is not None:
                    del keys[bisect_left(keys, change.key)]
            tables[space] = Table(tuple(keys), values)
        return Disk(tables, self.version + 1, digest % _WIDTH)

    def apart(self) -> tuple[list[tuple[bytes, bytes]], list[bytes]]:
        """The rows of which not all that they say is ever read again (rows, receipts, ledger).

        Of the receipts of one giver on one tree, the greatest; of the order of arrival, what has arrived.
        """
        receipts = self.tables.get(RECEIPT, Table()).keys
        greatest = {k[:-4]: k[-4:] for k in receipts}
        return list(greatest.items()), sorted(dict(self.tables.get(ARRIVAL, Table()).values).values())

    def scan(
        self,
        space: str,
        start: bytes = b"",
        end: bytes | None = None,
        *,
        reverse: bool = False,
        limit: int | None = None,
    ) -> Iterator[tuple[bytes, bytes]]:
        """As ports.Reader: the memory store's own way to the rows."""
        table = self.tables.get(space)
        if table is None:
            return iter(())
        keys, values = table.keys, table.values
        return ((keys[n], values[keys[n]]) for n in places(keys, start, end, reverse=reverse, limit=limit))


def _hash(space: str, key: bytes, value: bytes) -> int:
    return int.from_bytes(
        blake2b(b"%b\x00%d\x00%b%b" % (space.encode(), len(key), key, value), digest_size=16).digest()
    )


class Handle:
    """ports.Reader on the newest disk of one party."""

    __slots__ = ("disk",)

    def __init__(self, disk: Disk) -> None:
        self.disk = disk

    def get(self, space: str, key: bytes) -> bytes | None:
        """The value last committed, or None."""
        table = self.disk.tables.get(space)
        return None if table is None else table.values.get(key) if table.keys else None

    def scan(
        self,
        space: str,
        start: bytes = b"",
        end: bytes | None = None,
        *,
        reverse: bool = False,
        limit: int | None = None,
    ) -> Iterator[tuple[bytes, bytes]]:
        """As ports.Reader."""
        return self.disk.scan(space, start, end, reverse=reverse, limit=limit)

    def close(self) -> None:
        """Nothing to release."""


__all__ = ["Disk", "Handle", "Table"]
