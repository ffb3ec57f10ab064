"""Proofs that travel with one entry (https://c2sp.org/tlog-proof): anyone can check one against a checkpoint.

The extra data of Parley's proofs is salt (32 bytes) || statement, from which the leaf data is computed.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Final

from parley import limits
from parley.errors import DecodeError
from parley.record import checkpoint
from parley.record.checkpoint import Checkpoint
from parley.record.rfc6962 import leaf_hash, verify_inclusion
from parley.wire import note
from parley.wire.note import Note

_HEADER: Final = "c2sp.org/tlog-proof@v1"


@dataclass(frozen=True, slots=True)
class TlogProof:
    """Entry ``index`` lies under the checkpoint in ``signed``. ``extra`` is not authenticated by itself."""

    index: int
    path: tuple[bytes, ...]
    signed: Note
    extra: bytes = b""

    def encode(self) -> bytes:
        """The proof's text."""
        lines = [_HEADER]
        if self.extra:
            lines.append("extra " + base64.b64encode(self.extra).decode())
        lines.append(f"index {self.index}")
        lines += [base64.b64encode(element).decode() for element in self.path]
        return "\n".join(lines).encode() + b"\n\n" + self.signed.encode()

    def verify(self, leaf_data: bytes, public: bytes) -> Checkpoint:
        """The checkpoint, once its author's key and the path hold.

        Steps 1, 2 and 4 of the specification; that ``public`` may speak for the origin, and steps 3's
        cosignatures, are the caller's to check. Raises DecodeError, SignatureInvalid, ProofInvalid.
        """
        head = checkpoint.verify(self.signed, public)
        verify_inclusion(leaf_hash(leaf_data), self.index, head.size, self.path, head.root)
        return head


def parse(data: bytes) -> TlogProof:
    """The proof that ``data`` encodes. Raises DecodeError."""
    if len(data) > limits.MAX_DOCUMENT:
        raise DecodeError(f"a proof of {len(data)} bytes.", code="proof-too-large")
    head, _, rest = data.partition(b"\n\n")
    try:
        lines = head.decode("ascii").split("\n")
        if lines.pop(0) != _HEADER:
            raise DecodeError("a proof does not begin with its version.", code="proof-malformed")
        extra = b""
        if lines and lines[0].startswith("extra "):
            extra = base64.b64decode(lines.pop(0)[6:], validate=True)
        word, _, number = lines.pop(0).partition(" ")
        path = tuple(base64.b64decode(line, validate=True) for line in lines)
        proof = TlogProof(int(number) if word == "index" else -1, path, note.parse(rest), extra)
    except (IndexError, ValueError, binascii.Error):
        raise DecodeError("a proof that is not as the specification has it.", code="proof-malformed") from None
    if proof.index < 0 or proof.encode() != data or any(len(h) != 32 for h in path):  # noqa: PLR2004
        raise DecodeError("a proof that is not in its one encoding.", code="proof-malformed")
    return proof
