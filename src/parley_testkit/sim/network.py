"""Bearers that lose, repeat, delay, reorder, damage, cut one way, and carry sticks."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from parley.ids import MemberNumber
from parley.ports import BearerEvents, Traits
from parley_testkit.sim.clockwork import Process, SimLoop

MAX_PARTIES = 5


@dataclass(slots=True)
class Weather:
    """Probabilities of what befalls a datagram, each from 0 to 1; ``jitter_s`` reorders."""

    loss: float = 0.0
    duplication: float = 0.0
    corruption: float = 0.0
    delay_s: float = 0.02
    jitter_s: float = 0.0


@dataclass(slots=True)
class Carrier:
    """One kind of bearer, the same at every party."""

    name: str
    traits: Traits
    weather: Weather
    connected: bool = True
    """True: a path is up only while both nodes run, and both are told. False: like a radio, nobody is told."""
    by_hand: bool = False
    """A stick: up only while a courier is there."""


Key = tuple[str, int, int]
"""Bearer, source, target."""


@dataclass(slots=True)
class Network:
    """All carriers between all parties."""

    loop: SimLoop
    chance: random.Random
    carriers: dict[str, Carrier]
    trace: Callable[..., None]
    ends: dict[tuple[str, int], SimBearer] = field(default_factory=dict)
    cut: dict[Key, int] = field(default_factory=dict)
    """How many cuts lie on a direction; datagrams vanish without notice."""
    down: dict[Key, int] = field(default_factory=dict)
    """How many reasons there are for a direction to be known as down."""
    sticks: dict[Key, list[bytes]] = field(default_factory=dict)
    knows: Callable[[int, int], bool] = lambda _source, _target: True
    """Whether a node has the other as a member: bearers are set up for members only."""
    calm: bool = False
    """True: no more faults."""
    faults: dict[str, int] = field(default_factory=dict)

    def count(self, fault: str) -> None:
        """One more fault of a kind."""
        self.faults[fault] = self.faults.get(fault, 0) + 1

    def change(self, table: dict[Key, int], bearer: str, source: int, target: int, by: int) -> None:
        """Put a cut or an outage on a direction, or take one off."""
        key = (bearer, source, target)
        table[key] = table.get(key, 0) + by
        if table is self.down:
            self.look(bearer, source, target)

    def heal(self) -> None:
        """Everything that is down or cut comes back, and stays."""
        self.calm = True
        self.cut.clear()
        down, self.down = self.down, {}
        sticks, self.sticks = self.sticks, {}
        for key in (*down, *sticks):
            self.look(*key)

    def up(self, bearer: str, source: int, target: int) -> bool:
        """Whether ``source`` should know a path to ``target``."""
        carrier = self.carriers[bearer]
        if not self.knows(source, target):
            return False
        if (bearer, source) not in self.ends or self.down.get((bearer, source, target), 0) > 0:
            return False
        if carrier.by_hand:
            return (bearer, source, target) in self.sticks
        if carrier.connected:
            back = self.down.get((bearer, target, source), 0) > 0
            return (bearer, target) in self.ends and not back
        return True

    def look(self, bearer: str, source: int, target: int) -> None:
        """Let both ends notice, in their time, what has become of the path between them."""
        for a, b in ((source, target), (target, source)):
            self.loop.after(self.chance.uniform(0.0, 0.5), self._notice, bearer, a, b)

    def _notice(self, bearer: str, source: int, target: int) -> None:
        end = self.ends.get((bearer, source))
        if end is not None:
            end.path(MemberNumber(target), up=self.up(bearer, source, target))

    def join(self, end: SimBearer) -> None:
        """A node's bearer began."""
        self.ends[end.name, end.member] = end
        self.look_around(end)

    def look_around(self, end: SimBearer) -> None:
        """Look at every path of one end."""
        for target in range(MAX_PARTIES):
            if target != end.member:
                self.look(end.name, end.member, target)

    def leave(self, end: SimBearer) -> None:
        """A node's bearer is gone, with its node."""
        if self.ends.get((end.name, end.member)) is end:
            del self.ends[end.name, end.member]
            for name, other in list(self.ends):
                if name == end.name and self.carriers[name].connected:
                    self.look(name, other, end.member)

    def carry(self, bearer: str, source: int, target: int, datagram: bytes) -> None:
        """Deliver, lose, repeat, delay or damage one datagram."""
        key = (bearer, source, target)
        stick = self.sticks.get(key)
        if stick is not None:
            stick.append(datagram)
            return
        carrier = self.carriers[bearer]
        weather, draw = carrier.weather, self.chance.random
        if self.calm:
            self.loop.after(weather.delay_s, self.arrive, bearer, target, datagram)
            return
        if self.cut.get(key, 0) > 0 or draw() < weather.loss:
            self.count("loss")
            self.trace("lose", source, target)
            return
        copies = 1
        if draw() < weather.duplication:
            self.count("duplication")
            copies = 2
        for _ in range(copies):
            data = datagram
            if draw() < weather.corruption:
                self.count("corruption")
                data = self._damage(datagram)
            delay = weather.delay_s
            if weather.jitter_s:
                delay += draw() * weather.jitter_s
                self.count("delay")
            self.loop.after(delay, self.arrive, bearer, target, data)

    def _damage(self, datagram: bytes) -> bytes:
        at = self.chance.randrange(len(datagram))
        how = self.chance.random()
        if how < 0.8:
            return datagram[:at] + bytes([datagram[at] ^ 1 << self.chance.randrange(8)]) + datagram[at + 1 :]
        return datagram[:at] if how < 0.9 else datagram + self.chance.randbytes(at % 40 + 1)

    def arrive(self, bearer: str, target: int, datagram: bytes) -> None:
        """What is on its way comes to its end, if anybody is there."""
        end = self.ends.get((bearer, target))
        if end is not None and datagram:
            self.trace("arrive", bearer, target, len(datagram))
            end.receive(datagram)


class SimBearer:
    """ports.Bearer: one member's end of a carrier, for one process."""

    def __init__(self, carrier: Carrier, network: Network, process: Process) -> None:
        self._carrier = carrier
        self._network = network
        self._process = process
        self._events: BearerEvents | None = None
        self._up: set[MemberNumber] = set()
        self._busy: set[MemberNumber] = set()
        self.name = carrier.name
        self.traits = carrier.traits
        self.member = process.member
        self.muted: set[int] = set()
        self.on_send: Callable[[SimBearer, MemberNumber, bytes], None] = lambda _bearer, _peer, _data: None

    async def start(self, events: BearerEvents) -> None:
        """Begin."""
        self._events = events
        self._network.join(self)

    def ready(self, peer: MemberNumber) -> bool:
        """True while the path is up and nothing is on the air."""
        return peer in self._up and peer not in self._busy

    def send(self, peer: MemberNumber, datagram: bytes) -> None:
        """Hand over one datagram."""
        self._process.reach("send")
        self.on_send(self, peer, datagram)
        if peer not in self._up or peer in self.muted:
            return
        rate = self.traits.bits_per_second
        if not rate:
            self._network.carry(self.name, self.member, peer, datagram)
            return
        self._busy.add(peer)
        self._network.loop.after(len(datagram) * 8 / rate, self._sent, peer, datagram)

    def _sent(self, peer: MemberNumber, datagram: bytes) -> None:
        self._busy.discard(peer)
        if not self._process.dead and self._events is not None:
            self._network.carry(self.name, self.member, peer, datagram)
            if peer in self._up:
                self._events.bearer_ready(self, peer)

    def path(self, peer: MemberNumber, *, up: bool) -> None:
        """Tell the node what has become of a path."""
        if self._events is None or self._process.dead or up == (peer in self._up):
            return
        self._network.trace("up" if up else "down", self.name, self.member, peer)
        if up:
            self._up.add(peer)
            self._events.bearer_up(self, peer)
        else:
            self._up.discard(peer)
            self._events.bearer_down(self, peer, "simulated")

    def receive(self, datagram: bytes) -> None:
        """Bytes came."""
        if self._events is not None and not self._process.dead:
            self._events.bearer_received(self, datagram)

    async def close(self) -> None:
        """Stop."""
        self._events = None
        self._network.leave(self)
