"""The TLS bearer: listens, dials, and keeps at it (D17)."""

from __future__ import annotations

import asyncio
import os
import socket
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Final

from parley import limits
from parley.bearers.tls_channel import TlsChannel, TlsIdentity, check_mtu, make_context
from parley.errors import BearerError
from parley.ids import MemberNumber
from parley.ports import BearerEvents, Traits

Address = tuple[str, int]
_HANDSHAKE_S: Final = 5.0
_CONNECT_S: Final = 5.0
_FIRST_RETRY_S: Final = 0.2
_LONGEST_RETRY_S: Final = 5.0
_MAX_PENDING: Final = 128
"""Handshakes in progress; the oldest makes room. Each costs a socket and at most 16 KiB."""
_MAX_PENDING_A_SOURCE: Final = 48
_TELL_AGAIN_S: Final = 60.0


def _first_to_go(pending: Iterable[TlsChannel]) -> TlsChannel:
    """The oldest that has not even sent a whole ClientHello; where all have, the oldest."""
    channels = list(pending)
    return next((c for c in channels if not c.began), channels[0])


class TlsBearer:
    """Datagrams over TLS 1.3 with X25519MLKEM768 between nodes that know each other's keys."""

    def __init__(
        self,
        name: str,
        identity: TlsIdentity,
        pins: Mapping[bytes, MemberNumber],
        *,
        listen: Address | None = None,
        dial: Mapping[MemberNumber, Address] | None = None,
        cost: int = 0,
    ) -> None:
        self._name = name
        self._identity = identity
        self._pins = dict(pins)
        self._listen = listen
        self._dial = dict(dial or {})
        self._traits = Traits(mtu=limits.MAX_DATAGRAM - 1, round_trip_s=0.05, cost=cost)
        self._events: BearerEvents | None = None
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._pending: OrderedDict[TlsChannel, asyncio.TimerHandle] = OrderedDict()
        self._open: dict[MemberNumber, list[TlsChannel]] = {}
        self._lost: dict[MemberNumber, asyncio.Event] = {}
        self._closing = False
        self._told_at = -_TELL_AGAIN_S

    @property
    def name(self) -> str:
        """As configured."""
        return self._name

    @property
    def traits(self) -> Traits:
        """Fast; 64 KiB datagrams."""
        return self._traits

    @property
    def port(self) -> int:
        """The port listened on; 0 when not listening."""
        return int(self._server.sockets[0].getsockname()[1]) if self._server and self._server.sockets else 0

    def sockets(self) -> list[socket.socket]:
        """The sockets of open connections, for measurement."""
        found = [channel.stream for channels in self._open.values() for channel in channels]
        return [stream for stream in found if stream is not None]

    def set_pins(self, pins: Mapping[bytes, MemberNumber]) -> None:
        """Accept these keys from now on, and drop connections of keys that are no longer among them."""
        gone = set(self._pins.items()) - set(pins.items())
        self._pins = dict(pins)
        for _, member in gone:
            for channel in list(self._open.get(member, ())):
                channel.close("its key was replaced")

    async def start(self, events: BearerEvents) -> None:
        """Listen and dial. Raises BearerError when the address cannot be had."""
        self._events = events
        server_context = make_context(self._identity, server=True, pins=lambda: self._pins)
        client_context = make_context(self._identity, server=False, pins=lambda: self._pins)
        if self._listen is not None:
            loop = asyncio.get_running_loop()
            try:
                self._server = await loop.create_server(
                    lambda: self._accepted(TlsChannel(self, server_context, lambda: self._pins, server=True)),
                    *self._listen,
                    backlog=1024,
                )
            except OSError as error:
                raise BearerError(
                    f"{self._name} cannot listen on {self._listen[0]}:{self._listen[1]}: {error}.",
                    code="bearer-listen",
                    next_step="Choose another port in the line's config.toml, or stop what holds this one.",
                ) from error
        for peer, address in self._dial.items():
            self._lost[peer] = asyncio.Event()
            task = asyncio.create_task(self._keep_dialling(peer, address, client_context))
            self._tasks.add(task)

    def _accepted(self, channel: TlsChannel) -> TlsChannel:
        loop = asyncio.get_running_loop()
        while len(self._pending) >= _MAX_PENDING:
            self._crowded()
            _first_to_go(self._pending).close("too many handshakes in progress")
        self._pending[channel] = loop.call_later(_HANDSHAKE_S, channel.close, "no handshake in time")
        loop.call_soon(self._bound_source, channel)
        return channel

    def _bound_source(self, channel: TlsChannel) -> None:
        same = [c for c in self._pending if c.source == channel.source and c.source]
        for _ in range(len(same) - _MAX_PENDING_A_SOURCE):
            gone = _first_to_go(same)
            same.remove(gone)
            self._crowded()
            gone.close("too many handshakes in progress from one address")

    def _crowded(self) -> None:
        """Connections that are only half open make room for newer ones: told once a minute."""
        now = asyncio.get_running_loop().time()
        if self._events is not None and now >= self._told_at + _TELL_AGAIN_S:
            self._told_at = now
            text = "connections are opened and no handshake follows; the oldest of them are closed."
            self._events.bearer_warned(self, "connections-crowded", text)

    async def _keep_dialling(self, peer: MemberNumber, address: Address, context: object) -> None:
        """Probe until connected, at intervals that stay short; TCP's back-off is never waited for."""
        loop = asyncio.get_running_loop()
        wait = _FIRST_RETRY_S
        while not self._closing:
            if self._open.get(peer):
                self._lost[peer].clear()
                await self._lost[peer].wait()
                wait = _FIRST_RETRY_S
                continue
            channel = TlsChannel(self, context, lambda: self._pins, server=False)  # type: ignore[arg-type]
            try:
                async with asyncio.timeout(_CONNECT_S):
                    await loop.create_connection(lambda c=channel: c, *address)  # type: ignore[misc]
                self._pending[channel] = loop.call_later(_HANDSHAKE_S, channel.close, "no handshake in time")
                async with asyncio.timeout(_HANDSHAKE_S):
                    while channel in self._pending and channel.peer is None:
                        await asyncio.sleep(0.005)
            except (OSError, TimeoutError):
                pass
            if not self._open.get(peer):
                await asyncio.sleep(wait * (0.75 + os.urandom(1)[0] / 512))  # spreads reconnects
                wait = min(wait * 2, _LONGEST_RETRY_S)

    def ready(self, peer: MemberNumber) -> bool:
        """True when the newest connection to ``peer`` takes a datagram."""
        channels = self._open.get(peer)
        return bool(channels) and channels[-1].ready  # type: ignore[index]

    def send(self, peer: MemberNumber, datagram: bytes) -> None:
        """Hand over one datagram; lost when there is no connection."""
        check_mtu(datagram)
        channels = self._open.get(peer)
        if channels:
            channels[-1].send(datagram)

    async def close(self) -> None:
        """Stop listening, dialling and every connection."""
        self._closing = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        if self._server is not None:
            self._server.close()
        self._events = None
        for channel in [*self._pending, *(c for cs in self._open.values() for c in cs)]:
            channel.close("the node is stopping")
        if self._server is not None:
            await self._server.wait_closed()
            self._server = None

    # -- what channels tell ----------------------------------------------------------------------------

    def channel_open(self, channel: TlsChannel, peer: MemberNumber) -> None:
        """A handshake ended well."""
        timer = self._pending.pop(channel, None)
        if timer is not None:
            timer.cancel()
        channels = self._open.setdefault(peer, [])
        channels.append(channel)
        if len(channels) == 1 and self._events is not None:
            self._events.bearer_up(self, peer)

    def channel_closed(self, channel: TlsChannel, reason: str) -> None:
        """A connection ended, before or after its handshake."""
        timer = self._pending.pop(channel, None)
        if timer is not None:
            timer.cancel()
        if channel.peer is None:
            return
        channels = self._open.get(channel.peer, [])
        if channel in channels:
            channels.remove(channel)
            if self._events is not None:
                # What was on its way may be lost; even where another connection remains, say so.
                self._events.bearer_down(self, channel.peer, reason)
                if channels:
                    self._events.bearer_up(self, channel.peer)
            if not channels and channel.peer in self._lost:
                self._lost[channel.peer].set()

    def channel_ready(self, channel: TlsChannel) -> None:
        """Drained."""
        if channel.peer is not None and self._events is not None:
            self._events.bearer_ready(self, channel.peer)

    def room(self) -> bool:
        """As the node says."""
        return self._events is None or self._events.room()

    def channel_received(self, datagram: bytes) -> None:
        """Pass a datagram on."""
        if self._events is not None:
            self._events.bearer_received(self, datagram)
