"""The node's loop for one line (D7).

::

    inputs wait -> step (pure) -> commit (writer, one fsync) -> head file -> release sends and events

While a commit runs, inputs gather; the next step takes them together: one signature and one fsync for all.
Nothing leaves before its cause is on disk. After a storage error the outcome is unknown: the store is opened
anew and the line is made again from what is there, which is the same path as a start (D15).
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Sequence
from typing import Any, Final

from parley.errors import OutcomeUnknown, ParleyError, StoreCorrupt, StoreError, StoreFull, UsageError
from parley.ids import EntryId, MemberNumber
from parley.node.writer import Writer
from parley.ports import Bearer, Clock, Head, HeadFile, Store
from parley.protocol import inputs as i
from parley.protocol.inputs import Input, Now, Output
from parley.protocol.line import Line
from parley.protocol.rows import Rows
from parley.wire.statement import EVERYONE, Kind, Mark, Message

_BATCH: Final = 256
"""Inputs taken into one step, so that a flood delays nothing by much."""
_HEAD_SYNC_S: Final = 5.0
"""Seconds within which the head file is made durable; between, it survives a killed process (ADR 3)."""
_HEAD_WRITE_S: Final = 0.02
"""Seconds after a commit that the head file is written: nothing waits for it (D15), and one write does for many."""
_BRIEF: Final = 64
"""Changed rows up to which a commit takes no longer than the disk does."""
_REOPEN_S: Final = 1.0
_FULL_RETRY_S: Final = 2.0

EventSink = Callable[[i.Event], None]


class Node:
    """Runs one line: the only caller of ``Line.step``."""

    def __init__(
        self,
        make_line: Callable[[Rows], Line],
        open_store: Callable[[], Store],
        head_file: HeadFile,
        bearers: Sequence[Bearer],
        clock: Clock,
        on_event: EventSink,
        writer: Writer | None = None,
    ) -> None:
        self._make_line = make_line
        self._open_store = open_store
        self._head_file = head_file
        self._bearers = {bearer.name: bearer for bearer in bearers}
        self._clock = clock
        self._on_event = on_event
        self._inbox: list[Input] = []
        self._waiting: dict[int, asyncio.Future[EntryId]] = {}
        self._asked: dict[int, asyncio.Future[i.Done]] = {}
        self._tokens = itertools.count(1)
        self._wake = asyncio.Event()
        self._alarm: asyncio.TimerHandle | None = None
        self._rings_at = 0.0
        self.started = asyncio.Event()
        self._stopping = False
        self._writer = writer or Writer()
        self._head_synced = 0.0
        self._head: Head | None = None
        self._head_unsynced = False
        self._head_timer: asyncio.TimerHandle | None = None
        self.store = open_store()
        self._version = self.store.version
        self.line = make_line(Rows(self.store))  # model: crash
        self._told_notes = frozenset(self.line.membership.notes)
        """The documents that the application knows of."""
        self.trouble: ParleyError | None = None
        """The storage error that the operator must know of, until the disk takes writes again."""

    # -- for the application ---------------------------------------------------------------------------

    async def submit(self, kind: Kind, content: Message | Mark, to: int = EVERYONE) -> EntryId:
        """Write an entry; returns once it is durable. Raises UsageError, StoreError."""
        if self._stopping:
            raise UsageError("the node is stopping.", code="node-stopping")
        token = next(self._tokens)
        future: asyncio.Future[EntryId] = asyncio.get_running_loop().create_future()
        self._waiting[token] = future
        self.put(i.Submit(kind, content, to, token))
        return await future

    async def prune(self, before: int) -> int:
        """Erase the contents of messages stated before ``before``; how many. In steps that let traffic pass."""
        total, more = 0, True
        while more:
            done = await self._ask(lambda token: i.Prune(before, token))
            total, more = total + done.count, done.more
        return total

    async def post_quantum(self) -> None:
        """Give the ML-DSA-44 cosignatures that are due, now."""
        await self._ask(i.Countersign)

    async def _ask(self, make: Callable[[int], Input]) -> i.Done:
        token = next(self._tokens)
        future: asyncio.Future[i.Done] = asyncio.get_running_loop().create_future()
        self._asked[token] = future
        self.put(make(token))
        return await future

    def wall_s(self) -> int:
        """The node's wall clock, POSIX seconds."""
        return self._clock.wall_s()

    def add_document(self, note: bytes) -> None:
        """A signed document that the operator carried here."""
        self.put(i.AddDocument(note))

    def put(self, given: Input) -> None:
        """Let the loop take an input in its next step."""
        self._inbox.append(given)
        self._wake.set()

    def stop(self) -> None:
        """Let ``run`` end after what it is doing."""
        self._stopping = True
        self._wake.set()

    # -- what bearers tell -----------------------------------------------------------------------------

    def bearer_up(self, bearer: Bearer, peer: MemberNumber) -> None:
        """A path works."""
        t = bearer.traits
        self.put(i.LinkUp(bearer.name, peer, t.mtu, t.round_trip_s, t.bits_per_second, t.one_way, t.cost))

    def bearer_down(self, bearer: Bearer, peer: MemberNumber, reason: str) -> None:
        """A path is gone."""
        self.put(i.LinkDown(bearer.name, peer))
        self._on_event(i.Warned("bearer-down", f"{bearer.name}: {reason}", peer))

    def bearer_warned(self, bearer: Bearer, code: str, text: str) -> None:
        """The operator is told."""
        self._on_event(i.Warned(code, f"{bearer.name}: {text}"))

    def bearer_ready(self, bearer: Bearer, peer: MemberNumber) -> None:
        """A path takes another datagram."""
        self.put(i.Ready(bearer.name, peer))

    def bearer_received(self, bearer: Bearer, datagram: bytes) -> None:
        """Bytes came."""
        self.put(i.Received(datagram, bearer.name))

    def room(self) -> bool:
        """Less waits than one step takes."""
        return len(self._inbox) < _BATCH

    # -- the loop --------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Until ``stop``. Raises BearerError when a bearer cannot begin at all."""
        try:
            for bearer in self._bearers.values():
                await bearer.start(self)
            self.started.set()
            wake_at = self._clock.boot_s()
            while not self._stopping:
                wake_at = await self._turn(wake_at)
        finally:
            self._stopping = True
            self._quiet()
            for bearer in self._bearers.values():
                await bearer.close()
            self._fail_waiting(UsageError("the node is stopping.", code="node-stopping"))
            await self._sync_head()
            self._writer.close()
            self.store.close()

    async def _turn(self, wake_at: float) -> float:
        await self._sleep(wake_at)
        if self._stopping:
            return wake_at
        boot = self._clock.boot_s()
        taken = self._inbox[:_BATCH]
        del self._inbox[:_BATCH]
        if not self._inbox:
            self._wake.clear()
        if boot >= wake_at:
            taken.append(i.Tick())
        elif not taken:
            return wake_at
        try:
            output = self.line.step(taken, Now(self._clock.wall_s(), boot))
            await self._commit(output)
        except StoreError as error:
            return await self._recover(error, taken)
        self._release(output)
        if output.changes:
            self._well_again()
            self._head_unsynced = True
            first, self._head = self._head is None, self._head_now()
            if first:
                self._write_head()
            elif self._head_timer is None:
                self._head_timer = asyncio.get_running_loop().call_later(_HEAD_WRITE_S, self._write_head)
        return output.wake

    async def _sleep(self, wake_at: float) -> None:
        # A turn whose commit was done at once let nobody else run. Who was told something by it goes first.
        await asyncio.sleep(0)
        delay = wake_at - self._clock.boot_s()
        if delay <= 0 or self._wake.is_set():
            return
        self.line.chains.prepare()
        loop = asyncio.get_running_loop()
        due = loop.time() + delay
        if self._alarm is None or due < self._rings_at:
            self._quiet()
            self._alarm, self._rings_at = loop.call_later(delay, self._ring), due
        await self._wake.wait()

    def _ring(self) -> None:
        """The alarm: it may be early, since a later one than is set is set only when that has rung."""
        self._alarm = None
        self._wake.set()

    def _quiet(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    async def _commit(self, output: Output) -> None:  # model: commit
        if not output.changes:
            if self._head_unsynced and self._clock.boot_s() - self._head_synced > _HEAD_SYNC_S:
                await self._sync_head()
            return
        store, version = self.store, self._version
        brief = len(output.changes) <= _BRIEF
        self._version = await self._writer.run(lambda: store.commit(version, output.changes), brief=brief)

    def _head_now(self) -> Head:
        tree = self.line.head()
        if tree is None:
            return Head(self._version, bytes(8), 0, bytes(32))
        return Head(self._version, tree.log.incarnation, tree.size, tree.root)

    def _write_head(self) -> None:
        self._head_timer = None
        if self._head is not None:
            self._put_head(self._head, sync=False)

    def _put_head(self, head: Head, *, sync: bool) -> None:
        """The commit stands whatever becomes of this: a head that lags only notices less, so nothing waits for it."""
        try:
            self._head_file.write(head, sync=sync)
        except (StoreError, OSError) as error:
            self._on_event(i.Warned("head-not-written", f"the head file cannot be written: {error}"))

    async def _sync_head(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
        head = self._head
        if head is not None:
            await self._writer.run(lambda: self._put_head(head, sync=True))
            self._head_synced = self._clock.boot_s()
            self._head_unsynced = False

    def _release(self, output: Output) -> None:
        busy = set()
        for send in output.sends:
            bearer = self._bearers.get(send.bearer)
            if bearer is not None:
                bearer.send(send.peer, send.datagram)
                if bearer.traits.bits_per_second == 0 and not bearer.ready(send.peer):
                    busy.add((send.bearer, send.peer))
        for name, peer in busy:
            self.put(i.Busy(name, peer))
            if self._bearers[name].ready(peer):
                self.put(i.Ready(name, peer))
        for event in output.events:
            if isinstance(event, i.Written | i.Rejected):
                self._settle(event)
            elif isinstance(event, i.MembershipChanged):
                self._tell_members()
                continue
            elif isinstance(event, i.Done):
                asked = self._asked.pop(event.token, None)
                if asked is not None and not asked.done():
                    asked.set_result(event)
                continue
            self._on_event(event)

    def _tell_members(self) -> None:
        self._told_notes = frozenset(self.line.membership.notes)
        self._link_newcomers()
        self._on_event(i.MembershipChanged())

    def _link_newcomers(self) -> None:
        """A bearer may have been up to a member before there was one."""
        for bearer in self._bearers.values():
            for link in self._links_of(bearer):
                if bearer.name not in self.line.peers[link.peer].links:
                    self.put(link)

    def _settle(self, event: i.Written | i.Rejected) -> None:
        future = self._waiting.pop(event.token, None)
        if future is None or future.done():
            return
        if isinstance(event, i.Written):
            future.set_result(event.entry)
        else:
            future.set_exception(event.error)

    def _fail_waiting(self, error: ParleyError) -> None:
        pending: list[asyncio.Future[Any]] = [*self._waiting.values(), *self._asked.values()]
        for future in pending:
            if not future.done():
                future.set_exception(error)
        self._waiting.clear()
        self._asked.clear()

    async def _recover(self, error: StoreError, taken: Sequence[Input]) -> float:
        """Outcome unknown: open the store anew and go on from what is there. Submissions are told."""
        self.trouble = error
        self._on_event(i.Warned(error.code, f"{error.message} {error.next_step}".rstrip()))
        full = isinstance(error, StoreFull)
        told = (
            error
            if full
            else OutcomeUnknown(
                "the disk failed while this was being written; it may or may not be on the record.",
                next_step="Look in the outbox before you send it again.",
            )
        )
        for given in taken:
            if isinstance(given, i.Submit) and (future := self._waiting.pop(given.token, None)) and not future.done():
                future.set_exception(told)
        for asked in self._asked.values():
            if not asked.done():
                asked.set_exception(told)
        self._asked.clear()
        await asyncio.sleep(_FULL_RETRY_S if full else _REOPEN_S)
        if not full:
            await self._reopen()
            self._well_again()
        self.line = self._make_line(Rows(self.store))
        if self.line.membership.notes.keys() != self._told_notes:
            # A document came while the disk failed, and lies in the node's home; or the commit of one stood after all.
            self._tell_members()
        self._inbox = [x for x in self._inbox if not isinstance(x, i.LinkUp | i.LinkDown)]
        for bearer in self._bearers.values():  # as they are now: the store may have been out of reach for long
            for link in self._links_of(bearer):
                self.put(link)
        return self._clock.boot_s()

    def _well_again(self) -> None:
        """The disk takes writes: tell whoever was told that it does not."""
        if self.trouble is not None and not self._stopping:
            self.trouble = None
            self._on_event(i.Warned("store-resumed", "the disk takes writes again; what was receipted is all there."))

    async def _reopen(self) -> None:
        """Open the store anew; while the disk still fails, try again. What is damaged is raised, not retried."""
        self.store.close()
        while not self._stopping:
            try:
                self.store = self._open_store()
                self._version = self.store.version
            except StoreCorrupt:
                raise
            except StoreError as error:
                self.trouble = error
                await asyncio.sleep(_REOPEN_S)
            else:
                return

    def _links_of(self, bearer: Bearer) -> list[i.LinkUp]:
        t = bearer.traits
        return [
            i.LinkUp(bearer.name, number, t.mtu, t.round_trip_s, t.bits_per_second, t.one_way, t.cost)
            for number in self.line.peers
            if bearer.ready(number)
        ]
