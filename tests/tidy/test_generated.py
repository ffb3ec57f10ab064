"""What is written from the code is up to date (run `make docs`)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("tool", ["architecture", "reference"])
def test_generated_documents_are_current(root: Path, tool: str) -> None:
    command = [sys.executable, str(root / "tools" / f"{tool}.py"), "--check"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
