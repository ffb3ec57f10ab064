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


def outcome(data: bytes) -> str:
    """How many bytes the first value takes, or why there is none."""
    try:
        return str(len(data) - len(cbor.decode_first(data, limit=100)[1]))
    except DecodeError as error:
        return error.code


def test_an_item_within_another_is_read_as_it_is_by_itself() -> None:
    # Most small items are passed over by shorter ways, which must agree with the long one.
    tails = [
        b"",
        b"\x00",
        b"\x17",
        b"\x18",
        b"\x61",
        b"\xff",
        b"\x00\x01",
        b"\x01\x00",
        b"\x18\x18",
        bytes(23),
        bytes(24),
        b"\x17" + b"\xff" * 23,
        b"\x18" + bytes(24),
    ]
    for head in range(256):
        for tail in tails:
            alone = outcome(bytes((head,)) + tail)
            for before, of in ((b"\x81", 1), (b"\xa1\x00", 2), (b"\xa1\x18\x18", 3), (b"\xa2\x00\x00\x17", 4)):
                wanted = str(int(alone) + of) if alone.isdigit() else alone
                found = outcome(before + bytes((head,)) + tail)
                # Of a short array that is cut, the long way counts the bytes first, the short one reads its items.
                cut = 0x80 <= head < 0x98 and wanted == "cbor-truncated" and not found.isdigit()
                assert found == wanted or cut, (before.hex(), head, tail.hex())


@pytest.mark.parametrize("length", [0, 1, 22, 23, 24, 254, 255, 256])
def test_strings_and_arrays_of_every_width_within_others(length: int) -> None:
    for value in (bytes(length), "a" * length, [0] * length, {n: n for n in range(length)}):
        for whole in ([value], [0, value], {0: value}, {24: value}, {0: 0, 1: value}):
            data = cbor.encode(whole)
            assert cbor.decode(data, limit=2000) == whole
            for cut in (1, 2, length // 2 + 1):
                with pytest.raises(DecodeError) as caught:
                    cbor.decode(data[:-cut], limit=2000)
                assert caught.value.code == "cbor-truncated"


@pytest.mark.parametrize(
    ("hexed", "code"),
    [
        ("a2" + "00" * 4, "cbor-not-canonical"),
        ("a2" + "01000000", "cbor-not-canonical"),
        ("a2" + "181800" + "1700", "cbor-not-canonical"),
        ("a2" + "181800" + "181800", "cbor-not-canonical"),
        ("a2" + "2000" + "0000", "cbor-not-canonical"),
        ("a2" + "2100" + "2000", "cbor-not-canonical"),
        ("a1" + "4000", "cbor-malformed"),
        ("a1" + "8000", "cbor-malformed"),
        ("a1" + "f600", "cbor-malformed"),
        ("a1" + "1817" + "00", "cbor-not-canonical"),
        ("a2" + "0000" + "4000", "cbor-malformed"),
        ("a1", "cbor-truncated"),
        ("a1" + "00", "cbor-truncated"),
        ("a1" + "1818", "cbor-truncated"),
        ("a2" + "0000", "cbor-truncated"),
    ],
)
def test_keys_of_maps_are_integers_in_rising_order(hexed: str, code: str) -> None:
    assert outcome(bytes.fromhex(hexed)) == code


@pytest.mark.parametrize("unit", ["81", "8200", "a100", "a11818", "a20000" + "01"])
def test_depth_is_counted_alike_through_arrays_and_maps(unit: str) -> None:
    each = bytes.fromhex(unit)
    deepest = each * limits.MAX_CBOR_DEPTH + b"\x00"
    assert cbor.decode(deepest, limit=100) is not None
    for inner in (b"\x00", b"\x40", b"\x80", b"\x58\x18" + bytes(24), b"\x18\x18", b"\xa0"):
        with pytest.raises(DecodeError) as caught:
            cbor.decode(each * (limits.MAX_CBOR_DEPTH + 1) + inner, limit=100)
        assert caught.value.code == "cbor-too-deep"


def test_a_value_may_be_as_large_as_the_limit_and_what_follows_it_is_given() -> None:
    assert cbor.decode(b"\x43abc", limit=4) == b"abc"
    assert cbor.decode_first(b"\x43abcde", limit=6) == (b"abc", b"de")
    with pytest.raises(DecodeError) as caught:
        cbor.decode_first(b"\x43abcde", limit=5)
    assert caught.value.code == "cbor-too-large"


@pytest.mark.parametrize("number", [0, 23, 24, 255, 256, 65535, 65536, 2**32 - 1, 2**32, 2**64 - 1])
def test_numbers_of_every_width(number: int) -> None:
    for value in (number, -1 - number):
        assert cbor.decode(cbor.encode(value), limit=9) == value
        assert cbor.decode(cbor.encode({value: value}), limit=30) == {value: value}
    assert outcome(cbor.encode(number)[:-1]) == "cbor-truncated"


def test_tuples_subclasses_and_dictionaries_in_any_order_are_encoded_as_what_they_are() -> None:
    class Text(str):
        __slots__ = ()

    class Number(int):
        pass

    class Many(list):  # type: ignore[type-arg]
        pass

    assert cbor.encode((1, (b"2", None))) == bytes.fromhex("8201824132f6")
    assert cbor.encode(Many([Text("a"), Number(5)])) == bytes.fromhex("82616105")
    assert cbor.encode({5: [1], 1: (2,), -1: {3: 4}}) == bytes.fromhex("a301810205810120a10304")
    assert cbor.encode({Number(1): Text("a")}) == bytes.fromhex("a1016161")
    assert cbor.encode({0: [True, False]}) == bytes.fromhex("a10082f5f4")
    assert cbor.encode({24: 0, 23: 0, 256: 0}) == bytes.fromhex("a317001818001901" + "0000")
    for wrong in ([1.5], {0: 1.5}, {1: 0, 0: 1.5}, (1.5,), {None: 1}, {0: 0, "a": 1}, {True: 0}):
        with pytest.raises(UsageError) as caught:
            cbor.encode(wrong)
        assert caught.value.code == "cbor-unencodable"
