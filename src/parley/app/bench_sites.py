"""How long lists of protected places and of movements take to be brought up to date, by the commands (R68)."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

from parley.errors import StoreError

Json = dict[str, Any]
BARS: Final = {
    "sites_import_s": ("<=", 60.0, 15.0),
    "sites_update_s": ("<=", 60.0, 15.0),
    "movements_import_s": ("<=", 60.0, 30.0),
    "movements_update_s": ("<=", 60.0, 15.0),
}
_SITES: Final = "id,name,latitude,longitude,function,valid_until,confirmed\n"
_MOVEMENTS: Final = "id,purpose,positions,half_width_m,start,end,vehicles,in_charge,headquarters\n"
_EVERY: Final = 10
"""One place in so many changes from the first file to the second."""


def measure(home: Path, count: int = 20_000) -> Json:
    """Import files of ``count`` rows into a line's home, then ones in which a tenth changed, and a tenth is renewed."""
    figures: Json = {"sites": count}
    for sort, head, row in (("sites", _SITES, _site), ("movements", _MOVEMENTS, _movement)):
        file = home / f"bench-{sort}.csv"
        for step, later in (("import", False), ("update", True)):
            file.write_text(
                head + "".join(row(n, later and n % _EVERY == 0, later and n % _EVERY == 1) for n in range(count))
            )
            command = [sys.executable, "-m", "parley", sort, "import", str(file), "--home", str(home), "--json"]
            began = time.perf_counter()
            done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our interpreter
            figures[f"{sort}_{step}_s"] = time.perf_counter() - began
            if done.returncode:
                raise StoreError(f"the import failed: {done.stderr[-500:]}", code="bench-failed")
            report = json.loads(done.stdout)
            wanted = (0, count // _EVERY, count // _EVERY) if later else (count, 0, 0)
            if tuple(len(report[word]) for word in ("new", "changed", "renewed")) != wanted:
                raise StoreError(f"the report of the import of {sort} is wrong", code="bench-failed")
    return figures


def _site(n: int, changed: bool, renewed: bool) -> str:  # noqa: FBT001
    lat, lon = 30 + n % 200 / 100 + changed / 1000, 35 + n // 200 / 100
    until, confirmed = ("2029-01-01", "2026-06-01") if renewed else ("2028-01-01", "2026-01-01")
    return f"S{n},Place {n},{lat:.4f},{lon:.4f},clinic,{until},{confirmed}\n"


def _movement(n: int, changed: bool, renewed: bool) -> str:  # noqa: FBT001
    lat, lon, hour = 30 + n % 200 / 100 + changed / 1000, 35 + n // 200 / 100, 9 + renewed
    route = f"{lat:.4f} {lon:.4f};{lat + 0.1:.4f} {lon + 0.2:.4f};{lat + 0.3:.4f} {lon + 0.2:.4f}"
    times = f"2028-01-01T06:00Z,2028-01-01T{hour:02}:00Z"
    return f"M{n},food,{route},200,{times},Truck; Car,Leader +00 555 0111,Desk +00 555 0100\n"
