"""Connections to the console: how many there may be, and how long one may take to ask.

A request's head, its body and the taking of an answer each have their time; whoever is slower is cut off, so that no
number of slow askers holds the console. Connections from other machines and those from this one are counted apart: an
officer at the node's own machine is let in however many come from elsewhere. Where there is no room, or one address has
all that it may, the connection that waits longest without a request gives way, and then a stream of events that nobody
who is signed in holds.
"""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle
from uvicorn.protocols.utils import get_remote_addr

_LATE: Final = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
_FULL: Final = b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\nretry-after: 5\r\ncontent-length: 0\r\n\r\n"

YIELDS: Final = "parley.yields"
"""Set in the scope of a request whose answer goes on for nobody in particular: it gives way where there is no room."""
_NETWORK: Final = 64
"""Bits of a network of version 6, within which a machine chooses its addresses."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Seconds and counts. All connections together stay below the 1,024 files that a process may usually open."""

    head_s: float = 10.0
    """For the line and the headers of a request, from the first byte that could be one; and for the first request."""
    body_s: float = 60.0
    """For a body, which has at most 1 MiB."""
    take_s: float = 60.0
    """In which something of an answer is taken, while what was answered waits."""
    idle_s: int = 5
    """Between two requests."""
    here: int = 512
    """Connections from this machine: a proxy's as well, and each of 200 consoles keeps one for events."""
    elsewhere: int = 320
    """Connections from all other machines."""
    address: int = 48
    """Connections from one other address; of version 6, from one network of 64 bits, which one machine may have."""


@dataclass(slots=True)
class Admission:
    """Who is connected."""

    bounds: Bounds = field(default_factory=Bounds)
    _here: dict[Bounded, str] = field(default_factory=dict)
    _elsewhere: dict[Bounded, str] = field(default_factory=dict)
    """Each with whose share it takes of; who was answered last stands last."""
    _shares: Counter[str] = field(default_factory=Counter)
    """How many each other machine has."""

    def let_in(self, asker: Bounded) -> bool:
        """Whether there is room; for another's sake one that only waits is closed, or else a stream that yields."""
        share = share_of(asker.address)
        if not share:
            there, most = self._here, self.bounds.here
        else:
            there, most = self._elsewhere, self.bounds.elsewhere
            if self._shares[share] >= self.bounds.address and not self._give_way(there, share):
                return False
        if len(there) >= most and not self._give_way(there):
            return False
        there[asker] = share
        if share:
            self._shares[share] += 1
        return True

    def _give_way(self, there: dict[Bounded, str], share: str | None = None) -> bool:
        theirs = [other for other, whose in there.items() if share in (None, whose)]
        found = next((o for o in theirs if o.waits), None) or next((o for o in theirs if o.yields), None)
        if found is None:
            return False
        self.leave(found)
        found.cut()
        return True

    def _where(self, asker: Bounded) -> dict[Bounded, str]:
        return self._here if asker in self._here else self._elsewhere

    def answered(self, asker: Bounded) -> None:
        """It waits from now on."""
        there = self._where(asker)
        if asker in there:
            there[asker] = there.pop(asker)

    def end(self) -> None:
        """Cut all off that are there still."""
        for there in (self._here, self._elsewhere):
            for one in list(there):
                one.cut()

    def leave(self, asker: Bounded) -> None:
        """It is closed."""
        share = self._where(asker).pop(asker, "")
        if share:
            self._shares[share] -= 1
            if not self._shares[share]:
                del self._shares[share]


def share_of(address: str) -> str:
    """Whose share a connection takes of: the address's or its network's; empty for this machine's own."""
    try:
        given = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return ""  # a Unix socket has no address
    if isinstance(given, ipaddress.IPv6Address):
        if given.ipv4_mapped is None:
            return "" if given.is_loopback else str(ipaddress.IPv6Network((given, _NETWORK), strict=False))
        given = given.ipv4_mapped
    return "" if given.is_loopback else str(given)


class _Counted(h11.Connection):
    """Counts what is answered."""

    answered = 0
    """Bytes, whether they have gone or not."""

    def send_with_data_passthrough(self, event: h11.Event) -> list[bytes] | None:
        """As bytes, which the server writes at once."""
        given = super().send_with_data_passthrough(event)
        self.answered += sum(map(len, given or ()))
        return given


class Bounded(H11Protocol):
    """One connection. ``admission`` is set by ``bounded``."""

    admission: Admission
    tls: ssl.SSLContext | None = None
    _below: asyncio.Transport
    """What bytes go over: with TLS, that which is below it."""
    _handshake: asyncio.Task[None] | None = None
    _early: bytearray | None = None
    _timer: asyncio.TimerHandle | None = None
    _phase = ""
    _taking: asyncio.TimerHandle | None = None
    _went = 0
    """Bytes of answers that had gone at the last look."""

    def __init__(self, *given: Any, **named: Any) -> None:  # noqa: ANN401 - the server's own
        """As the server begins each connection."""
        super().__init__(*given, **named)
        self.conn: _Counted = _Counted(h11.SERVER)

    @property
    def address(self) -> str:
        """Where it comes from."""
        return self.client[0] if self.client else ""

    @property
    def waits(self) -> bool:
        """Whether no request of it is being answered, and every answer has gone."""
        cycle: RequestResponseCycle | None = self.cycle
        return (cycle is None or cycle.response_complete) and not self._pending

    @property
    def yields(self) -> bool:
        """Whether what it is answered goes on for nobody in particular."""
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and YIELDS in cycle.scope

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Let it in, if there is room; with TLS before its handshake, which has as long as a head."""
        self._below = transport
        if self.tls is None:
            super().connection_made(transport)
            if self._admitted():
                self._begin("head", self.admission.bounds.head_s)
            return
        self.transport, self.client = transport, get_remote_addr(transport)
        if self._admitted():
            self._early = bytearray()
            self._handshake = self.loop.create_task(self._secure(transport, self.tls))

    def _admitted(self) -> bool:
        if self.admission.let_in(self):
            return True
        if self.tls is None:
            self.transport.write(_FULL)
        self.transport.close()
        return False

    async def _secure(self, below: asyncio.Transport, context: ssl.SSLContext) -> None:
        try:
            made = await self.loop.start_tls(
                below,
                self,
                context,
                server_side=True,
                ssl_handshake_timeout=self.admission.bounds.head_s,
                ssl_shutdown_timeout=self.admission.bounds.take_s,
            )
        except OSError:
            # It speaks no TLS, took too long, or went away.
            made = None
        if made is None or made.is_closing():
            self.admission.leave(self)
            return
        early, self._early = self._early, None
        super().connection_made(made)
        self._begin("head", self.admission.bounds.head_s)
        if early:
            self.data_received(bytes(early))

    @property
    def _pending(self) -> int:
        """Bytes of answers that have not gone."""
        above = 0 if self.transport is self._below else self.transport.get_write_buffer_size()
        return above + self._below.get_write_buffer_size()

    def cut(self) -> None:
        """End it at once."""
        self._below.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        self.admission.leave(self)
        self._end()
        self._taken()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """More of a request."""
        if self._early is not None:
            # It came with the last of the handshake.
            self._early += data
            return
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
        self.admission.answered(self)
        super().on_response_complete()
        if self._taking is None:
            self._await_taking()
        if self.conn.their_state is h11.SEND_BODY:
            self._begin("rest", min(self.admission.bounds.body_s, self.admission.bounds.idle_s))

    def pause_writing(self) -> None:
        """What was answered waits to be taken."""
        super().pause_writing()
        self._taken()
        self._await_taking()

    def resume_writing(self) -> None:
        """It takes again."""
        super().resume_writing()
        self._taken()
        self._await_taking()

    def _await_taking(self) -> None:
        self._went = self.conn.answered - self._pending
        if self._pending:
            self._taking = self.loop.call_later(self.admission.bounds.take_s, self.look_taking)

    def look_taking(self) -> None:
        """Cut off who took nothing since the last look, whatever was answered meanwhile.

        Who takes steadily may take as long as it takes; over TLS, once the connection is to be closed, ``take_s``
        in all.
        """
        before = self._went
        self._taken()
        self._await_taking()
        if self._went <= before:
            self.cut()

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
            self.cut()


def bounded(bounds: Bounds, tls: ssl.SSLContext | None = None) -> type[Bounded]:
    """The protocol of one server; with ``tls``, which is begun once a connection is let in."""
    return type("BoundedHere", (Bounded,), {"admission": Admission(bounds), "tls": tls})
