"""Each officer reads forms in the language that is theirs, in lists and drafts as well (R42)."""

from __future__ import annotations

import html
import re
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

from parley.console import faults
from parley.console.templating import Templates
from parley.console.words import LANGUAGES, Times

TITLES = {"en": "CHECK FIRE", "fr": "CESSEZ LE FEU", "ru": "ПРЕКРАТИТЕ ОГОНЬ"}


@pytest.fixture
def struck() -> dict[str, str]:
    return {"struck": "hospital", "position": "36-43.1N 068-51.8E"}


def test_a_form_that_waits_is_told_in_each_language(served: Any, struck: dict[str, str]) -> None:
    draft = served.operation("watch-draft", officer="One", form="check-fire", values=struck)
    text = served.operation("watch-draft", officer="One", text="A text.")
    drafts = {d["number"]: d for d in served.operation("watch")["drafts"]}
    said = drafts[draft["number"]]["texts"]
    assert set(said) == set(LANGUAGES)
    for language, title in TITLES.items():
        assert said[language].upper().startswith(title), said
    assert drafts[text["number"]]["texts"] == {}, "a text stays in its own language"
    for made in (draft, text):
        served.operation("watch-release", officer="One", number=made["number"], drop=True)
    values = {"original-language": "en", "quotations": [{"words": "No."}]}
    sent = served.operation("send", form="public-statement/statement", values=values)
    (row,) = [m for m in served.operation("watch")["messages"] if m["id"] == sent["id"]]
    assert set(row["texts"]) == set(LANGUAGES)
    assert len(set(row["texts"].values())) == len(LANGUAGES)


SAID = {
    "fr": ("Une position ou une zone est illisible.", "telle page ici. Allez", "pas de texte. Écrivez"),
    "ru": ("Координаты или район не читаются.", "Такой страницы здесь нет.", "Текста нет."),
}


@pytest.fixture(scope="module")
def reader(served: Any) -> Any:
    return served.session("Reader")


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_went_wrong_is_said_in_the_officers_language(served: Any, reader: Any, language: str) -> None:
    plan = {"how": "add", "name": "Patrol", "places": "99-99.9N 200E", "shape": "point"}
    answers = (
        served.form("/lines/trial/plans", reader, language, **plan),
        served.ask("GET", "/nothing", cookie=served.cookie(reader, language), accept="text/html"),
        served.form("/lines/trial/log", reader, language, text=" "),
    )
    own = "'99-99.9N 200E'", "/nothing is not here.", "there is nothing to enter."
    for answer, words, which in zip(answers, own, range(len(own)), strict=True):
        said = html.unescape(re.sub(r"<[^>]*>", "", answer.data.decode().partition("<main")[2]))
        assert answer.status in (400, 404)
        assert words in said, "what was got, in the node's own words"
        assert [name for name, texts in SAID.items() if texts[which] in said] == [language] * (language in SAID)


def test_a_field_that_cannot_be_read_is_told_in_the_officers_language(served: Any, reader: Any) -> None:
    asked = {"form": "check-fire", "values": {"position": "99-99.9N 200E"}}
    headers = {"origin": served.origin, "x-parley-csrf": reader.csrf}
    for language, texts in {**SAID, "en": ("",)}.items():
        cookie = served.cookie(reader, language)
        found = served.ask("POST", "/lines/trial/compose/check", "", asked, cookie=cookie, **headers).json
        assert "'99-99.9N 200E'" in found["errors"]["position"]
        assert found["errors"]["position"].startswith(texts[0] or "position:")


def test_what_is_said_of_a_code_is_said_of_one_that_is_raised() -> None:
    code = Path(faults.__file__)
    named = set(re.findall(r'"([a-z]+(?:-[a-z]+)+)"', code.read_text("utf-8")))
    assert len(named) > 50
    source = code.parents[1]
    raised = "".join(p.read_text("utf-8") for p in source.rglob("*.py") if p != code)
    assert [name for name in sorted(named) if f'"{name}"' not in raised] == []


@pytest.mark.parametrize(
    ("language", "day", "utc"),
    [
        ("en", "3 September 2026", "08:00:00Z 3 Sept"),
        ("fr", "3 septembre 2026", "08:00:00Z 3 sept."),
        ("ru", "3 сентября 2026\u202fг.", "08:00:00Z 3 сент."),  # noqa: RUF001
    ],
)
def test_days_are_written_as_the_language_writes_them(language: str, day: str, utc: str) -> None:
    times, moment = Times(language, UTC), 1_788_422_400
    assert (times.day(moment), times.utc(moment)) == (day, utc)
    assert (times.local(moment)[-6:], times.group(moment)) == ("+00:00", "030800Z SEP 26")


def test_a_place_that_is_read_back_has_a_name_in_the_officers_language() -> None:
    for language, names in {"en": ("area 2", "position"), "fr": ("zone 2", "position")}.items():
        place = Templates().macro("parts.html", "place", language)
        assert tuple(str(place(field)) for field in ("area 2", "position")) == names
    assert str(Templates().macro("parts.html", "place", "ru")("position")) == "координаты"
    assert "<b>" not in Templates().macro("parts.html", "place", "en")("area <b>")
