"""How many TLS records end within a chunk, however the stream is cut."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from parley.bearers.tls_channel import _Records


def record(length: int) -> bytes:
    return b"\x17\x03\x03" + length.to_bytes(2, "big") + bytes(length)


@given(st.lists(st.integers(0, 700) | st.just(16640), max_size=8), st.lists(st.integers(0, 20_000), max_size=12))
def test_records_are_counted_where_they_end(lengths: list[int], cuts: list[int]) -> None:
    stream = b"".join(record(n) for n in lengths)
    ends, at = [], 0
    for n in lengths:
        at += 5 + n
        ends.append(at)
    records, begin = _Records(), 0
    for end in [*sorted(min(c, len(stream)) for c in cuts), len(stream)]:
        assert records.whole(stream[begin:end]) == sum(begin < e <= end for e in ends)
        begin = end
