"""Power cuts by the thousand: a store works on a recorded disk, and is opened as each cut could have left it."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final
from unittest import mock

from parley.errors import ParleyError
from parley.ports import Change, Head
from parley.stores import SqliteStore, TwoSlotHeadFile, lost_state, sqlite
from parley_testkit.disk import OUTCOMES, Disk, Recording, recorded

KEY: Final = bytes(range(32))
SMALL_LAP: Final = 24
"""Pages of the log before it is copied into the database: each work has several laps."""
SMALL_FOLD: Final = 7
"""Commits that gather before they are folded into the rows."""
_COMMITS: Final = 60
_HEAD: Final = "head"
Rows = dict[tuple[str, bytes], bytes]


@dataclass(slots=True)
class CutReport:
    """What cuts were made, and what they cost."""

    cuts: int = 0
    works: int = 0
    unsynced: int = 0
    """Cuts with writes under way."""
    acknowledged: int = 0
    """Commits that had returned, summed over all cuts."""
    lost: int = 0
    """Cuts after which a commit that had returned was not there."""
    false_alarms: int = 0
    """Cuts after which the head file spoke of a loss that there was not."""
    outcomes: dict[str, int] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)
    seconds: float = 0.0


class Work:
    """Draws commits, and knows what each version holds."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._rows: Rows = {}
        self.version = 0
        self.digests: dict[int, bytes] = {0: _digest(self._rows)}

    def rewind(self, version: int, rows: Rows) -> None:
        """Go on from what a cut left."""
        self._rows = dict(rows)
        self.version = version
        self.digests = {version: _digest(rows)}

    def commit(self, version: int) -> list[Change]:
        """What the commit that makes ``version`` changes."""
        chance = self._chance
        count = chance.choice((1, 2, 5, 9, 80))
        changes = []
        for _ in range(count):
            space, key = chance.choice("abc"), chance.randrange(400).to_bytes(2, "big")
            size = chance.choice((8, 60, 300, 9_000 if count < 3 else 100))
            value = None if chance.random() < 0.2 else chance.randbytes(size)
            changes.append(Change(space, key, value))
            if value is None:
                self._rows.pop((space, key), None)
            else:
                self._rows[space, key] = value
        self.version = version
        self.digests[version] = _digest(self._rows)
        return changes


def _digest(rows: Rows) -> bytes:
    digest = sha256()
    for (space, key), value in sorted(rows.items()):
        digest.update(space.encode() + key + sha256(value).digest())
    return digest.digest()


@contextmanager
def small_laps() -> Iterator[None]:
    """Let stores checkpoint and fold often."""
    with (
        mock.patch.object(sqlite, "CHECKPOINT_PAGES", SMALL_LAP),
        mock.patch.object(sqlite, "FOLD_COMMITS", SMALL_FOLD),
    ):
        yield


def power_cuts(folder: Path, count: int, seed: int, *, lies: bool = False) -> CutReport:
    """Make at least ``count`` cuts, all drawn from ``seed``; with ``lies`` the disk never syncs, as a control.

    A third of the works begins on what a cut of the work before has left.
    """
    report, chance, began = CutReport(), random.Random(seed), time.monotonic()
    with small_laps():
        work = Work(chance)
        left: dict[str, bytes] = {}
        while report.cuts < count:
            home = folder / f"work{report.works}"
            home.mkdir()
            if left and chance.random() < 0.33:
                work.rewind(*rows_of(_laid_out(left, home)))
            else:
                SqliteStore.create(home / "store.db", KEY).close()
                work = Work(chance)
            recording = _record(home, work, chance, lies=lies)
            report.works += 1
            left = _cut_all(recording, work, report, folder / "cut", chance, max(12, min(150, count // 40)))
    report.seconds = round(time.monotonic() - began, 1)
    return report


def _record(home: Path, work: Work, chance: random.Random, *, lies: bool) -> Recording:
    """A store opens, works, sometimes closes and opens again, and closes or is left open."""
    with recorded(home, lies=lies) as recording:
        recording.told(work.version)
        store = SqliteStore.open(home / "store.db", KEY)
        head = TwoSlotHeadFile(home / _HEAD)
        version = store.version
        for _ in range(_COMMITS):
            version = store.commit(version, work.commit(version + 1))
            recording.told(version)
            _write_head(recording, head, version, sync=chance.random() < 0.2)
            if chance.random() < 0.04:
                store.close()
                store = SqliteStore.open(home / "store.db", KEY)
        head.close()
        store.close()
    return recording


def _write_head(recording: Recording, head: TwoSlotHeadFile, version: int, *, sync: bool) -> None:
    """The head file is written past SQLite: record what changed in it."""
    path = recording.folder / _HEAD
    before = path.read_bytes() if path.exists() else b""
    head.write(Head(version, b"incarnat", version, version.to_bytes(32, "big")), sync=sync)
    after = path.read_bytes()
    if not before:
        recording.placed(_HEAD, after)
        return
    slots = [at for at in range(0, len(after), 4096) if after[at : at + 4096] != before[at : at + 4096]]
    for at in slots:
        recording.wrote(_HEAD, at, after[at : at + 4096])
    if sync:
        recording.synced(_HEAD)


def _cut_all(
    recording: Recording, work: Work, report: CutReport, target: Path, chance: random.Random, most: int
) -> dict[str, bytes]:
    """Cut at random events of a recording; the files of one of the cuts."""
    disk, left = Disk(recording), {}
    places = set(chance.sample(range(len(recording.events)), min(most, len(recording.events))))
    for place, event in enumerate(recording.events):
        disk.follow(event)
        if place not in places:
            continue
        for outcome in OUTCOMES if disk.unsynced else OUTCOMES[:1]:
            files = disk.cut(chance, outcome)
            report.cuts += 1
            report.unsynced += disk.unsynced > 0
            report.outcomes[outcome] = report.outcomes.get(outcome, 0) + 1
            report.acknowledged += disk.told
            before = len(report.violations)
            _judge(_laid_out(files, target), disk.told, work, report, f"{outcome} at event {place}")
            if len(report.violations) == before:
                left = files
    return left


def _laid_out(files: dict[str, bytes], target: Path) -> Path:
    """A folder with exactly these files; shared memory does not survive a cut."""
    target.mkdir(exist_ok=True)
    for path in target.iterdir():
        path.unlink()
    for name, data in files.items():
        (target / name).write_bytes(data)
    return target


def rows_of(folder: Path) -> tuple[int, Rows]:
    """Version and rows of the store in a folder. Raises StoreError."""
    store = SqliteStore.open(folder / "store.db", KEY)
    try:
        return store.version, {(space, k): v for space in "abc" for k, v in store.scan(space)}
    finally:
        store.close()


def found(folder: Path) -> tuple[int, bytes]:
    """Version and digest of the rows of the store in a folder, all of them read. Raises StoreError."""
    version, rows = rows_of(folder)
    return version, _digest(rows)


def _judge(folder: Path, told: int, work: Work, report: CutReport, where: str) -> None:
    """It opens; what it holds is one commit's state, no older than the last that returned and at most one newer."""
    try:
        version, digest = found(folder)
        head = TwoSlotHeadFile(folder / _HEAD).read()
    except ParleyError as error:
        report.violations.append(f"{where}: {error}")
        return
    if version < told:
        report.lost += 1
        report.violations.append(f"{where}: {told} commits had returned, {version} are there")
    elif version > told + 1 or work.digests.get(version) != digest:
        report.violations.append(f"{where}: version {version} does not hold what it did")
    elif lost_state(version, head):
        report.false_alarms += 1
        report.violations.append(f"{where}: the head file is at {head.version if head else 0}, the store at {version}")
