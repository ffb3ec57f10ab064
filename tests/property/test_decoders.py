"""Whatever bytes come, every decoder of the wire gives a value that encodes to them, or the one error. PRO-1."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.errors import DecodeError
from parley.ids import EntryId, Incarnation, LogId, MemberNumber
from parley.record import checkpoint, equivocation, proof
from parley.record.rfc6962 import Frontier
from parley.wire import cbor, datagram, documents, note, parts, statement
from parley.wire.statement import Kind, Message, Precedence, Reference, Relation, Statement

LOG = LogId(MemberNumber(1), Incarnation(b"12345678"))
STATEMENT = statement.encode(
    Statement(
        Kind.MESSAGE,
        1_800_000_000,
        Message("text", "en", Precedence.FLASH, "s", refs=(Reference(Relation.REPLY, EntryId(LOG, 3)),)),
        to=6,
    )
)
PAYLOAD = parts.encode(
    [
        parts.Entries(3, (parts.Opening(STATEMENT), parts.Blind(bytes(32))), bytes(64), LOG),
        parts.Cosigned(LOG, 3, 5, bytes(64), 2),
        parts.Have((parts.Held(LOG, 3, 3),), (parts.ChainHeld(b"ab", 7),), (bytes(8),), bytes(8)),
        parts.Prove(LOG, 1, 2, (bytes(32),)),
        parts.Fragment(9, 0, 2, b"slice"),
    ]
)
SEALED = datagram.sealed_header(b"ab", 20_000, Incarnation(bytes(8))) + bytes(40)

DECODERS: dict[str, tuple[Callable[[bytes], object], list[bytes]]] = {
    "cbor": (lambda b: cbor.decode(b, limit=1 << 16), [STATEMENT, PAYLOAD]),
    "statement": (statement.decode, [STATEMENT]),
    "parts": (parts.decode, [PAYLOAD]),
    "datagram": (datagram.decode, [SEALED, datagram.announce(b"1234", bytes(90)), b"\x13abcd\x00\x02" + bytes(9)]),
    "note": (note.parse, [b"text\n\n\xe2\x80\x94 name AAAAAAAA\n"]),
    "checkpoint": (lambda b: checkpoint.parse_text(b.decode("utf-8", "replace")), [b"o\n1\n" + b"A" * 43 + b"=\n"]),
    "proof": (proof.parse, [b"c2sp.org/tlog-proof@v1\nindex 0\n\no\n"]),
    "equivocation": (equivocation.parse, [b"parley/equivocation@v1\n0\n4\n"]),
    "document": (lambda b: documents.parse_text(b.decode("utf-8", "replace")), [b"# parley party v1\ncode = 1\n"]),
    "bundle": (documents.decode_bundle, [b"======== a\nx\n======== b\ny\n"]),
    "frontier": (Frontier.decode, [Frontier.empty().append(bytes(32)).encode()]),
}


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
