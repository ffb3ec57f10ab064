"""The messages of a line as a page lists them: read once, then on from what came. A page asks for changes only.

``Inbox`` is derived from the record alone, in memory, and is thrown away with the process. What one message says and
how it stands at each recipient is read when somebody wants to see it, and kept until something happens to it.
"""

from __future__ import annotations

import asyncio
import threading
from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from parley.app.views import Views
from parley.errors import StoreError
from parley.ids import EntryId, LogId, MemberNumber
from parley.protocol.entries import State
from parley.protocol.membership import Membership
from parley.protocol.rows import Reader
from parley.wire.statement import WATCH_FORMS, Message

if TYPE_CHECKING:
    from parley.app.runtime import Runtime
    from parley.ports import Store

T = TypeVar("T")
_SHOWN: Final = 1024
"""Messages whose plain data is kept for one language; a page shows 200."""


@dataclass(slots=True)
class Listed:
    """One message in the list."""

    entry: EntryId
    arrival: int
    """Its place in the order in which entries came or were written here."""
    precedence: int
    open: bool
    changed: int
    """The version of the inbox in which it last changed."""


class Inbox:
    """Of one running line. Any thread may use it."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._lock = threading.RLock()
        self._store: Store | None = None
        self._reader: Reader | None = None
        self._closed = False
        self._forget()

    def _forget(self) -> None:
        self.version = getattr(self, "version", 0) + 1
        self._seen = -1
        self._place = 0
        self._membership: Membership | None = None
        self._all: dict[EntryId, Listed] = {}
        self._waiting: list[tuple[int, int, EntryId]] = []
        """Rank and arrival of what waits to be acknowledged here, FLASH first, then as it came."""
        self._order: list[tuple[int, EntryId]] = []
        """Every message, by arrival. A fact of the watch is none that a list shows, and is not here."""
        self._in_log: defaultdict[LogId, list[tuple[int, EntryId]]] = defaultdict(list)
        self._receipted: dict[tuple[LogId, MemberNumber], int] = {}
        self._shown: defaultdict[str, dict[EntryId, tuple[int, dict[str, Any]]]] = defaultdict(dict)

    def forget(self) -> None:
        """Read everything anew: contents were erased. Waits for who asks now, so it is called off the loop."""
        with self._lock:
            self._forget()

    def close(self) -> None:
        """Release the reader; nobody is answered any more."""
        with self._lock:
            self._closed = True
            if self._reader is not None:
                self._reader.close()
            self._reader = self._store = None

    async def ask(self, do: Callable[[Inbox], T]) -> T:
        """What ``do`` finds in the inbox as the record is now, off the loop. Raises StoreError.

        ``store-closed`` once the node stops.
        """

        def asked() -> T:
            with self._lock:
                self.read_on()
                return do(self)

        return await asyncio.to_thread(asked)

    # -- reading on ------------------------------------------------------------------------------------

    def read_on(self) -> None:
        """Take in what came, was written or was receipted since."""
        with self._lock:
            if self._closed:
                raise StoreError("the store is closed", code="store-closed")
            node = self._runtime.node
            store, membership = node.store, node.line.membership
            if store is not self._store:
                if self._reader is not None:
                    self._reader.close()
                self._store, self._reader, self._seen = store, store.reader(), -1
            if membership is not self._membership:
                # Who is who, and whose key is known, is in every row.
                self._forget()
                self._membership = membership
            seen = store.version
            if seen == self._seen:
                return
            views = self._views()
            touched: dict[EntryId, None] = {}
            for place, entry in views.arrivals(self._place):
                self._place = place + 1
                self._take(views, place, entry, touched)
            self._take_receipts(views, touched)
            if touched:
                self.version += 1
                for entry in touched:
                    self._touch(views, self._all[entry])
            self._seen = seen

    def _views(self, language: str = "") -> Views:
        line = self._runtime.node.line
        if self._reader is None:
            self._store = self._runtime.node.store
            self._reader = self._store.reader()
        return Views(self._reader, line.membership, line.me, self._runtime.line_home.forms, language)

    def _take(self, views: Views, place: int, entry: EntryId, touched: dict[EntryId, None]) -> None:
        stored = views.stored(entry)
        said = views.said(stored)
        erased = stored is not None and stored.state is State.ERASED
        if said is None and not erased:
            return
        content = said.content if said is not None else None
        if said is not None:
            touched |= {ref.entry: None for ref in said.refs if ref.entry in self._all}
        shown = isinstance(content, Message) and not content.form.startswith(WATCH_FORMS)
        if not (shown or erased) or entry in self._all:
            return
        precedence = int(content.precedence) if isinstance(content, Message) else 0
        self._all[entry] = Listed(entry, place, precedence, open=False, changed=0)
        insort(self._in_log[entry.log], (entry.index, entry))
        self._order.append((place, entry))
        touched[entry] = None

    def _take_receipts(self, views: Views, touched: dict[EntryId, None]) -> None:
        """What became delivered: a receipt covers all below its size."""
        for log, entries in self._in_log.items():
            for member in views.membership.members:
                last = self._receipted.get((log, member), 0)
                if member == log.member or last > entries[-1][0]:
                    continue
                newest = last
                for size, _ in views.receipts(log, member, last + 1):
                    newest = size
                if newest > last:
                    self._receipted[log, member] = newest
                    first = bisect_left(entries, last, key=lambda e: e[0])
                    until = bisect_left(entries, newest, key=lambda e: e[0])
                    touched |= {entry: None for _, entry in entries[first:until]}

    def _touch(self, views: Views, listed: Listed) -> None:
        listed.changed = self.version
        waits = views.is_open(listed.entry)
        if waits != listed.open:
            listed.open = waits
            place = -listed.precedence, listed.arrival, listed.entry
            if waits:
                insort(self._waiting, place, key=lambda p: p[:2])
            else:
                del self._waiting[bisect_left(self._waiting, place[:2], key=lambda p: p[:2])]

    # -- what is there -----------------------------------------------------------------------------------

    @property
    def count(self) -> int:
        """Messages."""
        return len(self._order)

    @property
    def waits(self) -> int:
        """Messages that wait to be acknowledged here."""
        return len(self._waiting)

    def waiting(self, first: int, count: int) -> list[Listed]:
        """``count`` of what waits, from the place ``first`` on."""
        return [self._all[entry] for _, _, entry in self._waiting[first : first + count]]

    def newest(self, before: int | None, count: int) -> list[Listed]:
        """The newest ``count`` that arrived before the place ``before``, or of all; the newest first."""
        end = len(self._order) if before is None else bisect_left(self._order, before, key=lambda e: e[0])
        return [self._all[entry] for _, entry in self._order[max(0, end - count) : end][::-1]]

    def newer(self, than: int, count: int) -> int | None:
        """The ``before`` of the page of newer ones; None where that is the first page."""
        end = bisect_right(self._order, than, key=lambda e: e[0]) + count
        return self._order[end][0] if end < len(self._order) else None

    def everything(self) -> Iterator[Listed]:
        """Every message, in the order of arrival."""
        return (self._all[entry] for _, entry in self._order)

    def views(self, language: str) -> Views:
        """Questions about the record, in ``language``, through the inbox's own reader, which is not to be closed."""
        return self._views(language)

    def name(self, listed: Listed) -> str:
        """The id, as the faces write it."""
        return self._views().name_of(listed.entry)

    def rows(self, listed: Iterable[Listed], language: str) -> list[dict[str, Any]]:
        """Each as plain data (``MessageView``), forms in ``language``."""
        views, kept = self._views(language), self._shown[language]
        found = []
        for one in listed:
            before = kept.pop(one.entry, None)
            row = before[1] if before is not None and before[0] == one.changed else None
            if row is None:
                row = views.message(one.entry, one.arrival).as_json()
            kept[one.entry] = one.changed, row
            found.append(row)
        while len(kept) > _SHOWN:
            del kept[next(iter(kept))]
        return found


def inbox_of(runtime: Runtime) -> Inbox:
    """The inbox of a running line; made when it is first asked for."""
    if runtime.inbox is None:
        runtime.inbox = Inbox(runtime)
    return runtime.inbox
