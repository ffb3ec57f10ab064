"""A draft of a public statement from a press text: rules and a lexicon, nothing is looked up or guessed.

An officer checks the draft against the text, to whose words every field is linked.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from parley.errors import DecodeError, UsageError
from parley.limits import MAX_TEXT
from parley.notices.draft import Span
from parley.notices.statement.dates import date_of_writing, find_dates
from parley.notices.statement.draft import Basis, Dated, Quotation, StatementDraft
from parley.notices.statement.figures import find_figures
from parley.notices.statement.lexicon import LEXICONS
from parley.notices.statement.sources import Chain
from parley.notices.statement.speakers import (
    Cast,
    Mention,
    Party,
    Saying,
    attributed,
    interposed,
    sayings,
    subject,
)
from parley.notices.statement.text import PressText, Quoted, Sentence, cut, language_of_words, straight, tell_language

_NAME_MAX: Final = 4
"""Words of a name in quotation marks that nobody said, such as that of an exercise."""
_REPEATED_MIN: Final = 2
"""Words of the shortest quotation that is known again."""
_PLACE: Final = re.compile(
    r"(?P<place>[^\W\d_][\w'\u2019 -]{1,40}?)(?:,[^\n()\u2013\u2014]{1,40})?(?:\s?\([^()\n]{1,60}\))?"
    r"\s?(?:[\u2013\u2014]|--?)\s"
)


def read_statement(text: str, language: str | None = None, written: date | None = None) -> StatementDraft:
    """What ``text`` says that was said. ``written``: the day from which its dates count, if known.

    Raises DecodeError: ``notice-too-large``; UsageError: ``statement-language`` when ``language`` is none that is read
    here, or is not given and cannot be told.
    """
    if len(text) > MAX_TEXT or len(text.encode(errors="replace")) > MAX_TEXT:
        raise DecodeError(f"a text of more than {MAX_TEXT} bytes.", code="notice-too-large")
    language = language or tell_language(text)
    if language not in LEXICONS:
        raise UsageError(
            f"the text is taken to be in {language or 'no language that is known'}; there are {', '.join(LEXICONS)}.",
            code="statement-language",
            next_step="Say which language it is written in.",
        )
    press = cut(text, LEXICONS[language])
    written = written or date_of_writing(press)
    dates = find_dates(press, written)
    reading = _Reading(press, dates)
    for sentence in press.sentences:
        reading.read(sentence)
    quotations = reading.quotations()
    return StatementDraft(
        text,
        language,
        quotations,
        tuple(find_figures(press, [d.span for d in dates])),
        dates,
        reading.chain.sources(reading.speakers()),
        press.headline,
        _place(press),
        written,
    )


_OTHER: Final = re.compile(r",?A?wD?[OCBJM]")
"""After a quotation: a verb that is not known, and somebody whose it is."""
_THAT: Final = frozenset({"that", "que", "qu'"})
_FILED: Final = re.compile(r"[^\n\w]{0,3}[\u2013\u2014-]\s")


@dataclass(slots=True)
class _Found:
    quoted: Quoted
    paragraph: int
    days: list[Dated]
    basis: Basis = Basis.NOBODY
    party: Party | None = None
    named: Span | None = None


@dataclass(slots=True)
class _Reading:
    """Goes through the sentences in order; later ones may say more of those whom earlier ones named."""

    text: PressText
    dates: tuple[Dated, ...]
    cast: Cast = field(init=False)
    chain: Chain = field(init=False)
    spoke: dict[int, list[Dated]] = field(default_factory=dict)
    """By party, the days in the sentences that say what it said."""
    found: list[_Found] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.cast = Cast(self.text.lexicon)
        self.chain = Chain(self.text, self.cast)

    def read(self, sentence: Sentence) -> None:
        said = sayings(self.text, sentence)
        # Who says the whole is who a pronoun later stands for.
        inner_first = sorted(said, key=lambda s: not s.within)
        parties = {s.first: self.cast.who(s.mention) for s in inner_first if s.mention}
        outer = [p for s in said if not s.within and (p := parties.get(s.first)) and p.kind not in ("M", "J")]
        self.chain.read(sentence, next(iter(outer), None))
        days = self._days(sentence)
        for party in outer:
            self.spoke.setdefault(id(party), []).extend(days)
        for at, quoted in sentence.quoted.items():
            if self._is_name(sentence, at):
                continue
            found = _Found(quoted, sentence.paragraph, days)
            saying = attributed(sentence, said, at)
            if saying is not None:
                self._give(found, sentence, said, saying, parties)
            elif mention := interposed(self.text, quoted):
                self._name(found, mention, self.cast.who(mention))
            elif quoted.continues or (
                sentence.tags[: at + 1].strip("EYQ,") == ""
                and self._goes_on(sentence)
                and not _OTHER.match(sentence.tags, at + 1)
            ):
                self._continue(found)
            self.found.append(found)

    def _give(
        self, found: _Found, sentence: Sentence, said: list[Saying], saying: Saying, parties: dict[int, Party | None]
    ) -> None:
        """The speaker of ``saying``; of a participle, that of the nearest other one, or the subject of the sentence."""
        if saying.mention:
            self._name(found, saying.mention, parties[saying.first])
        else:
            others = sorted((s for s in said if s.mention), key=lambda s: (s.first > saying.first, -s.first))
            mention = others[0].mention if others else subject(self.text, sentence)
            found.party = self.cast.who(mention) if mention else None
            found.named = mention.span if mention else None
            found.basis = Basis.CONTINUED if found.party else Basis.NOBODY

    def _name(self, found: _Found, mention: Mention, party: Party | None) -> None:
        found.named, found.party = mention.span, party
        found.basis = Basis.NOBODY if party is None else Basis.PRONOUN if mention.pronoun else Basis.NAMED

    def _goes_on(self, sentence: Sentence) -> bool:
        return bool(self.found) and self.found[-1].paragraph == sentence.paragraph

    def _continue(self, found: _Found) -> None:
        if self.found and self.found[-1].party:
            found.party, found.basis = self.found[-1].party, Basis.CONTINUED

    def _is_name(self, sentence: Sentence, at: int) -> bool:
        """The name of an exercise or a ship, which nobody said."""
        quoted = sentence.quoted[at]
        short = len(self.text.raw[quoted.first : quoted.last].split()) <= _NAME_MAX
        return short and at > 0 and sentence.words[at - 1].low in self.text.lexicon.named

    def speakers(self) -> list[Party]:
        """Those who are quoted, in the order of the text."""
        return list(dict.fromkeys(p for f in self.found if (p := self._party(f))))

    def _party(self, found: _Found) -> Party | None:
        """Who speaks; for a document, who issued it."""
        party = found.party
        if party and party.kind == "M" and party.name:
            return self.chain.issuer(party.name) or party
        return party

    def quotations(self) -> tuple[Quotation, ...]:
        """All of them, with what later sentences said of their speakers."""
        said = [(_plain(self._words(f)), f.party) for f in self.found if f.party]
        for found in self.found:
            words = _plain(self._words(found))
            if found.party is None and len(words.split()) >= _REPEATED_MIN:
                same = {id(party): party for whole, party in said if f" {words} " in f" {whole} "}
                if len(same) == 1:
                    found.party, found.basis = next(iter(same.values())), Basis.REPEATED
        return tuple(self._quotation(f) for f in self.found)

    def _words(self, found: _Found) -> str:
        return self.text.raw[found.quoted.first : found.quoted.last]

    def _quotation(self, found: _Found) -> Quotation:
        party = self._party(found)
        speaker = party.speaker if party else None
        role = party.role if party and party.name else None
        span = self.text.span(found.quoted.first, found.quoted.last)
        language = language_of_words(span.text, self.text.lexicon.language)
        said = _one_day(found.days) or _one_day(self.spoke.get(id(found.party), []))
        return Quotation(span, speaker, role, language, found.basis, found.named, found.quoted.closed, said)

    def _days(self, sentence: Sentence) -> list[Dated]:
        """The days that the writer's own words in ``sentence`` name."""
        start, end = sentence.words[0].start, sentence.words[-1].end
        first, past = (bisect_left(self.dates, at, key=lambda d: d.span.start) for at in (start, end))
        quoted = [(q.start, q.end) for q in sentence.quoted.values()]
        # After "that" stands what is said, and before a dash where and when the report was filed.
        end = next((w.start for w in sentence.words if w.low in _THAT), end + 1)
        return [
            d
            for d in self.dates[first:past]
            if d.span.start < end
            and not any(a <= d.span.start < b for a, b in quoted)
            and not _FILED.match(self.text.raw, d.span.end)
        ]


def _one_day(days: Sequence[Dated]) -> Dated | None:
    """The first of ``days`` when they are all the same day."""
    return days[0] if days and days[0].date and len({d.date for d in days}) == 1 else None


def _plain(words: str) -> str:
    """Only the words without accents, which capitals may lack, for comparison."""
    letters = unicodedata.normalize("NFD", straight(words))
    return " ".join(re.findall(r"\w+", re.sub(r"[\u0300-\u036f]", "", letters)))


def _place(text: PressText) -> Span | None:
    """Where the report was filed: the words in capitals before the first dash."""
    for sentence in text.sentences:
        if not sentence.heading:
            match = _PLACE.match(text.raw, sentence.words[0].start)
            if match and match.group("place").isupper():
                return text.span(*match.span("place"))
            return None
    return None
