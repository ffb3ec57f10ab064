"""Own plans in a browser: added, diverted, held at a protected place and let go on with a reason. B1, B4, R62."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Browser, Page, expect


def stamp(hours: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%MZ", time.gmtime(time.time() + hours * 3600))


def test_plans(browser: Browser, stations: tuple[Any, Any], watched: Any, axe: Callable[[Page], list[str]]) -> None:
    north, south = stations
    area = {"circle": "58-40N 010-00E", "radius": "30 km", "times": [f"{stamp(-1)}/{stamp(30)}"]}
    values = {"series": "LOCAL", "number": "3/26", "hazard": "gunnery", "subject": "LIVE FIRING", "areas": [area]}
    north.call("send", form="area-warning/warning", values=values)
    site = {
        "stage": "new", "site-id": "S-1", "organisation": "Relief", "name": "Field hospital", "function": "hospital",
        "position": "36-43.09N 068-51.75E", "valid": f"{stamp(-1)}/{stamp(500)}", "contacts": ["+00 555 0111"],
    }  # fmt: skip
    north.call("send", form="humanitarian/site", values=site)
    watched.until(lambda: len(south.call("inbox")) == 2)
    context = browser.new_context(viewport={"width": 1280, "height": 720}, locale="en-GB")
    south.sign_in(context, "duty.one")
    page = context.new_page()
    seen = watched.page(page, south.url)
    page.goto(f"{south.url}/lines/trial/plans")
    assert "No conflict found. This is no clearance." in page.locator("#conflicts").inner_text()

    def add(name: str, places: str, size: str) -> None:
        page.get_by_label("Name").fill(name)
        form = page.locator("form[aria-labelledby=add]")
        form.get_by_label("Positions, one a line").fill(places)
        form.get_by_label("Radius or width").fill(size)
        form.get_by_role("button", name="Keep it and check it").click()

    # What cannot be read is told, and what was written is still there.
    add("Survey flight", "58-40 010-00E", "10 km")
    assert "58-40 010-00E" in page.locator("main .card.warn").inner_text()
    assert page.get_by_label("Name").input_value() == "Survey flight"
    seen.wrong.clear()  # the browser notes the refusal
    add("Survey flight", "58-40N 010-00E", "10 km")
    clash = page.locator("tr.degree-meets")
    assert "LIVE FIRING" in clash.inner_text()
    assert "LOCAL 3/26" in clash.inner_text()

    # Diverted, it is clear at once; nothing else of it changed.
    plan = page.locator("details.plan", has_text="Survey flight")
    plan.locator("summary").click()
    plan.get_by_label("Positions, one a line").fill("40-00N 030-00W")
    plan.get_by_label("Radius or width").fill("10 km")
    plan.get_by_role("button", name="Divert or change it").click()
    page.wait_for_url("**/plans")
    watched.until(lambda: "No conflict found" in page.locator("#conflicts").inner_text())

    # Within the set distance of a protected place a plan is held until an officer says why it goes on (B4).
    add("Patrol", "36-43.1N 068-51.8E", "2 km")
    held = page.locator("section.held")
    assert "Patrol" in held.inner_text()
    assert "Field hospital" in held.inner_text()
    assert axe(page) == []
    page.evaluate("document.documentElement.dataset.theme = 'night'")
    assert axe(page) == []
    held.get_by_label("Reason").fill("Agreed with the hospital by telephone")
    held.get_by_role("button", name="Let it go on").click()
    page.wait_for_url("**/plans")
    assert page.locator("section.held").count() == 0
    text = page.locator("tr.degree-blocking").inner_text()
    assert "duty.one" in text
    assert "Agreed with the hospital by telephone" in text
    assert any("Agreed with the hospital" in str(fact) for fact in south.call("watch-log"))

    # What is followed is held against what was notified, at every fix (B5).
    follow = page.locator("form", has=page.get_by_role("button", name="Enter the fix and check it"))
    follow.get_by_label("What is followed").fill("Grey car")
    follow.get_by_label("Position").fill("36-43.1N 068-51.8E")
    follow.get_by_label("Within (m)").fill("200")
    follow.get_by_role("button").click()
    page.wait_for_url("**/plans")
    expect(page.locator("#conflicts tr", has_text="Grey car").first).to_contain_text("Field hospital")
    assert axe(page) == []
    page.get_by_role("button", name="Follow no more").click()
    expect(page.locator("#conflicts")).not_to_contain_text("Grey car")

    plan = page.locator("details.plan", has_text="Patrol")
    plan.locator("summary").click()
    plan.get_by_role("button", name="Remove it").click()
    page.wait_for_url("**/plans")
    assert [p["name"] for p in south.call("plans")] == ["Survey flight"]
    assert seen.wrong == []
    context.close()
