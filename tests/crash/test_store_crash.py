"""Stores and head files under kills, full disks, failing syscalls and flipped bits."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import parley
from parley.errors import StoreLocked
from parley.ports import Change
from parley.stores import DataDirectory, SqliteStore, TwoSlotHeadFile, lost_state
from parley_testkit.contracts.store import check_damage

KEY = bytes(range(32))
PROCESS = Path(__file__).with_name("store_process.py")
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(parley.__file__).parents[1])}
COMMAND = [sys.executable, "-W", "error", str(PROCESS)]


def strace_works() -> bool:
    """Present, and allowed to trace: a container may forbid it."""
    if shutil.which("strace") is None:
        return False
    return subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, check=False).returncode == 0


STRACE = pytest.mark.skipif(
    not strace_works(),
    reason="strace is missing or may not trace here: syncs and failing syscalls NOT CHECKED",
)


def run(*arguments: object, before: tuple[str, ...] = ()) -> subprocess.CompletedProcess[bytes]:
    command = [*before, *COMMAND, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, env=ENVIRONMENT, check=False, timeout=60)


def acked(output: bytes) -> int:
    """The last version that was said to be committed; 0 when none was."""
    return max((int(line.split()[1]) for line in output.splitlines() if line.startswith(b"acked ")), default=0)


def new_store(folder: Path) -> Path:
    SqliteStore.create(folder / "store.db", KEY).close()
    return folder / "store.db"


def check_rows(folder: Path, at_least: int) -> int:
    """Every acknowledged commit is there, whole, and at most one more; returns the version."""
    store = SqliteStore.open(folder / "store.db", KEY)
    version = store.version
    assert at_least <= version
    for space in ("entry", "signed", "receipt", "arrival"):
        found = [(int.from_bytes(key, "big"), value) for key, value in store.scan(space)]
        assert found == [(n, n.to_bytes(8, "big") * 12) for n in range(1, version + 1)]
    if version:
        assert store.get("meta", b"last") == version.to_bytes(8, "big") * 12
    head = TwoSlotHeadFile(folder / "head").read()
    if head is not None:
        assert lost_state(version, head) == 0
    store.close()
    return version


def test_acked_commits_survive_kill_9(tmp_path: Path) -> None:
    new_store(tmp_path)
    version = 0
    chance = random.Random(1)
    for _ in range(6):
        with subprocess.Popen(
            [*COMMAND, "commits", str(tmp_path), "1000000"], stdout=subprocess.PIPE, env=ENVIRONMENT
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"begin\n"
            time.sleep(chance.uniform(0, 0.2))
            process.kill()
            output = process.stdout.read()
        said = max(acked(output), version)
        version = check_rows(tmp_path, said)
        assert version <= said + 1


@STRACE
@pytest.mark.parametrize("syscall", ["pwrite64", "fdatasync"])
@pytest.mark.parametrize("step", range(8))
def test_killed_at_a_syscall(tmp_path: Path, syscall: str, step: int) -> None:
    new_store(tmp_path)
    # The first of these calls are of opening; the step widens so that commits and checkpoints are hit too.
    at = 1 + step * step * (7 if syscall == "pwrite64" else 1)
    inject = ("strace", "-f", "-o", "/dev/null", "-e", f"inject={syscall}:signal=KILL:when={at}")
    result = run("commits", tmp_path, 100, before=inject)
    assert result.returncode in {-signal.SIGKILL, 128 + signal.SIGKILL}, result.stderr
    check_rows(tmp_path, acked(result.stdout))


@STRACE
def test_a_commit_costs_one_sync(tmp_path: Path) -> None:
    new_store(tmp_path)
    log = tmp_path / "strace"
    trace = ("strace", "-f", "-o", str(log), "-e", "trace=fdatasync,fsync,sync_file_range,msync,write")
    result = run("commits", tmp_path, 40, before=trace)
    assert result.returncode == 0, result.stderr
    lines = log.read_text().splitlines()
    first, last = (next(i for i, line in enumerate(lines) if f'"{word}\\n"' in line) for word in ("begin", "end"))
    calls = [line.split("(")[0].split()[-1] for line in lines[first + 1 : last]]
    # The first commit of a lap of the log syncs the log's header too.
    assert calls[:3] == ["fdatasync", "fdatasync", "write"]
    assert calls[3:] == ["fdatasync", "write"] * 39, "each commit is synced once, before it is acknowledged"


@STRACE
@pytest.mark.parametrize("syscall", ["fdatasync", "pwrite64"])
def test_a_failing_disk_is_an_unknown_outcome(tmp_path: Path, syscall: str) -> None:
    new_store(tmp_path)
    inject = ("strace", "-f", "-o", "/dev/null", "-e", f"inject={syscall}:error=EIO:when=60+")
    result = run("limited", tmp_path, 1 << 30, before=inject)
    assert result.stdout.splitlines()[-2:] == [b"unknown", b"end"], result.stderr
    said = acked(result.stdout)
    # The commit whose outcome is unknown may have happened; nothing else may.
    assert said <= check_rows(tmp_path, said) <= said + 1


@STRACE
def test_a_disk_that_fails_in_a_checkpoint_loses_nothing(tmp_path: Path) -> None:
    path = new_store(tmp_path)
    # Only checkpoints write to the database file; the first writes are of opening.
    inject = ("strace", "-f", "-o", "/dev/null", "-P", str(path), "-e", "inject=pwrite64:error=EIO:when=9+")
    result = run("limited", tmp_path, 1 << 30, before=inject)
    assert result.stdout.splitlines()[-2:] == [b"unknown", b"end"], result.stderr
    said = acked(result.stdout)
    assert said > 10
    # What the checkpoint was to copy was durable before, and nothing was written after it.
    assert check_rows(tmp_path, said) == said


@STRACE
def test_a_disk_that_is_full_in_a_checkpoint_stops_nothing(tmp_path: Path) -> None:
    path = new_store(tmp_path)
    inject = (
        "strace",
        "-f",
        "-o",
        "/dev/null",
        "-P",
        str(path),
        "-e",
        "inject=pwrite64:error=ENOSPC:when=9+",
    )
    result = run("commits", tmp_path, 250, before=inject)
    assert result.returncode == 0, result.stderr
    assert acked(result.stdout) == 250
    assert check_rows(tmp_path, 250) == 250


def test_a_file_that_may_not_grow_is_an_unknown_outcome(tmp_path: Path) -> None:
    new_store(tmp_path)
    result = run("limited", tmp_path, 100_000)
    assert result.stdout.splitlines()[-2:] == [b"unknown", b"end"], result.stderr
    said = acked(result.stdout)
    assert said > 0
    assert said <= check_rows(tmp_path, said) <= said + 1


def test_a_full_disk(tmp_path: Path) -> None:
    # bad: a full disk -> nothing more is written or receipted: `store-full`; what was is there
    mount = f'mount -t tmpfs -o size=8m tmpfs "{tmp_path}" && exec "$@"'
    inside = ("unshare", "--mount", "sh", "-c", mount, "sh")
    if shutil.which("unshare") is None or run_plain(*inside, "true").returncode != 0:
        pytest.skip("no file system can be mounted here (not root): a full disk NOT CHECKED")
    result = run("full", tmp_path, before=inside)
    assert result.stdout == b"full: held\n", result.stderr.decode()


def run_plain(*command: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(command, capture_output=True, check=False, timeout=60)


def test_a_flipped_bit_in_the_database_is_never_absence(tmp_path: Path) -> None:
    path = new_store(tmp_path)
    rows = {("s", i.to_bytes(4, "big")): i.to_bytes(4, "big") * 40 for i in range(400)}
    rows["large", b"k"] = bytes(30_000)
    store = SqliteStore.open(path, KEY)
    store.commit(0, [Change(space, key, value) for (space, key), value in rows.items()])
    store.close()
    good = path.read_bytes()
    chance = random.Random(2)
    places = [0, 18, 4095, *(chance.randrange(len(good)) for _ in range(80))]
    noticed = 0
    for place in places:
        data = bytearray(good)
        data[place] ^= 1 << chance.randrange(8)
        path.write_bytes(data)
        noticed += check_damage(lambda: SqliteStore.open(path, KEY), rows)
    assert noticed == len(places)


@pytest.mark.parametrize("kind", ["zeroed", "swapped", "cut"])
def test_a_damaged_page_is_never_absence(tmp_path: Path, kind: str) -> None:
    # bad: a corrupt database page -> never read as absence: `store-corrupt`
    path = new_store(tmp_path)
    rows = {("s", i.to_bytes(4, "big")): i.to_bytes(4, "big") * 40 for i in range(400)}
    store = SqliteStore.open(path, KEY)
    store.commit(0, [Change(space, key, value) for (space, key), value in rows.items()])
    store.close()
    good = path.read_bytes()
    page = 4096
    at = (len(good) // page // 2) * page
    spoilt = {
        "zeroed": good[:at] + bytes(page) + good[at + page :],
        "swapped": good[:at] + good[at + page : at + 2 * page] + good[at : at + page] + good[at + 2 * page :],
        "cut": good[:at],
    }[kind]
    path.write_bytes(spoilt)
    assert check_damage(lambda: SqliteStore.open(path, KEY), rows)


def test_a_flipped_bit_in_the_log_loses_commits_in_silence_and_the_head_file_tells(tmp_path: Path) -> None:
    # bad: a flipped bit in the log (WAL) -> noticed by the head file
    new_store(tmp_path)
    with subprocess.Popen(
        [*COMMAND, "commits", str(tmp_path), "60"], stdout=subprocess.PIPE, env=ENVIRONMENT
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line == b"acked 50\n":
                process.kill()
    head = TwoSlotHeadFile(tmp_path / "head").read()
    assert head is not None
    assert head.version >= 50
    log = (tmp_path / "store.db-wal").read_bytes()
    database = (tmp_path / "store.db").read_bytes()
    chance = random.Random(3)
    lost = []
    for number in range(20):
        folder = tmp_path / str(number)
        folder.mkdir()
        place = chance.randrange(32, len(log.rstrip(b"\0")))
        damaged = bytearray(log)
        damaged[place] ^= 1 << chance.randrange(8)
        (folder / "store.db").write_bytes(database)
        (folder / "store.db-wal").write_bytes(damaged)
        # It opens, it reads, and nothing says that commits are gone...
        store = SqliteStore.open(folder / "store.db", KEY)
        found = [int.from_bytes(key, "big") for key, _ in store.scan("entry")]
        assert found == list(range(1, store.version + 1))
        # ... but the head file.
        lost.append(lost_state(store.version, head))
        assert lost[-1] == head.version - store.version
        store.close()
    assert min(lost) > 0, "a flip in what is committed always loses something"
    assert check_rows(tmp_path, head.version) in {head.version, head.version + 1}


def test_a_second_process_is_told_who_holds_the_directory(tmp_path: Path) -> None:
    command = [*COMMAND, "hold", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=ENVIRONMENT) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held %d\n" % process.pid
        with pytest.raises(StoreLocked) as caught:
            DataDirectory(tmp_path)
        process.kill()
    assert f"process {process.pid} (parley run --line north)" in caught.value.message
    assert f"kill {process.pid}" in caught.value.next_step
    # The lock went with the process.
    DataDirectory(tmp_path).close()
