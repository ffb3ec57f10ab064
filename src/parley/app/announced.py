"""What the check keeps in memory of one message that announces something."""

from __future__ import annotations

from dataclasses import dataclass

from parley.ids import EntryId, MemberNumber
from parley.wire.geometry import Position, Window


@dataclass(frozen=True, slots=True)
class Report:
    """Where a movement said that it was."""

    at: int
    position: Position
    state: str
    message: str
    next: str = ""
    expected: int = 0


@dataclass(slots=True)
class Notice:
    """One message that announces something, as far as the check needs it. Times are POSIX seconds, 0 for none."""

    id: str
    entry: EntryId
    author: MemberNumber
    sent: int
    sort: str
    """``notice``, ``site``, ``movement`` or ``report``."""
    number: str = ""
    subject: str = ""
    kind: str = ""
    protected: bool = False
    ref: str = ""
    """The organisation's own identifier of a site or movement."""
    position: Position | None = None
    valid: Window | None = None
    confirmed: int = 0
    convoy: tuple[str, ...] = ()
    """How to reach those who are there."""
    headquarters: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    """Its areas, each in the index as ``id/label``."""

    place: int = 0
    """Its place in the order of arrival."""
    mine: bool = False
    """Announced by this party: shown, and not held against its own plans."""

    @property
    def key(self) -> tuple[str, int, str]:
        """What a later notice of the same author about the same thing has in common with it."""
        return self.sort, self.author, self.ref
