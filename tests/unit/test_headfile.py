"""The head file's format, its slots, and what it says about the store."""

from __future__ import annotations

from pathlib import Path

import pytest

from parley.errors import StoreCorrupt, StoreError, UsageError
from parley.ports import Change, Head
from parley.stores import MemoryStore, TwoSlotHeadFile, lost_state
from parley.stores.headfile import SLOT_BYTES


def head(number: int) -> Head:
    return Head(number, number.to_bytes(8, "big"), number, bytes([number]) * 32)


def test_what_was_synced_last_stays_until_something_newer_is(tmp_path: Path) -> None:
    file = TwoSlotHeadFile(tmp_path / "head")
    file.write(head(1), sync=False)
    synced = 0
    for number in range(2, 20):
        before = (tmp_path / "head").read_bytes()
        file.write(head(number), sync=number % 5 == 0)
        now = (tmp_path / "head").read_bytes()
        assert len(now) == 2 * SLOT_BYTES
        assert now[synced : synced + SLOT_BYTES] == before[synced : synced + SLOT_BYTES]
        assert now[SLOT_BYTES - synced :][:16] == b"parley/head/v1\0\0"
        assert file.read() == head(number)
        if number % 5 == 0:
            synced = SLOT_BYTES - synced
    file.close()
    file.close()
    file.write(head(20), sync=True)
    assert file.read() == head(20)
    file.close()


@pytest.mark.parametrize("place", [0, 15, 16, 23, 24, 40, 79, 80, 4000, 4064, 4095])
def test_a_flipped_bit_anywhere_in_a_slot_is_noticed(tmp_path: Path, place: int) -> None:
    path = tmp_path / "head"
    file = TwoSlotHeadFile(path)
    file.write(head(1), sync=False)
    file.write(head(2), sync=False)
    file.close()
    data = bytearray(path.read_bytes())
    data[SLOT_BYTES + place] ^= 1
    path.write_bytes(data)
    assert TwoSlotHeadFile(path).read() == head(1)
    data[place] ^= 1
    path.write_bytes(data)
    with pytest.raises(StoreCorrupt) as caught:
        TwoSlotHeadFile(path).read()
    assert caught.value.code == "head-corrupt"
    with pytest.raises(StoreCorrupt):
        TwoSlotHeadFile(path).write(head(3), sync=True)


@pytest.mark.parametrize("length", [0, 1, 4095, 4096, 8191])
def test_a_file_that_is_cut_off(tmp_path: Path, length: int) -> None:
    path = tmp_path / "head"
    file = TwoSlotHeadFile(path)
    file.write(head(1), sync=False)
    file.write(head(2), sync=False)
    file.close()
    path.write_bytes(path.read_bytes()[:length])
    if length < SLOT_BYTES:
        with pytest.raises(StoreCorrupt):
            TwoSlotHeadFile(path).read()
    else:
        assert TwoSlotHeadFile(path).read() == head(1)


def test_creation_that_was_killed_half_way_leaves_no_head(tmp_path: Path) -> None:
    (tmp_path / "head.new").write_bytes(b"left over")
    file = TwoSlotHeadFile(tmp_path / "head")
    assert file.read() is None
    file.write(head(1), sync=False)
    assert file.read() == head(1)
    file.close()
    assert [path.name for path in tmp_path.iterdir()] == ["head"]


@pytest.mark.parametrize("wrong", [Head(1, bytes(7), 1, bytes(32)), Head(1, bytes(8), 1, bytes(31))])
def test_lengths_are_checked(tmp_path: Path, wrong: Head) -> None:
    with pytest.raises(UsageError):
        TwoSlotHeadFile(tmp_path / "head").write(wrong, sync=False)


def test_a_path_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "folder", tmp_path / "none" / "head"):
        with pytest.raises(StoreError):
            TwoSlotHeadFile(path).write(head(1), sync=True)
    with pytest.raises(StoreError):
        TwoSlotHeadFile(tmp_path / "folder").read()


def test_an_old_state_put_back_is_noticed() -> None:
    store = MemoryStore()
    store.commit(0, [Change("a", b"k", b"1")])
    backup = store.copy()
    store.commit(1, [Change("a", b"k", b"2")])
    store.commit(2, [Change("a", b"k", b"3")])
    assert lost_state(store.version, head(3)) == 0
    assert lost_state(backup.version, head(3)) == 2
    # The head file may lag behind the store; that is no loss.
    assert lost_state(store.version, head(2)) == 0
    assert lost_state(store.version, None) == 0
