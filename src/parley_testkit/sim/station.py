"""One party's place in a world: keys, disk, clock, bearers, and the process that runs the real node."""

from __future__ import annotations

import asyncio
import random
import traceback
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from parley.crypto.signing import Signer
from parley.errors import ParleyError, StoreCorrupt
from parley.ids import EntryId, Incarnation, MemberNumber
from parley.node.loop import Node
from parley.protocol import inputs as i
from parley.protocol import membership as members
from parley.protocol import rows as r
from parley.protocol.line import Line
from parley.protocol.membership import Membership
from parley.protocol.rows import Rows
from parley.protocol.signers import Signers
from parley.stores.headfile import lost_state
from parley.wire.documents import document_hash
from parley.wire.statement import Kind, Mark, Message
from parley_testkit.sim.clockwork import Crashed, Process, SimClock
from parley_testkit.sim.disk import Disk, SimHead, SimStore, SimWriter
from parley_testkit.sim.network import SimBearer
from parley_testkit.sim.parties import Party

if TYPE_CHECKING:
    from parley_testkit.sim.world import World


class WatchedSigner:
    """A signer whose every signature the oracle sees."""

    def __init__(
        self, signer: Signer, watch: Callable[[bytes], None], made: Callable[[bytes], None] | None = None
    ) -> None:
        self._signer = signer
        self._watch = watch
        self._made = made
        self.public = signer.public

    def sign(self, message: bytes) -> bytes:
        """As the signer."""
        self._watch(message)
        signature = self._signer.sign(message)
        if self._made is not None:
            self._made(signature)
        return signature


class WatchedLine(Line):
    """The real line; the world is told who acts."""

    before: Callable[[], None]

    def step(self, inputs: Iterable[i.Input], now: i.Now) -> i.Output:
        """As the line."""
        self.before()
        return super().step(inputs, now)


class Station:
    """Starts, ends and restarts one party's node."""

    def __init__(self, world: World, number: int, party: Party, notes: dict[bytes, bytes]) -> None:
        self.world = world
        self.number = MemberNumber(number)
        self.party = party
        self.notes = notes
        """The documents in the node's home, which no disk fault takes."""
        self.disk = Disk()
        self.disk.on_commit = self._committed
        self.clock = SimClock(world.loop)
        self.chance = random.Random(f"{world.options.seed}/{number}")
        self.process: Process | None = None
        self.node: Node | None = None
        self.serial = 1
        """Of the key set that the next start uses."""
        self.backup: int | None = None
        self.left = False
        self.stolen = False
        """True once somebody else has had its keys."""
        self.muted: set[int] = set()
        """Whom a liar sends nothing any more."""
        self.forced: Incarnation | None = None
        """A liar's run that it goes on with, from an older store."""
        self._membership: Membership | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def running(self) -> bool:
        """True while a process lives."""
        return self.process is not None and not self.process.dead

    # -- the process -------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the node as the composition root does: store, head compared, line, bearers."""
        if self.running:
            return
        world = self.world
        process = Process(self.number)
        bearers = [SimBearer(c, world.network, process) for c in world.network.carriers.values()]
        for bearer in bearers:
            bearer.on_send, bearer.muted = self._sends, self.muted
        self.serial = len(self.party.key_sets)
        try:
            node = Node(
                self._make_line,
                lambda: self._open(process),
                SimHead(self.disk, process),
                bearers,
                self.clock,
                self._told,
            )
        except StoreCorrupt:
            # What the operator does then: the file is put away, and the record comes back from the peers.
            self.disk.damaged = False
            self.lose_state(0)
            self.world.loop.after(1.0, self.start)
            return
        node._writer = SimWriter(self.disk, process)  # type: ignore[assignment]  # noqa: SLF001 - threads have no place here
        self.process, self.node = process, node
        self._task = world.loop.create_task(node.run())
        self._task.add_done_callback(lambda done: self._ended(done, process))
        process.on_death = self._died
        world.trace("start", self.number)

    def _open(self, process: Process) -> SimStore:
        store = self.disk.open(process)
        noticed = lost_state(store.version, self.disk.head)
        self.world.oracle.started(self.number, store.version, self.disk.head, noticed)
        return store

    def _make_line(self, rows: Rows) -> Line:
        self.world.oracle.line_made(self.number)
        if self._membership is None or len(self._membership.notes) != len(self.notes):
            self._membership = members.verify_documents(self.notes.values())
        membership = members.extend_all(self._membership, (raw for _, raw in rows.scan(r.DOCUMENT)))
        self.world.oracle.stolen.begins(self.number, membership.notes.values())
        settings = self.world.settings
        line = WatchedLine(rows, membership, self.number, self._signers(), self.chance.randbytes, settings)
        if self.forced is not None:
            line.incarnation = line.chains.incarnation = self.forced
            self.forced = None
        line.before = lambda: self.world.acts(self.number)
        return line

    def _signers(self) -> Signers:
        keys = self.party.key_sets[self.serial - 1]
        signers, certificate = keys.signers, document_hash(keys.certificate.text())
        oracle, k = self.world.oracle, self.number
        return replace(
            signers,
            checkpoint=WatchedSigner(signers.checkpoint, lambda m: oracle.signatures.signs(k, "checkpoint", m)),
            receipt=WatchedSigner(
                signers.receipt,
                lambda m: oracle.signatures.signs(k, "receipt", m),
                lambda s: oracle.stolen.receipt(k, certificate, s),
            ),
            announce=WatchedSigner(signers.announce, lambda m: oracle.keys.announces(k, m)),
        )

    def _ended(self, task: asyncio.Task[Any], process: Process) -> None:
        error = None if task.cancelled() else task.exception()
        if process.dead or error is None or isinstance(error, Crashed):
            return
        process.kill()
        if isinstance(error, StoreCorrupt):
            self.world.loop.after(1.0, self.start)
            return
        text = "".join(traceback.format_exception(error)[-6:])
        self.world.fail("crash", type(error).__name__, f"member {self.number}: {text}")

    def crash(self) -> None:
        """The process ends now."""
        if self.process is not None:
            self.process.kill()

    def crash_if(self, process: Process) -> None:
        """The same, when it is still this one."""
        process.kill()

    def _died(self) -> None:
        self.world.trace("dies", self.number)
        self.world.count("crashes")
        if self._task is not None:
            self._task.cancel()
        network = self.world.network
        for name in network.carriers:
            end = network.ends.get((name, self.number))
            if end is not None:
                network.leave(end)

    def revoked(self, certificate: bytes) -> bool:
        """True when the documents at hand revoke ``certificate``."""
        member = members.verify_documents(self.notes.values()).members[self.number]
        return certificate in member.closed

    # -- documents ---------------------------------------------------------------------------------------

    def document(self, *notes: bytes) -> None:
        """The operator adds documents to the node's home, and to the node that runs."""
        fresh = [note for note in notes if note not in self.notes.values()]
        self.notes = dict(members.verify_documents([*self.notes.values(), *fresh]).notes)
        if self.running and self.node is not None:
            for note in notes:
                self.node.add_document(note)

    # -- the disk ----------------------------------------------------------------------------------------

    def _committed(self, changes: Any) -> None:  # noqa: ANN401
        self.world.trace("commit", self.number, len(changes))
        self.world.oracle.committed(self.number, changes)

    def lose_state(self, version: int) -> None:
        """The disk is back at an older version; only while no process lives."""
        if self.disk.truncate(version):
            self.world.count("state-loss")
            self.world.trace("lost", self.number, version)
            self.world.oracle.reloaded(self.number, self.disk.rows())

    # -- what the node does ------------------------------------------------------------------------------

    def _sends(self, bearer: SimBearer, peer: MemberNumber, datagram: bytes) -> None:
        self.world.sends(self, bearer, peer, datagram)

    def _told(self, event: i.Event) -> None:
        if self.running:
            if isinstance(event, i.MembershipChanged) and self.node is not None:
                self.notes = dict(self.node.line.membership.notes)
                for (_, member), end in list(self.world.network.ends.items()):
                    if member == self.number:
                        self.world.network.look_around(end)
            self.world.told(self, event)

    # -- officers ----------------------------------------------------------------------------------------

    def submit(self, key: object, kind: Kind, content: Message | Mark, to: int) -> None:
        """An officer's act; the oracle is told of its outcome."""
        if not self.running or self.node is None:
            return
        oracle = self.world.oracle
        oracle.submitted[key] = (self.number, (content, to))
        task = self.world.loop.create_task(self.node.submit(kind, content, to))
        task.add_done_callback(self._submitted)

    def _submitted(self, task: asyncio.Task[EntryId]) -> None:
        if task.cancelled():
            return
        error = task.exception()
        if error is None:
            self.world.oracle.accepted(self.number, task.result())
        elif not isinstance(error, ParleyError | Crashed):
            self.world.fail("crash", type(error).__name__, f"a submission of member {self.number}: {error!r}")
