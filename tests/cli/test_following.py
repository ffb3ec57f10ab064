"""What follows a message, filled in from it: "is this your position?" of a quotation, the next step of a question."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from parley.app.following import on_silence
from parley.app.forms import fill, library, read_message, usual_packs
from parley.cli import app
from parley.errors import DecodeError
from parley.forms.library import Forms
from parley.forms.pack import read_pack
from parley.forms.prove import check_form_pack
from parley.wire.statement import Precedence
from parley_testkit.lines import found

PACKS = Path(__file__).parents[2] / "src/parley/forms/packs"
STATEMENT = """
headline: Two chiefs meet
original-language: fr
quotations:
- {words: "Nous avons besoin d'une ligne directe.", speaker: Ministry of Defence}
- {words: "Rien n'est décidé."}
original: Les chefs se sont rencontrés.
"""


def shipped() -> Forms:
    packs, dictionaries = usual_packs()
    return library().under({p.name: p.hash for p in packs}, dictionaries)


def test_a_quotation_becomes_the_question_whether_it_is_the_position(tmp_path: Path) -> None:
    home = found(tmp_path, 2)[0].home

    def parley(*arguments: object, status: int = 0) -> Any:
        done = CliRunner().invoke(app, [*map(str, arguments), "--home", str(home.path), "--json"])
        assert done.exit_code == status, done.output
        return json.loads(done.stdout)

    file = tmp_path / "statement.yaml"
    file.write_text(STATEMENT)
    said = parley("send", "--form", "statement", "--file", file)
    offers = parley("follow", said["id"])
    assert [(o["name"], o["which"], o["values"]) for o in offers] == [
        (
            "is-this-your-position",
            1,
            {"words": "Nous avons besoin d'une ligne directe.", "speaker": "Ministry of Defence"},
        ),
        ("is-this-your-position", 2, {"words": "Rien n'est décidé."}),
    ]
    draft = parley("follow", said["id"], "--form", "is-this-your-position", "-n", 2)
    assert "words: Rien n'est décidé." in draft["template"]
    sent = parley("follow", said["id"], "-n", 1, "--send")
    assert sent["refs"] == [{"relation": "continues", "id": said["id"]}]
    assert "Nous avons besoin d'une ligne directe." in sent["text"]
    assert parley("follow", said["id"], "-n", 3, "--send", status=2)["error"]["code"] == "follow-unknown"
    assert parley("follow", sent["id"]) == []


def test_the_next_step_of_a_question_is_the_form_filled_in() -> None:
    """B8: no reply came, these questions are open, and a meeting is requested."""
    forms = shipped()
    asked = {
        "activity": "Armour near the border",
        "concern": "It was not announced.",
        "questions": ["Why?", "How long?"],
    }
    filled = fill(forms, forms.named("clarification-request"), asked)
    message = on_silence(forms, filled, "en", Precedence.IMMEDIATE)
    assert message is not None
    step = read_message(forms, message)
    assert step is not None
    assert step.form.name == "clarification-outcome"
    assert step.values == {"outcome": "no-reply", "open": ("Why?", "How long?"), "meeting": True}
    assert on_silence(forms, step, "en", Precedence.IMMEDIATE) is None, "what comes then is no form"
    assert message.precedence is Precedence.IMMEDIATE
    text = fill(forms, forms.named("text"), {"text": "A"})
    assert on_silence(forms, text, "en", Precedence.IMMEDIATE) is None


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('form = "is-this-your-position"', 'form = "nothing"', "is no form of the pack"),
        ('words = "quotations.words"', 'words = "quotations.role"', "lacks words"),
        ('speaker = "quotations.speaker"', 'speech = "quotations.speaker"', "cannot be filled in"),
    ],
)
def test_a_pack_whose_forms_do_not_follow_is_not_fit(old: str, new: str, said: str) -> None:
    files = {f.name: f.read_bytes() for f in (PACKS / "public-statement").iterdir()}
    text = files["pack.toml"].decode()
    assert old in text
    files["pack.toml"] = text.replace(old, new, 1).encode()
    core = next(p for p in library().all() if p.name == "core")
    assert any(said in finding for finding in check_form_pack(read_pack(files), core.header))
    files["pack.toml"] = text.replace("quotations.words", "sayings.words").encode()
    with pytest.raises(DecodeError) as caught:
        read_pack(files)
    assert caught.value.code == "pack-malformed"
