"""Makes ``land.zst`` of the application from a TopoJSON of land: one bit for each tenth of a degree, set on land.

The file that is in the repository was made from Natural Earth 1:10m land (public domain), as the npm package
world-atlas 2.0.2 carries it: ``python tools/land_mask.py land-10m.json src/parley/app/land.zst``.
"""

from __future__ import annotations

import json
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import zstandard

WIDTH, HEIGHT = 3600, 1800


def rings(topology: dict[str, Any]) -> list[list[tuple[float, float]]]:
    """All rings of land, longitude and latitude in degrees."""
    (sx, sy), (tx, ty) = topology["transform"]["scale"], topology["transform"]["translate"]
    arcs = []
    for arc in topology["arcs"]:
        steps = np.cumsum(np.array(arc), axis=0)
        arcs.append([(float(x) * sx + tx, float(y) * sy + ty) for x, y in steps])
    found = []
    for geometry in topology["objects"]["land"]["geometries"]:
        for polygon in geometry["arcs"]:
            for ring in polygon:
                points: list[tuple[float, float]] = []
                for n in ring:
                    arc = arcs[n] if n >= 0 else arcs[~n][::-1]
                    points += arc[1:] if points else arc
                found.append(points)
    return found


def mask(land: list[list[tuple[float, float]]]) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """One row a tenth of a degree from the north, by the rule of even and odd crossings."""
    edges = np.array([(*a, *b) for ring in land for a, b in pairwise(ring)])
    bits = np.zeros((HEIGHT, WIDTH), dtype=bool)
    for row in range(HEIGHT):
        lat = 90 - (row + 0.5) / 10
        crossing = edges[(edges[:, 1] > lat) != (edges[:, 3] > lat)]
        share = (lat - crossing[:, 1]) / (crossing[:, 3] - crossing[:, 1])
        at = np.sort((crossing[:, 0] + share * (crossing[:, 2] - crossing[:, 0]) + 180) * 10 - 0.5)
        for west, east in zip(at[::2], at[1::2], strict=False):
            bits[row, max(0, int(np.ceil(west))) : int(np.floor(east)) + 1] = True
    bits[-50:] = True  # from 85 degrees south on: the ring of Antarctica has no edge at the pole
    return bits


if __name__ == "__main__":
    source, target = Path(sys.argv[1]), Path(sys.argv[2])
    packed = np.packbits(mask(rings(json.loads(source.read_text("utf-8")))))
    target.write_bytes(zstandard.compress(packed.tobytes(), 19))
