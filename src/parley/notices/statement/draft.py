"""What was found in a press text: a draft for an officer to check, each field with the words that it came from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import Enum

from parley.notices.draft import Span


class Basis(Enum):
    """What the text gives for the speaker of a quotation."""

    NAMED = "named with the words"
    PRONOUN = "named by a pronoun: taken for who spoke last"
    CONTINUED = "no speaker of its own: the speech before goes on"
    REPEATED = "the same words are given a speaker elsewhere in the text"
    NOBODY = "the text does not say who said this"


class Reckoning(Enum):
    """What the text gives for a date."""

    STATED = "stated in full"
    WRITTEN = "counted from the date of writing"
    TEXT = "completed from a full date in the text"
    CONTRADICTED = "the day of the week is not that of the date"
    OPEN = "not known: it takes the date of writing"


class SourceKind(Enum):
    """A link of the chain from who said it to who published it, in this order."""

    SPEAKER = "speaker"
    DOCUMENT = "said in"
    MEDIUM = "carried by"


@dataclass(frozen=True, slots=True)
class Dated:
    """A day that the text names; ``date`` is None when nothing makes it absolute."""

    date: date | None
    span: Span
    reckoning: Reckoning

    @property
    def words(self) -> str:
        """The date as the text has it."""
        return self.span.text


@dataclass(frozen=True, slots=True)
class Quotation:
    """Words between quotation marks; quotations within them are a part of them.

    ``speaker`` and ``role`` are where the text names the speaker most fully, ``named`` what stands with the words.
    """

    span: Span
    speaker: Span | None
    role: Span | None
    language: str
    """``fr`` or ``en``: the language of the words, which may be a translation."""
    basis: Basis
    named: Span | None = None
    closed: bool = True
    """False when the closing mark is missing."""
    said: Dated | None = None
    """The one day that the text names with these words, or with what their speaker said."""

    @property
    def words(self) -> str:
        """The exact words, without the marks."""
        return self.span.text


@dataclass(frozen=True, slots=True)
class Figure:
    """A number and what it counts. ``qualifier``: what limits it, such as "at least"."""

    value: int | float
    counts: Span
    span: Span
    qualifier: Span | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """One link. ``of``: who issued the document, or the document that the medium carried, where the text says so."""

    name: str
    kind: SourceKind
    span: Span
    of: Span | None = None


@dataclass(frozen=True, slots=True)
class StatementDraft:
    """A press text as far as it was understood; everything in the order of the text, sources in that of the chain."""

    text: str
    language: str
    quotations: tuple[Quotation, ...]
    figures: tuple[Figure, ...]
    dates: tuple[Dated, ...]
    sources: tuple[Source, ...]
    headline: Span | None
    place: Span | None
    written: date | None
    """The date of writing, as given or as the text states it."""
