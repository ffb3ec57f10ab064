"""Deciding what leaves now: casts of new entries, receipts, answers, what peers lack, and reminders (D17, D18)."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from parley.protocol import inputs as i
from parley.protocol.cast import Cast
from parley.protocol.chain_state import SendChain
from parley.protocol.entries import StoredEntry
from parley.protocol.flight import Flight, Way
from parley.protocol.holdings import ANNOUNCE_AGAIN_S
from parley.protocol.outbox import ANNOUNCEMENT, SEAL_OVERHEAD, Link, Outgoing, Peer
from parley.protocol.tree import Tree
from parley.wire import datagram, parts
from parley.wire.statement import Precedence

if TYPE_CHECKING:
    from parley.protocol.line import Line

_PUMP: Final = 16
"""Payloads to one peer in one step."""
_FRAGMENT_OVERHEAD: Final = 72


def _hurries(carried: int) -> bool:
    return carried == ANNOUNCEMENT or carried >= Precedence.FLASH


class Sender:
    """Acts for one Line; keeps no state that is not in its peers."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._pq_at: float | None = None

    # -- new entries -----------------------------------------------------------------------------------

    def follow(self, peer: Peer, tree: Tree) -> Outgoing | None:
        """Begin to bring ``tree`` to ``peer``, from what its receipts show; None when it is no member of it."""
        if not tree.everyone >> peer.number & 1:
            return None
        out = Outgoing()
        peer.trees[tree.log] = out
        self._line.outbox.reset(out, tree, tree.receipts.get(peer.number, 0))
        return out

    def ask(self, peer: Peer) -> None:
        """Ask ``peer`` what it holds, and for the receipts that it owes (R14)."""
        peer.control["query"] = parts.Query(self._line.outbox.unreceipted(peer))

    def came_back(self, peer: Peer, tree: Tree) -> None:
        """A tree of ours came back after a loss: ask until ``peer`` says what it holds and gives its receipt."""
        if tree.everyone >> peer.number & 1:
            out = peer.trees.setdefault(tree.log, Outgoing())
            out.next = out.known = tree.stands
        self.ask(peer)

    def written(self, tree: Tree, first: int, entries: Sequence[StoredEntry], *, opening: bool) -> None:
        """The batch stands in ``tree``: every peer now lacks it."""
        for peer in self._line.peers.values():
            if opening and tree.log not in peer.trees and tree.everyone >> peer.number & 1:
                peer.trees[tree.log] = Outgoing()
            out = peer.trees.get(tree.log)
            if out is not None:
                self._line.outbox.note_new(out, first, entries)

    # -- leaving ---------------------------------------------------------------------------------------

    def release(self, cast: Cast | None, cosigned: Sequence[parts.Cosigned], now: i.Now) -> None:
        """Send what this step produced, then what each peer lacks and its links take."""
        line = self._line
        rest = list(line.peers.values())
        if cast is not None:
            tree = line.own
            if tree is not None:
                first = tree.size - len(cast.statements)
                items = tuple(parts.Opening(data) for data in cast.statements)
                payload: list[parts.Part] = [parts.Entries(first, items, tree.signature)]
                if cast.everyone:
                    payload += cosigned
                    rest = [p for p in rest if p not in cast.peers]
                for peer in cast.peers:
                    out = peer.trees[tree.log]
                    out.next = out.known = tree.size
                    out.urgent.clear()
                self._cast(cast.chain, cast.peers, payload, now, cast.precedence)
                flight = Flight(cast.chain.tag, cast.chain.counter, tree.size, tree.size - 1)
                for peer in cast.peers:
                    peer.trees[tree.log].way.depart(
                        flight, now.boot, leaving=any(x.pending for x in peer.links.values())
                    )
        if cosigned:
            self._cosigned(rest, cosigned, now)
        for peer in line.peers.values():
            if peer.links and line.outbox.something_for(peer):
                self._pump(peer, now)

    def _cosigned(self, peers: Sequence[Peer], cosigned: Sequence[parts.Cosigned], now: i.Now) -> None:
        """Receipts go to everyone (R13): in one cast where several peers listen, else with what else goes."""
        ready = [p for p in peers if p.best_link() is not None and not p.control]
        if len(ready) > 1 and len(ready) == len(self._line.peers):
            chain = self._line.chains.chain_for([p.number for p in ready], now)
            self._cast(chain, ready, list(cosigned), now, 0)
            return
        for peer in peers:
            for part in cosigned:
                tree = self._line.trees.get(part.log)
                if tree is not None and tree.everyone >> peer.number & 1:
                    small = len(part.signature) == parts.ED25519_BYTES
                    (peer.control if small else peer.idle)["cosigned", part.log, len(part.signature)] = part

    def _cast(
        self,
        chain: SendChain,
        peers: Sequence[Peer],
        payload: Sequence[parts.Part],
        now: i.Now,
        precedence: int,
    ) -> None:
        links = [(p, link) for p in peers if (link := p.best_link()) is not None]
        for peer, link in links:
            self._announce(peer, link, chain, now)
        sealed = self._seal(chain, parts.encode(payload), min(link.mtu for _, link in links))
        for peer, link in links:
            self._send(peer, link, sealed, now, precedence)

    def _announce(self, peer: Peer, link: Link, chain: SendChain, now: i.Now) -> None:
        """Let the chain's announcement go first where the peer may not have it: from its present key on."""
        if peer.number in chain.confirmed or now.boot - chain.announced.get(peer.number, -1e9) <= ANNOUNCE_AGAIN_S:
            return
        whole = self._line.chains.announcer.announcement(chain, peer.number, self._line.incarnation, now)
        link.pending.extend((ANNOUNCEMENT, piece) for piece in datagram.pieces(whole, link.mtu, whole[-4:]))

    def _seal(self, chain: SendChain, payload: bytes, mtu: int) -> list[bytes]:
        """The payload as one datagram, or as fragments that are datagrams of their own (D17)."""
        seal = self._line.chains.seal
        if len(payload) + SEAL_OVERHEAD <= mtu:
            return [seal(chain, payload)]
        room = mtu - _FRAGMENT_OVERHEAD
        slices = [payload[at : at + room] for at in range(0, len(payload), room)]
        start = chain.counter
        return [
            seal(chain, parts.encode([parts.Fragment(start, n, len(slices), data)])) for n, data in enumerate(slices)
        ]

    def _send(self, peer: Peer, link: Link, sealed: Sequence[bytes], now: i.Now, precedence: int) -> None:
        """Hand ``sealed`` to ``link``. FLASH goes by every link that takes it (D17), before what waits there."""
        flash = precedence >= Precedence.FLASH
        targets = [x for x in peer.links.values() if x is link or (flash and x.ready and x.mtu >= link.mtu)]
        new = [(precedence, data) for data in sealed]
        waiting = {data for x in peer.links.values() for _, data in x.pending} if flash else set()
        for target in targets:
            target.offered = target.offered & waiting | set(sealed) if flash else target.offered
            if flash and target.pending:
                # Before all but FLASH, and announcements, without which it cannot be opened.
                first = [x for x in target.pending if _hurries(x[0])]
                rest = [x for x in target.pending if not _hurries(x[0])]
                target.pending = deque([*first, *new, *rest])
            else:
                target.pending.extend(new)
            self._drain(peer, target, now)
        peer.spoke_at = now.boot
        if peer.waiting_since is None:
            peer.waiting_since = now.boot

    def also_by(self, peer: Peer, link: Link) -> None:
        """``link`` came up, or takes datagrams again: FLASH that waits for other links goes by it too, once (D17)."""
        waiting = [
            x
            for other in peer.links.values()
            if other is not link and link.mtu >= other.mtu and any(p >= Precedence.FLASH for p, _ in other.pending)
            for x in other.pending
            if _hurries(x[0])
        ]
        new = [x for x in waiting if x[1] not in link.offered and x not in link.pending]
        link.offered = {data for _, data in waiting}
        link.pending.extendleft(reversed(new))

    def _drain(self, peer: Peer, link: Link, now: i.Now) -> None:
        """Pass on pending datagrams; a slow bearer takes one, and the rest can be overtaken meanwhile."""
        while link.ready and link.pending:
            if peer.flash_waits(link) and not _hurries(link.pending[0][0]):
                return
            self._line.out.sends.append(i.Send(link.bearer, peer.number, link.pending.popleft()[1]))
            if link.bits_per_second:
                link.ready = False
                peer.drained(link, now.boot)

    def _pump(self, peer: Peer, now: i.Now) -> None:
        for _ in range(_PUMP):
            if not self._pump_once(peer, now) or not self._line.outbox.something_for(peer):
                break
        for link in peer.links.values():
            self._drain(peer, link, now)

    def _pump_once(self, peer: Peer, now: i.Now) -> bool:
        """One payload, or what waits already, by the best link; False when there is no more for now."""
        line, link = self._line, peer.best_link()
        if link is None:
            return False
        urgent = line.outbox.urgent(peer)
        flash = urgent >= Precedence.FLASH
        if not flash and (link.pending or peer.flash_waits(link)):
            self._drain(peer, link, now)
            return not (link.ready and peer.flash_waits(link))
        payload: list[parts.Part] = self._control(peer, link)
        document = self._document(peer, flash=flash)
        entries = [] if document is not None else line.outbox.compose(peer, link.mtu, urgent)
        payload += entries if document is None else [peer.documents.pop(document)]
        payload = payload or self._idle(peer, link)
        if not payload:
            return False
        chain = line.chains.chain_for([peer.number], now)
        self._announce(peer, link, chain, now)
        sealed = self._seal(chain, parts.encode(payload), link.mtu)
        if document is not None:
            way = peer.document_ways[document] = Way()
            way.depart(Flight(chain.tag, chain.counter), now.boot, leaving=link.bits_per_second > 0)
        self._took_off(peer, link, chain, entries, now)
        self._send(peer, link, sealed, now, Precedence.FLASH if flash else 0)
        return True

    def _document(self, peer: Peer, *, flash: bool) -> bytes | None:
        """The hash of a document to send now: before ROUTINE, and before FLASH that cannot be judged without it."""
        if not peer.documents:
            return None
        if flash:
            urgent = [self._line.trees.get(log) for log, out in peer.trees.items() if out.urgent]
            if not any(
                t.revision in peer.documents or t.certificate in peer.documents for t in urgent if t is not None
            ):
                return None
        return next(iter(peer.documents))

    @staticmethod
    def _took_off(peer: Peer, link: Link, chain: SendChain, entries: Sequence[parts.Entries], now: i.Now) -> None:
        """``entries`` are sealed under ``chain``: from its counter on, the peer can tell that they are lost."""
        for part in entries:
            out = peer.trees.get(part.log) if part.log is not None else None
            if out is not None:
                contents = [n for n, x in enumerate(part.items, part.first) if not isinstance(x, parts.Blind)]
                end = part.first + len(part.items)
                flight = Flight(chain.tag, chain.counter, end, contents[-1] if contents else -1)
                out.way.depart(flight, now.boot, leaving=link.bits_per_second > 0)

    @staticmethod
    def _control(peer: Peer, link: Link) -> list[parts.Part]:
        """Waiting small parts, as many as one datagram of the link takes."""
        if len(peer.control) <= 1:
            return [peer.control.popitem()[1]] if peer.control else []
        taken: list[parts.Part] = []
        size = SEAL_OVERHEAD
        for key in list(peer.control):
            size += len(parts.encode([peer.control[key]]))
            if taken and size > link.mtu:
                break
            taken.append(peer.control.pop(key))
        return taken

    @staticmethod
    def _idle(peer: Peer, link: Link) -> list[parts.Part]:
        """One large part, when nothing else waits and the link is not still busy with the last."""
        if not peer.idle or link.pending:
            return []
        return [peer.idle.pop(next(iter(peer.idle)))]

    # -- what peers tell -------------------------------------------------------------------------------

    def restart(self, peer: Peer) -> None:
        """A peer can be reached again: all that it has not shown to hold goes out at once."""
        peer.waiting_since, peer.backoff = None, 1.0
        for log, out in list(peer.trees.items()):
            tree = self._line.trees.get(log)
            if tree is not None and (out.next > out.confirmed or out.early):
                self._line.outbox.reset(out, tree, out.confirmed)
        peer.document_ways.clear()
        self.announce_again(peer)

    def announce_again(self, peer: Peer) -> None:
        """Let the next datagram to ``peer`` be preceded by the announcement of a chain it has not confirmed."""
        for chain in self._line.chains.send_chains_with(peer.number):
            chain.announced.pop(peer.number, None)

    def progress(self, peer: Peer, tree: Tree, size: int, now: i.Now) -> None:
        """A receipt of ``peer`` on our own ``tree``."""
        line = self._line
        if tree.log.incarnation == line.incarnation:
            line.chains.knows_us.add(peer.number)
        out = peer.trees.get(tree.log)
        if out is None or size <= out.confirmed:
            return
        out.confirmed, out.next, out.known = size, max(out.next, size), max(out.known, size)
        out.early = {x: p for x, p in out.early.items() if x >= size}
        out.way.shown(size)
        peer.backoff = 1.0
        peer.waiting_since = now.boot if line.outbox.unconfirmed(peer) else None
        for chain in line.chains.send_chains_with(peer.number):
            if peer.number in chain.announced:
                line.chains.confirm(chain, peer.number)

    # -- time ------------------------------------------------------------------------------------------

    def tick(self, now: i.Now) -> None:
        """Do what is due by the clock; rule 5 of the line."""
        line = self._line
        for peer in line.peers.values():
            if not peer.links:
                continue
            self._forward(peer, now)
            self._query(peer, now)
            self._heartbeat(peer, now)
            if peer.have_at is not None and now.boot >= peer.have_at:
                line.holdings.say(peer, now)
        if self._pq_at is None:
            self._pq_at = now.boot + line.settings.pq_interval_s
        if now.boot >= self._pq_at:
            self.countersign(now)

    def countersign(self, now: i.Now) -> None:
        """Give the ML-DSA-44 cosignatures that are due, and let them trickle to every member (D5)."""
        line = self._line
        self._pq_at = now.boot + line.settings.pq_interval_s
        if line.roster.silent:
            return
        for part in line.receipts.post_quantum(now.wall):
            for peer in line.peers.values():
                tree = line.trees.get(part.log)
                if tree is not None and tree.everyone >> peer.number & 1:
                    peer.idle["cosigned", part.log, len(part.signature)] = part

    def _forward(self, peer: Peer, now: i.Now) -> None:
        for log, out in list(peer.trees.items()):
            tree = self._line.trees.get(log)
            if out.forward_at is not None and now.boot >= out.forward_at and tree is not None:
                out.forward_at = None
                if out.confirmed >= tree.stands:
                    del peer.trees[log]
                else:
                    self._line.outbox.reset(out, tree, out.confirmed)

    def _query(self, peer: Peer, now: i.Now) -> None:  # model: query
        """Ask for a receipt that does not come, at growing intervals (R14)."""
        links = [x for x in peer.links.values() if not x.one_way]
        if not links or not self._line.outbox.unconfirmed(peer):
            peer.waiting_since, peer.backoff = None, 1.0
            return
        if peer.waiting_since is None:
            peer.waiting_since = now.boot
        if now.boot >= self._asks_at(peer, peer.waiting_since):
            peer.waiting_since = now.boot
            peer.backoff *= 2
            self.ask(peer)
            self.announce_again(peer)

    def _asks_at(self, peer: Peer, since: float) -> float:
        """When to ask for a receipt that ``peer`` owes ``since`` then: what is still leaving is not missed yet."""
        timeout = min([x.timeout_s for x in peer.links.values() if not x.one_way], default=self._line.settings.idle_s)
        if peer.drained_at > since and any(out.way.leaving for out in peer.trees.values()):
            since = peer.drained_at
        return since + min(timeout * peer.backoff, self._line.settings.query_limit_s)

    def _heartbeat(self, peer: Peer, now: i.Now) -> None:
        settings = self._line.settings
        interval = settings.heartbeat_s if peer.fast() else settings.slow_heartbeat_s
        if now.boot - peer.spoke_at < interval or peer.spoke_at < 0:
            peer.spoke_at = now.boot if peer.spoke_at < 0 else peer.spoke_at
            return
        peer.spoke_at = now.boot
        if any(t.log.member == peer.number and t.receipted for t in self._line.trees):
            self._line.receipts.heartbeat(peer.number)
        else:
            self._line.ask_have(peer, now.boot)

    def next_wake(self, now: i.Now) -> float:
        """When the next tick is wanted, in boot seconds."""
        wake = now.boot + self._line.settings.idle_s
        for peer in self._line.peers.values():
            if not peer.links:
                continue
            if peer.have_at is not None:
                wake = min(wake, peer.have_at)
            if peer.waiting_since is not None:
                wake = min(wake, self._asks_at(peer, peer.waiting_since))
            wake = min([wake, *[o.forward_at for o in peer.trees.values() if o.forward_at is not None]])
        if self._pq_at is not None:
            wake = min(wake, self._pq_at)
        return max(wake, now.boot + 0.01)
