"""Trees as they are taken in from a peer that may say anything, and as they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from parley import limits
from parley.errors import Equivocation, ParleyError
from parley.ids import Incarnation, LogId, MemberNumber
from parley.protocol import rows as r
from parley.protocol.entries import State, StoredEntry
from parley.protocol.tree import Accepted, Tree
from parley.protocol.trees import Trees, TwoHistories
from parley.record.checkpoint import Checkpoint, origin_of
from parley.record.commitment import commit, commit_for, exclusion_proof
from parley.record.rfc6962 import leaf_hash, root_hash
from parley.wire import cbor, parts, statement
from parley.wire.parts import Blind, Entries, Gone, NotForYou, Opening
from parley.wire.statement import EVERYONE, Kind, Mark, Message, Opened, Precedence, Refusal, Statement
from parley_testkit.small_world import World

RUN = Incarnation(b"the  run")
ZERO, ONE = MemberNumber(0), MemberNumber(1)
LOG = LogId(ZERO, RUN)


class Author:
    """Member 0, who writes and signs whatever it likes."""

    def __init__(self, world: World) -> None:
        self.world = world
        member = world.membership.member(ZERO)
        self.opening = Statement(Kind.OPENED, 5, Opened(world.membership.current.hash, member.certificate))
        self.entries: list[tuple[bytes, bytes, bytes]] = []
        """Statement, salt and commitment of each."""
        self.origin = origin_of(world.membership.line, "north", RUN)

    def write(self, *said: Statement | bytes, to: int = EVERYONE) -> None:
        for one in said:
            data = one if isinstance(one, bytes) else statement.encode(one)
            salt = bytes([len(self.entries) + 1]) * 32
            made = commit(salt, data) if to == EVERYONE else commit_for(salt, data, to, 3)
            self.entries.append((data, salt, made))

    def leaves(self, end: int) -> list[bytes]:
        return [leaf_hash(made) for _, _, made in self.entries[:end]]

    def head(self, size: int) -> Checkpoint:
        return Checkpoint(self.origin, size, root_hash(self.leaves(size)))

    def sign(self, size: int) -> bytes:
        return self.world.parties[0].signers.checkpoint.sign(self.head(size).body())

    def part(self, first: int, end: int, **instead: parts.Item) -> Entries:
        """Entries first to end - 1 under the signature at ``end``; ``_3=`` puts an item in the place of entry 3."""
        items: list[parts.Item] = [Opening(data, salt) for data, salt, _ in self.entries[first:end]]
        for name, item in instead.items():
            items[int(name[1:]) - first] = item
        return Entries(first, tuple(items), self.sign(end), LOG)

    def blind(self, index: int) -> Blind:
        return Blind(self.entries[index][2])


def text(body: str, precedence: Precedence = Precedence.ROUTINE, **more: Any) -> Statement:
    return Statement(Kind.MESSAGE, 7, Message(body, "", precedence), **more)


@pytest.fixture
def author() -> Author:
    made = Author(World(3))
    made.write(made.opening, text("one"), text("two", Precedence.FLASH), text("three"))
    return made


def salts(_ordinal: int) -> bytes:
    pytest.fail("every salt is in its item")


def take(
    author: Author, part: Entries, *, from_author: bool = True, salt_of: Callable[[int], bytes] = salts, at: int = 1
) -> tuple[Tree, list[Accepted], bool]:
    return author.world.lines[at].trees.accept(LOG, part, salt_of, from_author=from_author)


def trees_of(author: Author) -> Trees:
    return author.world.lines[1].trees


def refused(author: Author, part: Entries, **given: Any) -> str:
    """The code with which ``part`` is refused; and nothing of it was kept."""
    trees = trees_of(author)
    before = (trees.get(LOG) and trees.get(LOG).size, set(author.world.lines[1].rows.scan(r.ENTRY)))  # type: ignore[union-attr]
    with pytest.raises(ParleyError) as caught:
        take(author, part, **given)
    assert before == (trees.get(LOG) and trees.get(LOG).size, set(author.world.lines[1].rows.scan(r.ENTRY)))  # type: ignore[union-attr]
    return caught.value.code


def test_entries_are_taken_with_all_that_is_known_of_them(author: Author) -> None:
    tree, accepted, brought = take(author, author.part(0, 4))
    assert brought
    assert [a.index for a in accepted] == [0, 1, 2, 3]
    assert [a.refusal for a in accepted] == [None] * 4
    assert accepted[2].statement == text("two", Precedence.FLASH)
    assert (tree.size, tree.held, tree.missing(), tree.holes) == (4, 4, (), set())
    assert (tree.everyone, tree.members) == (7, 3)
    assert tree.checkpoint() == author.head(4)
    assert tree.signature == author.sign(4)
    assert tree.roots == {4: tree.root}
    trees = trees_of(author)
    assert trees.get(LOG) is tree
    assert [t.log for t in trees] == [LOG]
    data, salt, made = author.entries[2]
    assert trees.entry(LOG, 2) == StoredEntry(State.HELD, 3, made, salt, data)
    assert trees.entry(LOG, 4) is None
    assert [i for i, _ in trees.entries(LOG, 1, 3)] == [1, 2]
    assert list(trees.urgent(LOG, 0, 4)) == [(3, 2)]
    assert list(trees.urgent(LOG, 3, 4)) == list(trees.urgent(LOG, 0, 2)) == []
    assert trees.opening(LOG) == author.opening.content
    assert trees.before(LOG) is None
    assert trees.leaf_hashes(LOG, 3) == author.leaves(3)
    rows = author.world.lines[1].rows
    assert rows.get(r.SIGNED, r.log_key(LOG) + bytes([0, 0, 0, 4])) == tree.root + tree.signature


def test_what_comes_again_brings_nothing(author: Author) -> None:
    take(author, author.part(0, 3))
    assert take(author, author.part(0, 3))[1:] == ([], False)
    assert take(author, author.part(1, 2))[1:] == ([], False)
    assert take(author, replace(author.part(1, 2), signature=b""))[1:] == ([], False)
    tree, accepted, brought = take(author, author.part(2, 4))
    assert ([a.index for a in accepted], brought, tree.size) == ([3], True, 4)


def test_salts_that_an_item_does_not_carry_are_counted_over_those_alone(author: Author) -> None:
    items = [Opening(data) for data, _, _ in author.entries]
    items[1] = Opening(author.entries[1][0], author.entries[1][1])
    asked: list[int] = []

    def salt_of(ordinal: int) -> bytes:
        asked.append(ordinal)
        return [author.entries[n][1] for n in (0, 3)][ordinal]

    part = Entries(0, (items[0], items[1], author.blind(2), items[3]), author.sign(4), LOG)
    assert take(author, part, salt_of=salt_of)[2]
    assert asked == [0, 1]


def test_holes_are_filled_and_what_is_held_is_told(author: Author) -> None:
    tree, accepted, _ = take(author, author.part(0, 4, _1=author.blind(1), _2=author.blind(2)))
    assert ([a.index for a in accepted], tree.holes, tree.held) == ([0, 3], {1, 2}, 1)
    assert tree.missing() == (1, 2)
    entry = trees_of(author).entry(LOG, 1)
    assert entry == StoredEntry(State.BLIND, 0, author.entries[1][2])
    assert take(author, author.part(1, 2, _1=author.blind(1)))[1:] == ([], False)
    _, accepted, brought = take(author, replace(author.part(2, 3), signature=b""))
    assert ([a.index for a in accepted], brought, tree.holes, tree.held) == ([2], False, {1}, 1)
    take(author, author.part(1, 2))
    assert (tree.holes, tree.held) == (set(), 4)
    tree.holes = set(range(100))
    assert tree.missing() == tuple(range(limits.MAX_MISSING_TOLD))


def test_a_tree_begins_with_its_opening_under_documents_that_are_known(author: Author) -> None:
    assert refused(author, author.part(1, 2)) == "entries-unready"
    assert refused(author, author.part(0, 2, _0=author.blind(0))) == "entries-unready"
    good = author.opening.content
    assert isinstance(good, Opened)
    for wrong, code in (
        (replace(author.opening, content=replace(good, revision=bytes(32))), "document-missing"),
        (replace(author.opening, content=replace(good, certificate=bytes(32))), "document-missing"),
        (replace(author.opening, to=2), "opened-malformed"),
        (text("no opening"), "opened-malformed"),
        (b"\xff", "opened-malformed"),
    ):
        other = Author(author.world)
        other.write(wrong)
        assert refused(author, other.part(0, 1)) == code
    foreign = LogId(MemberNumber(9), RUN)
    with pytest.raises(ParleyError) as caught:
        trees_of(author).accept(foreign, author.part(0, 1), salts, from_author=True)
    assert caught.value.code == "document-missing"


def test_a_gap_is_asked_for_and_a_wrong_signature_refused(author: Author) -> None:
    take(author, author.part(0, 2))
    assert refused(author, author.part(3, 4)) == "entries-unready"
    assert refused(author, replace(author.part(2, 4), signature=author.sign(3))) == "signature-invalid"
    assert refused(author, replace(author.part(2, 4), signature=b"")) == "signature-invalid"
    assert refused(author, author.part(2, 4, _3=Opening(b"other", bytes(32)))) == "signature-invalid"
    assert refused(author, author.part(2, 4, _3=Opening(author.entries[3][0], bytes(31)))) == "commitment-malformed"
    assert take(author, author.part(2, 4))[2]


def test_what_differs_from_what_is_held_is_the_authors_word_or_nobodys(author: Author) -> None:
    take(author, author.part(0, 3))
    other = Author(author.world)
    other.write(author.opening, text("one"), text("forged"), text("more"))
    assert refused(author, replace(other.part(2, 3), signature=b"")) == "entry-differs"
    assert refused(author, replace(other.part(2, 3), signature=author.sign(3))) == "signature-invalid"
    for part, size in ((other.part(2, 3), 3), (other.part(0, 4), 4), (other.part(1, 4), 4)):
        with pytest.raises(TwoHistories) as caught:
            take(author, part)
        found = caught.value
        assert isinstance(found, Equivocation)
        assert (found.other, found.signature) == (other.head(size), other.sign(size))
        assert list(found.leaves) == other.leaves(size)
        assert found.tree is trees_of(author).get(LOG)


@pytest.mark.parametrize(
    ("said", "refusal", "to"),
    [
        (b"\xff", Refusal.UNDECODABLE, EVERYONE),
        (cbor.encode({0: 99, 1: 5}), Refusal.UNKNOWN_KIND, EVERYONE),
        (cbor.encode({0: 99, 1: 5, 2: 2}), Refusal.UNKNOWN_KIND, 2),
        (cbor.encode({1: 5, 2: 2}), Refusal.UNDECODABLE, 2),
        (cbor.encode({1: 5, 9: bytes(limits.MAX_STATEMENT)}), Refusal.TOO_LARGE, EVERYONE),
        (statement.encode(Statement(Kind.MESSAGE, 5, Message(b"", form="new/form"))), Refusal.UNKNOWN_FORM, EVERYONE),
        (None, Refusal.UNDECODABLE, EVERYONE),
    ],
)
def test_a_content_that_is_not_understood_is_kept_with_the_reason(
    author: Author, said: bytes | None, refusal: Refusal, to: int
) -> None:
    data = statement.encode(author.opening) if said is None else said
    author.write(data, to=to | 1 if to else to)
    author.entries[4] = (data, *author.entries[4][1:])
    tree, accepted, _ = take(author, author.part(0, 5))
    assert accepted[4] == Accepted(4, None, refusal)
    entry = trees_of(author).entry(LOG, 4)
    assert entry is not None
    assert (entry.state, entry.audience, entry.precedence, tree.held) == (State.HELD, to, 0, 5)


def test_who_is_not_addressed_takes_a_proof_of_it(author: Author) -> None:
    author.write(text("secret", to=4), to=0b101)
    data, salt, made = author.entries[4]
    proof = exclusion_proof(salt, data, 0b101, 3, 1)
    item = NotForYou(proof.statement_hash, proof.salt, proof.path)
    tree, accepted, _ = take(author, author.part(0, 5, _4=item))
    assert ([a.index for a in accepted], tree.held) == ([0, 1, 2, 3], 5)
    assert trees_of(author).entry(LOG, 4) == StoredEntry(State.NOT_FOR_US, 0, made)
    assert refused(author, replace(author.part(4, 5), items=(replace(item, path=item.path[1:]),))) == "proof-invalid"
    assert refused(author, replace(author.part(4, 5), items=(replace(item, salt=bytes(16)),))) == "signature-invalid"
    other, accepted, _ = take(author, author.part(0, 5), at=2)
    assert (other.size, accepted[4].statement) == (5, text("secret", to=4))


def test_only_its_author_can_say_that_a_content_is_gone(author: Author) -> None:
    gone = Gone(author.entries[1][2])
    tree, accepted, _ = take(author, author.part(0, 2, _1=gone), from_author=False)
    assert (len(accepted), tree.holes) == (1, {1})
    _, accepted, _ = take(author, author.part(1, 2, _1=gone))
    assert accepted == [Accepted(1, None, Refusal.ERASED)]
    assert tree.holes == set()
    assert trees_of(author).entry(LOG, 1) == StoredEntry(State.GONE, 0, author.entries[1][2])


def test_a_member_opens_so_many_trees_and_no_more(author: Author, monkeypatch: pytest.MonkeyPatch) -> None:
    take(author, author.part(0, 1))
    other = LogId(ZERO, Incarnation(bytes(8)))
    monkeypatch.setattr(limits, "MAX_LOGS_PER_MEMBER", 1)
    with pytest.raises(ParleyError) as caught:
        trees_of(author).accept(other, author.part(0, 1), salts, from_author=True)
    assert caught.value.code == "too-many-trees"
    monkeypatch.setattr(limits, "MAX_LOGS_PER_MEMBER", 2)
    with pytest.raises(ParleyError) as caught:
        trees_of(author).accept(other, author.part(0, 1), salts, from_author=True)
    assert caught.value.code == "signature-invalid"  # it is another tree's


def test_roots_and_signed_sizes_are_found(author: Author) -> None:
    for first, end in ((0, 1), (1, 2), (2, 4)):
        take(author, author.part(first, end))
    trees = trees_of(author)
    tree = trees.get(LOG)
    assert tree is not None
    tree.roots.clear()
    assert [trees.root_at(tree, n) for n in range(6)] == [*(author.head(n).root for n in range(5)), None]
    assert set(tree.roots) == {0, 1, 2, 3}
    found = {n: (n, author.head(n).root, author.sign(n)) for n in (1, 2, 4)}
    wanted = {(0, 4): 4, (0, 3): 2, (1, 2): 2, (2, 3): None, (2, 4): 4, (4, 9): None, (0, 0): None, (0, 1): 1}
    for (low, high), size in wanted.items():
        assert trees.signed_size_within(tree, low, high) == (None if size is None else found[size])
    for low, size in {0: 1, 1: 1, 2: 2, 3: 4, 4: 4, 5: None}.items():
        assert trees.signed_size_from(tree, low) == (None if size is None else found[size])
    large = 0x01020304
    author.world.lines[1].rows.put(r.SIGNED, r.log_key(LOG) + large.to_bytes(4, "big"), bytes(32) + b"s" * 64)
    assert trees.signed_size_within(tree, 4, large) == trees.signed_size_from(tree, 5) == (large, bytes(32), b"s" * 64)
    for size in range(300):
        tree.remember(size, b"root")
    assert list(tree.roots) == list(range(300 - 256, 300))


def test_a_tree_comes_back_from_its_rows(author: Author) -> None:
    tree, _, _ = take(author, author.part(0, 4, _1=author.blind(1)))
    tree.receipted, tree.receipts = 2, {2: 3, 0: 0}
    line = author.world.lines[1]
    line.trees.store(tree)
    line.trees.flush()
    line.rows.put(r.RECEIPT, r.receipt_key(LOG, 1, 4, 4), b"")
    line.rows.put(r.RECEIPT, r.receipt_key(LOG, 2, 4, 2), b"")
    line.rows.put(r.RECEIPT, r.receipt_key(LOG, 0, 4, 3), b"")
    line.rows.put(r.RECEIPT, r.receipt_key(LOG, 2, 6, 4), b"")
    author.world.stores[1].commit(author.world.stores[1].version, line.rows.take())
    loaded = author.world.make_line(1).trees.get(LOG)
    assert loaded == replace(tree, receipted=4, receipts={2: 3, 0: 3}, roots={4: tree.root})
    (row,) = author.world.stores[1].scan(r.LOG)
    assert cbor.decode(row[1], limit=1000)[-3:] == [[1], 2, {2: 3}]


# -- our own -------------------------------------------------------------------------------------------


def stored(author: Author, said: Sequence[Statement]) -> list[tuple[StoredEntry, Statement]]:
    found = []
    for one in said:
        author.write(one)
        data, salt, made = author.entries[-1]
        found.append((StoredEntry(State.HELD, 0, made, salt, data), one))
    return found


def test_a_batch_of_ours_lies_under_one_signature() -> None:
    author = Author(World(3))
    trees = author.world.lines[0].trees
    opened = author.opening.content
    assert isinstance(opened, Opened)
    tree = trees.open_own(LOG, opened.revision, opened.certificate)
    with pytest.raises(Equivocation) as caught:
        trees.open_own(LOG, opened.revision, opened.certificate)
    assert caught.value.code == "incarnation-reused"
    signed: list[bytes] = []

    def sign(body: bytes) -> bytes:
        signed.append(body)
        return author.world.parties[0].signers.checkpoint.sign(body)

    trees.append_own(tree, stored(author, [author.opening, text("a")]), sign)
    trees.append_own(tree, stored(author, [text("b"), text("c")]), sign)
    assert signed == [author.head(2).body(), author.head(4).body()]
    assert (tree.checkpoint(), tree.signature, tree.held) == (author.head(4), author.sign(4), 4)
    assert trees.signed_size_within(tree, 0, 3) == (2, author.head(2).root, author.sign(2))
    assert [e.statement for _, e in trees.entries(LOG, 0, 4)] == [data for data, _, _ in author.entries]
    assert trees.commitment(tree, bytes(32), b"x", EVERYONE) == commit(bytes(32), b"x")
    assert trees.commitment(tree, bytes(32), b"x", 4) == commit_for(bytes(32), b"x", 5, 3)


# -- retention -----------------------------------------------------------------------------------------


def test_what_passes_is_erased_once_it_is_old_and_no_more_at_once(author: Author) -> None:
    watch = Statement(Kind.MESSAGE, 1, Message(b"", form="watch/officer"))
    author.write(Statement(Kind.READ, 1, Mark(())), watch, Statement(Kind.MESSAGE, 9, Message("late")), b"\xff")
    tree, _, _ = take(author, author.part(0, 8))
    trees = trees_of(author)
    assert trees.erase(7, 10) == 0
    assert trees.erase(8, 0) == 0
    assert trees.erase(8, 2) == 2
    states = [e.state for _, e in trees.entries(LOG, 0, 8)]
    assert states == [State.HELD, State.ERASED, State.ERASED, *[State.HELD] * 5]
    assert trees.entry(LOG, 2) == StoredEntry(State.ERASED, 3, author.entries[2][2])
    assert trees.erase(8, 10) == 1
    assert trees.erase(100, 10) == 1
    assert (tree.held, trees.erase(100, 10)) == (8, 0)


def test_ours_are_erased_once_every_recipient_has_given_its_receipt() -> None:
    author = Author(World(3))
    trees = author.world.lines[0].trees
    opened = author.opening.content
    assert isinstance(opened, Opened)
    tree = trees.open_own(LOG, opened.revision, opened.certificate)
    batch = stored(author, [author.opening, text("a"), text("b"), text("c")])
    trees.append_own(tree, batch, author.world.parties[0].signers.checkpoint.sign)
    assert trees.erase(100, 10) == 0
    tree.receipts = {1: 4}
    assert trees.erase(100, 10) == 0
    tree.receipts = {1: 4, 2: 3}
    assert trees.erase(100, 10) == 2
    tree.receipts = {1: 4, 2: 4}
    assert trees.erase(100, 10) == 1
