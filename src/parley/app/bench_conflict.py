"""Measures the conflict check on many announced volumes, drawn from a seed so that a run can be repeated.

Volumes are polygons of 6 to 30 positions, 2 to 100 km across, with a band of heights and a window of 30 minutes to 14
days within a year; 80 % lie in a theatre of 20 by 20 degrees, the rest anywhere on Earth.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

from parley.conflict.volumes import Prepared, prepare_volume
from parley.stores.conflict_index import ConflictIndex
from parley.wire.geometry import (
    MICRODEGREES,
    Band,
    Height,
    Polygon,
    Position,
    Reference,
    Unit,
    Volume,
    Window,
)

Json = dict[str, Any]
BARS: Final = {
    "conflict_query_ms_p50": ("<=", 1.0, 0.5),
    "conflict_query_ms_p99": ("<=", 5.0, 2.5),
    "conflict_insert_ms_p50": ("<=", 0.2, 0.12),
    "conflict_plans_1000_s": ("<=", 1.0, 0.5),
    "conflict_file_mb": ("<=", 700.0, 400.0),
}
"""Relation, bar and aim of each figure on a million volumes."""
SEED: Final = 20_160_917
_YEAR: Final = 1_767_225_600
"""2026-01-01."""
_DAY_MINUTES: Final = 1440
_THEATRE: Final = (30.0, 50.0, 25.0, 45.0)
"""Latitude from, to, longitude from, to, in degrees."""
_RADIUS_M: Final = 6_371_008.8


def volumes(count: int, seed: int = SEED) -> Iterator[Volume]:
    """``count`` announced volumes."""
    draw = np.random.default_rng(seed)
    for _ in range(count):
        yield _volume(draw)


def _volume(draw: np.random.Generator) -> Volume:
    theatre, kind, *corner = draw.random(4).tolist()
    if theatre < 0.8:  # noqa: PLR2004 - the part in the theatre
        lat = _THEATRE[0] + corner[0] * (_THEATRE[1] - _THEATRE[0])
        lon = _THEATRE[2] + corner[1] * (_THEATRE[3] - _THEATRE[2])
    else:
        lat, lon = float(np.degrees(np.arcsin(2 * corner[0] - 1))), 360 * corner[1] - 180
    ring = _star(draw, lat, lon, 1_000 * 50 ** float(draw.random()))
    start = _YEAR + 60 * int(draw.integers(0, 365 * _DAY_MINUTES))
    length = 60 * int(draw.integers(30, 14 * _DAY_MINUTES))
    return Volume((Polygon(ring),), _band(draw, kind), (Window(start, start + length),))


def _star(draw: np.random.Generator, lat: float, lon: float, radius_m: float) -> tuple[Position, ...]:
    """A polygon round a place, none of whose edges cross."""
    count = int(draw.integers(6, 31))
    course = (np.arange(count) + draw.uniform(-0.3, 0.3, count)) * (2 * np.pi / count)
    angle = radius_m / _RADIUS_M * draw.uniform(0.4, 1.0, count)
    lat, lon = np.radians(lat), np.radians(lon)
    sine = np.sin(lat) * np.cos(angle) + np.cos(lat) * np.sin(angle) * np.cos(course)
    east = np.arctan2(np.sin(course) * np.sin(angle) * np.cos(lat), np.cos(angle) - np.sin(lat) * sine)
    lats = np.rint(np.degrees(np.arcsin(sine)) * MICRODEGREES).astype(int).tolist()
    lons = (
        (np.rint(np.degrees(lon + east) * MICRODEGREES).astype(int) + 180 * MICRODEGREES) % (360 * MICRODEGREES)
    ).tolist()
    return tuple(Position(a, b - 180 * MICRODEGREES) for a, b in zip(lats, lons, strict=True))


def _band(draw: np.random.Generator, kind: float) -> Band:
    """Three in ten from the surface, which is an open lower limit; the rest half in feet, half in flight levels."""
    low = int(draw.integers(0, 350))
    high = low + int(draw.integers(10, 100))
    if kind < 0.3:  # noqa: PLR2004 - the part from the surface
        return Band(None, Height(high * 100, Unit.FOOT))
    if kind < 0.65:  # noqa: PLR2004
        return Band(Height(low * 100, Unit.FOOT), Height(high * 100, Unit.FOOT))
    return Band(Height(low, Unit.HUNDRED_FEET, Reference.FL), Height(high, Unit.HUNDRED_FEET, Reference.FL))


def measure(folder: Path, count: int = 1_000_000, tell: Callable[[str], None] = lambda _: None) -> Json:
    """Load ``count`` volumes into an index in ``folder``, which is made and removed; the figures."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    key = os.urandom(32)
    path = folder / "conflict.db"
    index = ConflictIndex.open(path, key)
    try:
        figures: Json = {"conflict_volumes": count}
        begin = time.perf_counter()
        index.load(((f"v{n}", prepare_volume(v)) for n, v in enumerate(volumes(count))), b"loaded")
        figures["conflict_load_s"] = time.perf_counter() - begin
        tell(f"  {count:,} volumes drawn and loaded in {figures['conflict_load_s']:.0f} s")
        plans = [prepare_volume(v) for v in volumes(1_000, SEED + 1)]
        _queries(index, plans, figures)
        _inserts(index, figures)
        figures["conflict_file_mb"] = sum(p.stat().st_size for p in folder.iterdir() if "wal" not in p.name) / 1e6
    finally:
        index.close()
        shutil.rmtree(folder, ignore_errors=True)
    return figures


def _queries(index: ConflictIndex, plans: list[Prepared], figures: Json) -> None:
    """Three rounds of all plans, of which the middle one counts: a shared machine is noisy."""
    rounds = []
    for _ in range(3):
        took, found = [], 0
        for plan in plans:
            begin = time.perf_counter()
            found += len(index.query(plan))
            took.append(1000 * (time.perf_counter() - begin))
        rounds.append((float(np.percentile(took, 50)), float(np.percentile(took, 99)), sum(took) / 1000))
        figures["conflict_hits"] = found
    for key, values in zip(("query_ms_p50", "query_ms_p99", "plans_1000_s"), zip(*rounds, strict=True), strict=True):
        figures[f"conflict_{key}"] = sorted(values)[1]


def _inserts(index: ConflictIndex, figures: Json) -> None:
    took = []
    for n, volume in enumerate(volumes(1_000, SEED + 2)):
        prepared = prepare_volume(volume)
        begin = time.perf_counter()
        index.add(f"new{n}", prepared)
        took.append(1000 * (time.perf_counter() - begin))
    figures["conflict_insert_ms_p50"] = float(np.percentile(took, 50))
    figures["conflict_insert_ms_p99"] = float(np.percentile(took, 99))
