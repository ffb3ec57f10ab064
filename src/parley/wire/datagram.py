"""Datagrams: what a bearer carries (spec/datagram.cddl).

::

    sealed    suite<<4 | 0x0 or 0x1   chain tag (2)   counter (QUIC varint)   [incarnation (8), with 0x1]   box
    announce  suite<<4 | 0x2          prekey tag (4)  HPKE sealed announcement
    piece     suite<<4 | 0x3          id (4)  index (1)  count (1)  bytes       (pieces of one announcement)

Everything before the box is its additional authenticated data.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from parley import limits
from parley.errors import DecodeError
from parley.ids import Incarnation

SUITE_1: Final = 1
"""Ed25519 and ML-DSA-44, HPKE with MLKEM768-X25519, AES-256-GCM-SIV, SHA-256 (cryptography.md)."""

TAG_BYTES: Final = 2
PREKEY_TAG_BYTES: Final = 4
PIECE_HEADER: Final = 7
_SEALED, _SEALED_WITH_INCARNATION, _ANNOUNCE, _PIECE = 0, 1, 2, 3
_MAX_COUNTER = (1 << 30) - 1


@dataclass(frozen=True, slots=True)
class Sealed:
    """A datagram under a sender chain. ``header`` is the additional authenticated data of ``box``."""

    header: bytes
    tag: bytes
    counter: int
    incarnation: Incarnation | None
    box: bytes


@dataclass(frozen=True, slots=True)
class Announce:
    """A chain's secret, sealed to one recipient's prekey."""

    prekey_tag: bytes
    sealed: bytes


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of an Announce that is larger than the bearer's MTU; trusted only once the whole opens."""

    id: bytes
    index: int
    count: int
    data: bytes


def sealed_header(tag: bytes, counter: int, incarnation: Incarnation | None) -> bytes:
    """The header of a sealed datagram. ``counter`` is below 2**30."""
    kind = _SEALED if incarnation is None else _SEALED_WITH_INCARNATION
    return bytes([SUITE_1 << 4 | kind]) + tag + _varint(counter) + (incarnation or b"")


def announce(prekey_tag: bytes, sealed: bytes) -> bytes:
    """An announce datagram."""
    return bytes([SUITE_1 << 4 | _ANNOUNCE]) + prekey_tag + sealed


def pieces(whole: bytes, mtu: int, piece_id: bytes) -> list[bytes]:
    """``whole`` itself when it fits ``mtu``, otherwise its pieces."""
    if len(whole) <= mtu:
        return [whole]
    room = mtu - PIECE_HEADER
    cuts = [whole[i : i + room] for i in range(0, len(whole), room)]
    head = bytes([SUITE_1 << 4 | _PIECE]) + piece_id
    return [head + bytes([i, len(cuts)]) + cut for i, cut in enumerate(cuts)]


def decode(data: bytes) -> Sealed | Announce | Piece:
    """The outer form of a datagram; nothing in it is trusted. Raises DecodeError."""
    if not 8 <= len(data) <= limits.MAX_DATAGRAM:  # noqa: PLR2004
        raise DecodeError(f"a datagram of {len(data)} bytes.", code="datagram-size")
    suite, kind = data[0] >> 4, data[0] & 15
    if suite != SUITE_1:
        raise DecodeError(
            f"suite {suite} is not known to this version; 1 is.",
            code="datagram-unknown-suite",
            next_step="Both sides need a version that knows the suite the charter names.",
        )
    if kind == _ANNOUNCE:
        return Announce(data[1:5], data[5:])
    if kind == _PIECE:
        index, count = data[5], data[6]
        if index >= count:
            raise DecodeError(f"piece {index} of {count}.", code="datagram-malformed")
        return Piece(data[1:5], index, count, data[7:])
    if kind not in (_SEALED, _SEALED_WITH_INCARNATION):
        raise DecodeError(f"datagram kind {kind} is not known.", code="datagram-malformed")
    counter, end = _read_varint(data, 1 + TAG_BYTES)
    incarnation = None
    if kind == _SEALED_WITH_INCARNATION:
        incarnation = Incarnation(data[end : end + 8])
        end += 8
    if len(data) < end + 16:
        raise DecodeError("a sealed datagram without room for its tag.", code="datagram-malformed")
    return Sealed(data[:end], data[1:3], counter, incarnation, data[end:])


def _varint(value: int) -> bytes:
    """QUIC variable-length integer, two or four bytes (RFC 9000 section 16)."""
    if value < 1 << 14:
        return (1 << 14 | value).to_bytes(2, "big")
    return (2 << 30 | value).to_bytes(4, "big")


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    form = data[at] >> 6
    if form == 1:
        return int.from_bytes(data[at : at + 2], "big") & 0x3FFF, at + 2
    value = int.from_bytes(data[at : at + 4], "big") & _MAX_COUNTER
    if form != 2 or value < 1 << 14:  # noqa: PLR2004
        raise DecodeError("the counter is not in its one encoding.", code="datagram-malformed")
    return value, at + 4
