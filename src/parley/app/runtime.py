"""A line's node put together from its home: keys, store, head file, bearers, core (the composition root)."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from parley import __version__
from parley.app import config as configuration
from parley.app.forms import Understands, forms_of, keep
from parley.app.home import LineHome
from parley.app.officers import Officers
from parley.app.refill import LOSSES, tell_refill
from parley.app.repeats import Repeats
from parley.app.testimony import OfficerKeys
from parley.app.views import Views
from parley.app.watchrules import Rules, load_rules
from parley.bearers.tls import TlsBearer
from parley.bearers.tls_channel import TlsIdentity
from parley.errors import DocumentError, ParleyError, StoreError
from parley.forms.library import Forms
from parley.ids import EntryId, MemberNumber
from parley.keys.file import NodeKeyFile
from parley.node.clock import SystemClock, system_entropy
from parley.node.loop import Node
from parley.ports import Bearer, Entropy, Store
from parley.procedure.outgoing import check_alone
from parley.protocol import inputs as i
from parley.protocol import membership as members
from parley.protocol import rows as r
from parley.protocol.entries import State
from parley.protocol.line import Line
from parley.protocol.membership import Membership
from parley.protocol.rows import Rows
from parley.protocol.settings import Settings
from parley.protocol.signers import Signers
from parley.stores.datadir import DataDirectory
from parley.stores.headfile import TwoSlotHeadFile, lost_state
from parley.stores.sqlite import SqliteStore
from parley.wire.readback import ReadBack
from parley.wire.statement import EVERYONE, Kind, Mark, Message, Precedence, Reference, Relation, Signed

if TYPE_CHECKING:
    from parley.app.desk import Desk
    from parley.app.guard import Guard
    from parley.app.inboxes import Inbox
    from parley.app.mapping import Chart


def keys_in_force(line: LineHome, membership: Membership) -> NodeKeyFile:
    """The newest of our key files that a certificate in force names. Raises KeyUnavailable, DocumentError."""
    me = membership.member(line.me(membership))
    for _, path in sorted(line.key_files().items(), reverse=True):
        keys = NodeKeyFile.load(path)
        if any(k.checkpoint == keys.public().checkpoint for k in me.standing):
            return keys
    raise DocumentError(
        "the certificates that name the keys which are here were revoked.",
        code="certificate-revoked",
        next_step="Put the key file of the newer certificate into the line's keys folder.",
    )


@dataclass(slots=True)
class Runtime:
    """A running line: the node, and what the faces ask of it."""

    line_home: LineHome
    node: Node
    bearers: list[Bearer]
    notices: list[dict[str, Any]]
    rules: Rules
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set whenever the node tells something: the watch looks then."""
    news: asyncio.Event = field(default_factory=asyncio.Event)
    """The same, for the conflict check."""
    desk: Desk | None = None
    """The watch's, once it is asked for."""
    armed_consoles: int | None = None
    """Consoles that watch with a tested alarm; None where this process serves no console."""
    guard: Guard | None = None
    """The conflict check's, once it is asked for."""
    refilling: str = ""
    """What a node that lost part of its record says until its peers have given it back."""
    inbox: Inbox | None = None
    """The list of messages, once it is asked for."""
    charts: dict[str, Chart] = field(default_factory=dict)
    """What the map shows, by the reader's language, once it is asked for."""
    beside: Mapping[str, Runtime] = field(default_factory=dict)
    """All lines that this process serves, by name: what is real on an exercise line leads to another one (D10)."""
    _under: tuple[bytes, Rules] | None = None
    _officers: Officers | None = None
    _keys: OfficerKeys | None = None
    _keys_place: int = 0

    def views(self, language: str = "") -> Views:
        """A new view through a reader of its own, for a reader of ``language``; the caller closes it."""
        line = self.node.line
        return Views(self.node.store.reader(), line.membership, line.me, self.line_home.forms, language)

    @property
    def forms(self) -> Forms:
        """The forms of the charter in force."""
        return forms_of(self.node.line.membership.current.charter, self.line_home.forms)

    @property
    def procedures(self) -> Rules:
        """The settings of the watch, under the charter in force."""
        revision = self.node.line.membership.current
        if self._under is None or self._under[0] != revision.hash:
            self._under = revision.hash, self.rules.under(revision.charter, self.forms)
        return self._under[1]

    async def send(self, content: Message, to: int = EVERYONE) -> EntryId:
        """Write a message. Raises UsageError (of a class that one officer may not release alone, too), StoreError."""
        check_alone(content, self.procedures.release, keys=self.officers.keyed())
        return await self.node.submit(Kind.MESSAGE, content, to)

    async def mark(
        self,
        kind: Kind,
        entry: EntryId,
        text: str = "",
        role: str = "watch",
        signed: Signed | None = None,
        places: tuple[ReadBack, ...] = (),
    ) -> EntryId:
        """Write READ, ACKNOWLEDGED or DECLINED about a message of another's, to those who know the message."""
        ref = Reference(Relation.SUBJECT, entry)
        return await self.node.submit(kind, Mark((ref,), role, text, signed, places), self.audience(entry))

    async def reply(self, entry: EntryId, text: str, language: str, precedence: Precedence) -> EntryId:
        """Answer a message, to those who know it."""
        ref = Reference(Relation.REPLY, entry)
        content = Message(text, language, precedence, refs=(ref,))
        return await self.send(content, self.audience(entry))

    @property
    def officers(self) -> Officers:
        """The party's."""
        if self._officers is None:
            self._officers = Officers(self.line_home.home)
        return self._officers

    def attested(self, views: Views, entry: EntryId) -> list[dict[str, Any]]:
        """The officers who signed ``entry``, by key, each assertion checked; with the ``name`` of our own."""
        stored = views.stored(entry)
        said = views.said(stored)
        signed = said.content.signed if said is not None and isinstance(said.content, Message | Mark) else None
        if said is None or signed is None:
            return []
        if self._keys is None:
            self._keys = OfficerKeys(self.node.line.membership)
        for place, other in views.arrivals(self._keys_place):
            held = views.stored(other)
            if held is not None and held.state is State.HELD:
                self._keys.take(other.log, other.index, held.statement)
            self._keys_place = place + 1
        ours = {o.key.hex(): o.name for o in self.officers.all()} if entry.log.member == self.node.line.me else {}
        found = self._keys.attest(entry.log, entry.index, said)
        return [{**row, "name": ours.get(row["key"], "")} for row in found]

    def addressed(self, to: int) -> int:
        """Recipients as the entry will name them: this is what officers sign."""
        line = self.node.line
        others = sum(1 << m for m in line.membership.current.members if m != line.me)
        to &= ~(1 << line.me)
        return EVERYONE if to == others else to

    def audience(self, entry: EntryId) -> int:
        """Whom a message about ``entry`` is for: those who know it."""
        stored = self.node.line.trees.entry(entry.log, entry.index)
        if stored is None or stored.audience == EVERYONE:
            return EVERYONE
        return stored.audience | 1 << entry.log.member


def open_store(line: LineHome, keys: NodeKeyFile, notices: list[dict[str, Any]]) -> Store:
    """The line's store, made anew when it is gone; what is missing against the head file is told (D15)."""
    head = TwoSlotHeadFile(line.head)
    last = head.read()
    head.close()
    if not line.store.exists():
        if last is not None:
            notices.append(_notice("store-lost", "the record's database is gone; peers will give it back."))
        return SqliteStore.create(line.store, keys.store_key)
    store = SqliteStore.open(line.store, keys.store_key)
    lost = lost_state(store.version, last)
    if lost:
        text = f"the database lacks the last {lost} commits that this node made; peers will give back what they hold."
        notices.append(_notice("store-behind-head", text))
    if line.restored.exists():
        made = datetime.fromtimestamp(int(line.restored.read_text()), UTC)
        text = f"the record is as it was backed up at {made:%Y-%m-%d %H:%M:%SZ}; peers will give back what they hold."
        notices.append(_notice("store-restored", text))
        line.restored.unlink()
    return store


def _notice(code: str, text: str) -> dict[str, Any]:
    return {"event": "notice", "code": code, "text": text}


def make_line(
    line: LineHome,
    rows: Rows,
    signers: Signers,
    settings: Settings,
    me: MemberNumber,
    entropy: Entropy = system_entropy,
) -> Line:
    """The core, from the store's documents and those in the home (a document may be in either first)."""
    membership = members.extend_all(line.membership(), (raw for _, raw in rows.scan(r.DOCUMENT)))
    return Line(rows, membership, me, signers, entropy, settings)


def tune_interpreter() -> None:
    """For a process that only runs nodes.

    What was loaded stays, so the collector need not look at it again. The loop gets the interpreter back from a
    thread that computes, such as the conflict check's, after half a millisecond and not after five: it lets go of it
    at every system call, several times a message.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    sys.setswitchinterval(0.0005)


@contextlib.asynccontextmanager
async def running(
    line: LineHome,
    on_event: Callable[[dict[str, Any]], None] | None = None,
    *,
    with_bearers: bool = True,
    raw_events: Callable[[i.Event], None] | None = None,
) -> AsyncIterator[Runtime]:
    """The line's node, running for as long as the block does. Holds the line's directory for this process.

    Raises StoreLocked, KeyUnavailable, StoreError, DocumentError, UsageError, BearerError.
    """
    directory = DataDirectory(line.path)
    notices: list[dict[str, Any]] = []
    tell = Repeats(on_event, SystemClock().boot_s) if on_event is not None else None
    try:
        membership = line.membership()
        keys = keys_in_force(line, membership)
        me = line.me(membership)
        keep(membership.current.charter, line.forms)
        parsed = configuration.load(line.config)
        given: dict[str, Any] = dict(parsed.settings)
        settings = Settings(f"parley {__version__}", Understands(line.forms), **given)
        rules = load_rules(line.config)
        key_pem, certificate_pem, _ = keys.tls()
        identity = TlsIdentity(key_pem, certificate_pem)
        bearers = configuration.make_bearers(parsed, line.config, membership, identity) if with_bearers else []
        head = TwoSlotHeadFile(line.head)
        changed, news = asyncio.Event(), asyncio.Event()
        older = [NodeKeyFile.load(path) for _, path in sorted(line.key_files().items(), reverse=True)]
        signers = keys.signers([k for k in older if k.seeds["kem"] != keys.seeds["kem"]])

        def told(event: i.Event) -> None:
            changed.set()
            news.set()
            if isinstance(event, i.MembershipChanged) and (failed := _take_members(line, node, bearers)):
                told(failed)
            if raw_events is not None:
                raw_events(event)
            if tell is not None:
                tell(plain(event, node.line.membership))

        node = Node(
            lambda rows: make_line(line, rows, signers, settings, me),
            lambda: open_store(line, keys, notices),
            head,
            bearers,
            SystemClock(),
            told,
        )
        if on_event is not None:
            for notice in notices:
                on_event(notice)
        task = asyncio.create_task(node.run())
        started = asyncio.create_task(node.started.wait())
        await asyncio.wait({task, started}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            started.cancel()
            await task
        if node.line.membership.notes.keys() != membership.notes.keys():
            # The store has documents that could not be kept in the home when they came.
            told(i.MembershipChanged())
        task.add_done_callback(functools.partial(_tell_end, on_event))
        runtime = Runtime(line, node, bearers, notices, rules, changed, news)
        refill = None
        if with_bearers and (lost := [n["text"] for n in notices if n["code"] in LOSSES]):
            runtime.refilling = lost[0]
            refill = asyncio.create_task(tell_refill(node, functools.partial(_refilling, runtime, on_event)))
        try:
            yield runtime
        finally:
            if refill is not None:
                refill.cancel()
            for part in (runtime.inbox, runtime.guard, runtime.desk):
                if part is not None:
                    part.close()
            node.stop()
            await task
            head.close()
    finally:
        directory.close()


def _refilling(runtime: Runtime, tell: Callable[[dict[str, Any]], None] | None, notice: dict[str, Any]) -> None:
    runtime.refilling = "" if notice["code"] == "store-refilled" else notice["text"]
    runtime.changed.set()
    if tell is not None:
        tell(notice)


def _take_members(line: LineHome, node: Node, bearers: Iterable[Bearer]) -> i.Warned | None:
    """Go by the membership as it is now; what to tell where the home cannot keep it: the store has it."""
    membership = node.line.membership
    for bearer in bearers:
        if isinstance(bearer, TlsBearer):
            bearer.set_pins(configuration.pins(membership))
    try:
        line.add_notes(membership.notes)
        keep(membership.current.charter, line.forms)
    except StoreError as error:
        return i.Warned(error.code, f"{error.message}; the next start tries again.")
    return None


def _tell_end(tell: Callable[[dict[str, Any]], None] | None, task: asyncio.Task[None]) -> None:
    """A node that cannot go on is told of at once; whoever runs it gets the error itself when it leaves."""
    error = None if task.cancelled() else task.exception()
    if error is not None and tell is not None:
        code = error.code if isinstance(error, ParleyError) else "node-ended"
        tell({"event": "notice", "code": code, "text": f"the node has ended: {error!r}", "ended": True})


def plain(event: i.Event, membership: Membership) -> dict[str, Any]:
    """An event as plain data, for the log and the event stream."""

    def code(number: int | None) -> str:
        return "" if number is None else membership.members[MemberNumber(number)].code

    match event:
        case i.Arrived(entry, kind):
            return {
                "event": "arrived",
                "from": code(entry.log.member),
                "kind": kind.name.lower(),
                "index": entry.index,
            }
        case i.Receipted(log, size, giver, time):
            return {
                "event": "receipt",
                "from": code(giver),
                "tree": code(log.member),
                "size": size,
                "time": time,
            }
        case i.Done(_, count):
            return {"event": "done", "count": count}
        case i.Written(_, entry):
            return {"event": "written", "index": entry.index}
        case i.Rejected(_, error):
            return {"event": "rejected", "code": error.code, "text": error.message}
        case i.Warned(warning, text, peer):
            who = code(peer) if peer is None or peer in membership.members else str(peer)
            return {"event": "notice", "code": warning, "text": text, "peer": who}
        case i.Equivocated(log):
            return {
                "event": "notice",
                "code": "equivocation",
                "text": f"{code(log.member)} signed two histories; the proof is kept and goes with every export.",
                "peer": code(log.member),
            }
        case i.MembershipChanged():
            return {
                "event": "notice",
                "code": "membership-changed",
                "text": "a document of the line took effect.",
            }
