"""What must hold in every state of a search: the rules of the simulator's oracle (``parley_testkit.sim.oracle``).

A rule about one party is checked as it acts, by the ``Observer``: C1 (what is told as written), C2, C4, C6, C7, key,
label, head, signed, flash, honest. A rule about several is checked wherever their states meet, by ``together``: C1
(what is receipted), C3, C5. C10 follows: who gave a receipt holds what it covers in every state, so also where it shows
what was written after it. ``Past`` is what these rules must remember and the party need not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b, sha256
from typing import Final

from parley.ids import EntryId, LogId, MemberNumber
from parley.ports import Head
from parley.protocol import inputs as i
from parley.protocol import rows as r
from parley.protocol.entries import State, StoredEntry
from parley.wire import datagram, parts, statement
from parley.wire.statement import Kind, Mark, Message, Precedence
from parley_testkit.explore.disk import Disk
from parley_testkit.sim.oracle.facts import log_of, plain_root
from parley_testkit.sim.oracle.judge import ACCUSING
from parley_testkit.sim.parties import CODES

_TAG_BYTES: Final = 16


class Broken(Exception):
    """A rule that does not hold."""

    def __init__(self, rule: str, text: str, *, between: bool = False) -> None:
        super().__init__(f"{rule}: {text}")
        self.rule = rule
        self.between = between


@dataclass(frozen=True, slots=True)
class Made:
    """One entry as its author made it durable first."""

    entry: EntryId
    commitment: bytes
    said: bytes


@dataclass(frozen=True, slots=True)
class Past:
    """What one party did, as far as a rule asks for it."""

    submitted: frozenset[int] = frozenset()
    made: tuple[Made, ...] = ()
    signed: frozenset[tuple[str, str, int, str]] = frozenset()
    sealed: frozenset[bytes] = frozenset()
    opened: frozenset[bytes] = frozenset()
    """In this run."""
    receipts: frozenset[tuple[int, LogId, int]] = frozenset()
    """Giver, tree and size of the receipts that it was told of."""
    flash: frozenset[tuple[int, EntryId]] = frozenset()
    """FLASH that has not left yet for a peer."""
    losses: int = 0

    def digest(self) -> bytes:
        """The same for the same past, as far as a rule can still ask for it.

        Of what was signed in one role for one tree, and of the receipts of one giver on it, the newest says all: a
        smaller tree is a part of it (C4, C5 hold before).
        """
        said = (
            sorted(self.submitted),
            [m.commitment for m in self.made],
            sorted({(role, origin): (size, root) for role, origin, size, root in sorted(self.signed)}.items()),
            sorted(self.sealed),
            sorted(self.opened),
            sorted(_newest(self.receipts).items()),
            sorted((p, str(e)) for p, e in self.flash),
            self.losses,
        )
        return blake2b(repr(said).encode(), digest_size=16).digest()


def _newest(receipts: Iterable[tuple[int, LogId, int]]) -> dict[tuple[int, str], int]:
    newest: dict[tuple[int, str], int] = {}
    for giver, log, size in receipts:
        key = (giver, str(log))
        newest[key] = max(size, newest.get(key, 0))
    return newest


@dataclass(slots=True)
class _Deed:
    """What the running step did so far."""

    who: MemberNumber
    past: Past
    signed: list[tuple[str, str, int, str]] = field(default_factory=list)
    made: list[Made] = field(default_factory=list)


class Observer:
    """Sees every party at its ports: signers, seals, disk, bearers and events."""

    def __init__(self, line: bytes) -> None:
        self._line = line
        self._deed = _Deed(MemberNumber(0), Past())

    def begin(self, who: MemberNumber, past: Past) -> None:
        """Party ``who`` takes a step."""
        self._deed = _Deed(who, past)

    # -- in the step -----------------------------------------------------------------------------------

    def signs(self, role: str, message: bytes) -> None:
        """The party signs: a checkpoint or a receipt (C6), or what an announce key signs (label)."""
        deed = self._deed
        if role == "announce":
            self._announces(message)
            return
        lines = message.decode().split("\n")
        if role == "receipt":
            lines = lines[2:]
        origin, size, root = lines[0], int(lines[1]), lines[2]
        for a_role, an_origin, a_size, a_root in (*deed.past.signed, *deed.signed):
            if (a_role, an_origin) == (role, origin):
                if a_size == size and a_root != root:
                    raise Broken("C6", f"member {deed.who} signed two roots of {origin} at size {size} as {role}.")
                if role == "checkpoint" and a_size >= size:
                    raise Broken("C6", f"member {deed.who} signed {origin} at size {size} after {a_size}.")
        deed.signed.append((role, origin, size, root))

    def _announces(self, message: bytes) -> None:
        label, _, rest = message.partition(b"\x00")
        named = label == b"parley/announce/v1" or (
            label == b"parley/prekeys/v1" and rest[:32] == self._line and rest[32:34] == bytes((1, self._deed.who))
        )
        if not named:
            raise Broken("label", f"member {self._deed.who} signed without label, line or direction.")

    def seals(self, key: bytes, nonce: bytes, _plaintext: bytes) -> None:
        """A datagram is sealed."""
        deed, used = self._deed, blake2b(key + nonce, digest_size=8).digest()
        if used in deed.past.sealed:
            raise Broken("key", f"member {deed.who} used a key and nonce twice.")
        deed.past = replace(deed.past, sealed=deed.past.sealed | {used})

    def opens(self, key: bytes, nonce: bytes) -> None:
        """A datagram opened: its key is then to be gone (D6)."""
        deed, used = self._deed, blake2b(key + nonce, digest_size=8).digest()
        if used in deed.past.opened:
            raise Broken("key", f"member {deed.who} opened two datagrams under one key and nonce.")
        deed.past = replace(deed.past, opened=deed.past.opened | {used})

    # -- the disk --------------------------------------------------------------------------------------

    def commits(self, before: Disk, after: Disk, changes: Sequence[r.Change]) -> None:
        """A commit becomes durable."""
        lengths: dict[LogId, int] = {}
        for change in sorted((c for c in changes if c.space == r.ENTRY), key=lambda c: c.key):
            self._entry(before, change, lengths)
        for change in changes:
            if change.space == r.SIGNED:
                self._head(after, change)
            elif change.space == r.EVIDENCE:
                raise Broken("honest", f"member {self._deed.who} keeps a proof against {r.read_log_key(change.key)}.")
        arrived = before.tables.get(r.ARRIVAL)
        shown = set(arrived.values.values()) if arrived is not None and arrived.keys else set()
        for change in sorted((c for c in changes if c.space == r.ARRIVAL), key=lambda c: c.key):
            self._arrival(after, change, shown)

    def _entry(self, before: Disk, change: r.Change, lengths: dict[LogId, int]) -> None:
        who = self._deed.who
        entry = r.read_entry_key(change.key)
        if change.value is None:
            raise Broken("C4", f"member {who} deleted {entry}.")
        stored = StoredEntry.decode(change.value)
        table = before.tables.get(r.ENTRY)
        old = table.values.get(change.key) if table is not None else None
        if old is not None:
            if StoredEntry.decode(old).commitment != stored.commitment:
                raise Broken("C4", f"{entry} turned into another entry at member {who}.")
            return
        held = lengths.get(entry.log)
        if held is None:
            prefix = r.log_key(entry.log)
            held = sum(1 for _ in before.scan(r.ENTRY, prefix, r.after(prefix)))
        if entry.index != held:
            raise Broken("C4", f"member {who} holds {entry} but only {held} before it.")
        lengths[entry.log] = held + 1
        if entry.log.member == who:
            self._authored(entry, stored)

    def _authored(self, entry: EntryId, stored: StoredEntry) -> None:
        deed = self._deed
        for made in deed.past.made:
            if made.entry == entry:
                if made.commitment != stored.commitment:
                    raise Broken("C4", f"{entry} came back to its author as another entry.")
                return
        said = statement.decode(stored.statement)
        content = said.content
        if isinstance(content, Message | Mark):
            number = int((content.body if isinstance(content, Message) else content.text).split()[-1])
            if number not in deed.past.submitted:
                raise Broken("C3", f"nobody submitted {entry}.")
            if any(m.said == stored.statement for m in deed.past.made) and not deed.past.losses:
                raise Broken("C3", f"{entry} was written before.")
            if isinstance(content, Message) and content.precedence is Precedence.FLASH:
                peers = {(k, entry) for k in range(len(CODES)) if k != deed.who}
                deed.past = replace(deed.past, flash=deed.past.flash | peers)
        deed.made.append(Made(entry, stored.commitment, stored.statement))

    def _head(self, after: Disk, change: r.Change) -> None:
        """A checkpoint is kept: its root is that of the entries, by code that shares nothing with the product (C5)."""
        log, size = r.read_log_key(change.key), int.from_bytes(change.key[9:13], "big")
        prefix = r.log_key(log)
        rows = after.scan(r.ENTRY, prefix, r.after(prefix))
        leaves = [sha256(b"\x00" + StoredEntry.decode(v).commitment).digest() for _, v in rows]
        if plain_root(leaves[:size]) != (change.value or b"")[:32] or size > len(leaves):
            raise Broken("C5", f"the root of {log} at {size} is not that of its entries at member {self._deed.who}.")

    def _arrival(self, after: Disk, change: r.Change, shown: set[bytes]) -> None:
        key = change.value or b""
        entry, who = r.read_entry_key(key), self._deed.who
        if key in shown or int.from_bytes(change.key, "big") != len(shown):
            raise Broken("C2", f"member {who} was shown {entry} twice, or the order of arrival is overwritten.")
        shown.add(key)
        if self._kept(after, r.ENTRY, key) is None:
            raise Broken("C3", f"member {who} shows {entry}, which it does not hold.")
        if not any(
            True for _ in after.scan(r.SIGNED, key[:9] + (entry.index + 1).to_bytes(4, "big"), r.after(key[:9]))
        ):
            raise Broken("signed", f"member {who} was shown {entry}, which no checkpoint covers.")

    @staticmethod
    def _kept(disk: Disk, space: str, key: bytes) -> bytes | None:
        table = disk.tables.get(space)
        return table.values.get(key) if table is not None and table.keys else None

    def loses(self, who: int, head: Head | None, version: int, noticed: int) -> None:
        """A party starts on an older disk, and compares it with its head file."""
        missing = max(0, head.version - version) if head is not None else 0
        if missing != noticed:
            raise Broken("head", f"member {who} lost {missing} commits and noticed {noticed}.")

    # -- what is released ------------------------------------------------------------------------------

    def released(self, disk: Disk, output: i.Output) -> Past:
        """Sends and events leave; what the party has done by now."""
        deed = self._deed
        if output.sends or output.events:
            self._durable(disk)
        past = replace(
            deed.past,
            made=(*deed.past.made, *deed.made),
            signed=deed.past.signed | set(deed.signed),
        )
        for event in output.events:
            match event:
                case i.Receipted(log, size, giver, _) if log.member == deed.who:
                    past = replace(past, receipts=past.receipts | {(giver, log, size)})
                case i.Warned(code, text, _) if code in ACCUSING:
                    raise Broken("honest", f"member {deed.who} says of an honest peer: {text} [{code}]")
                case i.Equivocated(log):
                    raise Broken("honest", f"member {deed.who} accuses honest {log.member}.")
                case i.Written(_, entry) | i.Arrived(entry, _):
                    if self._kept(disk, r.ENTRY, r.entry_key(entry.log, entry.index)) is None:
                        raise Broken("C1", f"member {deed.who} was told of {entry} before it was durable.")
                case i.Rejected(_, error):
                    raise Broken("C1", f"a submission of member {deed.who} was refused: {error}")
                case _:
                    pass
        return replace(past, flash=self._flash(past.flash, output.sends)) if past.flash else past

    def _durable(self, disk: Disk) -> None:
        """All that was signed is durable before anything leaves (C7)."""
        for role, origin, size, _ in self._deed.signed:
            prefix = r.log_key(log_of(origin))
            rows = [StoredEntry.decode(v).state for _, v in disk.scan(r.ENTRY, prefix, r.after(prefix))][:size]
            if len(rows) < size or (role == "receipt" and State.BLIND in rows):
                raise Broken(
                    "C7", f"a {role} of member {self._deed.who} for {size} of {origin} left before it was durable."
                )

    def _flash(
        self, waiting: frozenset[tuple[int, EntryId]], sends: Sequence[i.Send]
    ) -> frozenset[tuple[int, EntryId]]:
        """FLASH never waits behind ROUTINE."""
        for send in sends:
            urgent, routine = self._own(send)
            mine = {(p, e) for p, e in waiting if p == send.peer}
            if routine and mine and not {e for _, e in mine} & urgent:
                raise Broken("flash", f"{min(routine)} left member {self._deed.who} before FLASH.")
            waiting -= {(send.peer, e) for e in urgent}
        return waiting

    def _own(self, send: i.Send) -> tuple[set[EntryId], set[EntryId]]:
        """The FLASH and the other contents of the party itself in a datagram."""
        outer = datagram.decode(send.datagram)
        urgent: set[EntryId] = set()
        routine: set[EntryId] = set()
        for part in parts.decode(outer.box[:-_TAG_BYTES]) if isinstance(outer, datagram.Sealed) else ():
            if isinstance(part, parts.Entries) and (part.log is None or part.log.member == self._deed.who):
                for index, item in enumerate(part.items, part.first):
                    if isinstance(item, parts.Opening):
                        said = statement.decode(item.statement)
                        flash = isinstance(said.content, Message) and said.content.precedence is Precedence.FLASH
                        log = part.log or self._newest(item.statement)
                        if log is not None and said.kind is not Kind.OPENED:
                            (urgent if flash else routine).add(EntryId(log, index))
        return urgent, routine

    def _newest(self, said: bytes) -> LogId | None:
        found = (m.entry.log for m in (*self._deed.made[::-1], *self._deed.past.made[::-1]) if m.said == said)
        return next(found, None)


# -- several parties -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class View:
    """What one party holds, as the rules about several need it."""

    past: Past
    made: dict[EntryId, Made]
    entries: dict[EntryId, StoredEntry]
    held: dict[LogId, int]
    """Contents from 0 without a gap."""
    trees: tuple[tuple[LogId, int, bytes, int], ...]
    """Tree, size, root, contents."""
    receipted: dict[LogId, dict[int, int]]
    """The party's own trees: what the receipts of each peer cover."""


def together(views: Sequence[View]) -> None:
    """What must hold between parties in every state. Raises Broken."""
    for who, view in enumerate(views):
        for entry, stored in view.entries.items():
            if entry.log.member != who:
                _same(who, entry, stored, views[entry.log.member].made.get(entry))
        for giver, log, size in view.past.receipts:
            other = views[giver]
            if other.held.get(log, 0) < size and not other.past.losses:
                raise Broken("C1", f"member {giver} gave a receipt for {size} of {log} without it.", between=True)


def _same(who: int, entry: EntryId, stored: StoredEntry, made: Made | None) -> None:
    if made is None:
        raise Broken("C3", f"member {who} holds {entry}, which its author never made durable.", between=True)
    if made.commitment != stored.commitment:
        raise Broken("C5", f"{entry} at member {who} is not what its author has.", between=True)
    if stored.state is State.HELD and stored.statement != made.said:
        raise Broken("C3", f"{entry} reads otherwise at member {who} than at its author.", between=True)


def unsettled(views: Sequence[View]) -> str:
    """Why the parties are not at rest with one record, whole and receipted by all; empty when they are."""
    newest: dict[LogId, tuple[int, bytes]] = {}
    for view in views:
        for log, size, root, _ in view.trees:
            newest[log] = max(newest.get(log, (0, b"")), (size, root))
    for who, view in enumerate(views):
        mine = {log: (size, root, held) for log, size, root, held in view.trees}
        for log, (size, root) in newest.items():
            if mine.get(log) != (size, root, size):
                return f"member {who} has not all of {log}."
            if log.member == who:
                for peer in range(len(views)):
                    if peer != who and view.receipted.get(log, {}).get(peer, 0) != size:
                        return f"member {who} has no receipt of {peer} for {size} of {log}."
    return ""


__all__ = ["Broken", "Made", "Observer", "Past", "View", "together", "unsettled"]
