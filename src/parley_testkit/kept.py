"""The inputs that are kept in the repository: a file for each decoder, in base64, one a line."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Final

MAX_KEPT: Final = 400
"""Inputs for each decoder; the shortest are kept."""
MAX_BYTES: Final = 1 << 14
"""Of one input, as in a run."""


def inputs(folder: Path, name: str) -> list[bytes]:
    """What is kept for a decoder; nothing when there is no such file."""
    path = folder / f"{name}.txt"
    return [base64.b64decode(line) for line in path.read_text("ascii").splitlines()] if path.exists() else []


def unpack(given: Iterable[bytes], folder: Path) -> int:
    """Write each input into a file of its own, as libFuzzer wants them; how many there are."""
    folder.mkdir(parents=True, exist_ok=True)
    once = set(given)
    for data in once:
        (folder / sha256(data).hexdigest()[:20]).write_bytes(data)
    return len(once)


def keep(folder: Path, name: str, given: Iterable[bytes]) -> None:
    """Write what is kept for a decoder, shortest first."""
    lines = sorted({d for d in given if d and len(d) <= MAX_BYTES}, key=lambda d: (len(d), d))[:MAX_KEPT]
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.txt").write_text("".join(f"{base64.b64encode(d).decode()}\n" for d in lines), "ascii")
