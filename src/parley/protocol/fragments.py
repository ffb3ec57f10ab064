"""Putting payloads and announcements together that came in parts (D17).

A fragment of a payload was sealed on its own, so only authentic bytes are put together. A piece of an
announcement cannot be: it is bounded, and believed only once the whole opens and its signature holds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from parley import limits
from parley.errors import DecodeError
from parley.protocol.chains import Opened
from parley.wire import datagram, parts


@dataclass(frozen=True, slots=True)
class Whole:
    """A payload, and the salts of its entries: they come from the key of its first fragment."""

    payload: bytes
    salt_of: Callable[[int], bytes]


class _Partial:
    """The fragments of one payload so far."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._got: dict[int, bytes] = {}
        self._size = 0
        self._salt_of: Callable[[int], bytes] | None = None

    def add(self, part: parts.Fragment, opened: Opened) -> Whole | None:
        if part.count != self._count:
            raise DecodeError("fragments of one payload disagree on their number.", code="fragment-malformed")
        if opened.counter == part.start:
            self._salt_of = opened.keys.salt
        if part.index not in self._got:
            self._size += len(part.data)
            if self._size > limits.MAX_PAYLOAD:
                raise DecodeError("a fragmented payload exceeds its bound.", code="payload-too-large")
            self._got[part.index] = part.data
        if len(self._got) < self._count or self._salt_of is None:
            return None
        return Whole(b"".join(self._got[n] for n in range(self._count)), self._salt_of)


class Fragments:
    """Everything that is being put together, with bounds for each sender."""

    def __init__(self) -> None:
        self._payloads: dict[tuple[int, bytes, int], _Partial] = {}
        self._pieces: dict[bytes, dict[int, bytes]] = {}

    def add(self, part: parts.Fragment, opened: Opened) -> Whole | None:
        """The payload, when ``part`` completes it. Raises DecodeError."""
        key = (opened.sender, opened.mask.to_bytes(4, "big") + opened.incarnation, part.start)
        others = [k for k in self._payloads if k[0] == opened.sender and k != key]
        for old in others[: max(0, len(others) + 1 - limits.MAX_REASSEMBLIES)]:
            del self._payloads[old]
        whole = self._payloads.setdefault(key, _Partial(part.count)).add(part, opened)
        if whole is not None:
            del self._payloads[key]
        return whole

    def add_piece(self, piece: datagram.Piece) -> bytes | None:
        """The announcement, when ``piece`` completes it."""
        key = piece.id + bytes((piece.count,))
        while len(self._pieces) > limits.MAX_REASSEMBLIES and key not in self._pieces:
            del self._pieces[next(iter(self._pieces))]
        got = self._pieces.setdefault(key, {})
        got[piece.index] = piece.data
        if len(got) < piece.count:
            return None
        del self._pieces[key]
        return b"".join(got[n] for n in range(piece.count))
