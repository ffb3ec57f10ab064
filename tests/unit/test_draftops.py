"""Drafts at a running node: sent once, to whom they name, and as they were checked. B8, B11, D9."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from parley.app import meeting
from parley.app.desk import desk_of
from parley.app.home import Home
from parley.app.noduff import leave_exercise
from parley.app.runtime import Runtime, running
from parley.app.service import OPERATIONS
from parley.errors import ParleyError, UsageError
from parley.procedure.escalation import Due, Rung
from parley_testkit.lines import found


async def ask(runtime: Runtime, operation: str, /, **params: Any) -> Any:
    return await OPERATIONS[operation](runtime, params)


def alone(folder: Path, scene: Callable[[Runtime], Awaitable[None]]) -> None:
    """``scene`` at the first of three parties, whose node reaches nobody."""
    line = found(folder, 3)[0]

    async def run() -> None:
        async with running(line, with_bearers=False) as runtime:
            await scene(runtime)

    asyncio.run(run())


async def sent(runtime: Runtime) -> list[str]:
    return [m["text"] for m in await ask(runtime, "inbox", all=True) if not m["fact"]]


def test_who_is_named_twice_is_the_one_recipient(tmp_path: Path) -> None:
    async def scene(runtime: Runtime) -> None:
        kept = await ask(runtime, "watch-draft", officer="One", text="To east alone.", to=["east", "east"])
        assert kept["to"] == ["east"]
        await ask(runtime, "watch-release", officer="One", number=kept["number"])
        await ask(runtime, "send", text="To south alone.", to=["south", "south", "south"])
        given = [m["recipients"] for m in await ask(runtime, "inbox", all=True)]
        assert [[r["code"] for r in recipients] for recipients in given] == [["east"], ["south"]]

    alone(tmp_path, scene)


def test_a_draft_is_sent_once_and_never_comes_back(tmp_path: Path) -> None:
    async def scene(runtime: Runtime) -> None:
        number = (await ask(runtime, "watch-draft", officer="One", text="Once."))["number"]
        asked = [ask(runtime, "watch-release", officer="One", number=number) for _ in range(3)]
        asked += [ask(runtime, "watch-draft", officer="Two", text="Twice.", number=number)]
        asked += [ask(runtime, "watch-release", officer="Two", number=number, drop=True)]
        done = await asyncio.gather(*asked, return_exceptions=True)
        refused = [f for f in done if isinstance(f, BaseException)]
        assert {f.code for f in refused if isinstance(f, ParleyError)} == {"draft-unknown"}
        assert len(refused) == 4
        assert await sent(runtime) == ["Once."]
        assert (await ask(runtime, "watch"))["drafts"] == []
        assert (await ask(runtime, "watch-draft", officer="One", text="Another."))["number"] == number + 1

    alone(tmp_path, scene)


def test_a_draft_that_takes_anothers_place_was_begun_when_that_was(tmp_path: Path) -> None:
    async def scene(runtime: Runtime) -> None:
        begun = await ask(runtime, "watch-draft", officer="One", text="We move.")
        await ask(runtime, "send", text="Something came between.")
        changed = await ask(runtime, "watch-draft", officer="One", text="We move at once.", number=begun["number"])
        assert changed["seen"] == begun["seen"]
        assert (await ask(runtime, "watch-draft", officer="One", text="Begun now."))["seen"] > begun["seen"]

    alone(tmp_path, scene)


def test_an_unknown_precedence_or_relation_is_named(tmp_path: Path) -> None:
    async def scene(runtime: Runtime) -> None:
        about = (await ask(runtime, "send", text="What it is about."))["id"]
        for code, given in (
            ("precedence-unknown", {"precedence": "urgent"}),
            ("relation-unknown", {"about": about, "relation": "cousin"}),
        ):
            with pytest.raises(UsageError) as refused:
                await ask(runtime, "watch-draft", officer="One", text="Text.", **given)
            assert refused.value.code == code

    alone(tmp_path, scene)


def test_the_next_step_after_a_text_asks_for_the_answer_with_its_reference(tmp_path: Path) -> None:
    async def scene(runtime: Runtime) -> None:
        asked = await ask(runtime, "send", text="Where are you?", to=["south"], reply_by=runtime.node.wall_s() + 60)
        desk = desk_of(runtime)
        await desk.picture()
        views = runtime.views()
        (row,) = [r for r in desk.rows(views, desk.now) if desk.name(r.ticket.message) == asked["id"]]
        views.close()
        due = Due(Rung.NEXT_STEP, desk.now)
        assert (await desk.climb(row, due))["code"] == "next-step"
        (draft,) = (await ask(runtime, "watch"))["drafts"]
        assert draft["refs"] == [{"relation": "continues", "id": asked["id"]}]
        assert draft["text"].startswith(f"An answer to {asked['id']} was asked for by 20")
        assert draft["to"] == ["south"]
        # Officers' words over it go into the entry, as over a draft of their own.
        kept = desk.log.draft(draft["number"])
        assert kept.message.signed is not None
        assert (kept.line, kept.member) == (runtime.node.line.membership.line, runtime.node.line.me)

    alone(tmp_path, scene)


def test_what_is_real_on_an_exercise_line_lies_ready_on_the_operational_one(tmp_path: Path) -> None:
    """D10: once, as FLASH, for an officer to release; an officer's other drafts are left alone."""
    north, south = Home(tmp_path / "north"), Home(tmp_path / "south")
    for home in (north, south):
        meeting.init_party(home, home.path.name, home.path.name.title(), ["en"])
    for name, purpose in (("line", "operation"), ("line-ex", "exercise"), ("other-ex", "exercise")):
        proposal = meeting.propose(north, name, [meeting.introduce(south, name)], purpose=purpose)
        meeting.install(north, meeting.merge([meeting.accept(south, proposal)]))

    async def run() -> None:
        async with AsyncExitStack() as stack:
            lines: dict[str, Runtime] = {}
            for name in ("line", "line-ex", "other-ex"):
                opened = running(north.line(name), with_bearers=False)
                lines[name] = await stack.enter_async_context(opened)
                lines[name].beside = lines
            exercise = lines["line-ex"]
            await ask(exercise, "send", text="Exercise traffic, no duff about it.")
            real = await ask(exercise, "send", text="no duff: man overboard")
            desk = desk_of(exercise)
            for _ in range(2):
                await desk.picture()
                assert await leave_exercise(desk) == [], "one's own does not alarm oneself"
            (draft,) = (await ask(lines["line"], "watch"))["drafts"]
            assert (draft["precedence"], draft["officer"]) == ("FLASH", "prepared by this node")
            assert draft["text"].endswith(f"On the exercise line line-ex, {real['id']} says: no duff: man overboard")
            for name in ("line-ex", "other-ex"):
                assert (await ask(lines[name], "watch"))["drafts"] == []
            await ask(lines["line"], "watch-release", number=draft["number"], officer="One")
            assert await leave_exercise(desk) == []
            assert (await ask(lines["line"], "watch"))["drafts"] == []

    asyncio.run(run())
