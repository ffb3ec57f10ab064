"""The register of what was announced, as rows beside the index of the conflict check (``ConflictIndex.facts``).

``at`` names the entry that was read last, so that a record that was put back from a copy is noticed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from parley.app.announced import Notice, Report
from parley.errors import DecodeError
from parley.ids import EntryId
from parley.protocol import rows as r
from parley.wire import cbor
from parley.wire.geometry import Position, Window

AT: Final = "at"
NOTICE: Final = "notice/"
REPORTS: Final = "reports/"
ENDED: Final = "ended/"
_LIMIT: Final = 1 << 20


def encode_notice(n: Notice) -> bytes:
    """One notice in force."""
    return cbor.encode(
        [
            r.entry_key(n.entry.log, n.entry.index),
            *(n.sent, n.sort, n.number, n.subject, n.kind, n.protected, n.ref),
            _place(n.position),
            None if n.valid is None else [n.valid.start, n.valid.end],
            n.confirmed,
            *(list(n.convoy), list(n.headquarters), list(n.labels)),
            *(n.place, n.mine),
        ]
    )


def decode_notice(id_: str, value: bytes) -> Notice:
    """What ``encode_notice`` wrote. Raises DecodeError."""
    key, sent, sort, number, subject, kind, protected, ref, place, valid, confirmed, *rest = _row(value, 16)
    convoy, headquarters, labels, found_at, mine = rest
    entry = r.read_entry_key(key)
    found = Notice(id_, entry, entry.log.member, sent, sort, number, subject, kind, protected, ref)
    found.position = None if place is None else Position(*place)
    found.valid = None if valid is None else Window(*valid)
    found.confirmed, found.place, found.mine = confirmed, found_at, mine
    found.convoy, found.headquarters, found.labels = tuple(convoy), tuple(headquarters), tuple(labels)
    return found


def encode_reports(author: int, ref: str, reports: list[Report]) -> tuple[str, bytes]:
    """The reports of one movement: name and value."""
    rows = [[x.at, _place(x.position), x.state, x.message, x.next, x.expected] for x in reports]
    return f"{REPORTS}{author}/{ref}", cbor.encode(rows)


def decode_reports(name: str, value: bytes) -> tuple[tuple[int, str], list[Report]]:
    """What ``encode_reports`` wrote. Raises DecodeError."""
    author, _, ref = name.removeprefix(REPORTS).partition("/")
    rows: list[Any] = cbor.decode(value, limit=_LIMIT)
    return (int(author), ref), [Report(at, Position(*place), *more) for at, place, *more in rows]


def encode_ended(author: int, number: str) -> str:
    """The name of a number that its author cancelled."""
    return f"{ENDED}{author}/{number}"


def decode_ended(name: str) -> tuple[int, str]:
    """What ``encode_ended`` wrote."""
    author, _, number = name.removeprefix(ENDED).partition("/")
    return int(author), number


def decode_facts(
    facts: Mapping[str, bytes],
) -> tuple[list[Notice], dict[tuple[int, str], list[Report]], set[tuple[int, str]]] | None:
    """Notices, reports and ended numbers, from all rows but ``at``; None where one of them cannot be read."""
    notices, reports, ended = [], {}, set()
    try:
        for name, value in facts.items():
            if name.startswith(NOTICE):
                notices.append(decode_notice(name.removeprefix(NOTICE), value))
            elif name.startswith(REPORTS):
                key, found = decode_reports(name, value)
                reports[key] = found
            else:
                ended.add(decode_ended(name))
    except (DecodeError, ValueError, TypeError):
        return None
    return notices, reports, ended


def encode_at(entry: EntryId) -> bytes:
    """The entry that was read last."""
    return r.entry_key(entry.log, entry.index)


def _place(position: Position | None) -> list[int] | None:
    return None if position is None else [position.lat, position.lon]


def _row(value: bytes, count: int) -> list[Any]:
    found = cbor.decode(value, limit=_LIMIT)
    if not isinstance(found, list) or len(found) != count:
        raise DecodeError("a row of the register has other fields.", code="register-malformed")
    return found
