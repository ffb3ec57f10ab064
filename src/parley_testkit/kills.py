"""kill -9 at every state-changing system call of a node's life, and what must hold after each.

``python -m parley_testkit.kills FOLDER`` runs one node (``victim``) against a peer that goes on, and strace kills it on
entering the n-th call of a kind on a file or socket: for every call that a life was seen to make, in its
founding (no store yet), start, work (send, receive, acknowledge, checkpoint) and stop. After each kill the
victim's disk is copied and judged by ``witness`` beside its peer's, and the next life goes on from it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

import parley
from parley.app.home import LineHome
from parley.app.runtime import Runtime, running
from parley.bearers import tls
from parley.ids import MemberNumber
from parley.node.loop import Node
from parley.ports import Bearer
from parley.protocol import rows as r
from parley.stores.sqlite import SqliteStore
from parley.wire.statement import Message
from parley_testkit.lines import found
from parley_testkit.witness import Broken, Witness, need, still

FILE_CALLS: Final = (
    "write,pwrite64,writev,pwritev,pwritev2,fsync,fdatasync,sync_file_range,rename,renameat,renameat2,unlink,unlinkat,"
    "ftruncate,truncate,fallocate,mkdir,mkdirat,chmod,fchmod,fchmodat,link,linkat,symlink,symlinkat,msync,openat,creat"
)
SOCKET_CALLS: Final = "sendto,sendmsg,sendmmsg,bind"
PHASES: Final = ("found", "start", "work", "stop")
_LIFE_S: Final = 30.0
_SETTLE_LIVES: Final = 8
_CALL: Final = re.compile(r"^(\d+) +(\w+)\((.*)")


@dataclass(frozen=True, slots=True, order=True)
class Point:
    """The ``number``-th call of a kind on ``path`` (empty: on any) by one thread in a phase of a life."""

    phase: str
    path: str
    call: str
    number: int


@dataclass(slots=True)
class Report:
    """What was done, and what did not hold."""

    victim: str
    lives: int = 0
    points: int = 0
    killed: int = 0
    missed: list[Point] = field(default_factory=list)
    calls: dict[str, int] = field(default_factory=dict)
    roots_recomputed: int = 0
    messages: int = 0
    violations: list[str] = field(default_factory=list)
    seconds: float = 0.0


class Ended(Exception):
    """The life ended, which ``status`` tells how."""


class Zygote:
    """The process that forks the victim's lives."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.status = 0
        self.said: list[str] = []

    def tell(self, command: str) -> None:
        """A command, to the life if one runs."""
        stdin = self._process.stdin
        if stdin is not None:
            stdin.write(command.encode() + b"\n")

    async def hear(self, word: str) -> str:
        """What follows ``word``, once it is said. Raises Ended when the life ends first."""
        stdout = self._process.stdout
        while stdout is not None:
            line = (await asyncio.wait_for(stdout.readline(), _LIFE_S)).decode().strip()
            need(line, "test", "the zygote died")
            self.said.append(line)
            first, _, rest = line.partition(" ")
            if first == "exit":
                self.status = int(rest)
                raise Ended
            if first == word:
                return rest
        raise Ended

    async def end(self) -> None:
        """Let it go."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        await self._process.wait()


class Sweep:
    """A victim's lives beside a peer that goes on; ``dials`` says which side connects."""

    def __init__(self, folder: Path, *, dials: bool) -> None:
        lines = found(folder)
        # The second home dials the first.
        self.victim, self.peer = (lines[1], lines[0]) if dials else (lines[0], lines[1])
        self.who, self.other = (1, 0) if dials else (0, 1)
        self.folder = folder
        self.witness = Witness()
        self.report = Report("dials" if dials else "listens")
        self.runtime: Runtime | None = None
        self.zygote: Zygote | None = None

    # -- one life --------------------------------------------------------------------------------------------

    async def life(self, point: Point | None, trace: Path | None = None, phase: str = "work") -> bool:
        """One life to its end, or to the kill at ``point``; True when it was killed.

        Without a point it is traced into ``trace`` in ``phase``.
        """
        zygote, number = self._zygote(), self.report.lives
        self.report.lives += 1
        phase = point.phase if point is not None else phase
        zygote.tell("run")
        zygote.said.clear()
        pid = int(await zygote.hear("pid"))
        tracer = None
        try:
            if phase in ("found", "start"):
                tracer = await self._attach(pid, point, trace)
            zygote.tell("start")
            await zygote.hear("started")
            if phase in ("found", "start"):
                # What it did until here was the phase; more would be counted with it.
                await self._detach(tracer)
            elif phase == "work":
                tracer = await self._attach(pid, point, trace)
            await self._work(f"{self.report.victim} {number}")
            if phase == "work":
                await self._detach(tracer)
            elif phase == "stop":
                tracer = await self._attach(pid, point, trace)
            zygote.tell("stop")
            await zygote.hear("exit")
        except Ended:
            pass
        if tracer is not None:
            tracer.wait()
        await self._peer_alone()
        need(zygote.status in (0, 9), "opens", f"the victim ended with {zygote.status}: {zygote.said}")
        self._told(zygote.said)
        return zygote.status == 9

    async def _work(self, text: str) -> None:
        """Both sides send; the victim stays until it has its receipt and has acknowledged."""
        zygote, mine, theirs = self._zygote(), f"victim {text}", f"peer {text}"
        self.witness.submits(self.who, mine)
        self.witness.submits(self.other, theirs)
        zygote.tell(f"work {mine}")
        runtime = self._runtime()
        entry = await runtime.send(Message(theirs, "en"))
        self.witness.told_written(self.other, entry, theirs)
        await zygote.hear("worked")

    def _told(self, said: list[str]) -> None:
        for line in said:
            word, _, rest = line.partition(" ")
            if word == "written":
                key, _, text = rest.partition(" ")
                self.witness.told_written(self.who, r.read_entry_key(bytes.fromhex(key)), text)
            elif word == "notice":
                self.witness.told({"code": rest.split()[0], "text": rest})

    async def _attach(self, pid: int, point: Point | None, trace: Path | None) -> subprocess.Popen[bytes]:
        """Trace every thread of the victim; returns once all are held."""
        calls = f"trace={FILE_CALLS},{SOCKET_CALLS}"
        command = ["strace", "-f", "-y", "-p", str(pid), "-o", str(trace or "/dev/null"), "-e", calls]
        if point is not None:
            command += ["-e", f"inject={point.call}:signal=KILL:when={point.number}"]
            if point.path:
                command += ["-P", point.path]
        tracer = subprocess.Popen(command, stderr=subprocess.DEVNULL)  # noqa: ASYNC220, S603 - it does not wait
        while not traced(pid):
            need(tracer.poll() is None, "test", "strace may not trace here")
            await asyncio.sleep(0.001)
        return tracer

    @staticmethod
    async def _detach(tracer: subprocess.Popen[bytes] | None) -> None:
        if tracer is not None:
            tracer.terminate()
            await asyncio.to_thread(tracer.wait)

    async def _peer_alone(self) -> None:
        """Until the peer has seen the end of the victim's connection."""
        peers = self._runtime().node.line.peers
        async with asyncio.timeout(_LIFE_S):
            while peers[MemberNumber(self.who)].links or self._runtime().node._inbox:  # noqa: SLF001
                await asyncio.sleep(0.002)

    # -- judging ---------------------------------------------------------------------------------------------

    def judge(self) -> None:
        """Look at the peer, then at a copy of the victim's disk: the victim's own recovery is not disturbed."""
        theirs = self._texts(self.other, self.peer)
        copy = self.folder / "copy.db"
        for suffix in ("", "-wal"):
            source = self.victim.store.with_name(self.victim.store.name + suffix)
            target = copy.with_name(copy.name + suffix)
            target.unlink(missing_ok=True)
            if source.exists():
                shutil.copyfile(source, target)
        copy.with_name(copy.name + "-shm").unlink(missing_ok=True)
        mine: dict[str, int] = {}
        if copy.exists():
            _, keys = self.victim.newest_keys()
            SqliteStore.open(copy, keys.store_key).close()
            mine = self.witness.look(self.who, still(copy, keys.store_key))
        for text, count in {**mine, **theirs}.items():
            need(count == 1, "C2", f"{text!r} is there {count} times")

    def _texts(self, who: int, line: LineHome) -> dict[str, int]:
        _, keys = line.newest_keys()
        return self.witness.look(who, still(line.store, keys.store_key))

    async def settle(self) -> None:
        """Lives that nobody disturbs: soon both sides hold the same, whatever the victim lost."""
        mine: dict[str, int] = {}
        theirs: dict[str, int] = {}
        for _ in range(_SETTLE_LIVES):
            need(not await self.life(None), "test", "a life nobody killed was killed")
            self.judge()
            mine, theirs = self._texts(self.who, self.victim), self._texts(self.other, self.peer)
            self.report.messages = len(mine)
            if mine == theirs:
                return
        lacks, other = sorted(theirs.keys() - mine), sorted(mine.keys() - theirs)
        raise Broken(f"C5: after {_SETTLE_LIVES} lives the victim lacks {lacks}, and its peer {other}")

    # -- the sweep -------------------------------------------------------------------------------------------

    async def points(self, phase: str, laps: int = 2) -> list[Point]:
        """Every state-changing call that a life makes in ``phase``."""
        seen: set[Point] = set()
        for lap in range(laps):
            if phase == "found":
                self.begin_anew()
            trace = self.folder / f"trace-{phase}-{lap}"
            await self.life(None, trace, phase)
            seen |= set(read_trace(trace, phase, self.victim.path))
        return sorted(seen)

    def begin_anew(self) -> None:
        """A victim that has keys and documents, and no data yet."""
        for name in ("layout", "lock", "head", "layout.new", "head.new", "store.db.new", "control.sock"):
            (self.victim.path / name).unlink(missing_ok=True)
        for path in self.victim.path.glob("store.db*"):
            path.unlink()
        self.witness.lost(self.who)

    async def run(self, phases: tuple[str, ...], share: float, seed: int) -> Report:
        """Sweep; ``share`` of the points of each phase, drawn from ``seed``."""
        began, chance = time.monotonic(), random.Random(seed)
        async with self._up():
            for phase in phases:
                points = await self.points(phase)
                self.report.points += len(points)
                if share < 1:
                    points = sorted(chance.sample(points, max(1, int(len(points) * share))))
                for point in points:
                    await self._one(point)
                await self._settled()
        self.report.roots_recomputed = self.witness.checked
        self.report.seconds = round(time.monotonic() - began, 1)
        return self.report

    async def _settled(self) -> None:
        try:
            await self.settle()
            self.witness.whole(self.who)
            self.judge()
        except (Broken, TimeoutError) as broken:
            self.report.violations.append(f"at the end of a phase: {broken!r}")

    async def _one(self, point: Point) -> None:
        for _ in range(3):
            if point.phase == "found":
                self.begin_anew()
            try:
                killed = await self.life(point)
                self.judge()
            except (Broken, TimeoutError) as broken:
                self.report.violations.append(f"{point}: {broken!r}")
                return
            if killed:
                self.report.killed += 1
                what = f"{point.phase} {point.call}"
                self.report.calls[what] = self.report.calls.get(what, 0) + 1
                return
        self.report.missed.append(point)

    # -- the two processes -----------------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def _up(self) -> AsyncIterator[None]:
        """The zygote, and the peer in this process."""
        environment = {**os.environ, "PYTHONPATH": str(Path(parley.__file__).parents[1])}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "parley_testkit.victim", str(self.victim.path),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, env=environment,
        )  # fmt: skip
        self.zygote = Zygote(process)
        tls._FIRST_RETRY_S = tls._LONGEST_RETRY_S = 0.05  # type: ignore[misc]  # noqa: SLF001
        try:
            async with running(self.peer, self.witness.told) as self.runtime:
                self._tap(self.runtime.node)
                yield
        finally:
            await self.zygote.end()

    def _tap(self, node: Node) -> None:
        """See what comes from the victim, each datagram under the life that sent it."""
        received = node.bearer_received

        def tapped(bearer: Bearer, datagram: bytes) -> None:
            try:
                self.witness.saw(self.report.lives, datagram)
            except Broken as broken:
                self.report.violations.append(str(broken))
            received(bearer, datagram)

        node.bearer_received = tapped  # type: ignore[method-assign]

    def _zygote(self) -> Zygote:
        need(self.zygote, "test", "no zygote runs")
        return self.zygote  # type: ignore[return-value]

    def _runtime(self) -> Runtime:
        need(self.runtime, "test", "no peer runs")
        return self.runtime  # type: ignore[return-value]


def traced(pid: int) -> bool:
    """True when every thread of a process is traced."""
    return all("TracerPid:\t0\n" not in (t / "status").read_text() for t in Path(f"/proc/{pid}/task").iterdir())


def read_trace(trace: Path, phase: str, folder: Path) -> list[Point]:
    """The state-changing calls of a traced life, numbered as strace counts them: for each thread and kind of call."""
    counts: Counter[tuple[str, str, str]] = Counter()
    points = []
    file = re.compile(re.escape(str(folder)) + r'(/[^">]*)?(?=["> ])')
    for line in trace.read_text(errors="replace").splitlines():
        match = _CALL.match(line)
        if match is None:
            continue
        thread, call, rest = match.groups()
        where = file.search(rest)
        path = where.group() if where is not None else ""
        socket = call in SOCKET_CALLS.split(",")
        if not path and not socket:
            continue
        path = "" if socket else path
        counts[thread, path, call] += 1
        creates = call != "openat" or "O_CREAT" in rest
        if creates and "= -1 " not in rest:
            points.append(Point(phase, path, call, counts[thread, path, call]))
    return points


def main() -> None:
    """Run a sweep and print its report as JSON; the exit status is 1 when anything does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--dials", action="store_true", help="the victim connects, instead of being connected to")
    parser.add_argument("--phases", default=",".join(PHASES))
    parser.add_argument("--share", type=float, default=1.0, help="share of the points, drawn from --seed")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    sweep = Sweep(given.folder, dials=given.dials)
    report = asyncio.run(sweep.run(tuple(given.phases.split(",")), given.share, given.seed))
    print(json.dumps(asdict(report), default=str))  # noqa: T201 - a program's output
    sys.exit(1 if report.violations else 0)


if __name__ == "__main__":
    main()
