"""Press texts made at random: every word of a draft stands in the text, and any text gives a draft or the one error."""

# ruff: noqa: RUF001 - press texts have the quotation marks, apostrophes and dashes of their language

from __future__ import annotations

import contextlib
from datetime import date, timedelta
from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from parley.app.forms import fill, library, usual_packs
from parley.errors import DecodeError
from parley.forms.library import Forms
from parley.notices.statement.draft import StatementDraft
from parley.notices.statement.form import FORM, statement_form
from parley.notices.statement.read import read_statement

PIECES = st.sampled_from(
    [
        "\n\n",
        "Jean Dupont",
        "Le ministre",
        "la présidente du Northland",
        "l’état-major",
        "a dit",
        "dit-il",
        "a-t-il ajouté,",
        "a affirmé que",
        "selon",
        "d’après un communiqué",
        "de l’agence Tass",
        "Reuters",
        "the minister",
        "said",
        "he told",
        "according to",
        "in a statement by",
        "53",
        "3 000",
        "services",
        "1,500 agents",
        "deux cent mille",
        "jeudi",
        "16 février 2017",
        "hier",
        "March 4",
        "on Wednesday",
        "2026-02-30",
        "article 5",
        "au moins",
        "more than",
        "qui",
        "who",
        "pour",
        "<b>",
        "\u202e",
        "«",
        "»",
        "“",
        "”",
        '"',
        "'",
        ",",
        ".",
        ":",
        ";",
        "?",
        "(",
        ")",
        "–",
    ]
)
LANGUAGES = st.sampled_from(["fr", "en"])
MONTHS = "January February March April May June July August September October November December"
WORDS = st.text("abcdefghijklmnop ", min_size=3, max_size=40).filter(str.strip)
NAMES = st.sampled_from(["Anna Berg", "Pavel Orlov", "Marie Dupont"])
DAYS = st.dates(date(1990, 1, 1), date(2060, 1, 1))


@cache
def forms() -> Forms:
    packs, dictionaries = usual_packs()
    return library().under({p.name: p.hash for p in packs}, dictionaries)


def check(draft: StatementDraft) -> None:
    """Each value stands in the text, where it says; the form can be sent when anything was quoted."""
    made = statement_form(forms().named(FORM), draft)
    spans = [link.span for link in made.links] + [f.span for f in draft.figures] + [d.span for d in draft.dates]
    assert all(draft.text[s.start : s.end] == s.text for s in spans)
    fill(forms(), forms().named(FORM), made.values, draft=True)


@settings(max_examples=40, deadline=None)
@given(st.lists(PIECES, max_size=60), LANGUAGES)
def test_any_words_give_a_draft_or_the_one_error(words: list[str], language: str) -> None:
    with contextlib.suppress(DecodeError):
        check(read_statement(" ".join(words), language))


@settings(max_examples=30, deadline=None)
@given(st.text(max_size=300), LANGUAGES)
def test_hostile_text_gives_a_draft_or_the_one_error(text: str, language: str) -> None:
    with contextlib.suppress(DecodeError):
        draft = read_statement(text, language)
        assert all(draft.text[q.span.start : q.span.end] == q.words for q in draft.quotations)


@settings(max_examples=30, deadline=None)
@given(words=WORDS, name=NAMES, day=DAYS, number=st.integers(2, 99_999))
def test_a_generated_report_reads_back(words: str, name: str, day: date, number: int) -> None:
    month = MONTHS.split()[day.month - 1]
    text = f'The minister, {name}, said on {day.day} {month} {day.year}: "{words}". At least {number} ships sailed.'
    draft = read_statement(text, "en")
    (quotation,) = draft.quotations
    assert quotation.words == words.strip()
    assert quotation.speaker is not None
    assert quotation.speaker.text == name
    assert quotation.said is not None
    assert quotation.said.date == day
    assert [(f.value, f.counts.text) for f in draft.figures] == [(number, "ships")]
    check(draft)


@settings(max_examples=30, deadline=None)
@given(written=DAYS, back=st.integers(1, 300))
def test_days_count_back_from_the_day_of_writing(written: date, back: int) -> None:
    (found,) = read_statement(
        f"Il y a {back} jours, il est parti.".replace("Il y a", "Parti il y a"), "fr", written
    ).dates
    assert found.date == written - timedelta(days=back)
