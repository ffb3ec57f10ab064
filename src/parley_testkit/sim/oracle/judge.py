"""The checkers together: what a world tells, handed to whoever watches it."""

from __future__ import annotations

from typing import Final

from parley.ids import EntryId
from parley.ports import Head
from parley.protocol import inputs as i
from parley_testkit.sim.oracle.disks import DiskWatch

RULES: Final = (
    "C1", "C2", "C3", "C4", "C5", "C6", "C7", "C8", "C9", "C10",
    "key", "label", "head", "signed", "flash", "honest", "proof", "revoked",
)  # fmt: skip
"""Every rule of the package's table."""

ACCUSING: Final = frozenset({"history-mismatch", "key-used-elsewhere", "receipt-unsent", "receipt-by-author"})
"""Warnings that say of a peer that it did what no honest node does."""


class Oracle(DiskWatch):
    """Sees a whole world: its disks, and what nodes tell; ``fail`` is told of the first violation."""

    def started(self, who: int, version: int, head: Head | None, noticed: int) -> None:
        """A node opened its store and compared it with its head file."""
        missing = max(0, head.version - version) if head is not None else 0
        if missing != noticed:
            self._fail("safety", "head", f"member {who} lost {missing} commits and noticed {noticed}.")

    def line_made(self, who: int) -> None:
        """A node begins anew: what it signed and never made durable never left, and is forgotten."""
        self.signatures.begins(who)
        self.keys.begins(who)
        self.flash.forget(who)

    def told(self, who: int, event: i.Event) -> None:
        """The node of ``who`` told its operator something."""
        if not self.honest(who):
            return
        match event:
            case i.Receipted(log, size, giver, _):
                false = giver in self.stolen.members and not self.signatures.has_receipted(giver, log, size)
                if self.honest(giver) and log.member == who and not false:
                    logs = self.receipts[who].setdefault(giver, {})
                    logs[log] = max(size, logs.get(log, 0))
                    copy = self.copies[giver].get(log)
                    if (copy is None or copy.held < size) and not self.losses[giver]:
                        self._fail("safety", "C1", f"member {giver} gave a receipt for {size} of {log} without it.")
            case i.Warned("order-incomplete", _, peer) if peer is not None:
                self.order.waited(who, peer)
            case i.Warned(code, text, peer):
                if code in ACCUSING and peer is not None and self.honest(peer) and peer not in self.stolen.members:
                    self._fail("safety", "honest", f"member {who} says of honest {peer}: {text} [{code}]")
            case i.Equivocated(log):
                if self.genuine(log):
                    self._fail("safety", "honest", f"member {who} accuses honest {log.member}.")
            case i.Arrived(entry, _):
                copy = self.copies[who].get(entry.log)
                if copy is None or entry.index not in copy.arrived:
                    self._fail("safety", "C1", f"member {who} was told of {entry} before it was durable.")
                author = entry.log.member
                lost = self.losses[who] or self.losses[author] or author in self.stolen.members
                if self.genuine(entry.log) and author != who and not lost:
                    self.order.told(who, entry, self.authored[entry.log][entry.index].place)
            case _:
                pass

    def accepted(self, who: int, entry: EntryId) -> None:
        """An officer was told that the submission stands as ``entry`` (C1)."""
        copy = self.copies[who].get(entry.log)
        if self.honest(who) and (copy is None or entry.index >= len(copy.commitments)) and not self.losses[who]:
            self._fail("safety", "C1", f"member {who} was told that {entry} is written, and it is not durable.")
