"""Every decoder holds: over the inputs that are kept, and for a few seconds of coverage-guided fuzzing each."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from parley.errors import DecodeError
from parley_testkit.decoders import DECODERS
from parley_testkit.kept import inputs, keep, unpack
from parley_testkit.report import commit_here

ROOT = Path(__file__).parents[2]
KEPT = [ROOT / "fuzz" / "corpus", ROOT / "fuzz" / "regressions"]
SECONDS = 5
needs_atheris = pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None,
    reason="atheris has no wheel for this Python: coverage-guided fuzzing NOT RUN (hypothesis covers the decoders)",
)


def fuzz(out: Path, *arguments: str, before: str = "pass") -> subprocess.CompletedProcess[str]:
    """``python -m fuzz`` that goes the same way each time, so that a test holds today if it held yesterday."""
    run = f"import sys; {before}; from fuzz.__main__ import main; sys.exit(main())"
    command = [sys.executable, "-c", run, "--seed", "1", "--out", str(out), *arguments]
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, check=False)


@pytest.mark.parametrize("name", DECODERS)
def test_what_is_kept_decodes_or_raises_the_one_error(name: str) -> None:
    decode, _ = DECODERS[name]
    for data in (d for folder in KEPT for d in inputs(folder, name)):
        with contextlib.suppress(DecodeError):
            decode(data)


def test_every_decoder_has_a_kept_corpus() -> None:
    assert {p.stem for p in KEPT[0].iterdir()} == set(DECODERS)
    assert {p.stem for p in KEPT[1].iterdir()} <= set(DECODERS)


def test_what_is_kept_is_read_again(tmp_path: Path) -> None:
    keep(tmp_path, "note", [b"two", b"\x00", b"two", b""])
    assert inputs(tmp_path, "note") == [b"\x00", b"two"]
    assert inputs(tmp_path, "another") == []
    assert unpack(inputs(tmp_path, "note"), tmp_path / "files") == 2
    assert sorted(p.read_bytes() for p in (tmp_path / "files").iterdir()) == [b"\x00", b"two"]


@needs_atheris
@pytest.mark.slow
def test_every_decoder_holds(tmp_path: Path) -> None:
    commit = commit_here()
    done = fuzz(tmp_path, "--seconds", str(SECONDS))
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert report["commit"] == commit
    assert report["decoders"].keys() == DECODERS.keys()
    for name, row in report["decoders"].items():
        assert row["crashes"] == 0
        assert row["seconds"] >= SECONDS
        assert row["executions"] >= row["began_from"] >= len(inputs(KEPT[0], name))
        assert row["corpus"] >= row["began_from"]


@needs_atheris
def test_a_decoder_that_breaks_is_named_with_what_broke_it(tmp_path: Path) -> None:
    broken = "from parley_testkit.decoders import DECODERS as d; d['note'] = (lambda b: 1 // (len(b) - 3), [b'abc'])"
    done = fuzz(tmp_path, "--seconds", "5", "note", before=broken)
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stdout
    report = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert report["decoders"]["note"]["crashes"] == 1
    (found,) = (tmp_path / "found" / "note").iterdir()
    assert len(found.read_bytes()) == 3
