"""Read-back: a place is told from named places, so that 9 km in the coordinate are 9 km in the words."""

from __future__ import annotations

import re

import pytest

from parley.app.forms import library, usual_packs
from parley.app.plans import plan_of
from parley.app.readback import Named, found_places, from_place, nearest_towns, read_back, stated_places
from parley.app.sentences import LANGUAGES, place_words
from parley.app.views import MessageView
from parley.forms.filled import Filled, read_values
from parley.geo.coordinates import parse_position
from parley.geo.sphere import destination, distance_m
from parley.notices.places import PlaceDraft
from parley.wire.geometry import Band, Circle, Position, Volume, position

B1 = parse_position("35-15.2N 040-05.4E")
"""Near Deir ez-Zor: the place of B1."""


def view(name: str, given: dict[str, object], text: str = "") -> MessageView:
    packs, dictionaries = usual_packs()
    form = library().under({p.name: p.hash for p in packs}, dictionaries).named(name)
    found = MessageView("x-0000-1", "x", 1_772_000_000, [], "FLASH", "en", "", text, "watch", "watch")
    found.filled = Filled(form, read_values(form, given)) if given else None
    return found


def place_of(said: str, town: Named) -> Position:
    found = re.match(r"([\d.]+) km \w+ \((\d+)°\) of ", said)
    assert found is not None
    return destination(town.at, float(found[2]), float(found[1]) * 1000)


@pytest.mark.parametrize("degrees", [0, 45, 135, 190, 270])
def test_moving_the_point_by_nine_kilometres_moves_what_is_read_back_by_nine(degrees: int) -> None:
    town = nearest_towns(B1)[0]
    assert town.name == "Deir ez-Zor (SY)"
    moved = destination(B1, degrees, 9_000)
    first, second = (place_of(from_place(town, at), town) for at in (B1, moved))
    # Half a degree of the rounded bearing, at 20 km.
    assert distance_m(first, second) == pytest.approx(9_000, abs=350)


def test_a_check_fire_is_read_back_from_towns_notified_places_and_own_plans() -> None:
    shown = view("check-fire/check-fire", {"struck": "our-forces", "position": "35-15.2N 040-05.4E"})
    own = plan_of(PlaceDraft("Strike 3", "strike", "air", Volume((Circle(B1, 500),), Band())))
    notified = [Named("Hill position, notified", destination(B1, 90, 400)), Named("Far away", position(0, 0))]
    (found,) = read_back(shown, [own], notified)
    assert found["field"] == "position"
    assert found["own"] == ["at Strike 3"]
    assert found["said"][-1] == "0.40 km W (270°) of Hill position, notified"
    ((_, back),) = found_places(shown, notified)
    said = {language: place_words(back, language) for language in LANGUAGES}
    assert said["en"].startswith("READ BACK 35-15.200N 040-05.400E: ")
    assert said["fr"].endswith("; 0,40 km O (270°) de Hill position, notified")
    assert said["ru"].endswith("; 0,40 км З (270°) от Hill position, notified")  # noqa: RUF001 - Cyrillic
    assert "Strike" not in str(back)


def test_the_middle_of_each_area_is_read_back_and_never_more_than_eight() -> None:
    area = {"circle": "36-43.09N 068-51.75E", "radius": "2 km"}
    many = view("warning", {"hazard": "other", "areas": [area] * 12})
    assert [name for name, _ in stated_places(many)] == [f"area {n}" for n in range(1, 9)]
    text = "NAVAREA II 1/26.\n1. FIRING 011200Z TO 011400Z APR IN AREA 10-00N 020-00E, 11-00N 020-00E, 11-00N 021-00E."
    assert len(stated_places(view("text", {}, text))) == 1
    assert stated_places(view("text", {}, "No place at all.")) == []


@pytest.mark.parametrize("at", [position(89.99, 0), position(-89.99, 10), position(0, 179.999), position(-45, -150)])
def test_any_place_on_earth_has_a_nearest_town(at: Position) -> None:
    towns = nearest_towns(at, 3)
    assert len(towns) == 3
    assert distance_m(towns[0].at, at) <= distance_m(towns[1].at, at) <= distance_m(towns[2].at, at)
