"""Credits: what may be on its way to a peer without a receipt, and what is taken from one, by precedence (D18, ADR 64).

Excess waits at the sender. What lies in one precedence's way is never another's: who floods with ROUTINE leaves his own
FLASH its room, on both sides.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from parley.protocol.settings import Settings
from parley.wire import statement
from parley.wire.parts import Blind, Entries, Opening
from parley.wire.statement import Precedence

WINDOW: Final = {
    Precedence.ROUTINE: 1024,
    Precedence.PRIORITY: 256,
    Precedence.IMMEDIATE: 256,
    Precedence.FLASH: 256,
}
"""Contents that may be on the way to one peer without a receipt: in order (ROUTINE), and ahead of it (the others)."""


def weight(part: Entries) -> int:
    """About how many bytes ``part`` takes."""
    return sum(len(x.statement) + 64 if isinstance(x, Opening) else 64 for x in part.items)


def hurries(part: Entries) -> bool:
    """True for FLASH, and for commitments without contents, which FLASH needs that overtakes them."""
    return all(isinstance(x, Blind) for x in part.items) or any(
        isinstance(x, Opening) and statement.precedence(x.statement) is Precedence.FLASH for x in part.items
    )


@dataclass(slots=True)
class Bucket:
    """Bytes that may still be taken. What is taken last may overdraw it."""

    tokens: float
    at: float = 0.0

    def take(self, amount: int, now: float, rate: float, most: float) -> bool:
        """Take ``amount`` at ``now``, boot seconds, refilled at ``rate`` a second up to ``most``; False when empty."""
        self.tokens = min(most, self.tokens + (now - self.at) * rate)
        self.at = now
        if self.tokens < 0:
            return False
        self.tokens -= amount
        return True


@dataclass(slots=True)
class Intake:
    """What one peer may send: a bucket for all, and one that FLASH alone takes from when that is empty."""

    settings: Settings
    common: Bucket = field(init=False)
    flash: Bucket = field(init=False)
    _last: Bucket = field(init=False)

    def __post_init__(self) -> None:
        self.common = Bucket(float(self.settings.burst_bytes))
        self.flash = Bucket(float(self.settings.flash_burst_bytes))
        self._last = self.common

    def take(self, part: Entries, now: float) -> bool:
        """Whether ``part`` is taken now; what is not waits at the peer (PRO-14)."""
        s, amount = self.settings, weight(part)
        self._last = self.common
        if self.common.take(amount, now, s.rate_bytes_per_s, s.burst_bytes):
            return True
        self._last = self.flash
        return hurries(part) and self.flash.take(amount, now, s.flash_rate_bytes_per_s, s.flash_burst_bytes)

    def give_back(self, part: Entries) -> None:
        """What was just taken held nothing new: it must not keep out what is."""
        self._last.tokens += weight(part)
