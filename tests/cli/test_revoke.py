"""``parley line revoke`` with real processes: a thief of the keys is let in before it, and by nobody after it."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from parley.app.config import pins
from parley.app.home import Home, LineHome
from parley.app.process import NodeProcess
from parley.app.runtime import keys_in_force, running
from parley.app.service import OPERATIONS
from parley.cli import app
from parley.errors import DocumentError
from parley.ids import MemberNumber
from parley_testkit.lines import found, home_of

NORTH = MemberNumber(0)


def parley(home: Path, *words: object, status: int = 0, as_json: bool = True) -> Any:
    given = [*map(str, words), "--home", str(home), *(["--json"] if as_json else [])]
    done = CliRunner().invoke(app, given)
    assert done.exit_code == status, done.output
    return json.loads(done.stdout) if as_json else done.output


def say(line: LineHome, text: str) -> None:
    async def send() -> None:
        async with running(line, with_bearers=False) as runtime:
            await OPERATIONS["send"](runtime, {"text": text})

    asyncio.run(send())


async def until(check: Callable[[], Awaitable[bool]], seconds: float = 60.0) -> None:
    async with asyncio.timeout(seconds):
        while not await check():
            await asyncio.sleep(0.05)


async def texts(node: NodeProcess) -> list[str]:
    return sorted(m["text"] for m in await node.call("inbox", all=True) if not m["mine"])


def test_stolen_keys_are_let_in_by_nobody_after_the_revocation(tmp_path: Path) -> None:
    north, south = found(tmp_path)
    asyncio.run(_stolen(tmp_path, north, south))


async def _stolen(folder: Path, north: LineHome, south: LineHome) -> None:
    a, b = NodeProcess(folder / "north", north), NodeProcess(folder / "south", south)
    copy = LineHome(folder / "thief" / "lines" / north.name)
    thief = NodeProcess(folder / "thief", copy)
    await asyncio.gather(a.start(), b.start())
    try:
        await a.call("send", text="before")
        await until(lambda: _holds(b, ["before"]))
        refused = await asyncio.to_thread(parley, folder / "north", "line", "revoke", status=3)
        assert refused["error"]["code"] == "store-locked"
        await a.stop()
        shutil.copytree(folder / "north", folder / "thief")
        port = south.config.read_text().partition("listen = ")[2].split('"')[1]
        copy.config.write_text(f'[[bearer]]\nkind = "tls"\nname = "t"\n[bearer.dial]\nsouth = "{port}"\n')
        await thief.start()
        await thief.call("send", text="false, and believed")
        await until(lambda: _holds(b, ["before", "false, and believed"]))
        file = folder / "revocation"
        done = await asyncio.to_thread(parley, folder / "north", "line", "revoke", "-o", file)
        assert (done["revoked"], done["in_force"], done["new_keys"]) == ([1], 2, True)
        await asyncio.to_thread(parley, folder / "south", "line", "add", file)
        await until(lambda: _cut_off(thief))
        await thief.call("send", text="false, and refused")
        await a.start()
        await a.call("send", text="after")
        await until(lambda: _holds(b, ["after", "before", "false, and believed"]))
        assert await _cut_off(thief)
    finally:
        await asyncio.gather(a.stop(), b.stop(), thief.stop())
    shown = await asyncio.to_thread(parley, folder / "south", "line", "show")
    (word,) = shown["members"][0]["revoked"]
    assert (word["certificate"], word["reason"], len(word["closed"])) == (1, "keyCompromise", 1)


async def _holds(node: NodeProcess, wanted: list[str]) -> bool:
    return await texts(node) == wanted


async def _cut_off(node: NodeProcess) -> bool:
    (peer,) = (await node.call("status"))["peers"]
    return not any(bearer["up"] for bearer in peer["bearers"])


def test_all_keys_are_new_but_that_of_the_store(tmp_path: Path) -> None:
    north, _ = found(tmp_path)
    say(north, "one")
    before = north.newest_keys()[1].seeds
    said = parley(tmp_path / "north", "line", "revoke", "-o", tmp_path / "out", as_json=False)
    assert "closed at 2 entries" in said
    after = north.newest_keys()[1].seeds
    assert {name for name in before if before[name] == after[name]} == {"store"}
    membership = north.membership()
    assert membership.member(NORTH).closed
    (pin,) = [tls for tls, number in pins(membership).items() if number == NORTH]
    assert pin == membership.member(NORTH).keys.tls
    assert "was revoked (keyCompromise" in parley(tmp_path / "north", "line", "show", as_json=False)
    say(north, "two")
    north.key_file(2).unlink()
    with pytest.raises(DocumentError) as none:
        keys_in_force(north, membership)
    assert none.value.code == "certificate-revoked"


def test_after_a_rotation_of_all_keys_the_older_certificate_alone_is_revoked(tmp_path: Path) -> None:
    north, south = found(tmp_path)
    say(north, "one")
    parley(tmp_path / "north", "line", "rotate", "--compromised", "-o", tmp_path / "c")
    done = parley(tmp_path / "north", "line", "revoke", "-o", tmp_path / "r")
    assert (done["revoked"], done["in_force"], done["new_keys"]) == ([1], 2, False)
    # The file of the revocation needs the certificate first.
    assert parley(tmp_path / "south", "line", "add", tmp_path / "r", status=2)["error"]["code"] == "document-missing"
    for file in ("c", "r"):
        parley(tmp_path / "south", "line", "add", tmp_path / file)
    assert south.membership().member(NORTH).closed


def test_older_certificates_go_out_of_use_and_the_connection_key_stays(tmp_path: Path) -> None:
    north, _ = found(tmp_path)
    say(north, "one")
    parley(tmp_path / "north", "line", "rotate", "-o", tmp_path / "c")
    done = parley(tmp_path / "north", "line", "revoke", "--reason", "superseded", "-o", tmp_path / "r")
    assert (done["revoked"], done["in_force"], done["new_keys"]) == ([1], 2, False)
    assert len({keys.tls for _, _, keys in north.membership().member(NORTH).certificates}) == 1
    # Stolen after all: the newest shares keys with those before, so it is revoked as well.
    done = parley(tmp_path / "north", "line", "revoke", "-o", tmp_path / "r")
    assert (done["revoked"], done["in_force"], done["new_keys"]) == ([2], 3, True)


def test_a_run_that_was_not_ours_is_closed_afterwards(tmp_path: Path) -> None:
    north, south = found(tmp_path)
    say(north, "one")
    say(north, "two")
    home = tmp_path / "north"
    runs = parley(home, "line", "revoke", "-o", tmp_path / "r")["runs"]
    assert [run["size"] for run in runs] == [2, 2]
    assert parley(home, "line", "revoke", "--without", "zz", status=2)["error"]["code"] == "run-unknown"
    assert parley(home, "line", "revoke", "--reason", "stolen", status=2)["error"]["code"] == "reason-unknown"
    done = parley(home, "line", "revoke", "--without", runs[1]["run"][:8], "-o", tmp_path / "s")
    assert (done["revoked"], done["in_force"], done["new_keys"]) == ([1], 2, False)
    for file in ("r", "s"):
        parley(tmp_path / "south", "line", "add", tmp_path / file)
    (closed,) = south.membership().member(NORTH).closed.values()
    assert [run.hex() for run in closed] == [runs[0]["run"]]
    assert len(parley(home, "line", "show")["members"][0]["revoked"]) == 2


def test_what_stands_in_the_way_of_a_revocation_changes_nothing(tmp_path: Path) -> None:
    north, _ = found(tmp_path)
    home = tmp_path / "north"
    assert parley(home, "line", "revoke", status=2)["error"]["code"] == "record-missing"
    say(north, "one")
    keys, roots = set(north.key_files()), home_of(north).roots
    shutil.move(roots, tmp_path / "roots")
    assert parley(home, "line", "revoke", status=3)["error"]["code"] == "key-missing"
    assert set(north.key_files()) == keys
    done = parley(home, "line", "revoke", "--root", next((tmp_path / "roots").iterdir()), "-o", tmp_path / "r")
    assert done["in_force"] == max(keys) + 1
    assert Home(home).line(north.name).membership().member(NORTH).closed
