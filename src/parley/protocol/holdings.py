"""Saying what is held, and mending what is lacking on either side (D15, D18, ADR 89).

Theory. A member writes a tree a run, and each opening cites the tree before: which, how many entries, and their root.
So HAVE need not name a tree that is held whole as the next one cites it; it says of that one how many before it are.
What HAVE takes is then as much as there are members, and not as much as there were runs.

Who does not know a tree that is named cannot tell which lie before it. What of that member is not named is then left
alone until the tree has come, but for two sorts of trees, without which two sides that each know what the other does
not would wait for one another: those that we would name, and those with which a count ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from parley import limits
from parley.ids import LogId, MemberNumber
from parley.protocol import inputs as i
from parley.protocol.announcer import PREKEY_STOCK
from parley.protocol.outbox import Outgoing, Peer
from parley.protocol.tree import Tree
from parley.protocol.trees import Trees
from parley.wire import parts
from parley.wire.parts import Held

if TYPE_CHECKING:
    from parley.protocol.line import Line

_TALK_LIMIT: Final = 128.0
"""By how much the interval between two HAVE to one peer grows at most, while nothing comes of them."""
_DEAF: Final = 8.0
"""When the interval has grown by this and what comes does not open, the peer may not hold our chains either: they are
announced again. When nothing opens, it may seal to keys of our next start: it is given prekeys anew."""
_UNSURE_S: Final = 15.0
"""Seconds within which a tree that a HAVE names comes, as a rule: then that HAVE tells more."""
ANNOUNCE_AGAIN_S: Final = 3.0
"""Seconds after which a chain that was not confirmed is announced again."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a HAVE says, as far as the trees that are known here tell what it does not name."""

    held: dict[LogId, Held]
    implied: frozenset[LogId]
    """Those of ``held`` that it does not name."""
    ends: frozenset[LogId]
    """Those before which a count ends, and which it does not name: they are not held as they are cited."""
    unsure: frozenset[MemberNumber]
    """Members of whom it says that trees are held which cannot be told here yet."""


def name(trees: Trees, peer: MemberNumber) -> tuple[Held, ...]:
    """What to tell ``peer`` of the trees held that are for it."""
    shared = {t.log: t for t in trees if t.everyone >> peer & 1 and (t.closed is None or t.stands)}
    before = {log: whole for log, tree in shared.items() if (whole := _whole_before(trees, tree, shared)) is not None}
    counts = _counts(before)
    cited = set(before.values())
    return tuple(
        Held(log, tree.stands, min(tree.held, tree.stands), _missing(tree), counts.get(log, 0))
        for log, tree in shared.items()
        if log not in cited
    )


def _other_history(trees: Trees, tree: Tree) -> bool:
    """A thief's, up to the closing head or beyond (ADR 90)."""
    return tree.closed is not None and tree.size >= tree.closed.size and not trees.complete(tree)


def _missing(tree: Tree) -> tuple[int, ...]:
    return tuple(x for x in tree.missing() if x < tree.stands) if tree.holes else ()


def _whole_before(trees: Trees, tree: Tree, shared: Mapping[LogId, Tree]) -> LogId | None:
    """The tree before ``tree``, where it is held whole and is exactly what the opening of ``tree`` cites."""
    cited = trees.before(tree.log)
    held = shared.get(cited.log) if cited is not None else None
    if cited is None or held is None or not trees.disputed.isdisjoint((tree.log, held.log)):
        return None
    whole = held.stands == cited.size <= held.held and trees.root_at(held, cited.size) == cited.root
    # The root makes it certain, and that no chain of citations closes.
    return held.log if whole else None


def _counts(before: Mapping[LogId, LogId]) -> dict[LogId, int]:
    """Of each tree, how many come before it."""
    counts: dict[LogId, int] = {}
    for log in before:
        path, at = [], log
        while at in before and at not in counts:
            path.append(at)
            at = before[at]
        count = counts.get(at, 0)
        for each in reversed(path):
            count += 1
            counts[each] = count
    return counts


def read(trees: Trees, named: Iterable[Held]) -> Told:
    """What ``named`` says of the trees that are known here. It comes from a peer: whatever it says, this ends soon."""
    held = {row.log: row for row in named}
    implied: set[LogId] = set()
    ends: set[LogId] = set()
    unsure: set[MemberNumber] = set()
    for row in sorted(held.values(), key=lambda row: row.before, reverse=True):
        at = row.log
        for _ in range(row.before):
            cited = trees.before(at)
            if cited is None:
                if trees.get(at) is None:
                    unsure.add(at.member)
                break
            at = cited.log
            if at in implied:
                break
            if at not in held:
                held[at] = Held(at, cited.size, cited.size)
                implied.add(at)
        else:
            if (cited := trees.before(at)) is not None:
                ends.add(cited.log)
    return Told(held, frozenset(implied), frozenset(ends.difference(held)), frozenset(unsure))


class Holdings:
    """Acts for one Line; keeps no state that is not in its peers."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def say(self, peer: Peer, now: i.Now) -> None:
        """Let ``peer`` be told what is held here, and be shown the heads of third members' trees that this names."""
        line, last = self._line, peer.have_sent
        peer.have_at, peer.have_sent = None, now.boot
        peer.talk = min(peer.talk * 2, _TALK_LIMIT)
        unread, peer.unread = peer.unread, False
        if unread and peer.talk > _DEAF:
            for chain in line.chains.send_chains_with(peer.number):
                line.chains.unconfirm(chain, peer.number)
            if peer.heard_at is None or peer.heard_at < last:
                peer.idle["prekeys"] = line.chains.announcer.prekeys_anew(peer.number, fast=peer.fast())
        named = name(line.trees, peer.number)
        you = line.chains.incarnation_of(peer.number) or b""
        peer.control["have"] = parts.Have(named, line.chains.held_from(peer.number), line.roster.hashes(), you)
        if len(line.peers) > 1:
            for row in named:
                tree = line.trees.get(row.log)
                third = row.log.member not in (line.me, peer.number) and row.log not in line.trees.disputed
                if third and tree is not None and 0 < tree.size == tree.stands:
                    peer.control["gossip", row.log] = parts.Gossip(row.log, tree.size, tree.root, tree.signature)

    def take(self, peer: Peer, have: parts.Have, now: i.Now) -> None:  # model: take have
        """Compare what ``peer`` says it holds with what we hold, and mend both ways."""
        line = self._line
        if have.you == line.chains.incarnation:
            line.chains.knows_us.add(peer.number)
        else:
            line.chains.knows_us.discard(peer.number)
        self._compare_chains(peer, have, now)
        lacking_here = self._compare_trees(peer, have, now)
        theirs = set(have.documents)
        lacking_here |= not theirs <= set(line.roster.hashes())
        if lacking_here:
            line.ask_have(peer, now.boot)
        self._compare_documents(peer, theirs, _counters(have), now)
        self._stock(peer)

    def begun(self, tree: Tree, now: i.Now) -> None:
        """``tree`` is known from now on: what peers have said of its author's trees may be understood now."""
        for peer in self._line.peers.values():
            if peer.have is not None and tree.log.member in peer.unsure:
                self._compare_trees(peer, peer.have, now, only=tree.log.member)

    def _compare_trees(self, peer: Peer, have: parts.Have, now: i.Now, only: MemberNumber | None = None) -> bool:
        """True when something is lacking here. ``only``: the trees of one member."""
        line = self._line
        told, counters = read(line.trees, have.logs), _counters(have)
        peer.says = {log: row.size for log, row in told.held.items()}
        peer.unsure, peer.have = told.unsure, have if told.unsure else None
        ours = {row.log for row in name(line.trees, peer.number)} if told.unsure else set()
        lacking_here = False
        for tree in line.trees:
            log = tree.log
            if not tree.everyone >> peer.number & 1 or only not in (None, log.member):
                continue
            if tree.closed is not None and (not tree.closed.size or _other_history(line.trees, tree)):
                peer.trees.pop(log, None)
                continue  # Nobody is told of it, or asked for it; or nobody could take it.
            row = told.held.get(log) or Held(log, 0, 0)
            if log in told.implied:
                line.histories.remind(peer, log)
            if log not in told.held and log.member in told.unsure and log not in told.ends:
                if log not in ours:
                    continue
                if log.member != line.me and log not in peer.trees:
                    peer.trees[log] = Outgoing(forward_at=now.boot + _UNSURE_S)
                    continue
            end = row.size if tree.closed is None else tree.closed.size
            lacking_here |= min(row.size, end) > tree.size or min(row.held, end) > tree.held
            self._compare_tree(peer, tree, row, counters, now)
        return lacking_here or any(row.size > 0 and line.trees.get(log) is None for log, row in told.held.items())

    def _compare_documents(self, peer: Peer, theirs: set[bytes], counters: Mapping[bytes, int], now: i.Now) -> None:
        for hash_, raw in self._line.membership.notes.items():
            if hash_[:8] in theirs:
                peer.documents.pop(hash_, None)
                peer.document_ways.pop(hash_, None)
            elif (
                (way := peer.document_ways.get(hash_)) is None
                or way.flights[0].passed(counters)
                or peer.stale(way, now.boot)
            ):
                peer.documents[hash_] = parts.Document(raw)

    def _stock(self, peer: Peer) -> None:
        """Keep the peer supplied with one-time prekeys, where the bearer is fast (D6)."""
        announcer = self._line.chains.announcer
        if peer.fast() and "prekeys" not in peer.idle and announcer.stock_with(peer.number) < PREKEY_STOCK:
            peer.idle["prekeys"] = announcer.prekeys_for(peer.number)

    def _compare_chains(self, peer: Peer, have: parts.Have, now: i.Now) -> None:
        chains = self._line.chains
        listed = _counters(have)
        for chain in chains.send_chains_with(peer.number):
            counter = listed.get(chain.tag)
            if counter is None:
                if now.boot - chain.announced.get(peer.number, -1e9) > ANNOUNCE_AGAIN_S / 2:
                    chains.unconfirm(chain, peer.number)
            elif counter > chain.counter or chain.counter - counter > limits.MAX_SKIPPED_KEYS // 2:
                # The peer is ahead of us: our state is old (D17). Or too far behind to follow.
                chains.rekey(chain.mask)
                peer.talk = 1.0
                self._line.ask_have(peer, now.boot)
            else:
                chains.confirm(chain, peer.number)

    def _compare_tree(self, peer: Peer, tree: Tree, held: Held, counters: Mapping[bytes, int], now: i.Now) -> None:
        line = self._line
        out = peer.trees.get(tree.log)
        lacks = held.size < tree.stands or held.held < min(tree.held, tree.stands)
        lacks |= any(x < tree.stands and x not in tree.holes for x in held.missing)
        mine = tree.log.member == line.me
        if not lacks:
            if out is not None:
                if mine:
                    line.outbox.resume(out, tree, held)
                else:
                    del peer.trees[tree.log]
            return
        if out is None:
            out = peer.trees[tree.log] = Outgoing()
            if not mine and tree.log.member != peer.number:
                out.forward_at = now.boot + line.settings.forward_after_s
                out.confirmed = held.held
                return
            line.outbox.resume(out, tree, held)
            return
        gone = out.way.lost(held, counters) or peer.stale(out.way, now.boot)
        if gone or held.held < out.confirmed:
            line.outbox.resume(out, tree, held)
            line.sender.announce_again(peer)


def _counters(have: parts.Have) -> dict[bytes, int]:
    return {c.tag: c.counter for c in have.chains}
