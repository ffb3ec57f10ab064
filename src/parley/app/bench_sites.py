"""How long a list of protected places takes to be brought up to date, by the command as an operator types it (R68)."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

from parley.errors import StoreError

Json = dict[str, Any]
BARS: Final = {"sites_import_s": ("<=", 60.0, 15.0), "sites_update_s": ("<=", 60.0, 15.0)}
_HEAD: Final = "id,name,latitude,longitude,function,valid_until,confirmed\n"
_EVERY: Final = 10
"""One place in so many changes from the first file to the second."""


def measure(home: Path, count: int = 20_000) -> Json:
    """Import a file of ``count`` places into a line's home, then one in which a tenth moved, and a tenth is renewed."""
    file = home / "bench-sites.csv"
    figures: Json = {"sites": count}
    for key, later in (("sites_import_s", False), ("sites_update_s", True)):
        file.write_text(_HEAD + "".join(_row(n, later=later) for n in range(count)))
        command = [sys.executable, "-m", "parley", "sites", "import", str(file), "--home", str(home), "--json"]
        began = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own interpreter
        figures[key] = time.perf_counter() - began
        if done.returncode:
            raise StoreError(f"the import failed: {done.stderr[-500:]}", code="bench-failed")
        report = json.loads(done.stdout)
        wanted = (0, count // _EVERY, count // _EVERY) if later else (count, 0, 0)
        if tuple(len(report[word]) for word in ("new", "changed", "renewed")) != wanted:
            raise StoreError("the report of the import is wrong", code="bench-failed")
    return figures


def _row(n: int, *, later: bool) -> str:
    moved, renewed = later and n % _EVERY == 0, later and n % _EVERY == 1
    lat, lon = 30 + n % 200 / 100 + moved / 1000, 35 + n // 200 / 100
    until, confirmed = ("2029-01-01", "2026-06-01") if renewed else ("2028-01-01", "2026-01-01")
    return f"S{n},Place {n},{lat:.4f},{lon:.4f},clinic,{until},{confirmed}\n"
