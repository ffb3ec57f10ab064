"""An index of a process that was killed while it wrote: every change is there with its mark, or neither is.

Run as a program, it adds volumes to the index in the folder it is given, and says which.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import parley
from parley.conflict.volumes import Prepared, prepare_volume
from parley.stores.conflict_index import ConflictIndex
from parley.wire.geometry import Circle, Position, Volume

KEY = bytes(range(32))


def volume(number: int) -> Prepared:
    """Two shapes each, a tenth of a degree apart from the next."""
    lat, lon = divmod(number, 1_000)
    shapes = tuple(Circle(Position(sign * (lat * 100_000 + 50_000), lon * 100_000), 100) for sign in (1, -1))
    return prepare_volume(Volume(shapes))


def fill(folder: Path) -> None:
    index = ConflictIndex.open(folder / "conflict.db", KEY)
    for number in range(int(index.mark or b"0"), 100_000):
        index.add(f"v{number}", volume(number), b"%d" % (number + 1))
        # One write: it is either all in the pipe when the process dies, or not at all.
        os.write(1, b"%d\n" % (number + 1))


def test_a_killed_writer_leaves_whole_changes(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(parley.__file__).parent.parent)}
    last = 0
    for run in range(4):
        process = subprocess.Popen(
            [sys.executable, __file__, str(tmp_path)], stdout=subprocess.PIPE, env=environment, text=True
        )
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.05 + 0.13 * run)
        process.send_signal(signal.SIGKILL)
        acknowledged = [int(line) for line in process.stdout.read().split() if line]
        process.wait()
        process.stdout.close()
        index = ConflictIndex.open(tmp_path / "conflict.db", KEY)
        mark = int(index.mark)
        # A kill, unlike a power cut, undoes nothing that was committed.
        assert mark >= max(acknowledged, default=last)
        assert mark > last
        for number in range(mark + 1):
            assert index.query(volume(number)) == ([f"v{number}"] if number < mark else [])
        last = mark
        index.close()


if __name__ == "__main__":
    fill(Path(sys.argv[1]))
