"""Protected places in bulk: what is new, changed, renewed, expired, missing and twice. R68, R70, B5."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from parley.app import meeting
from parley.app.home import Home
from parley.cli import app

COUNT = 20_000
HEAD = "id,name,latitude,longitude,function,valid_until,confirmed\n"


def site(n: int, name: str = "", until: str = "2999-01-01") -> str:
    return f"S{n},{name or f'Place {n}'},{10 + n % 200 / 10:.4f},{20 + n // 200 / 10:.4f},clinic,{until},2026-01-01\n"


def test_a_list_of_twenty_thousand_is_brought_up_to_date(tmp_path: Path) -> None:
    homes = [Home(tmp_path / name) for name in ("aid", "force")]
    for home in homes:
        meeting.init_party(home, home.path.name, home.path.name.title(), ["en"])
    proposal = meeting.propose(homes[0], "trial", [meeting.introduce(homes[1], "trial")])
    meeting.install(homes[0], meeting.merge([meeting.accept(homes[1], proposal)]))
    file = tmp_path / "sites.csv"

    def imported(text: str, status: int = 0) -> Any:
        file.write_text(HEAD + text)
        done = CliRunner().invoke(app, ["sites", "import", str(file), "--home", str(homes[0].path), "--json"])
        assert done.exit_code == status, done.output
        return json.loads(done.stdout)

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
