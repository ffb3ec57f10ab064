"""Finding two histories of one tree, and proving them (D15, D18)."""

from __future__ import annotations

from collections.abc import Callable

from parley.crypto.signing import verify_ed25519
from parley.errors import DecodeError
from parley.ids import Incarnation, LineId, LogId
from parley.protocol import rows as r
from parley.protocol.membership import Membership
from parley.protocol.outbox import Peer
from parley.protocol.rows import Rows
from parley.protocol.tree import Tree, revoked
from parley.protocol.trees import Trees, TwoHistories
from parley.record import checkpoint, equivocation
from parley.record.checkpoint import Checkpoint, origin_of
from parley.record.rfc6962 import consistency_proof, consistency_roots, root_hash
from parley.wire.note import ED25519, key_id
from parley.wire.parts import Evidence, Gossip, Prove

_PENDING = 64
_INCARNATION = 8
Found = tuple[LogId, bytes]


def _own_origin(origin: str, line: LineId) -> tuple[str, Incarnation]:
    """Code and incarnation in the origin of a tree of ``line``. Raises DecodeError: a peer may sign any origin."""
    try:
        _, _, code, run = origin.split("/")
        incarnation = Incarnation(bytes.fromhex(run))
    except ValueError:
        raise DecodeError("an equivocation proof of no tree.", code="equivocation-malformed") from None
    if len(incarnation) != _INCARNATION or origin_of(line, code, incarnation) != origin:
        raise DecodeError("an equivocation proof of another line.", code="equivocation-malformed")
    return code, incarnation


class Histories:
    """Compares checkpoints from different mouths. Nothing is believed that the author did not sign."""

    def __init__(self, rows: Rows, trees: Trees, membership: Callable[[], Membership]) -> None:
        self._rows = rows
        self._trees = trees
        self._membership = membership
        self._pending: dict[tuple[LogId, int], Gossip] = {}

    def from_two(self, found: TwoHistories) -> Found | None:
        """The proof from a signed part that contradicts what is held."""
        tree = found.tree
        ours = tree.checkpoint()
        larger = ours.size > found.other.size
        leaves = self._trees.leaf_hashes(tree.log, ours.size) if larger else list(found.leaves)
        proof = equivocation.prove(ours, tree.signature, found.other, found.signature, tree.keys.checkpoint, leaves)
        if proof is None:
            proof = self._at_signed_sizes(tree, found)
        return (tree.log, proof.encode()) if proof is not None else None

    def _at_signed_sizes(self, tree: Tree, found: TwoHistories) -> equivocation.EquivocationProof | None:
        """Where the newest heads do not contradict each other directly, an earlier signed one does."""
        for key, value in self._rows.prefixed(r.SIGNED, r.log_key(tree.log)):
            size = int.from_bytes(key[9:13], "big")
            ours = Checkpoint(tree.origin, size, value[:32])
            leaves = list(found.leaves) if found.other.size >= size else self._trees.leaf_hashes(tree.log, size)
            proof = equivocation.prove(ours, value[32:], found.other, found.signature, tree.keys.checkpoint, leaves)
            if proof is not None:
                return proof
        return None

    def remind(self, peer: Peer, log: LogId) -> None:
        """Who speaks of a disputed tree as of any other lost the proof, or never had it: it goes out again.

        Not of a closed one: its party has said what stands of it, and who holds that takes no proof (ADR 90).
        """
        tree = self._trees.get(log)
        if tree is not None and tree.closed is not None:
            return
        proof = self._rows.get(r.EVIDENCE, r.log_key(log)) if log in self._trees.disputed else None
        if proof is not None:
            peer.control["evidence", log] = Evidence(proof)

    def compare(self, part: Gossip) -> tuple[Found | None, Prove | None]:
        """A proof when ``part`` contradicts what is held; or the question whose answer will tell."""
        tree = self._trees.get(part.log)
        if tree is None or part.size == 0:
            return None, None
        if tree.closed is not None and (part.size > tree.closed.size or self._trees.complete(tree)):
            return None, None  # All that its author lets stand is here, or a stolen key may have signed it.
        theirs = Checkpoint(tree.origin, part.size, part.root)
        verify_ed25519(tree.keys.checkpoint, theirs.body(), part.signature)
        root = self._trees.root_at(tree, part.size)
        if root is None:
            while len(self._pending) >= _PENDING:
                del self._pending[next(iter(self._pending))]
            self._pending[part.log, part.size] = part
            return None, Prove(part.log, tree.size, part.size)
        if root == part.root:
            return None, None
        leaves = self._trees.leaf_hashes(tree.log, tree.size)
        proof = equivocation.prove(
            tree.checkpoint(), tree.signature, theirs, part.signature, tree.keys.checkpoint, leaves
        )
        return ((tree.log, proof.encode()) if proof is not None else None), None

    def answer(self, part: Prove) -> Prove | None:
        """The path that was asked for, with our root at the old size before it."""
        tree = self._trees.get(part.log)
        if tree is None or not 0 < part.old_size < part.new_size <= tree.size:
            return None
        leaves = self._trees.leaf_hashes(part.log, part.new_size)
        path = (root_hash(leaves[: part.old_size]), *consistency_proof(leaves, part.old_size))
        return Prove(part.log, part.old_size, part.new_size, path)

    def conclude(self, part: Prove) -> Found | None:
        """The proof, when the answer shows that the gossiped head has another past than ours."""
        tree = self._trees.get(part.log)
        gossip = self._pending.pop((part.log, part.new_size), None)
        if tree is None or gossip is None or not part.path:
            return None
        if tree.closed is not None and part.new_size > tree.closed.size:
            return None
        signed = self._trees.signed_size_within(tree, part.old_size - 1, part.old_size)
        if signed is None or signed[1] == part.path[0]:
            return None
        old, new = consistency_roots(part.old_size, part.new_size, part.path[1:], part.path[0])
        if old != part.path[0] or new != gossip.root:
            return None
        ours = Checkpoint(tree.origin, part.old_size, signed[1])
        theirs = Checkpoint(tree.origin, part.new_size, gossip.root)
        public = tree.keys.checkpoint
        proof = equivocation.EquivocationProof(
            ours.signed_note(signed[2], public),
            theirs.signed_note(gossip.signature, public),
            part.path[0],
            part.path[1:],
        )
        proof.verify(public)
        return tree.log, proof.encode()

    def check_evidence(self, data: bytes) -> Found | None:
        """A proof that a peer sent. Raises DecodeError, VerificationError."""
        proof = equivocation.parse(data)
        head = checkpoint.parse_text(proof.smaller.text)
        code, incarnation = _own_origin(head.origin, self._membership().line)
        member = self._membership().by_code(code)
        for hash_, _, keys in member.certificates:
            if proof.smaller.signed_by(head.origin, key_id(head.origin, ED25519, keys.checkpoint)) is not None:
                _, larger = proof.verify(keys.checkpoint)
                log = LogId(member.number, incarnation)
                closed, tree = member.closing(hash_, incarnation), self._trees.get(log)
                if closed is not None and (larger.size > closed.size or (tree and self._trees.complete(tree))):
                    raise revoked(f"a proof of two histories of {log}")
                return log, data
        raise DecodeError("an equivocation proof under no key of its member.", code="equivocation-malformed")
