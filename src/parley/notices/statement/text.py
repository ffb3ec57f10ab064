"""A press text cut into sentences of tagged words, in which each quotation is one word."""

from __future__ import annotations

import re
from bisect import bisect
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final, NamedTuple

from parley.notices.draft import Span
from parley.notices.statement.lexicon import LEXICONS, Lexicon

ENDS: Final = ".?!\u2026"
_CLOSERS: Final = {"\u00ab": "\u00bb", "\u201c": "\u201d", "\u201e": "\u201d\u201c", '"': '"', "\u2018": "\u2019"}
_MARK: Final = re.compile('[\u00ab\u00bb\u201c\u201d\u201e\u2018\u2019"]')
_LONGEST_SENTENCE: Final = 300
"""Words; what goes on for longer is cut, which bounds the time that reading it takes."""
_HEADING: Final = 200
"""Characters of the longest heading."""
_ADVERB: Final = 7
"""Letters of the shortest adverb that its ending tells."""
_TAGS: Final = {"number": "N", "possessive": "S", "inverted": "I"}
_SURE: Final = 3
"""Telltale words that a quotation in another language than its text has at least."""


class Token(NamedTuple):
    """A word, number, mark or whole quotation. ``low``: in lower case, apostrophes straight."""

    start: int
    end: int
    low: str
    tag: str


class Quoted(NamedTuple):
    """What stands between quotation marks, ``first`` to ``last`` without them and the space within."""

    start: int
    first: int
    last: int
    end: int
    closed: bool
    continues: bool
    """The marks of the paragraph before were left open, and this is more of the same."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """Words with their tags as one string, and the quotation of each word that is one."""

    words: tuple[Token, ...]
    tags: str
    quoted: dict[int, Quoted]
    paragraph: int
    heading: bool


@dataclass(frozen=True, slots=True)
class PressText:
    """A text, cut. ``words`` are all of it, those within quotations too."""

    raw: str
    lexicon: Lexicon
    words: tuple[Token, ...]
    sentences: tuple[Sentence, ...]
    headline: Span | None

    def span(self, start: int, end: int) -> Span:
        """The piece of text from ``start`` to ``end``."""
        return Span(start, end, self.raw[start:end])


def straight(text: str) -> str:
    """Lower case with straight apostrophes, one character for one."""
    return text.lower().replace("\u2019", "'")


def tell_language(text: str) -> str | None:
    """``fr`` or ``en``, whichever has at least twice the telltale words of the other; None when neither has."""
    words = Counter(re.findall(r"[^\W\d_]+", text.lower()))
    counts = sorted((sum(words[w] for w in each.telltale), name) for name, each in LEXICONS.items())
    (least, _), (most, found) = counts
    return found if most > 2 * least else None


def language_of_words(words: str, language: str) -> str:
    """That of the text, unless the words clearly have another."""
    told = tell_language(words)
    if told is None or told == language:
        return language
    known = LEXICONS[told].telltale
    return told if sum(w in known for w in words.lower().split()) >= _SURE else language


def cut(text: str, lexicon: Lexicon) -> PressText:
    """The words, quotations and sentences of ``text``."""
    words: list[Token] = []
    sentences: list[Sentence] = []
    paragraphs = list(_paragraphs(text))
    headline = None
    left_open = ""
    for number, (start, end) in enumerate(paragraphs):
        quoted = list(_quoted(text, start, end, left_open))
        left_open = "" if not quoted or quoted[-1].closed else text[quoted[-1].start]
        own = list(_tokens(text, start, end, lexicon))
        heading = end - start <= _HEADING and "\n" not in text[start:end] and text[end - 1] not in ENDS
        if heading and number == 0 and len(paragraphs) > 1:
            headline = Span(start, end, text[start:end])
        words += own
        collapsed, at_quote = _collapse(text, own, quoted)
        for first, past in _sentences(collapsed):
            piece = tuple(collapsed[first:past])
            marked = {i: at_quote[w.start] for i, w in enumerate(piece) if w.tag == "Q"}
            sentences.append(Sentence(piece, "".join(w.tag for w in piece), marked, number, heading))
    return PressText(text, lexicon, tuple(words), tuple(sentences), headline)


def _paragraphs(text: str) -> Iterator[tuple[int, int]]:
    """Blocks between blank lines; where there is no blank line, each line is one."""
    between = r"\n[ \t\r]*\n" if re.search(r"\n[ \t\r]*\n", text.strip()) else r"\n"
    at = 0
    for gap in (*re.finditer(between, text), None):
        end = gap.start() if gap else len(text)
        block = text[at:end]
        if block.strip():
            yield at + len(block) - len(block.lstrip()), at + len(block.rstrip())
        at = gap.end() if gap else end


# -- quotations ------------------------------------------------------------------------------------------


def _quoted(text: str, start: int, end: int, left_open: str) -> Iterator[Quoted]:
    """The quotations of one paragraph; marks within marks belong to the outer ones."""
    marks = [m.start() for m in _MARK.finditer(text, start, end)]
    partner = _partners(text, marks, end)
    after = start
    for at in marks:
        close = partner.get(at)
        if at < after or text[at] not in _CLOSERS or (close is None and (text[at] == "\u2018" or _inches(text, at))):
            continue
        after = end if close is None else close + 1
        inner = text[at + 1 : after if close is None else close]
        first = at + 1 + len(inner) - len(inner.lstrip())
        # The comma before the closing mark belongs to the sentence around it.
        last = first + len(inner.strip().removesuffix(",").rstrip())
        if last > first:
            yield Quoted(at, first, last, after, close is not None, at == start and text[at] == left_open)


def _partners(text: str, marks: list[int], end: int) -> dict[int, int]:
    """Which mark closes each that opens, in one pass; one that nothing closes as a pair ends at the next closer."""
    partner: dict[int, int] = {}
    open_marks: dict[str, list[int]] = {mark: [] for mark in _CLOSERS}
    closers: dict[str, list[int]] = {mark: [] for mark in _CLOSERS}
    for at in marks:
        if _inches(text, at) and not open_marks[text[at]]:
            continue
        for mark, opened in open_marks.items():
            if text[at] in _CLOSERS[mark] and _closes(text, at, end):
                closers[mark].append(at)
                if opened:
                    partner[opened.pop()] = at
                    break
        else:
            if text[at] in _CLOSERS:
                open_marks[text[at]].append(at)
    for mark, opened in open_marks.items():
        for at in opened:
            place = bisect(closers[mark], at)
            if place < len(closers[mark]):
                partner[at] = closers[mark][place]
    return partner


def _inches(text: str, at: int) -> bool:
    return text[at] == '"' and at > 0 and text[at - 1].isdigit()


def _closes(text: str, at: int, end: int) -> bool:
    """An apostrophe looks like a closing mark: it closes when no letter follows."""
    return text[at] != "\u2019" or at + 1 >= end or not text[at + 1].isalnum()


# -- words -----------------------------------------------------------------------------------------------


@cache
def _pattern(language: str) -> re.Pattern[str]:
    phrases = "|".join(re.escape(p).replace("'", "['\u2019]").replace(r"\ ", r"\s") for p in LEXICONS[language].phrases)
    titles = "|".join(re.escape(w) for w in LEXICONS[language].tags if w.endswith("."))
    return re.compile(
        rf"""
          (?P<phrase> \b(?:{phrases})(?!\w) )
        | (?P<short> \b(?:{titles})(?=\s) | (?-i:(?:\b[A-Z]\.){{2,9}} | \b[A-Z]\.(?=\s[A-Z])) )
        | (?P<elision> (?<!\w)(?:[ldnmtscj]|qu|jusqu|lorsqu|puisqu)['\u2019](?=\s*[\w\u00ab\u201c"]) )
        | (?P<inverted> (?<=\w)-(?:t-)?(?:ils?|elles?|on)\b )
        | (?P<possessive> (?<=\w)['\u2019]s\b )
        | (?P<number> (?<!\d)\d{{1,3}}(?:[.,\u00a0\u202f\u2009\ ]\d{{3}}(?!\d)){{1,5}} | \d{{1,15}}(?:[.,]\d{{1,6}})? )
        | (?P<word> [^\W\d_]+ (?: (?:['\u2019](?!s\b) | -(?!(?:t-)?(?:ils?|elles?|on)\b)) [^\W\d_]+ )* )
        | (?P<mark> \S )
        """,
        re.VERBOSE | re.IGNORECASE,
    )


def _tokens(text: str, start: int, end: int, lexicon: Lexicon) -> Iterator[Token]:
    for match in _pattern(lexicon.language).finditer(text, start, end):
        low = straight(match.group())
        yield Token(match.start(), match.end(), low, _tag(match.lastgroup or "", match.group(), low, lexicon))


def _tag(kind: str, word: str, low: str, lexicon: Lexicon) -> str:
    match kind:
        case "number" | "possessive" | "inverted":
            return _TAGS[kind]
        case "phrase":
            return lexicon.phrases[" ".join(low.split())]
        case "mark":
            return low if low in ",.:;?!()\u2026-" else "*"
    if low in lexicon.domains:
        return "w"
    if low in lexicon.tags:
        return lexicon.tags[low]
    if number_words(low, lexicon):
        return "N"
    adverb = len(low) >= _ADVERB and low.endswith(lexicon.adverb_ending)
    return "C" if word[0].isupper() else "Y" if adverb else "w"


def number_words(low: str, lexicon: Lexicon) -> tuple[str, ...]:
    """The words of a number in words, such as fifty-three; none when any of it is something else."""
    parts = tuple(p for p in low.split("-") if p not in lexicon.number_joins)
    known = bool(parts) and all(p in lexicon.numbers or p in lexicon.scales for p in parts)
    return parts if known else ()


def _collapse(text: str, words: list[Token], quoted: list[Quoted]) -> tuple[list[Token], dict[int, Quoted]]:
    """The words with each quotation as one; its ``low`` is the last character within."""
    found: list[Token] = []
    at = 0
    for each in quoted:
        while at < len(words) and words[at].start < each.start:
            found.append(words[at])
            at += 1
        found.append(Token(each.start, each.end, text[each.last - 1], "Q"))
        while at < len(words) and words[at].start < each.end:
            at += 1
    return found + words[at:], {q.start: q for q in quoted}


def _sentences(words: list[Token]) -> Iterator[tuple[int, int]]:
    tags = "".join(w.tag for w in words)
    first = 0
    for at in range(1, len(words)):
        before = words[at - 1]
        begins = words[at].start > before.end and tags[at] not in "w,;:)"
        ended = tags[at - 1] in ENDS or (tags[at - 1] == "Q" and before.low in ENDS and not _ATTRIBUTED.match(tags, at))
        if (begins and ended) or at - first >= _LONGEST_SENTENCE:
            yield first, at
            first = at
    if words:
        yield first, len(words)


_ATTRIBUTED: Final = re.compile(r"D?[wCOBMJS]{0,6}[AY]{0,3}V|[AY]{1,3}|R[AY]{0,3}V|V")
"""What names the speaker after a quotation that ends as a sentence does: "Why?" the minister asked."""
