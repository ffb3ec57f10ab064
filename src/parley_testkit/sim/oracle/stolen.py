"""From when a member has taken a revocation, nothing new under the certificate is taken beyond its closing heads.

What a thief signs is known, so that it is not taken for what its owner signed. The heads are read from the documents
here, and not from what the product makes of them.
"""

from __future__ import annotations

from collections.abc import Iterable

from parley.ids import EntryId, Incarnation, LogId, MemberNumber
from parley.ports import Change
from parley.protocol import rows as r
from parley.protocol.entries import State, StoredEntry
from parley.wire import documents, statement
from parley.wire.documents import Revocation
from parley.wire.statement import Opened
from parley_testkit.sim.oracle.facts import Copy, Fail, log_of
from parley_testkit.sim.parties import CODES

Heads = dict[Incarnation, int]


class StolenWatch:
    """Knows who has taken which revocation, and what a thief signed."""

    def __init__(self, fail: Fail, copies: list[dict[LogId, Copy]]) -> None:
        self._fail = fail
        self._copies = copies
        self._closed: list[dict[bytes, Heads]] = [{} for _ in CODES]
        """What each member knows to be revoked: by certificate, where its runs end."""
        self._certificates: dict[LogId, bytes] = {}
        self._signed: set[tuple[str, int, str]] = set()
        self._receipts: dict[bytes, tuple[int, bytes]] = {}
        """Whose receipt key, of which certificate, made a signature."""
        self.tainted: set[LogId] = set()
        """Runs in which a thief wrote."""
        self.members: set[int] = set()
        """Whose keys were stolen once."""

    # -- what a thief does -------------------------------------------------------------------------------

    def theft(self, who: int) -> None:
        """The keys of ``who`` are in other hands."""
        self.members.add(who)

    def checkpoint(self, message: bytes, signature: bytes) -> None:
        """A thief signed a head."""
        del signature
        origin, size, root = message.decode().split("\n")[:3]
        self._signed.add((origin, int(size), root))
        self.tainted.add(log_of(origin))

    def has_signed(self, origin: str, size: int, root: str) -> bool:
        """True when a thief signed this head."""
        return (origin, size, root) in self._signed

    def receipt(self, who: int, certificate: bytes, signature: bytes) -> None:
        """The receipt key of ``who`` under ``certificate`` made ``signature``, whoever had it."""
        self._receipts[signature] = (who, certificate)

    # -- what members know -------------------------------------------------------------------------------

    def begins(self, who: int, notes: Iterable[bytes]) -> None:
        """The node of ``who`` starts, and knows these documents."""
        self._closed[who] = {}
        for note in notes:
            self._takes(who, note)

    def _takes(self, who: int, note: bytes) -> None:
        word = documents.parse(note)[1]
        if isinstance(word, Revocation):
            runs = {Incarnation(c.run): c.size for c in word.closed}
            known = self._closed[who].get(word.certificate)
            if known is not None:
                runs = {run: min(size, known[run]) for run, size in runs.items() if run in known}
            self._closed[who][word.certificate] = runs

    def end(self, log: LogId) -> int | None:
        """Where ``log`` ends by all that anybody has taken; None where it is not closed."""
        certificate = self._certificates.get(log)
        ends = [c[certificate].get(log.incarnation, 0) for c in self._closed if certificate in c] if certificate else []
        return min(ends) if ends else None

    # -- what becomes durable ----------------------------------------------------------------------------

    def commits(self, who: int, changes: Iterable[Change], *, reload: bool) -> None:
        """Before the copies of ``who`` are brought up to date. What comes in one commit with the word is let pass."""
        words = []
        for change in changes:
            if change.value is None:
                continue
            if change.space == r.ENTRY:
                self._entry(who, r.read_entry_key(change.key), StoredEntry.decode(change.value), reload=reload)
            elif change.space == r.RECEIPT and not reload:
                self._taken(who, MemberNumber(change.key[9]), change.value[8:])
            elif change.space == r.DOCUMENT:
                words.append(change.value)
        for word in words:
            self._takes(who, word)

    def _entry(self, who: int, entry: EntryId, stored: StoredEntry, *, reload: bool) -> None:
        if entry.index == 0 and stored.statement:
            content = statement.decode(stored.statement).content
            if isinstance(content, Opened):
                self._certificates[entry.log] = content.certificate
        closed = self._closed[who].get(self._certificates.get(entry.log, b""))
        if reload or closed is None or entry.index < closed.get(entry.log.incarnation, 0):
            return
        copy = self._copies[who].get(entry.log, Copy())
        fresh = entry.index >= len(copy.commitments)
        if fresh or (stored.state is State.HELD and entry.index not in copy.contents):
            self._fail("safety", "revoked", f"member {who} took {entry}, though it knew the certificate to be revoked.")

    def _taken(self, who: int, giver: MemberNumber, signature: bytes) -> None:
        made = self._receipts.get(signature)
        if made is not None and made[0] == giver and made[1] in self._closed[who] and giver != who:
            self._fail("safety", "revoked", f"member {who} took a receipt under a revoked certificate of {giver}.")
