"""Taking in the documents of a line, and what follows from each: members, keys, and the trees that are closed (D11).

Theory. A revocation looks forward (ADR 90). What was held under the certificate stays, verified and shown. Nothing more
is taken under it but what lies at or below its closing heads, and nothing beyond them is passed on. A node whose own
certificate is revoked is ``silent``: it writes nothing, takes no entries and gives no receipts until it starts with
newer keys; documents still come and go.

Chains and prekeys hang on the announce key that vouched for them. When a key of a member stands no longer, the chains
that it announced are forgotten, the prekeys that it signed as well, and so are our chains which that member hears: who
has the key may know them. Which keys stood when this was last looked at is in a row, since documents also come while
the node does not run.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from parley.errors import DecodeError, DocumentError
from parley.ids import Incarnation, MemberNumber
from parley.protocol import inputs as i
from parley.protocol import membership as members
from parley.protocol import rows as r
from parley.protocol.announcer import announce_keys
from parley.protocol.credit import Intake
from parley.protocol.membership import Member, Membership
from parley.protocol.outbox import Peer

if TYPE_CHECKING:
    from parley.protocol.line import Line


class Roster:
    """Acts for one Line, and keeps the membership in force."""

    def __init__(self, line: Line, membership: Membership) -> None:
        self._line = line
        self.membership = membership
        self.silent = False
        """True while the certificate of this node's own keys is revoked."""

    def begin(self) -> None:
        """Go by the documents with which the line was made, once its parts are there."""
        self._go_by()

    def add(self, given: i.AddDocument, now: i.Now) -> None:
        """A document that the operator gives."""
        try:
            self.take(given.note, now)
        except (DecodeError, DocumentError) as error:
            self._line.tell(i.Warned(error.code, error.message))

    def take(self, note: bytes, now: i.Now) -> None:
        """Take a document in, whoever brought it. Raises DecodeError, DocumentError."""
        line, before = self._line, self.membership
        after = members.extend(before, note)
        if after is before:
            return
        self.membership = after
        for hash_ in after.notes.keys() - before.notes.keys():
            line.rows.put(r.DOCUMENT, hash_, after.notes[hash_])
        if after.current.hash != before.current.hash:
            # Members and audience widths are fixed for a tree, so a new revision begins a new one.
            line.incarnation = Incarnation(line.entropy(8))
            line.chains.incarnation = line.incarnation
            line.chains.knows_us.clear()
            line.author.new_run()
        was_silent = self.silent
        self._go_by()
        if self.silent and not was_silent:
            text = "the certificate of this node's keys was revoked; it says nothing until it starts with newer keys."
            line.tell(i.Warned("certificate-revoked", text, line.me))
        line.tell(i.MembershipChanged())
        for peer in line.peers.values():
            line.ask_have(peer, now.boot)

    def hashes(self) -> tuple[bytes, ...]:
        """The first 8 bytes of each document's hash, for HAVE."""
        return tuple(sorted(h[:8] for h in self.membership.notes))

    def _go_by(self) -> None:
        own = self.membership.members.get(self._line.me)
        if own is not None:
            public = self._line.signers.checkpoint.public
            revoked = any(h in own.closed and keys.checkpoint == public for h, _, keys in own.certificates)
            self.silent = revoked and all(keys.checkpoint != public for keys in own.standing)
        for member in self.membership.members.values():
            self._vouched(member)
        self._close()
        self._sync_peers()

    def _vouched(self, member: Member) -> None:
        """Forget what a key of ``member`` vouched for that stands no longer."""
        line = self._line
        keys = (line.signers.announce.public,) if member.number == line.me else announce_keys(member)
        stand = b"".join(sorted(sha256(key).digest()[:8] for key in keys))
        row = line.rows.get(r.CHAIN, b"k" + bytes((member.number,)))
        stood = row if row is not None else sha256(member.certificates[0][2].announce).digest()[:8]
        if stand == stood:
            return
        line.rows.put(r.CHAIN, b"k" + bytes((member.number,)), stand)
        if {stood[n : n + 8] for n in range(0, len(stood), 8)} <= {stand[n : n + 8] for n in range(0, len(stand), 8)}:
            return
        line.chains.forget(member.number)

    def _close(self) -> None:
        """Nothing of a tree that is closed is on its way any more beyond its closing head."""
        line = self._line
        for tree in line.trees.close():
            for peer in line.peers.values():
                out = peer.trees.get(tree.log)
                if out is not None and tree.log.member == line.me:
                    line.outbox.reset(out, tree, out.confirmed)
                elif out is not None:
                    del peer.trees[tree.log]

    def _sync_peers(self) -> None:
        line = self._line
        wanted = self.membership.peers(line.me)
        for number in wanted:
            if number not in line.peers:
                peer = Peer(number, Intake(line.settings))
                line.peers[number] = peer
                for tree in line.trees:
                    if tree.log.member == line.me:
                        line.sender.follow(peer, tree)
        for number in set(line.peers) - set(wanted):
            del line.peers[MemberNumber(number)]
