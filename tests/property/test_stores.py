"""Random commits, scans and reopenings: the stores against a dictionary."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.errors import StoreConflict, StoreCorrupt
from parley.ports import Change, Head, Reader, Store
from parley.stores import MemoryStore, SqliteStore, TwoSlotHeadFile

KEY = bytes(range(32))
SPACES = st.sampled_from(["a", "b", "ab"])
KEYS = st.one_of(st.binary(max_size=3), st.sampled_from([b"", b"\x00", b"\xff", b"\xff\xff", b"k"]))
CHANGES = st.builds(Change, SPACES, KEYS, st.none() | st.binary(max_size=5) | st.just(bytes(5000)))
SCANS = st.tuples(SPACES, KEYS, st.none() | KEYS, st.booleans(), st.none() | st.integers(0, 5))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("commit"), st.lists(CHANGES, max_size=8)),
        st.tuples(st.just("conflict"), st.lists(CHANGES, max_size=3)),
        st.tuples(st.just("scan"), SCANS),
        st.tuples(st.just("reopen"), st.none()),
    ),
    max_size=15,
)
Model = dict[tuple[str, bytes], bytes]
Scan = tuple[str, bytes, bytes | None, bool, int | None]


def right(model: Model, scan: Scan) -> list[tuple[bytes, bytes]]:
    space, start, end, reverse, limit = scan
    rows = [
        (key, value)
        for (where, key), value in model.items()
        if where == space and key >= start and (end is None or key < end)
    ]
    return sorted(rows, reverse=reverse)[:limit]


def compare(view: Reader, model: Model) -> None:
    for space in ("a", "b", "ab"):
        assert list(view.scan(space)) == right(model, (space, b"", None, False, None))
    for (space, key), value in model.items():
        assert view.get(space, key) == value


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
@given(steps=STEPS)
def test_a_store_is_a_dictionary(kind: str, steps: list[tuple[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store.db"
        store: Store = MemoryStore() if kind == "memory" else SqliteStore.create(path, KEY)
        model: Model = {}
        version = 0
        for action, given_ in steps:
            if action == "reopen":
                if isinstance(store, MemoryStore):
                    store = store.reopen()
                else:
                    store.close()
                    store = SqliteStore.open(path, KEY)
            elif action == "scan":
                space, start, end, reverse, limit = scan = given_
                assert list(store.scan(space, start, end, reverse=reverse, limit=limit)) == right(model, scan)
            elif action == "conflict":
                with pytest.raises(StoreConflict):
                    store.commit(version + 1, given_)
            else:
                version = store.commit(version, given_)
                for change in given_:
                    model.pop((change.space, change.key), None)
                    if change.value is not None:
                        model[change.space, change.key] = change.value
            assert store.version == version
        compare(store, model)
        reader = store.reader()
        compare(reader, model)
        reader.close()
        store.close()


@given(
    heads=st.lists(
        st.builds(
            Head,
            st.integers(0, 2**64 - 1),
            st.binary(min_size=8, max_size=8),
            st.integers(0, 2**64 - 1),
            st.binary(min_size=32, max_size=32),
        ),
        min_size=1,
        max_size=6,
    ),
    synced=st.lists(st.booleans(), min_size=6, max_size=6),
    cut=st.integers(0, 4096),
)
def test_a_head_file_gives_back_the_newest_and_a_torn_write_the_newest_synced(
    heads: list[Head], synced: list[bool], cut: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "head"
        file = TwoSlotHeadFile(path)
        before, kept = b"", heads[0]
        for number, (head, sync) in enumerate(zip(heads, synced, strict=False)):
            before = path.read_bytes() if path.exists() else b""
            file.write(head, sync=sync)
            assert TwoSlotHeadFile(path).read() == head
            # The write that is torn below must not count as synced.
            kept = head if sync and number < len(heads) - 1 else kept
        file.close()
        if len(heads) == 1:
            return
        after = path.read_bytes()
        place = 0 if before[:4096] != after[:4096] else 4096
        # The first bytes of the slot are new, the rest are what was there.
        path.write_bytes(after[: place + cut] + before[place + cut : place + 4096] + after[place + 4096 :])
        assert TwoSlotHeadFile(path).read() in (*heads[-2:], kept)


@given(data=st.binary(max_size=9000))
def test_any_bytes_are_no_head_file(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "head"
        path.write_bytes(data)
        with pytest.raises(StoreCorrupt):
            TwoSlotHeadFile(path).read()
