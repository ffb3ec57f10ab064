"""The duty officer's work in a browser, over two real nodes. B1, B8, B9, B11, B13, R4, R13-R16, R34-R38, R60, R72."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

PAGES = ("inbox", "watch", "drafts", "handover", "log", "line", "search")


def test_read_acknowledge_and_answer_between_two_nodes(
    browser: Browser, stations: tuple[Any, Any], watched: Any
) -> None:
    north, south = stations
    with watched.at(browser, north, "N1") as n, watched.at(browser, south, "S1") as s:
        s.goto(f"{south.url}/lines/trial/inbox")
        expect(s.locator("#waiting")).to_contain_text("Nothing waits")
        sent = north.call("send", text="Vessel in distress\u202e at 58-00N. P\u0430ypal.", precedence="IMMEDIATE")
        # It comes by itself, with no reload, and shows what would mislead for what it is (R4).
        row = s.locator("#waiting tr.unread")
        expect(row).to_contain_text("<U+202E>")
        expect(row.locator("mark.mixed")).to_have_text("P\u0430ypal")
        n.goto(f"{north.url}/lines/trial/messages/{sent['id']}")
        facts = n.locator("#facts")
        row.get_by_role("link").click()
        expect(s.locator("mark.hidden").first).to_have_text("<U+202E>")
        expect(s.locator("article mark.mixed")).to_have_text("P\u0430ypal")
        # UTC first, the duty station's time and the date-time group beside it.
        expect(s.locator("article")).to_contain_text(
            re.compile(r"\d\d:\d\d:\d\dZ \d+ \w+ · \d\d:\d\d \d+ \w+ \+0[12]:00 · \d{6}Z [A-Z]{3} \d\d")
        )
        # Under whose key, and since when (R36, B13).
        expect(s.locator("a.seal")).to_contain_text("verified by key")
        # Opening is not reading; reading is said, and acknowledging is another fact (R15, R34).
        assert not north.call("show", id=sent["id"])["recipients"][0]["read"]
        s.get_by_role("button", name="I have read it").click()
        expect(facts.get_by_role("row", name="read", exact=False).first).to_be_visible()
        watched.until(lambda: north.call("show", id=sent["id"])["recipients"][0]["read"])
        expect(facts.locator("tr", has=n.get_by_role("rowheader", name="read", exact=True))).to_contain_text("Z ")
        s.locator("form", has=s.get_by_role("button", name="Acknowledge", exact=True)).get_by_label(
            "In our words"
        ).fill("A vessel needs help.")
        s.get_by_role("button", name="Acknowledge", exact=True).click()
        expect(facts).to_contain_text("A vessel needs help.")
        # An answer is seen at the message that it answers, on both sides.
        watched.ready(s)
        s.keyboard.press("w")
        s.get_by_label("Text", exact=True).fill("We send a helicopter.")
        s.get_by_role("button", name="Send the answer").click()
        expect(s.locator("h1")).to_contain_text("We send a helicopter.")
        expect(n.locator("#following")).to_contain_text("We send a helicopter.")
        # The proof, with the keys to check it with.
        n.goto(f"{north.url}/lines/trial/messages/{sent['id']}/proof")
        expect(n.locator(".seal")).to_contain_text("verified just now")
        with n.expect_download() as saved:
            n.get_by_role("link", name="Save the proof").click()
        assert saved.value.path().read_text().startswith("c2sp.org/tlog-proof@v1\n")
        # A correction is as loud as the original, and shown at the original (R72).
        n.goto(f"{north.url}/lines/trial/messages/{sent['id']}")
        n.get_by_text("Correct it, as loud as it was").click()
        n.get_by_label("The right text").fill("Vessel in distress at 59-00N.")
        n.get_by_role("button", name="Send the correction").click()
        s.goto(f"{south.url}/lines/trial/messages/{sent['id']}")
        expect(s.locator("#alerts")).to_contain_text("CORRECTED")
        expect(s.locator("#alerts .precedence")).to_have_text("IMMEDIATE")


def test_a_message_that_came_meanwhile_holds_the_answer(
    browser: Browser, stations: tuple[Any, Any], watched: Any
) -> None:
    north, south = stations
    first = north.call("send", text="We propose terms.", precedence="PRIORITY")
    watched.until(lambda: south.call("inbox"))
    with watched.at(browser, south, "S1") as s:
        s.goto(f"{south.url}/lines/trial/messages/{first['id']}")
        watched.ready(s)
        s.keyboard.press("w")
        s.get_by_label("Text", exact=True).fill("We accept.")
        north.call("send", text="Other terms, harder ones.", precedence="PRIORITY")
        watched.until(lambda: len(south.call("inbox")) == 2)
        s.get_by_role("button", name="Send the answer").click()
        expect(s.locator("#held")).to_contain_text("Other terms, harder ones.")
        assert len(south.call("inbox", all=True)) == 2
        s.get_by_label("I read what came").check()
        s.get_by_role("button", name="Send it").click()
        expect(s.locator("h1")).to_contain_text("We accept.")
        watched.until(lambda: any(m["text"] == "We accept." for m in north.call("inbox", all=True)))


LISTENING = """
const ramp = AudioParam.prototype.linearRampToValueAtTime, interval = window.setInterval;
AudioParam.prototype.linearRampToValueAtTime = function (value, ...more) {
  window.loudest = Math.max(window.loudest ?? 0, value);
  return ramp.call(this, value, ...more);
};
window.setInterval = (task, every, ...more) => {
  window.every = every;
  return interval(task, every, ...more);
};
"""
"""Keeps how loud the page played last, and how soon it plays again."""


def test_the_alarm_sounds_until_it_is_acknowledged(browser: Browser, stations: tuple[Any, Any], watched: Any) -> None:
    north, south = stations
    watched.until(lambda: "no-armed-console" in south.notices)
    with watched.at(browser, south, "S1") as page:
        page.add_init_script(LISTENING)
        page.goto(f"{south.url}/")
        expect(page.locator("main")).to_contain_text("No armed console watches")
        expect(page.locator("#unarmed")).to_be_visible()
        page.get_by_role("button", name="Test and arm the alarm").click()
        page.get_by_role("button", name="I heard it: armed").click()
        expect(page.locator("#unarmed")).to_be_hidden()
        watched.until(lambda: "console-armed" in south.notices)
        assert south.call("status")["armed_consoles"] == 1
        before = int(page.locator("body").get_attribute("data-played") or 0)
        sent = north.call("send", text="Check fire.", precedence="FLASH")
        expect(page.locator("body")).to_have_attribute("data-sounding", "yes")
        expect(page.locator("#alarm .level-4").first).to_contain_text("Check fire.")
        expect(page).to_have_title(re.compile("^⚠ All lines"))
        watched.until(lambda: int(page.locator("body").get_attribute("data-played") or 0) >= before + 3)
        # It says how loud it is: louder with precedence, and again sooner.
        page.keyboard.press("F9")
        heard, ids = [], []
        for precedence in ("ROUTINE", "PRIORITY", "IMMEDIATE", "FLASH"):
            expect(page.locator("#alarm li")).to_have_count(0)
            page.evaluate("Object.assign(window, { loudest: 0, every: 0 })")
            ids.append(north.call("send", text=f"With {precedence}.", precedence=precedence)["id"])
            expect(page.locator("#alarm li")).to_contain_text(f"With {precedence}.")
            watched.until(lambda: page.evaluate("window.loudest > 0 && window.every > 0"))
            heard.append(page.evaluate("[window.loudest, -window.every]"))
            if precedence != "FLASH":
                page.keyboard.press("F9")
        assert heard == sorted(heard)
        assert [len(set(column)) for column in zip(*heard, strict=True)] == [4, 4]
        # On another page it goes on, armed still, and F9 ends it.
        page.goto(f"{south.url}/lines/trial-exercise/inbox")
        expect(page.locator("body")).to_have_attribute("data-sounding", "yes")
        page.keyboard.press("F9")
        expect(page.locator("body")).to_have_attribute("data-sounding", "no")
        watched.until(lambda: page.locator("#alarm li").count() == 0)
        noted = [f.get("text") for f in south.call("watch-log", **{"in": "en"})]
        assert {f"heard {id_}" for id_ in (sent["id"], *ids)} <= set(noted)
        # What comes on the page of an inbox sounds and shows, however often it drew itself anew before.
        for text in ("Cease fire.", "They fire still."):
            north.call("send", text=text, precedence="FLASH")
            expect(page.locator("#alarm .level-4").first).to_contain_text(text)
            expect(page.locator("body")).to_have_attribute("data-sounding", "yes")
            page.keyboard.press("F9")
            expect(page.locator("body")).to_have_attribute("data-sounding", "no")
            expect(page.locator("#alarm li")).to_have_count(0)
        expect(page.get_by_role("navigation", name="Lines")).to_have_class("lines")
    watched.until(lambda: south.notices[-1] == "no-armed-console")


PRESSED = """
() => new MutationObserver((_, observer) => {
  if (!document.querySelector("#alarm li")?.textContent.includes("Newer")) return;
  observer.disconnect();
  for (const name of ["keydown", "keyup"])
    document.dispatchEvent(new KeyboardEvent(name, { key: "F9", bubbles: true }));
}).observe(document.getElementById("alarm"), { childList: true, subtree: true, characterData: true })
"""
"""Presses F9 at the very moment at which a newer alarm takes the first place."""


def test_however_many_alarms_sound_the_lines_stay_in_sight(
    browser: Browser, stations: tuple[Any, Any], watched: Any
) -> None:
    north, south = stations
    long = "You are striking friendly forces north of the bridge over the river: we ask you to stop. " * 4
    sent = [north.call("send", text="A quiet word.", precedence="PRIORITY")["id"]]
    sent += [north.call("send", text=f"Number {n}. {long}", precedence="FLASH")["id"] for n in range(1, 6)]
    for id_ in sent:
        watched.came(south, id_)
    with watched.at(browser, south, "S1", has_touch=True) as page:
        alarms = page.locator("#alarm li")
        message = f"/lines/trial/messages/{sent[1]}"
        for path, seen in ((message, "h1"), ("/lines/trial/inbox", "#waiting tbody tr"), ("/", "#glance .turn")):
            page.goto(f"{south.url}{path}")
            expect(alarms).to_have_count(6)
            # The newest of the loudest is whole; the others are counted, and what one came for is on the screen.
            assert [alarm.is_visible() for alarm in alarms.all()] == [True] + [False] * 5
            expect(alarms.first).to_contain_text("Number 5.")
            expect(page.locator("#alarm summary")).to_have_text("5 more alarms: FLASH 4 · PRIORITY 1")
            for part in (seen, "#lines .chip >> nth=0", "#clock"):
                expect(page.locator(part).first).to_be_in_viewport(ratio=1)
        # One press shows them all, within the window still; they stay shown while they are acknowledged one by one.
        page.locator("#alarm summary").tap()
        expect(alarms.last).to_be_visible()
        assert page.evaluate("document.getElementById('alarm').clientHeight < innerHeight * 0.6")
        # What has the focus is not hidden behind them (WCAG 2.2, 2.4.11).
        page.evaluate("scrollTo(0, document.body.scrollHeight)")
        page.locator("#glance a").first.focus()
        focused, bar = (page.locator(at).bounding_box() for at in (":focus", ".alarm"))
        assert focused["y"] >= bar["y"] + bar["height"]
        alarms.nth(4).get_by_role("button").tap()
        expect(alarms).to_have_count(5)
        expect(alarms.last).to_contain_text("A quiet word.")
        assert all(alarm.is_visible() for alarm in alarms.all())
        page.locator("#alarm summary").tap()
        expect(page.locator("#alarm summary")).to_have_text("4 more alarms: FLASH 3 · PRIORITY 1")
        # A newer one takes the first place as F9 is pressed: what the officer saw there is acknowledged, not the newer.
        page.evaluate(PRESSED)
        north.call("send", text="Newer.", precedence="FLASH")
        expect(alarms).to_have_count(5)
        expect(alarms.first).to_contain_text("Newer.")
        expect(page.locator("#alarm")).not_to_contain_text("Number 5.")


def test_a_lost_node_is_said_at_once_and_what_was_missed_is_there_afterwards(
    browser: Browser, stations: tuple[Any, Any], watched: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    north, south = stations
    monkeypatch.setattr("parley.console.pages_inbox._PAGE", 2)
    context = browser.new_context(locale="en-GB")
    context.add_init_script(REQUESTS)
    south.sign_in(context, "S1")
    page = context.new_page()
    page.goto(f"{south.url}/lines/trial/inbox")
    expect(page.locator("#lost")).to_be_hidden()
    page.evaluate(FLICKERS)
    south.lose()
    expect(page.locator("#lost")).to_be_visible()
    expect(page.locator("#lost")).to_contain_text("THE NODE IS NOT ANSWERING")
    stopped = page.locator("#clock [data-utc]").inner_text()
    north.call("send", text="While you were away.")
    watched.until(lambda: south.call("inbox"))
    assert page.locator("#clock [data-utc]").inner_text() == stopped
    # It is said without a break, however often the page looks whether the node is back.
    page.wait_for_timeout(1_200)
    assert page.evaluate("window.said") == [False]
    south.regain()
    expect(page.locator("#lost")).to_be_hidden(timeout=15000)
    expect(page.locator("#waiting")).to_contain_text("While you were away.")
    # More comes than a page shows: what goes down the list is on the next page, and the links lead there.
    for n in (1, 2):
        north.call("send", text=f"Number {n}")
        expect(page.locator("#newest")).to_contain_text(f"Number {n}")
    expect(page.locator("#newest")).not_to_contain_text("While you were away.")
    expect(page.locator("#waiting-pages a")).to_have_text("Further")
    page.locator("#newest-pages a").click()
    expect(page.locator("#newest")).to_contain_text("While you were away.")
    # A form is sent while the page asks what came, and its answer leaves the page where it is: the alarm sounds.
    page.goto(f"{south.url}/lines/trial/line")
    watched.ready(page)
    tell = south.console.hub.tell
    monkeypatch.setattr(south.console.hub, "tell", lambda *_, **__: None)
    north.call("send", text="Check fire.", precedence="FLASH")
    watched.until(lambda: any(m["text"] == "Check fire." for m in south.call("inbox")))
    asked: list[Route] = []
    page.route("**/lines/trial/line", lambda route: asked.append(route), times=1)  # noqa: PLW0108 - it is marked
    with page.expect_request("**/lines/trial/line"):
        south.loop.run(once(tell))
    with page.expect_download():
        page.get_by_role("button", name="Export the record").click()
    asked[0].continue_()
    expect(page.locator("#alarm .level-4").first).to_contain_text("Check fire.")
    # What the page asks for fails when no sign of life has come for long, and the page has not said so yet: it asks
    # again, though nothing else happens.
    watched.ready(page)
    page.route("**/lines/trial/line", lambda route: asked.append(route), times=1)  # noqa: PLW0108 - it is marked
    north.call("send", text="Cease fire.", precedence="FLASH")
    watched.until(lambda: any(m["text"] == "Cease fire." for m in south.call("inbox")))
    with page.expect_request("**/lines/trial/line"):
        south.loop.run(once(tell))
    page.evaluate(FAILS)
    asked[1].fulfill(status=204)
    expect(page.locator("#alarm")).to_contain_text("Cease fire.")
    context.close()


FLICKERS = """
() => {
  const lost = document.getElementById("lost");
  window.said = [];
  new MutationObserver(() => window.said.push(lost.hidden)).observe(lost, { attributeFilter: ["hidden"] });
}
"""
"""Keeps each time at which the page says, or no longer says, that its node is lost."""
REQUESTS = """
const open = XMLHttpRequest.prototype.open;
XMLHttpRequest.prototype.open = function (...given) { window.asked = this; return open.apply(this, given); };
"""
"""Keeps the page's newest request, for a test that ends it."""
FAILS = """
async () => {
  const now = performance.now.bind(performance);
  performance.now = () => now() + 60_000;
  window.asked.onerror();
  for (let turn = 0; turn < 9; turn += 1) await null;
  performance.now = now;
}
"""
"""The newest request of a page fails a minute later, before any timer of the page has its turn."""


async def once(tell: Callable[..., None]) -> None:
    """One event for all pages."""
    tell("change", line="trial", what="arrived", code="")


def test_handover_test_and_release_by_two(browser: Browser, stations: tuple[Any, Any], watched: Any) -> None:
    north, south = stations
    with watched.at(browser, south, "S1") as one, watched.at(browser, south, "S2") as two:
        # Nobody has the watch: S1 takes it, having read what is open; S2 relieves (R41).
        one.goto(f"{south.url}/lines/trial/handover")
        one.get_by_label("I have read what is open").check()
        one.get_by_role("button", name="Take the watch").click()
        expect(one.locator("#duty")).to_contain_text("S1")
        one.get_by_role("button", name="Offer the handover").click()
        two.goto(f"{south.url}/lines/trial/handover")
        expect(two.locator("#duty")).to_contain_text("offers the handover")
        two.get_by_label("I have read what is open").check()
        two.get_by_role("button", name="I have the watch").click()
        expect(one.locator("#duty")).to_contain_text("S2")
        # A line test goes out, and is copied back by a person at the other end (R35).
        north.call("watch-test")
        two.goto(f"{south.url}/lines/trial/line")
        box = two.locator("#copy-1")
        expect(two.locator("#test-1")).to_be_visible()
        box.fill(two.locator("#test-1").inner_text())
        two.get_by_role("button", name="Send the copy").click()
        watched.until(lambda: north.call("watch")["lines"][0]["status"] == "answers")
        # A draft of a class that takes two: its author cannot approve it.
        south.call("watch-draft", officer=south.officer("S1").by, text="A class of two.", precedence="FLASH")
        one.goto(f"{south.url}/lines/trial/drafts")
        one.locator("main .list a").first.click()
        expect(one.get_by_role("button", name="Send it")).to_be_visible()
        one.get_by_role("button", name="Drop it").click()
        expect(one.locator("#drafts")).to_contain_text("No draft")
        # Silence is declared, and said on the other side.
        two.goto(f"{south.url}/lines/trial/line")
        two.get_by_label("receipts only").check()
        two.locator("form", has_text="receipts only").get_by_role("button").click()
        watched.until(lambda: north.call("watch")["lines"][0]["declared"] == "receipts_only")


def test_an_exercise_is_marked_everywhere_and_no_duff_leaves_it(
    browser: Browser, stations: tuple[Any, Any], watched: Any
) -> None:
    north, south = stations
    sent = north.call("send", line="trial-exercise", text="NO DUFF man overboard", precedence="FLASH")
    watched.until(lambda: south.call("inbox", line="trial-exercise"))
    with watched.at(browser, south, "S1") as s:
        for name in PAGES:
            s.goto(f"{south.url}/lines/trial-exercise/{name}")
            expect(s.locator(".watermark")).to_be_attached()
            expect(s.locator("p.exercise")).to_have_text("EXERCISE EXERCISE EXERCISE")
            s.emulate_media(media="print")
            expect(s.locator(".watermark span").first).to_be_visible()
            s.emulate_media(media="screen")
            s.goto(f"{south.url}/lines/trial/{name}")
            expect(s.locator(".watermark")).to_have_count(0)
        s.goto(f"{south.url}/lines/trial-exercise/messages/{sent['id']}")
        s.get_by_role("link", name="Open a draft on trial").click()
        s.get_by_role("button", name="Send as FLASH on trial").click()
        expect(s.locator(".watermark")).to_have_count(0)
        watched.until(lambda: [m["precedence"] for m in north.call("inbox")] == ["FLASH"])
        assert north.call("inbox", line="trial-exercise") == []


def test_the_keyboard_alone_suffices(browser: Browser, stations: tuple[Any, Any], watched: Any) -> None:
    north, south = stations
    sent = north.call("send", text="By keyboard.", precedence="PRIORITY")
    watched.until(lambda: south.call("inbox"))
    with watched.at(browser, south, "S1") as page:
        press = page.keyboard.press
        page.goto(f"{south.url}/")
        watched.ready(page)
        press("Tab")
        expect(page.locator(".skip")).to_be_focused()
        press("?")
        expect(page.locator("#keys")).to_be_visible()
        press("Escape")
        page.locator("#lines a").first.focus()
        press("Enter")
        expect(page).to_have_url(f"{south.url}/lines/trial/inbox")
        watched.ready(page)
        press("j")
        press("Enter")
        expect(page.locator("h1")).to_contain_text("By keyboard.")
        watched.ready(page)
        press("r")
        watched.until(lambda: north.call("show", id=sent["id"])["recipients"][0]["read"])
        expect(page.get_by_role("button", name="I have read it")).to_have_count(0)
        watched.ready(page)
        press("a")
        page.keyboard.type("Understood")
        press("Tab")
        press("Enter")
        watched.until(lambda: north.call("show", id=sent["id"])["recipients"][0]["acknowledged"])
        expect(page.get_by_role("button", name="Acknowledge", exact=True)).to_have_count(0)
        watched.ready(page)
        for key, name in (("i", "inbox"), ("t", "watch"), ("o", "handover"), ("l", "log")):
            press("g")
            press(key)
            expect(page).to_have_url(f"{south.url}/lines/trial/{name}")
            watched.ready(page)
        press("/")
        expect(page.locator("#search")).to_be_focused()
        page.keyboard.type("keyboard")
        press("Enter")
        expect(page.locator("main .list")).to_contain_text("By keyboard.")


LANGUAGES = {
    "en": ("day", (1280, 720), "All lines", "1 unread", "south: delivered"),
    "fr": ("day", (820, 1180), "Toutes les lignes", "2 non lus", "south: remis"),
    "ru": ("night", (1180, 820), "Все линии", "5 непрочитанных", "south: доставлено"),  # noqa: RUF001
}
"""Each on another screen: the least one, and a tablet held upright and across."""
CRAMPED = """
() => {
  const found = document.documentElement.scrollWidth > innerWidth ? ["the page is wider than the screen"] : [];
  const least = 24;
  for (const at of document.querySelectorAll("a[href], button, summary, select, textarea, input:not([type=hidden])")) {
    if (!at.checkVisibility() || at.matches(".skip") || getComputedStyle(at).display === "inline") continue;
    const box = (at.matches("[type=radio], [type=checkbox]") && at.closest("label") || at).getBoundingClientRect();
    if (box.width < least || box.height < least) found.push(`too small to touch: ${at.outerHTML}`);
    if (at.matches("a, button") && at.scrollWidth > at.clientWidth + 1) found.push(`cut off: ${at.outerHTML}`);
  }
  for (const at of document.querySelectorAll(".glance .scroll, #list .scroll, #turns .scroll, #state .scroll"))
    if (at.scrollWidth > at.clientWidth + 1) found.push(`a column is out of sight: ${at.textContent}`);
  return found;
}
"""
"""What a finger does not hit (WCAG 2.2, 2.5.8), and what does not fit."""


def test_no_fault_on_any_page_in_any_language(
    browser: Browser, stations: tuple[Any, Any], watched: Any, axe: Callable[[Page], list[str]]
) -> None:
    north, south = stations
    south.call("watch-draft", officer="S9", text="A draft.")
    sent: list[str] = []
    faults: list[str] = []
    with watched.at(browser, south, "S1", but="404") as page:
        for language, (theme, size, heading, counted, fact) in LANGUAGES.items():
            while len(sent) < int(counted[0]):
                sent.append(north.call("send", text="Check fire.", precedence="FLASH" if sent else "ROUTINE")["id"])
            watched.until(lambda: len(south.call("inbox")) == len(sent))
            page.set_viewport_size({"width": size[0], "height": size[1]})
            page.goto(f"{south.url}/settings")
            page.locator(f"input[value={language}]").check()
            page.locator(f"input[value={theme}]").check()
            page.locator("main form button").click()
            expect(page.locator("html")).to_have_attribute("lang", language)
            page.goto(f"{south.url}/")
            expect(page.locator("h1")).to_have_text(heading)
            expect(page.locator("#lines .count").first).to_have_text(counted)
            page.goto(f"{south.url}/lines/trial/inbox")
            expect(page.locator("#waiting .fact").first).to_have_text(fact)
            paths = ["/", "/training", "/training/B9", "/settings", "/officers", "/lines/trial/messages/nothing-0000-1"]
            paths += [f"/lines/trial/{name}" for name in (*PAGES, "map", "plans", "compose?form=X1")]
            paths += [f"/lines/trial/messages/{sent[-1]}{end}" for end in ("", "/proof")]
            paths += ["/lines/trial/drafts/1", "/lines/trial/drafts/999", "/lines/trial-exercise/inbox"]
            for path in paths:
                page.goto(f"{south.url}{path}")
                page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
                faults += [f"{language} {path} {fault}" for fault in page.evaluate(CRAMPED)]
                if path.rpartition("/")[2] in ("map", "plans", "compose?form=X1"):
                    continue  # Their own tests ask axe.
                if language != "en" and path not in ("/", "/lines/trial/line", f"/lines/trial/messages/{sent[-1]}"):
                    continue  # The same templates as in English; what differs are colours and lengths.
                faults += [f"{language} {path} {fault}" for fault in axe(page)]
        assert faults == []
        # The language is the officer's, at whatever workstation; the theme is the workstation's.
        with watched.at(browser, south, "S1") as elsewhere:
            elsewhere.goto(f"{south.url}/settings")
            expect(elsewhere.locator("html")).to_have_attribute("lang", language)
            expect(elsewhere.locator("html")).to_have_attribute("data-theme", "day")
        page.get_by_role("banner").locator("form button").click()
        assert axe(page) == []
