"""Press texts as drafts of public statements: who said what, how many, when, and by whom it came."""

# ruff: noqa: RUF001 - press texts have the quotation marks, apostrophes and dashes of their language

from __future__ import annotations

from datetime import date
from importlib.resources import files

import pytest

from parley.app.forms import fill, library, usual_packs
from parley.errors import DecodeError, UsageError
from parley.forms.library import Forms
from parley.limits import MAX_TEXT
from parley.notices.anything import read_any
from parley.notices.draft import NoticeDraft
from parley.notices.statement.draft import Basis, Reckoning, SourceKind, StatementDraft
from parley.notices.statement.form import FORM, statement_form
from parley.notices.statement.read import read_statement

TODAY = date(2026, 3, 1)
REAL = (files("parley.app") / "demo_data" / "statement-2017-02-16-fr.txt").read_text("utf-8")
PUTIN, DEFENSE = "Vladimir Poutine", "Département de Défense américain"
ENGLISH = """\
Northland says 12 drones were shot down

PORT ALBA, March 4 (Reuters) - Northland's defence minister, Anna Berg, said on Wednesday that her forces \
"will respond to every violation".

"We do not seek a war," she told reporters. "But we shall not be provoked."

The Southland Ministry of Foreign Affairs denied the claim. "No aircraft of ours crossed the border on Tuesday," it \
said in a statement carried by TASS.

General Pavel Orlov called the report "a crude invention". At least three soldiers were injured and more than 1,500 \
people left the two villages of Resolution 1701, according to the International Red Cross.
"""
FRENCH = """\
PARIS, 3 mai 2024 (AFP) – Le ministre de la Défense, Jean Dupont, a affirmé vendredi que « la frégate n’a jamais \
quitté les eaux ».

« Nous avons reçu, a-t-il ajouté, une plainte le 1er mai. » Au moins 27 navires et quelque 3 000 soldats \
participeront à l’exercice « Vent d’Est ».

Dans un communiqué relayé par l’agence Tass, l’état-major russe a dénoncé hier « une provocation de plus ».
"""


def forms() -> Forms:
    packs, dictionaries = usual_packs()
    return library().under({p.name: p.hash for p in packs}, dictionaries)


def speakers(draft: StatementDraft) -> list[tuple[str, str]]:
    return [(q.words[:24], q.speaker.text if q.speaker else "") for q in draft.quotations]


def test_the_real_report_has_its_quotations_with_their_speakers() -> None:
    draft = read_statement(REAL)
    assert draft.language == "fr"
    assert speakers(draft) == [
        ("l’OTAN nous provoque con", PUTIN),
        ("C’est l’objectif derrièr", PUTIN),
        ("Ils nous provoquent cons", PUTIN),
        ("en fait, ils nous provoq", PUTIN),
        ("continuent d’ingérer dan", PUTIN),
        ("L’année dernière, 53 ser", PUTIN),
        ("Eviter les erreurs de ca", DEFENSE),
        ("éviter les erreurs de ca", DEFENSE),
    ]
    assert {q.role.text for q in draft.quotations if q.role} == {"président de la Russie"}
    assert draft.quotations[2].basis is Basis.REPEATED
    assert draft.quotations[5].basis is Basis.PRONOUN


def test_the_real_report_has_its_figures_days_and_sources() -> None:
    draft = read_statement(REAL)
    assert [(f.value, f.counts.text) for f in draft.figures] == [
        (53, "services de renseignement étrangers"),
        (386, "agents de renseignements étrangers"),
    ]
    assert [(d.date, d.reckoning) for d in draft.dates] == [
        (date(2017, 2, 16), Reckoning.STATED),
        (date(2017, 2, 16), Reckoning.TEXT),
        (date(2017, 2, 15), Reckoning.TEXT),
    ]
    said = [q.said.date if q.said else None for q in draft.quotations]
    assert said == [date(2017, 2, 16)] * 6 + [date(2017, 2, 15)] * 2
    assert [(s.kind, s.name, s.of.text if s.of else "") for s in draft.sources] == [
        (SourceKind.SPEAKER, PUTIN, ""),
        (SourceKind.SPEAKER, DEFENSE, ""),
        (SourceKind.DOCUMENT, "discours", PUTIN),
        (SourceKind.DOCUMENT, "communiqué", DEFENSE),
        (SourceKind.MEDIUM, "International Business Times", "communiqué"),
    ]


def test_each_value_is_linked_to_the_words_that_it_came_from() -> None:
    made = statement_form(forms().named(FORM), read_statement(REAL))
    assert all(REAL[link.span.start : link.span.end] == link.span.text for link in made.links)
    linked = {link.field for link in made.links}
    assert {"headline", "quotations.8.speaker", "quotations.1.on", "figures.2.counts", "sources.5"} <= linked
    filled = fill(forms(), forms().named(FORM), made.values)
    assert len(filled.values["quotations"]) == 8
    assert filled.values["figures"][1] == {"number": "386", "counts": "agents de renseignements étrangers"}
    assert made.warnings == ["The text does not say when it was written."]


def test_an_english_report() -> None:
    draft = read_statement(ENGLISH, written=date(2026, 3, 4))
    berg, ministry = "Anna Berg", "Southland Ministry of Foreign Affairs"
    assert [(w, s) for w, s in speakers(draft)] == [
        ("will respond to every vi", berg),
        ("We do not seek a war", berg),
        ("But we shall not be prov", berg),
        ("No aircraft of ours cros", ministry),
        ("a crude invention", "Pavel Orlov"),
    ]
    assert draft.place is not None
    assert draft.place.text == "PORT ALBA"
    assert [(f.value, f.counts.text) for f in draft.figures] == [(12, "drones"), (3, "soldiers"), (1500, "people")]
    assert [d.date for d in draft.dates] == [date(2026, 3, 4), date(2026, 3, 4), date(2026, 3, 3)]
    assert ("TASS", "statement") in [(s.name, s.of.text if s.of else "") for s in draft.sources]
    assert ("statement", ministry) in [(s.name, s.of.text if s.of else "") for s in draft.sources]
    numbers = [r["number"] for r in statement_form(forms().named(FORM), draft).values["figures"]]
    assert numbers == ["12", "At least three", "more than 1,500"]


def test_days_stay_open_without_a_day_of_writing() -> None:
    draft = read_statement(ENGLISH)
    assert [(d.date, d.reckoning) for d in draft.dates] == [(None, Reckoning.OPEN)] * 3
    warnings = statement_form(forms().named(FORM), draft).warnings
    assert sum("takes the date of writing" in w for w in warnings) == 3


def test_a_french_report() -> None:
    draft = read_statement(FRENCH)
    assert [(w, s) for w, s in speakers(draft)] == [
        ("la frégate n’a jamais qu", "Jean Dupont"),
        ("Nous avons reçu, a-t-il ", "Jean Dupont"),
        ("une provocation de plus", "état-major russe"),
    ]
    assert draft.written == date(2024, 5, 3)
    assert [d.date for d in draft.dates] == [date(2024, 5, n) for n in (3, 3, 1, 2)]
    assert [(f.value, f.counts.text) for f in draft.figures] == [(27, "navires"), (3000, "soldats")]
    made = statement_form(forms().named(FORM), draft)
    assert made.values["published"] == "2024-05-03"
    assert made.values["place"] == "PARIS"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("The minister said on Monday 3 March 2026 that all was well.", Reckoning.CONTRADICTED),
        ("The minister said on 2026-03-02 that all was well.", Reckoning.STATED),
        ("The minister said on March 2, 2026 that all was well.", Reckoning.STATED),
        ("The minister said two days ago that all was well.", Reckoning.OPEN),
    ],
)
def test_how_a_day_was_reckoned(text: str, found: Reckoning) -> None:
    assert read_statement(text, "en").dates[0].reckoning is found


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("He spoke yesterday.", [date(2026, 2, 28)]),
        ("He spoke two days ago and on 30 December.", [date(2026, 2, 27), date(2025, 12, 30)]),
        ("They will meet on Tuesday.", [date(2026, 3, 3)]),
        ("They met on Tuesday.", [date(2026, 2, 24)]),
        ("They met on 15 and 16 February.", [date(2026, 2, 15), date(2026, 2, 16)]),
        ("They met on 31 February 2026.", [None]),
    ],
)
def test_days_count_from_the_day_of_writing(text: str, days: list[date | None]) -> None:
    assert [d.date for d in read_statement(text, "en", TODAY).dates] == days


def test_whoever_is_not_named_is_not_guessed() -> None:
    draft = read_statement("« Tout va bien ».\n\nLes deux ministres se sont vus dans la ville de la paix.", "fr")
    (quotation,) = draft.quotations
    assert (quotation.speaker, quotation.basis) == (None, Basis.NOBODY)
    warnings = statement_form(forms().named(FORM), draft).warnings
    assert any("does not say who" in w for w in warnings)


def test_a_quotation_that_is_not_closed_is_kept_and_named() -> None:
    draft = read_statement("Le ministre a dit : « Tout va bien\n\nEt la suite.", "fr")
    assert [q.closed for q in draft.quotations] == [False]
    assert any("closing quotation mark" in w for w in statement_form(forms().named(FORM), draft).warnings)


def test_what_the_form_does_not_take_is_left_out_by_name() -> None:
    quotations = "".join(f"Le ministre a dit : « La phrase numéro {n} ». " for n in range(70))
    made = statement_form(forms().named(FORM), read_statement(f"{quotations} « {'très ' * 900}long »", "fr"))
    assert len(made.values["quotations"]) == 64
    assert any(w.startswith("quotations: 71 were found") for w in made.warnings)
    long = statement_form(forms().named(FORM), read_statement(f"Le ministre a dit : « {'très ' * 3300}long ».", "fr"))
    assert "quotations" not in long.values
    assert "original" not in long.values
    assert sum("left out" in w for w in long.warnings) == 2


def test_what_a_text_is_is_told_by_its_beginning_and_its_words() -> None:
    assert isinstance(read_any(REAL, TODAY), StatementDraft)
    assert isinstance(read_any("NAVAREA IV 12/26.\n1. GUNNERY.", TODAY), NoticeDraft)
    assert isinstance(read_any("Rien.", TODAY, language="fr"), StatementDraft)
    for text in ("GUNNERY IN THE AREA OF THE ISLAND AND THE PORT", "xyz"):
        with pytest.raises(DecodeError) as caught:
            read_any(text, TODAY)
        assert caught.value.code == "notice-malformed"
    with pytest.raises(DecodeError) as caught:
        read_any(REAL, TODAY, "notice")
    assert caught.value.code == "notice-malformed"


@pytest.mark.parametrize(
    ("text", "kind", "language", "code"),
    [
        ("Tout va bien.", "letter", "", "import-kind"),
        ("xyz", "press", "", "statement-language"),
        ("Alles ist gut.", "press", "de", "statement-language"),
        ("é" * MAX_TEXT, "press", "fr", "notice-too-large"),
    ],
)
def test_what_cannot_be_read_as_asked(text: str, kind: str, language: str, code: str) -> None:
    with pytest.raises((UsageError, DecodeError)) as caught:
        read_any(text, TODAY, kind, language=language)
    assert caught.value.code == code


def test_whoever_answers_is_not_taken_for_whoever_spoke_before() -> None:
    """Also where the verb is none that is known: nobody is named then, and never the one before."""
    text = (
        "Paris, le 1er mars 2026 \u2013 Le ministre Jean Dupont a parlé hier. « Nous ne fermerons pas le détroit », a "
        "déclaré le ministre. « Cette affirmation est fausse », a {verb} le porte-parole Dmitri Ivanov."
    )
    known = read_statement(text.format(verb="rétorqué")).quotations
    assert [q.speaker.text if q.speaker else "" for q in known] == ["Jean Dupont", "Dmitri Ivanov"]
    unknown = read_statement(text.format(verb="grommelé")).quotations
    assert [q.speaker.text if q.speaker else "" for q in unknown] == ["Jean Dupont", ""]


def test_the_place_and_the_day_in_french_are_when_it_was_written() -> None:
    draft = read_statement("Paris, le 1er mars 2026 \u2013 « Rien n'est décidé », a dit hier le ministre Jean Dupont.")
    assert draft.written == date(2026, 3, 1)
    (quotation,) = draft.quotations
    assert quotation.said is not None
    assert quotation.said.date == date(2026, 2, 28)


def test_a_day_within_what_was_said_is_not_the_day_on_which_it_was_said() -> None:
    text = (
        'MOSCOW, 12 March 2026 - The Defence Ministry said on Wednesday that "all units have returned". '
        'Spokeswoman Jane Doe denied it, saying: "That is not true." She added that three aircraft were lost yesterday.'
    )
    days = [q.said.date if q.said else None for q in read_statement(text).quotations]
    assert days == [date(2026, 3, 11), None]
