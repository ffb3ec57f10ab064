"""CBOR: values survive, and any bytes decode to what encodes to them or are refused.

Shows CBOR-1, CBOR-2.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley import limits
from parley.errors import DecodeError
from parley.wire import cbor

integers = st.integers(-(2**64), 2**64 - 1)
values = st.recursive(
    st.none() | st.booleans() | integers | st.binary() | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(integers, inner, max_size=5),
    max_leaves=20,
)


def depth(value: Any) -> int:
    match value:
        case dict():
            return 1 + max(map(depth, value.values()), default=0)
        case list():
            return 1 + max(map(depth, value), default=0)
    return 0


@given(values.filter(lambda value: depth(value) <= limits.MAX_CBOR_DEPTH))
def test_a_value_survives(value: Any) -> None:
    encoded = cbor.encode(value)
    decoded = cbor.decode(encoded, limit=len(encoded))
    assert decoded == value
    assert cbor.encode(decoded) == encoded
    with pytest.raises(DecodeError):
        cbor.decode(encoded, limit=len(encoded) - 1)
    for changed in (encoded + b"\x00", encoded[:-1]):
        with pytest.raises(DecodeError):
            cbor.decode(changed, limit=1 << 20)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    data = bytearray(cbor.encode(draw(values)))
    for _ in range(draw(st.integers(1, 3))):
        if data:
            data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(data)


@given(st.binary(max_size=60) | damaged())
def test_any_bytes_decode_to_what_encodes_to_them_or_are_refused(data: bytes) -> None:
    try:
        value = cbor.decode(data, limit=1 << 20)
    except DecodeError:
        return
    assert cbor.encode(value) == data
