"""The chain by which words came: in what document or speech they were said, and which agency or newspaper had it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from parley.notices.draft import Span
from parley.notices.statement.draft import Source, SourceKind
from parley.notices.statement.speakers import Cast, Party, mention_at
from parley.notices.statement.text import PressText, Sentence

_DOCUMENT: Final = re.compile(
    r"(?P<before>[FLp])?D?(?P<whose>[wCOBJ]{1,4}S)?[wCOB]{0,3}(?P<noun>M)w{0,2}"
    r"(?:[PU](?P<of>D?[wCOBJ]{1,6}(?:PD?[wCOBJ]{1,4})?)|(?P<done>[wVF])U(?P<by>D?[wCOBJS]{1,6}(?:PD?[wCOBJ]{1,4})?))?"
)
_MEDIUM: Final = re.compile(r"(?=[CJw]{0,4}J)[CJ][CJw]{0,4}")


@dataclass(slots=True)
class Document:
    """A document or speech, as far as the text says what it is."""

    noun: str
    span: Span
    issuer: Party | None = None


@dataclass(slots=True)
class Chain:
    """The documents and media of one text, in order."""

    text: PressText
    cast: Cast
    documents: list[Document] = field(default_factory=list)
    media: list[tuple[Span, Span | None]] = field(default_factory=list)

    def read(self, sentence: Sentence, speaker: Party | None) -> None:
        """Add what the writer's own words in ``sentence`` name. ``speaker``: who says something in it."""
        carried = list(self._documents(sentence, speaker))
        for span in _media(self.text, sentence):
            if all(span.start >= known.end or span.end <= known.start for known, _ in carried):
                carried.append((span, None))
        self.media += sorted(carried, key=lambda each: each[0].start)

    def _documents(self, sentence: Sentence, speaker: Party | None) -> Iterator[tuple[Span, Span | None]]:
        """Notes the documents; yields the media that are named with them."""
        for match in _DOCUMENT.finditer(sentence.tags):
            words = sentence.words
            at = match.start("noun")
            document = self._document(words[at].low, words[max(at - 1, 0)].low, self._span(sentence, at, at + 1))
            issuers = [match.span(g) for g in ("of", "by") if match.start(g) >= 0]
            if match.start("whose") >= 0:
                issuers.append((match.start("whose"), match.end("whose") - 1))
            for first, past in issuers:
                mention = mention_at(self.text, sentence, first, past)
                done = words[match.start("done")].low if match.start("done") >= 0 else ""
                if done in self.text.lexicon.relayed or mention.kind == "J":
                    yield mention.name or mention.span, document.span
                elif re.search("[COB]", sentence.tags[first:past]):
                    document.issuer = self.cast.who(mention)
            if match.start("before") >= 0:
                document.issuer = document.issuer or speaker
            used = document.issuer or issuers or match.start("before") >= 0
            if used and document not in self.documents:
                self.documents.append(document)

    def _document(self, noun: str, determiner: str, span: Span) -> Document:
        """The one of this noun that the text spoke of before, unless it says "a": then another."""
        known = [d for d in self.documents if d.noun == noun]
        return known[-1] if known and determiner not in self.text.lexicon.indefinite else Document(noun, span)

    def _span(self, sentence: Sentence, first: int, past: int) -> Span:
        return self.text.span(sentence.words[first].start, sentence.words[past - 1].end)

    def issuer(self, words: Span) -> Party | None:
        """Who issued the document that ``words`` name, wherever the text says so."""
        last = re.findall(r"\w+", words.text.lower())
        return next((d.issuer for d in self.documents if d.issuer and d.noun in last), None)

    def sources(self, speakers: list[Party]) -> tuple[Source, ...]:
        """From who said it to who carried it."""
        found = [Source(s.text, SourceKind.SPEAKER, s) for party in speakers if (s := party.speaker)]
        for document in self.documents:
            issuer = document.issuer.speaker if document.issuer else None
            found.append(Source(document.span.text, SourceKind.DOCUMENT, document.span, issuer))
        named: dict[str, Source] = {}
        for span, document_span in self.media:
            named.setdefault(span.text, Source(span.text, SourceKind.MEDIUM, span, document_span))
        return (*found, *named.values())


def _media(text: PressText, sentence: Sentence) -> Iterator[Span]:
    for match in _MEDIUM.finditer(sentence.tags):
        first, past = match.span()
        past = first + len(match.group().rstrip("w"))
        words = sentence.words[first:past]
        if "C" in sentence.tags[first:past] or any(w.low in text.lexicon.agencies for w in words):
            yield text.span(words[0].start, words[-1].end)
