"""What docs/tutorial tells a new officer to do, done; the pictures of the tutorial come from here.

``make pictures`` writes them anew. Every run checks that each picture that the tutorial shows is made here.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial"
MADE = ("glance", "message", "acknowledge", "handover", "map")


def take(page: Page, name: str, folder: Path) -> None:
    assert name in MADE
    page.screenshot(path=folder / f"{name}.png")


def test_the_officers_tutorial(browser: Browser, stations: tuple[Any, Any], tmp_path: Path) -> None:
    north, south = stations
    folder = Path(os.environ.get("PARLEY_PICTURES") or tmp_path)
    context = browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 720})
    south.sign_in(context, "Officer S1")
    page = context.new_page()
    # 1. At the beginning of the watch.
    page.goto(f"{south.url}/")
    page.get_by_role("button", name="Test and arm the alarm").click()
    page.get_by_role("button", name="I heard it: armed").click()
    expect(page.locator("#unarmed")).to_be_hidden()
    page.goto(f"{south.url}/lines/trial/handover")
    page.get_by_label("I have read what is open").check()
    page.get_by_role("button", name="Take the watch").click()
    expect(page.locator("#duty")).to_contain_text("Officer S1")
    take(page, "handover", folder)
    # 2. A message comes.
    text = "Vessel Aurora, 14 on board, taking water at 58-10.0N 010-20.0E. We ask for your helicopter."
    sent = north.call("send", text=text, subject="Vessel in distress", precedence="IMMEDIATE")
    page.goto(f"{south.url}/")
    expect(page.locator("#alarm")).to_contain_text("Vessel in distress")
    take(page, "glance", folder)
    page.keyboard.press("F9")
    page.goto(f"{south.url}/lines/trial/messages/{sent['id']}")
    expect(page.locator("a.seal")).to_contain_text("verified by key")
    take(page, "message", folder)
    # 3. Read, acknowledge, answer.
    page.get_by_role("button", name="I have read it").click()
    form = page.locator("form", has=page.get_by_role("button", name="Acknowledge", exact=True))
    form.get_by_label("In our words").fill("14 people in a sinking vessel; a helicopter is asked for.")
    box = form.get_by_role("checkbox")
    if box.count():
        box.check()
    take(page, "acknowledge", folder)
    page.get_by_role("button", name="Acknowledge", exact=True).click()
    expect(page.locator("#facts")).to_contain_text("14 people in a sinking vessel")
    # 4. The map.
    page.goto(f"{south.url}/lines/trial/map")
    expect(page.locator("canvas").first).to_be_visible()
    take(page, "map", folder)
    context.close()
    assert {p.stem for p in folder.glob("*.png")} >= set(MADE)


def test_each_picture_of_the_tutorial_is_made_here() -> None:
    shown = set()
    for page in TUTORIAL.glob("*.md"):
        shown |= set(re.findall(r"\]\(pictures/([a-z-]+)\.png\)", page.read_text("utf-8")))
    assert shown == set(MADE)
    assert {p.stem for p in (TUTORIAL / "pictures").glob("*.png")} == shown
