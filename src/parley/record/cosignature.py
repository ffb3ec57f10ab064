"""Cosignatures (https://c2sp.org/tlog-cosignature): Ed25519 (0x04) and ML-DSA-44 (0x06).

By a receipt key the additional statement is: every leaf below this size, and every content addressed to me
that my log does not refuse, is durable here (D5). By its author's ML-DSA checkpoint key: this is my tree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from parley.crypto.signing import Signer, verify_ed25519, verify_mldsa44
from parley.errors import DecodeError, SignatureInvalid
from parley.ids import LineId
from parley.record.checkpoint import Checkpoint
from parley.wire import note
from parley.wire.note import NoteSignature

ED25519_BYTES: Final = 64
MLDSA44_BYTES: Final = 2420
_MAX_TIME: Final = (1 << 63) - 1


def receipt_name(line: LineId, code: str) -> str:
    """The cosigner name of a member's receipt keys."""
    return f"parley/{line.hex()}/{code}/receipt"


def checkpoint_name(line: LineId, code: str) -> str:
    """The cosigner name of a member's ML-DSA checkpoint key."""
    return f"parley/{line.hex()}/{code}/checkpoint"


def ed25519_message(checkpoint: Checkpoint, time: int) -> bytes:
    """What an Ed25519 cosignature signs. ``time`` is POSIX seconds."""
    return f"cosignature/v1\ntime {time}\n".encode() + checkpoint.body()


def mldsa44_message(name: str, time: int, checkpoint: Checkpoint, start: int = 0) -> bytes:
    """What an ML-DSA-44 cosignature signs: the structure ``cosigned_message``."""
    return b"".join(
        (
            b"subtree/v1\n\x00",
            _opaque(name),
            time.to_bytes(8, "big"),
            _opaque(checkpoint.origin),
            start.to_bytes(8, "big"),
            checkpoint.size.to_bytes(8, "big"),
            checkpoint.root,
        )
    )


def _opaque(text: str) -> bytes:
    data = text.encode()
    if not 0 < len(data) < 256:  # noqa: PLR2004
        raise DecodeError(f"a name of {len(data)} bytes in a cosignature.", code="cosignature-malformed")
    return bytes((len(data),)) + data


@dataclass(frozen=True, slots=True)
class Cosignature:
    """``time`` POSIX seconds as its giver states it; the algorithm follows from the signature's length."""

    time: int
    signature: bytes

    @property
    def algorithm(self) -> int:
        """0x04 or 0x06. Raises DecodeError for any other length."""
        match len(self.signature):
            case 64:
                return note.COSIGNATURE_ED25519
            case 2420:
                return note.COSIGNATURE_MLDSA44
        raise DecodeError(f"a cosignature of {len(self.signature)} bytes.", code="cosignature-malformed")

    def encode(self) -> bytes:
        """The structure ``timestamped_signature``."""
        return self.time.to_bytes(8, "big") + self.signature

    @classmethod
    def decode(cls, data: bytes) -> Cosignature:
        """From ``encode``. Raises DecodeError."""
        cosignature = cls(int.from_bytes(data[:8], "big"), data[8:])
        if not cosignature.algorithm or cosignature.time > _MAX_TIME:
            raise DecodeError("a cosignature time beyond 2**63 - 1.", code="cosignature-malformed")
        return cosignature

    def line(self, name: str, public: bytes) -> NoteSignature:
        """The note signature line."""
        return NoteSignature(name, note.key_id(name, self.algorithm, public), self.encode())

    def verify(self, name: str, public: bytes, checkpoint: Checkpoint) -> None:
        """Raises SignatureInvalid unless ``public`` cosigned ``checkpoint`` under ``name`` at ``time``.

        Raises DecodeError for a signature of no algorithm's length, or an origin too long to be cosigned.
        """
        if not 0 <= self.time <= _MAX_TIME:
            raise SignatureInvalid("a cosignature time beyond 2**63 - 1.", code="cosignature-malformed")
        if self.algorithm == note.COSIGNATURE_ED25519:
            verify_ed25519(public, ed25519_message(checkpoint, self.time), self.signature)
        else:
            verify_mldsa44(public, mldsa44_message(name, self.time, checkpoint), self.signature)


def cosign_ed25519(signer: Signer, checkpoint: Checkpoint, time: int) -> Cosignature:
    """An Ed25519 cosignature."""
    return Cosignature(time, signer.sign(ed25519_message(checkpoint, time)))


def cosign_mldsa44(signer: Signer, name: str, checkpoint: Checkpoint, time: int) -> Cosignature:
    """An ML-DSA-44 cosignature."""
    return Cosignature(time, signer.sign(mldsa44_message(name, time, checkpoint)))
