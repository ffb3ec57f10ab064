"""Real nodes that are killed, filled, copied and damaged: nothing receipted is lost, nothing comes twice."""

from __future__ import annotations

import asyncio
import resource
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from parley.app import meeting
from parley.app.control import RemoteError
from parley.app.home import Home, LineHome
from parley.app.process import NodeProcess, free_port
from parley.app.runtime import running
from parley.errors import ParleyError, StoreError, StoreVersion, UsageError
from parley.protocol.inputs import Tick
from parley.stores.datadir import DataDirectory
from parley.wire.statement import Message

NAME = "trial"


def found(folder: Path, count: int = 2) -> list[NodeProcess]:
    """``count`` homes on one line, each with a TLS bearer to all before it."""
    homes = [Home(folder / f"p{n}") for n in range(count)]
    for n, home in enumerate(homes):
        meeting.init_party(home, f"p{n}", f"Party {n}", ["en"])
    proposal = meeting.propose(homes[0], NAME, [meeting.introduce(h, NAME) for h in homes[1:]])
    signed = meeting.merge([meeting.accept(h, proposal) for h in homes[1:]])
    ports = [free_port() for _ in homes]
    nodes = []
    for n, home in enumerate(homes):
        line, _ = meeting.install(home, signed)
        dial = "".join(f'p{m} = "127.0.0.1:{ports[m]}"\n' for m in range(n))
        table = f"[bearer.dial]\n{dial}" if dial else ""
        line.config.write_text(f'[[bearer]]\nkind = "tls"\nname = "t"\nlisten = "127.0.0.1:{ports[n]}"\n{table}')
        nodes.append(NodeProcess(home.path, line))
    return nodes


async def until(check: Callable[[], Awaitable[bool]], what: str, seconds: float = 90.0) -> None:
    for _ in range(int(seconds / 0.05)):
        if await check():
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"waited {seconds} s until {what}")


async def texts(node: NodeProcess, author: str | None = None) -> list[str]:
    messages = await node.call("inbox", all=True)
    return [m["text"] for m in messages if author is None or m["author"] == author]


def run_nodes(nodes: list[NodeProcess], task: Callable[[], Awaitable[Any]]) -> None:
    async def run() -> None:
        try:
            await asyncio.gather(*(n.start() for n in nodes))
            await task()
        finally:
            for node in nodes:
                await node.stop()

    asyncio.run(run())


def test_kill_9_amid_traffic_loses_nothing_that_was_written(tmp_path: Path) -> None:
    nodes = found(tmp_path)
    a, b = nodes

    async def task() -> None:
        written: list[str] = []
        for n in range(60):
            text = f"message {n}"
            await a.call("send", text=text)
            written.append(text)
            if n in (20, 40):
                await b.kill()
                await b.start()
            if n == 30:
                await a.kill()
                await a.start()

        async def all_there() -> bool:
            return len(await texts(b)) >= len(written)

        await until(all_there, "all arrived")
        assert await texts(b) == written
        assert await texts(a) == written

    run_nodes(nodes, task)


@pytest.mark.parametrize("count", [2, 3])
def test_an_old_copy_of_a_directory_gets_its_history_back(tmp_path: Path, count: int) -> None:
    nodes = found(tmp_path, count)
    victim, others = nodes[1], [n for n in nodes if n is not nodes[1]]
    copy = tmp_path / "copy"

    async def task() -> None:
        await victim.call("send", text="before the copy")
        await until(lambda: _has(others[0], "before the copy"), "it arrived")
        await victim.stop()
        shutil.copytree(victim.line.path, copy)
        await victim.start()
        await victim.call("send", text="after the copy")
        await others[0].call("send", text="to who forgets")
        for node in others:
            await until(lambda n=node: _has(n, "after the copy"), "it arrived")  # type: ignore[misc]
        await until(lambda: _has(victim, "to who forgets"), "it arrived")
        await victim.kill()
        shutil.rmtree(victim.line.path)
        shutil.copytree(copy, victim.line.path)
        await victim.start()
        for text in ("after the copy", "to who forgets"):
            await until(lambda t=text: _has(victim, t), f"{text!r} came back")  # type: ignore[misc]
        await victim.call("send", text="and on")
        for node in others:
            await until(lambda n=node: _has(n, "and on"), "the line goes on")  # type: ignore[misc]
            assert sorted(await texts(node, "p1")) == ["after the copy", "and on", "before the copy"]
            assert (await node.call("status"))["two_histories"] == []

    run_nodes(nodes, task)


async def _has(node: NodeProcess, text: str) -> bool:
    return text in await texts(node)


@pytest.mark.parametrize("damage", ["gone", "wal-bit"])
def test_a_lost_database_and_a_flipped_bit_are_healed_by_the_peer(tmp_path: Path, damage: str) -> None:
    # bad: a flipped bit in the log (WAL) -> noticed at the next start (`store-behind-head`)
    # bad: a flipped bit in the log (WAL) -> given back by the peers, and told when whole: `store-refilled`
    nodes = found(tmp_path)
    a, b = nodes

    async def task() -> None:
        for n in range(5):
            await a.call("send", text=f"message {n}")
        await until(lambda: _has(b, "message 4"), "all arrived")
        await b.kill()
        store = b.line.store
        if damage == "gone":
            for suffix in ("", "-wal", "-shm"):
                store.with_name(store.name + suffix).unlink(missing_ok=True)
        else:
            wal = store.with_name(store.name + "-wal")
            data = bytearray(wal.read_bytes())
            data[len(data.rstrip(b"\0")) // 2] ^= 1
            wal.write_bytes(data)
        await b.start()
        await until(lambda: _has(b, "message 4"), "the peer gave it back")
        assert sorted(await texts(b)) == [f"message {n}" for n in range(5)]
        wanted = "store-lost" if damage == "gone" else "store-behind-head"
        assert wanted in b.log.read_text()

        async def told() -> bool:
            return "store-refilled" in b.log.read_text()

        await until(told, "the operator is told that it is whole again")
        assert (await b.call("status"))["refilling"] == ""

    run_nodes(nodes, task)


def test_a_damaged_page_is_told_and_never_read_as_absence(tmp_path: Path) -> None:
    # bad: a corrupt database page -> the node does not start, and says so: `store-corrupt`
    nodes = found(tmp_path)
    a = nodes[0]

    async def fill() -> None:
        for n in range(30):
            await a.call("send", text=f"message {n} " + "x" * 2000)

    run_nodes([a], fill)
    data = bytearray(a.line.store.read_bytes())
    for at in range(4096 + 100, len(data), 4096):
        data[at] ^= 1
    a.line.store.write_bytes(data)

    async def start() -> None:
        await a.start()

    with pytest.raises(StoreError, match="store-corrupt"):
        asyncio.run(start())


def test_a_full_disk_is_told_and_the_node_goes_on_when_it_is_freed(tmp_path: Path) -> None:
    # bad: a full disk -> told (`store-full`, `store-outcome-unknown`)
    # bad: a full disk -> the node goes on once there is room: `store-resumed`
    line = found(tmp_path)[0].line
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    async def run() -> None:
        told: list[dict[str, Any]] = []
        async with running(line, told.append) as runtime:
            await _send(runtime, "fits")
            resource.setrlimit(resource.RLIMIT_FSIZE, (_size(line) + 4096, before[1]))
            with pytest.raises(ParleyError) as refused:
                await _fill(runtime)
            assert refused.value.code in ("store-full", "store-outcome-unknown")
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
            await asyncio.sleep(3.0)
            await _send(runtime, "fits again")
            views = runtime.views()
            kept = [m.text for m in views.messages()]
            views.close()
        assert kept[0] == "fits"
        assert kept[-1] == "fits again"
        assert any(e.get("code") in ("store-full", "store-outcome-unknown") for e in told)

    try:
        asyncio.run(run())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_node_that_cannot_go_on_is_told_of_and_takes_nothing_more(tmp_path: Path) -> None:
    line = found(tmp_path)[0].line
    told: list[dict[str, Any]] = []

    async def run() -> None:
        async with running(line, told.append) as runtime:
            await _send(runtime, "before")

            def fails(*_arguments: object) -> None:
                raise MemoryError("no more")

            runtime.node.line.step = fails  # type: ignore[method-assign, assignment]
            runtime.node.put(Tick())
            while not any(event.get("ended") for event in told):
                await asyncio.sleep(0.01)
            with pytest.raises(UsageError) as refused:
                await _send(runtime, "after")
            assert refused.value.code == "node-stopping"

    with pytest.raises(MemoryError):
        asyncio.run(run())
    assert told[-1]["code"] == "node-ended"
    # The next start goes on from what is there.
    asyncio.run(_once(line))


async def _once(line: LineHome) -> None:
    async with running(line) as runtime:
        await _send(runtime, "again")


async def _send(runtime: Any, text: str) -> None:
    await runtime.send(Message(text, "en"))


async def _fill(runtime: Any) -> None:
    for _ in range(200):
        await _send(runtime, "x" * 20_000)


def _size(line: LineHome) -> int:
    return max(p.stat().st_size for p in line.path.glob("store.db*"))


def test_another_layout_is_refused(tmp_path: Path) -> None:
    # bad: a data directory of another version -> refused: `store-version`
    line = found(tmp_path)[0].line
    DataDirectory(line.path).close()
    (line.path / "layout").write_text("parley data directory, layout 99\n")
    with pytest.raises(StoreVersion):
        DataDirectory(line.path)


def test_a_request_that_is_none_is_answered(tmp_path: Path) -> None:
    nodes = found(tmp_path)

    async def task() -> None:
        for operation, params in (("none", {}), ("show", {}), ("show", {"id": "p0-0000-1"})):
            with pytest.raises(RemoteError):
                await nodes[0].call(operation, **params)

    run_nodes(nodes[:1], task)


def test_a_node_that_restarts_before_its_peers_know_its_new_keys_is_understood(tmp_path: Path) -> None:
    """A defect once: announcements under the new key were refused, and the certificate never came through."""
    nodes = found(tmp_path)
    a, b = nodes

    async def task() -> None:
        await b.call("send", text="under the old keys")
        await until(lambda: _has(a, "under the old keys"), "it arrived")
        await b.stop()
        meeting.rotate(Home(b.home), b.line)
        await b.start()
        await b.call("send", text="under the new keys")
        await a.call("send", text="to the new keys")
        await until(lambda: _has(a, "under the new keys"), "the new keys are known")
        await until(lambda: _has(b, "to the new keys"), "the old certificate's key still opens")

    run_nodes(nodes, task)
