"""The watch's own log: kept beside the record, encrypted under the same key, and never sent (ADR 30).

Each row holds the SHA-256 of the row before it, so that nothing can be taken out of the middle unseen. Drafts lie
beside it; they are no log, and go when they are sent or dropped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from functools import reduce
from hashlib import sha256
from typing import Any, Final, get_type_hints

from parley.app.home import LineHome
from parley.errors import DecodeError, StoreCorrupt, UsageError
from parley.ids import EntryId
from parley.procedure import watch as w
from parley.procedure.clocks import Stage
from parley.procedure.escalation import Escalated, Rung
from parley.procedure.outgoing import Approval, Draft
from parley.procedure.watch import Said, Watch, WatchFact
from parley.protocol.rows import Change
from parley.stores.sqlite import SqliteStore
from parley.wire import cbor, statement
from parley.wire.assertion import read_assertion
from parley.wire.statement import Kind, Message, Statement

_LOG: Final = "watch"
_DRAFT: Final = "draft"
_GIVEN: Final = "draft-number"
_NEWEST: Final = b"newest"
"""The number that the newest draft was given: none is given again, so that it never names another draft."""
_LIMIT: Final = 1 << 18
_SORTS: Final[Mapping[str, type[WatchFact]]] = {
    "rostered": w.Rostered,
    "offered": w.Offered,
    "relieved": w.Relieved,
    "took": w.Took,
    "alerted": w.Alerted,
    "alarm-acknowledged": w.AlarmAcknowledged,
    "muted": w.Muted,
    "noted": w.Noted,
    "escalated": Escalated,
}
_NAMES: Final = {kind: name for name, kind in _SORTS.items()}


class WatchLog:
    """The log and the drafts of one line."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        self._last = bytes(32)
        self._next = 0
        self.facts: list[WatchFact] = []
        for key, value in store.scan(_LOG):
            before, fact = _decode(key, value)
            if before != self._last or int.from_bytes(key, "big") != self._next:
                raise StoreCorrupt("the log of the watch was changed.", code="watch-log-changed")
            self.facts.append(fact)
            self._last, self._next = sha256(value).digest(), self._next + 1
        self.watch = reduce(w.apply, self.facts, Watch())

    @classmethod
    def open(cls, line: LineHome) -> WatchLog:
        """The log of ``line``, made when there is none. Raises KeyUnavailable, StoreError."""
        path = line.path / "watch.db"
        key = line.newest_keys()[1].store_key
        return cls(SqliteStore.open(path, key) if path.exists() else SqliteStore.create(path, key))

    def close(self) -> None:
        """Close its store."""
        self._store.close()

    @property
    def version(self) -> int:
        """Grows with every change of the log or of a draft."""
        return self._store.version

    def enter(self, fact: WatchFact) -> None:
        """Put a fact in the log; it is durable on return."""
        name = _NAMES[type(fact)]
        value = cbor.encode([self._last, name, *(_plain(getattr(fact, f.name)) for f in fields(fact))])
        self._store.commit(self._store.version, [Change(_LOG, self._next.to_bytes(8, "big"), value)])
        self.facts.append(fact)
        self._last, self._next = sha256(value).digest(), self._next + 1
        self.watch = w.apply(self.watch, fact)

    # -- drafts ----------------------------------------------------------------------------------------

    def drafts(self) -> Iterator[tuple[int, Draft]]:
        """All drafts, by number."""
        for key, value in self._store.scan(_DRAFT):
            yield int.from_bytes(key, "big"), _decode_draft(value)

    def draft(self, number: int) -> Draft:
        """One draft. Raises UsageError ``draft-unknown``."""
        value = self._store.get(_DRAFT, number.to_bytes(8, "big")) if 0 <= number < 1 << 63 else None
        if value is None:
            raise UsageError(f"there is no draft {number}.", code="draft-unknown", next_step="See 'parley watch'.")
        return _decode_draft(value)

    def keep(self, draft: Draft, number: int | None = None) -> int:
        """Keep a draft, as a new one or in place of what it was; its number."""
        changes = []
        if number is None:
            given = int.from_bytes(self._store.get(_GIVEN, _NEWEST) or b"", "big")
            number = max(given, *(n for n, _ in self.drafts()), 0) + 1
            changes.append(Change(_GIVEN, _NEWEST, number.to_bytes(8, "big")))
        changes.append(Change(_DRAFT, number.to_bytes(8, "big"), _encode_draft(draft)))
        self._store.commit(self._store.version, changes)
        return number

    def drop(self, number: int) -> None:
        """Forget a draft."""
        self._store.commit(self._store.version, [Change(_DRAFT, number.to_bytes(8, "big"), None)])


def _plain(value: object) -> object:
    if isinstance(value, EntryId):
        return [value.log.member, value.log.incarnation, value.index]
    if isinstance(value, Said):
        return [value.code, [[n, list(v) if isinstance(v, tuple) else v] for n, v in sorted(value.values.items())]]
    return str(value) if isinstance(value, Stage) else int(value) if isinstance(value, Rung) else value


def _decode(key: bytes, value: bytes) -> tuple[bytes, WatchFact]:
    try:
        before, name, *values = cbor.decode(value, limit=_LIMIT)
        kind = _SORTS[name]
        hints = get_type_hints(kind)
        given: list[Any] = [_rich(hints[f.name], v) for f, v in zip(fields(kind), values, strict=True)]
        return before, kind(*given)
    except (DecodeError, KeyError, TypeError, ValueError) as error:
        raise StoreCorrupt(f"row {key.hex()} of the log of the watch cannot be read: {error}.") from error


def _rich(type_: object, value: Any) -> object:  # noqa: ANN401 - a decoded value of any type
    if type_ is EntryId:
        member, incarnation, index = value
        return EntryId(statement.log_id(member, incarnation), index)
    if isinstance(value, list) and type_ == Said | str:
        code, named = value
        return Said(code, {name: tuple(v) if isinstance(v, list) else v for name, v in named})
    return Stage(value) if type_ is Stage else Rung(value) if type_ is Rung else value


def _encode_draft(draft: Draft) -> bytes:
    said = statement.encode(Statement(Kind.MESSAGE, draft.at, draft.message, draft.to))
    approvals = [
        [a.officer, a.statement, a.at, *([a.assertion.plain()] if a.assertion else [])] for a in draft.approvals
    ]
    return cbor.encode([said, draft.author, draft.seen, draft.purpose, approvals, draft.line, draft.member])


def _decode_draft(value: bytes) -> Draft:
    try:
        # Drafts that a version without officers' keys kept end with the approvals.
        said, author, seen, purpose, approvals, *whose = cbor.decode(value, limit=_LIMIT)
        stated = statement.decode(said)
        given = tuple(Approval(*a[:3], *map(read_assertion, a[3:])) for a in approvals)
    except (DecodeError, ValueError, TypeError) as error:
        raise StoreCorrupt(f"a draft cannot be read: {error}") from error
    if not isinstance(stated.content, Message):
        raise StoreCorrupt("a draft is no message.")
    return Draft(stated.content, stated.to, author, stated.time, seen, purpose, given, *whose)
