"""Hostile text is shown for what it is (R4, D13)."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from parley.app.transcript import as_html, as_text, dtg
from parley.app.views import MessageView, Recipient
from parley.console.templating import peer_line, peer_text
from parley.forms.display import mixed_script_words, safe_line, safe_text


@given(st.text())
def test_nothing_that_misleads_is_left(text: str) -> None:
    # bad: bidirectional and control characters -> shown as what they are, such as <U+202E>
    shown = safe_text(text)
    for character in shown:
        assert character in "\n\t" or unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")
    assert "\n" not in safe_line(text)


def test_what_is_replaced_and_what_stays() -> None:
    assert safe_text("abc\u202edef") == "abc<U+202E>def"
    assert safe_text("\x1b[2J") == "<U+001B>[2J"
    assert safe_text("zero\u200bwidth") == "zero<U+200B>width"
    assert safe_text("Привет, École 12°\u00a0N") == "Привет, École 12°\u00a0N"
    assert safe_text("e" + "\u0301" * 9).count("<U+0301>") == 6
    assert mixed_script_words("p\u0430y раз one") == ("p\u0430y",)
    assert mixed_script_words("p\u0585pe \uff21bc \u13a0pe \U0001d400bc") == (
        "p\u0585pe",
        "\uff21bc",
        "\u13a0pe",
        "\U0001d400bc",
    )


@pytest.mark.parametrize("show", [peer_text, peer_line])
def test_a_page_marks_what_would_mislead_wherever_it_stands(show: Callable[[str], Markup]) -> None:
    mixed = '<mark class="mixed">p\u0430y</mark>'
    assert show("(p\u0430y2) _p\u0430y_ раз") == f"({mixed}2) _{mixed}_ раз"
    assert show("a\u202e<b>1") == 'a<mark class="hidden">&lt;U+202E&gt;</mark>&lt;b&gt;1'
    broken = show("one\ntwo")
    assert broken == ("one\ntwo" if show is peer_text else 'one<mark class="hidden">&lt;U+000A&gt;</mark>two')


@given(st.text(), st.text(max_size=20), st.text(max_size=20))
def test_a_transcript_escapes_all_of_it(text: str, subject: str, reason: str) -> None:
    view = MessageView("a-1-1", "a", 5, ["b"], "FLASH", "en", subject, text, "watch", "watch")
    view.recipients = [Recipient("b", delivered=1, declined=2, reason=reason), Recipient("c", refused="undecodable")]
    page = as_html("Line", [view])
    body = page.split("</style>")[1]
    for tag in ("<script", "<img", "<iframe", "javascript:"):
        assert tag not in body or tag in text + subject + reason
    assert as_text([view])
    assert "\u202e" not in page


def test_markup_in_a_message_is_text() -> None:
    view = MessageView("a-1-1", "a", 5, ["b"], "ROUTINE", "en", "", "<script>alert(1)</script>", "watch", "watch")
    assert "<script" not in as_html("Line", [view])
    assert "&lt;script&gt;" in as_html("Line", [view])
    view.erased = True
    assert "erased" in as_html("Line", [view])
    assert dtg(1_800_000_000) == "150800Z JAN 27"


def test_a_reply_stands_after_what_it_answers_whatever_the_clocks_say() -> None:
    first = MessageView("a-1-1", "a", 100, ["b"], "ROUTINE", "en", "", "question", "watch", "watch")
    reply = MessageView("b-1-1", "b", 50, ["a"], "ROUTINE", "en", "", "answer", "watch", "watch", reply_to="a-1-1")
    text = as_text([reply, first])
    assert text.index("question") < text.index("answer")
