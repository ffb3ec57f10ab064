"""A node goes on after its backup, is destroyed and restored: it agrees with its peers, and signs nothing twice."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from parley.app.backup import back_up, restore
from parley.app.home import Home, LineHome
from parley.app.runtime import Runtime, running
from parley.node.loop import Node
from parley.protocol import inputs as i
from parley.wire.statement import Message
from parley_testkit.lines import NAME, found, home_of
from parley_testkit.witness import Witness, still

PASSPHRASE = b"a passphrase of some words"


class Line:
    """Real nodes of one line in this process, and what they are judged by."""

    def __init__(self, folder: Path, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self.homes = found(folder, count)
        self.witness = Witness()
        self.notices: list[list[str]] = [[] for _ in self.homes]
        self.nodes: list[Runtime | None] = [None] * count
        self._exits = [contextlib.AsyncExitStack() for _ in self.homes]
        release = Node._release

        def tapped(node: Node, output: i.Output) -> None:
            for send in output.sends:
                self.witness.saw(node.line.incarnation, send.datagram)
            release(node, output)

        monkeypatch.setattr(Node, "_release", tapped)

    async def start(self, who: int) -> None:
        def told(event: dict[str, Any]) -> None:
            self.witness.told(event)
            self.notices[who].append(event.get("code", ""))

        self.nodes[who] = await self._exits[who].enter_async_context(running(self.homes[who], told))

    async def stop(self, who: int) -> None:
        await self._exits[who].aclose()
        self.nodes[who] = None

    def node(self, who: int) -> Runtime:
        node = self.nodes[who]
        assert node is not None
        return node

    async def send(self, who: int, text: str) -> None:
        self.witness.submits(who, text)
        entry = await self.node(who).send(Message(text, "en"))
        self.witness.told_written(who, entry, text)

    def texts(self, who: int) -> dict[str, int]:
        _, keys = self.homes[who].newest_keys()
        return self.witness.look(who, still(self.homes[who].store, keys.store_key))

    def settled(self) -> bool:
        """Everybody holds everything that was sent, once."""
        wanted = dict.fromkeys(self.witness.submitted, 1)
        return all(self.texts(who) == wanted for who in range(len(self.homes)))

    async def until_settled(self, seconds: float = 30.0) -> None:
        for _ in range(int(seconds / 0.1)):
            if self.settled():
                return
            await asyncio.sleep(0.1)
        raise AssertionError([len(self.texts(who)) for who in range(len(self.homes))])

    def run(self, task: Callable[[], Awaitable[None]]) -> None:
        async def whole() -> None:
            try:
                for who in range(len(self.homes)):
                    await self.start(who)
                await task()
            finally:
                for who in range(len(self.homes)):
                    await self.stop(who)

        asyncio.run(whole())


def destroy(line: LineHome, *, all_of_it: bool) -> None:
    """Lose the machine, or only the record and the head file beside it."""
    if all_of_it:
        shutil.rmtree(home_of(line).path)
    else:
        for path in [*line.path.glob("store.db*"), line.head]:
            path.unlink()


@pytest.mark.parametrize(("count", "loss"), [(2, "machine"), (3, "machine"), (2, "record"), (2, "put back")], ids=str)
def test_restored_from_a_backup_taken_amid_traffic(
    tmp_path: Path, count: int, loss: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = Line(tmp_path, count, monkeypatch)
    victim, peers, file = 1, [n for n in range(count) if n != 1], tmp_path / "backup"
    passphrase = PASSPHRASE if loss == "machine" else None

    async def talk(first: int, last: int) -> None:
        for n in range(first, last):
            for who in (victim, *peers):
                await line.send(who, f"{who} says {n}")

    async def task() -> None:
        await talk(0, 8)
        home = home_of(line.homes[victim])
        made, _ = await asyncio.gather(
            asyncio.to_thread(back_up, home, line.homes[victim], file, passphrase), talk(8, 16)
        )
        assert made["entries"] >= 8
        await talk(16, 24)
        await line.until_settled()
        await line.stop(victim)
        if loss == "put back":
            restore(home, file, replace=True)
        else:
            destroy(line.homes[victim], all_of_it=loss == "machine")
            restore(home, file, passphrase=passphrase)
        line.witness.lost(victim)
        before = len(line.notices[victim])
        await line.start(victim)
        # It writes at once, before it has heard from anybody.
        await line.send(victim, "written right after the restart")
        await talk(24, 28)
        await line.until_settled()
        line.witness.whole(victim)
        assert line.settled()
        notices = line.notices[victim][before:]
        assert "store-restored" in notices
        # The head file tells what is gone, where it is still there.
        assert ("store-behind-head" in notices) == (loss == "put back")
        await line.stop(victim)
        await line.start(victim)
        assert line.notices[victim].count("store-restored") == 1
        await talk(28, 30)
        await line.until_settled()

    line.run(task)
    assert line.witness.checked > 30


def test_a_backup_is_of_one_commit_and_whole_under_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line(tmp_path, 2, monkeypatch)
    home = Home(tmp_path / "north")

    async def task() -> None:
        for n in range(12):
            await asyncio.gather(
                asyncio.to_thread(back_up, home, line.homes[0], tmp_path / f"b{n}"),
                *(line.send(who, f"{who} {n} {k}") for who in (0, 1) for k in range(5)),
            )
        await line.until_settled()

    line.run(task)
    sizes = []
    for n in range(12):
        shutil.copytree(line.homes[0].path / "keys", tmp_path / str(n) / "lines" / NAME / "keys")
        restore(Home(tmp_path / str(n)), tmp_path / f"b{n}")
        restored = Home(tmp_path / str(n)).the_line(NAME)
        _, keys = restored.newest_keys()
        line.witness.lost(0)
        sizes.append(len(line.witness.look(0, still(restored.store, keys.store_key))))
    assert sizes == sorted(sizes)
    assert sizes[-1] > sizes[0]
