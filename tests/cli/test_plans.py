"""Own plans, real notices and what clashes, from the command line. B1, R58-R62, R67."""

from __future__ import annotations

import asyncio
import json
from importlib import resources
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
NAVAREA = "NAVAREA II 1/26.\n1. FIRING 011200Z TO 011400Z APR IN AREA 10-00N 020-00E, 11-00N 020-00E, 11-00N 021-00E."
DATA = resources.files("parley.app").joinpath("demo_data")


def parley(*arguments: object, status: int = 0, given: str | None = None, json_out: bool = True) -> Any:
    words = [str(a) for a in arguments] + (["--json"] if json_out else [])
    done = RUNNER.invoke(app, words, input=given)
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


def feature(name: object, geometry: object, **properties: object) -> dict[str, object]:
    return {"type": "Feature", "geometry": geometry, "properties": {"name": name, **properties}}


def counts(report: dict[str, Any]) -> dict[str, int]:
    return {k: report[k] for k in ("read", "new", "changed")}


SQUARE = [[-75.0, 29.0], [-74.0, 29.0], [-74.0, 29.3], [-75.0, 29.3], [-75.0, 29.0]]


def test_plans_are_kept_listed_replaced_and_removed(homes: tuple[Path, Path], tmp_path: Path) -> None:
    home = ("--home", homes[0])
    place = parley("plans", "add", "Field Hospital", "--at", "36 43 4.91N 68 51 43.96E", "--protected", *home)["plan"]
    assert (place["id"], place["where"]) == ("field-hospital", ["36-43.082N 068-51.733E"])
    file = tmp_path / "plans.geojson"
    features = [
        feature(
            "Box", {"type": "Polygon", "coordinates": [SQUARE]}, start="2026-03-10T00:00Z", end="2026-03-12T00:00Z"
        ),
        feature("Lane", {"type": "LineString", "coordinates": [[10, 50], [11, 51]]}, half_width_m=5000, upper="FL100"),
        feature(
            "Two", {"type": "MultiPolygon", "coordinates": [[SQUARE], [SQUARE]]}, lower="500 FT AGL", kind="flight"
        ),
        feature("Dot", {"type": "Point", "coordinates": [10, 50]}, radius_m=100),
    ]
    file.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    assert counts(parley("plans", "import", file, *home)) == {"read": 4, "new": 4, "changed": 0}
    features[0]["properties"]["end"] = "2026-03-13T00:00Z"  # type: ignore[index]
    file.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    assert counts(parley("plans", "import", file, *home)) == {"read": 4, "new": 0, "changed": 1}
    assert [p["id"] for p in parley("plans", "list", *home)] == ["box", "dot", "field-hospital", "lane", "two"]
    assert "protected" in parley("plans", "list", *home, json_out=False)
    parley("plans", "remove", "lane", *home)
    assert parley("plans", "remove", "lane", *home, status=2)["error"]["code"] == "plan-unknown"
    store = (homes[0] / "lines" / "trial" / "plans.db").read_bytes()
    assert b"Hospital" not in store, "plans are encrypted"


@pytest.mark.parametrize(
    "broken",
    [
        feature("", {"type": "Point", "coordinates": [1, 2]}),
        feature("x", {"type": "Point", "coordinates": [1, 95]}),
        feature("x", {"type": "Point", "coordinates": [1, float("nan")]}),
        feature("x", {"type": "LineString", "coordinates": [[1, 2], [2, 3]]}),
        feature("x", {"type": "Polygon", "coordinates": [SQUARE[:-1]]}),
        feature("x", {"type": "Polygon", "coordinates": [SQUARE, SQUARE]}),
        feature("x", {"type": "Polygon", "coordinates": [[[0, 0]] * 5000]}),
        feature("x", {"type": "Point", "coordinates": [1, 2]}, start="yesterday", end="2026-01-01"),
        feature("x", {"type": "Point", "coordinates": [1, 2]}, start="2026-01-02", end="2026-01-01"),
        feature("x", {"type": "Point", "coordinates": [1, 2]}, lower="high"),
        feature("x", {"type": "Point", "coordinates": [1, 2]}, radius_m=-1),
        {"type": "Feature"},
        5,
    ],
)
def test_a_file_with_one_bad_feature_is_refused_whole(homes: tuple[Path, Path], tmp_path: Path, broken: object) -> None:
    file = tmp_path / "plans.geojson"
    good = feature("Good", {"type": "Point", "coordinates": [10, 50]})
    file.write_text(json.dumps({"type": "FeatureCollection", "features": [good, broken]}))
    error = parley("plans", "import", file, "--home", homes[0], status=2)["error"]
    assert error["code"] == "geojson-malformed"
    assert "feature 2" in error["message"]
    assert parley("plans", "list", "--home", homes[0]) == []


def test_wrong_times_and_files_are_refused(homes: tuple[Path, Path], tmp_path: Path) -> None:
    add = ("plans", "add", "x", "--at", "10.5, 20.5", "--home", homes[0])
    for more in (("--start", "2026-01-01"), ("--start", "soon", "--end", "2026-01-01")):
        assert parley(*add, *more, status=2)["error"]["code"] == "plan-times"
    assert parley("import", tmp_path / "none", status=2)["error"]["code"] == "file-unreadable"
    assert (
        parley("plans", "add", "!", "--at", "10.5, 20.5", "--home", homes[0], status=2)["error"]["code"] == "plan-name"
    )


def test_real_notices_are_shown_as_they_were_understood() -> None:
    with resources.as_file(DATA) as folder:
        files = [p for p in sorted(folder.iterdir()) if p.name.startswith(("hydro", "nav", "notam"))]
        drafts = parley("import", *files)
        text = parley("import", *files, json_out=False)
    assert len(drafts) == 7
    assert all(d["parts"] and d["not_understood"] == [] for d in drafts)
    assert "SUNSET computed" in text
    # As it was issued, its four positions make a bow-tie: told, and not mended.
    assert [p["unusable"] for d in drafts for p in d["parts"] if p["unusable"]] == ["area-crossing"]
    assert "no check can use this area: edges 2 and 4 cross" in text
    assert "cancels NAVAREA IV 1165/22" in text
    for form, begins in (("geojson", "{"), ("kml", "<?xml"), ("cot", "<?xml")):
        assert parley("import", "--as", form, given=NAVAREA, json_out=False).startswith(begins)
    assert parley("import", "--as", "dwg", given=NAVAREA, status=2)["error"]["code"] == "format-unknown"
    unclear = "NAVAREA II 1/26.\n1. FIRING WIDE BERTH 10-00N 020-00E BEWARE."
    assert parley("import", given=unclear)[0]["not_understood"][0]["text"] == "BEWARE"
    assert "not understood: BEWARE" in parley("import", given=unclear, json_out=False)


@pytest.mark.no_cover
def test_a_notice_that_arrives_clashes_with_a_plan(homes: tuple[Path, Path]) -> None:
    north, south = homes
    port = free_port()
    dial = f'[[bearer]]\nkind = "tls"\nname = "net"\n[bearer.dial]\nsouth = "127.0.0.1:{port}"\n'
    write_private(north / "lines" / "trial" / "config.toml", dial.encode())
    listen = f'[[bearer]]\nkind = "tls"\nname = "net"\nlisten = "127.0.0.1:{port}"\n'
    write_private(south / "lines" / "trial" / "config.toml", listen.encode())
    at = ("--home", south)
    parley("plans", "add", "Survey flight", "--at", "29-10N 073-30W", "--radius", 20000, "--role", "air", *at)
    parley("plans", "add", "Far away", "--at", "10-00N 010-00E", "--radius", 1000, *at)
    assert "No conflict: 2 plans" in parley("check", *at, json_out=False)

    async def exchange() -> None:
        nodes = [NodeProcess(home, Home(home).line("trial")) for home in homes]
        for node in nodes:
            await node.start()
        try:
            with resources.as_file(DATA) as folder:
                await asyncio.to_thread(parley, "import", folder / "navarea-iv-207-26.txt", "--send", "--home", north)
            for _ in range(200):
                if await nodes[1].call("inbox"):
                    break
                await asyncio.sleep(0.05)
            (message,) = await nodes[1].call("inbox")
            await nodes[1].call("ack", id=message["id"])
        finally:
            for node in nodes:
                await node.stop()

    asyncio.run(exchange())
    found = parley("check", *at, status=1)
    (conflict,) = found["conflicts"]
    assert (conflict["plan"], conflict["role"], conflict["author"]) == ("survey-flight", "air", "north")
    assert (conflict["degree"], conflict["metres"], conflict["windows_count"]) == ("meets", 0, 7)
    assert conflict["number"] == "NAVAREA IV 207/26"
    assert conflict["acknowledged_by"] == ["south"]
    assert found["unchecked"] == {}
    text = parley("check", *at, status=1, json_out=False)
    assert "MEETS  Survey flight / NAVAREA IV 207/26 HAZARDOUS OPERATIONS, ROCKET LAUNCHING" in text
    assert "control: air" in text
    parley("plans", "remove", "survey-flight", *at)
    assert parley("check", *at)["conflicts"] == []
