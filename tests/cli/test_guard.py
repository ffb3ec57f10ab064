"""The conflict check by itself, over two real nodes: alarms, holding, check-fire, convoys, tracks. B1-B5, R57-R63."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from parley.app import meeting
from parley.app.home import Home
from parley.app.process import NodeProcess, free_port
from parley.cli import app
from parley.keys.file import write_private

RUNNER = CliRunner()


def parley(*arguments: object, status: int = 0, json_out: bool = True) -> Any:
    words = [str(a) for a in arguments] + (["--json"] if json_out else [])
    done = RUNNER.invoke(app, words)
    assert done.exit_code == status, f"{words}: {done.output} {done.exception!r}"
    return json.loads(done.stdout) if json_out else done.output


def clock(**later: float) -> str:
    return (datetime.now(UTC) + timedelta(**later)).strftime("%Y-%m-%dT%H:%MZ")


def until(holds: Callable[[], Any]) -> Any:
    for _ in range(600):
        found = holds()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError("it did not come about")


@pytest.fixture
def homes(tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    """An aid agency and a force, both serving."""
    both = [Home(tmp_path / name) for name in ("aid", "force")]
    for home in both:
        meeting.init_party(home, home.path.name, home.path.name.title(), ["en"])
    signed = meeting.merge(
        [meeting.accept(both[1], meeting.propose(both[0], "trial", [meeting.introduce(both[1], "trial")]))]
    )
    port = free_port()
    sides = (f'[bearer.dial]\nforce = "127.0.0.1:{port}"\n', f'listen = "127.0.0.1:{port}"\n')
    for home, side in zip(both, sides, strict=True):
        meeting.install(home, signed)
        text = f'[[bearer]]\nkind = "tls"\nname = "net"\n{side}[watch]\ntests_at = []\n'
        write_private(home.path / "lines" / "trial" / "config.toml", text.encode())
    with serving(both):
        yield both[0].path, both[1].path


@contextmanager
def serving(homes: list[Home]) -> Iterator[None]:
    nodes = [NodeProcess(home.path, home.line("trial")) for home in homes]
    with asyncio.Runner() as runner:
        try:
            for node in nodes:
                runner.run(node.start())
            yield
        finally:
            for node in nodes:
                runner.run(node.stop())


def as_settings(**more: str) -> list[str]:
    values = {
        "stage": "new",
        "site-id": "MED-1",
        "organisation": "Relief",
        "name": "Trauma centre",
        "function": "hospital",
        "position": "36 43 4.91N 68 51 43.96E",
        "valid": f"{clock(days=-1)}/{clock(days=60)}",
        "contacts": "Duty desk +00 555 0100",
        **more,
    }
    return [x for k, v in values.items() for x in ("--set", f"{k}={v}")]


def notify_hospital(home: Path, **more: str) -> str:
    return str(parley("send", "--form", "site", *as_settings(**more), "--home", home)["id"])


def alarms(home: Path) -> dict[str, list[dict[str, Any]]]:
    return {a["id"]: a["of"] for a in parley("watch", "--home", home)["alarms"]}


def alarm_of(home: Path, message: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = until(lambda: alarms(home).get(message))
    return found


@pytest.mark.no_cover
def test_a_hospital_holds_the_plan_that_comes_too_near_until_an_officer_overrides(homes: tuple[Path, Path]) -> None:
    aid, force = ("--home", homes[0]), ("--home", homes[1])
    window = ("--start", clock(hours=1), "--end", clock(hours=3))
    hospital = notify_hospital(homes[0])
    until(lambda: parley("sites", "list", *force))
    # R67: the coordinates swapped, and a hospital at sea.
    swapped = parley("plans", "add", "Swapped", "--at", "68.862 36.718", *force)
    assert "swapped" in swapped["warnings"][0]
    parley("plans", "remove", "swapped", *force)
    sea = parley("send", "--form", "site", *as_settings(**{"site-id": "SEA", "position": "36-43N 168-51W"}), *aid)
    assert "lies at sea" in sea["questions"][0]
    # B4: the coordinates of the office, 20 m away, in another notation.
    held = parley(
        "plans",
        "add",
        "Night strike",
        "--at",
        "36.717858N 68.861839E",
        "--role",
        "strike-cell",
        *window,
        *force,
        status=1,
    )
    (conflict,) = held["conflicts"]
    assert (held["held"], conflict["degree"], conflict["message"]) == (True, "blocking", hospital)
    assert (conflict["subject"], conflict["chain"][0]["state"]) == ("Trauma centre", "delivered")
    assert 0 < conflict["metres"] < 500
    text = parley("check", *force, status=1, json_out=False)
    assert "BLOCKING" in text
    assert "acknowledged by nobody" in text
    # The alarm is the watch's, for the role that controls the plan.
    (raised,) = until(lambda: alarms(homes[1]).get(hospital))
    assert (raised["code"], raised["role"], raised["detail"]) == ("conflict", "strike-cell", "blocking: Night strike")
    # Diverted away, nothing holds it; back again it is held, whatever was said before (R62).
    far = parley("plans", "divert", "night-strike", "--at", "36-50N 068-51E", *force)
    assert (far["held"], far["gone"]) == (False, [conflict["notice"]])
    assert parley("plans", "divert", "night-strike", "--at", "36.7181N 68.8621E", *force, status=1)["new"] == [
        conflict["notice"]
    ]
    error = parley("plans", "override", "night-strike", "--officer", "Maj 1", "--reason", " ", *force, status=2)
    assert error["error"]["code"] == "reason-missing"
    parley("plans", "override", "night-strike", "--officer", "Maj 1", "--reason", "The building stands empty.", *force)
    (listed,) = parley("plans", "list", *force)
    assert (listed["held"], listed["conflicts"]) == ([], 1)
    log = parley("watch", "log", *force)
    assert any("The building stands empty." in f.get("text", "") and f["officer"] == "Maj 1" for f in log)
    assert "overridden by Maj 1" in parley("check", *force, status=1, json_out=False)
    error = parley("plans", "override", "night-strike", "--officer", "Maj 1", "--reason", "again", *force, status=2)
    assert error["error"]["code"] == "plan-not-held"
    # An override holds for the plan as it stood.
    assert parley(
        "plans", "change", "night-strike", "--end", clock(hours=4), "--start", clock(hours=1), *force, status=1
    )
    parley("plans", "remove", "night-strike", *force)
    assert parley("check", *force)["conflicts"] == []
    # A notice that comes when the plan is there already is found by itself; one that its author ends is let go.
    parley("plans", "add", "Patrol", "--at", "37-00N 069-00E", "--radius", 3000, *window, *force)
    second = notify_hospital(homes[0], **{"site-id": "MED-2", "position": "37-00.5N 069-00E", "name": "Clinic"})
    (raised,) = until(lambda: alarms(homes[1]).get(second))
    assert raised["detail"] == "blocking: Patrol"
    notify_hospital(
        homes[0], **{"site-id": "MED-2", "position": "37-00.5N 069-00E", "name": "Clinic", "stage": "ended"}
    )
    until(lambda: "MED-2" not in [s["ref"] for s in parley("sites", "list", *force)])
    assert parley("check", *force)["conflicts"] == []
    assert [s["mine"] for s in parley("sites", "list", *aid)] == [True, True]
    layers = {f["properties"]["layer"] for f in map_of(homes[1])["features"]}
    assert layers == {"plan", "site"}


def map_of(home: Path) -> Any:
    async def ask() -> Any:
        from parley.app.control import ControlClient  # noqa: PLC0415

        client = await ControlClient.connect(Home(home).line("trial").control)
        assert client is not None
        try:
            return await client.call("map")
        finally:
            client.close()

    return asyncio.run(ask())


def test_a_check_fire_goes_to_whoever_controls_what_is_under_way(homes: tuple[Path, Path]) -> None:
    aid, force = ("--home", homes[0]), ("--home", homes[1])
    under_way = ("--start", clock(minutes=-30), "--end", clock(minutes=60))
    parley(
        "plans",
        "add",
        "Sortie",
        "--at",
        "36-43N 068-50E",
        "--radius",
        2000,
        "--role",
        "air-control",
        *under_way,
        *force,
    )
    parley(
        "plans",
        "add",
        "Later",
        "--at",
        "36-43N 068-50E",
        "--role",
        "later",
        "--start",
        clock(days=1),
        "--end",
        clock(days=2),
        *force,
    )
    call = parley(
        "send", "--form", "check-fire", "--set", "struck=hospital", "--set", "position=36 43 4.91N 68 51 43.96E", *aid
    )
    (raised,) = until(lambda: alarms(homes[1]).get(call["id"]))
    assert (raised["code"], raised["role"]) == ("check-fire", "air-control")
    # B2: too short a notice is flagged to both.
    area = {"circle": "35-36N 035-24E", "radius": "20 km", "times": [f"{clock(minutes=2)}/{clock(minutes=20)}"]}
    flight = {"purpose": "other", "aircraft": "4", "armed": "live", "routes": json.dumps([area])}
    late = [x for k, v in flight.items() for x in ("--set", f"{k}={v}")]
    assert "Short notice: lead time" in parley("send", "--form", "flight", *late, *aid, json_out=False)
    until(lambda: [m for m in parley("inbox", *force) if m["warnings"]])
    assert "!! Short notice: lead time" in parley("inbox", *force, json_out=False)
    assert raised["detail"].startswith("sortie")
    (row,) = [m for m in parley("watch", *force)["messages"] if m["id"] == call["id"]]
    assert (row["role"], row["precedence"]) == ("air-control", "FLASH")


@pytest.mark.no_cover
def test_a_track_in_a_notified_corridor_names_the_convoy_and_who_was_called(
    homes: tuple[Path, Path], tmp_path: Path
) -> None:
    aid, force = ("--home", homes[0]), ("--home", homes[1])
    form = tmp_path / "movement.yaml"
    form.write_text(
        "stage: new\nmovement-id: MOV-117\norganisation: Relief\npurpose: food\nin-charge: [Convoy +00 555 0111]\n"
        "headquarters: [Duty desk +00 555 0100]\nvehicles: [{type: Car}, {type: Car}, {type: Car}]\n"
        "route:\n- corridor: [31-25.0N 034-21.0E, 31-27.5N 034-23.0E, 31-31.0N 034-26.0E]\n  width: 200 m\n"
        f"  times: ['{clock(minutes=-10)}/{clock(hours=2)}']\n"
    )
    sent = parley("send", "--form", "movement", "--file", form, *aid)
    until(lambda: parley("movements", *force))
    call = ("calls", "add", "MOV-117", "--officer", "Lt 2", *force)
    parley(*call, "--contact", "Convoy +00 555 0111", "--outcome", "no-answer")
    parley(*call, "--contact", "Duty desk +00 555 0100", "--outcome", "no-answer", "--note", "rang out")
    assert parley(*call, "--contact", "x", "--outcome", "perhaps", status=2)["error"]["code"] == "outcome-unknown"
    assert parley("track", "add", "Gunmen", "--at", "31-40N 034-40E", "--role", "drone-cell", *force)["conflicts"] == []
    found = parley("track", "add", "Gunmen", "--at", "31-27.5N 034-23.02E", *force, status=1)
    (conflict,) = found["conflicts"]
    assert (conflict["degree"], conflict["message"], conflict["ref"]) == ("blocking", sent["id"], "MOV-117")
    assert (conflict["convoy"], conflict["headquarters"]) == (["Convoy +00 555 0111"], ["Duty desk +00 555 0100"])
    assert [(c["contact"][:6], c["outcome"]) for c in conflict["calls"]] == [
        ("Convoy", "no-answer"),
        ("Duty d", "no-answer"),
    ]
    assert until(lambda: alarms(homes[1]).get(sent["id"]))[0]["role"] == "drone-cell"
    text = parley("track", "add", "Gunmen", "--at", "31-27.5N 034-23.02E", *force, status=1, json_out=False)
    assert "reach headquarters: Duty desk +00 555 0100" in text
    assert "called" in text
    # R63: what it reports against what it announced.
    report = ("send", "--form", "position-report", "--set", "movement-id=MOV-117", "--set", f"time={clock()}", *aid)
    parley(*report, "--set", "position=31-27.5N 034-23.0E", "--set", "state=under-way")
    (movement,) = until(lambda: [m for m in parley("movements", *force) if m["last_report"]])
    assert (movement["last_report"]["off_m"], movement["silent"]) == (0, False)
    stray = parley(*report, "--set", "position=31-29.0N 034-30.0E", "--set", "state=diverted")
    (raised,) = until(lambda: alarms(homes[1]).get(stray["id"]))
    assert raised["code"] == "off-route"
    assert 5_000 < parley("movements", *force)[0]["last_report"]["off_m"] < 9_000
    # Where it is now is protected as well as where it was to be.
    assert parley("plans", "add", "Fire", "--at", "31-29.0N 034-30.05E", *force, status=1)["held"]
    parley("track", "drop", "gunmen", *force)
    assert parley("track", "drop", "gunmen", *force, status=2)["error"]["code"] == "track-unknown"
    assert [c["outcome"] for c in parley("calls", "list", "MOV-117", *force)] == ["no-answer", "no-answer"]


@pytest.mark.no_cover
def test_what_is_late_by_the_clock_alone_alarms_once(homes: tuple[Path, Path], tmp_path: Path) -> None:
    """R63, B5: a convoy under way that does not report, on both sides. R70: a place that is to be confirmed again."""
    form = tmp_path / "movement.yaml"
    form.write_text(
        "stage: new\nmovement-id: MOV-9\norganisation: Relief\npurpose: food\nin-charge: [Convoy +00 555 0111]\n"
        "headquarters: [Duty desk +00 555 0100]\nvehicles: [{type: Car}]\n"
        "route:\n- corridor: [31-25.0N 034-21.0E, 31-27.5N 034-23.0E]\n  width: 200 m\n"
        f"  times: ['{clock(minutes=-45)}/{clock(hours=2)}']\n"
    )
    sent = parley("send", "--form", "movement", "--file", form, "--home", homes[0])
    for home in homes:
        (raised,) = alarm_of(home, sent["id"])
        assert raised["code"] == "silent"
        assert parley("movements", "--home", home)[0]["silent"]
    old = notify_hospital(homes[0], **{"site-id": "OLD-1", "confirmed-on": clock(days=-100)})
    (raised,) = until(lambda: alarms(homes[0]).get(old))
    assert (raised["code"], raised["detail"]) == ("confirm-due", "OLD-1")
    assert until(lambda: parley("sites", "list", "--state", "confirm", "--home", homes[1]))[0]["ref"] == "OLD-1"
    assert old not in alarms(homes[1]), "only its own party can confirm it"
    for home in homes:
        assert [r["code"] for r in alarms(home)[sent["id"]]] == ["silent"]
