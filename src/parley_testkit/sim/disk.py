"""A disk that can fail: the store's commits as a log, and the head file beside it.

What ``commit`` returned for is durable; a flipped bit can still take the log's tail away, an old copy can be put
back, and a commit whose outcome is unknown may have happened or not (reliability.md sections 0 and 4).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeVar

from parley.errors import OutcomeUnknown, StoreCorrupt, StoreFull
from parley.ports import Change, Head, Reader
from parley.stores.memory import MemoryStore
from parley_testkit.sim.clockwork import Process

T = TypeVar("T")


class Disk:
    """What stays when a process ends."""

    def __init__(self) -> None:
        self._log: list[Sequence[Change]] = []
        self._store = MemoryStore()
        self.head: Head | None = None
        self.synced_head: Head | None = None
        self.full = False
        self.damaged = False
        """The cipher notices it at the next opening: StoreCorrupt until the operator puts the file away."""
        self.fail_next = ""
        """How the next commit fails: ``lost``, or ``kept`` (it is there when the store is opened again)."""
        self.latency_s = 0.0
        self.on_commit: Callable[[Sequence[Change]], None] = lambda _changes: None

    @property
    def version(self) -> int:
        """Commits on the disk."""
        return len(self._log)

    def rows(self) -> Reader:
        """What is on the disk now."""
        return self._store.reader()

    def apply(self, expected: int, changes: Sequence[Change]) -> int:
        """One durable commit."""
        version = self._store.commit(expected, changes)
        self._log.append(changes)
        self.on_commit(changes)
        return version

    def truncate(self, version: int) -> int:
        """Only the first ``version`` commits are left; how many are gone."""
        gone = max(0, len(self._log) - version)
        if gone:
            self._log = self._log[:version]
            self._store = MemoryStore()
            for number, changes in enumerate(self._log):
                self._store.commit(number, changes)
        return gone

    def freed(self) -> None:
        """There is space again."""
        self.full = False

    def power_cut(self) -> None:
        """What was not synced is gone: of the commits none, of the head file what came since the last sync."""
        self.head = self.synced_head

    def open(self, process: Process) -> SimStore:
        """A handle for ``process``. Raises StoreCorrupt."""
        if self.damaged:
            raise StoreCorrupt("the simulated disk is damaged.")
        return SimStore(self, self._store.reopen(), process)


class SimStore:
    """ports.Store on a Disk, for one process."""

    def __init__(self, disk: Disk, rows: MemoryStore, process: Process) -> None:
        self._disk = disk
        self._rows = rows
        self._process = process
        self._unknown = False
        self.get = rows.get
        self.scan = rows.scan
        disk._store = rows  # noqa: SLF001 - the module's own class: the handle that sees the newest rows

    @property
    def version(self) -> int:
        """Commits so far."""
        self._check()
        return self._disk.version

    def commit(self, expected_version: int, changes: Sequence[Change]) -> int:
        """As ports.Store, with the disk's faults."""
        self._check()
        disk, process = self._disk, self._process
        process.reach("before-commit")
        if disk.full:
            raise StoreFull("the simulated disk is full.")
        how, disk.fail_next = disk.fail_next, ""
        if how:
            if how == "kept":
                disk.apply(expected_version, changes)
            self._unknown = True
            raise OutcomeUnknown("the simulated disk failed.")
        version = disk.apply(expected_version, changes)
        process.reach("after-commit")
        return version

    def reader(self) -> Reader:
        """An independent view."""
        self._check()
        return self._rows.reader()

    def close(self) -> None:
        """Idempotent."""
        self._unknown = True

    def _check(self) -> None:
        self._process.reach("store")
        if self._unknown:
            raise OutcomeUnknown("this handle is closed.")


class SimHead:
    """ports.HeadFile on a Disk."""

    def __init__(self, disk: Disk, process: Process) -> None:
        self._disk = disk
        self._process = process

    def read(self) -> Head | None:
        """The newest slot."""
        return self._disk.head

    def write(self, head: Head, *, sync: bool) -> None:
        """The older slot; with ``sync`` a power cut leaves it."""
        self._process.reach("head")
        if self._disk.full and self._disk.head is None:
            raise StoreFull("the simulated disk is full.")
        self._disk.head = head
        if sync:
            self._disk.synced_head = head


class SimWriter:
    """node.writer.Writer in virtual time: a slow disk delays, and freezes nobody."""

    def __init__(self, disk: Disk, process: Process) -> None:
        self._disk = disk
        self._process = process

    async def run(self, task: Callable[[], T], *, brief: bool = False) -> T:
        """The result of ``task``, after the disk's latency."""
        del brief
        if self._disk.latency_s:
            await asyncio.sleep(self._disk.latency_s)
        self._process.reach("commit")
        return task()

    def close(self) -> None:
        """Nothing to end."""
