"""The map in a browser: at the pole and across 180 degrees, over time, by keyboard, and how fast it draws."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Browser, Page

HOUR = 3600
SUBJECTS = ["FIJI SWEEP", "POLAR GUARD", "LONG TRACK", "TOMORROW"]
NOW = int(time.time()) // HOUR * HOUR


def stamp(hours: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%MZ", time.gmtime(NOW + hours * HOUR))


def warning(subject: str, number: str, area: dict[str, Any], first: int = -2, last: int = 30) -> dict[str, Any]:
    areas = [{**area, "times": [f"{stamp(first)}/{stamp(last)}"]}]
    return {"series": "LOCAL", "number": number, "hazard": "exercise", "subject": subject, "areas": areas}


FIJI = {"polygon": ["15-00S 175-00E", "15-00S 175-00W", "20-00S 175-00W", "20-00S 175-00E"], "upper": "FL300"}
POLAR = {"circle": "89-00N 010-00E", "radius": "250 km"}
TRACK = {"corridor": ["60-00N 020-00E", "58-30N 010-00E", "62-00N 000-00E"], "width": "120 km"}
LATER = {"circle": "57-00N 004-00E", "radius": "150 km"}


AT = """([lon, lat, scale]) => {
  const canvas = document.querySelector('#map'), board = canvas.board;
  // Copied to a canvas of one pixel, so that reading does not change how the map itself is drawn.
  const pixel = Object.assign(document.createElement('canvas'), {width: 1, height: 1});
  const pen = pixel.getContext('2d', {willReadFrequently: true});
  board.view = {kind: 'globe', lon, lat, scale};
  const read = () => {
    board.paint(false);
    pen.drawImage(canvas, Math.round(canvas.width / 2), Math.round(canvas.height / 2), 1, 1, 0, 0, 1, 1);
    return [...pen.getImageData(0, 0, 1, 1).data].join();
  };
  const kept = board.scene.things, drawn = read();
  board.scene.things = [];
  const bare = read();
  board.scene.things = kept;
  board.paint(false);
  return drawn === bare ? 'ground' : 'area';
}"""
THOUSAND = """() => {
  const canvas = document.querySelector('#map'), board = canvas.board, many = [...Array(1000).keys()];
  const corner = (lon, lat, n) => [lon + 2 * Math.cos(n * Math.PI / 6), lat + Math.sin(n * Math.PI / 6)];
  const ring = (lon, lat) => [...Array(13).keys()].map(n => corner(lon, lat, n % 12)).reverse();
  const one = (n, lon, lat) => ({
    id: String(n), layer: 'announced', name: 'x', where: '', windows: [], heights: '', lower_m: null, upper_m: null,
    middle: [lon, lat], geometry: {type: 'Polygon', coordinates: [ring(lon, lat)]},
  });
  board.scene.things = many.map(n => one(n, -30 + n * 7 % 60, 40 + n * 13 % 30));
  board.view = {kind: 'globe', lon: 0, lat: 55, scale: 700};
  const times = [];
  for (let n = 0; n < 12; n++) { board.view.lon = n; board.paint(false); times.push(board.took); }
  return times.sort((a, b) => a - b);
}"""


def colour(page: Page, lon: float, lat: float, scale: float = 20000) -> str:
    """What is drawn at a place when one looks down on it: ``area``, or ``ground`` where nothing was announced."""
    return str(
        page.evaluate(
            AT,
            [lon, lat, scale],
        )
    )


def test_the_map(browser: Browser, stations: tuple[Any, Any], watched: Any, axe: Callable[[Page], list[str]]) -> None:
    north, south = stations
    for values in (
        warning("FIJI SWEEP", "1/26", FIJI),
        warning("POLAR GUARD", "2/26", POLAR),
        warning("LONG TRACK", "3/26", TRACK),
        warning("TOMORROW", "4/26", LATER, 26, 50),
    ):
        north.call("send", form="area-warning/warning", values=values)
    south.call("plan-put", name="Survey flight", at="58.6N 10.0E", radius=40000)
    for hours, where in ((-3, "57-00N 004-00E"), (-1, "57-30N 004-30E")):
        south.call("track-put", name="Grey ship", at=where, time=stamp(hours), radius=2000, until=stamp(20))
    watched.until(lambda: len(south.call("inbox")) == 4)

    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB")
    south.sign_in(context, "duty.one")
    page = context.new_page()
    seen = watched.page(page, south.url)
    page.goto(f"{south.url}/lines/trial/map")
    watched.until(lambda: page.evaluate("document.querySelector('#map-page').dataset.loaded"))

    # Inside and outside, where other maps go wrong: across 180 degrees, at the pole, along a great circle.
    for lon, lat, wanted in (
        (180, -17, "area"), (176, -17, "area"), (-176, -17, "area"), (170, -17, "ground"), (-170, -17, "ground"),
        (0, -17, "ground"), (0, 90, "area"), (10, 88, "area"), (-170, 88.5, "ground"), (10, -89, "ground"),
        # The southern edge is a great circle: at 180 degrees it lies 10 km south of the parallel of its corners.
        (180, -20.04, "area"), (180, -20.3, "ground"),
        # Between the corners of the bend, and the other side of it.
        (10, 58.5, "area"), (10, 60.5, "ground"), (5, 60.4, "area"), (4, 57, "area"),
    ):  # fmt: skip
        assert colour(page, lon, lat) == wanted, (lon, lat)

    # All of it is in the list, the conflict first; what is to come stands so, and is in force when the time comes.
    names = page.locator("#map-list button b").all_inner_texts()
    assert names[0].startswith("Survey flight / north LOCAL 3/26")
    assert sorted(names[1:5]) == [
        "LOCAL 1/26 FIJI SWEEP",
        "LOCAL 2/26 POLAR GUARD",
        "LOCAL 3/26 LONG TRACK",
        "LOCAL 4/26 TOMORROW",
    ]
    # What is followed: where it is now, and moving back in time where it was.
    tracks = page.locator("#map-list button.layer-track", has_text="Grey ship")
    assert tracks.count() == 2
    assert [("over" in t, "now" in t) for t in tracks.all_inner_texts()] == [(True, False), (False, True)]
    later = page.locator("#map-list button", has_text="TOMORROW")
    assert "coming" in later.inner_text()
    slider = page.get_by_label("Time shown")
    slider.evaluate("(e, at) => { e.value = at; e.dispatchEvent(new Event('input')); }", str(NOW + 40 * HOUR))
    assert "now" in later.inner_text()
    assert "over" in page.locator("#map-list button", has_text="FIJI").inner_text()
    assert colour(page, 180, -17) == "ground", "what is over is not drawn"
    page.get_by_role("button", name="Now", exact=True).click()
    assert colour(page, 180, -17) == "area"

    # By keyboard alone: a thing of the list, its message, and moving about on the map.
    page.locator("#map-list button", has_text="FIJI").focus()
    page.keyboard.press("Enter")
    details = page.locator("#map-details")
    assert "surface to FL300" in details.inner_text()
    link = details.get_by_role("link", name="Open the message")
    assert (link.get_attribute("href") or "").startswith("/lines/trial/messages/")
    page.locator("#map").focus()
    before = page.evaluate("document.querySelector('#map').board.view.lon")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("+")
    assert page.evaluate("document.querySelector('#map').board.view.lon") != before
    # By pointer: what lies where one clicks.
    page.evaluate("document.querySelector('#map').board.look({kind: 'globe', lon: 10, lat: 89, scale: 900})")
    page.locator("#map").click()
    assert "POLAR GUARD" in details.inner_text()
    for view in ("North Pole", "South Pole", "Flat", "Globe", "Everything"):
        page.get_by_role("button", name=view, exact=True).click()

    assert axe(page) == []
    page.evaluate("document.documentElement.dataset.theme = 'night'")
    assert axe(page) == []
    assert seen.wrong == []

    # A thousand activities of twelve corners: how long one drawing takes here. Printed, not asserted (2 busy cores).
    took = page.evaluate(THOUSAND)
    print(f"1,000 activities drawn in {took[6]:.0f} ms (median of 12), {took[-1]:.0f} ms at most")  # noqa: T201
    assert len(took) == 12
    context.close()
