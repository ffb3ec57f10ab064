"""HPKE, AES-256-GCM-SIV and HKDF: round trips, and one error for every way not to open."""

from __future__ import annotations

import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from parley.crypto import aead, kdf
from parley.crypto.kem import PRIVATE_BYTES, PUBLIC_BYTES, KemPrivate, hpke_open, hpke_seal
from parley.errors import DecodeError, SealInvalid


def entropy(size: int) -> bytes:
    return hashlib.shake_256(b"entropy").digest(size)


PRIVATE = KemPrivate.generate(entropy)


def expand_and_open(private: KemPrivate, info: bytes, sealed: bytes) -> bytes:
    """HPKE base mode opened step by step (draft-ietf-hpke-pq; RFC 9180 sections 4 and 5.1).

    Shares with the library only ML-KEM, X25519 and AES themselves.
    """
    mlkem_ct, x25519_ct, box = sealed[:1088], sealed[1088:1120], sealed[1120:]
    ss_mlkem = MLKEM768PrivateKey.from_seed_bytes(private.mlkem_seed).decapsulate(mlkem_ct)
    ss_x25519 = X25519PrivateKey.from_private_bytes(private.x25519).exchange(
        X25519PublicKey.from_public_bytes(x25519_ct)
    )
    shared = hashlib.sha3_256(ss_mlkem + ss_x25519 + x25519_ct + private.public[1184:] + b"\\.//^\\").digest()
    suite = b"HPKE\x64\x7a\x00\x01\x00\x02"

    def extract(salt: bytes, label: bytes, ikm: bytes) -> bytes:
        return kdf.hmac_sha256(salt or bytes(32), b"HPKE-v1" + suite + label + ikm)

    def expand(prk: bytes, label: bytes, context: bytes, length: int) -> bytes:
        return kdf.hkdf_expand(prk, length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + context, length)

    context = b"\x00" + extract(b"", b"psk_id_hash", b"") + extract(b"", b"info_hash", info)
    secret = extract(shared, b"secret", b"")
    return AESGCM(expand(secret, b"key", context, 32)).decrypt(expand(secret, b"base_nonce", context, 12), box, b"")


def test_what_is_sealed_is_as_the_standards_have_it() -> None:
    sealed = hpke_seal(PRIVATE.public, b"info", b"secret")
    assert expand_and_open(PRIVATE, b"info", sealed) == b"secret"


def test_what_is_sealed_opens_with_the_key_and_the_info() -> None:
    sealed = hpke_seal(PRIVATE.public, b"info", b"secret")
    assert len(sealed) == len(b"secret") + 1136
    assert hpke_open(PRIVATE, b"info", sealed) == b"secret"


def test_the_private_key_survives_its_encoding() -> None:
    assert len(PRIVATE.public) == PUBLIC_BYTES
    assert len(PRIVATE.encode()) == PRIVATE_BYTES
    assert KemPrivate.decode(PRIVATE.encode()) == PRIVATE


@pytest.mark.parametrize("size", [0, 95, 97])
def test_a_private_key_of_another_length_is_none(size: int) -> None:
    with pytest.raises(DecodeError) as caught:
        KemPrivate.decode(bytes(size))
    assert caught.value.code == "key-malformed"


def test_an_announcement_that_was_changed_does_not_open() -> None:
    sealed = hpke_seal(PRIVATE.public, b"info", b"secret")
    other = KemPrivate(PRIVATE.mlkem_seed, bytes(31) + b"\x01")
    for place in (0, 1087, 1088, 1119, 1120, len(sealed) - 1):
        changed = sealed[:place] + bytes((sealed[place] ^ 1,)) + sealed[place + 1 :]
        with pytest.raises(SealInvalid):
            hpke_open(PRIVATE, b"info", changed)
    low_order = sealed[:1088] + bytes(32) + sealed[1120:]
    for private, info, box in [
        (PRIVATE, b"other", sealed),
        (other, b"info", sealed),
        (PRIVATE, b"info", sealed[:-1]),
        (PRIVATE, b"info", sealed[:1119]),
        (PRIVATE, b"info", b""),
        (PRIVATE, b"info", low_order),
    ]:
        with pytest.raises(SealInvalid):
            hpke_open(private, info, box)


@pytest.mark.parametrize(
    "public",
    [b"", PRIVATE.public[:-1], PRIVATE.public + b"\x00", b"\xff" * 1216, PRIVATE.public[:1184] + bytes(32)],
    ids=["empty", "short", "long", "coefficients-too-large", "x25519-of-small-order"],
)
def test_nothing_is_sealed_to_what_is_no_key(public: bytes) -> None:
    with pytest.raises(DecodeError) as caught:
        hpke_seal(public, b"info", b"secret")
    assert caught.value.code == "key-malformed"


KEY, NONCE = bytes(range(32)), bytes(range(12))


def test_a_box_opens_only_as_it_was_sealed() -> None:
    box = aead.seal(KEY, NONCE, b"text", b"aad")
    assert len(box) == len(b"text") + aead.TAG_BYTES
    assert aead.open_(KEY, NONCE, box, b"aad") == b"text"
    for key, nonce, changed, aad in [
        (KEY[::-1], NONCE, box, b"aad"),
        (KEY, NONCE[::-1], box, b"aad"),
        (KEY, NONCE, box, b""),
        (KEY, NONCE, box[:-1], b"aad"),
        (KEY, NONCE, bytes((box[0] ^ 128,)) + box[1:], b"aad"),
        (KEY, NONCE, box[: aead.TAG_BYTES], b"aad"),
        (KEY, NONCE, b"", b"aad"),
    ]:
        with pytest.raises(SealInvalid) as caught:
            aead.open_(key, nonce, changed, aad)
        assert caught.value.code == "seal-invalid"


def test_expansion_is_a_prefix_code_of_its_key_and_info() -> None:
    prk = kdf.hmac_sha256(b"salt", b"input")
    assert kdf.hkdf_expand(prk, b"info", 64)[:32] == kdf.hkdf_expand(prk, b"info", 32)
    assert kdf.hkdf_expand(prk, b"info", 32) != kdf.hkdf_expand(prk, b"infp", 32)
    assert kdf.hkdf_expand(prk, b"info", 32) == kdf.hmac_sha256(prk, b"info\x01")
