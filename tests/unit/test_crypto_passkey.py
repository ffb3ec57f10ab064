"""Signatures of passkeys: what verifies, what is refused, and which keys are refused at all."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from parley.crypto.passkey import verify_es256, verify_rs256
from parley.crypto.signing import Ed25519Signer
from parley.errors import SignatureInvalid

EXPONENT = (65537).to_bytes(3, "big")
MODULUS = bytes.fromhex(
    "94cfe1498139eda9c2825d78c50a273ab6e12b2244980385cc1e1853f6d072bd42fbe31c016db838cfdb6bf293bfd50764a1"
    "7a84bd3c7f829d34e909da9146edfd89c400ac61693985ca28fb7e4232046e70bc186d5ed6280693511c01b16996e7cc5751"
    "7e37df62cc6df2bca7048d751ff76c5e99f04c76c911466cfca4d9f88a24daea33cc1b3a1d1c612540bf4b1b2e364474425c"
    "7f64f210102f117dcf7f8ac9f817fe85cb1e22e3c6668efedc1a0f15bd10b6495aedc6aa264df44c116af257cdfcaaa36205"
    "abba13a4672db0a3bd3c06b3a48183081ccaf43c126574b3599a5bd0c6180147d224cfb392e7515db287317d348d37414f7d"
    "a5e864bc3a243c1fec093c0eddbabe34302460f396ce8288ea5bdc92b94da6b41b431812e43584f262305deff6f4eb4826fd"
    "406edac38fa63038e7418cd4d3a8a2825de7a3a09713c820ec71c0125108307505a63ea414be22f4eeac64f6a3e277e11443"
    "4185759fc339e4ef912119de3edcbd3209a983d45c52c56064914ef9a5583087df9f67b1c54186644d211cf8d591089fa5cd"
    "ac83254dfb24c9a8c7927329e45041323dba728db6bce5f7b149e084b41b5e250ab76a1eaf9afefe5b67d2377bd14251834d"
    "1492e57c2bf7414fde12578e1dea6da658d442a4e6ba5abc370a9fa7e9863d039243af4dd678d526288e3ff68ff5006e720b"
    "09714c53e6f3ef8abce2466f"
)
"""Of 4,096 bits: the largest that is taken, and its signature of ``message`` is as long as any."""
SIGNATURE = bytes.fromhex(
    "687db79fcb1d092908ae7565820a143ca43b1f566a2f7a6cce56443623ef95c16b29fd23ec9c3cf250fe182b23f6f2fd637f"
    "e81760d790dccc7e5c2cf35588bfea9a78d92682a0fde080975b5534285a2608ddb34d34d72d4e06d04924921661016eec06"
    "c2bbbeef0af5151ecb75e0be9d112d7854cefb28d4427d26ec8a8567870545c60f677674bc8b57bac2c6e42b510b6de1fd59"
    "1e7db8ba6a821036da5ae22ce41c9711577312708d878ea2a7a1733c09a84b64ad04630cb91946930169c97e0f7d4234cc5f"
    "3db9ae0a3e2d111a2f32dca67fc2835bbebba2d09c66f97bf007278356f53b154f9d1e3c3a48521bc1f8d1352a0f17b45919"
    "ab015e3b7b4c0ed860297cc65c2a94d13d2c741fd330fdd6cda478e0feee6954f489408ef8a6f7f4c96165271f7750c95a72"
    "2cbcbef5047c77d2cc7b4c0c584199d7c8463a193640736ec5b70172b572d3b96b9bd9a7e00e6e0c198d12c0a48cd648b1b9"
    "a809e1a470e27954da0792611b6927c20fe047f6363b2d8b43f81039678827bede9ee08321cd2159f1862c7eb870352466b9"
    "8f484cc21641596c2d411b1e92ac341cecca7c6a4cc871ef8423351734c91b96633f796c84f1e3da914ed47ff3738a0dd298"
    "fe2e248b011f3e0c776753606c9b971ee56adec8709025459c679587fca97625fab5a4e61751e0a1491c4fa4907f59feb50b"
    "9c1509fb14658972d3d3e307"
)


def code_of(verify: Callable[..., None], *given: bytes) -> str:
    with pytest.raises(SignatureInvalid) as caught:
        verify(*given)
    return caught.value.code


def test_a_key_of_the_largest_size_verifies_and_a_longer_signature_is_refused_unread() -> None:
    assert len(SIGNATURE) == 512
    verify_rs256(MODULUS, EXPONENT, b"message", SIGNATURE)
    assert code_of(verify_rs256, MODULUS, EXPONENT, b"massage", SIGNATURE) == "signature-invalid"
    assert code_of(verify_rs256, MODULUS, EXPONENT, b"message", SIGNATURE + b"\x00") == "key-malformed"
    assert code_of(verify_rs256, b"\x01" + MODULUS, EXPONENT, b"message", SIGNATURE) == "key-malformed"
    assert code_of(verify_rs256, MODULUS[:255], EXPONENT, b"message", SIGNATURE[:255]) == "key-malformed"
    assert code_of(verify_rs256, MODULUS, b"\x03", b"message", SIGNATURE) == "key-malformed"


def test_a_point_verifies_and_each_coordinate_has_its_length() -> None:
    key = ec.derive_private_key(7, ec.SECP256R1())
    point = key.public_key().public_numbers()
    x, y = point.x.to_bytes(32, "big"), point.y.to_bytes(32, "big")
    signature = key.sign(b"message", ec.ECDSA(hashes.SHA256()))
    verify_es256(x, y, b"message", signature)
    assert code_of(verify_es256, x, y, b"massage", signature) == "signature-invalid"
    assert code_of(verify_es256, b"\x00" + x, y, b"message", signature) == "key-malformed"
    assert code_of(verify_es256, x, b"\x00" + y, b"message", signature) == "key-malformed"
    assert code_of(verify_es256, y, x, b"message", signature) == "signature-invalid"


def test_a_key_is_drawn_with_as_much_entropy_as_it_has() -> None:
    asked: list[int] = []

    def draw(size: int) -> bytes:
        asked.append(size)
        return bytes(size)

    Ed25519Signer.generate(draw)
    assert asked == [32]
