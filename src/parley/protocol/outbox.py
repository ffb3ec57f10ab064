"""What each peer lacks, and what to send it next (D2, D17, D18).

Theory. For each peer and tree, ``Outgoing`` says how far the peer's commitments and contents reach as far as
we sent them, and how far the peer has shown that it holds them. What is sent and never shown is sent again
when the peer returns or answers a query. Contents go in order within a precedence, and a higher precedence
first: what overtakes carries the commitments that it overtook, so the peer can verify it at once (D3).
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from parley import limits
from parley.ids import Incarnation, LogId, MemberNumber
from parley.protocol.credit import WINDOW, Intake
from parley.protocol.entries import State, StoredEntry
from parley.protocol.flight import Way
from parley.protocol.tree import Tree
from parley.protocol.trees import Trees
from parley.record.commitment import exclusion_proof
from parley.wire.parts import Blind, Document, Entries, Gone, Have, Held, Item, NotForYou, Opening, Part
from parley.wire.statement import EVERYONE, Precedence

ANNOUNCEMENT: Final = -1
"""In ``Link.pending``: a piece of an announcement, without which what follows it cannot be opened."""

SEAL_OVERHEAD: Final = 48
"""Bytes that header, tag and the outer arrays add to a payload, at most."""
_ENTRY_OVERHEAD: Final = 48
_PART_OVERHEAD: Final = 90
_THERE: Final = -1
"""In ``Outgoing.early``: not sent ahead of the order, but held there already, or nowhere."""
_TOLD_SPAN: Final = 4096
"""Entries behind the first that a peer lacks among which those that it has are left out."""
_PAYLOAD_GOAL: Final = 24 * 1024
"""Bytes of one payload on a fast bearer: large enough to be cheap, small enough to be overtaken."""


@dataclass(slots=True)
class Link:
    """One bearer to one peer.

    ``pending`` are datagrams that it has yet to take, each with what it carries: ANNOUNCEMENT, or the precedence
    of its payload.
    """

    bearer: str
    mtu: int
    round_trip_s: float
    bits_per_second: int
    one_way: bool
    cost: int
    ready: bool = True
    pending: deque[tuple[int, bytes]] = field(default_factory=deque)

    offered: set[bytes] = field(default_factory=set)
    """FLASH that this link had as well as others, while it still waits there."""
    timeout_s: float = field(init=False)
    """How long after a datagram its receipt may take before it is asked for."""

    def __post_init__(self) -> None:
        air = 16 * min(self.mtu, 2048) / self.bits_per_second if self.bits_per_second else 0.0
        self.timeout_s = 1.0 + 4 * (self.round_trip_s + air)


@dataclass(slots=True)
class Outgoing:
    """One tree on its way to one peer; see the module's theory."""

    confirmed: int = 0
    known: int = 0
    next: int = 0
    early: dict[int, int] = field(default_factory=dict)
    """What went ahead of the order, with its precedence."""
    urgent: list[tuple[int, int]] = field(default_factory=list)
    """A heap of (minus precedence, index)."""
    way: Way = field(default_factory=Way)
    forward_at: float | None = None
    """Others' trees: when to forward what the peer still lacks then."""


@dataclass(slots=True)
class Peer:
    """All that is on its way to one member."""

    number: MemberNumber
    intake: Intake
    links: dict[str, Link] = field(default_factory=dict)
    trees: dict[LogId, Outgoing] = field(default_factory=dict)
    control: dict[object, Part] = field(default_factory=dict)
    """Small parts that wait, newest of each sort."""
    documents: dict[bytes, Document] = field(default_factory=dict)
    """Documents of the line that the peer lacks, by hash: without them it cannot judge what lies under them."""
    document_ways: dict[bytes, Way] = field(default_factory=dict)
    """Documents on their way."""
    drained_at: float = -1e9
    """When a slow link last took a datagram, in boot seconds."""
    idle: dict[object, Part] = field(default_factory=dict)
    """Large parts that can wait until there is nothing else to send."""
    have_at: float | None = None
    have_sent: float = -1e9
    talk: float = 1.0
    """By how much the interval between two HAVE is lengthened now."""
    unread: bool = False
    """Something came since our last HAVE that does not open: perhaps from this peer."""
    waiting_since: float | None = None
    backoff: float = 1.0
    heard_at: float | None = None
    heard_wall: int = 0
    spoke_at: float = -1e9
    says: dict[LogId, int] | None = None
    """The size of each tree that its last HAVE of this run claims; None before the first."""
    unsure: frozenset[MemberNumber] = frozenset()
    """Members of whose trees ``says`` lacks some, because later ones of theirs are not known here."""
    have: Have | None = None
    """That HAVE, while some of it could not be understood."""

    def best_link(self) -> Link | None:
        """The cheapest link that takes a datagram now."""
        ready = [link for link in self.links.values() if link.ready]
        if len(ready) == 1:
            return ready[0]
        return min(ready, key=lambda link: (link.cost, link.round_trip_s)) if ready else None

    def flash_waits(self, link: Link | None = None) -> bool:
        """True while FLASH waits for the air of a slow link, and ``link`` has not had it: nothing lesser leaves."""
        return any(
            x.pending
            and x is not link
            and x.bits_per_second
            and any(p >= Precedence.FLASH and (link is None or d not in link.offered) for p, d in x.pending)
            for x in self.links.values()
        )

    def stale(self, way: Way, now: float) -> bool:
        """True when what is on ``way`` left long enough ago to have been shown to be there."""
        timeout = min((x.timeout_s for x in self.links.values()), default=1.0)
        return now - max(way.sent_at, self.drained_at if way.leaving else way.sent_at) > timeout / 2

    def drained(self, link: Link, now: float) -> None:
        """A slow ``link`` took a datagram."""
        self.drained_at = now
        if not link.pending:
            for way in (*(out.way for out in self.trees.values()), *self.document_ways.values()):
                if way.leaving:
                    way.sent_at, way.leaving = now, False

    def fast(self) -> bool:
        """True when a link is up that large parts do not hold up."""
        return any(link.bits_per_second == 0 for link in self.links.values())


class Outbox:
    """Composes payloads for peers."""

    def __init__(self, trees: Trees, me: MemberNumber) -> None:
        self._trees = trees
        self._me = me
        self._opened: dict[LogId, int] = {}

    def _before(self, log: LogId) -> int:
        """How many trees its member opened before it, as far as is held here: what was said first goes first (D15)."""
        chain: list[LogId] = []
        count, whole = -1, True
        while log not in chain:
            if log in self._opened:
                count = self._opened[log]
                break
            chain.append(log)
            before = self._trees.before(log)
            if before is None:
                # It may come yet: nothing is remembered of this count.
                whole = self._trees.opening(log) is not None
                break
            log = before.log
        if whole:
            self._opened.update((known, count + n) for n, known in enumerate(reversed(chain), 1))
        return count + len(chain)

    def _turn(self, log: LogId) -> tuple[bool, int, int, LogId]:
        """Ours first, then one member after the other, each one's runs in their order."""
        return (log.member != self._me, log.member, self._before(log), log)

    def resume(self, out: Outgoing, tree: Tree, held: Held) -> None:
        """Begin again from what the peer says it holds, without what it has higher up and what nobody here has."""
        self.reset(out, tree, held.held, held.size)
        for index in range(out.next, min(out.known, out.next + _TOLD_SPAN)):
            if index in tree.holes or held.holds(index):
                out.early[index] = _THERE
        out.urgent = [x for x in out.urgent if x[1] not in out.early]
        heapq.heapify(out.urgent)
        self._skip_early(out)

    def reset(self, out: Outgoing, tree: Tree, confirmed: int, known: int | None = None) -> None:
        """Begin again from what the peer holds."""
        out.confirmed = out.next = min(confirmed, tree.stands)
        out.known = max(out.next, min(known if known is not None else out.next, tree.stands))
        out.early.clear()
        out.way.flights.clear()
        out.urgent = [(-p, index) for p, index in self._trees.urgent(tree.log, out.next, tree.stands)]
        heapq.heapify(out.urgent)

    @staticmethod
    def note_new(out: Outgoing, first: int, entries: Iterable[StoredEntry]) -> None:
        """New entries of ours that did not leave at once."""
        for index, entry in enumerate(entries, first):
            if entry.precedence > Precedence.ROUTINE:
                heapq.heappush(out.urgent, (-entry.precedence, index))

    def unconfirmed(self, peer: Peer) -> bool:
        """True when the peer has not shown to hold what was sent, or owes the receipt for what it holds."""
        for log, out in peer.trees.items():
            if out.next > out.confirmed or out.early:
                return True
            tree = self._trees.get(log)
            if tree is not None and log.member == self._me and tree.receipts.get(peer.number, 0) < out.confirmed:
                return True
        return False

    def unreceipted(self, peer: Peer) -> tuple[Incarnation, ...]:
        """Our runs of which ``peer`` owes a receipt, as many as one question names."""
        runs: list[Incarnation] = []
        for log, out in peer.trees.items():
            tree = self._trees.get(log)
            if log.member == self._me and tree is not None:
                sent = max(out.next, out.confirmed)
                if out.early or tree.receipts.get(peer.number, 0) < sent:
                    runs.append(log.incarnation)
        return tuple(runs[: limits.MAX_RUNS_ASKED])

    def lacking(self, peers: Iterable[Peer]) -> int:
        """How many entries ``peers`` say they hold and this node does not."""
        most: dict[LogId, int] = {}
        for peer in peers:
            for log, size in (peer.says or {}).items():
                most[log] = max(size, most.get(log, 0))
        held = {log: tree for log in most if (tree := self._trees.get(log)) is not None}
        most |= {log: min(most[log], tree.closed.size) for log, tree in held.items() if tree.closed is not None}
        return sum(max(0, size - (held[log].size if log in held else 0)) for log, size in most.items())

    def something_for(self, peer: Peer) -> bool:
        """True when anything waits for ``peer``, if only for a link or for credit: most steps concern few peers."""
        if peer.control or peer.idle or peer.documents or any(link.pending for link in peer.links.values()):
            return True
        for log, out in peer.trees.items():
            if out.forward_at is None:
                tree = self._trees.get(log)
                if tree is not None and (out.urgent or out.next < tree.stands):
                    return True
        return False

    def urgent(self, peer: Peer) -> int:
        """The highest precedence that waits, 0 for none above ROUTINE."""
        best = 0
        for log, out in peer.trees.items():
            if not out.urgent or out.forward_at is not None or self._trees.get(log) is None:
                continue
            while out.urgent and (out.urgent[0][1] < out.next or out.urgent[0][1] in out.early):
                heapq.heappop(out.urgent)
            if out.urgent:
                best = max(best, -out.urgent[0][0])
        return best

    def compose(self, peer: Peer, mtu: int, urgent: int) -> list[Entries]:  # model: send
        """The entries to send to ``peer`` next, marked as sent; empty when there are none or no credit.

        ``urgent`` is what the method of that name has just given.
        """
        if urgent:
            most = [
                log
                for log, out in peer.trees.items()
                if out.urgent and -out.urgent[0][0] == urgent and out.forward_at is None
            ]
            for log in sorted(most, key=self._turn) if len(most) > 1 else most:
                out, tree = peer.trees[log], self._trees.get(log)
                if tree is None or sum(p == urgent for p in out.early.values()) >= WINDOW[Precedence(urgent)]:
                    continue
                return self._overtake(peer, tree, out)
        waiting = [
            log
            for log, out in peer.trees.items()
            if out.forward_at is None and (tree := self._trees.get(log)) is not None and out.next < tree.stands
        ]
        for log in sorted(waiting, key=self._turn):
            out = peer.trees[log]
            tree = self._trees.get(log)
            if tree is None or out.next - out.confirmed >= WINDOW[Precedence.ROUTINE]:
                continue
            goal = min(_PAYLOAD_GOAL, max(mtu - SEAL_OVERHEAD, 64))
            part = self._in_order(peer, tree, out, goal)
            if part is not None:
                return [part]
        return []

    def _overtake(self, peer: Peer, tree: Tree, out: Outgoing) -> list[Entries]:
        """The most urgent content now, with the commitments that lie before it."""
        _, index = heapq.heappop(out.urgent)
        parts: list[Entries] = []
        while out.known <= index:
            end = self._trees.signed_size_from(tree, index + 1)
            if end is None or end[0] - out.known > limits.MAX_ENTRIES_PER_PAYLOAD:
                end = self._trees.signed_size_within(tree, out.known, out.known + limits.MAX_ENTRIES_PER_PAYLOAD)
            if end is None or end[0] > tree.stands:
                break
            size, _, signature = end
            items: list[Item] = []
            for i, entry in self._trees.entries(tree.log, out.known, size):
                if i in (0, index):
                    items.append(self.item(peer.number, tree, entry))
                    out.early[i] = entry.precedence
                else:
                    items.append(Blind(entry.commitment))
            parts.append(Entries(out.known, tuple(items), signature, tree.log))
            out.known = size
        if index not in out.early:
            late = self._trees.entry(tree.log, index)
            if late is not None:
                parts.append(Entries(index, (self.item(peer.number, tree, late),), b"", tree.log))
                out.early[index] = late.precedence
        self._skip_early(out)
        return parts

    def _in_order(self, peer: Peer, tree: Tree, out: Outgoing, goal: int) -> Entries | None:
        """The next contents in the tree's order, up to about ``goal`` bytes."""
        self._skip_early(out)
        first = out.next
        if first < out.known:
            return self._fill(peer, tree, out, goal)
        items: list[Item] = []
        total = _PART_OVERHEAD
        for _, entry in self._trees.entries(tree.log, first, min(first + limits.MAX_ENTRIES_PER_PAYLOAD, tree.stands)):
            item = self.item(peer.number, tree, entry)
            total += len(entry.statement) + _ENTRY_OVERHEAD
            if items and total > goal:
                break
            items.append(item)
        end = self._trees.signed_size_within(tree, first, first + len(items))
        if end is None:
            end = self._trees.signed_size_from(tree, first + 1)
            if end is None or end[0] > tree.stands or end[0] - first > limits.MAX_ENTRIES_PER_PAYLOAD:
                return None
            tail = self._trees.entries(tree.log, first + len(items), end[0])
            items += [Blind(entry.commitment) for _, entry in tail]
        contents = sum(1 for item in items[: end[0] - first] if not isinstance(item, Blind))
        part = Entries(first, tuple(items[: end[0] - first]), end[2], tree.log)
        out.known = end[0]
        out.next = first + contents if contents == end[0] - first else self._sent_to(part, out)
        self._skip_early(out)
        return part

    @staticmethod
    def _sent_to(part: Entries, out: Outgoing) -> int:
        """Blind items among contents are all that we have of them: nothing more will come from us."""
        blind_tail = 0
        for item in reversed(part.items):
            if not isinstance(item, Blind):
                break
            blind_tail += 1
        del out
        return part.first + max(1, len(part.items) - blind_tail)

    def _fill(self, peer: Peer, tree: Tree, out: Outgoing, goal: int) -> Entries:
        """Contents whose commitments the peer has already."""
        items: list[Item] = []
        total = _PART_OVERHEAD
        index = out.next
        for i, entry in self._trees.entries(tree.log, out.next, out.known):
            total += len(entry.statement) + _ENTRY_OVERHEAD
            if items and (total > goal or i in out.early or len(items) >= limits.MAX_ENTRIES_PER_PAYLOAD):
                break
            items.append(self.item(peer.number, tree, entry))
            index = i + 1
        part = Entries(out.next, tuple(items), b"", tree.log)
        out.next = index
        self._skip_early(out)
        return part

    @staticmethod
    def _skip_early(out: Outgoing) -> None:
        while out.next in out.early:
            del out.early[out.next]
            out.next += 1

    def item(self, peer: MemberNumber, tree: Tree, entry: StoredEntry) -> Item:
        """``entry`` as ``peer`` may see it."""
        match entry.state:
            case State.BLIND | State.NOT_FOR_US:
                return Blind(entry.commitment)
            case State.ERASED | State.GONE:
                return Gone(entry.commitment)
            case State.HELD:
                audience = entry.audience | 1 << tree.log.member
                if entry.audience == EVERYONE or audience >> peer & 1:
                    return Opening(entry.statement, entry.salt)
                proof = exclusion_proof(entry.salt, entry.statement, audience, tree.members, peer)
                return NotForYou(proof.statement_hash, proof.salt, proof.path)
