"""What the command line asks about places and heights, before and after it sends (R67)."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from parley.cli import app
from parley_testkit.lines import found
from parley_testkit.slips import PLACE, SLIPS, site


def settings(values: dict[str, Any]) -> list[str]:
    return [x for k, v in values.items() for x in ("--set", f"{k}={v if isinstance(v, str) else json.dumps(v)}")]


def test_each_slip_is_asked_about_and_what_is_right_is_not(tmp_path: Path) -> None:
    home = found(tmp_path, 2)[0].home

    def parley(*arguments: object) -> Any:
        done = CliRunner().invoke(app, [*map(str, arguments), "--home", str(home.path), "--json"])
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    parley("plans", "add", "Base", "--at", PLACE)
    assert parley("send", "--form", "site", *settings(site()))["questions"] == []
    kept = parley("watch", "draft", "--officer", "Duty", "--form", "site", *settings(site(**SLIPS[0][0])))
    assert any(SLIPS[0][2] in question for question in kept["questions"])
    for n, (wrong, _, says) in enumerate(SLIPS):
        asked = parley("send", "--form", "site", *settings(site(**{"site-id": f"MED-{n}", **wrong})))["questions"]
        assert any(says in question for question in asked), (wrong, asked)


def test_at_a_terminal_a_person_is_asked_before_anything_is_sent(tmp_path: Path) -> None:
    home = found(tmp_path, 2)[0].home
    keyboard, terminal = pty.openpty()
    try:
        os.write(keyboard, b"n\n")
        words = ["send", "--form", "site", *settings(site(**SLIPS[-1][0])), "--home", str(home.path)]
        command = [sys.executable, "-m", "parley", *words]
        done = subprocess.run(command, stdin=terminal, capture_output=True, text=True, check=False, timeout=120)
    finally:
        os.close(keyboard)
        os.close(terminal)
    assert (done.returncode, SLIPS[-1][2] in done.stdout) == (2, True), done.stdout + done.stderr
    sent = CliRunner().invoke(app, ["inbox", "--all", "--home", str(home.path), "--json"])
    assert json.loads(sent.stdout) == []
