"""Power cuts: a SQLite VFS that records what is written and synced, and disks as a cut could have left them.

It lies under the cipher (``multipleciphers-recorder``), where the log is what the disk gets. What was synced is on
every disk after a cut. Of what was not, a disk may hold all, nothing, the beginning torn anywhere, some writes and
not others, later ones without earlier ones, some 512-byte sectors of a write, or noise where the power failed. A
file that was made or removed may be there or not until it was synced.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

import apsw

SECTOR: Final = 512
NAME: Final = "recorder"
OUTCOMES: Final = ("nothing", "all", "torn prefix", "some writes", "later ones", "some sectors", "noise")


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes at an offset of a file."""

    name: str
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Cut:
    """A file ends here; a size of None removes it."""

    name: str
    size: int | None


@dataclass(frozen=True, slots=True)
class Sync:
    """All that was written to the file is on the disk."""

    name: str


@dataclass(frozen=True, slots=True)
class Told:
    """The program was told that a commit is durable."""

    version: int


@dataclass(frozen=True, slots=True)
class Placed:
    """A file was synced under another name, renamed to this one, and its folder synced: it is found whole."""

    name: str
    data: bytes


Event = Write | Cut | Sync | Placed | Told


@dataclass(slots=True)
class Recording:
    """What happened to the files of a folder, from ``base`` on. ``lies``: syncs are not done, as a control."""

    folder: Path
    lies: bool = False
    base: dict[str, bytes] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    _sizes: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.base = {path.name: path.read_bytes() for path in self.folder.iterdir() if not path.name.endswith("-shm")}
        self._sizes = {name: len(data) for name, data in self.base.items()}

    def wrote(self, name: str, offset: int, data: bytes) -> None:
        """A write."""
        self._outside(name)
        self.events.append(Write(name, offset, data))
        self._sizes[name] = max(self._sizes.get(name, 0), offset + len(data))

    def cut(self, name: str, size: int | None) -> None:
        """A truncation or removal."""
        if size is None:
            self._sizes.pop(name, None)
        else:
            self._outside(name)
            self._sizes[name] = size
        self.events.append(Cut(name, size))

    def synced(self, name: str) -> None:
        """A sync."""
        self._outside(name)
        if not self.lies:
            self.events.append(Sync(name))

    def placed(self, name: str, data: bytes) -> None:
        """A file appeared by being renamed. A disk that lies has only written it."""
        self.events.append(Write(name, 0, data) if self.lies else Placed(name, data))
        self._sizes[name] = len(data)

    def told(self, version: int) -> None:
        """A commit returned."""
        self.events.append(Told(version))

    def _outside(self, name: str) -> None:
        """The store itself lengthens its log with zeros, past SQLite, and syncs that."""
        path = self.folder / name
        before, now = self._sizes.get(name, 0), path.stat().st_size if path.exists() else 0
        if name.endswith("-wal") and now > before:
            self.events += [Write(name, before, bytes(now - before)), *([] if self.lies else [Sync(name)])]
            self._sizes[name] = now


_recordings: dict[Path, Recording] = {}
"""By folder: what is recorded now."""


class _File(apsw.VFSFile):
    def __init__(self, name: str | apsw.URIFilename | None, flags: list[int]) -> None:
        path = Path((name.filename() if isinstance(name, apsw.URIFilename) else name) or "")
        self._name = path.name
        self._recording = _recordings.get(path.parent)
        super().__init__("unix", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 - SQLite's name
        if self._recording is not None:
            self._recording.wrote(self._name, offset, bytes(data))
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        if self._recording is not None:
            self._recording.cut(self._name, newsize)
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:  # noqa: N802
        if self._recording is not None:
            self._recording.synced(self._name)
        super().xSync(flags)


class _Vfs(apsw.VFS):
    def __init__(self) -> None:
        super().__init__(NAME, "unix")

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> _File:  # noqa: N802
        return _File(name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: FBT001, N802
        path = Path(filename)
        recording = _recordings.get(path.parent)
        if recording is not None:
            recording.cut(path.name, None)
            if syncdir:
                recording.synced(path.name)
        super().xDelete(filename, syncdir)


@cache
def _vfs() -> _Vfs:
    """Registered once: the cipher's layer over it cannot be taken away again."""
    vfs = _Vfs()
    # Opening by this name makes that layer.
    apsw.Connection(":memory:", vfs=f"multipleciphers-{NAME}").close()
    return vfs


@contextmanager
def recorded(folder: Path, *, lies: bool = False) -> Iterator[Recording]:
    """Record everything that SQLite does to the files in ``folder`` within the block, under the cipher."""
    usual = apsw.vfs_names()[0]
    _vfs()
    recording = _recordings[folder] = Recording(folder, lies)
    apsw.set_default_vfs(f"multipleciphers-{NAME}")
    try:
        yield recording
    finally:
        apsw.set_default_vfs(usual)
        del _recordings[folder]


class Disk:
    """Follows a recording; ``cut`` gives what a disk could hold if the power failed now."""

    def __init__(self, recording: Recording) -> None:
        self._durable = dict(recording.base)
        self._pending: list[Write | Cut] = []
        self.told = 0

    def follow(self, event: Event) -> None:
        """One more event."""
        match event:
            case Sync(name):
                self._durable = _applied(self._durable, [e for e in self._pending if e.name == name])
                self._pending = [e for e in self._pending if e.name != name]
            case Placed(name, data):
                self._durable[name] = data
            case Told(version):
                self.told = version
            case _:
                self._pending.append(event)

    @property
    def unsynced(self) -> int:
        """Writes that a cut could undo."""
        return len(self._pending)

    def cut(self, chance: random.Random, outcome: str) -> dict[str, bytes]:
        """The files that are found after the cut."""
        return _applied(self._durable, _survivors(self._pending, chance, outcome))


def _survivors(pending: list[Write | Cut], chance: random.Random, outcome: str) -> list[Write | Cut]:
    match outcome:
        case "nothing":
            return []
        case "all":
            return pending
        case "torn prefix":
            kept = pending[: chance.randrange(len(pending) + 1)]
            last = kept[-1] if kept else None
            if isinstance(last, Write):
                kept = [*kept[:-1], Write(last.name, last.offset, last.data[: chance.randrange(len(last.data) + 1)])]
            return kept
        case "some writes":
            return [e for e in pending if chance.random() < 0.5]
        case "later ones":
            return pending[chance.randrange(len(pending) + 1) :]
    return [piece for e in pending for piece in _sectors(e, chance, noise=outcome == "noise")]


def _sectors(event: Write | Cut, chance: random.Random, *, noise: bool) -> Iterator[Write | Cut]:
    if isinstance(event, Cut):
        if chance.random() < 0.5:
            yield event
        return
    at, end = event.offset, event.offset + len(event.data)
    while at < end:
        upto = min(end, at - at % SECTOR + SECTOR)
        data = event.data[at - event.offset : upto - event.offset]
        if chance.random() < 0.5:
            yield Write(event.name, at, data)
        elif noise and chance.random() < 0.2:
            yield Write(event.name, at, chance.randbytes(len(data)))
        at = upto


def _applied(files: dict[str, bytes], events: list[Write | Cut]) -> dict[str, bytes]:
    found: dict[str, bytearray | bytes] = dict(files)
    for event in events:
        if isinstance(event, Cut) and event.size is None:
            found.pop(event.name, None)
            continue
        data = found.get(event.name, b"")
        if not isinstance(data, bytearray):
            data = found[event.name] = bytearray(data)
        if isinstance(event, Cut):
            size = event.size or 0
            data[size:] = bytes(max(0, size - len(data)))
        else:
            data[len(data) :] = bytes(max(0, event.offset - len(data)))
            data[event.offset : event.offset + len(event.data)] = event.data
    return {name: bytes(data) for name, data in found.items()}
