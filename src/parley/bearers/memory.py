"""Bearers within one process, for tests and simulations: as lossy as their faults make them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from parley import limits
from parley.ids import MemberNumber
from parley.ports import BearerEvents, Traits


@dataclass(frozen=True, slots=True)
class Faults:
    """Probabilities, each from 0 to 1, and where chance comes from: a seeded draw repeats a run."""

    draw: Callable[[], float]
    """A number from 0 up to 1."""
    loss: float = 0.0
    duplication: float = 0.0
    corruption: float = 0.0


class MemoryNetwork:
    """Joins memory bearers; ``cut`` and ``heal`` act on all paths."""

    def __init__(self, faults: Faults | None = None, mtu: int = limits.MAX_DATAGRAM - 1) -> None:
        self._faults = faults or Faults(lambda: 1.0)
        self.mtu = mtu
        self._bearers: dict[MemberNumber, MemoryBearer] = {}
        self.up = True

    def bearer(self, name: str, member: MemberNumber) -> MemoryBearer:
        """The bearer of one member."""
        return MemoryBearer(name, member, self)

    def join(self, bearer: MemoryBearer) -> None:
        """Let a started bearer be reached, and reach the others."""
        for other in self._bearers.values():
            if self.up:
                other.peer_up(bearer.member)
                bearer.peer_up(other.member)
        self._bearers[bearer.member] = bearer

    def leave(self, bearer: MemoryBearer) -> None:
        """A bearer closed."""
        if self._bearers.pop(bearer.member, None) is not None:
            for other in self._bearers.values():
                other.peer_down(bearer.member, "the other side closed")

    def cut(self) -> None:
        """Every path goes down."""
        self.up = False
        for bearer in self._bearers.values():
            for peer in self._bearers:
                if peer != bearer.member:
                    bearer.peer_down(peer, "cut")

    def heal(self) -> None:
        """Every path comes up."""
        self.up = True
        for bearer in self._bearers.values():
            for peer in self._bearers:
                if peer != bearer.member:
                    bearer.peer_up(peer)

    def carry(self, peer: MemberNumber, datagram: bytes) -> None:
        """Deliver, lose, repeat or damage."""
        target, faults = self._bearers.get(peer), self._faults
        if target is None or not self.up or faults.draw() < faults.loss:
            return
        for _ in range(2 if faults.draw() < faults.duplication else 1):
            data = bytearray(datagram)
            if faults.draw() < faults.corruption:
                data[int(faults.draw() * len(data)) % len(data)] ^= 1 << int(faults.draw() * 8) % 8
            target.receive(bytes(data))


class MemoryBearer:
    """One member's end."""

    def __init__(self, name: str, member: MemberNumber, network: MemoryNetwork) -> None:
        self._name = name
        self.member = member
        self._network = network
        self._events: BearerEvents | None = None
        self._peers: set[MemberNumber] = set()
        self._traits = Traits(mtu=network.mtu, round_trip_s=0.01)

    @property
    def name(self) -> str:
        """As given."""
        return self._name

    @property
    def traits(self) -> Traits:
        """Fast."""
        return self._traits

    async def start(self, events: BearerEvents) -> None:
        """Join the network."""
        self._events = events
        self._network.join(self)

    def ready(self, peer: MemberNumber) -> bool:
        """True while the path is up."""
        return peer in self._peers

    def send(self, peer: MemberNumber, datagram: bytes) -> None:
        """Carry a datagram."""
        if self._events is not None and peer in self._peers:
            self._network.carry(peer, datagram)

    def peer_up(self, peer: MemberNumber) -> None:
        """The network joined ``peer``."""
        self._peers.add(peer)
        if self._events is not None:
            self._events.bearer_up(self, peer)

    def peer_down(self, peer: MemberNumber, reason: str) -> None:
        """The network lost ``peer``."""
        if peer in self._peers:
            self._peers.discard(peer)
            if self._events is not None:
                self._events.bearer_down(self, peer, reason)

    def receive(self, datagram: bytes) -> None:
        """Bytes came."""
        if self._events is not None:
            self._events.bearer_received(self, datagram)

    async def close(self) -> None:
        """Leave the network. Idempotent."""
        self._events = None
        self._network.leave(self)
