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
    if kind is list:
        return [item if type(item) in _PLAIN else _ordered(item) for item in value]
    if isinstance(value, int) and -_TWO_64 <= value < _TWO_64:
        return value
    if kind is dict and _in_order(value):
        return {key: item if type(item) in _PLAIN else _ordered(item) for key, item in value.items()}
    if isinstance(value, dict) and not any(isinstance(key, bool) or not isinstance(key, int) for key in value):
        return {_ordered(key): _ordered(value[key]) for key in sorted(value, key=_key_order)}
    if isinstance(value, list | tuple):
        return [_ordered(item) for item in value]
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
    if len(data) > limit:
        raise DecodeError(f"{len(data)} bytes of CBOR, at most {limit} wanted.", code="cbor-too-large")
    end = _check(data, 0, limits.MAX_CBOR_DEPTH)
    if end != len(data):
        raise DecodeError(f"{len(data) - end} bytes after the end of the CBOR value.", code="cbor-trailing")
    try:
        value = cbor2.loads(data)
    except (cbor2.CBORDecodeError, UnicodeDecodeError, ValueError, OverflowError):
        raise DecodeError("bytes that are not CBOR.", code="cbor-malformed") from None
    return value


def _not_canonical() -> DecodeError:
    return DecodeError("CBOR that is not in its one encoding (RFC 8949 4.2.1).", code="cbor-not-canonical")


def _check(data: bytes, at: int, depth: int) -> int:  # noqa: C901 - one branch a major type
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
        last = b""
        for _ in range(argument):
            if major == _MAP:
                if at < len(data) and data[at] >> 5 not in (_UINT, _NEGATIVE):
                    raise DecodeError("a CBOR map key that is no integer.", code="cbor-malformed")
                start, at = at, _check(data, at, depth - 1)
                if data[start:at] <= last:
                    raise _not_canonical()
                last = data[start:at]
            at = _check(data, at, depth - 1)
        return at
    if major == _SIMPLE and info in _SIMPLE_ALLOWED:
        return at
    raise DecodeError("a CBOR float, tag or simple value that is not used here.", code="cbor-malformed")
