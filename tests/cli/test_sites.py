"""Protected places in bulk: what is new, changed, renewed, expired, missing and twice. R68, R70, B5."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from parley.app import meeting
from parley.app.home import Home
from parley.app.sites import compare
from parley.cli import app

COUNT = 20_000
HEAD = "id,name,latitude,longitude,function,valid_until,confirmed\n"


def site(n: int, name: str = "", until: str = "2999-01-01") -> str:
    return f"S{n},{name or f'Place {n}'},{10 + n % 200 / 10:.4f},{20 + n // 200 / 10:.4f},clinic,{until},2026-01-01\n"


def importer(tmp_path: Path) -> Callable[..., Any]:
    homes = [Home(tmp_path / name) for name in ("aid", "force")]
    for home in homes:
        meeting.init_party(home, home.path.name, home.path.name.title(), ["en"])
    proposal = meeting.propose(homes[0], "trial", [meeting.introduce(homes[1], "trial")])
    meeting.install(homes[0], meeting.merge([meeting.accept(homes[1], proposal)]))
    file = tmp_path / "sites.csv"

    def imported(text: str, *options: str, status: int = 0) -> Any:
        file.write_text(HEAD + text)
        given = ["sites", "import", str(file), *options, "--home", str(homes[0].path), "--json"]
        done = CliRunner().invoke(app, given)
        assert done.exit_code == status, done.output
        return json.loads(done.stdout)

    return imported


def test_one_place_on_either_side_of_an_edge_is_one_place() -> None:
    """It was missed: the same name a metre apart, where rows of cells begin, and at 180 degrees."""
    empty = {"function": "", "organisation": "", "valid_from": 0, "valid_until": 0, "confirmed": 0}
    one = {**empty, "name": "Clinic", "lat": 9_999_995, "lon": 20_000_099}
    pairs = [
        (one, one | {"lat": 10_000_004, "lon": 20_000_101}),
        (one | {"lon": 179_999_995}, one | {"lon": -179_999_997}),
    ]
    for a, b in pairs:
        assert compare({}, [("A", a), ("B", b)], 0)[1]["duplicate"] == [{"id": "B", "of": "A"}]
        assert compare({"A": a}, [("B", b)], 0)[1]["duplicate"] == [{"id": "B", "of": "A"}]
    assert not compare({}, [("A", one), ("B", one | {"lat": 10_000_200})], 0)[1]["duplicate"]


def test_what_changed_is_notified_and_nothing_twice(tmp_path: Path) -> None:
    imported = importer(tmp_path)
    soon = "2999-01-01"
    first = [site(n, until=soon) for n in range(3)]
    assert "sent" not in imported("".join(first))
    found = imported("".join(first), "--send")
    assert (found["sent"], found["shortened"]) == ({"new": 3}, ["S0", "S1", "S2"])
    assert imported("".join(first), "--send")["sent"] == {}
    moved = first[1].replace("10.1", "10.2")
    found = imported(first[0].replace("2026-01-01\n", "2026-02-01\n") + moved, "--send", "--end-missing")
    assert found["sent"] == {"confirmed": 1, "changed": 1, "ended": 1}
    assert imported(first[0].replace("2026-01-01\n", "2026-02-01\n") + moved, "--send")["missing"] == []
    refused = imported("S9,Depot,10,20,barracks,,\n", "--send", status=2)
    assert refused["error"]["code"] == "form-value"
    assert imported(first[0])["missing"] == ["S1"], "of what was refused nothing was kept"


def test_a_place_that_is_probably_wrong_is_asked_about(tmp_path: Path) -> None:
    """B4's places with one exchanged, and one in the sea: kept all the same, and named (R67)."""
    rows = "".join(f"S{n},Place {n},36.{n}1,68.{n}5,hospital,,\n" for n in range(1, 6))
    found = importer(tmp_path)(rows + "S8,Swapped,68.45,36.21,hospital,,\nS9,Wet,20.0,-40.0,hospital,,\n")
    assert len(found["new"]) == 7
    asked = {text.split()[0] for text in found["warnings"]}
    assert {"S8", "S9"} == asked
    assert "swapped" in next(text for text in found["warnings"] if text.startswith("S8"))


@pytest.mark.no_cover
def test_a_list_of_twenty_thousand_is_brought_up_to_date(tmp_path: Path) -> None:
    imported = importer(tmp_path)

    rows = [site(n) for n in range(COUNT)]
    found = imported("".join(rows))
    assert (found["read"], len(found["new"]), found["duplicate"]) == (COUNT, COUNT, [])
    rows[0] = site(0, "Another name")
    rows[1] = site(1, until="2999-06-01")
    rows[2] = site(2, until="2020-01-01")
    rows[4] = rows[4] + rows[4] + rows[5].replace("S5,", "S99999,")
    del rows[3]
    found = imported("".join(rows))
    assert (found["new"], found["changed"], found["renewed"]) == ([], ["S0"], ["S1", "S2"])
    assert (found["expired"], found["missing"]) == (["S2"], ["S3"])
    assert [(d["id"], d["of"]) for d in found["duplicate"]] == [("S4", "S4"), ("S99999", "S5")]
    assert len(found["unchanged"]) == COUNT - 4
    assert imported(site(1) + "S2,No position,,,clinic,,\n", status=2)["error"]["code"] == "csv-malformed"
