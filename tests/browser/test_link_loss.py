"""A console whose node stops or is killed, and comes back: said at once, and heard. R34, ecosystem wish 14."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from parley.app import meeting
from parley.app.home import Home
from parley.app.process import free_port


class Process:
    """A party's node as its administrator runs it: ``parley serve``, with its console."""

    def __init__(self, home: Home) -> None:
        self.home, self.port = home, free_port()
        self.url = f"http://localhost:{self.port}"
        (home.path / "config.toml").write_text(f'[console]\nlisten = "127.0.0.1:{self.port}"\norigin = "{self.url}"\n')
        self.running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "parley", "serve", "--home", str(self.home.path), "--json"]
        with (self.home.path / "serve.log").open("ab") as log:
            self.running = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=dict(os.environ)
            )

    def said(self, text: str) -> bool:
        assert self.running is not None
        log = (self.home.path / "serve.log").read_text()
        assert self.running.poll() is None, log
        return text in log

    def tell(self, what: signal.Signals) -> None:
        assert self.running is not None
        self.running.send_signal(what)
        if what is signal.SIGKILL:
            self.running.wait(60)
            (self.home.path / "serve.log").write_text("")

    def close(self) -> None:
        if self.running is not None and self.running.poll() is None:
            self.running.send_signal(signal.SIGCONT)
            self.running.kill()
            self.running.wait(60)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Process]:
    homes = [Home(tmp_path / name) for name in ("north", "south")]
    for home in homes:
        meeting.init_party(home, home.path.name, home.path.name.title(), ["en"])
    proposal = meeting.propose(homes[0], "trial", [meeting.introduce(homes[1], "trial")])
    meeting.install(homes[0], meeting.merge([meeting.accept(homes[1], proposal)]))
    # The other party never runs; only the loss of this node is to sound.
    homes[0].line("trial").config.write_text("[watch]\nunheard_s = 4_000_000_000\ntests_at = []\n")
    process = Process(homes[0])
    process.start()
    yield process
    process.close()


def test_a_node_that_stops_or_is_killed_is_missed_at_once(browser: Browser, served: Process, watched: Any) -> None:
    watched.until(lambda: served.said("stop with Ctrl-C"), 60)
    context = browser.new_context(locale="en-GB")
    page = context.new_page()
    page.goto(f"{served.url}/sign-in")
    lost, body = page.locator("#lost"), page.locator("body")
    expect(body).to_have_attribute("data-ready", "yes")
    expect(lost).to_be_hidden()
    # It hangs: the connection stays, and nothing comes. The page misses its signs of life.
    served.tell(signal.SIGSTOP)
    expect(lost).to_contain_text("THE NODE IS NOT ANSWERING")
    expect(lost).to_be_visible()
    expect(body).to_have_attribute("data-sounding", "yes")
    served.tell(signal.SIGCONT)
    expect(lost).to_be_hidden()
    expect(body).to_have_attribute("data-sounding", "no")
    # It dies: the connection goes with it.
    served.tell(signal.SIGKILL)
    expect(lost).to_be_visible()
    expect(body).to_have_attribute("data-sounding", "yes")
    # Another run of it comes back under the same address, and knows no session of before: the page finds it by
    # itself, is loaded anew, and its forms are taken.
    token = page.locator("meta[name=csrf]")
    before = token.get_attribute("content") or ""
    served.start()
    watched.until(lambda: served.said("stop with Ctrl-C"), 60)
    expect(lost).to_be_hidden()
    expect(body).to_have_attribute("data-sounding", "no")
    expect(token).not_to_have_attribute("content", before)
    expect(body).to_have_attribute("data-ready", "yes")
    page.get_by_role("textbox", name="Code").fill("never given")
    page.get_by_role("button", name="Enrol a passkey").click()
    expect(page.locator("#enrol-said")).to_contain_text("code")
    context.close()


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """The watch begins a second after its node."""
    monkeypatch.setattr("parley.app.desk._SETTLE_S", 1)


@pytest.mark.usefixtures("hasty")
def test_a_lost_line_sounds_until_somebody_heard_it(browser: Browser, stations: tuple[Any, Any], watched: Any) -> None:
    north, south = stations
    for name in south.runtimes:
        watched.until(
            lambda name=name: south.call("watch", line=name)["lines"][0]["status"] == "node up, not tested", 60
        )
    context = browser.new_context(locale="en-GB")
    south.sign_in(context, "S1")
    page = context.new_page()
    page.goto(f"{south.url}/")
    expect(page.locator("#alarm .sounding")).to_have_count(0)
    # What is unheard for a second is lost; the watch looks at the new rule when it has something new to look at.
    for name, runtime in south.runtimes.items():
        south.rule(name, replace(runtime.rules, schedule=replace(runtime.rules.schedule, unheard_s=1)))
        south.call("send", line=name, text="Are you there?")
    north.close()
    expect(page.locator("#alarm li.level-3", has_text="node unreachable")).to_have_count(2)
    expect(page.locator("body")).to_have_attribute("data-sounding", "yes")
    for left in (1, 0):
        page.keyboard.press("F9")
        expect(page.locator("#alarm li")).to_have_count(left)
    expect(page.locator("body")).to_have_attribute("data-sounding", "no")
    heard = [f["text"] for f in south.call("watch-log", **{"in": "en"}) if f["fact"] == "noted"]
    assert any(text.startswith("heard line:north:node unreachable") for text in heard)
    expect(page.locator("#glance")).to_contain_text("node unreachable")
    context.close()
