"""Indexes over the record that the officer's questions need: order of arrival, marks, what is open.

Derived data: all of it follows from the entries, in their order of arrival.
"""

from __future__ import annotations

from parley import limits
from parley.ids import EntryId, MemberNumber
from parley.protocol import rows as r
from parley.protocol.rows import Rows
from parley.wire.statement import EVERYONE, WATCH_FORMS, Kind, Mark, Message, Relation, Statement

_ANSWERS = (Kind.ACKNOWLEDGED, Kind.DECLINED)


def mark_key(entry: EntryId, author: int, kind: int) -> bytes:
    """The key under which the first such mark of ``author`` on ``entry`` stands."""
    return r.entry_key(entry.log, entry.index) + bytes((author, kind))


class Ledger:
    """Keeps the indexes as entries come."""

    def __init__(self, rows: Rows, me: MemberNumber) -> None:
        self._rows = rows
        self._me = me
        last = rows.last(r.ARRIVAL, b"")
        self._next = int.from_bytes(last[0], "big") + 1 if last is not None else 0
        self._marked: dict[bytes, int] = {}
        """Of each tree, one more than the highest entry that has a mark: no later one need be looked for."""

    def arrived(self, entry: bytes) -> None:
        """Give an entry its place in the order of arrival."""
        self._rows.put(r.ARRIVAL, self._next.to_bytes(8, "big"), entry)
        self._next += 1

    def apply(self, entry: bytes, statement: Statement) -> None:
        """Index one entry that is understood."""
        self.arrived(entry)
        author = entry[0]
        content = statement.content
        if isinstance(content, Message):
            addressed = statement.to == EVERYONE or statement.to >> self._me & 1
            if author != self._me and addressed and not content.form.startswith(WATCH_FORMS):
                self._open(entry)
            for ref in content.refs:
                if ref.relation is Relation.REPLY:
                    self._mark(ref.entry, author, Kind.MESSAGE, entry, statement.time)
        elif statement.kind is not Kind.OPENED:
            for ref in statement.refs:
                self._mark(ref.entry, author, statement.kind, entry, statement.time)
                if isinstance(content, Mark) and author == self._me and statement.kind is not Kind.READ:
                    self._rows.delete(r.OPEN, r.entry_key(ref.entry.log, ref.entry.index))

    def _open(self, entry: bytes) -> None:
        """It waits for an answer here, unless ours came first: after a loss of state our tree may be back before it."""
        if int.from_bytes(entry[9:13], "big") < self._marks_below(entry[:9]):
            marks = self._rows.prefixed(r.MARK, entry + bytes((self._me,)))
            if any(key[-1] in _ANSWERS for key, _ in marks):
                return
        self._rows.put(r.OPEN, entry, b"")

    def _marks_below(self, log: bytes) -> int:
        if log not in self._marked:
            last = self._rows.last(r.MARK, log)
            self._marked[log] = int.from_bytes(last[0][9:13], "big") + 1 if last is not None else 0
        return self._marked[log]

    def _mark(self, target: EntryId, author: int, kind: Kind, entry: bytes, time: int) -> None:
        if target.index >= 1 << 32 or target.log.member >= limits.MAX_MEMBERS:
            return
        key = mark_key(target, author, kind)
        if self._rows.get(r.MARK, key) is None:
            self._marked[key[:9]] = max(target.index + 1, self._marks_below(key[:9]))
            self._rows.put(r.MARK, key, entry + time.to_bytes(8, "big"))
