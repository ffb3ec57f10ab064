"""When a movement is silent, and a place to be confirmed (R63, R70): by the clock alone."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any, NoReturn

import pytest

from parley.app.announced import Notice
from parley.app.guard import guard_of
from parley.app.home import LineHome
from parley.app.overdue import Silence, confirm_by, silence
from parley.app.runtime import running
from parley.app.service import OPERATIONS
from parley.errors import StoreError
from parley.forms.geotext import write_time, write_times
from parley.ids import EntryId, Incarnation, LogId, MemberNumber
from parley.procedure.watch import Alerted
from parley.wire.geometry import Window
from parley_testkit.lines import found as line_of

HOUR = 3600
WINDOWS = [Window(10 * HOUR, 14 * HOUR), Window(20 * HOUR, 22 * HOUR)]


@pytest.mark.parametrize(
    ("now", "last", "silent"),
    [
        (9 * HOUR, 0, False),
        (10 * HOUR + 1800, 0, False),
        (10 * HOUR + 1801, 0, True),
        (12 * HOUR, 11 * HOUR + 1800, False),
        (12 * HOUR + 1, 11 * HOUR + 1800, True),
        (15 * HOUR, 11 * HOUR, False),
        (21 * HOUR, 13 * HOUR, True),
    ],
)
def test_a_movement_is_silent_while_it_is_under_way_and_does_not_report(now: int, last: int, silent: bool) -> None:
    found = silence(WINDOWS, last, 1800, now)
    assert found is not None
    assert found.now(now) is silent


def test_what_is_over_is_not_silent() -> None:
    assert silence(WINDOWS, 0, 1800, 22 * HOUR) is None
    assert silence([], 0, 1800, 0) is None
    assert silence(WINDOWS, 13 * HOUR, 1800, 15 * HOUR) == Silence(20 * HOUR + 1800, 20 * HOUR, 22 * HOUR)


def test_a_place_is_confirmed_again_before_its_validity_is_over() -> None:
    author = MemberNumber(0)
    entry = EntryId(LogId(author, Incarnation(bytes(8))), 0)
    notice = Notice("a", entry, author, 0, "site", confirmed=HOUR)
    assert confirm_by(notice, 90) == HOUR + 90 * 86_400
    notice.valid = Window(0, 2 * HOUR)
    assert confirm_by(notice, 90) == 2 * HOUR


DAY = 86_400


@pytest.fixture
def line(tmp_path: Path) -> LineHome:
    return line_of(tmp_path)[0]


def full(*_: object) -> NoReturn:
    raise StoreError("no space is left", code="store-full")


def test_an_alarm_counts_as_raised_once_the_log_has_it(line: LineHome, monkeypatch: pytest.MonkeyPatch) -> None:
    now = int(time.time())
    site = {
        "stage": "new",
        "site-id": "MED-1",
        "organisation": "Relief",
        "name": "Clinic",
        "function": "clinic",
        "position": "36-43.0N 068-51.7E",
        "valid": write_times(Window(now - 100 * DAY, now + 60 * DAY)),
        "confirmed-on": write_time(now - 100 * DAY),
    }

    async def serve() -> list[str]:
        async with running(line, with_bearers=False) as runtime:
            guard = guard_of(runtime)
            await OPERATIONS["send"](runtime, {"form": "site", "values": site})
            with monkeypatch.context() as failing:
                failing.setattr(guard.desk.log, "enter", full)
                with pytest.raises(StoreError):
                    await guard.look()
        # The node ended in between. After its next start the disk fails once more, and it looks again by itself.
        async with running(line, with_bearers=False) as runtime:
            guard = guard_of(runtime)
            with monkeypatch.context() as failing:
                failing.setattr(guard.desk.log, "enter", full)
                with pytest.raises(StoreError):
                    await guard.look()
            assert guard.changed()
            await guard.look()
            await guard.look()
        async with running(line, with_bearers=False) as runtime:
            await guard_of(runtime).look()
            return [fact.code for fact in guard_of(runtime).desk.log.facts if isinstance(fact, Alerted)]

    assert asyncio.run(serve()) == ["confirm-due"]


def test_what_is_over_takes_no_memory(line: LineHome) -> None:
    times = write_times(Window(int(time.time()) - 600, int(time.time()) + 7200))
    route = {"corridor": ["31-25.0N 034-21.0E", "31-31.0N 034-26.0E"], "width": "200 m", "times": [times]}
    movement: dict[str, Any] = {
        "stage": "new",
        "movement-id": "MOV-1",
        "organisation": "Relief",
        "purpose": "food",
        "in-charge": ["Convoy +00 555 0111"],
        "headquarters": ["Duty desk +00 555 0100"],
        "vehicles": [{"type": "Car"}],
        "route": [route],
    }

    async def serve() -> list[int]:
        async with running(line, with_bearers=False) as runtime:
            guard, sizes = guard_of(runtime), []
            for stage in ("new", "cancelled"):
                await OPERATIONS["send"](runtime, {"form": "movement", "values": movement | {"stage": stage}})
                await guard.look()
                sizes.append(len(guard.overdue._windows))
            return sizes

    assert asyncio.run(serve()) == [1, 0]
