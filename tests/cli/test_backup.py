"""``parley backup`` and ``parley restore``: what is in a file, what opens it, and what is refused."""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from parley.app import backup as backups
from parley.app import meeting
from parley.app.forms import DICTIONARIES, forms_of, library
from parley.app.home import Home
from parley.app.runtime import running
from parley.cli import app
from parley.forms import packs
from parley.keys.file import NodeKeyFile
from parley.ports import Change
from parley.protocol import rows as r
from parley.stores import backup as stored
from parley.stores.datadir import DataDirectory
from parley.stores.sqlite import SqliteStore
from parley_testkit.lines import NAME, found, home_of

PASSPHRASE = "four words of mine"
RUNNER = CliRunner()
LASTING = {r.ENTRY, r.SIGNED, r.LOG, r.RECEIPT, r.ARRIVAL, r.LATER, r.MARK, r.OPEN, r.DOCUMENT, r.EVIDENCE}


def parley(*arguments: object, status: int = 0) -> Any:
    done = RUNNER.invoke(app, [*map(str, arguments), "--json"])
    assert done.exit_code == status, f"{arguments}: {done.output} {done.exception!r}"
    return json.loads(done.stdout)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """North's home, with a message in its record."""
    path = home_of(found(tmp_path)[0]).path
    parley("send", "a text to keep", "--home", path)
    return path


def key_of(home: Path) -> bytes:
    _, keys = Home(home).the_line(NAME).newest_keys()
    return keys.store_key


def texts(home: Path) -> list[str]:
    return [m["text"] for m in parley("inbox", "--all", "--home", home)]


def move(home: Path) -> Path:
    """Another machine, to which the keys alone were carried."""
    there = home.with_name("elsewhere")
    shutil.copytree(home / "lines" / NAME / "keys", there / "lines" / NAME / "keys")
    return there


def test_a_backup_without_keys_opens_where_the_keys_are(home: Path, tmp_path: Path) -> None:
    made = parley("backup", tmp_path / "b", "--home", home)
    assert (made["line"], made["keys"], made["entries"]) == (NAME, False, 2)
    assert made["bytes"] == (tmp_path / "b").stat().st_size
    assert (tmp_path / "b").stat().st_mode & 0o777 == 0o600
    nowhere = home.with_name("nowhere")
    assert parley("restore", tmp_path / "b", "--home", nowhere, status=3)["error"]["code"] == "backup-locked"
    there = move(home)
    found = parley("restore", tmp_path / "b", "--home", there)
    assert (found["made"], found["entries"]) == (made["made"], 2)
    assert texts(there) == ["a text to keep"]
    assert (there / "identity" / "party.note").read_bytes() == (home / "identity" / "party.note").read_bytes()
    assert (there / "lines" / NAME / "config.toml").exists()
    assert not list(there.rglob("roots"))
    assert sorted(p.name for p in (there / "forms").iterdir()) == sorted(p.name for p in (home / "forms").iterdir())


def test_packs_of_a_party_s_own_are_in_a_backup_whatever_their_folder_is_called(tmp_path: Path) -> None:
    """They were left out unless the folder's name ended with their hash."""
    north, south = (Home(tmp_path / code) for code in ("north", "south"))
    shipped = files(packs)
    for home in (north, south):
        meeting.init_party(home, home.path.name, home.path.name.title(), ["en"])
        own = home.forms / "ours"
        own.mkdir(parents=True)
        for file in (shipped / "check-fire").iterdir():
            data = file.read_bytes()
            newer = data.replace(b"version = 1", b"version = 7", 1) if file.name == "pack.toml" else data
            (own / file.name).write_bytes(newer)
    proposal = meeting.propose(north, NAME, [meeting.introduce(south, NAME)])
    line, membership = meeting.install(north, meeting.accept(south, proposal))
    named = membership.current.charter.packs
    assert next(p.version for p in named if p.name == "check-fire") == 7

    async def served() -> None:
        async with running(line):
            pass

    asyncio.run(served())
    backups.back_up(north, line, tmp_path / "b")
    there = Home(move(north.path))
    backups.restore(there, tmp_path / "b", NAME)
    at_hand = {p.hash for p in library(there.forms).all()}
    assert {p.hash for p in named} <= at_hand
    assert not (there.forms / "ours").exists()
    assert forms_of(membership.current.charter, there.forms).named("check-fire/answer").name == "answer"


def test_a_backup_with_keys_needs_nothing_but_its_passphrase(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "b"
    assert parley("backup", file, "--with-keys", "--home", home, status=2)["error"]["code"] == "passphrase-needed"
    monkeypatch.setenv("PARLEY_BACKUP_PASSPHRASE", "short")
    assert parley("backup", file, "--with-keys", "--home", home, status=2)["error"]["code"] == "passphrase-short"
    monkeypatch.setenv("PARLEY_BACKUP_PASSPHRASE", PASSPHRASE)
    assert parley("backup", file, "--with-keys", "--home", home)["keys"] is True
    there = home.with_name("elsewhere")
    monkeypatch.setenv("PARLEY_BACKUP_PASSPHRASE", "not the passphrase")
    assert parley("restore", file, "--home", there, status=3)["error"]["code"] == "backup-unreadable"
    monkeypatch.setenv("PARLEY_BACKUP_PASSPHRASE", PASSPHRASE)
    parley("restore", file, "--home", there)
    assert texts(there) == ["a text to keep"]
    key = there / "lines" / NAME / "keys" / "node-1.toml"
    assert key.read_bytes() == (home / "lines" / NAME / "keys" / "node-1.toml").read_bytes()
    assert key.stat().st_mode & 0o777 == 0o600


def test_people_are_asked_and_told(home: Path, tmp_path: Path) -> None:
    twice = f"{PASSPHRASE}\n{PASSPHRASE}\n"
    file, there = str(tmp_path / "b"), str(home.with_name("elsewhere"))
    done = RUNNER.invoke(app, ["backup", file, "--with-keys", "--home", str(home)], input=twice)
    assert done.exit_code == 0
    assert "keys are in it" in done.output
    done = RUNNER.invoke(app, ["restore", file, "--passphrase", "--home", there], input=f"{PASSPHRASE}\n")
    assert done.exit_code == 0
    assert "parley serve" in done.output


def test_every_space_of_rows_is_either_backed_up_or_secret(home: Path, tmp_path: Path) -> None:
    spaces = {value for name, value in vars(r).items() if name.isupper() and isinstance(value, str)}
    assert spaces == LASTING | backups.SECRET, "decide whether the new space may be in a backup"
    line, key = Home(home).the_line(NAME), key_of(home)
    store = SqliteStore.open(line.store, key)
    # As the last thing written, not yet folded into the rows, and folded.
    for _ in range(2):
        store.commit(store.version, [Change(space, b"k", space.encode() * 9) for space in sorted(spaces)])
        store.compact()
    store.commit(store.version, [Change(space, b"l", space.encode() * 9) for space in sorted(spaces)])
    store.close()
    backups.back_up(Home(home), line, tmp_path / "b")
    with stored.opened(tmp_path / "b", *backups.seal_of(key)) as backup:
        held: dict[str, set[bytes]] = {}
        for space, k, _ in backup.rows():
            held.setdefault(space, set()).add(k)
        assert set(held) == LASTING
        assert all({b"k", b"l"} <= keys for keys in held.values())
        kept = [f"forms/{p.relative_to(line.forms)}" for p in line.forms.rglob("*") if p.is_file()]
        assert len(kept) > len(DICTIONARIES)
        assert sorted(backup.files()) == sorted(
            ["config.toml", "party.note", *(f"documents/{p.name}" for p in (line.path / "documents").iterdir()), *kept]
        )


def test_nothing_can_be_read_in_it(home: Path, tmp_path: Path) -> None:
    parley("backup", tmp_path / "b", "--home", home)
    data = (tmp_path / "b").read_bytes()
    for text in (b"a text to keep", b"SQLite", b"CREATE TABLE", b"parley", b"north"):
        assert text not in data
    assert [p.name for p in tmp_path.glob(".b*")] == []


def test_what_is_there_is_not_replaced_unasked(home: Path, tmp_path: Path) -> None:
    file, line = tmp_path / "b", home / "lines" / NAME
    parley("backup", file, "--home", home)
    assert parley("backup", file, "--home", home, status=3)["error"]["code"] == "file-exists"
    parley("send", "after the backup", "--home", home)
    assert parley("restore", file, "--home", home, status=2)["error"]["code"] == "store-exists"
    (line / "config.toml").write_text("# changed since\n")
    with DataDirectory(line):
        assert parley("restore", file, "--replace", "--home", home, status=3)["error"]["code"] == "store-locked"
    assert texts(home) == ["a text to keep", "after the backup"]
    parley("restore", file, "--replace", "--home", home)
    assert texts(home) == ["a text to keep"]
    assert (line / "config.toml").read_text() == "# changed since\n"
    aside = SqliteStore.open(line / "replaced-store.db", key_of(home))
    assert aside.version > 0
    aside.close()
    assert parley("restore", file, "--replace", "--home", home, status=2)["error"]["code"] == "store-exists"


def test_a_damaged_backup_is_told_and_leaves_all_as_it_was(home: Path, tmp_path: Path) -> None:
    file, there = tmp_path / "b", move(home)
    parley("backup", file, "--home", home)
    good, chance = file.read_bytes(), random.Random(4)
    spoilt = [good[: len(good) // 2], good[:-4096], good[:10], b"", good[4096:]]
    for _ in range(60):
        data = bytearray(good)
        data[chance.randrange(16, len(data))] ^= 1 << chance.randrange(8)
        spoilt.append(bytes(data))
    for spoiled in spoilt:
        file.write_bytes(spoiled)
        told = parley("restore", file, "--home", there, status=3)["error"]["code"]
        assert told in ("store-corrupt", "backup-unreadable", "backup-locked")
        assert not (there / "lines" / NAME / "store.db").exists()
    file.write_bytes(good)
    parley("restore", file, "--home", there)


@pytest.mark.no_cover
def test_pages_of_two_backups_make_no_third(home: Path, tmp_path: Path) -> None:
    """Each page is authentic; the digest over all tells that they never were one file."""
    line = Home(home).the_line(NAME)
    for name in "bc":
        store = SqliteStore.open(line.store, key_of(home))
        store.commit(store.version, [Change(r.MARK, b"k", name.encode() * 40)])
        store.close()
        parley("backup", tmp_path / name, "--home", home)
    first, second = ((tmp_path / name).read_bytes() for name in "bc")
    assert len(first) == len(second)
    mixed = 0
    for at in range(0, len(first), 4096):
        (tmp_path / "d").write_bytes(first[:at] + second[at : at + 4096] + first[at + 4096 :])
        done = RUNNER.invoke(app, ["restore", str(tmp_path / "d"), "--home", str(move(home)), "--json"])
        mixed += "is not what was written" in done.output
        shutil.rmtree(home.with_name("elsewhere"))
    assert mixed >= 1


def test_the_store_to_be_backed_up_is_damaged_or_gone(home: Path, tmp_path: Path) -> None:
    store = home / "lines" / NAME / "store.db"
    good = store.read_bytes()
    store.write_bytes(good[:4096] + bytes(len(good) - 4096))
    assert parley("backup", tmp_path / "b", "--home", home, status=3)["error"]["code"] == "store-corrupt"
    store.unlink()
    assert parley("backup", tmp_path / "b", "--home", home, status=3)["error"]["code"] == "store-missing"
    assert not list(tmp_path.glob("*b"))


def test_the_log_of_a_store_that_is_gone_is_not_taken_for_the_new_ones(home: Path, tmp_path: Path) -> None:
    """A database that was removed alone, as after a crash: its log must not be replayed into the restored one."""
    line = Home(home).the_line(NAME)
    parley("backup", tmp_path / "b", "--home", home)
    if (child := os.fork()) == 0:
        store = SqliteStore.open(line.store, key_of(home))
        store.commit(store.version, [Change("entry", b"of another time", b"x")])
        os._exit(0)
    os.waitpid(child, 0)
    assert line.store.with_name("store.db-wal").exists()
    line.store.unlink()
    parley("restore", tmp_path / "b", "--home", home)
    store = SqliteStore.open(line.store, key_of(home))
    assert store.get("entry", b"of another time") is None
    store.close()


def test_a_file_that_belongs_nowhere_is_refused(home: Path, tmp_path: Path) -> None:
    line, key = Home(home).the_line(NAME), key_of(home)
    for n, name in enumerate(
        ("../../x", "documents/../x", "/etc/x", "keys/", "documents/.x", "store.db", "a/documents/x")
    ):
        stored.write((line.store, key), tmp_path / f"b{n}", backups.seal_of(key), (), {name: b"x"}, (NAME, 1))
        refused = parley("restore", tmp_path / f"b{n}", "--home", home, "--replace", status=3)
        assert refused["error"]["code"] == "backup-file-unknown"


def test_keys_of_another_node_are_of_no_use(home: Path, tmp_path: Path) -> None:
    parley("backup", tmp_path / "b", "--home", home)
    there = home.with_name("elsewhere")
    (there / "lines" / NAME / "keys").mkdir(parents=True)
    NodeKeyFile.draw(os.urandom).write(there / "lines" / NAME / "keys" / "node-1.toml")
    assert parley("restore", tmp_path / "b", "--home", there, status=3)["error"]["code"] == "backup-locked"
