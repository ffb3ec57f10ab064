"""C2SP signed-note: a text, an empty line, signature lines (https://c2sp.org/signed-note), all unverified."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from parley import limits
from parley.errors import DecodeError

ED25519: Final = 0x01
COSIGNATURE_ED25519: Final = 0x04
COSIGNATURE_MLDSA44: Final = 0x06
_CONTROL: Final = re.compile("[\x00-\x09\x0b-\x1f]")
_DASH: Final = "\u2014 "
_MAX_SIGNATURES: Final = 256


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line. ``key_id`` is 4 bytes; ``signature`` what follows them."""

    name: str
    key_id: bytes
    signature: bytes

    def line(self) -> str:
        """The line as it stands in the note, without its newline."""
        return f"{_DASH}{self.name} {base64.b64encode(self.key_id + self.signature).decode()}"


@dataclass(frozen=True, slots=True)
class Note:
    """A text that ends in a newline, and its signatures."""

    text: str
    signatures: tuple[NoteSignature, ...]

    def encode(self) -> bytes:
        """The note's bytes."""
        return (self.text + "\n" + "".join(s.line() + "\n" for s in self.signatures)).encode()

    def signed_by(self, name: str, key_id: bytes) -> bytes | None:
        """The signature bytes of the line with this name and key id, unverified."""
        return next((s.signature for s in self.signatures if (s.name, s.key_id) == (name, key_id)), None)

    def with_signature(self, signature: NoteSignature) -> Note:
        """This note with one line more; a line of the same name and key is replaced."""
        kept = tuple(s for s in self.signatures if (s.name, s.key_id) != (signature.name, signature.key_id))
        return Note(self.text, (*kept, signature))


def key_id(name: str, algorithm: int, public: bytes) -> bytes:
    """SHA-256(name || LF || algorithm || public key)[:4] (signed-note, "Key ID")."""
    return sha256(name.encode() + b"\n" + bytes((algorithm,)) + public).digest()[:4]


def check_name(name: str) -> None:
    """A key name is not empty and holds neither spaces nor plus signs. Raises DecodeError."""
    if not name or "+" in name or any(c.isspace() for c in name):
        raise DecodeError(f"{name!r} cannot name a key.", code="note-malformed")


def parse(data: bytes) -> Note:
    """The note that ``data`` encodes, byte for byte. Raises DecodeError."""
    if len(data) > limits.MAX_DOCUMENT:
        raise DecodeError(f"a note of {len(data)} bytes, at most {limits.MAX_DOCUMENT} wanted.", code="note-too-large")
    try:
        whole = data.decode()
    except UnicodeDecodeError:
        raise DecodeError("a note that is not UTF-8.", code="note-malformed") from None
    if _CONTROL.search(whole):
        raise DecodeError("a note with control characters.", code="note-malformed")
    cut = whole.rfind("\n\n")
    if cut < 0:
        raise DecodeError("a note without an empty line before its signatures.", code="note-malformed")
    text, lines = whole[: cut + 1], whole[cut + 2 :].split("\n")
    if lines.pop() != "" or not 0 < len(lines) <= _MAX_SIGNATURES:
        raise DecodeError("a note without whole signature lines.", code="note-malformed")
    note = Note(text, tuple(_signature(line) for line in lines))
    if note.encode() != data:
        raise DecodeError("a note that is not in its one encoding.", code="note-malformed")
    return note


def _signature(line: str) -> NoteSignature:
    if not line.startswith(_DASH):
        raise DecodeError("a signature line without its dash.", code="note-malformed")
    name, _, encoded = line[len(_DASH) :].partition(" ")
    check_name(name)
    try:
        raw = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise DecodeError("a signature line that is not base64.", code="note-malformed") from None
    if len(raw) < 5:  # noqa: PLR2004
        raise DecodeError("a signature line that is too short.", code="note-malformed")
    return NoteSignature(name, raw[:4], raw[4:])


def vkey(name: str, algorithm: int, public: bytes) -> str:
    """A verifier key as C2SP writes it: name+hex key id+base64(algorithm || public key)."""
    check_name(name)
    encoded = base64.b64encode(bytes((algorithm,)) + public).decode()
    return f"{name}+{key_id(name, algorithm, public).hex()}+{encoded}"


def parse_vkey(text: str) -> tuple[str, int, bytes]:
    """Name, algorithm and public key of a verifier key. Raises DecodeError."""
    name, _, rest = text.partition("+")
    ident, _, encoded = rest.partition("+")
    check_name(name)
    try:
        raw = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise DecodeError("a verifier key that is not base64.", code="note-malformed") from None
    if len(raw) < 2 or key_id(name, raw[0], raw[1:]).hex() != ident:  # noqa: PLR2004
        raise DecodeError("a verifier key whose id is not its own.", code="note-malformed")
    if vkey(name, raw[0], raw[1:]) != text:
        raise DecodeError("a verifier key that is not in its one encoding.", code="note-malformed")
    return name, raw[0], raw[1:]
