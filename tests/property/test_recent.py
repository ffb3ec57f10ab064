"""Rows with the newest commits laid over them read as if each commit had been applied at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parley.protocol.rows import Change
from parley.stores import sqlite
from parley.stores.recent import encode_changes, lay_over
from parley.stores.sqlite import SqliteStore
from parley.stores.sqlite_reader import open_connection

KEY = bytes(range(32))
KEYS = st.binary(min_size=1, max_size=2)
CHANGES = st.lists(
    st.builds(Change, st.sampled_from(["entry", "log"]), KEYS, st.none() | st.binary(max_size=3)), max_size=6
)


@given(CHANGES)
def test_a_commit_is_read_back_as_it_was_made(changes: list[Change]) -> None:
    overlay: dict[str, dict[bytes, bytes | None]] = {}
    lay_over(overlay, encode_changes(changes))
    wanted: dict[str, dict[bytes, bytes | None]] = {}
    for change in changes:
        wanted.setdefault(change.space, {})[change.key] = change.value
    assert overlay == wanted


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(commits=st.lists(CHANGES, min_size=1, max_size=12), start=KEYS, end=st.none() | KEYS, limit=st.integers(0, 4))
def test_gets_and_scans_agree_with_a_dictionary(
    tmp_path_factory: pytest.TempPathFactory,
    commits: list[list[Change]],
    start: bytes,
    end: bytes | None,
    limit: int,
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite, "FOLD_COMMITS", 3)
        patch.setattr(sqlite, "LARGE_CHANGES", 5)
        store = SqliteStore.create(tmp_path_factory.mktemp("store") / "store.db", KEY)
        reader = store.reader()
        model: dict[tuple[str, bytes], bytes] = {}
        for number, changes in enumerate(commits):
            assert store.commit(number, changes) == number + 1
            for c in changes:
                model.pop((c.space, c.key), None)
                if c.value is not None:
                    model[c.space, c.key] = c.value
            for view in (store, reader):
                rows = sorted((k, v) for (s, k), v in model.items() if s == "entry")
                within = [(k, v) for k, v in rows if k >= start and (end is None or k < end)]
                assert list(view.scan("entry")) == rows
                assert list(view.scan("entry", start, end)) == within
                assert list(view.scan("entry", start, end, limit=limit)) == within[:limit]
                assert list(view.scan("entry", start, end, reverse=True, limit=limit)) == within[::-1][:limit]
                assert view.get("entry", start) == model.get(("entry", start))
        reader.close()
        store.close()


def test_a_store_of_the_format_before_is_brought_up_to_date(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    store = SqliteStore.create(path, KEY)
    store.commit(0, [Change("entry", bytes((n,)), b"v") for n in range(100)])
    store.close()
    old = open_connection(path, KEY, writable=True)
    old.execute(
        "BEGIN; DROP TABLE recent; INSERT INTO meta VALUES('version', 1);"
        "UPDATE meta SET value=1 WHERE name='format'; COMMIT"
    )
    old.close()
    store = SqliteStore.open(path, KEY)
    assert store.version == 1
    assert len(list(store.scan("entry"))) == 100
    assert store.commit(1, [Change("entry", b"new", b"v")]) == 2
    assert store.get("entry", b"new") == b"v"
    store.close()
