"""A party's node keys are stolen: a thief writes under them, while the party draws new ones and revokes (ADR 90).

The thief has the keys and no store, so it writes runs of its own, goes on with runs that have ended, gives receipts and
prekeys, and says what it likes of what it holds. It sends and hears nothing.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from parley import limits
from parley.crypto.signing import Signer
from parley.ids import MemberNumber
from parley.protocol import inputs as i
from parley.protocol import rows as r
from parley.protocol.line import Line
from parley.protocol.membership import verify_documents
from parley.protocol.rows import Rows
from parley.record.checkpoint import Checkpoint
from parley.record.cosignature import cosign_ed25519
from parley.record.rfc6962 import leaf_hash
from parley.stores.memory import MemoryStore
from parley.wire import cbor, parts, statement
from parley.wire.documents import ClosedRun, document_hash
from parley.wire.statement import EVERYONE, Kind, Message, Precedence, Statement

if TYPE_CHECKING:
    from parley_testkit.sim.station import Station
    from parley_testkit.sim.world import World

_LIMIT: Final = 1 << 24
_DEEDS: Final = 12
_ALL_NEW: Final = 0.6


def steal(world: World, station: Station, certified_s: float, revoked_s: float, hand_s: float, seed: float) -> None:
    """The keys in use are stolen now; then come the new certificate, the revocation, and both by hand to each peer."""
    chance = random.Random(seed)
    thief = Thief(world, station, chance)
    station.stolen = True
    world.pending += 1
    for _ in range(_DEEDS):
        world.loop.after(chance.uniform(0, certified_s + revoked_s + hand_s + 10), thief.act)
    world.loop.after(certified_s, _certify, world, station, chance, revoked_s, hand_s)


def _certify(world: World, station: Station, chance: random.Random, revoked_s: float, hand_s: float) -> None:
    # An older certificate may go out of use with the announce key kept: then the thief goes on being heard, in vain.
    keys = station.party.rotate(compromised=chance.random() < _ALL_NEW)
    station.document(keys.note)
    world.loop.after(revoked_s, _revoke, world, station, chance, keys.serial, hand_s)


def _revoke(world: World, station: Station, chance: random.Random, serial: int, hand_s: float) -> None:
    """The node stands still meanwhile. Everybody is handed the file, some of them late."""
    if station.disk.damaged:
        world.loop.after(2.0, _revoke, world, station, chance, serial, hand_s)
        return
    station.crash()
    older = {document_hash(k.certificate.text()): k.note for k in station.party.key_sets if k.serial < serial}
    newest = next(k for k in station.party.key_sets if k.serial == serial)
    notes = [*older.values(), newest.note]
    for certificate in older:
        if not station.revoked(certificate):
            closed = list(_heads(station, certificate))
            notes.append(station.party.revocation(world.membership.line, certificate, closed, station.clock.wall_s()))
    world.count("revocations")
    station.document(*notes)
    station.start()
    for other in world.stations:
        if other is not station:
            world.loop.after(chance.uniform(0, hand_s), other.document, *notes)
    world.loop.after(hand_s, _through, world)


def _through(world: World) -> None:
    world.pending -= 1


def _heads(station: Station, certificate: bytes) -> Sequence[ClosedRun]:
    """Where each run under ``certificate`` ends, by what is on the disk."""
    found = []
    me = bytes((station.number,))
    for key, row in station.disk.rows().scan(r.LOG, me, r.after(me)):
        fields = cbor.decode(row, limit=_LIMIT)
        size = int.from_bytes(fields[2][:8], "big")
        if fields[1] == certificate and size:
            found.append(ClosedRun(r.read_log_key(key).incarnation, size, fields[3]))
    return found


class _Watched:
    """A stolen key: the oracle is told what it signs, and that it was not its owner."""

    def __init__(self, signer: Signer, watch: Callable[[bytes, bytes], None]) -> None:
        self._signer = signer
        self._watch = watch
        self.public = signer.public

    def sign(self, message: bytes) -> bytes:
        """As the signer."""
        signature = self._signer.sign(message)
        self._watch(message, signature)
        return signature


class Thief:
    """Another line of the same member, under the keys that it used when they were stolen."""

    def __init__(self, world: World, station: Station, chance: random.Random) -> None:
        self._world = world
        self._station = station
        self._chance = chance
        keys = station.party.key_sets[station.serial - 1]
        watch = world.oracle.stolen
        certificate = document_hash(keys.certificate.text())
        watch.theft(station.number)
        signers = replace(
            keys.signers,
            checkpoint=_Watched(keys.signers.checkpoint, watch.checkpoint),
            receipt=_Watched(keys.signers.receipt, lambda _, s: watch.receipt(station.number, certificate, s)),
        )
        known = verify_documents(station.notes.values())
        self._store = MemoryStore()
        me, settings = MemberNumber(station.number), world.settings
        self._line = Line(Rows(self._store), known, me, signers, chance.randbytes, settings)
        self._count = 0
        self._name = f"{station.serial} {chance.randrange(1 << 30)}"
        self._known = {MemberNumber(n) for n in known.peers(me)}

    def act(self) -> None:
        """One deed, unless all faults have ended."""
        if self._world.network.calm:
            return
        self._world.count("thief")
        self._world.acts(self._station.number)
        deed = self._chance.choice((self._say, self._say, self._go_on, self._receipt, self._prekeys, self._claim))
        deed(self._chance.choice(sorted(self._known)))

    def _step(self, *inputs: i.Input) -> None:
        output = self._line.step(inputs, self._now())
        self._store.commit(self._store.version, output.changes)
        for send in output.sends:
            self._put(send.peer, send.datagram)

    def _now(self) -> i.Now:
        return i.Now(self._station.clock.wall_s(), self._world.loop.now + 1000.0)

    def _put(self, peer: int, data: bytes) -> None:
        world = self._world
        ways = [n for n, c in world.network.carriers.items() if not c.by_hand]
        if ways and len(data) <= limits.MAX_DATAGRAM:
            world.loop.after(0.05, world.network.arrive, self._chance.choice(ways), peer, data)

    def _send(self, peer: int, payload: Sequence[parts.Part]) -> None:
        number, now = MemberNumber(peer), self._now()
        chain = self._line.chains.chain_for([peer], now)
        self._put(peer, self._line.chains.announcer.announcement(chain, number, self._line.incarnation, now))
        self._put(peer, self._line.chains.seal(chain, parts.encode(payload)))
        self._store.commit(self._store.version, self._line.rows.take())

    # -- deeds -------------------------------------------------------------------------------------------

    def _say(self, peer: int) -> None:
        """A message in a run of its own, to one peer or more."""
        self._count += 1
        precedence = Precedence.FLASH if self._chance.random() < 0.2 else Precedence.ROUTINE
        said = Message(f"false {self._name} {self._count}", "en", precedence)
        self._step(i.LinkUp("stolen", MemberNumber(peer), limits.MAX_DATAGRAM - 1))
        self._step(i.Submit(Kind.MESSAGE, said, EVERYONE, self._count), i.Tick())

    def _go_on(self, peer: int) -> None:
        """One entry more in a run that has ended, for one peer."""
        holder = self._world.stations[peer].node
        node = self._station.node
        if holder is None or node is None:
            return
        mine = self._line.signers.checkpoint.public
        ended = [
            t
            for t in holder.line.trees
            if t.log.member == self._station.number
            and t.log.incarnation != node.line.incarnation
            and t.keys.checkpoint == mine
            and t.size
        ]
        if not ended:
            return
        tree = self._chance.choice(ended)
        self._count += 1
        message = Message(f"false {self._name} {self._count}", "en")
        data = statement.encode(Statement(Kind.MESSAGE, self._station.clock.wall_s(), message))
        frontier = tree.frontier.append(leaf_hash(self._line.trees.commitment(tree, bytes(32), data, EVERYONE)))
        signature = self._line.signers.checkpoint.sign(Checkpoint(tree.origin, frontier.size, frontier.root()).body())
        self._send(peer, [parts.Entries(tree.size, (parts.Opening(data, bytes(32)),), signature, tree.log)])

    def _receipt(self, peer: int) -> None:
        """A receipt for all that a peer has written."""
        holder = self._world.stations[peer].node
        for tree in holder.line.trees if holder is not None else ():
            if tree.log.member == peer and tree.size:
                wall = self._station.clock.wall_s()
                signed = cosign_ed25519(self._line.signers.receipt, tree.checkpoint(), wall)
                self._send(peer, [parts.Cosigned(tree.log, tree.size, wall, signed.signature)])

    def _prekeys(self, peer: int) -> None:
        """Prekeys of its own, for what the peer will announce."""
        self._send(peer, [self._line.chains.announcer.prekeys_for(MemberNumber(peer))])

    def _claim(self, peer: int) -> None:
        """Nothing is held, or more than there is."""
        holder = self._world.stations[peer].node
        trees = list(holder.line.trees) if holder is not None else []
        more = self._chance.choice((0, 1))
        logs = tuple(parts.Held(t.log, (t.size + 1) * more, t.held * more) for t in trees)
        self._send(peer, [parts.Have(logs, (), (), b""), parts.Query()])
