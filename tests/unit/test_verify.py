"""Two verifiers of exported records agree on what holds, what was tampered with, and what is missing.

Shows EXP-1, EXP-2 and EXP-3.
"""

from __future__ import annotations

import ast
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from parley.app.export import tile_name, write_record
from parley.app.verify import verify_record
from parley.protocol import inputs as i
from parley.wire import cbor
from parley.wire.statement import Kind, Message
from parley_testkit.small_world import World

VERIFIER = Path(__file__).parents[2] / "spec" / "verifier" / "verify_record.py"


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Path:
    world = World(3)
    world.link_all()
    world.run(1.0)
    for n in range(3):
        for k in range(3):
            world.send(k, f"message {n}")
            world.run(0.1)
    world.send(0, "to the second alone", to=0b010)
    world.run(1.0)
    world.step(0, i.Countersign(1))
    world.step(1, i.Countersign(1))
    world.run(1.0)
    world.step(1, i.Prune(world.now(1).wall + 1, 5, limit=2))
    path = tmp_path_factory.mktemp("record") / "record.parley"
    write_record(world.stores[1], world.membership, path)
    return path


def changed(record: Path, target: Path, change: Callable[[str, bytes], bytes | None]) -> Path:
    """The record with each file passed through ``change``; None leaves it out."""
    with zipfile.ZipFile(record) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            data = change(name, old.read(name))
            if data is not None:
                new.writestr(name, data)
    return target


def independent(path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(VERIFIER), str(path)], capture_output=True, text=True, check=False)


def test_a_whole_record_verifies(record: Path) -> None:
    report = verify_record(record)
    assert report.problems == []
    assert len(report.logs) == 3
    assert any(log.erased for log in report.logs)
    assert all(m["fingerprint"] for m in report.members)
    assert any(r.mldsa44 for log in report.logs for r in log.received)
    assert report.as_json()["good"] is True
    done = independent(record)
    assert done.returncode == 0, done.stdout
    assert "ML-DSA-44 too" in done.stdout


@pytest.mark.no_cover
def test_a_changed_byte_in_any_file_is_named(record: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(record) as archive:
        names = [n for n in archive.namelist() if n != "README.txt"]
    for target in names:

        def flip(name: str, data: bytes, target: str = target) -> bytes:
            if name != target:
                return data
            at = len(data) // 2
            return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]

        path = changed(record, tmp_path / "changed", flip)
        report = verify_record(path)
        assert not report.good, target
        assert independent(path).returncode == 1, target


@pytest.mark.no_cover
def test_a_damaged_archive_is_told(record: Path, tmp_path: Path) -> None:
    data = bytearray(record.read_bytes())
    for at in range(0, len(data), max(1, len(data) // 40)):
        broken = tmp_path / "broken"
        broken.write_bytes(bytes(data[:at]) + bytes([data[at] ^ 0xFF]) + bytes(data[at + 1 :]))
        verify_record(broken)
        assert independent(broken).returncode in (0, 1)
    (tmp_path / "none").write_bytes(b"not a zip")
    assert not verify_record(tmp_path / "none").good
    assert independent(tmp_path / "none").returncode == 1
    assert independent(tmp_path / "absent").returncode == 1


def test_a_missing_content_is_listed_and_is_no_fault(record: Path, tmp_path: Path) -> None:
    def without(name: str, data: bytes) -> bytes:
        if not name.endswith("contents.cbor") or "/north-" not in name:
            return data
        rows, at = [], 0
        while at < len(data):
            end = next(e for e in range(at + 1, len(data) + 1) if _decodes(data[at:e]))
            rows.append(data[at:end])
            at = end
        return b"".join(rows[:1] + rows[2:])

    path = changed(record, tmp_path / "less", without)
    report = verify_record(path)
    assert report.good
    north = next(log for log in report.logs if log.author == "north")
    assert (1, 2) in north.missing
    assert "missing" in independent(path).stdout


def _decodes(data: bytes) -> bool:
    try:
        cbor.decode(data, limit=1 << 20)
    except Exception:  # noqa: BLE001 - only whether it does
        return False
    return True


@pytest.mark.parametrize("gone", ["line.txt", "checkpoint", "contents.cbor", "tile/entries"])
def test_a_record_without_its_parts_is_incomplete(record: Path, tmp_path: Path, gone: str) -> None:
    path = changed(record, tmp_path / "part", lambda name, data: None if gone in name else data)
    assert not verify_record(path).good
    assert independent(path).returncode == 1


def test_what_was_refused_is_subtracted_from_what_was_received(tmp_path: Path) -> None:
    world = World(2)
    world.link_all()
    world.run(1.0)
    world.send(0, "understood")
    world.run(1.0)
    # The other side understands no forms.
    line = world.lines[0]
    line.settings = replace(line.settings, understands=lambda _charter, _message: True)
    world.step(0, i.Submit(Kind.MESSAGE, Message(b"\x01", form="later/form/1")))
    world.run(1.0)
    world.send(0, "and on")
    world.run(1.0)
    path = tmp_path / "record.parley"
    write_record(world.stores[0], world.membership, path)
    report = verify_record(path)
    north = next(log for log in report.logs if log.author == "north")
    assert [(r.code, r.ed25519, r.refused) for r in north.received] == [("south", 4, [(2, 3)])]
    assert report.as_json()["logs"][0]["received"][0]["refused"] == [(2, 3)]
    done = independent(path)
    assert done.returncode == 0
    assert "refused by south: entry 2 " in done.stdout


def test_tiles_are_named_as_the_specification_names_them() -> None:
    assert tile_name(0, 256) == "000"
    assert tile_name(0, 7) == "000.p/7"
    assert tile_name(1234067, 256) == "x001/x234/067"


def test_the_independent_verifier_is_short_and_needs_python_and_cryptography_alone() -> None:
    lines = [line for line in VERIFIER.read_text("utf-8").splitlines() if line.strip()]
    assert len(lines) <= 400
    for script in VERIFIER.parent.glob("*.py"):
        tree = ast.parse(script.read_text("utf-8"))
        names = [a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names]
        names += [n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
        ours = {n.partition(".")[0] for n in names} - sys.stdlib_module_names
        assert ours <= {"cryptography", "verify_record"}
