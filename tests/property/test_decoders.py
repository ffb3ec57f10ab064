"""Whatever bytes come, every decoder of the wire gives a value that encodes to them, or the one error. PRO-1."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.errors import DecodeError
from parley.wire import statement
from parley_testkit.decoders import DECODERS, STATEMENT


@pytest.mark.parametrize("name", DECODERS)
@given(data=st.data())
def test_any_bytes_decode_or_raise_the_one_error(name: str, data: st.DataObject) -> None:
    decode, examples = DECODERS[name]
    whole = data.draw(st.sampled_from(examples) | st.binary(max_size=300))
    for _ in range(data.draw(st.integers(0, 4))):
        at = data.draw(st.integers(0, len(whole)))
        cut = data.draw(st.integers(0, 3))
        whole = whole[:at] + data.draw(st.binary(max_size=6)) + whole[at + cut :]
    with contextlib.suppress(DecodeError):
        decode(whole)


@given(st.integers(0, 25), st.binary(min_size=1, max_size=4))
def test_a_changed_field_of_a_statement_is_another_statement_or_none(at: int, new: bytes) -> None:
    changed = STATEMENT[:at] + new + STATEMENT[at + len(new) :]
    try:
        decoded = statement.decode(changed)
    except DecodeError:
        return
    assert statement.encode(decoded) == changed
