"""A member who holds real keys and lies: what it can do that no honest node does.

Its node runs as any other, so that its chains open; besides, it seals and signs by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from parley import limits
from parley.ids import LogId, MemberNumber
from parley.protocol import inputs as i
from parley.protocol import rows as r
from parley.protocol.line import Line
from parley.protocol.tree import Tree
from parley.record.checkpoint import Checkpoint
from parley.record.cosignature import cosign_ed25519
from parley.record.equivocation import EquivocationProof
from parley.record.rfc6962 import leaf_hash
from parley.wire import cbor, datagram, parts, statement
from parley.wire.statement import EVERYONE, Kind, Message, Statement

if TYPE_CHECKING:
    from parley_testkit.sim.station import Station
    from parley_testkit.sim.world import World

_REPLAYED: Final = 40


def lie(world: World, station: Station, how: str) -> None:
    """One lie of the plan; nothing while the liar's node does not run."""
    if station.running and station.node is not None and not world.network.calm:
        world.count(f"lie-{how}")
        _LIES[how](world, station, station.node.line)


def send(world: World, station: Station, peer: int, payload: Sequence[parts.Part] | bytes) -> None:
    """Seal by hand under the liar's own chain, announced if need be, and put it on its way."""
    line = station.node.line if station.node is not None else None
    if line is None or MemberNumber(peer) not in line.peers:
        return
    world.acts(station.number)
    now = i.Now(station.clock.wall_s(), station.clock.boot_s())
    chain = line.chains.chain_for([peer], now)
    datagrams = []
    if peer not in chain.confirmed:
        datagrams.append(line.chains.announcer.announcement(chain, MemberNumber(peer), line.incarnation, now))
    data = payload if isinstance(payload, bytes) else parts.encode(payload)
    datagrams.append(line.chains.seal(chain, data))
    deliver(world, station, peer, datagrams)


def deliver(world: World, station: Station, peer: int, datagrams: Sequence[bytes]) -> None:
    """Put bytes on the wire to ``peer``, by whatever bearer."""
    bearer = world.chance.choice([name for name, c in world.network.carriers.items() if not c.by_hand])
    for data in datagrams:
        if len(data) <= limits.MAX_DATAGRAM:
            key = (bearer, int(station.number), peer)
            if not world.network.cut.get(key):
                world.loop.after(0.05, world.network.arrive, bearer, peer, data)


def _victims(world: World, station: Station) -> list[int]:
    return [s.number for s in world.stations if s is not station]


def _anyone(world: World, station: Station) -> int:
    return world.chance.choice(_victims(world, station))


def _foreign_tree(world: World, station: Station, line: Line) -> Tree | None:
    trees = [t for t in line.trees if t.log.member != station.number and t.size]
    return world.chance.choice(trees) if trees else None


# -- the lies -----------------------------------------------------------------------------------------------


def _equivocate(world: World, station: Station, line: Line) -> None:
    """Sign one more entry for one member, and never show it to the others."""
    tree = line.own
    victim = _anyone(world, station)
    if tree is None or line.peers[MemberNumber(victim)].trees.get(tree.log) is None:
        return
    said = Statement(Kind.MESSAGE, station.clock.wall_s(), Message(f"for {victim} alone {world.events}", "en"))
    data = statement.encode(said)
    commitment = line.trees.commitment(tree, bytes(32), data, EVERYONE)
    frontier = tree.frontier.append(leaf_hash(commitment))
    head = Checkpoint(tree.origin, frontier.size, frontier.root())
    signature = line.signers.checkpoint.sign(head.body())
    part = parts.Entries(tree.size, (parts.Opening(data, bytes(32)),), signature, tree.log)
    # From what its own store has of the tree, so that the victim can join it to what it holds.
    send(world, station, victim, [part])
    if world.chance.random() < 0.5:
        station.muted.add(victim)


def _rollback(world: World, station: Station, line: Line) -> None:
    """Start again from an older copy of the store, as the very same run."""
    back = max(0, station.disk.version - world.chance.randint(1, 10))
    station.crash()
    station.lose_state(back)
    station.forced = line.incarnation
    world.loop.after(0.5, station.start)


def _replay(world: World, station: Station, line: Line) -> None:
    """Old datagrams of anybody, to anybody."""
    del line
    for _ in range(min(_REPLAYED, len(world.overheard))):
        _, _, data = world.chance.choice(world.overheard)
        deliver(world, station, _anyone(world, station), [data])


def _reflect(world: World, station: Station, line: Line) -> None:
    """Old datagrams back to who sent them."""
    del line
    for _ in range(min(_REPLAYED, len(world.overheard))):
        source, _, data = world.chance.choice(world.overheard)
        if source != station.number:
            deliver(world, station, source, [data])


def _withhold(world: World, station: Station, line: Line) -> None:
    """Take everything, give no receipt, for a while."""
    del world, station
    line.receipts.give = _nothing  # type: ignore[method-assign]


def _nothing(wall: int) -> list[parts.Cosigned]:
    del wall
    return []


def _receipt_unsent(world: World, station: Station, line: Line) -> None:
    """Receipts for what was never written, for another root, and for nothing."""
    wall = station.clock.wall_s()
    for log, tree in [(t.log, t) for t in line.trees if t.log.member != station.number]:
        for size, root in (
            (tree.size + 5, bytes(32)),
            (tree.size, bytes(32)),
            (0, bytes(32)),
            ((1 << 32) - 1, tree.root),
        ):
            signed = cosign_ed25519(line.signers.receipt, Checkpoint(tree.origin, size, root), wall)
            for giver in (None, log.member, _anyone(world, station)):
                part = parts.Cosigned(log, size, wall, signed.signature, giver)
                send(world, station, log.member, [part])


def _flood(world: World, station: Station, line: Line) -> None:
    """Ten times what anybody sends, all of it well formed."""
    victim = _anyone(world, station)
    logs = tuple(parts.Held(t.log, 0, 0, before=(1 << 32) - 1) for t in line.trees)
    for n in range(60):
        have = parts.Have(logs, (), (), bytes(8))
        send(world, station, victim, [parts.Query(), have] if n % 2 else [parts.Padding(1000), parts.Query()])


def _misplace(world: World, station: Station, line: Line) -> None:
    """Every valid signed object where another belongs."""
    tree, own = _foreign_tree(world, station, line), line.own
    if tree is None or own is None:
        return
    wall = station.clock.wall_s()
    receipt = cosign_ed25519(line.signers.receipt, tree.checkpoint(), wall).signature
    entries = [e for _, e in line.trees.entries(tree.log, 0, tree.size)]
    if not entries:
        return  # They are being written just now.
    opening = parts.Opening(entries[-1].statement, entries[-1].salt or bytes(32))
    blind = tuple(parts.Blind(e.commitment) for e in entries)
    member = tree.log.member
    notes = list(line.membership.notes.values())
    wrong: list[parts.Part] = [
        parts.Cosigned(tree.log, tree.size, wall, tree.signature),
        parts.Cosigned(tree.log, tree.size, wall, receipt, member),
        parts.Cosigned(own.log, own.size, wall, own.signature),
        parts.Cosigned(own.log, tree.size, wall, receipt),
        parts.Gossip(tree.log, tree.size, tree.root, receipt),
        parts.Gossip(tree.log, tree.size + 1, tree.root, tree.signature),
        parts.Gossip(own.log, tree.size, tree.root, tree.signature),
        parts.Entries(0, blind, tree.signature, own.log),
        parts.Entries(0, blind, own.signature, tree.log),
        parts.Entries(tree.size - 1, (opening,), own.signature, own.log),
        parts.Entries(tree.size, (opening,), tree.signature, tree.log),
        parts.Entries(0, (opening,), tree.signature, LogId(member, line.incarnation)),
        parts.Entries(tree.size - 1, (parts.Gone(entries[-1].commitment),), b"", tree.log),
        parts.Entries(tree.size - 1, (parts.NotForYou(bytes(32), bytes(16), (bytes(32),)),), b"", tree.log),
        parts.Prekeys((bytes(1216),), tree.signature),
        parts.Evidence(notes[-1]),
        parts.Document(tree.checkpoint().signed_note(tree.signature, bytes(32)).encode()),
        parts.Prove(tree.log, 1, tree.size, (tree.root,)),
        *[parts.Document(n) for n in notes[:2]],
    ]
    for _, row in line.rows.prefixed(r.PREKEY, b"t"):
        wrong.append(parts.Prekeys((row,), receipt))
    for victim in _victims(world, station):
        for part in wrong:
            send(world, station, victim, [part])


def _frame(world: World, station: Station, line: Line) -> None:
    """Proofs against honest members: what the liar can put together, and none of it signed by them."""
    tree = _foreign_tree(world, station, line)
    if tree is None:
        return
    public = tree.keys.checkpoint
    other = Checkpoint(tree.origin, tree.size, bytes(32))
    mine = line.signers.checkpoint.sign(other.body())
    for signature in (mine, tree.signature, bytes(64)):
        proof = EquivocationProof(
            tree.checkpoint().signed_note(tree.signature, public), other.signed_note(signature, public)
        )
        twice = EquivocationProof(proof.smaller, proof.smaller)
        for victim in _victims(world, station):
            send(world, station, victim, [parts.Evidence(proof.encode()), parts.Evidence(twice.encode())])
            send(world, station, victim, [parts.Gossip(tree.log, tree.size, bytes(32), signature)])


def _bomb(world: World, station: Station, line: Line) -> None:
    """What is small to send and large to hold, if anybody holds it."""
    victim = _anyone(world, station)
    bombs: list[bytes] = [
        b"\x81" * 60_000 + b"\x00",
        cbor.encode([[0, 0, [bytes(32)] * 1024, bytes(64)]]),
        b"\x9a\xff\xff\xff\xff",
        cbor.encode([[2, [[1, bytes(8), 1, 1]] * 2000, [], [], b""]]),
        cbor.encode([[10, bytes(60_000)]]),
        cbor.encode([[8, 0, bytes(8), 1, 1 << 31, None]]),
        cbor.encode([[7, b"parley/equivocation@v1\n999999999\n"]]),
        *[cbor.encode([[9, 7, n, 4096, bytes(200)]]) for n in range(0, 4096, 400)],
        *[cbor.encode([[9, start, 0, 4096, bytes(9000)]]) for start in range(20)],
    ]
    for bomb in bombs:
        send(world, station, victim, bomb)
    own = line.own
    if own is not None:
        many = tuple(parts.Blind(bytes([n % 256]) * 32) for n in range(1024))
        send(world, station, victim, [parts.Entries(own.size, many, bytes(64), own.log)])
    head = bytes([datagram.SUITE_1 << 4 | 3])
    deliver(world, station, victim, [head + bytes([n, 0, 0, 0, 0, 255]) + bytes(60_000) for n in range(20)])


_LIES: Final[dict[str, Callable[[World, Station, Line], None]]] = {
    "equivocate": _equivocate,
    "replay": _replay,
    "reflect": _reflect,
    "rollback": _rollback,
    "withhold": _withhold,
    "receipt-unsent": _receipt_unsent,
    "flood": _flood,
    "misplace": _misplace,
    "bomb": _bomb,
    "frame": _frame,
}
