"""Is this position right? What is asked of an officer who enters one (R67): a question each, never a refusal.

A position that lies at sea where land is meant, or far from all that this side and the line know, is held against the
slips that people make: latitude and longitude swapped, a minus or hemisphere left out, degrees and minutes read as
decimal degrees. A slip that would mend it is suggested. Land is Natural Earth 1:10m (public domain) to a tenth of a
degree: who is within about 11 km of a coast is not asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final

import zstandard

from parley.forms.filled import Filled
from parley.geo.coordinates import format_position
from parley.geo.sphere import distance_m
from parley.later import later
from parley.notices.broadcast import around
from parley.wire.geometry import MICRODEGREES, Band, Height, Position, Unit, Volume

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
else:
    np = later("numpy")

_WIDTH: Final = 3600
_HEIGHT: Final = 1800
_FAR_M: Final = 1_000_000
"""Farther from all that is known than this is asked about, if a slip explains it."""
_NEAR_M: Final = 200_000
"""A slip explains a position when what was meant is so near to something known."""
_CEILING_M: Final = 20_000
"""Metres above which nothing flies that is not launched: figures above were likely feet."""
_SHOWN: Final = 2
_ON_LAND: Final = frozenset({"H1"})
_QUARTER: Final = 90 * MICRODEGREES
_HALF: Final = 180 * MICRODEGREES
_MINUTES: Final = 60


@cache
def _land() -> NDArray[np.bool_]:
    packed = zstandard.decompress((files("parley.app") / "land.zst").read_bytes())
    return np.unpackbits(np.frombuffer(packed, np.uint8)).reshape(_HEIGHT, _WIDTH).astype(bool)


def at_sea(at: Position) -> bool:
    """True when there is no land within about a tenth of a degree."""
    row = min(_HEIGHT - 1, (_QUARTER - at.lat) * 10 // MICRODEGREES)
    column = (at.lon + _HALF) * 10 // MICRODEGREES % _WIDTH
    rows = range(max(0, row - 1), min(_HEIGHT, row + 2))
    return not any(_land()[r, (column + c) % _WIDTH] for r in rows for c in (-1, 0, 1))


def _slips(at: Position) -> Iterator[tuple[str, Position]]:
    """What may have been meant instead, each with what went wrong."""
    if abs(at.lon) <= _QUARTER:
        yield "latitude and longitude are swapped", Position(at.lon, at.lat)
    yield "the longitude lacks its minus, or W", Position(at.lat, -at.lon)
    yield "the latitude lacks its minus, or S", Position(-at.lat, at.lon)
    yield "both lack their minus, or S and W", Position(-at.lat, -at.lon)
    lat, lon = _as_minutes(at.lat), _as_minutes(at.lon)
    if lat is not None and lon is not None:
        yield "degrees and minutes were read as decimal degrees", Position(lat, lon)


def _as_minutes(value: int) -> int | None:
    """``36.4309`` as 36 degrees 43.09 minutes; None when those are no minutes."""
    degrees, rest = divmod(abs(value), MICRODEGREES)
    minutes = rest * 100 / MICRODEGREES
    if minutes >= _MINUTES:
        return None
    return round((degrees + minutes / _MINUTES) * MICRODEGREES) * (1 if value >= 0 else -1)


def doubts(at: Position, known: Sequence[Position] = (), *, land: bool = False) -> list[str]:
    """Questions about a position; ``known`` is what lies where this side and the line are active."""
    sea = land and at_sea(at)
    off = min((distance_m(at, k) for k in known), default=0.0)
    if not sea and off < _FAR_M:
        return []
    found = []
    for why, meant in _slips(at):
        if not (-_QUARTER <= meant.lat <= _QUARTER and -_HALF <= meant.lon < _HALF) or meant == at:
            continue
        near = min((distance_m(meant, k) for k in known), default=_NEAR_M if sea else _FAR_M)
        if near <= _NEAR_M and not (land and at_sea(meant)):
            found.append((near, f"{format_position(meant)} if {why}"))
    where = (
        f"{format_position(at)} lies at sea" if sea else f"{format_position(at)} is {off / 1000:.0f} km from all known"
    )
    if not found:
        return [f"{where}."] if sea else []
    return [f"{where}; was it {text}?" for _, text in sorted(found)[:_SHOWN]]


def height_doubts(band: Band) -> list[str]:
    """Questions about heights: metres that were likely feet."""
    return [
        f"{height.value} m is higher than aircraft fly; was it {height.value} ft?"
        for height in (band.lower, band.upper)
        if isinstance(height, Height) and height.unit is Unit.METRE and height.value > _CEILING_M
    ]


def volume_doubts(volume: Volume, known: Sequence[Position] = (), *, land: bool = False) -> list[str]:
    """Questions about an area: its middle, and its heights."""
    middle = around(volume.shapes)[0]
    return [*doubts(middle, known, land=land), *height_doubts(volume.band)]


def form_doubts(filled: Filled, known: Sequence[Position] = ()) -> list[str]:
    """Questions about the positions and areas of a form, each with the name of its field."""
    found = []
    for spec in filled.form.fields:
        if spec.name not in filled.values or spec.type not in ("position", "area"):
            continue
        given = filled.values[spec.name]
        items: Iterable[Position | Volume] = given if spec.repeat > 1 else (given,)
        for item in items:
            found += [f"{spec.name}: {question}" for question in value_doubts(filled, item, known)]
    return found


def value_doubts(filled: Filled, value: object, known: Sequence[Position] = ()) -> list[str]:
    """Questions about one value of a form: a position or an area; none about anything else."""
    land = filled.form.id in _ON_LAND
    match value:
        case Volume():
            return volume_doubts(value, known, land=land)
        case Position():
            return doubts(value, known, land=land)
    return []
