"""``parley show`` and ``translate``: sheets in files, and translations that stay beside the original."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from parley.app import meeting
from parley.app.home import Home
from parley.cli import app

RUNNER = CliRunner()


def parley(*arguments: object, status: int = 0, given: str | None = None, json_out: bool = True) -> Any:
    words = [str(a) for a in arguments] + (["--json"] if json_out else [])
    done = RUNNER.invoke(app, words, input=given)
    assert done.exit_code == status, f"{words}: {done.output} {done.exception!r}"
    return json.loads(done.stdout) if json_out else done.output


@pytest.fixture
def home(tmp_path: Path) -> Path:
    north, south = Home(tmp_path / "north"), Home(tmp_path / "south")
    meeting.init_party(north, "northland", "Northland", ["en"])
    meeting.init_party(south, "southland", "Southland", ["ru"])
    proposal = meeting.propose(north, "trial", [meeting.introduce(south, "trial")])
    meeting.install(north, meeting.merge([meeting.accept(south, proposal)]))
    return north.path


def test_a_translation_stands_beside_the_original(home: Path, tmp_path: Path) -> None:
    at = ("--home", home)
    sent = parley("send", "Огонь прекращён.", "--language", "ru", *at)
    assert parley("translate", sent["id"], "x", *at, status=2)["error"]["code"] == "translation-incomplete"
    entries = parley("status", *at)["entries"]
    into = ("translate", sent["id"], "--into", "en", *at)
    parley(*into, "--by", "Duty translator", given="The fire has ceased.")
    told = parley(*into, "--by", "Machine, version 3", given="Fire ceased.")
    assert told["text"] == "Огонь прекращён."
    assert [t["translator"] for t in told["translations"]] == ["Duty translator", "Machine, version 3"]
    shown = parley("read", sent["id"], *at, json_out=False)
    assert shown.index("Огонь") < shown.index("The fire has ceased.") < shown.index("Fire ceased.")
    assert "translation into en by Duty translator" in shown
    assert parley("translate", "northland-0000-9", "x", "--into", "en", "--by", "x", *at, status=2)
    # Nothing of it is on the record.
    assert parley("status", *at)["entries"] == entries
    assert (home / "lines/trial/translations.db").stat().st_mode & 0o077 == 0


def test_a_message_is_written_as_a_sheet(home: Path, tmp_path: Path) -> None:
    at = ("--home", home)
    sent = parley("send", "--form", "phrase", "--set", "phrase=say-again", *at)
    assert "END OF MESSAGE" in parley("show", sent["id"], *at, json_out=False)
    file = tmp_path / "sheet.pdf"
    parley("show", sent["id"], "--as", "pdf", "--in", "ru", "--watermark", "COPY", "--out", file, *at, json_out=False)
    assert file.read_bytes().startswith(b"%PDF-")
    assert '<html lang="fr">' in parley("show", sent["id"], "--as", "html", "--in", "fr", *at, json_out=False)
    assert "SAY AGAIN" in parley("show", sent["id"], "--original", *at)["text"].upper()
    assert parley("show", sent["id"], "--as", "odt", *at, status=2)["error"]["code"] == "format-unknown"
    refused = parley("show", sent["id"], "--out", tmp_path / "none" / "x", *at, status=2)
    assert refused["error"]["code"] == "file-unwritable"
