"""What must hold between real nodes, judged from their disks, their datagrams and what their officers were told.

======  =====================================================================================================
C1      what an officer was told is written is on that party's disk; so is what a receipt of its covers
C2      no entry arrives twice
C3      what is held was submitted, byte for byte, by whom it says
C4      a tree is held without a gap, and no entry ever turns into another
C5      any two copies of a tree agree; each signed root is recomputed here by code that is not the product's
C6      no signer signs two roots for one tree and size
C7      no receipt left, and no entry, before what it covers was on the disk: held to whenever a node was killed
open    a message that its recipient answered is not shown as waiting
key     no datagram is sealed twice under one run, chain and counter
======  =====================================================================================================

A disk that lost something is told with ``lost``: what it owed until then, it owes again once its peers are heard.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final

from parley.errors import ParleyError
from parley.ids import EntryId, LogId
from parley.protocol import rows as r
from parley.protocol.entries import State, StoredEntry
from parley.protocol.ledger import mark_key
from parley.stores.backup import snapshot
from parley.wire import datagram, statement
from parley.wire.statement import Kind, Message

_ACCUSING: Final = frozenset(
    {"history-mismatch", "key-used-elsewhere", "receipt-unsent", "receipt-by-author", "equivocation"}
)


class Broken(AssertionError):
    """An invariant does not hold."""


def need(holds: object, rule: str, text: str) -> None:
    """Raise Broken unless ``holds``."""
    if not holds:
        raise Broken(f"{rule}: {text}")


def plain_root(leaves: list[bytes]) -> bytes:
    """RFC 6962 section 2.1 as it is written there."""
    if len(leaves) <= 1:
        return leaves[0] if leaves else sha256(b"").digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\x01" + plain_root(leaves[:split]) + plain_root(leaves[split:])).digest()


@dataclass(slots=True)
class _Party:
    written: dict[EntryId, str] = field(default_factory=dict)
    """What its officer was told stands in the record."""
    owed: dict[LogId, int] = field(default_factory=dict)
    """The size of each tree that a receipt of its covers."""
    left: dict[LogId, int] = field(default_factory=dict)
    """The size of each of its own trees that anybody holds."""
    lost: bool = False


@dataclass(slots=True)
class _Copy:
    """What one disk holds."""

    sizes: dict[LogId, int] = field(default_factory=dict)
    held: dict[LogId, int] = field(default_factory=dict)
    contents: dict[EntryId, str] = field(default_factory=dict)


class Still:
    """The rows of a store as they were at one commit, whatever its node does meanwhile."""

    def __init__(self, rows: Iterable[tuple[str, bytes, bytes]]) -> None:
        self._spaces: dict[str, dict[bytes, bytes]] = {}
        for space, key, value in rows:
            self._spaces.setdefault(space, {})[key] = value

    def get(self, space: str, key: bytes) -> bytes | None:
        """One value."""
        return self._spaces.get(space, {}).get(key)

    def scan(self, space: str) -> Iterator[tuple[bytes, bytes]]:
        """All rows of a space, in order."""
        return iter(self._spaces.get(space, {}).items())


def still(path: Path, key: bytes) -> Still:
    """The store at ``path`` as it is now, opened by nobody else or by a node that runs."""
    with snapshot(path, key, ()) as (_, rows):
        return Still(rows)


class Witness:
    """Sees parties by number; each ``look`` takes one party's disk into account."""

    def __init__(self) -> None:
        self.submitted: dict[str, int] = {}
        """Every text that anybody tried to send, and who."""
        self.checked = 0
        """Roots recomputed."""
        self._parties: dict[int, _Party] = {}
        self._commitments: dict[EntryId, bytes] = {}
        self._roots: dict[tuple[LogId, int], bytes] = {}
        self._boxes: dict[tuple[object, bytes, int], bytes] = {}

    def _of(self, who: int) -> _Party:
        return self._parties.setdefault(who, _Party())

    def submits(self, who: int, text: str) -> None:
        """``who`` is about to send ``text``; texts differ."""
        need(text not in self.submitted, "test", f"{text!r} is submitted twice")
        self.submitted[text] = who

    def told_written(self, who: int, entry: EntryId, text: str) -> None:
        """``who`` was told that ``text`` stands in the record as ``entry``."""
        self._of(who).written[entry] = text

    def told(self, event: dict[str, object]) -> None:
        """An operator was told something: no honest party is ever accused."""
        need(event.get("code") not in _ACCUSING, "honest", f"an honest party is accused: {event}")

    def saw(self, run: object, data: bytes) -> None:
        """A datagram was sent by the ``run`` of a node: no key and nonce seal two of them."""
        try:
            sealed = datagram.decode(data)
        except ParleyError:
            raise Broken("key: a node sent what is no datagram") from None
        if isinstance(sealed, datagram.Sealed):
            before = self._boxes.setdefault((run, sealed.tag, sealed.counter), sealed.box)
            need(before == sealed.box, "key", f"run {run} sealed twice under {sealed.tag.hex()}, {sealed.counter}")

    def lost(self, who: int) -> None:
        """The disk of ``who`` lost commits: it owes what it owed only once its peers gave it back."""
        self._of(who).lost = True

    def whole(self, who: int) -> None:
        """The peers of ``who`` have given back what they hold."""
        self._of(who).lost = False

    def look(self, who: int, reader: Still) -> dict[str, int]:
        """Judge the disk of ``who``; how often each text is held."""
        copy = _Copy()
        for key, value in reader.scan(r.ENTRY):
            self._entry(copy, r.read_entry_key(key), StoredEntry.decode(value))
        self._signatures(reader, copy.sizes)
        self._arrivals(who, reader, copy.contents)
        self._open(who, reader)
        self._owed(who, copy)
        self._receipts(who, reader)
        texts = [text for text in copy.contents.values() if text]
        return {text: texts.count(text) for text in texts}

    def _owed(self, who: int, copy: _Copy) -> None:
        party = self._of(who)
        if not party.lost:
            for entry, text in party.written.items():
                need(copy.contents.get(entry) == text, "C1", f"{who} was told {entry} is written: {text!r}")
            for log, size in party.owed.items():
                found = copy.held.get(log, 0)
                need(found >= size, "C1", f"{who} gave a receipt for {size} of {log} and holds {found}")
            for log, size in party.left.items():
                found = copy.sizes.get(log, 0)
                need(found >= size, "C7", f"{size} entries of {log} left {who}, whose disk has {found}")
        for log, size in copy.sizes.items():
            left = self._of(log.member).left
            left[log] = max(size, left.get(log, 0))

    def _entry(self, copy: _Copy, entry: EntryId, stored: StoredEntry) -> None:
        log = entry.log
        need(entry.index == copy.sizes.get(log, 0), "C4", f"a gap before {entry}")
        copy.sizes[log] = entry.index + 1
        known = self._commitments.setdefault(entry, stored.commitment)
        need(known == stored.commitment, "C5", f"two copies of {entry} differ")
        if stored.state is not State.BLIND and copy.held.get(log, 0) == entry.index:
            copy.held[log] = entry.index + 1
        if stored.state is State.HELD:
            said = statement.decode(stored.statement).content
            text = said.body if isinstance(said, Message) and isinstance(said.body, str) else ""
            if text:
                need(self.submitted.get(text) == log.member, "C3", f"{entry} holds {text!r}: its author never sent it")
            copy.contents[entry] = text

    def _signatures(self, reader: Still, sizes: dict[LogId, int]) -> None:
        signed: dict[LogId, int] = {}
        for key, value in reader.scan(r.SIGNED):
            log, size, root = r.read_log_key(key), int.from_bytes(key[9:13], "big"), value[:32]
            signed[log] = max(size, signed.get(log, 0))
            if (log, size) not in self._roots:
                need(size <= sizes.get(log, 0), "C4", f"{log} is signed at {size} and held to {sizes.get(log)}")
                leaves = [sha256(b"\x00" + self._commitments[EntryId(log, n)]).digest() for n in range(size)]
                need(plain_root(leaves) == root, "C5", f"the root of {log} at {size} is not that of its entries")
                self._roots[log, size] = root
                self.checked += 1
            need(self._roots[log, size] == root, "C6", f"two roots of {log} at {size}")
        for log, size in sizes.items():
            need(signed.get(log, 0) == size, "signed", f"{log} is held to {size} and signed to {signed.get(log)}")

    @staticmethod
    def _arrivals(who: int, reader: Still, contents: dict[EntryId, str]) -> None:
        seen: set[bytes] = set()
        for _, key in reader.scan(r.ARRIVAL):
            need(key not in seen, "C2", f"{r.read_entry_key(key)} arrived twice at {who}")
            seen.add(key)
        seen |= {key for key, _ in reader.scan(r.LATER)}
        for entry, text in contents.items():
            if text:
                need(r.entry_key(entry.log, entry.index) in seen, "C2", f"{who} holds {entry} and never shows it")

    @staticmethod
    def _open(who: int, reader: Still) -> None:
        """What waits for an answer has none by this party."""
        for key, _ in reader.scan(r.OPEN):
            for kind in (Kind.ACKNOWLEDGED, Kind.DECLINED):
                answered = reader.get(r.MARK, mark_key(r.read_entry_key(key), who, kind)) is not None
                need(not answered, "open", f"{who} shows {r.read_entry_key(key)} as open, which it answered")

    def _receipts(self, who: int, reader: Still) -> None:
        """What others owe by the receipts that ``who`` holds of them."""
        for key, _ in reader.scan(r.RECEIPT):
            log, giver, size = r.read_log_key(key), key[9], int.from_bytes(key[11:15], "big")
            if giver != who:
                owed = self._of(giver).owed
                owed[log] = max(size, owed.get(log, 0))
