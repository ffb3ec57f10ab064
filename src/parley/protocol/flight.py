"""What is on its way to a peer, and what of it was lost (D17, ADR 61).

Theory. A payload is lost when the peer, which names in HAVE the next counter that it expects on each chain, is past
the payload's counter and still lacks what it carried. Before that it is on its way, however long its fragments wait
for a slow link, and is not sent again. When nothing has left for a while and the peer is not past it, the end of what
was sent is taken for lost: the time counts from the last datagram that a slow link took, not from when it was sealed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from parley.wire.parts import Held

_REMEMBERED: Final = 1024
"""Payloads of one tree: as many as may go without a receipt. Beyond, the oldest is forgotten, and the next tells."""


@dataclass(frozen=True, slots=True)
class Flight:
    """One payload on its way: the chain it is sealed under, the counter after it, and what the peer then holds.

    ``known`` is how far commitments reach with it, ``content`` the index of its last content.
    """

    tag: bytes
    counter: int
    known: int = 0
    content: int = -1

    def passed(self, counters: Mapping[bytes, int]) -> bool:
        """The peer expects a counter behind it: it came, or will not."""
        return counters.get(self.tag, -1) >= self.counter

    def arrived(self, held: Held) -> bool:
        """The peer holds what it carried."""
        return held.size >= self.known and held.holds(self.content)


@dataclass(slots=True)
class Way:
    """What is on its way to one peer of one thing: a tree's entries, or a document."""

    flights: deque[Flight] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    """Payloads that have not been shown to be there, oldest first."""
    sent_at: float = 0.0
    """When the last of it left, in boot seconds; while it is ``leaving``, when it was sealed."""
    leaving: bool = False
    """Some of it may still wait for a slow link."""

    def depart(self, flight: Flight, now: float, *, leaving: bool) -> None:
        """One payload more was sealed."""
        self.flights.append(flight)
        self.sent_at, self.leaving = now, leaving

    def shown(self, size: int) -> None:
        """A receipt for ``size`` entries: what carried no more has arrived."""
        while self.flights and max(self.flights[0].known, self.flights[0].content + 1) <= size:
            self.flights.popleft()

    def lost(self, held: Held, counters: Mapping[bytes, int]) -> bool:
        """True when the first payload that has not arrived never will; what has arrived is forgotten."""
        flights = self.flights
        while flights and flights[0].arrived(held):
            flights.popleft()
        return bool(flights) and flights[0].passed(counters)
