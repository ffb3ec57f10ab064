"""What every disk holds: durable (C1), shown once, in order (C2, C10), as written (C3), whole (C4), the same (C5)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256

from parley.errors import ParleyError
from parley.ids import EntryId, LogId
from parley.ports import Change, Reader
from parley.protocol import rows as r
from parley.protocol.entries import State, StoredEntry
from parley.record import equivocation
from parley.wire import statement
from parley.wire.statement import EVERYONE, Mark, Message, Precedence
from parley_testkit.sim.desk import DRAFT
from parley_testkit.sim.oracle.facts import Authored, Copy, Fail, plain_root, text_of
from parley_testkit.sim.oracle.flash import FlashWatch
from parley_testkit.sim.oracle.keys import KeyWatch
from parley_testkit.sim.oracle.order import OrderWatch
from parley_testkit.sim.oracle.releases import ReleaseWatch
from parley_testkit.sim.oracle.signatures import SignatureWatch
from parley_testkit.sim.oracle.stolen import StolenWatch
from parley_testkit.sim.parties import CODES


class DiskWatch:
    """Sees every commit of every party."""

    def __init__(self, fail: Fail, liar: int | None) -> None:
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
        self.evidence: dict[LogId, set[int]] = {}
        """Who keeps a proof against a tree."""
        self.receipts: list[dict[int, dict[LogId, int]]] = [{} for _ in CODES]
        """What each party has seen receipts for, by giver."""
        self._written: dict[object, EntryId] = {}
        self._arrivals = [0 for _ in CODES]
        self.keys = KeyWatch(fail, self.honest)
        self.signatures = SignatureWatch(fail, self.honest, self.copies, self.losses)
        self.flash = FlashWatch(fail)
        self.order = OrderWatch(fail)
        self.releases = ReleaseWatch(fail, self.honest)
        self.stolen = StolenWatch(fail, self.copies)
        self.signatures.tainted = self.stolen.tainted

    everyone: Callable[[int], int]
    """The members of the line as a node knows it."""
    checkpoint_key: Callable[[LogId], bytes]
    """The key that signs a tree."""

    def honest(self, member: int) -> bool:
        """Everybody but the liar."""
        return member != self.liar

    def genuine(self, log: LogId) -> bool:
        """An honest party's tree, in which nobody else wrote with its key."""
        return self.honest(log.member) and log not in self.stolen.tainted

    def committed(self, who: int, changes: Iterable[Change], *, reload: bool = False) -> None:
        """A commit became durable at ``who``."""
        entries = []
        arrivals = []
        changes = list(changes)
        self.stolen.commits(who, changes, reload=reload)
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
            concerned = concerned and peer not in self.stolen.members  # Somebody may have receipted in its name.
            if concerned and not self.losses[peer] and (copy is None or copy.held <= entry.index):
                self._fail("safety", "C1", f"member {who} erased {entry}, which member {peer} has not got.")

    def _same_as_author(self, who: int, entry: EntryId, stored: StoredEntry, *, reload: bool) -> None:
        log = entry.log
        if not self.genuine(log):
            return
        made = self.authored.setdefault(log, [])
        if entry.index >= len(made):
            if log.member != who or entry.index != len(made) or reload:
                self._fail("safety", "C3", f"member {who} holds {entry}, which its author never made durable.")
                return
            known = {giver: dict(logs) for giver, logs in self.receipts[who].items()}
            made.append(Authored(stored.commitment, stored.statement, stored.audience, known, self.everyone(who)))
            made[-1].place = self.order.placed(who, stored)
            self.keys.salted(stored.salt, entry)
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
        if isinstance(said.content, Message) and str(said.content.body).startswith(DRAFT):
            self.releases.written(who, entry, said.content, self.submitted.get(key, (0, (None, said.to)))[1][1])
        if isinstance(said.content, Message) and said.content.precedence is Precedence.FLASH:
            everyone = self.everyone(who)
            self.flash.written(who, entry, said.to & everyone if said.to != EVERYONE else everyone)

    def _same(self, who: int, submitted: tuple[object, int], stored: tuple[object, int]) -> bool:
        """One content; the audience may be spelled out, or left out where it is everyone."""
        everyone = self.everyone(who) & ~(1 << who)
        to, now = (a & ~(1 << who) or everyone for a in (submitted[1], stored[1]))
        return submitted[0] == stored[0] and (to == now or (stored[1] == EVERYONE and not everyone & ~to))

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
        if not self.genuine(entry.log) or entry.log.member == who or self.losses[who]:
            return
        for log, size in self.authored[entry.log][entry.index].known.get(who, {}).items():
            copy = self.copies[who].get(log)
            if copy is None or copy.held < size:
                self._fail("safety", "C10", f"member {who} was shown {entry} before what its author knew it to hold.")

    def _signature(self, who: int, change: Change) -> None:
        log = r.read_log_key(change.key)
        size = int.from_bytes(change.key[9:13], "big")
        root = text_of((change.value or b"")[:32])
        stolen = self.stolen.has_signed(self.signatures.origin(log), size, root)
        if not stolen and not self.signatures.has_signed(log, size, root):
            self._fail("safety", "signed", f"member {who} holds a checkpoint of {log} that its author never signed.")
        copy = self.copies[who].setdefault(log, Copy())
        copy.signed = max(copy.signed, size)

    def _accused(self, who: int, change: Change) -> None:
        log = r.read_log_key(change.key)
        if not self.honest(who) or log in self.stolen.tainted:
            return
        if self.honest(log.member):
            self._fail("safety", "honest", f"member {who} keeps a proof against {log}.")
        try:
            equivocation.parse(change.value or b"").verify(self.checkpoint_key(log))
        except ParleyError as error:
            self._fail("safety", "proof", f"member {who} keeps a proof against {log} that does not hold: {error}")
        self.evidence.setdefault(log, set()).add(who)

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

    def forked(self, who: int, log: LogId) -> bool:
        """True when ``who`` was shown another history than others, by a thief of its author's key."""
        mine = self.copies[who].get(log)
        if mine is None or log not in self.stolen.tainted:
            return False
        others = [copies[log].commitments for copies in self.copies if log in copies]
        return any(a != b for other in others for a, b in zip(mine.commitments, other, strict=False))

    def log_with(self, who: int, index: int, data: bytes) -> LogId | None:
        """The tree of ``who`` with this statement at ``index``: a datagram may be of a run that has ended since."""
        for log, made in self.authored.items():
            if log.member == who and index < len(made) and made[index].statement == data:
                return log
        return None

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
                    if value[:32] != heads.setdefault((log, size), value[:32]) and self.genuine(log):
                        self._fail("safety", "C5", f"two roots of {log} at {size}.")
                    if size <= len(leaves) and plain_root(leaves[:size]) != value[:32]:
                        self._fail("safety", "C5", f"the root of {log} at {size} is not that of its entries.")
        for log, made in self.authored.items():
            for index in range(len(made)):
                entry = EntryId(log, index)
                if entry not in self.gone | self.erased and not any(self._has(k, log, index) for k in members):
                    self._fail("safety", "C1", f"{entry} was durable, no disk lost it, and now nobody has it.")
