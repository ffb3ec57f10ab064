"""What an officer enters during a watch, and what the other side sees of it. R13-R16, R34-R42, R60, R61, R72."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, Route, expect

from parley.app.verify import verify_record

HOUR = 3600


def settled(hub: Any, before: str) -> bool:
    """Something was told since, and nothing more for a moment."""
    last = hub.last
    time.sleep(0.2)
    return bool(before != last == hub.last)


def utc(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.gmtime(time.time() + seconds))


def opened(page: Page, summary: str) -> Any:
    """The form under a summary, unfolded."""
    details = page.locator("details", has=page.locator("summary", has_text=re.compile(f"^{summary}")))
    details.locator("summary").click()
    return details.locator("form")


def test_what_happens_while_a_page_begins_its_stream_is_on_it(
    browser: Browser, pair: tuple[Any, Any], watched: Any
) -> None:
    north, south = pair

    def late(route: Route) -> None:
        # The page is drawn; before its stream begins a message comes, and no other event for a while.
        before = south.console.hub.last
        watched.came(south, north.call("send", text="In the gap.", precedence="PRIORITY")["id"])
        watched.until(lambda: settled(south.console.hub, before))
        route.continue_()

    with watched.at(browser, south, "S1") as page:
        page.route("**/events*", late, times=1)
        page.goto(f"{south.url}/lines/trial/inbox")
        expect(page.locator("#waiting")).to_contain_text("In the gap.")


def test_held_questioned_translated_corrected_cancelled_and_muted(
    browser: Browser, pair: tuple[Any, Any], watched: Any
) -> None:
    north, south = pair
    text = "Le navire Aurora prend l'eau."
    sent = north.call("send", text=text, language="fr", precedence="IMMEDIATE")["id"]
    watched.came(south, sent)
    with watched.at(browser, north, "N1") as n, watched.at(browser, south, "S1") as s:
        n.goto(f"{north.url}/lines/trial/messages/{sent}")
        s.goto(f"{south.url}/lines/trial/messages/{sent}")
        # A holding reply quotes what was understood, and promises the answer: both sides see it (R16).
        form = opened(s, "Holding reply")
        form.get_by_label("What we understood, in our words").fill("The Aurora is taking water.")
        form.get_by_label("The full answer comes within").fill("20")
        form.get_by_role("button").click()
        for page in (s, n):
            held = page.locator("#following section", has_text="The Aurora is taking water.")
            expect(held).to_contain_text("The full answer is to come by")
        expect(n.locator("#facts")).to_contain_text("unanswered")
        # A translation lies beside the original, with who made it; nothing is overwritten (R42).
        form = opened(s, "Keep a translation")
        form.get_by_label("Translation", exact=True).fill("The vessel Aurora takes water.")
        form.get_by_role("button").click()
        article = s.locator("article")
        expect(article).to_contain_text("The vessel Aurora takes water.")
        expect(article).to_contain_text(text)
        expect(article).to_contain_text(south.officer("S1").by)
        # Muted, and put on the record as misuse: it makes no sound, nothing of it goes, and clocks go on (R38).
        form = opened(s, "Mute the thread")
        form.get_by_label("Reason").fill("The same again and again")
        form.get_by_label("Put it on the record as misuse").check()
        form.get_by_role("button").click()
        expect(s.locator("#facts")).to_contain_text("muted")
        expect(n.locator("#following")).to_contain_text("misuse of the line")
        expect(n.locator("#following")).to_contain_text("The same again and again")
        # A question, and a correction in one step: as loud as the original, and seen at it (R49, R72).
        form = opened(s, "Question it")
        form.get_by_role("textbox").fill("How many on board?")
        form.get_by_role("button").click()
        expect(n.locator("#following")).to_contain_text("How many on board?")
        form = opened(n, "Correct it")
        form.get_by_role("textbox").fill("Le navire Aurore prend l'eau, 14 à bord.")
        form.get_by_role("button").click()
        expect(n.locator("h1 .precedence")).to_have_text("IMMEDIATE")
        s.goto(f"{south.url}/lines/trial/messages/{sent}")
        expect(s.locator("#alerts")).to_contain_text("CORRECTED")
        n.goto(f"{north.url}/lines/trial/messages/{sent}")
        form = opened(n, "Cancel it")
        form.get_by_role("textbox").fill("Sent by mistake.")
        form.get_by_role("button").click()
        expect(s.locator("#alerts .warn", has_text="CANCELLED").locator(".precedence")).to_have_text("IMMEDIATE")
        s.goto(f"{south.url}/lines/trial/search?q=Aurora")
        expect(s.locator("main .list")).to_contain_text("Aurora")
        s.goto(f"{south.url}/lines/trial/log")
        expect(s.locator("#log")).to_contain_text("The same again and again")
        # The sheet, and the page as it is printed.
        s.goto(f"{south.url}/lines/trial/messages/{sent}")
        with s.expect_download() as sheet:
            s.get_by_role("link", name="PDF").click()
        assert sheet.value.path().read_bytes().startswith(b"%PDF-")
        s.get_by_role("button", name="Print").click()
        expect(s.locator("body")).to_have_attribute("data-printed", "yes")
        s.emulate_media(media="print")
        expect(s.locator("article")).to_be_visible()
        expect(s.locator("#act")).to_be_hidden()


def test_a_unit_that_is_silent_is_seen_on_both_sides(browser: Browser, pair: tuple[Any, Any], watched: Any) -> None:
    north, south = pair
    sent = north.call("send", text="Rocket launch from Andoya.", precedence="PRIORITY")["id"]
    watched.came(south, sent)
    with watched.at(browser, north, "N1") as n, watched.at(browser, south, "S1") as s:
        n.goto(f"{north.url}/lines/trial/messages/{sent}")

        def passed(roles: str, hours: float) -> None:
            s.goto(f"{south.url}/lines/trial/messages/{sent}")
            form = opened(s, "Pass it on")
            form.get_by_label("Roles of the units").fill(roles)
            form.get_by_label("Effect at").fill(utc(hours * HOUR))
            form.get_by_role("button").click()

        def acknowledged(role: str, at_: str = "") -> None:
            form = opened(s, "A unit acknowledged")
            form.get_by_label("Role").select_option(role)
            form.get_by_label("By telephone at").fill(at_)
            form.get_by_role("button").click()

        # Two units are silent: amber from a day before the effect on, red from an hour before, to both (B3, R60).
        for hours, light in ((48, "white"), (20, "amber"), (0.5, "red")):
            passed("early-warning, air-defence, radar", hours)
            for page in (s, n):
                row = page.locator("#onward tr", has_text="early-warning").locator("td")
                expect(row).to_have_class(f"light {light}")
                expect(row).to_contain_text("silent")
        # One acknowledges by its own entry, one was told by telephone: that looks different (R61).
        acknowledged("radar")
        when = utc(-600)
        acknowledged("air-defence", when)
        for page in (s, n):
            rows = page.locator("#onward tr")
            expect(rows.filter(has_text="radar")).to_contain_text("acknowledged by an entry, at")
            expect(rows.filter(has_text="air-defence")).to_contain_text(f"by telephone, at {when[11:]}")
            expect(rows.filter(has_text="early-warning")).to_contain_text("silent")
        for page, station in ((s, south), (n, north)):
            page.goto(f"{station.url}/lines/trial/watch")
            item = page.locator("#turns li", has_text="early-warning")
            expect(item.locator(".red")).to_contain_text("early-warning")
            expect(item).to_contain_text("by telephone, at")
            expect(page.locator("#alarm")).to_contain_text("onward distribution is silent: early-warning")


def test_what_is_declared_rostered_and_kept(
    browser: Browser, pair: tuple[Any, Any], watched: Any, tmp_path: Path
) -> None:
    north, south = pair
    with watched.at(browser, north, "N1") as n, watched.at(browser, south, "S1") as s:
        # The agreement is suspended, and the line goes on: two things that are shown beside one another (B12).
        s.goto(f"{south.url}/lines/trial/line")
        agreement = s.locator("section", has=s.locator("#agreement-title"))
        agreement.get_by_label("suspended").check()
        agreement.get_by_label("Reason").fill("Under protest")
        agreement.get_by_role("button").click()
        expect(s.locator("#agreed")).to_contain_text("suspended")
        n.goto(f"{north.url}/")
        card = n.locator("#glance section", has=n.get_by_role("heading", name="trial", exact=True))
        expect(card).to_contain_text("agreement suspended")
        expect(card).to_contain_text("Under protest")
        expect(card.locator(".bearer")).to_have_class("bearer up")
        assert north.call("watch")["lines"][0]["status"] != "node unreachable"
        # Receive only until a time: what is due reads so, and nobody climbs a ladder for it.
        sent = north.call("send", text="Are you there?", precedence="PRIORITY")["id"]
        watched.came(south, sent)
        silence = s.locator("section", has=s.locator("#silence-title"))
        silence.get_by_label("receive only").check()
        until = utc(2 * HOUR)
        silence.get_by_label("Until").fill(until)
        silence.get_by_role("button").click()
        expect(s.locator("#silent")).to_contain_text(f"receive only until {until[11:]}")
        expect(card).to_contain_text(f"receive only until {until[11:]}")
        expect(card).to_contain_text("silent as declared")
        n.goto(f"{north.url}/lines/trial/watch")
        expect(n.locator("#turns tr", has_text="Are you there?")).to_contain_text("silent as declared")
        for how, label in (("silence", "normal watch"), ("agreement", "in force")):
            section = s.locator("section", has=s.locator(f"#{how}-title"))
            section.get_by_label(label).check()
            section.get_by_role("button").click()
            expect(s.locator("#silent" if how == "silence" else "#agreed")).to_contain_text(label)
        n.goto(f"{north.url}/")
        expect(card).not_to_contain_text("suspended")
        # Who comes next stands on the roster, and in the log.
        s.goto(f"{south.url}/lines/trial/handover")
        shift = s.locator("section", has=s.locator("#roster-title")).locator("tbody tr").first
        shift.get_by_label("Officer").fill("S2")
        shift.get_by_role("button").click()
        expect(shift.locator("td").nth(1)).to_have_text("S2")
        # What is open is said in words: the message as well as its number.
        expect(s.locator("#summary tr", has_text=sent)).to_contain_text("Are you there?")
        # A line test is sent from here; it comes to the other page by itself.
        n.goto(f"{north.url}/lines/trial/line")
        s.goto(f"{south.url}/lines/trial/line")
        s.get_by_role("button", name="Send a line test").click()
        expect(n.locator("#test-1")).to_be_visible()
        # The record as one file, which holds without the node.
        with s.expect_download() as saved:
            s.get_by_role("button", name="Export the record").click()
        record = tmp_path / "record.parley"
        saved.value.save_as(record)
        assert verify_record(record).good
        # A scenario is played to its end, with a wrong answer on the way.
        s.goto(f"{south.url}/training/B9")
        for label in ("1.", "2."):
            s.get_by_role("button", name=re.compile(f"^{re.escape(label)}")).first.click()
        while s.locator("main form button").count():
            answers = s.locator("main form button")
            answers.nth(answers.count() - 1).click()
        expect(s.locator("main p.card b")).to_be_visible()
