"""Cases of officers' assertions (spec/officers.md)."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from hashlib import sha256
from typing import Any, NamedTuple

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from parley.wire import statement
from parley.wire.assertion import Assertion, enrolment_hash, key_of
from parley.wire.statement import Kind, Mark, Message, Precedence, Signed, Statement, signed_hash

Fields = dict[str, Any]
RP = "parley.example.org"
LINE, PARTY, NONCE = sha256(b"line").digest(), sha256(b"party").digest(), bytes(range(16))
RSA_P = int(
    "f333c06f32f1fa45aa74bb6728a262cb3985e84c88cd9de82e63ba86294f8fa39f33883d5f991e151173a872adf86dc8"
    "97c912c135fd98d1fcf0ea80b390cdd27dce0c13251daf22e04d27c2dad29764f6e58f74f47b003de2c7fddc64ea6852"
    "c6b62ac79e140397058e090d43c9c9508707d6338bd0f4363c78de789d50303b",
    16,
)
RSA_Q = int(
    "c311cfef6b4d2f5312b80099f7e0573c03691554124b927cd62171f8a5130045819c94ef7aa4bdf296c6d981caa0f15d"
    "616fc96132627c9e077e6778ccad8e55988455b3c2d0e623bb4c53d775ea7fe1edd9572af89b5201d355ef6659a18c0c"
    "6a58b9db1e57a83969f196c3539480b790cdeda9f75266516486de0af0415191",
    16,
)
"""Of a key that is used here alone."""


class Key(NamedTuple):
    """A public key in COSE, and what signs with it, the same each time."""

    public: bytes
    sign: Callable[[bytes], bytes]


def _es256() -> Key:
    key = ec.derive_private_key(0x5EED, ec.SECP256R1())
    point = key.public_key().public_numbers()
    parts = {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")}
    how = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
    return Key(cbor2.dumps(parts), lambda m: key.sign(m, how))


def _eddsa() -> Key:
    key = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    return Key(cbor2.dumps({1: 1, 3: -8, -1: 6, -2: key.public_key().public_bytes_raw()}), key.sign)


def _rs256() -> Key:
    public = rsa.RSAPublicNumbers(65537, RSA_P * RSA_Q)
    d = pow(65537, -1, (RSA_P - 1) * (RSA_Q - 1))
    crt = rsa.rsa_crt_dmp1(d, RSA_P), rsa.rsa_crt_dmq1(d, RSA_Q), rsa.rsa_crt_iqmp(RSA_P, RSA_Q)
    key = rsa.RSAPrivateNumbers(RSA_P, RSA_Q, d, *crt, public).private_key()
    cose = cbor2.dumps({1: 3, 3: -257, -1: public.n.to_bytes(256, "big"), -2: b"\x01\x00\x01"})
    return Key(cose, lambda m: key.sign(m, padding.PKCS1v15(), hashes.SHA256()))


KEYS = {"es256": _es256(), "eddsa": _eddsa(), "rs256": _rs256()}
MESSAGE = Message("Cease firing north of 60N.", "en", Precedence.FLASH, signed=Signed(NONCE))
HASH = signed_hash(LINE, 0, Statement(Kind.MESSAGE, 0, MESSAGE))


def given(
    key: Key = KEYS["es256"], hash_: bytes = HASH, flags: int = 5, rp: str = RP, **said: str
) -> tuple[Assertion, Fields]:
    """An assertion by ``key``, and the input of its case."""
    challenge = base64.urlsafe_b64encode(hash_).decode().rstrip("=")
    client = {"type": "webauthn.get", "challenge": challenge, "origin": f"https://{RP}", **said}
    encoded = json.dumps(client, separators=(",", ":")).encode()
    data = sha256(rp.encode()).digest() + bytes([flags]) + (7).to_bytes(4, "big")
    assertion = Assertion(key_of(key.public), data, encoded, key.sign(data + sha256(encoded).digest()))
    return assertion, fields(assertion, key.public)


def fields(assertion: Assertion, public: bytes) -> Fields:
    """The input of a case."""
    return {
        "hash": HASH.hex(),
        "rp": RP,
        "public_key": public.hex(),
        "key": assertion.key.hex(),
        "authenticator_data": assertion.authenticator_data.hex(),
        "client_data": assertion.client_data.decode(),
        "signature": assertion.signature.hex(),
    }


def verified() -> Iterator[tuple[str, str, Fields, Fields | str]]:
    """Name, description, input and outcome of each case of ``verify-assertion``."""
    for name, key in KEYS.items():
        assertion, good = given(key)
        yield name, "an assertion that holds", good, {}
        broken = bytearray(assertion.signature)
        broken[len(broken) // 2] ^= 1
        yield (
            f"{name}-signature-flipped",
            "a changed signature",
            good | {"signature": broken.hex()},
            "signature-invalid",
        )
    _, under = given(origin=f"https://north.{RP}:8443")
    yield "origin-under", "on a page under the site", under, {}
    resigned: dict[str, Fields] = {
        "type-create": {"type": "webauthn.create"},
        "challenge-another": {"hash_": bytes(32)},
        "challenge-padded": {"challenge": base64.urlsafe_b64encode(HASH).decode()},
        "origin-another": {"origin": "https://example.org"},
        "origin-ends-alike": {"origin": f"https://not{RP}"},
        "rp-another": {"rp": "example.org"},
        "not-present": {"flags": 4},
        "not-verified": {"flags": 1},
    }
    for name, change in resigned.items():
        yield name, "signed, and of something else", given(**change)[1], "assertion-invalid"
    assertion, good = given()
    public = KEYS["es256"].public
    another = fields(replace(assertion, key=key_of(KEYS["eddsa"].public)), public)
    yield "key-another", "it names another key", another, "assertion-invalid"
    counted = replace(assertion, authenticator_data=assertion.authenticator_data[:-1] + b"\x08")
    yield "counter-changed", "another counter than was signed", fields(counted, public), "signature-invalid"
    short = replace(assertion, authenticator_data=assertion.authenticator_data[:36])
    yield "authenticator-data-short", "cut short", fields(short, public), "assertion-invalid"
    yield (
        "client-data-spaced",
        "not as it was signed",
        good | {"client_data": good["client_data"] + " "},
        "signature-invalid",
    )
    weak = {
        "key-p384": cbor2.dumps({1: 2, 3: -35, -1: 2, -2: bytes(48), -3: bytes(48)}),
        "key-not-deterministic": cbor2.dumps({3: -7, 1: 2, -1: 1, -2: bytes(32), -3: bytes(32)}),
        "key-rsa-1024": cbor2.dumps({1: 3, 3: -257, -1: b"\xff" * 128, -2: b"\x01\x00\x01"}),
        "key-rsa-exponent-3": cbor2.dumps({1: 3, 3: -257, -1: b"\xff" * 256, -2: b"\x03"}),
    }
    for name, cose in weak.items():
        refused = fields(replace(assertion, key=key_of(cose)), cose)
        yield name, "a key that is not accepted", refused, "key-malformed"


def hashed() -> Iterator[tuple[str, str, Fields, Fields]]:
    """Cases of ``statement-hash``: the time, what was seen and the assertions change nothing; all else does."""
    assertion, _ = given()
    written = Statement(Kind.MESSAGE, 1_800_000_000, replace(MESSAGE, signed=Signed(NONCE, (assertion,))))
    cases = {
        "message-signed": (LINE, 0, written),
        "message-unsigned": (LINE, 0, Statement(Kind.MESSAGE, 5, MESSAGE)),
        "message-on-another-line": (PARTY, 0, written),
        "message-of-another-member": (LINE, 1, written),
        "message-to-one": (LINE, 0, replace(written, to=2)),
        "message-without-nonce": (LINE, 0, replace(written, content=replace(MESSAGE, signed=None))),
        "acknowledgement": (LINE, 1, Statement(Kind.ACKNOWLEDGED, 5, Mark((), text="60N", signed=Signed(NONCE)))),
    }
    for name, (line, member, said) in cases.items():
        data: Fields = {"line": line.hex(), "member": member, "statement": statement.encode(said).hex()}
        yield name, "what officers sign of a statement", data, {"hash": signed_hash(line, member, said).hex()}


def enrolments() -> Iterator[tuple[str, str, Fields, Fields]]:
    """Cases of ``enrolment-hash``."""
    for name, key in KEYS.items():
        for software in (False, True):
            data = {"party": PARTY.hex(), "public_key": key.public.hex(), "rp": RP, "software": software}
            hash_ = enrolment_hash(PARTY, key.public, RP, software=software)
            kind = "-software" if software else ""
            yield f"enrolment-{name}{kind}", "what approving officers sign", data, {"hash": hash_.hex()}
