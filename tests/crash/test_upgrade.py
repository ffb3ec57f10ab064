"""The homes of two parties as the version before left them (format 1), killed and closed: opened by this one.

``format-1.tar.xz`` was made by the code of the time: a line of two with four messages, one of them FLASH, one
acknowledged and one declined. ``north`` is as kill -9 left it, with its log; ``south`` was stopped.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import tarfile
from pathlib import Path

import pytest

from parley.app.home import Home, LineHome
from parley.app.process import free_port
from parley.app.runtime import Runtime, running
from parley.stores.sqlite import FORMAT, SqliteStore
from parley.stores.sqlite_reader import open_connection
from parley.wire.statement import Message
from parley_testkit.disk import OUTCOMES, Disk, recorded
from parley_testkit.witness import Witness, still

SIDES = ("north", "south")
OLD = [*(f"of format 1: {n}" for n in range(2)), *(f"answer of format 1: {n}" for n in range(2))]


@pytest.fixture
def lines(tmp_path: Path) -> list[LineHome]:
    with tarfile.open(Path(__file__).with_name("format-1.tar.xz")) as archive:
        archive.extractall(tmp_path, filter="data")
    found = [Home(tmp_path / side).the_line("trial") for side in SIDES]
    ports = [free_port() for _ in SIDES]
    for line, port in zip(found, ports, strict=True):
        dial = f'[bearer.dial]\nnorth = "127.0.0.1:{ports[0]}"\n' if port == ports[1] else ""
        line.config.write_text(f'[[bearer]]\nkind = "tls"\nname = "t"\nlisten = "127.0.0.1:{port}"\n{dial}')
    return found


def store_format(line: LineHome) -> int:
    connection = open_connection(line.store, line.newest_keys()[1].store_key, writable=False)
    try:
        return int(connection.execute("SELECT value FROM meta WHERE name='format'").get)
    finally:
        connection.close()


def everything(path: Path, key: bytes) -> dict[tuple[str, bytes], bytes]:
    store = SqliteStore.open(path, key)
    try:
        return {(s, k): v for s in ("entry", "log", "signed", "receipt", "mark", "arrival") for k, v in store.scan(s)}
    finally:
        store.close()


def test_a_line_of_the_format_before_goes_on_under_load(lines: list[LineHome]) -> None:
    """One side is brought up to date while the other, which was before, writes to it; nothing is lost or repeated."""
    assert [store_format(line) for line in lines] == [FORMAT - 1, FORMAT - 1]
    witness = Witness()
    for text in OLD:
        witness.submits(int(text.startswith("answer")), text)
    rows = [still_of(line) for line in lines[1:]]
    assert rows[0]

    async def run() -> None:
        async with running(lines[1], witness.told) as south:
            written = [f"before the other side is up {n}" for n in range(20)]
            loading = asyncio.create_task(load(south, written, witness, 1))
            async with running(lines[0], witness.told) as north:
                await load(north, [f"after the upgrade {n}" for n in range(20)], witness, 0)
                await loading
                for _ in range(600):
                    if all(texts_of(witness, n, line) == dict.fromkeys(witness.submitted, 1) for n, line in two(lines)):
                        break
                    await asyncio.sleep(0.1)
                else:
                    raise AssertionError([texts_of(witness, n, line) for n, line in two(lines)])
                views = north.views()
                states = {m.text: m.recipients[0].state for m in views.messages() if m.text in OLD}
                views.close()
                assert states["of format 1: 1"] == "acknowledged"
                assert states["answer of format 1: 1"] == "declined"

    asyncio.run(run())
    assert [store_format(line) for line in lines] == [FORMAT, FORMAT]
    assert witness.checked > 10


def two(lines: list[LineHome]) -> list[tuple[int, LineHome]]:
    return list(enumerate(lines))


def still_of(line: LineHome) -> int:
    connection = open_connection(line.store, line.newest_keys()[1].store_key, writable=False)
    try:
        return int(connection.execute("SELECT count(*) FROM row").get)
    finally:
        connection.close()


def texts_of(witness: Witness, who: int, line: LineHome) -> dict[str, int]:
    return witness.look(who, still(line.store, line.newest_keys()[1].store_key))


async def load(runtime: Runtime, texts: list[str], witness: Witness, who: int) -> None:
    for text in texts:
        witness.submits(who, text)
        entry = await runtime.send(Message(text, "en"))
        witness.told_written(who, entry, text)
        await asyncio.sleep(0.02)


def test_a_power_cut_while_it_is_brought_up_to_date_costs_nothing(lines: list[LineHome], tmp_path: Path) -> None:
    line = lines[0]
    key, home, cut = line.newest_keys()[1].store_key, tmp_path / "home", tmp_path / "cut"
    home.mkdir()
    for name in ("store.db", "store.db-wal"):
        shutil.copy(line.path / name, home / name)
    with recorded(home) as recording:
        SqliteStore.open(home / "store.db", key).close()
    whole = everything(home / "store.db", key)
    assert len(whole) > 20
    disk, chance, cuts = Disk(recording), random.Random(65), 0
    for event in recording.events:
        disk.follow(event)
        for outcome in OUTCOMES if disk.unsynced else OUTCOMES[:1]:
            shutil.rmtree(cut, ignore_errors=True)
            cut.mkdir()
            for name, data in disk.cut(chance, outcome).items():
                (cut / name).write_bytes(data)
            assert everything(cut / "store.db", key) == whole
            cuts += 1
    assert cuts > 15


def test_a_format_that_is_not_the_one_before_is_refused_and_left_alone(lines: list[LineHome]) -> None:
    # bad: a data directory of another version -> the node does not start and changes nothing: `store-version`
    line = lines[1]
    key = line.newest_keys()[1].store_key
    connection = open_connection(line.store, key, writable=True)
    connection.execute("UPDATE meta SET value=0 WHERE name='format'")
    connection.close()

    async def run() -> None:
        async with running(line):
            raise AssertionError("it started")

    before = line.store.read_bytes()
    with pytest.raises(Exception, match="store-version"):
        asyncio.run(run())
    assert line.store.read_bytes() == before
