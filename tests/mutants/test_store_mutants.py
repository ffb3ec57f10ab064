"""The same for the store on a real disk: a cipher that is not in effect, a head file whose slots do not alternate."""

from __future__ import annotations

from pathlib import Path
from unittest import mock

import pytest

from parley.errors import ParleyError
from parley.ports import Change, Head
from parley.stores import cipher, headfile
from parley.stores.sqlite import SqliteStore

KEY = bytes(range(32))


def test_a_cipher_that_is_not_loaded_is_noticed(tmp_path: Path) -> None:
    with mock.patch.object(cipher, "apply_key"):
        with pytest.raises(ParleyError) as caught:
            SqliteStore.create(tmp_path / "record.db", KEY).close()
        assert caught.value.code == "cipher-not-in-effect"


def test_a_store_in_clear_is_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "record.db"
    path.write_bytes(b"SQLite format 3\0" + bytes(4080))
    with pytest.raises(ParleyError) as caught:
        SqliteStore.open(path, KEY)
    assert caught.value.code == "cipher-not-in-effect"


def _torn(path: Path) -> Head | None:
    """Write heads 1 to 3, the last of them torn halfway; what is then read."""
    file = headfile.TwoSlotHeadFile(path)
    for version in (1, 2):
        file.write(Head(version, bytes(8), version, bytes(32)), sync=True)
    before = path.read_bytes()
    file.write(Head(3, bytes(8), 3, bytes(32)), sync=True)
    file.close()
    after = path.read_bytes()
    changed = next(n for n in range(len(after)) if before[n] != after[n])
    path.write_bytes(after[: changed + 8] + before[changed + 8 :])
    return headfile.TwoSlotHeadFile(path).read()


def test_a_torn_head_leaves_the_one_before(tmp_path: Path) -> None:
    head = _torn(tmp_path / "head")
    assert head is not None
    assert head.version == 2


def test_slots_that_do_not_alternate_are_noticed(tmp_path: Path) -> None:
    real = headfile.TwoSlotHeadFile.write

    def write(self: headfile.TwoSlotHeadFile, head: Head, *, sync: bool) -> None:
        self._synced_slot = 1
        real(self, head, sync=sync)

    with mock.patch.object(headfile.TwoSlotHeadFile, "write", write), pytest.raises(ParleyError) as caught:
        _torn(tmp_path / "head")
    assert caught.value.code == "head-corrupt"


def test_a_commit_that_is_not_synced_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "record.db"
    store = SqliteStore.create(path, KEY)
    store.commit(store.version, [Change("entry", b"key", b"value")])
    assert store.get("entry", b"key") == b"value"
    (mode,) = store._writer.execute("PRAGMA synchronous").fetchone()  # type: ignore[misc]
    store.close()
    assert mode == 2
