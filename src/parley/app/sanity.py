"""Is this right? What is asked of an officer who enters a place, a height or a time (R67, B1, B4): never a refusal.

A position that lies at sea where land is meant, or far from all that this side and the line know, is held against the
slips that people make: latitude and longitude swapped, a minus or hemisphere left out, degrees and minutes read as
decimal degrees. A slip that would mend it is suggested. Land is Natural Earth 1:10m (public domain) to a tenth of a
degree: who is within about 11 km of a coast is not asked.

The command line, the API and the console ask the same. What is asked names none of one's own plans.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from statistics import median_low
from typing import TYPE_CHECKING, Any, Final

import zstandard

from parley.app.forms import each_value
from parley.app.plans import first_position
from parley.app.readback import Named
from parley.app.register import volumes_of
from parley.forms.filled import Filled
from parley.geo.coordinates import format_position
from parley.geo.sphere import RADIUS_MIN_M, unit_vectors
from parley.later import later
from parley.notices.broadcast import around
from parley.wire.geometry import MICRODEGREES, Band, Height, Point, Position, Unit, Volume, Window

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from parley.app.guard import Guard
    from parley.app.views import Views
else:
    np = later("numpy")

_WIDTH: Final = 3600
_HEIGHT: Final = 1800
_FAR_M: Final = 500_000
"""Farther from all that is known than this is asked about."""
_NEAR_M: Final = 200_000
"""A slip explains what is far, or at sea, when what was meant is so near to something known."""
_APART_M: Final = 10_000
_SAME_M: Final = 2_000
"""A slip explains what is so far apart from all that is known when what was meant is the very place of something."""
_CEILING_M: Final = 20_000
"""Metres above which nothing flies that is not launched: figures above were likely feet."""
_LARGE_NM: Final = 600
_AHEAD_S: Final = 400 * 86_400
_SHOWN: Final = 2
_KNOWN: Final = 5_000
"""Known places that an entered position is held against."""
_AREAS: Final = 200
"""Notices whose areas are among them, the newest of all."""
_ON_LAND: Final = frozenset({"H1"})
_SEEN: Final = frozenset({"M2"})
"""Forms that tell of what was seen."""
_OVER: Final = frozenset({"ended", "cancelled", "completed", "result"})
"""Stages that tell of what is over."""
_QUARTER: Final = 90 * MICRODEGREES
_HALF: Final = 180 * MICRODEGREES
_MINUTES: Final = 60


@dataclass(frozen=True, slots=True)
class Doubt:
    """One question, in English and in parts for who says it in another language.

    ``code`` is ``place-exchanged``, ``place-other-side``, ``place-minutes``, ``place-sea``, ``place-far``,
    ``place-zero``, ``height-feet``, ``area-large``, ``time-over`` or ``time-far``. Of a place: ``at``, whether it lies
    at ``sea``, how far it is from all that is known (``far_km``), and what was likely ``meant``, ``km`` from ``place``.
    Of a height ``at`` is its metres; an area reaches ``km`` from its middle.
    """

    code: str
    text: str
    at: str = ""
    sea: bool = False
    far_km: int = 0
    meant: str = ""
    place: str = ""
    km: int = 0

    def as_json(self, field: str) -> dict[str, Any]:
        """Plain data, of a field of a form."""
        return {"field": field, **asdict(self)}


class Known:
    """What lies where this side and the line are active."""

    def __init__(self, places: Sequence[Named] = ()) -> None:
        self._names = [p.name for p in places]
        self._vectors = unit_vectors(p.at for p in places)

    def __bool__(self) -> bool:
        return bool(self._names)

    def nearest(self, places: Sequence[Position]) -> list[tuple[float, str]]:
        """For each place how many metres it is from the nearest that is known, to 1 %, and its name."""
        close = unit_vectors(places) @ self._vectors.T
        best = close.argmax(axis=1)
        metres = np.arccos(np.clip(close.max(axis=1), -1.0, 1.0)) * RADIUS_MIN_M
        return [(float(m), self._names[n]) for m, n in zip(metres, best, strict=True)]


def known_places(guard: Guard, views: Views) -> Known:
    """One's own plans, and what was notified; asked under the guard's lock."""
    return Known(known_names(guard, views))


def known_names(guard: Guard, views: Views) -> list[Named]:
    """What ``known_places`` are, each with its name."""
    own = [Named(p.name, first_position(p.volume.shapes[0])) for p in guard.plans() if p.volume.shapes]
    notices = list(guard.register.notices.values())
    told = [Named(n.subject, n.position) for n in notices if n.position is not None]
    for notice in notices[-_AREAS:]:
        if notice.position is None:
            shapes = [s for v in volumes_of(views, notice, guard.grace_s).values() for s in v.shapes]
            told += [Named(notice.subject, around(shapes)[0])] if shapes else []
    return [*own, *told][:_KNOWN]


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


def _slips(at: Position) -> Iterator[tuple[str, str, Position]]:
    """What may have been meant instead, each with what went wrong."""
    if abs(at.lon) <= _QUARTER:
        yield "place-exchanged", "latitude and longitude are swapped", Position(at.lon, at.lat)
    other, how = "place-other-side", ("lacks its minus, or {}", "has a minus, or {}, that is wrong")
    west, south = how[at.lon < 0].format("W"), how[at.lat < 0].format("S")
    yield other, f"the longitude {west}", Position(at.lat, -at.lon)
    yield other, f"the latitude {south}", Position(-at.lat, at.lon)
    yield other, f"the latitude {south} and the longitude {west}", Position(-at.lat, -at.lon)
    lat, lon = _as_minutes(at.lat), _as_minutes(at.lon)
    if lat is not None and lon is not None:
        yield "place-minutes", "degrees and minutes were read as decimal degrees", Position(lat, lon)


def _as_minutes(value: int) -> int | None:
    """``36.4309`` as 36 degrees 43.09 minutes; None when those are no minutes."""
    degrees, rest = divmod(abs(value), MICRODEGREES)
    minutes = rest * 100 / MICRODEGREES
    if minutes >= _MINUTES:
        return None
    return round((degrees + minutes / _MINUTES) * MICRODEGREES) * (1 if value >= 0 else -1)


def place_doubts(at: Position, known: Known, *, land: bool = False) -> Iterator[Doubt]:
    """Questions about a position."""
    said = format_position(at)
    if at.lat == 0 and at.lon == 0:
        text = f"{said} is where the equator meets the meridian of Greenwich; was a position left out?"
        yield Doubt("place-zero", text, said)
        return
    sea, off = land and at_sea(at), known.nearest([at])[0][0] if known else 0.0
    if not sea and off < _APART_M:
        return
    far_km = round(off / 1000)
    where = f"{said} lies at sea" if sea else f"{said} is {far_km} km from all known"
    found = sorted(_explained(at, known, off, sea=sea, land=land))[:_SHOWN]
    for metres, code, why, meant, place in found:
        text = f"{where}; was it {meant} if {why}?"
        yield Doubt(code, text, said, sea, far_km, meant, place, round(metres / 1000))
    if not found and (sea or off > _FAR_M):
        yield Doubt("place-sea" if sea else "place-far", f"{where}.", said, sea, far_km)


def list_doubts(rows: Sequence[tuple[str, Sequence[Position], bool]], known: Sequence[Named]) -> Iterator[str]:
    """Questions about a list in bulk: each row has its name, its places, and whether they lie on land.

    Held against most of the list as well. Of each row the first odd place is asked about. A list may hold places far
    from one another, so that far off is asked about only where a slip explains it.
    """
    places = [at for _, there, _ in rows for at in there]
    if not places:
        return
    middle = Position(median_low(p.lat for p in places), median_low(p.lon for p in places))
    near = Known([Named("most of the file", middle), *known])
    for name, there, land in rows:
        each = ([d for d in place_doubts(at, near, land=land) if d.code != "place-far"] for at in there)
        for doubt in next(filter(None, each), ()):
            yield f"{name}: {doubt.text}"


def _explained(
    at: Position, known: Known, off: float, *, sea: bool, land: bool
) -> Iterator[tuple[float, str, str, str, str]]:
    """The slips that explain a position: metres to what is known, code, what went wrong, what was meant, and where."""
    slips = [
        slip
        for slip in _slips(at)
        if slip[2] != at and -_QUARTER <= slip[2].lat <= _QUARTER and -_HALF <= slip[2].lon < _HALF
    ]
    near = known.nearest([meant for _, _, meant in slips]) if known and slips else [(0.0, "")] * len(slips)
    reach = _NEAR_M if sea or off > _FAR_M else _SAME_M
    for (code, why, meant), (metres, place) in zip(slips, near, strict=True):
        if metres <= reach and not (land and at_sea(meant)):
            yield metres, code, why, format_position(meant), place


def _height_doubts(band: Band) -> Iterator[Doubt]:
    """Metres that were likely feet."""
    for height in (band.lower, band.upper):
        if isinstance(height, Height) and height.unit is Unit.METRE and height.value > _CEILING_M:
            text = f"{height.value} m is higher than aircraft fly; was it {height.value} ft?"
            yield Doubt("height-feet", text, str(height.value))


def _time_doubts(span: Window | None, now: int, *, past: bool) -> Iterator[Doubt]:
    if span is None:
        return
    if span.end <= now:
        if not past:
            yield Doubt("time-over", "All of this lies in the past.")
    elif span.start > now + _AHEAD_S:
        yield Doubt("time-far", "This is more than a year ahead.")


def value_doubts(value: object, known: Known, now: int, *, land: bool = False, past: bool = False) -> Iterator[Doubt]:
    """Questions about one value: a position, an area or a window; none about anything else.

    ``land``: what it states lies on land. ``past``: it may be over.
    """
    if isinstance(value, Position):
        yield from place_doubts(value, known, land=land)
    elif isinstance(value, Volume):
        middle, radius_nm = around(value.shapes)
        at = value.shapes[0].at if len(value.shapes) == 1 and isinstance(value.shapes[0], Point) else middle
        yield from place_doubts(at, known, land=land)
        if radius_nm > _LARGE_NM:
            km = round(radius_nm * 1.852)
            yield Doubt("area-large", f"This area reaches {km} km from its middle.", km=km)
        yield from _height_doubts(value.band)
        yield from _time_doubts(value.span(), now, past=past)
    elif isinstance(value, Window):
        yield from _time_doubts(value, now, past=past)


def form_doubts(filled: Filled, known: Known, now: int) -> Iterator[tuple[str, Doubt]]:
    """Questions about the values of a form, those in its groups as well, each with the path of its field."""
    land = filled.form.id in _ON_LAND
    past = filled.form.id in _SEEN or filled.values.get("stage") in _OVER
    for path, _, value in each_value(filled.form.fields, filled.values):
        for doubt in value_doubts(value, known, now, land=land, past=past):
            yield path, doubt
