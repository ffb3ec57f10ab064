"""The conflict check against an independent spherical library, on as many pairs of polygons as are asked for.

The library is S2 by way of ``spherely``. ``python -m parley_testkit.agreement --pairs 1000000 --out soak-out`` draws
pairs from seeds, on all cores, and writes ``agreement.json``. Each batch is one line of ``agreement-COMMIT.jsonl``, so
that a run which is ended early still counts, and the next of the same commit goes on from there. Ends with status 1
where both disagree on one pair.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import importlib.util
import json
import math
import os
import platform
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, Final

import numpy as np

from parley.conflict.areas import Area, places, prepare
from parley.conflict.exact import batch, meet
from parley.errors import DecodeError
from parley.geo.sphere import EQUATORIAL_M, RADIUS_MAX_M, RADIUS_MIN_M
from parley.wire.geometry import MICRODEGREES, Polygon, Position, position
from parley_testkit.report import commit_here

PAIR_M: Final = 0.2
"""Metres: the stated tolerance. Two polygons that S2 puts no farther apart may be said to meet."""
SPOTS: Final = (
    (90.0, 0.0),
    (-90.0, 0.0),
    (0.0, 180.0),
    (70.0, -180.0),
    (48.0, 11.0),
    (0.0, 0.0),
    (35.26, 45.0),
    (-89.0, 10.0),
)
"""Latitude and longitude of what pairs are drawn about: both poles and 180 degrees among them."""
_BATCH: Final = 2_000
_GRID_PART: Final = 5
"""One pair in so many has its positions on whole degrees or minutes."""
_ROUND: Final = 360 * MICRODEGREES
Draw = Callable[[np.random.Generator], tuple[Polygon, Polygon]]


def beside(lat: float, lon: float, course: float, metres: float) -> tuple[float, float]:
    """A place about so far off; on the sphere, which is near enough to draw shapes."""
    a, angle, c = math.radians(lat), metres / EQUATORIAL_M, math.radians(course)
    sine = math.sin(a) * math.cos(angle) + math.cos(a) * math.sin(angle) * math.cos(c)
    east = math.atan2(math.sin(c) * math.sin(angle) * math.cos(a), math.cos(angle) - math.sin(a) * sine)
    return math.degrees(math.asin(max(-1.0, min(1.0, sine)))), (lon + math.degrees(east) + 180) % 360 - 180


def star(draw: np.random.Generator, lat: float, lon: float, metres: float) -> Polygon:
    """A polygon of 3 to 30 positions round a place."""
    count = int(draw.integers(3, 31))
    courses = ((np.arange(count) + draw.uniform(-0.3, 0.3, count)) * (360 / count)).tolist()
    reaches = (metres * draw.uniform(0.3, 1, count)).tolist()
    return Polygon(tuple(position(*beside(lat, lon, c, r)) for c, r in zip(courses, reaches, strict=True)))


def pair(draw: np.random.Generator) -> tuple[Polygon, Polygon]:
    """Two polygons that meet about as often as not, from metres to thousands of kilometres across."""
    spot = SPOTS[int(draw.integers(0, len(SPOTS)))]
    first = 10 ** draw.uniform(1.5, 6.8)
    second = min(first * 10 ** draw.uniform(-1.5, 1.5), 8e6)
    centre = beside(*spot, draw.uniform(0, 360), first * draw.uniform(0, 1.2))
    other = beside(*centre, draw.uniform(0, 360), (first + second) * draw.uniform(0, 1.1))
    return star(draw, *centre, first), star(draw, *other, second)


def pair_on_grid(draw: np.random.Generator) -> tuple[Polygon, Polygon]:
    """Two polygons on whole degrees or minutes, as notices state them: edges share meridians, positions and parts."""
    pitch = int(draw.choice([1_000_000, 100_000, 16_667, 10]))
    lat, lon = SPOTS[int(draw.integers(0, len(SPOTS)))]
    south, west = min(max(round(lat * 1e6), -90_000_000), 90_000_000 - 8 * pitch), round(lon * 1e6)

    def at(row: int, column: int) -> Position:
        return Position(south + row * pitch, (west + column * pitch + 180_000_000) % 360_000_000 - 180_000_000)

    def shape() -> Polygon:
        row, column, height, width, kind = draw.integers([0, 0, 1, 1, 0], [5, 5, 4, 4, 3]).tolist()
        far_row, far_column = row + height, column + width
        up = [at(r, column) for r in range(row, far_row)]
        across = [at(far_row, c) for c in range(column, far_column)]
        if kind == 0:  # a box with positions along its sides
            down = [at(r, far_column) for r in range(far_row, row, -1)]
            return Polygon((*up, *across, *down, *(at(row, c) for c in range(far_column, column, -1))))
        if kind == 1:  # a triangle
            return Polygon((*up, *across, at(far_row, far_column)))
        return Polygon((at(row, column), at(far_row, column), at(far_row, far_column), at(row, far_column)))

    return shape(), shape()


def compare(count: int, seed: int, pair: Draw) -> Counter[str]:
    """``count`` pairs: how many meet, hold a pole or cross 180 degrees, and how many both judge otherwise.

    ``verdicts`` are pairs that S2 says meet and Parley does not, or that Parley says meet and S2 puts farther apart;
    ``distances`` those that do not meet, whose distance lies outside what the sphere's and the ellipsoid's radii allow.
    """
    spherely: Any = importlib.import_module("spherely")
    draw = np.random.default_rng(seed)
    pairs: list[tuple[tuple[Polygon, Polygon], list[Area]]] = []
    while len(pairs) < count:
        both = pair(draw)
        try:
            areas = [prepare([shape]) for shape in both]
        except DecodeError:
            continue  # two positions are one place, as all at a pole are
        pairs.append((both, areas))

    def theirs(side: int) -> Any:  # noqa: ANN401 - an array of their geographies
        rings = [[(p.lon / 1e6, p.lat / 1e6) for p in both[side].ring] for both, _ in pairs]
        return np.array([spherely.create_polygon(r) for r in rings])

    first, second = theirs(0), theirs(1)
    expected = spherely.intersects(first, second).tolist()
    apart = spherely.distance(first, second, radius=1.0).tolist()
    found = Counter(pairs=count, meeting=sum(expected), pole=0, antimeridian=0, verdicts=0, distances=0)
    for (both, (a, b)), meets, angle in zip(pairs, expected, apart, strict=True):
        ways = [_way(shape) for shape in both]
        found["pole"] += any(pole for pole, _ in ways)
        found["antimeridian"] += any(across for _, across in ways)
        ours = bool(meet(a.pieces[0], batch(b.pieces), 0.0)[0])
        found["verdicts"] += ours != meets and (meets or angle * RADIUS_MIN_M > PAIR_M)
        if not meets:
            metres = places(a, b, angle * RADIUS_MAX_M * 1.01 + 1)[0].metres
            right = angle * RADIUS_MIN_M * 0.9999 - PAIR_M <= metres <= angle * RADIUS_MAX_M + PAIR_M
            found["distances"] += not right
    return found


def _way(shape: Polygon) -> tuple[bool, bool]:
    """Whether the ring goes round a pole or through one, and whether an edge of it crosses 180 degrees."""
    ring = shape.ring
    steps = [b.lon - a.lon for a, b in zip(ring, (*ring[1:], ring[0]), strict=True)]
    across = [step for step in steps if abs(step) > _ROUND / 2]
    # An odd number of crossings is a way round the Earth.
    pole = len(across) % 2 == 1 or any(abs(p.lat) == 90 * MICRODEGREES for p in ring)
    return pole, bool(across)


def work(seed: int) -> dict[str, int]:
    """One batch."""
    grid = _BATCH // _GRID_PART
    return dict(compare(_BATCH - grid, seed, pair) + compare(grid, seed, pair_on_grid)) | {"seed": seed}


def run(pairs: int, out: Path, commit: str) -> dict[str, Any]:
    """Compare until ``pairs`` are done for ``commit``, what earlier runs did counted; the report."""
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"agreement-{commit}.jsonl"
    done = [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []
    seeds = [n for n in range(1, -(-pairs // _BATCH) + 1) if n not in {d["seed"] for d in done}]
    with ProcessPoolExecutor(os.cpu_count()) as pool, path.open("a", encoding="utf-8") as lines:
        for found in pool.map(work, seeds):
            lines.write(json.dumps(found) + "\n")
            lines.flush()
            done.append(found)
            (out / "agreement.json").write_text(json.dumps(report(commit, done), indent=1) + "\n", "utf-8")
    return report(commit, done)


def report(commit: str, batches: Sequence[dict[str, int]]) -> dict[str, Any]:
    """The figures of all batches, n beside what both disagree on."""
    total = {name: sum(b.get(name, 0) for b in batches) for name in ("pairs", "meeting", "pole", "antimeridian")}
    wrong = {name: sum(b.get(name, 0) for b in batches) for name in ("verdicts", "distances")}
    return {
        "commit": commit,
        "python": platform.python_version(),
        "library": f"spherely {importlib.metadata.version('spherely')}",
        **total,
        "tolerance_m": PAIR_M,
        "disagreements": sum(wrong.values()),
        **{f"disagreeing_{name}": n for name, n in wrong.items()},
        "seeds": [min(b["seed"] for b in batches), max(b["seed"] for b in batches)],
        "seeds_that_disagree": sorted(b["seed"] for b in batches if b.get("verdicts") or b.get("distances")),
    }


def main() -> int:
    """``--pairs N --out FOLDER``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=1_000_000)
    parser.add_argument("--out", type=Path, default=Path("soak-out"))
    parser.add_argument("--commit", default="", help="name of what is run [git's]")
    given = parser.parse_args()
    if importlib.util.find_spec("spherely") is None:
        sys.stdout.write("spherely has no wheel for this platform: NOTHING WAS COMPARED\n")
        return 0
    made = run(given.pairs, given.out, given.commit or commit_here())
    sys.stdout.write(json.dumps(made, indent=1) + "\n")
    return 1 if made["disagreements"] else 0


if __name__ == "__main__":
    sys.exit(main())
