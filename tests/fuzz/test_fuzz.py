"""Coverage-guided fuzzing of every decoder, a few seconds each; ``make fuzz`` goes on for longer."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from parley_testkit.decoders import DECODERS

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("atheris") is None,
        reason="atheris has no wheel for this Python: coverage-guided fuzzing NOT RUN (hypothesis covers the decoders)",
    ),
]
ROOT = Path(__file__).parents[2]
SECONDS = 5


def fuzz(kept: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "fuzz", "--kept", str(kept), *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)


def test_every_decoder_holds(tmp_path: Path) -> None:
    done = fuzz(tmp_path, "--seconds", str(SECONDS))
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == list(DECODERS)
    assert all(list((tmp_path / "corpus" / name).iterdir()) for name in DECODERS)
