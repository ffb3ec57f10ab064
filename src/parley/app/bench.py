"""Measures the work and, in the same run, the floor beside it; writes bench.json (docs/reference/bench.md)."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from parley.app import bench_conflict, bench_console, bench_floor, bench_forms, bench_sites
from parley.app.bench_lines import LINE, Lines, founded, joined
from parley.app.bench_work import TEXT_BYTES, corpus
from parley.app.export import write_record
from parley.app.process import NodeProcess, free_port
from parley.app.runtime import keys_in_force, make_line, open_store
from parley.app.verify import verify_record
from parley.errors import StoreError
from parley.protocol import inputs as i
from parley.protocol.inputs import Now
from parley.protocol.line import Line
from parley.protocol.rows import Rows
from parley.protocol.settings import Settings
from parley.stores.memory import MemoryStore
from parley.wire.statement import Kind, Message

BARS: Final = {
    "rt_ratio_p50": ("<=", 2.5, 1.7),
    "throughput_ratio_64": (">=", 0.4, 0.7),
    "fsyncs_per_message": ("<=", 2.0, 1.0),
    "wire_ip_bytes": ("<=", 740.0, 600.0),
    "datagram_overhead_bytes": ("<=", 115.0, 105.0),
    "datagram_overhead_bytes_8": ("<=", 140.0, 125.0),
    "cold_datagrams": ("<=", 1.0, 1.0),
    "verify_per_s": (">=", 20_000.0, 100_000.0),
    "start_s": ("<=", 2.0, 0.5),
    "rss_mib": ("<=", 120.0, 70.0),
    **bench_forms.BARS,
    **bench_sites.BARS,
    **bench_conflict.BARS,
    **bench_console.BARS,
}
_LEAST_S: Final = 60.0
_STEADY_S: Final = 30.0
"""A node is steady when it has not grown by ``_GROWTH_MIB`` for so long."""
_GROWTH_MIB: Final = 1.0
_LONGEST_S: Final = 600.0
Json = dict[str, Any]


def run(out: Path, *, quick: bool = False, quiet: bool = False) -> Json:
    """All of it into the folder ``out``; the figures."""
    out.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix="work-", dir=out))

    def tell(text: str) -> None:
        if not quiet:
            sys.stdout.write(text + "\n")
            sys.stdout.flush()

    try:
        figures = asyncio.run(_measure(work, tell, quick))
        figures |= bench_console.measure(work / "console", tell, quick=quick)
        _print(tell, figures, tuple(bench_console.BARS))
    finally:
        shutil.rmtree(work, ignore_errors=True)
    (out / "bench.json").write_text(json.dumps(figures, indent=2) + "\n")
    tell("")
    for key, (relation, bar, aim) in BARS.items():
        value = figures.get(key)
        if value is None:
            wanted = "a browser, as was said above" if key in bench_console.BARS else "strace (apt-get install strace)"
            tell(f"{key:28} NOT MEASURED: it needs {wanted}")
            continue
        met = value <= bar if relation == "<=" else value >= bar
        aimed = value <= aim if relation == "<=" else value >= aim
        verdict = f"bar {relation} {bar:,.1f} {'met' if met else 'NOT MET'}"
        tell(f"{key:28} {value:12,.2f}   {verdict}, aim {aim:,.1f} {'met' if aimed else 'not met'}")
    tell(f"written to {out / 'bench.json'}")
    return figures


async def _measure(work: Path, tell: Any, quick: bool) -> Json:  # noqa: ANN401, FBT001
    figures: Json = {"text_bytes": TEXT_BYTES, "cpus": os.cpu_count()}
    count = 200 if quick else 1000
    tell("floor, then the work, in turns ...")
    await _latency(work, figures, count if quick else count // 3, 1 if quick else 9)
    _print(tell, figures, ("floor_rt_ms_p50", "rt_ms_p50", "rt_ms_p99", "floor_throughput_64", "throughput_64"))
    lines = _pair(work / "wire")
    figures["wire_ip_bytes"] = (await _work(work / "wire", lines, "spaced", 30 if quick else 90))["ip_bytes"]
    cold = await _work(work / "wire", lines, "cold", 1)
    figures["cold_datagrams"] = max(cold["out"], cold["in"])
    _print(tell, figures, ("wire_ip_bytes", "cold_datagrams"))
    figures["fsyncs_per_message"] = await _fsyncs(work / "fsync", 100 if quick else 400)
    figures["datagram_overhead_bytes"] = _overhead(work / "two", 2)
    figures["datagram_overhead_bytes_8"] = _overhead(work / "eight", 8)
    _print(tell, figures, ("fsyncs_per_message", "datagram_overhead_bytes", "datagram_overhead_bytes_8"))
    figures["round_trip_parts_us"] = _parts(work)
    await _large(work / "large", figures, 10_000 if quick else 100_000, tell)
    figures |= bench_forms.measure()
    _print(tell, figures, ("form_bytes", "form_bytes_fr", "form_bytes_ru"))
    tell("lists of protected places and of movements ...")
    sites = _found(work / "sites", 2)[0][0].path
    figures |= await asyncio.to_thread(bench_sites.measure, sites, 2_000 if quick else 20_000)
    _print(tell, figures, tuple(bench_sites.BARS))
    tell("announced areas in the index of the conflict check ...")
    figures |= bench_conflict.measure(work / "conflict", 20_000 if quick else 1_000_000, tell)
    _print(tell, figures, tuple(bench_conflict.BARS))
    return figures


def _print(tell: Any, figures: Json, keys: Iterable[str]) -> None:  # noqa: ANN401
    tell("  " + ", ".join(f"{k} {figures[k]:,.2f}" for k in keys if figures.get(k) is not None))


# -- a line of n, founded in a folder ----------------------------------------------------------------------


def _found(folder: Path, count: int) -> Lines:
    return founded(folder, [f"party{n}" for n in range(count)])


def _pair(folder: Path) -> Lines:
    return joined(folder, "party0", "party1")


async def _work(folder: Path, lines: Lines, mode: str, count: int, trace: Path | None = None) -> Json:
    """Run the driver as a process, against a served peer."""
    peer = NodeProcess(lines[1][0].path, lines[1][1])
    await peer.start()
    try:
        command = [
            sys.executable,
            "-m",
            "parley.app.bench_work",
            str(lines[0][0].path),
            LINE,
            mode,
            str(count),
        ]
        if trace is not None:
            command = ["strace", "-f", "-c", "-e", "trace=fsync,fdatasync", "-o", str(trace), *command]
        process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        stdout, stderr = await process.communicate()
        if process.returncode:
            raise StoreError(f"the driver failed: {stderr.decode()[-500:]}", code="bench-failed")
        found: Json = json.loads(stdout)
        return found
    finally:
        await peer.stop()
        del folder


async def _latency(work: Path, figures: Json, count: int, rounds: int) -> None:
    """Floor and work in short turns, so that a noisy machine is noisy for both; ratios are of one turn each."""
    texts = [t.encode() for t in corpus()]
    floor_times: list[float] = []
    times: list[float] = []
    floor_rates: list[float] = []
    rates: list[float] = []
    ratios: list[float] = []
    for n in range(rounds):
        # What the turn before wrote is on its way to the disk still, and would be paid for by this one.
        await asyncio.to_thread(os.sync)
        floor_turn = await _floor(work, n, texts, count, 1)
        lines = _pair(work / f"rt{n}")
        turn = (await _work(work, lines, "sequential", count))["times"]
        floor_times += floor_turn
        times += turn
        ratios.append(statistics.median(turn) / statistics.median(floor_turn))
        run_ = await _floor(work, n + 100, texts, 3 * count, 64)
        floor_rates.append(3 * count / run_[-1])
        found = await _work(work, lines, "window", 3 * count)
        rates.append(found["count"] / found["seconds"])
    figures["floor_rt_ms_p50"] = 1000 * statistics.median(floor_times)
    figures["rt_ms_p50"] = 1000 * statistics.median(times)
    figures["rt_ms_p99"] = 1000 * sorted(times)[int(len(times) * 0.99)]
    figures["floor_throughput_64"] = statistics.median(floor_rates)
    figures["throughput_64"] = statistics.median(rates)
    figures["rt_ratio_p50"] = statistics.median(ratios)
    figures["throughput_ratio_64"] = statistics.median(w / f for w, f in zip(rates, floor_rates, strict=True))


async def _floor(work: Path, number: int, texts: list[bytes], count: int, in_flight: int) -> list[float]:
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "parley.app.bench_floor",
        str(work / f"floor-b{number}"),
        str(port),
        stdout=subprocess.PIPE,
    )
    try:
        if process.stdout is not None:
            await process.stdout.readline()
        return await bench_floor.drive(work / f"floor-a{number}", port, texts, count, in_flight)
    finally:
        process.kill()
        await process.wait()


async def _fsyncs(folder: Path, count: int) -> float | None:
    """Fsync and fdatasync calls a message on the busier node: the slope, so that start and stop cancel."""
    if shutil.which("strace") is None:
        return None
    lines = _pair(folder)
    counts = []
    for messages in (count // 4, count):
        traces = folder / f"a{messages}", folder / f"b{messages}"
        peer = await asyncio.create_subprocess_exec(
            "strace",
            "-f",
            "-c",
            "-e",
            "trace=fsync,fdatasync",
            "-o",
            str(traces[1]),
            sys.executable,
            "-m",
            "parley",
            "serve",
            "--no-console",
            "--home",
            str(lines[1][0].path),
            "--line",
            LINE,
            stderr=subprocess.DEVNULL,
        )
        while not lines[1][1].control.exists():
            await asyncio.sleep(0.05)
        command = [
            sys.executable,
            "-m",
            "parley.app.bench_work",
            str(lines[0][0].path),
            LINE,
            "sequential",
            str(messages),
        ]
        driver = await asyncio.create_subprocess_exec(
            "strace",
            "-f",
            "-c",
            "-e",
            "trace=fsync,fdatasync",
            "-o",
            str(traces[0]),
            *command,
            stdout=subprocess.DEVNULL,
        )
        await driver.wait()
        children = subprocess.run(["pgrep", "-P", str(peer.pid)], capture_output=True, text=True, check=False)  # noqa: S607, ASYNC221, S603
        for pid in children.stdout.split():
            os.kill(int(pid), 15)
        await peer.wait()
        counts.append([_calls(t) for t in traces])
    return max((counts[1][n] - counts[0][n]) / (count - count // 4) for n in (0, 1))


def _calls(trace: Path) -> int:
    return sum(
        int(m[1])
        for m in re.finditer(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s.*f(?:data)?sync$", trace.read_text(), re.MULTILINE)
    )


# -- in one process ----------------------------------------------------------------------------------------


class _Pair:
    """Lines of one membership in one process, joined by lists."""

    def __init__(self, lines: Lines) -> None:
        self.lines: list[Line] = []
        self.stores = [MemoryStore() for _ in lines]
        self.now = Now(int(time.time()), 1000.0)
        for (_, home), store in zip(lines, self.stores, strict=True):
            membership = home.membership()
            signers = keys_in_force(home, membership).signers()
            self.lines.append(make_line(home, Rows(store), signers, Settings(), home.me(membership)))

    def step(self, n: int, inputs: list[i.Input]) -> list[i.Send]:
        output = self.lines[n].step(inputs, self.now)
        self.stores[n].commit(self.stores[n].version, output.changes)
        return output.sends

    def settle(self, sends: list[i.Send]) -> None:
        queue = list(sends)
        while queue:
            send = queue.pop(0)
            queue += self.step(send.peer, [i.Received(send.datagram)])

    def join(self) -> None:
        for n, line in enumerate(self.lines):
            for peer in list(line.peers):
                self.settle(self.step(n, [i.LinkUp("m", peer, 65535)]))
        for _ in range(20):
            self.now = Now(self.now.wall, self.now.boot + 0.1)
            for n in range(len(self.lines)):
                self.settle(self.step(n, [i.Tick()]))


def _overhead(folder: Path, members: int) -> float:
    """Bytes of the sealed datagram beyond the text, once chains are known; the mean over the corpus."""
    pair = _Pair(_found(folder, members))
    pair.join()
    extra: list[int] = []
    for text in corpus():
        sends = pair.step(0, [i.Submit(Kind.MESSAGE, Message(text, "en"), token=1)])
        if extra or len(sends) == members - 1:
            extra.append(len(sends[0].datagram) - len(text.encode()))
        pair.settle(sends)
    return statistics.mean(extra[3:])


def _parts(work: Path) -> Json:
    """Where the time of one round trip goes: each part alone, microseconds, medians."""
    pair = _Pair(_found(work / "parts", 2))
    pair.join()
    text = corpus()[0]
    submit, receive, receipt = [], [], []
    for _ in range(300):
        began = time.perf_counter()
        sends = pair.step(0, [i.Submit(Kind.MESSAGE, Message(text, "en"), token=1)])
        middle = time.perf_counter()
        back = pair.step(1, [i.Received(sends[0].datagram)])
        third = time.perf_counter()
        pair.step(0, [i.Received(back[0].datagram)])
        submit.append(middle - began)
        receive.append(third - middle)
        receipt.append(time.perf_counter() - third)
    descriptor = os.open(work / "sync", os.O_WRONLY | os.O_CREAT)
    syncs = []
    for _ in range(100):
        os.write(descriptor, bytes(4096))
        began = time.perf_counter()
        os.fdatasync(descriptor)
        syncs.append(time.perf_counter() - began)
    os.close(descriptor)
    named = {"submit": submit, "receive": receive, "receipt": receipt, "fdatasync": syncs}
    return {name: round(1e6 * statistics.median(values), 1) for name, values in named.items()}


def _resident_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) / 1024


async def _most_resident_mib(pid: int) -> float:
    """The most that a node takes until it is steady: its watch begins after 20 s, and reads the whole record."""
    loop = asyncio.get_running_loop()
    began = grown = loop.time()
    most = step = 0.0
    while (now := loop.time()) < began + _LONGEST_S and (now < began + _LEAST_S or now < grown + _STEADY_S):
        found = _resident_mib(pid)
        if found >= step + _GROWTH_MIB:
            grown, step = now, found
        most = max(most, found)
        await asyncio.sleep(0.5)
    return most


async def _large(folder: Path, figures: Json, count: int, tell: Any) -> None:  # noqa: ANN401
    """A record of many entries: verification, start, memory."""
    tell(f"a record of {count:,} entries ...")
    _, line = _pair(folder)[0]
    membership = line.membership()
    keys = keys_in_force(line, membership)
    store = open_store(line, keys, [])
    core = make_line(line, Rows(store), keys.signers(), Settings(), line.me(membership))
    texts = corpus()
    now = Now(int(time.time()), 1.0)
    for at in range(0, count, 1000):
        messages = [
            i.Submit(Kind.MESSAGE, Message(texts[n % len(texts)], "en")) for n in range(at, min(at + 1000, count))
        ]
        store.commit(store.version, core.step(messages, now).changes)
    reader = store.reader()
    record = folder / "large.parley"
    write_record(reader, membership, record)
    reader.close()
    store.close()
    began = time.perf_counter()
    report = verify_record(record)
    seconds = time.perf_counter() - began
    if not report.good:
        raise StoreError(f"the large record does not verify: {report.problems[:1]}", code="bench-failed")
    figures["verify_per_s"] = report.entries / seconds
    node = NodeProcess(line.path.parents[1], line)
    began = time.perf_counter()
    await node.start()
    figures["start_s"] = time.perf_counter() - began
    figures["rss_start_mib"] = _resident_mib(node.pid)
    figures["rss_mib"] = await _most_resident_mib(node.pid)
    await node.stop()
    _print(tell, figures, ("verify_per_s", "start_s", "rss_start_mib", "rss_mib"))
