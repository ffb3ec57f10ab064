"""Positions on the wire: any come back as they were, and each list of positions has one encoding."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.errors import DecodeError
from parley.wire.geometry import MAX_POSITIONS, Position, decode_positions, encode_positions

LATITUDES = st.integers(-90_000_000, 90_000_000)
LONGITUDES = st.integers(-180_000_000, 179_999_999)
ANYWHERE = st.builds(Position, LATITUDES, LONGITUDES)


def tenths(lat: int, lon: int) -> Position:
    """A position in tenths of a minute, as a notice states it."""
    return Position(round(lat * 1_000_000 / 600), round(lon * 1_000_000 / 600))


@given(st.lists(ANYWHERE, min_size=1, max_size=20))
def test_positions_come_back_as_they_were(positions: list[Position]) -> None:
    assert decode_positions(encode_positions(positions)) == tuple(positions)


@given(
    st.lists(
        st.tuples(st.integers(-54_000, 54_000), st.integers(-108_000, 107_999)).map(lambda p: tenths(*p)),
        min_size=1,
        max_size=20,
    )
)
def test_tenths_of_a_minute_are_exact_and_short(positions: list[Position]) -> None:
    data = encode_positions(positions)
    assert data[0] <= 1
    assert len(data) <= 1 + 6 * len(positions)
    assert decode_positions(data) == tuple(positions)


@given(st.binary(max_size=24))
def test_each_list_of_positions_has_one_encoding(data: bytes) -> None:
    with contextlib.suppress(DecodeError):
        assert encode_positions(decode_positions(data)) == data


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "geometry-positions"),
        (b"\x06\x00\x00", "geometry-positions"),
        (b"\x05\x00\x00", "geometry-positions"),
        (b"\x00\x00", "geometry-positions"),
        (b"\x00\x80\x00\x00", "geometry-positions"),
        (b"\x00\x00\x80", "geometry-positions"),
        (b"\x00\xff\xff\xff\xff\xff\x01\x00", "geometry-positions"),
        (b"\x00" + b"\x02\x02" * (MAX_POSITIONS + 1), "geometry-positions"),
        (b"\x00\xba\x54\x00", "geometry-range"),
        (b"\x00\x00\xe0\xa8\x01", "geometry-range"),
    ],
)
def test_other_bytes_are_no_positions(data: bytes, code: str) -> None:
    with pytest.raises(DecodeError) as caught:
        decode_positions(data)
    assert caught.value.code == code
