"""A node from outside: stopped and killed, its disk full or failing once, its clock moved, its keys gone."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

import parley
from parley.app.control import RemoteError
from parley.app.process import NodeProcess
from parley.app.runtime import Runtime, running
from parley.app.verify import verify_record
from parley.errors import ParleyError
from parley.wire.statement import Message, Precedence
from parley_testkit import figures
from parley_testkit.kills import traced
from parley_testkit.lines import found, home_of
from parley_testkit.witness import Witness, still

FAKETIME = next((str(p) for p in Path("/usr/lib").glob("*/faketime/libfaketime.so.1")), "")
HOUR_S = 3600
YEAR_S = 365 * 24 * HOUR_S


def strace_works() -> bool:
    """Present, and allowed to trace: a container may forbid it."""
    try:
        return subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


class Line:
    """A victim that is a process of its own, a peer in this one, and what both are judged by."""

    def __init__(self, folder: Path, environment: dict[str, str] | None = None) -> None:
        self.lines = found(folder)
        self.victim = NodeProcess(home_of(self.lines[0]).path, self.lines[0], environment=environment)
        self.peer: Runtime | None = None
        self.told: list[str] = []
        self.witness = Witness()

    async def send(self, who: int, text: str, precedence: Precedence = Precedence.ROUTINE) -> None:
        """By the victim (0) or its peer (1)."""
        self.witness.submits(who, text)
        if who == 0:
            await self.victim.call("send", text=text, precedence=precedence.name)
        else:
            assert self.peer is not None
            self.witness.told_written(1, await self.peer.send(Message(text, "en", precedence)), text)

    def texts(self, who: int) -> dict[str, int]:
        """By the disk of a party, which is judged."""
        line = self.lines[who]
        return self.witness.look(who, still(line.store, line.newest_keys()[1].store_key))

    async def settled(self, unknown: tuple[str, ...] = ()) -> None:
        """Both hold everything, once; what is of unknown outcome is with both or with neither."""
        for _ in range(600):
            first, second = self.texts(0), self.texts(1)
            if first == second == {t: 1 for t in self.witness.submitted if t not in unknown or t in first}:
                return
            await asyncio.sleep(0.1)
        lacks = [sorted(self.witness.submitted.keys() - self.texts(who)) for who in (0, 1)]
        raise AssertionError(f"what each lacks: {lacks}")

    def hear(self, event: dict[str, Any]) -> None:
        self.witness.told(event)
        self.told.append(str(event.get("code", "")))

    def run(self, task: Callable[[], Awaitable[None]]) -> None:
        async def whole() -> None:
            try:
                async with running(self.lines[1], self.hear) as self.peer:
                    await self.victim.start()
                    await task()
            finally:
                await self.victim.stop()

        asyncio.run(whole())


@pytest.mark.parametrize(
    "stopped_s", [3.0, pytest.param(200.0, marks=[pytest.mark.soak, pytest.mark.timeout(900)])], ids=str
)
def test_a_node_that_is_stopped_and_then_killed_is_whole_again(tmp_path: Path, stopped_s: float) -> None:
    line = Line(tmp_path)

    async def task() -> None:
        for n in range(5):
            await line.send(0, f"before {n}")
            await line.send(1, f"back {n}")
        os.kill(line.victim.pid, signal.SIGSTOP)
        for n in range(5):
            await line.send(1, f"to who is stopped {n}", Precedence.FLASH if n == 2 else Precedence.ROUTINE)
        await asyncio.sleep(stopped_s)
        await line.victim.kill()
        await line.send(1, "to who is dead")
        await line.victim.start()
        await line.send(0, "and on")
        await line.settled()
        # And stopped for a while, without being killed.
        os.kill(line.victim.pid, signal.SIGSTOP)
        await line.send(1, "once more")
        await asyncio.sleep(stopped_s)
        os.kill(line.victim.pid, signal.SIGCONT)
        await line.settled()

    line.run(task)


@pytest.mark.skipif(not FAKETIME, reason="libfaketime is not installed: clock jumps of a real process NOT RUN")
def test_clocks_that_jump_by_hours_and_years_disturb_no_order(tmp_path: Path) -> None:
    file = tmp_path / "offset"
    file.write_text("+0")
    line = Line(
        tmp_path,
        {
            "LD_PRELOAD": FAKETIME,
            "FAKETIME_TIMESTAMP_FILE": str(file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        },
    )
    jumps = (0, 5 * HOUR_S, -5 * HOUR_S, 10 * YEAR_S, -10 * YEAR_S, 0)

    async def task() -> None:
        for n, jump in enumerate(jumps):
            file.write_text(f"{jump:+d}")
            for k in range(3):
                await line.send(0, f"jump {n} {k}")
                await line.send(1, f"answer {n} {k}")
            if n == 3:
                # It is killed, and starts, in that year.
                await line.victim.kill()
                await line.victim.start()
        await line.settled()
        assert line.peer is not None
        views = line.peer.views()
        shown = [m for m in views.messages() if m.author == "north"]
        views.close()
        assert [m.text for m in shown] == [f"jump {n} {k}" for n in range(len(jumps)) for k in range(3)]
        stated = [m.time - time.time() for m in shown[::3]]
        assert all(abs(s - jump) < 600 for s, jump in zip(stated, jumps, strict=True))
        assert "clock-implausible" in line.told
        assert (await line.victim.call("status"))["two_histories"] == []
        await line.victim.call("export", path=str(tmp_path / "record"))
        assert (await asyncio.to_thread(verify_record, tmp_path / "record")).problems == []

    line.run(task)


@pytest.mark.skipif(not strace_works(), reason="strace is missing or may not trace here: a failing sync NOT RUN")
@pytest.mark.parametrize("call", ["fdatasync", "pwrite64"])
def test_a_disk_that_fails_once_leaves_an_unknown_outcome_that_settles(tmp_path: Path, call: str) -> None:
    line = Line(tmp_path)

    async def task() -> None:
        node, unknown = line.victim, "while the disk fails"
        await line.send(0, "before")
        await line.send(1, "back")
        await line.settled()
        inject = f"inject={call}:error=EIO:when=1"
        paths = [word for suffix in ("", "-wal") for word in ("-P", f"{node.line.store}{suffix}")]
        command = ["strace", "-f", "-p", str(node.pid), "-o", "/dev/null", "-e", f"trace={call}", *paths, "-e", inject]
        told: RemoteError | None = None
        while told is None:
            tracer = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.DEVNULL)
            while not traced(node.pid):
                await asyncio.sleep(0.01)
            line.witness.submits(0, unknown)
            try:
                await node.call("send", text=unknown)
                # Something that the node wrote by itself, such as a receipt, met the fault.
                unknown += " again"
            except RemoteError as error:
                told = error
            tracer.terminate()
            await tracer.wait()
        assert told.code == "store-outcome-unknown"
        assert "Look in the outbox" in told.next_step
        for _ in range(600):
            try:
                await line.send(0, "after")
            except RemoteError:
                del line.witness.submitted["after"]
                await asyncio.sleep(0.1)
            else:
                break
        await line.send(1, "and back")
        await line.settled((unknown,))
        log = node.log.read_text()
        assert "store-outcome-unknown" in log
        assert "store-resumed" in log
        # The store was opened anew, by the same process.
        assert (await node.call("status"))["trouble"] == ""

    line.run(task)


def test_a_full_disk_is_told_keeps_what_was_acknowledged_and_is_left_behind_when_it_is_freed(tmp_path: Path) -> None:
    namespace = ("unshare", "--mount", "--propagation", "private")
    if shutil.which("unshare") is None or subprocess.run([*namespace, "true"], check=False).returncode:
        pytest.skip("no file system can be mounted here (not root): a full disk under a node NOT RUN")
    program = [sys.executable, str(Path(__file__).with_name("full_disk.py")), str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(Path(parley.__file__).parents[1])}
    done = subprocess.run([*namespace, *program], capture_output=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr.decode()
    report: dict[str, Any] = json.loads(done.stdout)
    figures.report("full disk", **report)
    assert report["refused"] == 1
    assert report["receipts_while_full"] == 0
    assert report["read_while_full"] >= 5
    assert "Free space" in report["trouble"]
    assert report["told"] == ["store-full", "store-resumed"]
    assert report["healed"]


@pytest.mark.parametrize(
    ("gone", "code", "says"),
    [
        ("keys", "key-missing", "Put the"),
        ("documents", "line-not-founded", "import"),
        ("both slots of the head", "head-corrupt", "Check the disk"),
        ("database page", "store-corrupt", "restore the newest backup"),
    ],
)
def test_what_only_a_person_can_mend_is_asked_of_one(tmp_path: Path, gone: str, code: str, says: str) -> None:
    lines, witness = found(tmp_path), Witness()
    home, kept = lines[0].path, tmp_path / "kept"

    async def talk(who: int, text: str) -> None:
        """Until both have it."""
        async with running(lines[0], witness.told) as victim, running(lines[1], witness.told) as peer:
            witness.submits(who, text)
            await (victim, peer)[who].send(Message(text, "en"))
            held: list[dict[str, int]] = []
            for _ in range(600):
                held = [witness.look(n, still(x.store, x.newest_keys()[1].store_key)) for n, x in enumerate(lines)]
                if held == [dict.fromkeys(witness.submitted, 1)] * 2:
                    return
                await asyncio.sleep(0.05)
            raise AssertionError(held)

    async def start() -> None:
        async with running(lines[0]):
            raise AssertionError("it started")

    asyncio.run(talk(0, "before"))
    if gone in ("keys", "documents"):
        shutil.move(home / gone, kept)
    elif gone == "database page":
        data = bytearray(lines[0].store.read_bytes())
        data[len(data) // 2 :] = os.urandom(len(data) - len(data) // 2)
        lines[0].store.write_bytes(data)
    else:
        data = bytearray(lines[0].head.read_bytes())
        for at in (100, 4196):
            data[at] ^= 1
        lines[0].head.write_bytes(data)
    for _ in range(2):
        with pytest.raises(ParleyError) as refused:
            asyncio.run(start())
        assert refused.value.code == code
        assert says in refused.value.next_step
    # The person does what was said, or the worst that is left: the record is the peers', too.
    if gone in ("keys", "documents"):
        shutil.move(kept, home / gone)
    elif gone == "database page":
        for path in home.glob("store.db*"):
            path.unlink()
    else:
        lines[0].head.unlink()
    witness.lost(0)
    asyncio.run(talk(1, "after"))
