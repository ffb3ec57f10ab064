"""The guard of a running node: what it found is told of, however the disk fails meanwhile, and goes with its notice."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from parley.app.guard import guard_of
from parley.app.runtime import Runtime, running
from parley.app.service import OPERATIONS
from parley.app.standing import stand_watch
from parley.errors import StoreError, UsageError
from parley.ids import EntryId
from parley.procedure import watch as w
from parley.wire.statement import Message, Reference, Relation
from parley_testkit.lines import found


async def ask(runtime: Runtime, operation: str, /, **params: Any) -> Any:
    return await OPERATIONS[operation](runtime, params)


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while not await holds():
            await asyncio.sleep(0.02)


def between(folder: Path, scene: Callable[[Runtime, Runtime], Awaitable[None]]) -> None:
    """``scene`` at the nodes of an aid agency and a force, whose guards look when they are asked."""
    lines = found(folder)

    async def run() -> None:
        async with running(lines[0]) as aid, running(lines[1]) as force:
            await scene(aid, force)

    asyncio.run(run())


async def a_hospital(aid: Runtime, force: Runtime) -> None:
    """Notified, and there."""
    today = datetime.now(UTC).replace(hour=0, minute=0)
    times = [f"{today + timedelta(days=n):%Y-%m-%dT%H:%MZ}" for n in (0, 90)]
    values = {
        "stage": "new",
        "site-id": "H-1",
        "organisation": "An agency",
        "name": "Hospital",
        "function": "hospital",
        "position": "36.717858N 68.861839E",
        "valid": f"{times[0]}/{times[1]}",
    }
    await ask(aid, "send", form="site", values=values)

    async def there() -> bool:
        return any("Hospital" in m["text"] for m in await ask(force, "inbox", all=True))

    await until(there)


def alarms(runtime: Runtime) -> list[w.Alerted]:
    return [f for f in guard_of(runtime).desk.log.facts if isinstance(f, w.Alerted)]


def test_a_conflict_goes_with_the_content_of_its_notice(tmp_path: Path) -> None:
    async def scene(aid: Runtime, force: Runtime) -> None:
        await a_hospital(aid, force)
        plan = await ask(force, "plan-put", name="Fire mission", at="36.717858N 68.861839E", radius=500, kind="strike")
        assert plan["held"]
        assert [a.code for a in alarms(force)] == ["conflict"]
        await ask(force, "prune", days=-1, force=True)
        assert (await ask(force, "check"))["conflicts"] == []
        assert not (await ask(force, "plans"))[0]["held"]

    between(tmp_path, scene)


def test_the_watch_quotes_nothing_that_was_erased(tmp_path: Path) -> None:
    async def scene(aid: Runtime, force: Runtime) -> None:
        await a_hospital(aid, force)
        assert ["Hospital" in m["text"] for m in (await ask(force, "watch"))["messages"]] == [True]
        await ask(force, "prune", days=-1, force=True)
        assert [m["text"] for m in (await ask(force, "watch"))["messages"]] == [""]

    between(tmp_path, scene)


def test_an_alarm_that_could_not_be_entered_is_entered_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(aid: Runtime, force: Runtime) -> None:
        await ask(force, "plan-put", name="Fire mission", at="36.717858N 68.861839E", radius=500, kind="strike")
        await a_hospital(aid, force)
        guard = guard_of(force)

        def full(*_: object) -> None:
            raise StoreError("no space left on device", code="store-io")

        with monkeypatch.context() as failing:
            failing.setattr(guard.desk.log, "enter", full)
            with pytest.raises(StoreError):
                await guard.look()
        assert alarms(force) == []
        assert guard.changed()
        await guard.look()
        await guard.look()
        assert [a.code for a in alarms(force)] == ["conflict"], "once"
        assert (await ask(force, "plans"))[0]["held"]

    between(tmp_path, scene)


def test_a_plan_that_could_not_be_read_again_is_refused_and_the_check_goes_on(tmp_path: Path) -> None:
    """One of more than a year was kept, and then every check ended with a corrupt store."""
    day = {"start": "2026-01-01T00:00Z", "end": "2026-01-02T00:00Z"}
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"start": "2026-01-01T00:00Z", "end": "3026-01-01T00:00Z"}, "geometry-range"),
        ({"windows": [[-600, 600]]}, "geometry-range"),
        ({"windows": [[1 << 40, (1 << 40) + 60]]}, "geometry-range"),
        ({"windows": [[n * 600, n * 600 + 60] for n in range(400)]}, "geometry-time"),
        ({"radius": 10**30}, "geometry-range"),
        ({"upper": "99999999 FT AMSL"}, "geometry-range"),
        ({"kind": "x" * 2_000_000}, "cbor-too-large"),
        ({"kind": "\ud800"}, "cbor-unencodable"),
    ]

    async def scene(_: Runtime, force: Runtime) -> None:
        await ask(force, "plan-put", name="Patrol", at="36.7N 68.8E", **day)
        for params, code in wrong:
            with pytest.raises(UsageError) as refused:
                await ask(force, "plan-put", name="Wrong", at="36.7N 68.8E", **{**day, **params})
            assert refused.value.code == code
        with pytest.raises(UsageError) as refused:
            await ask(force, "plan-change", id="patrol", end="3026-01-01T00:00Z", start=day["start"])
        assert refused.value.code == "geometry-range"
        with pytest.raises(UsageError) as refused:
            await ask(force, "track-put", name="Vessel", at="36.7N 68.8E", until="3026-01-01T00:00Z")
        assert refused.value.code == "geometry-range"
        assert [p["id"] for p in await ask(force, "plans")] == ["patrol"]
        assert (await ask(force, "check"))["plans"] == 1

    between(tmp_path, scene)


def test_what_a_hostile_peer_announces_is_named_and_the_rest_is_checked(tmp_path: Path) -> None:
    bow_tie = {"polygon": ["36-00N 068-00E", "37-00N 069-00E", "36-00N 069-00E", "37-00N 068-00E"]}

    async def scene(aid: Runtime, force: Runtime) -> None:
        plan = await ask(force, "plan-put", name="Fire mission", at="36.717858N 68.861839E", radius=500, kind="strike")
        sent = await ask(aid, "send", form="warning", values={"hazard": "other", "areas": [bow_tie]}, draft=True)
        assert any("cross or touch. No check can use this area" in question for question in sent["questions"])
        first = await aid.send(Message("Of nothing", "en"))
        # bad: references to oneself, to one another and to what never came -> shown, and nothing follows them round
        at = first.index
        for relation in Relation:
            for ahead in (0, 1, -1, 1_000_000):
                at += 1
                ref = Reference(relation, EntryId(first.log, at + ahead))
                await aid.send(Message(relation.name, "en", refs=(ref,)))
        await a_hospital(aid, force)

        async def checked() -> bool:
            return bool((await ask(force, "plans"))[0]["held"])

        await until(checked)
        found = await ask(force, "check")
        assert [c["plan"] for c in found["conflicts"]] == [plan["plan"]["id"]]
        ((message, reasons),) = found["unchecked"].items()
        assert (message, len(reasons), "cross or touch" in reasons[0]) == (sent["id"], 1, True)
        for each in await ask(force, "inbox", all=True):
            await ask(force, "show", id=each["id"])
        assert (await ask(force, "watch"))["messages"]

    between(tmp_path, scene)


def test_a_check_fire_waits_for_no_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It waited for the look that was at some large notices, 40 seconds, and up to five more of rest (R57, B4)."""

    async def scene(aid: Runtime, force: Runtime) -> None:
        guard, told = guard_of(force), list[dict[str, Any]]()
        place = "36.717858N 68.861839E"
        await ask(force, "plan-put", name="Sortie", at=place, radius=500, role="strike-cell")
        held, reading = threading.Event(), asyncio.Event()
        loop, read_on = asyncio.get_running_loop(), guard.register.read_on

        def slow(*given: Any) -> Any:
            loop.call_soon_threadsafe(reading.set)
            held.wait(60)
            return read_on(*given)

        monkeypatch.setattr(guard.register, "read_on", slow)
        stop = asyncio.Event()
        guard.desk.settles_at = 0
        # There is something to look at, whether or not the line has settled since the plan was looked at.
        guard._seen = (-1, -1)
        watch = asyncio.ensure_future(stand_watch(force, told.append, stop))
        try:
            await asyncio.wait_for(reading.wait(), 60)
            await ask(aid, "send", form="check-fire", values={"struck": "hospital", "position": place})

            async def alarmed() -> bool:
                return any(e["code"] == "check-fire" for e in told)

            await until(alarmed)
            assert [(a.code, a.role) for a in alarms(force)] == [("check-fire", "strike-cell")]
        finally:
            held.set()
        await guard.look()
        assert [(a.code, a.role) for a in alarms(force)] == [("check-fire", "strike-cell")], "once"
        assert [e["role"] for e in told if e["code"] == "check-fire"] == ["strike-cell"]
        assert [c["role"] for f in await ask(force, "check-fires") for c in f["controllers"]] == ["strike-cell"]
        stop.set()
        await watch

    between(tmp_path, scene)


def test_fixes_of_one_track_that_come_at_once_are_all_kept(tmp_path: Path) -> None:
    async def scene(_: Runtime, force: Runtime) -> None:
        places = [f"36.{n}00000N 068.000000E" for n in range(4)]
        await asyncio.gather(*(ask(force, "track-put", name="Vessel", at=at) for at in places))
        (track,) = await ask(force, "tracks")
        assert len(track["fixes"]) == len(places)

    between(tmp_path, scene)


def test_changes_of_one_plan_that_come_at_once_are_all_kept(tmp_path: Path) -> None:
    async def scene(_: Runtime, force: Runtime) -> None:
        put = await ask(force, "plan-put", name="Patrol", at="36.700000N 68.800000E", radius=500, kind="sail")
        plan = put["plan"]["id"]
        changes: list[dict[str, Any]] = [{"role": "bridge"}, {"kind": "strike"}]
        await asyncio.gather(*(ask(force, "plan-change", id=plan, **change) for change in changes))
        (kept,) = await ask(force, "plans")
        assert (kept["role"], kept["kind"]) == ("bridge", "strike")
        await asyncio.gather(ask(force, "plan-change", id=plan, role="deck"), ask(force, "plan-remove", id=plan))
        assert await ask(force, "plans") == []

    between(tmp_path, scene)


def test_one_list_that_is_imported_twice_at_once_is_sent_once(tmp_path: Path) -> None:
    file = tmp_path / "sites.csv"
    file.write_text("id,name,latitude,longitude\nS1,Clinic,36.7,68.8\n")

    async def scene(aid: Runtime, _: Runtime) -> None:
        imports = (ask(aid, "sites-import", paths=[str(file)], send=True) for _ in range(2))
        assert [found["sent"] for found in await asyncio.gather(*imports)] == [{"new": 1}, {}]

    between(tmp_path, scene)


def test_nothing_is_answered_from_a_record_that_is_being_read_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(aid: Runtime, force: Runtime) -> None:
        await a_hospital(aid, force)
        guard, begun = guard_of(force), []

        async def meanwhile() -> None:
            begun.append(asyncio.create_task(guard.begin_anew()))
            await asyncio.sleep(0)

        with monkeypatch.context() as between_the_two:
            between_the_two.setattr(guard.desk, "picture", meanwhile)
            known = await guard.ask(lambda _: list(guard.register.notices), watch=True)
        assert len(known) == 1
        await asyncio.gather(*begun)
        assert list(guard.register.notices) == known

    between(tmp_path, scene)
