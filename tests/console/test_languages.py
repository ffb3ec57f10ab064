"""Each officer reads forms in the language that is theirs, in lists and drafts as well (R42)."""

from __future__ import annotations

from typing import Any

import pytest

from parley.console.words import LANGUAGES

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
