"""Every decoder that sees bytes of somebody else, with well-formed examples to begin from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from parley.ids import EntryId, Incarnation, LogId, MemberNumber
from parley.record import checkpoint, equivocation, proof
from parley.record.rfc6962 import Frontier
from parley.wire import cbor, datagram, documents, geometry, note, parts, statement
from parley.wire.statement import Kind, Message, Precedence, Reference, Relation, Statement

_LOG: Final = LogId(MemberNumber(1), Incarnation(b"12345678"))
STATEMENT: Final = statement.encode(
    Statement(
        Kind.MESSAGE,
        1_800_000_000,
        Message("text", "en", Precedence.FLASH, "s", refs=(Reference(Relation.REPLY, EntryId(_LOG, 3)),)),
        to=6,
    )
)
_PAYLOAD: Final = parts.encode(
    [
        parts.Entries(3, (parts.Opening(STATEMENT), parts.Blind(bytes(32))), bytes(64), _LOG),
        parts.Cosigned(_LOG, 3, 5, bytes(64), 2),
        parts.Have((parts.Held(_LOG, 3, 3),), (parts.ChainHeld(b"ab", 7),), (bytes(8),), bytes(8)),
        parts.Prove(_LOG, 1, 2, (bytes(32),)),
        parts.Fragment(9, 0, 2, b"slice"),
    ]
)
_SEALED: Final = datagram.sealed_header(b"ab", 20_000, Incarnation(bytes(8))) + bytes(40)

_VOLUME: Final = cbor.encode(
    geometry.encode_volume(
        geometry.Volume(
            (
                geometry.Circle(geometry.position(34.5, 35.9), 5000),
                geometry.Polygon(tuple(geometry.position(a, b) for a, b in ((1, 179), (2, -179), (3, 178)))),
            ),
            geometry.Band(None, geometry.Height(100, geometry.Unit.HUNDRED_FEET, geometry.Reference.FL)),
            (geometry.Window(1_800_000_000, 1_800_003_600), geometry.Daily(20_000, 20_010, 1380, 60)),
        )
    )
)

DECODERS: Final[dict[str, tuple[Callable[[bytes], object], list[bytes]]]] = {
    "cbor": (lambda b: cbor.decode(b, limit=1 << 16), [STATEMENT, _PAYLOAD]),
    "statement": (statement.decode, [STATEMENT]),
    "parts": (parts.decode, [_PAYLOAD]),
    "datagram": (datagram.decode, [_SEALED, datagram.announce(b"1234", bytes(90)), b"\x13abcd\x00\x02" + bytes(9)]),
    "note": (note.parse, [b"text\n\n\xe2\x80\x94 name AAAAAAAA\n"]),
    "checkpoint": (lambda b: checkpoint.parse_text(b.decode("utf-8", "replace")), [b"o\n1\n" + b"A" * 43 + b"=\n"]),
    "proof": (proof.parse, [b"c2sp.org/tlog-proof@v1\nindex 0\n\no\n"]),
    "equivocation": (equivocation.parse, [b"parley/equivocation@v1\n0\n4\n"]),
    "document": (lambda b: documents.parse_text(b.decode("utf-8", "replace")), [b"# parley party v1\ncode = 1\n"]),
    "bundle": (documents.decode_bundle, [b"======== a\nx\n======== b\ny\n"]),
    "geometry": (lambda b: geometry.decode_volume(cbor.decode(b, limit=1 << 16)), [_VOLUME]),
    "frontier": (Frontier.decode, [Frontier.empty().append(bytes(32)).encode()]),
}
"""What decodes, and examples of what it decodes. Each gives a value or raises DecodeError."""
