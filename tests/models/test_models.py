"""The models of spec/models: what they prove, and that each refutes the fault planted for it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

MODELS = Path(__file__).resolve().parents[2] / "spec" / "models"


def need(program: str) -> str:
    """Where the program is. In CI it must be there; elsewhere its absence is told by name."""
    found = shutil.which(program)
    if found is None and program != "proverif" and os.environ.get("CI"):
        pytest.fail(f"{program} is not installed: run tools/system-packages")
    if found is None:
        pytest.skip(f"{program} is not installed: the model is NOT CHECKED here")
    return found


def run(folder: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def search(folder: Path, planted: tuple[str, ...], compiled: tuple[str, ...], *arguments: str) -> tuple[int, int]:
    """Errors found and states stored by an exhaustive search."""
    run(folder, need("spin"), *planted, "-a", str(MODELS / "delivery.pml"))
    run(folder, need("gcc"), "-O1", *compiled, "-o", "pan", "pan.c")
    said = run(folder, "./pan", "-m200000", *arguments)
    assert "max search depth too small" not in said
    found = re.search(r"errors: (\d+)\s+([\d.e+]+) states, stored", said)
    assert found is not None, said
    return int(found[1]), int(float(found[2]))


SAFETY = (("-DSAFETY",), "-noclaim")
LIVENESS = (("-DNFAIR=3",), "-a", "-f")


def test_a_receipt_is_never_for_what_is_not_durable(tmp_path: Path) -> None:
    compiled, *arguments = SAFETY
    errors, states = search(tmp_path, (), compiled, *arguments)
    assert errors == 0
    assert states > 10_000


def test_all_is_delivered_once_faults_end(tmp_path: Path) -> None:
    compiled, *arguments = LIVENESS
    errors, states = search(tmp_path, (), compiled, *arguments)
    assert errors == 0
    assert states > 10_000


def test_a_receipt_before_the_commit_is_refuted(tmp_path: Path) -> None:
    compiled, *arguments = SAFETY
    assert search(tmp_path, ("-DEARLY_RECEIPT",), compiled, *arguments)[0] == 1


def test_a_sender_that_forgets_what_was_receipted_is_refuted(tmp_path: Path) -> None:
    compiled, *arguments = LIVENESS
    assert search(tmp_path, ("-DFORGETFUL",), compiled, *arguments)[0] == 1


@pytest.mark.parametrize("name", ["line", "line-without-identities"])
def test_what_proverif_says_is_what_is_written_down(name: str) -> None:
    program = need("proverif")
    done = subprocess.run([program, MODELS / f"{name}.pv"], capture_output=True, text=True, check=False)
    results = [line for line in done.stdout.splitlines() if line.startswith("RESULT")]
    expected = (MODELS / f"{name}.expected").read_text("utf-8").splitlines()
    assert list(dict.fromkeys(results)) == expected
