"""The watch from the command line, over two real nodes. B1, B3, B6, B8, B11, B12, R16, R34-R41, R60, R72."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from parley.app import meeting
from parley.app.desk import desk_of
from parley.app.home import Home
from parley.app.process import NodeProcess, free_port
from parley.app.runtime import Runtime, running
from parley.app.service import OPERATIONS
from parley.app.standing import keep_watch
from parley.cli import app
from parley.keys.file import write_private

RUNNER = CliRunner()
SHORT = "[watch]\ntests_at = []\ndeliver_within = {flash = 1}\nread_within = {flash = 1}\n"


def parley(*arguments: object, status: int = 0, json_out: bool = True) -> Any:
    words = [str(a) for a in arguments] + (["--json"] if json_out else [])
    done = RUNNER.invoke(app, words)
    assert done.exit_code == status, f"{words}: {done.output} {done.exception!r}"
    return json.loads(done.stdout) if json_out else done.output


@pytest.fixture
def homes(tmp_path: Path) -> tuple[Path, Path]:
    both = [Home(tmp_path / name) for name in ("north", "south")]
    for home in both:
        meeting.init_party(home, home.path.name, home.path.name.title(), ["en"])
    proposal = meeting.propose(both[0], "trial", [meeting.introduce(both[1], "trial")])
    signed = meeting.merge([meeting.accept(both[1], proposal)])
    for home in both:
        meeting.install(home, signed)
    return both[0].path, both[1].path


def configure(homes: tuple[Path, Path], watch: str = "[watch]\ntests_at = []\n") -> None:
    port = free_port()
    sides = (f'[bearer.dial]\nsouth = "127.0.0.1:{port}"\n', f'listen = "127.0.0.1:{port}"\n')
    for home, side in zip(homes, sides, strict=True):
        text = f'[[bearer]]\nkind = "tls"\nname = "net"\n{side}{watch}'
        write_private(home / "lines" / "trial" / "config.toml", text.encode())


@contextmanager
def serving(homes: tuple[Path, Path]) -> Iterator[None]:
    """Both nodes, for the commands of a test."""
    nodes = [NodeProcess(home, Home(home).line("trial")) for home in homes]
    with asyncio.Runner() as runner:
        try:
            for node in nodes:
                runner.run(node.start())
            yield
        finally:
            for node in nodes:
                runner.run(node.stop())


def until(holds: Callable[[], Any]) -> Any:
    for _ in range(200):
        found = holds()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError("it did not come about")


def test_whose_turn_it_is_and_the_watchs_words_reach_the_other_side(homes: tuple[Path, Path]) -> None:
    configure(homes)
    north, south = (("--home", home) for home in homes)
    with serving(homes):
        sent = parley("send", "Exercise ends at noon.", "-p", "FLASH", *north)["id"]
        (row,) = until(lambda: [m for m in parley("watch", *north)["messages"] if m["stage"] == "unread"])
        assert (row["id"], row["turn"], row["overdue"]) == (sent, "south", False)
        assert row["deadline"] == row["since"] + 30
        until(lambda: parley("watch", *south)["messages"])
        parley("read", sent, *south)
        until(lambda: parley("watch", *north)["messages"][0]["stage"] == "unacknowledged")

        parley("watch", "hold", sent, "You end at noon; when do aircraft leave?", "--by", "2040-01-01T00:00Z", *south)
        (row,) = until(lambda: [m for m in parley("watch", *north)["messages"] if m["stage"] == "unanswered"])
        assert row["deadline"] == 2_208_988_800
        parley("reply", sent, "Understood.", *south)
        until(lambda: [m["author"] for m in parley("watch", *north)["messages"]] == ["south"])

        parley("watch", "pass", sent, "--to", "air", "--effect", "2026-01-01T00:00Z", *south)
        (onward,) = until(lambda: parley("watch", *north)["onward"])
        assert (onward["id"], onward["light"], onward["units"][0]["light"]) == (sent, "red", "red")
        told = parley("watch", "unit", sent, "--role", "air", "--telephone", "2026-01-02T00:00Z", *south)
        assert told["units"] == [{"role": "air", "light": "green", "time": 1_767_312_000, "by_telephone": True}]
        until(lambda: parley("watch", *north)["onward"][0]["light"] == "green")
        assert "by telephone" in parley("watch", *north, json_out=False)

        parley("watch", "silence", "receipts_only", *south)
        (line,) = until(lambda: [x for x in parley("watch", *north)["lines"] if x["declared"]])
        assert (line["status"], line["declared"]) == ("silent as declared", "receipts_only")
        parley("watch", "silence", "normal", *south)
        parley("watch", "agreement", "suspended", "--reason", "protest", *south)
        assert until(lambda: parley("watch", *north)["suspended_by"])[0]["reason"] == "protest"
        assert parley("inbox", *north) != [], "the answer waits"
        assert [m["text"] for m in parley("inbox", *north)] == ["Understood."], "facts of the watch wait for nobody"
        text = parley("watch", *north, json_out=False)
        assert "suspended" in text
        assert "south: node up" in text


def test_a_line_test_is_copied_back_by_people_or_declined(homes: tuple[Path, Path]) -> None:
    configure(homes)
    north, south = (("--home", home) for home in homes)

    def status() -> str:
        return str(parley("watch", *north)["lines"][0]["status"])

    with serving(homes):
        parley("watch", "test", *north)
        (waits,) = until(lambda: parley("watch", *south)["tests_to_copy"])
        assert "copy it back" in parley("watch", *south, json_out=False)
        assert status() == "node up, not tested"
        parley("watch", "test", "--copy", waits["id"], "--text", waits["text"].lower(), *south)
        until(lambda: status() == "answers")
        assert parley("watch", *south)["tests_to_copy"] == []
        again = parley("watch", "test", "--text", "ABC", "--to", "south", *north)["id"]
        until(lambda: parley("watch", *south)["tests_to_copy"])
        assert status() == "node up, not tested"
        parley("decline", again, "no comment", *south)
        until(lambda: status() == "declined")
        wrong = parley("watch", "test", "--text", "ABC", *north)["id"]
        until(lambda: [t for t in parley("watch", *south)["tests_to_copy"] if t["id"] == wrong])
        parley("watch", "test", "--copy", wrong, "--text", "ABD", *south)
        until(lambda: status() == "test copied wrongly")
    assert status() == "test copied wrongly", "a restart changes nothing"


def test_the_watch_is_handed_over_with_what_is_open(homes: tuple[Path, Path]) -> None:
    north = ("--home", homes[0])
    sent = parley("send", "text", *north)["id"]
    assert parley("watch", *north)["messages"][0]["turn"] == "the line"
    first = parley("watch", "handover", *north)
    assert {"sort": "message", "subject": sent, "state": "undelivered, south"} in first["items"]
    assert parley("watch", "handover", "-o", "N1", *north, status=2)["error"]["code"] == "watch-not-held"
    stale = ("watch", "relieve", "00" * 32, "-o", "N1", "--take", *north)
    assert parley(*stale, status=2)["error"]["code"] == "handover-stale"
    assert parley("watch", "relieve", "zz", "-o", "N1", *north, status=2)["error"]["code"] == "handover-stale"
    parley("watch", "relieve", first["summary"], "-o", "N1", "--take", *north)
    offered = parley("watch", "handover", "-o", "N1", *north)
    relieve = ("watch", "relieve", offered["summary"], *north)
    assert parley(*relieve, "-o", "N1", status=2)["error"]["code"] == "handover-own"
    assert parley(*relieve, "-o", "N2", "--take", status=2)["error"]["code"] == "watch-held"
    parley(*relieve, "-o", "N2")
    (duty,) = parley("watch", *north)["duties"]
    assert (duty["officer"], duty["handed_over"], duty["relief_late"]) == ("N2", True, False)
    parley("watch", "note", "radio checked", "-o", "N2", *north)
    kept = parley("watch", "log", *north)
    assert [f["fact"] for f in kept] == ["took", "offered", "relieved", "noted"]
    assert "radio checked" in parley("watch", "log", *north, json_out=False)
    assert "summary" in parley("watch", "handover", *north, json_out=False)
    store = (homes[0] / "lines" / "trial" / "watch.db").read_bytes()
    assert b"radio" not in store, "the log is encrypted"


def test_the_roster_and_a_mute(homes: tuple[Path, Path]) -> None:
    north = ("--home", homes[0])
    shifts = parley("watch", "roster", *north)
    assert [s["officer"] for s in shifts] == ["", "", ""]
    start = time.strftime("%Y-%m-%dT%H:%MZ", time.gmtime(shifts[1]["start"]))
    found = parley("watch", "roster", "-o", "N3", "--start", start, *north)
    assert [s["officer"] for s in found] == ["", "N3", ""]
    assert "NOBODY" in parley("watch", "roster", *north, json_out=False)
    assert parley("watch", "roster", "-o", "N3", *north, status=2)["error"]["code"] == "roster-incomplete"
    sent = parley("send", "text", *north)["id"]
    assert (
        parley("watch", "mute", sent, "-o", "N1", "--minutes", 600, *north, status=2)["error"]["code"]
        == "mute-too-long"
    )
    parley("watch", "mute", sent, "-o", "N1", "--reason", "flood", "--misuse", *north)
    (row,) = parley("watch", *north)["messages"]
    assert (row["muted"], row["stage"]) == (True, "undelivered")
    assert "mute" in {i["sort"] for i in parley("watch", "handover", *north)["items"]}
    assert parley("watch", "hush", sent, "-o", "N1", *north, status=2)["error"]["code"] == "alarm-unknown"


def test_a_draft_is_released_by_two_and_held_by_what_came(homes: tuple[Path, Path]) -> None:
    configure(homes, '[watch]\ntests_at = []\ntwo_officers = ["flash"]\n')
    north, south = (("--home", home) for home in homes)
    alone = parley("send", "text", "-p", "FLASH", *north, status=2)
    assert alone["error"]["code"] == "release-needed"
    with serving(homes):
        made = parley("watch", "draft", "We move.", "-o", "N1", "-p", "FLASH", *north)
        assert (made["number"], made["two_officers"]) == (1, True)
        came = parley("send", "Do not move.", *south)["id"]
        until(lambda: parley("watch", *north)["drafts"][0]["newer"] == [came])
        release = ("watch", "release", 1, "-o", "N1", *north)
        assert parley(*release, status=2)["error"]["code"] == "draft-overtaken"
        assert parley(*release, "--confirm", status=2)["error"]["code"] == "release-needed"
        approve = ("watch", "approve", 1, made["statement"], *north)
        assert parley(*approve, "-o", "N1", status=2)["error"]["code"] == "release-own"
        wrong = ("watch", "approve", 1, "00" * 32, "-o", "N2", *north)
        assert parley(*wrong, status=2)["error"]["code"] == "release-changed"
        assert parley(*approve, "-o", "N2")["approved_by"] == ["N2"]
        assert "approved by N2" in parley("watch", *north, json_out=False)
        sent = parley(*release, "--confirm")["id"]
        assert parley("read", sent, *north)["text"] == "We move."
        assert parley(*release, status=2)["error"]["code"] == "draft-unknown"
        cancel = parley("watch", "follow", "cancel", sent, "Disregard.", *north)["id"]
        assert parley("read", cancel, *north)["precedence"] == "FLASH", "as loud as what it cancels, and by one officer"
        assert [m["id"] for m in parley("watch", *north)["messages"] if m["author"] == "north"] == [cancel]
        assert parley("watch", "follow", "correct", came, "x", *north, status=2)["error"]["code"] == "not-author"
        asked = parley("watch", "follow", "query", came, "Why?", *north)["id"]
        assert parley("read", asked, *north)["precedence"] == "PRIORITY"
        after = parley("watch", "draft", "A meeting?", "-o", "N1", "--after", sent, *north)
        assert parley("watch", "release", after["number"], "-o", "N1", "--drop", *north)["dropped"] is True


@asynccontextmanager
async def kept(home: Path, told: list[dict[str, Any]]) -> AsyncIterator[Runtime]:
    """A node of this process whose watch keeps itself."""
    async with running(Home(home).line("trial")) as runtime:
        stop = asyncio.Event()
        desk_of(runtime).settles_at = 0
        task = asyncio.create_task(keep_watch(runtime, told.append, stop))
        try:
            yield runtime
        finally:
            stop.set()
            await task


def test_a_missed_deadline_climbs_by_itself_and_goes_on_after_a_restart(homes: tuple[Path, Path]) -> None:
    configure(homes, SHORT)

    async def wait_for(holds: Callable[[], bool]) -> None:
        for _ in range(300):
            if holds():
                return
            await asyncio.sleep(0.05)
        raise AssertionError("it did not come about")

    async def ask(runtime: Runtime, operation: str, **params: Any) -> Any:
        return await OPERATIONS[operation](runtime, params)

    async def exchange() -> None:
        told: list[dict[str, Any]] = []
        async with kept(homes[0], told) as north:
            sent = (await ask(north, "send", text="You are striking us.", precedence="FLASH"))["id"]
            await wait_for(lambda: len(steps(told)) == 3)
            assert [e["code"] for e in steps(told)] == ["no-reply", "alarm", "other-bearers"]
            assert {(e["message"], e["stage"]) for e in steps(told)} == {(sent, "undelivered")}
            assert ("line", "south", "node unreachable") in {(e["code"], e["message"], e["stage"]) for e in told}
            await ask(north, "watch-hush", id=sent, officer="N1")
            assert (await ask(north, "watch"))["alarms"] == []
        again: list[dict[str, Any]] = []
        theirs: list[dict[str, Any]] = []
        async with kept(homes[0], again) as north, kept(homes[1], theirs) as south:
            await wait_for(lambda: len([e for e in again if e["stage"] == "unread"]) == 3)
            assert [e["code"] for e in steps(again)] == ["no-reply", "alarm", "next-role"], "nothing twice"
            await wait_for(lambda: any(e["code"] == "next-role" for e in theirs))
            assert "no-reply" not in [e["code"] for e in theirs], "that is the asker's to say"
            (row,) = (await ask(south, "watch"))["messages"]
            assert (row["role"], row["turn"], row["overdue"]) == ("watch-commander", "south", True)
            assert (await ask(south, "watch"))["alarms"][0]["id"] == sent
            await ask(south, "ack", id=sent, role="watch-commander")
            assert (await ask(south, "watch"))["messages"] == []

    asyncio.run(exchange())


def steps(told: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of what was told, the rungs of ladders."""
    return [e for e in told if "party" in e]


@pytest.mark.parametrize(
    "text",
    [
        "[watch]\nnonsense = 1\n",
        "[watch]\ngrace_s = 0\n",
        '[watch]\ngrace_s = "x"\n',
        "[watch]\nroles = [1]\n",
        '[watch]\ntests_at = ["25:00"]\n',
        '[watch]\ntests_at = ["x"]\n',
        "[watch]\nread_within = {flesh = 1}\n",
        "[watch]\nread_within = {flash = 0}\n",
        '[watch]\nlowest = "loud"\n',
        "watch = 5\n",
    ],
)
def test_settings_that_make_no_sense_are_refused(homes: tuple[Path, Path], text: str) -> None:
    write_private(homes[0] / "lines" / "trial" / "config.toml", text.encode())
    assert parley("watch", "--home", homes[0], status=2)["error"]["code"] == "config"


def test_words_that_make_no_sense_are_refused(homes: tuple[Path, Path]) -> None:
    north = ("--home", homes[0])
    sent = parley("send", "text", *north)["id"]
    for words, code in (
        (("silence", "loud"), "silence-unknown"),
        (("silence", "normal", "--until", "soon"), "time-malformed"),
        (("agreement", "void"), "agreement-unknown"),
        (("follow", "sing", sent, "x"), "follow-unknown"),
        (("test", "--copy", sent), "text-empty"),
        (("note", "x", "-o", " "), "officer-missing"),
        (("release", 7, "-o", "N1"), "draft-unknown"),
    ):
        assert parley("watch", *words, *north, status=2)["error"]["code"] == code
