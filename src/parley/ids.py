"""The names that travel through every layer, as types of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, NewType

LineId = NewType("LineId", bytes)
"""SHA-256 of the founding charter's text, 32 bytes (D11)."""

Incarnation = NewType("Incarnation", bytes)
"""8 random bytes drawn at every start of a node (D15)."""

MemberNumber = NewType("MemberNumber", int)
"""A member's number in the charter, 0 to 31; never given to another party of the same line."""


class LogId(NamedTuple):
    """One tree: the member that writes it, and the run of its node that it belongs to (D15).

    A tuple, because each step of a line looks up some twenty of them, and a tuple is hashed and compared fastest.
    """

    member: MemberNumber
    incarnation: Incarnation

    def __str__(self) -> str:
        return f"{self.member}.{self.incarnation.hex()}"


@dataclass(frozen=True, slots=True, order=True)
class EntryId:
    """One entry: a place in one tree. The pair is never used twice."""

    log: LogId
    index: int

    def __str__(self) -> str:
        return f"{self.log}.{self.index}"
