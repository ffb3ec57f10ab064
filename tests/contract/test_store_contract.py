"""Every store and the head file against the contract suites."""

from __future__ import annotations

import itertools
from pathlib import Path

from parley.ports import Change, Store
from parley.stores import MemoryStore, SqliteStore, TwoSlotHeadFile
from parley_testkit.contracts.store import check_head_file, check_store

KEY = bytes(range(32))


def test_memory_store_keeps_the_contract() -> None:
    def reopen(store: Store) -> Store:
        assert isinstance(store, MemoryStore)
        return store.reopen()

    check_store(MemoryStore, reopen)


def test_sqlite_store_keeps_the_contract(tmp_path: Path) -> None:
    numbers = itertools.count()
    paths: dict[int, Path] = {}

    def make() -> Store:
        path = tmp_path / f"{next(numbers)}.db"
        store = SqliteStore.create(path, KEY)
        paths[id(store)] = path
        return store

    def reopen(store: Store) -> Store:
        path = paths[id(store)]
        store.close()
        again = SqliteStore.open(path, KEY)
        paths[id(again)] = path
        return again

    check_store(make, reopen)


def test_head_file_keeps_the_contract(tmp_path: Path) -> None:
    path = tmp_path / "head"

    def damage_newest() -> None:
        data = bytearray(path.read_bytes())
        newest = max((0, 4096), key=lambda at: bytes(data[at + 16 : at + 24]))
        data[newest + 50] ^= 1
        # The damaged slot is not to be found as the newest again.
        data[newest + 16 : newest + 24] = bytes(8)
        path.write_bytes(data)

    check_head_file(lambda: TwoSlotHeadFile(path), damage_newest)


def test_a_copy_of_a_memory_store_is_independent() -> None:
    store = MemoryStore()
    store.commit(0, [Change("a", b"k", b"1")])
    copy = store.copy()
    store.commit(1, [Change("a", b"k", b"2")])
    assert (copy.version, copy.get("a", b"k")) == (1, b"1")
    copy.commit(1, [Change("a", b"k", b"3")])
    assert store.get("a", b"k") == b"2"
