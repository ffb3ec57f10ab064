"""Forms from the command line: list, show, fill in, send, read in one's own language, and areas for others' maps."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from parley.app import meeting
from parley.app.home import Home
from parley.app.process import NodeProcess, free_port
from parley.cli import app
from parley.keys.file import write_private

RUNNER = CliRunner()
PACKS = Path(__file__).parents[2] / "src/parley/forms/packs"
AREA = "{circle: 54-10N 019-20E, radius: 2 NM, upper: FL100, times: [2030-03-10T03:00Z/2030-03-10T05:00Z]}"


def parley(*arguments: object, status: int = 0, given: str | None = None, json_out: bool = True) -> Any:
    words = [str(a) for a in arguments] + (["--json"] if json_out else [])
    done = RUNNER.invoke(app, words, input=given)
    assert done.exit_code == status, f"{words}: {done.output} {done.exception!r}"
    return json.loads(done.stdout) if json_out else done.output


@pytest.fixture
def homes(tmp_path: Path) -> tuple[Path, Path]:
    north, south = Home(tmp_path / "north"), Home(tmp_path / "south")
    meeting.init_party(north, "northland", "Northland", ["en"])
    meeting.init_party(south, "southland", "Southland", ["ru", "fr"])
    proposal = meeting.propose(north, "trial", [meeting.introduce(south, "trial")])
    signed = meeting.merge([meeting.accept(south, proposal)])
    for home in (north, south):
        meeting.install(home, signed)
    return north.path, south.path


def test_forms_are_listed_and_shown_in_each_language(homes: tuple[Path, Path]) -> None:
    listed = parley("forms", "list", "--home", homes[0])
    assert {f["id"] for f in listed["forms"]} >= {"C1", "M5", "W1", "H2", "X1", "P1"}
    assert listed["packs"]["core"]["languages"] == ["en", "fr", "ru"]
    assert "ПРЕКРАТИТЕ ОГОНЬ" in parley("forms", "list", "--in", "ru", "--home", homes[0], json_out=False)
    assert "Notification de lancement" in parley(
        "forms", "show", "M5", "--in", "fr", "--home", homes[0], json_out=False
    )
    assert parley("forms", "show", "nothing", "--home", homes[0], status=2)["error"]["code"] == "form-unknown"


def test_before_a_line_is_founded_the_forms_of_parley_are_shown(tmp_path: Path) -> None:
    assert parley("forms", "show", "check-fire/check-fire", "--home", tmp_path / "empty")["precedence"] == "FLASH"


def test_a_template_is_filled_in_and_sent(homes: tuple[Path, Path], tmp_path: Path) -> None:
    text = parley("forms", "new", "phrase", "--home", homes[0])["template"]
    assert yaml.load(text, Loader=yaml.BaseLoader) == {"phrase": ""}
    file = tmp_path / "phrase.yaml"
    file.write_text(text.replace("\nphrase:", "\nphrase: say-again"))
    sent = parley("send", "--form", "phrase", "--file", file, "--home", homes[0])
    assert (sent["form"], sent["precedence"]) == ("C10", "IMMEDIATE")
    assert sent["values"] == {"phrase": "say-again"}
    assert sent["subject"] == "Say again."
    assert "END OF MESSAGE" in sent["text"]


def test_a_form_that_two_must_release_is_not_sent_by_one(homes: tuple[Path, Path]) -> None:
    values = ("--set", "stage=cancelled", "--set", "class=slv")
    refused = parley("send", "--form", "launch", *values, "--home", homes[0], status=2)
    assert refused["error"]["code"] == "release-needed"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--form", "launch", "--set", "stage=planned", "--set", "class=slv"), "form-incomplete"),
        (("--form", "launch", "--set", "stage"), "form-yaml"),
        (("--form", "launch", "--set", "colour=red"), "form-field-unknown"),
        (("--form", "launch", "--set", "launch-area={circle: [}"), "form-yaml"),
        (("--form", "launch", "text"), "text-twice"),
        (("--set", "stage=planned", "text"), "form-missing"),
        (("--form", "reply", "--set", "answers=No", "--about", "northland-0000-9"), "message-unknown"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_sent(
    homes: tuple[Path, Path], arguments: tuple[str, ...], code: str
) -> None:
    assert parley("send", *arguments, "--home", homes[0], status=2)["error"]["code"] == code
    assert parley("inbox", "--all", "--home", homes[0]) == []


def test_an_editor_is_opened_again_until_the_form_is_right(
    homes: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    given = iter(["effective: never", "effective: 2030-03-10T05:00Z\nreason: Done early"])
    shown: list[str] = []

    def edit(text: str, extension: str) -> str:
        assert extension == ".yaml"
        shown.append(text)
        return next(given)

    monkeypatch.setattr("click.edit", edit)
    said = parley("send", "Firing until five.", "--home", homes[0])["id"]
    asked = ("send", "--form", "cancellation", "--edit", "--about", said, "--home", homes[0])
    parley(*asked, given="y\n", json_out=False)
    assert "# In force from (wanted)" in shown[0]
    assert shown[1].startswith("#! ")
    assert shown[1].endswith("\neffective: never")
    message = parley("inbox", "--all", "--home", homes[0])[-1]
    assert message["values"]["reason"] == "Done early"
    # Its form says what it is to that message: nobody has to, and whoever says otherwise is not heard.
    assert message["refs"] == [{"relation": "cancels", "id": said}]
    monkeypatch.setattr("click.edit", lambda *_, **__: None)
    assert parley(*asked, status=2)["error"]["code"] == "form-given-up"


def test_help_in_the_editor_is_in_the_partys_language_or_another(
    homes: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[str] = []
    monkeypatch.setattr("click.edit", lambda text, **_: shown.append(text))
    for language in ((), ("--in", "fr")):
        parley("send", "--form", "launch", "--edit", *language, "--home", homes[1], status=2)
    assert "# Окно пуска (обязательно, если Стадия: planned, slipped)" in shown[0]
    assert "# Créneau de lancement (requis si Stade vaut planned, slipped)" in shown[1]
    assert "Запрос" in parley("forms", "list", "--home", homes[1], json_out=False)
    unknown = parley("forms", "show", "launch", "--in", "de", "--home", homes[1], status=2)
    assert unknown["error"]["code"] == "language-unknown"


def test_terms_and_phrases_are_shown(homes: tuple[Path, Path]) -> None:
    text = parley("forms", "show", "exercise", "--home", homes[0], json_out=False)
    assert "Two officers release it." in text
    assert "Troops 9,000" in text
    text = parley("forms", "show", "phrase", "--home", homes[0], json_out=False)
    assert "check-fire: Cease fire at once: you are striking what must not be struck." in text
    assert "Russian: Прекратите огонь [pre-kra-TEE-tye a-GON]" in text
    plain = parley("forms", "show", "phrase", "--home", homes[0])
    assert {p["code"] for p in plain["phrases"]} >= {"question", "cancel", "acknowledge", "verify-position"}
    assert {f["name"]: f["wanted"] for f in plain["fields"]}["position"].startswith("wanted when Phrase is")


@pytest.mark.parametrize(
    ("form", "settings"),
    [
        ("cancellation", ("effective=2030-03-10T05:00Z",)),
        ("correction", ("was=A", "is=B")),
        ("supersession", ("text=A", "changes=B")),
        ("clarification-reply", ("answers=A",)),
        ("check-fire/answer", ("outcome=ceased",)),
    ],
)
def test_a_form_that_goes_on_with_a_message_names_one(
    homes: tuple[Path, Path], form: str, settings: tuple[str, ...]
) -> None:
    given = [word for setting in settings for word in ("--set", setting)]
    refused = parley("send", "--form", form, *given, "--home", homes[0], status=2)
    assert refused["error"]["code"] == "form-about-missing"
    drafted = ("watch", "draft", "--officer", "duty", "--form", form, *given)
    assert parley(*drafted, "--home", homes[0], status=2)["error"]["code"] == "form-about-missing"
    assert parley("inbox", "--all", "--home", homes[0]) == []


def test_areas_are_written_for_other_maps(homes: tuple[Path, Path], tmp_path: Path) -> None:
    home = ("--home", homes[0])
    sent = parley("send", "--form", "warning", "--set", "hazard=gunnery", "--set", f"areas={AREA}", *home)
    parley("send", "Nothing here.", *home)
    assert "WITHIN 2 MILES OF 54-10.00N 019-20.00E" in parley("export", "--as", "navarea", *home, json_out=False)
    file = tmp_path / "areas.geojson"
    parley("export", file, "--as", "geojson", "--id", sent["id"], *home, json_out=False)
    (feature,) = json.loads(file.read_text())["features"]
    assert feature["geometry"]["type"] == "Polygon"
    assert parley("export", "--as", "dxf", *home, status=2)["error"]["code"] == "format-unknown"
    # What is cancelled is on no map any more; it is still there for whoever asks for that message.
    parley("send", "--form", "cancellation", "--set", "effective=2030-03-10T03:00Z", "--about", sent["id"], *home)
    assert parley("export", "--as", "geojson", *home, status=2)["error"]["code"] == "areas-missing"
    parley("export", file, "--as", "geojson", "--id", sent["id"], *home, json_out=False)


def test_a_press_text_is_drafted_checked_and_sent(homes: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    home = ("--home", homes[0])
    file = Path(__file__).parents[2] / "src/parley/app/demo_data/statement-2017-02-16-fr.txt"
    (draft,) = parley("import", file, *home)
    assert draft["form"] == "public-statement/statement"
    text = file.read_text("utf-8")
    assert all(text[f["start"] : f["end"]] == f["text"] for f in draft["fields"])
    assert [d["date"] for d in draft["dates"]] == ["2017-02-16", "2017-02-16", "2017-02-15"]
    shown = parley("import", *home, given=text, json_out=False)
    assert "speaker: Département de Défense américain  [2177-2209]" in shown
    monkeypatch.setattr("click.edit", lambda text, extension: text.replace("# published:", "published: 2017-02-16"))
    (sent,) = parley("import", file, "--edit", *home)
    assert sent["form"] == "P1"
    assert sent["values"]["published"] == "2017-02-16"
    assert sent["values"]["quotations"][7]["on"] == "2017-02-15"
    assert parley("import", file, "--written", "soon", *home, status=2)["error"]["code"] == "form-value"
    assert parley("import", file, "--as", "kml", *home, status=2)["error"]["code"] == "areas-missing"


def test_a_pack_is_checked(tmp_path: Path) -> None:
    assert parley("forms", "check", PACKS / "core")["findings"] == []
    spoilt = tmp_path / "core"
    shutil.copytree(PACKS / "core", spoilt)
    (spoilt / "fr.po").unlink()
    (spoilt / "ru.po").write_text((spoilt / "ru.po").read_text("utf-8").replace('msgstr "Причина"', 'msgstr ""'))
    told = parley("forms", "check", spoilt, status=1, json_out=False)
    assert "'Reason' is not translated" in told
    assert parley("forms", "check", tmp_path / "none", status=2, json_out=False)


async def _two(homes: tuple[Path, Path]) -> None:
    port = free_port()
    texts = (f'listen = "127.0.0.1:{port}"', f'[bearer.dial]\nnorthland = "127.0.0.1:{port}"')
    for home, text in zip(homes, texts, strict=True):
        config = f'[[bearer]]\nkind = "tls"\nname = "net"\n{text}\n'
        write_private(home / "lines/trial/config.toml", config.encode())
    nodes = [NodeProcess(home, Home(home).the_line("trial")) for home in homes]
    try:
        await asyncio.gather(*(n.start() for n in nodes))
        north, south = nodes
        values = {"struck": "hospital", "position": "36-43.09N 068-51.75E", "name": "Trauma centre"}
        sent = await north.call("send", form="check-fire/check-fire", values=values)
        waits: list[dict[str, Any]] = []
        for _ in range(200):
            waits = await south.call("inbox")
            if waits:
                break
            await asyncio.sleep(0.05)
        assert waits[0]["precedence"] == "FLASH"
        assert waits[0]["title"] == "ПРЕКРАТИТЕ ОГОНЬ"
        assert "Госпиталь" in waits[0]["text"]
        french = await south.call("show", id=sent["id"], **{"in": "fr"})
        assert "CESSEZ LE FEU. Vous frappez" in french["text"]
        answer = {"outcome": "ceased", "read-back": "36-43.09N 068-51.75E"}
        await south.call("send", form="check-fire/answer", values=answer, about=sent["id"])
        replies: list[dict[str, Any]] = []
        for _ in range(200):
            replies = [m for m in await north.call("inbox", all=True) if m["reply_to"] == sent["id"]]
            if replies:
                break
            await asyncio.sleep(0.05)
        assert "Our fire has ceased." in replies[0]["text"]
    finally:
        await asyncio.gather(*(n.stop() for n in nodes))


def test_each_side_reads_a_form_in_its_own_language(homes: tuple[Path, Path]) -> None:
    asyncio.run(_two(homes))
