"""``parley scenario`` as a person types it, and through a pipe."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from parley.cli import app

RUNNER = CliRunner()


def parley(tmp_path: Path, *arguments: object, status: int = 0, given: str = "") -> Any:
    words = [*map(str, arguments), "--home", str(tmp_path / "home")]
    done = RUNNER.invoke(app, words, input=given)
    assert done.exit_code == status, f"{words}: {done.output} {done.exception!r}"
    return json.loads(done.stdout) if "--json" in words else done.output


def test_list_and_show(tmp_path: Path) -> None:
    listed = parley(tmp_path, "scenario", "list", "--json")
    assert [row["scenario"] for row in listed] == [f"B{n}" for n in range(1, 14)]
    assert "Deir ez-Zor, 17 septembre 2016" in parley(tmp_path, "scenario", "list", "--in", "fr")
    shown = parley(tmp_path, "scenario", "show", "B8", "--json")
    assert shown["steps"][0]["do"] == "send"
    assert "48 часов" in parley(tmp_path, "scenario", "show", "b8", "--in", "ru")
    assert parley(tmp_path, "scenario", "show", "B8", "--source").startswith("scenario: B8\n")


@pytest.mark.no_cover
def test_run_tells_a_timeline_and_names_the_step_that_did_not_hold(tmp_path: Path) -> None:
    told = parley(tmp_path, "scenario", "run", "B13", "--in", "fr")
    assert "Northland : le reçu de Southland prouve la remise de real." in told
    assert "B13: 7/7" in told
    path = tmp_path / "changed.yaml"
    source = parley(tmp_path, "scenario", "show", "B13", "--source")
    path.write_text(source.replace("lacks: {text: {contains: Open the border}}", "has: {text: Open}"))
    told = parley(tmp_path, "scenario", "run", path, status=1)
    assert "step 2 (line" in told
    assert "Nothing of it is in the inbox." in told
    found = parley(tmp_path, "scenario", "run", path, "--json", status=1)
    assert found[0]["failures"][0]["step"] == 2
    path.write_text("scenario: X\nmoral: none\n")
    assert "line 1: the scenario: title is wanted" in " ".join(
        parley(tmp_path, "scenario", "run", path, status=2).split()
    )


def test_play_asks_explains_and_goes_on_where_the_input_ends(tmp_path: Path) -> None:
    told = parley(tmp_path, "scenario", "play", "B13", given="perhaps\n1\n2\n")
    assert "1-2?" in told
    assert told.index("Such a button is what an impostor needs.") < told.index("comes from anybody")
    assert told.rstrip().endswith("for a FLASH least of all.")
    asked = parley(tmp_path, "scenario", "play", "B13", "--json")["asked"]
    assert asked[0]["answers"] == [0]
    assert asked[0]["right"] == 2
