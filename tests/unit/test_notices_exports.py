"""Announced areas on other people's maps: cut, wound and ended as their formats ask. RFC 7946 3.1.6, 3.1.9."""

from __future__ import annotations

import json
from datetime import date
from importlib import resources
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.notices.draft import NoticeDraft
from parley.notices.exports import cut_rings, outline, to_cot, to_geojson, to_kml
from parley.notices.notice import read_notice
from parley.notices.places import read_places
from parley.wire.geometry import Circle, Corridor, Point, Polygon, Position, position

TODAY = date(2026, 3, 1)
KML = "{http://www.opengis.net/kml/2.2}"


def real() -> list[NoticeDraft]:
    folder = resources.files("parley.app").joinpath("demo_data")
    names = sorted(p.name for p in folder.iterdir() if p.name.startswith(("hydro", "nav", "notam")))
    return [read_notice(folder.joinpath(n).read_text("utf-8"), TODAY) for n in names]


def warning(area: str) -> NoticeDraft:
    return read_notice(f"NAVAREA II 1/26.\n1. FIRING 011200Z TO 011400Z APR IN AREA {area}.", TODAY)


def area(ring: list[list[float]]) -> float:
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in pairwise(ring)) / 2


def rings(geometry: dict[str, Any]) -> list[list[list[float]]]:
    polygons = geometry["coordinates"] if geometry["type"] == "MultiPolygon" else [geometry["coordinates"]]
    return [p[0] for p in polygons]


def test_real_notices_read_back_as_plans() -> None:
    drafts = real()
    text = to_geojson(drafts)
    plans = read_places("plans.geojson", text)
    assert len(plans) == sum(len(d.parts) for d in drafts) == 9
    triangle = next(p for p in plans if "Q0338/25" in p.name)
    (wanted,) = next(d for d in drafts if d.number == "Q0338/25").parts
    found, said = triangle.volume.shapes[0], wanted.volume.shapes[0]
    assert isinstance(found, Polygon)
    assert isinstance(said, Polygon)
    assert set(found.ring) == set(said.ring), "edges of less than a degree get no more positions"
    assert triangle.volume.times == wanted.volume.times


def test_an_area_across_180_degrees_is_cut_in_two() -> None:
    draft = warning("10-00N 179-00E, 11-00N 179-00W, 12-00N 179-30E")
    (feature,) = json.loads(to_geojson([draft]))["features"]
    pieces = rings(feature["geometry"])
    assert len(pieces) == 2
    assert all(-180 <= lon <= 180 for ring in pieces for lon, _ in ring)
    assert all(ring[0] == ring[-1] and area(ring) > 0 for ring in pieces)
    assert sum(area(r) for r in pieces) == pytest.approx(1.75, rel=0.01)


@pytest.mark.parametrize("pole", [90, -90])
def test_a_circle_round_a_pole_reaches_it(pole: int) -> None:
    pieces = cut_rings(outline(Circle(position(pole * 0.99, 10), 300_000)))
    latitudes = [lat for ring in pieces for _, lat in ring]
    assert (max(latitudes) if pole > 0 else min(latitudes)) == pole
    assert sum(area([list(p) for p in ring]) for ring in pieces) == pytest.approx(360 * 2.7, rel=0.1)


PLACES = st.lists(st.builds(Position, st.integers(-80_000_000, 80_000_000), st.integers(-180_000_000, 179_999_999)))


@given(PLACES.filter(lambda p: len(p) >= 3))
def test_every_ring_stays_on_the_map(places: list[Position]) -> None:
    for ring in cut_rings(places):
        assert ring[0] == ring[-1]
        assert all(-180 <= lon <= 180 and -90 <= lat <= 90 for lon, lat in ring)


def test_great_circles_are_drawn_by_close_positions() -> None:
    edge = outline(Corridor((position(60, 0), position(60, 40)), 1000))
    assert len(edge) > 15
    assert max(p.lat for p in edge) > 61_500_000, "the great circle between them lies north of the parallel"
    assert outline(Point(position(1, 2))) == (position(1, 2),)


def test_a_corridor_across_180_degrees_is_cut() -> None:
    draft = warning("WITHIN 5 MILES OF LINE JOINING 10-00N 179-30E, 10-00N 179-30W")
    (feature,) = json.loads(to_geojson([draft]))["features"]
    assert feature["properties"]["half_width_m"] == 9260
    first, second = feature["geometry"]["coordinates"]
    assert (first[-1][0], second[0][0]) == (180, -180)


def test_kml_and_cursor_on_target_are_shown_while_they_are_in_force() -> None:
    drafts = real()
    placemarks = ET.fromstring(to_kml(drafts)).findall(f".//{KML}Placemark")
    assert len(placemarks) == 9
    assert all(mark.find(f"{KML}TimeSpan/{KML}end") is not None for mark in placemarks)
    now = 1_772_668_800  # 2026-03-05
    events = ET.fromstring(to_cot(drafts, now)).findall("event")
    stale = [e.get("stale") for e in events]
    assert len(events) == 5, "what is over is left out"
    assert all(s is not None and s > "2026-03-05" for s in stale)
    assert {e.get("type") for e in events} == {"b-m-p-s-m"}, "never a drawn shape, which would not go away"
    assert all(e.find("detail/shape/polyline/vertex") is not None for e in events)
    dot = warning("AT 10-00N 020-00E")
    assert ET.fromstring(to_kml([dot])).find(f".//{KML}Point") is not None
    (event,) = ET.fromstring(to_cot([dot], now)).findall("event")
    assert event.find("detail/shape") is None
