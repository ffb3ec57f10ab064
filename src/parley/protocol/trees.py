"""The trees of one line as this node holds them: its own, written; the others', verified.

Theory. A tree's commitments are held without a gap from 0 to ``size``, and always end at a checkpoint that
its author signed. Contents may be missing for a while (FLASH overtakes, D3): those indexes are ``holes``.
``held`` is the first hole, or ``size``: below it everything addressed to us is here, and a receipt may say so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from parley import limits
from parley.crypto.signing import verify_ed25519
from parley.errors import DecodeError, Equivocation, ProofInvalid, VerificationError
from parley.ids import LogId, MemberNumber
from parley.protocol import rows as r
from parley.protocol.entries import PRECEDENCE_AT, State, StoredEntry
from parley.protocol.membership import Membership
from parley.protocol.rows import Rows
from parley.protocol.tree import Accepted, Before, Tree, revoked
from parley.record import commitment as blind
from parley.record.checkpoint import Checkpoint, origin_of
from parley.record.rfc6962 import Frontier, leaf_hash, root_hash
from parley.wire import cbor, statement
from parley.wire.documents import Charter
from parley.wire.note import COSIGNATURE_ED25519
from parley.wire.parts import Blind, Entries, Gone, Item, NotForYou, Opening
from parley.wire.statement import EVERYONE, Opened, Precedence, Refusal, Statement


class Unready(VerificationError):
    """What arrived cannot be judged yet: something before it, or a document, is missing. Ask for it."""

    default_code = "entries-unready"


@dataclass(frozen=True, slots=True)
class _Read:
    """An item with its commitment computed, and its content where it has one."""

    stored: StoredEntry
    content: Accepted | None = None


class Trees:
    """All trees of a line. ``understands`` says whether a message can be shown as what it says it is."""

    def __init__(
        self,
        rows: Rows,
        membership: Callable[[], Membership],
        me: MemberNumber,
        understands: Callable[[Charter, statement.Message], bool],
    ) -> None:
        self._rows = rows
        self._membership = membership
        self._me = me
        self._understands = understands
        self._dirty: dict[LogId, Tree] = {}
        self._openings: dict[LogId, Opened] = {}
        self.disputed = {r.read_log_key(key) for key, _ in rows.scan(r.EVIDENCE)}
        """Trees of which two histories are proven: they get no more receipts."""
        loaded = (self._load(r.read_log_key(key), value) for key, value in rows.scan(r.LOG))
        self._trees = {tree.log: tree for tree in loaded}
        self.disputed -= {tree.log for tree in self if tree.closed is not None and self.complete(tree)}

    def __iter__(self) -> Iterator[Tree]:
        return iter(list(self._trees.values()))

    def get(self, log: LogId) -> Tree | None:
        """The tree, when any of it is held."""
        return self._trees.get(log)

    def entry(self, log: LogId, index: int) -> StoredEntry | None:
        """One entry as it is held."""
        value = self._rows.get(r.ENTRY, r.entry_key(log, index))
        return None if value is None else StoredEntry.decode(value)

    def entries(self, log: LogId, first: int, end: int) -> Iterator[tuple[int, StoredEntry]]:
        """Entries first to end - 1 in order."""
        for key, value in self._rows.scan(r.ENTRY, r.entry_key(log, first), r.entry_key(log, end)):
            yield int.from_bytes(key[9:13], "big"), StoredEntry.decode(value)

    def opening(self, log: LogId) -> Opened | None:
        """What the first entry of a tree says, which never changes; None when the tree is not known."""
        known = self._openings.get(log)
        if known is None:
            entry = self.entry(log, 0)
            content = statement.decode(entry.statement).content if entry is not None and entry.statement else None
            if isinstance(content, Opened):
                known = self._openings[log] = content
        return known

    def before(self, log: LogId) -> Before | None:
        """The tree that its author wrote before ``log``, as ``log`` itself cites it; None where it cites none."""
        opened = self.opening(log)
        if opened is None or opened.previous is None:
            return None
        incarnation, size, root = opened.previous
        return Before(LogId(log.member, incarnation), size, root)

    def urgent(self, log: LogId, first: int, end: int) -> Iterator[tuple[int, int]]:
        """Precedence and index of the held entries first to end - 1 above ROUTINE. There may be many others."""
        for key, value in self._rows.scan(r.ENTRY, r.entry_key(log, first), r.entry_key(log, end)):
            if value[PRECEDENCE_AT] > Precedence.ROUTINE and StoredEntry.decode(value).state is State.HELD:
                yield value[PRECEDENCE_AT], int.from_bytes(key[9:13], "big")

    # -- writing our own -------------------------------------------------------------------------------

    def open_own(self, log: LogId, revision: bytes, certificate: bytes) -> Tree:
        """A new empty tree of ours."""
        if log in self._trees:
            raise Equivocation(f"the tree {log} was opened before.", code="incarnation-reused")
        tree = self._make(log, revision, certificate, Frontier.empty())
        self._trees[log] = tree
        return tree

    def commitment(self, tree: Tree, salt: bytes, data: bytes, to: int) -> bytes:
        """The leaf data of an entry of ``tree`` addressed to ``to`` (D3)."""
        if to == EVERYONE:
            return blind.commit(salt, data)
        return blind.commit_for(salt, data, to | 1 << tree.log.member, tree.members)

    def append_own(
        self, tree: Tree, entries: Sequence[tuple[StoredEntry, Statement]], sign: Callable[[bytes], bytes]
    ) -> None:
        """Append ``entries`` and sign the checkpoint that covers them: one signature a batch (D4)."""
        first = tree.size
        tree.frontier = tree.frontier.extend([leaf_hash(e.commitment) for e, _ in entries])
        for place, (stored, _) in enumerate(entries):
            self._rows.put(r.ENTRY, r.entry_key(tree.log, first + place), stored.encode())
        tree.root = tree.frontier.root()
        tree.signature = sign(tree.checkpoint().body())
        self._signed(tree)

    def _signed(self, tree: Tree) -> None:
        tree.remember(tree.size, tree.root)
        key = r.log_key(tree.log) + tree.size.to_bytes(4, "big")
        self._rows.put(r.SIGNED, key, tree.root + tree.signature)
        self.store(tree)

    # -- taking in others' -----------------------------------------------------------------------------

    def accept(  # model: take entry
        self, log: LogId, part: Entries, salt_of: Callable[[int], bytes], *, from_author: bool
    ) -> tuple[Tree, list[Accepted], bool]:
        """Verify ``part`` and keep what is new of it; also True when it brought any new commitment.

        Verification, in order (spec/protocol.md section 5):

        1. the tree is known, or ``part`` begins it with an ``opened`` statement whose revision and
           certificate are known documents of the line; otherwise Unready; where that certificate is
           revoked, ``part`` does not go beyond the closing head, and gives its root where it reaches it;
        2. there is no gap between what is held and what comes; otherwise Unready;
        3. what is held already agrees with what comes; otherwise the signature decides: Equivocation when
           the author signed both, ProofInvalid when it did not;
        4. the author's checkpoint key signed the root over everything up to the end of ``part``;
        5. every content agrees with its commitment (by construction: the commitment is computed from it);
        6. every "not for you" proves itself.

        Nothing is kept unless all of it holds. Raises VerificationError.
        """
        tree = self._trees.get(log)
        fresh = tree is None
        if tree is None:
            tree = self._begin(log, part)
        if part.first > tree.size:
            raise Unready(f"entries of {log} from {part.first}, but only {tree.size} are here.")
        if tree.closed is not None and part.first + len(part.items) > tree.closed.size:
            raise revoked(f"what {log} has from {tree.closed.size} on")
        read = self._read(tree, part, salt_of, from_author=from_author)
        known = min(len(read), tree.size - part.first)
        self._check_known(tree, part, read[:known], read)
        new = read[known:]
        if new:
            frontier = tree.frontier.extend([leaf_hash(x.stored.commitment) for x in new])
            root = frontier.root()
            if tree.closed is not None and frontier.size == tree.closed.size and root != tree.closed.root:
                raise revoked(f"another history of {log} than the one that was closed")
            verify_ed25519(tree.keys.checkpoint, Checkpoint(tree.origin, frontier.size, root).body(), part.signature)
            tree.frontier, tree.root, tree.signature = frontier, root, part.signature
        if fresh:
            self._trees[log] = tree
        accepted = [self._keep(tree, part.first + place, x, is_new=place >= known) for place, x in enumerate(read)]
        if new:
            self._signed(tree)
            if tree.closed is not None and self.complete(tree):
                self.disputed.discard(log)
        else:
            self.store(tree)
        return tree, [a for a in accepted if a is not None], bool(new)

    def _begin(self, log: LogId, part: Entries) -> Tree:
        if part.first != 0 or not isinstance(part.items[0], Opening):
            raise Unready(f"the tree {log} is not known here, and this is not its beginning.")
        try:
            opened = statement.decode(part.items[0].statement)
        except DecodeError as error:
            raise ProofInvalid(f"the tree {log} does not begin as one.", code="opened-malformed") from error
        if sum(1 for t in self._trees if t.member == log.member) >= limits.MAX_LOGS_PER_MEMBER:
            raise VerificationError(f"member {log.member} has opened too many trees.", code="too-many-trees")
        if not isinstance(opened.content, Opened) or opened.to != EVERYONE:
            raise ProofInvalid(f"the tree {log} does not begin with an opening.", code="opened-malformed")
        return self._make(log, opened.content.revision, opened.content.certificate, Frontier.empty())

    def _make(self, log: LogId, revision_hash: bytes, certificate: bytes, frontier: Frontier) -> Tree:
        membership = self._membership()
        revision = membership.revision(revision_hash)
        author = membership.members.get(log.member)
        if revision is None or author is None or log.member not in revision.members:
            raise Unready(
                f"the charter revision under which {log} was opened is not known here.",
                code="document-missing",
            )
        keys = author.keys_for(certificate)
        if keys is None:
            raise Unready(f"the certificate under which {log} was opened is not known here.", code="document-missing")
        return Tree(
            log,
            origin_of(membership.line, author.code, log.incarnation),
            revision_hash,
            certificate,
            keys,
            sum(1 << m for m in revision.members),
            max(revision.members) + 1,
            frontier,
            author.closing(certificate, log.incarnation),
        )

    def _read(self, tree: Tree, part: Entries, salt_of: Callable[[int], bytes], *, from_author: bool) -> list[_Read]:
        read: list[_Read] = []
        ordinal = 0
        for place, item in enumerate(part.items):
            salt = b""
            if isinstance(item, Opening):
                salt = item.salt if item.salt is not None else salt_of(ordinal)
                ordinal += item.salt is None
            if isinstance(item, Gone) and not from_author:
                item = Blind(item.commitment)  # noqa: PLW2901 - only its author can say that a content is gone
            read.append(self._read_item(tree, part.first + place, item, salt))
        return read

    def _read_item(self, tree: Tree, index: int, item: Item, salt: bytes) -> _Read:
        match item:
            case Opening(data, _):
                return self._read_content(tree, index, data, salt)
            case Blind(commitment):
                return _Read(StoredEntry(State.BLIND, 0, commitment))
            case Gone(commitment):
                return _Read(StoredEntry(State.GONE, 0, commitment), Accepted(index, None, Refusal.ERASED))
            case NotForYou(statement_hash, short_salt, path):
                exclusion = blind.Exclusion(statement_hash, short_salt, path)
                commitment = blind.excluded_commitment(self._me, tree.members, exclusion)
                return _Read(StoredEntry(State.NOT_FOR_US, 0, commitment))

    def _read_content(self, tree: Tree, index: int, data: bytes, salt: bytes) -> _Read:
        precedence = 0
        refusal: Refusal | None = None
        parsed: Statement | None = None
        to = EVERYONE
        try:
            parsed = statement.decode(data)
            to = parsed.to
        except statement.UnknownKind:
            refusal, to = Refusal.UNKNOWN_KIND, statement.audience(data)
        except DecodeError as error:
            large = error.code == "statement-too-large"
            refusal = Refusal.TOO_LARGE if large else Refusal.UNDECODABLE
            to = statement.audience(data)
        if parsed is not None and isinstance(parsed.content, statement.Message):
            precedence = int(parsed.content.precedence)
            revision = self._membership().revision(tree.revision)
            if revision is None or not self._understands(revision.charter, parsed.content):
                refusal = Refusal.UNKNOWN_FORM
        if parsed is not None and isinstance(parsed.content, Opened) and index:
            refusal, parsed = Refusal.UNDECODABLE, None
        commitment = self.commitment(tree, salt, data, to)
        return _Read(
            StoredEntry(State.HELD, precedence, commitment, salt, data, to),
            Accepted(index, None if refusal is not None else parsed, refusal),
        )

    def _check_known(self, tree: Tree, part: Entries, known: Sequence[_Read], all_read: Sequence[_Read]) -> None:
        if not known:
            return
        stored = self.entries(tree.log, part.first, part.first + len(known))
        for (index, mine), theirs in zip(stored, known, strict=True):
            if mine.commitment != theirs.stored.commitment:
                self._two_histories(tree, part, all_read, index)

    def _two_histories(self, tree: Tree, part: Entries, read: Sequence[_Read], index: int) -> None:
        """Step 3: see whether the author signed what disagrees with what it signed before."""
        if tree.closed is not None and self.complete(tree):
            raise revoked(f"another history of {tree.log} than the one that was closed")
        leaves = [leaf_hash(e.commitment) for _, e in self.entries(tree.log, 0, part.first)]
        leaves += [leaf_hash(x.stored.commitment) for x in read]
        other = Checkpoint(tree.origin, len(leaves), root_hash(leaves))
        if part.signature:
            verify_ed25519(tree.keys.checkpoint, other.body(), part.signature)
            raise TwoHistories(tree, other, part.signature, leaves)
        raise ProofInvalid(f"entry {index} of {tree.log} is not the one that its author signed.", code="entry-differs")

    def _keep(self, tree: Tree, index: int, read: _Read, *, is_new: bool) -> Accepted | None:
        blind = read.stored.state is State.BLIND
        if not is_new and (blind or index not in tree.holes):
            return None
        self._rows.put(r.ENTRY, r.entry_key(tree.log, index), read.stored.encode())
        (tree.holes.add if blind else tree.holes.discard)(index)
        return read.content

    # -- asking ----------------------------------------------------------------------------------------

    def leaf_hashes(self, log: LogId, end: int) -> list[bytes]:
        """The first ``end`` leaf hashes. Reads as many rows."""
        return [leaf_hash(e.commitment) for _, e in self.entries(log, 0, end)]

    def root_at(self, tree: Tree, size: int) -> bytes | None:
        """The root at ``size``; None beyond what is held. Cheap at signed sizes, a scan elsewhere."""
        if size > tree.size:
            return None
        if size == tree.size:
            return tree.root
        known = tree.roots.get(size)
        if known is None:
            row = self._rows.get(r.SIGNED, r.log_key(tree.log) + size.to_bytes(4, "big"))
            known = row[:32] if row is not None else root_hash(self.leaf_hashes(tree.log, size))
            tree.remember(size, known)
        return known

    def signed_size_within(self, tree: Tree, low: int, high: int) -> tuple[int, bytes, bytes] | None:
        """The greatest signed size in low < size <= high, with its root and signature."""
        prefix = r.log_key(tree.log)
        start = prefix + (low + 1).to_bytes(4, "big")
        end = prefix + (high + 1).to_bytes(4, "big")
        for key, value in self._rows.scan(r.SIGNED, start, end, reverse=True, limit=1):
            return int.from_bytes(key[9:13], "big"), value[:32], value[32:]
        return None

    def signed_size_from(self, tree: Tree, low: int) -> tuple[int, bytes, bytes] | None:
        """The smallest signed size >= low, with its root and signature."""
        prefix = r.log_key(tree.log)
        for key, value in self._rows.scan(r.SIGNED, prefix + low.to_bytes(4, "big"), r.after(prefix), limit=1):
            return int.from_bytes(key[9:13], "big"), value[:32], value[32:]
        return None

    # -- closing ---------------------------------------------------------------------------------------

    def close(self) -> list[Tree]:
        """Go by the revocations that are known now (ADR 90); the trees that they newly close, or close sooner."""
        closed: list[Tree] = []
        for tree in self:
            author = self._membership().members.get(tree.log.member)
            head = author.closing(tree.certificate, tree.log.incarnation) if author is not None else None
            if head is not None and head != tree.closed:
                tree.closed = head
                closed.append(tree)
                if self.complete(tree):
                    self.disputed.discard(tree.log)
        return closed

    def complete(self, tree: Tree) -> bool:
        """True when a closed ``tree`` is here up to its closing head, and is the history that was closed."""
        return tree.closed is not None and self.root_at(tree, tree.closed.size) == tree.closed.root

    def receiptable(self, tree: Tree) -> Checkpoint | None:
        """The greatest head that a receipt may cover: all contents are here, and its author has not revoked it."""
        if tree.log in self.disputed:
            return None
        if tree.closed is not None and tree.held >= tree.closed.size:
            return Checkpoint(tree.origin, *tree.closed) if tree.closed.size and self.complete(tree) else None
        if not tree.holes:
            return tree.checkpoint() if tree.size else None
        found = self.signed_size_within(tree, 0, tree.held)
        return Checkpoint(tree.origin, found[0], found[1]) if found is not None else None

    # -- retention -------------------------------------------------------------------------------------

    def erase(self, before: int, limit: int) -> int:
        """Erase the contents of messages stated before ``before``; commitments stay, so proofs hold (D3).

        What does not pass stays: without it the record could not be read. Our own messages stay until every
        recipient's receipt covers them.
        """
        erased = 0
        for tree in self:
            for index, entry in list(self._rows_erasable(tree)):
                if erased >= limit:
                    return erased
                try:
                    said = statement.decode(entry.statement)
                except DecodeError:
                    continue
                if said.time < before and statement.passes(said.content):
                    gone = StoredEntry(State.ERASED, entry.precedence, entry.commitment, audience=entry.audience)
                    self._rows.put(r.ENTRY, r.entry_key(tree.log, index), gone.encode())
                    erased += 1
        return erased

    def _rows_erasable(self, tree: Tree) -> Iterator[tuple[int, StoredEntry]]:
        end = tree.size
        if tree.log.member == self._me:
            members = [m for m in range(tree.members) if tree.everyone >> m & 1 and m != self._me]
            end = min((tree.receipts.get(m, 0) for m in members), default=tree.size)
        return ((i, e) for i, e in self.entries(tree.log, 0, end) if e.state is State.HELD)

    # -- rows ------------------------------------------------------------------------------------------

    def store(self, tree: Tree) -> None:
        """Let the tree's row be put at the end of the step."""
        self._dirty[tree.log] = tree

    def flush(self) -> None:
        """Put the rows of the trees that changed, once each."""
        for tree in self._dirty.values():
            self._put(tree)
        self._dirty.clear()

    def _put(self, tree: Tree) -> None:
        value = cbor.encode(
            [
                tree.revision,
                tree.certificate,
                tree.frontier.encode(),
                tree.root,
                tree.signature,
                sorted(tree.holes),
                tree.receipted,
                {m: size for m, size in tree.receipts.items() if size},
            ]
        )
        self._rows.put(r.LOG, r.log_key(tree.log), value)

    def _load(self, log: LogId, value: bytes) -> Tree:
        fields = cbor.decode(value, limit=limits.MAX_PAYLOAD)
        revision, certificate, frontier, root, signature, holes, receipted, receipts = fields
        tree = self._make(log, revision, certificate, Frontier.decode(frontier))
        tree.root, tree.signature, tree.holes, tree.receipted = root, signature, set(holes), receipted
        tree.receipts = dict(receipts)
        self._count_receipts(tree)
        tree.remember(tree.size, root)
        return tree

    def _count_receipts(self, tree: Tree) -> None:
        """A receipt alone does not rewrite its tree's row: what has come since is in the receipts' own rows."""
        for member in range(tree.members):
            row = self._rows.last(r.RECEIPT, r.receipt_key(tree.log, member, COSIGNATURE_ED25519))
            size = int.from_bytes(row[0][-4:], "big") if row is not None else 0
            if member == self._me:
                tree.receipted = max(tree.receipted, size)
            elif size > tree.receipts.get(member, 0):
                tree.receipts[member] = size


class TwoHistories(Equivocation):
    """The author signed two trees of one origin. Carries what a proof is made of."""

    def __init__(self, tree: Tree, other: Checkpoint, signature: bytes, leaves: Sequence[bytes]) -> None:
        super().__init__(f"{tree.origin} was signed with two histories.")
        self.tree = tree
        self.other = other
        self.signature = signature
        self.leaves = leaves
