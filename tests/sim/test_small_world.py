"""The core in a simulated world: what must hold when the network, a disk or a peer misbehaves."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from parley import limits
from parley.crypto import aead
from parley.crypto.kem import KemPrivate
from parley.ids import EntryId, Incarnation, LogId, MemberNumber
from parley.protocol import inputs as i
from parley.protocol import rows as r
from parley.protocol.chains import Chains
from parley.protocol.entries import State
from parley.protocol.settings import Settings
from parley.record import equivocation
from parley.record.checkpoint import Checkpoint
from parley.record.equivocation import EquivocationProof
from parley.record.rfc6962 import leaf_hash, root_hash
from parley.stores.memory import MemoryStore
from parley.wire import cbor, datagram, parts, statement
from parley.wire.documents import NoticeOfLeaving, document_hash
from parley.wire.note import Note
from parley.wire.statement import EVERYONE, Kind, Mark, Message, Precedence, Reference, Relation, Statement
from parley_testkit.small_world import Party, World, charter_note


def pair(**options: object) -> World:
    world = World(2, **options)  # type: ignore[arg-type]
    world.link(0, 1)
    world.run(1.0)
    return world


def test_a_message_is_delivered_once_and_receipted() -> (
    None
):  # model: write, send, take entry, commit, give receipt, take receipt
    # REC-7, PRO-9
    world = pair()
    world.send(0, "hello")
    world.run()
    assert world.texts(1) == ["hello"]
    assert any(isinstance(e, i.Receipted) and e.giver == 1 for e in world.events[0])
    assert world.settled()


@pytest.mark.parametrize("seed", range(2))
def test_keys_derived_ahead_change_nothing(seed: int) -> None:
    def datagrams(*, ahead: bool) -> list[tuple[int, int, int]]:
        world, sent = World(3, seed), []

        def carry(source: int, target: int, data: bytes) -> list[bytes]:
            sent.append((source, target, len(data)))
            if ahead:
                world.lines[source].chains.prepare()
            return [data] * world.random.choice([0, 1, 1, 1, 2])

        world.carry, world.shuffle = carry, seed % 2 == 1
        world.link_all()
        for n in range(30):
            world.send(n % 3, f"{n}")
            if n == 20:
                world.restart(n % 3)
                world.link_all()
            world.run(0.1)
            for line in world.lines:
                if ahead:
                    line.chains.prepare()
        world.run(30)
        assert world.settled()
        return sent

    assert datagrams(ahead=True) == datagrams(ahead=False)


def test_keys_derived_ahead_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    world = pair()
    for _ in range(2):
        world.send(0, "before")
        world.run()
        for line in world.lines:
            line.chains.prepare()
    derived = []
    real = Chains._message_key

    def message_key(*args: Any) -> Any:
        derived.append(args)
        return real(*args)

    monkeypatch.setattr(Chains, "_message_key", message_key)
    world.send(0, "after")
    world.run()
    assert world.texts(1)[-1] == "after"
    assert not derived


def test_what_was_receipted_is_no_longer_remembered_as_on_its_way() -> None:
    world = pair()
    for n in range(30):
        world.send(0, f"{n}")
        world.run(0.1)
    (out,) = world.lines[0].peers[MemberNumber(1)].trees.values()
    assert not out.way.flights


def test_read_acknowledged_declined_and_answered_are_facts_of_their_own() -> None:
    world = pair()
    world.send(0, "one")
    world.run()
    entry = next(e.entry for e in world.events[1] if isinstance(e, i.Arrived) and e.kind is Kind.MESSAGE)
    ref = Reference(Relation.SUBJECT, entry)
    for kind in (Kind.READ, Kind.ACKNOWLEDGED, Kind.DECLINED):
        world.mark(1, kind, Mark((ref,), text="why"))
        world.run()
    answer = Message("two", "en", refs=(Reference(Relation.REPLY, entry),))
    world.step(1, i.Submit(Kind.MESSAGE, answer, EVERYONE, 1))
    world.run()
    key = r.entry_key(entry.log, entry.index)
    marks = {k[14] for k, _ in world.stores[0].scan(r.MARK, key, r.after(key))}
    assert marks == {Kind.READ, Kind.ACKNOWLEDGED, Kind.DECLINED, Kind.MESSAGE}


def test_a_mark_is_refused_twice_and_on_what_is_not_there() -> None:
    world = pair()
    world.send(0, "one")
    world.run()
    entry = next(e.entry for e in world.events[1] if isinstance(e, i.Arrived) and e.kind is Kind.MESSAGE)
    good = Mark((Reference(Relation.SUBJECT, entry),))
    for mark in (good, good, Mark((Reference(Relation.SUBJECT, EntryId(entry.log, 999)),))):
        world.mark(1, Kind.READ, mark)
    codes = [e.error.code for e in world.events[1] if isinstance(e, i.Rejected)]
    assert codes == ["already-marked", "message-unknown"]


def test_flash_overtakes_a_queue_of_routine_and_nothing_is_repeated() -> None:
    # PRO-7
    world = pair()
    world.unlink(0, 1)
    for n in range(40):
        world.send(0, f"routine {n}")
    world.send(0, "flash", Precedence.FLASH)
    world.send(0, "immediate", Precedence.IMMEDIATE)
    world.link(0, 1)
    world.run(3.0)
    assert world.texts(1) == ["flash", "immediate", *(f"routine {n}" for n in range(40))]
    assert world.settled()


def test_what_was_written_over_several_runs_goes_out_in_its_order() -> None:
    # PRO-7
    world = pair()
    world.unlink(0, 1)
    for n in range(12):
        world.send(0, f"routine {n}")
        if n % 2:
            world.restart(0)
    world.link(0, 1)
    world.run(30.0)
    assert world.texts(1) == [f"routine {n}" for n in range(12)]
    assert world.settled()


@pytest.mark.parametrize("mtu", [128, 200, 700])
def test_small_datagrams_carry_everything(mtu: int) -> None:
    # PRO-3
    world = pair(mtu=mtu, bits_per_second=300)
    text = "long " * 300
    world.send(0, text)
    world.send(1, "short")
    world.run(30.0)
    assert world.texts(1) == [text]
    assert world.texts(0) == ["short"]
    assert world.settled()


def _air(world: World, seconds: float) -> None:
    """Let time pass; each end of the bearer takes a datagram every 0.7 s, and it arrives 0.7 s later. The second
    member says every five seconds what it holds.
    """
    waiting: dict[int, float] = {}
    way: list[tuple[float, int, bytes]] = []
    end = world.boot_s + seconds
    while world.boot_s < end:
        way += [(world.boot_s + 0.7, target, data) for _, target, data in world.queue]
        world.queue.clear()
        for k, _ in world.ready:
            waiting[k] = world.boot_s + 0.7
        world.ready.clear()
        world.boot_s += 0.05
        for at, target, data in [x for x in way if x[0] <= world.boot_s]:
            way.remove((at, target, data))
            world.step(target, i.Received(data, "b"))
        for k in [k for k, at in waiting.items() if at <= world.boot_s]:
            del waiting[k]
            world.step(k, i.Ready("b", MemberNumber(1 - k)))
        if int(world.boot_s * 20) % 100 == 0:
            world.lines[1].ask_have(world.lines[1].peers[MemberNumber(0)], world.boot_s)
        for k in range(2):
            world.step(k, i.Tick())


def test_what_is_still_on_its_way_over_a_slow_bearer_is_not_sent_again() -> None:
    # PRO-10
    world = pair(mtu=200, bits_per_second=2400)
    world.send(0, "before")
    _air(world, 60.0)
    before = world.sent
    world.send(0, "long " * 1200, Precedence.FLASH)
    world.send(0, "after it")
    _air(world, 90.0)
    assert world.texts(1) == ["before", "long " * 1200, "after it"]
    assert world.settled()
    assert world.sent - before < 70


def test_who_lacks_what_lies_above_a_gap_that_nobody_can_fill_gets_it() -> None:
    # PRO-11
    world = pair()
    for n in range(3):
        world.send(0, f"{n}")
    world.run(3.0)
    log = LogId(MemberNumber(0), world.lines[0].incarnation)
    for k, gone in ((0, (1, 2)), (1, (1,))):
        # Both lost a content, and its author one more.
        tree = world.lines[k].trees.get(log)
        assert tree is not None
        for index in gone:
            entry = world.lines[k].trees.entry(log, index)
            assert entry is not None
            world.lines[k].rows.put(r.ENTRY, r.entry_key(log, index), replace(entry, state=State.BLIND).encode())
            tree.holes.add(index)
        world.lines[k].trees.store(tree)
        world.step(k, i.Tick())
    world.restart(0)
    world.link(0, 1)
    world.run(10.0)
    tree = world.lines[0].trees.get(log)
    assert tree is not None
    assert tree.holes == {1}


@settings(max_examples=12, deadline=None, phases=[Phase.explicit, Phase.generate], derandomize=True)
@given(
    seed=st.integers(0, 2**32),
    count=st.integers(2, 4),
    loss=st.floats(0, 0.4),
    twice=st.floats(0, 0.3),
    damage=st.floats(0, 0.1),
    shuffle=st.booleans(),
    mtu=st.sampled_from([150, 65_535]),
)
def test_whatever_the_network_does_all_settles_once_it_heals(  # model: query, answer query
    seed: int, count: int, loss: float, twice: float, damage: float, shuffle: bool, mtu: int
) -> None:
    # PRO-10, SEAL-5
    world = World(count, seed, mtu=mtu)
    world.shuffle = shuffle

    def carry(_source: int, _target: int, data: bytes) -> list[bytes]:
        if world.random.random() < loss:
            return []
        if world.random.random() < damage:
            at = world.random.randrange(len(data))
            data = data[:at] + bytes([data[at] ^ 1 << world.random.randrange(8)]) + data[at + 1 :]
        return [data, data] if world.random.random() < twice else [data]

    world.carry = carry
    world.link_all()
    expected: list[set[str]] = [set() for _ in range(count)]
    for n in range(12):
        sender = n % count
        urgent = Precedence.FLASH if n % 5 == 4 else Precedence.ROUTINE
        world.send(sender, f"message {n}", urgent)
        for k in range(count):
            if k != sender:
                expected[k].add(f"message {n}")
        world.run(0.4)
    world.carry = lambda _source, _target, data: [data]
    world.run(90.0)
    for k in range(count):
        assert sorted(world.texts(k)) == sorted(expected[k])
    assert world.settled()
    for line in world.lines:
        for tree in line.trees:
            leaves = line.trees.leaf_hashes(tree.log, tree.size)
            assert root_hash(leaves) == tree.root


@pytest.mark.parametrize("count", [3, 8])
def test_a_line_of_many(count: int) -> None:
    world = World(count)
    world.link_all()
    world.run(1.0)
    for k in range(count):
        world.send(k, f"from {k}")
        world.run()
    world.run(3.0)
    assert world.settled()
    for k in range(count):
        assert sorted(world.texts(k)) == sorted(f"from {n}" for n in range(count) if n != k)


def test_who_is_not_addressed_gets_a_proof_of_it_and_gives_a_receipt() -> None:
    # REC-5
    world = World(4)
    world.link_all()
    world.run(1.0)
    world.send(0, "for south alone", to=0b0010)
    world.send(0, "for all")
    world.run(3.0)
    assert world.texts(1) == ["for south alone", "for all"]
    assert world.texts(2) == world.texts(3) == ["for all"]
    log = LogId(MemberNumber(0), world.lines[0].incarnation)
    held = world.lines[2].trees.entry(log, 1)
    assert held is not None
    assert held.state is State.NOT_FOR_US
    assert held.statement == b""
    assert world.settled()


def test_a_party_forwards_what_another_missed() -> None:
    world = World(3)
    world.link_all()
    world.run(1.0)
    world.unlink(0, 2)
    world.send(0, "by way of south")
    world.run(8.0)
    assert world.texts(2) == ["by way of south"]


def test_catching_up_after_a_long_outage() -> None:  # model: take have
    world = pair()
    world.unlink(0, 1)
    for n in range(0, 3000, 100):
        messages = [i.Submit(Kind.MESSAGE, Message(f"{x}", "en"), EVERYONE, 1) for x in range(n, n + 100)]
        world.step(0, *messages)
    world.boot_s += 86_400
    world.link(0, 1)
    world.run(10.0)
    assert world.texts(1) == [str(n) for n in range(3000)]
    assert world.settled()


def test_after_both_restarted_the_first_message_takes_one_datagram_each_way() -> None:  # model: crash
    # SEAL-3, REC-2
    world = pair()
    world.send(0, "before")
    world.run(5.0)
    world.restart(0)
    world.restart(1)
    world.link(0, 1)
    before = world.sent
    world.send(0, "after")
    world.run()
    assert world.sent - before == 2
    assert world.texts(1)[-1] == "after"
    assert any(isinstance(e, i.Receipted) for e in world.events[0][-1:])


def _keys_used(monkeypatch: pytest.MonkeyPatch) -> list[tuple[bytes, bytes]]:
    used: list[tuple[bytes, bytes]] = []
    real = aead.seal

    def seal(key: bytes, nonce: bytes, plaintext: bytes, aad: bytes) -> bytes:
        used.append((key, nonce))
        return real(key, nonce, plaintext, aad)

    monkeypatch.setattr(aead, "seal", seal)
    return used


def test_an_old_copy_put_back_uses_no_key_twice_and_gets_its_history_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # model: lose state
    # SEAL-1, PRO-11, PRO-12, REC-6
    used = _keys_used(monkeypatch)
    world = pair()
    world.send(1, "first")
    world.run(2.0)
    old = world.stores[1].copy()
    for n in range(5):
        world.send(1, f"lost {n}")
        world.send(0, f"to the one who forgets {n}")
        world.run(0.2)
    log = LogId(MemberNumber(1), world.lines[1].incarnation)
    tree = world.lines[1].trees.get(log)
    assert tree is not None
    size, root = tree.size, tree.root
    world.restart(1, old)
    world.link(0, 1)
    world.send(1, "after the restore")
    world.run(10.0)
    again = world.lines[1].trees.get(log)
    assert again is not None
    assert (again.size, again.root) == (size, root)
    assert world.texts(0)[-1] == "after the restore"
    assert world.settled()
    assert len(used) == len(set(used))
    assert not any(isinstance(e, i.Equivocated) for events in world.events for e in events)


def test_an_old_copy_where_a_third_party_has_seen_more_than_the_second() -> None:
    world = World(3)
    world.link_all()
    world.run(1.0)
    world.send(1, "first")
    world.run(2.0)
    old = world.stores[1].copy()
    world.unlink(0, 1)
    world.unlink(0, 2)
    world.send(1, "east alone saw this")
    world.run(1.0)
    world.restart(1, old)
    world.link(0, 1)
    world.run(3.0)
    world.link(0, 2)
    world.link(1, 2)
    world.send(1, "after the restore")
    world.run(15.0)
    assert world.settled()
    assert sorted(world.texts(0)) == ["after the restore", "east alone saw this", "first"]
    assert not any(isinstance(e, i.Equivocated) for events in world.events for e in events)


def test_a_lost_database_is_filled_again_by_the_peer() -> None:
    # PRO-12, SEAL-6
    world = pair()
    for n in range(5):
        world.send(0, f"a{n}")
        world.send(1, f"b{n}")
        world.run(0.2)
    world.restart(1, MemoryStore())
    world.link(0, 1)
    world.run(12.0)
    assert world.settled()
    world.send(0, "still works")
    world.run(5.0)
    assert world.texts(1)[-1] == "still works"
    assert world.settled()


def test_two_histories_are_found_and_proven() -> None:
    # PRO-13, REC-9
    world = World(3)
    world.link_all()
    world.run(1.0)
    world.send(0, "true to both")
    world.run(2.0)
    for other in (1, 2):
        world.unlink(0, other)
    world.unlink(1, 2)
    fork = world.stores[0].copy()
    seed = world.random.getstate()
    forked_line = world.make_line(0)
    honest_line = world.lines[0]
    # The same run written twice: what a dishonest author does, and an honest one never can (D15).
    forked_line.incarnation = forked_line.chains.incarnation = honest_line.incarnation
    world.link(0, 1)
    world.send(0, "told to south")
    world.run(2.0)
    world.unlink(0, 1)
    world.lines[0], world.stores[0] = forked_line, fork
    world.random.setstate(seed)
    world.link(0, 2)
    world.send(0, "told to east")
    world.run(2.0)
    world.unlink(0, 2)
    world.link(1, 2)
    world.run(8.0)
    found = [e for k in (1, 2) for e in world.events[k] if isinstance(e, i.Equivocated)]
    assert found
    log = found[0].log
    for k in (1, 2):
        proof = world.stores[k].get(r.EVIDENCE, r.log_key(log))
        assert proof is not None
        equivocation.parse(proof).verify(world.parties[0].signers.checkpoint.public)


def test_who_lost_a_proof_of_two_histories_is_given_it_again() -> None:
    # PRO-13
    world = World(3)
    world.link_all()
    world.run(1.0)
    world.send(0, "true to both")
    world.run(2.0)
    tree = world.lines[1].trees.get(LogId(MemberNumber(0), world.lines[0].incarnation))
    assert tree is not None
    signer = world.parties[0].signers.checkpoint
    other = Checkpoint(tree.origin, tree.size, bytes(32))
    proof = EquivocationProof(
        tree.checkpoint().signed_note(tree.signature, signer.public),
        other.signed_note(signer.sign(other.body()), signer.public),
    ).encode()
    key = r.log_key(tree.log)
    for peer in (1, 2):
        world.unlink(0, peer)
        world.lines[peer].peers[MemberNumber(3 - peer)].control["evidence"] = parts.Evidence(proof)
    world.run(2.0)
    assert [world.stores[k].get(r.EVIDENCE, key) for k in (1, 2)] == [proof, proof]
    world.stores[1].commit(world.stores[1].version, [r.Change(r.EVIDENCE, key, None)])
    world.restart(1)
    assert not world.lines[1].trees.disputed
    world.link(1, 2)
    world.run(8.0)
    assert world.stores[1].get(r.EVIDENCE, key) == proof


def test_replayed_reflected_and_foreign_datagrams_change_nothing() -> None:
    # SEAL-2, SEAL-6
    world = pair()
    kept: list[tuple[int, bytes]] = []

    def keep(_source: int, target: int, data: bytes) -> list[bytes]:
        kept.append((target, data))
        return [data]

    world.carry = keep
    for n in range(4):
        world.send(0, f"{n}")
        world.run(0.1)
    world.carry = lambda _source, _target, data: [data]
    before = world.texts(1)
    for target, data in kept:
        for k in (target, 1 - target):
            world.step(k, i.Received(data, "b"))
    world.run(3.0)
    assert world.texts(1) == before
    assert world.settled()


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_junk_never_stops_a_line(data: st.DataObject) -> None:
    world = pair()
    world.send(0, "before")
    world.run()
    for _ in range(8):
        junk = data.draw(
            st.binary(max_size=300)
            | st.binary(max_size=40).map(lambda x: b"\x10" + x)
            | st.binary(max_size=60).map(lambda x: b"\x13" + x)
        )
        world.step(1, i.Received(junk, "b"))
    world.send(0, "after")
    world.run(2.0)
    assert world.texts(1) == ["before", "after"]


def _seal_from(world: World, k: int, payload: list[parts.Part]) -> bytes:
    """A datagram that member ``k``'s own chain seals: what a lying peer can send."""
    line = world.lines[k]
    chain = line.chains.chain_for([1 - k], world.now(k))
    return line.chains.seal(chain, parts.encode(payload))


def test_a_receipt_for_what_was_never_sent_is_refused() -> None:
    # PRO-9, PRO-2
    world = pair()
    world.send(0, "one")
    world.run(1.0)
    log = LogId(MemberNumber(0), world.lines[0].incarnation)
    lie = parts.Cosigned(log, 999, 5, bytes(64))
    world.step(0, i.Received(_seal_from(world, 1, [lie]), "b"))
    assert "receipt-unsent" in world.warnings(0)
    wrong = parts.Cosigned(log, 2, 5, bytes(64))
    world.step(0, i.Received(_seal_from(world, 1, [wrong]), "b"))
    assert "signature-invalid" in world.warnings(0)


def _lie(world: World, said: Statement | bytes, index: int = 2) -> None:
    """Member 0 signs whatever bytes as its next entry: authentic, and not understood."""
    line = world.lines[0]
    tree = line.own
    assert tree is not None
    data = said if isinstance(said, bytes) else statement.encode(said)
    commitment = line.trees.commitment(tree, bytes(32), data, statement.audience(data))
    frontier = tree.frontier.append(leaf_hash(commitment))
    head = replace(tree.checkpoint(), size=frontier.size, root=frontier.root())
    signature = world.parties[0].signers.checkpoint.sign(head.body())
    part = parts.Entries(tree.size, (parts.Opening(data, bytes(32)),), signature, tree.log)
    assert tree.size == index
    world.step(1, i.Received(_seal_from(world, 0, [part]), "b"))


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (b"\xff\xff not CBOR at all", statement.Refusal.UNDECODABLE),
        (cbor.encode({0: 55, 1: 5}), statement.Refusal.UNKNOWN_KIND),
        (cbor.encode({1: 5, 8: "later/form/1", 9: "text"}), statement.Refusal.UNKNOWN_FORM),
        (cbor.encode({0: 1, 1: 5, 16: bytes(32), 17: bytes(32)}), statement.Refusal.UNDECODABLE),
    ],
)
def test_an_authentic_entry_that_is_not_understood_is_refused_on_the_record(said: bytes, reason: int) -> None:
    # bad: unknown packs -> kept, and refused on both records: `entry-refused`
    # bad: unknown versions -> an entry of an unknown kind is kept, and refused on both records: `entry-refused`
    # PRO-5, REC-3
    world = pair()
    world.send(0, "understood")
    world.run(1.0)
    _lie(world, said)
    assert "entry-refused" in world.warnings(1)
    own = world.lines[1].own
    assert own is not None
    refused = [statement.decode(e.statement) for _, e in world.lines[1].trees.entries(own.log, 0, own.size)]
    assert [s.content.reason for s in refused if s.kind is Kind.REFUSED] == [reason]  # type: ignore[union-attr]
    tree = world.lines[1].trees.get(LogId(MemberNumber(0), world.lines[0].incarnation))
    assert tree is not None
    assert tree.size == tree.held == 3


def test_unknown_fields_are_kept_and_do_not_refuse_a_message() -> None:
    # bad: unknown fields -> kept, and the message is shown
    # PRO-6
    world = pair()
    world.send(0, "understood")
    world.run(1.0)
    _lie(world, cbor.encode({1: 5, 9: "text", 60: [1, b"later"]}))
    assert world.texts(1)[-1] == "text"
    assert "entry-refused" not in world.warnings(1)


def test_an_unknown_part_is_passed_over() -> None:
    # PRO-1
    world = pair()
    line = world.lines[0]
    chain = line.chains.chain_for([1], world.now(0))
    sealed = line.chains.seal(chain, cbor.encode([[99, b"later"], [3]]))
    world.step(1, i.Received(sealed, "b"))
    assert world.warnings(1) == set()


def test_entries_out_of_place_or_wrongly_signed_are_refused() -> None:
    # PRO-4, PRO-2
    world = pair()
    world.send(0, "one")
    world.run(1.0)
    log = LogId(MemberNumber(0), world.lines[0].incarnation)
    data = statement.encode(Statement(Kind.MESSAGE, 5, Message("forged", "en")))
    item = parts.Opening(data, bytes(32))
    cases = [
        parts.Entries(2, (item,), bytes(64), log),
        parts.Entries(7, (item,), bytes(64), log),
        parts.Entries(1, (item,), b"", log),
        parts.Entries(1, (item,), bytes(64), log),
        parts.Entries(0, (item,), bytes(64), LogId(MemberNumber(0), Incarnation(bytes(8)))),
        parts.Entries(0, (item,), bytes(64), LogId(MemberNumber(1), world.lines[1].incarnation)),
    ]
    for part in cases:
        world.step(1, i.Received(_seal_from(world, 0, [part]), "b"))
    world.run(2.0)
    assert world.texts(1) == ["one"]
    assert world.settled()
    assert {"signature-invalid", "entry-differs"} <= world.warnings(1)


def test_a_flood_waits_at_its_sender_and_nothing_of_it_is_lost() -> None:
    # bad: a peer that floods -> the excess waits at the peer: `peer-floods`
    # PRO-14
    limits = Settings(query_limit_s=2.0, burst_bytes=8_000, rate_bytes_per_s=20_000)
    world = World(2, settings=limits)
    world.link(0, 1)
    world.run(1.0)
    for n in range(150):
        world.send(0, f"{n} " + "x" * 300)
        world.run()
    assert "peer-floods" in world.warnings(1)
    world.run(60.0)
    assert [t.split()[0] for t in world.texts(1)] == [str(n) for n in range(150)]


def test_a_flood_of_routine_leaves_room_for_flash() -> None:
    # PRO-14
    world = World(2, settings=Settings(query_limit_s=2.0, burst_bytes=8_000, rate_bytes_per_s=20))
    world.link(0, 1)
    world.run(1.0)
    for n in range(60):
        world.send(0, f"{n} " + "x" * 300)
        world.run()
    assert "peer-floods" in world.warnings(1)
    held = len(world.texts(1))
    assert held < 40
    world.send(0, "through all of it", Precedence.FLASH)
    world.run(5.0)
    assert "through all of it" in world.texts(1)
    # Its own quota is one: who floods with FLASH waits, too.
    for n in range(60):
        world.send(0, f"flash {n} " + "x" * 30_000, Precedence.FLASH)
    world.run(5.0)
    assert sum(t.startswith("flash") for t in world.texts(1)) < 50
    assert len(world.texts(1)) - held < 55


def test_each_precedence_waits_for_its_own_receipts_alone() -> None:
    """Unreceipted IMMEDIATE used up what FLASH may have on the way. PRO-17."""
    world = World(2)
    world.link(0, 1)
    world.run(1.0)
    world.send(0, "first")
    world.run(1.0)
    world.unlink(0, 1)
    texts = [Message(f"{n}", "en") for n in range(1500)]
    texts += [Message(f"immediate {n}", "en", Precedence.IMMEDIATE) for n in range(400)]
    for at in range(0, len(texts), 100):
        world.step(0, *(i.Submit(Kind.MESSAGE, m, EVERYONE, 1) for m in texts[at : at + 100]))
    # Nothing comes back any more, receipts neither.
    world.carry = lambda source, _target, datagram: [datagram] * (source == 0)
    world.link(0, 1)
    world.run(3.0)
    sent = sum(t.startswith("immediate") for t in world.texts(1))
    assert 200 <= sent < 400
    world.send(0, "flash", Precedence.FLASH)
    world.run(1.0)
    assert "flash" in world.texts(1)
    world.carry = lambda _source, _target, datagram: [datagram]
    world.run(30.0)
    assert world.settled()


@pytest.mark.parametrize("offset", [-10_000_000, 10_000_000])
def test_a_wrong_clock_is_told_and_never_acted_on(offset: int) -> None:
    # bad: a wrong clock -> told by who sees the other's ahead (`clock-implausible`), and nothing acts on it
    # PRO-15
    world = World(2)
    world.wall_offset[0] = offset
    world.link(0, 1)
    world.run(1.0)
    world.send(0, "what time is it")
    world.run(1.0)
    assert world.texts(1) == ["what time is it"]
    assert ("clock-implausible" in world.warnings(1)) == (offset > 0)
    assert world.settled()


def test_a_new_member_sees_nothing_earlier() -> None:
    # DOC-4, DOC-7
    world = World(3)
    two = World(2, seed=0)
    two.link(0, 1)
    two.run(1.0)
    two.send(0, "before")
    two.run(1.0)
    newcomer = Party("east", two.random.randbytes)
    everyone = [*two.parties, newcomer]
    entries = [p.entry(k) for k, p in enumerate(everyone)]
    revision = charter_note(everyone, entries, two.membership)
    for k in range(2):
        two.step(k, *(i.AddDocument(n) for n in (*newcomer.notes(), revision)))
        assert any(isinstance(e, i.MembershipChanged) for e in two.events[k])
    two.parties.append(newcomer)
    two.stores.append(MemoryStore())
    two.events.append([])
    two.wall_offset.append(0)
    two.membership = two.lines[0].membership
    two.lines.append(two.lines[0])
    two.lines[2] = two.make_line(2)
    two.link_all()
    two.run(2.0)
    two.send(0, "after")
    two.run(5.0)
    assert two.texts(1) == ["before", "after"]
    assert two.texts(2) == ["after"]
    del world


def test_retention_erases_contents_and_leaves_the_tree() -> None:
    world = pair()
    world.send(0, "old")
    world.run(1.0)
    tree = world.lines[0].own
    assert tree is not None
    root = tree.root
    output = world.step(0, i.Prune(world.now(0).wall + 10, 7))
    assert i.Done(7, 1, more=False) in output.events
    stored = world.lines[0].trees.entry(tree.log, 1)
    assert stored is not None
    assert (stored.state, stored.statement) == (State.ERASED, b"")
    assert root_hash(world.lines[0].trees.leaf_hashes(tree.log, tree.size)) == root


def test_suites_and_kinds_of_later_versions_are_told_apart() -> None:
    # SEAL-4
    world = pair()
    world.step(1, i.Received(b"\x20" + bytes(60), "b"))
    world.step(1, i.Received(b"\x1f" + bytes(60), "b"))
    world.step(1, i.Received(bytes(3), "b"))
    assert {"datagram-unknown-suite", "datagram-malformed", "datagram-size"} <= world.warnings(1)
    assert datagram.SUITE_1 == 1


def test_post_quantum_cosignatures_follow() -> None:
    world = pair()
    world.send(0, "one")
    world.run(1.0)
    world.step(0, i.Countersign(1))
    world.step(1, i.Countersign(2))
    world.run(2.0)
    log = LogId(MemberNumber(0), world.lines[0].incarnation)
    for store in world.stores:
        algorithms = {(k[9], k[10]) for k, _ in store.scan(r.RECEIPT, r.log_key(log), r.after(r.log_key(log)))}
        assert {(0, 6), (1, 4), (1, 6)} <= algorithms


def test_only_an_author_can_say_that_a_content_is_gone() -> None:
    # PRO-8
    world = World(3)
    world.link_all()
    world.run(1.0)
    world.unlink(0, 2)
    world.send(0, "erased by south, not by its author")
    world.run(0.1)
    world.step(1, i.Prune(world.now(1).wall + 10, 7))
    world.run(8.0)
    log = LogId(MemberNumber(0), world.lines[0].incarnation)
    tree = world.lines[2].trees.get(log)
    assert tree is not None
    assert tree.held < tree.size
    world.link(0, 2)
    world.run(8.0)
    assert world.texts(2) == ["erased by south, not by its author"]


def slow_pair_with_much_waiting() -> World:
    """A link of 2,400 bit/s on which an announcement in pieces and a long ROUTINE text wait, after one datagram."""
    world = World(2, mtu=200, bits_per_second=2400)
    world.lines[0].step([i.LinkUp("b", MemberNumber(1), 200, 0.1, 2400)], world.now(0))
    world.send(0, "long " * 200)
    world.ready.clear()
    assert len(world.lines[0].peers[MemberNumber(1)].links["b"].pending) > 5
    return world


def test_flash_overtakes_what_waits_behind_an_announcement() -> None:
    # PRO-7: the pieces of the announcement go first, since nothing opens without them; ROUTINE does not.
    world = slow_pair_with_much_waiting()
    world.send(0, "now", Precedence.FLASH)
    world.step(0, i.Ready("b", MemberNumber(1)))
    carried = [x for x, _ in world.lines[0].peers[MemberNumber(1)].links["b"].pending]
    assert Precedence.FLASH in carried
    last = max(k for k, x in enumerate(carried) if x >= Precedence.FLASH)
    assert all(x < 0 or x >= Precedence.FLASH for x in carried[:last])


def test_flash_that_waits_goes_by_a_bearer_that_comes_up() -> None:
    world = slow_pair_with_much_waiting()
    world.send(0, "now", Precedence.FLASH)
    world.mtu, world.bits_per_second = 65_535, 0
    world.link(0, 1, "fast")
    world.run(2.0)
    assert "now" in world.texts(1)
    slow = world.lines[0].peers[MemberNumber(1)].links["b"]
    assert slow.pending, "nothing more left by the slow one meanwhile"


def test_what_a_party_wrote_before_it_left_reaches_all() -> None:
    world = World(3)
    world.link_all()
    world.run(1.0)
    world.carry = lambda _source, _target, _datagram: []
    world.send(2, "my last word")
    world.carry = lambda _source, _target, datagram: [datagram]
    leaver = world.parties[2]
    membership = world.membership
    text = NoticeOfLeaving(membership.line, leaver.code, document_hash(leaver.party_text), "the end").text()
    note_ = Note(text, (leaver.sign(text),)).encode()
    for k in range(3):
        world.step(k, i.AddDocument(note_))
    world.run(30.0)
    assert [world.texts(k) for k in range(2)] == [["my last word"]] * 2
    own = world.lines[2].own
    assert own is not None
    assert own.receipts == {0: own.size, 1: own.size}
    world.send(2, "one more")
    world.run(5.0)
    assert [world.texts(k) for k in range(2)] == [["my last word"]] * 2, "who has left writes nothing more"


def test_a_message_for_some_stays_theirs_when_a_newcomer_is_admitted_in_the_same_step() -> None:
    # Found by the simulator; "all of the old revision" is not everybody of the new one.
    two = pair()
    two.send(0, "opened")
    two.run(1.0)
    newcomer = Party("east", two.random.randbytes)
    everyone = [*two.parties, newcomer]
    revision = charter_note(everyone, [p.entry(k) for k, p in enumerate(everyone)], two.membership)
    documents = [i.AddDocument(n) for n in (*newcomer.notes(), revision)]
    content = Message("for the second alone", "en")
    two.step(0, i.Submit(Kind.MESSAGE, content, 1 << 1, 1), *documents)
    tree = two.lines[0].own
    assert tree is not None
    assert tree.everyone == 0b111
    stored = two.lines[0].trees.entry(tree.log, tree.size - 1)
    assert stored is not None
    assert stored.audience == 1 << 1


EARLIER, LATER = [f"earlier {n}" for n in range(3)], [f"later {n}" for n in range(3)]


def with_an_earlier_run_lost_on_its_way() -> World:
    """Member 0 wrote in two runs; what left of the first is lost, and what left of the second has come."""
    world = pair()
    world.carry = lambda source, _target, data: [] if source == 0 else [data]
    for text in EARLIER:
        world.send(0, text)
    world.restart(0)
    world.link(0, 1)
    world.run()
    world.carry = lambda _source, _target, data: [data]
    for text in LATER:
        world.send(0, text)
    return world


def test_a_later_run_is_not_shown_before_what_was_lost_of_an_earlier_one() -> None:
    # PRO-16
    world = with_an_earlier_run_lost_on_its_way()
    later = world.lines[0].own
    while later is None or later.receipts.get(1, 0) < later.size:
        world.run(0.05)
        assert world.texts(1) in ([], EARLIER, EARLIER + LATER)
        later = world.lines[0].own
    world.run(60.0)
    assert world.texts(1) == EARLIER + LATER
    assert world.settled()


def test_what_waits_its_turn_outlives_a_restart_and_flash_does_not_wait() -> None:
    # PRO-16
    world = with_an_earlier_run_lost_on_its_way()
    world.send(0, "flash", Precedence.FLASH)
    lines = [(s, t, d) for s, t, d in world.queue if t == 1]
    world.queue = []
    for _, target, data in lines:
        world.step(target, i.Received(data, "b"))
    assert world.texts(1) == ["flash"]
    assert [k for k, _ in world.stores[1].scan(r.LATER)]
    world.restart(1)
    world.link(0, 1)
    world.run(60.0)
    assert world.texts(1) == ["flash", *EARLIER, *LATER]
    assert not list(world.stores[1].scan(r.LATER))
    assert world.settled()


def test_nothing_waits_for_what_its_author_has_lost() -> None:
    # PRO-16
    world = pair()
    world.carry = lambda source, _target, data: [] if source == 0 else [data]
    before = world.stores[0].copy()
    for text in EARLIER:
        world.send(0, text)
    cited = world.lines[0].own
    assert cited is not None
    world.restart(0)
    world.link(0, 1)
    world.run()
    world.carry = lambda _source, _target, data: [data]
    for text in LATER:
        world.send(0, text)
    seen = [(s, t, d) for s, t, d in world.queue if t == 1]
    world.queue = []
    for _, target, data in seen:
        world.step(target, i.Received(data, "b"))
    assert world.texts(1) == []
    # The copy knows nothing of the first run; the second is given back to it, and it then says so.
    world.restart(0, before)
    world.link(0, 1)
    world.run(60.0)
    assert world.texts(1) == LATER
    assert world.settled()


def test_what_never_comes_holds_nothing_up_for_long() -> None:
    # PRO-16
    world = with_an_earlier_run_lost_on_its_way()
    seen = [(s, t, d) for s, t, d in world.queue if t == 1]
    world.queue = []
    for _, target, data in seen:
        world.step(target, i.Received(data, "b"))
    world.unlink(0, 1)
    assert world.texts(1) == []
    world.boot_s += limits.ORDER_WAIT_S + 1
    world.step(1, i.Tick())
    assert world.texts(1) == LATER
    assert "order-incomplete" in world.warnings(1)
    world.link(0, 1)
    world.run(30.0)
    assert sorted(world.texts(1)) == sorted(EARLIER + LATER)
    assert world.settled()


def test_what_comes_over_a_gap_in_its_own_tree_waits_for_it() -> None:
    # PRO-16
    world = pair()
    world.unlink(0, 1)
    for n in range(3):
        world.send(0, f"routine {n}")
    world.send(0, "flash", Precedence.FLASH)
    world.step(0, i.LinkUp("b", MemberNumber(1), world.mtu))
    flash = world.queue[:1]
    world.queue = []
    world.send(0, "routine 3")
    for _, target, data in flash + world.queue:
        world.step(target, i.Received(data, "b"))
    assert world.texts(1) == ["flash"]
    world.queue = []
    world.link(0, 1)
    world.run(10.0)
    assert world.texts(1) == ["flash", *(f"routine {n}" for n in range(4))]
    assert world.settled()


def test_a_chain_ends_with_its_recipients_its_count_and_its_day() -> None:
    # SEAL-7
    world = World(3)
    chains, now = world.lines[0].chains, world.now(0)
    first = chains.chain_for([1], now)
    assert chains.chain_for([1, 2], now).tag != first.tag
    assert chains.chain_for([1], now) is first
    first.counter = limits.CHAIN_MAX_MESSAGES
    second = chains.chain_for([1], now)
    assert second.tag != first.tag
    chains.seal(second, b"\x80")
    later = i.Now(now.wall + limits.CHAIN_MAX_AGE_S + 1, now.boot)
    assert chains.chain_for([1], later).tag != second.tag


@pytest.mark.parametrize("bits_per_second", [0, 9600])
def test_a_node_hears_a_peer_that_lost_its_prekeys_before_new_keys_are_in_use(bits_per_second: int) -> None:
    # Its certificate is out, its next start is not: what is sealed to the certificate does not open until then.
    world = pair(bits_per_second=bits_per_second)
    party = world.parties[0]
    keys = replace(party.certificate.keys, kem=KemPrivate.generate(world.random.randbytes).public)
    text = replace(party.certificate, serial=2, keys=keys).text()
    for k in (0, 1):
        world.step(k, i.AddDocument(Note(text, (party.sign(text),)).encode()))
    world.run(5.0)
    world.restart(1, MemoryStore())
    world.link(0, 1)
    world.send(1, "hello")
    world.run(200.0)
    assert world.texts(0) == ["hello"]
    assert world.settled()
