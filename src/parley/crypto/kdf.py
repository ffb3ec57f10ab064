"""HMAC and HKDF with SHA-256 (RFC 2104, RFC 5869)."""

from __future__ import annotations

import hmac

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand


def hmac_sha256(key: bytes, data: bytes) -> bytes:
    """HMAC-SHA-256, 32 bytes."""
    # Not hmac.digest: that looks the algorithm up at every call, which costs several times as much on cold caches.
    return hmac.new(key, data, "sha256").digest()


def hkdf_expand(key: bytes, info: bytes, length: int) -> bytes:
    """HKDF-Expand with SHA-256: ``length`` bytes from a 32-byte pseudorandom key (RFC 5869 section 2.3)."""
    return HKDFExpand(SHA256(), length, info).derive(key)
