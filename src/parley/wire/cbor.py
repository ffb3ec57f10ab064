"""Deterministic CBOR (RFC 8949 section 4.2.1), the part of it that Parley uses.

Integers of at most 64 bits, byte and text strings, arrays, maps with integer keys, true, false and null.
No floats, tags or indefinite lengths. Lengths and numbers must be minimal and map keys in order, so that each
value has one encoding; that is checked on the bytes, before anything is made of them.
"""

from __future__ import annotations

from typing import Any, Final

import cbor2

from parley import limits
from parley.errors import DecodeError, UsageError

Value = Any
"""int, bytes, str, bool, None, list of Value, or dict of int to Value."""

_UINT, _NEGATIVE, _BYTES, _TEXT, _ARRAY, _MAP, _TAG, _SIMPLE = range(8)
_WIDTHS: Final = {24: 1, 25: 2, 26: 4, 27: 8}
_TWO_64: Final = 1 << 64
_SIMPLE_ALLOWED: Final = (20, 21, 22)
_PLAIN: Final = frozenset({bytes, str, bool})
_LEAST: Final = {24: 24, 25: 1 << 8, 26: 1 << 16, 27: 1 << 32}
"""The smallest argument that needs so many bytes: anything less has a shorter encoding."""
_SMALL: Final = 24
"""First bytes below this are whole unsigned integers."""
_SHORT_STRINGS, _SHORT_STRINGS_END, _BYTES_255 = 0x40, 0x58, 0x58
"""First bytes of byte strings of at most 23 bytes, and of those whose length takes one byte more."""
_SHORT_ARRAYS, _SHORT_ARRAYS_END = 0x80, 0x98
"""First bytes of arrays of at most 23 items."""
_OTHER: Final = 0xFF


def encode(value: Value) -> bytes:
    """The one encoding of ``value``. Raises UsageError for a value that ``decode`` would not give back."""
    try:
        return cbor2.dumps(_ordered(value))
    except UnicodeEncodeError:
        raise UsageError("text with a lone surrogate is no Unicode text.", code="cbor-unencodable") from None


def _ordered(value: Value) -> Value:
    kind = type(value)
    if kind in _PLAIN or value is None:
        return value
    if isinstance(value, int) and -_TWO_64 <= value < _TWO_64:
        return value
    if kind is list:  # as a tuple: cbor2 asks of every list whether it is a sequence, which takes longer than the rest
        return tuple([item if type(item) in _PLAIN else _ordered(item) for item in value])
    if kind is dict and _in_order(value):
        return {key: item if type(item) in _PLAIN else _ordered(item) for key, item in value.items()}
    if isinstance(value, dict) and not any(isinstance(key, bool) or not isinstance(key, int) for key in value):
        return {_ordered(key): _ordered(value[key]) for key in sorted(value, key=_key_order)}
    if isinstance(value, list | tuple):
        return tuple([_ordered(item) for item in value])
    if isinstance(value, bytes | str):
        return value
    raise UsageError(f"a {type(value).__name__} that cannot be encoded.", code="cbor-unencodable")


def _in_order(value: dict[Any, Any]) -> bool:
    """True for keys that are small unsigned integers in rising order, as nearly all maps here have them."""
    last = -1
    for key in value:
        if type(key) is not int or not last < key < _TWO_64:
            return False
        last = key
    return True


def _key_order(key: int) -> tuple[bool, int]:
    # Bytewise order of encoded integers: the unsigned ones by value, then the negative ones by magnitude.
    return (key < 0, abs(key))


def decode(data: bytes, *, limit: int) -> Value:
    """The value that ``data``, of at most ``limit`` bytes, encodes. Raises DecodeError on anything else."""
    value, rest = decode_first(data, limit=limit)
    if rest:
        raise DecodeError(f"{len(rest)} bytes after the end of the CBOR value.", code="cbor-trailing")
    return value


def decode_first(data: bytes, *, limit: int) -> tuple[Value, bytes]:
    """The value that ``data``, of at most ``limit`` bytes, begins with, and what follows it. Raises DecodeError."""
    if len(data) > limit:
        raise DecodeError(f"{len(data)} bytes of CBOR, at most {limit} wanted.", code="cbor-too-large")
    end = _check(data, 0, limits.MAX_CBOR_DEPTH)
    try:
        return cbor2.loads(data[:end]), data[end:]
    except (cbor2.CBORDecodeError, UnicodeDecodeError, ValueError, OverflowError):
        raise DecodeError("bytes that are not CBOR.", code="cbor-malformed") from None


def _not_canonical() -> DecodeError:
    return DecodeError("CBOR that is not in its one encoding (RFC 8949 4.2.1).", code="cbor-not-canonical")


def _check(data: bytes, at: int, depth: int) -> int:
    """Walk one item before anything is allocated for it; the end of the item. Raises DecodeError."""
    if depth < 0:
        raise DecodeError(f"CBOR nested deeper than {limits.MAX_CBOR_DEPTH}.", code="cbor-too-deep")
    if at >= len(data):
        raise DecodeError("CBOR that ends within an item.", code="cbor-truncated")
    major, info = data[at] >> 5, data[at] & 31
    at += 1
    if info < 24:  # noqa: PLR2004
        argument = info
    elif info in _WIDTHS:
        end = at + _WIDTHS[info]
        argument = int.from_bytes(data[at:end], "big")
        if argument < _LEAST[info] and end <= len(data) and major != _SIMPLE:
            raise _not_canonical()
        at = end
    else:
        raise DecodeError("CBOR of indefinite or reserved length.", code="cbor-malformed")
    if at > len(data):
        raise DecodeError("CBOR that ends within an item.", code="cbor-truncated")
    if major in (_UINT, _NEGATIVE):
        return at
    if major in (_BYTES, _TEXT):
        if argument > len(data) - at:
            raise DecodeError("a CBOR string longer than its data.", code="cbor-truncated")
        return at + argument
    if major in (_ARRAY, _MAP):
        if argument > len(data) - at:
            raise DecodeError("a CBOR array or map longer than its data.", code="cbor-truncated")
        return (
            _check_items(data, at, argument, depth - 1)
            if major == _ARRAY
            else _check_map(data, at, argument, depth - 1)
        )
    if major == _SIMPLE and info in _SIMPLE_ALLOWED:
        return at
    raise DecodeError("a CBOR float, tag or simple value that is not used here.", code="cbor-malformed")


def _check_items(data: bytes, at: int, count: int, depth: int) -> int:
    """``_check`` for the items of an array; numbers, strings and arrays that are small, as most are, by fewer calls."""
    size = len(data)
    for _ in range(count):
        head = data[at] if at < size and depth >= 0 else _OTHER
        if head < _SMALL:
            at += 1
        elif _SHORT_STRINGS <= head < _SHORT_STRINGS_END and at + 1 + (head & 31) <= size:
            at += 1 + (head & 31)
        elif head == _BYTES_255 and at + 1 < size and data[at + 1] >= _LEAST[24] and at + 2 + data[at + 1] <= size:
            at += 2 + data[at + 1]
        elif _SHORT_ARRAYS <= head < _SHORT_ARRAYS_END:
            at = _check_items(data, at + 1, head & 31, depth - 1)
        else:
            at = _check(data, at, depth)
    return at


def _check_map(data: bytes, at: int, count: int, depth: int) -> int:
    """``_check`` for the pairs of a map: integer keys in rising order; small pairs, as most are, without a call."""
    last = b""
    size = len(data)
    for _ in range(count):
        if at + 1 < size and depth >= 0 and data[at] < _SMALL:
            key = data[at : at + 1]
            if key <= last:
                raise _not_canonical()
            last, head = key, data[at + 1]
            if head < _SMALL:
                at += 2
            elif _SHORT_STRINGS <= head < _SHORT_STRINGS_END and at + 2 + (head & 31) <= size:
                at += 2 + (head & 31)
            else:
                at = _check(data, at + 1, depth)
            continue
        if at < len(data) and data[at] >> 5 not in (_UINT, _NEGATIVE):
            raise DecodeError("a CBOR map key that is no integer.", code="cbor-malformed")
        start, at = at, _check(data, at, depth)
        if data[start:at] <= last:
            raise _not_canonical()
        last = data[start:at]
        at = _check(data, at, depth)
    return at
