"""One message as a sheet in the reader's language: the same parts as text, HTML and PDF (R4, R42, R45).

The PDF is set by typst. What others wrote reaches it as data and is never read as its markup.
"""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from parley.app.translations import Translation
from parley.app.views import MessageView, Recipient
from parley.errors import UsageError
from parley.forms.display import safe_line, safe_text
from parley.forms.render import render
from parley.forms.words import Words
from parley.later import later

if TYPE_CHECKING:
    import typst
else:
    typst = later("typst")

FORMATS: Final = ("text", "html", "pdf")
_MAX_MARK: Final = 24
_NO_DATE: Final = 0
"""No time of making stands in the file, so that the same sheet is the same file."""
_REFERS: Final = {
    "reply": "In reply to",
    "corrects": "Corrects",
    "cancels": "Cancels",
    "supersedes": "Replaces",
    "continues": "Goes on with",
    "queries": "Asks about",
}
_FACTS: Final = ("Delivered", "Read", "Acknowledged", "Declined", "Answered")


@dataclass(frozen=True, slots=True)
class Sheet:
    """What stands on it, every text already made safe to show. ``mark``: across every page; empty for none."""

    language: str
    title: str
    end: str
    mark: str = ""
    head: list[tuple[str, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    sentences: list[str] = field(default_factory=list)
    lines: list[tuple[str, list[str]]] = field(default_factory=list)
    text: str = ""
    """Free text, in the language that it was written in."""
    notes: list[str] = field(default_factory=list)
    translations: list[tuple[str, str]] = field(default_factory=list)
    """Each under a line that names its translator; the original stands above them, whole (R42)."""
    facts: list[str] = field(default_factory=list)
    colon: str = ":"


def sheet_of(
    view: MessageView, words: Words, purpose: str, translations: Sequence[Translation] = (), mark: str = ""
) -> Sheet:
    """The sheet of a message. On a line for exercises every page is marked so (R54).

    ``mark``: a further watermark. Raises UsageError ``watermark-long``.
    """
    if len(mark) > _MAX_MARK:
        raise UsageError(f"a watermark has at most {_MAX_MARK} characters.", code="watermark-long")
    marks = [words.say("EXERCISE") if purpose == "exercise" else "", safe_line(mark)]
    rendered = render(view.filled, words, view.time) if view.filled is not None else None
    return Sheet(
        words.language,
        rendered.title if rendered else safe_line(view.subject) or words.say("Message"),
        f"{words.say('END OF MESSAGE')} {view.id}",
        " · ".join(m for m in marks if m),
        _head(view, words),
        [*(rendered.warnings if rendered else ()), *([words.say("Erased under retention.")] if view.erased else [])],
        list(rendered.sentences) if rendered else [],
        [(line.label, list(line.values)) for line in rendered.lines] if rendered else [],
        "" if rendered else safe_text(view.text).strip(),
        list(rendered.notes) if rendered else [],
        [(_by(t, words), safe_text(t.text).strip()) for t in translations],
        [_fact(x, words) for x in view.recipients],
        words.say(":"),
    )


def _head(view: MessageView, words: Words) -> list[tuple[str, str]]:
    rows = [
        ("Message", view.id + (f" ({view.form})" if view.form else "")),
        ("Precedence", view.precedence),
        ("From", view.author),
        ("To", ", ".join(view.to)),
        ("Time", words.time(view.time) if view.time else ""),
        ("Subject", safe_line(view.subject)),
        ("Language", words.language_name(view.language)),
        *((_REFERS[ref["relation"]], ref["id"]) for ref in view.refs if ref["relation"] in _REFERS),
    ]
    return [(words.say(label), value) for label, value in rows if value]


def _by(translation: Translation, words: Words) -> str:
    text = words.say("Translation ({language}) by {translator}, {time}; not part of the message")
    named = {"language": words.language_name(translation.language), "translator": safe_line(translation.translator)}
    return text.format(**named, time=words.time(translation.time))


def _fact(recipient: Recipient, words: Words) -> str:
    times = [(words.say(f), getattr(recipient, f.lower())) for f in _FACTS]
    facts = ", ".join(f"{said} {words.time(at)}" for said, at in times if at)
    return f"{recipient.code}{words.say(':')} {facts or words.say('Not delivered')}"


def as_text(sheet: Sheet) -> str:
    """Plain text; the last line repeats the message's id, so that a cut is seen."""
    out = [f"*** {sheet.mark} ***", ""] if sheet.mark else []
    out += [sheet.title.upper(), *(f"{label}{sheet.colon} {value}" for label, value in sheet.head), ""]
    out += [f"!! {w}" for w in sheet.warnings]
    out += sheet.sentences
    for number, (label, values) in enumerate(sheet.lines, 1):
        said = f"{number}. {label}{sheet.colon}"
        out += [f"{said} {values[0]}"] if len(values) == 1 else [said]
        out += [f"   - {value}" for value in values] if len(values) > 1 else []
    out += [sheet.text] if sheet.text else []
    out += ["", *sheet.notes] if sheet.notes else []
    for by, text in sheet.translations:
        out += ["", f"[{by}]", *(f"  | {line}" for line in text.splitlines())]
    return "\n".join([*out, "", *sheet.facts, "", sheet.end]) + "\n"


_STYLE: Final = (
    "body{font:1rem/1.5 serif;max-width:46rem;margin:2rem auto;padding:0 1rem}dt,th{font-weight:bold;text-align:left}"
    "th{padding-right:1rem;vertical-align:top}.warning{color:#b00020;font-weight:bold}.text{white-space:pre-wrap}"
    "blockquote{border-left:.2rem solid;margin:1rem 0;padding:.5rem 1rem}.mark{text-align:center;font-weight:bold}"
    ".mark.across{position:fixed;top:40%;left:0;right:0;font-size:5rem;opacity:.12;transform:rotate(-30deg);"
    "pointer-events:none}"
)


def as_html(sheet: Sheet) -> str:
    """A page without scripts or anything remote."""
    e = html.escape
    out = [
        f'<!doctype html>\n<html lang="{e(sheet.language)}"><head><meta charset="utf-8">',
        f"<title>{e(sheet.title)}</title><style>{_STYLE}</style></head><body>",
    ]
    if sheet.mark:
        out += [f'<p class="mark">{e(sheet.mark)}</p><p class="mark across" aria-hidden="true">{e(sheet.mark)}</p>']
    out += [f"<h1>{e(sheet.title)}</h1>", "<table>"]
    out += [f'<tr><th scope="row">{e(label)}</th><td dir="auto">{e(value)}</td></tr>' for label, value in sheet.head]
    out += ["</table>", *(f'<p class="warning">{e(w)}</p>' for w in sheet.warnings)]
    out += [f'<p dir="auto">{e(s)}</p>' for s in sheet.sentences]
    out += ["<dl>"] if sheet.lines else []
    for number, (label, values) in enumerate(sheet.lines, 1):
        out += [f"<dt>{number}. {e(label)}</dt>", *(f'<dd dir="auto">{e(v)}</dd>' for v in values)]
    out += ["</dl>"] if sheet.lines else []
    out += [f'<p class="text" dir="auto">{e(sheet.text)}</p>'] if sheet.text else []
    out += [f"<p><em>{e(note)}</em></p>" for note in sheet.notes]
    for by, text in sheet.translations:
        out += [f'<blockquote><strong>{e(by)}</strong><p class="text" dir="auto">{e(text)}</p></blockquote>']
    out += [f"<p><small>{e(fact)}</small></p>" for fact in sheet.facts]
    return "\n".join([*out, f'<p class="mark">{e(sheet.end)}</p>', "</body></html>"]) + "\n"


@cache
def _template() -> bytes:
    return files("parley.app").joinpath("print_data", "sheet.typ").read_bytes()


def as_pdf(sheet: Sheet) -> bytes:
    """A PDF with its fonts in it; the same sheet gives the same bytes."""
    data = json.dumps(asdict(sheet), ensure_ascii=False)
    made = typst.compile(
        _template(), format="pdf", ignore_system_fonts=True, sys_inputs={"sheet": data}, timestamp=_NO_DATE
    )
    if not isinstance(made, bytes):
        raise UsageError("the sheet could not be set.", code="pdf-failed")
    return made
