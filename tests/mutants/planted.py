"""Faults to plant: each takes one guarantee out of the product, and names the rules of which one must then break."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final
from unittest import mock

from parley.errors import ParleyError, ProofInvalid, StoreError, UsageError, VerificationError
from parley.ids import EntryId, Incarnation, LogId
from parley.node import loop
from parley.procedure import outgoing
from parley.protocol import (
    announcer,
    author,
    cast,
    chains,
    entries,
    gossip,
    holdings,
    ledger,
    line,
    membership,
    order,
    outbox,
    receipts,
    sender,
    trees,
)
from parley.protocol import inputs as i
from parley.protocol import rows as r
from parley.record import checkpoint, equivocation
from parley.stores import headfile
from parley.wire import parts
from parley.wire.statement import EVERYONE
from parley_testkit.sim import station

Plant = contextlib.AbstractContextManager[Any]


@dataclass(frozen=True, slots=True)
class Mutant:
    """A planted fault, the worlds of which one must show it, and the rules of which one must break."""

    name: str
    plant: Callable[[], Plant]
    worlds: tuple[str, ...]
    rules: frozenset[str]


MUTANTS: Final[list[Mutant]] = []


def mutant(worlds: str, rules: str) -> Callable[[Callable[[], Plant]], Callable[[], Plant]]:
    """Register a planted fault under its function's name."""

    def register(plant: Callable[[], Plant]) -> Callable[[], Plant]:
        name = plant.__name__.replace("_", " ")
        MUTANTS.append(Mutant(name, plant, tuple(worlds.split()), frozenset(rules.split())))
        return plant

    return register


def _after(owner: object, name: str, change: Callable[..., Any]) -> Plant:
    """``change(result, self, *arguments)`` in the result's place."""
    real = getattr(owner, name)

    def changed(self: object, *args: object, **kwargs: object) -> object:
        return change(real(self, *args, **kwargs), self, *args)

    return mock.patch.object(owner, name, changed)


def _nothing(owner: object, name: str, result: object = None) -> Plant:
    """Does nothing any more."""
    return mock.patch.object(owner, name, return_value=result)


# -- durability ---------------------------------------------------------------------------------------------


@mutant("calm", "C7 C1")
def released_before_the_commit() -> Plant:
    real = loop.Node._commit

    async def commit(self: loop.Node, output: Any) -> None:
        self._release(output)
        output.sends, output.events = [], []
        await real(self, output)

    return mock.patch.object(loop.Node, "_commit", commit)


@mutant("calm", "C7 C1")
def commit_left_to_later() -> Plant:
    real = loop.Node._commit

    async def commit(self: loop.Node, output: Any) -> None:
        task = asyncio.get_running_loop().create_task(real(self, output))
        task.add_done_callback(lambda done: done.cancelled() or done.exception())

    return mock.patch.object(loop.Node, "_commit", commit)


@mutant("lossy", "C2")
def shown_before_what_was_written_before() -> Plant:
    return mock.patch.object(order, "_in_turn", return_value=False)


@mutant("disk", "C7 C1 C3 C4 C8 signed")
def full_disk_taken_for_written() -> Plant:
    real = loop.Node._commit

    async def commit(self: loop.Node, output: Any) -> None:
        with contextlib.suppress(StoreError):
            await real(self, output)

    return mock.patch.object(loop.Node, "_commit", commit)


@mutant("disk", "C8 C7 C1 StoreConflict C6")
def store_not_opened_anew_after_an_error() -> Plant:
    async def reopen(self: loop.Node) -> None:
        await asyncio.sleep(0)

    return mock.patch.object(loop.Node, "_reopen", reopen)


@mutant("disk", "C1")
def officer_told_written_after_an_error() -> Plant:
    real = loop.Node._recover

    async def recover(self: loop.Node, error: Any, taken: Any) -> float:
        for future in self._waiting.values():
            if not future.done():
                tree = self.line.own
                log = tree.log if tree is not None else LogId(self.line.me, self.line.incarnation)
                future.set_result(EntryId(log, tree.size if tree is not None else 0))
        return await real(self, error, taken)

    return mock.patch.object(loop.Node, "_recover", recover)


@mutant("calm crashes", "C4 C1 C5 C7 C3 signed TypeError")
def a_row_in_twenty_is_not_written() -> Plant:
    count = 0

    def change(changes: list[r.Change], _self: object) -> list[r.Change]:
        nonlocal count
        count += 1
        return changes[1:] if count % 20 == 0 else changes

    return _after(r.Rows, "take", change)


@mutant("crashes losses", "head")
def head_file_not_compared() -> Plant:
    return _nothing(station, "lost_state", 0)


@mutant("losses", "head")
def head_file_off_by_one() -> Plant:
    real = headfile.lost_state
    return mock.patch.object(station, "lost_state", lambda version, head: real(version + 1, head))


# -- receipts -----------------------------------------------------------------------------------------------


@mutant("backlog lossy", "C7 C1")
def receipt_over_holes() -> Plant:
    return mock.patch.object(trees.Trees, "receiptable", lambda _self, tree: tree.checkpoint() if tree.size else None)


@mutant("forgers", "C1 honest")
def receipts_not_verified() -> Plant:
    return _nothing(receipts.Receipts, "_verify")


@mutant("calm", "C1 C6 C7 signed C8")
def receipt_for_one_entry_too_many() -> Plant:
    def change(head: Any, _self: object, _tree: object) -> Any:
        return None if head is None else type(head)(head.origin, head.size + 1, head.root)

    return _after(trees.Trees, "receiptable", change)


@mutant("calm", "C8")
def receipts_only_beside_new_entries() -> Plant:
    return _nothing(sender.Sender, "_cosigned")


# -- the record ---------------------------------------------------------------------------------------------


@mutant("forgers forks", "C3 signed C5 C8 C4 proof")
def checkpoint_signatures_not_verified() -> Plant:
    return _nothing(trees, "verify_ed25519")


@mutant("forks", "C8")
def second_history_not_noticed() -> Plant:
    stack = contextlib.ExitStack()
    stack.enter_context(_nothing(trees.Trees, "_check_known"))
    stack.enter_context(_nothing(gossip.Histories, "compare", (None, None)))
    return stack


@mutant("forks", "C8")
def proof_of_two_histories_thrown_away() -> Plant:
    return _nothing(line.Line, "_equivocated")


@mutant("forgers", "honest")
def proofs_against_others_not_verified() -> Plant:
    def verify(self: Any, _public: bytes) -> Any:
        return checkpoint.parse_text(self.smaller.text), checkpoint.parse_text(self.larger.text)

    return mock.patch.object(equivocation.EquivocationProof, "verify", verify)


@mutant("crashes", "honest")
def honest_restart_taken_for_a_lie() -> Plant:
    def accuse(self: Any, tree: Any, opened: Any) -> None:
        if opened.previous is not None:
            self.tell(i.Warned("history-mismatch", "another history", tree.log.member))

    return mock.patch.object(line.Line, "_check_previous", accuse)


@mutant("crashes losses", "C2")
def shown_again_after_a_restart() -> Plant:
    real = ledger.Ledger.__init__

    def init(self: Any, rows: Any, me: Any) -> None:
        real(self, rows, me)
        self._next = 0

    return mock.patch.object(ledger.Ledger, "__init__", init)


@mutant("lossy backlog", "C2")
def shown_as_often_as_it_comes() -> Plant:
    def change(_kept: Any, _self: object, _tree: object, _index: int, read: Any) -> Any:
        return read.content

    return _after(trees.Trees, "_keep", change)


@mutant("calm", "C5 C6 signed")
def root_of_one_leaf_less() -> Plant:
    real = trees.Trees.append_own

    def append(self: Any, tree: Any, entries: Any, sign: Any) -> None:
        before = tree.root
        real(self, tree, entries, sign)
        if before:
            tree.root = before
            tree.signature = sign(tree.checkpoint().body())
            self._signed(tree)

    return mock.patch.object(trees.Trees, "append_own", append)


@mutant("losses", "C6 C4 C5 C3 key honest")
def one_run_for_ever() -> Plant:
    return _nothing(line, "Incarnation", Incarnation(b"same run"))


@mutant("calm", "C10")
def contents_lost_once_receipted() -> Plant:
    def change(result: Any, self: Any, log: Any, *_: object) -> Any:
        tree = result[0]
        last = tree.receipted - 1
        entry = self.entry(log, last) if last >= 0 else None
        if entry is not None:
            self._rows.put(r.ENTRY, r.entry_key(log, last), replace(entry, state=entries.State.BLIND).encode())
        return result

    return _after(trees.Trees, "accept", change)


# -- release by two -----------------------------------------------------------------------------------------


@mutant("releases", "C9")
def one_officer_is_enough() -> Plant:
    return _nothing(outgoing, "needs_two", False)


@mutant("releases", "C9")
def officers_counted_by_name() -> Plant:
    real = outgoing.check_release

    def check(draft: Any, *args: Any, **named: Any) -> None:
        real(draft, *args, **named)
        if len({a.officer for a in draft.approvals}) < 2:
            raise UsageError("two names are wanted.", code="release-needed")

    stack = contextlib.ExitStack()
    stack.enter_context(_nothing(outgoing, "_same_key", False))
    stack.enter_context(_nothing(outgoing, "_check_keys"))
    stack.enter_context(mock.patch.object(outgoing, "check_release", check))
    return stack


@mutant("releases", "C9")
def approvals_outlive_a_change() -> Plant:
    def revised(draft: Any, message: Any, seen: int) -> Any:
        return replace(draft, message=message, seen=max(draft.seen, seen))

    stack = contextlib.ExitStack()
    stack.enter_context(mock.patch.object(outgoing, "revised", revised))
    stack.enter_context(mock.patch.object(outgoing, "valid_approvals", lambda draft, *_: list(draft.approvals)))
    return stack


# -- confidentiality ----------------------------------------------------------------------------------------


@mutant("calm", "C3")
def not_for_you_shown_all_the_same() -> Plant:
    def item(_self: object, _peer: object, _tree: object, entry: Any) -> Any:
        held = entry.state is entries.State.HELD
        return parts.Opening(entry.statement, entry.salt) if held else parts.Blind(entry.commitment)

    return mock.patch.object(outbox.Outbox, "item", item)


@mutant("calm", "C3")
def recipients_forgotten() -> Plant:
    def change(said: Any, _self: object, *_: object) -> Any:
        return replace(said, to=EVERYONE)

    return _after(author.Author, "_check", change)


@mutant("calm", "key")
def one_salt_for_all() -> Plant:
    return _nothing(cast.Cast, "salt", bytes(32))


@mutant("losses crashes", "key")
def run_left_out_of_message_keys() -> Plant:
    real = chains.Chains._message_key

    def key(self: Any, step: bytes, who: Any, mask: int, _run: Any, counter: int) -> Any:
        return real(self, step, who, mask, Incarnation(bytes(8)), counter)

    return mock.patch.object(chains.Chains, "_message_key", key)


@mutant("calm", "key")
def counter_left_out_of_message_keys() -> Plant:
    real = chains.Chains._message_key

    def key(self: Any, step: bytes, who: Any, mask: int, run: Any, _counter: int) -> Any:
        return real(self, step, who, mask, run, 0)

    stack = contextlib.ExitStack()
    stack.enter_context(mock.patch.object(chains.Chains, "_message_key", key))
    stack.enter_context(mock.patch.object(chains, "_advance", lambda key: key))
    return stack


@mutant("lossy replayers", "key")
def used_keys_not_deleted() -> Plant:
    real = r.Rows.delete

    def delete(self: Any, space: str, key: bytes) -> None:
        if space != r.SKIPPED:
            real(self, space, key)

    return mock.patch.object(r.Rows, "delete", delete)


@mutant("calm", "label")
def direction_left_out_of_a_label() -> Plant:
    def message(line_id: bytes, _giver: int, _recipient: int, publics: Any) -> bytes:
        return b"".join((announcer._PREKEYS_LABEL, line_id, bytes((1,)), *publics))

    return mock.patch.object(announcer, "_prekeys_message", message)


@mutant("calm", "label")
def line_left_out_of_a_label() -> Plant:
    real = announcer._prekeys_message

    def message(_line: bytes, giver: int, recipient: int, publics: Any) -> bytes:
        return real(bytes(32), giver, recipient, publics)  # type: ignore[arg-type]

    return mock.patch.object(announcer, "_prekeys_message", message)


# -- delivery -----------------------------------------------------------------------------------------------


@mutant("slow backlog", "flash")
def flash_is_nothing_special() -> Plant:
    return _nothing(outbox.Outbox, "urgent", 0)


@mutant("lossy backlog", "C8")
def what_a_peer_lacks_is_not_compared() -> Plant:
    stack = contextlib.ExitStack()
    stack.enter_context(_nothing(holdings.Holdings, "_compare_tree"))
    stack.enter_context(_nothing(sender.Sender, "restart"))
    return stack


@mutant("forgers", "C8")
def what_is_lost_of_an_earlier_run_is_said_to_be_held() -> Plant:
    def name(known: Any, peer: int) -> tuple[parts.Held, ...]:
        newest = {t.log.member: t for t in known if t.everyone >> peer & 1}
        return tuple(parts.Held(t.log, t.size, t.held, t.missing(), 99) for t in newest.values())

    return mock.patch.object(holdings, "name", name)


@mutant("lossy", "C8")
def questions_are_not_answered() -> Plant:
    return mock.patch.dict(line._PARTS, {parts.Have: lambda *_: None, parts.Query: lambda *_: None})


@mutant("clocks", "C8")
def implausible_time_refused() -> Plant:
    real = trees.Trees._read_content

    def read(self: Any, tree: Any, index: int, data: bytes, salt: bytes) -> Any:
        found = real(self, tree, index, data, salt)
        said = found.content.statement if found.content is not None else None
        if said is not None and not 1_799_000_000 < said.time < 1_801_000_000:
            raise ProofInvalid("a time that cannot be.")
        return found

    return mock.patch.object(trees.Trees, "_read_content", read)


@mutant("prunes", "C1")
def erased_before_it_was_received() -> Plant:
    def erasable(self: Any, tree: Any) -> Iterator[tuple[int, Any]]:
        return ((n, e) for n, e in self.entries(tree.log, 0, tree.size) if e.state is entries.State.HELD)

    return mock.patch.object(trees.Trees, "_rows_erasable", erasable)


@mutant("keys", "C8")
def documents_are_not_taken_from_peers() -> Plant:
    return mock.patch.dict(line._PARTS, {parts.Document: lambda *_: None})


@mutant("keys", "C8")
def who_joins_is_no_peer() -> Plant:
    return mock.patch.object(membership.Membership, "peers", lambda self, me: tuple(n for n in (0, 1, 2) if n != me))


@mutant("lossy", "ParleyError")
def an_error_of_a_peer_stops_the_node() -> Plant:
    real = line.Line._on_received

    def received(self: Any, given: Any, now: Any) -> None:
        real(self, given, now)
        for event in self.out.events:
            if isinstance(event, i.Warned) and event.code.startswith("seal"):
                raise ParleyError("stopped by a peer")

    return mock.patch.dict(line._HANDLERS, {i.Received: received})


# -- stolen keys --------------------------------------------------------------------------------------------


@mutant("thefts", "revoked")
def receipts_by_revoked_keys_are_taken() -> Plant:
    real = receipts.Receipts._verify

    def verify(self: Any, *given: Any) -> None:
        with contextlib.suppress(VerificationError):
            real(self, *given)

    return mock.patch.object(receipts.Receipts, "_verify", verify)


@mutant("thefts", "revoked")
def closing_heads_are_not_compared() -> Plant:
    real = trees.Trees.accept

    def accept(self: Any, log: LogId, *given: Any, **named: Any) -> Any:
        held = self.get(log)
        closed = held.closed if held is not None else None
        if held is not None:
            held.closed = None
        try:
            return real(self, log, *given, **named)
        finally:
            if held is not None:
                held.closed = closed

    return mock.patch.object(trees.Trees, "accept", accept)


@mutant("thefts", "revoked")
def revoked_certificates_begin_trees() -> Plant:
    real = trees.Trees._make

    def make(self: Any, *given: Any) -> Any:
        made = real(self, *given)
        made.closed = None
        return made

    return mock.patch.object(trees.Trees, "_make", make)


@mutant("thefts", "C8")
def what_lies_below_a_closing_head_is_refused() -> Plant:
    closed = membership.ClosingHead(0, b"")
    return mock.patch.object(
        membership.Member, "closing", lambda self, certificate, _run: closed if certificate in self.closed else None
    )
