"""Receipts: cosignatures given and taken (D2, D5; C2SP tlog-cosignature)."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from parley.errors import VerificationError
from parley.ids import Incarnation, LogId, MemberNumber
from parley.protocol import rows as r
from parley.protocol.membership import Membership
from parley.protocol.rows import Rows
from parley.protocol.signers import Signers
from parley.protocol.tree import Tree, revoked
from parley.protocol.trees import Trees
from parley.record.checkpoint import Checkpoint
from parley.record.cosignature import (
    Cosignature,
    checkpoint_name,
    cosign_ed25519,
    cosign_mldsa44,
    receipt_name,
)
from parley.wire import note
from parley.wire.parts import Cosigned


class Receipts:
    """Gives receipts for what the running step makes durable, and checks those of others."""

    def __init__(
        self,
        rows: Rows,
        trees: Trees,
        membership: Callable[[], Membership],
        me: MemberNumber,
        signers: Signers,
    ) -> None:
        self._rows = rows
        self._trees = trees
        self._membership = membership
        self._me = me
        self._signers = signers
        self._due: dict[LogId, Tree] = {}
        self._pq_done: dict[LogId, int] = {}

    def due(self, tree: Tree, peer: MemberNumber) -> None:
        """Entries of ``tree`` came from ``peer``: a receipt is due even when all were known."""
        del peer
        if tree.log.member != self._me:
            self._due[tree.log] = tree

    def again(self, author: MemberNumber, runs: Iterable[Incarnation]) -> None:
        """Receipts on the trees of these runs are due again: their author asks (R14)."""
        for run in runs:
            tree = self._trees.get(LogId(author, run))
            if tree is not None:
                self.due(tree, author)

    def give(self, wall: int) -> list[Cosigned]:  # model: give receipt
        """The receipts that are due, at the greatest signed size whose contents are all here."""
        due, self._due = self._due, {}
        given: list[Cosigned] = []
        for tree in due.values():
            head = self._trees.receiptable(tree)
            if head is None:
                continue
            cosignature = cosign_ed25519(self._signers.receipt, head, wall)
            if head.size > tree.receipted:
                key = r.receipt_key(tree.log, self._me, note.COSIGNATURE_ED25519, head.size)
                self._rows.put(r.RECEIPT, key, cosignature.encode())
                tree.receipted = head.size
            given.append(Cosigned(tree.log, head.size, wall, cosignature.signature))
        return given

    def heartbeat(self, peer: MemberNumber) -> None:
        """Let the newest tree of ``peer`` have a fresh receipt with this step."""
        mine = [t for t in self._trees if t.log.member == peer and t.closed is None]
        if mine:
            newest = max(mine, key=lambda t: t.receipted)
            self._due[newest.log] = newest

    def post_quantum(self, wall: int) -> list[Cosigned]:
        """ML-DSA-44 cosignatures of what is new: on our own trees, and receipts on the others' (D5)."""
        given: list[Cosigned] = []
        for tree in self._trees:
            own = tree.log.member == self._me
            head = tree.checkpoint() if own and tree.size else None if own else self._trees.receiptable(tree)
            if head is None or head.size <= self._pq_size(tree.log):
                continue
            code = self._membership().member(self._me).code
            line = self._membership().line
            name = checkpoint_name(line, code) if own else receipt_name(line, code)
            signer = self._signers.checkpoint_pq if own else self._signers.receipt_pq
            if own and signer.public != tree.keys.checkpoint_pq:
                continue
            cosignature = cosign_mldsa44(signer, name, head, wall)
            key = r.receipt_key(tree.log, self._me, note.COSIGNATURE_MLDSA44, head.size)
            self._rows.put(r.RECEIPT, key, cosignature.encode())
            self._pq_done[tree.log] = head.size
            given.append(Cosigned(tree.log, head.size, wall, cosignature.signature))
        return given

    def _pq_size(self, log: LogId) -> int:
        done = self._pq_done.get(log)
        if done is None:
            row = self._rows.last(r.RECEIPT, r.receipt_key(log, self._me, note.COSIGNATURE_MLDSA44))
            done = self._pq_done[log] = int.from_bytes(row[0][11:15], "big") if row is not None else 0
        return done

    def accept(
        self, part: Cosigned, giver: MemberNumber, current: LogId
    ) -> tuple[Tree, bool] | None:  # model: take receipt
        """Verify a cosignature and keep it (spec/protocol.md section 6).

        1. the tree is known, and not longer claimed than it is here; 2. the giver is a member; 3. one of
        the giver's receipt keys, or the author's own ML-DSA checkpoint key, signed the checkpoint that
        this node holds at that size. The tree, and True when it covers more than before. None for a tree
        or size that is not known here. Raises VerificationError.
        """
        tree = self._trees.get(part.log)
        if tree is None:
            return None
        root = self._trees.root_at(tree, part.size)
        if root is None:
            if part.log == current:
                raise VerificationError(
                    f"member {giver} gave a receipt for {part.size} entries of {tree.size}.",
                    code="receipt-unsent",
                )
            return None
        head = Checkpoint(tree.origin, part.size, root)
        cosignature = Cosignature(part.time, part.signature)
        self._verify(tree, giver, head, cosignature)
        key = r.receipt_key(tree.log, giver, cosignature.algorithm, part.size)
        fresh = cosignature.algorithm == note.COSIGNATURE_ED25519 and part.size > tree.receipts.get(giver, 0)
        if fresh or self._rows.get(r.RECEIPT, key) is None:
            self._rows.put(r.RECEIPT, key, cosignature.encode())
        if fresh:
            tree.receipts[giver] = part.size
        return tree, fresh

    def _verify(self, tree: Tree, giver: MemberNumber, head: Checkpoint, cosignature: Cosignature) -> None:
        member = self._membership().member(giver)
        line = self._membership().line
        if giver == tree.log.member:
            if cosignature.algorithm != note.COSIGNATURE_MLDSA44:
                raise VerificationError("an author gives no receipt on its own tree.", code="receipt-by-author")
            if tree.closed is not None and head.size > tree.closed.size:
                raise revoked(f"a cosignature of {tree.log} at {head.size}")
            cosignature.verify(checkpoint_name(line, member.code), tree.keys.checkpoint_pq, head)
            return
        pq = cosignature.algorithm == note.COSIGNATURE_MLDSA44
        problem: VerificationError | None = None
        for hash_, _, keys in reversed(member.certificates):
            try:
                cosignature.verify(receipt_name(line, member.code), keys.receipt_pq if pq else keys.receipt, head)
            except VerificationError as error:
                problem = error
            else:
                if hash_ in member.closed:
                    raise revoked(f"a receipt of {member.code}")
                return
        raise problem or VerificationError(f"{member.code} has no receipt key.", code="certificate-missing")
