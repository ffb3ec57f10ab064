"""Flipped bits and cut files: a store says so, or is some commit's state and the head file tells what is gone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from parley.errors import StoreCorrupt
from parley.ports import Change
from parley.stores import SqliteStore
from parley_testkit import figures
from parley_testkit.cuts import KEY, SMALL_LAP, small_laps
from parley_testkit.flips import DAMAGE, flips


@pytest.fixture
def folder() -> Iterator[Path]:
    with TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as name:
        yield Path(name)


@pytest.mark.parametrize(
    ("count", "seed"), [(240, 3), pytest.param(4_000, 64, marks=[pytest.mark.soak, pytest.mark.timeout(1800)])]
)
def test_no_damage_is_taken_for_what_was_written(folder: Path, count: int, seed: int) -> None:
    report = flips(folder, count, seed=seed)
    figures.report("damage", **asdict(report))
    assert report.violations == []
    assert report.done == count
    outcomes = {what.partition(": ")[2] for what in report.told}
    assert outcomes == {"refused", "behind", "whole"}
    assert all(any(what.startswith(kind) for what in report.told) for kind in DAMAGE)


def copied_and_killed(path: Path) -> None:
    """A store whose process dies right after the log was copied, before the next commit begins it anew."""
    SqliteStore.create(path, KEY).close()
    if (child := os.fork()) == 0:
        with small_laps():
            store = SqliteStore.open(path, KEY)
            while store.wal_pages < SMALL_LAP:
                store.commit(store.version, [Change("a", b"k", store.version.to_bytes(4, "big") * 20)])
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0


def test_a_log_that_was_cut_after_it_was_copied_is_not_laid_over_the_database(folder: Path) -> None:
    """SQLite would take the pages in what is left of it for newer than the database's, which they are not."""
    path = folder / "store.db"
    copied_and_killed(path)
    log = path.with_name("store.db-wal")
    log.write_bytes(log.read_bytes()[: 32 + 12 * 4120])
    before = path.read_bytes()
    for _ in range(2):
        with pytest.raises(StoreCorrupt, match="the log is damaged"):
            SqliteStore.open(path, KEY)
        assert path.read_bytes() == before
