"""The parties of a scenario: founded as real delegations found a line, each with the real node, watch and homes.

Three things stand in for the machine's: the clock is virtual, the record's store and the bearers are in memory. All
else is the product's own: identities, charter, keys and certificates, the core, the node's loop, the watch, the watch's
log, plans and the index of conflicts, in files of a folder that goes with the scenario.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from parley.app import config as configuration
from parley.app import meeting
from parley.app.forms import Understands
from parley.app.home import Home, LineHome
from parley.app.runtime import Runtime, keys_in_force, make_line, plain
from parley.app.scenario.script import Actor, Script
from parley.app.scenario.virtual import VirtualClock
from parley.app.standing import stand_watch
from parley.app.watchrules import load_rules
from parley.bearers.memory import MemoryBearer, MemoryNetwork
from parley.errors import UsageError
from parley.ids import MemberNumber
from parley.keys.file import write_private
from parley.node.loop import Node
from parley.node.writer import InlineWriter
from parley.ports import Head
from parley.protocol import inputs as i
from parley.protocol.settings import Settings
from parley.stores.memory import MemoryStore

BEARER: Final = "memory"
_KEPT: Final = 4096
"""Datagrams of a line that are remembered."""
Told = Callable[["Station", i.Event | Mapping[str, Any]], None]


class Wire(MemoryNetwork):
    """A line's network, which remembers what it carried."""

    def __init__(self) -> None:
        super().__init__()
        self.carried: list[tuple[MemberNumber, bytes]] = []

    def carry(self, peer: MemberNumber, datagram: bytes) -> None:
        """Deliver, and remember."""
        if len(self.carried) < _KEPT:
            self.carried.append((peer, datagram))
        super().carry(peer, datagram)


class MemoryHead:
    """ports.HeadFile in memory."""

    def __init__(self) -> None:
        self._head: Head | None = None

    def read(self) -> Head | None:
        """What was written last."""
        return self._head

    def write(self, head: Head, *, sync: bool) -> None:
        """Keep it."""
        del sync
        self._head = head


@dataclass(slots=True)
class Station:
    """One party's node of one line."""

    actor: Actor
    line: LineHome
    wire: Wire
    clock: VirtualClock
    told: Told
    store: MemoryStore = field(default_factory=MemoryStore)
    head: MemoryHead = field(default_factory=MemoryHead)
    bearer: MemoryBearer | None = None
    runtime_: Runtime | None = None
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)
    _stop: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def runtime(self) -> Runtime:
        """What the faces ask. Raises UsageError while the node does not run."""
        if self.runtime_ is None:
            raise UsageError(f"the node of {self.actor.name} does not run.", code="scenario-node-stopped")
        return self.runtime_

    async def start(self) -> None:
        """Start the node and its watch, as 'parley serve' does."""
        membership = self.line.membership()
        keys = keys_in_force(self.line, membership)
        me = self.line.me(membership)
        given: dict[str, Any] = dict(configuration.load(self.line.config).settings)
        settings = Settings("parley scenario", Understands(self.line.forms), **given)
        self.bearer = self.wire.bearer(BEARER, me)
        changed, news = asyncio.Event(), asyncio.Event()
        signers = keys.signers()

        def told(event: i.Event) -> None:
            changed.set()
            news.set()
            self.told(self, event)

        self.store = self.store.reopen()
        node = Node(
            lambda rows: make_line(self.line, rows, signers, settings, me),
            lambda: self.store,
            self.head,
            [self.bearer],
            self.clock,
            told,
            InlineWriter(),
        )
        self.runtime_ = Runtime(self.line, node, [self.bearer], [], load_rules(self.line.config), changed, news)
        self._stop.clear()
        watch = stand_watch(self.runtime_, lambda event: self.told(self, event), self._stop)
        self._tasks = [asyncio.create_task(node.run()), asyncio.create_task(watch)]
        await node.started.wait()

    async def stop(self) -> None:
        """Stop the node; its store and files stay."""
        if self.runtime_ is None:
            return
        self._stop.set()
        self.runtime_.node.stop()
        await asyncio.gather(*self._tasks)
        if self.runtime_.guard is not None:
            self.runtime_.guard.close()
        if self.runtime_.desk is not None:
            self.runtime_.desk.close()
        self.runtime_ = None

    def plain(self, event: i.Event) -> dict[str, Any]:
        """A node's event as plain data."""
        return plain(event, self.runtime.node.line.membership)

    def inject(self, datagrams: Sequence[bytes]) -> None:
        """Bytes reach the node's bearer, from whoever."""
        if self.bearer is not None:
            for datagram in datagrams:
                self.bearer.receive(datagram)


class World:
    """All parties of a script on all its lines, below ``folder``."""

    def __init__(self, script: Script, folder: Path, told: Told) -> None:
        self.script = script
        self._folder = folder
        self._told = told
        self.clock = VirtualClock(asyncio.get_running_loop(), script.clock)
        self.wires = {name: Wire() for name in script.lines}
        self.stations: dict[tuple[str, str], Station] = {}
        """By party and line."""

    async def found(self) -> None:
        """Every party makes its identity; every line is founded by files that change hands; every node starts."""
        homes = {}
        for actor in self.script.actors:
            homes[actor.code] = Home(self._folder / actor.code)
            meeting.init_party(homes[actor.code], actor.code, actor.name, [actor.language])
        for name, purpose in self.script.lines.items():
            for code, line in self._found_line(homes, name, purpose).items():
                actor = next(a for a in self.script.actors if a.code == code)
                _configure(line, actor)
                self.stations[code, name] = Station(actor, line, self.wires[name], self.clock, self._told)
        for station in self.stations.values():
            await station.start()

    def _found_line(self, homes: Mapping[str, Home], name: str, purpose: str) -> dict[str, LineHome]:
        first, *others = homes.values()
        introductions = [meeting.introduce(home, name) for home in others]
        proposal = meeting.propose(
            first,
            name,
            introductions,
            purpose=purpose,
            languages=self.script.languages,
            deadlines=self.script.deadlines,
        )
        signed = meeting.merge([proposal, *(meeting.accept(home, proposal) for home in others)])
        return {code: meeting.install(home, signed)[0] for code, home in homes.items()}

    async def close(self) -> None:
        """Stop every node."""
        for station in self.stations.values():
            await station.stop()

    def carried_to(self, code: str, line: str) -> list[bytes]:
        """Datagrams that went to a party on a line."""
        runtime = self.stations[code, line].runtime
        return [datagram for peer, datagram in self.wires[line].carried if peer == runtime.node.line.me]


def _configure(line: LineHome, actor: Actor) -> None:
    """The tables of the party's config.toml."""
    parts = []
    # No tests are due unless the scenario is about them.
    for table, values in (("settings", actor.settings), ("watch", {"tests_at": [], **actor.watch})):
        parts.append(f"[{table}]\n" + "".join(f"{name} = {_toml(value)}\n" for name, value in values.items()))
    write_private(line.config, "\n".join(parts).encode())


def _toml(value: object) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False)
