"""Checkpoints (https://c2sp.org/tlog-checkpoint): origin, size and root of a tree, signed as a note."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from parley.crypto.signing import Signer, verify_ed25519
from parley.errors import DecodeError, SignatureInvalid
from parley.ids import Incarnation, LineId
from parley.wire import note
from parley.wire.note import Note, NoteSignature


def origin_of(line: LineId, code: str, incarnation: Incarnation) -> str:
    """The origin of a tree: it names line, member and run, so no two trees share one (D15)."""
    return f"parley/{line.hex()}/{code}/{incarnation.hex()}"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree head. ``root`` is 32 bytes. No extension lines: ML-DSA cosignatures do not cover them."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """The note's text."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    def body(self) -> bytes:
        """The bytes that the author signs."""
        return self.text().encode()

    def signed_note(self, signature: bytes, public: bytes) -> Note:
        """The note with its author's Ed25519 line; the key is named by the origin."""
        key = note.key_id(self.origin, note.ED25519, public)
        return Note(self.text(), (NoteSignature(self.origin, key, signature),))

    def sign(self, signer: Signer) -> Note:
        """The note, signed."""
        return self.signed_note(signer.sign(self.body()), signer.public)


def parse_text(text: str) -> Checkpoint:
    """The checkpoint of a note's text. Raises DecodeError."""
    lines = text.split("\n")
    if len(lines) != 4 or lines[3] or not lines[0]:  # noqa: PLR2004
        raise DecodeError("a checkpoint has three lines: origin, size, root.", code="checkpoint-malformed")
    try:
        root = base64.b64decode(lines[2], validate=True)
    except (binascii.Error, ValueError):
        raise DecodeError("a checkpoint whose root is not base64.", code="checkpoint-malformed") from None
    digits = lines[1]
    if not digits.isascii() or not digits.isdigit() or len(digits) > 19 or len(root) != 32:  # noqa: PLR2004
        raise DecodeError("a checkpoint whose size or root is malformed.", code="checkpoint-malformed")
    checkpoint = Checkpoint(lines[0], int(digits), root)
    if checkpoint.text() != text:
        raise DecodeError("a checkpoint that is not in its one encoding.", code="checkpoint-malformed")
    return checkpoint


def verify(signed: Note, public: bytes) -> Checkpoint:
    """The checkpoint, once its author's Ed25519 line verifies. Raises DecodeError, SignatureInvalid.

    That ``public`` may speak for the origin is the caller's to check.
    """
    checkpoint = parse_text(signed.text)
    signature = signed.signed_by(checkpoint.origin, note.key_id(checkpoint.origin, note.ED25519, public))
    if signature is None:
        raise SignatureInvalid(f"no signature by the key of {checkpoint.origin}.", code="signature-missing")
    verify_ed25519(public, checkpoint.body(), signature)
    return checkpoint
