"""What is probably a slip in a place or time that was written, told before it leaves (R67, B1, B4): never refused."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from parley.app.readback import Named
from parley.geo.sphere import distance_m
from parley.notices.broadcast import around
from parley.wire.geometry import Point, Position, Volume, Window

_FAR_M: Final = 500_000
"""Farther than this from all that this side knows of, a place is worth a second look."""
_NEAR_M: Final = 150_000
"""So near must it come to something known with two of its parts exchanged."""
_LARGE_NM: Final = 600
_AHEAD_S: Final = 400 * 86_400


def doubts(path: str, value: object, known: Sequence[Named], now: int) -> Iterator[dict[str, Any]]:
    """What is odd about one value of a form: ``{field, code, place, km, far_km}``.

    ``place-exchanged``, ``place-other-side`` (north for south, or east for west), ``place-far``, ``place-zero``,
    ``area-large``, ``time-over``, ``time-far``.
    """
    if isinstance(value, Position):
        yield from _place(path, value, known)
    elif isinstance(value, Volume):
        middle, radius_nm = around(value.shapes)
        at = value.shapes[0].at if len(value.shapes) == 1 and isinstance(value.shapes[0], Point) else middle
        yield from _place(path, at, known)
        if radius_nm > _LARGE_NM:
            yield {"field": path, "code": "area-large", "km": round(radius_nm * 1.852)}
        yield from _times(path, value.windows(), now)
    elif isinstance(value, Window):
        yield from _times(path, (value,), now)


def _place(path: str, at: Position, known: Sequence[Named]) -> Iterator[dict[str, Any]]:
    if at.lat == 0 and at.lon == 0:
        yield {"field": path, "code": "place-zero"}
        return
    if not known:
        return
    here = min(distance_m(n.at, at) for n in known)
    if here <= _FAR_M:
        return
    variants = [("place-other-side", Position(-at.lat, at.lon)), ("place-other-side", Position(at.lat, -at.lon))]
    if abs(at.lon) <= 90_000_000:  # noqa: PLR2004 - the latitude of a pole, in microdegrees
        variants.append(("place-exchanged", Position(at.lon, at.lat)))
    found = [(min((distance_m(n.at, v), n.name) for n in known), code) for code, v in variants]
    (metres, name), code = min(found)
    if metres <= _NEAR_M:
        yield {"field": path, "code": code, "place": name, "km": round(metres / 1000), "far_km": round(here / 1000)}
    else:
        yield {"field": path, "code": "place-far", "far_km": round(here / 1000)}


def _times(path: str, windows: Sequence[Window], now: int) -> Iterator[dict[str, Any]]:
    if not windows:
        return
    if all(w.end <= now for w in windows):
        yield {"field": path, "code": "time-over"}
    elif min(w.start for w in windows) > now + _AHEAD_S:
        yield {"field": path, "code": "time-far"}
