"""Showing what an author wrote in the order in which it was written, over all its runs (PRO-16, ADR 67).

Entries are verified, kept and receipted as they come. A ROUTINE message among them is *shown*, that is indexed and
told, once all that its author wrote before it is here: below it in its tree, and in the trees before, up to the heads
that their successors' openings cite. What has a higher precedence overtakes, so it waits for nothing, and neither do
marks and refusals, which are facts about other entries.

What waits is a row in space ``later``, put in the commit that makes the entry durable, so that a restart forgets none
of it. Nothing waits for what cannot come: for a tree of which two histories are proven, for what its author's own HAVE
says is lost to the author, or for longer than ``limits.ORDER_WAIT_S`` after anything last came of that author.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from parley import limits
from parley.ids import LogId, MemberNumber
from parley.protocol import inputs as i
from parley.protocol import rows as r
from parley.protocol.entries import State
from parley.protocol.tree import Accepted, Tree
from parley.wire import statement
from parley.wire.statement import Message, Precedence

if TYPE_CHECKING:
    from parley.protocol.line import Line

_LAST: Final = 1 << 32
_ASK_AGAIN_S: Final = 15.0
"""Seconds between two questions to an author whose messages wait for something of its own."""


def _in_turn(content: Accepted) -> bool:
    said = content.statement.content if content.statement is not None else None
    return isinstance(said, Message) and said.precedence is Precedence.ROUTINE


class Order:
    """Acts for one Line. State beside the rows: what is known not to be waited for, and since when who is."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._later: dict[MemberNumber, set[tuple[LogId, int]]] = {}
        for key, _ in line.rows.scan(r.LATER):
            entry = r.read_entry_key(key)
            self._later.setdefault(entry.log.member, set()).add((entry.log, entry.index))
        self._reached: dict[LogId, int] = {}
        """Trees before which nothing is missing, by how many came before each."""
        self._given_up: set[LogId] = set()
        self._since: dict[MemberNumber, float] = {}
        self._asked: dict[MemberNumber, float] = {}

    def take(self, tree: Tree, accepted: Sequence[Accepted], now: i.Now) -> None:
        """Show what ``tree`` newly holds, or let it wait its turn."""
        member, held = tree.log.member, tree.held
        whole = member == self._line.me or self._place(tree.log) is not None
        for content in accepted:
            if not _in_turn(content) or (whole and content.index < held and member not in self._later):
                self._line.apply(tree, content)
            else:
                self._line.rows.put(r.LATER, r.entry_key(tree.log, content.index), b"")
                self._later.setdefault(member, set()).add((tree.log, content.index))
        if accepted and member in self._later:
            self._since[member] = now.boot

    def release(self, now: i.Now) -> None:
        """Show what has its turn now, and ask for what the rest waits for."""
        for member in list(self._later):
            if now.boot >= self._since.setdefault(member, now.boot) + limits.ORDER_WAIT_S:
                self._give_up(member)
            waiting = self._later[member]
            for log, index in sorted(waiting, key=self._turn):
                tree = self._line.trees.get(log)
                ready = tree is not None and self._place(log) is not None
                if tree is None or not ready or (index >= tree.held and log not in self._given_up):
                    break
                waiting.remove((log, index))
                self._line.rows.delete(r.LATER, r.entry_key(log, index))
                entry = self._line.trees.entry(log, index)
                if entry is not None and entry.state is State.HELD:
                    self._line.apply(tree, Accepted(index, statement.decode(entry.statement)))
            if not waiting:
                del self._later[member], self._since[member]
                self._asked.pop(member, None)
            elif now.boot >= self._asked.get(member, -math.inf) + _ASK_AGAIN_S:
                self._asked[member] = now.boot
                self._ask(member, now)

    def wake(self) -> float:
        """When ``release`` is wanted at the latest, in boot seconds."""
        return min(self._asked.values(), default=math.inf) + _ASK_AGAIN_S

    # -- what comes before what ------------------------------------------------------------------------

    def _turn(self, at: tuple[LogId, int]) -> tuple[int, LogId, int]:
        """Trees whose past is whole in their order, then the others."""
        place = self._place(at[0])
        return (_LAST if place is None else place, *at)

    def _place(self, log: LogId) -> int | None:
        """How many trees its author wrote before ``log``, when all of them are here as far as they can be; or None."""
        if (known := self._reached.get(log)) is not None:
            return known
        chain: list[LogId] = []
        count = -1
        for at, before, size in self._back_from(log):
            if at in self._reached:
                count = self._reached[at]
                break
            chain.append(at)
            held = self._line.trees.get(before) if before is not None else None
            if (
                before is not None
                and (held.held if held is not None else 0) < size
                and self._may_come(at, before, size)
            ):
                return None
        self._reached.update((each, count + n) for n, each in enumerate(reversed(chain), 1))
        return count + len(chain)

    def _back_from(self, log: LogId) -> Iterator[tuple[LogId, LogId | None, int]]:
        """From ``log`` back through its author's runs: each tree, the one before it, and that one's cited size."""
        seen: set[LogId] = set()
        at: LogId | None = log
        while at is not None and at not in seen:
            seen.add(at)
            cited = self._line.trees.before(at)
            before = cited.log if cited is not None else None
            yield at, before, cited.size if cited is not None else 0
            at = before

    def _may_come(self, log: LogId, before: LogId, size: int) -> bool:
        """False when ``before`` will not reach ``size``: its author, who knows of ``log``, has not that much itself."""
        if before in self._line.trees.disputed or log in self._given_up:
            return False
        held = self._line.trees.get(before)
        if held is not None and held.closed is not None and held.closed.size < size:
            return False
        peer = self._line.peers.get(log.member)
        says = peer.says if peer is not None and log.member not in peer.unsure else None
        return says is None or log not in says or says.get(before, 0) >= size

    def _ask(self, member: MemberNumber, now: i.Now) -> None:
        """Tell the author what is here, so that it sends the rest, and ask what it has itself."""
        peer = self._line.peers.get(member)
        if peer is not None and peer.links:
            self._line.sender.ask(peer)
            self._line.ask_have(peer, now.boot)

    def _give_up(self, member: MemberNumber) -> None:
        self._given_up.update(log for log, _ in self._later[member])
        text = f"messages of member {member} are shown though something that it wrote before them has not come."
        self._line.tell(i.Warned("order-incomplete", text, member))


__all__ = ["Order"]
