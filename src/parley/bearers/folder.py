"""The folder bearer: datagrams as files, for a courier's stick or a shared directory (R9, D17)."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final

from parley import limits
from parley.errors import BearerError
from parley.ids import MemberNumber
from parley.ports import BearerEvents, Traits

_SUFFIX: Final = ".dgm"
_MAX_WAITING: Final = 4096
"""Files that may wait in one outgoing folder; beyond it the folder takes no more until it is emptied."""
_AGAIN_S: Final = 0.01
_REMEMBERED: Final = 65_536


class FolderBearer:
    """Writes each datagram as one file, and reads what others wrote. One-way is fine."""

    def __init__(
        self,
        name: str,
        *,
        outgoing: Mapping[MemberNumber, Path],
        incoming: Path | None = None,
        poll_s: float = 1.0,
        round_trip_s: float = 60.0,
        cost: int = 10,
    ) -> None:
        self._name = name
        self._outgoing = dict(outgoing)
        self._incoming = incoming
        self._poll_s = poll_s
        self._traits = Traits(
            mtu=limits.MAX_DATAGRAM - 1, round_trip_s=round_trip_s, one_way=incoming is None, cost=cost
        )
        self._events: BearerEvents | None = None
        self._task: asyncio.Task[None] | None = None
        self._up: set[MemberNumber] = set()
        self._full: set[MemberNumber] = set()
        self._seen: dict[str, None] = {}
        self._count = 0

    @property
    def name(self) -> str:
        """As configured."""
        return self._name

    @property
    def traits(self) -> Traits:
        """64 KiB datagrams; the round trip is the courier's."""
        return self._traits

    async def start(self, events: BearerEvents) -> None:
        """Begin to watch the folders; an absent medium is not an error."""
        self._events = events
        if any(path == self._incoming for path in self._outgoing.values()):
            raise BearerError(f"{self._name}: incoming and outgoing are one folder.", code="bearer-folder")
        self._task = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        while True:
            self._look_at_outgoing()
            whole = self._read_incoming()
            await asyncio.sleep(self._poll_s if whole else _AGAIN_S)

    def _look_at_outgoing(self) -> None:
        for peer, folder in self._outgoing.items():
            try:
                waiting = sum(1 for x in os.scandir(folder) if x.name.endswith(_SUFFIX))
            except OSError as error:
                if peer in self._up:
                    self._up.discard(peer)
                    self._tell_down(peer, f"{folder} is not there: {error.strerror}")
                continue
            if peer not in self._up:
                self._up.add(peer)
                if self._events is not None:
                    self._events.bearer_up(self, peer)
            if waiting >= _MAX_WAITING:
                self._full.add(peer)
            elif peer in self._full:
                self._full.discard(peer)
                if self._events is not None:
                    self._events.bearer_ready(self, peer)

    def _tell_down(self, peer: MemberNumber, reason: str) -> None:
        if self._events is not None:
            self._events.bearer_down(self, peer, reason)

    def ready(self, peer: MemberNumber) -> bool:
        """True while the folder is there and not full."""
        return peer in self._up and peer not in self._full

    def send(self, peer: MemberNumber, datagram: bytes) -> None:
        """Write one file: whole or not at all, durable before it has its name."""
        folder = self._outgoing.get(peer)
        if folder is None or peer not in self._up:
            return
        self._count += 1
        name = f"{self._count:08d}-{sha256(datagram).hexdigest()[:16]}{_SUFFIX}"
        partial = folder / f".{name}.part"
        try:
            with partial.open("wb") as file:
                file.write(datagram)
                file.flush()
                os.fsync(file.fileno())
            partial.rename(folder / name)
        except OSError as error:
            with contextlib.suppress(OSError):
                partial.unlink()
            self._up.discard(peer)
            self._tell_down(peer, f"{folder} cannot be written: {error.strerror}")

    def _read_incoming(self) -> bool:
        """Read what came; False when some of it waits until the node has room."""
        if self._incoming is None:
            return True
        try:
            with os.scandir(self._incoming) as found:
                names = sorted(x.name for x in found if x.name.endswith(_SUFFIX) and x.is_file(follow_symlinks=False))
        except OSError:
            return True
        for name in names:
            if self._events is not None and not self._events.room():
                return False
            if name not in self._seen:
                self._read_one(self._incoming / name)
        return True

    def _read_one(self, path: Path) -> None:
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
            with os.fdopen(descriptor, "rb") as file:
                datagram = file.read(limits.MAX_DATAGRAM + 1)
        except OSError:
            return
        self._seen[path.name] = None
        while len(self._seen) > _REMEMBERED:
            del self._seen[next(iter(self._seen))]
        if len(datagram) <= limits.MAX_DATAGRAM and self._events is not None:
            self._events.bearer_received(self, datagram)
        with contextlib.suppress(OSError):
            path.unlink()
            self._seen.pop(path.name, None)

    async def close(self) -> None:
        """Stop watching. Idempotent."""
        self._events = None
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
