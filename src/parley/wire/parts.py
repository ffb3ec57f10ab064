"""Parts: what a sealed datagram holds (spec/parts.cddl).

A payload is a CBOR array of parts, each an array that begins with its type. Nothing in a part is believed
because of the seal: entries lie under their author's checkpoint, cosignatures and documents carry their own
signatures. HAVE, QUERY and PROVE are hints: they can make a node send again, never accept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from parley import limits
from parley.errors import DecodeError
from parley.ids import Incarnation, LogId
from parley.wire import cbor
from parley.wire.statement import log_id

ED25519_BYTES: Final = 64
MLDSA44_BYTES: Final = 2420


@dataclass(frozen=True, slots=True)
class Opening:
    """An entry's content. ``salt`` None: derived from the message key of the datagram that carries it (D6)."""

    statement: bytes
    salt: bytes | None = None


@dataclass(frozen=True, slots=True)
class Blind:
    """An entry of which only the commitment travels for now (D3)."""

    commitment: bytes


@dataclass(frozen=True, slots=True)
class NotForYou:
    """An entry that is provably not addressed to the recipient: record.commitment's exclusion."""

    statement_hash: bytes
    salt: bytes
    path: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Gone:
    """An entry whose content the sender erased under retention."""

    commitment: bytes


Item = Opening | Blind | NotForYou | Gone


@dataclass(frozen=True, slots=True)
class Entries:
    """Consecutive entries of one tree from ``first``; ``signature`` is its author's over the checkpoint at the end.

    ``log`` None stands for the sender's own tree of the datagram's incarnation. ``signature`` is empty when
    every commitment is already known to lie under a checkpoint (contents that follow their commitments).
    """

    first: int
    items: tuple[Item, ...]
    signature: bytes
    log: LogId | None = None


@dataclass(frozen=True, slots=True)
class Cosigned:
    """A cosignature on the checkpoint of ``log`` at ``size``: a receipt, or its author's own ML-DSA signature.

    ``giver`` None stands for the datagram's sender. The algorithm follows from the signature's length.
    """

    log: LogId
    size: int
    time: int
    signature: bytes
    giver: int | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """How much of one tree the sender has: commitments, then contents without a gap, then a few gaps."""

    log: LogId
    size: int
    held: int
    missing: tuple[int, ...] = ()
    """The contents lacking from ``held`` on, the first of them at least; at most MAX_MISSING_TOLD."""
    before: int = 0
    """How many trees before this one, as each opening cites the last, are held whole as well."""

    def holds(self, index: int) -> bool:
        """True when this says that the content at ``index`` is held."""
        if index < self.held:
            return True
        told = self.missing[-1] if len(self.missing) >= limits.MAX_MISSING_TOLD else self.size
        return bool(self.missing) and index < min(told, self.size) and index not in self.missing


@dataclass(frozen=True, slots=True)
class ChainHeld:
    """A chain of the recipient's that the sender can open, and the next counter it expects."""

    tag: bytes
    counter: int


@dataclass(frozen=True, slots=True)
class Have:
    """What the sender holds; the answer to QUERY, and the first words of a session (D18)."""

    logs: tuple[Held, ...]
    chains: tuple[ChainHeld, ...]
    documents: tuple[bytes, ...]
    """First 8 bytes of the SHA-256 of each document of the line."""
    you: bytes = b""
    """The recipient's incarnation as the sender knows it; empty for none."""


@dataclass(frozen=True, slots=True)
class Query:
    """Asks for HAVE, and for the receipts on these runs of the sender's again (R14)."""

    runs: tuple[Incarnation, ...] = ()


@dataclass(frozen=True, slots=True)
class Gossip:
    """A checkpoint of somebody's tree as its author signed it, so that two histories are found (D18)."""

    log: LogId
    size: int
    root: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Prekeys:
    """One-time prekeys for one recipient, signed by their giver."""

    keys: tuple[bytes, ...]
    signature: bytes


@dataclass(frozen=True, slots=True)
class Document:
    """A signed document of the line: charter revision, certificate, notice of leaving."""

    note: bytes


@dataclass(frozen=True, slots=True)
class Evidence:
    """An equivocation proof (record.equivocation)."""

    proof: bytes


@dataclass(frozen=True, slots=True)
class Prove:
    """Asks for the consistency path of ``log`` between two sizes; with ``path``, the answer."""

    log: LogId
    old_size: int
    new_size: int
    path: tuple[bytes, ...] | None = None


@dataclass(frozen=True, slots=True)
class Fragment:
    """A slice of a payload that exceeds the bearer's MTU; ``start`` is the counter of its first fragment."""

    start: int
    index: int
    count: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Padding:
    """Zeroes, so that lengths say less on a fast bearer."""

    length: int


Part = Entries | Cosigned | Have | Query | Gossip | Prekeys | Document | Evidence | Prove | Fragment | Padding

_ENTRIES, _COSIGNED, _HAVE, _QUERY, _GOSSIP, _PREKEYS, _DOCUMENT, _EVIDENCE, _PROVE, _FRAGMENT, _PADDING = range(11)


def encode(parts: Sequence[Part]) -> bytes:
    """The payload that holds ``parts``."""
    return cbor.encode([_row(part) for part in parts])


def _log(log: LogId) -> list[Any]:
    return [log.member, log.incarnation]


def _held(held: Held) -> list[Any]:
    row: list[Any] = [*_log(held.log), held.size, held.held]
    if held.missing:
        row.append(list(held.missing))
    return [*row, held.before] if held.before else row


def _item(item: Item) -> bytes | list[Any]:
    match item:
        case Opening(statement, None):
            return statement
        case Opening(statement, salt):
            return [salt, statement]
        case Blind(commitment):
            return [commitment]
        case NotForYou(statement_hash, salt, path):
            return [statement_hash, salt, list(path)]
        case Gone(commitment):
            return [commitment, None]


def _row(part: Part) -> list[Any]:  # noqa: PLR0911 - one return a part
    match part:
        case Entries(first, items, signature, log):
            row: list[Any] = [_ENTRIES, first, [_item(i) for i in items], signature]
            return row if log is None else row + _log(log)
        case Cosigned(log, size, time, signature, giver):
            row = [_COSIGNED, *_log(log), size, time, signature]
            return row if giver is None else [*row, giver]
        case Have(logs, chains, documents, you):
            return [
                _HAVE,
                [_held(h) for h in logs],
                [[c.tag, c.counter] for c in chains],
                list(documents),
                you,
            ]
        case Query(runs):
            return [_QUERY, list(runs)] if runs else [_QUERY]
        case Gossip(log, size, root, signature):
            return [_GOSSIP, *_log(log), size, root, signature]
        case Prekeys(keys, signature):
            return [_PREKEYS, list(keys), signature]
        case Document(note):
            return [_DOCUMENT, note]
        case Evidence(proof):
            return [_EVIDENCE, proof]
        case Prove(log, old, new, path):
            return [_PROVE, *_log(log), old, new, None if path is None else list(path)]
        case Fragment(start, index, count, data):
            return [_FRAGMENT, start, index, count, data]
        case Padding(length):
            return [_PADDING, bytes(length)]


def decode(data: bytes) -> tuple[Part, ...]:
    """The parts of a payload. Types that this version does not know are passed over. Raises DecodeError."""
    rows = cbor.decode(data, limit=limits.MAX_PAYLOAD)
    if not isinstance(rows, list) or not all(isinstance(r, list) and r and type(r[0]) is int for r in rows):
        raise _malformed("payload")
    parts: list[Part] = []
    for row in rows:
        reader = _READERS.get(row[0])
        if reader is not None:
            try:
                parts.append(reader(row))
            except (IndexError, TypeError, ValueError):
                raise _malformed(f"part of type {row[0]}") from None
    return tuple(parts)


def _malformed(what: str) -> DecodeError:
    return DecodeError(f"the {what} is not as the specification has it.", code="part-malformed")


def _uint(value: object, top: int = 1 << 32) -> int:
    if type(value) is not int or not 0 <= value < top:
        raise _malformed("number")
    return value


def _octets(value: object, *lengths: int) -> bytes:
    if not isinstance(value, bytes) or (lengths and len(value) not in lengths):
        raise _malformed("byte string")
    return value


def _many(value: object, most: int) -> list[Any]:
    if not isinstance(value, list) or len(value) > most:
        raise _malformed("array")
    return value


def _width(row: list[Any], *widths: int) -> None:
    if len(row) not in widths:
        raise _malformed(f"part of type {row[0]}")


def _read_item(value: object) -> Item:
    if isinstance(value, bytes):
        return Opening(value)
    match _many(value, 3):
        case [bytes(commitment)]:
            return Blind(_octets(commitment, 32))
        case [bytes(commitment), None]:
            return Gone(_octets(commitment, 32))
        case [bytes(salt), bytes(statement)]:
            return Opening(statement, _octets(salt, 32))
        case [bytes(statement_hash), bytes(salt), list(path)]:
            hashes = tuple(_octets(h, 32) for h in _many(path, 8))
            return NotForYou(_octets(statement_hash, 32), _octets(salt, 16), hashes)
    raise _malformed("entry")


def _read_entries(row: list[Any]) -> Entries:
    _width(row, 4, 6)
    items = tuple(_read_item(i) for i in _many(row[2], limits.MAX_ENTRIES_PER_PAYLOAD))
    if not items:
        raise _malformed("entries part")
    log = log_id(row[4], row[5]) if len(row) == 6 else None  # noqa: PLR2004
    return Entries(_uint(row[1]), items, _octets(row[3], 0, ED25519_BYTES), log)


def _read_cosigned(row: list[Any]) -> Cosigned:
    _width(row, 6, 7)
    giver = _uint(row[6], limits.MAX_MEMBERS) if len(row) == 7 else None  # noqa: PLR2004
    signature = _octets(row[5], ED25519_BYTES, MLDSA44_BYTES)
    return Cosigned(log_id(row[1], row[2]), _uint(row[3]), _uint(row[4], limits.MAX_TIME + 1), signature, giver)


def _read_have(row: list[Any]) -> Have:
    _width(row, 5)
    logs = tuple(_read_held(h) for h in _many(row[1], 4096))
    chains = tuple(ChainHeld(_octets(c[0], 2), _uint(c[1])) for c in _many(row[2], 256))
    return Have(logs, chains, tuple(_octets(d, 8) for d in _many(row[3], 1024)), _octets(row[4], 0, 8))


def _read_held(row: list[Any]) -> Held:
    _width(row, 4, 5, 6)
    size, held, more = _uint(row[2]), _uint(row[3]), row[4:]
    missing: tuple[int, ...] = ()
    if more and isinstance(more[0], list):
        missing = tuple(_uint(x, size) for x in _many(more.pop(0), limits.MAX_MISSING_TOLD))
        if not missing or missing[0] != held or any(a >= b for a, b in pairwise(missing)):
            raise _malformed("list of what is missing")
    before = _uint(more.pop(0)) if more else 0
    if more or (len(row) > 4 + bool(missing) and not before):
        raise _malformed("tree that is held")
    return Held(log_id(row[0], row[1]), size, held, missing, before)


def _read_query(row: list[Any]) -> Query:
    _width(row, 1, 2)
    runs = tuple(Incarnation(_octets(run, 8)) for run in _many(row[1], limits.MAX_RUNS_ASKED)) if len(row) == 2 else ()  # noqa: PLR2004
    if len(row) == 2 and not runs:  # noqa: PLR2004
        raise _malformed("question")
    return Query(runs)


def _read_gossip(row: list[Any]) -> Gossip:
    _width(row, 6)
    return Gossip(log_id(row[1], row[2]), _uint(row[3]), _octets(row[4], 32), _octets(row[5], ED25519_BYTES))


def _read_prekeys(row: list[Any]) -> Prekeys:
    _width(row, 3)
    return Prekeys(tuple(_octets(k, 1216) for k in _many(row[1], 64)), _octets(row[2], ED25519_BYTES))


def _read_document(row: list[Any]) -> Document:
    _width(row, 2)
    return Document(_octets(row[1]))


def _read_evidence(row: list[Any]) -> Evidence:
    _width(row, 2)
    return Evidence(_octets(row[1]))


def _read_prove(row: list[Any]) -> Prove:
    _width(row, 6)
    path = None if row[5] is None else tuple(_octets(h, 32) for h in _many(row[5], 64))
    return Prove(log_id(row[1], row[2]), _uint(row[3]), _uint(row[4]), path)


def _read_fragment(row: list[Any]) -> Fragment:
    _width(row, 5)
    count = _uint(row[3], limits.MAX_FRAGMENTS + 1)
    return Fragment(_uint(row[1]), _uint(row[2], count), count, _octets(row[4]))


def _read_padding(row: list[Any]) -> Padding:
    _width(row, 2)
    return Padding(len(_octets(row[1])))


_READERS: Final[Mapping[int, Callable[[list[Any]], Part]]] = {
    _ENTRIES: _read_entries,
    _COSIGNED: _read_cosigned,
    _HAVE: _read_have,
    _QUERY: _read_query,
    _GOSSIP: _read_gossip,
    _PREKEYS: _read_prekeys,
    _DOCUMENT: _read_document,
    _EVIDENCE: _read_evidence,
    _PROVE: _read_prove,
    _FRAGMENT: _read_fragment,
    _PADDING: _read_padding,
}
