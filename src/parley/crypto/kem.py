"""Key transport: HPKE base mode with MLKEM768-X25519 (RFC 9180, draft-ietf-hpke-pq suite 0x647A).

The library's interface is single-shot without AAD, so everything that must be bound goes into ``info``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)

from parley.errors import DecodeError, SealInvalid

PUBLIC_BYTES = 1216
PRIVATE_BYTES = 96
_MLKEM_PUBLIC = 1184
_SUITE = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


@dataclass(frozen=True, slots=True)
class KemPrivate:
    """A private key: the ML-KEM seed (64 bytes) and the X25519 key (32 bytes)."""

    mlkem_seed: bytes
    x25519: bytes

    @classmethod
    def generate(cls, entropy: Callable[[int], bytes]) -> KemPrivate:
        """A new key from ``entropy``."""
        return cls(entropy(64), entropy(32))

    @classmethod
    def decode(cls, data: bytes) -> KemPrivate:
        """From ``encode``. Raises DecodeError."""
        if len(data) != PRIVATE_BYTES:
            raise DecodeError(f"a KEM private key of {len(data)} bytes, 96 wanted.", code="key-malformed")
        return cls(data[:64], data[64:])

    def encode(self) -> bytes:
        """96 bytes, secret."""
        return self.mlkem_seed + self.x25519

    @property
    def public(self) -> bytes:
        """1,216 bytes: ML-KEM-768 encapsulation key, then X25519 public key."""
        mlkem = MLKEM768PrivateKey.from_seed_bytes(self.mlkem_seed).public_key().public_bytes_raw()
        return mlkem + X25519PrivateKey.from_private_bytes(self.x25519).public_key().public_bytes_raw()


def hpke_seal(public: bytes, info: bytes, plaintext: bytes) -> bytes:
    """``plaintext`` sealed to ``public``: 1,136 bytes longer. Raises DecodeError for a key that is none."""
    try:
        key = MLKEM768X25519PublicKey(
            MLKEM768PublicKey.from_public_bytes(public[:_MLKEM_PUBLIC]),
            X25519PublicKey.from_public_bytes(public[_MLKEM_PUBLIC:]),
        )
        return _SUITE.encrypt(plaintext, key, info)
    except ValueError:
        raise DecodeError("a KEM public key that is none.", code="key-malformed") from None


def hpke_open(private: KemPrivate, info: bytes, sealed: bytes) -> bytes:
    """The plaintext. Raises SealInvalid."""
    key = MLKEM768X25519PrivateKey(
        MLKEM768PrivateKey.from_seed_bytes(private.mlkem_seed),
        X25519PrivateKey.from_private_bytes(private.x25519),
    )
    try:
        return _SUITE.decrypt(sealed, key, info)
    except (InvalidTag, ValueError):
        raise SealInvalid("an announcement that does not open.") from None
