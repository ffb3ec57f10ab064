"""Proof that a key signed two histories of one tree (D15): a file that a third party can check.

Two signed checkpoints of one origin, and where their sizes differ a path that binds the larger one's root
to a root at the smaller size which is not the one signed. It proves what a key did, not who held it.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from parley import limits
from parley.errors import DecodeError, ProofInvalid
from parley.record import checkpoint
from parley.record.checkpoint import Checkpoint
from parley.record.rfc6962 import HASH_BYTES, consistency_proof, consistency_roots, root_hash
from parley.wire import note
from parley.wire.note import Note

_HEADER: Final = "parley/equivocation@v1"


@dataclass(frozen=True, slots=True)
class EquivocationProof:
    """Two signed checkpoints; for equal sizes ``old_root`` and ``path`` are empty."""

    smaller: Note
    larger: Note
    old_root: bytes = b""
    path: tuple[bytes, ...] = ()

    def encode(self) -> bytes:
        """The proof file."""
        hashes = [base64.b64encode(h).decode() for h in (self.old_root, *self.path) if h]
        head = "\n".join([_HEADER, str(len(hashes)), *hashes]) + "\n"
        first, second = self.smaller.encode().decode(), self.larger.encode().decode()
        return (head + f"{first.count(chr(10))}\n" + first + second).encode()

    def verify(self, public: bytes) -> tuple[Checkpoint, Checkpoint]:
        """Both checkpoints, once it holds that ``public`` signed both and that they contradict one another.

        1. both are signed by the key; 2. they name one origin; 3. at one size the roots differ; or
        4. the path leads from another root at the smaller size to the larger one's root.
        Raises DecodeError, SignatureInvalid, ProofInvalid.
        """
        first, second = checkpoint.verify(self.smaller, public), checkpoint.verify(self.larger, public)
        if first.origin != second.origin:
            raise ProofInvalid("the two checkpoints are of two trees.", code="equivocation-false")
        if first.size == second.size:
            if first.root == second.root:
                raise ProofInvalid("the two checkpoints are one.", code="equivocation-false")
            if self.old_root or self.path:
                raise ProofInvalid("a path where none belongs.", code="equivocation-false")
            return first, second
        if not 0 < first.size < second.size:
            raise ProofInvalid("the checkpoints are in the wrong order.", code="equivocation-false")
        old, new = consistency_roots(first.size, second.size, self.path, self.old_root)
        if old != self.old_root or new != second.root or old == first.root:
            raise ProofInvalid("the path does not contradict the smaller checkpoint.", code="equivocation-false")
        return first, second


def prove(
    ours: Checkpoint,
    our_signature: bytes,
    theirs: Checkpoint,
    their_signature: bytes,
    public: bytes,
    leaves_of_larger: Sequence[bytes],
) -> EquivocationProof | None:
    """The proof from two checkpoints and the leaf hashes of the larger; None when they prove nothing."""
    pair = sorted(
        ((ours.size, ours, our_signature), (theirs.size, theirs, their_signature)), key=lambda entry: entry[0]
    )
    smaller, larger = (c.signed_note(signature, public) for _, c, signature in pair)
    size, new_size = pair[0][0], pair[1][0]
    if size == new_size:
        return None if ours.root == theirs.root else EquivocationProof(smaller, larger)
    if size == 0 or len(leaves_of_larger) < new_size:
        return None
    old_root = root_hash(leaves_of_larger[:size])
    if old_root == pair[0][1].root or root_hash(leaves_of_larger[:new_size]) != pair[1][1].root:
        return None
    return EquivocationProof(smaller, larger, old_root, consistency_proof(leaves_of_larger[:new_size], size))


def parse(data: bytes) -> EquivocationProof:
    """The proof that ``data`` encodes. Raises DecodeError."""
    if len(data) > limits.MAX_DOCUMENT:
        raise DecodeError(f"a proof of {len(data)} bytes.", code="equivocation-malformed")
    try:
        lines = data.decode().split("\n")
        if lines[0] != _HEADER:
            raise DecodeError("a proof does not begin with its version.", code="equivocation-malformed")
        count = int(lines[1])
        hashes = [base64.b64decode(line, validate=True) for line in lines[2 : 2 + count]]
        split = 3 + count + int(lines[2 + count])
        smaller = note.parse(("\n".join(lines[3 + count : split]) + "\n").encode())
        larger = note.parse("\n".join(lines[split:]).encode())
        proof = EquivocationProof(smaller, larger, hashes[0] if hashes else b"", tuple(hashes[1:]))
    except (IndexError, ValueError, binascii.Error):
        raise DecodeError("a proof that is not as the specification has it.", code="equivocation-malformed") from None
    if count < 0 or any(len(h) != HASH_BYTES for h in hashes) or proof.encode() != data:
        raise DecodeError("a proof that is not in its one encoding.", code="equivocation-malformed")
    return proof
