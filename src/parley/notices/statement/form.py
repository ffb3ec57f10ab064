"""A press text's draft as the public-statement form, each value with the words of the text that it came from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from parley.forms.pack import Field, Form
from parley.notices.draft import Span
from parley.notices.statement.draft import Dated, Figure, Quotation, Reckoning, Source, StatementDraft

FORM: Final = "public-statement/statement"
_MAX_ORIGINAL: Final = 16_000
"""Bytes up to which the whole text travels in the form, beside the words that were taken from it."""


@dataclass(frozen=True, slots=True)
class Link:
    """One value of the form. ``field`` is its path, such as ``quotations.2.speaker``; lists count from 1."""

    field: str
    value: str
    span: Span
    why: str = ""
    """What the text gives for it, where that is more than the words themselves."""


@dataclass(slots=True)
class StatementForm:
    """Values as ``read_values`` takes them, where each came from, and what the officer must see to."""

    values: dict[str, Any] = field(default_factory=dict)
    links: list[Link] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def statement_form(form: Form, draft: StatementDraft) -> StatementForm:
    """``draft`` as far as ``form`` takes it. What is too long or too much for it is left out, with a warning."""
    made = _Maker(form)
    made.text("headline", draft.headline)
    made.text("place", draft.place)
    made.day("published", draft.written, draft.dates)
    made.made.values["original-language"] = draft.language
    made.rows("quotations", [_quotation(q) for q in draft.quotations])
    made.rows("figures", list(_figures(draft.figures)))
    made.sources(draft.sources)
    if len(draft.text.encode()) <= _MAX_ORIGINAL:
        made.made.values["original"] = draft.text.strip()
    else:
        made.made.warnings.append("The original text is too long for the form and is left out: send it as a file.")
    made.made.warnings += _doubts(draft)
    return made.made


Row = list[tuple[str, str, Span, str]]
"""The fields of one row: name, value, where it came from, and why."""


class _Maker:
    """Fills the form in, within what its fields take."""

    def __init__(self, form: Form) -> None:
        self._form = form
        self.made = StatementForm()

    def text(self, name: str, span: Span | None) -> None:
        spec = self._form.field(name)
        if span is not None and spec is not None and self._fits(spec, span.text, name):
            self.made.values[name] = span.text
            self.made.links.append(Link(name, span.text, span))

    def day(self, name: str, day: date | None, dates: tuple[Dated, ...]) -> None:
        if day is not None:
            self.made.values[name] = day.isoformat()
            found = next((d for d in dates if d.date == day), None)
            if found is not None:
                self.made.links.append(Link(name, day.isoformat(), found.span, found.reckoning.value))

    def rows(self, name: str, rows: list[Row]) -> None:
        """A list of groups; a row of which a value does not fit is left out whole."""
        spec = self._form.field(name)
        inner = {f.name: f for f in spec.fields} if spec is not None else {}
        kept: list[dict[str, str]] = []
        for row in rows:
            if spec is None or len(kept) == spec.repeat:
                self.made.warnings.append(f"{name}: {len(rows)} were found, and the form takes {len(kept)}.")
                break
            if all(self._fits(inner[key], value, name) for key, value, _, _ in row):
                kept.append({key: value for key, value, _, _ in row})
                at = f"{name}.{len(kept)}"
                self.made.links += [Link(f"{at}.{key}", value, span, why) for key, value, span, why in row]
        if kept:
            self.made.values[name] = kept

    def sources(self, sources: tuple[Source, ...]) -> None:
        spec = self._form.field("sources")
        kept: list[str] = []
        for source in sources:
            name = f"{source.name} ({source.of.text})" if source.of else source.name
            if spec is not None and len(kept) < spec.repeat and self._fits(spec, name, "sources"):
                kept.append(name)
                self.made.links.append(Link(f"sources.{len(kept)}", name, source.span, source.kind.value))
        if kept:
            self.made.values["sources"] = kept

    def _fits(self, spec: Field, value: str, where: str) -> bool:
        fits = spec.type != "text" or 0 < len(value) <= spec.high
        if not fits:
            self.made.warnings.append(f"{where}: {value[:40]!r}... is longer than {spec.high} characters; left out.")
        return fits


def _quotation(quotation: Quotation) -> Row:
    row: Row = [("words", quotation.words, quotation.span, "")]
    if quotation.speaker:
        row.append(("speaker", quotation.speaker.text, quotation.speaker, quotation.basis.value))
    if quotation.role:
        row.append(("role", quotation.role.text, quotation.role, ""))
    if quotation.said and quotation.said.date:
        said = quotation.said
        row.append(("on", quotation.said.date.isoformat(), said.span, said.reckoning.value))
    return row


def _figures(figures: tuple[Figure, ...]) -> Iterator[Row]:
    """In the words of the text, with what limits them; the same figure of the same things once."""
    seen: set[tuple[str, str]] = set()
    for figure in figures:
        number = f"{figure.qualifier.text} {figure.span.text}" if figure.qualifier else figure.span.text
        if (number, figure.counts.text) not in seen:
            seen.add((number, figure.counts.text))
            yield [("number", number, figure.span, ""), ("counts", figure.counts.text, figure.counts, "")]


def _doubts(draft: StatementDraft) -> Iterator[str]:
    """What the text leaves open, in sentences for the officer."""
    for number, quotation in enumerate(draft.quotations, 1):
        if quotation.speaker is None:
            yield f"Quotation {number}: {quotation.basis.value}."
        if not quotation.closed:
            yield f"Quotation {number}: the closing quotation mark is missing."
    for dated in draft.dates:
        if dated.date is None or dated.reckoning is Reckoning.CONTRADICTED:
            yield f"The day {dated.words!r}: {dated.reckoning.value}."
    if draft.written is None:
        yield "The text does not say when it was written."
