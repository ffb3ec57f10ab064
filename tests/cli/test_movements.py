"""Movements of aid in bulk: what is new, changed, renewed, over, missing and twice; what is notified. R63, R68."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from parley.app import meeting
from parley.app.home import Home
from parley.app.movements import read_movements, values_of
from parley.app.runtime import running
from parley.app.service import OPERATIONS
from parley.cli import app

COUNT = 500
HEAD = "id,purpose,positions,half_width_m,start,end,vehicles,in_charge,headquarters,organisation,people\n"
DAY = "2999-04-01"


def convoy(n: int, *, purpose: str = "food", day: str = DAY, leader: str = "+00 555 0111") -> str:
    lat, lon = 10 + n % 200 / 10, 20 + n // 200 / 10
    route = f"{lat:.4f} {lon:.4f};{lat + 0.2:.4f} {lon + 0.1:.4f}"
    times = f"{day}T08:00Z,{day}T{10 + n % 10}:00Z"
    return f"M{n},{purpose},{route},200,{times},Truck; Armoured car,Leader {leader},Desk +00 555 0100,Relief,7\n"


@pytest.fixture
def homes(tmp_path: Path) -> list[Home]:
    found = [Home(tmp_path / name) for name in ("aid", "force")]
    for home in found:
        meeting.init_party(home, home.path.name, home.path.name.title(), ["en"])
    proposal = meeting.propose(found[0], "trial", [meeting.introduce(found[1], "trial")])
    meeting.install(found[0], meeting.merge([meeting.accept(found[1], proposal)]))
    return found


@pytest.fixture
def imported(homes: list[Home], tmp_path: Path) -> Callable[..., Any]:
    file = tmp_path / "movements.csv"

    def run(text: str, *options: str, status: int = 0) -> Any:
        file.write_text(HEAD + text)
        given = ["movements", "import", str(file), *options, "--home", str(homes[0].path), "--json"]
        done = CliRunner().invoke(app, given)
        assert done.exit_code == status, done.output
        return json.loads(done.stdout)

    return run


def in_force(homes: list[Home]) -> dict[str, Any]:
    done = CliRunner().invoke(app, ["movements", "--home", str(homes[0].path), "--json"])
    assert done.exit_code == 0, done.output
    return {m["ref"]: m for m in json.loads(done.stdout)}


def test_what_changed_is_notified_and_nothing_twice(homes: list[Home], imported: Callable[..., Any]) -> None:
    first = [convoy(n) for n in range(3)]
    assert "sent" not in imported("".join(first))
    assert in_force(homes) == {}
    assert imported("".join(first), "--send")["sent"] == {"new": 3}
    assert imported("".join(first), "--send")["sent"] == {}
    found = in_force(homes)
    assert (found["M1"]["purpose"], found["M1"]["convoy"]) == ("food", ["Leader +00 555 0111"])
    assert found["M1"]["headquarters"] == ["Desk +00 555 0100"]
    later = [convoy(0, day="2999-05-01"), convoy(1, leader="+00 555 0222")]
    found = imported("".join(later), "--send", "--end-missing")
    assert (found["renewed"], found["changed"], found["missing"]) == (["M0"], ["M1"], ["M2"])
    assert found["sent"] == {"changed": 2, "cancelled": 1}
    assert imported("".join(later), "--send", "--end-missing")["sent"] == {}
    assert sorted(in_force(homes)) == ["M0", "M1"]
    assert in_force(homes)["M1"]["convoy"] == ["Leader +00 555 0222"]


def finish(homes: list[Home], text: str, stage: str) -> None:
    """As an officer does: by a form."""
    ((id_, row),) = read_movements("movements.csv", HEAD + text)

    async def send() -> None:
        async with running(homes[0].line("trial")) as runtime:
            await OPERATIONS["send"](runtime, {"form": "movement", "values": values_of(id_, row, stage, "Aid")})

    asyncio.run(send())


def test_what_an_officer_completed_is_not_announced_again(homes: list[Home], imported: Callable[..., Any]) -> None:
    assert imported(convoy(0) + convoy(1), "--send")["sent"] == {"new": 2}
    finish(homes, convoy(1), "completed")
    assert imported(convoy(0) + convoy(1), "--send")["sent"] == {}
    assert sorted(in_force(homes)) == ["M0"]
    assert imported(convoy(0), "--send", "--end-missing")["sent"] == {}
    assert imported(convoy(0) + convoy(1), "--send")["sent"] == {"new": 1}, "listed again"
    assert imported(convoy(0), "--send", "--end-missing")["sent"] == {"cancelled": 1}
    assert imported(convoy(0) + convoy(1), "--send")["sent"] == {"new": 1}, "listed again"


def test_of_a_file_with_one_wrong_movement_nothing_is_kept(imported: Callable[..., Any]) -> None:
    refused = imported(convoy(0) + convoy(1, purpose="parade"), status=2)
    assert refused["error"]["code"] == "form-value"
    assert "M1" in refused["error"]["message"]
    for wrong in (convoy(0).replace("M0,", ","), convoy(0).replace("Leader +00 555 0111", ""), convoy(0, day="soon")):
        assert imported(convoy(1) + wrong, status=2)["error"]["code"] == "csv-malformed"
    backwards = convoy(0).replace("T08:00Z", "T23:00Z")
    assert imported(backwards, status=2)["error"]["code"] == "csv-malformed"
    assert imported(convoy(1))["new"] == ["M1"]


def test_a_list_is_brought_up_to_date(imported: Callable[..., Any]) -> None:
    rows = [convoy(n) for n in range(COUNT)]
    found = imported("".join(rows))
    assert (found["read"], len(found["new"]), found["duplicate"]) == (COUNT, COUNT, [])
    rows[0] = convoy(0, purpose="medical")
    rows[1] = convoy(1, day="2999-06-01")
    rows[2] = convoy(2, day="2020-01-01")
    rows[4] = rows[4] + rows[4] + rows[5].replace("M5,", "M99999,")
    del rows[3]
    found = imported("".join(rows))
    assert (found["new"], found["changed"], found["renewed"]) == ([], ["M0"], ["M1", "M2"])
    assert (found["expired"], found["missing"]) == (["M2"], ["M3"])
    assert [(d["id"], d["of"]) for d in found["duplicate"]] == [("M4", "M4"), ("M99999", "M5")]
    assert len(found["unchanged"]) == COUNT - 4
    assert imported(convoy(2, day="2020-01-01"), "--send")["sent"].get("new") == COUNT - 1, "what is over is not told"
