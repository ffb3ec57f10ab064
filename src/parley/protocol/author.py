"""Writing our own entries: drafts are checked, gathered, and signed once a step (D4)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from parley import limits
from parley.errors import DocumentError, UsageError
from parley.ids import EntryId, LogId
from parley.protocol import inputs as i
from parley.protocol import ledger
from parley.protocol import rows as r
from parley.protocol.cast import Cast, plan
from parley.protocol.entries import State, StoredEntry
from parley.protocol.tree import Accepted, Tree
from parley.wire import statement
from parley.wire.statement import EVERYONE, Kind, Mark, Message, RefusedEntry, Seen, Statement

if TYPE_CHECKING:
    from parley.protocol.line import Line

_SEEN_LOGS: Final = 8
"""Trees that one entry states it has seen; the rest follow in later entries."""
_REFERENCE_ROOM: Final = 32
"""Bytes of one encoded reference, at most."""
_SEEN_ROOM: Final = 512
"""Bytes that a draft leaves free for what it will state it has seen."""


def _may_exceed(content: Message | Mark) -> bool:
    """True when only encoding it tells whether the content fits: spares the usual message a second encoding."""
    text = len(content.body) + len(content.subject) if isinstance(content, Message) else len(content.text)
    return 4 * text + _REFERENCE_ROOM * len(content.refs) > limits.MAX_STATEMENT // 2


def _own_revoked() -> UsageError:
    return UsageError(
        "the certificate of this node's keys was revoked.",
        code="certificate-revoked",
        next_step="Restart 'parley serve': it uses the newer keys.",
    )


class Author:
    """Acts for one Line."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._drafts: list[tuple[Statement, int]] = []
        self._seen: dict[LogId, int] = {}

    def draft(self, given: i.Submit, now: i.Now) -> None:
        """Take a submission into this step's batch. Raises UsageError, DecodeError."""
        self._drafts.append((self._check(given, now), given.token))

    def refuse(self, entry: EntryId, reason: int, now_wall: int) -> None:
        """Let the record say that a content arrived and was not understood (D4)."""
        ref = statement.Reference(statement.Relation.SUBJECT, entry)
        self._drafts.append((Statement(Kind.REFUSED, now_wall, RefusedEntry((ref,), reason)), 0))

    def new_run(self) -> None:
        """The next entry begins a new tree."""
        self._seen.clear()

    def _check(self, given: i.Submit, now: i.Now) -> Statement:
        line = self._line
        revision = line.membership.current
        everyone = sum(1 << m for m in revision.members)
        to = given.to & ~(1 << line.me)
        if given.to != EVERYONE and (to == 0 or to & ~everyone):
            raise UsageError("the recipients must be other members of the line.", code="recipients-unknown")
        if line.membership.member(line.me).left:
            raise UsageError("this party has left the line.", code="line-left")
        if line.roster.silent:
            raise _own_revoked()
        if isinstance(given.content, Message) and not line.settings.understands(revision.charter, given.content):
            raise UsageError(
                f"the form {given.content.form!r} is not one of this line's charter, or is not filled in as it says.",
                code="form-unknown",
                next_step="'parley forms list' shows the forms of the line.",
            )
        if isinstance(given.content, Message) and given.content.reply_by > limits.MAX_TIME:
            raise UsageError("the time to reply by is too far away.", code="time-range")
        if isinstance(given.content, Mark):
            for ref in given.content.refs:
                self._check_markable(given.kind, ref.entry)
        if given.content.signed is not None and to and to | 1 << line.me == everyone:
            raise UsageError(
                "the members of the line changed after this was signed.",
                code="release-changed",
                next_step="Draft it anew, and let the officers sign it again.",
            )
        draft = Statement(given.kind, now.wall, given.content, EVERYONE if given.to == EVERYONE else to)
        if _may_exceed(given.content) and len(statement.encode(draft)) > limits.MAX_STATEMENT - _SEEN_ROOM:
            raise UsageError("the message is too large for one entry.", code="statement-too-large")
        return draft

    def _check_markable(self, kind: Kind, entry: EntryId) -> None:
        line = self._line
        stored = line.trees.entry(entry.log, entry.index)
        if stored is None or stored.state is not State.HELD or entry.log.member == line.me:
            raise UsageError(f"{entry} is no message to this party.", code="message-unknown")
        if line.rows.get(r.MARK, ledger.mark_key(entry, line.me, kind)) is not None:
            raise UsageError(f"{entry} is marked so already.", code="already-marked")

    def write(self, now: i.Now) -> Cast | None:  # model: write
        """Turn the drafts into entries under one signature; who can be sent them at once."""
        line = self._line
        if not self._drafts:
            return None
        drafts, self._drafts = self._drafts, []
        if line.roster.silent:
            for _, token in drafts:
                line.tell(i.Rejected(token, _own_revoked()))
            return None
        opening = line.own is None
        if opening:
            drafts.insert(0, (self._opening(now), 0))
        log = LogId(line.me, line.incarnation)
        tree = line.own or line.trees.open_own(log, line.membership.current.hash, self._certificate())
        addressed = [(self._addressed(s, tree), token) for s, token in drafts]
        with_seen = [(self._with_seen(s) if s.kind is not Kind.OPENED else s, token) for s, token in addressed]
        encoded = [(s, statement.encode(s)) for s, _ in with_seen]
        cast = plan(line, tree, encoded, now)
        stored = []
        for place, (said, data) in enumerate(encoded):
            salt = cast.salt(place) if cast is not None else line.entropy(32)
            commitment = line.trees.commitment(tree, salt, data, said.to)
            precedence = int(said.content.precedence) if isinstance(said.content, Message) else 0
            stored.append((StoredEntry(State.HELD, precedence, commitment, salt, data, said.to), said))
        first = tree.size
        line.trees.append_own(tree, stored, line.signers.checkpoint.sign)
        for index, (said, token) in enumerate(with_seen, first):
            line.apply(tree, Accepted(index, said))
            if token:
                line.tell(i.Written(token, r.read_entry_key(r.entry_key(tree.log, index))))
        line.sender.written(tree, first, [entry for entry, _ in stored], opening=opening)
        return cast

    @staticmethod
    def _addressed(said: Statement, tree: Tree) -> Statement:
        """Recipients as they are in the revision of ``tree``: it may admit members that a draft does not speak to."""
        if said.to != EVERYONE and said.to | 1 << tree.log.member == tree.everyone:
            return replace(said, to=EVERYONE)
        return said

    def _opening(self, now: i.Now) -> Statement:
        line = self._line
        last = self.last_own()
        root = line.trees.root_at(last, last.stands) if last is not None else None
        previous = (last.log.incarnation, last.stands, root) if last is not None and root is not None else None
        opened = statement.Opened(line.membership.current.hash, self._certificate(), previous, line.settings.software)
        return Statement(Kind.OPENED, now.wall, opened)

    def last_own(self) -> Tree | None:
        """The newest own tree before this run's: the one that no other own tree cites as its predecessor."""
        line = self._line
        mine = [t for t in line.trees if t.log.member == line.me and t.log.incarnation != line.incarnation]
        mine = [t for t in mine if t.stands and (t.stands == t.size or line.trees.complete(t))]
        cited = set()
        for tree in mine:
            first = line.trees.entry(tree.log, 0)
            if first is not None and first.state is State.HELD:
                opened = statement.decode(first.statement).content
                if isinstance(opened, statement.Opened) and opened.previous is not None:
                    cited.add(opened.previous[0])
        ends = [t for t in mine if t.log.incarnation not in cited]
        return max(ends, key=lambda t: t.log) if ends else None

    def _certificate(self) -> bytes:
        """The certificate that names the checkpoint key we hold."""
        line = self._line
        for hash_, _, keys in reversed(line.membership.member(line.me).certificates):
            if keys.checkpoint == line.signers.checkpoint.public:
                return hash_
        raise DocumentError("no certificate names this node's checkpoint key.", code="certificate-missing")

    def _with_seen(self, said: Statement) -> Statement:
        """State what has been seen of others since our last entry (D1): only what changed."""
        line = self._line
        news: list[Seen] = []
        for tree in line.trees:
            if tree.log.member != line.me and tree.held > self._seen.get(tree.log, 0) and len(news) < _SEEN_LOGS:
                self._seen[tree.log] = tree.held
                news.append(Seen(tree.log, tree.held))
        return replace(said, seen=tuple(news)) if news else said
