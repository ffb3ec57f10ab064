"""What SqliteStore refuses, and how it sets SQLite up."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import apsw
import pytest

from parley.errors import KeyUnavailable, ParleyError, StoreConflict, StoreCorrupt, StoreError, StoreVersion
from parley.ports import Change
from parley.stores import cipher, sqlite, sqlite_reader
from parley.stores.sqlite import CHECKPOINT_PAGES, SqliteStore

KEY = bytes(range(32))
OTHER_KEY = bytes(range(1, 33))
VALUE = b"a value that is easy to find"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "store.db"
    SqliteStore.create(path, KEY).close()
    return path


def no_key(_connection: apsw.Connection, _key: bytes, _salt: bytes | None = None) -> None:
    """What the package of the same name without the cipher does with a key: nothing."""


def code_of(path: Path, key: bytes = KEY) -> str:
    with pytest.raises(ParleyError) as caught:
        SqliteStore.open(path, key)
    return caught.value.code


def test_wrong_key_is_told_from_damage(path: Path) -> None:
    with pytest.raises(KeyUnavailable) as caught:
        SqliteStore.open(path, OTHER_KEY)
    assert caught.value.code == "store-key-wrong"
    assert "passphrase or key file" in caught.value.next_step
    SqliteStore.open(path, KEY).close()


@pytest.mark.parametrize("length", [0, 16, 31, 33, 64])
def test_a_key_has_32_bytes(path: Path, length: int) -> None:
    with pytest.raises(KeyUnavailable):
        SqliteStore.open(path, bytes(length))
    with pytest.raises(KeyUnavailable):
        SqliteStore.create(path.with_name("new.db"), bytes(length))


@pytest.mark.parametrize("place", [0, 7, 15, 16, 20, 24, 100, 4095, 4096, 5000])
def test_damage_to_the_first_pages_is_not_taken_for_a_wrong_key(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 0x10
    path.write_bytes(data)
    with pytest.raises(StoreCorrupt) as caught:
        SqliteStore.open(path, KEY)
    assert caught.value.code == "store-corrupt"


@pytest.mark.parametrize("length", [0, 15, 100, 4096])
def test_a_file_that_is_cut_off_is_damage(path: Path, length: int) -> None:
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(StoreCorrupt):
        SqliteStore.open(path, KEY)


def test_missing_and_existing_files(path: Path, tmp_path: Path) -> None:
    assert code_of(tmp_path / "none.db") == "store-missing"
    assert not (tmp_path / "none.db").exists()
    with pytest.raises(StoreError) as caught:
        SqliteStore.create(path, KEY)
    assert caught.value.code == "store-exists"


def test_a_folder_in_its_place(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    assert code_of(tmp_path / "folder") == "store-io"
    with pytest.raises(StoreError) as caught:
        SqliteStore.create(tmp_path / "no-such-folder" / "store.db", KEY)
    assert caught.value.code == "store-io"


def test_creation_that_was_killed_half_way_begins_again(tmp_path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        (tmp_path / f"store.db.new{suffix}").write_bytes(b"left over")
    SqliteStore.create(tmp_path / "store.db", KEY).close()
    assert [file.name for file in tmp_path.iterdir()] == ["store.db"]


def test_other_format_version(path: Path) -> None:
    connection = sqlite_reader.open_connection(path, KEY, writable=True)
    connection.execute("UPDATE meta SET value=3 WHERE name='format'")
    connection.close()
    with pytest.raises(StoreVersion) as caught:
        SqliteStore.open(path, KEY)
    assert "format 2" in str(caught.value)


def test_library_that_is_too_old(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apsw, "sqlite_lib_version", lambda: "3.51.2")
    assert code_of(path) == "sqlite-too-old"
    monkeypatch.setattr(apsw, "sqlite_lib_version", lambda: "3.51.3")
    SqliteStore.open(path, KEY).close()


def test_library_without_the_cipher(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(apsw, "mc_version")
    assert code_of(path) == "cipher-not-in-effect"


def test_creation_without_encryption_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cipher, "apply_key", no_key)
    with pytest.raises(StoreError) as caught:
        SqliteStore.create(tmp_path / "store.db", KEY)
    assert caught.value.code == "cipher-not-in-effect"
    assert "store.db.new-wal" in caught.value.message
    assert not (tmp_path / "store.db").exists()


def test_a_plain_database_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = plain_store(tmp_path, monkeypatch)
    monkeypatch.undo()
    assert path.read_bytes().startswith(b"SQLite format 3\0")
    assert code_of(path) == "cipher-not-in-effect"


def test_each_look_for_the_marker_finds_it_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = plain_store(tmp_path, monkeypatch)
    monkeypatch.setattr(cipher, "_PLAIN_HEADER", b"never found")
    connection = sqlite_reader.open_connection(path, KEY, writable=True)
    with pytest.raises(StoreError, match="-wal can be read"):
        cipher.check_in_effect(connection, path)
    # A log that cannot be read, beside a database that can.
    hidden = tmp_path / "hidden.db"
    hidden.with_name("hidden.db-wal").write_bytes(bytes(100))
    connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    hidden.write_bytes(path.read_bytes())
    marker = connection.execute("SELECT value FROM meta WHERE name='marker'").get
    monkeypatch.setattr(os, "urandom", lambda _: bytes.fromhex(marker.decode()[-32:]))
    with pytest.raises(StoreError, match=r"hidden\.db can be read"):
        cipher.check_in_effect(connection, hidden)
    connection.close()


def plain_store(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store as it would be without the cipher and without the checks for it."""
    monkeypatch.setattr(cipher, "apply_key", no_key)
    with monkeypatch.context() as unchecked:
        unchecked.setattr(cipher, "check_in_effect", lambda *_: None)
        unchecked.setattr(cipher, "check_key", lambda *_: None)
        SqliteStore.create(folder / "plain.db", KEY).close()
    return folder / "plain.db"


def test_nothing_can_be_read_from_the_files(path: Path) -> None:
    store = SqliteStore.open(path, KEY)
    store.commit(0, [Change("space-name", b"key-" + VALUE, VALUE)])
    files = [path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")]
    for file in files:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
        for text in (VALUE, b"space-name", b"CREATE TABLE", b"SQLite format 3"):
            assert text not in file.read_bytes(), (file, text)
    store.close()
    assert VALUE not in path.read_bytes()
    assert not files[1].exists()


@pytest.mark.parametrize("secure", [True, False])
def test_deleted_values_are_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, secure: bool) -> None:
    # Without the cipher, so that what is left can be seen; with the setting off, to show that it matters.
    for name in ("check_in_effect", "check_key"):
        monkeypatch.setattr(cipher, name, lambda *_: None)
    monkeypatch.setattr(cipher, "apply_key", no_key)
    if not secure:
        monkeypatch.setitem(sqlite_reader._SETTINGS, "secure_delete", "OFF")
        monkeypatch.setattr(sqlite, "check_format", lambda *_: None)
    store = SqliteStore.create(tmp_path / "store.db", KEY)
    version = store.commit(0, [Change("a", bytes([i]), VALUE + bytes(3000 * (i % 2))) for i in range(100)])
    store.close()
    assert (tmp_path / "store.db").read_bytes().count(VALUE) >= 100
    store = SqliteStore.open(tmp_path / "store.db", KEY)
    store.commit(version, [Change("a", bytes([i]), b"x" if i % 3 else None) for i in range(100)])
    store.close()
    assert (VALUE in (tmp_path / "store.db").read_bytes()) == (not secure)


def test_the_log_stays_short_and_a_long_scan_only_delays_it(path: Path) -> None:
    store = SqliteStore.open(path, KEY)
    version = 0
    highest = 0

    def write(commits: int) -> None:
        nonlocal version, highest
        for _ in range(commits):
            rows = [Change("a", (version * 7 + i).to_bytes(4, "big"), bytes(600)) for i in range(7)]
            version = store.commit(version, rows)
            highest = max(highest, store.wal_pages)

    write(400)
    assert CHECKPOINT_PAGES <= highest < 2 * CHECKPOINT_PAGES
    scan = store.scan("a")
    next(scan)
    write(300)
    assert store.wal_pages > CHECKPOINT_PAGES
    assert len(list(scan)) == 400 * 7 - 1
    write(400)
    assert store.wal_pages < 2 * CHECKPOINT_PAGES
    assert len(list(store.scan("a"))) == 1100 * 7
    store.close()


def test_two_writers_conflict_and_neither_overwrites(path: Path) -> None:
    first, second = SqliteStore.open(path, KEY), SqliteStore.open(path, KEY)
    first.commit(0, [Change("a", b"k", b"first")])
    with pytest.raises(StoreConflict):
        second.commit(0, [Change("a", b"k", b"second")])
    assert second.version == 1
    assert second.get("a", b"k") == b"first"
    first.close()
    second.close()


def test_a_closed_store_says_so(path: Path) -> None:
    store = SqliteStore.open(path, KEY)
    reader = store.reader()
    store.close()
    for call in (
        lambda: store.version,
        lambda: store.get("a", b"k"),
        lambda: store.scan("a"),
        lambda: store.commit(0, []),
        store.reader,
        store.compact,
    ):
        with pytest.raises(StoreError) as caught:
            call()
        assert caught.value.code == "store-closed"
    assert reader.get("a", b"k") is None
    reader.close()


def test_an_error_of_the_caller_leaves_nothing_behind(path: Path) -> None:
    store = SqliteStore.open(path, KEY)
    with pytest.raises(TypeError):
        store.commit(0, [Change("a", b"k", b"v"), Change("a", b"l", object())])  # type: ignore[arg-type]
    assert store.get("a", b"k") is None
    assert store.commit(0, [Change("a", b"k", b"v")]) == 1
    store.close()


def test_compacting_gives_back_room_and_changes_nothing(path: Path) -> None:
    store = SqliteStore.open(path, KEY)
    store.commit(0, [Change("a", i.to_bytes(2, "big"), bytes(2000)) for i in range(1000)])
    store.commit(1, [Change("a", i.to_bytes(2, "big"), None) for i in range(990)])
    store.close()
    before = path.stat().st_size
    store = SqliteStore.open(path, KEY)
    store.compact()
    assert store.version == 2
    assert len(list(store.scan("a"))) == 10
    store.close()
    assert path.stat().st_size < before / 10
    SqliteStore.open(path, KEY).close()


def test_a_schema_with_a_trigger_does_nothing(path: Path) -> None:
    connection = sqlite_reader.open_connection(path, KEY, writable=True)
    connection.execute("CREATE TRIGGER t AFTER INSERT ON row BEGIN DELETE FROM row; END")
    connection.close()
    store = SqliteStore.open(path, KEY)
    store.commit(0, [Change("a", b"k", b"v")])
    assert store.get("a", b"k") == b"v"
    store.close()
