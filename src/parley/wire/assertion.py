"""An officer's assertions: signatures of a passkey over a hash (spec/officers.md; WebAuthn level 3; D9).

The challenge that the passkey signs is the hash of what is said, so the assertion stands for those words and no
others. Officers are known by the SHA-256 of their COSE public key, and by no name.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from hashlib import sha256
from typing import Final
from urllib.parse import urlsplit

from parley.crypto.passkey import verify_es256, verify_rs256
from parley.crypto.signing import verify_ed25519
from parley.errors import DecodeError, SignatureInvalid
from parley.wire import cbor

MAX_PUBLIC_KEY: Final = 1024
"""Bytes of a COSE key: RSA of 4,096 bits has about 530."""
MAX_AUTHENTICATOR_DATA: Final = 512
"""Bytes; 37 without extensions."""
MAX_CLIENT_DATA: Final = 1024
"""Bytes of the client data's JSON; 150 or so."""
MAX_SIGNATURE: Final = 512
"""Bytes: RSA of 4,096 bits."""
KEY_BYTES: Final = 32
_BOUNDS: Final = (KEY_BYTES, MAX_AUTHENTICATOR_DATA, MAX_CLIENT_DATA, MAX_SIGNATURE)
_LEAST_DATA: Final = 37
_FLAGS: Final = 32
_PRESENT_AND_VERIFIED: Final = 0x05
_ES256, _EDDSA, _RS256 = -7, -8, -257
_ENROLMENT: Final = b"parley officer v1\n"


@dataclass(frozen=True, slots=True)
class Assertion:
    """What a passkey gave: ``key`` is the SHA-256 of its COSE public key. Unverified until ``check``."""

    key: bytes
    authenticator_data: bytes
    client_data: bytes
    signature: bytes

    def plain(self) -> list[bytes]:
        """As it is encoded."""
        return [self.key, self.authenticator_data, self.client_data, self.signature]


def read_assertion(value: object) -> Assertion:
    """The assertion that a decoded value holds. Raises DecodeError ``assertion-malformed``."""
    if not isinstance(value, list | tuple) or len(value) != len(_BOUNDS):
        raise _malformed()
    parts = [v for v, most in zip(value, _BOUNDS, strict=True) if isinstance(v, bytes) and 0 < len(v) <= most]
    if len(parts) != len(_BOUNDS) or len(parts[0]) != KEY_BYTES:
        raise _malformed()
    return Assertion(*parts)


def _malformed() -> DecodeError:
    return DecodeError("an officer's assertion is not as the specification has it.", code="assertion-malformed")


def key_of(public_key: bytes) -> bytes:
    """The name of an officer's key on the record: SHA-256 of the COSE public key."""
    return sha256(public_key).digest()


def enrolment_hash(party: bytes, public_key: bytes, rp: str, *, software: bool) -> bytes:
    """What an approving officer signs: that this key is an officer's of ``party``, the hash of its document."""
    return sha256(_ENROLMENT + cbor.encode([party, public_key, rp, software])).digest()


def check(assertion: Assertion, challenge: bytes, public_key: bytes, rp: str) -> None:
    """Check an assertion of the record. Raises SignatureInvalid ``assertion-invalid``, ``key-malformed``.

    1. It names this key. 2. Its client data is of ``webauthn.get``, has the challenge, and an origin on ``rp`` or
    under it. 3. Its authenticator data is for ``rp``, with a person present and verified. 4. The signature is by
    the key, over the authenticator data and the hash of the client data (WebAuthn level 3, section 7.2).
    """
    if assertion.key != key_of(public_key):
        raise _invalid("it names another key")
    _check_client_data(assertion.client_data, challenge, rp)
    data = assertion.authenticator_data
    if len(data) < _LEAST_DATA or data[:_FLAGS] != sha256(rp.encode()).digest():
        raise _invalid(f"it is not for {rp!r}")
    if data[_FLAGS] & _PRESENT_AND_VERIFIED != _PRESENT_AND_VERIFIED:
        raise _invalid("no person was verified")
    _verify(public_key, data + sha256(assertion.client_data).digest(), assertion.signature)


def _invalid(why: str) -> SignatureInvalid:
    return SignatureInvalid(f"an officer's assertion does not hold: {why}.", code="assertion-invalid")


def _check_client_data(data: bytes, challenge: bytes, rp: str) -> None:
    try:
        said = json.loads(data.decode())
        kind, given, origin = said["type"], said["challenge"], said["origin"]
        host = urlsplit(origin).hostname or ""
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise _invalid("its client data cannot be read") from None
    if kind != "webauthn.get":
        raise _invalid(f"it is of the type {kind!r}")
    if given != base64.urlsafe_b64encode(challenge).decode().rstrip("="):
        raise _invalid("it was given for other words")
    if host != rp and not host.endswith(f".{rp}"):
        raise _invalid(f"it was given on {host!r}, not on {rp!r}")


def check_public_key(public_key: bytes) -> None:
    """Refuse a COSE key under which nothing could be checked. Raises SignatureInvalid ``key-malformed``."""
    _algorithm(public_key)


def _algorithm(public_key: bytes) -> tuple[int, bytes, bytes]:
    """The algorithm and the two parts of a COSE key (RFC 9053 section 7, RFC 8230 section 4)."""
    try:
        match cbor.decode(public_key, limit=MAX_PUBLIC_KEY):
            case {1: 2, 3: -7, -1: 1, -2: bytes(x), -3: bytes(y)}:
                return _ES256, x, y
            case {1: 1, 3: -8, -1: 6, -2: bytes(x)}:
                return _EDDSA, x, b""
            case {1: 3, 3: -257, -1: bytes(n), -2: bytes(e)}:
                return _RS256, n, e
    except DecodeError:
        pass
    raise SignatureInvalid("an officer's key is no ES256, EdDSA or RS256 key in COSE.", code="key-malformed")


def _verify(public_key: bytes, message: bytes, signature: bytes) -> None:
    algorithm, first, second = _algorithm(public_key)
    if algorithm == _ES256:
        verify_es256(first, second, message, signature)
    elif algorithm == _RS256:
        verify_rs256(first, second, message, signature)
    else:
        verify_ed25519(first, message, signature)
