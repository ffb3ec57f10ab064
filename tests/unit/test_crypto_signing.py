"""Ed25519 and ML-DSA-44: what verifies, what is refused, and which keys are refused at all.

Shows REC-8.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator

import pytest

from parley.crypto.signing import (
    Ed25519Signer,
    MlDsa44Signer,
    Signer,
    check_ed25519_key,
    verify_ed25519,
    verify_mldsa44,
)
from parley.errors import SignatureInvalid

P = 2**255 - 19
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)
ORDER = 2**252 + 27742317777372353535851937790883648493
Point = tuple[int, int]


def add(a: Point, b: Point) -> Point:
    """The Edwards addition law, straight from RFC 8032 section 5.1.4 in affine form."""
    product = D * a[0] * b[0] * a[1] * b[1] % P
    x = (a[0] * b[1] + b[0] * a[1]) * pow(1 + product, P - 2, P) % P
    y = (a[1] * b[1] + a[0] * b[0]) * pow(1 - product, P - 2, P) % P
    return x, y


def times(scalar: int, point: Point) -> Point:
    """Double and add."""
    result: Point = (0, 1)
    while scalar:
        if scalar & 1:
            result = add(result, point)
        point = add(point, point)
        scalar >>= 1
    return result


def lift(y: int) -> Point | None:
    """A point with this y, where there is one (RFC 8032 section 5.1.3)."""
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_OF_MINUS_ONE % P
    return (x, y) if (x * x - square) % P == 0 else None


def encoded(y: int, sign: int) -> bytes:
    return (y | sign << 255).to_bytes(32, "little")


def torsion() -> set[Point]:
    """The eight points whose order divides the cofactor: any point, multiplied by the prime order."""
    found: set[Point] = set()
    y = 2
    while len(found) < 8:
        point = lift(y)
        if point is not None:
            small = times(ORDER, point)
            found |= {times(k, small) for k in range(8)}
        y += 1
    return found


def weak_encodings() -> Iterator[bytes]:
    """Every encoding, canonical or not, with either sign, of the points of small order."""
    for y in {point[1] for point in torsion()}:
        for value in (y, y + P):
            if value < 2**255:
                yield from (encoded(value, sign) for sign in (0, 1))


def test_the_torsion_has_eight_points_and_every_encoding_of_them_is_refused() -> None:
    assert len(torsion()) == 8
    weak = list(weak_encodings())
    assert len(weak) == 14
    for key in weak:
        with pytest.raises(SignatureInvalid) as caught:
            check_ed25519_key(key)
        assert caught.value.code in {"key-small-order", "key-non-canonical"}


@pytest.mark.parametrize("y", range(P, 2**255))
@pytest.mark.parametrize("sign", [0, 1])
def test_no_key_in_a_non_canonical_encoding(y: int, sign: int) -> None:
    with pytest.raises(SignatureInvalid) as caught:
        check_ed25519_key(encoded(y, sign))
    assert caught.value.code == "key-non-canonical"


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_no_key_of_another_length(size: int) -> None:
    with pytest.raises(SignatureInvalid) as caught:
        check_ed25519_key(bytes(size))
    assert caught.value.code == "key-malformed"


def test_a_signature_that_holds_for_every_message_under_a_weak_key_is_refused() -> None:
    # Key and R are the neutral element and S is 0, so S*B = R + k*A for every k: the library accepts it.
    neutral = encoded(1, 0)
    with pytest.raises(SignatureInvalid) as caught:
        verify_ed25519(neutral, b"anything", neutral + bytes(32))
    assert caught.value.code == "key-small-order"


ED25519 = (Ed25519Signer, verify_ed25519, 64)
MLDSA44 = (MlDsa44Signer, verify_mldsa44, 2420)
Kind = tuple[Callable[[bytes], Signer], Callable[[bytes, bytes, bytes], None], int]


@pytest.mark.parametrize("kind", [ED25519, MLDSA44], ids=["ed25519", "mldsa44"])
def test_only_the_key_the_message_and_the_signature_that_belong_together_verify(kind: Kind) -> None:
    make, verify, size = kind
    signer, other = make(bytes(32)), make(bytes(31) + b"\x01")
    signature = signer.sign(b"message")
    assert len(signature) == size
    verify(signer.public, b"message", signature)
    flipped = bytes((signature[0] ^ 1,)) + signature[1:]
    for public, message, wrong in [
        (other.public, b"message", signature),
        (signer.public, b"massage", signature),
        (signer.public, b"message", flipped),
        (signer.public, b"message", signature[:-1]),
        (signer.public, b"message", signature + b"\x00"),
        (signer.public, b"message", b""),
        (signer.public[:-1], b"message", signature),
    ]:
        with pytest.raises(SignatureInvalid):
            verify(public, message, wrong)


def test_a_signature_whose_scalar_is_not_reduced_is_refused() -> None:
    signer = Ed25519Signer(bytes(32))
    signature = signer.sign(b"message")
    scalar = int.from_bytes(signature[32:], "little") + ORDER
    with pytest.raises(SignatureInvalid):
        verify_ed25519(signer.public, b"message", signature[:32] + scalar.to_bytes(32, "little"))


def test_a_key_is_made_from_the_entropy_given() -> None:
    seed = hashlib.sha256(b"seed").digest()
    assert Ed25519Signer.generate(lambda size: seed[:size]).public == Ed25519Signer(seed).public
