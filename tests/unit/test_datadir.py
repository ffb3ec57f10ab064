"""The data directory: one process, one layout. A second process is in tests/crash."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from parley.errors import StoreError, StoreLocked, StoreVersion
from parley.stores import DataDirectory
from parley.stores.datadir import LAYOUT


def test_made_for_the_owner_only_and_held(tmp_path: Path) -> None:
    path = tmp_path / "a" / "data"
    with DataDirectory(path, command="parley run") as held:
        assert held.path == path
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
        assert (path / "layout").read_text() == LAYOUT
        assert (path / "lock").read_text() == f"{os.getpid()}\nparley run\n"
        with pytest.raises(StoreLocked) as caught:
            DataDirectory(path)
        assert f"process {os.getpid()} (parley run)" in caught.value.message
        assert f"kill {os.getpid()}" in caught.value.next_step
    held.close()
    DataDirectory(path).close()
    assert sorted(file.name for file in path.iterdir()) == ["layout", "lock"]


def test_a_lock_left_by_a_dead_process_holds_nothing_up(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("1\nparley run\n" + "x" * 5000)
    with DataDirectory(tmp_path, command="parley run"):
        assert (tmp_path / "lock").read_text() == f"{os.getpid()}\nparley run\n"


def test_other_layout(tmp_path: Path) -> None:
    DataDirectory(tmp_path).close()
    (tmp_path / "layout").write_text("parley data directory, layout 2\n")
    for _ in range(2):
        with pytest.raises(StoreVersion) as caught:
            DataDirectory(tmp_path)
        assert "layout 2" in caught.value.message


def test_a_layout_written_half_way_is_written_again(tmp_path: Path) -> None:
    (tmp_path / "layout.new").write_text("parl")
    DataDirectory(tmp_path).close()
    assert (tmp_path / "layout").read_text() == LAYOUT


def test_a_path_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError) as caught:
        DataDirectory(tmp_path / "file")
    assert caught.value.code == "store-io"
