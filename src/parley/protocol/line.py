"""One line at one node: the step that turns what happened into changes, sends and events (D7).

Rules.

1. Nothing is sent that is not in the changes of this or an earlier step.
2. A receipt covers what this or an earlier step's changes make durable, and nothing more.
3. Nothing is accepted because a seal opened: entries lie under their author's checkpoint, cosignatures and
   documents carry their own signatures. HAVE, QUERY and PROVE can only make us send again.
4. What cannot be judged yet is asked for; what is wrong is dropped, counted and told, and never stops a tree.
5. Time decides when to ask and when to remind, never what to believe (D8).
6. ``chains.prepare`` may be called between steps, or not: it derives keys ahead, and changes nothing that a step does.

An input is handled by the method that ``_HANDLERS`` names, a part by the one that ``_PARTS`` names; the step
ends with ``_finish``: entries are signed once, receipts given once, then each peer is sent what it lacks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, cast

from parley import limits
from parley.errors import DecodeError, DocumentError, ParleyError, SealInvalid, UsageError, VerificationError
from parley.ids import Incarnation, LogId, MemberNumber
from parley.protocol import inputs as i
from parley.protocol import ledger
from parley.protocol import rows as r
from parley.protocol.author import Author
from parley.protocol.chains import BehindChain, Chains, Opened
from parley.protocol.fragments import Fragments
from parley.protocol.gossip import Histories
from parley.protocol.holdings import Holdings
from parley.protocol.membership import Membership
from parley.protocol.order import Order
from parley.protocol.outbox import Link, Outbox, Peer
from parley.protocol.receipts import Receipts
from parley.protocol.roster import Roster
from parley.protocol.rows import Rows
from parley.protocol.sender import Sender
from parley.protocol.settings import Settings
from parley.protocol.signers import Signers
from parley.protocol.tree import Accepted, Tree
from parley.protocol.trees import Trees, TwoHistories, Unready
from parley.wire import datagram, parts, statement


class Line:
    """The state of one line. ``step`` is its only way on; a failed commit means: make it anew from the store."""

    def __init__(
        self,
        rows: Rows,
        membership: Membership,
        me: MemberNumber,
        signers: Signers,
        entropy: Callable[[int], bytes],
        settings: Settings | None = None,
    ) -> None:
        self.settings = settings or Settings()
        self.me = me
        self.rows = rows
        self.roster = Roster(self, membership)
        self.entropy = entropy
        self.signers = signers
        self.incarnation = Incarnation(entropy(8))
        self.chains = Chains(rows, self._members, me, signers, self.incarnation, entropy)
        self.trees = Trees(rows, self._members, me, self.settings.understands)
        self.receipts = Receipts(rows, self.trees, self._members, me, signers)
        self.histories = Histories(rows, self.trees, self._members)
        self.outbox = Outbox(self.trees, me)
        self.peers: dict[MemberNumber, Peer] = {}
        self.sender = Sender(self)
        self.holdings = Holdings(self)
        self._ledger = ledger.Ledger(rows, me)
        self.author = Author(self)
        self.order = Order(self)
        self._wall = 0
        self._fragments = Fragments()
        self.out = i.Output()
        self.roster.begin()

    def _members(self) -> Membership:
        return self.roster.membership

    # -- what the node and the faces may ask -----------------------------------------------------------

    @property
    def membership(self) -> Membership:
        """The verified membership in force."""
        return self.roster.membership

    @property
    def own(self) -> Tree | None:
        """The tree of this run, once something was written in it."""
        return self.trees.get(LogId(self.me, self.incarnation))

    def head(self) -> Tree | None:
        """The newest own tree: this run's, or the last one before."""
        return self.own or self.author.last_own()

    # -- the step --------------------------------------------------------------------------------------

    def step(self, inputs: Iterable[i.Input], now: i.Now) -> i.Output:
        """Handle ``inputs`` in order at ``now``; what must be durable, then what to release."""
        self.out = i.Output()
        self._wall = now.wall
        for given in inputs:
            _HANDLERS[type(given)](self, given, now)
        self._finish(now)
        self.trees.flush()
        self.out.changes = self.rows.take()
        return self.out

    def tell(self, event: i.Event) -> None:
        """Add an event to the running step's output."""
        self.out.events.append(event)

    def _warn(self, error: ParleyError, peer: MemberNumber | None = None) -> None:
        self.tell(i.Warned(error.code, error.message, peer))

    # -- inputs ----------------------------------------------------------------------------------------

    def _on_submit(self, given: i.Submit, now: i.Now) -> None:
        try:
            self.author.draft(given, now)
        except (UsageError, DecodeError) as error:
            self.tell(i.Rejected(given.token, error))

    def _on_received(self, given: i.Received, now: i.Now) -> None:
        try:
            outer = datagram.decode(given.datagram)
            match outer:
                case datagram.Sealed():
                    self._on_sealed(outer, now)
                case datagram.Announce():
                    self._on_announce(outer, now)
                case datagram.Piece():
                    self._on_piece(outer, given.bearer, now)
        except BehindChain as error:
            # Set back, it may have forgotten our run too: we name it until we hear otherwise.
            self.chains.knows_us.discard(error.sender)
            peer = self.peers.get(error.sender)
            if peer is not None:
                peer.unread = True
                self.ask_have(peer, now.boot)
        except SealInvalid as error:
            self._warn(error)
            if error.code == "seal-unknown-chain":
                for peer in self.peers.values():
                    if peer.links:
                        peer.unread = True
                        self.ask_have(peer, now.boot)
        except (DecodeError, VerificationError, DocumentError) as error:
            self._warn(error)

    def _on_sealed(self, sealed: datagram.Sealed, now: i.Now) -> None:
        opened = self.chains.open(sealed, now)
        peer = self.peers.get(opened.sender)
        if peer is None:
            return
        self._heard(peer, now)
        self._on_payload(peer, opened, opened.payload, opened.keys.salt, now)

    def _heard(self, peer: Peer, now: i.Now) -> None:
        peer.heard_at, peer.heard_wall = now.boot, now.wall

    def _on_payload(
        self, peer: Peer, opened: Opened, payload: bytes, salt_of: Callable[[int], bytes], now: i.Now
    ) -> None:
        for part in parts.decode(payload):
            try:
                if isinstance(part, parts.Entries):
                    self._on_entries(peer, part, opened.incarnation, salt_of, now)
                elif isinstance(part, parts.Fragment):
                    self._on_fragment(peer, part, opened, now)
                else:
                    _PARTS[type(part)](self, peer, part, now)
            except Unready as error:
                self.ask_have(peer, now.boot)
                if error.code == "document-missing":
                    self._warn(error, peer.number)
            except TwoHistories as error:
                self._equivocated(self.histories.from_two(error))
            except (DecodeError, VerificationError, DocumentError) as error:
                self._warn(error, peer.number)

    def _on_announce(self, announced: datagram.Announce, now: i.Now) -> None:
        chain = self.chains.accept_announcement(announced, now)
        if chain is not None and (peer := self.peers.get(chain.sender)) is not None:
            self._heard(peer, now)
            if peer.have_at is None:
                peer.have_at = now.boot + self.settings.quiet_s

    def _on_piece(self, piece: datagram.Piece, bearer: str, now: i.Now) -> None:
        whole = self._fragments.add_piece(piece)
        if whole is not None:
            self._on_received(i.Received(whole, bearer), now)

    def _on_fragment(self, peer: Peer, part: parts.Fragment, opened: Opened, now: i.Now) -> None:
        whole = self._fragments.add(part, opened)
        if whole is not None:
            self._on_payload(peer, opened, whole.payload, whole.salt_of, now)

    def _on_entries(
        self,
        peer: Peer,
        part: parts.Entries,
        incarnation: Incarnation,
        salt_of: Callable[[int], bytes],
        now: i.Now,
    ) -> None:
        log = part.log or LogId(peer.number, incarnation)
        if log == LogId(self.me, self.incarnation):
            tree = self.own
            if tree is None or part.first + len(part.items) > tree.size:
                text = f"entries of this very run came from {peer.number}."
                self.tell(i.Warned("key-used-elsewhere", text, peer.number))
            return
        if self.roster.silent or not self._within_rate(peer, part, now):
            return
        known = self.trees.get(log) is not None
        tree, accepted, brought = self.trees.accept(log, part, salt_of, from_author=log.member == peer.number)
        if not known:
            self.holdings.begun(tree, now)
        if brought or accepted:
            peer.talk = 1.0
        else:
            peer.intake.give_back(part)
        if brought and log.member == self.me:
            # Our own history came back (D15); the receipts on it are with those who gave them.
            for other in self.peers.values():
                self.sender.came_back(other, tree)
        self.order.take(tree, accepted, now)
        out = peer.trees.get(log)
        if out is not None:
            out.confirmed = max(out.confirmed, min(part.first, tree.size))
        self.receipts.due(tree, peer.number)

    def _within_rate(self, peer: Peer, part: parts.Entries, now: i.Now) -> bool:
        """What exceeds a peer's rate is not taken, so it waits at its sender (R22, D18)."""
        taken = peer.intake.take(part, now.boot)
        if not taken:
            text = f"member {peer.number} sends faster than agreed; the rest waits there."
            self.tell(i.Warned("peer-floods", text, peer.number))
        return taken

    def apply(self, tree: Tree, content: Accepted) -> None:
        """A content newly held, ours or another's: index it, and refuse what cannot be understood (D4)."""
        entry = r.entry_key(tree.log, content.index)
        if content.statement is not None:
            self._ledger.apply(entry, content.statement)
            if tree.log.member != self.me:
                if isinstance(content.statement.content, statement.Opened):
                    self._check_previous(tree, content.statement.content)
                if content.statement.time > self._wall + limits.CLOCK_IMPLAUSIBLE_S:
                    text = f"entry {content.index} of {tree.log} states a time that lies ahead of this node's clock."
                    self.tell(i.Warned("clock-implausible", text, tree.log.member))
                self.tell(i.Arrived(r.read_entry_key(entry), content.statement.kind))
        elif tree.log.member != self.me and content.refusal is not None:
            self._ledger.arrived(entry)
            self.author.refuse(r.read_entry_key(entry), int(content.refusal), self._wall)
            self.tell(
                i.Warned(
                    "entry-refused",
                    f"entry {content.index} of {tree.log} arrived and was not understood.",
                    tree.log.member,
                )
            )

    def _check_previous(self, tree: Tree, opened: statement.Opened) -> None:
        """What a new tree says of the one before must agree with what we hold of it."""
        if opened.previous is None:
            return
        incarnation, size, root = opened.previous
        before = self.trees.get(LogId(tree.log.member, incarnation))
        if before is None:
            return
        known = self.trees.root_at(before, size)
        if known is not None and known != root:
            self.tell(
                i.Warned(
                    "history-mismatch",
                    f"{tree.origin} cites another history of the tree before.",
                    tree.log.member,
                )
            )
        elif size < before.size:
            self.tell(
                i.Warned(
                    "peer-lost-state",
                    f"member {tree.log.member} came back knowing {size} of {before.size} entries of its last tree.",
                    tree.log.member,
                )
            )

    # -- parts -----------------------------------------------------------------------------------------

    def _on_cosigned(self, peer: Peer, part: parts.Cosigned, now: i.Now) -> None:
        giver = MemberNumber(part.giver) if part.giver is not None else peer.number
        if giver == peer.number:
            self.histories.remind(peer, part.log)
        got = self.receipts.accept(part, giver, LogId(self.me, self.incarnation))
        if got is None:
            # Somebody has more of this tree than we do: say what we hold, unless its author is just sending it.
            if peer.have_at is None:
                peer.have_at = now.boot + self.settings.forward_after_s
            return
        tree, fresh = got
        if giver == peer.number and part.log.member == self.me:
            self.sender.progress(peer, tree, part.size, now)
        elif giver in self.peers and part.log in self.peers[giver].trees:
            out = self.peers[giver].trees[part.log]
            out.confirmed = max(out.confirmed, part.size)
        if fresh and len(part.signature) == parts.ED25519_BYTES and giver != self.me:
            self.tell(i.Receipted(part.log, part.size, giver, part.time))

    def _on_have(self, peer: Peer, part: parts.Have, now: i.Now) -> None:
        self.holdings.take(peer, part, now)

    def _on_query(self, peer: Peer, part: parts.Query, now: i.Now) -> None:  # model: answer query
        peer.talk = 1.0
        self.ask_have(peer, now.boot)
        self.receipts.again(peer.number, part.runs)

    def _on_gossip(self, peer: Peer, part: parts.Gossip, _now: i.Now) -> None:
        self.histories.remind(peer, part.log)
        proof, ask = self.histories.compare(part)
        if proof is not None:
            self._equivocated(proof)
        if ask is not None:
            peer.control["prove", part.log] = ask

    def _on_prove(self, peer: Peer, part: parts.Prove, _now: i.Now) -> None:
        if part.path is None:
            answer = self.histories.answer(part)
            if answer is not None:
                peer.control["proof", part.log] = answer
            return
        proof = self.histories.conclude(part)
        if proof is not None:
            self._equivocated(proof)

    def _on_evidence(self, _peer: Peer, part: parts.Evidence, _now: i.Now) -> None:
        self._equivocated(self.histories.check_evidence(part.proof))

    def _equivocated(self, found: tuple[LogId, bytes] | None) -> None:
        """Keep the proof, tell the operator, and pass it on (D15)."""
        if found is None:
            return
        log, proof = found
        if log in self.trees.disputed:
            return
        self.trees.disputed.add(log)
        self.rows.put(r.EVIDENCE, r.log_key(log), proof)
        self.tell(i.Equivocated(log))
        for peer in self.peers.values():
            peer.control["evidence", log] = parts.Evidence(proof)

    def _on_prekeys(self, peer: Peer, part: parts.Prekeys, _now: i.Now) -> None:
        self.chains.announcer.accept_prekeys(part, peer.number)

    def _on_document(self, _peer: Peer, part: parts.Document, now: i.Now) -> None:
        self.roster.take(part.note, now)

    def _on_add_document(self, given: i.AddDocument, now: i.Now) -> None:
        self.roster.add(given, now)

    def _on_padding(self, peer: Peer, part: parts.Padding, now: i.Now) -> None:
        """Nothing."""

    # -- links -----------------------------------------------------------------------------------------

    def _on_link_up(self, given: i.LinkUp, now: i.Now) -> None:
        peer = self.peers.get(given.peer)
        if peer is None:
            return
        if given.mtu < limits.MIN_MTU:
            text = f"{given.bearer} carries {given.mtu} bytes; {limits.MIN_MTU} are the least that is of use."
            self.tell(i.Warned("bearer-mtu", text, given.peer))
            return
        first = not peer.links
        peer.links[given.bearer] = Link(
            given.bearer, given.mtu, given.round_trip_s, given.bits_per_second, given.one_way, given.cost
        )
        if first:
            self.sender.restart(peer)
        else:
            self.sender.announce_again(peer)
            self.sender.also_by(peer, peer.links[given.bearer])
        peer.talk = 1.0
        peer.have_at = now.boot + self.settings.quiet_s

    def _on_link_down(self, given: i.LinkDown, _now: i.Now) -> None:
        peer = self.peers.get(given.peer)
        gone = peer.links.pop(given.bearer, None) if peer is not None else None
        if peer is not None and gone is not None and gone.pending and peer.links:
            self.sender.restart(peer)  # What it had not taken goes by another, at once.

    def _on_ready(self, given: i.Ready | i.Busy, _now: i.Now) -> None:
        peer = self.peers.get(given.peer)
        if peer is not None and given.bearer in peer.links:
            link = peer.links[given.bearer]
            link.ready = isinstance(given, i.Ready)
            if link.ready and len(peer.links) > 1:
                self.sender.also_by(peer, link)

    def _on_tick(self, _given: i.Tick, now: i.Now) -> None:
        self.sender.tick(now)

    def _on_prune(self, given: i.Prune, _now: i.Now) -> None:
        count = self.trees.erase(given.before, given.limit)
        self.tell(i.Done(given.token, count, count >= given.limit))

    def _on_countersign(self, given: i.Countersign, now: i.Now) -> None:
        self.sender.countersign(now)
        self.tell(i.Done(given.token))

    def ask_have(self, peer: Peer, at: float) -> None:
        """Say what we hold to ``peer`` at ``at``, or when it may be said again: while nothing comes of it, later."""
        earliest = max(at, peer.have_sent + self.settings.answer_interval_s * peer.talk)
        peer.have_at = earliest if peer.have_at is None else min(peer.have_at, earliest)

    # -- the end of a step -----------------------------------------------------------------------------

    def _finish(self, now: i.Now) -> None:
        self.order.release(now)
        cast_sent = self.author.write(now)
        cosigned = self.receipts.give(now.wall) if not self.roster.silent else []
        self.sender.release(cast_sent, cosigned, now)
        self.out.wake = min(self.sender.next_wake(now), self.order.wake())


_HANDLERS: Final = cast(
    "dict[type, Callable[[Line, Any, i.Now], None]]",
    {
        i.Submit: Line._on_submit,  # noqa: SLF001 - the table of the class above
        i.Received: Line._on_received,  # noqa: SLF001
        i.LinkUp: Line._on_link_up,  # noqa: SLF001
        i.LinkDown: Line._on_link_down,  # noqa: SLF001
        i.Ready: Line._on_ready,  # noqa: SLF001
        i.Busy: Line._on_ready,  # noqa: SLF001
        i.AddDocument: Line._on_add_document,  # noqa: SLF001
        i.Prune: Line._on_prune,  # noqa: SLF001
        i.Countersign: Line._on_countersign,  # noqa: SLF001
        i.Tick: Line._on_tick,  # noqa: SLF001
    },
)
_PARTS: Final = cast(
    "dict[type, Callable[[Line, Peer, Any, i.Now], None]]",
    {
        parts.Cosigned: Line._on_cosigned,  # noqa: SLF001
        parts.Have: Line._on_have,  # noqa: SLF001
        parts.Query: Line._on_query,  # noqa: SLF001
        parts.Gossip: Line._on_gossip,  # noqa: SLF001
        parts.Prove: Line._on_prove,  # noqa: SLF001
        parts.Evidence: Line._on_evidence,  # noqa: SLF001
        parts.Prekeys: Line._on_prekeys,  # noqa: SLF001
        parts.Document: Line._on_document,  # noqa: SLF001
        parts.Padding: Line._on_padding,  # noqa: SLF001
    },
)
__all__ = ["Line"]
