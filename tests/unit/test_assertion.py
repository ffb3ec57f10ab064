"""Assertions of the record: what is checked, for each kind of key. OFF-1, OFF-3."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from parley.errors import ParleyError, SignatureInvalid
from parley.wire.assertion import Assertion, check, check_public_key, key_of, read_assertion

RP = "parley.example.org"
HASH = sha256(b"words").digest()
_EC = ec.derive_private_key(0x1234567, ec.SECP256R1())
_ED = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
_RSA = rsa.generate_private_key(65537, 2048)
_POINT = _EC.public_key().public_numbers()
_N = _RSA.public_key().public_numbers().n.to_bytes(256, "big")
KEYS: dict[str, tuple[bytes, Callable[[bytes], bytes]]] = {
    "ES256": (
        cbor2.dumps({1: 2, 3: -7, -1: 1, -2: _POINT.x.to_bytes(32, "big"), -3: _POINT.y.to_bytes(32, "big")}),
        lambda m: _EC.sign(m, ec.ECDSA(hashes.SHA256())),
    ),
    "EdDSA": (cbor2.dumps({1: 1, 3: -8, -1: 6, -2: _ED.public_key().public_bytes_raw()}), _ED.sign),
    "RS256": (
        cbor2.dumps({1: 3, 3: -257, -1: _N, -2: b"\x01\x00\x01"}),
        lambda m: _RSA.sign(m, padding.PKCS1v15(), hashes.SHA256()),
    ),
}


def given(algorithm: str = "ES256", flags: int = 0x05, rp: str = RP, **said: Any) -> tuple[Assertion, bytes]:
    public, sign = KEYS[algorithm]
    challenge = base64.urlsafe_b64encode(HASH).decode().rstrip("=")
    client = json.dumps({"type": "webauthn.get", "challenge": challenge, "origin": f"https://{RP}", **said}).encode()
    data = sha256(rp.encode()).digest() + bytes([flags]) + bytes(4)
    return Assertion(key_of(public), data, client, sign(data + sha256(client).digest())), public


@pytest.mark.parametrize("algorithm", KEYS)
def test_each_algorithm_holds_and_its_signature_for_nothing_else(algorithm: str) -> None:
    good, public = given(algorithm)
    check_public_key(public)
    check(good, HASH, public, RP)
    spoilt = Assertion(good.key, good.authenticator_data, good.client_data, good.signature[:-1] + b"\x00")
    later = Assertion(good.key, good.authenticator_data[:-1] + b"\x09", good.client_data, good.signature)
    for wrong in (spoilt, later):
        with pytest.raises(SignatureInvalid):
            check(wrong, HASH, public, RP)


WRONG: list[tuple[str, dict[str, Any]]] = [
    ("of another ceremony", {"type": "webauthn.create"}),
    ("over other words", {"challenge": base64.urlsafe_b64encode(bytes(32)).decode().rstrip("=")}),
    ("with padding", {"challenge": base64.urlsafe_b64encode(HASH).decode()}),
    ("on another page", {"origin": "https://example.org"}),
    ("on a page that ends alike", {"origin": f"https://not{RP}"}),
    ("on no page", {"origin": 5}),
    ("for another site", {"rp": "example.org"}),
    ("without presence", {"flags": 0x04}),
    ("without verification", {"flags": 0x01}),
]


@pytest.mark.parametrize(("_why", "how"), WRONG, ids=[w for w, _ in WRONG])
def test_a_validly_signed_assertion_of_something_else_is_refused(_why: str, how: dict[str, Any]) -> None:
    wrong, public = given(**how)
    with pytest.raises(SignatureInvalid) as error:
        check(wrong, HASH, public, RP)
    assert error.value.code == "assertion-invalid"


def test_a_page_under_the_site_is_the_sites() -> None:
    good, public = given(origin=f"https://north.{RP}:8443")
    check(good, HASH, public, RP)
    for client in (b"", b"[" * 1000, b"{}", b"5", b"\xff"):
        with pytest.raises(SignatureInvalid):
            check(Assertion(good.key, good.authenticator_data, client, good.signature), HASH, public, RP)


@pytest.mark.parametrize(
    "public",
    [
        b"",
        b"\xa0",
        cbor2.dumps({1: 2, 3: -7, -1: 1, -2: b"x"}),
        cbor2.dumps({1: 2, 3: -35, -1: 2, -2: bytes(48), -3: bytes(48)}),
        cbor2.dumps({3: -7, 1: 2, -1: 1, -2: bytes(32), -3: bytes(32)}),
        cbor2.dumps({1: 3, 3: -257, -1: bytes(2000), -2: b"\x01\x00\x01"}),
    ],
)
def test_keys_that_prove_nothing_are_refused(public: bytes) -> None:
    with pytest.raises(SignatureInvalid) as error:
        check_public_key(public)
    assert error.value.code == "key-malformed"


@pytest.mark.parametrize(
    "public",
    [
        cbor2.dumps({1: 2, 3: -7, -1: 1, -2: bytes(32), -3: bytes(32)}),
        cbor2.dumps({1: 2, 3: -7, -1: 1, -2: bytes(31), -3: bytes(32)}),
        cbor2.dumps({1: 1, 3: -8, -1: 6, -2: bytes(32)}),
        cbor2.dumps({1: 3, 3: -257, -1: b"\xff" * 128, -2: b"\x01\x00\x01"}),
        cbor2.dumps({1: 3, 3: -257, -1: b"\xff" * 256, -2: b"\x03"}),
    ],
)
def test_under_weak_keys_nothing_holds(public: bytes) -> None:
    good, _ = given()
    wrong = Assertion(key_of(public), good.authenticator_data, good.client_data, good.signature)
    with pytest.raises(SignatureInvalid):
        check(wrong, HASH, public, RP)


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        [bytes(32), b"a", b"c"],
        [bytes(31), b"a", b"c", b"s"],
        [bytes(32), b"", b"c", b"s"],
        [bytes(32), b"a" * 513, b"c", b"s"],
        [bytes(32), b"a", "c", b"s"],
        [bytes(32), b"a", b"c" * 1025, b"s"],
    ],
)
def test_what_is_no_assertion_is_refused(value: object) -> None:
    with pytest.raises(ParleyError) as error:
        read_assertion(value)
    assert error.value.code == "assertion-malformed"
