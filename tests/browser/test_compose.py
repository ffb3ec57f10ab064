"""Writing a message in a browser: a form with an area, what the node says of it, its release. B11, R48, R58."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Browser, Page

LOOK = "([lon, lat]) => document.querySelector('#map').board.look({kind: 'globe', lon, lat, scale: 2000})"


def checked(page: Page, watched: Any, act: Callable[[], object]) -> None:
    """Do something, and wait until the node has judged what the form says then."""
    act()
    settled(page, watched)


def settled(page: Page, watched: Any) -> None:
    form = "document.querySelector('#compose')"
    watched.until(
        lambda: page.evaluate(f"document.querySelector('#verdict').childElementCount && !{form}.dataset.pending")
    )


def stamp(hours: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.gmtime(time.time() + hours * 3600))


def test_a_form_is_written_checked_and_sent(
    browser: Browser, stations: tuple[Any, Any], watched: Any, axe: Callable[[Page], list[str]]
) -> None:
    north, south = stations
    at = {"circle": "71-00N 179-00W", "radius": "60 km"}
    values = {"series": "LOCAL", "number": "7/26", "hazard": "missile", "subject": "MISSILE FIRING", "areas": [at]}
    north.call("send", form="area-warning/warning", values=values)
    watched.until(lambda: south.call("inbox"))
    south.call("ack", id=south.call("inbox")[0]["id"])
    context = browser.new_context(viewport={"width": 1280, "height": 720}, locale="en-GB")
    south.sign_in(context, "duty.one")
    page = context.new_page()
    seen = watched.page(page, south.url)
    page.goto(f"{south.url}/lines/trial/compose")
    page.get_by_label("What to write").select_option(label="Flight notification")
    page.get_by_role("button", name="Take this form").click()
    settled(page, watched)
    verdict = page.locator("#verdict")
    assert "Still wanted: Purpose" in verdict.inner_text()
    page.get_by_label("Purpose").select_option("patrol")
    page.get_by_label("Aircraft *").fill("2")

    # Drawn on the map with the keyboard alone: across 180 degrees.
    draw = page.get_by_role("button", name="Draw on the map").first
    draw.focus()
    page.keyboard.press("Enter")
    assert draw.get_attribute("aria-pressed") == "true"
    for lon, lat in ((178, 70), (-178, 70), (-178, 72)):
        page.evaluate(
            "([lon, lat]) => document.querySelector('#map').board.look({kind: 'globe', lon, lat, scale: 2000})",
            [lon, lat],
        )
        checked(page, watched, lambda: page.keyboard.press("Enter"))
    places = page.locator(".area textarea")
    assert places.input_value().split("\n") == [
        "70-00.000N 178-00.000E",
        "70-00.000N 178-00.000W",
        "72-00.000N 178-00.000W",
    ]
    page.keyboard.press("Escape")
    assert draw.get_attribute("aria-pressed") == "false"
    # It meets what the other side announced, and says so before it is sent.
    assert "MISSILE FIRING" in verdict.inner_text()
    lies = page.locator(".area .lies")
    assert "of " in lies.inner_text()
    assert "70-4" in lies.inner_text(), "the middle of the area"

    # By clicking: one corner more, where one clicks.
    draw.click()
    page.evaluate(LOOK, [179, 73])
    checked(page, watched, lambda: page.locator("#map").click())
    assert places.input_value().split("\n")[3].startswith(("72-5", "73-0"))
    draw.click()

    # A slip that makes sense as a position is told: the longitude of the other side.
    four = places.input_value()
    checked(page, watched, lambda: places.fill("70-30.0S 178-00.0E\n70-30.0S 178-00.0W\n71-30.0S 178-00.0W"))
    assert "Was it 70-" in verdict.inner_text()
    assert "with a minus or a letter of N, S, E, W wrong or missing?" in verdict.inner_text()
    assert "No conflict found. This is no clearance." in verdict.inner_text()
    checked(page, watched, lambda: places.fill(four))

    # A position that can be read in two ways is refused where it stands, and nothing else is lost.
    good = places.input_value()
    checked(page, watched, lambda: places.fill(f"{good}\n57-30 012-00E"))
    fault = page.locator("[data-fault='routes.0']")
    assert "57-30 012-00E" in fault.inner_text()
    assert page.locator("[aria-invalid=true]").count() == 1
    page.get_by_role("button", name="Send").click()
    assert page.url.endswith("compose?form=M6"), "what is wrong is not sent"
    checked(page, watched, lambda: places.fill(good))
    assert fault.is_hidden()

    # Times in UTC, also as a date-time group; too short a notice is said before it is sent (R48, R59).
    page.get_by_role("button", name="Add: Times").click()
    first, last = page.get_by_label("Times, from"), page.get_by_label("Times, to")
    first.fill(stamp(1))
    checked(page, watched, lambda: last.fill(stamp(3)))
    assert "SHORT NOTICE" in verdict.inner_text()
    group = time.strftime("%d%H%MZ %b %y", time.gmtime(time.time() + 20 * 86400)).upper()
    last.fill(stamp(21 * 24))
    checked(page, watched, lambda: first.fill(group))
    assert "SHORT NOTICE" not in verdict.inner_text()
    assert group in page.locator(".read").first.inner_text()
    assert "Nothing is missing" in verdict.inner_text()
    page.get_by_text("How it will read").click()
    assert "FLIGHT NOTIFICATION" in page.locator("#preview").inner_text()
    assert axe(page) == []
    page.evaluate("document.documentElement.dataset.theme = 'night'")
    assert axe(page) == []

    page.get_by_role("button", name="Keep as a draft").click()
    page.wait_for_url("**/drafts/*")
    assert "Patrol" in page.locator("main").inner_text()
    page.get_by_role("button", name="Send it").click()
    page.wait_for_url("**/messages/*")
    (message,) = watched.until(lambda: north.call("inbox"))
    assert (message["form"], message["values"]["purpose"], message["values"]["aircraft"]) == ("M6", "patrol", "2")
    (area,) = message["values"]["routes"]
    assert area["polygon"][:3] == ["70.000000N 178.000000E", "70.000000N 178.000000W", "72.000000N 178.000000W"]
    assert seen.wrong == []
    context.close()


def test_free_text_is_held_when_a_message_comes_meanwhile(
    browser: Browser, stations: tuple[Any, Any], watched: Any
) -> None:
    north, south = stations
    context = browser.new_context(locale="en-GB")
    south.sign_in(context, "duty.one")
    page = context.new_page()
    seen = watched.page(page, south.url)
    page.goto(f"{south.url}/lines/trial/compose")
    assert page.locator("#newer").is_hidden()
    page.get_by_label("Text", exact=True).fill("We agree to your first offer.")
    north.call("send", text="The offer is withdrawn.", precedence="immediate")
    watched.until(page.locator("#newer").is_visible)
    page.get_by_role("button", name="Send").click()
    page.wait_for_url("**/drafts/*")
    assert "The offer is withdrawn." in page.locator("#held").inner_text()
    # Changing the draft reads nothing of what came: it is held still.
    page.get_by_role("link", name="Change it").click()
    page.wait_for_url("**/compose?draft=*")
    page.get_by_role("button", name="Send").click()
    page.wait_for_url("**/drafts/*")
    assert "The offer is withdrawn." in page.locator("#held").inner_text()
    assert north.call("inbox") == []
    page.get_by_label("I read what came").check()
    page.get_by_role("button", name="Send it").click()
    (message,) = watched.until(lambda: north.call("inbox"))
    assert message["text"] == "We agree to your first offer."
    assert seen.wrong == []

    # What cannot be kept comes back with all that was written.
    page.goto(f"{south.url}/lines/trial/compose")
    page.get_by_label("Text", exact=True).fill("   ")
    page.get_by_label("Subject").fill("Kept")
    page.get_by_role("button", name="Send").click()
    assert "there is no text to send" in page.locator("main .card.warn").first.inner_text()
    assert page.get_by_label("Subject").input_value() == "Kept"
    context.close()
