"""The guard of a running node: what it found is told of, however the disk fails meanwhile, and goes with its notice."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from parley.app.guard import guard_of
from parley.app.runtime import Runtime, running
from parley.app.service import OPERATIONS
from parley.errors import StoreError
from parley.procedure import watch as w
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
        return bool([m for m in await ask(force, "inbox") if not m["fact"]])

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
