"""Ed25519 (RFC 8032) and ML-DSA-44 (FIPS 204) behind one small protocol, so that a token can sign instead."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

from parley.errors import SignatureInvalid

ED25519_PUBLIC_BYTES: Final = 32
_P: Final = 2**255 - 19
# y-coordinates of the eight points whose order divides the cofactor (RFC 8032 section 5.1.7).
_SMALL_ORDER_Y: Final = frozenset(
    {
        0,
        1,
        _P - 1,
        2707385501144840649318225287225658788936804267575313519463743609750303402022,
        55188659117513257062467267217118295137698188065244968500265048394206261417927,
    }
)


class Signer(Protocol):
    """Signs with a key that it alone can use."""

    @property
    def public(self) -> bytes:
        """The public key, raw."""
        ...

    def sign(self, message: bytes) -> bytes:
        """The signature, raw."""
        ...


class Ed25519Signer:
    """A software Ed25519 key from its 32-byte seed."""

    def __init__(self, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self._public = self._key.public_key().public_bytes_raw()

    @classmethod
    def generate(cls, entropy: Callable[[int], bytes]) -> Ed25519Signer:
        """A new key."""
        return cls(entropy(32))

    @property
    def public(self) -> bytes:
        """32 bytes."""
        return self._public

    def sign(self, message: bytes) -> bytes:
        """64 bytes."""
        return self._key.sign(message)


class MlDsa44Signer:
    """A software ML-DSA-44 key from its 32-byte seed."""

    def __init__(self, seed: bytes) -> None:
        self._key = MLDSA44PrivateKey.from_seed_bytes(seed)
        self._public = self._key.public_key().public_bytes_raw()

    @property
    def public(self) -> bytes:
        """1,312 bytes."""
        return self._public

    def sign(self, message: bytes) -> bytes:
        """2,420 bytes."""
        return self._key.sign(message)


def check_ed25519_key(public: bytes) -> None:
    """Refuse a key of small order or in a non-canonical encoding (objection 9). Raises SignatureInvalid.

    Under such a key a signature proves nothing: OpenSSL accepts it for messages its owner never saw.
    """
    if len(public) != ED25519_PUBLIC_BYTES:
        raise SignatureInvalid(f"an Ed25519 key of {len(public)} bytes, 32 wanted.", code="key-malformed")
    y = int.from_bytes(public, "little") & ((1 << 255) - 1)
    if y >= _P:
        raise SignatureInvalid("an Ed25519 key in a non-canonical encoding.", code="key-non-canonical")
    if y in _SMALL_ORDER_Y:
        raise SignatureInvalid("an Ed25519 key of small order.", code="key-small-order")


@lru_cache(maxsize=256)
def _ed25519(public: bytes) -> Ed25519PublicKey:
    check_ed25519_key(public)
    return Ed25519PublicKey.from_public_bytes(public)


@lru_cache(maxsize=64)
def _mldsa44(public: bytes) -> MLDSA44PublicKey:
    return MLDSA44PublicKey.from_public_bytes(public)


def verify_ed25519(public: bytes, message: bytes, signature: bytes) -> None:
    """Raises SignatureInvalid unless ``public`` signed ``message`` (RFC 8032 section 5.1.7)."""
    try:
        _ed25519(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        raise SignatureInvalid("an Ed25519 signature does not verify.") from None


def verify_mldsa44(public: bytes, message: bytes, signature: bytes) -> None:
    """Raises SignatureInvalid unless ``public`` signed ``message`` (FIPS 204 algorithm 3)."""
    try:
        _mldsa44(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        raise SignatureInvalid("an ML-DSA-44 signature does not verify.") from None
