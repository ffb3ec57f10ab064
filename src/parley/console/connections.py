"""Connections to the console: how many there may be, and how long one may take to ask.

A request's head, its body and the taking of an answer each have their time; whoever is slower is cut off, so that no
number of slow askers holds the console. Connections from other machines and those from this one are counted apart: an
officer at the node's own machine is let in however many come from elsewhere. Where one address has all that it may, its
connection that waits longest without a request gives way.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

_LATE: Final = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
_FULL: Final = b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\nretry-after: 5\r\ncontent-length: 0\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Bounds:
    """Seconds and counts. All connections together stay below the 1,024 files that a process may usually open."""

    head_s: float = 10.0
    """For the line and the headers of a request, from the first byte that could be one; and for the first request."""
    body_s: float = 60.0
    """For a body, which has at most 1 MiB."""
    take_s: float = 60.0
    """For taking what was answered, while the buffer is full."""
    idle_s: int = 5
    """Between two requests."""
    here: int = 512
    """Connections from this machine: a proxy's as well, and each of 200 consoles keeps one for events."""
    elsewhere: int = 320
    """Connections from all other machines."""
    address: int = 48
    """Connections from one other address."""


@dataclass(slots=True)
class Admission:
    """Who is connected."""

    bounds: Bounds = field(default_factory=Bounds)
    _here: dict[Bounded, None] = field(default_factory=dict)
    _elsewhere: dict[Bounded, None] = field(default_factory=dict)
    _addresses: Counter[str] = field(default_factory=Counter)

    def let_in(self, asker: Bounded) -> bool:
        """Whether there is room; for another's sake one that only waits is closed."""
        address = asker.address
        if is_here(address):
            return self._room(self._here, asker, self.bounds.here, lambda _: True)
        if self._addresses[address] >= self.bounds.address and not self._give_way(
            self._elsewhere, lambda other: other.address == address
        ):
            return False
        if not self._room(self._elsewhere, asker, self.bounds.elsewhere, lambda _: True):
            return False
        self._addresses[address] += 1
        return True

    def _room(self, there: dict[Bounded, None], asker: Bounded, most: int, whose: Any) -> bool:  # noqa: ANN401
        if len(there) >= most and not self._give_way(there, whose):
            return False
        there[asker] = None
        return True

    def _give_way(self, there: dict[Bounded, None], whose: Any) -> bool:  # noqa: ANN401
        waiting = next((other for other in there if other.waits and whose(other)), None)
        if waiting is None:
            return False
        self.leave(waiting)
        waiting.transport.abort()
        return True

    def leave(self, asker: Bounded) -> None:
        """It is closed."""
        if asker in self._here:
            del self._here[asker]
        elif asker in self._elsewhere:
            del self._elsewhere[asker]
            self._addresses[asker.address] -= 1
            if not self._addresses[asker.address]:
                del self._addresses[asker.address]


def is_here(address: str) -> bool:
    """Whether a connection comes from this machine."""
    try:
        given = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return True  # a Unix socket has no address
    mapped = given.ipv4_mapped if isinstance(given, ipaddress.IPv6Address) else None
    return (mapped or given).is_loopback


class Bounded(H11Protocol):
    """One connection. ``admission`` is set by ``bounded``."""

    admission: Admission
    _timer: asyncio.TimerHandle | None = None
    _phase = ""
    _taking: asyncio.TimerHandle | None = None

    @property
    def address(self) -> str:
        """Where it comes from."""
        return self.client[0] if self.client else ""

    @property
    def waits(self) -> bool:
        """Whether no request of it is being answered."""
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is None or cycle.response_complete

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Let it in, if there is room."""
        super().connection_made(transport)
        if not self.admission.let_in(self):
            transport.write(_FULL)
            transport.close()
            return
        self._begin("head", self.admission.bounds.head_s)

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        self.admission.leave(self)
        self._end()
        self._taken()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """More of a request."""
        super().data_received(data)
        if self.transport.is_closing():
            return
        state = self.conn.their_state
        if state is h11.IDLE:
            self._begin("head", self.admission.bounds.head_s)
        elif state is h11.SEND_BODY and self._phase != "rest":
            self._begin("body", self.admission.bounds.body_s)
        elif state is not h11.SEND_BODY:
            self._end()

    def on_response_complete(self) -> None:
        """Answered. Who still sends the body of what was refused has as long as between two requests."""
        self._end()
        super().on_response_complete()
        if self.conn.their_state is h11.SEND_BODY:
            self._begin("rest", min(self.admission.bounds.body_s, self.admission.bounds.idle_s))

    def pause_writing(self) -> None:
        """The other side takes nothing."""
        super().pause_writing()
        if self._taking is None:
            self._taking = self.loop.call_later(self.admission.bounds.take_s, self.transport.abort)

    def resume_writing(self) -> None:
        """It takes again."""
        super().resume_writing()
        self._taken()

    def _taken(self) -> None:
        if self._taking is not None:
            self._taking.cancel()
            self._taking = None

    def _begin(self, phase: str, seconds: float) -> None:
        if phase != self._phase:
            self._end()
            self._phase, self._timer = phase, self.loop.call_later(seconds, self._late)

    def _end(self) -> None:
        self._phase = ""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _late(self) -> None:
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE) and not self.transport.is_closing():
            self.transport.write(_LATE)
            self.transport.close()
        else:
            # An answer was begun: nothing that is said now would be understood.
            self.transport.abort()


def bounded(bounds: Bounds) -> type[Bounded]:
    """The protocol of one server."""
    return type("BoundedHere", (Bounded,), {"admission": Admission(bounds)})
