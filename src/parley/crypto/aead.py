"""AES-256-GCM-SIV (RFC 8452): misuse-resistant, so a repeated nonce reveals equality and nothing more."""

from __future__ import annotations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

from parley.errors import SealInvalid

TAG_BYTES = 16


def seal(key: bytes, nonce: bytes, plaintext: bytes, aad: bytes) -> bytes:
    """Ciphertext and 16-byte tag. ``key`` 32 bytes, ``nonce`` 12 bytes, ``plaintext`` at least one byte."""
    return AESGCMSIV(key).encrypt(nonce, plaintext, aad)


def open_(key: bytes, nonce: bytes, box: bytes, aad: bytes) -> bytes:
    """The plaintext. Raises SealInvalid, one error for every cause."""
    if len(box) < TAG_BYTES:
        raise SealInvalid("a box shorter than its tag.")
    try:
        return AESGCMSIV(key).decrypt(nonce, box, aad)
    except (InvalidTag, ValueError):
        raise SealInvalid("a box that does not open.") from None
