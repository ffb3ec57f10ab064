"""CBOR: one encoding per value, and nothing allocated for what a bomb announces."""

from __future__ import annotations

import tracemalloc

import pytest

from parley import limits
from parley.errors import DecodeError, UsageError
from parley.wire import cbor


@pytest.mark.parametrize(
    ("code", "hexed"),
    [
        ("cbor-truncated", ""),
        ("cbor-truncated", "18"),
        ("cbor-truncated", "1b00000000000000"),
        ("cbor-truncated", "42ff"),
        ("cbor-truncated", "81"),
        ("cbor-truncated", "a101"),
        ("cbor-truncated", "9bffffffffffffffff"),
        ("cbor-truncated", "bbffffffffffffffff01"),
        ("cbor-truncated", "5bffffffffffffffff00"),
        ("cbor-trailing", "0000"),
        ("cbor-malformed", "9fff"),
        ("cbor-malformed", "5f4101ff"),
        ("cbor-malformed", "bfff"),
        ("cbor-malformed", "1c"),
        ("cbor-malformed", "ff"),
        ("cbor-malformed", "f7"),
        ("cbor-malformed", "e0"),
        ("cbor-malformed", "f814"),
        ("cbor-malformed", "f90000"),
        ("cbor-malformed", "fa00000000"),
        ("cbor-malformed", "fb0000000000000000"),
        ("cbor-malformed", "c000"),
        ("cbor-malformed", "c249010000000000000000"),
        ("cbor-malformed", "a1616101"),
        ("cbor-malformed", "a1f401"),
        ("cbor-malformed", "61ff"),
        ("cbor-malformed", "63eda080"),
        ("cbor-not-canonical", "1817"),
        ("cbor-not-canonical", "1900ff"),
        ("cbor-not-canonical", "3801"),
        ("cbor-not-canonical", "5801ff"),
        ("cbor-not-canonical", "980100"),
        ("cbor-not-canonical", "b8010000"),
        ("cbor-not-canonical", "a201000100"),
        ("cbor-not-canonical", "a202000100"),
        ("cbor-not-canonical", "a220000000"),
    ],
)
def test_what_is_not_the_one_encoding_of_a_value_is_refused(code: str, hexed: str) -> None:
    # bad: non-minimal CBOR -> refused: `cbor-not-canonical`
    with pytest.raises(DecodeError) as caught:
        cbor.decode(bytes.fromhex(hexed), limit=100)
    assert caught.value.code == code


def test_depth_is_bounded() -> None:
    deepest = b"\x81" * limits.MAX_CBOR_DEPTH + b"\x00"
    assert cbor.encode(cbor.decode(deepest, limit=100)) == deepest
    with pytest.raises(DecodeError) as caught:
        cbor.decode(b"\x81" + deepest, limit=100)
    assert caught.value.code == "cbor-too-deep"
    with pytest.raises(DecodeError):
        cbor.decode(b"\x81" * 200_000, limit=300_000)


def test_size_is_bounded_before_anything_is_read() -> None:
    with pytest.raises(DecodeError) as caught:
        cbor.decode(bytes(11), limit=10)
    assert caught.value.code == "cbor-too-large"


def test_a_bomb_allocates_nothing() -> None:
    bombs = [bytes.fromhex(h) + bytes(64) for h in ("9affffffff", "baffffffff", "5affffffff", "7bffffffffffffffff")]
    bombs += [b"\x9a\x00\x00\xff\xff" * 8]
    tracemalloc.start()
    try:
        for bomb in bombs:
            with pytest.raises(DecodeError):
                cbor.decode(bomb, limit=1000)
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "value",
    [1.5, 2**64, -(2**64) - 1, {"a": 1}, {True: 1}, {2**64: 1}, {1, 2}, object(), "\ud800", [[float("nan")]]],
    ids=["float", "large", "small", "text-key", "bool-key", "large-key", "set", "object", "surrogate", "nan"],
)
def test_what_would_not_decode_is_not_encoded(value: cbor.Value) -> None:
    with pytest.raises(UsageError) as caught:
        cbor.encode(value)
    assert caught.value.code == "cbor-unencodable"


def test_keys_are_in_the_order_of_their_encodings() -> None:
    keys = [-(2**64), -1, 0, 23, 24, 255, 256, 2**32, 2**64 - 1, -25, -257]
    decoded = cbor.decode(cbor.encode(dict.fromkeys(keys)), limit=1000)
    assert list(decoded) == sorted(keys, key=cbor.encode)
