"""Signatures of passkeys: ES256 and RS256 (RFC 9053, RFC 8812). EdDSA is ``signing.verify_ed25519``."""

from __future__ import annotations

from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from parley.errors import SignatureInvalid

_COORDINATE: Final = 32
_RSA_BITS: Final = (2048, 4096)
_RSA_EXPONENT: Final = 65537


def verify_es256(x: bytes, y: bytes, message: bytes, signature: bytes) -> None:
    """Raises SignatureInvalid unless the P-256 key at ``x``, ``y`` signed ``message``; the signature is in DER."""
    if len(x) != _COORDINATE or len(y) != _COORDINATE:
        raise SignatureInvalid("a P-256 key whose coordinates are not of 32 bytes.", code="key-malformed")
    try:
        point = ec.EllipticCurvePublicNumbers(int.from_bytes(x, "big"), int.from_bytes(y, "big"), ec.SECP256R1())
        point.public_key().verify(signature, message, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, ValueError):
        raise SignatureInvalid("an ES256 signature does not verify.") from None


def verify_rs256(n: bytes, e: bytes, message: bytes, signature: bytes) -> None:
    """Raises SignatureInvalid unless the RSA key ``n``, ``e`` signed ``message`` (PKCS #1 v1.5, SHA-256)."""
    modulus, exponent = int.from_bytes(n, "big"), int.from_bytes(e, "big")
    least, most = _RSA_BITS
    if not least <= modulus.bit_length() <= most or exponent != _RSA_EXPONENT or len(signature) > most // 8:
        raise SignatureInvalid("an RSA key that is not of 2,048 to 4,096 bits with 65537.", code="key-malformed")
    try:
        key = rsa.RSAPublicNumbers(exponent, modulus).public_key()
        key.verify(signature, message, padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, ValueError):
        raise SignatureInvalid("an RS256 signature does not verify.") from None
