"""A message on paper: text, HTML and PDF say the same, in each language, and never run what others wrote."""

from __future__ import annotations

import re
import zlib
from datetime import UTC, datetime

import pytest

from parley.app.forms import fill, library, usual_packs
from parley.app.sheets import Sheet, as_html, as_pdf, as_text, sheet_of
from parley.app.translations import Translation, translation
from parley.app.views import MessageView, Recipient
from parley.errors import UsageError
from parley.forms.library import Forms

TIME = int(datetime(2026, 3, 10, 3, 4, tzinfo=UTC).timestamp())
HOSTILE = '#panic("x") $x$ [*] <script>alert(1)</script> \u202egnp.exe \\ #read("/etc/passwd")'


def forms() -> Forms:
    packs, dictionaries = usual_packs()
    return library().under({p.name: p.hash for p in packs}, dictionaries)


def view(**given: object) -> MessageView:
    made = MessageView(
        "northland-3f2a-12", "northland", TIME, ["southland"], "FLASH", "fr", "", "Prêts à l'été.", "watch", "watch"
    )
    for name, value in given.items():
        setattr(made, name, value)
    made.recipients = [Recipient("southland", delivered=TIME + 60)]
    return made


def check_fire() -> MessageView:
    values = {"struck": "hospital", "position": "36-43.09N 068-51.75E", "name": "Clinique de l'été"}
    return view(form="X1", filled=fill(forms(), forms().named("check-fire/check-fire"), values))


def sheet(made: MessageView, language: str = "ru", purpose: str = "operation", **given: str) -> Sheet:
    translations = [Translation("fr", "Traducteur de service", "Cessez le feu.", TIME)]
    return sheet_of(made, forms().words(language), purpose, translations, **given)


def letters(pdf: bytes) -> set[str]:
    """Every character that the PDF's fonts have a glyph for in use, by their ToUnicode maps."""
    found: set[str] = set()
    for match in re.finditer(rb"stream\r?\n", pdf):
        try:
            data = zlib.decompressobj().decompress(pdf[match.end() :])
        except zlib.error:
            continue
        for glyph, code in re.findall(rb"<([0-9A-Fa-f]{4})> <([0-9A-Fa-f]{4,})>", data):
            if int(glyph, 16):
                found |= set(bytes.fromhex(code.decode()).decode("utf-16-be"))
    return found


def test_a_form_on_paper_in_russian() -> None:
    made = sheet(check_fire(), mark="КОПИЯ")
    assert made.title == "ПРЕКРАТИТЕ ОГОНЬ"
    assert made.end == "КОНЕЦ СООБЩЕНИЯ northland-3f2a-12"
    text = as_text(made)
    assert text.rstrip().endswith("КОНЕЦ СООБЩЕНИЯ northland-3f2a-12")
    assert "*** КОПИЯ ***" in text
    assert "Clinique de l'été" in text
    assert "Доставлено 10 марта 2026 г., 03:05 UTC" in text  # noqa: RUF001
    assert text.index("Clinique") < text.index("Cessez le feu.")
    assert "Traducteur de service" in text


def test_a_pdf_has_glyphs_for_french_and_russian() -> None:
    pdf = as_pdf(sheet(check_fire(), mark="КОПИЯ"))
    assert pdf.startswith(b"%PDF-")
    wanted = set("ПРЕКРАТИТЕОГОНЬКОПИЯ" + "Clinique de l'été" + "Госпиталь")
    assert {c for c in wanted if not c.isspace()} - {"'"} <= letters(pdf)


def test_the_same_sheet_is_the_same_file() -> None:
    assert as_pdf(sheet(check_fire())) == as_pdf(sheet(check_fire()))


@pytest.mark.parametrize("language", ["en", "fr", "ru"])
def test_what_others_wrote_is_shown_and_never_run(language: str) -> None:
    made = sheet(view(text=HOSTILE, subject=HOSTILE), language, mark="#x")
    assert as_pdf(made).startswith(b"%PDF-")
    page = as_html(made)
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "<U+202E>" in as_text(made)
    assert "&lt;U+202E&gt;" in page


def test_a_line_for_exercises_marks_every_page() -> None:
    assert sheet(view(), "en", "exercise").mark == "EXERCISE"
    assert sheet(view(), "fr", "exercise", mark="COPIE").mark == "EXERCICE · COPIE"
    assert sheet(view(), "fr").mark == ""
    assert len(as_pdf(sheet(view(), "en", "exercise"))) != len(as_pdf(sheet(view(), "en")))
    assert "EXERCISE" in as_html(sheet(view(), "en", "exercise"))


def test_an_erased_message_says_so() -> None:
    made = MessageView("northland-3f2a-12", "northland", 0, [], "", "", "", "", "", "", erased=True)
    assert "Erased under retention." in as_text(sheet_of(made, forms().words("en"), "operation"))


def test_a_watermark_has_its_bound() -> None:
    with pytest.raises(UsageError) as caught:
        sheet(view(), mark="x" * 25)
    assert caught.value.code == "watermark-long"


@pytest.mark.parametrize(
    ("language", "translator", "text", "code"),
    [
        ("", "A", "B", "translation-incomplete"),
        ("not a language", "A", "B", "translation-incomplete"),
        ("fr", " ", "B", "translation-incomplete"),
        ("fr", "A", "", "translation-incomplete"),
        ("fr", "A" * 121, "B", "translation-long"),
        ("fr", "A", "é" * 20_000, "translation-long"),
    ],
)
def test_a_translation_names_its_language_and_its_translator(
    language: str, translator: str, text: str, code: str
) -> None:
    with pytest.raises(UsageError) as caught:
        translation(language, translator, text, TIME)
    assert caught.value.code == code
