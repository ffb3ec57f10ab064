"""What comes wrongly by a datagram: each kind has its outcome and code, and what was receipted stays.

The marks ``bad: ...`` here and elsewhere make docs/reference/bad-input.md.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from parley import limits
from parley.ids import LogId, MemberNumber
from parley.protocol import inputs as i
from parley.protocol.chains import BehindChain
from parley.wire import cbor, datagram, parts, statement
from parley.wire.statement import Kind, Message, Precedence
from parley_testkit.small_world import World

OPENS_NOT = {"datagram-size", "datagram-malformed", "datagram-unknown-suite", "seal-unknown-chain", "seal-invalid"}
Case = tuple[World, list[bytes]]


@pytest.fixture
def caught() -> Case:
    """A line on which one message is receipted; four more left member 0 and are in an enemy's hands."""
    world = World(3)
    world.link_all()
    world.run(1.0)
    world.send(0, "receipted")
    world.run(1.0)
    held: list[bytes] = []

    def carry(source: int, target: int, data: bytes) -> list[bytes]:
        if source == 0 and target == 1:
            held.append(data)
            return []
        return [data]

    world.carry = carry
    for n in range(4):
        world.send(0, f"caught {n}")
    # Nobody else brings it meanwhile.
    world.queue = []
    world.carry = lambda _source, _target, data: [data]
    for k in range(3):
        world.events[k] = [e for e in world.events[k] if not isinstance(e, i.Warned)]
    return world, held


def goes_on(world: World, shown: list[str] | None = None) -> None:
    """All that was sent comes, once and in order, and nothing that was receipted is gone."""
    world.send(0, "after")
    world.run(15.0)
    wanted = ["receipted", *(f"caught {n}" for n in range(4)), "after"] if shown is None else shown
    assert world.texts(1) == wanted
    assert world.settled()


def give(world: World, data: bytes, to: int = 1) -> set[str]:
    """Hand ``data`` to a member; the codes that it told."""
    return {e.code for e in world.step(to, i.Received(data, "b")).events if isinstance(e, i.Warned)}


def test_truncated_datagrams(caught: Case) -> None:
    # bad: truncated datagrams -> dropped: `datagram-size`, `datagram-malformed`, `seal-unknown-chain`
    world, held = caught
    for length in range(len(held[0])):
        codes = give(world, held[0][:length])
        assert codes
        assert codes <= OPENS_NOT
    assert world.texts(1) == ["receipted"]
    goes_on(world)


def test_oversized_datagrams(caught: Case) -> None:
    # PRO-18
    # bad: oversized datagrams -> dropped unread: `datagram-size`
    world, held = caught
    assert give(world, held[0] + bytes(limits.MAX_DATAGRAM)) == {"datagram-size"}
    assert give(world, held[0] + b"\0") == {"seal-unknown-chain"}
    goes_on(world)


def test_bit_flipped_datagrams(caught: Case) -> None:
    # bad: bit-flipped datagrams -> dropped: `seal-unknown-chain`, `datagram-malformed`, `datagram-unknown-suite`
    world, held = caught
    for at in range(len(held[0])):
        flipped = bytearray(held[0])
        flipped[at] ^= 1 << at % 8
        codes = give(world, bytes(flipped))
        assert codes <= OPENS_NOT
        assert codes or at < 4, "only a counter that was used before is dropped without a word"
    assert world.texts(1) == ["receipted"]
    assert give(world, held[0]) == set()
    assert world.texts(1) == ["receipted", "caught 0"]
    goes_on(world)


def test_replayed_datagrams(caught: Case) -> None:
    # bad: replayed datagrams -> dropped: `seal-counter`; what is held is said once more, and nothing is shown twice
    world, held = caught
    assert give(world, held[0]) == set()
    sealed = datagram.decode(held[0])
    assert isinstance(sealed, datagram.Sealed)
    with pytest.raises(BehindChain) as refused:
        world.lines[1].chains.open(sealed, world.now(1))
    assert refused.value.code == "seal-counter"
    for _ in range(3):
        assert give(world, held[0]) == set()
    assert world.texts(1) == ["receipted", "caught 0"]
    goes_on(world)


def test_reordered_datagrams(caught: Case) -> None:
    # bad: reordered datagrams -> what came before is asked for (`entries-unready`), and all is shown in its order
    world, held = caught
    for data in reversed(held):
        assert give(world, data) == set()
    assert world.texts(1) == ["receipted", "caught 0"]
    goes_on(world)


@pytest.mark.parametrize("to", [0, 2])
def test_re_addressed_datagrams(caught: Case, to: int) -> None:
    # bad: re-addressed datagrams -> dropped by who has no key for it: `seal-unknown-chain`
    world, _ = caught
    world.carry = lambda _source, _target, data: [data]
    world.step(0, i.Submit(Kind.MESSAGE, Message("for one", "en"), 1 << 1, 1))
    chain = world.lines[0].chains.chain_for([1], world.now(0))
    sealed = world.lines[0].chains.seal(chain, parts.encode([parts.Query()]))
    assert give(world, sealed, to) == {"seal-unknown-chain"}
    world.run(15.0)
    assert world.texts(1) == ["receipted", *(f"caught {n}" for n in range(4)), "for one"]
    assert world.texts(2) == ["receipted", *(f"caught {n}" for n in range(4))]
    assert world.settled()


def from_the_peer(world: World, *said: parts.Part | bytes, who: int = 0) -> set[str]:
    """What a lying member can seal: ``said``, to member 1."""
    line = world.lines[who]
    chain = line.chains.chain_for([1], world.now(who))
    if chain.announced.get(MemberNumber(1)) is None:
        world.step(
            1,
            i.Received(
                line.chains.announcer.announcement(chain, MemberNumber(1), line.incarnation, world.now(who)), "b"
            ),
        )
    payload = said[0] if isinstance(said[0], bytes) else parts.encode([p for p in said if not isinstance(p, bytes)])
    return give(world, line.chains.seal(chain, payload))


def test_cbor_in_another_encoding(caught: Case) -> None:
    # bad: trailing CBOR -> what carries it is dropped: `cbor-trailing`
    # bad: non-minimal CBOR -> what carries it is dropped: `cbor-not-canonical`
    world, _ = caught
    good = parts.encode([parts.Query()])
    assert from_the_peer(world, good + b"\0") == {"cbor-trailing"}
    assert from_the_peer(world, cbor.encode([[3]]).replace(b"\x03", b"\x18\x03")) == {"cbor-not-canonical"}
    assert from_the_peer(world, good) == set()
    goes_on(world)


def test_what_a_later_version_may_say(caught: Case) -> None:
    # bad: unknown suites -> dropped: `datagram-unknown-suite`
    # bad: unknown versions -> datagrams of unknown kinds are dropped (`datagram-malformed`), parts passed over
    world, _ = caught
    assert give(world, b"\x20" + bytes(60)) == {"datagram-unknown-suite"}
    assert give(world, b"\x1f" + bytes(60)) == {"datagram-malformed"}
    assert from_the_peer(world, cbor.encode([[99, b"later"]])) == set()
    goes_on(world)


def test_a_checkpoint_that_goes_back(caught: Case) -> None:
    # bad: a checkpoint that goes back -> an older one changes nothing; another past is proven: `equivocation`
    world, held = caught
    for data in held:
        give(world, data)
    log = LogId(MemberNumber(0), world.lines[0].incarnation)
    tree = world.lines[1].trees.get(log)
    own = world.lines[0].own
    assert tree is not None
    assert own is not None
    older = world.lines[0].trees.signed_size_within(own, 0, tree.size - 1)
    assert older is not None
    size, root, signature = older
    before = (tree.size, tree.root)
    assert from_the_peer(world, parts.Gossip(log, size, root, signature)) == set()
    assert from_the_peer(world, parts.Have((parts.Held(log, size, size),), (), (), b"")) == set()
    assert (tree.size, tree.root) == before
    # The same key signs another past of that size: a member that rolls back and writes anew.
    other = replace(own.checkpoint(), size=size, root=bytes(32))
    signed = world.parties[0].signers.checkpoint.sign(other.body())
    from_the_peer(world, parts.Gossip(log, size, bytes(32), signed))
    assert any(isinstance(e, i.Equivocated) and e.log == log for e in world.events[1])
    assert world.texts(1) == ["receipted", *(f"caught {n}" for n in range(4))]
    world.send(2, "the others go on")
    world.run(5.0)
    assert "the others go on" in world.texts(1)


def test_who_comes_back_with_less_is_told(caught: Case) -> None:
    # bad: a checkpoint that goes back -> who comes back with less is named, and given its own: `peer-lost-state`
    world, _ = caught
    old = world.stores[0].copy()
    world.carry = lambda _source, _target, data: [data]
    world.run(15.0)
    world.send(0, "lost with the disk")
    world.run(2.0)
    world.restart(0, old)
    # It writes before anybody could give it back what it lost.
    world.send(0, "written after")
    world.link(0, 1)
    world.link(0, 2)
    world.run(20.0)
    assert "peer-lost-state" in world.warnings(1)
    assert world.texts(1)[-2:] == ["lost with the disk", "written after"]
    assert world.settled()


def test_an_entry_out_of_place(caught: Case) -> None:
    # bad: an entry out of place -> after a gap it is asked for, elsewhere refused: `entry-differs`, `signature-invalid`
    world, _ = caught
    log = LogId(MemberNumber(0), world.lines[0].incarnation)
    data = statement.encode(statement.Statement(Kind.MESSAGE, 5, Message("forged", "en")))
    forged = (parts.Opening(data, bytes(32)),)
    assert from_the_peer(world, parts.Entries(9, forged, bytes(64), log)) == set()
    assert from_the_peer(world, parts.Entries(1, forged, b"", log)) == {"entry-differs"}
    assert from_the_peer(world, parts.Entries(2, forged, bytes(64), log)) == {"signature-invalid"}
    assert world.texts(1) == ["receipted"]
    goes_on(world)


def test_a_wrong_clock_on_either_side_is_told_by_who_sees_the_other_ahead() -> None:
    # bad: a wrong clock -> told by who sees the other's ahead (`clock-implausible`), and nothing acts on it
    for offset, teller in ((-90_000, 0), (90_000, 1)):
        world = World(2)
        world.wall_offset[0] = offset
        world.link_all()
        world.run(1.0)
        world.send(0, "question", Precedence.FLASH)
        world.send(1, "answer")
        world.run(2.0)
        assert (world.texts(0), world.texts(1)) == (["answer"], ["question"])
        assert "clock-implausible" in world.warnings(teller)
        assert "clock-implausible" not in world.warnings(1 - teller)
        assert world.settled()
