"""The list of messages: what a page asks for after it was drawn, and that it says what the record says. R55, D7."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from parley.app import meeting
from parley.app.home import Home
from parley.app.inboxes import Inbox, inbox_of
from parley.app.process import free_port
from parley.app.runtime import Runtime, running
from parley.app.service import OPERATIONS
from parley.app.visitor import Visitor
from parley.errors import StoreError
from parley.keys.file import write_private

ORDER = re.compile(r'<tbody id="(\w+)-rows" data-order="([^"]*)">')


def both(folder: Path) -> tuple[Home, Home]:
    homes = Home(folder / "north"), Home(folder / "south")
    for home in homes:
        meeting.init_party(home, home.path.name, home.path.name.title(), ["en"])
    proposal = meeting.propose(homes[0], "trial", [meeting.introduce(homes[1], "trial")])
    signed, port = meeting.merge([meeting.accept(homes[1], proposal)]), free_port()
    sides = (f'[bearer.dial]\nsouth = "127.0.0.1:{port}"\n', f'listen = "127.0.0.1:{port}"\n')
    for home, side in zip(homes, sides, strict=True):
        meeting.install(home, signed)
        write_private(home.line("trial").config, f'[[bearer]]\nkind = "tls"\nname = "net"\n{side}'.encode())
    return homes


@asynccontextmanager
async def nodes(folder: Path) -> AsyncIterator[tuple[Runtime, Runtime]]:
    homes = both(folder)
    async with running(homes[0].line("trial")) as north, running(homes[1].line("trial")) as south:
        yield north, south


async def ask(runtime: Runtime, operation: str, **params: Any) -> Any:
    return await OPERATIONS[operation](runtime, params)


async def until(holds: Callable[[], Any]) -> None:
    async with asyncio.timeout(60):
        while not await holds():
            await asyncio.sleep(0.02)


def listed(box: Inbox) -> tuple[list[Any], list[Any]]:
    """What waits, and the newest, as plain data."""
    return box.rows(box.waiting(0, 100), "en"), box.rows(box.newest(None, 100), "en")


async def as_the_record_says(runtime: Runtime) -> None:
    """The list that was kept is the one that is read anew, at a moment in which nothing comes."""
    while True:
        version = runtime.node.store.version
        kept = await inbox_of(runtime).ask(listed)
        waits, every = await ask(runtime, "inbox"), await ask(runtime, "inbox", all=True)
        anew = await Inbox(runtime).ask(listed)
        if version == runtime.node.store.version:
            break
    waiting, newest = kept
    assert waiting == [m for m in waits if not m["fact"]]
    assert newest[::-1] == [m for m in every if not m["fact"]]
    assert kept == anew


def test_a_list_that_is_read_on_is_the_one_that_is_read_anew(tmp_path: Path) -> None:
    async def scene() -> None:
        async with nodes(tmp_path) as (north, south):
            for runtime in (north, south):
                await as_the_record_says(runtime)
            sent = []
            for n, precedence in enumerate(("routine", "flash", "routine", "priority", "flash")):
                sent.append((await ask(north, "send", text=f"Message {n}", precedence=precedence))["id"])
                await as_the_record_says(north)
            await until(lambda: _count(south, 5))
            waiting, _ = await inbox_of(south).ask(listed)
            assert [m["id"] for m in waiting] == [sent[n] for n in (1, 4, 3, 0, 2)], "FLASH first, then as they came"
            before = await inbox_of(south).ask(lambda box: box.version)
            assert before == await inbox_of(south).ask(lambda box: box.version), "nothing happened"
            await ask(south, "read", id=sent[2])
            changed = await inbox_of(south).ask(lambda box: [x for x in box.newest(None, 9) if x.changed > before])
            assert [x.entry.index for x in changed] == [int(sent[2].rpartition("-")[2])], "the one that was read"
            await ask(south, "ack", id=sent[1], text="Yes.")
            await ask(south, "decline", id=sent[0], text="No.")
            await ask(south, "reply", id=sent[4], text="Answer.")
            await ask(south, "watch-hold", id=sent[3], text="Wait.")
            await as_the_record_says(south)

            async def answered() -> bool:
                found = {m["id"]: m["recipients"][0] for m in await ask(north, "inbox", all=True) if m["mine"]}
                return all(found[sent[n]][k] for n, k in ((1, "acknowledged"), (0, "declined"), (4, "answered")))

            await until(answered)
            await as_the_record_says(north)
            await ask(north, "prune", days=-1, force=True)
            await as_the_record_says(north)
            newest = await inbox_of(north).ask(lambda box: box.rows(box.newest(None, 9), "en"))
            assert [m["erased"] for m in newest if m["mine"]] == [True] * 5

    asyncio.run(scene())


def test_facts_of_the_watch_change_no_list_and_a_closed_list_answers_nobody(tmp_path: Path) -> None:
    async def scene() -> None:
        async with running(both(tmp_path)[0].line("trial"), with_bearers=False) as runtime:
            await ask(runtime, "send", text="A message")
            before = await inbox_of(runtime).ask(lambda box: (box.version, box.count))
            await ask(runtime, "watch-declare", officer="One", silence="receipts_only")
            assert (await ask(runtime, "inbox", all=True))[-1]["fact"], "it is on the record"
            assert await inbox_of(runtime).ask(lambda box: (box.version, box.count)) == before
            inbox_of(runtime).close()
            with pytest.raises(StoreError) as refused:
                await inbox_of(runtime).ask(listed)
            assert refused.value.code == "store-closed"

    asyncio.run(scene())


async def _count(runtime: Runtime, count: int) -> bool:
    return len(await ask(runtime, "inbox")) == count


def test_places_of_a_long_list_are_found() -> None:
    """Windows of the list by the place of arrival, there and back."""
    # Without a node: the order alone.
    box = Inbox.__new__(Inbox)
    box._order = [(place, place) for place in range(3, 500, 2)]  # type: ignore[misc]
    box._all = {place: place for place, _ in box._order}  # type: ignore[misc]
    newest: Any = box.newest(None, 100)
    assert (newest[0], newest[-1], len(newest)) == (499, 301, 100)
    older: Any = box.newest(301, 100)
    assert (older[0], older[-1]) == (299, 101)
    assert box.newer(299, 100) is None, "the first page again"
    oldest: Any = box.newest(101, 100)
    assert (oldest[0], oldest[-1], len(oldest)) == (99, 3, 49)
    assert box.newer(99, 100) == 301
    assert box.newest(3, 100) == []


def test_a_page_asks_for_what_changed_since_it_was_drawn(served: Any) -> None:
    officer = Visitor(served.port)
    officer.enrol(served.home, "duty")
    ids = [served.operation("send", text=f"Number {n}")["id"] for n in range(103)]
    page = officer.ask("GET", "/lines/trial/inbox")
    assert dict(ORDER.findall(page.text))["newest"].split() == ids[:2:-1], "the newest hundred"
    version = re.findall(r'data-version="([^"]*)"', page.text)[0]
    changes = "/lines/trial/inbox/changes"
    again = officer.ask("GET", f"{changes}?since={version}")
    assert (again.status, again.text) == (204, "")
    new = served.operation("send", text="One more")["id"]
    found = officer.ask("GET", f"{changes}?since={version}", X_Parley_Live="1")
    assert dict(ORDER.findall(found.text))["newest"].split() == [new, *ids[:3:-1]], "the whole order"
    assert re.findall(r'<tr[^>]* data-id="([^"]*)"', found.text) == [new], "the new row alone"
    earlier, later = (re.findall(r"before=(\d+)", answer.text) for answer in (page, found))
    assert int(later[0]) > int(earlier[0]), "what went down the list is where the link leads"
    for unknown in ("", "other-3", "run-x", "run-99999999999999999999"):
        whole = officer.ask("GET", f"{changes}?since={unknown}")
        assert len(re.findall("<tr[^>]* data-id=", whole.text)) == 100, "who knows nothing gets all"
    older = re.findall(r'href="(/lines/trial/inbox\?before=\d+)"', page.text)
    assert dict(ORDER.findall(officer.ask("GET", older[0]).text))["newest"].split() == ids[2::-1]
    for wrong in ("first=-1", "first=x", "first=%C2%B2", "before=", "before=9999999999999999"):
        assert officer.ask("GET", f"/lines/trial/inbox?{wrong}").status == 400
    stranger = Visitor(served.port).ask("GET", changes, X_Parley_Live="1")
    assert (stranger.status, new in stranger.text) == (401, False)


def test_the_map_asks_for_what_changed_since_it_was_drawn(served: Any) -> None:
    officer = Visitor(served.port)
    officer.enrol(served.home, "mapper") if not served.console.sign_in.officers.active() else None
    session = asyncio.run_coroutine_threadsafe(_session(served), served.loop).result(60)
    officer.cookie = f"{served.console.cookie}={session}"

    def told(since: str = "") -> Any:
        answer = officer.ask("GET", f"/lines/trial/map.json?since={since}")
        return answer.status, (None if answer.status == 204 else json.loads(answer.text))

    served.operation("plan-put", name="First", at="54.1N 10.2E", radius=5000)
    _, first = told()
    assert first["whole"]
    assert [t["id"] for t in first["things"]] == ["plan:first"]
    assert told(first["version"]) == (204, None)
    served.operation("plan-put", name="Second", at="55.1N 10.2E", radius=5000)
    _, second = told(first["version"])
    assert (second["whole"], second["gone"], [t["id"] for t in second["things"]]) == (False, [], ["plan:second"])
    served.operation("plan-remove", id="first")
    _, third = told(first["version"])
    assert (third["gone"], [t["id"] for t in third["things"]]) == (["plan:first"], ["plan:second"])
    assert told("run-99")[1]["whole"], "a version that never was"


async def _session(served: Any) -> str:
    officer = served.console.sign_in.officers.active()[0]
    return str(served.console.sessions.begin(served.console.now(), officer.by).token)
