"""One tree as it is held here, and what is said of one."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from parley import limits
from parley.errors import VerificationError
from parley.ids import LogId
from parley.protocol.membership import ClosingHead, NodeKeys
from parley.record.checkpoint import Checkpoint
from parley.record.rfc6962 import Frontier
from parley.wire.statement import Refusal, Statement

_ROOTS_REMEMBERED: Final = 256


def revoked(what: str) -> VerificationError:
    """The error for what came under a certificate that its party revoked."""
    return VerificationError(
        f"{what} stands under a certificate which its party revoked.",
        code="certificate-revoked",
        next_step="Nothing, if the party says that its keys were stolen; otherwise ask it to use its new keys.",
    )


@dataclass(slots=True)
class Tree:
    """One tree. ``members`` is the width of its audience tree, ``everyone`` its revision's recipients."""

    log: LogId
    origin: str
    revision: bytes
    certificate: bytes
    keys: NodeKeys
    everyone: int
    members: int
    frontier: Frontier
    closed: ClosingHead | None = None
    """Where it ends, when its certificate is revoked (ADR 90): what is held beyond stays here, and goes no further."""
    root: bytes = b""
    signature: bytes = b""
    holes: set[int] = field(default_factory=set)
    receipted: int = 0
    """The size that our newest receipt covers (others' trees)."""
    receipts: dict[int, int] = field(default_factory=dict)
    """The greatest size that each member's Ed25519 receipt covers."""
    roots: dict[int, bytes] = field(default_factory=dict)
    """Roots at recently signed sizes."""

    @property
    def size(self) -> int:
        """Entries whose commitments are held, all under the author's signature."""
        return self.frontier.size

    @property
    def held(self) -> int:
        """Entries from 0 without a gap whose contents, where addressed to us, are here."""
        return min(self.holes) if self.holes else self.frontier.size

    @property
    def stands(self) -> int:
        """Entries that are held and not beyond the head at which its author closed it."""
        return self.frontier.size if self.closed is None else min(self.frontier.size, self.closed.size)

    def missing(self) -> tuple[int, ...]:
        """The first contents that have not come."""
        return tuple(heapq.nsmallest(limits.MAX_MISSING_TOLD, self.holes)) if self.holes else ()

    def checkpoint(self) -> Checkpoint:
        """The newest checkpoint held."""
        return Checkpoint(self.origin, self.size, self.root)

    def remember(self, size: int, root: bytes) -> None:
        """Keep a signed size's root at hand."""
        self.roots[size] = root
        while len(self.roots) > _ROOTS_REMEMBERED:
            del self.roots[next(iter(self.roots))]


@dataclass(frozen=True, slots=True)
class Accepted:
    """A content that is newly held. ``statement`` None: it cannot be understood, ``refusal`` says why."""

    index: int
    statement: Statement | None
    refusal: Refusal | None = None


class Before(NamedTuple):
    """A tree as the opening of the next one cites it."""

    log: LogId
    size: int
    root: bytes
