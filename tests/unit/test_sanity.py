"""Places, heights and times that are asked about at entry, and those that are not. R67, B4."""

from __future__ import annotations

import pytest

from parley.app.forms import fill, library, usual_packs
from parley.app.readback import Named
from parley.app.sanity import Doubt, Known, at_sea, form_doubts, place_doubts, value_doubts
from parley.geo.coordinates import parse_position
from parley.geo.sphere import distance_m
from parley.wire.geometry import Band, Circle, Height, Point, Position, Reference, Unit, Volume, Window, position

KUNDUZ = position(36.718031, 68.862211)
LIMA = position(-12.0464, -77.0428)
KNOWN = Known([Named("Kunduz", position(36.72, 68.86)), Named("Survey", position(58.6, 10.0))])
NOW = 1_800_000_000
DAY = 86_400


def asked(at: Position, *known: Position, land: bool = False) -> list[Doubt]:
    return list(place_doubts(at, Known([Named("Known", k) for k in known]), land=land))


def codes(value: object) -> list[str]:
    return [d.code for d in value_doubts(value, KNOWN, NOW)]


@pytest.mark.parametrize(
    "text",
    [
        "36 43 4.91N 68 51 43.96E",
        "36°43'4.91\"N 68°51'43.96\"E",
        "36-43.08183N 068-51.73267E",
        "36.718031, 68.862211",
        "36.718031N 68.862211E",
        "42S VF 87695 63602",
        "42 S 487695 4063602",
    ],
)
def test_one_point_in_every_notation(text: str) -> None:
    assert distance_m(parse_position(text), KUNDUZ) < 2


def test_land_and_sea() -> None:
    for lat, lon in ((36.718, 68.862), (-12.05, -77.04), (0.3, 32.6), (78.2, 15.6), (-89.5, 0), (51.5, -0.1)):
        assert not at_sea(position(lat, lon)), (lat, lon)
    for lat, lon in ((0, -30), (30, 179.95), (35, -150), (-50, -179.99), (55, 3), (34, 27), (89.9, 0)):
        assert at_sea(position(lat, lon)), (lat, lon)


@pytest.mark.parametrize(
    ("entered", "known", "land", "code", "says"),
    [
        (position(68.862211, 36.718031), KUNDUZ, False, "place-exchanged", "swapped"),
        (position(-12.0464, 77.0428), LIMA, True, "place-other-side", "longitude lacks its minus"),
        (position(12.0464, -77.0428), LIMA, True, "place-other-side", "latitude lacks its minus"),
        (position(12.0464, 77.0428), LIMA, False, "place-other-side", "S and the longitude lacks"),
        (position(31.25, -34.21), position(31.42, 34.35), True, "place-other-side", "longitude has a minus, or W,"),
        (position(51.5, 0.12), position(51.5, -0.12), True, "place-other-side", "longitude lacks its minus"),
        # 12-28S 130-50E is meant, as -12.28, 130.50: at sea.
        (position(-12.28, 130.50), position(-12.46, 130.84), True, "place-minutes", "decimal degrees"),
        # 36-43.08N 068-51.73E is meant, as 36.4308, 68.5173: on land, 44 km off.
        (position(36.4308, 68.5173), KUNDUZ, True, "place-minutes", "decimal degrees"),
    ],
)
def test_a_slip_is_asked_about_with_what_was_meant(
    entered: Position, known: Position, land: bool, code: str, says: str
) -> None:
    found = asked(entered, known, land=land)
    assert any(d.code == code and says in d.text and d.meant in d.text for d in found), found


def test_a_doubt_says_how_far_and_from_what_but_names_no_plan_in_its_text() -> None:
    (found,) = place_doubts(position(68.86, 36.72), KNOWN)
    assert (found.place, found.km, found.meant) == ("Kunduz", 0, "36-43.200N 068-51.600E")
    assert found.far_km > 1000
    assert "Kunduz" not in found.text


def test_what_is_right_is_not_asked_about() -> None:
    assert asked(KUNDUZ, land=True) == []
    assert asked(position(36.4, 68.4), KUNDUZ, land=True) == [], "some way off, and no slip explains it"
    assert asked(position(0, -30)) == [], "a place at sea is as good as any where no land is meant"
    assert asked(position(-20, 130)) == [], "nothing is known to be far from"


def test_a_hospital_at_sea() -> None:
    assert [d.code for d in asked(position(40, -170), land=True)] == ["place-sea"]
    doubts = asked(position(0.0, -30.0), land=True)
    assert doubts
    assert all(d.sea for d in doubts)


@pytest.mark.parametrize(
    ("at", "wanted"),
    [
        (position(36.7, 68.9), []),
        (position(38.0, 70.0), []),
        (position(68.9, 36.7), ["place-exchanged"]),
        (position(-36.7, 68.9), ["place-other-side"]),
        (position(36.7, -68.9), ["place-other-side"]),
        (position(-20.0, 130.0), ["place-far"]),
        (Position(0, 0), ["place-zero"]),
    ],
)
def test_places(at: Position, wanted: list[str]) -> None:
    assert codes(at) == wanted
    assert codes(Volume((Point(at),), Band(), ())) == wanted


def test_metres_for_feet() -> None:
    near = (Point(position(36.7, 68.9)),)
    high = Band(Height(500, Unit.FOOT, Reference.AGL), Height(35000, Unit.METRE, Reference.AMSL))
    (found,) = value_doubts(Volume(near, high, ()), KNOWN, NOW)
    assert (found.code, found.at) == ("height-feet", "35000")
    assert found.text == "35000 m is higher than aircraft fly; was it 35000 ft?"
    assert codes(Volume(near, Band(None, Height(12000, Unit.METRE)), ())) == []


def test_times_and_sizes() -> None:
    near = position(36.7, 68.9)
    over = Window(NOW - 2 * DAY, NOW - DAY)
    assert codes(over) == ["time-over"]
    assert list(value_doubts(over, KNOWN, NOW, past=True)) == []
    assert codes(Window(NOW - DAY, NOW + DAY)) == []
    assert codes(Volume((Point(near),), Band(), (Window(NOW + 500 * DAY, NOW + 501 * DAY),))) == ["time-far"]
    assert codes(Volume((Circle(near, 2_000_000),), Band(), ())) == ["area-large"]


def test_the_fields_of_groups_are_asked_about_and_what_is_over_is_not() -> None:
    packs, dictionaries = usual_packs()
    forms = library().under({p.name: p.hash for p in packs}, dictionaries)
    movement = forms.named("movement")
    given = next(e.values for e in movement.examples if e.values.get("stage") == "new")
    stops = [{"name": "Warehouse", "position": "68-52N 036-43E", "time": "2026-04-01T18:00Z/2026-04-01T19:00Z"}]

    def of(**more: object) -> list[tuple[str, str]]:
        filled = fill(forms, movement, {**given, "stops": stops, **more})
        return [(path, d.code) for path, d in form_doubts(filled, KNOWN, NOW) if path.startswith("stops")]

    assert of() == [("stops.0.position", "place-exchanged"), ("stops.0.time", "time-over")]
    assert of(stage="completed") == [("stops.0.position", "place-exchanged")]
