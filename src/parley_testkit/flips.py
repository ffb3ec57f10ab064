"""Damage by the thousand: a bit flipped or an end cut off, in the database or log of a store that was killed."""

from __future__ import annotations

import random
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from parley.errors import ParleyError
from parley.ports import Head
from parley.stores import SqliteStore, TwoSlotHeadFile, lost_state
from parley_testkit.cuts import KEY, Work, found, small_laps
from parley_testkit.disk import Disk, recorded

DAMAGE: Final = ("bit of the database", "bit of the log", "end of the database", "end of the log")
_COMMITS: Final = 55


@dataclass(slots=True)
class FlipReport:
    """What was damaged, and what came of it."""

    done: int = 0
    told: dict[str, int] = field(default_factory=dict)
    """By damage and outcome. ``refused``: the store says that it is damaged; ``behind``: an earlier commit's state,
    and the head file tells; ``whole``: nothing is missing."""
    violations: list[str] = field(default_factory=list)
    seconds: float = 0.0


def flips(folder: Path, count: int, seed: int) -> FlipReport:
    """Damage a killed store in ``count`` ways, all drawn from ``seed``; a new store every hundred."""
    report, chance, began = FlipReport(), random.Random(seed), time.monotonic()
    with small_laps():
        while report.done < count:
            home = folder / f"store{report.done}"
            home.mkdir()
            work = _killed(home, chance)
            for _ in range(min(100, count - report.done)):
                _damage(home, folder / "damaged", work, report, chance)
            shutil.rmtree(home)
    report.seconds = round(time.monotonic() - began, 1)
    return report


def _killed(home: Path, chance: random.Random) -> Work:
    """A store, its log and head file as a process leaves them that is killed while it works."""
    SqliteStore.create(home / "store.db", KEY).close()
    work = Work(chance)
    with recorded(home) as recording:
        store = SqliteStore.open(home / "store.db", KEY)
        version = 0
        for _ in range(_COMMITS + chance.randrange(20)):
            version = store.commit(version, work.commit(version + 1))
        disk = Disk(recording)
        for event in recording.events:
            disk.follow(event)
        files = disk.cut(chance, "all")
        store.close()
    for name, data in files.items():
        (home / name).write_bytes(data)
    head = TwoSlotHeadFile(home / "head")
    head.write(Head(version, b"incarnat", version, bytes(32)), sync=True)
    head.close()
    return work


def _damage(home: Path, target: Path, work: Work, report: FlipReport, chance: random.Random) -> None:
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(home, target)
    kind = chance.choice(DAMAGE)
    path = target / ("store.db" if kind.endswith("database") else "store.db-wal")
    data = bytearray(path.read_bytes())
    place = chance.randrange(len(data))
    if kind.startswith("bit"):
        data[place] ^= 1 << chance.randrange(8)
    else:
        del data[place:]
    path.write_bytes(data)
    outcome = _outcome(target, work)
    report.done += 1
    if outcome in ("refused", "behind", "whole"):
        what = f"{kind}: {outcome}"
        report.told[what] = report.told.get(what, 0) + 1
    else:
        report.violations.append(f"{kind} {place} of {len(data)}: {outcome}")


def _outcome(folder: Path, work: Work, *, again: bool = True) -> str:
    try:
        version, digest = found(folder)
    except ParleyError as error:
        if again:
            # What was refused once is not accepted because somebody tries once more.
            second = _outcome(folder, work, again=False)
            return second if second == "refused" else f"refused, then {second}"
        return "refused" if error.code == "store-corrupt" else str(error)
    lost = lost_state(version, TwoSlotHeadFile(folder / "head").read())
    if work.digests.get(version) != digest:
        return f"it opens at version {version} and holds what no commit left; the head file tells of {lost} lost"
    return "behind" if lost else "whole"
