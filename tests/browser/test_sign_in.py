"""Enrolment, approval and sign-in by the browser's virtual authenticator; FLASH without a passkey. D9, R55, B1."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, expect


def authenticator(context: BrowserContext, page: Page) -> Callable[[], object]:
    """A passkey of the browser's own, that its person always confirms; what is called lets it fail from then on."""
    session = context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    made = session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    unknown = {"authenticatorId": made["authenticatorId"], "isUserVerified": False}
    return lambda: session.send("WebAuthn.setUserVerified", unknown)


def enrol(browser: Browser, station: Any, watched: Any, name: str) -> tuple[BrowserContext, Any]:
    code = station.console.sign_in.officers.invite(name, ("watch",), station.console.now())
    context = browser.new_context(locale="en-GB")
    page = context.new_page()
    seen = watched.page(page, station.url)
    seen.fail = authenticator(context, page)
    page.goto(f"{station.url}/")
    expect(page).to_have_url(f"{station.url}/sign-in")
    page.get_by_role("textbox", name="Code").fill(code)
    page.get_by_role("button", name="Enrol a passkey").click()
    expect(page.locator("#enrol-said")).to_contain_text("Enrolled")
    return context, seen


def test_two_enrol_a_third_is_approved_and_signs_in(browser: Browser, stations: tuple[Any, Any], watched: Any) -> None:
    north = stations[0]
    first, seen = enrol(browser, north, watched, "Officer N1")
    enrol(browser, north, watched, "Officer N2")[0].close()
    third, waiting = enrol(browser, north, watched, "Officer N3")
    expect(waiting.page.locator("#enrol-said")).to_contain_text("approves")

    waiting.page.get_by_role("button", name="Sign in with a passkey").click()
    expect(waiting.page.locator("#passkey-said")).to_contain_text("waiting for approval")

    page = seen.page
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page).to_have_url(f"{north.url}/")
    page.get_by_role("link", name="Officers").click()
    # The page is drawn anew while the button is held down: the press is not lost.
    page.get_by_role("button", name="Approve Officer N3").hover()
    page.mouse.down()
    with page.expect_response(f"{north.url}/officers"):
        north.officer("Officer N4")
        north.call("send", text="something happens")
    page.wait_for_timeout(200)
    expect(page.get_by_role("rowheader", name="Officer N4")).to_have_count(0)
    page.mouse.up()
    expect(page.get_by_role("rowheader", name="Officer N4")).to_be_visible()
    expect(page.locator("#approve-said")).to_contain_text("Officer N3 may act now")

    waiting.page.get_by_role("button", name="Sign in with a passkey").click()
    expect(waiting.page).to_have_url(f"{north.url}/")
    said = [f["text"] for f in north.call("watch-log") if f["fact"] == "noted"]
    assert any("approved Officer N3" in text for text in said)
    assert "signed in" in said

    # Who is revoked is out at once, whatever session they have.
    north.console.sign_in.officers.revoke("Officer N3", north.console.now())
    waiting.page.goto(f"{north.url}/lines/trial/inbox")
    expect(waiting.page).to_have_url(f"{north.url}/sign-in")
    # A refused sign-in is answered with 403, which the browser logs; nothing else went wrong.
    assert [w for w in seen.wrong + waiting.wrong if "403" not in w] == []
    third.close()
    first.close()


BEGIN = """
async (address) => {
  const headers = { "Content-Type": "application/json", Accept: "application/json",
                    "X-Parley-CSRF": document.querySelector("meta[name=csrf]").content };
  const answer = await fetch(address, { method: "POST", headers, body: JSON.stringify({ how: "ack", text: "" }) });
  return (await answer.json()).error?.code;
}
"""
"""Asks what an officer signs of an acknowledgement, as no page of the console does."""


def test_two_officers_sign_what_is_released_and_one_what_is_acknowledged(
    browser: Browser, stations: tuple[Any, Any], watched: Any
) -> None:
    north, south = stations
    for station in stations:
        for name, runtime in station.runtimes.items():
            rules = runtime.rules
            two = replace(rules.release, two_officers=frozenset({"immediate"}), signed=frozenset({"priority"}))
            station.rule(name, replace(rules, release=two))
    first, one = enrol(browser, north, watched, "Officer N1")
    second, two_ = enrol(browser, north, watched, "Officer N2")
    for seen in (one, two_):
        seen.page.get_by_role("button", name="Sign in with a passkey").click()
        expect(seen.page).to_have_url(f"{north.url}/")
    writer = north.console.sign_in.officers.named("Officer N1").by
    draft = north.call("watch-draft", officer=writer, text="We move at dawn.", precedence="IMMEDIATE")
    for seen in (one, two_):
        seen.page.goto(f"{north.url}/lines/trial/drafts/{draft['number']}")
        assert seen.page.get_by_role("button", name="Send it").count() == 0
        seen.page.get_by_role("button", name="Sign this very text").click()
        expect(seen.page.locator("main")).to_contain_text("Signed by")
    two_.page.get_by_role("button", name="Send it").click()
    expect(two_.page.locator("h1")).to_contain_text("We move at dawn.")
    got = watched.until(lambda: south.call("inbox"))[0]
    keys = {o.key.hex() for o in north.console.sign_in.officers.all()}
    assert {s["key"] for s in south.call("show", id=got["id"])["signed"]} == keys

    # A class that takes one key: the page that composes sends it the same way, signed by who sends it.
    page = two_.page
    page.goto(f"{north.url}/lines/trial/compose")
    expect(page.locator("main")).to_contain_text("Signed by your passkey before it leaves: priority")
    page.get_by_label("Text", exact=True).fill("The patrol turns back.")
    page.locator("#precedence").select_option("PRIORITY")
    page.get_by_role("button", name="Send", exact=True).click()
    page.get_by_role("button", name="Sign this very text with your passkey, and send it").click()
    expect(page.locator("h1")).to_contain_text("The patrol turns back.")
    watched.until(lambda: len(south.call("inbox")) == 2)
    lone = next(m for m in south.call("inbox") if m["id"] != got["id"])
    mine = north.console.sign_in.officers.named("Officer N2").key.hex()
    assert [s["key"] for s in south.call("show", id=lone["id"])["signed"]] == [mine]

    third, reader = enrol(browser, south, watched, "Officer S1")
    enrol(browser, south, watched, "Officer S2")[0].close()
    reader.page.get_by_role("button", name="Sign in with a passkey").click()
    expect(reader.page).to_have_url(f"{south.url}/")
    reader.page.goto(f"{south.url}/lines/trial/messages/{got['id']}")
    reader.page.get_by_text("Acknowledge, with read-back").click()
    expect(reader.page.locator("#act")).to_contain_text("Your passkey signs it")
    reader.page.get_by_role("button", name="Acknowledge", exact=True).click()
    watched.until(lambda: north.call("show", id=got["id"])["recipients"][0]["acknowledged"])
    # The passkey fails: what is to be signed is not acknowledged.
    page = reader.page
    expect(page.get_by_role("button", name="Acknowledge", exact=True)).to_have_count(0)
    reader.fail()
    press = page.get_by_role("button", name="Acknowledge", exact=True)
    page.goto(f"{south.url}/lines/trial/messages/{lone['id']}")
    page.get_by_text("Acknowledge, with read-back").click()
    press.click()
    expect(page.locator("#act form[data-sign] [data-said]").first).not_to_be_empty()
    # FLASH waits for none: the next press acknowledges it without, and the record says so to both. That its places were
    # compared is asked for either way.
    rules = south.runtimes["trial"].rules
    south.rule("trial", replace(rules, release=replace(rules.release, signed=frozenset({"priority", "flash"}))))
    window = "/".join(time.strftime("%Y-%m-%dT%H:%MZ", time.gmtime(time.time() + h * 3600)) for h in (1, 2))
    area = {"circle": "36-43.1N 068-51.8E", "radius": "2 NM", "times": [window]}
    values = {"series": "LOCAL", "number": "1/26", "hazard": "gunnery", "subject": "GUNNERY", "areas": [area]}
    flash = north.call("send", form="area-warning/warning", values=values, precedence="FLASH")["id"]
    watched.came(south, flash)
    page.goto(f"{south.url}/lines/trial/messages/{flash}")
    assert page.evaluate(BEGIN, f"/lines/trial/messages/{flash}/sign/begin") == "readback-needed"
    page.get_by_text("Acknowledge, with read-back").click()
    page.get_by_label("I compared these places").check()
    press.click()
    said = page.locator("#act form[data-flash] [data-said]")
    expect(said).to_contain_text("Press again to acknowledge this FLASH without a key")
    press.click()
    expect(page.locator("#facts tr", has_text="acknowledged").locator("td.done")).to_be_visible()
    watched.until(lambda: north.call("show", id=flash)["recipients"][0]["acknowledged"])
    assert north.call("show", id=flash)["recipients"][0]["signed"] == {"keys": [], "without_key": True}
    assert not north.call("show", id=lone["id"])["recipients"][0]["acknowledged"]
    reader.wrong = [w for w in reader.wrong if "400" not in w]
    assert one.wrong + two_.wrong + reader.wrong == []
    for context in (first, second, third):
        context.close()


async def forget(console: Any) -> None:
    """All sessions are over, as twelve hours later."""
    console.sessions._all.clear()


def test_flash_is_read_and_acknowledged_without_a_passkey(
    browser: Browser, stations: tuple[Any, Any], watched: Any
) -> None:
    north, south = stations
    sent = north.call("send", text="You are striking friendly forces.", precedence="FLASH")
    other = north.call("send", text="A quiet word.", precedence="ROUTINE")
    watched.until(lambda: len(south.call("inbox")) == 2)
    context = browser.new_context(locale="en-GB")
    page = context.new_page()
    seen = watched.page(page, south.url)
    page.goto(f"{south.url}/lines/trial/messages/{other['id']}")
    expect(page).to_have_url(f"{south.url}/sign-in")
    expect(page.locator("body")).not_to_contain_text("A quiet word")
    expect(page.locator("#flash")).to_contain_text("You are striking friendly forces")
    # The session of a page that stood for long is over when the next FLASH comes; another acknowledges the first: what
    # was written in its answer does not go over to the other's, and that one is taken.
    south.loop.run(forget(south.console))
    late = north.call("send", text="A second time.", precedence="FLASH")
    expect(page.locator("#flash section")).to_have_count(2)
    page.locator("#flash section").first.get_by_role("textbox").fill("We stop.")
    south.call("ack", id=sent["id"])
    expect(page.locator("#flash section")).to_have_count(1)
    expect(page.locator("#flash")).to_contain_text("A second time.")
    expect(page.locator("#flash").get_by_role("textbox")).to_have_value("")
    page.get_by_role("button", name="I have read it").click()
    page.get_by_role("button", name="Acknowledge", exact=True).click()
    expect(page.locator("#flash section")).to_have_count(0)
    watched.until(lambda: north.call("show", id=late["id"])["recipients"][0]["acknowledged"])
    said = [f["officer"] for f in south.call("watch-log", **{"in": "en"}) if f["fact"] == "noted"]
    assert said.count("no officer's key") >= 2
    # That its session is over is told with 409, which the browser logs.
    assert [w for w in seen.wrong if "409" not in w] == []
    context.close()
