"""One line at one node: the step that turns what happened into changes, sends and events (D7).

Rules.

1. Nothing is sent that is not in the changes of this or an earlier step.
2. A receipt covers what this or an earlier step's changes make durable, and nothing more.
3. Nothing is accepted because a seal opened: entries lie under their author's checkpoint, cosignatures and
   documents carry their own signatures. HAVE, QUERY and PROVE can only make us send again.
4. What cannot be judged yet is asked for; what is wrong is dropped, counted and told, and never stops a tree.
5. Time decides when to ask and when to remind, never what to believe (D8).

An input is handled by the method that ``_HANDLERS`` names, a part by the one that ``_PARTS`` names; the step
ends with ``_finish``: entries are signed once, receipts given once, then each peer is sent what it lacks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Final, cast

from parley import limits
from parley.errors import DecodeError, DocumentError, ParleyError, SealInvalid, UsageError, VerificationError
from parley.ids import Incarnation, LogId, MemberNumber
from parley.protocol import inputs as i
from parley.protocol import ledger
from parley.protocol import membership as members
from parley.protocol import rows as r
from parley.protocol.chains import BehindChain, Chains, Opened, Signers
from parley.protocol.gossip import Histories
from parley.protocol.membership import Membership
from parley.protocol.outbox import Link, Outbox, Peer
from parley.protocol.receipts import Receipts
from parley.protocol.rows import Rows
from parley.protocol.sender import Sender
from parley.protocol.settings import Settings
from parley.protocol.trees import Accepted, State, StoredEntry, Tree, Trees, TwoHistories, Unready
from parley.wire import datagram, parts, statement
from parley.wire.documents import document_hash
from parley.wire.statement import EVERYONE, Kind, Mark, Message, RefusedEntry, Seen, Statement

_SEEN_LOGS: Final = 8
"""Trees that one entry states it has seen; the rest follow in later entries."""


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
        self._rows = rows
        self._membership = membership
        self._entropy = entropy
        self._signers = signers
        self.incarnation = Incarnation(entropy(8))
        self.chains = Chains(rows, lambda: self._membership, me, signers, self.incarnation, entropy)
        self.trees = Trees(rows, lambda: self._membership, me, self.settings.knows_form)
        self.receipts = Receipts(rows, self.trees, lambda: self._membership, me, signers)
        self.histories = Histories(rows, self.trees, lambda: self._membership)
        self.outbox = Outbox(self.trees, me)
        self.peers: dict[MemberNumber, Peer] = {}
        self.sender = Sender(self)
        self._ledger = ledger.Ledger(rows, me)
        self._drafts: list[tuple[Statement, int]] = []
        self._seen: dict[LogId, int] = {}
        self._wall = 0
        self._pieces: dict[bytes, dict[int, bytes]] = {}
        self._fragments: dict[tuple[MemberNumber, bytes, int], _Reassembly] = {}
        self.out = i.Output()
        self._sync_peers()

    # -- what the node and the faces may ask -----------------------------------------------------------

    @property
    def membership(self) -> Membership:
        """The verified membership in force."""
        return self._membership

    @property
    def own(self) -> Tree | None:
        """The tree of this run, once something was written in it."""
        return self.trees.get(LogId(self.me, self.incarnation))

    def head(self) -> Tree | None:
        """The newest own tree: this run's, or the last one before."""
        return self.own or self._last_own()

    # -- the step --------------------------------------------------------------------------------------

    def step(self, inputs: Iterable[i.Input], now: i.Now) -> i.Output:
        """Handle ``inputs`` in order at ``now``; what must be durable, then what to release."""
        self.out = i.Output()
        self._wall = now.wall
        for given in inputs:
            _HANDLERS[type(given)](self, given, now)
        self._finish(now)
        self.trees.flush()
        self.out.changes = self._rows.take()
        return self.out

    def tell(self, event: i.Event) -> None:
        """Add an event to the running step's output."""
        self.out.events.append(event)

    def _warn(self, error: ParleyError, peer: MemberNumber | None = None) -> None:
        self.tell(i.Warned(error.code, error.message, peer))

    # -- inputs ----------------------------------------------------------------------------------------

    def _on_submit(self, given: i.Submit, now: i.Now) -> None:
        try:
            self._drafts.append((self._draft(given, now), given.token))
        except (UsageError, DecodeError) as error:
            self.tell(i.Rejected(given.token, error))

    def _draft(self, given: i.Submit, now: i.Now) -> Statement:
        revision = self._membership.current
        everyone = sum(1 << m for m in revision.members)
        to = given.to & ~(1 << self.me)
        if given.to != EVERYONE and (to == 0 or to & ~everyone):
            raise UsageError("the recipients must be other members of the line.", code="recipients-unknown")
        if self._membership.member(self.me).left:
            raise UsageError("this party has left the line.", code="line-left")
        if to | 1 << self.me == everyone:
            to = EVERYONE
        if isinstance(given.content, Message) and not self.settings.knows_form(given.content.form):
            raise UsageError(f"the form {given.content.form!r} is not known here.", code="form-unknown")
        if isinstance(given.content, Mark):
            for ref in given.content.refs:
                self._check_markable(given.kind, ref.entry)
        draft = Statement(given.kind, now.wall, given.content, to)
        statement.encode(draft)
        return draft

    def _check_markable(self, kind: Kind, entry: Any) -> None:  # noqa: ANN401 - EntryId
        stored = self.trees.entry(entry.log, entry.index)
        if stored is None or stored.state is not State.HELD or entry.log.member == self.me:
            raise UsageError(f"{entry} is no message to this party.", code="message-unknown")
        if self._rows.get(r.MARK, ledger.mark_key(entry, self.me, kind)) is not None:
            raise UsageError(f"{entry} is marked so already.", code="already-marked")

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
            peer = self.peers.get(error.sender)
            if peer is not None and now.boot - peer.have_sent > self.settings.answer_interval_s:
                self.ask_have(peer, now.boot)
        except SealInvalid as error:
            self._warn(error)
            if error.code == "seal-unknown-chain":
                for peer in self.peers.values():
                    if peer.links and now.boot - peer.have_sent > self.settings.answer_interval_s:
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
        """Pieces of an announcement: bounded, and believed only once the whole opens."""
        while len(self._pieces) > limits.MAX_REASSEMBLIES:
            del self._pieces[next(iter(self._pieces))]
        got = self._pieces.setdefault(piece.id + bytes((piece.count,)), {})
        got[piece.index] = piece.data
        if len(got) == piece.count:
            whole = b"".join(got[n] for n in range(piece.count))
            del self._pieces[piece.id + bytes((piece.count,))]
            self._on_received(i.Received(whole, bearer), now)

    def _on_fragment(self, peer: Peer, part: parts.Fragment, opened: Opened, now: i.Now) -> None:
        key = (peer.number, opened.mask.to_bytes(4, "big") + opened.incarnation, part.start)
        mine = [k for k in self._fragments if k[0] == peer.number and k != key]
        for old in mine[: max(0, len(mine) + 1 - limits.MAX_REASSEMBLIES)]:
            del self._fragments[old]
        whole = self._fragments.setdefault(key, _Reassembly(part.count))
        payload = whole.add(part, opened)
        if payload is not None and whole.salt_of is not None:
            del self._fragments[key]
            self._on_payload(peer, opened, payload, whole.salt_of, now)

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
                self.tell(
                    i.Warned(
                        "key-used-elsewhere",
                        f"entries of this very run came from {peer.number}.",
                        peer.number,
                    )
                )
            return
        if not self._within_rate(peer, part, now):
            return
        tree, accepted, _ = self.trees.accept(log, part, salt_of, from_author=log.member == peer.number)
        for content in accepted:
            self._apply(tree, content)
        out = peer.trees.get(log)
        if out is not None:
            out.confirmed = max(out.confirmed, min(part.first, tree.size))
        self.receipts.due(tree, peer.number)

    def _within_rate(self, peer: Peer, part: parts.Entries, now: i.Now) -> bool:
        """A bucket of bytes a peer; what exceeds it is not taken, so it waits at its sender (R22, D18)."""
        size = sum(len(x.statement) + 64 if isinstance(x, parts.Opening) else 64 for x in part.items)
        refill = (now.boot - peer.tokens_at) * self.settings.rate_bytes_per_s
        peer.tokens = min(self.settings.burst_bytes, peer.tokens + refill)
        peer.tokens_at = now.boot
        if peer.tokens < 0:
            self.tell(
                i.Warned(
                    "peer-floods",
                    f"member {peer.number} sends faster than agreed; the rest waits there.",
                    peer.number,
                )
            )
            return False
        peer.tokens -= size
        return True

    def _apply(self, tree: Tree, content: Accepted) -> None:
        """A content newly held, ours or another's: index it, and refuse what cannot be understood (D4)."""
        entry = r.entry_key(tree.log, content.index)
        if content.statement is not None:
            self._ledger.apply(entry, content.statement)
            if tree.log.member != self.me:
                if isinstance(content.statement.content, statement.Opened):
                    self._check_previous(tree, content.statement.content)
                self.tell(i.Arrived(r.read_entry_key(entry), content.statement.kind))
        elif tree.log.member != self.me and content.refusal is not None:
            self._ledger.arrived(entry)
            ref = statement.Reference(statement.Relation.SUBJECT, r.read_entry_key(entry))
            refused = RefusedEntry((ref,), int(content.refusal))
            self._drafts.append((Statement(Kind.REFUSED, self._wall, refused), 0))
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
        got = self.receipts.accept(part, giver)
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
        self.sender.peer_has(peer, part, now)

    def _on_query(self, peer: Peer, part: parts.Query, now: i.Now) -> None:
        del part
        if now.boot - peer.have_sent > self.settings.answer_interval_s:
            peer.have_at = now.boot
            for tree in self.trees:
                if tree.log.member == peer.number:
                    self.receipts.again(tree, peer.number)

    def _on_gossip(self, peer: Peer, part: parts.Gossip, now: i.Now) -> None:
        del now
        proof, ask = self.histories.compare(part)
        if proof is not None:
            self._equivocated(proof)
        if ask is not None:
            peer.control["prove", part.log] = ask

    def _on_prove(self, peer: Peer, part: parts.Prove, now: i.Now) -> None:
        del now
        if part.path is None:
            answer = self.histories.answer(part)
            if answer is not None:
                peer.control["proof", part.log] = answer
            return
        proof = self.histories.conclude(part)
        if proof is not None:
            self._equivocated(proof)

    def _on_evidence(self, peer: Peer, part: parts.Evidence, now: i.Now) -> None:
        del peer, now
        self._equivocated(self.histories.check_evidence(part.proof))

    def _equivocated(self, found: tuple[LogId, bytes] | None) -> None:
        """Keep the proof, tell the operator, and pass it on (D15)."""
        if found is None:
            return
        log, proof = found
        if self._rows.get(r.EVIDENCE, r.log_key(log)) is not None:
            return
        self._rows.put(r.EVIDENCE, r.log_key(log), proof)
        self.tell(i.Equivocated(log))
        for peer in self.peers.values():
            peer.control["evidence", log] = parts.Evidence(proof)

    def _on_prekeys(self, peer: Peer, part: parts.Prekeys, now: i.Now) -> None:
        del now
        self.chains.accept_prekeys(part, peer.number)

    def _on_document(self, peer: Peer, part: parts.Document, now: i.Now) -> None:
        del peer
        self._add_document(part.note, now)

    def _on_padding(self, peer: Peer, part: parts.Padding, now: i.Now) -> None:
        """Nothing."""

    # -- documents -------------------------------------------------------------------------------------

    def _on_add_document(self, given: i.AddDocument, now: i.Now) -> None:
        try:
            self._add_document(given.note, now)
        except (DecodeError, DocumentError) as error:
            self._warn(error)

    def _add_document(self, note: bytes, now: i.Now) -> None:
        before = self._membership
        after = members.extend(before, note)
        if after is before:
            return
        self._membership = after
        for hash_ in after.notes.keys() - before.notes.keys():
            self._rows.put(r.DOCUMENT, hash_, after.notes[hash_])
        if after.current.hash != before.current.hash:
            # Members and audience widths are fixed for a tree, so a new revision begins a new one.
            self.incarnation = Incarnation(self._entropy(8))
            self.chains.incarnation = self.incarnation
            self.chains.knows_us.clear()
            self._seen.clear()
        self._sync_peers()
        self.tell(i.MembershipChanged())
        for peer in self.peers.values():
            self.ask_have(peer, now.boot)

    def _sync_peers(self) -> None:
        wanted = self._membership.peers(self.me)
        for number in wanted:
            if number not in self.peers:
                peer = Peer(number, tokens=float(self.settings.burst_bytes))
                self.peers[number] = peer
                for tree in self.trees:
                    if tree.log.member == self.me:
                        self.sender.follow(peer, tree)
        for number in set(self.peers) - set(wanted):
            del self.peers[number]

    # -- links -----------------------------------------------------------------------------------------

    def _on_link_up(self, given: i.LinkUp, now: i.Now) -> None:
        peer = self.peers.get(given.peer)
        if peer is None:
            return
        first = not peer.links
        peer.links[given.bearer] = Link(
            given.bearer, given.mtu, given.round_trip_s, given.bits_per_second, given.one_way, given.cost
        )
        if first:
            self.sender.restart(peer)
        peer.have_at = now.boot + self.settings.quiet_s

    def _on_link_down(self, given: i.LinkDown, now: i.Now) -> None:
        del now
        peer = self.peers.get(given.peer)
        if peer is not None:
            peer.links.pop(given.bearer, None)

    def _on_ready(self, given: i.Ready | i.Busy, now: i.Now) -> None:
        del now
        peer = self.peers.get(given.peer)
        if peer is not None and given.bearer in peer.links:
            peer.links[given.bearer].ready = isinstance(given, i.Ready)

    def _on_tick(self, given: i.Tick, now: i.Now) -> None:
        del given
        self.sender.tick(now)

    def _on_prune(self, given: i.Prune, now: i.Now) -> None:
        del now
        count = self.trees.erase(given.before, given.limit)
        self.tell(i.Done(given.token, count, count >= given.limit))

    def _on_countersign(self, given: i.Countersign, now: i.Now) -> None:
        self.sender.countersign(now)
        self.tell(i.Done(given.token))

    def ask_have(self, peer: Peer, at: float) -> None:
        """Say what we hold to ``peer`` at ``at`` or before."""
        peer.have_at = at if peer.have_at is None else min(peer.have_at, at)

    def chains_announce_again(self, peer: Peer) -> None:
        """Let the next datagram to ``peer`` be preceded by the announcement of a chain it has not confirmed."""
        for chain in self.chains.send_chains_with(peer.number):
            chain.announced.pop(peer.number, None)

    # -- the end of a step -----------------------------------------------------------------------------

    def _finish(self, now: i.Now) -> None:
        cast_sent = self._write(now) if self._drafts else None
        cosigned = self.receipts.give(now.wall)
        self.sender.release(cast_sent, cosigned, now)
        self.out.wake = self.sender.next_wake(now)

    def _write(self, now: i.Now) -> Any:  # noqa: ANN401 - sender.Cast or None
        drafts, self._drafts = self._drafts, []
        opening = self.own is None
        if opening:
            drafts.insert(0, (self._opening(now), 0))
        log = LogId(self.me, self.incarnation)
        tree = self.own or self.trees.open_own(log, self._membership.current.hash, self._certificate())
        with_seen = [(self._with_seen(s) if s.kind is not Kind.OPENED else s, token) for s, token in drafts]
        encoded = [(s, statement.encode(s)) for s, _ in with_seen]
        cast = self.sender.plan(tree, encoded, now)
        stored = []
        for place, (said, data) in enumerate(encoded):
            salt = cast.salt(place) if cast is not None else self._entropy(32)
            commitment = self.trees.commitment(tree, salt, data, said.to)
            precedence = int(said.content.precedence) if isinstance(said.content, Message) else 0
            stored.append((StoredEntry(State.HELD, precedence, commitment, salt, data, said.to), said))
        first = tree.size
        self.trees.append_own(tree, stored, self._signers.checkpoint.sign)
        for index, (said, token) in enumerate(with_seen, first):
            self._apply(tree, Accepted(index, said))
            if token:
                self.tell(i.Written(token, r.read_entry_key(r.entry_key(tree.log, index))))
        self.sender.written(tree, first, [entry for entry, _ in stored], opening=opening)
        return cast

    def _opening(self, now: i.Now) -> Statement:
        last = self._last_own()
        previous = (last.log.incarnation, last.size, last.root) if last is not None else None
        opened = statement.Opened(self._membership.current.hash, self._certificate(), previous, self.settings.software)
        return Statement(Kind.OPENED, now.wall, opened)

    def _last_own(self) -> Tree | None:
        """The newest own tree before this run's: the one that no other own tree cites as its predecessor."""
        mine = [t for t in self.trees if t.log.member == self.me and t.log.incarnation != self.incarnation]
        cited = set()
        for tree in mine:
            first = self.trees.entry(tree.log, 0)
            if first is not None and first.state is State.HELD:
                opened = statement.decode(first.statement).content
                if isinstance(opened, statement.Opened) and opened.previous is not None:
                    cited.add(opened.previous[0])
        ends = [t for t in mine if t.log.incarnation not in cited]
        return max(ends, key=lambda t: t.log) if ends else None

    def _certificate(self) -> bytes:
        """The certificate that names the checkpoint key we hold."""
        for hash_, _, keys in reversed(self._membership.member(self.me).certificates):
            if keys.checkpoint == self._signers.checkpoint.public:
                return hash_
        raise DocumentError("no certificate names this node's checkpoint key.", code="certificate-missing")

    def _with_seen(self, said: Statement) -> Statement:
        """State what has been seen of others since our last entry (D1): only what changed."""
        news: list[Seen] = []
        for tree in self.trees:
            if tree.log.member != self.me and tree.held > self._seen.get(tree.log, 0) and len(news) < _SEEN_LOGS:
                self._seen[tree.log] = tree.held
                news.append(Seen(tree.log, tree.held))
        return replace(said, seen=tuple(news)) if news else said

    def document_hashes(self) -> tuple[bytes, ...]:
        """The first 8 bytes of each document's hash, for HAVE."""
        return tuple(sorted(h[:8] for h in self._membership.notes))


class _Reassembly:
    """The fragments of one payload; each was sealed on its own, so all are authentic (D17)."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._got: dict[int, bytes] = {}
        self._size = 0
        self.salt_of: Callable[[int], bytes] | None = None

    def add(self, part: parts.Fragment, opened: Opened) -> bytes | None:
        if part.count != self._count:
            raise DecodeError("fragments of one payload disagree on their number.", code="fragment-malformed")
        if opened.counter == part.start:
            self.salt_of = opened.keys.salt
        if part.index not in self._got:
            self._size += len(part.data)
            if self._size > limits.MAX_PAYLOAD:
                raise DecodeError("a fragmented payload exceeds its bound.", code="payload-too-large")
            self._got[part.index] = part.data
        if len(self._got) < self._count:
            return None
        return b"".join(self._got[n] for n in range(self._count))


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
__all__ = ["Line", "document_hash"]
