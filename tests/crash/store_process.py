"""A process that uses the store and is killed, starved or watched while it does. Run by the tests beside it.

python store_process.py create FOLDER            make a store
python store_process.py commits FOLDER COUNT     commit, write the head, then say "acked N"; with "careless", never sync
python store_process.py check FOLDER VERSION     every row up to the store's version is there, and the head file lags
python store_process.py full FOLDER              fill the folder's file system and check
python store_process.py limited FOLDER BYTES     commit until files may grow no more
python store_process.py hold FOLDER              hold the data directory until killed
"""

from __future__ import annotations

import os
import resource
import sys
import time
from pathlib import Path
from typing import Any

from parley.errors import OutcomeUnknown, StoreFull
from parley.ports import Change, Head
from parley.stores import DataDirectory, SqliteStore, TwoSlotHeadFile, lost_state
from parley_testkit.contracts.store import check_full

KEY = bytes(range(32))


def rows(version: int) -> list[Change]:
    """What the commit that makes ``version`` puts: five small rows, and one that each commit changes."""
    value = version.to_bytes(8, "big") * 12
    spaces = ("entry", "signed", "receipt", "arrival")
    return [*(Change(space, value[:8], value) for space in spaces), Change("meta", b"last", value)]


def head(version: int) -> Head:
    return Head(version, b"incarnat", version, version.to_bytes(32, "big"))


def say(text: str) -> None:
    # One write: it is either all in the pipe when the process dies, or not at all.
    os.write(1, text.encode() + b"\n")


def create(folder: Path) -> None:
    SqliteStore.create(folder / "store.db", KEY).close()


def check(folder: Path, at_least: int) -> None:
    store = SqliteStore.open(folder / "store.db", KEY)
    version = store.version
    for space in ("entry", "signed", "receipt", "arrival"):
        wanted = [(n.to_bytes(8, "big"), n.to_bytes(8, "big") * 12) for n in range(1, version + 1)]
        if list(store.scan(space)) != wanted:
            raise SystemExit(f"{space} does not hold what version {version} did")
    store.close()
    last = TwoSlotHeadFile(folder / "head").read()
    if last is not None and lost_state(version, last):
        raise SystemExit(f"the head file is at {last.version}, the store at {version}")
    say(f"found {version} of {at_least}")


def commits(folder: Path, count: int, *, careless: bool = False) -> None:
    store = SqliteStore.open(folder / "store.db", KEY)
    if careless:
        store._writer.pragma("synchronous", 0)
    head_file = TwoSlotHeadFile(folder / "head")
    version = store.version
    head_file.write(head(version), sync=True)
    say("begin")
    for _ in range(count):
        version = store.commit(version, rows(version + 1))
        head_file.write(head(version), sync=False)
        say(f"acked {version}")
    say("end")


def full(folder: Path) -> None:
    path, filler = folder / "store.db", folder / "filler"
    store = SqliteStore.create(path, KEY)
    head_file = TwoSlotHeadFile(folder / "head")
    head_file.write(head(0), sync=True)
    head_file.write(head(1), sync=True)

    def fill() -> None:
        with filler.open("wb", buffering=0) as file:
            try:
                while file.write(bytes(4096)) == 4096:
                    pass
            except OSError:
                return

    check_full(store, fill, filler.unlink)
    version = store.version
    fill()
    # A store can be closed, opened and read on a full disk, and the head file written in place.
    store.close()
    store = SqliteStore.open(path, KEY)
    if store.version != version or store.get("a", b"before") != b"2":
        raise SystemExit("a store opened on a full disk lacks rows")
    head_file.write(head(version), sync=True)
    try:
        TwoSlotHeadFile(folder / "another").write(head(1), sync=True)
    except StoreFull:
        pass
    else:
        raise SystemExit("a head file was made on a full disk")
    filler.unlink()
    store.commit(version, rows(version + 1))
    store.close()
    if TwoSlotHeadFile(folder / "head").read() != head(version):
        raise SystemExit("the head file was spoilt by a full disk")
    say("full: held")


def limited(folder: Path, limit: int) -> None:
    store = SqliteStore.open(folder / "store.db", KEY)
    version = store.version
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        while True:
            version = store.commit(version, rows(version + 1))
            say(f"acked {version}")
    except OutcomeUnknown:
        say("unknown")
    for call in (
        lambda: store.commit(version, []),
        lambda: store.get("a", b"k"),
        lambda: store.scan("a"),
        lambda: store.version,
        store.reader,
    ):
        try:
            call()
        except OutcomeUnknown:
            continue
        raise SystemExit("a store of unknown outcome went on")
    store.close()
    say("end")


def hold(folder: Path) -> None:
    with DataDirectory(folder, command="parley run --line north"):
        say(f"held {os.getpid()}")
        time.sleep(600)


if __name__ == "__main__":
    action, where, *words = sys.argv[1:]
    arguments = [int(word) for word in words if word.isdigit()]
    options = {word: True for word in words if not word.isdigit()}
    actions: dict[str, Any] = {
        "create": create, "commits": commits, "check": check, "full": full, "limited": limited, "hold": hold,
    }  # fmt: skip
    actions[action](Path(where), *arguments, **options)
