"""Power cuts on a real file system: ext4 on a loop device, ended by its shutdown ioctl while a store commits.

``python power_off.py FOLDER RUNS [careless]``, as root in a mount namespace of its own. Each run has an image and a
device of its own. Only what was acknowledged before the cut counts. ``careless`` is the control: a store that does not
sync must be seen to lose. Prints one line of JSON.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import random
import struct
import subprocess
import sys
import time
from pathlib import Path

SHUTDOWN = 0x8004587D
"""EXT4_IOC_SHUTDOWN, ``_IOR('X', 125, __u32)``."""
NO_FLUSH = struct.pack("I", 2)
"""EXT4_GOING_FLAGS_NOLOGFLUSH: nothing more reaches the disk, the journal neither."""
PROCESS = Path(__file__).with_name("store_process.py")


def acked(output: bytes) -> int:
    return max((int(line.split()[1]) for line in output.splitlines() if line.startswith(b"acked ")), default=0)


def command(*words: object) -> None:
    subprocess.run([str(w) for w in words], check=True, capture_output=True)


def mount(image: Path, at: Path) -> None:
    command("mount", "-o", "loop", image, at)


def one(folder: Path, chance: random.Random, careless: list[str]) -> tuple[int, int]:
    """What was acknowledged before the cut, and what is there after it."""
    image, at = folder / "image", folder / "mounted"
    at.mkdir()
    with image.open("wb") as file:
        file.truncate(48 << 20)
    command("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0", image)
    mount(image, at)
    python = [sys.executable, str(PROCESS)]
    command(*python, "create", at)
    command("sync", "-f", at)
    writer = subprocess.Popen([*python, "commits", str(at), "1000000", *careless], stdout=subprocess.PIPE)
    assert writer.stdout is not None
    assert writer.stdout.readline() == b"begin\n"
    os.set_blocking(writer.stdout.fileno(), False)
    time.sleep(chance.uniform(0.02, 0.4))
    said = b""
    # What stands in the pipe now was said before the cut; what comes later may have been said during it.
    with contextlib.suppress(BlockingIOError):
        while got := os.read(writer.stdout.fileno(), 1 << 20):
            said += got
    before = acked(said[: said.rfind(b"\n") + 1])
    root = os.open(at, os.O_RDONLY)
    fcntl.ioctl(root, SHUTDOWN, NO_FLUSH)
    os.close(root)
    writer.kill()
    writer.wait()
    writer.stdout.close()
    command("umount", at)
    mount(image, at)
    found = subprocess.run([*python, "check", str(at), str(before)], capture_output=True, check=False)
    command("umount", at)
    image.unlink()
    at.rmdir()
    if found.returncode:
        return before, -1
    return before, int(found.stdout.split()[1])


def main() -> None:
    folder, runs, careless = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    chance, results, began = random.Random(66), [], time.monotonic()
    for n in range(runs):
        home = folder / f"run{n}"
        home.mkdir()
        results.append(one(home, chance, careless))
    report = {
        "runs": runs,
        "acknowledged": sum(before for before, _ in results),
        "lost": sum(max(0, before - max(0, found)) for before, found in results),
        "runs_with_loss": sum(found < before for before, found in results),
        "seconds": round(time.monotonic() - began, 1),
    }
    os.write(1, json.dumps(report).encode())


if __name__ == "__main__":
    main()
