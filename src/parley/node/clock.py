"""This machine's clocks and entropy, as the ports want them."""

from __future__ import annotations

import os
import time
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class SystemClock:
    """The system's clocks: POSIX time and CLOCK_BOOTTIME."""

    def wall_s(self) -> int:
        """POSIX seconds."""
        return int(time.time())

    def boot_s(self) -> float:
        """Seconds since boot, suspended time counted."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def boot_id(self) -> bytes:
        """16 bytes that the kernel draws at boot; zeroes where it tells none."""
        try:
            return bytes.fromhex(_BOOT_ID.read_text().strip().replace("-", ""))
        except (OSError, ValueError):
            return bytes(16)


def system_entropy(count: int) -> bytes:
    """``count`` bytes from the kernel."""
    return os.urandom(count)
