"""What must hold, one checker a rule; each sees the ports alone: signers, stores, bearers, events, submissions.

=====  =================================================================================================
C1     what a receipt covers is durable at who gave it, and so is what an officer was told is written
C2     nothing has two places in the order of arrival, and ROUTINE is shown in the order in which it was written
C3     what is shown was submitted, byte for byte, once, and by whom it says; a narrow message by its recipients
C4     a tree is held without a gap, and an entry never turns into another
C5     any two copies of an honest tree agree; roots recomputed by code that shares nothing with the product
C6     no signer signs two roots for one origin and size, nor goes back
C7     nothing leaves that states what is not durable yet
C8     once faults end, all settles within the bound (world)
C10    who saw a receipt and then wrote, is shown after what the receipt covers
key    no key and nonce seal twice, none opens twice in one run, no salt is used twice
label  what an announce key signs begins with a label, the line and both ends
head   a store that lost what the head file remembers is not taken for whole
signed nothing is shown that lies under no signed checkpoint of its author
flash  FLASH never waits behind ROUTINE
honest no honest party is accused
proof  who signed two histories is proven to have, by a file that holds
=====  =================================================================================================
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from parley.errors import ParleyError
from parley.ids import EntryId, Incarnation, LogId, MemberNumber
from parley.ports import Change, Head, Reader
from parley.protocol import inputs as i
from parley.protocol import rows as r
from parley.protocol.entries import State, StoredEntry
from parley.record import equivocation
from parley.wire import statement
from parley.wire.statement import EVERYONE, Kind, Mark, Message, Precedence
from parley_testkit.sim.parties import CODES

RULES: Final = (
    "C1", "C2", "C3", "C4", "C5", "C6", "C7", "C8", "C10",
    "key", "label", "head", "signed", "flash", "honest", "proof",
)  # fmt: skip
"""Every rule of the table above."""

ACCUSING: Final = frozenset({"history-mismatch", "key-used-elsewhere", "receipt-unsent", "receipt-by-author"})
"""Warnings that say of a peer that it did what no honest node does."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that does not hold. ``sort`` is ``safety``, ``liveness`` or ``crash``."""

    sort: str
    rule: str
    text: str
    at: float = 0.0

    def __str__(self) -> str:
        return f"{self.sort}: {self.rule}: {self.text} (at {self.at:.3f} s)"


@dataclass(slots=True)
class Copy:
    """One party's durable copy of one tree, as its commits made it."""

    commitments: list[bytes] = field(default_factory=list)
    blind: set[int] = field(default_factory=set)
    contents: set[int] = field(default_factory=set)
    arrived: set[int] = field(default_factory=set)
    signed: int = 0

    @property
    def held(self) -> int:
        """Contents from 0 without a gap."""
        return min(self.blind) if self.blind else len(self.commitments)


@dataclass(slots=True)
class Authored:
    """One entry as its author made it durable first."""

    commitment: bytes
    statement: bytes
    audience: int
    known: dict[int, dict[LogId, int]]
    """The receipts that the author had seen by then, by giver."""
    everyone: int
    """The members of its tree."""
    place: int = 0
    """What it is of all that its author wrote, over all runs; 0 where no order is promised."""


class Oracle:
    """Sees a whole world; ``fail`` is told of the first violation."""

    def __init__(self, fail: Callable[[str, str, str], None], liar: int | None) -> None:
        self._fail = fail
        self.liar = liar
        self.copies: list[dict[LogId, Copy]] = [{} for _ in CODES]
        self.losses = [0] * len(CODES)
        """How often a party's disk lost what it had made durable."""
        self.submitted: dict[object, tuple[int, tuple[object, int]]] = {}
        """Body or mark: who, and with what precedence, audience and so on."""
        self.authored: dict[LogId, list[Authored]] = {}
        self.gone: set[EntryId] = set()
        """Lost with every disk that had it."""
        self.erased: set[EntryId] = set()
        self._written: dict[object, EntryId] = {}
        self._signed: dict[tuple[str, int, str], str] = {}
        self._newest: dict[tuple[str, int, str], int] = {}
        self._unsynced: list[list[tuple[str, LogId, int]]] = [[] for _ in CODES]
        self._receipts: list[dict[int, dict[LogId, int]]] = [{} for _ in CODES]
        self._sealed: set[tuple[bytes, bytes]] = set()
        self._opened: list[set[tuple[bytes, bytes]]] = [set() for _ in CODES]
        self._salts: set[bytes] = set()
        self._arrivals = [0 for _ in CODES]
        self._places = [0 for _ in CODES]
        self._shown: dict[tuple[int, int], int] = {}
        self._loose: set[tuple[int, int]] = set()
        """Who waited as long as it may for what whom wrote, and then took what came."""
        self.flash = FlashWatch(fail)
        self.evidence: dict[LogId, set[int]] = {}

    def honest(self, member: int) -> bool:
        """Everybody but the liar."""
        return member != self.liar

    # -- keys --------------------------------------------------------------------------------------------

    def sealed(self, who: int, key: bytes, nonce: bytes) -> None:
        """A datagram was sealed."""
        if not self.honest(who):
            return
        if (key, nonce) in self._sealed:
            self._fail("safety", "key", f"member {who} used a key and nonce twice.")
        self._sealed.add((key, nonce))

    def opened(self, who: int, key: bytes, nonce: bytes) -> None:
        """A datagram opened: its key is then to be gone (D6)."""
        if self.honest(who) and (key, nonce) in self._opened[who]:
            self._fail("safety", "key", f"member {who} opened two datagrams under one key and nonce.")
        self._opened[who].add((key, nonce))

    def announces(self, who: int, message: bytes) -> None:
        """Member ``who`` signed prekeys or an announcement (D16, spec/sealing.md)."""
        label, _, rest = message.partition(b"\x00")
        named = label == b"parley/announce/v1" or (
            label == b"parley/prekeys/v1"
            and rest[:32] == self.line
            and rest[32:34] == bytes((1, who))
            and rest[34] < len(CODES)
            and (len(rest) - 35) % 1216 == 0
        )
        if not named:
            self._fail("safety", "label", f"member {who} signed without label, line or direction.")

    line: bytes

    def started(self, who: int, version: int, head: Head | None, noticed: int) -> None:
        """A node opened its store and compared it with its head file."""
        missing = max(0, head.version - version) if head is not None else 0
        if missing != noticed:
            self._fail("safety", "head", f"member {who} lost {missing} commits and noticed {noticed}.")

    def signs(self, who: int, role: str, message: bytes) -> None:
        """Member ``who`` signed a checkpoint or a receipt (C6)."""
        lines = message.decode().split("\n")
        if role == "receipt":
            lines = lines[2:]
        origin, size, root = lines[0], int(lines[1]), lines[2]
        log = log_of(origin)
        self._unsynced[who].append((role, log, size))
        before = self._signed.setdefault((f"{role}{who}{origin}", size, ""), root)
        if not self.honest(who):
            self._signed[f"{role}{who}{origin}", size, root] = root
            return
        if before != root and (self.honest(log.member) or not self.losses[who]):
            self._fail("safety", "C6", f"member {who} signed two roots of {log} at size {size} as {role}.")
        key = (role, who, origin)
        newest = self._newest.get(key, 0)
        if role == "checkpoint" and size <= newest:
            self._fail("safety", "C6", f"member {who} signed {log} at size {size} after {newest}.")
        self._newest[key] = max(size, newest)

    def line_made(self, who: int) -> None:
        """A node begins anew: what it signed and never made durable never left, and is forgotten."""
        for role, log, size in self._unsynced[who]:
            copy = self.copies[who].get(log)
            if role == "receipt" and (copy is None or copy.held < size):
                self._signed.pop((f"{role}{who}{self.origin(log)}", size, ""), None)
        self._unsynced[who].clear()
        self._opened[who].clear()

    # -- disks -------------------------------------------------------------------------------------------

    def committed(self, who: int, changes: Iterable[Change], *, reload: bool = False) -> None:
        """A commit became durable at ``who``."""
        entries = []
        arrivals = []
        for change in changes:
            match change.space:
                case r.ENTRY:
                    entries.append(change)
                case r.ARRIVAL:
                    arrivals.append(change)
                case r.SIGNED:
                    self._signature(who, change)
                case r.EVIDENCE:
                    self._accused(who, change)
        if not self.honest(who):
            return
        entries.sort(key=lambda c: c.key)
        for change in entries:
            self._entry(who, change, reload=reload)
        for change in arrivals:
            self._arrival(who, change)

    def _entry(self, who: int, change: Change, *, reload: bool) -> None:
        if change.value is None:
            self._fail("safety", "C4", f"member {who} deleted an entry.")
            return
        entry = r.read_entry_key(change.key)
        stored = StoredEntry.decode(change.value)
        copy = self.copies[who].setdefault(entry.log, Copy())
        if entry.index > len(copy.commitments):
            self._fail("safety", "C4", f"member {who} holds {entry} but only {len(copy.commitments)} before it.")
            return
        if entry.index == len(copy.commitments):
            copy.commitments.append(stored.commitment)
        elif copy.commitments[entry.index] != stored.commitment:
            self._fail("safety", "C4", f"{entry} turned into another entry at member {who}.")
        if stored.state is State.BLIND:
            copy.blind.add(entry.index)
        else:
            copy.blind.discard(entry.index)
        if stored.state is State.HELD:
            copy.contents.add(entry.index)
            self.flash.held(who, entry)
        else:
            copy.contents.discard(entry.index)
        if stored.state is State.ERASED:
            self._erased(who, entry)
        self._same_as_author(who, entry, stored, reload=reload)

    def _erased(self, who: int, entry: EntryId) -> None:
        """Our own messages stay until every recipient has them (D3)."""
        self.erased.add(entry)
        if not any(self._has(k, entry.log, entry.index) for k in range(len(CODES))):
            # Who had lost it before can have it back from nobody.
            self.gone.add(entry)
        made = self.authored.get(entry.log, ())
        if who != entry.log.member or entry.index >= len(made):
            return
        for peer, logs in enumerate(self.copies):
            copy = logs.get(entry.log)
            concerned = made[entry.index].everyone >> peer & 1 and peer != who and self.honest(peer)
            if concerned and not self.losses[peer] and (copy is None or copy.held <= entry.index):
                self._fail("safety", "C1", f"member {who} erased {entry}, which member {peer} has not got.")

    def _same_as_author(self, who: int, entry: EntryId, stored: StoredEntry, *, reload: bool) -> None:
        log = entry.log
        if not self.honest(log.member):
            return
        made = self.authored.setdefault(log, [])
        if entry.index >= len(made):
            if log.member != who or entry.index != len(made) or reload:
                self._fail("safety", "C3", f"member {who} holds {entry}, which its author never made durable.")
                return
            known = {giver: dict(logs) for giver, logs in self._receipts[who].items()}
            made.append(Authored(stored.commitment, stored.statement, stored.audience, known, self.everyone(who)))
            made[-1].place = self._placed(who, stored)
            if stored.salt in self._salts:
                self._fail("safety", "key", f"the salt of {entry} was used before.")
            self._salts.add(stored.salt)
            self._new_entry(who, entry, stored)
            return
        truth = made[entry.index]
        if stored.commitment != truth.commitment:
            self._fail("safety", "C5", f"{entry} at member {who} is not what its author has.")
        if stored.state is State.HELD:
            if stored.statement != truth.statement:
                self._fail("safety", "C3", f"{entry} reads otherwise at member {who} than at its author.")
            if truth.audience != EVERYONE and who != log.member and not truth.audience >> who & 1:
                self._fail("safety", "C3", f"member {who} has the content of {entry}, which is not for it.")

    def _placed(self, who: int, stored: StoredEntry) -> int:
        content = statement.decode(stored.statement).content
        if not isinstance(content, Message) or content.precedence is not Precedence.ROUTINE:
            return 0
        self._places[who] += 1
        return self._places[who]

    def _new_entry(self, who: int, entry: EntryId, stored: StoredEntry) -> None:
        said = statement.decode(stored.statement)
        if isinstance(said.content, Message):
            key: object = said.content.body
            what: tuple[object, int] = (said.content, said.to)
        elif isinstance(said.content, Mark):
            key = (who, said.kind, said.content.refs[0].entry)
            what = (said.content, said.to)
        else:
            return
        if self.submitted.get(key) is None or self.submitted[key][0] != who:
            self._fail("safety", "C3", f"nobody submitted {entry}.")
        elif not self._same(who, self.submitted[key][1], what):
            self._fail("safety", "C3", f"{entry} is not what was submitted.")
        elif key in self._written and not self.losses[who]:
            self._fail("safety", "C3", f"{entry} was written before, as {self._written[key]}.")
        self._written[key] = entry
        if isinstance(said.content, Message) and said.content.precedence is Precedence.FLASH:
            everyone = self.everyone(who)
            self.flash.written(who, entry, said.to & everyone if said.to != EVERYONE else everyone)

    def _same(self, who: int, submitted: tuple[object, int], stored: tuple[object, int]) -> bool:
        """One content; the audience may be spelled out, or left out where it is everyone."""
        everyone = self.everyone(who) & ~(1 << who)
        to, now = (a & ~(1 << who) or everyone for a in (submitted[1], stored[1]))
        return submitted[0] == stored[0] and (to == now or (stored[1] == EVERYONE and not everyone & ~to))

    everyone: Callable[[int], int]

    def _arrival(self, who: int, change: Change) -> None:
        entry = r.read_entry_key(change.value or b"")
        copy = self.copies[who].get(entry.log)
        if copy is None or entry.index >= len(copy.commitments):
            self._fail("safety", "C3", f"member {who} shows {entry}, which it does not hold.")
            return
        if entry.index in copy.arrived:
            self._fail("safety", "C2", f"member {who} was shown {entry} twice.")
        copy.arrived.add(entry.index)
        if int.from_bytes(change.key, "big") != self._arrivals[who]:
            self._fail("safety", "C2", f"the order of arrival of member {who} is overwritten at {entry}.")
        self._arrivals[who] += 1
        if copy.signed <= entry.index:
            self._fail("safety", "signed", f"member {who} was shown {entry}, which no checkpoint covers.")
        self._in_order(who, entry)

    def _in_order(self, who: int, entry: EntryId) -> None:
        if not self.honest(entry.log.member) or entry.log.member == who or self.losses[who]:
            return
        for log, size in self.authored[entry.log][entry.index].known.get(who, {}).items():
            copy = self.copies[who].get(log)
            if copy is None or copy.held < size:
                self._fail("safety", "C10", f"member {who} was shown {entry} before what its author knew it to hold.")

    def _told(self, who: int, entry: EntryId) -> None:
        author = entry.log.member
        if not self.honest(author) or author == who or self.losses[who] or self.losses[author]:
            return
        place, last = self.authored[entry.log][entry.index].place, self._shown.get((who, author), 0)
        if place and place < last and (who, author) not in self._loose:
            self._fail("safety", "C2", f"member {who} was shown {entry} after what was written later.")
        self._shown[who, author] = max(place, last)

    def _signature(self, who: int, change: Change) -> None:
        log = r.read_log_key(change.key)
        size = int.from_bytes(change.key[9:13], "big")
        root = _text((change.value or b"")[:32])
        origin = f"checkpoint{log.member}{self.origin(log)}"
        if root not in (self._signed.get((origin, size, "")), self._signed.get((origin, size, root))):
            self._fail("safety", "signed", f"member {who} holds a checkpoint of {log} that its author never signed.")
        copy = self.copies[who].setdefault(log, Copy())
        copy.signed = max(copy.signed, size)

    origin: Callable[[LogId], str]

    def _accused(self, who: int, change: Change) -> None:
        log = r.read_log_key(change.key)
        if not self.honest(who):
            return
        if self.honest(log.member):
            self._fail("safety", "honest", f"member {who} keeps a proof against {log}.")
        try:
            equivocation.parse(change.value or b"").verify(self.checkpoint_key(log))
        except ParleyError as error:
            self._fail("safety", "proof", f"member {who} keeps a proof against {log} that does not hold: {error}")
        self.evidence.setdefault(log, set()).add(who)

    checkpoint_key: Callable[[LogId], bytes]

    def reloaded(self, who: int, rows: Reader) -> None:
        """The disk of ``who`` lost something: begin again from what is on it."""
        if not self.honest(who):
            return
        self.losses[who] += 1
        before, self.copies[who] = self.copies[who], {}
        self._arrivals[who] = 0
        self.evidence = {log: holders - {who} for log, holders in self.evidence.items()}
        spaces = (r.SIGNED, r.ENTRY, r.ARRIVAL, r.EVIDENCE)
        self.committed(who, (Change(s, k, v) for s in spaces for k, v in rows.scan(s)), reload=True)
        for log, copy in before.items():
            after = self.copies[who].get(log, Copy())
            for index in copy.contents - after.contents:
                if not any(self._has(k, log, index) for k in range(len(CODES))):
                    self.gone.add(EntryId(log, index))

    def _has(self, who: int, log: LogId, index: int) -> bool:
        copy = self.copies[who].get(log)
        return copy is not None and index in copy.contents

    def unproven(self, who: int, log: LogId) -> str:
        """What ``who`` lacks when another honest party holds another history of a liar's tree; or nothing."""
        mine = self.copies[who].get(log)
        if mine is None or who in self.evidence.get(log, ()):
            return ""
        for other, copies in enumerate(self.copies):
            theirs = copies.get(log)
            if theirs is not None and any(a != b for a, b in zip(mine.commitments, theirs.commitments, strict=False)):
                return f"members {who} and {other} hold two histories of {log}, and {who} has no proof of it."
        return ""

    def log_with(self, who: int, index: int, data: bytes) -> LogId | None:
        """The tree of ``who`` with this statement at ``index``: a datagram may be of a run that has ended since."""
        for log, made in self.authored.items():
            if log.member == who and index < len(made) and made[index].statement == data:
                return log
        return None

    # -- bearers and events ------------------------------------------------------------------------------

    def leaves(self, who: int) -> None:
        """A datagram leaves ``who``: all that it signed so far must be durable (C7)."""
        unsynced = self._unsynced[who]
        if not unsynced:
            return
        if self.honest(who):
            for role, log, size in unsynced:
                copy = self.copies[who].get(log)
                if copy is None or (copy.held if role == "receipt" else len(copy.commitments)) < size:
                    self._fail("safety", "C7", f"a datagram left member {who} before {log} was durable at {size}.")
        unsynced.clear()

    def told(self, who: int, event: i.Event) -> None:
        """The node of ``who`` told its operator something."""
        if not self.honest(who):
            return
        match event:
            case i.Receipted(log, size, giver, _):
                if self.honest(giver) and log.member == who:
                    logs = self._receipts[who].setdefault(giver, {})
                    logs[log] = max(size, logs.get(log, 0))
                    copy = self.copies[giver].get(log)
                    if (copy is None or copy.held < size) and not self.losses[giver]:
                        self._fail("safety", "C1", f"member {giver} gave a receipt for {size} of {log} without it.")
            case i.Warned("order-incomplete", _, peer) if peer is not None:
                self._loose.add((who, peer))
            case i.Warned(code, text, peer):
                if code in ACCUSING and peer is not None and self.honest(peer):
                    self._fail("safety", "honest", f"member {who} says of honest {peer}: {text} [{code}]")
            case i.Equivocated(log):
                if self.honest(log.member):
                    self._fail("safety", "honest", f"member {who} accuses honest {log.member}.")
            case i.Arrived(entry, _):
                copy = self.copies[who].get(entry.log)
                if copy is None or entry.index not in copy.arrived:
                    self._fail("safety", "C1", f"member {who} was told of {entry} before it was durable.")
                self._told(who, entry)
            case _:
                pass

    def accepted(self, who: int, entry: EntryId) -> None:
        """An officer was told that the submission stands as ``entry`` (C1)."""
        copy = self.copies[who].get(entry.log)
        if self.honest(who) and (copy is None or entry.index >= len(copy.commitments)) and not self.losses[who]:
            self._fail("safety", "C1", f"member {who} was told that {entry} is written, and it is not durable.")

    # -- the end -----------------------------------------------------------------------------------------

    def judge_end(self, members: Sequence[int], rows: Callable[[int], Reader]) -> None:
        """What must hold of the honest ``members`` once all has settled (C1, C3, C5)."""
        heads: dict[tuple[LogId, int], bytes] = {}
        for who in members:
            for log, copy in self.copies[who].items():
                prefix = r.log_key(log)
                entries = [StoredEntry.decode(v) for _, v in rows(who).scan(r.ENTRY, prefix, r.after(prefix))]
                leaves = [sha256(b"\x00" + e.commitment).digest() for e in entries]
                if [e.commitment for e in entries] != copy.commitments:
                    self._fail("safety", "C5", f"the disk of member {who} and its commits disagree on {log}.")
                for key, value in rows(who).scan(r.SIGNED, prefix, r.after(prefix)):
                    size = int.from_bytes(key[9:13], "big")
                    if value[:32] != heads.setdefault((log, size), value[:32]) and self.honest(log.member):
                        self._fail("safety", "C5", f"two roots of {log} at {size}.")
                    if size <= len(leaves) and plain_root(leaves[:size]) != value[:32]:
                        self._fail("safety", "C5", f"the root of {log} at {size} is not that of its entries.")
        for log, made in self.authored.items():
            for index in range(len(made)):
                entry = EntryId(log, index)
                if entry not in self.gone | self.erased and not any(self._has(k, log, index) for k in members):
                    self._fail("safety", "C1", f"{entry} was durable, no disk lost it, and now nobody has it.")


class FlashWatch:
    """FLASH never waits behind ROUTINE, on any path that takes something."""

    def __init__(self, fail: Callable[[str, str, str], None]) -> None:
        self._fail = fail
        self._waiting: dict[tuple[int, int], set[EntryId]] = {}

    def written(self, who: int, entry: EntryId, to: int) -> None:
        """FLASH stands in the record of ``who``."""
        for peer in range(len(CODES)):
            if peer != who and to >> peer & 1:
                self._waiting.setdefault((who, peer), set()).add(entry)

    def waits(self, who: int, peer: int) -> set[EntryId]:
        """What has not left yet for ``peer``."""
        return self._waiting.get((who, peer), set())

    def held(self, peer: int, entry: EntryId) -> None:
        """``peer`` has it, by whomever: it waits for nobody there."""
        waiting = self._waiting.get((entry.log.member, peer))
        if waiting is not None:
            waiting.discard(entry)

    def forget(self, who: int) -> None:
        """A node begins anew: what it had sent, and what not, is not known to it."""
        for key in [k for k in self._waiting if k[0] == who]:
            del self._waiting[key]

    def leaves(self, who: int, peer: int, urgent: set[EntryId], routine: set[EntryId]) -> None:
        """A datagram with these own contents leaves ``who`` for ``peer``."""
        waiting = self.waits(who, peer)
        if routine and waiting and not waiting & urgent:
            self._fail("safety", "flash", f"{min(routine)} left member {who} for {peer} before FLASH {min(waiting)}.")
        waiting -= urgent


def _text(root: bytes) -> str:
    return base64.b64encode(root).decode()


def log_of(origin: str) -> LogId:
    """The tree that an origin names."""
    _, _, code, run = origin.split("/")
    return LogId(MemberNumber(CODES.index(code)), Incarnation(bytes.fromhex(run)))


def plain_root(leaves: Sequence[bytes]) -> bytes:
    """RFC 6962 section 2.1 as it is written there, and nothing of the product in it."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\x01" + plain_root(leaves[:split]) + plain_root(leaves[split:])).digest()


__all__ = ["Copy", "Kind", "Oracle", "Violation", "log_of", "plain_root"]
