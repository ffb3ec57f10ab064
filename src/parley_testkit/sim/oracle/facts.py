"""What the checkers speak of: violations, durable copies of trees, entries as their authors made them."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from parley.ids import Incarnation, LogId, MemberNumber
from parley_testkit.sim.parties import CODES

Fail = Callable[[str, str, str], None]
"""Told of a violation: its sort, its rule, and what happened."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that does not hold. ``sort`` is ``safety``, ``liveness`` or ``crash``."""

    sort: str
    rule: str
    text: str
    at: float = 0.0

    def __str__(self) -> str:
        return f"{self.sort}: {self.rule}: {self.text} (at {self.at:.3f} s)"


@dataclass(slots=True)
class Copy:
    """One party's durable copy of one tree, as its commits made it."""

    commitments: list[bytes] = field(default_factory=list)
    blind: set[int] = field(default_factory=set)
    contents: set[int] = field(default_factory=set)
    arrived: set[int] = field(default_factory=set)
    signed: int = 0

    @property
    def held(self) -> int:
        """Contents from 0 without a gap."""
        return min(self.blind) if self.blind else len(self.commitments)


@dataclass(slots=True)
class Authored:
    """One entry as its author made it durable first."""

    commitment: bytes
    statement: bytes
    audience: int
    known: dict[int, dict[LogId, int]]
    """The receipts that the author had seen by then, by giver."""
    everyone: int
    """The members of its tree."""
    place: int = 0
    """What it is of all that its author wrote, over all runs; 0 where no order is promised."""


def text_of(root: bytes) -> str:
    """A root as a checkpoint's text has it."""
    return base64.b64encode(root).decode()


def log_of(origin: str) -> LogId:
    """The tree that an origin names."""
    _, _, code, run = origin.split("/")
    return LogId(MemberNumber(CODES.index(code)), Incarnation(bytes.fromhex(run)))


def plain_root(leaves: Sequence[bytes]) -> bytes:
    """RFC 6962 section 2.1 as it is written there, and nothing of the product in it."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\x01" + plain_root(leaves[:split]) + plain_root(leaves[split:])).digest()
