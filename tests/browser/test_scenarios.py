"""Documented failures, each as a whole, driven through the consoles of two real nodes. B1, B4, B5, B8, B13, R36."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from parley.app.desk import desk_of
from parley.app.watchrules import Rules
from parley.wire.statement import Precedence

HOUR = 3600


def stamp(hours: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%MZ", time.gmtime(time.time() + hours * HOUR))


@contextmanager
def read_within(stations: tuple[Any, Any], seconds: int) -> Iterator[None]:
    """FLASH is to be read, and a role to act, within so many seconds: for a test that sees the ladder climbed."""
    usual = [station.runtimes["trial"].rules for station in stations]
    try:
        for station, rules in zip(stations, usual, strict=True):
            station.rule("trial", quick(rules, seconds))
        yield
    finally:
        for station, rules in zip(stations, usual, strict=True):
            station.rule("trial", rules)


def quick(rules: Rules, seconds: int) -> Rules:
    """The rules, with so many seconds for a FLASH."""
    read = {**rules.allowances.read_within, Precedence.FLASH: seconds}
    period = {**rules.ladder.period_s, Precedence.FLASH: 2}
    allowances, ladder = replace(rules.allowances, read_within=read), replace(rules.ladder, period_s=period)
    return replace(rules, allowances=allowances, ladder=ladder)


def acknowledge(page: Page, station: Any, id_: str) -> str:
    """Read back and acknowledge; what the officer was shown of the places."""
    page.goto(f"{station.url}/lines/trial/messages/{id_}")
    page.get_by_text("Acknowledge, with read-back").click()
    page.get_by_label("I compared these places with what was meant").check()
    shown = page.locator("#act .notice").inner_text()
    page.get_by_role("button", name="Acknowledge", exact=True).click()
    acknowledged(page)
    return shown


def acknowledged(page: Page) -> None:
    """The page of a message says that it was acknowledged."""
    expect(page.locator("#facts tr", has_text="acknowledged").locator("td.done")).to_be_visible()


def check_fire(page: Page, station: Any, position: str, struck: str, name: str) -> str:
    """Send CHECK FIRE from the page that composes; the id of the message."""
    page.goto(f"{station.url}/lines/trial/compose?form=X1")
    expect(page.locator("body")).to_have_attribute("data-ready", "yes")
    page.get_by_label("You are striking").select_option(struck)
    page.get_by_label("Position", exact=False).first.fill(position)
    page.get_by_label("Name of the place or unit").fill(name)
    expect(page.locator("#verdict")).to_contain_text("Nothing is missing")
    expect(page.locator("#precedence")).to_have_value("FLASH")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page).to_have_url(re.compile("/messages/"))
    return page.url.rpartition("/")[2]


def test_b1_a_wrong_coordinate_shows_and_a_call_to_cease_waits_for_nobody(
    browser: Browser, pair: tuple[Any, Any], watched: Any
) -> None:
    north, south = pair
    south.call("plan-put", name="Hill position", at="35-15.2N 040-05.4E", radius=500, protected=True)
    with watched.at(browser, north, "N1") as n, watched.at(browser, south, "S1") as s, ExitStack() as hasty:
        # North announces a strike for the first time, 9 km off; what South reads back is 9 km off as well (R58).
        read = []
        for number, latitude, wanted in (("11/26", "35-20.1N", "9.0"), ("12/26", "35-15.2N", "at Hill position")):
            where = {"circle": f"{latitude} 040-05.4E", "radius": "500 m", "times": [f"{stamp(1)}/{stamp(2)}"]}
            values = {"series": "LOCAL", "number": number, "hazard": "gunnery", "subject": "STRIKE", "areas": [where]}
            notice = north.call("send", form="area-warning/warning", values=values)
            watched.until(lambda notice=notice: any(m["id"] == notice["id"] for m in south.call("inbox")))
            shown = acknowledge(s, south, notice["id"])
            assert "own plan, not sent" in shown
            assert wanted in shown.partition("own plan, not sent")[2]
            n.goto(f"{north.url}/lines/trial/messages/{notice['id']}")
            expect(n.locator("#facts")).to_contain_text(f"READ BACK {latitude[:-1]}00N 040-05.400E")
            read.append(n.locator("#facts").inner_text())
            assert "Hill position" not in read[-1], "one's own places are not sent"
        assert read[0].partition("READ BACK")[2] != read[1].partition("READ BACK")[2]
        # The named officer is not there: no console of North is armed. South does not wait on any channel.
        hasty.enter_context(read_within(pair, 3))
        sent = check_fire(s, south, "35-15.2N 040-05.4E", "our-forces", "Hill position")
        # Any duty login sees and hears it, on whatever page it is.
        expect(n.locator("body")).to_have_attribute("data-sounding", "yes")
        expect(n.locator("#alarm .level-4").first).to_contain_text("CEASE FIRE")
        # Nobody acts: the next role is turned to by itself, on the record of both sides.
        expect(s.locator("#facts")).to_contain_text("passed to the role watch-commander")
        expect(s.locator("#facts")).to_contain_text("no reply: on the record")
        expect(s.locator("#next")).to_contain_text("No reply within the time")
        n.goto(f"{north.url}/lines/trial/watch")
        expect(n.locator("#turns")).to_contain_text("passed to the role watch-commander")
        n.goto(f"{north.url}/lines/trial/messages/{sent}")
        watched.ready(n)
        n.keyboard.press("F9")
        acknowledge(n, north, sent)
        expect(s.locator("#facts")).to_contain_text("READ BACK 35-15.200N 040-05.400E")
        # The answer is a form, one click away, and the sender sees that fire ceased.
        n.get_by_role("link", name="Answer to CHECK FIRE").click()
        watched.ready(n)
        n.get_by_label("Outcome").select_option("ceased")
        expect(n.locator("#verdict")).to_contain_text("Nothing is missing")
        n.get_by_role("button", name="Send", exact=True).click()
        expect(s.locator("#following")).to_contain_text("Our fire has ceased")


def test_b4_what_was_notified_holds_the_plan_and_a_call_reaches_who_controls_it(
    browser: Browser, pair: tuple[Any, Any], watched: Any
) -> None:
    north, south = pair
    with watched.at(browser, north, "N1") as n, watched.at(browser, south, "S1") as s:
        # The hospital's coordinates as they were sent, in degrees, minutes and seconds with decimals.
        s.goto(f"{south.url}/lines/trial/compose?form=H1")
        watched.ready(s)
        s.get_by_label("Stage").select_option("new")
        s.get_by_label("Function *", exact=True).select_option("hospital")
        for label, text in (
            ("Identifier *", "KTC-1"), ("Organisation *", "Relief"), ("Name of the place *", "Trauma centre"),
            ("Position *", "36 43 4.91N 68 51 43.96E"), ("Function valid, from", stamp(-1)),
            ("Function valid, to", stamp(500)),
        ):  # fmt: skip
            s.get_by_label(label, exact=True).fill(text)
        expect(s.locator("#verdict")).to_contain_text("Nothing is missing")
        s.get_by_role("button", name="Send", exact=True).click()
        expect(s).to_have_url(re.compile("/messages/"))
        site = s.url.rpartition("/")[2]
        watched.until(lambda: any(m["id"] == site for m in north.call("inbox")))
        acknowledge(n, north, site)
        # "Passed on" is an entry with who and when (R61); the unit is silent, and both sides see it.
        n.get_by_text("Pass it on", exact=True).click()
        n.get_by_label("Roles of the units, with commas").fill("fires")
        n.locator("form", has_text="Roles of the units").get_by_role("button").click()
        expect(n.locator("#onward")).to_contain_text("silent")
        expect(s.locator("#onward")).to_contain_text("fires")
        # A plan within the set distance is held; the other notations of the same place are the same place.
        for name, where in (("Decimal", "36.718031 68.862211"), ("Minutes", "36-43.082N 068-51.733E")):
            n.goto(f"{north.url}/lines/trial/plans")
            n.get_by_label("Name", exact=True).fill(name)
            form = n.locator("form[aria-labelledby=add]")
            form.get_by_label("Positions, one a line").fill(where)
            form.get_by_label("Radius or width").fill("300 m")
            form.get_by_label("Controlled by (role)").fill("gunship")
            form.get_by_role("button", name="Keep it and check it").click()
            held = n.locator("section.held", has_text=name)
            expect(held).to_contain_text("Trauma centre")
            # It is named, with its age and with who acknowledged it.
            expect(held).to_contain_text(site)
            expect(held).to_contain_text("ago")
            expect(held).to_contain_text("north: acknowledged")
            expect(held).to_contain_text("fires: silent")
        # It is struck all the same: the call goes to the role that controls the activity, not to a mailbox.
        sent = check_fire(s, south, "36 43 4.91N 68 51 43.96E", "hospital", "Trauma centre")
        n.goto(f"{north.url}/lines/trial/watch")
        expect(n.locator("#turns tr", has_text="CEASE FIRE").first).to_contain_text("gunship")
        acknowledge(n, north, sent)
        acknowledged(s)


def test_b8_no_reply_in_time_is_on_the_record_and_opens_the_next_step(
    browser: Browser, pair: tuple[Any, Any], watched: Any
) -> None:
    north, south = pair
    asked = {
        "activity": "Armour moved by rail",
        "concern": "Nothing was announced",
        "questions": ["Why?", "Until when?"],
    }
    sent = north.call("send", form="military-activity/clarification-request", values=asked)
    watched.until(lambda: any(m["id"] == sent["id"] for m in south.call("inbox")))
    with watched.at(browser, north, "N1") as n, watched.at(browser, south, "S1") as s:
        # The deadline of 48 hours is seen on both sides.
        for page, station in ((n, north), (s, south)):
            page.goto(f"{station.url}/lines/trial/messages/{sent['id']}")
            expect(page.locator("#facts [data-deadline]")).to_contain_text("until")
        # It is read and acknowledged, and then nothing comes.
        south.call("ack", id=sent["id"])
        expect(n.locator("#facts")).to_contain_text("unanswered")
    # Two days later, by the nodes' clocks: the sessions have ended, the same officers sign in anew.
    with later(pair, 49 * HOUR), watched.at(browser, north, "N1") as n, watched.at(browser, south, "S1") as s:
        n.goto(f"{north.url}/lines/trial/messages/{sent['id']}")
        expect(n.locator("#facts")).to_contain_text("the next step was opened")
        expect(n.locator("#next")).to_contain_text("No reply within the time")
        # The card is opened a period later: the numbers and the words of the charter.
        expect(n.locator("#facts")).to_contain_text("+00 555 0101")
        n.get_by_role("link", name="Open the next step").click()
        # The next step is filled in, and refers to what was not answered.
        expect(n.locator("section", has=n.locator("#original"))).to_contain_text("Armour moved by rail")
        n.get_by_role("button", name="Send", exact=True).click()
        expect(n).to_have_url(re.compile("/messages/"))
        step = n.url.rpartition("/")[2]
        watched.until(lambda: any(m["id"] == step for m in south.call("inbox")))
        refs = south.call("show", id=step)["refs"]
        assert refs == [{"relation": "continues", "id": sent["id"]}]
        # The other side sees that it did not reply, and what follows from it.
        s.goto(f"{south.url}/lines/trial/messages/{sent['id']}")
        expect(s.locator("#facts")).to_contain_text("no reply: on the record")
        expect(s.locator("#following")).to_contain_text("continues")
        assert [d for d in north.call("watch")["drafts"] if d["refs"] == refs] == []


@contextmanager
def later(stations: tuple[Any, Any], seconds: int) -> Iterator[None]:
    """The clocks of both nodes go on by so much, and back."""
    nodes = [(s.runtimes["trial"].node, s.runtimes["trial"].node._clock) for s in stations]
    for node, clock in nodes:
        node._clock = Ahead(clock, seconds)
    try:
        yield
    finally:
        for node, clock in nodes:
            node._clock = clock


class Ahead:
    """A clock whose wall is so many seconds ahead of another."""

    def __init__(self, clock: Any, seconds: int) -> None:
        self._clock, self._seconds = clock, seconds

    def wall_s(self) -> int:
        return int(self._clock.wall_s()) + self._seconds

    def __getattr__(self, name: str) -> Any:
        return getattr(self._clock, name)


def test_b13_what_lies_under_no_known_key_never_looks_verified(
    browser: Browser, pair: tuple[Any, Any], watched: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    north, south = pair
    good = south.call("send", text="This is the mayor.", precedence="PRIORITY")
    watched.until(lambda: any(m["id"] == good["id"] for m in north.call("inbox")))
    with watched.at(browser, north, "N1") as n:
        n.goto(f"{north.url}/lines/trial/messages/{good['id']}")
        seal = n.locator("a.seal")
        expect(seal).to_contain_text("verified by key")
        expect(seal).to_contain_text("exchanged on")
        # The key, and the day on which it was exchanged, are one click away.
        key = re.search("verified by key ([0-9a-f]+)", seal.inner_text())
        assert key is not None
        seal.click()
        expect(n.locator("main")).to_contain_text(key[1])
        expect(n.locator("main")).to_contain_text(time.strftime("%Y", time.gmtime()))
        expect(n.locator("main")).to_contain_text("Fingerprint of the party, to compare by voice")
        # The certificate of that key is not one that this node knows: nothing of it looks verified, anywhere.
        members = north.runtimes["trial"].node.line.membership.members
        author = next(m for m in members.values() if m.code == "south")
        others = tuple((bytes(32), serial, keys) for _, serial, keys in author.certificates)
        monkeypatch.setitem(members, author.number, replace(author, certificates=others))
        # What the watch answered within this second is answered anew, as after any commit.
        desk_of(north.runtimes["trial"]).answered = None
        n.goto(f"{north.url}/lines/trial/messages/{good['id']}")
        expect(n.locator(".seal.bad").first).to_contain_text("NOT VERIFIED")
        expect(n.locator("[role=alert].seal.bad")).to_contain_text("no certificate")
        assert n.locator(".seal:not(.bad)").count() == 0
        assert "verified by key" not in n.locator("main").inner_text()
        assert n.get_by_role("button", name="Acknowledge", exact=True).count() == 0, "no 'accept anyway'"
        for name in ("inbox", "search?q=mayor", "watch", "handover"):
            n.goto(f"{north.url}/lines/trial/{name}")
            expect(n.locator("tr", has_text="This is the mayor").first).to_contain_text("NOT VERIFIED")
        # Neither does its alarm, nor FLASH as it stands before who is not signed in.
        expect(n.locator("#alarm li", has_text="This is the mayor")).to_contain_text("NOT VERIFIED")
        south.call("send", text="The mayor again.", precedence="FLASH")
        expect(n.locator("#alarm li", has_text="The mayor again.")).to_contain_text("NOT VERIFIED")
        outside = browser.new_context(locale="en-GB").new_page()
        outside.goto(f"{north.url}/sign-in")
        expect(outside.locator("#flash section", has_text="The mayor again.")).to_contain_text("NOT VERIFIED")
        outside.context.close()
        n.goto(f"{north.url}/lines/trial/messages/{good['id']}/proof")
        expect(n.locator("main")).to_contain_text("NOT VERIFIED")
        assert n.locator(".seal:not(.bad)").count() == 0
