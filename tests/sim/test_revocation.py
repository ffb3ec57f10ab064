"""Certificates revoked: what was accepted stays, and nothing new under them is (ADR 90)."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from parley import limits
from parley.app.export import write_record
from parley.app.verify import verify_record
from parley.cli import app
from parley.errors import DocumentError, VerificationError
from parley.ids import Incarnation, LogId, MemberNumber
from parley.protocol import inputs as i
from parley.protocol import rows as r
from parley.protocol.holdings import name
from parley.protocol.line import Line
from parley.protocol.membership import extend, verify_documents
from parley.protocol.rows import Rows
from parley.protocol.signers import Signers
from parley.record.checkpoint import Checkpoint
from parley.record.cosignature import cosign_ed25519
from parley.record.rfc6962 import leaf_hash
from parley.stores.memory import MemoryStore
from parley.wire import note, parts, statement
from parley.wire.documents import ClosedRun, document_hash
from parley.wire.statement import EVERYONE, Kind, Message, Statement
from parley_testkit.small_world import START_S, Party, World


def heads(line: Line) -> list[ClosedRun]:
    """Where each run of a node ends, by its own record."""
    return [ClosedRun(t.log.incarnation, t.size, t.root) for t in line.trees if t.log.member == line.me]


class Thief:
    """Has the node keys that member 0 had first, and a store of its own: sends, and hears nothing."""

    def __init__(self, world: World, signers: Signers) -> None:
        self.world = world
        self.store = MemoryStore()
        membership = verify_documents(world.membership.notes.values())
        self.line = Line(Rows(self.store), membership, MemberNumber(0), signers, world.random.randbytes, world.settings)

    def step(self, *inputs: i.Input) -> None:
        output = self.line.step(inputs, self.world.now(0))
        self.store.commit(self.store.version, output.changes)
        for send in output.sends:
            self.world.queue.append((0, int(send.peer), send.datagram))

    def link(self, peer: int) -> None:
        self.step(i.LinkUp("thief", MemberNumber(peer), 65_535))

    def say(self, text: str) -> None:
        self.step(i.Submit(Kind.MESSAGE, Message(text, "en"), EVERYONE, 1))
        self.world.run()


def founded(count: int = 2, **options: object) -> tuple[World, Party, Signers]:
    """Members that have talked; the first one's keys are about to be stolen."""
    world = World(count, **options)  # type: ignore[arg-type]
    world.link_all()
    world.run(1.0)
    world.send(0, "before")
    world.send(1, "heard")
    world.run(1.0)
    return world, world.parties[0], world.parties[0].signers


def give(world: World, k: int, *notes: bytes) -> None:
    world.step(k, *[i.AddDocument(note) for note in notes])


def revoke(world: World, *given: int, without: Sequence[LogId] = ()) -> bytes:
    """Member 0 stops, draws all keys anew, revokes, and starts again; ``given``: who gets the file by hand."""
    party, closed = world.parties[0], heads(world.lines[0])
    closed = [head for head in closed if LogId(MemberNumber(0), Incarnation(head.run)) not in without]
    certificate = party.rotate(world.random.randbytes)
    revocation = party.revocation(world.membership.line, closed)
    world.lines[0].roster.membership = extend(extend(world.lines[0].membership, certificate), revocation)
    world.restart(0)
    for k in given:
        give(world, k, certificate, revocation)
    for k in range(1, len(world.lines)):
        world.link(0, k)
    world.run(2.0)
    return revocation


def test_a_thief_of_the_keys_is_refused_and_what_was_accepted_stays() -> None:
    # DOC-10, DOC-11
    world, _, stolen = founded()
    thief = Thief(world, stolen)
    thief.link(1)
    thief.say("false, and believed")
    revoke(world, 1)
    thief.say("false, and refused")
    late = Thief(world, stolen)
    late.link(1)
    late.say("false, in another run")
    world.send(0, "after")
    world.run(5.0)
    assert world.texts(1) == ["before", "false, and believed", "after"]
    assert "certificate-revoked" in world.warnings(1)
    held = world.lines[1].trees.get(LogId(MemberNumber(0), thief.line.incarnation))
    assert held is not None
    assert (held.size, held.stands) == (2, 0)
    assert world.lines[1].trees.get(LogId(MemberNumber(0), late.line.incarnation)) is None
    # It neither lists, nor offers, nor asks for what lies beyond.
    assert not world.lines[0].trees.get(held.log)
    sent = world.sent
    world.run(30.0)
    assert world.sent - sent < 20


def test_entries_below_the_closing_head_arrive_late_and_from_others() -> None:
    # DOC-12
    world, _, _ = founded(3)
    world.unlink(0, 2)
    world.unlink(1, 2)
    for n in range(5):
        world.send(0, f"delayed {n}")
    world.run(1.0)
    revoke(world, 1, 2)
    world.unlink(0, 2)
    world.unlink(0, 1)
    world.link(1, 2)
    world.run(10.0)
    assert world.texts(2)[-5:] == [f"delayed {n}" for n in range(5)]
    old = world.lines[2].trees.get(LogId(MemberNumber(0), Incarnation(heads(world.lines[0])[0].run)))
    assert old is not None
    assert old.closed is not None


def test_the_revocation_travels_over_the_line_once_the_new_certificate_is_there() -> None:
    world, party, stolen = founded(3)
    certificate = party.rotate(world.random.randbytes)
    fresh, party.signers = party.signers, stolen
    give(world, 0, certificate)
    world.run(30.0)
    assert all(len(line.membership.member(MemberNumber(0)).certificates) == 2 for line in world.lines)
    world.send(0, "still under the old keys")
    world.run(2.0)
    party.signers = fresh
    closed = heads(world.lines[0])
    revocation = party.revocation(world.membership.line, closed)
    world.lines[0].roster.membership = extend(world.lines[0].membership, revocation)
    world.restart(0)
    world.link_all()
    world.run(5.0)
    world.send(0, "under the new keys")
    world.run(5.0)
    for k in (1, 2):
        assert world.lines[k].membership.member(MemberNumber(0)).closed
        assert world.texts(k)[-2:] == ["still under the old keys", "under the new keys"]
    assert world.settled()


def test_a_node_whose_own_certificate_is_revoked_says_nothing_more() -> None:
    # DOC-15
    world, party, _ = founded()
    certificate = party.rotate(world.random.randbytes)
    revocation = party.revocation(world.membership.line, heads(world.lines[0]))
    size = world.lines[0].trees.get(LogId(MemberNumber(0), world.lines[0].incarnation)).size  # type: ignore[union-attr]
    give(world, 0, certificate)
    world.step(0, i.Submit(Kind.MESSAGE, Message("in the same step", "en"), EVERYONE, 1), i.AddDocument(revocation))
    world.send(0, "too late")
    world.send(1, "waits")
    world.run(5.0)
    assert [e.error.code for e in world.events[0] if isinstance(e, i.Rejected)] == ["certificate-revoked"] * 2
    assert "certificate-revoked" in world.warnings(0)
    assert world.lines[0].own is not None
    assert world.lines[0].own.size == size
    assert "waits" not in world.texts(0)
    # The documents went out all the same, and the next start goes on.
    assert world.lines[1].membership.member(MemberNumber(0)).closed
    world.restart(0)
    world.link(0, 1)
    world.run(5.0)
    world.send(0, "again")
    world.run(30.0)
    assert world.texts(0)[-1] == "waits"
    assert world.texts(1)[-1] == "again"
    assert world.settled()


def test_a_receipt_under_a_revoked_certificate_is_refused_and_one_taken_before_stays() -> None:
    world, _, stolen = founded()
    tree = world.lines[1].own
    assert tree is not None
    before = tree.receipts[MemberNumber(0)]
    assert before == tree.size
    revoke(world, 1)
    assert tree.receipts[MemberNumber(0)] == before
    world.unlink(0, 1)
    world.send(1, "never received")
    wall = world.now(0).wall
    receipt = cosign_ed25519(stolen.receipt, tree.checkpoint(), wall)
    part = parts.Cosigned(tree.log, tree.size, wall, receipt.signature)
    with pytest.raises(VerificationError) as refused:
        world.lines[1].receipts.accept(part, MemberNumber(0), tree.log)
    assert refused.value.code == "certificate-revoked"
    assert tree.receipts[MemberNumber(0)] == before
    world.link(0, 1)
    world.run(5.0)
    assert tree.receipts[MemberNumber(0)] == tree.size


def test_what_a_member_took_of_the_thief_after_the_theft_goes_no_further() -> None:
    """One member was told what the others were not; the revocation reaches it before they meet."""
    # DOC-13
    world, _, stolen = founded(3)
    for k in (0, 2):
        world.unlink(1, k)
    thief = Thief(world, stolen)
    thief.link(1)
    thief.say("for one alone")
    revoke(world, 1, 2)
    world.link_all()
    world.run(30.0)
    log = LogId(MemberNumber(0), thief.line.incarnation)
    assert world.texts(1)[-1] == "for one alone"
    assert world.lines[2].trees.get(log) is None
    assert world.lines[0].trees.get(log) is None


def test_a_run_that_came_back_and_was_not_ours_is_closed_before_its_first_entry() -> None:
    world, _, stolen = founded(3)
    thief = Thief(world, stolen)
    thief.link(1)
    thief.say("false")
    world.run(10.0)  # Forwarded to everybody, to its supposed author as well.
    log = LogId(MemberNumber(0), thief.line.incarnation)
    assert world.lines[0].trees.get(log) is not None
    revoke(world, 1, 2, without=[log])
    world.send(0, "mine")
    world.run(5.0)
    opened = world.lines[1].trees.before(LogId(MemberNumber(0), world.lines[0].incarnation))
    assert opened is not None
    assert opened.log != log
    assert all(line.trees.get(log).stands == 0 for line in world.lines)  # type: ignore[union-attr]
    assert all("mine" in world.texts(k) for k in (1, 2))


def test_chains_and_prekeys_of_the_stolen_keys_are_used_no_more() -> None:
    # DOC-14
    world, _, stolen = founded()
    world.run(1.0)
    thief = Thief(world, stolen)
    thief.link(1)
    thief.step(i.Tick())
    world.run()
    assert list(world.lines[1].rows.prefixed(r.PREKEY, b"t\x00"))
    before = {c.tag for c in world.lines[1].chains.held_from(0)}
    sends = {c.tag for c in world.lines[1].chains.send_chains_with(0)}
    assert before
    world.unlink(0, 1)
    party = world.parties[0]
    certificate = party.rotate(world.random.randbytes)
    give(world, 1, certificate)
    assert {c.tag for c in world.lines[1].chains.held_from(0)} == before
    give(world, 1, party.revocation(world.membership.line, heads(world.lines[0])))
    assert not world.lines[1].chains.held_from(0)
    assert not sends & {c.tag for c in world.lines[1].chains.send_chains_with(0)}
    assert not list(world.lines[1].rows.prefixed(r.PREKEY, b"t\x00"))
    again = Thief(world, stolen)
    again.link(1)
    again.say("and again")
    assert "certificate-revoked" in world.warnings(1)
    assert not world.lines[1].chains.held_from(0)


def test_who_holds_more_than_the_closing_head_gives_what_lies_below_and_lists_no_more() -> None:
    # DOC-12, DOC-13
    world, _, stolen = founded(3)
    world.unlink(0, 2)
    world.unlink(1, 2)
    world.send(0, "delayed")
    world.run(1.0)
    (mine,) = heads(world.lines[0])
    log = LogId(MemberNumber(0), Incarnation(mine.run))
    thief = Thief(world, stolen)
    held = world.lines[1].trees.get(log)
    assert held is not None
    said = Statement(Kind.MESSAGE, START_S, Message("one more", "en"))
    data = statement.encode(said)
    frontier = held.frontier.append(leaf_hash(thief.line.trees.commitment(held, bytes(32), data, EVERYONE)))
    head = Checkpoint(held.origin, frontier.size, frontier.root())
    part = parts.Entries(held.size, (parts.Opening(data, bytes(32)),), stolen.checkpoint.sign(head.body()), log)
    world.unlink(0, 1)
    world.lines[1].trees.accept(log, part, lambda _: bytes(32), from_author=True)
    world.step(1)
    revoke(world, 1, 2)
    for k in (1, 2):
        world.unlink(0, k)
    world.link(1, 2)
    world.run(10.0)
    assert world.texts(2)[-1] == "delayed"
    sizes = [(t.size, t.stands) for line in world.lines if (t := line.trees.get(log)) is not None]
    assert sizes == [(mine.size, mine.size), (mine.size + 1, mine.size), (mine.size, mine.size)]
    for line, peer in ((world.lines[1], 0), (world.lines[1], 2)):
        assert max(row.size for row in name(line.trees, MemberNumber(peer)) if row.log.member == 0) == mine.size
    for k in (1, 2):
        world.link(0, k)
    world.run(60.0)
    before = world.sent
    world.run(60.0)
    assert world.sent - before <= 12  # A heartbeat of each to each, and nothing else.


def test_who_holds_another_history_than_the_one_that_was_closed_offers_it_to_nobody() -> None:
    # DOC-13
    world, _, stolen = founded(3)
    for a, b in ((0, 1), (0, 2), (1, 2)):
        world.unlink(a, b)
    world.send(0, "delayed")
    world.run(1.0)
    (mine,) = heads(world.lines[0])
    log = LogId(MemberNumber(0), Incarnation(mine.run))
    held = world.lines[1].trees.get(log)
    assert held is not None
    assert held.size == mine.size - 1
    data = statement.encode(Statement(Kind.MESSAGE, START_S, Message("another", "en")))
    leaf = leaf_hash(world.lines[1].trees.commitment(held, bytes(32), data, EVERYONE))
    frontier = held.frontier.append(leaf)
    head = Checkpoint(held.origin, frontier.size, frontier.root())
    part = parts.Entries(held.size, (parts.Opening(data, bytes(32)),), stolen.checkpoint.sign(head.body()), log)
    world.lines[1].trees.accept(log, part, lambda _: bytes(32), from_author=True)
    world.step(1)
    revoke(world, 1, 2)
    for k in (1, 2):
        world.unlink(0, k)
    world.link(1, 2)
    world.run(60.0)
    assert "another" not in world.texts(2)
    kept = world.lines[1].trees.entry(log, mine.size - 1)
    assert kept is not None
    assert kept.statement == data, "what was accepted stays"
    told = [e for e in world.events[2] if isinstance(e, i.Warned)]
    world.send(1, "goes on")
    world.run(60.0)
    assert world.texts(2)[-1] == "goes on"
    assert [e for e in world.events[2] if isinstance(e, i.Warned)] == told, "nothing comes that 2 can only refuse"


def test_a_record_names_what_lies_beyond_and_is_good(tmp_path: Path) -> None:
    # EXP-4
    world, _, stolen = founded()
    thief = Thief(world, stolen)
    thief.link(1)
    thief.say("false, and believed")
    revoke(world, 1)
    world.send(0, "after")
    world.send(1, "heard too")
    world.run(5.0)
    record = tmp_path / "record.parley"
    write_record(world.stores[1], world.lines[1].membership, record)
    report = verify_record(record)
    assert report.good
    (word,) = report.revoked
    assert (word["code"], word["certificate"], len(word["closed"])) == ("north", 1, 1)
    beyond = {log.origin.rpartition("/")[2]: (log.closed, log.beyond) for log in report.logs if log.author == "north"}
    run, mine = thief.line.incarnation.hex(), heads(world.lines[0])[0].run.hex()
    assert beyond[run] == (0, [(0, 2)])
    assert beyond[mine] == (2, [])
    assert beyond[world.lines[0].incarnation.hex()] == (None, [])
    (received,) = [got for log in report.logs if log.author == "south" for got in log.received]
    assert 0 == received.revoked < received.ed25519
    said = CliRunner().invoke(app, ["verify", str(record)])
    assert said.exit_code == 0
    assert "signed under a certificate which north revoked; above the head at which it closed the run" in said.output
    assert "certificate 1 of north was revoked (keyCompromise" in said.output
    verifier = Path(__file__).parents[2] / "spec" / "verifier" / "verify_record.py"
    done = subprocess.run([sys.executable, verifier, record], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("REVOKED: entries 0-1 lie above") == 1
    assert done.stdout.count("REVOKED: certificate") == 1


def test_a_record_of_a_revocation_that_does_not_hold_is_told_by_both_verifiers(tmp_path: Path) -> None:
    world, party, _ = founded()
    record = tmp_path / "record.parley"
    certificate = party.rotate(world.random.randbytes)
    good = extend(world.membership, certificate)
    other = party.revocation(bytes(32), [])
    write_record(world.stores[1], replace(good, notes={**good.notes, bytes(32): other}), record)
    assert not verify_record(record).good
    verifier = Path(__file__).parents[2] / "spec" / "verifier" / "verify_record.py"
    done = subprocess.run([sys.executable, verifier, record], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "a revocation of no certificate" in done.stdout


def _lower(closed: ClosedRun, world: World) -> ClosedRun:
    tree = world.lines[0].trees.get(LogId(MemberNumber(0), Incarnation(closed.run)))
    assert tree is not None
    return ClosedRun(closed.run, 1, world.lines[0].trees.root_at(tree, 1) or b"")


def test_of_two_words_on_one_run_the_lower_head_holds_in_any_order() -> None:
    world, party, _ = founded()
    certificate = party.rotate(world.random.randbytes)
    (head,) = heads(world.lines[0])
    wide = party.revocation(world.membership.line, [head])
    narrow = party.revocation(world.membership.line, [_lower(head, world)])
    none = party.revocation(world.membership.line, [])
    certified = extend(world.membership, certificate)
    for words, size in (([wide, narrow], 1), ([narrow, wide], 1), ([wide, none, narrow], 0), ([none], 0)):
        after = certified
        for word in words:
            after = extend(after, word)
        closing = after.member(MemberNumber(0)).closing(document_hash(party.certificate.text()), head.run)  # type: ignore[arg-type]
        assert closing is not None
        assert closing.size == size
    assert certified.member(MemberNumber(0)).closing(document_hash(party.certificate.text()), head.run) is None  # type: ignore[arg-type]


def test_no_two_chains_of_one_sender_share_a_tag() -> None:
    """A recipient of both opened the newer alone, and the sender took its counter for the other's (simulator)."""
    world, _, _ = founded()
    chains, drawn = world.lines[0].chains, [bytes(32), bytes(32), bytes([1]) * 32]
    chains._entropy = lambda _: drawn.pop(0)
    now = world.now(0)
    first, second = chains.chain_for([2], now), chains.chain_for([1, 2], now)
    assert first.tag != second.tag
    assert not drawn


def test_the_largest_revocation_fits_into_a_document_and_a_payload() -> None:
    world, party, _ = founded()
    certificate = party.rotate(world.random.randbytes)
    closed = [
        ClosedRun(n.to_bytes(8, "big"), (1 << 32) - 1, bytes([255]) * 32) for n in range(1, limits.MAX_CLOSED_RUNS + 1)
    ]
    revocation = party.revocation(world.membership.line, closed)
    assert len(parts.encode([parts.Document(revocation)])) < limits.MAX_PAYLOAD - 10_000  # Room for 15 root signatures.
    after = extend(extend(world.membership, certificate), revocation).member(MemberNumber(0))
    assert len(after.closed[document_hash(party.certificate.text())]) == limits.MAX_CLOSED_RUNS


@pytest.mark.parametrize("case", ["newest", "unsigned", "other line", "other party"])
def test_a_revocation_that_does_not_hold(case: str) -> None:
    # DOC-10
    world, party, _ = founded()
    line, closed = world.membership.line, heads(world.lines[0])
    certificate = party.rotate(world.random.randbytes)
    known = extend(world.membership, certificate) if case != "newest" else world.membership
    other = note.parse(world.parties[1].notes()[0]).signatures
    made: dict[str, Callable[[], bytes]] = {
        "newest": lambda: party.revocation(line, closed),
        "unsigned": lambda: replace(note.parse(party.revocation(line, closed)), signatures=other).encode(),
        "other line": lambda: party.revocation(bytes(32), closed),
        "other party": lambda: Party("north", world.random.randbytes).revocation(line, closed),
    }
    codes = {"newest": "document-missing", "unsigned": "document-unsigned"}
    with pytest.raises(DocumentError) as refused:
        extend(known, made[case]())
    assert refused.value.code == codes.get(case, "document-mismatch")
